import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contents,
  end,
  golden,
  hostIds,
  load,
  newDatabase,
  policy,
  posture,
  query,
  run,
  session,
  start,
  status,
} from './fixture.test.ts';
import { type Loaded, toSqlite } from './index.ts';

const refused = (code: string, pattern: RegExp) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, code, error.message);
  assert.match(error.message, pattern);
  return true;
};

/** A posture as a line, with the JSON of some members replaced. */
function postureLine(replaced: Record<string, string> = {}): string {
  const members = Object.entries({ ...posture, ...replaced }).map(
    ([name, value]) => `${JSON.stringify(name)}:${replaced[name] ?? JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
}

test('stores each member of a posture as it came: integers in INTEGER columns, texts and digits in TEXT ones', async () => {
  const path = newDatabase();
  const evidence = '{"expectedValues":"^(1|2)$", "n":[1.10,1e2,9007199254740993],"e":"\\u00e9\\/"}';
  const line = postureLine({ evidence, dns: 'true', assetId: '9223372036854775807', totalBatches: '1.0' });
  await load(path, run([line, { kind: 'slice', number: 7 }]));
  const { Row_Last_Updated: updated, ...row } = golden(path, 'q_pcrs_postureinfo');
  assert.match(updated as string, /^text:'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d'$/);
  assert.deepEqual(row, {
    id: 'integer:23006235045',
    instance: "text:'os'",
    policyId: 'integer:85361',
    netBios: "text:'WS-0013'",
    controlId: 'integer:10091',
    technologyId: 'integer:331',
    status: "text:'Failed'",
    previousStatus: "text:'Passed'",
    firstFailDate: "text:'2023-05-17T08:41:36Z'",
    lastFailDate: "text:'2023-09-15T09:16:33.25Z'",
    firstPassDate: "text:''",
    lastPassDate: 'null:NULL',
    postureModifiedDate: "text:'2023-05-17T08:41:36Z'",
    lastEvaluatedDate: "text:'2023-09-15T09:16:33Z'",
    created: "text:'2023-09-15T11:17:02Z'",
    hostId: 'integer:609153601',
    ip: "text:'192.0.2.14'",
    trackingMethod: "text:'AGENT'",
    os: "text:'Windows 11 Pro'",
    osCpe: "text:'cpe:/o:microsoft:windows_10:2009::x64:'",
    domainName: "text:'ws-0013'",
    dns: "text:'true'",
    qgHostid: "text:'00000000-0000-4000-8000-000000000013'",
    networkId: "text:'0'",
    networkName: "text:'Global Default Network'",
    complianceLastScanDate: "text:'2023-09-15T09:08:00Z'",
    customerUuid: "text:'00000000-0000-4000-8000-000000000001'",
    customerId: "text:'0094271'",
    assetId: 'integer:9223372036854775807',
    evidence: `text:'${evidence}'`,
    causeOfFailure: `text:'{"missing":"","unexpected":"0"}'`,
    currentDataSizeKB: "text:'2.240'",
    totalDataSizeKB: "text:'7.23'",
    currentBatch: "text:'3'",
    totalBatches: "text:'1.0'",
    CLOUD_RESOURCE_ID: 'null:NULL',
    CloudMetaData: 'null:NULL',
    BATCH_DATE: "text:'2026-11-20 01:02:03'",
    BATCH_NUMBER: "text:'7'",
  });
});

test("stores a control's texts once, a policy, and a row for each host id", async () => {
  const path = newDatabase();
  const other = { ...posture, id: 5, hostId: 609153602 };
  await load(path, run([policy, hostIds, posture, other]));
  const { Row_Last_Updated: _1, ...control } = golden(path, 'q_pcrs_postureinfo_controls');
  assert.deepEqual(control, {
    policyId: 'integer:85361',
    controlId: 'integer:10091',
    technologyId: 'integer:331',
    policyTitle: "text:'CIS - Microsoft Windows 11, v1.2.0'",
    controlStatement: "text:'Status of the ''Prevent installation'' setting'",
    rationale: "text:'Long text …'",
    remediation: "text:'Two\n\nlines and \\ back slashes'",
    controlReference: "text:'18.8.7.1.2'",
    technology: `text:'{"id":331,"name":"Windows 11"}'`,
    criticality: `text:'{"label":"SERIOUS","value":3}'`,
    BATCH_DATE: "text:'2026-11-20 01:02:03'",
    BATCH_NUMBER: "text:'1'",
  });
  const { Row_Last_Updated: _2, ...listed } = golden(path, 'q_pcrs_policy_list');
  assert.deepEqual(listed, {
    subscriptionId: 'integer:263191',
    id: 'integer:85361',
    title: "text:'CIS - Microsoft Windows 11, v1.2.0'",
    createdBy: "text:'acme_TZ1'",
    createdDate: "text:'2013-11-19T18:03:37Z'",
    modifiedBy: "text:'acme_ab2'",
    modifiedDate: "text:'2014-03-27T03:24:24.5Z'",
    lastEvaluatedDate: 'null:NULL',
    status: "text:'active'",
    locked: "text:'0'",
    BATCH_DATE: "text:'2026-11-20 01:02:03'",
    BATCH_NUMBER: "text:'1'",
  });
  assert.deepEqual(
    query(path, 'SELECT subscriptionId, policyId, hostId, typeof(hostId) AS type FROM q_pcrs_hostids'),
    [609153601n, 609153602n].map((hostId) => ({
      subscriptionId: 263191n,
      policyId: 85361n,
      hostId,
      type: 'integer',
    })),
  );
});

test('changes no row when the same stream comes again', async () => {
  const path = newDatabase();
  const stream = run([
    policy,
    hostIds,
    posture,
    { ...posture, id: 6, evidence: null },
    { kind: 'slice', number: 1 },
  ]);
  await load(path, stream);
  const before = contents(path);
  const again = await load(
    path,
    stream.map((record) => (record === stream[0] ? session({ startedAt: '2027-01-01T00:00:00Z' }) : record)),
  );
  assert.deepEqual(contents(path), before);
  assert.deepEqual(again.problems, {});
  assert.equal(again.complete, true);
});

test('replaces present members, null included, and keeps absent ones', async () => {
  const path = newDatabase();
  await load(path, [policy]);
  const { createdBy: _, ...without } = { ...policy, title: null, status: '' };
  await load(path, [without]);
  const row = golden(path, 'q_pcrs_policy_list');
  assert.equal(row['title'], 'null:NULL');
  assert.equal(row['status'], "text:''");
  assert.equal(row['createdBy'], "text:'acme_TZ1'");
});

test('counts records of one key that differ within a stream, and keeps the last', async () => {
  const path = newDatabase();
  const first = await load(path, [posture, posture, { ...posture, status: 'Passed' }]);
  assert.deepEqual(first.problems, { differingDuplicates: 1 });
  assert.equal(golden(path, 'q_pcrs_postureinfo')['status'], "text:'Passed'");
  const second = await load(path, [posture, { ...posture, rationale: 'other' }]);
  assert.deepEqual(
    second.problems,
    { differingDuplicates: 1 },
    'the first of the two only changed what was stored before',
  );
  assert.equal(golden(path, 'q_pcrs_postureinfo_controls')['rationale'], "text:'other'");
});

test('counts an absent or null subscription, technology and batch as 0, and refuses any other missing key member', async () => {
  const path = newDatabase();
  const { currentBatch: _1, technologyId: _2, ...bare } = posture;
  await load(path, [
    bare,
    { ...bare, currentBatch: null, technologyId: null },
    { ...bare, currentBatch: 0, technologyId: 0 },
  ]);
  assert.equal(golden(path, 'q_pcrs_postureinfo')['currentBatch'], "text:'0'");
  assert.equal(golden(path, 'q_pcrs_postureinfo_controls')['technologyId'], 'integer:0');
  const { subscriptionId: _3, ...unowned } = policy;
  await load(path, [unowned, { ...policy, subscriptionId: null }]);
  assert.equal(golden(path, 'q_pcrs_policy_list')['subscriptionId'], 'integer:0');
  const { hostId: _4, ...homeless } = posture;
  await assert.rejects(load(path, [homeless]), refused('PCRS_RECORD', /^stdin:1: hostId is missing/));
  await assert.rejects(
    load(path, [posture, { ...posture, id: null }]),
    refused('PCRS_RECORD', /^stdin:2: id must not be null/),
  );
  await assert.rejects(
    load(path, [{ ...policy, id: 'x' }]),
    refused('PCRS_RECORD', /^stdin:1: id must be a whole number, got "x"/),
  );
});

test('writes nothing of a refused posture, not even its control', async () => {
  const path = newDatabase();
  const { controlId: _, ...uncontrolled } = posture;
  await assert.rejects(load(path, [uncontrolled]), refused('PCRS_RECORD', /controlId is missing/));
  await assert.rejects(
    load(path, [postureLine({ hostId: 'null' })]),
    refused('PCRS_RECORD', /hostId must not be null/),
  );
  assert.deepEqual(contents(path), []);
});

test('keeps records before a bad line, and skips it with skipBad', async () => {
  const path = newDatabase();
  await assert.rejects(
    load(path, [policy, '{"kind":"policy",', hostIds]),
    refused('PCRS_RECORD', /^stdin:2: expected a record.*found \{"kind"/),
  );
  assert.equal(contents(path).length, 1);
  assert.equal(status(path, 'LOAD')?.['state'], 'failed');
  const loaded = await load(path, [policy, '{"kind":"policy",', '7', hostIds], { skipBad: true });
  assert.deepEqual(loaded.problems, { badLines: 2 });
  assert.equal(contents(path).length, 3);
});

test('leaves no file behind for a stream that is not NDJSON', async () => {
  const path = newDatabase();
  await assert.rejects(
    load(path, ['{', '"id": 1', '}']),
    refused('PCRS_RECORD', /several lines\? try jq -c \./),
  );
  assert.throws(() => query(path, 'SELECT 1'));
});

test('recognises untagged records by their shape, one per line or in arrays, and counts those without a kind', async () => {
  const path = newDatabase();
  const untagged = ({ kind: _, ...members }: object & { kind: string }) => members;
  const loaded = await load(path, [
    [
      untagged(hostIds),
      { ...untagged(hostIds), policyId: '9', hostIds: [], error: 'Error: no such policy.' },
    ],
    { title: 'x', ...untagged(policy) },
    untagged(posture),
    { some: 'thing' },
    { kind: 'written', files: [] },
  ]);
  assert.deepEqual(Object.values(loaded.rows), [1, 2, 1, 1]);
  assert.deepEqual(loaded.problems, { withoutKind: 1, unknownKinds: 1, policyErrors: 1 });
  assert.equal(loaded.complete, null);
});

test('counts bare values in a run, and refuses them outside one', async () => {
  const loaded = await load(newDatabase(), run([policy]).toSpliced(4, 0, '85361', '"85362"'));
  assert.deepEqual(loaded.problems, { bareValues: 2 });
  await assert.rejects(
    load(newDatabase(), [policy, 'null']),
    refused('PCRS_RECORD', /^stdin:2: expected a record/),
  );
});

test('adds a column for an unknown member, and puts members that cannot have one into unknown_members', async () => {
  const path = newDatabase();
  const odd = {
    new: 1.5,
    'a"b': true,
    select: '007',
    big: 1,
    Status: 'x',
    '': 1,
    'a\nb': 2,
    rowid: 3,
    BATCH_DATE: 4,
    rationale2: null,
  };
  const line = postureLine(
    Object.fromEntries(Object.entries(odd).map(([name, value]) => [name, JSON.stringify(value)])),
  ).replace('"big":1', '"big":18446744073709551616');
  const loaded = await load(path, [line]);
  assert.deepEqual(
    loaded.addedColumns,
    ['new', 'a"b', 'select', 'big', 'rationale2', 'unknown_members'].map(
      (name) => `q_pcrs_postureinfo.${name}`,
    ),
  );
  const row = golden(path, 'q_pcrs_postureinfo');
  assert.equal(row['new'], 'real:1.5');
  assert.equal(row['a"b'], "text:'true'");
  assert.equal(row['select'], "text:'007'");
  assert.equal(row['big'], "text:'18446744073709551616'");
  assert.equal(row['rationale2'], 'null:NULL');
  assert.equal(row['unknown_members'], `text:'{"Status":"x","":1,"a\\nb":2,"rowid":3,"BATCH_DATE":4}'`);
  const again = await load(path, [postureLine({ new: '2', '': '7' })]);
  assert.deepEqual(again.addedColumns, []);
  const after = golden(path, 'q_pcrs_postureinfo');
  assert.equal(after['new'], 'integer:2');
  assert.equal(after['unknown_members'], `text:'{"Status":"x","":7,"a\\nb":2,"rowid":3,"BATCH_DATE":4}'`);
  await assert.rejects(
    load(newDatabase(), [line], { unknown: 'fail' }),
    refused('PCRS_RECORD', /has a member "new" that no column takes/),
  );
});

test('adds at most 200 columns', async () => {
  const path = newDatabase();
  const more = Object.fromEntries(Array.from({ length: 230 }, (_, index) => [`m${index}`, index]));
  const loaded = await load(path, [{ ...policy, ...more }]);
  assert.equal(loaded.addedColumns.length, 201);
  const again = await load(path, [{ ...policy, later: 1 }]);
  assert.deepEqual(again.addedColumns, []);
  const unknown = JSON.parse(
    String(query(path, 'SELECT unknown_members FROM q_pcrs_policy_list')[0]?.['unknown_members']),
  );
  assert.equal(Object.keys(unknown).length, 31);
});

test('holds one gateway and subscription, and names both when another comes', async () => {
  const path = newDatabase();
  await load(path, run([policy, hostIds]));
  await assert.rejects(
    load(path, [session({ gateway: 'https://other.example' })]),
    refused(
      'PCRS_RECORD',
      /^stdin:1: .*https:\/\/other\.example.*https:\/\/gateway\.example, subscription 263191/,
    ),
  );
  await assert.rejects(
    load(path, [{ ...policy, subscriptionId: 5 }]),
    refused('PCRS_RECORD', /^stdin:1: .*subscription 5.*subscription 263191/),
  );
  const [, ...rest] = run([{ ...policy, subscriptionId: '263191' }]);
  await load(path, [session({ gateway: 'https://GATEWAY.example/' }), ...rest]);
});

test('gives rows the number of their slice, also when slices change places', async () => {
  const path = newDatabase();
  const records = [1, 2, 3, 4].map((id) => ({ ...posture, id, controlId: id }));
  const slice = (number: number) => ({ kind: 'slice', number });
  await load(path, run([records[0]!, slice(2), records[1]!, records[2]!, slice(1), records[3]!, slice(3)]));
  const numbers = (table: string) =>
    query(path, `SELECT BATCH_NUMBER AS number FROM ${table} ORDER BY rowid`).map(({ number }) => number);
  assert.deepEqual(numbers('q_pcrs_postureinfo'), ['2', '1', '1', '3']);
  assert.deepEqual(numbers('q_pcrs_postureinfo_controls'), ['2', '1', '1', '3']);
});

test('records in q_pcrs_status what came, stage by stage, and that all is loaded only for a complete run', async () => {
  const path = newDatabase();
  const stream = run([policy, hostIds, posture]);
  await load(path, stream);
  const runId = session()['runId'];
  assert.deepEqual(status(path, `RUN ${runId}`)?.['reconciliation'], {
    policiesListed: 1,
    policiesResolved: 1,
    policyErrors: 0,
    hostsResolved: 2,
    hostsWithPosture: 1,
    recordsReceived: { policy: 1, hostids: 1, posture: 1 },
    recordsAccepted: { policy: 1, hostids: 1, posture: 1 },
    recordsFiltered: {},
    ...{ recordsSupplied: {}, kindsEdited: [], verified: null },
    rowsStored: {
      q_pcrs_policy_list: 1,
      q_pcrs_hostids: 2,
      q_pcrs_postureinfo: 1,
      q_pcrs_postureinfo_controls: 1,
    },
    rowsUnchanged: {
      q_pcrs_policy_list: 0,
      q_pcrs_hostids: 0,
      q_pcrs_postureinfo: 0,
      q_pcrs_postureinfo_controls: 0,
    },
  });
  assert.deepEqual(status(path, `RUN ${runId} pcrs-hostids`), { start: stream[2], end: stream.at(-2) });
  assert.equal(status(path, 'Q_PCRS_PostureInfo')?.['STATUS'], 'FINAL BATCH LOADED');
  assert.equal(status(path, 'ALL_TABLES_LOADED_SUCCESSFULLY')?.['STATUS'], 'FINAL BATCH LOADED');
  await load(path, [policy]);
  assert.equal(status(path, 'ALL_TABLES_LOADED_SUCCESSFULLY'), undefined);
  assert.equal(status(path, 'LOAD')?.['state'], 'without a run');
});

test('keeps the start and end of each of several stages with one name, and only those of the last load', async () => {
  const path = newDatabase();
  const stream = run([policy, hostIds, posture]);
  const of = (kind: string) =>
    stream.map(Object).find((record) => record.kind === kind && record.stage === 'pcrs-hostids');
  const [start, end] = [
    { ...of('start'), startId: 'b' },
    { ...of('end'), startId: 'b', ok: false, status: 5 },
  ];
  const name = `RUN ${session()['runId']} pcrs-hostids`;
  await assert.rejects(load(path, [...stream, start, end]), { code: 'PCRS_INCOMPLETE' });
  assert.deepEqual(
    [status(path, name), status(path, `${name} 2`)],
    [
      { start: of('start'), end: of('end') },
      { start, end },
    ],
  );
  await load(path, stream);
  assert.deepEqual(
    [status(path, name), status(path, `${name} 2`)],
    [{ start: of('start'), end: of('end') }, undefined],
  );
});

test('names the first failed stage of an incomplete run, and attaches the loaded record to the error', async () => {
  const path = newDatabase();
  const cases: [(object | string)[], RegExp][] = [
    [run([policy, hostIds]).slice(0, -1), /^run incomplete: pcrs-posture broke off after 0 records$/],
    [
      [
        session(),
        start('pcrs-policies'),
        policy,
        end('pcrs-policies', { ok: false, status: 5, error: { code: 'PCRS_GATEWAY', message: '503' } }),
      ],
      /^run incomplete: pcrs-policies ended 5: 503$/,
    ],
    [
      [{ kind: 'end', runId: null, stage: 'pcrs-auth', ok: false, status: 4, error: { message: 'no' } }],
      /pcrs-auth ended 4: no/,
    ],
    [[policy, end('pcrs-policies')], /^stdin:2: the end of pcrs-policies has no session before it/],
  ];
  for (const [stream, pattern] of cases) {
    await assert.rejects(load(path, stream), (error: Error & { loaded?: Loaded }) => {
      assert.equal(error.loaded?.complete, false);
      return refused('PCRS_INCOMPLETE', pattern)(error as never);
    });
    assert.equal(status(path, 'ALL_TABLES_LOADED_SUCCESSFULLY'), undefined);
    assert.equal(status(path, 'LOAD')?.['state'], 'incomplete');
  }
});

test('treats a cut last line as a cut stream, and one without a newline as whole', async () => {
  const path = newDatabase();
  const bytes = (text: string) => [Buffer.from(text)];
  await assert.rejects(
    toSqlite(path, bytes(`${JSON.stringify(policy)}\n${JSON.stringify(hostIds).slice(0, -3)}`)),
    refused('PCRS_INCOMPLETE', /^stdin:2: the stream was cut off in the middle of a record$/),
  );
  const loaded = await toSqlite(
    path,
    bytes(`\ufeff${JSON.stringify(policy)}\r\n\n${JSON.stringify(hostIds)}`),
  );
  assert.deepEqual(Object.values(loaded.rows), [1, 2, 0, 0]);
});

test('accepts the stream in any chunking', async () => {
  const whole = Buffer.from(
    run([policy, hostIds, postureLine({ netBios: '"Ünïcode 👍"' })])
      .map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`)
      .join(''),
  );
  const path = newDatabase();
  const loaded = await toSqlite(
    path,
    Array.from(whole, (_, index) => whole.subarray(index, index + 1)),
  );
  assert.equal(loaded.complete, true);
  assert.equal(golden(path, 'q_pcrs_postureinfo')['netBios'], "text:'Ünïcode 👍'");
});

