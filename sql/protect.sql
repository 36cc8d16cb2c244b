-- Registered and protected tables: abac_register, abac_unregister, abac_protect, abac_unprotect (DESIGN §7).
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_abac_owner;			-- owns the tables; nobody logs in as it
CREATE ROLE regress_abac_app LOGIN;		-- the application
CREATE ROLE regress_abac_dev LOGIN;		-- owns nothing
CREATE ROLE regress_abac_lead LOGIN;	-- has the privileges of an owner
CREATE ROLE regress_abac_team;
GRANT regress_abac_team TO regress_abac_lead;
CREATE SCHEMA regress_abac;
GRANT USAGE, CREATE ON SCHEMA regress_abac TO PUBLIC;
SET search_path = regress_abac, public;
RESET client_min_messages;

-- What an error or a NOTICE says besides, and with which SQLSTATE.
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, 'DETAIL ' || nullif(detail, ''), 'HINT ' || nullif(hint, ''));
END
$$;
-- What a table and all below it look like.
CREATE FUNCTION state(VARIADIC tables text[] DEFAULT '{}')
RETURNS TABLE (tab text, rls text, policies text, comment text, registered text) LANGUAGE sql
SET search_path = regress_abac, public AS $$
	SELECT c.relname::text, concat_ws(' ', CASE WHEN relrowsecurity THEN 'enabled' END, CASE WHEN relforcerowsecurity THEN 'forced' END),
		(SELECT string_agg(replace(polname, 'abac_', ''), ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid),
		(SELECT obj_description(oid, 'pg_policy') FROM pg_policy WHERE polrelid = c.oid AND polname = 'abac_select'),
		abac_registration(c.oid)
	FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'regress_abac'::regnamespace AND relname ~ ALL (tables)
	ORDER BY relname
$$;
\set as_app 'SET SESSION AUTHORIZATION regress_abac_app;'
\pset null -

-- Acme and Globex.  Ann edits in Acme, Bob reads in Globex, Eve is nobody's;
-- Acme has a secret that none but its auditors read.
INSERT INTO abac_permissions (resource_type, action)
	SELECT t, a FROM unnest('{document,memo}'::text[]) t, unnest('{read,create,update,delete}'::text[]) a;
INSERT INTO abac_permissions (resource_type, action) SELECT 'document', a FROM unnest('{view,add,change,remove}'::text[]) a;
INSERT INTO abac_roles (name) VALUES ('editor'), ('reader'), ('modern');
INSERT INTO abac_role_permissions (role_id, permission_id)
	SELECT r.id, p.id FROM abac_roles r, abac_permissions p
	WHERE CASE r.name WHEN 'editor' THEN action IN ('read', 'create', 'update', 'delete')
		  WHEN 'reader' THEN action = 'read' ELSE action IN ('view', 'add', 'change', 'remove') END;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
	SELECT u, id, 'organization', o FROM abac_roles
	JOIN (VALUES ('ann', 'editor', 'acme'), ('bob', 'reader', 'globex'), ('mia', 'modern', 'acme')) v (u, r, o) ON r = name;
INSERT INTO abac_rules (organization_id, name, resource_type, conditions)
	VALUES ('acme', 'secret', 'document', '{"attribute": "resource.secret", "operator": "eq", "value": true}');
INSERT INTO abac_rule_groups (organization_id, name) VALUES ('acme', 'secret');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policies (organization_id, name, effect) VALUES ('acme', 'secrets', 'deny');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'organization', 'acme' FROM abac_policies;
GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean) TO regress_abac_app;

