-- What the tables refuse to hold.  Nothing here decides anything.
CREATE FUNCTION rule(text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM abac_rules WHERE name = $1';
CREATE FUNCTION grp(text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM abac_rule_groups WHERE name = $1';
CREATE FUNCTION pol(text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM abac_policies WHERE name = $1';
CREATE FUNCTION rol(text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM abac_roles WHERE name = $1';
CREATE FUNCTION perm(text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM abac_permissions WHERE name = $1';
CREATE FUNCTION leaf(attribute text, operator text, value text) RETURNS jsonb LANGUAGE sql AS
	'SELECT jsonb_build_object(''attribute'', $1, ''operator'', $2, ''value'', $3::jsonb)';
CREATE PROCEDURE sweep() LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL abac.allow_system_changes = on;
	TRUNCATE abac_attribute_definitions, abac_rules, abac_rule_groups, abac_rule_group_members, abac_policies,
		abac_policy_rule_groups, abac_policy_assignments, abac_user_attributes, abac_scopes, abac_memberships, abac_roles,
		abac_permissions, abac_role_permissions, abac_user_roles, abac_user_permissions, abac_conditions, abac_policy_rules,
		abac_relations;
END
$$;

--
-- Cycles among groups
--
INSERT INTO abac_rule_groups (name) VALUES ('a'), ('b'), ('c');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('a'), grp('b'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('b'), grp('a'));
\set VERBOSITY terse
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('a'), grp('a'));
\set VERBOSITY default
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('b'), grp('c'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('c'), grp('a'));
-- by UPDATE, and both halves in one statement
UPDATE abac_rule_group_members SET child_group_id = grp('a') WHERE group_id = grp('b');
DELETE FROM abac_rule_group_members;
INSERT INTO abac_rule_group_members (group_id, child_group_id)
	VALUES (grp('a'), grp('b')), (grp('b'), grp('c')), (grp('c'), grp('a'));
-- an edge that is turned around is none
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('a'), grp('b'));
UPDATE abac_rule_group_members SET group_id = child_group_id, child_group_id = group_id;
SELECT count(*) FROM abac_rule_group_members;
-- COPY; a way that leads twice to a group is no cycle
DELETE FROM abac_rule_group_members;
UPDATE abac_rule_groups SET id = ('00000000-0000-0000-0000-00000000000' || name)::uuid;
COPY abac_rule_group_members (group_id, child_group_id) FROM stdin;
00000000-0000-0000-0000-00000000000a	00000000-0000-0000-0000-00000000000b
00000000-0000-0000-0000-00000000000b	00000000-0000-0000-0000-00000000000a
\.
COPY abac_rule_group_members (group_id, child_group_id) FROM stdin;
00000000-0000-0000-0000-00000000000a	00000000-0000-0000-0000-00000000000c
00000000-0000-0000-0000-00000000000b	00000000-0000-0000-0000-00000000000c
00000000-0000-0000-0000-00000000000a	00000000-0000-0000-0000-00000000000b
\.
SELECT count(*) FROM abac_rule_group_members;
CALL sweep();

-- 32 levels, and not one more, wherever it is added; rows in any order
INSERT INTO abac_rule_groups (name) SELECT 'g' || i FROM generate_series(1, 33) i;
INSERT INTO abac_rule_group_members (group_id, child_group_id)
	SELECT grp('g' || i), grp('g' || i + 1) FROM generate_series(1, 31) i ORDER BY i % 7;
SELECT count(*) FROM abac_rule_group_members;
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('g32'), grp('g33'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('g33'), grp('g1'));
DELETE FROM abac_rule_group_members WHERE group_id = grp('g16');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('g16'), grp('g33')), (grp('g33'), grp('g17'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('g16'), grp('g17'));
CALL sweep();

-- 20 layers of 4, each group containing all of the next layer: 4^19 ways down
INSERT INTO abac_rule_groups (name) SELECT format('%s.%s', i, j) FROM generate_series(1, 20) i, generate_series(1, 4) j;
INSERT INTO abac_rule_group_members (group_id, child_group_id)
	SELECT grp(format('%s.%s', i, j)), grp(format('%s.%s', i + 1, k))
	FROM generate_series(1, 19) i, generate_series(1, 4) j, generate_series(1, 4) k;
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('20.1'), grp('19.1'));
CALL sweep();

-- a cycle that is already there (guards were off) is reported, and can be undone
INSERT INTO abac_rule_groups (name) VALUES ('a'), ('b'), ('c');
SET session_replication_role = replica;
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('a'), grp('b')), (grp('b'), grp('a'));
RESET session_replication_role;
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('c'), grp('a'));
DELETE FROM abac_rule_group_members WHERE group_id = grp('b');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('c'), grp('a'));
CALL sweep();

