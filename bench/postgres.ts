import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../test/support/postgres-server.ts';

/** What a contest needs while it runs. */
export interface Stage {
  about: string;
  /** Variables for its commands. */
  variables: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

/**
 * A PostgreSQL server, with libpq's variables for it, and `$PREPARED`: the input as files for psql's `\copy`, with
 * the statements that pcrs-to-postgres has around them. They were loaded once: a new server has files to make.
 */
export async function openPostgres(env: NodeJS.ProcessEnv): Promise<Stage> {
  const server = await startPostgres();
  if (server === undefined) throw new Error('no PostgreSQL on this machine');
  const prepared = mkdtempSync(join(tmpdir(), 'pcrs-bench-postgres-'));
  const PATH = [dirname(server.psql ?? ''), env['PATH']].join(delimiter);
  const variables = { ...env, ...server.env, PATH, PREPARED: prepared };
  const close = async (): Promise<void> => {
    await server.stop();
    rmSync(prepared, { recursive: true, force: true });
  };
  try {
    const split = fileURLToPath(new URL('peers/copy-files.awk', import.meta.url));
    const script = `
      pcrs-to-postgres < "$DATA"/run.ndjson | LC_ALL=C awk -v folder="$PWD" -f ${split} > load.sql
      psql -qX -f load.sql`;
    const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      ...{ cwd: prepared, env: variables, encoding: 'utf8' },
    });
    if (status !== 0) throw new Error(`the rows could not be prepared: ${stderr}`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    about: `PostgreSQL ${server.version}, without fsync; its own memory and CPU are not in the figures.`,
    variables,
    close,
  };
}
