-- The second workload: N policies of one rule with three conditions each, of
-- which 10 or 11 apply to a user, and five requests of each of 120 users.
--
-- psql variable: policies, 10 or at least 500
--
-- The policies are made from a plain table, app_policies, and so are the
-- expected decisions, by a join that has nothing of abac in it.

SET abac.attribute_validation = off;
INSERT INTO abac_attribute_definitions (name, category, data_type) VALUES
	('resource.category', 'resource', 'string'), ('resource.owner', 'resource', 'string'),
	('resource.level', 'resource', 'number'), ('user.department', 'subject', 'string'), ('env.ip', 'environment', 'ip');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read'), ('doc', 'write'), ('doc', 'delete');
INSERT INTO abac_scopes (scope_type, scope_id) VALUES ('organization', 'org');

-- Every role has five policies, and every user two roles; where there are many
-- policies, the first 120 are for one user each. Each tenth denies what is of
-- a high level, in the same category as the one before it.
CREATE TABLE app_users (number int PRIMARY KEY, id text UNIQUE, department text);
INSERT INTO app_users SELECT i, 'user-' || i, 'department ' || i % 8 FROM generate_series(1, 120) i;
CREATE TABLE app_policies AS
SELECT i AS id,
	CASE WHEN i < own THEN i + 1 END AS for_user,
	CASE WHEN i >= own THEN (i - own) / 5 END AS for_role,
	i % 10 = 9 AS denies,
	CASE WHEN i % 2 = 0 THEN '{read,write}' ELSE '{read}' END::text[] AS actions,
	'category ' || i / 2 AS category,
	i % 3 = 0 AS of_owner,								-- else of the department
	CASE WHEN i % 10 <> 9 AND i % 4 <> 3 THEN format('10.%s.0.0/16', i % 250)::cidr END AS network,	-- else a level
	CASE WHEN i % 10 = 9 THEN 4 ELSE 2 + i % 3 END AS level
FROM (SELECT CASE WHEN :policies > 10 THEN 120 ELSE 0 END) u (own), generate_series(0, :policies - 1) i;
CREATE TABLE app_roles AS
SELECT u.number, r AS role
FROM app_users u, (SELECT max(for_role) + 1 FROM app_policies) x (roles),
	LATERAL (VALUES ((u.number * 2) % roles), ((u.number * 2 + 1) % roles)) held (r);

INSERT INTO abac_rules (organization_id, name, effect, resource_type, target_actions, conditions)
SELECT 'org', 'rule ' || id, CASE WHEN denies THEN 'deny' ELSE 'allow' END, 'doc', actions,
	jsonb_build_object('and', jsonb_build_array(
		jsonb_build_object('attribute', 'resource.category', 'operator', 'eq', 'value', category),
		CASE WHEN of_owner
			THEN '{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"}'::jsonb
			ELSE '{"attribute": "user.department", "operator": "eq", "value": "$resource.department"}' END,
		CASE WHEN network IS NOT NULL
			THEN jsonb_build_object('attribute', 'env.ip', 'operator', 'in_cidr', 'value', network)
			ELSE jsonb_build_object('attribute', 'resource.level', 'operator', CASE WHEN denies THEN 'gte' ELSE 'lte' END, 'value', level) END))
FROM app_policies;
INSERT INTO abac_rule_groups (organization_id, name, combine_logic) SELECT 'org', 'group ' || id, 'and' FROM app_policies;
INSERT INTO abac_rule_group_members (group_id, rule_id)
SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r ON r.name = replace(g.name, 'group', 'rule');
INSERT INTO abac_policies (organization_id, name, effect)
SELECT 'org', 'policy ' || id, CASE WHEN denies THEN 'deny' ELSE 'allow' END FROM app_policies;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g ON g.name = replace(p.name, 'policy', 'group');

INSERT INTO abac_roles (organization_id, name, scope)
SELECT DISTINCT 'org', 'role ' || for_role, 'organization' FROM app_policies WHERE for_role IS NOT NULL;
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
SELECT 'user-' || number, r.id, 'organization', 'org' FROM app_roles a JOIN abac_roles r ON r.name = 'role ' || a.role;
INSERT INTO abac_memberships (scope_type, scope_id, user_id) SELECT 'organization', 'org', id FROM app_users;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes)
SELECT id, 'org', jsonb_build_object('department', department) FROM app_users;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT p.id, 'user', 'user-' || a.for_user FROM app_policies a JOIN abac_policies p ON p.name = 'policy ' || a.id WHERE a.for_user IS NOT NULL
UNION ALL
SELECT p.id, 'role', r.id::text FROM app_policies a JOIN abac_policies p ON p.name = 'policy ' || a.id
	JOIN abac_roles r ON r.name = 'role ' || a.for_role;

-- Each request is made to fit one of the user's policies that allow; then some
-- are given another address, owner, department, category, level or action.
CREATE TABLE app_requests AS
SELECT row_number() OVER (ORDER BY u.number, k)::int AS id, u.number, u.id AS user_id,
	CASE WHEN spoiled = 5 THEN 'delete' WHEN p.actions = '{read,write}' AND k % 2 = 0 THEN 'write' ELSE 'read' END AS action,
	'doc:' || u.number * 10 + k AS resource,
	CASE WHEN spoiled = 2 THEN 'user-' || u.number % 120 + 1 ELSE u.id END AS owner,
	CASE WHEN spoiled = 2 THEN 'department 99' ELSE u.department END AS department,
	CASE WHEN spoiled = 3 THEN 'category 999999' ELSE p.category END AS category,
	CASE WHEN spoiled = 4 THEN 5 WHEN p.network IS NULL THEN p.level - k % 2 ELSE 1 END AS level,
	CASE WHEN spoiled = 1 OR p.network IS NULL THEN inet '192.0.2.1' ELSE set_masklen(p.network::inet + 256 * k + u.number, 32) END AS ip
FROM app_users u, generate_series(1, 5) k, (VALUES (ARRAY[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 4])) x (spoil),
	LATERAL (SELECT spoil[(u.number * 5 + k) % 11 + 1]) y (spoiled),
	LATERAL (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS places FROM app_policies
		WHERE NOT denies AND (for_user = u.number OR for_role IN (SELECT role FROM app_roles r WHERE r.number = u.number))) p
WHERE p.place = (u.number + k * 2) % p.places;

CREATE TABLE bench_distinct AS
SELECT id, user_id, action, resource,
	jsonb_build_object('scope', '{"organization": "org"}'::jsonb, 'env', jsonb_build_object('ip', host(ip)),
		'resource', jsonb_build_object('owner', owner, 'department', department, 'category', category, 'level', level)) AS ctx,
	coalesce((
		SELECT bool_and(NOT p.denies)
		FROM app_policies p
		WHERE (p.for_user = q.number OR p.for_role IN (SELECT role FROM app_roles r WHERE r.number = q.number))
			AND q.action = ANY (p.actions)
			AND p.category = q.category
			AND CASE WHEN p.of_owner THEN q.owner = q.user_id ELSE q.department = (SELECT u.department FROM app_users u WHERE u.id = q.user_id) END
			AND CASE WHEN p.network IS NOT NULL THEN q.ip << p.network WHEN p.denies THEN q.level >= p.level ELSE q.level <= p.level END
	), false) AS expected
FROM app_requests q;
