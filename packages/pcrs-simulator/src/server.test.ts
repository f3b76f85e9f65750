import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, Client, textOf } from './client.test.ts';
import { startSimulator } from './index.ts';

const datetime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

test('answers the policy list as one object, in versions 1.0 and 2.0', async (t) => {
  const client = await Client.open(t);
  for (const version of ['1.0', '2.0']) {
    const reply = await client.get(`/pcrs/${version}/posture/policy/list`);
    assert.equal(reply.status, 200);
    const expected = `{"subscriptionId":263191,"policyList":[${client.simulator.world.policies().join(',')}]}`;
    assert.equal(reply.body.toString(), expected);
  }
  const policy = JSON.parse(client.simulator.world.policies()[0] as string);
  assert.deepEqual(Object.keys(policy), [
    'id',
    'title',
    'createdBy',
    'createdDate',
    'modifiedBy',
    'modifiedDate',
    'lastEvaluatedDate',
    'status',
    'locked',
  ]);
  assert.equal(typeof policy.id, 'number');
});

test('adds tags to the list only in 2.0 and only on request, in the configured wrapper', async (t) => {
  for (const tagWrapper of ['tagInfo', 'requireTagInfo', 'flat'] as const) {
    const client = await Client.open(t, { tagWrapper });
    const first = async (path: string) => JSON.parse((await client.get(path)).body.toString()).policyList[0];
    const tagged = await first('/pcrs/2.0/posture/policy/list?requireTagInfo=1');
    const info = tagWrapper === 'flat' ? tagged : tagged[tagWrapper];
    assert.deepEqual(typeof info.includeTags[0].id, 'number');
    assert.ok(['ALL', 'ANY'].includes(info.includeTagsScope));
    assert.ok('excludeTags' in info && 'excludeTagsScope' in info);
    for (const path of ['/pcrs/1.0/posture/policy/list?requireTagInfo=1', '/pcrs/2.0/posture/policy/list']) {
      assert.equal(JSON.stringify(await first(path)).includes('excludeTags'), false);
    }
  }
});

test('lists only policies evaluated on or after lastEvaluationDate', async (t) => {
  const client = await Client.open(t, { policies: 40 });
  const { policyList } = JSON.parse(
    (
      await client.get('/pcrs/2.0/posture/policy/list?lastEvaluationDate=2026-11-22T00%3A00%3A00Z')
    ).body.toString(),
  );
  const all = client.simulator.world.policies().map((text) => JSON.parse(text));
  assert.ok(all.some((policy) => policy.lastEvaluatedDate === null));
  assert.ok(policyList.length > 0 && policyList.length < all.length);
  assert.deepEqual(
    policyList,
    all.filter((policy) => (policy.lastEvaluatedDate ?? '') >= '2026-11-22'),
  );
});

test('resolves host ids as strings, and names policies that do not exist in the answer', async (t) => {
  const client = await Client.open(t);
  const { world } = client.simulator;
  const [first] = world.policyIds();
  for (const version of ['1.0', '2.0', '3.0', '4.0', '5.0']) {
    const reply = await client.get(`/pcrs/${version}/posture/hostids?policyId=${first}%2C42`);
    assert.equal(reply.status, 200);
    const sca = Number(version[0]) < 3 ? { version: 1 } : {};
    assert.deepEqual(JSON.parse(reply.body.toString()), [
      { policyId: first, subscriptionId: '263191', hostIds: world.hostIds(first as string, sca) },
      {
        policyId: '42',
        subscriptionId: '263191',
        hostIds: [],
        error: 'Error: Compliance Policy does not exist.',
      },
    ]);
  }
});

