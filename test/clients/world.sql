-- Two tenants for test/clients/run, loaded by a superuser into a new database.
-- test/clients/world.js says in JavaScript who may see and do what here.

SET client_min_messages = warning;
CREATE EXTENSION abac;
SET abac.attribute_validation = off;	-- the columns' types define the attributes
CREATE ROLE app LOGIN;				-- what the application logs in as
CREATE ROLE owner;					-- nobody logs in as the owner of the table
GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean), abac_set_context(jsonb, boolean) TO app;

CREATE TABLE docs (
	id			bigint PRIMARY KEY,
	org			text NOT NULL,
	department	text NOT NULL,
	owner		text,
	status		text NOT NULL,
	secret		boolean NOT NULL,
	body		text
);
CREATE INDEX ON docs (org);
INSERT INTO docs
SELECT i, (ARRAY['acme', 'globex', 'initech'])[1 + i % 3], (ARRAY['sales', 'support', 'legal'])[1 + i / 3 % 3],
	(ARRAY['ann', 'abe', 'gus', 'gia', NULL])[1 + i % 5], CASE WHEN i % 7 = 0 THEN 'draft' ELSE 'final' END, i % 4 = 0, 'text ' || i
FROM generate_series(1, 900) i;
ALTER TABLE docs OWNER TO owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON docs TO app;
SELECT abac_protect('docs', 'document', organization_column => 'org') \g /dev/null

-- Ann edits and Abe reads all of Acme, Finch reads both Acme and Globex, by
-- their roles.
INSERT INTO abac_permissions (resource_type, action) SELECT 'document', a FROM unnest('{read,create,update,delete}'::text[]) a;
INSERT INTO abac_roles (name) VALUES ('editor'), ('reader');
INSERT INTO abac_role_permissions (role_id, permission_id)
	SELECT r.id, p.id FROM abac_roles r, abac_permissions p WHERE r.name = 'editor' OR p.action = 'read';
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
	SELECT u, r.id, 'organization', o
	FROM (VALUES ('ann', 'editor', 'acme'), ('abe', 'reader', 'acme'), ('finch', 'reader', 'acme'), ('finch', 'reader', 'globex')) v (u, role, o)
	JOIN abac_roles r ON r.name = v.role;

-- At Globex one reads the documents of one's department, and does everything
-- with one's own.
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'globex', 'gus'), ('organization', 'globex', 'gia');
INSERT INTO abac_attribute_definitions (name, data_type, default_value, source) VALUES
	('user.department', 'string', NULL, 'stored'), ('user.clearance', 'number', '0', 'stored'), ('env.ip', 'ip', NULL, 'any');
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('ann', 'acme', '{"clearance": 2}'), ('gus', 'globex', '{"department": "sales"}'), ('gia', 'globex', '{"department": "support"}');

INSERT INTO abac_rules (organization_id, name, resource_type, target_actions, conditions) VALUES
	('acme', 'secrets', 'document', NULL, '{"and": [
		{"attribute": "resource.secret", "operator": "eq", "value": true},
		{"attribute": "user.clearance", "operator": "lt", "value": 2}]}'),
	('globex', 'department', 'document', '{read}', '{"attribute": "resource.department", "operator": "eq", "value": "$user.department"}'),
	('globex', 'own', 'document', NULL, '{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"}'),
	('globex', 'drafts stay in the office', 'document', NULL, '{"and": [
		{"attribute": "resource.status", "operator": "eq", "value": "draft"},
		{"attribute": "env.ip", "operator": "not_in_cidr", "value": "10.0.0.0/8"}]}');
INSERT INTO abac_rule_groups (organization_id, name) SELECT organization_id, name FROM abac_rules;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (name);
INSERT INTO abac_policies (organization_id, name, effect, priority)
	SELECT organization_id, name, CASE WHEN name IN ('department', 'own') THEN 'allow' ELSE 'deny' END, CASE WHEN name = 'own' THEN 0 ELSE 1 END
	FROM abac_rules;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_rule_groups g JOIN abac_policies p USING (name);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'organization', organization_id FROM abac_policies;
