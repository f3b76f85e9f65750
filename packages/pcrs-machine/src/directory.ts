import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, machineError } from './machine-error.ts';
import { directoryMode } from './modes.ts';

/**
 * Makes a directory and its parents. Node's recursive mkdir loops for ever on `/proc/x` and ignores signals.
 *
 * Throws  PCRS_MACHINE if it cannot be made
 */
export function makeDirectory(path: string, mode = directoryMode()): void {
  if (made(path, mode)) return;
  makeDirectory(dirname(path), mode);
  if (!made(path, mode)) throw machineError(path, new Error('no directory can be created there (ENOENT)'));
}

/** False if the parent is missing. */
function made(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (isDirectory(path)) return true;
    if (codeOf(error) === 'ENOENT' && dirname(path) !== path) return false;
    if (codeOf(error) === 'EEXIST') throw machineError(path, new Error('is not a directory'));
    throw machineError(path, error);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Error codes that mean the file system lacks an operation, not that the operation failed. */
const notOffered = new Set([
  'EISDIR',
  'EPERM',
  'EACCES',
  'EINVAL',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EBADF',
]);

/**
 * Makes the names in a directory survive a crash of the machine.
 *
 * Yields  false if the system cannot do that (Windows, some network volumes)
 * Throws  PCRS_MACHINE if it failed
 */
export function syncDirectory(path: string): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    fsyncSync(file);
    return true;
  } catch (error) {
    if (notOffered.has(codeOf(error) ?? '')) return false;
    throw machineError(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
