// N posture records as a run for a sink: the lines of a file again and again, under other ids and of other hosts.
// `node bench/repeat.ts POSTURE.ndjson N`; made as fast as a pipe takes it.
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

const [file = '', count = '1000000'] = process.argv.slice(2);
const records = Number(count);
const blockBytes = 1 << 20;

interface Line {
  bytes: Buffer;
  /** Where the digits of its id and of its host's begin. */
  id: number;
  host: number;
}

/** Lines whose ids have as many digits as those that are put in their place. */
function linesOf(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at) + 1 || bytes.length;
    const line = bytes.subarray(at, end);
    at = end;
    const [id, host] = [line.indexOf('"id":') + 5, line.indexOf('"hostId":') + 9];
    if (line[id + 11] === 0x2c && line[host + 6] === 0x2c) lines.push({ bytes: line, id, host });
  }
  return lines;
}

function putDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let place = at + digits - 1; place >= at; place -= 1) {
    bytes[place] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function* run(): Generator<Buffer> {
  const lines = linesOf(readFileSync(file));
  const about = { runId: 'r1', startedAt: '2026-11-28T05:30:00Z' };
  const stage = { contract: 2, runId: 'r1', startId: 's1', stage: 'pcrs-posture' };
  const record = (content: object) => Buffer.from(`${JSON.stringify(content)}\n`);
  yield record({ kind: 'session', ...about, gateway: 'https://gateway.example' });
  yield record({ kind: 'start', ...stage, ...about, version: '0.1.0', options: {}, scope: {}, base: 'full' });
  yield record({ kind: 'hostids', policyId: '7', subscriptionId: '94271', hostIds: ['11'] });
  for (let made = 0; made < records; ) {
    const block = Buffer.allocUnsafe(blockBytes);
    let length = 0;
    for (; made < records; made += 1) {
      const { bytes, id, host } = lines[made % lines.length]!;
      if (length + bytes.length > blockBytes) break;
      putDigits(bytes, id, 11, 20_000_000_000 + made);
      const pass = Math.floor(made / lines.length);
      putDigits(bytes, host, 6, 100_000 + ((pass * 37 + (made % 200)) % 900_000));
      length += bytes.copy(block, length);
    }
    yield block.subarray(0, length);
  }
  yield record({ kind: 'end', ...stage, ok: true, status: 0, in: {}, out: { posture: records } });
}

await pipeline(run, process.stdout);
