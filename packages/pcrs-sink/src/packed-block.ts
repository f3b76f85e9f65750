import type { Block } from './block-scanner.ts';

/** A block in one buffer, to be sent to another thread: places, extras, sums, bytes. */
export interface PackedBlock extends Pick<Block, 'count' | 'width' | 'unended'> {
  readonly buffer: ArrayBuffer;
  readonly extraWords: number;
  /** Length of the bytes. */
  readonly length: number;
}

const unit = 256 * 1024;

/** Takes  buffers  for reuse; one that is large enough is removed from the list */
export function packed(block: Block, buffers: ArrayBuffer[]): PackedBlock {
  const { places, extras, sums, bytes, count, width, unended } = block;
  const buffer = takeBuffer(buffers, 4 * (places.length + extras.length + count) + bytes.length);
  const shape = { buffer, count, width, unended, extraWords: extras.length, length: bytes.length };
  const copy = unpacked(shape);
  copy.places.set(places);
  copy.extras.set(extras);
  copy.sums.set(sums);
  copy.bytes.set(bytes);
  return shape;
}

export function unpacked({ buffer, length, extraWords, ...lines }: PackedBlock): Block {
  const words = lines.count * lines.width;
  const sums = 4 * (words + extraWords);
  return {
    ...lines,
    places: new Int32Array(buffer, 0, words),
    extras: new Int32Array(buffer, 4 * words, extraWords),
    sums: new Uint32Array(buffer, sums, lines.count),
    bytes: Buffer.from(buffer, sums + 4 * lines.count, length),
  };
}

/** A large enough buffer from the list, or a new one; sizes are rounded up, so that it fits the next block too. */
export function takeBuffer(buffers: ArrayBuffer[], bytes: number): ArrayBuffer {
  const found = buffers.findIndex(({ byteLength }) => byteLength >= bytes);
  const [buffer] = found < 0 ? [] : buffers.splice(found, 1);
  return buffer ?? new ArrayBuffer(Math.ceil((1.25 * bytes) / unit) * unit);
}
