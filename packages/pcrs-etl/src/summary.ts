import { counted } from 'pcrs-records/counted';
import { isObject, type JsonObject } from 'pcrs-records/kinds';

/**
 * A run in one sentence, from the sink's `loaded` record.
 *
 * `complete: 640 policies, 12,034 host ids, 1,203,456 postures of 210 controls in 12:03; snapshots/pcrs_….db`
 */
export function summary(loaded: JsonObject, seconds: number): string {
  const rows = isObject(loaded['rows']) ? loaded['rows'] : {};
  const count = (table: string, noun: string) => counted(Number(rows[`q_pcrs_${table}`] ?? 0), noun);
  const what = [
    count('policy_list', 'policy'),
    count('hostids', 'host id'),
    `${count('postureinfo', 'posture')} of ${count('postureinfo_controls', 'control')}`,
  ];
  const without = Number(loaded['hostsWithoutPosture'] ?? 0);
  if (without > 0) what.push(`${counted(without, 'host')} without posture`);
  const state = loaded['complete'] === true ? 'complete' : 'incomplete';
  const minutes = `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;
  return `${state}: ${what.join(', ')} in ${minutes}; ${String(loaded['database'])}`;
}
