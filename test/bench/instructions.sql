-- What test/bench/instructions asks, and what that is asked about.  Loaded into
-- a fresh database, around test/world.sql:
--
--	psql -v part=before -f test/bench/instructions.sql
--	psql -f test/world.sql
--	psql -v part=after -v calls=CALLS -f test/bench/instructions.sql
--
-- Everything is the same in every load, ids too: where a hash table puts a row
-- and which page an index has it on cost instructions.

SELECT :'part' = 'before' AS before \gset
\if :before
CREATE EXTENSION abac;
CREATE SEQUENCE ids;
SELECT format('ALTER TABLE %s ALTER %I SET DEFAULT md5(nextval(''ids'')::text)::uuid', adrelid::regclass, attname)
FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
WHERE pg_get_expr(adbin, adrelid) LIKE '%gen_random_uuid()'
ORDER BY adrelid::regclass::text \gexec
\quit
\endif

SET abac.attribute_validation = off;
SET client_min_messages = warning;

-- Ten policies for every member of an organization, with five leaves each, none
-- of which the user alone decides.  For "asker" none matches: half of them are
-- ANDs of which the leaf that is asked last (addresses are) is false, half are
-- ORs of what is false.
CREATE FUNCTION make_ten(organization text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_attribute_definitions (organization_id, name, category, data_type) VALUES
		(organization, 'resource.level', 'resource', 'number'),
		(organization, 'resource.owner', 'resource', 'string');
	INSERT INTO abac_rules (organization_id, name, resource_type, target_actions, conditions)
	SELECT organization, 'rule ' || i, 'doc', '{read}', jsonb_build_object(logic, jsonb_build_array(
		jsonb_build_object('attribute', 'resource.level', 'operator', CASE logic WHEN 'and' THEN 'gte' ELSE 'lt' END, 'value', i),
		jsonb_build_object('attribute', 'resource.status', 'operator', CASE logic WHEN 'and' THEN 'in' ELSE 'not_in' END,
						   'value', jsonb_build_array('status ' || i, 'final', 'open')),
		jsonb_build_object('attribute', 'resource.title', 'operator', CASE logic WHEN 'and' THEN 'neq' ELSE 'eq' END, 'value', 'title ' || i),
		jsonb_build_object('attribute', 'resource.owner', 'operator', CASE logic WHEN 'and' THEN 'neq' ELSE 'eq' END, 'value', '$user.id'),
		jsonb_build_object('attribute', 'env.ip', 'operator', 'in_cidr', 'value', format('192.168.%s.0/24', i))))
	FROM generate_series(1, 10) i, LATERAL (SELECT CASE i % 2 WHEN 1 THEN 'and' ELSE 'or' END) l (logic);
	INSERT INTO abac_rule_groups (organization_id, name)
	SELECT organization, 'group ' || i FROM generate_series(1, 10) i;
	INSERT INTO abac_policies (organization_id, name, priority)
	SELECT organization, 'policy ' || i, i % 3 FROM generate_series(1, 10) i;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
	SELECT id, 'organization', organization FROM abac_policies WHERE organization_id = organization ORDER BY id;
	INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', organization, 'asker');
	INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('asker', organization, '{"department": "finance"}');
$$;
SELECT make_ten('ten'), make_ten('many') \g /dev/null

-- Another 9,990 of one of the two, for users who don't ask.
INSERT INTO abac_rules (organization_id, name, resource_type, target_actions, conditions)
SELECT 'many', 'rule ' || i, 'doc', '{read}', jsonb_build_object('and', jsonb_build_array(
	jsonb_build_object('attribute', 'resource.level', 'operator', 'gte', 'value', i),
	jsonb_build_object('attribute', 'env.ip', 'operator', 'in_cidr', 'value', '192.168.0.0/24')))
FROM generate_series(11, 10000) i;
INSERT INTO abac_rule_groups (organization_id, name)
SELECT 'many', 'group ' || i FROM generate_series(11, 10000) i;
INSERT INTO abac_policies (organization_id, name, priority)
SELECT 'many', 'policy ' || i, i % 3 FROM generate_series(11, 10000) i;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT p.id, 'user', 'other-' || i
FROM generate_series(11, 10000) i JOIN abac_policies p ON p.organization_id = 'many' AND p.name = 'policy ' || i
ORDER BY i;

-- A rule to its group to its policy, in either.
INSERT INTO abac_rule_group_members (group_id, rule_id)
SELECT g.id, r.id
FROM abac_rule_groups g JOIN abac_rules r ON r.organization_id = g.organization_id AND r.name = replace(g.name, 'group', 'rule')
WHERE g.organization_id IN ('ten', 'many')
ORDER BY g.id;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id
FROM abac_policies p JOIN abac_rule_groups g ON g.organization_id = p.organization_id AND g.name = replace(p.name, 'policy', 'group')
WHERE p.organization_id IN ('ten', 'many')
ORDER BY p.id;

-- 1,000 users of one organization who hold the same role: they read what is of
-- their department, from the office, unless it is secret; and they list what has
-- a title that ends in 7, which no SQL condition says.
INSERT INTO abac_roles (organization_id, name, scope) VALUES ('crowd', 'employee', 'organization');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
SELECT 'user-' || i, r.id, 'organization', 'crowd' FROM generate_series(1, 1000) i, abac_roles r WHERE r.name = 'employee' ORDER BY i;
INSERT INTO abac_memberships (scope_type, scope_id, user_id)
SELECT 'organization', 'crowd', 'user-' || i FROM generate_series(1, 1000) i;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes)
SELECT 'user-' || i, 'crowd', jsonb_build_object('department', 'dept' || chr(97 + i % 10), 'level', i % 5) FROM generate_series(1, 1000) i;
INSERT INTO abac_rules (organization_id, name, effect, resource_type, target_actions, conditions) VALUES
	('crowd', 'department', 'allow', 'doc', '{read}', '{"and": [
		{"attribute": "user.department", "operator": "eq", "value": "$resource.department"},
		{"attribute": "env.ip", "operator": "in_cidr", "value": "10.0.0.0/8"}]}'),
	('crowd', 'secret', 'deny', 'doc', '{read}', '{"attribute": "resource.status", "operator": "eq", "value": "secret"}'),
	('crowd', 'list', 'allow', 'doc', '{list}', '{"attribute": "resource.title", "operator": "ends_with", "value": "7"}');
