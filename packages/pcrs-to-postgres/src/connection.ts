import { once } from 'node:events';
import { codedError } from 'pcrs-records/errors';
import type { Client, ClientConfig } from 'pg';
import type { Carrier, CountedHere } from './carrier.ts';
import type { ConnectionConfig } from './connection-config.ts';
import { connectionError, isTlsFailure } from './connection-error.ts';
import { filePassword } from './password-file.ts';

/** A carrier over its own connection. */
interface Connection extends Carrier {
  /** For messages and the `loaded` record: host, port, database; never a password. */
  readonly place: string;
  close(): Promise<void>;
}

/**
 * Connects to a server.
 *
 * Takes   config  the rest comes from libpq's variables and .pgpass
 *         signal  ends the connection; the server rolls back
 * Throws  PCRS_REFUSED for a wrong or missing password or missing rights; PCRS_USAGE for a missing database;
 *         PCRS_MACHINE
 */
export async function connect(
  { orWithoutTls = false, ...config }: ConnectionConfig,
  signal?: AbortSignal,
): Promise<Connection> {
  try {
    return await connectOnce(config, signal);
  } catch (error) {
    if (!orWithoutTls || !isTlsFailure((error as Error).cause)) throw error;
    return connectOnce({ ...config, ssl: false }, signal);
  }
}

/** What the types of pg do not show. */
interface Inside {
  password: string | null | (() => Promise<string>);
  readonly connection: { readonly stream: { destroy(): void } };
}

async function connectOnce(config: ClientConfig, signal?: AbortSignal): Promise<Connection> {
  const { default: pg } = await import('pg');
  const { from: copyFrom } = await import('pg-copy-streams');
  const client = madeClient(pg.Client, config);
  const inside = client as unknown as Inside;
  const place = `${client.host}:${client.port}/${client.database ?? client.user}`;
  // Neither in the configuration nor in PGPASSWORD: pg asks for it if the server does.
  inside.password ??= () => passwordFor(client, place);
  let lost: Error | undefined;
  client.on('error', (error) => {
    lost ??= error;
  });
  const attempt = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw connectionError(lost ?? error, place);
    }
  };
  const stop = () => {
    lost = signal?.reason as Error;
    inside.connection.stream.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  // The last COPY: the server takes its rows while the next ones are made. Its error is that of whatever follows it.
  let copying: Promise<unknown> = Promise.resolve();
  try {
    await attempt(() => client.connect());
  } catch (error) {
    signal?.removeEventListener('abort', stop);
    inside.connection.stream.destroy();
    throw error;
  }
  return {
    place,
    begin: () => attempt(async () => void (await client.query('BEGIN'))),
    run: (sql) =>
      attempt(async () => {
        await copying;
        await client.query(sql);
      }),
    copy: (statement, rows) =>
      attempt(async () => {
        await copying;
        const stream = client.query(copyFrom(statement));
        copying = once(stream, 'finish');
        copying.catch(() => {});
        stream.end(rows);
      }),
    commit: () =>
      attempt(async () => {
        await copying;
        const { rows } = await client.query(
          'SELECT tbl, name, sum(value)::float8 AS value FROM pg_temp.pcrs_results GROUP BY tbl, name ORDER BY tbl, name',
        );
        const { rows: load } = await client.query(
          "SELECT detail::json ->> 'fullRunAt' AS at FROM pg_temp.pcrs_notes WHERE name = 'LOAD'",
        );
        await client.query('COMMIT');
        return { counts: rows as CountedHere[], fullRunAt: load[0]?.at ?? null };
      }),
    abandon: async () => {
      if (lost === undefined) await client.query('ROLLBACK').catch(() => {});
    },
    close: async () => {
      signal?.removeEventListener('abort', stop);
      await client.end().catch(() => {});
    },
  };
}

/** A client, not yet connected; pg checks some of libpq's variables here. */
function madeClient(Client: typeof import('pg').Client, config: ClientConfig): Client {
  try {
    return new Client({
      application_name: 'pcrs-to-postgres',
      connectionTimeoutMillis: 30_000,
      keepAlive: true,
      ...config,
    });
  } catch (error) {
    throw codedError('PCRS_USAGE', `${(error as Error).message}; check PGSSLNEGOTIATION and the URL`, {
      cause: error,
    });
  }
}

async function passwordFor(client: Client, place: string): Promise<string> {
  const { host, port, database, user } = client as Client & { user: string; database: string };
  const { password, ignored } = await filePassword({ host, port, database, user });
  if (password !== undefined) return password;
  throw codedError(
    'PCRS_REFUSED',
    `${place}: no password for ${user}; ${ignored ?? 'put it into ~/.pgpass (mode 0600), or into the file that PGPASSFILE names'}`,
  );
}
