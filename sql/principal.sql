-- The session's principal: abac_user, abac_set_user, abac_can; and who may do what (DESIGN §6).
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT u, id, true FROM abac_permissions,
	unnest('{ann,7,00000000-0000-4000-8000-00000000000a}'::text[]) AS u;
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{}');

-- nobody: everything is denied
SELECT abac_user() IS NULL AS nobody, abac_can('read', 'doc');

-- for the session
SELECT abac_set_user('ann', false) \g /dev/null
SELECT abac_user(), abac_can('read', 'doc'), abac_can('write', 'doc'), abac_can('read', 'doc:1', '{}'),
	abac_can(action => 'read', resource => 'doc'), abac_can('read', 'doc', NULL), abac_can(NULL, 'doc'), abac_can('read', '');
SELECT abac_set_user('bob', local => false) \g /dev/null
SELECT abac_user(), abac_can('read', 'doc');
-- of the other types
SELECT abac_set_user(7, false) \g /dev/null
SELECT abac_user(), abac_can('read', 'doc');
SELECT abac_set_user('00000000-0000-4000-8000-00000000000A'::uuid, false) \g /dev/null
SELECT abac_user(), abac_can('read', 'doc');
-- NULL, empty, or RESET: nobody
SELECT abac_set_user(NULL, false) \g /dev/null
SELECT abac_user() IS NULL AS nobody, abac_can('read', 'doc');
SELECT abac_set_user('ann', false) \g /dev/null
SELECT abac_set_user(NULL::bigint, false) \g /dev/null
SELECT abac_user() IS NULL AS nobody;
SELECT abac_set_user('ann', false) \g /dev/null
SELECT abac_set_user(NULL::uuid, false) \g /dev/null
SELECT abac_user() IS NULL AS nobody;
SELECT abac_set_user('ann', false) \g /dev/null
SELECT abac_set_user('', false) \g /dev/null
SELECT abac_user() IS NULL AS nobody, abac_can('read', 'doc');
SELECT abac_set_user('ann', false) \g /dev/null
RESET abac.principal;
SELECT abac_user() IS NULL AS nobody;
-- whatever the name
SELECT abac_set_user(E'o''neill "x" \\ é', false) \g /dev/null
SELECT abac_user();
RESET abac.principal;

-- for the transaction, which is the default
BEGIN;
SELECT abac_set_user('ann') \g /dev/null
SELECT abac_user(), abac_can('read', 'doc');
SAVEPOINT s;
SELECT abac_set_user('bob', true) \g /dev/null
SELECT abac_user(), abac_can('read', 'doc');
ROLLBACK TO s;
SELECT abac_user(), abac_can('read', 'doc');
COMMIT;
SELECT abac_user() IS NULL AS "nobody after COMMIT";
BEGIN;
SELECT abac_set_user('ann') \g /dev/null
ROLLBACK;
SELECT abac_user() IS NULL AS "nobody after ROLLBACK";
-- the session's is taken back by ROLLBACK, and covered by the transaction's
SELECT abac_set_user('ann', false) \g /dev/null
BEGIN;
SELECT abac_set_user('bob', false) \g /dev/null
ROLLBACK;
SELECT abac_user() AS "after ROLLBACK";
BEGIN;
SELECT abac_set_user('bob') \g /dev/null
SELECT abac_user() AS "in the transaction";
COMMIT;
SELECT abac_user() AS "after COMMIT";
BEGIN;
SELECT abac_set_user(NULL) \g /dev/null
SELECT abac_user() IS NULL AS "nobody in the transaction";
COMMIT;
SELECT abac_user() AS "after COMMIT";
RESET abac.principal;
-- outside of a transaction block that is of no use: a warning
SELECT abac_set_user('ann');
SELECT abac_user() IS NULL AS nobody;
SELECT abac_set_user(7, true);
SELECT abac_set_user('ann', NULL);
SELECT abac_user() IS NULL AS nobody;
-- inside of one statement it holds
SELECT u FROM abac_set_user('ann', false) AS s, LATERAL abac_user() AS u;
DISCARD ALL;
SELECT abac_user() IS NULL AS "nobody after DISCARD ALL";
SET abac.attribute_validation = off;

