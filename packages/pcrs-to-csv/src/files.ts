import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from 'pcrs-machine/directory';
import { fileMode, letGroupRead } from 'pcrs-machine/modes';
import { codedError } from 'pcrs-records/errors';
import { gatewayKinds, type JsonObject, madeBy, suiteKinds } from 'pcrs-records/kinds';
import { type Fidelity, fidelityOf } from 'pcrs-sink/fidelity';
import { isAboutInput } from 'pcrs-sink/input-errors';
import { SinkReader } from 'pcrs-sink/reader';
import { brokenIn, type CsvOptions, report } from './csv.ts';
import { openDialect } from './dialect.ts';
import { CsvTable } from './table.ts';

/** Result of `toCsvFiles`, as the record that the tool prints. */
export interface Written extends JsonObject, Fidelity {
  kind: 'written';
  /** Of the last run in the stream; null without one. */
  runId: string | null;
  /** Null without a run. */
  complete: boolean | null;
  files: { file: string; kind: string; rows: number }[];
}

/** Most files for unknown kinds; a stream of invented kinds must not open files without end. */
const maxUnknownKinds = 50;
const flushBytes = 256 * 1024;
/** A temporary file that was not written to for this long was left by a killed process. */
const staleMs = 24 * 3600 * 1000;
const temporary = /^\.[\w-]+\.csv\.[0-9a-f-]{36}\.tmp$/;

/**
 * Writes a CSV file per kind: `policy.csv`, `hostids.csv`, `posture.csv` and one for each other kind, without records
 * about the run itself. In a complete run the kinds of its stages always have a file.
 *
 * Takes   dir     made if missing (0700); others cannot read the files
 *         chunks  an NDJSON stream in any chunking
 * Yields  what was written and, if the input was incomplete or bad, the error to throw: the files are then
 *         `KIND.incomplete.csv`, and an earlier run's files stay unchanged
 * Throws  PCRS_USAGE, PCRS_EMPTY, PCRS_MACHINE and whatever the chunks throw; no file of this call remains
 */
export async function toCsvFiles(
  dir: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvOptions = {},
): Promise<{ written: Written; failure: Error | undefined }> {
  if (options.kind === undefined && (options.columns || options.add)) {
    throw codedError(
      'PCRS_USAGE',
      '--columns and --add with --dir need --kind, since each file has its own columns',
    );
  }
  openDialect(options);
  if (options.groupReadable) letGroupRead();
  const files = new CsvFiles(dir, options);
  try {
    if (options.kind !== undefined) files.tableOf(options.kind);
    return await fill(files, chunks, options);
  } finally {
    await files.discard();
  }
}

async function fill(
  files: CsvFiles,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvOptions,
): Promise<{ written: Written; failure: Error | undefined }> {
  const { kind, requireRun, skipBad } = options;
  const reader = new SinkReader({
    ...{ requireRun, skipBad, expected: kind === undefined ? [] : [kind] },
    tableOf: (one) => files.tableOf(one),
  });
  let failure: Error | undefined;
  try {
    for await (const lines of reader.blocks(chunks)) {
      const broken = brokenIn(() => reader.take(lines));
      await files.flush();
      options.progress?.update({ records: files.tables().reduce((sum, table) => sum + table.records, 0) });
      if (broken !== undefined) throw broken;
    }
  } catch (error) {
    if (!isAboutInput(error)) throw error;
    failure = error as Error;
  }
  const ended = reader.end(options);
  failure ??= ended.failure;
  if ((failure as { code?: string } | undefined)?.code === 'PCRS_EMPTY') throw failure;
  const { verdicts } = ended;
  for (const { stage } of verdicts.flatMap((verdict) => verdict.starts)) {
    if (madeBy[stage]) files.tableOf(madeBy[stage]);
  }
  const written: Written = {
    kind: 'written',
    runId: verdicts.at(-1)?.runId ?? null,
    complete: failure ? false : ended.complete,
    files: await files.publish(failure === undefined),
    ...fidelityOf(verdicts),
  };
  report(reader, files.tables(), options);
  return { written, failure };
}

