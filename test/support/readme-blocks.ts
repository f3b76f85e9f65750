import { cpSync } from 'node:fs';
import { type Ended, type Place, run } from './programs.ts';

/** A block of shell in a README, with its documented output. */
export interface ShellBlock {
  /** Line of its first command, from 1. */
  line: number;
  script: string;
  /** The `text` block right after it; undefined if there is none. */
  output: string | undefined;
  /** Position of the output in the text. */
  outputAt: number;
}

/** The `sh` blocks of a Markdown text, in order. */
export function shellBlocks(markdown: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  const fence = /^```sh\n([\s\S]*?)^```\n(?:\s*^```text\n([\s\S]*?)^```$)?/gm;
  for (const match of markdown.matchAll(fence)) {
    const line = markdown.slice(0, match.index).split('\n').length + 1;
    const outputAt = match.index + match[0].length - '```'.length - (match[2]?.length ?? 0);
    blocks.push({ line, script: match[1]!, output: match[2], outputAt });
  }
  return blocks;
}

/** A block may start a dozen tools from source, on a machine busy with other tests. */
const limitMs = 240_000;

/** Programs that are neither ours nor the system's. */
const guests = [
  ...['jq', 'sqlite3', 'python3', 'curl', 'openssl', 'duckdb', 'psql', 'datasette'],
  ...['aws', 'kubectl', 'docker', 'systemd-analyze'],
];

/** The programs in a script that are neither ours nor the system's. */
export function guestsOf(script: string): string[] {
  return guests.filter((name) => new RegExp(`(^|[|(;&]|\\$\\()\\s*${name}\\b`, 'm').test(script));
}

/** A part of a page under a second-level heading. */
export interface Section {
  title: string;
  blocks: ShellBlock[];
}

/**
 * The `sh` blocks of a page: those before its first section, on which all sections build, and those of each section.
 */
export function sectionsOf(markdown: string): { before: ShellBlock[]; sections: Section[] } {
  const headings = [...markdown.matchAll(/^## (.+)$/gm)];
  const lineOf = (at: number): number => markdown.slice(0, at).split('\n').length;
  const starts = headings.map(({ index }) => lineOf(index));
  const within = (from: number, to: number): ShellBlock[] =>
    shellBlocks(markdown).filter(({ line }) => line >= from && line < to);
  return {
    before: within(0, starts[0] ?? Number.POSITIVE_INFINITY),
    sections: headings.map(([, title], index) => ({
      title: title!,
      blocks: within(starts[index]!, starts[index + 1] ?? Number.POSITIVE_INFINITY),
    })),
  };
}

/**
 * Runs the blocks of a README in order, in one folder, since they build on one another.
 *
 * Takes   cwd  default: a folder of their own
 * Yields  each block with its result; stops after a failure
 */
export async function* runBlocks(
  blocks: readonly ShellBlock[],
  place: Place,
  cwd: string = place.folder(),
): AsyncGenerator<{ block: ShellBlock; ended: Ended }> {
  const env = { ...place.env, PCRS_STATE_DIR: `${cwd}-state` };
  for (const block of blocks) {
    const ended = await run('bash', ['-euo', 'pipefail', '-c', block.script], { cwd, env, limitMs });
    yield { block, ended };
    if (ended.status !== 0) return;
  }
}

/**
 * Runs the blocks of a page, each section alone in a copy of what the blocks before the first one made.
 *
 * Yields  each block with its result; stops a section after a failure
 */
export async function* runPage(
  markdown: string,
  place: Place,
): AsyncGenerator<{ block: ShellBlock; ended: Ended }> {
  const { before, sections } = sectionsOf(markdown);
  const start = place.folder();
  yield* runBlocks(before, place, start);
  for (const { blocks } of sections) yield* runBlocks(blocks, place, copyOf(start, place));
}

/** A fresh copy of a folder. */
export function copyOf(folder: string, place: Place): string {
  const copy = place.folder();
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** An output without what differs between runs: run ids, times, ports. */
export function lasting(output: string): string {
  return output
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\b\d{8}T\d{6}Z/g, 'STAMP')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME')
    .replace(/127\.0\.0\.1:\d+/g, 'GATEWAY');
}
