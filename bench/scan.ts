// The scanner by itself: CPU and speed over lines in three orders and of a second shape, and the share of lines that are
// plain. Needs the input of bench.ts, or NDJSON files as arguments: node --conditions=pcrs-source bench/scan.ts [FILE…]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineScanner } from 'pcrs-json/lines';
import { verdicts } from 'pcrs-json/places';
import { controlsTable, postureTable } from 'pcrs-records/columns';
import { root } from '../scripts/run-program.ts';

const rounds = 5;
const mostBytes = 200 << 20;
const chunkBytes = 64 << 10;
const given = process.argv.slice(2);
const files = given.length > 0 ? given : [join(root, 'bench', 'data', 'input', 'posture.ndjson')];
const names = [
  ...new Set([postureTable, controlsTable].flatMap(({ columns }) => columns.map(({ name }) => name))),
];

for (const file of files) {
  const lines = linesOf(readFileSync(file).subarray(0, mostBytes));
  report(`${file}, as it is`, Buffer.concat(lines));
  report('  interleaved', Buffer.concat(interleaved(lines)));
  report('  shuffled', Buffer.concat(shuffled(lines)));
  report('  of another shape', Buffer.concat(lines.slice(0, 20_000).map(reshaped)));
}

function report(title: string, text: Buffer): void {
  const results = Array.from({ length: rounds }, () => scanned(text));
  const cpu = results.map(({ cpuMs }) => cpuMs).sort((a, b) => a - b)[rounds >> 1]!;
  const { count, plain } = results[0]!;
  const speed = (text.length / 1000 / cpu).toFixed(0);
  const each = ((cpu * 1e6) / count).toFixed(0);
  process.stdout.write(
    `${title}: ${count} lines, ${((100 * plain) / count).toFixed(1)} % plain, ${cpu.toFixed(0)} ms of CPU, ${each} ns a line, ${speed} MB/s\n`,
  );
}

function scanned(text: Buffer): { count: number; plain: number; cpuMs: number } {
  const scanner = new LineScanner({ names, kinds: ['posture'] });
  let count = 0;
  let plain = 0;
  const before = process.cpuUsage();
  for (let at = 0; at < text.length; at += chunkBytes)
    for (const lines of scanner.push(text.subarray(at, at + chunkBytes))) {
      count += lines.count;
      for (let row = 0; row < lines.places.length; row += lines.width)
        if (lines.places[row + 2] === verdicts.plain) plain++;
    }
  const { user, system } = process.cpuUsage(before);
  return { count, plain, cpuMs: (user + system) / 1000 };
}

function linesOf(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0, end = text.indexOf('\n'); end >= 0; at = end + 1, end = text.indexOf('\n', at))
    lines.push(text.subarray(at, end + 1));
  return lines;
}

/** As many policies side by side send them: a line of each of a hundred parts in turn. */
function interleaved(lines: readonly Buffer[]): Buffer[] {
  const step = Math.ceil(lines.length / 100);
  return lines.map((_, index) => lines[(index % 100) * step + Math.floor(index / 100)] ?? lines[index]!);
}

/** The same order each time. */
function shuffled(lines: readonly Buffer[]): Buffer[] {
  const order = [...lines];
  let seed = 1;
  for (let last = order.length - 1; last > 0; last--) {
    seed = (seed * 48_271) % 0x7fff_ffff;
    const other = seed % (last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Members in another order, texts that are not ASCII, now and then an escaped or doubled name, an unknown one, a long line. */
function reshaped(line: Buffer, index: number): Buffer {
  const members = Object.entries(JSON.parse(line.toString())).reverse();
  const text = JSON.stringify(
    Object.fromEntries([...members, ['owner', 'Jürgen Größe'], ['région', { é: [1, 2, 'ü'.repeat(40)] }]]),
  );
  if (index % 50 === 0) return Buffer.from(`${text.replace('"status"', '"st\\u0061tus"')}\n`);
  if (index % 50 === 1) return Buffer.from(`{"id":0,${text.slice(1)}\n`);
  if (index === 2) return Buffer.from(`{"long":"${'x'.repeat(5 << 20)}",${text.slice(1)}\n`);
  return Buffer.from(`${text}\n`);
}
