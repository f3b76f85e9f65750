import { defineTool } from 'pcrs-cli/tool';
import { passedOn } from './index.ts';

const flags = {} as const;

export const tool = defineTool({
  name: 'pcrs-thing',
  summary: 'passes records on.',
  pipes: [
    'pcrs-policies | pcrs-thing | pcrs-to-csv',
    'pcrs-auth | pcrs-policies | pcrs-thing | pcrs-to-sqlite policies.db',
  ],
  stdin: 'required',
  flags,
  async main(context) {
    for await (const line of passedOn(context.stdin)) await context.output.write(line);
  },
});
