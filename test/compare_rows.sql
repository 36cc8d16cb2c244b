-- Compares what is said of rows: by abac_check of a row that no plan can look into, by the oracle, and by the same call in
-- all the places of statements where the planner may put something in its stead. Load after generate_rows.sql.
--
--     SELECT * FROM oracle.compare_rows(1, 10, 7, true, '.');
--
-- Differences go to oracle.row_differences, each with what reproduces it: the seed and rows make the world again, and
-- "statement" runs in it.

CREATE TABLE oracle.row_differences (seed int, rows_each int, style text, form text, relation text, user_id text, action text, ctx jsonb, k int,
	wanted text, got text, statement text);

-- Where the call can stand. {T}: the table; {F}: the call, on alias t; {U} {A} {C}: its user, action, ctx as literals;
-- {X}: a name of its own. prepare, statements with ;; between them, is run before; settings during both. result says what the query gives:
--   values   (k, verdict) of every row
--   true     k of the rows of which the verdict is true; false, null, not_null, not_true, not_false: of the others likewise
--   none     nothing
-- tables: a regular expression of those it makes sense for. files: writes one in the data directory. Everything else is rolled back.
CREATE TABLE oracle.forms (name text PRIMARY KEY, result text NOT NULL, query text NOT NULL, prepare text, settings jsonb, files boolean NOT NULL DEFAULT false,
	tables text NOT NULL DEFAULT '');

