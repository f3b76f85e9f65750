/** Things by their key, each made once and then known by its place. */
export class Interned<K, V> {
  readonly values: V[] = [];
  readonly #places = new Map<K, number>();

  /** The place of a thing, made if it is new. */
  place(key: K, make: () => V): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.values.length);
    return this.values.push(make()) - 1;
  }

  /** The same, as the thing itself. */
  at(key: K, make: () => V): V {
    return this.values[this.place(key, make)]!;
  }

  has(key: K): boolean {
    return this.#places.has(key);
  }
}
