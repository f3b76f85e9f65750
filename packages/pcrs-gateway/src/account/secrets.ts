/** What is shorter would be found in every other word, and is no password anybody may have. */
const minLength = 4;

/**
 * The secrets this process has met, kept so that nothing a gateway sends back can show one.
 *
 * Each is known in the forms it travels in: raw, form-encoded, in JSON, in base64.
 */
export class Secrets {
  readonly #forms = new Set<string>();
  readonly #tell: (value: string) => void;

  /** Takes `tell`: the log's own registry, which hides secrets in everything on stderr. */
  constructor(tell: (value: string) => void) {
    this.#tell = tell;
  }

  add(value: string): void {
    if (value.length < minLength) return;
    const forms = [
      value,
      encodeURIComponent(value),
      new URLSearchParams({ v: value }).toString().slice(2),
      JSON.stringify(value).slice(1, -1),
    ];
    for (const form of new Set(forms)) {
      if (this.#forms.has(form)) continue;
      this.#forms.add(form);
      this.#tell(form);
    }
  }

  /** A text from outside with every secret, and all that looks like a token, as `[secret]`. */
  scrub(text: string): string {
    let clean = text
      .replace(/(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 [secret]')
      .replace(/eyJ[\w-]{8,}[\w.-]*/g, '[secret]');
    const longestFirst = [...this.#forms].sort((a, b) => b.length - a.length);
    for (const form of longestFirst) clean = clean.replaceAll(form, '[secret]');
    return clean;
  }
}
