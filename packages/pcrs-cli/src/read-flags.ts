import { codedError } from 'pcrs-records/errors';
import type { Parser } from 'yargs/helpers';
// @ts-expect-error: published without types; it is the parser behind yargs/helpers
import yargsParser from 'yargs-parser/browser';
import { defaultText, type Flag, type Flags } from './flags.ts';
import { nearest } from './nearest.ts';
import { readProfile } from './settings.ts';
import {
  incrementalFlagsVariable,
  otherVariables,
  sharedFlags,
  sharedVariable,
  suiteTools,
  variablePrefix,
} from './suite.ts';

/** Origin of a flag's value. */
export type Origin = 'flag' | 'environment' | 'profile' | 'default';

/** Origin as a `start` records it: a date that `pcrs-etl --incremental` added is not the user's. */
export type ToldOrigin = Origin | 'incremental';

export interface ReadFlags {
  /** By camelCase name. */
  values: Record<string, unknown>;
  origins: Record<string, Origin>;
  /** By flag name; no secrets. */
  options: Record<string, { value: unknown; from: ToldOrigin }>;
  /** Flags set for this tool alone: on the command line, by its own variable, or in its own part of the profile. */
  forThisTool: Set<string>;
  positionals: string[];
  profilePassword: string | undefined;
  profile: Readonly<Record<string, unknown>>;
  /** Unknown variables that look like ours, each as a sentence. */
  unknownVariables: string[];
}

interface Found {
  texts: string[];
  from: Origin;
  /** The origin as messages name it: `--timeout`, `PCRS_TIMEOUT`. */
  name: string;
}

/**
 * Values of a tool's flags: from the command line, else the environment, else the profile, else the default.
 *
 * Throws  PCRS_USAGE: an unknown flag (with the nearest one), a value that does not fit, a filter or an
 *         output given twice
 */
export function readFlags(
  tool: string,
  flags: Flags,
  maxPositionals: number,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ReadFlags {
  const { given, positionals } = readCommandLine(flags, maxPositionals, argv);
  const fromEnvironment = readEnvironment(tool, flags, env);
  const early = (name: string) => (given.get(name) ?? fromEnvironment.get(name))?.texts.at(-1);
  const profile = readProfile(
    early('config'),
    early('profile'),
    {
      tool,
      own: Object.entries(flags)
        .filter(([, flag]) => flag.environment !== 'none')
        .map(([name]) => name),
      forAll: sharedFlags,
      tools: suiteTools,
    },
    env,
  );
  const result: ReadFlags = {
    values: {},
    forThisTool: new Set(),
    origins: {},
    options: {},
    positionals,
    profilePassword: profile?.password,
    profile: profile?.written ?? {},
    unknownVariables: unknownVariables(tool, flags, env),
  };
  const incremental = new Set(
    (env[incrementalFlagsVariable] ?? '').split(',').filter((name) => given.has(name)),
  );
  for (const [name, flag] of Object.entries(flags)) {
    const setting = profile?.settings.get(name);
    const found =
      given.get(name) ??
      fromEnvironment.get(name) ??
      (setting === undefined
        ? undefined
        : { texts: [setting], from: 'profile' as const, name: `${name} in profile ${profile!.name}` });
    const value = found ? parseFound(flag, found) : flag.fallback;
    const from = found?.from ?? 'default';
    result.values[camelCase(name)] = value;
    result.origins[camelCase(name)] = from;
    const ownVariable = found?.name.startsWith(variablePrefix(tool)) ?? false;
    if (given.has(name) || ownVariable || (from === 'profile' && profile?.own.has(name)))
      result.forThisTool.add(name);
    if (value !== undefined && value !== false)
      result.options[name] = {
        value: toOption(flag, value, found),
        from: incremental.has(name) ? 'incremental' : from,
      };
  }
  return result;
}

/** A flag's value as a `start` records it; a value that is not plain JSON is recorded as written. */
function toOption(flag: Flag<unknown>, value: unknown, found: Found | undefined): unknown {
  if (flag.secret) return '[secret]';
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return found?.texts.at(-1) ?? defaultText(flag);
}

/**
 * Reads the command line with yargs' parser alone. The full yargs also loads its help layout, which took 50
 * of a tool's 85 ms of start-up; the parser's browser entry loads nothing of Node, which saves 3 ms more. It
 * lacks configuration files, which we read ourselves.
 */
function readCommandLine(flags: Flags, maxPositionals: number, argv: readonly string[]) {
  // The parser would take the letters of -name for flags of their own, and those it does not know for values.
  const oneDash = argv
    .slice(0, argv.includes('--') ? argv.indexOf('--') : undefined)
    .find((word) => /^-[^-]/.test(word) && Object.hasOwn(flags, flagName(word)));
  if (oneDash !== undefined) throw unknownFlag(oneDash, flags);
  const names = Object.keys(flags);
  const booleans = names.filter((name) => flags[name]!.form === 'boolean');
  const withValue = names.filter((name) => flags[name]!.form !== 'boolean');
  const parsed = (yargsParser as typeof Parser).detailed([...argv], {
    boolean: booleans,
    string: withValue,
    narg: Object.fromEntries(withValue.map((name) => [name, 1])),
    alias: Object.fromEntries(
      names.flatMap((name) => (flags[name]!.short ? [[name, [flags[name]!.short!]]] : [])),
    ),
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'greedy-arrays': false,
      'nargs-eats-options': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
      'unknown-options-as-args': true,
    },
  });
  if (parsed.error) throw valueMissing(parsed.error, argv, flags);
  const rest = parsed.argv._.map(String);
  const unknown = rest.find((word) => word.startsWith('-') && word !== '-');
  if (unknown !== undefined) throw unknownFlag(unknown, flags);
  const positionals = [...rest, ...((parsed.argv['--'] as string[] | undefined) ?? [])];
  if (positionals.length > maxPositionals) {
    throw codedError(
      'PCRS_USAGE',
      `${positionals[maxPositionals]}: unexpected argument; flags begin with --, see --help`,
    );
  }
  const given = new Map<string, Found>();
  for (const name of names) {
    const value = parsed.argv[name] as unknown;
    if (value === undefined) continue;
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    // Wrappers and aliases add connection and tuning flags; a filter or an output given twice is a mistake.
    const lastCounts = flags[name]!.environment === 'shared';
    if (texts.length > 1 && flags[name]!.form === 'value' && !lastCounts) {
      throw codedError('PCRS_USAGE', `--${name} was given ${texts.length} times; give it only once`);
    }
    given.set(name, { texts, from: 'flag', name: `--${name}` });
  }
  return { given, positionals };
}

