import type { Age } from './model.ts';

const dayMs = 24 * 3600 * 1000;

/**
 * How long a posture has been failing at a moment, from the gateway's dates.
 *
 * `firstFailDate` is the first failure ever, not the start of this one: if the host has passed since, the failure is
 * at most as old as that pass.
 *
 * Takes  moment  milliseconds: the start of the run
 */
export function failingFor(firstFailDate: unknown, lastPassDate: unknown, moment: number): Age | undefined {
  const [failed, passed] = [momentOf(firstFailDate), momentOf(lastPassDate)];
  if (failed === undefined && passed === undefined) return undefined;
  const atMost = failed === undefined || (passed !== undefined && passed > failed);
  const since = atMost ? passed! : failed!;
  return { days: daysBetween(since, moment), atMost };
}

/** Age since an exact start; undefined if the start is unknown. */
export function ageAt(since: string | undefined, moment: number): Age | undefined {
  const start = momentOf(since);
  return start === undefined ? undefined : { days: daysBetween(start, moment), atMost: false };
}

function daysBetween(start: number, moment: number): number {
  return Math.max(0, Math.floor((moment - start) / dayMs));
}

function momentOf(text: unknown): number | undefined {
  const moment = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

/** The older of two ages. */
export function older(one: Age | undefined, other: Age | undefined): Age | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.days > one.days ? other : one;
}
