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
  /** Two or three pipes; the help starts with them. */
  readonly pipes: readonly string[];
  /** With `many`, the last one takes all remaining words. */
  readonly positionals?: readonly { name: string; describe: string; required?: boolean; many?: boolean }[];
  /** `required`: on a terminal the tool names `--help` and ends with 2. */
  readonly stdin: 'none' | 'optional' | 'required';
  /** Whether a required stdin is needed with these flags; if not, stdin may be a terminal. */
  needsStdin?(flags: FlagValues<F>): boolean;
  /** When to show the live line: the stages of a pipe share one terminal. */
  readonly live?: 'always' | 'unless stdout is piped' | 'unless stdin is piped';
  /**
   * The tool opens runs: if it cannot start, it writes a failed end to stdout, so that the next stage does
   * nothing.
   */
  readonly opensRun?: boolean;
  readonly flags: F;
  /** Tools started by the first word (`pcrs etl …`), by that word. */
  readonly tools?: Readonly<Record<string, () => Promise<{ tool: unknown }>>>;
  /** Paragraphs of the help before the exit statuses. */
  readonly notes?: readonly string[];
  /** Throws errors with a code; see `exit-status.ts`. */
  main(context: Context<F>): Promise<void>;
}

/** A tool with any flags. */
export type AnyTool = Tool<Flags>;

/** A tool's access to the machine; nothing else in the suite touches `process`. */
export interface Context<F extends Flags = Flags> {
  readonly tool: string;
  readonly version: string;
  readonly flags: FlagValues<F>;
  /** Origin of each flag's value, by camelCase name. */
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
  /** Node's path and flags, to start another tool the same way. */
  readonly node: { path: string; flags: readonly string[] };
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The same, faster for a reader that copies: each chunk is valid until the next is asked for. */
  readonly lentStdin: AsyncIterable<Uint8Array>;
  /** Kind of stdin: a stage with optional input reads it only if it is a pipe, a socket or a file. */
  readonly stdinIs: 'terminal' | 'stream' | 'nothing';
  /** Whether a person reads the output; a tool may then write a table instead of records. */
  readonly stdoutIsTerminal: boolean;
  /** Width of the terminal on stdout; undefined without one. */
  readonly stdoutColumns: number | undefined;
  readonly stderrIsTerminal: boolean;
  readonly output: Output;
  readonly log: Log;
  readonly progress: Progress;
  readonly startedAt: Date;
  /**
   * Aborted on SIGINT and SIGTERM (`reason.code` PCRS_INTERRUPTED), and if stdout's reader goes away
   * (PCRS_READER_GONE).
   */
  readonly signal: AbortSignal;
}

/** Gives a tool its types; does nothing else. */
export function defineTool<const F extends Flags>(tool: Tool<F>): Tool<F> {
  return tool;
}
