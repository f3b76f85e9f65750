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

/** What a file system can do, found out by doing it. */
export interface Abilities {
  symlink: boolean;
  hardLink: boolean;
  /** Modes are kept: others can be kept out. */
  chmod: boolean;
  syncDirectory: boolean;
}

/**
 * Tries out the file system that a folder is on, so that what it lacks is known before work begins.
 *
 * Throws  PCRS_MACHINE where nothing can be written there
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

/** Bytes that this user may still write where a folder is; undefined where the system does not say. */
export function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    // Some network volumes say nothing but zeros.
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * Makes `path` stand for `target`, in place of what it stood for before: a relative link, or a copy of the file where
 * the file system has no links.
 *
 * Throws  PCRS_MACHINE where neither can be had: a directory is not copied
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
    throw codedError('PCRS_MACHINE', `${target}: no link can be made to it, since the file system has none`);
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
