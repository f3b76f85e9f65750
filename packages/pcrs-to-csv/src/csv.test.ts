import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { flatPostureColumns } from 'pcrs-records/columns';
import { type CsvOptions, toCsv } from './csv.ts';

const session = '{"kind":"session","runId":"r1","gateway":"http://g","startedAt":"2026-11-23T00:00:00Z"}';
const start = (stage: string) => JSON.stringify({ kind: 'start', runId: 'r1', stage });
const end = (stage: string, members: object = {}) =>
  JSON.stringify({ kind: 'end', runId: 'r1', stage, ok: true, status: 0, ...members });
const postureHeader = flatPostureColumns.map(({ name }) => name).join(',');

function cut(text: string | Buffer, size: number): Uint8Array[] {
  const bytes = Buffer.from(text);
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

async function csv(lines: readonly string[] | string | Buffer, options: CsvOptions = {}, size = 1 << 16) {
  const input =
    typeof lines === 'string' || Buffer.isBuffer(lines) ? lines : lines.map((line) => `${line}\n`).join('');
  const told: string[] = [];
  const log = { warn: (line: string) => told.push(line), note: (line: string) => told.push(`note: ${line}`) };
  let text = '';
  let failure: { code?: string; message: string } | undefined;
  try {
    for await (const rows of toCsv(cut(input, size), { log, ...options })) text += rows;
  } catch (error) {
    failure = error as Error;
  }
  return { text, told, failure, lines: text.split('\n').slice(0, -1) };
}

/** An RFC 4180 parser, written from the document; an empty unquoted cell is null. */
function parseCsv(text: string, delimiter = ',', lineEnd = '\n'): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  let at = 0;
  while (at < text.length) {
    let cell: string | null = '';
    if (text[at] === '"') {
      for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
        assert.ok(at < text.length, 'a quote is not closed');
        if (text[at] === '"') at += 1;
        cell += text[at];
      }
      at += 1;
    } else {
      const start = at;
      while (at < text.length && !text.startsWith(delimiter, at) && !text.startsWith(lineEnd, at)) {
        assert.ok(!'"\r\n'.includes(text[at] as string), 'a bare quote or line break');
        at += 1;
      }
      cell = start === at ? null : text.slice(start, at);
    }
    row.push(cell);
    if (text.startsWith(lineEnd, at)) {
      rows.push(row);
      row = [];
      at += lineEnd.length;
    } else {
      assert.ok(text.startsWith(delimiter, at), `neither delimiter nor line end at ${at}`);
      at += delimiter.length;
      if (at === text.length || text.startsWith(lineEnd, at)) {
        row.push(null);
        rows.push(row);
        row = [];
        at += lineEnd.length;
      }
    }
  }
  return rows;
}

test('writes every JSON type as it was sent', async () => {
  const { text, told, failure } = await csv([
    '{"kind":"x","null":null,"empty":"","text":"a \\"b\\", c\\r\\nd","t":true,"f":false,"int":9007199254740993,"dec":1.10,"exp":1e2,"obj":{"b":[1.0,"ü"],"a":null},"list":[],"last":" s "}',
    '{"kind":"x","text":"plain","f":0}',
  ]);
  assert.equal(
    text,
    'null,empty,text,t,f,int,dec,exp,obj,list,last\n' +
      ',"","a ""b"", c\r\nd",true,false,9007199254740993,1.10,1e2,"{""b"":[1.0,""ü""],""a"":null}",[], s \n' +
      ',,plain,,0,,,,,,\n',
  );
  assert.deepEqual([told, failure], [[], undefined]);
});

const cell = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'",;\t\r\n \'=+-@\0\\{}[]aé\u2028\u{1f600}') }),
  fc.constant(null),
);

const clean = (value: string | null) => value?.toWellFormed().replaceAll('\0', '\ufffd') ?? null;

test('an RFC 4180 parser reads back any text', async () => {
  const names = ['a', 'b', 'c'];
  const dialect = fc.constantFrom<[string, string]>(
    [',', ','],
    [';', ';'],
    ['tab', '\t'],
    ['|', '|'],
    ['§', '§'],
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell, cell)), dialect, async (rows, [delimiter, character]) => {
      const records = rows.map(([a, b, c]) => JSON.stringify({ kind: 'x', a, b, c }));
      const { text } = await csv(records, {
        kind: 'x',
        delimiter,
        columns: rows.length > 0 ? names : undefined,
      });
      assert.deepEqual(
        parseCsv(text, character).slice(1),
        rows.map((row) => row.map(clean)),
      );
    }),
    { numRuns: 300 },
  );
});

