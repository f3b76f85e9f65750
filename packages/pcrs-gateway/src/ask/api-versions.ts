import { usageError } from './gateway-error.ts';

/** The three endpoints of PCRS. */
export type Endpoint = 'policyList' | 'hostids' | 'postureInfo';

/** One version of one endpoint. Months are `YYYY-MM`, as Qualys announces them. */
export interface ApiVersion {
  endpoint: Endpoint;
  version: string;
  /** Query parameters that the version knows. */
  parameters: readonly string[];
  /** Whether hosts covered only by Security Configuration Assessment (SCA) are included. */
  scaHosts?: boolean;
  endOfSupport?: string;
  endOfLife?: string;
  source: string;
}

const hostidsFrom3 = ['policyId', 'lastScanDate', 'statusChangedSince'] as const;
const posture1 = [
  'evidenceRequired',
  'compressionRequired',
  'lastEvaluationDate',
  'lastScanDate',
  'lastScanDateFrom',
  'lastScanDateTo',
  'statusChangedSince',
] as const;
const posture2 = [...posture1, 'excludeInactiveControl'] as const;

const listPage = 'docs.qualys.com, Get Policy List';
const hostsPage = 'docs.qualys.com, Resolve Host IDs';
const posturePage = 'docs.qualys.com, Get Posture Info';

/**
 * Every version of every endpoint, its parameters, and its end.
 *
 * Source  Qualys' reference pages and the release notes named in each row, read 2026-11-23; any other version is sent
 *         as given and assumed to know all parameters
 */
export const apiVersions: readonly ApiVersion[] = [
  {
    endpoint: 'policyList',
    version: '1.0',
    parameters: ['lastEvaluationDate'],
    endOfSupport: '2026-11',
    endOfLife: '2027-05',
    source: 'Qualys Policy Audit 1.11 API release notes, 2026-05-11',
  },
  {
    endpoint: 'policyList',
    version: '2.0',
    parameters: ['lastEvaluationDate', 'requireTagInfo'],
    source: listPage,
  },
  {
    endpoint: 'hostids',
    version: '1.0',
    parameters: ['policyId', 'lastScanDate'],
    scaHosts: true,
    source: hostsPage,
  },
  {
    endpoint: 'hostids',
    version: '2.0',
    parameters: ['policyId', 'lastScanDate'],
    scaHosts: true,
    endOfSupport: '2025-05',
    source: 'Qualys 10.31 API release notes, 2024-11-29',
  },
  { endpoint: 'hostids', version: '3.0', parameters: hostidsFrom3, source: hostsPage },
  { endpoint: 'hostids', version: '4.0', parameters: hostidsFrom3, source: hostsPage },
  {
    endpoint: 'hostids',
    version: '5.0',
    parameters: [...hostidsFrom3, 'assetDeploymentType', 'assetState'],
    source: hostsPage,
  },
  { endpoint: 'postureInfo', version: '1.0', parameters: posture1, scaHosts: true, source: posturePage },
  { endpoint: 'postureInfo', version: '2.0', parameters: posture2, scaHosts: true, source: posturePage },
  { endpoint: 'postureInfo', version: '3.0', parameters: posture2, source: posturePage },
  {
    endpoint: 'postureInfo',
    version: '4.0',
    parameters: posture2,
    endOfSupport: '2026-05',
    endOfLife: '2026-11',
    source: 'Qualys Policy Audit 1.6 API release notes, 2025-12-04',
  },
  {
    endpoint: 'postureInfo',
    version: '5.0',
    parameters: [...posture2, 'extendedEvidenceRequired', 'qdScoreRequired'],
    source: posturePage,
  },
];

/** Default versions. Source: the end dates above. */
export const defaultVersions: Readonly<Record<Endpoint, string>> = {
  policyList: '2.0',
  hostids: '5.0',
  postureInfo: '5.0',
};

