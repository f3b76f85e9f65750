const mask = '[secret]';
/** What is shorter would be found in every other word, and is no password anybody may have. */
const minLength = 4;
/** Shorter secrets are looked for as they are only; longer ones in any case, escaped, wrapped over lines. */
const minLooseLength = 8;
/** So many characters in a row of something as long as a token are a part of it. */
const pieceLength = 12;
const tokenLength = 32;

/**
 * The secrets that a process has met, taken out of whatever it shows.
 *
 * A secret is found raw, percent-encoded (all of it or some characters), as a form or JSON has it, in base64, in any case,
 * and wrapped over lines; of a token, any twelve characters in a row are found.
 */
export class Secrets {
  /** Short ones, as they are. */
  readonly #exact = new Set<string>();
  /** In their plainest form. */
  readonly #whole = new Set<string>();
  readonly #pieces = new Set<string>();

  add(value: string): void {
    if (value.length < minLength) return;
    if (value.length < minLooseLength) {
      for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)])
        this.#exact.add(form);
      return;
    }
    const forms = [
      ...[value, encodeURIComponent(value), new URLSearchParams({ v: value }).toString().slice(2)],
      ...[JSON.stringify(value).slice(1, -1), Buffer.from(value).toString('base64').replace(/=+$/, '')],
    ];
    for (const form of forms) {
      const { text } = plainest(form);
      if (text.length >= minLength) this.#whole.add(text);
    }
    if (value.length >= tokenLength && /^[\w.~+/=-]+$/.test(value)) this.#addPieces(plainest(value).text);
  }

  /** A text with every secret, and all that looks like a token, as `[secret]`. */
  scrub(text: string): string {
    let clean = this.#whole.size > 0 ? this.#scrubLoosely(text) : text;
    for (const secret of this.#exact) clean = clean.replaceAll(secret, mask);
    return clean
      .replace(/(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${mask}`)
      .replace(/eyJ[\w-]{8,}[\w.-]*/g, mask);
  }

  #addPieces(token: string): void {
    for (let at = 0; at + pieceLength <= token.length; at += 1)
      this.#pieces.add(token.slice(at, at + pieceLength));
  }

  #scrubLoosely(given: string): string {
    const { text, starts, ends } = plainest(given);
    let clean = '';
    let from = 0;
    for (const { start, end } of this.#found(text)) {
      clean += given.slice(from, starts[start]) + mask;
      from = ends[end - 1]!;
    }
    return clean + given.slice(from);
  }

  /** Where secrets are in a text in its plainest form; ascending, and none touches another. */
  #found(text: string): { start: number; end: number }[] {
    const spans: { start: number; end: number }[] = [];
    for (const secret of this.#whole) {
      for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1))
        spans.push({ start: at, end: at + secret.length });
    }
    for (let at = 0; this.#pieces.size > 0 && at + pieceLength <= text.length; at += 1) {
      if (this.#pieces.has(text.slice(at, at + pieceLength)))
        spans.push({ start: at, end: at + pieceLength });
    }
    spans.sort((a, b) => a.start - b.start);
    const merged: { start: number; end: number }[] = [];
    for (const span of spans) {
      const last = merged.at(-1);
      if (last && span.start <= last.end) last.end = Math.max(last.end, span.end);
      else merged.push(span);
    }
    return merged;
  }
}

/**
 * A text in lower case, with percent escapes undone and without what wraps it: white space, control characters, `\n` as
 * JSON writes it.
 *
 * Yields  where each of its characters began and ended in the text, too
 */
function plainest(text: string): { text: string; starts: number[]; ends: number[] } {
  const starts: number[] = [];
  const ends: number[] = [];
  let plain = '';
  for (const { 0: one, index } of text.matchAll(/%[\da-f]{2}|\\[nrt]|[\s\S]/gi)) {
    if (/^[\s\u0000-\u001f\u007f-\u009f]$|^\\[nrt]$/i.test(one)) continue;
    const character = one.length === 3 ? String.fromCharCode(Number.parseInt(one.slice(1), 16)) : one;
    plain += character.toLowerCase().slice(0, 1);
    starts.push(index);
    ends.push(index + one.length);
  }
  return { text: plain, starts, ends };
}
