import type { RunJudge } from './judge.ts';

/** Received records of a kind. */
export interface Seen {
  count: number;
  firstLine: number;
}

/** Counts records by kind, and reports those of one kind to the judge together. */
export class Tally {
  readonly kinds = new Map<string, Seen>();
  readonly #judge: RunJudge;
  #kind = '';
  #count = 0;
  #sum = 0;

  constructor(judge: RunJudge) {
    this.#judge = judge;
  }

  /** Takes a record, with the sum of its line as received, or of the array's element. */
  took(kind: string, line: number, sum: number): void {
    if (kind !== this.#kind) {
      this.tell();
      this.#kind = kind;
      this.see(kind, 0, line);
    }
    this.#count += 1;
    this.#sum += sum;
  }

  /** Reports everything taken so far to the judge. */
  tell(): void {
    if (this.#count > 0) {
      this.#judge.took(this.#kind, this.#count, this.#sum);
      this.see(this.#kind, this.#count, 0);
    }
    this.#kind = '';
    this.#count = 0;
    this.#sum = 0;
  }

  see(kind: string, count: number, line: number): void {
    const known = this.kinds.get(kind);
    if (known) known.count += count;
    else this.kinds.set(kind, { count, firstLine: line });
  }
}
