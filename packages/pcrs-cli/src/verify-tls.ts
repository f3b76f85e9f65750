import type { Log } from './log.ts';

/** Ignores Node's switch that disables TLS verification, and deletes it, since Node would warn about it. */
export function verifyTls(log: Log): void {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === undefined) return;
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  log.warn(
    'NODE_TLS_REJECT_UNAUTHORIZED is ignored: TLS is always verified; use --ca-file to trust your own certificate authority',
  );
}