--
-- Organizations of what groups and policies contain
--
INSERT INTO abac_rules (organization_id, name) VALUES (NULL, 'platform rule'), ('acme', 'acme rule'), ('globex', 'globex rule');
INSERT INTO abac_rule_groups (organization_id, name) VALUES (NULL, 'platform group'), ('acme', 'acme group'), ('globex', 'globex group');
INSERT INTO abac_policies (organization_id, name) VALUES (NULL, 'platform policy'), ('acme', 'acme policy');
INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('acme group'), rule('acme rule')), (grp('acme group'), rule('platform rule')),
	(grp('platform group'), rule('platform rule'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('acme group'), grp('platform group'));
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (pol('acme policy'), grp('acme group')), (pol('platform policy'), grp('platform group'));
INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('acme group'), rule('globex rule'));
INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('platform group'), rule('acme rule'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('platform group'), grp('acme group'));
UPDATE abac_rule_group_members SET rule_id = rule('globex rule') WHERE rule_id = rule('acme rule');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (pol('acme policy'), grp('globex group'));
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (pol('platform policy'), grp('acme group'));
-- from the other side
UPDATE abac_rules SET organization_id = 'globex' WHERE name = 'acme rule';
UPDATE abac_rules SET organization_id = 'acme' WHERE name = 'platform rule';
UPDATE abac_rules SET organization_id = NULL WHERE name = 'acme rule';
UPDATE abac_rules SET organization_id = 'acme' WHERE name = 'acme rule';
UPDATE abac_rule_groups SET organization_id = 'globex' WHERE name = 'acme group';
UPDATE abac_rule_groups SET organization_id = NULL WHERE name = 'acme group';
UPDATE abac_rule_groups SET organization_id = 'acme' WHERE name = 'platform group';
UPDATE abac_policies SET organization_id = 'globex' WHERE name = 'acme policy';
UPDATE abac_policies SET organization_id = NULL WHERE name = 'acme policy';
-- a change of all of them in one statement is judged as a whole
WITH r AS (UPDATE abac_rules SET organization_id = 'initech' WHERE name = 'acme rule'),
	g AS (UPDATE abac_rule_groups SET organization_id = 'initech' WHERE name = 'acme group')
UPDATE abac_policies SET organization_id = 'initech' WHERE name = 'acme policy';
SELECT name, organization_id FROM abac_rule_groups ORDER BY name;
CALL sweep();
-- while a dump is restored, rows that aren't there are no violation; but those that come are judged
INSERT INTO abac_rule_group_members (group_id, rule_id)
	VALUES ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b');
SET check_function_bodies = off;
INSERT INTO abac_rule_group_members (group_id, rule_id)
	VALUES ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b');
INSERT INTO abac_rule_groups (id, organization_id, name) VALUES ('00000000-0000-0000-0000-00000000000a', 'acme', 'late group');
INSERT INTO abac_rules (id, organization_id, name) VALUES ('00000000-0000-0000-0000-00000000000b', 'globex', 'late rule');
INSERT INTO abac_rules (id, organization_id, name) VALUES ('00000000-0000-0000-0000-00000000000b', 'acme', 'late rule');
RESET check_function_bodies;
CALL sweep();

--
-- Roles and their contexts
--
INSERT INTO abac_roles (organization_id, name, scope) VALUES
	(NULL, 'admin', 'global'), (NULL, 'auditor', 'organization'), ('acme', 'member', 'organization'),
	('acme', 'lead', 'project'), (NULL, 'guest', 'project'), ('acme', 'editor', 'workspace');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES
	('workspace', 'w1', 'project', 'p1'), ('workspace', 'w9', 'project', 'p9'), ('workspace', 'w2', 'organization', 'globex'),
	('project', 'p1', 'organization', 'acme'), ('project', 'p9', 'organization', 'globex'), ('team', 't', NULL, NULL);
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES
	('ann', rol('admin'), 'global', NULL), ('ann', rol('auditor'), 'organization', 'globex'),
	('ann', rol('member'), 'organization', 'acme'), ('ann', rol('lead'), 'project', 'p1'), ('ann', rol('guest'), 'project', 'p9'),
	('ann', rol('editor'), 'workspace', 'w1'), ('ann', rol('editor'), 'workspace', 'unknown'), ('ann', rol('lead'), 'project', 'unknown');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('bob', rol('admin'), 'organization', 'acme');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('bob', rol('auditor'), 'global', NULL);
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('bob', rol('member'), 'organization', 'globex');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('bob', rol('lead'), 'project', 'p9');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('bob', rol('editor'), 'workspace', 'w9');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('bob', rol('editor'), 'workspace', 'w2');
UPDATE abac_user_roles SET context_id = 'p9' WHERE role_id = rol('lead') AND context_id = 'p1';
UPDATE abac_user_roles SET user_id = 'bob' WHERE role_id = rol('lead') AND context_id = 'p1';
-- from the role's side
UPDATE abac_roles SET scope = 'workspace' WHERE name = 'guest';
UPDATE abac_roles SET organization_id = 'acme' WHERE name = 'guest';
UPDATE abac_roles SET organization_id = 'globex' WHERE name = 'guest';
UPDATE abac_roles SET organization_id = 'acme' WHERE name = 'auditor';
UPDATE abac_roles SET organization_id = 'globex' WHERE name = 'editor';
UPDATE abac_roles SET organization_id = NULL WHERE name = 'member';
-- from the scope's side, also for what is below it
UPDATE abac_scopes SET parent_id = 'globex' WHERE scope_id = 'p1';
DELETE FROM abac_user_roles WHERE context_id = 'p1';
UPDATE abac_scopes SET parent_id = 'globex' WHERE scope_id = 'p1';
UPDATE abac_scopes SET parent_id = 'p9' WHERE scope_id = 'w1';
UPDATE abac_scopes SET parent_type = 'organization', parent_id = 'globex' WHERE scope_id = 'w1';
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('workspace', 'unknown', 'project', 'p9');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'unknown', 'organization', 'globex');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('workspace', 'unknown', 'project', 'unknown2');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'unknown2', 'organization', 'globex');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'unknown2', 'organization', 'acme');
-- a scope that goes leaves no violation behind
DELETE FROM abac_scopes WHERE scope_id = 'p1';
CALL sweep();

