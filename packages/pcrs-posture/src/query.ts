import { apiPath, checkFlags, defaultVersions } from 'pcrs-gateway/api-versions';
import { codedError } from 'pcrs-records/errors';

/** Query options; dates are resolved, in the gateway's form. */
export interface PostureQuery {
  /** Version of the endpoint; default 5.0. */
  apiVersion?: string | undefined;
  evidence?: boolean | undefined;
  /** Version 5.0; includes `evidence`. */
  extendedEvidence?: boolean | undefined;
  /** Qualys Detection Score; version 5.0. */
  qds?: boolean | undefined;
  /** Version 2.0 and later. */
  excludeInactiveControls?: boolean | undefined;
  evaluatedSince?: string | undefined;
  scannedSince?: string | undefined;
  /** With `scannedTo`, and not with `scannedSince`. */
  scannedFrom?: string | undefined;
  scannedTo?: string | undefined;
  statusChangedSince?: string | undefined;
  noCompression?: boolean | undefined;
}

/** A query ready to send. */
export interface Question {
  path: string;
  parameters: Record<string, string>;
  /** It has a date filter: there may be no data. */
  dated: boolean;
}

/**
 * Path and parameters of postureInfo.
 *
 * Throws  PCRS_USAGE for a flag that the version does not know, and for conflicting dates
 * Source  Qualys PCRS, Get Posture Info, V1.0 to V5.0 (docs.qualys.com, read 2026-11-23)
 */
export function toQuestion(query: PostureQuery): Question {
  const apiVersion = query.apiVersion ?? defaultVersions.postureInfo;
  checkFlags('postureInfo', apiVersion, usedFlags(query));
  checkDates(query);
  const dates = {
    lastEvaluationDate: query.evaluatedSince,
    lastScanDate: query.scannedSince,
    lastScanDateFrom: query.scannedFrom,
    lastScanDateTo: query.scannedTo,
    statusChangedSince: query.statusChangedSince,
  };
  const parameters = {
    evidenceRequired: query.evidence || query.extendedEvidence ? '1' : '0',
    compressionRequired: query.noCompression ? '0' : '1',
    ...(query.extendedEvidence ? { extendedEvidenceRequired: '1' } : {}),
    ...(query.qds ? { qdScoreRequired: '1' } : {}),
    ...(query.excludeInactiveControls ? { excludeInactiveControl: '1' } : {}),
    ...Object.fromEntries(
      Object.entries(dates).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  };
  const dated = Object.values(dates).some((date) => date !== undefined);
  return { path: apiPath('postureInfo', apiVersion), parameters, dated };
}

/** `/pcrs/5.0/posture/postureInfo?evidenceRequired=0`, for the slices' keys. */
export function scopeOf({ path, parameters }: Question): string {
  return `${path}?${new URLSearchParams(parameters)}`;
}

function usedFlags(query: PostureQuery): string[] {
  const named = Object.entries(query).filter(
    ([name, value]) => name !== 'apiVersion' && value !== undefined && value !== false,
  );
  return named.map(([name]) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
}

function checkDates(query: PostureQuery): void {
  if ((query.scannedFrom === undefined) !== (query.scannedTo === undefined)) {
    const [given, due] = query.scannedFrom === undefined ? ['to', 'from'] : ['from', 'to'];
    throw codedError(
      'PCRS_USAGE',
      `--scanned-${given} needs --scanned-${due} (the gateway takes both or neither)`,
    );
  }
  if (query.scannedFrom !== undefined && query.scannedSince !== undefined) {
    throw codedError(
      'PCRS_USAGE',
      '--scanned-since and --scanned-from exclude each other (the gateway takes only one)',
    );
  }
}
