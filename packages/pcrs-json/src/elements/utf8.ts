import { isUtf8 } from 'node:buffer';

const replacing = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** Number of bytes at the end of `bytes` that begin a character which the next chunk may finish (0 to 3). */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

function countReplacements(bytes: Uint8Array): number {
  const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = found.indexOf('\ufffd'); at >= 0; at = found.indexOf('\ufffd', at + 3)) count++;
  return count;
}

/**
 * Valid UTF-8 from bytes in any chunking; invalid bytes become U+FFFD, as in the WHATWG decoder.
 *
 * Takes   chunks; valid ones are returned as they are, without a copy
 * Yields  per push the bytes decided so far: a character cut by the chunk's end comes with the next push
 */
export class Utf8Mender {
  /** Number of U+FFFD inserted. */
  replaced = 0;
  #carry: Uint8Array = NOTHING;

  push(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length === 0) return [];
    const carried = this.#carry.length > 0;
    const bytes = carried ? Buffer.concat([this.#carry, chunk]) : chunk;
    const tail = unfinished(bytes);
    // copied, because the caller may reuse its chunk's memory
    this.#carry = tail === 0 ? NOTHING : new Uint8Array(bytes.subarray(bytes.length - tail));
    const sure = tail === 0 ? bytes : bytes.subarray(0, bytes.length - tail);
    if (sure.length === 0) return [];
    return [isUtf8(sure) ? sure : this.#mend(sure)];
  }

  end(): Uint8Array[] {
    const rest = this.#carry;
    this.#carry = NOTHING;
    return rest.length === 0 ? [] : [this.#mend(rest)];
  }

  #mend(bytes: Uint8Array): Uint8Array {
    const mended = encoder.encode(replacing.decode(bytes));
    this.replaced += countReplacements(mended) - countReplacements(bytes);
    return mended;
  }
}
