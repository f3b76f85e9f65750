import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellBlocks } from '../test/support/readme-blocks.ts';
import { root } from './run-program.ts';

/**
 * README.md as a newcomer follows it, as a bash script for an empty folder: the gateway of `pcrs demo --serve`, and each
 * `sh` block in its order. Its stdout is the transcript.
 */
export function readmeScript(): string {
  const blocks = shellBlocks(readFileSync(join(root, 'README.md'), 'utf8'));
  const shown = blocks.map(
    ({ script }) => `cat <<'BLOCK'\n\n${script.trim().replace(/^/gm, '$ ')}\nBLOCK\n${script}\n`,
  );
  return `set -euo pipefail
export PCRS_STATE_DIR=$PWD/state
pcrs demo --serve > serve.txt & server=$!
trap 'kill $server' EXIT
until grep -q 'export PCRS_GATEWAY' serve.txt; do kill -0 $server; sleep 0.1; done
eval "$(grep 'export PCRS_GATEWAY' serve.txt)"
${shown.join('')}`;
}