INSERT INTO oracle.forms (name, result, query) VALUES
	('select list', 'values', 'SELECT t.k, {F} FROM {T} t'),
	('select list, *', 'values', 'SELECT t.k, abac_check({U}, {A}, t.*, {C}) FROM {T} t'),
	('where', 'true', 'SELECT t.k, true FROM {T} t WHERE {F}'),
	('where not', 'false', 'SELECT t.k, true FROM {T} t WHERE NOT {F}'),
	('where is null', 'null', 'SELECT t.k, true FROM {T} t WHERE {F} IS NULL'),
	('where is not null', 'not_null', 'SELECT t.k, true FROM {T} t WHERE {F} IS NOT NULL'),
	('where is unknown', 'null', 'SELECT t.k, true FROM {T} t WHERE {F} IS UNKNOWN'),
	('where is not true', 'not_true', 'SELECT t.k, true FROM {T} t WHERE {F} IS NOT TRUE'),
	('where is not false', 'not_false', 'SELECT t.k, true FROM {T} t WHERE {F} IS NOT FALSE'),
	('where is true', 'true', 'SELECT t.k, true FROM {T} t WHERE {F} IS TRUE'),
	('where is false', 'false', 'SELECT t.k, true FROM {T} t WHERE {F} IS FALSE'),
	('where = true', 'true', 'SELECT t.k, true FROM {T} t WHERE {F} = true'),
	('where is distinct', 'not_true', 'SELECT t.k, true FROM {T} t WHERE {F} IS DISTINCT FROM true'),
	('and, or', 'true', 'SELECT t.k, true FROM {T} t WHERE (t.k > 0 AND {F}) OR (t.k < 0 AND NOT {F})'),
	('not (and)', 'false', 'SELECT t.k, true FROM {T} t WHERE NOT (t.k > 0 AND {F})'),
	('two calls', 'true', 'SELECT t.k, true FROM {T} t WHERE {F} AND (NOT {F}) IS NOT TRUE'),
	('case', 'values', 'SELECT t.k, CASE WHEN {F} THEN true WHEN NOT {F} THEN false END FROM {T} t'),
	('coalesce', 'not_false', 'SELECT t.k, true FROM {T} t WHERE coalesce({F}, true)'),
	('order by', 'values', 'SELECT k, v FROM (SELECT t.k, {F} AS v FROM {T} t ORDER BY {F}, t.k) s'),
	('group by', 'values', 'SELECT unnest(array_agg(t.k)), {F} FROM {T} t GROUP BY {F}'),
	('having', 'true', 'SELECT t.k, true FROM {T} t GROUP BY t.k HAVING bool_or({F})'),
	('filter', 'true', 'SELECT unnest(array_agg(t.k) FILTER (WHERE {F})), true FROM {T} t'),
	('window', 'values', 'SELECT t.k, bool_and({F}) OVER (PARTITION BY t.k) FROM {T} t'),
	('limit', 'true', 'SELECT t.k, true FROM {T} t WHERE {F} ORDER BY t.k LIMIT 1000'),
	('distinct', 'values', 'SELECT DISTINCT t.k, {F} FROM {T} t'),
	('union all', 'values', 'SELECT t.k, {F} FROM {T} t WHERE t.k % 2 = 0 UNION ALL SELECT t.k, {F} FROM {T} t WHERE t.k % 2 <> 0'),
	('pulled-up subquery', 'true', 'SELECT k, true FROM (SELECT x.k, x AS r FROM {T} x) t WHERE abac_check({U}, {A}, t.r, {C})'),
	('pulled-up union all', 'true', 'SELECT k, true FROM (SELECT x.k, x AS r FROM {T} x WHERE x.k % 2 = 0 UNION ALL SELECT x.k, x FROM {T} x WHERE x.k % 2 <> 0) t WHERE abac_check({U}, {A}, t.r, {C})'),
	('cte', 'true', 'WITH s AS MATERIALIZED (SELECT x.k, x AS r FROM {T} x) SELECT k, true FROM s t WHERE abac_check({U}, {A}, t.r, {C})'),
	('recursive cte', 'true', 'WITH RECURSIVE s (n) AS (SELECT min(k) FROM {T} UNION ALL SELECT n + 1 FROM s WHERE n < (SELECT max(k) FROM {T})) SELECT t.k, true FROM s JOIN {T} t ON t.k = s.n WHERE {F}'),
	('only', 'values', 'SELECT t.k, {F} FROM ONLY {T} t UNION ALL SELECT t.k, {F} FROM {T} t WHERE NOT EXISTS (SELECT FROM ONLY {T} o WHERE o.k = t.k)'),
	('tablesample', 'values', 'SELECT t.k, {F} FROM {T} t TABLESAMPLE SYSTEM (100)'),
	('user and action from a table', 'values', 'SELECT t.k, abac_check(v.u, v.a, t.*, v.c) FROM {T} t, (SELECT {U}::text AS u, {A}::text AS a, {C}::jsonb AS c OFFSET 0) v'),
	('action from a table', 'values', 'SELECT t.k, abac_check({U}, v.a, t.*, {C}) FROM {T} t, (VALUES ({A})) v (a)'),
	('named arguments', 'values', 'SELECT t.k, abac_check(ctx => {C}, resource => t.*, action => {A}, user_id => {U}) FROM {T} t'),
	('row as a column', 'values', 'SELECT t.k, abac_check({U}, {A}, t, {C}) FROM {T} t'),
	('subselect', 'values', 'SELECT t.k, (SELECT {F}) FROM {T} t'),
	('join', 'true', 'SELECT t.k, true FROM {T} t JOIN {T} o ON o.k = t.k WHERE {F} AND abac_check({U}, {A}, o.*, {C})'),
	('join on', 'true', 'SELECT t.k, true FROM {T} o JOIN {T} t ON o.k = t.k AND {F}'),
	('join on either', 'not_false', 'SELECT t.k, true FROM {T} o JOIN {T} t ON o.k = t.k WHERE {F} OR abac_check({U}, {A}, o.*, {C}) IS NULL'),
	('lateral', 'values', 'SELECT t.k, l.v FROM {T} t, LATERAL (SELECT {F} AS v) l'),
	('lateral on the other side', 'true', 'SELECT o.k, true FROM {T} o, LATERAL (SELECT t.k FROM {T} t WHERE t.k = o.k AND {F}) l'),
	('left join, on', 'true', 'SELECT g, true FROM generate_series(1, 1000) g LEFT JOIN {T} t ON t.k = g AND {F} WHERE t.k IS NOT NULL'),
	('left join, there', 'values', 'SELECT t.k, {F} FROM generate_series(1, 1000) g LEFT JOIN {T} t ON t.k = g WHERE t.k IS NOT NULL'),
	('left join, where', 'true', 'SELECT g, true FROM generate_series(1, 1000) g LEFT JOIN {T} t ON t.k = g WHERE {F}'),
	('left join, where not', 'false', 'SELECT g, true FROM generate_series(1, 1000) g LEFT JOIN {T} t ON t.k = g WHERE NOT {F} AND g IN (SELECT k FROM {T})'),
	('left join, outer side', 'true', 'SELECT t.k, true FROM {T} t LEFT JOIN {T} o ON o.k = t.k AND {F} WHERE o.k IS NOT NULL'),
	('left join, outer side where', 'values', 'SELECT t.k, {F} FROM {T} t LEFT JOIN {T} o ON o.k = -t.k WHERE abac_check({U}, {A}, o.*, {C}) IS NOT TRUE'),
	('full join', 'values', 'SELECT t.k, {F} FROM {T} t FULL JOIN generate_series(1, 1000) g ON g = t.k WHERE t.k IS NOT NULL'),
	('full join, where', 'true', 'SELECT t.k, true FROM {T} t FULL JOIN generate_series(1, 1000) g ON g = -t.k WHERE {F}'),
	('right join', 'true', 'SELECT t.k, true FROM {T} t RIGHT JOIN generate_series(1, 1000) g ON g = t.k WHERE {F} IS NOT FALSE AND {F} IS NOT NULL'),
	('exists', 'true', 'SELECT o.k, true FROM {T} o WHERE EXISTS (SELECT FROM {T} t WHERE t.k = o.k AND {F})'),
	('exists, of the outer', 'true', 'SELECT t.k, true FROM {T} t WHERE EXISTS (SELECT FROM {T} o WHERE o.k = t.k AND {F})'),
	('not exists, of the outer', 'not_true', 'SELECT t.k, true FROM {T} t WHERE NOT EXISTS (SELECT FROM {T} o WHERE o.k = t.k AND {F})'),
	('subselect of the outer', 'values', 'SELECT t.k, (SELECT bool_and({F} AND o.k IS NOT NULL) FROM {T} o WHERE o.k = t.k) FROM {T} t'),
	('subselect of the outer, kept', 'values', 'SELECT t.k, (SELECT {F} FROM {T} o WHERE o.k = t.k OFFSET 0) FROM {T} t'),
	('in', 'true', 'SELECT o.k, true FROM {T} o WHERE o.k IN (SELECT t.k FROM {T} t WHERE {F})'),
	('not in', 'not_true', 'SELECT o.k, true FROM {T} o WHERE o.k NOT IN (SELECT t.k FROM {T} t WHERE {F})'),
	('array subselect', 'true', 'SELECT unnest(ARRAY(SELECT t.k FROM {T} t WHERE {F})), true'),
	('update', 'true', 'UPDATE {T} t SET title = title WHERE {F} RETURNING t.k, true'),
	('update, returning', 'values', 'UPDATE {T} t SET k = k RETURNING t.k, {F}'),
	('update from', 'not_true', 'UPDATE {T} t SET k = t.k FROM {T} o WHERE o.k = t.k AND {F} IS NOT TRUE RETURNING t.k, true'),
	('delete', 'true', 'DELETE FROM {T} t WHERE {F} RETURNING t.k, true'),
	('delete, returning', 'values', 'DELETE FROM {T} t RETURNING t.k, {F}'),
	('delete using', 'false', 'DELETE FROM {T} t USING {T} o WHERE o.k = t.k AND NOT {F} RETURNING t.k, true'),
	('data-modifying cte', 'true', 'WITH d AS (DELETE FROM {T} t WHERE {F} RETURNING t.k) SELECT k, true FROM d');

