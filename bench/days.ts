// Several days' runs for pcrs-to-history, one after another as NDJSON: each day a share of the postures changes, and
// every host is evaluated. `node bench/days.ts POSTURES FIRST LAST SHARE [BYTES]`.
import { pipeline } from 'node:stream/promises';

const [postures = 1_000_000, first = 0, last = 0, share = 0.005, bytes = 0] = process.argv
  .slice(2)
  .map(Number);
const [hostsAPolicy, controls] = [50, 200];
const dayMs = 86_400_000;
const levels = ['MINIMAL', 'MEDIUM', 'SERIOUS', 'CRITICAL', 'URGENT'];
const dateOf = (day: number) => new Date(Date.UTC(2026, 0, 1) + day * dayMs).toISOString().slice(0, 10);
const text = 'Set the value that the policy names, and restart the service. '.repeat(
  Math.ceil(Math.max(0, bytes - 900) / 62),
);

/** A number for a posture and a day, the same in every run of this program. */
function hash(posture: number, day: number): number {
  let value = Math.imul(posture + 1, 0x9e3779b1) ^ Math.imul(day + 7, 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/** The day since which each posture has its status; negative for passed. */
const since = Int32Array.from({ length: postures }, (_, at) => (hash(at, -1) % 5 === 0 ? 1 : -1));

function* runs(): Generator<string> {
  const limit = share * 2 ** 32;
  for (let day = 0; day <= last; day += 1) {
    if (day > 0) {
      for (let at = 0; at < postures; at += 1)
        if (hash(at, day) < limit) since[at] = since[at]! > 0 ? -(day + 1) : day + 1;
    }
    if (day >= first) yield* run(day);
  }
}

function* run(day: number): Generator<string> {
  const runId = `01890000-0000-7000-8000-${String(day).padStart(12, '0')}`;
  const startedAt = `${dateOf(day)}T05:00:00Z`;
  const stage = { contract: 2, runId, startId: `s${day}`, stage: 'pcrs-posture' };
  yield line({ kind: 'session', runId, gateway: 'https://gateway.example', startedAt });
  yield line({ kind: 'start', ...stage, version: '0.1.0', startedAt, options: {}, scope: {}, base: 'full' });
  let block = '';
  for (let at = 0; at < postures; at += 1) {
    block += posture(at, day, startedAt);
    if (block.length < 262_144) continue;
    yield block;
    block = '';
  }
  yield block;
  yield line({ kind: 'end', ...stage, ok: true, status: 0, in: {}, out: { posture: postures } });
}

function posture(at: number, day: number, startedAt: string): string {
  const policy = Math.floor(at / (hostsAPolicy * controls));
  const host = (policy * 7 + (Math.floor(at / controls) % hostsAPolicy)) % 2500;
  const control = at % controls;
  const failed = since[at]! > 0;
  const changed = dateOf(Math.abs(since[at]!) - 1);
  const level = (control % 5) + 1;
  return (
    `{"kind":"posture","id":${20_000_000_000 + at},"instance":"os","policyId":${5_000_000 + policy},"policyTitle":"CIS Benchmark for Windows Server 2022, v1.0.${policy}",` +
    `"netBios":"SRV-${host}","controlId":${1000 + control},"controlStatement":"Status of the setting ${control}: it must be configured as the benchmark wants",` +
    `"rationale":"${text}","remediation":"Set it.","technologyId":285,"status":"${failed ? 'Failed' : 'Passed'}",` +
    `"firstFailDate":"${failed ? `${changed}T03:00:00Z` : ''}","lastPassDate":"${failed ? '' : startedAt}","lastEvaluatedDate":"${dateOf(day)}T03:00:00Z",` +
    `"hostId":${118_000_000 + host},"ip":"10.0.${host >> 8}.${host & 255}","dns":"srv-${host}.example.com","complianceLastScanDate":"${dateOf(day)}T02:00:00Z",` +
    `"technology":{"id":285,"name":"Windows Server 2022"},"criticality":{"label":"${levels[level - 1]}","value":${level}}}\n`
  );
}

function line(record: object): string {
  return `${JSON.stringify(record)}\n`;
}

await pipeline(runs, process.stdout);
