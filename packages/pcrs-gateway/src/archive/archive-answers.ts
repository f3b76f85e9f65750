import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Gateway } from '../ask/gateway.ts';
import { usageError } from '../ask/gateway-error.ts';
import type { Consume, GatewayRequest } from '../ask/request.ts';
import { type Archive, newArchive, type Opening, oldArchive } from './archive.ts';
import { type Facts, kept } from './archive-kept.ts';
import type { ArchivedBody, ArchiveHeader } from './archive-manifest.ts';
import { requestKey } from './request-key.ts';

/** First line of the manifest, without its constant members. */
export type Header = Omit<ArchiveHeader, 'kind' | 'contract'>;

/**
 * Stores the answers of a stage that makes many small requests. Each is stored once it is accepted; a resumed run
 * does not ask for it again.
 */
export class ArchivedAnswers {
  readonly #archive: Archive;
  /** Answers of the stopped run, each used for one request. */
  readonly #earlier: Map<string, ArchivedBody>;

  constructor(archive: Archive) {
    this.#archive = archive;
    this.#earlier = new Map(archive.bodies);
  }

  /**
   * Writes the archive's header, or checks it when resuming.
   *
   * Throws  PCRS_USAGE if it belongs to another run, gateway or selection
   */
  async begin(header: Header): Promise<void> {
    const { manifest, directory } = this.#archive;
    for (const name of ['stage', 'runId', 'gateway', 'options'] as const) {
      const [before, now] = [JSON.stringify(manifest?.header[name]), JSON.stringify(header[name])];
      if (manifest !== undefined && before !== now) {
        throw usageError(
          `${directory}: the archive has different ${name} (${before}, now ${now}); choose another directory`,
        );
      }
    }
    await this.#archive.begin(header);
  }

  /**
   * A gateway that stores each answer.
   *
   * Takes  facts  an answer's description for the manifest: its record count and policies
   */
  over<T>(gateway: Pick<Gateway, 'ask'>, facts: Facts<T>): Pick<Gateway, 'ask'> {
    const ask = async (request: GatewayRequest, consume: Consume<T>): Promise<T> => {
      const earlier = this.#takeEarlier(request);
      if (earlier !== undefined) {
        const part = await this.#archive.open(earlier);
        try {
          return await consume({ status: 200, headers: {}, body: part.read() });
        } catch (error) {
          // Asks again for a damaged copy.
          if ((error as { code?: unknown }).code !== 'PCRS_BROKEN_BODY') throw error;
          await this.#archive.forget(earlier);
        } finally {
          await part.discard();
        }
      }
      return gateway.ask(request, kept(this.#archive, request, facts, consume));
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
 * Opens a stage's archive.
 *
 * Takes   resume   continue a stopped run's archive, if there is one
 * Throws  PCRS_USAGE if the directory holds anything but an archive, or an archive without `resume`
 */
export async function openAnswers(
  directory: string,
  resume: boolean,
  opening: Opening = {},
): Promise<ArchivedAnswers> {
  const begun = resume && existsSync(join(directory, 'manifest.ndjson'));
  const opened = begun ? oldArchive(directory, 'write', opening) : newArchive(directory, opening);
  return new ArchivedAnswers(await opened);
}