test('judges each run of a stream', async () => {
  const path = newDatabase();
  const second = (record: object | string) => ({
    ...(record as object),
    runId: '01890000-0000-7000-8000-000000000002',
  });
  const runs = [
    ...run([policy]),
    ...run([{ ...policy, id: 2 }]).map((record) => ('runId' in (record as object) ? second(record) : record)),
  ];
  const loaded = await load(path, runs);
  assert.equal(loaded.complete, true);
  assert.equal(loaded.runId, '01890000-0000-7000-8000-000000000002');
  await assert.rejects(load(newDatabase(), runs.slice(0, -1)), refused('PCRS_INCOMPLETE', /broke off/));
});

test('requires a run when asked to, and reports records that a filter removed', async () => {
  await assert.rejects(
    load(newDatabase(), [policy], { requireRun: true }),
    refused('PCRS_INCOMPLETE', /^stdin:1: a record before any session/),
  );
  const notes: string[] = [];
  const log = { warn: (line: string) => notes.push(line), note: (line: string) => notes.push(line) };
  const filtered = run([policy, posture, { ...posture, id: 6 }]).toSpliced(5, 1);
  const loaded = await load(newDatabase(), filtered, { log });
  assert.equal(loaded.complete, true);
  assert.ok(
    notes.includes('differs from what the stages of the run made: filtered 1 posture'),
    notes.join('\n'),
  );
  await assert.rejects(
    load(newDatabase(), filtered, { strict: true }),
    refused('PCRS_INCOMPLETE', /filtered 1 posture \(--strict\)/),
  );
});

