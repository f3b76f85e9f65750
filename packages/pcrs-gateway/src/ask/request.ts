import type { Account, AccountOptions } from '../account/account.ts';
import type { HttpHeaders } from '../http/exchange.ts';
import type { Pacing } from '../pace/rate-limit.ts';
import type { Endpoint } from './api-versions.ts';

/** A request to the gateway. */
export interface GatewayRequest {
  endpoint: Endpoint;
  method: 'GET' | 'POST';
  path: string;
  query: Record<string, string>;
  body?: string | Uint8Array;
  /** Policies and hosts, for messages: `policy 5772988, 50 hosts from 118772`. */
  what: string;
  /** Give up after this many broken bodies and 5xx; default: all tries. */
  bodyTries?: number;
  /** Give up after this many 200s that broke before their first byte; default 3. */
  emptyBreakTries?: number;
}

/** An answer as `consume` gets it; the body can be read once. */
export interface GatewayAnswer {
  status: number;
  headers: HttpHeaders;
  body: AsyncIterable<Uint8Array>;
}

export type Consume<T> = (answer: GatewayAnswer) => Promise<T>;

/** Requests sent, repetitions among them, and bytes of all bodies; without logins. */
export interface Tally {
  requests: number;
  retries: number;
  bytes: number;
}

/** Everything a request needs from its gateway. */
export interface AskContext
  extends Pick<Account, 'way' | 'tokens' | 'secrets' | 'clock' | 'limits' | 'dispatcher'>,
    Pick<AccountOptions, 'userAgent' | 'signal' | 'log'> {
  pacing: Pacing;
  tally: Tally;
  waiting(text: string | undefined): void;
}

/** Path and query as one text: the request line, and part of the request's key in an archive. */
export function pathAndQuery({ path, query }: Pick<GatewayRequest, 'path' | 'query'>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}
