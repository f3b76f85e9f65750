import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlsTable, hostIdsTable, policyTable, postureTable } from './columns.ts';
import type { HostIdsRecord, PolicyRecord, PostureRecord } from './record-types.ts';

/** The members that a type names. The compiler demands exactly these below. */
type Named<T> = Record<keyof { [K in keyof T as string extends K ? never : K]: T[K] }, 1>;

const policy: Named<PolicyRecord> = {
  ...{ subscriptionId: 1, id: 1, title: 1, createdBy: 1, createdDate: 1, modifiedBy: 1, modifiedDate: 1 },
  ...{ lastEvaluatedDate: 1, status: 1, locked: 1 },
};

const hostIds: Named<HostIdsRecord> = { policyId: 1, subscriptionId: 1, hostIds: 1 };

const posture: Named<PostureRecord> = {
  ...{ id: 1, instance: 1, policyId: 1, policyTitle: 1, netBios: 1, controlId: 1, controlStatement: 1 },
  ...{ rationale: 1, remediation: 1, controlReference: 1, technologyId: 1, status: 1, previousStatus: 1 },
  ...{ firstFailDate: 1, lastFailDate: 1, firstPassDate: 1, lastPassDate: 1, postureModifiedDate: 1 },
  ...{ lastEvaluatedDate: 1, created: 1, hostId: 1, ip: 1, trackingMethod: 1, os: 1, osCpe: 1 },
  ...{ domainName: 1, dns: 1, qgHostid: 1, networkId: 1, networkName: 1, complianceLastScanDate: 1 },
  ...{ customerUuid: 1, customerId: 1, assetId: 1, technology: 1, criticality: 1, evidence: 1 },
  ...{ causeOfFailure: 1, currentDataSizeKB: 1, totalDataSizeKB: 1, currentBatch: 1, totalBatches: 1 },
  ...{ CLOUD_RESOURCE_ID: 1, CloudMetaData: 1 },
};

function sorted(...tables: readonly { columns: readonly { name: string }[] }[]): string[] {
  return [...new Set(tables.flatMap(({ columns }) => columns.map(({ name }) => name)))].sort();
}

test('types and column tables name the same members', () => {
  assert.deepEqual(Object.keys(policy).sort(), sorted(policyTable));
  assert.deepEqual(Object.keys(posture).sort(), sorted(postureTable, controlsTable));
  // hostIds becomes one row per id.
  const columns = sorted(hostIdsTable).map((name) => (name === 'hostId' ? 'hostIds' : name));
  assert.deepEqual(Object.keys(hostIds).sort(), columns.sort());
});
