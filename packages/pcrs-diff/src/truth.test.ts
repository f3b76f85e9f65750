// Compares the differences of two days' databases with what the simulator's world changed between them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimulatorOptions, World } from 'pcrs-simulator';
import { type Changes, database, diff, recordsOf } from './fixture.test.ts';

const size = { seed: 7, policies: 14, hosts: 40, controls: 9 };

// biome-ignore lint/suspicious/noExplicitAny: records as the gateway sends them
type Posture = any;

function identity({ policyId, hostId, controlId, technologyId, instance }: Posture): string {
  return JSON.stringify([policyId, hostId, controlId, technologyId ?? 0, instance]);
}

/** Changes that have a host. */
function ofHosts(changes: Changes): Changes {
  return changes.filter(({ hostId }) => hostId !== null);
}

function posturesOf(options: SimulatorOptions): Map<string, Posture> {
  const records = Array.from(new World(options).posture(), (text) => JSON.parse(text) as Posture);
  return new Map(records.map((record) => [identity(record), record]));
}

/** The changes between two days, computed in the plainest way from the world. */
function truth(oldOptions: SimulatorOptions, newOptions: SimulatorOptions): Changes {
  const [before, after] = [posturesOf(oldOptions), posturesOf(newOptions)];
  const changes = [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    if (old?.status === now?.status) return [];
    const record = now ?? old;
    return {
      kind: 'change',
      change: changeOf(old?.status, now?.status),
      policyId: record.policyId,
      policyTitle: record.policyTitle,
      hostId: record.hostId,
      ip: record.ip,
      dns: record.dns,
      controlId: record.controlId,
      controlStatement: record.controlStatement,
      technologyId: record.technologyId,
      technology_name: record.technology?.name ?? null,
      instance: record.instance,
      id: record.id,
      criticality_label: record.criticality?.label ?? null,
      criticality_value: record.criticality?.value ?? null,
      oldStatus: old?.status ?? null,
      newStatus: now?.status ?? null,
    };
  });
  return changes.sort(
    (a, b) => a.policyId - b.policyId || a.hostId - b.hostId || a.controlId - b.controlId || a.id - b.id,
  );
}

const told = ({ change, policyId, controlId }: Changes[number]) => [change, policyId, controlId];

/** The controls that policies of both days gained or lost, computed in the plainest way. */
function controlsTruth(oldOptions: SimulatorOptions, newOptions: SimulatorOptions): unknown[][] {
  const sets = (options: SimulatorOptions) => {
    const all = Map.groupBy(posturesOf(options).values(), ({ policyId }) => policyId as number);
    return new Map(
      [...all].map(([id, records]) => [id, new Set(records.map(({ controlId }) => controlId as number))]),
    );
  };
  const [before, after] = [sets(oldOptions), sets(newOptions)];
  const both = [...before.keys()].filter((id) => after.has(id)).sort((a, b) => a - b);
  return both.flatMap((id) => {
    const [old, now] = [before.get(id)!, after.get(id)!];
    const only = (one: Set<number>, other: Set<number>) => [...one.difference(other)];
    return [
      ...only(old, now).map((controlId) => ['control_removed', id, controlId]),
      ...only(now, old).map((controlId) => ['control_added', id, controlId]),
    ];
  });
}

function changeOf(old: string | undefined, now: string | undefined): string {
  if (old === undefined) return 'appeared';
  if (now === undefined) return 'vanished';
  if (now === 'Failed') return 'newly_failed';
  return old === 'Failed' && now === 'Passed' ? 'fixed' : 'status_changed';
}

const days = [0, 1, 5, 12];
const made = new Map<string, Promise<string>>();

function databaseOf(options: SimulatorOptions): Promise<string> {
  const key = JSON.stringify(options);
  const known = made.get(key) ?? recordsOf(options).then((records) => database(records));
  made.set(key, known);
  return known;
}

for (const [index, day] of days.entries()) {
  for (const later of days.slice(index + 1)) {
    test(`reports exactly what the world changed from day ${day} to day ${later}`, async () => {
      const [before, after] = [
        { ...size, day },
        { ...size, day: later },
      ];
      const expected = truth(before, after);
      const kinds = new Set(expected.map(({ change }) => change));
      assert.ok(kinds.has('newly_failed') && kinds.has('fixed'));
      if (day === 0 && later === 12) assert.ok(kinds.has('appeared') && kinds.has('vanished'));
      const { changes, warnings } = await diff(await databaseOf(before), await databaseOf(after));
      assert.deepEqual(ofHosts(changes), expected);
      assert.deepEqual(
        changes.filter(({ hostId }) => hostId === null).map(told),
        controlsTruth(before, after),
      );
      assert.deepEqual(warnings, []);
    });
  }
}

