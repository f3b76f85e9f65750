import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { GatewayRequest } from '../ask/request.ts';
import { type Archive, newArchive, oldArchive } from './archive.ts';
import { kept } from './archive-kept.ts';
import { requestKey } from './request-key.ts';

const header = {
  ...{ stage: 'pcrs-test', version: '1.0.0', runId: null, gateway: 'https://gateway.example', username: 'u' },
  ...{ startedAt: '2026-11-23T00:00:00.000Z', options: { evidence: true } },
};
const facts = (key: string) => ({
  ...{ key, path: '/p', parameters: { a: '1' }, policies: ['1'], hosts: 2, records: 3 },
  askedAt: new Date('2026-11-23T00:00:01Z'),
});

let root = '';
let directory = '';
let count = 0;

async function keep(archive: Archive, key: string, bytes: Uint8Array): Promise<string> {
  const part = await archive.part();
  for (const byte of bytes) await part.write(Uint8Array.of(byte));
  await part.finish();
  const { file } = await archive.keep(part, facts(key));
  await part.discard();
  return file;
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(chunks)).toString();
}

async function filled(): Promise<Archive> {
  const archive = await newArchive(directory);
  await archive.begin(header);
  await keep(archive, requestKey({ path: '/p', query: { a: '1' }, body: 'one' }), Buffer.from('[]'));
  await keep(archive, requestKey({ path: '/p', query: { a: '1' }, body: 'two' }), gzipSync('[{}]'));
  return archive;
}

const checked = () =>
  execFileSync('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' });
const fails = (code: string, message: RegExp) => ({ code, message });

