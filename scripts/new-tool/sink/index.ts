import type { SinkOptions } from 'pcrs-sink/demands';
import { noteDifference } from 'pcrs-sink/fidelity';
import { SinkReader } from 'pcrs-sink/reader';
import { type Members, RefusedRecord } from 'pcrs-sink/table';

export type ThingOptions = Omit<SinkOptions, 'progress'>;

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
  noteDifference(verdicts, log);
  if (failure) throw failure;
}
