// The fault matrix of the login, the policy list and host ids: each fault × each time, checked against the truth.
import { documentCase } from '../support/faults-document-case.ts';
import { documentRows, documentStrikes } from '../support/faults-document-rows.ts';
import { matrix } from '../support/faults-table.ts';

matrix(
  'auth, list, hostids: outcome (requests)',
  documentStrikes,
  documentRows.flatMap((row) =>
    documentStrikes
      .filter((strike) => row.expected[strike] !== undefined)
      .map((strike) => ({
        row: `${row.endpoint}: ${row.fault}`,
        column: strike,
        slow: row.limits !== undefined,
        run: async () => {
          const { outcome, asked } = await documentCase(row, strike);
          return `${outcome} (${asked})`;
        },
      })),
  ),
);
