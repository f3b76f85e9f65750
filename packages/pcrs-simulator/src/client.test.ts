import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Simulator, type SimulatorOptions, startSimulator } from './index.ts';

/** An answer, complete or broken off. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The code of the error that ended it. */
  broken: string | undefined;
}

/** One request to a simulator, every byte as received. */
export function ask(
  gateway: string,
  method: string,
  path: string,
  options: RequestOptions & { body?: string } = {},
): Promise<Reply> {
  const reply: Reply = { status: 0, headers: {}, body: Buffer.alloc(0), broken: undefined };
  const pieces: Buffer[] = [];
  return new Promise((resolve) => {
    const finish = () => resolve({ ...reply, body: Buffer.concat(pieces) });
    const fail = (error: NodeJS.ErrnoException) => {
      reply.broken ??= error.code ?? error.message;
      finish();
    };
    const sent = request(gateway + path, { agent: false, ...options, method }, (response) => {
      reply.status = response.statusCode ?? 0;
      reply.headers = response.headers;
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', finish).on('error', fail);
    });
    sent.on('error', fail).end(options.body);
  });
}

/** A simulator with a user who is logged in. */
export class Client {
  readonly simulator: Simulator;
  token = '';

  private constructor(simulator: Simulator) {
    this.simulator = simulator;
  }

  /** Starts a simulator for a test, by default without a rate limit, and stops it with the test. */
  static async open(t: TestContext, options: SimulatorOptions = {}): Promise<Client> {
    const small = { policies: 5, hosts: 20, controls: 10, rateLimit: 'off' } as const;
    const simulator = await startSimulator({ ...small, ...options });
    t.after(() => simulator.close());
    const client = new Client(simulator);
    await client.login();
    return client;
  }

  async login(username = 'demo', password = 'demo'): Promise<Reply> {
    const body = new URLSearchParams({ username, password, token: 'true', permissions: 'true' }).toString();
    const reply = await ask(this.simulator.gateway, 'POST', '/auth', { body });
    this.token = reply.body.toString();
    return reply;
  }

  get(path: string): Promise<Reply> {
    return ask(this.simulator.gateway, 'GET', path, { headers: { authorization: `Bearer ${this.token}` } });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return ask(this.simulator.gateway, 'POST', path, {
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /** The host ids of policies, from hostids. */
  async resolve(policies: readonly string[] = this.simulator.world.policyIds()): Promise<string> {
    return (await this.get(`/pcrs/5.0/posture/hostids?policyId=${policies.join(',')}`)).body.toString();
  }

  /** A postureInfo body for policies. */
  asked(policies: readonly string[] = this.simulator.world.policyIds()): string {
    return `[${policies.map((id) => this.simulator.world.hostIdsElement(id)).join(',')}]`;
  }

  /** All postures of these policies. */
  posture(query = '', policies?: readonly string[], version = '5.0'): Promise<Reply> {
    return this.post(`/pcrs/${version}/posture/postureInfo?${query}`, this.asked(policies));
  }
}

/** Equality without a diff of megabytes. */
export function assertSame(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a === b) return;
  let at = 0;
  while (a[at] === b[at]) at += 1;
  const near = (text: string) => text.slice(Math.max(0, at - 60), at + 60);
  throw new Error(`they differ at character ${at}: ${near(a)} instead of ${near(b)}`);
}

/** The text of a body, gzip or not. */
export function textOf(body: Buffer): string {
  return (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body).toString();
}
