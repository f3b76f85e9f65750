import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from './log.ts';
import { openProgress, progressLine } from './progress.ts';

function logged(
  options: { quiet?: boolean; verbose?: boolean; format?: 'text' | 'json'; terminal?: boolean } = {},
) {
  const lines: string[] = [];
  const defaults = { quiet: false, verbose: false, format: 'text' as const, terminal: false };
  const log = openLog({ tool: 'pcrs-x', ...defaults, ...options, write: (line) => lines.push(line) });
  return { log, lines };
}

test('never shows a secret, however it is written', () => {
  for (const format of ['text', 'json'] as const) {
    const { log, lines } = logged({ format, verbose: true });
    log.secrets.add('p"ss wörd&');
    log.warn('wrong: p"ss wörd&');
    log.verbose(`form ${encodeURIComponent('p"ss wörd&')} json ${JSON.stringify('p"ss wörd&')}`);
    assert.doesNotMatch(lines.join(''), /p\\?"ss|p%22ss/);
    assert.match(lines.join(''), /\[secret\].*\n.*\[secret\].*\[secret\]/);
  }
});

test('prints a message as one line, whatever it holds', () => {
  const { log, lines } = logged();
  log.error('a\nb\u001b[31mc');
  assert.deepEqual(lines, ['pcrs-x: a b [31mc\n']);
});

test('--quiet shows only a failure, and warnings are still counted', () => {
  const { log, lines } = logged({ quiet: true, terminal: true });
  log.info('i');
  log.note('n');
  log.verbose('v');
  log.warn('w');
  log.error('e');
  assert.deepEqual(lines, ['pcrs-x: e\n']);
  assert.equal(log.warnings, 1);
});

test('shows a note on a terminal, or with --verbose', () => {
  const shown = (options: object) => {
    const { log, lines } = logged(options);
    log.note('n');
    return lines.length;
  };
  assert.deepEqual([shown({}), shown({ terminal: true }), shown({ verbose: true })], [0, 1, 1]);
});

test('prints each line as a JSON object with level, tool and message', () => {
  const { log, lines } = logged({ format: 'json' });
  log.warn('w');
  const { time, ...rest } = JSON.parse(lines[0] ?? '');
  assert.match(time, /^\d{4}-.*Z$/);
  assert.deepEqual(rest, { level: 'warning', tool: 'pcrs-x', message: 'w' });
});

test('the progress line shows what is done, what the rate still allows, the time left and the reason for waiting', () => {
  const fields = {
    requests: 12,
    allowance: { left: 13, seconds: 60 },
    policies: 36,
    hosts: 50,
    hostsTotal: 200,
    records: 8000,
    bytes: 31e6,
    waiting: 'waiting 9 s (429)',
  };
  assert.equal(
    progressLine('pcrs-posture', fields, 10),
    'pcrs-posture: 36 policies, 50/200 hosts, 8,000 records, 31.0 MB at 3.1 MB/s, 12 requests (13 left in 60 s), 0:30 left, 0:10, waiting 9 s (429)',
  );
  assert.equal(
    progressLine('pcrs-posture', fields, 10, 79),
    'pcrs-posture: 50/200 hosts, 8,000 records, 0:30 left, 0:10, waiting 9 s (429)',
  );
  assert.equal(progressLine('pcrs-posture', { ...fields, bytes: 100 }, 10, 30), 'pcrs-posture: 0:30 left');
  assert.equal(progressLine('pcrs-posture', fields, 10, 20).length, 20);
});

test('repaints the live line each second, with what came in the meantime', async () => {
  const painted: string[] = [];
  const write = (text: string): void => void painted.push(text);
  const progress = openProgress({ tool: 'x', mode: 'live', columns: () => 80, write });
  let bytes = 1e6;
  progress.watch(() => ({ bytes }));
  const shows = async (text: string) => {
    const deadline = performance.now() + 20_000;
    while (!painted.some((line) => line.includes(text)) && performance.now() < deadline) await sleep(50);
    assert.ok(
      painted.some((line) => line.includes(text)),
      painted.join(''),
    );
  };
  await shows('1.0 MB at');
  bytes = 5e6;
  await shows('5.0 MB at');
  progress.stop();
});
