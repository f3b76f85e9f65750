import type { Measured } from './measure.ts';

/** A bound for a figure of one of ours: by itself, or as a multiple of a peer's. */
export interface Limit {
  figure: keyof typeof figures;
  most?: number;
  least?: number;
  /** Name of the peer. */
  than?: string | undefined;
  /** Name of the contender; the first one if absent. */
  of?: string;
}

/** What is measured of a contender; undefined if this machine cannot measure it. */
const figures = {
  seconds: ({ seconds }: Measured) => seconds,
  'CPU seconds': ({ cpuSeconds }: Measured) => cpuSeconds,
  'MB of memory': ({ peakMB }: Measured) => peakMB,
  'records/s': ({ seconds }: Measured, records: number) => records / seconds,
  counted: ({ count }: Measured) => count,
};

export const most = (most: number, figure: Limit['figure'], than?: string): Limit => ({ figure, most, than });
export const least = (least: number, figure: Limit['figure']): Limit => ({ figure, least });

/** A line for each limit; `counted` is what the contenders' own counts mean. Peers that did not run are left out. */
export function judged(
  limits: readonly Limit[],
  measured: readonly Measured[],
  records: number,
  counted = '',
): string[] {
  return limits.flatMap(({ figure, most = Infinity, least = 0, than, of }) => {
    const ours = of === undefined ? measured[0] : measured.find(({ name }) => name === of);
    const peer = than === undefined ? undefined : measured.find(({ name }) => name === than);
    if (ours === undefined || (than !== undefined && peer === undefined)) return [];
    const what = figure === 'counted' ? counted : figure;
    const bound = most < Infinity ? `at most ${readable(most)}` : `at least ${readable(least)}`;
    const wanted = than === undefined ? `${bound} ${what}` : `${bound} times the ${what} of ${than}`;
    const [value, unit] = [figures[figure](ours, records), peer && figures[figure](peer, records)];
    if (value === undefined || (peer !== undefined && unit === undefined))
      return [`${ours.name}: ${wanted}: not measured`];
    const reached = value / (unit ?? 1);
    const isKept = reached <= most && reached >= least;
    return [`${ours.name}: ${wanted}: ${isKept ? 'kept' : '**missed**'}, ${readable(reached)}`];
  });
}

function readable(value: number): string {
  return value.toLocaleString(
    'en-US',
    value < 1000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 },
  );
}
