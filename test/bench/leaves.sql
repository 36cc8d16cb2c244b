-- Ten policies that apply to everybody, of five leaves each, about ctx only:
-- four that are true, and a last one that is false. So nothing matches, and
-- every leaf has to be asked: abac asks cheap ones first, in the order given
-- where they cost the same, and the false one is as dear as any.

INSERT INTO abac_attribute_definitions (name, category, data_type, is_multivalued) VALUES
	('resource.kind', 'resource', 'string', false), ('resource.region', 'resource', 'string', false),
	('resource.author', 'resource', 'string', false), ('resource.owner', 'resource', 'string', false),
	('resource.level', 'resource', 'number', false), ('resource.size', 'resource', 'number', false),
	('resource.tags', 'resource', 'string', true), ('resource.grade', 'resource', 'string', false),
	('env.ip', 'environment', 'ip', false), ('env.proxy', 'environment', 'ip', false),
	('env.mfa', 'environment', 'boolean', false), ('env.device', 'environment', 'string', false);

-- Every other policy has plain comparisons only: four of seven, and so shares
-- some with the next. The others have two of those, an array and a network.
CREATE TABLE app_leaves AS
SELECT policy, place, jsonb_build_object('attribute', attribute, 'operator', operator, 'value', value) AS leaf
FROM generate_series(0, 9) policy,
	LATERAL (VALUES
		(0, 'resource.kind', 'eq', '"report"'::jsonb),
		(1, 'resource.level', 'gte', to_jsonb(policy)),
		(2, 'env.mfa', 'eq', 'true'),
		(3, 'resource.region', 'in', jsonb_build_array('south', 'region ' || policy, 'north')),
		(4, 'resource.author', 'eq', '"$resource.owner"'),
		(5, 'resource.size', 'lt', to_jsonb(1000 + policy)),
		(6, 'env.device', 'starts_with', '"corp-"'),
		(7, 'resource.tags', 'contains', '"shared"'),
		(8, 'env.ip', 'in_cidr', to_jsonb('10.0.0.0/' || 7 + policy)),
		(9, 'env.proxy', 'in_cidr', to_jsonb(format('192.168.%s.0/24', policy))),
		(10, 'resource.grade', 'eq', to_jsonb('grade ' || policy))) leaf (place, attribute, operator, value)
WHERE CASE WHEN policy % 2 = 0
	THEN place = 10 OR place < 7 AND (place + policy / 2) % 7 < 4
	ELSE place IN (7, 8, 9) OR place < 7 AND (place + policy / 2) % 7 < 2 END;

INSERT INTO abac_rules (organization_id, name, conditions)
SELECT 'org', 'rule ' || policy, jsonb_build_object('and', jsonb_agg(leaf ORDER BY place)) FROM app_leaves GROUP BY policy;
INSERT INTO abac_rule_groups (organization_id, name) SELECT 'org', name FROM abac_rules;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (name);
INSERT INTO abac_policies (organization_id, name) SELECT 'org', name FROM abac_rules;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g USING (name);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'organization', 'org' FROM abac_policies;
INSERT INTO abac_memberships (scope_type, scope_id, user_id) SELECT 'organization', 'org', 'user-' || i FROM generate_series(1, 100) i;

CREATE TABLE bench_distinct AS
SELECT i AS id, 'user-' || i AS user_id, 'read' AS action, 'doc:' || i AS resource,
	jsonb_build_object('scope', '{"organization": "org"}'::jsonb,
		'resource', jsonb_build_object('kind', 'report', 'region', 'north', 'author', 'user-' || i, 'owner', 'user-' || i,
			'level', 9 + i % 7, 'size', i, 'tags', '["spring", "shared"]'::jsonb, 'grade', 'none'),
		'env', jsonb_build_object('ip', '10.0.' || i % 9 || '.1', 'proxy', '198.51.100.' || i, 'mfa', true, 'device', 'corp-' || i)) AS ctx,
	false AS expected
FROM generate_series(1, 100) i;

DO $$
DECLARE
	explained text;
BEGIN
	SELECT abac_explain_text(user_id, action, resource, ctx) INTO explained FROM bench_distinct LIMIT 1;
	IF (SELECT array_agg(leaf[1] ORDER BY leaf[1]) FROM regexp_matches(explained, '\[(\w+)\] (?:resource|env)\.', 'g') leaf)
		IS DISTINCT FROM array_fill('false'::text, '{10}') || array_fill('true'::text, '{40}')
	THEN
		RAISE 'not 40 leaves that are true and 10 that are false: %', explained;
	END IF;
END $$;
