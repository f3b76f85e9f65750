import { skipSpace, stringEnd, valueEnd } from './json-text.ts';

/**
 * Two `unknown_members` objects as one: members of the later replace those of the earlier, others stay.
 *
 * Takes  JSON texts of objects as this package writes them; the earlier may be null
 */
export function mergedMembers(earlier: unknown, later: unknown): string | null {
  if (typeof later !== 'string') return typeof earlier === 'string' ? earlier : null;
  const members = new Map<string, string>();
  if (typeof earlier === 'string') collect(earlier, members);
  collect(later, members);
  return `{${[...members].map(([name, value]) => `${name}:${value}`).join(',')}}`;
}

function collect(text: string, members: Map<string, string>): void {
  for (let place = skipSpace(text, 1); text.charCodeAt(place) === 0x22; ) {
    const nameEnd = stringEnd(text, place);
    const valueAt = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = valueEnd(text, valueAt);
    members.set(text.slice(place, nameEnd), text.slice(valueAt, end));
    place = skipSpace(text, skipSpace(text, end) + 1);
  }
}