test('reports the reverse of the same changes in the other direction', async () => {
  const [before, after] = [
    { ...size, day: 0 },
    { ...size, day: 5 },
  ];
  const { changes } = await diff(await databaseOf(after), await databaseOf(before));
  assert.deepEqual(ofHosts(changes), truth(after, before));
});

test('reports nothing for a database and itself', async () => {
  const path = await databaseOf({ ...size, day: 0 });
  const { text, summary } = await diff(path, path);
  assert.equal(text, '');
  assert.equal(summary.old.postures, posturesOf({ ...size, day: 0 }).size);
});

test('counts a posture in several batches once', async () => {
  const [plain, split] = [
    { ...size, day: 0 },
    { ...size, day: 5, forms: ['split' as const] },
  ];
  const expected = truth(plain, { ...size, day: 5 });
  const { changes, summary } = await diff(await databaseOf(plain), await databaseOf(split));
  assert.deepEqual(ofHosts(changes), expected);
  assert.equal(summary.new.postures, posturesOf({ ...size, day: 5 }).size);
  const back = await diff(await databaseOf(split), await databaseOf(plain));
  assert.deepEqual(ofHosts(back.changes), truth({ ...size, day: 5 }, plain));
  assert.equal((await diff(await databaseOf(split), await databaseOf({ ...size, day: 5 }))).text, '');
});

test('selects changes, policies and criticalities', async () => {
  const [old, now] = [await databaseOf({ ...size, day: 0 }), await databaseOf({ ...size, day: 12 })];
  const all = (await diff(old, now)).changes;
  const policyId = all[0].policyId;
  const picks = [
    [{ changes: ['fixed', 'vanished'] as const }, ({ change }: Posture) => /fixed|vanished/.test(change)],
    [{ policies: [`0${policyId}`] }, (change: Posture) => change.policyId === policyId],
    [{ criticality: ['urgent'] }, (change: Posture) => change.criticality_label === 'URGENT'],
    [
      { changes: ['newly_failed'] as const, criticality: ['URGENT', 'Critical'] },
      (change: Posture) => change.change === 'newly_failed' && change.criticality_value >= 4,
    ],
  ] as const;
  for (const [options, wanted] of picks) {
    const expected = all.filter(wanted);
    assert.ok(expected.length > 0 && expected.length < all.length);
    const { changes, summary } = await diff(old, now, options);
    assert.deepEqual(changes, expected);
    assert.equal(total(summary.changes), expected.length);
  }
});

test('sums up its changes by policy, host, control and criticality', async () => {
  const [before, after] = [
    { ...size, day: 0 },
    { ...size, day: 12 },
  ];
  const { changes, summary } = await diff(await databaseOf(before), await databaseOf(after));
  const groupings = {
    byPolicy: 'policyId',
    byHost: 'hostId',
    byControl: 'controlId',
    byCriticality: 'criticality_label',
  };
  for (const [grouping, member] of Object.entries(groupings)) {
    // A control added or removed has no host.
    const groups = Map.groupBy(member === 'hostId' ? ofHosts(changes) : changes, (change) => change[member]);
    assert.equal(summary[grouping].length, groups.size);
    for (const group of summary[grouping]) {
      const of = groups.get(group[member])!;
      for (const word of Object.keys(summary.changes))
        assert.equal(group[word], of.filter(({ change }) => change === word).length);
    }
    const firsts = summary[grouping].map(({ newly_failed }: Posture) => newly_failed);
    assert.deepEqual(
      firsts,
      firsts.toSorted((a: number, b: number) => b - a),
    );
  }
  assert.equal(total(summary.changes), changes.length);
  assert.equal(
    summary.new.postures - summary.old.postures,
    summary.changes.appeared - summary.changes.vanished,
  );
  const ids = (options: SimulatorOptions) => new World(options).policyIds().map(Number);
  const only = (list: Posture[]) => list.map((policy) => policy.policyId);
  assert.ok(summary.policiesAppeared.length > 0 && summary.policiesVanished.length > 0);
  assert.deepEqual(
    only(summary.policiesAppeared),
    ids(after).filter((id) => !ids(before).includes(id)),
  );
  assert.deepEqual(
    only(summary.policiesVanished),
    ids(before).filter((id) => !ids(after).includes(id)),
  );
});

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
