-- Rows that guards would have refused, deep down; and drops that concern nobody.
SET client_min_messages = warning;
SET abac.cache_size = '256MB';
INSERT INTO abac_roles (name, scope) VALUES ('reader', 'global');
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles r, abac_permissions p;
INSERT INTO abac_user_roles (user_id, role_id) SELECT 'ann', id FROM abac_roles;
INSERT INTO abac_policies (name) VALUES ('deep');
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'ann' FROM abac_policies;

-- 30,000 levels of groups are no error: the policy has no value, and the rest decides
CREATE FUNCTION level(integer) RETURNS uuid LANGUAGE sql AS $$SELECT lpad($1::text, 32, '0')::uuid$$;
SET session_replication_role = replica;
INSERT INTO abac_rule_groups (id, name) SELECT level(i), 'level ' || i FROM generate_series(1, 30000) i;
INSERT INTO abac_rule_group_members (group_id, child_group_id) SELECT level(i), level(i + 1) FROM generate_series(1, 29999) i;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT id, level(1) FROM abac_policies;
RESET session_replication_role;
SELECT e ->> 'reason', e #>> '{policies,0,value}', e #>> '{policies,0,why}' FROM abac_explain('ann', 'read', 'doc') e;
-- a deny rule at the bottom is found all the same
INSERT INTO abac_rules (name, effect) VALUES ('bottom', 'deny');
SET session_replication_role = replica;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT level(30000), id FROM abac_rules;
RESET session_replication_role;
SELECT e ->> 'reason', e #>> '{policies,0,value}', e #>> '{policies,0,why}' FROM abac_explain('ann', 'read', 'doc') e;

-- dropping a table that isn't registered makes no session forget what it compiled
SELECT used_bytes AS compiled FROM pg_backend_memory_contexts WHERE name = 'abac cache' AND ident = 'policies' \gset
CREATE TEMP TABLE of_no_concern ();
DROP TABLE of_no_concern;
SELECT abac_check('bob', 'read', 'doc');
SELECT used_bytes = :compiled AS "still compiled" FROM pg_backend_memory_contexts WHERE name = 'abac cache' AND ident = 'policies';

SET session_replication_role = replica;
TRUNCATE abac_roles, abac_permissions, abac_role_permissions, abac_user_roles, abac_policies, abac_policy_assignments,
	abac_rule_groups, abac_rule_group_members, abac_policy_rule_groups, abac_rules CASCADE;
RESET session_replication_role;
DROP FUNCTION level(integer);
