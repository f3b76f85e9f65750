import { activities, activityOfChange, lifecycleOf, type Meaning, resultOf, severityOf } from './meanings.ts';
import { type Posture, postureMembers } from './posture.ts';

/** Where postures come from: what no posture says of itself. */
export interface Origin {
  /** Of the gateway. */
  host: string;
  subscription: string;
  /** The run's start, in ms since 1970. */
  startedMs: number;
}

/** What `pcrs-diff` found out about a posture. */
export interface Change {
  word: string;
  /** As JSON. */
  oldStatus: string | undefined;
}

export interface FindingOptions {
  /** Writes expected and current values and the cause of failure. */
  evidence?: boolean | undefined;
}

/** Members of a posture whose value stands elsewhere in the finding; all others go to `unmapped`. */
const mapped = new Set([
  ...['policyTitle', 'controlId', 'controlStatement', 'rationale', 'remediation', 'controlReference'],
  ...['status', 'lastEvaluatedDate', 'hostId', 'ip', 'os', 'dns', 'customerUuid'],
  ...['CLOUD_RESOURCE_ID', 'CloudMetaData', 'evidence', 'causeOfFailure'],
]);
/** Dates that stand elsewhere, as milliseconds. */
const times = {
  created: 'created_time',
  firstFailDate: 'first_seen_time',
  lastFailDate: 'last_seen_time',
  postureModifiedDate: 'modified_time',
} as const;
const unmappedMembers = postureMembers.filter((name) => !mapped.has(name) && !(name in times));

/**
 * A Compliance Finding (class 2003) of OCSF 1.5.0, as a line of JSON.
 *
 * Takes   posture  its values are taken over as the JSON that came
 * Throws  a sentence if it has no identity
 */
export function finding(
  posture: Posture,
  origin: Origin,
  { evidence = false }: FindingOptions,
  change?: Change,
): string {
  const activity = change ? (activityOfChange[change.word] ?? activities.update) : activities.update;
  const status = textOf(posture.get('status')) ?? '';
  const failedBefore = posture.get('lastFailDate') !== undefined || change?.word === 'fixed';
  const evaluated = posture.get('lastEvaluatedDate');
  const criticality = parsed(posture.get('criticality'));
  const severity = severityOf(criticality.value);
  const timeMs = change ? origin.startedMs : (msOf(evaluated) ?? origin.startedMs);
  const { dates, leftOver } = datesOf(posture);
  return (
    `{"activity_id":${activity.id},"activity_name":"${activity.name}","category_uid":2,"category_name":"Findings",` +
    `"class_uid":2003,"class_name":"Compliance Finding","type_uid":${200300 + activity.id},` +
    `"type_name":"Compliance Finding: ${activity.name}","time":${timeMs},` +
    meaning('severity', severity) +
    meaning('status', lifecycleOf(status, failedBefore, change?.word)) +
    `"metadata":{"version":"1.5.0","product":{"name":"Policy Audit","vendor_name":"Qualys"},"log_name":"pcrs"` +
    `${member('tenant_uid', string(posture.get('customerUuid')) ?? JSON.stringify(origin.subscription))}` +
    `${member('original_time', string(evaluated))}},` +
    `"finding_info":{"uid":${uidOf(posture, origin)}${member('title', string(posture.get('controlStatement')))}${dates}},` +
    `"compliance":${complianceOf(posture, status, severity.id, criticality.label)},` +
    remediationOf(posture) +
    `"resources":[${resourceOf(posture)}],` +
    (evidence ? evidenceOf(posture) : '') +
    `"unmapped":${unmappedOf(posture, leftOver, change)}}\n`
  );
}

/** `HOST:SUBSCRIPTION:policyId:hostId:controlId:technologyId:instance`, the same for a posture in every run. */
function uidOf(posture: Posture, { host, subscription }: Origin): string {
  const ids = ['policyId', 'hostId', 'controlId'].map((name) => {
    const id = posture.get(name);
    if (id === undefined) throw new Error(`${name} is missing`);
    return inner(id);
  });
  const technology = inner(posture.get('technologyId') ?? '0');
  const before = inner(JSON.stringify(`${host}:${subscription}`));
  return `"${before}:${ids.join(':')}:${technology}:${inner(posture.get('instance') ?? '')}"`;
}