--
-- Definitions by themselves
--
INSERT INTO abac_attribute_definitions (name, validation_regex) VALUES ('user.x', '(');
INSERT INTO abac_attribute_definitions (name, data_type, allowed_values) VALUES ('user.x', 'number', '[1, "2", "three"]');
INSERT INTO abac_attribute_definitions (name, data_type, allowed_values) VALUES ('user.x', 'string', '["a", ["b"]]');
INSERT INTO abac_attribute_definitions (name, data_type, allowed_values) VALUES ('user.x', 'json', '["a", null]');
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'number', '"high"');
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'string', '["a"]');
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'array', '"a"');
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'date', '"2024-02-30"');
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'ip', '"10.0.0.0.1"');
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'boolean', '"yes"');
INSERT INTO abac_attribute_definitions (name, data_type, is_multivalued, default_value) VALUES ('user.x', 'number', true, '[1, "2", true]');
INSERT INTO abac_attribute_definitions (name, allowed_values, default_value) VALUES ('user.x', '["a", "b"]', '"c"');
INSERT INTO abac_attribute_definitions (name, validation_regex, default_value) VALUES ('user.x', '^[a-z]+$', '"C"');
INSERT INTO abac_attribute_definitions (name, data_type, validation_regex, default_value) VALUES ('user.x', 'json', '^a', '[{"a": 1}]');
INSERT INTO abac_attribute_definitions (name, data_type, is_multivalued, allowed_values, validation_regex, default_value) VALUES
	('user.a', 'number', false, '["1", 2]', '^[12]$', '"2"'),
	('user.b', 'number', true, '[1, 2]', NULL, '["1", 2, 2.0]'),
	('user.c', 'number', true, '[1, 2]', NULL, '1'),
	('user.d', 'array', false, '["a", 1]', NULL, '["a", 1]'),
	('user.e', 'json', false, '[{"a": 1}]', '^\{', '{"a": 1.0}'),
	('user.f', 'date', false, '["2024-01-01T00:00:00Z"]', '^2024', '"2024-01-01"'),
	('user.g', 'cidr', false, '["10.0.0.0/8"]', NULL, '"10.0.0.0/8"'),
	('user.h', 'string', false, '["true", "1"]', NULL, 'true'),
	('user.i', 'string', true, '[]', NULL, '[]');
-- what an UPDATE makes of it is judged too
UPDATE abac_attribute_definitions SET allowed_values = '[1]' WHERE name = 'user.a';
UPDATE abac_attribute_definitions SET data_type = 'boolean' WHERE name = 'user.h';
UPDATE abac_attribute_definitions SET is_multivalued = false WHERE name = 'user.b';
CALL sweep();

--
-- A system name can't be redefined
--
INSERT INTO abac_attribute_definitions (organization_id, name, is_system) VALUES (NULL, 'user.id', true), (NULL, 'user.level', false);
INSERT INTO abac_attribute_definitions (organization_id, name) VALUES ('acme', 'user.id');
INSERT INTO abac_attribute_definitions (organization_id, name) VALUES ('acme', 'user.level');
UPDATE abac_attribute_definitions SET name = 'user.id' WHERE organization_id = 'acme';
UPDATE abac_attribute_definitions SET is_system = true WHERE name = 'user.level' AND organization_id IS NULL;
UPDATE abac_attribute_definitions SET organization_id = NULL, name = 'user.rank' WHERE organization_id = 'acme';
UPDATE abac_attribute_definitions SET is_system = true WHERE name = 'user.level';
INSERT INTO abac_attribute_definitions (organization_id, name, is_system) VALUES ('acme', 'user.grade', true);
INSERT INTO abac_attribute_definitions (organization_id, name) VALUES ('globex', 'user.grade');
-- in any order
INSERT INTO abac_attribute_definitions (organization_id, name, is_system) VALUES ('acme', 'user.new', false), (NULL, 'user.new', true);
CALL sweep();

--
-- Conditions
--
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES
	(NULL, 'user.department', 'string'), (NULL, 'user.clearance', 'number'), (NULL, 'env.address', 'ip'), ('acme', 'user.badge', 'string');
-- every row of a statement is judged, and named
INSERT INTO abac_rules (organization_id, name, conditions) VALUES
	(NULL, 'good', leaf('user.department', 'eq', '"hr"')), ('acme', 'bad', leaf('user.department', 'equal', '"hr"'));
