// How the tool finds a server and proves who it is: passwords, sockets, TLS, and what it prints if one is wrong.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import {
  caCertificate,
  localCertificate,
  localKey,
} from '../../packages/pcrs-gateway/src/http/certificates.test.ts';
import { openPlace } from '../support/open-place.ts';
import {
  asRun,
  connected,
  hostIds,
  lacking,
  openPostgres,
  policy,
  posture,
} from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const port = await freePort();
const server = (await openPostgres([`port=${port}`, 'listen_addresses=127.0.0.1'])) as PostgresServer;
const place = await openPlace('connections');
const input = `${asRun([policy, hostIds, posture()]).join('\n')}\n`;
const me = userInfo().username;

interface Load {
  /** Value of --database; default `-`. */
  database?: string;
  env?: Record<string, string>;
  input?: string;
}

/** Runs the tool over the server's socket, as postgres, unless the environment says otherwise. */
function load({ database = '-', env = {}, input: lines = input }: Load) {
  return place.bash(`pcrs-to-postgres --quiet --database '${database}' --schema ${newSchema()}`, {
    input: lines,
    env: {
      PGHOST: server.env.PGHOST,
      PGPORT: String(port),
      PGUSER: 'postgres',
      PGDATABASE: 'postgres',
      ...env,
    },
    limitMs: 20_000,
  });
}

/** Expects a load without a word on stderr. */
async function loads(options: Load): Promise<void> {
  const { status, stderr, stdout } = await load(options);
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(JSON.parse(stdout).complete, true);
}

/** Expects one line on stderr, and a status. */
async function fails(options: Load, expected: number, line: RegExp): Promise<void> {
  const { status, stderr } = await load(options);
  assert.match(stderr, /^pcrs-to-postgres: [^\n]+\n$/);
  assert.match(stderr, line);
  assert.equal(status, expected);
}

let schemas = 0;
let fixedSchema: string | undefined;
const newSchema = () => fixedSchema ?? `s${++schemas}`;

async function sql(...statements: string[]): Promise<void> {
  const client = await connected(server, { port });
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Writes rules and files into the folder of the server's data, and lets it read them. */
async function configure(rules: string[], ssl: 'on' | 'off'): Promise<void> {
  writeFileSync(join(server.data, 'pg_hba.conf'), rules.map((rule) => `${rule}\n`).join(''));
  await sql(`ALTER SYSTEM SET ssl = ${ssl}`, 'SELECT pg_reload_conf()');
  await new Promise((resolve) => setTimeout(resolve, 300));
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port: free } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return free;
}

