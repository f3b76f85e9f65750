import { shells } from './completion.ts';
import { flag } from './flags.ts';

const group = 'Every tool';
const everyTool = { env: 'shared', group } as const;

/** Flags of every tool. */
export const commonFlags = {
  config: flag.text({ describe: 'configuration file with profiles', value: 'FILE', ...everyTool }),
  profile: flag.text({ describe: 'profile of the configuration file', value: 'NAME', ...everyTool }),
  progress: flag.boolean({
    describe: 'if stderr is not a terminal, print a plain line every 10 s',
    ...everyTool,
  }),
  quiet: flag.boolean({ describe: 'print only errors', short: 'q', ...everyTool }),
  verbose: flag.boolean({ describe: 'print a line per request', ...everyTool }),
  'log-format': flag.choice(['text', 'json'], {
    describe: 'write stderr as text, or as JSON with one object per line',
    default: 'text',
    ...everyTool,
  }),
  completion: flag.choice(shells, { describe: 'print a completion script', env: 'none', group }),
  help: flag.boolean({ describe: 'print this help', short: 'h', env: 'none', group }),
  version: flag.boolean({ describe: 'print the version', short: 'V', env: 'none', group }),
} as const;
