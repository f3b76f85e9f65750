import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lines, newDatabase, posture, query } from './fixture.test.ts';
import { toSqlite } from './index.ts';

/** Two chunks: members new in the first have columns in the second. */
function chunks(...records: (object | string | Buffer)[]): Uint8Array[] {
  const inBytes = records.map((record) =>
    Buffer.isBuffer(record) ? Buffer.concat([record, Buffer.from('\n')]) : Buffer.concat(lines(record)),
  );
  return [...lines(posture), Buffer.concat(inBytes)];
}

function rows(path: string, columns: string): unknown[][] {
  return query(path, `SELECT ${columns} FROM q_pcrs_postureinfo WHERE id < 100 ORDER BY id`).map((row) =>
    Object.values(row),
  );
}

/** A text in Latin-1, which is not UTF-8 beyond ASCII. */
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

test('keeps text beyond ASCII in names, values and nested members, whether it repeats the previous record or not', async () => {
  const own = [
    { netBios: 'é', os: '名前', evidence: { ключ: '“x”' }, naïve: '😀', OS: 'ü' },
    { netBios: 'é', os: '名', evidence: { ключ: '“x”' }, naïve: '😀', OS: 'ü' },
    { netBios: 'è', os: 'Ã©', evidence: { ключ: '”x“' }, naïve: 'é\n', OS: ['ß'] },
  ];
  const path = newDatabase();
  await toSqlite(path, chunks(...own.map((members, id) => ({ ...posture, ...members, id }))));
  assert.deepEqual(
    rows(path, 'netBios, os, evidence, "naïve", unknown_members'),
    own.map(({ netBios, os, evidence, naïve, OS }) => [
      netBios,
      os,
      JSON.stringify(evidence),
      naïve,
      JSON.stringify({ OS }),
    ]),
  );
});

test("stores a control's texts beyond ASCII once, and again if they change", async () => {
  const texts = ['“é”', '“é”', '“è”', '“è”'];
  const path = newDatabase();
  const records = texts.map((rationale, id) => ({ ...posture, id, controlId: 1 + (id >> 1), rationale }));
  const { rows: counts } = await toSqlite(path, chunks(...records));
  assert.equal(counts['q_pcrs_postureinfo_controls'], 3);
  assert.deepEqual(
    query(
      path,
      'SELECT rationale FROM q_pcrs_postureinfo_controls WHERE controlId < 3 ORDER BY controlId',
    ).map(({ rationale }) => rationale),
    ['“é”', '“è”'],
  );
});

test('replaces bytes that are not UTF-8 with U+FFFD anywhere, and counts the lines', async () => {
  const line = (id: number) =>
    latin1(
      `{"kind":"posture","id":${id},"policyId":1,"controlId":1,"hostId":1,"netBios":"\xe9","\xe9":1,"evidence":["\xe2\x80"],"rationale":"\xff\xfe"}`,
    );
  const path = newDatabase();
  const loaded = await toSqlite(path, chunks(line(1), line(2)));
  assert.equal(loaded.problems['invalidUtf8'], 2);
  const row = ['\ufffd', 1n, '["\ufffd"]'];
  assert.deepEqual(rows(path, 'netBios, "\ufffd", evidence'), [row, row]);
  const [control] = query(path, 'SELECT rationale FROM q_pcrs_postureinfo_controls WHERE controlId = 1');
  assert.equal(control?.['rationale'], '\ufffd\ufffd');
});

test('quotes characters, not bytes, of an unusable line', async () => {
  const cases: [line: string | Buffer, told: string][] = [
    [`{"kind":"posture",${'é'.repeat(100)}`, `found {"kind":"posture",${'é'.repeat(62)}…`],
    [`{"é":"${'名'.repeat(100)}`, `found {"é":"${'名'.repeat(74)}…`],
    ['"ééé"', 'found "ééé"'],
    [latin1('{"\xe9'), 'found {"\ufffd'],
    [
      `{"kind":"posture","id":1,"hostId":1,"controlId":1,"policyId":"é"}`,
      'policyId must be a whole number, got "é"',
    ],
    [`{"kind":"é`, 'found {"kind":"é'],
  ];
  for (const [line, told] of cases) {
    const loading = toSqlite(newDatabase(), chunks(line, posture));
    await assert.rejects(loading, ({ message }: Error) => {
      assert.ok(message.startsWith('stdin:2: ') && message.endsWith(told), message);
      return true;
    });
  }
});
