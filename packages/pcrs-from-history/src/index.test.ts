import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHistory } from 'pcrs-to-history';
import { momentOf, type Narrowing, openPast } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'pcrs-from-history-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, 'history.db');
const add = (stream: AsyncIterable<Uint8Array>, to = path, options = {}) =>
  Array.fromAsync(toHistory(to, stream, options));

async function* run(day: string, postures: object[], start: object = {}): AsyncGenerator<Uint8Array> {
  const startedAt = `${day}T05:00:00Z`;
  const runId = `01890000-0000-7000-8000-0000${day.replaceAll('-', '')}`;
  const stage = { runId, stage: 'pcrs-posture' };
  const records = [
    {
      kind: 'session',
      runId,
      gateway: 'https://gateway.example',
      username: null,
      tokenFile: null,
      expiresAt: null,
      startedAt,
    },
    { kind: 'start', contract: 1, ...stage, version: '0.1.0', startedAt, options: {}, ...start },
    ...postures,
    {
      ...{
        kind: 'end',
        ...stage,
        endedAt: startedAt,
        ok: true,
        status: 0,
        in: {},
        out: { posture: postures.length },
      },
      ...{ requests: 1, retries: 0, bytes: 1, warnings: 0 },
    },
  ];
  for (const record of records) yield Buffer.from(`${JSON.stringify(record)}\n`);
}

const posture = (hostId: number, status: string, more: object = {}) => ({
  ...{
    kind: 'posture',
    id: '9223372036854775807',
    policyId: 1,
    policyTitle: 'PCI',
    hostId,
    controlId: 7,
    status,
    instance: 'os',
  },
  ...{
    controlStatement: 'A control',
    technologyId: 3,
    technology: { id: 3, name: 'Linux' },
    dns: `host-${hostId}`,
  },
  ...{ criticality: { label: 'URGENT', value: 5 }, lastEvaluatedDate: '2026-06-28T00:00:00Z', ...more },
});

async function past(at: string, narrowing: Narrowing = {}) {
  const state = await openPast(path, momentOf(at), narrowing);
  try {
    const text = [...state.blocks()].map(({ lines }) => lines.toString()).join('');
    return {
      startedAt: state.startedAt,
      text,
      records: text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    };
  } finally {
    state.close();
  }
}

test('writes the state at the last run at or before a moment, under the names of that time', async () => {
  await add(run('2026-06-28', [posture(1, 'Passed'), posture(2, 'Failed')]));
  await add(run('2026-06-30', [posture(1, 'Failed', { dns: 'renamed' })]));
  await add(run('2026-07-02', [posture(1, 'Passed'), posture(2, 'Passed')]));
  const june = await past('2026-06-29');
  assert.equal(june.startedAt, '2026-06-28T05:00:00Z');
  assert.deepEqual(
    june.records.map(({ hostId, status, dns }) => [hostId, status, dns]),
    [
      [1, 'Passed', 'host-1'],
      [2, 'Failed', 'host-2'],
    ],
  );
  assert.ok(june.text.includes('"id":9223372036854775807'), 'every digit');
  const { kind, asOfRun, ...record } = june.records[0];
  assert.deepEqual([kind, asOfRun], ['posture', '01890000-0000-7000-8000-000020260628']);
  assert.deepEqual(record.criticality, { label: 'URGENT', value: 5 });
  assert.deepEqual(
    [record.policyTitle, record.technologyId, record.lastEvaluatedDate],
    ['PCI', 3, '2026-06-28T00:00:00Z'],
  );
  const end = await past('2026-06-30');
  assert.deepEqual(
    end.records.map(({ hostId, status, dns }) => [hostId, status, dns]),
    [[1, 'Failed', 'renamed']],
  );
  const morning = await past('2026-06-30T04:59:59Z');
  assert.equal(morning.startedAt, '2026-06-28T05:00:00Z', 'a time of day counts');
  assert.deepEqual(
    (await past('2026-07-09', { host: '2' })).records.map(({ hostId }) => hostId),
    [2],
  );
  assert.deepEqual((await past('2026-07-09', { policies: ['5'] })).records, []);
});

test('is full from the first full run of its scope on, whatever deltas follow', async () => {
  const other = join(directory, 'deltas.db');
  const scope = { 'pcrs-policies --title': 'PCI' };
  const one = [posture(1, 'Passed')];
  await add(run('2026-06-01', one, { base: 'delta' }), other);
  await add(run('2026-06-02', one, { base: 'full' }), other);
  await add(run('2026-06-03', one, { base: 'delta' }), other);
  await add(run('2026-06-04', one, { base: 'delta', scope }), other, { rescope: true });
  await add(run('2026-06-05', one, { base: 'dated', scope }), other);
  const bases = [];
  for (const day of [1, 2, 3, 4, 5]) {
    const state = await openPast(other, momentOf(`2026-06-0${day}`));
    bases.push(state.base);
    state.close();
  }
  assert.deepEqual(bases, ['delta', 'full', 'full', 'delta', 'dated']);
});

test('knows nothing about a moment before its first run', async () => {
  await assert.rejects(past('2026-06-27'), {
    code: 'PCRS_EMPTY',
    message: /its first run started 2026-06-28T05:00:00Z/,
  });
});
