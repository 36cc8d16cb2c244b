-- Who may do what: a role without any grant asks about the session's principal,
-- gets right answers whatever it sets or plants, and can do nothing else.
-- (What needs a login of its own is in test/t/007_principal.pl.)
\set ECHO none
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off

BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
SET LOCAL abac.attribute_validation = off;

CREATE ROLE abac_test_plain;
CREATE ROLE abac_test_app;

-- What the statement gives when that role runs it: the first column of a
-- SELECT, done for another one, or the SQLSTATE that it fails with.
CREATE FUNCTION pg_temp.as_role(role name, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := 'done';
BEGIN
	PERFORM set_config('role', role, true);
	IF sql ~ '^\s*SELECT' THEN
		EXECUTE sql INTO result;
	ELSE
		EXECUTE sql;
	END IF;
	PERFORM set_config('role', 'none', true);
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
CREATE FUNCTION pg_temp.as_plain(sql text) RETURNS text LANGUAGE sql
	AS $$SELECT pg_temp.as_role('abac_test_plain', sql)$$;

-- ann may read pages until the end of 2040 (a date, so that time zones could
-- matter) in an area of numbers (so that casts could), by name.
INSERT INTO abac_attribute_definitions (name, data_type, source) VALUES
	('user.until', 'date', 'stored'), ('user.area', 'number', 'stored'), ('env.ip', 'ip', 'any');
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"until": "2040-12-31 12:00:00", "area": 7, "name": "Ann"}');
INSERT INTO abac_rules (name, resource_type, conditions) VALUES ('rule', 'page', '{"and": [
	{"attribute": "user.until", "operator": "gte", "value": "$resource.day"},
	{"attribute": "user.area", "operator": "eq", "value": 7},
	{"attribute": "env.ip", "operator": "in_cidr", "value": "10.0.0.0/8"},
	{"attribute": "user.name", "operator": "matches", "value": "^A"}]}');
INSERT INTO abac_rule_groups (name) VALUES ('group');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policies (name) VALUES ('policy');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'ann' FROM abac_policies;

-- The answers that must not change: a day that is early enough, and one that
-- isn't by a minute.
CREATE FUNCTION pg_temp.answers() RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.as_plain($sql$
		SELECT concat_ws(' ',
			public.abac_user(),
			public.abac_can('read', 'page:1', '{"resource": {"day": "2040-12-31 11:59"}, "env": {"ip": "10.1.2.3"}}'),
			public.abac_can('read', 'page:1', '{"resource": {"day": "2040-12-31 12:01"}, "env": {"ip": "10.1.2.3"}}'),
			public.abac_can('read', 'page:1', '{"resource": {"day": "2040-12-31 11:59"}, "env": {"ip": "11.1.2.3"}}'),
			public.abac_can('read', 'other', '{"resource": {"day": "2040-12-31 11:59"}, "env": {"ip": "10.1.2.3"}}'))
	$sql$)
$$;

--
-- Without a grant
--

SELECT is(pg_temp.answers(), 'f f f f', 'nobody is denied everything');
SELECT is(pg_temp.as_plain('SELECT abac_user() IS NULL'), 'true', 'abac_user() is NULL then');
SELECT lives_ok($$SELECT abac_set_user('ann')$$, 'the superuser says who it is');
SELECT is(pg_temp.answers(), 'ann t f f f', 'an ordinary role gets right answers without a grant');

