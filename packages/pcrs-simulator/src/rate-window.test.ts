import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateWindow, rateHeaders } from './rate-window.ts';

test('admits a request once the oldest in the window is old enough, to the millisecond', () => {
  const window = new RateWindow({ requests: 2, seconds: 10 });
  const verdicts = [0, 4000, 9999, 10_000, 13_999, 14_000].map((now) => window.take('a', now));
  assert.deepEqual(
    verdicts.map(({ allowed }) => allowed),
    [true, true, false, true, false, true],
  );
  assert.deepEqual(
    verdicts.map(({ remaining }) => remaining),
    [1, 0, 0, 0, 0, 0],
  );
  assert.equal(verdicts[2]?.waitSeconds, 1);
  assert.equal(window.take('a', 14_500).waitSeconds, 6);
});

test('counts each key separately', () => {
  const window = new RateWindow({ requests: 1, seconds: 10 });
  assert.ok(window.take('a', 0).allowed && window.take('b', 0).allowed);
  assert.equal(window.take('a', 0).allowed, false);
});

test('reports a wait only to requests that have to wait', () => {
  const limit = { requests: 1, seconds: 10 };
  const window = new RateWindow(limit);
  assert.deepEqual(rateHeaders(limit, window.take('a', 0)), {
    'X-RateLimit-Limit': '1',
    'X-RateLimit-Window-Sec': '10',
    'X-RateLimit-Remaining': '0',
  });
  assert.equal(rateHeaders(limit, window.take('a', 0))['X-RateLimit-ToWait-Sec'], '10');
});
