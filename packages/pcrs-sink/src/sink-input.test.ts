import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SinkInput, type SinkInputOptions, type SinkRecord } from './sink-input.ts';

const session = '{"kind":"session","runId":"r1","gateway":"http://g","startedAt":"2026-11-23T00:00:00Z"}';
const start = '{"kind":"start","runId":"r1","stage":"pcrs-posture"}';
const end = (members: object = {}) =>
  JSON.stringify({ kind: 'end', runId: 'r1', stage: 'pcrs-posture', ok: true, status: 0, ...members });

async function read(text: string, options?: SinkInputOptions, size = 7) {
  const bytes = Buffer.from(text);
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  const input = new SinkInput(options);
  const records: SinkRecord[] = [];
  let thrown: unknown;
  try {
    for await (const block of input.blocks(chunks)) records.push(...block);
  } catch (error) {
    thrown = error;
  }
  return { input, records, thrown, kinds: records.map((record) => record.kind) };
}

test('records carry their kind, or the one that their shape tells, with line number and text', async () => {
  const lines = [
    '{"kind":"policy","id":1}',
    '',
    '{"hostIds":[]}',
    '{"controlId":1}',
    '{"title":"t","lastEvaluatedDate":""}',
  ];
  const { records, input } = await read(`${lines.join('\n')}\n`);
  assert.deepEqual(
    records.map(({ kind, line }) => [kind, line]),
    [
      ['policy', 1],
      ['hostids', 3],
      ['posture', 4],
      ['policy', 5],
    ],
  );
  assert.equal(records[1]?.text, '{"hostIds":[]}');
  assert.equal(input.complete, null);
  assert.equal(input.failure(), undefined);
});

test('an array on a line counts as its elements', async () => {
  const { records } = await read('[{"hostIds":["1"]},{"hostIds":["2"]}]\n[]\n');
  assert.deepEqual(
    records.map(({ kind, line, text, value }) => [kind, line, text, value['hostIds']]),
    [
      ['hostids', 1, undefined, ['1']],
      ['hostids', 1, undefined, ['2']],
    ],
  );
});

test('a bad line ends the stream with its number after the records before it', async () => {
  for (const bad of ['{"a":', 'null', '1', '"s"', '{"kind":7}', '[3]', '\u0001']) {
    const { kinds, thrown } = await read(`{"kind":"a"}\n${bad}\n{"kind":"b"}\n`);
    assert.deepEqual(kinds, ['a'], bad);
    assert.match(String(thrown), /stdin:2: expected a record/, bad);
    assert.equal((thrown as { code: string }).code, 'PCRS_RECORD', bad);
  }
});

test('skipBad passes over bad lines and counts them', async () => {
  const { kinds, input } = await read('{"kind":"a"}\n{"a"\nnull\n{"kind":"b"}\n', { skipBad: true });
  assert.deepEqual([kinds, input.skipped], [['a', 'b'], 2]);
  assert.match(input.reports()[0] ?? '', /^bad lines passed over: 2, the first stdin:2: .*\{"a"$/);
});

test('a last line cut in the middle makes the stream incomplete, also with skipBad', async () => {
  for (const skipBad of [false, true]) {
    const { kinds, input, thrown } = await read('{"kind":"a"}\n{"kind":"b', { skipBad });
    assert.deepEqual([kinds, thrown, input.complete], [['a'], undefined, false]);
    assert.equal(input.failure()?.code, 'PCRS_INCOMPLETE');
    assert.match(input.failure()?.message ?? '', /^stdin:2: the stream was cut/);
  }
  assert.deepEqual((await read('{"kind":"a"}\n{"kind":"b"}')).kinds, ['a', 'b']);
});

test('a run is whole when its stages ended well, and tells what broke it otherwise', async () => {
  const whole = await read([session, start, '{"kind":"posture"}', end({ out: { posture: 1 } })].join('\n'));
  assert.deepEqual([whole.input.complete, whole.input.failure()], [true, undefined]);
  const broken = await read([session, start, '{"kind":"posture"}', '{"kind":"pos'].join('\n'));
  assert.equal(broken.input.complete, false);
  assert.equal(
    broken.input.failure()?.message,
    'run incomplete: pcrs-posture broke off after 1 records (stdin:4: the stream was cut in the middle of a record)',
  );
});

test('in a run values that are no objects and objects of no kind are counted and reported', async () => {
  const { input, kinds, thrown } = await read([session, start, '12', '"x"', '{"owner":1}', end()].join('\n'));
  assert.deepEqual([kinds, thrown], [['session', 'start', 'end'], undefined]);
  assert.deepEqual(input.reports(), [
    'stdin:3: lines that are no JSON object passed over: 2 in all',
    'stdin:5: objects without a kind passed over: 1 in all',
  ]);
});

test('records that a filter took out are told, and are a failure only when strict', async () => {
  const { input } = await read(
    [session, start, '{"kind":"posture"}', end({ out: { posture: 3 }, in: {} })].join('\n'),
  );
  assert.equal(input.difference(), 'filtered 2 posture');
  assert.equal(input.failure(), undefined);
  assert.equal(input.failure({ strict: true })?.code, 'PCRS_INCOMPLETE');
});

test('an empty stream is PCRS_EMPTY, unless allowed; without a run it is incomplete where one is required', async () => {
  for (const text of ['', '\n \n', '[]\n']) {
    const { input } = await read(text);
    assert.equal(input.failure()?.code, 'PCRS_EMPTY');
    assert.equal(input.failure({ allowEmpty: true }), undefined);
    assert.equal(input.failure({ requireRun: true })?.code, 'PCRS_INCOMPLETE');
  }
});

test('bytes that are not UTF-8 are reported', async () => {
  const input = new SinkInput();
  const bytes = Buffer.concat([Buffer.from('{"kind":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
  const [[record] = []] = await Array.fromAsync(input.blocks([bytes]));
  assert.equal(record?.kind, '\ufffd');
  assert.match(input.reports()[0] ?? '', /U\+FFFD/);
});

test('members named like those of every object are data', async () => {
  const { records, input } = await read(
    '{"kind":"__proto__","__proto__":{"kind":"x"}}\n{"kind":"constructor"}\n',
  );
  assert.deepEqual(
    records.map((record) => record.kind),
    ['__proto__', 'constructor'],
  );
  assert.equal(input.kinds.get('constructor'), 1);
});

test('a record that the sink cannot use is a bad line and not accepted', async () => {
  const text = [session, start, '{"kind":"posture"}', end({ out: { posture: 1 } })].join('\n');
  const strict = await read(text);
  const record = strict.records[2] as SinkRecord;
  assert.throws(() => strict.input.reject(record, 'hostId is missing'), {
    code: 'PCRS_RECORD',
    message: 'stdin:3: hostId is missing',
  });
  const lenient = await read(text, { skipBad: true });
  lenient.input.reject(record, 'hostId is missing');
  assert.equal(lenient.input.skipped, 1);
  assert.equal(lenient.input.difference(), 'filtered 1 posture');
});