SELECT is(pg_temp.as_plain(sql), '42501', 'refused: ' || sql)
FROM unnest(ARRAY[
	$$SELECT abac_check('ann', 'read', 'page')$$,
	$$SELECT abac_check('ann', 'read', 'page', '{}')$$,
	$$SELECT abac_check(gen_random_uuid(), 'read', 'page')$$,
	$$SELECT abac_check(1::bigint, 'read', 'page')$$,
	$$SELECT abac_require('ann', 'read', 'page')$$,
	$$SELECT abac_require(gen_random_uuid(), 'read', 'page')$$,
	$$SELECT abac_require(1::bigint, 'read', 'page')$$,
	$$SELECT abac_explain('ann', 'read', 'page')$$,
	$$SELECT abac_explain(gen_random_uuid(), 'read', 'page')$$,
	$$SELECT abac_explain(1::bigint, 'read', 'page')$$,
	$$SELECT abac_explain_text('ann', 'read', 'page')$$,
	$$SELECT abac_explain_text(gen_random_uuid(), 'read', 'page')$$,
	$$SELECT abac_explain_text(1::bigint, 'read', 'page')$$,
	$$SELECT abac_set_user('root')$$,
	$$SELECT abac_set_user(gen_random_uuid())$$,
	$$SELECT abac_set_user(1::bigint)$$,
	$$SELECT abac_grant_super_admin('ann')$$,
	$$SELECT abac_grant_super_admin(gen_random_uuid())$$,
	$$SELECT abac_grant_super_admin(1::bigint)$$,
	$$SELECT abac_enable_triggers()$$,
	$$SELECT abac_export()$$,
	$$SELECT abac_import('{"abac": 1, "organizations": []}', true)$$,
	$$SELECT abac_bind('scopes', 'abac_roles')$$,
	$$SELECT abac_unbind('scopes', 'abac_roles')$$,
	$$SELECT abac_verify_binding('scopes', 'abac_roles')$$,
	$$SELECT abac_write_binding('scopes', 'abac_roles', NULL)$$,
	$$SELECT abac_delete_binding('scopes', 'abac_roles', true)$$,
	$$SELECT abac_compare_binding('scopes', 'abac_roles')$$,
	$$SELECT abac_forget_binding(gen_random_uuid(), true)$$,
	$$SELECT * FROM abac_rows('abac_roles', '{name}', 0, 1) AS r (name text)$$,
	$$SELECT abac_bound_role('editor', 'global', NULL, false)$$,
	$$SELECT abac_bound_permission('doc:read', false)$$,
	$$CREATE TRIGGER t AFTER INSERT ON abac_rules FOR EACH ROW EXECUTE FUNCTION abac_changed()$$]) sql;
SELECT is(pg_temp.as_plain(format(sql, c.oid::regclass)), '42501', format('refused: ' || sql, c.oid::regclass))
FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'abac',
	unnest('{SELECT count(*) FROM %s,INSERT INTO %s DEFAULT VALUES,UPDATE %s SET id = id,DELETE FROM %s,TRUNCATE %s,LOCK %s,
		ALTER TABLE %s DISABLE TRIGGER ALL,SELECT 1 FROM %s FOR UPDATE}'::text[]) sql
WHERE c.relkind = 'r'
ORDER BY c.relname, sql;
-- A trigger function by itself, on a table of one's own.
SELECT is(pg_temp.as_plain($$DO 'BEGIN CREATE TEMP TABLE mine (); CREATE TRIGGER t AFTER INSERT ON mine EXECUTE FUNCTION public.abac_changed(); END'$$), '42501',
	'refused: a trigger with abac_changed on one''s own table');

--
-- Settings
--

SELECT is(pg_temp.as_plain(sql), '42501', 'refused: ' || sql)
FROM unnest(ARRAY[
	$$SET abac.principal = 'root'$$,
	$$SET LOCAL abac.principal = 'root'$$,
	$$SET SESSION abac.principal = 'root'$$,
	$$SET abac.principal TO DEFAULT$$,
	$$SET abac.principal = ''$$,
	$$RESET abac.principal$$,
	$$SELECT set_config('abac.principal', 'root', false)$$,
	$$SELECT set_config('abac.principal', 'root', true)$$,
	$$SELECT set_config('ABAC.Principal', 'root', true)$$,
	$$UPDATE pg_settings SET setting = 'root' WHERE name = 'abac.principal'$$,
	$$ALTER ROLE abac_test_plain SET abac.principal = 'root'$$,
	$$CREATE FUNCTION pg_temp.f() RETURNS text SET abac.principal = 'root' RETURN public.abac_user()$$,
	$$SET abac.allow_system_changes = on$$,
	$$SET abac.attribute_validation = off$$,
	$$SET abac.timezone = 'Pacific/Kiritimati'$$]) sql;
SELECT is(pg_temp.answers(), 'ann t f f f', 'and the principal is who it was');
SELECT is(pg_temp.as_plain($$SET abac.cache_size = '1MB'$$), 'done', 'the size of one''s own cache is everybody''s');
SELECT is(pg_temp.answers(), 'ann t f f f', 'and changes nothing');

