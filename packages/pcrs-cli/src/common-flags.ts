import { shells } from './completion.ts';
import { flag } from './flags.ts';

/** Flags of every tool. */
export const commonFlags = {
  config: flag.text({
    describe: 'configuration file with profiles',
    value: 'FILE',
    env: 'shared',
    group: 'Every tool',
  }),
  profile: flag.text({
    describe: 'profile of the configuration file',
    value: 'NAME',
    env: 'shared',
    group: 'Every tool',
  }),
  progress: flag.boolean({
    describe: 'if stderr is not a terminal, print a plain line every 10 s',
    env: 'shared',
    group: 'Every tool',
  }),
  quiet: flag.boolean({
    describe: 'print only errors',
    short: 'q',
    env: 'shared',
    group: 'Every tool',
  }),
  verbose: flag.boolean({
    describe: 'print a line per request',
    env: 'shared',
    group: 'Every tool',
  }),
  'log-format': flag.choice(['text', 'json'], {
    ...{
      describe: 'write stderr as text, or as JSON with one object per line',
      default: 'text',
      env: 'shared',
      group: 'Every tool',
    },
  }),
  completion: flag.choice(shells, {
    describe: 'print a completion script',
    env: 'none',
    group: 'Every tool',
  }),
  help: flag.boolean({ describe: 'print this help', short: 'h', env: 'none', group: 'Every tool' }),
  version: flag.boolean({ describe: 'print the version', short: 'V', env: 'none', group: 'Every tool' }),
} as const;
