import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { syncDirectory } from './directory.ts';
import { setMode } from './file.ts';
import { codedError, machineError } from './machine-error.ts';
import { uniqueName } from './process-alive.ts';

/** Abilities of a file system, found by trying. */
export interface Abilities {
  symlink: boolean;
  hardLink: boolean;
  /** File modes are kept, so access can be restricted. */
  chmod: boolean;
  syncDirectory: boolean;
}

/**
 * Tries out the file system of a folder, so that missing abilities are known before work begins.
 *
 * Throws  PCRS_MACHINE if the folder is not writable
 */
export function probeFileSystem(folder: string): Abilities {
  const place = join(folder, `.probe-${uniqueName()}`);
  try {
    mkdirSync(place, { mode: 0o700 });
    const file = join(place, 'file');
    writeFileSync(file, 'probe', { mode: 0o600 });
    return {
      symlink: works(() => symlinkSync('file', join(place, 'symlink'))),
      hardLink: works(() => linkSync(file, join(place, 'link'))),
      chmod: works(() => chmodSync(file, 0o600)) && (statSync(file).mode & 0o777) === 0o600,
      syncDirectory: syncDirectory(place),
    };
  } catch (error) {
    throw machineError(folder, error);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Bytes this user may still write to a folder's file system; undefined if the system does not report it. */
export function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    // Some network volumes report only zeros.
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * Points `path` at `target`, replacing what was there: by a relative link, or by a copy of the file if the file
 * system has no links.
 *
 * Throws  PCRS_MACHINE if neither works: a directory is not copied
 */
export function pointTo(target: string, path: string): 'link' | 'copy' {
  const fresh = join(dirname(path), `.${basename(path)}.${uniqueName()}.part`);
  try {
    const isLink = works(() => symlinkSync(relative(dirname(path), target), fresh));
    if (!isLink) copyTo(target, fresh);
    renameSync(fresh, path);
    syncDirectory(dirname(path));
    return isLink ? 'link' : 'copy';
  } catch (error) {
    rmSync(fresh, { force: true });
    throw machineError(path, error);
  }
}

function copyTo(target: string, fresh: string): void {
  if (statSync(target).isDirectory())
    throw codedError(
      'PCRS_MACHINE',
      `${target}: cannot be linked, since the file system does not support links`,
    );
  copyFileSync(target, fresh);
  setMode(fresh, statSync(target).mode & 0o777);
}

function works(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
