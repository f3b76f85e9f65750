import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import { isObject, parseSession, type Session } from 'pcrs-records/kinds';
import { lineBlocks } from 'pcrs-records/lines';

/** What a run was started with; `run.json` in its folder. */
export interface RunPlan {
  contract: 1;
  /** `20261123T033737Z`, of the session's start. */
  stamp: string;
  session: Session;
  mode: 'full' | 'incremental';
  /** What an incremental run asks from. */
  since: string | null;
  /** File name of the snapshot that an incremental run starts from. */
  base: string | null;
  /** When the last full run that this one rests on was started. */
  fullAt: string;
  /** What decides which records come; a change of it forces a full run. */
  selection: Record<string, unknown>;
}

/** A run's own folder in the output folder: `archive_STAMP`. */
export interface RunFolder {
  path: string;
  plan: RunPlan;
  /** Its `run.ndjson` is there: the run ended, and was complete. */
  finished: boolean;
}

const prefix = 'archive_';
const planFile = 'run.json';
const recordsFile = 'run.ndjson';

/** `2026-11-23T03:37:37.170Z` → `20261123T033737Z`. */
export function stampOf(startedAt: string): string {
  return new Date(startedAt).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** The runs of an output folder, the newest first; folders without a readable plan are none. */
export async function runFolders(out: string): Promise<RunFolder[]> {
  const names = await readdir(out).catch(() => []);
  const folders: RunFolder[] = [];
  for (const name of names
    .filter((candidate) => candidate.startsWith(prefix))
    .sort()
    .reverse()) {
    const path = join(out, name);
    const plan = await readPlan(path);
    if (plan === undefined) continue;
    const finished = (await readdir(path)).includes(recordsFile);
    folders.push({ path, plan, finished });
  }
  return folders;
}

async function readPlan(path: string): Promise<RunPlan | undefined> {
  try {
    const plan: unknown = JSON.parse(await readFile(join(path, planFile), 'utf8'));
    if (!isObject(plan) || plan['contract'] !== 1 || !isObject(plan['session'])) return undefined;
    return { ...(plan as unknown as RunPlan), session: parseSession(plan['session']) };
  } catch {
    return undefined;
  }
}

/** Makes the folder of a new run. */
export async function newRunFolder(out: string, plan: RunPlan): Promise<RunFolder> {
  const path = join(out, prefix + plan.stamp);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await writeWhole(join(path, planFile), `${JSON.stringify(plan, null, 2)}\n`);
  } catch (error) {
    throw codedError('PCRS_MACHINE', `${path}: ${(error as Error).message}`);
  }
  return { path, plan, finished: false };
}

/** Writes the run's control records; from then on it is finished. */
export async function finishRunFolder(folder: RunFolder, records: string): Promise<void> {
  await writeWhole(join(folder.path, recordsFile), records);
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

/** How far a stopped run got with posture: what is to be done to go on with it. */
export type PostureState =
  /** Nothing of posture is kept. */
  | 'new'
  /** Its input was cut: the stages before it run again, from what they kept. */
  | 'input cut'
  | 'under way'
  /** All is kept: only the sink has something to do. */
  | 'finished';

/** Reads how far a stopped run got. */
export async function postureState(folder: RunFolder): Promise<PostureState> {
  const archive = join(folder.path, 'pcrs-posture');
  const manifest = await readFile(join(archive, 'manifest.ndjson'), 'utf8').catch(() => '');
  if (!manifest.includes('\n')) return 'new';
  const kinds = new Set(Array.from(manifest.matchAll(/^\{"kind":"(\w+)".*\}$/gm), ([, kind]) => kind));
  if (kinds.has('finished')) return 'finished';
  if (!kinds.has('input')) return 'input cut';
  return (await endedWell(join(archive, 'input.ndjson'), 'pcrs-hostids')) ? 'under way' : 'input cut';
}

async function endedWell(input: string, stage: string): Promise<boolean> {
  for await (const { lines } of lineBlocks(createReadStream(input))) {
    for (const line of lines) {
      if (!line.startsWith('{"kind":"end"')) continue;
      const end = JSON.parse(line) as { stage: string; ok: boolean };
      if (end.stage === stage) return end.ok;
    }
  }
  return false;
}

/** Removes what a new start of posture must not find. */
export async function forgetPosture(folder: RunFolder): Promise<void> {
  await rm(join(folder.path, 'pcrs-posture'), { recursive: true, force: true });
}
