-- What abac_explain shows of a decision, and how abac_explain_text draws it.
SET abac.attribute_validation = off;
\pset format unaligned
\pset tuples_only on
BEGIN;

-- Ids are random: they are taken out, after a look that each is one.
CREATE FUNCTION without_ids(explained jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM jsonb_path_query(explained, 'lax $.**.id') AS id WHERE NOT (id #>> '{}') ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') THEN
		RAISE 'strange id in %', explained;
	END IF;
	RETURN regexp_replace(explained::text, '"id": "[^"]*"(, )?', '', 'g');
END
$$;
CREATE FUNCTION show(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS
	'SELECT without_ids(abac_explain(user_id, action, resource, ctx))';

INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'p1', 'organization', 'o1'),
	('workspace', 'w1', 'project', 'p1'), ('team', 't1', 'organization', 'o1');
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'o1', 'ann'), ('team', 't1', 'ann');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read'), ('doc', '*'), ('doc', 'delete'), ('doc', 'print');
-- of several roles that grant, the one with the lowest id is named
INSERT INTO abac_roles (id, organization_id, name, scope) VALUES ('00000000-0000-4000-8000-000000000001', NULL, 'reader', 'organization'),
	('00000000-0000-4000-8000-000000000002', 'o1', 'editor', 'organization');
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles AS r,
	abac_permissions AS p WHERE (r.name, p.name) IN (('reader', 'doc:read'), ('editor', 'doc:*'));
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) SELECT 'ann', id, 'organization', 'o1' FROM abac_roles;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) SELECT 'bob', id, 'organization',
	'o1' FROM abac_roles WHERE name = 'reader';
SAVEPOINT world;

--
-- The whole, for each reason
--
SELECT jsonb_pretty(show('ann', 'read', 'note:1'));
SELECT jsonb_pretty(show('ann', 'read', 'doc:1', '{"scope": {"workspace": "w1"}}'));
-- invalid_request, scope_mismatch
SELECT show(NULL, 'read', 'doc:1');
SELECT show('ann', '', 'doc:1');
SELECT show('ann', 'read', ':1', '{"scope": {"organization": "o1"}}');
SELECT show('ann', 'read', 'doc:1', NULL);
SELECT show('ann', 'read', 'doc:1', '{"scope": {"organization": ""}}');
SELECT show('ann', 'read', 'doc:1', '{"scope": {"workspace": "w1", "project": "p2"}}');
INSERT INTO abac_resource_types (resource_type, required_scope) VALUES ('report', 'organization');
SELECT show('ann', 'read', 'report');
-- super_admin
SELECT abac_grant_super_admin('root') \g /dev/null
SELECT show('root', 'read', 'doc:1', '{"scope": {"project": "p1"}}');
-- user_deny, user_allow
INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id) SELECT 'eve', id, false, 'global',
	NULL FROM abac_permissions WHERE name = 'doc:read'
	UNION ALL SELECT 'eve', id, true, 'project', 'p1' FROM abac_permissions WHERE name = 'doc:print';
SELECT show('eve', 'read', 'doc:1');
SELECT show('eve', 'print', 'doc:1', '{"scope": {"project": "p1"}}');
SELECT abac_explain_text('root', 'read', 'doc:1', '{"scope": {"project": "p1"}}') || E'\n' || abac_explain_text('eve', 'read',
	'doc:1') || E'\n'
	|| abac_explain_text('eve', 'print', 'doc:1', '{"scope": {"project": "p1"}}') || E'\n' || abac_explain_text('ann', 'delete', 'doc',
	'{"scope": {"workspace": "w1"}}');
-- legacy_deny, legacy_allow
INSERT INTO abac_policy_rules (organization_id, name, resource_type, effect, priority, conditions) VALUES ('o1', 'no deletes', 'doc',
	'deny', 3, '{"attr": "context.action", "op": "eq", "val": "delete"}'),
	('o1', 'all notes', 'note', 'allow', 0, NULL);
SELECT show('bob', 'delete', 'doc:1', '{"scope": {"organization": "o1"}}');
SELECT show('ann', 'read', 'note:1', '{"scope": {"organization": "o1"}}');
ROLLBACK TO world;

