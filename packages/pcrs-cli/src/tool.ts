import type { Flags, FlagValues } from './flags.ts';
import type { Log } from './log.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';
import type { Origin, ToldOrigin } from './read-flags.ts';

/** A tool: a sentence, its flags, and what it does. */
export interface Tool<F extends Flags = Flags> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Two or three pipes; the help opens with them. */
  readonly pipes: readonly string[];
  /** With `many`, the last takes all that follow. */
  readonly positionals?: readonly { name: string; describe: string; required?: boolean; many?: boolean }[];
  /** `required`: on a terminal the tool prints its help and ends with 2. */
  readonly stdin: 'none' | 'optional' | 'required';
  /** Flags may make a required stdin needless: then it is not asked for on a terminal. */
  needsStdin?(flags: FlagValues<F>): boolean;
  /** When the live line is shown: the stages of a pipe share one terminal. */
  readonly live?: 'always' | 'unless stdout is piped' | 'unless stdin is piped';
  /** It opens runs: where it cannot even start, it says so on stdout, so that the next stage does nothing. */
  readonly opensRun?: boolean;
  readonly flags: F;
  /** Tools that the first word starts instead (`pcrs etl …`), by that word. */
  readonly tools?: Readonly<Record<string, () => Promise<{ tool: unknown }>>>;
  /** Paragraphs of the help before the exit statuses. */
  readonly notes?: readonly string[];
  /** Throws errors that carry a code; see `exit-status.ts`. */
  main(context: Context<F>): Promise<void>;
}

/** A tool whatever its flags. */
export type AnyTool = Tool<Flags>;

/** What a tool gets from the machine; nothing else in the suite touches `process`. */
export interface Context<F extends Flags = Flags> {
  readonly tool: string;
  readonly version: string;
  readonly flags: FlagValues<F>;
  /** Where each flag's value came from, by camelCase name. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** The flags in force, for a `start` record: no secrets. */
  readonly options: Readonly<Record<string, { value: unknown; from: ToldOrigin }>>;
  /** Names of the flags set for this tool alone, not for the whole suite. */
  readonly forThisTool: ReadonlySet<string>;
  readonly positionals: readonly string[];
  /** The password of the profile in force. */
  readonly profilePassword: string | undefined;
  /** The profile in force as written, with the settings of all tools, without its password. */
  readonly profile: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number | undefined;
  readonly pid: number;
  /** How this Node was started, to start another tool the same way. */
  readonly node: { path: string; flags: readonly string[] };
  readonly stdin: AsyncIterable<Uint8Array>;
  /** What stdin is: a stage with optional input reads it only where it is a pipe, a socket or a file. */
  readonly stdinIs: 'terminal' | 'stream' | 'nothing';
  /** Whether a person reads the output; then a tool may write a table instead of records. */
  readonly stdoutIsTerminal: boolean;
  /** Of the terminal on stdout; undefined without one. */
  readonly stdoutColumns: number | undefined;
  readonly stderrIsTerminal: boolean;
  readonly output: Output;
  readonly log: Log;
  readonly progress: Progress;
  readonly startedAt: Date;
  /** Aborted by SIGINT and SIGTERM (`reason.code` PCRS_INTERRUPTED) and when stdout's reader went away (PCRS_READER_GONE). */
  readonly signal: AbortSignal;
}

/** Gives a tool its types; does nothing else. */
export function defineTool<const F extends Flags>(tool: Tool<F>): Tool<F> {
  return tool;
}
