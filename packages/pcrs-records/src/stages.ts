import { type End, type JsonObject, parsedObject, type Start } from './kinds.ts';
import { lineBlocks } from './lines.ts';

/** A stage of a run, as found in the stream: its start, its end, or both. */
export interface Stage {
  name: string;
  end: End | undefined;
}

/** The starts and ends of a run, duplicates counted once. */
export interface Stages {
  /** In stream order: the last stage of a pipe first. */
  starts: Start[];
  /** In pipe order. */
  ends: End[];
  /** Each start with its end, in pipe order (each stage puts its start before those already there). */
  started: Stage[];
  /** Ends without a matching start. */
  loose: End[];
}

/**
 * Matches each start with its end: by `startId`, or by stage name in contract 1, which has no `startId`.
 *
 * Takes  records  the starts and ends of one run, each once
 */
export function stagesOf(records: readonly JsonObject[]): Stages {
  const starts = records.filter(({ kind }) => kind === 'start') as unknown as Start[];
  const ends = records.filter(({ kind }) => kind === 'end') as unknown as End[];
  const loose = [...ends];
  const started = starts.toReversed().map(({ stage, startId }) => {
    const isOwn = (end: End) => end.startId === startId && (startId !== undefined || end.stage === stage);
    const at = loose.findIndex(isOwn);
    return { name: stage, end: at < 0 ? undefined : loose.splice(at, 1)[0] };
  });
  return { starts, ends, started, loose };
}

/** The stages of a stored stream, from its starts and ends. */
export async function stagesIn(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Stages> {
  const control = new Set<string>();
  for await (const { lines } of lineBlocks(stream)) {
    for (const line of lines) if (/^\s*\{\s*"kind"\s*:\s*"(?:start|end)"/.test(line)) control.add(line);
  }
  // The last line may be cut.
  return stagesOf([...control].map(parsedObject).filter((record) => record !== undefined));
}