--
-- Policies: which were asked, in which order, and why
--
INSERT INTO abac_rules (name, effect, priority, conditions, is_active, starts_at, expires_at, resource_type, target_actions,
	organization_id) VALUES
	('in hours', 'allow', 5,
	'{"logic": "and", "description": "office hours", "conditions": [{"attribute": "env.time_hour", "operator": "between", "value": [9, 17]}, {"not": {"attribute": "env.day_of_week", "operator": "in", "value": ["saturday", "sunday"]}}]}',
	true, NULL, NULL, NULL, NULL, NULL),
	('secret', 'deny', 0,
	'{"attribute": "resource.level", "operator": "gt", "value": "$user.level", "description": "nobody reads above their level"}', true,
	NULL, NULL, 'doc', NULL, NULL),
	('always', 'allow', 0, NULL, true, NULL, NULL, NULL, NULL, NULL), ('never', 'allow', 0, 'false', true, NULL, NULL, NULL, NULL, NULL),
	('inactive', 'allow', 0, NULL, false, NULL, NULL, NULL, NULL, NULL),
	('over', 'allow', 0, NULL, true, NULL, '2001-01-01', NULL, NULL, NULL),
	('to come', 'allow', 0, NULL, true, '2100-01-01', NULL, NULL, NULL, NULL),
	('notes only', 'allow', 0, NULL, true, NULL, NULL, 'note', NULL, NULL),
	('writes only', 'allow', 0, NULL, true, NULL, NULL, NULL, '{write}', NULL),
	('of o1', 'allow', 0, NULL, true, NULL, NULL, NULL, NULL, 'o1');
INSERT INTO abac_rule_groups (name, combine_logic, organization_id) VALUES ('inner', 'or', NULL), ('outer', 'and', NULL),
	('not in force', 'not', NULL), ('empty', 'and', NULL), ('always', 'and', NULL), ('never', 'or', NULL), ('notes', 'and', NULL),
	('of o1', 'and', 'o1');
