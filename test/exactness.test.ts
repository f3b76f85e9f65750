// The whole pipe yields exactly what the gateway holds, or reports what is missing.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type SQLite from 'better-sqlite3';
import { formNames } from 'pcrs-simulator';
import { root } from '../scripts/run-program.ts';
import { openPlace } from './support/open-place.ts';
import { makePlace, type Place, records, run } from './support/programs.ts';

const Database = createRequire(join(root, 'packages/pcrs-to-sqlite/package.json'))(
  'better-sqlite3',
) as typeof SQLite;

const world = { policies: 8, hosts: 30, controls: 8 };
const place = await openPlace('exactness', world);
const { simulator, bash } = place;
const actives = simulator.world.policyIds('active');
const stages = 'pcrs-policies | pcrs-hostids | pcrs-posture --evidence --concurrency 1';
const pipe = `set -o pipefail; pcrs-auth | ${stages}`;

/** The gateway's records, each with its kind in front, as the stages should write them. */
const truth = {
  policy: simulator.world
    .policies()
    .filter((text) => actives.includes(String(JSON.parse(text).id)))
    .map((text) => `{"kind":"policy","subscriptionId":${simulator.world.subscriptionId},${text.slice(1)}`),
  hostids: actives.map((id) => tagged('hostids', simulator.world.hostIdsElement(id))),
  posture: Array.from(simulator.posture({ policies: actives, evidence: 'evidence' }), (text) =>
    tagged('posture', text),
  ),
};

/** A whole run's stream, for the tests that only read one. */
const streamFile = join(place.folder(), 'run.ndjson');
assert.deepEqual(await bash(`${pipe} > ${streamFile}`), { status: 0, signal: null, stdout: '', stderr: '' });
const stream = readFileSync(streamFile, 'utf8');

suite('the stages', { concurrency: 2 }, () => {
  test("policies, host ids and posture are the gateway's own, digit for digit, in its order", async () => {
    const listed = await bash('pcrs-policies | tee policies | pcrs-hostids | tee hostids; cat policies >&2');
    assert.equal(listed.stderr, truth.policy.map(line).join(''));
    assert.equal(listed.stdout, truth.hostids.map(line).join(''));
    const { stdout, stderr } = await bash(stages);
    assert.equal(stderr, '');
    assert.equal(stdout, truth.posture.map(line).join(''));
  });

  test("with pcrs-auth in front the same records come with the run's records around them", () => {
    const all = stream.trimEnd().split('\n');
    const of = (...kinds: string[]) => all.filter((one) => kinds.includes(JSON.parse(one).kind));
    assert.deepEqual(of('policy'), truth.policy);
    assert.deepEqual(of('hostids'), truth.hostids);
    assert.deepEqual(of('posture'), truth.posture);
    const [session, ...rest] = of('session', 'start', 'end').map((one) => JSON.parse(one));
    assert.equal(session.kind, 'session');
    assert.equal(JSON.parse(all[0]!).kind, 'session');
    const names = rest.map(({ kind, stage }) => `${kind} ${stage}`);
    assert.deepEqual(names, [
      ...['start pcrs-posture', 'start pcrs-hostids', 'start pcrs-policies'],
      ...['end pcrs-policies', 'end pcrs-hostids', 'end pcrs-posture'],
    ]);
    assert.equal(JSON.parse(all.at(-1)!).kind, 'end');
    assert.ok(rest.every((record) => record.runId === session.runId));
    const slices = of('slice').map((one) => JSON.parse(one));
    const counted = slices.reduce((sum: number, { records: count }) => sum + count, 0);
    assert.equal(counted, truth.posture.length);
  });

  test('more requests in flight only change the order of whole slices', async () => {
    const { stdout, stderr } = await bash(
      'pcrs-policies | pcrs-hostids | pcrs-posture --evidence --concurrency 4 --hosts-per-request 7',
    );
    assert.equal(stderr, '');
    assert.deepEqual(stdout.split('\n').sort(), [...truth.posture, ''].sort());
  });

  const same = formNames.filter((form) => truthOf(form) === 'same');
  const answers: Record<string, object> = {
    ...Object.fromEntries(same.map((form) => [form, { forms: [form] }])),
    'Content-Encoding: gzip': { contentEncoding: 'gzip' },
    'gzip around gzip': { contentEncoding: 'double' },
    'plain, declared as gzip': { contentEncoding: 'false' },
    'chunks of 3 bytes': { chunkBytes: 3 },
  };
  for (const [name, options] of Object.entries(answers)) {
    test(`the records are the same from an answer in another form: ${name}`, async () => {
      await withPlace({ ...world, policies: 3, hosts: 9, ...options }, async (other) => {
        const expected = [
          ...other.simulator.posture({ policies: other.simulator.world.policyIds('active') }),
        ];
        const ended = await other.bash('pcrs-policies | pcrs-hostids | pcrs-posture --concurrency 1');
        assert.equal(ended.status, 0, ended.stderr);
        const got = ended.stdout
          .trimEnd()
          .split('\n')
          .map((one) => JSON.parse(one));
        assert.deepEqual(
          got.map(({ kind: _, ...record }) => record),
          expected.map((text) => JSON.parse(text)),
        );
      });
    });
  }

  for (const emptyAs of ['array', '204', 'empty', 'broken'] as const) {
    test(`an empty answer, sent as ${emptyAs}, gives no records`, async () => {
      await withPlace({ ...world, emptyAs }, async (other) => {
        const ended = await other.bash(
          'pcrs-policies | pcrs-hostids | pcrs-posture --evaluated-since 2035-01-01',
        );
        assert.equal(ended.stdout, '');
        assert.equal(ended.status, 0, ended.stderr);
        assert.equal(ended.stderr !== '', emptyAs === 'broken', ended.stderr);
      });
    });
  }
});

