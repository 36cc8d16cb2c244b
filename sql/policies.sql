-- Policies as a document: what abac_export writes, abac_import makes.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET abac.attribute_validation = off;
CREATE PROCEDURE sweep() LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL abac.allow_system_changes = on;
	TRUNCATE abac_attribute_definitions, abac_rules, abac_rule_groups, abac_rule_group_members, abac_policies,
		abac_policy_rule_groups, abac_policy_assignments, abac_user_attributes, abac_scopes, abac_memberships, abac_roles,
		abac_permissions, abac_role_permissions, abac_user_roles, abac_user_permissions, abac_conditions, abac_policy_rules,
		abac_resource_types;
END
$$;
-- every row, with its version in the table: changes when anything is written,
-- or (locks) was locked or tried
CREATE FUNCTION written(locks boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	tab regclass;
	rows text;
	result text := '';
BEGIN
	FOR tab IN SELECT oid FROM pg_class WHERE relname LIKE 'abac%' AND relkind = 'r' ORDER BY relname LOOP
		EXECUTE format('SELECT string_agg(concat(xmin, CASE WHEN $1 THEN xmax END, ctid, t), '';'' ORDER BY id) FROM %s t', tab) INTO rows USING locks;
		result := md5(concat(result, rows));
	END LOOP;
	RETURN result;
END
$$;
-- what abac_import says of a document that it refuses
CREATE FUNCTION refusal(document jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before text := written();
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM abac_import(document);
	RETURN 'NOT REFUSED';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || replace(message, 'invalid document of policies: ', ''), nullif(detail, ''), nullif(hint, ''),
					 CASE WHEN written() <> before THEN 'SOMETHING WAS WRITTEN' END);
END
$$;
-- a document of one organization with one list
CREATE FUNCTION doc(list text, items jsonb, organization text DEFAULT 'acme') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('abac', 1, 'organizations', jsonb_build_array(
		jsonb_build_object('organization', organization, list, items)))
$$;

--
-- What is in a document
--
SELECT abac_export();
SELECT abac_export('acme');
SELECT abac_export('');

-- all columns but those left out on purpose
SELECT k.list, string_agg(a.attname, ', ' ORDER BY a.attnum) AS "left out"
FROM abac_document_kinds() k JOIN pg_attribute a ON a.attrelid = k.relation AND a.attnum > 0
WHERE NOT k.fields ? a.attname AND a.attname <> ALL ('{id, organization_id, created_at, created_by, updated_at, updated_by}')
GROUP BY k.place, k.list ORDER BY k.place;
-- a default of the document is the table's
SELECT k.list, a.attname, pg_get_expr(d.adbin, d.adrelid), k.defaults -> a.attname AS "in documents"
FROM abac_document_kinds() k
	JOIN pg_attrdef d ON d.adrelid = k.relation
	JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE k.fields ? a.attname AND a.attname <> ALL (k.required)
	AND trim(both '''' from split_part(pg_get_expr(d.adbin, d.adrelid), '::', 1)) IS DISTINCT FROM k.defaults ->> a.attname;

-- A world: two tenants with the same names in them, and everything that there
-- is to say of a thing at least once.
CREATE PROCEDURE make_policies() LANGUAGE plpgsql AS $$
DECLARE
	org text;
BEGIN
	SET LOCAL TimeZone = 'Asia/Kolkata';
	INSERT INTO abac_resource_types (resource_type, description, actions, required_scope) VALUES
		('doc', 'a document', '{read,write}', 'organization'), ('plain', NULL, NULL, NULL);
	INSERT INTO abac_permissions (resource_type, action, description) VALUES
		('doc', 'read', NULL), ('doc', 'write', 'change it'), ('*', '*', 'all'), ('doc', 'a:b', NULL), ('doc', 'unused', NULL);
	INSERT INTO abac_attribute_definitions (organization_id, name, display_name, description, category, data_type, is_multivalued,
											allowed_values, validation_regex, default_value, source, is_system) VALUES
		(NULL, 'user.clearance', 'Clearance', 'how "secret"', 'subject', 'number', false, '[1, 2.0, 3.00]', '^[0-9.]+$', '1', 'stored', true),
		('acme', 'resource.tags', NULL, NULL, 'resource', 'string', true, NULL, NULL, '[]', 'any', false),
		('globex', 'resource.tags', NULL, NULL, 'custom', 'number', false, NULL, NULL, NULL, 'global', false);
	INSERT INTO abac_roles (organization_id, name, description, scope, is_super_admin, rank, is_system) VALUES
		(NULL, 'root', 'all of it', 'global', true, 9, true), (NULL, 'editor', NULL, 'organization', false, 0, false);
	INSERT INTO abac_rules (name, effect, conditions) VALUES ('cleared', 'deny', '{"attribute": "user.clearance", "operator": "lt", "value": 2.00}');
	INSERT INTO abac_rule_groups (name, combine_logic, is_system) VALUES ('guarded', 'or', true);
	INSERT INTO abac_policies (name, effect, default_effect, priority, is_system) VALUES ('lockdown', 'deny', 'deny', -5, true);
	FOREACH org IN ARRAY ARRAY['acme', 'globex'] LOOP
		INSERT INTO abac_roles (organization_id, name, scope, rank) VALUES
			(org, 'editor', 'organization', 3), (org, 'editor', 'project', 0), (org, 'viewer', 'organization', 0);
		INSERT INTO abac_rules (organization_id, name, description, effect, priority, resource_type, target_actions, conditions,
								is_active, starts_at, expires_at, is_system) VALUES
			(org, 'readers', 'who reads', 'allow', 7, 'doc', '{read,list}',
			 '{"and": [{"attribute": "user.roles", "operator": "contains", "value": "viewer"}, {"attribute": "context.n", "operator": "eq", "value": 1.50}]}',
			 true, '2020-01-01 00:00:00.25+02', 'infinity', true),
			(org, 'unconditional', '', 'deny', 0, '*', '{*}', NULL, false, NULL, '2030-06-01 12:00+00', false),
			-- names that could be taken for something else
			(org, 'organization', NULL, 'allow', 0, NULL, NULL, 'true', true, NULL, NULL, false),
			(org, 'cleared', NULL, 'allow', 0, NULL, NULL, 'false', true, NULL, NULL, false),
			(org, E'déjà "vu" \\ % {x}, ''y''', E'two\nlines', 'allow', 0, NULL, NULL, 'true', true, NULL, NULL, false);
		INSERT INTO abac_rule_groups (organization_id, name, description, combine_logic) VALUES
			(org, 'top', 'a group of groups', 'and'), (org, 'inner', NULL, 'not'), (org, 'nothing', NULL, 'or');
		INSERT INTO abac_policies (organization_id, name, description, effect, default_effect, priority, is_active) VALUES
			(org, 'read it', 'for readers', 'allow', NULL, 10, true), (org, 'never', NULL, 'deny', 'allow', 0, false);
		INSERT INTO abac_policy_rules (organization_id, name, description, resource_type, conditions, effect, priority, is_active) VALUES
			(org, 'old', 'legacy', 'doc', '{"attribute": "user.id", "operator": "eq", "value": "leo"}', 'allow', 4, true),
			(org, 'older', NULL, '*', NULL, 'deny', 0, false);
	END LOOP;
	INSERT INTO abac_rule_group_members (group_id, rule_id, sort_order)
		SELECT g.id, r.id, v.n
		FROM (VALUES ('top', 'readers', 2), ('top', 'organization', 0), ('inner', 'unconditional', 0),
					 ('inner', E'déjà "vu" \\ % {x}, ''y''', 1)) v (g, r, n)
			JOIN abac_rule_groups g ON g.name = v.g JOIN abac_rules r ON r.name = v.r AND r.organization_id = g.organization_id
		UNION ALL
		-- the platform's rule in everybody's group, besides one's own of that name
		SELECT g.id, r.id, 0 FROM abac_rule_groups g JOIN abac_rules r ON r.name = 'cleared'
			AND (r.organization_id IS NULL OR r.organization_id = g.organization_id)
		WHERE g.name IN ('guarded', 'inner');
	INSERT INTO abac_rule_group_members (group_id, child_group_id)
		SELECT g.id, c.id FROM abac_rule_groups g JOIN abac_rule_groups c ON c.name = 'inner' AND c.organization_id = g.organization_id
		WHERE g.name = 'top';
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id, sort_order)
		SELECT p.id, g.id, v.n
		FROM (VALUES ('read it', 'top', 0), ('read it', 'nothing', 1), ('never', 'inner', 0), ('lockdown', 'guarded', 0),
					 ('never', 'guarded', 3)) v (p, g, n)
			JOIN abac_policies p ON p.name = v.p
			JOIN abac_rule_groups g ON g.name = v.g AND (g.organization_id IS NULL OR g.organization_id = p.organization_id);
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, is_active, starts_at, expires_at, assigned_by)
		SELECT p.id, v.t, v.id, v.a, v.s::timestamptz, v.e::timestamptz, 'eve'
		FROM (VALUES ('read it', 'user', 'ann', true, NULL, '2031-01-01 00:00:00+00'), ('read it', 'team', 'red', true, NULL, NULL),
					 ('read it', 'project', 'p1', false, '2025-12-31 23:00:00-01', NULL), ('never', 'workspace', 'w', true, NULL, NULL),
					 ('lockdown', 'organization', 'acme', true, NULL, NULL)) v (p, t, id, a, s, e)
			JOIN abac_policies p ON p.name = v.p
		UNION ALL
		SELECT p.id, 'role', r.id::text, true, NULL, NULL, NULL
		FROM abac_policies p JOIN abac_roles r ON (p.name = 'read it' AND r.organization_id = p.organization_id AND r.name = 'editor')
			OR (p.name = 'lockdown' AND r.organization_id = 'acme' AND r.name = 'viewer')	-- a platform policy for a tenant's role
			OR (p.name = 'never' AND r.organization_id IS NULL AND r.name = 'editor')		-- and the other way round
		UNION ALL
		-- nobody's role
		SELECT p.id, 'role', '00000000-0000-0000-0000-000000000001', true, NULL, NULL, NULL FROM abac_policies p WHERE p.name = 'read it';
	INSERT INTO abac_role_permissions (role_id, permission_id)
		SELECT r.id, p.id FROM abac_roles r JOIN abac_permissions p
			ON (r.name = 'root' AND p.name = '*:*') OR (r.name = 'editor' AND p.name IN ('doc:write', 'doc:a:b')) OR (r.name = 'viewer' AND p.name = 'doc:read');
	INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value, logic_group)
		SELECT p.id, r.id, 'resource.status', 'neq', '"deleted"', 'AND' FROM abac_permissions p LEFT JOIN abac_roles r ON false WHERE p.name = 'doc:write'
		UNION ALL
		SELECT p.id, r.id, 'context.n', 'eq', v::jsonb, 'OR' FROM abac_permissions p, abac_roles r, unnest('{1.0,1.00,1.00}'::text[]) v
		WHERE p.name = 'doc:write' AND r.name = 'editor' AND r.scope = 'organization' AND r.organization_id = 'acme';
