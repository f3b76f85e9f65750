import { fileURLToPath } from 'node:url';
import { versionOf } from './found.ts';
import type { Contender } from './measure.ts';
import { type Order, orders } from './orders.ts';

/** Commands that do the same work on the same bytes; the first one is ours. */
export interface Contest {
  title: string;
  /** Each order is a separate contest. */
  orders: readonly Order[];
  /** Limits for ours. */
  own?: { seconds?: number; peakMB?: number };
  /** Limits for ours, as fractions of a peer's figures, by the peer's name. */
  limits?: (order: Order) => Readonly<Record<string, Limit>>;
  contenders: readonly Contender[];
  missing: readonly string[];
}

/** Fractions of a peer's time and CPU. */
export interface Limit {
  time: number;
  cpu?: number;
}

const bench = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const bodies = '"$DATA"/archive/*.json.gz';
/** Bodies over a connection, from a fresh gateway for each run; its start counts for every contender. */
const served = `node ${bench('serve.ts')} "$DATA"/archive > gateway & trap 'kill %1' EXIT; until [ -s gateway ]; do sleep 0.01; done; export PCRS_GATEWAY=$(cat gateway)`;
const live = `grep '^{"kind":"hostids"' "$DATA"/archive/input.ndjson | PCRS_TOKEN=e30.e30.e30 PCRS_RATE=1000/1 pcrs-posture --evidence`;
const replay = 'pcrs-posture --archive "$DATA"/archive --replay';
/** Memory limit of a sink, for any input. */
const flat = { peakMB: 200 };

/** A peer that takes minutes runs in the first order only. */
type Row = readonly [there: boolean, name: string, command: string, isSlow?: 'slow'];

/** Every contest, with the peers on this machine. */
export async function contests(): Promise<Contest[]> {
  // By a variable: type checking must not need the package.
  const optional = '@duckdb/node-api';
  const duckdb = await import(optional).then(
    () => true,
    () => false,
  );
  const has = (command: string) => versionOf(command) !== undefined;
  const contest = (
    title: string,
    rows: readonly Row[],
    rest: Partial<Pick<Contest, 'limits' | 'orders' | 'own'>> = {},
  ): Contest => ({
    ...{ title, orders: [orders[0]], ...rest },
    contenders: rows
      .filter(([there]) => there)
      .map(([, name, command, isSlow]) => ({ name, command, isSlow: isSlow !== undefined })),
    missing: rows.filter(([there]) => !there).map(([, name]) => name),
  });
  return [
    contest(
      'Decode and split',
      [
        [true, 'pcrs-posture', `${replay} > /dev/null`],
        [has('gzip'), 'gzip', `cat ${bodies} | gzip -dc > /dev/null`],
        [has('jq'), 'jq', `cat ${bodies} | gzip -dc | jq -c '.[]' > /dev/null`],
        [
          has('python3'),
          "Qualys' sample",
          `python3 ${bench('peers/qualys-sample.py')} ${bodies} > /dev/null`,
        ],
      ],
      { limits: () => ({ gzip: { time: 2 }, jq: { time: 0.05 } }) },
    ),
    contest(
      'Receive, prove, split',
      [
        [true, 'pcrs-posture', `${served}; ${live} > /dev/null`],
        [
          has('curl'),
          'curl, gzip',
          `${served}; for body in ${bodies}; do curl -sS -X POST "$PCRS_GATEWAY" | gzip -dc; done > /dev/null`,
        ],
      ],
      { limits: () => ({ 'curl, gzip': { time: 2 } }) },
    ),
    contest(
      'Load into SQLite',
      [
        [true, 'pcrs-to-sqlite', 'pcrs-to-sqlite posture.db < "$INPUT"'],
        [duckdb, 'duckdb', `node ${bench('peers/duckdb.mjs')} "$INPUT" posture.duckdb`],
        [
          has('sqlite-utils'),
          'sqlite-utils',
          'sqlite-utils insert posture.db posture "$INPUT" --nl --pk policyId --pk hostId --pk id',
          'slow',
        ],
      ],
      {
        orders,
        own: flat,
        limits: (order) => ({
          duckdb: order === 'shuffled' ? { time: 1.6, cpu: 1.1 } : { time: 1.1, cpu: 1 },
          'sqlite-utils': { time: 0.125 },
        }),
      },
    ),
    contest(
      'Write CSV',
      [
        [true, 'pcrs-to-csv', 'pcrs-to-csv < "$INPUT" > posture.csv'],
        [duckdb, 'duckdb', `node ${bench('peers/duckdb-csv.mjs')} "$INPUT" posture.csv`],
        [has('mlr'), 'miller', 'mlr --ijsonl --ocsv cat "$INPUT" > posture.csv', 'slow'],
      ],
      { orders, own: flat, limits: () => ({ duckdb: { time: 0.6 }, miller: { time: 0.1 } }) },
    ),
    contest('Write a script for PostgreSQL', [
      [true, 'pcrs-to-postgres', 'pcrs-to-postgres < "$DATA"/run.ndjson > posture.sql'],
    ]),
    contest(
      'Write Parquet',
      [
        [true, 'pcrs-to-parquet', 'pcrs-to-parquet --dir lake < "$DATA"/run.ndjson'],
        [duckdb, 'duckdb', `node ${bench('peers/duckdb-parquet.mjs')} "$INPUT" posture.parquet`],
      ],
      { limits: () => ({ duckdb: { time: 2.5 } }) },
    ),
    contest('Write OCSF', [[true, 'pcrs-to-ocsf', 'pcrs-to-ocsf < "$DATA"/run.ndjson > events.ndjson']]),
    contest(
      'Add to the history',
      [[true, 'pcrs-to-history', 'pcrs-to-history history.db < "$DATA"/run.ndjson']],
      { own: { seconds: 30 } },
    ),
    contest('Read SQLite back', [
      [true, 'pcrs-from-sqlite', 'pcrs-from-sqlite "$DATA"/posture.db > run.ndjson'],
    ]),
    contest('Write the report', [[true, 'pcrs-report', 'pcrs-report "$DATA"/posture.db > report.html']]),
    contest(
      'The pipe on two cores',
      [
        [true, 'replay and load', `${replay} | pcrs-to-sqlite posture.db`],
        [true, 'replay alone', `${replay} > /dev/null`],
        [true, 'load alone', 'pcrs-to-sqlite posture.db < "$DATA"/run.ndjson'],
      ],
      { limits: () => ({ 'load alone': { time: 1.25 } }) },
    ),
  ];
}
