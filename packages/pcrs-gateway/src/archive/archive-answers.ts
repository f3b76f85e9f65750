import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Gateway } from '../ask/gateway.ts';
import { usageError } from '../ask/gateway-error.ts';
import type { Consume, GatewayRequest } from '../ask/request.ts';
import { type Archive, newArchive, type Opening, oldArchive } from './archive.ts';
import { kept } from './archive-kept.ts';
import type { ArchivedBody, ArchiveHeader } from './archive-manifest.ts';
import { requestKey } from './request-key.ts';

/** The manifest's first line, but for what is always the same. */
export type Header = Omit<ArchiveHeader, 'kind' | 'contract'>;

/**
 * The answers of a stage that asks one small question after another: each is kept once it is taken as good, and where
 * the run goes on after it was stopped, what is kept is not asked for again.
 */
export class ArchivedAnswers {
  readonly #archive: Archive;
  /** Answers of the run that was stopped, each good for one question. */
  readonly #earlier: Map<string, ArchivedBody>;

  constructor(archive: Archive) {
    this.#archive = archive;
    this.#earlier = new Map(archive.bodies);
  }

  /**
   * Writes what the archive is of, or checks that it is of the same.
   *
   * Throws  PCRS_USAGE where it is of another run, gateway or selection
   */
  async begin(header: Header): Promise<void> {
    const { manifest, directory } = this.#archive;
    for (const name of ['stage', 'runId', 'gateway', 'options'] as const) {
      const [before, now] = [JSON.stringify(manifest?.header[name]), JSON.stringify(header[name])];
      if (manifest !== undefined && before !== now) {
        throw usageError(
          `${directory}: the archive's ${name} differs (${before}, now ${now}); give another directory`,
        );
      }
    }
    await this.#archive.begin(header);
  }

  /**
   * The gateway, with each answer kept.
   *
   * Takes  facts  what the manifest says of an answer: how many records it holds, of which policies
   */
  over<T>(
    gateway: Pick<Gateway, 'ask'>,
    facts: (
      request: GatewayRequest,
      value: T,
    ) => { policies: readonly string[]; hosts: number | null; records: number },
  ): Pick<Gateway, 'ask'> {
    const ask = async (request: GatewayRequest, consume: Consume<T>): Promise<T> => {
      const earlier = this.#takeEarlier(request);
      if (earlier !== undefined) {
        const part = await this.#archive.open(earlier);
        try {
          return await consume({ status: 200, headers: {}, body: part.read() });
        } catch (error) {
          // A damaged copy is asked for again.
          if ((error as { code?: unknown }).code !== 'PCRS_BROKEN_BODY') throw error;
          await this.#archive.forget(earlier);
        } finally {
          await part.discard();
        }
      }
      return gateway.ask(
        request,
        kept(this.#archive, request, (value) => facts(request, value), consume),
      );
    };
    return { ask: ask as Gateway['ask'] };
  }

  async close(): Promise<void> {
    await this.#archive.close();
  }

  #takeEarlier(request: GatewayRequest): ArchivedBody | undefined {
    const key = requestKey(request);
    const earlier = this.#earlier.get(key);
    this.#earlier.delete(key);
    return earlier;
  }
}

/**
 * Opens the archive of a stage.
 *
 * Takes   resume   go on with what a stopped run left there, if it left anything
 * Throws  PCRS_USAGE where the directory holds an archive and `resume` is not asked for, or something else
 */
export async function openAnswers(
  directory: string,
  resume: boolean,
  opening: Opening = {},
): Promise<ArchivedAnswers> {
  const begun = resume && (await exists(join(directory, 'manifest.ndjson')));
  const opened = begun ? oldArchive(directory, 'write', opening) : newArchive(directory, opening);
  return new ArchivedAnswers(await opened);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
