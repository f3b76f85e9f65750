import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'pcrs-stdin-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Reads stdin with one of the readers, waits before it takes each chunk, and prints a hash of all. */
const reading = (reader: string) => `
  import { createHash } from 'node:crypto';
  import { setTimeout as delay } from 'node:timers/promises';
  import { ${reader} } from ${JSON.stringify(new URL('stdin.ts', import.meta.url).href)};
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort(new Error('stopped')));
  const hash = createHash('sha256');
  try {
    for await (const chunk of ${reader}(stop.signal)) {
      await delay(5);
      hash.update(chunk);
      process.stderr.write('.');
    }
    console.log(hash.digest('hex'));
  } catch (error) {
    console.log(error.message);
  }`;

async function read(reader: string, stdin: number | Buffer, stopFirst = false): Promise<string> {
  const args = ['--conditions=pcrs-source', '--input-type=module', '-e', reading(reader)];
  const child = spawn(process.execPath, args, {
    stdio: [typeof stdin === 'number' ? stdin : 'pipe', 'pipe', 'pipe'],
  });
  if (typeof stdin !== 'number') child.stdin?.end(stdin);
  if (stopFirst) child.stderr?.once('data', () => child.kill('SIGTERM'));
  return (await child.stdout?.setEncoding('utf8').toArray())?.join('').trim() ?? '';
}

const bytes = randomBytes(5_000_001);
const file = join(folder, 'bytes');
writeFileSync(file, bytes);
const expected = createHash('sha256').update(bytes).digest('hex');

for (const reader of ['readStdin', 'readLentStdin']) {
  test(`${reader} gives a file and a pipe byte for byte, also to a slow reader`, async () => {
    assert.equal(await read(reader, openSync(file, 'r')), expected);
    assert.equal(await read(reader, bytes), expected);
  });

  test(`${reader} ends with the reason when it is stopped, and refuses a directory`, async () => {
    assert.equal(await read(reader, openSync(file, 'r'), true), 'stopped');
    assert.equal(await read(reader, openSync(folder, 'r')), 'stdin is a directory; give a file or a pipe');
  });
}
