import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, type GatewayOptions, openGateway } from 'pcrs-gateway/gateway';
import { type Simulator, type SimulatorOptions, startSimulator } from 'pcrs-simulator';

/** A simulator, and a client that uses real sockets and limits short enough for hundreds of cases. */
export interface Client {
  simulator: Simulator;
  gateway: Gateway;
  options: GatewayOptions;
  warnings: string[];
}

/** Two repetitions: a fault that strikes twice is the worst that can be survived. */
export const retries = 2;

/** Runs `work` with its own client, closes both, and checks that no request was left open. */
export async function withClient<T>(
  world: SimulatorOptions,
  limits: Partial<GatewayOptions>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const state = mkdtempSync(join(tmpdir(), 'pcrs-faults-'));
  const simulator = await startSimulator({ rateLimit: 'off', ...world });
  const warnings: string[] = [];
  const options: GatewayOptions = {
    ...{ gateway: simulator.gateway, username: 'tester', timeoutMs: 20_000, retries, maxWaitMs: 20_000 },
    ...{ rate: { requests: 100_000, seconds: 1 }, concurrency: 8, backoffBaseMs: 1 },
    env: { PCRS_PASSWORD: 'a password', PCRS_STATE_DIR: state },
    ...{ uid: process.getuid?.(), userAgent: 'pcrs-faults', signal: new AbortController().signal },
    log: { warn: (message) => warnings.push(message), info() {}, verbose() {} },
    ...limits,
  };
  const gateway = await openGateway(options);
  try {
    const result = await work({ simulator, gateway, options, warnings });
    await gateway.close();
    await allClosed(simulator);
    return result;
  } finally {
    await gateway.close();
    await simulator.close();
    rmSync(state, { recursive: true, force: true });
  }
}

async function allClosed({ requests }: Simulator): Promise<void> {
  for (let patience = 0; requests.some(({ outcome }) => outcome === 'open'); patience += 1) {
    if (patience > 400) throw new Error('a request was left open after the gateway was closed');
    await sleep(5);
  }
}

/** An error as the suite's packages throw it. */
export interface Thrown {
  code?: string;
  message: string;
}
