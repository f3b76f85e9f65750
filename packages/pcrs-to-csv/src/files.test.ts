import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { flatPostureColumns } from 'pcrs-records/columns';
import type { CsvOptions } from './csv.ts';
import { toCsvFiles } from './files.ts';

const session = '{"kind":"session","runId":"r1","gateway":"http://g","startedAt":"2026-11-23T00:00:00Z"}';
const start = (stage: string) => JSON.stringify({ kind: 'start', runId: 'r1', stage });
const end = (stage: string, members: object = {}) =>
  JSON.stringify({ kind: 'end', runId: 'r1', stage, ok: true, status: 0, ...members });
const run = [
  session,
  start('pcrs-posture'),
  start('pcrs-hostids'),
  '{"kind":"hostids","policyId":"1","subscriptionId":"9","hostIds":["11","12"]}',
  end('pcrs-hostids'),
  '{"kind":"slice","number":1}',
];
const postureHeader = flatPostureColumns.map(({ name }) => name).join(',');

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
});
function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pcrs-to-csv-'));
  made.push(dir);
  return dir;
}

async function write(dir: string, lines: readonly string[], options: CsvOptions = {}) {
  const told: string[] = [];
  const log = { warn: (line: string) => told.push(line), note: (line: string) => told.push(line) };
  const chunks = [Buffer.from(lines.map((line) => `${line}\n`).join(''))];
  const { written, failure } = await toCsvFiles(dir, chunks, { log, ...options });
  return {
    written,
    failure,
    told,
    names: readdirSync(dir).sort(),
    read: (name: string) => readFileSync(join(dir, name), 'utf8'),
  };
}

test('a complete run becomes a file per kind, also for a kind whose stage found nothing', async () => {
  const dir = join(folder(), 'a', 'b');
  const { written, failure, names, read } = await write(dir, [...run, end('pcrs-posture')]);
  assert.equal(failure, undefined);
  assert.deepEqual(names, ['hostids.csv', 'posture.csv']);
  assert.equal(read('hostids.csv'), 'subscriptionId,policyId,hostId\n9,1,11\n9,1,12\n');
  assert.equal(read('posture.csv'), `${postureHeader}\n`);
  assert.deepEqual(written, {
    kind: 'written',
    runId: 'r1',
    complete: true,
    files: [
      { file: join(dir, 'hostids.csv'), kind: 'hostids', rows: 2 },
      { file: join(dir, 'posture.csv'), kind: 'posture', rows: 0 },
    ],
    ...{ verified: null, filtered: {}, supplied: {}, edited: [] },
  });
});

test('others can read neither the files nor a folder made for them', {
  skip: process.platform === 'win32',
}, async () => {
  const dir = join(folder(), 'made');
  await write(dir, ['{"kind":"policy","id":1}']);
  assert.equal(statSync(join(dir, 'policy.csv')).mode & 0o777, 0o600);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
});

test("keeps an incomplete run as incomplete and leaves an earlier run's files alone", async () => {
  const dir = folder();
  await write(dir, [...run, end('pcrs-posture')]);
  const before = readFileSync(join(dir, 'hostids.csv'), 'utf8');
  const failed = { ok: false, status: 5, error: { code: 'PCRS_GATEWAY', message: '503' } };
  const { written, failure, names, read } = await write(dir, [
    ...run,
    '{"kind":"posture","id":1}',
    end('pcrs-posture', failed),
  ]);
  assert.equal(failure?.message, 'run incomplete: pcrs-posture ended 5: 503');
  assert.equal(written.complete, false);
  assert.deepEqual(names, ['hostids.csv', 'hostids.incomplete.csv', 'posture.csv', 'posture.incomplete.csv']);
  assert.equal(read('hostids.csv'), before);
  assert.equal(read('posture.csv'), `${postureHeader}\n`);
  assert.match(read('posture.incomplete.csv'), /\n1,/);
  const whole = await write(dir, [...run, end('pcrs-posture')]);
  assert.deepEqual(whole.names, ['hostids.csv', 'posture.csv']);
});

