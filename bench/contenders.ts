import { fileURLToPath } from 'node:url';
import { postgresPrograms } from '../test/support/postgres-server.ts';
import { versionOf } from './found.ts';
import { type Limit, least, most } from './limits.ts';
import type { Contender } from './measure.ts';
import { type Order, orders } from './orders.ts';
import { openPostgres, type Stage } from './postgres.ts';

/** Commands that do the same work on the same bytes; the first one is ours. */
export interface Contest {
  title: string;
  /** Each order is a separate contest. */
  orders: readonly Order[];
  limits?: (order: Order) => readonly Limit[];
  /** What the contenders' counts are. */
  counted?: string;
  /** Starts what its contenders need. */
  open?: (env: NodeJS.ProcessEnv) => Promise<Stage>;
  /** What a reader has to know of the peers' output. */
  note?: string;
  contenders: readonly Contender[];
  missing: readonly string[];
}

const bench = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const bodies = '"$DATA"/archive/*.json.gz';
/** Bodies over a connection, from a fresh gateway for each run; its start counts for every contender. */
const served = `node ${bench('serve.ts')} "$DATA"/archive > gateway & trap 'kill %1' EXIT; until [ -s gateway ]; do sleep 0.01; done; export PCRS_GATEWAY=$(cat gateway)`;
const live = `grep '^{"kind":"hostids"' "$DATA"/archive/input.ndjson | PCRS_TOKEN=e30.e30.e30 PCRS_RATE=1000/1 pcrs-posture --evidence`;
const replay = 'pcrs-posture --archive "$DATA"/archive --replay';
/** Memory limit of a sink, for any input. */
const flat = most(200, 'MB of memory');
const emptySchema = `psql -qX -c 'DROP SCHEMA IF EXISTS pcrs CASCADE' -c CHECKPOINT`;
const rowVersions = `psql -qAtX -f ${bench('peers/row-versions.sql')}`;

/** Prints the size of a file or of a folder's files. */
const sizeMB = (path: string) => `find ${path} -type f -exec cat {} + | wc -c | awk '{ print $1 / 1e6 }'`;

/** A peer that takes minutes runs in the first order only. */
type Row = readonly [there: boolean, name: string, command: string, rest?: Partial<Contender>];
const slow = { isSlow: true };

