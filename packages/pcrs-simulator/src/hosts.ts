import { clockText, dayText } from './calendar.ts';
import { hash, pick } from './hash.ts';
import { SLOTS, systemOf } from './technologies.ts';
import type { WorldSize } from './world-size.ts';

const HOST_BASE = 118_700;
const HOST_STRIDE = 7;

/** A host of the world, made from the seed and its index on demand. */
export interface Host {
  readonly index: number;
  readonly id: number;
  readonly slot: number;
  /** Visible only in versions 1.0 and 2.0; there are none if --hosts-per-policy is set. */
  readonly sca: boolean;
  readonly cloud: boolean;
  readonly terminated: boolean;
  /** The world's day on which it appeared; 0 for the original hosts. */
  readonly born: number;
  /** Time of day of its scans, in seconds. */
  readonly scanSecond: number;
  readonly netBios: string;
}

/**
 * The hosts of a world, by arithmetic. Those of day 0 have the indexes 0 to hosts - 1; each later day removes one in
 * a hundred (at least one) from the front and adds as many at the end.
 */
export class Hosts {
  readonly #size: WorldSize;

  constructor(size: WorldSize) {
    this.#size = size;
  }

  /** Number of hosts that come and go in a day. */
  get dailyChange(): number {
    return Math.max(1, Math.floor(this.#size.hosts / 100));
  }

  /** The first existing index today. */
  get first(): number {
    return this.#size.day * this.dailyChange;
  }

  /** The index after the last. */
  get end(): number {
    return this.first + this.#size.hosts;
  }

  id(index: number): number {
    return HOST_BASE + index * HOST_STRIDE + (hash(this.#size.seed, index, 0, 11) % HOST_STRIDE);
  }

  /** Index of a host id; undefined if the world has no such host today. */
  indexOf(id: string): number | undefined {
    if (!/^[1-9]\d{0,15}$/.test(id)) return undefined;
    const index = Math.floor((Number(id) - HOST_BASE) / HOST_STRIDE);
    return index >= this.first && index < this.end && this.id(index) === Number(id) ? index : undefined;
  }

  /** The world's day on which a host appeared; 0 for the original hosts. */
  born(index: number): number {
    const { hosts } = this.#size;
    return index < hosts ? 0 : Math.floor((index - hosts) / this.dailyChange) + 1;
  }

  at(index: number): Host {
    const { seed, hostsPerPolicy } = this.#size;
    const slot = index % SLOTS;
    const luck = hash(seed, index, 1, 12);
    const cloud = luck % 5 === 0;
    const prefix = systemOf(slot).netBios ?? 'HOST';
    const site = pick(['DUB', 'PUN', 'FOS', 'MUC'], luck >>> 8);
    return {
      index,
      id: this.id(index),
      slot,
      sca: hostsPerPolicy === 0 && index % 23 === 17,
      cloud,
      terminated: cloud && (luck >>> 4) % 4 === 0,
      born: this.born(index),
      scanSecond: (luck >>> 3) % 17_000,
      netBios: `${prefix}-${site}-${String(index).padStart(4, '0')}`,
    };
  }

  /** Whether the host is scanned on a day of the world; `scanAge` spreads the scans before day 0. */
  scannedOn(index: number, day: number): boolean {
    return hash(this.#size.seed, index, day, 13) % 3 === 0;
  }

  /** Age of a host's latest scan on day 0, in days. */
  scanAge(index: number): number {
    const luck = hash(this.#size.seed, index, 2, 14);
    return luck % 10 < 7 ? (luck >>> 8) % 5 : (luck >>> 8) % 60;
  }

  /** The day of a host's latest scan, since 1970. */
  lastScanDay(host: Host): number {
    const { day, firstDay } = this.#size;
    for (let on = day; on > host.born; on--) if (this.scannedOn(host.index, on)) return firstDay + on;
    return host.born > 0 ? firstDay + host.born : firstDay - this.scanAge(host.index);
  }

  /**
   * A record's members about the host, from `hostId` to `assetId`, as JSON.
   *
   * Takes   scanDay   the day of the record's scan, since 1970
   */
  members(host: Host, scanDay: number): string {
    const system = systemOf(host.slot);
    const luck = hash(this.#size.seed, host.index, 3, 15);
    const name = host.netBios.toLowerCase();
    const windows = system.family === 'windows';
    const agent = luck % 10 < 8;
    const ip =
      luck % 23 === 5
        ? `2001:db8:${(host.index >>> 16).toString(16)}::${(host.index & 0xffff).toString(16)}`
        : `10.${(host.index >>> 14) & 255}.${(host.index >>> 6) & 255}.${((host.index & 63) << 2) + 2}`;
    const network = pick(
      [
        [0, 'Global Default Network'],
        [0, 'Global Default Network'],
        [7410, 'Datacenter "B"'],
      ] as const,
      luck >>> 5,
    );
    const uuid = `${hash(luck, 1, 0, 0).toString(16).padStart(8, '0')}-0000-4000-8000-${String(host.index).padStart(12, '0')}`;
    const members = {
      hostId: host.id,
      ip,
      trackingMethod: agent ? 'AGENT' : pick(['IP', 'DNS', 'NETBIOS'], luck >>> 7),
      os: system.os,
      osCpe: luck % 31 === 3 ? null : system.osCpe,
      domainName: windows ? 'acme' : luck % 3 === 0 ? null : '',
      dns: luck % 17 === 4 ? null : `${name}.acme.example`,
      qgHostid: agent ? uuid : null,
      networkId: network[0],
      networkName: network[1],
      complianceLastScanDate: `${dayText(scanDay)}T${clockText(host.scanSecond)}Z`,
      customerUuid: this.#size.customerUuid,
      customerId: '94271',
      assetId: luck % 29 === 6 ? null : 862_000_000 + host.index * 3,
    };
    return JSON.stringify(members).slice(1, -1);
  }

  /** The value of `CLOUD_RESOURCE_ID`, as JSON. */
  cloudResourceId(host: Host): string {
    return host.cloud
      ? `"i-0${hash(this.#size.seed, host.index, 4, 16).toString(16).padStart(16, '0')}"`
      : 'null';
  }

  /** The value of `CloudMetaData` (version 5.0), as JSON. */
  cloudMetaData(host: Host): string {
    if (!host.cloud) return 'null';
    const state = host.terminated ? 'TERMINATED' : 'RUNNING';
    return JSON.stringify({
      provider: 'AWS',
      region: pick(['eu-central-1', 'us-east-1'], host.index),
      accountId: '0123456789012',
      state,
    });
  }
}
