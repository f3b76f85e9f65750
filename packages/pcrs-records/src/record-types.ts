/**
 * Types of the gateway's records: known members by the gateway's own names, any other member `unknown`. Types
 * only; nothing checks that the gateway keeps to them.
 *
 * Source  Qualys PCRS, list V2.0, host ids and posture V5.0 (docs.qualys.com, read 2026-11-23)
 */

import type { RawJson } from './json.ts';

/** An integer; `toDigits` in pcrs-records/json reads either form. */
export type Integer = number | RawJson;

/** A string; the gateway sends both null and `''`, and they differ. */
export type Text = string | null;

/** A policy of the policy list. */
export interface PolicyRecord {
  subscriptionId: Integer;
  id: Integer;
  title: string;
  createdBy: Text;
  createdDate: Text;
  modifiedBy: Text;
  modifiedDate: Text;
  lastEvaluatedDate: Text;
  /** `active`, `inactive` */
  status: Text;
  locked: Integer | boolean | null;
  [member: string]: unknown;
}

/** The hosts of a policy; ids are strings of digits. */
export interface HostIdsRecord {
  policyId: string;
  subscriptionId: string;
  hostIds: string[];
  [member: string]: unknown;
}

/** Criticality of a control. */
export interface Criticality {
  /** `URGENT`, `CRITICAL`, `SERIOUS`, `MEDIUM`, `MINIMAL`, or the subscription's own label. */
  label: string;
  /** 5 to 1. */
  value: number;
}

/** A control of a policy, evaluated on a host. */
export interface PostureRecord {
  id: Integer;
  instance: string;
  policyId: Integer;
  policyTitle: Text;
  netBios: Text;
  controlId: Integer;
  controlStatement: Text;
  rationale: Text;
  remediation: Text;
  controlReference: Text;
  technologyId: Integer;
  /** `Passed`, `PassedE` (by an exception), `Failed`, `Error` (could not be evaluated) */
  status: string;
  previousStatus: Text;
  firstFailDate: Text;
  lastFailDate: Text;
  firstPassDate: Text;
  lastPassDate: Text;
  postureModifiedDate: Text;
  lastEvaluatedDate: Text;
  created: Text;
  hostId: Integer;
  ip: Text;
  trackingMethod: Text;
  os: Text;
  osCpe: Text;
  domainName: Text;
  dns: Text;
  qgHostid: Text;
  networkId: Integer | null;
  networkName: Text;
  complianceLastScanDate: Text;
  customerUuid: Text;
  customerId: Text;
  assetId: Integer | null;
  technology: { id: Integer; name: string } | null;
  criticality: Criticality | null;
  /** Sent only if evidence was asked for; the same for `causeOfFailure`. */
  evidence?: Record<string, unknown> | null;
  causeOfFailure?: Record<string, unknown> | null;
  currentDataSizeKB?: Text;
  totalDataSizeKB?: Text;
  currentBatch?: Integer | null;
  totalBatches?: Integer | null;
  CLOUD_RESOURCE_ID?: Text;
  /** Since version 5.0. */
  CloudMetaData?: unknown;
  [member: string]: unknown;
}
