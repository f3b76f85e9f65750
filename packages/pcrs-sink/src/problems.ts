import type { Counts } from 'pcrs-records/kinds';

/** Counted problems of the input, with their words for stderr. */
const words = {
  badLines: 'bad lines skipped',
  withoutKind: 'objects without a kind skipped',
  bareValues: 'values that are not JSON objects skipped',
  invalidUtf8: 'lines with invalid UTF-8, which became U+FFFD',
} as const;

type Problem = keyof typeof words;

/** Counts of what was skipped or changed in a sink's input. */
export class Problems {
  readonly #found = new Map<Problem, { count: number; first: string }>();

  /** Takes  first  details of the first one: its place, or its error */
  count(problem: Problem, first: string): void {
    const known = this.#found.get(problem);
    if (known) known.count += 1;
    else this.#found.set(problem, { count: 1, first });
  }

  /** By name; only those found. */
  counts(): Counts {
    return Object.fromEntries([...this.#found].map(([problem, { count }]) => [problem, count]));
  }

  /** One line for each, for stderr. */
  reports(): string[] {
    return [...this.#found].map(
      ([problem, { count, first }]) => `${words[problem]}: ${count}, the first ${first}`,
    );
  }
}
