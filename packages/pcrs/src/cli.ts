import { defineTool } from 'pcrs-cli/tool';
import { toolList, toolSentences } from './index.ts';

export const tool = defineTool({
  name: 'pcrs',
  summary: 'lists the tools of the suite; each is a program of its own.',
  pipes: ['pcrs', 'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db'],
  stdin: 'none',
  flags: {},
  notes: ['Each tool has --help. Its man page and completion scripts come with its package.'],
  async main(context) {
    await context.output.write(toolList(await toolSentences()));
  },
});
