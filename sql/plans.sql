-- Plans are never stale: a cached plan, a function or a cursor that was made for one user or one policy set shows nothing to
-- another (DESIGN §7).  "Needs" says which mechanism a part fails without.
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE ROLE regress_abac_may;			-- may execute abac_check
CREATE ROLE regress_abac_may_not;
CREATE SCHEMA regress_abac;
GRANT USAGE, CREATE ON SCHEMA regress_abac TO PUBLIC;
SET search_path = regress_abac, public;
SET abac.attribute_validation = off;
SET plan_cache_mode = force_generic_plan;

-- Ann and Bob have the same role and see what they own; Eve, by another one, the development department; Root everything.
CREATE FUNCTION policy(name text, conditions jsonb, target_type text, target_id text, effect text DEFAULT 'allow') RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_rules (name, resource_type, conditions) VALUES ($1, split_part($1, ' ', 1), $2);
	INSERT INTO abac_rule_groups (name) VALUES ($1);
	INSERT INTO abac_rule_group_members (group_id, rule_id)
		SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r WHERE g.name = $1 AND r.name = $1;
	INSERT INTO abac_policies (name, effect) VALUES ($1, $5);
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
		SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g WHERE p.name = $1 AND g.name = $1;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
		SELECT id, $3, coalesce((SELECT r.id::text FROM abac_roles r WHERE $3 = 'role' AND r.name = $4), $4) FROM abac_policies p WHERE p.name = $1;
$$;
CREATE TYPE phase AS ENUM ('draft', 'final');
CREATE TABLE docs (id int PRIMARY KEY, owner text, dept text, phase phase DEFAULT 'draft', made timestamptz, body text);
INSERT INTO docs SELECT i, ('{ann,bob,carl}'::text[])[1 + i % 3], CASE i % 2 WHEN 1 THEN 'dev' ELSE 'sales' END, 'draft', '2025-12-31 20:00+00', 'body ' || i
	FROM generate_series(1, 12) i;
CREATE INDEX ON docs (owner);
CREATE INDEX ON docs (dept);
SELECT abac_register('docs');
INSERT INTO abac_roles (name, scope) VALUES ('staff', 'global'), ('developer', 'global');
INSERT INTO abac_user_roles (user_id, role_id) SELECT u, id FROM abac_roles JOIN (VALUES ('ann', 'staff'), ('bob', 'staff'), ('eve', 'developer')) v (u, r) ON r = name;
SELECT policy('docs of mine', '{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"}', 'role', 'staff');
SELECT policy('docs of dev', '{"attribute": "resource.dept", "operator": "eq", "value": "dev"}', 'role', 'developer');
SELECT abac_grant_super_admin('root');
ANALYZE docs;
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;
\pset tuples_only on
\pset format unaligned
\pset null -

--
-- The session's user changes.  Needs the made-up invalidation item of the principal, in both ways to plan.
--
PREPARE mine AS SELECT abac_user(), count(*), sum(id) FROM docs WHERE abac_can('read', docs.*);
CREATE TABLE script (line serial, statement text);
INSERT INTO script (statement) VALUES
	('EXECUTE mine'),		-- nobody
	('SELECT FROM abac_set_user(''ann'', false)'), ('EXECUTE mine'),
	('SELECT FROM abac_set_user(''eve'', false)'), ('EXECUTE mine'),
	('SELECT FROM abac_set_user(''bob'', false)'), ('EXECUTE mine'),
	('SELECT FROM abac_set_user(''root'', false)'), ('EXECUTE mine'),
	('SELECT FROM abac_set_user(NULL, false)'), ('EXECUTE mine'),
	('SELECT FROM abac_set_user(''bob'', false)'), ('EXECUTE mine'),
	-- undone
	('BEGIN'), ('SELECT FROM abac_set_user(''root'')'), ('EXECUTE mine'), ('COMMIT'), ('EXECUTE mine'),
	('BEGIN'), ('SELECT FROM abac_set_user(''eve'', false)'), ('EXECUTE mine'), ('ROLLBACK'), ('EXECUTE mine'),
	('BEGIN'), ('EXECUTE mine'), ('SAVEPOINT a'), ('SELECT FROM abac_set_user(''root'')'), ('EXECUTE mine'), ('ROLLBACK TO a'), ('EXECUTE mine'),
	('SELECT FROM abac_set_user(''eve'')'), ('EXECUTE mine'), ('RELEASE a'), ('EXECUTE mine'), ('ROLLBACK'), ('EXECUTE mine'),
	('BEGIN'), ('SELECT FROM abac_set_user(''root'')'), ('EXECUTE mine'), ('SELECT 1/0'), ('ROLLBACK'), ('EXECUTE mine'),
	-- a superuser's ways
	('SET abac.principal = ''eve'''), ('EXECUTE mine'), ('RESET abac.principal'), ('EXECUTE mine'),
	('BEGIN'), ('SET LOCAL abac.principal = ''root'''), ('EXECUTE mine'), ('COMMIT'), ('EXECUTE mine'),
	('SET abac.principal = ''ann'''), ('EXECUTE mine'), ('RESET ALL'), ('SET search_path = regress_abac, public'), ('EXECUTE mine');
SELECT statement FROM script ORDER BY line \gexec
SET client_min_messages = error;
SET plan_cache_mode = auto;
-- enough executions to make PostgreSQL prefer the generic plan
SELECT FROM abac_set_user('root', false);
SELECT 'EXECUTE mine' FROM generate_series(1, 8) \gexec
SELECT FROM abac_set_user(NULL, false);
SELECT statement FROM script ORDER BY line \gexec
SELECT generic_plans > 0 FROM pg_prepared_statements WHERE name = 'mine';
SET client_min_messages = error;
SET abac.attribute_validation = off;
SET plan_cache_mode = force_generic_plan;

-- a setting that belongs to a function
CREATE FUNCTION as_root() RETURNS bigint LANGUAGE plpgsql SET abac.principal = 'root' AS $$ BEGIN RETURN (SELECT sum(id) FROM docs WHERE abac_can('read', docs.*)); END $$;
SELECT FROM abac_set_user('ann', false);
EXECUTE mine;
SELECT as_root();
EXECUTE mine;

