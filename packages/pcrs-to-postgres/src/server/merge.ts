import { otherScope } from 'pcrs-sink/stale';
import { block, fact } from './schema.ts';

/**
 * Merges the staged rows into the lasting tables.
 *
 * A present member replaces, an absent one keeps the stored value, except that evidence belongs to an evaluation. A row
 * whose values do not change is not touched. Rows of one key are merged one after another (`r`), as if each had come
 * alone; of rows that have all members only the last is merged.
 */
export const mergeRows = block(`DECLARE
  s text := ${fact('schema')};
  t record;
  rounds int;
  repeated boolean;
  touched bigint;
  batch text := CASE WHEN (SELECT count(*) FROM pg_temp.pcrs_batches) = 1
    THEN (SELECT format('%L, %L', date, number) FROM pg_temp.pcrs_batches)
    ELSE '(SELECT b.date FROM pg_temp.pcrs_batches b WHERE b.last >= s.n ORDER BY b.last LIMIT 1), (SELECT b.number FROM pg_temp.pcrs_batches b WHERE b.last >= s.n ORDER BY b.last LIMIT 1)' END;
BEGIN
  FOR t IN
    WITH c AS (
      SELECT *, format('%I', name) AS q, name IN ('evidence', 'causeoffailure') AS of_evaluation,
        CASE WHEN type = 'json' THEN '::text' ELSE '' END AS comparable
      FROM pg_temp.pcrs_columns
    )
    SELECT stage, tbl,
      string_agg(v, ', ' ORDER BY key) FILTER (WHERE key > 0) AS keys,
      string_agg(q, ', ' ORDER BY key) FILTER (WHERE key > 0) AS into_keys,
      string_agg(format('t.%s = s.%s', q, v), ' AND ' ORDER BY key) FILTER (WHERE key > 0) AS matches,
      string_agg(q, ', ' ORDER BY n) FILTER (WHERE came) AS names,
      string_agg('s.' || v, ', ' ORDER BY n) FILTER (WHERE came) AS vals,
      string_agg(format('%s = excluded.%s', q, q), ', ' ORDER BY n) FILTER (WHERE came AND key = 0) AS sets,
      string_agg(format('%s = NULL', q), ', ') FILTER (WHERE of_evaluation AND NOT came) AS clears,
      string_agg(format('t.%s', q), ', ') FILTER (WHERE of_evaluation AND NOT came) AS cleared,
      string_agg(format('t.%s IS DISTINCT FROM excluded.%s', q, q), ' OR ') FILTER (WHERE name IN ('status', 'lastevaluateddate') AND came AND tbl = 'q_pcrs_postureinfo') AS is_new,
      string_agg(format('t.%s IS NOT DISTINCT FROM s.%s OR s.shape = ANY (%L::int[])', q, v, lacking), ') AND (') FILTER (WHERE name IN ('status', 'lastevaluateddate') AND came AND tbl = 'q_pcrs_postureinfo') AS is_old,
      string_agg(format('t.%s%s', q, comparable), ', ' ORDER BY n) FILTER (WHERE came AND key = 0) AS old_values,
      string_agg(format('excluded.%s%s', q, comparable), ', ' ORDER BY n) FILTER (WHERE came AND key = 0) AS new_values,
      string_agg(format('%s::text', v), ', ' ORDER BY n) FILTER (WHERE came AND key = 0) AS texts,
      bool_or(name = 'unknown_members') AS has_unknown,
      (SELECT array_agg(DISTINCT shape) FROM pg_temp.pcrs_columns k, unnest(k.lacking) AS shape WHERE k.stage = c.stage AND k.came AND k.key = 0) AS partial
    FROM c GROUP BY stage, tbl ORDER BY stage
  LOOP
    INSERT INTO pg_temp.pcrs_results VALUES (t.tbl, 'touched', 0);
    EXECUTE format('SELECT count(*) FROM (SELECT FROM pg_temp.%1$I LIMIT 1) AS one', t.stage) INTO rounds;
    EXECUTE format('SELECT EXISTS (SELECT FROM pg_temp.%1$I GROUP BY %2$s HAVING count(*) > 1)', t.stage, t.keys) INTO repeated;
    IF repeated THEN
      IF t.clears IS NULL AND NOT t.has_unknown THEN
        EXECUTE format('WITH d AS (
            SELECT ctid AS place, lead(n) OVER w IS NULL AS is_last,
              lag(n) OVER w IS NOT NULL AND ARRAY[%3$s]::text[] IS DISTINCT FROM lag(ARRAY[%3$s]::text[]) OVER w AS differs,
              bool_or(shape = ANY (%4$L::int[])) OVER (PARTITION BY %2$s) IS TRUE AS is_partial
            FROM pg_temp.%1$I WHERE (%2$s) IN (SELECT %2$s FROM pg_temp.%1$I GROUP BY %2$s HAVING count(*) > 1)
            WINDOW w AS (PARTITION BY %2$s ORDER BY n, ctid)
          ), gone AS (DELETE FROM pg_temp.%1$I s USING d WHERE s.ctid = d.place AND NOT d.is_partial AND NOT d.is_last)
          INSERT INTO pg_temp.pcrs_results SELECT %5$L, ''differing'', count(*) FROM d WHERE differs AND NOT is_partial',
          t.stage, t.keys, t.texts, t.partial, t.tbl);
      END IF;
      EXECUTE format('UPDATE pg_temp.%1$I s SET r = d.r FROM (
          SELECT ctid AS place, row_number() OVER (PARTITION BY %2$s ORDER BY n, ctid) AS r FROM pg_temp.%1$I
          WHERE (%2$s) IN (SELECT %2$s FROM pg_temp.%1$I GROUP BY %2$s HAVING count(*) > 1)
        ) d WHERE s.ctid = d.place AND d.r > 1', t.stage, t.keys);
      EXECUTE format('SELECT max(r) FROM pg_temp.%I', t.stage) INTO rounds;
      EXECUTE format('CREATE INDEX ON pg_temp.%I (r)', t.stage);
    END IF;
    FOR round IN 1 .. rounds LOOP
      PERFORM pg_temp.pcrs_fill(t.stage, t.tbl, t.matches, coalesce('(' || t.is_old || ')', 'true'), round);
      EXECUTE format('INSERT INTO %I.%I AS t (%s, batch_date, batch_number, row_last_updated)
          SELECT %s, %s, $2 FROM pg_temp.%I s WHERE s.r = $1
          ON CONFLICT (%s) DO %s',
        s, t.tbl, t.names, t.vals, batch, t.stage, t.into_keys,
        CASE WHEN t.sets IS NULL THEN 'NOTHING' ELSE format('UPDATE SET %s, batch_date = excluded.batch_date, batch_number = excluded.batch_number, row_last_updated = excluded.row_last_updated
          WHERE (%s) IS DISTINCT FROM (%s)', concat_ws(', ', t.sets, pg_temp.pcrs_clears(t.clears, t.cleared, t.is_new)), t.old_values, t.new_values) END)
        USING round, ${fact('loadedAt')};
      GET DIAGNOSTICS touched = ROW_COUNT;
      INSERT INTO pg_temp.pcrs_results VALUES (t.tbl, CASE WHEN round = 1 THEN 'touched' ELSE 'differing' END, touched);
    END LOOP;
  END LOOP;
END`);

