import type { Counts, JsonObject, Session } from 'pcrs-records/kinds';
import { sqlTime } from 'pcrs-records/moments';
import { gatewayOf, isSameScope, scopeOf } from 'pcrs-records/scope';
import type { RunVerdict } from 'pcrs-sink/judge';
import { runDetail, StageNotes } from 'pcrs-sink/stage-notes';
import { isFilteredOrSupplied } from 'pcrs-sink/stale';
import type { Records } from './records.ts';

/** A row of q_pcrs_status. */
interface Note {
  name: string;
  detail: JsonObject;
  last: string;
}

interface Story {
  verdicts: readonly RunVerdict[];
  complete: boolean | null;
  records: Records;
  /** Received gateway records, by run and kind. */
  received: ReadonlyMap<string | null, Counts>;
  /** Control records as they came. */
  controls: readonly JsonObject[];
  loadedAt: string;
  load: JsonObject;
}

/** The rows of q_pcrs_status for a load and its runs, as in a database of pcrs-to-sqlite. */
export function notes(story: Story): Note[] {
  const { records, complete, verdicts, loadedAt, load } = story;
  const session = lastSession(verdicts);
  const batch = {
    BATCH_DATE: session ? sqlTime(new Date(session.startedAt)) : loadedAt,
    BATCH_NUMBER: '0',
    STATUS: 'FINAL BATCH LOADED',
  };
  const workflow = { LOG_WORKFLOW_DATE: loadedAt, LOG_WORKFLOW_NAME: 'pcrs-to-postgres' };
  const tables = records.tables.map(({ table, rows }) => ({
    name: table.name,
    detail: { ...batch, TOTAL_ROWS_ADDED: rows, ...workflow },
    last: '0',
  }));
  const all: Note[] = [...tables, ...verdicts.flatMap((verdict) => runNotes(verdict, story))];
  const gateway = session ? gatewayOf(session) : null;
  if (gateway !== null || records.subscriptionId !== undefined) {
    all.push({
      name: 'SOURCE',
      detail: { gateway, subscriptionId: records.subscriptionId ?? null },
      last: '1',
    });
  }
  all.push({ name: 'SCOPE', detail: scopeNote(verdicts, gateway), last: '1' });
  if (complete) {
    all.push({
      name: 'ALL_TABLES_LOADED_SUCCESSFULLY',
      detail: { ...batch, TOTAL_ROWS_ADDED: 0, ...workflow },
      last: '0',
    });
  }
  return [...all, { name: 'LOAD', detail: load, last: '1' }];
}

/** The scope of a schema that begins with these runs; the server keeps its first one. */
function scopeNote(verdicts: readonly RunVerdict[], gateway: string | null): JsonObject {
  const [flags = {}, ...others] = verdicts.map(({ starts }) => scopeOf(starts));
  const isMixed = verdicts.length === 0 || others.some((other) => !isSameScope(flags, other));
  return {
    ...{ gateway, flags, beganFiltered: verdicts.some(isFilteredOrSupplied) },
    ...(isMixed ? { mixed: true } : {}),
  };
}

function runNotes(verdict: RunVerdict, { records, controls, received }: Story): Note[] {
  const { runId, complete } = verdict;
  const counted = {
    ...{ policyErrors: records.policyErrors, hostsResolved: records.hosts },
    recordsReceived: received.get(runId) ?? {},
  };
  const run: Note = {
    ...{ name: `RUN ${runId}`, detail: runDetail(verdict, counted) },
    last: complete ? 'TRUE' : 'FALSE',
  };
  const stages = new StageNotes();
  for (const record of controls) if (record['kind'] !== 'session') stages.take(record);
  return [run, ...stages.of(runId).map((note) => ({ ...note, last: '1' }))];
}

export function lastSession(verdicts: readonly RunVerdict[]): Session | undefined {
  return verdicts.at(-1)?.session;
}
