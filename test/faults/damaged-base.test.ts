// Damages the snapshot that the next delta would build on: whatever the next run then asks for, the result is the
// truth.
import assert from 'node:assert/strict';
import {
  cpSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after } from 'node:test';
import { watchedPlace } from '../support/faults-canary.ts';
import { contentsOf, posturesOf, posturesOfRecords } from '../support/faults-database.ts';
import { matrix } from '../support/faults-table.ts';
import { records } from '../support/programs.ts';

const Database = createRequire(new URL('../../packages/pcrs-database/package.json', import.meta.url))(
  'better-sqlite3',
);
const place = await watchedPlace('faults-base', { seed: 31, policies: 4, hosts: 30, controls: 6 });
after(() => place.close());
const { simulator } = place;
const truth = posturesOfRecords(simulator.posture({ policies: simulator.world.policyIds('active') }));

const first = place.folder();
const made = await place.bash('pcrs-etl --out out', { cwd: first });
assert.equal(made.status, 0, made.stderr);

/** How the snapshot is damaged, and why pcrs-etl then asks for everything; no reason if it still builds on it. */
interface Row {
  harm(snapshot: string, folder: string): void;
  says?: RegExp;
}

const bySql = (sql: string) => (snapshot: string) => {
  const db = new Database(snapshot);
  db.pragma('foreign_keys = OFF');
  db.exec(sql);
  db.close();
};

const rows: Record<string, Row> = {
  'nothing happens to it': { harm() {} },
  'a page is overwritten': {
    harm(snapshot) {
      const file = openSync(snapshot, 'r+');
      const { size } = statSync(snapshot);
      for (let at = 8192; at < size; at += 3 * 8192) writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, at);
    },
    says: /is damaged \(|cannot be read \(/,
  },
  'its end is cut off': {
    harm: (snapshot) => truncateSync(snapshot, statSync(snapshot).size - 3 * 8192),
    says: /is damaged \(|cannot be read \(/,
  },
  'it is emptied': { harm: (snapshot) => truncateSync(snapshot), says: /cannot be read|is not the snapshot/ },
  'postures are deleted by hand': {
    harm: bySql('DELETE FROM q_pcrs_postureinfo WHERE rowid % 7 = 1'),
    says: /has \d+ rows in q_pcrs_postureinfo, but its run loaded \d+/,
  },
  'hosts are deleted by hand': {
    harm: bySql('DELETE FROM q_pcrs_hostids WHERE rowid = 1'),
    says: /has \d+ rows in q_pcrs_hostids, but its run loaded \d+/,
  },
  'a table is dropped': {
    harm: bySql('DROP TABLE q_pcrs_postureinfo_controls'),
    says: /cannot be read \(.*q_pcrs_postureinfo_controls/,
  },
  'rows are added by hand': {
    harm: bySql('INSERT INTO q_pcrs_hostids (subscriptionId, policyId, hostId) VALUES (1, 1, 1)'),
    says: /has \d+ rows in q_pcrs_hostids, but its run loaded \d+/,
  },
  'it is called incomplete': {
    harm: bySql("DELETE FROM q_pcrs_status WHERE STATUS_NAME IN ('LOAD', 'ALL_TABLES_LOADED_SUCCESSFULLY')"),
    says: /is not the snapshot of the last complete run/,
  },
  'it is gone': { harm: (snapshot) => rmSync(snapshot), says: /is missing/ },
  'a text is in its place': {
    harm: (snapshot) => writeFileSync(snapshot, 'not a database\n'),
    says: /cannot be read/,
  },
};

/** A damaged copy of the first run's folder, and the outcome of the next start. */
async function baseCase({ harm, says }: Row): Promise<string> {
  const cwd = place.folder();
  const out = join(cwd, 'out');
  cpSync(join(first, 'out'), out, { recursive: true, verbatimSymlinks: true });
  harm(realpathSync(join(out, 'latest.db')), out);
  const ended = await place.bash('pcrs-etl --out out --incremental', { cwd, limitMs: 120_000 });
  assert.equal(ended.status, 0, ended.stderr);
  const [loaded] = records(ended.stdout);
  assert.deepEqual([loaded.complete, loaded.base], [true, says ? 'full' : 'delta'], ended.stderr);
  if (says) assert.match(ended.stderr, says);
  assert.deepEqual(posturesOf(contentsOf(join(out, 'latest.db'))), truth);
  return loaded.base;
}

matrix(
  'the snapshot a delta is to be built on: base of the next run',
  ['base'],
  Object.entries(rows).map(([row, one]) => ({ row, column: 'base', slow: false, run: () => baseCase(one) })),
);
