import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runIn } from 'pcrs-database/snapshot-status';
import { makeDirectory } from 'pcrs-machine/directory';
import { pointTo } from 'pcrs-machine/file-system';
import type { Lock } from 'pcrs-machine/lock';
import { codedError } from 'pcrs-records/errors';
import { type JsonObject, parsedObject, parseSession, type Session } from 'pcrs-records/kinds';
import { type Decision, decide, type Wanted } from './decide.ts';
import { forgetTools, leftOverToolsEnded, noteTools } from './left-over-tools.ts';
import { type Product, products } from './made-from-snapshot.ts';
import { interrupted, isEndForGood, nextStep } from './next-step.ts';
import { part, runParts } from './parts.ts';
import { type PartStatus, type PipeOptions, type PipePart, type PipeResult, runPipe } from './pipe.ts';
import { flawOfBase } from './prove-base.ts';
import {
  allRuns,
  finishRun,
  forgetPosture,
  newRunFolder,
  noteEnd,
  postureState,
  type RunFolder,
  runsOf,
  sessionFile,
} from './run-folder.ts';
import type { Series } from './series.ts';
import { heldIn, requireSameGateway, requireSameScope, requireSpace } from './standing.ts';

export interface RunOptions extends Omit<PipeOptions, 'input' | 'onStart'> {
  series: Series;
  lock: Lock;
  /** The folder's file system has symbolic links. */
  canLink: boolean;
  /** Flags set for pcrs-etl alone, by name. */
  given: ReadonlyMap<string, unknown>;
  wanted: Wanted;
  rescope: boolean;
  /** The last start in the series was killed. */
  afterKill: boolean;
  /** Products to make from the snapshot, by flag. */
  make: ReadonlySet<Product['flag']>;
  /** Called with messages about actions and reasons; routine ones are not worth a line in a log. */
  tell(message: string, isRoutine: boolean): void;
}

/** A finished run. */
export interface Ran {
  folder: RunFolder;
  loaded: JsonObject;
}

/** Carries the exit status of the pipe's first failed tool, which has logged the reason itself. */
class ToolFailed extends Error {
  readonly code = 'PCRS_INCOMPLETE';
  readonly exitStatus: number;
  /** The tool has already said everything. */
  readonly toldBefore: boolean;
  /** The `loaded` record, if the sink wrote one. */
  readonly loaded: JsonObject | undefined;

  /** Takes  next  advice, if there is any */
  constructor({ tool, status }: PartStatus, next: string | undefined, loaded?: JsonObject) {
    super(`${tool} ended ${status}; ${next ?? 'nothing was published'}`);
    this.exitStatus = status;
    this.toldBefore = next === undefined;
    this.loaded = loaded;
  }
}

/**
 * One run of the whole pipe into an output folder: new, or resumed.
 *
 * Throws  PCRS_USAGE for a scope other than `latest.db`'s; ToolFailed; PCRS_MACHINE
 */
export async function runIntoFolder(options: RunOptions): Promise<Ran> {
  const { series, signal, tell, wanted } = options;
  await leftOverToolsEnded(series.tools, signal);
  const latest = await heldIn(series);
  requireSameScope(latest, series, wanted.scope, options.rescope);
  requireSpace(series);
  const { folder, resumed, why } = await openRun(options, (session) =>
    requireSameGateway(latest, series, session, options.rescope),
  );
  if (why !== undefined) tell(why, !resumed && folder.plan.mode === 'incremental');
  const loaded = await loadRun(folder, resumed, latest?.isUnreadable ?? false, options);
  options.lock.stillMine();
  finishRun(folder, [loaded]);
  const isLatest = (await runIn(series.latest('.db'))) === folder.plan.session.runId;
  if (isLatest) pointLatest(folder.path, series.latest('_archive'), options);
  await makeProducts({ folder, loaded }, isLatest, options);
  return { folder, loaded };
}

/** What the pipe would ask of the gateway, as pcrs-posture's `plan` record. */
export async function planOfRun(
  options: Omit<PipeOptions, 'input' | 'onStart'> & Pick<RunOptions, 'given'>,
): Promise<JsonObject> {
  const session = await openSession(options);
  const { given } = options;
  const parts = [
    part('pcrs-policies', given),
    part('pcrs-hostids', given),
    part('pcrs-posture', given, '--plan'),
  ];
  const { statuses, output } = await runPipe(parts, { ...options, input: `${JSON.stringify(session)}\n` });
  failWith(statuses);
  const plan = output.split('\n').find((line) => line.startsWith('{"kind":"plan"'));
  return JSON.parse(plan ?? '{"kind":"plan"}');
}

