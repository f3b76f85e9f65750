import type { SinkDemands } from 'pcrs-sink/demands';
import { differenceWords } from 'pcrs-sink/fidelity';
import { SinkReader } from 'pcrs-sink/reader';
import { type Members, RefusedRecord } from 'pcrs-sink/table';

export interface ThingOptions extends SinkDemands {
  /** Skips and counts bad lines, instead of failing at the first. */
  skipBad?: boolean | undefined;
  /** What was skipped or changed, once, at the end of the input. */
  log?: { warn(message: string): void; note(message: string): void } | undefined;
}

/** Members that a line shows; column n is the n-th. A part of a nested member is named by its path. */
const columns = ['hostId', 'controlId', 'status', ['criticality', 'label']] as const;

/**
 * A line of JSON for each posture: its host, its control, its status, its criticality.
 *
 * Takes   chunks  an NDJSON stream in any chunking
 * Yields  whole lines, in the order of the postures
 * Limits  memory holds a block of lines
 * Throws  PCRS_RECORD for a bad line; PCRS_INCOMPLETE and PCRS_EMPTY at the end. What was yielded stands
 */
export async function* toThing(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ThingOptions = {},
): AsyncGenerator<string> {
  const { log, requireRun, skipBad } = options;
  let lines: string[] = [];
  const take = (record: Members): void => {
    const values = columns.map((_, column) => record.text(column));
    if (values[0] === null) throw new RefusedRecord('hostId is missing');
    lines.push(`${JSON.stringify(values)}\n`);
  };
  const reader = new SinkReader({
    ...{ requireRun, skipBad, expected: ['posture'] },
    tableOf: (kind) => (kind === 'posture' ? { columns, take } : undefined),
  });
  for await (const block of reader.blocks(chunks)) {
    try {
      reader.take(block);
    } finally {
      yield lines.join('');
      lines = [];
    }
  }
  const { failure, verdicts } = reader.end(options);
  for (const problem of reader.problems.reports()) log?.warn(problem);
  const difference = differenceWords(verdicts);
  if (difference !== undefined) log?.note(`not as the stages of the run made it: ${difference}`);
  if (failure) throw failure;
}
