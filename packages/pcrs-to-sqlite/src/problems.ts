import type { Counts } from 'pcrs-records/kinds';
import type { Records } from './records.ts';

/** What is counted of the input besides its records, with the words for stderr. */
const inputProblems = {
  badLines: 'bad lines passed over',
  withoutKind: 'objects without a kind passed over',
  unknownKinds: 'records of kinds that have no table passed over',
  bareValues: 'values that are no JSON object passed over',
  invalidUtf8: 'blocks in which bytes that are not UTF-8 became U+FFFD',
} as const;

type InputProblem = keyof typeof inputProblems;

/** Problems of a load that do not end it: counted, told on stderr, kept in `loaded` and `q_pcrs_status`. */
export class Problems {
  readonly #found = new Map<InputProblem, { count: number; first: string }>();

  /** Takes  first  where it was first, in words */
  count(problem: InputProblem, first: string): void {
    const known = this.#found.get(problem);
    if (known) known.count += 1;
    else this.#found.set(problem, { count: 1, first });
  }

  /** By name; only those that there were. */
  counts({ counts, writers, policyErrors }: Records): Counts {
    const all: Counts = {
      ...Object.fromEntries([...this.#found].map(([problem, { count }]) => [problem, count])),
      differingDuplicates: writers.reduce((sum, writer) => sum + writer.counts.differing, 0),
      policyErrors,
      ...counts,
    };
    return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
  }

  /** A line for each, for stderr. */
  reports({ counts, writers, policyErrors }: Records): string[] {
    const lines = [...this.#found].map(
      ([problem, { count, first }]) => `${inputProblems[problem]}: ${count}, the first ${first}`,
    );
    for (const { table, counts: rows } of writers) {
      if (rows.differing === 0) continue;
      lines.push(
        `${table.name}: ${rows.differing} records differ from one of the same key before them; the last one stands`,
      );
    }
    if (policyErrors > 0) lines.push(`hostids records with an error: ${policyErrors}`);
    const { loneSurrogates, nulCharacters } = counts;
    if (loneSurrogates > 0) lines.push(`texts with half a surrogate pair, now U+FFFD: ${loneSurrogates}`);
    if (nulCharacters > 0) lines.push(`texts that hold NUL, where SQLite's length() ends: ${nulCharacters}`);
    return lines;
  }
}
