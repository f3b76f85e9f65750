import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Packed } from './release-packed.ts';

/**
 * A local registry: it serves the packed packages as if they were published, and redirects npm to another registry
 * for all others. So `npm install` and `npx` are tried as users will use them.
 *
 * Takes  upstream  the URL of the other registry
 */
export async function startRegistry(
  packed: readonly Packed[],
  upstream: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const byName = new Map(packed.map((one) => [one.manifest.name, one]));
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const name = decodeURIComponent(path.slice(1));
    const tarball = /^\/-\/(.+)\.tgz$/.exec(path)?.[1];
    if (tarball !== undefined) send(response, byName.get(tarball)?.tarball);
    else if (byName.has(name)) send(response, JSON.stringify(packument(byName.get(name)!, url)));
    else response.writeHead(302, { location: new URL(path.slice(1), upstream).href }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function packument({ manifest, tarball }: Packed, url: string): object {
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dist = { tarball: `${url}/-/${manifest.name}.tgz`, integrity };
  const { name, version } = manifest;
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

function send(response: ServerResponse, body: string | Uint8Array | undefined): void {
  response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body);
}
