import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { crc32, gzipSync } from 'node:zlib';
import { codedError } from 'pcrs-records/errors';
import { openLog } from './log.ts';
import { openOutput } from './output.ts';
import { openProgress } from './progress.ts';
import { type Run, runStage, type StageOptions } from './stage.ts';
import type { Context } from './tool.ts';

const session =
  '{"kind":"session","runId":"r1","gateway":"http://127.0.0.1:1","username":"u","startedAt":"2026-11-23T00:00:00Z"}';

/** Doubles each number; fails at 13. */
const doubling: StageOptions<number> = {
  takes: ['number'],
  expected: 'a number',
  accept: (value) => (typeof value === 'number' ? [{ kind: 'number', input: value }] : []),
  async work(run) {
    for await (const number of run.input) {
      if (number === 13) throw codedError('PCRS_GATEWAY', 'thirteen');
      await run.emit('double', `{"kind":"double","of":${number * 2}}\n`);
    }
  },
  tally: () => ({ requests: 2, retries: 1, bytes: 3 }),
};

async function staged(
  input: string | Buffer,
  options: Partial<StageOptions<number>> = {},
  flags: Record<string, { value: unknown; from: string }> = { a: { value: 1, from: 'flag' } },
) {
  const stream = new PassThrough();
  const output = openOutput(stream, () => {});
  const writes: string[] = [];
  const messages: string[] = [];
  const context = {
    ...{
      tool: 'pcrs-x',
      version: '1.2.3',
      options: flags,
      startedAt: new Date(0),
    },
    stdin: (async function* () {
      yield Buffer.from(input);
    })(),
    output: {
      ...output,
      write(chunk: string | Uint8Array) {
        writes.push(String(chunk));
        return output.write(chunk);
      },
    },
    log: openLog({
      tool: 'pcrs-x',
      quiet: false,
      verbose: false,
      format: 'text',
      terminal: false,
      write: (line) => messages.push(line),
    }),
    progress: openProgress({ tool: 'pcrs-x', mode: 'none', columns: () => 80, write() {} }),
    signal: new AbortController().signal,
  } as unknown as Context;
  const error: { code: string; message: string } | undefined = await runStage(context, {
    ...doubling,
    ...options,
  }).then(
    () => undefined,
    (thrown) => thrown,
  );
  await context.output.flush();
  stream.end();
  const bytes = Buffer.concat(await stream.toArray());
  const lines = bytes.toString().split('\n').slice(0, -1);
  return { bytes, lines, records: lines.map((line) => JSON.parse(line)), writes, error, messages };
}

test('outside a run, writes its own records and nothing else', async () => {
  const { lines, error } = await staged('1\n\n2\r\n');
  assert.deepEqual(lines, ['{"kind":"double","of":2}', '{"kind":"double","of":4}']);
  assert.equal(error, undefined);
});

test('in a run, writes its start, forwards each record in order and unchanged, and writes its end', async () => {
  const other = '{"kind":"policy", "id":9007199254740993}';
  const { lines, records } = await staged(`${session}\n${other}\n5\n"x"\n`);
  assert.deepEqual(
    [lines[0], ...lines.slice(2, -1)],
    [session, other, '5', '{"kind":"double","of":10}', '"x"'],
  );
  const { startedAt, ...start } = records[1];
  assert.deepEqual(start, {
    ...{ kind: 'start', contract: 2, runId: 'r1', startId: start.startId, stage: 'pcrs-x', version: '1.2.3' },
    options: { a: { value: 1, from: 'flag' } },
    ...{ scope: {}, base: 'full' },
  });
  assert.match(start.startId, /^[0-9a-f]{8}-/);
  assert.ok(Date.parse(startedAt) > 0);
  const { endedAt, ...end } = records.at(-1);
  assert.deepEqual(end, {
    ...{
      kind: 'end',
      runId: 'r1',
      startId: start.startId,
      stage: 'pcrs-x',
      ok: true,
      status: 0,
      in: { number: 1 },
      out: { double: 1 },
      sums: { double: String(crc32('{"kind":"double","of":10}')) },
    },
    ...{ requests: 2, retries: 1, bytes: 3, warnings: 0 },
  });
  assert.ok(Date.parse(endedAt) > 0);
});

test('sums the lines of each kind it made, and neither counts nor sums slices', async () => {
  const lines = ['{"kind":"a","of":"ü"}', '{"kind":"a","of":2}', '{"kind":"constructor"}'];
  const { records } = await staged(`${session}\n`, {
    async work(run) {
      await run.emit('a', Buffer.from(`${lines[0]}\n${lines[1]}\n`));
      await run.emit('constructor', `${lines[2]}\n`);
      await run.emit('slice', '{"kind":"slice"}\n');
      await run.emit('a', `${lines[0]}\n`);
    },
  });
  const sum = (...of: number[]) => String(of.reduce((all, one) => all + crc32(lines[one]!), 0));
  assert.deepEqual(records.at(-1).out, { a: 3, constructor: 1 });
  assert.deepEqual(records.at(-1).sums, { a: sum(0, 1, 0), constructor: sum(2) });
});

test('a start holds the scope and the base that its flags make', async () => {
  const options = {
    title: { value: 'PCI', from: 'flag' },
    'evaluated-since': { value: '1d', from: 'incremental' },
  };
  const { records } = await staged(`${session}\n`, {}, options);
  assert.deepEqual([records[1].scope, records[1].base], [{ 'pcrs-x --title': 'PCI' }, 'delta']);
});

