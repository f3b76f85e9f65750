import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { smallDisk } from '../../../test/support/faults-disk.ts';
import { failing, noPreload, preload } from '../../../test/support/preload.ts';
import { makeDirectory } from './directory.ts';
import { createFile, replaceFile, requireRegular } from './file.ts';
import { freeBytes, pointTo, probeFileSystem } from './file-system.ts';
import { readInput } from './read-input.ts';

const onLinux = process.platform === 'linux' ? false : 'of Linux';
const { signal } = new AbortController();

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('makes a directory and its parents, and accepts an existing one', (t) => {
  const path = join(folderOf(t), 'a', 'b', 'c');
  makeDirectory(path, 0o750);
  makeDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o750);
});

test('refuses at once a directory that cannot be made', { skip: onLinux }, (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'file'), '');
  // In its own process: if it loops, nothing inside can stop it.
  const made = (path: string) => {
    const code = `const { makeDirectory } = await import(${JSON.stringify(new URL('./directory.ts', import.meta.url).href)});
      try { makeDirectory(${JSON.stringify(path)}) } catch (error) { console.log(error.code, error.message) }`;
    const args = ['--input-type=module-typescript', '-e', code];
    return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 }).stdout;
  };
  assert.equal(made('/proc/x'), 'PCRS_MACHINE /proc/x: no directory can be created there (ENOENT)\n');
  assert.equal(made('/proc/x/y/z'), 'PCRS_MACHINE /proc/x: no directory can be created there (ENOENT)\n');
  assert.match(made(join(folder, 'file')), /^PCRS_MACHINE .*file: is not a directory\n$/);
  assert.match(made(join(folder, 'file', 'x')), /^PCRS_MACHINE .*x: a part of the path is not a directory/);
});

test('says in words that a file system is read-only or full', (t) => {
  const disk = smallDisk(join(folderOf(t), 'disk'), '64k');
  if (disk === undefined) return t.skip('no disk can be mounted here (it needs root)');
  try {
    const kept = join(disk.path, 'kept');
    replaceFile(kept, 'before');
    assert.throws(() => replaceFile(kept, Buffer.alloc(1 << 20)), {
      code: 'PCRS_MACHINE',
      message: `${kept}: the disk is full (ENOSPC)`,
    });
    assert.equal(readFileSync(kept, 'utf8'), 'before');
    assert.deepEqual(readdirSync(disk.path), ['kept']);
    assert.ok(freeBytes(disk.path)! <= 64 * 1024 && freeBytes(disk.path)! > 0);
    assert.equal(spawnSync('mount', ['-o', 'remount,ro', disk.path]).status, 0);
    const readOnly = { code: 'PCRS_MACHINE', message: /: the file system is read-only \(EROFS\)$/ };
    assert.throws(() => probeFileSystem(disk.path), readOnly);
    assert.throws(() => makeDirectory(join(disk.path, 'a', 'b')), readOnly);
    assert.throws(() => createFile(join(disk.path, 'lock'), ''), readOnly);
    makeDirectory(disk.path);
  } finally {
    disk.unmount();
  }
});

test('creates a file once, and leaves nothing beside it', (t) => {
  const path = join(folderOf(t), 'x');
  assert.equal(createFile(path, 'first'), true);
  assert.equal(createFile(path, 'second'), false);
  assert.equal(readFileSync(path, 'utf8'), 'first');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(path, '..')), ['x']);
});

test('points to a target by a relative link, replacing what was there', (t) => {
  const folder = folderOf(t);
  for (const name of ['a.db', 'b.db']) {
    writeFileSync(join(folder, name), name);
    assert.equal(pointTo(join(folder, name), join(folder, 'latest.db')), 'link');
    assert.equal(readlinkSync(join(folder, 'latest.db')), name);
  }
  assert.deepEqual(readdirSync(folder).sort(), ['a.db', 'b.db', 'latest.db']);
});

test('finds out what a file system lacks, and copies if it has no links', { skip: noPreload }, (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'csv'));
  writeFileSync(join(folder, 'a.db'), 'a', { mode: 0o640 });
  const lacking = { symlink: 'EPERM', link: 'EOPNOTSUPP', chmod: 'EPERM', fsync: 'EINVAL' };
  const { env, remove } = preload(failing(lacking));
  t.after(remove);
  const doors = JSON.stringify(new URL('./file-system.ts', import.meta.url).href);
  const code = `const { pointTo, probeFileSystem } = await import(${doors});
    const said = [probeFileSystem('.'), pointTo('a.db', 'latest.db')];
    try { pointTo('csv', 'latest_csv') } catch (error) { said.push(error.code, error.message) }
    console.log(JSON.stringify(said))`;
  const args = ['--input-type=module-typescript', '-e', code];
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.deepEqual(JSON.parse(stdout), [
    { symlink: false, hardLink: false, chmod: false, syncDirectory: false },
    'copy',
    'PCRS_MACHINE',
    'csv: cannot be linked, since the file system does not support links',
  ]);
  assert.equal(lstatSync(join(folder, 'latest.db')).isFile(), true);
  assert.equal(readFileSync(join(folder, 'latest.db'), 'utf8'), 'a');
  assert.deepEqual(readdirSync(folder).sort(), ['a.db', 'csv', 'latest.db']);
  assert.equal(existsSync(join(folder, 'latest_csv')), false);
});

test('leaves nothing behind after a probe', (t) => {
  const folder = folderOf(t);
  assert.deepEqual(probeFileSystem(folder), {
    symlink: true,
    hardLink: true,
    chmod: true,
    syncDirectory: true,
  });
  assert.deepEqual(readdirSync(folder), []);
});

test('refuses a path that is not a file, names its type and does not open it', { skip: onLinux }, (t) => {
  const folder = folderOf(t);
  const pipe = join(folder, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const refused = (path: string, kind: string) =>
    assert.throws(() => requireRegular(path), {
      code: 'PCRS_USAGE',
      message: `${path}: must be a file, but is a ${kind}`,
    });
  refused(pipe, 'named pipe');
  refused(folder, 'directory');
  refused('/dev/null', 'device');
  requireRegular(join(folder, 'nothing'));
});

test('reads a file and a pipe to the end, however late the writer comes', { skip: onLinux }, async (t) => {
  const folder = folderOf(t);
  const [file, pipe] = [join(folder, 'file'), join(folder, 'pipe')];
  writeFileSync(file, 'secret');
  spawnSync('mkfifo', [pipe]);
  const text = async (path: string) => (await readInput(path, { signal, maxBytes: 100 })).bytes.toString();
  assert.equal(await text(file), 'secret');
  const writer = spawn('sh', ['-c', 'sleep 0.3; printf late > "$0"', pipe]);
  assert.equal(await text(pipe), 'late');
  await once(writer, 'close');
  await assert.rejects(readInput(file, { signal, maxBytes: 5 }), {
    code: 'PCRS_USAGE',
    message: `${file}: is larger than 5 bytes`,
  });
  await assert.rejects(text(folder), { code: 'PCRS_USAGE', message: `${folder}: is a directory` });
  await assert.rejects(text(join(folder, 'none')), {
    code: 'PCRS_USAGE',
    message: /does not exist \(ENOENT\)$/,
  });
});

test("stops waiting for a pipe's writer when interrupted", { skip: onLinux }, async (t) => {
  const pipe = join(folderOf(t), 'pipe');
  spawnSync('mkfifo', [pipe]);
  const stop = AbortSignal.timeout(50);
  await assert.rejects(readInput(pipe, { signal: stop, maxBytes: 100 }), { name: 'TimeoutError' });
});
