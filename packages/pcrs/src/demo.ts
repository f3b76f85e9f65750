import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Simulator, startSimulator } from 'pcrs-simulator';
import { tablesOf } from './demo-tables.ts';

/** The demo's access to this machine. */
export interface DemoOptions {
  /** The folder it makes. */
  out: string;
  /** Node's path and flags, to start the tools the same way. */
  node: { path: string; flags: readonly string[] };
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  /** Prints text for the person watching. */
  say(text: string): Promise<void> | undefined;
}

/** Small enough to take seconds; on the last day the pass rate drops, and the report explains why. */
const days = 7;
const world = { policies: 8, hosts: 40, controls: 20, rateLimit: 'off' } as const;
const events = [
  { kind: 'except', day: 2, end: 5, share: 0.1 },
  { kind: 'away', day: 0, end: days - 1, share: 5 },
  { kind: 'controls', day: days - 1, policy: 0, count: 20 },
  { kind: 'break', day: days - 1, policy: 4, count: 3 },
] as const;
const dayMs = 86_400_000;

const bin = fileURLToPath(new URL('../bin/pcrs.js', import.meta.url));

/** Commands for a newcomer to try next, in the folder above `out`; none asks the gateway. */
export function nextSteps(out: string, today: Date): string[] {
  const yesterday = new Date(today.getTime() - dayMs).toISOString().slice(0, 10);
  return [
    `pcrs status ${out}`,
    `pcrs diff ${out} --since 1d --summary`,
    `pcrs from-sqlite ${out} --posture-status Failed | pcrs to-csv --excel > failed.csv`,
    `pcrs from-history ${out}/history.db --at ${yesterday} | head -3`,
    `pcrs report ${out} --history ${out}/history.db --level executive > executive.html`,
  ];
}

/**
 * A week with a local gateway: six past days, then today as a user would run it; the content of the database, and a
 * report.
 *
 * Throws  the first tool that failed, by name and status
 */
export async function demo(options: DemoOptions): Promise<void> {
  const { out, say } = options;
  const now = Date.now();
  await mkdir(out, { recursive: true });
  let port = 0;
  await say('A gateway on this machine, and the six days before today:\n\n');
  await say(
    '  $ pcrs auth | pcrs policies | pcrs hostids | pcrs posture --evidence |\n      pcrs to-sqlite --snapshot DIR\n\n',
  );
  for (let day = 0; day < days; day++) {
    const start = new Date(now - (days - 1) * dayMs).toISOString().slice(0, 10);
    const simulator = await startSimulator({ ...world, events, day, start, port });
    port = simulator.port;
    try {
      if (day < days - 1) await pastDay(new Date(now - (days - 1 - day) * dayMs), simulator, options);
      else await today(simulator, options);
    } finally {
      await simulator.close();
    }
  }
  await say(await tablesOf(join(out, 'latest.db')));
  await say(`\nThe report: ${join(out, 'latest_report.html')} (open it in a browser)\n\nTry next:\n\n`);
  for (const step of nextSteps(out, new Date(now))) await say(`  ${step}\n`);
}

/** Serves a gateway until the signal, and explains how to use it. */
export async function serve({ signal, say }: Pick<DemoOptions, 'signal' | 'say'>): Promise<void> {
  const simulator = await startSimulator({ ...world, rateLimit: undefined });
  await say(
    `A gateway on this machine, until Ctrl-C. In another terminal:\n\n  export PCRS_GATEWAY=${simulator.gateway} PCRS_USERNAME=demo PCRS_PASSWORD=demo\n  pcrs etl --out posture\n`,
  );
  if (!signal.aborted) await once(signal, 'abort');
  await simulator.close();
}

/** Runs the pipe by its stages, with a session that began on that day. */
async function pastDay(startedAt: Date, simulator: Simulator, options: DemoOptions): Promise<void> {
  const opened = JSON.parse(await run([['auth']], simulator, options, ''));
  const session = { ...opened, startedAt: startedAt.toISOString() };
  const stages = [
    ['policies'],
    ['hostids'],
    ['posture', '--evidence'],
    ['to-sqlite', '--snapshot', options.out, '--quiet'],
  ];
  await run(stages, simulator, options, `${JSON.stringify(session)}\n`, 'ignore');
}

async function today(simulator: Simulator, options: DemoOptions): Promise<void> {
  const args = ['etl', '--out', options.out, '--evidence', '--csv', '--history', '--report'];
  await options.say(`Today, as one command:\n\n  $ pcrs ${args.join(' ')}\n\n`);
  await run([args], simulator, options, '');
}

/** Runs tools in a pipe; yields the last one's output. */
async function run(
  stages: readonly (readonly string[])[],
  simulator: Simulator,
  { node, env, out, signal }: DemoOptions,
  input: string,
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<string> {
  const ours = {
    ...{ PCRS_GATEWAY: simulator.gateway, PCRS_USERNAME: 'demo', PCRS_PASSWORD: 'demo', PCRS_RATE: '1000/1' },
    // Each day's gateway knows only its own tokens.
    PCRS_STATE_DIR: join(out, 'state', String(simulator.world.size.day)),
  };
  const outside = Object.entries(env).filter(([name]) => !name.startsWith('PCRS_'));
  const children = stages.map((args) =>
    spawn(node.path, [...node.flags, bin, ...args], {
      env: { ...Object.fromEntries(outside), ...ours },
      stdio: ['pipe', 'pipe', stderr],
      signal,
    }),
  );
  for (const [index, child] of children.entries()) {
    child.stdin.on('error', () => {});
    const next = children[index + 1];
    if (next) child.stdout.pipe(next.stdin);
  }
  const ends = Promise.all(children.map((child, index) => ended(child, stages[index]!)));
  children[0]!.stdin.end(input);
  let written = '';
  for await (const text of children.at(-1)!.stdout.setEncoding('utf8')) written += text;
  await ends;
  return written;
}

async function ended(child: ChildProcess, [tool]: readonly string[]): Promise<void> {
  const [status, byWhat] = await once(child, 'close');
  if (status === 0) return;
  throw Object.assign(new Error(`pcrs ${tool} ended ${status ?? byWhat}`), { code: 'PCRS_MACHINE' });
}
