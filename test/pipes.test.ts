// What only processes show: readers that leave, invalid inputs, signals, full disks, other runtimes.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../scripts/run-program.ts';
import { tools } from '../scripts/source-bins.ts';
import { missing, onPath } from './support/on-path.ts';
import { openPlace } from './support/open-place.ts';
import { type Ended, records, run } from './support/programs.ts';

const place = await openPlace('pipes', { policies: 6, hosts: 40, controls: 12 });
const { simulator, bash } = place;
const [policyId] = simulator.world.policyIds('active') as [string];
const hostids = `echo ${policyId} | pcrs-hostids`;

/** Several MB of records of a whole run, made once for all tests. */
const streamFile = join(place.folder(), 'run.ndjson');
const stages = 'pcrs-policies | pcrs-hostids | pcrs-posture --evidence';
const recorded = await bash(`set -o pipefail; pcrs-auth | ${stages} > ${streamFile}`);
assert.deepEqual({ ...recorded, stdout: '' }, { status: 0, signal: null, stdout: '', stderr: '' });

const silent = ({ status, stderr }: Ended, expected = 0): void =>
  assert.deepEqual({ status, stderr }, { status: expected, stderr: '' });

const oneLine = ({ status, stderr }: Ended, expected: number, pattern: RegExp): void => {
  assert.match(stderr, pattern);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.equal(status, expected);
};

suite('a reader that goes away', () => {
  const pipes = {
    'pcrs-policies': 'pcrs-policies',
    'pcrs-hostids': 'pcrs-policies | pcrs-hostids',
    'pcrs-posture': stages,
    'pcrs-auth': `pcrs-auth | ${stages}`,
    'pcrs-to-csv': `pcrs-to-csv < ${streamFile}`,
    'pcrs-to-csv --dir': `pcrs-to-csv --dir d < ${streamFile}`,
    'pcrs-simulator': 'pcrs-simulator --print posture --evidence',
    'pcrs-to-sqlite': `pcrs-to-sqlite x.db < ${streamFile}`,
    'pcrs-etl': 'pcrs-etl --help',
  };
  for (const [tool, pipe] of Object.entries(pipes)) {
    test(`${tool} | head -1 ends every stage with 0 and no message`, async () => {
      const ended = await bash(`${pipe} | head -1 > first; echo "\${PIPESTATUS[@]}"; wc -l < first`);
      assert.match(ended.stdout, /^0( 0)+\n1\n$/);
      // A sink always reports on its input.
      if (ended.stderr !== '') assert.equal(ended.stderr, (await bash(`${pipe} > /dev/null`)).stderr);
    });
  }

  test('a reader that leaves at once, again and again, does no harm', async () => {
    const line = `for i in 1 2 3 4 5 6; do pcrs-to-csv < ${streamFile} | :; echo "\${PIPESTATUS[@]}"; done`;
    const ended = await bash(line);
    silent(ended);
    assert.equal(ended.stdout, '0 0\n'.repeat(6));
  });

  test('requests in flight are cancelled, and no more are sent', async () => {
    const before = simulator.requestCount;
    simulator.faults.add('posture:2-:drip=100:every=100');
    try {
      silent(
        await bash(`pcrs-policies | pcrs-hostids | pcrs-posture --hosts-per-request 5 | head -1 > first`),
      );
    } finally {
      simulator.faults.clear();
    }
    await sleep(300);
    const asked = simulator.requests.slice(before - simulator.requestCount);
    assert.ok(
      asked.some((request) => request.outcome === 'closed'),
      'a connection was closed in mid-answer',
    );
    assert.ok(
      asked.every((request) => request.outcome !== 'open'),
      'none is left open',
    );
  });
});

