import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../bin/pcrs-to-csv.js', import.meta.url));
const posix = { skip: process.platform === 'win32' ? 'needs a POSIX shell' : false };

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function start(args: readonly string[]) {
  const child = spawn(process.execPath, ['--conditions=pcrs-source', bin, ...args]);
  const ended = new Promise<Ended>((resolve) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => {});
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended };
}

async function tool(input: string | Buffer, ...args: string[]): Promise<Ended> {
  const { child, ended } = start(args);
  child.stdin.end(input);
  return ended;
}

function shell(command: string): Promise<Ended> {
  const child = spawn('bash', [
    '-c',
    command.replaceAll('pcrs-to-csv', `"${process.execPath}" --conditions=pcrs-source "${bin}"`),
  ]);
  return new Promise((resolve) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

test('writes the CSV on stdout and nothing on stderr', async () => {
  const ended = await tool('{"kind":"x","a":1,"b":"é,"}\n', '--columns', 'b,a');
  assert.deepEqual(ended, { status: 0, stdout: 'b,a\n"é,",1\n', stderr: '' });
});

test('--dir writes files and one record of kind written', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pcrs-to-csv-'));
  try {
    const ended = await tool('{"kind":"policy","id":1}\n', '--dir', dir, '--delimiter', 'tab');
    assert.equal(
      ended.stdout,
      `${JSON.stringify({
        ...{ kind: 'written', runId: null, complete: null },
        files: [{ file: join(dir, 'policy.csv'), kind: 'policy', rows: 1 }],
        ...{ verified: null, filtered: {}, supplied: {}, edited: [] },
      })}\n`,
    );
    assert.deepEqual([ended.status, ended.stderr, readdirSync(dir)], [0, '', ['policy.csv']]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('the exit status shows what was wrong, with one line', async () => {
  const session = '{"kind":"session","runId":"r1","gateway":"http://g","startedAt":"2026-11-23T00:00:00Z"}\n';
  const cases: [string, string[], number, RegExp][] = [
    [
      '',
      [],
      7,
      /^pcrs-to-csv: stdin: no records; did the program before it fail\? If none are right, add --allow-empty\n$/,
    ],
    ['', ['--allow-empty'], 0, /^$/],
    [
      '{"kind":"x","a":1}\n{bad\n',
      [],
      3,
      /^pcrs-to-csv: stdin:2: expected a record \(a JSON object\) on one line, found \{bad\n$/,
    ],
    [
      '{"kind":"x","a":1}\n{"kind":',
      [],
      6,
      /^pcrs-to-csv: stdin:2: the stream was cut off in the middle of a record\n$/,
    ],
    [
      `${session}{"kind":"start","runId":"r1","stage":"pcrs-posture"}\n{"kind":"posture"}\n`,
      [],
      6,
      /^pcrs-to-csv: run incomplete: pcrs-posture broke off after 1 record\n$/,
    ],
    ['{"kind":"x","a":1}\n', ['--require-run'], 6, /--require-run/],
    ['{"kind":"x","a":1}\n', ['--kind', 'posture', '--columns', 'ID'], 2, /did you mean id\?/],
    ['{"kind":"x","a":1}\n', ['--delimiter', ';;'], 2, /^pcrs-to-csv: --delimiter must be one character/],
    ['{"kind":"x","a":1}\n', ['--colums', 'a'], 2, /--columns/],
  ];
  await Promise.all(
    cases.map(async ([input, args, status, stderr]) => {
      const ended = await tool(input, ...args);
      assert.equal(ended.status, status, ended.stderr);
      assert.match(ended.stderr, stderr);
    }),
  );
});

test('ends quietly with 0 if the reader goes away', posix, async () => {
  const endless = `yes '{"kind":"x","a":"${'y'.repeat(200)}"}'`;
  const ended = await shell(`${endless} 2>/dev/null | (pcrs-to-csv; echo "status $?" >&2) | head -1`);
  assert.deepEqual([ended.stdout, ended.stderr], ['a\n', 'status 0\n']);
});

test('reports a full disk in one line with status 1', {
  skip: existsSync('/dev/full') ? false : 'no /dev/full',
}, async () => {
  const ended = await shell(`printf '{"kind":"x","a":1}\\n' | pcrs-to-csv > /dev/full`);
  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /^pcrs-to-csv: .*ENOSPC[^\n]*\n$/);
});

test('ends on a signal with whole rows, no half file and the signal’s status', {
  ...posix,
  timeout: 60_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pcrs-to-csv-'));
  try {
    for (const [args, signal, status] of [
      [[], 'SIGINT', 130],
      [['--dir', dir], 'SIGTERM', 143],
    ] as const) {
      const { child, ended } = start(args);
      child.stdin.write('{"kind":"policy","id":1}\n'.repeat(args.length === 0 ? 1 : 100_000));
      child.stdin.write('{"kind":"policy","i');
      if (args.length === 0) await new Promise((resolve) => child.stdout.once('data', resolve));
      else while (readdirSync(dir).length === 0) await setTimeout(20);
      child.kill(signal);
      const { status: got, stdout } = await ended;
      assert.equal(got, status);
      assert.match(stdout, /^(subscriptionId.*\n,1,.*\n)?$/);
    }
    assert.deepEqual(readdirSync(dir), []);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('waits for a slow reader: memory stays flat', posix, async () => {
  const record = JSON.stringify({ kind: 'x', a: 'y'.repeat(2000) });
  const ended = await shell(
    `yes '${record}' | head -100000 | pcrs-to-csv | (sleep 1; ps -o rss=,args= -A | grep '[p]crs-to-csv.js' >&2; wc -l)`,
  );
  assert.equal(Number(ended.stdout), 100001);
  const kilobytes = Number(/^\s*(\d+)/.exec(ended.stderr)?.[1]);
  assert.ok(kilobytes < 200 * 1024, `${kilobytes} KB`);
});
