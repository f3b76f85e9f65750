import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from 'pcrs-machine/file';
import { codeOf } from 'pcrs-records/errors';
import { checkPrivate, privateDirectory, safeName } from './state-directory.ts';

/** Content of a token file. */
interface StoredToken {
  gateway: string;
  username: string;
  token: string;
  /** ISO 8601, UTC. */
  expiresAt: string;
}

/** A stored token with its file's modification time, in milliseconds since 1970. */
interface KeptToken extends StoredToken {
  writtenMs: number;
}

/** A token file and its content. */
export interface TokenFile {
  path: string;
  stored: KeptToken;
}

const maxFileBytes = 256 * 1024;

/**
 * Token files: `tokens/HOST/USER.json` below the state directory.
 *
 * Files are 0600 in directories 0700. A file of another owner or behind a link is refused. Changes go by rename.
 */
export class TokenStore {
  readonly #root: string;
  readonly #uid: number | undefined;

  constructor(root: string, uid: number | undefined) {
    this.#root = root;
    this.#uid = uid;
  }

  /** Path of a user's token at a gateway, existing or not. */
  path(gateway: string, username: string): string {
    return join(this.#root, 'tokens', safeName(new URL(gateway).host), `${safeName(username)}.json`);
  }

  /** Path of the lock for renewing that token; makes its directory. */
  lockPath(gateway: string, username: string): string {
    return join(this.#directory(gateway), `${safeName(username)}.lock`);
  }

  /**
   * The token of a user at a gateway, expired or not.
   *
   * Throws  PCRS_USAGE for a file that others could have written
   */
  read(gateway: string, username: string): KeptToken | undefined {
    const stored = this.#readFile(this.path(gateway, username));
    return stored?.gateway === gateway && stored.username === username ? stored : undefined;
  }

  /** Stores a token, replacing the previous one. Throws PCRS_MACHINE if that fails. */
  write(stored: StoredToken): string {
    this.#directory(stored.gateway);
    const path = this.path(stored.gateway, stored.username);
    replaceFile(path, `${JSON.stringify(stored)}\n`, 0o600);
    return path;
  }

  /** Deletes a token; false if there was none. */
  remove(gateway: string, username: string): boolean {
    return removeFile(this.path(gateway, username));
  }

  /** All our tokens, by path; skips files that are not ours. */
  list(): TokenFile[] {
    const found: TokenFile[] = [];
    const top = join(this.#root, 'tokens');
    for (const host of entries(top)) {
      for (const name of entries(join(top, host))) {
        if (!name.endsWith('.json')) continue;
        const path = join(top, host, name);
        const stored = this.#readQuietly(path);
        if (stored && this.path(stored.gateway, stored.username) === path) found.push({ path, stored });
      }
    }
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #directory(gateway: string): string {
    return privateDirectory(this.#root, ['tokens', safeName(new URL(gateway).host)], this.#uid);
  }

  #readQuietly(path: string): KeptToken | undefined {
    try {
      return this.#readFile(path);
    } catch {
      return undefined;
    }
  }

  /** Checks the directories too: whoever can write there can put an older file of ours in place of this one. */
  #readFile(path: string): KeptToken | undefined {
    try {
      for (const directory of [join(path, '..', '..'), join(path, '..')]) {
        checkPrivate(directory, lstatSync(directory), this.#uid, 'directory');
      }
      checkPrivate(path, lstatSync(path), this.#uid, 'file');
      const { text, writtenMs } = this.#content(path);
      const stored = parseStored(text);
      return stored && { ...stored, writtenMs };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
      throw error;
    }
  }

  #content(path: string): { text: string; writtenMs: number } {
    const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const stats = fstatSync(file);
      checkPrivate(path, stats, this.#uid, 'file');
      const text = stats.size > maxFileBytes ? '' : readFileSync(file, 'utf8');
      return { text, writtenMs: stats.mtimeMs };
    } finally {
      closeSync(file);
    }
  }
}

/** Undefined for an invalid file; the next login replaces it. */
function parseStored(text: string): StoredToken | undefined {
  try {
    const { gateway, username, token, expiresAt } = JSON.parse(text) as Record<string, unknown>;
    const texts = [gateway, username, token, expiresAt].every(
      (member) => typeof member === 'string' && member !== '',
    );
    if (!texts || Number.isNaN(Date.parse(expiresAt as string))) return undefined;
    if (!/^https?:\/\/[^/@?#]+$/.test(gateway as string)) return undefined;
    // A header cannot carry other characters, and its error would show the token.
    if (!/^[\x21-\x7e]+$/.test(token as string)) return undefined;
    return { gateway, username, token, expiresAt } as StoredToken;
  } catch {
    return undefined;
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