suite('an invalid input', () => {
  const inputs = { '/dev/null': '< /dev/null', 'a closed stdin': '<&-', 'a pipe without a byte': '< <(:)' };
  for (const [name, redirection] of Object.entries(inputs)) {
    test(`${name} is not a run: pcrs-policies still lists`, async () => {
      const ended = await bash(`pcrs-policies ${redirection}`);
      silent(ended);
      assert.equal(records(ended.stdout).length, simulator.world.policyIds('active').length);
    });

    test(`${name} gives pcrs-hostids and pcrs-posture nothing to do, and no login`, async () => {
      const before = simulator.requestCount;
      for (const tool of ['pcrs-hostids', 'pcrs-posture']) silent(await bash(`${tool} ${redirection}`));
      assert.equal(simulator.requestCount, before);
    });

    test(`${name} is 7 for a sink, and 0 with --allow-empty`, async () => {
      for (const tool of ['pcrs-to-sqlite x.db', 'pcrs-to-csv']) {
        oneLine(await bash(`${tool} ${redirection}`), 7, /^pcrs-to-\w+: stdin: no records/);
        silent(await bash(`${tool} --allow-empty ${redirection}`));
      }
    });
  }

  test('refuses a directory in one line', async () => {
    for (const tool of [
      'pcrs-policies',
      'pcrs-hostids',
      'pcrs-posture',
      'pcrs-to-sqlite x.db',
      'pcrs-to-csv',
    ])
      oneLine(await bash(`${tool} < /`), 2, /stdin is a directory/);
  });

  test('a terminal gets a line on stderr that names --help, and 2', { skip: missing('script') }, async () => {
    for (const tool of ['pcrs-hostids', 'pcrs-posture', 'pcrs-to-sqlite x.db', 'pcrs-to-csv']) {
      const { status, stdout } = await bash(`script -qec '${tool} > out' /dev/null; echo $?; wc -c < out`);
      assert.match(
        stdout,
        /^pcrs-[a-z-]+: stdin is a terminal, but records are expected; see pcrs-[a-z-]+ --help\r?\n/,
      );
      assert.match(stdout, /\r?\n2\r?\n0\r?\n$/);
      assert.equal(status, 0);
    }
  });
});

suite('other programs around the tools', () => {
  test("Node's execFile runs each stage, with its sockets for pipes", async () => {
    const listed = await viaExecFile('pcrs-policies', [], '');
    const resolved = await viaExecFile('pcrs-hostids', [], listed);
    const posture = await viaExecFile('pcrs-posture', [], resolved);
    assert.ok(records(posture).every(({ kind }) => kind === 'posture'));
    assert.equal(records(posture).length, [...simulator.world.posture({ policies: actives() })].length);
  });

  test('pcrs-policies says after a while that it waits for stdin, names -n, and continues when stdin ends', async () => {
    const child = execFile('pcrs-policies', { env: place.env });
    let stderr = '';
    child.stderr!.on('data', (text: string) => {
      stderr += text;
      child.stdin!.end();
    });
    const [status] = await new Promise<[number | null]>((resolve) =>
      child.on('close', (code) => resolve([code])),
    );
    assert.match(stderr, /^pcrs-policies: stdin: .*-n.*\n$/);
    assert.equal(status, 0);
  });

  test("Python's subprocess.run runs the pipe", { skip: missing('python3') }, async () => {
    const program = `
import json, subprocess
def run(args, stdin): return subprocess.run(args, input=stdin, capture_output=True, check=True)
listed = run(['pcrs-policies'], b'')
resolved = run(['pcrs-hostids'], listed.stdout)
posture = run(['pcrs-posture'], resolved.stdout)
assert listed.stderr == resolved.stderr == posture.stderr == b''
print(len([json.loads(line) for line in posture.stdout.splitlines()]))
subprocess.run(['pcrs-policies', '-n'], check=True, stdout=subprocess.DEVNULL)
`;
    const ended = await run('python3', ['-c', program], { env: place.env, cwd: place.folder() });
    silent(ended);
    assert.equal(Number(ended.stdout), [...simulator.world.posture({ policies: actives() })].length);
  });

  test('while read runs a tool per line, and with -n pcrs-policies leaves the loop its stdin', async () => {
    const ended = await bash(
      `printf '%s\\n' ${actives().join(' ')} | while read -r id; do pcrs-policies -n --id "$id" | jq -r .id; done`,
    );
    silent(ended);
    assert.equal(ended.stdout, `${actives().join('\n')}\n`);
  });

  test('bare ids from seq are answered one by one', async () => {
    const ended = await bash('seq 1 20 | pcrs-hostids -q 2>/dev/null | jq -r .policyId');
    assert.equal(ended.stdout, Array.from({ length: 20 }, (_, index) => `${index + 1}\n`).join(''));
  });
});

