import { completionScript, shells } from 'pcrs-cli/completion';
import { helpText } from 'pcrs-cli/help';
import { nearest } from 'pcrs-cli/nearest';
import { defineTool, type Tool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import { tool as demoTool } from './cli-demo.ts';
import { loads, toolList, toolSentences } from './index.ts';

/** Every tool by its short name and its full one. */
const tools = Object.fromEntries(
  Object.entries(loads).flatMap(([name, load]) => [
    [shortName(name), load],
    [name, load],
  ]),
);

export const tool = defineTool({
  name: 'pcrs',
  summary: 'lists the tools of the suite, explains one, or starts one.',
  pipes: [
    'pcrs demo',
    'pcrs auth | pcrs policies | pcrs hostids | pcrs posture | pcrs to-sqlite posture.db',
    'pcrs help etl',
    'source <(pcrs completion bash)',
  ],
  positionals: [
    { name: 'TOOL', describe: 'the tool to start, followed by its flags; or demo, help, completion' },
    { name: 'WORD', describe: `after help: a tool; after completion: ${shells.join(', ')}` },
  ],
  stdin: 'none',
  flags: {},
  tools: { ...tools, demo: () => import('./cli-demo.ts') },
  notes: ['`pcrs etl` and `pcrs-etl` are the same program. Each tool has --help and a man page.'],
  async main(context) {
    const [word, second] = context.positionals;
    if (word === undefined || (word === 'help' && second === undefined))
      await context.output.write(toolList([...(await toolSentences()), demoTool]));
    else if (word === 'help')
      await context.output.write(helpText(await toolNamed(second!), context.stdoutColumns));
    else if (word === 'completion') await context.output.write(completion(second));
    else throw unknownTool(word);
  },
});

function shortName(name: string): string {
  return name.replace(/^pcrs-/, '');
}

async function toolNamed(name: string): Promise<Tool> {
  const load = tools[name];
  if (load === undefined) throw unknownTool(name);
  return (await load()).tool as unknown as Tool;
}

function completion(shell: string | undefined): string {
  const found = shells.find((one) => one === shell);
  if (found === undefined)
    throw codedError(
      'PCRS_USAGE',
      `completion needs a shell: ${shells.join(', ')}; got ${shell ?? 'nothing'}`,
    );
  return completionScript(['pcrs', ...Object.keys(loads)], found);
}

function unknownTool(word: string): Error {
  const near = nearest(shortName(word), Object.keys(loads).map(shortName));
  const advice = near === undefined ? 'pcrs help lists them' : `did you mean pcrs ${near}?`;
  return codedError('PCRS_USAGE', `there is no tool ${word}; ${advice}`);
}
