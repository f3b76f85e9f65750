import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import type { GatewayKind } from 'pcrs-records/kinds';

/** The table of each kind, and the stage that makes its records; controls come with the postures. */
export const kindTables: readonly { kind: GatewayKind | undefined; name: string; stage: string }[] = [
  { kind: 'policy', name: policyTable.name, stage: 'pcrs-policies' },
  { kind: 'hostids', name: hostIdsTable.name, stage: 'pcrs-hostids' },
  { kind: 'posture', name: postureTable.name, stage: 'pcrs-posture' },
  { kind: undefined, name: controlsTable.name, stage: 'pcrs-posture' },
];
