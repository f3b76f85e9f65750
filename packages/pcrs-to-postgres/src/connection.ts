import { once } from 'node:events';
import type { ClientConfig } from 'pg';
import type { Carrier, CountedHere } from './carrier.ts';
import { connectionError } from './connection-error.ts';

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
 * Throws  PCRS_REFUSED for a wrong password or missing rights; PCRS_USAGE for a missing database; PCRS_MACHINE
 */
export async function connect(config: ClientConfig, signal?: AbortSignal): Promise<Connection> {
  const { default: pg } = await import('pg');
  const { from: copyFrom } = await import('pg-copy-streams');
  const client = new pg.Client({
    application_name: 'pcrs-to-postgres',
    connectionTimeoutMillis: 30_000,
    keepAlive: true,
    ...config,
  });
  const place = `${client.host}:${client.port}/${client.database ?? client.user}`;
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
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  // The last COPY: the server takes its rows while the next ones are made. Its error is that of whatever follows it.
  let copying: Promise<unknown> = Promise.resolve();
  await attempt(() => client.connect());
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
