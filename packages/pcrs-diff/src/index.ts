import { setImmediate as turn } from 'node:timers/promises';
import { sqlPart } from 'pcrs-database/sql';
import { codedError } from 'pcrs-records/errors';
import type { Change, Id } from './change-record.ts';
import { type ChangeWord, changeWords } from './change-words.ts';
import { Comparison } from './comparison.ts';
import { type LonePolicy, openPair, type Pair, policiesOnlyIn, type Side } from './pair.ts';
import { type SummaryParts, summaryLines, summaryRecord } from './summary.ts';
import { summaryTable } from './summary-table.ts';
import { type ChangeCounts, Tally } from './tally.ts';

export type { ChangeWord } from './change-words.ts';
export type { Side } from './pair.ts';
export type { ChangeCounts } from './tally.ts';

export interface DiffOptions {
  /** Only these changes. */
  changes?: readonly ChangeWord[] | undefined;
  /** Only these policies, by id. */
  policies?: readonly string[] | undefined;
  /** Only controls with these criticality labels, in any case. */
  criticality?: readonly string[] | undefined;
  /** A database not proven complete is an error, not a warning. */
  strict?: boolean;
  signal?: AbortSignal | undefined;
  log?: { warn(message: string): void };
  progress?: { update(fields: { policies: number; records: number }): void };
}

/** Some lines, with their number. */
export interface ChangeBlock {
  kind: 'change';
  lines: string;
  count: number;
}

/** Two databases to compare. */
export interface Diff {
  readonly old: Side;
  readonly new: Side;
  /**
   * The changes as NDJSON lines, a block at a time, by policy, host, control and id; a block may be empty. Both
   * databases are read as of one moment.
   *
   * Throws  PCRS_MACHINE
   */
  blocks(): Generator<ChangeBlock>;
  /** The same as lines, open to signals. Throws the signal's reason too. */
  lines(): AsyncGenerator<string>;
  /** Counts of what `blocks` has yielded so far. */
  readonly counts: ChangeCounts;
  /** Postures among them that fail now and did not before, new ones included. */
  readonly newFailures: number;
  /**
   * Counts by policy, host, control and criticality, with the pass rate, once all blocks were read; `top` of the
   * first three.
   */
  summary(top: number): object;
  /** The same in words. */
  summaryLines(top: number): string[];
  /** The same as tables for a terminal. */
  summaryTable(top: number): string;
  close(): void;
}

/**
 * Opens two databases of pcrs-to-sqlite, to compare their postures; neither is changed.
 *
 * Limits  memory holds two page caches and the postures of a host; the summary grows with what changed
 * Throws  PCRS_RECORD for any other file, or for two subscriptions; PCRS_USAGE for a missing file, a policy or a
 *         criticality that neither has; with `strict` PCRS_INCOMPLETE for a database not proven complete
 */
export async function openDiff(oldPath: string, newPath: string, options: DiffOptions = {}): Promise<Diff> {
  const warn = (message: string) => options.log?.warn(message);
  const { strict = false, signal } = options;
  const pair = await openPair(oldPath, newPath, { strict, warn, signal });
  try {
    const wanted = options.policies && new Set(options.policies.map(plainId));
    checkSelection(pair, wanted, options.criticality);
    return await diffOf(pair, wanted, options);
  } catch (error) {
    pair.database.close();
    throw error;
  }
}

