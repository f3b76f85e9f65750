import type { Block } from 'pcrs-gateway/elements';
import type { Gateway } from 'pcrs-gateway/gateway';
import { codedError } from 'pcrs-records/errors';
import { describeSlice } from './outcome.ts';
import { checksum, LineMemory, linesOf, type Proof, prove, type Written } from './prove.ts';
import type { Slice } from './slices.ts';
import type { Part } from './spool.ts';

/** A body that an earlier run has proven, by its line in the manifest. */
export interface KeptBody {
  part: Part;
  file: string;
  records: number;
  bytes: number;
  sha256: string;
}

/** Where bodies wait until they are written: the spool, or an archive. */
export interface Store {
  /** Where the bodies stay, so that a later run can go on; undefined where they are gone with this one. */
  readonly directory?: string;
  /** A new place for the body of a slice that is being asked for. */
  open(slice: Slice): Promise<Part>;
  /** The body is proven. Yields its file's name in the archive, or null. */
  keep(slice: Slice, part: Part, proof: Proof, askedAt: Date): Promise<string | null>;
  /** A body that an earlier run has proven. */
  kept?(slice: Slice): Promise<KeptBody | undefined>;
  /** Whether an earlier run went on to the halves of this slice. */
  wasHalved?(slice: Slice): boolean;
  /** What was kept of this slice is damaged. */
  forget?(slice: Slice): Promise<void>;
  /** This slice is asked for in halves from here on. */
  halved?(slice: Slice): Promise<void>;
}

/** A slice whose body is proven whole and waits to be written. */
export interface ProvenSlice {
  slice: Slice;
  proof: Proof;
  /** In the archive, or null. */
  file: string | null;
  /** It came from the archive; nobody was asked. */
  replayed: boolean;
  /** The records, one a line; only while the slice is at hand, and each block only until the next is asked for. */
  blocks(): AsyncIterable<Block>;
}

export interface AskOptions {
  /** Undefined: only what the store has kept is taken. */
  gateway: Pick<Gateway, 'ask'> | undefined;
  path: string;
  parameters: Record<string, string>;
  /** What records are tagged with; undefined: they are written as sent. */
  kind: string | undefined;
  store: Store;
  warn(message: string): void;
}

/** Asks for one slice, or takes it from the store, and proves it whole. */
export class Asker {
  readonly #options: AskOptions;
  readonly #memory = new LineMemory();
  readonly #parts = new WeakMap<ProvenSlice, Part>();
  /** Set to end the requests in flight at their next bytes. */
  stopped = false;

  constructor(options: AskOptions) {
    this.#options = options;
  }

