import {
  bookkeepingColumns,
  controlsTable,
  criticalities,
  type FlatColumn,
  flatPostureColumns,
  hostColumns,
  postureTable,
} from 'pcrs-records/columns';
import { block, fact } from './schema.ts';

/** A view: its columns, and the query, in which `%1$I` is the schema. */
interface View {
  readonly name: string;
  readonly columns: readonly { name: string; sql: string }[];
  readonly rest: string;
}

const inPosture = new Set(postureTable.columns.map(({ name }) => name));
const dates = [
  ...[
    'firstFailDate',
    'lastFailDate',
    'firstPassDate',
    'lastPassDate',
    'postureModifiedDate',
    'lastEvaluatedDate',
    'created',
  ],
  'complianceLastScanDate',
];
const nested = postureTable.columns.filter(({ json }) => json === 'nested');
/** Numeric parts of nested members. */
const numbers = new Set(['technology_id', 'criticality_value']);

const plain = (names: readonly string[], row: string) =>
  names.map((name) => ({ name, sql: `${row}.${name.toLowerCase()}` }));
const bookkeeping = bookkeepingColumns.map(({ name }) => name);

/** Views whose rows are postures; the server appends columns that records added. */
const ofPostures = ['v_pcrs_postureinfo', 'v_pcrs_failed'];

/** The views of a schema. */
export function views(): View[] {
  const posture = [
    ...flatPostureColumns.map((column) => ({ name: column.name, sql: flatValue(column) })),
    ...plain(bookkeeping, 'p'),
    ...dates.map((name) => ({ name: `${name}_at`, sql: `%1$I.pcrs_moment(p.${name.toLowerCase()})` })),
    ...nested.map(({ name }) => ({ name: `${name}_jsonb`, sql: `%1$I.pcrs_jsonb(p.${name.toLowerCase()})` })),
  ];
  const joined = `FROM %1$I.${postureTable.name} AS p LEFT JOIN %1$I.${controlsTable.name} AS c ON c.policyid = p.policyid AND c.controlid = p.controlid AND c.technologyid = coalesce(p.technologyid, 0)`;
  return [
    { name: 'v_pcrs_postureinfo', columns: posture, rest: joined },
    {
      name: 'v_pcrs_failed',
      columns: [...posture, { name: 'days_since_first_fail', sql: daysSince('p.firstfaildate') }],
      rest: `${joined} WHERE p.status = 'Failed'`,
    },
    {
      name: 'v_pcrs_hosts',
      columns: [...hostColumns.map(({ name }) => name), ...hostCounts].map((name) => ({
        name,
        sql: `r.${name.toLowerCase()}`,
      })),
      rest: `FROM (${hosts()}) AS r`,
    },
    {
      name: 'v_pcrs_hosts_without_posture',
      columns: [
        ...plain(['subscriptionId', 'policyId'], 'h'),
        { name: 'policyTitle', sql: 'l.title' },
        ...plain(['hostId', ...bookkeeping], 'h'),
      ],
      rest: `FROM %1$I.q_pcrs_hostids AS h LEFT JOIN %1$I.q_pcrs_policy_list AS l ON l.subscriptionid = h.subscriptionid AND l.id = h.policyid
        WHERE NOT EXISTS (SELECT 1 FROM %1$I.q_pcrs_postureinfo AS p WHERE p.policyid = h.policyid AND p.hostid = h.hostid)`,
    },
    {
      name: 'v_pcrs_pass_rate',
      columns: passRateColumns.map((name) => ({ name, sql: `r.${name.toLowerCase()}` })),
      rest: `FROM (${passRate}) AS r`,
    },
  ];
}

function flatValue({ path: [member, part], without, name }: FlatColumn): string {
  const column = `${inPosture.has(member) ? 'p' : 'c'}.${member.toLowerCase()}`;
  if (part !== undefined)
    return numbers.has(name) ? `%1$I.pcrs_number(${column} ->> '${part}')` : `(${column} ->> '${part}')`;
  if (without === undefined) return column;
  const parts = without.map((one) => `'${one}'`).join(', ');
  return `CASE WHEN json_typeof(${column}) = 'object' THEN (SELECT json_object_agg(e.key, e.value) FROM json_each(${column}) AS e WHERE e.key NOT IN (${parts}))::text ELSE ${column}::text END`;
}

