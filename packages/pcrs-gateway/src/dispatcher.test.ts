import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { after, test } from 'node:test';
import type { Agent, Dispatcher } from 'undici';
import { localCertificate, localKey } from './certificates.test.ts';
import { openDispatcher } from './dispatcher.ts';

const load = createRequire(import.meta.url);
const loadedOfUndici = () => Object.keys(load.cache).filter((path) => path.includes('undici'));
const withoutProxy = { route: { proxy: undefined, noProxy: '' }, caFile: undefined, timeoutMs: 5000 };

async function listening(server: Server | Http2SecureServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function statusOf(dispatcher: Dispatcher, origin: string): Promise<number> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(
      { origin, path: '/', method: 'GET' },
      {
        onRequestStart() {},
        onResponseStart: (_controller, status) => resolve(status),
        onResponseData() {},
        onResponseEnd() {},
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

test('a gateway is asked with neither the whole of undici nor its HTTP/2 loaded', async () => {
  const port = await listening(createServer((_request, response) => response.end()));
  const gateway = `http://127.0.0.1:${port}`;
  const dispatcher = await openDispatcher({ gateway, ...withoutProxy });
  assert.equal(await statusOf(dispatcher, gateway), 200);
  await dispatcher.destroy();
  const loaded = loadedOfUndici();
  // Should a new undici need more files than this for its Agent, see which, and dispatcher.ts.
  assert.ok(loaded.length > 10 && loaded.length < 30, loaded.join('\n'));
  assert.deepEqual(
    loaded.filter((path) => path.endsWith('client-h2.js')),
    [],
  );
});

test('whoever shares our undici gets its HTTP/2 when asking for it', async () => {
  await openDispatcher({ gateway: 'http://127.0.0.1:9', ...withoutProxy });
  const AgentOfUndici = load('undici/lib/dispatcher/agent.js') as typeof Agent;
  const { createSecureServer } = await import('node:http2');
  const versions: string[] = [];
  const server = createSecureServer({ cert: localCertificate, key: localKey }, (request, response) => {
    versions.push(request.httpVersion);
    response.end();
  });
  const origin = `https://127.0.0.1:${await listening(server)}`;
  const agent = new AgentOfUndici({ allowH2: true, connect: { rejectUnauthorized: false } });
  assert.equal(await statusOf(agent, origin), 200);
  await agent.destroy();
  assert.deepEqual(versions, ['2.0']);
  assert.ok(loadedOfUndici().some((path) => path.endsWith('client-h2.js')));
});
