-- Where an attribute's value comes from (DESIGN §4), for a platform-wide rule and for an organization's.
SET abac.attribute_validation = off;
BEGIN;

-- For whoever asks as u: a policy of the platform with one rule, and one of organization o1.
INSERT INTO abac_rules (organization_id, name) VALUES (NULL, 'platform'), ('o1', 'tenant');
INSERT INTO abac_rule_groups (organization_id, name) SELECT organization_id, name FROM abac_rules;
INSERT INTO abac_policies (organization_id, name) SELECT organization_id, name FROM abac_rules;
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups AS g JOIN abac_rules AS r USING (name);
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id,
	g.id FROM abac_policies AS p JOIN abac_rule_groups AS g USING (name);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'u' FROM abac_policies;
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'p1', 'organization', 'o1'),
	('team', 't1', 'organization', 'o1'), ('team', 't2', 'organization', 'o2'),
	('team', 't0', NULL, NULL);

-- The leaf as the explanation of that policy has it.
CREATE FUNCTION leaf(tree jsonb, policy text, ctx jsonb, action text, resource text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	UPDATE abac_rules SET conditions = tree WHERE conditions::text IS DISTINCT FROM tree::text;
	RETURN jsonb_path_query_first(abac_explain('u', action, resource, ctx), '$.policies[*] ? (@.name == $name).groups[0].members[0].conditions', jsonb_build_object('name', policy));
END
$$;
-- The value found and its source.  "exists" must say whether a source holds it: neither a default nor a null is held.
CREATE FUNCTION seen(attribute text, policy text, ctx jsonb DEFAULT '{}', action text DEFAULT 'read',
	resource text DEFAULT 'doc:1') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	l jsonb := leaf(jsonb_build_object('attribute', attribute, 'operator', 'exists', 'value', true), policy, ctx, action, resource);
	held boolean := l ->> 'source' NOT IN ('default', 'nowhere') AND l -> 'actual' <> 'null';
BEGIN
	IF l ->> 'value' IS DISTINCT FROM held::text THEN
		RAISE 'exists of % is %: %', attribute, l ->> 'value', l;
	END IF;
	RETURN concat(CASE l -> 'actual' WHEN 'null' THEN '-' ELSE l ->> 'actual' END, ' (' || nullif(l ->> 'source', 'nowhere') || ')');
END
$$;
CREATE FUNCTION truth(tree jsonb, ctx jsonb DEFAULT '{}', policy text DEFAULT 'platform') RETURNS text LANGUAGE sql AS
	$$ SELECT leaf(tree, policy, ctx, 'read', 'doc:1') ->> 'value' $$;
\set o1 '{"scope": {"organization": "o1"}}'

--
-- user.*: for an organization's rule its row, then the global row; for the platform's the other way round; then ctx, then the default
--
INSERT INTO abac_attribute_definitions (name, default_value) SELECT 'user.' || a, '"default"'
FROM unnest('{everywhere,in_org,in_global,in_ctx,in_rows,null_in_org,null_in_global,null_in_ctx,nowhere}'::text[]) AS a;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('u', 'o1',
	'{"everywhere": "org", "in_org": "org", "in_rows": "org", "null_in_org": null, "null_in_global": "org", "undefined": "org", "null_undefined": null, "id": "org", "roles": ["org"]}'),
	('u', NULL,
	'{"everywhere": "global", "in_global": "global", "in_rows": "global", "null_in_org": "global", "null_in_global": null, "id": "global", "role": ["global"]}'),
	('u', 'o2', '{"everywhere": "o2", "in_org": "o2"}'), ('other', NULL, '{"nowhere": "other"}');
\set ctx '{"user": {"everywhere": "ctx", "in_ctx": "ctx", "null_in_org": "ctx", "null_in_global": "ctx", "null_in_ctx": null, "null_undefined": "ctx", "id": "ctx", "roles": ["ctx"], "role": "ctx"}}'
SELECT a AS "user.", seen('user.' || a, 'tenant', :'ctx'::jsonb || :'o1') AS "tenant's rule in o1",
	seen('user.' || a, 'platform', :'ctx'::jsonb || :'o1') AS "platform's rule in o1",
	seen('user.' || a, 'platform', :'ctx') AS "nowhere", seen('user.' || a, 'platform',
	:'ctx'::jsonb || '{"scope": {"organization": "o2"}}') AS "in o2"
FROM unnest('{everywhere,in_org,in_global,in_ctx,in_rows,null_in_org,null_in_global,null_in_ctx,nowhere,undefined,null_undefined,unheard_of,id,roles,role}'::text[]) AS a;
-- the organization is the scope chain's
SELECT seen('user.in_org', 'tenant', '{"scope": {"project": "p1"}}');
-- without any row
DELETE FROM abac_user_attributes WHERE user_id = 'u';
SELECT a AS "user.", seen('user.' || a, 'tenant', :'ctx'::jsonb || :'o1') AS "tenant's rule in o1",
	seen('user.' || a, 'platform', :'ctx') AS "platform's rule" FROM unnest('{everywhere,in_org,null_in_ctx}'::text[]) AS a;
-- a default isn't something that exists, but it compares
SELECT truth('{"attribute": "user.nowhere", "operator": "eq", "value": "default"}') AS eq,
	truth('{"attribute": "user.nowhere", "operator": "exists", "value": true}') AS "exists",
	truth('{"attribute": "user.nowhere", "operator": "exists", "value": false}') AS "exists not",
	truth('{"attribute": "user.nowhere", "operator": "eq", "value": "$user.in_org"}') AS "two defaults";

-- dotted names: whole in each source; a definition speaks of its exact name
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.settings', 'json', '{"theme": {"dark": true}}'),
	('user.deep.with.default', 'string', '"default"');
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('u', 'o1',
	'{"a": {"b": {"c": "org"}, "d": "org"}, "scalar": "org", "null_above": null, "list": [{"b": 1}], "x.y": "a key with a dot", "empty": {"": 1}}'),
	('u', NULL,
	'{"a": {"b": {"e": "global"}, "f": "global"}, "scalar": {"b": "global"}, "null_above": {"b": "global"}, "list": {"b": "global"}, "deep": {"with": {}}}');
SELECT a AS "user.", seen('user.' || a, 'tenant',
	'{"user": {"a": {"b": {"g": "ctx"}}, "scalar": {"z": "ctx"}}, "scope": {"organization": "o1"}}') AS "tenant's rule"
FROM unnest('{a,a.b,a.b.c,a.b.e,a.b.g,a.b.c.d,a.d,a.f,a.b.h,scalar,scalar.b,scalar.z,null_above.b,list.b,x.y,deep.with,deep.with.default,settings,settings.theme,settings.theme.dark}'::text[]) AS a;
SELECT truth('{"attribute": "user.settings", "path": "$.theme.dark", "operator": "eq", "value": true}') AS "a path digs into the default",
	truth('{"attribute": "user.settings", "path": "$.theme.dark", "operator": "exists", "value": true}') AS "which does not exist";

-- sources: stored = never from ctx; global = only from the global row
DELETE FROM abac_user_attributes;
INSERT INTO abac_attribute_definitions (name, source, default_value) VALUES ('user.any', 'any', NULL), ('user.stored', 'stored', NULL),
	('user.global', 'global', NULL), ('user.stored_default', 'stored', '"default"'),
	('user.global_default', 'global', '"default"'), ('resource.stored', 'stored', NULL), ('resource.global', 'global', '"default"'),
	('context.stored', 'stored', NULL), ('env.stored', 'stored', '"default"');
\set ctx '{"user": {"any": "ctx", "stored": "ctx", "global": "ctx", "stored_default": "ctx", "global_default": "ctx"}, "resource": {"stored": "ctx", "global": "ctx"}, "context": {"stored": "ctx"}, "env": {"stored": "ctx"}}'
SELECT a, seen(a, 'tenant', :'ctx'::jsonb || :'o1') AS "tenant's rule", seen(a, 'platform', :'ctx') AS "platform's rule"
FROM unnest('{user.any,user.stored,user.global,user.stored_default,user.global_default,resource.stored,resource.global,context.stored,env.stored}'::text[]) AS a;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('u', 'o1',
	'{"any": "org", "stored": "org", "global": "org", "stored_default": null}');
SELECT a, seen(a, 'tenant', :'ctx'::jsonb || :'o1') AS "org row only",
	seen(a, 'platform',
	:'ctx'::jsonb || :'o1') AS "platform's rule" FROM unnest('{user.any,user.stored,user.global,user.stored_default}'::text[]) AS a;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('u', NULL,
	'{"any": "global", "stored": "global", "global": "global", "global_default": null}');
SELECT a, seen(a, 'tenant', :'ctx'::jsonb || :'o1') AS "both rows", seen(a, 'platform', :'ctx'::jsonb || :'o1') AS "platform's rule"
FROM unnest('{user.any,user.stored,user.global,user.stored_default,user.global_default}'::text[]) AS a;

--
-- Definitions: the organization's, then the global one; a platform-wide rule knows only global ones
--
INSERT INTO abac_attribute_definitions (organization_id, name, data_type, default_value, source) VALUES (NULL, 'user.level', 'number', '1',
	'any'), ('o1', 'user.level', 'string', '"one"', 'stored'),
	('o1', 'user.own', 'number', '7', 'any'), ('o2', 'user.level', 'boolean', 'true', 'any'), ('o2', 'user.foreign', 'number', '9', 'any');
SELECT a, seen(a, 'tenant', :'o1') AS "tenant's rule", seen(a, 'platform', :'o1') AS "platform's rule",
	seen(a, 'platform', '{"scope": {"organization": "o2"}}') AS "in o2" FROM unnest('{user.level,user.own,user.foreign}'::text[]) AS a;
SELECT a, seen(a, 'tenant', :'o1'::jsonb || '{"user": {"level": "5", "own": "5"}}') AS "tenant's rule",
	seen(a, 'platform', :'o1'::jsonb || '{"user": {"level": "5", "own": "5"}}') AS "platform's rule"
FROM unnest('{user.level,user.own}'::text[]) AS a;
SELECT truth('{"attribute": "user.own", "operator": "gt", "value": 4}', :'o1'::jsonb || '{"user": {"own": "5"}}',
	'tenant') AS "a number to the tenant",
	truth('{"attribute": "user.own", "operator": "gt", "value": 4}', :'o1'::jsonb || '{"user": {"own": "5"}}',
	'platform') AS "a string to the platform",
	truth('{"attribute": "user.level", "operator": "lt", "value": 10}', :'o1'::jsonb || '{"user": {"level": "5"}}',
	'platform') AS "a number to the platform";
DELETE FROM abac_attribute_definitions;
DELETE FROM abac_user_attributes;

--
-- user.roles, user.role: the names of roles held
--
INSERT INTO abac_roles (organization_id, name, scope) VALUES (NULL, 'zeta', 'global'), (NULL, 'Beta', 'organization'),
	(NULL, 'beta', 'project'), ('o1', 'alpha', 'organization'), (NULL, 'closed', 'global'), ('o1', 'zeta', 'organization');
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id, expires_at)
SELECT 'u', id, scope, CASE scope WHEN 'organization' THEN 'o1' WHEN 'project' THEN 'p1' END,
	CASE name WHEN 'closed' THEN timestamptz '2001-01-01' END FROM abac_roles;
