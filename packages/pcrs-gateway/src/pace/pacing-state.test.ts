import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bindingMs,
  block,
  depart,
  emptyState,
  hear,
  hindrance,
  land,
  type PacingRule,
  slotHeartbeatMs,
  slotStaleMs,
  type Whereabouts,
} from './pacing-state.ts';

const here = () => 'here' as const;

/** Numbers between 0 and 1, the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

interface Flight {
  latestMs: number;
  arrivesMs: number;
  headMs: number;
  counted: boolean;
}

/**
 * Simulates ten minutes, event by event, of clients that send whenever they may and a gateway with a rolling window.
 */
function tenMinutes(rule: PacingRule, seed: number, headers: boolean) {
  const random = numbers(seed);
  const state = emptyState();
  const windowMs = rule.rate.seconds * 1000;
  const arrivals: number[] = [];
  let flights: Flight[] = [];
  let refused = 0;
  const start = 1_800_000_000_000;
  const inWindow = (now: number) => {
    while (arrivals.length > 0 && arrivals[0]! <= now - windowMs) arrivals.shift();
    return arrivals.length;
  };
  let asked = 0;
  for (let now = start; now < start + 600_000; ) {
    for (const flight of flights) {
      if (!flight.counted && flight.arrivesMs <= now) {
        if (inWindow(now) >= rule.rate.requests) refused += 1;
        arrivals.push(now);
        flight.counted = true;
      }
      if (flight.headMs > now) continue;
      land(state, flight.latestMs, now);
      const remaining = rule.rate.requests - inWindow(now);
      if (headers)
        hear(state, rule, { limit: rule.rate.requests, seconds: rule.rate.seconds, remaining }, now);
    }
    flights = flights.filter(({ headMs }) => headMs > now);
    const inTheWay = hindrance(state, rule, now, here);
    if (inTheWay === undefined && flights.length < rule.concurrency) {
      const arrivesMs = now + Math.floor(random.next().value * 150);
      const headMs = arrivesMs + 1 + Math.floor(random.next().value * 800);
      flights.push({ latestMs: depart(state, rule, now), arrivesMs, headMs, counted: false });
      asked += 1;
      now += 1;
      continue;
    }
    const events = flights.flatMap(({ counted, arrivesMs, headMs }) =>
      counted ? [headMs] : [arrivesMs, headMs],
    );
    const freeMs = inTheWay?.kind === 'rate' ? now + inTheWay.waitMs : Number.POSITIVE_INFINITY;
    now = Math.max(now + 1, Math.ceil(Math.min(freeMs, ...events)));
  }
  // The most that ten minutes allow: every full window at the whole rate.
  return { refused, share: asked / ((600_000 / windowMs) * rule.rate.requests) };
}

test('uses 95 % of a rolling limit for ten minutes and is never refused, with and without rate headers', () => {
  for (const headers of [false, true]) {
    for (const seed of [1, 2, 3]) {
      const rule = { rate: { requests: 25, seconds: 60 }, concurrency: 10 };
      const { refused, share } = tenMinutes(rule, seed, headers);
      assert.equal(refused, 0);
      assert.ok(share >= 0.95 && share <= 1.0001, `used ${share}`);
    }
  }
});

test('counts a request at the latest possible time after sending, and earlier once its answer has begun', () => {
  const rule = { rate: { requests: 1, seconds: 60 }, concurrency: 9 };
  const state = emptyState();
  const latestMs = depart(state, rule, 1_000_000);
  const waitMs = () => {
    const inTheWay = hindrance(state, rule, 1_000_500, here);
    return inTheWay?.kind === 'rate' ? inTheWay.waitMs : undefined;
  };
  assert.equal(waitMs(), 60_000 + 1800 - 500 + 2);
  land(state, latestMs, 1_000_400);
  assert.equal(waitMs(), 60_000 - 100 + 2);
});

const rule = { rate: { requests: 25, seconds: 60 }, concurrency: 2 };
const now = 1_800_000_000_000;
const dayMs = 86_400_000;

test('a wait given to one process binds others for at most 15 minutes', () => {
  const state = emptyState();
  block(state, dayMs, '429, slow', now);
  const inTheWay = hindrance(state, rule, now + 1000, here);
  assert.deepEqual(inTheWay, { kind: 'blocked', waitMs: bindingMs - 1000, why: '429, slow' });
  assert.equal(hindrance(state, rule, now + bindingMs, here), undefined);
});

test('ignores anything dated in the future: a clock was wrong', () => {
  const state = emptyState();
  block(state, 60_000, '429, slow', now + dayMs);
  hear(state, rule, { limit: 1, seconds: 3600, remaining: 0 }, now + dayMs);
  state.sent.push(now + dayMs);
  assert.equal(hindrance(state, rule, now, here), undefined);
});

test('forgets an announced limit after 15 minutes, and ignores one with an absurd window', () => {
  const state = emptyState();
  hear(state, rule, { limit: 1, seconds: 99_999_999, remaining: 0 }, now);
  assert.equal(hindrance(state, rule, now, here), undefined);
  hear(state, rule, { limit: 5, seconds: 3600, remaining: 0 }, now);
  assert.equal(hindrance(state, rule, now, here)?.kind, 'rate');
  assert.equal(hindrance(state, rule, now + bindingMs, here), undefined);
});

test('keeps requests for the longest window that any process uses', () => {
  const hourly = { rate: { requests: 1, seconds: 3600 }, concurrency: 2 };
  const state = emptyState();
  assert.equal(hindrance(state, hourly, now, here), undefined);
  land(state, depart(state, hourly, now), now);
  assert.equal(hindrance(state, rule, now + 600_000, here), undefined, 'free by the minute');
  assert.equal(hindrance(state, hourly, now + 600_000, here)?.kind, 'rate', 'still counted by the hour');
});

const slot = { pid: 1, machine: 'elsewhere', started: null };

test('a slot from the future goes stale like any other', () => {
  const state = emptyState();
  state.inFlight.push({ ...slot, id: 's', seenMs: now + dayMs }, { ...slot, id: 't', seenMs: now + dayMs });
  assert.deepEqual(hindrance(state, rule, now, here), { kind: 'slot' });
  assert.equal(hindrance(state, rule, now + slotStaleMs, here), undefined);
});

test('a holder elsewhere that stops its heartbeats keeps its slot for at most 30 s, and its silence shows before', () => {
  const at = (silentMs: number, whereabouts: Whereabouts) => {
    const state = emptyState();
    state.inFlight.push({ ...slot, id: 's', seenMs: now }, { ...slot, id: 't', seenMs: now });
    return hindrance(state, rule, now + silentMs, () => whereabouts);
  };
  assert.deepEqual(at(2 * slotHeartbeatMs, 'elsewhere'), { kind: 'slot' });
  assert.deepEqual(at(13_000, 'elsewhere'), { kind: 'slot', freeMs: 17_000 });
  assert.equal(at(30_000, 'elsewhere'), undefined);
  assert.deepEqual(at(30_000, 'here'), { kind: 'slot' }, 'this process can be checked');
  assert.equal(at(0, 'gone'), undefined);
});
