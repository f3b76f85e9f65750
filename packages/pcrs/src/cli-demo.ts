import { existsSync, readdirSync } from 'node:fs';
import { flag } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';

const flags = {
  serve: flag.boolean({ describe: 'keep the gateway up and print how to use it', env: 'none' }),
} as const;

/** `pcrs demo`. */
export const tool = defineTool({
  name: 'pcrs demo',
  summary: 'runs a week of the whole pipe against a gateway on this machine, and shows the results.',
  pipes: ['pcrs demo', 'pcrs demo --serve'],
  positionals: [{ name: 'DIR', describe: 'the folder to create (default pcrs-demo)' }],
  stdin: 'none',
  flags,
  notes: ['Needs no account and no network, takes less than a minute, and writes only to DIR.'],
  async main(context) {
    const { demo, serve } = await import('./demo.ts');
    const { env, node, output, signal } = context;
    const say = (text: string) => output.write(text);
    if (context.flags.serve) {
      await serve({ signal, say });
      return;
    }
    const out = context.positionals[0] ?? 'pcrs-demo';
    if (existsSync(out) && readdirSync(out).length > 0)
      throw codedError(
        'PCRS_USAGE',
        `${out} is not empty; remove it, or choose another folder: pcrs demo DIR`,
      );
    await demo({ out, node, env, signal, say });
  },
});
