import type { Run } from 'pcrs-cli/stage';
import { mixedVersionsWarning } from 'pcrs-gateway/api-versions';
import { forgottenStage, hostIdsVersion, isPolicy, parseHostIds } from './host-ids.ts';
import type { PolicyHosts } from './slices.ts';

/** What comes in: hosts to ask for, and what the stages before say about them. */
export class PostureInput {
  #inRun = false;
  #policies = 0;
  #hostids = 0;
  #hostidsStage = false;

  /** A line to inputs; see parseHostIds. */
  accept(value: unknown, kind: string | undefined, where: string): { kind: string; input: PolicyHosts }[] {
    const found = parseHostIds(value, kind, where);
    this.#hostids += found.length;
    if (found.length > 0 || !isPolicy(value, kind)) return found;
    if (!this.#inRun) throw forgottenStage(where);
    this.#policies += 1;
    return found;
  }

  /** Warns when host ids were resolved in another version than posture is asked in. */
  watch(run: Run<PolicyHosts>, apiVersion: string, warn: (message: string) => void): void {
    this.#inRun = run.session !== undefined;
    run.onForward = (record) => {
      if (record['kind'] === 'start' && record['stage'] === 'pcrs-hostids') this.#hostidsStage = true;
      const version = hostIdsVersion(record);
      const warning = version === undefined ? undefined : mixedVersionsWarning(version, apiVersion);
      if (warning !== undefined) warn(warning);
    };
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