INSERT INTO abac_rule_groups (organization_id, name) SELECT 'crowd', name FROM abac_rules WHERE organization_id = 'crowd' ORDER BY name;
INSERT INTO abac_rule_group_members (group_id, rule_id)
SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (organization_id, name) WHERE organization_id = 'crowd' ORDER BY name;
INSERT INTO abac_policies (organization_id, name, effect) SELECT 'crowd', name, effect FROM abac_rules WHERE organization_id = 'crowd' ORDER BY name;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g USING (organization_id, name) WHERE organization_id = 'crowd' ORDER BY name;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
SELECT p.id, 'role', r.id::text FROM abac_policies p, abac_roles r WHERE p.organization_id = 'crowd' AND r.name = 'employee' ORDER BY p.name;

-- A table whose rows they are asked about.
CREATE TABLE docs (id bigint PRIMARY KEY, org text NOT NULL, department text NOT NULL, status text NOT NULL, title text NOT NULL);
INSERT INTO docs
SELECT i, 'crowd', 'dept' || chr(97 + i % 10), CASE i % 20 WHEN 0 THEN 'secret' ELSE 'final' END, 'Document ' || i
FROM generate_series(1, 2 * :calls) i;
SELECT abac_register('docs', 'doc', organization_column => 'org') \g /dev/null

-- The requests, by name and number: as many of each as the longer of two passes
-- takes.
CREATE TABLE asked (name text, n int, u text, a text, r text, c jsonb);

-- Eight to the two tenants of test/world.sql go by their user, action and answer,
-- so that another answer is another name.
CREATE TABLE eight AS
SELECT concat_ws('_', u, a, CASE WHEN abac_check(u, a, r, c) THEN 'allowed' ELSE 'denied' END) AS name,
	row_number() OVER (ORDER BY u, a, r, c::text) AS n, u, a, r, c
FROM (VALUES
	('nurse.bell', 'read', 'record:r-104', '{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "10.20.4.17"}}'::jsonb),
	('nurse.bell', 'read', 'record:r-104', '{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "198.51.100.7"}}'),
	('dr.okafor', 'sign', 'prescription', '{"scope": {"workspace": "ward-3"}}'),
	('dr.okafor', 'read', 'dataset:d1', '{"scope": {"project": "trial-17"}}'),
	('moss.clerk', 'export', 'record:r-104', '{"scope": {"organization": "riverside"}, "env": {"mfa": true}}'),
	('finch', 'read', 'record:r-1', '{"scope": {"organization": "riverside"}, "resource": {"sensitivity": 2}}'),
	('cleo.frank', 'comment', 'document:x', '{"scope": {"project": "aurora"}, "resource": {"tags": ["shared"]}}'),
	('dot.ivers', 'write', 'document:x', '{"scope": {"organization": "kestrel"}, "resource": {"owner_id": "dot.ivers"}}')
) request (u, a, r, c);
INSERT INTO asked SELECT name, i, u, a, r, c FROM eight, generate_series(1, 2 * :calls) i ORDER BY n, i;
INSERT INTO asked
SELECT 'eight', i, u, a, r, c FROM generate_series(1, 2 * :calls) i JOIN eight ON n = i % 8 + 1 ORDER BY i;

INSERT INTO asked
SELECT name, i, 'asker', 'read', 'doc:1', jsonb_build_object('scope', jsonb_build_object('organization', name),
	'resource', '{"level": 50, "status": "final", "title": "A title", "owner": "somebody"}'::jsonb, 'env', '{"ip": "10.1.2.3"}'::jsonb)
FROM unnest('{ten,many}'::text[]) name, generate_series(1, 2 * :calls) i ORDER BY name, i;

INSERT INTO asked
SELECT 'crowd', i, 'user-' || i, 'read', 'doc:1',
	'{"scope": {"organization": "crowd"}, "resource": {"department": "deptd", "status": "final"}, "env": {"ip": "10.1.2.3"}}'
FROM generate_series(1, 1000) i;

CREATE INDEX ON asked (name, n);
VACUUM (FREEZE, ANALYZE);
CHECKPOINT;
