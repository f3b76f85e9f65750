// The machine around a run: pipes without a writer, impossible paths, clocks, terminals, containers.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { containerCommand, noContainers } from './support/container.ts';
import { openPlace } from './support/open-place.ts';
import { clockOff, noPreload, preload, withoutFileLocks } from './support/preload.ts';
import { records, run } from './support/programs.ts';

const onLinux = process.platform === 'linux' ? false : 'of Linux';
const place = await openPlace('machine', { policies: 3, hosts: 6, controls: 3 });
const { folder, bash, env, simulator } = place;

/** Waits until a program has a file open. */
async function opened(pid: number, path: string): Promise<void> {
  const isOpen = () =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  while (!isOpen()) await delay(50);
}

suite('machine', () => {
  test("SIGTERM ends a tool that waits for a named pipe's writer", { skip: onLinux }, async () => {
    const cwd = folder();
    const pipe = join(cwd, 'pipe');
    execFileSync('mkfifo', [pipe]);
    let toldMs = 0;
    const ended = await run('bash', ['-c', `exec pcrs-auth --renew --password-file ${pipe}`], {
      cwd,
      env: { ...env, PCRS_STATE_DIR: join(cwd, 'state') },
      onStart: async ({ pid }) => {
        await opened(pid!, pipe);
        toldMs = performance.now();
        process.kill(pid!, 'SIGTERM');
      },
    });
    assert.equal(ended.status, 143, ended.stderr);
    assert.ok(performance.now() - toldMs < 2000 + 1000, 'within two seconds, and one for a busy machine');
  });

  test("SIGTERM ends a reader that waits for a named pipe's writer; a pipe with a writer is read", {
    skip: onLinux,
  }, async () => {
    const cwd = folder();
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    const made = await bash(
      'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot s',
      {
        cwd,
      },
    );
    assert.equal(made.status, 0, made.stderr);
    for (const line of ['pcrs-report --owners pipe s', 'pcrs-diff --cursor pipe s']) {
      const ended = await run('bash', ['-c', `exec ${line}`], {
        ...{ cwd, env },
        onStart: async ({ pid }) => {
          await opened(pid!, join(cwd, 'pipe'));
          process.kill(pid!, 'SIGTERM');
        },
      });
      assert.equal(ended.status, 143, `${line}: ${ended.stderr}`);
    }
    const read = await bash("pcrs-report --owners <(echo 'x,me') s | grep -c '<html'", { cwd });
    assert.equal(read.stdout, '1\n', read.stderr);
  });

  test('refuses a named pipe in place of a database at once', { skip: onLinux }, async () => {
    for (const line of ['pcrs-status p', 'pcrs-diff p p', 'pcrs-from-sqlite p', 'seq 3 | pcrs-to-sqlite p']) {
      const ended = await bash(`mkfifo p; ${line}`, { limitMs: 30_000 });
      assert.equal(ended.status, 2, line);
      assert.match(ended.stderr, /: p is a named pipe; give a (database file|file name)\n$/);
    }
    const from = await bash('mkfifo p; echo | pcrs-to-sqlite --snapshot s --from p', { limitMs: 30_000 });
    assert.deepEqual(
      [from.status, from.stderr],
      [2, 'pcrs-to-sqlite: p: must be a file, but is a named pipe\n'],
    );
  });

  test('a run that lost its lock stops before it publishes', async () => {
    const cwd = folder();
    const made = await bash('pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture > run', { cwd });
    assert.equal(made.status, 0, made.stderr);
    writeFileSync(join(cwd, 'lock'), '{"pid":1,"machine":"m","nonce":"n-1"}\n0000000000');
    const begun = 'until ls s/*.incomplete.db > /dev/null 2>&1; do sleep 0.1; done';
    const stream = (then: string) => `{ head -n 4 run; ${begun}; ${then}; tail -n +5 run; }`;
    const sink = 'PCRS_HELD_LOCK="n-1 $PWD/lock" pcrs-to-sqlite --snapshot s';
    const taken = stream("sed -i 's/n-1/n-2/' lock");
    const lost = await bash(`${taken} | ${sink}`, { cwd });
    assert.deepEqual([lost.status, lost.stdout], [1, ''], lost.stderr);
    assert.match(lost.stderr, /^pcrs-to-sqlite: s: another run took it over /);
    assert.match(readdirSync(join(cwd, 's')).join(), /^pcrs_\w+\.incomplete\.db$/);
    const back = await bash(`sed -i 's/n-2/n-1/' lock; ${stream('true')} | ${sink}`, { cwd });
    assert.equal(back.status, 0, back.stderr);
    assert.ok(readdirSync(join(cwd, 's')).includes('latest.db'));
  });

  test('refuses an impossible folder at once; without a state directory the state stays in memory', {
    skip: onLinux,
  }, async () => {
    const posture = await bash('echo 1 | pcrs-posture --archive /proc/x', { limitMs: 30_000 });
    assert.deepEqual(
      [posture.status, posture.stderr],
      [1, 'pcrs-posture: /proc/x: no directory can be created there (ENOENT)\n'],
    );
    const csv = await bash(`echo '{"kind":"policy","id":1}' | pcrs-to-csv --dir /proc/x`, {
      limitMs: 30_000,
    });
    assert.deepEqual(
      [csv.status, csv.stderr],
      [1, 'pcrs-to-csv: /proc/x: no directory can be created there (ENOENT)\n'],
    );
    const policies = await bash('pcrs-policies -n', { env: { PCRS_STATE_DIR: '/proc/x' }, limitMs: 30_000 });
    assert.equal(policies.status, 0, policies.stderr);
    assert.match(
      policies.stderr,
      /^pcrs-policies: the state cannot be written \(\/proc\/x: no directory can be created there \(ENOENT\)\): the token stays in memory[^\n]*\n$/,
    );
  });

  test('--group-readable lets the group read the output, whatever the umask, and nobody else', {
    skip: process.platform === 'win32' ? 'of modes' : false,
  }, async () => {
    const cwd = folder();
    const run = 'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --archive posture --group-readable';
    const lines = [
      `umask 077; set -e -o pipefail; mkdir -m 755 out; cd out; ${run} > ../run`,
      'pcrs-to-csv --dir csv --group-readable < ../run',
      'pcrs-to-sqlite --snapshot db --group-readable < ../run',
      'pcrs-to-history history.db --group-readable < ../run',
      'pcrs-to-parquet --dir parquet --group-readable < ../run',
      'pcrs-report db/latest.db --output report.html --group-readable',
      'pcrs-etl --out etl --csv --history --report --group-readable',
    ];
    const ended = await bash(lines.join('\n'), { cwd, limitMs: 120_000 });
    assert.equal(ended.status, 0, ended.stderr);
    const modes = new Map<string, string[]>();
    for (const name of readdirSync(join(cwd, 'out'), { recursive: true, encoding: 'utf8' })) {
      const stats = lstatSync(join(cwd, 'out', name));
      if (stats.isSymbolicLink()) continue;
      const mode = `${stats.isDirectory() ? 'd' : '-'}${(stats.mode & 0o777).toString(8)}`;
      modes.set(mode, [...(modes.get(mode) ?? []), name]);
    }
    assert.deepEqual([...modes.keys()].sort(), ['-640', 'd750'], JSON.stringify([...modes]));
  });

  test('an unreachable default configuration counts as absent, a named one is an error', async () => {
    const cwd = folder();
    // Like another user's home, for root too: nobody can enter it.
    symlinkSync('home', join(cwd, 'home'));
    const home = { HOME: join(cwd, 'home') };
    const absent = await bash('pcrs-policies -n | wc -l', { env: home });
    assert.deepEqual([absent.stdout.trim(), absent.stderr], ['3', '']);
    const named = await bash('pcrs-policies -n --config home/config.json', { cwd });
    assert.equal(named.status, 2);
    assert.match(named.stderr, /home\/config\.json/);
  });

  test('no control character of a record reaches a terminal', {
    skip: spawnSync('script', ['--version']).status === 0 ? onLinux : 'there is no script(1)',
  }, async () => {
    const cwd = folder();
    const title = 'a\u009b31mb\u202ec';
    writeFileSync(join(cwd, 'in'), `${JSON.stringify({ kind: 'policy', id: 1, title })}\n`);
    const line = 'pcrs-to-csv --quiet --kind policy --columns title --no-header < in';
    const shown = await bash(`script -qec '${line}' /dev/null < /dev/null`, { cwd });
    assert.equal(shown.stdout.trim(), 'a\\u009b31mb\\u202ec');
    assert.equal((await bash(line, { cwd })).stdout, `${title}\n`);
  });

  test('a clock hours ahead costs no logins and is reported once', { skip: noPreload }, async (t) => {
    const { env: shim, remove } = preload(clockOff(3.8 * 3600));
    t.after(remove);
    const cwd = folder();
    const state = { PCRS_STATE_DIR: join(cwd, 'state') };
    const before = simulator.requests.length;
    const ahead = await bash('for i in 1 2 3; do pcrs-policies -n; done', {
      env: { ...shim, ...state },
      cwd,
    });
    assert.equal(ahead.status, 0, ahead.stderr);
    const asked = simulator.requests.slice(before).map(({ path }) => path);
    assert.equal(asked.filter((path) => path.startsWith('/auth')).length, 1);
    const warning =
      /pcrs-policies: the clock of this machine is 228 min ahead of the gateway's: [^\n]*set it \(NTP\)\n/g;
    assert.equal(ahead.stderr.match(warning)?.length, 3, ahead.stderr);
  });

  test('names a file system without locks, and not another program', { skip: noPreload }, async (t) => {
    const { env: shim, remove } = preload(withoutFileLocks);
    t.after(remove);
    const line = `echo '{"kind":"policy","id":1,"subscriptionId":1}' | pcrs-to-sqlite x.db`;
    const ended = await bash(line, { env: shim });
    assert.equal(ended.status, 1, ended.stderr);
    assert.equal(
      ended.stderr,
      'pcrs-to-sqlite: x.db: the file system does not support file locks, which a database needs; put it on a local disk\n',
    );
  });

  test('waits recorded while the clock was a day ahead bind nobody once it is right', {
    skip: noPreload,
  }, async (t) => {
    const { env: shim, remove } = preload(clockOff(86_400));
    t.after(remove);
    const cwd = folder();
    const state = { PCRS_STATE_DIR: join(cwd, 'state'), PCRS_MAX_WAIT: '20' };
    const told = await bash('pcrs-policies -n', { env: { ...shim, ...state, PCRS_RATE: '1/3600' }, cwd });
    assert.equal(told.status, 0, told.stderr);
    const pacing = join(cwd, 'state', 'pacing', new URL(simulator.gateway).host.replace(':', '%3A'));
    const [file] = readdirSync(pacing);
    const written = JSON.parse(readFileSync(join(pacing, file!), 'utf8'));
    written.blocked = { untilMs: Date.now() + 86_400_000, why: '429' };
    writeFileSync(join(pacing, file!), JSON.stringify(written));
    const after = await bash('pcrs-policies -n | wc -l', { env: state, cwd, limitMs: 40_000 });
    assert.deepEqual([after.status, after.stdout.trim()], [0, '3'], after.stderr);
  });

  test('the next container resumes an archive of a killed one, under any host name', {
    skip: noContainers,
  }, async () => {
    const cwd = folder();
    const leased = { ...env, PCRS_LOCK_LEASE: '2', PCRS_STATE_DIR: join(cwd, 'state') };
    const input = await bash('pcrs-auth | pcrs-policies | pcrs-hostids > in.ndjson', { env: leased, cwd });
    assert.equal(input.status, 0, input.stderr);
    mkdirSync(join(cwd, 'archive'));
    // stdin stays open: the container is killed while the archive is in use.
    const hang = '{ cat in.ndjson; sleep 60; } | pcrs-posture --archive archive > first.ndjson';
    const [file, args] = containerCommand('pod-a', ['bash', '-c', hang]);
    await run(file, args, {
      cwd,
      env: leased,
      onStart: async ({ pid }) => {
        while (!readdirSync(join(cwd, 'archive')).some((name) => name.endsWith('.gz'))) await delay(50);
        process.kill(-pid!, 'SIGKILL');
      },
    });
    assert.ok(readdirSync(join(cwd, 'archive')).includes('lock'), 'it was killed with its lock');
    const again = 'pcrs-posture --archive archive --resume --input in.ndjson';
    const [next, rest] = containerCommand('pod-b', ['bash', '-c', again]);
    const ended = await run(next, rest, { cwd, env: leased });
    assert.equal(ended.status, 0, ended.stderr);
    assert.match(
      ended.stderr,
      /pcrs-posture: archive: locked by pid \d+ on pod-a since .*; waiting up to 3 s/,
    );
    const made = records(ended.stdout).filter(({ kind }) => kind === 'posture').length;
    const whole = await bash('pcrs-posture < in.ndjson | grep -c \'"kind":"posture"\'', { env: leased, cwd });
    assert.equal(made, Number(whole.stdout));
  });
});
