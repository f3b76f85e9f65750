import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type OcsfOptions, toOcsf } from './index.ts';

type Json = Record<string, unknown>;
/** A type: `[]` for an array, `!` for a required attribute; with the numbers and captions of an enum. */
type Attribute = string | [string, Record<string, string>];

/** Class 2003 and its objects, from release 1.5.0 of github.com/ocsf/ocsf-schema, without deprecated parts. */
const schema: Record<string, Record<string, Attribute>> = JSON.parse(
  readFileSync(new URL('ocsf-1.5.0.json', import.meta.url), 'utf8'),
);

/** Violations of the schema in an object; objects missing from the table are not checked. */
function faults(value: unknown, type: string, place: string): string[] {
  const isNumber = /^(integer|long|timestamp)_t$/.test(type);
  if (isNumber)
    return Number.isSafeInteger(value) ? [] : [`${place}: ${JSON.stringify(value)} is not a number`];
  if (type === 'json_t' || type === 'object') return [];
  if (type.endsWith('_t')) return typeof value === 'string' ? [] : [`${place}: not a text`];
  const attributes = schema[type];
  if (!attributes) return [`${place}: ${type} is not in the table`];
  const object = value as Json;
  const found = Object.keys(object).flatMap((name) => {
    const attribute = attributes[name];
    if (!attribute) return [`${place}.${name}: not in ${type}`];
    const [word, captions] = typeof attribute === 'string' ? [attribute, undefined] : attribute;
    const [, inner = '', array] = /^(\w+)(\[\])?!?$/.exec(word) ?? [];
    if (captions && !(String(object[name]) in captions))
      return [`${place}.${name}: ${object[name]} is not in its enum`];
    const sibling = name.replace(/_(id|uid)$/, '_name');
    const label = object[name.endsWith('_id') && !(sibling in object) ? name.slice(0, -3) : sibling];
    const isFree = object[name] === 99 || (type === 'check' && name === 'severity_id');
    if (captions && label !== undefined && !isFree && label !== captions[String(object[name])])
      return [`${place}.${name}: ${object[name]} is called ${label}`];
    const values = array ? (object[name] as unknown[]) : [object[name]];
    return values.flatMap((one) => faults(one, inner, `${place}.${name}`));
  });
  const missing = Object.entries(attributes)
    .filter(([name, attribute]) => String(attribute).includes('!') && !(name in object))
    .map(([name]) => `${place}.${name}: missing`);
  return [...found, ...missing];
}

const session = {
  ...{ kind: 'session', runId: 'r1', gateway: 'https://gateway.example.com' },
  startedAt: '2026-11-28T05:30:00Z',
};
const start = { kind: 'start', contract: 2, runId: 'r1', startId: 's1', stage: 'pcrs-posture', options: {} };
const policy = { kind: 'policy', subscriptionId: 94271, id: 7, title: 'CIS' };
const posture = {
  ...{ kind: 'posture', id: 20000016420, instance: 'os', policyId: 7, policyTitle: 'CIS "Level 1"' },
  ...{ netBios: 'SRV', controlId: 1080, controlStatement: 'Status of ä', rationale: 'because\n"so"' },
  ...{ remediation: 'set it', controlReference: '1.2.3', technologyId: 285, status: 'Failed' },
  ...{
    previousStatus: 'Passed',
    firstFailDate: '2026-02-10T03:17:22Z',
    lastFailDate: '2026-11-27T03:17:22.417Z',
  },
  ...{ firstPassDate: '', lastPassDate: null, postureModifiedDate: 'yesterday' },
  ...{ lastEvaluatedDate: '2026-11-27T04:00:00Z', created: '2026-11-27T04:01:00Z', hostId: 118729 },
  ...{ ip: '10.0.0.18', trackingMethod: 'AGENT', os: 'Windows', dns: 'srv.example.com', networkId: 0 },
  ...{ customerUuid: 'c-1', customerId: '94271', technology: { id: 285, name: 'Windows' } },
  ...{
    criticality: { label: 'URGENT', value: 5 },
    evidence: { expectedValues: ['e1'], currentValues: ['c1'] },
  },
  ...{ causeOfFailure: { missing: 'm1' }, CLOUD_RESOURCE_ID: 'i-1', CloudMetaData: { region: 'r' } },
  ...{ qdScore: 12345678901234, owner: { team: 'web' } },
};

