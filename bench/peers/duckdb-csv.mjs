// DuckDB's own way from NDJSON to one CSV file.
import { DuckDBInstance } from '@duckdb/node-api';

const [input, output] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
await connection.run(
  `COPY (FROM read_json('${input}', format = 'newline_delimited', maximum_object_size = 67108864, ignore_errors = true)) TO '${output}' (FORMAT csv, HEADER)`,
);
connection.closeSync();