/** Every contest, with the peers on this machine. */
export async function contests(): Promise<Contest[]> {
  // By a variable: type checking must not need the package.
  const optional = '@duckdb/node-api';
  const duckdb = await import(optional).then(
    () => true,
    () => false,
  );
  const has = (command: string) => versionOf(command) !== undefined;
  const postgres = (await postgresPrograms()) !== undefined && has('psql');
  const contest = (title: string, rows: readonly Row[], rest: Partial<Contest> = {}): Contest => ({
    ...{ title, orders: [orders[0]], ...rest },
    contenders: rows
      .filter(([there]) => there)
      .map(([, name, command, rest]) => ({ name, command, ...rest })),
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
      { limits: () => [most(2, 'seconds', 'gzip'), most(0.05, 'seconds', 'jq')] },
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
      { limits: () => [most(2, 'seconds', 'curl, gzip')] },
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
          slow,
        ],
      ],
      {
        orders,
        limits: (order) => [
          flat,
          most(order === 'shuffled' ? 1.6 : 1.1, 'seconds', 'duckdb'),
          most(order === 'shuffled' ? 1.1 : 1, 'CPU seconds', 'duckdb'),
          most(0.125, 'seconds', 'sqlite-utils'),
        ],
      },
    ),
    contest(
      'Write CSV',
      [
        [true, 'pcrs-to-csv', 'pcrs-to-csv < "$INPUT" > posture.csv'],
        [duckdb, 'duckdb', `node ${bench('peers/duckdb-csv.mjs')} "$INPUT" posture.csv`],
        [has('mlr'), 'miller', 'mlr --ijsonl --ocsv cat "$INPUT" > posture.csv', slow],
      ],
      {
        orders,
        limits: () => [flat, most(0.6, 'seconds', 'duckdb'), most(0.1, 'seconds', 'miller')],
      },
    ),
    contest(
      'Write a script for PostgreSQL',
      [[true, 'pcrs-to-postgres', 'pcrs-to-postgres < "$DATA"/run.ndjson > /dev/null']],
      { limits: () => [flat] },
    ),
    contest(
      'Load into PostgreSQL',
      [
        [
          postgres,
          'pcrs-to-postgres',
          'pcrs-to-postgres --database - < "$DATA"/run.ndjson',
          { before: emptySchema },
        ],
        [
          postgres,
          'the script, by psql',
          'pcrs-to-postgres < "$DATA"/run.ndjson | psql -X',
          { before: emptySchema },
        ],
        [postgres, 'psql \\copy', 'psql -X -f "$PREPARED"/load.sql', { before: emptySchema }],
        [
          postgres,
          'the same again',
          'pcrs-to-postgres --database - < "$DATA"/run.ndjson',
          {
            before: `${rowVersions} > rows`,
            count: `${rowVersions} | diff rows - | grep -c '^[<>]' || true`,
          },
        ],
      ],
      {
        open: openPostgres,
        counted: 'row versions',
        limits: () => [
          most(1.5, 'seconds', 'psql \\copy'),
          flat,
          { ...most(1.5, 'seconds', 'psql \\copy'), of: 'the script, by psql' },
          { ...flat, of: 'the script, by psql' },
          { ...most(0, 'counted'), of: 'the same again' },
        ],
        note: 'Both of ours read NDJSON, over a connection or by a script. `psql \\copy` reads the same rows from files of COPY text prepared before, and runs the same merge. The same again is the run a second time, over a connection; a row version is a row that was added, changed or removed.',
      },
    ),
    contest(
      'Write Parquet',
      [
        [
          true,
          'pcrs-to-parquet',
          'pcrs-to-parquet --dir lake < "$DATA"/run.ndjson',
          { count: sizeMB('lake') },
        ],
        [
          duckdb,
          'duckdb',
          `node ${bench('peers/duckdb-parquet.mjs')} "$INPUT" posture.parquet`,
          { count: sizeMB('posture.parquet') },
        ],
      ],
      {
        counted: 'MB of files',
        limits: () => [
          most(2.5, 'seconds', 'duckdb'),
          most(450, 'MB of memory'),
          most(1.2, 'counted', 'duckdb'),
        ],
        note: 'Ours is a dataset of four tables: nested members are JSON texts, the texts of controls are in a file of their own (0.1 MB), policies and host ids are there too. DuckDB writes one file of postures alone, with a column for each nested member and the texts of controls in every row (as a dictionary).',
      },
    ),
    contest('Write OCSF', [[true, 'pcrs-to-ocsf', 'pcrs-to-ocsf < "$DATA"/run.ndjson > /dev/null']], {
      limits: () => [least(60_000, 'records/s')],
    }),
    contest(
      'Add to the history',
      [[true, 'pcrs-to-history', 'pcrs-to-history history.db < "$DATA"/run.ndjson']],
      { limits: () => [most(30, 'seconds'), most(300, 'MB of memory')] },
    ),
    contest(
      'Read SQLite back',
      [[true, 'pcrs-from-sqlite', 'pcrs-from-sqlite "$DATA"/posture.db > /dev/null']],
      { limits: () => [least(150_000, 'records/s'), most(150, 'MB of memory')] },
    ),
    contest('Write the report', [[true, 'pcrs-report', 'pcrs-report "$DATA"/posture.db > report.html']], {
      limits: () => [most(20, 'seconds'), most(300, 'MB of memory')],
    }),
    contest(
      'The pipe on two cores',
      [
        [true, 'replay and load', `${replay} | pcrs-to-sqlite posture.db`],
        [true, 'replay alone', `${replay} > /dev/null`],
        [true, 'load alone', 'pcrs-to-sqlite posture.db < "$DATA"/run.ndjson'],
      ],
      { limits: () => [most(1.25, 'seconds', 'load alone')] },
    ),
  ];
}
