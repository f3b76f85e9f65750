import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
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

test('the lock of a process whose number another one has now is taken over', async () => {
  const folder = join(root, 'again');
  const unlock = await lockFolder(folder, process.pid);
  const path = join(folder, '.lock');
  const holder = JSON.parse(readFileSync(path, 'utf8'));
  assert.match(holder.started, process.platform === 'linux' ? /^\d+$/ : /^$/);
  writeFileSync(path, JSON.stringify({ ...holder, started: '1' }));
  if (process.platform === 'linux') await (await lockFolder(folder, process.pid))();
  await unlock();
});

test('a process that is dead and not asked for is gone', { skip: process.platform !== 'linux' }, async () => {
  const folder = join(root, 'zombie');
  // The shell's child ends, and the program that took the shell's place never asks.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await setTimeout(10);
    mkdirSync(folder);
    const held = { pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(join(folder, '.lock'), JSON.stringify(held));
    await (await lockFolder(folder, process.pid))();
  } finally {
    parent.kill('SIGKILL');
  }
});

test('a lock that was torn by a crash is taken over', async () => {
  const folder = join(root, 'torn');
  await (await lockFolder(folder, process.pid))();
  writeFileSync(join(folder, '.lock'), '');
  await (await lockFolder(folder, process.pid))();
});
