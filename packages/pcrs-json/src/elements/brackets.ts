/** The open brackets, one bit per level: as deep as memory allows. */
export class Brackets {
  depth = 0;
  /** 1 for an object. */
  #objects = new Uint8Array(16);

  open(object: boolean): void {
    const depth = this.depth++;
    const byte = depth >> 3;
    if (byte >= this.#objects.length) {
      const wider = new Uint8Array(this.#objects.length * 2);
      wider.set(this.#objects);
      this.#objects = wider;
    }
    const bit = 1 << (depth & 7);
    if (object) this.#objects[byte]! |= bit;
    else this.#objects[byte]! &= ~bit;
  }

  /** Whether the closed bracket was an object's. */
  close(): boolean {
    const depth = --this.depth;
    return (this.#objects[depth >> 3]! & (1 << (depth & 7))) !== 0;
  }
}
