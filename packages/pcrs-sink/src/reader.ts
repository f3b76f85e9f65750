import { crc32 } from 'node:zlib';
import { extraWords, forms, headerWords, verdicts } from 'pcrs-json/places';
import { type CodedError, codedError, recordError } from 'pcrs-records/errors';
import { isObject, type JsonObject } from 'pcrs-records/kinds';
import { textOnly } from 'pcrs-records/lines';
import { type Block, scannedBlocks } from './blocks.ts';
import { failureOf, type SinkDemands } from './demands.ts';
import { notJson } from './input-errors.ts';
import { RunJudge, type RunVerdict } from './judge.ts';
import { type OtherMember, textAt } from './members.ts';
import { placesIn, skipSpace } from './places.ts';
import { Problems } from './problems.ts';
import { Slots, StrangeRow } from './strange-row.ts';
import { OpenTable, type RecordTable, RefusedRecord } from './table.ts';
import { type Seen, Tally } from './tally.ts';

export interface ReaderOptions {
  /** Skip and count bad lines, instead of failing at the first. */
  skipBad?: boolean | undefined;
  /** The first record must open a run. */
  requireRun?: boolean | undefined;
  /** The table of a kind, asked for once, before its first record; undefined: records of it are only counted. */
  tableOf(kind: string): RecordTable | undefined;
  /** Kinds whose tables are asked for before the stream begins, so that their first block is read fast too. */
  expected?: readonly string[];
  /** Called with each `session`, `start` and `end`, once it is judged. */
  onControl?(record: JsonObject, line: number): void;
}

/** Result of a stream, read to its end or as far as possible. */
export interface StreamEnd {
  verdicts: readonly RunVerdict[];
  /** Null without a run. */
  complete: boolean | null;
  /** PCRS_INCOMPLETE or PCRS_EMPTY if the stream does not meet the sink's demands. */
  failure: CodedError | undefined;
}

const controlKinds: ReadonlySet<string> = new Set(['session', 'start', 'end']);
const scannedKinds = ['posture', 'hostids', 'policy', 'slice', 'change', ...controlKinds];

/**
 * The input of a sink: bytes in, records out to the tables of their kinds, with verdicts and problems.
 *
 *     for await (const lines of reader.blocks(chunks)) reader.take(lines);
 *     const { failure, verdicts } = reader.end(demands);
 *
 * Limits  memory holds a block and a line
 */
export class SinkReader {
  readonly judge = new RunJudge();
  readonly problems = new Problems();
  /** Records that came, by kind, control records too. */
  get kinds(): ReadonlyMap<string, Seen> {
    return this.#tally.kinds;
  }

