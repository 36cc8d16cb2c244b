-- What one may count on, each in a few lines: deny by default, deny wins, the
-- super admin, tenants, and what can't be decided.
\set ECHO none
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off

BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
SET LOCAL abac.attribute_validation = off;

-- A policy of one group of one rule, assigned to one target.
CREATE PROCEDURE pg_temp.policy(organization text, name text, effect text, priority int, conditions jsonb,
	target_type text, target_id text, resource_type text DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
	r uuid;
	g uuid;
	p uuid;
BEGIN
	INSERT INTO abac_rules (organization_id, name, conditions, resource_type)
		VALUES (organization, policy.name, policy.conditions, policy.resource_type) RETURNING id INTO r;
	INSERT INTO abac_rule_groups (organization_id, name) VALUES (organization, policy.name) RETURNING id INTO g;
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (g, r);
	INSERT INTO abac_policies (organization_id, name, effect, priority)
		VALUES (organization, policy.name, policy.effect, policy.priority) RETURNING id INTO p;
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (p, g);
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES (p, policy.target_type, policy.target_id);
END
$$;

-- abac_check and abac_explain agree, and this is the reason.
CREATE FUNCTION pg_temp.reason(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	e jsonb := abac_explain(user_id, action, resource, ctx);
	c boolean := abac_check(user_id, action, resource, ctx);
BEGIN
	IF c IS NULL OR to_jsonb(c) IS DISTINCT FROM e -> 'decision' THEN
		RETURN format('abac_check says %s, abac_explain %s', c, e -> 'decision');
	END IF;
	RETURN e ->> 'reason';
END
$$;

-- A statement that writes what the guards refuse, as replication apply may.
CREATE PROCEDURE pg_temp.smuggle(sql text) LANGUAGE plpgsql
SET session_replication_role = replica AS $$
BEGIN
	EXECUTE sql;
END
$$;

-- What a statement comes to when a role runs it.
CREATE FUNCTION pg_temp.attempt_as(who name, sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', who, true);
	EXECUTE sql;
	PERFORM set_config('role', 'none', true);
	RETURN 'done';
EXCEPTION WHEN others THEN
	RETURN SQLSTATE;
END
$$;

\set acme '''{"scope": {"organization": "acme"}}'''
\set globex '''{"scope": {"organization": "globex"}}'''

--
-- Deny by default
--

SELECT is(pg_temp.reason('nobody', 'read', 'doc:1'), 'no_match', 'nothing says anything about the request');
SELECT is(pg_temp.reason('nobody', 'read', 'doc:1', :acme), 'no_match', 'nor in an organization nobody heard of');
SELECT is(abac_check(u, a, r, c), false, format('%s, %s, %s, %s', quote_nullable(u), quote_nullable(a), quote_nullable(r), c))
FROM (VALUES
	(NULL, 'read', 'doc', '{}'::jsonb), ('ann', NULL, 'doc', '{}'), ('ann', 'read', NULL, '{}'), ('ann', 'read', 'doc', NULL),
	('', 'read', 'doc', '{}'), ('ann', '', 'doc', '{}'), ('ann', 'read', '', '{}'), ('ann', 'read', ':1', '{}'),
	('ann', 'read', 'doc', '{"scope": {"organization": null}}'), ('ann', 'read', 'doc', '{"scope": {"organization": ""}}')) v (u, a, r, c);

CALL pg_temp.policy(NULL, 'open', 'allow', 0, NULL, 'user', 'ann', 'doc');
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'policy_allow', 'a policy allows');
SELECT is(pg_temp.reason('bob', 'read', 'doc:1'), 'no_match', 'but only whom it is assigned to');
SELECT is(pg_temp.reason('ann', 'read', 'image:1'), 'no_match', 'and only what its rules are about');
SELECT is(pg_temp.reason('Ann', 'read', 'doc:1'), 'no_match', 'ids are compared byte by byte');

-- Nothing that isn't in force makes a policy match.
SAVEPOINT force;
UPDATE abac_rules SET is_active = false;
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'an inactive rule');
ROLLBACK TO force;
UPDATE abac_rules SET expires_at = now() - interval '1 microsecond';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'a rule that expired');
ROLLBACK TO force;
UPDATE abac_rules SET starts_at = clock_timestamp() + interval '1 hour';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'a rule that has not begun');
ROLLBACK TO force;
UPDATE abac_rules SET is_active = false;
UPDATE abac_rule_groups SET combine_logic = 'not';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'an inactive rule under not');
ROLLBACK TO force;
UPDATE abac_policies SET is_active = false;
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'an inactive policy');
ROLLBACK TO force;
UPDATE abac_policy_assignments SET is_active = false;
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'an inactive assignment');
ROLLBACK TO force;
UPDATE abac_policy_assignments SET expires_at = now() - interval '1 microsecond';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'an assignment that expired');
ROLLBACK TO force;
DELETE FROM abac_policy_rule_groups;
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'a policy without groups');
ROLLBACK TO force;
DELETE FROM abac_rule_group_members;
UPDATE abac_rule_groups SET combine_logic = 'not';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'an empty group, though "none of nothing" holds');
ROLLBACK TO force;

