import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { after, test } from 'node:test';
import type { Dispatcher } from 'undici';
import { openDispatcher } from './dispatcher.ts';

const load = createRequire(import.meta.url);
const loadedOfUndici = () => Object.keys(load.cache).filter((path) => path.includes('undici'));
const withoutProxy = {
  route: { proxy: undefined, noProxy: '', name: '--proxy' },
  caFile: undefined,
  timeoutMs: 5000,
};

async function listening(server: Server): Promise<number> {
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

test('sends requests without loading all of undici', async () => {
  const port = await listening(createServer((_request, response) => response.end()));
  const gateway = `http://127.0.0.1:${port}`;
  const { signal } = new AbortController();
  const dispatcher = await openDispatcher({ gateway, signal, ...withoutProxy });
  assert.equal(await statusOf(dispatcher, gateway), 200);
  await dispatcher.destroy();
  const loaded = loadedOfUndici();
  // If a new undici needs more files for its Agent, check which, and dispatcher.ts.
  assert.ok(loaded.length > 10 && loaded.length < 32, loaded.join('\n'));
});
