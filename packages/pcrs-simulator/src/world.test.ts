import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { assertSame } from './client.test.ts';
import { recordOptions, World } from './world.ts';

interface Posture {
  id: number;
  policyId: number;
  hostId: number;
  controlId: number;
  instance: string;
  status: string;
  lastEvaluatedDate: string;
  complianceLastScanDate: string;
  postureModifiedDate: string | null;
  [name: string]: unknown;
}

const size = { seed: 7, policies: 14, hosts: 50, controls: 9 };

function postures(world: World, options: Parameters<World['posture']>[0] = {}): Posture[] {
  return Array.from(world.posture(options), (text) => JSON.parse(text) as Posture);
}

function digest(world: World): string {
  const sum = createHash('sha256');
  for (const text of [...world.policies(), ...world.policyIds().map((id) => world.hostIdsElement(id))])
    sum.update(text);
  for (const text of world.posture({ evidence: 'extended' })) sum.update(text);
  return sum.digest('hex');
}

test('is the same to the byte for the same seed, and differs for another', () => {
  assert.equal(digest(new World(size)), digest(new World({ ...size })));
  assert.notEqual(digest(new World(size)), digest(new World({ ...size, seed: 8 })));
  assert.equal(
    digest(new World({ seed: 1, policies: 5, hosts: 20, controls: 10 })).slice(0, 12),
    'bcf93a796419',
    'the world of seed 1 has changed: every golden file of the suite changes with it',
  );
});

test('writes JSON as JSON.stringify would, member by member in the documented order', () => {
  const [first] = new World(size).posture({ evidence: 'evidence' });
  assert.equal(JSON.stringify(JSON.parse(first as string)), first);
  assert.equal(
    Object.keys(JSON.parse(first as string)).join(' '),
    'id instance policyId policyTitle netBios controlId controlStatement rationale remediation controlReference technologyId status previousStatus firstFailDate lastFailDate firstPassDate lastPassDate postureModifiedDate lastEvaluatedDate created hostId ip trackingMethod os osCpe domainName dns qgHostid networkId networkName complianceLastScanDate customerUuid customerId assetId technology criticality evidence causeOfFailure currentDataSizeKB totalDataSizeKB currentBatch totalBatches CLOUD_RESOURCE_ID CloudMetaData',
  );
});

test('has the types seen at the gateway', () => {
  const records = postures(new World({ ...size, policies: 30, hosts: 150 }), { evidence: 'evidence' });
  const typesOf = (name: string) =>
    [...new Set(records.map((record) => (record[name] === null ? 'null' : typeof record[name])))]
      .sort()
      .join(' ');
  const expected = {
    id: 'number',
    hostId: 'number',
    customerId: 'string',
    assetId: 'null number',
    networkId: 'number',
    netBios: 'null string',
    controlReference: 'null string',
    postureModifiedDate: 'null string',
    firstFailDate: 'string',
    criticality: 'null object',
    technology: 'object',
    evidence: 'null object',
    causeOfFailure: 'null object',
    currentDataSizeKB: 'string',
    currentBatch: 'number',
    CLOUD_RESOURCE_ID: 'null string',
    qgHostid: 'null string',
    domainName: 'null string',
  };
  for (const [name, types] of Object.entries(expected)) assert.equal(typesOf(name), types, name);
  assert.ok(records.every(({ id }) => id > 2 ** 31 && Number.isSafeInteger(id)));
  assert.equal(new Set(records.map(({ id }) => id)).size, records.length);
  assert.deepEqual([...new Set(records.map(({ status }) => status))].sort(), ['Error', 'Failed', 'Passed']);
  assert.ok(
    records.every(({ status, causeOfFailure }) => (causeOfFailure !== null) === (status === 'Failed')),
  );
  assert.ok(records.some(({ firstFailDate }) => firstFailDate === ''));
});

test('has texts that trip careless readers', () => {
  const world = new World({ ...size, controls: 60 });
  const text = [...world.posture({ evidence: 'extended' })].join('\n');
  for (const odd of ['\\u0000', '\u2028', '}]},{\\"id\\"', '\\\\', '\\r\\n', '🔒', 'é', '–', '\\u001b']) {
    assert.ok(text.includes(odd), JSON.stringify(odd));
  }
});

test('has records of about two kilobytes with evidence, more with extended evidence, less without', () => {
  const world = new World(size);
  const mean = (evidence: 'none' | 'evidence' | 'extended') => {
    const lengths = Array.from(world.posture({ evidence }), (text) => Buffer.byteLength(text));
    return lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  };
  const [none, plain, extended] = [mean('none'), mean('evidence'), mean('extended')];
  assert.ok(plain > 1800 && plain < 2400, String(plain));
  assert.ok(none < plain && plain < extended);
});

test('has Windows, Linux and Oracle, inactive policies, policies without hosts and one without a date', () => {
  const world = new World({ ...size, policies: 30 });
  const policies = world.policies().map((text) => JSON.parse(text));
  const titles = policies.map(({ title }) => title).join('\n');
  for (const word of ['CIS', 'DISA STIG', 'PCI DSS', 'Windows', 'Linux', 'Oracle'])
    assert.ok(titles.includes(word), word);
  assert.ok(policies.some(({ status }) => status === 'inactive'));
  assert.ok(policies.some(({ lastEvaluatedDate }) => lastEvaluatedDate === null));
  assert.ok(world.policyIds('active').some((id) => world.hostIds(id).length === 0));
  const instances = new Set(postures(world).map(({ instance }) => instance));
  assert.ok(instances.has('os') && [...instances].some((name) => name.startsWith('Oracle19c:1:1521')));
});

