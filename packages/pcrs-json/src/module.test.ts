import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { sourceSha256 } from './scan-module.ts';

// pnpm check compiles it again and compares every byte; this is the quick check
it('the module is built from the source next to it', () => {
  const source = readFileSync(new URL('../assembly/scan.ts', import.meta.url));
  const sha256 = createHash('sha256').update(source).digest('hex');
  assert.equal(sourceSha256, sha256, 'run packages/pcrs-json/scripts/build-scan.ts');
});
