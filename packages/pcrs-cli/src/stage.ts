import { codedError, excerpt, recordError } from 'pcrs-records/errors';
import { parseExact } from 'pcrs-records/json';
import {
  type Counts,
  type End,
  isObject,
  type JsonObject,
  parseSession,
  type Session,
  type SliceCounts,
} from 'pcrs-records/kinds';
import { isBlank, lineBlocks } from 'pcrs-records/lines';
import { exitStatus, messageOf } from './exit-status.ts';
import type { Context } from './tool.ts';

/** What a stage asked of the gateway, for its `end`. */
export interface Tally {
  requests: number;
  retries: number;
  bytes: number;
  slices?: SliceCounts;
}

export interface StageOptions<T> {
  /** The kinds that the stage takes as input. */
  takes: readonly string[];
  /** What `accept` takes, in words, for errors. */
  expected: string;
  /**
   * A parsed line to inputs of the stage; none where the line is not for it.
   *
   * Throws  a sentence where the line is for it and wrong
   */
  accept?(value: unknown, kind: string | undefined, where: string): readonly { kind: string; input: T }[];
  /** What the stage is for; it need not read its input to the end. */
  work(run: Run<T>): Promise<void>;
  tally?(): Tally;
  /** Lines that are no records are counted and passed over. */
  skipBad?: boolean;
}

/** A stage at work, in a run or not. */
export interface Run<T> {
  /** Undefined outside a run. */
  readonly session: Session | undefined;
  /** What relative dates count from. */
  readonly startedAt: Date;
  /** The stage's input; in a run, each line is forwarded as it is read. */
  readonly input: AsyncIterable<T>;
  /** Told of each control record that is forwarded. */
  onForward?: (record: JsonObject) => void;
  /** Writes records of the stage's own making: whole lines, and how many. */
  emit(kind: string, lines: Uint8Array | string, count?: number): Promise<void> | undefined;
}

/**
 * Runs a stage of the pipe by the contract: in a run (the first record is a `session`) it writes its `start`
 * after the session, forwards each record it reads, and ends with its `end`, also when it fails.
 * Outside a run it writes its own records and nothing else.
 *
 * Throws  what `work` throws; PCRS_RECORD for input it cannot use; PCRS_INCOMPLETE where the stage before failed at once
 */
export async function runStage<T>(context: Context, options: StageOptions<T>): Promise<void> {
  const stage = new Stage(context, options);
  try {
    await stage.open();
    await options.work(stage);
    await stage.drain();
  } catch (error) {
    await stage.close(context.signal.aborted ? context.signal.reason : error);
    throw error;
  }
  await stage.close(undefined);
}

interface InputLine {
  number: number;
  text: string;
  unterminated: boolean;
}

class Stage<T> implements Run<T> {
  session: Session | undefined;
  onForward?: (record: JsonObject) => void;
  readonly input: AsyncIterable<T>;
  readonly #context: Context;
  readonly #options: StageOptions<T>;
  readonly #lines: AsyncGenerator<InputLine>;
  readonly #in: Counts;
  readonly #out: Counts = {};
  #first: InputLine | undefined;
  #badLines = 0;
  #ended = false;

  constructor(context: Context, options: StageOptions<T>) {
    this.#context = context;
    this.#options = options;
    this.#lines = inputLines(context);
    this.#in = Object.fromEntries(options.takes.map((kind) => [kind, 0]));
    this.input = this.#read();
  }

  get startedAt(): Date {
    return this.session ? new Date(this.session.startedAt) : this.#context.startedAt;
  }

