import { crc32 } from 'node:zlib';
import { type CodedError, codedError, excerpt, recordError } from 'pcrs-records/errors';
import { parseExact } from 'pcrs-records/json';
import { isObject, type JsonObject, kindByShape } from 'pcrs-records/kinds';
import { isBlank, type LineBlock, lineBlocks } from 'pcrs-records/lines';
import { failureOf, type SinkDemands } from './demands.ts';
import { differenceWords } from './fidelity.ts';
import { RunJudge } from './judge.ts';

/** A record on its way into a sink. */
export interface SinkRecord {
  kind: string;
  value: JsonObject;
  /** Line on stdin, from 1. */
  line: number;
  /** The line as it came; undefined for an element of an array. */
  text: string | undefined;
}

export interface SinkInputOptions {
  /** Passes over bad lines and counts them, instead of failing at the first. */
  skipBad?: boolean;
}

/**
 * The input of a sink: bytes in, parsed records out, with everything noted that a sink has to judge and report.
 *
 * Read `blocks()` to its end, then ask `failure()`, `complete`, `reports()` and `judge.verdicts()`.
 */
export class SinkInput {
  /** Is told here of every control record and every record taken; it is ahead of the records of a block. */
  readonly judge = new RunJudge();
  /** Records that came, by kind, control records too. */
  readonly kinds = new Map<string, number>();
  /** Bad lines that were passed over. */
  skipped = 0;
  readonly #skipBad: boolean;
  readonly #passedOver = new Map<string, { count: number; firstLine: number }>();
  #firstSkipped = '';
  #cutLine: number | undefined;
  #invalidUtf8Line: number | undefined;

  constructor(options: SinkInputOptions = {}) {
    this.#skipBad = options.skipBad ?? false;
  }

  /**
   * Parsed records, in blocks of those that arrived together.
   *
   * Takes   an NDJSON stream in any chunking; an array on a line counts as its elements
   * Yields  tagged records of any kind, control records too, and untagged ones with the kind that their shape tells.
   *         Objects without either and, in a run, values that are no objects are only counted
   * Limits  memory holds a chunk and a line
   * Throws  PCRS_RECORD for a bad line, once the records before it were yielded; PCRS_INCOMPLETE for a `start` or
   *         `end` without a session. A cut last line is not thrown but told by `failure()`
   */
  async *blocks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<SinkRecord[]> {
    for await (const block of lineBlocks(chunks)) {
      const records: SinkRecord[] = [];
      let broken: unknown;
      try {
        this.#takeBlock(block, records);
      } catch (error) {
        broken = error;
      }
      if (records.length > 0) yield records;
      if (broken !== undefined) throw broken;
    }
  }

