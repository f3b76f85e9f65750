import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyEntry, RequestLog } from './request-log.ts';

const hostIds = Array.from({ length: 900_000 }, (_, n) => String(n));
const blank = () => emptyEntry({ method: 'POST', headers: {} } as never, new URL('http://x/'), undefined);

test('forgets the oldest requests, and counts all', () => {
  const log = new RequestLog(2);
  for (let n = 0; n < 5; n++) log.add(blank());
  assert.deepEqual(
    log.entries.map(({ number }) => number),
    [4, 5],
  );
  assert.equal(log.count, 5);
});

test('forgets the host ids of the oldest once there are millions, but not their number', () => {
  const log = new RequestLog(10);
  for (let n = 0; n < 3; n++) {
    log.remember(log.add(blank()), [{ policyId: '1', subscriptionId: '2', hostIds }]);
  }
  assert.deepEqual(
    log.entries.map(({ policies }) => [policies[0]?.hosts, policies[0]?.hostIds.length]),
    [
      [900_000, 0],
      [900_000, 900_000],
      [900_000, 900_000],
    ],
  );
});