END
$$;
-- What a document says nothing of
CREATE PROCEDURE make_users() LANGUAGE sql AS $$
	INSERT INTO abac_memberships (user_id, scope_type, scope_id) SELECT u, 'organization', o FROM unnest('{ann,bob,leo}'::text[]) u, unnest('{acme,globex}'::text[]) o;
	INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"clearance": 3}'), ('bob', '{"clearance": 1}'), ('leo', '{"clearance": 2}');
	INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
		SELECT v.u, r.id, r.scope, r.organization_id FROM (VALUES ('ann', 'viewer'), ('ann', 'editor'), ('bob', 'viewer'), ('root', 'root')) v (u, r)
			JOIN abac_roles r ON r.name = v.r AND r.scope = CASE r.name WHEN 'root' THEN 'global' ELSE 'organization' END
				AND (r.organization_id IS NOT NULL OR r.name = 'root');
$$;
CREATE VIEW decisions AS
	SELECT u, a, o, n, abac_check(u, a, 'doc:1', ctx) AS decision, e ->> 'reason' AS reason, e #>> '{decided_by,name}' AS by
	FROM unnest('{ann,bob,leo,root}'::text[]) u, unnest('{read,list,write,a:b,other}'::text[]) a, unnest('{acme,globex}'::text[]) o, unnest('{1,1.5}'::numeric[]) n,
		jsonb_build_object('scope', jsonb_build_object('organization', o), 'context', jsonb_build_object('n', n)) ctx, abac_explain(u, a, 'doc:1', ctx) e;
