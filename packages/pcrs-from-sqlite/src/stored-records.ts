import { ControlTexts } from 'pcrs-database/control-texts';
import type { Database, Statement } from 'pcrs-database/open';
import { addNumberText, columnsInFile, onOneLine, rowJson } from 'pcrs-database/row-json';
import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import type { GatewayKind } from 'pcrs-records/kinds';
import { LineBlocks } from './line-blocks.ts';

/** A few hundred lines of one kind. */
export interface LineBlock {
  readonly kind: GatewayKind;
  readonly lines: Buffer;
  readonly count: number;
}

/** Which stored records to read. */
export interface Narrowing {
  /** Ids of policies. */
  readonly policies?: readonly string[] | undefined;
  /** Statuses of postures, in any case. */
  readonly statuses?: readonly string[] | undefined;
  /** Members of postures to omit. */
  readonly without?: readonly string[] | undefined;
}

/** Begins a read transaction: nobody commits to the file until it is closed. */
export function holdMoment(db: Database): void {
  // A second try, after a lock was not given, finds it begun.
  if (!db.inTransaction) db.exec('BEGIN');
  db.prepare('SELECT count(*) FROM sqlite_master').get();
}

/** Postures by row number, from the first to the last. */
export interface Rows {
  readonly first: number;
  readonly last: number;
}

/** Rows are read once, in order: a larger cache gains nothing. */
const cacheKiB = 4 * 1024;

/** Rows read together: about half a megabyte of lines. */
const rowsTogether = 256;

/** A line: its start, members, ready bytes; the end is the same for all. */
type LineParts = readonly [string, string, Buffer];

const noBytes = Buffer.alloc(0);

/**
 * A database's records as lines: policies, host ids, postures, each in the order they came.
 *
 * Limits  memory holds one block, one record and the texts of some hundred controls
 */
export class StoredRecords {
  readonly #db: Database;
  readonly #narrowing: Narrowing;
  #texts: ControlTexts | undefined;
  /** Of all postures, or of a part: an instance reads one or the other. */
  #select: Statement | undefined;

  constructor(db: Database, narrowing: Narrowing = {}) {
    this.#db = db;
    this.#narrowing = narrowing;
    addNumberText(db);
    db.pragma(`cache_size = -${cacheKiB}`);
  }

  /** Policies and host ids. */
  *lists(): Generator<LineBlock> {
    yield* toBlocks('policy', this.#policies());
    yield* toBlocks('hostids', this.#hostIds());
  }

  /** Takes  rows  undefined for all postures */
  *postures(rows?: Rows): Generator<LineBlock> {
    yield* toBlocks('posture', this.#postures(rows));
  }

  /** All postures in parts, in order. Some may be empty. */
  parts(): Rows[] {
    const [lowest, highest] = this.#db
      .prepare(`SELECT min(rowid), max(rowid) FROM ${postureTable.name}`)
      .raw()
      .get() as [number | null, number | null];
    if (lowest === null || highest === null) return [];
    return Array.from({ length: Math.ceil((highest - lowest + 1) / rowsTogether) }, (_, part) => {
      const first = lowest + part * rowsTogether;
      return { first, last: first + rowsTogether - 1 };
    });
  }

  /** The given policies that the database has neither in its list nor in its postures. */
  unknownPolicies(ids: readonly string[]): string[] {
    const isKnown = this.#db.prepare(
      `SELECT EXISTS (SELECT 1 FROM ${policyTable.name} WHERE id = :id) OR EXISTS (SELECT 1 FROM ${postureTable.name} WHERE policyId = :id)`,
    );
    return ids.filter((id) => isKnown.pluck().get({ id: BigInt(id) }) === 0);
  }

  *#policies(): Generator<LineParts> {
    const json = rowJson(policyTable.columns, policyTable, 't', columnsInFile(this.#db, policyTable));
    const sql = `SELECT ${json} FROM ${policyTable.name} AS t ${this.#where('t.id')} ORDER BY t.rowid`;
    for (const [members] of this.#rows<[string]>(sql)) yield ['{"kind":"policy",', members, noBytes];
  }

  /** One record per policy: its hosts are rows. */
  *#hostIds(): Generator<LineParts> {
    const columns = hostIdsTable.columns.filter(({ name }) => name !== 'hostId');
    const json = rowJson(columns, hostIdsTable, 't', columnsInFile(this.#db, hostIdsTable));
    const sql = `SELECT ${json}, ids FROM (
        SELECT min(rowid) AS first, json_group_array(CAST(hostId AS TEXT) ORDER BY rowid) AS ids
        FROM ${hostIdsTable.name} GROUP BY subscriptionId, policyId
      ) JOIN ${hostIdsTable.name} AS t ON t.rowid = first ${this.#where('t.policyId')} ORDER BY first`;
    for (const [members, ids] of this.#rows<[string, string]>(sql))
      yield ['{"kind":"hostids",', `${members},"hostIds":${ids}`, noBytes];
  }

  *#postures(rows?: Rows): Generator<LineParts> {
    const { statuses } = this.#narrowing;
    const bound = {
      ...rows,
      ...(statuses && { statuses: JSON.stringify(statuses.map((status) => status.toLowerCase())) }),
    };
    this.#texts ??= new ControlTexts(this.#db);
    this.#select ??= this.#prepare(rows !== undefined);
    for (const [members, control] of this.#select.iterate(bound) as IterableIterator<[string, number | null]>)
      yield ['{"kind":"posture",', members, this.#texts.of(control)];
  }

  #prepare(isPart: boolean): Statement {
    const { policies, statuses, without = [] } = this.#narrowing;
    const columns = postureTable.columns.filter(({ name }) => !without.includes(name));
    const json = rowJson(columns, postureTable, 'p', columnsInFile(this.#db, postureTable));
    const wanted = [this.#condition('p.policyId', policies)];
    if (statuses) wanted.push('lower(p.status) IN (SELECT value FROM json_each(:statuses))');
    if (isPart) wanted.push('p.rowid BETWEEN :first AND :last');
    return this.#db
      .prepare(
        `SELECT ${json} || ',', c.rowid FROM ${postureTable.name} AS p
        LEFT JOIN ${controlsTable.name} AS c
          ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = coalesce(p.technologyId, 0)
        WHERE ${wanted.join(' AND ')} ORDER BY p.rowid`,
      )
      .raw();
  }

  #rows<Row>(sql: string): IterableIterator<Row> {
    return this.#db.prepare(sql).raw().iterate() as IterableIterator<Row>;
  }

  #where(column: string): string {
    return `WHERE ${this.#condition(column, this.#narrowing.policies)}`;
  }

  #condition(column: string, ids: readonly string[] | undefined): string {
    return ids === undefined ? 'true' : `${column} IN (${ids.map((id) => BigInt(id)).join(', ')})`;
  }
}

function* toBlocks(kind: GatewayKind, lines: Iterable<LineParts>): Generator<LineBlock> {
  const gathered = new LineBlocks();
  const block = (): LineBlock => ({ kind, count: gathered.count, lines: gathered.take() });
  for (const [begin, members, texts] of lines) {
    gathered.add(begin, onOneLine(members), texts);
    if (gathered.isFull) yield block();
  }
  if (gathered.count > 0) yield block();
}
