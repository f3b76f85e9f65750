import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BadLine, type Fate, noJson, noRecords, unusual } from './faults-bad-lines.ts';
import { contentsOf } from './faults-database.ts';

/** A tool with the good lines around each bad one, and the number of records they make. */
export interface BadInput {
  tool: string;
  /** The command; `IN_RUN` ones get a session in front. */
  command: string;
  inRun: boolean;
  /** Three good lines of which the second is replaced. */
  good: readonly [string, string, string];
  /** Names of the good lines that show in stdout or in the tool's folder. */
  seen(stdout: string, folder: string): string[];
  /** The names of the first and the last good line there. */
  names: readonly [string, string];
  lines: readonly BadLine[];
  /** There is `--skip-bad`. */
  skips: boolean;
}

const bad = (lines: Record<string, string>, says?: RegExp): BadLine[] =>
  Object.entries(lines).map(([name, line]) => ({ name, line, fate: 'bad', ...(says ? { says } : {}) }));

const some = (fate: Fate, lines: Record<string, string>, more: Partial<BadLine> = {}): BadLine[] =>
  Object.entries(lines).map(([name, line]) => ({ name, line, fate, ...more }));

/** A member of every line, each value once, in order. */
function valuesOf(text: string, member: RegExp): string[] {
  return [...new Set(Array.from(text.matchAll(member), ([, value]) => value as string))];
}

/** The ids of a CSV, in its first column. */
function csvIds(text: string): string[] {
  return valuesOf(text.slice(text.indexOf('\n') + 1), /^(\d+),/gm);
}

function csvFile(folder: string): string {
  const [name] = readdirSync(folder);
  return readFileSync(join(folder, name!), 'utf8');
}