-- the context.  Needs the same.
SELECT policy('docs at home', '{"attribute": "context.place", "operator": "eq", "value": "home"}', 'user', 'ann');
EXECUTE mine;
SELECT FROM abac_set_context('{"context": {"place": "home"}}', false);
EXECUTE mine;
SELECT FROM abac_set_context('{"context": {"place": "office"}}', false);
EXECUTE mine;
SET abac.context = '{"context": {"place": "home"}}';
EXECUTE mine;
RESET abac.context;
EXECUTE mine;
BEGIN; SELECT FROM abac_set_context('{"context": {"place": "home"}}'); EXECUTE mine; COMMIT;
EXECUTE mine;
BEGIN; SAVEPOINT a; SELECT FROM abac_set_context('{"context": {"place": "home"}}', false); EXECUTE mine; ROLLBACK TO a; EXECUTE mine; ROLLBACK;
SELECT FROM abac_set_user(NULL, false);
SELECT FROM abac_set_context('{"context": {"place": "home"}}', false);
SELECT FROM abac_set_user('ann', false);
EXECUTE mine;
RESET abac.context;
EXECUTE mine;
DELETE FROM abac_policies WHERE name = 'docs at home';

--
-- Users of the same roles share a plan.  Needs the values of the user at run time, and the principals that are admitted: were the
-- plan made anew, it would be another one by now.
--
SELECT FROM abac_set_user('eve', false);		-- forgets shapes of before
EXECUTE mine;
SELECT FROM abac_set_user('ann', false);
SET enable_bitmapscan = off;
SET enable_indexscan = off;
EXECUTE mine;
SELECT plan('EXECUTE mine');
RESET enable_indexscan;
SET enable_seqscan = off;
SELECT FROM abac_set_user('bob', false);
EXECUTE mine;
SELECT plan('EXECUTE mine');
SELECT FROM abac_set_user('ann', false);
EXECUTE mine;
SELECT plan('EXECUTE mine');
-- nobody needs no other plan
SELECT FROM abac_set_user(NULL, false);
EXECUTE mine;
SELECT plan('EXECUTE mine');
SELECT FROM abac_set_user('eve', false);
EXECUTE mine;
SELECT plan('EXECUTE mine');
RESET enable_seqscan;
RESET enable_bitmapscan;
-- more plans than shapes are remembered
SELECT FROM abac_set_user('ann', false);
SELECT format('PREPARE many_%s AS SELECT abac_user(), count(*) FROM docs WHERE abac_can(%L, docs.*)', i, 'action ' || i) FROM generate_series(1, 20) i \gexec
SELECT format('EXECUTE many_%s', i) FROM generate_series(1, 20) i \gexec
SELECT FROM abac_set_user('bob', false);
EXECUTE many_1; EXECUTE many_20;
SELECT FROM abac_set_user('eve', false);
EXECUTE many_1; EXECUTE many_20;

--
-- Policies and facts change: one question hangs on each kind of change.  Needs the dependency on each of the extension's tables, or
-- else it is error 40001.
--
CREATE TABLE probes (n serial, name text, scopes text, ctx text DEFAULT '{}', change text);
INSERT INTO probes (name, scopes, ctx, change) VALUES
	('rules', '', '{}', $$UPDATE abac_rules SET conditions = '{"attribute": "resource.a", "operator": "eq", "value": "y"}' WHERE name = 'rules'$$),
	('inactive', '', '{}', $$UPDATE abac_rules SET is_active = false WHERE name = 'inactive'$$),
	('groups', '', '{}', $$UPDATE abac_rule_groups SET combine_logic = 'not' WHERE name = 'groups'$$),
	('members', '', '{}', $$DELETE FROM abac_rule_group_members m USING abac_rule_groups g WHERE g.id = m.group_id AND g.name = 'members'$$),
	('effect', '', '{}', $$UPDATE abac_policies SET effect = 'deny' WHERE name = 'effect'$$),
	('priority', '', '{}', $$UPDATE abac_policies SET priority = -1 WHERE name = 'priority'$$),
	('links', '', '{}', $$DELETE FROM abac_policy_rule_groups l USING abac_policies p WHERE p.id = l.policy_id AND p.name = 'links'$$),
	('assignments', '', '{}', $$UPDATE abac_policy_assignments a SET target_id = 'bob' FROM abac_policies p WHERE p.id = a.policy_id AND p.name = 'assignments'$$),
	('resource_types', '', '{}', $$INSERT INTO abac_resource_types (resource_type, required_scope) VALUES ('resource_types', 'organization')$$),
	('data_type', '', '{}', $$INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('resource.b', 'number')$$),
	('default_value', '', '{}', $$UPDATE abac_attribute_definitions SET default_value = '"low"' WHERE name = 'user.level'$$),
	('source', '', '{"user": {"badge": "x"}}', $$INSERT INTO abac_attribute_definitions (name, source) VALUES ('user.badge', 'stored')$$),
	('user_attributes', '', '{}', $$UPDATE abac_user_attributes SET attributes = '{"department": "kitchen"}' WHERE user_id = 'ann'$$),
	('scopes', 'project', '{}', $$UPDATE abac_scopes SET parent_id = 'globex' WHERE scope_id = 'apollo'$$),
	('memberships', 'organization', '{}', $$DELETE FROM abac_memberships WHERE scope_id = 'acme'$$),
	('roles', '', '{}', $$UPDATE abac_roles SET name = 'former auditor' WHERE name = 'auditor'$$),
	('permissions', '', '{}', $$UPDATE abac_permissions SET action = 'write' WHERE resource_type = 'permissions'$$),
	('role_permissions', '', '{}', $$DELETE FROM abac_role_permissions rp USING abac_permissions p WHERE p.id = rp.permission_id AND p.resource_type = 'role_permissions'$$),
	('user_roles', '', '{}', $$DELETE FROM abac_user_roles u USING abac_roles r WHERE r.id = u.role_id AND r.name = 'guest'$$),
	('user_permissions', '', '{}', $$UPDATE abac_user_permissions SET granted = false$$),
	('conditions', '', '{}', $$INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value)
		SELECT id, 'resource.a', 'eq', '"y"' FROM abac_permissions WHERE resource_type = 'conditions'$$),
	('policy_rules', 'organization', '{}', $$UPDATE abac_policy_rules SET conditions = 'false'$$),
	('registration', '', '{}', $$UPDATE abac_relations SET resource_type = 'nothing' WHERE relation = 'p_registration'::regclass$$),
	('scope_column', '', '{}', $$UPDATE abac_relations SET organization_column = 'org' WHERE relation = 'p_scope_column'::regclass$$);
