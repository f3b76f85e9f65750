import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type Gateway, type GatewayOptions, openGateway } from 'pcrs-gateway/gateway';
import { type Simulator, type SimulatorOptions, startSimulator } from 'pcrs-simulator';

/** A simulator and a client logged in to it, both closed after the file's tests. */
export async function simulatorAndGateway(
  simulatorOptions: SimulatorOptions = {},
  gatewayOptions: Partial<GatewayOptions> = {},
): Promise<{ simulator: Simulator; gateway: Gateway; warnings: string[] }> {
  const state = mkdtempSync(join(tmpdir(), 'pcrs-state-'));
  const simulator = await startSimulator({ rateLimit: 'off', ...simulatorOptions });
  const warnings: string[] = [];
  const gateway = await openGateway({
    gateway: simulator.gateway,
    username: 'tester',
    timeoutMs: 10_000,
    retries: 3,
    maxWaitMs: 5000,
    rate: { requests: 100_000, seconds: 1 },
    concurrency: 2,
    backoffBaseMs: 1,
    env: { PCRS_PASSWORD: 'a password', PCRS_STATE_DIR: state },
    uid: process.getuid?.(),
    userAgent: 'pcrs-test',
    signal: new AbortController().signal,
    log: { warn: (message) => warnings.push(message), info() {}, verbose() {} },
    ...gatewayOptions,
  });
  after(async () => {
    await gateway.close();
    await simulator.close();
    rmSync(state, { recursive: true });
  });
  return { simulator, gateway, warnings };
}
