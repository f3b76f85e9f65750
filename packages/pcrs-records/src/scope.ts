import { isDeepStrictEqual } from 'node:util';
import { type Base, isObject, type Scope, type Start } from './kinds.ts';

/** The flags by which a stage asks for less than all there is, with the value that takes nothing away. */
const narrowing: Readonly<Record<string, unknown>> = {
  'evaluated-since': undefined,
  status: 'all',
  id: undefined,
  'exclude-id': undefined,
  title: undefined,
  'scanned-since': undefined,
  'scanned-from': undefined,
  'scanned-to': undefined,
  'status-changed-since': undefined,
  'asset-state': 'ALL',
  'asset-deployment-type': 'ALL',
  'exclude-inactive-controls': undefined,
  'posture-status': undefined,
};

/** By moment, so that what they leave out today may have been asked for yesterday. */
const dates = /-(since|from|to)$/;

/** A flag that narrowed what a stage asked for. */
export interface Narrowing {
  stage: string;
  flag: string;
  value: unknown;
  /** A date: it leaves out what did not change since. */
  isDate: boolean;
  /** A date that `pcrs-etl --incremental` added: the rest is in the snapshot that it builds on. */
  isIncremental: boolean;
}

/** How a stage was told to ask for less than all there is. */
export function narrowings({ stage, options }: Pick<Start, 'stage' | 'options'>): Narrowing[] {
  return Object.entries(options ?? {}).flatMap(([flag, option]) => {
    if (!Object.hasOwn(narrowing, flag) || option?.value === narrowing[flag]) return [];
    const isDate = dates.test(flag);
    return [{ stage, flag, value: option?.value, isDate, isIncremental: option?.from === 'incremental' }];
  });
}

/** `pcrs-policies --title DISA` */
export function narrowingText({ stage, flag, value }: Narrowing): string {
  return `${stage} ${flagText(`--${flag}`, value)}`;
}

/** What a stage asks for, by its flags: the scope of its `start`. */
export function scopeOfOptions(stage: string, options: Start['options']): Scope {
  const flags = narrowings({ stage, options }).filter(({ isIncremental }) => !isIncremental);
  return sorted(flags.map(({ flag, value }) => [`${stage} --${flag}`, value]));
}

/** How much of its scope a stage asks for, by its flags: the base of its `start`. */
export function baseOfOptions(options: Start['options']): Base {
  const moments = narrowings({ stage: '', options }).filter(({ isDate }) => isDate);
  if (moments.some(({ isIncremental }) => !isIncremental)) return 'dated';
  return moments.length > 0 ? 'delta' : 'full';
}

/** The scope of a run: all flags by which its stages asked for less than all there is. */
export function scopeOf(starts: readonly Start[]): Scope {
  const values = new Map<string, unknown[]>();
  for (const start of starts) {
    for (const [flag, value] of Object.entries(scopeOfStart(start))) {
      const known = values.get(flag) ?? [];
      if (!known.some((other) => isDeepStrictEqual(other, value))) known.push(value);
      values.set(flag, known);
    }
  }
  return sorted([...values].map(([flag, known]) => [flag, known.length === 1 ? known[0] : known]));
}

/** The base of a run: the weakest of its stages'. */
export function baseOf(starts: readonly Start[]): Base {
  const bases = starts.map(({ base, options }) => base ?? baseOfOptions(options));
  return bases.find((base) => base === 'dated') ?? bases.find((base) => base === 'delta') ?? 'full';
}

/** Whether two scopes ask for the same. */
export function isSameScope(a: Scope, b: Scope): boolean {
  return isDeepStrictEqual({ ...a }, { ...b });
}

/** A scope for people: `all policies`, or `--title PCI`. */
export function scopeWords(scope: Scope): string {
  const words = Object.entries(scope).map(([flag, value]) => flagText(flag.replace(/^\S+ /, ''), value));
  return words.length === 0 ? 'all policies' : [...new Set(words)].join(' ');
}

/** In a start of contract 1 the scope is told by the options alone. */
function scopeOfStart({ stage, options, scope }: Start): Scope {
  return isObject(scope) ? scope : scopeOfOptions(stage, options);
}

function flagText(flag: string, value: unknown): string {
  if (value === true) return flag;
  return `${flag} ${Array.isArray(value) ? value.join(',') : String(value)}`;
}

function sorted(entries: readonly (readonly [string, unknown])[]): Scope {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
