import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judgeAnswer,
  longestMeantMs,
  toldWaitMs,
  tryBackoffMs,
  waitBackoffMs,
  waitMarginMs,
} from './retry.ts';

const now = Date.parse('2026-11-23T10:00:00Z');
const kind = (status: number, headers = {}, code?: number) => judgeAnswer(status, headers, code, now).kind;

test('tells waits, retries and failures apart by status, headers and code', () => {
  const cases: [number, Record<string, string>, number | undefined, string][] = [
    [200, {}, undefined, 'answer'],
    [204, {}, undefined, 'answer'],
    [206, {}, undefined, 'try'],
    [202, {}, undefined, 'try'],
    [429, {}, undefined, 'wait'],
    ...[1959, 1960, 1965, 1966, undefined].map(
      (code) => [409, {}, code, 'wait'] as [number, Record<string, string>, number, string],
    ),
    [409, {}, 1905, 'fatal'],
    [503, { 'retry-after': '5' }, undefined, 'wait'],
    [503, { 'x-ratelimit-towait-sec': '5' }, undefined, 'wait'],
    [503, {}, undefined, 'try'],
    [500, { 'retry-after': '5' }, undefined, 'try'],
    [520, {}, undefined, 'try'],
    [408, {}, undefined, 'try'],
    [401, {}, undefined, 'token'],
    [403, {}, undefined, 'refused'],
    [302, {}, undefined, 'redirect'],
    [400, {}, undefined, 'fatal'],
    [404, {}, undefined, 'fatal'],
    [413, {}, undefined, 'fatal'],
  ];
  for (const [status, headers, code, expected] of cases) {
    assert.equal(kind(status, headers, code), expected, `${status} ${JSON.stringify(headers)} ${code}`);
  }
});

test('reads the wait from X-RateLimit-ToWait-Sec, else from Retry-After in seconds or as a date', () => {
  assert.equal(toldWaitMs({ 'x-ratelimit-towait-sec': '7', 'retry-after': '99' }, now), 7000);
  assert.equal(toldWaitMs({ 'retry-after': '90' }, now), 90_000);
  assert.equal(toldWaitMs({ 'retry-after': 'Mon, 23 Nov 2026 10:02:00 GMT' }, now), 120_000);
  assert.equal(toldWaitMs({ 'retry-after': 'Mon, 23 Nov 2026 09:00:00 GMT' }, now), 0);
  assert.equal(toldWaitMs({ 'retry-after': 'soon', 'x-ratelimit-towait-sec': '-1' }, now), undefined);
  for (const after of ['-5', '5 minutes', 'in 5', '']) {
    assert.equal(toldWaitMs({ 'retry-after': after }, now), undefined, after);
  }
  const date = 'Mon, 23 Nov 2026 09:59:00 GMT';
  assert.equal(toldWaitMs({ date, 'retry-after': 'Mon, 23 Nov 2026 10:00:00 GMT' }, now), 60_000);
  for (const year of ['1970', '9999']) {
    const told = toldWaitMs({ 'retry-after': `Thu, 01 Jan ${year} 00:00:00 GMT` }, now);
    assert.ok(told! > longestMeantMs, year);
  }
  assert.equal(toldWaitMs({ 'x-ratelimit-towait-sec': '99999999999' }, now), 99_999_999_999_000);
  assert.equal(waitMarginMs(1000), 200);
  assert.equal(waitMarginMs(60_000), 1000);
});

test('backs off from half the base to a minute, with jitter', () => {
  assert.equal(
    tryBackoffMs(1, 500, () => 0),
    250,
  );
  assert.equal(
    tryBackoffMs(1, 500, () => 1),
    500,
  );
  assert.equal(
    tryBackoffMs(3, 500, () => 1),
    4500,
  );
  assert.equal(
    tryBackoffMs(40, 500, () => 1),
    60_000,
  );
  assert.equal(
    waitBackoffMs(1, 500, () => 1),
    1000,
  );
  assert.equal(
    waitBackoffMs(40, 500, () => 1),
    300_000,
  );
});