  /** Lines that are not blank, good or bad. */
  lines = 0;
  /** Those that the scanner left to JSON.parse. */
  strangeLines = 0;
  readonly #options: ReaderOptions;
  readonly #slots = new Slots();
  readonly #strange = new StrangeRow(this.#slots);
  readonly #tables = new Map<string, OpenTable | undefined>();
  readonly #kindSlot = this.#slots.of('kind');
  readonly #shapes = {
    hostIds: this.#slots.of('hostIds'),
    controlId: this.#slots.of('controlId'),
    title: this.#slots.of('title'),
    lastEvaluatedDate: this.#slots.of('lastEvaluatedDate'),
  };
  #line = 0;
  #cutLine: number | undefined;
  readonly #tally = new Tally(this.judge);

  constructor(options: ReaderOptions) {
    this.#options = options;
    for (const kind of options.expected ?? []) this.#table(kind);
  }

  /**
   * The lines of a stream, in blocks, for `take`.
   *
   * Takes   an NDJSON stream in any chunking
   * Yields  blocks that are valid until the next is asked for
   * Throws  PCRS_RECORD for a compressed or UTF-16 stream
   */
  blocks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Block> {
    return scannedBlocks(textOnly(chunks), this.#slots.paths, scannedKinds);
  }

  /**
   * Takes a block: each record goes to the table of its kind.
   *
   * Throws  PCRS_RECORD for a bad line; PCRS_INCOMPLETE if the stream can no longer be a whole run. Earlier records
   *         stand
   */
  take(block: Block): void {
    try {
      for (let row = 0; row < block.count; row += 1) {
        this.#line += 1;
        const at = row * block.width;
        if (block.places[at + 2] === verdicts.blank) continue;
        this.lines += 1;
        try {
          if (!this.#plain(block, row)) this.#strangeLine(block, at);
        } catch (error) {
          this.#refuse(error, block.unended && row === block.count - 1);
        }
      }
    } finally {
      this.#tally.tell();
    }
  }

  /** Judges the stream, once every block is taken. */
  end(demands: SinkDemands): StreamEnd {
    const verdicts = this.judge.verdicts();
    const cutLine = this.#cutLine;
    const failure = failureOf({ verdicts, cutLine, isEmpty: this.lines === 0 }, demands);
    const whole = cutLine === undefined && verdicts.every(({ complete }) => complete);
    return { verdicts, complete: whole && verdicts.length === 0 ? null : whole, failure };
  }

  /** Whether the scanner's places were enough to take a line. */
  #plain({ bytes, places, extras, width, sums }: Block, row: number): boolean {
    const at = row * width;
    if (places[at + 2] !== verdicts.plain) return false;
    const kind = this.#kindOf(bytes, places, at);
    const table = kind === undefined ? undefined : this.#table(kind);
    const sum = sums[row] as number;
    if (kind === undefined || table === undefined)
      this.#count(bytes.subarray(places[at], places[at + 1]), kind, sum);
    else {
      if (table.width > width) return false;
      const scanned = othersIn(bytes, extras, places[at + 4] as number, places[at + 5] as number);
      const others = table.others(places, at, width, scanned);
      if (!table.knows(others)) return false;
      this.#requireRun();
      table.take(bytes, places, at, others, this.#line);
      this.#tally.took(kind, this.#line, sum);
    }
    return true;
  }

  /** A line that is not plain: JSON.parse proves it, then each of its objects becomes a row like any other. */
  #strangeLine({ bytes: block, places }: Block, at: number): void {
    this.strangeLines += 1;
    const line = block.subarray(places[at], places[at + 1]);
    if (line.length > maxLineBytes) {
      throw codedError('PCRS_RECORD', `stdin:${this.#line}: the line is longer than 256 MiB`);
    }
    let bytes = line;
    const text = bytes.toString();
    if (places[at + 2] === verdicts.notUtf8) {
      bytes = Buffer.from(text);
      this.problems.count('invalidUtf8', `stdin:${this.#line}`);
    }
    const value = this.#parse(text);
    const start = skipSpace(bytes, 0);
    if (isObject(value)) this.#object(bytes, start, bytes.length, line);
    else if (!Array.isArray(value)) this.#bareValue(text);
    else {
      for (const place of placesIn(bytes, start)) {
        if (bytes[place.start] === 0x7b && place.form < forms.string)
          this.#object(bytes, place.start, place.end, bytes.subarray(place.start, place.end));
        else this.#bareValue(bytes.toString('utf8', place.start, place.end));
      }
    }
  }

  /** Takes  came  the record's bytes before any were replaced */
  #object(bytes: Buffer, start: number, end: number, came: Buffer): void {
    const row = this.#strange;
    row.fill(bytes, start);
    const kind = this.#kindOf(bytes, row.places, 0);
    const table = kind === undefined ? undefined : this.#table(kind);
    if (kind === undefined || table === undefined) this.#count(bytes.subarray(start, end), kind, crc32(came));
    else {
      this.#requireRun();
      const others = () => table.others(row.places, 0, row.places.length, row.others);
      // The table may be new, and its columns too.
      if (table.width > row.places.length) row.fill(bytes, start);
      if (table.learn(others())) row.fill(bytes, start);
      table.take(bytes, row.places, 0, others(), this.#line);
      this.#tally.took(kind, this.#line, crc32(came));
    }
  }

  /** The record's own kind, or that of its shape; undefined if it has neither. */
  #kindOf(bytes: Buffer, places: Int32Array, at: number): string | undefined {
    const scanned = places[at + 3] as number;
    if (scanned > 0) return scannedKinds[scanned - 1];
    const isThere = (slot: number) => places[at + headerWords + 2 * slot + 1] !== 0;
    if (isThere(this.#kindSlot)) {
      const place = at + headerWords + 2 * this.#kindSlot;
      const [start, endAndForm] = [places[place] as number, places[place + 1] as number];
      if ((endAndForm & 15) >= forms.string)
        return textAt(bytes, endAndForm & 15, start, endAndForm >>> 4) as string;
      const record = `{"kind":${bytes.toString('utf8', start, endAndForm >>> 4)},…`;
      throw recordError(this.#line, 'a record whose kind is a string', record);
    }
    const { controlId, hostIds, lastEvaluatedDate, title } = this.#shapes;
    if (isThere(hostIds)) return 'hostids';
    if (isThere(controlId)) return 'posture';
    return isThere(title) && isThere(lastEvaluatedDate) ? 'policy' : undefined;
  }

  #table(kind: string): OpenTable | undefined {
    if (this.#tables.has(kind)) return this.#tables.get(kind);
    const table = controlKinds.has(kind) ? undefined : this.#options.tableOf(kind);
    const open = table && new OpenTable(kind, table, this.#slots);
    if (this.#tables.size < maxKinds) this.#tables.set(kind, open);
    return open;
  }

  /** Counts a record without a table. */
  #count(record: Buffer, kind: string | undefined, sum: number): void {
    if (kind !== undefined && controlKinds.has(kind)) {
      this.#tally.tell();
      const value = JSON.parse(record.toString()) as JsonObject;
      this.judge.control(value, this.#line);
      this.#tally.see(kind, 1, this.#line);
      this.#options.onControl?.(value, this.#line);
      return;
    }
    this.#requireRun();
    if (kind === undefined) this.problems.count('withoutKind', `stdin:${this.#line}`);
    else this.#tally.took(kind, this.#line, sum);
  }

  #bareValue(text: string): void {
    this.#requireRun();
    if (this.judge.session === undefined) throw recordError(this.#line, 'a record (a JSON object)', text);
    this.problems.count('bareValues', `stdin:${this.#line}`);
  }

  #requireRun(): void {
    if (!this.#options.requireRun || this.judge.session !== undefined) return;
    throw codedError(
      'PCRS_INCOMPLETE',
      `stdin:${this.#line}: a record before any session, so nothing proves the stream complete (--require-run); start the pipe with pcrs-auth`,
    );
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw notJson(text, this.#line, cause);
    }
  }

  #refuse(error: unknown, isLast: boolean): void {
    const { code, message, cause } = error as CodedError;
    if (error instanceof RefusedRecord) {
      this.#skip(codedError('PCRS_RECORD', `stdin:${this.#line}: ${message}`));
    } else if (code !== 'PCRS_RECORD') throw error;
    else if (isLast && cause instanceof SyntaxError) this.#cutLine = this.#line;
    else this.#skip(error as CodedError);
  }

  #skip(error: CodedError): void {
    if (!this.#options.skipBad) throw error;
    this.problems.count('badLines', error.message);
  }
}

/** A place has 28 bits for the end of a value. */
const maxLineBytes = 2 ** 28 - 1;

/** Kinds remembered; a stream of invented kinds must not fill the memory. */
const maxKinds = 1000;

const none: readonly OtherMember[] = [];

/** Takes  `start`, the first extra, in words, and `count`, the number of extras */
function othersIn(bytes: Buffer, extras: Int32Array, start: number, count: number): readonly OtherMember[] {
  if (count === 0) return none;
  const others: OtherMember[] = [];
  for (let at = start; at < start + extraWords * count; at += extraWords) {
    const endAndForm = extras[at + 3] as number;
    others.push({
      name: bytes.toString('utf8', extras[at], extras[at + 1]),
      form: endAndForm & 15,
      start: extras[at + 2] as number,
      end: endAndForm >>> 4,
    });
  }
  return others;
}
