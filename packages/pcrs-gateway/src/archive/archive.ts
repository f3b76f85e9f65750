import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from 'pcrs-machine/directory';
import { replaceFile, requireRegular, setMode } from 'pcrs-machine/file';
import { type Lock, lockTimes, openLock } from 'pcrs-machine/lock';
import { machineError } from 'pcrs-machine/machine-error';
import { directoryMode, fileMode, letGroupRead } from 'pcrs-machine/modes';
import { archiveError, LineFile } from './archive-files.ts';
import { fileBytes, InputTee } from './archive-input.ts';
import {
  type ArchivedBody,
  type ArchiveHeader,
  type ArchiveNote,
  type Manifest,
  readManifest,
} from './archive-manifest.ts';
import { ArchivePart } from './archive-part.ts';

export type { ArchivedBody, ArchiveHeader, ArchiveNote } from './archive-manifest.ts';
export { ArchivePart } from './archive-part.ts';

/** What was asked, for the manifest. */
export interface BodyFacts {
  /** Names the question; see requestKey. */
  key: string;
  path: string;
  parameters: Record<string, string>;
  policies: readonly string[];
  hosts: number | null;
  records: number;
  askedAt: Date;
}

/** How an archive is opened, and its lock waited for; a library's user may say nothing. */
export interface Opening {
  signal?: AbortSignal | undefined;
  info?: ((message: string) => void) | undefined;
  env?: Readonly<Record<string, string | undefined>> | undefined;
  groupReadable?: boolean | undefined;
}

const manifestName = 'manifest.ndjson';
const sumsName = 'SHA256SUMS';
const inputName = 'input.ndjson';

/**
 * A directory that keeps every body of one run as received: `NUMBER-KEY.json.gz` (or `.json`) once it is proven whole, a line
 * in `manifest.ndjson` and one in `SHA256SUMS`, which `sha256sum -c` checks.
 *
 * A body's manifest line is what makes it kept. It is written last, after the body and its name are synced, so that a crash
 * at any moment leaves bodies that are kept and whole, and at most files that nobody knows.
 *
 * Limits  0600 in 0700, if not group-readable; one process at a time
 * Throws  PCRS_MACHINE where the disk fails
 */
export class Archive {
  readonly directory: string;
  /** What an earlier run left; undefined in a new archive. */
  readonly manifest: Manifest | undefined;
  /** What is kept, by key. */
  readonly bodies: Map<string, ArchivedBody>;
  /** Undefined where nothing is changed. */
  readonly #lock: Lock | undefined;
  #manifestLines: LineFile | undefined;
  #sums: LineFile | undefined;
  #input: InputTee | undefined;
  #inputNoted: Promise<void> | undefined;
  #numbers: number;

  constructor(directory: string, lock: Lock | undefined, manifest?: Manifest) {
    this.directory = directory;
    this.manifest = manifest;
    this.bodies = manifest?.bodies ?? new Map();
    this.#lock = lock;
    this.#numbers = Math.max(0, ...Array.from(this.bodies.values(), ({ file }) => Number.parseInt(file, 10)));
  }