function valueMissing(error: Error, argv: readonly string[], flags: Flags): Error {
  const name = /following: (\S+)/.exec(error.message)?.[1] ?? '';
  const flag = flags[name] ?? Object.values(flags).find((candidate) => candidate.short === name);
  const example = flag?.value ? `: --${name} ${flag.value}` : '';
  return codedError(
    'PCRS_USAGE',
    name === '' ? `${argv.join(' ')}: ${error.message}` : `--${name} needs a value${example}`,
  );
}

/** `--title=PCI` → `title`. */
function flagName(word: string): string {
  return word.replace(/^--?/, '').replace(/=.*/s, '');
}

function unknownFlag(word: string, flags: Flags): Error {
  const name = flagName(word);
  if (name === 'password') {
    return codedError(
      'PCRS_USAGE',
      '--password does not exist, since others on this machine could read it; use --password-file, --password-command or PCRS_PASSWORD',
    );
  }
  const near =
    word.startsWith('--') || Object.hasOwn(flags, name) ? nearest(name, Object.keys(flags)) : undefined;
  const dashes = word.startsWith('--') ? '--' : '-';
  return codedError(
    'PCRS_USAGE',
    `unknown flag ${dashes}${name}; ${near ? `did you mean --${near}?` : 'see --help'}`,
  );
}

function readEnvironment(
  tool: string,
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const [name, flag] of Object.entries(flags)) {
    const variables = variablesOf(tool, name, flag);
    const variable = variables.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
    if (variable) found.set(name, { texts: [env[variable]!], from: 'environment', name: variable });
  }
  return found;
}

/** Environment variables of a flag, the stronger one first. */
export function variablesOf(tool: string, name: string, flag: Flag<unknown>): string[] {
  if (flag.environment === 'none') return [];
  const own = variablePrefix(tool) + name.toUpperCase().replaceAll('-', '_');
  return flag.environment === 'shared' ? [own, sharedVariable(name)] : [own];
}

function unknownVariables(
  tool: string,
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const own = Object.entries(flags).flatMap(([name, flag]) => variablesOf(tool, name, flag));
  const known = new Set([...own, ...sharedFlags.map(sharedVariable), ...otherVariables]);
  const neighbours = suiteTools.filter((name) => name !== tool).map(variablePrefix);
  return Object.keys(env)
    .filter((name) => name.startsWith('PCRS_') && !known.has(name))
    .filter((name) => !neighbours.some((prefix) => name.startsWith(prefix)))
    .map((name) => {
      const near = nearest(name, known);
      return `${name}: unknown variable${near ? `; did you mean ${near}?` : ''}`;
    });
}

function parseFound(flag: Flag<unknown>, found: Found): unknown {
  const parse = (text: string): unknown => {
    try {
      return flag.parse(text);
    } catch (error) {
      const shown = flag.secret ? '' : `, got ${/^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text)}`;
      throw codedError('PCRS_USAGE', `${found.name} ${(error as Error).message}${shown}`);
    }
  };
  if (flag.form === 'list') return found.texts.flatMap((text) => parse(text) as unknown[]);
  return parse(found.texts.at(-1)!);
}

/** `policies-per-request` → `policiesPerRequest`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
