import { commonFlags } from './common-flags.ts';
import { exitStatuses } from './exit-status.ts';
import { defaultText, type Flag, type Flags } from './flags.ts';
import type { Tool } from './tool.ts';

const width = 100;

/** The help of a tool: pipes first, exit statuses last, at most 100 columns. */
export function helpText(tool: Tool): string {
  const parts = [
    tool.pipes.map((pipe) => `  ${pipe}`).join('\n'),
    wrap(`${tool.name}: ${tool.summary}`, 0),
    `Usage: ${usage(tool)}`,
    ...(tool.positionals?.length
      ? [table(tool.positionals.map(({ name, describe }) => [name, describe]))]
      : []),
    ...groups({ ...tool.flags, ...commonFlags }).map(
      ([title, flags]) =>
        `${title}:\n${table(flags.map(([name, flag]) => [spelling(name, flag), describe(flag)]))}`,
    ),
    ...(tool.notes ?? []).map(wrapLines),
    `Exit status:\n${table(exitStatuses)}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function usage(tool: Tool): string {
  const positionals = (tool.positionals ?? []).map(({ name, required }) => (required ? name : `[${name}]`));
  const input = { none: [], optional: ['[< RUN]'], required: ['< RECORDS'] }[tool.stdin];
  return [tool.name, '[flags]', ...positionals, ...input].join(' ');
}

/** The flags under their headings, the tool's own first. */
export function groups(flags: Flags): [string, [string, Flag<unknown>][]][] {
  const byTitle = new Map<string, [string, Flag<unknown>][]>();
  for (const [name, flag] of Object.entries(flags)) {
    const title = flag.group ?? 'Flags';
    byTitle.set(title, [...(byTitle.get(title) ?? []), [name, flag]]);
  }
  return [...byTitle].sort(([a], [b]) => rank(a) - rank(b));
}

function rank(title: string): number {
  const order = ['Flags', 'Gateway', 'Credentials', 'Asking', 'Every tool'];
  const found = order.indexOf(title);
  return found < 0 ? 0.5 : found;
}

/** `-q, --quiet` or `--title REGEX`. */
export function spelling(name: string, flag: Flag<unknown>): string {
  return `${flag.short ? `-${flag.short}, ` : ''}--${name}${flag.value ? ` ${flag.value}` : ''}`;
}

/** What a flag does, with its default. */
export function describe(flag: Flag<unknown>): string {
  const fallback = defaultText(flag);
  return fallback === undefined ? flag.describe : `${flag.describe} (default ${fallback})`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(30, Math.max(...rows.map(([name]) => name.length)));
  return rows
    .map(([name, text]) => {
      const wrapped = wrap(text, left + 4);
      return name.length > left
        ? `  ${name}\n${' '.repeat(left + 4)}${wrapped}`
        : `  ${name.padEnd(left)}  ${wrapped}`;
    })
    .join('\n');
}

/** A note may hold a list, whose lines begin with blanks: each is wrapped by itself. */
function wrapLines(note: string): string {
  const lines = note.split('\n').map((line) => {
    const blanks = line.length - line.trimStart().length;
    return ' '.repeat(blanks) + wrap(line.trimStart(), blanks === 0 ? 0 : blanks + 2, blanks);
  });
  return lines.join('\n');
}

/** Wraps at the width; lines after the first are indented. */
function wrap(text: string, indent: number, firstIndent = indent): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && (lines.length === 0 ? firstIndent : indent) + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
