import { completeArgument } from './completion.ts';
import type { Output } from './output.ts';
import type { AnyTool } from './tool.ts';

/** The tool that the first word names, with the words after it; without one, the tool itself. */
export async function chosenTool(tool: AnyTool, argv: string[]): Promise<{ tool: AnyTool; argv: string[] }> {
  const completing = argv[0] === completeArgument;
  const words = completing ? argv.slice(1) : argv;
  // The last word of a completion is still being typed; it names a tool only once another word follows.
  const named = completing && words.length < 2 ? undefined : words[0];
  const { tools } = tool;
  if (named === undefined || tools === undefined || named.startsWith('-')) return { tool, argv };
  if (!Object.hasOwn(tools, named)) {
    // The flags after a misspelt tool belong to that tool; report the word only.
    return { tool, argv: completing ? argv : words.filter((word) => !word.startsWith('-')).slice(0, 2) };
  }
  const chosen = (await tools[named]!()).tool as AnyTool;
  return { tool: chosen, argv: [...(completing ? [completeArgument] : []), ...words.slice(1)] };
}

/** Answers a completion script, one candidate per line. */
export async function printCandidates(
  tool: AnyTool,
  words: readonly string[],
  output: Output,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const { candidates } = await import('./candidates.ts');
  const { profileNames } = await import('./settings.ts');
  const found = candidates(tool, words, () => profileNames(env));
  const word = words.at(-1) ?? '';
  if (words.length < 2)
    found.unshift(...Object.keys(tool.tools ?? {}).filter((name) => name.startsWith(word)));
  output.write(found.map((one) => `${one}\n`).join(''))?.catch(() => {});
  await output.flush().catch(() => {});
  return 0;
}