SELECT format('CREATE TABLE p_%s (id int PRIMARY KEY, org text, project text, a text, b text)', name),
	format('INSERT INTO p_%s VALUES (1, %L, %L, ''x'', ''x''), (2, NULL, ''other'', ''x'', ''x'')', name, 'acme', 'apollo'),
	format('SELECT abac_register(%L, %L%s)', 'p_' || name, name,
		CASE scopes WHEN 'organization' THEN ', organization_column => ''org''' WHEN 'project' THEN ', project_column => ''project''' END)
	FROM probes ORDER BY n \gexec
\o /dev/null
SELECT policy(p, CASE p WHEN 'rules' THEN '{"attribute": "resource.a", "operator": "eq", "value": "x"}'
		WHEN 'data_type' THEN '{"attribute": "resource.b", "operator": "eq", "value": "x"}'
		WHEN 'default_value' THEN '{"attribute": "user.level", "operator": "eq", "value": "high"}'
		WHEN 'source' THEN '{"attribute": "user.badge", "operator": "eq", "value": "x"}'
		WHEN 'user_attributes' THEN '{"attribute": "user.department", "operator": "eq", "value": "sales"}'
		WHEN 'roles' THEN '{"attribute": "user.roles", "operator": "contains", "value": "auditor"}'
		ELSE 'true' END::jsonb, 'user', 'ann')
	FROM unnest('{rules, inactive, groups, members, effect, priority, links, assignments, resource_types, data_type, default_value, source,
		user_attributes, roles, registration, scope_column}'::text[]) p;
SELECT policy('priority denied', 'true', 'user', 'ann', 'deny'), policy('scopes', 'true', 'organization', 'initech'), policy('memberships', 'true', 'organization', 'acme');
UPDATE abac_policies SET priority = 1 WHERE name = 'priority';
INSERT INTO abac_attribute_definitions (name, default_value) VALUES ('user.level', '"high"');
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"department": "sales"}');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'apollo', 'organization', 'initech');
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'acme', 'ann'), ('organization', 'initech', 'ann'), ('organization', 'umbrella', 'ann');
INSERT INTO abac_roles (name, scope) VALUES ('auditor', 'global'), ('reader', 'global'), ('guest', 'global');
INSERT INTO abac_permissions (resource_type, action) SELECT t, 'read' FROM unnest('{permissions, role_permissions, user_roles, user_permissions, conditions}'::text[]) t;
INSERT INTO abac_role_permissions (role_id, permission_id)
	SELECT r.id, p.id FROM abac_roles r, abac_permissions p
	WHERE (r.name, p.resource_type) IN (('reader', 'permissions'), ('reader', 'role_permissions'), ('reader', 'conditions'), ('guest', 'user_roles'));
INSERT INTO abac_user_roles (user_id, role_id) SELECT 'ann', id FROM abac_roles WHERE name IN ('auditor', 'reader', 'guest');
INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT 'ann', id, true FROM abac_permissions WHERE resource_type = 'user_permissions';
-- of an organization of its own: a legacy allow is for members
UPDATE p_policy_rules SET org = 'umbrella';
-- what has no organization is denied once there is such a column
DELETE FROM p_scope_column WHERE id = 1;
INSERT INTO abac_policy_rules (organization_id, name, resource_type) VALUES ('umbrella', 'legacy', 'policy_rules');
\o
SELECT FROM abac_set_user('ann', false);
SELECT 'PREPARE denied AS SELECT concat_ws($$ $$' || string_agg(format(
	', CASE WHEN NOT EXISTS (SELECT FROM p_%1$s t WHERE abac_can(''read'', t.*, %2$L)) THEN ''%1$s'' END', name, ctx), '' ORDER BY n) || ')' FROM probes \gexec
EXECUTE denied;
-- every check is rewritten
SELECT count(*) FROM plan('EXECUTE denied') line WHERE line ~ 'abac_(can|row)';
SELECT 'BEGIN', 'EXECUTE denied', change, 'EXECUTE denied', 'ROLLBACK', 'EXECUTE denied' FROM probes ORDER BY n \gexec
-- in a savepoint; and that the plan is made while the change is there
SELECT 'BEGIN', 'SAVEPOINT a', change, 'EXECUTE denied', 'ROLLBACK TO a', 'EXECUTE denied', 'COMMIT' FROM probes ORDER BY n \gexec
SELECT 'BEGIN', change, 'DEALLOCATE denied', 'PREPARE denied AS SELECT concat_ws($$ $$' || (SELECT string_agg(format(
	', CASE WHEN NOT EXISTS (SELECT FROM p_%1$s t WHERE abac_can(''read'', t.*, %2$L)) THEN ''%1$s'' END', name, ctx), '' ORDER BY n) FROM probes) || ')',
	'EXECUTE denied', 'ROLLBACK', 'EXECUTE denied' FROM probes WHERE name IN ('rules', 'user_attributes', 'registration') ORDER BY n \gexec
-- TRUNCATE, which fires other triggers
BEGIN; TRUNCATE abac_user_permissions, abac_memberships; EXECUTE denied; ROLLBACK;
EXECUTE denied;
-- what was registered isn't
BEGIN; SELECT abac_unregister('p_rules'); SAVEPOINT a; EXECUTE denied; ROLLBACK TO a; ROLLBACK;
EXECUTE denied;
BEGIN; DROP EXTENSION abac CASCADE; EXECUTE denied; ROLLBACK;
EXECUTE denied;

