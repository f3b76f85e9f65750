import { excerpt } from 'pcrs-records/errors';
import { jsonAt, type Members, textAt } from './members.ts';
import { placesIn } from './places.ts';
import { RefusedRecord } from './table.ts';

const wholeNumber = /^(?:0|[1-9]\d*)$/;
const largest = 2n ** 63n - 1n;

/**
 * Host ids of a hostids record, as digits.
 *
 * Throws  RefusedRecord if hostIds is not an array of ids that databases can hold (at most 2^63-1)
 */
export function hostIdsOf(record: Members): string[] {
  const column = record.columnOf('hostIds');
  const json = record.json(column);
  if (json === undefined) throw new RefusedRecord('hostIds is missing');
  if (!json.startsWith('[')) throw new RefusedRecord(`hostIds must be an array, got ${excerpt(json)}`);
  return placesIn(record.bytes, record.start(column)).map(({ form, start, end }) => {
    const digits = textAt(record.bytes, form, start, end);
    if (digits === null || !wholeNumber.test(digits))
      throw new RefusedRecord(
        `hostIds must hold ids, got ${excerpt(jsonAt(record.bytes, form, start, end))}`,
      );
    if (BigInt(digits) > largest)
      throw new RefusedRecord(`hostIds must hold ids of at most 2^63-1, got ${digits}`);
    return digits;
  });
}
