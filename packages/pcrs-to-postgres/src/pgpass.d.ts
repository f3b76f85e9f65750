declare module 'pgpass' {
  /** Looks a password up; its own warnings go to a stream. */
  const pgpass: {
    (
      login: { host: string; port: number; database: string; user: string },
      found: (password: string | undefined) => void,
    ): void;
    warnTo(stream: NodeJS.WritableStream): NodeJS.WritableStream;
  };
  export = pgpass;
}
