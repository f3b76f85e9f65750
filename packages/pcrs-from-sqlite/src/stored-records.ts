import { ControlTexts } from 'pcrs-database/control-texts';
import type { Database, Statement } from 'pcrs-database/open';
import { addNumberText, columnsInFile, onOneLine, rowJson } from 'pcrs-database/row-json';
import { sqlName } from 'pcrs-database/sql';
import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import type { GatewayKind } from 'pcrs-records/kinds';
import { inUtf8, joinedLines, oneRecord } from './joined-lines.ts';

/** Some hundred lines of one kind, valid until the next block is asked for. */
export interface LineBlock {
  readonly kind: GatewayKind;
  readonly lines: Buffer;
  readonly count: number;
}

/** Lines of postures. */
export interface PostureBlock extends LineBlock {
  /** Rows looked at, wanted or not. */
  readonly rows: number;
  /** Records with bytes that were not UTF-8; they became U+FFFD. */
  readonly repaired: number;
  /** Rows of the part that did not fit into the block. */
  readonly rest: Rows | undefined;
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
  readonly first: bigint;
  readonly last: bigint;
}

/** Rows are read once, in order: a larger cache gains nothing. */
const cacheKiB = 4 * 1024;

/** Most rows of a part, and most bytes of their long members in a block. */
export const partRows = 128;
const longBytes = 1024 * 1024;

const [smallestRow, largestRow] = [-(2n ** 63n), 2n ** 63n - 1n];
const gatewayStatuses = ['passed', 'failed', 'error'];

/** Size of a block of lists. */
const blockBytes = 256 * 1024;

/**
 * A database's records as lines: policies, host ids, postures, each in the order they came.
 *
 * Limits  memory holds a block or a record, twice, and the texts of some thousand controls
 */
export class StoredRecords {
  readonly #db: Database;
  readonly #narrowing: Narrowing;
  /** Of a file in UTF-16, rows are read one at a time, as strings: its bytes are not those of the lines. */
  readonly #isUtf8: boolean;
  #texts: ControlTexts | undefined;
  #select: Statement | undefined;
  #size: Statement | undefined;

  constructor(db: Database, narrowing: Narrowing = {}) {
    this.#db = db;
    this.#narrowing = narrowing;
    this.#isUtf8 = db.pragma('encoding', { simple: true }) === 'UTF-8';
    addNumberText(db);
    db.pragma(`cache_size = -${cacheKiB}`);
  }

  /** Policies and host ids. */
  *lists(): Generator<LineBlock> {
    yield* toBlocks('policy', this.#policies());
    yield* toBlocks('hostids', this.#hostIds());
  }

  /** Number of postures, by an index: a damaged row may be missing from the table alone. */
  count(): number {
    return this.#db.prepare(`SELECT count(*) FROM ${postureTable.name}`).pluck().get() as number;
  }

  /** Whether there are this many, without counting the others. */
  hasAtLeast(postures: number): boolean {
    const some = this.#db.prepare(`SELECT count(*) FROM (SELECT 1 FROM ${postureTable.name} LIMIT ?)`);
    return some.pluck().get(postures) === postures;
  }

  /** All postures in parts, in order; a part begins with a row. */
  *parts(): Generator<Rows> {
    const together = BigInt(this.#isUtf8 ? partRows : 1);
    const rowFrom = this.#db
      .prepare(`SELECT rowid FROM ${postureTable.name} WHERE rowid >= ? ORDER BY rowid LIMIT 1`)
      .pluck()
      .safeIntegers();
    for (let from = smallestRow; from <= largestRow; ) {
      const first = rowFrom.get(from) as bigint | undefined;
      if (first === undefined) return;
      const end = first + together;
      yield { first, last: end > largestRow ? largestRow : end - 1n };
      from = end;
    }
  }

  /**
   * The postures of a part, as far as they fit into a block.
   *
   * Takes  into  memory of an earlier block, to reuse
   */
  postures(part: Rows, into?: ArrayBuffer): PostureBlock {
    const { statuses } = this.#narrowing;
    const { first } = part;
    const { last, rows } = this.#fitting(part);
    const rest = last < part.last ? { first: last + 1n, last: part.last } : undefined;
    this.#texts ??= new ControlTexts(this.#db);
    this.#select ??= this.#preparePostures();
    const [members, lengths, controls] = this.#select.get({
      ...{ first, last },
      ...(statuses && { statuses: JSON.stringify(statuses.map((status) => status.toLowerCase())) }),
    }) as [Buffer | string, string, string] | [null, null, null];
    const found = { kind: 'posture', rows, rest, repaired: 0 } as const;
    if (members === null) return { ...found, lines: Buffer.alloc(0), count: 0 };
    const texts = this.#texts;
    const { repaired, ...records } =
      typeof members === 'string' ? oneRecord(members) : inUtf8(members, lengths.split(',').map(Number));
    const controlTexts = controls.split(',').map((row) => texts.of(Number(row) || null));
    return { ...found, ...joinedLines('{"kind":"posture",', records, controlTexts, into), repaired };
  }

  /** A block, and the rest of its part in further blocks. */
  *withRest(block: PostureBlock): Generator<PostureBlock> {
    yield block;
    for (let rest = block.rest; rest !== undefined; ) {
      const next = this.postures(rest);
      yield next;
      rest = next.rest;
    }
  }

  /** Most parts fit: evidence of megabytes is rare, but may be that of a whole part. */
  #fitting({ first, last }: Rows): { last: bigint; rows: number } {
    this.#size ??= this.#prepareSize();
    for (let end = last; ; ) {
      const [rows, bytes] = this.#size.get({ first, last: end }) as [number, number];
      if (bytes <= longBytes || end === first) return { last: end, rows };
      end = first + BigInt(Math.floor((Number(end - first) * longBytes) / bytes));
    }
  }

