// DuckDB (which has no row for a line with a name that comes twice: an error, ignored here) reads NDJSON into a table of its own file, on all cores.
import { DuckDBInstance } from '@duckdb/node-api';

const [input, database] = process.argv.slice(2);
const instance = await DuckDBInstance.create(database);
const connection = await instance.connect();
await connection.run(
  `CREATE TABLE posture AS SELECT * FROM read_json('${input}', format = 'newline_delimited', maximum_object_size = 67108864, ignore_errors = true)`,
);
await connection.run('CHECKPOINT');
connection.closeSync();
instance.closeSync();
