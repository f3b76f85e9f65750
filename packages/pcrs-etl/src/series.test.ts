// What a folder of runs guarantees from one run to the next, with real runs against one simulator.
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startSimulator } from 'pcrs-simulator';
import { containerCommand, noContainers } from '../../../test/support/container.ts';
import {
  clockOff,
  failing,
  noPreload,
  preload,
  withoutDirectorySync,
} from '../../../test/support/preload.ts';
import { run } from '../../../test/support/programs.ts';

const Sqlite = createRequire(new URL('../../pcrs-database/package.json', import.meta.url))('better-sqlite3');
const bin = fileURLToPath(new URL('../bin/pcrs-etl.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'pcrs-series-'));
after(() => rmSync(root, { recursive: true, force: true }));
const simulator = await startSimulator({ seed: 5, policies: 6, hosts: 20, controls: 5, rateLimit: 'off' });
after(() => simulator.close());
const [firstPolicy] = simulator.world.policyIds('active');

const env = {
  ...process.env,
  ...{ PCRS_GATEWAY: simulator.gateway, PCRS_USERNAME: 'u', PCRS_PASSWORD: 'p4ssw0rd' },
  ...{ PCRS_STATE_DIR: join(root, 'state'), PCRS_RATE: '10000/1' },
};

async function etl(out: string, args: readonly string[] = [], more: Record<string, string> = {}) {
  const words = ['--conditions=pcrs-source', bin, '--out', out, ...args];
  const asked = simulator.requests.length;
  const ended = await run(process.execPath, words, { env: { ...env, ...more }, limitMs: 120_000 });
  const questions = simulator.requests.slice(asked).map(({ endpoint, query }) => ({ endpoint, query }));
  return { ...ended, questions, loaded: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
}

const latest = (out: string, name = '') => basename(realpathSync(join(out, `latest${name}.db`)));
const last = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';

function change(database: string, sql: string): void {
  const db = new Sqlite(database);
  db.exec(sql);
  db.close();
}

const postures = (database: string) => {
  const db = new Sqlite(database, { readonly: true });
  const count = db.prepare('SELECT count(*) FROM q_pcrs_postureinfo').pluck().get();
  db.close();
  return count;
};

test('refuses another scope before any request; under its own name it disturbs nothing', async () => {
  const out = join(root, 'scope');
  assert.equal((await etl(out)).status, 0);
  const first = latest(out);
  const refused = await etl(out, ['--id', firstPolicy!]);
  assert.deepEqual([refused.status, refused.stdout, refused.questions], [2, '', []]);
  assert.match(
    last(refused.stderr),
    /latest\.db holds all policies; this run has --id \d+: give it --name, or --rescope$/,
  );
  const named = await etl(out, ['--id', firstPolicy!, '--name', 'one', '--keep', '1']);
  assert.equal(named.status, 0, named.stderr);
  assert.deepEqual([latest(out), latest(out, '_one')], [first, basename(named.loaded.database)]);
  assert.equal(
    realpathSync(join(out, 'latest_archive')),
    realpathSync(join(out, `archive${first.slice(4, -3)}`)),
  );
  const rescoped = await etl(out, ['--id', firstPolicy!, '--rescope']);
  assert.equal(rescoped.status, 0, rescoped.stderr);
  assert.equal(latest(out), basename(rescoped.loaded.database));
});

test('only its own scope may replace a latest.db that is damaged or gone', async () => {
  const out = join(root, 'unreadable');
  assert.equal((await etl(out)).status, 0);
  const damage = (): void => {
    const database = realpathSync(join(out, 'latest.db'));
    writeFileSync(database, Buffer.alloc(4096), { flag: 'r+' });
  };
  damage();
  const narrow = await etl(out, ['--id', firstPolicy!]);
  assert.deepEqual([narrow.status, narrow.stdout, narrow.questions], [2, '', []], narrow.stderr);
  assert.match(last(narrow.stderr), /latest\.db holds all policies/);
  const healed = await etl(out);
  assert.equal(healed.status, 0, healed.stderr);
  assert.equal(latest(out), basename(healed.loaded.database));
  rmSync(realpathSync(join(out, 'latest.db')));
  assert.equal((await etl(out, ['--id', firstPolicy!])).status, 2);
});

test('a folder in place of a link stays, and the run is still published', async () => {
  const out = join(root, 'folder');
  mkdirSync(join(out, 'latest_archive'), { recursive: true });
  writeFileSync(join(out, 'latest_archive', 'mine.txt'), 'mine');
  const ran = await etl(out);
  assert.deepEqual([ran.status, latest(out)], [0, basename(ran.loaded.database)], ran.stderr);
  assert.match(ran.stderr, /latest_archive is a folder/);
  assert.equal(readFileSync(join(out, 'latest_archive', 'mine.txt'), 'utf8'), 'mine');
});

test('resumes a run whose records are damaged, and writes them again', async () => {
  const out = join(root, 'records');
  const first = await etl(out);
  const records = join(realpathSync(join(out, 'latest_archive')), 'run.ndjson');
  const whole = readFileSync(records, 'utf8');
  writeFileSync(records, whole.slice(0, -20));
  const again = await etl(out);
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual([again.loaded.runId, again.loaded.rows], [first.loaded.runId, first.loaded.rows]);
  assert.equal(JSON.parse(last(readFileSync(records, 'utf8'))).runId, first.loaded.runId);
});

test('a failure that only other flags can fix is one line, and is not resumed', async () => {
  const out = join(root, 'one-line');
  const nowhere = { PCRS_GATEWAY: 'http://127.0.0.1:9' };
  const failures: [string[], Record<string, string>, number, RegExp][] = [
    [['--id', '99999'], {}, 2, /^pcrs-policies: --id: not in the policy list: 99999/],
    [['--title', '['], {}, 2, /^pcrs-etl: --title must be a regular expression, got "\["$/],
    [['--hosts-per-request', '0'], {}, 2, /^pcrs-etl: --hosts-per-request must be 1 to/],
    [['--retries', '0'], nowhere, 5, /^pcrs-auth: .*no connection to 127\.0\.0\.1:9/],
  ];
  for (const [args, more, status, line] of failures) {
    const failed = await etl(out, args, more);
    assert.deepEqual([failed.status, failed.stderr.split('\n').length], [status, 2], failed.stderr);
    assert.match(failed.stderr.trimEnd(), line);
  }
  const next = await etl(out);
  assert.equal(next.status, 0, next.stderr);
  assert.doesNotMatch(next.stderr, /resum/);
});

test('a listing without policies is 7, publishes nothing, and is repeated by the next start', async () => {
  const out = join(root, 'empty');
  const empty = await etl(out, ['--title', 'Widnows']);
  assert.equal(empty.status, 7);
  assert.match(empty.stderr, /^pcrs-policies: none of \d+ policies matches --title.*\n$/);
  assert.equal(existsSync(join(out, 'latest.db')), false);
  const again = await etl(out, ['--title', 'Widnows', '--allow-empty']);
  assert.deepEqual([again.status, again.loaded.rows.q_pcrs_policy_list], [0, 0]);
  assert.ok(again.questions.some(({ endpoint }) => endpoint === 'list'));
});

test('builds a delta only on a snapshot that is as its run left it, and makes whole CSV files', async () => {
  const out = join(root, 'base');
  const whole = await etl(out);
  const all = postures(join(out, 'latest.db'));
  const delta = await etl(out, ['--incremental', '--csv', '--keep', '1']);
  assert.deepEqual([delta.status, delta.loaded.base], [0, 'delta'], delta.stderr);
  assert.equal(delta.loaded.fullRunAt, whole.loaded.fullRunAt);
  assert.ok(existsSync(join(out, 'latest_csv', 'posture.csv')));
  const records = readFileSync(join(out, 'latest_archive', 'run.ndjson'), 'utf8')
    .trimEnd()
    .split('\n');
  const { files } = records.map((line) => JSON.parse(line)).find(({ kind }) => kind === 'written');
  const rows = files.find((file: { kind: string }) => file.kind === 'posture').rows;
  assert.equal(rows, all, 'a row for each posture, though the delta asked for few');
  const archives = readdirSync(out).filter((name) => name.startsWith('archive_'));
  assert.equal(archives.length, 2, 'the archive of the full run stays, since the delta rests on it');
  change(realpathSync(join(out, 'latest.db')), 'DELETE FROM q_pcrs_postureinfo WHERE rowid = 1');
  const full = await etl(out, ['--incremental']);
  assert.deepEqual([full.status, full.loaded.base, full.loaded.rows.q_pcrs_postureinfo], [0, 'full', all]);
  assert.match(
    full.stderr,
    /has \d+ rows in q_pcrs_postureinfo, but its run loaded \d+, so this is a full run/,
  );
});

test('keeps a run that shrank too much apart, and accepts it without new requests', async () => {
  const out = join(root, 'shrink');
  await etl(out);
  const first = latest(out);
  // Yesterday there were more.
  change(
    realpathSync(join(out, 'latest.db')),
    `INSERT INTO q_pcrs_policy_list (subscriptionId, id, title)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT 1, 100 + i, 'gone' FROM n`,
  );
  const shrunk = await etl(out, ['--max-shrink', '20']);
  assert.equal(shrunk.status, 8, shrunk.stderr);
  assert.match(last(shrunk.stderr), /latest\.db is unchanged; --accept-shrink publishes this run until 2/);
  assert.deepEqual([latest(out), shrunk.loaded.database.endsWith('.shrunk.db')], [first, true]);
  const accepted = await etl(out, ['--max-shrink', '20', '--accept-shrink']);
  assert.equal(accepted.status, 0, accepted.stderr);
  assert.deepEqual(
    accepted.questions.filter(({ endpoint }) => endpoint !== 'auth'),
    [],
  );
  assert.equal(latest(out), basename(shrunk.loaded.database).replace('.shrunk', ''));
});

test('on a file system without links latest.db is a copy, and the next run replaces it', {
  skip: noPreload,
}, async () => {
  const out = join(root, 'no-links');
  const shim = preload(failing({ symlink: 'EPERM', link: 'EPERM', symlinkat: 'EPERM', linkat: 'EPERM' }));
  after(shim.remove);
  const first = await etl(out, ['--keep', '1'], shim.env);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(lstatSync(join(out, 'latest.db')).isSymbolicLink(), false);
  assert.equal(postures(join(out, 'latest.db')), first.loaded.rows.q_pcrs_postureinfo);
  const second = await etl(out, ['--keep', '1', '--incremental'], shim.env);
  assert.deepEqual([second.status, second.loaded.base], [0, 'delta'], second.stderr);
  const names = readdirSync(out).map((name) => name.replace(/\d{8}T\d{6}Z/, 'STAMP'));
  assert.deepEqual(names.sort(), [
    ...['archive_STAMP', 'archive_STAMP', 'last_attempt.json', 'latest.db', 'pcrs_STAMP.db'],
  ]);
});

test('with a clock that was set back, a run neither moves latest.db nor loses itself to --keep', {
  skip: noPreload,
}, async () => {
  const out = join(root, 'clock');
  assert.equal((await etl(out)).status, 0);
  const first = latest(out);
  const shim = preload(clockOff(-7 * 86_400));
  after(shim.remove);
  const back = await etl(out, ['--keep', '1'], { ...shim.env, PCRS_STATE_DIR: join(root, 'state-back') });
  assert.equal(back.status, 0, back.stderr);
  assert.match(back.stderr, /latest\.db was left unchanged: its run started .*--allow-older/);
  assert.deepEqual([latest(out), existsSync(back.loaded.database)], [first, true]);
});

test("reports a file system's limits at the start, and still publishes the run", {
  skip: noPreload,
}, async (t) => {
  const lacks: [string, string, RegExp][] = [
    [
      'modes',
      failing({ chmod: 'EPERM', fchmod: 'EPERM', fchmodat: 'EPERM' }),
      /: the file system does not store file modes, so others may be able to read the files$/m,
    ],
    [
      'sync',
      withoutDirectorySync,
      /: the file system cannot sync directories, so a crash of the machine may lose the newest files$/m,
    ],
  ];
  for (const [name, code, said] of lacks) {
    const { env: shim, remove } = preload(code);
    t.after(remove);
    const out = join(root, `without-${name}`);
    for (const start of ['first', 'second']) {
      const ended = await etl(out, [], shim);
      assert.equal(ended.status, 0, `${name}, ${start}: ${ended.stderr}`);
      assert.match(ended.stderr, said);
      assert.equal(latest(out), basename(ended.loaded.database));
    }
  }
});

test('refuses a read-only folder before any request', { skip: noContainers }, async () => {
  const out = join(root, 'read-only');
  assert.equal((await etl(out)).status, 0);
  const before = readdirSync(out).sort();
  const asked = simulator.requests.length;
  const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  const words = [process.execPath, '--conditions=pcrs-source', bin, '--out'];
  for (const folder of [out, join(out, 'new')]) {
    const [file, args] = containerCommand('pod', ['sh', '-c', readOnly, out, ...words, folder]);
    const ended = await run(file, args, { env, limitMs: 60_000 });
    assert.deepEqual([ended.status, ended.stdout], [1, ''], ended.stderr);
    assert.match(ended.stderr, /^pcrs-etl: \S*read-only\S*: .*the file system is read-only.*\n$/);
  }
  assert.equal(simulator.requests.length, asked);
  assert.deepEqual(readdirSync(out).sort(), before);
});

test('a run whose lock was taken over publishes nothing and leaves the notes of the new holder alone', async () => {
  const out = join(root, 'taken-over');
  simulator.faults.add('posture:*:delay=1500');
  const running = etl(out, ['--hosts-per-request', '5', '--concurrency', '1']);
  const begun = () => existsSync(out) && readdirSync(out).some((name) => name.endsWith('.incomplete.db'));
  while (!begun()) await delay(50);
  const lock = join(out, '.lock');
  writeFileSync(lock, readFileSync(lock, 'utf8').replace(/"nonce":"[^"]+"/, '"nonce":"of-another"'));
  simulator.faults.clear();
  const notes = ['last_attempt.json', '.tools.json', '.lock'];
  const before = notes.map((name) => readFileSync(join(out, name), 'utf8'));
  const ended = await running;
  assert.equal(ended.status, 1, ended.stderr);
  assert.match(ended.stderr, /another run took it over/);
  assert.deepEqual(
    readdirSync(out).filter((name) => /^(latest|pcrs_\w+\.db)/.test(name)),
    [],
  );
  assert.deepEqual(
    notes.map((name) => readFileSync(join(out, name), 'utf8')),
    before,
  );
});