test('forwards a line that is not UTF-8 byte for byte', async () => {
  const line = Buffer.concat([
    Buffer.from('{"kind":"policy","title":"'),
    Buffer.from([0xff, 0xe4]),
    Buffer.from('"}'),
  ]);
  const { bytes } = await staged(Buffer.concat([Buffer.from(`${session}\n`), line, Buffer.from('\r\n')]));
  assert.ok(bytes.includes(Buffer.concat([Buffer.from('\n'), line, Buffer.from('\n')])));
});

test('writes its start together with the session, so that no kill leaves a run without it', async () => {
  const { writes } = await staged(`${session}\n1\n`);
  assert.match(writes[0]!, /^\{"kind":"session".*\n\{"kind":"start".*\n/);
});

test('a failing stage stops reading and writes a failed end', async () => {
  const { records, error } = await staged(`${session}\n1\n13\n4\n`);
  assert.equal(error?.message, 'thirteen');
  const end = records.at(-1);
  assert.deepEqual(
    [end.ok, end.status, end.error],
    [false, 5, { code: 'PCRS_GATEWAY', message: 'thirteen' }],
  );
  assert.deepEqual([end.in, end.out], [{ number: 2 }, { double: 1 }]);
  assert.equal(
    records.some((record) => record === 4),
    false,
  );
});

test('forwards a failed end that comes as the first record, and does nothing', async () => {
  const failed =
    '{"kind":"end","stage":"pcrs-auth","ok":false,"status":4,"error":{"code":"PCRS_REFUSED","message":"wrong password"}}';
  const { lines, error } = await staged(`${failed}\n`, { work: () => assert.fail('worked') });
  assert.deepEqual(lines, [failed]);
  assert.equal(error?.code, 'PCRS_INCOMPLETE');
  assert.match(error?.message ?? '', /pcrs-auth ended 4: wrong password/);
});

test('forwards a failed end that comes later, and ends well', async () => {
  const failed = '{"kind":"end","runId":"r1","stage":"pcrs-y","ok":false,"status":5}';
  const { lines, error, records } = await staged(`${session}\n1\n${failed}\n`);
  assert.equal(error, undefined);
  assert.equal(lines.at(-2), failed);
  assert.equal(records.at(-1).ok, true);
});

test('refuses a line that is not a record by its number, and keeps the output before it', async () => {
  const { lines, error } = await staged('1\n\n{"a":\n2\n');
  assert.deepEqual(lines, ['{"kind":"double","of":2}']);
  assert.deepEqual(
    [error?.code, error?.message],
    ['PCRS_RECORD', 'stdin:3: expected a number, one JSON value per line, found {"a":'],
  );
});

test('recognises a document spread over several lines', async () => {
  assert.match((await staged('[\n  1\n]\n')).error?.message ?? '', /jq -c \./);
});

test('names a stream that is compressed or UTF-16 and the tool that reads it, with --skip-bad or without', async () => {
  for (const [input, what] of [
    [gzipSync('1\n'), 'gzip-compressed; put gunzip -c | before this tool'],
    [Buffer.from('\ufeff1\n', 'utf16le'), 'UTF-16; put iconv -f UTF-16 -t UTF-8 | before this tool'],
    [Buffer.from('1\n', 'utf16le'), 'UTF-16; put iconv -f UTF-16 -t UTF-8 | before this tool'],
  ] as const) {
    const { error } = await staged(input, { skipBad: true });
    assert.deepEqual([error?.code, error?.message], ['PCRS_RECORD', `stdin: the stream is ${what}`]);
  }
});

test('refuses a record of another kind outside a run', async () => {
  assert.match(
    (await staged('{"kind":"policy","id":1}\n')).error?.message ?? '',
    /^stdin:1: expected a number, found {"kind":"policy"/,
  );
});

test('refuses a kind that is not a string outside a run, and forwards it in one', async () => {
  const accept: StageOptions<number>['accept'] = (_value, kind) =>
    kind === undefined ? [{ kind: 'number', input: 1 }] : [];
  const line = '{"kind":5,"id":7}';
  const { error } = await staged(`${line}\n`, { accept });
  assert.equal(error?.message, `stdin:1: expected a number, found ${line}`);
  const { lines } = await staged(`${session}\n${line}\n`, { accept });
  assert.equal(lines[2], line);
});

test('takes an empty array as no records', async () => {
  const { lines, error } = await staged('1\n[]\n2\n');
  assert.deepEqual([lines.length, error], [2, undefined]);
});

test('skips and counts bad lines when asked to', async () => {
  const { lines, error, messages } = await staged('1\n{"a":\nnull\n2\n', { skipBad: true });
  assert.equal(error, undefined);
  assert.equal(lines.length, 2);
  assert.deepEqual(messages, ['pcrs-x: stdin: skipped 2 bad lines (--skip-bad)\n']);
});

test('reports a cut last line as incomplete input, not as a bad line', async () => {
  const { error } = await staged('1\n{"a":1', { skipBad: true });
  assert.deepEqual(
    [error?.code, error?.message],
    ['PCRS_INCOMPLETE', 'stdin:2: the stream was cut off in the middle of a line: {"a":1'],
  );
});

test('takes a last line that parses although its newline is missing', async () => {
  assert.deepEqual((await staged('\ufeff1\n2')).lines.length, 2);
});

test('forwards what the work leaves unread', async () => {
  const { lines } = await staged(`${session}\n1\n2\n`, { work: async (_run: Run<number>) => {} });
  assert.deepEqual(lines.slice(2, -1), ['1', '2']);
});

test('refuses an invalid session', async () => {
  const { error } = await staged('{"kind":"session","gateway":"x","startedAt":"soon","runId":"r"}\n');
  assert.match(error?.message ?? '', /^stdin:1: the session's startedAt must be a date/);
});
