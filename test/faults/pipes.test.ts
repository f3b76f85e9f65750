// The whole pipe as processes, with faults in it: exit statuses, messages, and the database against the truth.
import { after } from 'node:test';
import { watchedPlace } from '../support/faults-canary.ts';
import { pipeCase } from '../support/faults-pipe-case.ts';
import { pipeRows } from '../support/faults-pipe-rows.ts';
import { isLong } from '../support/faults-random.ts';
import { matrix } from '../support/faults-table.ts';

const place = await watchedPlace('faults-pipes');
after(() => place.close());

matrix(
  'the whole pipe: statuses (requests)',
  ['auth policies hostids posture to-sqlite'],
  pipeRows
    .filter(({ long }) => isLong || !long)
    .map((row) => ({
      row: row.name,
      column: 'auth policies hostids posture to-sqlite',
      slow: false,
      run: () => pipeCase(place, row),
    })),
);