describe('an archive', () => {
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'archive-test-'));
  });
  beforeEach(() => {
    count += 1;
    directory = join(root, String(count), 'run');
  });
  after(() => rm(root, { recursive: true }));

  it('stores bodies as received, under names that sha256sum checks, readable only by the owner', async () => {
    const archive = await filled();
    await archive.close();
    assert.match(checked(), /^000001-[\da-f]{12}\.json: OK\n000002-[\da-f]{12}\.json\.gz: OK\n$/);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    for (const name of readdirSync(directory))
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    const [first, body] = readFileSync(join(directory, 'manifest.ndjson'), 'utf8')
      .split('\n', 2)
      .map((line) => JSON.parse(line));
    assert.deepEqual(first, { kind: 'archive', contract: 1, ...header });
    assert.deepEqual(Object.keys(body), [
      ...[
        'kind',
        'key',
        'file',
        'path',
        'parameters',
        'policies',
        'hosts',
        'records',
        'bytes',
        'sha256',
        'askedAt',
        'provenAt',
      ],
    ]);
  });

  it('leaves nothing of a body that was not proven whole', async () => {
    const archive = await newArchive(directory);
    await archive.begin(header);
    const part = await archive.part();
    await part.write(Buffer.from('half'));
    assert.equal(await read(part.read()), 'half');
    await part.discard();
    await archive.close();
    assert.deepEqual(readdirSync(directory).sort(), ['SHA256SUMS', 'manifest.ndjson']);
  });

  it('is found again with its bodies, whatever a crash cut', async () => {
    const archive = await filled();
    await archive.note({ kind: 'cut', number: 1, hosts: 20 });
    await archive.close();
    writeFileSync(join(directory, '000003-0123456789ab.json'), 'renamed, but not in the manifest');
    writeFileSync(join(directory, `${randomUUID()}.part`), 'half');
    mkdirSync(join(directory, 'notes of mine.part'));
    appendFileSync(join(directory, 'SHA256SUMS'), `${'0'.repeat(64)}  000003-0123456789ab.json\n0123`);
    appendFileSync(join(directory, 'manifest.ndjson'), '{"kind":"body","key":"torn');

    const again = await oldArchive(directory, 'write');
    assert.deepEqual(again.manifest?.notes, [{ kind: 'cut', number: 1, hosts: 20 }]);
    await again.begin(header);
    const body = again.bodies.get(requestKey({ path: '/p', query: { a: '1' }, body: 'two' }))!;
    const part = await again.open(body);
    assert.equal(
      Buffer.concat(await Array.fromAsync(part.read())).toString('hex'),
      gzipSync('[{}]').toString('hex'),
    );
    await part.discard();
    assert.match(
      await keep(again, requestKey({ path: '/p', query: { a: '1' }, body: 'three' }), Buffer.from('[3]')),
      /^000003-/,
    );
    await again.close();
    assert.equal(checked().split('\n').length, 4);
    assert.equal((await oldArchive(directory, 'read')).bodies.size, 3);
    const [mine] = readdirSync(directory).filter((name) => name.endsWith('.part'));
    assert.equal(mine, 'notes of mine.part');
    assert.equal(readdirSync(directory).length, 6);
  });

  it('stays whole if its manifest is cut at any byte', async () => {
    await (await filled()).close();
    const path = join(directory, 'manifest.ndjson');
    const text = readFileSync(path, 'utf8');
    for (let length = text.length; length >= 0; length--) {
      truncateSync(path, length);
      const lines = text.slice(0, length).split('\n').length - 1;
      if (lines === 0) await assert.rejects(oldArchive(directory, 'read'), { code: 'PCRS_INCOMPLETE' });
      else assert.equal((await oldArchive(directory, 'read')).bodies.size, lines - 1);
    }
  });

  it('forgets a damaged body, so that another can take its place', async () => {
    const archive = await filled();
    const body = archive.bodies.get(requestKey({ path: '/p', query: { a: '1' }, body: 'one' }))!;
    writeFileSync(join(directory, body.file), 'damaged');
    await archive.forget(body);
    await keep(archive, body.key, Buffer.from('[]'));
    await archive.close();
    assert.equal(checked().split('\n').length, 3);
    assert.equal((await oldArchive(directory, 'read')).bodies.get(body.key)?.file.slice(0, 6), '000003');
  });

  it('refuses a directory with an archive or anything else in it, and reuses one left by a kill before the first line', async () => {
    await (await filled()).close();
    await assert.rejects(
      newArchive(directory),
      fails('PCRS_USAGE', /already contains an archive; .*--resume or --replay$/),
    );
    const other = join(root, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'letter.txt'), '');
    await assert.rejects(newArchive(other), fails('PCRS_USAGE', /contains other files \(letter\.txt\)/));
    await assert.rejects(oldArchive(other, 'write'), fails('PCRS_USAGE', /not an archive|no such archive/));
    await assert.rejects(
      oldArchive(join(root, 'nowhere'), 'write'),
      fails('PCRS_USAGE', /not an archive|no such archive/),
    );
    const killed = join(root, 'killed');
    mkdirSync(killed);
    writeFileSync(join(killed, 'input.ndjson'), '{}');
    writeFileSync(join(killed, `${randomUUID()}.part`), '');
    await (await newArchive(killed)).close();
    writeFileSync(join(killed, 'manifest.ndjson'), '{"kind":"something"}\n');
    await assert.rejects(oldArchive(killed, 'read'), fails('PCRS_USAGE', /not that of a pcrs archive/));
  });

  it('admits one process at a time, and outlives a killed one', async () => {
    const archive = await filled();
    await assert.rejects(oldArchive(directory, 'write'), fails('PCRS_BUSY', /another run is working there/));
    assert.equal((await oldArchive(directory, 'read')).bodies.size, 2);
    const lock = readFileSync(join(directory, 'lock'), 'utf8');
    await archive.close();
    const child = execFileSync(process.execPath, ['-e', 'console.log(process.pid)'], { encoding: 'utf8' });
    writeFileSync(join(directory, 'lock'), lock.replace(`"pid":${process.pid}`, `"pid":${Number(child)}`));
    await (await oldArchive(directory, 'write')).close();
  });

  it('waits for the lock of a vanished container, which then changes it no more', async () => {
    const archive = await filled();
    const part = await archive.part();
    const path = join(directory, 'lock');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"machine":"[^"]*"/, '"machine":"elsewhere"'));
    const said: string[] = [];
    const info = (message: string) => said.push(message);
    const next = await oldArchive(directory, 'write', { info, env: { PCRS_LOCK_LEASE: '0.5' } });
    assert.match(said.join(), /: locked by pid \d+ on \S+ since .*; waiting up to 1 s/);
    await assert.rejects(
      archive.keep(part, facts('late')),
      fails('PCRS_MACHINE', /another run took it over/),
    );
    await part.discard();
    await archive.close();
    assert.equal(existsSync(path), true, 'the lock of the other is left alone');
    await next.close();
  });

  it('refuses a named pipe in place of a body, the manifest or the input', {
    skip: process.platform !== 'linux',
  }, async () => {
    const archive = await filled();
    const [body] = archive.bodies.values();
    await archive.close();
    for (const name of [body!.file, 'input.ndjson', 'manifest.ndjson']) {
      await rm(join(directory, name), { force: true });
      execFileSync('mkfifo', [join(directory, name)]);
      const read = async () => {
        const old = await oldArchive(directory, 'read');
        if (name === body!.file) await old.open(body!);
        for await (const _ of old.keptInput());
      };
      await assert.rejects(read, fails('PCRS_USAGE', /must be a file, but is a named pipe/));
      if (name !== 'manifest.ndjson') await rm(join(directory, name));
    }
  });

  it('stores its input as fast as it arrives and yields it as fast as it is read', async () => {
    const archive = await newArchive(directory);
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; given < 100; given++) yield Buffer.from(`line ${given}\n`);
    }
    const input = archive.keepInput(source());
    const reader = input[Symbol.asyncIterator]();
    const first = await reader.next();
    await archive.begin(header);
    await archive.inputKept();
    assert.equal(given, 100);
    let text = Buffer.from(first.value).toString();
    for (let next = await reader.next(); !next.done; next = await reader.next())
      text += Buffer.from(next.value).toString();
    assert.equal(text.split('\n').length, 101);
    await archive.close();
    const again = await oldArchive(directory, 'read');
    assert.equal(await read(again.keptInput()), text);
    assert.equal(again.manifest?.notes[0]?.kind, 'input');
  });

  it('does not call a broken input whole', async () => {
    const archive = await newArchive(directory);
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('line\n');
      throw new Error('stdin broke');
    }
    const input = archive.keepInput(source());
    await archive.begin(header);
    await assert.rejects(read(input), /stdin broke/);
    await archive.inputKept();
    await archive.close();
    assert.deepEqual((await oldArchive(directory, 'read')).manifest?.notes, []);
  });

  it('stores what a consumer accepts, and nothing that it refuses', async () => {
    const archive = await newArchive(directory);
    await archive.begin(header);
    const request: GatewayRequest = {
      endpoint: 'hostids',
      method: 'GET',
      path: '/h',
      query: { policyId: '1,2' },
      what: 'x',
    };
    const consume = kept(
      archive,
      request,
      () => ({ policies: ['1', '2'], hosts: null, records: 2 }),
      async ({ body }) => {
        const text = await read(body);
        if (text !== 'good') throw new Error('refused');
        return text;
      },
    );
    const answer = (text: string) => ({
      status: 200,
      headers: {},
      body: (async function* () {
        yield Buffer.from(text);
      })(),
    });
    await assert.rejects(consume(answer('bad')), /refused/);
    assert.equal(await consume(answer('good')), 'good');
    await archive.close();
    const [body] = (await oldArchive(directory, 'read')).bodies.values();
    assert.equal(body?.key, requestKey({ path: '/h', query: { policyId: '1,2' } }));
    assert.equal(readdirSync(directory).filter((name) => name.endsWith('.json')).length, 1);
  });

  it('reports a disk failure', async () => {
    writeFileSync(join(root, 'file'), '');
    await assert.rejects(newArchive(join(root, 'file', 'run')), fails('PCRS_MACHINE', /ENOTDIR/));
  });
});