--
-- Deny wins
--

CALL pg_temp.policy(NULL, 'closed', 'deny', 0, NULL, 'user', 'ann', 'doc');
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'policy_deny', 'at equal priority deny wins');
UPDATE abac_policies SET priority = 1 WHERE name = 'open';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'policy_allow', 'a higher priority goes first');
UPDATE abac_policies SET priority = 2 WHERE name = 'closed';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'policy_deny', 'for denials too');
ROLLBACK TO force;

UPDATE abac_rules SET effect = 'deny' WHERE name = 'open';
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'policy_deny', 'a deny rule turns its policy around');
ROLLBACK TO force;

INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read'), ('doc', '*');
INSERT INTO abac_user_permissions (user_id, permission_id, granted)
	SELECT 'ann', id, action = 'read' FROM abac_permissions;
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'user_deny', 'a direct denial, wildcard or not, wins over a direct grant and a policy');
ROLLBACK TO force;

INSERT INTO abac_permissions (resource_type, action) VALUES ('page', 'read');
INSERT INTO abac_roles (organization_id, name) VALUES ('acme', 'reader');
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles r, abac_permissions p;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) SELECT 'ann', id, 'organization', 'acme' FROM abac_roles;
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'role_allow', 'a role grants');
INSERT INTO abac_policy_rules (organization_id, name, resource_type, effect) VALUES ('acme', 'no pages', 'page', 'deny');
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'legacy_deny', 'a legacy denial goes before a role');
SELECT is(pg_temp.reason('ann', 'read', 'page', :globex), 'no_match', 'a role counts only where it is held');
ROLLBACK TO force;

--
-- The super admin
--

CALL pg_temp.policy(NULL, 'nobody', 'deny', 1000, NULL, 'user', 'root', NULL);
INSERT INTO abac_permissions (resource_type, action) VALUES ('*', '*');
INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT 'root', id, false FROM abac_permissions;
SELECT is(pg_temp.reason('root', 'read', 'doc:1'), 'user_deny', 'not a super admin yet');
SELECT lives_ok($$SELECT abac_grant_super_admin('root')$$, 'abac_grant_super_admin');
SELECT is(pg_temp.reason('root', 'read', 'doc:1'), 'super_admin', 'the super admin bypasses policies and direct denials');
SELECT is(pg_temp.reason('root', 'anything', 'at-all', :acme), 'super_admin', 'everywhere');
SELECT is(pg_temp.reason('root', 'read', 'doc:1', '{"scope": {"project": "unregistered"}}'), 'scope_mismatch', 'but only where there is a where');
SELECT is(pg_temp.reason('root', '', 'doc:1'), 'invalid_request', 'and with a question');
UPDATE abac_user_roles SET expires_at = now() - interval '1 microsecond';
SELECT is(pg_temp.reason('root', 'read', 'doc:1'), 'user_deny', 'not when the role has expired');
SELECT throws_ok($$INSERT INTO abac_roles (name, scope, is_super_admin) VALUES ('another', 'global', true)$$, '23505', NULL,
	'there is one such role');
ROLLBACK TO force;

--
-- Tenants
--

CALL pg_temp.policy('acme', 'ours', 'allow', 1000, NULL, 'user', 'ann', 'page');
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'policy_allow', 'a tenant''s policy in the tenant');
SELECT is(pg_temp.reason('ann', 'read', 'page', :globex), 'no_match', 'never in another one');
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'no_match', 'nor outside of all');
CALL pg_temp.policy(NULL, 'for everybody', 'deny', -1000, NULL, 'organization', 'acme', 'page');
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'policy_deny', 'and never past a platform-wide denial, whatever the priorities');
INSERT INTO abac_permissions (resource_type, action) VALUES ('page', 'read');
INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id)
	SELECT 'ann', id, true, 'organization', 'acme' FROM abac_permissions;
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'policy_deny', 'nor does a direct grant of the tenant get past it');
UPDATE abac_user_permissions SET context_type = 'global', context_id = NULL;
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'user_allow', 'a global one does');
ROLLBACK TO force;