test('fails more at low criticality, and more in some policies than in others', () => {
  const records = postures(new World({ ...size, hosts: 60, controls: 40 }));
  const rate = (group: Posture[]) => group.filter(({ status }) => status === 'Failed').length / group.length;
  const of = (label: string) =>
    records.filter(({ criticality }) => (criticality as { label: string } | null)?.label === label);
  assert.ok(rate(of('URGENT')) < rate(of('SERIOUS')) && rate(of('SERIOUS')) < rate(of('MINIMAL')));
  const policies = Map.groupBy(records, ({ policyId }) => policyId);
  const rates = [...policies.values()].map(rate);
  assert.ok(Math.max(...rates) > 2 * Math.min(...rates));
});

test('yields exactly the records that a filter asks for', () => {
  const world = new World({ ...size, hosts: 80 });
  const all = postures(world);
  const since = Date.parse('2026-11-21T02:00:00Z');
  const filters = [
    [{ evaluatedSince: since }, (record: Posture) => Date.parse(record.lastEvaluatedDate) >= since],
    [{ scannedFrom: since }, (record: Posture) => Date.parse(record.complianceLastScanDate) >= since],
    [{ scannedTo: since }, (record: Posture) => Date.parse(record.complianceLastScanDate) <= since],
    [
      { statusChangedSince: since },
      (record: Posture) =>
        record.postureModifiedDate !== null && Date.parse(record.postureModifiedDate) >= since,
    ],
  ] as const;
  for (const [options, wanted] of filters) {
    const some = postures(world, options);
    assert.ok(some.length > 0 && some.length < all.length, JSON.stringify(options));
    assertSame(some, all.filter(wanted));
  }
  const active = postures(world, { excludeInactiveControls: true });
  assert.equal(active.length, all.length);
  const wide = new World({ ...size, controls: 17 });
  assert.ok(postures(wide, { excludeInactiveControls: true }).length < postures(wide).length);
  const scored = postures(world, { detectionScore: true });
  assert.ok(scored.every(({ qdScore }) => typeof qdScore === 'number'));
  assert.ok(postures(world, { version: 1 }).every((record) => !('CloudMetaData' in record)));
});

test('gives each policy the requested number of hosts, if that many match', () => {
  const world = new World({ ...size, hosts: 2000, hostsPerPolicy: 50 });
  for (const id of world.policyIds('active')) {
    const count = world.hostIds(id).length;
    assert.ok(count === 50 || count === 0, `${id}: ${count}`);
  }
});

test('answers only for hosts that a policy holds', () => {
  const world = new World(size);
  const [first, second] = world.policyIds() as [string, string];
  const hosts = [...world.hostIds(second), '1', '99999999', 'x'];
  assert.equal([...world.pairs(first, hosts, 5)].length, 0);
  assert.equal([...world.pairs('42', world.hostIds(first), 5)].length, 0);
  assert.equal([...world.pairs(first, world.hostIds(first), 5)].length, world.hostIds(first).length);
});

test('changes from day to day only what was evaluated on that day', () => {
  const key = ({ id }: Posture) => id;
  for (const day of [1, 2, 3, 6]) {
    const before = new Map(
      postures(new World({ ...size, day: day - 1 })).map((record) => [key(record), record]),
    );
    const world = new World({ ...size, day });
    const after = postures(world);
    const today = `2026-11-${22 + day}`;
    const policyDates = new Map(
      world.policies().map((text) => [JSON.parse(text).id, JSON.parse(text).lastEvaluatedDate]),
    );
    let changed = 0;
    for (const record of after) {
      const old = before.get(key(record));
      assert.ok(record.lastEvaluatedDate <= policyDates.get(record.policyId));
      if (record.lastEvaluatedDate.startsWith(today))
        changed += old === undefined || old.status === record.status ? 0 : 1;
      else assertSame(record, old);
    }
    assert.ok(changed > 0, `day ${day}`);
  }
});

test('gains and loses hosts, policies and controls as days pass', () => {
  const hosts = (day: number) => {
    const world = new World({ ...size, day });
    return new Set(world.policyIds().flatMap((id) => world.hostIds(id)));
  };
  const [start, later] = [hosts(0), hosts(5)];
  assert.ok([...start].some((id) => !later.has(id)) && [...later].some((id) => !start.has(id)));
  const policies = (day: number) => new World({ ...size, day }).policyIds();
  assert.ok(policies(0).some((id) => !policies(4).includes(id)));
  assert.ok(policies(4).some((id) => !policies(0).includes(id)));
  const controls = (day: number) => {
    const world = new World({ ...size, day });
    const [, , third] = world.policyIds();
    return new Set(postures(world, { policies: [third as string] }).map(({ controlId }) => controlId)).size;
  };
  assert.equal(controls(30), controls(0) - 1);
});

test('makes any record of a world of tens of billions without those before it', () => {
  const world = new World({ policies: 1000, hosts: 5_000_000, controls: 1000 });
  const policy = world.policyIds().at(-8) as string;
  const index = Array.from({ length: 200 }, (_, n) => 4_999_999 - n).find((n) =>
    world.policyList.holds(world.policyList.byId(policy) as never, n),
  );
  const host = String(world.hosts.id(index as number));
  const blocks = world.records.blocks(world.pairs(policy, [host], 1), recordOptions({}));
  const records = [...blocks].flatMap(({ ends }) => ends);
  assert.ok(records.length >= 1000);
});

test('refuses sizes out of bounds', () => {
  for (const options of [
    { hosts: 0 },
    { controls: 1001 },
    { policies: 1.5 },
    { day: -1 },
    { start: 'soon' },
  ]) {
    assert.throws(() => new World(options), { code: 'PCRS_USAGE' });
  }
});
