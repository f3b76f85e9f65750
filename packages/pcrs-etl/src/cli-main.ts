import { exitStatus, messageOf } from 'pcrs-cli/exit-status';
import { camelCase } from 'pcrs-cli/read-flags';
import { lastAttempt } from 'pcrs-database/attempt';
import { makeDirectory } from 'pcrs-machine/directory';
import { probeFileSystem } from 'pcrs-machine/file-system';
import { handDown } from 'pcrs-machine/held-lock';
import { type Lock, lockTimes, openLock } from 'pcrs-machine/lock';
import { letGroupRead } from 'pcrs-machine/modes';
import { counted } from 'pcrs-records/counted';
import { durationMs } from 'pcrs-records/duration';
import { type CodedError, codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import { noteAttempt } from './attempt.ts';
import type { EtlContext } from './cli.ts';
import { removeOldRuns } from './keep.ts';
import { products } from './made-from-snapshot.ts';
import { selectionOf, variablesFor } from './passed-flags.ts';
import { planOfRun, type Ran, type RunOptions, runIntoFolder } from './run.ts';
import { scopeOfStart } from './scope.ts';
import { type Series, seriesOf } from './series.ts';
import { summary } from './summary.ts';

/** Runs the pipe into the folder, or counts what it would ask for. */
export async function runEtl(context: EtlContext): Promise<void> {
  const { name, out, plan } = context.flags;
  if (out === undefined)
    throw codedError('PCRS_USAGE', '--out is missing: the folder for snapshots and archives');
  checkTogether(context);
  if (plan) return context.output.record(await planOfRun(programs(context)));
  if (context.flags.groupReadable) letGroupRead();
  makeDirectory(out);
  const series = seriesOf(out, name);
  const lock = await lockOf(series, context);
  if (lock === undefined) return;
  try {
    await attempt(context, series, lock);
  } finally {
    lock.release();
  }
}

/** Undefined if another run holds the lock and that is fine. */
async function lockOf(series: Series, context: EtlContext): Promise<Lock | undefined> {
  const { env, flags, log, signal } = context;
  const what = series.name === undefined ? series.out : `${series.out} (--name ${series.name})`;
  const info = (message: string) => log.info(message);
  try {
    return await openLock(series.lock, { what, signal, info, times: lockTimes(env) });
  } catch (error) {
    const { code, message } = error as CodedError;
    if (code !== 'PCRS_BUSY' || flags.ifBusy !== 'skip') throw error;
    log.info(`${message}; skipped (--if-busy)`);
    return undefined;
  }
}

/** One start, recorded in the folder with its outcome. */
async function attempt(context: EtlContext, series: Series, lock: Lock): Promise<void> {
  const { log, output, startedAt } = context;
  const abilities = probeFileSystem(series.out);
  if (!abilities.chmod)
    log.warn(
      `${series.out}: the file system does not store file modes, so others may be able to read the files`,
    );
  if (!abilities.syncDirectory)
    log.warn(
      `${series.out}: the file system cannot sync directories, so a crash of the machine may lose the newest files`,
    );
  if (!abilities.symlink)
    log.note(`${series.out}: the file system does not support links, so latest.db will be a copy`);
  const afterKill = lastAttempt(series.out, series.name)?.status === null;
  const ended = noteAttempt(series, startedAt);
  const logVerdict = (loaded: JsonObject): void => {
    const verdict = loaded['complete'] === true ? 'good' : 'bad';
    log.verdict(verdict, summary(loaded, (Date.now() - startedAt.getTime()) / 1000));
  };
  try {
    const ran = await runIntoFolder(runOptions(context, series, lock, abilities.symlink, afterKill));
    await output.record(ran.loaded);
    await removeOld(context, series, ran, lock);
    logVerdict(ran.loaded);
    if (lock.isMine()) ended(0, null);
  } catch (error) {
    const { loaded } = error as { loaded?: JsonObject };
    if (loaded) {
      await output.record(loaded);
      logVerdict(loaded);
    }
    // Another start has the folder now, and its own attempt is noted there.
    if (lock.isMine()) ended(exitStatus(error), log.redacted(messageOf(error)));
    throw error;
  }
}

async function removeOld({ flags, log }: EtlContext, series: Series, ran: Ran, lock: Lock): Promise<void> {
  if (flags.keep === undefined) return;
  const removed = await removeOldRuns(series, flags.keep, ran.folder, () => lock.stillMine());
  if (removed.warning) log.warn(removed.warning);
  for (const path of removed.foreign) log.note(`${path} was not made by pcrs-etl and is kept`);
  if (removed.runs > 0) log.note(`removed ${counted(removed.runs, 'older run')} (--keep)`);
}

function checkTogether({ flags }: EtlContext): void {
  const { evaluatedSince, scannedFrom, scannedSince, scannedTo, statusChangedSince } = flags;
  const date = evaluatedSince ?? scannedFrom ?? scannedSince ?? scannedTo ?? statusChangedSince;
  if (flags.incremental && date !== undefined)
    throw codedError('PCRS_USAGE', '--incremental sets the dates itself; omit the date filters');
}

/** What starting a tool needs. */
function programs(context: EtlContext) {
  const { env, node, pid, signal } = context;
  const given = givenFlags(context);
  return { given, node, pid, signal, env: { ...env, ...variablesFor(given) } };
}

function runOptions(
  context: EtlContext,
  series: Series,
  lock: Lock,
  canLink: boolean,
  afterKill: boolean,
): RunOptions {
  const { env, flags, log, profile } = context;
  const started = programs(context);
  const { given } = started;
  return {
    ...started,
    env: { ...started.env, PCRS_HELD_LOCK: handDown(lock, series.lock) },
    ...{ series, lock, canLink, afterKill, rescope: flags.rescope },
    make: new Set(products.flatMap(({ flag }) => (flags[flag] ? [flag] : []))),
    wanted: {
      incremental: flags.incremental,
      fresh: flags.fresh,
      acceptShrink: flags.acceptShrink,
      fullEveryMs: durationMs(flags.fullEvery),
      resumeWithinMs: durationMs(flags.resumeWithin),
      scope: scopeOfStart({ given, profile, env }),
      selection: selectionOf(given, profile, env),
    },
    tell: (message, isRoutine) => (isRoutine ? log.note(message) : log.info(message)),
  };
}

/** Flags set for pcrs-etl alone, by name; the tools read the suite's settings themselves. */
function givenFlags(context: EtlContext): Map<string, unknown> {
  const values = context.flags as Readonly<Record<string, unknown>>;
  return new Map([...context.forThisTool].map((name) => [name, values[camelCase(name)]]));
}
