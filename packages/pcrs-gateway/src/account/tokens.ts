import { type LockTimes, withLock } from 'pcrs-machine/lock';
import type { Secrets } from 'pcrs-records/secrets';
import { codeOf, refusedError, usageError } from '../ask/gateway-error.ts';
import type { Source } from './credentials.ts';
import { isTokenLike, type LiveToken, tokenClaims, tokenLifeMs } from './jwt.ts';
import { tokenText } from './secret-text.ts';
import type { TokenStore } from './token-store.ts';

export interface TokensOptions {
  url: string;
  username: string | undefined;
  /** Where tokens are kept; undefined where nothing can be. */
  store: TokenStore | undefined;
  /** A token obtained elsewhere. */
  elsewhere: Source | undefined;
  passwords: readonly Source[];
  login(username: string, password: string): Promise<LiveToken>;
  secrets: Secrets;
  signal: AbortSignal;
  log: { warn(message: string): void; info(message: string): void; verbose(message: string): void };
  lockTimes?: LockTimes | undefined;
  /** The state directory cannot be written. */
  onUnwritable(error: unknown): void;
  /** What to do without a token and without credentials; default: run pcrs-auth again. */
  advice?: string | undefined;
}

/** A renewal ahead of the end: when less than 15 minutes remain, or a tenth of the life, if that is less. */
const renewalMs = 15 * 60 * 1000;

interface Held extends LiveToken {
  lifeMs: number;
}

/**
 * The token of one gateway and user, kept alive: from elsewhere, from the token file, or by a login that is made under
 * a lock shared by all processes of this user, so that only the first of them makes it.
 */
export class Tokens {
  readonly #options: TokensOptions;
  /** As given, else as the token obtained elsewhere says. */
  username: string | undefined;
  #held: Held | undefined;
  #pending: Promise<Held | undefined> | undefined;
  /** The token whose renewal ahead of its end was tried: once is enough, the 401 comes anyway. */
  #triedAhead: string | undefined;
  #loginRefused: unknown;
  #file: string | undefined;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.username = options.username;
  }

  /**
   * A token to send now, renewed ahead of its end where that can be done.
   *
   * Throws  PCRS_REFUSED where there is none and none can be had; PCRS_USAGE for a token file that is not ours alone
   */
  async current(): Promise<string> {
    return (await this.live()).token;
  }

  /** As `current`, with the time it ends. */
  async live(): Promise<LiveToken> {
    if (this.#held && endsSoon(this.#held) && this.#triedAhead !== this.#held.token)
      await this.#renewAhead(this.#held);
    this.#held ??= await this.#once(undefined);
    if (!this.#held) throw this.#nothing();
    return this.#held;
  }

  /** Where the token lies, once it does. */
  get file(): string | undefined {
    return this.#file;
  }

  /** Another token than the refused one, or undefined where none can be had. */
  async renew(refused: string): Promise<string | undefined> {
    if (this.#held && this.#held.token !== refused) return this.#held.token;
    const renewed = await this.#once(refused);
    if (renewed) this.#held = renewed;
    return renewed?.token;
  }

  /** A new token by a login, whatever is held. Throws PCRS_REFUSED without credentials. */
  async force(): Promise<LiveToken> {
    const held = this.#held ?? this.#fromFile(undefined);
    this.#held = (await this.#fromElsewhere(held?.token)) ?? (await this.#locked(() => this.#login()));
    if (!this.#held) throw this.#nothing();
    return this.#held;
  }

  /** Whether a token could be had again by what all stages share: environment and profile, not flags or a prompt. */
  get renewableByAll(): boolean {
    const { elsewhere } = this.#options;
    const sources = [
      ...this.#passwords(),
      ...(elsewhere?.renewable && this.#serves(elsewhere) ? [elsewhere] : []),
    ];
    return sources.some((source) => source.shared);
  }

  /** Keeps a token that came from elsewhere in the token file, for the stages after this one. */
  keep(live: LiveToken): void {
    if (this.#file === undefined) this.#write(live);
  }

  /** A token that ends soon is as good as any until it ends: where it cannot be renewed, it is used on. */
  async #renewAhead(held: Held): Promise<void> {
    this.#triedAhead = held.token;
    this.#held = (await this.#orWarn(() => this.#once(held.token))) ?? held;
    // A gateway may give the same token until it ends, or one that ends as soon.
    if (endsSoon(this.#held)) this.#triedAhead = this.#held.token;
  }

  async #orWarn(work: () => Promise<Held | undefined>): Promise<Held | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#options.log.warn(`the token could not be renewed ahead of its end: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Questions that are put side by side share one renewal. */
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
      // Another process may have renewed it while this one waited for the lock.
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
    if (!/^[\x21-\x7e]+$/.test(token)) throw usageError(`${source.name}: holds no token`);
    this.#options.secrets.add(token);
    const claims = tokenClaims(token);
    this.username ??= claims.subject;
    const expiresMs = claims.expiresMs ?? Date.now() + tokenLifeMs;
    if (expiresMs > Date.now()) {
      this.#options.log.verbose(`the token of ${source.name}, ${until({ token, expiresMs })}`);
      return withLife({ token, expiresMs }, undefined);
    }
    if (this.#passwords().length > 0) return undefined;
    const end = new Date(expiresMs).toISOString();
    throw refusedError(
      `the token of ${source.name} ended at ${end}${isTokenLike(token) ? '' : ' (is it a token?)'}`,
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

  /** Runs under the lock of this token, or without one where nothing can be written. */
  async #locked(work: () => Promise<Held | undefined>): Promise<Held | undefined> {
    const { store, url, signal, log, lockTimes, onUnwritable } = this.#options;
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
      return await withLock(path, { what: 'the token', signal, info, times: lockTimes }, inside);
    } catch (error) {
      if (entered || signal.aborted) throw error;
      // A directory that may be written can still be full.
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
    const { url, store, passwords, elsewhere, advice = 'run pcrs-auth again' } = this.#options;
    const { username } = this;
    const others = [...passwords, ...(elsewhere ? [elsewhere] : [])].filter(
      (source) => !this.#serves(source),
    );
    const why =
      others.length === 0 ? '' : ` (${others.map(({ name, user }) => `${name} is for ${user}`).join(', ')})`;
    const kept = username === undefined ? undefined : store?.read(url, username);
    const token = kept
      ? `the token of ${username} ended at ${kept.expiresAt}`
      : `no live token${username ? ` of ${username}` : ''}`;
    return refusedError(`${url}: ${token} and no credentials${why}; ${advice}`);
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
