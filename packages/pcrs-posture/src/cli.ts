import { defineTool } from 'pcrs-cli/tool';
import { flags } from './cli-flags.ts';

export const tool = defineTool({
  name: 'pcrs-posture',
  summary:
    'streams the posture records of policies and hosts; each response is proven complete before it is written.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence | pcrs-to-sqlite posture.db',
    'pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-csv > posture.csv',
    'pcrs-posture --archive DIR --resume | pcrs-to-sqlite posture.db',
  ],
  stdin: 'required',
  needsStdin: ({ resume, replay, input }) => (resume ? input === '-' : !replay),
  live: 'always',
  flags,
  notes: [
    'Reads hostids records, tagged or as the gateway sends them, one per line or as whole arrays.',
    'DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.',
  ],
  async main(context) {
    // Loaded late: help and wrong flags need no gateway.
    const { runPosture } = await import('./cli-main.ts');
    await runPosture(context);
  },
});
