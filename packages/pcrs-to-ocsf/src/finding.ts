import { jsonAt } from 'pcrs-sink/members';
import { forms } from 'pcrs-sink/places';
import type { EventBytes } from './event-bytes.ts';
import { activities, activityOfChange, type Meaning } from './meanings.ts';
import { type Column, column, names, openings, timeColumns, unmapped } from './names.ts';
import {
  criticalityPieces,
  lifecyclePiece,
  millisecondsOf,
  piece,
  type StatusPieces,
  statusPieces,
} from './pieces.ts';
import { isGiven, type Posture } from './posture.ts';

/** Origin of postures, which no posture names. */
export interface Origin {
  /** Host of the gateway. */
  host: string;
  subscription: string;
  /** The run's start, in ms since 1970. */
  startedMs: number;
}

/** What `pcrs-diff` reports about a posture. */
interface Change {
  word: string;
  /** As JSON. */
  oldStatus: string | undefined;
}

export interface FindingOptions {
  /** Writes expected and current values and the cause of failure. */
  evidence?: boolean | undefined;
}

const open = piece('{');
const metadata = piece(
  '"metadata":{"version":"1.5.0","product":{"name":"Policy Audit","vendor_name":"Qualys"},"log_name":"pcrs",',
);
const [findingInfo, compliance, remediation] = [
  piece('"finding_info":{"uid":"'),
  piece('"compliance":{'),
  piece('"remediation":{"desc":'),
];
const [data, evidences, unmappedObject] = [
  piece('"data":{'),
  piece('"evidences":[{"data":{'),
  piece('"unmapped":{'),
];
const [quoteComma, colon, zero] = [piece('",'), piece(':'), piece('0')];
const closeBracket = 0x5d;

const beginnings = new Map<Meaning, Uint8Array>(
  Object.values(activities).map((activity) => [
    activity,
    piece(
      `{"activity_id":${activity.id},"activity_name":"${activity.name}","category_uid":2,"category_name":"Findings",` +
        `"class_uid":2003,"class_name":"Compliance Finding","type_uid":${200300 + activity.id},` +
        `"type_name":"Compliance Finding: ${activity.name}","time":`,
    ),
  ]),
);
/**
 * More than all pieces of a line together; a value appears up to three times, and is up to twice as long inside
 * quotes.
 */
const roomOf = (line: number, origin: Origin): number => 8 * line + 8192 + 6 * origin.host.length;

/**
 * Writes a Compliance Finding (class 2003) of OCSF 1.5.0, as a line of JSON.
 *
 * Takes   posture  its values are copied as the JSON that came
 *         bytes    size limit of the posture's record
 * Throws  a sentence if it has no identity; nothing is written then
 */
export function writeFinding(
  out: EventBytes,
  posture: Posture,
  bytes: number,
  origin: Origin,
  { evidence = false }: FindingOptions,
  change?: Change,
): void {
  requireIdentity(posture);
  out.begin(roomOf(bytes, origin));
  const activity = change ? (activityOfChange[change.word] ?? activities.update) : activities.update;
  const status = statusPieces(jsonOf(posture, column.status) ?? '""');
  const criticality = criticalityPieces(jsonOf(posture, column.criticality) ?? 'null');
  const failedBefore = isGiven(posture, column.lastFailDate) || change?.word === 'fixed';
  const evaluated = change ? undefined : msOf(posture, column.lastEvaluatedDate);
  out.piece(beginnings.get(activity)!);
  if (evaluated) out.piece(evaluated);
  else out.text(String(origin.startedMs));
  out.comma();
  out.piece(criticality.severity);
  out.piece(change ? lifecyclePiece(status.text, failedBefore, change.word) : status.lifecycle(failedBefore));
  writeMetadata(out, posture, origin);
  const moments = timeColumns.map(({ column }) => msOf(posture, column));
  writeFindingInfo(out, posture, origin, moments);
  writeCompliance(out, posture, status, criticality.check);
  if (isGiven(posture, column.remediation)) {
    out.piece(remediation);
    out.string(posture, column.remediation);
    closed(out);
  }
  writeResource(out, posture);
  if (evidence) writeEvidence(out, posture);
  writeUnmapped(out, posture, moments, change);
  out.close();
  out.end();
}

/** Dates in the order of `timeColumns`, as `msOf` returns them. */
type Moments = readonly (Uint8Array | undefined)[];

function requireIdentity(posture: Posture): void {
  for (const name of ['policyId', 'hostId', 'controlId'] as const)
    if (!isGiven(posture, column[name])) throw new Error(`${name} is missing`);
}

function writeMetadata(out: EventBytes, posture: Posture, { subscription }: Origin): void {
  out.piece(metadata);
  out.piece(names.tenant_uid);
  if (isGiven(posture, column.customerUuid)) out.string(posture, column.customerUuid);
  else out.text(JSON.stringify(subscription));
  out.comma();
  string(out, 'original_time', posture, 'lastEvaluatedDate');
  closed(out);
}

