-- The guide doc/from-mongodb.md, followed with a real product's data: do the
-- decisions stay the same?  In a fresh database, as a superuser:
--
--     psql -v world=/path/to/world.json -v dump=/path/to/dump -f test/move.sql
--
-- world is the file of test/prismatica.sql; dump a directory that the server can
-- read, with abac_rule_conditions.bson and abac_user_attributes.bson as mongodump
-- writes them.  First the world is loaded as it is, and asked; then its data is
-- put into tables as the old system had them, moved from there, and asked again.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION abac;
SET abac.attribute_validation = off;	-- some of the product's attributes are defined nowhere

--
-- The world, and what it decides
--
\set content `cat :'world'`
CREATE TEMP TABLE world AS SELECT :'content'::jsonb -> 'tables' AS tables;
CREATE TEMP TABLE names AS
SELECT key AS name, ordinality AS place FROM json_each(:'content'::json -> 'tables') WITH ORDINALITY;
CREATE FUNCTION pg_temp.columns(name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT quote_ident(c), ', ') FROM world, jsonb_array_elements(tables -> name) r, jsonb_object_keys(r) c
$$;
DO $$
DECLARE
	n record;
BEGIN
	FOR n IN SELECT * FROM names ORDER BY place LOOP
		EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM world, jsonb_populate_recordset(NULL::%1$I, tables -> %1$L)',
					   n.name, pg_temp.columns(n.name));
	END LOOP;
END $$;

CREATE TEMP TABLE questions AS
SELECT u.user_id, p.action, p.resource_type || ':1' AS resource, c.ctx || jsonb_build_object('scope', s.scope) AS ctx
FROM (SELECT user_id FROM abac_user_attributes UNION SELECT user_id FROM abac_user_roles UNION SELECT 'nobody') u,
	abac_permissions p,
	(SELECT jsonb_build_object(scope_type, scope_id) FROM abac_scopes WHERE scope_type <> 'project' UNION ALL SELECT '{}') s (scope),
	(VALUES ('{}'::jsonb), ('{"env": {"mfa_verified": true, "time_of_day": "10:00", "time_hour": 10, "day_of_week": "monday"}, "resource": {"sensitivity": 2}}'),
			('{"env": {"mfa_verified": false, "time_of_day": "23:00", "time_hour": 23}, "resource": {"sensitivity": 5, "department": "engineering"}}')) c (ctx)
WHERE p.resource_type <> '*' AND p.action <> '*';
CREATE TEMP TABLE before AS
SELECT q.*, abac_check(user_id, action, resource, ctx) AS allowed, abac_explain(user_id, action, resource, ctx) #>> '{reason}' AS reason FROM questions q;

--
-- The old system: the application's tables, and abac's structure without the
-- conditions and attributes, which were in MongoDB
--
CREATE SCHEMA app;
CREATE TABLE app.users (id uuid PRIMARY KEY);
CREATE TABLE app.organizations (id uuid PRIMARY KEY);
CREATE TABLE app.projects (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES app.organizations);
CREATE TABLE app.workspaces (id uuid PRIMARY KEY, project_id uuid NOT NULL REFERENCES app.projects);
CREATE TABLE app.organization_members (organization_id uuid REFERENCES app.organizations, user_id uuid REFERENCES app.users, PRIMARY KEY (organization_id, user_id));
CREATE TABLE app.project_members (project_id uuid REFERENCES app.projects, user_id uuid REFERENCES app.users, PRIMARY KEY (project_id, user_id));
CREATE TABLE app.workspace_members (workspace_id uuid REFERENCES app.workspaces, user_id uuid REFERENCES app.users, PRIMARY KEY (workspace_id, user_id));
CREATE TABLE app.user_role_assignments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL REFERENCES app.users, role_id uuid NOT NULL,
	context_type text NOT NULL, context_id uuid, expires_at timestamptz);
CREATE TABLE app.user_permissions (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL REFERENCES app.users, permission_id uuid NOT NULL,
	granted boolean NOT NULL, expires_at timestamptz);
