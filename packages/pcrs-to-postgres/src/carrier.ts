/** Carries statements and rows to a server: a script for psql, or a connection. */
export interface Carrier {
  /** Begins the transaction. */
  begin(): Promise<void>;
  /** Sends whole statements, each terminated; nothing in them comes from outside. */
  run(sql: string): Promise<void>;
  /**
   * Sends rows in COPY's text format.
   *
   * Takes  statement  without its semicolon
   *        rows       unchanged until the next call
   */
  copy(statement: string, rows: Buffer): Promise<void>;
  /** Commits; yields the server's findings, or undefined if they cannot be known here. */
  commit(): Promise<Committed | undefined>;
  /** Rolls everything back, and reports the reason at the other end. */
  abandon(reason: string): Promise<void>;
}

/** The server's findings. */
export interface Committed {
  readonly counts: readonly CountedHere[];
  /** Start of the full run that the rows rest on. */
  readonly fullRunAt: string | null;
}

/** A count from the server. */
export interface CountedHere {
  tbl: string;
  name: string;
  value: number;
}
