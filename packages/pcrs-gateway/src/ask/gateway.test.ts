import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { BrokenBodyError } from 'pcrs-json/broken-body';
import { ElementSplitter } from 'pcrs-json/elements';
import { type Answer, eventually, localGateway, optionsFor } from '../http/local-gateway.test.ts';
import {
  type Gateway,
  type GatewayAnswer,
  type GatewayOptions,
  type GatewayRequest,
  openGateway,
} from './gateway.ts';
import type { GatewayError } from './gateway-error.ts';
import { wholeBody } from './whole.ts';

const question: GatewayRequest = {
  endpoint: 'postureInfo',
  method: 'POST',
  path: '/pcrs/5.0/posture/postureInfo',
  query: { evidenceRequired: '1' },
  body: '[{"policyId":"1"}]',
  what: 'policy 1, 2 hosts from 118772',
};
const text = async (answer: GatewayAnswer) => (await wholeBody(answer.body)).toString();
const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

async function open(t: TestContext, answer: Answer, changes: Partial<GatewayOptions> = {}) {
  const local = await localGateway(t, answer);
  const given = optionsFor(t, local.url, changes);
  const gateway = await openGateway(given.options);
  t.after(() => gateway.close());
  return { local, gateway, ...given };
}

/** The error of a failing request, checked against the rules for every error. */
async function failure(gateway: Gateway, changes: Partial<GatewayRequest> = {}): Promise<GatewayError> {
  const error = await gateway.ask({ ...question, ...changes }, text).then(
    () => assert.fail('was answered'),
    (thrown: GatewayError) => thrown,
  );
  assert.equal(error.cause, undefined);
  const shown = `${error.stack} ${JSON.stringify(error)} ${Object.values(error)}`;
  assert.doesNotMatch(shown, /eyJ|open sesame|sesame|Bearer \w/i);
  assert.doesNotMatch(error.message, /\n/);
  return error;
}

test('sends token, query and body, and passes the answer to consume', async (t) => {
  const { local, gateway } = await open(t, (response) => response.end(gzipSync('[1,2]')));
  assert.equal(await gateway.ask(question, text), '[1,2]');
  const [asked] = local.asked;
  assert.equal(asked!.url, '/pcrs/5.0/posture/postureInfo?evidenceRequired=1');
  assert.equal(asked!.body, '[{"policyId":"1"}]');
  assert.equal(asked!.headers.authorization, `Bearer ${local.tokens[0]}`);
  assert.equal(asked!.headers['user-agent'], 'pcrs-test/1');
  assert.equal(asked!.headers['accept-encoding'], 'identity');
  assert.deepEqual(gateway.tally, { requests: 1, retries: 0, bytes: gzipSync('[1,2]').length });
  assert.equal(local.logins[0]!.body, 'username=alice&password=open+sesame&token=true&permissions=true');
});

test('does not log in before the first request, and only once for all', async (t) => {
  const { local, gateway } = await open(t, (response) => response.end('[]'));
  assert.equal(local.logins.length, 0);
  await Promise.all(Array.from({ length: 20 }, () => gateway.ask(question, text)));
  assert.equal(local.logins.length, 1);
  assert.equal(local.asked.length, 20);
});

test('repeats a request once on a 401, with the new token in its header', async (t) => {
  const { local, gateway } = await open(t, (response, _seen, count) =>
    count === 1 ? json(response, 401, { message: 'JWT expired' }) : response.end('[]'),
  );
  await gateway.ask(question, text);
  assert.equal(local.logins.length, 2);
  assert.equal(local.asked[1]!.headers.authorization, `Bearer ${local.tokens[1]}`);
  assert.equal(gateway.tally.retries, 1);
});

test('renews again when a request that waited gets another 401', async (t) => {
  const statuses = [401, 429, 401, 200];
  const { local, gateway } = await open(t, (response, _seen, count) =>
    json(response, statuses[count - 1]!, [], { 'retry-after': '0' }),
  );
  await gateway.ask(question, text);
  assert.deepEqual([local.asked.length, local.logins.length], [4, 3]);
});

