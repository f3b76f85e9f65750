import { detached } from './byte-lines.ts';
import type { Expected, Members } from './members.ts';

/** A control as it was stored last, by its members' JSON texts. */
interface Control extends Expected {
  readonly key: readonly string[];
}

/** Characters that are kept: the texts of some thousand controls. */
const keptCharacters = 4 * 1024 * 1024;

/**
 * The controls stored last, so that the long texts, which come again with every posture, are neither
 * converted nor bound again.
 *
 * Once a record's `controlId` is read, its texts are known in advance and only compared. What is kept is
 * bounded: half of it is forgotten when it is full, and a control forgotten is simply stored once more.
 */
export class ControlTexts {
  readonly #members: Members;
  readonly #keySlots: readonly [number, number, number];
  readonly #textSlots: readonly number[];
  #young = new Map<string, Control>();
  #old = new Map<string, Control>();
  #characters = 0;
  #expected: Control | undefined;

  /**
   * Takes  keySlots   of policyId, controlId and technologyId; the first two lead to what is expected
   *        textSlots  of the texts
   */
  constructor(members: Members, keySlots: readonly [number, number, number], textSlots: readonly number[]) {
    this.#members = members;
    this.#keySlots = keySlots;
    this.#textSlots = textSlots;
    members.watch(keySlots[1], textSlots, () => this.#expect());
  }

  /** Whether the control of the record read last is stored exactly so. */
  isStored(): boolean {
    const { raws, shape } = this.#members;
    const expected = this.#expected;
    const control = expected && this.#hasKey(expected) ? expected : this.#find(this.#key().join());
    if (control === undefined || (control !== expected && !this.#hasKey(control))) return false;
    for (let index = 0; index < this.#textSlots.length; index += 1) {
      const slot = this.#textSlots[index] as number;
      if (raws[slot] !== control.texts[index] && shape.has(slot)) return false;
    }
    return true;
  }

  /** Remembers the control of the record read last as stored. */
  keep(): void {
    const { raws, shape } = this.#members;
    const key = this.#key();
    const texts: (string | undefined)[] = [];
    let characters = 0;
    for (const slot of this.#textSlots) {
      if (!shape.has(slot)) {
        texts.push(undefined);
        continue;
      }
      if (!this.#members.isVerbatim(slot)) {
        this.#drop(key);
        return;
      }
      const text = detached(raws[slot] as string);
      texts.push(text);
      characters += text.length;
    }
    const control: Control = { key: key.map(detached), texts };
    this.#young.set(control.key.join(), control);
    this.#young.set(control.key.slice(0, 2).join(), control);
    this.#characters += characters;
    if (this.#characters < keptCharacters / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#characters = 0;
  }

  /** Forgets a control: what is stored of it now cannot be compared with. */
  #drop(key: readonly string[]): void {
    for (const name of [key.join(), key.slice(0, 2).join()]) {
      this.#young.delete(name);
      this.#old.delete(name);
    }
  }

  /** Forgets all: someone else may have stored other texts. */
  forget(): void {
    this.#young.clear();
    this.#old.clear();
    this.#characters = 0;
    this.#expected = undefined;
  }

  #expect(): Control | undefined {
    const { raws } = this.#members;
    const [policyId, controlId] = this.#keySlots;
    this.#expected = this.#find(`${raws[policyId]},${raws[controlId]}`);
    return this.#expected;
  }

  /** Whether the record read last is of this control. */
  #hasKey({ key }: Control): boolean {
    for (let index = 0; index < 3; index += 1) {
      if (this.#keyText(this.#keySlots[index] as number) !== key[index]) return false;
    }
    return true;
  }

  #key(): string[] {
    return this.#keySlots.map((slot) => this.#keyText(slot));
  }

  #keyText(slot: number): string {
    return this.#members.shape.has(slot) ? (this.#members.raws[slot] as string) : '0';
  }

  #find(key: string): Control | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }
}
