import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsFor } from './passed-flags.ts';
import type { PipePart } from './pipe.ts';
import { controlFile, type PostureState, type RunFolder } from './run-folder.ts';
import type { Series } from './series.ts';

/** A part of a pipe: the tool's bin, from source or built as pcrs-etl itself, and its flags. */
export function part(tool: string, given: ReadonlyMap<string, unknown>, ...more: string[]): PipePart {
  const bin = join(dirname(fileURLToPath(import.meta.resolve(`${tool}/cli`))), '..', 'bin', `${tool}.js`);
  return { tool, bin, args: [...argumentsFor(tool, given), ...more] };
}

/**
 * The pipe of a run, from the first stage with work left.
 *
 * Takes   given  flags set for pcrs-etl alone, by name
 *         state  progress of posture; `new` for a new run
 */
export function runParts(
  folder: RunFolder,
  state: PostureState,
  resumed: boolean,
  series: Series,
  given: ReadonlyMap<string, unknown>,
): PipePart[] {
  const { base, since } = folder.plan;
  const keep = (tool: string) => ['--archive', join(folder.path, tool)];
  const again = resumed ? ['--resume'] : [];
  const dated = since === null ? [] : ['--evaluated-since', since];
  const sink = part(
    'pcrs-to-sqlite',
    given,
    ...['--snapshot', series.out, '--run-records', join(folder.path, controlFile)],
    ...(series.name === undefined ? [] : ['--name', series.name]),
    ...(base === null ? [] : ['--from', series.snapshot(base)]),
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