/** The uid is `HOST:SUBSCRIPTION:policyId:hostId:controlId:technologyId:instance`, the same for a posture in every run. */
function writeFindingInfo(
  out: EventBytes,
  posture: Posture,
  { host, subscription }: Origin,
  moments: Moments,
): void {
  out.piece(findingInfo);
  out.text(JSON.stringify(`${host}:${subscription}`).slice(1, -1));
  for (const name of ['policyId', 'hostId', 'controlId', 'technologyId', 'instance'] as const) {
    out.piece(colon);
    if (isGiven(posture, column[name])) out.inner(posture, column[name]);
    else if (name === 'technologyId') out.piece(zero);
  }
  out.piece(quoteComma);
  string(out, 'title', posture, 'controlStatement');
  for (const [at, { time }] of timeColumns.entries()) {
    const ms = moments[at];
    if (ms === undefined) continue;
    out.piece(time);
    out.piece(ms);
    out.comma();
  }
  closed(out);
}

function writeCompliance(out: EventBytes, posture: Posture, status: StatusPieces, check: Uint8Array): void {
  out.piece(compliance);
  out.piece(status.result);
  out.piece(openings.checks);
  out.piece(open);
  out.piece(status.result);
  out.piece(check);
  string(out, 'uid', posture, 'controlId');
  string(out, 'name', posture, 'controlStatement');
  string(out, 'desc', posture, 'rationale');
  list(out, 'standards', posture, 'policyTitle');
  out.close();
  out.close(closeBracket);
  out.comma();
  out.piece(status.code);
  list(out, 'standards', posture, 'policyTitle');
  string(out, 'control', posture, 'controlStatement');
  string(out, 'desc', posture, 'rationale');
  list(out, 'requirements', posture, 'controlReference');
  closed(out);
}

function writeResource(out: EventBytes, posture: Posture): void {
  out.piece(openings.resources);
  out.piece(open);
  string(out, 'uid', posture, 'hostId');
  const hostName = isGiven(posture, column.dns) ? 'dns' : 'netBios';
  string(out, 'name', posture, hostName);
  string(out, 'hostname', posture, hostName);
  string(out, 'ip', posture, 'ip');
  string(out, 'type', posture, 'os');
  objectOf(out, data, posture, ['CLOUD_RESOURCE_ID', 'CloudMetaData']);
  out.close();
  out.close(closeBracket);
  out.comma();
}

function writeEvidence(out: EventBytes, posture: Posture): void {
  const hasAny = objectOf(out, evidences, posture, ['evidence', 'causeOfFailure']);
  if (!hasAny) return;
  // After `evidences` this closes `data`; the comma after it belongs to the parent.
  out.close();
  out.close(closeBracket);
  out.comma();
}

function writeUnmapped(
  out: EventBytes,
  posture: Posture,
  moments: Moments,
  change: Change | undefined,
): void {
  out.piece(unmappedObject);
  for (const [at, { column, name }] of timeColumns.entries())
    if (moments[at] === undefined && isGiven(posture, column)) member(out, name, posture, column);
  for (const { column, name } of unmapped) if (isGiven(posture, column)) member(out, name, posture, column);
  for (const { name, form, start, end } of posture.others)
    out.text(`${JSON.stringify(name)}:${jsonAt(posture.bytes, form, start, end)},`);
  if (change) {
    out.piece(names.change);
    out.text(`${JSON.stringify(change.word)},`);
    if (change.oldStatus !== undefined) out.text(`"oldStatus":${change.oldStatus},`);
  }
  out.close();
}

/** A named value as it came. */
function member(out: EventBytes, name: Uint8Array, posture: Posture, column: number): void {
  out.piece(name);
  out.json(posture, column);
  out.comma();
}

/** A named value as a string, if present. */
function string(out: EventBytes, name: keyof typeof names, posture: Posture, of: Column): void {
  if (!isGiven(posture, column[of])) return;
  out.piece(names[name]);
  out.string(posture, column[of]);
  out.comma();
}

/** A named array with a value as its only string, if present. */
function list(out: EventBytes, name: keyof typeof openings, posture: Posture, of: Column): void {
  if (!isGiven(posture, column[of])) return;
  out.piece(openings[name]);
  out.string(posture, column[of]);
  out.close(closeBracket);
  out.comma();
}

/** Members as an object, if any is present. */
function objectOf(
  out: EventBytes,
  opening: Uint8Array,
  posture: Posture,
  members: readonly (Column & keyof typeof names)[],
): boolean {
  const given = members.filter((name) => isGiven(posture, column[name]));
  if (given.length === 0) return false;
  out.piece(opening);
  for (const name of given) member(out, names[name], posture, column[name]);
  closed(out);
  return true;
}

function closed(out: EventBytes): void {
  out.close();
  out.comma();
}

/** Milliseconds since 1970, as digits; undefined for anything but a date. */
function msOf(posture: Posture, column: number): Uint8Array | undefined {
  if (posture.form(column) !== forms.string) return undefined;
  return millisecondsOf(posture.bytes.toString('latin1', posture.start(column), posture.end(column)));
}

/** A value as it came; undefined if it is missing. */
function jsonOf(posture: Posture, column: number): string | undefined {
  return isGiven(posture, column)
    ? jsonAt(posture.bytes, posture.form(column), posture.start(column), posture.end(column))
    : undefined;
}
