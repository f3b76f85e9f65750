import { versionWarning } from 'pcrs-gateway/api-versions';
import type { Archive } from 'pcrs-gateway/archive';
import { resolveDate } from 'pcrs-records/dates';
import { codedError } from 'pcrs-records/errors';
import { type ArchiveMode, optionsOf } from './archive-run.ts';
import type { PostureOptions } from './index.ts';
import { toQuestion } from './query.ts';

/** Flags that become options of the library. */
export type OptionFlags = PostureOptions & {
  apiVersion: string;
  untagged: boolean;
  skipBad: boolean;
  strict: boolean;
};

/** The options in force, dates resolved. */
export type RunOptions = OptionFlags;

/** What the options depend on besides the flags. */
export interface Circumstances {
  /** Origin of each flag, by camelCase name. */
  origins: Readonly<Record<string, string>>;
  inRun: boolean;
  /** Start of relative dates. */
  startedAt: Date;
  now: Date;
  archive: { archive: Archive; mode: ArchiveMode } | undefined;
  warn(message: string): void;
}

/**
 * The library's options, from the flags and a resumed archive.
 *
 * Throws  PCRS_USAGE for flags that conflict, or that the version, the run or the archive does not allow
 */
export function runOptions(
  flags: OptionFlags,
  { origins, inRun, startedAt, now, archive, warn }: Circumstances,
): RunOptions {
  const old = archive?.mode === 'new' ? undefined : archive?.archive;
  const given = resolved(flags, old ? new Date(old.manifest!.header.startedAt) : startedAt);
  const options = { ...given, ...(old ? optionsOf(old, given, origins) : {}) } as RunOptions;
  if (options.untagged && inRun) {
    throw codedError(
      'PCRS_USAGE',
      '--untagged cannot be used in a run, whose records need their kind; remove pcrs-auth from the pipe',
    );
  }
  toQuestion(options);
  const warning = versionWarning('postureInfo', options.apiVersion, now);
  if (warning !== undefined) warn(warning);
  return { ...options, tagged: !options.untagged, warn };
}

function resolved(flags: OptionFlags, from: Date): OptionFlags {
  const date = (text: string | undefined) => (text === undefined ? undefined : resolveDate(text, from));
  return {
    ...flags,
    evaluatedSince: date(flags.evaluatedSince),
    scannedSince: date(flags.scannedSince),
    scannedFrom: date(flags.scannedFrom),
    scannedTo: date(flags.scannedTo),
    statusChangedSince: date(flags.statusChangedSince),
  };
}
