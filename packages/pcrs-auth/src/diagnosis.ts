import { type Account, openAccount } from 'pcrs-gateway/account';
import type { TransportFailure } from 'pcrs-gateway/connection-failure';
import { readErrorBody } from 'pcrs-gateway/error-body';
import { exchange } from 'pcrs-gateway/exchange';
import { GatewayError } from 'pcrs-gateway/gateway-error';
import { tokenClaims } from 'pcrs-gateway/jwt';
import { clockAheadMs, clockWarning } from 'pcrs-gateway/server-clock';
import { wholeSeconds } from 'pcrs-records/moments';
import { type AuthOptions, factsOf, type TokenFacts, withoutPasswords } from './index.ts';

/** Findings of `--check`. */
export interface Diagnosis {
  /** Undefined without a live token. */
  facts: TokenFacts | undefined;
  /** Problems to come, in sentences. */
  warnings: string[];
  /** The present problem: PCRS_REFUSED or PCRS_GATEWAY, with advice. */
  failure: Error | undefined;
}

interface Heard {
  status: number;
  /** Whether the body is JSON, like a gateway's. */
  isJson: boolean;
  said: string | undefined;
  /** The gateway's clock minus ours. */
  clockAheadMs: number | undefined;
}

const probeTimeoutMs = 30_000;
const clockToleranceMs = 60_000;
/** The test request: policies evaluated since now, of which there are hardly any. */
const path = '/pcrs/2.0/posture/policy/list';

/**
 * Checks what posture needs from this machine: access to the gateway, the clock, the token, the module.
 *
 * Limits  one request, with the live token if there is one; never a password, so that nothing gets locked
 * Throws  PCRS_USAGE for mistakes found before the request
 */
export async function diagnose(options: AuthOptions): Promise<Diagnosis> {
  const account = await openAccount(withoutPasswords(options));
  try {
    const live = await account.tokens.live().catch((error: Error & { code?: string }) => {
      if (error.code !== 'PCRS_REFUSED') throw error;
      return error;
    });
    const token = live instanceof Error ? undefined : live.token;
    const facts = live instanceof Error ? undefined : factsOf(account, live.expiresMs);
    const warnings = token === undefined ? [] : moduleWarning(token);
    const heard = await ask(account, options, token);
    if (heard instanceof Error) return { facts, warnings, failure: heard };
    const aboutClock = clockWarning(heard.clockAheadMs, clockToleranceMs);
    if (aboutClock) warnings.push(aboutClock);
    const failure = judge(heard, account.url, token !== undefined);
    return { facts, warnings, failure: failure ?? (live instanceof Error ? live : undefined) };
  } finally {
    await account.close();
  }
}

async function ask(
  account: Account,
  options: AuthOptions,
  token: string | undefined,
): Promise<Heard | Error> {
  const since = wholeSeconds(new Date());
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const sentMs = Date.now();
  try {
    const { status, headers, body } = await exchange(
      await account.dispatcher(),
      account.way,
      {
        method: 'GET',
        path: `${path}?lastEvaluationDate=${encodeURIComponent(since)}`,
        headers: { accept: 'application/json', 'user-agent': options.userAgent, ...authorization },
      },
      { ...account.limits, timeoutMs: Math.min(options.timeoutMs, probeTimeoutMs) },
      options.signal,
    );
    const aheadMs = clockAheadMs(headers, sentMs, Date.now());
    const isJson = /json/i.test(String(headers['content-type'] ?? ''));
    const scrub = (text: string) => account.secrets.scrub(text);
    const { message } = await readErrorBody(body, scrub, options.signal);
    const target =
      status >= 300 && status < 400 ? `redirect to ${scrub(String(headers['location']))}` : message;
    return { status, isJson, said: target, clockAheadMs: aheadMs };
  } catch (error) {
    options.signal.throwIfAborted();
    const failure = error as TransportFailure;
    if (failure.kind === undefined) throw error;
    const reason = failure.kind;
    return new GatewayError('PCRS_GATEWAY', `${account.url}: ${failure.message}`, { reason, tries: 1 });
  }
}

function judge(heard: Heard, url: string, asked: boolean): Error | undefined {
  const { status, isJson, said } = heard;
  const answer = `${url} answers ${status}${said && status >= 300 ? ` (${said})` : ''}`;
  const fail = (code: 'PCRS_GATEWAY' | 'PCRS_REFUSED', text: string) =>
    new GatewayError(code, text, { reason: 'status', status, tries: 1 });
  if (status === 401)
    return asked ? fail('PCRS_REFUSED', `${answer}: it rejects the token; run pcrs-auth --renew`) : undefined;
  if (status === 403) {
    return fail(
      'PCRS_REFUSED',
      `${answer}: the user may not read posture; a Manager of the subscription can grant API access and the Policy Compliance module`,
    );
  }
  if (status === 407)
    return fail('PCRS_GATEWAY', `${answer}: the proxy requires a user; see --proxy, HTTPS_PROXY, NO_PROXY`);
  if (status === 408 || status === 409 || status === 429 || status >= 500)
    return fail('PCRS_GATEWAY', `${answer}: it is busy or down, but it can be reached; try later`);
  if (status >= 300 || !isJson) {
    return fail(
      'PCRS_GATEWAY',
      `${answer}, unlike any Qualys gateway; is --gateway right (or use --platform US2), or does a proxy answer in its place?`,
    );
  }
  return undefined;
}

/** Module names change: a token that lists modules but none of these is worth a warning, not more. */
function moduleWarning(token: string): string[] {
  const { modules } = tokenClaims(token);
  if (modules === undefined || modules.some((name) => /\b(PC|PA|SCA)(\b|_)|POLICY/i.test(name))) return [];
  const named = modules.length === 0 ? 'no modules' : `only ${modules.slice(0, 10).join(', ')}`;
  return [
    `the token allows ${named}, but not Policy Compliance, so the gateway will refuse; a Manager of the subscription can grant the module`,
  ];
}