SELECT is(pg_temp.as_plain(sql) || ': ' || pg_temp.answers(), 'done: ann t f f f', 'changes nothing: ' || sql)
FROM unnest(ARRAY[
	$$SET TimeZone = 'Pacific/Kiritimati'$$, $$SET TimeZone = 'America/Adak'$$, $$SET DateStyle = 'German, DMY'$$,
	$$SET DateStyle = 'SQL, MDY'$$, $$SET IntervalStyle = 'iso_8601'$$, $$SET extra_float_digits = -15$$,
	$$SET standard_conforming_strings = off$$, $$SET array_nulls = off$$, $$SET enable_indexscan = off$$,
	$$SET lc_numeric = 'C'$$, $$SET work_mem = '64kB'$$,
	$$SET transform_null_equals = on$$, $$SET row_security = off$$, $$SET default_transaction_read_only = on$$]) sql;
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET standard_conforming_strings;
RESET array_nulls; RESET enable_indexscan; RESET lc_numeric; RESET work_mem; RESET transform_null_equals;
RESET row_security; RESET default_transaction_read_only;

-- Whoever may call abac_set_user may be anyone; others stay where they were.
SELECT is(pg_temp.as_role('abac_test_app', $$SELECT abac_set_user('bob')$$), '42501', 'abac_set_user isn''t for everybody');
GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean), abac_grant_super_admin(text) TO abac_test_app;
SELECT is(pg_temp.as_role('abac_test_app', $$SELECT abac_set_user('bob')$$), '', 'it is for whom it was granted to');
SELECT is(pg_temp.answers(), 'bob f f f f', 'and who asks is another one');
SELECT is(pg_temp.as_role('abac_test_app', $$SET abac.principal = 'ann'$$), '42501', 'the setting is a superuser''s all the same');
SELECT is(pg_temp.as_role('abac_test_app', $$SELECT abac_check('ann', 'read', 'page')$$), '42501', 'and one grant is not another');
SELECT lives_ok($$SELECT abac_set_user(NULL)$$, 'NULL is nobody');
SELECT is(pg_temp.answers(), 'f f f f', 'and nobody is denied everything');
SELECT lives_ok($$SELECT abac_set_user('ann')$$, 'ann again');

--
-- What others plant
--

-- A schema before all others, a temporary one too: tables, functions and
-- operators with the names that the extension uses.
CREATE SCHEMA abac_test_evil AUTHORIZATION abac_test_plain;
SET LOCAL ROLE abac_test_plain;
CREATE TABLE abac_test_evil.abac_user_permissions (user_id text, granted boolean);
CREATE TABLE abac_test_evil.abac_roles (id uuid DEFAULT gen_random_uuid(), name text, description text, scope text, is_super_admin boolean, is_system boolean);
CREATE TABLE abac_test_evil.abac_user_roles (user_id text, role_id uuid, context_type text, starts_at timestamptz, expires_at timestamptz);
CREATE TEMP TABLE abac_policies (id uuid, name text);
CREATE TEMP TABLE pg_class (oid oid, relname name);
CREATE TEMP TABLE pg_extension (oid oid, extname name, extnamespace oid);
CREATE FUNCTION abac_test_evil.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'evil'; END$$;
CREATE FUNCTION abac_test_evil.yes(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'evil'; END$$;
CREATE FUNCTION abac_test_evil.yes(numeric, numeric) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'evil'; END$$;
CREATE OPERATOR abac_test_evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = abac_test_evil.yes);
CREATE OPERATOR abac_test_evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = abac_test_evil.yes);
CREATE OPERATOR abac_test_evil.= (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = abac_test_evil.yes);
CREATE FUNCTION abac_test_evil.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '2000-01-01'::timestamptz$$;
CREATE FUNCTION abac_test_evil.abac_user() RETURNS text LANGUAGE sql AS $$SELECT 'root'$$;
CREATE TYPE abac_test_evil.uuid AS (id text);
CREATE DOMAIN abac_test_evil.jsonb AS text;
RESET ROLE;

-- What a statement gives under that path.
CREATE FUNCTION pg_temp.in_trap(sql text) RETURNS text LANGUAGE plpgsql
SET search_path = abac_test_evil, pg_temp, pg_catalog, public AS $$
DECLARE
	result text := 'done';