function complianceOf(posture: Posture, status: string, severityId: number, label: unknown): string {
  const result = meaning('status', resultOf(status));
  const control = string(posture.get('controlStatement'));
  const rationale = member('desc', string(posture.get('rationale')));
  const standards = list('standards', string(posture.get('policyTitle')));
  const check =
    `${result}"severity_id":${severityId}${label === undefined || label === null ? '' : `,"severity":${JSON.stringify(String(label))}`}` +
    `${member('uid', string(posture.get('controlId')))}${member('name', control)}${rationale}${standards}`;
  return (
    `{${result}"checks":[{${check}}]${member('status_code', status === '' ? undefined : JSON.stringify(status))}` +
    `${standards}${member('control', control)}${rationale}${list('requirements', string(posture.get('controlReference')))}}`
  );
}

function remediationOf(posture: Posture): string {
  const remediation = string(posture.get('remediation'));
  return remediation === undefined ? '' : `"remediation":{"desc":${remediation}},`;
}

function resourceOf(posture: Posture): string {
  const [dns, netBios] = [string(posture.get('dns')), string(posture.get('netBios'))];
  const [cloudId, cloud] = [posture.get('CLOUD_RESOURCE_ID'), posture.get('CloudMetaData')];
  const data = `${member('CLOUD_RESOURCE_ID', cloudId)}${member('CloudMetaData', cloud)}`.slice(1);
  return (
    `{"uid":${string(posture.get('hostId'))}${member('name', dns ?? netBios)}${member('hostname', dns ?? netBios)}` +
    `${member('ip', string(posture.get('ip')))}${member('type', string(posture.get('os')))}` +
    `${data === '' ? '' : `,"data":{${data}}`}}`
  );
}

function evidenceOf(posture: Posture): string {
  const [evidence, cause] = [posture.get('evidence'), posture.get('causeOfFailure')];
  const data = `${member('evidence', evidence)}${member('causeOfFailure', cause)}`.slice(1);
  return data === '' ? '' : `"evidences":[{"data":{${data}}}],`;
}

/** The dates of the finding, and those of its members that are no dates. */
function datesOf(posture: Posture): { dates: string; leftOver: string } {
  let [dates, leftOver] = ['', ''];
  for (const [name, time] of Object.entries(times)) {
    const json = posture.get(name);
    const ms = msOf(json);
    if (ms !== undefined) dates += `,"${time}":${ms}`;
    else leftOver += member(name, json);
  }
  return { dates, leftOver };
}

function unmappedOf(posture: Posture, leftOver: string, change: Change | undefined): string {
  let members = leftOver;
  for (const name of unmappedMembers) members += member(name, posture.get(name));
  for (const [name, json] of posture.others()) members += `,${JSON.stringify(name)}:${json}`;
  if (change) members += `,"change":${JSON.stringify(change.word)}${member('oldStatus', change.oldStatus)}`;
  return `{${members.slice(1)}}`;
}

function member(name: string, json: string | undefined): string {
  return json === undefined ? '' : `,"${name}":${json}`;
}

function list(name: string, json: string | undefined): string {
  return json === undefined ? '' : `,"${name}":[${json}]`;
}

function meaning(name: string, found: Meaning | undefined): string {
  return found === undefined ? '' : `"${name}_id":${found.id},"${name}":${JSON.stringify(found.name)},`;
}

/** A value as a string of JSON: OCSF wants ids as texts. */
function string(json: string | undefined): string | undefined {
  return json === undefined || json.startsWith('"') ? json : JSON.stringify(json);
}

/** What stands between the quotes of a value as a string of JSON. */
function inner(json: string): string {
  return (string(json) as string).slice(1, -1);
}

function textOf(json: string | undefined): string | undefined {
  return json?.startsWith('"') ? (JSON.parse(json) as string) : json;
}

const remembered = 10_000;

/** Dates and criticalities are few and come often. */
function remember<T>(make: (json: string) => T): (json: string) => T {
  const known = new Map<string, T>();
  return (json) => {
    let value = known.get(json);
    if (value === undefined) {
      value = make(json);
      if (known.size >= remembered) known.clear();
      known.set(json, value);
    }
    return value;
  };
}

const parseDate = remember((json) => Date.parse(json.slice(1, -1)));
const parseObject = remember((json): Record<string, unknown> => {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : { value };
});

/** Milliseconds since 1970; undefined for what is not a date. */
function msOf(json: string | undefined): number | undefined {
  if (json === undefined || !/^"\d{4}-\d\d-\d\dT/.test(json)) return undefined;
  const ms = parseDate(json);
  return Number.isNaN(ms) ? undefined : ms;
}

function parsed(json: string | undefined): Record<string, unknown> {
  return json === undefined ? {} : parseObject(json);
}