INSERT INTO abac_rules (name, conditions) VALUES ('bad', leaf('user.department', 'eq', 'null'));
INSERT INTO abac_rules (name, conditions) VALUES ('bad', leaf('user.department', 'matches', '"("'));
INSERT INTO abac_rules (name, conditions) VALUES ('bad', leaf('env.address', 'gt', '"10.0.0.1"'));
INSERT INTO abac_rules (name, conditions) VALUES ('bad', leaf('env.address', 'in_cidr', '"10.0.0.1/8"'));
INSERT INTO abac_rules (name, conditions) VALUES ('bad', '{"logic": "and", "conditions": []}');
INSERT INTO abac_rules (name, conditions) VALUES ('bad', '"x"');
INSERT INTO abac_rules (name, conditions) VALUES ('none', NULL);
UPDATE abac_rules SET conditions = '{}' WHERE name = 'none';
COPY abac_rules (name, conditions) FROM stdin;
copied	true
bad	[]
\.
INSERT INTO abac_policy_rules (organization_id, name, conditions) VALUES ('acme', 'bad', leaf('user.department', 'equal', '"hr"'));
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) VALUES (perm('doc:read'), 'user.department', 'equal', '"hr"');
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) VALUES (perm('doc:read'), 'department', 'eq', '"hr"');
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) VALUES (perm('doc:read'), 'user.department', 'eq', '"hr"');
UPDATE abac_conditions SET attribute_value = '[1]', operator = 'between';
-- a value that can't be coerced: always a warning
SET abac.attribute_validation = strict;
INSERT INTO abac_rules (name, conditions) VALUES ('never', leaf('user.clearance', 'gt', '"high"'));
SET abac.attribute_validation = off;
INSERT INTO abac_rules (name, conditions) VALUES ('never 2', leaf('user.clearance', 'gt', '"high"'));
-- an attribute that nobody defined: as abac.attribute_validation says, with the nearest name that the writer's rules see
INSERT INTO abac_rules (name, conditions) VALUES ('typo 1', leaf('subject.departmnt', 'eq', '"hr"'));
SET abac.attribute_validation = strict;
INSERT INTO abac_rules (name, conditions) VALUES ('typo 2', leaf('subject.departmnt', 'eq', '"hr"'));
RESET abac.attribute_validation;
INSERT INTO abac_rules (name, conditions) VALUES ('typo 3', leaf('subject.departmnt', 'eq', '"hr"'));
INSERT INTO abac_rules (organization_id, name, conditions) VALUES ('acme', 'typo 4', leaf('user.badges', 'eq', '"hr"')), ('globex', 'typo 4', leaf('user.badges', 'eq', '"hr"'));
INSERT INTO abac_rules (name, conditions) VALUES ('typo 5', leaf('env.time_of_the_day', 'eq', '"$user.rolls"'));
INSERT INTO abac_rules (name, conditions) VALUES ('builtin', leaf('user.roles', 'contains', '"$env.day_of_week"'));
-- nothing is said when the condition stays as it is
UPDATE abac_rules SET priority = 1 WHERE name = 'typo 3';
UPDATE abac_rules SET conditions = conditions WHERE name = 'typo 3';
UPDATE abac_rules SET organization_id = 'acme' WHERE name = 'typo 3';
-- nor while a dump is restored
SET check_function_bodies = off;
SET abac.attribute_validation = strict;
INSERT INTO abac_rules (name, conditions) VALUES ('restored', leaf('user.departmnt', 'eq', '"hr"'));
CREATE ROLE regress_abac_writer;
GRANT INSERT ON abac_rules TO regress_abac_writer;
SET ROLE regress_abac_writer;
INSERT INTO abac_rules (name, conditions) VALUES ('not restored', leaf('user.departmnt', 'eq', '"hr"'));
RESET ROLE;
RESET abac.attribute_validation;
RESET check_function_bodies;
CALL sweep();

--
-- Definitions under conditions that are there
--
INSERT INTO abac_rules (organization_id, name, conditions) VALUES
	(NULL, 'platform rule', leaf('user.address', 'starts_with', '"10."')),
	('acme', 'acme rule', jsonb_build_object('not', leaf('resource.name', 'ends_with', '"$subject.host"')));
