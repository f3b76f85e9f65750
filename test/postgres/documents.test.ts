// What the documents promise about PostgreSQL: the nightly line of the cookbook, and queries that SQLite shares.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openForReading } from 'pcrs-database/open';
import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { startSimulator } from 'pcrs-simulator';
import { root } from '../../scripts/run-program.ts';
import { openPlace } from '../support/open-place.ts';
import { lacking, openPostgres, query, type Row } from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { run } from '../support/programs.ts';

const server = (await openPostgres()) as PostgresServer;
const world = { policies: 8, hosts: 20, controls: 12 };
const place = await openPlace('documents', world);
const cwd = place.folder();
const env = server?.env as Record<string, string> | undefined;

suite('what the documents promise', { skip: lacking(server) }, () => {
  test('the nightly line keeps PostgreSQL equal to the snapshot, and prints nothing', async () => {
    await fullRun(0);
    const before = await policiesOf();
    await nightly(nightlyLine());
    await fullRun(5);
    const after = await policiesOf();
    assert.ok(
      before.some((id) => !after.includes(id)),
      `no policy is gone: ${before} ${after}`,
    );
    await nightly(nightlyLine());
    for (const { name } of [policyTable, hostIdsTable, postureTable, controlsTable]) {
      const sql = (table: string) => `SELECT count(*) AS rows FROM ${table}`;
      assert.deepEqual(texts(await query(server, sql(`pcrs.${name}`))), texts(await ask(sql(name))), name);
    }
    assert.match(await nightly(nightlyLine().replaceAll('--quiet', '')), /replaced \d+ U\+0000 by U\+FFFD/);
  });

  test('the nightly line prints every failure', async () => {
    const noServer = await place.bash(nightlyLine(), { cwd, env: { PGHOST: cwd } });
    assert.match(noServer.stderr, /^pcrs-to-postgres: /m);
    assert.equal(noServer.status, 1);
    const noSnapshot = await place.bash(nightlyLine().replace('posture', 'nowhere'), { cwd, env });
    assert.match(noSnapshot.stderr, /^pcrs-from-sqlite: /m);
    assert.notEqual(noSnapshot.status, 0);
  });

  for (const readme of ['README.md', 'packages/pcrs-to-sqlite/README.md']) {
    test(`the failures by criticality in ${readme} are the same rows in both, in one order`, async () => {
      const text = readFileSync(join(root, readme), 'utf8');
      const [sql] = /SELECT criticality_label[^;"]*/.exec(text) ?? assert.fail('no query');
      const rows = texts(await ask(sql));
      assert.equal(rows.at(-1)?.[0], '', 'a control without a criticality comes last');
      await query(server, 'ALTER ROLE postgres SET search_path = pcrs');
      assert.deepEqual(texts(await query(server, sql)), rows);
    });
  }
});

/** The command that the cookbook's cron line for PostgreSQL runs, for this folder and this server. */
function nightlyLine(): string {
  const page = readFileSync(join(root, 'docs/cookbook.md'), 'utf8');
  const lines = [...page.matchAll(/^\d+ +\d+ \* \* \* +pcrs +(.* pcrs-to-postgres .*)$/gm)];
  assert.equal(lines.length, 1);
  return lines[0]![1]!
    .replace('/srv/posture', 'posture')
    .replace('postgres://loader@db.example/compliance', '-');
}

/** Runs a line as cron does; what it printed. */
async function nightly(line: string): Promise<string> {
  const { status, stdout, stderr } = await run('sh', ['-c', line], { cwd, env: { ...place.env, ...env } });
  assert.equal(status, 0, stderr);
  if (line.includes('--quiet')) assert.equal(stdout + stderr, '');
  return stderr;
}

let port = 0;

/** A full run into the folder `posture`, of a gateway that is the same on each of its days. */
async function fullRun(day: number): Promise<void> {
  const simulator = await startSimulator({ ...world, rateLimit: 'off', day, port });
  port = simulator.port;
  try {
    const more = { PCRS_GATEWAY: simulator.gateway };
    const ended = await place.bash('pcrs-etl --out posture --evidence > loaded.json', { cwd, env: more });
    assert.equal(ended.status, 0, ended.stderr);
  } finally {
    await simulator.close();
  }
}

/** Rows of the newest snapshot. */
async function ask(sql: string): Promise<Row[]> {
  const { db, close } = await openForReading(join(cwd, 'posture/latest.db'));
  try {
    return db.prepare(sql).all() as Row[];
  } finally {
    close();
  }
}

async function policiesOf(): Promise<unknown[]> {
  return (await ask('SELECT DISTINCT policyId FROM q_pcrs_postureinfo')).map(({ policyId }) => policyId);
}

/** Values as texts: a bigint of the server's is one already. */
function texts(rows: readonly Row[]): string[][] {
  return rows.map((row) => Object.values(row).map((value) => String(value ?? '')));
}