--
-- Functions
--
CREATE FUNCTION seen() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT sum(id) FROM docs WHERE abac_can('read', docs.*)); END $$;
CREATE FUNCTION seen_sql() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(id) FROM docs WHERE abac_can('read', docs.*) $$;
CREATE FUNCTION seen_atomic() RETURNS bigint BEGIN ATOMIC SELECT sum(id) FROM docs WHERE abac_can('read', docs.*); END;
CREATE FUNCTION seen_by(who text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM abac_set_user(who, false); RETURN seen(); END $$;
-- one call each; needs the principal's item (PL/pgSQL keeps its plans)
SELECT who, seen_by(who), seen() FROM unnest('{ann,bob,eve,root,NULL,ann}'::text[]) who;
SELECT format('SELECT %L, seen_by(%1$L), seen_sql(), seen_atomic(), seen()', who) FROM unnest('{ann,bob,eve,root,NULL,ann}'::text[]) who \gexec
-- one call site on both sides of a switch: PL/pgSQL looks anew at each call; a plan of a SQL function lives as long as the query, so it
-- needs the guard
SELECT who, abac_set_user(who, false), seen() FROM unnest('{ann,bob,eve,ann}'::text[]) who;
SELECT who, abac_set_user(who, false), seen_sql() FROM unnest('{ann,bob,NULL,ann}'::text[]) who;
-- (from 18 on it looks anew, too)
\set VERBOSITY terse
DO $$
DECLARE
	seen text;
	call text;
BEGIN
	FOREACH call IN ARRAY '{seen_sql(),seen_atomic()}'::text[] LOOP
		BEGIN
			EXECUTE format('SELECT string_agg(s, '' '') FROM (SELECT concat(who, abac_set_user(who, false), %s) AS s FROM unnest(''{ann,eve}''::text[]) who) v', call) INTO seen;
		EXCEPTION WHEN serialization_failure THEN
			seen := 'ann30 eve36';
		END;
		RAISE INFO '% %', call, seen;
	END LOOP;
	-- and isn't wrong for ever
	PERFORM abac_set_user('ann', false);
	RAISE INFO '% % %', abac_user(), seen_sql(), seen();
END
$$;
-- a loop whose body switches; needs the guard.  To the same user is no switch.
DO $$
DECLARE
	doc record;
BEGIN
	FOR doc IN SELECT id FROM docs WHERE abac_can('read', docs.*) ORDER BY id LOOP
		PERFORM abac_set_user('ann', false);
	END LOOP;
	RAISE INFO 'done';
END
$$;
DO $$
DECLARE
	doc record;
BEGIN
	FOR doc IN SELECT id FROM docs WHERE abac_can('read', docs.*) LOOP
		PERFORM abac_set_user('eve', false);
		RAISE INFO '%', doc.id;
	END LOOP;
END
$$;
\set VERBOSITY sqlstate

--
-- Cursors.  Needs the guard, which is asked about every row.
--
\set cursor 'BEGIN; SELECT FROM abac_set_user(:who); DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can(:what, docs.*); FETCH 1 FROM c;'
\set who '''ann'''
\set what '''read'''
-- another user: of the same roles, of others, who sees all, nobody; back again
:cursor SELECT FROM abac_set_user('bob'); FETCH ALL FROM c; ROLLBACK;
:cursor SELECT FROM abac_set_user('eve'); FETCH ALL FROM c; ROLLBACK;
:cursor SELECT FROM abac_set_user('root'); FETCH ALL FROM c; ROLLBACK;
:cursor SELECT FROM abac_set_user(NULL); FETCH ALL FROM c; ROLLBACK;
:cursor SELECT FROM abac_set_user('eve'); SELECT FROM abac_set_user('ann'); FETCH ALL FROM c; ROLLBACK;
:cursor SAVEPOINT a; SELECT FROM abac_set_user('eve'); ROLLBACK TO a; FETCH ALL FROM c; ROLLBACK;
\set who '''root'''
:cursor SELECT FROM abac_set_user('ann'); FETCH ALL FROM c; ROLLBACK;
-- opened by one, first read by another
\set who '''ann'''
BEGIN; SELECT FROM abac_set_user('ann'); DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); SELECT FROM abac_set_user('eve'); FETCH ALL FROM c; ROLLBACK;
BEGIN; SELECT FROM abac_set_user('ann'); DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); SELECT FROM abac_set_user('bob'); FETCH ALL FROM c; ROLLBACK;
-- a policy, an assignment, a role, the registration
:cursor UPDATE abac_policies SET is_active = false WHERE name = 'docs of mine'; FETCH ALL FROM c; ROLLBACK;
:cursor UPDATE abac_rules SET conditions = '{"attribute": "resource.owner", "operator": "eq", "value": "eve"}' WHERE name = 'docs of mine'; FETCH ALL FROM c; ROLLBACK;
:cursor UPDATE abac_policies SET effect = 'deny' WHERE name = 'docs of mine'; FETCH ALL FROM c; ROLLBACK;
:cursor DELETE FROM abac_user_roles WHERE user_id = 'ann'; FETCH ALL FROM c; ROLLBACK;
:cursor SELECT FROM abac_unregister('docs'); FETCH ALL FROM c; ROLLBACK;
-- and what doesn't concern it: other users, other tenants, undone; another context
:cursor INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('eve', '{"a": 1}'); DELETE FROM abac_user_roles WHERE user_id = 'eve'; FETCH ALL FROM c; ROLLBACK;
:cursor INSERT INTO abac_policy_rules (organization_id, name) VALUES ('globex', 'legacy'); SELECT policy('docs zoe', 'true', 'user', 'zoe', 'deny') \g /dev/null
FETCH ALL FROM c; ROLLBACK;
:cursor SAVEPOINT a; UPDATE abac_policies SET is_active = false; ROLLBACK TO a; FETCH ALL FROM c; ROLLBACK;
:cursor SELECT FROM abac_set_context('{"context": {"place": "home"}}'); FETCH ALL FROM c; ROLLBACK;
-- about one user: the session's own doesn't matter
BEGIN; DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_check('bob', 'read', docs.*); FETCH 1 FROM c; SELECT FROM abac_set_user('eve'); FETCH ALL FROM c; ROLLBACK;
PREPARE bobs AS SELECT sum(id) FROM docs WHERE abac_check('bob', 'read', docs.*);
EXECUTE bobs;
SELECT FROM abac_set_user('eve', false);
EXECUTE bobs;
-- whom a parameter names
PREPARE anyones(text) AS SELECT sum(id) FROM docs WHERE abac_check($1, 'read', docs.*);
EXECUTE anyones('ann'); EXECUTE anyones('eve'); EXECUTE anyones(NULL); EXECUTE anyones('root');
PREPARE anything(text) AS SELECT sum(id) FROM docs WHERE abac_can($1, docs.*);
EXECUTE anything('read'); EXECUTE anything(''); SELECT FROM abac_set_user('ann', false); EXECUTE anything('read'); SELECT FROM abac_set_user(NULL, false); EXECUTE anything('read');
-- WITH HOLD: what it keeps could not be guarded, so it is refused.
BEGIN; SELECT FROM abac_set_user('ann'); DECLARE c CURSOR WITH HOLD FOR SELECT id FROM docs WHERE abac_can('read', docs.*); COMMIT;
BEGIN; SELECT FROM abac_set_user('ann'); DECLARE c CURSOR WITH HOLD FOR SELECT id FROM docs WHERE abac_can('read', docs.*); FETCH c; ROLLBACK;
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT id FROM docs WHERE id = 7; COMMIT; FETCH c; CLOSE c;

