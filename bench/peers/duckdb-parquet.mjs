// DuckDB's own way from NDJSON to one Parquet file.
import { DuckDBInstance } from '@duckdb/node-api';

const [input, output] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
await connection.run(
  `COPY (FROM read_json('${input}', format = 'newline_delimited')) TO '${output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)`,
);
connection.closeSync();
