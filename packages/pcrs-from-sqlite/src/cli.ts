import { existsSync } from 'node:fs';
import { flag, idItem } from 'pcrs-cli/flags';
import { runSource } from 'pcrs-cli/source';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import type { Start } from 'pcrs-records/kinds';
import { newRunId } from 'pcrs-records/run-id';
import { scopeOfOptions, unionOfScopes } from 'pcrs-records/scope';
import type { HeldRun } from './index.ts';

const flags = {
  name: flag.text({ describe: 'with a folder: read its latest_NAME.db', value: 'NAME' }),
  id: flag.list({ describe: 'only policies with these ids', value: 'ID,…', item: idItem }),
  'posture-status': flag.list({
    describe: 'only postures with these statuses: Failed, Error, …',
    value: 'STATUS,…',
  }),
} as const;

export const tool = defineTool({
  name: 'pcrs-from-sqlite',
  summary: 'writes the records of a database back into the pipe, as a run.',
  pipes: [
    'pcrs-from-sqlite snapshots | pcrs-to-csv --dir csv',
    'pcrs-from-sqlite latest.db | pcrs-to-postgres --prune --database compliance',
    'pcrs-from-sqlite --posture-status Failed latest.db | jq -r \'select(.kind == "posture") | .dns\'',
  ],
  positionals: [
    {
      name: 'DB|DIR',
      describe: 'a database of pcrs-to-sqlite, or a folder with a latest.db',
      required: true,
    },
  ],
  stdin: 'none',
  live: 'unless stdout is piped',
  flags,
  notes: [
    'Writes the last complete run of the database. A part of it (--id, --posture-status) becomes a run of its own.',
    'An incomplete database is written too; its run ends with status 6, and so does this tool.',
    'The file is opened read-only, and nothing is left beside it.',
  ],
  async main(context) {
    const [path] = context.positionals as [string];
    const { id: policies, postureStatus: statuses } = context.flags;
    const { openSource } = await import('./index.ts');
    const { findSnapshot } = await import('pcrs-database/find-snapshot');
    const database = existsSync(path) ? findSnapshot(path, context.flags.name).database : path;
    const source = await openSource(database, {
      policies,
      statuses,
      signal: context.signal,
      log: context.log,
    });
    try {
      await runSource(context, {
        run: source.run && runOf(source.run, context),
        blocks: source.blocks(),
        failure: () =>
          source.incomplete && codedError('PCRS_INCOMPLETE', `${database}: ${source.incomplete}`),
      });
    } finally {
      source.close();
    }
  },
});

/** The run to write; part of a run is a new run. */
function runOf({ session, scope, base, evidence }: HeldRun, { options, tool: stage }: Context) {
  const own = scopeOfOptions(stage, options);
  const isPart = Object.keys(own).length > 0;
  const start: Partial<Start> = {
    scope: unionOfScopes([scope, own]),
    base,
    ...(isPart ? { of: session.runId } : {}),
    ...(evidence === undefined ? {} : { evidence }),
  };
  return { session: isPart ? { ...session, runId: newRunId() } : session, start };
}