--
-- Who may do what
--
CREATE ROLE regress_abac_app;
CREATE ROLE regress_abac_login;
CREATE SCHEMA regress_abac;
GRANT USAGE ON SCHEMA regress_abac TO regress_abac_app;
CREATE FUNCTION regress_abac.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF statement LIKE 'SELECT%' THEN
		EXECUTE statement INTO result;
		RETURN coalesce(result, 'NULL');
	END IF;
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN others THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- everything in the extension that anyone may call, and every table that anyone may read: these and no more
SELECT p.oid::regprocedure AS "granted to PUBLIC" FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'abac'
WHERE EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f',
	p.proowner))) AS a WHERE a.grantee = 0) ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT count(*) AS tables,
	count(*) FILTER (WHERE has_table_privilege('regress_abac_app', c.oid,
	'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege('regress_abac_app', c.oid,
	'SELECT, INSERT, UPDATE, REFERENCES')) AS "open to anyone"
FROM pg_class AS c JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'abac' WHERE c.relkind = 'r';

-- an ordinary role: may ask about itself, and nothing else
SELECT abac_set_user('ann', false) \g /dev/null
SET ROLE regress_abac_app;
SELECT abac_user(), abac_can('read', 'doc'), abac_can('write', 'doc');
SELECT statement, regress_abac.attempt(statement) FROM unnest(ARRAY[
	$$SELECT abac_check('ann', 'read', 'doc')$$, $$SELECT abac_check(7, 'read', 'doc')$$,
	$$SELECT abac_check('00000000-0000-4000-8000-00000000000a'::uuid, 'read', 'doc')$$,
	$$SELECT abac_require('ann', 'read', 'doc')$$, $$SELECT abac_explain('ann', 'read', 'doc')$$,
	$$SELECT abac_explain_text('ann', 'read', 'doc')$$, $$SELECT abac_set_user('bob')$$, $$SELECT abac_set_user(7, false)$$,
	$$SELECT abac_grant_super_admin('ann')$$, $$SET abac.principal = 'bob'$$, $$SELECT set_config('abac.principal', 'bob', true)$$,
	$$SET abac.timezone = 'Asia/Tokyo'$$, $$SET abac.attribute_validation = off$$, $$SET abac.allow_system_changes = on$$,
	$$SET abac.cache_size = '2MB'$$, $$SET abac.nonsense = 1$$, $$SELECT count(*) FROM abac_rules$$,
	$$SELECT count(*) FROM abac_user_attributes$$, $$SELECT attributes FROM abac_user_attributes$$,
	$$INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'o', 'ann')$$,
	$$UPDATE abac_roles SET is_super_admin = true$$, $$DELETE FROM abac_policies$$, $$TRUNCATE abac_rules$$,
	$$SELECT abac_enable_triggers()$$, $$SELECT abac_bson_to_jsonb('\x0500000000')$$,
	$$SELECT abac_condition_hash('true') IS NOT NULL$$]) AS statement;
RESET abac.cache_size;
-- not even one's own principal can be taken off by name
RESET abac.principal;
SELECT abac_user() AS "still";
-- RESET ALL can: then one is nobody
RESET ALL;
SELECT abac_user() IS NULL AS nobody, abac_can('read', 'doc');
RESET ROLE;
SELECT regress_abac.attempt('SET abac.principal = ''bob'''), abac_user();
RESET abac.principal;

