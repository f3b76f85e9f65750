import { flag, idItem } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import { type ChangeWord, changeWords, meanings } from './change-words.ts';
import type { Diff } from './index.ts';

const flags = {
  kind: flag.list({ describe: `only these changes: ${changeWords.join(', ')}`, item: parseWord }),
  policy: flag.list({ describe: 'only these policies', value: 'ID,…', item: idItem }),
  criticality: flag.list({ describe: 'only controls of these criticality labels', value: 'LABEL,…' }),
  summary: flag.boolean({ describe: 'one record of kind change-summary instead of the changes' }),
  top: flag.integer({
    describe: 'so many policies, hosts and controls are named in a summary',
    ...{ min: 0, max: 100_000, default: 5 },
  }),
  'exit-code': flag.boolean({ describe: 'status 8 when something newly failed' }),
  strict: flag.boolean({ describe: 'status 6 for a database that is not proven whole' }),
} as const;

function parseWord(text: string): ChangeWord {
  const found = changeWords.find((word) => word === text.toLowerCase().replace(/[- ]/g, '_'));
  if (found === undefined) throw new Error(`must be of ${changeWords.join(', ')}`);
  return found;
}

export const tool = defineTool({
  name: 'pcrs-diff',
  summary: 'tells what changed between two databases: newly failed, fixed, appeared, vanished.',
  pipes: [
    'pcrs-diff yesterday.db latest.db',
    "pcrs-diff --kind newly_failed old.db new.db | jq -r '[.dns, .controlId, .controlStatement] | @tsv'",
    'pcrs-diff --criticality URGENT,CRITICAL old.db new.db | pcrs-to-csv --kind change > changes.csv',
  ],
  positionals: [
    { name: 'OLD', describe: 'a database of pcrs-to-sqlite', required: true },
    { name: 'NEW', describe: 'a later one of the same subscription', required: true },
  ],
  stdin: 'none',
  live: 'unless stdout is piped',
  flags,
  notes: [
    `Changes:\n${changeWords.map((word) => `  ${word.padEnd(16)}${meanings[word]}`).join('\n')}`,
    'A posture is told by its policy, host and id. Only its status is compared, case ignored: new evidence or dates are no change.',
    'With --exit-code the status is 8 when something newly failed and all else went well. Both files are opened for reading alone.',
  ],
  async main(context) {
    const { exitCode, kind, policy, criticality, strict, summary, top } = context.flags;
    if (exitCode && kind !== undefined && !kind.includes('newly_failed')) {
      throw codedError('PCRS_USAGE', '--exit-code looks for newly_failed, which --kind leaves out');
    }
    const { log, progress, signal } = context;
    const [oldPath, newPath] = context.positionals as [string, string];
    const options = { kinds: kind, policies: policy, criticality, strict, log, progress, signal };
    const { openDiff } = await import('./index.ts');
    const diff = await openDiff(oldPath, newPath, options);
    try {
      for await (const lines of diff.lines()) if (!summary) await context.output.write(lines);
      if (summary) await context.output.write(`${JSON.stringify(diff.summary(top))}\n`);
      for (const line of diff.summaryLines(top)) log.note(line);
      if (exitCode) failIfWorse(diff);
    } finally {
      diff.close();
    }
  },
});

function failIfWorse({ counts }: Diff): void {
  const count = counts.newly_failed;
  if (count === 0) return;
  const message = `${count.toLocaleString('en-US')} newly failed (--exit-code)`;
  throw Object.assign(new Error(message), { code: 'PCRS_NEWLY_FAILED', exitStatus: 8 });
}
