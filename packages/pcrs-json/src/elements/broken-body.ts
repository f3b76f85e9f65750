/**
 * A broken body: it broke off, its gzip is damaged, its array is not closed, or its brackets do not match.
 *
 * Shape   code 'PCRS_BROKEN_BODY'; `element` counts from 1 (undefined before the first); `byte` counts from 0 in the
 *         decoded text
 */
export class BrokenBodyError extends Error {
  readonly code = 'PCRS_BROKEN_BODY';
  readonly element: number | undefined;
  readonly byte: number | undefined;

  constructor(what: string, where: { element?: number; byte?: number } = {}, options?: ErrorOptions) {
    const place = [
      ...(where.element === undefined ? [] : [`element ${where.element}`]),
      ...(where.byte === undefined ? [] : [`byte ${where.byte}`]),
    ].join(', ');
    super(place === '' ? what : `${place}: ${what}`, options);
    this.name = 'BrokenBodyError';
    this.element = where.element;
    this.byte = where.byte;
  }
}

/**
 * An element with its own top-level `kind`, where ours would go. Asking again would not help.
 *
 * Shape   code 'PCRS_GATEWAY', reason 'kind'; `value` is the member's JSON text (its first 80 bytes)
 */
export class KindTakenError extends Error {
  readonly code = 'PCRS_GATEWAY';
  readonly reason = 'kind';
  readonly value: string;

  constructor(element: number, value: string) {
    super(
      `element ${element}: the gateway sent a top-level member "kind" of its own (${value}); --untagged writes elements as sent`,
    );
    this.name = 'KindTakenError';
    this.value = value;
  }
}

/** A byte in a message. */
export function shown(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `byte 0x${byte.toString(16).padStart(2, '0')}`;
}
