/** A tool of the suite: its name, and a sentence that continues the name. */
export interface ToolSentence {
  name: string;
  summary: string;
}

/** The tools in pipe order: stages, sinks, then the rest; each package has its own sentence. */
export const loads = {
  'pcrs-auth': () => import('pcrs-auth/cli'),
  'pcrs-policies': () => import('pcrs-policies/cli'),
  'pcrs-hostids': () => import('pcrs-hostids/cli'),
  'pcrs-posture': () => import('pcrs-posture/cli'),
  'pcrs-to-sqlite': () => import('pcrs-to-sqlite/cli'),
  'pcrs-to-csv': () => import('pcrs-to-csv/cli'),
  'pcrs-to-postgres': () => import('pcrs-to-postgres/cli'),
  'pcrs-from-sqlite': () => import('pcrs-from-sqlite/cli'),
  'pcrs-report': () => import('pcrs-report/cli'),
  'pcrs-etl': () => import('pcrs-etl/cli'),
  'pcrs-diff': () => import('pcrs-diff/cli'),
  'pcrs-status': () => import('pcrs-status/cli'),
  'pcrs-simulator': () => import('pcrs-simulator/cli'),
  'pcrs-to-ocsf': () => import('pcrs-to-ocsf/cli'),
  'pcrs-to-parquet': () => import('pcrs-to-parquet/cli'),
  'pcrs-to-history': () => import('pcrs-to-history/cli'),
  'pcrs-from-history': () => import('pcrs-from-history/cli'),
} as const;

/** Every tool of the suite in that order. */
export async function toolSentences(): Promise<ToolSentence[]> {
  const loaded = await Promise.all(
    Object.values(loads).map((load): Promise<{ tool: ToolSentence }> => load()),
  );
  return loaded.map(({ tool: { name, summary } }) => ({ name, summary }));
}

/** One line per tool, with the sentences aligned. */
export function toolList(tools: readonly ToolSentence[]): string {
  const width = Math.max(0, ...tools.map(({ name }) => name.length));
  return tools.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join('');
}
