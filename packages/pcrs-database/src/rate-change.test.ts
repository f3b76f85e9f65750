import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HostInBoth, HostPostures, PostureRow } from './host-postures.ts';
import { RateChangeCount, roundedToSum } from './rate-change.ts';
import type { RateReason } from './rate-reasons.ts';

type Statuses = Readonly<Record<string, string>>;

/** A host's postures, from `{control: status}`. */
function host(policyId: number, hostId: number, statuses: Statuses | undefined): HostPostures | undefined {
  if (statuses === undefined) return undefined;
  const common = { technologyId: 1n, instance: null, BATCH_DATE: null, currentBatch: 0n };
  const postures = Object.entries(statuses).map(([control, status]): [string, PostureRow] => [
    control,
    { policyId: BigInt(policyId), hostId: BigInt(hostId), controlId: BigInt(control), status, ...common },
  ]);
  return { policyId: BigInt(policyId), hostId: BigInt(hostId), postures: new Map(postures) };
}

const both = (policyId: number, hostId: number, old?: Statuses, fresh?: Statuses): HostInBoth => ({
  policyId: BigInt(policyId),
  hostId: BigInt(hostId),
  old: host(policyId, hostId, old),
  new: host(policyId, hostId, fresh),
});

function changeOf(hosts: readonly HostInBoth[]) {
  const count = new RateChangeCount();
  for (const one of hosts) count.add(one);
  return count.change();
}

/** Percentage points in ten thousandths, which add up exactly. */
const units = (points: number) => Math.round(points * 10_000);

test('gives each differing posture one reason', () => {
  const change = changeOf([
    both(
      1,
      1,
      { 1: 'Passed', 2: 'Failed', 3: 'Failed', 4: 'Error', 5: 'Passed' },
      { 1: 'Failed', 2: 'Passed', 3: 'PassedE', 4: 'Passed', 6: 'Failed' },
    ),
    both(1, 2, undefined, { 1: 'Passed', 6: 'Failed' }),
    both(1, 3, { 1: 'Failed' }, undefined),
    both(2, 1, { 1: 'Passed' }, undefined),
    both(3, 1, undefined, { 1: 'passed' }),
  ]);
  const postures = Object.fromEntries(change.by.map((part) => [part.reason, part.postures]));
  assert.deepEqual(postures, {
    newly_failed: 1,
    fixed: 1,
    exceptions: 1,
    errors: 1,
    controls_added: 1,
    controls_removed: 1,
    hosts_joined: 2,
    hosts_left: 1,
    policies_added: 1,
    policies_removed: 1,
  } satisfies Partial<Record<RateReason, number>>);
  assert.deepEqual([change.old, change.new, change.change], [50, 62.5, 12.5]);
});

test('one newly failed posture accounts for the whole loss', () => {
  const change = changeOf([both(1, 1, { 1: 'Passed', 2: 'Passed' }, { 1: 'Failed', 2: 'Passed' })]);
  assert.deepEqual(change.by, [
    { reason: 'newly_failed', points: -50, postures: 1, policies: 1, controls: 1, hosts: 1 },
  ]);
});

test('reports no difference to a run in which nothing counts', () => {
  const change = changeOf([both(1, 1, { 1: 'Error' }, { 1: 'Passed' })]);
  assert.deepEqual([change.old, change.new, change.change, change.by[0]?.points], [null, 100, null, 0]);
});

test('the parts always add up to the change exactly', () => {
  const statuses = fc.option(
    fc.dictionary(
      fc.constantFrom('1', '2', '3', '4', '5', '6', '7'),
      fc.constantFrom('Passed', 'PassedE', 'Failed', 'Error', 'New'),
    ),
    { nil: undefined },
  );
  const world = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), statuses, statuses), { maxLength: 25 });
  fc.assert(
    fc.property(world, (rows) => {
      const hosts = rows
        .sort(([a], [b]) => a - b)
        .map(([policy, old, fresh], at) => both(policy, at, old, fresh));
      const { change, by, old, new: fresh } = changeOf(hosts);
      if (change === null) return;
      assert.equal(units(fresh!) - units(old!), units(change));
      assert.equal(
        by.reduce((sum, { points }) => sum + units(points), 0),
        units(change),
      );
    }),
  );
});

test('rounds to a sum by the largest remainders', () => {
  assert.deepEqual(roundedToSum([1.5, 1.25, 1.25], 4), [2, 1, 1]);
  assert.deepEqual(roundedToSum([-0.4, -0.4, -0.4], -1), [0, 0, -1]);
  assert.deepEqual(roundedToSum([], 0), []);
});
