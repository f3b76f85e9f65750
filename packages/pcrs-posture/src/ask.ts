import type { Gateway } from 'pcrs-gateway/gateway';
import type { Block } from 'pcrs-json/elements';
import { replacedWords } from 'pcrs-json/replaced';
import { counted } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import { describeSlice } from './outcome.ts';
import { checksum, foreignIn, LineMemory, linesOf, type Proof, prove, type Written } from './prove.ts';
import type { Slice } from './slices.ts';
import type { Part } from './spool.ts';

/** A body that an earlier run has proven, from its manifest line. */
export interface KeptBody {
  part: Part;
  file: string;
  records: number;
  bytes: number;
  sha256: string;
  /** Another slice of the archive has the same body. */
  shared: boolean;
}

/** Keeps bodies until they are written: the spool, or an archive. */
export interface Store {
  /** Directory that keeps the bodies for a later run; undefined if they end with this one. */
  readonly directory?: string;
  /** A place for the body of a slice being asked for. */
  open(slice: Slice): Promise<Part>;
  /** Keeps a proven body. Yields its file name in the archive, or null. */
  keep(slice: Slice, part: Part, proof: Proof, askedAt: Date): Promise<string | null>;
  /** A body that an earlier run has proven. */
  kept?(slice: Slice): Promise<KeptBody | undefined>;
  /** Whether an earlier run halved this slice. */
  wasHalved?(slice: Slice): boolean;
  /** Drops a damaged body. */
  forget?(slice: Slice): Promise<void>;
  /** Records that this slice is asked for in halves from now on. */
  halved?(slice: Slice): Promise<void>;
}

/** A slice whose body is proven whole and waits to be written. */
export interface ProvenSlice {
  slice: Slice;
  proof: Proof;
  /** File in the archive, or null. */
  file: string | null;
  /** Taken from the archive, without a request. */
  replayed: boolean;
  /** The answer was a 200 without a single byte. */
  silent: boolean;
  /**
   * The records, one per line. Valid only while the slice is current; each block only until the next is asked for.
   */
  blocks(): AsyncIterable<Block>;
  /** Frees the body, in memory or on disk; may be called twice. */
  close(): Promise<void>;
}

export interface AskOptions {
  /** Undefined: use only bodies from the store. */
  gateway: Pick<Gateway, 'ask'> | undefined;
  path: string;
  parameters: Record<string, string>;
  /** Tag of the records; undefined: write them as sent. */
  kind: string | undefined;
  store: Store;
  warn(message: string): void;
  /** Warnings become failures. */
  strict: boolean;
}

/** An answer as received. */
interface Received {
  part: Part;
  proof: Proof;
  askedAt: Date;
  /** A 200 without a single byte: not even an empty list. */
  silent: boolean;
  close(): Promise<void>;
}

/** Asks for one slice, or takes it from the store, and proves it whole. */
export class Asker {
  readonly #options: AskOptions;
  readonly #memory = new LineMemory();
  /** Slice that each body answers, by SHA-256. */
  readonly #answers = new Map<string, string>();
  /** Set to end the requests in flight at their next bytes. */
  stopped = false;
  /** Records outside their slice's policies and hosts, and the number of slices with such records. */
  foreign = { records: 0, slices: 0 };

  constructor(options: AskOptions) {
    this.#options = options;
  }

  /**
   * Takes   tries   broken bodies and 5xx before giving up; undefined: --retries
   * Yields  undefined if the store lacks it and there is no gateway
   * Throws  GatewayError; PCRS_INCOMPLETE if the store's copy is damaged and there is no gateway
   */
  async ask(slice: Slice, tries: number | undefined): Promise<ProvenSlice | undefined> {
    return (
      (await this.#fromStore(slice)) ??
      (this.#options.gateway && this.#fromGateway(this.#options.gateway, slice, tries))
    );
  }

  /** A slice without records, whose body broke before the first byte each time. */
  async nothing(slice: Slice): Promise<ProvenSlice> {
    this.#options.warn(
      `${describeSlice(slice)}: either no data, or a dropped connection; with --strict this is a failure`,
    );
    const part = await this.#options.store.open(slice);
    const proof = await prove(nobody(), part, undefined, [], this.#memory);
    const close = this.#closing(part, proof);
    return this.#keep(slice, { part, proof, askedAt: new Date(), silent: false, close });
  }

  /** Asks once more after an answer to another request, which may be a proxy's mishap. */
  async #fromGateway(
    gateway: Pick<Gateway, 'ask'>,
    slice: Slice,
    tries: number | undefined,
  ): Promise<ProvenSlice> {
    let received = await this.#receive(gateway, slice, tries);
    if (!this.#isAnswer(slice, received.proof)) {
      await received.close();
      received = await this.#receive(gateway, slice, tries);
      if (!this.#isAnswer(slice, received.proof)) {
        await received.close();
        throw codedError('PCRS_GATEWAY', strangeAnswer(slice, received.proof));
      }
    }
    return this.#keep(slice, received);
  }

  async #receive(gateway: Pick<Gateway, 'ask'>, slice: Slice, tries: number | undefined): Promise<Received> {
    const { path, parameters, kind, store } = this.#options;
    const request = {
      ...({ endpoint: 'postureInfo', method: 'POST', path, query: parameters, body: slice.body } as const),
      what: describeSlice(slice),
      ...(tries === undefined ? {} : { bodyTries: tries }),
    };
    return gateway.ask(request, async ({ status, body }) => {
      const askedAt = new Date();
      const part = await store.open(slice);
      try {
        const proof = await prove(this.#unlessStopped(body), part, kind, slice.policies, this.#memory);
        const silent = status !== 204 && proof.bytes === 0;
        return { part, proof, askedAt, silent, close: this.#closing(part, proof) };
      } catch (error) {
        await part.discard();
        throw error;
      }
    });
  }

  /**
   * Whether a body answers the slice: it has no records, or some that were asked for. A body that another slice got
   * before answers both only if it holds nothing that this one did not ask for.
   */
  #isAnswer({ key }: Slice, { records, foreign, sha256 }: Proof): boolean {
    const other = records > 0 && (this.#answers.get(sha256) ?? key) !== key;
    if (records > 0 && (foreign === records || (other && foreign > 0))) return false;
    if (records > 0) this.#answers.set(sha256, key);
    return true;
  }

  /** Closes a body once, whoever comes first. */
  #closing(part: Part, { lines }: Pick<Proof, 'lines'>): () => Promise<void> {
    let open = true;
    return async () => {
      if (open) this.#memory.giveBack(lines ?? []);
      open = false;
      await part.discard();
    };
  }

  async #keep(slice: Slice, received: Received): Promise<ProvenSlice> {
    const { part, proof, askedAt } = received;
    try {
      this.#report(slice, proof);
      return this.#proven(slice, received, await this.#options.store.keep(slice, part, proof, askedAt));
    } catch (error) {
      await received.close();
      throw error;
    }
  }

