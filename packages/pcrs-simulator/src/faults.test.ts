import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ask, Client, textOf } from './client.test.ts';
import { faultKinds } from './fault-kinds.ts';
import { Faults, parseFault } from './faults.ts';

const posture = '/pcrs/5.0/posture/postureInfo';

test('strikes the n-th request, a range, each n-th, or all', () => {
  const struck = (when: string) => {
    const faults = new Faults([`posture:${when}:expired`]);
    const hits = [1, 2, 3, 4, 5, 6].map(() =>
      faults.strike({ endpoint: 'posture', policies: [], hasHost: () => false }),
    );
    return hits.map((list) => list.length).join('');
  };
  assert.deepEqual(['3', '1-2', '4-', '%2', '*'].map(struck), [
    '001000',
    '110000',
    '000111',
    '010101',
    '111111',
  ]);
});

test('strikes only its endpoint, policy and host, and counts only those', () => {
  const faults = new Faults(['posture:2:expired@policy=7@host=118772']);
  const strike = (endpoint: 'posture' | 'list', policy: string, host: string) =>
    faults.strike({ endpoint, policies: [policy], hasHost: (id) => id === host }).length;
  const hits = [
    strike('posture', '7', '118772'),
    strike('list', '7', '118772'),
    strike('posture', '8', '118772'),
    strike('posture', '7', '1'),
    strike('posture', '7', '118772'),
  ];
  assert.deepEqual(hits, [0, 0, 0, 0, 1]);
});

test('reads values and options that hold colons', () => {
  const { kind, value, options } = parseFault('list:1:redirect=https://a.example:444/x:status=307');
  assert.deepEqual(
    { kind, value, options },
    { kind: 'redirect', value: 'https://a.example:444/x', options: { status: '307' } },
  );
});

test('refuses an unknown fault and names it', () => {
  const refused: [string, RegExp][] = [
    ['posture', /must be ENDPOINT:WHEN:KIND/],
    ['postur:1:expired', /endpoint must be auth, list, hostids, posture or \*, got postur/],
    ['posture:0:expired', /when must be like 3, 1-2, 3-, %5 or \*, got 0/],
    ['posture:1:nope', /no kind nope; there are status /],
    ['posture:1:status', /status needs =N/],
    ['posture:1:cut=x', /cut must be a number, got x/],
    ['posture:1:expired=1', /expired takes no value/],
    ['posture:1:cut=5:hwo=end', /cut has no option hwo; it has how/],
    ['posture:1:empty=none', /empty must be one of array\|204\|empty\|broken/],
    ['list:1:unclosed', /unclosed is for posture only/],
    ['posture:1:form=pretty+nope', /no form nope/],
  ];
  for (const [text, message] of refused) {
    assert.throws(() => parseFault(text), { code: 'PCRS_USAGE', message });
  }
});

