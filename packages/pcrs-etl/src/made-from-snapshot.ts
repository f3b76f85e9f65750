import { part } from './parts.ts';
import type { PipePart } from './pipe.ts';
import type { Series } from './series.ts';

/** What pcrs-etl makes from a snapshot once it is complete. */
export interface Product {
  /** The flag that asks for it. */
  readonly flag: 'csv';
  /** For messages: `the CSV files`. */
  readonly what: string;
  /** Where it goes; the `latest` link of this ending leads there. */
  readonly path: (series: Series, stamp: string) => string;
  readonly link: string;
  /** The pipe that makes it. Its last record tells what was written: with `files`, so that `--keep` knows them. */
  readonly parts: (snapshot: string, path: string, given: ReadonlyMap<string, unknown>) => PipePart[];
}

/** Each is made from the complete snapshot, so that it is a full picture after a delta too. */
export const products: readonly Product[] = [
  {
    flag: 'csv',
    what: 'the CSV files',
    path: (series, stamp) => series.beside('csv', stamp),
    link: '_csv',
    parts: (snapshot, path, given) => [
      part('pcrs-from-sqlite', given, snapshot),
      part('pcrs-to-csv', given, '--dir', path),
    ],
  },
];
