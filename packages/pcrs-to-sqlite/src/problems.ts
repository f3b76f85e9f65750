import { counted } from 'pcrs-records/counted';
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
        `skipped ${counted(count, 'record')} of kind ${kind}, which has no table; the first is stdin:${firstLine}`,
      );
    }
    for (const { table, counts: rows } of writers) {
      if (rows.differing === 0) continue;
      lines.push(
        `${table.name}: ${counted(rows.differing, 'record')} with the key of an earlier one but other values; the last one counts`,
      );
    }
    if (policyErrors > 0) lines.push(`${counted(policyErrors, 'hostids record')} with an error`);
    const { loneSurrogates, nulCharacters } = counts;
    if (loneSurrogates > 0)
      lines.push(`${counted(loneSurrogates, 'text')} with half a surrogate pair, replaced by U+FFFD`);
    if (nulCharacters > 0)
      lines.push(`${counted(nulCharacters, 'text')} with NUL, at which SQLite's length() stops counting`);
    return lines;
  }

  #unknown(tables: object) {
    return [...this.#reader.kinds].filter(([kind]) => !control.has(kind) && !Object.hasOwn(tables, kind));
  }
}