CALL pg_temp.policy('acme', 'for members', 'allow', 0, NULL, 'organization', 'acme', 'page');
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'no_match', 'a scope''s policy allows members only');
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'acme', 'ann');
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'policy_allow', 'who is one');
UPDATE abac_policies SET effect = 'deny' WHERE name = 'for members';
SELECT is(pg_temp.reason('bob', 'read', 'page', :acme), 'policy_deny', 'and denies everybody who acts there');
ROLLBACK TO force;

-- What a tenant says about attributes stays there too.
CALL pg_temp.policy(NULL, 'by role', 'allow', 0, '{"attribute": "user.roles", "operator": "contains", "value": "boss"}', 'user', 'ann', 'page');
INSERT INTO abac_roles (organization_id, name) VALUES ('acme', 'boss');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) SELECT 'ann', id, 'organization', 'acme' FROM abac_roles;
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'no_match', 'a tenant''s role is no role to a platform-wide rule');
ROLLBACK TO force;
CALL pg_temp.policy(NULL, 'by level', 'allow', 0, '{"attribute": "user.level", "operator": "eq", "value": 3}', 'user', 'ann', 'page');
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('ann', NULL, '{"level": 1}'), ('ann', 'acme', '{"level": 3}');
SELECT is(pg_temp.reason('ann', 'read', 'page', :acme), 'no_match', 'a tenant''s attribute does not override the global one in a platform-wide rule');
ROLLBACK TO force;

--
-- What can't be decided fails closed
--

CALL pg_temp.policy(NULL, 'allow if', 'allow', 0, '{"attribute": "resource.level", "operator": "lt", "value": 3}', 'user', 'ann', 'page');
SELECT is(pg_temp.reason('ann', 'read', 'page', format('{"resource": {"level": %s}}', level)::jsonb), expected,
	format('allow when level < 3, and it is %s', level))
FROM (VALUES ('2', 'policy_allow'), ('3', 'no_match'), ('null', 'no_match'), ('"2"', 'no_match'), ('[2]', 'no_match'), ('{}', 'no_match'), ('true', 'no_match')) v (level, expected);
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'no_match', 'allow when level < 3, and it is missing');
ROLLBACK TO force;
CALL pg_temp.policy(NULL, 'allow', 'allow', 0, NULL, 'user', 'ann', 'page');
CALL pg_temp.policy(NULL, 'deny if', 'deny', 0, '{"attribute": "resource.level", "operator": "gte", "value": 3}', 'user', 'ann', 'page');
SELECT is(pg_temp.reason('ann', 'read', 'page', format('{"resource": {"level": %s}}', level)::jsonb), expected,
	format('deny when level >= 3, and it is %s', level))
FROM (VALUES ('2', 'policy_allow'), ('3', 'policy_deny'), ('null', 'policy_deny'), ('"2"', 'policy_deny'), ('[2]', 'policy_deny'), ('{}', 'policy_deny'), ('true', 'policy_deny')) v (level, expected);
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'policy_deny', 'deny when level >= 3, and it is missing');
ROLLBACK TO force;

-- A request whose place is wrong.
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'apollo', 'organization', 'acme'), ('workspace', 'launch', 'project', 'apollo');
SELECT is(pg_temp.reason('ann', 'read', 'doc', format('{"scope": %s}', scope)::jsonb), expected, scope)
FROM (VALUES
	('{"project": "apollo"}', 'policy_allow'),
	('{"project": "gemini"}', 'scope_mismatch'),
	('{"workspace": "launch"}', 'policy_allow'),
	('{"workspace": "abort"}', 'scope_mismatch'),
	('{"organization": "acme", "project": "apollo", "workspace": "launch"}', 'policy_allow'),
	('{"organization": "globex", "project": "apollo"}', 'scope_mismatch'),
	('{"organization": "globex", "workspace": "launch"}', 'scope_mismatch')) v (scope, expected);
INSERT INTO abac_resource_types (resource_type, required_scope) VALUES ('doc', 'project');
SELECT is(pg_temp.reason('ann', 'read', 'doc', :acme), 'scope_mismatch', 'a type that needs a project, and none is named');
SELECT is(pg_temp.reason('ann', 'read', 'doc', '{"scope": {"workspace": "launch"}}'), 'policy_allow', 'and one that follows from the workspace');
ROLLBACK TO force;

