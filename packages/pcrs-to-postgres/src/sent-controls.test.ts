import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toScript } from './index.ts';

/** Number of rows that a script has for controls, given records by control id and text. */
async function rowsSent(records: Iterable<readonly [number, string]>): Promise<number> {
  const chunks = (async function* () {
    let id = 0;
    for (const [control, text] of records) {
      id += 1;
      yield Buffer.from(
        `{"kind":"posture","id":${id},"policyId":1,"hostId":2,"controlId":${control},"technologyId":3,"rationale":"${text}"}\n`,
      );
    }
  })();
  let script = '';
  const write = async (bytes: string | Buffer) => {
    script += bytes.toString();
  };
  await toScript(chunks, write, { schema: 'public', lockTimeoutMs: 1 });
  const copies = script.split(/^COPY /m).filter((copy) => copy.startsWith('pg_temp.pcrs_stage_3 '));
  return copies.flatMap((copy) => copy.match(/^--\t/gm) ?? []).length;
}

test('sends a control once, however many come between, and again when a text differs', async () => {
  const text = 'r'.repeat(2000);
  const times = (count: number) => Array.from({ length: count }, (_, control) => [control, text] as const);
  const all = times(7000);
  assert.equal(await rowsSent([...all, ...all, ...all]), 7000);
  assert.equal(await rowsSent([...times(3), [1, 'other'], [1, 'other'], [2, text], [1, text]]), 5);
});
