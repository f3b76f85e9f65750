import type { HostPostures, PostureRow } from 'pcrs-database/host-postures';
import { noOutcomes, type Outcomes, outcome } from 'pcrs-database/pass-rate';
import type { Names } from './control-names.ts';
import { failingFor, older } from './failing-since.ts';
import type { Past } from './history.ts';
import { Interned } from './interned.ts';
import type { Age, Control, Group, Host, PolicyGroup } from './model.ts';
import { type Owners, ownerOf } from './owners.ts';
import { visible } from './shown.ts';

/** Columns of the posture table for a tally, besides a posture's identity and status. */
export const tallied = [
  'rowid',
  'firstFailDate',
  'lastPassDate',
  'complianceLastScanDate',
  'dns',
  'netBios',
  'ip',
  'os',
] as const;
type TalliedRow = PostureRow<(typeof tallied)[number]>;
export type TalliedHost = HostPostures<(typeof tallied)[number]>;

/** Failures as columns of numbers, since there may be millions. */
export class FailureColumns {
  readonly control: number[] = [];
  readonly host: number[] = [];
  readonly policy: number[] = [];
  /** -1 if the gateway gave no date. */
  readonly days: number[] = [];
  readonly atMost: boolean[] = [];
  readonly rowid: number[] = [];

  add(control: number, host: number, policy: number, age: Age | undefined, rowid: number): void {
    this.control.push(control);
    this.host.push(host);
    this.policy.push(policy);
    this.days.push(age?.days ?? -1);
    this.atMost.push(age?.atMost ?? false);
    this.rowid.push(rowid);
  }

  age(at: number): Age | undefined {
    const days = this.days[at]!;
    return days < 0 ? undefined : { days, atMost: this.atMost[at]! };
  }

  get length(): number {
    return this.control.length;
  }
}

interface Tallied extends Control {
  readonly hostsSeen: Set<number>;
  readonly policiesSeen: Set<number>;
}

/** Counts postures in all groups of the page. */
export class PostureTally {
  readonly outcomes: Outcomes = noOutcomes();
  readonly policies = new Interned<bigint, PolicyGroup>();
  readonly controls = new Interned<bigint, Tallied>();
  readonly hosts = new Interned<bigint, Host>();
  readonly criticalities = new Interned<string, Group>();
  readonly technologies = new Interned<string, Group>();
  readonly owners = new Interned<string, Group>();
  readonly failures = new FailureColumns();
  readonly #names: Names;
  readonly #moment: number;
  readonly #owners: Owners | undefined;
  readonly #past: Past | undefined;

  /**
   * Takes  moment  of the run, in milliseconds: ages end there
   *        past    gives the ages of failures; without it the gateway's dates do
   */
  constructor(names: Names, moment: number, owners: Owners | undefined, past: Past | undefined) {
    this.#names = names;
    this.#moment = moment;
    this.#owners = owners;
    this.#past = past?.holdsRun ? past : undefined;
  }

  add({ policyId, hostId, postures }: TalliedHost): void {
    const policyAt = this.policyAt(policyId);
    const policy = this.policies.values[policyAt]!;
    const hostAt = this.hostAt(hostId, postures);
    const host = this.hosts.values[hostAt]!;
    policy.hosts += 1;
    const owner = host.owner === '' ? undefined : this.owners.at(host.owner, () => group(host.owner, 0));
    for (const posture of postures.values()) {
      const { control, controlAt, criticality, technology } = this.#control(posture);
      const means = outcome(posture.status);
      for (const counts of [this, policy, host, control, criticality, technology, owner])
        if (counts !== undefined) counts.outcomes[means] += 1;
      const scanned = String(posture.complianceLastScanDate ?? '').slice(0, 10);
      if (scanned > host.lastScan) host.lastScan = scanned;
      if (means !== 'failed') continue;
      if (criticality.value >= 4) host.severe += 1;
      control.hosts = control.hostsSeen.add(hostAt).size;
      control.policies = control.policiesSeen.add(policyAt).size;
      const age = this.#past
        ? this.#past.age(posture)
        : failingFor(posture.firstFailDate, posture.lastPassDate, this.#moment);
      control.oldest = older(control.oldest, age);
      this.failures.add(controlAt, hostAt, policyAt, age, Number(posture.rowid));
    }
  }

  policyAt(policyId: bigint): number {
    const name = this.#names.policy(policyId);
    return this.policies.place(policyId, () => ({ ...group(name, 0), id: String(policyId), hosts: 0 }));
  }

  hostAt(hostId: bigint, postures: TalliedHost['postures']): number {
    return this.hosts.place(hostId, () => {
      const [first] = postures.values();
      const names = hostNames(hostId, first);
      const owner = ownerOf(this.#owners, names);
      return {
        ...{ id: String(hostId), name: names[0]!, os: visible(String(first?.os ?? '')) },
        ...{ outcomes: noOutcomes(), severe: 0, lastScan: '', owner },
      };
    });
  }

  controlAt(policyId: bigint, controlId: bigint, technologyId: bigint): number {
    return this.controls.place(controlId, () => {
      const { statement, criticality } = this.#names.control(policyId, controlId, technologyId);
      const id = String(controlId);
      return {
        ...{ id, statement: statement || `control ${id}`, criticality, outcomes: noOutcomes() },
        ...{ hosts: 0, policies: 0, oldest: undefined, texts: undefined },
        ...{ hostsSeen: new Set<number>(), policiesSeen: new Set<number>() },
      };
    });
  }

  /** The control of a posture, and its groups; a control is as critical as in its worst policy. */
  #control({ policyId, controlId, technologyId }: TalliedRow) {
    const controlAt = this.controlAt(policyId, controlId, technologyId);
    const control = this.controls.values[controlAt]!;
    const { criticality, technology } = this.#names.control(policyId, controlId, technologyId);
    if (criticality.value > control.criticality.value) control.criticality = criticality;
    const { label, value } = criticality;
    const technologyName = technology || `technology ${technologyId}`;
    return {
      control,
      controlAt,
      criticality: this.criticalities.at(label, () => group(label || 'none', value)),
      technology: this.technologies.at(technologyName, () => group(technologyName, 0)),
    };
  }
}

function group(name: string, value: number): Group {
  return { name, value, outcomes: noOutcomes() };
}

/** Possible names of a host, the best first. */
export function hostNames(hostId: bigint, row: TalliedRow | undefined): string[] {
  const names = [row?.dns, row?.netBios, row?.ip].map((name) => visible(String(name ?? '')));
  return [...names.filter((name) => name !== ''), String(hostId)];
}
