-- A table of :rows documents in 1,000 organizations, protected in four ways:
--   docs_abac      by abac_protect, with rules that become plain comparisons
--   docs_hand      by the predicate a person would write for the same user
--   docs_residual  by abac_protect, with a rule that SQL has no form for
--   docs_plpgsql   by a PL/pgSQL function of the same rule
-- They are views of one table's copies, so that rows and indexes are equal.
-- Users user-1 … user-1000 are members of org-1 … org-1000 and of a department.

CREATE TABLE docs (
	id bigint PRIMARY KEY,
	org text NOT NULL,
	owner text NOT NULL,
	dept text NOT NULL,
	status text NOT NULL,
	level int NOT NULL,
	meta jsonb NOT NULL,
	body text
);
INSERT INTO docs
	SELECT i, 'org-' || i % 1000 + 1, 'user-' || i % 7919 + 1, 'dept-' || i % 17, (ARRAY['draft', 'final', 'secret'])[i % 3 + 1],
		   i % 10, jsonb_build_object('region', 'r' || i % 5, 'n', i), repeat('x', 100)
	FROM generate_series(1, :rows) i;
CREATE INDEX ON docs (org, dept);
CREATE INDEX ON docs (owner);

CREATE TABLE docs_hand (LIKE docs INCLUDING ALL);
INSERT INTO docs_hand SELECT * FROM docs;
CREATE TABLE docs_residual (LIKE docs INCLUDING ALL);
INSERT INTO docs_residual SELECT * FROM docs;
CREATE TABLE docs_plpgsql (LIKE docs INCLUDING ALL);
INSERT INTO docs_plpgsql SELECT * FROM docs;

-- Rules, the same in every organization: platform-wide, and assigned to a role.
INSERT INTO abac_attribute_definitions (name, category, data_type, source) VALUES
	('user.department', 'subject', 'string', 'stored'),
	('user.region', 'subject', 'string', 'stored'),
	('user.clearance', 'subject', 'number', 'stored');
INSERT INTO abac_scopes (scope_type, scope_id) SELECT 'organization', 'org-' || i FROM generate_series(1, 1000) i;
INSERT INTO abac_roles (name, scope) VALUES ('employee', 'organization'), ('regional', 'organization');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
	SELECT 'user-' || i, r.id, 'organization', 'org-' || i FROM generate_series(1, 1000) i, abac_roles r;
INSERT INTO abac_memberships (scope_type, scope_id, user_id) SELECT 'organization', 'org-' || i, 'user-' || i FROM generate_series(1, 1000) i;
INSERT INTO abac_user_attributes (user_id, attributes)
	SELECT 'user-' || i, jsonb_build_object('department', 'dept-' || i % 17, 'region', 'r' || i % 5, 'clearance', 5)
	FROM generate_series(1, 1000) i;

INSERT INTO abac_rules (name, resource_type, target_actions, conditions) VALUES
	('own or department', 'docs', '{read}', '{"or": [
		{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"},
		{"attribute": "resource.dept", "operator": "eq", "value": "$user.department"}]}'),
	('in the region', 'docs_residual', '{read}', '{"attribute": "resource.meta.region", "operator": "eq", "value": "$user.region"}');
INSERT INTO abac_rules (name, effect, resource_type, target_actions, conditions) VALUES
	('not secret', 'deny', 'docs', '{read}', '{"attribute": "resource.status", "operator": "eq", "value": "secret"}');
INSERT INTO abac_rule_groups (name, combine_logic) SELECT name, 'and' FROM abac_rules;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (name);
INSERT INTO abac_policies (name, effect) SELECT name, effect FROM abac_rules;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g USING (name);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
	SELECT p.id, 'role', r.id::text FROM abac_policies p, abac_roles r WHERE r.name = 'employee' AND p.name <> 'in the region';
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
	SELECT p.id, 'user', 'user-7' FROM abac_policies p WHERE p.name = 'in the region';

CREATE ROLE bench_app LOGIN;
GRANT USAGE ON SCHEMA public TO bench_app;
GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean) TO bench_app;
SET client_min_messages = warning;
SELECT abac_protect('docs', organization_column => 'org');
SELECT abac_protect('docs_residual');

ALTER TABLE docs_hand ENABLE ROW LEVEL SECURITY;
CREATE POLICY hand ON docs_hand FOR SELECT USING (
	org = 'org-7' AND (owner = 'user-7' OR dept = 'dept-7') AND status <> 'secret');
ALTER TABLE docs_plpgsql ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION may_read(d docs_plpgsql) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN d.meta ->> 'region' = (SELECT attributes ->> 'region' FROM public.bench_attributes WHERE user_id = 'user-7');
END $$;
CREATE TABLE bench_attributes (user_id text PRIMARY KEY, attributes jsonb);
INSERT INTO bench_attributes SELECT user_id, attributes FROM abac_user_attributes;
CREATE POLICY plpgsql ON docs_plpgsql FOR SELECT USING (may_read(docs_plpgsql.*));
CREATE TABLE docs_region (LIKE docs INCLUDING ALL);
INSERT INTO docs_region SELECT * FROM docs;
ALTER TABLE docs_region ENABLE ROW LEVEL SECURITY;
CREATE POLICY hand ON docs_region FOR SELECT USING (meta ->> 'region' = 'r2');
GRANT SELECT ON docs, docs_hand, docs_residual, docs_plpgsql, docs_region, bench_attributes TO bench_app;
VACUUM ANALYZE docs, docs_hand, docs_residual, docs_plpgsql, docs_region, bench_attributes;