/** Helper functions of the merge; they live as long as the session. */
export const mergeFunctions = `CREATE OR REPLACE FUNCTION pg_temp.pcrs_fill(stage text, tbl text, matches text, is_old text, round int) RETURNS void LANGUAGE plpgsql AS $pcrs$
DECLARE
  fills text;
  wanted text;
BEGIN
  SELECT string_agg(format('%1$s = CASE WHEN s.shape = ANY (%2$L::int[]) THEN %3$s ELSE %4$s END', v, lacking,
      CASE WHEN name IN ('evidence', 'causeoffailure') THEN format('CASE WHEN %s THEN t.%I END', is_old, name) ELSE format('t.%I', name) END,
      CASE WHEN name = 'unknown_members' THEN format('pg_temp.pcrs_merged(t.%I, s.%s)', name, v) ELSE 's.' || v END), ', '),
    format('s.shape = ANY (%L::int[])', (SELECT array_agg(DISTINCT shape) FROM pg_temp.pcrs_columns k, unnest(k.lacking) AS shape
      WHERE k.stage = pcrs_fill.stage AND k.came AND k.key = 0)) || coalesce(max(format(' OR s.%s IS NOT NULL', v)) FILTER (WHERE name = 'unknown_members'), '')
    INTO fills, wanted FROM pg_temp.pcrs_columns c WHERE c.stage = pcrs_fill.stage AND came AND key = 0 AND (lacking <> '{}' OR name = 'unknown_members');
  IF fills IS NULL THEN RETURN; END IF;
  EXECUTE format('UPDATE pg_temp.%I s SET %s FROM %I.%I t WHERE s.r = $1 AND (%s) AND %s', stage, fills, ${fact('schema')}, tbl, wanted, matches) USING round;
END $pcrs$;
CREATE OR REPLACE FUNCTION pg_temp.pcrs_clears(clears text, cleared text, is_new text) RETURNS text LANGUAGE sql AS $pcrs$
  SELECT string_agg(format('%s = CASE WHEN %s THEN NULL ELSE t.%s END', split_part(one, ' = ', 1), is_new, split_part(one, ' = ', 1)), ', ')
  FROM regexp_split_to_table(clears, ', ') AS one WHERE is_new IS NOT NULL
$pcrs$;
CREATE OR REPLACE FUNCTION pg_temp.pcrs_merged(earlier json, later json) RETURNS json LANGUAGE sql AS $pcrs$
  SELECT CASE WHEN later IS NULL OR earlier::text = later::text THEN earlier WHEN earlier IS NULL THEN later ELSE (
    SELECT ('{' || string_agg(to_json(key)::text || ':' || value, ',' ORDER BY place) || '}')::json FROM (
      SELECT key, (array_agg(value ORDER BY place DESC))[1] AS value, min(place) AS place FROM (
        SELECT key, value::text, n AS place FROM json_each(earlier) WITH ORDINALITY AS e (key, value, n)
        UNION ALL SELECT key, value::text, 1000000 + n FROM json_each(later) WITH ORDINALITY AS e (key, value, n)
      ) AS members GROUP BY key
    ) AS kept
  ) END
$pcrs$;
`;

