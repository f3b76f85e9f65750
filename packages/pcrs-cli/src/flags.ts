import { checkDate } from 'pcrs-records/dates';

/** Origins of a flag's value besides the command line. */
export type EnvironmentForm =
  /** One for all tools (`PCRS_TIMEOUT`) and one per tool (`PCRS_POSTURE_TIMEOUT`). */
  | 'shared'
  /** One per tool: `PCRS_POLICIES_TITLE`. */
  | 'tool'
  /** None: an action, given on the command line only. */
  | 'none';

/** A flag as data; parser, help, READMEs and completion are made from it. */
export interface Flag<T> {
  readonly form: 'boolean' | 'value' | 'list';
  readonly describe: string;
  /** Placeholder in the help: `N`, `DATE`. */
  readonly value: string | undefined;
  readonly short: string | undefined;
  readonly environment: EnvironmentForm;
  readonly choices: readonly string[] | undefined;
  /** Values that completion offers; other values are valid too. */
  readonly suggestions: readonly string[] | undefined;
  readonly fallback: T;
  /** Heading in the help. */
  readonly group: string | undefined;
  /** The value is never recorded or printed: it may hold a secret. */
  readonly secret: boolean;
  /** Converts the text from the command line, the environment or a profile; throws `must be …`. */
  readonly parse: (text: string) => T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of flags of any types
export type Flags = Readonly<Record<string, Flag<any>>>;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** Values of a flag table, by camelCase name. */
export type FlagValues<F extends Flags> = {
  readonly [K in keyof F & string as CamelCase<K>]: F[K] extends Flag<infer T> ? T : never;
};

interface Options {
  describe: string;
  value?: string;
  short?: string;
  env?: EnvironmentForm;
  group?: string;
  secret?: boolean;
  suggestions?: readonly string[];
}

function common(options: Options) {
  return {
    describe: options.describe,
    value: options.value,
    short: options.short,
    environment: options.env ?? ('tool' as const),
    choices: undefined,
    suggestions: options.suggestions,
    group: options.group,
    secret: options.secret ?? false,
  };
}

function parseBoolean(text: string): boolean {
  if (text === '1' || text === 'true') return true;
  if (text === '0' || text === 'false') return false;
  throw new Error('must be 1, 0, true or false');
}

function text<T>(options: Options & { default: string; parse: (text: string) => T }): Flag<T>;
function text<T>(options: Options & { parse: (text: string) => T }): Flag<T | undefined>;
function text(options: Options & { default: string }): Flag<string>;
function text(options: Options): Flag<string | undefined>;
function text(options: Options & { default?: string; parse?: (text: string) => unknown }): Flag<unknown> {
  const parse = (value: string): unknown => {
    if (value === '') throw new Error('must not be empty');
    return options.parse ? options.parse(value) : value;
  };
  return {
    ...common(options),
    form: 'value',
    value: options.value ?? 'TEXT',
    fallback: options.default === undefined ? undefined : parse(options.default),
    parse,
  };
}

interface IntegerOptions extends Options {
  min: number;
  max: number;
  /** The limit's owner: `the gateway's limit`. */
  limit?: string;
}

function integer(options: IntegerOptions & { default: number }): Flag<number>;
function integer(options: IntegerOptions): Flag<number | undefined>;
function integer(options: IntegerOptions & { default?: number }): Flag<number | undefined> {
  const { min, max, limit } = options;
  return {
    ...common(options),
    form: 'value',
    value: options.value ?? 'N',
    fallback: options.default,
    parse: (value) => {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= min && number <= max))
        throw new Error(`must be ${min} to ${max}${limit ? ` (${limit})` : ''}`);
      return number;
    },
  };
}

function list<T = string>(options: Options & { item?: (text: string) => T }): Flag<readonly T[] | undefined> {
  const item = options.item ?? ((value: string) => value as T);
  return {
    ...common(options),
    form: 'list',
    value: options.value ?? 'A,…',
    fallback: undefined,
    parse: (value) => {
      const parts = value.split(',').map((part) => part.trim());
      if (parts.some((part) => part === ''))
        throw new Error('must be a comma-separated list without empty items');
      return parts.map(item);
    },
  };
}

function choice<const C extends readonly string[], D extends C[number] | undefined = undefined>(
  choices: C,
  options: Options & { default?: D },
): Flag<C[number] | D> {
  return {
    ...common(options),
    form: 'value',
    value: options.value ?? choices.join('|'),
    choices,
    fallback: options.default as D,
    parse: (value) => {
      const found = choices.find((name) => name.toLowerCase() === value.toLowerCase());
      if (found === undefined)
        throw new Error(`must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`);
      return found;
    },
  };
}

/** Makers of flags. The value's type follows from the maker and from having a default. */
export const flag = {
  boolean: (options: Options): Flag<boolean> => ({
    ...common(options),
    form: 'boolean',
    value: undefined,
    fallback: false,
    parse: parseBoolean,
  }),
  text,
  integer,
  list,
  choice,
};

/** An item of a list of ids: a positive whole number. Keeps its digits. */
export function idItem(value: string): string {
  if (!/^\d{1,20}$/.test(value)) throw new Error('must be ids (digits) separated by commas');
  return value;
}

/** A flag's default as a user would write it; undefined if it has none. */
export function defaultText(flag: Flag<unknown>): string | undefined {
  const { fallback } = flag;
  if (fallback === undefined || fallback === false) return undefined;
  return typeof fallback === 'object' ? Object.values(fallback as object).join('/') : String(fallback);
}

/**
 * A regular expression; case is ignored.
 *
 * Throws  a sentence if the text is not one
 */
export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, 'iu');
  } catch {
    throw new Error('must be a regular expression');
  }
}

/** Checks a regular expression and returns its text unchanged. Throws like `parsePattern`. */
export function checkPattern(text: string): string {
  parsePattern(text);
  return text;
}

/** A name for the middle of file names. Throws a sentence if it is not one. */
export function checkName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) {
    throw new Error('must consist of letters, digits, dots, dashes and underscores');
  }
  return text;
}

/** `--group-readable` of tools that write files: 0640 in 0750. */
export function groupReadableFlag(group?: string) {
  const describe = 'make the files readable for the group (0640)';
  return flag.boolean({ describe, ...(group === undefined ? {} : { group }) });
}

/** A date filter of the gateway. */
export function dateFlag(describe: string) {
  return flag.text({ describe, value: 'DATE', parse: checkDate });
}

/** What a sink may be told to demand of its input. */
export function demandFlags(strict = 'status 6 if a filter dropped records of the run') {
  return {
    'skip-bad': flag.boolean({ describe: 'skip and count bad lines' }),
    'require-run': flag.boolean({ describe: 'status 6 if the input has no run' }),
    strict: flag.boolean({ describe: strict }),
    'allow-empty': flag.boolean({ describe: 'status 0 if the input has no records' }),
  } as const;
}