CALL make_policies();
CALL make_users();
SELECT jsonb_pretty(abac_export('acme'));
SELECT jsonb_pretty(abac_export() #> '{organizations,0}');
SELECT s ->> 'organization' AS organization, (SELECT count(*) FROM jsonb_object_keys(s)) AS keys
FROM jsonb_array_elements(abac_export() -> 'organizations') s;
-- a tenant's section is the same in both
SELECT abac_export('acme') #> '{organizations,0}' = abac_export() #> '{organizations,1}';

-- no setting of the session changes a document
CREATE TABLE saved AS SELECT abac_export()::text AS document, (SELECT jsonb_agg(d ORDER BY u, a, o, n) FROM decisions d) AS decisions;
SELECT decision, reason, by, count(*) FROM decisions GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SET TimeZone = 'America/Adak'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET array_nulls = off;
SET transform_null_equals = on; SET quote_all_identifiers = on; SET extra_float_digits = -15;
SET escape_string_warning = off; SET standard_conforming_strings = off; SET search_path = pg_temp, pg_catalog;
SELECT public.abac_export()::text = document AS same FROM public.saved;
SELECT count(*) FROM public.abac_import((SELECT document::jsonb FROM public.saved));
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET array_nulls; RESET transform_null_equals; RESET quote_all_identifiers;
RESET extra_float_digits; RESET escape_string_warning; RESET standard_conforming_strings; RESET search_path;

--
-- Round trips
--

-- what is there already isn't written
SELECT written(locks => true) AS before \gset
SELECT * FROM abac_import(abac_export());
SELECT * FROM abac_import(abac_export('acme'));
SELECT * FROM abac_import('{"abac": 1, "organizations": []}');
SELECT written(locks => true) = :'before' AS "nothing was written";

-- into an empty database
CALL sweep();
SELECT i.* FROM saved, abac_import(document::jsonb) i;
SELECT abac_export()::text = document AS "the same document" FROM saved;
CALL make_users();
SELECT (SELECT jsonb_agg(d ORDER BY u, a, o, n) FROM decisions d) = decisions AS "the same decisions" FROM saved;
SELECT i.* FROM saved, abac_import(document::jsonb) i;

-- a tenant by itself, where the platform is
CALL sweep();
SELECT count(*) FROM saved, abac_import(document::jsonb #- '{organizations,2}' #- '{organizations,1}'
	#- '{organizations,0,policies,0,assignments,1}');	-- it names acme's role
SELECT action, kind, count(*) FROM saved, abac_import(document::jsonb #- '{organizations,2}' #- '{organizations,0}') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT (abac_export('acme') #> '{organizations,0}')::text = (document::jsonb #> '{organizations,1}')::text AS same FROM saved;
-- and where it isn't
CALL sweep();
SELECT refusal(document::jsonb #- '{organizations,2}' #- '{organizations,0}') FROM saved;

--
-- Promotion: what a review changed
--
CALL make_policies();
CALL make_users();
CREATE TABLE ids AS SELECT id, name, organization_id FROM abac_rules UNION ALL SELECT id, name, organization_id FROM abac_policies
	UNION ALL SELECT id, name, organization_id FROM abac_roles UNION ALL SELECT id, name, organization_id FROM abac_rule_groups;
CREATE TABLE promoted AS
SELECT jsonb_build_object('abac', 1, 'organizations', jsonb_build_array(s
	|| jsonb_build_object(
		'rules', (SELECT jsonb_agg(CASE i ->> 'name' WHEN 'cleared' THEN i || '{"conditions": {"attribute": "user.clearance", "operator": "gte", "value": 3}}'
													 ELSE i END)
				  FROM jsonb_array_elements(s -> 'rules') i WHERE i ->> 'name' <> 'unconditional') || '[{"name": "new", "effect": "deny", "conditions": null}]',
		'groups', (SELECT jsonb_agg(CASE i ->> 'name' WHEN 'inner' THEN i || '{"members": [{"rule": "cleared"}, {"rule": "new"}]}' ELSE i END)
				   FROM jsonb_array_elements(s -> 'groups') i),
		'policies', (SELECT jsonb_agg(CASE i ->> 'name' WHEN 'read it' THEN i || '{"priority": 11, "assignments": [
								{"target": "user", "id": "ann"}, {"target": "user", "id": "zoe"}, {"target": "role", "role": {"name": "editor", "scope": "organization"}}]}'
														 ELSE i END)
					 FROM jsonb_array_elements(s -> 'policies') i WHERE i ->> 'name' <> 'never'),
		'roles', (SELECT jsonb_agg(CASE i ->> 'name' WHEN 'viewer' THEN i || '{"permissions": ["doc:read", "memo:read"]}' ELSE i END)
				  FROM jsonb_array_elements(s -> 'roles') i)))) AS document
FROM jsonb_array_elements(abac_export('acme') -> 'organizations') s;
SELECT abac_export('globex')::text AS globex, abac_export() #>> '{organizations,0,policies}' AS platform, written() AS before \gset
-- a dry run says what would be, and leaves nothing behind
CREATE TEMP TABLE dry AS SELECT i.* FROM promoted, abac_import(document, dry_run => true) i;
SELECT written() = :'before' AS "nothing was written";
BEGIN;
SELECT count(*) FROM promoted, abac_import(document, true);
SELECT (SELECT jsonb_agg(d ORDER BY u, a, o, n) FROM decisions d) = decisions AS "the same decisions" FROM saved;
SELECT count(*) AS "locks held" FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND pid = pg_backend_pid();
COMMIT;
CREATE TEMP TABLE done AS SELECT i.* FROM promoted, abac_import(document) WITH ORDINALITY i;
SELECT action, kind, organization, name FROM done ORDER BY ordinality;
SELECT count(*) AS "not as in the dry run" FROM (SELECT action, kind, organization, name FROM done EXCEPT ALL TABLE dry UNION ALL (TABLE dry EXCEPT ALL SELECT action, kind, organization, name FROM done)) x;
SELECT abac_export('globex')::text = :'globex' AS "the other tenant", abac_export() #>> '{organizations,0,policies}' = :'platform' AS "the platform";
SELECT i.* FROM promoted, abac_import(document) i;
-- what stays keeps its id, two are gone; a policy's version goes up when its row changes; who assigned stays known
SELECT count(*) FROM ids WHERE id NOT IN (SELECT id FROM abac_rules UNION ALL SELECT id FROM abac_policies UNION ALL SELECT id FROM abac_roles
	UNION ALL SELECT id FROM abac_rule_groups);
SELECT p.name, p.version, a.target_type, a.assigned_by, a.expires_at FROM abac_policies p JOIN abac_policy_assignments a ON a.policy_id = p.id
WHERE p.organization_id = 'acme' AND (a.target_type <> 'role' OR EXISTS (SELECT FROM abac_roles r WHERE r.id::text = a.target_id)) ORDER BY a.target_type, a.target_id;
-- and the assignment that no document shows is still there
SELECT count(*) FROM abac_policy_assignments WHERE target_id = '00000000-0000-0000-0000-000000000001';

-- 1.0 and 1.00 are equal, and not the same
SELECT i.* FROM abac_import(replace(abac_export('acme')::text, '1.50', '1.5')::jsonb, true) i;
\set VERBOSITY default
BEGIN;
SET LOCAL abac.allow_system_changes = on;
SELECT i.* FROM abac_import(replace(abac_export('acme')::text, '1.50', '1.5')::jsonb) i;
SELECT i.* FROM abac_import(abac_export('acme')) i;
ROLLBACK;

--
-- Platform-wide: permissions that are used stay, and so do others' things
--
SELECT i.* FROM abac_import((SELECT jsonb_build_object('abac', 1, 'organizations', jsonb_build_array(
	abac_export() #> '{organizations,0}' || '{"permissions": [{"resource_type": "doc", "action": "read", "description": "see it"},
											 {"resource_type": "new", "action": "x"}], "resource_types": [{"resource_type": "doc"}]}')))) i;
INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT 'ann', id, true FROM abac_permissions WHERE name = 'new:x';
SELECT i.* FROM abac_import((SELECT jsonb_build_object('abac', 1, 'organizations', jsonb_build_array(
	abac_export() #> '{organizations,0}' #- '{permissions}')))) i;
-- a document that empties the platform is refused for its system rows, and for what tenants use
SELECT refusal('{"abac": 1, "organizations": [{"organization": null}]}');
SELECT refusal((abac_export() #- '{organizations,2}' #- '{organizations,1}') #- '{organizations,0,roles}');
-- a role that is held, or that another's policy is for
SELECT refusal(abac_export('acme') #- '{organizations,0,roles}' #- '{organizations,0,policies}' #- '{organizations,0,conditions}');
-- an organization that has a section without lists has nothing afterwards
CALL sweep();
CALL make_policies();
BEGIN;
SET LOCAL abac.allow_system_changes = on;
SELECT i.* FROM abac_import('{"abac": 1, "organizations": [{"organization": "globex"}]}') i;
SELECT abac_export('globex');
SELECT count(*) FROM jsonb_array_elements(abac_export() -> 'organizations');
ROLLBACK;

--
-- Changes that only go together
--
CALL sweep();
SELECT i.* FROM abac_import('{"abac": 1, "organizations": [{"organization": "acme",
	"definitions": [{"name": "resource.at", "data_type": "string"}],
	"rules": [{"name": "r", "effect": "allow", "conditions": {"attribute": "resource.at", "operator": "starts_with", "value": "x"}}],
	"roles": [{"name": "a", "scope": "organization", "permissions": ["doc:read"]}],
	"policy_rules": [{"name": "l", "effect": "allow", "conditions": {"attribute": "resource.at", "operator": "starts_with", "value": "x"}}],
	"conditions": [{"permission": "doc:read", "role": {"name": "a", "scope": "organization"}, "attribute_key": "resource.at",
					"operator": "starts_with", "attribute_value": "x"}]}]}') i;
-- neither the definition nor the conditions could go first
SELECT i.* FROM abac_import('{"abac": 1, "organizations": [{"organization": "acme",
	"definitions": [{"name": "resource.at", "data_type": "ip"}],
	"rules": [{"name": "r", "effect": "allow", "conditions": {"attribute": "resource.at", "operator": "in_cidr", "value": "10.0.0.0/8"}}],
	"roles": [{"name": "b", "scope": "organization", "permissions": ["doc:read"]}],
	"conditions": [{"permission": "doc:read", "role": {"name": "b", "scope": "organization"}, "attribute_key": "resource.at",
					"operator": "in_cidr", "attribute_value": "10.0.0.0/8"}]}]}') i;
SELECT i.* FROM abac_import('{"abac": 1, "organizations": [{"organization": "acme",
	"rules": [{"name": "r", "effect": "allow", "conditions": {"attribute": "resource.at", "operator": "starts_with", "value": "x"}}]}]}') i;
-- a condition for a role of the same document isn't one for all roles, nor the other way round
SELECT count(*) FROM abac_import('{"abac": 1, "organizations": [{"organization": null, "permissions": [{"resource_type": "doc", "action": "read"}],
	"conditions": [{"permission": "doc:read", "role": null, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]}]}');
SELECT i.* FROM abac_import('{"abac": 1, "organizations": [{"organization": null, "permissions": [{"resource_type": "doc", "action": "read"}],
	"roles": [{"name": "new", "scope": "global"}],
	"conditions": [{"permission": "doc:read", "role": {"name": "new", "scope": "global"}, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]}]}') i;
-- the super-admin role becomes another one, and back
SELECT i.* FROM abac_import(doc('roles', '[{"name": "a", "scope": "global", "is_super_admin": true}, {"name": "b", "scope": "global"}]', NULL)) i;
SELECT i.* FROM abac_import(doc('roles', '[{"name": "a", "scope": "global"}, {"name": "b", "scope": "global", "is_super_admin": true}]', NULL)) i;
SELECT i.* FROM abac_import(doc('roles', '[{"name": "b", "scope": "global"}, {"name": "a", "scope": "global", "is_super_admin": true}]', NULL)) i;
-- groups that change places
SELECT count(*) FROM abac_import(doc('groups', '[{"name": "a", "combine_logic": "and", "members": [{"group": "b"}]}, {"name": "b", "combine_logic": "or"}]'));
SELECT i.* FROM abac_import(doc('groups', '[{"name": "b", "combine_logic": "and", "members": [{"group": "a", "sort_order": -1}]}, {"name": "a", "combine_logic": "or"}]')) i;
-- (where the cycle is begun depends on the order of the rows)
SELECT split_part(refusal(doc('groups', '[{"name": "b", "combine_logic": "and", "members": [{"group": "a"}]}, {"name": "a", "combine_logic": "or", "members": [{"group": "b"}]}]')), E'\n', 1);

--
-- A name is looked up in one place
--
CALL sweep();
SELECT count(*) FROM abac_import('{"abac": 1, "organizations": [
	{"organization": null, "rules": [{"name": "r", "effect": "allow", "conditions": null}], "roles": [{"name": "o", "scope": "organization"}]},
	{"organization": "globex", "rules": [{"name": "r", "effect": "allow", "conditions": null}, {"name": "theirs", "effect": "allow", "conditions": null}],
	 "roles": [{"name": "o", "scope": "organization"}]}]}');
SELECT refusal(doc('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": "r"}]}]'));
SELECT refusal(doc('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": {"name": "theirs", "organization": null}}]}]'));
SELECT refusal(doc('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": {"name": "theirs", "organization": "globex"}}]}]'));
SELECT refusal(doc('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": {"name": "r"}}]}]'));
SELECT refusal(doc('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "role", "role": {"name": "o", "scope": "organization"}}]}]'));
SELECT refusal(doc('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "role", "role": {"name": "o", "scope": "project", "organization": null}}]}]'));
SELECT refusal(doc('policies', '[{"name": "p", "effect": "allow", "groups": [{"group": "g"}]}]'));
SELECT refusal(doc('conditions', '[{"permission": "x:y", "role": {"name": "o", "scope": "organization"}, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]'));
SELECT refusal(doc('roles', '[{"name": "o", "scope": "global", "permissions": ["not:there"]}]', NULL));
-- what the same document takes away isn't there
SELECT refusal('{"abac": 1, "organizations": [{"organization": "acme", "groups": [{"name": "g", "combine_logic": "and", "members": [{"rule": {"name": "r", "organization": null}}]}]},
	{"organization": null}]}');
SELECT i.* FROM abac_import(doc('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": {"name": "r", "organization": null}}]}]')) i;
SELECT r.organization_id, r.name FROM abac_rule_group_members m JOIN abac_rules r ON r.id = m.rule_id;
-- its own name with the organization said is the same reference
SELECT refusal(doc('groups', '[{"name": "h", "combine_logic": "and"}, {"name": "g", "combine_logic": "and",
	"members": [{"group": "h"}, {"group": {"name": "h", "organization": "acme"}}]}]'));

--
-- What is refused
--
CALL sweep();
SELECT abac_import(NULL);
SELECT abac_import('{"abac": 1, "organizations": []}', NULL);
SELECT refusal(d) FROM (VALUES
	('null'::jsonb), ('[]'), ('"x"'), ('{}'), ('{"abac": 1}'), ('{"organizations": []}'),
	('{"abac": 2, "organizations": []}'), ('{"abac": "1", "organizations": []}'), ('{"abac": null, "organizations": []}'),
	('{"abac": 1, "organizations": {}}'), ('{"abac": 1, "organizations": null}'), ('{"abac": 1, "organizations": [], "Organizations": []}'),
	('{"abac": 1, "organizations": [[]]}'), ('{"abac": 1, "organizations": [{}]}'), ('{"abac": 1, "organizations": [{"rules": []}]}'),
	('{"abac": 1, "organizations": [{"organization": 1}]}'), ('{"abac": 1, "organizations": [{"organization": ""}]}'),
	('{"abac": 1, "organizations": [{"organization": "acme"}, {"organization": null}, {"organization": "acme"}]}'),
	('{"abac": 1, "organizations": [{"organization": null}, {"organization": null}]}'),
	('{"abac": 1, "organizations": [{"organization": "acme", "rule": []}]}'),
	('{"abac": 1, "organizations": [{"organization": "acme", "rules": null}]}'),
	(doc('permissions', '[]')), (doc('resource_types', '[]')), (doc('policy_rules', '[]', NULL))) v (d);
-- rules
SELECT refusal(doc('rules', jsonb_build_array('{"name": "ok", "effect": "allow", "conditions": null}'::jsonb, d))) FROM (VALUES
	('"x"'::jsonb), ('null'), ('{"name": "editors only", "effect": "allow"}'), ('{"name": "editors only", "conditions": null}'),
	('{"effect": "allow", "conditions": null}'),
	('{"name": "editors only", "effect": "allow", "condition": {}, "conditions": null}'),
	('{"name": "editors only", "effect": "permit", "conditions": null, "x": 1}'),
	('{"name": "editors only", "effect": null, "conditions": null}'),
	('{"name": 1, "effect": "allow", "conditions": null}'), ('{"name": "ok", "effect": "allow", "conditions": null}'),
	('{"name": "n", "effect": "allow", "conditions": null, "is_active": "false"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "is_active": null}'),
	('{"name": "n", "effect": "allow", "conditions": null, "is_active": 0}'),
	('{"name": "n", "effect": "allow", "conditions": null, "priority": "1"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "priority": 1.0}'),
	('{"name": "n", "effect": "allow", "conditions": null, "priority": 2147483648}'),
	('{"name": "n", "effect": "allow", "conditions": null, "target_actions": "read"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "target_actions": "{read}"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "target_actions": [["read"]]}'),
	('{"name": "n", "effect": "allow", "conditions": null, "target_actions": ["read", null]}'),
	('{"name": "n", "effect": "allow", "conditions": null, "target_actions": null}'),
	('{"name": "n", "effect": "allow", "conditions": null, "resource_type": null}'),
	('{"name": "n", "effect": "allow", "conditions": null, "expires_at": "tomorrow"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "expires_at": "2030-01-01"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "expires_at": "2030-01-01T00:00:00"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "expires_at": "01/02/2030 00:00:00+00"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "expires_at": 1900000000}'),
	('{"name": "n", "effect": "allow", "conditions": null, "id": "00000000-0000-0000-0000-000000000001"}'),
	('{"name": "n", "effect": "allow", "conditions": null, "organization_id": "globex"}')) v (d);
-- the rest
SELECT refusal(doc(list, d::jsonb)) FROM (VALUES
	('groups', '[{"name": "g"}]'), ('groups', '[{"name": "g", "combine_logic": "and", "members": {}}]'),
	('groups', '[{"name": "g", "combine_logic": "and"}, {"name": "g", "combine_logic": "or"}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": ["r"]}]'), ('groups', '[{"name": "g", "combine_logic": "and", "members": [{}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": "r", "group": "g"}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": "r", "negate": true}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": 1}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": null}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": {"name": "r", "organisation": null}}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": "r", "sort_order": "1"}]}]'),
	('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": "r"}, {"rule": "r", "sort_order": 1}]}]'),
	('policies', '[{"name": "p"}]'), ('policies', '[{"name": "p", "effect": "allow", "groups": ["g"]}]'),
	('policies', '[{"name": "p", "effect": "allow", "default_effect": null}]'),
	('policies', '[{"name": "p", "effect": "allow", "version": 2}]'),
	('policies', '[{"name": "p", "effect": "allow", "groups": [{"group": "g"}, {"group": "g"}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"id": "ann"}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "user"}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "user", "id": 1}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "user", "id": "ann", "role": {"name": "r", "scope": "global"}}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "role", "id": "00000000-0000-0000-0000-000000000001"}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "role", "role": "editor"}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "role", "role": {"name": "editor"}}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "user", "id": "ann", "until": "2030-01-01T00:00:00Z"}]}]'),
	('policies', '[{"name": "p", "effect": "allow", "assignments": [{"target": "user", "id": "ann"}, {"target": "user", "id": "ann", "is_active": false}]}]'),
	('roles', '[{"name": "r"}]'), ('roles', '[{"name": "r", "scope": "project", "permissions": ["doc"]}]'),
	('roles', '[{"name": "r", "scope": "project", "permissions": [":read"]}]'), ('roles', '[{"name": "r", "scope": "project", "permissions": [{"name": "doc:read"}]}]'),
	('roles', '[{"name": "r", "scope": "project", "permissions": ["a:b", "a:b"]}]'),
	('conditions', '[{"permission": "a:b", "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]'),
	('conditions', '[{"permission": "a:b", "role": null, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]'),
	('conditions', '[{"permission": "a", "role": {"name": "r", "scope": "project"}, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]'),
	('conditions', '[{"permission": "a:b", "role": {"name": "r", "scope": "project", "organization": null}, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1}]'),
	('conditions', '[{"permission": "a:b", "role": {"name": "r", "scope": "project"}, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1},
					 {"permission": "a:b", "role": {"name": "r", "scope": "project"}, "attribute_key": "user.x", "operator": "eq", "attribute_value": 1, "logic_group": "AND"}]'),
	('definitions', '[{"name": "user.x", "default_value": null}]'), ('definitions', '[{"name": "user.x", "allowed_values": "a"}]'),
	('policy_rules', '[{"name": "l", "effect": "allow"}]')) v (list, d);
-- the tables and their guards refuse the rest; of what comes before it nothing stays
\set allow '{"name": "a", "effect": "allow", "conditions": null}'
SELECT split_part(refusal(doc('rules', ('[' || :'allow' || ', ' || d || ']')::jsonb)), E'\n', 1) FROM (VALUES
	('{"name": "", "effect": "allow", "conditions": null}'), ('{"name": "b", "effect": "Deny", "conditions": null}'),
	('{"name": "b", "effect": "allow", "conditions": {}}'),
	('{"name": "b", "effect": "allow", "conditions": {"attribute": "user.x", "operator": "resembles", "value": 1}}'),
	('{"name": "b", "effect": "allow", "conditions": null, "target_actions": []}'),
	('{"name": "b", "effect": "allow", "conditions": null, "expires_at": "2030-02-30T00:00:00Z"}'),
	('{"name": "b", "effect": "allow", "conditions": null, "starts_at": "2031-01-01T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}')) v (d);
SELECT split_part(refusal(doc('policies', '[{"name": "p", "effect": "deny", "assignments": [{"target": "Role", "id": "x"}]}]')), E'\n', 1);
-- a tenant gets no super-admin role
SELECT split_part(refusal(doc('roles', '[{"name": "r", "scope": "global", "is_super_admin": true}]')), E'\n', 1);
SELECT split_part(refusal(doc('roles', '[{"name": "r", "scope": "organization", "is_super_admin": true}]')), E'\n', 1);
SELECT abac_export();
-- the same in a dry run
SELECT abac_import(doc('groups', '[{"name": "g", "combine_logic": "and", "members": [{"rule": "r"}]}]'), true);
SELECT abac_import(doc('rules', '[{"name": "b", "effect": "allow", "conditions": {"attribute": "user.x", "operator": "resembles", "value": 1}}]'), true);

-- of a file, which may have a key twice, jsonb would keep the last
SELECT abac_import('{"abac": 1, "organizations": [{"organization": "acme", "rules": [{"name": "r", "effect": "allow", "conditions": {"attribute": "user.x", "operator": "exists", "value": true}, "conditions": null}]}]}');
SELECT abac_import('{"abac": 1, "organizations": [{"organization": "acme", "rules": [], "rules": []}]}', true);

-- an older snapshot could miss what is to be removed
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT abac_import('{"abac": 1, "organizations": []}');
ROLLBACK;

-- what is broken is not exported as if it were whole
SELECT count(*) FROM abac_import(doc('groups', '[{"name": "g", "combine_logic": "and"}]'));
SET session_replication_role = replica;
INSERT INTO abac_rule_group_members (id, group_id, rule_id) SELECT '00000000-0000-0000-0000-000000000001', id, gen_random_uuid() FROM abac_rule_groups;
RESET session_replication_role;
SELECT abac_export();
SELECT abac_export('acme');
SELECT abac_import('{"abac": 1, "organizations": [{"organization": "acme"}]}');
-- other organizations are not held up
SELECT abac_export('globex');
SELECT abac_import('{"abac": 1, "organizations": [{"organization": "globex"}]}');
DELETE FROM abac_rule_group_members;

--
-- Whose they are: by name, and then without a privilege on the tables
--
CREATE ROLE regress_abac_promoter;
SET ROLE regress_abac_promoter;
SELECT abac_export();
SELECT abac_import('{"abac": 1, "organizations": []}', true);
SELECT abac_apply_document('{"abac": 1, "organizations": []}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION abac_export(text), abac_import(jsonb, boolean), abac_import(text, boolean) TO regress_abac_promoter;
SET ROLE regress_abac_promoter;
SELECT i.* FROM abac_import(doc('rules', '[{"name": "r", "effect": "allow", "conditions": null}]')) i;
SELECT abac_export('acme');
-- nor does anything of the caller's come between
CREATE TEMP TABLE abac_rules (id uuid, organization_id text, name text);
CREATE FUNCTION pg_temp.jsonb_typeof(jsonb) RETURNS text LANGUAGE sql AS $$SELECT 'null'$$;
SET search_path = pg_temp, pg_catalog;
SELECT i.* FROM public.abac_import('{"abac": 1, "organizations": [{"organization": "acme"}]}') i;
RESET search_path;
DROP TABLE pg_temp.abac_rules;
DROP FUNCTION pg_temp.jsonb_typeof(jsonb);
RESET ROLE;

CALL sweep();
DROP OWNED BY regress_abac_promoter;
DROP ROLE regress_abac_promoter;
DROP VIEW decisions;
DROP TABLE saved, ids, promoted, dry, done;
DROP PROCEDURE sweep, make_policies, make_users;
DROP FUNCTION written, refusal, doc;
