import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commonFlags } from 'pcrs-cli/common-flags';
import type { Flag, Flags } from 'pcrs-cli/flags';
import { describe, groups, spelling } from 'pcrs-cli/help';
import { variablesOf } from 'pcrs-cli/read-flags';
import { root } from './run-program.ts';
import { tools } from './source-bins.ts';

const open = '<!-- flags -->';
const close = '<!-- /flags -->';

/** A README with a generated flag table: its path, its text, and the text it should have. */
export interface GeneratedReadme {
  path: string;
  text: string;
  wanted: string;
}

/** The README of every tool. */
export async function generatedReadmes(): Promise<GeneratedReadme[]> {
  const readmes: GeneratedReadme[] = [];
  for (const name of tools) {
    const path = `packages/${name}/README.md`;
    if (!existsSync(join(root, path))) continue;
    const text = readFileSync(join(root, path), 'utf8');
    const { tool } = (await import(`${name}/cli`)) as { tool: { flags: Flags } };
    const [before, after] = aroundTables(path, text);
    readmes.push({ path, text, wanted: `${before}${open}\n${flagTables(name, tool.flags)}${close}${after}` });
  }
  return readmes;
}

function aroundTables(path: string, text: string): [string, string] {
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from < 0 || to < from) throw new Error(`${path}: a line ${open} and a line ${close} are missing`);
  return [text.slice(0, from), text.slice(to + close.length)];
}

/** A table per group of flags, with the environment variable of each. */
function flagTables(tool: string, flags: Flags): string {
  return groups({ ...flags, ...commonFlags })
    .map(([title, group]) => {
      const rows = group.map(([name, flag]) => row(tool, name, flag));
      return `\n| ${title} | environment | |\n|---|---|---|\n${rows.join('\n')}\n`;
    })
    .join('')
    .concat('\n');
}

function row(tool: string, name: string, flag: Flag<unknown>): string {
  // The variable for all tools, if there is one; the tool's own follows the same pattern.
  const variable = variablesOf(tool, name, flag).at(-1);
  const cells = [`\`${spelling(name, flag)}\``, variable ? `\`${variable}\`` : '', describe(flag)];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
