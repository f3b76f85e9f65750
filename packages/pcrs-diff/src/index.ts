import type { Change, Id } from './change-query.ts';
import { type ChangeWord, changeWords } from './change-words.ts';
import { Comparison, type ComparisonOptions } from './comparison.ts';
import { openPair, type Pair, policiesOnlyIn } from './pair.ts';
import { type SummaryParts, summaryLines, summaryRecord } from './summary.ts';
import { type ChangeCounts, Tally } from './tally.ts';

export type { ChangeWord } from './change-words.ts';
export type { ChangeCounts } from './tally.ts';

export interface DiffOptions extends ComparisonOptions {
  /** Only these changes. */
  kinds?: readonly ChangeWord[] | undefined;
  /** Only these policies, by id. */
  policies?: readonly string[] | undefined;
  /** Only controls of these criticality labels, case ignored. */
  criticality?: readonly string[] | undefined;
  /** A database that is not proven whole is an error instead of a warning. */
  strict?: boolean;
  log?: { warn(message: string): void };
  progress?: { update(fields: { policies: number; records: number }): void };
}

/** Two databases side by side. */
export interface Diff {
  /**
   * The changes as NDJSON lines, some thousand at a time, by policy, host, control and id.
   *
   * Throws  PCRS_INCOMPLETE where somebody wrote to a database meanwhile; the signal's reason; PCRS_MACHINE
   */
  lines(): AsyncGenerator<string>;
  /** What `lines` has yielded so far, counted. */
  readonly counts: ChangeCounts;
  /** The same by policy, host, control and criticality, as a `change-summary` record; `top` of the first three. */
  summary(top: number): object;
  /** The same in words. */
  summaryLines(top: number): string[];
  close(): void;
}

/**
 * Opens two databases of pcrs-to-sqlite, to compare their postures; neither is changed.
 *
 * Limits  memory holds two page caches and some thousand rows; the summary grows with the hosts that changed
 * Throws  PCRS_RECORD for what is no such database, or for two subscriptions; PCRS_USAGE for a missing file; with `strict`
 *         PCRS_INCOMPLETE for one that is not proven whole
 */
export async function openDiff(oldPath: string, newPath: string, options: DiffOptions = {}): Promise<Diff> {
  const warn = (message: string) => options.log?.warn(message);
  const { strict = false, signal } = options;
  const pair = await openPair(oldPath, newPath, { strict, warn, signal });
  try {
    const comparison = await Comparison.open(pair, options);
    const wanted = options.policies && new Set(options.policies.map(plainId));
    for (const id of wanted ?? []) {
      if (!comparison.policies.some((known) => String(known) === id))
        warn(`policy ${id} has no posture in either database`);
    }
    return diffOf(pair, comparison, await summaryParts(pair, wanted), wanted, options);
  } catch (error) {
    pair.database.close();
    throw error;
  }
}

function diffOf(
  pair: Pair,
  comparison: Comparison,
  parts: SummaryParts,
  wanted: ReadonlySet<string> | undefined,
  options: DiffOptions,
): Diff {
  const { postures, tally } = parts;
  const isSelected = selection(options);
  async function* lines(): AsyncGenerator<string> {
    for (const [policies, id] of comparison.policies.entries()) {
      if (wanted?.has(String(id)) === false) continue;
      for await (const compared of comparison.policy(id)) {
        postures.old += compared.postures.old;
        postures.new += compared.postures.new;
        const selected = compared.changes.filter(isSelected);
        for (const change of selected) tally.add(change);
        options.progress?.update({ policies, records: tally.total });
        if (selected.length > 0) yield selected.map(({ line }) => `${line}\n`).join('');
      }
    }
  }
  return {
    lines,
    counts: tally.counts,
    summary: (top) => summaryRecord(parts, top),
    summaryLines: (top) => summaryLines(parts, top),
    close: () => pair.database.close(),
  };
}

async function summaryParts(pair: Pair, wanted: ReadonlySet<string> | undefined): Promise<SummaryParts> {
  const only = async (name: 'main' | 'old') => {
    const policies = await pair.database.read(() => policiesOnlyIn(pair, name));
    return policies.filter(({ policyId }) => wanted?.has(String(policyId)) ?? true);
  };
  return {
    old: pair.old,
    new: pair.new,
    postures: { old: 0, new: 0 },
    tally: new Tally(),
    policiesAppeared: await only('main'),
    policiesVanished: await only('old'),
  };
}

/** `007` → `7`: an id as the database has it. */
function plainId(id: Id | string): string {
  return String(id).replace(/^0+(?=\d)/, '');
}

function selection({ kinds, criticality }: DiffOptions): (change: Change) => boolean {
  const words = new Set<ChangeWord>(kinds ?? changeWords);
  const labels = criticality && new Set(criticality.map((label) => label.toLowerCase()));
  return ({ change, criticality_label: label }) =>
    words.has(change) && (labels === undefined || labels.has(String(label).toLowerCase()));
}
