const pageBytes = 256 * 1024;

/** Lines as UTF-8: each is encoded at once, so that the pieces it was put together from are soon forgotten. */
export class LineBytes {
  #page = Buffer.allocUnsafe(pageBytes);
  #length = 0;
  #full: Uint8Array[] = [];

  add(line: string): void {
    const most = 3 * line.length;
    if (this.#length + most > this.#page.length) this.#turn(most);
    this.#length += this.#page.write(line, this.#length);
  }

  /** What was added since the last call. */
  take(): Uint8Array[] {
    if (this.#length > 0) this.#turn(0);
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  #turn(atLeast: number): void {
    if (this.#length > 0) this.#full.push(this.#page.subarray(0, this.#length));
    this.#page = Buffer.allocUnsafe(Math.max(pageBytes, atLeast));
    this.#length = 0;
  }
}
