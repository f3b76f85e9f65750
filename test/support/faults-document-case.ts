import assert from 'node:assert/strict';
import { hostIds } from 'pcrs-hostids';
import { policies } from 'pcrs-policies';
import { type Simulator, startSimulator } from 'pcrs-simulator';
import { canonical } from './faults-canonical.ts';
import { type Client, type Thrown, withClient } from './faults-client.ts';
import type { DocumentOutcome, DocumentRow, DocumentStrike } from './faults-document-rows.ts';
import type { Told } from './faults-posture-case.ts';

const world = { seed: 12, policies: 7, hosts: 30, controls: 3 };
const policiesPerRequest = 3;

interface Findings {
  lines: string[];
  error: Thrown | undefined;
  warnings: string[];
  asked: number;
}

/**
 * Runs one case and checks it against the contract.
 *
 * Throws  if a record is lost, doubled or changed without an error, or if the outcome is another one
 */
export async function documentCase(row: DocumentRow, strike: DocumentStrike): Promise<Told> {
  const expected = row.expected[strike];
  assert.ok(expected, `${row.fault} has no expectation for ${strike}`);
  return withClient(world, row.limits ?? {}, async (client) => {
    const { simulator, warnings } = client;
    const policyIds = simulator.world.policyIds();
    const onePolicy = policyIds[policiesPerRequest + 1]!;
    const only = row.onePolicy ? `@policy=${onePolicy}` : '';
    simulator.faults.add(
      `${row.endpoint}:${{ once: '1', twice: '1-2', always: '*' }[strike]}:${row.fault}${only}`,
    );
    const lines: string[] = [];
    let error: Thrown | undefined;
    try {
      for await (const line of askedFor(row, client, policyIds)) lines.push(line);
    } catch (thrown) {
      error = thrown as Thrown;
    }
    const requests = simulator.requests.filter(({ endpoint }) => endpoint === row.endpoint);
    assert.ok(
      requests.some(({ faults }) => faults.length > 0),
      'the fault struck',
    );
    const found = { lines, error, warnings, asked: requests.length };
    const truth = await truthOf(row, simulator);
    check(found, truth, row, expected, onePolicy);
    return {
      asked: found.asked,
      outcome: error === undefined ? `${expected} ${lines.length}` : failed(found),
    };
  });
}

/** A token is known to be good by what it opens. */
async function* askedFor(
  row: DocumentRow,
  { gateway, warnings }: Client,
  policyIds: string[],
): AsyncGenerator<string> {
  const warn = (message: string) => warnings.push(message);
  if (row.endpoint === 'hostids') {
    for await (const { line } of hostIds(gateway, policyIds, { policiesPerRequest, warn })) yield line;
  } else {
    for await (const { line } of policies(gateway, { status: 'all' })) yield line;
  }
}

async function truthOf(row: DocumentRow, plain: Simulator): Promise<string[]> {
  if (row.form === undefined) return row.endpoint === 'hostids' ? resolved(plain) : listed(plain);
  const changed = await startSimulator({ ...world, rateLimit: 'off', forms: [row.form as never] });
  try {
    // The truth of a form is what such a gateway sends, read without the suite's code.
    const login = new URLSearchParams({ username: 'a', password: 'b', token: 'true', permissions: 'true' });
    const token = await (await fetch(`${changed.gateway}/auth`, { method: 'POST', body: login })).text();
    const ids = changed.world.policyIds().join(',');
    const path =
      row.endpoint === 'hostids' ? `5.0/posture/hostids?policyId=${ids}` : '2.0/posture/policy/list';
    const headers = { authorization: `Bearer ${token}` };
    const body = await (await fetch(`${changed.gateway}/pcrs/${path}`, { headers })).text();
    return elementsOf(body, row.endpoint, changed);
  } finally {
    await changed.close();
  }
}

function elementsOf(body: string, endpoint: string, { world: { size } }: Simulator): string[] {
  const value = JSON.parse(canonical(body)) as { policyList?: object[] };
  const elements = endpoint === 'hostids' ? (value as object[]) : value.policyList!;
  const lead =
    endpoint === 'hostids'
      ? '"kind":"hostids"'
      : `"kind":"policy","subscriptionId":"number ${size.subscriptionId}"`;
  return elements.map((element) => `{${lead},${JSON.stringify(element).slice(1)}`);
}

function listed({ world: simulated }: Simulator): string[] {
  const lead = `{"kind":"policy","subscriptionId":${simulated.size.subscriptionId},`;
  return simulated.policies().map((text) => canonical(lead + text.slice(1)));
}

function resolved({ world: simulated }: Simulator): string[] {
  return simulated
    .policyIds()
    .map((id) => canonical(`{"kind":"hostids",${simulated.hostIdsElement(id).slice(1)}`));
}

function check(
  found: Findings,
  truth: string[],
  row: DocumentRow,
  expected: DocumentOutcome,
  policyId: string,
): void {
  const { error, warnings, asked } = found;
  const lines = found.lines.map(canonical);
  const codes: Partial<Record<DocumentOutcome, string>> = { fails: 'PCRS_GATEWAY', refused: 'PCRS_REFUSED' };
  assert.equal(error?.code, codes[expected], error?.message);
  if (error !== undefined) {
    assert.deepEqual(lines, truth.slice(0, lines.length), 'what was written is the truth up to there');
    assert.ok(lines.length < truth.length);
    if (row.says) assert.match(error.message, row.says);
    assert.match(error.message, named(row, policyId));
    assert.doesNotMatch(error.message, /\n|Bearer|eyJ|a password/);
    if (expected === 'refused' && row.endpoint === 'auth')
      assert.equal(asked, 1, 'a password is not tried twice');
    return;
  }
  if (expected === 'told') {
    assert.deepEqual(
      lines.filter((line) => !line.includes(policyId)),
      truth.filter((line) => !line.includes(policyId)),
    );
    const [told] = lines.filter((line) => line.includes(`"policyId":"${policyId}"`));
    assert.match(told!, /"hostIds":\[\],"error":"Error: Compliance Policy does not exist\."/);
    assert.equal(lines.length, truth.length);
    assert.deepEqual(warnings, [`policy ${policyId}: Error: Compliance Policy does not exist.`]);
    return;
  }
  assert.deepEqual(lines, expected === 'reversed' ? truth.toReversed() : truth);
  assert.deepEqual(warnings, []);
}

/** What an error must name: the failing policy, or the request. */
function named(row: DocumentRow, policyId: string): RegExp {
  if (row.onePolicy) return new RegExp(`policy ${policyId}`);
  if (row.endpoint === 'auth') return /\/auth\b/;
  if (row.says?.source === 'run pcrs-auth again') return /\/pcrs\/\d\.0\/posture\//;
  return row.endpoint === 'hostids' ? /host ids of \d+ polic(y|ies) from \d+/ : /policy list/;
}

function failed({ error, lines }: Findings): string {
  return `${error?.code === 'PCRS_REFUSED' ? 4 : 5} after ${lines.length}`;
}
