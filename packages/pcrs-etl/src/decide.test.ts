import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session } from 'pcrs-records/kinds';
import { stampOf } from 'pcrs-records/moments';
import { decide, type Wanted } from './decide.ts';
import type { RunFolder } from './run-folder.ts';

const hour = 3_600_000;
const now = Date.parse('2026-11-23T12:00:00Z');

function session(at: number, more: Partial<Session> = {}): Session {
  const startedAt = new Date(at).toISOString();
  return {
    kind: 'session',
    runId: `run-${at}`,
    gateway: 'https://g',
    username: 'u',
    tokenFile: null,
    expiresAt: null,
    startedAt,
    ...more,
  };
}

function run(hoursAgo: number, more: Partial<RunFolder['plan']> & { finished?: boolean } = {}): RunFolder {
  const { finished = true, ...plan } = more;
  const opened = session(now - hoursAgo * hour);
  const stamp = stampOf(opened.startedAt);
  const usual = {
    contract: 2,
    name: null,
    order: 1,
    scope: {},
    stamp,
    session: opened,
    mode: 'full',
    since: null,
    base: null,
    fullAt: opened.startedAt,
    selection: { flags: {} },
  } as const;
  return { path: `out/archive_${stamp}`, plan: { ...usual, ...plan }, made: finished ? [] : undefined };
}

const wanted: Wanted = {
  incremental: false,
  fresh: false,
  acceptShrink: false,
  fullEveryMs: 7 * 24 * hour,
  resumeWithinMs: 12 * hour,
  scope: {},
  selection: { flags: {} },
};
const deciding = (folders: RunFolder[], more: Partial<Wanted> = {}, opened = session(now)) =>
  decide(folders, opened, { ...wanted, ...more }, 7, async () => undefined);

test('a first start asks for everything and logs nothing', async () => {
  const decision = await deciding([]);
  assert.equal(decision.kind, 'start');
  assert.deepEqual(decision.kind === 'start' && [decision.plan.mode, decision.plan.stamp, decision.why], [
    'full',
    '20261123T120000Z',
    undefined,
  ]);
});

test('resumes an interrupted run with its own options', async () => {
  const stopped = run(3, { finished: false });
  assert.deepEqual(await deciding([stopped, run(24)]), {
    kind: 'resume',
    folder: stopped,
    why: 'resuming the interrupted run of 2026-11-23T09:00:00.000Z',
  });
});

test('starts an interrupted run over if it is old, had other flags, or on request, and says so', async () => {
  const whys = (
    await Promise.all([
      deciding([run(13, { finished: false })]),
      deciding([run(1, { finished: false, selection: { flags: { evidence: true } } })]),
      deciding([run(1, { finished: false })], { fresh: true }),
      deciding([run(1, { finished: false })], {}, session(now, { username: 'v' })),
    ])
  ).map((decision) => [decision.kind, decision.why?.replace(/.*Z /, '')]);
  assert.deepEqual(whys, [
    ['start', 'is older than 12 h and is started over (--resume-within)'],
    ['start', 'had other flags and is started over'],
    ['start', 'is started over (--fresh)'],
    ['start', 'was of another gateway or user and is not resumed'],
  ]);
});

test('ignores an interrupted run if a later one completed', async () => {
  assert.equal((await deciding([run(1), run(3, { finished: false })])).kind, 'start');
});

test('a delta asks from an hour before the start of the last complete run, and builds on its snapshot', async () => {
  const last = run(24, { fullAt: new Date(now - 48 * hour).toISOString() });
  const decision = await deciding(
    [run(2, { finished: false, selection: { flags: { qds: true } } }), last, run(48)],
    { incremental: true },
  );
  assert.ok(decision.kind === 'start');
  const { mode, since, base, fullAt } = decision.plan;
  assert.deepEqual(
    { mode, since, base, fullAt },
    { mode: 'incremental', since: '2026-11-22T11:00:00Z', base: last.plan.stamp, fullAt: last.plan.fullAt },
  );
});

test('asks for everything if there is nothing to build on, the flags differ, or a full run is due', async () => {
  const old = new Date(now - 8 * 24 * hour).toISOString();
  const modes = (
    await Promise.all([
      deciding([], { incremental: true }),
      deciding([run(24, { selection: { flags: { evidence: true } } })], { incremental: true }),
      deciding([run(24, { fullAt: old })], { incremental: true }),
      decide([run(24)], session(now), { ...wanted, incremental: true }, 7, async () => 'it is damaged'),
    ])
  ).map(
    (decision) =>
      decision.kind === 'start' && [decision.plan.mode, decision.plan.base, decision.why !== undefined],
  );
  assert.deepEqual(modes, Array(4).fill(['full', null, true]));
});
