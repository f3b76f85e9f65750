import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { thingPolicies } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'pcrs-thing-'));
test.after(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, 'policies.json');
  writeFileSync(path, text);
  return path;
}

test('writes each policy of the file as a record', () => {
  const blocks = [...thingPolicies(fileOf('[{"id":1,"title":"é"},{"id":2}]'))];
  assert.deepEqual(
    blocks.map(({ lines, ...rest }) => ({ ...rest, text: lines.toString() })),
    [{ kind: 'policy', count: 2, text: '{"kind":"policy","id":1,"title":"é"}\n{"kind":"policy","id":2}\n' }],
  );
});

test('refuses a file that holds anything else, and names it', () => {
  for (const text of ['', '{}', '[1]'])
    assert.throws(() => [...thingPolicies(fileOf(text))], {
      code: 'PCRS_RECORD',
      message: /policies\.json: /,
    });
});
