import { lstatSync, readdirSync, realpathSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { SnapshotState } from 'pcrs-database/snapshot-names';
import { runIn } from 'pcrs-database/snapshot-status';
import { isObject } from 'pcrs-records/kinds';
import type { KeepRule } from './keep-rule.ts';
import { ownFiles, type RunFolder, type RunPlan, runsOf } from './run-folder.ts';
import type { Series } from './series.ts';

/** Result of removing old runs of a series. */
interface Removed {
  runs: number;
  /** Foreign files in folders of ours; they stay. */
  foreign: string[];
  /** Why nothing was removed, if that is strange. */
  warning?: string;
}

/** Called before each deletion: throws if the folder now belongs to another process. */
type Guard = () => void;

/**
 * Removes older runs of a series with everything their records name: snapshot, archive and products made from the
 * snapshot. Never removes what was just made, what a `latest` points to, or an archive that a kept snapshot depends
 * on.
 */
export async function removeOldRuns(
  series: Series,
  rule: KeepRule,
  justMade: RunFolder,
  guard: Guard,
): Promise<Removed> {
  const runs = runsOf(series);
  const current = runs.find(({ path }) => path === justMade.path) ?? justMade;
  const kept = new Set([current, ...keptBy(rule, runs, current), ...(await namedByLatest(series, runs))]);
  const old = runs.filter((run, index) => !kept.has(run) && (run.made || isPassed(index, runs, kept)));
  const earlier = runs.filter((run) => run !== current && run.made);
  if ('withinMs' in rule && earlier.length > 1 && keptBy(rule, earlier, current).length === 0) {
    const warning = 'nothing removed: every earlier run seems older than --keep; is the clock right?';
    return { runs: 0, foreign: [], warning };
  }
  const needed = restedOn(kept, runs);
  const foreign: string[] = [];
  for (const run of old) {
    for (const path of await snapshotsOf(series, run)) remove(path, guard);
    foreign.push(...removeMadeFiles(series, run, guard));
    if (!needed.has(run)) foreign.push(...removeArchive(run, guard));
  }
  return { runs: old.filter((run) => !needed.has(run)).length, foreign };
}

/** Complete runs that the rule keeps: by their order, since the clock may have been set. */
function keptBy(rule: KeepRule, runs: readonly RunFolder[], current: RunFolder): RunFolder[] {
  const complete = runs.filter(({ made }) => made);
  if ('runs' in rule) {
    return [current, ...complete.filter((run) => run !== current)].slice(0, rule.runs);
  }
  const since = Date.parse(current.plan.session.startedAt) - rule.withinMs;
  return complete.filter(({ plan }) => Date.parse(plan.session.startedAt) >= since);
}

/** Whether an unfinished run is older than a kept one, so that it is never resumed. */
function isPassed(index: number, runs: readonly RunFolder[], kept: ReadonlySet<RunFolder>): boolean {
  return runs.slice(0, index).some((run) => kept.has(run));
}

/** Runs that any series' `latest` points to; if it is a copy, the file itself names its run. */
async function namedByLatest(series: Series, runs: readonly RunFolder[]): Promise<RunFolder[]> {
  const links = readdirSync(series.out).filter((name) => name.startsWith('latest'));
  const targets = new Set(links.map((name) => basename(targetOf(join(series.out, name)))));
  const runIds = new Set(
    await Promise.all(links.filter(isDatabase).map((name) => runIn(join(series.out, name)))),
  );
  return runs.filter(
    (run) =>
      runIds.has(run.plan.session.runId) ||
      [run.path, ...madeFiles(series, run).map((file) => dirname(file))].some((path) =>
        targets.has(basename(path)),
      ),
  );
}

const isDatabase = (name: string) => name.endsWith('.db');

function targetOf(link: string): string {
  try {
    return realpathSync(link);
  } catch {
    return link;
  }
}

/** Runs whose archives are needed to rebuild the kept snapshots: a delta depends on its base. */
function restedOn(kept: ReadonlySet<RunFolder>, runs: readonly RunFolder[]): Set<RunFolder> {
  const needed = new Set<RunFolder>();
  for (const run of kept) {
    for (let at: RunFolder | undefined = run; at !== undefined && !needed.has(at); ) {
      needed.add(at);
      const { base }: RunPlan = at.plan;
      at = runs.find(({ plan }) => plan.stamp === base);
    }
  }
  return needed;
}

/** Snapshot files that name the run as their own. */
async function snapshotsOf(series: Series, { plan }: RunFolder): Promise<string[]> {
  const states: SnapshotState[] = ['complete', 'incomplete', 'shrunk'];
  const paths = states.map((state) => series.snapshot(plan.stamp, state)).filter(isThere);
  const runs = await Promise.all(paths.map((path) => runIn(path)));
  return paths.filter((_, index) => runs[index] === plan.session.runId);
}

/** Files made from the snapshot, as the run's records name them; the folder may have been moved since. */
function madeFiles({ out, beside }: Series, { plan, made = [] }: RunFolder): string[] {
  if (plan.order === 0) {
    // Contract 1 did not record them.
    return ['policy.csv', 'hostids.csv', 'posture.csv'].map((name) => join(beside('csv', plan.stamp), name));
  }
  return made.flatMap(({ files }) => {
    const paths = Array.isArray(files) ? files.filter(isObject).map(({ file }) => String(file)) : [];
    return paths.map((path) => join(out, basename(dirname(path)), basename(path)));
  });
}

function removeMadeFiles(series: Series, run: RunFolder, guard: Guard): string[] {
  const byFolder = Map.groupBy(madeFiles(series, run), (file) => dirname(file));
  return [...byFolder].flatMap(([folder, files]) => {
    const names = new Set(files.map((file) => basename(file)));
    return emptyFolder(folder, (name) => names.has(name), guard);
  });
}

/** Files of an archive: a crash may have left bodies that its manifest does not name. */
const archiveFile =
  /^(manifest\.ndjson|SHA256SUMS|input\.ndjson|\d{6,}-[\da-f]{12}\.json(\.gz)?|.*\.part|\.?lock.*)$/;

/** The plan goes last, so that the next start completes an interrupted removal. */
function removeArchive({ path }: RunFolder, guard: Guard): string[] {
  if (isLink(path)) return [path];
  const tools = readdirSync(path, { withFileTypes: true }).filter(
    ({ name, parentPath }) => name.startsWith('pcrs-') && lstatSync(join(parentPath, name)).isDirectory(),
  );
  const foreign = tools.flatMap(({ name }) =>
    emptyFolder(join(path, name), (file) => archiveFile.test(file), guard),
  );
  return [...foreign, ...emptyFolder(path, (file) => ownFiles.includes(file), guard)];
}

/** Removes our files in a folder, and the folder if nothing is left; yields what is left. */
function emptyFolder(folder: string, isOurs: (name: string) => boolean, guard: Guard): string[] {
  if (!isThere(folder)) return [];
  // The user moved it elsewhere.
  if (isLink(folder)) return [folder];
  const entries = readdirSync(folder, { withFileTypes: true });
  const ours = entries.filter((entry) => isOurs(entry.name) && !entry.isDirectory());
  for (const name of ours.map((entry) => entry.name).sort(planLast)) remove(join(folder, name), guard);
  const foreign = entries.filter((entry) => !ours.includes(entry));
  if (foreign.length > 0) return foreign.map(({ name }) => join(folder, name));
  guard();
  return isRemoved(folder) ? [] : [folder];
}

/** False if something appeared in the folder meanwhile, as NFS does for a file that is still open. */
function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function planLast(a: string, b: string): number {
  return ownFiles.indexOf(b) - ownFiles.indexOf(a);
}

function remove(path: string, guard: Guard): void {
  guard();
  unlinkSync(path);
}

function isLink(path: string): boolean {
  return lstatSync(path).isSymbolicLink();
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
