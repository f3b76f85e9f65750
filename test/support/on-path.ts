import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is found, best first. */
export function onPath(program: string): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).filter((path) => existsSync(path));
}

/** A reason to skip a test if a program is missing here; otherwise false. */
export function missing(...programs: string[]): string | false {
  const absent = programs.filter((program) => onPath(program).length === 0);
  return absent.length === 0 ? false : `${absent.join(', ')}: not on this machine`;
}
