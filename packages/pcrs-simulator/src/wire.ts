import type { ServerResponse } from 'node:http';
import { pipeline as pipe, Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { constants, createGzip, gzipSync } from 'node:zlib';
import type { Answer } from './answers.ts';
import { type Fault, numberOf } from './faults.ts';

/** How an answer's bytes are sent. */
export interface Wire {
  readonly gzipLevel: number;
  /** Each piece of the body is its own gzip member. */
  readonly gzipMembers: boolean;
  readonly encoding: 'none' | 'gzip' | 'double' | 'false';
  readonly chunkBytes: number | undefined;
  readonly faults: readonly Fault[];
}

type Bytes = AsyncIterable<Buffer> | Iterable<Buffer>;
type Stage = (source: Bytes) => AsyncIterable<Buffer>;

/**
 * Sends an answer, compressed, damaged and cut as told, with backpressure.
 *
 * Yields  the number of body bytes written, also when it throws (by `count`)
 * Throws  if the connection ends before the answer, whoever ended it
 */
export async function send(
  response: ServerResponse,
  answer: Answer,
  wire: Wire,
  count: (bytes: number) => void,
): Promise<void> {
  const { body } = answer;
  const layers = gzipLayers(answer, wire);
  const stages = stagesOf(response, wire, layers > 0);
  const headers = { ...answer.headers };
  if (wire.encoding !== 'none' && !(body instanceof Buffer)) headers['Content-Encoding'] = 'gzip';
  if (body instanceof Buffer && stages.length === 0 && !answer.broken) {
    count(body.length);
    response.writeHead(
      answer.status,
      answer.status === 204 ? headers : { ...headers, 'Content-Length': body.length },
    );
    response.end(body);
    return finished(response);
  }
  response.writeHead(answer.status, headers);
  if (answer.broken) return breakOff(response);
  let bytes: Bytes = body instanceof Buffer ? [body] : (body as Iterable<Buffer>);
  for (let layer = 0; layer < layers; layer++)
    bytes = layer === 0 ? gzipped(bytes, wire) : gzipStream(bytes, wire);
  for (const stage of stages) bytes = stage(bytes);
  await pipeline(counted(bytes, count), response);
}

/** Layers of compression: the gateway's gzip file, and a declared coding around it. */
function gzipLayers({ body, gzip }: Answer, { encoding }: Wire): number {
  if (body instanceof Buffer || encoding === 'false') return 0;
  if (encoding === 'double') return (gzip ? 1 : 0) + 1;
  return gzip || encoding === 'gzip' ? 1 : 0;
}

function gzipped(source: Bytes, wire: Wire): Bytes {
  return wire.gzipMembers ? memberEach(source, wire) : gzipStream(source, wire);
}

function* memberEach(source: Bytes, { gzipLevel }: Wire): Generator<Buffer> {
  for (const piece of source as Iterable<Buffer>) yield gzipSync(piece, { level: gzipLevel });
}

function gzipStream(source: Bytes, { gzipLevel }: Wire): Readable {
  const gzip = createGzip({ level: gzipLevel, chunkSize: 65_536, memLevel: constants.Z_MAX_MEMLEVEL });
  // Errors reach the reader of gzip, so the callback has nothing to do.
  pipe(Readable.from(source, { objectMode: true, highWaterMark: 1 }), gzip, () => {});
  return gzip;
}

async function* counted(source: Bytes, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    count(piece.length);
    yield piece;
  }
}

function stagesOf(response: ServerResponse, wire: Wire, gzip: boolean): Stage[] {
  const stages: Stage[] = [];
  for (const { kind, value, options } of wire.faults) {
    const after = numberOf(options['after'], 0);
    if (kind === 'corrupt' && gzip)
      stages.push((source) => corrupted(source, value ?? 'flip', options['at']));
    if (kind === 'drip') {
      const every = numberOf(options['every'], 10);
      stages.push((source) => dripped(source, response, numberOf(value, 1), every, after));
    }
    if (kind === 'hang' && value === 'body') stages.push((source) => hung(source, response, after));
    if (kind === 'cut')
      stages.push((source) => cut(source, response, Number(value), options['how'] ?? 'destroy'));
  }
  const size = wire.chunkBytes;
  if (size !== undefined) stages.unshift((source) => sized(source, size));
  return stages;
}

async function* sized(source: Bytes, size: number): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    for (let at = 0; at < piece.length; at += size) yield piece.subarray(at, at + size);
  }
}

/** Splits a stream at a byte: `before` gets the part up to it, once. */
async function* upTo(source: Bytes, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const piece of source) {
    if (piece.length >= left) {
      if (left > 0) yield piece.subarray(0, left);
      return;
    }
    left -= piece.length;
    yield piece;
  }
}

async function* cut(
  source: Bytes,
  response: ServerResponse,
  bytes: number,
  how: string,
): AsyncGenerator<Buffer> {
  yield* upTo(source, bytes);
  if (how === 'end') return;
  response.flushHeaders();
  await flushed(response);
  if (how === 'chunk') response.socket?.write('this is no chunk size\r\n');
  await breakOff(response);
}

async function* hung(source: Bytes, response: ServerResponse, bytes: number): AsyncGenerator<Buffer> {
  yield* upTo(source, bytes);
  response.flushHeaders();
  await closed(response);
}

async function* dripped(
  source: Bytes,
  response: ServerResponse,
  size: number,
  everyMs: number,
  after: number,
): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const piece of source) {
    let at = Math.max(0, Math.min(piece.length, after - seen));
    seen += piece.length;
    if (at > 0) yield piece.subarray(0, at);
    for (; at < piece.length; at += size) {
      if (response.destroyed) return;
      yield piece.subarray(at, at + size);
      await sleep(everyMs);
    }
  }
}

const TRAILER = 8;

async function* corrupted(source: Bytes, how: string, at: string | undefined): AsyncGenerator<Buffer> {
  let seen = 0;
  let held = Buffer.alloc(0);
  for await (const original of source) {
    const piece = Buffer.from(original);
    const place = how === 'header' ? 2 : how === 'flip' ? numberOf(at, 10 + (piece.length >> 1)) - seen : -1;
    if (place >= 0 && place < piece.length && (at !== undefined || seen < 1024)) {
      piece[place] = (piece[place] as number) ^ 0xff;
    }
    seen += piece.length;
    held = Buffer.concat([held, piece]);
    yield held.subarray(0, Math.max(0, held.length - TRAILER));
    held = held.subarray(Math.max(0, held.length - TRAILER));
  }
  if (how === 'crc') held[0] = (held[0] as number) ^ 0x55;
  if (how === 'size') held[4] = (held[4] as number) ^ 0x55;
  yield how === 'tail' ? Buffer.concat([held, Buffer.from('<html>504 Gateway Time-out</html>')]) : held;
}

/** Ends the connection once the system has what was written. */
async function breakOff(response: ServerResponse): Promise<void> {
  response.flushHeaders();
  await flushed(response);
  response.socket?.destroy();
  await closed(response);
}

async function flushed(response: ServerResponse): Promise<void> {
  while (!response.destroyed && (response.writableLength > 0 || (response.socket?.writableLength ?? 0) > 0)) {
    await sleep(2);
  }
}

/** Resolves when the connection has ended. */
export async function closed(response: ServerResponse): Promise<void> {
  if (response.destroyed || response.closed) return;
  await new Promise<void>((resolve) => response.once('close', resolve));
}
