import { forms, headerWords } from '../places.ts';
import { textOf } from '../values.ts';
import { elementSlots } from './element-scan.ts';

/** Called with the digits of an element's `policyId` and `hostId`; undefined for a missing or invalid one. */
export type OnPair = (policyId: string | undefined, hostId: string | undefined) => void;

/** Reads the ids of elements from their rows of places. */
export class PairReader {
  readonly #onPair: OnPair;
  readonly #policyIds = new IdReader();
  readonly #hostIds = new IdReader();

  constructor(onPair: OnPair) {
    this.#onPair = onPair;
  }

  read(bytes: Buffer, places: Int32Array, row: number): void {
    const policy = row + headerWords + 2 * elementSlots.policyId;
    const host = row + headerWords + 2 * elementSlots.hostId;
    this.#onPair(
      this.#policyIds.digits(bytes, places[policy]!, places[policy + 1]!),
      this.#hostIds.digits(bytes, places[host]!, places[host + 1]!),
    );
  }
}

/**
 * Digits of one member, element after element; neighbours mostly share the same id, which is then not decoded again.
 */
class IdReader {
  #bytes: Uint8Array = Buffer.alloc(0);
  #form = -1;
  #digits: string | undefined;

  /** Digits of a number or a string, from its place (see places.ts); undefined if missing or invalid. */
  digits(bytes: Buffer, start: number, endAndForm: number): string | undefined {
    const form = endAndForm & 15;
    const end = endAndForm >> 4;
    if (form === this.#form && this.#isSame(bytes, start, end)) return this.#digits;
    this.#form = form;
    this.#bytes = Buffer.from(bytes.subarray(start, end));
    const isText = form === forms.integer || form === forms.number || form >= forms.string;
    const text = isText ? textOf(bytes, start, endAndForm) : '';
    this.#digits = /^\d+$/.test(text) ? text : undefined;
    return this.#digits;
  }

  #isSame(bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== this.#bytes.length) return false;
    for (let at = start; at < end; at++) if (bytes[at] !== this.#bytes[at - start]) return false;
    return true;
  }
}
