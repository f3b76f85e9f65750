import { instant } from './calendar.ts';
import { type Host, Hosts } from './hosts.ts';
import { Policies, type Policy } from './policies.ts';
import { type Pair, PostureRecords, type RecordBlock, type RecordOptions } from './posture-records.ts';
import { type WorldOptions, type WorldSize, worldSize } from './world-size.ts';

/** How the policy list wraps its tag section; the gateway's own way is unknown. */
export type TagWrapper = 'tagInfo' | 'requireTagInfo' | 'flat';

/** Options of a hostids request. Instants are ms since 1970, inclusive. */
export interface HostOptions {
  /** 1 to 5; SCA hosts are only in 1 and 2. */
  readonly version?: number;
  readonly scannedSince?: number | undefined;
  readonly statusChangedSince?: number | undefined;
  readonly assetState?: 'ACTIVE' | 'TERMINATED' | 'ALL';
  readonly assetDeploymentType?: 'ON-PREM' | 'CLOUD' | 'ALL';
}

/** Options of `World.posture`: postureInfo's query, policies and hosts. */
export interface TruthOptions extends Partial<RecordOptions> {
  /** Policy ids, in the order of the answer; default: all, inactive ones too. */
  readonly policies?: Iterable<string | number>;
  /** Only these host ids. */
  readonly hosts?: Iterable<string | number>;
}

/** A subscription on one day: its policies, hosts and postures, all decided by a few numbers. */
export class World {
  readonly size: WorldSize;
  readonly policyList: Policies;
  readonly hosts: Hosts;
  readonly records: PostureRecords;

  constructor(options: WorldOptions = {}) {
    this.size = worldSize(options);
    this.hosts = new Hosts(this.size);
    this.policyList = new Policies(this.size, this.hosts);
    this.records = new PostureRecords(this.size, this.hosts, this.policyList);
  }

  get subscriptionId(): string {
    return String(this.size.subscriptionId);
  }

  /** The policies as in the list, each as its JSON text. */
  policies(options: { evaluatedSince?: number | undefined; tags?: TagWrapper | undefined } = {}): string[] {
    return this.policyList.list
      .filter((policy) => (this.policyList.lastEvaluation(policy) ?? 0) >= (options.evaluatedSince ?? 0))
      .map((policy) => this.policyList.text(policy, options.tags));
  }

  /** The ids of the policies, all or those of one status. */
  policyIds(status: 'active' | 'inactive' | 'all' = 'all'): string[] {
    return this.policyList.list
      .filter((policy) => status === 'all' || policy.active === (status === 'active'))
      .map((policy) => String(policy.id));
  }

  /** The ids of a policy's hosts, as the strings that the gateway sends; empty for an unknown policy. */
  hostIds(policyId: string | number, options: HostOptions = {}): string[] {
    const policy = this.policyList.byId(String(policyId));
    return policy === undefined ? [] : Array.from(this.hostsOf(policy, options), (host) => String(host.id));
  }

  /** A policy's element of the hostids answer, as its JSON text. */
  hostIdsElement(policyId: string | number, options: HostOptions = {}): string {
    const known = this.policyList.byId(String(policyId)) !== undefined;
    return JSON.stringify({
      policyId: String(policyId),
      subscriptionId: this.subscriptionId,
      hostIds: this.hostIds(policyId, options),
      ...(known ? {} : { error: 'Error: Compliance Policy does not exist.' }),
    });
  }

  /** The hosts of a policy that a hostids request would name. */
  *hostsOf(policy: Policy, options: HostOptions = {}): Generator<Host> {
    for (const index of this.policyList.hostIndexes(policy)) {
      const host = this.hosts.at(index);
      if (this.#shows(policy, host, options)) yield host;
    }
  }

  /** The pairs of one policy and given hosts that have postures, in the order of the hosts. */
  *pairs(policyId: string, hostIds: Iterable<string>, version: number): Generator<Pair> {
    const policy = this.policyList.byId(policyId);
    if (policy === undefined) return;
    for (const id of hostIds) {
      const index = this.hosts.indexOf(id);
      if (index === undefined || !this.policyList.holds(policy, index)) continue;
      const host = this.hosts.at(index);
      if (!host.sca || version < 3) yield { policy, host };
    }
  }

  /** Posture records, each exactly as the gateway sends it in its plainest form. */
  *posture(options: TruthOptions = {}): Generator<string> {
    for (const { bytes, ends } of this.postureBlocks(options)) {
      let from = 1;
      for (const end of ends) {
        yield bytes.toString('utf8', from, end);
        from = end + 1;
      }
    }
  }

  /** The same as bytes, in blocks, for counting or writing many. */
  postureBlocks(options: TruthOptions = {}): Generator<RecordBlock> {
    return this.records.blocks(this.#truthPairs(options), recordOptions(options));
  }

  *#truthPairs(options: TruthOptions): Generator<Pair> {
    const version = options.version ?? 5;
    const wanted = options.hosts === undefined ? undefined : new Set(Array.from(options.hosts, String));
    for (const id of options.policies ?? this.policyIds()) {
      const policy = this.policyList.byId(String(id));
      if (policy === undefined) continue;
      for (const host of this.hostsOf(policy, { version })) {
        if (wanted === undefined || wanted.has(String(host.id))) yield { policy, host };
      }
    }
  }

  #shows(policy: Policy, host: Host, options: HostOptions): boolean {
    if (host.sca && (options.version ?? 5) >= 3) return false;
    const type = options.assetDeploymentType ?? 'ALL';
    if (type !== 'ALL' && host.cloud !== (type === 'CLOUD')) return false;
    const state = options.assetState ?? 'ALL';
    if (type !== 'ON-PREM' && state !== 'ALL' && host.terminated !== (state === 'TERMINATED')) return false;
    if (options.scannedSince !== undefined) {
      if (instant(this.hosts.lastScanDay(host), host.scanSecond) < options.scannedSince) return false;
    }
    if (options.statusChangedSince === undefined) return true;
    const changed = recordOptions({ statusChangedSince: options.statusChangedSince });
    return !this.records.blocks([{ policy, host }], changed).next().done;
  }
}

/** Complete record options; the defaults are the newest version's. */
export function recordOptions(options: Partial<RecordOptions>): RecordOptions {
  return { version: 5, evidence: 'none', detectionScore: false, excludeInactiveControls: false, ...options };
}
