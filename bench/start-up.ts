import { spawn } from 'node:child_process';
import { startSimulator } from 'pcrs-simulator';
import { type Contender, median } from './measure.ts';

/** Start-up of each tool: its help, and for those that ask, the time until the first request is at the gateway. */
export const helps = (tools: readonly string[]): Contender[] => [
  { name: 'node -e 0', command: 'node -e 0' },
  ...tools.map((tool) => ({ name: `${tool} --help`, command: `${tool} --help > /dev/null` })),
];

/**
 * Milliseconds from the start of a process to its first request, with a live token at hand.
 *
 * Takes  commands  by name, in bash
 */
export async function firstRequests(
  commands: Readonly<Record<string, string>>,
  rounds: number,
  env: NodeJS.ProcessEnv,
): Promise<Record<string, number>> {
  let arrived: (() => void) | undefined;
  const simulator = await startSimulator({ rateLimit: 'off', policies: 3, hosts: 5, controls: 2 });
  simulator.faults.add('*:*:delay=1');
  const ours = { ...env, PCRS_GATEWAY: simulator.gateway, PCRS_RATE: '1000/1' };
  const times: Record<string, number[]> = {};
  const timer = setInterval(() => {
    if (simulator.requests.some(({ endpoint }) => endpoint !== 'auth')) arrived?.();
  }, 1);
  try {
    await run('pcrs-auth', ours);
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, command] of Object.entries(commands)) {
        (simulator.requests as unknown[]).length = 0;
        const startedAt = performance.now();
        const asked = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        const ended = run(command, ours);
        await asked;
        times[name] = [...(times[name] ?? []), performance.now() - startedAt];
        await ended;
      }
    }
  } finally {
    clearInterval(timer);
    await simulator.close();
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}

function run(command: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn('bash', ['-c', command], { env, stdio: 'ignore' });
  return new Promise((resolve) => child.on('exit', () => resolve()));
}
