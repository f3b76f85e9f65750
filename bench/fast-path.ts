import { closeSync, openSync, readSync } from 'node:fs';
import { LineScanner } from 'pcrs-json/lines';
import { verdicts } from 'pcrs-json/places';
import { controlsTable, postureTable } from 'pcrs-records/columns';

/** What the scanner of every sink finds in a file. */
export interface Scanned {
  lines: number;
  /** Plain lines: no other path sees them. */
  plain: number;
  bytes: number;
  cpuSeconds: number;
}

const chunkBytes = 64 << 10;
const names = [
  ...new Set([postureTable, controlsTable].flatMap(({ columns }) => columns.map(({ name }) => name))),
];

export function scanned(path: string): Scanned {
  const scanner = new LineScanner({ names, kinds: ['posture'] });
  const found = { lines: 0, plain: 0, bytes: 0, cpuSeconds: 0 };
  const chunk = Buffer.alloc(chunkBytes);
  const file = openSync(path, 'r');
  for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk)) {
    const before = process.cpuUsage();
    for (const { count, places, width } of scanner.push(chunk.subarray(0, size))) {
      found.lines += count;
      for (let row = 0; row < count * width; row += width)
        if (places[row + 2] === verdicts.plain) found.plain += 1;
    }
    const { user, system } = process.cpuUsage(before);
    found.bytes += size;
    found.cpuSeconds += (user + system) / 1e6;
  }
  closeSync(file);
  return found;
}
