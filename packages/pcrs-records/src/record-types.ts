/**
 * What the gateway's records look like to a program: the members that are known, by the gateway's own names; any other is
 * `unknown`. These are types alone: nothing checks that the gateway keeps to them.
 *
 * Source  Qualys PCRS, list V2.0, host ids and posture V5.0 (docs.qualys.com, read 2026-11-23)
 */

/** A number that a double would change, as `parseExact` keeps it. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** An integer; `toDigits` in pcrs-records/json gives the digits of either form. */
export type Integer = number | RawNumber;

/** A text; null and `''` are two different answers. */
export type Text = string | null;

/** Of the policy list. */
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

/** How much a control matters. */
export interface Criticality {
  /** `URGENT`, `CRITICAL`, `SERIOUS`, `MEDIUM`, `MINIMAL`, or what the subscription made of these. */
  label: string;
  /** 5 to 1. */
  value: number;
}

/** A control of a policy on a host. */
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
  /** Only if evidence was asked for, as `causeOfFailure`. */
  evidence?: Record<string, unknown> | null;
  causeOfFailure?: Record<string, unknown> | null;
  currentDataSizeKB?: Text;
  totalDataSizeKB?: Text;
  currentBatch?: Integer | null;
  totalBatches?: Integer | null;
  CLOUD_RESOURCE_ID?: Text;
  /** Version 5.0. */
  CloudMetaData?: unknown;
  [member: string]: unknown;
}