  /**
   * Takes   tries   broken bodies and 5xx until it is given up; undefined: as --retries says
   * Yields  undefined where the store has not kept it and there is nobody to ask
   * Throws  GatewayError; PCRS_INCOMPLETE where the store's copy is damaged and there is nobody to ask
   */
  async ask(slice: Slice, tries: number | undefined): Promise<ProvenSlice | undefined> {
    return (
      (await this.#fromStore(slice)) ??
      (this.#options.gateway && this.#fromGateway(this.#options.gateway, slice, tries))
    );
  }

  /** A slice that has no records; its body broke before the first byte each time. */
  async nothing(slice: Slice): Promise<ProvenSlice> {
    this.#options.warn(
      `${describeSlice(slice)}: no data, or the connection dropped; --strict makes this a failure`,
    );
    const part = await this.#options.store.open(slice);
    return this.#keep(slice, part, await prove(nobody(), part, undefined, this.#memory), new Date());
  }

  /** Frees what the slice holds. */
  async letGo(proven: ProvenSlice): Promise<void> {
    this.#memory.giveBack(proven.proof.lines ?? []);
    await this.#parts.get(proven)?.discard();
  }

  async #fromGateway(
    gateway: Pick<Gateway, 'ask'>,
    slice: Slice,
    tries: number | undefined,
  ): Promise<ProvenSlice> {
    const { path, parameters, kind, store } = this.#options;
    let askedAt = new Date();
    const request = {
      ...({ endpoint: 'postureInfo', method: 'POST', path, query: parameters, body: slice.body } as const),
      what: describeSlice(slice),
      ...(tries === undefined ? {} : { bodyTries: tries }),
    };
    const received = await gateway.ask(request, async ({ body }) => {
      askedAt = new Date();
      const part = await store.open(slice);
      try {
        return { part, proof: await prove(this.#unlessStopped(body), part, kind, this.#memory) };
      } catch (error) {
        await part.discard();
        throw error;
      }
    });
    return this.#keep(slice, received.part, received.proof, askedAt);
  }

  async #keep(slice: Slice, part: Part, proof: Proof, askedAt: Date): Promise<ProvenSlice> {
    this.#warnOfChanges(slice, proof);
    return this.#proven(slice, part, proof, await this.#options.store.keep(slice, part, proof, askedAt));
  }

  async #fromStore(slice: Slice): Promise<ProvenSlice | undefined> {
    const { store, gateway, warn } = this.#options;
    let file = `the body of ${describeSlice(slice)}`;
    let part: Part | undefined;
    try {
      const kept = await store.kept?.(slice);
      if (kept === undefined) return undefined;
      ({ file, part } = kept);
      if ((await checksum(kept.part.read())) === kept.sha256) return this.#replayed(slice, kept);
      throw codedError('PCRS_MACHINE', 'its SHA-256 is not the one in the manifest');
    } catch (error) {
      await part?.discard();
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'PCRS_MACHINE') throw error;
      if (gateway === undefined) throw codedError('PCRS_INCOMPLETE', `${file} is damaged: ${message}`);
      warn(`${file} is damaged and asked for again: ${message}`);
      await store.forget?.(slice);
      return undefined;
    }
  }

  #proven(slice: Slice, part: Part, proof: Proof, file: string | null): ProvenSlice {
    const { kind } = this.#options;
    const blocks = async function* (): AsyncGenerator<Block> {
      if (proof.lines !== undefined) yield* proof.lines;
      else yield* linesOf(part.read(), kind);
    };
    return this.#with(part, { slice, proof, file, replayed: false, blocks });
  }

  /** What is changed in its lines is told when they are written. */
  #replayed(slice: Slice, { part, file, records, bytes, sha256 }: KeptBody): ProvenSlice {
    const lines = () => linesOf(part.read(), this.#options.kind);
    const warn = (written: Written): void => this.#warnOfChanges(slice, written);
    const blocks = async function* (): AsyncGenerator<Block> {
      const written = yield* lines();
      warn(written);
      if (written.records === records) return;
      const wrong = `${file} holds ${written.records} records, and by the manifest ${records}`;
      throw codedError('PCRS_INCOMPLETE', wrong);
    };
    const proof = { records, bytes, sha256, controlCharacters: 0, invalidUtf8: 0, lines: undefined };
    return this.#with(part, { slice, proof, file, replayed: true, blocks });
  }

  #with(part: Part, proven: ProvenSlice): ProvenSlice {
    this.#parts.set(proven, part);
    return proven;
  }

  #warnOfChanges(slice: Slice, { controlCharacters, invalidUtf8 }: Written): void {
    const changes = [
      ...(controlCharacters > 0
        ? [`${controlCharacters} raw control characters were written as escapes`]
        : []),
      ...(invalidUtf8 > 0 ? [`${invalidUtf8} invalid UTF-8 sequences were replaced by U+FFFD`] : []),
    ];
    if (changes.length > 0) this.#options.warn(`${describeSlice(slice)}: ${changes.join(', ')}`);
  }

  async *#unlessStopped(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (this.stopped) throw codedError('PCRS_INTERRUPTED', 'the stage has stopped');
      yield chunk;
    }
  }
}

async function* nobody(): AsyncGenerator<Uint8Array> {}
