import type { Database } from 'pcrs-database/open';
import { counted, withCommas } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import type { JsonObject, Scope } from 'pcrs-records/kinds';
import { wholeSeconds } from 'pcrs-records/moments';
import { baseOf, isSameScope, scopeOf, scopeWords } from 'pcrs-records/scope';
import type { RunVerdict } from 'pcrs-sink/judge';
import { openHistory } from './history-file.ts';
import { type Merged, merge, rescope } from './merge.ts';
import { StagedRuns, type WholeRun } from './staged-runs.ts';

export { forgetBefore, forgetHost } from './forget.ts';

export interface HistoryOptions {
  /** A change of scope: ends all open spans, and begins anew. */
  rescope?: boolean | undefined;
  /** Largest allowed loss of postures since the previous full run, in percent. */
  maxShrink?: number | undefined;
  acceptShrink?: boolean | undefined;
  /** A new history is 0640, not 0600. */
  groupReadable?: boolean | undefined;
  signal?: AbortSignal | undefined;
  progress?: { update(fields: { records: number }): void };
  log?: { warn(message: string): void; note(message: string): void } | undefined;
}

/** Result of adding a run, as the record that the tool prints. */
export interface Added extends JsonObject {
  kind: 'added';
  history: string;
  runId: string;
  /** False if the history already has this run: nothing changed. */
  isNew: boolean;
  base: string;
  postures: number;
  /** Numbers of spans: new postures, changed status, vanished postures. */
  opened: number;
  changed: number;
  ended: number;
}

/**
 * Adds the runs of a stream to a history, made if the file is missing. Each run is staged first, and merged in one
 * transaction once it is proven whole.
 *
 * Takes   an NDJSON stream of runs, one after another, oldest first, in any chunking
 * Yields  the result for each run once it is in the file
 * Throws  PCRS_INCOMPLETE for a run that is not whole; PCRS_RECORD for one of another scope or subscription, or older
 *         than the newest; PCRS_GATE for one that shrank; PCRS_USAGE, PCRS_MACHINE. The file is then as the previous
 *         run left it
 */
export async function* toHistory(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  options: HistoryOptions = {},
): AsyncGenerator<Added> {
  const database = await openHistory(path, options);
  try {
    const runs = new StagedRuns(database.db);
    for await (const run of runs.whole(chunks, options))
      yield await database.transaction((db) => add(db, path, run, options));
  } finally {
    database.close();
  }
}

function add(db: Database, path: string, run: WholeRun, options: HistoryOptions): Added {
  const { postures, session, starts, verdict } = run;
  const { runId, startedAt } = session;
  const scope = scopeOf(starts);
  const base = baseOf(starts);
  const told = { kind: 'added' as const, history: path, runId, base, postures };
  const known = db.prepare('SELECT 1 FROM runs WHERE runId = ?').get(runId);
  if (known) return { ...told, isNew: false, opened: 0, changed: 0, ended: 0 };
  checkAge(db, path, startedAt);
  checkSource(db, path, 'gateway', session.gateway);
  if (run.subscription !== null) checkSource(db, path, 'subscription', run.subscription);
  const rescoped = checkScope(db, path, scope, options);
  const lacks = lacking(verdict);
  if (lacks !== undefined && base === 'full')
    options.log?.warn(`${lacks}; so postures that this run does not contain do not count as gone`);
  const isFull = base === 'full' && lacks === undefined;
  if (isFull) checkShrink(db, path, postures, options);
  const version = starts.find(({ stage }) => stage === 'pcrs-posture')?.version ?? starts[0]?.version ?? null;
  const merged: Merged = merge(
    db,
    {
      runId,
      startedAt: wholeSeconds(new Date(startedAt)),
      isFull,
      base: isFull ? 'full' : base === 'full' ? 'filtered' : base,
      scope: JSON.stringify(scope),
      version,
    },
    postures,
  );
  return { ...told, isNew: true, ...merged, ended: merged.ended + rescoped };
}

/** What a filter removed or changed; undefined if everything that the stages made came. */
function lacking({ filtered, edited }: RunVerdict): string | undefined {
  const words = Object.entries(filtered).map(([kind, count]) => `${count} ${kind}`);
  if (words.length > 0) return `filtered: ${words.join(', ')}`;
  return edited.length > 0 ? `edited: ${edited.join(', ')}` : undefined;
}

function checkAge(db: Database, path: string, startedAt: string): void {
  const newest = db.prepare('SELECT max(startedAt) FROM runs').pluck().get() as string | null;
  if (newest === null || wholeSeconds(new Date(startedAt)) > newest) return;
  throw codedError(
    'PCRS_RECORD',
    `${path} already holds a run that started ${newest}, later than this one (${startedAt}); add runs in the order in which they started`,
  );
}

function checkSource(db: Database, path: string, name: string, value: string): void {
  const known = db.prepare('SELECT value FROM source WHERE name = ?').pluck().get(name);
  if (known === undefined) db.prepare('INSERT INTO source VALUES (?, ?)').run(name, value);
  else if (known !== value)
    throw codedError(
      'PCRS_RECORD',
      `${path} is of ${name} ${known}, but this run is of ${value}; use a separate history for each`,
    );
}

/** The number of spans that a new scope ended. */
function checkScope(db: Database, path: string, scope: Scope, options: HistoryOptions): number {
  const known = db.prepare('SELECT scope FROM runs ORDER BY run DESC LIMIT 1').pluck().get() as
    | string
    | undefined;
  if (known === undefined || isSameScope(JSON.parse(known) as Scope, scope)) return 0;
  if (options.rescope) return rescope(db);
  throw codedError(
    'PCRS_RECORD',
    `${path} holds ${scopeWords(JSON.parse(known) as Scope)}; this run has ${scopeWords(scope)}: use a separate history, or --rescope`,
  );
}

/** A run without any posture proves that a stage was forgotten sooner than that all hosts are gone. */
function checkShrink(db: Database, path: string, postures: number, options: HistoryOptions): void {
  const { maxShrink, acceptShrink } = options;
  const before = db
    .prepare("SELECT postures FROM runs WHERE base = 'full' ORDER BY run DESC LIMIT 1")
    .pluck()
    .get() as number | undefined;
  if (before === undefined || acceptShrink) return;
  if (postures === 0 && before > 0)
    throw codedError(
      'PCRS_RECORD',
      `stdin: no posture came, and ${path} holds ${withCommas(before)} of the full run before; a stage was forgotten, or --accept-shrink takes all for gone`,
    );
  if (maxShrink === undefined || postures >= before * (1 - maxShrink / 100)) return;
  throw codedError(
    'PCRS_GATE',
    `${path}: ${counted(postures, 'posture')}, down from ${withCommas(before)} in the full run before (--max-shrink ${maxShrink}); --accept-shrink adds it anyway`,
  );
}