test('answers with a status, its wait headers and its kinds of body', async (t) => {
  const client = await Client.open(t, {
    faults: [
      'list:1:status=503:retry-after=7:body=html',
      'list:2:status=429:to-wait=3',
      'list:3:status=409:code=1965',
      'list:4:status=500:body=long',
      'list:5:status=502:body=gzip',
      'list:6:status=504:body=empty',
      'list:7:status=409:code=1960:body=xml',
    ],
  });
  const replies = [];
  for (let n = 0; n < 8; n++) replies.push(await client.get('/pcrs/2.0/posture/policy/list'));
  assert.deepEqual(
    replies.map(({ status }) => status),
    [503, 429, 409, 500, 502, 504, 409, 200],
  );
  assert.equal(replies[0]?.headers['retry-after'], '7');
  assert.match(replies[0]?.body.toString() ?? '', /<h1>503/);
  assert.equal(replies[1]?.headers['x-ratelimit-towait-sec'], '3');
  assert.match(replies[2]?.body.toString() ?? '', /^\[\{"response":\{.*"code":1965/);
  assert.ok((replies[3]?.body.length ?? 0) > 1_000_000);
  assert.match(textOf(replies[4]?.body as Buffer), /Bad Gateway/);
  assert.equal(replies[5]?.body.length, 0);
  assert.match(replies[6]?.body.toString() ?? '', /<CODE>1960<\/CODE>/);
});

test('refuses a token once, or all tokens issued so far', async (t) => {
  const client = await Client.open(t, {
    faults: ['list:1:expired', 'list:2:unauthenticated', 'list:3:revoke'],
  });
  const list = async () => (await client.get('/pcrs/2.0/posture/policy/list')).body.toString();
  assert.match(await list(), /JWT expired/);
  assert.match(await list(), /Not authenticated/);
  assert.match(await list(), /JWT expired/);
  assert.match(await list(), /JWT expired/);
  await client.login();
  assert.match(await list(), /policyList/);
});

test('redirects, and shows a page with 200', async (t) => {
  const client = await Client.open(t, { faults: ['auth:2:redirect=http://127.0.0.1:1/', 'auth:3:html'] });
  const redirect = await client.login();
  assert.deepEqual([redirect.status, redirect.headers.location], [302, 'http://127.0.0.1:1/']);
  const page = await client.login();
  assert.equal(page.status, 200);
  assert.match(page.body.toString(), /<html>/);
});

test('cuts a body after N bytes: the connection, a chunk, or as if whole', async (t) => {
  const client = await Client.open(t, {
    faults: [
      'posture:1:cut=5000',
      'posture:2:cut=5000:how=chunk',
      'posture:3:cut=5000:how=end',
      'posture:4:cut=0',
      'posture:5:cut=0:how=chunk',
      'list:1:cut=100',
    ],
  });
  const [destroyed, chunk, ended, nothing, badStart] = [
    await client.posture(),
    await client.posture(),
    await client.posture(),
    await client.posture(),
    await client.posture(),
  ];
  assert.deepEqual([destroyed.status, destroyed.body.length, destroyed.broken], [200, 5000, 'ECONNRESET']);
  assert.deepEqual([chunk.body.length, chunk.broken], [5000, 'HPE_INVALID_CHUNK_SIZE']);
  assert.deepEqual([ended.body.length, ended.broken], [5000, undefined]);
  assert.throws(() => gunzipSync(ended.body), { code: 'Z_BUF_ERROR' });
  assert.deepEqual([nothing.status, nothing.body.length, nothing.broken], [200, 0, 'ECONNRESET']);
  assert.deepEqual([badStart.status, badStart.broken], [200, 'HPE_INVALID_CHUNK_SIZE']);
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).body.length, 100);
  const entry = client.simulator.requests.at(-1);
  while (entry?.outcome === 'open') await new Promise((resolve) => setImmediate(resolve));
  assert.equal(entry?.outcome, 'closed');
});

test('cuts every posture body with truncateAfterBytes', async (t) => {
  const client = await Client.open(t, { truncateAfterBytes: 321 });
  for (let n = 0; n < 2; n++) assert.equal((await client.posture()).body.length, 321);
});

test('damages gzip: a byte, the CRC, the length, the header, trailing garbage', async (t) => {
  const ways = ['flip', 'crc', 'size', 'header', 'tail', 'flip:at=3000'];
  const client = await Client.open(t, { faults: ways.map((way, n) => `posture:${n + 1}:corrupt=${way}`) });
  const plain = `[${[...client.simulator.posture()].join(',')}]`;
  for (const way of ways) {
    const { body, broken } = await client.posture();
    assert.equal(broken, undefined);
    assert.throws(() => assert.equal(gunzipSync(body).toString(), plain), way);
    if (way === 'tail') assert.ok(body.toString('latin1').endsWith('Time-out</html>'));
  }
  assert.equal(textOf((await client.posture()).body), plain);
});

test('breaks the text in whole gzip: no bracket, half a record, text between records', async (t) => {
  const client = await Client.open(t, {
    faults: ['posture:1:unclosed', 'posture:2:half', 'posture:3:half-closed', 'posture:4:garbage'],
  });
  const whole = `[${[...client.simulator.posture()].join(',')}]`;
  const texts = [];
  for (let n = 0; n < 4; n++) texts.push(gunzipSync((await client.posture()).body).toString());
  assert.equal(texts[0], whole.slice(0, -1));
  assert.ok(whole.startsWith(texts[1] as string) && !(texts[1] as string).endsWith('}'));
  assert.ok((texts[2] as string).endsWith(']') && !(texts[2] as string).endsWith('}]'));
  assert.equal(texts[3]?.replace('} gateway time-out ,', '},'), whole);
  for (const text of texts) assert.throws(() => JSON.parse(text));
});

test('drips, delays, and still sends everything', async (t) => {
  const client = await Client.open(t, {
    faults: ['posture:1:drip=200:every=1:after=3000', 'list:1:delay=5'],
  });
  assert.equal(textOf((await client.posture()).body), `[${[...client.simulator.posture()].join(',')}]`);
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).status, 200);
});

test('hangs before the headers, or in the body', async (t) => {
  const client = await Client.open(t, { faults: ['list:1:hang', 'posture:1:hang=body:after=2000'] });
  const { gateway } = client.simulator;
  const authorization = `Bearer ${client.token}`;
  const list = request(`${gateway}/pcrs/2.0/posture/policy/list`, {
    headers: { authorization },
    agent: false,
  });
  list.on('response', () => assert.fail('no headers were due')).on('error', () => {});
  list.end();
  const asked = client.asked();
  const received = await new Promise<number>((resolve) => {
    const headers = { authorization, 'content-type': 'application/json' };
    const sent = request(gateway + posture, { method: 'POST', headers, agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes === 2000) setTimeout(() => sent.destroy(), 20);
      });
      response.on('error', () => resolve(bytes));
    });
    sent.on('error', () => {}).end(asked);
  });
  assert.equal(received, 2000);
  list.destroy();
});

