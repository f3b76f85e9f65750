import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export interface Input {
  folder: string;
  records: number;
  /** Of the NDJSON. */
  bytes: number;
}

/** 50 policies × 30 hosts × 200 controls: 300,000 records of about 2 KB with evidence. */
const world = '--seed 1 --policies 57 --hosts 600 --hosts-per-policy 30 --controls 200';

/**
 * Makes the input once, from the simulator's seed, and finds it again later:
 *
 *   archive/         the bodies of postureInfo as received (.json.gz), with their manifest
 *   posture.ndjson   the same records as `pcrs-posture` writes them, without a run
 *   run.ndjson       the same as a run: session, policies, host ids, posture, ends
 */
export function makeInput(folder: string, env: NodeJS.ProcessEnv): Input {
  const facts = join(folder, 'facts.json');
  if (!existsSync(facts)) {
    rmSync(folder, { recursive: true, force: true });
    const draft = `${folder}.part`;
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true });
    const script = `
      pcrs-simulator --port 0 --rate-limit off ${world} > listening & simulator=$!
      trap 'kill $simulator' EXIT
      until [ -s listening ]; do sleep 0.1; done
      export PCRS_GATEWAY=$(sed 's/.*"gateway":"\\([^"]*\\)".*/\\1/' listening) PCRS_RATE=1000/1 PCRS_STATE_DIR=$PWD/state
      pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence --archive archive > run.ndjson
      grep '^{"kind":"posture"' run.ndjson > posture.ndjson
      rm -r state listening`;
    const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: draft,
      env,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the input could not be made: ${stderr}`);
    const count = spawnSync('wc', ['-l', 'posture.ndjson'], { cwd: draft, encoding: 'utf8' }).stdout;
    const bytes = statSync(join(draft, 'posture.ndjson')).size;
    writeFileSync(join(draft, 'facts.json'), JSON.stringify({ records: Number.parseInt(count, 10), bytes }));
    renameSync(draft, folder);
  }
  return { folder, ...JSON.parse(readFileSync(facts, 'utf8')) };
}

/** Bytes of the bodies as received. */
export function archivedBytes(folder: string): number {
  const archive = join(folder, 'archive');
  return readdirSync(archive)
    .filter((name) => name.endsWith('.gz'))
    .reduce((sum, name) => sum + statSync(join(archive, name)).size, 0);
}