/** Query parameter that each flag sets. */
export const flagParameters: Readonly<Record<Endpoint, Readonly<Record<string, string>>>> = {
  policyList: { 'evaluated-since': 'lastEvaluationDate', 'tag-info': 'requireTagInfo' },
  hostids: {
    'scanned-since': 'lastScanDate',
    'status-changed-since': 'statusChangedSince',
    'asset-state': 'assetState',
    'asset-deployment-type': 'assetDeploymentType',
  },
  postureInfo: {
    evidence: 'evidenceRequired',
    'extended-evidence': 'extendedEvidenceRequired',
    qds: 'qdScoreRequired',
    'exclude-inactive-controls': 'excludeInactiveControl',
    'evaluated-since': 'lastEvaluationDate',
    'scanned-since': 'lastScanDate',
    'scanned-from': 'lastScanDateFrom',
    'scanned-to': 'lastScanDateTo',
    'status-changed-since': 'statusChangedSince',
    'no-compression': 'compressionRequired',
  },
};

const paths: Readonly<Record<Endpoint, string>> = {
  policyList: 'posture/policy/list',
  hostids: 'posture/hostids',
  postureInfo: 'posture/postureInfo',
};

/** `('hostids', '5.0')` → `/pcrs/5.0/posture/hostids`. */
export function apiPath(endpoint: Endpoint, version: string): string {
  return `/pcrs/${version}/${paths[endpoint]}`;
}

/** The row of a version; undefined if the table lacks it. */
function apiVersion(endpoint: Endpoint, version: string): ApiVersion | undefined {
  return apiVersions.find((row) => row.endpoint === endpoint && row.version === version);
}

/**
 * Refuses a flag that the version lacks.
 *
 * Takes   flags   names of the flags in use, without dashes, such as `asset-state`
 * Throws  PCRS_USAGE naming the flag, and the versions that know it
 */
export function checkFlags(endpoint: Endpoint, version: string, flags: Iterable<string>): void {
  const row = apiVersion(endpoint, version);
  if (!row) return;
  for (const flag of flags) {
    const parameter = flagParameters[endpoint][flag];
    if (!parameter || row.parameters.includes(parameter)) continue;
    const knowing = apiVersions
      .filter((one) => one.endpoint === endpoint && one.parameters.includes(parameter))
      .map((one) => one.version);
    throw usageError(
      `--${flag} is not supported by ${endpoint} ${version}; versions that support it: ${knowing.join(', ')}`,
    );
  }
}

/**
 * The warning about a version past its announced end, or undefined.
 *
 * Takes   now   the clock; an announced month counts from its first day, UTC
 */
export function versionWarning(endpoint: Endpoint, version: string, now: Date): string | undefined {
  const row = apiVersion(endpoint, version);
  if (!row) return undefined;
  const month = now.toISOString().slice(0, 7);
  const reached = (end: string | undefined) => end !== undefined && end <= month;
  const ends = [
    reached(row.endOfSupport) ? `its end of support (${monthName(row.endOfSupport!)})` : undefined,
    reached(row.endOfLife) ? `its end of life (${monthName(row.endOfLife!)})` : undefined,
  ].filter((end) => end !== undefined);
  if (ends.length === 0) return undefined;
  return `${endpoint} ${version} has reached ${ends.join(' and ')}, says ${row.source}; use ${defaultVersions[endpoint]}`;
}

/**
 * The warning about hosts omitted when host ids and posture use different versions; undefined if none are known to
 * be.
 */
export function mixedVersionsWarning(hostidsVersion: string, postureVersion: string): string | undefined {
  if (hostidsVersion === postureVersion) return undefined;
  const hosts = apiVersion('hostids', hostidsVersion)?.scaHosts === true;
  const posture = apiVersion('postureInfo', postureVersion)?.scaHosts === true;
  const mixed = `host ids are from version ${hostidsVersion}, posture from ${postureVersion}`;
  if (hosts && !posture) return `${mixed}: SCA hosts will have no posture (3.0 and newer omit them)`;
  if (!hosts && posture)
    return `${mixed}: SCA hosts are missing, because host ids of 3.0 and newer omit them`;
  return `${mixed}; use one version for both`;
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);

function monthName(month: string): string {
  const [year, number] = month.split('-');
  return `${months[Number(number) - 1]} ${year}`;
}
