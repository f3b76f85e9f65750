import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Scanned, scanned } from './fast-path.ts';
import { type Order, orders, writeInOrder } from './orders.ts';

/** A run's posture records in one order, without the run. */
export interface Input extends Scanned {
  order: Order;
  file: string;
}

/** 50 policies × 30 hosts × 200 controls: 300,000 records of about 2 KB with evidence. */
const world = '--seed 1 --policies 57 --hosts 600 --hosts-per-policy 30 --controls 200';

/**
 * Makes the input once, from the simulator's seed, and reuses it later:
 *
 *   archive/           the bodies of postureInfo as received (.json.gz), with their manifest
 *   run.ndjson         what `pcrs-posture` writes: session, policies, host ids, posture, ends
 *   posture.db         the same as `pcrs-to-sqlite` stores it
 *   as-sent.ndjson …   its posture records in each order
 */
export function makeInputs(folder: string, env: NodeJS.ProcessEnv): void {
  makeOnce(folder, (draft) => {
    mkdirSync(draft, { recursive: true });
    const script = `
      pcrs-simulator --port 0 --rate-limit off ${world} > listening & simulator=$!
      trap 'kill $simulator' EXIT
      until [ -s listening ]; do sleep 0.1; done
      export PCRS_GATEWAY=$(sed 's/.*"gateway":"\\([^"]*\\)".*/\\1/' listening) PCRS_RATE=1000/1 PCRS_STATE_DIR=$PWD/state
      pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence --archive archive > run.ndjson
      grep '^{"kind":"posture"' run.ndjson > as-sent.ndjson
      pcrs-to-sqlite posture.db < run.ndjson > loaded
      rm -r state listening loaded`;
    const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: draft,
      env,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the input could not be made: ${stderr}`);
  });
}

/** The records in an order, and the number of their lines on the fast path. */
export function inputOf(folder: string, order: Order): Input {
  const [asSent, file] = [orders[0], order].map((one) => join(folder, `${one.replaceAll(' ', '-')}.ndjson`));
  makeOnce(file!, (draft) => writeInOrder(order, asSent!, draft));
  return { order, file: file!, ...scanned(file!) };
}

function makeOnce(path: string, make: (draft: string) => void): void {
  if (existsSync(path)) return;
  const draft = `${path}.part`;
  rmSync(draft, { recursive: true, force: true });
  make(draft);
  renameSync(draft, path);
}

/** Bytes of the bodies as received. */
export function archivedBytes(folder: string): number {
  const archive = join(folder, 'archive');
  return readdirSync(archive)
    .filter((name) => name.endsWith('.gz'))
    .reduce((sum, name) => sum + statSync(join(archive, name)).size, 0);
}