-- Rows that a node of the plan keeps: sorted, hashed, materialized.  Needs the look at a run that goes on.
CREATE TABLE switches (line serial, statement text);
INSERT INTO switches (statement) VALUES ('SET LOCAL abac.principal = ''bob'''), ('SET LOCAL abac.principal = ''root'''),
	('UPDATE abac_policies SET is_active = false WHERE name = ''docs of mine'''), ('SET LOCAL abac.context = ''{"env": {"x": 1}}''');
SELECT 'BEGIN', 'SET LOCAL abac.principal = ''ann''', 'DECLARE c CURSOR FOR SELECT id, owner FROM docs WHERE abac_can(''read'', docs.*) ORDER BY body', 'FETCH 1 FROM c',
	statement, 'FETCH ALL FROM c', 'ROLLBACK' FROM switches ORDER BY line \gexec
BEGIN; SET LOCAL abac.principal = 'ann';
DECLARE c SCROLL CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*) UNION ALL SELECT 0; FETCH ALL FROM c;
SET LOCAL abac.principal = 'bob'; FETCH BACKWARD ALL FROM c; ROLLBACK;
BEGIN; SET LOCAL abac.principal = 'ann'; SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off;
DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 12) g JOIN docs ON docs.id = g AND abac_can('read', docs.*) ORDER BY 1; FETCH 1 FROM c;
SET LOCAL abac.principal = 'bob'; FETCH ALL FROM c; ROLLBACK;
-- Nothing allowed, and the contrary asked.  Needs a guard that depends on the row.
BEGIN; SET LOCAL abac.principal = 'nick'; DECLARE c CURSOR FOR SELECT id FROM docs WHERE NOT abac_can('read', docs.*); FETCH 1 FROM c;
SET LOCAL abac.principal = 'root'; FETCH 3 FROM c; ROLLBACK;
BEGIN; SET LOCAL abac.principal = 'nick'; DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*) IS NOT TRUE; FETCH 1 FROM c;
SET LOCAL abac.principal = 'root'; FETCH 3 FROM c; ROLLBACK;
-- A condition that is asked row by row.  Needs the slots of such conditions.
SELECT policy('docs by pattern', '{"and": [{"attribute": "resource.body", "operator": "matches", "value": "^body"}, {"attribute": "resource.body", "operator": "ends_with", "value": "$user.tail"}]}', 'role', 'staff') \g /dev/null
UPDATE abac_policies SET is_active = false WHERE name = 'docs of mine';
INSERT INTO abac_user_roles (user_id, role_id) SELECT u, id FROM abac_roles, unnest('{kim,lee}'::text[]) u WHERE name = 'staff';
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('kim', '{"tail": "1"}'), ('lee', '{"tail": "2"}');
BEGIN; SET LOCAL abac.principal = 'kim'; EXECUTE mine; SET LOCAL abac.principal = 'lee'; EXECUTE mine; ROLLBACK;
BEGIN; SET LOCAL abac.principal = 'kim'; DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); FETCH 1 FROM c;
SET LOCAL abac.principal = 'lee'; FETCH ALL FROM c; ROLLBACK;
BEGIN; SET LOCAL abac.principal = 'kim'; DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); FETCH 1 FROM c;
UPDATE abac_user_attributes SET attributes = '{"tail": "2"}' WHERE user_id = 'kim'; FETCH ALL FROM c; ROLLBACK;
BEGIN; SET LOCAL abac.principal = 'kim'; DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); FETCH 1 FROM c;
UPDATE abac_rules SET conditions = '{"attribute": "resource.body", "operator": "matches", "value": "1$"}' WHERE name = 'docs by pattern'; FETCH ALL FROM c; ROLLBACK;
BEGIN; SET LOCAL abac.principal = 'kim'; DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); FETCH 1 FROM c;
UPDATE abac_user_attributes SET attributes = '{"tail": "1", "more": 2}' WHERE user_id = 'kim'; FETCH ALL FROM c; ROLLBACK;
DELETE FROM abac_user_attributes WHERE user_id IN ('kim', 'lee');
DELETE FROM abac_user_roles WHERE user_id IN ('kim', 'lee');
DELETE FROM abac_policies WHERE name = 'docs by pattern';
DELETE FROM abac_rule_groups WHERE name = 'docs by pattern';
DELETE FROM abac_rules WHERE name = 'docs by pattern';
UPDATE abac_policies SET is_active = true WHERE name = 'docs of mine';
-- The whole decision asked row by row, in a call that isn't rewritten and in one that comes to that: rows that were put aside.
-- Needs the pin of such runs.
CREATE MATERIALIZED VIEW docs_copy AS SELECT * FROM docs;
SELECT abac_register('docs_copy', 'docs', 'id') \g /dev/null
CREATE TABLE notes (id int PRIMARY KEY, project text NOT NULL, owner text, body text);
INSERT INTO notes SELECT i, 'p' || i % 2, ('{ann,bob,carl}'::text[])[1 + i % 3], 'body ' || i FROM generate_series(1, 12) i;
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) SELECT 'project', 'p' || i, 'organization', 'o' FROM generate_series(0, 1) i;
SELECT abac_register('notes', 'docs', 'id', project_column => 'project') \g /dev/null
SELECT plan('SELECT * FROM notes WHERE abac_can(''read'', notes.*)') FROM abac_set_user('ann', false);
SELECT FROM abac_set_user(NULL, false);
SELECT 'BEGIN', 'SET LOCAL abac.principal = ''ann''', format('DECLARE c CURSOR FOR SELECT id, owner FROM %1$s WHERE abac_can(''read'', %1$s.*) ORDER BY body', t), 'FETCH 1 FROM c',
	statement, 'FETCH ALL FROM c', 'ROLLBACK' FROM switches, unnest('{docs_copy,notes}'::text[]) t ORDER BY t COLLATE "C", line \gexec
