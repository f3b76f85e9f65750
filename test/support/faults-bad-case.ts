import assert from 'node:assert/strict';
import type { BadLine } from './faults-bad-lines.ts';
import type { BadInput } from './faults-bad-rows.ts';
import type { Ended, Place } from './programs.ts';

/** Runs a tool on a line between two good ones and checks the outcome against the contract. */
export async function badLineCase(
  place: Place,
  input: BadInput,
  bad: BadLine,
  session: string,
): Promise<string> {
  const [first, , last] = input.good;
  const bytes = linesOf([...(input.inRun ? [session] : []), first, bad.line, last]);
  const where = `stdin:${input.inRun ? 3 : 2}`;
  const { ended, seen } = await runOn(place, input, input.command, bytes);
  const refused = bad.fate === 'bad' || (bad.fate === 'either' && ended.status === 3);
  assert.equal(ended.status, refused ? 3 : 0, ended.stderr.slice(0, 500));
  checkMessages(ended.stderr, input);
  if (refused) assert.match(ended.stderr, new RegExp(`: ${where}: `));
  if (bad.says !== undefined) assert.match(ended.stderr, bad.says);
  if (bad.fate === 'told' || bad.fate === 'warned') assert.notEqual(ended.stderr, '', 'it is told');
  if (bad.shows !== undefined) assert.match(ended.stdout, bad.shows);
  if (refused) checkBefore(input, seen);
  else checkAll(input, seen);
  if (input.inRun) checkForwarded(ended.stdout, input, bad, refused);
  if (refused && input.skips) await checkSkipped(place, input, bytes);
  return String(ended.status);
}

/** A last line without a newline is a record if it is whole, otherwise a cut stream: 6. */
export async function cutStreamCase(place: Place, input: BadInput, session: string): Promise<string> {
  const [first, second] = input.good;
  const whole = linesOf([...(input.inRun ? [session] : []), first, second]);
  const { ended: unended } = await runOn(place, input, input.command, whole.subarray(0, -1));
  assert.equal(unended.status, 0, unended.stderr);
  const { ended, seen } = await runOn(place, input, input.command, whole.subarray(0, -4));
  assert.equal(ended.status, 6, ended.stderr);
  assert.match(ended.stderr, new RegExp(`: stdin:${input.inRun ? 3 : 2}: .*cut`));
  checkBefore(input, seen);
  return '0 6';
}

function linesOf(texts: readonly (string | Uint8Array)[]): Buffer {
  const newline = Buffer.from('\n');
  return Buffer.concat(
    texts.flatMap((text) => [typeof text === 'string' ? Buffer.from(text) : text, newline]),
  );
}

async function runOn(
  place: Place,
  input: BadInput,
  command: string,
  bytes: Uint8Array,
): Promise<{ ended: Ended; seen: string[] }> {
  const cwd = place.folder();
  const ended = await place.bash(command, { cwd, input: bytes });
  return { ended, seen: input.seen(ended.stdout, cwd) };
}

/** One line per message, without a stack and not longer than a screen. */
function checkMessages(stderr: string, { tool }: BadInput): void {
  const name = tool.split(' ')[0]!;
  for (const one of stderr.split('\n').slice(0, -1)) {
    assert.ok(one.startsWith(`${name}: `), one.slice(0, 200));
    assert.ok(one.length < 600, `a message of ${one.length} characters`);
    assert.doesNotMatch(one, /\bat .*:\d+:\d+|a bug/);
  }
}

/** Earlier records stand: in a sink the record itself, in a stage everything it had asked for. */
function checkBefore({ tool, names }: BadInput, seen: string[]): void {
  const before = [names[0]];
  assert.deepEqual(seen, tool.startsWith('pcrs-to-') ? before : before.filter((name) => seen.includes(name)));
}

function checkAll({ names }: BadInput, seen: readonly string[]): void {
  for (const name of names) assert.ok(seen.includes(name), `${name} is used`);
}

/** In a run each line is forwarded, byte for byte except its line end. */
function checkForwarded(stdout: string, { good }: BadInput, bad: BadLine, refused: boolean): void {
  const shown = stdout.split('\n').slice(0, -1);
  const [end] = shown.splice(-1).map((line) => JSON.parse(line));
  assert.deepEqual([end.kind, end.ok, end.status], ['end', !refused, refused ? 3 : 0]);
  assert.ok(shown.includes(good[0]));
  assert.equal(shown.includes(good[2]), !refused);
  const text = typeof bad.line === 'string' ? bad.line.replace(/\r$/, '') : Buffer.from(bad.line).toString();
  if (text.trim() !== '') assert.equal(shown.includes(text), !refused, 'the line is let out as it came');
}

async function checkSkipped(place: Place, input: BadInput, bytes: Uint8Array): Promise<void> {
  const { ended, seen } = await runOn(place, input, `${input.command} --skip-bad`, bytes);
  assert.equal(ended.status, 0, ended.stderr.slice(0, 300));
  assert.match(ended.stderr, /skipped/);
  checkMessages(ended.stderr, input);
  checkAll(input, seen);
}