test('shows SCA hosts in versions 1.0 and 2.0 only', async (t) => {
  const client = await Client.open(t, { hosts: 400, policies: 20 });
  const count = async (version: string) => {
    const ids = client.simulator.world.policyIds().slice(0, 10).join(',');
    const list = JSON.parse(
      (await client.get(`/pcrs/${version}/posture/hostids?policyId=${ids}`)).body.toString(),
    );
    return list.flatMap(({ hostIds }: { hostIds: string[] }) => hostIds).length;
  };
  const [one, two, three, five] = [
    await count('1.0'),
    await count('2.0'),
    await count('3.0'),
    await count('5.0'),
  ];
  assert.equal(one, two);
  assert.equal(three, five);
  assert.ok(one > three);
});

test('takes at most ten policies and needs one before 3.0; takes all or any number from 3.0 on', async (t) => {
  const client = await Client.open(t, { policies: 12 });
  const ids = client.simulator.world.policyIds();
  for (const version of ['1.0', '2.0']) {
    assert.equal(
      (await client.get(`/pcrs/${version}/posture/hostids?policyId=${ids.join(',')}`)).status,
      400,
    );
    assert.equal((await client.get(`/pcrs/${version}/posture/hostids`)).status, 400);
    assert.equal(
      (await client.get(`/pcrs/${version}/posture/hostids?policyId=${ids.slice(2).join(',')}`)).status,
      200,
    );
  }
  for (const version of ['3.0', '4.0', '5.0']) {
    const all = await client.get(`/pcrs/${version}/posture/hostids`);
    assert.equal(JSON.parse(all.body.toString()).length, 12);
    const some = await client.get(`/pcrs/${version}/posture/hostids?policyId=${ids.join(',')}`);
    assert.deepEqual(some.body, all.body);
  }
});

