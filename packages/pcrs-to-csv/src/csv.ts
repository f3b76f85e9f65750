import { gatewayKinds, suiteKinds } from 'pcrs-records/kinds';
import type { SinkDemands } from 'pcrs-sink/demands';
import { SinkInput } from 'pcrs-sink/sink-input';
import { openDialect } from './dialect.ts';
import { feed } from './feed.ts';
import { CsvTable, type TableOptions } from './table.ts';

export interface CsvOptions extends TableOptions, SinkDemands {
  /** The kind that is written; default posture in a run, else that of the first record. */
  kind?: string | undefined;
  /** Passes over bad lines and counts them, instead of failing at the first. */
  skipBad?: boolean | undefined;
  /** What was passed over or changed, once, at the end of the input. */
  log?: { warn(message: string): void; note(message: string): void } | undefined;
  /** Told how many records have come. */
  progress?: { update(fields: { records: number }): void } | undefined;
}

/**
 * The CSV of one kind out of an NDJSON stream.
 *
 * Takes   chunks of bytes in any cutting
 * Yields  UTF-8 of whole rows with their line ends, the header before the first and in every case
 * Limits  memory holds a chunk and a line
 * Throws  PCRS_USAGE for columns or a delimiter that cannot be; PCRS_RECORD for a bad line; PCRS_INCOMPLETE and
 *         PCRS_EMPTY at the end. What was yielded stands
 */
export async function* toCsv(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<Uint8Array> {
  openDialect(options);
  const input = new SinkInput({ skipBad: options.skipBad ?? false });
  let table = options.kind === undefined ? undefined : new CsvTable(options.kind, options);
  const tableOf = (kind: string): CsvTable | undefined => {
    table ??= new CsvTable(isControl(kind) ? 'posture' : kind, options);
    return kind === table.kind ? table : undefined;
  };
  let failure: unknown;
  try {
    for await (const _ of feed(chunks, input, tableOf)) {
      if (table && table.size > 0) yield table.take();
      options.progress?.update({ records: table?.records ?? 0 });
    }
  } catch (error) {
    if (!isAboutInput(error)) throw error;
    failure = error;
  }
  table ??= new CsvTable('posture', options);
  const rest = table.end();
  if (rest.length > 0) yield rest;
  failure ??= input.failure(demands(options));
  report(input, [table], options);
  if (failure !== undefined) throw failure;
}

/** Whether an error tells of the input, so that what came before it stands. */
export function isAboutInput(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'PCRS_RECORD' || code === 'PCRS_INCOMPLETE';
}

/** What a sink demands, out of its options. */
export function demands(options: CsvOptions): SinkDemands {
  const { requireRun = false, allowEmpty = false, strict = false } = options;
  return { requireRun, allowEmpty, strict };
}

/** Tells what was passed over and changed, and which kinds came where none of a table's kind did. */
export function report(input: SinkInput, tables: readonly CsvTable[], options: CsvOptions): void {
  const { log } = options;
  if (!log) return;
  const shown = new Set(tables.map((table) => table.kind));
  const known = new Set<string>([...gatewayKinds, ...suiteKinds, ...shown]);
  const unknown = [...input.kinds].filter(([kind]) => !known.has(kind));
  for (const line of input.reports()) log.warn(line);
  if (unknown.length > 0)
    log.warn(`records of kinds that the suite does not know passed over: ${counted(unknown)}`);
  for (const table of tables) {
    if (table.records === 0 && input.kinds.size > 0) log.warn(noneOf(table.kind, input));
    for (const line of table.reports()) log.warn(line);
  }
  const difference = input.difference();
  if (difference !== undefined) log.note(`not as the stages of the run made it: ${difference}`);
}

function isControl(kind: string): boolean {
  return kind === 'session' || kind === 'start' || kind === 'end';
}

function noneOf(kind: string, input: SinkInput): string {
  const seen = [...input.kinds].filter(([name]) => !isControl(name));
  const others = seen.filter(([name]) => name !== kind);
  const came = others.length === 0 ? '' : `; kinds seen: ${counted(others)} (--kind ${others[0]?.[0]})`;
  return `no record of kind ${kind} came${came}`;
}

function counted(kinds: readonly (readonly [string, number])[]): string {
  return kinds.map(([kind, count]) => `${kind} ${count}`).join(', ');
}