test('reports a stream without records as empty, and makes a database of it only if that is allowed', async () => {
  const path = newDatabase();
  await assert.rejects(load(path, ['', '']), refused('PCRS_EMPTY', /no records;/));
  assert.throws(() => query(path, 'SELECT 1'));
  const loaded = await load(path, [], { allowEmpty: true });
  assert.deepEqual([loaded.complete, Object.values(loaded.rows)], [null, [0, 0, 0, 0]]);
});

test('replaces half surrogate pairs, keeps NUL, and counts both', async () => {
  const path = newDatabase();
  const loaded = await load(path, [
    postureLine({ netBios: '"a\\ud800b"', dns: '"a\\u0000b"', evidence: '{"a":"\\ud800\\u0000"}' }),
  ]);
  assert.deepEqual(loaded.problems, { loneSurrogates: 1, nulCharacters: 1 });
  const row = query(path, 'SELECT netBios, hex(dns) AS dns, evidence FROM q_pcrs_postureinfo')[0];
  assert.deepEqual({ ...row }, { netBios: 'a\ufffdb', dns: '610062', evidence: '{"a":"\\ud800\\u0000"}' });
});

test("stores a control's texts again after others that had to be changed", async () => {
  const path = newDatabase();
  await load(path, [posture, postureLine({ rationale: '"\\ud800"' }), posture]);
  assert.equal(golden(path, 'q_pcrs_postureinfo_controls')['rationale'], "text:'Long text …'");
});
