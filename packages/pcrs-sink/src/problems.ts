import type { Counts } from 'pcrs-records/kinds';

/** What is counted of the input besides its records, with the words for stderr. */
const words = {
  badLines: 'bad lines skipped',
  withoutKind: 'objects without a kind skipped',
  bareValues: 'values that are not JSON objects skipped',
  invalidUtf8: 'lines in which bytes that are not UTF-8 became U+FFFD',
} as const;

type Problem = keyof typeof words;

/** What was skipped or changed in the input of a sink, counted. */
export class Problems {
  readonly #found = new Map<Problem, { count: number; first: string }>();

  /** Takes  first  what to say of the first one: where it was, or its error */
  count(problem: Problem, first: string): void {
    const known = this.#found.get(problem);
    if (known) known.count += 1;
    else this.#found.set(problem, { count: 1, first });
  }

  /** By name; only those found. */
  counts(): Counts {
    return Object.fromEntries([...this.#found].map(([problem, { count }]) => [problem, count]));
  }

  /** A line for each, for stderr. */
  reports(): string[] {
    return [...this.#found].map(
      ([problem, { count, first }]) => `${words[problem]}: ${count}, the first ${first}`,
    );
  }
}
