import { constants, gunzipSync } from 'node:zlib';
import type { Secrets } from 'pcrs-records/secrets';
import { terminalText } from 'pcrs-records/terminal-text';
import type { HttpAnswer } from '../http/exchange.ts';
import type { ResponseBody } from '../http/response-body.ts';
import { header, judgeAnswer, type Verdict } from './retry.ts';
import { isGzip } from './whole.ts';

/** The most to read of an error's body. */
const maxErrorBytes = 64 * 1024;
const maxQuoteLength = 300;

/** The best sentence of an error's body, and Qualys' code if it has one. */
export interface ErrorBody {
  message: string | undefined;
  code: number | undefined;
}

/** What an error answer means, and its words: `409, too many calls`, `302, redirect to https://…`. */
export async function refusalOf(
  { status, headers, body }: HttpAnswer,
  { secrets, signal }: { secrets: Secrets; signal: AbortSignal },
): Promise<{ verdict: Verdict; status: number; text: string }> {
  const scrub = (text: string) => secrets.scrub(text);
  const { message, code } = await readErrorBody(body, scrub, signal);
  const verdict = judgeAnswer(status, headers, code, Date.now());
  const target = () => `redirect to ${scrub(header(headers, 'location') ?? 'nowhere')}`;
  const about = verdict.kind === 'redirect' ? target() : message;
  return { verdict, status, text: about === undefined ? String(status) : `${status}, ${about}` };
}

/**
 * Reads an error's body to its end, so that the connection can be reused, or to 64 KiB, and parses it.
 *
 * Takes   scrub   hides secrets; applied before anything is cut
 * Throws  nothing for a body that breaks off (uses what came); the signal's reason when interrupted
 */
export async function readErrorBody(
  body: ResponseBody,
  scrub: (text: string) => string,
  signal: AbortSignal,
): Promise<ErrorBody> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body.chunks()) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxErrorBytes) break;
    }
  } catch {
    signal.throwIfAborted();
  }
  return parseErrorBody(unpacked(Buffer.concat(chunks).subarray(0, maxErrorBytes)), scrub);
}

/** Message and code of an error's body; for the order of places see pcrs-api, section 6. */
export function parseErrorBody(text: string, scrub: (text: string) => string): ErrorBody {
  const found = fromJson(text) ?? { message: plainText(text), code: codeInXml(text) };
  const message = found.message === undefined ? undefined : oneLine(scrub(found.message));
  return { message: message || undefined, code: found.code };
}

function unpacked(bytes: Buffer): string {
  if (!isGzip(bytes)) return bytes.toString('utf8');
  try {
    const options = { maxOutputLength: maxErrorBytes * 16, finishFlush: constants.Z_SYNC_FLUSH };
    return gunzipSync(bytes, options).subarray(0, maxErrorBytes).toString('utf8');
  } catch {
    return '';
  }
}

function fromJson(text: string): ErrorBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value === 'string') return { message: value, code: undefined };
  const response = member(member(value, 0), 'response') ?? member(value, 'response');
  const message =
    sentence(member(value, 'message')) ??
    sentence(member(response, 'text')) ??
    sentence(member(member(member(value, 'authentication_exceptions'), 0), 0)) ??
    sentence(member(value, 'error')) ??
    sentence(member(value, 'errorCode')) ??
    sentence(member(member(value, 0), 'message'));
  const code = codeNumber(member(response, 'code') ?? member(value, 'code') ?? member(value, 'errorCode'));
  if (message === undefined) return { message: text === '[]' || text === '{}' ? undefined : text, code };
  return { message: code === undefined ? message : `${message} (code ${code})`, code };
}

function member(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

function sentence(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function codeNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}

function codeInXml(text: string): number | undefined {
  return codeNumber(/<CODE>\s*(\d+)\s*<\/CODE>/i.exec(text)?.[1]);
}

/** The first line of a page's text without tags; its title says most. */
function plainText(text: string): string | undefined {
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(text)?.[1] ?? /<TEXT>([^<]*)<\/TEXT>/i.exec(text)?.[1];
  const bare = text
    .replace(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<!--[\s\S]*?-->/g, ' ')
    .replace(/<[^>]*>?/g, '\n');
  const lines = [title ?? '', ...bare.split('\n')].map((line) => entities(line).trim());
  return lines.find((line) => line !== '');
}

function entities(text: string): string {
  return text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&nbsp;/g, ' ')
    .replace(/&amp;/g, '&');
}

function oneLine(text: string): string {
  const line = terminalText(text).replace(/\s+/g, ' ').trim();
  return line.length > maxQuoteLength ? `${line.slice(0, maxQuoteLength)}…` : line;
}
