import type { Outcomes } from 'pcrs-database/pass-rate';
import type { RateChange } from 'pcrs-database/rate-change';

/** All content of a page. */
export interface Report {
  head: Head;
  outcomes: Outcomes;
  /** Comparison with the previous run; undefined if there is none. */
  before: Before | undefined;
  criticalities: Group[];
  technologies: Group[];
  policies: PolicyGroup[];
  owners: Group[];
  /** Failing controls, the one to fix first at the top; after them controls that are only named. */
  controls: Control[];
  /** How many of `controls` fail. */
  failing: number;
  /** The worst first. */
  hosts: Host[];
  failures: Failure[];
  /** All failures; more than `failures` if those were cut. */
  failuresInAll: number;
  changes: Change[];
  changesInAll: number;
  gaps: Gap[];
  gapsInAll: number;
  /** Runs of a history; empty without one. */
  trend: TrendPoint[];
  /** Source of the ages of failures. */
  agesBy: 'gateway' | 'history';
  level: Level;
  /** Set if narrowed to the hosts of one owner. */
  owner: string | undefined;
}

export type Level = 'full' | 'executive';

/** Facts about the database. */
export interface Head {
  database: string;
  subscription: string | null;
  gateway: string | null;
  runId: string | null;
  /** Of the run, else of the load. */
  startedAt: string | null;
  /** Why it is not proven complete; undefined if it is. */
  incomplete: string | undefined;
  /** One line per missing part. */
  missing: string[];
  /** `all policies`, `--title PCI`. */
  scope: string | null;
  base: string | null;
  fullRunAt: string | null;
  postures: number;
  hosts: number;
  policies: number;
}

export interface Before {
  startedAt: string;
  change: RateChange;
}

/** Postures with one name. */
export interface Group {
  name: string;
  /** Sort key: the value of a criticality. */
  value: number;
  outcomes: Outcomes;
}

export interface PolicyGroup extends Group {
  id: string;
  hosts: number;
}

export interface Criticality {
  label: string;
  /** 5 is the worst; 0 if there is none. */
  value: number;
}

export interface Control {
  id: string;
  statement: string;
  criticality: Criticality;
  outcomes: Outcomes;
  hosts: number;
  policies: number;
  /** Days since the oldest present failure began. */
  oldest: Age | undefined;
  texts: ControlTexts | undefined;
}

export interface ControlTexts {
  rationale: string;
  remediation: string;
  reference: string;
  technologies: string[];
  policies: string[];
}

export interface Host {
  id: string;
  name: string;
  os: string;
  outcomes: Outcomes;
  /** Failures of criticality 4 and 5. */
  severe: number;
  /** `YYYY-MM-DD`, or empty. */
  lastScan: string;
  owner: string;
}

/** How long a failure had lasted at the run, in whole days; `atMost` if only an upper bound is known. */
export interface Age {
  days: number;
  atMost: boolean;
}

export interface Failure {
  /** Indexes into `controls`, `hosts`, `policies`. */
  control: number;
  host: number;
  policy: number;
  age: Age | undefined;
  /** Of its row in the posture table. */
  rowid: number;
  values: Values | undefined;
}

/** Evidence of a failure, as texts. */
export interface Values {
  expected: string;
  current: string;
}

export interface Change {
  what: 'newly failed' | 'fixed';
  control: number;
  host: number;
  policy: number;
}

export interface Gap {
  host: string;
  policy: string;
  /** `no posture`, or the last scan's date. */
  why: string;
}

export interface TrendPoint {
  startedAt: string;
  outcomes: Outcomes;
}
