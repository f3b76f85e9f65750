import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type GatewayOptions, openGateway } from '../ask/gateway.ts';
import { caCertificate } from './certificates.test.ts';
import { localGateway, optionsFor, temporaryDirectory } from './local-gateway.test.ts';

const question = { endpoint: 'hostids', method: 'GET', path: '/x', query: {}, what: 'x' } as const;

async function overTls(t: TestContext, host = '127.0.0.1') {
  const local = await localGateway(t, (response) => response.end('[]'), { tls: true });
  const url = local.url.replace('127.0.0.1', host);
  const { port } = new URL(url);
  const caFile = join(temporaryDirectory(t), 'ca.pem');
  writeFileSync(caFile, caCertificate);
  const ask = async (changes: Partial<GatewayOptions> = {}) => {
    const { options } = optionsFor(t, url, { retries: 0, caFile, ...changes });
    const gateway = await openGateway(options);
    t.after(() => gateway.close());
    return gateway.ask(question, async ({ status }) => status);
  };
  return { local, url, port, caFile, ask };
}

interface Connect {
  target: string;
  authorization: string | undefined;
}

/** A local proxy: it connects everything to one local port, and answers plain requests itself. */
async function localProxy(t: TestContext, port: string, status = 200) {
  const asked: Connect[] = [];
  const server = createServer((request, response) => {
    asked.push({ target: request.url ?? '', authorization: undefined });
    response.end('[]');
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const onward = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    for (const one of [onward, socket]) one.on('error', () => {});
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const own = (server.address() as AddressInfo).port;
  return { asked, port: own, url: `http://127.0.0.1:${own}` };
}

test('trusts a CA named by --ca-file, and reports an unknown one after one try', async (t) => {
  const { local, ask } = await overTls(t);
  assert.equal(await ask(), 200);
  await assert.rejects(ask({ caFile: undefined, retries: 5 }), {
    code: 'PCRS_GATEWAY',
    message:
      /the certificate of 127\.0\.0\.1:\d+ is not trusted \(\w+\); name the CA of your network with --ca-file/,
  });
  assert.equal(local.logins.length, 1);
});

test('explains https to a port that speaks http, after one try', async (t) => {
  const { url } = await localProxy(t, '9');
  const { options } = optionsFor(t, url.replace('http:', 'https:'), { retries: 5 });
  const gateway = await openGateway(options);
  t.after(() => gateway.close());
  await assert.rejects(
    gateway.ask(question, async () => 0),
    { code: 'PCRS_GATEWAY', message: /127\.0\.0\.1:\d+ does not speak TLS .*: the port is one for http/ },
  );
});

test('trusts no certificate for another name', async (t) => {
  const { ask, port, local } = await overTls(t);
  const proxy = (await localProxy(t, port)).url;
  const asking = ask({ gateway: 'https://gateway.example.net', proxy, retries: 5 });
  await assert.rejects(asking, {
    code: 'PCRS_GATEWAY',
    message: /is refused \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
  });
  assert.equal(local.logins.length, 0);
});

test('trusts NODE_EXTRA_CA_CERTS, and verifies even with NODE_TLS_REJECT_UNAUTHORIZED=0', async (t) => {
  const { url, caFile } = await overTls(t);
  const code = `
    const { openGateway } = await import(${JSON.stringify(new URL('../ask/gateway.ts', import.meta.url).href)});
    const gateway = await openGateway({
      gateway: ${JSON.stringify(url)}, username: 'alice', timeoutMs: 5000, retries: 0, maxWaitMs: 1000,
      rate: { requests: 9, seconds: 1 }, concurrency: 1, userAgent: 'x', signal: new AbortController().signal,
      log: { warn() {}, info() {}, verbose() {} }, env: { PCRS_PASSWORD: 'x' }, uid: undefined,
    });
    const ask = gateway.ask({ endpoint: 'hostids', method: 'GET', path: '/x', query: {}, what: 'x' }, async ({ status }) => status);
    console.log(await ask.catch((error) => error.message));
    await gateway.close();`;
  const run = async (env: Record<string, string>) =>
    (
      await promisify(execFile)(
        process.execPath,
        ['--conditions=pcrs-source', '--input-type=module-typescript', '-e', code],
        {
          env: { ...process.env, ...env },
        },
      )
    ).stdout;
  assert.equal(await run({ NODE_EXTRA_CA_CERTS: caFile }), '200\n');
  assert.match(await run({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }), /is not trusted/);
});

test('names a CA file that is missing or holds no certificate', async (t) => {
  const { ask } = await overTls(t);
  const directory = temporaryDirectory(t);
  const file = join(directory, 'not.pem');
  await assert.rejects(ask({ caFile: file }), {
    code: 'PCRS_USAGE',
    message: /not\.pem: does not exist \(ENOENT\)/,
  });
  writeFileSync(file, 'hello');
  await assert.rejects(ask({ caFile: file }), { code: 'PCRS_USAGE', message: /contains no PEM certificate/ });
  writeFileSync(file, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  await assert.rejects(ask({ caFile: file }), {
    code: 'PCRS_USAGE',
    message: /contains an invalid certificate/,
  });
});

test('uses HTTPS_PROXY in either case, but not for hosts in NO_PROXY', async (t) => {
  const { ask, url, port } = await overTls(t, 'localhost');
  const proxy = await localProxy(t, port);
  const { host } = new URL(url);
  for (const name of ['HTTPS_PROXY', 'https_proxy'])
    assert.equal(await ask({ env: { [name]: proxy.url } }), 200);
  assert.deepEqual(
    proxy.asked.map(({ target }) => target),
    [host, host],
  );
  for (const name of ['NO_PROXY', 'no_proxy']) {
    assert.equal(await ask({ env: { HTTPS_PROXY: proxy.url, [name]: 'example.com, localhost' } }), 200);
  }
  assert.equal(await ask({ env: { HTTPS_PROXY: proxy.url, NO_PROXY: '*' } }), 200);
  assert.equal(proxy.asked.length, 2);
});

test('prefers --proxy to the environment, and never shows its user and password', async (t) => {
  const { ask, port } = await overTls(t);
  const proxy = await localProxy(t, port);
  const address = `http://user:c%40nary-word@127.0.0.1:${proxy.port}`;
  assert.equal(await ask({ proxy: address, env: { HTTPS_PROXY: 'http://127.0.0.1:1' } }), 200);
  assert.equal(await ask({ proxy: `127.0.0.1:${proxy.port}` }), 200);
  const expected = `Basic ${Buffer.from('user:c@nary-word').toString('base64')}`;
  assert.deepEqual(
    proxy.asked.map(({ authorization }) => authorization),
    [expected, undefined],
  );

  const refusing = await localProxy(t, port, 407);
  const denied = await ask({
    proxy: address.replace(String(proxy.port), String(refusing.port)),
    retries: 3,
  }).catch((error: Error) => error);
  assert.match(String(denied), /the proxy answered 407 to CONNECT 127\.0\.0\.1:\d+; see --proxy/);
  assert.doesNotMatch(`${(denied as Error).stack}`, /nary-word/);
  assert.equal(refusing.asked.length, 1);
});

test('names the proxy and its origin when it is down or misspelt', async (t) => {
  const { ask } = await overTls(t);
  const cases: [string, RegExp][] = [
    [
      'http://user:canary@127.0.0.1:1',
      /the proxy 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\); is HTTPS_PROXY right\?/,
    ],
    [
      'http://proxy.invalid:3128',
      /the proxy proxy\.invalid:3128 (is not found|cannot be reached) \(\w+\); is HTTPS_PROXY right\?/,
    ],
  ];
  for (const [proxy, message] of cases) {
    const asking = ask({ env: { HTTPS_PROXY: proxy }, retries: 0 });
    await assert.rejects(asking, (error: Error & { code: string }) => {
      assert.match(error.message, message);
      return error.code === 'PCRS_GATEWAY' && !error.stack?.includes('canary');
    });
  }
});

test('says how to write a Windows user or a path in a proxy URL', async (t) => {
  const { options } = optionsFor(t, 'https://gateway.example.net');
  const cases: [string, RegExp][] = [
    [
      'http://corp\\svc:canary@proxy:3128',
      /^--proxy must not hold a backslash; write a user DOMAIN\\name as DOMAIN%5Cname$/,
    ],
    ['http://proxy:3128/canary', /^--proxy must be a host and port without a path; .* \/ as %2F/],
    ['http://svc:can/ary@proxy:3128', /^--proxy must be an? /],
  ];
  for (const [proxy, message] of cases) {
    await assert.rejects(openGateway({ ...options, proxy }), (error: Error & { code: string }) => {
      assert.match(error.message, message);
      return error.code === 'PCRS_USAGE' && !error.stack?.includes('canary');
    });
  }
});

test('refuses a proxy that is not an http URL, without showing it', async (t) => {
  const { options } = optionsFor(t, 'https://gateway.example.net');
  for (const proxy of ['socks5://user:canary@127.0.0.1:1', 'http://', 'http://user:canary%@127.0.0.1:1']) {
    await assert.rejects(openGateway({ ...options, proxy }), (error: Error & { code: string }) => {
      return error.code === 'PCRS_USAGE' && !error.stack?.includes('canary');
    });
  }
});

test('sends http to this machine through no proxy but --proxy', async (t) => {
  const local = await localGateway(t, (response) => response.end('[]'));
  const nowhere = 'http://127.0.0.1:1';
  const env = { HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, PCRS_TOKEN: 'a.b.c' };
  const { options } = optionsFor(t, local.url, { env });
  const gateway = await openGateway(options);
  t.after(() => gateway.close());
  assert.equal(await gateway.ask(question, async ({ status }) => status), 200);
  const proxy = await localProxy(t, '1');
  const through = await openGateway({ ...options, proxy: proxy.url });
  t.after(() => through.close());
  assert.equal(await through.ask(question, async ({ status }) => status), 200);
  assert.deepEqual([proxy.asked.length, local.asked.length], [1, 1]);
});
