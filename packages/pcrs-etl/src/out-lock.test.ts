import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockFolder } from './out-lock.ts';

const root = mkdtempSync(join(tmpdir(), 'pcrs-lock-'));
after(() => rmSync(root, { recursive: true }));

test('a folder that is at work is refused, naming who is at work', async () => {
  const folder = join(root, 'busy');
  const unlock = await lockFolder(folder, process.pid);
  await assert.rejects(lockFolder(folder, 1), {
    code: 'PCRS_MACHINE',
    message: new RegExp(`another pcrs-etl is at work there \\(pid ${process.pid} `),
  });
  await unlock();
  await (await lockFolder(folder, process.pid))();
});

test('the lock of a process that is gone is taken over', async () => {
  const folder = join(root, 'stale');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await lockFolder(folder, pid ?? 0);
  const unlock = await lockFolder(folder, process.pid);
  assert.equal(JSON.parse(readFileSync(join(folder, '.lock'), 'utf8')).pid, process.pid);
  await unlock();
});

test('a lock that was torn by a crash is taken over', async () => {
  const folder = join(root, 'torn');
  await (await lockFolder(folder, process.pid))();
  writeFileSync(join(folder, '.lock'), '');
  await (await lockFolder(folder, process.pid))();
});
