-- A large installation: 10,000 rules, groups and policies, 1,000,000 users
-- with a role, a membership and an assignment each.  Ten policies apply to
-- user-1.  Loaded by test/bench/run.

SET abac.attribute_validation = off;

INSERT INTO abac_rules (organization_id, name, conditions)
SELECT 'org', 'rule ' || i,
	jsonb_build_object('logic', 'and', 'conditions', jsonb_build_array(
		jsonb_build_object('attribute', 'user.department', 'operator', 'eq', 'value', 'department ' || i),
		jsonb_build_object('attribute', 'resource.owner', 'operator', 'eq', 'value', '$user.id'),
		jsonb_build_object('attribute', 'env.ip', 'operator', 'in_cidr', 'value', '10.0.0.0/8')))
FROM generate_series(1, 10000) i;
INSERT INTO abac_rule_groups (organization_id, name)
SELECT 'org', 'group ' || i FROM generate_series(1, 10000) i;
INSERT INTO abac_rule_group_members (group_id, rule_id)
SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r ON r.name = replace(g.name, 'group', 'rule');
INSERT INTO abac_policies (organization_id, name, priority)
SELECT 'org', 'policy ' || i, i % 7 FROM generate_series(1, 10000) i;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g ON g.name = replace(p.name, 'policy', 'group');

INSERT INTO abac_roles (organization_id, name) VALUES ('org', 'member');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles r, abac_permissions p;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
SELECT 'user-' || i, r.id, 'organization', 'org' FROM generate_series(1, :users) i, abac_roles r;
INSERT INTO abac_memberships (scope_type, scope_id, user_id)
SELECT 'organization', 'org', 'user-' || i FROM generate_series(1, :users) i;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes)
SELECT 'user-' || i, 'org', jsonb_build_object('department', 'department ' || i % 10000, 'level', i % 5)
FROM generate_series(1, :users) i;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT p.id, 'user', 'user-' || i
FROM generate_series(1, :users) i JOIN abac_policies p ON p.name = 'policy ' || (i % 10000 + 1);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT id, 'user', 'user-1' FROM abac_policies WHERE name IN (SELECT 'policy ' || i * 900 FROM generate_series(1, 10) i)
ON CONFLICT DO NOTHING;

-- what a hand-written check would join
CREATE TABLE app_users (id text PRIMARY KEY, department text);
CREATE TABLE app_members (user_id text, org_id text, PRIMARY KEY (user_id, org_id));
CREATE TABLE app_docs (id text PRIMARY KEY, org_id text, owner text);
INSERT INTO app_users SELECT 'user-' || i, 'department ' || i % 10000 FROM generate_series(1, :users) i;
INSERT INTO app_members SELECT 'user-' || i, 'org' FROM generate_series(1, :users) i;
INSERT INTO app_docs SELECT 'doc-' || i, 'org', 'user-' || i FROM generate_series(1, 100000) i;
VACUUM ANALYZE;