test('without a run complete is null; keeps a cut or bad stream as incomplete', async () => {
  const good = await write(folder(), ['{"kind":"policy","id":1}']);
  assert.deepEqual([good.written.complete, good.written.runId, good.names], [null, null, ['policy.csv']]);
  const bad = await write(folder(), ['{"kind":"policy","id":1}', 'nonsense']);
  assert.deepEqual([bad.written.complete, bad.names], [false, ['policy.incomplete.csv']]);
  assert.equal((bad.failure as { code?: string }).code, 'PCRS_RECORD');
  assert.match(bad.read('policy.incomplete.csv'), /\n,1,/);
  const skipped = await write(folder(), ['{"kind":"policy","id":1}', 'nonsense'], { skipBad: true });
  assert.deepEqual([skipped.failure, skipped.names], [undefined, ['policy.csv']]);
});

test('an empty stream writes nothing', async () => {
  const dir = folder();
  writeFileSync(join(dir, 'posture.csv'), 'yesterday');
  await assert.rejects(write(dir, []), { code: 'PCRS_EMPTY' });
  await assert.rejects(write(dir, [], { kind: 'posture' }), { code: 'PCRS_EMPTY' });
  assert.deepEqual(readdirSync(dir), ['posture.csv']);
  const allowed = await write(dir, [], { allowEmpty: true });
  assert.deepEqual([allowed.written.files, allowed.read('posture.csv')], [[], 'yesterday']);
});

test('writes only the named kind, with its columns', async () => {
  const lines = [...run, '{"kind":"posture","id":1}', end('pcrs-posture', { out: { posture: 1 } })];
  const { names, read } = await write(folder(), lines, { kind: 'posture', columns: ['id'] });
  assert.deepEqual([names, read('posture.csv')], [['posture.csv'], 'id\n1\n']);
  await assert.rejects(write(folder(), lines, { columns: ['id'] }), { code: 'PCRS_USAGE' });
});

test('gives an unknown kind a file if its name allows', async () => {
  const kinds = ['ticket', 'Ticket', '../escape', 'a/b', '', '.hidden', 'con fused', 'change'];
  const { names, told } = await write(
    folder(),
    kinds.map((kind) => JSON.stringify({ kind, id: 1 })),
  );
  assert.deepEqual(names, ['change.csv', 'ticket.csv']);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^skipped records of unknown kinds: Ticket 1, \.\.\/escape 1,/);
});

test('limits the files of a stream of invented kinds', async () => {
  const lines = Array.from({ length: 300 }, (_, index) => `{"kind":"k${index}","a":1}`);
  const { names } = await write(folder(), lines);
  assert.equal(names.length, 50);
});

test('leaves no half file after an interruption or a machine failure', async () => {
  const dir = folder();
  const stop = Object.assign(new Error('interrupted'), { code: 'PCRS_INTERRUPTED' });
  async function* broken() {
    yield Buffer.from('{"kind":"policy","id":1}\n');
    throw stop;
  }
  await assert.rejects(toCsvFiles(dir, broken()), stop);
  assert.deepEqual(readdirSync(dir), []);
  mkdirSync(join(dir, 'policy.csv'));
  await assert.rejects(write(dir, ['{"kind":"policy","id":1}']), {
    code: 'PCRS_MACHINE',
    message: /policy\.csv: /,
  });
  assert.deepEqual(readdirSync(dir), ['policy.csv']);
  writeFileSync(join(dir, 'file'), '');
  await assert.rejects(write(join(dir, 'file'), ['{"kind":"policy"}']), { code: 'PCRS_MACHINE' });
});

test('reports a folder without write access in one line', {
  skip: process.getuid?.() === 0 ? 'root may write anywhere' : false,
}, async () => {
  const dir = folder();
  chmodSync(dir, 0o500);
  await assert.rejects(write(dir, ['{"kind":"policy","id":1}']), { code: 'PCRS_MACHINE', message: /EACCES/ });
});

test('removes what a killed process left a day ago, and not what another writes now', async () => {
  const dir = folder();
  const [old, young] = ['1', '2'].map((digit) =>
    join(dir, `.posture.csv.${digit.repeat(8)}-0000-4000-8000-000000000000.tmp`),
  ) as [string, string];
  for (const path of [old, young]) writeFileSync(path, '');
  utimesSync(old, 0, 0);
  await write(dir, ['{"kind":"policy","id":1}']);
  assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
});

test('writes large files whole', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) =>
    JSON.stringify({ kind: 'policy', id: index, title: 'x'.repeat(200) }),
  );
  const { read, written } = await write(folder(), lines);
  assert.equal(written.files[0]?.rows, 5000);
  assert.equal(read('policy.csv').split('\n').length, 5002);
});
