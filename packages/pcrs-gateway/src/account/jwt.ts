/** A token's claims; only the gateway checks its signature. Times in milliseconds since 1970. */
export interface TokenClaims {
  expiresMs: number | undefined;
  issuedMs: number | undefined;
  subject: string | undefined;
  /** Modules the user may use; undefined if the token does not list them. */
  modules: readonly string[] | undefined;
}

/** A token and when it ends, in milliseconds since 1970. */
export interface LiveToken {
  token: string;
  expiresMs: number;
}

/** Life of a token without an end. Source: Qualys API best practices, PCRS, 2023-10-31. */
export const tokenLifeMs = 4 * 60 * 60 * 1000;

/** Whether a text looks like a token: three parts of base64url. */
export function isTokenLike(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** The readable claims; all undefined for an opaque token. */
export function tokenClaims(token: string): TokenClaims {
  const none = { expiresMs: undefined, issuedMs: undefined, subject: undefined, modules: undefined };
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null) return none;
    const { exp, iat, sub, modulesAllowed } = claims as Record<string, unknown>;
    return {
      expiresMs: milliseconds(exp),
      issuedMs: milliseconds(iat),
      subject: typeof sub === 'string' && sub !== '' ? sub : undefined,
      modules: Array.isArray(modulesAllowed)
        ? modulesAllowed.filter((name) => typeof name === 'string')
        : undefined,
    };
  } catch {
    return none;
  }
}

function milliseconds(seconds: unknown): number | undefined {
  return typeof seconds === 'number' && seconds > 0 && seconds < 1e11
    ? Math.round(seconds * 1000)
    : undefined;
}
