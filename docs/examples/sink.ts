// A sink fed from elsewhere: objects of our own, then a file of records, into one database; and CSV out of the same.
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { toCsv } from 'pcrs-to-csv';
import { toSqlite } from 'pcrs-to-sqlite';

// Objects with the gateway's member names; `kind` tells what each is.
const ours = [
  { kind: 'policy', subscriptionId: 263191, id: 1, title: 'Hardening of our own', status: 'active' },
  { kind: 'posture', id: 10, policyId: 1, controlId: 7, technologyId: 43, hostId: 118701, status: 'Failed' },
  { kind: 'posture', id: 11, policyId: 1, controlId: 8, technologyId: 43, hostId: 118701, status: 'Passed' },
];

function* lines(objects: Iterable<object>): Generator<Uint8Array> {
  for (const object of objects) yield Buffer.from(`${JSON.stringify(object)}\n`);
}

const first = await toSqlite('mixed.db', lines(ours));
// The first line that is wrong would end the load with PCRS_RECORD, unless `skipBad` counts it instead.
const second = await toSqlite('mixed.db', createReadStream('records.ndjson'), { skipBad: true });
process.stdout.write(`${JSON.stringify([first.rows, second.rows, second.problems])}\n`);

const columns = ['hostId', 'controlId', 'status'];
await writeFile('mixed.csv', toCsv(lines(ours), { kind: 'posture', columns }));
