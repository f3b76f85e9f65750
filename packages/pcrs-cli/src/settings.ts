import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import { nearest } from './nearest.ts';

/** Settings of one profile, as texts by flag name. A tool's own settings override those for all tools. */
export interface Profile {
  name: string;
  password: string | undefined;
  settings: ReadonlyMap<string, string>;
  /** The profile as written, for all tools, without its password. */
  written: Readonly<Record<string, unknown>>;
  /** Names of the settings for this tool alone. */
  own: ReadonlySet<string>;
}

type JsonObject = Record<string, unknown>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the selected profile.
 *
 * Takes   file     --config, or undefined for `$XDG_CONFIG_HOME/pcrs/config.json`
 *         name     --profile, or undefined for `default`
 *         known    the flags that a profile may set for this tool, and those it may set for all tools
 * Yields  undefined if neither was given and the file is missing or unreachable
 * Throws  PCRS_USAGE naming the file and the mistake
 */
export function readProfile(
  file: string | undefined,
  name: string | undefined,
  known: { tool: string; own: readonly string[]; forAll: readonly string[]; tools: readonly string[] },
  env: Readonly<Record<string, string | undefined>>,
): Profile | undefined {
  const path = file ?? defaultConfigFile(env);
  const text = path === undefined ? undefined : readText(path, file !== undefined || name !== undefined);
  if (path === undefined || text === undefined) {
    if (name !== undefined)
      throw codedError('PCRS_USAGE', `--profile ${name}: no configuration file ${path ?? ''}`.trimEnd());
    return undefined;
  }
  const profile = pickProfile(path, text, name);
  if (profile === undefined) return undefined;
  const at = `${path}: profile ${name ?? 'default'}`;
  const settings = new Map<string, string>();
  const take = (source: JsonObject, allowed: readonly string[], where: string): void => {
    for (const [key, value] of Object.entries(source)) {
      if (known.tools.includes(key) || key === 'password') continue;
      if (!known.own.includes(key) && !allowed.includes(key)) {
        const near = nearest(key, [...allowed, ...known.own]);
        throw codedError(
          'PCRS_USAGE',
          `${where}: unknown setting ${key}${near ? `; did you mean ${near}?` : ''}`,
        );
      }
      if (known.own.includes(key)) settings.set(key, toText(value, `${where}: ${key}`));
    }
  };
  take(profile, known.forAll, at);
  const own = profile[known.tool];
  if (own !== undefined) {
    if (!isObject(own)) throw codedError('PCRS_USAGE', `${at}: ${known.tool} must be an object of settings`);
    take(own, [], `${at}, ${known.tool}`);
  }
  const ownNames = new Set(isObject(own) ? Object.keys(own) : []);
  const password = typeof profile['password'] === 'string' ? profile['password'] : undefined;
  const { password: _, ...written } = profile;
  return { name: name ?? 'default', password, settings, written, own: ownNames };
}

function pickProfile(path: string, text: string, name: string | undefined): JsonObject | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw codedError(
      'PCRS_USAGE',
      `${path}: not JSON; it must look like {"profiles": {"default": {"platform": "US2"}}}`,
    );
  }
  const profiles = isObject(config) ? config['profiles'] : undefined;
  if (!isObject(profiles)) throw codedError('PCRS_USAGE', `${path}: an object "profiles" is missing`);
  const profile = profiles[name ?? 'default'];
  if (profile === undefined && name === undefined) return undefined;
  if (!isObject(profile)) {
    const names = Object.keys(profiles);
    throw codedError('PCRS_USAGE', `${path}: no profile ${name}; the file has ${names.join(', ') || 'none'}`);
  }
  return profile;
}

/** Names of the profiles in the default configuration file; none if it cannot be read. */
export function profileNames(env: Readonly<Record<string, string | undefined>>): string[] {
  try {
    const path = env['PCRS_CONFIG'] || defaultConfigFile(env);
    const config: unknown = path === undefined ? undefined : JSON.parse(readFileSync(path, 'utf8'));
    const profiles = isObject(config) ? config['profiles'] : undefined;
    return isObject(profiles) ? Object.keys(profiles) : [];
  } catch {
    return [];
  }
}

function readText(path: string, mustExist: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    // A service may run with another user's home directory, which it cannot enter.
    const unreachable = missing || code === 'EACCES' || code === 'EPERM' || code === 'ELOOP';
    if (unreachable && !mustExist) return undefined;
    throw codedError('PCRS_USAGE', `${path}: ${missing ? 'no such file' : message}`);
  }
}

function defaultConfigFile(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const base = env['XDG_CONFIG_HOME'] || (env['HOME'] ?? homeOrNothing());
  if (!base) return undefined;
  return env['XDG_CONFIG_HOME']
    ? join(base, 'pcrs', 'config.json')
    : join(base, '.config', 'pcrs', 'config.json');
}

/** Undefined for an unknown uid, whose lookup throws. */
function homeOrNothing(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function toText(value: unknown, where: string): string {
  if (Array.isArray(value)) return value.map((item) => toText(item, where)).join(',');
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  throw codedError('PCRS_USAGE', `${where} must be a text, a number, true, false or a list`);
}
