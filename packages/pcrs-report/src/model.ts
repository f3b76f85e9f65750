import type { Outcomes } from 'pcrs-database/pass-rate';
import type { RateChange } from 'pcrs-database/rate-change';

/** All that a page says, before it is one. */
export interface Report {
  head: Head;
  outcomes: Outcomes;
  /** Against the run before; undefined if there is none to compare with. */
  before: Before | undefined;
  criticalities: Group[];
  technologies: Group[];
  policies: PolicyGroup[];
  owners: Group[];
  /** Those that fail somewhere, the one to fix first at the head; after them those that are only named. */
  controls: Control[];
  /** How many of `controls` fail. */
  failing: number;
  /** The worst first. */
  hosts: Host[];
  failures: Failure[];
  /** All failures; more than `failures` if they were cut. */
  failuresInAll: number;
  changes: Change[];
  changesInAll: number;
  gaps: Gap[];
  gapsInAll: number;
  /** Of the runs in a history; none without one. */
  trend: TrendPoint[];
  /** Who says since when a failure lasts. */
  agesBy: 'gateway' | 'history';
  level: Level;
  /** Narrowed to the hosts of one owner. */
  owner: string | undefined;
}

export type Level = 'full' | 'executive';

/** What the database says of itself. */
export interface Head {
  database: string;
  subscription: string | null;
  gateway: string | null;
  runId: string | null;
  /** Of the run, else of the load. */
  startedAt: string | null;
  /** Why nothing proves that it is whole; undefined if it is. */
  incomplete: string | undefined;
  /** A line for each thing that is missing. */
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

/** Postures of one name. */
export interface Group {
  name: string;
  /** For ordering: the value of a criticality. */
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
  /** Days since the oldest failure of today began. */
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

/** How long a failure has lasted at the run, in whole days; `atMost` if only an upper bound is known. */
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
  /** `no posture`, or since when it was not scanned. */
  why: string;
}

export interface TrendPoint {
  startedAt: string;
  outcomes: Outcomes;
}