SELECT a, seen(a, 'tenant', :'o1') AS "tenant's rule in o1", seen(a, 'tenant', '{"scope": {"project": "p1"}}') AS "tenant's rule in p1",
	seen(a, 'platform', '{"scope": {"project": "p1"}}') AS "platform's rule in p1",
	seen(a, 'platform', '{"scope": {"organization": "o2"}}') AS "in o2", seen(a, 'platform') AS nowhere
FROM unnest('{user.roles,user.role}'::text[]) AS a;
SELECT truth('{"attribute": "user.roles", "operator": "contains", "value": "alpha"}', :'o1', 'tenant') AS "the tenant's own",
	truth('{"attribute": "user.roles", "operator": "contains", "value": "alpha"}', :'o1', 'platform') AS "not to the platform",
	truth('{"attribute": "user.role", "operator": "eq", "value": "zeta"}') AS "eq one of them",
	truth('{"attribute": "user.role", "operator": "in", "value": ["Beta", "x"]}', :'o1') AS "in",
	truth('{"attribute": "user.role", "operator": "eq", "value": "beta"}', :'o1') AS "not in this scope";
-- none
DELETE FROM abac_user_roles;
SELECT seen('user.roles', 'tenant', :'o1'), truth('{"attribute": "user.roles", "operator": "contains", "value": "alpha"}', :'o1', 'tenant'),
	truth('{"attribute": "user.roles", "operator": "not_contains", "value": "alpha"}', :'o1', 'tenant');

