import type { JsonObject } from 'pcrs-records/kinds';
import { connect } from './connection.ts';
import { Load, type LoadOptions } from './load.ts';
import { scriptCarrier } from './script.ts';

export type { LoadOptions } from './load.ts';

/**
 * Writes a stream of records as a script for psql.
 *
 * Takes   chunks  NDJSON
 *         write   writes bytes of the script, in order; they are valid until it has resolved
 * Throws  PCRS_INCOMPLETE, PCRS_EMPTY, PCRS_RECORD; the script then ends in ROLLBACK and an error
 */
export async function toScript(
  chunks: AsyncIterable<Uint8Array>,
  write: (bytes: string | Buffer) => Promise<void> | undefined,
  options: LoadOptions,
): Promise<void> {
  await new Load(scriptCarrier(write), options).run(chunks);
}

/**
 * Loads a stream of records over a connection, in one transaction.
 *
 * Takes   config  of the package pg; the rest comes from libpq's variables and .pgpass
 * Yields  the `loaded` record
 * Throws  PCRS_INCOMPLETE, PCRS_EMPTY, PCRS_RECORD, PCRS_REFUSED, PCRS_USAGE, PCRS_MACHINE; nothing is loaded then
 */
export async function toPostgres(
  config: Parameters<typeof connect>[0],
  chunks: AsyncIterable<Uint8Array>,
  options: LoadOptions,
): Promise<JsonObject> {
  const connection = await connect(config, options.signal);
  try {
    const loaded = await new Load(connection, options).run(chunks);
    return { ...loaded, database: `${connection.place} ${options.schema}` };
  } finally {
    await connection.close();
  }
}
