import type { Block } from './line-buffer.ts';
import { type Replaced, replacedWords } from './replaced.ts';
import { ElementSplitter, type SplitterOptions } from './splitter.ts';

export type { Block } from './line-buffer.ts';
export type { SplitterOptions } from './splitter.ts';
export { ElementSplitter } from './splitter.ts';

const PIECE_BYTES = 256 << 10;

/**
 * The elements of a JSON array as blocks of NDJSON lines, from bytes; see ElementSplitter.
 *
 * Takes   body     the decoded text, in any chunking; several arrays in a row and an empty text are valid
 *         kind     added to each element as its first member; absent: elements as sent
 * Yields  blocks of whole lines with their number: a first one of some 16 KiB, later ones of 256 KiB
 * Throws  BrokenBodyError, KindTakenError; lines already yielded stand
 */
export async function* elements(
  body: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: SplitterOptions = {},
): AsyncGenerator<Block, { elements: number } & Replaced> {
  const splitter = new ElementSplitter(options);
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const block = splitter.push(chunk.subarray(at, at + PIECE_BYTES));
      if (block !== undefined) yield block;
    }
  }
  const last = splitter.end();
  if (last !== undefined) yield last;
  return {
    elements: splitter.elements,
    controlCharacters: splitter.controlCharacters,
    invalidUtf8: splitter.invalidUtf8,
  };
}

/**
 * The elements of a JSON array as text, one line each; see `elements`.
 *
 * Takes  onReplaced  called with a sentence if characters were changed
 */
export async function* elementLines(
  body: Uint8Array,
  kind: string | undefined,
  onReplaced: (words: string) => void = () => {},
): AsyncGenerator<string> {
  const blocks = elements(body, kind === undefined ? {} : { kind });
  let next = await blocks.next();
  for (; !next.done; next = await blocks.next()) {
    yield* new TextDecoder().decode(next.value.bytes).split('\n').slice(0, -1);
  }
  const words = replacedWords(next.value);
  if (words !== undefined) onReplaced(words);
}
