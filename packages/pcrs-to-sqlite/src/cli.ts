import { appendFileSync, writeFileSync } from 'node:fs';
import { checkName, flag, groupReadableFlag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import type { Loaded, Target } from './index.ts';

const flags = {
  snapshot: flag.text({ describe: 'directory for a new file with this run only', value: 'DIR' }),
  name: flag.text({ describe: 'name to put into the names of snapshots', value: 'NAME', parse: checkName }),
  from: flag.text({ describe: 'with --snapshot: start from a copy of this complete snapshot', value: 'DB' }),
  'run-records': flag.text({
    describe: "also write the run's session, start and end records to FILE",
    value: 'FILE',
  }),
  rescope: flag.boolean({
    describe: 'with --snapshot: allow latest.db to change to another scope',
    env: 'none',
  }),
  'allow-older': flag.boolean({
    describe: 'load a run that is older than one already there; latest.db may go back',
    env: 'none',
  }),
  'max-shrink': flag.integer({
    describe: 'with --snapshot: status 8 if the run is smaller by more than PERCENT',
    value: 'PERCENT',
    min: 0,
    max: 100,
  }),
  'accept-shrink': flag.boolean({
    describe: 'with --snapshot: publish the run in spite of --max-shrink',
    env: 'none',
  }),
  prune: flag.boolean({
    describe: 'remove rows that a complete, full run of the same scope did not contain',
    env: 'none',
  }),
  unknown: flag.choice(['keep', 'fail'], {
    describe: 'unknown members: add a column for each, or fail',
    default: 'keep',
  }),
  'skip-bad': flag.boolean({ describe: 'skip and count bad lines' }),
  'require-run': flag.boolean({ describe: 'status 6 if the input has no run' }),
  'group-readable': groupReadableFlag(),
  strict: flag.boolean({ describe: 'status 6 if a filter dropped records of the run' }),
  'allow-empty': flag.boolean({ describe: 'status 0 if the input has no records' }),
} as const;

export const tool = defineTool({
  name: 'pcrs-to-sqlite',
  summary: 'loads records into SQLite: five tables with keys, and a verdict on the run.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot snapshots',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    'pcrs-to-sqlite posture.db < posture.ndjson',
  ],
  positionals: [{ name: 'DB', describe: 'the database file, created if missing (or give --snapshot DIR)' }],
  stdin: 'required',
  live: 'unless stdin is piped',
  flags,
  notes: [
    'Loading the same records again changes nothing: a row is updated only if a value differs.',
    'If the run is incomplete, the status is 6 and a message names the first stage that failed; the records stay in the database, and q_pcrs_status says so.',
  ],
  async main(context) {
    const options = {
      ...context.flags,
      heldLock: context.env['PCRS_HELD_LOCK'],
      lockLease: context.env['PCRS_LOCK_LEASE'],
      ...(await runRecords(context)),
    };
    const { log, progress, signal } = context;
    try {
      const { toSqlite } = await import('./index.ts');
      const loaded = await toSqlite(target(context), context.lentStdin, {
        ...options,
        log,
        progress,
        signal,
      });
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
    throw codedError('PCRS_USAGE', 'give either a database file or --snapshot DIR');
  }
  if (path !== undefined && name !== undefined) {
    throw codedError('PCRS_USAGE', '--name works only with --snapshot; a database file has its own name');
  }
  if (path !== undefined && from !== undefined) {
    throw codedError('PCRS_USAGE', '--from works only with --snapshot; a database file is updated in place');
  }
  if (path === undefined && prune) {
    throw codedError(
      'PCRS_USAGE',
      '--prune works only with a database file; a snapshot holds only its own run',
    );
  }
  const rules = { rescope, allowOlder, maxShrink, acceptShrink };
  return path ?? { snapshot: snapshot as string, name, from, ...rules };
}
