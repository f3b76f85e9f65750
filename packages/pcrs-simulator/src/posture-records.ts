import { clockText, dayText, instant } from './calendar.ts';
import { hash } from './hash.ts';
import type { Host, Hosts } from './hosts.ts';
import type { Policies, Policy } from './policies.ts';
import { type EvidenceKind, findingOf, type PolicyControl, PolicyControls } from './policy-controls.ts';
import {
  type Evaluations,
  evaluationsOf,
  type History,
  type Status,
  statusMembers,
  type Turns,
  tell,
} from './status-history.ts';
import type { Technology } from './technologies.ts';
import { WorldEvents } from './world-events.ts';
import type { WorldSize } from './world-size.ts';

const BLOCK_BYTES = 256 * 1024;
const FIRST_RECORD_ID = 20_000_000_000;
/** More than all ids of a world; three times that stays below 2^53. */
const REISSUE_STRIDE = 2_200_000_000_000_000;
const DAY_MS = 86_400_000;
/** Minutes between a host's scan and its evaluation, and between scan and record. */
const EVALUATED_AFTER = 8 * 60;
const CREATED_AFTER = 20 * 60;

/** Options of a postureInfo request. Instants are ms since 1970, inclusive. */
export interface RecordOptions {
  /** 1 to 5. */
  readonly version: number;
  readonly evidence: EvidenceKind;
  readonly detectionScore: boolean;
  readonly excludeInactiveControls: boolean;
  readonly evaluatedSince?: number | undefined;
  readonly scannedFrom?: number | undefined;
  readonly scannedTo?: number | undefined;
  readonly statusChangedSince?: number | undefined;
}

/** A policy and one of its hosts. */
export interface Pair {
  readonly policy: Policy;
  readonly host: Host;
}

/**
 * Bytes of records, each preceded by a comma: `,{…},{…}`. `ends` holds the offset after each record, for cutting out
 * single ones.
 */
export interface RecordBlock {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
}

/** What the records of one pair and instance share. */
interface Occasion {
  readonly firstId: number;
  readonly lead: Buffer;
  readonly technologyId: string;
  readonly clock: string;
  readonly written: string;
  readonly hostPart: Buffer;
  readonly tail: string;
  readonly dates: Evaluations;
  readonly luck: number;
  readonly failing: number;
  readonly changedSince: number;
  /** Earlier controls have been removed from the policy. */
  readonly firstControl: number;
  readonly controls: readonly PolicyControl[];
  readonly turnsOf: (control: number) => Turns | undefined;
}

/**
 * The posture records of a world, as the bytes that the gateway sends. Nothing is stored: each record is assembled in
 * turn, from pieces made once per control, per host and per pair, and its own id, status and dates.
 */
export class PostureRecords {
  readonly #size: WorldSize;
  readonly #hosts: Hosts;
  readonly #policies: Policies;
  readonly #controls: PolicyControls;
  readonly #events: WorldEvents;

  constructor(size: WorldSize, hosts: Hosts, policies: Policies) {
    this.#size = size;
    this.#hosts = hosts;
    this.#policies = policies;
    this.#controls = new PolicyControls(size);
    this.#events = new WorldEvents(size);
  }

