import { parse } from 'csv-parse/sync';
import { readInput } from 'pcrs-machine/read-input';
import { codedError } from 'pcrs-records/errors';

/** Owner of each host, by its id or any of its names, in any case. */
export type Owners = ReadonlyMap<string, string>;

/** Room for a million hosts, each with a name and an owner. */
const maxBytes = 256 << 20;

/**
 * Reads `owners.csv`: a host's id or name, and its owner. The first line may be a header: an unknown host there does
 * no harm.
 *
 * Throws  PCRS_USAGE for an unreadable file; PCRS_RECORD if it is not a CSV of at least two columns
 */
export async function readOwners(path: string, signal: AbortSignal): Promise<Owners> {
  const { bytes } = await readInput(path, { signal, maxBytes });
  const rows = rowsOf(path, bytes.toString());
  const short = rows.findIndex((row) => row.length < 2);
  if (short >= 0) {
    throw codedError('PCRS_RECORD', `${path}:${short + 1}: needs a host id or name, and an owner`);
  }
  return new Map(rows.map(([host, owner]) => [host!.toLowerCase(), owner!]));
}

function rowsOf(path: string, text: string): string[][] {
  try {
    return parse(text, { bom: true, trim: true, relax_column_count: true, skip_empty_lines: true });
  } catch (error) {
    throw codedError('PCRS_RECORD', `${path}: ${(error as Error).message}`);
  }
}

/** The owner of a host; empty if it has none. */
export function ownerOf(owners: Owners | undefined, names: readonly string[]): string {
  if (owners === undefined) return '';
  for (const name of names) {
    const owner = owners.get(name.toLowerCase());
    if (owner !== undefined) return owner;
  }
  return '';
}
