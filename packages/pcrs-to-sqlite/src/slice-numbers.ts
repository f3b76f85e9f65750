import type { Records } from './records.ts';
import type { Batch } from './table-writer.ts';

/** Rows corrected or removed in one transaction. */
export const rowsPerTransaction = 10_000;

/**
 * The numbers of slices. A slice record follows its records, so these get the number after the previous slice's; if
 * slices change places, their rows are corrected.
 */
export class SliceNumbers {
  readonly #batch: Batch;
  readonly #records: Records;
  #wrong: { row: ReturnType<Records['takeTouched']>[number]; number: string }[] = [];

  /** Takes  batch  its number is the guess for the next records */
  constructor(batch: Batch, records: Records) {
    this.#batch = batch;
    this.#records = records;
  }

  /** Takes a slice's number, once its records are stored. */
  end(number: unknown): void {
    const rows = this.#records.takeTouched();
    if (!Number.isSafeInteger(number)) return;
    const told = String(number);
    if (told !== this.#batch.number) this.#wrong.push(...rows.map((row) => ({ row, number: told })));
    this.#batch.number = String((number as number) + 1);
  }

  /** Corrects rows with a wrong number, in separate transactions if they are many. */
  async correct(load: { begin(): Promise<void>; commit(): Promise<void> }): Promise<void> {
    for (const { row, number } of this.#wrong.splice(0)) {
      for (let first = row.first; first <= row.last; first += rowsPerTransaction) {
        await load.begin();
        const last = Math.min(row.last, first + rowsPerTransaction - 1);
        row.writer.renumber(first, last, number);
        if (last < row.last) await load.commit();
      }
    }
    await load.begin();
  }
}
