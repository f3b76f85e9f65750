/** What takes statements and rows to a server: a script for psql, or a connection. */
export interface Carrier {
  /** Begins the transaction. */
  begin(): Promise<void>;
  /** Whole statements, each ended; nothing in them is from outside. */
  run(sql: string): Promise<void>;
  /**
   * Rows in COPY's text format.
   *
   * Takes  statement  without its semicolon
   */
  copy(statement: string, rows: Buffer): Promise<void>;
  /** Commits; what the server found, or undefined if there is no way to know here. */
  commit(): Promise<Committed | undefined>;
  /** Leaves everything as it was, and makes it known at the other end. */
  abandon(reason: string): Promise<void>;
}

/** What the server found on the way. */
export interface Committed {
  readonly counts: readonly CountedHere[];
  /** Start of the full run that the rows rest on. */
  readonly fullRunAt: string | null;
}

/** A count of the server's. */
export interface CountedHere {
  tbl: string;
  name: string;
  value: number;
}
