import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.ts';
import { parseEvent } from './world-events.ts';

interface Posture {
  id: number;
  policyId: number;
  policyTitle: string;
  hostId: number;
  controlId: number;
  status: string;
  previousStatus: string | null;
  lastEvaluatedDate: string;
}

/** A small world on a day, with or without events. */
function world(day: number, ...events: string[]): World {
  return new World({ policies: 3, hosts: 30, controls: 12, day, events: events.map(parseEvent) });
}

function postures(of: World): Posture[] {
  return Array.from(of.posture(), (text) => JSON.parse(text) as Posture);
}

const key = ({ policyId, hostId, controlId }: Posture): string => `${policyId} ${hostId} ${controlId}`;

/** The differences between two worlds, by posture. */
function changes(
  before: World,
  after: World,
): { appeared: Posture[]; vanished: Posture[]; changed: Posture[] } {
  const [old, now] = [before, after].map(
    (one) => new Map(postures(one).map((record) => [key(record), record])),
  );
  const isOther = (record: Posture) => {
    const was = old!.get(key(record));
    return was !== undefined && was.status !== record.status;
  };
  return {
    appeared: [...now!.values()].filter((record) => !old!.has(key(record))),
    vanished: [...old!.values()].filter((record) => !now!.has(key(record))),
    changed: [...now!.values()].filter(isOther),
  };
}

test('a policy gains controls on all its hosts on the day, and is evaluated', () => {
  const { appeared, vanished, changed } = changes(world(3), world(3, 'controls=3:0:5'));
  assert.deepEqual([vanished, changed], [[], []]);
  assert.equal(new Set(appeared.map(({ controlId }) => controlId)).size % 5, 0);
  assert.equal(new Set(appeared.map(({ policyId }) => policyId)).size, 1);
  assert.ok(appeared.every(({ lastEvaluatedDate }) => lastEvaluatedDate.startsWith('2026-11-25')));
  assert.equal(postures(world(2, 'controls=3:0:5')).length, postures(world(2)).length);
});

test('a broken control fails on every host where it did not fail', () => {
  const { appeared, vanished, changed } = changes(world(3), world(3, 'break=3:0:2'));
  assert.deepEqual([appeared, vanished], [[], []]);
  assert.ok(changed.length > 0);
  assert.deepEqual([...new Set(changed.map(({ status }) => status))], ['Failed']);
});

test('a share of failures become exceptions for some days, and fail again after them', () => {
  const during = postures(world(6, 'except=1-7:0.5')).filter(({ status }) => status === 'PassedE');
  assert.ok(during.length > 0);
  const after = new Map(postures(world(30, 'except=1-7:0.5')).map((record) => [key(record), record]));
  const ended = during.flatMap((record) => after.get(key(record)) ?? []);
  assert.ok(ended.some(({ status }) => status === 'Failed'));
});

test('evaluations in an error night are Error, and return to their status at the next evaluation', () => {
  const night = postures(world(5, 'error-night=5'));
  const errors = night.filter(({ lastEvaluatedDate }) => lastEvaluatedDate.startsWith('2026-11-27'));
  assert.ok(errors.length > 0);
  assert.ok(errors.every(({ status }) => status === 'Error'));
  const later = changes(world(20), world(20, 'error-night=5'));
  assert.equal(
    later.changed.filter(({ lastEvaluatedDate }) => !lastEvaluatedDate.startsWith('2026-11-27')).length,
    0,
  );
});

test('hosts leave and return, by share or by number', () => {
  const there = postures(world(3));
  const five = changes(world(3), world(3, 'away=2-4:5'));
  assert.ok(five.vanished.length > 0);
  assert.ok(new Set(five.vanished.map(({ hostId }) => hostId)).size <= 5);
  assert.ok(postures(world(3, 'away=2-4:0.4')).length < there.length);
  assert.equal(postures(world(4, 'away=2-4:0.4')).length, postures(world(4)).length);
});

test('ids are issued anew, policies renamed and removed', () => {
  const ids = (of: World) => new Set(postures(of).map(({ id }) => id));
  assert.equal(ids(world(3, 'reissue=2')).isDisjointFrom(ids(world(3))), true);
  assert.equal(ids(world(3, 'reissue=2')).size, ids(world(3)).size);
  assert.ok(postures(world(3, 'rename=3:0')).some(({ policyTitle }) => policyTitle.endsWith('(renamed)')));
  assert.equal(world(3, 'remove=3:0').policies().length, world(3).policies().length - 1);
});

test('refuses an event of another form and shows the right form', () => {
  assert.throws(() => parseEvent('away=3'), /^Error: must be away=DAY-DAY:SHARE$/);
  assert.throws(() => parseEvent('flood=3'), /must be error-night=DAY, /);
});
