import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatPostureColumns } from 'pcrs-records/columns';
import type { JsonObject } from 'pcrs-records/kinds';
import { type ColumnOptions, columnValue, layoutOf, uncovered } from './columns.ts';

function row(kind: string, record: JsonObject, options: ColumnOptions = {}): JsonObject {
  const layout = layoutOf(kind, options, record);
  assert.ok(layout);
  return Object.fromEntries(layout.columns.map((column) => [column.name, columnValue(column, record)]));
}

function left(kind: string, record: JsonObject, options: ColumnOptions = {}) {
  const layout = layoutOf(kind, options, record);
  assert.ok(layout);
  const paths: string[] = [];
  const object = uncovered(record, layout.covered, (path) => paths.push(path));
  return { paths, object: object && JSON.parse(JSON.stringify(object)) };
}

test('posture has the columns of the flat view, in its order', () => {
  const names = layoutOf('posture', {}, undefined)?.columns.map(({ name }) => name);
  assert.deepEqual(
    names,
    flatPostureColumns.map(({ name }) => name),
  );
});

test('nested members of posture are taken apart and what is left of them is kept', () => {
  const shown = row('posture', {
    technology: { id: 1, name: 'Windows' },
    criticality: null,
    evidence: { expectedValues: ['a'], currentValues: '', extended: { x: 1 }, more: 2 },
    causeOfFailure: { missing: 'm', unexpected: null },
  });
  assert.deepEqual([shown['technology_id'], shown['technology_name']], [1, 'Windows']);
  assert.deepEqual([shown['criticality_label'], shown['criticality_value']], [undefined, undefined]);
  assert.deepEqual([shown['evidence_expectedValues'], shown['evidence_currentValues']], [['a'], '']);
  assert.deepEqual(shown['evidence_other'], { extended: { x: 1 }, more: 2 });
  assert.deepEqual([shown['causeOfFailure_missing'], shown['causeOfFailure_other']], ['m', undefined]);
  assert.equal(row('posture', { evidence: 'truncated' })['evidence_other'], 'truncated');
});

test('hostids have a column for the host that a row is about', () => {
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

test('a kind without declared columns has those of its first record, but for kind', () => {
  assert.equal(layoutOf('ticket', {}, undefined), undefined);
  assert.deepEqual(row('ticket', { kind: 'ticket', b: 1, a: 2 }), { b: 1, a: 2 });
});

test('columns are picked and ordered, and added members count as known', () => {
  const record = { id: 1, title: 't', owner: 'o', team: { name: 'n' } };
  assert.deepEqual(Object.entries(row('policy', record, { columns: ['title', 'id'] })), [
    ['title', 't'],
    ['id', 1],
  ]);
  const options = { columns: ['owner', 'id'], add: ['owner', 'team.name'] };
  assert.deepEqual(Object.entries(row('policy', record, options)), [
    ['owner', 'o'],
    ['id', 1],
    ['team.name', 'n'],
  ]);
});

test('an added column that is there already comes once', () => {
  const names = layoutOf('hostids', { add: ['policyId', 'owner', 'owner'] }, undefined)?.columns;
  assert.deepEqual(
    names?.map(({ name }) => name),
    ['subscriptionId', 'policyId', 'hostId', 'owner'],
  );
});

test('an added path is a member of that very name first, then a part, and nothing of what every object has', () => {
  const record = { 'a.b': 1, a: { b: 2, c: { d: 3 }, list: [4] } };
  const options = { add: ['a.b', 'a.c.d', 'a.list.0', 'a.constructor', 'toString'] };
  const shown = row('policy', record, options);
  assert.deepEqual(
    options.add.map((name) => shown[name]),
    [1, 3, undefined, undefined, undefined],
  );
});

test('a column that does not exist is refused with the one that was meant, or with all there are', () => {
  assert.throws(() => layoutOf('posture', { columns: ['hostid'] }, undefined), {
    code: 'PCRS_USAGE',
    message: /^--columns: posture has no column hostid; did you mean hostId\?/,
  });
  assert.throws(() => layoutOf('posture', { columns: ['technology.name'] }, undefined), {
    message: /did you mean technology_name\?/,
  });
  assert.throws(() => layoutOf('hostids', { columns: ['x'], add: ['owner'] }, undefined), {
    message: /there are subscriptionId, policyId, hostId, owner;/,
  });
});

test('members without a column are found, nested ones by their path', () => {
  const record = {
    kind: 'posture',
    id: 1,
    qds: 7,
    technology: { id: 1, vendor: 'm' },
    criticality: 'SERIOUS',
    evidence: { more: 1 },
  };
  assert.deepEqual(left('posture', record), {
    paths: ['qds', 'technology.vendor', 'criticality'],
    object: {
      qds: 7,
      technology: { vendor: 'm' },
      criticality: 'SERIOUS',
    },
  });
  assert.deepEqual(left('posture', record, { add: ['qds', 'technology.vendor', 'criticality'] }).paths, []);
  assert.deepEqual(left('hostids', { policyId: 1, hostIds: [], error: 'e' }).paths, ['error']);
});

test('a member named __proto__ is data', () => {
  const record = JSON.parse('{"__proto__":{"a":1},"id":1}') as JsonObject;
  assert.equal(JSON.stringify(left('policy', record).object), '{"__proto__":{"a":1}}');
  assert.deepEqual(row('policy', record, { add: ['__proto__.a'] })['__proto__.a'], 1);
});