test('omits a policy from hostids, gives it an error, or answers in another order', async (t) => {
  const client = await Client.open(t);
  const [first, second, third] = client.simulator.world.policyIds() as [string, string, string];
  client.simulator.faults.add(
    `hostids:1:missing@policy=${second}`,
    `hostids:2:policy-error=Out of luck@policy=${second}`,
    'hostids:3:reorder',
    'hostids:4:missing',
  );
  const elements = async () =>
    JSON.parse(await client.resolve([first, second, third])) as { policyId: string; error?: string }[];
  assert.deepEqual(
    (await elements()).map(({ policyId }) => policyId),
    [first, third],
  );
  assert.deepEqual((await elements())[1], {
    policyId: second,
    subscriptionId: '263191',
    hostIds: [],
    error: 'Out of luck',
  });
  assert.deepEqual(
    (await elements()).map(({ policyId }) => policyId),
    [third, second, first],
  );
  assert.deepEqual(
    (await elements()).map(({ policyId }) => policyId),
    [second, third],
  );
});

test('strikes each request that names a host, until the host is alone', async (t) => {
  const client = await Client.open(t);
  const [policyId] = client.simulator.world.policyIds() as [string];
  const [first, second] = client.simulator.world.hostIds(policyId) as [string, string];
  client.simulator.faults.add(`posture:*:status=500@host=${second}`);
  const of = async (...hostIds: string[]) =>
    (await client.post(posture, [{ policyId, subscriptionId: '263191', hostIds }])).status;
  assert.deepEqual([await of(first, second), await of(first), await of(second)], [500, 200, 500]);
  client.simulator.faults.clear();
  assert.equal(await of(second), 200);
});

test('sends one answer in another form, encoding or emptiness', async (t) => {
  const client = await Client.open(t, {
    faults: ['posture:1:form=pretty+duplicates', 'posture:2:encoding=double', 'posture:3:empty=204'],
  });
  assert.match(textOf((await client.posture()).body), /\n {2}"instance": "os"/);
  assert.equal(textOf(gunzipSync((await client.posture()).body)).slice(0, 7), '[{"id":');
  assert.equal((await client.posture()).status, 204);
  assert.equal(textOf((await client.posture()).body).slice(0, 7), '[{"id":');
});

test('sends bombs: valid JSON that compresses to almost nothing', async (t) => {
  const client = await Client.open(t, {
    faults: ['posture:1:bomb=string:bytes=20000000', 'posture:2:bomb=records:bytes=20000000'],
  });
  for (let n = 0; n < 2; n++) {
    const { body } = await client.posture();
    const text = gunzipSync(body).toString();
    assert.ok(text.length >= 20_000_000 && body.length < text.length / 100);
    assert.ok(Array.isArray(JSON.parse(text)));
  }
});

test('never ends a body or the headers, when told, until the client leaves', async (t) => {
  const client = await Client.open(t, {
    faults: [
      'posture:1:endless=records',
      'posture:2:endless=string',
      'posture:3:endless=spaces',
      'list:1:endless-header',
    ],
  });
  const body = client.asked();
  for (let n = 0; n < 3; n++) {
    await new Promise<void>((resolve) => {
      const headers = { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' };
      const query = `${posture}?compressionRequired=0`;
      const sent = request(
        client.simulator.gateway + query,
        { method: 'POST', headers, agent: false },
        (response) => {
          let bytes = 0;
          response.on('data', (piece: Buffer) => {
            bytes += piece.length;
            if (bytes > 10_000_000) response.destroy();
          });
          response.on('close', resolve).on('error', () => {});
        },
      );
      sent.on('error', () => {}).end(body);
    });
  }
  assert.equal((await client.get('/pcrs/2.0/posture/policy/list')).broken, 'HPE_HEADER_OVERFLOW');
});

test('ends the connection without an answer, or stops listening for a while', async (t) => {
  const client = await Client.open(t, { faults: ['list:1:refuse', 'list:2:down=0.05'] });
  const list = () => client.get('/pcrs/2.0/posture/policy/list');
  assert.deepEqual(await list().then(({ status, broken }) => [status, broken]), [0, 'ECONNRESET']);
  assert.equal((await list()).broken, 'ECONNRESET');
  assert.equal((await list()).broken, 'ECONNREFUSED');
  while ((await list()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
});

test('strikes logins', async (t) => {
  const client = await Client.open(t, { faults: ['auth:2:status=503'] });
  assert.equal((await client.login()).status, 503);
  assert.equal((await client.login()).status, 201);
  assert.equal((await ask(client.simulator.gateway, 'GET', '/nowhere')).status, 404);
});

test('describes every kind of fault', () => {
  for (const [name, { describe }] of Object.entries(faultKinds)) assert.ok(describe.length > 5, name);
});