test('refuses all policies at once to a Reader with 403', async (t) => {
  const client = await Client.open(t, { reader: true });
  const reply = await client.get('/pcrs/3.0/posture/hostids');
  assert.equal(reply.status, 403);
  assert.match(
    reply.body.toString(),
    /^\{"errorCode":"403 FORBIDDEN","message":"The demo user does not have/,
  );
  assert.equal((await client.get('/pcrs/3.0/posture/hostids?policyId=42')).status, 200);
});

test('answers a policy id that is not a number with 400 and code 1905 in an array', async (t) => {
  const client = await Client.open(t);
  const reply = await client.get('/pcrs/5.0/posture/hostids?policyId=4199751a');
  assert.equal(reply.status, 400);
  const [{ response }] = JSON.parse(reply.body.toString());
  assert.match(response.datetime, datetime);
  assert.equal(response.code, 1905);
  assert.equal(response.text, 'parameter policy_ids has invalid value: 4199751a (Invalid value: 4199751a)');
});

test('filters host ids by scan date, status change, deployment and state, as far as the version knows them', async (t) => {
  const client = await Client.open(t, { hosts: 400, policies: 20 });
  const { world } = client.simulator;
  const id = world.policyIds()[5] as string;
  const count = async (version: string, query: string): Promise<number> => {
    const reply = await client.get(`/pcrs/${version}/posture/hostids?policyId=${id}&${query}`);
    return JSON.parse(reply.body.toString())[0].hostIds.length;
  };
  const all = await count('5.0', '');
  for (const query of [
    'lastScanDate=2026-11-20',
    'statusChangedSince=2026-11-20',
    'assetDeploymentType=CLOUD',
  ]) {
    const some = await count('5.0', query);
    assert.ok(some > 0 && some < all, `${query}: ${some} of ${all}`);
  }
  assert.equal(
    (await count('5.0', 'assetDeploymentType=CLOUD')) + (await count('5.0', 'assetDeploymentType=ON-PREM')),
    all,
  );
  assert.equal(
    (await count('5.0', 'assetState=ACTIVE')) + (await count('5.0', 'assetState=TERMINATED')),
    all,
  );
  assert.equal(
    await count('5.0', 'assetDeploymentType=ON-PREM&assetState=TERMINATED'),
    await count('5.0', 'assetDeploymentType=ON-PREM'),
  );
  assert.equal(await count('3.0', 'assetDeploymentType=CLOUD'), all);
  assert.equal(await count('2.0', 'statusChangedSince=2026-11-21'), await count('2.0', ''));
  assert.ok((await count('2.0', 'lastScanDate=2026-11-20')) < (await count('2.0', '')));
  assert.deepEqual(client.simulator.requests.at(-4)?.ignored, ['statusChangedSince']);
});

test('streams the records of postureInfo as a gzip file without Content-Encoding, equal to the truth', async (t) => {
  const client = await Client.open(t);
  for (const path of ['postureInfo', 'postureInfo/']) {
    const reply = await client.post(`/pcrs/5.0/posture/${path}?evidenceRequired=1`, client.asked());
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-encoding'], undefined);
    assert.equal(reply.headers['transfer-encoding'], 'chunked');
    assert.deepEqual([...reply.body.subarray(0, 2)], [0x1f, 0x8b]);
    const truth = [...client.simulator.posture({ evidence: 'evidence' })];
    assert.ok(truth.length > 100);
    assert.equal(textOf(reply.body), `[${truth.join(',')}]`);
  }
});

test('sends plain JSON with compressionRequired=0', async (t) => {
  const client = await Client.open(t);
  const reply = await client.posture('compressionRequired=0');
  assert.equal(reply.body.toString(), `[${[...client.simulator.posture()].join(',')}]`);
});

test('shows evidence, extended evidence, scores and inactive controls as each version does', async (t) => {
  const client = await Client.open(t, { controls: 17, hosts: 20 });
  const [first] = client.simulator.world.policyIds() as [string];
  const seen = async (version: string, query: string) => {
    const records = JSON.parse(textOf((await client.posture(query, [first], version)).body)) as Record<
      string,
      unknown
    >[];
    const text = JSON.stringify(records);
    return {
      evidence: text.includes('"expectedValues"'),
      extended: text.includes('"extendedEvidence"'),
      score: text.includes('"qdScore"'),
      cloud: text.includes('"CloudMetaData"'),
      records: records.length,
    };
  };
  const all = 'evidenceRequired=1&qdScoreRequired=1&excludeInactiveControl=1';
  const hosts = client.simulator.world.hostIds(first).length;
  const [whole, active] = [hosts * 17, hosts * 16];
  const plain = { evidence: true, extended: false, score: false, cloud: false };
  assert.deepEqual(await seen('1.0', all), { ...plain, records: whole });
  for (const version of ['2.0', '3.0', '4.0']) {
    assert.deepEqual(await seen(version, all), { ...plain, extended: true, records: active }, version);
  }
  assert.deepEqual(await seen('5.0', all), { ...plain, score: true, cloud: true, records: active });
  assert.equal((await seen('5.0', `${all}&extendedEvidenceRequired=1`)).extended, true);
  assert.equal((await seen('5.0', '')).evidence, false);
});

test('has no postures of SCA hosts from 3.0 on', async (t) => {
  const client = await Client.open(t, { hosts: 60 });
  const { world } = client.simulator;
  const policyId = world
    .policyIds()
    .find((id) => world.hostIds(id, { version: 1 }).length > world.hostIds(id).length);
  const hostIds = world.hostIds(policyId as string, { version: 1 });
  const ask = async (version: string) => {
    const body = [{ policyId, subscriptionId: '263191', hostIds }];
    const reply = await client.post(`/pcrs/${version}/posture/postureInfo`, body);
    return new Set(JSON.parse(textOf(reply.body)).map(({ hostId }: { hostId: number }) => hostId)).size;
  };
  assert.equal(await ask('2.0'), hostIds.length);
  assert.equal(await ask('3.0'), world.hostIds(policyId as string).length);
});

test('includes the whole last day of a scan window, and both ends of one given to the second', async (t) => {
  const client = await Client.open(t, { hosts: 60 });
  const dates = async (query: string): Promise<string[]> => {
    const records = JSON.parse(textOf((await client.posture(query)).body)) as {
      complianceLastScanDate: string;
    }[];
    return [...new Set(records.map(({ complianceLastScanDate }) => complianceLastScanDate))].sort();
  };
  const all = await dates('');
  const whole = await dates('lastScanDateFrom=2026-11-19&lastScanDateTo=2026-11-20');
  assert.deepEqual(
    whole,
    all.filter((date) => date >= '2026-11-19' && date < '2026-11-21'),
  );
  const [first, last] = [whole[0] as string, whole.at(-1) as string];
  assert.ok(first.startsWith('2026-11-19') && last.startsWith('2026-11-20'));
  assert.deepEqual(await dates(`lastScanDateFrom=${first}&lastScanDateTo=${last}`), whole);
});

test('ignores unknown hosts and policies, and those of another subscription', async (t) => {
  const client = await Client.open(t);
  const { world } = client.simulator;
  const [policyId] = world.policyIds() as [string];
  const count = async (body: object[]) =>
    JSON.parse(textOf((await client.post('/pcrs/5.0/posture/postureInfo', body)).body)).length as number;
  const hostIds = world.hostIds(policyId);
  const right = await count([{ policyId, subscriptionId: '263191', hostIds }]);
  assert.equal(right, 10 * hostIds.length);
  assert.equal(
    await count([{ policyId: Number(policyId), hostIds: hostIds.map(Number), kind: 'hostids' }]),
    right,
  );
  assert.equal(await count([{ policyId, subscriptionId: '1', hostIds }]), 0);
  assert.equal(
    await count([
      { policyId, hostIds: ['1', ...hostIds] },
      { policyId: '42', hostIds },
    ]),
    right,
  );
});

test('answers a flag other than 0 and 1 with 404 and its own body', async (t) => {
  const client = await Client.open(t);
  for (const query of [
    'evidenceRequired=true',
    'compressionRequired=2',
    'extendedEvidenceRequired=1',
    'lastScanDateFrom=2026-11-01',
    'lastScanDateFrom=2026-11-01&lastScanDateTo=2026-11-02&lastScanDate=2026-11-02',
  ]) {
    const reply = await client.posture(query);
    assert.equal(reply.status, 404, query);
    assert.equal(reply.body.toString(), '{"message":"Invalid input Parameter."}');
  }
});

test('refuses a body that is not a list of policies, or not declared as JSON', async (t) => {
  const client = await Client.open(t);
  for (const body of [
    '',
    '{}',
    '[1]',
    '[{"policyId":"1"}]',
    '[{"policyId":"x","hostIds":[]}]',
    '[{"hostIds":[]}]',
  ]) {
    assert.equal((await client.post('/pcrs/5.0/posture/postureInfo', body)).status, 400, body);
  }
  const headers = { 'content-type': 'text/plain' };
  assert.equal((await client.post('/pcrs/5.0/posture/postureInfo', '[]', headers)).status, 415);
});

test('answers 404 as an HTML page for a wrong path or an unknown version', async (t) => {
  const client = await Client.open(t);
  const paths = [
    '/pcrs/3.0/posture/policy/list',
    '/pcrs/6.0/posture/hostids',
    '/pcrs/5/posture/hostids',
    '/pcrs',
  ];
  for (const path of paths) {
    const reply = await client.get(path);
    assert.equal(reply.status, 404, path);
    assert.match(String(reply.headers['content-type']), /text\/html/);
  }
});

test('says "no records" in the four forms', async (t) => {
  const nothing = [{ policyId: '42', subscriptionId: '263191', hostIds: ['1'] }];
  const empty = async (emptyAs: 'array' | '204' | 'empty' | 'broken') => {
    const client = await Client.open(t, { emptyAs });
    return client.post('/pcrs/5.0/posture/postureInfo', nothing);
  };
  assert.equal(textOf((await empty('array')).body), '[]');
  assert.equal((await empty('204')).status, 204);
  const bare = await empty('empty');
  assert.deepEqual([bare.status, bare.body.length, bare.broken], [200, 0, undefined]);
  const broken = await empty('broken');
  assert.deepEqual([broken.status, broken.body.length, broken.broken], [200, 0, 'ECONNRESET']);
});

test('logs in with 201 and a three-part token with its expiry', async (t) => {
  const client = await Client.open(t);
  const reply = await client.login();
  assert.equal(reply.status, 201);
  const claims = JSON.parse(Buffer.from(client.token.split('.')[1] as string, 'base64url').toString());
  assert.equal(claims.exp - claims.iat, 4 * 3600);
  assert.equal(claims.sub, 'demo');
});

test('refuses a wrong password with the documented body', async (t) => {
  const body =
    '{"authentication_exceptions":[["Authentication Failure: 1 errors, 0 successes:authenticationFailure.InvalidCredentialsException"]]}';
  const client = await Client.open(t, { username: 'acme', password: 'pässword+&=' });
  for (const [user, password] of [
    ['acme', 'other'],
    ['demo', 'pässword+&='],
    ['acme', ''],
  ] as const) {
    const reply = await client.login(user, password);
    assert.deepEqual([reply.status, reply.body.toString()], [401, body]);
  }
  assert.equal((await client.login('acme', 'pässword+&=')).status, 201);
  const open = await Client.open(t);
  assert.equal((await open.login('any', 'wrong')).status, 401);
});

test('tells an expired token from an invalid one', async (t) => {
  const client = await Client.open(t, { expireTokenAfterSeconds: 0.001, tokenWithoutExp: true });
  assert.equal(
    Buffer.from(client.token.split('.')[1] as string, 'base64url')
      .toString()
      .includes('"exp"'),
    false,
  );
  await delay(5);
  const expired = await client.get('/pcrs/2.0/posture/policy/list');
  assert.deepEqual(
    [expired.status, expired.body.toString()],
    [401, '{"status":401,"error":"Unauthorized","message":"JWT expired"}'],
  );
  for (const token of ['', 'x', 'a.b.c', `${client.token}x`]) {
    client.token = token;
    const reply = await client.get('/pcrs/2.0/posture/policy/list');
    assert.equal(
      reply.body.toString(),
      '{"status":401,"error":"Unauthorized","message":"Not authenticated"}',
    );
  }
});

test('expires the tokens issued so far when told, and accepts new ones', async (t) => {
  const client = await Client.open(t);
  client.simulator.expireTokens();
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).status, 401);
  await client.login();
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).status, 200);
});

