import { changedObject, changedRecords } from './forms.ts';
import type { SimulatorOptions } from './options.ts';
import { World } from './world.ts';

/** What to print of a world, and how. */
export interface TruthFlags {
  readonly print: 'policies' | 'hostids' | 'posture';
  /** Status of the policies. */
  readonly status: 'active' | 'inactive' | 'all';
  readonly evidence: boolean;
  readonly extendedEvidence: boolean;
  readonly qds: boolean;
  readonly tagInfo: boolean;
  /** 1 to 5. */
  readonly version: number;
  readonly untagged: boolean;
}

/**
 * What a client should find in a world served with these options, as the lines that the suite's tools write.
 *
 * Yields  lines with their line breaks, in the order of the policy list
 */
export function* truthLines(options: SimulatorOptions, flags: TruthFlags): Generator<string> {
  const world = new World(options);
  const forms = new Set(options.forms);
  const ids = world.policyIds(flags.status);
  if (flags.print === 'posture') {
    const evidence = flags.extendedEvidence ? 'extended' : flags.evidence ? 'evidence' : 'none';
    const asked = { version: flags.version, evidence, detectionScore: flags.qds, policies: ids } as const;
    const head = flags.untagged ? '{' : '{"kind":"posture",';
    for (const record of changedRecords(world.posture(asked), forms)) yield `${head}${record.slice(1)}\n`;
  } else if (flags.print === 'hostids') {
    const head = flags.untagged ? '{' : '{"kind":"hostids",';
    for (const id of ids) {
      yield `${head}${changedObject(world.hostIdsElement(id, { version: flags.version }), forms).slice(1)}\n`;
    }
  } else {
    const wanted = new Set(ids);
    const head = flags.untagged ? '{' : `{"kind":"policy","subscriptionId":${world.size.subscriptionId},`;
    const tags = flags.tagInfo ? (options.tagWrapper ?? 'tagInfo') : undefined;
    for (const text of world.policies({ tags })) {
      const id = String((JSON.parse(text) as { id: number }).id);
      if (wanted.has(id)) yield `${head}${changedObject(text, forms).slice(1)}\n`;
    }
  }
}
