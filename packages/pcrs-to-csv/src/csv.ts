import { gatewayKinds, suiteKinds } from 'pcrs-records/kinds';
import type { SinkOptions } from 'pcrs-sink/demands';
import { noteDifference } from 'pcrs-sink/fidelity';
import { isAboutInput } from 'pcrs-sink/input-errors';
import { SinkReader } from 'pcrs-sink/reader';
import { openDialect } from './dialect.ts';
import { CsvTable, type TableOptions } from './table.ts';

export interface CsvOptions extends TableOptions, SinkOptions {
  /** The kind to write; default: posture in a run, otherwise that of the first record. */
  kind?: string | undefined;
  /** Files are 0640 in 0750, not 0600 in 0700. */
  groupReadable?: boolean | undefined;
}

/**
 * The CSV of one kind out of an NDJSON stream.
 *
 * Takes   chunks of bytes, of any size
 * Yields  UTF-8 of whole rows with their line ends, always after a header
 * Limits  memory holds a chunk and a line
 * Throws  PCRS_USAGE for invalid columns or a delimiter; PCRS_RECORD for a bad line; PCRS_INCOMPLETE and PCRS_EMPTY
 *         at the end. Rows already yielded stand
 */
export async function* toCsv(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<Uint8Array> {
  openDialect(options);
  const { kind, requireRun, skipBad } = options;
  let table = kind === undefined ? undefined : new CsvTable(kind, options);
  const reader = new SinkReader({
    ...{ requireRun, skipBad, expected: kind === undefined ? [] : [kind] },
    tableOf(one) {
      table ??= new CsvTable(one, options);
      return one === table.kind ? table : undefined;
    },
    onControl() {
      table ??= new CsvTable('posture', options);
    },
  });
  let failure: unknown;
  try {
    for await (const lines of reader.blocks(chunks)) {
      const broken = brokenIn(() => reader.take(lines));
      if (table && table.size > 0) yield table.drain();
      options.progress?.update({ records: table?.records ?? 0 });
      if (broken !== undefined) throw broken;
    }
  } catch (error) {
    if (!isAboutInput(error)) throw error;
    failure = error;
  }
  table ??= new CsvTable('posture', options);
  const rest = table.end();
  if (rest.length > 0) yield rest;
  failure ??= reader.end(options).failure;
  report(reader, [table], options);
  if (failure !== undefined) throw failure;
}

/** The error of a block of lines; the records before it are in their tables. */
export function brokenIn(take: () => void): unknown {
  try {
    take();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Reports what was skipped and changed, and which kinds came if none of a table's kind did. */
export function report(reader: SinkReader, tables: readonly CsvTable[], options: CsvOptions): void {
  const { log } = options;
  if (!log) return;
  const shown = new Set(tables.map((table) => table.kind));
  const known = new Set<string>([...gatewayKinds, ...suiteKinds, ...shown]);
  const unknown = [...reader.kinds].filter(([kind]) => !known.has(kind));
  for (const line of reader.problems.reports()) log.warn(line);
  if (unknown.length > 0) log.warn(`skipped records of unknown kinds: ${counted(unknown)}`);
  for (const table of tables) {
    if (table.records === 0 && reader.kinds.size > 0) log.warn(noneOf(table.kind, reader));
    for (const line of table.reports()) log.warn(line);
  }
  noteDifference(reader.judge.verdicts(), log);
}

function isControl(kind: string): boolean {
  return kind === 'session' || kind === 'start' || kind === 'end';
}

function noneOf(kind: string, reader: SinkReader): string {
  const lost = reader.judge.verdicts().reduce((sum, { filtered }) => sum + (filtered[kind] ?? 0), 0);
  if (lost > 0) return `a filter dropped every record of kind ${kind}: ${lost}`;
  const others = [...reader.kinds].filter(([name]) => !isControl(name) && name !== kind);
  const came = others.length === 0 ? '' : `; kinds seen: ${counted(others)} (--kind ${others[0]?.[0]})`;
  return `no records of kind ${kind}${came}`;
}

function counted(kinds: readonly (readonly [string, { count: number }])[]): string {
  return kinds.map(([kind, { count }]) => `${kind} ${count}`).join(', ');
}