-- what is granted by name
GRANT regress_abac_app TO regress_abac_login;
GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean), abac_check(text, text, text, jsonb) TO regress_abac_login;
SET ROLE regress_abac_login;
SELECT abac_set_user('ann', false) \g /dev/null
SELECT abac_user(), abac_can('read', 'doc'), abac_check('ann', 'read', 'doc'), abac_check('bob', 'read', 'doc');
SELECT regress_abac.attempt($$SELECT abac_explain('ann', 'read', 'doc')$$), regress_abac.attempt($$SELECT abac_set_user(7, false)$$),
	regress_abac.attempt($$SELECT count(*) FROM abac_roles$$);
RESET ROLE;
RESET abac.principal;

-- a hostile search_path, objects planted in front of the real ones: nothing changes
SELECT abac_set_user('ann', false) \g /dev/null
CREATE SCHEMA regress_abac_planted;
GRANT USAGE ON SCHEMA regress_abac_planted TO regress_abac_app;
CREATE TABLE regress_abac_planted.abac_user_permissions AS SELECT * FROM abac_user_permissions WHERE false;
CREATE TABLE regress_abac_planted.abac_roles AS SELECT * FROM abac_roles;
CREATE FUNCTION regress_abac_planted.nope(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR regress_abac_planted.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_abac_planted.nope);
SELECT nspname AS abac FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'abac' \gset
SET ROLE regress_abac_app;
SET search_path = regress_abac_planted, pg_temp, pg_catalog;
SELECT :"abac".abac_can('read', 'doc'), :"abac".abac_can('write', 'doc'), :"abac".abac_user();
SET search_path = '';
SELECT :"abac".abac_can('read', 'doc'), :"abac".abac_can('write', 'doc'), :"abac".abac_user();
RESET search_path;
RESET ROLE;
SET search_path = regress_abac_planted, pg_catalog;
SELECT :"abac".abac_grant_super_admin('eve') \g /dev/null
RESET search_path;
SELECT abac_check('eve', 'any', 'thing'), (SELECT count(*) FROM regress_abac_planted.abac_roles) AS planted;
RESET abac.principal;

--
-- abac_grant_super_admin: makes the role, once, and assigns it, once
--
SELECT abac_grant_super_admin('fay'), abac_grant_super_admin('eve'), abac_grant_super_admin(8),
	abac_grant_super_admin('00000000-0000-4000-8000-00000000000A'::uuid) \g /dev/null
SELECT name, scope, is_super_admin, is_system,
	(SELECT array_agg(user_id || ' ' || context_type ORDER BY user_id COLLATE "C") FROM abac_user_roles WHERE role_id = r.id) AS users FROM abac_roles AS r;
\set SHOW_CONTEXT never
SELECT abac_grant_super_admin(NULL);
\echo :SQLSTATE
SELECT abac_grant_super_admin('');
SELECT abac_grant_super_admin(NULL::bigint);
-- an existing super-admin role is used, whatever its name
BEGIN;
SET LOCAL abac.allow_system_changes = on;
DELETE FROM abac_user_roles;
UPDATE abac_roles SET name = 'owner';
SELECT abac_grant_super_admin('gus') \g /dev/null
SELECT name, (SELECT count(*) FROM abac_user_roles WHERE role_id = r.id) AS users FROM abac_roles AS r;
ROLLBACK;

-- a setting that was made before the library was there to forbid it is worth nothing
\c -
SET ROLE regress_abac_app;
SET abac.principal = 'ann';
SET abac.allow_system_changes = on;
SELECT abac_can('read', 'doc');
SELECT abac_user() IS NULL AS nobody;
SHOW abac.allow_system_changes;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA regress_abac_planted CASCADE;
DROP SCHEMA regress_abac CASCADE;
REVOKE ALL ON FUNCTION abac_set_user(text, boolean), abac_check(text, text, text, jsonb) FROM regress_abac_login;
DROP ROLE regress_abac_app, regress_abac_login;
SET abac.allow_system_changes = on;
TRUNCATE abac_permissions, abac_role_permissions, abac_user_permissions, abac_conditions, abac_user_attributes, abac_roles, abac_user_roles;
RESET abac.allow_system_changes;
