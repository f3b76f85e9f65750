/** Whole numbers in a row, in memory that is kept from one row to the next. */
export class NumberList {
  #numbers = new Int32Array(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  /** A number that was pushed. */
  get(place: number): number {
    return this.#numbers[place] as number;
  }

  /** Replaces a number that was pushed. */
  put(place: number, number: number): void {
    this.#numbers[place] = number;
  }

  /** A copy of them; a new row begins. */
  take(): Int32Array<ArrayBuffer> {
    const taken = this.#numbers.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}
