import { controlsTable } from 'pcrs-records/columns';
import type { Database, Statement } from './open.ts';
import { columnsInFile, onOneLine, rowJson } from './row-json.ts';

/** Size of each of two caches: recent texts, and the ones before them. */
const keptBytes = 4 * 1024 * 1024;

/** Controls' texts as bytes of a record's members, each made once: hundreds of postures share them. */
export class ControlTexts {
  readonly #statement: Statement;
  readonly #none: Buffer;
  #young = new Map<number, Buffer>();
  #old = new Map<number, Buffer>();
  #bytes = 0;

  /** Takes  name  the database's name in SQL: `main`, or the name it was attached under */
  constructor(db: Database, name = 'main') {
    const columns = controlsTable.columns.filter(({ name }) => !controlsTable.key.includes(name));
    const json = rowJson(columns, controlsTable, 'c', columnsInFile(db, controlsTable, name));
    this.#statement = db
      .prepare(`SELECT ${json} FROM ${name}.${controlsTable.name} AS c WHERE c.rowid = ?`)
      .pluck();
    this.#none = Buffer.from(columns.map(({ name }) => `"${name}":null`).join());
  }

  /** `"policyTitle":"…",…` of the control in this row; all null without one. */
  of(row: number | null): Buffer {
    if (row === null) return this.#none;
    return this.#young.get(row) ?? this.#keep(row, this.#old.get(row) ?? this.#read(row));
  }

  #read(row: number): Buffer {
    return Buffer.from(onOneLine(this.#statement.get(row) as string));
  }

  #keep(row: number, text: Buffer): Buffer {
    this.#young.set(row, text);
    this.#bytes += text.length;
    if (this.#bytes > keptBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    return text;
  }
}