/** Whole days since a date; negative for a future date. */
function daysSince(column: string): string {
  return `trunc(extract(epoch FROM now() - %1$I.pcrs_moment(${column})) / 86400)::integer`;
}

const hostCounts = [
  ...['complianceLastScanDate', 'policies', 'postures', 'failed'],
  ...[...Object.keys(criticalities).map((label) => `failed_${label}`), 'errors'],
];

/**
 * One row per host, described by its posture of the last scan; failures of other criticalities count only in
 * `failed`.
 */
function hosts(): string {
  const scanned = `coalesce(compliancelastscandate, '') COLLATE "C"`;
  const byCriticality = Object.entries(criticalities).map(
    ([label, value]) =>
      `count(*) FILTER (WHERE p.status = 'Failed' AND c.value = ${value}) AS failed_${label}`,
  );
  return `SELECT ${hostColumns.map(({ name }) => `d.${name.toLowerCase()}`).join(', ')}, d.compliancelastscandate,
  n.policies, n.postures, n.failed, ${Object.keys(criticalities)
    .map((label) => `n.failed_${label}`)
    .join(', ')}, n.errors
FROM (
  SELECT DISTINCT ON (hostid) ${hostColumns.map(({ name }) => name.toLowerCase()).join(', ')},
    coalesce(compliancelastscandate, '') AS compliancelastscandate
  FROM %1$I.${postureTable.name} ORDER BY hostid, ${scanned} DESC
) AS d
JOIN (
  SELECT p.hostid, count(DISTINCT p.policyid) AS policies, count(*) AS postures, count(*) FILTER (WHERE p.status = 'Failed') AS failed,
    ${byCriticality.join(',\n    ')},
    count(*) FILTER (WHERE p.status = 'Error') AS errors
  FROM %1$I.${postureTable.name} AS p
  LEFT JOIN (
    SELECT policyid, controlid, technologyid, %1$I.pcrs_number(criticality ->> 'value') AS value FROM %1$I.${controlsTable.name}
  ) AS c ON c.policyid = p.policyid AND c.controlid = p.controlid AND c.technologyid = coalesce(p.technologyid, 0)
  GROUP BY p.hostid
) AS n ON n.hostid = d.hostid`;
}

const passRateColumns = [
  ...['policyId', 'policyTitle', 'technologyId', 'technology_name', 'criticality_label', 'criticality_value'],
  ...['postures', 'passed', 'excepted', 'failed', 'error', 'other', 'pass_rate'],
];

const outcome = (status: string) => `count(*) FILTER (WHERE lower(s.status) = '${status}')`;

/** Each posture once, whatever its ids or batches: the row loaded last, and within one load the first batch. */
const passRate = `SELECT s.policyid, coalesce(min(l.title), min(c.policytitle)) AS policytitle, s.technologyid,
  c.technology ->> 'name' AS technology_name, c.criticality ->> 'label' AS criticality_label,
  %1$I.pcrs_number(c.criticality ->> 'value') AS criticality_value,
  count(*) AS postures, ${outcome('passed')} AS passed, ${outcome('passede')} AS excepted, ${outcome('failed')} AS failed, ${outcome('error')} AS error,
  count(*) FILTER (WHERE lower(s.status) NOT IN ('passed', 'passede', 'failed', 'error') OR s.status IS NULL) AS other,
  round(100.0 * count(*) FILTER (WHERE lower(s.status) IN ('passed', 'passede')) / nullif(count(*) FILTER (WHERE lower(s.status) IN ('passed', 'passede', 'failed')), 0), 4) AS pass_rate
FROM (
  SELECT DISTINCT ON (policyid, hostid, controlid, coalesce(technologyid, 0), instance) policyid, controlid, coalesce(technologyid, 0) AS technologyid, status
  FROM %1$I.q_pcrs_postureinfo
  ORDER BY policyid, hostid, controlid, coalesce(technologyid, 0), instance, batch_date DESC NULLS LAST, CASE WHEN currentbatch ~ '^[0-9]{1,18}$' THEN currentbatch::bigint ELSE 0 END
) AS s
LEFT JOIN %1$I.q_pcrs_postureinfo_controls AS c ON c.policyid = s.policyid AND c.controlid = s.controlid AND c.technologyid = s.technologyid
LEFT JOIN (SELECT id, min(title) AS title FROM %1$I.q_pcrs_policy_list GROUP BY id) AS l ON l.id = s.policyid
GROUP BY s.policyid, s.technologyid, c.technology ->> 'name', c.criticality ->> 'label', c.criticality ->> 'value'`;