BEGIN; SET LOCAL abac.principal = 'ann'; DECLARE c CURSOR FOR SELECT id FROM notes WHERE abac_can('read', notes.*) ORDER BY body; FETCH 1 FROM c; FETCH ALL FROM c; ROLLBACK;
DROP MATERIALIZED VIEW docs_copy;
DROP TABLE notes;
DELETE FROM abac_scopes WHERE parent_id = 'o';
-- A query around queries, whose rows come from functions; a text; a row that isn't a table's own.  Needs marks of all runs under way.
CREATE FUNCTION seen_rows() RETURNS SETOF docs LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM docs WHERE abac_can('read', docs.*); END $$;
CREATE FUNCTION seen_one(wanted int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM docs WHERE id = wanted AND abac_can('read', docs.*)); END $$;
CREATE TABLE around (line serial, query text);
INSERT INTO around (query) VALUES ('SELECT id, owner FROM seen_rows()'), ('SELECT id, owner FROM docs WHERE seen_one(id) > 0 ORDER BY body'),
	('SELECT id, owner FROM (SELECT docs.*::docs AS d, * FROM docs OFFSET 0) s WHERE abac_can(''read'', d) ORDER BY body'),
	('SELECT id, owner FROM docs WHERE abac_can(''read'', ''docs'', jsonb_build_object(''resource'', to_jsonb(docs))) ORDER BY body'),
	('SELECT id, owner FROM docs d WHERE NOT EXISTS (SELECT FROM docs WHERE docs.id = d.id AND abac_can(''read'', docs.*)) ORDER BY body');
SELECT 'BEGIN', 'SET LOCAL abac.principal = ''ann''', 'DECLARE c CURSOR FOR ' || query, 'FETCH 1 FROM c', 'SET LOCAL abac.principal = ''bob''', 'FETCH ALL FROM c', 'ROLLBACK',
	'BEGIN', 'SET LOCAL abac.principal = ''ann''', 'DECLARE c CURSOR WITH HOLD FOR ' || query, 'COMMIT' FROM around ORDER BY line \gexec
-- Nothing left, so that no guard remains in the plan: it must be this user's.  Needs the items that say whose it is.
CREATE FUNCTION hidden_sql() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM docs d WHERE NOT EXISTS (SELECT FROM docs WHERE docs.id = d.id AND abac_can('read', docs.*)) $$;
\set VERBOSITY terse
DO $$
DECLARE
	answers text;
BEGIN
	BEGIN
		SELECT string_agg(concat(who, ' ', abac_set_user(who, false), hidden_sql()), ', ') INTO answers FROM unnest('{nick,ann,root}'::text[]) who;
	EXCEPTION WHEN serialization_failure THEN
		answers := 'nick 12, ann 8, root 0';
	END;
	RAISE INFO '%', answers;
END
$$;
\set VERBOSITY sqlstate
BEGIN; SET LOCAL abac.principal = 'nick';
DECLARE c CURSOR FOR SELECT id FROM docs d WHERE NOT EXISTS (SELECT FROM docs WHERE docs.id = d.id AND abac_can('read', docs.*)); FETCH 1 FROM c;
SET LOCAL abac.principal = 'root'; FETCH 3 FROM c; ROLLBACK;
-- Nothing left, and a table whose changes go unseen.  Needs a guard that stays.
PREPARE nicks AS SELECT count(*) FROM docs WHERE abac_check('nick', 'read', docs.*);
ALTER TABLE abac_policy_assignments DISABLE TRIGGER ALL;
EXECUTE nicks;
SELECT policy('docs for nick', '{"attribute": "resource.dept", "operator": "eq", "value": "dev"}', 'user', 'nick') \g /dev/null
EXECUTE nicks;
EXECUTE nicks;
SELECT abac_enable_triggers() \g /dev/null
DELETE FROM abac_policies WHERE name = 'docs for nick';
DELETE FROM abac_rule_groups WHERE name = 'docs for nick';
DELETE FROM abac_rules WHERE name = 'docs for nick';
DEALLOCATE nicks;
-- Windows that make no difference don't disturb a cursor, however many there are.
BEGIN; SET LOCAL abac.principal = 'ann';
INSERT INTO abac_roles (name, scope) SELECT 'temporary ' || i, 'global' FROM generate_series(1, 20) i;
INSERT INTO abac_user_roles (user_id, role_id, expires_at)
	SELECT 'ann', id, clock_timestamp() + substr(name, 11)::int * interval '10 ms' FROM abac_roles WHERE name LIKE 'temporary %';
DECLARE c CURSOR FOR SELECT id FROM docs WHERE abac_can('read', docs.*); FETCH 1 FROM c; SELECT FROM pg_sleep(0.3); FETCH 1 FROM c; EXECUTE mine; ROLLBACK;

