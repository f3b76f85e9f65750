// Flags take seconds and libraries milliseconds. A factor forgotten between them breaks nothing at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Flags } from 'pcrs-cli/flags';
import { gatewayOptions } from 'pcrs-cli/gateway-flags';
import { readFlags } from 'pcrs-cli/read-flags';
import type { Tool } from 'pcrs-cli/tool';
import { sourceEnvironment, tools } from '../scripts/source-bins.ts';
import { run } from './support/programs.ts';

async function flagsOf(name: string): Promise<Flags> {
  return ((await import(`${name}/cli`)) as { tool: Tool }).tool.flags;
}

const asking = ['pcrs-auth', 'pcrs-policies', 'pcrs-hostids', 'pcrs-posture'];
/** The tools that have flags in seconds; a test below follows each flag to where it counts. */
const inSeconds: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...asking, 'pcrs-etl'].map((name) => [name, 'max-wait rate timeout'])),
  'pcrs-simulator': 'expire-token-after rate-limit',
  'pcrs-to-postgres': 'lock-timeout',
};

test('no other tool has a flag in seconds', async () => {
  const found: Record<string, string> = {};
  for (const name of tools.filter((tool) => tool !== 'pcrs')) {
    const flags = Object.entries(await flagsOf(name)).filter(([, { value, describe }]) =>
      /\bseconds?\b|\/S\b/i.test(`${value} ${describe}`),
    );
    if (flags.length > 0)
      found[name] = flags
        .map(([flag]) => flag)
        .sort()
        .join(' ');
  }
  assert.deepEqual(found, inSeconds);
});

for (const name of asking) {
  test(`${name}: --timeout, --max-wait and --rate reach the gateway's options`, async () => {
    const argv = ['--timeout', '7', '--max-wait', '3', '--retries', '2', '--rate', '5/9'];
    const { values, origins } = readFlags(name, await flagsOf(name), 0, argv, { HOME: '/nowhere' });
    const context = { flags: values, origins, profile: {}, log: {}, progress: { update() {} } };
    const options = gatewayOptions(context as unknown as Parameters<typeof gatewayOptions>[0]);
    const { timeoutMs, maxWaitMs, retries, rate } = options;
    assert.deepEqual([timeoutMs, maxWaitMs, retries, rate], [7000, 3000, 2, { requests: 5, seconds: 9 }]);
  });
}

test('pcrs-etl passes its flags in seconds on as they are', async () => {
  const { argumentsFor } = await import('../packages/pcrs-etl/src/passed-flags.ts');
  const argv = ['--timeout', '7', '--max-wait', '3', '--rate', '5/9'];
  const { options } = readFlags('pcrs-etl', await flagsOf('pcrs-etl'), 0, argv, { HOME: '/nowhere' });
  const given = new Map(
    argv
      .filter((word) => word.startsWith('--'))
      .map((word) => [word.slice(2), options[word.slice(2)]?.value]),
  );
  for (const stage of asking)
    assert.deepEqual(argumentsFor(stage, given), ['--timeout=7', '--max-wait=3', '--rate=5/9'], stage);
});

test('pcrs-to-postgres --lock-timeout reaches the script', async () => {
  const posture = { kind: 'posture', id: 1, policyId: 1, hostId: 1, controlId: 1, technologyId: 1 };
  const { stdout, stderr } = await run('pcrs-to-postgres', ['--lock-timeout', '7'], {
    env: sourceEnvironment(),
    input: `${JSON.stringify(posture)}\n`,
  });
  assert.equal(/\tlockTimeout\t(.*)/.exec(stdout)?.[1], '7000ms', stderr);
});

test('pcrs-simulator: a token lives for --expire-token-after, and --rate-limit counts its seconds', async (t) => {
  const argv = ['--port', '0', '--expire-token-after', '7', '--rate-limit', '1/9'];
  const child = spawn('pcrs-simulator', argv, {
    env: sourceEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { gateway } = JSON.parse(String(line)) as { gateway: string };
  const body = new URLSearchParams({ username: 'demo', password: 'x', token: 'true' });
  const token = await (await fetch(`${gateway}/auth`, { method: 'POST', body })).text();
  const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());
  assert.equal(claims.exp - claims.iat, 7);
  const list = () =>
    fetch(`${gateway}/pcrs/2.0/posture/policy/list`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await list()).status, 200);
  const refused = await list();
  assert.equal(refused.status, 429);
  const waitS = Number(refused.headers.get('x-ratelimit-towait-sec'));
  assert.ok(waitS > 7 && waitS <= 9, `${waitS} s`);
});
