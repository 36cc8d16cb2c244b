-- The oracle against answers worked out by hand. Load after oracle.sql; says nothing and leaves nothing behind when
-- all is well. Definitions and attributes go through the tables, trees straight to the oracle.

BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL abac.timezone = 'UTC';

INSERT INTO abac_attribute_definitions (organization_id, name, category, data_type, is_multivalued, default_value, source) VALUES
	(NULL, 'user.tnum', 'subject', 'number', false, '7', 'any'),
	(NULL, 'user.tbool', 'subject', 'boolean', false, NULL, 'any'),
	(NULL, 'user.tstr', 'subject', 'string', false, NULL, 'any'),
	('t-org', 'user.tstr', 'subject', 'number', false, NULL, 'any'),
	(NULL, 'user.tmulti', 'subject', 'string', true, NULL, 'any'),
	(NULL, 'user.tarr', 'subject', 'array', false, NULL, 'any'),
	(NULL, 'user.tdate', 'subject', 'date', false, NULL, 'any'),
	(NULL, 'user.tip', 'subject', 'ip', false, NULL, 'any'),
	(NULL, 'resource.tcidr', 'resource', 'cidr', false, NULL, 'any'),
	(NULL, 'user.tstored', 'subject', 'string', false, '"default"', 'stored'),
	(NULL, 'user.tglobal', 'subject', 'string', false, NULL, 'global');
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('t-user', NULL, '{"where": "global", "level": 1, "tglobal": "g", "gone": null, "nest": {"a": {"b": 2}}, "hollow": null}'),
	('t-user', 't-org', '{"where": "org", "tglobal": "o", "gone2": null}');
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES
	('project', 't-p', 'organization', 't-org'), ('workspace', 't-w', 'project', 't-p'), ('workspace', 't-w2', 'organization', 't-org'),
	('team', 't-team', NULL, NULL), ('team', 't-team-o', 'organization', 't-org');
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('team', 't-team', 't-user'), ('team', 't-team-o', 't-user'), ('organization', 't-org', 't-user');

