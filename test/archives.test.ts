// This release reads an archive that a release of contract 1 made (its start and end records have no startId).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPlace } from './support/open-place.ts';
import { records, run } from './support/programs.ts';

const made = fileURLToPath(new URL('archives/contract-1', import.meta.url));
/** Checksum of the postures that the release wrote, sorted. */
const written = 'abf08840041ae74d02da9e3308b236a6e328f4f49146203c2d8ac4f531feec57';
// The world from which the archive was made.
const place = await openPlace('archives', { seed: 7, policies: 3, hosts: 8, controls: 2 });
const { simulator, env } = place;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The checksum of a stream's posture lines, in any order. */
function postures(stream: string): string {
  const lines = stream.split('\n').filter((line) => line.startsWith('{"kind":"posture"'));
  return sha256(`${lines.sort().join('\n')}\n`);
}

function unpacked(): { folder: string; archive: string } {
  const folder = place.folder();
  const archive = join(folder, 'a');
  cpSync(made, archive, { recursive: true });
  return { folder, archive };
}

test('replays an archive of contract 1 to the records that its release wrote', async () => {
  const { folder } = unpacked();
  const { status, stdout, stderr } = await run('pcrs-posture', ['--archive', 'a', '--replay'], {
    env,
    cwd: folder,
  });
  assert.deepEqual([status, stderr, postures(stdout)], [0, '', written]);
  const [session, start] = records(stdout);
  assert.deepEqual([session.kind, start.stage, start.contract], ['session', 'pcrs-posture', 2]);
});

test('resumes an interrupted archive of contract 1 and asks only for the rest', async () => {
  const { folder, archive } = unpacked();
  const before = readFileSync(join(archive, 'manifest.ndjson'), 'utf8');
  const body = before.split('\n').findLast((line) => line.startsWith('{"kind":"body"')) ?? '';
  rmSync(join(archive, JSON.parse(body).file));
  // Makes this test's simulator the archive's gateway.
  const gateway = JSON.parse(before.slice(0, before.indexOf('\n'))).gateway as string;
  const kept = readFileSync(join(archive, 'input.ndjson'), 'utf8');
  const input = kept
    .replaceAll(gateway, simulator.gateway)
    .replace(/"tokenFile":"[^"]*"/, '"tokenFile":null');
  writeFileSync(join(archive, 'input.ndjson'), input);
  const manifest = before
    .replace(`${body}\n`, '')
    .replace(/\{"kind":"finished".*\n/, '')
    .replace(gateway, simulator.gateway)
    .replace(sha256(kept), sha256(input));
  writeFileSync(join(archive, 'manifest.ndjson'), manifest);
  const args = ['--archive', 'a', '--resume', '--resume-within', '99999d'];
  const { status, stdout, stderr } = await run('pcrs-posture', args, {
    env: { ...env, PCRS_USERNAME: 'acme_ab1' },
    cwd: folder,
  });
  assert.equal(status, 0, stderr);
  assert.equal(postures(stdout), written);
  const { fetched, replayed } = records(stdout).at(-1).slices;
  assert.deepEqual([fetched, replayed], [1, 1]);
});
