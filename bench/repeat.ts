// A complete run of N posture records for a sink: the lines of a file again and again, each time under other ids and of
// other hosts. `node bench/repeat.ts POSTURE.ndjson N`; made as fast as a pipe takes it.
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

const [file = '', count = '1000000'] = process.argv.slice(2);
const records = Number(count);
const blockBytes = 1 << 20;

/** Where the digits of a number begin, and how many there are. */
interface Digits {
  at: number;
  length: number;
}

interface Line {
  bytes: Buffer;
  id: Digits;
  hostId: Digits;
  host: number;
  policyId: string;
}

function linesOf(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\n', at) + 1 || bytes.length;
    const line = bytes.subarray(at, end);
    at = end;
    const digitsOf = (name: string): Digits => {
      const first = line.indexOf(`"${name}":`) + name.length + 3;
      return { at: first, length: line.indexOf(',', first) - first };
    };
    const textOf = ({ at, length }: Digits) => line.toString('latin1', at, at + length);
    const [id, hostId] = [digitsOf('id'), digitsOf('hostId')];
    lines.push({
      bytes: line,
      id,
      hostId,
      host: Number(textOf(hostId)),
      policyId: textOf(digitsOf('policyId')),
    });
  }
  return lines;
}

function putDigits(bytes: Buffer, { at, length }: Digits, value: number): void {
  let rest = value;
  for (let place = at + length - 1; place >= at; place -= 1) {
    bytes[place] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

const lines = linesOf(readFileSync(file));
/** A number for each host of the file; each pass has hosts of its own, of six digits as in the file. */
const places = new Map([...new Set(lines.map(({ host }) => host))].map((host, place) => [host, place]));
const hostOf = ({ host }: Line, pass: number) => 100_000 + pass * places.size + places.get(host)!;

function* hostIds(): Generator<{ policyId: string; hostIds: string[] }> {
  const ofPolicies = new Map<string, Set<number>>();
  for (let made = 0; made < records; made += 1) {
    const line = lines[made % lines.length]!;
    const hosts = ofPolicies.get(line.policyId) ?? new Set();
    ofPolicies.set(line.policyId, hosts.add(hostOf(line, Math.floor(made / lines.length))));
  }
  for (const [policyId, hosts] of ofPolicies) yield { policyId, hostIds: [...hosts].map(String) };
}

function* postures(): Generator<Buffer> {
  for (let made = 0; made < records; ) {
    const block = Buffer.allocUnsafe(blockBytes);
    let length = 0;
    for (; made < records; made += 1) {
      const line = lines[made % lines.length]!;
      if (length + line.bytes.length > blockBytes) break;
      putDigits(line.bytes, line.id, 2 * 10 ** (line.id.length - 1) + made);
      putDigits(line.bytes, line.hostId, hostOf(line, Math.floor(made / lines.length)));
      length += line.bytes.copy(block, length);
    }
    yield block.subarray(0, length);
  }
}

function* run(): Generator<Buffer> {
  const about = { runId: 'r1', startedAt: '2026-11-28T05:30:00Z' };
  const stage = { contract: 2, runId: 'r1', startId: 's1', stage: 'pcrs-posture' };
  const record = (content: object) => Buffer.from(`${JSON.stringify(content)}\n`);
  yield record({ kind: 'session', ...about, gateway: 'https://gateway.example' });
  yield record({ kind: 'start', ...stage, ...about, version: '0.1.0', options: {}, scope: {}, base: 'full' });
  for (const ids of hostIds()) yield record({ kind: 'hostids', subscriptionId: '94271', ...ids });
  yield* postures();
  yield record({ kind: 'end', ...stage, ok: true, status: 0, in: {}, out: { posture: records } });
}

await pipeline(run, process.stdout);