async function diffOf(
  pair: Pair,
  wanted: ReadonlySet<string> | undefined,
  options: DiffOptions,
): Promise<Diff> {
  const lone = (name: 'main' | 'old') => lonePolicies(pair, name, wanted);
  const [policiesAppeared, policiesVanished] = [await lone('main'), await lone('old')];
  const tally = new Tally();
  const comparison = await pair.database.read(() => new Comparison(pair));
  const isSelected = selection(options);
  let newFailures = 0;
  function* blocks(): Generator<ChangeBlock> {
    const seen = new Set<bigint>();
    for (const { policyId, changes } of comparison.changes(wanted)) {
      const selected = changes.filter(isSelected);
      for (const change of selected) {
        tally.add(change);
        if (isNewFailure(change)) newFailures += 1;
      }
      seen.add(policyId);
      options.progress?.update({ policies: seen.size - 1, records: tally.total });
      yield {
        kind: 'change',
        lines: selected.map(({ line }) => `${line}\n`).join(''),
        count: selected.length,
      };
    }
  }
  async function* lines(): AsyncGenerator<string> {
    for (const { lines: some } of blocks()) {
      if (some !== '') yield some;
      await turn();
      options.signal?.throwIfAborted();
    }
  }
  const parts = (): SummaryParts => ({
    ...{ old: pair.old, new: pair.new, tally, policiesAppeared, policiesVanished },
    postures: comparison.postures,
    passRate: comparison.rateChange(),
  });
  return {
    ...{ old: pair.old, new: pair.new, blocks, lines, counts: tally.counts },
    get newFailures() {
      return newFailures;
    },
    summary: (top) => summaryRecord(parts(), top),
    summaryLines: (top) => summaryLines(parts(), top),
    summaryTable: (top) => summaryTable(parts(), top),
    close: () => pair.database.close(),
  };
}

function isNewFailure({ change, newStatus }: Change): boolean {
  return change === 'newly_failed' || (change === 'appeared' && newStatus?.toLowerCase() === 'failed');
}

async function lonePolicies(
  pair: Pair,
  name: 'main' | 'old',
  wanted: ReadonlySet<string> | undefined,
): Promise<LonePolicy[]> {
  const policies = await pair.database.read(() => policiesOnlyIn(pair, name));
  return policies.filter(({ policyId }) => wanted?.has(String(policyId)) ?? true);
}

/** Refuses an unknown label or id, which would otherwise look like no change at all. */
function checkSelection(
  { database: { db } }: Pair,
  wanted: ReadonlySet<string> | undefined,
  criticality: readonly string[] | undefined,
): void {
  const inEither = (columns: string) => {
    const one = (name: string) => `SELECT ${columns} AS value FROM ${name}.q_pcrs_postureinfo_controls`;
    return db
      .prepare(`${one('main')} UNION ${one('old')} ORDER BY 1`)
      .pluck()
      .safeIntegers()
      .all();
  };
  const labels =
    criticality &&
    (inEither(sqlPart('criticality', 'label')).filter((value) => typeof value === 'string') as string[]);
  const odd = criticality?.find(
    (asked) => !labels!.some((known) => known.toLowerCase() === asked.toLowerCase()),
  );
  if (odd !== undefined) {
    const known = labels!.length > 0 ? labels!.join(', ') : 'none';
    throw codedError('PCRS_USAGE', `no control has the criticality ${odd} (--criticality); found: ${known}`);
  }
  const policies = wanted && new Set([...inEither('policyId'), ...listed(db)].map(String));
  const unknown = [...(wanted ?? [])].find((id) => !policies!.has(id));
  if (unknown !== undefined)
    throw codedError('PCRS_USAGE', `neither database has a policy ${unknown} (--policy)`);
}

function listed(db: Pair['database']['db']): unknown[] {
  const sql = 'SELECT id FROM main.q_pcrs_policy_list UNION SELECT id FROM old.q_pcrs_policy_list';
  return db.prepare(sql).pluck().safeIntegers().all();
}

/** `007` → `7`: an id as the database stores it. */
function plainId(id: Id | string): string {
  return String(id).replace(/^0+(?=\d)/, '');
}

function selection({ changes, criticality }: DiffOptions): (change: Change) => boolean {
  const words = new Set<ChangeWord>(changes ?? changeWords);
  const labels = criticality && new Set(criticality.map((one) => one.toLowerCase()));
  return ({ change, criticality_label }) =>
    words.has(change) && (labels === undefined || labels.has(String(criticality_label).toLowerCase()));
}
