import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isGone, thisProcess } from './process-alive.ts';

const here = (pid: number) => ({ ...thisProcess(), pid, started: null });

test('a process is gone once it has ended; on another machine that is never known', () => {
  assert.equal(isGone(thisProcess()), false);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  assert.equal(isGone(here(pid)), true);
  assert.equal(isGone({ pid, machine: 'elsewhere', started: null }), false);
});

test('a dead process that its parent has not collected is gone', {
  skip: process.platform !== 'linux',
}, async () => {
  // The shell's child ends, and the program that replaced the shell never collects it.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await setTimeout(10);
    assert.equal(isGone(here(pid)), true);
  } finally {
    parent.kill('SIGKILL');
  }
});
