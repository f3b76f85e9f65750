import type { ReadDatabase } from 'pcrs-database/open';
import {
  incompleteness,
  type RunNote,
  readSnapshotStatus,
  type StageNote,
} from 'pcrs-database/snapshot-status';
import type { Base, JsonObject, Scope, Session, Start } from 'pcrs-records/kinds';
import { baseOf, scopeOf } from 'pcrs-records/scope';

/** The run in a database, from its own records. */
export interface HeldRun {
  /** Without a token file. */
  readonly session: Session;
  readonly scope: Scope;
  readonly base: Base;
  /** Whether it asked for evidence; undefined if unknown. */
  readonly evidence: boolean | undefined;
}

/** Content of a database. */
export interface Held {
  /** Its last complete run, else its last run; undefined if it was loaded without a run. */
  readonly run: HeldRun | undefined;
  /** Why the run is incomplete. */
  readonly incomplete: string | undefined;
}

/** Reads a database's run, and whether the run is complete. */
export async function readHeldRun(database: ReadDatabase): Promise<Held> {
  const status = await readSnapshotStatus(database);
  const lacks = incompleteness(status);
  const withoutRun = lacks?.code === 'no_run' || (lacks?.code === 'no_load' && status.run === undefined);
  const incomplete = withoutRun ? undefined : lacks?.message;
  const details = await database.read(() => statusRows(database));
  const run = lastComplete(details) ?? status.run;
  if (run?.startedAt === undefined || run.startedAt === null) return { run: undefined, incomplete };
  const starts = stagesOf(details, run.runId).flatMap(({ start }) => start ?? []);
  const scope = details.get('SCOPE')?.['flags'] as Scope | undefined;
  // A delta loaded onto a full picture makes a full picture.
  const isWhole = status.load?.runId === run.runId && status.load.fullRunAt != null;
  return {
    run: {
      session: sessionOf(run),
      scope: scope ?? scopeOf(starts),
      base: isWhole ? 'full' : baseOf(starts),
      evidence: askedForEvidence(starts),
    },
    incomplete,
  };
}

function sessionOf({ runId, gateway, username, startedAt }: RunNote): Session {
  return {
    ...{ kind: 'session', runId, gateway: gateway ?? '', username },
    ...{ tokenFile: null, expiresAt: null, startedAt: startedAt as string },
  };
}

function askedForEvidence(starts: readonly Start[]): boolean | undefined {
  const posture = starts.find(({ stage }) => stage === 'pcrs-posture');
  if (posture !== undefined) return posture.options?.['evidence']?.value === true;
  return starts.find(({ evidence }) => evidence !== undefined)?.evidence;
}

/** The status rows with a JSON object, latest last. */
function statusRows({ db }: ReadDatabase): Map<string, JsonObject> {
  const rows = db.prepare(
    'SELECT STATUS_NAME, STATUS_DETAIL FROM q_pcrs_status WHERE json_valid(STATUS_DETAIL) ORDER BY rowid',
  );
  return new Map(
    (rows.raw().all() as [string, string][]).map(([name, detail]) => [name, JSON.parse(detail)]),
  );
}

function lastComplete(details: ReadonlyMap<string, JsonObject>): RunNote | undefined {
  const runs = [...details]
    .filter(([name]) => /^RUN \S+$/.test(name))
    .map(([, detail]) => detail as unknown as RunNote);
  return runs
    .filter(({ complete }) => complete)
    .sort((a, b) => ((a.startedAt ?? '') < (b.startedAt ?? '') ? 1 : -1))[0];
}

function stagesOf(details: ReadonlyMap<string, JsonObject>, runId: string): StageNote[] {
  return [...details]
    .filter(([name]) => name.startsWith(`RUN ${runId} `))
    .map(([, detail]) => detail as unknown as StageNote);
}
