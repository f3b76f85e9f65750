import type { Run } from 'pcrs-cli/stage';
import type { Context } from 'pcrs-cli/tool';
import { versionWarning } from 'pcrs-gateway/api-versions';
import { resolveDate } from 'pcrs-records/dates';
import { codedError } from 'pcrs-records/errors';
import type { PostureFlags } from './flags.ts';
import type { PostureOptions } from './index.ts';
import { toQuestion } from './query.ts';

/**
 * The library's options from the flags, dates resolved.
 *
 * Throws  PCRS_USAGE for flags that do not go together, or that the version or the run does not allow
 */
export function postureOptions(
  context: Pick<Context<PostureFlags>, 'flags' | 'log' | 'startedAt'>,
  run: Pick<Run<unknown>, 'session' | 'startedAt'>,
): PostureOptions & { apiVersion: string } {
  const { flags, log } = context;
  if (flags.untagged && run.session !== undefined) {
    throw codedError('PCRS_USAGE', '--untagged: a run needs the kind of each record; leave pcrs-auth away');
  }
  const resolved = (text: string | undefined) =>
    text === undefined ? undefined : resolveDate(text, run.startedAt);
  const options = {
    ...flags,
    tagged: !flags.untagged,
    evaluatedSince: resolved(flags.evaluatedSince),
    scannedSince: resolved(flags.scannedSince),
    scannedFrom: resolved(flags.scannedFrom),
    scannedTo: resolved(flags.scannedTo),
    statusChangedSince: resolved(flags.statusChangedSince),
    warn: (message: string) => log.warn(message),
  };
  toQuestion(options);
  const warning = versionWarning('postureInfo', flags.apiVersion, context.startedAt);
  if (warning !== undefined) log.warn(warning);
  return options;
}
