import { postureTable } from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import type { ReadDatabase } from './open.ts';

/**
 * Written into the file, so that a later version can recognise an older layout; 2 added `CloudMetaData` and the
 * indexes.
 */
export const layoutVersion = 2;

/**
 * Checks that a database is from pcrs-to-sqlite, with the tables and keys that readers need.
 *
 * Takes   name  the database's name in SQL: `main`, or the name it was attached under
 *         path  for messages
 * Throws  PCRS_RECORD for another kind of database; PCRS_USAGE for a later layout
 */
export async function checkLayout({ db, read }: ReadDatabase, path: string, name = 'main'): Promise<void> {
  const version = await read(() => db.pragma(`${name}.user_version`, { simple: true }) as number);
  if (version > layoutVersion) {
    throw codedError('PCRS_USAGE', `${path} was made by a newer pcrs-to-sqlite; update`);
  }
  const table = postureTable.name;
  const columns = await read(
    () => db.pragma(`${name}.table_info(${table})`) as { name: string; pk: number }[],
  );
  const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  // Since layout 2 the key is an index, which a load makes at its end.
  const isKeyless = version >= 2 && key.length === 0;
  const lacks =
    columns.length === 0
      ? `it has no ${table}`
      : isKeyless || key.map((column) => column.name).join() === postureTable.key.join()
        ? undefined
        : `its ${table} has another key`;
  if (lacks === undefined) return;
  throw codedError(
    'PCRS_RECORD',
    `${path} is not a database of pcrs-to-sqlite: ${lacks}; pcrs-to-sqlite makes one`,
  );
}