  /** The given policies that the database has neither in its list nor in its postures. */
  unknownPolicies(ids: readonly string[]): string[] {
    const isKnown = this.#db.prepare(
      `SELECT EXISTS (SELECT 1 FROM ${policyTable.name} WHERE id = :id) OR EXISTS (SELECT 1 FROM ${postureTable.name} WHERE policyId = :id)`,
    );
    return ids.filter((id) => isKnown.pluck().get({ id: BigInt(id) }) === 0);
  }

  /** The given statuses that no posture has, unless the gateway has them. */
  unknownStatuses(statuses: readonly string[]): string[] {
    const foreign = statuses.filter((status) => !gatewayStatuses.includes(status.toLowerCase()));
    if (foreign.length === 0) return [];
    const held = new Set(this.statuses().map((status) => status.toLowerCase()));
    return foreign.filter((status) => !held.has(status.toLowerCase()));
  }

  statuses(): string[] {
    return this.#db
      .prepare(`SELECT DISTINCT status FROM ${postureTable.name} WHERE status IS NOT NULL ORDER BY status`)
      .pluck()
      .all() as string[];
  }

  *#policies(): Generator<string> {
    const json = rowJson(policyTable.columns, policyTable, 't', columnsInFile(this.#db, policyTable));
    const sql = `SELECT ${json} FROM ${policyTable.name} AS t ${this.#where('t.id')} ORDER BY t.rowid`;
    for (const [members] of this.#rows<[string]>(sql)) yield `{"kind":"policy",${members}}`;
  }

  /** One record per policy: its hosts are rows. */
  *#hostIds(): Generator<string> {
    const columns = hostIdsTable.columns.filter(({ name }) => name !== 'hostId');
    const json = rowJson(columns, hostIdsTable, 't', columnsInFile(this.#db, hostIdsTable));
    const sql = `SELECT ${json}, ids FROM (
        SELECT min(rowid) AS first, json_group_array(CAST(hostId AS TEXT) ORDER BY rowid) AS ids
        FROM ${hostIdsTable.name} GROUP BY subscriptionId, policyId
      ) JOIN ${hostIdsTable.name} AS t ON t.rowid = first ${this.#where('t.policyId')} ORDER BY first`;
    for (const [members, ids] of this.#rows<[string, string]>(sql))
      yield `{"kind":"hostids",${members},"hostIds":${ids}}`;
  }

  /**
   * Of a part: the members of all its postures as bytes, their lengths, and the rows of their controls. A row at a time
   * takes half as long again: calls into SQLite and the making of strings cost more than the JSON. `+` keeps SQLite
   * from looking all rows of a policy up for each part.
   */
  #preparePostures(): Statement {
    const { policies, statuses, without = [] } = this.#narrowing;
    const columns = postureTable.columns.filter(({ name }) => !without.includes(name));
    const json = rowJson(columns, postureTable, 'p', columnsInFile(this.#db, postureTable));
    const wanted = ['p.rowid BETWEEN :first AND :last', this.#condition('+p.policyId', policies)];
    if (statuses) wanted.push('lower(p.status) IN (SELECT value FROM json_each(:statuses))');
    return this.#db
      .prepare(
        `SELECT ${this.#isUtf8 ? "CAST(group_concat(members, '') AS BLOB)" : 'members'}, group_concat(octet_length(members)), group_concat(control)
        FROM (
          SELECT ${json} AS members, coalesce(c.rowid, 0) AS control FROM ${postureTable.name} AS p
          LEFT JOIN ${controlsTable.name} AS c
            ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = coalesce(p.technologyId, 0)
          WHERE ${wanted.join(' AND ')} ORDER BY p.rowid
        )`,
      )
      .raw();
  }

  /**
   * Number of rows, and bytes of their long members: 0 unless one is long. Lengths are in each row's header: the values
   * themselves are not read.
   */
  #prepareSize(): Statement {
    const { known, added, unknownMembers } = columnsInFile(this.#db, postureTable);
    const nested = postureTable.columns.filter(({ name, json }) => json === 'nested' && known.has(name));
    const names = [
      ...nested.map(({ name }) => name),
      ...added,
      ...(unknownMembers ? ['unknown_members'] : []),
    ];
    const lengths = names.map((name) => `coalesce(octet_length(${sqlName(name)}), 0)`);
    const isLong = lengths.map((length) => `${length} > ${longBytes / partRows}`).join(' OR ') || 'false';
    const rows = `FROM ${postureTable.name} WHERE rowid BETWEEN :first AND :last`;
    return this.#db
      .prepare(
        `SELECT (SELECT count(*) ${rows}), CASE WHEN EXISTS (SELECT 1 ${rows} AND (${isLong})) THEN (SELECT total(${lengths.join(' + ') || '0'}) ${rows}) ELSE 0 END`,
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

function* toBlocks(kind: GatewayKind, records: Iterable<string>): Generator<LineBlock> {
  let [text, count] = ['', 0];
  const block = (): LineBlock => ({ kind, count, lines: Buffer.from(text) });
  for (const record of records) {
    text += `${onOneLine(record)}\n`;
    count += 1;
    if (text.length < blockBytes) continue;
    yield block();
    [text, count] = ['', 0];
  }
  if (count > 0) yield block();
}