test('a spreadsheet’s CSV has a byte order mark, CRLF, and no text that it would run', async () => {
  const { text, told } = await csv(['{"kind":"x","=a":"=1","b":-1,"c":"-1","d":"x\\ny"}'], { excel: true });
  assert.equal(text, `\ufeff'=a,b,c,d\r\n'=1,-1,'-1,"x\ny"\r\n`);
  assert.deepEqual(told, ['x: cells prefixed with an apostrophe, since a spreadsheet would run them: 3']);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1 }), async (rows) => {
      const records = rows.map(([a, b]) => JSON.stringify({ kind: 'x', a, b }));
      const parsed = parseCsv((await csv(records, { excel: true })).text.slice(1), ',', '\r\n').slice(1);
      assert.deepEqual(
        parsed,
        rows.map((row) => row.map((value) => clean(value)?.replace(/^[=+\-@\t\r\n]/, "'$&") ?? null)),
      );
    }),
  );
});

const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
test('Python’s csv module reads the same texts', { skip: python ? false : 'no python3 here' }, async () => {
  const texts = ['a"b', 'c,d', 'e\nf', 'g\rh', ' i ', '', 'é\u2028', "'", '""', 'j\r\nk', '\ufffd', '=1'];
  const { text } = await csv(
    texts.map((value, index) => JSON.stringify({ kind: 'x', index, value, last: '.' })),
  );
  const program =
    'import csv,io,json,sys\n' +
    'text = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="")\n' +
    'print(json.dumps([row[1] for row in csv.reader(text)][1:]))';
  const { stdout } = spawnSync(python as string, ['-c', program], { input: text, encoding: 'utf8' });
  assert.deepEqual(JSON.parse(stdout), texts);
});

test('yields the same rows for any chunking', async () => {
  const lines = [
    session,
    '{"kind":"posture","id":1,"os":"é\u2028,"}',
    '',
    '{"controlId":2}',
    '{"kind":"policy"}',
  ];
  const whole = await csv(lines);
  for (const size of [1, 2, 3, 7, 64]) assert.equal((await csv(lines, {}, size)).text, whole.text);
  assert.equal(whole.lines.length, 3);
});

test('accepts a byte order mark, CRLF and a missing last newline', async () => {
  const { text, told } = await csv('\ufeff{"kind":"x","a":1}\r\n{"kind":"x","a":2}');
  assert.deepEqual([text, told], ['a\n1\n2\n', []]);
});

test('a row of one empty cell is not a blank line', async () => {
  const { text } = await csv(['{"kind":"x","a":null}', '{"kind":"x","a":""}', '{"kind":"x","a":1}']);
  assert.equal(text, 'a\n""\n""\n1\n');
});

test('hostids have a row for each host', async () => {
  const { text, told } = await csv([
    '[{"policyId":"1","subscriptionId":"9","hostIds":["11","12"]},{"policyId":"2","subscriptionId":"9","hostIds":[]}]',
    '{"policyId":3,"subscriptionId":9,"hostIds":[9007199254740993]}',
  ]);
  assert.equal(text, 'subscriptionId,policyId,hostId\n9,1,11\n9,1,12\n9,3,9007199254740993\n');
  assert.deepEqual(told, []);
  const nested = await csv(['{"hostIds":["1",["2"],{"a":1.10}],"policyId":1,"tags":[ 1 ]}'], {
    columns: ['hostId', 'tags', 'hostId'],
    add: ['tags'],
  });
  assert.equal(
    nested.text,
    'hostId,tags,hostId\n1,[ 1 ],1\n"[""2""]",[ 1 ],"[""2""]"\n"{""a"":1.10}",[ 1 ],"{""a"":1.10}"\n',
  );
  const bad = await csv(['{"policyId":"1","hostIds":["11"]}', '{"policyId":"2","hostIds":"118772"}']);
  assert.equal(bad.failure?.message, 'stdin:2: hostIds must be an array, got "118772"');
  assert.equal(bad.lines.length, 2);
});

test('recognises untagged records by their shape', async () => {
  const policy = await csv([
    '{"id":5,"title":"t","lastEvaluatedDate":null,"status":"active","locked":false}',
  ]);
  assert.match(policy.text, /^subscriptionId,id,title,createdBy,.*\n,5,t,,,,,,active,false\n$/);
  const posture = await csv(['{"controlId":1,"technology":{"id":7,"name":"x"}}']);
  assert.equal(posture.lines[0], postureHeader);
});

