/**
 * A record's text in one spelling, to compare pretty-printed or escaped records with the truth: keeps member order,
 * digits of numbers and every character of strings.
 */
export function canonical(text: string): string {
  const digits = (_name: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? `number ${context?.source}` : value;
  return JSON.stringify(JSON.parse(text, digits as never));
}

/** Groups records by policy and host, each group in the order of the records. */
export function byPair(records: Iterable<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const text of records) {
    const { policyId, hostId } = JSON.parse(text) as { policyId: unknown; hostId: unknown };
    const pair = `${policyId}/${hostId}`;
    const group = groups.get(pair);
    if (group) group.push(text);
    else groups.set(pair, [text]);
  }
  return groups;
}
