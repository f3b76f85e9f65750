import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from 'pcrs-records/kinds';
import { filteredWords, RunJudge } from './judge.ts';

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
    if (index === 0) for (const [kind, count] of Object.entries(accepted)) judge.accepted(kind, count);
  }
  return judge.verdicts();
}

test('a run whose stages all ended well is complete', () => {
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

test('names the stage that was killed, not one before it whose end it had not passed on yet', () => {
  const starts = [start('pcrs-posture'), start('pcrs-hostids'), start('pcrs-policies')];
  const [verdict] = judged([session, ...starts, end('pcrs-policies')], { hostids: 5, posture: 70 });
  assert.equal(verdict?.reason, 'run incomplete: pcrs-posture broke off after 70 records');
});

test('names the stage that failed, not the one before it whose end it did not read any more', () => {
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
  // pcrs-hostids read all there was: what it read broke off by itself.
  assert.equal(
    reason(end('pcrs-hostids'), failed('pcrs-posture')),
    'run incomplete: pcrs-policies broke off after 0 records',
  );
});

test('the failed end of pcrs-auth alone is an incomplete run', () => {
  const [verdict] = judged([
    end('pcrs-auth', { runId: null, ok: false, status: 4, error: { code: 'x', message: 'wrong password' } }),
  ]);
  assert.equal(verdict?.complete, false);
  assert.equal(verdict?.reason, 'run incomplete: pcrs-auth ended 4: wrong password');
});

test('a start that no session opened is refused as incomplete input', () => {
  assert.throws(() => judged([start('pcrs-policies')]), { code: 'PCRS_INCOMPLETE', message: /^stdin:1: / });
});

test('records that a filter took out are told by kind, wherever it stood', () => {
  const ends = [
    end('pcrs-policies', { out: { policy: 10 } }),
    end('pcrs-hostids', { in: { policy: 4 }, out: { hostids: 4 } }),
    end('pcrs-posture', { in: { hostids: 4 }, out: { posture: 900, slice: 3 } }),
  ];
  const [verdict] = judged([session, ...ends], { policy: 10, hostids: 4, posture: 250, slice: 3 });
  assert.deepEqual(verdict?.filtered, { policy: 6, posture: 650 });
});

test('runs one after another are judged each by its own records', () => {
  const judge = new RunJudge();
  const second = (record: JsonObject) => ({ ...record, runId: 'r2' });
  for (const record of [session, start('a'), end('a'), second(session), second(start('a'))])
    judge.control(record, 1);
  assert.deepEqual(
    judge.verdicts().map((verdict) => verdict.complete),
    [true, false],
  );
});

test('a kind may have a name that every object has', () => {
  const kinds = { constructor: 3, ['__proto__']: 2 };
  const made = end('pcrs-posture', { out: kinds });
  const [whole] = judged([session, start('pcrs-posture'), made], kinds);
  assert.deepEqual(whole?.filtered, {});
  assert.deepEqual(whole?.accepted, kinds);
  const [filtered] = judged([session, start('pcrs-posture'), made], { constructor: 1 });
  assert.equal(filteredWords([filtered!]), '2 constructor, 2 __proto__');
});
