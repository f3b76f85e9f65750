import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { codedError } from 'pcrs-records/errors';

/** Whose a host is, by its id or any of its names, case ignored. */
export type Owners = ReadonlyMap<string, string>;

/**
 * Reads `owners.csv`: a host's id or name, and its owner. A first line without a known host may be a header: it owns
 * nothing.
 *
 * Throws  PCRS_USAGE for a file that cannot be read; PCRS_RECORD for one that is no CSV of at least two columns
 */
export function readOwners(path: string): Owners {
  const rows = rowsOf(path);
  const short = rows.findIndex((row) => row.length < 2);
  if (short >= 0) {
    throw codedError('PCRS_RECORD', `${path}:${short + 1}: needs a host id or name, and an owner`);
  }
  return new Map(rows.map(([host, owner]) => [host!.toLowerCase(), owner!]));
}

function rowsOf(path: string): string[][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw codedError('PCRS_USAGE', `${path}: ${(error as Error).message}`);
  }
  try {
    return parse(text, { bom: true, trim: true, relax_column_count: true, skip_empty_lines: true });
  } catch (error) {
    throw codedError('PCRS_RECORD', `${path}: ${(error as Error).message}`);
  }
}

/** The owner of a host; empty if nobody owns it. */
export function ownerOf(owners: Owners | undefined, names: readonly string[]): string {
  if (owners === undefined) return '';
  for (const name of names) {
    const owner = owners.get(name.toLowerCase());
    if (owner !== undefined) return owner;
  }
  return '';
}