  /** Reads the first record: it decides whether this is a run. */
  async open(): Promise<void> {
    const first = await this.#lines.next();
    if (first.done) return;
    this.#first = first.value;
    const value = tryParse(first.value.text);
    if (!isObject(value)) return this.#refuseAllInput(first.value);
    if (value['kind'] === 'end' && value['ok'] === false) {
      await this.#context.output.write(`${first.value.text}\n`);
      throw codedError(
        'PCRS_INCOMPLETE',
        `nothing done, since ${value['stage']} ended ${value['status']}: ${errorMessage(value)}`,
      );
    }
    if (value['kind'] !== 'session') return this.#refuseAllInput(first.value);
    this.#first = undefined;
    this.session = readSession(value, first.value.number);
    const start = {
      ...{ kind: 'start', contract: 1, runId: this.session.runId, stage: this.#context.tool },
      ...{ version: this.#context.version, startedAt: new Date().toISOString() },
      options: this.#context.options,
    };
    // In one write: a stage that is killed after its session and before its start would leave a run that looks whole.
    await this.#context.output.write(`${first.value.text}\n${JSON.stringify(start)}\n`);
  }

  emit(kind: string, lines: Uint8Array | string, count = 1): Promise<void> | undefined {
    if (this.#context.signal.aborted) throw this.#context.signal.reason;
    this.#out[kind] = (this.#out[kind] ?? 0) + count;
    return this.#context.output.write(lines);
  }

  /** A stage that takes no records takes a run or nothing: told before it asks for anything. */
  #refuseAllInput(first: InputLine): void {
    if (this.#options.takes.length === 0) throw recordError(first.number, this.#options.expected, first.text);
  }

  /** Reads, and in a run forwards, what the work left unread. */
  async drain(): Promise<void> {
    if (this.#ended) return;
    for await (const _ of this.input);
  }

  /** Says how many lines were passed over, and in a run writes the `end`. */
  async close(error: unknown): Promise<void> {
    if (this.#badLines > 0)
      this.#context.log.warn(`${this.#badLines} lines of stdin were passed over (--skip-bad)`);
    if (this.session) await this.#writeEnd(error, this.session.runId).catch(() => {});
  }

  async #writeEnd(error: unknown, runId: string): Promise<void> {
    const { log, output, tool } = this.#context;
    const { slices, ...tally } = this.#options.tally?.() ?? { requests: 0, retries: 0, bytes: 0 };
    const end: End = {
      ...{ kind: 'end', runId, stage: tool, endedAt: new Date().toISOString(), ok: error === undefined },
      ...{
        status: error === undefined ? 0 : exitStatus(error),
        in: this.#in,
        out: this.#out,
        ...tally,
        warnings: log.warnings,
      },
      ...(slices ? { slices } : {}),
    };
    if (error !== undefined) {
      end.error = {
        code: (error as { code?: string }).code ?? 'PCRS_BUG',
        message: log.redacted(messageOf(error)),
      };
    }
    await output.record(end);
    await output.flush();
  }

  async *#read(): AsyncGenerator<T> {
    const { signal } = this.#context;
    for (let line = this.#first; ; line = undefined) {
      if (line === undefined) {
        const next = await this.#lines.next();
        if (next.done) break;
        line = next.value;
      }
      if (signal.aborted) throw signal.reason;
      for (const { kind, input } of await this.#take(line)) {
        this.#in[kind] = (this.#in[kind] ?? 0) + 1;
        yield input;
      }
    }
    this.#ended = true;
  }

  async #take(line: InputLine): Promise<readonly { kind: string; input: T }[]> {
    const where = `stdin:${line.number}`;
    try {
      const value = tryParse(line.text);
      if (value === undefined) throw notJson(line, this.#options.expected);
      const kind = kindOf(value);
      const taken = this.#options.accept?.(value, kind, where) ?? [];
      if (!this.session && taken.length === 0 && !isEmptyArray(value))
        throw recordError(line.number, this.#options.expected, line.text);
      if (this.session) {
        await this.#context.output.write(`${line.text}\n`);
        if (kind !== undefined) this.onForward?.(value as JsonObject);
      }
      return taken;
    } catch (error) {
      const bad = (error as { code?: string }).code === 'PCRS_RECORD';
      if (!bad || !this.#options.skipBad) throw error;
      this.#badLines += 1;
      return [];
    }
  }
}

async function* inputLines(context: Context): AsyncGenerator<InputLine> {
  for await (const block of lineBlocks(context.stdin)) {
    if (block.invalidUtf8)
      context.log.warn(`stdin:${block.firstLine}: not UTF-8 in this or a following line; replaced by U+FFFD`);
    const last = block.lines.length - 1;
    for (const [index, text] of block.lines.entries()) {
      if (isBlank(text)) continue;
      yield { number: block.firstLine + index, text, unterminated: block.unterminated && index === last };
    }
  }
}

function tryParse(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** Undefined for what is untagged; a kind that is no text is one that nobody takes. */
function kindOf(value: unknown): string | undefined {
  if (!isObject(value) || !Object.hasOwn(value, 'kind')) return undefined;
  return typeof value['kind'] === 'string' ? value['kind'] : '';
}

/** An answer of the gateway that holds nothing. */
function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function notJson(line: InputLine, expected: string): Error {
  if (line.unterminated) {
    return codedError(
      'PCRS_INCOMPLETE',
      `stdin:${line.number}: the stream was cut in the middle of a line: ${excerpt(line.text)}`,
    );
  }
  const pretty = /^\s*[[{]\s*$/.test(line.text) ? ' (a document over several lines? try jq -c .)' : '';
  return recordError(line.number, `${expected}, one JSON value a line${pretty}`, line.text);
}

function readSession(value: JsonObject, line: number): Session {
  try {
    return parseSession(value);
  } catch (error) {
    throw codedError('PCRS_RECORD', `stdin:${line}: ${(error as Error).message}`);
  }
}

function errorMessage(end: JsonObject): string {
  const error = end['error'];
  return isObject(error) && typeof error['message'] === 'string' ? error['message'] : 'no message';
}
