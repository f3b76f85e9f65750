import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsFor } from './passed-flags.ts';
import type { PipePart } from './pipe.ts';
import type { PostureState, RunFolder } from './run-folder.ts';

/** What the pipe of a run is made from. */
export interface PartsOptions {
  /** The flags set for pcrs-etl alone, by name. */
  given: ReadonlyMap<string, unknown>;
  out: string;
  name: string | undefined;
}

/** A part of a pipe: the tool's bin, as pcrs-etl itself was started (from source or built), and its flags. */
export function part(tool: string, given: ReadonlyMap<string, unknown>, ...more: string[]): PipePart {
  const bin = join(dirname(fileURLToPath(import.meta.resolve(`${tool}/cli`))), '..', 'bin', `${tool}.js`);
  return { tool, bin, args: [...argumentsFor(tool, given), ...more] };
}

/**
 * The pipe of a run, from the stage that has something left to do on.
 *
 * Takes   state  how far posture got; `new` for a run that is just beginning
 */
export function runParts(
  folder: RunFolder,
  state: PostureState,
  resumed: boolean,
  options: PartsOptions,
): PipePart[] {
  const { given, out, name } = options;
  const { base, since } = folder.plan;
  const keep = (tool: string) => ['--archive', join(folder.path, tool)];
  const again = resumed ? ['--resume'] : [];
  const dated = since === null ? [] : ['--evaluated-since', since];
  const sink = part(
    'pcrs-to-sqlite',
    given,
    ...['--snapshot', out, '--run-records', join(folder.path, 'records.ndjson')],
    ...(name === undefined ? [] : ['--name', name]),
    ...(base === null ? [] : ['--from', join(out, snapshotName(base, name))]),
  );
  const posture = (...flags: string[]) => part('pcrs-posture', given, ...keep('pcrs-posture'), ...flags);
  if (state === 'finished') return [posture('--replay'), sink];
  if (state === 'under way') return [posture('--resume'), sink];
  return [
    part('pcrs-policies', given, ...keep('pcrs-policies'), ...again, ...dated),
    part('pcrs-hostids', given, ...keep('pcrs-hostids'), ...again),
    state === 'new' ? posture(...dated) : posture('--resume', '--input', '-'),
    sink,
  ];
}

/** `pcrs_[NAME_]STAMP.db`. */
export function snapshotName(stamp: string, name: string | undefined): string {
  return `pcrs_${name === undefined ? '' : `${name}_`}${stamp}.db`;
}
