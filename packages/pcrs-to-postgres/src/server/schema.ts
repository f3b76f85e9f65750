/** Written into a comment of q_pcrs_status, so that a later version can recognise an older layout. */
const layoutVersion = 1;

/**
 * Statements without a value or a name from outside: they read these from temporary tables.
 *
 * Errors that the user can fix raise the code PC00n, n being the exit status.
 */
export const block = (body: string): string => `DO $pcrs$\n${body}\n$pcrs$;\n`;

/** A fact as a value inside a block. */
export const fact = (name: string): string => `(SELECT value FROM pg_temp.pcrs_facts WHERE name = '${name}')`;

/** Comes before any row: another encoding lacks characters of the records. */
export const checkEncoding = block(`BEGIN
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION USING ERRCODE = 'PC002', MESSAGE = format('the database %s has the encoding %s; create one with UTF8', current_database(), current_setting('server_encoding'));
  END IF;
END`);

/** Allows one load at a time into a schema; reports a wait that takes too long, and a schema of another role. */
export const lockSchema = block(`DECLARE
  s text := ${fact('schema')};
  owner text;
BEGIN
  PERFORM set_config('lock_timeout', ${fact('lockTimeout')}, true);
  PERFORM pg_advisory_xact_lock(hashtextextended('pcrs schema ' || s, 0));
  IF to_regnamespace(quote_ident(s)) IS NULL THEN EXECUTE format('CREATE SCHEMA %I', s); END IF;
  SELECT pg_get_userbyid(coalesce(c.relowner, n.nspowner)) INTO owner
    FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'q_pcrs_status'
    WHERE n.nspname = s AND NOT (has_schema_privilege(n.oid, 'USAGE')
      AND (c.oid IS NULL OR (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT'))));
  IF owner IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PC004', MESSAGE = format('schema %s belongs to the role %s, and %s may not load into it; load as %s, or choose another --schema', s, owner, current_user, owner);
  END IF;
END`);

/** Makes missing tables, and checks that existing ones are ours. */
export const makeTables = block(`DECLARE
  s text := ${fact('schema')};
  t record;
  has text;
  layout text;
BEGIN
  IF to_regclass(format('%I.q_pcrs_status', s)) IS NULL THEN
    EXECUTE format('CREATE TABLE %I.q_pcrs_status (status_name text PRIMARY KEY, status_detail text, last_batch_processed text, row_last_updated text)', s);
    EXECUTE format('COMMENT ON TABLE %I.q_pcrs_status IS %L', s, 'pcrs layout ${layoutVersion}');
  ELSE
    layout := obj_description(to_regclass(format('%I.q_pcrs_status', s)), 'pg_class');
    IF layout IS NULL OR layout !~ '^pcrs layout [0-9]+$' THEN
      RAISE EXCEPTION USING ERRCODE = 'PC002', MESSAGE = format('schema %s has a q_pcrs_status of another program; choose another --schema', s);
    ELSIF substr(layout, 13)::int > ${layoutVersion} THEN
      RAISE EXCEPTION USING ERRCODE = 'PC002', MESSAGE = format('schema %s was made by a newer pcrs-to-postgres; update, or choose another --schema', s);
    END IF;
  END IF;
  FOR t IN SELECT tbl, string_agg(quote_ident(name), ', ' ORDER BY key) FILTER (WHERE key > 0) AS keys,
      string_agg(format('%I %s%s', name, type, CASE WHEN key > 0 THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY n) AS columns
    FROM pg_temp.pcrs_columns WHERE known GROUP BY tbl
  LOOP
    IF to_regclass(format('%I.%I', s, t.tbl)) IS NULL THEN
      EXECUTE format('CREATE TABLE %I.%I (%s, batch_date text, batch_number text, row_last_updated text, PRIMARY KEY (%s))', s, t.tbl, t.columns, t.keys);
      CONTINUE;
    END IF;
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) INTO has
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place), pg_attribute a
      WHERE i.indrelid = to_regclass(format('%I.%I', s, t.tbl)) AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.attnum;
    IF has IS DISTINCT FROM t.keys THEN
      RAISE EXCEPTION USING ERRCODE = 'PC002', MESSAGE = format('schema %s has a %s of another program (another key); choose another --schema', s, t.tbl);
    END IF;
  END LOOP;
END`);

/** Adds missing columns to a table, at its end. */
export const addColumns = block(`DECLARE
  s text := ${fact('schema')};
  c record;
  has text;
BEGIN
  FOR c IN SELECT * FROM pg_temp.pcrs_columns ORDER BY tbl, n LOOP
    SELECT format_type(a.atttypid, a.atttypmod) INTO has FROM pg_attribute a
      WHERE a.attrelid = to_regclass(format('%I.%I', s, c.tbl)) AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped;
    IF has IS NULL THEN
      EXECUTE format('ALTER TABLE %I.%I ADD COLUMN %I %s', s, c.tbl, c.name, c.type);
      INSERT INTO pg_temp.pcrs_results VALUES (c.tbl, 'column ' || c.name, 1);
    ELSIF has <> c.type THEN
      RAISE EXCEPTION USING ERRCODE = 'PC002', MESSAGE = format('%s.%s.%s has the type %s, not %s; restore the type of the column, or choose another --schema', s, c.tbl, c.name, has, c.type);
    END IF;
  END LOOP;
END`);

/** Checks that a schema holds one gateway and subscription, and no run newer than this one. */
export const checkSource = block(`DECLARE
  s text := ${fact('schema')};
  held json;
  newest text;
BEGIN
  EXECUTE format('SELECT status_detail::json FROM %I.q_pcrs_status WHERE status_name = $1', s) INTO held USING 'SOURCE';
  IF held ->> 'gateway' <> ${fact('gateway')} OR held ->> 'subscriptionId' <> ${fact('subscriptionId')} THEN
    RAISE EXCEPTION USING ERRCODE = 'PC003', MESSAGE = format('schema %s holds subscription %s of %s, but the records are of subscription %s of %s; choose another --schema',
      s, coalesce(held ->> 'subscriptionId', '?'), coalesce(held ->> 'gateway', '?'), coalesce(${fact('subscriptionId')}, '?'), coalesce(${fact('gateway')}, '?'));
  END IF;
  EXECUTE format('SELECT max(status_detail::json ->> %L) FROM %I.q_pcrs_status WHERE status_name ~ %L AND last_batch_processed = %L', 'startedAt', s, '^RUN [^ ]+$', 'TRUE') INTO newest;
  IF newest > ${fact('startedAt')} AND ${fact('allowOlder')} = 'false' THEN
    RAISE EXCEPTION USING ERRCODE = 'PC003', MESSAGE = format('schema %s holds a run of %s, but this one started %s; --allow-older loads it anyway', s, newest, ${fact('startedAt')});
  END IF;
  IF ${fact('reduced')} = 'true' AND held IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PC002', MESSAGE = format('the run is a reduced one (from a history), and schema %s is not empty; choose another --schema', s);
  END IF;
END`);