INSERT INTO abac_policy_rules (organization_id, name, conditions) VALUES ('acme', 'acme legacy', leaf('resource.tags', 'gt', '"a"'));
INSERT INTO abac_roles (organization_id, name) VALUES ('acme', 'member');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value) VALUES
	(perm('doc:read'), rol('member'), 'environment.zone', 'matches', '"^eu"');
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.address', 'ip');
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES ('acme', 'user.address', 'ip');
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES ('acme', 'user.host', 'date');
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.host', 'ip');
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES ('acme', 'resource.tags', 'cidr');
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES ('globex', 'resource.tags', 'cidr');
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES ('acme', 'env.zone', 'date');
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('env.zone', 'date');
-- an organization's own definition goes before the platform-wide one, and must stay while it is needed
INSERT INTO abac_attribute_definitions (organization_id, name, data_type) VALUES ('acme', 'env.zone', 'string');
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('env.zone', 'date');
DELETE FROM abac_attribute_definitions WHERE organization_id = 'acme' AND name = 'env.zone';
UPDATE abac_attribute_definitions SET name = 'env.area' WHERE organization_id = 'acme' AND name = 'env.zone';
UPDATE abac_attribute_definitions SET data_type = 'ip' WHERE organization_id = 'acme' AND name = 'env.zone';
UPDATE abac_attribute_definitions SET description = 'x' WHERE organization_id = 'acme' AND name = 'env.zone';
-- the role's organization is what its conditions see definitions from
UPDATE abac_roles SET organization_id = NULL WHERE name = 'member';
-- both in one statement
WITH c AS (UPDATE abac_conditions SET operator = 'eq' WHERE attribute_key = 'environment.zone')
UPDATE abac_attribute_definitions SET data_type = 'ip' WHERE organization_id = 'acme' AND name = 'env.zone';
-- contains asks about elements, where there can be some
INSERT INTO abac_attribute_definitions (name, data_type, is_multivalued) VALUES ('user.addresses', 'ip', true);
INSERT INTO abac_rules (name, conditions) VALUES ('flip', leaf('user.addresses', 'contains', '"10.0.0.1"'));
UPDATE abac_attribute_definitions SET is_multivalued = false WHERE name = 'user.addresses';
-- a rule that was broken before doesn't block other definitions
SET session_replication_role = replica;
INSERT INTO abac_rules (name, conditions) VALUES ('broken', leaf('user.broken', 'nonsense', '1'));
RESET session_replication_role;
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.other', 'ip');
CALL sweep();

--
-- User attributes
--
INSERT INTO abac_attribute_definitions (organization_id, name, data_type, is_multivalued, allowed_values, validation_regex) VALUES
	(NULL, 'user.level', 'number', false, '[1, 2, 3]', NULL), ('acme', 'user.level', 'string', false, NULL, '^L[0-9]$'),
	(NULL, 'user.skills', 'string', true, '["c", "sql"]', NULL), (NULL, 'user.contact.mail', 'string', false, NULL, '@'),
	(NULL, 'resource.level', 'boolean', false, NULL, NULL), ('globex', 'user.joined', 'date', false, NULL, NULL);
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('ann', NULL, '{"level": 2, "skills": ["c"], "contact": {"mail": "a@b"}, "joined": "never", "anything": 1}'),
	('ann', 'acme', '{"level": "L2", "skills": "sql", "joined": "never"}'),
	('ann', 'globex', '{"level": "3", "skills": [], "contact": {"phone": 1}, "joined": "2024-02-03"}'),
	('bob', NULL, '{"level": null, "contact": "none"}');
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('eve', NULL, '{"level": "L2", "skills": ["c", "cobol"], "contact": {"mail": "secret"}}'),
	('eve', 'acme', '{"level": 2, "skills": {"c": 1}}'),
	('eve', 'globex', '{"level": 4, "joined": "yesterday"}');
SET abac.attribute_validation = strict;
UPDATE abac_user_attributes SET attributes = '{"level": 4}' WHERE user_id = 'bob';
UPDATE abac_user_attributes SET attributes = '{"level": "x"}' WHERE user_id = 'bob';
UPDATE abac_user_attributes SET attributes = '{"contact": {"mail": 5}}' WHERE user_id = 'bob';
UPDATE abac_user_attributes SET attributes = '{"skills": ["sql", true]}' WHERE user_id = 'bob';
-- what was accepted before can be kept
UPDATE abac_user_attributes SET user_id = 'mallory' WHERE user_id = 'eve';
UPDATE abac_user_attributes SET organization_id = 'initech' WHERE user_id = 'mallory' AND organization_id = 'acme';
SET abac.attribute_validation = off;
UPDATE abac_user_attributes SET attributes = '{"level": 4}' WHERE user_id = 'bob';
RESET abac.attribute_validation;
CALL sweep();

