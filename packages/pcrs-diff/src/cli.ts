import { flag, idItem } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { counted } from 'pcrs-records/counted';
import { checkDuration, durationMs } from 'pcrs-records/duration';
import { codedError } from 'pcrs-records/errors';
import { terminalLines } from 'pcrs-records/terminal-text';
import { type ChangeWord, changeWords, meanings } from './change-words.ts';
import type { Diff } from './index.ts';
import type { Cursor, Which } from './which.ts';

const flags = {
  since: flag.text({
    describe: 'DIR: compare the newest run with the one closest to AGE before it: 36h, 7d',
    value: 'AGE',
    parse: checkDuration,
  }),
  cursor: flag.text({
    describe: 'DIR: compare the newest run with the one named in FILE; writes FILE.next',
    value: 'FILE',
  }),
  name: flag.text({ describe: 'name of the snapshots in DIR', value: 'NAME' }),
  change: flag.list({ describe: `only changes of these kinds: ${changeWords.join(', ')}`, item: parseWord }),
  policy: flag.list({ describe: 'only policies with these ids', value: 'ID,…', item: idItem }),
  criticality: flag.list({ describe: 'only controls with these criticality labels', value: 'LABEL,…' }),
  summary: flag.boolean({
    describe: 'print a summary instead of the changes: a table, or a record if piped',
  }),
  top: flag.integer({
    describe: 'list at most N policies, hosts and controls in a summary',
    ...{ min: 0, max: 100_000, default: 5 },
  }),
  'exit-code': flag.boolean({
    describe: 'status 8 if there are new failures, including those of new postures',
  }),
  strict: flag.boolean({ describe: 'status 6 if a database is not proven complete' }),
} as const;

function parseWord(text: string): ChangeWord {
  const found = changeWords.find((word) => word === text.toLowerCase().replace(/[- ]/g, '_'));
  if (found === undefined) throw new Error(`must be one of ${changeWords.join(', ')}`);
  return found;
}

export const tool = defineTool({
  name: 'pcrs-diff',
  summary: 'lists what changed between two databases, and why the pass rate did.',
  pipes: [
    'pcrs-diff --summary yesterday.db latest.db',
    'pcrs-diff --change newly_failed old.db new.db | jq -r \'select(.kind == "change") | [.dns, .controlId] | @tsv\'',
    'pcrs-diff --cursor sent.json snapshots | pcrs-to-csv --kind change > changes.csv && mv sent.json.next sent.json',
  ],
  positionals: [
    { name: 'OLD|DIR', describe: 'a database of pcrs-to-sqlite, or a folder of snapshots', required: true },
    { name: 'NEW', describe: 'a later database of the same subscription' },
  ],
  stdin: 'none',
  live: 'unless stdout is piped',
  flags,
  notes: [
    `Changes:\n${changeWords.map((word) => `  ${word.padEnd(17)}${meanings[word]}`).join('\n')}`,
    'A posture is (policyId, hostId, controlId, technologyId, instance); the gateway may give the same posture a new id. Only the status is compared, ignoring case: new evidence or dates are not a change. Each change carries the whole newer record as posture.',
    'If both databases hold runs, the changes form a run of their own. The pass rate is (Passed + PassedE) / (Passed + PassedE + Failed); the parts listed add up to its change.',
  ],
  async main(context) {
    checkFlags(context);
    const { change: changes, policy: policies, criticality, strict, summary, top } = context.flags;
    const { log, progress, signal } = context;
    const which = await whichOf(context);
    const { openDiff } = await import('./index.ts');
    if (which.old === undefined)
      log.info(`${context.flags.cursor} does not exist yet: changes are listed from ${which.new} on`);
    const options = { changes, policies, criticality, strict, log, progress, signal };
    const diff = await openDiff(which.old ?? which.new, which.new, options);
    try {
      if (summary) await writeSummary(context, diff);
      else await writeChanges(context, diff);
      // On a terminal the table says it.
      if (!(summary && context.stdoutIsTerminal)) for (const line of diff.summaryLines(top)) log.note(line);
      await writeCursor(context, diff);
      if (context.flags.exitCode) failIfWorse(diff);
    } finally {
      diff.close();
    }
  },
});

