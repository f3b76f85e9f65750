import { besides, type HostInBoth, hostPostures, type PostureRow } from 'pcrs-database/host-postures';
import { counted } from 'pcrs-database/pass-rate';
import { type RateChange, RateChangeCount } from 'pcrs-database/rate-change';
import { type Change, ChangeRecords } from './change-record.ts';
import type { ChangeWord } from './change-words.ts';
import type { Pair } from './pair.ts';

type Row = PostureRow<'rowid' | 'id'>;

/** Walks the hosts of two databases, policy by policy. */
export class Comparison {
  readonly #pair: Pair;
  readonly #records: { readonly old: ChangeRecords; readonly new: ChangeRecords };
  readonly #rate: RateChangeCount;
  #ofControls: Change[] = [];

  constructor(pair: Pair) {
    const { db } = pair.database;
    this.#pair = pair;
    this.#records = { old: new ChangeRecords(db, 'old'), new: new ChangeRecords(db, 'main') };
    this.#rate = new RateChangeCount((policy) => {
      const made = (controlIds: readonly bigint[], change: ChangeWord, records: ChangeRecords) =>
        controlIds.map((controlId) => records.ofControl(policy.policyId, controlId, change));
      this.#ofControls = [
        ...made(policy.controlsOnlyIn('old'), 'control_removed', this.#records.old),
        ...made(policy.controlsOnlyIn('new'), 'control_added', this.#records.new),
      ];
    });
  }

  /**
   * The differences host by host, by control and id; after the last host of a policy, the controls it gained or lost.
   *
   * Takes  wanted  policies by id; undefined for all
   */
  *changes(wanted: ReadonlySet<string> | undefined): Generator<{ policyId: bigint; changes: Change[] }> {
    const { db } = this.#pair.database;
    let policyId = -1n;
    const columns = ['rowid', 'id'] as const;
    for (const host of besides(hostPostures(db, 'old', columns), hostPostures(db, 'main', columns))) {
      if (wanted?.has(String(host.policyId)) === false) continue;
      this.#rate.add(host);
      // Adding a host of the next policy ends the previous one.
      yield { policyId, changes: this.#takeOfControls() };
      policyId = host.policyId;
      yield { policyId, changes: this.#ofHost(host) };
    }
    this.#rate.end();
    yield { policyId, changes: this.#takeOfControls() };
  }

  /** The change of the pass rate over everything walked. */
  rateChange(): RateChange {
    return this.#rate.change();
  }

  /** Postures so far, each counted once. */
  get postures(): { old: number; new: number } {
    const all = (outcomes: RateChangeCount['old']) => counted(outcomes) + outcomes.error + outcomes.other;
    return { old: all(this.#rate.old), new: all(this.#rate.new) };
  }

  #takeOfControls(): Change[] {
    const changes = this.#ofControls;
    this.#ofControls = [];
    return changes;
  }

  #ofHost({ old, new: fresh }: HostInBoth<'rowid' | 'id'>): Change[] {
    const changes: Change[] = [];
    for (const [identity, posture] of fresh?.postures ?? []) {
      const before = old?.postures.get(identity);
      const change = before === undefined ? 'appeared' : wordOf(before.status, posture.status);
      if (change !== undefined)
        changes.push(this.#record(posture, change, before?.status ?? null, posture.status));
    }
    for (const [identity, posture] of old?.postures ?? []) {
      if (fresh?.postures.has(identity)) continue;
      const { rowid } = posture as unknown as { rowid: bigint };
      changes.push(
        this.#records.old.ofPosture(rowid, {
          change: 'vanished',
          oldStatus: posture.status,
          newStatus: null,
        }),
      );
    }
    return changes.sort((a, b) => compare(a.controlId, b.controlId) || compare(a.id, b.id));
  }

  #record(posture: Row, change: ChangeWord, oldStatus: string | null, newStatus: string | null): Change {
    return this.#records.new.ofPosture(posture.rowid as bigint, { change, oldStatus, newStatus });
  }
}

/** Word for a change of status, in any case; undefined if it stayed the same. */
function wordOf(before: string | null, after: string | null): ChangeWord | undefined {
  const [old, now] = [before?.toLowerCase(), after?.toLowerCase()];
  if (old === now) return undefined;
  if (now === 'failed') return 'newly_failed';
  return old === 'failed' && now === 'passed' ? 'fixed' : 'status_changed';
}

function compare(a: unknown, b: unknown): number {
  const [one, other] = [a as bigint, b as bigint];
  return one < other ? -1 : one > other ? 1 : 0;
}
