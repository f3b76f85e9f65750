import { flag } from 'pcrs-cli/flags';
import { apiVersionFlag, concurrencyFlag, stageFlags } from 'pcrs-cli/gateway-flags';
import type { Context } from 'pcrs-cli/tool';
import { checkDate } from 'pcrs-records/dates';
import { checkDuration } from 'pcrs-records/duration';
import { defaults } from './defaults.ts';

const what = 'What to ask for';
const slicing = 'Slices';
const keeping = 'Archive';
const date = (describe: string) => flag.text({ describe, value: 'DATE', parse: checkDate, group: what });

/** Flags of `pcrs-posture`. */
export const flags = {
  evidence: flag.boolean({ describe: 'include the evidence', group: what }),
  'extended-evidence': flag.boolean({ describe: 'include the extended evidence too (5.0)', group: what }),
  qds: flag.boolean({ describe: 'include the Qualys Detection Score (5.0)', group: what }),
  'exclude-inactive-controls': flag.boolean({
    describe: 'omit controls that are inactive in their policy',
    group: what,
  }),
  'evaluated-since': date('only records evaluated on or after'),
  'scanned-since': date('only hosts scanned on or after'),
  'scanned-from': date('only hosts scanned on or after (needs --scanned-to)'),
  'scanned-to': date('only hosts scanned before (needs --scanned-from)'),
  'status-changed-since': date('only records whose status changed since'),
  'no-compression': flag.boolean({ describe: 'ask for plain JSON instead of gzip', group: what }),
  untagged: flag.boolean({ describe: 'omit kind from the records (outside a run only)', group: what }),
  'hosts-per-request': flag.integer({
    ...{
      describe: 'host ids in one request, over all its policies',
      min: 1,
      max: 100_000,
      default: defaults.hostsPerRequest,
    },
    ...{ env: 'shared', group: slicing },
  }),
  'policies-per-request': flag.integer({
    ...{
      describe: 'policies in one request',
      min: 1,
      max: 10,
      default: defaults.policiesPerRequest,
      limit: "the gateway's limit",
    },
    ...{ env: 'shared', group: slicing },
  }),
  strict: flag.boolean({
    describe: 'fail instead of warning: a body that never began, foreign records, no records',
    group: slicing,
  }),
  plan: flag.boolean({
    describe: 'count slices and requests without sending any',
    env: 'none',
    group: slicing,
  }),
  resume: flag.boolean({
    describe: 'resume the run of --archive DIR: ask only for what is missing',
    env: 'none',
    group: keeping,
  }),
  input: flag.text({
    describe: 'with --resume: the input again (- is stdin), if the kept one is incomplete',
    value: 'FILE',
    env: 'none',
    group: keeping,
  }),
  'resume-within': flag.text({
    ...{
      describe: 'resume an archive only if it is at most this old',
      value: 'TIME',
      default: '12h',
      parse: checkDuration,
    },
    group: keeping,
  }),
  replay: flag.boolean({
    describe: 'write the records of --archive DIR without asking the gateway',
    env: 'none',
    group: keeping,
  }),
  'skip-bad': flag.boolean({
    describe: 'skip and count lines that are not records',
    group: slicing,
  }),
  'api-version': apiVersionFlag('5.0', 'shared'),
  concurrency: concurrencyFlag(defaults.concurrency),
  ...stageFlags,
} as const;

export type PostureContext = Context<typeof flags>;
