// kill -9 at random moments, over stages and sinks, continued with --resume: in the end the database always holds the
// truth.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { watchedPlace } from '../support/faults-canary.ts';
import {
  assertSameRows,
  type Contents,
  contentsOf,
  posturesOf,
  posturesOfRecords,
  withoutSlices,
} from '../support/faults-database.ts';
import { type Kill, type Pipe, type PipeEnded, runPipe } from '../support/faults-kill.ts';
import { countOf, randomNumbers } from '../support/faults-random.ts';
import { records } from '../support/programs.ts';

const kills = countOf('PCRS_KILLS', 14, 200);
const atOnce = 2;
const { seed, next } = randomNumbers();

const place = await watchedPlace('faults-kill', {
  seed: 18,
  policies: 8,
  hosts: 60,
  controls: 12,
  hostsPerPolicy: 20,
});
after(() => place.close());
const { simulator } = place;
simulator.faults.add('posture:*:delay=25');

const posture = 'pcrs-posture --archive kept --evidence';
const whole: Pipe = [
  ['auth', 'pcrs-auth'],
  ['policies', 'pcrs-policies'],
  ['hostids', 'pcrs-hostids --policies-per-request 3'],
  ['posture', `${posture} --hosts-per-request 3 --policies-per-request 2`],
  ['sink', 'pcrs-to-sqlite --require-run out.db'],
];
const onward = (how: '--resume' | '--replay'): Pipe => [
  ['posture', `${posture} ${how}`],
  ['sink', 'pcrs-to-sqlite --require-run out.db'],
];

const env = { PCRS_RETRIES: '2' };
const first = place.folder();
const undisturbed = await runPipe(place, first, env, whole);
assert.deepEqual(
  undisturbed.statuses,
  { auth: 0, policies: 0, hostids: 0, posture: 0, sink: 0 },
  undisturbed.stderr,
);
const reference = withoutSlices(contentsOf(join(first, 'out.db')));
const slices = bodiesKept(first);

test('the undisturbed run holds the truth', () => {
  const policies = simulator.world.policyIds('active');
  const truth = posturesOfRecords(simulator.posture({ policies, evidence: 'evidence' }));
  assert.deepEqual(posturesOf(reference), truth);
  assert.ok(slices >= 20, `${slices} slices`);
});

const tally = { kills: 0, lives: 0, anew: 0, resumes: 0, replays: 0 };

suite(`killed at random (PCRS_SEED=${seed})`, { concurrency: atOnce }, () => {
  for (let worker = 1; worker <= atOnce; worker += 1) {
    test(`${worker} of ${atOnce}: the database always equals the truth`, {
      timeout: 30 * 60_000,
    }, async () => {
      while (tally.kills < kills) await life();
    });
  }
});

after(() => {
  process.stdout.write(
    `${tally.kills} kills in ${tally.lives} runs: ${tally.resumes} resumed, ${tally.replays} replayed, ${tally.anew} begun anew; every database equals the truth\n`,
  );
});

/** One run from its start to its good end, with some kills in between. */
async function life(): Promise<void> {
  tally.lives += 1;
  const user = `user${tally.lives}`;
  let cwd = place.folder();
  let pipe = whole;
  for (let blows = 1 + Math.floor(next() * 3); ; blows -= 1) {
    const kill = blows > 0 ? blowAt(pipe, user) : undefined;
    const keptBefore = bodiesKept(cwd);
    const askedBefore = askedBy(user);
    const ended = await runPipe(place, cwd, { ...env, PCRS_USERNAME: user }, pipe, kill);
    if (ended.killed) tally.kills += 1;
    checkHonest(cwd, ended);
    const told = `PCRS_SEED=${seed}, ${JSON.stringify(kill)}, ${JSON.stringify(ended)}`;
    if (isWhole(cwd, ended)) return assertSame(withoutSlices(contentsOf(join(cwd, 'out.db'))), told);
    assert.ok(kill || ended.statuses['posture'] !== 0, `an undisturbed run ends well: ${told}`);
    if (pipe !== whole) {
      const asked = askedBy(user) - askedBefore;
      assert.ok(
        asked <= slices - keptBefore,
        `${asked} requests where ${keptBefore} of ${slices} are kept: ${told}`,
      );
    }
    ({ cwd, pipe } = wayOn(cwd, pipe, ended, told));
  }
}

