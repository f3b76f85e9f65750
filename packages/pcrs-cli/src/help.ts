import { commonFlags } from './common-flags.ts';
import { exitStatuses } from './exit-status.ts';
import { defaultText, type Flag, type Flags } from './flags.ts';
import type { Tool } from './tool.ts';

/** Narrowest and widest column at which help wraps. */
const widths = { least: 40, greatest: 100 };

/**
 * Help of a tool: pipes first, exit statuses last.
 *
 * Takes   columns  width of the terminal; 80 if unknown
 */
export function helpText(tool: Tool, columns = 80): string {
  const width = Math.min(widths.greatest, Math.max(widths.least, columns));
  const parts = [
    tool.pipes.map((pipe) => `  ${brokenPipe(pipe, width - 2)}`).join('\n'),
    wrap(`${tool.name}: ${tool.summary}`, width, 0),
    `Usage: ${usage(tool)}`,
    ...(tool.positionals?.length
      ? [
          table(
            tool.positionals.map(({ name, describe }) => [name, describe]),
            width,
          ),
        ]
      : []),
    ...groups({ ...tool.flags, ...commonFlags }).map(
      ([title, flags]) =>
        `${title}:\n${table(
          flags.map(([name, flag]) => [spelling(name, flag), describe(flag)]),
          width,
        )}`,
    ),
    ...(tool.notes ?? []).map((note) => wrapLines(note, width)),
    `Exit status, the same in every tool:\n${table(exitStatuses, width)}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function usage(tool: Tool): string {
  const positionals = (tool.positionals ?? []).map(
    ({ name, required, many }) => (required ? name : `[${name}]`) + (many ? ' …' : ''),
  );
  const input = { none: [], optional: ['[< RUN]'], required: ['< RECORDS'] }[tool.stdin];
  return [tool.name, '[flags]', ...positionals, ...input].join(' ');
}

/** Flags under their headings, the tool's own first. */
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

/** A flag's description, with its default. */
export function describe(flag: Flag<unknown>): string {
  const fallback = defaultText(flag);
  return fallback === undefined ? flag.describe : `${flag.describe} (default ${fallback})`;
}

/** Breaks a long pipe after a bar or a semicolon, so that it can still be pasted. */
function brokenPipe(pipe: string, width: number): string {
  const lines: string[] = [];
  for (const part of pipe.split(/(?<= \|{1,2}|;) /)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + part.length <= width)
      lines[lines.length - 1] = `${line} ${part}`;
    else lines.push(lines.length === 0 ? part : `  ${part}`);
  }
  return lines.join('\n  ');
}

function table(rows: readonly (readonly [string, string])[], width: number): string {
  const left = Math.min(width < 90 ? 26 : 30, Math.max(...rows.map(([name]) => name.length)));
  return rows
    .map(([name, text]) => {
      const wrapped = wrap(text, width, left + 4);
      return name.length > left
        ? `  ${name}\n${' '.repeat(left + 4)}${wrapped}`
        : `  ${name.padEnd(left)}  ${wrapped}`;
    })
    .join('\n');
}

/** Wraps a note. Lines that start with blanks are list items; each wraps by itself. */
function wrapLines(note: string, width: number): string {
  const lines = note.split('\n').map((line) => {
    const blanks = line.length - line.trimStart().length;
    return ' '.repeat(blanks) + wrap(line.trimStart(), width, blanks === 0 ? 0 : blanks + 2, blanks);
  });
  return lines.join('\n');
}

/** Wraps at the width; indents all lines but the first. */
function wrap(text: string, width: number, indent: number, firstIndent = indent): string {
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