--
-- Registration
--
SET ROLE regress_abac_owner;
CREATE TABLE document (id int PRIMARY KEY, org text, secret boolean NOT NULL DEFAULT false, body text, gone int);
ALTER TABLE document DROP COLUMN gone;
CREATE TABLE pair (a int, b int, project text, workspace text, PRIMARY KEY (a, b));
CREATE TABLE "a:b" (id int);
CREATE VIEW a_view AS SELECT * FROM document;
CREATE SEQUENCE a_sequence;
CREATE TYPE a_type AS (id int);
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM document;
CREATE TABLE parted (id int, org text, at int, secret boolean NOT NULL DEFAULT false, body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
RESET ROLE;

SELECT abac_register('document');
SELECT abac_register('document');
SELECT abac_register('document', organization_column => 'org', null_scope => 'platform', resource_type => 'document');
SELECT abac_register('document', organization_column => 'org', null_scope => 'platform');
SELECT abac_register('document', 'memo', 'org', null_scope => 'deny');
SELECT resource_type, id_column, organization_column, null_scope FROM abac_relations;
-- an id column can be a scope, as in a table of organizations
SELECT abac_register('document', 'memo', 'org', 'org');
SELECT abac_register('pair', project_column => 'project', workspace_column => 'workspace');
SELECT abac_register('a_matview', id_column => 'id');
SELECT abac_register('parted');
SELECT abac_unregister('parted'), abac_unregister('a_matview'), abac_unregister('pair'), abac_unregister('document'), abac_unregister('document');
SELECT count(*) FROM abac_relations;

\pset format unaligned
SELECT call, attempt('SELECT ' || call) FROM unnest(ARRAY[
	$$abac_register(NULL)$$,
	$$abac_register('no_such_table')$$,
	$$abac_register(4000000000::oid::regclass)$$,
	$$abac_register('a_view')$$,
	$$abac_register('a_sequence')$$,
	$$abac_register('a_type')$$,
	$$abac_register('document_pkey')$$,
	$$abac_register('parted_pkey')$$,
	$$abac_register('a:b')$$,
	$$abac_register('"a:b"')$$,
	$$abac_register('document', '')$$,
	$$abac_register('document', 'a:b')$$,
	$$abac_register('document', id_column => 'nope')$$,
	$$abac_register('document', organization_column => 'Org')$$,
	$$abac_register('document', project_column => 'ctid')$$,
	$$abac_register('document', workspace_column => 'gone')$$,
	$$abac_register('document', organization_column => '')$$,
	$$abac_register('document', organization_column => 'org', project_column => 'org')$$,
	$$abac_register('document', organization_column => 'org', workspace_column => 'org')$$,
	$$abac_register('document', project_column => 'org', workspace_column => 'org')$$,
	$$abac_register('document', null_scope => 'allow')$$,
	$$abac_register('document', null_scope => NULL)$$,
	$$abac_unregister(NULL)$$]) call;
\pset format aligned
SELECT attempt(format('SELECT abac_register(%L)', reltoastrelid::regclass)) LIKE '42809%It is a TOAST table.%' AS "a TOAST table"
	FROM pg_class WHERE oid = 'document'::regclass;
CREATE TEMP TABLE short_lived (id int);
SELECT regexp_replace(attempt($$SELECT abac_register('short_lived')$$), 'pg_temp_\d+', 'pg_temp');
DROP TABLE short_lived;
SELECT count(*) FROM abac_relations;

-- whose table it is
SET ROLE regress_abac_owner;
SELECT attempt($$SELECT abac_register('document')$$);
SELECT attempt($$SELECT abac_protect('document')$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION abac_register(regclass, text, name, name, name, name, text), abac_registration(regclass), abac_unregister(regclass),
	abac_protect(regclass, text, name, name, name, name, text, jsonb, boolean), abac_unprotect(regclass)
	TO regress_abac_owner, regress_abac_dev, regress_abac_lead;
GRANT regress_abac_dev TO regress_abac_owner;		-- which is not the other way round
GRANT ALL ON document TO regress_abac_dev;
SET SESSION AUTHORIZATION regress_abac_dev;
SELECT attempt(call) FROM unnest('{SELECT abac_register(''document''),SELECT abac_unregister(''document''),
	SELECT abac_protect(''document''),SELECT abac_unprotect(''document'')}'::text[]) call;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON document FROM regress_abac_dev;
-- who has the owner's privileges, and who took the role
ALTER TABLE "a:b" OWNER TO regress_abac_team;
SET SESSION AUTHORIZATION regress_abac_lead;
SELECT abac_register('"a:b"', 'ab');
SELECT abac_unregister('"a:b"');
RESET SESSION AUTHORIZATION;
SET ROLE regress_abac_owner;
SELECT abac_register('document');
SELECT abac_unregister('document');
RESET ROLE;
-- a superuser who took another role is that role
SET ROLE regress_abac_dev;
SELECT attempt($$SELECT abac_register('document')$$);
RESET ROLE;
REVOKE regress_abac_dev FROM regress_abac_owner;

--
-- A plain table
--
SET ROLE regress_abac_owner;
INSERT INTO document VALUES (1, 'acme', false, 'plan'), (2, 'acme', true, 'secret plan'), (3, 'globex', false, 'globe'), (4, NULL, false, 'lost');
GRANT ALL ON document TO regress_abac_app;
SELECT abac_protect('document', organization_column => 'org');
RESET ROLE;
SELECT * FROM state('document');
SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE tablename = 'document' ORDER BY policyname;
SELECT polname, obj_description(oid, 'pg_policy') FROM pg_policy WHERE polrelid = 'document'::regclass ORDER BY polname;

:as_app
SELECT * FROM document ORDER BY id;			-- nobody
SELECT abac_set_user('eve', false) \g /dev/null
SELECT * FROM document ORDER BY id;
SELECT abac_set_user('bob', false) \g /dev/null
SELECT * FROM document ORDER BY id;
UPDATE document SET body = 'mine';
UPDATE document SET body = 'mine' WHERE id = 3;
DELETE FROM document;
INSERT INTO document VALUES (10, 'globex');
INSERT INTO document VALUES (10, 'acme');
SELECT abac_set_user('ann', false) \g /dev/null
SELECT * FROM document ORDER BY id;
INSERT INTO document VALUES (10, 'acme', false, 'new') RETURNING *;
INSERT INTO document VALUES (11, 'globex');
INSERT INTO document VALUES (11, NULL);
INSERT INTO document VALUES (11, 'acme', true);
WITH changed AS (UPDATE document SET body = body || '!' RETURNING id, body) SELECT * FROM changed ORDER BY id;
-- a row can't be moved to another tenant, nor to where its author can't see it
UPDATE document SET org = 'globex' WHERE id = 10;
UPDATE document SET org = 'globex';
UPDATE document SET org = NULL WHERE id = 10;
UPDATE document SET secret = true WHERE id = 10;
UPDATE document SET org = 'acme' WHERE id = 3;
INSERT INTO document VALUES (10, 'acme', false, 'again') ON CONFLICT (id) DO UPDATE SET body = 'upserted' RETURNING id, body;
INSERT INTO document VALUES (3, 'acme', false, 'mine') ON CONFLICT (id) DO UPDATE SET body = 'taken';
INSERT INTO document VALUES (3, 'acme', false, 'mine') ON CONFLICT (id) DO NOTHING;
DELETE FROM document WHERE id IN (2, 3, 10) RETURNING id;
COPY (SELECT id FROM document) TO stdout;
COPY document (id) TO stdout;
RESET SESSION AUTHORIZATION;
SELECT * FROM document ORDER BY id;

-- read is asked for also where the statement reads nothing
DELETE FROM abac_role_permissions WHERE permission_id IN (SELECT id FROM abac_permissions WHERE name = 'document:read');
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
UPDATE document SET body = 'x';
DELETE FROM document;
INSERT INTO document VALUES (12, 'acme', false, 'unread');
INSERT INTO document VALUES (13, 'acme', false, 'unread') RETURNING id;
RESET SESSION AUTHORIZATION;
INSERT INTO abac_role_permissions (role_id, permission_id)
	SELECT r.id, p.id FROM abac_roles r, abac_permissions p WHERE r.name <> 'modern' AND p.name = 'document:read';
DELETE FROM document WHERE id = 12;

-- again: nothing changes; what is registered stays unless the call says how to register
SELECT abac_protect('document');
SELECT abac_registration('document');
-- other actions
SELECT abac_protect('document', actions => '{"read": "view", "create": "add", "update": "change", "delete": "remove"}');
SELECT policyname, qual, with_check FROM pg_policies WHERE tablename = 'document' ORDER BY policyname;
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT count(*) FROM document;
SELECT abac_set_user('mia', false) \g /dev/null
SELECT id, body FROM document ORDER BY id;
INSERT INTO document VALUES (20, 'acme', false, 'mia''s') RETURNING body;
UPDATE document SET body = 'modern' WHERE id = 20 RETURNING body;
DELETE FROM document WHERE id = 20 RETURNING body;
RESET SESSION AUTHORIZATION;
SELECT abac_protect('document', actions => '{"read": "it''s %I \\ odd"}');
SELECT qual FROM pg_policies WHERE tablename = 'document' AND policyname = 'abac_select';
-- another registration, and the facts of the first call
\set VERBOSITY terse
SELECT abac_protect('document', 'memo', organization_column => 'org', null_scope => 'platform');
SELECT * FROM state('document');
-- somebody turned the rest of it off
ALTER TABLE document DISABLE ROW LEVEL SECURITY;
ALTER POLICY abac_update ON document TO regress_abac_dev USING (true) WITH CHECK (true);
DROP POLICY abac_delete ON document;
SELECT abac_protect('document', 'document', organization_column => 'org');
SELECT * FROM state('document');
SELECT policyname, roles, qual, with_check FROM pg_policies WHERE tablename = 'document' ORDER BY policyname;

-- the registration stays while there are policies
SELECT attempt($$SELECT abac_unregister('document')$$);
\set VERBOSITY default
SELECT abac_unprotect('document');
SELECT abac_unprotect('document');
\set VERBOSITY terse
SELECT * FROM state('document');
:as_app
SELECT count(*) FROM document;
-- a row of a table that isn't registered
SELECT attempt($$SELECT abac_can('read', document.*) FROM regress_abac.document$$);
RESET SESSION AUTHORIZATION;

--
-- What was there before stays
--
SET ROLE regress_abac_owner;
ALTER TABLE document ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON document AS RESTRICTIVE FOR SELECT USING (id < 3);
SELECT abac_register('document', 'document', organization_column => 'org');
SELECT abac_protect('document', force => true);
SELECT * FROM state('document');
RESET ROLE;
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT id FROM document ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT abac_protect('document');
SELECT * FROM state('document');
SELECT abac_unprotect('document');
SELECT * FROM state('document');
DROP POLICY few ON document;
ALTER TABLE document NO FORCE ROW LEVEL SECURITY;
-- of comments that are lost
SELECT abac_protect('document');
ALTER TABLE document DISABLE ROW LEVEL SECURITY;
COMMENT ON POLICY abac_select ON document IS NULL;
SELECT attempt(format('SELECT %s(''document'')', f)) FROM unnest('{abac_protect,abac_unprotect}'::text[]) f;
COMMENT ON POLICY abac_select ON document IS 'made by abac_protect';
SELECT abac_protect('document');
SELECT abac_unprotect('document');
SELECT * FROM state('document');
-- without abac_select
ALTER TABLE document DISABLE ROW LEVEL SECURITY;
SELECT abac_protect('document');
DROP POLICY abac_select ON document;
SELECT abac_unprotect('document');
SELECT * FROM state('document');
ALTER TABLE document DISABLE ROW LEVEL SECURITY;
SELECT abac_unregister('document');

--
-- force
--
CREATE TABLE own (id int PRIMARY KEY, org text);
INSERT INTO own VALUES (1, 'acme'), (2, 'globex');
ALTER TABLE own OWNER TO regress_abac_team;
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_abac_lead;
SELECT abac_protect('own', 'memo', organization_column => 'org');
SELECT abac_protect('own', 'memo', organization_column => 'org', force => true);
\set VERBOSITY terse
SELECT count(*) FROM own;
RESET SESSION AUTHORIZATION;
SELECT * FROM state('own');
SELECT abac_set_user('ann', false) \g /dev/null
SET ROLE regress_abac_team;
SELECT * FROM own;
RESET ROLE;
-- without force it would be taken back, so that is refused too; unless nobody logs in as the owner any more
SELECT abac_protect('own');
REVOKE regress_abac_team FROM regress_abac_lead;
SELECT abac_protect('own', force => NULL);
SELECT * FROM state('own');
SELECT abac_protect('own', force => true);
SELECT abac_unprotect('own');
SELECT * FROM state('own');
-- forced by others: that will do, and stays
GRANT regress_abac_team TO regress_abac_lead;
ALTER TABLE own FORCE ROW LEVEL SECURITY;
SELECT abac_protect('own', 'memo', organization_column => 'org');
SELECT * FROM state('own');
SELECT abac_unprotect('own');
SELECT * FROM state('own');
DROP TABLE own;

--
-- Partitions of partitions
--
SET ROLE regress_abac_owner;
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (at);
CREATE TABLE parted_1_a PARTITION OF parted_1 FOR VALUES FROM (0) TO (50);
-- its columns stand in another order, and one was dropped
CREATE TABLE "Parted 1.b" (body text, gone int, secret boolean NOT NULL DEFAULT false, at int NOT NULL, org text, id int NOT NULL);
ALTER TABLE "Parted 1.b" DROP COLUMN gone;
ALTER TABLE parted_1 ATTACH PARTITION "Parted 1.b" FOR VALUES FROM (50) TO (100);
ALTER TABLE "Parted 1.b" ENABLE ROW LEVEL SECURITY;
INSERT INTO parted VALUES (1, 'acme', 1, false, 'a'), (2, 'acme', 60, false, 'b'), (3, 'globex', 2, false, 'c'), (4, 'globex', 70, false, 'd'), (5, 'acme', 3, true, 'e'), (6, 'acme', 80, true, 'f');
GRANT ALL ON parted, parted_1, parted_1_a, "Parted 1.b" TO regress_abac_app;
\set VERBOSITY default
SELECT abac_protect('parted', 'document', 'id', 'org');
\set VERBOSITY terse
RESET ROLE;
SELECT * FROM state('(?i)parted');
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT tableoid::regclass, * FROM parted ORDER BY id;
SELECT * FROM parted_1 ORDER BY id;
SELECT * FROM parted_1_a ORDER BY id;
SELECT * FROM "Parted 1.b" ORDER BY id;
INSERT INTO parted VALUES (7, 'acme', 8, false, 'g') RETURNING id;
INSERT INTO parted VALUES (8, 'globex', 8, false, 'h');
INSERT INTO "Parted 1.b" (id, org, at, body) VALUES (9, 'acme', 90, 'i') RETURNING id;
INSERT INTO "Parted 1.b" (id, org, at) VALUES (10, 'globex', 90);
INSERT INTO parted_1_a VALUES (10, 'acme', 9, true);
UPDATE parted SET at = 99 WHERE id = 7 RETURNING tableoid::regclass;
UPDATE "Parted 1.b" SET org = 'globex' WHERE id = 7;
WITH changed AS (UPDATE parted_1 SET body = 'z' RETURNING id) SELECT * FROM changed ORDER BY id;
WITH changed AS (DELETE FROM "Parted 1.b" RETURNING id) SELECT * FROM changed ORDER BY id;
WITH changed AS (DELETE FROM parted RETURNING id) SELECT * FROM changed ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT id FROM parted ORDER BY id;
-- a new partition is open until the next call
SET ROLE regress_abac_owner;
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
INSERT INTO parted VALUES (20, 'acme', 100, false, 'k'), (21, 'globex', 100, false, 'l');
GRANT ALL ON parted_2 TO regress_abac_app;
RESET ROLE;
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT (SELECT count(*) FROM parted) AS parent, (SELECT count(*) FROM parted_2) AS partition;
RESET SESSION AUTHORIZATION;
SET ROLE regress_abac_owner;
\set VERBOSITY default
SELECT abac_protect('parted');
\set VERBOSITY terse
RESET ROLE;
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT (SELECT count(*) FROM parted) AS parent, (SELECT count(*) FROM parted_2) AS partition;
RESET SESSION AUTHORIZATION;
-- a partition alone: unprotecting it would open a way around its parent
SELECT abac_protect('parted_2', 'memo');
SELECT attempt($$SELECT abac_unprotect('parted_2')$$);
-- detached, it hangs on nothing
SELECT abac_unregister('parted_2');
ALTER TABLE parted_1 DETACH PARTITION parted_1_a;
:as_app
SELECT attempt('SELECT count(*) FROM parted_1_a');
RESET SESSION AUTHORIZATION;
SELECT abac_unprotect('parted_1_a');
SELECT * FROM state('(?i)parted');
ALTER TABLE parted_1 ATTACH PARTITION parted_1_a FOR VALUES FROM (0) TO (50);
\set VERBOSITY default
SELECT abac_unprotect('parted');
\set VERBOSITY terse
SELECT * FROM state('(?i)parted');
SELECT count(*) FROM abac_relations;

--
-- Inheritance, also from two tables
--
SET ROLE regress_abac_owner;
CREATE TABLE memo (id int, org text);
CREATE TABLE child (extra text) INHERITS (memo);
CREATE TABLE grandchild () INHERITS (child);
CREATE TABLE other (note text);
CREATE TABLE both_of () INHERITS (memo, other);
INSERT INTO memo VALUES (1, 'acme'), (2, 'globex');
INSERT INTO child VALUES (3, 'acme', 'x'), (4, 'globex', 'y');
INSERT INTO grandchild VALUES (5, 'acme', 'x'), (6, 'globex', 'y');
INSERT INTO both_of VALUES (7, 'acme', 'n'), (8, 'globex', 'o');
GRANT ALL ON memo, child, grandchild, other, both_of TO regress_abac_app;
SELECT abac_protect('memo', id_column => 'id', organization_column => 'org');
SELECT abac_protect('other', 'memo');
RESET ROLE;
SELECT * FROM state('memo|child|other|both');
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT tableoid::regclass, * FROM memo ORDER BY id;
SELECT * FROM ONLY memo;
SELECT * FROM child ORDER BY id;
SELECT * FROM grandchild;
SELECT * FROM both_of;
-- the parent's policies, about the parent's rows, are all that is asked through it
SELECT * FROM other;
UPDATE grandchild SET org = 'globex';
UPDATE memo SET org = 'globex' WHERE id = 5;
WITH changed AS (UPDATE memo SET id = id + 10 RETURNING id) SELECT * FROM changed ORDER BY id;
RESET SESSION AUTHORIZATION;
-- of the one with two parents, the other still needs the policies
\set VERBOSITY default
SELECT abac_unprotect('memo');
\set VERBOSITY terse
SELECT * FROM state('memo|child|other|both');
SELECT abac_unprotect('other');
SELECT * FROM state('memo|child|other|both');
DROP TABLE memo, other CASCADE;

--
-- What is refused
--
CREATE FOREIGN DATA WRAPPER regress_abac_fdw;
CREATE SERVER regress_abac_server FOREIGN DATA WRAPPER regress_abac_fdw;
CREATE FOREIGN TABLE a_foreign_table (id int) SERVER regress_abac_server;
CREATE TABLE mixed (id int) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE mixed_1 PARTITION OF mixed FOR VALUES FROM (0) TO (10) SERVER regress_abac_server;
CREATE TABLE open (id int);
CREATE POLICY everything ON open USING (true);
CREATE POLICY "Nothing" ON open FOR DELETE TO regress_abac_dev USING (false);
CREATE POLICY narrow ON open AS RESTRICTIVE USING (true);
CREATE TABLE named (id int);
CREATE POLICY abac_select ON named AS RESTRICTIVE USING (true);
CREATE POLICY abac_delete ON named FOR SELECT USING (true);
COMMENT ON POLICY abac_delete ON named IS 'made by abac_protect';
CREATE TABLE above (id int);
CREATE TABLE beneath () INHERITS (above);
CREATE POLICY everything ON beneath USING (true);
CREATE TABLE peopled (id int);
ALTER TABLE peopled OWNER TO regress_abac_lead;
\pset format unaligned
SELECT call, attempt('SELECT ' || call) FROM unnest(ARRAY[
	$$abac_protect(NULL)$$,
	$$abac_protect(4000000000::oid::regclass)$$,
	$$abac_protect('a_view')$$,
	$$abac_protect('a_matview')$$,
	$$abac_protect('a_foreign_table')$$,
	$$abac_protect('a_sequence')$$,
	$$abac_protect('document_pkey')$$,
	$$abac_protect('pg_class')$$,
	$$abac_protect('information_schema.sql_parts')$$,
	$$abac_protect('abac_rules')$$,
	$$abac_protect('mixed')$$,
	$$abac_protect('open')$$,
	$$abac_protect('named')$$,
	$$abac_protect('above')$$,
	$$abac_protect('peopled')$$,
	$$abac_protect('"a:b"')$$,
	$$abac_protect('document', organization_column => 'nope')$$,
	$$abac_protect('document', null_scope => 'maybe')$$,
	$$abac_protect('document', actions => '[]')$$,
	$$abac_protect('document', actions => 'null')$$,
	$$abac_protect('document', actions => '{"write": "x"}')$$,
	$$abac_protect('document', actions => '{"read": ""}')$$,
	$$abac_protect('document', actions => '{"update": null}')$$,
	$$abac_protect('document', actions => '{"delete": 1}')$$,
	$$abac_unprotect(NULL)$$,
	$$abac_unprotect('a_view')$$,
	$$abac_unprotect('document')$$,
	$$abac_unprotect('named')$$]) call;
\pset format aligned
-- and has left nothing behind
SELECT count(*) FROM abac_relations;
SELECT * FROM state() WHERE rls <> '' OR comment IS NOT NULL;
SHOW client_min_messages;

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT attempt(format('SELECT %s(''document'')', f)) FROM unnest('{abac_protect,abac_unprotect}'::text[]) f;
ROLLBACK;

-- names that need quotes, and a column named like its table
CREATE TABLE "The 'Table' %s" (id int PRIMARY KEY, "The 'Table' %s" text, "Org" text);
INSERT INTO "The 'Table' %s" VALUES (1, 'x', 'acme'), (2, 'y', 'globex');
GRANT SELECT ON "The 'Table' %s" TO regress_abac_app;
SELECT abac_protect('"The ''Table'' %s"', 'memo', organization_column => 'Org');
:as_app
SELECT abac_set_user('ann', false) \g /dev/null
SELECT * FROM "The 'Table' %s";
RESET SESSION AUTHORIZATION;
SELECT abac_unprotect('"The ''Table'' %s"');

-- somebody else's functions of the same names, which would fit better
CREATE TABLE lured (id int PRIMARY KEY, org text);
INSERT INTO lured VALUES (1, 'acme');
SELECT abac_protect('lured');
CREATE FUNCTION public.abac_can(text, lured, jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.abac_check(text, text, lured, jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.abac_unregister(oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lured'; END $$;
SELECT abac_protect('lured', 'memo');
SELECT * FROM abac_verify_filter('nobody', 'read', 'lured');
SELECT abac_unprotect('lured');
DROP FUNCTION public.abac_can(text, lured, jsonb), public.abac_check(text, text, lured, jsonb), public.abac_unregister(oid);

-- code of one user that a superuser runs unknowingly: it is the user who runs the code that must own the table
SELECT abac_register('lured', 'memo', organization_column => 'org');
GRANT EXECUTE ON FUNCTION abac_register(regclass, text, name, name, name, name, text), abac_unregister(regclass) TO regress_abac_dev;
SET SESSION AUTHORIZATION regress_abac_dev;
CREATE FUNCTION steal(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM public.abac_register('regress_abac.lured');
	RETURN $1;
EXCEPTION WHEN insufficient_privilege THEN
	RETURN $1;
END
$$;
CREATE TABLE trap (i int);
INSERT INTO trap SELECT generate_series(1, 10);
CREATE INDEX ON trap (steal(i));
RESET SESSION AUTHORIZATION;
ANALYZE trap;
SELECT abac_registration('lured');
-- and a function of the owner's may do it for others
CREATE FUNCTION lend() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$ SELECT public.abac_unregister('regress_abac.lured') $$;
SET SESSION AUTHORIZATION regress_abac_dev;
SELECT abac_unregister('lured');
SELECT lend();
RESET SESSION AUTHORIZATION;

-- a protected table that is dropped
SELECT abac_protect('document', organization_column => 'org');
DROP TABLE document CASCADE;
SELECT count(*) FROM abac_relations;

RESET abac.principal;
SET client_min_messages = warning;
DROP SCHEMA regress_abac CASCADE;
RESET search_path;
DROP FOREIGN DATA WRAPPER regress_abac_fdw CASCADE;
REVOKE ALL ON FUNCTION abac_register(regclass, text, name, name, name, name, text), abac_registration(regclass), abac_unregister(regclass),
	abac_protect(regclass, text, name, name, name, name, text, jsonb, boolean), abac_unprotect(regclass),
	abac_set_user(text, boolean)
	FROM regress_abac_owner, regress_abac_dev, regress_abac_lead, regress_abac_app;
DROP ROLE regress_abac_owner, regress_abac_app, regress_abac_dev, regress_abac_lead, regress_abac_team;
TRUNCATE abac_rules, abac_rule_groups, abac_rule_group_members, abac_policies, abac_policy_rule_groups, abac_policy_assignments,
	abac_permissions, abac_role_permissions, abac_user_permissions, abac_conditions, abac_roles, abac_user_roles, abac_relations;
