import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Bytes per record in a database. */
export interface Sizes {
  ours: number;
  /** The same rows in one table without keys, with the control's texts in each row, as QualysETL stores them. */
  flat: number;
}

/** Loads the whole input, and stores it again in the flat form. */
export function sizes(ndjson: string, records: number, folder: string, env: NodeJS.ProcessEnv): Sizes {
  const [ours, flat] = [join(folder, 'ours.db'), join(folder, 'flat.db')];
  const script = 'pcrs-to-sqlite "$1" < "$2" > /dev/null';
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', ours, ndjson], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the load ended ${status}: ${stderr}`);
  const Database = createRequire(new URL('../packages/pcrs-to-sqlite/package.json', import.meta.url))(
    'better-sqlite3',
  );
  const db = new Database(flat);
  db.exec(`ATTACH '${ours.replaceAll("'", "''")}' AS source`);
  db.exec(readFileSync(fileURLToPath(new URL('peers/qualysetl-flat.sql', import.meta.url)), 'utf8'));
  db.close();
  return { ours: statSync(ours).size / records, flat: statSync(flat).size / records };
}