test('counts requests per endpoint in a window, and says how long to wait', async (t) => {
  const client = await Client.open(t, { rateLimit: { requests: 2, seconds: 60 } });
  const list = () => client.get('/pcrs/2.0/posture/policy/list');
  assert.equal((await list()).headers['x-ratelimit-remaining'], '1');
  const second = await list();
  assert.equal(second.headers['x-ratelimit-limit'], '2');
  assert.equal(second.headers['x-ratelimit-window-sec'], '60');
  assert.equal(second.headers['x-ratelimit-remaining'], '0');
  assert.equal(second.headers['x-ratelimit-towait-sec'], undefined);
  const third = await list();
  assert.equal(third.status, 429);
  assert.ok(Number(third.headers['x-ratelimit-towait-sec']) > 50);
  assert.equal((await client.get('/pcrs/5.0/posture/hostids?policyId=42')).status, 200);
});

test('answers 409 with code 1965 over the rate and 1960 over the concurrency, when told', async (t) => {
  const client = await Client.open(t, {
    rateLimit: { requests: 1, seconds: 60 },
    rateLimitStatus: 409,
    rateHeaders: false,
    concurrencyLimit: 1,
    faults: ['posture:*:hang'],
  });
  await client.resolve();
  const late = await client.get('/pcrs/5.0/posture/hostids');
  assert.equal(late.status, 409);
  assert.match(late.body.toString(), /"code":1965/);
  assert.equal(late.headers['x-ratelimit-limit'], undefined);
  void client.post('/pcrs/5.0/posture/postureInfo', []);
  while (client.simulator.requests.at(-1)?.endpoint !== 'posture') await new Promise((r) => setImmediate(r));
  const crowded = await client.get('/pcrs/2.0/posture/policy/list');
  assert.deepEqual([crowded.status, /"code":1960/.test(crowded.body.toString())], [409, true]);
});

