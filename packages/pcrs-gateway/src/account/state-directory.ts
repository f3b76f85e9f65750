import { accessSync, constants, lstatSync, type Stats } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { makeDirectory } from 'pcrs-machine/directory';
import { usageError } from '../ask/gateway-error.ts';

/**
 * Directory of tokens and pacing state.
 *
 * PCRS_STATE_DIR, else %LOCALAPPDATA%/pcrs, $XDG_STATE_HOME/pcrs, ~/.local/state/pcrs; undefined if the environment
 * has none of these.
 */
export function stateRoot(env: Record<string, string | undefined>): string | undefined {
  const own = env['PCRS_STATE_DIR'];
  if (own) return resolve(own);
  const xdg = env['XDG_STATE_HOME'];
  if (xdg && isAbsolute(xdg)) return join(xdg, 'pcrs');
  const windows = env['LOCALAPPDATA'];
  if (windows) return join(windows, 'pcrs');
  const home = env['HOME'];
  return home && isAbsolute(home) ? join(home, '.local', 'state', 'pcrs') : undefined;
}

/**
 * Makes a directory below the root that only this user can enter, or checks an existing one.
 *
 * Takes   uid   undefined on a system without uids (Windows), where nothing is checked
 * Throws  PCRS_USAGE for a link, another owner, or a mode that lets others in; the file system's error if it cannot
 *         be made or written
 */
export function privateDirectory(root: string, names: readonly string[], uid: number | undefined): string {
  makeDirectory(root, 0o700);
  let path = root;
  for (const name of names) {
    path = join(path, name);
    makeDirectory(path, 0o700);
    checkPrivate(path, lstatSync(path), uid, 'directory');
  }
  accessSync(path, constants.W_OK | constants.X_OK);
  return path;
}

/**
 * Refuses a file or directory that another user could have made, changed or read.
 *
 * Throws  PCRS_USAGE with advice
 */
export function checkPrivate(
  path: string,
  stats: Stats,
  uid: number | undefined,
  kind: 'directory' | 'file',
): void {
  if (stats.isSymbolicLink()) throw usageError(`${path}: is a link, which is not followed here; remove it`);
  if (kind === 'directory' ? !stats.isDirectory() : !stats.isFile()) {
    throw usageError(`${path}: must be a ${kind}; remove it`);
  }
  if (uid === undefined) return;
  if (stats.uid !== uid) {
    throw usageError(`${path}: belongs to another user (uid ${stats.uid}); remove it or set PCRS_STATE_DIR`);
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw usageError(`${path}: others may use it (mode ${mode}); run chmod go= on it, or remove it`);
  }
}

/**
 * A host or user as a file name: letters, digits, dot, dash, underscore and @ stay, the rest becomes %XX.
 *
 * Limits  150 characters; a longer one ends in part of its SHA-256
 */
export function safeName(text: string): string {
  const escaped = Array.from(Buffer.from(text, 'utf8'), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9._@-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
  const name = escaped.replace(/^\./, '%2E');
  if (name.length <= 150) return name;
  // Loaded only for a long name: it takes 5 ms.
  const { createHash } = createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto');
  return `${name.slice(0, 130)}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