/** Makes the functions used by views, and the views that have changed; columns are only ever added at the end. */
export const makeViews = block(`DECLARE
  s text := ${fact('schema')};
  v record;
  oid regclass;
  shown text[];
  wanted text;
BEGIN
  IF to_regprocedure(format('%I.pcrs_moment(text)', s)) IS NULL THEN
    EXECUTE format($f$CREATE FUNCTION %I.pcrs_moment(value text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $m$
      BEGIN
        IF value !~ '^\\d{4}-\\d\\d-\\d\\d([T ]\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:?\\d\\d)?)?$' THEN RETURN NULL; END IF;
        RETURN CASE WHEN value ~ '(Z|[+-]\\d\\d:?\\d\\d)$' AND length(value) > 10 THEN value::timestamptz ELSE value::timestamp AT TIME ZONE 'UTC' END;
      EXCEPTION WHEN others THEN RETURN NULL;
      END $m$$f$, s);
    EXECUTE format($f$CREATE FUNCTION %I.pcrs_jsonb(value json) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $m$
      BEGIN RETURN value::jsonb; EXCEPTION WHEN others THEN RETURN NULL; END $m$$f$, s);
    EXECUTE format($f$CREATE FUNCTION %I.pcrs_number(value text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $m$
      SELECT CASE WHEN value ~ '^-?[0-9]{1,30}([.][0-9]{1,30})?$' THEN value::numeric END $m$$f$, s);
  END IF;
  INSERT INTO pg_temp.pcrs_views (view, n, name, sql, rest, version)
    SELECT f.view, 10000 + a.attnum, a.attname, replace(format('p.%I', a.attname), '%', '%%'), f.rest, f.version
    FROM pg_attribute a, (SELECT DISTINCT view, rest, version FROM pg_temp.pcrs_views WHERE view IN (${ofPostures.map((name) => `'${name}'`).join(', ')})) f
    WHERE a.attrelid = to_regclass(format('%I.${postureTable.name}', s)) AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attname NOT IN (SELECT name FROM pg_temp.pcrs_columns k WHERE k.known) AND a.attname NOT IN (SELECT name FROM pg_temp.pcrs_views w WHERE w.view = f.view);
  FOR v IN SELECT view, min(rest) AS rest, min(version) AS version FROM pg_temp.pcrs_views GROUP BY view ORDER BY min(n) LOOP
    oid := to_regclass(format('%I.%I', s, v.view));
    wanted := (SELECT v.version || ' ' || md5(string_agg(name, ' ' ORDER BY n)) FROM pg_temp.pcrs_views c WHERE c.view = v.view);
    CONTINUE WHEN oid IS NOT NULL AND obj_description(oid, 'pg_class') = wanted;
    SELECT array_agg(attname::text) INTO shown FROM pg_attribute WHERE attrelid = oid AND attnum > 0 AND NOT attisdropped;
    EXECUTE (SELECT format('CREATE OR REPLACE VIEW %I.%I AS SELECT ', s, v.view)
        || format(string_agg(sql || ' AS ' || replace(quote_ident(name), '%', '%%'), ', ' ORDER BY array_position(shown, name), n) || ' ' || v.rest, s)
      FROM pg_temp.pcrs_views c WHERE c.view = v.view);
    EXECUTE format('COMMENT ON VIEW %I.%I IS %L', s, v.view, wanted);
  END LOOP;
END`);
