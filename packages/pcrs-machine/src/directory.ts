import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, machineError } from './machine-error.ts';
import { directoryMode } from './modes.ts';

/**
 * Makes a directory and those above it. Node's own recursive mkdir spins for ever on `/proc/x`, deaf to signals.
 *
 * Throws  PCRS_MACHINE where it cannot be made
 */
export function makeDirectory(path: string, mode = directoryMode()): void {
  if (made(path, mode)) return;
  makeDirectory(dirname(path), mode);
  if (!made(path, mode)) throw machineError(path, new Error('no directory can be made there (ENOENT)'));
}

/** False where the directory above is missing. */
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

/** Codes by which a file system says that it cannot do a thing, not that the thing failed. */
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
 * Yields  false where the system does not offer that (Windows, some network volumes)
 * Throws  PCRS_MACHINE where it failed
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
