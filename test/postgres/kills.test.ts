// Kills the sink and the server at random moments: nothing is half published, and the next load is right.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openPlace } from '../support/open-place.ts';
import {
  asRun,
  hostIds,
  lacking,
  load,
  openPostgres,
  policy,
  posture,
  query,
  runId,
} from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const server = (await openPostgres()) as PostgresServer;
const place = await openPlace('kills');
const kills = process.env['PCRS_FAULTS'] === 'long' ? 30 : 4;
const postures = 3000;

const run = (status: string, number: number): string[] =>
  asRun(
    [
      policy,
      hostIds,
      ...Array.from({ length: postures }, (_, id) => posture({ id, status, rationale: 'r'.repeat(300) })),
    ],
    {
      runId: runId.replace(/1$/, String(number)),
      startedAt: `2026-11-2${number}T00:00:00.000Z`,
    },
  );

/** The published state: one status throughout, and a status table that agrees. */
async function published(schema: string): Promise<string> {
  const rows = await query(
    server,
    `SELECT status, count(*)::int AS n FROM ${schema}.q_pcrs_postureinfo GROUP BY status`,
  );
  assert.equal(rows.length, 1, JSON.stringify(rows));
  assert.equal(rows[0]?.['n'], postures);
  const [loaded] = await query(
    server,
    `SELECT status_detail::json ->> 'runId' AS run FROM ${schema}.q_pcrs_status WHERE status_name = 'LOAD'`,
  );
  const expected = rows[0]?.['status'] === 'old' ? 1 : 2;
  assert.equal(loaded?.['run'], runId.replace(/1$/, String(expected)));
  return String(rows[0]?.['status']);
}

test(`${kills} kills of the sink or of the server leave the old picture or the new one`, {
  skip: lacking(server),
}, async (t) => {
  const schema = 'kills';
  const file = join(place.folder(), 'new.ndjson');
  writeFileSync(
    file,
    run('new', 2)
      .map((line) => `${line}\n`)
      .join(''),
  );
  await load(server, schema, run('old', 1));
  const begin = () => {
    const child = spawn('pcrs-to-postgres', ['--database', '-', '--schema', schema], {
      env: { ...place.env, ...server.env },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.stdin.on('error', () => {});
    createReadStream(file).pipe(child.stdin);
    return { child, ended };
  };
  const startedAt = performance.now();
  assert.equal(await begin().ended, 0);
  const wholeMs = performance.now() - startedAt;
  await load(server, schema, run('old', 1), { allowOlder: true });
  let met = 0;
  for (let kill = 0; met < kills && kill < 3 * kills; kill += 1) {
    const { child, ended } = begin();
    const afterMs = Math.round(wholeMs * (0.4 + 0.6 * Math.random()));
    await wait(afterMs);
    const wasRunning = child.exitCode === null;
    if (wasRunning) met += 1;
    if (kill % 2 === 0) {
      if (wasRunning) process.kill(-(child.pid as number), 'SIGKILL');
      await ended;
      // The server notices that the connection is gone, and rolls back.
      await query(server, 'SELECT pg_advisory_lock(1), pg_advisory_unlock(1)');
    } else {
      await server.kill();
      assert.ok([0, 1].includes((await ended) as number));
      await server.start();
    }
    const left = await published(schema);
    const killed = `${kill % 2 === 0 ? 'the sink' : 'the server'} after ${afterMs} ms${wasRunning ? '' : ', which had ended'}`;
    t.diagnostic(`kill ${met} of ${kills}: ${killed}: the ${left} picture, whole`);
    await load(server, schema, run('new', 2), { allowOlder: true });
    assert.equal(await published(schema), 'new');
    await load(server, schema, run('old', 1), { allowOlder: true });
    assert.equal(await published(schema), 'old');
  }
  assert.equal(met, kills, 'kills that met a load under way');
});
