import { codeOf } from 'pcrs-records/errors';
import type { Secrets } from 'pcrs-records/secrets';
import { refusedError, usageError } from '../ask/gateway-error.ts';
import type { Source } from './credentials.ts';
import { isTokenLike, type LiveToken, tokenClaims, tokenLifeMs } from './jwt.ts';
import { tokenText } from './secret-text.ts';
import { isWaitedOut, type StateLocking, withStateLock } from './state-lock.ts';
import type { TokenStore } from './token-store.ts';

interface TokensOptions {
  url: string;
  username: string | undefined;
  /** Token files; undefined if nothing can be stored. */
  store: TokenStore | undefined;
  /** A token obtained elsewhere. */
  elsewhere: Source | undefined;
  passwords: readonly Source[];
  login(username: string, password: string): Promise<LiveToken>;
  secrets: Secrets;
  signal: AbortSignal;
  log: { warn(message: string): void; info(message: string): void; verbose(message: string): void };
  locking?: StateLocking | undefined;
  /** Called if the state directory is not writable. */
  onUnwritable(error: unknown): void;
  /** Advice for an error without a token and without credentials; default: run pcrs-auth again. */
  advice?: string | undefined;
  /** There are credentials that must not be used here; the error then does not claim that there are none. */
  withheld?: boolean | undefined;
}

/** Early renewal: less than 15 minutes left, or a tenth of the life, whichever is less. */
const renewalMs = 15 * 60 * 1000;

interface Held extends LiveToken {
  lifeMs: number;
}

/**
 * The token of one gateway and user, kept live: from elsewhere, from the token file, or by a login. A lock shared by
 * all processes of this user makes only one of them log in.
 */
