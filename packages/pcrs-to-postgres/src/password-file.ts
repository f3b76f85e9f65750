import { Writable } from 'node:stream';
import { socketFolders } from './connection-config.ts';

/** Server and user that a password is for. */
interface Login {
  host: string;
  port: number;
  database: string;
  user: string;
}

/**
 * The password in libpq's file: PGPASSFILE, or ~/.pgpass. A server on this machine's socket is `localhost` in it.
 *
 * Yields  `ignored` if the file was not read, and why
 */
export async function filePassword(login: Login): Promise<{ password?: string; ignored?: string }> {
  const { default: pgpass } = await import('pgpass');
  let warning = '';
  const before = pgpass.warnTo(
    new Writable({
      write(chunk, _encoding, done) {
        warning ||= String(chunk).replace(/^WARNING: /, '');
        done();
      },
    }),
  );
  try {
    const { host, ...rest } = login;
    for (const name of socketFolders.includes(host) ? ['localhost', host] : [host]) {
      const password = await new Promise<string | undefined>((resolve) =>
        pgpass({ host: name, ...rest }, resolve),
      );
      if (password !== undefined) return { password };
    }
    return warning === '' ? {} : { ignored: warning.trim() };
  } finally {
    pgpass.warnTo(before);
  }
}
