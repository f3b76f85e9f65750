import { jsonAt } from 'pcrs-sink/members';
import { placesIn } from 'pcrs-sink/places';

/**
 * Merges two `unknown_members` objects: the later one's members replace the earlier one's, others stay.
 *
 * Takes  JSON texts of objects as this package writes them; the earlier may be null
 */
export function mergedMembers(earlier: unknown, later: unknown): string | null {
  if (typeof later !== 'string') return typeof earlier === 'string' ? earlier : null;
  const members = new Map([...membersOf(earlier), ...membersOf(later)]);
  return `{${[...members].map(([name, value]) => `"${name}":${value}`).join(',')}}`;
}

function membersOf(text: unknown): [name: string, json: string][] {
  if (typeof text !== 'string') return [];
  const bytes = Buffer.from(text);
  return placesIn(bytes, 0).map(({ form, start, end, nameStart, nameEnd }) => [
    bytes.toString('utf8', nameStart, nameEnd),
    jsonAt(bytes, form, start, end),
  ]);
}