--
-- System rows
--
INSERT INTO abac_attribute_definitions (name, is_system) VALUES ('user.sys', true), ('user.plain', false);
INSERT INTO abac_rules (name, is_system) VALUES ('sys', true), ('plain', false);
INSERT INTO abac_rule_groups (name, is_system) VALUES ('sys', true), ('plain', false), ('child', false);
INSERT INTO abac_policies (name, is_system) VALUES ('sys', true), ('plain', false);
INSERT INTO abac_roles (organization_id, name, is_system) VALUES ('acme', 'sys', true), ('acme', 'plain', false);
-- texts may change
UPDATE abac_attribute_definitions SET display_name = 'x', description = 'y', updated_by = 'me' WHERE is_system;
UPDATE abac_rules SET description = 'y', updated_by = 'me' WHERE is_system;
UPDATE abac_policies SET description = 'y', is_active = is_active WHERE is_system;
-- nothing else
UPDATE abac_attribute_definitions SET category = 'subject' WHERE is_system;
UPDATE abac_rules SET is_active = false WHERE is_system;
UPDATE abac_rules SET conditions = 'true' WHERE is_system;
UPDATE abac_rule_groups SET is_system = false WHERE is_system;
UPDATE abac_policies SET priority = 7 WHERE is_system;
UPDATE abac_roles SET created_by = 'me' WHERE is_system;
DELETE FROM abac_attribute_definitions;
DELETE FROM abac_rules;
DELETE FROM abac_rule_groups WHERE name = 'sys';
DELETE FROM abac_policies WHERE name = 'sys';
DELETE FROM abac_roles WHERE name = 'sys';
-- what they consist of can be added
INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('sys'), rule('plain')), (grp('plain'), rule('plain')), (grp('plain'), rule('sys'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('sys'), grp('child'));
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (pol('sys'), grp('plain')), (pol('plain'), grp('plain')), (pol('plain'), grp('sys'));
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES (pol('sys'), 'user', 'ann'), (pol('plain'), 'user', 'ann');
-- and not changed or removed
UPDATE abac_rule_group_members SET sort_order = 1 WHERE group_id = grp('sys') AND rule_id = rule('plain');
UPDATE abac_rule_group_members SET group_id = grp('plain') WHERE group_id = grp('sys') AND child_group_id = grp('child');
UPDATE abac_rule_group_members SET updated_by = 'me' WHERE group_id = grp('sys');
UPDATE abac_policy_rule_groups SET sort_order = 1 WHERE policy_id = pol('sys');
UPDATE abac_policy_assignments SET is_active = false WHERE policy_id = pol('sys');
DELETE FROM abac_rule_group_members WHERE group_id = grp('sys') AND child_group_id IS NULL;
DELETE FROM abac_policy_rule_groups WHERE policy_id = pol('sys');
DELETE FROM abac_policy_assignments WHERE policy_id = pol('sys');
-- the same of others is free
UPDATE abac_rule_group_members SET sort_order = 1 WHERE group_id = grp('plain');
UPDATE abac_policy_assignments SET is_active = false WHERE policy_id = pol('plain');
DELETE FROM abac_policy_rule_groups WHERE policy_id = pol('plain') AND rule_group_id = grp('sys');
-- TRUNCATE
TRUNCATE abac_attribute_definitions;
TRUNCATE abac_rules CASCADE;
TRUNCATE abac_rule_group_members;
TRUNCATE abac_policy_rule_groups;
TRUNCATE abac_policy_assignments;
TRUNCATE abac_roles CASCADE;
SELECT count(*) FROM abac_rules;
-- a superuser may say otherwise
SET abac.allow_system_changes = on;
UPDATE abac_rules SET is_active = false WHERE is_system;
UPDATE abac_policies SET is_system = false WHERE is_system;
DELETE FROM abac_roles WHERE is_system;
DELETE FROM abac_rule_group_members WHERE group_id = grp('sys');
RESET abac.allow_system_changes;
-- now the policy isn't one any more: its links and assignments go with it
DELETE FROM abac_policies WHERE name = 'sys';
SELECT count(*) FROM abac_policy_assignments;
-- a table without system rows can be truncated
TRUNCATE abac_policies CASCADE;
SET ROLE regress_abac_writer;
SET abac.allow_system_changes = on;
RESET ROLE;
CALL sweep();

--
-- Naming what isn't there
--
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_roles (name, scope) VALUES ('r', 'global');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('g'), '00000000-0000-0000-0000-000000000001');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('g'), '00000000-0000-0000-0000-000000000001');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES ('00000000-0000-0000-0000-000000000001', grp('g'));
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (pol('p'), '00000000-0000-0000-0000-000000000001');
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES ('00000000-0000-0000-0000-000000000001', grp('g'));
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES ('00000000-0000-0000-0000-000000000001', 'user', 'ann');
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES (pol('p'), 'role', '00000000-0000-0000-0000-000000000001');
INSERT INTO abac_role_permissions (role_id, permission_id) VALUES (rol('r'), '00000000-0000-0000-0000-000000000001');
INSERT INTO abac_role_permissions (role_id, permission_id) VALUES ('00000000-0000-0000-0000-000000000001', perm('doc:read'));
INSERT INTO abac_user_roles (user_id, role_id) VALUES ('ann', '00000000-0000-0000-0000-000000000001');
INSERT INTO abac_user_roles (user_id, role_id) VALUES ('ann', rol('r'));
UPDATE abac_user_roles SET role_id = '00000000-0000-0000-0000-000000000001';
INSERT INTO abac_user_permissions (user_id, permission_id, granted) VALUES ('ann', '00000000-0000-0000-0000-000000000001', true);
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value)
	VALUES ('00000000-0000-0000-0000-000000000001', 'user.id', 'exists', 'true');
INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value)
	VALUES (perm('doc:read'), '00000000-0000-0000-0000-000000000001', 'user.id', 'exists', 'true');
-- all that names something is checked by the guard, in place of the foreign key's own trigger
SELECT count(*), count(*) FILTER (WHERE t.tgenabled = 'D') AS disabled,
	count(*) FILTER (WHERE EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.tgrelid AND g.tgname = 'ABAC_guard')) AS guarded