CREATE FUNCTION put(into_group text, VARIADIC members text[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_rule_group_members (group_id, rule_id, child_group_id, sort_order)
	SELECT g.id, r.id, c.id, n FROM unnest(members) WITH ORDINALITY AS m (name, n) JOIN abac_rule_groups AS g ON g.name = into_group LEFT JOIN abac_rules AS r ON r.name = m.name LEFT JOIN abac_rule_groups AS c ON '@' || c.name = m.name
$$;
CREATE FUNCTION link(to_policy text, VARIADIC groups text[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id, sort_order) SELECT p.id, g.id, n FROM unnest(groups) WITH ORDINALITY AS m (name, n) JOIN abac_rule_groups AS g USING (name) JOIN abac_policies AS p ON p.name = to_policy
$$;
SELECT put('inner', 'always', 'secret'), put('outer', '@inner', 'in hours'),
	put('not in force', 'inactive', 'over', 'to come', 'writes only'), put('always', 'always'), put('never', 'never'),
	put('notes', 'notes only'), put('of o1', 'of o1') \g /dev/null
INSERT INTO abac_policies (name, effect, default_effect, priority, organization_id) VALUES ('main', 'allow', 'deny', 10, NULL),
	('shut', 'allow', 'allow', 10, NULL), ('about notes', 'deny', NULL, 20, NULL), ('of the organization', 'allow', NULL, 0, 'o1'),
	('closed', 'allow', NULL, -5, NULL), ('members', 'allow', NULL, -7, NULL), ('no groups', 'deny', 'deny', -8, NULL),
	('with an empty group', 'deny', 'allow', -9, NULL);
SELECT link('main', 'outer'), link('shut', 'not in force', 'always'), link('about notes', 'notes'), link('of the organization', 'of o1'),
	link('closed', 'never'), link('members', 'always'), link('with an empty group', 'empty', 'never') \g /dev/null
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'organization',
	'o1' FROM abac_policies WHERE name <> 'main'
	UNION ALL SELECT p.id, 'role', r.id::text FROM abac_policies AS p, abac_roles AS r WHERE p.name = 'main' AND r.name = 'reader'
	UNION ALL SELECT id, 'team', 't1' FROM abac_policies WHERE name = 'main' UNION ALL SELECT id, 'user',
	'ann' FROM abac_policies WHERE name = 'main';
\set ctx '{"scope": {"organization": "o1"}, "env": {"time_hour": 20, "day_of_week": "monday"}, "resource": {"level": 2}, "user": {"level": 3}}'
-- one policy in full
SELECT jsonb_pretty(regexp_replace((show('ann', 'read', 'doc:7', :'ctx') #> '{policies,1}')::text, '"target_id": "[-0-9a-f]{36}"',
	'"target_id": "the role''s id"')::jsonb);
-- all of them, for a member and for somebody else
SELECT p ->> 'name', p ->> 'priority', p ->> 'effect', p ->> 'default_effect', p ->> 'value', p ->> 'outcome', p ->> 'by_default',
	p ->> 'targeted', p ->> 'why' FROM jsonb_array_elements(show('ann', 'read', 'doc:7', :'ctx') -> 'policies') AS p;
SELECT p ->> 'name', p ->> 'priority', p ->> 'effect', p ->> 'default_effect', p ->> 'value', p ->> 'outcome', p ->> 'by_default',
	p ->> 'targeted', p ->> 'why' FROM jsonb_array_elements(show('zoe', 'read', 'doc:7', :'ctx') -> 'policies') AS p;
-- why a rule or a group has its value though nobody asked its conditions
SELECT n ->> 'kind', n ->> 'name', n ->> 'value', n ->> 'why' FROM jsonb_path_query(show('ann', 'read', 'doc:7', :'ctx'),
	'strict $.policies[*].**.members[*] ? (exists (@.why))') AS n;
SELECT n ->> 'kind', n ->> 'name', n ->> 'value', n ->> 'why' FROM jsonb_path_query(show('ann', 'read', 'doc:7', :'ctx'),
	'strict $.policies[*].groups[*] ? (exists (@.why))') AS n;
-- what decided: a default, then an explicit denial, then an allow
SELECT show('ann', 'read', 'doc:7', :'ctx') -> 'decided_by', show('ann', 'read', 'doc:7', :'ctx') ->> 'reason';
SELECT show('ann', 'read', 'doc:7',
	:'ctx'::jsonb || '{"user": {"level": 1}, "env": {"time_hour": 12, "day_of_week": "monday"}}') -> 'decided_by',
	show('ann', 'read', 'doc:7', :'ctx'::jsonb || '{"user": {"level": 1}, "env": {"time_hour": 12, "day_of_week": "monday"}}') ->> 'reason';
SELECT show('ann', 'read', 'doc:7', :'ctx'::jsonb || '{"env": {"time_hour": 12, "day_of_week": "monday"}}') -> 'decided_by',
	show('ann', 'read', 'doc:7', :'ctx'::jsonb || '{"env": {"time_hour": 12, "day_of_week": "monday"}}') ->> 'reason';
-- a grant in the scope: only the platform's policies were asked
INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id) SELECT 'zoe', id, true, 'organization',
	'o1' FROM abac_permissions WHERE name = 'doc:read';
UPDATE abac_policies SET is_active = false WHERE name = 'main';
SELECT show('zoe', 'read', 'doc:7', :'ctx') ->> 'reason', jsonb_path_query_array(show('zoe', 'read', 'doc:7', :'ctx'), '$.policies.name');
UPDATE abac_policies SET is_active = true WHERE name = 'main';

-- the drawing
SELECT abac_explain_text('ann', 'read', 'doc:7', :'ctx');
SELECT abac_explain_text('ann', 'read', 'doc:7',
	:'ctx'::jsonb || '{"user": {"level": 1}, "env": {"time_hour": 12, "day_of_week": "monday"}}');
SELECT abac_explain_text('yan', 'read', 'doc:7', :'ctx');
SELECT abac_explain_text('ann', 'read', 'doc', '{"scope": {"workspace": "w9", "organization": "o1"}}');
SELECT abac_explain_text(NULL, 'read', 'doc');
ROLLBACK TO world;

--
-- Legacy rules and roles, when nothing before them decided
--
INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value, logic_group) SELECT p.id, NULL, 'user.mfa',
	'eq', jsonb 'true', 'AND' FROM abac_permissions AS p WHERE name = 'doc:read'
	UNION ALL SELECT p.id, r.id, 'resource.status', 'in', '["draft", "final"]', 'OR' FROM abac_permissions AS p,
	abac_roles AS r WHERE p.name = 'doc:*' AND r.name = 'editor';
INSERT INTO abac_policy_rules (organization_id, name, resource_type, effect, priority, conditions) VALUES ('o1', 'frozen', '*', 'deny', 3,
	'{"attr": "resource.frozen", "op": "eq", "val": true}'), ('o1', 'owners', 'doc', 'allow', 1,
	'{"attr": "resource.owner", "op": "eq", "val": "$user.id"}');
SELECT jsonb_pretty(show('bob', 'read', 'doc:1',
	'{"scope": {"organization": "o1"}, "resource": {"frozen": false, "owner": "ann"}}') - 'policies');
SELECT abac_explain_text('bob', 'read', 'doc:1', '{"scope": {"organization": "o1"}, "resource": {"frozen": false, "owner": "ann"}}');
SELECT abac_explain_text('bob', 'read', 'doc:1', '{"scope": {"organization": "o1"}, "resource": {"frozen": true}}');
SELECT show('bob', 'read', 'doc:1',
	'{"scope": {"organization": "o1"}, "resource": {"frozen": false}, "user": {"mfa": true}}') -> 'decided_by';
SELECT show('bob', 'write', 'doc:1', '{"scope": {"organization": "o1"}, "resource": {"frozen": false, "owner": "bob"}}') -> 'decided_by';
ROLLBACK TO world;

--
-- Leaves: what was compared, where it came from, and why it isn't true
--
INSERT INTO abac_attribute_definitions (name, data_type, default_value, source) VALUES ('user.number', 'number', NULL, 'any'),
	('user.date', 'date', NULL, 'any'), ('user.string', 'string', NULL, 'any'), ('user.defaulted', 'string', '"x"', 'any'),
	('user.stored', 'string', NULL, 'stored'), ('user.global', 'string', NULL, 'global'), ('resource.number', 'number', NULL, 'any');
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('leaf',
	'{"null": null, "number": "five", "profile": {"level": 3, "null": null}, "string": "x", "list": [1, null]}');
INSERT INTO abac_rules (name) VALUES ('r');
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups AS g, abac_rules AS r;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies AS p, abac_rule_groups AS g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'leaf' FROM abac_policies;
CREATE FUNCTION leaf(tree text, ctx jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE
	l jsonb;
BEGIN
	UPDATE abac_rules SET conditions = tree::jsonb WHERE conditions::text IS DISTINCT FROM tree;
	l := abac_explain('leaf', 'read', 'doc:1', ctx) #> '{policies,0,groups,0,members,0,conditions}';
	RETURN concat_ws(' ', l ->> 'attribute', l ->> 'path', l ->> 'operator', l -> 'expected', 'is', l -> 'actual', '(' || (l ->> 'source') || ')', '=>', l ->> 'value') || coalesce(E'\n    ' || (l ->> 'why'), '');
END
$$;
SELECT leaf(tree, '{"user": {"from_ctx": "x", "ctx_null": null}, "resource": {"number": "ten"}}') FROM unnest(ARRAY[
	'{"attribute": "user.string", "operator": "eq", "value": "x"}',
	'{"attribute": "user.string", "operator": "==", "value": "y"}',
	'{"attribute": "subject.from_ctx", "operator": "ne", "value": "x"}',
	'{"attribute": "user.string", "operator": "neq", "value": "$user.from_ctx"}',
	'{"attribute": "user.missing", "operator": "eq", "value": "x"}',
	'{"attribute": "user.ctx_null", "operator": "eq", "value": "x"}',
	'{"attribute": "user.null", "operator": "eq", "value": "x"}',
	'{"attribute": "user.stored", "operator": "eq", "value": "x"}',
	'{"attribute": "user.global", "operator": "eq", "value": "x"}',
	'{"attribute": "user.defaulted", "operator": "eq", "value": "y"}',
	'{"attribute": "user.defaulted", "operator": "exists", "value": true}',
	'{"attribute": "user.defaulted", "operator": "exists", "value": false}',
	'{"attribute": "user.string", "operator": "exists", "value": false}',
	'{"attribute": "user.missing", "operator": "exists", "value": true}',
	'{"attribute": "user.null", "operator": "exists", "value": true}',
	'{"attribute": "user.number", "operator": "gt", "value": 3}',
	'{"attribute": "user.string", "operator": "eq", "value": "$user.missing"}',
	'{"attribute": "user.string", "operator": "eq", "value": "$user.null"}',
	'{"attribute": "user.from_ctx", "operator": "eq", "value": "$resource.number"}',
	'{"attribute": "user.string", "operator": "eq", "value": "$resource.number"}',
	'{"attribute": "user.from_ctx", "operator": "eq", "value": 5}',
	'{"attribute": "user.string", "operator": "in_cidr", "value": "10.0.0.0/8"}',
	'{"attribute": "user.string", "operator": "eq", "value": {"literal": ["x"]}}',
	'{"attribute": "resource.number", "operator": "eq", "value": "many"}',
	'{"attribute": "user.profile", "operator": "eq", "value": 3, "path": "$.level"}',
	'{"attribute": "user.profile", "operator": "gt", "value": 3, "path": "$.level"}',
	'{"attribute": "user.profile", "operator": "eq", "value": 3, "path": "$.rank"}',
	'{"attribute": "user.profile", "operator": "eq", "value": 3, "path": "$.level.deeper"}',
	'{"attribute": "user.profile", "operator": "exists", "value": true, "path": "$.rank"}',
	'{"attribute": "user.profile", "operator": "exists", "value": false, "path": "$.level"}',
	'{"attribute": "user.profile", "operator": "eq", "value": 3, "path": "$.null"}',
	'{"attribute": "user.profile", "operator": "exists", "value": true, "path": "$.null"}',
	'{"attribute": "user.list", "operator": "contains", "value": 2}',
	'{"attribute": "user.string", "operator": "matches", "value": "^y"}',
	'{"attribute": "user.string", "operator": "eq", "value": {"literal": {"ref": "user.string"}}}',
	'{"attribute": "user.id", "operator": "eq", "value": 5}']) AS tree;

--
-- Broken rows: reported, and nobody else's trouble
--
INSERT INTO abac_rules (name, conditions) VALUES ('good', 'true');
INSERT INTO abac_rule_groups (name) VALUES ('good');
INSERT INTO abac_policies (name, priority) VALUES ('good', -1);
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id,
	r.id FROM abac_rule_groups AS g JOIN abac_rules AS r USING (name) WHERE name = 'good';
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id,
	g.id FROM abac_policies AS p JOIN abac_rule_groups AS g USING (name) WHERE name = 'good';
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT p.id, 'user', u FROM abac_policies AS p,
	unnest('{leaf,other}'::text[]) AS u WHERE name = 'good';
SET LOCAL session_replication_role = replica;
UPDATE abac_rules SET conditions = '{"logic": "and", "conditions": [true, {"attribute": "user.string", "operator": "sounds_like", "value": "x"}]}' WHERE name = 'r';
SELECT abac_explain_text('leaf', 'read', 'doc:1');
SELECT show('leaf', 'read', 'doc:1') #> '{policies,0,groups,0,members,0}';
SELECT abac_check('leaf', 'read', 'doc:1') AS "the good policy still allows", abac_check('other', 'read', 'doc:1');
UPDATE abac_policies SET effect = 'deny' WHERE name = 'p';
SELECT abac_explain_text('leaf', 'read', 'doc:1');
SELECT abac_check('leaf', 'read', 'doc:1'), abac_check('other', 'read', 'doc:1');
UPDATE abac_rules SET conditions = '{"attribute": "user.string", "operator": "matches", "value": "("}' WHERE name = 'r';
SELECT show('leaf', 'read', 'doc:1') #>> '{policies,0,groups,0,members,0,why}';
-- a member that isn't there
DELETE FROM abac_rules WHERE name = 'r';
SELECT abac_explain_text('leaf', 'read', 'doc:1');
-- a cycle
DELETE FROM abac_rule_group_members WHERE rule_id NOT IN (SELECT id FROM abac_rules);
INSERT INTO abac_rule_groups (name) VALUES ('h');
INSERT INTO abac_rule_group_members (group_id, child_group_id) SELECT g.id, h.id FROM abac_rule_groups AS g,
	abac_rule_groups AS h WHERE (g.name, h.name) IN (('g', 'h'), ('h', 'g'));
SELECT abac_explain_text('leaf', 'read', 'doc:1');
-- legacy rules and conditions of roles
DELETE FROM abac_policies;
INSERT INTO abac_policy_rules (organization_id, name, conditions) VALUES ('o1', 'broken', '{"and": []}');
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) SELECT id, 'level', 'eq',
	'1' FROM abac_permissions WHERE name = 'doc:read';
SELECT abac_explain_text('bob', 'read', 'doc:1', '{"scope": {"organization": "o1"}}');
SET LOCAL session_replication_role = origin;
ROLLBACK TO world;

--
-- Groups that share members could be shown without end
--
INSERT INTO abac_rules (name) VALUES ('r');
INSERT INTO abac_rule_groups (name) SELECT 'level ' || i || side FROM generate_series(0, 15) AS i, unnest('{a,b}'::text[]) AS side;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups AS g,
	abac_rules AS r WHERE g.name LIKE 'level 0_';
INSERT INTO abac_rule_group_members (group_id, child_group_id) SELECT g.id,
	c.id FROM generate_series(1,
	15) AS i JOIN abac_rule_groups AS g ON g.name LIKE 'level ' || i || '_' JOIN abac_rule_groups AS c ON c.name LIKE 'level ' || i - 1 || '_';
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies AS p,
	abac_rule_groups AS g WHERE g.name LIKE 'level 15_';
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'ann' FROM abac_policies;
SELECT e -> 'decision', (SELECT count(*) BETWEEN 20000 AND 20100 FROM jsonb_path_query(e, 'strict $.**.kind')),
	(SELECT count(*) > 0 FROM jsonb_path_query(e, 'strict $.**.elided')) FROM abac_explain('ann', 'read', 'doc') AS e;
ROLLBACK;
