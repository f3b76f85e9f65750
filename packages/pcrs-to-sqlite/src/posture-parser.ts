import { controlsTable, postureTable } from 'pcrs-records/columns';
import { BatchWriter } from './batch-writer.ts';
import type { ByteLines } from './byte-lines.ts';
import { skipSpace } from './json-text.ts';
import type { Shape } from './layout.ts';
import { MemberError } from './member-error.ts';
import { extrasSlot, type PostureBatch } from './posture-batch.ts';
import { openPostureMembers, type PostureMembers } from './posture-members.ts';

const prefix = '{"kind":"posture",';
/** Lines that cannot be a posture in disguise. */
const otherRecord = /^\{"kind":"(?:session|start|slice|end|policy|hostids)"/;

/** Records of ever new shapes are not worth remembering; they are handed on. */
const keptShapes = 1000;

/** Key columns that a record must have as whole numbers. */
const neededKeys = [...new Set([...postureTable.key, ...controlsTable.key])].filter(
  (name) => !postureTable.zeroKeys.includes(name) && !controlsTable.zeroKeys.includes(name),
);

/**
 * Parses postures apart from the database: lines in, batches out.
 *
 * It takes only what is plain: a tagged posture whose members all have columns, or are known to have none, and whose
 * keys are whole numbers. Any other line is handed on as it is, for the thread that has the database to judge.
 */
export class PostureParser {
  readonly #counts = { loneSurrogates: 0, nulCharacters: 0 };
  readonly #without = new Set<string>();
  readonly #posture: PostureMembers;
  readonly #isText: boolean[] = [];
  readonly #keySlots: readonly number[];
  readonly #technologySlot: number;
  readonly #shapes = new Map<Shape, number>();
  #newShapes: (readonly number[])[] = [];
  readonly #batch = new BatchWriter();

  /** Takes  before  columns that earlier records brought */
  constructor(before: readonly string[]) {
    this.#posture = openPostureMembers(before, this.#counts, (name) => {
      if (this.#without.has(name)) return false;
      throw new MemberError(`has a new member ${name}`);
    });
    const { members, textSlots } = this.#posture;
    members.trackChanges();
    for (const slot of textSlots) this.#isText[slot] = true;
    this.#keySlots = neededKeys.map((name) => members.slotOf(name));
    this.#technologySlot = members.slotOf('technologyId');
  }

  /** Learns what became of a member that had no column. */
  learn(name: string, hasColumn: boolean): void {
    if (hasColumn) this.#posture.members.addSlot(name, 'ANY');
    else this.#without.add(name);
  }

  /** Parses a block. */
  parse(block: ByteLines): PostureBatch {
    const { firstLine, invalidUtf8, unterminated } = block;
    Object.assign(this.#counts, { loneSurrogates: 0, nulCharacters: 0 });
    for (const [text, line] of block.records()) {
      if (unterminated || !text.startsWith(prefix) || !this.#takePosture(text, line)) {
        this.#takeLine(text, line);
      }
    }
    const batch = {
      ...this.#batch.take(),
      shapes: this.#newShapes,
      counts: { ...this.#counts },
      firstLine,
      invalidUtf8,
      unterminated,
    };
    this.#newShapes = [];
    return batch;
  }

  #takeLine(text: string, line: number): void {
    this.#batch.line(line, text);
    if (!otherRecord.test(text)) this.#posture.controlTexts.forget();
  }

  /** Whether a line was taken as a posture. */
  #takePosture(text: string, line: number): boolean {
    const { members, controlTexts } = this.#posture;
    const { loneSurrogates, nulCharacters } = this.#counts;
    try {
      const end = members.read(text, prefix.length - 1);
      if (end !== text.length && skipSpace(text, end) !== text.length) throw new SyntaxError();
      if (!this.#hasKeys()) throw new MemberError();
      if (this.#shapes.size >= keptShapes && !this.#shapes.has(members.shape)) throw new MemberError();
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof MemberError)) throw error;
      Object.assign(this.#counts, { loneSurrogates, nulCharacters });
      return false;
    }
    const withControl = !controlTexts.isStored();
    this.#batch.beginRecord(line, this.#shapeNumber(members.shape), withControl);
    const { has, slots } = members.shape;
    members.takeChanged((slot) => {
      if (this.#isText[slot]) return true;
      if (!has(slot)) return false;
      this.#batch.value(slot, members.bound(slot));
      return true;
    });
    if (withControl) {
      for (const slot of slots) if (this.#isText[slot]) this.#batch.value(slot, members.bound(slot));
      controlTexts.keep();
    }
    if (members.extras !== '') this.#batch.value(extrasSlot, members.extras);
    this.#batch.endRecord();
    return true;
  }

  #hasKeys(): boolean {
    const { members } = this.#posture;
    const isWhole = (slot: number) => typeof members.bound(slot) !== 'string' && members.bound(slot) !== null;
    for (const slot of this.#keySlots) if (!members.shape.has(slot) || !isWhole(slot)) return false;
    const technology = this.#technologySlot;
    return !members.shape.has(technology) || members.bound(technology) === null || isWhole(technology);
  }

  #shapeNumber(shape: Shape): number {
    let number = this.#shapes.get(shape);
    if (number === undefined) {
      number = this.#shapes.size;
      this.#shapes.set(shape, number);
      this.#newShapes.push(shape.slots);
    }
    return number;
  }
}
