// Runs the programs of docs/examples as a reader would.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
// So that their types are checked; nothing of them is loaded here.
import type {} from '../docs/examples/pipe.ts';
import type {} from '../docs/examples/sink.ts';
import type {} from '../docs/examples/stage.ts';
import { root } from '../scripts/run-program.ts';
import { openPlace } from './support/open-place.ts';
import { type Ended, run } from './support/programs.ts';

const place = await openPlace('examples');
const { simulator } = place;

function example(name: string, cwd: string): Promise<Ended> {
  const path = join(root, 'docs/examples', `${name}.ts`);
  return run(process.execPath, ['--conditions=pcrs-source', path], { cwd, env: place.env });
}

test('a stage in a script counts what fails on chosen hosts', async () => {
  const { status, stdout, stderr } = await example('stage', place.folder());
  assert.equal(status, 0, stderr);
  const expected: Record<string, number> = {};
  for (const text of simulator.posture({ policies: ['5772904'], hosts: ['118701', '118729'] })) {
    const { status: found, criticality } = JSON.parse(text);
    const label = criticality?.label ?? 'none';
    if (found === 'Failed') expected[label] = (expected[label] ?? 0) + 1;
  }
  assert.ok(Object.keys(expected).length > 0);
  assert.deepEqual(JSON.parse(stdout), expected);
});

test('the whole pipe in one process loads what the gateway has', async () => {
  const cwd = place.folder();
  const { status, stdout, stderr } = await example('pipe', cwd);
  assert.equal(status, 0, stderr);
  const query = 'SELECT count(*), count(DISTINCT policyId) FROM q_pcrs_postureinfo';
  const database = new DatabaseSync(join(cwd, 'disa.db'), { readOnly: true });
  const row = Object.values(database.prepare(query).get()!);
  database.close();
  const records = [...simulator.posture({ evidence: 'evidence' })].map((text) => JSON.parse(text));
  const wanted = records.filter(({ policyTitle }) => /DISA/.test(policyTitle));
  assert.deepEqual(row, [wanted.length, new Set(wanted.map(({ policyId }) => policyId)).size]);
  assert.equal(JSON.parse(stdout).rows.q_pcrs_postureinfo, wanted.length);
});

test('a sink accepts objects from elsewhere, and a file of records with a bad line', async () => {
  const cwd = place.folder();
  await place.bash(
    "pcrs-simulator --print posture | head -5 > records.ndjson; echo 'no record' >> records.ndjson",
    { cwd },
  );
  const { status, stdout, stderr } = await example('sink', cwd);
  assert.equal(status, 0, stderr);
  const [first, second, problems] = JSON.parse(stdout);
  assert.deepEqual([first.q_pcrs_postureinfo, second.q_pcrs_postureinfo, problems.badLines], [2, 7, 1]);
  assert.equal(
    readFileSync(join(cwd, 'mixed.csv'), 'utf8'),
    'hostId,controlId,status\n118701,7,Failed\n118701,8,Passed\n',
  );
});