test('remembers each request: path, parameters, policies, hosts, status, user', async (t) => {
  const client = await Client.open(t);
  const asked = JSON.parse(client.asked());
  await client.post('/pcrs/4.0/posture/postureInfo?evidenceRequired=1&qdScoreRequired=1', asked);
  const entry = client.simulator.requests.at(-1);
  assert.equal(entry?.endpoint, 'posture');
  assert.equal(entry?.version, '4.0');
  assert.equal(entry?.user, 'demo');
  assert.equal(entry?.status, 200);
  assert.deepEqual(entry?.query, { evidenceRequired: '1', qdScoreRequired: '1' });
  assert.deepEqual(entry?.ignored, ['qdScoreRequired']);
  assert.deepEqual(entry?.policies[0]?.hostIds, asked[0].hostIds);
  assert.equal(client.simulator.requestCount, 2);
});

test('closes at once, even with open requests, and frees its port', async (t) => {
  const client = await Client.open(t, { faults: ['posture:1:hang', 'list:1:drip=1:every=1000'] });
  const hanging = client.post('/pcrs/5.0/posture/postureInfo', []);
  const dripping = client.get('/pcrs/2.0/posture/policy/list');
  while (client.simulator.requestCount < 3) await new Promise((r) => setImmediate(r));
  await client.simulator.close();
  assert.ok((await hanging).broken);
  assert.ok((await dripping).broken);
  const again = await startSimulator({ port: client.simulator.port });
  assert.equal(again.port, client.simulator.port);
  await again.close();
});

