/** Items by key, each made once and then referred to by its place. */
export class Interned<K, V> {
  readonly values: V[] = [];
  readonly #places = new Map<K, number>();

  /** The place of an item, made if new. */
  place(key: K, make: () => V): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.values.length);
    return this.values.push(make()) - 1;
  }

  /** The item itself, made if new. */
  at(key: K, make: () => V): V {
    return this.values[this.place(key, make)]!;
  }

  has(key: K): boolean {
    return this.#places.has(key);
  }
}
