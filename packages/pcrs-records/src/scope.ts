import { isDeepStrictEqual } from 'node:util';
import { type Base, isObject, type Scope, type Session, type Start } from './kinds.ts';

/** The flags that narrow what a stage asks for, each with the value that excludes nothing. */
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
  host: undefined,
  control: undefined,
};

/** Date flags. They are relative to a moment: what they exclude today, yesterday's run may have asked for. */
const dates = /-(since|from|to)$/;

/** A flag that narrowed what a stage asked for. */
export interface Narrowing {
  stage: string;
  flag: string;
  value: unknown;
  /** A date flag: excludes everything unchanged since. */
  isDate: boolean;
  /** A date that `pcrs-etl --incremental` added; the rest is in the snapshot it builds on. */
  isIncremental: boolean;
}

/** The flags that narrowed a stage. */
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

/** Scope of a stage's `start`, from its flags. */
export function scopeOfOptions(stage: string, options: Start['options']): Scope {
  const flags = narrowings({ stage, options }).filter(({ isIncremental }) => !isIncremental);
  return sorted(flags.map(({ flag, value }) => [`${stage} --${flag}`, value]));
}

/** Base of a stage's `start`, from its flags. */
export function baseOfOptions(options: Start['options']): Base {
  const moments = narrowings({ stage: '', options }).filter(({ isDate }) => isDate);
  if (moments.some(({ isIncremental }) => !isIncremental)) return 'dated';
  return moments.length > 0 ? 'delta' : 'full';
}

/** Scope of a run: the union of its stages' scopes. */
export function scopeOf(starts: readonly Start[]): Scope {
  return unionOfScopes(starts.map(scopeOfStart));
}

/** All flags of several scopes; a flag with different values has the list of them. */
export function unionOfScopes(scopes: readonly Scope[]): Scope {
  const values = new Map<string, unknown[]>();
  for (const scope of scopes) {
    for (const [flag, value] of Object.entries(scope)) {
      const known = values.get(flag) ?? [];
      if (!known.some((other) => isDeepStrictEqual(other, value))) known.push(value);
      values.set(flag, known);
    }
  }
  return sorted([...values].map(([flag, known]) => [flag, known.length === 1 ? known[0] : known]));
}

/** Base of a run: the weakest of its stages' bases. */
export function baseOf(starts: readonly Start[]): Base {
  const bases = starts.map(({ base, options }) => base ?? baseOfOptions(options));
  return bases.find((base) => base === 'dated') ?? bases.find((base) => base === 'delta') ?? 'full';
}

/** A gateway's address in the one spelling used for comparison. */
export function gatewayOf({ gateway }: Pick<Session, 'gateway'>): string {
  return gateway.replace(/\/+$/, '').toLowerCase();
}

/** Whether two scopes are equal. */
export function isSameScope(a: Scope, b: Scope): boolean {
  return isDeepStrictEqual({ ...a }, { ...b });
}

/** A scope in words: `all policies`, or `--title PCI`. */
export function scopeWords(scope: Scope): string {
  const words = Object.entries(scope).map(([flag, value]) => flagText(flag.replace(/^\S+ /, ''), value));
  return words.length === 0 ? 'all policies' : [...new Set(words)].join(' ');
}

/** A start of contract 1 has no scope; its options give it. */
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
