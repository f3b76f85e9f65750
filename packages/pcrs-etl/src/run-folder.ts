import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from 'pcrs-machine/file';
import { directoryMode } from 'pcrs-machine/modes';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject, parseSession, type Scope, type Session } from 'pcrs-records/kinds';
import { stagesIn } from 'pcrs-records/stages';
import type { EndForGood } from './next-step.ts';
import type { Series } from './series.ts';

/** What a run was started with; `run.json` in its folder. */
export interface RunPlan {
  contract: 2;
  /** Name of the series; null for the unnamed one. */
  name: string | null;
  /** Rises with each run of the folder, whatever the clock says; 0 in contract 1. */
  order: number;
  /** `20261123T033737Z`, the session's start. */
  stamp: string;
  session: Session;
  mode: 'full' | 'incremental';
  /** Start date of an incremental run's changes. */
  since: string | null;
  /** Stamp of the run whose snapshot an incremental run builds on. */
  base: string | null;
  /** Start of the last full run that this one builds on. */
  fullAt: string;
  /** What narrows the run. */
  scope: Scope;
  /** What decides which records come, the scope included; a change forces a full run. */
  selection: Record<string, unknown>;
  /**
   * Set if it ended for good and was not published: 2 wrong flags, 7 a listing without policies, 8 a shrink, which
   * can be accepted.
   */
  ended?: EndForGood;
}

/** A run's own folder in the output folder: `archive_STAMP`. */
export interface RunFolder {
  path: string;
  plan: RunPlan;
  /** Records in `run.ndjson` after the control records; undefined unless the run completed. */
  made: readonly JsonObject[] | undefined;
}

const prefix = 'archive_';
const planFile = 'run.json';
const recordsFile = 'run.ndjson';
/** Control records of the current run; the sink writes them. */
export const controlFile = 'records.ndjson';

const inputFile = 'session.ndjson';

/** Files that pcrs-etl itself puts into a run's folder. */
export const ownFiles: readonly string[] = [planFile, recordsFile, controlFile, inputFile];

/** The run's session, as input of the pipe. */
export function sessionFile({ path, plan }: RunFolder): string {
  const file = join(path, inputFile);
  if (!existsSync(file)) replaceFile(file, `${JSON.stringify(plan.session)}\n`);
  return file;
}

/** All runs of an output folder, newest first. Ignores folders without our plan, and copies. */
export function allRuns(out: string): RunFolder[] {
  if (!existsSync(out)) return [];
  const folders = readdirSync(out).flatMap((name) => {
    const path = join(out, name);
    const plan = name.startsWith(prefix) ? readPlan(path) : undefined;
    if (plan === undefined || name !== prefix + plan.stamp) return [];
    return [{ path, plan, made: readMade(join(path, recordsFile)) }];
  });
  return folders.sort((a, b) => b.plan.order - a.plan.order || (a.plan.stamp < b.plan.stamp ? 1 : -1));
}

/** The runs of one series, newest first. */
export function runsOf(series: Series): RunFolder[] {
  return allRuns(series.out).filter(({ plan }) => plan.name === (series.name ?? null));
}

function readPlan(path: string): RunPlan | undefined {
  try {
    const plan: unknown = JSON.parse(readFileSync(join(path, planFile), 'utf8'));
    if (!isObject(plan) || !isObject(plan['session'])) return undefined;
    const session = parseSession(plan['session']);
    if (plan['contract'] === 2) return { ...(plan as unknown as RunPlan), session };
    if (plan['contract'] !== 1) return undefined;
    const name = nameOfFirstContract(path, String(plan['stamp']));
    return { ...(plan as unknown as RunPlan), contract: 2, order: 0, scope: {}, name, session };
  } catch {
    return undefined;
  }
}

/** Contract 1 did not record the name; the name of the run's snapshot gives it. */
function nameOfFirstContract(path: string, stamp: string): string | null {
  const loaded = readMade(join(path, recordsFile))?.find(({ kind }) => kind === 'loaded');
  const files = [String(loaded?.['database'] ?? ''), ...readdirSync(join(path, '..'))];
  const names = files.flatMap((file) => {
    const found = /(?:^|[\\/])pcrs_(?:(.+)_)?(\d{8}T\d{6}Z)(?:\.incomplete)?\.db$/.exec(file);
    return found?.[2] === stamp ? [found[1] ?? null] : [];
  });
  return names[0] ?? null;
}

/**
 * The records of what a run made: `loaded`, and `written` for products of the snapshot. Undefined if they are
 * damaged: they then prove nothing.
 */
function readMade(path: string): JsonObject[] | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  try {
    return lines.map((line) => JSON.parse(line)).filter(({ kind }) => !/^(session|start|end)$/.test(kind));
  } catch {
    return undefined;
  }
}

/**
 * Makes the folder of a new run.
 *
 * Yields  undefined if another run has the stamp
 */
export function newRunFolder(out: string, plan: RunPlan): RunFolder | undefined {
  const path = join(out, prefix + plan.stamp);
  try {
    mkdirSync(path, { mode: directoryMode() });
    writePlan({ path, plan });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw codedError('PCRS_MACHINE', `${path}: ${(error as Error).message}`);
  }
  return { path, plan, made: undefined };
}

/** Writes the control records and the records of what was made; this completes the run. */
export function finishRun(folder: RunFolder, made: readonly JsonObject[]): void {
  const control = readFileSync(join(folder.path, controlFile), 'utf8');
  const lines = made.map((record) => `${JSON.stringify(record)}\n`);
  replaceFile(join(folder.path, recordsFile), control + lines.join(''));
}

/** Records that a run ended for good without being published. */
export function noteEnd({ path, plan }: RunFolder, ended: EndForGood): void {
  writePlan({ path, plan: { ...plan, ended } });
}

function writePlan({ path, plan }: { path: string; plan: RunPlan }): void {
  replaceFile(join(path, planFile), `${JSON.stringify(plan, null, 2)}\n`);
}

/** Progress of posture in a stopped run: what resuming has to do. */
export type PostureState =
  /** No posture is stored. */
  | 'new'
  /** Its input was cut, or a stage before it failed: these run again, from what they stored. */
  | 'input cut'
  | 'under way'
  /** All posture is stored; only the sink has work left. */
  | 'finished';

/** Reads the progress of a stopped run. */
export async function postureState(folder: RunFolder): Promise<PostureState> {
  const archive = join(folder.path, 'pcrs-posture');
  const manifestFile = join(archive, 'manifest.ndjson');
  const manifest = existsSync(manifestFile) ? readFileSync(manifestFile, 'utf8') : '';
  if (!manifest.includes('\n')) return 'new';
  const kinds = new Set(Array.from(manifest.matchAll(/^\{"kind":"(\w+)".*\}$/gm), ([, kind]) => kind));
  if (!kinds.has('input') || !(await endedWell(join(archive, 'input.ndjson')))) return 'input cut';
  return kinds.has('finished') ? 'finished' : 'under way';
}

async function endedWell(input: string): Promise<boolean> {
  const { started } = await stagesIn(createReadStream(input));
  return started.length > 0 && started.every(({ end }) => end?.ok === true);
}

/** Removes what a new start of posture must not find. */
export function forgetPosture(folder: RunFolder): void {
  rmSync(join(folder.path, 'pcrs-posture'), { recursive: true, force: true });
}
