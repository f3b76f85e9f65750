import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory, syncDirectory } from 'pcrs-machine/directory';
import { replaceFile } from 'pcrs-machine/file';
import { type Lock, openLock } from 'pcrs-machine/lock';
import { machineError } from 'pcrs-machine/machine-error';
import { uniqueName } from 'pcrs-machine/process-alive';
import { codedError } from 'pcrs-records/errors';
import type { Scope } from 'pcrs-records/kinds';
import { isSameScope, scopeWords } from 'pcrs-records/scope';

/** What a dataset holds of a subscription: all its runs have one scope. */
export interface Series {
  gateway: string;
  scope: Scope;
  /** It began with a run that a filter had reduced. */
  beganFiltered: boolean;
}

/** Place of a run. */
export interface RunPlace {
  subscription: string;
  /** UTC, `YYYY-MM-DD`. */
  day: string;
  /** `YYYYMMDDThhmmssZ` */
  stamp: string;
  /** Not a full picture: its tables are `TABLE_delta`. */
  partial: boolean;
}

interface DatasetRules {
  /** Replace runs of the same day. */
  supersede: boolean;
  /** Replace the same run. */
  replace: boolean;
}

export const layout = 1;
const success = '_SUCCESS';

/**
 * A folder of Parquet files, changed by one process at a time:
 *
 *   TABLE/subscription=ID/snapshot_date=DAY/run=STAMP/part-00000.parquet   and _SUCCESS, last of all
 *   _dataset.json    what all its runs ask for
 *   _writing/        files being written; the next process removes those of a killed one
 *   _incomplete/     incomplete runs
 *   _superseded/     replaced runs
 */
export class Dataset {
  readonly writing: string;
  readonly #dir: string;
  readonly #lock: Lock;
  readonly #tables: readonly string[];

  private constructor(dir: string, lock: Lock, tables: readonly string[]) {
    this.#dir = dir;
    this.#lock = lock;
    this.#tables = tables;
    this.writing = join(dir, '_writing');
  }

  /** Throws PCRS_MACHINE if the folder is not writable, PCRS_BUSY if another process writes it. */
  static async open(
    dir: string,
    tables: readonly string[],
    options: { signal: AbortSignal; info(message: string): void },
  ): Promise<Dataset> {
    makeDirectory(dir);
    const lock = await openLock(join(dir, '.lock'), { what: dir, ...options });
    const dataset = new Dataset(dir, lock, tables);
    try {
      dataset.#remove(dataset.writing);
      makeDirectory(dataset.writing);
    } catch (error) {
      lock.release();
      throw error;
    }
    return dataset;
  }

  /** Throws  PCRS_USAGE if the dataset holds something else; PCRS_MACHINE if it has this run, or one of this day */
  check(place: RunPlace, series: Series, rules: DatasetRules): void {
    this.#checkSeries(place.subscription, series);
    for (const table of this.#tables) {
      for (const run of this.#published(table, place)) {
        const isSame = run === `run=${place.stamp}`;
        if (isSame && !rules.replace) {
          throw codedError(
            'PCRS_MACHINE',
            `${this.#dir}: this run (${place.stamp}) is already in the dataset; --replace overwrites it`,
          );
        }
        if (!isSame && !rules.supersede && !place.partial) {
          throw codedError(
            'PCRS_MACHINE',
            `${this.#dir}: ${place.day} already has a run (${run.slice(4)}), and readers would count both; --supersede moves it to _superseded`,
          );
        }
      }
    }
  }

