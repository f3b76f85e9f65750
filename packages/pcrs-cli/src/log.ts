/** Messages for people, one line each, on stderr. */
export interface Log {
  /** Trouble: shown always, and counted. */
  warn(message: string): void;
  /** Worth knowing: not shown with --quiet. */
  info(message: string): void;
  /** A result in a sentence: shown on a terminal, elsewhere with --verbose only. */
  note(message: string): void;
  /** Shown with --verbose only. */
  verbose(message: string): void;
  /** The last line of a failure; shown always. */
  error(message: string): void;
  /** From now on this text is `[secret]` wherever it would be shown. */
  secret(text: string): void;
  /** A text with every known secret taken out. */
  redacted(text: string): string;
  readonly warnings: number;
}

export interface LogOptions {
  tool: string;
  quiet: boolean;
  verbose: boolean;
  format: 'text' | 'json';
  /** Whether stderr is a terminal. */
  terminal: boolean;
  /** Takes whole lines. */
  write(line: string): void;
}

/** Opens the log of a tool. */
export function openLog(options: LogOptions): Log {
  const secrets = new Set<string>();
  let warnings = 0;
  const redacted = (text: string): string => {
    let shown = text;
    for (const secret of secrets) shown = shown.replaceAll(secret, '[secret]');
    return shown;
  };
  const tell = (level: string, message: string): void => {
    const line = redacted(message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' '));
    if (options.format === 'text') options.write(`${options.tool}: ${line}\n`);
    else {
      const record = { time: new Date().toISOString(), level, tool: options.tool, message: line };
      options.write(`${JSON.stringify(record)}\n`);
    }
  };
  return {
    warn(message) {
      warnings += 1;
      tell('warning', message);
    },
    info(message) {
      if (!options.quiet) tell('info', message);
    },
    note(message) {
      if (!options.quiet && (options.terminal || options.verbose)) tell('info', message);
    },
    verbose(message) {
      if (options.verbose) tell('debug', message);
    },
    error(message) {
      tell('error', message);
    },
    secret(text) {
      if (text.length < 4) return;
      secrets.add(text);
      const encoded = encodeURIComponent(text);
      if (encoded !== text) secrets.add(encoded);
      const inJson = JSON.stringify(text).slice(1, -1);
      if (inJson !== text) secrets.add(inJson);
    },
    redacted,
    get warnings() {
      return warnings;
    },
  };
}