/** Opens a session and the run's folder: a new one, or that of an interrupted run to resume. */
async function openRun(
  options: RunOptions,
  check: (session: Session) => void,
): Promise<{ folder: RunFolder; resumed: boolean; why: string | undefined }> {
  const { series, signal, wanted, afterKill } = options;
  for (;;) {
    const session = await openSession(options);
    check(session);
    const order = Math.max(0, ...allRuns(series.out).map(({ plan }) => plan.order)) + 1;
    const flawOf = (folder: RunFolder) => flawOfBase(series, folder, afterKill);
    const decision: Decision = await decide(runsOf(series), session, wanted, order, flawOf);
    const { why } = decision;
    if (decision.kind === 'resume') return { folder: decision.folder, resumed: true, why };
    const folder = newRunFolder(series.out, { ...decision.plan, name: series.name ?? null });
    if (folder) return { folder, resumed: false, why };
    // A run of another series started in this second; a stamp belongs to one run only.
    await sleep(1000 - (Date.now() % 1000), undefined, { signal });
  }
}

/**
 * Makes sure of a live token and opens a new session; an interrupted run keeps its own session and uses the token.
 */
async function openSession(
  options: Omit<PipeOptions, 'input' | 'onStart'> & Pick<RunOptions, 'given'>,
): Promise<Session> {
  const { statuses, output } = await runPipe([part('pcrs-auth', options.given)], options);
  const record = lastRecord(output);
  failWith(statuses);
  if (record === undefined) throw codedError('PCRS_INCOMPLETE', 'pcrs-auth wrote no session');
  return parseSession(record);
}

/**
 * Runs what is left of the pipe.
 *
 * Takes   replaces  the sink cannot read `latest.db` but may replace it: the run has its scope
 * Yields  the sink's `loaded` record
 */
async function loadRun(
  folder: RunFolder,
  resumed: boolean,
  replaces: boolean,
  options: RunOptions,
): Promise<JsonObject> {
  const { given, series, signal, wanted } = options;
  const state = resumed ? await postureState(folder) : 'new';
  options.lock.stillMine();
  if (state === 'new') forgetPosture(folder);
  const forSink = replaces ? new Map([...given, ['rescope', true]]) : given;
  const parts = runParts(folder, state, resumed, series, forSink);
  const env = folder.plan.mode === 'incremental' ? { PCRS_INCREMENTAL_FLAGS: 'evaluated-since' } : {};
  const input = { file: sessionFile(folder) };
  const { statuses, output } = await runTools(parts, { ...options, env: { ...options.env, ...env }, input });
  const loaded = lastRecord(output);
  const failed = statuses.find(({ status }) => status !== 0);
  if (signal.aborted) throw interrupted(signal.reason, nextStep(130, folder.plan, wanted) ?? '');
  if (failed === undefined && loaded !== undefined) return loaded;
  const { tool, status } = failed ?? { tool: 'pcrs-to-sqlite', status: 1 };
  if (isEndForGood(status) && options.lock.isMine()) noteEnd(folder, status);
  throw new ToolFailed({ tool, status }, nextStep(status, folder.plan, wanted), loaded);
}

/** Makes the requested products from the complete snapshot. The first failure ends it; the snapshot stays. */
async function makeProducts(ran: Ran, isLatest: boolean, options: RunOptions): Promise<void> {
  const { given, make, series } = options;
  const { stamp } = ran.folder.plan;
  const snapshot = series.snapshot(stamp);
  const made = [ran.loaded];
  for (const { flag, what, path, link, isFile, pipes } of products) {
    if (!make.has(flag)) continue;
    const place = path(series, stamp);
    if (isFile) makeDirectory(dirname(place));
    for (const parts of await pipes({ series, stamp, snapshot, make, given }, place)) {
      const { statuses, output } = await runTools(parts, options);
      const failed = statuses.find(({ status }) => status !== 0);
      if (failed) {
        const { tool, status } = failed;
        throw codedError('PCRS_MACHINE', `${tool} ended ${status}; the snapshot is complete, ${what} not`);
      }
      made.push(...records(output));
    }
    if (isFile) made.push({ kind: 'written', files: [{ file: place }] });
    options.lock.stillMine();
    finishRun(ran.folder, made);
    if (isLatest && link !== undefined) pointLatest(place, series.latest(link), options, isFile);
  }
}

async function runTools(
  parts: readonly PipePart[],
  options: RunOptions & Pick<PipeOptions, 'input'>,
): Promise<PipeResult> {
  const { tools } = options.series;
  try {
    return await runPipe(parts, { ...options, onStart: (pids) => noteTools(tools, pids) });
  } finally {
    if (options.lock.isMine()) forgetTools(tools);
  }
}

/** A folder cannot be copied like a file: without links there is no `latest`. */
function pointLatest(
  target: string,
  link: string,
  { canLink, lock, tell }: RunOptions,
  isFile = false,
): void {
  if (!canLink && !isFile) return;
  if (lstatSync(link, { throwIfNoEntry: false })?.isDirectory()) {
    tell(`${link} is a folder, not a link of pcrs-etl, and is left unchanged`, false);
    return;
  }
  lock.stillMine();
  pointTo(target, link);
}

function failWith(statuses: readonly PartStatus[]): void {
  const failed = statuses.find(({ status }) => status !== 0);
  if (failed !== undefined) throw new ToolFailed(failed, undefined);
}

function lastRecord(output: string): JsonObject | undefined {
  return records(output).at(-1);
}

function records(output: string): JsonObject[] {
  const lines = output.split('\n').map(parsedObject);
  return lines.filter((record) => record !== undefined);
}
