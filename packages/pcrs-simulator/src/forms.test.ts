import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { assertSame, Client, textOf } from './client.test.ts';
import { type Form, formNames } from './form-names.ts';

/** All values of several arrays in a row. */
function records(text: string): unknown[] {
  const arrays = text.replace(/^\ufeff/, '').split(/(?<=\])\s*(?=\[)/);
  return arrays.flatMap((array) => JSON.parse(array) as unknown[]);
}

async function asSent(t: Parameters<typeof Client.open>[0], forms: Form[]) {
  const client = await Client.open(t, { forms });
  const reply = await client.posture('evidenceRequired=1');
  const truth = [...client.simulator.posture({ evidence: 'evidence' })].map((text) => JSON.parse(text));
  return { text: textOf(reply.body), body: reply.body, truth, client };
}

const legal = formNames.filter(
  (name) => !['raw-controls', 'invalid-utf8', 'huge-element', 'concatenated'].includes(name),
);

for (const form of legal) {
  test(`sends ${form}: legal JSON with the values of the truth`, async (t) => {
    const plain = await asSent(t, []);
    const { text, truth } = await asSent(t, [form]);
    assert.notEqual(text === plain.text && form !== 'gzip-members', true);
    assertSame(records(text), truth);
  });
}

test('sends concatenated: arrays in a row, some of them empty', async (t) => {
  const { text, truth } = await asSent(t, ['concatenated']);
  const arrays = text.split(/(?<=\}?\])\n?(?=\[)/);
  assert.ok(arrays.length > 5 && arrays.includes('[]'));
  assertSame(
    arrays.flatMap((array) => JSON.parse(array)),
    truth,
  );
});

test("sends raw-controls: control characters in place of the truth's escapes", async (t) => {
  const { text, truth } = await asSent(t, ['raw-controls']);
  assert.throws(() => JSON.parse(text));
  assert.ok(text.includes('\u0000') && text.includes('\n'));
  const escaped = text.replace(
    /[\u0000-\u001f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  assertSame(JSON.parse(escaped), truth);
});

test("sends invalid-utf8: single bytes in place of the truth's U+FFFD", async (t) => {
  const { body, truth } = await asSent(t, ['invalid-utf8']);
  const bytes = gunzipSync(body);
  assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  assertSame(JSON.parse(new TextDecoder().decode(bytes)), truth);
  assert.ok(JSON.stringify(truth).includes('\ufffd'));
});

test('sends huge-element: one record of 32 MiB', async (t) => {
  const client = await Client.open(t, { forms: ['huge-element'] });
  const [policy] = client.simulator.world.policyIds();
  const text = textOf((await client.posture('', [policy as string])).body);
  assert.ok(text.length > 32 * 1024 * 1024);
  const sizes = (JSON.parse(text) as object[]).map((record) => JSON.stringify(record).length > 1_000_000);
  assert.equal(sizes.filter(Boolean).length, 1);
});

test('sends the same duplicates and parts however the requests are cut', async (t) => {
  const client = await Client.open(t, { forms: ['duplicates', 'split'] });
  const whole = JSON.parse(textOf((await client.posture()).body)) as { id: number; totalBatches: number }[];
  const pieces: unknown[] = [];
  for (const { policyId, hostIds } of JSON.parse(client.asked())) {
    for (const hostId of hostIds) {
      const body = [{ policyId, subscriptionId: '263191', hostIds: [hostId] }];
      pieces.push(...JSON.parse(textOf((await client.post('/pcrs/5.0/posture/postureInfo', body)).body)));
    }
  }
  assertSame(pieces, whole);
  assert.ok(whole.some(({ totalBatches }) => totalBatches === 3));
  const keys = whole.map((record) => JSON.stringify(record));
  assert.ok(new Set(keys).size < keys.length);
});

test('sends big-numbers digit by digit', async (t) => {
  const { text } = await asSent(t, ['big-numbers', 'pretty']);
  assert.match(text, /9007199254740993,\s+"more": \[\s+12345678901234567890,\s+-0,\s+1\.10,\s+1e2,/);
});

test('sends gzip-members: several gzip files in one body', async (t) => {
  const { body } = await asSent(t, ['gzip-members']);
  const starts = body.toString('latin1').split('\x1f\x8b\x08').length - 1;
  assert.ok(starts > 3, `${starts} members`);
});

test('applies forms to the list and the host ids too', async (t) => {
  const client = await Client.open(t, { forms: ['pretty', 'escaped', 'bom', 'unknown-members'] });
  const list = (await client.get('/pcrs/2.0/posture/policy/list')).body.toString();
  assert.ok(list.startsWith('\ufeff'));
  assert.ok(JSON.parse(list.slice(1)).policyList[0].ünïcode);
  const ids = (await client.get('/pcrs/5.0/posture/hostids')).body.toString();
  assert.equal(/"policyId"/.test(ids), false);
  assert.equal(JSON.parse(ids.slice(1))[0].policyId, client.simulator.world.policyIds()[0]);
});

test('writes chunks of the given size', async (t) => {
  const client = await Client.open(t, { chunkBytes: 3 });
  const reply = await client.posture();
  assert.equal(textOf(reply.body), `[${[...client.simulator.posture()].join(',')}]`);
  const raw = await rawAnswer(client);
  assert.ok(raw.includes('\r\n\r\n3\r\n'), 'the first chunk has three bytes');
});

test('declares gzip, declares it twice, or declares it falsely', async (t) => {
  const bodyOf = async (contentEncoding: 'gzip' | 'double' | 'false') => {
    const client = await Client.open(t, { contentEncoding });
    const reply = await client.posture();
    assert.equal(reply.headers['content-encoding'], 'gzip');
    return { body: reply.body, truth: `[${[...client.simulator.posture()].join(',')}]` };
  };
  const declared = await bodyOf('gzip');
  assert.equal(gunzipSync(declared.body).toString(), declared.truth);
  const double = await bodyOf('double');
  assert.equal(gunzipSync(gunzipSync(double.body)).toString(), double.truth);
  const plain = await bodyOf('false');
  assert.equal(plain.body.toString(), plain.truth);
});

/** A posture answer as on the wire, with headers and chunk sizes. */
async function rawAnswer(client: Client): Promise<string> {
  const { connect } = await import('node:net');
  const body = client.asked();
  return new Promise((resolve, reject) => {
    const socket = connect(client.simulator.port, '127.0.0.1');
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (text.includes('\r\n0\r\n\r\n')) {
        socket.destroy();
        resolve(text);
      }
    });
    socket.on('error', reject);
    socket.write(
      `POST /pcrs/5.0/posture/postureInfo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
}

test('turns ids into the other type, and omits nulls, in every answer', async (t) => {
  const client = await Client.open(t, { forms: ['string-ids', 'absent-nulls'] });
  const { policyList } = JSON.parse((await client.get('/pcrs/2.0/posture/policy/list')).body.toString());
  const [element] = JSON.parse((await client.get('/pcrs/5.0/posture/hostids')).body.toString());
  const records = JSON.parse(textOf((await client.posture()).body)) as Record<string, unknown>[];
  const types = [
    policyList[0].id,
    element.policyId,
    element.hostIds[0],
    records[0]?.['hostId'],
    records[0]?.['customerId'],
  ];
  assertSame(
    types.map((id) => typeof id),
    ['string', 'number', 'number', 'string', 'number'],
  );
  assertSame(records.filter((record) => Object.values(record).includes(null)).length, 0);
});
