import { hash, pick } from './hash.ts';
import type { Policy } from './policies.ts';
import type { Status } from './status-history.ts';
import type { Family } from './technologies.ts';
import { type ControlTexts, controlTexts, type Finding } from './texts.ts';
import type { WorldSize } from './world-size.ts';

/** Which evidence a record shows. */
export type EvidenceKind = 'none' | 'evidence' | 'extended';

/** One control of a policy, as pieces of a record. */
export interface PolicyControl {
  /** From `controlId` to `remediation`. */
  readonly texts: Buffer;
  /** `controlReference` and the name of `technologyId`. */
  readonly reference: string;
  readonly criticality: string;
  /** Its share of failures, relative to the policy's. */
  readonly weight: number;
  readonly inactive: boolean;
  readonly passed: readonly Buffer[];
  readonly failed: readonly Buffer[];
  readonly error: readonly Buffer[];
}

const levels = [
  { label: 'URGENT', value: 5, weight: 0.45 },
  { label: 'CRITICAL', value: 4, weight: 0.7 },
  { label: 'SERIOUS', value: 3, weight: 1 },
  { label: 'MEDIUM', value: 2, weight: 1.3 },
  { label: 'MINIMAL', value: 1, weight: 1.6 },
] as const;

const POLICIES_KEPT = 64;

type Pieces = Pick<PolicyControl, 'texts' | 'passed' | 'failed' | 'error'>;

/** The controls of each policy, made on first use; keeps those of the policies used last. */
export class PolicyControls {
  readonly #size: WorldSize;
  readonly #pieces = new Map<string, Pieces>();
  readonly #kept = new Map<string, readonly PolicyControl[]>();

  constructor(size: WorldSize) {
    this.#size = size;
  }

  /** A policy's first controls for one family of technologies; default: as many as the world gives each policy. */
  of(
    policy: Policy,
    family: Family,
    evidence: EvidenceKind,
    count = this.#size.controls,
  ): readonly PolicyControl[] {
    const key = `${policy.index} ${family} ${evidence} ${count}`;
    const found = this.#kept.get(key);
    if (found !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, found);
      return found;
    }
    const made = Array.from({ length: count }, (_, n) => this.#make(policy, family, evidence, n));
    this.#kept.set(key, made);
    if (this.#kept.size > POLICIES_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    return made;
  }

  #make(policy: Policy, family: Family, evidence: EvidenceKind, n: number): PolicyControl {
    const { seed, controls } = this.#size;
    const first = hash(seed, policy.index, 0, 51) % Math.max(1, Math.floor(controls / 4));
    const luck = hash(seed, policy.index, n, 52);
    const level = pick(levels, hash(seed, first + n, 0, 53) + (luck % 16 === 0 ? 1 : 0));
    const reference = JSON.stringify(referenceOf(policy, n, luck));
    return {
      ...this.#piecesOf(family, first + n, evidence),
      reference: `,"controlReference":${reference},"technologyId":`,
      criticality: `,"criticality":${luck % 89 === 7 ? 'null' : `{"label":"${level.label}","value":${level.value}}`}`,
      weight: level.weight,
      inactive: n % 17 === 16,
    };
  }

  #piecesOf(family: Family, n: number, evidence: EvidenceKind): Pieces {
    const key = `${family} ${n} ${evidence}`;
    let pieces = this.#pieces.get(key);
    if (pieces === undefined) {
      const texts = controlTexts(this.#size.seed, family, n);
      const bytes = (finding: Finding) => findingBytes(finding, evidence, texts);
      pieces = {
        texts: textBytes(texts),
        passed: texts.passed.map(bytes),
        failed: texts.failed.map(bytes),
        error: [bytes(texts.error)],
      };
      this.#pieces.set(key, pieces);
    }
    return pieces;
  }
}

/** The evidence of a posture, by its status and luck. */
export function findingOf(control: PolicyControl, status: Status, luck: number): Buffer {
  const found = { 0: control.passed, 1: control.failed, 2: control.error, 3: control.failed }[status];
  return pick(found, luck >>> 19);
}

function textBytes(texts: ControlTexts): Buffer {
  return Buffer.from(
    `"controlId":${texts.controlId},"controlStatement":${JSON.stringify(texts.statement)},"rationale":${JSON.stringify(texts.rationale)},"remediation":${JSON.stringify(texts.remediation)}`,
  );
}

/** From `evidence` to the name of `CLOUD_RESOURCE_ID`. */
function findingBytes(finding: Finding, kind: EvidenceKind, texts: ControlTexts): Buffer {
  const evidence = kind === 'none' ? 'null' : kind === 'extended' ? finding.extended : finding.evidence;
  const shown = `,"evidence":${evidence},"causeOfFailure":${finding.cause}`;
  const size = ((shown.length + texts.remediation.length + texts.rationale.length + 1100) / 1024).toFixed(2);
  return Buffer.from(
    `${shown},"currentDataSizeKB":"${size}","totalDataSizeKB":"${size}","currentBatch":1,"totalBatches":1,"CLOUD_RESOURCE_ID":`,
  );
}

function referenceOf(policy: Policy, n: number, luck: number): string | null {
  if (luck % 61 === 9) return null;
  if (luck % 61 === 10) return '';
  if (policy.title.startsWith('DISA'))
    return `SV-${220_000 + policy.index * 1000 + n}r${800_000 + (luck % 90_000)}_rule`;
  if (policy.title.startsWith('PCI'))
    return `Req. ${1 + (n % 12)}.${1 + (luck % 9)}.${1 + ((luck >>> 4) % 6)}`;
  return `${1 + Math.floor(n / 25)}.${1 + (Math.floor(n / 5) % 5)}.${1 + (n % 5)}${luck % 3 === 0 ? `.${1 + (luck % 7)}` : ''}`;
}
