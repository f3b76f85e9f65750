import { constants } from 'node:os';
import { codeOf } from 'pcrs-records/errors';

/** Exit statuses, the same in every tool; every help text prints them. */
export const exitStatuses: readonly (readonly [string, string])[] = [
  ['0', 'done, or the reader closed the pipe'],
  ['1', 'a bug, or this machine failed (disk full, no permission)'],
  ['2', 'wrong flags or configuration'],
  ['3', 'bad input'],
  ['4', 'the gateway or the database refused the credentials or the permission'],
  ['5', 'the gateway failed after all tries'],
  ['6', 'the input was incomplete'],
  ['7', 'nothing found (0 with --allow-empty, if the tool has it)'],
  ['8', 'a requested gate is not met'],
  ['9', 'another run is using the folder or archive'],
  ['130', 'interrupted (143: terminated)'],
];

const byCode: Readonly<Record<string, number>> = {
  PCRS_READER_GONE: 0,
  PCRS_MACHINE: 1,
  PCRS_USAGE: 2,
  PCRS_RECORD: 3,
  PCRS_REFUSED: 4,
  PCRS_GATEWAY: 5,
  PCRS_INCOMPLETE: 6,
  PCRS_EMPTY: 7,
  PCRS_GATE: 8,
  PCRS_BUSY: 9,
};

/** Exit status for a thrown error: by its code, unless it carries another tool's status (`exitStatus`). */
export function exitStatus(error: unknown): number {
  const code = codeOf(error);
  const given = (error as { exitStatus?: unknown } | null)?.exitStatus;
  if (typeof given === 'number') return given;
  if (code === 'PCRS_INTERRUPTED') {
    const signal = (error as { signal?: 'SIGINT' | 'SIGTERM' }).signal ?? 'SIGINT';
    return 128 + constants.signals[signal];
  }
  return byCode[code ?? ''] ?? 1;
}

/**
 * An error in one line for people. One of ours prints its message; a failure of this machine prints its
 * system code too; anything else is a bug and asks to be reported.
 */
export function messageOf(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
  const code = codeOf(error);
  if (code?.startsWith('PCRS_')) return message;
  if (code !== undefined && /^E[A-Z0-9]+$/.test(code)) return message;
  return `a bug: ${message}; please report it with the command that showed it`;
}
