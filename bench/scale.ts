import { fileURLToPath } from 'node:url';
import { judged, type Limit, most } from './limits.ts';
import { markdown, thousands } from './markdown.ts';
import { measure } from './measure.ts';

/** A tool whose memory does not grow with the stream. */
export interface Scaled {
  tool: string;
  command: string;
  limit: Limit;
  /** Makes what it reads, as fast as it takes it; no disk has to hold that. */
  feed: (records: number) => string;
}

const program = (file: string) => `node ${fileURLToPath(new URL(file, import.meta.url))}`;
const run = (records: number) => `${program('repeat.ts')} "$DATA"/as-sent.ndjson ${records}`;
const twoDays = (records: number) => `${program('days.ts')} ${records / 2} 0 1 0.005 2000`;
const memory = (limitMB: number) => most(limitMB, 'MB of memory');

export const scaledTools: readonly Scaled[] = [
  { tool: 'pcrs-to-sqlite', command: 'pcrs-to-sqlite posture.db', limit: memory(200), feed: run },
  { tool: 'pcrs-to-csv', command: 'pcrs-to-csv > /dev/null', limit: memory(200), feed: run },
  { tool: 'pcrs-to-postgres', command: 'pcrs-to-postgres > /dev/null', limit: memory(200), feed: run },
  { tool: 'pcrs-to-parquet', command: 'pcrs-to-parquet --dir lake', limit: memory(450), feed: run },
  { tool: 'pcrs-to-ocsf', command: 'pcrs-to-ocsf > /dev/null', limit: memory(200), feed: run },
  { tool: 'pcrs-to-history', command: 'pcrs-to-history history.db', limit: memory(300), feed: twoDays },
];

/** One tool at growing sizes, once each. */
export async function scaleTable(
  { tool, command, limit, feed }: Scaled,
  sizes: readonly number[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const measured = await measure(
    sizes.map((size) => ({ name: `${tool}, ${thousands(size)} records`, command, feed: feed(size) })),
    1,
    env,
  );
  const rows = measured.map(({ seconds, cpuSeconds, peakMB }, index) => [
    thousands(sizes[index]!),
    seconds.toFixed(2),
    cpuSeconds?.toFixed(2) ?? '',
    thousands(Math.round(sizes[index]! / seconds)),
    peakMB?.toFixed(0) ?? '',
  ]);
  const verdicts = measured.flatMap(({ name }) => judged([{ ...limit, of: name }], measured, 0));
  return `## Scale: ${tool}

\`${command}\`, its input made while it reads; CPU and memory are the tool's alone.

${markdown(['records', 'seconds', 'CPU s', 'records/s', 'peak MB'], rows)}

${verdicts.map((line) => `- ${line}`).join('\n')}`;
}