/**
 * Keeps the scope of the schema's first load, and records if anything of another scope, or without a run, was loaded
 * later: rows that a run does not name may then still be valid.
 */
export const keepScope = block(`DECLARE
  s text := ${fact('schema')};
  given jsonb := (SELECT detail::jsonb FROM pg_temp.pcrs_notes WHERE name = 'SCOPE');
  held text;
  mixed boolean := given ? 'mixed';
BEGIN
  EXECUTE format('SELECT status_detail FROM %I.q_pcrs_status WHERE status_name = $1', s) INTO held USING 'SCOPE';
  IF held IS NOT NULL THEN
    mixed := mixed OR held::jsonb ? 'mixed' OR held::jsonb -> 'flags' <> given -> 'flags';
    UPDATE pg_temp.pcrs_notes SET detail = CASE WHEN mixed AND NOT held::jsonb ? 'mixed' THEN (held::jsonb || '{"mixed": true}')::text ELSE held END
      WHERE name = 'SCOPE';
  END IF;
  INSERT INTO pg_temp.pcrs_facts (name, value) VALUES ('mixed', mixed::text);
  IF mixed THEN INSERT INTO pg_temp.pcrs_results VALUES ('q_pcrs_status', 'mixed', 1); END IF;
  IF mixed AND NOT given ? 'mixed' AND NOT held::jsonb ? 'mixed' THEN
    INSERT INTO pg_temp.pcrs_results VALUES ('q_pcrs_status', 'becameMixed', 1);
    RAISE WARNING '${otherScope}';
  END IF;
END`);

/**
 * Counts rows that a complete run of everything did not name again, and removes them if asked to. psql shows the
 * warnings, in the words of a connection's load.
 */
export const countStale = block(`DECLARE
  s text := ${fact('schema')};
  t record;
  found bigint;
BEGIN
  FOR t IN SELECT stage, tbl, string_agg(format('t.%I = s.%s', name, v), ' AND ' ORDER BY key) AS matches
    FROM pg_temp.pcrs_columns WHERE key > 0 GROUP BY stage, tbl ORDER BY stage DESC
  LOOP
    IF t.tbl = ANY (string_to_array(${fact('whole')}, ' ')) AND ${fact('mixed')} = 'false' THEN
      IF ${fact('prune')} = 'true' THEN
        EXECUTE format('DELETE FROM %I.%I t WHERE NOT EXISTS (SELECT 1 FROM pg_temp.%I s WHERE %s)', s, t.tbl, t.stage, t.matches);
        GET DIAGNOSTICS found = ROW_COUNT;
      ELSE
        EXECUTE format('SELECT count(*) FROM %I.%I t WHERE NOT EXISTS (SELECT 1 FROM pg_temp.%I s WHERE %s)', s, t.tbl, t.stage, t.matches) INTO found;
      END IF;
      INSERT INTO pg_temp.pcrs_results VALUES (t.tbl, 'stale', found);
      IF ${fact('prune')} = 'true' THEN INSERT INTO pg_temp.pcrs_results VALUES (t.tbl, 'pruned', found); END IF;
    END IF;
    EXECUTE format('SELECT count(*) FROM %I.%I', s, t.tbl) INTO found;
    INSERT INTO pg_temp.pcrs_results VALUES (t.tbl, 'rows', found);
  END LOOP;
  SELECT sum(value) INTO found FROM pg_temp.pcrs_results WHERE name = 'stale';
  IF found > 0 AND ${fact('prune')} = 'false' THEN
    RAISE WARNING '% no longer at the gateway; --prune removes them', found || CASE found WHEN 1 THEN ' row is' ELSE ' rows are' END;
  ELSIF ${fact('prune')} = 'true' AND ${fact('mixed')} = 'true' THEN
    RAISE WARNING 'nothing pruned: the schema also holds records of another scope or without a run (only a new one can be pruned), so rows missing from it may still be valid';
  END IF;
  EXECUTE format('SELECT count(*) FROM %1$I.q_pcrs_hostids h WHERE NOT EXISTS (SELECT 1 FROM %1$I.q_pcrs_postureinfo p WHERE p.policyid = h.policyid AND p.hostid = h.hostid)', s) INTO found;
  INSERT INTO pg_temp.pcrs_results VALUES ('q_pcrs_hostids', 'withoutPosture', found);
END`);

