import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from 'pcrs-machine/directory';
import { replaceFile, requireRegular, setMode } from 'pcrs-machine/file';
import { parseHeldLock } from 'pcrs-machine/held-lock';
import { type Lock, lockTimes, openLock } from 'pcrs-machine/lock';
import { machineError } from 'pcrs-machine/machine-error';
import { directoryMode, fileMode, letGroupRead } from 'pcrs-machine/modes';
import { codedError } from 'pcrs-records/errors';
import { LineFile } from './archive-files.ts';
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

/** Description of a request, for the manifest. */
export interface BodyFacts {
  /** Key of the request; see requestKey. */
  key: string;
  path: string;
  parameters: Record<string, string>;
  policies: readonly string[];
  hosts: number | null;
  records: number;
  askedAt: Date;
}

/** Waiting for an archive's lock; optional for users of the library. */
export interface Opening {
  signal?: AbortSignal | undefined;
  info?: ((message: string) => void) | undefined;
  env?: Readonly<Record<string, string | undefined>> | undefined;
  groupReadable?: boolean | undefined;
}

const manifestName = 'manifest.ndjson';
const sumsName = 'SHA256SUMS';
const inputName = 'input.ndjson';
/** Files that a killed process leaves: an unfinished body or file, and the grave of a lock. */
const leftOver =
  /^(?:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|.+\.[\da-z]+(?:-[\da-z]+){2})\.part$|^lock\.[\w-]+\.stale$/;

/**
 * A directory with every body of one run as received: `NUMBER-KEY.json.gz` (or `.json`) once it is proven whole, with
 * a line in `manifest.ndjson` and one in `SHA256SUMS`, which `sha256sum -c` checks.
 *
 * The manifest line makes a body part of the archive. It is written last, after body and name are synced, so that a
 * crash leaves only whole bodies in the manifest, and at most files that it does not list.
 *
 * Limits  0600 in 0700; one process at a time
 * Throws  PCRS_MACHINE if the disk fails
 */
export class Archive {
  readonly directory: string;
  /** Manifest of an earlier run; undefined in a new archive. */
  readonly manifest: Manifest | undefined;
  /** Stored bodies, by key. */
  readonly bodies: Map<string, ArchivedBody>;
  /** Undefined when only reading. */
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

  /** Writes the first line of a new archive, or resumes an old one; call it before storing anything. */
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
      this.#manifestLines = new LineFile(await open(file, 'a', fileMode()));
      this.#sums = await this.#newSums();
    });
    if (this.#input !== undefined) void this.#noteInput(this.#input);
  }

  /** A file for a body being received. */
  async part(): Promise<ArchivePart> {
    const path = join(this.directory, `${randomUUID()}.part`);
    return this.#guarded(async () => new ArchivePart(path, await open(path, 'wx+', fileMode()), false));
  }

  /** Adds a body proven whole to the archive, under its final name. */
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

  /** Opens a stored body for reading. */
  async open(body: ArchivedBody): Promise<ArchivePart> {
    const path = join(this.directory, body.file);
    return this.#guarded(async () => {
      requireRegular(path);
      return new ArchivePart(path, await open(path, 'r'), true);
    });
  }

  /** Removes a stored body that turned out to be damaged. */
  async forget(body: ArchivedBody): Promise<void> {
    await this.#guarded(async () => {
      this.#lock?.stillMine();
      this.bodies.delete(body.key);
      await rm(join(this.directory, body.file), { force: true });
      await this.#sums?.close();
      this.#sums = await this.#newSums();
    });
  }

  /** Adds a line to the manifest; durable with the next body at the latest. */
  async note(note: ArchiveNote, durable = false): Promise<void> {
    await this.#guarded(() => this.#open(this.#manifestLines).append(JSON.stringify(note), durable));
  }

  /** The input of a new archive, stored as fast as it arrives and yielded as fast as it is read. */
  keepInput(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    this.#input = new InputTee(source, join(this.directory, inputName));
    return this.#input;
  }

  /** The input that an earlier run stored. */
  keptInput(): AsyncIterable<Uint8Array> {
    return fileBytes(join(this.directory, inputName));
  }

  /**
   * Waits until the whole input is stored, so that the archive can be resumed; a failing input is reported elsewhere.
   */
  async inputKept(): Promise<void> {
    if (this.#input !== undefined && this.#manifestLines !== undefined) await this.#noteInput(this.#input);
  }

  async close(): Promise<void> {
    await this.#manifestLines?.close();
    await this.#sums?.close();
    this.#manifestLines = this.#sums = undefined;
    this.#lock?.release();
  }

  /** Removes bodies without a manifest line, left by a crash. */
  async #removeUnknown(): Promise<void> {
    const known = new Set(Array.from(this.bodies.values(), ({ file }) => file));
    for (const name of await readdir(this.directory)) {
      if (/^\d{6,}-[\da-f]{12}\.json(\.gz)?$/.test(name) && !known.has(name))
        await rm(join(this.directory, name));
    }
  }

  /** Rewrites SHA256SUMS from the manifest: a crash may have left lines that the manifest lacks. */
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
    if (file === undefined) throw new Error('the archive is not open');
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
 * Throws  PCRS_USAGE if it holds an archive or anything else; PCRS_BUSY if another process uses it
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
      throw codedError(
        'PCRS_USAGE',
        `${directory}: contains other files (${foreign}); an archive needs its own directory`,
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
 * Opens the archive of an earlier run.
 *
 * Takes   mode   `read`: changes nothing; several processes may read at a time
 * Throws  PCRS_USAGE if there is none; PCRS_BUSY if another process uses it; PCRS_INCOMPLETE if its first line is cut
 */
export async function oldArchive(
  directory: string,
  mode: 'read' | 'write',
  opening: Opening = {},
): Promise<Archive> {
  if (!existsSync(directory)) throw codedError('PCRS_USAGE', `${directory}: no such archive directory`);
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
  const under = parseHeldLock(env['PCRS_HELD_LOCK'])?.nonce;
  return openLock(join(directory, 'lock'), { what: directory, signal, info, times: lockTimes(env), under });
}

async function removeParts(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isFile() && leftOver.test(entry.name)) await rm(join(directory, entry.name), { force: true });
  }
}

/** Files left by a run that was killed before its first line. */
function isOurs(name: string): boolean {
  return name === inputName || name === 'lock' || leftOver.test(name);
}

function taken(directory: string): Error {
  return codedError(
    'PCRS_USAGE',
    `${directory}: already contains an archive; choose another directory, or use --resume or --replay`,
  );
}
