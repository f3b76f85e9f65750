import assert from 'node:assert/strict';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { besides, hostPostures } from './host-postures.ts';
import { passRateSelect } from './pass-rate.ts';

/** A database of postures given as [policy, host, id, control, technology, instance, status, batch date, batch]. */
function database(rows: readonly unknown[][]) {
  const db = new Sqlite(':memory:');
  db.exec(`CREATE TABLE q_pcrs_postureinfo (policyId INTEGER, hostId INTEGER, id INTEGER, controlId INTEGER,
    technologyId INTEGER, instance TEXT, status TEXT, BATCH_DATE TEXT, currentBatch INTEGER,
    PRIMARY KEY (policyId, hostId, id, currentBatch));
    CREATE TABLE q_pcrs_policy_list (id INTEGER, title TEXT);
    CREATE TABLE q_pcrs_postureinfo_controls (policyId INTEGER, controlId INTEGER, technologyId INTEGER,
      policyTitle TEXT, technology TEXT, criticality TEXT);
    INSERT INTO q_pcrs_policy_list VALUES (1, 'CIS');
    INSERT INTO q_pcrs_postureinfo_controls VALUES (1, 7, 0, 'older title', '{"name":"Linux"}', '{"label":"URGENT","value":5}')`);
  const insert = db.prepare(`INSERT INTO q_pcrs_postureinfo VALUES (${'?,'.repeat(8)}?)`);
  for (const row of rows) insert.run(...row);
  return db;
}

const rows = [
  [1, 2, 9, 7, null, null, 'Failed', '2026-11-01 00:00:00', 0],
  [1, 2, 10, 7, null, null, 'Passed', '2026-11-02 00:00:00', 0],
  [1, 2, 11, 7, null, '', 'PassedE', '2026-11-01 00:00:00', 2],
  [1, 2, 11, 7, null, '', 'PassedE', '2026-11-01 00:00:00', 1],
  [1, 10, 12, 7, null, null, 'Error', '2026-11-02 00:00:00', 0],
  [1, 10, 13, 8, 3, null, 'Failed', '2026-11-02 00:00:00', 0],
];

test('counts a posture once, by the row loaded last, in the walk and in SQL', () => {
  const db = database(rows);
  const hosts = [...hostPostures(db)].map(({ hostId, postures }) => [
    hostId,
    [...postures.values()].map(({ status, currentBatch }) => [status, currentBatch]),
  ]);
  assert.deepEqual(hosts, [
    [
      2n,
      [
        ['Passed', 0n],
        ['PassedE', 1n],
      ],
    ],
    [
      10n,
      [
        ['Error', 0n],
        ['Failed', 0n],
      ],
    ],
  ]);
  assert.deepEqual(db.prepare(`${passRateSelect} ORDER BY technologyId DESC`).all(), [
    {
      policyId: 1,
      policyTitle: 'CIS',
      technologyId: 3,
      technology_name: null,
      criticality_label: null,
      criticality_value: null,
      postures: 1,
      passed: 0,
      excepted: 0,
      failed: 1,
      error: 0,
      other: 0,
      pass_rate: 0,
    },
    {
      policyId: 1,
      policyTitle: 'CIS',
      technologyId: 0,
      technology_name: 'Linux',
      criticality_label: 'URGENT',
      criticality_value: 5,
      postures: 3,
      passed: 1,
      excepted: 1,
      failed: 0,
      error: 1,
      other: 0,
      pass_rate: 100,
    },
  ]);
});

test('two walks meet at each host once, in numeric order of the ids', () => {
  const fresh = database([...rows.slice(4), [2, 1, 1, 1, 1, null, 'Passed', '', 0]]);
  const pairs = [...besides(hostPostures(database(rows)), hostPostures(fresh))];
  assert.deepEqual(
    pairs.map((host) => [host.policyId, host.hostId, host.old?.postures.size, host.new?.postures.size]),
    [
      [1n, 2n, 2, undefined],
      [1n, 10n, 2, 2],
      [2n, 1n, undefined, 1],
    ],
  );
});
