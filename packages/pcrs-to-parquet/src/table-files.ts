import { join } from 'node:path';
import { makeDirectory } from 'pcrs-machine/directory';
import { type FileColumn, ParquetFile, type Value, type WrittenFile } from './parquet-file.ts';

/** Bytes of values in a row group: held in memory per table, and by a reader per column. */
const groupBytes = 8 * 1024 * 1024;
/** A file of this size or more gets no further row group. */
const fileBytes = 256 * 1024 * 1024;

/** The files of a run's table: rows in, `part-00000.parquet`, `part-00001.parquet`… out. */
export class TableFiles {
  readonly table: string;
  /** Rows waiting to be written. */
  rows = 0;
  readonly columns: readonly FileColumn[];
  readonly #folder: string;
  readonly #files: ParquetFile[] = [];
  #values: Value[][];
  #waiting = 0;
  #bytes = 0;

  /** Takes  folder  of the table */
  constructor(folder: string, table: string, columns: readonly FileColumn[]) {
    this.#folder = folder;
    this.table = table;
    this.columns = columns;
    this.#values = columns.map(() => []);
    makeDirectory(folder);
    this.#open();
  }

  /**
   * Takes  row    a value for each column
   *        bytes  of its values, at most
   */
  add(row: readonly Value[], bytes: number): void {
    if (this.#waiting > 0 && this.#bytes + bytes > groupBytes) this.#writeGroup();
    for (let column = 0; column < row.length; column += 1)
      (this.#values[column] as Value[]).push(row[column] as Value);
    this.#waiting += 1;
    this.#bytes += bytes;
    this.rows += 1;
  }

  /** Completes the files: all get the same footer. */
  finish(metadata: Readonly<Record<string, string>>): WrittenFile[] {
    if (this.#waiting > 0) this.#writeGroup();
    return this.#files.map((file) => file.finish(metadata));
  }

  abandon(): void {
    for (const file of this.#files) file.abandon();
  }

  #writeGroup(): void {
    let file = this.#files.at(-1) as ParquetFile;
    if (file.size >= fileBytes) file = this.#open();
    file.writeGroup(this.#values, this.#waiting);
    this.#values = this.columns.map(() => []);
    this.#waiting = 0;
    this.#bytes = 0;
  }

  #open(): ParquetFile {
    const name = `part-${String(this.#files.length).padStart(5, '0')}.parquet`;
    const file = new ParquetFile(join(this.#folder, name), name, this.columns);
    this.#files.push(file);
    return file;
  }
}
