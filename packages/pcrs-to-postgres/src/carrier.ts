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
  /** Commits; what the server counted, or undefined if there is no way to know here. */
  commit(): Promise<readonly CountedHere[] | undefined>;
  /** Leaves everything as it was, and makes it known at the other end. */
  abandon(reason: string): Promise<void>;
}

/** A count of the server's. */
export interface CountedHere {
  tbl: string;
  name: string;
  value: number;
}
