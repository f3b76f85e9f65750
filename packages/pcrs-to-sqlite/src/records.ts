import type { Database } from 'better-sqlite3';
import { controlsTable, hostIdsTable, policyTable, postureTable, type Table } from 'pcrs-records/columns';
import { parseExact, toDigits } from 'pcrs-records/json';
import type { GatewayKind } from 'pcrs-records/kinds';
import { ControlTexts } from './control-texts.ts';
import { MemberError, Members } from './members.ts';
import type { Batch } from './row-parameters.ts';
import { AddedColumns } from './schema.ts';
import { TableWriter } from './table-writer.ts';
import { toBound, type ValueCounts } from './values.ts';

export interface RecordsOptions {
  /** Refuses members without a column, instead of adding one. */
  refuseUnknown: boolean;
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
    const members = (kind: GatewayKind, columns: ConstructorParameters<typeof Members>[1]) =>
      new Members(
        kind,
        [...columns, ...added[kind].before.map((name) => ({ name, type: 'ANY' as const }))],
        this.counts,
        (name) => this.#takeNew(added[kind], name),
      );
    const hostColumns = hostIdsTable.columns.filter(({ name }) => name !== 'hostId');
    const texts = controlsTable.columns.filter(({ name }) => !controlsTable.key.includes(name));
    this.members = {
      policy: members('policy', policyTable.columns),
      hostids: members('hostids', [...hostColumns, { name: 'hostIds', type: 'ANY' }]),
      posture: members('posture', [...postureTable.columns, ...texts]),
    };
    const { policy, hostids, posture } = this.members;
    const writer = (
      table: Table,
      members: Members,
      added: AddedColumns | undefined,
      batch: Batch,
      given?: string,
    ) => new TableWriter(db, { table, members, added, batch, given });
    this.#policies = writer(policyTable, policy, added.policy, lists);
    this.#hostIds = writer(hostIdsTable, hostids, added.hostids, lists, 'hostId');
    this.#postures = writer(postureTable, posture, added.posture, slices);
    this.#controls = writer(controlsTable, posture, undefined, slices);
    this.writers = [this.#policies, this.#hostIds, this.#postures, this.#controls];
    const slots = (names: readonly string[]) => names.map((name) => posture.slotOf(name));
    this.#controlTexts = new ControlTexts(
      posture,
      slots(controlsTable.key) as [number, number, number],
      slots(texts.map(({ name }) => name)),
    );
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
      this.#policies.take();
      this.#checkSubscription(this.members.policy);
      this.#policies.store();
    }
  }

  /** The postures and controls written since the last call, by their writers. */
  takeTouched(): { writer: TableWriter; first: number; last: number }[] {
    return [this.#postures, this.#controls].flatMap((writer) =>
      writer.touched.take().map(([first, last]) => ({ writer, first, last })),
    );
  }

  #writePosture(): void {
    this.#postures.take();
    if (!this.#controlTexts.isStored()) {
      this.#controls.take();
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
    this.#hostIds.take(hostIds[0] ?? 0);
    this.#checkSubscription(members);
    for (const hostId of hostIds) {
      this.#hostIds.take(hostId);
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

  #takeNew(added: AddedColumns, name: string): boolean {
    if (this.#options.refuseUnknown) {
      throw new MemberError(`has a member ${JSON.stringify(name)} that no column takes (--unknown fail)`);
    }
    return added.take(name);
  }
}