test('does not come back if closed while it was down', async (t) => {
  const client = await Client.open(t, { faults: ['list:1:down=0.05'] });
  await client.get('/pcrs/2.0/posture/policy/list');
  await client.simulator.close();
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).broken, 'ECONNREFUSED');
});

test('accepts a token of an earlier simulator with the same seed, as a restarted gateway does', async (t) => {
  const before = await Client.open(t);
  const after = await Client.open(t);
  after.token = before.token;
  assert.equal((await after.get('/pcrs/2.0/posture/policy/list')).status, 200);
});

test('survives invalid paths, and clients that leave while they wait', async (t) => {
  const client = await Client.open(t, { faults: ['list:1:delay=30'], concurrencyLimit: 1 });
  for (const path of ['//', '/%', '/http://[', '/pcrs/5.0/posture/hostids?policyId=%']) {
    assert.ok([400, 404].includes((await client.get(path)).status), path);
  }
  const headers = { authorization: `Bearer ${client.token}` };
  const gone = request(`${client.simulator.gateway}/pcrs/2.0/posture/policy/list`, { headers });
  gone.on('error', () => {}).end();
  while (client.simulator.requests.at(-1)?.endpoint !== 'list') await new Promise((r) => setImmediate(r));
  gone.destroy();
  while (client.simulator.requests.at(-1)?.outcome === 'open') await new Promise((r) => setImmediate(r));
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).status, 200);
});

test('refuses methods that an endpoint does not have', async (t) => {
  const client = await Client.open(t);
  assert.equal((await ask(client.simulator.gateway, 'GET', '/auth')).status, 405);
  assert.equal((await client.get('/pcrs/5.0/posture/postureInfo')).status, 405);
});