suite('the sinks', { concurrency: 2 }, () => {
  test('SQLite and CSV hold as many rows as the gateway holds records', async () => {
    const cwd = place.folder();
    const ended = await bash(
      `pcrs-to-sqlite --snapshot . < ${streamFile} > loaded; pcrs-to-csv --dir csv < ${streamFile} > written 2> /dev/null`,
      { cwd },
    );
    assert.deepEqual({ ...ended }, { status: 0, signal: null, stdout: '', stderr: '' });
    const pairs = truth.hostids.flatMap((text) => JSON.parse(text).hostIds).length;
    const [loaded] = records(readFileSync(join(cwd, 'loaded'), 'utf8'));
    assert.equal(loaded.complete, true);
    const database = new Database(join(cwd, 'latest.db'), { readonly: true });
    for (const [table, count] of [
      ['q_pcrs_policy_list', truth.policy.length],
      ['q_pcrs_hostids', pairs],
      ['q_pcrs_postureinfo', truth.posture.length],
      ['v_pcrs_postureinfo', truth.posture.length],
      ['v_pcrs_hosts_without_posture', 0],
    ] as const)
      assert.equal(database.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), count, table);
    database.close();
    assert.equal(loaded.rows.q_pcrs_postureinfo, truth.posture.length);
    const [written] = records(readFileSync(join(cwd, 'written'), 'utf8'));
    assert.deepEqual(
      written.files.map(({ kind, rows }: { kind: string; rows: number }) => [kind, rows]),
      [
        ['policy', truth.policy.length],
        ['hostids', pairs],
        ['posture', truth.posture.length],
      ],
    );
  });

  test('every value of every record is in the database', async () => {
    const cwd = place.folder();
    await bash(`pcrs-to-sqlite x.db < ${streamFile}`, { cwd });
    const database = new Database(join(cwd, 'x.db'), { readonly: true }).defaultSafeIntegers();
    const rows = database.prepare('SELECT * FROM q_pcrs_postureinfo').all() as Record<string, unknown>[];
    const byKey = new Map(rows.map((row) => [`${row['policyId']} ${row['hostId']} ${row['id']}`, row]));
    for (const text of truth.posture) {
      const record = JSON.parse(text);
      const row = byKey.get(`${record.policyId} ${record.hostId} ${record.id}`);
      assert.ok(row, text);
      for (const [name, value] of Object.entries(record)) {
        if (!(name in row)) continue;
        const stored: unknown = row[name];
        const expected = typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
        assert.equal(
          stored === null ? null : String(stored),
          expected === null ? null : String(expected),
          name,
        );
      }
    }
    database.close();
  });

  test('the same stream again changes no row', async () => {
    const cwd = place.folder();
    const contents = () => {
      const database = new Database(join(cwd, 'x.db'), { readonly: true });
      const tables = [
        'q_pcrs_policy_list',
        'q_pcrs_hostids',
        'q_pcrs_postureinfo',
        'q_pcrs_postureinfo_controls',
      ];
      const rows = tables.map((table) =>
        database.prepare(`SELECT rowid, * FROM ${table} ORDER BY rowid`).all(),
      );
      database.close();
      return rows;
    };
    await bash(`pcrs-to-sqlite x.db < ${streamFile}`, { cwd });
    const first = contents();
    assert.ok(first.every((rows) => rows.length > 0));
    const again = await bash(
      `sleep 1.1; pcrs-to-sqlite x.db < ${streamFile} | jq -c '[.complete,.stale,.problems]'`,
      { cwd },
    );
    assert.deepEqual(contents(), first);
    assert.equal(again.stdout, '[true,0,{}]\n');
  });

  test('statements with the tables and columns of QualysETL run unchanged', async () => {
    const cwd = place.folder();
    await bash(`pcrs-to-sqlite x.db < ${streamFile}`, { cwd });
    const database = new Database(join(cwd, 'x.db'), { readonly: true });
    const count = (sql: string) => database.prepare(sql).all().length;
    const posture = `id, instance, policyId, netBios, controlId, technologyId, status, previousStatus, firstFailDate, lastFailDate,
      firstPassDate, lastPassDate, postureModifiedDate, lastEvaluatedDate, created, hostId, ip, trackingMethod, os, osCpe, domainName,
      dns, qgHostid, networkId, networkName, complianceLastScanDate, customerUuid, customerId, assetId, evidence, causeOfFailure,
      currentDataSizeKB, totalDataSizeKB, currentBatch, totalBatches, CLOUD_RESOURCE_ID, BATCH_DATE, BATCH_NUMBER, Row_Last_Updated`;
    assert.equal(count(`SELECT ${posture} FROM Q_PCRS_PostureInfo`), truth.posture.length);
    assert.ok(
      count(`SELECT policyId, controlId, technologyId, policyTitle, controlStatement, rationale, remediation, controlReference,
        technology, criticality, BATCH_DATE, BATCH_NUMBER, Row_Last_Updated FROM Q_PCRS_PostureInfo_Controls`) >
        0,
    );
    assert.ok(
      count('SELECT STATUS_NAME, STATUS_DETAIL, LAST_BATCH_PROCESSED, Row_Last_Updated FROM Q_PCRS_Status') >
        0,
    );
    const disa = actives.filter((id) => /DISA/.test(titleOf(id)));
    const expected = truth.posture.filter((text) => disa.includes(String(JSON.parse(text).policyId))).length;
    assert.ok(expected > 0);
    assert.equal(
      count(`SELECT * FROM Q_PCRS_Policy_List, Q_PCRS_PostureInfo, Q_PCRS_PostureInfo_Controls c
        WHERE Q_PCRS_PostureInfo.policyId = Q_PCRS_Policy_List.id AND c.policyId = Q_PCRS_PostureInfo.policyId
        AND c.controlId = Q_PCRS_PostureInfo.controlId AND c.technologyId = Q_PCRS_PostureInfo.technologyId
        AND title LIKE '%DISA%'`),
      expected,
    );
    database.close();
  });

  test('pcrs-etl makes the same snapshot as the pipe', async () => {
    const cwd = place.folder();
    const ended = await bash('pcrs-etl --out out --evidence > loaded', { cwd });
    assert.deepEqual({ ...ended }, { status: 0, signal: null, stdout: '', stderr: '' });
    const [loaded] = records(readFileSync(join(cwd, 'loaded'), 'utf8'));
    assert.equal(loaded.rows.q_pcrs_postureinfo, truth.posture.length);
    assert.equal(statSync(join(cwd, 'out', 'latest.db')).mode & 0o077, 0, 'nobody else may read it');
  });

  test('filtered records are reported, and are a failure only with --strict', async () => {
    const filter = `jq -c 'select(.kind != "posture" or .status == "Failed")' ${streamFile}`;
    const failed = truth.posture.filter((text) => JSON.parse(text).status === 'Failed').length;
    const loaded = await bash(`${filter} | pcrs-to-sqlite x.db`);
    assert.equal(loaded.status, 0);
    assert.equal(records(loaded.stdout)[0].rows.q_pcrs_postureinfo, failed);
    assert.equal(records(loaded.stdout)[0].complete, true);
    for (const sink of ['pcrs-to-sqlite y.db', 'pcrs-to-csv --dir d']) {
      const strict = await bash(`${filter} | ${sink} --strict`);
      assert.equal(strict.status, 6);
      assert.match(strict.stderr, new RegExp(`${truth.posture.length - failed} posture`));
    }
  });
});

