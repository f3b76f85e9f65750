import type { Counts } from 'pcrs-records/kinds';
import type { SinkReader } from 'pcrs-sink/reader';
import type { Records } from './records.ts';

/** Kinds written by the suite's stages that have no table. */
const control: ReadonlySet<string> = new Set(['session', 'start', 'slice', 'end']);

/** Problems that do not end a load: counted, reported on stderr, stored in `loaded` and `q_pcrs_status`. */
export class Problems {
  readonly #reader: SinkReader;

  constructor(reader: SinkReader) {
    this.#reader = reader;
  }

  /** By name; only those found. */
  counts({ counts, tables, writers, policyErrors }: Records): Counts {
    const all: Counts = {
      ...this.#reader.problems.counts(),
      unknownKinds: this.#unknown(tables).reduce((sum, [, { count }]) => sum + count, 0),
      differingDuplicates: writers.reduce((sum, writer) => sum + writer.counts.differing, 0),
      policyErrors,
      ...counts,
    };
    return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
  }

  /** One line for each, for stderr. */
  reports({ counts, tables, writers, policyErrors }: Records): string[] {
    const lines = this.#reader.problems.reports();
    for (const [kind, { count, firstLine }] of this.#unknown(tables)) {
      lines.push(
        `records of kind ${kind}, which has no table, skipped: ${count}, the first stdin:${firstLine}`,
      );
    }
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

  #unknown(tables: object) {
    return [...this.#reader.kinds].filter(([kind]) => !control.has(kind) && !Object.hasOwn(tables, kind));
  }
}
