import type { End, JsonObject, Start } from './kinds.ts';
import { lineBlocks } from './lines.ts';

/** A stage of a run, as far as the stream tells of it: its start, its end, or both. */
export interface Stage {
  name: string;
  end: End | undefined;
}

/** What the starts and ends of a run say, equal ones counted once. */
export interface Stages {
  /** In the order of the stream: the last stage of a pipe first. */
  starts: Start[];
  /** In the order of the pipe. */
  ends: End[];
  /** Each start with its end, in the order of the pipe: stages put their start in front. */
  started: Stage[];
  /** Ends without a start of their own. */
  loose: End[];
}

/**
 * Gives each start its end: that of the same `startId`; in contract 1, which has none, one of the same stage.
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

/**
 * The stages of a kept stream, by the starts and ends in it.
 */
export async function stagesIn(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Stages> {
  const control = new Set<string>();
  for await (const { lines } of lineBlocks(stream)) {
    for (const line of lines) if (/^\s*\{\s*"kind"\s*:\s*"(?:start|end)"/.test(line)) control.add(line);
  }
  return stagesOf([...control].flatMap(parsed));
}

/** None for a line that was cut. */
function parsed(line: string): JsonObject[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