  /** Writes the first line of a new archive, or goes on with an old one; before that nothing can be kept. */
  async begin(header: Omit<ArchiveHeader, 'kind' | 'contract'>): Promise<void> {
    await this.#guarded(async () => {
      this.#lock?.stillMine();
      const file = join(this.directory, manifestName);
      if (this.manifest === undefined)
        replaceFile(file, `${JSON.stringify({ kind: 'archive', contract: 1, ...header })}\n`);
      else {
        await truncate(file, this.manifest.wholeBytes);
        await this.#removeUnknown();
      }
      const sums = [...(this.manifest?.bodies.values() ?? [])].map(
        ({ sha256, file: name }) => `${sha256}  ${name}\n`,
      );
      replaceFile(join(this.directory, sumsName), sums.join(''));
      this.#manifestLines = new LineFile(await open(file, 'a', fileMode()));
      this.#sums = new LineFile(await open(join(this.directory, sumsName), 'a', fileMode()));
    });
    if (this.#input !== undefined) void this.#noteInput(this.#input);
  }

  /** A place for a body that is being received. */
  async part(): Promise<ArchivePart> {
    const path = join(this.directory, `${randomUUID()}.part`);
    return this.#guarded(async () => new ArchivePart(path, await open(path, 'wx+', fileMode()), false));
  }

  /** Keeps a body that is proven whole, under its final name. */
  async keep(part: ArchivePart, facts: BodyFacts): Promise<ArchivedBody> {
    return this.#guarded(async () => {
      const { key, path, parameters, policies, hosts, records, askedAt } = facts;
      this.#numbers += 1;
      const number = String(this.#numbers).padStart(6, '0');
      const file = `${number}-${key.slice(0, 12)}.json${part.isGzip ? '.gz' : ''}`;
      this.#lock?.stillMine();
      const { bytes, sha256 } = await part.rename(join(this.directory, file));
      const times = { askedAt: askedAt.toISOString(), provenAt: new Date().toISOString() };
      const what = { key, file, path, parameters, policies, hosts, records, bytes, sha256 };
      const body: ArchivedBody = { kind: 'body', ...what, ...times };
      await this.#open(this.#sums).append(`${sha256}  ${file}`, true);
      await this.#open(this.#manifestLines).append(JSON.stringify(body), true);
      this.bodies.set(key, body);
      return body;
    });
  }

  /** A body that is kept already, for reading. */
  async open(body: ArchivedBody): Promise<ArchivePart> {
    const path = join(this.directory, body.file);
    return this.#guarded(async () => {
      requireRegular(path);
      return new ArchivePart(path, await open(path, 'r'), true);
    });
  }

  /** Takes a kept body out that turned out to be damaged. */
  async forget(body: ArchivedBody): Promise<void> {
    await this.#guarded(async () => {
      this.#lock?.stillMine();
      this.bodies.delete(body.key);
      await rm(join(this.directory, body.file), { force: true });
      await this.#sums?.close();
      this.#sums = await this.#newSums();
    });
  }

  /** Another line for the manifest; it lasts through a crash at the latest with the next body. */
  async note(note: ArchiveNote, durable = false): Promise<void> {
    await this.#guarded(() => this.#open(this.#manifestLines).append(JSON.stringify(note), durable));
  }

  /** The input of a new archive: kept as fast as it comes, yielded as it is wanted. */
  keepInput(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    this.#input = new InputTee(source, join(this.directory, inputName));
    return this.#input;
  }

  /** The input that an earlier run kept. */
  keptInput(): AsyncIterable<Uint8Array> {
    return fileBytes(join(this.directory, inputName));
  }

  /** Waits until the input is kept whole, so that the archive can be resumed; a failure of the input is told elsewhere. */
  async inputKept(): Promise<void> {
    if (this.#input !== undefined && this.#manifestLines !== undefined) await this.#noteInput(this.#input);
  }

  async close(): Promise<void> {
    await this.#manifestLines?.close();
    await this.#sums?.close();
    this.#manifestLines = this.#sums = undefined;
    this.#lock?.release();
  }

  /** Bodies whose manifest line a crash has prevented. */
  async #removeUnknown(): Promise<void> {
    const known = new Set(Array.from(this.bodies.values(), ({ file }) => file));
    for (const name of await readdir(this.directory)) {
      if (/^\d{6,}-[\da-f]{12}\.json(\.gz)?$/.test(name) && !known.has(name))
        await rm(join(this.directory, name));
    }
  }

  /** Anew from what is kept: a crash may have left lines that the manifest knows nothing of. */
  async #newSums(): Promise<LineFile> {
    const path = join(this.directory, sumsName);
    const lines = Array.from(this.bodies.values(), ({ sha256, file }) => `${sha256}  ${file}\n`);
    replaceFile(path, lines.join(''));
    return new LineFile(await open(path, 'a', fileMode()));
  }

  #noteInput(input: InputTee): Promise<void> {
    this.#inputNoted ??= input.whole.then(
      (kept) => this.note({ kind: 'input', ...kept }, true),
      () => {},
    );
    return this.#inputNoted;
  }

  #open(file: LineFile | undefined): LineFile {
    if (file === undefined) throw new Error('the archive has not begun, or is closed');
    return file;
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw machineError(this.directory, error);
    }
  }
}

/**
 * Opens a directory for a new archive.
 *
 * Throws  PCRS_USAGE where it holds one already, or something else; PCRS_BUSY where another process is at it
 */
export async function newArchive(directory: string, opening: Opening = {}): Promise<Archive> {
  let lock: Lock | undefined;
  if (opening.groupReadable) letGroupRead();
  try {
    makeDirectory(directory);
    const names = await readdir(directory);
    if (names.includes(manifestName)) throw taken(directory);
    const foreign = names.find((name) => !isOurs(name));
    if (foreign !== undefined) {
      throw archiveError(
        'PCRS_USAGE',
        `${directory}: holds other things (${foreign}); an archive needs a directory of its own`,
      );
    }
    setMode(directory, directoryMode());
    lock = await lockArchive(directory, opening);
    if ((await readdir(directory)).includes(manifestName)) throw taken(directory);
    await removeParts(directory);
    return new Archive(directory, lock);
  } catch (error) {
    lock?.release();
    throw machineError(directory, error);
  }
}

/**
 * Opens an archive that an earlier run left.
 *
 * Takes   mode   `read`: nothing in it is changed, and several may read at a time
 * Throws  PCRS_USAGE where there is none; PCRS_BUSY where another process is at it; PCRS_INCOMPLETE where its first
 *         line is torn
 */
export async function oldArchive(
  directory: string,
  mode: 'read' | 'write',
  opening: Opening = {},
): Promise<Archive> {
  if (!existsSync(directory))
    throw archiveError('PCRS_USAGE', `${directory}: no archive (there is no such directory)`);
  if (opening.groupReadable) letGroupRead();
  const lock = mode === 'read' ? undefined : await lockArchive(directory, opening);
  try {
    if (mode === 'write') await removeParts(directory);
    return new Archive(directory, lock, await readManifest(directory, join(directory, manifestName)));
  } catch (error) {
    lock?.release();
    throw machineError(directory, error);
  }
}

function lockArchive(directory: string, opening: Opening): Promise<Lock> {
  const { signal = new AbortController().signal, info = () => {}, env = {} } = opening;
  return openLock(join(directory, 'lock'), { what: directory, signal, info, times: lockTimes(env) });
}

async function removeParts(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (/\.(part|stale)$/.test(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** What a run leaves that was killed before its first line. */
function isOurs(name: string): boolean {
  return name === inputName || name === 'lock' || /\.(part|stale)$/.test(name);
}

function taken(directory: string): Error {
  return archiveError(
    'PCRS_USAGE',
    `${directory}: holds an archive already; give another directory, or --resume or --replay`,
  );
}