INSERT INTO oracle.forms (name, result, query, prepare) VALUES
	('null-extended', 'none', 'SELECT g, true FROM generate_series(1, 1000) g LEFT JOIN {T} t ON t.k = -g WHERE {F} IS NOT FALSE', NULL),
	('null-extended, select list', 'none', 'SELECT g, v FROM (SELECT g, {F} AS v FROM generate_series(1, 50) g LEFT JOIN {T} t ON t.k = -g) s WHERE v IS DISTINCT FROM false', NULL),
	('insert select', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP TABLE {X} (k int);; INSERT INTO {X} SELECT t.k FROM {T} t WHERE {F}'),
	('insert select values', 'values', 'SELECT k, v FROM {X}', 'CREATE TEMP TABLE {X} (k int, v boolean);; INSERT INTO {X} SELECT t.k, {F} FROM {T} t'),
	('create table as', 'values', 'SELECT k, v FROM {X}', 'CREATE TEMP TABLE {X} AS SELECT t.k, {F} AS v FROM {T} t'),
	('merge, on', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP TABLE {X} AS SELECT k FROM {T};;
		MERGE INTO {X} x USING {T} t ON x.k = t.k AND {F} WHEN MATCHED THEN UPDATE SET k = -x.k;; DELETE FROM {X} WHERE k > 0;; UPDATE {X} SET k = -k'),
	('merge, when', 'true', 'SELECT -k, true FROM {X} WHERE k < 0', 'CREATE TEMP TABLE {X} AS SELECT k FROM {T};;
		MERGE INTO {X} x USING {T} t ON x.k = t.k WHEN MATCHED AND {F} THEN UPDATE SET k = -x.k'),
	('merge, of the target', 'not_true', 'SELECT t.k, true FROM {T} t', 'MERGE INTO {T} t USING (SELECT k FROM {T}) o ON t.k = o.k WHEN MATCHED AND {F} THEN DELETE'),
	('merge, not matched', 'not_true', 'SELECT k, true FROM {X} WHERE k > 0', 'CREATE TEMP TABLE {X} AS SELECT k FROM {T};; UPDATE {X} SET k = -k;;
		MERGE INTO {X} x USING {T} t ON x.k = -t.k AND {F} WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (t.k)'),
	('view', 'values', 'SELECT k, v FROM {X}', 'CREATE TEMP VIEW {X} AS SELECT t.k, {F} AS v FROM {T} t'),
	('view, where', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP VIEW {X} AS SELECT t.k FROM {T} t WHERE {F}'),
	('view, invoker', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP VIEW {X} WITH (security_invoker) AS SELECT t.k FROM {T} t WHERE {F}'),
	('view, barrier', 'true', 'SELECT k, true FROM {X} WHERE k > 0', 'CREATE TEMP VIEW {X} WITH (security_barrier) AS SELECT t.k FROM {T} t WHERE {F}'),
	('view, on top', 'true', 'SELECT k, true FROM {X} t WHERE abac_check({U}, {A}, t.r, {C})', 'CREATE TEMP VIEW {X} AS SELECT x.k, x AS r FROM {T} x'),
	('view, updated', 'true', 'DELETE FROM {X} RETURNING k, true', 'CREATE TEMP VIEW {X} AS SELECT t.k FROM {T} t WHERE {F}'),
	('rule', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP TABLE {X} (k int);; CREATE TEMP TABLE {X}_in (n int);;
		CREATE RULE r AS ON INSERT TO {X}_in DO INSTEAD INSERT INTO {X} SELECT t.k FROM {T} t WHERE {F};; INSERT INTO {X}_in VALUES (1)'),
	('sql function', 'values', 'SELECT t.k, pg_temp.{X}(t) FROM {T} t', 'CREATE FUNCTION pg_temp.{X}(t {T}) RETURNS boolean LANGUAGE sql STABLE AS ''SELECT abac_check({UU}, {AA}, t.*, {CC})'''),
	('plpgsql function', 'values', 'SELECT t.k, pg_temp.{X}(t) FROM {T} t', 'CREATE FUNCTION pg_temp.{X}(t {T}) RETURNS boolean LANGUAGE plpgsql STABLE AS ''BEGIN RETURN abac_check({UU}, {AA}, t, {CC}); END'''),
	('trigger', 'true', 'DELETE FROM {T} RETURNING k, true', 'CREATE FUNCTION pg_temp.{X}() RETURNS trigger LANGUAGE plpgsql AS
			''BEGIN IF abac_check({UU}, {AA}, OLD, {CC}) THEN RETURN OLD; END IF; RETURN NULL; END'';;
		CREATE TRIGGER t BEFORE DELETE ON {T} FOR EACH ROW EXECUTE FUNCTION pg_temp.{X}()'),
	('prepared', 'values', 'EXECUTE {X}({U}, {A}, {C})', 'PREPARE {X}(text, text, jsonb) AS SELECT t.k, abac_check($1, $2, t.*, $3) FROM {T} t'),
	('opaque', 'values', 'SELECT (s.r).k, abac_check({U}, {A}, s.r, {C}) FROM (SELECT t AS r FROM {T} t OFFSET 0) s', NULL);
INSERT INTO oracle.forms (name, result, query, prepare) VALUES
	('scrolling cursor', 'values', 'FETCH BACKWARD ALL FROM {X}', 'DECLARE {X} SCROLL CURSOR FOR SELECT t.k, {F} FROM {T} t;; MOVE FORWARD ALL IN {X}'),
	('scrolling cursor, where', 'true', 'FETCH ALL FROM {X}', 'DECLARE {X} SCROLL CURSOR FOR SELECT t.k, true FROM {T} t WHERE {F};; MOVE FORWARD ALL IN {X};; MOVE ABSOLUTE 0 IN {X}'),
	('where current of', 'not_true', 'SELECT t.k, true FROM {T} t', 'DO $do$ DECLARE c CURSOR FOR SELECT t.k FROM {T} t WHERE {F} FOR UPDATE;
		BEGIN FOR r IN c LOOP DELETE FROM {T} WHERE CURRENT OF c; END LOOP; END $do$');
INSERT INTO oracle.forms (name, result, query, prepare, files) VALUES
	('copy', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP TABLE {X} (k int);; COPY (SELECT t.k FROM {T} t WHERE {F}) TO {FILE};; COPY {X} FROM {FILE};; COPY (SELECT) TO {FILE}', true);
-- children don't inherit triggers
UPDATE oracle.forms SET tables = 'plain|foreign|parts|grandchild' WHERE name = 'trigger';
-- again with another plan
INSERT INTO oracle.forms (name, result, query, prepare, settings)
	SELECT name || ', ' || how, result, query, prepare, v.settings FROM oracle.forms,
		(VALUES ('generic', 'prepared', '{"plan_cache_mode": "force_generic_plan"}'::jsonb), ('custom', 'prepared', '{"plan_cache_mode": "force_custom_plan"}')) v (how, of_name, settings)
	WHERE name = of_name
	UNION ALL
	SELECT name || ', ' || how, result, query, prepare, v.settings FROM oracle.forms,
		(VALUES ('other settings', '{"TimeZone": "Asia/Kolkata", "DateStyle": "German, DMY", "extra_float_digits": "-4", "IntervalStyle": "iso_8601", "bytea_output": "escape", "quote_all_identifiers": "on", "array_nulls": "off"}'::jsonb),
			('merge joins', '{"enable_hashjoin": "off", "enable_nestloop": "off"}'), ('hash joins', '{"enable_mergejoin": "off", "enable_nestloop": "off"}'),
			('nested loops', '{"enable_hashjoin": "off", "enable_mergejoin": "off"}'), ('partitionwise', '{"enable_partitionwise_join": "on", "enable_partitionwise_aggregate": "on"}'),
			('jit', '{"jit": "on", "jit_above_cost": "0", "jit_inline_above_cost": "0", "jit_optimize_above_cost": "0"}')) v (how, settings)
	WHERE (how, name) IN (('other settings', 'select list'), ('other settings', 'where'), ('other settings', 'where is null'), ('merge joins', 'join'), ('hash joins', 'join'), ('nested loops', 'join'),
		('merge joins', 'left join, where'), ('hash joins', 'left join, where'), ('nested loops', 'left join, on'), ('hash joins', 'exists'), ('merge joins', 'exists'),
		('partitionwise', 'join'), ('partitionwise', 'group by'), ('jit', 'select list'))
	UNION ALL
	SELECT name || ', parallel', 'values', 'SELECT k, v FROM {X}_p', concat(prepare || ';; ', 'CREATE TEMP TABLE {X}_p AS SELECT * FROM (', query, ') s (k, v)'),
		jsonb_build_object('parallel_setup_cost', '0', 'parallel_tuple_cost', '0', 'min_parallel_table_scan_size', '0', 'min_parallel_index_scan_size', '0',
			'max_parallel_workers_per_gather', '2', (SELECT s.name FROM pg_settings s WHERE s.name IN ('debug_parallel_query', 'force_parallel_mode')), 'on')
	FROM oracle.forms WHERE name IN ('select list', 'opaque', 'case');
INSERT INTO oracle.forms (name, result, query, prepare, settings)
	SELECT name || ', parallel', result, 'SELECT k, v FROM {X}_p', concat('CREATE TEMP TABLE {X}_p AS SELECT * FROM (', query, ') s (k, v)'),
		(SELECT settings FROM oracle.forms WHERE name = 'select list, parallel')
	FROM oracle.forms WHERE name IN ('where', 'where not', 'where is null', 'join', 'exists', 'left join, where');

-- For an ordinary role: row-level security with abac_can. {W}: abac_can of the row on its own table's name; the role
-- has every right on the table and the temporary ones, none on the rest.
INSERT INTO oracle.forms (name, result, query, prepare, settings)
	SELECT 'rls, ' || name, result, query, concat(prepare, 'ALTER TABLE {T} ENABLE ROW LEVEL SECURITY'), '{"role": "regress_abac_reader"}'
	FROM (VALUES
		('select', 'true', 'SELECT k, true FROM {T}', 'CREATE POLICY p ON {T} USING ({W});;'),
		('select, restrictive', 'true', 'SELECT k, true FROM {T}', 'CREATE POLICY a ON {T} USING (true);; CREATE POLICY p ON {T} AS RESTRICTIVE USING ({W});;'),
		('not', 'false', 'SELECT k, true FROM {T}', 'CREATE POLICY p ON {T} USING (NOT {W});;'),
		('is null', 'null', 'SELECT k, true FROM {T}', 'CREATE POLICY p ON {T} USING ({W} IS NULL);;'),
		('two', 'not_false', 'SELECT k, true FROM {T}', 'CREATE POLICY p ON {T} USING ({W});; CREATE POLICY q ON {T} USING ({W} IS NULL);;'),
		('update', 'true', 'UPDATE {T} SET title = title RETURNING k, true', 'CREATE POLICY p ON {T} USING ({W});;'),
		('update of what may be', 'true', 'UPDATE {T} SET title = title RETURNING k, true', 'CREATE POLICY r ON {T} FOR SELECT USING (true);; CREATE POLICY p ON {T} FOR UPDATE USING ({W});;'),
		('delete', 'true', 'DELETE FROM {T} RETURNING k, true', 'CREATE POLICY r ON {T} FOR SELECT USING (true);; CREATE POLICY p ON {T} FOR DELETE USING ({W});;'),
		('leaky', 'true', 'SELECT k, true FROM {T} WHERE title ~ ''.*'' OR title IS NULL', 'CREATE POLICY p ON {T} USING ({W});;'),
		('join', 'true', 'SELECT a.k, true FROM {T} a JOIN {T} b ON a.k = b.k', 'CREATE POLICY p ON {T} USING ({W});;'),
		('exists', 'true', 'SELECT a.k, true FROM {T} a WHERE EXISTS (SELECT FROM {T} b WHERE b.k = a.k)', 'CREATE POLICY p ON {T} USING ({W});;'),
		('for share', 'true', 'SELECT k, true FROM {T} FOR SHARE', 'CREATE POLICY p ON {T} USING ({W});;'),
		('one''s own view', 'true', 'SELECT k, true FROM {X}', 'CREATE TEMP VIEW {X} WITH (security_invoker) AS SELECT k FROM {T};; GRANT SELECT ON {X} TO regress_abac_reader;; CREATE POLICY p ON {T} USING ({W});;'),
		('asked in a select list', 'values', 'SELECT t.k, abac_can({A}, t.*) FROM {T} t', 'CREATE POLICY p ON {T} USING (true);;'),
		('a policy''s own subselect', 'true', 'SELECT k, true FROM {T}', 'CREATE POLICY p ON {T} USING ((SELECT {W}));;')
	) v (name, result, query, prepare);
INSERT INTO oracle.forms (name, result, query, prepare, settings) VALUES
	('rls, insert', 'true', 'SELECT * FROM oracle.try_inserts({T:}, ''{X}'')', 'CREATE TEMP TABLE {X} AS SELECT t.* FROM {T} t;; GRANT SELECT ON {X} TO regress_abac_reader;; DELETE FROM {T};;
		CREATE POLICY r ON {T} FOR SELECT USING (true);; CREATE POLICY p ON {T} FOR INSERT WITH CHECK ({W});; ALTER TABLE {T} ENABLE ROW LEVEL SECURITY', '{"role": "regress_abac_reader"}');

-- What of "source" row-level security lets into the table, row by row.
CREATE FUNCTION oracle.try_inserts(relation text, source text) RETURNS TABLE (k int, done boolean) LANGUAGE plpgsql AS $$
DECLARE
	columns text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = source::regclass AND attnum > 0 AND NOT attisdropped);
BEGIN
	done := true;
	FOR k IN EXECUTE format('SELECT k FROM %I ORDER BY k', source) LOOP
		BEGIN
			EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$I WHERE k = $1', relation, columns, source) USING k;
			RETURN NEXT;
		EXCEPTION WHEN insufficient_privilege THEN
			NULL;
		END;
	END LOOP;
END $$;

-- Makes the role, and gives it its rights. Once per database.
CREATE FUNCTION oracle.create_reader() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_abac_reader') THEN
		CREATE ROLE regress_abac_reader;
	END IF;
	GRANT USAGE ON SCHEMA oracle, rows TO regress_abac_reader;
	GRANT ALL ON ALL TABLES IN SCHEMA rows TO regress_abac_reader;
END $$;

-- One form of the call on a table: its verdicts by k, or the error.
CREATE FUNCTION oracle.run_form(form oracle.forms, relation text, user_id text, action text, ctx jsonb, OUT verdicts jsonb, OUT error text, OUT statement text) LANGUAGE plpgsql AS $$
DECLARE
	part text;
	name text;
	k int;
	verdict boolean;
	filled text[] := '{}';
	s record;
BEGIN
	verdicts := '{}';
	FOREACH part IN ARRAY ARRAY[coalesce(form.prepare, ''), form.query] LOOP
		FOR s IN SELECT v.turn, v.word, v.filling FROM (VALUES
			(1, '{F}', 'abac_check({U}, {A}, t.*, {C})'), (2, '{W}', 'abac_can({A}, ' || split_part(relation, '.', 2) || '.*)'),
			(3, '{UU}', replace(quote_nullable(user_id), '''', '''''')), (3, '{AA}', replace(quote_nullable(action), '''', '''''')), (3, '{CC}', replace(quote_nullable(ctx), '''', '''''')),
			(3, '{U}', quote_nullable(user_id)), (3, '{A}', quote_nullable(action)), (3, '{C}', quote_nullable(ctx)), (3, '{T}', relation), (3, '{T:}', quote_literal(relation)),
			(3, '{X}', 'x' || md5(form.name)), (3, '{FILE}', quote_literal(current_setting('data_directory') || '/abac_rows.copy'))) v (turn, word, filling) ORDER BY turn
		LOOP
			part := replace(part, s.word, s.filling);
		END LOOP;
		filled := filled || part;
	END LOOP;
	statement := concat(nullif(filled[1], '') || '; ', filled[2]);
	BEGIN
		FOR s IN SELECT * FROM jsonb_each_text(form.settings) WHERE key <> 'role' LOOP
			PERFORM set_config(s.key, s.value, true);
		END LOOP;
		FOREACH part IN ARRAY string_to_array(filled[1], ';;') LOOP
			EXECUTE part;
		END LOOP;
		IF form.settings ? 'role' THEN
			PERFORM abac_set_user(user_id), abac_set_context(ctx), set_config('role', form.settings ->> 'role', true);
		END IF;
		FOR k, verdict IN EXECUTE filled[2] LOOP
			verdicts := verdicts || jsonb_build_object(k, verdict);
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'ZZ001';
	EXCEPTION
		WHEN SQLSTATE 'ZZ001' THEN
			NULL;
		WHEN others THEN
			error := SQLSTATE || ' ' || SQLERRM;
	END;
	DEALLOCATE ALL;				-- PREPARE isn't rolled back
END $$;

-- What a form gives when the verdicts are these.
CREATE FUNCTION oracle.expected(result text, verdicts jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE result WHEN 'values' THEN verdicts
		ELSE (SELECT coalesce(jsonb_object_agg(e.key, true), '{}') FROM jsonb_each(verdicts) e
			WHERE CASE result WHEN 'true' THEN e.value = 'true' WHEN 'false' THEN e.value = 'false' WHEN 'null' THEN e.value = 'null'
				WHEN 'not_null' THEN e.value <> 'null' WHEN 'not_true' THEN e.value <> 'true' WHEN 'not_false' THEN e.value <> 'false' ELSE false END) END
$$;

-- A row as the text form's ctx.resource; NULL where it has no such form. What compares with nothing is an object there.
CREATE FUNCTION oracle.as_resource(columns jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' AS $$
DECLARE
	c record;
	v jsonb;
	moment timestamptz;
	resource jsonb := '{}';
BEGIN
	FOR c IN SELECT key, value FROM jsonb_each(columns) LOOP
		v := c.value -> 'value';
		CONTINUE WHEN v IS NULL;
		IF c.value ->> 'kind' = 'other' OR c.value -> 'flat' = 'false' THEN
			v := '{}';
		ELSIF c.value ->> 'kind' = 'date' AND jsonb_typeof(v) = 'string' THEN
			moment := substr(v #>> '{}', 2);
			IF NOT isfinite(moment) OR moment < '0001-01-02Z' OR moment > '9999-12-30Z' THEN RETURN NULL; END IF;
			v := to_jsonb(replace(moment::text, '+00', 'Z'));
		ELSIF c.value ->> 'kind' = 'date' THEN
			v := replace(replace(v::text, '\u0001', ''), '+00', 'Z');
		END IF;
		resource := resource || jsonb_build_object(c.key, v);
	END LOOP;
	RETURN resource;
END $$;

-- The text form's ctx for a row; NULL where the two can't be compared: a scope that the row form denies or refuses.
CREATE FUNCTION oracle.as_ctx(reg abac_relations, columns jsonb, ctx jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
	level record;
	id text;
	scope jsonb := '{}';
BEGIN
	IF ctx ? 'scope' THEN RETURN NULL; END IF;
	FOR level IN SELECT * FROM (VALUES ('organization', reg.organization_column), ('project', reg.project_column), ('workspace', reg.workspace_column)) v (name, col)
		WHERE col IS NOT NULL
	LOOP
		id := columns #>> ARRAY[level.col::text, 'value'];
		IF id = '' OR (id IS NULL AND reg.null_scope = 'deny') THEN RETURN NULL; END IF;
		IF id IS NOT NULL THEN
			scope := scope || jsonb_build_object(level.name, id);
		END IF;
	END LOOP;
	RETURN (ctx - 'resource') || jsonb_build_object('scope', scope, 'resource', oracle.as_resource(columns));
END $$;

-- One world. rows: how many each table gets; ask_oracle: whether to ask it (slow); forms: a regular expression of names
-- of forms, NULL for none; style: of the world, see generate_row_world; in a friendly one the text form is compared, too.
CREATE FUNCTION oracle.compare_rows(seed int, rows_each int, questions int, ask_oracle boolean, forms text, style text DEFAULT 'world',
	OUT asked int, OUT left_open int, OUT allowed int, OUT unknown int, OUT compared int, OUT texts int) LANGUAGE plpgsql AS $$
DECLARE
	moment timestamptz := greatest(transaction_timestamp(), statement_timestamp());
	q record;
	r record;
	said record;
	form oracle.forms;
	reg abac_relations;
	opaque record;
	reasons jsonb;
	got record;
	wanted jsonb;
	text_ctx jsonb;
	answer boolean;
BEGIN
	PERFORM oracle.generate_row_world(seed, rows_each, style);
	DROP TABLE IF EXISTS row_columns;
	CREATE TEMP TABLE row_columns (relation text, k int, columns jsonb);
	IF ask_oracle THEN
		FOR r IN SELECT t.relation FROM oracle.tables() t WHERE t.asked LOOP
			EXECUTE format('INSERT INTO row_columns SELECT %L, t.k, oracle.row_columns(t) FROM %s t', r.relation, r.relation);
		END LOOP;
	END IF;
	asked := 0; left_open := 0; allowed := 0; unknown := 0; compared := 0; texts := 0;
	FOR q IN SELECT * FROM oracle.generate_questions(seed, questions, style) LOOP
		SELECT f.* INTO form FROM oracle.forms f WHERE f.name = 'opaque';
		opaque := oracle.run_form(form, q.relation, q.user_id, q.action, q.ctx);
		IF opaque.error IS NOT NULL THEN
			INSERT INTO oracle.row_differences VALUES (seed, rows_each, style, 'opaque', q.relation, q.user_id, q.action, q.ctx, NULL, NULL, opaque.error, opaque.statement);
			CONTINUE;
		END IF;
		allowed := allowed + (SELECT count(*) FROM jsonb_each(opaque.verdicts) e WHERE e.value = 'true');
		unknown := unknown + (SELECT count(*) FROM jsonb_each(opaque.verdicts) e WHERE e.value = 'null');

		IF ask_oracle THEN
			EXECUTE format('SELECT jsonb_object_agg(k, abac_explain($1, $2, t, $3) ->> ''reason'') FROM %s t', q.relation)
				INTO reasons USING q.user_id, q.action, q.ctx;
			FOR r IN SELECT * FROM row_columns c WHERE c.relation = q.relation ORDER BY c.k LOOP
				asked := asked + 1;
				PERFORM set_config('oracle.open_question', 'off', false);
				said := oracle.decide_columns(q.user_id, q.action, q.relation::regclass, r.columns, q.ctx, moment);
				IF current_setting('oracle.open_question') = 'on' THEN
					left_open := left_open + 1;
				ELSIF (said.decision, said.reason) IS DISTINCT FROM ((opaque.verdicts ->> r.k::text)::boolean, reasons ->> r.k::text) THEN
					INSERT INTO oracle.row_differences VALUES (seed, rows_each, style, 'oracle', q.relation, q.user_id, q.action, q.ctx, r.k,
						format('%s %s', coalesce(said.decision::text, 'unknown'), said.reason),
						format('%s %s', coalesce(opaque.verdicts ->> r.k::text, 'unknown'), reasons ->> r.k::text),
						format('SELECT d.*, abac_check(%2$L, %3$L, t, %4$L), abac_explain_text(%2$L, %3$L, t, %4$L) FROM %1$s t, oracle.decide_row(%2$L, %3$L, t, %4$L, now()) d WHERE k = %5$s',
							q.relation, q.user_id, q.action, q.ctx, r.k));
				END IF;
				IF style LIKE 'friendly%' AND current_setting('oracle.open_question') = 'off' THEN
					reg := oracle.registration(q.relation::regclass);
					text_ctx := oracle.as_ctx(reg, r.columns, q.ctx);
					CONTINUE WHEN text_ctx IS NULL OR text_ctx -> 'resource' = 'null';
					texts := texts + 1;
					answer := abac_check(q.user_id, q.action, reg.resource_type || coalesce(':' || (r.columns #>> ARRAY[reg.id_column::text, 'value']), ''), text_ctx);
					IF answer IS DISTINCT FROM ((opaque.verdicts ->> r.k::text) IS NOT DISTINCT FROM 'true') THEN
						INSERT INTO oracle.row_differences VALUES (seed, rows_each, style, 'text', q.relation, q.user_id, q.action, q.ctx, r.k,
							opaque.verdicts ->> r.k::text, answer::text, format('SELECT abac_explain_text(%L, %L, %L, %L)', q.user_id, q.action,
								reg.resource_type || coalesce(':' || (r.columns #>> ARRAY[reg.id_column::text, 'value']), ''), text_ctx));
					END IF;
				END IF;
			END LOOP;
		END IF;

		FOR form IN SELECT * FROM oracle.forms f WHERE f.name ~ forms AND q.relation ~ f.tables ORDER BY f.name COLLATE "C" LOOP
			got := oracle.run_form(form, q.relation, q.user_id, q.action, q.ctx);
			wanted := oracle.expected(form.result, opaque.verdicts);
			compared := compared + 1;
			IF got.error IS NOT NULL OR got.verdicts <> wanted THEN
				INSERT INTO oracle.row_differences VALUES (seed, rows_each, style, form.name, q.relation, q.user_id, q.action, q.ctx, NULL,
					(SELECT jsonb_object_agg(key, value) FROM jsonb_each(wanted) e WHERE e.value IS DISTINCT FROM got.verdicts -> e.key)::text,
					coalesce(got.error, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(got.verdicts) e WHERE e.value IS DISTINCT FROM wanted -> e.key)::text), got.statement);
			END IF;
		END LOOP;
	END LOOP;
END $$;