FROM pg_constraint c JOIN pg_trigger t ON t.tgconstraint = c.oid AND t.tgrelid = c.conrelid
WHERE c.contype = 'f' AND c.conrelid::regclass::text LIKE 'abac\_%';
-- the id of a row that is named can't change
UPDATE abac_roles SET id = '00000000-0000-0000-0000-000000000001' WHERE name = 'r';
DELETE FROM abac_user_roles;
UPDATE abac_policy_assignments SET target_id = rol('r')::text;
UPDATE abac_roles SET id = '00000000-0000-0000-0000-000000000001' WHERE name = 'r';
DELETE FROM abac_policy_assignments;
UPDATE abac_roles SET id = '00000000-0000-0000-0000-000000000001' WHERE name = 'r';
CALL sweep();

--
-- Deleting what is in use
--
INSERT INTO abac_rules (organization_id, name) VALUES ('acme', 'r');
INSERT INTO abac_rule_groups (organization_id, name) VALUES ('acme', 'g'), ('acme', 'h');
INSERT INTO abac_policies (organization_id, name) VALUES ('acme', 'p');
INSERT INTO abac_roles (organization_id, name) VALUES ('acme', 'member'), ('acme', 'assigned'), ('acme', 'bound'), ('acme', 'free');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read'), ('doc', 'write'), ('doc', 'share'), ('doc', 'print'), ('doc', 'free');
INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('h'), rule('r'));
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('g'), grp('h'));
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (pol('p'), grp('g'));
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES (pol('p'), 'role', rol('assigned')::text), (pol('p'), 'user', rol('free')::text);
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('ann', rol('member'), 'organization', 'acme');
INSERT INTO abac_role_permissions (role_id, permission_id) VALUES (rol('free'), perm('doc:read'));
INSERT INTO abac_user_permissions (user_id, permission_id, granted) VALUES ('ann', perm('doc:write'), false);
INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value) VALUES
	(perm('doc:share'), rol('bound'), 'user.id', 'exists', 'true'), (perm('doc:print'), NULL, 'user.id', 'exists', 'true');
DELETE FROM abac_rules;
DELETE FROM abac_rule_groups WHERE name = 'g';
DELETE FROM abac_rule_groups WHERE name = 'h';
DELETE FROM abac_roles WHERE name = 'member';
DELETE FROM abac_roles WHERE name = 'assigned';
DELETE FROM abac_roles WHERE name = 'bound';
DELETE FROM abac_permissions WHERE action = 'read';
DELETE FROM abac_permissions WHERE action = 'write';
DELETE FROM abac_permissions WHERE action = 'share';
DELETE FROM abac_permissions WHERE action = 'print';
-- a policy takes its links and assignments along, a role its permissions, a group its members
DELETE FROM abac_policies;
DELETE FROM abac_roles WHERE name = 'assigned';
DELETE FROM abac_roles WHERE name = 'free';
DELETE FROM abac_permissions WHERE action IN ('free', 'read');
DELETE FROM abac_rule_groups WHERE name = 'g';
DELETE FROM abac_rule_groups WHERE name = 'h';
DELETE FROM abac_rules;
-- with what uses it, in one statement
WITH c AS (DELETE FROM abac_conditions) DELETE FROM abac_permissions WHERE action IN ('share', 'print');
SELECT name FROM abac_permissions;
CALL sweep();

--
-- updated_at and version
--
INSERT INTO abac_policies (name, version, updated_at) VALUES ('p', 5, '2020-01-01');
CREATE VIEW touched AS SELECT version, updated_at = now() AS updated_now, updated_at::date, updated_by FROM abac_policies;
BEGIN;
UPDATE abac_policies SET priority = priority, name = 'p';
SELECT * FROM touched;
UPDATE abac_policies SET updated_at = '2021-01-01', version = 99;
SELECT * FROM touched;
UPDATE abac_policies SET updated_by = 'me';
SELECT version, updated_now, updated_by FROM touched;
UPDATE abac_policies SET priority = 9, version = 99, updated_at = '2021-01-01';
SELECT version, updated_now, updated_by FROM touched;
UPDATE abac_policies SET description = 'x';
SELECT version, updated_now, updated_by FROM touched;
INSERT INTO abac_policies (name) VALUES ('p') ON CONFLICT (organization_id, name) DO UPDATE SET priority = 10;
SELECT version, updated_now, updated_by FROM touched;
ROLLBACK;
-- every table has it
SELECT c.relname FROM pg_class c
WHERE c.relname LIKE 'abac\_%' AND c.relkind = 'r'
	AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'ABAC_touch');
BEGIN;
INSERT INTO abac_rules (name, conditions, updated_at) VALUES ('r', 'true', '2020-01-01');
UPDATE abac_rules SET conditions = 'true';
SELECT updated_at = now() AS updated_now FROM abac_rules;
UPDATE abac_rules SET conditions = 'false';
SELECT updated_at = now() AS updated_now FROM abac_rules;
ROLLBACK;
DROP VIEW touched;
CALL sweep();

--
-- A dropped table is no longer registered, whoever drops it
--
CREATE SCHEMA regress_abac_docs AUTHORIZATION regress_abac_writer;
SET ROLE regress_abac_writer;
CREATE TABLE regress_abac_docs.a (id int PRIMARY KEY);
CREATE TABLE regress_abac_docs.b (id int PRIMARY KEY);
CREATE TABLE regress_abac_docs.c (id int PRIMARY KEY);
RESET ROLE;
INSERT INTO abac_relations (relation, resource_type)
	VALUES ('regress_abac_docs.a', 'a'), ('regress_abac_docs.b', 'b'), ('regress_abac_docs.c', 'c'), ('pg_class', 'd');