  /** The records of policy–host pairs, in the order of the pairs, in blocks of about 256 KiB. */
  *blocks(pairs: Iterable<Pair>, options: RecordOptions): Generator<RecordBlock> {
    const story = {} as History;
    let bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    let ends: number[] = [];
    let at = 0;
    for (const pair of pairs) {
      for (const occasion of this.#occasions(pair, options)) {
        for (let n = 0; n < occasion.controls.length; n++) {
          const control = occasion.controls[n] as PolicyControl;
          if (n < occasion.firstControl || (options.excludeInactiveControls && control.inactive)) continue;
          const luck = hash(occasion.luck, n, 0, 62);
          tell(story, occasion.dates, luck, occasion.failing * control.weight, occasion.turnsOf(n));
          if (story.modified < occasion.changedSince) continue;
          const finding = findingOf(control, story.status, luck);
          const needed =
            occasion.lead.length + control.texts.length + occasion.hostPart.length + finding.length + 1500;
          if (at + needed > bytes.length) {
            if (at > 0) yield { bytes: bytes.subarray(0, at), ends };
            bytes = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, needed));
            ends = [];
            at = 0;
          }
          at += bytes.write(`,{"id":${occasion.firstId + n * 4}`, at, 'latin1');
          bytes.set(occasion.lead, at);
          at += occasion.lead.length;
          bytes.set(control.texts, at);
          at += control.texts.length;
          const status = statusMembers(story, occasion.clock);
          at += bytes.write(
            control.reference + occasion.technologyId + status + occasion.written,
            at,
            'latin1',
          );
          bytes.set(occasion.hostPart, at);
          at += occasion.hostPart.length;
          at += bytes.write(control.criticality, at, 'latin1');
          bytes.set(finding, at);
          at += finding.length;
          const score = options.detectionScore ? `,"qdScore":${(luck >>> 7) % 101}}` : '}';
          at += bytes.write(occasion.tail + score, at, 'latin1');
          ends.push(at);
        }
      }
    }
    if (at > 0) yield { bytes: bytes.subarray(0, at), ends };
  }

  /** One occasion per instance of the policy's technologies on the host; none if a filter excludes the host. */
  *#occasions({ policy, host }: Pair, options: RecordOptions): Generator<Occasion> {
    const { seed } = this.#size;
    const dates = evaluationsOf(this.#size, this.#hosts, this.#policies, this.#events, policy, host);
    const scanned = instant(dates.last, host.scanSecond);
    if (scanned < (options.scannedFrom ?? -Infinity) || scanned > (options.scannedTo ?? Infinity)) return;
    const second = host.scanSecond + EVALUATED_AFTER;
    if (instant(dates.last, second) < (options.evaluatedSince ?? -Infinity)) return;
    const since = options.statusChangedSince;
    const harder = 0.5 + (hash(seed, host.index, 1, 63) % 100) / 100;
    const common = {
      clock: `T${clockText(second)}Z`,
      written: `${dayText(dates.last)}T${clockText(second)}Z","created":"${createdText(host, dates.last)}",`,
      tail: this.#tail(host, options.version),
      dates,
      changedSince: since === undefined ? -Infinity : Math.ceil((since - second * 1000) / DAY_MS),
      firstControl: this.#policies.firstControl(policy, dates.last),
      failing: Math.min(0.6, policy.failing * harder),
    };
    const members = this.#hosts.members(host, dates.last);
    const count = this.#size.controls + this.#events.gained(policy.index, dates.last - this.#size.firstDay);
    const turnsOf = this.#turnsOf(policy);
    let place = 0;
    for (const technology of policy.technologies) {
      if (!technology.slots.includes(host.slot)) continue;
      const named = JSON.stringify({ id: technology.id, name: technology.name });
      for (const instance of instancesOf(technology, hash(seed, host.index, technology.id, 64))) {
        yield {
          ...common,
          firstId:
            FIRST_RECORD_ID +
            this.#events.reissues * REISSUE_STRIDE +
            (policy.index * 5_000_000 + host.index) * 4096 +
            place,
          lead: leadOf(policy, host, instance),
          technologyId: `${technology.id},"status":"`,
          hostPart: Buffer.from(`${members},"technology":${named}`),
          luck: hash(seed, policy.index * 4 + place, host.index, 65),
          controls: this.#controls.of(policy, technology.family, options.evidence, count),
          turnsOf,
        };
        place += 1;
      }
    }
  }

  /** What events do to the postures of a policy's controls; undefined in a world without events. */
  #turnsOf(policy: Policy): (control: number) => Turns | undefined {
    const events = this.#events;
    const { firstDay } = this.#size;
    if (this.#size.events.length === 0) return () => undefined;
    const statusOn = (status: Status, luck: number, day: number): Status => {
      if (events.isErrorNight(day - firstDay)) return 2;
      return status === 1 && events.isExcepted(luck, day - firstDay) ? 3 : status;
    };
    return (control) => ({ brokenSince: firstDay + events.brokenSince(policy.index, control), statusOn });
  }

  #tail(host: Host, version: number): string {
    const cloud = this.#hosts.cloudResourceId(host);
    return version >= 5 ? `${cloud},"CloudMetaData":${this.#hosts.cloudMetaData(host)}` : cloud;
  }
}

function createdText(host: Host, day: number): string {
  const fraction = host.index % 11 === 4 ? '.417' : '';
  return `${dayText(day)}T${clockText(host.scanSecond + CREATED_AFTER)}${fraction}Z`;
}

/** From `instance` to the comma before `controlId`. */
function leadOf(policy: Policy, host: Host, instance: string): Buffer {
  const netBios = host.index % 37 === 12 ? 'null' : JSON.stringify(host.netBios);
  return Buffer.from(
    `,"instance":${JSON.stringify(instance)},"policyId":${policy.id},"policyTitle":${JSON.stringify(policy.title)},"netBios":${netBios},`,
  );
}

function instancesOf(technology: Technology, luck: number): readonly string[] {
  if (technology.instances === undefined) return ['os'];
  return technology.instances.slice(0, 1 + (luck % technology.instances.length));
}