test('gives up on a second 401 and says what to do', async (t) => {
  const { local, gateway } = await open(t, (response) => json(response, 401, { message: 'JWT expired' }));
  const error = await failure(gateway);
  assert.equal(error.code, 'PCRS_REFUSED');
  assert.match(
    error.message,
    /^the gateway refused the token \(401, POST \/pcrs\/5\.0\/posture\/postureInfo: JWT expired\); run pcrs-auth again$/,
  );
  assert.equal(local.asked.length, 2);
});

test('never repeats 400, 403, 404 or a 409 that is not about limits', async (t) => {
  const cases: [number, unknown, string, RegExp][] = [
    [
      400,
      [{ response: { code: 1905, text: 'bad policy_ids' } }],
      'PCRS_GATEWAY',
      /400, bad policy_ids \(code 1905\)/,
    ],
    [403, { message: 'no permission' }, 'PCRS_REFUSED', /403, no permission; the user lacks a permission/],
    [
      404,
      { message: 'Invalid input Parameter.' },
      'PCRS_GATEWAY',
      /404, Invalid input Parameter\.; are --gateway/,
    ],
    [409, { code: 1905, message: 'no' }, 'PCRS_GATEWAY', /409, no \(code 1905\)/],
  ];
  let at = 0;
  const { local, gateway } = await open(t, (response) => json(response, cases[at]![0], cases[at]![1]));
  for (; at < cases.length; at += 1) {
    const error = await failure(gateway);
    assert.equal(error.code, cases[at]![2]);
    assert.equal(error.reason, 'fatal');
    assert.equal(error.status, cases[at]![0]);
    assert.match(error.message, cases[at]![3]);
    assert.match(error.message, /\(policy 1, 2 hosts from 118772\)$/);
    assert.equal(local.asked.length, at + 1);
  }
});

test('says that a forbidden host id request may need a Manager', async (t) => {
  const { gateway } = await open(t, (response) => json(response, 403, {}));
  const about = { endpoint: 'hostids', method: 'GET' } as const;
  assert.match((await failure(gateway, { ...about, path: '/pcrs/5.0/posture/hostids' })).message, /Manager/);
  assert.doesNotMatch(
    (await failure(gateway, { ...about, path: '/pcrs/2.0/posture/hostids' })).message,
    /Manager/,
  );
});

test('reports a redirect as an error that names its target, and sends nothing there', async (t) => {
  const elsewhere = await localGateway(t, (response) => response.end('[]'));
  const { gateway } = await open(t, (response) =>
    response.writeHead(302, { location: `${elsewhere.url}/x` }).end(),
  );
  const error = await failure(gateway);
  assert.equal(error.reason, 'redirect');
  assert.ok(error.message.includes(`302, redirect to ${elsewhere.url}/x`));
  assert.equal(elsewhere.asked.length + elsewhere.logins.length, 0);
});

