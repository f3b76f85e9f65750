import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { machineError } from 'pcrs-machine/machine-error';
import { fileMode } from 'pcrs-machine/modes';

export type Value = string | bigint | null;

export interface FileColumn {
  name: string;
  type: 'INTEGER' | 'TEXT';
}

/** A complete file, as `_SUCCESS` describes it. */
export interface WrittenFile {
  file: string;
  rows: number;
  bytes: number;
  sha256: string;
}

const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** A Parquet file, written one row group at a time. */
export class ParquetFile {
  readonly name: string;
  rows = 0;
  readonly #bytes: FileBytes;
  readonly #columns: readonly FileColumn[];
  readonly #metadata: { key: string; value: string }[] = [];
  readonly #writer: ParquetWriter;

  /** Throws PCRS_MACHINE if the file cannot be made. */
  constructor(path: string, name: string, columns: readonly FileColumn[]) {
    this.name = name;
    this.#columns = columns;
    this.#bytes = new FileBytes(path);
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [
        { name: 'root', num_children: columns.length },
        ...columns.map(({ name, type }) => ({
          ...{ name, repetition_type: 'OPTIONAL' as const },
          ...(type === 'INTEGER'
            ? { type: 'INT64' as const }
            : { type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const }),
        })),
      ],
      codec: 'ZSTD',
      compressors: { ZSTD: (input) => zstdCompressSync(input, zstd) },
      kvMetadata: this.#metadata,
      createdBy: 'pcrs-to-parquet',
    });
  }

  /** Bytes so far. */
  get size(): number {
    return this.#bytes.offset;
  }

  /** Takes  values  of each column, one per row */
  writeGroup(values: readonly Value[][], rows: number): void {
    const columnData = this.#columns.map(({ name }, index) => ({ name, data: values[index] as Value[] }));
    this.#writer.write({ columnData, rowGroupSize: rows });
    this.rows += rows;
  }

  /** Writes the footer, and syncs the file. */
  finish(metadata: Readonly<Record<string, string>>): WrittenFile {
    for (const [key, value] of Object.entries(metadata)) this.#metadata.push({ key, value });
    this.#writer.finish();
    const sha256 = this.#bytes.close();
    return { file: this.name, rows: this.rows, bytes: this.#bytes.offset, sha256 };
  }

  /** Closes a file that will not be finished. */
  abandon(): void {
    this.#bytes.abandon();
  }
}

/** A file's bytes, at most a row group of them in memory. */
class FileBytes extends ByteWriter {
  readonly #path: string;
  readonly #sha256 = createHash('sha256');
  #file: number | undefined;

  constructor(path: string) {
    super(1024 * 1024);
    this.#path = path;
    this.#file = this.#try(() => openSync(path, 'wx', fileMode()));
  }

  flush(): void {
    const bytes = this.getBytes();
    this.#sha256.update(bytes);
    this.#try(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file as number, bytes, at);
    });
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }

  /** Yields its SHA-256. */
  close(): string {
    this.#try(() => fsyncSync(this.#file as number));
    this.abandon();
    return this.#sha256.digest('hex');
  }

  abandon(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw machineError(this.#path, error);
    }
  }
}
