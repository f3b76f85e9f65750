import { randomUUID } from 'node:crypto';
import { counted } from 'pcrs-records/counted';
import { codedError, recordError } from 'pcrs-records/errors';
import {
  isObject,
  type JsonObject,
  type Session,
  type SliceCounts,
  type Start,
  sessionAt,
} from 'pcrs-records/kinds';
import { baseOfOptions, scopeOfOptions } from 'pcrs-records/scope';
import { endOf } from './end-record.ts';
import { Made } from './made.ts';
import { type InputLine, inputLines, kindOf, notJson, parsedLine } from './stage-input.ts';
import type { Context } from './tool.ts';

/** Requests of a stage, for its `end`. */
export interface Tally {
  requests: number;
  retries: number;
  bytes: number;
  slices?: SliceCounts;
}

export interface StageOptions<T> {
  /** Kinds of input that the stage takes. */
  takes: readonly string[];
  /** Description of valid input, for errors. */
  expected: string;
  /**
   * Converts a parsed line to inputs; empty if the line is not for this stage.
   *
   * Throws  a sentence if the line is for this stage and wrong
   */
  accept?(value: unknown, kind: string | undefined, where: string): readonly { kind: string; input: T }[];
  /** The stage's work; it need not read all its input. */
  work(run: Run<T>): Promise<void>;
  tally?(): Tally | undefined;
  /** Skips and counts lines that are not records. */
  skipBad?: boolean;
}

/** A stage at work, in a run or not. */
export interface Run<T> {
  /** Undefined outside a run. */
  readonly session: Session | undefined;
  /** Start of relative dates. */
  readonly startedAt: Date;
  /** The stage's input; in a run, each line is forwarded as it is read. */
  readonly input: AsyncIterable<T>;
  /** Called for each control record that is forwarded. */
  onForward?: (record: JsonObject) => void;
  /** Writes one or more whole lines of the stage's own records. */
  emit(kind: string, lines: Uint8Array | string): Promise<void> | undefined;
}

/**
 * Runs a stage by the contract. In a run (the first record is a `session`) it writes its `start` after the
 * session, forwards each record it reads, and writes its `end`, also when it fails. Outside a run it writes
 * its own records and nothing else.
 *
 * Throws  whatever `work` throws; PCRS_RECORD for unusable input; PCRS_INCOMPLETE if the stage before failed
 *         at once
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

/** Throws PCRS_USAGE for --untagged in a run. */
export function checkTagged(untagged: boolean, { session }: Pick<Run<unknown>, 'session'>): void {
  if (!untagged || session === undefined) return;
  throw codedError(
    'PCRS_USAGE',
    '--untagged cannot be used in a run, whose records need their kind; remove pcrs-auth from the pipe',
  );
}

const newline = Buffer.from('\n');

class Stage<T> implements Run<T> {
  session: Session | undefined;
  onForward?: (record: JsonObject) => void;
  readonly input: AsyncIterable<T>;
  readonly #context: Context;
  readonly #options: StageOptions<T>;
  readonly #lines: AsyncGenerator<InputLine>;
  readonly #in = new Map<string, number>();
  readonly #made = new Made();
  readonly #startId = randomUUID();
  #first: InputLine | undefined;
  #badLines = 0;
  #ended = false;

  constructor(context: Context, options: StageOptions<T>) {
    this.#context = context;
    this.#options = options;
    this.#lines = inputLines(context);
    for (const kind of options.takes) this.#in.set(kind, 0);
    this.input = this.#read();
  }

  get startedAt(): Date {
    return this.session ? new Date(this.session.startedAt) : this.#context.startedAt;
  }

  /** Reads the first record, which decides whether this is a run. */
  async open(): Promise<void> {
    const first = await this.#lines.next();
    if (first.done) return;
    this.#first = first.value;
    const value = parsedLine(first.value);
    if (!isObject(value)) return this.#refuseAllInput(first.value);
    if (value['kind'] === 'end' && value['ok'] === false) {
      await this.#forward(first.value);
      const why = `${value['stage']} ended ${value['status']}: ${errorMessage(value)}`;
      throw Object.assign(codedError('PCRS_INCOMPLETE', `nothing was asked: ${why}`), { toldBefore: true });
    }
    if (value['kind'] !== 'session') return this.#refuseAllInput(first.value);
    this.#first = undefined;
    this.session = sessionAt(first.value.number, value);
    // One write for both: a stage killed in between would leave a run that looks whole.
    const start = Buffer.from(`${JSON.stringify(this.#start(this.session))}\n`);
    await this.#context.output.write(Buffer.concat([first.value.bytes, newline, start]));
  }

  emit(kind: string, lines: Uint8Array | string): Promise<void> | undefined {
    if (this.#context.signal.aborted) throw this.#context.signal.reason;
    if (this.session) this.#made.add(kind, lines);
    return this.#context.output.write(lines);
  }

  /** A stage without input kinds takes a run or nothing; refuses anything else before the first request. */
  #refuseAllInput(first: InputLine): void {
    if (this.#options.takes.length === 0) throw recordError(first.number, this.#options.expected, first.text);
  }

  /** Reads, and in a run forwards, the input that `work` left unread. */
  async drain(): Promise<void> {
    if (this.#ended) return;
    for await (const _ of this.input);
  }

  /** Logs the number of skipped lines; in a run, writes the `end`. */
  async close(error: unknown): Promise<void> {
    if (this.#badLines > 0)
      this.#context.log.warn(`stdin: skipped ${counted(this.#badLines, 'bad line')} (--skip-bad)`);
    if (this.session) await this.#writeEnd(error, this.session.runId).catch(() => {});
  }

  async #writeEnd(error: unknown, runId: string): Promise<void> {
    const { log, output, tool } = this.#context;
    const end = endOf({ runId, startId: this.#startId, stage: tool }, log, error, {
      ...{ in: Object.fromEntries(this.#in), out: this.#made.out, sums: this.#made.sums },
      ...this.#options.tally?.(),
    });
    await output.record(end);
    await output.flush();
  }

  #start({ runId }: Session): Start {
    const { options, tool: stage, version } = this.#context;
    return {
      ...{ kind: 'start', contract: 2, runId, startId: this.#startId, stage, version },
      ...{ startedAt: new Date().toISOString(), options },
      ...{ scope: scopeOfOptions(stage, options), base: baseOfOptions(options) },
    };
  }

  /** Forwards a line byte for byte. */
  #forward({ bytes }: InputLine): Promise<void> | undefined {
    return this.#context.output.write(Buffer.concat([bytes, newline]));
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
        this.#in.set(kind, (this.#in.get(kind) ?? 0) + 1);
        yield input;
      }
    }
    this.#ended = true;
  }

  async #take(line: InputLine): Promise<readonly { kind: string; input: T }[]> {
    const where = `stdin:${line.number}`;
    try {
      const value = parsedLine(line);
      if (value === undefined) throw notJson(line, this.#options.expected);
      const kind = kindOf(value);
      const taken = this.#options.accept?.(value, kind, where) ?? [];
      if (!this.session && taken.length === 0 && !isEmptyArray(value))
        throw recordError(line.number, this.#options.expected, line.text);
      if (this.session) {
        await this.#forward(line);
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

/** An empty response of the gateway. */
function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function errorMessage(end: JsonObject): string {
  const error = end['error'];
  return isObject(error) && typeof error['message'] === 'string' ? error['message'] : 'no message';
}
