import type { Start } from './kinds.ts';

/** Flags by which a stage asks for less than all there is, with the value that takes nothing away. */
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
}

/** How a stage was told to ask for less than all there is. */
export function narrowings({ stage, options }: Start): Narrowing[] {
  return Object.entries(options ?? {}).flatMap(([flag, option]) =>
    Object.hasOwn(narrowing, flag) && option?.value !== narrowing[flag]
      ? [{ stage, flag, value: option?.value, isDate: dates.test(flag) }]
      : [],
  );
}

/** `pcrs-policies --title DISA` */
export function narrowingText({ stage, flag, value }: Narrowing): string {
  if (value === true) return `${stage} --${flag}`;
  return `${stage} --${flag} ${Array.isArray(value) ? value.join(',') : String(value)}`;
}
