import { counted } from 'pcrs-records/counted';
import type { ProvenSlice } from './ask.ts';

/** Detects requests without a date filter that get no records at all, which is suspicious. */
export class Emptiness {
  /** Hosts of slices without records; unused once any slice has records. */
  readonly #hosts = new Set<string>();
  readonly #silentHosts = new Set<string>();
  #silentSlices = 0;
  #records = false;

  see({ slice, proof, silent }: ProvenSlice): void {
    if (silent) this.#silentSlices += 1;
    this.#records ||= proof.records > 0;
    if (this.#records) this.#hosts.clear();
    for (const { hostIds } of slice.policies) {
      for (const host of hostIds) {
        if (!this.#records) this.#hosts.add(host);
        if (silent) this.#silentHosts.add(host);
      }
    }
  }

  /** The finding in words, if there is one. */
  get found(): string | undefined {
    if (this.#silentSlices > 0) {
      const slices = counted(this.#silentSlices, 'slice');
      return `${slices} got status 200 without a single byte (${hosts(this.#silentHosts)}), read as no data`;
    }
    if (this.#records || this.#hosts.size === 0) return undefined;
    return `no posture records for ${hosts(this.#hosts)}, although no date filter is set; may this user see them?`;
  }
}

function hosts({ size }: ReadonlySet<string>): string {
  return counted(size, 'host');
}