  async #fromStore(slice: Slice): Promise<ProvenSlice | undefined> {
    const { store, gateway, warn } = this.#options;
    let file = `the body of ${describeSlice(slice)}`;
    let part: Part | undefined;
    try {
      const kept = await store.kept?.(slice);
      if (kept === undefined) return undefined;
      ({ file, part } = kept);
      if ((await checksum(kept.part.read())) !== kept.sha256)
        throw codedError('PCRS_MACHINE', 'its SHA-256 is not the one in the manifest');
      if (kept.shared && (await foreignIn(kept.part.read(), slice.policies)) > 0)
        throw codedError(
          'PCRS_MACHINE',
          'it is also the body of another slice, and holds records that this one did not ask for',
        );
      if (kept.records > 0) this.#answers.set(kept.sha256, slice.key);
      return this.#replayed(slice, kept);
    } catch (error) {
      await part?.discard();
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'PCRS_MACHINE') throw error;
      if (gateway === undefined) throw codedError('PCRS_INCOMPLETE', `${file} is damaged: ${message}`);
      warn(`${file} is damaged, asking for it again: ${message}`);
      await store.forget?.(slice);
      return undefined;
    }
  }

  #proven(slice: Slice, { part, proof, silent, close }: Received, file: string | null): ProvenSlice {
    const { kind } = this.#options;
    const blocks = async function* (): AsyncGenerator<Block> {
      if (proof.lines !== undefined) yield* proof.lines;
      else yield* linesOf(part.read(), kind, slice.policies);
    };
    return { slice, proof, file, replayed: false, silent, blocks, close };
  }

  /** Counts of changed characters and foreign records are reported once it is written. */
  #replayed(slice: Slice, { part, file, records, bytes, sha256 }: KeptBody): ProvenSlice {
    const lines = () => linesOf(part.read(), this.#options.kind, slice.policies);
    const report = (written: Written): void => this.#report(slice, written);
    const blocks = async function* (): AsyncGenerator<Block> {
      const written = yield* lines();
      if (written.records !== records) {
        const wrong = `${file} holds ${counted(written.records, 'record')}, but its manifest says ${records}`;
        throw codedError('PCRS_INCOMPLETE', wrong);
      }
      if (records > 0 && written.foreign === records)
        throw codedError('PCRS_INCOMPLETE', `${file}: ${strangeAnswer(slice, written)}`);
      report(written);
    };
    const proof = { ...unread, records, bytes, sha256 };
    const close = this.#closing(part, proof);
    return { slice, proof, file, replayed: true, silent: false, blocks, close };
  }

  /** Reports foreign records and changed characters; with --strict, foreign records throw PCRS_GATEWAY. */
  #report(slice: Slice, { foreign, firstForeign, ...replaced }: Written): void {
    const changes = replacedWords(replaced);
    if (changes !== undefined) this.#options.warn(`${describeSlice(slice)}: ${changes}`);
    if (foreign === 0) return;
    const strangers = `${describeSlice(slice)}: got ${counted(foreign, 'record')} not asked for, the first of ${firstForeign}`;
    if (this.#options.strict) throw codedError('PCRS_GATEWAY', `${strangers} (--strict)`);
    this.foreign.records += foreign;
    this.foreign.slices += 1;
    // one warning, and the sum at the end of the stage: a gateway that always adds some would flood stderr
    if (this.foreign.slices === 1) this.#options.warn(`${strangers}; they are kept`);
  }

  async *#unlessStopped(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (this.stopped) throw codedError('PCRS_INTERRUPTED', 'the stage has stopped');
      yield chunk;
    }
  }
}

async function* nobody(): AsyncGenerator<Uint8Array> {}

/** Facts unknown until a stored body is read. */
const unread = {
  ...{ controlCharacters: 0, invalidUtf8: 0, foreign: 0 },
  firstForeign: undefined,
  lines: undefined,
};

function strangeAnswer(slice: Slice, { records, foreign, firstForeign }: Written): string {
  const found =
    foreign === records
      ? `no record of the response was asked for (the first: ${firstForeign})`
      : `the response belongs to another slice (${foreign} of its ${counted(records, 'record')} not asked for)`;
  return `${describeSlice(slice)}: ${found}; is there a cache or proxy that ignores the body of a POST?`;
}
