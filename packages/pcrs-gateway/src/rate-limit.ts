import type { Endpoint } from './api-versions.ts';

/** Leave to send one request; to be left in every case. */
export interface Permit {
  /** The request goes out now. */
  sending(): void;
  /** The head of its answer came, with what it says of the limits. */
  landed(headers: Record<string, string | string[] | undefined>): void;
  leave(): void;
}

/** Who may send when. */
export interface Pacing {
  /** Waits for leave to send; throws where that would take longer than `patienceEndsMs` because the gateway said wait. */
  enter(endpoint: Endpoint, patienceEndsMs: number): Promise<Permit>;
  /** The gateway said: not before. */
  block(endpoint: Endpoint, untilMs: number, why: string): void;
}
