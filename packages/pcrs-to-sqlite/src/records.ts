import type { Database } from 'better-sqlite3';
import { controlsTable, hostIdsTable, policyTable, postureTable, type Table } from 'pcrs-records/columns';
import { parseExact, toDigits } from 'pcrs-records/json';
import type { GatewayKind } from 'pcrs-records/kinds';
import type { ControlTexts } from './control-texts.ts';
import { MemberError } from './member-error.ts';
import { Members } from './members.ts';
import { PostureMirror } from './posture-batch.ts';
import { openPostureMembers, postureColumns } from './posture-members.ts';
import type { Batch } from './row-parameters.ts';
import { AddedColumns } from './schema.ts';
import { TableWriter } from './table-writer.ts';
import { toBound, type ValueCounts } from './values.ts';

const hostListColumns = hostIdsTable.columns.filter(({ name }) => name !== 'hostId');
const hostIdsColumn = { name: 'hostIds', type: 'ANY' } as const;

export interface RecordsOptions {
  /** Refuses members without a column, instead of adding one. */
  refuseUnknown: boolean;
  /** Is told of each new member of a posture, and whether it got a column. */
  onNewMember(name: string, hasColumn: boolean): void;
  /** Is told the subscription of each policy and of each hostids record; throws where it is another. */
  onSubscription(id: string): void;
}

/**
 * The gateway's records on their way into the tables: for each kind the slots that a record is read into,
 * and what is written of them.
 */
export class Records {
  readonly members: Readonly<Record<GatewayKind, Members>>;
  readonly writers: readonly TableWriter[];
  readonly counts: ValueCounts = { loneSurrogates: 0, nulCharacters: 0 };
  /** Hosts of the hostids records so far. */
  hosts = 0;
  /** `hostids` records with an `error`. */
  policyErrors = 0;
  readonly #policies: TableWriter;
  readonly #hostIds: TableWriter;
  readonly #postures: TableWriter;
  readonly #controls: TableWriter;
  readonly #controlTexts: ControlTexts;
  readonly #addedToPosture: AddedColumns;
  #mirror: PostureMirror | undefined;
  #mirrored = false;
  readonly #options: RecordsOptions;

