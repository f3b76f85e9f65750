import { fileURLToPath } from 'node:url';
import { versionOf } from './found.ts';
import type { Contender } from './measure.ts';

/** A group of commands that do the same work on the same bytes; the first one is ours. */
export interface Contest {
  title: string;
  /** What is promised of the ratio to each peer, by its name. */
  targets: Readonly<Record<string, string>>;
  contenders: readonly Contender[];
  missing: readonly string[];
}

const peer = (file: string) => fileURLToPath(new URL(`peers/${file}`, import.meta.url));

const bodies = '"$DATA"/archive/*.json.gz';
/** Bodies over a connection, a fresh gateway for each run; its start counts for every contender. */
const served = `node ${fileURLToPath(new URL('serve.ts', import.meta.url))} "$DATA"/archive > gateway & trap 'kill %1' EXIT; until [ -s gateway ]; do sleep 0.01; done; export PCRS_GATEWAY=$(cat gateway)`;
const live = `grep '^{"kind":"hostids"' "$DATA"/archive/input.ndjson | PCRS_TOKEN=e30.e30.e30 PCRS_RATE=1000/1 pcrs-posture --evidence`;
const replay = 'pcrs-posture --archive "$DATA"/archive --replay';

/** Every contest, with the peers that this machine has. */
export async function contests(): Promise<Contest[]> {
  // By a name in a variable: the types must do without it.
  const optional = '@duckdb/node-api';
  const duckdb = await import(optional).then(
    () => true,
    () => false,
  );
  const python = versionOf('python3') !== undefined;
  return [
    contest('Decode and split', { gzip: 'at most 2 times', jq: 'at least 20 times faster' }, [
      [true, 'pcrs-posture', `${replay} > /dev/null`],
      [versionOf('gzip') !== undefined, 'gzip', `cat ${bodies} | gzip -dc > /dev/null`],
      [versionOf('jq') !== undefined, 'jq', `cat ${bodies} | gzip -dc | jq -c '.[]' > /dev/null`],
      [python, "Qualys' sample", `python3 ${peer('qualys-sample.py')} ${bodies} > /dev/null`],
    ]),
    contest('Receive, prove, split', { 'curl, gzip': 'at most 2 times' }, [
      [true, 'pcrs-posture', `${served}; ${live} > /dev/null`],
      [
        versionOf('curl') !== undefined,
        'curl, gzip',
        `${served}; for body in ${bodies}; do curl -sS -X POST "$PCRS_GATEWAY" | gzip -dc; done > /dev/null`,
      ],
    ]),
    contest('Load into SQLite', { 'sqlite-utils': 'at least 8 times faster', duckdb: 'level' }, [
      [true, 'pcrs-to-sqlite', 'pcrs-to-sqlite posture.db < "$DATA"/posture.ndjson'],
      [
        versionOf('sqlite-utils') !== undefined,
        'sqlite-utils',
        'sqlite-utils insert posture.db posture "$DATA"/posture.ndjson --nl --pk policyId --pk hostId --pk id',
      ],
      [duckdb, 'duckdb', `node ${peer('duckdb.mjs')} "$DATA"/posture.ndjson posture.duckdb`],
    ]),
    contest('Write CSV', { miller: 'at least 10 times faster' }, [
      [true, 'pcrs-to-csv', 'pcrs-to-csv < "$DATA"/posture.ndjson > /dev/null'],
      [
        versionOf('mlr') !== undefined,
        'miller',
        'mlr --ijsonl --ocsv cat "$DATA"/posture.ndjson > /dev/null',
      ],
    ]),
    contest('Write Parquet', { duckdb: 'at most 2.5 times' }, [
      [true, 'pcrs-to-parquet', 'pcrs-to-parquet --dir lake < "$DATA"/run.ndjson'],
      [duckdb, 'duckdb', `node ${peer('duckdb-parquet.mjs')} "$DATA"/posture.ndjson posture.parquet`],
    ]),
    contest('Write OCSF', {}, [[true, 'pcrs-to-ocsf', 'pcrs-to-ocsf < "$DATA"/run.ndjson > /dev/null']]),
    contest('The pipe on two cores', { 'its stages alone': 'at least 80 % of the slowest' }, [
      [true, 'replay and load', `${replay} | pcrs-to-sqlite posture.db`],
      [true, 'replay alone', `${replay} > /dev/null`],
      [true, 'load alone', 'pcrs-to-sqlite posture.db < "$DATA"/run.ndjson'],
    ]),
  ];
}

function contest(
  title: string,
  targets: Contest['targets'],
  rows: readonly [boolean, string, string][],
): Contest {
  return {
    title,
    targets,
    contenders: rows.filter(([there]) => there).map(([, name, command]) => ({ name, command })),
    missing: rows.filter(([there]) => !there).map(([, name]) => name),
  };
}
