// kill -9 of a whole container at random moments: the next one, under another host name, goes on by itself, and in the end the snapshot is the truth.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { containerCommand, noContainers } from '../support/container.ts';
import { watchedPlace } from '../support/faults-canary.ts';
import { contentsOf, posturesOf, posturesOfRecords } from '../support/faults-database.ts';
import { countOf, isLong, randomNumbers } from '../support/faults-random.ts';
import { noPreload, preload } from '../support/preload.ts';

const kills = countOf('PCRS_CONTAINER_KILLS', 3, 40);
const { seed, next } = randomNumbers();
const bin = fileURLToPath(new URL('../../packages/pcrs-etl/bin/pcrs-etl.js', import.meta.url));
const place = await watchedPlace('faults-containers', { seed: 23, policies: 5, hosts: 30, controls: 8 });
after(() => place.close());
place.simulator.faults.add('posture:*:delay=100');

/** A disk on which a link takes its time, so that a kill can come between the snapshot's name and the link. */
const slowLink = `
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
int symlink(const char *target, const char *path) {
  static int (*real)(const char *, const char *);
  if (!real) real = dlsym(RTLD_NEXT, "symlink");
  if (strstr(path, "latest.db")) usleep(700000);
  return real(target, path);
}`;

/** What lay in the folder when the container was killed. */
function phaseOf(out: string): string {
  const names = existsSync(out) ? readdirSync(out) : [];
  const snapshot = names.find((name) => /^pcrs_\w+\.db$/.test(name));
  const archive = names.find((name) => name.startsWith('archive_'));
  if (archive === undefined) return 'before the run';
  if (snapshot === undefined) {
    return names.some((name) => name.endsWith('.incomplete.db')) ? 'asking and loading' : 'listing';
  }
  const isLinked = names.includes('latest.db') && readlinkSync(join(out, 'latest.db')) === snapshot;
  if (!isLinked) return 'between sync and link';
  return existsSync(join(out, archive, 'run.ndjson')) ? 'finished' : 'linked, not finished';
}

let containers = 0;

/** Starts pcrs-etl as the first process of a container of its own. */
function container(out: string, env: Record<string, string>) {
  containers += 1;
  const words = [process.execPath, '--conditions=pcrs-source', bin, '--out', out, '--evidence'];
  const [command, args] = containerCommand(`pod-${containers}`, [...words, '--hosts-per-request', '10']);
  const child: ChildProcess = spawn(command, args, {
    env: { ...place.env, ...env, PCRS_LOCK_LEASE: '2' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ status: number | null; stderr: string }>((resolve) =>
    child.on('close', (status) => resolve({ status, stderr })),
  );
  return { child, ended };
}

/** A few milliseconds apart: the folder is looked at until it is as it should be, or the container has ended. */
async function until(child: ChildProcess, isThere: () => boolean): Promise<void> {
  while (child.exitCode === null && !isThere()) await sleep(5);
}

test(`killed containers block nobody, and the truth is there in the end (PCRS_SEED=${seed})`, {
  skip: noContainers || noPreload,
  timeout: isLong ? 120 * 60_000 : 15 * 60_000,
}, async () => {
  const { env, remove } = preload(slowLink);
  after(remove);
  const { simulator } = place;
  const policies = simulator.world.policyIds('active');
  const truth = posturesOfRecords(simulator.posture({ policies, evidence: 'evidence' }));
  const started = performance.now();
  assert.equal((await container(join(place.folder(), 'out'), env).ended).status, 0);
  const cleanMs = performance.now() - started;
  const phases: string[] = [];
  while (phases.length < kills) {
    const out = join(place.folder(), 'out');
    for (let blows = 1 + Math.floor(next() * 3); blows > 0 && phases.length < kills; blows -= 1) {
      const { child, ended } = container(out, env);
      if (phases.length % 4 === 0) await until(child, () => phaseOf(out) === 'between sync and link');
      else await Promise.race([sleep(next() * cleanMs), ended]);
      if (child.exitCode !== null) {
        assert.equal((await ended).status, 0, (await ended).stderr);
        break;
      }
      phases.push(phaseOf(out));
      child.kill('SIGKILL');
      await ended;
    }
    const { status, stderr } = await container(out, env).ended;
    assert.equal(status, 0, `${stderr} after ${phases.join(', ')}`);
    assert.deepEqual(posturesOf(contentsOf(join(out, 'latest.db'))), truth, `after ${phases.join(', ')}`);
  }
  process.stdout.write(`${phases.map((phase, index) => `kill ${index + 1}: ${phase}`).join('\n')}\n`);
  const between = phases.filter((phase) => phase === 'between sync and link').length;
  assert.ok(between >= (isLong ? 3 : 1), `${between} kills between sync and link`);
});
