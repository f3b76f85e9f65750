import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectionConfig } from './connection-config.ts';

test('takes a URL as it is, a name as a database, and - from the variables', () => {
  assert.deepEqual(connectionConfig('postgres://me@db.example/x', {}), {
    connectionString: 'postgres://me@db.example/x',
  });
  assert.deepEqual(connectionConfig('compliance', {}), { database: 'compliance' });
  assert.deepEqual(connectionConfig('-', {}), {});
});

test('refuses a password in the URL, however it is written', () => {
  for (const url of ['postgres://me:secret@db.example/x', 'postgresql://db.example/x?password=secret']) {
    assert.throws(() => connectionConfig(url, {}), {
      code: 'PCRS_USAGE',
      message: /^(?!.*secret).*\.pgpass/,
    });
  }
});

test('reads a service from its file, and names a missing one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-service-'));
  try {
    const file = join(folder, 'services');
    writeFileSync(
      file,
      '[other]\nhost=other\n\n[audit]\n# where it is\nhost = db.example\nport=6432\ndbname=compliance\n',
    );
    const found = connectionConfig('-', { PGSERVICE: 'audit', PGSERVICEFILE: file });
    assert.deepEqual(found, { host: 'db.example', port: 6432, database: 'compliance' });
    assert.throws(() => connectionConfig('-', { PGSERVICE: 'none', PGSERVICEFILE: file }), {
      code: 'PCRS_USAGE',
      message: /no service none/,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
