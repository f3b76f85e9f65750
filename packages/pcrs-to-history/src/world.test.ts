// Sixty days of the simulator's changing world, span by span, compared with a plain record of the world.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from 'pcrs-simulator';
import { add, newHistory, query } from './fixture.test.ts';

// biome-ignore lint/suspicious/noExplicitAny: records as the gateway sends them
type Posture = any;

const days = 60;
const missed = new Set([17, 18]);
const size = {
  ...{ seed: 5, policies: 4, hosts: 12, controls: 5, start: '2026-09-01' },
  events: [
    { kind: 'error-night', day: 9 },
    { kind: 'error-night', day: 33 },
    { kind: 'reissue', day: 12 },
    { kind: 'controls', day: 20, policy: 0, count: 3 },
    { kind: 'rename', day: 25, policy: 1 },
    { kind: 'except', day: 28, end: 40, share: 0.4 },
    { kind: 'away', day: 30, end: 36, share: 0.3 },
    { kind: 'break', day: 44, policy: 0, count: 2 },
    { kind: 'remove', day: 50, policy: 2 },
  ] as const,
};

const dateOf = (day: number) =>
  new Date(Date.parse('2026-09-01') + day * 86_400_000).toISOString().slice(0, 10);
const identity = ({ policyId, hostId, controlId, technologyId, instance }: Posture) =>
  JSON.stringify([policyId, hostId, controlId, technologyId ?? 0, instance]);

function worldOn(day: number): Map<string, Posture> {
  const records = Array.from(new World({ ...size, day }).posture(), (text) => JSON.parse(text) as Posture);
  return new Map(records.map((record) => [identity(record), record]));
}

interface Span {
  first: number;
  last: number | null;
  status: string;
  ended: string | null;
}

const endedBy: Record<string, string> = {
  Passed: 'passed',
  PassedE: 'excepted',
  Error: 'error',
  Failed: 'failed',
};

test('keeps sixty days of a changing world span by span', async () => {
  const path = newHistory();
  const expected = new Map<string, Span[]>();
  let before = new Map<string, Posture>();
  let run = 0;
  const fulls: number[] = [];
  for (let day = 0; day < days; day += 1) {
    if (missed.has(day)) continue;
    run += 1;
    const world = worldOn(day);
    const isFull = (run - 1) % 7 === 0;
    if (isFull) fulls.push(run);
    const sent = [...world].filter(
      ([key, record]) => isFull || JSON.stringify(record) !== JSON.stringify(before.get(key)),
    );
    const flags = isFull ? {} : { 'evaluated-since': { value: dateOf(day - 1), from: 'incremental' } };
    await add(
      path,
      dateOf(day),
      sent.map(([, record]) => ({ kind: 'posture', ...record })),
      { flags },
    );
    follow(expected, new Map(sent), world, isFull, run);
    before = world;
  }
  const rows = query(
    path,
    'SELECT * FROM spans ORDER BY policyId, hostId, controlId, technologyId, instance, first_run',
  );
  const found = Map.groupBy(rows, (row) => identity(row));
  const plain = [...found].map(([key, spans]): [string, Span[]] => [
    key,
    spans.map(({ first_run, last_run, status, ended }) => ({
      first: first_run,
      last: last_run,
      status,
      ended,
    })),
  ]);
  assert.deepEqual(new Map(plain.sort()), new Map([...expected].sort()));
  const endings = new Set(rows.map(({ ended }) => ended));
  for (const ended of ['passed', 'failed', 'error', 'excepted', 'gone', 'policy_gone', null])
    assert.ok(endings.has(ended), `some span ended ${ended}`);
  // Every failure streak is exactly as old as the last observed pass allows.
  for (const [key, spans] of found) {
    for (const [at, { status, failing_since }] of spans.entries()) {
      if (status !== 'Failed') continue;
      assert.ok(failing_since, key);
      const lastPass = spans.slice(0, at).findLast((span) => /^Passed/.test(span.status));
      const passRun =
        lastPass && query(path, `SELECT startedAt FROM runs WHERE run = ${lastPass.last_run}`)[0];
      if (passRun)
        assert.ok(failing_since > passRun.startedAt, `${key}: ${failing_since} after ${passRun.startedAt}`);
    }
  }
  const trend = query(
    path,
    'SELECT r.run, sum(t.n) AS n FROM v_trend AS t JOIN runs AS r USING (runId) GROUP BY r.run ORDER BY r.run',
  );
  assert.deepEqual(
    trend.map((row) => row.run),
    fulls,
  );
});

/** Follows a run's postures, in the plainest way. */
function follow(
  expected: Map<string, Span[]>,
  sent: ReadonlyMap<string, Posture>,
  world: ReadonlyMap<string, Posture>,
  isFull: boolean,
  run: number,
): void {
  const policies = new Set([...world.values()].map(({ policyId }) => policyId));
  for (const [key, { status }] of sent) {
    const spans = expected.get(key) ?? [];
    const open = spans.find(({ ended }) => ended === null);
    if (open?.status === status) continue;
    if (open) Object.assign(open, { last: run - 1, ended: endedBy[status] });
    expected.set(key, [...spans, { first: run, last: null, status, ended: null }]);
  }
  if (!isFull) return;
  for (const [key, spans] of expected) {
    const open = spans.find(({ ended }) => ended === null);
    if (open === undefined || world.has(key)) continue;
    const [policyId] = JSON.parse(key);
    Object.assign(open, { last: run - 1, ended: policies.has(policyId) ? 'gone' : 'policy_gone' });
  }
}
