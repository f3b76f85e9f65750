import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connectionConfig, type Environment } from './connection-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'pcrs-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Host, port, database and user, without a socket on this machine. */
function place(database: string, env: Environment = {}, folders: string[] = []): unknown[] {
  const { host, port, database: name, user } = connectionConfig(database, env, folders);
  return [host, port, name, user];
}

const me = userInfo().username;

test('takes a URL, a name as a database, and - from the variables', () => {
  assert.deepEqual(place('postgres://me@db.example:6000/x'), ['db.example', 6000, 'x', 'me']);
  assert.deepEqual(place('postgresql://db.example'), ['db.example', 5432, me, me]);
  assert.deepEqual(place('compliance'), ['localhost', 5432, 'compliance', me]);
  assert.deepEqual(place('-'), ['localhost', 5432, me, me]);
  const env = { PGHOST: 'db.example', PGPORT: '6000', PGDATABASE: 'x', PGUSER: 'me' };
  assert.deepEqual(place('-', env), ['db.example', 6000, 'x', 'me']);
  assert.deepEqual(place('postgres://other.example/y', env), ['other.example', 6000, 'y', 'me']);
  assert.throws(() => place('-', { PGPORT: 'x' }), { code: 'PCRS_USAGE', message: /1 to 65535, got x/ });
});

test('takes URLs of psql without a host, with one in the query, or percent-encoded', () => {
  assert.deepEqual(place('postgres://me@/compliance?host=/sock&port=55432'), [
    '/sock',
    55432,
    'compliance',
    'me',
  ]);
  assert.deepEqual(place('postgres://:6000/x'), ['localhost', 6000, 'x', me]);
  assert.deepEqual(place('postgres:///?dbname=x&user=me'), ['localhost', 5432, 'x', 'me']);
  assert.deepEqual(place('postgres://me%40acme@%2Fvar%2Frun/x%20y'), ['/var/run', 5432, 'x y', 'me@acme']);
  assert.deepEqual(place('postgres://me@[::1]:6000/x'), ['::1', 6000, 'x', 'me']);
});

test('without a host it takes the socket in a usual folder, else localhost', () => {
  writeFileSync(join(folder, '.s.PGSQL.6000'), '');
  const folders = [join(folder, 'none'), folder];
  assert.equal(place('x', { PGPORT: '6000' }, folders)[0], folder);
  assert.equal(place('x', {}, folders)[0], 'localhost');
  assert.equal(place('x', { PGPORT: '6000', PGHOST: 'db.example' }, folders)[0], 'db.example');
});

test('refuses what is neither a URL nor a name, without showing it', () => {
  const cases: [string, RegExp][] = [
    ['mysql://me:secret@db.example/x', /a URL of mysql; write postgres:/],
    ['jdbc:postgresql://db.example/secret', /a URL of jdbc:postgresql; write postgres:/],
    ['host=db.example password=secret', /does not take key=value; write postgres:/],
    ['secret.db', /or the name of a database; pcrs-to-sqlite loads into a file/],
    ['/data/secret', /or the name of a database/],
    ['postgres://me:secret@db.example:port/x', /is not a URL/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => connectionConfig(text, {}), { code: 'PCRS_USAGE', message }, text);
    assert.throws(() => connectionConfig(text, {}), { message: /^(?!.*secret)/ }, text);
  }
});

test('refuses a password in the URL, however it is written', () => {
  for (const url of [
    'postgres://me:secret@db.example/x',
    'postgres://me:secret@/x',
    'postgresql://db.example/x?password=secret',
  ]) {
    assert.throws(() => connectionConfig(url, {}), {
      code: 'PCRS_USAGE',
      message: /^(?!.*secret).*\.pgpass/,
    });
  }
});

test('reads a service from its file, below the URL and above the variables, and names a missing one', () => {
  const file = join(folder, 'services');
  writeFileSync(
    file,
    '[other]\nhost=other\n\n[audit]\n# where it is\nhost = db.example\nport=6432\ndbname=compliance\nsslmode=disable\n',
  );
  const env = { PGSERVICEFILE: file, PGHOST: 'else.example', PGUSER: 'me' };
  const audit = ['db.example', 6432, 'compliance', 'me'];
  assert.deepEqual(place('-', { ...env, PGSERVICE: 'audit' }), audit);
  assert.deepEqual(place('postgres:///?service=audit', env), audit);
  assert.deepEqual(place('postgres://us@/x?service=audit', env), ['db.example', 6432, 'x', 'us']);
  assert.equal(connectionConfig('postgres:///?service=audit', env).ssl, false);
  assert.throws(() => connectionConfig('-', { PGSERVICE: 'none', PGSERVICEFILE: file }), {
    code: 'PCRS_USAGE',
    message: /no service none/,
  });
});

test('sslmode means what it means to libpq, in the URL and in the variables', () => {
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, 'a certificate');
  const tls = (query: string, env: Environment = {}) => {
    const { ssl, orWithoutTls } = connectionConfig(`postgres://me@db.example/x?${query}`, env);
    if (typeof ssl !== 'object') return ssl;
    const { rejectUnauthorized: proven = true, ca: by, checkServerIdentity } = ssl;
    return { proven, by, anyName: checkServerIdentity !== undefined, orWithoutTls };
  };
  const unproven = { proven: false, by: undefined, anyName: false };
  assert.deepEqual(tls(''), { ...unproven, orWithoutTls: true });
  assert.deepEqual(tls('sslmode=allow'), { ...unproven, orWithoutTls: true });
  assert.deepEqual(tls('sslmode=require'), { ...unproven, orWithoutTls: false });
  assert.deepEqual(tls('ssl=true'), { ...unproven, orWithoutTls: false });
  assert.deepEqual(tls('', { PGSSLMODE: 'require' }), { ...unproven, orWithoutTls: false });
  const proven = { proven: true, by: 'a certificate', orWithoutTls: false };
  assert.deepEqual(tls(`sslmode=require&sslrootcert=${ca}`), { ...proven, anyName: true });
  assert.deepEqual(tls('sslmode=verify-ca', { PGSSLROOTCERT: ca }), { ...proven, anyName: true });
  assert.deepEqual(tls('sslmode=verify-full', { PGSSLROOTCERT: ca }), { ...proven, anyName: false });
  assert.deepEqual(tls('sslrootcert=system'), { ...proven, by: undefined, anyName: false });
  assert.equal(tls('sslmode=disable'), false);
  assert.equal(tls('host=/sock&sslmode=require'), false);
  mkdirSync(join(folder, '.postgresql'));
  writeFileSync(join(folder, '.postgresql', 'root.crt'), 'of the home');
  assert.deepEqual(tls('sslmode=verify-full', { HOME: folder }), {
    ...proven,
    by: 'of the home',
    anyName: false,
  });
  const refused: [string, RegExp][] = [
    ['sslmode=strict', /must be one of .*verify-full, got strict/],
    ['sslmode=verify-ca', /needs sslrootcert=FILE/],
    ['sslmode=require&sslrootcert=system', /needs sslmode=verify-full/],
    ['sslmode=require&sslrootcert=/none/ca.pem', /ENOENT.*\/none\/ca\.pem.*check sslrootcert/],
  ];
  for (const [query, message] of refused)
    assert.throws(() => tls(query), { code: 'PCRS_USAGE', message }, query);
});