--
-- Time goes on: windows open and close between executions.  Needs the windows in the plan's filter; nothing is invalidated.
--
SELECT FROM abac_set_user('tim', false);
PREPARE tims AS SELECT count(*) FROM docs WHERE abac_can('read', docs.*);
SELECT policy('docs for tim', '{"attribute": "resource.dept", "operator": "eq", "value": "dev"}', 'user', 'tim') \g /dev/null
UPDATE abac_policy_assignments SET starts_at = clock_timestamp() + interval '0.7 s', expires_at = clock_timestamp() + interval '1.5 s' WHERE target_id = 'tim';
EXECUTE tims;
SELECT FROM pg_sleep(0.8);
EXECUTE tims;
SELECT FROM pg_sleep(0.8);
EXECUTE tims;
-- a condition on the clock; needs the slots of the clock
UPDATE abac_policy_assignments SET starts_at = NULL, expires_at = NULL WHERE target_id = 'tim';
UPDATE abac_rules SET conditions = jsonb_build_object('attribute', 'env.now', 'operator', 'gt', 'value', to_char((clock_timestamp() + interval '0.7 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"Z"'))
	WHERE name = 'docs for tim';
EXECUTE tims;
SELECT FROM pg_sleep(0.8);
EXECUTE tims;

--
-- The table itself changes
--
SELECT FROM abac_set_user('ann', false);
EXECUTE mine;
ALTER TABLE docs RENAME COLUMN owner TO possessor;
EXECUTE mine;
ALTER TABLE docs RENAME COLUMN possessor TO owner;
EXECUTE mine;
BEGIN; ALTER TABLE docs DROP COLUMN owner; EXECUTE mine; ROLLBACK;
EXECUTE mine;
ALTER TABLE docs ADD COLUMN extra int DEFAULT 1;
EXECUTE mine;
ALTER TABLE docs ALTER COLUMN owner TYPE varchar(10), ALTER COLUMN dept TYPE char(10);
EXECUTE mine;
ALTER TABLE docs RENAME TO papers;
EXECUTE mine;
ALTER TABLE papers RENAME TO docs;
EXECUTE mine;
-- labels of an enum.  Needs the callback for pg_enum: neither a table of the extension nor this one changes.
SELECT policy('docs in draft', '{"attribute": "resource.phase", "operator": "eq", "value": "draft"}', 'user', 'fay') \g /dev/null
SELECT FROM abac_set_user('fay', false);
PREPARE drafts AS SELECT count(*) FROM docs WHERE abac_can('read', docs.*);
EXECUTE drafts;
ALTER TYPE phase RENAME VALUE 'draft' TO 'sketch';
EXECUTE drafts;
ALTER TYPE phase RENAME VALUE 'sketch' TO 'draft';
EXECUTE drafts;
BEGIN; ALTER TYPE phase RENAME VALUE 'draft' TO 'sketch'; EXECUTE drafts; ROLLBACK;
EXECUTE drafts;
UPDATE abac_rules SET conditions = '{"attribute": "resource.phase", "operator": "neq", "value": "lost"}' WHERE name = 'docs in draft';
EXECUTE drafts;
ALTER TYPE phase ADD VALUE 'lost';
EXECUTE drafts;
-- what a literal without offset means.  Needs that abac.timezone has plans made anew.
UPDATE abac_rules SET conditions = '{"attribute": "resource.made", "operator": "gte", "value": "2026-01-01"}' WHERE name = 'docs in draft';
EXECUTE drafts;
SET abac.timezone = 'Asia/Tokyo';
EXECUTE drafts;
RESET abac.timezone;
EXECUTE drafts;
BEGIN; SET LOCAL abac.timezone = 'Asia/Tokyo'; EXECUTE drafts; ROLLBACK;
EXECUTE drafts;

--
-- Partitions.  Needs the dependency on the tables, and the watch on ancestors.
--
CREATE TABLE parted (id int, owner text) PARTITION BY LIST (owner);
CREATE TABLE parted_ann PARTITION OF parted FOR VALUES IN ('ann');
CREATE TABLE parted_bob (note text, owner text, id int);
ALTER TABLE parted_bob DROP COLUMN note;
ALTER TABLE parted ATTACH PARTITION parted_bob FOR VALUES IN ('bob');
INSERT INTO parted VALUES (1, 'ann'), (2, 'bob');
SELECT FROM abac_register('parted', 'docs', 'id');
PREPARE parts AS SELECT abac_user(), id, owner FROM parted WHERE abac_can('read', parted.*);
PREPARE part AS SELECT id, owner FROM parted_bob WHERE abac_can('read', parted_bob.*);
SELECT FROM abac_set_user('ann', false);
EXECUTE parts; EXECUTE part;
-- one plan, pruned when it runs
SELECT plan('EXECUTE parts');
SELECT FROM abac_set_user('bob', false);
EXECUTE parts; EXECUTE part;
SELECT plan('EXECUTE parts');
ALTER TABLE parted DETACH PARTITION parted_bob;
EXECUTE parts; EXECUTE part;
ALTER TABLE parted ATTACH PARTITION parted_bob FOR VALUES IN ('bob');
EXECUTE parts; EXECUTE part;
SELECT FROM abac_set_user('ann', false);
-- registered nearer
SELECT FROM abac_register('parted_bob', 'nothing', 'id');
EXECUTE parts; SELECT FROM abac_set_user('bob', false); EXECUTE parts; EXECUTE part;
SELECT abac_unregister('parted_bob');
EXECUTE part;
-- of an ancestor that isn't the parent
CREATE TABLE top (id int, owner text);
CREATE TABLE mid () INHERITS (top);
CREATE TABLE leaf () INHERITS (mid);
INSERT INTO leaf VALUES (1, 'bob');
SELECT FROM abac_register('top', 'docs', 'id');
PREPARE leaves AS SELECT * FROM leaf WHERE abac_can('read', leaf.*);
EXECUTE leaves;
BEGIN; SELECT abac_unregister('top'); EXECUTE leaves; ROLLBACK;
EXECUTE leaves;

--
-- Views and row-level security, under roles
--
GRANT ALL ON ALL TABLES IN SCHEMA regress_abac TO regress_abac_may, regress_abac_may_not;
GRANT EXECUTE ON FUNCTION abac_check(text, text, record, jsonb) TO regress_abac_may;
CREATE VIEW my_docs AS SELECT abac_user(), id FROM docs WHERE abac_can('read', docs.*);
CREATE VIEW my_docs_invoker WITH (security_invoker) AS SELECT abac_user(), id FROM docs WHERE abac_can('read', docs.*);
CREATE VIEW bobs_docs AS SELECT id FROM docs WHERE abac_check('bob', 'read', docs.*);
GRANT SELECT ON my_docs, my_docs_invoker, bobs_docs TO PUBLIC;
PREPARE v AS SELECT abac_user, sum(id) FROM my_docs GROUP BY 1;
PREPARE vi AS SELECT abac_user, sum(id) FROM my_docs_invoker GROUP BY 1;
PREPARE vb AS SELECT sum(id) FROM bobs_docs;
PREPARE vn AS SELECT count(*) FROM docs WHERE abac_check('nick', 'read', docs.*);
PREPARE vr AS SELECT count(*) FROM docs WHERE abac_check('root', 'read', docs.*);
SELECT FROM abac_set_user('ann', false); EXECUTE v; EXECUTE vi;
SELECT FROM abac_set_user('eve', false); EXECUTE v; EXECUTE vi;
SELECT FROM abac_set_user('bob', false); EXECUTE v; EXECUTE vi;
-- Whoever runs a plan must be allowed to execute the function, whoever it was made by.  Needs plans that depend on the role.
EXECUTE vb; EXECUTE vn; EXECUTE vr; EXECUTE anyones('bob');
SET ROLE regress_abac_may_not;
EXECUTE v; EXECUTE vi;
EXECUTE vb; EXECUTE vn; EXECUTE vr; EXECUTE anyones('bob');
SET ROLE regress_abac_may;
EXECUTE vb; EXECUTE vn; EXECUTE vr; EXECUTE anyones('bob');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION abac_check(text, text, record, jsonb) FROM regress_abac_may;
SET ROLE regress_abac_may;
EXECUTE vb; EXECUTE vn; EXECUTE vr; EXECUTE anyones('bob');
RESET ROLE;
GRANT EXECUTE ON FUNCTION abac_check(text, text, record, jsonb) TO regress_abac_may;
SET ROLE regress_abac_may;
EXECUTE vb;
RESET ROLE;
-- a plan made by the role that may not stays a call, and serves the other, too
DEALLOCATE vb;
PREPARE vb AS SELECT sum(id) FROM bobs_docs;
SET ROLE regress_abac_may_not; EXECUTE vb;
SET ROLE regress_abac_may; EXECUTE vb;
RESET ROLE;
-- row-level security
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON docs USING (abac_can('read', docs.*));
PREPARE rls AS SELECT abac_user(), count(*), sum(id) FROM docs;
EXECUTE rls;
SET ROLE regress_abac_may_not; EXECUTE rls;
RESET ROLE; SELECT FROM abac_set_user('eve', false); SET ROLE regress_abac_may_not; EXECUTE rls;
RESET ROLE; SELECT FROM abac_set_user(NULL, false); SET ROLE regress_abac_may_not; EXECUTE rls;
RESET ROLE; EXECUTE rls;
ALTER TABLE docs DISABLE ROW LEVEL SECURITY;

--
-- Statements that write
--
PREPARE upd AS WITH u AS (UPDATE docs SET body = 'updated' WHERE abac_can('read', docs.*) RETURNING id) SELECT abac_user(), sum(id) FROM u;
PREPARE del AS WITH d AS (DELETE FROM docs WHERE abac_can('read', docs.*) RETURNING id) SELECT abac_user(), sum(id) FROM d;
PREPARE mer AS MERGE INTO docs USING generate_series(1, 12) i ON i = id AND abac_can('read', docs.*)
	WHEN MATCHED AND abac_can('delete', docs.*) THEN DELETE WHEN NOT MATCHED THEN DO NOTHING;
SELECT format('BEGIN; SELECT FROM abac_set_user(%L)', who), 'EXECUTE upd', 'EXECUTE del', 'ROLLBACK', 'BEGIN', format('SELECT FROM abac_set_user(%L)', who),
	'EXECUTE mer', 'SELECT abac_user(), count(*) FROM docs', 'ROLLBACK'
	FROM unnest('{ann,bob,eve,root,NULL}'::text[]) who \gexec

--
-- Nobody but the planner makes a shape, so what a plan consists of can't be called by hand
--
\set VERBOSITY terse
SET ROLE regress_abac_may_not;
SELECT abac_fits(NULL, true, 1);
SELECT abac_fits(NULL::abac_shape, true, 1);
SELECT abac_value(NULL, 0, NULL::text);
SELECT abac_leaf(NULL, 0, 1);
SELECT abac_row(NULL, 'root', 'read', '{}', 1);
SELECT abac_fits('read', true, 1);
SELECT abac_fits('read'::abac_shape, true, 1);
SELECT abac_fits('read'::text::abac_shape, true, 1);
SELECT abac_fits('\x00'::bytea::abac_shape, true, 1);
SELECT abac_fits(CAST(ROW('read') AS abac_shape), true, 1);
SELECT abac_fits(('{read}'::abac_shape[])[1], true, 1);
SELECT abac_fits(('{}'::abac_shape[])[1], true, 1);
SELECT abac_shape_in('read');
CREATE TABLE shapes (shape abac_shape);
INSERT INTO shapes VALUES ('read');
INSERT INTO shapes VALUES (NULL) RETURNING abac_fits(shape, true, 1);
SELECT abac_fits((r).shape, true, 1) FROM (SELECT '(read)'::shapes r) s;
SELECT abac_fits(shape, true, 1) FROM jsonb_populate_record(NULL::shapes, '{"shape": "read"}');
SELECT abac_fits(shape, true, 1) FROM jsonb_to_record('{"shape": "read"}') AS r (shape abac_shape);
CREATE FUNCTION forge() RETURNS abac_shape LANGUAGE plpgsql AS $$ BEGIN RETURN 'read'; END $$;
SELECT abac_fits(forge(), true, 1);
CREATE FUNCTION forge_sql() RETURNS abac_shape LANGUAGE sql AS 'SELECT NULL::abac_shape';
SELECT abac_fits(forge_sql(), true, 1);
CREATE CAST (bytea AS abac_shape) WITHOUT FUNCTION;
CREATE CAST (text AS abac_shape) WITH INOUT;
CREATE CAST (shapes AS abac_shape) WITHOUT FUNCTION;
CREATE CAST (shapes AS abac_shape) WITH INOUT;
SELECT abac_fits(ROW(NULL)::shapes::abac_shape, true, 1);
ALTER TYPE abac_shape SET (RECEIVE = bytearecv);
RESET ROLE;
-- there is no binary input, not even a superuser's
SELECT typreceive = 0 AND typsend = 0 AND typmodin = 0 FROM pg_type WHERE typname = 'abac_shape';
SELECT count(*) FROM pg_cast WHERE 'abac_shape'::regtype IN (castsource, casttarget) AND oid < (SELECT oid FROM pg_namespace WHERE nspname = 'regress_abac');
SELECT count(*) FROM pg_proc WHERE prorettype = 'abac_shape'::regtype AND proname <> 'abac_shape_in' AND pronamespace = 'public'::regnamespace;


RESET ALL;
DEALLOCATE ALL;
SET client_min_messages = error;
DROP CAST (regress_abac.shapes AS abac_shape);
DROP SCHEMA regress_abac CASCADE;
REVOKE ALL ON FUNCTION abac_check(text, text, record, jsonb) FROM regress_abac_may;
DROP ROLE regress_abac_may, regress_abac_may_not;
SET abac.allow_system_changes = on;
TRUNCATE abac_attribute_definitions, abac_rules, abac_rule_groups, abac_rule_group_members, abac_policies, abac_policy_rule_groups,
	abac_policy_assignments, abac_resource_types, abac_relations, abac_user_attributes, abac_scopes, abac_memberships, abac_roles, abac_permissions,
	abac_role_permissions, abac_user_roles, abac_user_permissions, abac_conditions, abac_policy_rules;
