import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toScript } from './index.ts';
import { hintOf } from './sent-controls.ts';

/** Number of rows that a script has for the controls of postures, given members of each. */
async function rowsOf(postures: readonly string[]): Promise<number> {
  const lines = postures.map((members) => `{"kind":"posture","policyId":1,"hostId":2,${members}}\n`);
  const chunks = (async function* () {
    for (let at = 0; at < lines.length; at += 1000) yield Buffer.from(lines.slice(at, at + 1000).join(''));
  })();
  let rows = 0;
  let inControls = false;
  const write = async (bytes: string | Buffer) => {
    if (typeof bytes === 'string') inControls = bytes.startsWith('COPY pg_temp.pcrs_stage_3 ');
    else if (inControls) rows += bytes.toString().match(/^--\t/gm)?.length ?? 0;
  };
  await toScript(chunks, write, { schema: 'public', lockTimeoutMs: 1 });
  return rows;
}

const rowsSent = (records: readonly (readonly [number, string])[]) =>
  rowsOf(
    records.map(
      ([control, text], id) => `"id":${id},"controlId":${control},"technologyId":3,"rationale":"${text}"`,
    ),
  );

/** Members of two keys that share a hint, of policy 1. */
function keysOfOneHint(): [string, string] {
  const known = new Map<number, string>();
  for (let control = 1; ; control = (control * 48271) % 2147483647) {
    const technology = control % 997;
    const key = Buffer.from(`1 ${control} ${technology} `);
    const members = `"controlId":${control},"technologyId":${technology}`;
    const earlier = known.get(hintOf(key, key.length));
    if (earlier !== undefined) return [earlier, members];
    known.set(hintOf(key, key.length), members);
  }
}

test('keeps controls apart whose keys have the same digits, or the same hint', async () => {
  const records = Array.from({ length: 100 }, (_, id) => [
    `"controlId":10631,"technologyId":1,"rationale":"a","id":${id}`,
    `"controlId":1063,"technologyId":11,"rationale":"b","id":${id + 100}`,
  ]);
  assert.equal(await rowsOf(records.flat()), 2);
  const [one, other] = keysOfOneHint();
  const turns = Array.from({ length: 100 }, (_, id) => [one, other].map((key) => `${key},"id":${id}`));
  assert.equal(await rowsOf(turns.flat()), 2);
});

test('an absent or null technologyId is 0', async () => {
  const records = ['', '"technologyId":0,', '"technologyId":null,'].map(
    (technology) => `${technology}"controlId":5,"rationale":"a","id":1`,
  );
  assert.equal(await rowsOf(records), 1);
  const texts = ['a', 'b', 'a'].map((text, at) => (records[at] as string).replace('"a"', `"${text}"`));
  assert.equal(await rowsOf(texts), 3);
});

test('sends a control once, however many come between, and again when a text differs', async () => {
  const text = 'r'.repeat(2000);
  const times = (count: number) => Array.from({ length: count }, (_, control) => [control, text] as const);
  const all = times(7000);
  assert.equal(await rowsSent([...all, ...all, ...all]), 7000);
  assert.equal(await rowsSent([...times(3), [1, 'other'], [1, 'other'], [2, text], [1, text]]), 5);
});
