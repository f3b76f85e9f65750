import { workerData } from 'node:worker_threads';
import { beat } from './lock-file.ts';

const { path, nonce, everyMs } = workerData as { path: string; nonce: string; everyMs: number };

setInterval(() => {
  try {
    beat(path, nonce);
  } catch {
    // The file system may be back next time; if not, the holder finds out before it publishes.
  }
}, everyMs);
