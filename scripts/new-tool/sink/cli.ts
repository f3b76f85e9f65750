import { demandFlags } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';

const flags = { ...demandFlags() } as const;

export const tool = defineTool({
  name: 'pcrs-thing',
  summary: 'writes a line for each posture.',
  pipes: [
    'pcrs-from-sqlite posture/latest.db | pcrs-thing > lines.json',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-thing',
  ],
  stdin: 'required',
  live: 'unless stdout is piped',
  flags,
  async main(context) {
    const { toThing } = await import('./index.ts');
    for await (const lines of toThing(context.lentStdin, { ...context.flags, log: context.log }))
      await context.output.write(lines);
  },
});
