import { commonFlags } from './common-flags.ts';
import { exitStatuses } from './exit-status.ts';
import { describe, groups, spelling } from './help.ts';
import { variablesOf } from './read-flags.ts';
import { suiteTools } from './suite.ts';
import type { Tool } from './tool.ts';

/**
 * Man page of a tool, from the same data as its help.
 *
 * Takes   version   the suite's version
 * Yields  man(7) source in ASCII, which groff and mandoc format alike
 */
export function manualPage(tool: Tool, version: string): string {
  const parts = [
    `.TH ${tool.name.toUpperCase()} 1 "" "pcrs ${version}" "pcrs"`,
    '.nh', // a flag broken by a hyphen cannot be copied
    `.SH NAME\n${plain(`${tool.name} - ${tool.summary.replace(/\.$/, '')}`)}`,
    `.SH SYNOPSIS\n${synopsis(tool)}`,
    `.SH DESCRIPTION\n${line(`${tool.name} ${tool.summary}`)}`,
    ...(tool.notes ?? []).map(paragraph),
    ...(tool.positionals ?? []).map(({ name, describe: text }) => item(`\\fI${plain(name)}\\fR`, text)),
    `.SH EXAMPLES\n${tool.pipes.map((pipe) => `.PP\n.EX\n${verbatim(pipe)}\n.EE`).join('\n')}`,
    `.SH OPTIONS\n${options(tool)}`,
    `.SH EXIT STATUS\n${exitStatuses.map(([status, text]) => item(`\\fB${status}\\fR`, text)).join('\n')}`,
    `.SH SEE ALSO\n${seeAlso(tool.name)}`,
  ];
  return `${parts.join('\n')}\n`;
}

function synopsis(tool: Tool): string {
  const positionals = (tool.positionals ?? []).map(({ name, required, many }) => {
    const shown = required ? `\\fI${plain(name)}\\fR` : `[\\fI${plain(name)}\\fR]`;
    return many ? `${shown} ...` : shown;
  });
  const input = { none: [], optional: ['[<', '\\fIRUN\\fR]'], required: ['<', '\\fIRECORDS\\fR'] }[
    tool.stdin
  ];
  return [`\\fB${plain(tool.name)}\\fR`, '[\\fIflags\\fR]', ...positionals, ...input].join(' ');
}

function options(tool: Tool): string {
  return groups({ ...tool.flags, ...commonFlags })
    .flatMap(([title, flags]) => [
      `.SS ${title}`,
      ...flags.map(([name, flag]) => {
        const variable = variablesOf(tool.name, name, flag).at(-1);
        const text = `${describe(flag)}${variable ? `; ${variable} in the environment` : ''}`;
        return item(`\\fB${plain(spelling(name, flag))}\\fR`, text);
      }),
    ])
    .join('\n');
}

function seeAlso(name: string): string {
  const others = ['pcrs', ...suiteTools].filter((other) => other !== name);
  return others.map((other) => `.BR ${plain(other)} (1)`).join(' ,\n');
}

function item(term: string, text: string): string {
  return `.TP\n${term}\n${line(text)}`;
}

/** A note; lines that start with blanks form a list. */
function paragraph(note: string): string {
  const lines = note.split('\n').filter((text) => text.trim() !== '');
  return lines.map((text) => `${text.startsWith(' ') ? '.IP "" 2' : '.PP'}\n${line(text.trim())}`).join('\n');
}

/** Text to be filled; escapes a leading dot or apostrophe, which would be a request. */
function line(text: string): string {
  return plain(text).replace(/^(?=[.']|\\\(aq)/, '\\&');
}

/** Text to be copied as it stands. */
function verbatim(text: string): string {
  return text.split('\n').map(line).join('\n');
}

/** Escapes characters that roff interprets or draws differently; the rest by number. */
function plain(text: string): string {
  const marks: Readonly<Record<string, string>> = {
    ...{ '\\': '\\e', '-': '\\-', "'": '\\(aq', '"': '\\(dq', '`': '\\(ga', '^': '\\(ha', '~': '\\(ti' },
  };
  return text
    .replace(/[\\\-'"`^~]/g, (mark) => marks[mark]!)
    .replace(
      /[^\x20-\x7e\n]/gu,
      (other) => `\\[u${other.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}
