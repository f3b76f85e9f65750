import type { ReadDatabase } from 'pcrs-database/open';
import { incompleteness, type KnownRun, readSnapshotStatus } from 'pcrs-database/snapshot-status';
import type { Base, Scope, Session, Start } from 'pcrs-records/kinds';
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
  const { load, runs, scope } = status;
  const run = runs.find(({ note }) => note.complete) ?? runs.find(({ note }) => note.runId === load?.runId);
  if (run === undefined) return { run: undefined, incomplete };
  const { note, starts } = run;
  // A delta loaded onto a full picture makes a full picture.
  const isWhole = load?.runId === note.runId && load.fullRunAt != null;
  return {
    run: {
      session: sessionOf(note),
      scope: scope?.flags ?? scopeOf(starts),
      base: isWhole ? 'full' : baseOf(starts),
      evidence: askedForEvidence(starts),
    },
    incomplete,
  };
}

function sessionOf({ runId, gateway, username, startedAt }: KnownRun['note']): Session {
  return {
    ...{ kind: 'session', runId, gateway: gateway ?? '', username },
    ...{ tokenFile: null, expiresAt: null, startedAt },
  };
}

function askedForEvidence(starts: readonly Start[]): boolean | undefined {
  const posture = starts.find(({ stage }) => stage === 'pcrs-posture');
  if (posture !== undefined) return posture.options?.['evidence']?.value === true;
  return starts.find(({ evidence }) => evidence !== undefined)?.evidence;
}