suite('signals', () => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} ends a waiting pcrs-posture with ${status}, its end written and every line whole`, async () => {
      const hanging = await openHanging();
      try {
        const startedAt = performance.now();
        const ended = await run('bash', ['-c', `exec pcrs-posture < ${hanging.input} > out`], {
          env: hanging.env,
          cwd: hanging.cwd,
          onStart: (child) => void hanging.asked().then(() => child.kill(signal)),
        });
        oneLine(ended, status, new RegExp(`^pcrs-posture: interrupted by ${signal}`));
        assert.ok(performance.now() - startedAt < 20_000);
        const { stdout } = await bash(`cat ${hanging.cwd}/out`);
        const last = records(stdout).at(-1);
        assert.deepEqual(
          [last.kind, last.ok, last.status, last.error.code],
          ['end', false, status, 'PCRS_INTERRUPTED'],
        );
      } finally {
        await hanging.close();
      }
    });
  }

  test('an interrupt of the whole pipe ends every stage, and the sink reports the run as incomplete', async () => {
    const hanging = await openHanging();
    try {
      const line = `pcrs-posture < ${hanging.input} | pcrs-to-sqlite --snapshot snapshots; echo "\${PIPESTATUS[@]}"`;
      const ended = await run('bash', ['-c', `trap : INT; ${line}; ls snapshots`], {
        env: hanging.env,
        cwd: hanging.cwd,
        onStart: (child) => void hanging.asked().then(() => process.kill(-child.pid!, 'SIGINT')),
      });
      assert.match(ended.stdout, /^130 (130|6)\n/);
      assert.doesNotMatch(ended.stdout, /latest|T\d{6}Z\.db/, 'nothing is published');
    } finally {
      await hanging.close();
    }
  });

  test('a simulator told to stop stops', async () => {
    const ended = await bash(
      'coproc pcrs-simulator --port 0; read -r line <&"${COPROC[0]}"; kill $COPROC_PID; wait $COPROC_PID; echo "$? $line"',
    );
    assert.match(
      ended.stdout,
      /^143 \{"kind":"listening","gateway":"http:\/\/127\.0\.0\.1:\d+","pid":\d+\}\n$/,
    );
  });
});

suite('trouble with the machine', () => {
  test('a full disk is reported in one line, 1', {
    skip: existsSync('/dev/full') ? false : 'no /dev/full',
  }, async () => {
    const lines = [
      'pcrs-auth',
      'pcrs-policies',
      hostids,
      `pcrs-to-csv < ${streamFile}`,
      `pcrs-to-sqlite x.db < ${streamFile}`,
    ];
    for (const line of lines) oneLine(await bash(`${line} > /dev/full`), 1, /^pcrs-[\w-]+: stdout: .*ENOSPC/);
  });

  test('a closed stderr changes neither output nor status', async () => {
    const listed = await bash('pcrs-policies 2>&-');
    silent(listed);
    assert.equal(records(listed.stdout).length, actives().length);
    assert.equal((await bash('echo nonsense | pcrs-hostids 2>&-')).status, 3);
    assert.equal((await bash('pcrs-policies --nonsense 2>&-')).status, 2);
  });

  test('the locale changes nothing', async () => {
    const show = (set: string) =>
      bash(`${set} pcrs-policies --help; ${set} pcrs-policies --nonsense; ${set} pcrs-policies`);
    const plain = await show('');
    for (const locale of ['C', 'POSIX', 'de_DE.UTF-8', 'tr_TR.UTF-8', 'ja_JP.eucJP'])
      assert.deepEqual(await show(`env LANG=${locale} LC_ALL=${locale} LANGUAGE=de`), plain);
    assert.match(plain.stdout, /[^\x00-\x7f]/, 'there is something beyond ASCII to spoil');
  });

  test('prints colours and a live line only if wanted', { skip: missing('script') }, async () => {
    const line = `script -qec 'pcrs-policies > /dev/null; ${hostids} | pcrs-posture > /dev/null; pcrs-to-csv --dir d < ${streamFile} > /dev/null' /dev/null`;
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { stdout } = await bash(line, { env });
      assert.doesNotMatch(stdout, /\u001b\[[\d;]*m/);
      if ('TERM' in env) assert.doesNotMatch(stdout, /\u001b|\r(?!\n)/);
    }
  });

  test('without a home and with an unknown user the token stays in memory, with one warning; PCRS_STATE_DIR cures it', {
    skip: asNobody(),
  }, async () => {
    const { HOME: _, PCRS_STATE_DIR: __, ...env } = place.env;
    const cwd = place.folder();
    chmodSync(cwd, 0o777);
    for (let path = cwd; path.includes('pcrs-pipes'); path = join(path, '..')) chmodSync(path, 0o777);
    const anybody = { env: env, cwd, uid: 54_321, gid: 54_321 };
    const line = `pcrs-policies | pcrs-hostids | wc -l`;
    const inMemory = await run('bash', ['-c', line], anybody);
    assert.equal(Number(inMemory.stdout), actives().length);
    const warnings = inMemory.stderr.trimEnd().split('\n');
    assert.ok(warnings.length <= 2 && warnings.every((one) => /memory/.test(one)), inMemory.stderr);

    mkdirSync(join(cwd, 'state'));
    chmodSync(join(cwd, 'state'), 0o777);
    const kept = { ...anybody, env: { ...env, PCRS_STATE_DIR: join(cwd, 'state', 'mine') } };
    const ended = await run('bash', ['-c', `pcrs-auth | ${line}`], kept);
    silent(ended);
    assert.deepEqual(readdirSync(join(cwd, 'state', 'mine')).includes('tokens'), true);
  });
});

suite('an older Node', () => {
  const old = oldNode();
  for (const tool of tools) {
    test(`${tool} says in one line that it is too old`, {
      skip: old ? false : 'no Node older than 22.19 on PATH',
    }, async () => {
      const ended = await run(old!, [join(root, `packages/${tool}/bin/${tool}.js`), '--help'], {
        env: place.env,
      });
      oneLine(
        ended,
        1,
        new RegExp(`^${tool}: this Node is \\d+\\.\\d+\\.\\d+; 22\\.19 or newer is needed\\n$`),
      );
      assert.equal(ended.stdout, '');
    });
  }
});

function actives(): string[] {
  return simulator.world.policyIds('active');
}

function viaExecFile(file: string, args: string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: place.env, maxBuffer: 2 ** 28 };
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (error || stderr !== '') reject(error ?? new Error(stderr));
      else resolve(stdout);
    });
    child.stdin!.end(input);
  });
}

/** A gateway whose posture answers stop midway, and a run's host ids to ask it with. */
async function openHanging() {
  const { makePlace } = await import('./support/programs.ts');
  const hanging = await makePlace('hanging', {
    policies: 6,
    hosts: 40,
    controls: 12,
    faults: ['posture:*:hang=body:after=3000'],
  });
  const cwd = hanging.folder();
  const input = join(cwd, 'hosts.ndjson');
  const { stdout } = await hanging.bash('pcrs-auth | pcrs-policies | pcrs-hostids');
  writeFileSync(input, stdout);
  let closed = false;
  const asked = async (): Promise<void> => {
    while (!closed && !hanging.simulator.requests.some(({ endpoint }) => endpoint === 'posture'))
      await sleep(20);
    await sleep(100);
  };
  const close = (): Promise<void> => {
    closed = true;
    return hanging.close();
  };
  return { env: hanging.env, cwd, input, asked, close };
}

/** A Node below 22.19 on PATH, outside our own modules. */
function oldNode(): string | undefined {
  return onPath('node').find((path) => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    const [major, minor] = stdout.replace('v', '').split('.').map(Number) as [number, number];
    return major < 22 || (major === 22 && minor < 19);
  });
}

/** Only root can become a user without a name, who must be able to read this checkout. */
function asNobody(): string | false {
  if (process.getuid?.() !== 0) return 'only root can become another user';
  const { status } = spawnSync(process.execPath, ['--version'], { uid: 54_321, gid: 54_321, cwd: '/' });
  const look = spawnSync('ls', [join(root, 'packages')], { uid: 54_321, gid: 54_321, cwd: '/' });
  return status === 0 && look.status === 0 ? false : 'another user cannot read this checkout';
}
