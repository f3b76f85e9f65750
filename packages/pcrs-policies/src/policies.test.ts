import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { simulatorAndGateway } from '../../../test/support/open-gateway.ts';
import { type PolicyOptions, policies } from './index.ts';

const { simulator, gateway } = await simulatorAndGateway({ seed: 3, policies: 30, hosts: 10, controls: 5 });
const truth = simulator.world.policies().map((text) => JSON.parse(text));

async function list(options: PolicyOptions, from = gateway) {
  const lines = [];
  const listing = policies(from, options);
  let next = await listing.next();
  for (; !next.done; next = await listing.next()) lines.push(next.value.line);
  return { lines, records: lines.map((line) => JSON.parse(line)), counts: next.value };
}

/** A gateway that answers every list request with one body. */
async function answering(body: string | Buffer) {
  const answer = await answeringAny();
  answer.body = body;
  return answer.gateway;
}

/** The same, with a body that may change between requests. */
async function answeringAny() {
  const answer: { body: string | Buffer; gateway: typeof gateway } = { body: '', gateway };
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/auth' ? 201 : 200;
    response.end(request.url === '/auth' ? 'aa.bb.cc' : answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rate = { requests: 10_000, seconds: 1 };
  answer.gateway = (await simulatorAndGateway({}, { gateway: url, retries: 1, rate })).gateway;
  return answer;
}

test('yields each policy as the gateway sent it, after kind and the subscription', async () => {
  const { lines } = await list({ status: 'all' });
  const { subscriptionId } = simulator.world;
  assert.deepEqual(
    lines,
    simulator.world
      .policies()
      .map((text) => `{"kind":"policy","subscriptionId":${subscriptionId},${text.slice(1)}`),
  );
});

test('omits and counts inactive policies by default, and only those', async () => {
  const { records, counts } = await list({});
  const inactive = truth.filter(({ status }) => status === 'inactive').length;
  assert.ok(inactive > 0);
  assert.deepEqual(counts, { listed: 30, written: 30 - inactive, inactiveLeftOut: inactive });
  assert.ok(records.every(({ status }) => status !== 'inactive'));
});

test('matches a title in any case', async () => {
  const { records } = await list({ status: 'all', title: /disa/i });
  assert.deepEqual(
    records.map(({ id }) => id),
    truth.filter(({ title }) => /disa/i.test(title)).map(({ id }) => id),
  );
});

test('selects ids among all policies, inactive ones too', async () => {
  const wanted = [truth.find(({ status }) => status === 'inactive').id, truth[0].id].map(String);
  const { records } = await list({ id: wanted });
  assert.deepEqual(new Set(records.map(({ id }) => String(id))), new Set(wanted));
  const rest = await list({ status: 'all', excludeId: wanted });
  assert.equal(rest.records.length, 28);
});

test('fails on an id that is not in the list, before any policy is written', async () => {
  const listing = policies(gateway, { id: [String(truth[0].id), '999999999'] });
  await assert.rejects(listing.next(), {
    code: 'PCRS_USAGE',
    message: /^--id: not in the policy list: 999999999;/,
  });
});

test('warns about an id missing from a list since a date: it may not have been evaluated since', async () => {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const { lines } = await list({ id: ['999999999'], evaluatedSince: '2026-01-01', warn });
  assert.deepEqual(lines, []);
  assert.deepEqual(warnings, ['--id: not in the list of policies evaluated since 2026-01-01: 999999999']);
});

test("sends the date and the tags under the gateway's own names", async () => {
  const { records } = await list({ evaluatedSince: '2026-01-01', tagInfo: true, status: 'all' });
  assert.deepEqual(simulator.requests.at(-1)?.query, {
    lastEvaluationDate: '2026-01-01',
    requireTagInfo: '1',
  });
  assert.ok(records.some(({ tagInfo }) => Array.isArray(tagInfo?.includeTags)));
});

test("keeps digits, escapes, order and a policy's own subscription", async () => {
  const policy =
    '{"title":"\\u0041\\n","id":18446744073709551615,"x":1.10,"subscriptionId":null,"y":[1e2, {}]}';
  const from = await answering(`{"policyList":[${policy}, {"id":1}],"subscriptionId":"0263191"}`);
  const { lines } = await list({}, from);
  assert.deepEqual(lines, [
    `{"kind":"policy",${policy.slice(1)}`,
    '{"kind":"policy","subscriptionId":"0263191","id":1}',
  ]);
  const untagged = await list({ untagged: true }, from);
  assert.equal(untagged.lines[1], '{"subscriptionId":"0263191","id":1}');
});

test('accepts a list without policies', async () => {
  for (const body of ['{"subscriptionId":1,"policyList":[]}', '', '{"policyList":null}']) {
    assert.deepEqual((await list({}, await answering(body))).counts, {
      listed: 0,
      written: 0,
      inactiveLeftOut: 0,
    });
  }
});

test('asks again after an answer that is not a policy list, then reports it', async () => {
  await assert.rejects(list({}, await answering('<html><body>Sorry</body></html>')), {
    code: 'PCRS_GATEWAY',
  });
  await assert.rejects(list({}, await answering('{"message":"none"}')), {
    code: 'PCRS_GATEWAY',
    message: /no policyList, only message/,
  });
});

test('a subscription or policy that is not JSON breaks the answer and writes no line', async () => {
  for (const value of ['26x', 'NaN', '0263', '+1', "'a'", '26 3', '1e', '"a', '[1,]', '{"a":foo}']) {
    const from = await answering(`{"subscriptionId":${value},"policyList":[{"id":1}]}`);
    await assert.rejects(list({}, from), { code: 'PCRS_GATEWAY' }, value);
  }
  const from = await answering('{"subscriptionId":1,"policyList":[{"id":1,"title":bare}]}');
  await assert.rejects(list({}, from), { code: 'PCRS_GATEWAY', message: /policy 1 of the list is not JSON/ });
});

test('writes each policy as one line with the subscription, whatever JSON that is', async () => {
  const server = answeringAny();
  const value = fc.oneof(
    fc.jsonValue().map((any) => JSON.stringify(any, null, 1)),
    fc.constantFrom('1e400', `1${'0'.repeat(400)}`, '-0', '1.10', '"\\u2028"', '"\u2028"'),
    fc.string({ unit: fc.constantFrom('\n', '\r', '\t', '\u0000', 'a', ' ') }).map((text) => `"${text}"`),
  );
  const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t') });
  const from = await server;
  await fc.assert(
    fc.asyncProperty(value, space, async (text, around) => {
      from.body = `{"subscriptionId":${around}${text}${around},"policyList":[{"id":1},{"id":2}]}`;
      const { lines } = await list({}, from.gateway);
      assert.equal(lines.length, 2);
      const due = JSON.parse(
        text.replaceAll(/[\0\n\r\t](?=[^"]*"$)/g, (c) => JSON.stringify(c).slice(1, -1)),
      );
      for (const line of lines) {
        assert.doesNotMatch(line, /[\0\n\r]/);
        assert.deepEqual(JSON.parse(line).subscriptionId, due);
      }
    }),
    { numRuns: 60 },
  );
});

test('fails on a policy with its own kind member and names it', async () => {
  await assert.rejects(list({}, await answering('{"policyList":[{"id":1,"kind":"x"}]}')), /kind/);
});

test('counts changed characters in a warning', async () => {
  const warnings: string[] = [];
  const body = Buffer.from(
    '{"subscriptionId":1,"policyList":[{"id":1,"title":"a\u0001\u0002b\u00ff"}]}',
    'latin1',
  );
  const { lines } = await list({ warn: (message) => warnings.push(message) }, await answering(body));
  assert.deepEqual(lines, [
    String.raw`{"kind":"policy","subscriptionId":1,"id":1,"title":"a\u0001\u0002b�"}`,
  ]);
  assert.deepEqual(warnings, [
    'the policy list: escaped 2 raw control characters, replaced 1 invalid UTF-8 sequence by U+FFFD',
  ]);
});

test("counts changed characters of the list's subscriptionId once", async () => {
  const warnings: string[] = [];
  const body = Buffer.from('{"subscriptionId":"a\u0001\u00ff","policyList":[{"id":1},{"id":2}]}', 'latin1');
  const { lines } = await list({ warn: (message) => warnings.push(message) }, await answering(body));
  assert.deepEqual(
    lines,
    ['1', '2'].map((id) => String.raw`{"kind":"policy","subscriptionId":"a\u0001�","id":${id}}`),
  );
  assert.deepEqual(warnings, [
    "the list's subscriptionId: escaped 1 raw control character, replaced 1 invalid UTF-8 sequence by U+FFFD",
  ]);
});