-- §3, §4: t, f, u(nknown) or x (doesn't compile); an ordinary request of t-user in t-org, for a platform-wide rule and for one of t-org.
DO $$
DECLARE
	c record;
	req oracle.request := ROW('t-user', 'read', 'doc', '42', NULL, '2024-03-31 23:30:15Z', 't-org', NULL, NULL);
	got text;
	want text;
BEGIN
	FOR c IN SELECT n, x ->> 0 AS wanted, x -> 1 AS tree, coalesce(x -> 2, '{}') AS ctx FROM jsonb_array_elements($t$[
		["t", true], ["f", false], ["x", []], ["x", {}], ["x", {"and": []}], ["x", {"logic": "nor", "conditions": [true]}],
		["x", {"and": [true], "or": [true]}], ["t", {"and": [true], "description": "d"}], ["x", {"and": [true], "note": "d"}],
		["f", {"not": true}], ["t", {"not": [false, false]}], ["f", {"logic": "not", "conditions": [false, true]}],

		["u", {"attribute": "user.x", "operator": "eq", "value": 1}],
		["u", {"not": {"attribute": "user.x", "operator": "eq", "value": 1}}],
		["u", {"not": [false, {"attribute": "user.x", "operator": "eq", "value": 1}]}],
		["f", {"and": [false, {"attribute": "user.x", "operator": "eq", "value": 1}]}],
		["t", {"or": [true, {"attribute": "user.x", "operator": "eq", "value": 1}]}],
		["u", {"or": [false, {"attribute": "user.x", "operator": "neq", "value": 1}]}],
		["f", {"attribute": "user.x", "operator": "exists", "value": true}],
		["t", {"attribute": "user.x", "operator": "exists", "value": false}],
		["x", {"attribute": "user.x", "operator": "eq", "value": null}],
		["x", {"attribute": "user.x", "operator": "like", "value": 1}],
		["x", {"attribute": "person.x", "operator": "eq", "value": 1}],
		["x", {"attribute": "user.x", "operator": "in", "value": ["$user.id"]}],
		["x", {"attribute": "user.x", "operator": "eq", "value": "$person.id"}],
		["x", {"attribute": "user.x", "operator": "starts_with", "value": ""}],
		["x", {"attribute": "user.x", "operator": "matches", "value": "("}],
		["x", {"attribute": "user.x", "operator": "eq", "value": 1, "path": "$[0]"}],

		["t", {"attr": "subject.s", "op": "==", "val": "a"}, {"user": {"s": "a"}}],
		["f", {"attribute": "user.s", "operator": "equals", "value": "A"}, {"user": {"s": "a"}}],
		["u", {"attribute": "user.s", "operator": "=", "value": 1}, {"user": {"s": "1"}}],
		["t", {"attribute": "user.s", "operator": "eq", "value": 1.0}, {"user": {"s": 1}}],
		["t", {"attribute": "user.s", "operator": "eq", "value": {"a": [1, 2]}}, {"user": {"s": {"a": [1.0, 2]}}}],
		["t", {"attribute": "user.s", "operator": "gt", "value": "B"}, {"user": {"s": "a"}}],
		["f", {"attribute": "user.s", "operator": "gt", "value": 10}, {"user": {"s": 9}}],
		["u", {"attribute": "user.s", "operator": "gt", "value": false}, {"user": {"s": true}}],
		["t", {"attribute": "user.s", "operator": "between", "value": [1, 3]}, {"user": {"s": 3}}],
		["t", {"attribute": "user.s", "operator": "eq", "value": "$resource.s"}, {"user": {"s": "a"}, "resource": {"s": "a"}}],
		["u", {"attribute": "user.s", "operator": "eq", "value": {"ref": "resource.s"}}, {"user": {"s": "a"}}],
		["t", {"attribute": "user.s", "operator": "eq", "value": {"literal": "$resource.s"}}, {"user": {"s": "$resource.s"}}],
		["t", {"attribute": "user.s", "operator": "eq", "value": "$5"}, {"user": {"s": "$5"}}],

		["t", {"attribute": "user.s", "operator": "in", "value": ["a", "b"]}, {"user": {"s": "a"}}],
		["f", {"attribute": "user.s", "operator": "in", "value": ["b"]}, {"user": {"s": "a"}}],
		["u", {"attribute": "user.s", "operator": "in", "value": ["b", 1]}, {"user": {"s": "a"}}],
		["u", {"attribute": "user.s", "operator": "not_in", "value": ["b", null]}, {"user": {"s": "a"}}],
		["f", {"attribute": "user.s", "operator": "not_in", "value": ["a", null]}, {"user": {"s": "a"}}],
		["t", {"attribute": "user.s", "operator": "in", "value": ["b"]}, {"user": {"s": ["a", "b"]}}],
		["t", {"attribute": "user.s", "operator": "eq", "value": "b"}, {"user": {"s": ["a", "b", null]}}],
		["u", {"attribute": "user.s", "operator": "eq", "value": "c"}, {"user": {"s": ["a", "b", null]}}],
		["f", {"attribute": "user.s", "operator": "eq", "value": ["b", "a"]}, {"user": {"s": ["a", "b"]}}],
		["t", {"attribute": "user.s", "operator": "contains", "value": ["b", "a"]}, {"user": {"s": ["a", "b"]}}],
		["u", {"attribute": "user.s", "operator": "gt", "value": "a"}, {"user": {"s": ["b"]}}],
		["u", {"attribute": "user.s", "operator": "starts_with", "value": "a"}, {"user": {"s": ["a"]}}],
		["t", {"attribute": "user.s", "operator": "contains", "value": "bc"}, {"user": {"s": "abcd"}}],
		["t", {"attribute": "user.s", "operator": "ends_with", "value": "cd"}, {"user": {"s": "abcd"}}],
		["f", {"attribute": "user.s", "operator": "matches", "value": "^b"}, {"user": {"s": "abcd"}}],
		["t", {"attribute": "user.s", "operator": "is_subset", "value": ["a", "b", "c"]}, {"user": {"s": ["a", "b"]}}],
		["f", {"attribute": "user.s", "operator": "is_superset", "value": ["a", "c"]}, {"user": {"s": ["a", "b"]}}],
		["u", {"attribute": "user.s", "operator": "is_subset", "value": ["a"]}, {"user": {"s": "a"}}],
		["t", {"attribute": "user.tmulti", "operator": "is_subset", "value": ["a"]}, {"user": {"tmulti": "a"}}],
		["t", {"attribute": "user.tmulti", "operator": "contains", "value": 5}, {"user": {"tmulti": ["5"]}}],
		["u", {"attribute": "user.tmulti", "operator": "starts_with", "value": "a"}, {"user": {"tmulti": "a"}}],
		["u", {"attribute": "user.tarr", "operator": "contains", "value": "a"}, {"user": {"tarr": "a"}}],

		["t", {"attribute": "user.tnum", "operator": "eq", "value": 7}],
		["f", {"attribute": "user.tnum", "operator": "exists", "value": true}],
		["t", {"attribute": "user.tnum", "operator": "gt", "value": "9"}, {"user": {"tnum": "1e1"}}],
		["u", {"attribute": "user.tnum", "operator": "eq", "value": 1}, {"user": {"tnum": "01"}}],
		["u", {"attribute": "user.tnum", "operator": "eq", "value": 1}, {"user": {"tnum": true}}],
		["u", {"attribute": "user.tnum", "operator": "eq", "value": 1}, {"user": {"tnum": "1e999999"}}],
		["t", {"attribute": "user.tbool", "operator": "neq", "value": "false"}, {"user": {"tbool": "true"}}],
		["u", {"attribute": "user.tbool", "operator": "eq", "value": "yes"}, {"user": {"tbool": true}}],
		["tu", {"attribute": "user.tstr", "operator": "eq", "value": "true"}, {"user": {"tstr": true}}],
		["tu", {"attribute": "user.tstr", "operator": "starts_with", "value": "1."}, {"user": {"tstr": 1.50}}],
		["u", {"attribute": "user.tstr", "operator": "eq", "value": "$user.tnum"}, {"user": {"tstr": "x7"}}],
		["t", {"attribute": "resource.s", "operator": "eq", "value": "$user.tnum"}, {"resource": {"s": "7.0"}}],

		["t", {"attribute": "user.tdate", "operator": "eq", "value": "2024-01-01T00:00:00Z"}, {"user": {"tdate": "2024-01-01"}}],
		["t", {"attribute": "user.tdate", "operator": "eq", "value": "2024-01-01 10:00Z"}, {"user": {"tdate": "2024-01-01T12:30:00.000+02:30"}}],
		["t", {"attribute": "user.tdate", "operator": "between", "value": ["2024-01-01+01", "2024-01-02"]}, {"user": {"tdate": "2023-12-31T23:00"}}],
		["u", {"attribute": "user.tdate", "operator": "gt", "value": "2020-01-01"}, {"user": {"tdate": "2023-02-29"}}],
		["u", {"attribute": "user.tdate", "operator": "gt", "value": "2020-01-01"}, {"user": {"tdate": "1 Jan 2023"}}],
		["u", {"attribute": "user.tdate", "operator": "gt", "value": "2020-01-01"}, {"user": {"tdate": "2023-01-01t00:00"}}],
		["u", {"attribute": "user.tdate", "operator": "gt", "value": "2020-01-01"}, {"user": {"tdate": "2023-01-01T00:00+0200"}}],
		["u", {"attribute": "user.tdate", "operator": "starts_with", "value": "2020"}, {"user": {"tdate": "2020-01-01"}}],

		["t", {"attribute": "user.tip", "operator": "eq", "value": "::ffff:10.0.0.1"}, {"user": {"tip": "10.0.0.1"}}],
		["t", {"attribute": "user.tip", "operator": "in_cidr", "value": "10.0.0.0/8"}, {"user": {"tip": "::ffff:10.1.2.3"}}],
		["t", {"attribute": "user.s", "operator": "in_cidr", "value": ["192.168.0.0/16", "10.0.0.0/8"]}, {"user": {"s": "10.1.2.3"}}],
		["t", {"attribute": "user.s", "operator": "not_in_cidr", "value": "2001:db8::/32"}, {"user": {"s": "10.1.2.3"}}],
		["u", {"attribute": "user.s", "operator": "not_in_cidr", "value": "10.0.0.0/8"}, {"user": {"s": "10.1.2"}}],
		["t", {"attribute": "user.tip", "operator": "in_cidr", "value": "$resource.tcidr"}, {"user": {"tip": "10.1.2.3"}, "resource": {"tcidr": "10.1.0.0/16"}}],
		["u", {"attribute": "user.tip", "operator": "gt", "value": "10.0.0.0"}, {"user": {"tip": "10.1.2.3"}}],

		["t", {"attribute": "resource.id", "operator": "eq", "value": 42}], ["t", {"attribute": "resource.id", "operator": "in", "value": [7, 42]}],
		["t", {"attribute": "resource.owner", "operator": "eq", "value": "$resource.id"}, {"resource": {"owner": 42, "id": "no"}}],
		["t", {"attribute": "context.action", "operator": "eq", "value": "read"}, {"context": {"action": "write"}}],
		["ft", {"attribute": "user.where", "operator": "eq", "value": "org"}, {"user": {"where": "ctx"}}],
		["t", {"attribute": "user.tglobal", "operator": "eq", "value": "g"}, {"user": {"tglobal": "ctx"}}],
		["t", {"attribute": "user.tstored", "operator": "eq", "value": "default"}, {"user": {"tstored": "ctx"}}],
		["u", {"attribute": "user.gone", "operator": "eq", "value": 1}, {"user": {"gone": 1}}],
		["u", {"attribute": "user.gone2", "operator": "eq", "value": 1}, {"user": {"gone2": 1}}],
		["f", {"attribute": "user.gone", "operator": "exists", "value": true}, {"user": {"gone": 1}}],
		["t", {"attribute": "user.nest.a.b", "operator": "eq", "value": 2}, {"user": {"nest": {"a": {"b": 3}}}}],
		["t", {"attribute": "user.nest.a.c", "operator": "eq", "value": 3}, {"user": {"nest": {"a": {"c": 3}}}}],
		["t", {"attribute": "user.nest", "operator": "eq", "value": 2, "path": "$.a.b"}],
		["u", {"attribute": "user.nest", "operator": "eq", "value": 3, "path": "$.a.c"}, {"user": {"nest": {"a": {"c": 3}}}}],
		["ft", {"attribute": "user.teams", "operator": "contains", "value": "t-team-o"}],
		["f", {"attribute": "user.roles", "operator": "contains", "value": "nothing"}],
		["t", {"attribute": "env.date", "operator": "eq", "value": "2024-03-31"}], ["t", {"attribute": "environment.time_hour", "operator": "eq", "value": "23"}],
		["t", {"attribute": "env.time_of_day", "operator": "between", "value": ["23:00", "23:59"]}], ["t", {"attribute": "env.day_of_week", "operator": "eq", "value": "sunday"}],
		["t", {"attribute": "env.now", "operator": "gt", "value": "2024-04-01+00:31"}], ["f", {"attribute": "env.now", "operator": "lt", "value": "2024-03-31T23:30:15"}],
		["t", {"attribute": "env.date", "operator": "eq", "value": "2000-01-01"}, {"env": {"date": "2000-01-01"}}]
	]$t$) WITH ORDINALITY e (x, n)
	LOOP
		req.ctx := c.ctx;
		FOR i IN 1 .. 2 LOOP		-- for a platform-wide rule; for one of t-org
			got := CASE WHEN NOT oracle.compiles(c.tree) THEN 'x'
				ELSE coalesce(left(oracle.node(req, CASE i WHEN 2 THEN 't-org' END, c.tree)::text, 1), 'u') END;
			want := substr(c.wanted || c.wanted, i, 1);
			ASSERT got = want, format('%s (%s): got %s, want %s', c.tree, c.ctx, got, want);
		END LOOP;
	END LOOP;

	PERFORM set_config('abac.timezone', 'Europe/Berlin', true);		-- where summer time began that morning
	ASSERT oracle.node(req, NULL, '{"attribute": "env.time_of_day", "operator": "eq", "value": "01:30"}');
	ASSERT oracle.to_instant('"2024-03-31 12:00"') = '2024-03-31 10:00Z';
	ASSERT oracle.to_instant('"2024-03-30"') = '2024-03-29 23:00Z';
	PERFORM set_config('abac.timezone', 'UTC', true);
END $$;

-- §5
CREATE FUNCTION pg_temp.ask(who text, resource text, scope jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d record;
BEGIN
	d := oracle.decide(who, 'read', resource, jsonb_build_object('scope', scope), now());
	RETURN coalesce(d.decision::text, 'null') || ' ' || d.reason;
END $$;

DO $$
DECLARE
	yes uuid; no uuid; off uuid; dk uuid; forbid uuid;
	g uuid; inner_g uuid; p uuid;
	org jsonb := '{"organization": "t-org"}';
BEGIN
	INSERT INTO abac_rules (name) VALUES ('t-yes') RETURNING id INTO yes;
	INSERT INTO abac_rules (name, conditions) VALUES ('t-no', 'false') RETURNING id INTO no;
	INSERT INTO abac_rules (name, conditions) VALUES ('t-dk', '{"attribute": "user.nobody_has_it", "operator": "eq", "value": 1}') RETURNING id INTO dk;
	INSERT INTO abac_rules (name, is_active) VALUES ('t-off', false) RETURNING id INTO off;
	INSERT INTO abac_rules (name, effect, conditions) VALUES ('t-forbid', 'deny', '{"attribute": "user.nobody_has_it", "operator": "eq", "value": 1}') RETURNING id INTO forbid;

	INSERT INTO abac_policies (name, priority) VALUES ('t-p', 5) RETURNING id INTO p;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES (p, 'organization', 't-org');
	INSERT INTO abac_rule_groups (name, combine_logic) VALUES ('t-g', 'or') RETURNING id INTO g;
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (p, g);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false no_match';				-- an empty group
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (g, yes);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'true policy_allow';
	ASSERT pg_temp.ask('t-user', 'doc') = 'false no_match';						-- not there
	ASSERT pg_temp.ask('t-other', 'doc', org) = 'false no_match';				-- not a member: no allow
	ASSERT pg_temp.ask('t-user', 'doc', '{"workspace": "t-w"}') = 'true policy_allow';
	ASSERT pg_temp.ask('t-user', 'doc', '{"workspace": "t-w2", "project": "t-p"}') = 'false scope_mismatch';
	ASSERT pg_temp.ask('t-user', 'doc', '{"project": "t-nowhere"}') = 'false scope_mismatch';
	ASSERT pg_temp.ask('t-user', 'doc', '{"organization": null}') = 'false invalid_request';
	ASSERT pg_temp.ask('t-user', ':1', org) = 'false invalid_request';
	ASSERT pg_temp.ask('t-user', 'doc', '{"team": "t-team"}') = 'null error';

	UPDATE abac_policies SET effect = 'deny' WHERE id = p;
	ASSERT pg_temp.ask('t-other', 'doc', org) = 'false policy_deny';			-- but every deny
	UPDATE abac_policies SET effect = 'allow' WHERE id = p;

	-- a deny rule that may be true, though the group is true without it
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (g, forbid);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false policy_deny';
	DELETE FROM abac_rule_group_members WHERE rule_id = forbid;

	-- not in force, and empty, under one `not` and under two
	INSERT INTO abac_rule_groups (name, combine_logic) VALUES ('t-i', 'not') RETURNING id INTO inner_g;
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (inner_g, off);
	UPDATE abac_rule_group_members SET rule_id = NULL, child_group_id = inner_g WHERE group_id = g;
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (g, no);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false no_match';
	UPDATE abac_rule_groups SET combine_logic = 'not' WHERE id = g;
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false no_match';
	DELETE FROM abac_rule_group_members WHERE rule_id = off;
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false no_match';
	-- default allow needs all in force and no empty group
	UPDATE abac_policies SET default_effect = 'allow' WHERE id = p;
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false no_match';
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (inner_g, no);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'true policy_default';
	-- unknown: nothing, or the default's deny
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (inner_g, dk);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false no_match';
	UPDATE abac_policies SET default_effect = 'deny' WHERE id = p;
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false policy_deny';
	DELETE FROM abac_rule_group_members WHERE rule_id = dk;
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false policy_default';

	-- a tenant's allow doesn't outrank the platform's deny; nor does a grant in the tenant, but one in context global does
	INSERT INTO abac_policies (name, organization_id, priority) VALUES ('t-tenant', 't-org', 99) RETURNING id INTO p;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) VALUES (p, 'user', 't-user');
	INSERT INTO abac_rule_groups (name) VALUES ('t-y') RETURNING id INTO g;
	INSERT INTO abac_rule_group_members (group_id, rule_id) VALUES (g, yes);
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) VALUES (p, g);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false policy_default';
	INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read') RETURNING id INTO p;
	INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id) VALUES ('t-user', p, true, 'organization', 't-org');
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false policy_default';
	INSERT INTO abac_user_permissions (user_id, permission_id, granted) VALUES ('t-user', p, true);
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'true user_allow';
	UPDATE abac_user_permissions SET granted = false WHERE context_type = 'organization' AND user_id = 't-user';
	ASSERT pg_temp.ask('t-user', 'doc', org) = 'false user_deny';
	ASSERT pg_temp.ask('t-user', 'doc') = 'true user_allow';
END $$;

ROLLBACK;