-- A request that isn't one.
SELECT throws_ok(format($$SELECT abac_check('ann', 'read', 'doc', %L)$$, ctx), '22023', NULL, 'ctx ' || ctx)
FROM unnest('{"[]","1","\"x\"","null","{\"users\": {}}","{\"user\": 1}","{\"env\": null}","{\"scope\": []}","{\"scope\": {\"team\": \"x\"}}","{\"scope\": {\"project\": {}}}"}'::text[]) ctx;

-- Stored facts can't be overridden by ctx.
CALL pg_temp.policy(NULL, 'cleared', 'allow', 0, '{"attribute": "user.level", "operator": "eq", "value": 3}', 'user', 'ann', 'page');
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"level": 1}');
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"user": {"level": 3}}'), 'no_match', 'what is stored goes before ctx');
UPDATE abac_user_attributes SET attributes = '{"level": null}';
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"user": {"level": 3}}'), 'no_match', 'a stored null too');
DELETE FROM abac_user_attributes;
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"user": {"level": 3}}'), 'policy_allow', 'without it ctx is asked');
INSERT INTO abac_attribute_definitions (name, data_type, source) VALUES ('user.level', 'number', 'stored');
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"user": {"level": 3}}'), 'no_match', 'unless the definition says stored');
ROLLBACK TO force;
CALL pg_temp.policy(NULL, 'built in', 'allow', 0,
	'{"or": [{"attribute": "user.id", "operator": "eq", "value": "root"}, {"attribute": "user.roles", "operator": "contains", "value": "boss"},
			 {"attribute": "resource.type", "operator": "eq", "value": "free"}, {"attribute": "context.action", "operator": "eq", "value": "nothing"}]}', 'user', 'ann', 'page');
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"user": {"id": "root", "roles": ["boss"]}, "resource": {"type": "free"}, "context": {"action": "nothing"}}'),
	'no_match', 'who asks, and for what, is not ctx''s to say');
ROLLBACK TO force;

-- Rows that the guards would have refused.
CALL pg_temp.policy(NULL, 'broken', 'allow', 0, NULL, 'user', 'ann', 'page');
CALL pg_temp.smuggle($$UPDATE abac_rules SET conditions = '{"attribute": "user.level", "operator": "resembles", "value": 1}' WHERE name = 'broken'$$);
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'no_match', 'a tree that does not compile allows nothing');
SELECT matches(abac_explain_text('ann', 'read', 'page'), 'resembles', 'and abac_explain_text says why');
UPDATE abac_policies SET effect = 'deny' WHERE name = 'broken';
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'policy_deny', 'and denies where it was to deny');
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'policy_allow', 'what it is not about is as it was');
ROLLBACK TO force;
CALL pg_temp.smuggle($$INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT id, gen_random_uuid() FROM abac_rule_groups$$);
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'a group with a missing rule');
ROLLBACK TO force;
CALL pg_temp.smuggle($$UPDATE abac_rules SET organization_id = 'acme'$$);
SELECT is(pg_temp.reason('ann', 'read', 'doc:1', :acme), 'no_match', 'a platform-wide group with a tenant''s rule');
ROLLBACK TO force;
INSERT INTO abac_rule_groups (name, combine_logic) VALUES ('loop', 'or');
INSERT INTO abac_rule_group_members (group_id, child_group_id)
	SELECT a.id, b.id FROM abac_rule_groups a, abac_rule_groups b WHERE (a.name, b.name) = ('open', 'loop');
CALL pg_temp.smuggle($$INSERT INTO abac_rule_group_members (group_id, child_group_id)
	SELECT a.id, b.id FROM abac_rule_groups a, abac_rule_groups b WHERE (a.name, b.name) = ('loop', 'open')$$);
SELECT is(pg_temp.reason('ann', 'read', 'doc:1'), 'no_match', 'groups that contain each other');
ROLLBACK TO force;

