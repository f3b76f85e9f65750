import type { Hindrance } from './pacing-state.ts';

/** How long a request must wait, in milliseconds; undefined if nobody knows. */
export function knownMs(inTheWay: Hindrance): number | undefined {
  return inTheWay.kind === 'slot' ? inTheWay.freeMs : inTheWay.waitMs;
}

/** A cause and its time, for the progress line. */
export function describe(inTheWay: Hindrance): string {
  const cause = causeOf(inTheWay);
  const waitMs = knownMs(inTheWay);
  return waitMs === undefined ? cause : `${cause}, ${Math.ceil(waitMs / 1000)} s`;
}

/** Why a request must wait, for messages. */
export function causeOf(inTheWay: Hindrance): string {
  if (inTheWay.kind === 'slot')
    return inTheWay.freeMs === undefined
      ? 'other requests in flight'
      : 'other requests in flight, one of them from another container or machine without a sign of life';
  return inTheWay.kind === 'rate' ? `rate ${inTheWay.rate}` : inTheWay.why;
}
