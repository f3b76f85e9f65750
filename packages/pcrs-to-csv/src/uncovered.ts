import { jsonAt } from 'pcrs-sink/members';
import { forms, nameAt, type Place, placesIn } from 'pcrs-sink/places';
import type { Covered } from './columns.ts';

/** The place of a value. */
export type ValuePlace = Pick<Place, 'form' | 'start' | 'end'>;

const openBrace = 0x7b;

/** Whether a value is an object. */
export function isObjectAt(bytes: Buffer, { form, start }: ValuePlace): boolean {
  return (form === forms.nested || form === forms.nestedWide) && bytes[start] === openBrace;
}

/**
 * The part of a member that its columns do not show.
 *
 * Takes   found  called with the dotted path of each hidden part
 * Yields  its JSON, parts as they came; undefined if nothing is left
 */
export function uncoveredIn(
  bytes: Buffer,
  value: ValuePlace,
  covered: Covered,
  found: (path: string) => void,
  path: string,
): string | undefined {
  if (value.form <= forms.null) return undefined;
  if (!isObjectAt(bytes, value)) {
    found(path);
    return jsonAt(bytes, value.form, value.start, value.end);
  }
  const left = [...lastOfEach(bytes, value.start)].flatMap(([name, part]) => {
    const known = covered.get(name);
    if (known === 'whole') return [];
    if (known === undefined) found(`${path}.${name}`);
    const json =
      known === undefined
        ? jsonAt(bytes, part.form, part.start, part.end)
        : uncoveredIn(bytes, part, known, found, `${path}.${name}`);
    return json === undefined ? [] : [`${JSON.stringify(name)}:${json}`];
  });
  return left.length === 0 ? undefined : `{${left.join(',')}}`;
}

/** An object without the named parts, spelled as it came; undefined if nothing is left. */
export function withoutParts(bytes: Buffer, at: number, names: readonly string[]): Buffer | undefined {
  const kept = placesIn(bytes, at).filter((place) => !names.includes(nameAt(bytes, place)));
  if (kept.length === 0) return undefined;
  const members = kept.map(({ form, end, nameStart }) =>
    bytes.toString('utf8', nameStart - 1, form >= forms.string ? end + 1 : end),
  );
  return Buffer.from(`{${members.join(',')}}`);
}

function lastOfEach(bytes: Buffer, at: number): Map<string, Place> {
  return new Map(placesIn(bytes, at).map((place) => [nameAt(bytes, place), place]));
}