-- A role's conditions.
INSERT INTO abac_permissions (resource_type, action) VALUES ('page', 'read');
INSERT INTO abac_roles (name, scope) VALUES ('reader', 'global');
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles r, abac_permissions p;
INSERT INTO abac_user_roles (user_id, role_id) SELECT 'ann', id FROM abac_roles;
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'role_allow', 'a role without conditions');
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) SELECT id, 'env.mfa', 'eq', 'true' FROM abac_permissions;
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"env": {"mfa": true}}'), 'role_allow', 'a condition that holds');
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"env": {"mfa": false}}'), 'no_match', 'one that does not');
SELECT is(pg_temp.reason('ann', 'read', 'page'), 'no_match', 'one that can''t be decided');
CALL pg_temp.smuggle($$UPDATE abac_conditions SET operator = 'resembles'$$);
SELECT is(pg_temp.reason('ann', 'read', 'page', '{"env": {"mfa": true}}'), 'no_match', 'one that does not compile');
ROLLBACK TO force;

-- abac_require says it with an error.
SELECT is(abac_require('ann', 'read', 'doc:1'), true, 'abac_require where it is allowed');
SELECT throws_ok($$SELECT abac_require('bob', 'read', 'doc:1')$$, '42501', 'permission denied by policy', 'abac_require where it is not');

--
-- Protected tables
--

CREATE ROLE abac_test_reader;
CREATE TABLE abac_test_page (id int PRIMARY KEY, org text) PARTITION BY RANGE (id);
CREATE TABLE abac_test_page_1 PARTITION OF abac_test_page FOR VALUES FROM (0) TO (100);
INSERT INTO abac_test_page VALUES (1, 'acme'), (2, 'globex'), (3, NULL);
GRANT ALL ON abac_test_page, abac_test_page_1 TO abac_test_reader;
SELECT abac_protect('abac_test_page', 'page', organization_column => 'org') \g /dev/null
CALL pg_temp.policy('acme', 'theirs', 'allow', 0, NULL, 'user', 'ann', 'page');
SELECT abac_set_user('ann') \g /dev/null
-- pgTAP's tables are the superuser's, so the answers are taken along
SET LOCAL ROLE abac_test_reader;
SELECT array_agg(id ORDER BY id) AS parent FROM abac_test_page \gset
SELECT array_agg(id ORDER BY id) AS partition FROM abac_test_page_1 \gset
RESET ROLE;
SELECT is(:'parent'::text, '{1}', 'of a protected table one sees what one may read');
SELECT is(:'partition'::text, '{1}', 'through a partition too');
SELECT is(pg_temp.attempt_as('abac_test_reader', sql), expected, sql)
FROM (VALUES
	($$INSERT INTO abac_test_page VALUES (4, 'acme')$$, 'done'),
	($$INSERT INTO abac_test_page VALUES (5, 'globex')$$, '42501'),
	($$INSERT INTO abac_test_page_1 VALUES (5, NULL)$$, '42501'),
	($$UPDATE abac_test_page SET org = 'globex'$$, '42501'),
	($$DELETE FROM abac_test_page$$, 'done'),
	($$SELECT abac_unprotect('abac_test_page')$$, '42501'),
	($$SELECT abac_register('abac_test_page')$$, '42501'),
	($$ALTER TABLE abac_test_page DISABLE ROW LEVEL SECURITY$$, '42501')) v (sql, expected);
SELECT is((SELECT array_agg(id ORDER BY id) FROM abac_test_page), '{2,3}'::int[], 'and has deleted nothing but that');

-- EXPLAIN (GENERIC_PLAN), of 16 and later: the session's user is known to it, a parameter isn't.
CREATE FUNCTION pg_temp.generic_plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (GENERIC_PLAN, COSTS OFF) ' || query LOOP
		lines := concat_ws(E'\n', lines, line);
	END LOOP;
	RETURN lines;
END $$;
SELECT current_setting('server_version_num')::int >= 160000 AS has_generic_plan \gset
\if :has_generic_plan
SELECT unalike(pg_temp.generic_plan($$SELECT FROM abac_test_page p WHERE abac_can('read', p.*) AND id = $1$$), '%abac_can%',
	'EXPLAIN (GENERIC_PLAN) shows what is left of abac_can');
SELECT alike(pg_temp.generic_plan($$SELECT FROM abac_test_page p WHERE abac_check($1::text, 'read', p.*)$$), '%abac_row(%$1%',
	'EXPLAIN (GENERIC_PLAN) shows that rows are asked about one by one for a user it doesn''t know');
\else
SELECT skip('EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16', 2);
\endif
CREATE TABLE abac_test_open (id int);
CREATE POLICY everything ON abac_test_open USING (true);
SELECT throws_ok($$SELECT abac_protect('abac_test_open')$$, '55000', NULL, 'what would not be protected is refused');

SELECT * FROM finish();
ROLLBACK;
