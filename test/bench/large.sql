-- An installation with 10,000 rules, groups and policies, and :users users, at
-- least 1,000, with attributes, a membership, a role held and an assignment
-- each; for every hundred of them there is a role, which has a permission.
-- Loaded by test/bench/run, with few users and with many.
--
-- Ten of the first 1,000 policies apply to each of the first 1,000 users, who
-- are the same however many there are, and one of all to each of the others.

INSERT INTO abac_attribute_definitions (name, category, data_type) VALUES
	('user.department', 'subject', 'string'), ('user.level', 'subject', 'number'),
	('resource.owner', 'resource', 'string'), ('env.ip', 'environment', 'ip');
INSERT INTO abac_rules (organization_id, name, conditions)
SELECT 'org', 'rule ' || i,
	jsonb_build_object('logic', 'and', 'conditions', jsonb_build_array(
		jsonb_build_object('attribute', 'user.department', 'operator', 'eq', 'value', 'department ' || i % 100),
		jsonb_build_object('attribute', 'resource.owner', 'operator', 'eq', 'value', '$user.id'),
		jsonb_build_object('attribute', 'env.ip', 'operator', 'in_cidr', 'value', format('10.%s.0.0/16', i % 250))))
FROM generate_series(1, 10000) i;
INSERT INTO abac_rule_groups (organization_id, name)
SELECT 'org', 'group ' || i FROM generate_series(1, 10000) i;
INSERT INTO abac_rule_group_members (group_id, rule_id)
SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r ON r.name = replace(g.name, 'group', 'rule');
INSERT INTO abac_policies (organization_id, name, priority)
SELECT 'org', 'policy ' || i, i % 7 FROM generate_series(1, 10000) i;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g ON g.name = replace(p.name, 'policy', 'group');

-- Ten roles are shared by the first 1,000 users, ten others by the next.
INSERT INTO abac_roles (organization_id, name)
SELECT 'org', 'role ' || i FROM generate_series(0, :users / 100 - 1) i;
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles r, abac_permissions p;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
SELECT 'user-' || i, r.id, 'organization', 'org'
FROM generate_series(1, :users) i JOIN abac_roles r ON r.name = 'role ' || (i - 1) / 1000 * 10 + i % 10;
INSERT INTO abac_memberships (scope_type, scope_id, user_id)
SELECT 'organization', 'org', 'user-' || i FROM generate_series(1, :users) i;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes)
SELECT 'user-' || i, 'org', jsonb_build_object('department', 'department ' || i % 100, 'level', i % 5)
FROM generate_series(1, :users) i;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT p.id, 'user', 'user-' || i
FROM generate_series(1, :users) i JOIN abac_policies p ON p.name = 'policy ' || (i - 1) % 10000 + 1;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT p.id, 'user', 'user-' || i
FROM generate_series(1, 1000) i, generate_series(0, 9) k JOIN abac_policies p ON true
WHERE p.name = 'policy ' || (i - 1) % 100 + 1 + 100 * k
ON CONFLICT DO NOTHING;

-- Five requests of each of 100 users: within the network of one of their
-- policies, but about another's document; from elsewhere; and three to allow.
CREATE TABLE bench_distinct AS
SELECT (row_number() OVER ())::int AS id, 'user-' || i AS user_id, 'write' AS action, 'doc:' || k AS resource,
	jsonb_build_object('scope', '{"organization": "org"}'::jsonb,
		'resource', jsonb_build_object('owner', 'user-' || CASE WHEN k = 1 THEN i + 1 ELSE i END),
		'env', jsonb_build_object('ip', CASE WHEN k = 2 THEN '192.0.2.1' ELSE format('10.%s.%s.1', (i + 100 * k) % 250, i) END)) AS ctx,
	k NOT IN (1, 2) AS expected
FROM generate_series(1, 100) i, generate_series(1, 5) k;

-- what a hand-written check would join
CREATE TABLE app_users (id text PRIMARY KEY, department text);
CREATE TABLE app_members (user_id text, org_id text, PRIMARY KEY (user_id, org_id));
CREATE TABLE app_docs (id text PRIMARY KEY, org_id text, owner text);
INSERT INTO app_users SELECT 'user-' || i, 'department ' || i % 100 FROM generate_series(1, :users) i;
INSERT INTO app_members SELECT 'user-' || i, 'org' FROM generate_series(1, :users) i;
INSERT INTO app_docs SELECT 'doc-' || i, 'org', 'user-' || i FROM generate_series(1, 100000) i;

-- copies without abac's triggers, for changes that are nothing to it
CREATE SCHEMA plain;
CREATE TABLE plain.abac_policies (LIKE abac_policies INCLUDING ALL);
CREATE TABLE plain.abac_memberships (LIKE abac_memberships INCLUDING ALL);
CREATE TABLE plain.abac_user_attributes (LIKE abac_user_attributes INCLUDING ALL);
INSERT INTO plain.abac_policies SELECT * FROM abac_policies;
INSERT INTO plain.abac_memberships SELECT * FROM abac_memberships;
INSERT INTO plain.abac_user_attributes SELECT * FROM abac_user_attributes;
