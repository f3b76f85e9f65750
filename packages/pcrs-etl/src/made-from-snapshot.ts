import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openHistoryForReading } from 'pcrs-database/history-layout';
import { stampsIn } from 'pcrs-database/snapshot-names';
import { stampOf } from 'pcrs-records/moments';
import { part } from './parts.ts';
import type { PipePart } from './pipe.ts';
import type { Series } from './series.ts';

/** What a product needs. */
interface Making {
  readonly series: Series;
  /** The run's stamp. */
  readonly stamp: string;
  /** The complete snapshot. */
  readonly snapshot: string;
  /** Flags of the requested products; a later product may use an earlier one. */
  readonly make: ReadonlySet<string>;
  /** Flags set for pcrs-etl alone, by name. */
  readonly given: ReadonlyMap<string, unknown>;
}

/** A product that pcrs-etl makes from a complete snapshot. */
export interface Product {
  /** The flag that requests it. */
  readonly flag: 'csv' | 'history' | 'report';
  /** For messages: `the CSV files are`. */
  readonly what: string;
  /** Its path. */
  readonly path: (series: Series, stamp: string) => string;
  /** Ending of the `latest` link to it; none if there is only one such file. */
  readonly link?: string;
  /** A single file, which its tool does not record. */
  readonly isFile?: boolean;
  /** The pipes that make it, one after another. Records with `files` list what was written, for `--keep`. */
  readonly pipes: (making: Making, path: string) => PipePart[][] | Promise<PipePart[][]>;
}

/** Each is made from the complete snapshot, so it is a full picture even after a delta. */
export const products: readonly Product[] = [
  {
    flag: 'csv',
    what: 'the CSV files are',
    path: (series, stamp) => series.beside('csv', stamp),
    link: '_csv',
    pipes: ({ given, snapshot }, path) => [
      [part('pcrs-from-sqlite', given, snapshot), part('pcrs-to-csv', given, '--dir', path)],
    ],
  },
  {
    flag: 'history',
    what: 'the history is',
    path: (series) => series.history,
    pipes: async ({ given, series, stamp }, path) => {
      const stamps = await missingIn(path, series);
      return [...new Set([...stamps, stamp])].map((one) => [
        part('pcrs-from-sqlite', given, series.snapshot(one)),
        part('pcrs-to-history', given, path),
      ]);
    },
  },
  {
    flag: 'report',
    what: 'the report is',
    path: (series, stamp) => join(series.beside('report', stamp), 'report.html'),
    link: '_report.html',
    isFile: true,
    pipes: ({ given, make, series, snapshot }, path) => {
      const evidence = given.has('evidence') ? ['--evidence'] : [];
      const history = make.has('history') ? ['--history', series.history] : [];
      return [[part('pcrs-report', given, '--output', path, ...evidence, ...history, snapshot)]];
    },
  },
];

/** Stamps of complete snapshots newer than a history's newest run, oldest first. */
async function missingIn(history: string, { out, name }: Series): Promise<string[]> {
  const newest = existsSync(history) ? await newestIn(history) : '';
  return stampsIn(readdirSync(out), name)
    .filter((stamp) => stamp > newest)
    .reverse();
}

async function newestIn(history: string): Promise<string> {
  const database = await openHistoryForReading(history);
  try {
    const newest = database.db.prepare('SELECT max(startedAt) FROM runs').pluck().get();
    return typeof newest === 'string' ? stampOf(newest) : '';
  } finally {
    database.close();
  }
}
