import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passedOn } from './index.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('forwards every record as it came, in any chunking', async () => {
  const lines: string[] = [];
  for await (const line of passedOn(chunks('{"kind":"policy","id":1', '.10}\n{"kind":"x"}')))
    lines.push(line);
  assert.deepEqual(lines, ['{"kind":"policy","id":1.10}\n', '{"kind":"x"}\n']);
});

test('refuses a line that is not a record, and names it', async () => {
  const all = passedOn(chunks('{"kind":"policy","id":1}\nnonsense\n'));
  await assert.rejects(Array.fromAsync(all), { code: 'PCRS_RECORD', message: /^stdin:2: / });
});