test('the kind is posture in a run, otherwise that of the first record, or the requested one', async () => {
  const lines = ['{"kind":"policy","id":1}', '{"kind":"posture","id":2}'];
  assert.match((await csv(lines)).text, /^subscriptionId,id,title/);
  assert.match((await csv([session, ...lines])).text, new RegExp(`^${postureHeader}\n2,`));
  assert.equal((await csv([session, ...lines], { kind: 'policy', columns: ['id'] })).text, 'id\n1\n');
});

test('always writes the header, and names the kinds that came instead in a warning', async () => {
  const run = [session, start('pcrs-policies'), '{"kind":"policy","id":1}', end('pcrs-policies')];
  const none = await csv(run);
  assert.deepEqual([none.text, none.failure], [`${postureHeader}\n`, undefined]);
  assert.deepEqual(none.told, ['no records of kind posture; kinds seen: policy 1 (--kind policy)']);
  assert.equal((await csv([], { allowEmpty: true })).text, `${postureHeader}\n`);
  assert.equal((await csv(['nonsense'])).text, `${postureHeader}\n`);
  assert.equal((await csv(run, { kind: 'ticket', columns: ['a', 'b'] })).text, 'a,b\n');
  assert.equal((await csv(run, { noHeader: true })).text, '');
});

test('an empty stream is PCRS_EMPTY unless allowed', async () => {
  assert.equal((await csv('')).failure?.code, 'PCRS_EMPTY');
  assert.equal((await csv('', { allowEmpty: true })).failure, undefined);
});

test('names members without a column once, and counts them', async () => {
  const lines = ['{"hostIds":["1"],"owner":1,"team":{"a":1}}', '{"hostIds":["2"],"owner":2}'];
  const { told, text } = await csv(lines);
  assert.deepEqual(told, [
    'hostids: members without a column, with their number of records: owner (2), team (1); --extra keeps them, --add NAME makes a column',
  ]);
  assert.equal(text, 'subscriptionId,policyId,hostId\n,,1\n,,2\n');
  const extra = await csv([...lines, '{"hostIds":["3"]}'], { extra: true, add: ['team.a'] });
  assert.equal(
    extra.text,
    'subscriptionId,policyId,hostId,team.a,extra\n,,1,1,"{""owner"":1}"\n,,2,,"{""owner"":2}"\n,,3,,\n',
  );
  assert.deepEqual((await csv(lines, { columns: ['hostId'] })).told, []);
  const clash = await csv(['{"kind":"x","extra":1}'], { extra: true });
  assert.equal(clash.failure?.code, 'PCRS_USAGE');
});

test('reports a stream of invented member names in bounded space', async () => {
  const lines = Array.from({ length: 500 }, (_, index) => `{"kind":"policy","m${index}":1}`);
  const { told } = await csv(lines);
  assert.ok((told[0] as string).length < 1500, told[0]);
  assert.match(told[0] as string, /m49 \(1\), … \(450\)/);
});

test('refuses wrong columns and delimiters before reading', async () => {
  const never: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => assert.fail('stdin was read'),
  };
  for (const options of [
    { kind: 'posture', columns: ['nope'] },
    ...['', ',,', '"', '\n', '\r', '\0', '\ud800'].map((delimiter) => ({ delimiter })),
  ]) {
    await assert.rejects(
      Array.fromAsync(toCsv(never, options)),
      { code: 'PCRS_USAGE' },
      JSON.stringify(options),
    );
  }
});

test('an incomplete run keeps its rows and ends PCRS_INCOMPLETE, naming the stage', async () => {
  const failed = { ok: false, status: 5, error: { code: 'PCRS_GATEWAY', message: '503, 7 tries' } };
  const { text, failure } = await csv([
    session,
    start('pcrs-posture'),
    '{"kind":"posture","id":1}',
    end('pcrs-posture', failed),
  ]);
  assert.match(text, /\n1,[,]+\n$/);
  assert.deepEqual(
    [failure?.code, failure?.message],
    ['PCRS_INCOMPLETE', 'run incomplete: pcrs-posture ended 5: 503, 7 tries'],
  );
});

test('a cut last line ends PCRS_INCOMPLETE after the rows before it', async () => {
  const { text, failure } = await csv('{"kind":"x","a":1}\n{"kind":"x","a":');
  assert.deepEqual([text, failure?.code], ['a\n1\n', 'PCRS_INCOMPLETE']);
});

