import type { StagedTable } from '../staged-table.ts';
import { checkEncoding } from './schema.ts';

/** The temporary tables that a load fills; only its last statements read them and touch lasting tables. */
export const staging = `${checkEncoding}SET LOCAL client_encoding = 'UTF8';
SET LOCAL standard_conforming_strings = on;
SET LOCAL client_min_messages = warning;
CREATE TEMPORARY TABLE pcrs_facts (c text, name text, value text) ON COMMIT DROP;
CREATE TEMPORARY TABLE pcrs_columns (c text, stage text, tbl text, v text, name text, type text, known boolean, key int, zero boolean, came boolean, n int, lacking int[]) ON COMMIT DROP;
CREATE TEMPORARY TABLE pcrs_batches (c text, last bigint PRIMARY KEY, date text, number text) ON COMMIT DROP;
CREATE TEMPORARY TABLE pcrs_notes (c text, n int, name text, detail text, last text) ON COMMIT DROP;
CREATE TEMPORARY TABLE pcrs_views (c text, view text, n int, name text, sql text, rest text, version text) ON COMMIT DROP;
CREATE TEMPORARY TABLE pcrs_results (tbl text, name text, value bigint) ON COMMIT DROP;
`;

/** A table's staging table. Values are `v0`, `v1`, …: no name from outside is ever read as SQL. */
export function stageTable(stage: string, { columns }: StagedTable): string {
  const values = columns.map(({ type }, index) => `v${index} ${type}`);
  return `CREATE TEMPORARY TABLE ${stage} (c text, n bigint, shape int, r int DEFAULT 1, ${values.join(', ')}) ON COMMIT DROP;\n`;
}

/** Adds a column, for a member new in the records. */
export function stageColumn(stage: string, index: number, type: string): string {
  return `ALTER TABLE pg_temp.${stage} ADD COLUMN v${index} ${type};\n`;
}

/** Head of a COPY of rows with values for the first N columns. */
export function stageCopy(stage: string, columns: number): string {
  const values = Array.from({ length: columns }, (_, index) => `v${index}`);
  return `COPY pg_temp.${stage} (c, ${values.join(', ')}, n, shape) FROM STDIN`;
}

/** Heads of the COPYs of facts known once the stream has ended. */
export const factsCopy = {
  facts: 'COPY pg_temp.pcrs_facts (c, name, value) FROM STDIN',
  columns: 'COPY pg_temp.pcrs_columns FROM STDIN',
  batches: 'COPY pg_temp.pcrs_batches FROM STDIN',
  notes: 'COPY pg_temp.pcrs_notes FROM STDIN',
  views: 'COPY pg_temp.pcrs_views FROM STDIN',
} as const;
