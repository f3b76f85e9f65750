import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toSqlite } from 'pcrs-to-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'pcrs-odbc-'));
after(() => rmSync(folder, { recursive: true }));

/** A query through ODBC with Debian's SQLite driver, as an analyst's program makes it. */
function byOdbc(database: string, sql: string): { status: number | null; stdout: string; stderr: string } {
  const program = `import json, pyodbc, sys
rows = pyodbc.connect('Driver=SQLite3;Database=' + sys.argv[1]).execute(sys.argv[2])
print(json.dumps([list(row) for row in rows]))`;
  return spawnSync('/usr/bin/python3', ['-c', program, database, sql], { encoding: 'utf8' });
}

const absent = byOdbc(':memory:', 'SELECT 1').status !== 0;

test('ids of more than 32 bits and long texts arrive whole through ODBC', {
  skip: absent && "Debian's libsqliteodbc and python3-pyodbc are not installed",
}, async () => {
  const database = join(folder, 'posture.db');
  const posture = {
    ...{ kind: 'posture', id: 23006235045, policyId: 1, hostId: 609153601, controlId: 2, technologyId: 3 },
    ...{ status: 'Failed', evidence: { currentValues: 'x'.repeat(1000) } },
  };
  await toSqlite(database, [Buffer.from(`${JSON.stringify(posture)}\n`)]);
  const { stdout, stderr } = byOdbc(
    database,
    'SELECT v.id, v.hostId, evidence, evidence_currentValues FROM v_pcrs_failed v JOIN q_pcrs_postureinfo p ON p.id = v.id',
  );
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), [
    [23006235045, 609153601, JSON.stringify(posture.evidence), posture.evidence.currentValues],
  ]);
});
