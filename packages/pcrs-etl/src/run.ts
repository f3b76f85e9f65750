import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject, parseSession, type Session } from 'pcrs-records/kinds';
import { type Decision, decide, type Wanted } from './decide.ts';
import { csvFolder } from './keep.ts';
import { type PartsOptions, part, runParts, snapshotName } from './parts.ts';
import { type PartStatus, type PipeOptions, type PipePart, runPipe } from './pipe.ts';
import {
  finishRunFolder,
  forgetPosture,
  newRunFolder,
  postureState,
  type RunFolder,
  runFolders,
} from './run-folder.ts';

export interface RunOptions extends PartsOptions, Omit<PipeOptions, 'input'> {
  wanted: Wanted;
  csv: boolean;
  /** Told what is done and why, in a sentence; what is routine is not worth a line in a log. */
  tell(message: string, isRoutine: boolean): void;
}

/** The exit status is that of the first tool of the pipe that failed; it has told why itself. */
export class ToolFailed extends Error {
  readonly code = 'PCRS_INCOMPLETE';
  readonly exitStatus: number;
  /** The `loaded` record, where the sink came to write one. */
  readonly loaded: JsonObject | undefined;

  constructor({ tool, status }: PartStatus, what: string, loaded?: JsonObject) {
    super(`${tool} ended ${status}; ${what}`);
    this.exitStatus = status;
    this.loaded = loaded;
  }
}

/**
 * One run of the whole pipe into an output folder: new, or from where an interrupted one stopped.
 *
 * Yields  the `loaded` record of the sink
 * Throws  ToolFailed; what a folder that cannot be written throws
 */
export async function runIntoFolder(options: RunOptions): Promise<JsonObject> {
  const { out, name, tell, wanted } = options;
  const session = await openSession(options);
  const hasSnapshot = (stamp: string) => existsSync(join(out, snapshotName(stamp, name)));
  const decision = decide(await runFolders(out), session, wanted, hasSnapshot);
  const isRoutine = decision.kind === 'start' && decision.plan.mode === 'incremental';
  if (decision.why) tell(decision.why, isRoutine);
  const { folder, resumed } = await folderOf(decision, out);
  const state = resumed ? await postureState(folder) : 'new';
  if (state === 'new') await forgetPosture(folder);
  const parts = runParts(folder, state, resumed, options);
  const input = `${JSON.stringify(folder.plan.session)}\n`;
  const { statuses, output } = await runPipe(parts, { ...options, input });
  const loaded = lastRecord(output);
  failWith(statuses, 'nothing was published as complete, and the next start goes on with this run', loaded);
  if (options.csv) await writeCsv(folder, options);
  await finish(folder, loaded);
  return loaded!;
}

/** What the pipe would ask of the gateway, as the `plan` record of pcrs-posture. */
export async function planOfRun(options: RunOptions): Promise<JsonObject> {
  const session = await openSession(options);
  const { given } = options;
  const parts = [
    part('pcrs-policies', given),
    part('pcrs-hostids', given),
    part('pcrs-posture', given, '--plan'),
  ];
  const { statuses, output } = await runPipe(parts, { ...options, input: `${JSON.stringify(session)}\n` });
  failWith(statuses, 'there is no plan');
  const plan = output.split('\n').find((line) => line.startsWith('{"kind":"plan"'));
  return JSON.parse(plan ?? '{"kind":"plan"}');
}

/** Has a live token and a fresh session; an interrupted run keeps its own session and uses the token. */
async function openSession(options: RunOptions): Promise<Session> {
  const { statuses, output } = await runPipe([part('pcrs-auth', options.given)], options);
  const record = lastRecord(output);
  failWith(statuses, 'nothing was asked for');
  if (!isObject(record)) throw codedError('PCRS_INCOMPLETE', 'pcrs-auth wrote no session');
  return parseSession(record);
}

async function folderOf(decision: Decision, out: string): Promise<{ folder: RunFolder; resumed: boolean }> {
  if (decision.kind === 'resume') return { folder: decision.folder, resumed: true };
  return { folder: await newRunFolder(out, decision.plan), resumed: false };
}

/** CSV files from what the archive holds: nothing is asked for a second time. */
async function writeCsv(folder: RunFolder, options: RunOptions): Promise<void> {
  const parts: PipePart[] = [
    part('pcrs-posture', options.given, '--archive', join(folder.path, 'pcrs-posture'), '--replay'),
    part('pcrs-to-csv', new Map(), '--dir', join(options.out, csvFolder(folder.plan.stamp))),
  ];
  const { statuses } = await runPipe(parts, options);
  failWith(statuses, 'the snapshot is complete, the CSV files are not');
}

async function finish(folder: RunFolder, loaded: JsonObject | undefined): Promise<void> {
  const records = await readFile(join(folder.path, 'records.ndjson'), 'utf8');
  await finishRunFolder(folder, `${records}${JSON.stringify(loaded)}\n`);
}

function failWith(statuses: readonly PartStatus[], what: string, loaded?: JsonObject): void {
  const failed = statuses.find(({ status }) => status !== 0);
  if (failed !== undefined) throw new ToolFailed(failed, what, loaded);
}

function lastRecord(output: string): JsonObject | undefined {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
