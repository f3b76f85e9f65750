import { flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { connectionConfig } from './connection-config.ts';
import type { LoadOptions } from './index.ts';

const flags = {
  database: flag.text({
    describe: 'load over a connection: a URL without a password, or a name',
    value: 'URL',
  }),
  schema: flag.text({
    describe: 'the schema; one holds one subscription',
    value: 'NAME',
    default: 'pcrs',
    parse: parseSchema,
  }),
  'lock-timeout': flag.integer({
    describe: 'seconds that a lock in the schema is waited for',
    min: 1,
    max: 86_400,
    default: 60,
  }),
  prune: flag.boolean({
    describe: 'remove rows that a complete run of everything did not name',
    env: 'none',
  }),
  'allow-older': flag.boolean({
    describe: 'take a run that is older than the newest in the schema',
    env: 'none',
  }),
  unknown: flag.choice(['keep', 'fail'], {
    describe: 'members that no column takes: give them one, or fail',
    default: 'keep',
  }),
  'skip-bad': flag.boolean({ describe: 'count and skip bad lines' }),
  'require-run': flag.boolean({ describe: 'status 6 for a stream without a run' }),
  strict: flag.boolean({ describe: 'status 6 if a filter took records out of the run' }),
  'allow-empty': flag.boolean({ describe: 'status 0 when no record came' }),
} as const;

/** A schema name that needs no quotes in PostgreSQL. */
function parseSchema(text: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(text) && !text.startsWith('pg_')) return text;
  throw new Error('must be small letters, digits and underscores, at most 63');
}

export const tool = defineTool({
  name: 'pcrs-to-postgres',
  summary: 'loads records into PostgreSQL: a script for psql, or over a connection.',
  pipes: [
    'set -o pipefail; pcrs-from-sqlite latest.db | pcrs-to-postgres | psql -v ON_ERROR_STOP=1 compliance',
    'pcrs-from-sqlite latest.db | pcrs-to-postgres --database postgres://loader@db.example/compliance',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-postgres --schema pcrs_eu | psql compliance',
  ],
  stdin: 'required',
  live: 'unless stdin is piped',
  flags,
  notes: [
    'Without --database a script goes to stdout. With it the load is made over a connection, and one record of kind loaded is written. What it does not say comes from PGHOST, PGUSER, PGSERVICE and their like (--database - takes all from there), passwords from PGPASSFILE, ~/.pgpass or PGPASSWORD.',
    'Everything happens in one transaction, once the stream is judged: a run that is cut or not complete, or a script that is cut anywhere, changes nothing.',
  ],
  async main(context) {
    const { database } = context.flags;
    const { toPostgres, toScript } = await import('./index.ts');
    if (database === undefined) {
      await toScript(context.stdin, (bytes) => context.output.write(bytes), loadOptions(context));
      return;
    }
    const config = connectionConfig(database, context.env);
    try {
      await context.output.record(await toPostgres(config, context.stdin, loadOptions(context)));
    } catch (error) {
      const { loaded } = error as { loaded?: object };
      if (loaded) await context.output.record(loaded);
      throw error;
    }
  },
});

function loadOptions({ flags: given, log, progress, signal }: Context<typeof flags>): LoadOptions {
  const { allowEmpty, allowOlder, lockTimeout, prune, requireRun, schema, skipBad, strict, unknown } = given;
  const demands = { allowEmpty, requireRun, strict };
  return {
    ...demands,
    schema,
    allowOlder,
    prune,
    skipBad,
    lockTimeoutMs: lockTimeout * 1000,
    refuseUnknown: unknown === 'fail',
    log,
    progress,
    signal,
  };
}
