import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from 'pcrs-records/kinds';
import { differenceWords } from './fidelity.ts';
import { RunJudge } from './judge.ts';

const session = {
  kind: 'session',
  runId: 'r1',
  gateway: 'http://127.0.0.1:1',
  startedAt: '2026-11-23T00:00:00Z',
};
const start = (stage: string): JsonObject => ({ kind: 'start', contract: 1, runId: 'r1', stage });
const end = (stage: string, members: JsonObject = {}): JsonObject => ({
  ...{ kind: 'end', runId: 'r1', stage, ok: true, status: 0, in: {}, out: {} },
  ...members,
});

function judged(records: JsonObject[], accepted: Record<string, number> = {}) {
  const judge = new RunJudge();
  for (const [index, record] of records.entries()) {
    judge.control(record, index + 1);
    if (index === 0) for (const [kind, count] of Object.entries(accepted)) judge.took(kind, count, 0);
  }
  return judge.verdicts();
}

test('a run is complete if all its stages ended well', () => {
  const [verdict] = judged([
    session,
    start('pcrs-hostids'),
    start('pcrs-policies'),
    end('pcrs-policies'),
    end('pcrs-hostids'),
  ]);
  assert.equal(verdict?.complete, true);
  assert.equal(verdict?.reason, undefined);
});

test('names the first stage of the pipe that failed, with its status and message', () => {
  const failed = { ok: false, status: 5, error: { code: 'PCRS_GATEWAY', message: 'GET x: 503' } };
  const [verdict] = judged([
    session,
    start('pcrs-posture'),
    start('pcrs-hostids'),
    end('pcrs-hostids', failed),
    end('pcrs-posture', { ok: false, status: 6 }),
  ]);
  assert.equal(verdict?.reason, 'run incomplete: pcrs-hostids ended 5: GET x: 503');
});

test('names a stage that broke off and how many of its records came', () => {
  const [verdict] = judged([session, start('pcrs-posture'), start('pcrs-hostids'), end('pcrs-posture')], {
    hostids: 412,
  });
  assert.equal(verdict?.reason, 'run incomplete: pcrs-hostids broke off after 412 records');
});

test('names the stage that was killed, not one before it whose end it had not forwarded yet', () => {
  const starts = [start('pcrs-posture'), start('pcrs-hostids'), start('pcrs-policies')];
  const [verdict] = judged([session, ...starts, end('pcrs-policies')], { hostids: 5, posture: 70 });
  assert.equal(verdict?.reason, 'run incomplete: pcrs-posture broke off after 70 records');
});

test('names the stage that failed, not the one before it whose end it no longer read', () => {
  const starts = [start('pcrs-posture'), start('pcrs-hostids'), start('pcrs-policies')];
  const failed = (stage: string) =>
    end(stage, { ok: false, status: 5, error: { code: 'x', message: 'down' } });
  const reason = (...ends: JsonObject[]) => judged([session, ...starts, ...ends], { hostids: 5 })[0]?.reason;
  assert.equal(reason(failed('pcrs-posture')), 'run incomplete: pcrs-posture ended 5: down');
  assert.equal(
    reason(failed('pcrs-hostids'), end('pcrs-posture')),
    'run incomplete: pcrs-hostids ended 5: down',
  );
  assert.equal(
    reason(end('pcrs-hostids', { ok: false, status: 6 }), end('pcrs-posture')),
    'run incomplete: pcrs-policies broke off after 0 records',
  );
  // pcrs-hostids read everything: its input broke off by itself.
  assert.equal(
    reason(end('pcrs-hostids'), failed('pcrs-posture')),
    'run incomplete: pcrs-policies broke off after 0 records',
  );
});

test('a failed end of pcrs-auth alone is an incomplete run', () => {
  const [verdict] = judged([
    end('pcrs-auth', { runId: null, ok: false, status: 4, error: { code: 'x', message: 'wrong password' } }),
  ]);
  assert.equal(verdict?.complete, false);
  assert.equal(verdict?.reason, 'run incomplete: pcrs-auth ended 4: wrong password');
});

