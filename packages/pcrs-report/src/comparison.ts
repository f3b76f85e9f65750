import { besides, type HostInBoth, hostPostures } from 'pcrs-database/host-postures';
import { openForReading, type ReadDatabase } from 'pcrs-database/open';
import { outcome } from 'pcrs-database/pass-rate';
import { RateChangeCount } from 'pcrs-database/rate-change';
import { incompleteness, readSnapshotStatus } from 'pcrs-database/snapshot-status';
import { readHead } from './head.ts';
import type { Before, Change, Head } from './model.ts';
import { type PostureTally, tallied } from './posture-tally.ts';

type TalliedPair = HostInBoth<(typeof tallied)[number]>;

/**
 * The newest complete snapshot with the scope, gateway and subscription of `head`; undefined if there is none.
 *
 * Takes  paths  newest first
 */
export async function runBefore(
  head: Head,
  paths: readonly string[],
): Promise<{ path: string; startedAt: string } | undefined> {
  for (const path of paths) {
    const database = await openForReading(path);
    try {
      const old = await readHead(database, path);
      const isWhole = incompleteness(await readSnapshotStatus(database)) === undefined;
      const isSame =
        old.scope === head.scope && old.gateway === head.gateway && old.subscription === head.subscription;
      if (isWhole && isSame && old.startedAt !== null) return { path, startedAt: old.startedAt };
    } finally {
      database.close();
    }
  }
  return undefined;
}

/** Hosts of a database, and of the previous one if it is attached as `old`. */
export function hostsOf({ db }: ReadDatabase, withOld: boolean): Iterable<TalliedPair> {
  const none: Iterator<never> = [][Symbol.iterator]();
  return besides(withOld ? hostPostures(db, 'old', tallied) : none, hostPostures(db, 'main', tallied));
}

/** Collects new failures and fixes. */
export class Changes {
  readonly found: Change[] = [];
  inAll = 0;
  readonly #rate = new RateChangeCount();
  readonly #tally: PostureTally;
  readonly #limit: number;

  /** Takes  limit  how many to keep; all are counted */
  constructor(tally: PostureTally, limit: number) {
    this.#tally = tally;
    this.#limit = limit;
  }

  add(host: TalliedPair): void {
    this.#rate.add(host);
    if (host.old === undefined || host.new === undefined) return;
    for (const [identity, posture] of host.new.postures) {
      const before = host.old.postures.get(identity);
      if (before === undefined) continue;
      const [was, is] = [outcome(before.status), outcome(posture.status)];
      const what =
        is === 'failed' && was !== 'failed'
          ? 'newly failed'
          : is === 'passed' && was === 'failed'
            ? 'fixed'
            : undefined;
      if (what === undefined) continue;
      this.inAll += 1;
      if (this.found.length >= this.#limit) continue;
      const { policyId, controlId, technologyId } = posture;
      this.found.push({
        what,
        control: this.#tally.controlAt(policyId, controlId, technologyId),
        host: this.#tally.hostAt(host.hostId, host.new.postures),
        policy: this.#tally.policyAt(policyId),
      });
    }
  }

  since(startedAt: string): Before {
    return { startedAt, change: this.#rate.change() };
  }
}
