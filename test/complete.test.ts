// "Complete" never lies: every sink reports anything missing, doubled or changed in a run's stream.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { exitStatus } from 'pcrs-cli/exit-status';
import { toCsvFiles } from 'pcrs-to-csv';
import { toSqlite } from 'pcrs-to-sqlite';
import { openPlace } from './support/open-place.ts';

const { bash, folder } = await openPlace('complete', { policies: 4, hosts: 4, controls: 2 });
const scratch = folder();
const streamFile = join(scratch, 'run.ndjson');
const stages = 'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --hosts-per-request 2';
const made = await bash(`set -o pipefail; ${stages} > ${streamFile}`);
assert.deepEqual([made.status, made.stderr], [0, '']);
const whole = readFileSync(streamFile, 'utf8').trimEnd().split('\n');
const kindOf = (line: string): string => JSON.parse(line).kind;

interface Verdict {
  status: number;
  verified: unknown;
}

const sinks: Readonly<Record<string, (lines: readonly string[]) => Promise<Verdict>>> = {
  async 'pcrs-to-sqlite --snapshot'(lines) {
    try {
      const { verified } = await toSqlite({ snapshot: mkdtempSync(join(scratch, 'db-')) }, [bytesOf(lines)]);
      return { status: 0, verified };
    } catch (error) {
      return { status: exitStatus(error), verified: undefined };
    }
  },
  async 'pcrs-to-csv --dir'(lines) {
    const dir = mkdtempSync(join(scratch, 'csv-'));
    const { written, failure } = await toCsvFiles(dir, [bytesOf(lines)], { requireRun: true });
    return { status: failure === undefined ? 0 : exitStatus(failure), verified: written.verified };
  },
};

function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/** Changes a value somewhere in the record, as a filter might. */
function changed(line: string): string {
  return JSON.stringify({ ...JSON.parse(line), changed: true });
}

/** For each line of these kinds: the stream with that line changed. */
function eachOf(kinds: readonly string[], act: (line: string, at: number) => readonly string[]) {
  return whole.flatMap((line, at) =>
    kinds.includes(kindOf(line)) ? [{ at, line, lines: whole.toSpliced(at, 1, ...act(line, at)) }] : [],
  );
}

for (const [name, sink] of Object.entries(sinks)) {
  suite(name, () => {
    test('a whole run is complete and verified', async () => {
      assert.deepEqual(await sink(whole), { status: 0, verified: true });
    });

    test('every beginning of the stream, by lines, is incomplete except the whole', async () => {
      for (let length = 1; length < whole.length; length += 1) {
        assert.equal((await sink(whole.slice(0, length))).status, 6, `the first ${length} lines`);
      }
    });

    test('without any one of its session, start and end records the run is incomplete', async () => {
      const cases = eachOf(['session', 'start', 'end'], () => []);
      assert.equal(cases.length, 7);
      for (const { lines, line } of cases) assert.equal((await sink(lines)).status, 6, line);
    });

    for (const [what, act] of [
      ['dropped', () => []],
      ['doubled', (line: string) => [line, line]],
      ['changed', (line: string) => [changed(line)]],
      ['spelled in another way', (line: string) => [line.replace('":', '": ')]],
      [
        'replaced by another of its kind',
        (line: string) => [whole.find((other) => other !== line && kindOf(other) === kindOf(line))!],
      ],
    ] as const) {
      test(`a policy, hostids or posture record that is ${what} is not verified`, async () => {
        const cases = eachOf(['policy', 'hostids', 'posture'], act);
        assert.ok(cases.length > 10, `${cases.length} records`);
        for (const { lines, line } of cases) {
          const { status, verified } = await sink(lines);
          assert.ok(status === 6 || verified === false, `${status} ${verified}: ${line}`);
        }
      });
    }
  });
}

suite('a filter before the sink', { concurrency: 2 }, () => {
  const adding = `jq -c 'if .kind == "posture" then .x = 1 else . end'`;

  test('without one, the pipe is verified', async () => {
    const { status, stdout } = await bash(`set -o pipefail; ${stages} | pcrs-to-sqlite --snapshot d`);
    assert.equal(status, 0);
    assert.match(stdout, /"verified":true,"filtered":\{\},"supplied":\{\},"edited":\[\]/);
  });

  test('one that adds a member is reported, and is status 6 when strict', async () => {
    const { status, stdout } = await bash(`${adding} < ${streamFile} | pcrs-to-sqlite --snapshot d`);
    assert.equal(status, 0);
    assert.match(stdout, /"verified":false,"filtered":\{\},"supplied":\{\},"edited":\["posture"\]/);
    const strict = await bash(`${adding} < ${streamFile} | pcrs-to-sqlite --snapshot d --strict`);
    assert.equal(strict.status, 6);
    assert.match(strict.stderr, /differs from what its stages made: edited posture \(--strict\)/);
    const csv = await bash(`${adding} < ${streamFile} | pcrs-to-csv --dir d --strict`);
    assert.equal(csv.status, 6);
    assert.match(csv.stderr, /differs from what its stages made: edited posture \(--strict\)/);
  });

  test('one that removes the run records is status 6', async () => {
    const filter = `jq -c 'select(.kind == "session" or .kind == "posture")'`;
    const { status, stderr } = await bash(`${filter} < ${streamFile} | pcrs-to-sqlite --snapshot d`);
    assert.equal(status, 6);
    assert.match(stderr, /no stage of the run made its \d+ postures/);
  });

  test('a session alone does not replace latest.db', async () => {
    const { status, stdout } = await bash(
      `pcrs-to-sqlite --snapshot d < ${streamFile} > first && pcrs-auth | pcrs-to-sqlite --snapshot d > second; echo $?; readlink d/latest.db; jq -r .database first`,
    );
    assert.equal(status, 0);
    const [last, link, first] = stdout.trim().split('\n');
    assert.equal(last, '6');
    assert.equal(`d/${link}`, first);
  });
});
