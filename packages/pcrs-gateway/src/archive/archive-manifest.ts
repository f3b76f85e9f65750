import { readFile } from 'node:fs/promises';
import { requireRegular } from 'pcrs-machine/file';
import { machineError } from 'pcrs-machine/machine-error';
import { archiveError } from './archive-files.ts';

/** The manifest's first line: what was asked for, and when. */
export interface ArchiveHeader {
  kind: 'archive';
  contract: 1;
  stage: string;
  version: string;
  runId: string | null;
  gateway: string;
  username: string | null;
  /** ISO 8601, UTC. */
  startedAt: string;
  /** The flags that decide what is asked, by name; dates resolved. */
  options: Record<string, unknown>;
}

/** The manifest's line of one body that was proven whole. */
export interface ArchivedBody {
  kind: 'body';
  /** Names the question. */
  key: string;
  /** Relative to the archive. */
  file: string;
  path: string;
  parameters: Record<string, string>;
  policies: readonly string[];
  hosts: number | null;
  records: number;
  /** As received. */
  bytes: number;
  sha256: string;
  askedAt: string;
  provenAt: string;
}

/** Other lines of the manifest: `input`, `cut`, `halved`, `finished`. */
export type ArchiveNote = { kind: string } & Record<string, unknown>;

export interface Manifest {
  header: ArchiveHeader;
  bodies: Map<string, ArchivedBody>;
  notes: ArchiveNote[];
  /** Bytes up to the end of its last whole line; what follows was torn off by a crash. */
  wholeBytes: number;
}

/**
 * Reads a manifest; what a crash tore off at its end is passed over.
 *
 * Throws  PCRS_INCOMPLETE where there is not even a whole first line; PCRS_USAGE where there is no manifest or it is none of ours
 */
export async function readManifest(directory: string, path: string): Promise<Manifest> {
  requireRegular(path);
  const text = await readFile(path, 'utf8').catch((error: { code: string }) => {
    if (error.code === 'ENOENT')
      throw archiveError('PCRS_USAGE', `${directory}: no archive (it has no manifest.ndjson)`);
    throw machineError(path, error);
  });
  const manifest = { bodies: new Map<string, ArchivedBody>(), notes: [] as ArchiveNote[], wholeBytes: 0 };
  let header: ArchiveHeader | undefined;
  for (const line of wholeLines(text)) {
    const record = parse(line);
    if (record === undefined) break;
    if (header === undefined) header = headerOf(record, directory);
    else if (record.kind === 'body')
      manifest.bodies.set(String(record['key']), record as unknown as ArchivedBody);
    else manifest.notes.push(record);
    manifest.wholeBytes += Buffer.byteLength(line) + 1;
  }
  if (header === undefined)
    throw archiveError(
      'PCRS_INCOMPLETE',
      `${directory}: the archive broke off before its first line was whole`,
    );
  return { header, ...manifest };
}

function* wholeLines(text: string): Generator<string> {
  for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
    yield text.slice(from, end);
  }
}

function parse(line: string): ArchiveNote | undefined {
  try {
    const value = JSON.parse(line) as ArchiveNote | null;
    return typeof value?.kind === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function headerOf(record: ArchiveNote, directory: string): ArchiveHeader {
  const { kind, contract, stage, options, startedAt } = record;
  const ours =
    kind === 'archive' && contract === 1 && typeof stage === 'string' && typeof options === 'object';
  if (ours && typeof startedAt === 'string' && !Number.isNaN(Date.parse(startedAt)))
    return record as unknown as ArchiveHeader;
  throw archiveError('PCRS_USAGE', `${directory}: manifest.ndjson is not one of this suite's archives`);
}
