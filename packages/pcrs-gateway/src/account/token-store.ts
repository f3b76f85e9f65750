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
import { codeOf } from '../ask/gateway-error.ts';
import { checkPrivate, privateDirectory, safeName } from './state-directory.ts';

/** A token of ours as it lies in its file. */
export interface StoredToken {
  gateway: string;
  username: string;
  token: string;
  /** ISO 8601, UTC. */
  expiresAt: string;
}

/** A token as it was read, with the time its file was written, in milliseconds since 1970. */
export interface KeptToken extends StoredToken {
  writtenMs: number;
}

/** A token file and what is in it. */
export interface TokenFile {
  path: string;
  stored: KeptToken;
}

const maxFileBytes = 256 * 1024;

/**
 * The token files of one user: `tokens/HOST/USER.json` below the state directory.
 *
 * Files are 0600 in directories 0700, are ours or refused, are never links, and change by rename.
 */
export class TokenStore {
  readonly #root: string;
  readonly #uid: number | undefined;

  constructor(root: string, uid: number | undefined) {
    this.#root = root;
    this.#uid = uid;
  }

  /** Where the token of a user at a gateway lies, or would lie. */
  path(gateway: string, username: string): string {
    return join(this.#root, 'tokens', safeName(new URL(gateway).host), `${safeName(username)}.json`);
  }

  /** The lock under which that token is renewed; its directory exists afterwards. */
  lockPath(gateway: string, username: string): string {
    return join(this.#directory(gateway), `${safeName(username)}.lock`);
  }

  /**
   * The token of a user at a gateway, live or not.
   *
   * Throws  PCRS_USAGE for a file that is not ours alone
   */
  read(gateway: string, username: string): KeptToken | undefined {
    const stored = this.#readFile(this.path(gateway, username));
    return stored?.gateway === gateway && stored.username === username ? stored : undefined;
  }

  /** Keeps a token, in place of the one before. Throws PCRS_MACHINE where that cannot be done. */
  write(stored: StoredToken): string {
    this.#directory(stored.gateway);
    const path = this.path(stored.gateway, stored.username);
    replaceFile(path, `${JSON.stringify(stored)}\n`, 0o600);
    return path;
  }

  /** Deletes a token; false where there was none. */
  remove(gateway: string, username: string): boolean {
    return removeFile(this.path(gateway, username));
  }

  /** All tokens that are ours, by path; files that are not are passed over. */
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

  /** The directories are checked too: who can write there can put a file of ours of another time in this one's place. */
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

/** A file that does not hold what it should is no token; the next login replaces it. */
function parseStored(text: string): StoredToken | undefined {
  try {
    const { gateway, username, token, expiresAt } = JSON.parse(text) as Record<string, unknown>;
    const texts = [gateway, username, token, expiresAt].every(
      (member) => typeof member === 'string' && member !== '',
    );
    if (!texts || Number.isNaN(Date.parse(expiresAt as string))) return undefined;
    if (!/^https?:\/\/[^/@?#]+$/.test(gateway as string)) return undefined;
    // A header cannot carry anything else, and an error about it would show the token.
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