--
-- user.teams: stored, then the teams the user is in, then the default, then []
--
SELECT seen('user.teams', 'tenant', :'o1'::jsonb || '{"user": {"teams": ["ctx"]}}') AS "none",
	truth('{"attribute": "user.teams", "operator": "contains", "value": "t1"}') AS "contains t1",
	truth('{"attribute": "user.teams", "operator": "exists", "value": true}') AS "exists";
INSERT INTO abac_attribute_definitions (name, data_type, default_value) VALUES ('user.teams', 'array', '["default"]');
SELECT seen('user.teams', 'tenant', :'o1'::jsonb || '{"user": {"teams": ["ctx"]}}') AS "default";
INSERT INTO abac_memberships (scope_type, scope_id, user_id, expires_at) VALUES ('team', 't1', 'u', NULL), ('team', 't2', 'u', NULL),
	('team', 't0', 'u', NULL), ('team', 'unregistered', 'u', NULL), ('organization', 'o1', 'u', NULL);
SELECT seen('user.teams', 'tenant', :'o1'::jsonb || '{"user": {"teams": ["ctx"]}}') AS "tenant's rule",
	seen('user.teams', 'platform', :'o1') AS "platform's rule", seen('user.teams', 'platform',
	'{"scope": {"organization": "o2"}}') AS "in o2";
