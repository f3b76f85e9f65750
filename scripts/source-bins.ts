import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './run-program.ts';

/** Node's cache of compiled sources, with which a tool starts in half the time. */
const compileCache = join(root, 'node_modules', '.cache', 'pcrs-compiled');

/** The tools: every package that has a bin. */
export const tools: readonly string[] = readdirSync(join(root, 'packages'))
  .filter((name) => readdirSync(join(root, 'packages', name)).includes('bin'))
  .sort();

/**
 * A folder with every bin as a one-word program that runs from source, without a build. It is kept: its path may be
 * pasted into a shell.
 */
export function sourceBins(): string {
  const folder = join(root, 'node_modules', '.cache', 'pcrs-source-bins');
  mkdirSync(folder, { recursive: true });
  for (const name of tools) {
    const bin = join(root, 'packages', name, 'bin', `${name}.js`);
    const lines = [
      '#!/bin/sh',
      `exec ${quoted(process.execPath)} --conditions=pcrs-source ${quoted(bin)} "$@"`,
    ];
    const draft = join(folder, `.${name}.${process.pid}`);
    writeFileSync(draft, `${lines.join('\n')}\n`);
    chmodSync(draft, 0o755);
    renameSync(draft, join(folder, name));
  }
  return folder;
}

/** An environment in which the tools run from source by name; none of our outside variables get in. */
export function sourceEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !/^(PCRS_|NODE_|npm_|pnpm_|XDG_|FORCE_COLOR|NO_COLOR|LC_|LANG)/i.test(entry[0]),
  );
  const path = [sourceBins(), process.env['PATH']].join(delimiter);
  return {
    ...Object.fromEntries(inherited),
    PATH: path,
    LANG: 'C.UTF-8',
    NODE_COMPILE_CACHE: compileCache,
    ...more,
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
