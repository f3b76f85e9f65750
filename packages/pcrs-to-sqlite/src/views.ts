import { passRateSelect } from 'pcrs-database/pass-rate';
import { sqlName, sqlPart } from 'pcrs-database/sql';
import {
  bookkeepingColumns,
  type Column,
  controlsTable,
  criticalities,
  type FlatColumn,
  flatPostureColumns,
  hostColumns,
  hostIdsTable,
  policyTable,
  postureTable,
  type Table,
} from 'pcrs-records/columns';

const onlyInControls = new Set(
  controlsTable.columns.map(({ name }) => name).filter((name) => !has(postureTable, name)),
);

/**
 * The views of a database by name, as SQL.
 *
 * Takes   added  columns that records added to the posture table; the flat view shows them after its own
 */
export function views(added: readonly string[] = []): Record<string, string> {
  const made = {
    v_pcrs_postureinfo: flatPosture(added),
    v_pcrs_failed: failed,
    v_pcrs_hosts: hosts(),
    v_pcrs_hosts_without_posture: hostsWithoutPosture,
    v_pcrs_pass_rate: passRateSelect,
    v_qetl_policy_list: asQualysEtl(policyTable),
    v_qetl_hostids: asQualysEtl(hostIdsTable),
    v_qetl_postureinfo: asQualysEtl(postureTable),
    v_qetl_postureinfo_controls: asQualysEtl(controlsTable),
  };
  return Object.fromEntries(
    Object.entries(made).map(([name, select]) => [name, `CREATE VIEW ${name} AS\n${select}`]),
  );
}

function has(table: Table, name: string): boolean {
  return table.columns.some((column) => column.name === name);
}

/** A posture with the texts of its control, nested members split into columns. */
function flatPosture(added: readonly string[]): string {
  const taken = new Set([...flatPostureColumns, ...bookkeepingColumns].map(({ name }) => name.toLowerCase()));
  const columns = [
    ...flatPostureColumns.map((column) => `${flatValue(column)} AS ${column.name}`),
    ...bookkeepingColumns.map(({ name }) => `p.${name} AS ${name}`),
    ...added.filter((name) => !taken.has(name.toLowerCase())).map((name) => `p.${sqlName(name)}`),
  ];
  return `SELECT
  ${columns.join(',\n  ')}
FROM ${postureTable.name} AS p
LEFT JOIN ${controlsTable.name} AS c
  ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = coalesce(p.technologyId, 0)`;
}

function flatValue({ path: [member, part], without }: FlatColumn): string {
  const column = `${onlyInControls.has(member) ? 'c' : 'p'}.${member}`;
  if (part !== undefined) {
    const value = `${column}, '$.${part}'`;
    const scalar = `CASE WHEN json_valid(${column}) THEN CASE json_type(${value}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE json_extract(${value}) END END`;
    return numericParts.has(part) ? scalar : `CAST(${scalar} AS TEXT)`;
  }
  if (without === undefined) return column;
  const parts = without.map((name) => `'$.${name}'`).join(', ');
  const isObject = `json_valid(${column}) AND json_type(${column}) = 'object'`;
  return `CAST(CASE WHEN ${isObject} THEN nullif(json_remove(${column}, ${parts}), '{}') ELSE ${column} END AS TEXT)`;
}

/**
 * Numeric parts of nested members. The others are cast to text: a computed column has no type, and ODBC drivers cut a
 * text without one at 255 characters.
 */
const numericParts = new Set(['id', 'value']);

/**
 * What fails now, and how long the gateway has known a failure: from the first ever, not the start of this streak.
 */
const failed = `SELECT *,
  CAST(julianday('now') - julianday(firstFailDate) AS INTEGER) AS days_since_first_fail
FROM v_pcrs_postureinfo WHERE status = 'Failed'`;

/**
 * One row per host, described by its posture of the last scan; failures of other criticalities count only in
 * `failed`.
 */
function hosts(): string {
  const byCriticality = Object.entries(criticalities).map(
    ([label, value]) =>
      `count(*) FILTER (WHERE p.status = 'Failed' AND c.value = ${value}) AS failed_${label}`,
  );
  return `WITH c AS MATERIALIZED (
  SELECT policyId, controlId, technologyId,
    ${sqlPart('criticality', 'value')} AS value
  FROM ${controlsTable.name}
)
SELECT ${hostColumns.map(({ name }) => `p.${name}`).join(', ')},
  max(coalesce(p.complianceLastScanDate, '')) AS complianceLastScanDate,
  count(DISTINCT p.policyId) AS policies,
  count(*) AS postures,
  count(*) FILTER (WHERE p.status = 'Failed') AS failed,
  ${byCriticality.join(',\n  ')},
  count(*) FILTER (WHERE p.status = 'Error') AS errors
FROM ${postureTable.name} AS p
LEFT JOIN c ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = coalesce(p.technologyId, 0)
GROUP BY p.hostId`;
}

/** Hosts that a policy resolved to and that have no posture. */
const hostsWithoutPosture = `SELECT h.subscriptionId, h.policyId, l.title AS policyTitle, h.hostId,
  h.BATCH_DATE, h.BATCH_NUMBER, h.Row_Last_Updated
FROM ${hostIdsTable.name} AS h
LEFT JOIN ${policyTable.name} AS l ON l.subscriptionId = h.subscriptionId AND l.id = h.policyId
WHERE NOT EXISTS (
  SELECT 1 FROM ${postureTable.name} AS p WHERE p.policyId = h.policyId AND p.hostId = h.hostId
)`;

/**
 * A table with the values that QualysETL would have stored. Key columns are unchanged, so that joins use the keys'
 * indexes.
 *
 * Source  QualysETL 0.8.76, prepare_database_field_pcrs: null and absent are '', in INTEGER columns 0; dates lose T,
 *         Z and the fraction; CR is removed. Two habits are not copied: it also removes the letters T and Z from
 *         `createdBy`, a login, and it respells nested JSON
 */
function asQualysEtl(table: Table): string {
  const columns = [
    ...table.columns.map((column) => (table.key.includes(column.name) ? column.name : etlValue(column))),
    ...bookkeepingColumns.map(({ name }) => name),
  ];
  return `SELECT\n  ${columns.join(',\n  ')}\nFROM ${table.name}`;
}

function etlValue({ name, type }: Column): string {
  if (type === 'INTEGER') {
    return `CASE WHEN typeof(${name}) = 'integer' AND ${name} >= 0 THEN ${name} ELSE 0 END AS ${name}`;
  }
  const text = `replace(coalesce(${name}, ''), char(13), '')`;
  if (!name.includes('Date') && name !== 'created') return `${text} AS ${name}`;
  const date = `replace(replace(${text}, 'T', ' '), 'Z', '')`;
  return `substr(${date}, 1, instr(${date} || '.', '.') - 1) AS ${name}`;
}
