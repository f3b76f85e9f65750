import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostIdsOf } from './host-ids.ts';
import { SinkReader } from './reader.ts';

/** The ids in a record's hostIds, or why they are refused. */
async function idsOf(hostIds: string): Promise<string[] | string> {
  let ids: string[] = [];
  const reader = new SinkReader({
    tableOf: () => ({
      columns: ['hostIds'],
      take: (members) => {
        ids = hostIdsOf(members);
      },
    }),
  });
  try {
    for await (const lines of reader.blocks([Buffer.from(`{"kind":"hostids"${hostIds}}\n`)]))
      reader.take(lines);
    return ids;
  } catch (error) {
    return (error as Error).message.replace('stdin:1: ', '');
  }
}

test('gives host ids as digits, whether they are strings or numbers', async () => {
  assert.deepEqual(await idsOf(',"hostIds":[ "1", 20 ,9223372036854775807]'), [
    '1',
    '20',
    '9223372036854775807',
  ]);
  assert.deepEqual(await idsOf(',"hostIds":[]'), []);
});

test('refuses anything else', async () => {
  assert.equal(await idsOf(''), 'hostIds is missing');
  assert.equal(await idsOf(',"hostIds":"1"'), 'hostIds must be an array, got "1"');
  for (const id of ['"x"', '""', '-1', '1.5', '1e3', '"007"', 'null', 'true', '[1]', '{}'])
    assert.equal(await idsOf(`,"hostIds":[1,${id}]`), `hostIds must hold ids, got ${id}`);
  assert.equal(
    await idsOf(',"hostIds":["9223372036854775808"]'),
    'hostIds must hold ids of at most 2^63-1, got 9223372036854775808',
  );
});
