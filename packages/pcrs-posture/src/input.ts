import { mixedVersionsWarning } from 'pcrs-gateway/api-versions';
import type { JsonObject } from 'pcrs-records/kinds';
import { forgottenStage, hostIdsVersion, isPolicy, parseHostIds } from './host-ids.ts';
import type { PolicyHosts } from './slices.ts';

/** The stage's input: hosts to ask for, and what earlier stages say about them. */
export class PostureInput {
  #inRun = false;
  #policies = 0;
  #hostids = 0;
  #hostidsStage = false;
  #hosts = 0;
  #ended = false;

  /** Policy–host pairs in total; undefined until the input has ended. */
  get hosts(): number | undefined {
    return this.#ended ? this.#hosts : undefined;
  }

  /** Counts the input as it passes. */
  async *counted(input: AsyncIterable<PolicyHosts>): AsyncGenerator<PolicyHosts> {
    for await (const policy of input) {
      this.#hosts += policy.hostIds.length;
      yield policy;
    }
    this.#ended = true;
  }

  /** Converts a line; see parseHostIds. */
  accept(value: unknown, kind: string | undefined, where: string): { kind: string; input: PolicyHosts }[] {
    const found = parseHostIds(value, kind, where);
    this.#hostids += found.length;
    if (found.length > 0 || !isPolicy(value, kind)) return found;
    if (!this.#inRun) throw forgottenStage(where);
    this.#policies += 1;
    return found;
  }

  /** Call in a run, where policies pass through. */
  inRun(): void {
    this.#inRun = true;
  }

  /** Inspects a forwarded record. Yields a warning if host ids were resolved in another version. */
  passing(record: JsonObject, apiVersion: string): string | undefined {
    if (record['kind'] === 'start' && record['stage'] === 'pcrs-hostids') this.#hostidsStage = true;
    const version = hostIdsVersion(record);
    return version === undefined ? undefined : mixedVersionsWarning(version, apiVersion);
  }

  /**
   * Call at the end of the input.
   *
   * Throws  PCRS_RECORD if policies came but no hostids, and pcrs-hostids did not run
   */
  checkForForgottenStage(): void {
    if (this.#policies > 0 && this.#hostids === 0 && !this.#hostidsStage) throw forgottenStage('stdin');
  }
}