BEGIN
	IF sql LIKE 'SELECT%' THEN
		EXECUTE sql INTO result;
	ELSE
		EXECUTE sql;
	END IF;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;

SELECT is(pg_temp.in_trap(sql), expected, 'in the trap: ' || sql)
FROM (VALUES
	-- it is one: ordinary names fall into it
	($$SELECT 'a'::text = 'a'::text$$, 'P0001'),
	($$SELECT abac_user()$$, 'root'),
	($$SELECT now() < '2001-01-01'$$, 'true'),
	-- the extension doesn't
	($$SELECT public.abac_user()$$, 'ann'),
	($$SELECT pg_temp.answers()$$, 'ann t f f f'),
	($$SELECT public.abac_check('ann', 'read', 'page:1', '{"resource": {"day": "2040-12-31 11:59"}, "env": {"ip": "10.1.2.3"}}')$$, 'true'),
	($$SELECT public.abac_explain('ann', 'read', 'page:1') OPERATOR(pg_catalog.->>) 'reason'$$, 'no_match'),
	($$SELECT public.abac_grant_super_admin('eve')$$, ''),
	($$SELECT public.abac_check('eve', 'read', 'anything')$$, 'true'),
	($$SELECT count(*) FROM abac_test_evil.abac_user_roles$$, '0'),
	($$SELECT public.abac_enable_triggers()$$, ''),
	-- nor do its guards
	($$INSERT INTO public.abac_user_attributes (user_id, attributes) VALUES ('eve', '{"until": "2041-01-01"}')$$, 'done'),
	($$INSERT INTO public.abac_rules (name, conditions) VALUES ('bad', '{"attribute": "user.area", "operator": "resembles", "value": 1}')$$, '22023'),
	($$INSERT INTO public.abac_rule_group_members (group_id, child_group_id) SELECT id, gen_random_uuid() FROM public.abac_rule_groups$$, '23503'),
	($$UPDATE public.abac_roles SET name = 'mere mortal'$$, '42501'))
	v (sql, expected);

-- A registered table that its owner drops under such a path.
SET LOCAL ROLE abac_test_plain;
CREATE TABLE abac_test_evil.report (id int PRIMARY KEY);
RESET ROLE;
INSERT INTO abac_relations (relation, resource_type) VALUES ('abac_test_evil.report', 'report');
-- A bound one too, that its owner writes and drops there.
SELECT lives_ok($$SELECT abac_bind('memberships', 'abac_test_evil.report', '{"scope_type": {"value": "team"}, "scope_id": "id", "user_id": "id"}')$$, 'bound');
SELECT is(pg_temp.in_trap(sql), 'done', 'in the trap: ' || sql)
FROM unnest(ARRAY[
	$$INSERT INTO abac_test_evil.report VALUES (1), (2)$$,
	$$UPDATE abac_test_evil.report SET id = id OPERATOR(pg_catalog.+) 10$$,
	$$DELETE FROM abac_test_evil.report WHERE id OPERATOR(pg_catalog.=) 11$$]) sql;
SELECT is((SELECT string_agg(user_id, ' ') FROM abac_memberships), '12', 'and kept in step');
SET LOCAL ROLE abac_test_plain;
SET LOCAL search_path = abac_test_evil, pg_temp, pg_catalog, public;
DROP TABLE abac_test_evil.report;
RESET ROLE;
SET LOCAL search_path = public;
DROP TABLE pg_temp.pg_class, pg_temp.pg_extension;		-- pgTAP isn't as careful
SELECT is_empty('SELECT * FROM abac_relations', 'a dropped table''s registration goes with it, whoever drops it');
SELECT is_empty('SELECT id FROM abac_bindings UNION ALL SELECT id FROM abac_memberships', 'and so does its binding, with its rows');

--
-- The end of a session's use
--

SELECT is(abac_user(), 'ann', 'still ann');
SELECT is(pg_temp.as_plain('RESET ALL'), 'done', 'anybody may RESET ALL');
SELECT is(pg_temp.answers(), 'f f f f', 'after which it is nobody');

SELECT * FROM finish();
ROLLBACK;
