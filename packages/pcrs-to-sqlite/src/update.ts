import { sqlName } from 'pcrs-database/sql';
import { bookkeepingColumns } from 'pcrs-records/columns';
import { unknownMembers } from './schema.ts';

/** Columns that belong to an evaluation: if a record of another evaluation lacks them, they become NULL. */
export interface OfEvaluation {
  columns: readonly string[];
  /** Columns that identify an evaluation. */
  evaluation: readonly string[];
}

/**
 * An UPDATE of one row, if any of these columns differs.
 *
 * Takes  names  the replaced columns; their values are bound first, then the bookkeeping values, then the row's
 *               number
 */
export function updateSql(table: string, names: readonly string[], of: OfEvaluation | undefined): string {
  const bookkeeping = bookkeepingColumns.map(({ name }) => name);
  const replacement = (name: string) => {
    const given = `new.${sqlName(name)}`;
    return name === unknownMembers ? `pcrs_merged(${table}.${sqlName(name)}, ${given})` : given;
  };
  const differs = (some: readonly string[]) =>
    some.map((name) => `${table}.${sqlName(name)} IS NOT ${replacement(name)}`).join(' OR ') || 'false';
  const { columns: results = [], evaluation = [] } = of ?? {};
  const isOther = differs(evaluation.filter((name) => names.includes(name)));
  const set = [
    ...[...names, ...bookkeeping].map((name) => `${sqlName(name)} = ${replacement(name)}`),
    ...results
      .filter((name) => !names.includes(name))
      .map((name) => `${name} = CASE WHEN ${isOther} THEN NULL ELSE ${table}.${name} END`),
  ];
  const given = [...names, ...bookkeeping].map((name) => `? AS ${sqlName(name)}`);
  return `UPDATE ${table} SET ${set.join(', ')} FROM (SELECT ${given.join(', ')}) AS new
    WHERE ${table}.rowid = ? AND (${differs(names)})`;
}
