import { type CodedError, codedError, excerpt, recordError } from 'pcrs-records/errors';
import { type GatewayKind, gatewayKinds, type JsonObject, kindByShape } from 'pcrs-records/kinds';
import { decoded } from './byte-lines.ts';
import { arrayElements, skipSpace, valueEnd } from './json-text.ts';
import { MemberError } from './member-error.ts';
import type { Members } from './members.ts';

/** What a line of the stream turns out to be. */
export interface RecordEvents {
  /** The members of a gateway record are in their slots. */
  onRecord(kind: GatewayKind, line: number): void;
  /** A record of another kind, or an object without any (undefined). */
  onOther(kind: string | undefined, value: JsonObject, line: number): void;
  /** A JSON value that is no record. */
  onBareValue(text: string, line: number): void;
}

/**
 * Tells the kind of each line and reads gateway records into their slots.
 *
 * A record that begins with its `kind`, as the suite writes them, is read by its slots alone; for any other line
 * JSON.parse says what it is.
 */
export class RecordReader {
  readonly #events: RecordEvents;
  readonly #members: Readonly<Record<GatewayKind, Members>>;
  readonly #tagged: readonly { kind: GatewayKind; prefix: string }[];

  constructor(members: Readonly<Record<GatewayKind, Members>>, events: RecordEvents) {
    this.#members = members;
    this.#events = events;
    // Postures are nearly all there is, so they are looked for first.
    this.#tagged = gatewayKinds.toReversed().map((kind) => ({ kind, prefix: `{"kind":"${kind}",` }));
  }

  /**
   * Reads a line that is not blank: a byte text.
   *
   * Throws  PCRS_RECORD, with a SyntaxError as its cause where the line is no JSON
   */
  read(text: string, line: number): void {
    try {
      for (const { kind, prefix } of this.#tagged) {
        if (!text.startsWith(prefix)) continue;
        endOfLine(text, this.#members[kind].read(text, prefix.length - 1));
        this.#events.onRecord(kind, line);
        return;
      }
      this.#readAny(text, line);
    } catch (error) {
      throw readingError(error, decoded(text), line);
    }
  }

  #readAny(text: string, line: number): void {
    const at = skipSpace(text, 0);
    const first = text.charCodeAt(at);
    if (first === 0x7b) endOfLine(text, this.#readObject(text, at, line));
    else if (first === 0x5b) {
      // Proven JSON first: what stands before a fault in the same line must not be written.
      JSON.parse(text);
      arrayElements(text, at, (place) => this.#readObject(text, place, line));
    } else {
      JSON.parse(text);
      this.#events.onBareValue(decoded(text), line);
    }
  }

  /** Reads an object in the text; the place after it. */
  #readObject(text: string, at: number, line: number): number {
    const end = valueEnd(text, at);
    if (end < 0) throw new SyntaxError('a value');
    const own = text.slice(at, end);
    if (!own.startsWith('{')) {
      this.#events.onBareValue(decoded(own), line);
      return end;
    }
    const value = JSON.parse(decoded(own)) as JsonObject;
    const tag = Object.hasOwn(value, 'kind') ? value['kind'] : kindByShape(value);
    if (tag !== undefined && typeof tag !== 'string') {
      throw recordError(line, 'a record whose kind is a text', decoded(text));
    }
    const kind = gatewayKinds.find((candidate) => candidate === tag);
    if (kind === undefined) this.#events.onOther(tag, value, line);
    else {
      this.#members[kind].read(own, 0);
      this.#events.onRecord(kind, line);
    }
    return end;
  }
}

function endOfLine(text: string, at: number): void {
  if (at !== text.length && skipSpace(text, at) !== text.length) throw new SyntaxError('the end of the line');
}

function readingError(error: unknown, text: string, line: number): unknown {
  if (error instanceof MemberError) return codedError('PCRS_RECORD', `stdin:${line}: ${error.message}`);
  return error instanceof SyntaxError ? noJson(text, line, error) : error;
}

/** The error for a line that is no JSON; the parser's error is its cause. */
export function noJson(text: string, line: number, cause: unknown): CodedError {
  const pretty = /^\s*[[{]\s*$/.test(text) ? ' (a document over several lines? try jq -c .)' : '';
  const message = `stdin:${line}: expected a record (a JSON object) on one line${pretty}, found ${excerpt(text)}`;
  return codedError('PCRS_RECORD', message, { cause });
}

/** Whether an error of `read` says that the line is no JSON at all: a cut one, if it is the last. */
export function isNoJson(error: unknown): boolean {
  return (error as CodedError).cause instanceof SyntaxError;
}
