import { commonFlags } from './common-flags.ts';
import type { Flag, Flags } from './flags.ts';
import type { Tool } from './tool.ts';

/** The parts of a tool that completion needs. */
export type Completed = Pick<Tool, 'flags'>;

/**
 * Completions of the last word of a command line.
 *
 * Takes   words     after the command's name; the last one is being typed and may be empty. bash splits
 *                   `--flag=value` into three words, other shells do not; both work
 *         profiles  names in the configuration file, called only to complete `--profile`
 * Yields  whole words; none if the shell should offer file names
 */
export function candidates(tool: Completed, words: readonly string[], profiles: () => string[]): string[] {
  const flags: Flags = { ...tool.flags, ...commonFlags };
  const word = words.at(-1) ?? '';
  const joined = /^--([\w-]+)=(.*)$/s.exec(word);
  if (joined) {
    const [, name, value] = joined;
    return valuesFor(flags[name!], name!, value!, profiles).map((one) => `--${name}=${one}`);
  }
  const [flag, value] = cut(words);
  if (flag !== undefined && flags[flag]?.form !== 'boolean' && flags[flag] !== undefined)
    return valuesFor(flags[flag], flag, value, profiles);
  if (!word.startsWith('-')) return [];
  return Object.keys(flags)
    .map((name) => `--${name}`)
    .filter((name) => name.startsWith(word));
}

/** The flag whose value is being typed, and the value so far: `--flag value`, or `--flag`, `=`, `value`. */
function cut(words: readonly string[]): [flag: string | undefined, value: string] {
  const [third, second, last = ''] =
    words.slice(-3).length === 3 ? words.slice(-3) : ['', ...words.slice(-2)];
  const name = (text: string | undefined) => (text?.startsWith('--') ? text.slice(2) : undefined);
  if (last === '=') return [name(second), ''];
  if (second === '=') return [name(third), last];
  return words.length < 2 ? [undefined, last] : [name(second), last];
}

function valuesFor(
  flag: Flag<unknown> | undefined,
  name: string,
  typed: string,
  profiles: () => string[],
): string[] {
  const known = name === 'profile' ? profiles() : (flag?.choices ?? flag?.suggestions ?? []);
  if (flag?.form !== 'list') return known.filter((one) => startsAlike(one, typed));
  // Items before the last comma stay.
  const before = typed.slice(0, typed.lastIndexOf(',') + 1);
  const taken = new Set(before.split(','));
  return known
    .filter((one) => !taken.has(one) && startsAlike(one, typed.slice(before.length)))
    .map((one) => before + one);
}

function startsAlike(whole: string, typed: string): boolean {
  return whole.toLowerCase().startsWith(typed.toLowerCase());
}
