import { appendFileSync, writeFileSync } from 'node:fs';
import { flag, groupReadableFlag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import type { Loaded, Target } from './index.ts';

const flags = {
  snapshot: flag.text({ describe: 'a file of this run alone, in this directory', value: 'DIR' }),
  name: flag.text({ describe: 'put into the names of snapshots', value: 'NAME', parse: parseName }),
  from: flag.text({ describe: 'with --snapshot: start as a copy of this complete snapshot', value: 'DB' }),
  'run-records': flag.text({
    describe: "write the run's session, start and end records there too",
    value: 'FILE',
  }),
  rescope: flag.boolean({
    describe: 'with --snapshot: let latest.db hold another scope than before',
    env: 'none',
  }),
  'allow-older': flag.boolean({
    describe: 'load a run that is older than one there; let latest.db go back',
    env: 'none',
  }),
  'max-shrink': flag.integer({
    describe: 'with --snapshot: status 8 for a run that is smaller by more',
    value: 'PERCENT',
    min: 0,
    max: 100,
  }),
  'accept-shrink': flag.boolean({
    describe: 'with --snapshot: publish the run whatever --max-shrink says',
    env: 'none',
  }),
  prune: flag.boolean({
    describe: 'remove rows that a complete, full run of the one scope there did not name',
    env: 'none',
  }),
  unknown: flag.choice(['keep', 'fail'], {
    describe: 'members that no column takes: give them one, or fail',
    default: 'keep',
  }),
  'skip-bad': flag.boolean({ describe: 'count and pass over bad lines' }),
  'require-run': flag.boolean({ describe: 'status 6 for a stream without a run' }),
  'group-readable': groupReadableFlag(),
  strict: flag.boolean({ describe: 'status 6 where a filter took records out of the run' }),
  'allow-empty': flag.boolean({ describe: 'status 0 when no record came' }),
} as const;

function parseName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) {
    throw new Error('must be letters, digits, dots, dashes and underscores');
  }
  return text;
}

export const tool = defineTool({
  name: 'pcrs-to-sqlite',
  summary: 'loads records into SQLite: five tables with keys, and a verdict on the run.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot snapshots',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    'pcrs-to-sqlite posture.db < posture.ndjson',
  ],
  positionals: [{ name: 'DB', describe: 'the database file, made where it is missing (or --snapshot DIR)' }],
  stdin: 'required',
  live: 'unless stdin is piped',
  flags,
  notes: [
    'Loading the same records again changes nothing: known keys are updated only where a value changes.',
    'A run that is not complete ends with status 6 and names the first stage that failed; what came stays, and q_pcrs_status says so.',
  ],
  async main(context) {
    const { allowEmpty, allowOlder, groupReadable, prune, requireRun, skipBad, strict, unknown } =
      context.flags;
    const demands = { allowEmpty, allowOlder, groupReadable, prune, requireRun, skipBad, strict, unknown };
    const options = {
      ...demands,
      heldLock: context.env['PCRS_HELD_LOCK'],
      lockLease: context.env['PCRS_LOCK_LEASE'],
      ...(await runRecords(context)),
    };
    const { log, progress, signal } = context;
    try {
      const { toSqlite } = await import('./index.ts');
      const loaded = await toSqlite(target(context), context.stdin, { ...options, log, progress, signal });
      await context.output.record(loaded);
    } catch (error) {
      const { loaded } = error as { loaded?: Loaded };
      if (loaded) await context.output.record(loaded);
      throw error;
    }
  },
});

/** Writes the run's control records to a separate file: a few lines that an auditor can keep. */
async function runRecords({ flags: { groupReadable, runRecords: file } }: Context<typeof flags>) {
  if (file === undefined) return {};
  const { fileMode, letGroupRead } = await import('pcrs-machine/modes');
  if (groupReadable) letGroupRead();
  writeFileSync(file, '', { mode: fileMode() });
  return { onControl: (record: object) => appendFileSync(file, `${JSON.stringify(record)}\n`) };
}

function target(context: Context<typeof flags>): Target {
  const [path] = context.positionals;
  const { from, name, prune, snapshot, rescope, allowOlder, maxShrink, acceptShrink } = context.flags;
  if ((path === undefined) === (snapshot === undefined)) {
    throw codedError('PCRS_USAGE', 'give a database file or --snapshot DIR, one of the two');
  }
  if (path !== undefined && name !== undefined) {
    throw codedError('PCRS_USAGE', '--name goes with --snapshot; a database file has its own name');
  }
  if (path !== undefined && from !== undefined) {
    throw codedError('PCRS_USAGE', '--from goes with --snapshot; a database file is loaded into as it is');
  }
  if (path === undefined && prune) {
    throw codedError('PCRS_USAGE', '--prune goes with a database file; a snapshot holds its own run only');
  }
  const rules = { rescope, allowOlder, maxShrink, acceptShrink };
  return path ?? { snapshot: snapshot as string, name, from, ...rules };
}
