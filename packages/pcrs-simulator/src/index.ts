import type { AddressInfo } from 'node:net';
import type { Form } from './form-names.ts';
import { changedRecords } from './forms.ts';
import type { SimulatorOptions } from './options.ts';
import type { RequestEntry } from './request-log.ts';
import { Gateway } from './server.ts';
import { type TruthOptions, World } from './world.ts';

export type { Faults } from './faults.ts';
export { type Fault, parseFault } from './faults.ts';
export { type Form, formNames } from './form-names.ts';
export type { SimulatorOptions } from './options.ts';
export type { RequestEntry } from './request-log.ts';
export { type HostOptions, type TruthOptions, World } from './world.ts';
export type { WorldOptions } from './world-size.ts';

/** A gateway that runs in this process. */
export interface Simulator {
  /** `http://127.0.0.1:PORT` */
  readonly gateway: string;
  readonly url: string;
  readonly port: number;
  /** The latest requests, oldest first, each with its question and outcome. */
  readonly requests: readonly RequestEntry[];
  /** Number of requests in total. */
  readonly requestCount: number;
  /** What a client should find. */
  readonly world: World;
  /** Faults can be added and cleared while it runs. */
  readonly faults: Gateway['faults'];
  /** Makes every token issued so far count as expired. */
  expireTokens(): void;
  /** The records of `world.posture`, as changed by this simulator's forms. */
  posture(options?: TruthOptions): Iterable<string>;
  /** Ends every connection, and the server. */
  close(): Promise<void>;
}

/**
 * Starts a gateway on this machine.
 *
 * Takes   options  see `SimulatorOptions`; without any it behaves as documented by Qualys
 * Throws  PCRS_USAGE for an option outside its bounds; PCRS_MACHINE if the port is taken
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const world = new World(options);
  const gateway = new Gateway(world, options);
  const host = options.host ?? '127.0.0.1';
  await listen(gateway, options.port ?? 0, host);
  const { port } = gateway.server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  const url = `${options.tls === undefined ? 'http' : 'https'}://${name}:${port}`;
  const forms = new Set<Form>(options.forms);
  return {
    gateway: url,
    url,
    port,
    requests: gateway.log.entries,
    get requestCount() {
      return gateway.log.count;
    },
    world,
    faults: gateway.faults,
    expireTokens: () => gateway.tokens.revoke(Date.now()),
    posture: (truth = {}) => changedRecords(world.posture(truth), forms),
    close: () => gateway.close(),
  };
}

async function listen(gateway: Gateway, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    gateway.server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken
        ? `port ${port} is taken; port 0 takes any free one`
        : `${host}:${port}: ${error.message}`;
      reject(Object.assign(new Error(message), { code: 'PCRS_MACHINE' }));
    });
    gateway.server.listen(port, host, resolve);
  });
}