  /** Whether every run of the stream is whole; null where there was none. */
  get complete(): boolean | null {
    if (this.#cutLine !== undefined) return false;
    const verdicts = this.judge.verdicts();
    return verdicts.length === 0 ? null : verdicts.every((verdict) => verdict.complete);
  }

  /** PCRS_INCOMPLETE or PCRS_EMPTY if the stream, read to its end, is not what the sink demands. */
  failure(demands: SinkDemands = {}): CodedError | undefined {
    const isEmpty = this.kinds.size === 0 && this.#passedOver.size === 0 && this.skipped === 0;
    return failureOf({ verdicts: this.judge.verdicts(), cutLine: this.#cutLine, isEmpty }, demands);
  }

  /**
   * For a record that came and cannot be used: it no longer counts as accepted, and is counted as a bad line.
   *
   * Throws  PCRS_RECORD `stdin:LINE: MESSAGE`, unless bad lines are passed over
   */
  reject(record: SinkRecord, message: string): void {
    this.judge.took(record.kind, -1, 2 ** 53 - sumOf(record.text));
    this.#skip(codedError('PCRS_RECORD', `stdin:${record.line}: ${message}`));
  }

  /** How what came differs from what the stages made, in words; undefined if it does not. */
  difference(): string | undefined {
    return differenceWords(this.judge.verdicts());
  }

  /** One line for each sort of input that was passed over or changed, ready for stderr. */
  reports(): string[] {
    const lines: string[] = [];
    if (this.skipped > 0) {
      lines.push(`bad lines passed over: ${this.skipped}, the first ${this.#firstSkipped}`);
    }
    for (const [what, { count, firstLine }] of this.#passedOver) {
      lines.push(`stdin:${firstLine}: ${what} passed over: ${count} in all`);
    }
    if (this.#invalidUtf8Line !== undefined) {
      lines.push(`stdin:${this.#invalidUtf8Line}: from here on bytes that are not UTF-8 became U+FFFD`);
    }
    return lines;
  }

  /**
   * Takes a line, for a sink that reads them by itself; what comes of it is added to `records`.
   *
   * Takes   last  whether the stream ended in this line
   * Throws  as `blocks()`
   */
  takeLine(text: string, line: number, last: boolean, records: SinkRecord[]): void {
    if (isBlank(text)) return;
    try {
      const value = parse(text, line);
      if (Array.isArray(value)) {
        for (const element of value) this.#take(element, line, undefined, records);
      } else {
        this.#take(value, line, text, records);
      }
    } catch (error) {
      const { code, cause } = error as CodedError;
      if (code !== 'PCRS_RECORD') throw error;
      if (last && cause !== undefined) this.#cutLine = line;
      else this.#skip(error as CodedError);
    }
  }

  /** Notes records of a kind that the sink read by itself, and the sum of their lines; none of them a control record. */
  took(kind: string, count: number, sum: number): void {
    this.judge.took(kind, count, sum);
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + count);
  }

  /** Notes that bytes near a line were not UTF-8. */
  notUtf8(line: number): void {
    this.#invalidUtf8Line ??= line;
  }

  #takeBlock({ lines, firstLine, unterminated, invalidUtf8 }: LineBlock, records: SinkRecord[]): void {
    if (invalidUtf8) this.notUtf8(firstLine);
    for (let index = 0; index < lines.length; index += 1) {
      const last = unterminated && index === lines.length - 1;
      this.takeLine(lines[index] as string, firstLine + index, last, records);
    }
  }

  #take(value: unknown, line: number, text: string | undefined, records: SinkRecord[]): void {
    if (!isObject(value)) {
      if (this.judge.session === undefined)
        throw recordError(line, 'a record (a JSON object)', text ?? shown(value));
      this.#passOver(`lines that are no JSON object`, line);
      return;
    }
    const tag = Object.hasOwn(value, 'kind') ? value['kind'] : kindByShape(value);
    if (tag === undefined) {
      this.#passOver('objects without a kind', line);
      return;
    }
    if (typeof tag !== 'string')
      throw recordError(line, 'a record whose kind is a text', text ?? shown(value));
    if (tag === 'session' || tag === 'start' || tag === 'end') {
      this.judge.control(value, line);
      this.kinds.set(tag, (this.kinds.get(tag) ?? 0) + 1);
    } else this.took(tag, 1, sumOf(text));
    records.push({ kind: tag, value, line, text });
  }

  #skip(error: CodedError): void {
    if (!this.#skipBad) throw error;
    if (this.skipped === 0) this.#firstSkipped = error.message;
    this.skipped += 1;
  }

  #passOver(what: string, line: number): void {
    const known = this.#passedOver.get(what);
    if (known) known.count += 1;
    else this.#passedOver.set(what, { count: 1, firstLine: line });
  }
}

/** The element of an array has no line of its own. */
function sumOf(text: string | undefined): number {
  return text === undefined ? 0 : crc32(text);
}

/** Throws PCRS_RECORD; with the parser's error as its cause where the text is no JSON. */
function parse(text: string, line: number): unknown {
  try {
    return parseExact(text);
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw codedError(
        'PCRS_RECORD',
        `stdin:${line}: nested deeper than the engine can follow: ${excerpt(text)}`,
      );
    }
    const message = `stdin:${line}: expected a record (a JSON object), found ${excerpt(text)}`;
    throw codedError('PCRS_RECORD', message, { cause });
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value);
}
