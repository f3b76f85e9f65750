// A gateway that only serves an archive's bodies, one per request, as fast as the connection takes them, so that the
// client is what is timed. Prints its URL.
import { createReadStream, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const folder = process.argv[2] ?? '.';
const bodies = readdirSync(folder)
  .filter((name) => name.endsWith('.json.gz'))
  .sort();
let next = 0;

const server = createServer((request, response) => {
  request.resume();
  const body = bodies[next++];
  if (body === undefined) response.end('[]');
  else createReadStream(join(folder, body), { highWaterMark: 1 << 20 }).pipe(response);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
