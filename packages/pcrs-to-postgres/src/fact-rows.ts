import { createHash } from 'node:crypto';
import { CopyText } from './copy-text.ts';
import { views } from './server/views.ts';
import type { StagedTable } from './staged-table.ts';

/** A table's staging table at the server, and its number of columns. */
export interface Staged {
  readonly stage: string;
  columns: number;
}

/** The target table and column of each staged value. */
export function columnRows(staged: ReadonlyMap<StagedTable, Staged>): Buffer {
  return rows(
    [...staged].flatMap(([table, { stage }]) =>
      table.columns.map(({ came, key, known, name, type, zero }, index) => [
        stage,
        table.table.name,
        `v${index}`,
        name,
        type,
        String(known),
        String(key),
        String(zero),
        String(came),
        String(index),
        `{${table.shapesWithout(index).join()}}`,
      ]),
    ),
  );
}

/** The views as they should be; a hash of each shows whether the schema has the same. */
export function viewRows(): Buffer {
  let number = 0;
  const all = views().map((view) => {
    const version = createHash('sha256').update(JSON.stringify(view)).digest('hex').slice(0, 16);
    return view.columns.map(({ name, sql }) => {
      number += 1;
      return [view.name, String(number), name.toLowerCase(), sql, view.rest, `pcrs ${version}`];
    });
  });
  return rows(all.flat());
}

/** Rows of a temporary table. */
export function rows(values: readonly (readonly (string | null)[])[]): Buffer {
  const text = new CopyText({ nulCharacters: 0, loneSurrogates: 0 });
  for (const row of values) {
    text.beginRow();
    for (const value of row) {
      if (value === null) text.null();
      else text.text(value);
      text.endValue();
    }
    text.endRow();
  }
  return text.take();
}
