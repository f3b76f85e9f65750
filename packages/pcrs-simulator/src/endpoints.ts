import { type Answer, codedError, forbidden, json } from './answers.ts';
import { parseInstant } from './calendar.ts';
import type { Fault } from './faults.ts';
import type { Form } from './form-names.ts';
import { changedObject, spelledDocument } from './forms.ts';
import type { SimulatorOptions } from './options.ts';
import type { HostOptions, World } from './world.ts';

const MAX_POLICY_IDS = 10;

/** A request whose path and token are valid. */
export interface Question {
  readonly world: World;
  readonly options: SimulatorOptions;
  /** 1 to 5. */
  readonly version: number;
  readonly query: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly user: string;
  readonly forms: ReadonlySet<Form>;
  readonly faults: readonly Fault[];
}

/** GET /pcrs/{1.0,2.0}/posture/policy/list */
export function policyList({ world, options, query, forms, faults }: Question): Answer {
  const since = instantOf(query, 'lastEvaluationDate');
  if (since === 'bad') return badDate(query, 'lastEvaluationDate');
  const flag = query.get('requireTagInfo') ?? '0';
  if (flag !== '0' && flag !== '1') return badValue('requireTagInfo', flag);
  const tags = flag === '1' ? (options.tagWrapper ?? 'tagInfo') : undefined;
  const policies = world.policies({ evaluatedSince: since, tags }).map((text) => changedObject(text, forms));
  if (faults.some(({ kind }) => kind === 'reorder')) policies.reverse();
  const text = `{"subscriptionId":${world.size.subscriptionId},"policyList":[${policies.join(',')}]}`;
  return document(spelledDocument(text, forms));
}

/** GET /pcrs/{1.0–5.0}/posture/hostids */
export function hostids(question: Question): Answer {
  const { world, options, version, query, user, forms, faults } = question;
  const named = query.get('policyId');
  if (named === undefined && version < 3)
    return codedError(400, 1903, 'missing required parameter(s): policyId');
  if (named === undefined && options.reader) return forbidden(user);
  const ids = named === undefined ? world.policyIds() : named.split(',').map((id) => id.trim());
  const wrong = ids.find((id) => !/^\d+$/.test(id));
  if (wrong !== undefined) {
    return codedError(
      400,
      1905,
      `parameter policy_ids has invalid value: ${wrong} (Invalid value: ${wrong})`,
    );
  }
  if (version < 3 && ids.length > MAX_POLICY_IDS) {
    return codedError(
      400,
      1905,
      `parameter policy_ids has invalid value: ${named} (at most ${MAX_POLICY_IDS} policies)`,
    );
  }
  const asked = hostOptions(question);
  if ('answer' in asked) return asked.answer;
  const elements = ids
    .map((id, n) => hostElement(world, id, asked.options, forms, faultOf(faults, id, n === 0)))
    .filter((element) => element !== undefined);
  if (faults.some(({ kind }) => kind === 'reorder')) elements.reverse();
  return document(spelledDocument(`[${elements.join(',')}]`, forms));
}

/** A fault without a policy strikes the first policy of the answer. */
function faultOf(faults: readonly Fault[], id: string, first: boolean): Fault | undefined {
  return faults.find(
    ({ kind, policy }) =>
      (kind === 'missing' || kind === 'policy-error') && (policy === undefined ? first : policy === id),
  );
}

function hostElement(
  world: World,
  id: string,
  options: HostOptions,
  forms: ReadonlySet<Form>,
  fault: Fault | undefined,
): string | undefined {
  if (fault?.kind === 'missing') return undefined;
  if (fault === undefined) return changedObject(world.hostIdsElement(id, options), forms);
  const text = fault.value ?? 'Error: Internal error while resolving hosts.';
  const error = text.startsWith('{') ? JSON.parse(text) : text;
  return JSON.stringify({ policyId: id, subscriptionId: world.subscriptionId, hostIds: [], error });
}

function hostOptions({ version, query }: Question): { options: HostOptions } | { answer: Answer } {
  const scannedSince = instantOf(query, 'lastScanDate');
  if (scannedSince === 'bad') return { answer: badDate(query, 'lastScanDate') };
  const statusChangedSince = instantOf(query, 'statusChangedSince');
  if (statusChangedSince === 'bad') return { answer: badDate(query, 'statusChangedSince') };
  const assetState = query.get('assetState') ?? 'ALL';
  if (!isOneOf(['ACTIVE', 'TERMINATED', 'ALL'], assetState))
    return { answer: badValue('assetState', assetState) };
  const assetDeploymentType = query.get('assetDeploymentType') ?? 'ALL';
  if (!isOneOf(['ON-PREM', 'CLOUD', 'ALL'], assetDeploymentType)) {
    return { answer: badValue('assetDeploymentType', assetDeploymentType) };
  }
  return { options: { version, scannedSince, statusChangedSince, assetState, assetDeploymentType } };
}

/** A date parameter in ms since 1970; undefined if it was not sent. */
export function instantOf(query: ReadonlyMap<string, string>, name: string): number | undefined | 'bad' {
  const text = query.get(name);
  return text === undefined ? undefined : (parseInstant(text) ?? 'bad');
}

/** The gateway's answer to an unreadable date; its words are unknown, the form is that of code 1905. */
export function badDate(query: ReadonlyMap<string, string>, name: string): Answer {
  return badValue(name, query.get(name) ?? '');
}

function badValue(name: string, value: string): Answer {
  return codedError(400, 1905, `parameter ${name} has invalid value: ${value}`);
}

function isOneOf<const T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}

function document(body: Buffer): Answer {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}

/** The answer to a body that is not a list of policies with host ids. */
export function badBody(): Answer {
  return json(400, { message: 'Invalid input Parameter.' });
}
