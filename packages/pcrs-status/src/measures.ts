import type { ReadDatabase } from 'pcrs-database/open';
import { noOutcomes, type Outcomes, passRate, passRateSelect } from 'pcrs-database/pass-rate';
import { hostIdsTable, policyTable } from 'pcrs-records/columns';
import type { Counts } from 'pcrs-records/kinds';

/** Counts of a database. */
export interface Measures {
  policies: number;
  /** Hosts that a policy resolved to. */
  hosts: number;
  postures: Outcomes;
  /** (Passed + PassedE) / (Passed + PassedE + Failed), in percent with two decimals; null if that divides by zero. */
  passRate: number | null;
  /** Failed postures by criticality label. */
  failedBy: Counts;
}

/** Counts policies, hosts, and postures by outcome, each posture once. */
export async function measure({ db, read }: ReadDatabase): Promise<Measures> {
  const postures = noOutcomes();
  const failedBy: Counts = {};
  const rows = await read(
    () => db.prepare(passRateSelect).all() as (Outcomes & { criticality_label: unknown })[],
  );
  for (const row of rows) {
    for (const name of Object.keys(postures) as (keyof Outcomes)[]) postures[name] += Number(row[name]);
    const label = String(row.criticality_label ?? 'UNKNOWN');
    failedBy[label] = (failedBy[label] ?? 0) + Number(row.failed);
  }
  const rate = passRate(postures);
  const count = (sql: string) => read(() => db.prepare(sql).pluck().get() as number);
  return {
    policies: await count(`SELECT count(*) FROM ${policyTable.name}`),
    hosts: await count(`SELECT count(DISTINCT hostId) FROM ${hostIdsTable.name}`),
    postures,
    passRate: rate === null ? null : Math.round(rate * 100) / 100,
    failedBy,
  };
}