/** The tools' inputs, made from three policies with hosts. */
export function badInputs(policies: readonly { id: string; hostId: string }[]): BadInput[] {
  const [one, two, three] = policies.map(({ id }) => id) as [string, string, string];
  const policy = (id: string) => `{"policyId":${id}}`;
  const hosts = (id: string) =>
    `{"policyId":"${id}","hostIds":["${policies.find((one) => one.id === id)?.hostId}"]}`;
  const posture = (id: number) =>
    `{"kind":"posture","policyId":1,"hostId":2,"id":${id},"controlId":3,"technologyId":4,"status":"Passed"}`;
  const forPolicies: BadInput = {
    ...{ tool: 'pcrs-policies in a run', command: 'pcrs-policies --allow-empty', inRun: true, skips: false },
    good: ['{"kind":"note","n":1}', '{"kind":"note","n":2}', '{"kind":"note","n":3}'],
    ...{ names: ['1', '3'], seen: (stdout) => valuesOf(stdout, /^\{"kind":"note","n":(\d)/gm) },
    lines: [...noJson('{"kind":"note","n":2}'), ...unusual('{"kind":"note","n":2}')],
  };
  const forHostIds: BadInput = {
    ...{ tool: 'pcrs-hostids', command: 'pcrs-hostids', inRun: false, skips: true },
    good: [policy(one), policy(two), policy(three)],
    ...{
      names: [one, three],
      seen: (stdout) => valuesOf(stdout, /^\{"kind":"hostids","policyId":"(\d+)"/gm),
    },
    lines: [
      ...noJson(policy(two)),
      ...unusual(policy(two)),
      ...noRecords('bad'),
      ...bad({ 'no id': '{}', 'an id that is none': '{"policyId":"5a"}', 'an id of null': '{"id":null}' }),
      ...bad({
        'another kind': '{"kind":"asset","id":7}',
        hostids: hosts(two),
        'a kind that is no text': '{"kind":5,"id":7}',
      }),
      ...some('taken', {
        'a bare number': two,
        'a bare text': `"${two}"`,
        'a policy': `{"kind":"policy","id":${two}}`,
      }),
      ...some('warned', { 'an id that came before': policy(one) }, { says: /came twice/ }),
      ...some(
        'warned',
        { 'an id beyond 2^53': '9007199254740993', 'an id beyond 2^64': '{"id":18446744073709551617}' },
        { says: /9007199254740993|18446744073709551617/ },
      ),
    ],
  };
  const hostIdsInRun: BadInput = {
    ...forHostIds,
    ...{ tool: 'pcrs-hostids in a run', inRun: true },
    lines: [
      ...noJson(policy(two)).slice(0, 3),
      ...unusual(policy(two)),
      ...some('taken', { 'another kind': '{"kind":"asset","id":7}', 'no kind': '{"colour":"blue"}' }),
    ],
  };
  const forPosture: BadInput = {
    ...{ tool: 'pcrs-posture', command: 'pcrs-posture --concurrency 1', inRun: false, skips: true },
    good: [hosts(one), hosts(two), hosts(three)],
    ...{
      names: [one, three],
      seen: (stdout) => valuesOf(stdout, /^\{"kind":"posture",.*?"policyId":(\d+)/gm),
    },
    lines: [
      ...noJson(hosts(two)),
      ...unusual(hosts(two)),
      ...noRecords('bad'),
      ...bad(
        { 'hostIds that are no array': `{"policyId":${two},"hostIds":"118772"}` },
        /hostIds must be an array, got "118772"/,
      ),
      ...bad(
        { 'no hostIds': `{"policyId":${two}}`, 'no policyId': '{"hostIds":["1"]}' },
        /hostIds must be|policyId must be/,
      ),
      ...bad(
        {
          'a host id of null': `{"policyId":${two},"hostIds":[null]}`,
          'a host id that is none': `{"policyId":${two},"hostIds":["1","x"]}`,
        },
        /hostIds\[\d\] must be digits/,
      ),
      ...bad({
        'another kind': '{"kind":"asset","hostIds":["1"]}',
        'a kind that is no text': '{"kind":[],"policyId":1,"hostIds":["1"]}',
      }),
      ...bad(
        { 'a policy': `{"kind":"policy","id":${two},"title":"t"}` },
        /put pcrs-hostids before this stage/,
      ),
      ...some('taken', {
        'an array of records': `[${hosts(two)},${hosts(three)}]`,
        'an empty array': '[]',
        'no hosts': `{"policyId":${two},"hostIds":[]}`,
      }),
      ...some('taken', { 'a host id beyond 2^64': `{"policyId":${two},"hostIds":[18446744073709551617]}` }),
    ],
  };
  const postureInRun: BadInput = {
    ...forPosture,
    ...{ tool: 'pcrs-posture in a run', inRun: true },
    lines: [
      ...noJson(hosts(two)).slice(0, 3),
      ...unusual(hosts(two)),
      ...some('taken', {
        'another kind': '{"kind":"asset","hostIds":["1"]}',
        'a policy': `{"kind":"policy","id":${two}}`,
      }),
    ],
  };
  const inSinks: BadLine[] = [
    ...noJson(posture(2)),
    ...unusual(posture(2)).map(
      (line): BadLine => (/surrogate|NUL/.test(line.name) ? { ...line, fate: 'warned' } : line),
    ),
    ...noRecords('bad'),
    ...bad(
      { 'a kind that is no text': '{"kind":5,"id":7}', 'a kind of null': '{"kind":null,"id":7}' },
      /kind is a string/,
    ),
    ...some(
      'told',
      { 'another kind': '{"kind":"asset","id":7}' },
      { says: /kinds? (?:that|asset).*: .*1|asset/ },
    ),
    ...some(
      'told',
      { 'no kind': '{"colour":"blue"}', 'nothing in it': '{}' },
      { says: /objects without a kind/ },
    ),
    ...some('taken', { 'an empty array': '[]', 'an array of records': `[${posture(2)},${posture(4)}]` }),
    ...some('taken', { 'an id beyond 2^53': posture(2).replace('"id":2', '"id":9007199254740993') }),
    ...some('taken', { 'a name with a quote': posture(2).replace('"status"', '"a\\"b; DROP":1,"status"') }),
    ...some('taken', {
      'names that differ in case': posture(2).replace('"status"', '"Status":"x","STATUS":"y","status"'),
    }),
    ...some('taken', { 'a name of no characters': posture(2).replace('"status"', '"":1,"status"') }),
  ];
  const forSqlite: BadInput = {
    ...{ tool: 'pcrs-to-sqlite', command: 'pcrs-to-sqlite out.db', inRun: false, skips: true },
    good: [posture(1), posture(2), posture(3)],
    names: ['1', '3'],
    seen: (_, folder) =>
      contentsOf(join(folder, 'out.db')).rows.q_pcrs_postureinfo.map((row) => String(JSON.parse(row).id)),
    lines: [
      ...inSinks,
      ...bad({ 'no host id': posture(2).replace('"hostId":2,', '') }, /hostId/),
      ...bad({ 'a policy id of null': posture(2).replace('"policyId":1', '"policyId":null') }, /policyId/),
      ...bad(
        { 'an id beyond 2^63': posture(2).replace('"id":2', '"id":9223372036854775808') },
        /\bid\b.*9223372036854775808|9223372036854775808.*\bid\b/,
      ),
    ],
  };
  const forCsv: BadInput = {
    ...{ tool: 'pcrs-to-csv', command: 'pcrs-to-csv', inRun: false, skips: true },
    good: [posture(1), posture(2), posture(3)],
    names: ['1', '3'],
    seen: (stdout) => csvIds(stdout),
    lines: [
      ...inSinks,
      ...some('taken', { 'no host id': posture(2).replace('"hostId":2,', '') }),
      ...some(
        'taken',
        { 'an id beyond 2^64': posture(2).replace('"id":2', '"id":18446744073709551617') },
        { shows: /18446744073709551617/ },
      ),
    ],
  };
  const forCsvFiles: BadInput = {
    ...forCsv,
    ...{ tool: 'pcrs-to-csv --dir', command: 'pcrs-to-csv --dir out' },
    seen: (_, folder) => csvIds(csvFile(join(folder, 'out'))),
    lines: [...inSinks.slice(0, noJson('{}').length + unusual('{}').length), ...noRecords('bad')],
  };
  return [forPolicies, forHostIds, hostIdsInRun, forPosture, postureInRun, forSqlite, forCsv, forCsvFiles];
}