  /**
   * Gives the files of a run their place, and then the run its `_SUCCESS`.
   *
   * Takes  summaries  content of `_SUCCESS`, by table
   */
  publish(place: RunPlace, series: Series, summaries: ReadonlyMap<string, object>): void {
    for (const table of this.#tables) {
      for (const run of this.#runs(table, place)) {
        if (run === `run=${place.stamp}` || !place.partial) this.#setAside(table, place, run);
      }
    }
    for (const table of this.#tables) {
      this.#move(join(this.writing, table), join(this.#day(table, place), `run=${place.stamp}`));
    }
    const all = { ...this.#allSeries(), [place.subscription]: series };
    this.#write(join(this.#dir, '_dataset.json'), { layout, subscriptions: all });
    for (const table of this.#tables) {
      const summary = summaries.get(table) as object;
      this.#write(join(this.#day(table, place), `run=${place.stamp}`, success), summary);
    }
    this.#remove(join(this.#dir, '_incomplete', `run=${place.stamp}`));
  }

  /** Keeps the files of an incomplete run. Yields the folder. */
  keepIncomplete(stamp: string): string {
    const kept = join(this.#dir, '_incomplete', `run=${stamp}`);
    this.#remove(kept);
    this.#move(this.writing, kept);
    return kept;
  }

  close(): void {
    try {
      this.#remove(this.writing);
    } finally {
      this.#lock.release();
    }
  }

  /** The folder of a table, as in messages and records. */
  folderOf(table: string, place: RunPlace): string {
    return join(this.#day(table, place), `run=${place.stamp}`);
  }

  #checkSeries(subscription: string, { gateway, scope, beganFiltered }: Series): void {
    const known = this.#allSeries()[subscription];
    if (known === undefined) return;
    const now = `${this.#dir} holds`;
    if (known.gateway !== gateway)
      throw codedError(
        'PCRS_USAGE',
        `${now} runs of ${known.gateway}, this one is of ${gateway}; choose another --dir`,
      );
    if (!isSameScope(known.scope, scope)) {
      throw codedError(
        'PCRS_USAGE',
        `${now} ${scopeWords(known.scope)}; this run has ${scopeWords(scope)}; choose another --dir`,
      );
    }
    if (beganFiltered && !known.beganFiltered)
      throw codedError(
        'PCRS_USAGE',
        `${now} whole runs; a filter dropped records of this one; choose another --dir`,
      );
  }

  #allSeries(): Record<string, Series> {
    const path = join(this.#dir, '_dataset.json');
    if (!existsSync(path)) return {};
    try {
      const read = JSON.parse(readFileSync(path, 'utf8')) as {
        layout: number;
        subscriptions: Record<string, Series>;
      };
      if (read.layout === layout) return read.subscriptions;
    } catch (error) {
      throw codedError('PCRS_USAGE', `${path} cannot be read: ${(error as Error).message}`);
    }
    throw codedError('PCRS_USAGE', `${path} was made by a newer pcrs-to-parquet; update`);
  }

  #day(table: string, { subscription, day, partial }: RunPlace): string {
    const name = partial ? `${table}_delta` : table;
    return join(this.#dir, name, `subscription=${subscription}`, `snapshot_date=${day}`);
  }

  /** Names of the folders of a day's runs. */
  #runs(table: string, place: RunPlace): string[] {
    const day = this.#day(table, place);
    return existsSync(day) ? readdirSync(day).filter((name) => name.startsWith('run=')) : [];
  }

  #published(table: string, place: RunPlace): string[] {
    return this.#runs(table, place).filter((run) => existsSync(join(this.#day(table, place), run, success)));
  }

  /** Moves a replaced run aside; one without `_SUCCESS` was never fully published. */
  #setAside(table: string, place: RunPlace, run: string): void {
    const from = join(this.#day(table, place), run);
    const kind = existsSync(join(from, success)) ? '_superseded' : '_incomplete';
    const beneath = join(`${table}`, `subscription=${place.subscription}`, `snapshot_date=${place.day}`);
    this.#move(from, join(this.#dir, kind, beneath, `${run}.${uniqueName()}`));
  }

  #write(path: string, content: object): void {
    this.#lock.stillMine();
    replaceFile(path, `${JSON.stringify(content, null, 2)}\n`);
  }

  #move(from: string, to: string): void {
    this.#lock.stillMine();
    makeDirectory(dirname(to));
    try {
      renameSync(from, to);
    } catch (error) {
      throw machineError(to, error);
    }
    syncDirectory(dirname(to));
    syncDirectory(dirname(from));
  }

  #remove(path: string): void {
    this.#lock.stillMine();
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      throw machineError(path, error);
    }
  }
}
