import { flag } from 'pcrs-cli/flags';
import { runSource } from 'pcrs-cli/source';
import { defineTool } from 'pcrs-cli/tool';
import { newRunId } from 'pcrs-records/run-id';

const flags = {
  gateway: flag.text({
    describe: 'gateway that the policies are of',
    value: 'URL',
    default: 'https://gateway.example',
    env: 'shared',
  }),
} as const;

export const tool = defineTool({
  name: 'pcrs-thing',
  summary: 'writes the policies of a JSON file as a run.',
  pipes: [
    'pcrs-thing policies.json | pcrs-to-sqlite policies.db',
    'pcrs-thing policies.json | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
  ],
  positionals: [{ name: 'FILE', describe: 'a JSON array of policies', required: true }],
  stdin: 'none',
  live: 'unless stdout is piped',
  flags,
  async main(context) {
    const { thingPolicies } = await import('./index.ts');
    const [path] = context.positionals as [string];
    const { gateway } = context.flags;
    const startedAt = new Date().toISOString();
    const names = { kind: 'session' as const, runId: newRunId(), gateway, username: null };
    await runSource(context, {
      run: {
        session: { ...names, tokenFile: null, expiresAt: null, startedAt },
        start: { scope: {}, base: 'full' },
      },
      blocks: thingPolicies(path),
      failure: () => undefined,
    });
  },
});