/** Writes the status rows of the load and its runs, with the server's counts. */
export const writeStatus = block(`DECLARE
  s text := ${fact('schema')};
  counts jsonb := jsonb_build_object(
    'rows', (SELECT jsonb_object_agg(tbl, value) FROM pg_temp.pcrs_results r WHERE r.name = 'rows'),
    'stale', (SELECT sum(value) FROM pg_temp.pcrs_results r WHERE r.name = 'stale'),
    'hostsWithoutPosture', (SELECT value FROM pg_temp.pcrs_results r WHERE r.name = 'withoutPosture'),
    'addedColumns', (SELECT coalesce(jsonb_agg(tbl || '.' || substr(r.name, 8)), '[]') FROM pg_temp.pcrs_results r WHERE r.name LIKE 'column %'));
  stored jsonb := (SELECT jsonb_object_agg(tbl, value) FROM (SELECT tbl, sum(value) AS value FROM pg_temp.pcrs_results r WHERE r.name IN ('touched', 'differing') GROUP BY tbl) AS t);
  unchanged jsonb := (SELECT jsonb_object_agg(n.name, (n.detail::json ->> 'TOTAL_ROWS_ADDED')::bigint - coalesce((stored ->> n.name)::bigint, 0))
    FROM pg_temp.pcrs_notes n WHERE n.name IN (SELECT tbl FROM pg_temp.pcrs_columns));
  rested text;
BEGIN
  EXECUTE format('SELECT status_detail::json ->> %L FROM %I.q_pcrs_status WHERE status_name = $1', 'fullRunAt', s) INTO rested USING 'LOAD';
  UPDATE pg_temp.pcrs_notes SET detail = (detail::jsonb || counts || jsonb_build_object('fullRunAt',
      CASE detail::json ->> 'base' WHEN 'full' THEN ${fact('startedAt')} WHEN 'delta' THEN CASE WHEN ${fact('mixed')} = 'false' THEN rested END END))::text
    WHERE name = 'LOAD';
  UPDATE pg_temp.pcrs_notes n SET detail = (n.detail::jsonb || jsonb_build_object('TOTAL_ROWS_ADDED', r.value))::text
    FROM pg_temp.pcrs_results r WHERE r.name = 'rows' AND r.tbl = n.name;
  UPDATE pg_temp.pcrs_notes SET detail = (detail::jsonb || jsonb_build_object('reconciliation', detail::jsonb -> 'reconciliation'
      || jsonb_build_object('hostsWithPosture', (counts -> 'rows' ->> 'q_pcrs_hostids')::bigint - (counts ->> 'hostsWithoutPosture')::bigint)
      || CASE WHEN (SELECT count(*) FROM pg_temp.pcrs_notes WHERE name ~ '^RUN [^ ]+$') = 1 THEN jsonb_build_object('rowsStored', stored, 'rowsUnchanged', unchanged) ELSE '{}' END))::text
    WHERE name ~ '^RUN [^ ]+$';
  EXECUTE format('DELETE FROM %I.q_pcrs_status WHERE status_name = %L', s, 'ALL_TABLES_LOADED_SUCCESSFULLY');
  EXECUTE format('INSERT INTO %I.q_pcrs_status AS t SELECT name, detail, last, $1 FROM pg_temp.pcrs_notes ORDER BY n
    ON CONFLICT (status_name) DO UPDATE SET status_detail = excluded.status_detail, last_batch_processed = excluded.last_batch_processed, row_last_updated = excluded.row_last_updated
    WHERE (t.status_detail, t.last_batch_processed) IS DISTINCT FROM (excluded.status_detail, excluded.last_batch_processed)', s) USING ${fact('loadedAt')};
END`);
