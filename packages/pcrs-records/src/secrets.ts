const mask = '[secret]';
/** A shorter text would match inside ordinary words, and nobody has so short a password. */
const minLength = 4;
/** Shorter secrets are matched literally; longer ones in any case, escaped, or wrapped over lines. */
const minLooseLength = 8;
/** Any run of this many characters from a token-length secret counts as part of it. */
const pieceLength = 12;
const tokenLength = 32;

/**
 * The secrets a process has seen; removes them from everything it shows.
 *
 * A secret is found raw, percent-encoded (wholly or in part), in its form or JSON encoding, in base64, in any
 * case, and wrapped over lines. Of a token, any twelve consecutive characters are found.
 */
export class Secrets {
  /** Short secrets, literal. */
  readonly #exact = new Set<string>();
  /** Longer secrets, in the form that `plainest` returns. */
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

  /** A text with every secret, and everything that looks like a token, replaced by `[secret]`. */
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

  /** Spans of secrets in a text returned by `plainest`; ascending, none touching another. */
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
 * A text in lower case, percent escapes decoded, without anything that wraps it: white space, control
 * characters, and `\n` as JSON writes it.
 *
 * Yields  also start and end of each character in the original text
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