test('a bad line ends PCRS_RECORD after the rows before it, or is skipped and counted', async () => {
  const lines = ['{"kind":"x","a":1}', '{bad', '{"kind":"x","a":2}'];
  const { text, failure } = await csv(lines);
  assert.deepEqual([text, failure?.code], ['a\n1\n', 'PCRS_RECORD']);
  assert.equal(failure?.message, 'stdin:2: expected a record (a JSON object) on one line, found {bad');
  const lenient = await csv(lines, { skipBad: true });
  assert.deepEqual([lenient.text, lenient.failure], ['a\n1\n2\n', undefined]);
  assert.match(lenient.told[0] ?? '', /^bad lines skipped: 1, the first stdin:2:/);
});

test('records out are records in less those refused', async () => {
  const line = fc.constantFrom(
    '{"kind":"posture","id":1}',
    '{"kind":"policy"}',
    'null',
    '{"a":1}',
    '{"controlId":1}',
    '',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line), async (lines) => {
      const { lines: rows } = await csv(lines, { skipBad: true, kind: 'posture' });
      assert.equal(rows.length - 1, lines.filter((text) => /posture|controlId/.test(text)).length);
    }),
  );
});

test('requires a run on request, and a filter fails only a strict one', async () => {
  assert.equal((await csv(['{"kind":"x","a":1}'], { requireRun: true })).failure?.code, 'PCRS_INCOMPLETE');
  const run = [
    session,
    start('pcrs-posture'),
    '{"kind":"posture"}',
    end('pcrs-posture', { out: { posture: 3 } }),
  ];
  const filtered = await csv(run, { requireRun: true });
  assert.deepEqual(
    [filtered.failure, filtered.told],
    [undefined, ['note: differs from what the stages of the run made: filtered 2 posture']],
  );
  assert.equal((await csv(run, { strict: true })).failure?.code, 'PCRS_INCOMPLETE');
});

test("counts and reports a run's content besides records", async () => {
  const { told, failure } = await csv([
    session,
    '12',
    '"x"',
    '{"a":1}',
    '{"kind":"odd"}',
    start('pcrs-posture'),
    '{"kind":"posture"}',
    end('pcrs-posture', { out: { posture: 1 } }),
  ]);
  assert.equal(failure, undefined);
  assert.deepEqual(told, [
    'values that are not JSON objects skipped: 2, the first stdin:2',
    'objects without a kind skipped: 1, the first stdin:4',
    'skipped records of unknown kinds: odd 1',
  ]);
});

test('writes a value nested 200,000 deep as it came', async () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const { lines, failure } = await csv([`{"kind":"x","a":${deep}}`]);
  assert.deepEqual([failure, lines[1] === deep], [undefined, true]);
});

test('names a filter that removes every row', async () => {
  const { failure, told } = await csv([
    session,
    start('pcrs-posture'),
    end('pcrs-posture', { out: { posture: 3 } }),
  ]);
  assert.equal(failure, undefined);
  assert.equal(told[0], 'a filter dropped every record of kind posture: 3');
});

test('names a compressed or UTF-16 stream and the command that decodes it', async () => {
  const { failure: gzip } = await csv(gzipSync('{"kind":"x"}\n'));
  assert.match(gzip?.message ?? '', /^stdin: .*gzip.*gunzip -c \|/);
  for (const mark of ['', '\ufeff']) {
    const { failure } = await csv(Buffer.from(`${mark}{"kind":"x"}\n`, 'utf16le'));
    assert.match(failure?.message ?? '', /^stdin: .*UTF-16/);
  }
});

test('writes nested values as sent, spaces, escapes and order included', async () => {
  const sent = '{ "b" : "\\u00e9\\/", "1": [1.10, 1e2],"1":0 }';
  for (const delimiter of [',', '§']) {
    const { text } = await csv([`{"kind":"x","a":${sent},"z":1}`, `{"kind":"x","a":${sent},"z":1}`], {
      delimiter,
    });
    const cell = `"${sent.replaceAll('"', '""')}"`;
    assert.equal(text, `a${delimiter}z\n${`${cell}${delimiter}1\n`.repeat(2)}`);
  }
  const other = await csv(['{"controlId":1,"evidence":{"x": 1.10,"expectedValues":2,"y":[ ]}}'], {
    columns: ['evidence_expectedValues', 'evidence_other'],
  });
  assert.equal(other.lines[1], '2,"{""x"": 1.10,""y"":[ ]}"');
});

test('closes the source if its reader leaves early', async () => {
  let closed = false;
  async function* endless() {
    try {
      for (;;) yield Buffer.from('{"kind":"x","a":1}\n');
    } finally {
      closed = true;
    }
  }
  for await (const rows of toCsv(endless())) if (rows) break;
  assert.ok(closed);
});
