import { mixedVersionsWarning } from 'pcrs-gateway/api-versions';
import type { JsonObject } from 'pcrs-records/kinds';
import { forgottenStage, hostIdsVersion, isPolicy, parseHostIds } from './host-ids.ts';
import type { PolicyHosts } from './slices.ts';

/** What comes in: hosts to ask for, and what the stages before say about them. */
export class PostureInput {
  #inRun = false;
  #policies = 0;
  #hostids = 0;
  #hostidsStage = false;
  #hosts = 0;
  #ended = false;

  /** Policy–host pairs in all; undefined until the input has ended. */
  get hosts(): number | undefined {
    return this.#ended ? this.#hosts : undefined;
  }

  /** The input, counted on its way. */
  async *counted(input: AsyncIterable<PolicyHosts>): AsyncGenerator<PolicyHosts> {
    for await (const policy of input) {
      this.#hosts += policy.hostIds.length;
      yield policy;
    }
    this.#ended = true;
  }

  /** A line to inputs; see parseHostIds. */
  accept(value: unknown, kind: string | undefined, where: string): { kind: string; input: PolicyHosts }[] {
    const found = parseHostIds(value, kind, where);
    this.#hostids += found.length;
    if (found.length > 0 || !isPolicy(value, kind)) return found;
    if (!this.#inRun) throw forgottenStage(where);
    this.#policies += 1;
    return found;
  }

  /** In a run policies pass through. */
  inRun(): void {
    this.#inRun = true;
  }

  /** Looks at a record that is passed on. Yields a warning where host ids were resolved in another version. */
  passing(record: JsonObject, apiVersion: string): string | undefined {
    if (record['kind'] === 'start' && record['stage'] === 'pcrs-hostids') this.#hostidsStage = true;
    const version = hostIdsVersion(record);
    return version === undefined ? undefined : mixedVersionsWarning(version, apiVersion);
  }

  /**
   * Called at the input's end.
   *
   * Throws  PCRS_RECORD where policies came and no hostids, and no pcrs-hostids was there
   */
  checkForForgottenStage(): void {
    if (this.#policies > 0 && this.#hostids === 0 && !this.#hostidsStage) throw forgottenStage('stdin');
  }
}