test('refuses a start without a session as incomplete input', () => {
  assert.throws(() => judged([start('pcrs-policies')]), { code: 'PCRS_INCOMPLETE', message: /^stdin:1: / });
});

test('counts missing and unmade records by kind', () => {
  const ends = [
    end('pcrs-policies', { out: { policy: 10 } }),
    end('pcrs-hostids', { in: { policy: 4 }, out: { hostids: 4 } }),
    end('pcrs-posture', { in: { hostids: 4 }, out: { posture: 900, slice: 3 } }),
  ];
  const starts = ends.toReversed().map(({ stage }) => start(String(stage)));
  const came = { policy: 4, hostids: 5, posture: 250, slice: 1, mine: 7 };
  const [verdict] = judged([session, ...starts, ...ends], came);
  assert.equal(verdict?.complete, true);
  assert.deepEqual(verdict?.filtered, { policy: 6, posture: 650 });
  assert.deepEqual(verdict?.supplied, { hostids: 1 });
  assert.deepEqual([verdict?.edited, verdict?.verified], [[], null], 'contract 1 tells no sums');
});

/** A stage of contract 2. */
const begin = (startId: string, stage = 'pcrs-posture'): JsonObject => ({
  ...start(stage),
  contract: 2,
  startId,
});
const finish = (startId: string, members: JsonObject = {}, stage = 'pcrs-posture'): JsonObject =>
  end(stage, { startId, sums: {}, ...members });
const made = (count: number, sum: string): JsonObject => ({
  out: { posture: count },
  sums: { posture: sum },
});

function judgedWithSum(records: JsonObject[], count: number, sum: number) {
  const judge = new RunJudge();
  for (const record of records) judge.control(record, 1);
  judge.took('posture', count, sum);
  return judge.verdicts()[0]!;
}

test('a run is verified if counts and sums of the received records equal those of its stages', () => {
  const stream = [
    session,
    begin('a'),
    begin('b'),
    finish('b', made(1, '5')),
    finish('a', made(2, '9007199254740990')),
  ];
  const fidelity = (count: number, sum: number) => {
    const { verified, filtered, supplied, edited } = judgedWithSum(stream, count, sum);
    return { verified, filtered, supplied, edited };
  };
  assert.deepEqual(fidelity(3, 3), { verified: true, filtered: {}, supplied: {}, edited: [] }, 'modulo 2^53');
  assert.deepEqual(fidelity(3, 4), { verified: false, filtered: {}, supplied: {}, edited: ['posture'] });
  assert.deepEqual(fidelity(2, 3), { verified: false, filtered: { posture: 1 }, supplied: {}, edited: [] });
  assert.deepEqual(fidelity(4, 3), { verified: false, filtered: {}, supplied: { posture: 1 }, edited: [] });
});

test('one failed or cut stage of two with the same name makes the run incomplete, whichever ended last', () => {
  const failed = finish('a', { ok: false, status: 5, error: { code: 'x', message: 'down' } });
  const reason = (...records: JsonObject[]) => judgedWithSum([session, ...records], 0, 0).reason;
  assert.equal(
    reason(begin('a'), failed, begin('b'), finish('b')),
    'run incomplete: pcrs-posture ended 5: down',
  );
  assert.equal(
    reason(begin('b'), begin('a'), finish('b'), failed),
    'run incomplete: pcrs-posture ended 5: down',
  );
  assert.match(reason(begin('a'), begin('b'), finish('b')) ?? '', /pcrs-posture broke off after 0 records/);
  assert.match(reason(begin('a'), begin('b'), finish('a')) ?? '', /pcrs-posture broke off after 0 records/);
  assert.equal(reason(begin('a'), begin('b'), finish('a'), finish('b')), undefined);
});

