import type { Database } from 'pcrs-database/open';
import { hostIdsTable, postureTable } from 'pcrs-records/columns';
import type { Names } from './control-names.ts';
import type { Gap, Host } from './model.ts';
import { day } from './shown.ts';

const dayMs = 24 * 3600 * 1000;
/** Days after which a host's last scan says nothing about today. */
export const scanDays = 30;

/** Hosts with too little data: without a posture, or not scanned for long. */
export function gapsIn(db: Database, names: Names, hosts: readonly Host[], moment: number): Gap[] {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const without = db
    .prepare(
      `SELECT h.policyId, h.hostId FROM ${hostIdsTable.name} AS h
       WHERE NOT EXISTS (SELECT 1 FROM ${postureTable.name} AS p WHERE p.policyId = h.policyId AND p.hostId = h.hostId)
       ORDER BY h.policyId, h.hostId`,
    )
    .safeIntegers()
    .all() as { policyId: bigint; hostId: bigint }[];
  const oldest = new Date(moment - scanDays * dayMs).toISOString().slice(0, 10);
  return [
    ...without.map(({ policyId, hostId }) => ({
      host: byId.get(String(hostId))?.name ?? `host id ${hostId}`,
      policy: names.policy(policyId),
      why: 'no posture',
    })),
    ...hosts
      .filter(({ lastScan }) => lastScan !== '' && lastScan < oldest)
      .map(({ name, lastScan }) => ({ host: name, policy: '', why: `last scanned ${day(lastScan)}` })),
  ];
}
