// A stream too large for any stage to hold, and the memory each process used for it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { openPlace } from './support/open-place.ts';
import { records } from './support/programs.ts';

const limitMB = 200;

/** Makes every Node process write its name and its peak memory, in MB, when it ends. */
const tellPeak = `import { appendFileSync } from 'node:fs';
process.on('exit', () => appendFileSync(process.env.PEAKS, JSON.stringify([process.argv[1], process.resourceUsage().maxRSS / 1024]) + '\\n'));`;

test('a hundred thousand records of 2 KB go through the whole pipe in flat memory', async (t) => {
  const place = await openPlace('memory', { policies: 8, hosts: 2500, controls: 40, hostsPerPolicy: 400 });
  const cwd = place.folder();
  const env = {
    PEAKS: join(cwd, 'peaks'),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tellPeak)}`,
  };
  const line = `set -o pipefail
    pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence --hosts-per-request 500 | tee run.ndjson | pcrs-to-sqlite --snapshot s
    pcrs-to-csv < run.ndjson 2> /dev/null > posture.csv`;
  const ended = await place.bash(line, { cwd, env, limitMs: 200_000 });
  assert.equal(ended.status, 0, ended.stderr);
  const [{ rows, complete }] = records(ended.stdout);
  assert.equal(complete, true);
  assert.ok(rows.q_pcrs_postureinfo > 100_000, `${rows.q_pcrs_postureinfo} records`);

  const peaks = records(readFileSync(join(cwd, 'peaks'), 'utf8')) as [string, number][];
  t.diagnostic(
    peaks.map(([path, megabytes]) => `${basename(path, '.js')} ${megabytes.toFixed(0)} MB`).join(', '),
  );
  for (const [path, megabytes] of peaks)
    assert.ok(megabytes < limitMB, `${basename(path)} took ${megabytes} MB`);
  assert.equal(peaks.length, 6);
});