test('in contract 1 a stage must have as many ends as starts', () => {
  const at = (second: number, record: JsonObject) => ({ ...record, at: second });
  const [two] = judged([session, at(1, start('a')), at(2, start('a')), at(3, end('a'))]);
  assert.equal(two?.reason, 'run incomplete: a broke off after 0 records');
  const [both] = judged([session, at(1, start('a')), at(2, start('a')), at(3, end('a')), at(4, end('a'))]);
  assert.equal(both?.complete, true);
  const [more] = judged([session, start('a'), at(3, end('a')), at(4, end('a'))]);
  assert.match(more?.reason ?? '', /^run incomplete: a has an end without a start/);
});

test('counts repeated control records once; two ends of one start break the run', () => {
  const whole = [session, begin('a'), finish('a', made(2, '7'))];
  assert.equal(judgedWithSum([...whole, ...whole], 2, 7).verified, true);
  const doubled = judgedWithSum([...whole, ...whole], 4, 14);
  assert.deepEqual([doubled.complete, doubled.supplied], [true, { posture: 2 }]);
  const twoEnds = judgedWithSum([...whole, finish('a', { requests: 9 })], 2, 7);
  assert.equal(twoEnds.reason, 'run incomplete: pcrs-posture has two ends that differ');
});

test('an end with ok true and a failing status is not well', () => {
  const { complete, reason } = judgedWithSum([session, begin('a'), finish('a', { status: 5 })], 0, 0);
  assert.deepEqual([complete, reason], [false, 'run incomplete: pcrs-posture ended 5: no message']);
});

test('a session without a stage is not a complete run', () => {
  assert.equal(
    judgedWithSum([session], 0, 0).reason,
    'run incomplete: no stage started; there is only a session',
  );
});

test('postures that no stage made, or whose run records were filtered out, make the run incomplete', () => {
  const reason =
    'run incomplete: no stage of the run made its 24 postures; a filter must pass start and end records on';
  assert.equal(judgedWithSum([session], 24, 1).reason, reason);
  const listing = [
    session,
    begin('p', 'pcrs-policies'),
    finish('p', { out: { policy: 2 } }, 'pcrs-policies'),
  ];
  assert.equal(judgedWithSum(listing, 24, 1).reason, reason);
  const ends = judgedWithSum([session, finish('a', made(24, '1'))], 24, 1);
  assert.match(ends.reason ?? '', /^run incomplete: pcrs-posture has an end without a start/);
});

test("counts records before the first session as the first run's", () => {
  const judge = new RunJudge();
  judge.took('posture', 1, 3);
  for (const record of [session, begin('a'), finish('a', made(2, '7'))]) judge.control(record, 1);
  judge.took('posture', 2, 7);
  assert.deepEqual(judge.verdicts()[0]?.supplied, { posture: 1 });
});

test('if a stage has not recorded what it made, only missing records are certain', () => {
  const broken = judgedWithSum([session, begin('a'), begin('b'), finish('b', made(2, '7'))], 5, 1);
  assert.deepEqual([broken.verified, broken.filtered, broken.supplied, broken.edited], [null, {}, {}, []]);
  const lost = judgedWithSum([session, begin('a'), begin('b'), finish('b', made(2, '7'))], 1, 1);
  assert.deepEqual(lost.filtered, { posture: 1 });
});

test('judges consecutive runs each by its own records', () => {
  const judge = new RunJudge();
  const second = (record: JsonObject) => ({ ...record, runId: 'r2' });
  for (const record of [session, start('a'), end('a'), second(session), second(start('a'))])
    judge.control(record, 1);
  assert.deepEqual(
    judge.verdicts().map((verdict) => verdict.complete),
    [true, false],
  );
});

test('a kind may be called like a property of every object', () => {
  const kinds = { constructor: 3, ['__proto__']: 2 };
  const told = end('pcrs-posture', { out: kinds });
  const [whole] = judged([session, start('pcrs-posture'), told], kinds);
  assert.deepEqual(whole?.filtered, {});
  assert.deepEqual(whole?.accepted, kinds);
  const [filtered] = judged([session, start('pcrs-posture'), told], { constructor: 1 });
  assert.equal(differenceWords([filtered!]), 'filtered 2 constructor and 2 __proto__');
});
