import { createHmac, timingSafeEqual } from 'node:crypto';

/** Who may log in and how long a token lives. */
export interface AccountOptions {
  /** Only this user; default: any. */
  username?: string | undefined;
  /** Only this password; default: any but `wrong`. */
  password?: string | undefined;
  expireTokenAfterSeconds?: number | undefined;
  /** Omit `exp` from the token, which still expires. */
  tokenWithoutExp?: boolean | undefined;
}

const FOUR_HOURS = 4 * 3600;

/** State of a token. */
type TokenVerdict = { state: 'good'; user: string } | { state: 'expired' } | { state: 'unknown' };

/**
 * Makes and checks tokens. The signing key comes from the seed, so that a token outlives a restart of the simulator,
 * as a real one outlives a connection.
 *
 * Source  Qualys, POST /auth: the claims of the sample token, 4 hours of life
 */
export class Tokens {
  readonly #key: string;
  readonly #account: AccountOptions;
  #revokedBeforeMs = 0;
  #made = 0;

  constructor(seed: number, account: AccountOptions) {
    this.#key = `pcrs-simulator ${seed}`;
    this.#account = account;
  }

  /** A token for these credentials; undefined if they are wrong. */
  login(username: string | null, password: string | null, nowMs: number): string | undefined {
    const { username: only, password: right } = this.#account;
    if (!username || !password || password === 'wrong') return undefined;
    if (only !== undefined && username !== only) return undefined;
    if (right !== undefined && password !== right) return undefined;
    this.#made += 1;
    return this.#token(username, nowMs);
  }

  check(header: string | undefined, nowMs: number): TokenVerdict {
    const parts = /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(header ?? '');
    if (parts === null) return { state: 'unknown' };
    const [, head, body, signature] = parts as unknown as [string, string, string, string];
    const wanted = Buffer.from(this.#sign(`${head}.${body}`));
    const given = Buffer.from(signature);
    if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) return { state: 'unknown' };
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { sub: string; jti: string };
    const [issued, expires] = claims.jti.split('.').map(Number) as [number, number];
    if (nowMs >= expires || issued < this.#revokedBeforeMs) return { state: 'expired' };
    return { state: 'good', user: claims.sub };
  }

  /** Makes every token issued so far count as expired. */
  revoke(nowMs: number): void {
    this.#revokedBeforeMs = nowMs + 1;
  }

  #token(username: string, nowMs: number): string {
    const life = this.#account.expireTokenAfterSeconds ?? FOUR_HOURS;
    const issued = Math.max(nowMs, this.#revokedBeforeMs);
    const expires = issued + life * 1000;
    const claims = {
      sub: username,
      loginResponse: 'SUCCESSFUL',
      successfulAuthenticationHandlers: ['QWEBPasswordAuthenticationHandler'],
      iss: 'qas',
      ipAddress: '127.0.0.1',
      portalUserId: '10118',
      usertype: 'fo',
      qwebUserId: '94271',
      credentialType: 'UsernamePasswordCredential',
      aud: 'qas',
      modulesAllowed: ['PC', 'PC SCANNER', 'PC_AGENT', 'SCA_AGENT', 'VM', 'VM AGENT'],
      ...(this.#account.tokenWithoutExp
        ? {}
        : { exp: Math.floor(expires / 1000), iat: Math.floor(issued / 1000) }),
      jti: `${issued}.${expires}.${this.#made}`,
    };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ alg: 'HS512' })}.${encode(claims)}`;
    return `${signed}.${this.#sign(signed)}`;
  }

  #sign(text: string): string {
    return createHmac('sha512', this.#key).update(text).digest('base64url');
  }
}