SET ROLE regress_abac_writer;
ALTER TABLE regress_abac_docs.b DROP COLUMN id;
BEGIN;
DROP TABLE regress_abac_docs.b;
ROLLBACK;
DROP TABLE regress_abac_docs.a;
RESET ROLE;
SELECT resource_type FROM abac_relations ORDER BY 1;
DROP OWNED BY regress_abac_writer;
SELECT resource_type FROM abac_relations ORDER BY 1;
CALL sweep();

--
-- What a program sees
--
CREATE FUNCTION state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
INSERT INTO abac_rule_groups (organization_id, name) VALUES ('acme', 'a'), ('acme', 'b');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('a'), grp('b'));
INSERT INTO abac_rules (organization_id, name, is_system) VALUES ('globex', 'foreign', false), (NULL, 'sys', true);
INSERT INTO abac_roles (organization_id, name) VALUES ('acme', 'member');
INSERT INTO abac_attribute_definitions (name, data_type, allowed_values, is_system) VALUES ('user.level', 'number', '[1]', true);
SET abac.attribute_validation = strict;
SELECT state(statement), statement FROM (VALUES
	($$INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (grp('b'), grp('a'))$$),
	($$INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (grp('b'), rule('foreign'))$$),
	($$INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('ann', rol('member'), 'project', 'p')$$),
	($$INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('ann', rol('member'), 'organization', 'globex')$$),
	($$INSERT INTO abac_attribute_definitions (organization_id, name) VALUES ('acme', 'user.level')$$),
	($$INSERT INTO abac_attribute_definitions (name, validation_regex) VALUES ('user.x', '[')$$),
	($$INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.x', 'number', 'true')$$),
	($$INSERT INTO abac_attribute_definitions (name, allowed_values, default_value) VALUES ('user.x', '["a"]', '"b"')$$),
	($$INSERT INTO abac_rules (name, conditions) VALUES ('x', '{"and": []}')$$),
	($$INSERT INTO abac_rules (name, conditions) VALUES ('x', leaf('user.id', 'matches', '"["'))$$),
	($$INSERT INTO abac_rules (name, conditions) VALUES ('x', leaf('user.id', 'in_cidr', '"x"'))$$),
	($$INSERT INTO abac_rules (name, conditions) VALUES ('x', (repeat('{"not": ', 64) || 'true' || repeat('}', 64))::jsonb)$$),
	($$INSERT INTO abac_rules (name, conditions) VALUES ('x', leaf('user.nobody', 'eq', '1'))$$),
	($$INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"level": "x"}')$$),
	($$INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"level": 2}')$$),
	($$UPDATE abac_rules SET priority = 1 WHERE name = 'sys'$$),
	($$TRUNCATE abac_attribute_definitions$$),
	($$DELETE FROM abac_rule_groups WHERE name = 'b'$$),
	($$INSERT INTO abac_user_roles (user_id, role_id) VALUES ('ann', '00000000-0000-0000-0000-000000000001')$$)) AS s (statement);
RESET abac.attribute_validation;
-- who may write one table needs no right to read the others
GRANT INSERT ON abac_user_roles, abac_rule_group_members TO regress_abac_writer;
SELECT grp('a') AS a, grp('b') AS b, rol('member') AS member \gset
SET ROLE regress_abac_writer;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('ann', :'member', 'organization', 'acme');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) VALUES ('ann', :'member', 'organization', 'globex');
INSERT INTO abac_rule_group_members (group_id, child_group_id) VALUES (:'b', :'a');
RESET ROLE;
REVOKE ALL ON abac_user_roles, abac_rule_group_members FROM regress_abac_writer;
DROP FUNCTION state;
CALL sweep();

--
-- Triggers' functions serve nothing else
--
SELECT abac_guard();
CREATE TABLE other (id int);
CREATE TRIGGER guard AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION abac_guard();
INSERT INTO other VALUES (1);
DROP TABLE other;
CREATE TRIGGER wrong BEFORE INSERT ON abac_roles FOR EACH ROW EXECUTE FUNCTION abac_guard();
INSERT INTO abac_roles (name) VALUES ('x');
DROP TRIGGER wrong ON abac_roles;
CREATE TRIGGER wrong AFTER UPDATE ON abac_roles FOR EACH ROW EXECUTE FUNCTION abac_touch();
INSERT INTO abac_roles (name) VALUES ('x');
UPDATE abac_roles SET rank = 1;
DROP TRIGGER wrong ON abac_roles;
CALL sweep();

--
-- With the triggers disabled (as where changes are replicated to) nothing is refused
--
SET session_replication_role = replica;
INSERT INTO abac_rules (name, conditions, is_system) VALUES ('bad', '{}', true);
DELETE FROM abac_rules;
RESET session_replication_role;

DROP PROCEDURE sweep;
DROP FUNCTION rule, grp, pol, rol, perm, leaf;
DROP ROLE regress_abac_writer;
