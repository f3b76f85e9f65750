import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { WriteStream } from 'node:tty';
import { openLog } from './log.ts';
import { openOutput } from './output.ts';
import { painter, type Verdict } from './paint.ts';
import { terminalOutput } from './terminal-output.ts';

const marked = (verdict: Verdict, text: string) => `<${verdict}>${text}`;

/** A stream that claims to be a terminal, in an environment. */
function colourOf(environment: Record<string, string>, isTTY = true): string {
  const before = { ...process.env };
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'TERM', 'COLORTERM', 'CI'])
    delete process.env[name];
  Object.assign(process.env, environment);
  try {
    const getColorDepth = (env?: object) => WriteStream.prototype.getColorDepth.call({} as WriteStream, env);
    const stream = Object.assign(new PassThrough(), { isTTY, getColorDepth });
    return painter(stream as unknown as NodeJS.WriteStream)('bad', 'x');
  } finally {
    process.env = before;
  }
}

test('colours only on a terminal, and not with NO_COLOR or TERM=dumb', () => {
  assert.equal(colourOf({ TERM: 'xterm-256color' }), '\u001b[31mx\u001b[39m');
  assert.equal(colourOf({ TERM: 'xterm-256color' }, false), 'x');
  assert.equal(colourOf({ TERM: 'xterm-256color', NO_COLOR: '1' }), 'x');
  assert.equal(colourOf({ TERM: 'dumb' }), 'x');
});

test('colours verdicts and failures on stderr, never other messages or JSON', () => {
  const lines: string[] = [];
  const options = { tool: 'x', quiet: false, verbose: false, terminal: true, paint: marked };
  const log = openLog({ ...options, format: 'text', write: (line) => lines.push(line) });
  log.verdict('good', 'complete');
  log.note('a note');
  log.warn('a warning');
  log.error('failed\u001b[1m');
  assert.deepEqual(lines, ['x: <good>complete\n', 'x: a note\n', 'x: a warning\n', 'x: <bad>failed [1m\n']);
  lines.length = 0;
  openLog({ ...options, format: 'json', write: (line) => lines.push(line) }).error('failed');
  assert.equal(JSON.parse(lines[0]!).message, 'failed');
});

test('colours a verdict on stdout around text that is safe for a terminal', async () => {
  const stream = new PassThrough();
  let cleared = 0;
  const output = terminalOutput(openOutput(stream, assert.fail), marked, () => {
    cleared += 1;
  });
  output.write('a\u001b[1m\n');
  output.verdict('bad', 'b\u001b[1m');
  await output.flush();
  assert.equal(String(stream.read()), 'a\\u001b[1m\n<bad>b\\u001b[1m\n');
  assert.equal(cleared, 2);
});