test('retries 5xx and 408 until the tries are used up, then reports all of it', async (t) => {
  const { local, gateway } = await open(t, (response, _seen, count) =>
    response
      .writeHead([500, 408, 520][count - 1] ?? 502, { 'content-type': 'text/html' })
      .end('<title>Bad day</title>'),
  );
  const error = await failure(gateway);
  assert.deepEqual([error.code, error.reason, error.status, error.tries], ['PCRS_GATEWAY', 'status', 502, 4]);
  assert.match(
    error.message,
    /^POST \/pcrs\/5\.0\/posture\/postureInfo: 502, Bad day, 4 tries in \d+ s \(policy 1/,
  );
  assert.equal(local.asked.length, 4);
  assert.deepEqual([gateway.tally.requests, gateway.tally.retries], [4, 3]);
});

test('waits as long as a 429 says, without using up a try', async (t) => {
  const { local, gateway, told } = await open(
    t,
    (response, _seen, count) =>
      count < 3
        ? json(response, 429, { message: 'slow' }, { 'x-ratelimit-towait-sec': '0.2' })
        : response.end('[]'),
    { retries: 0 },
  );
  const startedMs = performance.now();
  await gateway.ask(question, text);
  assert.ok(performance.now() - startedMs > 2 * 200);
  assert.equal(local.asked.length, 3);
  assert.deepEqual(told.info, []);
});

test('waits on a 409 with a limit code, and on a 503 with a wait header', async (t) => {
  const answers: [number, unknown, Record<string, string>][] = [
    [409, [{ response: { code: 1960, text: 'concurrency' } }], {}],
    [409, { message: 'no code' }, {}],
    [503, {}, { 'retry-after': '0' }],
  ];
  const { local, gateway } = await open(
    t,
    (response, _seen, count) => {
      const answer = answers[count - 1];
      return answer ? json(response, ...answer) : response.end('[]');
    },
    { retries: 0 },
  );
  await gateway.ask(question, text);
  assert.equal(local.asked.length, 4);
});

test('gives up at once if the wait exceeds --max-wait', async (t) => {
  const { local, gateway, state, options } = await open(
    t,
    (response) => json(response, 429, { message: 'slow' }, { 'retry-after': '7200' }),
    { maxWaitMs: 60_000 },
  );
  const error = await failure(gateway);
  assert.deepEqual([error.code, error.reason, error.status], ['PCRS_GATEWAY', 'wait', 429]);
  assert.match(error.message, /429, slow; a wait of 7201 s exceeds --max-wait \(60 s\)/);
  // The next request obeys it too, without being sent.
  const second = await openGateway({ ...options, env: { ...options.env, PCRS_STATE_DIR: state } });
  t.after(() => second.close());
  assert.equal((await failure(second)).reason, 'wait');
  assert.equal(local.asked.length, 1);
});

test('gives up on an absurd wait, and holds nobody else to it', async (t) => {
  const absurd = [
    { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' },
    { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    { 'x-ratelimit-towait-sec': '99999999999' },
  ];
  const { local, gateway, options } = await open(
    t,
    (response, _seen, count) => {
      const headers = absurd[count - 1];
      return headers ? json(response, 429, { message: 'slow' }, headers) : response.end('[]');
    },
    { maxWaitMs: 30_000 },
  );
  for (const _ of absurd) {
    const error = await failure(gateway);
    assert.deepEqual([error.code, error.reason], ['PCRS_GATEWAY', 'wait']);
    assert.match(error.message, /429, slow; the wait it asks for is not plausible \(\d+ days\)/);
  }
  const second = await openGateway(options);
  t.after(() => second.close());
  assert.equal(await second.ask(question, text), '[]');
  assert.equal(local.asked.length, 4);
});

test('gives up if the rate alone needs more time than --max-wait', async (t) => {
  const { gateway } = await open(t, (response) => response.end('[]'), {
    rate: { requests: 1, seconds: 3600 },
    maxWaitMs: 1000,
  });
  await gateway.ask(question, text);
  const error = await failure(gateway);
  assert.match(error.message, /rate 1\/3600; a wait of 3\d\d\d s exceeds --max-wait \(1 s\)/);
});

test('says how much of --max-wait is used up when the next wait is too long', async (t) => {
  const { gateway } = await open(
    t,
    (response) => json(response, 429, { message: 'slow' }, { 'x-ratelimit-towait-sec': '0.2' }),
    { maxWaitMs: 500 },
  );
  const error = await failure(gateway);
  const most = String.raw`--max-wait \(0\.5 s\)`;
  assert.match(
    error.message,
    new RegExp(`429, slow; waiting 0\\.3 s more, after 0\\.[3-9] s so far, exceeds ${most}`),
  );
});

test('says how long it waited for other requests in flight', async (t) => {
  const { gateway, local } = await open(t, () => {}, { concurrency: 1, maxWaitMs: 300 });
  const first = gateway.ask(question, text).catch(() => {});
  await eventually(() => local.asked.length === 1);
  const error = await failure(gateway);
  assert.match(
    error.message,
    /other requests in flight; waited 0\.[3-9] s, all that --max-wait \(0\.3 s\) allows/,
  );
  assert.equal(error.reason, 'wait');
  await gateway.close();
  await first;
});

test("counts a Retry-After date from the answer's Date, whatever this clock says, and warns about the clock once", async (t) => {
  const at = (seconds: number) => new Date(Date.UTC(2031, 0, 1, 0, 0, seconds)).toUTCString();
  const { gateway, told } = await open(t, (response, _seen, count) => {
    response.sendDate = false;
    if (count > 2) response.writeHead(200, { date: at(9) }).end('[]');
    else json(response, 429, { message: 'slow' }, { date: at(0), 'retry-after': at(1) });
  });
  const startedMs = performance.now();
  await gateway.ask(question, text);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > 2000 && tookMs < 20_000, `${tookMs} ms`);
  assert.equal(told.warn.length, 1);
  assert.match(
    told.warn[0]!,
    /^the clock of this machine is \d+ min behind the gateway's: .*set it \(NTP\)$/,
  );
});

test('logs a wait of more than 5 s with status, cause and seconds', async (t) => {
  const { gateway, told, stop, local } = await open(t, (response) =>
    json(response, 429, { message: 'slow' }, { 'x-ratelimit-towait-sec': '30' }),
  );
  const asking = gateway.ask(question, text);
  await eventually(() => told.info.length > 0);
  assert.deepEqual(told.info, ['POST /pcrs/5.0/posture/postureInfo: 429, slow; waiting 31 s']);
  stop.abort(Object.assign(new Error('interrupted'), { code: 'PCRS_INTERRUPTED' }));
  await assert.rejects(asking, { code: 'PCRS_INTERRUPTED' });
  assert.equal(local.asked.length, 1);
});

test('retries a body that broke off, and never passes it off as whole', async (t) => {
  const { local, gateway } = await open(t, (response, _seen, count) => {
    if (count === 4) return response.end('[1]');
    response.write('[1');
    setTimeout(() => response.destroy(), 10);
  });
  assert.equal(await gateway.ask(question, text), '[1]');
  assert.equal(local.asked.length, 4);
});

test('limits the tries of a request whose body breaks', async (t) => {
  const { local, gateway } = await open(
    t,
    (response) => {
      response.write('[1');
      setTimeout(() => response.destroy(), 10);
    },
    { retries: 6 },
  );
  const error = await failure(gateway, { bodyTries: 2 });
  assert.equal(error.reason, 'body');
  assert.match(error.message, /200, the body broke off after 2 bytes: .*closed by the other side.*, 2 tries/);
  assert.equal(local.asked.length, 2);
});

test('counts a broken body that consume reports as a failed try, and passes its other errors on', async (t) => {
  const { local, gateway } = await open(t, (response) => response.end('[1]'));
  let reads = 0;
  const value = await gateway.ask(question, async (answer) => {
    reads += 1;
    await wholeBody(answer.body);
    if (reads < 3) throw new BrokenBodyError('the array is not closed');
    return 'whole';
  });
  assert.equal(value, 'whole');
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  await assert.rejects(
    gateway.ask(question, () => Promise.reject(full)),
    (error) => error === full,
  );
  assert.equal(local.asked.length, 4);
});

test('reports a body that is too large for its reader with the request, once', async (t) => {
  const { local, gateway } = await open(t, (response) => response.end('x'.repeat(1000)));
  await assert.rejects(
    gateway.ask(question, (answer) => wholeBody(answer.body, 100)),
    {
      code: 'PCRS_GATEWAY',
      reason: 'fatal',
      message: /^POST .*: 200, the body is larger than 0 MiB \(policy 1/,
    },
  );
  assert.equal(local.asked.length, 1);
});

test('reports a kind member sent by the gateway with the request, once', async (t) => {
  const { local, gateway } = await open(t, (response) => response.end('[{"kind":"asset"}]'));
  await assert.rejects(
    gateway.ask(question, async ({ body }) => {
      const splitter = new ElementSplitter({ kind: 'posture' });
      for await (const chunk of body) splitter.push(chunk);
    }),
    {
      code: 'PCRS_GATEWAY',
      reason: 'fatal',
      message:
        /^POST .*: 200, element 1: .*"kind" of its own \("asset"\).* \(policy 1, 2 hosts from 118772\)$/,
    },
  );
  assert.equal(local.asked.length, 1);
});

test('retries twice when a 200 breaks before its first byte, and reports it as such', async (t) => {
  const { local, gateway } = await open(
    t,
    (response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.flushHeaders();
      setTimeout(() => response.destroy(), 10);
    },
    { retries: 6 },
  );
  const error = await failure(gateway);
  assert.equal(error.reason, 'empty-break');
  assert.equal(error.status, 200);
  assert.equal(local.asked.length, 3);
});

test('retries a refused or dropped connection and names the host', async (t) => {
  const { gateway } = await open(t, (response) => response.destroy(), { retries: 1 });
  const dropped = await failure(gateway);
  assert.deepEqual([dropped.reason, dropped.tries], ['connection', 2]);
  assert.match(dropped.message, /the connection broke \(closed by the other side\), 2 tries/);

  const { options } = optionsFor(t, 'http://127.0.0.1:1', { retries: 1, env: { PCRS_TOKEN: 'a.b.c' } });
  const nobody = await openGateway(options);
  t.after(() => nobody.close());
  assert.match(
    (await failure(nobody)).message,
    /no connection to 127\.0\.0\.1:1 \(ECONNREFUSED\); is --gateway right/,
  );
});

test('gives up on a gateway that sends no head, and on one that falls silent in its body', async (t) => {
  const { gateway } = await open(
    t,
    (response, _seen, count) => {
      if (count > 1) response.write('[1');
    },
    { timeoutMs: 100, retries: 0 },
  );
  const head = await failure(gateway);
  assert.equal(head.reason, 'timeout');
  assert.match(head.message, /no byte for 0\.1 s \(--timeout\)/);
  const body = await failure(gateway);
  assert.equal(body.reason, 'body');
  assert.match(body.message, /broke off after 2 bytes: no byte for 0\.1 s/);
});

test('tolerates a gateway that is slow but not silent', async (t) => {
  const { gateway } = await open(
    t,
    (response) => {
      let left = 10;
      const drip = setInterval(() => {
        left -= 1;
        if (left > 0) return response.write(' ');
        clearInterval(drip);
        return response.end('[]');
      }, 60);
    },
    { timeoutMs: 400, retries: 0 },
  );
  assert.equal((await gateway.ask(question, text)).trim(), '[]');
});

test('notices a gateway that falls silent while the reader is slow, and tolerates one that does not', async (t) => {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const { gateway } = await open(
    t,
    (response, _seen, count) => {
      for (let i = 0; i < 40; i += 1) response.write(chunk);
      if (count === 2) response.end();
    },
    { timeoutMs: 300, retries: 0 },
  );
  let bytes = 0;
  const slowly = async ({ body }: GatewayAnswer) => {
    bytes = 0;
    for await (const part of body) {
      // Beyond 1 MiB the socket is held back; the first pause alone exceeds the limit.
      await delay(bytes === 0 ? 500 : 1);
      bytes += part.length;
    }
    return bytes;
  };
  await assert.rejects(gateway.ask(question, slowly), { reason: 'body', message: /no byte for 0\.3 s/ });
  assert.equal(bytes, 40 * chunk.length);
  assert.equal(await gateway.ask(question, slowly), 40 * chunk.length);
});

test('ends an answer that never finishes', async (t) => {
  const { gateway } = await open(
    t,
    (response) => {
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    },
    { lifeMs: 200, retries: 0 },
  );
  assert.match((await failure(gateway)).message, /response not finished after 0\.2 s/);
});

test('refuses an endless head, an HTML page with status 200, and an unrequested encoding', async (t) => {
  const { local, gateway } = await open(
    t,
    (response, _seen, count) => {
      if (count === 1) return response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end();
      if (count === 2) return response.writeHead(200, { 'content-encoding': 'br' }).end('x');
      return response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Log in</title>');
    },
    { retries: 1 },
  );
  assert.match((await failure(gateway)).message, /the headers of the answer are too long/);
  assert.match((await failure(gateway)).message, /an encoding that was not asked for \(br\)/);
  assert.equal(local.asked.length, 2, 'both would come again');
  const page = await failure(gateway);
  assert.deepEqual([page.reason, page.tries], ['body', 2]);
  assert.match(page.message, /200, an HTML page instead of JSON: Log in/);
});

test('reads at most 64 KiB of an error body, and stops if it falls silent', async (t) => {
  const { gateway, local } = await open(
    t,
    (response, _seen, count) => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.write('too much ');
      if (count > 1) return; // never ends
      const more = setInterval(() => response.write('x'.repeat(64 * 1024)), 1);
      response.on('close', () => clearInterval(more));
    },
    { timeoutMs: 100 },
  );
  assert.match((await failure(gateway)).message, /400, too much x+…/);
  assert.match((await failure(gateway)).message, /400, too much/);
  await eventually(() => local.connections() === 0);
});

test('never shows a secret that the gateway sends back', async (t) => {
  const { gateway, told, options } = await open(t, (response, seen) =>
    json(response, 400, { message: `you sent ${seen.headers.authorization} and open sesame, open+sesame` }),
  );
  const error = await failure(gateway);
  assert.match(error.message, /you sent Bearer \[secret\] and \[secret\], \[secret\]/);
  assert.doesNotMatch(JSON.stringify([told.verbose, told.info, told.warn]), /sesame|eyJ/);
  const { secrets } = options;
  assert.equal(secrets?.scrub('open sesame'), '[secret]', 'the log knows it too');
});

test('never shows part of the token: alone, escaped, wrapped, or in a header', async (t) => {
  const sent = (seen: { headers: { authorization?: string | undefined } }) =>
    seen.headers.authorization!.replace('Bearer ', '');
  const wrapped = (text: string) => text.replace(/.{7}/g, '$&\n ');
  const { gateway, told, local } = await open(t, (response, seen, count) => {
    const token = sent(seen);
    const parts = token.split('.');
    const escaped = token.replaceAll('.', '%2E');
    if (count <= 3) json(response, 400, { message: `JWT ${parts[count - 1]} is bad, ${wrapped(token)}` });
    else if (count === 4) response.writeHead(302, { location: `https://x.example/?t=${escaped}` }).end();
    else if (count === 5) response.writeHead(200, { 'content-encoding': parts[2]! }).end('[]');
    else json(response, 400, {}, { 'x-ratelimit-limit': parts[1], 'x-ratelimit-remaining': '1' });
  });
  const shown: string[] = [];
  for (let count = 1; count <= 6; count += 1) shown.push((await failure(gateway)).message);
  const plain = [...shown, ...told.verbose, ...told.info, ...told.warn]
    .join(' ')
    .replace(/\s+/g, '')
    .toLowerCase();
  for (const part of local.tokens[0]!.split('.')) assert.ok(!plain.includes(part.toLowerCase()), part);
  assert.match(shown[0]!, /400, JWT \[secret\] is bad, \[secret\]/);
  assert.match(shown[4]!, /an encoding that was not asked for \(\[secret\]\)/);
});

test('ends requests in flight and waiting ones at once when interrupted', async (t) => {
  const { gateway, local, stop } = await open(
    t,
    (response, _seen, count) => {
      if (count === 1) response.write('[1');
    },
    { concurrency: 2 },
  );
  const reason = Object.assign(new Error('interrupted'), { code: 'PCRS_INTERRUPTED' });
  const asking = [0, 1, 2].map(() => gateway.ask(question, text));
  await eventually(() => local.asked.length === 2);
  stop.abort(reason);
  await Promise.all(asking.map((one) => assert.rejects(one, (error) => error === reason)));
  await gateway.close();
  await eventually(() => local.connections() === 0);
  assert.equal(local.asked.length, 2);
});

test('closes the connection of a body that was not read', async (t) => {
  const { gateway, local } = await open(t, (response) => response.end(Buffer.alloc(5_000_000)));
  for (let i = 0; i < 5; i += 1) await gateway.ask(question, async ({ status }) => status);
  await eventually(() => local.connections() <= 1);
  await gateway.close();
  await eventually(() => local.connections() === 0);
});

test('logs each request in one line: method, path, status, bytes, time and rate headers', async (t) => {
  const { gateway, told } = await open(t, (response) =>
    json(response, 200, [], {
      'x-ratelimit-limit': '25',
      'x-ratelimit-window-sec': '60',
      'x-ratelimit-remaining': '24',
    }),
  );
  await gateway.ask(question, text);
  const line = told.verbose.find((one) => one.includes('postureInfo'));
  assert.match(
    line!,
    /^POST \/pcrs\/5\.0\/posture\/postureInfo\?evidenceRequired=1: 200, 2 bytes, \d+ ms, rate: 24 of 25 in 60 s left$/,
  );
});

test('sends many requests at once without a Node warning', async (t) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const { gateway, local } = await open(t, (response) => void setTimeout(() => response.end('[]'), 50), {
    concurrency: 64,
  });
  await Promise.all(Array.from({ length: 64 }, () => gateway.ask(question, text)));
  assert.equal(local.asked.length, 64);
  await delay(0);
  assert.deepEqual(warnings, []);
});
