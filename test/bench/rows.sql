-- Tables for test/bench/rows: documents of 1,000 organizations, some protected
-- by abac_protect and some by the predicate that a person would write for the
-- same user, user-7. Users user-1 ... user-1000 are each a member of one
-- organization and of a department, and hold the same role there.
--
-- psql variables: rows, and wide = rows of the tables with a column of 10 kB.

-- What the documents have in common.
CREATE TABLE pattern (
	id bigint PRIMARY KEY,
	org text NOT NULL,
	owner text NOT NULL,
	dept text NOT NULL,
	status text NOT NULL,
	meta jsonb NOT NULL,
	body text
);
ALTER TABLE pattern ALTER body SET STORAGE EXTERNAL;
CREATE INDEX ON pattern (org, dept);
CREATE INDEX ON pattern (owner);
CREATE FUNCTION make(name text, rows int, body int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I (LIKE pattern INCLUDING ALL)', name);
	EXECUTE format('INSERT INTO %I SELECT i, ''org-'' || i %% 1000 + 1, ''user-'' || i %% 7919 + 1, ''dept-'' || i %% 17,
			(ARRAY[''draft'', ''final'', ''secret''])[i %% 3 + 1], jsonb_build_object(''region'', ''r'' || i %% 5), repeat(''x'', $2)
		FROM generate_series(1, $1) i', name) USING rows, body;
	EXECUTE format('GRANT SELECT ON %I TO bench_app', name);
END
$$;
CREATE ROLE bench_app LOGIN;
SELECT make(t, :rows, 100) FROM unnest('{docs, docs_by_hand, region, region_by_hand, region_plpgsql}'::text[]) t \g /dev/null
SELECT make(t, :wide, 10000) FROM unnest('{wide, wide_by_hand}'::text[]) t \g /dev/null

-- Who is who.
INSERT INTO abac_attribute_definitions (name, category, data_type, source) VALUES
	('user.department', 'subject', 'string', 'stored'), ('user.region', 'subject', 'string', 'stored');
INSERT INTO abac_roles (name, scope) VALUES ('employee', 'organization');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
	SELECT 'user-' || i, r.id, 'organization', 'org-' || i FROM generate_series(1, 1000) i, abac_roles r;
INSERT INTO abac_user_attributes (user_id, attributes)
	SELECT 'user-' || i, jsonb_build_object('department', 'dept-' || i % 17, 'region', 'r' || i % 5)
	FROM generate_series(1, 1000) i;

-- An employee reads what is theirs or their department's, and nothing secret;
-- user-7 reads what is of their region, which is inside a jsonb column.
SET abac.attribute_validation = off;
INSERT INTO abac_rules (name, effect, resource_type, target_actions, conditions) VALUES
	('own or department', 'allow', 'docs', '{read}', '{"or": [
		{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"},
		{"attribute": "resource.dept", "operator": "eq", "value": "$user.department"}]}'),
	('secret', 'deny', 'docs', '{read}', '{"attribute": "resource.status", "operator": "eq", "value": "secret"}'),
	('region', 'allow', 'region', '{read}', '{"attribute": "resource.meta.region", "operator": "eq", "value": "$user.region"}');
INSERT INTO abac_rule_groups (name, combine_logic) SELECT name, 'and' FROM abac_rules;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (name);
INSERT INTO abac_policies (name, effect) SELECT name, effect FROM abac_rules;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g USING (name);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
	SELECT p.id, 'role', r.id::text FROM abac_policies p, abac_roles r WHERE p.name <> 'region';
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
	SELECT p.id, 'user', 'user-7' FROM abac_policies p WHERE p.name = 'region';

GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean) TO bench_app;
ALTER ROLE bench_app SET abac.principal = 'user-7';
SET client_min_messages = warning;
SELECT abac_protect('docs', organization_column => 'org') \g /dev/null
SELECT abac_protect('region'), abac_protect('wide', 'region') \g /dev/null

-- By hand.
CREATE TABLE app_users (id text PRIMARY KEY, org text, dept text, region text);
INSERT INTO app_users SELECT 'user-' || i, 'org-' || i, 'dept-' || i % 17, 'r' || i % 5 FROM generate_series(1, 1000) i;
GRANT SELECT ON app_users TO bench_app;
ALTER TABLE docs_by_hand ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON docs_by_hand USING (org = 'org-7' AND (owner = 'user-7' OR dept = 'dept-7') AND status <> 'secret');
ALTER TABLE region_by_hand ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON region_by_hand USING (meta ->> 'region' = 'r2');
ALTER TABLE wide_by_hand ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON wide_by_hand USING (meta ->> 'region' = 'r2');
CREATE FUNCTION may_read(doc region_plpgsql) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN doc.meta ->> 'region' = (SELECT region FROM app_users WHERE id = 'user-7');
END
$$;
ALTER TABLE region_plpgsql ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON region_plpgsql USING (may_read(region_plpgsql.*));

-- For users that change: by hand it is the setting that says who it is.
SELECT make('docs_by_setting', :rows, 100) \g /dev/null
ALTER TABLE docs_by_setting ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON docs_by_setting USING (org = current_setting('app.org')
	AND (owner = current_setting('app.user') OR dept = current_setting('app.dept')) AND status <> 'secret');

VACUUM ANALYZE docs, docs_by_hand, docs_by_setting, region, region_by_hand, region_plpgsql, wide, wide_by_hand, app_users;
