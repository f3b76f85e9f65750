// Kills a dataset's writer at random times: no _SUCCESS may exist with incomplete files.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { filesOf, folder, hostids, lies, posture, runLines, write } from './dataset-fixture.test.ts';

const bin = fileURLToPath(new URL('../bin/pcrs-to-parquet.js', import.meta.url));
const isLong = process.env['PCRS_FAULTS'] === 'long';
const kills = isLong ? 30 : 2;

test('never has a _SUCCESS with incomplete files, whenever its writer is killed', async () => {
  const dir = folder();
  const records = Array.from({ length: 3000 }, (_, index) => posture({ id: index, hostId: index }));
  const day = (index: number) =>
    runLines([hostids, ...records], {
      runId: `r${index}`,
      startedAt: new Date(Date.UTC(2026, 0, 1 + index)).toISOString(),
    });
  let longestMs = 0;
  const rows: string[][] = [['run', 'killed after ms', 'tables with _SUCCESS', 'of its 4', 'lies']];
  const successes = (): string[] => globSync('*/*/*/*/_SUCCESS', { cwd: dir });
  let [runs, killed] = [0, 0];
  for (; killed < kills; runs += 1) {
    const started = performance.now();
    const child = spawn(
      process.execPath,
      ['--conditions=pcrs-source', bin, '--dir', dir, '--supersede', '--replace'],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    child.stdin.on('error', () => {});
    child.stdin.end(`${day(runs).join('\n')}\n`);
    const ended = once(child, 'exit');
    // The first shows how long a run takes; the others are killed within that time, most while they write.
    const share = Math.random() < 0.7 ? 0.6 + 0.4 * Math.random() : Math.random();
    const timer = runs === 0 ? undefined : setTimeout(() => child.kill('SIGKILL'), share * longestMs);
    const before = successes().length;
    const [, signal] = await ended;
    clearTimeout(timer);
    const ms = performance.now() - started;
    if (runs === 0) longestMs = ms;
    if (signal) killed += 1;
    const [all, wrong] = [successes().length, lies(dir)];
    rows.push([`${runs}`, signal ? ms.toFixed(0) : '–', `${all}`, `${all - before}`, `${wrong.length}`]);
    assert.deepEqual(wrong, []);
  }
  if (isLong) process.stdout.write(`${rows.map((row) => row.join(' | ')).join('\n')}\n`);
  const { failure } = await write(dir, day(runs));
  assert.equal(failure, undefined);
  assert.ok(successes().length >= 8);
  assert.ok(filesOf(dir, 'q_pcrs_postureinfo').length >= 2);
  assert.deepEqual(lies(dir), []);
});