INSERT INTO app.users SELECT user_id::uuid FROM abac_memberships UNION SELECT user_id::uuid FROM abac_user_roles UNION SELECT user_id::uuid FROM abac_user_permissions;
INSERT INTO app.organizations SELECT scope_id::uuid FROM abac_scopes WHERE scope_type = 'organization';
INSERT INTO app.projects SELECT scope_id::uuid, parent_id::uuid FROM abac_scopes WHERE scope_type = 'project';
INSERT INTO app.workspaces SELECT scope_id::uuid, parent_id::uuid FROM abac_scopes WHERE scope_type = 'workspace';
INSERT INTO app.organization_members SELECT scope_id::uuid, user_id::uuid FROM abac_memberships WHERE scope_type = 'organization';
INSERT INTO app.project_members SELECT scope_id::uuid, user_id::uuid FROM abac_memberships WHERE scope_type = 'project';
INSERT INTO app.workspace_members SELECT scope_id::uuid, user_id::uuid FROM abac_memberships WHERE scope_type = 'workspace';
INSERT INTO app.user_role_assignments (user_id, role_id, context_type, context_id, expires_at)
	SELECT user_id::uuid, role_id, context_type, context_id::uuid, expires_at FROM abac_user_roles;
INSERT INTO app.user_permissions (user_id, permission_id, granted, expires_at) SELECT user_id::uuid, permission_id, granted, expires_at FROM abac_user_permissions;
DO $$
DECLARE
	n record;
BEGIN
	FOR n IN SELECT * FROM names
			 WHERE name NOT IN ('abac_scopes', 'abac_memberships', 'abac_user_roles', 'abac_user_permissions', 'abac_user_attributes') LOOP
		EXECUTE format('CREATE TABLE app.%1$I AS SELECT %2$s FROM %1$I', n.name, pg_temp.columns(n.name));
	END LOOP;
END $$;
ALTER TABLE app.abac_rules DROP COLUMN conditions;
SET abac.allow_system_changes = on;
DO $$ BEGIN EXECUTE (SELECT format('TRUNCATE %s', string_agg(quote_ident(name), ', ')) FROM names); END $$;
RESET abac.allow_system_changes;
RESET client_min_messages;
\set QUIET off

--
-- The guide
--
\echo
\echo '=== 1. The structure, and the conditions, in one transaction'
BEGIN;
INSERT INTO abac_attribute_definitions (name, category, data_type, is_multivalued, allowed_values, validation_regex, default_value, is_system, display_name, description, organization_id)
	SELECT name, category, data_type, is_multivalued, allowed_values, validation_regex, default_value, is_system, display_name, description, organization_id FROM app.abac_attribute_definitions;
INSERT INTO abac_rules (id, organization_id, name, description, effect, priority, resource_type, target_actions, is_active, starts_at, expires_at, is_system)
	SELECT id, organization_id, name, description, effect, priority, resource_type, target_actions, is_active, starts_at, expires_at, is_system FROM app.abac_rules;
INSERT INTO abac_rule_groups (id, organization_id, name, description, combine_logic, is_system)
	SELECT id, organization_id, name, description, combine_logic, is_system FROM app.abac_rule_groups;
INSERT INTO abac_rule_group_members (group_id, rule_id, child_group_id, sort_order) SELECT group_id, rule_id, child_group_id, sort_order FROM app.abac_rule_group_members;
INSERT INTO abac_policies (id, organization_id, name, description, effect, default_effect, priority, is_active, is_system)
	SELECT id, organization_id, name, description, effect, default_effect, priority, is_active, is_system FROM app.abac_policies;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id, sort_order) SELECT policy_id, rule_group_id, sort_order FROM app.abac_policy_rule_groups;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, is_active, starts_at, expires_at)
	SELECT policy_id, target_type, target_id, is_active, starts_at, expires_at FROM app.abac_policy_assignments;
