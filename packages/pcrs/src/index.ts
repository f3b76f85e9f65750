/** A tool of the suite: its name, and what it does in one sentence that follows the name. */
export interface ToolSentence {
  name: string;
  summary: string;
}

/** The tools in the order of the pipe; each is loaded for its sentence, which is written nowhere else. */
const loads = [
  () => import('pcrs-auth/cli'),
  () => import('pcrs-policies/cli'),
  () => import('pcrs-hostids/cli'),
  () => import('pcrs-posture/cli'),
  () => import('pcrs-to-sqlite/cli'),
  () => import('pcrs-to-csv/cli'),
  () => import('pcrs-etl/cli'),
  () => import('pcrs-diff/cli'),
  () => import('pcrs-status/cli'),
  () => import('pcrs-simulator/cli'),
  () => import('pcrs-from-sqlite/cli'),
] as const;

/** Every tool of the suite, in the order of the pipe, sinks and the rest behind the stages. */
export async function toolSentences(): Promise<ToolSentence[]> {
  const loaded = await Promise.all(loads.map((load): Promise<{ tool: ToolSentence }> => load()));
  return loaded.map(({ tool: { name, summary } }) => ({ name, summary }));
}

/** A line a tool, the sentences under one another. */
export function toolList(tools: readonly ToolSentence[]): string {
  const width = Math.max(0, ...tools.map(({ name }) => name.length));
  return tools.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join('');
}
