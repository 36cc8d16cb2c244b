-- What the JavaScript engines are built from: the abac_ tables as one JSON
-- document. Windows are looked at here, once: what is closed now is left out,
-- or marked, because none of the engines has any. They would have to be given
-- a new copy when one opens or closes, as with every other change.
CREATE VIEW bench_export AS
WITH clock AS (
	SELECT statement_timestamp() AS now
), role_holders AS (
	SELECT u.* FROM abac_user_roles u, clock WHERE coalesce(u.starts_at <= now, true) AND coalesce(now <= u.expires_at, true)
), members AS (
	SELECT m.* FROM abac_memberships m, clock WHERE coalesce(m.starts_at <= now, true) AND coalesce(now <= m.expires_at, true)
), direct AS (
	SELECT u.* FROM abac_user_permissions u, clock WHERE coalesce(u.starts_at <= now, true) AND coalesce(now <= u.expires_at, true)
), assigned AS (
	SELECT a.* FROM abac_policy_assignments a, clock
	WHERE a.is_active AND coalesce(a.starts_at <= now, true) AND coalesce(now <= a.expires_at, true)
), rules AS (
	SELECT r.*, r.is_active AND coalesce(r.starts_at <= now, true) AND coalesce(now <= r.expires_at, true) AS in_force
	FROM abac_rules r, clock
)
SELECT jsonb_build_object(
	'definitions', (SELECT jsonb_agg(d) FROM abac_attribute_definitions d),
	'rules', (SELECT jsonb_agg(r) FROM rules r),
	'groups', (SELECT jsonb_agg(g) FROM abac_rule_groups g),
	'members', (SELECT jsonb_agg(m) FROM abac_rule_group_members m),
	'policies', (SELECT jsonb_agg(p) FROM abac_policies p WHERE p.is_active),
	'policy_groups', (SELECT jsonb_agg(l) FROM abac_policy_rule_groups l),
	'assignments', (SELECT jsonb_agg(a) FROM assigned a),
	'attributes', (SELECT jsonb_agg(a) FROM abac_user_attributes a),
	'scopes', (SELECT jsonb_agg(s) FROM abac_scopes s),
	'memberships', (SELECT jsonb_agg(m) FROM members m),
	'roles', (SELECT jsonb_agg(r) FROM abac_roles r),
	'permissions', (SELECT jsonb_agg(p) FROM abac_permissions p),
	'role_permissions', (SELECT jsonb_agg(p) FROM abac_role_permissions p),
	'user_roles', (SELECT jsonb_agg(u) FROM role_holders u),
	'user_permissions', (SELECT jsonb_agg(u) FROM direct u),
	'conditions', (SELECT jsonb_agg(c) FROM abac_conditions c),
	'legacy_rules', (SELECT jsonb_agg(r) FROM abac_policy_rules r WHERE r.is_active)
) AS tables;
