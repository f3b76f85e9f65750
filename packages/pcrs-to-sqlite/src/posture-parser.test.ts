import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteBlocks } from 'pcrs-records/lines';
import { ByteLines } from './byte-lines.ts';
import { openDatabase } from './database.ts';
import { finishLoad } from './finish.ts';
import { contents, hostIds, lines, newDatabase, policy, posture, run } from './fixture.test.ts';
import { toSqlite } from './index.ts';
import { Load } from './load.ts';
import { PostureParser } from './posture-parser.ts';

const options = { skipBad: true, requireRun: false, refuseUnknown: false, onControl: undefined };
const finishing = { strict: false, requireRun: false, prune: false, log: undefined };

type Way = (load: Load, chunks: Uint8Array[]) => Promise<void>;

const inOneThread: Way = async (load, chunks) => {
  for await (const block of byteBlocks(chunks)) await load.take(new ByteLines(block));
};

/** As with another thread, which learns of new members some blocks later. */
const apart =
  (delay: number): Way =>
  async (load, chunks) => {
    const news: [name: string, hasColumn: boolean, from: number][] = [];
    let blocks = 0;
    const parser = new PostureParser(
      load.openMirror((name, hasColumn) => news.push([name, hasColumn, blocks + delay])),
    );
    for await (const block of byteBlocks(chunks)) {
      blocks += 1;
      for (const [name, hasColumn] of news.filter(([, , from]) => from === blocks))
        parser.learn(name, hasColumn);
      await load.takeParsed(parser.parse(new ByteLines(block)));
    }
  };

async function outcome(way: Way, chunks: Uint8Array[]): Promise<unknown> {
  const path = newDatabase();
  const database = await openDatabase(path);
  const load = await Load.open(database, options);
  await way(load, chunks);
  const { loaded } = await finishLoad(load, finishing);
  database.close();
  const rows = contents(path).map(({ Row_Last_Updated: _1, BATCH_DATE: _2, ...row }) => row);
  return { ...loaded, database: '', rows };
}

const value = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '0',
    '7',
    '1.10',
    '1.5',
    '9007199254740993',
    '18446744073709551616',
    '""',
    '"a"',
  ),
  fc.constantFrom(
    '"\\ud800"',
    '"a\\u0000b"',
    '"\\"q\\""',
    '"Ünï"',
    '"Ã\\u0000é"',
    '"名前 😀"',
    '["“…”",{"é":1}]',
    '{"a":[1,"}"]}',
    '[',
    '"\u0001"',
    '"007"',
  ),
);
const names = [
  'netBios',
  'assetId',
  'evidence',
  'status',
  'rationale',
  'policyTitle',
  'technologyId',
  'new',
  'naïve',
  'New',
  '',
  'rowid',
];
const members = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 5 });
const key = fc.record({
  policyId: fc.constantFrom('1', '"1"', '2', 'null', '1.5'),
  controlId: fc.constantFrom('1', '2', '3', '"x"'),
  hostId: fc.constantFrom('1', '2'),
  id: fc.constantFrom('1', '2', '3'),
});
const line = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(key, members)
      .map(([ids, own]) => asPosture({ ...ids, policyId: '1', controlId: '1' }, own)),
  },
  { weight: 3, arbitrary: fc.tuple(key, members).map(([ids, own]) => asPosture(ids, own)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(key, members)
      .map(([ids, own]) => `[${asPosture(ids, own).replace('"kind":"posture",', '')}]`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(key, members)
      .map(([ids, own]) => asPosture(ids, own).replace(/\{"kind":"posture",(.*)\}/, '{$1,"kind":"posture"}')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      JSON.stringify(policy),
      JSON.stringify(hostIds),
      '',
      '7',
      '{"kind":"x"}',
      '{"kind":"posture"',
      '{"kind":"posture"}',
      '{"kind":"posture",}',
    ),
  },
);

function asPosture(ids: Record<string, string>, own: [string, string][]): string {
  const all = [...Object.entries(ids), ...own].map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return `{"kind":"posture",${all.join(',')}}`;
}

test('parsing in another thread makes the same database, the same counts and the same refusals', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(line, { maxLength: 8 }), { maxLength: 6 }),
      fc.nat(2),
      async (blocks, delay) => {
        const chunks = blocks.flatMap((some) => lines(...some));
        assert.deepEqual(await outcome(apart(delay + 1), chunks), await outcome(inOneThread, chunks));
      },
    ),
    { numRuns: 30 },
  );
});

test('a stream of many records is parsed in a thread, cut anywhere, to the same end', async () => {
  const postures = Array.from({ length: 1500 }, (_, index) => ({
    ...posture,
    id: index,
    hostId: 1 + (index % 40),
    controlId: index % 30,
    ...(index > 700 ? { CloudMetaData: { region: 'é' } } : {}),
  }));
  const [bytes] = lines(...run([policy, hostIds, ...postures, { kind: 'slice', number: 3 }])) as [Buffer];
  const chunks = Array.from({ length: Math.ceil(bytes.length / 9973) }, (_, index) =>
    bytes.subarray(index * 9973, (index + 1) * 9973),
  );
  const results = [];
  for (const threadAfterBytes of [0, Number.POSITIVE_INFINITY]) {
    const path = newDatabase();
    const { database: _, ...loaded } = await toSqlite(path, chunks, { threadAfterBytes });
    results.push({ loaded, rows: contents(path).map(({ Row_Last_Updated: _1, ...row }) => row) });
  }
  assert.equal(results[0]?.loaded.complete, true);
  assert.deepEqual(results[0]?.loaded.addedColumns, []);
  assert.deepEqual(results[0], results[1]);
});

test("a bad line, a cut one and the source's failure end a load in a thread as they do without", async () => {
  const postures = Array.from({ length: 50 }, (_, id) => ({ ...posture, id }));
  const whole = Buffer.concat(lines(...run(postures)));
  const load = (chunks: AsyncIterable<Uint8Array> | Uint8Array[]) =>
    toSqlite(newDatabase(), chunks, { threadAfterBytes: 0 });
  const bad = Buffer.concat(lines(...postures, '{"kind":"posture","id":1}'));
  await assert.rejects(load([bad.subarray(0, 5000), bad.subarray(5000)]), {
    code: 'PCRS_RECORD',
    message: /^stdin:51: policyId is missing/,
  });
  await assert.rejects(load([whole.subarray(0, 9000), whole.subarray(9000, -20)]), {
    code: 'PCRS_INCOMPLETE',
    message: /cut in the middle/,
  });
  const broken = Object.assign(new Error('read failed'), { code: 'EIO' });
  async function* source(): AsyncGenerator<Uint8Array> {
    yield whole.subarray(0, 40_000);
    yield whole.subarray(40_000, 60_000);
    throw broken;
  }
  await assert.rejects(load(source()), broken);
});