function askedBy(user: string): number {
  return simulator.requests.filter((request) => request.endpoint === 'posture' && request.user === user)
    .length;
}

/**
 * Half of the kills hit pcrs-posture and a quarter the sink, at any of their slices; the rest hit any program, at any
 * time.
 */
function blowAt(pipe: Pipe, user: string): Kill {
  const luck = next();
  const slice = askedBy(user) + Math.floor(next() * slices);
  const afterMs = next() * 60;
  if (luck < 0.75) {
    return { name: luck < 0.5 ? 'posture' : 'sink', ready: () => askedBy(user) >= slice, afterMs };
  }
  return { name: pipe[Math.floor(next() * pipe.length)]![0], ready: () => true, afterMs: next() * 800 };
}

/** Whatever was killed: the file is readable, holds only true records, and claims to be complete only if it is. */
function checkHonest(cwd: string, ended: PipeEnded): void {
  const { statuses } = ended;
  const path = join(cwd, 'out.db');
  if (!existsSync(path)) {
    assert.notEqual(statuses['sink'], 0);
    return;
  }
  if (!hasTables(path)) return;
  const contents = withoutSlices(contentsOf(path));
  assert.equal(contents.integrity, 'ok');
  for (const [pair, found] of posturesOf(contents)) {
    const due = posturesOf(reference).get(pair) ?? [];
    assert.deepEqual(
      found.filter((one) => !due.includes(one)),
      [],
      `records of ${pair} that nobody sent`,
    );
  }
  const claims =
    'ALL_TABLES_LOADED_SUCCESSFULLY' in contents.status || contents.status['LOAD']?.state === 'complete';
  if (claims)
    assertSameRows(contents, reference, `it says that it is whole: ${JSON.stringify(ended)} ${cwd}`);
  if (statuses['sink'] === 0)
    assert.ok(claims, JSON.stringify([statuses, contents.status, readFileSync(join(cwd, 'last'), 'utf8')]));
}

/** A process killed before it made the tables leaves an empty file. */
function hasTables(path: string): boolean {
  return readFileSync(path).includes('q_pcrs_status');
}

function isWhole(cwd: string, { statuses }: PipeEnded): boolean {
  if (statuses['sink'] !== 0) return false;
  const [loaded] = records(readFileSync(join(cwd, 'last'), 'utf8'));
  return loaded.complete === true;
}

function assertSame(found: Contents, told: string): void {
  assertSameRows(found, reference, told);
  assert.equal(found.status['LOAD']?.state, 'complete', told);
}

/** What a person does next: resume, replay what is finished, or start over if the input was not there yet. */
function wayOn(cwd: string, pipe: Pipe, { stderr }: PipeEnded, told: string): { cwd: string; pipe: Pipe } {
  const refusal = stderr.split('\n').find((line) => line.startsWith('pcrs-posture: kept'));
  if (refusal?.includes('use --replay to read it')) {
    tally.replays += 1;
    return { cwd, pipe: onward('--replay') };
  }
  if (refusal?.includes('a new run is needed') || !hasRun(cwd)) {
    assert.ok(pipe === whole || refusal, told);
    tally.anew += 1;
    return { cwd: place.folder(), pipe: whole };
  }
  assert.equal(refusal, undefined, told);
  tally.resumes += 1;
  return { cwd, pipe: onward('--resume') };
}

/** False if pcrs-auth was killed before it opened a run: pcrs-posture stored nothing, or records of no run. */
function hasRun(cwd: string): boolean {
  const file = join(cwd, 'kept', 'input.ndjson');
  const isThere = existsSync(join(cwd, 'kept', 'manifest.ndjson')) && existsSync(file);
  return isThere && readFileSync(file, 'utf8').startsWith('{"kind":"session"');
}

/** Bodies in an archive's manifest; a line cut by a kill does not count. */
function bodiesKept(cwd: string): number {
  const file = join(cwd, 'kept', 'manifest.ndjson');
  if (!existsSync(file)) return 0;
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{"kind":"body"')).length;
}
