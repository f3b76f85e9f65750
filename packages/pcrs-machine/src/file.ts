import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from './directory.ts';
import { codedError, codeOf, machineError } from './machine-error.ts';
import { fileMode } from './modes.ts';
import { uniqueName } from './process-alive.ts';

/**
 * Writes a file under a temporary name beside it and renames it, so that its name never points to half a file.
 *
 * Throws  PCRS_MACHINE; the previous file is then unchanged
 */
export function replaceFile(path: string, content: string | Uint8Array, mode = fileMode()): void {
  const beside = besideName(path);
  try {
    writeNew(beside, content, mode, true);
    renameFile(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw machineError(path, error);
  }
}

/**
 * Creates a new file in one step: nobody ever sees it empty. On a file system without hard links it is created
 * exclusively and then filled.
 *
 * Yields  false if the file exists
 * Throws  PCRS_MACHINE
 */
export function createFile(path: string, content: string, mode = 0o600): boolean {
  const beside = besideName(path);
  try {
    writeNew(beside, content, mode, false);
    return linked(beside, path) ?? createdAlone(path, content, mode);
  } catch (error) {
    throw machineError(path, error);
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Renames a file over another and syncs the directory. Throws PCRS_MACHINE. */
export function renameFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    throw machineError(to, error);
  }
  syncDirectory(dirname(to));
}

/** Syncs a file to the disk. Throws PCRS_MACHINE. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } catch (error) {
    throw machineError(path, error);
  } finally {
    closeSync(file);
  }
}

/** Sets a file's mode; false on a file system without modes. */
export function setMode(path: string, mode: number): boolean {
  try {
    chmodSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/**
 * Refuses a path that is not a regular file, or whose opening could block for ever.
 *
 * Takes   path   may be missing
 * Throws  PCRS_USAGE for a named pipe, a device, a socket or a directory
 */
export function requireRegular(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  const kind = stats && specialKind(stats);
  if (kind) throw codedError('PCRS_USAGE', `${path}: must be a file, but is a ${kind}`);
}

/** Type of something that is not a file; undefined for a file. */
export function specialKind(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'named pipe';
  return stats.isSocket() ? 'socket' : 'device';
}

/** Temporary name of an unfinished file, beside its final place. */
function besideName(path: string): string {
  return `${path}.${uniqueName()}.part`;
}

function writeNew(path: string, content: string | Uint8Array, mode: number, durable: boolean): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeFileSync(file, content);
    if (durable) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Undefined if the file system has no hard links, or none for this file. */
function linked(from: string, to: string): boolean | undefined {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    return codeOf(error) === 'EEXIST' ? false : undefined;
  }
}

function createdAlone(path: string, content: string, mode: number): boolean {
  try {
    writeNew(path, content, mode, false);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}
