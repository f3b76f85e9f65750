import { LineSum } from './sums.ts';

/** Records by kind: their number, and the checksum of their lines. */
export class KindSums {
  readonly #kinds = new Map<string, { count: number; sum: LineSum }>();

  /** Takes  sum  of these records' lines, below 2^53 */
  add(kind: string, count: number, sum: number): void {
    let known = this.#kinds.get(kind);
    if (known === undefined) {
      known = { count: 0, sum: new LineSum() };
      this.#kinds.set(kind, known);
    }
    known.count += count;
    known.sum.addSum(sum);
  }

  addAll(others: KindSums): void {
    for (const [kind, { count, sum }] of others.#kinds) this.add(kind, count, sum.value);
  }

  get kinds(): Iterable<string> {
    return this.#kinds.keys();
  }

  count(kind: string): number {
    return this.#kinds.get(kind)?.count ?? 0;
  }

  sum(kind: string): number {
    return this.#kinds.get(kind)?.sum.value ?? 0;
  }

  /** Records of all kinds. */
  get total(): number {
    return [...this.#kinds.values()].reduce((total, { count }) => total + count, 0);
  }

  /** By kind, for the `out` of an end record. */
  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#kinds].map(([kind, { count }]) => [kind, count]));
  }

  /** By kind, for the `sums` of an end record. */
  get sums(): Record<string, string> {
    return Object.fromEntries([...this.#kinds].map(([kind, { sum }]) => [kind, sum.text]));
  }
}
