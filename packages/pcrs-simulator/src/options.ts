import type { AccountOptions } from './auth.ts';
import type { Form } from './form-names.ts';
import type { RateLimit } from './rate-window.ts';
import type { RequestEntry } from './request-log.ts';
import type { TagWrapper } from './world.ts';
import type { WorldOptions } from './world-size.ts';

/** Four forms of an empty answer; `broken` is the gateway's documented one. */
export type EmptyAs = 'array' | '204' | 'empty' | 'broken';
/** What the headers declare about postureInfo's body. */
export type ContentEncoding = 'none' | 'gzip' | 'double' | 'false';

/** Options of a simulator. Each is also a flag of the bin; the defaults are those of a well-behaved gateway. */
export interface SimulatorOptions extends WorldOptions, AccountOptions {
  /** 0: any free one. */
  port?: number | undefined;
  /** Address to listen on; default: this machine only. */
  host?: string | undefined;
  /** Per user and endpoint, over a rolling window; default 25 in 60 seconds. */
  rateLimit?: RateLimit | 'off' | undefined;
  /** Status of a request over the limit; 409 comes with code 1965. */
  rateLimitStatus?: 429 | 409 | undefined;
  /** Send the X-RateLimit headers; default true. */
  rateHeaders?: boolean | undefined;
  /** Concurrent requests per user; one more is 409 with code 1960. */
  concurrencyLimit?: number | undefined;
  /** 0 to 9; default 1, the fastest that compresses. */
  gzipLevel?: number | undefined;
  /** Form of an empty postureInfo answer; default `array`. */
  emptyAs?: EmptyAs | undefined;
  /** Cut each postureInfo body after this many bytes. */
  truncateAfterBytes?: number | undefined;
  /** `gzip`: declared in the headers; `double`: declared around a gzip file; `false`: declared but plain. */
  contentEncoding?: ContentEncoding | undefined;
  /** Write bodies in chunks of this many bytes. */
  chunkBytes?: number | undefined;
  forms?: readonly Form[] | undefined;
  /** Name of the policy list's tag section; `flat` puts its members into the policy itself. */
  tagWrapper?: TagWrapper | undefined;
  /** The account is a Reader: host ids of all policies in one call (3.0 and later) are 403. */
  reader?: boolean | undefined;
  /** See `parseFault`. */
  faults?: readonly string[] | undefined;
  /** PEM texts; with them the gateway is https. */
  tls?: { key: string; cert: string } | undefined;
  /** Requests remembered, the latest ones; default 10,000. */
  requestsKept?: number | undefined;
  /** Called with each request when its answer has ended. */
  onRequest?: ((entry: RequestEntry) => void) | undefined;
}
