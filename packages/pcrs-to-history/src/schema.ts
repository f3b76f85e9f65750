import { historyId, historyLayout } from 'pcrs-database/history-layout';
import type { Database } from 'pcrs-database/open';
import { codedError } from 'pcrs-records/errors';
import { views } from './views.ts';

/**
 * Identity of a posture, in every table. `instance` is never NULL here, since NULL equals nothing; an empty blob
 * replaces it, which no text equals.
 */
export const identity = ['policyId', 'hostId', 'controlId', 'technologyId', 'instance'] as const;

/** `a.policyId = b.policyId AND …`: compares columns, never texts made from them. */
export function sameAs(a: string, b: string): string {
  return identity.map((name) => `${a}.${name} = ${b}.${name}`).join(' AND ');
}

export const identityColumns = `policyId INTEGER NOT NULL, hostId INTEGER NOT NULL, controlId INTEGER NOT NULL,
  technologyId INTEGER NOT NULL, instance NOT NULL`;

/*
 * Runs are numbered in order of arrival, which is the order of their starts. A state that held from one run to
 * another has `first_run` and `last_run`; while it holds, `last_run` is NULL.
 */
const tables = `
CREATE TABLE runs (
  run INTEGER PRIMARY KEY, runId TEXT NOT NULL UNIQUE, startedAt TEXT NOT NULL, base TEXT NOT NULL, scope TEXT NOT NULL,
  version TEXT, snapshot TEXT, postures INTEGER NOT NULL
);
CREATE TABLE source (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE spans (
  ${identityColumns}, first_run INTEGER NOT NULL, last_run INTEGER, status TEXT, ended TEXT, id INTEGER,
  failing_since TEXT, failing_since_earliest TEXT, first_fail_date_gateway TEXT,
  PRIMARY KEY (${identity.join(', ')}, first_run)
) WITHOUT ROWID;
CREATE TABLE run_counts (
  run INTEGER NOT NULL, policyId INTEGER NOT NULL, technologyId INTEGER NOT NULL, criticality_label TEXT NOT NULL,
  status TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (run, policyId, technologyId, criticality_label, status)
) WITHOUT ROWID;
CREATE TABLE evaluations (
  policyId INTEGER NOT NULL, hostId INTEGER NOT NULL, first_run INTEGER NOT NULL, lastEvaluatedDate TEXT,
  complianceLastScanDate TEXT, PRIMARY KEY (policyId, hostId, first_run)
) WITHOUT ROWID;
CREATE TABLE policies (
  policyId INTEGER NOT NULL, first_run INTEGER NOT NULL, last_run INTEGER, policyTitle TEXT,
  PRIMARY KEY (policyId, first_run)
) WITHOUT ROWID;
CREATE TABLE hosts (
  hostId INTEGER NOT NULL, first_run INTEGER NOT NULL, last_run INTEGER, dns TEXT, ip TEXT, netBios TEXT,
  PRIMARY KEY (hostId, first_run)
) WITHOUT ROWID;
CREATE TABLE controls (
  policyId INTEGER NOT NULL, controlId INTEGER NOT NULL, technologyId INTEGER NOT NULL, first_run INTEGER NOT NULL,
  last_run INTEGER, controlStatement TEXT, technology_name TEXT, criticality_label TEXT, criticality_value,
  PRIMARY KEY (policyId, controlId, technologyId, first_run)
) WITHOUT ROWID;`;

/**
 * The layout of a history; 0 for an empty file.
 *
 * Throws  PCRS_USAGE for another kind of file, or a later layout
 */
export function layoutOf(db: Database, path: string): number {
  if (db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() === 0) return 0;
  if (db.pragma('application_id', { simple: true }) !== historyId)
    throw codedError('PCRS_USAGE', `${path} is not a history of pcrs-to-history; give a new file name`);
  const layout = db.pragma('user_version', { simple: true }) as number;
  if (layout > historyLayout)
    throw codedError('PCRS_USAGE', `${path} was made by a newer pcrs-to-history; update`);
  return layout;
}

/** Brings a file to the current layout, from none or an older one; inside a transaction. Throws like `layoutOf`. */
export function makeSchema(db: Database, path: string): void {
  const layout = layoutOf(db, path);
  if (layout === historyLayout) return;
  if (layout === 0) db.exec(tables);
  for (const [name, select] of Object.entries(views))
    db.exec(`DROP VIEW IF EXISTS ${name}; CREATE VIEW ${name} AS ${select}`);
  db.pragma(`application_id = ${historyId}`);
  db.pragma(`user_version = ${historyLayout}`);
}