UPDATE abac_memberships SET expires_at = '2001-01-01' WHERE scope_id = 't0';
SELECT seen('user.teams', 'tenant', :'o1') AS "t0 is over", seen('user.teams', 'platform', :'o1') AS "platform's rule";
UPDATE abac_attribute_definitions SET source = 'global';
SELECT seen('user.teams', 'tenant', :'o1') AS "global only";
UPDATE abac_attribute_definitions SET source = 'any';
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('u', NULL, '{"teams": ["stored"]}'),
	('u', 'o1', '{"teams": null}');
SELECT seen('user.teams', 'tenant', :'o1') AS "a stored null", seen('user.teams', 'platform', :'o1') AS "stored";
DELETE FROM abac_attribute_definitions;
DELETE FROM abac_user_attributes;

--
-- resource.*
--
INSERT INTO abac_attribute_definitions (name, default_value) VALUES ('resource.owner', '"default"');
SELECT r AS resource, seen('resource.type', 'platform', ctx, 'read', r) AS "resource.type",
	seen('resource.id', 'platform', ctx, 'read', r) AS "resource.id",
	seen('resource.owner', 'platform', ctx, 'read', r) AS "resource.owner",
	seen('resource.meta.size', 'platform', ctx, 'read', r) AS "resource.meta.size"
FROM (VALUES ('doc:1', '{}'::jsonb), ('doc', '{}'), ('doc:', '{"resource": {"owner": null}}'),
	('doc:a:b', '{"resource": {"owner": "ctx", "meta": {"size": 5}}}'), ('doc:1', '{"resource": {"type": "ctx", "id": "ctx"}}'),
	('doc', '{"resource": {"type": "ctx", "id": "ctx"}}'), ('*:é', '{"resource": {"meta": 5}}')) AS v (r, ctx);

--
-- context.*
--
INSERT INTO abac_attribute_definitions (name, default_value) VALUES ('context.channel', '"default"');
SELECT ctx, seen('context.action', 'platform', ctx) AS "context.action",
	seen('context.channel', 'platform', ctx) AS "context.channel" FROM unnest(ARRAY['{}',
	'{"context": {"action": "ctx", "channel": "web"}}', '{"context": {"channel": null}}']::jsonb[]) AS ctx;

--
-- env.*: ctx, then the clock in abac.timezone, then the default
--
SELECT a AS "env.", seen('env.' || a, 'platform',
	'{"env": {"now": "2020-02-03T04:05:06Z", "date": "ctx", "time_of_day": "ctx", "day_of_week": "ctx", "time_hour": "23", "ip": "10.0.0.1"}}') AS "from ctx"
