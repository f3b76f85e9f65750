import type { Database, Statement } from 'better-sqlite3';
import type { Bound } from './values.ts';

/** The columns that are held are chosen anew after so many rows, the first time sooner. */
const rowsPerChoice = 512;
const rowsBeforeFirstChoice = 64;
/** A column may change so often among these rows and still be held; fewer times where columns change each on their own. */
const mostChanges = 16;
/** So many changes of the held row among these rows are too many. */
const mostSettlings = 48;

/**
 * Values that most rows have in common, held in a row of a temporary table from which SQLite takes them itself.
 *
 * Handing a value to SQLite costs more than storing it, and most of a posture's values (the host's, the policy's)
 * are those of the posture before. So the columns that rarely change are written to the held row when they do,
 * and rows are inserted by a SELECT from it. Which columns those are follows from the rows themselves.
 */
export class HeldValues {
  /** Raised when other columns are held: statements must be prepared anew. */
  version = 0;
  /** The table in `temp`; its column n is `c` and n. */
  readonly table: string;
  readonly #db: Database;
  readonly #values: (Bound | undefined)[];
  readonly #changes: Uint16Array;
  readonly #isHeld: boolean[];
  #held: number[];
  #put: Statement | undefined;
  #differs = true;
  #rowsToChoice = rowsBeforeFirstChoice;
  #settlings = 0;
  #limit = mostChanges;

  /** Takes  held  the columns that are held from the first row on */
  constructor(db: Database, name: string, columns: number, held: readonly number[]) {
    this.#db = db;
    this.table = `held_${name}`;
    this.#values = new Array(columns).fill(undefined);
    this.#changes = new Uint16Array(columns);
    this.#held = [...held];
    this.#isHeld = this.#values.map((_, column) => held.includes(column));
    const names = this.#values.map((_, column) => `c${column}`);
    db.exec(`CREATE TEMP TABLE ${this.table} (${names.join(', ')})`);
    db.exec(`INSERT INTO temp.${this.table} (c0) VALUES (NULL)`);
  }

  isHeld(column: number): boolean {
    return this.#isHeld[column] === true;
  }

  /** Takes note of a row's value. */
  note(column: number, value: Bound): void {
    if (this.#values[column] === value) return;
    this.#values[column] = value;
    this.#changes[column] = (this.#changes[column] as number) + 1;
    if (this.#isHeld[column]) this.#differs = true;
  }

  /**
   * Once all values of a row are noted: makes the held row right for it.
   *
   * Takes  before  called before anything of the rows before is changed
   */
  settle(before: () => void): void {
    this.#rowsToChoice -= 1;
    if (this.#rowsToChoice === 0) this.#choose(before);
    if (!this.#differs) return;
    before();
    this.#put ??= this.#db.prepare(
      `UPDATE temp.${this.table} SET ${this.#held.map((column) => `c${column} = ?`).join(', ')}`,
    );
    this.#settlings += 1;
    this.#put.run(this.#held.map((column) => this.#values[column] as Bound));
    this.#differs = false;
  }

  /** Holds the columns that rarely change. */
  #choose(before: () => void): void {
    if (this.#settlings > mostSettlings) this.#limit = Math.max(1, this.#limit / 2);
    else if (this.#settlings < mostSettlings / 4) this.#limit = Math.min(mostChanges, this.#limit * 2);
    this.#settlings = 0;
    const held = [...this.#values.keys()].filter(
      (column) => this.#values[column] !== undefined && (this.#changes[column] as number) <= this.#limit,
    );
    this.#changes.fill(0);
    this.#rowsToChoice = rowsPerChoice;
    if (held.length === this.#held.length && held.every((column) => this.#isHeld[column])) return;
    before();
    this.#held = held;
    for (const column of this.#isHeld.keys()) this.#isHeld[column] = held.includes(column);
    this.#put = undefined;
    this.#differs = true;
    this.version += 1;
  }
}
