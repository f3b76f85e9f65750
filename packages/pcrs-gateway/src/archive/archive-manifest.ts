import { readFile } from 'node:fs/promises';
import { requireRegular } from 'pcrs-machine/file';
import { machineError } from 'pcrs-machine/machine-error';
import { codedError } from 'pcrs-records/errors';

/** First line of the manifest: the selection, and when it was asked for. */
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
  /** Flags that narrow the selection, by name; dates resolved. */
  options: Record<string, unknown>;
}

/** Manifest line of a body proven whole. */
export interface ArchivedBody {
  kind: 'body';
  /** Key of the request. */
  key: string;
  /** Path relative to the archive. */
  file: string;
  path: string;
  parameters: Record<string, string>;
  policies: readonly string[];
  hosts: number | null;
  records: number;
  /** Bytes as received. */
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
  /** Bytes up to the end of the last whole line; a crash cut the rest. */
  wholeBytes: number;
}

/**
 * Reads a manifest; drops a line that a crash cut at its end.
 *
 * Throws  PCRS_INCOMPLETE without a whole first line; PCRS_USAGE if there is no manifest or it is not ours
 */
export async function readManifest(directory: string, path: string): Promise<Manifest> {
  requireRegular(path);
  const text = await readFile(path, 'utf8').catch((error: { code: string }) => {
    if (error.code === 'ENOENT')
      throw codedError('PCRS_USAGE', `${directory}: not an archive (manifest.ndjson is missing)`);
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
    throw codedError('PCRS_INCOMPLETE', `${directory}: the archive ends within its first line`);
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
  throw codedError('PCRS_USAGE', `${directory}: manifest.ndjson is not that of a pcrs archive`);
}
