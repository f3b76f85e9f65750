import { postureTable } from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import type { ReadDatabase } from './open.ts';

/** Written into the file, so that a later layout can tell an earlier one. */
export const layoutVersion = 2;

/**
 * Whether a database is of pcrs-to-sqlite, with the tables and keys that its readers count on.
 *
 * Takes   name  of the database in SQL: `main`, or what it was attached as
 *         path  for messages
 * Throws  PCRS_RECORD for a database of another make; PCRS_USAGE for one of a later layout
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
  // From layout 2 on the key is an index, which a load that is under way makes at its end.
  const isKeyless = version >= 2 && key.length === 0;
  const lacks =
    columns.length === 0
      ? `there is no ${table}`
      : isKeyless || key.map((column) => column.name).join() === postureTable.key.join()
        ? undefined
        : `its ${table} has another key`;
  if (lacks === undefined) return;
  throw codedError('PCRS_RECORD', `${path} is no database of pcrs-to-sqlite: ${lacks}; load one with that`);
}