suite('failures show at the end of the pipe', { concurrency: 2 }, () => {
  test('a wrong password is 4 after one try, and no later stage tries again', async () => {
    await withPlace(world, async (other) => {
      const env = { PCRS_PASSWORD: 'wrong' };
      const line = `pcrs-auth | ${stages} | pcrs-to-sqlite --snapshot s; echo "\${PIPESTATUS[@]}"; ls -A s 2> /dev/null`;
      const ended = await other.bash(line, { env });
      assert.equal(ended.stdout, '4 6 6 6 6\n');
      assert.equal(other.simulator.requests.filter(({ endpoint }) => endpoint === 'auth').length, 1);
      const last = ended.stderr.split('\n').filter((one) => one.startsWith('pcrs-to-sqlite: '));
      assert.equal(last.length, 1);
      assert.match(last[0]!, /run incomplete: pcrs-auth ended 4: .*401/);
      const alone = await other.bash('pcrs-policies -n', { env });
      assert.equal(alone.status, 4);
      assert.equal(other.simulator.requests.filter(({ endpoint }) => endpoint === 'auth').length, 2);
    });
  });

  test('a gateway that fails for good is 5 at its stage and 6 at the sink, which names the stage and publishes nothing', async () => {
    await withPlace({ ...world, faults: ['posture:2-:status=500'] }, async (other) => {
      const env = { PCRS_RETRIES: '0' };
      const cwd = other.folder();
      const line = `pcrs-auth | ${stages} --hosts-per-request 10 | pcrs-to-sqlite --snapshot s; echo "\${PIPESTATUS[@]}"`;
      const ended = await other.bash(line, { env, cwd });
      const [statuses, loaded] = [
        ended.stdout.split('\n').at(-2),
        records(
          ended.stdout
            .split('\n')
            .slice(0, -2)
            .map((one) => `${one}\n`)
            .join(''),
        ),
      ];
      assert.equal(statuses, '0 0 0 5 6');
      assert.ok(loaded.every(({ complete }) => complete === false));
      assert.match(ended.stderr, /^pcrs-to-sqlite: run incomplete: pcrs-posture ended 5: /m);
      const files = readdirSync(join(cwd, 's'));
      assert.ok(files.length > 0 && files.every((file) => file.includes('.incomplete.')), files.join(' '));
    });
  });

  const cuts: [string, string, RegExp][] = [
    [
      'between two records',
      'head -n 6',
      /run incomplete: pcrs-(policies|hostids|posture) broke off after \d+ records/,
    ],
    [
      'within a record',
      'head -c 200000',
      /run incomplete: .*broke off after \d+ records.*cut off in the middle/,
    ],
    ['before the last end', 'sed \\$d', /run incomplete: pcrs-posture broke off after \d+ records/],
  ];
  for (const [where, cut, message] of cuts) {
    test(`a stream cut ${where} is 6 at every sink, which names the stage`, async () => {
      for (const sink of [
        'pcrs-to-sqlite --snapshot s',
        'pcrs-to-sqlite x.db',
        'pcrs-to-csv',
        'pcrs-to-csv --dir d',
      ]) {
        const ended = await bash(`${cut} ${streamFile} | ${sink} > out`);
        assert.equal(ended.status, 6, sink);
        assert.match(ended.stderr, message, sink);
      }
    });
  }

  test('the sink names a stage that was killed', async () => {
    await withPlace({ ...world, faults: ['posture:2:hang=body'] }, async (other) => {
      const cwd = other.folder();
      const line = `pcrs-auth | pcrs-policies | pcrs-hostids | { echo $BASHPID > pid; exec pcrs-posture --hosts-per-request 10; } | pcrs-to-sqlite --snapshot s > out; echo "\${PIPESTATUS[@]}"; ls s`;
      const ended = await run('bash', ['-c', line], {
        env: other.env,
        cwd,
        onStart: () => {
          const timer = setInterval(() => {
            if (other.simulator.requests.filter(({ endpoint }) => endpoint === 'posture').length < 2) return;
            clearInterval(timer);
            process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), 'SIGKILL');
          }, 50);
        },
      });
      assert.match(ended.stdout, /^0 0 0 137 6\n/);
      assert.match(
        ended.stderr,
        /^pcrs-to-sqlite: run incomplete: pcrs-posture broke off after \d+ records/m,
      );
      assert.doesNotMatch(ended.stdout, /latest/);
    });
  });

  test('a sink requires a run for a snapshot', async () => {
    const ended = await bash(`grep '"kind":"posture"' ${streamFile} | pcrs-to-sqlite --snapshot s`);
    assert.equal(ended.status, 6);
    assert.match(ended.stderr, /pcrs-auth/);
  });
});

function tagged(kind: string, text: string): string {
  return `{"kind":"${kind}",${text.slice(1)}`;
}

function line(text: string): string {
  return `${text}\n`;
}

function titleOf(policyId: string): string {
  return truth.policy.map((text) => JSON.parse(text)).find(({ id }) => String(id) === policyId).title;
}

/** Whether a form keeps the records' values, so that parsed records can be compared. */
function truthOf(form: string): 'same' | 'other' {
  const changing = ['kind-member', 'lone-surrogates', 'huge-element', 'big-numbers', 'unknown-members'];
  return changing.includes(form) ? 'other' : 'same';
}

async function withPlace(options: object, work: (other: Place) => Promise<void>): Promise<void> {
  const other = await makePlace('exactness-other', options);
  try {
    await work(other);
  } finally {
    await other.close();
  }
}