  /**
   * Takes  lists   bookkeeping of policies and host ids
   *        slices  of postures and controls; its number is the slice's
   */
  constructor(db: Database, lists: Batch, slices: Batch, options: RecordsOptions) {
    this.#options = options;
    const added = {
      policy: new AddedColumns(db, policyTable, []),
      hostids: new AddedColumns(db, hostIdsTable, ['hostIds']),
      posture: new AddedColumns(
        db,
        postureTable,
        controlsTable.columns.map(({ name }) => name),
      ),
    };
    const columns = { policy: policyTable.columns, hostids: [...hostListColumns, hostIdsColumn] };
    const listMembers = (kind: 'policy' | 'hostids') => {
      const brought = added[kind].before.map((name) => ({ name, type: 'ANY' as const }));
      return new Members(kind, [...columns[kind], ...brought], this.counts, (name) =>
        this.#takeNew(added[kind], name),
      );
    };
    this.#addedToPosture = added.posture;
    const { members, controlTexts } = openPostureMembers(added.posture.before, this.counts, (name) => {
      const taken = this.#takeNew(added.posture, name);
      this.#mirrorNew(name, taken);
      return taken;
    });
    this.#controlTexts = controlTexts;
    this.members = { policy: listMembers('policy'), hostids: listMembers('hostids'), posture: members };
    const writer = (table: Table, batch: Batch, columns?: AddedColumns, given?: string) =>
      new TableWriter(db, { table, added: columns, batch, given });
    this.#policies = writer(policyTable, lists, added.policy);
    this.#hostIds = writer(hostIdsTable, lists, added.hostids, 'hostId');
    this.#postures = writer(postureTable, slices, added.posture);
    this.#controls = writer(controlsTable, slices);
    this.writers = [this.#policies, this.#hostIds, this.#postures, this.#controls];
  }

  /**
   * Writes the record of a kind that was read last.
   *
   * Throws  MemberError where it cannot be; nothing of it is written then
   */
  write(kind: GatewayKind): void {
    if (kind === 'posture') this.#writePosture();
    else if (kind === 'hostids') this.#writeHostIds();
    else {
      this.#policies.take(this.members.policy);
      this.#checkSubscription(this.members.policy);
      this.#policies.store();
    }
  }

  /** Writes rows that wait for others: what came so far is in the tables then, and counted. */
  flush(): void {
    for (const writer of this.writers) writer.flush();
  }

  /** The postures and controls written since the last call, by their writers. */
  takeTouched(): { writer: TableWriter; first: number; last: number }[] {
    this.flush();
    return [this.#postures, this.#controls].flatMap((writer) =>
      writer.touched.take().map(([first, last]) => ({ writer, first, last })),
    );
  }

  /**
   * For postures that another thread parses: columns that earlier records brought, and the mirror to fill.
   */
  openMirror(): { before: readonly string[]; mirror: PostureMirror } {
    const before = [...this.#addedToPosture.names];
    this.#mirror = new PostureMirror(postureColumns(before));
    return { before, mirror: this.#mirror };
  }

  /** Writes the posture in the mirror, and its control where that is not stored so. */
  writeMirrored(withControl: boolean): void {
    const mirror = this.#mirror as PostureMirror;
    this.#postures.take(mirror);
    if (withControl) {
      this.#controls.take(mirror);
      this.#controls.store();
      this.#mirrored = true;
    }
    this.#postures.store();
  }

  #writePosture(): void {
    const { posture } = this.members;
    if (this.#mirrored) {
      // Another control may have been stored since one was known here.
      this.#controlTexts.forget();
      this.#mirrored = false;
    }
    this.#postures.take(posture);
    if (!this.#controlTexts.isStored()) {
      this.#controls.take(posture);
      this.#controls.store();
      this.#controlTexts.keep();
    }
    this.#postures.store();
  }

  #writeHostIds(): void {
    const members = this.members.hostids;
    const slot = members.slotOf('hostIds');
    if (!members.shape.has(slot)) throw new MemberError('hostIds is missing');
    const raw = members.bound(slot);
    const ids = typeof raw === 'string' && raw.startsWith('[') ? (parseExact(raw) as unknown[]) : undefined;
    if (ids === undefined) throw new MemberError(`hostIds must be an array, got ${JSON.stringify(raw)}`);
    const hostIds = ids.map((id) => this.#hostId(id));
    this.#hostIds.take(members, hostIds[0] ?? 0);
    this.#checkSubscription(members);
    for (const hostId of hostIds) {
      this.#hostIds.take(members, hostId);
      this.#hostIds.store();
    }
    this.hosts += hostIds.length;
    const error = members.slotOf('error');
    if (error >= 0 && members.shape.has(error)) this.policyErrors += 1;
  }

  #hostId(id: unknown): number | bigint {
    const digits = toDigits(id);
    if (digits === undefined) throw new MemberError(`hostIds must hold ids, got ${JSON.stringify(id)}`);
    try {
      return toBound(digits, 'INTEGER', this.counts) as number | bigint;
    } catch (error) {
      throw new MemberError(`a host id ${(error as Error).message}`);
    }
  }

  #checkSubscription(members: Members): void {
    const slot = members.slotOf('subscriptionId');
    const id = members.shape.has(slot) ? members.bound(slot) : null;
    if (id !== null && id !== 0) this.#options.onSubscription(String(id));
  }

  #mirrorNew(name: string, hasColumn: boolean): void {
    if (this.#mirror === undefined) return;
    if (hasColumn) this.#mirror.addSlot(name);
    this.#options.onNewMember(name, hasColumn);
  }

  #takeNew(added: AddedColumns, name: string): boolean {
    if (this.#options.refuseUnknown) {
      throw new MemberError(`has a member ${JSON.stringify(name)} that no column takes (--unknown fail)`);
    }
    return added.take(name);
  }
}