suite('connections', { skip: lacking(server) }, () => {
  before(async () => {
    await sql(
      "SET password_encryption = 'scram-sha-256'",
      "CREATE ROLE locked_out LOGIN PASSWORD 'right'",
      'GRANT CREATE ON DATABASE postgres TO locked_out',
      `CREATE ROLE "${me}" LOGIN`,
      `GRANT CREATE ON DATABASE postgres TO "${me}"`,
    );
    await configure(['local all locked_out scram-sha-256', 'local all all trust'], 'off');
  });

  const passwords = join(place.env['HOME'] as string, '.pgpass');
  const lockedOut = { PGUSER: 'locked_out' };

  test('a missing password ends at once with status 4, and names the file for it', async () => {
    await fails(
      { env: lockedOut },
      4,
      /\/postgres: no password for locked_out; put it into ~\/\.pgpass \(mode 0600\), or into the file that PGPASSFILE names\n/,
    );
  });

  test('a password file that others can read is ignored, and the message says so', async () => {
    writeFileSync(passwords, '*:*:*:locked_out:right\n');
    chmodSync(passwords, 0o644);
    await fails(
      { env: lockedOut },
      4,
      /no password for locked_out; password file .*\.pgpass" has group or world access/,
    );
  });

  test('uses ~/.pgpass and PGPASSFILE without a word, and PGPASSWORD before them', async () => {
    writeFileSync(passwords, '*:*:*:locked_out:right\n');
    chmodSync(passwords, 0o600);
    await loads({ env: lockedOut });
    await loads({ database: 'postgres', env: { ...lockedOut, PCRS_LOG_FORMAT: 'json' } });
    await fails({ env: { ...lockedOut, PGPASSWORD: 'wrong' } }, 4, /password authentication failed/);
    const other = join(place.folder(), 'passwords');
    writeFileSync(other, '*:*:*:*:wrong\n', { mode: 0o600 });
    await fails({ env: { ...lockedOut, PGPASSFILE: other } }, 4, /password authentication failed/);
  });

  test('without PGHOST and PGUSER it takes a socket of this machine and the user who runs it', async () => {
    const name = `.s.PGSQL.${port}`;
    symlinkSync(join(server.env.PGHOST, name), join('/tmp', name));
    after(() => rmSync(join('/tmp', name), { force: true }));
    const local = { PGHOST: '', PGDATABASE: '' };
    await loads({ database: 'postgres', env: { ...local, PGUSER: '', USER: '' } });
    // Such a server is `localhost` in a password file.
    writeFileSync(passwords, `localhost:${port}:postgres:locked_out:right\n`);
    chmodSync(passwords, 0o600);
    await loads({ database: `postgres://locked_out@/postgres?sslmode=require`, env: local });
  });

  test('sslmode=require encrypts, verify-full proves the server too, and none of them prints a warning', async () => {
    const [key, ca] = [join(server.data, 'server.key'), join(place.folder(), 'ca.pem')];
    writeFileSync(join(server.data, 'server.crt'), localCertificate);
    writeFileSync(key, localKey, { mode: 0o600 });
    if (process.getuid?.() === 0) chownSync(key, 65534, 65534);
    writeFileSync(ca, caCertificate);
    await configure(['local all all trust', 'hostssl all all 127.0.0.1/32 trust'], 'on');
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const [host, database] = [{ PGHOST: '127.0.0.1' }, '-'];
    await loads({ database: url });
    await loads({ database: `${url}?sslmode=require` });
    await loads({ database, env: { ...host, PGSSLMODE: 'require' } });
    await loads({ database: `${url}?sslmode=verify-full&sslrootcert=${ca}` });
    await loads({ database, env: { ...host, PGSSLMODE: 'verify-full', PGSSLROOTCERT: ca } });
    await fails(
      { database: `${url}?sslmode=verify-full` },
      1,
      /not from a known CA; give its CA by sslrootcert=FILE/,
    );
    await fails({ database: `${url}?sslmode=disable` }, 4, /no pg_hba\.conf entry/);
    const direct = { PGSSLNEGOTIATION: 'direct' };
    await fails(
      { database: `${url}?sslmode=disable`, env: direct },
      2,
      /requires SSL.*; check PGSSLNEGOTIATION/,
    );
    await configure(['local all all trust', 'host all all 127.0.0.1/32 trust'], 'off');
    await loads({ database: url });
    await fails({ database: `${url}?sslmode=require` }, 1, /the server does not have TLS/);
  });

  test('tables of another role: names it, or says that it owns them', async () => {
    await sql('CREATE ROLE other LOGIN', 'GRANT CREATE ON DATABASE postgres TO other');
    fixedSchema = 'owned';
    after(() => {
      fixedSchema = undefined;
    });
    await loads({});
    const other = { PGUSER: 'other' };
    const whose =
      /schema owned belongs to the role postgres, and other may not load into it; load as postgres, or/;
    await fails({ env: other }, 4, whose);
    await sql('GRANT USAGE ON SCHEMA owned TO other');
    await fails({ env: other }, 4, whose);
    await sql(
      'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA owned TO other',
      'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA owned TO other',
    );
    await loads({ env: other });
    const wider = `${asRun([posture({ id: 10, brandNew: 1 })]).join('\n')}\n`;
    await fails(
      { env: other, input: wider },
      4,
      /must be owner .*; load as the role that owns the schema's tables/,
    );
  });

  test('a database in another encoding says so, whatever the first character that it lacks', async () => {
    await sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const lines = `${asRun([posture({ dns: '漢' })]).join('\n')}\n`;
    await fails(
      { database: 'latin', input: lines },
      2,
      /the database latin has the encoding LATIN1; create one with UTF8/,
    );
  });

  test('a server that is not there is one line, with what to check', async () => {
    const closed = `postgres://127.0.0.1:${await freePort()}/x`;
    await fails(
      { database: closed },
      1,
      /no server answers there; check the host and the port.*ECONNREFUSED/,
    );
    await fails({ env: { PGHOST: place.folder() } }, 1, /no server has a socket there; check PGHOST.*ENOENT/);
  });
});
