// Answers that never end, or unpack to far too much: bounded, in flat memory, and never part of a record.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { postureSlices } from 'pcrs-posture';
import { type Simulator, startSimulator } from 'pcrs-simulator';
import { watchedPlace } from '../support/faults-canary.ts';
import { type Thrown, withClient } from '../support/faults-client.ts';
import { isLong } from '../support/faults-random.ts';
import { records } from '../support/programs.ts';

const world = { seed: 15, policies: 6, hosts: 120, controls: 40, hostsPerPolicy: 12 };
const place = await watchedPlace('faults-endless');
after(() => place.close());

const MiB = 1024 * 1024;

function hostidsOf({ world: simulated }: Simulator): {
  policyId: string;
  subscriptionId: string;
  hostIds: string[];
} {
  const policyId = simulated.policyIds('active').find((id) => simulated.hostIds(id).length === 12);
  assert.ok(policyId, 'a policy has twelve hosts');
  return { policyId, subscriptionId: simulated.subscriptionId, hostIds: simulated.hostIds(policyId) };
}

suite('the time limit ends an endless answer, and its pairs are listed', () => {
  for (const kind of ['records', 'spaces', 'string']) {
    test(kind, async () => {
      // The tools allow 4 h; half a second shows the same.
      const limits = { lifeMs: 500, retries: 0 };
      await withClient(
        { ...world, faults: [`posture:*:endless=${kind}`] },
        limits,
        async ({ simulator, gateway }) => {
          const { hostIds, ...policy } = hostidsOf(simulator);
          const slices = postureSlices(gateway, [{ ...policy, hostIds: hostIds.slice(0, 2) }]);
          const error = await drained(slices);
          assert.equal(error?.code, 'PCRS_GATEWAY');
          assert.match(error!.message, /0\.5 s|longer than/);
          const listed = slices.counts.missing.map(
            ({ policies, firstHostId }) => `${policies}/${firstHostId}`,
          );
          assert.deepEqual(
            listed,
            hostIds.slice(0, 2).map((hostId) => `${policy.policyId}/${hostId}`),
          );
        },
      );
    });
  }
});

async function drained(
  slices: AsyncIterable<{ blocks(): AsyncIterable<unknown> }>,
): Promise<Thrown | undefined> {
  try {
    for await (const slice of slices) for await (const _ of slice.blocks());
    return undefined;
  } catch (error) {
    return error as Thrown;
  }
}

/** Starts a stage alone, fed with the host ids of one policy; nobody reads its stdout yet. */
function startPosture(simulator: Simulator, args: readonly string[], hosts = 12): ChildProcess {
  const cwd = place.folder();
  const { hostIds, ...policy } = hostidsOf(simulator);
  const env = {
    ...place.env,
    PCRS_GATEWAY: simulator.gateway,
    PCRS_STATE_DIR: `${cwd}-state`,
    PCRS_RETRIES: '1',
  };
  const child = spawn('pcrs-posture', args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify({ ...policy, hostIds: hostIds.slice(0, hosts) }));
  return child;
}

interface Measured {
  status: number | null;
  stderr: string;
  /** Bytes and lines of stdout. */
  bytes: number;
  lines: number;
  /** Peak memory of the process, in MiB; 0 if the system does not report it. */
  peak: number;
}

async function measured(child: ChildProcess): Promise<Measured> {
  const found: Measured = { status: null, stderr: '', bytes: 0, lines: 0, peak: 0 };
  child.stderr!.on('data', (chunk: Buffer) => {
    found.stderr += chunk;
  });
  child.stdout!.on('data', (chunk: Buffer) => {
    found.bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) found.lines += 1;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const watch = setInterval(() => {
    found.peak = Math.max(found.peak, peakOf(child.pid!));
  }, 20);
  await ended;
  clearInterval(watch);
  found.status = child.exitCode;
  return found;
}

function peakOf(pid: number): number {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return 0;
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

suite('a bomb', () => {
  test('of small records goes through in flat memory', async (t) => {
    const bytes = (isLong ? 1024 : 192) * MiB;
    const simulator = await startSimulator({
      ...world,
      rateLimit: 'off',
      faults: [`posture:1:bomb=records:bytes=${bytes}`],
    });
    t.after(() => simulator.close());
    const {
      status,
      stderr,
      bytes: out,
      lines,
      peak,
    } = await measured(startPosture(simulator, ['--untagged']));
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.ok(out >= bytes - 100 * 1024, `${out} bytes came out`);
    assert.ok(lines > bytes / 80);
    process.stdout.write(
      `a bomb of ${bytes / MiB} MiB of small records: ${lines} records, peak ${Math.round(peak)} MiB\n`,
    );
    assert.ok(peak < 200, `${peak} MiB at most`);
  });

  test('of one string ends in an error that names the slice', async (t) => {
    const simulator = await startSimulator({
      ...world,
      rateLimit: 'off',
      faults: [`posture:*:bomb=string:bytes=${1024 * MiB}`],
    });
    t.after(() => simulator.close());
    const { status, stderr, bytes, peak } = await measured(startPosture(simulator, ['--retries', '0'], 1));
    process.stdout.write(
      `a bomb of 1024 MiB in one string: status ${status}, peak ${Math.round(peak)} MiB\n`,
    );
    assert.equal(status, 5);
    assert.equal(bytes, 0);
    assert.match(stderr, /^pcrs-posture: .*longer than 536870912 bytes \(policy \d+, host \d+\)/m);
    assert.ok(peak < 1024, `${peak} MiB at most`);
  });
});

suite('a reader that does not read', () => {
  test('does not hide a silent gateway', async (t) => {
    const faults = ['posture:3:hang=body:after=500'];
    const simulator = await startSimulator({ ...world, controls: 400, rateLimit: 'off', faults });
    t.after(() => simulator.close());
    const args = ['--evidence', '--hosts-per-request', '4', '--untagged', '--timeout', '1'];
    const child = startPosture(simulator, args);
    const asked = () => simulator.requests.filter(({ endpoint }) => endpoint === 'posture').length;
    // Not a byte has been read when the hanging slice is asked for again.
    for (let patience = 0; asked() < 4 && patience < 600; patience += 1) await sleep(50);
    assert.equal(asked(), 4);
    const chunks: Buffer[] = [];
    child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => child.once('close', resolve));
    assert.equal(child.exitCode, 0);
    const { policyId } = hostidsOf(simulator);
    const truth = [...simulator.posture({ policies: [policyId], evidence: 'evidence' })];
    const found = Buffer.concat(chunks).toString();
    assert.ok(found.length > 1024 * 1024, 'more than a pipe holds');
    assert.deepEqual(new Set(found.split('\n').slice(0, -1)), new Set(truth));
    assert.equal(records(found).length, truth.length);
  });
});
