import { controlsTable, postureTable } from 'pcrs-records/columns';
import { ControlTexts } from './control-texts.ts';
import type { Database, Statement } from './open.ts';
import { addNumberText, columnsInFile, onOneLine, rowJson } from './row-json.ts';

/** Posture records as their stage wrote them, one at a time, by row. */
export class StoredPosture {
  readonly #texts: ControlTexts;
  readonly #row: Statement;

  /**
   * Takes  name     the database's name in SQL: `main`, or the name it was attached under
   *        without  members to omit
   */
  constructor(db: Database, name = 'main', without: readonly string[] = []) {
    addNumberText(db);
    const columns = postureTable.columns.filter((column) => !without.includes(column.name));
    const json = rowJson(columns, postureTable, 'p', columnsInFile(db, postureTable, name));
    this.#texts = new ControlTexts(db, name);
    this.#row = db
      .prepare(
        `SELECT ${json}, c.rowid FROM ${name}.${postureTable.name} AS p
         LEFT JOIN ${name}.${controlsTable.name} AS c
           ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = coalesce(p.technologyId, 0)
         WHERE p.rowid = ?`,
      )
      .raw();
  }

  /** The record in a row as JSON, without `kind`. */
  at(rowid: bigint): string {
    const [members, control] = this.#row.get(rowid) as [string, number | null];
    return `{${onOneLine(members)},${this.#texts.of(control)}}`;
  }
}
