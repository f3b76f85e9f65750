// Every stream of test/vectors gets the verdict of docs/contract.md, from the judge and from both sinks.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { exitStatus } from 'pcrs-cli/exit-status';
import type { Counts } from 'pcrs-records/kinds';
import { fidelityOf } from 'pcrs-sink/fidelity';
import { SinkReader } from 'pcrs-sink/reader';
import { toCsvFiles } from 'pcrs-to-csv';
import { toSqlite } from 'pcrs-to-sqlite';
import { root } from '../scripts/run-program.ts';

/** A line of `verdicts.ndjson`. */
interface Vector {
  stream: string;
  rule: string;
  /** Exit status of a sink: without flags, with --require-run, with --strict. */
  status: number;
  requireRun: number;
  strict: number;
  complete: boolean | null;
  verified: boolean | null;
  filtered: Counts;
  supplied: Counts;
  edited: string[];
  /** Of the last run. */
  base: string | null;
  scope: object | null;
  /** The sink's reason on stderr. */
  reason: string | null;
}

/** A sink's result. */
interface Found {
  status: number;
  reason: string | null;
  /** Without the last few members in streams that are refused. */
  record: Record<string, unknown> | undefined;
}

interface Demands {
  requireRun?: boolean;
  strict?: boolean;
}

const folder = join(root, 'test/vectors');
const scratch = mkdtempSync(join(tmpdir(), 'pcrs-vectors-'));
after(() => rmSync(scratch, { recursive: true }));
const vectors: Vector[] = readFileSync(join(folder, 'verdicts.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const demands: readonly [name: 'status' | 'requireRun' | 'strict', Demands][] = [
  ['status', {}],
  ['requireRun', { requireRun: true }],
  ['strict', { strict: true }],
];

const readers: Readonly<Record<string, (bytes: Buffer, demands: Demands) => Promise<Found>>> = {
  async judge(bytes, wanted) {
    const reader = new SinkReader({ ...wanted, tableOf: () => undefined });
    let thrown: unknown;
    try {
      for await (const lines of reader.blocks([bytes])) reader.take(lines);
    } catch (error) {
      thrown = error;
    }
    const { verdicts, complete, failure } = reader.end(wanted);
    return found(thrown ?? failure, { complete: thrown ? false : complete, ...fidelityOf(verdicts) });
  },
  async sqlite(bytes, { requireRun, ...wanted }) {
    const place = mkdtempSync(join(scratch, 'sqlite-'));
    const target = requireRun ? { snapshot: place } : join(place, 'vector.db');
    try {
      return found(undefined, await toSqlite(target, [bytes], wanted));
    } catch (error) {
      return found(error, (error as { loaded?: Record<string, unknown> }).loaded);
    }
  },
  async csv(bytes, wanted) {
    try {
      const { written, failure } = await toCsvFiles(mkdtempSync(join(scratch, 'csv-')), [bytes], wanted);
      return found(failure, written);
    } catch (error) {
      return found(error, undefined);
    }
  },
};

function found(error: unknown, record: Record<string, unknown> | undefined): Found {
  if (error === undefined) return { status: 0, reason: null, record };
  return { status: exitStatus(error), reason: (error as Error).message, record };
}

for (const [name, read] of Object.entries(readers)) {
  suite(`the ${name}'s verdict`, { concurrency: true }, () => {
    for (const vector of vectors) {
      test(`${vector.stream}: ${vector.rule}`, async () => {
        const bytes = readFileSync(join(folder, vector.stream));
        for (const [demand, wanted] of demands) {
          const { status, reason, record } = await read(bytes, wanted);
          assert.equal(status, vector[demand], `${demand}: ${reason}`);
          if (demand === 'status' && status === 6) assert.equal(reason, vector.reason);
          if (demand === 'status' && record) assertTells(record, vector);
        }
      });
    }
  });
}

function assertTells(record: Record<string, unknown>, vector: Vector): void {
  const told = ['complete', 'verified', 'filtered', 'supplied', 'edited'] as const;
  // A sink of files reports no base and no scope.
  for (const member of 'base' in record ? ([...told, 'base', 'scope'] as const) : told) {
    assert.deepEqual(record[member], vector[member], member);
  }
}

test('each stream in the folder has a verdict', () => {
  const streams = readdirSync(folder).filter((name) => name !== 'verdicts.ndjson');
  assert.deepEqual(streams.sort(), vectors.map(({ stream }) => stream).sort());
});
