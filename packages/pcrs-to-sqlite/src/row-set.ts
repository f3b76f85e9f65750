/** A set of row numbers as a bitmap: one bit per row, ten million rows in 1.25 MB. */
export class RowSet {
  #bits = new Uint32Array(1024);
  size = 0;

  /** Adds a row number; whether it was new. */
  add(row: number): boolean {
    const word = Math.floor(row / 32);
    if (word >= this.#bits.length) this.#grow(word);
    const bit = 1 << (row % 32);
    const known = this.#bits[word] as number;
    if ((known & bit) !== 0) return false;
    this.#bits[word] = known | bit;
    this.size += 1;
    return true;
  }

  has(row: number): boolean {
    return ((this.#bits[Math.floor(row / 32)] ?? 0) & (1 << (row % 32))) !== 0;
  }

  #grow(word: number): void {
    const larger = new Uint32Array(Math.max(word + 1, this.#bits.length * 2));
    larger.set(this.#bits);
    this.#bits = larger;
  }
}

/** Most ranges kept: they are for one slice, whose rows are mostly consecutive. */
const keptRanges = 100_000;

/** Row numbers in order of arrival, as ranges: consecutive rows take no memory. */
export class RowRanges {
  #ranges: [first: number, last: number][] = [];

  add(row: number): void {
    const latest = this.#ranges.at(-1);
    if (latest && row === latest[1] + 1) latest[1] = row;
    else if (latest && row >= latest[0] && row <= latest[1]) return;
    else if (this.#ranges.length < keptRanges) this.#ranges.push([row, row]);
  }

  /** The ranges so far; forgets them. */
  take(): [first: number, last: number][] {
    const ranges = this.#ranges;
    this.#ranges = [];
    return ranges;
  }
}
