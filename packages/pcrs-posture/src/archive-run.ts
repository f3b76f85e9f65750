import { createHash } from 'node:crypto';
import type { Archive, Opening } from 'pcrs-gateway/archive';
import { durationMs } from 'pcrs-records/duration';
import { codedError } from 'pcrs-records/errors';
import { stagesIn } from 'pcrs-records/stages';
import type { PostureOptions } from './index.ts';

/** Archive flags. */
export interface ArchiveFlags {
  archive?: string | undefined;
  resume: boolean;
  replay: boolean;
  /** Replaces an input that was cut. */
  input?: string | undefined;
  /** `12h` */
  resumeWithin: string;
}

export type ArchiveMode = 'new' | 'resume' | 'replay';

/** Options that decide what is asked and written; every run of one archive must use the same. */
const decisive = [
  ...(['apiVersion', 'evidence', 'extendedEvidence', 'qds', 'excludeInactiveControls'] as const),
  ...([
    'evaluatedSince',
    'scannedSince',
    'scannedFrom',
    'scannedTo',
    'statusChangedSince',
    'noCompression',
  ] as const),
  ...(['untagged', 'hostsPerRequest', 'policiesPerRequest', 'strict', 'skipBad'] as const),
] as const;

type Decisive = { [K in (typeof decisive)[number]]?: unknown };

/** `evaluatedSince` → `evaluated-since`. */
const flagName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Opens the archive of a run that starts, resumes or replays.
 *
 * Throws  PCRS_USAGE if the flags or the directory do not fit; PCRS_INCOMPLETE if the archive's input was cut
 */
export async function openRunArchive(
  flags: ArchiveFlags,
  now: Date,
  opening: Opening,
): Promise<{ archive: Archive; mode: ArchiveMode } | undefined> {
  const mode = modeOf(flags);
  if (flags.archive === undefined) return undefined;
  const { newArchive, oldArchive } = await import('pcrs-gateway/archive');
  if (mode === 'new') return { archive: await newArchive(flags.archive, opening), mode };
  const archive = await oldArchive(flags.archive, mode === 'resume' ? 'write' : 'read', opening);
  try {
    await checkFit(archive, mode, flags, now);
  } catch (error) {
    await archive.close();
    throw error;
  }
  return { archive, mode };
}

function modeOf({ archive, resume, replay, input }: ArchiveFlags): ArchiveMode {
  if (input !== undefined && !resume)
    throw codedError('PCRS_USAGE', '--input works only with --resume; a new run reads stdin');
  if (resume && replay) throw codedError('PCRS_USAGE', '--resume and --replay exclude each other');
  const mode = resume ? 'resume' : replay ? 'replay' : 'new';
  if (mode !== 'new' && archive === undefined)
    throw codedError('PCRS_USAGE', `--${mode} needs --archive DIR`);
  return mode;
}

async function checkFit(
  archive: Archive,
  mode: ArchiveMode,
  { input, resumeWithin }: ArchiveFlags,
  now: Date,
): Promise<void> {
  const { directory, manifest } = archive;
  const { stage, startedAt } = manifest!.header;
  if (stage !== 'pcrs-posture')
    throw codedError('PCRS_USAGE', `${directory}: this is an archive of ${stage}, not of pcrs-posture`);
  const has = (kind: string): boolean => manifest!.notes.some((note) => note.kind === kind);
  const flaws = await flawsOfInput(archive);
  if (mode === 'resume') {
    if (has('finished') && flaws.cut === undefined && flaws.failed === undefined)
      throw codedError('PCRS_USAGE', `${directory}: the archive is complete; use --replay to read it`);
    const hours = (now.getTime() - Date.parse(startedAt)) / 3_600_000;
    if (hours * 3_600_000 > durationMs(resumeWithin)) {
      const old = `${directory}: the archive is ${Math.round(hours)} h old; resuming would mix two days' data`;
      throw codedError('PCRS_USAGE', `${old}; --resume-within allows an older archive, --replay reads it`);
    }
  }
  if (input !== undefined) return;
  if (flaws.cut !== undefined) throw unfit(directory, `was cut: ${flaws.cut}`);
  // A replayed input contains the failure itself.
  if (mode === 'resume' && flaws.failed !== undefined)
    throw unfit(directory, `is of a run that failed: ${flaws.failed}`);
}

function unfit(directory: string, how: string): Error {
  return codedError('PCRS_INCOMPLETE', `${directory}: the archive's input ${how}; a new run is needed`);
}

/** Flaws of an archived input: it is cut, or one of its stages failed. */
async function flawsOfInput(archive: Archive): Promise<{ cut?: string; failed?: string }> {
  const kept = archive.manifest!.notes.findLast((note) => note.kind === 'input');
  if (kept === undefined) return { cut: 'the run ended before reading all of it' };
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of archive.keptInput()) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const { started } = await stagesIn(hashed());
  if (hash.digest('hex') !== kept['sha256']) return { cut: 'it differs from what the run has read' };
  const open = started.find(({ end }) => end === undefined);
  if (open) return { cut: `${open.name} never ended` };
  const failed = started.find(({ end }) => end?.ok !== true);
  return failed ? { failed: `${failed.name} ended ${failed.end?.status}` } : {};
}

/** The decisive options by flag, for a new archive's first line. */
export function archivedOptions(options: Decisive): Record<string, unknown> {
  const given = decisive.map((name) => [flagName(name), options[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== false));
}

/**
 * Options of a resumed run: those of the archive.
 *
 * Takes   given     options from this run's flags, dates resolved
 *         origins   origin of each; a default gives way to the archive
 * Throws  PCRS_USAGE naming a flag that differs
 */
export function optionsOf(
  archive: Archive,
  given: Decisive,
  origins: Readonly<Record<string, string>>,
): PostureOptions & Decisive {
  const archived = archive.manifest!.header.options;
  const options: Record<string, unknown> = {};
  for (const name of decisive) {
    const before = archived[flagName(name)];
    const now = given[name] === false ? undefined : given[name];
    options[name] = before;
    if ((origins[name] ?? 'default') === 'default' || now === before) continue;
    const was = before === undefined ? 'none' : JSON.stringify(before);
    const found = now === undefined ? 'none' : JSON.stringify(now);
    throw codedError(
      'PCRS_USAGE',
      `--${flagName(name)} differs from the archive's (${was}, now ${found}); omit it`,
    );
  }
  return options;
}

/** Throws PCRS_USAGE if run, gateway or user differ from the archive's. */
export function checkSame(
  archive: Archive,
  gateway: { url: string; username: string | undefined },
  runId: string | null,
): void {
  const { gateway: url, username, runId: before } = archive.manifest!.header;
  if (before !== runId) {
    throw codedError('PCRS_USAGE', `${archive.directory}: the archive is of run ${before}, not of ${runId}`);
  }
  if (url !== gateway.url) {
    throw codedError('PCRS_USAGE', `${archive.directory}: the archive is of ${url}, not of ${gateway.url}`);
  }
  if (username !== null && gateway.username !== undefined && username !== gateway.username) {
    throw codedError(
      'PCRS_USAGE',
      `${archive.directory}: the archive is of user ${username}, not of ${gateway.username}`,
    );
  }
}
