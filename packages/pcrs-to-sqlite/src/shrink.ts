import type { Database } from 'pcrs-database/open';
import { hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { withCommas } from 'pcrs-records/counted';

/** How much smaller a run is than the previous one, in the part that shrank most. */
export interface Shrink {
  /** 0 to 100. */
  percent: number;
  /** `postures 5,100 → 900 (-82 %), …; policies that left: …`. */
  words: string;
}

/** What is counted, and how. */
const counted: readonly (readonly [what: string, sql: string])[] = [
  ['postures', `SELECT count(*) FROM ${postureTable.name}`],
  ['hosts', `SELECT count(DISTINCT hostId) FROM ${hostIdsTable.name}`],
  ['policies', `SELECT count(*) FROM ${policyTable.name}`],
];
/** Most policies named in a message; the rest are counted. */
const named = 5;

/** Compares a database with the previous one. Undefined if nothing is smaller. */
export function shrinkOf(before: Database, after: Database): Shrink | undefined {
  const parts = counted.map(([what, sql]) => {
    const [old, now] = [before, after].map((db) => db.prepare(sql).pluck().get() as number) as [
      number,
      number,
    ];
    return { what, old, now, percent: old > now ? ((old - now) * 100) / old : 0 };
  });
  const percent = Math.max(...parts.map((part) => part.percent));
  if (percent === 0) return undefined;
  const numbers = parts
    .filter((part) => part.percent > 0)
    .map(
      ({ what, old, now, percent }) => `${what} ${number(old)} → ${number(now)} (-${Math.ceil(percent)} %)`,
    );
  return { percent, words: [numbers.join(', '), ...policiesThatLeft(before, after)].join('; ') };
}

function policiesThatLeft(before: Database, after: Database): string[] {
  const policies = (db: Database) =>
    db.prepare(`SELECT id, title FROM ${policyTable.name} ORDER BY id`).raw().all() as [number, string][];
  const there = new Set(policies(after).map(([id]) => id));
  const left = policies(before).filter(([id]) => !there.has(id));
  if (left.length === 0) return [];
  const more = left.length > named ? ` and ${number(left.length - named)} more` : '';
  const words = left.slice(0, named).map(([id, title]) => `${id} ${JSON.stringify(title)}`);
  return [`policies that left: ${words.join(', ')}${more}`];
}

function number(count: number): string {
  return withCommas(count);
}
