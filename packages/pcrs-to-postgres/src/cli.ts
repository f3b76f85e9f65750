import { demandFlags, flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { connectionConfig } from './connection-config.ts';
import type { LoadOptions } from './index.ts';

const flags = {
  database: flag.text({
    describe: 'load over a connection: a URL without a password, or a database name',
    value: 'URL',
  }),
  schema: flag.text({
    describe: 'schema to load into, one per subscription',
    value: 'NAME',
    default: 'pcrs',
    parse: parseSchema,
  }),
  'lock-timeout': flag.integer({
    describe: 'seconds to wait for a lock in the schema',
    min: 1,
    max: 86_400,
    default: 60,
  }),
  prune: flag.boolean({
    describe: 'remove rows that a complete, full run of the same scope did not contain',
    env: 'none',
  }),
  'allow-older': flag.boolean({
    describe: 'load a run that is older than the newest in the schema',
    env: 'none',
  }),
  unknown: flag.choice(['keep', 'fail'], {
    describe: 'unknown members: add a column for each, or fail',
    default: 'keep',
  }),
  ...demandFlags(),
} as const;

/** A schema name that needs no quotes in PostgreSQL. */
function parseSchema(text: string): string {
  if (text.startsWith('pg_')) throw new Error('must not begin with pg_, which PostgreSQL reserves');
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(text)) return text;
  throw new Error('must be at most 63 lower case letters, digits and underscores');
}

export const tool = defineTool({
  name: 'pcrs-to-postgres',
  summary: 'loads records into PostgreSQL: a script for psql, or over a connection.',
  pipes: [
    'pcrs-from-sqlite latest.db | pcrs-to-postgres --prune | psql compliance',
    'pcrs-from-sqlite latest.db | pcrs-to-postgres --prune --database postgres://loader@db.example/compliance',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-postgres --schema pcrs_eu | psql compliance',
  ],
  stdin: 'required',
  live: 'unless stdin is piped',
  flags,
  notes: [
    'Without --database a script goes to stdout. With it the records are loaded over a connection, and stdout gets one record of kind loaded. Whatever the URL omits comes from PGHOST, PGUSER, PGSERVICE and so on (all of it with --database -), passwords from PGPASSFILE, ~/.pgpass or PGPASSWORD.',
    'Everything happens in one transaction, once the run is known to be complete: an incomplete run, or a script that is cut off anywhere, changes nothing.',
    'psql does not notice when the program before it fails: use set -o pipefail in front of a pipe into psql, or --database.',
  ],
  async main(context) {
    const { database } = context.flags;
    const { toPostgres, toScript } = await import('./index.ts');
    if (database === undefined) {
      await toScript(context.lentStdin, (bytes) => context.output.write(bytes), loadOptions(context));
      return;
    }
    const config = connectionConfig(database, context.env);
    try {
      await context.output.record(await toPostgres(config, context.lentStdin, loadOptions(context)));
    } catch (error) {
      const { loaded } = error as { loaded?: object };
      if (loaded) await context.output.record(loaded);
      throw error;
    }
  },
});

function loadOptions({ flags: given, log, progress, signal }: Context<typeof flags>): LoadOptions {
  const { lockTimeout, unknown } = given;
  const values = { lockTimeoutMs: lockTimeout * 1000, refuseUnknown: unknown === 'fail' };
  return { ...given, ...values, log, progress, signal };
}
