import { durationInFull, durationWords } from 'pcrs-records/duration';
import type { Counts } from 'pcrs-records/kinds';
import type { Measures } from './measures.ts';

/** A monitor's limits for a snapshot, besides being complete. */
export interface Gates {
  maxAgeMs?: number | undefined;
  /** Age of the full run that the rows rest on. */
  maxFullAgeMs?: number | undefined;
  /** Percent. */
  minPass?: number | undefined;
  /** Most failed postures, by criticality label. */
  maxFailed?: Counts;
  minHosts?: number | undefined;
  minPolicies?: number | undefined;
}

/** Values that the gates check. */
export interface Gauged {
  /** Null if unknown. */
  ageMs: number | null;
  fullAgeMs: number | null;
  measures: Measures | null;
}

/** A missed gate: a code for programs, and a sentence. */
export interface Miss {
  code: (typeof gateCodes)[number];
  message: string;
}

const gateCodes = ['too_old', 'full_too_old', 'pass_rate', 'failing', 'hosts', 'policies'] as const;

/** Whether a reason's code is a missed gate; the snapshot itself may be fine. */
export function isGateMiss({ code }: { code: string }): boolean {
  return (gateCodes as readonly string[]).includes(code);
}

/** The missed gates; an unknown value misses its gate. */
export function missedGates(gates: Gates, { ageMs, fullAgeMs, measures }: Gauged): Miss[] {
  const failed = Object.entries(gates.maxFailed ?? {}).map(([label, most]): Miss | undefined =>
    tooMany(
      'failing',
      `failed postures of ${label}`,
      failedOf(measures, label),
      most,
      `--max-failed ${label}=${most}`,
    ),
  );
  return [
    tooOld('too_old', 'it is', ageMs, gates.maxAgeMs, '--max-age'),
    tooOld('full_too_old', 'its last full run is', fullAgeMs, gates.maxFullAgeMs, '--max-full-age'),
    tooFew('pass_rate', 'the pass rate', measures?.passRate, gates.minPass, '--min-pass', ' %'),
    ...failed,
    tooFew('hosts', 'the number of hosts', measures?.hosts, gates.minHosts, '--min-hosts'),
    tooFew('policies', 'the number of policies', measures?.policies, gates.minPolicies, '--min-policies'),
  ].filter((miss) => miss !== undefined);
}

/** Undefined for a label under which nothing failed. */
function failedOf(measures: Measures | null, label: string): number | undefined {
  if (measures === null) return undefined;
  const found = Object.entries(measures.failedBy).find(
    ([name]) => name.toLowerCase() === label.toLowerCase(),
  );
  return found?.[1] ?? 0;
}

function tooOld(
  code: Miss['code'],
  what: string,
  age: number | null,
  most: number | undefined,
  flag: string,
): Miss | undefined {
  if (most === undefined || (age !== null && age <= most && age >= -clockSkewMs)) return undefined;
  const isClose = age !== null && durationWords(age) === durationWords(most);
  const words = isClose ? durationInFull : durationWords;
  const limit = `${flag} is ${words(most)}`;
  if (age === null) return { code, message: `${what} of unknown age, ${limit}` };
  if (age < 0) return { code, message: `${what} from the future (is the clock right?), ${limit}` };
  return { code, message: `${what} ${words(age)} old, ${limit}` };
}

/** Harmless difference between two machines' clocks. */
const clockSkewMs = 5 * 60_000;

function tooFew(
  code: Miss['code'],
  what: string,
  found: number | null | undefined,
  least: number | undefined,
  flag: string,
  unit = '',
): Miss | undefined {
  if (least === undefined || (found != null && found >= least)) return undefined;
  return {
    code,
    message: `${what} is ${found ?? 'unknown'}${found == null ? '' : unit}, ${flag} is ${least}`,
  };
}

function tooMany(
  code: Miss['code'],
  what: string,
  found: number | undefined,
  most: number,
  flag: string,
): Miss | undefined {
  if (found !== undefined && found <= most) return undefined;
  return { code, message: `${found ?? 'an unknown number of'} ${what} (${flag})` };
}
