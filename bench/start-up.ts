import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Simulator, startSimulator } from 'pcrs-simulator';
import { root } from '../scripts/run-program.ts';
import { median } from './measure.ts';

/** Time of a start. */
export interface StartTime {
  name: string;
  /** Median over the rounds. */
  ms: number;
}

/** A Node program, and what to wait for. */
interface Start {
  name: string;
  argv: readonly string[];
  stdin?: string;
  until: 'end' | 'request';
}

const bin = (tool: string) => join(root, 'packages', tool, 'bin', `${tool}.js`);

/** Arguments of each tool that sends requests; its stdin is filled before it starts. */
const asking: readonly Start[] = [
  { name: 'pcrs-policies', argv: ['-n'], until: 'request' },
  { name: 'pcrs-hostids', argv: [], stdin: '1\n', until: 'request' },
  {
    ...{ name: 'pcrs-posture', argv: [], until: 'request' },
    stdin: '{"policyId":"1","subscriptionId":"1","hostIds":["1"]}\n',
  },
];

/**
 * Start-up: a bare Node first, then the help of each tool, and for those that send requests, the time until the first
 * one reaches the gateway, with a live token at hand.
 *
 * All are started alike, by `node FILE` and without a shell: bash, its forks for a pipe, and pnpm's shell scripts in
 * node_modules/.bin took up to 15 ms that are not the tools'; in front of the bare Node as well they would flatter
 * the ratio.
 */
export async function startTimes(
  tools: readonly string[],
  rounds: number,
  env: NodeJS.ProcessEnv,
): Promise<StartTime[]> {
  const simulator = await startSimulator({ rateLimit: 'off', policies: 3, hosts: 5, controls: 2 });
  const ours = { ...env, PCRS_GATEWAY: simulator.gateway, PCRS_RATE: '1000/1' };
  const starts: readonly Start[] = [
    { name: 'node -e 0', argv: ['-e', '0'], until: 'end' },
    ...tools.map((tool): Start => ({ name: `${tool} --help`, argv: [bin(tool), '--help'], until: 'end' })),
    ...asking.map(({ name, argv, ...rest }) => ({
      ...{ name: `${name}, first request`, argv: [bin(name), ...argv] },
      ...rest,
    })),
  ];
  const times = starts.map((): number[] => []);
  try {
    await timeOf({ name: 'a live token', argv: [bin('pcrs-auth')], until: 'end' }, simulator, ours);
    for (let round = 0; round < rounds; round += 1)
      for (const [index, start] of starts.entries()) times[index]!.push(await timeOf(start, simulator, ours));
  } finally {
    await simulator.close();
  }
  return starts.map(({ name }, index) => ({ name, ms: median(times[index]!) }));
}

/** Milliseconds from the start of a process to its end, or to its first request. Throws if that never comes. */
async function timeOf(
  { name, argv, stdin, until }: Start,
  simulator: Simulator,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  (simulator.requests as unknown[]).length = 0;
  let askedAt: number | undefined;
  const watch = setInterval(() => {
    if (simulator.requests.length > 0) askedAt ??= performance.now();
  }, 1);
  const startedAt = performance.now();
  const child = spawn('node', argv, {
    env,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore'],
  });
  child.stdin?.end(stdin);
  await new Promise((resolve) => child.on('exit', resolve));
  const endedAt = performance.now();
  clearInterval(watch);
  const at = until === 'end' ? endedAt : askedAt;
  if (at === undefined) throw new Error(`${name}: no request came`);
  return at - startedAt;
}
