import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { end, load, newDatabase, query, session, start } from './fixture.test.ts';

/** JSON texts, each with the value that a TEXT column should hold. */
const values = fc.oneof(
  fc.constant(['null', null] as const),
  fc.boolean().map((value) => [String(value), String(value)] as const),
  fc
    .constantFrom('0', '-0', '7', '1.10', '1e2', '9007199254740993')
    .map((digits) => [digits, digits] as const),
  fc
    .string({ unit: 'binary', maxLength: 6 })
    .map((text) => [JSON.stringify(text), text.toWellFormed()] as const),
  fc.constantFrom('', '7', 'null', '{}').map((text) => [JSON.stringify(text), text] as const),
  fc
    .json({ maxDepth: 2 })
    .filter((json) => /^[[{]/.test(json))
    .map((json) => [json, json] as const),
);
const members = ['netBios', 'evidence', 'status', 'rationale', 'Unheard Of', 'Status'] as const;
const record = fc.record({
  key: fc.record({ hostId: fc.integer({ min: 1, max: 2 }), id: fc.integer({ min: 1, max: 2 }) }),
  batch: fc.constantFrom(undefined, 'null', '0', '"0"', '1'),
  members: fc.dictionary(fc.constantFrom(...members), values, { maxKeys: 4 }),
});
type Posture = typeof record extends fc.Arbitrary<infer T> ? T : never;

function line({ key, batch, members: own }: Posture): string {
  const texts = { policyId: '1', controlId: '2', hostId: String(key.hostId), id: String(key.id) };
  const all = Object.entries({
    kind: '"posture"',
    ...texts,
    ...(batch === undefined ? {} : { currentBatch: batch }),
  });
  for (const [name, [json]] of Object.entries(own)) all.push([name, json]);
  return `{${all.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

/** The expected result of upserts into one table, computed in the plainest way. */
class Model {
  readonly rows = new Map<string, { values: Record<string, unknown>; date: string }>();
  differing = 0;
  #seen = new Set<string>();

  nextStream(): void {
    this.#seen = new Set();
    this.differing = 0;
  }

  put(key: string, changes: Record<string, unknown>, date: string): void {
    const row = this.rows.get(key);
    const differs =
      row && Object.entries(changes).some(([name, value]) => (row.values[name] ?? null) !== value);
    const isOtherEvaluation =
      row && 'status' in changes && (row.values['status'] ?? null) !== changes['status'];
    const evidence = isOtherEvaluation ? { evidence: null } : {};
    if (differs && this.#seen.has(key)) this.differing += 1;
    if (!row || differs) this.rows.set(key, { values: { ...row?.values, ...evidence, ...changes }, date });
    this.#seen.add(key);
  }
}

const inControls = (name: string): boolean => name === 'rationale';
/** `Status` is `status` in another case: it fills that column, or none if both come. */
const inUnknown = (name: string): boolean => name === 'Status';

/** A record's members by column, as stored. */
function filled(own: Posture['members']): [string, string | null][] {
  return Object.entries(own).map(([name, [json, text]]) => {
    if (!inUnknown(name)) return [name, text];
    return own['status'] === undefined ? ['status', text] : [name, json];
  });
}

test('holds the last value of each member, and touches no row whose values stay', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
      async (streams) => {
        const path = newDatabase();
        const postures = new Model();
        const controls = new Model();
        for (const [index, stream] of streams.entries()) {
          const date = `2026-01-0${index + 1}`;
          for (const model of [postures, controls]) model.nextStream();
          for (const one of stream) {
            const own = filled(one.members);
            const batch =
              one.batch === undefined || one.batch === 'null' ? '0' : one.batch.replaceAll('"', '');
            const texts = own.filter(([name]) => inControls(name));
            controls.put('1,2,0', Object.fromEntries(texts), date);
            const key = `1,${one.key.hostId},${one.key.id},${batch}`;
            postures.put(key, Object.fromEntries(own.filter((pair) => !texts.includes(pair))), date);
          }
          const runId = `run ${index}`;
          const loaded = await load(path, [
            session({ runId, startedAt: `${date}T00:00:00Z` }),
            { ...start('pcrs-posture'), runId },
            ...stream.map(line),
            { ...end('pcrs-posture', { out: { posture: stream.length } }), runId },
          ]);
          assert.equal(loaded.problems['differingDuplicates'] ?? 0, postures.differing + controls.differing);
        }
        assert.deepEqual(
          stored(path, 'q_pcrs_postureinfo', ['policyId', 'hostId', 'id', 'currentBatch']),
          told(postures),
        );
        assert.deepEqual(
          stored(path, 'q_pcrs_postureinfo_controls', ['policyId', 'controlId', 'technologyId']),
          told(controls),
        );
      },
    ),
    { numRuns: 30 },
  );
});

type Told = Map<string, Record<string, unknown>>;

/** The model's rows with every member, absent ones null. */
function told(model: Model): Told {
  return new Map(
    [...model.rows].map(([key, { values, date }]) => [
      key,
      {
        date: `${date} 00:00:00`,
        ...Object.fromEntries(members.map((name) => [name, values[name] ?? null])),
      },
    ]),
  );
}

/** A table's rows in the same terms. */
function stored(path: string, table: string, key: string[]): Told {
  const rows = query(path, `SELECT * FROM ${table} ORDER BY rowid`);
  return new Map(
    rows.map((row) => {
      const others = String(row['unknown_members'] ?? '').match(/^\{"Status":(.*)\}$/s)?.[1] ?? null;
      const own = members.map((name) => {
        const value = inUnknown(name) ? others : (row[name] ?? null);
        return [name, value === null ? null : String(value)];
      });
      return [key.map((name) => row[name]).join(), { date: row['BATCH_DATE'], ...Object.fromEntries(own) }];
    }),
  );
}
