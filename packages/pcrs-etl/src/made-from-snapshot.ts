import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openHistoryForReading } from 'pcrs-database/history-layout';
import { stampOf, stampsIn } from 'pcrs-database/snapshot-names';
import { part } from './parts.ts';
import type { PipePart } from './pipe.ts';
import type { Series } from './series.ts';

/** What a product is made from. */
export interface Making {
  readonly series: Series;
  /** Of the run. */
  readonly stamp: string;
  /** The complete snapshot. */
  readonly snapshot: string;
  /** What is made: what comes later may use it. */
  readonly make: ReadonlySet<string>;
  /** The flags set for pcrs-etl alone, by name. */
  readonly given: ReadonlyMap<string, unknown>;
}

/** What pcrs-etl makes from a snapshot once it is complete. */
export interface Product {
  /** The flag that asks for it. */
  readonly flag: 'csv' | 'history' | 'report';
  /** For messages: `the CSV files are`. */
  readonly what: string;
  /** Where it goes. */
  readonly path: (series: Series, stamp: string) => string;
  /** The `latest` link of this ending leads there; none for what there is once. */
  readonly link?: string;
  /** A single file: its tool writes no record that names it. */
  readonly isFile?: boolean;
  /** The pipes that make it, one after another. Records with `files` tell `--keep` what was written. */
  readonly pipes: (making: Making, path: string) => PipePart[][] | Promise<PipePart[][]>;
}

/** Each is made from the complete snapshot, so that it is a full picture after a delta too. */
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

/** Stamps of the complete snapshots that are newer than the newest run of a history, the oldest first. */
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
