import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatPostureColumns } from 'pcrs-records/columns';
import type { JsonObject } from 'pcrs-records/kinds';
import { layoutOf } from './columns.ts';
import { toCsv } from './csv.ts';
import type { TableOptions } from './table.ts';

/** The cells of a record by column, unquoted, and the reports about members without one. */
async function shown(kind: string, record: JsonObject | string, options: TableOptions = {}) {
  const told: string[] = [];
  const log = { warn: (line: string) => told.push(line), note() {} };
  const json = typeof record === 'string' ? record : JSON.stringify({ kind, ...record });
  // A delimiter that no value contains.
  const all = { kind, delimiter: '\u{1f600}', log, ...options };
  const text = (await Array.fromAsync(toCsv([Buffer.from(`${json}\n`)], all))).map(String).join('');
  const [names = [], values = []] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\u{1f600}'));
  const cells = values.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
  const named = /with their number of records: (.*);/.exec(told.join())?.[1] ?? '';
  return { cells: Object.fromEntries(names.map((name, index) => [name, cells[index]])), named };
}

test('posture has the columns of the flat view, in its order', () => {
  const names = layoutOf('posture', {}, undefined)?.columns.map(({ name }) => name);
  assert.deepEqual(
    names,
    flatPostureColumns.map(({ name }) => name),
  );
});

test('splits nested members of posture and keeps the rest of them', async () => {
  const { cells, named } = await shown('posture', {
    technology: { id: 1, name: 'Windows' },
    criticality: null,
    evidence: { expectedValues: ['a'], currentValues: '', extended: { x: 1 }, more: 2 },
    causeOfFailure: { missing: 'm', unexpected: null },
  });
  assert.deepEqual([cells['technology_id'], cells['technology_name']], ['1', 'Windows']);
  assert.deepEqual([cells['criticality_label'], cells['criticality_value']], ['', '']);
  assert.deepEqual([cells['evidence_expectedValues'], cells['evidence_currentValues']], ['["a"]', '']);
  assert.equal(cells['evidence_other'], '{"extended":{"x":1},"more":2}');
  assert.deepEqual([cells['causeOfFailure_missing'], cells['causeOfFailure_other']], ['m', '']);
  assert.equal(named, '');
  const spaced =
    '{"kind":"posture","evidence":{ "expectedValues" : 1, "x": 1.10,"y":[ ]},"technology":{ "id":1 }}';
  const { cells: others } = await shown('posture', spaced);
  assert.deepEqual([others['evidence_other'], others['technology_id']], ['{"x": 1.10,"y":[ ]}', '1']);
  assert.equal((await shown('posture', { evidence: 'truncated' })).cells['evidence_other'], 'truncated');
  assert.equal((await shown('posture', { evidence: {} })).cells['evidence_other'], '');
});

test('shows the last of repeated members, parts included', async () => {
  const doubled =
    '{"kind":"posture","technology":{"id":1,"name":"a","id":2},"evidence":{"expectedValues":1,"x":1},"evidence":{"currentValues":2},"id":1,"\\u0069d":7}';
  const { cells } = await shown('posture', doubled);
  assert.deepEqual([cells['technology_id'], cells['technology_name'], cells['id']], ['2', 'a', '7']);
  const evidence = ['expectedValues', 'currentValues', 'other'].map((part) => cells[`evidence_${part}`]);
  assert.deepEqual(evidence, ['', '2', '']);
});

test("hostids have a column for the row's host", () => {
  const columns = layoutOf('hostids', {}, undefined)?.columns;
  assert.deepEqual(
    columns?.map(({ name, host }) => [name, host]),
    [
      ['subscriptionId', undefined],
      ['policyId', undefined],
      ['hostId', true],
    ],
  );
});

test('a kind without declared columns has those of its first record, except kind', async () => {
  assert.equal(layoutOf('ticket', {}, undefined), undefined);
  assert.deepEqual((await shown('ticket', { b: 1, a: 2 })).cells, { b: '1', a: '2' });
});

test('picks, orders and adds columns by dotted path', async () => {
  const record = { id: 1, owner: 'x', team: { name: 't', lead: { id: 2 } }, 'a.b': 3, a: { b: 4 } };
  const { cells } = await shown('posture', record, {
    columns: ['owner', 'id'],
    add: ['owner', 'team.name', 'team.lead.id', 'a.b', 'constructor', 'kind'],
  });
  assert.deepEqual(cells, {
    ...{ owner: 'x', id: '1', 'team.name': 't', 'team.lead.id': '2', 'a.b': '3' },
    ...{ constructor: '', kind: 'posture' },
  });
});

test('a kind may be called like a property of every object', async () => {
  for (const kind of ['constructor', '__proto__', 'toString']) {
    assert.deepEqual((await shown(kind, `{"kind":"${kind}","a":1}`)).cells, { a: '1' });
  }
});

test('names members without a column by path', async () => {
  const record = {
    owner: 1,
    technology: { id: 1, name: 'a', vendor: 'v' },
    criticality: 'high',
    evidence: { anything: 1 },
    team: { name: 't', size: 2, lead: { id: 1, more: 2 } },
    __proto__: null,
  };
  const { cells, named } = await shown('posture', record, {
    add: ['team.name', 'team.lead.id'],
    extra: true,
  });
  assert.equal(named, 'owner (1), technology.vendor (1), criticality (1), team.size (1), team.lead.more (1)');
  assert.equal(
    cells['extra'],
    '{"owner":1,"technology":{"vendor":"v"},"criticality":"high","team":{"size":2,"lead":{"more":2}}}',
  );
});