INSERT INTO abac_roles (id, organization_id, name, description, scope, is_super_admin, is_system) SELECT id, organization_id, name, description, scope, is_super_admin, is_system FROM app.abac_roles;
INSERT INTO abac_permissions (id, resource_type, action, description) SELECT id, resource_type, action, description FROM app.abac_permissions;
INSERT INTO abac_role_permissions (role_id, permission_id) SELECT role_id, permission_id FROM app.abac_role_permissions;
INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value, logic_group)
	SELECT permission_id, role_id, attribute_key, operator, attribute_value, logic_group FROM app.abac_conditions;
INSERT INTO abac_policy_rules (organization_id, name, description, resource_type, conditions, effect, priority, is_active)
	SELECT organization_id, name, description, resource_type, conditions, effect, priority, is_active FROM app.abac_policy_rules;
\set rule_conditions :dump '/abac_rule_conditions.bson'
SELECT * FROM abac_import_mongodump(:'rule_conditions', 'abac_rule_conditions', dry_run => true);
SELECT * FROM abac_import_mongodump(:'rule_conditions', 'abac_rule_conditions');
COMMIT;
\echo '=== 2. Attributes of users'
\set user_attributes :dump '/abac_user_attributes.bson'
SELECT * FROM abac_import_mongodump(:'user_attributes', 'abac_user_attributes');
\echo '=== 3. The application''s own tables'
SELECT abac_bind('scopes', 'app.organizations', '{"scope_type": {"value": "organization"}, "scope_id": "id"}');
SELECT abac_bind('scopes', 'app.projects', '{"scope_type": {"value": "project"}, "scope_id": "id", "parent_type": {"value": "organization"}, "parent_id": "organization_id"}');
SELECT abac_bind('scopes', 'app.workspaces', '{"scope_type": {"value": "workspace"}, "scope_id": "id", "parent_type": {"value": "project"}, "parent_id": "project_id"}');
SELECT abac_bind('memberships', 'app.organization_members', '{"scope_type": {"value": "organization"}, "scope_id": "organization_id", "user_id": "user_id"}');
SELECT abac_bind('memberships', 'app.project_members', '{"scope_type": {"value": "project"}, "scope_id": "project_id", "user_id": "user_id"}');
SELECT abac_bind('memberships', 'app.workspace_members', '{"scope_type": {"value": "workspace"}, "scope_id": "workspace_id", "user_id": "user_id"}');
SELECT abac_bind('user_roles', 'app.user_role_assignments',
	'{"user_id": "user_id", "role_id": "role_id", "context_type": "context_type", "context_id": "context_id", "expires_at": "expires_at"}');
SELECT abac_bind('user_permissions', 'app.user_permissions', '{"user_id": "user_id", "permission_id": "permission_id", "granted": "granted", "expires_at": "expires_at"}');
\echo '=== 4. Is it all there?'
SELECT * FROM abac_import_mongodump(:'rule_conditions', 'abac_rule_conditions', dry_run => true) WHERE outcome IN ('imported', 'unchanged', 'unconditional');
SELECT * FROM abac_import_mongodump(:'user_attributes', 'abac_user_attributes', dry_run => true) WHERE outcome IN ('imported', 'unchanged');
SELECT count(*) AS questions, count(*) FILTER (WHERE allowed) AS allowed,
	count(*) FILTER (WHERE allowed IS DISTINCT FROM abac_check(user_id, action, resource, ctx)
					 OR reason IS DISTINCT FROM abac_explain(user_id, action, resource, ctx) #>> '{reason}') AS otherwise
FROM before \gset
\echo :questions 'questions, of which allowed:' :allowed '; answered otherwise than before:' :otherwise
\echo '=== 5. And back'
CREATE TEMP TABLE exported AS SELECT string_agg(d, '') AS rules, (SELECT string_agg(a, '') FROM abac_export_user_attributes() a) AS users FROM abac_export_rule_conditions() d;
SELECT i.* FROM exported, abac_import_rule_conditions(rules, dry_run => true) i WHERE outcome <> 'left out';
SELECT i.* FROM exported, abac_import_user_attributes(users, dry_run => true) i WHERE outcome <> 'left out';
\if `test :otherwise = 0 && echo 0 || echo 1`
	DO $$ BEGIN RAISE EXCEPTION 'decisions differ'; END $$;
\endif
