import { Secrets } from 'pcrs-records/secrets';
import { terminalText } from 'pcrs-records/terminal-text';
import type { Paint, Verdict } from './paint.ts';

/** Messages for people, one line each, on stderr. */
export interface Log {
  /** Warnings; not shown with --quiet, but counted. */
  warn(message: string): void;
  /** Information; not shown with --quiet. */
  info(message: string): void;
  /** A result in one sentence; shown on a terminal, elsewhere only with --verbose. */
  note(message: string): void;
  /** Shown only with --verbose. */
  verbose(message: string): void;
  /** The result in a sentence, like `note`; green or red on a terminal. */
  verdict(verdict: Verdict, message: string): void;
  /** Last line of a failure; always shown. */
  error(message: string): void;
  /** Secrets to print as `[secret]`. */
  readonly secrets: Secrets;
  /** A text with every known secret removed. */
  redacted(text: string): string;
  readonly warnings: number;
}

interface LogOptions {
  tool: string;
  quiet: boolean;
  verbose: boolean;
  format: 'text' | 'json';
  /** Whether stderr is a terminal. */
  terminal: boolean;
  /** Takes whole lines. */
  write(line: string): void;
  /** Colours verdicts in text; default: as they are. */
  paint?: Paint;
}

/** Opens the log of a tool. */
export function openLog(options: LogOptions): Log {
  const secrets = new Secrets();
  let warnings = 0;
  const redacted = (text: string): string => secrets.scrub(text);
  const paint = options.paint ?? ((_: Verdict, text: string) => text);
  const tell = (level: string, message: string, verdict?: Verdict): void => {
    const line = terminalText(redacted(message).replace(/\s+/g, ' '));
    if (options.format === 'text')
      options.write(`${options.tool}: ${verdict === undefined ? line : paint(verdict, line)}\n`);
    else {
      const record = { time: new Date().toISOString(), level, tool: options.tool, message: line };
      options.write(`${JSON.stringify(record)}\n`);
    }
  };
  return {
    warn(message) {
      warnings += 1;
      if (!options.quiet) tell('warning', message);
    },
    info(message) {
      if (!options.quiet) tell('info', message);
    },
    note(message) {
      if (!options.quiet && (options.terminal || options.verbose)) tell('info', message);
    },
    verdict(verdict, message) {
      if (!options.quiet && (options.terminal || options.verbose)) tell('info', message, verdict);
    },
    verbose(message) {
      if (options.verbose) tell('debug', message);
    },
    error(message) {
      tell('error', message, 'bad');
    },
    secrets,
    redacted,
    get warnings() {
      return warnings;
    },
  };
}
