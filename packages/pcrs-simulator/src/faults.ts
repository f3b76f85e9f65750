import { type FaultKind, type FaultName, faultKinds } from './fault-kinds.ts';
import { formNames } from './form-names.ts';
import { usage } from './world-size.ts';

/** The endpoints. */
export type Endpoint = 'auth' | 'list' | 'hostids' | 'posture';

/** One fault. */
export interface Fault {
  readonly text: string;
  readonly endpoint: Endpoint | '*';
  /** The first and last request it strikes, counted from 1; every n-th of them. */
  readonly from: number;
  readonly to: number;
  readonly every: number;
  readonly kind: FaultName;
  readonly value: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  /** Only requests that name this policy, or this host. */
  readonly policy: string | undefined;
  readonly host: string | undefined;
}

/** The facts of a request that faults look at. */
interface Struck {
  readonly endpoint: Endpoint;
  readonly policies: readonly string[];
  hasHost(id: string): boolean;
}

/** The grammar of a fault, as help and errors show it. */
export const faultShape = 'ENDPOINT:WHEN:KIND[=VALUE][:OPTION=VALUE…][@policy=ID][@host=ID]';

/**
 * Parses a fault.
 *
 * Takes   `posture:3:cut=5000`, `hostids:1-2:status=503:retry-after=1`, `posture:*:status=500@host=118772`; WHEN is
 *         `3`, `1-2`, `3-`, `%5` (each fifth) or `*`, counted over the requests that the fault looks at
 * Throws  PCRS_USAGE naming the mistake
 */
export function parseFault(text: string): Fault {
  const [, endpoint, when, rest] = /^([^:]+):([^:]+):(.+)$/s.exec(text) ?? [];
  if (endpoint === undefined || when === undefined || rest === undefined) {
    throw usage(`fault must be ${faultShape}, got ${JSON.stringify(text)}`);
  }
  if (!['auth', 'list', 'hostids', 'posture', '*'].includes(endpoint)) {
    throw usage(
      `fault ${JSON.stringify(text)}: the endpoint must be auth, list, hostids, posture or *, got ${endpoint}`,
    );
  }
  const { what, policy, host } = cutRestrictions(rest);
  const [head, ...more] = what.split(/:(?=[a-z-]+=)/);
  const [, kind, value] = /^([a-z-]+)(?:=(.*))?$/s.exec(head as string) ?? [];
  const known = (faultKinds as Record<string, FaultKind>)[kind ?? ''];
  if (known === undefined) {
    throw usage(
      `fault ${JSON.stringify(text)}: no kind ${kind ?? head}; there are ${Object.keys(faultKinds).join(' ')}`,
    );
  }
  if (
    known.endpoints !== undefined &&
    endpoint !== '*' &&
    !(known.endpoints as readonly string[]).includes(endpoint)
  ) {
    throw usage(`fault ${JSON.stringify(text)}: ${kind} is for ${known.endpoints.join(' and ')} only`);
  }
  checkValue(text, kind as string, known, value);
  const options = Object.fromEntries(more.map((option) => splitOption(text, kind as string, known, option)));
  return {
    text,
    endpoint: endpoint as Endpoint,
    ...parseWhen(text, when),
    kind: kind as FaultName,
    value,
    options,
    policy,
    host,
  };
}

/** The active faults. Each counts the requests it looks at, from the moment it was added. */
export class Faults {
  readonly #faults: { fault: Fault; seen: number }[] = [];

  constructor(texts: Iterable<string> = []) {
    this.add(...texts);
  }

  add(...texts: string[]): void {
    for (const text of texts) this.#faults.push({ fault: parseFault(text), seen: 0 });
  }

  clear(): void {
    this.#faults.length = 0;
  }

  list(): string[] {
    return this.#faults.map(({ fault }) => fault.text);
  }

  /** Counts a request and returns the faults that strike it. */
  strike(request: Struck): Fault[] {
    const struck: Fault[] = [];
    for (const entry of this.#faults) {
      const { fault } = entry;
      if (fault.endpoint !== '*' && fault.endpoint !== request.endpoint) continue;
      if (fault.policy !== undefined && !request.policies.includes(fault.policy)) continue;
      if (fault.host !== undefined && !request.hasHost(fault.host)) continue;
      entry.seen += 1;
      const { from, to, every } = fault;
      if (entry.seen >= from && entry.seen <= to && entry.seen % every === 0) struck.push(fault);
    }
    return struck;
  }
}

/** A fault's number, or the default. */
export function numberOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Number(text);
}

function cutRestrictions(rest: string): {
  what: string;
  policy: string | undefined;
  host: string | undefined;
} {
  const found: Record<string, string> = {};
  let what = rest;
  for (;;) {
    const match = /@(policy|host)=(\d+)$/.exec(what);
    if (match === null) return { what, policy: found['policy'], host: found['host'] };
    found[match[1] as string] = match[2] as string;
    what = what.slice(0, match.index);
  }
}

function parseWhen(text: string, when: string): { from: number; to: number; every: number } {
  if (when === '*') return { from: 1, to: Infinity, every: 1 };
  const nth = /^%([1-9]\d*)$/.exec(when);
  if (nth !== null) return { from: 1, to: Infinity, every: Number(nth[1]) };
  const range = /^([1-9]\d*)(-([1-9]\d*)?)?$/.exec(when);
  if (range === null) {
    throw usage(`fault ${JSON.stringify(text)}: when must be like 3, 1-2, 3-, %5 or *, got ${when}`);
  }
  const from = Number(range[1]);
  return { from, to: range[2] === undefined ? from : Number(range[3] ?? Infinity), every: 1 };
}

function checkValue(text: string, kind: string, known: FaultKind, value: string | undefined): void {
  if (value === undefined) {
    if (known.valueRequired) throw usage(`fault ${JSON.stringify(text)}: ${kind} needs =${known.value}`);
    return;
  }
  if (known.value === undefined)
    throw usage(`fault ${JSON.stringify(text)}: ${kind} takes no value, got ${value}`);
  if (/^(N|BYTES|MS|SECONDS)$/.test(known.value) && !/^\d+(\.\d+)?$/.test(value)) {
    throw usage(`fault ${JSON.stringify(text)}: ${kind} must be a number, got ${value}`);
  }
  const form = kind === 'form' && value.split('+').find((name) => !(formNames as string[]).includes(name));
  if (form) throw usage(`fault ${JSON.stringify(text)}: no form ${form}; there are ${formNames.join(' ')}`);
  if (known.value.includes('|') && !known.value.split('|').includes(value)) {
    throw usage(`fault ${JSON.stringify(text)}: ${kind} must be one of ${known.value}, got ${value}`);
  }
}

function splitOption(text: string, kind: string, known: FaultKind, option: string): [string, string] {
  const [name, ...value] = option.split('=');
  if (known.options?.includes(name as string)) return [name as string, value.join('=')];
  const offered = known.options === undefined ? 'none' : known.options.join(' ');
  throw usage(`fault ${JSON.stringify(text)}: ${kind} has no option ${name}; it has ${offered}`);
}
