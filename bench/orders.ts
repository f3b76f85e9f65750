import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Orders of the same records, and records of another shape. */
export const orders = ['as sent', 'interleaved', 'shuffled', 'another shape'] as const;
export type Order = (typeof orders)[number];

/** Number of records of the other shape. */
const reshapedRecords = 60_000;
const linesTogether = 1000;

/** Writes the records of a file in another order or shape. */
export function writeInOrder(order: Order, from: string, to: string): void {
  const lines = linesOf(readFileSync(from));
  const file = openSync(to, 'w');
  try {
    const inOrder =
      order === 'interleaved' ? interleaved(lines) : order === 'shuffled' ? shuffled(lines) : lines;
    const written = order === 'another shape' ? inOrder.slice(0, reshapedRecords) : inOrder;
    for (let at = 0; at < written.length; at += linesTogether) {
      const some = written.slice(at, at + linesTogether);
      writeSync(
        file,
        Buffer.concat(
          order === 'another shape' ? some.map((line, index) => reshaped(line, at + index)) : some,
        ),
      );
    }
  } finally {
    closeSync(file);
  }
}

function linesOf(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0, end = text.indexOf('\n'); end >= 0; at = end + 1, end = text.indexOf('\n', at))
    lines.push(text.subarray(at, end + 1));
  return lines;
}

/** As several parallel policies would send them: a line from each of a hundred parts in turn. */
function interleaved(lines: readonly Buffer[]): Buffer[] {
  const step = Math.ceil(lines.length / 100);
  const turns = Array.from({ length: step }, (_, turn) => turn);
  return turns.flatMap((turn) =>
    Array.from({ length: 100 }, (_, part) => lines[part * step + turn] ?? []).flat(),
  );
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

/**
 * A record as the simulator never writes it: members in another order, `kind` last, text beyond ASCII, an unknown
 * nested member. One in fifty has an escaped name, one in fifty a repeated name, one in twenty thousand has 5 MiB.
 */
function reshaped(line: Buffer, index: number): Buffer {
  const members = Object.entries(JSON.parse(line.toString())).reverse();
  const unknown = [
    ['owner', 'Jürgen Größe'],
    ['région', { é: [1, 2, 'ü'.repeat(40)] }],
  ];
  const long = index % 20_000 === 2 ? [['note', 'x'.repeat(5 << 20)]] : [];
  const text = JSON.stringify(Object.fromEntries([...unknown, ...long, ...members]));
  if (index % 50 === 0) return Buffer.from(`${text.replace('"status"', '"st\\u0061tus"')}\n`);
  if (index % 50 === 1) return Buffer.from(`{"id":0,${text.slice(1)}\n`);
  return Buffer.from(`${text}\n`);
}