FROM unnest('{now,date,time_of_day,day_of_week,time_hour,ip,nothing}'::text[]) AS a;
-- what ctx says has the clock's types
SELECT truth('{"attribute": "env.time_hour", "operator": "gte", "value": 22}', '{"env": {"time_hour": "23"}}') AS "a number",
	truth('{"attribute": "env.now", "operator": "lt", "value": "2020-02-03"}', '{"env": {"now": "2020-02-03 01:00+02:00"}}') AS "a date",
	truth('{"attribute": "env.now", "operator": "lt", "value": "2020-02-03"}', '{"env": {"now": "yesterday"}}') AS "not a date",
	truth('{"attribute": "env.date", "operator": "eq", "value": "5"}', '{"env": {"date": 5}}') AS "a string";
-- the clock: "now" is the later of the statement's and the transaction's start
CREATE FUNCTION clock(attribute text) RETURNS text LANGUAGE sql AS $$
	SELECT leaf(jsonb_build_object('attribute', attribute, 'operator', 'exists', 'value', true), 'platform', '{}', 'read', 'doc:1') ->> 'actual'
$$;
CREATE FUNCTION moment(zone text) RETURNS timestamp LANGUAGE sql AS 'SELECT greatest(transaction_timestamp(), statement_timestamp()) AT TIME ZONE zone';
SET LOCAL DateStyle = 'SQL, DMY';
SET LOCAL lc_time = 'C';
SET LOCAL TimeZone = 'Asia/Tokyo';
CREATE FUNCTION clock_is_right(zone text) RETURNS TABLE (now boolean, date boolean, time_of_day boolean, day_of_week boolean,
	time_hour boolean, source text) LANGUAGE sql AS $$
	SELECT clock('env.now')::timestamptz = moment('UTC') AT TIME ZONE 'UTC',
		clock('env.date') = to_char(moment(zone), 'YYYY-MM-DD'),
		clock('env.time_of_day') = to_char(moment(zone), 'HH24:MI'),
		clock('env.day_of_week') = to_char(moment(zone), 'fmday'),
		clock('env.time_hour') = extract(hour FROM moment(zone))::text,
		substring(seen('env.time_hour', 'platform') FROM '\(.*\)')
$$;
SHOW abac.timezone;
SELECT * FROM clock_is_right('UTC');
SET LOCAL abac.timezone = 'Asia/Kathmandu';
SELECT * FROM clock_is_right('Asia/Kathmandu');
SET LOCAL abac.timezone = 'Pacific/Kiritimati';
SELECT * FROM clock_is_right('Pacific/Kiritimati');
SET LOCAL abac.timezone = 'America/St_Johns';
SELECT * FROM clock_is_right('America/St_Johns');
-- defined as a string, env.now is the text of the moment, with its offset
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('env.now', 'string'), ('env.time_hour', 'string');
SET LOCAL DateStyle = 'ISO';
SELECT clock('env.now') ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}-0[23]:30$' AS form,
	clock('env.now')::timestamptz = moment('UTC') AT TIME ZONE 'UTC' AS same;
SELECT truth('{"attribute": "env.now", "operator": "starts_with", "value": "20"}') AS "env.now starts with 20",
	truth('{"attribute": "env.time_hour", "operator": "matches", "value": "^\\d+$"}') AS "env.time_hour matches digits";
-- the clock needs no ctx, and goes where its definition lets it
UPDATE abac_attribute_definitions SET source = 'stored', default_value = '"default"' WHERE name = 'env.time_hour';
SELECT substring(seen('env.time_hour', 'platform', '{"env": {"time_hour": 25}}') FROM '\(.*\)') AS "source stored";
UPDATE abac_attribute_definitions SET source = 'global' WHERE name = 'env.time_hour';
SELECT substring(seen('env.time_hour', 'platform', '{"env": {"time_hour": 25}}') FROM '\(.*\)') AS "source global";
ROLLBACK;
-- abac.timezone is a zone, and a superuser's
SET abac.timezone = 'Nowhere/At_All';
SET abac.timezone = 'UTC';
SELECT context, boot_val FROM pg_settings WHERE name = 'abac.timezone';
RESET abac.timezone;