export class Tokens {
  readonly #options: TokensOptions;
  /** The given user, else the one that the token obtained elsewhere names. */
  username: string | undefined;
  #held: Held | undefined;
  #pending: Promise<Held | undefined> | undefined;
  /** The token whose early renewal was tried. One try is enough; a 401 renews anyway. */
  #triedAhead: string | undefined;
  #loginRefused: unknown;
  #file: string | undefined;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.username = options.username;
  }

  /**
   * A token to send now, renewed early if possible.
   *
   * Throws  PCRS_REFUSED if there is no way to get a token; PCRS_USAGE for a token file that others could have
   *         written
   */
  async current(): Promise<string> {
    return (await this.live()).token;
  }

  /** Like `current`, with the token's end. */
  async live(): Promise<LiveToken> {
    if (this.#held && endsSoon(this.#held) && this.#triedAhead !== this.#held.token)
      await this.#renewAhead(this.#held);
    this.#held ??= await this.#once(undefined);
    if (!this.#held) throw this.#nothing();
    return this.#held;
  }

  /** The token file, once the token is in it. */
  get file(): string | undefined {
    return this.#file;
  }

  /** A new token in place of the refused one; undefined if there is no way to get one. */
  async renew(refused: string): Promise<string | undefined> {
    if (this.#held && this.#held.token !== refused) return this.#held.token;
    const renewed = await this.#once(refused);
    if (renewed) this.#held = renewed;
    return renewed?.token;
  }

  /** Logs in, whatever token is held. Throws PCRS_REFUSED without credentials. */
  async force(): Promise<LiveToken> {
    const held = this.#held ?? this.#fromFile(undefined);
    this.#held = (await this.#fromElsewhere(held?.token)) ?? (await this.#locked(() => this.#login()));
    if (!this.#held) throw this.#nothing();
    return this.#held;
  }

  /** Whether every stage could renew the token: from environment and profile, not from flags or a prompt. */
  get renewableByAll(): boolean {
    const { elsewhere } = this.#options;
    const sources = [
      ...this.#passwords(),
      ...(elsewhere?.renewable && this.#serves(elsewhere) ? [elsewhere] : []),
    ];
    return sources.some((source) => source.shared);
  }

  /** Stores a token obtained elsewhere in the token file, for the following stages. */
  keep(live: LiveToken): void {
    if (this.#file === undefined) this.#write(live);
  }

  /** Renews a token that ends soon; if that fails, it is used until it ends. */
  async #renewAhead(held: Held): Promise<void> {
    this.#triedAhead = held.token;
    this.#held = (await this.#orWarn(() => this.#once(held.token))) ?? held;
    // A gateway may return the same token until it ends, or one that ends as soon.
    if (endsSoon(this.#held)) this.#triedAhead = this.#held.token;
  }

  async #orWarn(work: () => Promise<Held | undefined>): Promise<Held | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#options.log.warn(`the token could not be renewed before it expires: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Concurrent requests share one renewal. */
  #once(old: string | undefined): Promise<Held | undefined> {
    this.#pending ??= this.#obtain(old).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #obtain(old: string | undefined): Promise<Held | undefined> {
    const elsewhere = await this.#fromElsewhere(old);
    if (elsewhere) return elsewhere;
    const kept = this.#fromFile(old);
    if (this.#passwords().length === 0 || (kept && !endsSoon(kept))) return kept;
    if (!kept) return this.#loginUnlessRenewed(old);
    this.#triedAhead = kept.token;
    return (await this.#orWarn(() => this.#loginUnlessRenewed(old))) ?? kept;
  }

  #loginUnlessRenewed(old: string | undefined): Promise<Held | undefined> {
    return this.#locked(async () => {
      // Another process may have renewed it during the wait for the lock.
      const renewed = this.#fromFile(old);
      return renewed && !endsSoon(renewed) ? renewed : this.#login();
    });
  }

  async #fromElsewhere(old: string | undefined): Promise<Held | undefined> {
    const source = this.#options.elsewhere;
    if (!source || !this.#serves(source)) return undefined;
    if (old !== undefined && !source.renewable) return undefined;
    const token = tokenText((await source.read()) ?? '');
    if (!token || token === old) return undefined;
    if (!/^[\x21-\x7e]+$/.test(token)) throw usageError(`${source.name}: contains no token`);
    this.#options.secrets.add(token);
    const claims = tokenClaims(token);
    this.username ??= claims.subject;
    const expiresMs = claims.expiresMs ?? Date.now() + tokenLifeMs;
    if (expiresMs > Date.now()) {
      this.#options.log.verbose(`the token from ${source.name}, ${until({ token, expiresMs })}`);
      return withLife({ token, expiresMs }, undefined);
    }
    if (this.#passwords().length > 0) return undefined;
    const end = new Date(expiresMs).toISOString();
    throw refusedError(
      `the token from ${source.name} expired at ${end}${isTokenLike(token) ? '' : ' (is it a token?)'}`,
    );
  }

  #fromFile(old: string | undefined): Held | undefined {
    const { store, url, secrets, log } = this.#options;
    const { username } = this;
    const stored = username === undefined ? undefined : store?.read(url, username);
    if (!stored) return undefined;
    secrets.add(stored.token);
    const expiresMs = Date.parse(stored.expiresAt);
    if (stored.token === old || expiresMs <= Date.now()) return undefined;
    this.#file = store?.path(url, stored.username);
    log.verbose(
      `the token of ${stored.username} from its file, ${until({ token: stored.token, expiresMs })}`,
    );
    return withLife({ token: stored.token, expiresMs }, stored.writtenMs);
  }

  async #login(): Promise<Held | undefined> {
    const { login, log } = this.#options;
    const { username } = this;
    const source = this.#passwords()[0];
    if (!source) return undefined;
    if (this.#loginRefused !== undefined) throw this.#loginRefused;
    if (username === undefined) throw usageError('a login needs a user; give --username');
    const password = await source.read();
    if (password === undefined) return undefined;
    if (password === '') throw usageError(`${source.name}: the password is empty`);
    let live: LiveToken;
    try {
      live = await login(username, password);
    } catch (error) {
      if (codeOf(error) === 'PCRS_REFUSED') this.#loginRefused = error;
      throw error;
    }
    this.#write(live);
    log.verbose(`logged in as ${username} with ${source.name}, ${until(live)}`);
    return withLife(live, Date.now());
  }

  #write(live: LiveToken): void {
    const { store, url, onUnwritable } = this.#options;
    const { username } = this;
    if (username === undefined) return;
    if (!store) {
      onUnwritable(undefined);
      return;
    }
    try {
      const expiresAt = new Date(live.expiresMs).toISOString();
      this.#file = store.write({ gateway: url, username, token: live.token, expiresAt });
    } catch (error) {
      if (codeOf(error) === 'PCRS_USAGE') throw error;
      onUnwritable(error);
    }
  }

  /** Runs `work` under this token's lock, or without a lock if nothing can be written. */
  async #locked(work: () => Promise<Held | undefined>): Promise<Held | undefined> {
    const { store, url, signal, log, locking, onUnwritable } = this.#options;
    const { username } = this;
    let path: string | undefined;
    try {
      path = username === undefined ? undefined : store?.lockPath(url, username);
    } catch (error) {
      if (codeOf(error) === 'PCRS_USAGE') throw error;
      onUnwritable(error);
    }
    if (path === undefined) return work();
    let entered = false;
    const inside = (): Promise<Held | undefined> => {
      entered = true;
      return work();
    };
    try {
      const info = (message: string) => log.info(message);
      return await withStateLock(path, { what: 'the token', signal, info, ...locking }, inside);
    } catch (error) {
      if (entered || signal.aborted || isWaitedOut(error)) throw error;
      // A writable directory can still be full.
      onUnwritable(error);
      return work();
    }
  }

  #passwords(): Source[] {
    return this.#options.passwords.filter((source) => this.#serves(source));
  }

  #serves(source: Source): boolean {
    return source.user === undefined || source.user === this.username;
  }

  #nothing(): Error {
    const { url, store, passwords, elsewhere, advice = 'run pcrs-auth again', withheld } = this.#options;
    const { username } = this;
    const others = [...passwords, ...(elsewhere ? [elsewhere] : [])].filter(
      (source) => !this.#serves(source),
    );
    const why =
      others.length === 0 ? '' : ` (${others.map(({ name, user }) => `${name} is for ${user}`).join(', ')})`;
    const kept = username === undefined ? undefined : store?.read(url, username);
    const token = kept
      ? `the token of ${username} expired at ${kept.expiresAt}`
      : `no valid token${username ? ` of ${username}` : ''}`;
    return refusedError(`${url}: ${token}${withheld ? '' : ' and no credentials'}${why}; ${advice}`);
  }
}

function withLife(live: LiveToken, writtenMs: number | undefined): Held {
  const { issuedMs, expiresMs } = tokenClaims(live.token);
  const claimed = issuedMs !== undefined && expiresMs !== undefined ? expiresMs - issuedMs : undefined;
  const lifeMs = claimed ?? (writtenMs === undefined ? tokenLifeMs : live.expiresMs - writtenMs);
  return { ...live, lifeMs };
}

function endsSoon(held: Held): boolean {
  return held.expiresMs - Date.now() < Math.min(renewalMs, Math.max(0, held.lifeMs) / 10);
}

function until(live: LiveToken): string {
  return `until ${new Date(live.expiresMs).toISOString()}`;
}