type DiffContext = Context<typeof flags>;

function checkFlags({ flags: given, positionals }: DiffContext): void {
  const { since, cursor, name, exitCode, change } = given;
  if (since !== undefined && cursor !== undefined)
    throw codedError('PCRS_USAGE', '--since and --cursor both name the older run; give only one');
  const isFolder = since !== undefined || cursor !== undefined;
  if (isFolder && positionals.length > 1)
    throw codedError('PCRS_USAGE', `${since ? '--since' : '--cursor'} needs one folder, got two paths`);
  if (!isFolder && positionals.length < 2)
    throw codedError('PCRS_USAGE', 'give two databases, or a folder with --since or --cursor');
  if (!isFolder && name !== undefined)
    throw codedError('PCRS_USAGE', '--name works only with a folder; a database file has its own name');
  const needed = ['newly_failed', 'appeared'] as const;
  const left = exitCode && change && needed.find((word) => !change.includes(word));
  if (left) throw codedError('PCRS_USAGE', `--exit-code also checks ${left}, which --change excludes`);
}

async function whichOf({ flags: { since, cursor, name }, positionals, signal }: DiffContext): Promise<Which> {
  const [first, second] = positionals as [string, string?];
  const { cursorIn, sinceIn } = await import('./which.ts');
  if (since !== undefined) return sinceIn(first, name, durationMs(since));
  if (cursor !== undefined) return cursorIn(first, name, cursor, signal);
  return { old: first, new: second! };
}

async function writeSummary(
  { flags: { top }, output, stdoutIsTerminal }: DiffContext,
  diff: Diff,
): Promise<void> {
  for await (const _ of diff.lines());
  if (!stdoutIsTerminal) return await output.write(`${JSON.stringify(diff.summary(top))}\n`);
  await output.write(terminalLines(`${diff.summaryTable(top)}\n`));
  if (diff.newFailures === 0) await output.verdict('good', 'ok: no new failures');
  else await output.verdict('bad', counted(diff.newFailures, 'new failure'));
}

/** Writes a run if both databases have one. */
async function writeChanges(context: DiffContext, diff: Diff): Promise<void> {
  const [{ runSource }, { newRunId }] = await Promise.all([
    import('pcrs-cli/source'),
    import('pcrs-records/run-id'),
  ]);
  const [old, fresh] = [diff.old.status.run, diff.new.status.run];
  const session = fresh?.startedAt && {
    ...{ kind: 'session' as const, runId: newRunId() },
    ...{ gateway: fresh.gateway ?? '', username: fresh.username },
    ...{ tokenFile: null, expiresAt: null, startedAt: fresh.startedAt },
  };
  const { scope, subscriptionId } = diff.new.status;
  const about = { scope: scope?.flags ?? {}, subscriptionId };
  const run =
    session && old ? { session, start: { ...about, of: fresh.runId, since: old.runId } } : undefined;
  await runSource(context, { run, blocks: bytesOf(diff), failure: () => undefined });
}

function* bytesOf(diff: Diff) {
  for (const { kind, lines, count } of diff.blocks()) yield { kind, count, lines: Buffer.from(lines) };
}

/** Writes the next cursor; the caller renames it once the changes are delivered. */
async function writeCursor({ flags: { cursor } }: DiffContext, diff: Diff): Promise<void> {
  if (cursor === undefined) return;
  const { run } = diff.new.status;
  if (!run?.startedAt)
    throw codedError('PCRS_RECORD', `${diff.new.database} holds no run that a cursor could name`);
  const next: Cursor = { runId: run.runId, startedAt: run.startedAt };
  const { replaceFile } = await import('pcrs-machine/file');
  replaceFile(`${cursor}.next`, `${JSON.stringify(next)}\n`);
}

function failIfWorse({ newFailures }: Diff): void {
  if (newFailures === 0) return;
  throw codedError('PCRS_GATE', `${counted(newFailures, 'new failure')} (--exit-code)`);
}