interface CsvFile {
  table: CsvTable;
  /** Temporary. */
  path: string;
  /** Its name in messages. */
  target: string;
  /** Opened with the first bytes. */
  handle: FileHandle | undefined;
}

/** The files of one call, under temporary names until they are published. */
class CsvFiles {
  readonly #dir: string;
  readonly #options: CsvOptions;
  readonly #files = new Map<string, CsvFile | undefined>();
  readonly #names = new Set<string>();
  #prepared = false;

  constructor(dir: string, options: CsvOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  tables(): CsvTable[] {
    return this.#open().map((file) => file.table);
  }

  /** The table of a kind, made at the first call; undefined for a kind without a file. */
  tableOf(kind: string): CsvTable | undefined {
    const known = this.#files.get(kind);
    if (known || this.#files.has(kind)) return known?.table;
    if (!this.#wanted(kind)) {
      if (this.#files.size < 2 * maxUnknownKinds) this.#files.set(kind, undefined);
      return undefined;
    }
    const table = new CsvTable(kind, this.#options);
    const path = join(this.#dir, `.${kind}.csv.${randomUUID()}.tmp`);
    this.#names.add(kind.toLowerCase());
    this.#files.set(kind, { table, path, target: join(this.#dir, `${kind}.csv`), handle: undefined });
    return table;
  }

  /** Writes the gathered bytes. */
  async flush(): Promise<void> {
    for (const file of this.#open()) {
      if (file.table.size >= flushBytes) await this.#write(file, file.table.drain());
    }
  }

  /** Gives the files their names. */
  async publish(complete: boolean): Promise<Written['files']> {
    const files = this.#open();
    for (const file of files) {
      const handle = await this.#write(file, file.table.end());
      await this.#try(file.target, () => handle.sync());
      await this.#try(file.target, () => handle.close());
    }
    const published: Written['files'] = [];
    for (const { table, path, target } of files) {
      const incomplete = join(this.#dir, `${table.kind}.incomplete.csv`);
      const file = complete ? target : incomplete;
      await this.#try(file, () => rename(path, file));
      if (complete) await this.#try(incomplete, () => rm(incomplete, { force: true }));
      published.push({ file, kind: table.kind, rows: table.rows });
    }
    return published;
  }

  /** Removes what was not published. */
  async discard(): Promise<void> {
    for (const { handle, path } of this.#open()) {
      await handle?.close().catch(() => {});
      await rm(path, { force: true }).catch(() => {});
    }
  }

  #open(): CsvFile[] {
    return [...this.#files.values()].filter((file) => file !== undefined);
  }

  #wanted(kind: string): boolean {
    if (this.#options.kind !== undefined) return kind === this.#options.kind;
    if ((gatewayKinds as readonly string[]).includes(kind)) return true;
    if ((suiteKinds as readonly string[]).includes(kind)) return kind === 'change';
    const free = !this.#names.has(kind.toLowerCase()) && this.#names.size < maxUnknownKinds;
    return free && /^[A-Za-z0-9][\w-]{0,63}$/.test(kind);
  }

  async #prepare(): Promise<void> {
    makeDirectory(this.#dir);
    for (const name of await this.#try(this.#dir, () => readdir(this.#dir))) {
      if (!temporary.test(name)) continue;
      const path = join(this.#dir, name);
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > staleMs) await rm(path, { force: true }).catch(() => {});
    }
  }

  async #write(file: CsvFile, bytes: Uint8Array): Promise<FileHandle> {
    if (!this.#prepared) await this.#prepare();
    this.#prepared = true;
    const handle = file.handle ?? (await this.#try(file.target, () => open(file.path, 'wx', fileMode())));
    file.handle = handle;
    await this.#try(file.target, () => handle.appendFile(bytes));
    return handle;
  }

  async #try<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw codedError('PCRS_MACHINE', `${path}: ${(error as Error).message}`, { cause: error });
    }
  }
}
