-- Installing runs as a superuser, maybe in a schema where others can create
-- functions: none of theirs may be called, then or later.  And where the
-- extension is, and what the caller's search_path is, changes no answer.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION abac;
CREATE SCHEMA "planted place";
SET search_path = "planted place";
CREATE FUNCTION oops() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'a planted function was called'; END$$;
CREATE FUNCTION format(text, text) RETURNS text LANGUAGE sql AS 'SELECT oops()';
CREATE FUNCTION cardinality(text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT oops()::integer';
CREATE FUNCTION array_ndims(text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT oops()::integer';
CREATE FUNCTION array_position(text[], text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT oops()::integer';
CREATE FUNCTION num_nonnulls(uuid, uuid) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT oops()::integer';
CREATE FUNCTION strpos(text, varchar) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT oops()::integer';
CREATE FUNCTION abac_eq(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT oops() IS NULL';
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = abac_eq);
CREATE OPERATOR <> (LEFTARG = text, RIGHTARG = text, FUNCTION = abac_eq);
CREATE EXTENSION abac SCHEMA "planted place";
RESET search_path;

-- nothing of the extension depends on a function that is neither the server's nor its own
SELECT d.classid::regclass, count(*)
FROM pg_depend d
	JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
WHERE d.classid IN ('pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass, 'pg_class'::regclass)
	AND p.pronamespace <> 'pg_catalog'::regnamespace
	AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
GROUP BY 1;

-- it works there, also for those whose search_path doesn't lead there, or leads there first
SET search_path = "planted place";
INSERT INTO abac_rules (name, resource_type, target_actions, conditions)
VALUES ('r', 'doc', '{read}', '{"attribute": "user.id", "operator": "eq", "value": "ann"}');
INSERT INTO abac_rule_groups (name) VALUES ('g'), ('h');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'ann' FROM abac_policies;
SELECT abac_check('ann', 'read', 'doc:1'), abac_check('bob', 'read', 'doc:1');
RESET search_path;
SELECT "planted place".abac_check('ann', 'read', 'doc:1');
SELECT "planted place".abac_grant_super_admin('root');
SELECT "planted place".abac_check('root', 'read', 'doc:1');
SELECT "planted place".abac_enable_triggers();

-- gone with the extension, and back in another schema, in one session
DROP EXTENSION abac;
CREATE EXTENSION abac;
SELECT abac_check('ann', 'read', 'doc:1');
BEGIN;
SELECT abac_grant_super_admin('root');
SELECT abac_check('root', 'read', 'doc:1');
ROLLBACK;
SELECT abac_check('root', 'read', 'doc:1');
DROP SCHEMA "planted place" CASCADE;

-- a user's change of facts keeps the compiled policies
INSERT INTO abac_roles (name, scope) VALUES ('r', 'global');
SELECT abac_check('ann', 'read', 'doc:1');
SELECT used_bytes AS before FROM pg_backend_memory_contexts WHERE name = 'abac cache' AND ident = 'policies' \gset
INSERT INTO abac_rules (name) SELECT 'r' || i FROM generate_series(1, 20) i;
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'ann' FROM abac_policies;
SELECT abac_check('ann', 'read', 'doc:1');
SELECT used_bytes AS compiled FROM pg_backend_memory_contexts WHERE name = 'abac cache' AND ident = 'policies' \gset
SELECT :compiled > :before AS "something was compiled";
INSERT INTO abac_memberships (user_id, scope_type, scope_id) VALUES ('ann', 'organization', 'o');
SELECT abac_check('bob', 'read', 'doc:1');
SELECT used_bytes = :compiled AS "and is still there" FROM pg_backend_memory_contexts WHERE name = 'abac cache' AND ident = 'policies';
UPDATE abac_rules SET priority = 1 WHERE name = 'r1';
SELECT abac_check('bob', 'read', 'doc:1');
SELECT used_bytes < :compiled AS "not after a rule changes" FROM pg_backend_memory_contexts WHERE name = 'abac cache' AND ident = 'policies';

DROP EXTENSION abac;
CREATE EXTENSION abac;
