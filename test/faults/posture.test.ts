// The fault matrix of postureInfo: each fault × each time × requests in flight, each case checked against the truth.
import { postureCase } from '../support/faults-posture-case.ts';
import { postureRows, strikes } from '../support/faults-posture-rows.ts';
import { matrix } from '../support/faults-table.ts';

const concurrencies = [1, 4];
const columns = strikes.flatMap((strike) => concurrencies.map((concurrency) => ({ strike, concurrency })));
const nameOf = ({ strike, concurrency }: (typeof columns)[number]): string =>
  `${strike}, ${concurrency} in flight`;

matrix(
  'postureInfo: outcome (requests)',
  columns.map(nameOf),
  postureRows.flatMap((row) =>
    columns
      .filter(({ strike }) => row.expected[strike] !== undefined)
      .map((column) => ({
        row: row.fault,
        column: nameOf(column),
        slow: row.limits !== undefined,
        run: async () => {
          const { outcome, asked } = await postureCase(row, column.strike, column.concurrency);
          return `${outcome} (${asked})`;
        },
      })),
  ),
);