function lines(...records: object[]): Uint8Array[] {
  return records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`));
}

async function findings(records: object[], options: OcsfOptions = {}): Promise<Json[]> {
  const chunks = await Array.fromAsync(toOcsf(lines(...records), options));
  const text = Buffer.concat(chunks).toString();
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const outside: OcsfOptions = { gateway: 'https://gateway.example.com', subscription: '94271' };

async function one(changed: Json = {}, options: OcsfOptions = {}): Promise<Json> {
  const [found] = await findings([{ ...posture, ...changed }], { ...outside, ...options });
  return found as Json;
}

test('writes events that OCSF 1.5.0 accepts, whatever is missing', async () => {
  const optional = Object.keys(posture).filter(
    (name) => !['kind', 'policyId', 'hostId', 'controlId'].includes(name),
  );
  const changes: Json[] = [
    {},
    ...optional.flatMap((name) => [{ [name]: null }, { [name]: '' }, { [name]: undefined }]),
    ...['Passed', 'PASSED', 'PassedE', 'Error', 'Pending'].map((status) => ({ status })),
    ...[0, 1, 2, 3, 4, 5, 6, '5', 'high'].map((value) => ({ criticality: { label: null, value } })),
    { criticality: 'URGENT', technology: [], hostId: '118729', controlId: '1080', dns: 5, ip: ['10.0.0.1'] },
  ];
  for (const change of changes) {
    assert.deepEqual(
      faults(await one(change, { evidence: true }), 'compliance_finding', JSON.stringify(change)),
      [],
    );
  }
});

test('the check of the schema detects violations', async () => {
  const event = await one();
  assert.deepEqual(faults({ ...event, time: '2026', extra: 1 }, 'compliance_finding', ''), [
    '.time: "2026" is not a number',
    '.extra: not in compliance_finding',
  ]);
  assert.deepEqual(faults({ ...event, severity_id: 7, metadata: {} }, 'compliance_finding', ''), [
    '.severity_id: 7 is not in its enum',
    '.metadata.product: missing',
    '.metadata.version: missing',
  ]);
  const { finding_info: _, ...without } = { ...event, status_id: 4 } as Json;
  assert.deepEqual(faults(without, 'compliance_finding', ''), [
    '.status_id: 4 is called New',
    '.finding_info: missing',
  ]);
});

test('keeps every value of a posture', async () => {
  const text = JSON.stringify(await one({}, { evidence: true }));
  const { kind: _, ...members } = posture;
  const times = ['firstFailDate', 'lastFailDate', 'created'];
  for (const [name, value] of Object.entries(members)) {
    if (value === null || value === '') continue;
    const written = times.includes(name) ? Date.parse(value as string) : value;
    const inside = JSON.stringify(written).replace(/^"|"$/g, '');
    assert.ok(text.includes(inside), `${name}: ${inside}`);
  }
});

test('puts members without a place into unmapped, digits and all', async () => {
  const big = Buffer.from(
    '{"kind":"posture","policyId":7,"hostId":99999999999999999999,"controlId":1,"new":12345678901234567890,"networkId":1.10}\n',
  );
  const text = Buffer.concat(await Array.fromAsync(toOcsf([big], outside))).toString();
  assert.match(text, /"uid":"gateway.example.com:94271:7:99999999999999999999:1:0:"/);
  assert.match(text, /"unmapped":\{"policyId":7,"networkId":1\.10,"new":12345678901234567890\}/);
  const { unmapped } = await one();
  assert.equal((unmapped as Json)['postureModifiedDate'], 'yesterday');
  assert.deepEqual((unmapped as Json)['owner'], { team: 'web' });
});

test('quotes a value that is not a string if OCSF wants one, and accepts lines of any length', async () => {
  const long = 'ä"\\'.repeat(300_000);
  const event = await one({
    ...{ controlStatement: { text: 'a "b"' }, dns: ['x', 'y'], os: true, instance: { no: 1 } },
    ...{ rationale: long, remediation: ',', created: 12, customerUuid: 7.5 },
  });
  assert.deepEqual(faults(event, 'compliance_finding', ''), []);
  const { compliance, finding_info, resources, metadata, remediation, unmapped } = event as Record<
    string,
    Json
  >;
  assert.equal(finding_info!['title'], JSON.stringify({ text: 'a "b"' }));
  assert.ok(String(finding_info!['uid']).endsWith(':285:{"no":1}'));
  assert.deepEqual((resources as unknown as Json[])[0], {
    ...{ uid: '118729', name: '["x","y"]', hostname: '["x","y"]', ip: '10.0.0.18', type: 'true' },
    data: { CLOUD_RESOURCE_ID: 'i-1', CloudMetaData: { region: 'r' } },
  });
  assert.deepEqual([compliance!['desc'], remediation!['desc']], [long, ',']);
  assert.deepEqual([metadata!['tenant_uid'], unmapped!['created']], ['7.5', 12]);
});

test('writes evidence only on request', async () => {
  const shown = await one({}, { evidence: true });
  const { evidence, causeOfFailure } = posture;
  assert.deepEqual(shown['evidences'], [{ data: { evidence, causeOfFailure } }]);
  const text = JSON.stringify(await one());
  assert.ok(!text.includes('e1') && !text.includes('m1'));
});

test('distinguishes results, lifecycle and severity', async () => {
  const told = async (changed: Json) => {
    const event = await one(changed);
    return [(event['compliance'] as Json)['status'], event['status'], event['severity']];
  };
  assert.deepEqual(await told({}), ['Fail', 'New', 'Critical']);
  assert.deepEqual(await told({ status: 'PassedE' }), ['Pass', 'Suppressed', 'Critical']);
  assert.deepEqual(await told({ status: 'Passed' }), ['Pass', 'Resolved', 'Critical']);
  assert.deepEqual(await told({ status: 'Passed', lastFailDate: '' }), ['Pass', undefined, 'Critical']);
  assert.deepEqual(await told({ status: 'error', criticality: null }), ['Warning', 'New', 'Unknown']);
  assert.deepEqual(await told({ status: 'Odd', criticality: { value: 9 } }), [
    'Odd',
    undefined,
    'criticality 9',
  ]);
});

test('takes gateway, subscription and start from the run, and judges it', async () => {
  const stream = [session, start, policy, { ...posture, lastEvaluatedDate: '' }];
  const seen: Uint8Array[] = [];
  await assert.rejects(
    async () => {
      for await (const chunk of toOcsf(lines(...stream))) seen.push(chunk);
    },
    { code: 'PCRS_INCOMPLETE', message: /pcrs-posture broke off/ },
  );
  const event = JSON.parse(Buffer.concat(seen).toString());
  assert.equal(event.finding_info.uid, 'gateway.example.com:94271:7:118729:1080:285:os');
  assert.equal(event.time, Date.parse('2026-11-28T05:30:00Z'));
});

test('gives a posture one uid, whether its ids are numbers or strings', async () => {
  const uid = (event: Json) => (event['finding_info'] as Json)['uid'];
  const texts = await one({ policyId: '7', hostId: '118729', controlId: '1080', technologyId: '285' });
  assert.equal(uid(texts), uid(await one()));
  assert.equal(uid(await one({ instance: 'a"b' })), 'gateway.example.com:94271:7:118729:1080:285:a"b');
});

test('makes findings of changes, at the start of the newer run', async () => {
  const { kind: _, ...newer } = posture;
  const words = ['newly_failed', 'appeared', 'status_changed', 'fixed', 'vanished', 'control_added'];
  const changes = words.map((change) => ({
    ...{ kind: 'change', change, subscriptionId: 94271, oldStatus: 'Passed', newStatus: 'Failed' },
    ...(change === 'control_added' ? {} : { posture: newer }),
  }));
  const end = {
    kind: 'end',
    runId: 'r1',
    startId: 's1',
    stage: 'pcrs-posture',
    ok: true,
    status: 0,
    in: {},
    out: {},
  };
  const events = await findings([session, start, ...changes, end]);
  assert.deepEqual(
    events.map((event) => [event['activity_name'], event['type_uid'], event['time']]),
    ['Create', 'Create', 'Update', 'Close', 'Close'].map((name) => [
      name,
      { Create: 200301, Update: 200302, Close: 200303 }[name],
      Date.parse(session.startedAt),
    ]),
  );
  for (const event of events) assert.deepEqual(faults(event, 'compliance_finding', ''), []);
  const unmapped = (index: number) => (events[index] as Json)['unmapped'] as Json;
  assert.equal(unmapped(3)['change'], 'fixed');
  assert.deepEqual(unmapped(0)['owner'], { team: 'web' });
  assert.equal(events[4]?.['status'], 'Archived');
});

test('refuses a posture without an identity, a gateway or a subscription', async () => {
  await assert.rejects(one({ hostId: null }), {
    code: 'PCRS_RECORD',
    message: /^stdin:1: hostId is missing/,
  });
  assert.deepEqual(await findings([{ ...posture, hostId: null }], { ...outside, skipBad: true }), []);
  await assert.rejects(findings([posture]), { code: 'PCRS_USAGE', message: /--gateway/ });
  await assert.rejects(findings([posture], { gateway: 'https://g' }), { message: /--subscription/ });
  await assert.rejects(findings([]), { code: 'PCRS_EMPTY' });
});

test('warns when neither posture nor change came, naming what did', async () => {
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message), note: () => {} };
  assert.deepEqual(await findings([policy, { kind: 'hostids', policyId: 7, hostIds: [] }], { log }), []);
  assert.deepEqual(warnings, [
    'neither posture nor change came, so there is no event; kinds seen: policy 1, hostids 1',
  ]);
});

test("forgets a run's subscription when the next run begins", async () => {
  const next = { ...session, runId: 'r2' };
  await assert.rejects(findings([session, policy, posture, next, posture]), {
    code: 'PCRS_USAGE',
    message: /^stdin:5: .*--subscription/,
  });
});
