\echo Use "CREATE EXTENSION abac" to load this file. \quit

-- The contract's tables (what the engine reads), then the triggers that guard
-- them and keep every session's cache right, then the functions people call.
-- Functions written in C find the tables through pg_extension, never through
-- the search_path.  Whatever this script calls is named with its schema: it runs
-- as a superuser, maybe in a schema where others can create functions.

CREATE FUNCTION abac_condition_hash(conditions jsonb) RETURNS text
	AS 'MODULE_PATHNAME', 'abac_condition_hash'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_condition_hash(jsonb) IS
	'lower-case hex SHA-256 of the conditions'' text in UTF-8';

--
-- Tables
--

CREATE TABLE abac_attribute_definitions (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id text COLLATE "C" CHECK (organization_id <> ''),
	name text COLLATE "C" NOT NULL
		CONSTRAINT abac_attribute_definitions_name_check
		CHECK (name ~ '^(user|resource|env|context)(\.[^.]+)+$'),
	display_name text,
	description text,
	category text COLLATE "C" NOT NULL DEFAULT 'custom'
		CHECK (category IN ('subject', 'resource', 'environment', 'context', 'custom')),
	data_type text COLLATE "C" NOT NULL DEFAULT 'string'
		CHECK (data_type IN ('string', 'number', 'boolean', 'array', 'date', 'json', 'ip', 'cidr')),
	is_multivalued boolean NOT NULL DEFAULT false,
	allowed_values jsonb CHECK (pg_catalog.jsonb_typeof(allowed_values) = 'array'),
	validation_regex text COLLATE "C",
	default_value jsonb CHECK (pg_catalog.jsonb_typeof(default_value) <> 'null'),
	source text COLLATE "C" NOT NULL DEFAULT 'any'
		CHECK (source IN ('any', 'stored', 'global')),
	is_system boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (organization_id, name)
);
CREATE INDEX ON abac_attribute_definitions (name);
COMMENT ON TABLE abac_attribute_definitions IS
	'what is known of an attribute that conditions may name: its type, where it may come from, its default';
COMMENT ON COLUMN abac_attribute_definitions.organization_id IS
	'the organization that defines it; NULL = platform-wide. An organization''s definition goes before the platform-wide one';
COMMENT ON COLUMN abac_attribute_definitions.name IS
	'dotted path that starts with user, resource, env or context';
COMMENT ON COLUMN abac_attribute_definitions.data_type IS
	'type that both sides of a comparison are coerced to; array and json say nothing of elements';
COMMENT ON COLUMN abac_attribute_definitions.is_multivalued IS
	'true: the value is an array of the type, and a single value counts as an array of one';
COMMENT ON COLUMN abac_attribute_definitions.allowed_values IS
	'array of the values a stored attribute may have; see abac.attribute_validation';
COMMENT ON COLUMN abac_attribute_definitions.validation_regex IS
	'PostgreSQL regular expression that a stored value''s text must match; see abac.attribute_validation';
COMMENT ON COLUMN abac_attribute_definitions.default_value IS
	'value used when no source has one; operator exists does not see it';
COMMENT ON COLUMN abac_attribute_definitions.source IS
	'any; stored = never taken from ctx; global = only from the user''s row without organization';
COMMENT ON COLUMN abac_attribute_definitions.is_system IS
	'true: only display_name and description may change, and organizations can''t redefine the name';

CREATE TABLE abac_rules (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id text COLLATE "C" CHECK (organization_id <> ''),
	name text COLLATE "C" NOT NULL CHECK (name <> ''),
	description text,
	effect text COLLATE "C" NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
	priority integer NOT NULL DEFAULT 0,
	resource_type text COLLATE "C"
		CONSTRAINT abac_rules_resource_type_check
		CHECK (resource_type <> '' AND pg_catalog.strpos(resource_type, ':') = 0),
	target_actions text[] COLLATE "C"
		CONSTRAINT abac_rules_target_actions_check
		CHECK (pg_catalog.cardinality(target_actions) > 0 AND pg_catalog.array_ndims(target_actions) = 1
			   AND pg_catalog.array_position(target_actions, NULL) IS NULL
			   AND pg_catalog.array_position(target_actions, '') IS NULL),
	conditions jsonb CHECK (pg_catalog.jsonb_typeof(conditions) <> 'null'),
	condition_hash text COLLATE "C" GENERATED ALWAYS AS (abac_condition_hash(conditions)) STORED,
	is_active boolean NOT NULL DEFAULT true,
	starts_at timestamptz,
	expires_at timestamptz,
	is_system boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (organization_id, name),
	CONSTRAINT abac_rules_window_check CHECK (starts_at < expires_at)
);
COMMENT ON TABLE abac_rules IS
	'one reusable logical statement each: a condition tree with an effect, a target and a time window';
COMMENT ON COLUMN abac_rules.organization_id IS 'owner; NULL = platform-wide';
COMMENT ON COLUMN abac_rules.effect IS
	'deny: a policy that holds this rule denies unless the rule is false';
COMMENT ON COLUMN abac_rules.priority IS 'order in displays and explanations; no decision depends on it';
COMMENT ON COLUMN abac_rules.resource_type IS 'type that the rule is about; NULL or * = all';
COMMENT ON COLUMN abac_rules.target_actions IS 'actions that the rule is about; NULL or with * = all';
COMMENT ON COLUMN abac_rules.conditions IS 'condition tree; NULL = unconditional';
COMMENT ON COLUMN abac_rules.condition_hash IS 'lower-case hex SHA-256 of conditions::text in UTF-8';
COMMENT ON COLUMN abac_rules.starts_at IS 'start of the window, included; NULL = unbounded';
COMMENT ON COLUMN abac_rules.expires_at IS 'end of the window, included; NULL = unbounded';
COMMENT ON COLUMN abac_rules.is_system IS 'true: only the description may change';

CREATE TABLE abac_rule_groups (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id text COLLATE "C" CHECK (organization_id <> ''),
	name text COLLATE "C" NOT NULL CHECK (name <> ''),
	description text,
	combine_logic text COLLATE "C" NOT NULL DEFAULT 'and' CHECK (combine_logic IN ('and', 'or', 'not')),
	is_system boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (organization_id, name)
);
COMMENT ON TABLE abac_rule_groups IS 'rules and other groups combined with and, or, not';
COMMENT ON COLUMN abac_rule_groups.organization_id IS 'owner; NULL = platform-wide';
COMMENT ON COLUMN abac_rule_groups.combine_logic IS
	'and = all members, or = any member, not = none of the members';
COMMENT ON COLUMN abac_rule_groups.is_system IS
	'true: only the description may change, and members can be added but not changed or removed';

CREATE TABLE abac_rule_group_members (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	group_id uuid NOT NULL REFERENCES abac_rule_groups ON DELETE CASCADE,
	rule_id uuid REFERENCES abac_rules ON DELETE RESTRICT,
	child_group_id uuid REFERENCES abac_rule_groups ON DELETE RESTRICT,
	sort_order integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (group_id, rule_id, child_group_id),
	CONSTRAINT abac_rule_group_members_one_member_check CHECK (pg_catalog.num_nonnulls(rule_id, child_group_id) = 1),
	CONSTRAINT abac_rule_group_members_no_self_check CHECK (group_id <> child_group_id)
);
CREATE INDEX ON abac_rule_group_members (rule_id);
CREATE INDEX ON abac_rule_group_members (child_group_id);
COMMENT ON TABLE abac_rule_group_members IS
	'what a group is made of: each row names one rule or one group; no cycles, at most 32 levels';
COMMENT ON COLUMN abac_rule_group_members.sort_order IS 'order in displays and explanations';

CREATE TABLE abac_policies (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id text COLLATE "C" CHECK (organization_id <> ''),
	name text COLLATE "C" NOT NULL CHECK (name <> ''),
	description text,
	effect text COLLATE "C" NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
	default_effect text COLLATE "C" CHECK (default_effect IN ('allow', 'deny')),
	priority integer NOT NULL DEFAULT 0,
	is_active boolean NOT NULL DEFAULT true,
	is_system boolean NOT NULL DEFAULT false,
	version integer NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (organization_id, name)
);
COMMENT ON TABLE abac_policies IS
	'named bundles of rule groups with an effect and a priority; all groups of a policy must match';
COMMENT ON COLUMN abac_policies.organization_id IS 'owner; NULL = platform-wide';
COMMENT ON COLUMN abac_policies.default_effect IS
	'outcome when the groups are false: NULL = none, allow, deny';
COMMENT ON COLUMN abac_policies.priority IS
	'higher goes first; the first priority with an outcome decides, and within one priority deny wins';
COMMENT ON COLUMN abac_policies.is_system IS
	'true: only the description may change, and links and assignments can be added but not changed or removed';
COMMENT ON COLUMN abac_policies.version IS 'goes up by one with each real change of the row';

CREATE TABLE abac_policy_rule_groups (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	policy_id uuid NOT NULL REFERENCES abac_policies ON DELETE CASCADE,
	rule_group_id uuid NOT NULL REFERENCES abac_rule_groups ON DELETE RESTRICT,
	sort_order integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (policy_id, rule_group_id)
);
CREATE INDEX ON abac_policy_rule_groups (rule_group_id);
COMMENT ON TABLE abac_policy_rule_groups IS 'the rule groups of a policy';
COMMENT ON COLUMN abac_policy_rule_groups.sort_order IS 'order in displays and explanations';

CREATE TABLE abac_policy_assignments (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	policy_id uuid NOT NULL REFERENCES abac_policies ON DELETE CASCADE,
	target_type text COLLATE "C" NOT NULL
		CHECK (target_type IN ('user', 'role', 'team', 'organization', 'project', 'workspace')),
	target_id text COLLATE "C" NOT NULL CHECK (target_id <> ''),
	is_active boolean NOT NULL DEFAULT true,
	starts_at timestamptz,
	expires_at timestamptz,
	assigned_by text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (policy_id, target_type, target_id),
	CONSTRAINT abac_policy_assignments_window_check CHECK (starts_at < expires_at),
	-- compared as text, so any other spelling would silently never match
	CONSTRAINT abac_policy_assignments_role_id_check
		CHECK (target_type <> 'role'
			   OR target_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')
);
CREATE INDEX ON abac_policy_assignments (target_type, target_id);
COMMENT ON TABLE abac_policy_assignments IS
	'whom or where a policy applies to, with a time window';
COMMENT ON COLUMN abac_policy_assignments.target_id IS
	'the application''s id of the target; for a role abac_roles.id in lower case';

CREATE TABLE abac_resource_types (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	resource_type text COLLATE "C" NOT NULL UNIQUE
		CONSTRAINT abac_resource_types_resource_type_check
		CHECK (resource_type <> '' AND pg_catalog.strpos(resource_type, ':') = 0),
	description text,
	actions text[] COLLATE "C",
	required_scope text COLLATE "C" CHECK (required_scope IN ('organization', 'project', 'workspace')),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text
);
COMMENT ON TABLE abac_resource_types IS 'optional registry of resource types';
COMMENT ON COLUMN abac_resource_types.actions IS 'the actions people know for the type; for displays only';
COMMENT ON COLUMN abac_resource_types.required_scope IS
	'a request of this type without this scope is denied (scope_mismatch)';

CREATE TABLE abac_relations (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	relation regclass NOT NULL UNIQUE,
	resource_type text COLLATE "C" NOT NULL
		CONSTRAINT abac_relations_resource_type_check
		CHECK (resource_type <> '' AND pg_catalog.strpos(resource_type, ':') = 0),
	id_column name,
	organization_column name,
	project_column name,
	workspace_column name,
	null_scope text COLLATE "C" NOT NULL DEFAULT 'deny' CHECK (null_scope IN ('deny', 'platform')),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text
);
COMMENT ON TABLE abac_relations IS
	'tables whose rows are resources; a dropped table''s row goes with it';
COMMENT ON COLUMN abac_relations.null_scope IS
	'what a NULL in a scope column means: deny, or platform = a row of no organization';

CREATE TABLE abac_bindings (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	kind text COLLATE "C" NOT NULL
		CHECK (kind IN ('user_roles', 'memberships', 'scopes', 'user_attributes', 'user_permissions')),
	source regclass NOT NULL,
	mapping jsonb NOT NULL CHECK (pg_catalog.jsonb_typeof(mapping) = 'object'),
	key_columns text[] NOT NULL,
	columns text[] NOT NULL,
	column_types text[] NOT NULL,
	labels jsonb NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (kind, source)
);
COMMENT ON TABLE abac_bindings IS
	'tables of an application that a table here is kept in step with, by abac_bind; a dropped table''s binding goes with it, and so do the rows it made';
COMMENT ON COLUMN abac_bindings.id IS
	'the function abac_bound_<id in hex> keeps in step; the rows it makes have abac_bind:<id> in created_by';
COMMENT ON COLUMN abac_bindings.kind IS 'the table that is kept in step, without abac_';
COMMENT ON COLUMN abac_bindings.mapping IS
	'for each column, the source''s column that it is taken from, or {"value": ...}';
COMMENT ON COLUMN abac_bindings.key_columns IS 'the source''s columns by which a row is known again';
COMMENT ON COLUMN abac_bindings.columns IS 'the source''s columns that are read';
COMMENT ON COLUMN abac_bindings.column_types IS 'the types they had; with other types nothing is read';
COMMENT ON COLUMN abac_bindings.labels IS 'for each of them that is an enum, its labels; one that rows may have is not renamed';

CREATE TABLE abac_user_attributes (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	user_id text COLLATE "C" NOT NULL CHECK (user_id <> ''),
	organization_id text COLLATE "C" CHECK (organization_id <> ''),
	attributes jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(attributes) = 'object'),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (user_id, organization_id)
);
COMMENT ON TABLE abac_user_attributes IS
	'stored facts about users; ctx can''t override them';
COMMENT ON COLUMN abac_user_attributes.organization_id IS
	'the organization these attributes are for; NULL = the user''s global row';

CREATE TABLE abac_scopes (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	scope_type text COLLATE "C" NOT NULL
		CHECK (scope_type IN ('organization', 'project', 'workspace', 'team')),
	scope_id text COLLATE "C" NOT NULL CHECK (scope_id <> ''),
	parent_type text COLLATE "C",
	parent_id text COLLATE "C" CHECK (parent_id <> ''),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (scope_type, scope_id),
	CONSTRAINT abac_scopes_parent_check CHECK (
		(parent_type IS NULL) = (parent_id IS NULL)
		AND CASE scope_type
				WHEN 'organization' THEN parent_type IS NULL
				WHEN 'project' THEN parent_type IS NOT NULL AND parent_type = 'organization'
				WHEN 'workspace' THEN parent_type IS NOT NULL AND parent_type IN ('project', 'organization')
				WHEN 'team' THEN parent_type IS NULL OR parent_type = 'organization'
			END)
);
CREATE INDEX ON abac_scopes (parent_type, parent_id);
COMMENT ON TABLE abac_scopes IS
	'where projects, workspaces and teams belong; an organization needs no row';
COMMENT ON COLUMN abac_scopes.parent_type IS
	'of a project: organization; of a workspace: project or organization; of a team: organization or NULL';

CREATE TABLE abac_memberships (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	scope_type text COLLATE "C" NOT NULL
		CHECK (scope_type IN ('organization', 'project', 'workspace', 'team')),
	scope_id text COLLATE "C" NOT NULL CHECK (scope_id <> ''),
	user_id text COLLATE "C" NOT NULL CHECK (user_id <> ''),
	starts_at timestamptz,
	expires_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (user_id, scope_type, scope_id),
	CONSTRAINT abac_memberships_window_check CHECK (starts_at < expires_at)
);
CREATE INDEX ON abac_memberships (scope_type, scope_id);
COMMENT ON TABLE abac_memberships IS
	'who belongs to an organization, project, workspace (and what is below it) or team';

CREATE TABLE abac_roles (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id text COLLATE "C" CHECK (organization_id <> ''),
	name text COLLATE "C" NOT NULL CHECK (name <> ''),
	description text,
	scope text COLLATE "C" NOT NULL DEFAULT 'organization'
		CHECK (scope IN ('global', 'organization', 'project', 'workspace')),
	is_super_admin boolean NOT NULL DEFAULT false,
	rank integer NOT NULL DEFAULT 0,
	is_system boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (organization_id, name, scope),
	CONSTRAINT abac_roles_global_check CHECK (scope <> 'global' OR organization_id IS NULL),
	CONSTRAINT abac_roles_super_admin_check CHECK (NOT is_super_admin OR scope = 'global')
);
CREATE UNIQUE INDEX abac_roles_one_super_admin ON abac_roles (is_super_admin) WHERE is_super_admin;
COMMENT ON TABLE abac_roles IS 'roles that users hold in a context';
COMMENT ON COLUMN abac_roles.organization_id IS 'owner; NULL = platform-wide';
COMMENT ON COLUMN abac_roles.scope IS 'the kind of context that the role is assigned in';
COMMENT ON COLUMN abac_roles.is_super_admin IS 'true for the one role that bypasses every policy';
COMMENT ON COLUMN abac_roles.rank IS 'order in displays; no decision depends on it';
COMMENT ON COLUMN abac_roles.is_system IS 'true: only the description may change';

CREATE TABLE abac_permissions (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	resource_type text COLLATE "C" NOT NULL
		CONSTRAINT abac_permissions_resource_type_check
		CHECK (resource_type <> '' AND pg_catalog.strpos(resource_type, ':') = 0),
	action text COLLATE "C" NOT NULL CHECK (action <> ''),
	name text COLLATE "C" GENERATED ALWAYS AS (resource_type || ':' || action) STORED,
	description text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (resource_type, action)
);
COMMENT ON TABLE abac_permissions IS 'what can be granted: an action on a type of resource';
COMMENT ON COLUMN abac_permissions.resource_type IS 'type of resource; * = every type';
COMMENT ON COLUMN abac_permissions.action IS 'action; * = every action';
COMMENT ON COLUMN abac_permissions.name IS 'resource_type:action';

CREATE TABLE abac_role_permissions (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	role_id uuid NOT NULL REFERENCES abac_roles ON DELETE CASCADE,
	permission_id uuid NOT NULL REFERENCES abac_permissions ON DELETE RESTRICT,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (role_id, permission_id)
);
CREATE INDEX ON abac_role_permissions (permission_id);
COMMENT ON TABLE abac_role_permissions IS 'the permissions of a role';

CREATE TABLE abac_user_roles (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	user_id text COLLATE "C" NOT NULL CHECK (user_id <> ''),
	role_id uuid NOT NULL REFERENCES abac_roles ON DELETE RESTRICT,
	context_type text COLLATE "C" NOT NULL DEFAULT 'global'
		CHECK (context_type IN ('global', 'organization', 'project', 'workspace')),
	context_id text COLLATE "C" CHECK (context_id <> ''),
	starts_at timestamptz,
	expires_at timestamptz,
	assigned_by text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (user_id, context_type, context_id, role_id),
	CONSTRAINT abac_user_roles_context_check CHECK ((context_type = 'global') = (context_id IS NULL)),
	CONSTRAINT abac_user_roles_window_check CHECK (starts_at < expires_at)
);
CREATE INDEX ON abac_user_roles (role_id);
CREATE INDEX ON abac_user_roles (context_type, context_id);
COMMENT ON TABLE abac_user_roles IS 'the roles of a user, each in a context, with a time window';
COMMENT ON COLUMN abac_user_roles.context_type IS 'the role''s scope';
COMMENT ON COLUMN abac_user_roles.context_id IS 'the application''s id of the context; NULL for global';

CREATE TABLE abac_user_permissions (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	user_id text COLLATE "C" NOT NULL CHECK (user_id <> ''),
	permission_id uuid NOT NULL REFERENCES abac_permissions ON DELETE RESTRICT,
	granted boolean NOT NULL,
	context_type text COLLATE "C" NOT NULL DEFAULT 'global'
		CHECK (context_type IN ('global', 'organization', 'project', 'workspace')),
	context_id text COLLATE "C" CHECK (context_id <> ''),
	starts_at timestamptz,
	expires_at timestamptz,
	granted_by text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE NULLS NOT DISTINCT (user_id, context_type, context_id, permission_id),
	CONSTRAINT abac_user_permissions_context_check CHECK ((context_type = 'global') = (context_id IS NULL)),
	CONSTRAINT abac_user_permissions_window_check CHECK (starts_at < expires_at)
);
CREATE INDEX ON abac_user_permissions (permission_id);
COMMENT ON TABLE abac_user_permissions IS
	'permissions granted to, or denied, one user directly';
COMMENT ON COLUMN abac_user_permissions.granted IS 'false: denied, before any policy or grant';

CREATE TABLE abac_conditions (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	permission_id uuid NOT NULL REFERENCES abac_permissions ON DELETE RESTRICT,
	role_id uuid REFERENCES abac_roles ON DELETE RESTRICT,
	attribute_key text COLLATE "C" NOT NULL,
	operator text COLLATE "C" NOT NULL,
	attribute_value jsonb NOT NULL,
	logic_group text COLLATE "C" NOT NULL DEFAULT 'AND' CHECK (logic_group IN ('AND', 'OR')),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text
);
CREATE INDEX ON abac_conditions (permission_id, role_id);
CREATE INDEX ON abac_conditions (role_id);
COMMENT ON TABLE abac_conditions IS
	'legacy: what must hold for a role to use a permission; every AND row, and any OR row if there are some';
COMMENT ON COLUMN abac_conditions.role_id IS 'the role that is bound; NULL = all roles';

CREATE TABLE abac_policy_rules (
	id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id text COLLATE "C" NOT NULL CHECK (organization_id <> ''),
	name text COLLATE "C" NOT NULL CHECK (name <> ''),
	description text,
	resource_type text COLLATE "C" NOT NULL DEFAULT '*'
		CONSTRAINT abac_policy_rules_resource_type_check
		CHECK (resource_type <> '' AND pg_catalog.strpos(resource_type, ':') = 0),
	conditions jsonb CHECK (pg_catalog.jsonb_typeof(conditions) <> 'null'),
	effect text COLLATE "C" NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
	priority integer NOT NULL DEFAULT 0,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	created_by text,
	updated_by text,
	UNIQUE (organization_id, name)
);
COMMENT ON TABLE abac_policy_rules IS
	'legacy: an organization''s rules that are asked after the policies';
COMMENT ON COLUMN abac_policy_rules.resource_type IS 'type that the rule is about; * = all';
COMMENT ON COLUMN abac_policy_rules.conditions IS 'condition tree; NULL = unconditional';

--
-- Guards: what the tables must not hold is refused when it is written (src/guard.c).
-- The triggers' names sort before those of foreign keys, so that their errors come first.
--

CREATE FUNCTION abac_guard() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_guard'
	LANGUAGE C;
COMMENT ON FUNCTION abac_guard() IS
	'trigger: refuses rows that contradict others, bad conditions, changes of system rows, deleting what is in use';

CREATE FUNCTION abac_guard_truncate() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_guard_truncate'
	LANGUAGE C;
COMMENT ON FUNCTION abac_guard_truncate() IS
	'trigger: refuses to truncate a table that holds system rows, or parts of them';

CREATE FUNCTION abac_touch() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_touch'
	LANGUAGE C;
COMMENT ON FUNCTION abac_touch() IS
	'trigger: updated_at, and the version of a policy, follow real changes of a row';

-- an event trigger's function runs as whoever drops the table
CREATE FUNCTION abac_forget_dropped() RETURNS event_trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tab text;
	broken record;
BEGIN
	-- most drops aren't of such tables, and must not disturb anybody's cache
	IF EXISTS (
		SELECT FROM @extschema@.abac_relations AS registered
		JOIN pg_catalog.pg_event_trigger_dropped_objects() AS dropped
			ON registered.relation OPERATOR(pg_catalog.=) dropped.objid
		WHERE dropped.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass)
	THEN
		DELETE FROM @extschema@.abac_relations AS registered
			USING pg_catalog.pg_event_trigger_dropped_objects() AS dropped
			WHERE dropped.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
				AND dropped.objsubid OPERATOR(pg_catalog.=) 0
				AND registered.relation OPERATOR(pg_catalog.=) dropped.objid;
	END IF;
	PERFORM @extschema@.abac_forget_binding(bound.id, false)
		FROM @extschema@.abac_bindings AS bound
		JOIN pg_catalog.pg_event_trigger_dropped_objects() AS dropped
			ON bound.source OPERATOR(pg_catalog.=) dropped.objid
		WHERE dropped.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
			AND dropped.objsubid OPERATOR(pg_catalog.=) 0;
	-- an older transaction doesn't see the binding, nor the rows that it made
	IF pg_catalog.current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		SELECT pg_catalog.format('%I.%I', dropped.address_names[1], dropped.address_names[2]) INTO tab
		FROM pg_catalog.pg_event_trigger_dropped_objects() AS dropped
		WHERE dropped.object_type = 'trigger' AND dropped.address_names[3] ~ '^abac_bind_[a-z_]+_guard$'
			-- a binding that is seen has been forgotten, or raised an error
			AND NOT EXISTS (SELECT FROM @extschema@.abac_bindings b WHERE b.source = pg_catalog.to_regclass(
				pg_catalog.format('%I.%I', dropped.address_names[1], dropped.address_names[2])));
		IF FOUND THEN
			RAISE EXCEPTION 'table % was bound by abac_bind after this transaction began', tab
				USING ERRCODE = 'serialization_failure',
					  HINT = 'Try the transaction again.';
		END IF;
	END IF;
	-- CASCADE takes the trigger along that would keep it
	FOR broken IN
		SELECT b.kind, b.source, dropped.address_names[3] AS name
		FROM @extschema@.abac_bindings b JOIN pg_catalog.pg_event_trigger_dropped_objects() AS dropped ON dropped.objid = b.source
		WHERE dropped.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND dropped.objsubid <> 0
			AND dropped.address_names[3] = ANY (b.columns)
	LOOP
		RAISE EXCEPTION 'cannot drop column "%" of table %, which is bound by abac_bind', broken.name, broken.source
			USING ERRCODE = 'dependent_objects_still_exist',
				  HINT = pg_catalog.format('Use abac_unbind(%L, %L) first, and abac_bind afterwards.', broken.kind, broken.source::text);
	END LOOP;
	-- Here and not in abac_guard_bound: a restore adds constraints in any order,
	-- but it drops none.
	FOR broken IN
		SELECT b.kind, b.source, b.key_columns
		FROM @extschema@.abac_bindings b
		WHERE b.source = ANY (ARRAY(
				SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', dropped.address_names[1], dropped.address_names[2]))
				FROM pg_catalog.pg_event_trigger_dropped_objects() AS dropped WHERE dropped.object_type = 'table constraint'))
			AND EXISTS (SELECT FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
						WHERE t.tgrelid = b.source AND t.tgtype & 1 = 1
							AND p.proname = 'abac_bound_' || pg_catalog.replace(b.id::text, '-', ''))
			AND NOT EXISTS (
				SELECT FROM pg_catalog.pg_index i
				WHERE i.indrelid = b.source AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
					AND i.indnkeyatts = pg_catalog.cardinality(b.key_columns)
					AND b.key_columns <@ ARRAY(
						SELECT a.attname::text FROM pg_catalog.pg_attribute a
						WHERE a.attrelid = b.source AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])))
	LOOP
		RAISE EXCEPTION 'cannot drop the key of table %, which is bound by abac_bind', broken.source
			USING ERRCODE = 'dependent_objects_still_exist',
				  DETAIL = pg_catalog.format('Its rows are known again by %s.', pg_catalog.array_to_string(broken.key_columns, ', ')),
				  HINT = pg_catalog.format('Use abac_unbind(%L, %L) first, and abac_bind afterwards.', broken.kind, broken.source::text);
	END LOOP;
END
$$;
COMMENT ON FUNCTION abac_forget_dropped() IS
	'event trigger: a dropped table is no longer registered or bound; a bound table keeps its key and its columns';

CREATE FUNCTION abac_sees_all_rows(tab regclass) RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_sees_all_rows'
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_sees_all_rows(regclass) IS
	'internal: whether the transaction''s snapshot shows every row that the table has now';

-- What no trigger on a bound table would see.  Silent where the trigger _guard is
-- not there: in a restore it comes last.
CREATE FUNCTION abac_guard_bound() RETURNS event_trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bound record;
	detail text;
	present jsonb;
BEGIN
	-- An older transaction doesn't see whom it concerns.
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted')
		AND NOT @extschema@.abac_sees_all_rows('@extschema@.abac_bindings'::regclass)
	THEN
		RAISE EXCEPTION 'a table was bound by abac_bind after this transaction began'
			USING ERRCODE = 'serialization_failure',
				  HINT = 'Try the transaction again.';
	END IF;
	FOR bound IN
		SELECT b.*, c.relpersistence, pg_get_triggerdef(t.oid) AS guard
		FROM @extschema@.abac_bindings b JOIN pg_class c ON c.oid = b.source
			-- by what it calls, whatever it is called: the one for each row
			JOIN pg_proc p ON p.proname = 'abac_bound_' || replace(b.id::text, '-', '') AND p.pronamespace = '@extschema@'::regnamespace
			JOIN pg_trigger t ON t.tgrelid = b.source AND t.tgfoid = p.oid AND t.tgtype & 1 = 1
		-- a type may be that of a column, or of a whole table
		WHERE tg_tag IN ('ALTER TRIGGER', 'ALTER TYPE') OR EXISTS (
				SELECT FROM pg_event_trigger_ddl_commands() d
				WHERE d.classid = 'pg_class'::regclass
					AND (d.objid = b.source OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = d.objid AND i.inhparent = b.source)))
		ORDER BY b.kind, b.source::text
	LOOP
		-- their present names are in the trigger
		detail := CASE
			WHEN tg_tag = 'ALTER TRIGGER' AND 5 > (
				SELECT count(*) FROM pg_trigger t
				WHERE t.tgrelid = bound.source
					AND t.tgname IN (SELECT format('abac_bind_%s_%s', bound.kind, e) FROM unnest('{insert,update,delete,truncate,guard}'::text[]) e))
			THEN 'Its triggers keep their names.'
			WHEN strpos(bound.guard, (SELECT format('WHEN ((%s AND false))', string_agg(format('(old.%I IS NULL)', c), ' AND ' ORDER BY n))
									  FROM unnest(bound.columns) WITH ORDINALITY u (c, n))) = 0
				OR @extschema@.abac_binding_types(bound.source, bound.columns) IS DISTINCT FROM bound.column_types
			THEN format('These columns keep their names and types: %s.', (
				SELECT string_agg(concat_ws(' ', quote_ident(u.name), u.type), ', ') FROM unnest(bound.columns, bound.column_types) u (name, type)))
			WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = bound.source AND a.attname = ANY (bound.key_columns) AND NOT a.attnotnull)
			THEN format('These columns stay NOT NULL: %s.', array_to_string(bound.key_columns, ', '))
			WHEN bound.relpersistence <> 'p'
			THEN 'After a crash an unlogged table is empty, and no trigger says so.'
			WHEN EXISTS (SELECT FROM pg_inherits i WHERE bound.source IN (i.inhparent, i.inhrelid))
			THEN 'What is written to a child is not seen by the triggers of its parent, nor the other way round.'
			END;
		IF detail IS NOT NULL THEN
			RAISE EXCEPTION 'table % is bound by abac_bind', bound.source
				USING ERRCODE = 'dependent_objects_still_exist', DETAIL = detail,
					  HINT = format('Use abac_unbind(%L, %L) first, and abac_bind afterwards.', bound.kind, bound.source::text);
		END IF;

		present := @extschema@.abac_binding_labels(bound.source, bound.columns, bound.column_types);
		IF present <> bound.labels THEN
			-- all that were there, and some more
			IF NOT present @> bound.labels THEN
				RAISE EXCEPTION 'table % is bound by abac_bind', bound.source
					USING ERRCODE = 'dependent_objects_still_exist',
						  DETAIL = format('The labels of its enums keep their names: those of %s.', (
							  SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(bound.labels) k)),
						  HINT = format('Use abac_unbind(%L, %L) first, and abac_bind afterwards.', bound.kind, bound.source::text);
			END IF;
			UPDATE @extschema@.abac_bindings b SET labels = present WHERE b.id = bound.id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION abac_guard_bound() IS
	'event trigger: a bound table and the types of its columns stay as the binding needs them';

REVOKE ALL ON FUNCTION abac_guard(), abac_guard_truncate(), abac_touch(), abac_forget_dropped(), abac_guard_bound(), abac_sees_all_rows(regclass) FROM PUBLIC;

CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_attribute_definitions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_rules
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_rule_group_members
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_policies
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_policy_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_policy_assignments
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_user_attributes
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_scopes
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_roles
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER DELETE ON abac_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_role_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_user_roles
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_user_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_conditions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_policy_rules
	FOR EACH ROW EXECUTE FUNCTION abac_guard();

CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_attribute_definitions
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_rules
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_rule_groups
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_rule_group_members
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_policies
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_policy_rule_groups
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_policy_assignments
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_roles
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();

CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_attribute_definitions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_rules
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_rule_group_members
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policies
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policy_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policy_assignments
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_resource_types
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_relations
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_bindings
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_user_attributes
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_scopes
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_memberships
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_roles
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_role_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_user_roles
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_user_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_conditions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policy_rules
	FOR EACH ROW EXECUTE FUNCTION abac_touch();

CREATE EVENT TRIGGER abac_forget_dropped ON sql_drop
	EXECUTE FUNCTION abac_forget_dropped();
COMMENT ON EVENT TRIGGER abac_forget_dropped IS
	'takes dropped tables out of abac_relations and abac_bindings';
-- a column can be renamed by any of these
CREATE EVENT TRIGGER abac_guard_bound ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER INDEX', 'ALTER TRIGGER')
	EXECUTE FUNCTION abac_guard_bound();
COMMENT ON EVENT TRIGGER abac_guard_bound IS
	'refuses what would put a bound table out of step, and no trigger of it sees';

--
-- What keeps every session's cache right: each change of a table tells them,
-- and where few rows changed, it tells which people, policies, groups or rules
-- they are about. Logical replication's apply worker fires row triggers only.
--

CREATE FUNCTION abac_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_changed'
	LANGUAGE C;
REVOKE ALL ON FUNCTION abac_changed() FROM PUBLIC;
COMMENT ON FUNCTION abac_changed() IS 'trigger: what sessions remember of the table is out of date';

CREATE FUNCTION abac_changing() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_changing'
	LANGUAGE C;
REVOKE ALL ON FUNCTION abac_changing() FROM PUBLIC;
COMMENT ON FUNCTION abac_changing() IS 'trigger: until the statement is done, nothing is remembered';

CREATE FUNCTION abac_enable_triggers() RETURNS void
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tab regclass;
	half name;
BEGIN
	FOR tab IN
		SELECT c.oid
		FROM pg_depend d
			JOIN pg_class c ON c.oid = d.objid
			JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.deptype = 'e' AND e.extname = 'abac' AND c.relkind = 'r'
		ORDER BY c.relname
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE TRIGGER ALL, ENABLE ALWAYS TRIGGER abac_changing, '
					   'ENABLE ALWAYS TRIGGER abac_changed, '
					   'ENABLE ALWAYS TRIGGER abac_changed_truncate, ENABLE %s TRIGGER abac_changed_row', tab,
					   CASE WHEN tab IN ('@extschema@.abac_user_attributes'::regclass, '@extschema@.abac_memberships'::regclass,
										 '@extschema@.abac_user_roles'::regclass, '@extschema@.abac_user_permissions'::regclass,
										 '@extschema@.abac_policy_assignments'::regclass, '@extschema@.abac_policies'::regclass,
										 '@extschema@.abac_policy_rule_groups'::regclass, '@extschema@.abac_rule_groups'::regclass,
										 '@extschema@.abac_rule_group_members'::regclass, '@extschema@.abac_rules'::regclass)
					   THEN 'ALWAYS' ELSE 'REPLICA' END);

		-- pg_restore --jobs fills an extension's tables in any order, whatever
		-- foreign keys there are between them.  So the half of each that looks
		-- for the row referenced is off: the guard does the same, except during
		-- a restore.  The other half (RESTRICT, CASCADE) stays.
		FOR half IN
			SELECT t.tgname
			FROM pg_constraint k JOIN pg_trigger t ON t.tgconstraint = k.oid
			WHERE k.contype = 'f' AND k.conrelid = tab AND t.tgrelid = tab
				AND t.tgfoid IN ('"RI_FKey_check_ins"()'::regprocedure, '"RI_FKey_check_upd"()'::regprocedure)
			ORDER BY t.oid
		LOOP
			EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', tab, half);
		END LOOP;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION abac_enable_triggers() FROM PUBLIC;
COMMENT ON FUNCTION abac_enable_triggers() IS
	'puts the triggers of all abac_ tables back into the state that CREATE EXTENSION gave them, after DISABLE TRIGGER or pg_restore --disable-triggers';

DO $$
DECLARE
	tab text;
BEGIN
	FOREACH tab IN ARRAY ARRAY[
		'abac_attribute_definitions', 'abac_rules', 'abac_rule_groups', 'abac_rule_group_members',
		'abac_policies', 'abac_policy_rule_groups', 'abac_policy_assignments', 'abac_resource_types',
		'abac_relations', 'abac_bindings', 'abac_user_attributes', 'abac_scopes', 'abac_memberships', 'abac_roles',
		'abac_permissions', 'abac_role_permissions', 'abac_user_roles', 'abac_user_permissions',
		'abac_conditions', 'abac_policy_rules']
	LOOP
		EXECUTE pg_catalog.format('CREATE TRIGGER abac_changing BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.%I
			FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.abac_changing()', tab);
		EXECUTE pg_catalog.format('CREATE TRIGGER abac_changed AFTER INSERT OR UPDATE OR DELETE ON @extschema@.%I
			FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.abac_changed()', tab);
		EXECUTE pg_catalog.format('CREATE TRIGGER abac_changed_truncate AFTER TRUNCATE ON @extschema@.%I
			FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.abac_changed()', tab);
		EXECUTE pg_catalog.format('CREATE TRIGGER abac_changed_row AFTER INSERT OR UPDATE OR DELETE ON @extschema@.%I
			FOR EACH ROW EXECUTE FUNCTION @extschema@.abac_changed()', tab);
		PERFORM pg_catalog.pg_extension_config_dump(pg_catalog.format('@extschema@.%I', tab)::regclass, '');
	END LOOP;
END
$$;
SELECT abac_enable_triggers();

--
-- Decisions
--

CREATE FUNCTION abac_check(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_check'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION abac_check(user_id uuid, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_check_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION abac_check(user_id bigint, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_check_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION abac_check(text, text, text, jsonb) IS
	'may the user do the action to the resource (type or type:id)? Never NULL; whatever can''t be decided is denied';
COMMENT ON FUNCTION abac_check(uuid, text, text, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_check(bigint, text, text, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_require(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_require'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 100;
CREATE FUNCTION abac_require(user_id uuid, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_require_uuid'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 100;
CREATE FUNCTION abac_require(user_id bigint, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_require_bigint'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION abac_require(text, text, text, jsonb) IS
	'true when abac_check is, else ERROR 42501 whose DETAIL is the reason';
COMMENT ON FUNCTION abac_require(uuid, text, text, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_require(bigint, text, text, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_explain(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_explain'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain(user_id uuid, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_explain_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain(user_id bigint, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_explain_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_explain(text, text, text, jsonb) IS
	'why abac_check decides as it does: the reason, what decided, and every policy considered down to its leaves';
COMMENT ON FUNCTION abac_explain(uuid, text, text, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_explain(bigint, text, text, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_explain_text(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_explain_text'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain_text(user_id uuid, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_explain_text_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain_text(user_id bigint, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_explain_text_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_explain_text(text, text, text, jsonb) IS
	'abac_explain as an indented tree to read';
COMMENT ON FUNCTION abac_explain_text(uuid, text, text, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_explain_text(bigint, text, text, jsonb) IS
	'the same for a user whose id is a number';

--
-- The same about a row of a registered table, as docs.*
--

CREATE FUNCTION abac_check(user_id text, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_check_row'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_check(user_id uuid, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_check_row_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_check(user_id bigint, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_check_row_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_check(text, text, record, jsonb) IS
	'may the user do the action to the row of a registered table, as docs.*? A predicate: NULL when nothing matched but something unknown could have allowed';
COMMENT ON FUNCTION abac_check(uuid, text, record, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_check(bigint, text, record, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_require(user_id text, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_require_row'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_require(user_id uuid, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_require_row_uuid'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_require(user_id bigint, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_require_row_bigint'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_require(text, text, record, jsonb) IS
	'true when abac_check of the row is, else ERROR 42501 whose DETAIL is the reason';
COMMENT ON FUNCTION abac_require(uuid, text, record, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_require(bigint, text, record, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_explain(user_id text, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_explain_row'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain(user_id uuid, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_explain_row_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain(user_id bigint, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_explain_row_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_explain(text, text, record, jsonb) IS
	'why abac_check of the row decides as it does';
COMMENT ON FUNCTION abac_explain(uuid, text, record, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_explain(bigint, text, record, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_explain_text(user_id text, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_explain_text_row'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain_text(user_id uuid, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_explain_text_row_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION abac_explain_text(user_id bigint, action text, resource record, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_explain_text_row_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_explain_text(text, text, record, jsonb) IS
	'abac_explain of a row as an indented tree to read';
COMMENT ON FUNCTION abac_explain_text(uuid, text, record, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_explain_text(bigint, text, record, jsonb) IS
	'the same for a user whose id is a number';

--
-- The session's principal and context
--

CREATE FUNCTION abac_user() RETURNS text
	AS 'MODULE_PATHNAME', 'abac_user'
	LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION abac_user() IS
	'the session''s principal, set by abac_set_user; NULL = nobody';

CREATE FUNCTION abac_set_user(user_id text, local boolean DEFAULT true) RETURNS void
	AS 'MODULE_PATHNAME', 'abac_set_user'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION abac_set_user(user_id uuid, local boolean DEFAULT true) RETURNS void
	AS 'MODULE_PATHNAME', 'abac_set_user_uuid'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION abac_set_user(user_id bigint, local boolean DEFAULT true) RETURNS void
	AS 'MODULE_PATHNAME', 'abac_set_user_bigint'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_set_user(text, boolean) IS
	'makes the user the session''s principal, for this transaction or (local => false) for the session; NULL = nobody';
COMMENT ON FUNCTION abac_set_user(uuid, boolean) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_set_user(bigint, boolean) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_context() RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_context'
	LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION abac_context() IS
	'the context in which abac_can asks unless it is given one, set by abac_set_context; {} when none is set';

CREATE FUNCTION abac_set_context(ctx jsonb, local boolean DEFAULT true) RETURNS void
	AS 'MODULE_PATHNAME', 'abac_set_context'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_set_context(jsonb, boolean) IS
	'sets the context in which abac_can asks, for this transaction or (local => false) for the session; NULL = none';

CREATE FUNCTION abac_can(action text, resource text, ctx jsonb DEFAULT @extschema@.abac_context()) RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_can'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION abac_can(text, text, jsonb) IS
	'abac_check for the session''s principal, in the session''s context';

CREATE FUNCTION abac_can(action text, resource record, ctx jsonb DEFAULT @extschema@.abac_context()) RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_can_row'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_can(text, record, jsonb) IS
	'abac_check of a row for the session''s principal, in the session''s context';

CREATE FUNCTION abac_stats(
		OUT checks bigint, OUT hits bigint, OUT misses bigint, OUT loads bigint,
		OUT policy_invalidations bigint, OUT fact_invalidations bigint, OUT user_invalidations bigint, OUT evictions bigint,
		OUT policy_bytes bigint, OUT fact_bytes bigint, OUT subject_bytes bigint,
		OUT slowest_ms double precision, OUT slowest_user text, OUT slowest_action text, OUT slowest_resource text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'abac_stats'
	LANGUAGE C VOLATILE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION abac_stats() FROM PUBLIC;
COMMENT ON FUNCTION abac_stats() IS
	'what the checks of this session came to: how many found what they need, how often something was forgotten and why, memory, and the slowest one';

CREATE FUNCTION abac_stats_reset() RETURNS void
	AS 'MODULE_PATHNAME', 'abac_stats_reset'
	LANGUAGE C VOLATILE PARALLEL RESTRICTED;
REVOKE ALL ON FUNCTION abac_stats_reset() FROM PUBLIC;
COMMENT ON FUNCTION abac_stats_reset() IS 'abac_stats counts from 0 again; what the session remembers stays';

--
-- What the planner makes of a check of a row.  There is no way to write a
-- value of type abac_shape, so nobody else can call these.
--

CREATE TYPE abac_shape;
CREATE FUNCTION abac_shape_in(cstring) RETURNS abac_shape
	AS 'MODULE_PATHNAME', 'abac_shape_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_shape_in(cstring) IS 'input of type abac_shape, which takes none';
CREATE FUNCTION abac_shape_out(abac_shape) RETURNS cstring
	AS 'MODULE_PATHNAME', 'abac_shape_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_shape_out(abac_shape) IS 'output of type abac_shape, for EXPLAIN';
CREATE TYPE abac_shape (
	INPUT = @extschema@.abac_shape_in,
	OUTPUT = @extschema@.abac_shape_out,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = plain
);
COMMENT ON TYPE abac_shape IS 'what a plan knows of the policies that it was made from; only the planner makes them';

CREATE FUNCTION abac_fits(shape abac_shape, result boolean, "row" "any") RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_fits'
	LANGUAGE C STABLE PARALLEL SAFE COST 0.0001;
COMMENT ON FUNCTION abac_fits(abac_shape, boolean, "any") IS
	'internal: the result, or an error when the plan is out of date';
CREATE FUNCTION abac_value(shape abac_shape, slot integer, type anyelement) RETURNS anyelement
	AS 'MODULE_PATHNAME', 'abac_value'
	LANGUAGE C STABLE PARALLEL SAFE COST 0.0001;
COMMENT ON FUNCTION abac_value(abac_shape, integer, anyelement) IS
	'internal: a value that belongs to the user, like an attribute or an organization''s id';
CREATE FUNCTION abac_leaf(shape abac_shape, leaf integer, VARIADIC columns "any") RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_leaf'
	LANGUAGE C STABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION abac_leaf(abac_shape, integer, "any") IS
	'internal: a condition that SQL has no form for';
CREATE FUNCTION abac_row(shape abac_shape, user_id text, action text, ctx jsonb, VARIADIC columns "any") RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_row'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION abac_row(abac_shape, text, text, jsonb, "any") IS
	'internal: abac_check of a row whose columns are given one by one';

CREATE FUNCTION abac_row_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'abac_row_support'
	LANGUAGE C STRICT;
REVOKE ALL ON FUNCTION abac_row_support(internal) FROM PUBLIC;
COMMENT ON FUNCTION abac_row_support(internal) IS
	'planner support: puts what is left of the decision in the place of a check of a row';
ALTER FUNCTION abac_check(text, text, record, jsonb) SUPPORT @extschema@.abac_row_support;
ALTER FUNCTION abac_check(uuid, text, record, jsonb) SUPPORT @extschema@.abac_row_support;
ALTER FUNCTION abac_check(bigint, text, record, jsonb) SUPPORT @extschema@.abac_row_support;
ALTER FUNCTION abac_can(text, record, jsonb) SUPPORT @extschema@.abac_row_support;

-- A call about a row is resolved by the row's type, and somebody else's function
-- for just that type would fit better than abac's for any record.
CREATE FUNCTION abac_require_own_functions() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	others text;
BEGIN
	SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid::regprocedure::text) INTO others
	FROM pg_proc p
	WHERE p.pronamespace = '@extschema@'::regnamespace AND p.proname IN ('abac_can', 'abac_check', 'abac_context')
		AND NOT EXISTS (
			SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
			WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
				AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'abac');
	IF others IS NOT NULL THEN
		RAISE EXCEPTION 'functions that are not the extension''s have names of its functions'
			USING ERRCODE = 'duplicate_function',
				  DETAIL = format('They are in its schema and could be called instead: %s.', others),
				  HINT = 'Drop them, and let nobody create anything in the extension''s schema.';
	END IF;
END
$$;
COMMENT ON FUNCTION abac_require_own_functions() IS
	'internal: an error when somebody else''s functions could be called in the place of the extension''s';

--
-- The same expression as SQL text, and the proof that it is the same
--

CREATE FUNCTION abac_filter(user_id text, action text, relation regclass, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_filter'
	LANGUAGE C STABLE PARALLEL SAFE COST 10000;
CREATE FUNCTION abac_filter(user_id uuid, action text, relation regclass, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_filter_uuid'
	LANGUAGE C STABLE PARALLEL SAFE COST 10000;
CREATE FUNCTION abac_filter(user_id bigint, action text, relation regclass, ctx jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME', 'abac_filter_bigint'
	LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION abac_filter(text, text, regclass, jsonb) IS
	'the condition, as SQL text, under which the user may do the action to a row of the table now';
COMMENT ON FUNCTION abac_filter(uuid, text, regclass, jsonb) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_filter(bigint, text, regclass, jsonb) IS
	'the same for a user whose id is a number';

CREATE FUNCTION abac_verify_filter(user_id text, action text, relation regclass, ctx jsonb DEFAULT '{}', sample bigint DEFAULT NULL)
	RETURNS TABLE (row_id tid, row_data jsonb, by_check boolean, by_filter boolean, by_planner boolean)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF sample < 0 THEN
		RAISE EXCEPTION 'sample must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM @extschema@.abac_require_own_functions();
	-- rows that are hidden from the caller can't be compared
	IF row_security_active(relation) THEN
		RAISE EXCEPTION 'row-level security hides rows of table "%"', (SELECT c.relname FROM pg_class c WHERE c.oid = relation)
			USING ERRCODE = 'insufficient_privilege',
				  HINT = 'Call it as a superuser or as a role with BYPASSRLS.';
	END IF;
	-- OFFSET 0 keeps the planner from looking through to the table's row, so
	-- that by_check is the row form itself.
	RETURN QUERY EXECUTE format(
		'SELECT s.row_id, to_jsonb(s.row_data), s.by_check, s.by_filter, s.by_planner
		FROM (SELECT t.row_id, t.row_data, @extschema@.abac_check($1, $2, t.row_data, $3) AS by_check, t.by_filter, t.by_planner
			FROM (SELECT %1$I.ctid AS row_id, CAST(%1$I.* AS %6$s) AS row_data, (%2$s) AS by_filter,
					@extschema@.abac_check(%3$L::text, %4$L::text, %1$I.*, %5$L::jsonb) AS by_planner
				FROM %6$s AS %1$I %7$s OFFSET 0) AS t OFFSET 0) AS s
		WHERE s.by_check IS DISTINCT FROM s.by_filter OR s.by_check IS DISTINCT FROM s.by_planner',
		(SELECT c.relname FROM pg_class c WHERE c.oid = relation),
		@extschema@.abac_filter(user_id, action, relation, ctx), user_id, action, ctx, relation,
		CASE WHEN sample IS NOT NULL THEN format('ORDER BY random() LIMIT %s', sample) END)
	USING user_id, action, ctx;
END
$$;
COMMENT ON FUNCTION abac_verify_filter(text, text, regclass, jsonb, bigint) IS
	'the rows (of a random sample, or all) about which the check, the filter''s text and the planner''s form of the check differ: none';

--
-- Registered tables
--

-- abac_register and abac_unregister write a table that is closed to their
-- callers: they ask whether the caller owns the table, and then call these two
-- as the extension's owner.

CREATE FUNCTION abac_registration(relation regclass) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT concat_ws(', ', 'resource type "' || r.resource_type || '"', 'id column "' || r.id_column || '"',
					 'organization column "' || r.organization_column || '"', 'project column "' || r.project_column || '"',
					 'workspace column "' || r.workspace_column || '"', 'NULL scope is ' || nullif(r.null_scope, 'deny'))
	FROM @extschema@.abac_relations r
	WHERE r.relation = $1
$$;
COMMENT ON FUNCTION abac_registration(regclass) IS
	'what the table is registered as, in words; NULL when it is not registered itself';

CREATE FUNCTION abac_write_registration(relation regclass, resource_type text, id_column name, organization_column name,
										project_column name, workspace_column name, null_scope text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tab pg_class;
	col name;
	known @extschema@.abac_relations;
BEGIN
	SELECT c.* INTO tab FROM pg_class c WHERE c.oid = relation;

	IF tab.relkind NOT IN ('r', 'p', 'f', 'm') THEN
		RAISE EXCEPTION '"%" is not a table', tab.relname
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = format('It is %s.', CASE tab.relkind WHEN 'v' THEN 'a view' WHEN 'S' THEN 'a sequence'
					  WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' WHEN 'c' THEN 'a composite type'
					  WHEN 't' THEN 'a TOAST table' ELSE 'a relation of another kind' END),
				  HINT = 'Rows of tables, partitioned tables, foreign tables and materialized views can be resources.'
					  || CASE tab.relkind WHEN 'v' THEN ' Register the tables that the view reads.' ELSE '' END;
	END IF;
	IF tab.relpersistence = 't' THEN
		-- no event trigger fires for what the end of a session drops
		RAISE EXCEPTION 'cannot register temporary table "%"', tab.relname
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'Its registration would outlive it, and speak of whatever gets its OID next.';
	END IF;

	resource_type := coalesce(resource_type, tab.relname);
	IF resource_type = '' OR strpos(resource_type, ':') > 0 THEN
		RAISE EXCEPTION 'invalid resource type "%"', resource_type
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'A resource type is not empty and has no colon.',
				  HINT = 'Say what the rows are: resource_type => ''document''.';
	END IF;
	IF null_scope IS NULL OR null_scope NOT IN ('deny', 'platform') THEN
		RAISE EXCEPTION 'invalid null_scope %', coalesce(quote_ident(null_scope), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'It says what a NULL in a scope column means: deny, or platform = a row of no organization.';
	END IF;

	IF id_column IS NULL THEN
		SELECT a.attname INTO id_column
		FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1;
	END IF;
	FOREACH col IN ARRAY ARRAY[id_column, organization_column, project_column, workspace_column] LOOP
		IF col IS NOT NULL AND NOT EXISTS (
			SELECT FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = col AND a.attnum > 0 AND NOT a.attisdropped)
		THEN
			RAISE EXCEPTION 'column "%" of table "%" does not exist', col, tab.relname
				USING ERRCODE = 'undefined_column',
					  DETAIL = format('Its columns: %s.', (
						  SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
						  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped));
		END IF;
	END LOOP;
	-- the id column may be one of them: in a table of organizations it is
	IF organization_column IN (project_column, workspace_column) OR project_column = workspace_column THEN
		RAISE EXCEPTION 'column "%" is used for two scopes',
				CASE WHEN project_column = workspace_column THEN project_column ELSE organization_column END
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Name the innermost: abac_scopes says what is above a project or a workspace.';
	END IF;

	SELECT r.* INTO known FROM @extschema@.abac_relations r WHERE r.relation = abac_write_registration.relation;
	IF FOUND AND (known.resource_type, known.id_column, known.organization_column, known.project_column,
				  known.workspace_column, known.null_scope)
			IS NOT DISTINCT FROM
			(resource_type, id_column, organization_column, project_column, workspace_column, null_scope) THEN
		RAISE NOTICE '% is already registered so: %', relation, @extschema@.abac_registration(relation);
		RETURN;
	END IF;
	INSERT INTO @extschema@.abac_relations (relation, resource_type, id_column, organization_column, project_column,
											workspace_column, null_scope)
	VALUES (abac_write_registration.relation, abac_write_registration.resource_type, abac_write_registration.id_column,
			abac_write_registration.organization_column, abac_write_registration.project_column, abac_write_registration.workspace_column,
			abac_write_registration.null_scope)
	ON CONFLICT ON CONSTRAINT abac_relations_relation_key
	DO UPDATE SET (resource_type, id_column, organization_column, project_column, workspace_column, null_scope) =
		ROW(excluded.resource_type, excluded.id_column, excluded.organization_column, excluded.project_column,
			excluded.workspace_column, excluded.null_scope);
	RAISE NOTICE 'registered %: %', relation, @extschema@.abac_registration(relation);
END
$$;
COMMENT ON FUNCTION abac_write_registration(regclass, text, name, name, name, name, text) IS
	'internal: abac_register, for whoever may write abac_relations';

CREATE FUNCTION abac_register(relation regclass, resource_type text DEFAULT NULL, id_column name DEFAULT NULL,
							  organization_column name DEFAULT NULL, project_column name DEFAULT NULL,
							  workspace_column name DEFAULT NULL, null_scope text DEFAULT 'deny') RETURNS void
	AS 'MODULE_PATHNAME', 'abac_register'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_register(regclass, text, name, name, name, name, text) IS
	'makes the table''s rows resources; registering again replaces what was said of it. For its owner';

CREATE FUNCTION abac_delete_registration(relation regclass) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_policy p
			   WHERE p.polrelid = relation
					 AND starts_with(obj_description(p.oid, 'pg_policy'), 'made by abac_protect')) THEN
		RAISE EXCEPTION 'cannot unregister protected table "%"', (SELECT c.relname FROM pg_class c WHERE c.oid = relation)
			USING ERRCODE = 'dependent_objects_still_exist',
				  DETAIL = 'Its row-level security policies ask about rows of a registered table.',
				  HINT = format('Use abac_unprotect(%L).', relation);
	END IF;
	DELETE FROM @extschema@.abac_relations r WHERE r.relation = abac_delete_registration.relation;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION abac_delete_registration(regclass) IS
	'internal: abac_unregister, for whoever may write abac_relations';

CREATE FUNCTION abac_unregister(relation regclass) RETURNS boolean
	AS 'MODULE_PATHNAME', 'abac_unregister'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_unregister(regclass) IS
	'the table''s rows are no resources any more; true when it was registered. For its owner';

-- abac_protect and abac_unprotect run as their caller, so that PostgreSQL asks
-- who owns the tables.  What is to be taken back they write into the comment of
-- a table's policy abac_select, which pg_dump carries along:
--     made by abac_protect, which also: enabled row level security; registered the table
-- A policy without such a comment is not theirs.

CREATE FUNCTION abac_protect(relation regclass, resource_type text DEFAULT NULL, id_column name DEFAULT NULL,
							 organization_column name DEFAULT NULL, project_column name DEFAULT NULL,
							 workspace_column name DEFAULT NULL, null_scope text DEFAULT 'deny',
							 actions jsonb DEFAULT NULL, force boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark CONSTANT text := 'made by abac_protect';
	call CONSTANT text := '@extschema@.abac_can(%L::text, %I.*, @extschema@.abac_context())';
	root pg_class;
	tab pg_class;
	family regclass[];				-- the table and everything below it
	action record;
	pol record;
	may_read text;					-- what the policies ask
	may_create text;
	may_update text;
	may_delete text;
	names text;
	comment text;
	was_registered boolean;
	enabled boolean;				-- what abac_protect did to a table besides: now or in an earlier call
	forced boolean;
	registered boolean;
	messages text;
	added regclass[] := '{}';
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'relation must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT c.* INTO root FROM pg_class c WHERE c.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'relation with OID % does not exist', relation::oid
			USING ERRCODE = 'undefined_table';
	END IF;
	IF root.relkind IN ('v', 'm', 'f') THEN
		RAISE EXCEPTION 'cannot protect %', relation
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = CASE root.relkind
					  WHEN 'v' THEN 'It is a view, which shows what it reads: row-level security is of tables.'
					  WHEN 'm' THEN 'It is a materialized view, which has no row-level security.'
					  ELSE 'It is a foreign table, which has no row-level security.' END,
				  HINT = CASE root.relkind
					  WHEN 'v' THEN 'Protect the tables that it reads, and set its option security_invoker.'
					  ELSE 'Let a view with WHERE abac_can(''read'', t.*) stand before it.' END;
	END IF;
	IF root.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION 'cannot protect %', relation
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'It is not a table.';
	END IF;
	IF root.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) OR EXISTS (
		SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_class'::regclass AND d.objid = relation AND d.deptype = 'e'
			  AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'abac')
	THEN
		RAISE EXCEPTION 'cannot protect %', relation
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'It is a table of the system or of the extension, which read it without asking for row-level security.',
				  HINT = 'Control access to it with GRANT and REVOKE.';
	END IF;
	-- before the lock: who may write but doesn't own it is not to block others
	IF NOT pg_has_role(current_user, root.relowner, 'USAGE') THEN
		RAISE EXCEPTION 'must be owner of table %', root.relname
			USING ERRCODE = 'insufficient_privilege';
	END IF;

	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		-- the catalogs must be read as they are once the table is locked
		RAISE EXCEPTION 'abac_protect needs isolation level READ COMMITTED'
			USING ERRCODE = 'invalid_transaction_state',
				  DETAIL = 'An older snapshot could miss a partition that was added since.',
				  HINT = 'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
	END IF;
	IF jsonb_typeof(actions) <> 'object' THEN
		RAISE EXCEPTION 'invalid actions %', actions
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'They are an object with any of the keys read, create, update, delete, and names of actions as values.';
	END IF;
	FOR action IN SELECT * FROM jsonb_each(coalesce(actions, '{}')) LOOP
		IF action.key NOT IN ('read', 'create', 'update', 'delete') THEN
			RAISE EXCEPTION 'invalid key "%" in actions', action.key
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = 'Allowed are read, create, update, delete.';
		END IF;
		IF jsonb_typeof(action.value) <> 'string' OR action.value = '""' THEN
			RAISE EXCEPTION 'invalid value % of "%" in actions', action.value, action.key
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = 'The value is the name of the action to ask for, a string that is not empty.';
		END IF;
	END LOOP;
	force := coalesce(force, false);

	PERFORM @extschema@.abac_require_own_functions();
	-- Locks what is below it too; what is read from here on stays so.
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
	WITH RECURSIVE below (tab) AS (
		SELECT relation::oid
		UNION
		SELECT i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.tab
	)
	SELECT array_agg(b.tab ORDER BY b.tab <> relation, b.tab::regclass::text COLLATE "C") INTO family FROM below b;

	-- What would look protected and not be is refused.
	FOR tab IN SELECT c.* FROM unnest(family) WITH ORDINALITY f (oid, n) JOIN pg_class c USING (oid) ORDER BY n LOOP
		IF tab.relkind = 'f' THEN
			RAISE EXCEPTION 'cannot protect %', relation
				USING ERRCODE = 'wrong_object_type',
					  DETAIL = format('%s below it is a foreign table, which has no row-level security.', tab.oid::regclass),
					  HINT = 'Detach it.';
		END IF;

		SELECT string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) INTO names
		FROM pg_policy p LEFT JOIN (VALUES ('abac_select', 'r'), ('abac_insert', 'a'), ('abac_update', 'w'), ('abac_delete', 'd'))
			ours (name, cmd) ON p.polname = ours.name
		WHERE p.polrelid = tab.oid AND ours.name IS NOT NULL
			  AND (NOT p.polpermissive OR p.polcmd <> ours.cmd::"char"
				   OR NOT coalesce(starts_with(obj_description(p.oid, 'pg_policy'), mark), false));
		IF names IS NOT NULL THEN
			RAISE EXCEPTION 'table % has policies with names of abac_protect that it did not make', tab.oid::regclass
				USING ERRCODE = 'duplicate_object',
					  DETAIL = format('These: %s.', names),
					  HINT = format('Rename or drop them. If it did make them and their comments are lost: COMMENT ON POLICY ... IS %L.', mark);
		END IF;

		SELECT string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) INTO names
		FROM pg_policy p
		WHERE p.polrelid = tab.oid AND p.polpermissive
			  AND p.polname NOT IN ('abac_select', 'abac_insert', 'abac_update', 'abac_delete');
		IF names IS NOT NULL THEN
			RAISE EXCEPTION 'table % has other permissive policies', tab.oid::regclass
				USING ERRCODE = 'object_not_in_prerequisite_state',
					  DETAIL = format('They let rows through whatever abac says: %s.', names),
					  HINT = 'Drop them, or create them anew AS RESTRICTIVE.';
		END IF;

		SELECT obj_description(p.oid, 'pg_policy') INTO comment
		FROM pg_policy p WHERE p.polrelid = tab.oid AND p.polname = 'abac_select';
		-- without force what abac_protect forced is going to be unforced
		IF NOT force AND (NOT tab.relforcerowsecurity OR comment ~ 'forced row level security') THEN
			SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) INTO names
			FROM pg_roles r
			WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls AND pg_has_role(r.oid, tab.relowner, 'USAGE');
			IF names IS NOT NULL THEN
				RAISE EXCEPTION 'the owner of table % would bypass row-level security', tab.oid::regclass
					USING ERRCODE = 'object_not_in_prerequisite_state',
						  DETAIL = format('These roles can log in and have the privileges of the owner %s: %s.',
										  tab.relowner::regrole, names),
						  HINT = 'Use force => true, or give the table to a role that nobody logs in as.';
			END IF;
		END IF;
	END LOOP;

	-- What is registered stays so unless this call says how to register it: who
	-- calls again for a new partition must not lose the scope columns.
	was_registered := @extschema@.abac_registration(relation) IS NOT NULL;
	IF NOT was_registered OR num_nonnulls(resource_type, id_column, organization_column, project_column,
										  workspace_column) > 0 OR null_scope IS DISTINCT FROM 'deny' THEN
		messages := current_setting('client_min_messages');
		PERFORM set_config('client_min_messages', 'error', true);	-- its NOTICE is in ours
		PERFORM @extschema@.abac_register(relation, resource_type, id_column, organization_column, project_column,
										  workspace_column, null_scope);
		PERFORM set_config('client_min_messages', messages, true);
	END IF;

	FOR tab IN SELECT c.* FROM unnest(family) WITH ORDINALITY f (oid, n) JOIN pg_class c USING (oid) ORDER BY n LOOP
		SELECT obj_description(p.oid, 'pg_policy') INTO comment
		FROM pg_policy p WHERE p.polrelid = tab.oid AND p.polname = 'abac_select';
		IF comment IS NULL THEN
			added := added || tab.oid::regclass;
		END IF;
		enabled := CASE WHEN comment IS NULL THEN NOT tab.relrowsecurity ELSE comment ~ 'enabled row level security' END;
		forced := coalesce(comment ~ 'forced row level security', false);
		registered := coalesce(comment ~ 'registered the table', false) OR (tab.oid = relation AND NOT was_registered);

		EXECUTE format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY', tab.oid::regclass);
		IF force AND NOT tab.relforcerowsecurity THEN
			EXECUTE format('ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY', tab.oid::regclass);
			forced := true;
		ELSIF forced AND NOT force THEN
			EXECUTE format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY', tab.oid::regclass);
			forced := false;
		END IF;

		may_read := format(call, coalesce(actions ->> 'read', 'read'), tab.relname);
		may_create := format(call, coalesce(actions ->> 'create', 'create'), tab.relname);
		may_update := format(call, coalesce(actions ->> 'update', 'update'), tab.relname);
		may_delete := format(call, coalesce(actions ->> 'delete', 'delete'), tab.relname);
		FOR pol IN SELECT * FROM (VALUES
			('abac_select', 'SELECT', format('USING (%s)', may_read)),
			('abac_insert', 'INSERT', format('WITH CHECK (%s)', may_create)),
			-- PostgreSQL asks for SELECT only where a statement reads columns
			('abac_update', 'UPDATE', format('USING (%s AND %s) WITH CHECK (%s)', may_update, may_read, may_update)),
			('abac_delete', 'DELETE', format('USING (%s AND %s)', may_delete, may_read))) v (name, command, quals)
		LOOP
			IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = tab.oid AND p.polname = pol.name) THEN
				EXECUTE format('ALTER POLICY %I ON %s TO public %s', pol.name, tab.oid::regclass, pol.quals);
			ELSE
				EXECUTE format('CREATE POLICY %I ON %s FOR %s TO public %s', pol.name, tab.oid::regclass, pol.command, pol.quals);
				EXECUTE format('COMMENT ON POLICY %I ON %s IS %L', pol.name, tab.oid::regclass, mark);
			END IF;
		END LOOP;
		EXECUTE format('COMMENT ON POLICY abac_select ON %s IS %L', tab.oid::regclass,
					   concat_ws(', which also: ', mark, nullif(concat_ws('; ',
						   CASE WHEN enabled THEN 'enabled row level security' END,
						   CASE WHEN forced THEN 'forced row level security' END,
						   CASE WHEN registered THEN 'registered the table' END), '')));
	END LOOP;

	RAISE NOTICE 'protected %: %; tables with policies: %, of which new: %', relation,
			@extschema@.abac_registration(relation), cardinality(family), cardinality(added)
		USING DETAIL = concat_ws(' ',
			'New: ' || nullif(array_to_string(added, ', '), '') || '.',
			format('Actions: %s, %s, %s, %s.', coalesce(actions ->> 'read', 'read'), coalesce(actions ->> 'create', 'create'),
				   coalesce(actions ->> 'update', 'update'), coalesce(actions ->> 'delete', 'delete')),
			CASE WHEN force THEN 'The owner is bound too.' END);
	RAISE NOTICE 'row-level security has rules of its own'
		USING DETAIL = 'RETURNING, and the WHERE of UPDATE and DELETE, need the action read as well. '
				'INSERT ... ON CONFLICT DO UPDATE needs read and update of the row that is there. '
				'COPY FROM is refused, use INSERT. '
				'TRUNCATE and foreign keys'' checks do not ask. Superusers and roles with BYPASSRLS are never asked about.',
			  HINT = 'Call abac_protect again when the table gets a new partition or child.';
END
$$;
COMMENT ON FUNCTION abac_protect(regclass, text, name, name, name, name, text, jsonb, boolean) IS
	'registers the table, and gives it and all below it row-level security that asks abac_can. For its owner, who needs abac_register and abac_registration too';

CREATE FUNCTION abac_unprotect(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark CONSTANT text := 'made by abac_protect';
	root pg_class;
	tab pg_class;
	family regclass[];				-- the table and everything below it
	elsewhere regclass[];			-- of them, what is below another protected table
	pol record;
	comment text;
	unprotected regclass[] := '{}';
	disabled regclass[] := '{}';
	unregistered regclass[] := '{}';
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'relation must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT c.* INTO root FROM pg_class c WHERE c.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'relation with OID % does not exist', relation::oid
			USING ERRCODE = 'undefined_table';
	END IF;
	IF root.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION 'cannot unprotect %', relation
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'It is not a table.';
	END IF;
	IF NOT pg_has_role(current_user, root.relowner, 'USAGE') THEN
		RAISE EXCEPTION 'must be owner of table %', root.relname
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		-- the catalogs must be read as they are once the table is locked
		RAISE EXCEPTION 'abac_unprotect needs isolation level READ COMMITTED'
			USING ERRCODE = 'invalid_transaction_state',
				  DETAIL = 'An older snapshot could miss a partition that was added since.',
				  HINT = 'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
	END IF;

	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
	WITH RECURSIVE below (tab) AS (
		SELECT relation::oid
		UNION
		SELECT i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.tab
	)
	SELECT array_agg(b.tab ORDER BY b.tab <> relation, b.tab::regclass::text COLLATE "C") INTO family FROM below b;

	-- What is below another protected table needs its policies for that one.
	WITH RECURSIVE above (tab, ancestor) AS (
		SELECT i.inhrelid, i.inhparent FROM pg_inherits i WHERE i.inhrelid = ANY (family)
		UNION
		SELECT a.tab, i.inhparent FROM above a JOIN pg_inherits i ON i.inhrelid = a.ancestor
	)
	SELECT coalesce(array_agg(DISTINCT a.tab), '{}') INTO elsewhere
	FROM above a JOIN pg_policy p ON p.polrelid = a.ancestor
	WHERE a.ancestor <> ALL (family) AND p.polname = 'abac_select'
		  AND starts_with(obj_description(p.oid, 'pg_policy'), mark);
	IF relation = ANY (elsewhere) THEN
		RAISE EXCEPTION 'cannot unprotect %', relation
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = 'It is below a protected table, whose rows could be reached through it.',
				  HINT = 'Use abac_unprotect for that table.';
	END IF;

	FOR tab IN
		SELECT c.* FROM unnest(family) WITH ORDINALITY f (oid, n) JOIN pg_class c USING (oid)
		WHERE c.oid <> ALL (elsewhere) ORDER BY n
	LOOP
		comment := NULL;
		FOR pol IN
			SELECT p.polname, obj_description(p.oid, 'pg_policy') AS comment
			FROM pg_policy p
			WHERE p.polrelid = tab.oid AND p.polname IN ('abac_select', 'abac_insert', 'abac_update', 'abac_delete')
			ORDER BY p.polname
		LOOP
			IF NOT coalesce(starts_with(pol.comment, mark), false) THEN
				RAISE EXCEPTION 'policy % of table % was not made by abac_protect', pol.polname, tab.oid::regclass
					USING ERRCODE = 'object_not_in_prerequisite_state',
						  DETAIL = 'Its comment does not say so.',
						  HINT = format('Rename or drop it. If abac_protect did make it and the comment is lost: COMMENT ON POLICY ... IS %L.', mark);
			END IF;
			EXECUTE format('DROP POLICY %I ON %s', pol.polname, tab.oid::regclass);
			IF pol.polname = 'abac_select' THEN
				comment := pol.comment;
			END IF;
			IF tab.oid <> ALL (unprotected) THEN
				unprotected := unprotected || tab.oid::regclass;
			END IF;
		END LOOP;

		-- without a comment nobody knows, and it stays closed
		IF comment ~ 'enabled row level security' THEN
			EXECUTE format('ALTER TABLE ONLY %s DISABLE ROW LEVEL SECURITY', tab.oid::regclass);
			disabled := disabled || tab.oid::regclass;
		END IF;
		IF comment ~ 'forced row level security' THEN
			EXECUTE format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY', tab.oid::regclass);
		END IF;
		IF comment ~ 'registered the table' AND @extschema@.abac_unregister(tab.oid::regclass) THEN
			unregistered := unregistered || tab.oid::regclass;
		END IF;
	END LOOP;

	IF unprotected = '{}' THEN
		RAISE NOTICE '% is not protected', relation;
	ELSE
		RAISE NOTICE 'unprotected %; tables without the policies now: %', relation, cardinality(unprotected)
			USING DETAIL = concat_ws(' ',
				'Dropped policies of: ' || array_to_string(unprotected, ', ') || '.',
				'Disabled row-level security of: ' || nullif(array_to_string(disabled, ', '), '') || '.',
				'Unregistered: ' || nullif(array_to_string(unregistered, ', '), '') || '.',
				'Still protected, being below another table: ' || nullif(array_to_string(elsewhere, ', '), '') || '.');
	END IF;
END
$$;
COMMENT ON FUNCTION abac_unprotect(regclass) IS
	'takes back what abac_protect did to the table and all below it, and nothing else. For its owner, who needs abac_unregister too';

--
-- Beside an existing schema: tables of an application that stay the truth
--

-- A source's rows become rows here by one generated function that triggers on
-- the source call; it runs as the extension's owner.  So nothing of the source's
-- owner may run in it, whatever they do to the table later: it reads columns of
-- the server's own types only, converts them by the server's own functions only,
-- and looks at the types each time (abac_require_binding).  And the source itself
-- is never read by a query of the extension's owner, since the planner evaluates
-- what indexes and constraints say, but by abac_rows and abac_row_by_key.

CREATE FUNCTION abac_binding_columns(kind text)
	RETURNS TABLE (name text, type text, required boolean, fallback text, instead text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.name, v.type, v.required, v.fallback, v.instead
	FROM (VALUES
		('user_roles', 'user_id', 'text', true, NULL, NULL),
		('user_roles', 'role_id', 'uuid', true, NULL, 'role_name'),
		('user_roles', 'context_type', 'text', false, 'global', NULL),
		('user_roles', 'context_id', 'text', false, NULL, NULL),
		('user_roles', 'starts_at', 'timestamptz', false, NULL, NULL),
		('user_roles', 'expires_at', 'timestamptz', false, NULL, NULL),
		('user_roles', 'assigned_by', 'text', false, NULL, NULL),
		('memberships', 'scope_type', 'text', true, NULL, NULL),
		('memberships', 'scope_id', 'text', true, NULL, NULL),
		('memberships', 'user_id', 'text', true, NULL, NULL),
		('memberships', 'starts_at', 'timestamptz', false, NULL, NULL),
		('memberships', 'expires_at', 'timestamptz', false, NULL, NULL),
		('scopes', 'scope_type', 'text', true, NULL, NULL),
		('scopes', 'scope_id', 'text', true, NULL, NULL),
		('scopes', 'parent_type', 'text', false, NULL, NULL),
		('scopes', 'parent_id', 'text', false, NULL, NULL),
		('user_attributes', 'user_id', 'text', true, NULL, NULL),
		('user_attributes', 'organization_id', 'text', false, NULL, NULL),
		('user_attributes', 'attributes', 'jsonb', true, NULL, NULL),
		('user_permissions', 'user_id', 'text', true, NULL, NULL),
		('user_permissions', 'permission_id', 'uuid', true, NULL, 'permission'),
		('user_permissions', 'granted', 'bool', true, NULL, NULL),
		('user_permissions', 'context_type', 'text', false, 'global', NULL),
		('user_permissions', 'context_id', 'text', false, NULL, NULL),
		('user_permissions', 'starts_at', 'timestamptz', false, NULL, NULL),
		('user_permissions', 'expires_at', 'timestamptz', false, NULL, NULL),
		('user_permissions', 'granted_by', 'text', false, NULL, NULL))
		v (kind, name, type, required, fallback, instead)
	WHERE v.kind = $1
$$;
COMMENT ON FUNCTION abac_binding_columns(text) IS
	'internal: the columns that a binding of this kind fills, and what may be given instead of one';

CREATE FUNCTION abac_refuse_row(tab text, columns text[], check_name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF check_name IS NULL THEN
		RAISE EXCEPTION 'null value in column "%" of relation "%" violates not-null constraint', columns[1], tab
			USING ERRCODE = 'not_null_violation', TABLE = tab, COLUMN = columns[1];
	END IF;
	RAISE EXCEPTION 'new row for relation "%" violates check constraint "%"', tab, check_name
		USING ERRCODE = 'check_violation', TABLE = tab, CONSTRAINT = check_name,
			  DETAIL = format('It is about %s.', array_to_string(columns, ', '));
END
$$;
COMMENT ON FUNCTION abac_refuse_row(text, text[], text) IS
	'internal: the error of a constraint (of NOT NULL, if it has no name), without the row''s values';

CREATE FUNCTION abac_binding_checks(kind text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	-- The server would show the row to whoever wrote its source, who may not
	-- read all of that: the insert is a superuser's.
	SELECT string_agg(format('WHEN %s THEN @extschema@.abac_refuse_row(%L, %L, %L)', c.broken, 'abac_' || kind, c.columns, c.name),
					  ' ' ORDER BY c.name IS NOT NULL, c.columns, c.name)
	FROM (
		SELECT format('n.%I IS NULL', a.attname), ARRAY[a.attname], NULL::name
		FROM pg_attribute a JOIN @extschema@.abac_binding_columns(kind) b ON b.name = a.attname
		WHERE a.attrelid = format('@extschema@.%I', 'abac_' || kind)::regclass AND a.attnotnull
		UNION ALL
		SELECT format('NOT %s', pg_get_expr(k.conbin, k.conrelid)),
			   ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) ORDER BY a.attnum),
			   k.conname
		FROM pg_constraint k
		WHERE k.conrelid = format('@extschema@.%I', 'abac_' || kind)::regclass AND k.contype = 'c') c (broken, columns, name)
$$;
COMMENT ON FUNCTION abac_binding_checks(text) IS
	'internal: what abac_<kind> refuses of a row n, as branches of a CASE that raise the error';

CREATE FUNCTION abac_binding_labels(source regclass, columns text[], column_types text[]) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(c.name, (
		WITH RECURSIVE base (type) AS (
			SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = source AND a.attname = c.name
			UNION ALL
			SELECT t.typbasetype FROM base JOIN pg_type t ON t.oid = base.type WHERE t.typtype = 'd')
		SELECT jsonb_agg(e.enumlabel ORDER BY e.enumlabel COLLATE "C") FROM base JOIN pg_enum e ON e.enumtypid = base.type)), '{}')
	FROM unnest(columns, column_types) c (name, type) WHERE c.type = 'enum'
$$;
COMMENT ON FUNCTION abac_binding_labels(regclass, text[], text[]) IS
	'internal: the labels that the enums among the columns have';

CREATE FUNCTION abac_binding_types(source regclass, columns text[]) RETURNS text[]
	AS 'MODULE_PATHNAME', 'abac_binding_types'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_binding_types(regclass, text[]) IS
	'internal: the types of the columns: one of the server''s own, enum, or other; a domain''s is its base. NULL for one that triggers don''t see';

CREATE FUNCTION abac_binding_value(wanted text, name text, type text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	-- Casts of an enum may be its owner's; its output function can't.  As a key it
	-- doesn't do: its labels change.  The collation may be one in which different
	-- strings are equal.
	SELECT CASE
		WHEN wanted IN ('text', 'name', 'attribute') AND type = 'enum' THEN
			format(CASE wanted WHEN 'attribute' THEN 'pg_catalog.to_jsonb(%s)' ELSE '%s' END,
				   format('(CASE WHEN s.%1$I IS NOT NULL THEN pg_catalog.format(''%%s''::pg_catalog.text, s.%1$I) END COLLATE pg_catalog."C")', name))
		WHEN wanted IN ('text', 'name', 'key', 'attribute') AND type IN ('text', 'varchar', 'bpchar')
			OR wanted IN ('text', 'key', 'attribute') AND type = 'uuid'
			OR wanted IN ('text', 'key') AND type IN ('int2', 'int4', 'int8')
			OR wanted = 'key' AND type IN ('numeric', 'bool', 'date', 'timestamp', 'timestamptz')
		THEN
			format(CASE wanted WHEN 'attribute' THEN 'pg_catalog.to_jsonb(%s)' ELSE '%s' END,
				   format('(s.%I::pg_catalog.%I::pg_catalog.text COLLATE pg_catalog."C")', name, type))
		WHEN wanted = 'attribute' AND type IN ('_bpchar', '_varchar') THEN
			format('pg_catalog.to_jsonb(s.%I::pg_catalog.%I::pg_catalog._text)', name, type)
		WHEN wanted = 'attribute' AND type IN (
			'int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'date', 'timestamp', 'timestamptz', 'inet', 'cidr', 'jsonb',
			'_text', '_uuid', '_int2', '_int4', '_int8', '_numeric', '_float4', '_float8', '_bool', '_date', '_timestamp',
			'_timestamptz', '_inet', '_cidr')
		THEN
			format('pg_catalog.to_jsonb(s.%I::pg_catalog.%I)', name, type)
		WHEN wanted = 'uuid' AND type IN ('text', 'varchar', 'bpchar') THEN
			format('s.%I::pg_catalog.%I::pg_catalog.text::pg_catalog.uuid', name, type)
		WHEN wanted = type AND type IN ('uuid', 'timestamptz', 'bool', 'jsonb') THEN
			format('s.%I::pg_catalog.%I', name, type)
		END
$$;
COMMENT ON FUNCTION abac_binding_value(text, text, text) IS
	'internal: the expression that makes of a column of s what is wanted; NULL when its type doesn''t fit';

CREATE FUNCTION abac_binding_constant(wanted text, value jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN wanted = 'attribute' THEN format('%L::pg_catalog.jsonb', value::text)
		WHEN jsonb_typeof(value) = 'null' AND wanted NOT IN ('jsonb', 'name')
			OR wanted IN ('text', 'name') AND jsonb_typeof(value) IN ('string', 'number')
			OR wanted IN ('uuid', 'timestamptz') AND jsonb_typeof(value) = 'string'
			OR wanted = 'bool' AND jsonb_typeof(value) = 'boolean'
		THEN
			-- a text column here has this collation, and so has what it is compared with
			format(CASE WHEN wanted IN ('text', 'name') THEN '(%L::pg_catalog.text COLLATE pg_catalog."C")' ELSE '%L::pg_catalog.%I' END,
				   value #>> '{}', wanted)
		END
$$;
COMMENT ON FUNCTION abac_binding_constant(text, jsonb) IS
	'internal: the literal that makes of a JSON value what is wanted; NULL when it doesn''t fit';

CREATE FUNCTION abac_plan_binding(kind text, source regclass, INOUT mapping jsonb, OUT key_columns text[], OUT columns text[],
								  OUT column_types text[])
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	-- what a constant means must not depend on the session
	SET timezone = 'UTC' SET datestyle = 'ISO'
AS $$
DECLARE
	tab name;
	types jsonb;					-- of all columns
	entry record;
	names text;
	used text[] := '{}';
	expression text;
BEGIN
	SELECT c.relname INTO tab FROM pg_class c WHERE c.oid = source;
	columns := ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped);
	types := jsonb_strip_nulls(jsonb_object(columns, @extschema@.abac_binding_types(source, columns)));

	IF mapping IS NULL THEN
		SELECT coalesce(jsonb_object_agg(n, n), '{}') INTO mapping
		FROM @extschema@.abac_binding_columns(kind) c,
			LATERAL (SELECT CASE WHEN types ? c.name THEN c.name WHEN types ? c.instead THEN c.instead END) m (n)
		WHERE n IS NOT NULL;
	END IF;
	IF jsonb_typeof(mapping) <> 'object' THEN
		RAISE EXCEPTION 'invalid mapping %', mapping
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It is an object: for each column of abac_%s the name of a column of table "%s", or {"value": ...}.', kind, tab);
	END IF;

	SELECT string_agg(quote_ident(k), ', ' ORDER BY k COLLATE "C") INTO names
	FROM jsonb_object_keys(mapping) k
	WHERE k NOT IN (SELECT unnest(ARRAY[c.name, c.instead]) FROM @extschema@.abac_binding_columns(kind) c
					WHERE c.instead IS NOT NULL UNION ALL
					SELECT c.name FROM @extschema@.abac_binding_columns(kind) c);
	IF names IS NOT NULL THEN
		RAISE EXCEPTION 'mapping has keys that it cannot have: %', names
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It can have: %s.', (
					  SELECT string_agg(concat_ws(' or ', c.name, c.instead), ', ') FROM @extschema@.abac_binding_columns(kind) c));
	END IF;
	SELECT string_agg(format('%s and %s', c.name, c.instead), ', ') INTO names
	FROM @extschema@.abac_binding_columns(kind) c WHERE mapping ? c.name AND mapping ? c.instead;
	IF names IS NOT NULL THEN
		RAISE EXCEPTION 'mapping has both %', names
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Leave one of them out.';
	END IF;
	SELECT string_agg(concat_ws(' or ', c.name, c.instead), ', ') INTO names
	FROM @extschema@.abac_binding_columns(kind) c
	WHERE c.required AND NOT mapping ? c.name AND NOT coalesce(mapping ? c.instead, false);
	IF names IS NOT NULL THEN
		RAISE EXCEPTION 'mapping lacks %', names
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('abac_%s needs %s. Columns of table "%s": %s.', kind, (
					  SELECT string_agg(concat_ws(' or ', c.name, c.instead), ', ') FROM @extschema@.abac_binding_columns(kind) c
					  WHERE c.required), tab, (
					  SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
					  WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped)),
				  HINT = 'Give the column it is taken from, or {"value": ...} if it is the same for all rows.';
	END IF;

	FOR entry IN
		SELECT m.key AS target, CASE WHEN m.key = c.instead THEN 'name' ELSE c.type END AS wanted, m.value, c.instead
		FROM jsonb_each(mapping) m JOIN @extschema@.abac_binding_columns(kind) c ON m.key IN (c.name, c.instead)
		WHERE m.key <> 'attributes' OR jsonb_typeof(m.value) <> 'object'
		UNION ALL
		SELECT 'attributes.' || a.key, 'attribute', a.value, NULL
		FROM jsonb_each(CASE jsonb_typeof(mapping -> 'attributes') WHEN 'object' THEN mapping -> 'attributes' ELSE '{}' END) a
		ORDER BY 1
	LOOP
		IF jsonb_typeof(entry.value) = 'object' AND entry.value ? 'value' AND entry.value - 'value' = '{}' THEN
			expression := @extschema@.abac_binding_constant(entry.wanted, entry.value -> 'value');
			IF expression IS NULL THEN
				RAISE EXCEPTION 'invalid value % of "%" in mapping', entry.value -> 'value', entry.target
					USING ERRCODE = 'invalid_parameter_value',
						  DETAIL = format('abac_%s.%s is %s.', kind, entry.target, format_type(entry.wanted::regtype, NULL));
			END IF;
			EXECUTE 'SELECT ' || expression;
			CONTINUE;
		ELSIF jsonb_typeof(entry.value) <> 'string' THEN
			RAISE EXCEPTION 'invalid % of "%" in mapping', entry.value, entry.target
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = 'It is the name of a column, or {"value": ...} with what is the same for all rows.';
		END IF;

		names := entry.value #>> '{}';
		IF NOT EXISTS (SELECT FROM pg_attribute a
					   WHERE a.attrelid = source AND a.attname = names AND a.attnum > 0 AND NOT a.attisdropped) THEN
			RAISE EXCEPTION 'column "%" of table "%" does not exist', names, tab
				USING ERRCODE = 'undefined_column',
					  DETAIL = format('Its columns: %s.', (
						  SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
						  WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped));
		END IF;
		IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = source AND a.attname = names AND a.attgenerated <> '') THEN
			RAISE EXCEPTION 'column "%" of table "%" is a generated column', names, tab
				USING ERRCODE = 'feature_not_supported',
					  DETAIL = 'ALTER TABLE can change its expression, and with it all rows, without firing a trigger.',
					  HINT = 'Map the columns it is generated from.';
		END IF;
		IF @extschema@.abac_binding_value(entry.wanted, names, types ->> names) IS NULL THEN
			RAISE EXCEPTION 'column "%" of table "%" does not fit %', names, tab, entry.target
				USING ERRCODE = 'datatype_mismatch',
					  DETAIL = format('It is %s, and it has to be %s.', (
						  SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = source AND a.attname = names),
						  CASE entry.wanted
							  WHEN 'text' THEN 'uuid, smallint, integer, bigint, text, character varying, character or an enum'
							  WHEN 'name' THEN 'text, character varying, character or an enum'
							  WHEN 'uuid' THEN 'uuid, or text that holds one'
							  WHEN 'attribute' THEN 'a number, boolean, text, uuid, an enum, a date, timestamp or address, an array of these (not of enums), or jsonb'
							  ELSE format_type(entry.wanted::regtype, NULL) END),
					  HINT = CASE
						  WHEN entry.wanted = 'timestamptz' AND types ->> names IN ('timestamp', 'date') THEN
							  'It does not say which moment is meant. ALTER TABLE ... ALTER COLUMN ... TYPE timestamptz USING ... AT TIME ZONE ... does.'
						  WHEN entry.wanted = 'uuid' AND entry.instead IS NOT NULL THEN
							  format('Map %s to a column that has its name, or let the application''s ids be uuids.', entry.instead)
						  WHEN entry.target = 'attributes' THEN
							  'To make attributes of several columns: {"attributes": {"department": "column", ...}}.'
						  ELSE '' END;
		END IF;
		used := used || names;
	END LOOP;

	-- The primary key, else the shortest of the other keys.
	SELECT k.columns INTO key_columns
	FROM pg_index i, LATERAL (
		SELECT array_agg(a.attname::text ORDER BY u.n), bool_and(a.attnotnull AND a.attgenerated = ''
			-- since 18 there are ones that don't hold yet
			AND NOT EXISTS (SELECT FROM pg_constraint v
							WHERE v.conrelid = source AND v.contype = 'n' AND NOT v.convalidated AND a.attnum = ANY (v.conkey))
			AND @extschema@.abac_binding_value('key'::text, a.attname::text, types ->> a.attname) IS NOT NULL)
		FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (attnum, n) JOIN pg_attribute a ON a.attrelid = source AND a.attnum = u.attnum
		WHERE u.n <= i.indnkeyatts) k (columns, fits)
	WHERE i.indrelid = source AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
		  AND k.fits
	ORDER BY NOT i.indisprimary, i.indnkeyatts, k.columns
	LIMIT 1;
	IF key_columns IS NULL THEN
		SELECT string_agg(format('%I (%s)', c.relname, concat_ws(', ',
				CASE WHEN NOT i.indimmediate THEN 'deferrable' END,
				CASE WHEN NOT i.indisvalid THEN 'invalid' END,
				CASE WHEN i.indpred IS NOT NULL THEN 'partial' END,
				CASE WHEN i.indexprs IS NOT NULL THEN 'on an expression' END,
				(SELECT string_agg(quote_ident(a.attname) || CASE WHEN NOT a.attnotnull THEN ' may be NULL'
								   WHEN a.attgenerated <> '' THEN ' is generated'
								   ELSE ' is ' || format_type(a.atttypid, a.atttypmod) END, ', ' ORDER BY a.attnum)
				 FROM pg_attribute a
				 WHERE a.attrelid = source AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
					   AND (NOT a.attnotnull OR a.attgenerated <> '' OR @extschema@.abac_binding_value('key'::text, a.attname::text, types ->> a.attname) IS NULL)))),
			', ' ORDER BY c.relname) INTO names
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = source AND i.indisunique;
		RAISE EXCEPTION 'table "%" has no key', tab
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = 'A row is known again by its primary key, or by a unique index on columns that are NOT NULL, of types uuid, text, numbers (not floats), '
					  'boolean, date or timestamp.' || coalesce(' These do not do: ' || names || '.', ''),
				  HINT = 'ALTER TABLE ... ADD PRIMARY KEY (...).';
	END IF;
	columns := ARRAY(SELECT DISTINCT u.name COLLATE "C" FROM unnest(used || key_columns) u (name) ORDER BY 1);
	column_types := @extschema@.abac_binding_types(source, columns);
END
$$;
COMMENT ON FUNCTION abac_plan_binding(text, regclass, jsonb) IS
	'internal: whether the table can be bound so, the mapping in full, the key, and the types of the columns that are read';

CREATE FUNCTION abac_bound_role(name text, context_type text, context_id text, must_exist boolean) RETURNS uuid
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	role uuid;
BEGIN
	SELECT r.id INTO role
	FROM @extschema@.abac_roles r
	WHERE r.name = abac_bound_role.name AND r.scope = context_type
		  AND (r.organization_id IS NULL OR context_type = 'organization' AND r.organization_id = context_id)
	-- the organization's own first
	ORDER BY r.organization_id IS NULL
	LIMIT 1;
	IF role IS NULL AND must_exist THEN
		RAISE EXCEPTION 'role "%" of scope "%" does not exist', name, context_type
			USING ERRCODE = 'foreign_key_violation',
				  DETAIL = CASE context_type
					  WHEN 'organization' THEN format('Neither organization "%s" has it, nor is it platform-wide.', context_id)
					  ELSE 'There is no platform-wide one.' END,
				  HINT = 'Roles are known by name, and by the type of the context they are held in: insert it into abac_roles.';
	END IF;
	RETURN role;
END
$$;
COMMENT ON FUNCTION abac_bound_role(text, text, text, boolean) IS
	'internal: the role of that name that can be held in the context: the organization''s own, else the platform-wide one';

CREATE FUNCTION abac_bound_permission(name text, must_exist boolean) RETURNS uuid
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	permission uuid;
BEGIN
	SELECT p.id INTO permission FROM @extschema@.abac_permissions p
	-- the type has no colon; by the two there is an index
	WHERE p.resource_type = split_part(abac_bound_permission.name, ':', 1)
		  AND p.action = substr(abac_bound_permission.name, strpos(abac_bound_permission.name, ':') + 1)
		  AND p.name = abac_bound_permission.name;
	IF permission IS NULL AND must_exist THEN
		RAISE EXCEPTION 'permission "%" does not exist', name
			USING ERRCODE = 'foreign_key_violation',
				  HINT = 'A permission is written type:action: insert it into abac_permissions.';
	END IF;
	RETURN permission;
END
$$;
COMMENT ON FUNCTION abac_bound_permission(text, boolean) IS
	'internal: the permission of that name, type:action';

CREATE FUNCTION abac_binding_query(binding uuid, must_exist boolean, OUT key text, OUT id text, OUT columns text[], OUT fields text,
								   OUT rows text, OUT all_rows text, OUT row_by_key text, OUT old_keys text, OUT new_keys text, OUT changed_keys text)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bound @extschema@.abac_bindings;
	types jsonb;
	col record;
	given jsonb;
	expression text;
	expressions jsonb := '{}';
	definitions text;				-- of the columns that are read
	key_values text;				-- of s
	version text;					-- of s: all that is read of it, as a string
BEGIN
	SELECT b.* INTO bound FROM @extschema@.abac_bindings b WHERE b.id = binding;
	types := jsonb_object(bound.columns, bound.column_types);
	SELECT format('pg_catalog.jsonb_build_object(%s)::pg_catalog.text', string_agg(
			   format('%L, %s', k, @extschema@.abac_binding_value('key'::text, k, types ->> k)), ', ' ORDER BY n))
	INTO key FROM unnest(bound.key_columns) WITH ORDINALITY u (k, n);
	-- not md5(), which servers in FIPS mode don't have
	id := format('pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(%L || %s, ''UTF8'')), 1, 16), ''hex'')::pg_catalog.uuid',
				 binding::text, key);

	FOR col IN
		SELECT c.* FROM @extschema@.abac_binding_columns(bound.kind) c
		UNION ALL
		SELECT c.instead, 'name', false, NULL, NULL FROM @extschema@.abac_binding_columns(bound.kind) c
		WHERE bound.mapping ? c.instead
	LOOP
		given := bound.mapping -> col.name;
		expressions := expressions || jsonb_build_object(col.name, CASE
			WHEN given IS NULL THEN @extschema@.abac_binding_constant(col.type, coalesce(to_jsonb(col.fallback), 'null'))
			WHEN jsonb_typeof(given) = 'string' THEN
				@extschema@.abac_binding_value(col.type, given #>> '{}', types ->> (given #>> '{}'))
			WHEN col.name <> 'attributes' THEN @extschema@.abac_binding_constant(col.type, given -> 'value')
			-- an attribute that is SQL NULL is there, as JSON null: so nobody else gives it
			ELSE (SELECT concat_ws(' || ', '''{}''::pg_catalog.jsonb', string_agg(
						format('pg_catalog.jsonb_build_object(%L, %s)', a.key, CASE jsonb_typeof(a.value)
							WHEN 'string' THEN
								@extschema@.abac_binding_value('attribute'::text, a.value #>> '{}', types ->> (a.value #>> '{}'))
							ELSE @extschema@.abac_binding_constant('attribute'::text, a.value -> 'value') END), ' || ' ORDER BY a.key))
				  FROM jsonb_each(given) a) END);
	END LOOP;
	IF bound.mapping ? 'role_name' THEN
		expressions := expressions || jsonb_build_object('role_id',
			format('@extschema@.abac_bound_role(%s, %s, %s, %L::pg_catalog.bool)', expressions ->> 'role_name',
				   expressions ->> 'context_type', expressions ->> 'context_id', must_exist));
	ELSIF bound.mapping ? 'permission' THEN
		expressions := expressions || jsonb_build_object('permission_id',
			format('@extschema@.abac_bound_permission(%s, %L::pg_catalog.bool)', expressions ->> 'permission', must_exist));
	END IF;

	SELECT array_agg(c.name ORDER BY c.name),
		   string_agg(format('%s AS %I', expressions ->> c.name, c.name), ', ' ORDER BY c.name)
	INTO columns, fields FROM @extschema@.abac_binding_columns(bound.kind) c;
	SELECT string_agg(format('%I pg_catalog.%I', t.key, CASE t.value WHEN 'enum' THEN 'text' ELSE t.value END), ', ' ORDER BY n),
		   format('pg_catalog.format(%L::pg_catalog.text, %s)', string_agg('%L', ' '),
				  string_agg(format(CASE t.value WHEN 'enum' THEN 's.%I' ELSE 's.%I::pg_catalog.%I' END, t.key, t.value), ', ' ORDER BY n))
	INTO definitions, version FROM unnest(bound.columns, bound.column_types) WITH ORDINALITY t (key, value, n);
	rows := format('@extschema@.abac_rows(%s::pg_catalog.oid::pg_catalog.regclass, %L::pg_catalog._text, $1::pg_catalog.int8, $2::pg_catalog.int8) AS s (%s)',
				   bound.source::oid, bound.columns, definitions);
	-- in the triggers' function, which a dump takes to where the table has another OID
	all_rows := format('@extschema@.abac_rows(TG_RELID::pg_catalog.regclass, %L::pg_catalog._text, 0, 4294967295) AS s (%s)',
					   bound.columns, definitions);

	SELECT string_agg(format('s.%I::pg_catalog.%I AS k%s', k, types ->> k, n), ', ' ORDER BY n),
		   format('@extschema@.abac_row_by_key(TG_RELID::pg_catalog.regclass, %L::pg_catalog._text, %L::pg_catalog._text, %s) AS s (%s)',
				  bound.columns, bound.key_columns, string_agg(format('k.k%s', n), ', ' ORDER BY n), definitions)
	INTO key_values, row_by_key FROM unnest(bound.key_columns) WITH ORDINALITY u (k, n);
	-- not by DISTINCT on the key alone: values may be equal that make different ids
	old_keys := format('SELECT DISTINCT %s AS id, %s FROM old_rows AS s', id, key_values);
	new_keys := format('SELECT DISTINCT %s AS id, %s FROM new_rows AS s', id, key_values);
	-- What an update made of the n-th old row is the n-th new row.  Comparing them
	-- as sets would miss a row that one statement changes there and back, with
	-- another one's triggers in between.
	SELECT format('SELECT DISTINCT %s AS id, %s FROM ('
			'SELECT %s FROM ('
				'SELECT row_number() OVER () AS n, %s AS v, %s FROM old_rows AS s '
				'UNION ALL SELECT row_number() OVER (), %s, %s FROM new_rows AS s) AS p '
			'GROUP BY p.n HAVING min(p.v COLLATE "C") <> max(p.v COLLATE "C")) AS g, LATERAL unnest(%s) AS s (%s)',
			id, key_values, string_agg(format('array_agg(p.k%1$s) AS k%1$s', n), ', ' ORDER BY n),
			version, key_values, version, key_values, string_agg(format('g.k%s', n), ', ' ORDER BY n),
			string_agg(quote_ident(k), ', ' ORDER BY n))
	INTO changed_keys FROM unnest(bound.key_columns) WITH ORDINALITY u (k, n);
END
$$;
COMMENT ON FUNCTION abac_binding_query(uuid, boolean) IS
	'internal: the parts of the queries of a binding, over rows s of its source: the key and the id as expressions, the columns and the expressions for them, what to read the source by, and the keys of a transition table, or of what an update changed';

CREATE FUNCTION abac_rows(source regclass, columns text[], first_block bigint, blocks bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'abac_rows'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_rows(regclass, text[], bigint, bigint) IS
	'internal: those columns of the table''s rows in a range of its blocks, with domains as their bases and enums as text; read without planning a query on the table';

CREATE FUNCTION abac_row_by_key(source regclass, columns text[], key_columns text[], VARIADIC key "any") RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'abac_row_by_key'
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;
COMMENT ON FUNCTION abac_row_by_key(regclass, text[], text[], "any") IS
	'internal: those columns of the row that has this key now, which this transaction has written; as abac_rows reads them';

CREATE FUNCTION abac_require_binding(binding uuid, source regclass) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bound @extschema@.abac_bindings;
BEGIN
	SELECT b.* INTO bound
	FROM @extschema@.abac_bindings b WHERE b.id = binding AND b.source = abac_require_binding.source;
	IF NOT FOUND THEN
		-- An older transaction sees no row that the binding copied, and could not delete one.
		IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
			RAISE EXCEPTION 'table % was bound by abac_bind after this transaction began', source
				USING ERRCODE = 'serialization_failure',
					  HINT = 'Try the transaction again.';
		END IF;
		RAISE EXCEPTION 'the binding of table % is not in abac_bindings', source
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = 'Put its row back, or drop the function of the triggers abac_bind_... with CASCADE and bind the table again.';
	END IF;
	IF @extschema@.abac_binding_types(source, bound.columns) IS DISTINCT FROM bound.column_types THEN
		RAISE EXCEPTION 'columns of table % are not what they were when it was bound by abac_bind', source
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = format('They were: %s.', (SELECT string_agg(concat_ws(' ', quote_ident(c.name), c.type), ', ')
												   FROM unnest(bound.columns, bound.column_types) c (name, type))),
				  HINT = format('Use abac_unbind(%L, %L), and abac_bind again.', bound.kind, source::text);
	END IF;
	IF EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = source) THEN
		RAISE EXCEPTION 'table % is bound by abac_bind and has child tables now', source
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = 'What is written to a child is not seen by the triggers of its parent.',
				  HINT = 'Use ALTER TABLE ... NO INHERIT.';
	END IF;
END
$$;
COMMENT ON FUNCTION abac_require_binding(uuid, regclass) IS
	'internal: an error when the source is not as it was when it was bound';

CREATE FUNCTION abac_write_binding(kind text, source regclass, mapping jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO' SET extra_float_digits = 1
AS $$
DECLARE
	blocks CONSTANT bigint := 500;	-- that are copied at a time: about 100,000 short rows
	report CONSTANT bigint := 100000;
	tab pg_class;
	planned record;
	query record;
	bound @extschema@.abac_bindings;
	function text;
	target text;
	mark text;
	names text;
	insertion text;
	checks text;
	copy text;
	copy_all text;
	differs text;
	before text;
	after text;
	ours record;
	rows bigint;
	copied bigint := 0;
	detail text;
BEGIN
	IF NOT EXISTS (SELECT FROM @extschema@.abac_binding_columns(kind)) THEN
		RAISE EXCEPTION 'invalid kind %', coalesce(quote_ident(kind), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'It is one of user_roles, memberships, scopes, user_attributes, user_permissions.';
	END IF;
	SELECT c.* INTO tab FROM pg_class c WHERE c.oid = source;
	detail := CASE
		WHEN tab.relkind = 'p' THEN 'It is partitioned: what is written to a partition is not seen by the triggers of its parent.'
		WHEN tab.relkind = 'v' THEN 'It is a view. Bind the table that it reads.'
		WHEN tab.relkind = 'm' THEN 'It is a materialized view, which has no triggers.'
		WHEN tab.relkind = 'f' THEN 'It is a foreign table, which changes without firing triggers here.'
		WHEN tab.relkind <> 'r' THEN 'It is not a table.'
		WHEN tab.relpersistence = 't' THEN 'It is temporary, and others see what is bound.'
		WHEN tab.relpersistence = 'u' THEN 'It is unlogged: after a crash it is empty, and no trigger says so.'
		WHEN tab.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) THEN 'It is a table of the system.'
		WHEN EXISTS (
			SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
			WHERE d.classid = 'pg_class'::regclass AND d.objid = source AND d.deptype = 'e'
				AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'abac') THEN 'It is a table of the extension.'
		END;
	IF detail IS NOT NULL THEN
		RAISE EXCEPTION 'cannot bind %', source
			USING ERRCODE = 'wrong_object_type', DETAIL = detail;
	END IF;
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		-- what is copied must be what is committed once the table is locked
		RAISE EXCEPTION 'abac_bind needs isolation level READ COMMITTED'
			USING ERRCODE = 'invalid_transaction_state',
				  DETAIL = 'An older snapshot could miss rows that were added since.',
				  HINT = 'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
	END IF;

	EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', source);
	IF EXISTS (SELECT FROM pg_inherits i WHERE source IN (i.inhparent, i.inhrelid)) THEN
		RAISE EXCEPTION 'cannot bind %', source
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'It is a partition, or has parents or children: what is written to a child is not seen by the triggers of its parent, nor the other way round.';
	END IF;
	IF EXISTS (SELECT FROM @extschema@.abac_bindings b WHERE b.kind = abac_write_binding.kind AND b.source = abac_write_binding.source) THEN
		RAISE EXCEPTION '% is already bound as %', source, kind
			USING ERRCODE = 'duplicate_object',
				  HINT = format('To bind it in another way, use abac_unbind(%L, %L) first.', kind, source::text);
	END IF;
	planned := @extschema@.abac_plan_binding(kind, source, mapping);
	INSERT INTO @extschema@.abac_bindings (kind, source, mapping, key_columns, columns, column_types, labels)
	VALUES (kind, source, planned.mapping, planned.key_columns, planned.columns, planned.column_types,
			@extschema@.abac_binding_labels(source, planned.columns, planned.column_types))
	RETURNING * INTO bound;

	query := @extschema@.abac_binding_query(bound.id, true);
	function := format('@extschema@.%I', 'abac_bound_' || replace(bound.id::text, '-', ''));
	target := format('@extschema@.%I', 'abac_' || kind);
	mark := quote_literal('abac_bind:' || bound.id);
	SELECT string_agg(format('n.%I', c), ', ') INTO names FROM unnest(query.columns) c;
	insertion := format('INSERT INTO %s (id, %s, created_by) SELECT n.id, %s, %s',
						target, array_to_string(query.columns, ', '), names, mark);
	checks := format('CASE WHEN n.id IS NULL THEN false %s ELSE true END', @extschema@.abac_binding_checks(kind));
	-- OFFSET: what is looked up is looked up once
	copy := format('%s FROM (SELECT %s AS id, %s FROM %s OFFSET 0) AS n WHERE %s', insertion, query.id, query.fields, query.rows, checks);
	copy_all := format('%s FROM (SELECT %s AS id, %s FROM %s OFFSET 0) AS n WHERE %s', insertion, query.id, query.fields, query.all_rows, checks);
	-- attributes as text: 1.0 and 1.00 are equal, but not as strings
	SELECT format('(%s) IS DISTINCT FROM (%s)', string_agg(format(c.form, 't', c.name), ', '), string_agg(format(c.form, 'n', c.name), ', '))
	INTO differs
	FROM (SELECT u.name, CASE u.name WHEN 'attributes' THEN '%s.%s::text' ELSE '%s.%s' END FROM unnest(query.columns) u (name)) c (name, form);

	-- Transition tables tell which rows may have changed, and no more: triggers of
	-- statements that are begun later run earlier, and cascades share a table in
	-- which one row is there several times.  So a statement's rows become what the
	-- source holds now, which is what the last trigger leaves.  What is gone goes
	-- before anything comes, so that rows can swap keys: hence the count.  A row
	-- that another transaction deleted may be in an old snapshot: hence ON CONFLICT
	-- and not NOT EXISTS; whatever else has the id was deleted just before.
	-- Plans are made once and serve statements that change one row and those
	-- that change all: hence joins by the target's index only.
	-- around the query that gives the keys
	before := 'WITH wanted AS MATERIALIZED (
				SELECT k.id AS known, n.*
				FROM (';
	after := format(') AS k LEFT JOIN LATERAL (SELECT %1$s AS id, %2$s FROM %3$s) AS n ON true),
			gone AS (
				DELETE FROM %4$s AS t USING wanted AS n
				WHERE t.id = n.known AND (n.id IS NULL OR n.id <> n.known OR %5$s) RETURNING 1)
			%6$s FROM wanted AS n WHERE (SELECT count(*) FROM gone) IS NOT NULL AND %7$s
			ON CONFLICT (id) DO NOTHING',
		query.id, query.fields, query.row_by_key, target, differs, insertion, checks);
	EXECUTE format('CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER '
		'SET search_path = pg_catalog, pg_temp SET timezone = ''UTC'' SET datestyle = ''ISO'' SET extra_float_digits = 1 '
		'SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS %L', function, format(
'
#variable_conflict use_column
BEGIN
	PERFORM @extschema@.abac_require_binding(%1$L::pg_catalog.uuid, TG_RELID::pg_catalog.regclass);
	-- what changes nothing of this must not disturb anybody''s cache
	IF TG_OP = ''INSERT'' THEN
		IF EXISTS (SELECT FROM new_rows) THEN
			%2$s;
		END IF;
	ELSIF TG_OP = ''UPDATE'' THEN
		IF EXISTS (%3$s) THEN
			%4$s;
		END IF;
	ELSIF TG_OP = ''DELETE'' THEN
		IF EXISTS (SELECT FROM old_rows) THEN
			%5$s;
		END IF;
	ELSE
		IF current_setting(''transaction_isolation'') NOT IN (''read committed'', ''read uncommitted'') THEN
			RAISE EXCEPTION ''a table bound by abac_bind is truncated in isolation level READ COMMITTED only''
				USING ERRCODE = ''invalid_transaction_state'',
					  DETAIL = ''An older snapshot could miss rows that were added since.'',
					  HINT = ''Use DELETE.'';
		END IF;
		DELETE FROM %6$s AS t WHERE t.created_by = %7$s;
		-- another trigger may have put some back
		IF pg_relation_size(TG_RELID) > 0 THEN
			%8$s;
		END IF;
	END IF;
	RETURN NULL;
END
', bound.id, before || query.new_keys || after, query.changed_keys, before || query.changed_keys || after,
	before || query.old_keys || after, target, mark, copy_all));
	EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM PUBLIC', function);
	EXECUTE format('COMMENT ON FUNCTION %s() IS %L', function, format('made by abac_bind: keeps abac_%s in step with %s', kind, source));
	-- so that DROP EXTENSION stops at the triggers, and CASCADE takes them along
	EXECUTE format('ALTER FUNCTION %s() DEPENDS ON EXTENSION abac', function);

	FOR ours IN SELECT * FROM (VALUES
		('insert', 'AFTER INSERT', 'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT'),
		('update', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT'),
		('delete', 'AFTER DELETE', 'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT'),
		('truncate', 'AFTER TRUNCATE', 'FOR EACH STATEMENT'),
		-- Never fires.  While there is such a trigger, PostgreSQL lets the table
		-- become no partition or child, whose parent's statements would fire no
		-- trigger here; and while it names the columns, their types don't change.
		('guard', 'AFTER DELETE', format('REFERENCING OLD TABLE AS old_rows FOR EACH ROW WHEN (%s AND false)', (
			SELECT string_agg(format('OLD.%I IS NULL', k), ' AND ') FROM unnest(bound.columns) k))))
		v (name, event, rest)
	LOOP
		EXECUTE format('CREATE TRIGGER %I %s ON %s %s EXECUTE FUNCTION %s()',
					   format('abac_bind_%s_%s', kind, ours.name), ours.event, source, ours.rest, function);
		EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', format('abac_bind_%s_%s', kind, ours.name), source,
					   CASE ours.name WHEN 'guard' THEN 'made by abac_bind: keeps the table from becoming a partition or a child, and its columns from changing their types'
					   ELSE format('made by abac_bind: keeps abac_%s in step', kind) END);
	END LOOP;

	-- A statement for some blocks at a time, so that it never takes much memory.
	BEGIN
		FOR block IN 0 .. pg_relation_size(source) / current_setting('block_size')::bigint - 1 BY blocks LOOP
			EXECUTE copy USING block::bigint, blocks;
			GET DIAGNOSTICS rows = ROW_COUNT;
			IF (copied + rows) / report > copied / report THEN
				RAISE NOTICE 'copied % rows of %', copied + rows, source;
			END IF;
			copied := copied + rows;
		END LOOP;
	EXCEPTION WHEN unique_violation THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RAISE EXCEPTION 'cannot copy the rows of % to abac_%', source, kind
			USING ERRCODE = 'unique_violation', DETAIL = detail,
				  HINT = 'Either it is there already, by hand or from another table: delete it, the bound table is the truth. Or two rows of the bound table say the same.';
	END;
	RAISE NOTICE 'bound % to abac_%; rows copied: %', source, kind, copied
		USING DETAIL = format('Key: %s. Mapping: %s.', array_to_string(bound.key_columns, ', '), bound.mapping);
END
$$;
COMMENT ON FUNCTION abac_write_binding(text, regclass, jsonb) IS
	'internal: abac_bind, for whoever may write the abac_ tables';

CREATE FUNCTION abac_bind(kind text, source regclass, mapping jsonb DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'abac_bind'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_bind(text, regclass, jsonb) IS
	'keeps abac_<kind> in step with an application''s own table, by triggers: not where they are disabled, nor on a replica. For its owner; whoever may call it, or write a bound table, says who has rights';

CREATE FUNCTION abac_forget_binding(binding uuid, keep boolean) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known text;
	rows bigint;
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'a binding made by abac_bind ends in isolation level READ COMMITTED only'
			USING ERRCODE = 'invalid_transaction_state',
				  DETAIL = 'An older snapshot could miss rows that were added since.';
	END IF;
	DELETE FROM @extschema@.abac_bindings b WHERE b.id = binding RETURNING b.kind INTO STRICT known;
	EXECUTE format(CASE WHEN keep THEN 'UPDATE @extschema@.%I SET created_by = NULL WHERE created_by = %L'
				   ELSE 'DELETE FROM @extschema@.%I WHERE created_by = %L' END,
				   'abac_' || known, 'abac_bind:' || binding);
	GET DIAGNOSTICS rows = ROW_COUNT;
	EXECUTE format('DROP FUNCTION IF EXISTS @extschema@.%I()', 'abac_bound_' || replace(binding::text, '-', ''));
	RETURN rows;
END
$$;
COMMENT ON FUNCTION abac_forget_binding(uuid, boolean) IS
	'internal: ends a binding whose triggers are gone: deletes the rows that it made (or keeps them as if made by hand), and gives their number';

CREATE FUNCTION abac_delete_binding(kind text, source regclass, keep boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	binding uuid;
	part text;
BEGIN
	SELECT b.id INTO binding
	FROM @extschema@.abac_bindings b WHERE b.kind = abac_delete_binding.kind AND b.source = abac_delete_binding.source;
	IF NOT FOUND THEN
		RAISE EXCEPTION '% is not bound as %', source, coalesce(kind, 'NULL')
			USING ERRCODE = 'undefined_object',
				  DETAIL = coalesce((SELECT 'It is bound as: ' || string_agg(b.kind, ', ' ORDER BY b.kind) || '.'
									 FROM @extschema@.abac_bindings b WHERE b.source = abac_delete_binding.source), '');
	END IF;
	EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', source);
	FOR part IN
		SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE t.tgrelid = source AND p.proname = 'abac_bound_' || replace(binding::text, '-', '') AND p.pronamespace = '@extschema@'::regnamespace
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', part, source);
	END LOOP;
	RAISE NOTICE 'unbound % from abac_%; rows %: %', source, kind, CASE WHEN keep THEN 'kept' ELSE 'deleted' END,
		@extschema@.abac_forget_binding(binding, coalesce(keep, false));
END
$$;
COMMENT ON FUNCTION abac_delete_binding(text, regclass, boolean) IS
	'internal: abac_unbind, for whoever may write the abac_ tables';

CREATE FUNCTION abac_unbind(kind text, source regclass, keep boolean DEFAULT false) RETURNS void
	AS 'MODULE_PATHNAME', 'abac_unbind'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_unbind(text, regclass, boolean) IS
	'takes back what abac_bind did, with the rows that it made unless they are to be kept. For the table''s owner';

CREATE FUNCTION abac_compare_binding(kind text, source regclass)
	RETURNS TABLE (difference text, key text, expected jsonb, found jsonb)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO' SET extra_float_digits = 1
AS $$
DECLARE
	binding uuid;
	query record;
	pairs text;
BEGIN
	SELECT b.id INTO binding
	FROM @extschema@.abac_bindings b WHERE b.kind = abac_compare_binding.kind AND b.source = abac_compare_binding.source;
	IF NOT FOUND THEN
		RAISE EXCEPTION '% is not bound as %', source, coalesce(kind, 'NULL')
			USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM @extschema@.abac_require_binding(binding, source);

	RETURN QUERY
		SELECT CASE WHEN t.oid IS NULL THEN 'trigger missing' ELSE 'trigger disabled' END, n.name, NULL::jsonb, NULL::jsonb
		FROM (SELECT format('abac_bind_%s_%s', abac_compare_binding.kind, e) FROM unnest('{insert,update,delete,truncate,guard}'::text[]) e) n (name)
			LEFT JOIN (pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = '@extschema@'::regnamespace
						   AND p.proname = 'abac_bound_' || replace(binding::text, '-', ''))
				ON t.tgrelid = abac_compare_binding.source AND t.tgname = n.name
		WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A')
		ORDER BY n.name;

	query := @extschema@.abac_binding_query(binding, false);
	SELECT format('pg_catalog.jsonb_build_object(%s)', string_agg(format('%1$L, r.%1$I', c), ', '))
	INTO pairs FROM unnest(query.columns) c;
	RETURN QUERY EXECUTE format(
		'SELECT CASE WHEN t.id IS NULL THEN ''missing'' WHEN n.id IS NULL THEN ''extra'' ELSE ''different'' END, n.key, n.pairs, t.pairs
		FROM (SELECT r.id, r.key, %1$s FROM (SELECT %2$s AS id, %3$s AS key, %4$s FROM %5$s) AS r) AS n (id, key, pairs)
			FULL JOIN (SELECT r.id, %1$s FROM @extschema@.%6$I AS r WHERE r.created_by = %7$L) AS t (id, pairs) ON t.id = n.id
		WHERE n.pairs::text IS DISTINCT FROM t.pairs::text
		ORDER BY 1, n.key COLLATE "C", 4',
		pairs, query.id, query.key, query.fields, query.rows, 'abac_' || kind, 'abac_bind:' || binding)
		USING 0::bigint, pg_relation_size(source) / current_setting('block_size')::bigint;
END
$$;
COMMENT ON FUNCTION abac_compare_binding(text, regclass) IS
	'internal: abac_verify_binding, for whoever may read the abac_ tables';

CREATE FUNCTION abac_verify_binding(kind text, source regclass)
	RETURNS TABLE (difference text, key text, expected jsonb, found jsonb)
	AS 'MODULE_PATHNAME', 'abac_verify_binding'
	LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_verify_binding(text, regclass) IS
	'what is not as abac_bind left it: rows missing here, extra or different, triggers missing or disabled: nothing. For the table''s owner';

--
-- Administration
--

CREATE FUNCTION abac_grant_super_admin(user_id text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	role uuid;
BEGIN
	IF user_id IS NULL OR user_id = '' THEN
		RAISE EXCEPTION 'user_id must not be NULL or empty'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	-- two sessions that both find no role must not both create it
	LOCK TABLE @extschema@.abac_roles IN SHARE ROW EXCLUSIVE MODE;
	SELECT r.id INTO role FROM @extschema@.abac_roles r WHERE r.is_super_admin;
	IF role IS NULL THEN
		INSERT INTO @extschema@.abac_roles (name, description, scope, is_super_admin, is_system)
		VALUES ('global_admin', 'bypasses every policy', 'global', true, true)
		RETURNING id INTO role;
	END IF;

	INSERT INTO @extschema@.abac_user_roles AS u (user_id, role_id, context_type)
	VALUES (abac_grant_super_admin.user_id, role, 'global')
	ON CONFLICT ON CONSTRAINT abac_user_roles_user_id_context_type_context_id_role_id_key
	-- granted again: for good, whatever window there was
	DO UPDATE SET starts_at = NULL, expires_at = NULL
	WHERE u.starts_at IS NOT NULL OR u.expires_at IS NOT NULL;
END
$$;
CREATE FUNCTION abac_grant_super_admin(user_id uuid) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT @extschema@.abac_grant_super_admin($1::text)';
CREATE FUNCTION abac_grant_super_admin(user_id bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT @extschema@.abac_grant_super_admin($1::text)';
COMMENT ON FUNCTION abac_grant_super_admin(text) IS
	'gives the user the super-admin role, which is created (global_admin) if there is none';
COMMENT ON FUNCTION abac_grant_super_admin(uuid) IS
	'the same for a user whose id is a uuid';
COMMENT ON FUNCTION abac_grant_super_admin(bigint) IS
	'the same for a user whose id is a number';

--
-- Policies as a document
--
-- {"abac": 1, "organizations": [{"organization": null, ...}, {"organization": "acme", ...}]}
--
-- A section holds lists, each of objects that are named, never numbered: ids
-- differ between databases.  What a list holds is written once, in
-- abac_document_kinds.  Within a section organizations are compared as texts
-- where '' is platform-wide: no organization's id is empty, and so joins can
-- hash.  The planner takes arrays within arrays for millions of rows, and
-- tables that an import has just filled for empty ones: so JIT, which would take
-- longer than all the rest, and nested loops are off.
--

CREATE FUNCTION abac_document_kinds()
	RETURNS TABLE (place integer, kind text, list text, sections text, relation regclass, key text[],
				   required text[], fields jsonb, defaults jsonb)
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	-- A field is a column of the table unless it is a list.  What is required
	-- is always written too: nobody is to make a rule unconditional, or an
	-- allow, or turn a group around, by leaving something out.
	VALUES
		(1, 'resource_type', 'resource_types', 'platform', '@extschema@.abac_resource_types'::regclass,
		 '{resource_type}'::text[], '{resource_type}'::text[],
		 '{"resource_type": "a string", "description": "a string", "actions": "an array of strings",
		   "required_scope": "a string"}'::jsonb,
		 '{}'::jsonb),
		(2, 'permission', 'permissions', 'platform', '@extschema@.abac_permissions',
		 '{resource_type, action}', '{resource_type, action}',
		 '{"resource_type": "a string", "action": "a string", "description": "a string"}', '{}'),
		(3, 'definition', 'definitions', 'all', '@extschema@.abac_attribute_definitions',
		 '{name}', '{name}',
		 '{"name": "a string", "display_name": "a string", "description": "a string", "category": "a string",
		   "data_type": "a string", "is_multivalued": "true or false", "allowed_values": "an array",
		   "validation_regex": "a string", "default_value": "a value", "source": "a string", "is_system": "true or false"}',
		 '{"category": "custom", "data_type": "string", "is_multivalued": false, "source": "any", "is_system": false}'),
		(4, 'rule', 'rules', 'all', '@extschema@.abac_rules',
		 '{name}', '{name, effect, conditions}',
		 '{"name": "a string", "description": "a string", "effect": "a string", "priority": "an integer",
		   "resource_type": "a string", "target_actions": "an array of strings", "conditions": "a value or null",
		   "is_active": "true or false", "starts_at": "a time", "expires_at": "a time", "is_system": "true or false"}',
		 '{"priority": 0, "is_active": true, "is_system": false}'),
		(5, 'group', 'groups', 'all', '@extschema@.abac_rule_groups',
		 '{name}', '{name, combine_logic}',
		 '{"name": "a string", "description": "a string", "combine_logic": "a string", "is_system": "true or false",
		   "members": "a list"}',
		 '{"is_system": false}'),
		(6, 'policy', 'policies', 'all', '@extschema@.abac_policies',
		 '{name}', '{name, effect}',
		 '{"name": "a string", "description": "a string", "effect": "a string", "default_effect": "a string",
		   "priority": "an integer", "is_active": "true or false", "is_system": "true or false",
		   "groups": "a list", "assignments": "a list"}',
		 '{"priority": 0, "is_active": true, "is_system": false}'),
		(7, 'role', 'roles', 'all', '@extschema@.abac_roles',
		 '{name, scope}', '{name, scope}',
		 '{"name": "a string", "scope": "a string", "description": "a string", "is_super_admin": "true or false",
		   "rank": "an integer", "is_system": "true or false", "permissions": "a list"}',
		 '{"is_super_admin": false, "rank": 0, "is_system": false}'),
		(8, 'policy_rule', 'policy_rules', 'tenant', '@extschema@.abac_policy_rules',
		 '{name}', '{name, effect, conditions}',
		 '{"name": "a string", "description": "a string", "resource_type": "a string", "conditions": "a value or null",
		   "effect": "a string", "priority": "an integer", "is_active": "true or false"}',
		 '{"resource_type": "*", "priority": 0, "is_active": true}'),
		-- its key is all of it, and role null = all roles
		(9, 'condition', 'conditions', 'all', '@extschema@.abac_conditions',
		 '{}', '{permission, role, attribute_key, operator, attribute_value}',
		 '{"permission": "a string", "role": "an object or null", "attribute_key": "a string", "operator": "a string",
		   "attribute_value": "a value", "logic_group": "a string"}',
		 '{"logic_group": "AND"}')
$$;
COMMENT ON FUNCTION abac_document_kinds() IS
	'internal: what the lists in a document of policies hold';

CREATE FUNCTION abac_document_parts(kind text, id uuid, organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE kind
		WHEN 'group' THEN (
			SELECT jsonb_build_object('members', jsonb_agg(
				jsonb_build_object(m.of_kind,
					CASE WHEN m.of_organization IS NOT DISTINCT FROM organization THEN to_jsonb(m.of_name)
						 ELSE jsonb_build_object('name', m.of_name, 'organization', m.of_organization) END)
				|| CASE WHEN m.sort_order <> 0 THEN jsonb_build_object('sort_order', m.sort_order) ELSE '{}' END
				ORDER BY m.of_kind, m.of_organization NULLS FIRST, m.of_name))
			FROM (SELECT 'rule', r.organization_id, r.name, l.sort_order
				  FROM @extschema@.abac_rule_group_members l JOIN @extschema@.abac_rules r ON r.id = l.rule_id
				  WHERE l.group_id = $2
				  UNION ALL
				  SELECT 'group', g.organization_id, g.name, l.sort_order
				  FROM @extschema@.abac_rule_group_members l JOIN @extschema@.abac_rule_groups g ON g.id = l.child_group_id
				  WHERE l.group_id = $2) m (of_kind, of_organization, of_name, sort_order)
			HAVING count(*) > 0)
		WHEN 'policy' THEN coalesce((
			SELECT jsonb_build_object('groups', jsonb_agg(
				jsonb_build_object('group',
					CASE WHEN g.organization_id IS NOT DISTINCT FROM organization THEN to_jsonb(g.name)
						 ELSE jsonb_build_object('name', g.name, 'organization', g.organization_id) END)
				|| CASE WHEN l.sort_order <> 0 THEN jsonb_build_object('sort_order', l.sort_order) ELSE '{}' END
				ORDER BY g.organization_id NULLS FIRST, g.name))
			FROM @extschema@.abac_policy_rule_groups l JOIN @extschema@.abac_rule_groups g ON g.id = l.rule_group_id
			WHERE l.policy_id = $2
			HAVING count(*) > 0), '{}') || coalesce((
			-- an assignment to a role that isn't there is to nobody, and nobody's
			SELECT jsonb_build_object('assignments', jsonb_agg(
				jsonb_build_object('target', a.target_type)
				|| CASE WHEN r.id IS NULL THEN jsonb_build_object('id', a.target_id)
						ELSE jsonb_build_object('role', jsonb_build_object('name', r.name, 'scope', r.scope)
							|| CASE WHEN r.organization_id IS NOT DISTINCT FROM organization THEN '{}'
									ELSE jsonb_build_object('organization', r.organization_id) END) END
				|| CASE WHEN a.is_active THEN '{}' ELSE jsonb_build_object('is_active', false) END
				|| CASE WHEN a.starts_at IS NULL THEN '{}' ELSE jsonb_build_object('starts_at', a.starts_at) END
				|| CASE WHEN a.expires_at IS NULL THEN '{}' ELSE jsonb_build_object('expires_at', a.expires_at) END
				ORDER BY a.target_type, r.organization_id NULLS FIRST, r.name, r.scope, a.target_id))
			FROM @extschema@.abac_policy_assignments a
				LEFT JOIN @extschema@.abac_roles r ON a.target_type = 'role' AND r.id::text = a.target_id
			WHERE a.policy_id = $2 AND (a.target_type <> 'role' OR r.id IS NOT NULL)
			HAVING count(*) > 0), '{}')
		WHEN 'role' THEN (
			SELECT jsonb_build_object('permissions', jsonb_agg(p.name ORDER BY p.name))
			FROM @extschema@.abac_role_permissions l JOIN @extschema@.abac_permissions p ON p.id = l.permission_id
			WHERE l.role_id = $2
			HAVING count(*) > 0)
	END
$$;
COMMENT ON FUNCTION abac_document_parts(text, uuid, text) IS
	'internal: the lists below a group, policy or role, as the document has them';

-- organization and organizations: '' = platform-wide; organizations NULL = all
CREATE FUNCTION abac_document_items(organizations text[])
	RETURNS TABLE (organization text, place integer, list text, kind text, key text[], item jsonb)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record;
BEGIN
	-- Triggers were off.  Such a policy is unknown; without the broken part it
	-- could allow, wherever the document goes.
	SELECT b.what, b.id INTO k
	FROM (SELECT 'member of a rule group', l.id, g.organization_id
		  FROM @extschema@.abac_rule_group_members l
			  LEFT JOIN @extschema@.abac_rule_groups g ON g.id = l.group_id
			  LEFT JOIN @extschema@.abac_rules r ON r.id = l.rule_id
			  LEFT JOIN @extschema@.abac_rule_groups c ON c.id = l.child_group_id
		  WHERE r.id IS NULL AND c.id IS NULL
		  UNION ALL
		  SELECT 'rule group of a policy', l.id, p.organization_id
		  FROM @extschema@.abac_policy_rule_groups l
			  LEFT JOIN @extschema@.abac_policies p ON p.id = l.policy_id
			  LEFT JOIN @extschema@.abac_rule_groups g ON g.id = l.rule_group_id
		  WHERE g.id IS NULL
		  UNION ALL
		  SELECT 'permission of a role', l.id, r.organization_id
		  FROM @extschema@.abac_role_permissions l
			  LEFT JOIN @extschema@.abac_roles r ON r.id = l.role_id
			  LEFT JOIN @extschema@.abac_permissions p ON p.id = l.permission_id
		  WHERE p.id IS NULL
		  UNION ALL
		  SELECT 'condition', c.id, r.organization_id
		  FROM @extschema@.abac_conditions c
			  LEFT JOIN @extschema@.abac_permissions p ON p.id = c.permission_id
			  LEFT JOIN @extschema@.abac_roles r ON r.id = c.role_id
		  WHERE p.id IS NULL OR (c.role_id IS NOT NULL AND r.id IS NULL)) b (what, id, organization_id)
	WHERE organizations IS NULL OR coalesce(b.organization_id, '') = ANY (organizations)
	ORDER BY b.what, b.id LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the policies cannot be written as a document'
			USING ERRCODE = 'data_corrupted',
				  DETAIL = format('The %s with id %s names a row that does not exist.', k.what, k.id),
				  HINT = 'Delete what was written while triggers were off.';
	END IF;

	FOR k IN SELECT * FROM @extschema@.abac_document_kinds() d WHERE d.kind <> 'condition' LOOP
		RETURN QUERY EXECUTE format(
			'SELECT %1$s, $2, $3, $4, ARRAY[%2$s]::text[],
				(SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(to_jsonb(t)) f
				 WHERE $5 ? f.key AND (f.key = ANY ($6) OR f.value::text <> coalesce($7 -> f.key, ''null'')::text))
				|| coalesce(%3$s.abac_document_parts($4, t.id, nullif(%1$s, '''')), ''{}'')
			FROM %4$s t WHERE $1 IS NULL OR %1$s = ANY ($1)',
			CASE WHEN k.sections = 'platform' THEN '''''' ELSE 'coalesce(t.organization_id, '''')' END,
			(SELECT string_agg(format('t.%I', c), ', ' ORDER BY n) FROM unnest(k.key) WITH ORDINALITY u (c, n)),
			'@extschema@', k.relation)
		USING organizations, k.place, k.list, k.kind, k.fields, k.required, k.defaults;
	END LOOP;

	-- two rows that say the same say it once
	SELECT * INTO k FROM @extschema@.abac_document_kinds() d WHERE d.kind = 'condition';
	RETURN QUERY
	SELECT DISTINCT ON (o.organization, w.whole) o.organization, k.place, k.list, k.kind, w.whole,
		jsonb_build_object('permission', p.name,
			'role', CASE WHEN r.id IS NOT NULL THEN jsonb_build_object('name', r.name, 'scope', r.scope) END,
			'attribute_key', c.attribute_key, 'operator', c.operator, 'attribute_value', c.attribute_value)
		|| CASE WHEN c.logic_group = k.defaults ->> 'logic_group' THEN '{}'
				ELSE jsonb_build_object('logic_group', c.logic_group) END
	FROM @extschema@.abac_conditions c
		JOIN @extschema@.abac_permissions p ON p.id = c.permission_id
		LEFT JOIN @extschema@.abac_roles r ON r.id = c.role_id,
		LATERAL (SELECT coalesce(r.organization_id, '')) o (organization),
		LATERAL (SELECT ARRAY[p.name, coalesce(r.name, ''), coalesce(r.scope, ''), c.attribute_key, c.operator,
							  c.attribute_value::text, c.logic_group]::text[]) w (whole)
	WHERE organizations IS NULL OR o.organization = ANY (organizations);
END
$$;
COMMENT ON FUNCTION abac_document_items(text[]) IS
	'internal: what organizations have, each as the document has it';

CREATE FUNCTION abac_export(organization text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD'
	SET jit = off SET enable_nestloop = off
AS $$
BEGIN
	IF organization = '' THEN
		RAISE EXCEPTION 'organization must not be empty'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (
		WITH items AS MATERIALIZED (
			SELECT * FROM @extschema@.abac_document_items(
				CASE WHEN abac_export.organization IS NOT NULL THEN ARRAY[abac_export.organization] END)
		), lists AS (
			SELECT i.organization, i.list, jsonb_agg(i.item ORDER BY i.key COLLATE "C") AS items
			FROM items i GROUP BY i.organization, i.list
		), sections AS (
			SELECT o.organization, jsonb_build_object('organization', nullif(o.organization, ''))
				|| coalesce(jsonb_object_agg(l.list, l.items) FILTER (WHERE l.list IS NOT NULL), '{}') AS section
			FROM (SELECT coalesce(abac_export.organization, '') UNION SELECT i.organization FROM items i) o (organization)
				LEFT JOIN lists l ON l.organization = o.organization
			GROUP BY o.organization
		)
		SELECT jsonb_build_object('abac', 1, 'organizations', jsonb_agg(s.section ORDER BY s.organization COLLATE "C"))
		FROM sections s);
END
$$;
COMMENT ON FUNCTION abac_export(text) IS
	'the policies of the organization as a document (without one: what is platform-wide and every organization''s): definitions, rules, groups, policies with assignments, roles with permissions, legacy conditions and rules; nothing of users but policies assigned to them';

CREATE FUNCTION abac_refuse_document(problem text, path text, hint text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF hint IS NULL THEN
		RAISE EXCEPTION 'invalid document of policies: %', problem
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('In %s.', path);
	END IF;
	RAISE EXCEPTION 'invalid document of policies: %', problem
		USING ERRCODE = 'invalid_parameter_value', DETAIL = format('In %s.', path), HINT = hint;
END
$$;
COMMENT ON FUNCTION abac_refuse_document(text, text, text) IS
	'internal: the error about a document that abac_import refuses';

-- No cast is to guess: what a value may look like is said here.
CREATE FUNCTION abac_check_object(object jsonb, path text, fields jsonb, required text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f record;
BEGIN
	IF jsonb_typeof(object) <> 'object' THEN
		PERFORM @extschema@.abac_refuse_document(format('expected an object, found %s', jsonb_typeof(object)), path);
	END IF;
	FOR f IN
		SELECT e.key, e.value, fields ->> e.key AS wanted, jsonb_typeof(e.value) AS found, e.value #>> '{}' AS content
		FROM jsonb_each(object) e ORDER BY e.key COLLATE "C"
	LOOP
		IF f.wanted IS NULL THEN
			PERFORM @extschema@.abac_refuse_document(format('unknown key "%s"', f.key), path,
				format('Keys here are %s.', (SELECT string_agg(k, ', ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(fields) k)));
		END IF;
		IF f.found = 'null' AND f.wanted NOT LIKE '% or null' THEN
			PERFORM @extschema@.abac_refuse_document(format('"%s" is null', f.key), path,
				CASE WHEN f.key <> ALL (required) THEN 'Leave the key out.' END);
		END IF;
		IF NOT (CASE f.wanted
			WHEN 'a string' THEN f.found = 'string'
			WHEN 'a string or null' THEN f.found IN ('string', 'null')
			WHEN 'true or false' THEN f.found = 'boolean'
			WHEN 'an integer' THEN
				CASE WHEN f.found = 'number' AND f.content ~ '^-?[0-9]{1,10}$'
					 THEN f.content::bigint BETWEEN -2147483648 AND 2147483647 ELSE false END
			WHEN 'an array of strings' THEN
				f.found = 'array' AND NOT EXISTS (
					SELECT FROM jsonb_array_elements(CASE f.found WHEN 'array' THEN f.value ELSE '[]' END) e
					WHERE jsonb_typeof(e) <> 'string')
			WHEN 'a time' THEN
				f.found = 'string' AND (
					f.content IN ('infinity', '-infinity')
					OR f.content ~ '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)( BC)?$')
			WHEN 'an array' THEN f.found = 'array'
			WHEN 'a list' THEN f.found = 'array'
			WHEN 'an object' THEN f.found = 'object'
			WHEN 'an object or null' THEN f.found IN ('object', 'null')
			ELSE f.wanted IN ('a value', 'a value or null')
		END) THEN
			PERFORM @extschema@.abac_refuse_document(
				format('"%s" must be %s, found %s', f.key, f.wanted,
					   CASE WHEN length(f.value::text) <= 100 THEN f.value::text ELSE f.found END),
				path, CASE f.wanted WHEN 'a time' THEN 'Write a time with its offset: "2030-01-31T12:00:00+00:00".' END);
		END IF;
	END LOOP;
	FOR f IN SELECT k FROM unnest(required) k WHERE NOT object ? k LOOP
		PERFORM @extschema@.abac_refuse_document(format('key "%s" is missing', f.k), path,
			CASE f.k WHEN 'conditions' THEN 'Write "conditions": null for a rule without conditions.'
					 WHEN 'role' THEN 'Write "role": null for a condition for all roles.'
					 WHEN 'organization' THEN 'Write "organization": null for what is platform-wide.' END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION abac_check_object(jsonb, text, jsonb, text[]) IS
	'internal: refuses an object in a document that has keys or types of values other than these, or lacks a key that is required';

CREATE FUNCTION abac_check_part(kind text, list text, part jsonb, path text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reference record;
BEGIN
	CASE kind || ' ' || list
		WHEN 'group members' THEN
			PERFORM @extschema@.abac_check_object(part, path,
				'{"rule": "a value", "group": "a value", "sort_order": "an integer"}', '{}');
			IF (part ? 'rule') = (part ? 'group') THEN
				PERFORM @extschema@.abac_refuse_document('expected one of the keys "rule" and "group"', path);
			END IF;
		WHEN 'policy groups' THEN
			PERFORM @extschema@.abac_check_object(part, path, '{"group": "a value", "sort_order": "an integer"}', '{group}');
		WHEN 'policy assignments' THEN
			PERFORM @extschema@.abac_check_object(part, path,
				'{"target": "a string", "is_active": "true or false", "starts_at": "a time", "expires_at": "a time"}'
				|| CASE WHEN part -> 'target' = '"role"' THEN '{"role": "an object"}' ELSE '{"id": "a string"}' END::jsonb,
				ARRAY['target', CASE WHEN part -> 'target' = '"role"' THEN 'role' ELSE 'id' END]);
		WHEN 'role permissions' THEN
			IF jsonb_typeof(part) <> 'string' OR part #>> '{}' !~ '^[^:]+:.+$' THEN
				PERFORM @extschema@.abac_refuse_document(format('expected a permission, found %s', part), path,
														 'Write it as "resource_type:action".');
			END IF;
			RETURN;
	END CASE;
	FOR reference IN SELECT * FROM jsonb_each(part) e WHERE e.key IN ('rule', 'group', 'role') LOOP
		IF reference.key = 'role' THEN
			PERFORM @extschema@.abac_check_object(reference.value, path || '.role',
				'{"name": "a string", "scope": "a string", "organization": "a string or null"}', '{name, scope}');
		ELSIF jsonb_typeof(reference.value) <> 'string' THEN
			PERFORM @extschema@.abac_check_object(reference.value, format('%s.%s', path, reference.key),
				'{"name": "a string", "organization": "a string or null"}', '{name, organization}');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION abac_check_part(text, text, jsonb, text) IS
	'internal: refuses what is wrong in a list below a group, policy or role of a document';

CREATE FUNCTION abac_check_document(document jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	section record;
	k record;
	item record;
	part record;
	platform boolean;
BEGIN
	PERFORM @extschema@.abac_check_object(document, 'the document', '{"abac": "a value", "organizations": "a list"}',
										  '{abac, organizations}');
	IF (document -> 'abac')::text <> '1' THEN
		PERFORM @extschema@.abac_refuse_document(format('unknown version %s', document -> 'abac'), 'the document',
												 'This version of the extension reads documents with "abac": 1.');
	END IF;
	FOR section IN
		SELECT s.value, format('organizations[%s]', s.n - 1) AS path,
			row_number() OVER (PARTITION BY s.value ->> 'organization' ORDER BY s.n) AS nth
		FROM jsonb_array_elements(document -> 'organizations') WITH ORDINALITY s (value, n) ORDER BY s.n
	LOOP
		PERFORM @extschema@.abac_check_object(section.value, section.path,
			(SELECT jsonb_object_agg(d.list, 'a list') FROM @extschema@.abac_document_kinds() d)
			|| '{"organization": "a string or null"}', '{organization}');
		IF section.value -> 'organization' = '""' THEN
			PERFORM @extschema@.abac_refuse_document('"organization" is empty', section.path,
													 'Write "organization": null for what is platform-wide.');
		END IF;
		IF section.nth > 1 THEN
			PERFORM @extschema@.abac_refuse_document(
				format('a second section of organization %s', section.value -> 'organization'), section.path);
		END IF;
		platform := section.value -> 'organization' = 'null';

		FOR k IN SELECT * FROM @extschema@.abac_document_kinds() d WHERE section.value ? d.list ORDER BY d.place LOOP
			IF k.sections = (CASE WHEN platform THEN 'tenant' ELSE 'platform' END) THEN
				PERFORM @extschema@.abac_refuse_document(format('"%s" is not for this section', k.list), section.path,
					CASE WHEN platform THEN 'Legacy rules belong to an organization each.'
						 ELSE 'It belongs where "organization" is null.' END);
			END IF;
			FOR item IN
				SELECT i.value, format('%s.%s[%s]', section.path, k.list, i.n - 1)
						|| coalesce(' ("' || (i.value ->> 'name') || '")', '') AS path,
					row_number() OVER (PARTITION BY (SELECT jsonb_agg(i.value -> c) FROM unnest(k.key) c) ORDER BY i.n) AS nth
				FROM jsonb_array_elements(section.value -> k.list) WITH ORDINALITY i (value, n) ORDER BY i.n
			LOOP
				PERFORM @extschema@.abac_check_object(item.value, item.path, k.fields, k.required);
				IF k.kind = 'condition' THEN
					IF item.value ->> 'permission' !~ '^[^:]+:.+$' THEN
						PERFORM @extschema@.abac_refuse_document(
							format('expected a permission, found %s', item.value -> 'permission'), item.path,
							'Write it as "resource_type:action".');
					END IF;
					-- it binds every tenant
					IF item.value -> 'role' = 'null' AND NOT platform THEN
						PERFORM @extschema@.abac_refuse_document('a condition for all roles', item.path,
																 'It belongs where "organization" is null.');
					END IF;
					IF item.value -> 'role' <> 'null' THEN
						PERFORM @extschema@.abac_check_object(item.value -> 'role', item.path || '.role',
							'{"name": "a string", "scope": "a string"}', '{name, scope}');
					END IF;
				ELSIF item.nth > 1 THEN
					PERFORM @extschema@.abac_refuse_document(format('a second %s of that name', replace(k.kind, '_', ' ')), item.path);
				END IF;
				FOR part IN
					SELECT l.key AS list, p.value, format('%s.%s[%s]', item.path, l.key, p.n - 1) AS path
					FROM jsonb_each_text(k.fields) l,
						jsonb_array_elements(item.value -> l.key) WITH ORDINALITY p (value, n)
					WHERE l.value = 'a list'
					ORDER BY l.key COLLATE "C", p.n
				LOOP
					PERFORM @extschema@.abac_check_part(k.kind, part.list, part.value, part.path);
				END LOOP;
			END LOOP;
		END LOOP;
	END LOOP;

	SELECT l.path INTO part
	FROM (SELECT n.*, row_number() OVER (PARTITION BY n.part, n.organization, n.owner, n.owner_scope, n.target,
											 n.of_organization, n.of_name, n.of_scope,
											 CASE n.part WHEN 'conditions' THEN n.content END
										 ORDER BY n.place) AS nth
		  FROM @extschema@.abac_document_links(document) n) l
	WHERE l.nth > 1 ORDER BY l.place LIMIT 1;
	IF FOUND THEN
		PERFORM @extschema@.abac_refuse_document('the same a second time', part.path);
	END IF;
END
$$;
COMMENT ON FUNCTION abac_check_document(jsonb) IS
	'internal: refuses a document that is wrong in itself';

-- Whatever in the document names something: what names it (its owner), what is
-- named (of_...), their ids as far as they exist now, and what else is said: of
-- a condition (whose owner is the permission) all, else sort_order.  OFFSET 0,
-- here and below: joins and sorts are not to carry whole sections along.
CREATE FUNCTION abac_document_links(document jsonb)
	RETURNS TABLE (place bigint[], path text, part text, organization text, owner text, owner_scope text, owner_id uuid,
				   target text, of_organization text, of_name text, of_scope text, target_id uuid, content text,
				   is_active boolean, starts_at timestamptz, expires_at timestamptz)
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH parts AS (
		SELECT ARRAY[s.n, v.n, o.n, p.n] AS place,
			format('organizations[%s].%s[%s]', s.n - 1, v.list, o.n - 1) || coalesce(' ("' || (o.value ->> 'name') || '")', '')
				|| CASE v.part WHEN 'conditions' THEN '' ELSE format('.%s[%s]', v.part, p.n - 1) END AS path,
			v.part, coalesce(s.value ->> 'organization', '') AS organization,
			CASE v.part WHEN 'conditions' THEN p.value ->> 'permission' ELSE o.value ->> 'name' END AS owner,
			o.value ->> 'scope' AS owner_scope,
			CASE v.part WHEN 'members' THEN CASE WHEN p.value ? 'rule' THEN 'rule' ELSE 'group' END
						WHEN 'groups' THEN 'group'
						WHEN 'assignments' THEN p.value ->> 'target'
						WHEN 'permissions' THEN 'permission'
						WHEN 'conditions' THEN 'role' END AS target,
			CASE v.part WHEN 'members' THEN coalesce(p.value -> 'rule', p.value -> 'group')
						WHEN 'groups' THEN p.value -> 'group'
						WHEN 'assignments' THEN coalesce(p.value -> 'role', p.value -> 'id')
						WHEN 'permissions' THEN p.value
						WHEN 'conditions' THEN p.value -> 'role' END AS reference,
			p.value AS item
		FROM jsonb_array_elements(document -> 'organizations') WITH ORDINALITY s (value, n),
			(VALUES (1, 'groups', 'members'), (2, 'policies', 'groups'), (3, 'policies', 'assignments'),
					(4, 'roles', 'permissions'), (5, 'conditions', 'conditions')) v (n, list, part),
			jsonb_array_elements(s.value -> v.list) WITH ORDINALITY o (value, n),
			jsonb_array_elements(CASE v.part WHEN 'conditions' THEN jsonb_build_array(o.value) ELSE o.value -> v.part END)
				WITH ORDINALITY p (value, n)
		OFFSET 0
	), links AS (
		SELECT p.*,
			-- of a bare name ? would ask whether it is that name
			CASE WHEN jsonb_typeof(p.reference) = 'object' AND p.reference ? 'organization'
				 THEN coalesce(p.reference ->> 'organization', '') ELSE p.organization END AS of_organization,
			CASE jsonb_typeof(p.reference) WHEN 'object' THEN p.reference ->> 'name' ELSE p.reference #>> '{}' END AS of_name,
			p.reference ->> 'scope' AS of_scope
		FROM parts p
	)
	SELECT l.place, l.path, l.part, l.organization, l.owner, l.owner_scope,
		coalesce(owner_group.id, owner_policy.id, owner_role.id, owner_permission.id),
		l.target, l.of_organization, l.of_name, l.of_scope,
		coalesce(of_rule.id, of_group.id, of_role.id, of_permission.id),
		CASE WHEN l.part = 'conditions'
			 THEN jsonb_build_array(l.item -> 'attribute_key', l.item -> 'operator', l.item -> 'attribute_value',
									coalesce(l.item ->> 'logic_group', 'AND'))::text
			 ELSE coalesce(l.item ->> 'sort_order', '0') END,
		coalesce((l.item ->> 'is_active')::boolean, true), (l.item ->> 'starts_at')::timestamptz, (l.item ->> 'expires_at')::timestamptz
	FROM links l
		LEFT JOIN @extschema@.abac_rule_groups owner_group ON l.part = 'members'
			AND coalesce(owner_group.organization_id, '') = l.organization AND owner_group.name = l.owner
		LEFT JOIN @extschema@.abac_policies owner_policy ON l.part IN ('groups', 'assignments')
			AND coalesce(owner_policy.organization_id, '') = l.organization AND owner_policy.name = l.owner
		LEFT JOIN @extschema@.abac_roles owner_role ON l.part = 'permissions'
			AND coalesce(owner_role.organization_id, '') = l.organization AND owner_role.name = l.owner
			AND owner_role.scope = l.owner_scope
		LEFT JOIN @extschema@.abac_permissions owner_permission ON l.part = 'conditions' AND owner_permission.name = l.owner
		LEFT JOIN @extschema@.abac_rules of_rule ON l.target = 'rule'
			AND coalesce(of_rule.organization_id, '') = l.of_organization AND of_rule.name = l.of_name
		LEFT JOIN @extschema@.abac_rule_groups of_group ON l.target = 'group'
			AND coalesce(of_group.organization_id, '') = l.of_organization AND of_group.name = l.of_name
		LEFT JOIN @extschema@.abac_roles of_role ON l.target = 'role'
			AND coalesce(of_role.organization_id, '') = l.of_organization AND of_role.name = l.of_name
			AND of_role.scope = l.of_scope
		LEFT JOIN @extschema@.abac_permissions of_permission ON l.target = 'permission' AND of_permission.name = l.of_name
$$;
COMMENT ON FUNCTION abac_document_links(jsonb) IS
	'internal: the references in a document, resolved as far as what they name exists';

-- $1 = the document, $2 = the organizations that have a section
CREATE FUNCTION abac_document_statements()
	RETURNS TABLE (place integer, kind text, remove text, change text, add text)
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT k.place, k.kind,
		format('DELETE FROM %s t WHERE %s = ANY ($2) AND NOT EXISTS (SELECT FROM %s WHERE %s)',
			   k.relation, CASE WHEN k.sections = 'platform' THEN '''''' ELSE 'coalesce(t.organization_id, '''')' END,
			   x.wanted, x.matches),
		-- as texts: jsonb's 1.0 equals 1.00, and isn't the same
		format('UPDATE %s t SET (%s) = ROW(%s) FROM %s WHERE %s AND ROW(%s) IS DISTINCT FROM ROW(%s)',
			   k.relation, x.columns, x.values, x.wanted, x.matches, x.old_texts, x.new_texts),
		format('INSERT INTO %s (%s, %s) SELECT %s, %s FROM %s WHERE NOT EXISTS (SELECT FROM %s t WHERE %s)',
			   k.relation, x.key_columns, x.columns, x.key_values, x.values, x.wanted, k.relation, x.matches)
	FROM @extschema@.abac_document_kinds() k,
		LATERAL (SELECT CASE WHEN k.sections = 'platform' THEN k.key ELSE '{organization_id}' || k.key END) u (key),
		LATERAL (
			SELECT
				format('(SELECT w.* FROM jsonb_array_elements($1 -> ''organizations'') s (value),
							jsonb_array_elements(s.value -> %L) i (value),
							jsonb_populate_record(NULL::%s, %L::jsonb || i.value
								|| jsonb_build_object(''organization_id'', s.value -> ''organization'')) w OFFSET 0) w',
					   k.list, k.relation, k.defaults) AS wanted,
				(SELECT string_agg(format('coalesce(t.%1$I, '''') = coalesce(w.%1$I, '''')', c), ' AND ') FROM unnest(u.key) c) AS matches,
				(SELECT string_agg(format('%I', c), ', ') FROM unnest(u.key) c) AS key_columns,
				(SELECT string_agg(format('w.%I', c), ', ') FROM unnest(u.key) c) AS key_values,
				string_agg(format('%I', c), ', ') AS columns,
				string_agg(format('w.%I', c), ', ') AS values,
				string_agg(format('t.%I::text', c), ', ') AS old_texts,
				string_agg(format('w.%I::text', c), ', ') AS new_texts
			FROM jsonb_each_text(k.fields) f (c, type)
			WHERE f.type <> 'a list' AND f.c <> ALL (k.key)
		) x
	WHERE k.kind <> 'condition'
$$;
COMMENT ON FUNCTION abac_document_statements() IS
	'internal: the statements that make tables as a document says';

CREATE FUNCTION abac_apply_document(document jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sections text[] := ARRAY(SELECT coalesce(o ->> 'organization', '') FROM jsonb_array_elements(document -> 'organizations') o);
	s record;
	missing record;
	changes text := '';
BEGIN
	-- Links that are not wanted go first: guards keep what is in use.
	DELETE FROM @extschema@.abac_conditions c
	WHERE coalesce((SELECT r.organization_id FROM @extschema@.abac_roles r WHERE r.id = c.role_id), '') = ANY (sections)
		AND NOT EXISTS (
			SELECT FROM @extschema@.abac_document_links(document) l
			WHERE l.part = 'conditions' AND l.owner_id = c.permission_id
				-- a role that isn't there yet has no id, and is not all roles
				AND (l.of_name IS NULL) = (c.role_id IS NULL) AND coalesce(l.target_id::text, '') = coalesce(c.role_id::text, '')
				AND l.content = jsonb_build_array(c.attribute_key, c.operator, c.attribute_value, c.logic_group)::text);
	DELETE FROM @extschema@.abac_rule_group_members m USING @extschema@.abac_rule_groups g
	WHERE g.id = m.group_id AND coalesce(g.organization_id, '') = ANY (sections)
		AND NOT EXISTS (
			SELECT FROM @extschema@.abac_document_links(document) l
			WHERE l.part = 'members' AND l.owner_id = m.group_id AND l.target_id = coalesce(m.rule_id, m.child_group_id)
				AND l.target = CASE WHEN m.rule_id IS NULL THEN 'group' ELSE 'rule' END AND l.content = m.sort_order::text);
	DELETE FROM @extschema@.abac_policy_rule_groups m USING @extschema@.abac_policies p
	WHERE p.id = m.policy_id AND coalesce(p.organization_id, '') = ANY (sections)
		AND NOT EXISTS (
			SELECT FROM @extschema@.abac_document_links(document) l
			WHERE l.part = 'groups' AND l.owner_id = m.policy_id AND l.target_id = m.rule_group_id
				AND l.content = m.sort_order::text);
	DELETE FROM @extschema@.abac_policy_assignments a USING @extschema@.abac_policies p
	WHERE p.id = a.policy_id AND coalesce(p.organization_id, '') = ANY (sections)
		-- those that no document shows stay
		AND (a.target_type <> 'role' OR EXISTS (SELECT FROM @extschema@.abac_roles r WHERE r.id::text = a.target_id))
		AND NOT EXISTS (
			SELECT FROM @extschema@.abac_document_links(document) l
			WHERE l.part = 'assignments' AND l.owner_id = a.policy_id AND l.target = a.target_type
				AND CASE l.target WHEN 'role' THEN l.target_id::text ELSE l.of_name END = a.target_id);
	DELETE FROM @extschema@.abac_role_permissions m USING @extschema@.abac_roles r
	WHERE r.id = m.role_id AND coalesce(r.organization_id, '') = ANY (sections)
		AND NOT EXISTS (
			SELECT FROM @extschema@.abac_document_links(document) l
			WHERE l.part = 'permissions' AND l.owner_id = m.role_id AND l.target_id = m.permission_id);

	FOR s IN SELECT * FROM @extschema@.abac_document_statements() d ORDER BY d.place DESC LOOP
		IF s.kind NOT IN ('definition', 'permission') THEN
			EXECUTE s.remove USING document, sections;
		END IF;
	END LOOP;
	-- there is one at a time
	UPDATE @extschema@.abac_roles r SET is_super_admin = false
	FROM jsonb_array_elements(document -> 'organizations') o (section), jsonb_array_elements(o.section -> 'roles') i (role)
	WHERE r.is_super_admin AND o.section ->> 'organization' IS NULL
		AND r.name = i.role ->> 'name' AND r.scope = i.role ->> 'scope' AND NOT i.role @> '{"is_super_admin": true}';

	-- A condition and the definition that it rests on may change in ways that
	-- only go together: so all of these do, in one statement.
	FOR s IN SELECT * FROM @extschema@.abac_document_statements() d ORDER BY d.place LOOP
		IF s.kind IN ('permission', 'role') THEN
			EXECUTE s.change USING document;
			EXECUTE s.add USING document;
		ELSE
			changes := changes || format('%1$s_change AS (%2$s), %1$s_add AS (%3$s), ', s.kind, s.change, s.add)
				|| CASE s.kind WHEN 'definition' THEN format('%s_remove AS (%s), ', s.kind, s.remove) ELSE '' END;
		END IF;
	END LOOP;
	-- a permission grants nothing by itself
	INSERT INTO @extschema@.abac_permissions (resource_type, action)
	SELECT DISTINCT split_part(n.name, ':', 1), substr(n.name, strpos(n.name, ':') + 1)
	FROM @extschema@.abac_document_links(document) l,
		LATERAL (SELECT CASE l.part WHEN 'permissions' THEN l.of_name WHEN 'conditions' THEN l.owner END) n (name)
	WHERE l.organization <> '' AND n.name IS NOT NULL
		AND NOT EXISTS (SELECT FROM @extschema@.abac_permissions p WHERE p.name = n.name);
	EXECUTE 'WITH ' || changes || 'condition_add AS (
		INSERT INTO @extschema@.abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value, logic_group)
		SELECT l.owner_id, l.target_id, l.content::jsonb ->> 0, l.content::jsonb ->> 1, l.content::jsonb -> 2, l.content::jsonb ->> 3
		FROM @extschema@.abac_document_links($1) l
		WHERE l.part = ''conditions'' AND l.owner_id IS NOT NULL AND (l.target_id IS NULL) = (l.of_name IS NULL)
			AND NOT EXISTS (
				SELECT FROM @extschema@.abac_conditions c
				WHERE c.permission_id = l.owner_id AND coalesce(c.role_id::text, '''') = coalesce(l.target_id::text, '''')
					AND l.content = jsonb_build_array(c.attribute_key, c.operator, c.attribute_value, c.logic_group)::text))
		SELECT' USING document, sections;

	-- everything is there now that is going to be
	SELECT l.path, l.of_organization AS organization, CASE WHEN l.owner_id IS NULL THEN 'permission' ELSE l.target END AS kind,
		CASE WHEN l.owner_id IS NULL THEN l.owner ELSE concat(l.of_name, ' (' || l.of_scope || ')') END AS name
	INTO missing
	FROM @extschema@.abac_document_links(document) l
	WHERE l.owner_id IS NULL
		OR (l.target IN ('rule', 'group', 'role', 'permission') AND l.of_name IS NOT NULL AND l.target_id IS NULL)
	ORDER BY l.place LIMIT 1;
	IF FOUND THEN
		PERFORM @extschema@.abac_refuse_document(
			CASE WHEN missing.kind = 'permission' THEN format('there is no permission "%s"', missing.name)
				 WHEN missing.organization = '' THEN format('there is no platform-wide %s "%s"', missing.kind, missing.name)
				 ELSE format('there is no %s "%s" of organization "%s"', missing.kind, missing.name, missing.organization) END,
			missing.path,
			CASE WHEN missing.kind <> 'permission' AND missing.organization <> ''
				 THEN 'Without "organization" it is the section''s own; null is platform-wide.' END);
	END IF;

	INSERT INTO @extschema@.abac_rule_group_members (group_id, rule_id, child_group_id, sort_order)
	SELECT l.owner_id, CASE l.target WHEN 'rule' THEN l.target_id END, CASE l.target WHEN 'group' THEN l.target_id END,
		l.content::integer
	FROM @extschema@.abac_document_links(document) l
	WHERE l.part = 'members' AND NOT EXISTS (
		SELECT FROM @extschema@.abac_rule_group_members m
		WHERE l.owner_id = m.group_id AND l.target_id = coalesce(m.rule_id, m.child_group_id)
			AND l.target = CASE WHEN m.rule_id IS NULL THEN 'group' ELSE 'rule' END);
	INSERT INTO @extschema@.abac_policy_rule_groups (policy_id, rule_group_id, sort_order)
	SELECT l.owner_id, l.target_id, l.content::integer
	FROM @extschema@.abac_document_links(document) l
	WHERE l.part = 'groups' AND NOT EXISTS (
		SELECT FROM @extschema@.abac_policy_rule_groups m WHERE l.owner_id = m.policy_id AND l.target_id = m.rule_group_id);
	UPDATE @extschema@.abac_policy_assignments a SET (is_active, starts_at, expires_at) = ROW(l.is_active, l.starts_at, l.expires_at)
	FROM @extschema@.abac_document_links(document) l
	WHERE l.part = 'assignments' AND l.owner_id = a.policy_id AND l.target = a.target_type
		AND CASE l.target WHEN 'role' THEN l.target_id::text ELSE l.of_name END = a.target_id
		AND ROW(a.is_active, a.starts_at, a.expires_at) IS DISTINCT FROM ROW(l.is_active, l.starts_at, l.expires_at);
	INSERT INTO @extschema@.abac_policy_assignments (policy_id, target_type, target_id, is_active, starts_at, expires_at)
	SELECT l.owner_id, l.target, CASE l.target WHEN 'role' THEN l.target_id::text ELSE l.of_name END,
		l.is_active, l.starts_at, l.expires_at
	FROM @extschema@.abac_document_links(document) l
	WHERE l.part = 'assignments' AND NOT EXISTS (
		SELECT FROM @extschema@.abac_policy_assignments a
		WHERE l.owner_id = a.policy_id AND l.target = a.target_type
			AND CASE l.target WHEN 'role' THEN l.target_id::text ELSE l.of_name END = a.target_id);
	INSERT INTO @extschema@.abac_role_permissions (role_id, permission_id)
	SELECT l.owner_id, l.target_id
	FROM @extschema@.abac_document_links(document) l
	WHERE l.part = 'permissions' AND NOT EXISTS (
		SELECT FROM @extschema@.abac_role_permissions m WHERE l.owner_id = m.role_id AND l.target_id = m.permission_id);

	DELETE FROM @extschema@.abac_permissions p
	WHERE '' = ANY (sections) AND p.name <> ALL (@extschema@.abac_document_permissions(document))
		AND NOT EXISTS (SELECT FROM @extschema@.abac_role_permissions m WHERE m.permission_id = p.id)
		AND NOT EXISTS (SELECT FROM @extschema@.abac_user_permissions m WHERE m.permission_id = p.id)
		AND NOT EXISTS (SELECT FROM @extschema@.abac_conditions m WHERE m.permission_id = p.id);
END
$$;
COMMENT ON FUNCTION abac_apply_document(jsonb) IS
	'internal: makes the tables as a checked document says';

CREATE FUNCTION abac_document_permissions(document jsonb) RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(
		SELECT concat(p ->> 'resource_type', ':', p ->> 'action')
		FROM jsonb_array_elements(document -> 'organizations') o (section), jsonb_array_elements(o.section -> 'permissions') p)
$$;
COMMENT ON FUNCTION abac_document_permissions(jsonb) IS
	'internal: the permissions that a document lists';

CREATE FUNCTION abac_document_lines(organizations text[]) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH items AS MATERIALIZED (SELECT * FROM @extschema@.abac_document_items(organizations))
	SELECT coalesce(jsonb_agg(to_jsonb(l)), '[]')
	FROM (
		SELECT i.organization, i.place, i.kind, i.key::text AS key, (i.item - 'assignments')::text AS content,
			CASE i.kind
				WHEN 'role' THEN format('%s (%s)', i.key[1], i.key[2])
				WHEN 'permission' THEN format('%s:%s', i.key[1], i.key[2])
				WHEN 'condition' THEN format('%s for %s: %s %s %s%s', i.key[1],
					CASE i.key[2] WHEN '' THEN 'all roles' ELSE format('role %s (%s)', i.key[2], i.key[3]) END,
					i.key[4], i.key[5], i.key[6], CASE i.key[7] WHEN 'OR' THEN ' (OR)' END)
				ELSE i.key[1] END AS name
		FROM items i
		UNION ALL
		SELECT i.organization, i.place, 'assignment',
			jsonb_build_array(i.key[1], a -> 'target', a -> 'id', a -> 'role')::text, a::text,
			format('%s to %s %s', i.key[1], a ->> 'target',
				CASE a ->> 'target' WHEN 'role' THEN format('%s (%s)', a #>> '{role,name}', a #>> '{role,scope}')
					|| CASE WHEN a -> 'role' ? 'organization'
							THEN coalesce(' of ' || (a #>> '{role,organization}'), ', platform-wide') ELSE '' END
				ELSE a ->> 'id' END)
		FROM items i, jsonb_array_elements(i.item -> 'assignments') a
		WHERE i.kind = 'policy') l
$$;
COMMENT ON FUNCTION abac_document_lines(text[]) IS
	'internal: what organizations have, as abac_import compares it before and after';

CREATE FUNCTION abac_import(document jsonb, dry_run boolean DEFAULT false)
	RETURNS TABLE (action text, kind text, organization text, name text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD'
	SET jit = off SET enable_nestloop = off
AS $$
DECLARE
	sections text[];
	was jsonb;
	is_now jsonb;
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	IF document IS NULL OR dry_run IS NULL THEN
		RAISE EXCEPTION '% must not be NULL', CASE WHEN document IS NULL THEN 'document' ELSE 'dry_run' END
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		-- what the tables hold must be read once they are locked
		RAISE EXCEPTION 'abac_import needs isolation level READ COMMITTED'
			USING ERRCODE = 'invalid_transaction_state',
				  DETAIL = 'An older snapshot could miss what was added since.',
				  HINT = 'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
	END IF;
	PERFORM @extschema@.abac_check_document(document);
	sections := ARRAY(SELECT coalesce(o ->> 'organization', '') FROM jsonb_array_elements(document -> 'organizations') o);

	BEGIN
		LOCK TABLE @extschema@.abac_attribute_definitions, @extschema@.abac_rules, @extschema@.abac_rule_groups,
			@extschema@.abac_rule_group_members, @extschema@.abac_policies, @extschema@.abac_policy_rule_groups,
			@extschema@.abac_policy_assignments, @extschema@.abac_resource_types, @extschema@.abac_roles,
			@extschema@.abac_permissions, @extschema@.abac_role_permissions, @extschema@.abac_conditions,
			@extschema@.abac_policy_rules IN SHARE ROW EXCLUSIVE MODE;
		-- What is reported is what is there then and wasn't before, whatever was
		-- done.  Permissions are platform-wide.
		was := @extschema@.abac_document_lines(sections || ''::text);
		PERFORM @extschema@.abac_apply_document(document);
		is_now := @extschema@.abac_document_lines(sections || ''::text);
		IF dry_run THEN
			RAISE EXCEPTION 'dry run' USING ERRCODE = 'ABDRY';
		END IF;
	EXCEPTION
		WHEN SQLSTATE 'ABDRY' THEN
			IF NOT dry_run OR is_now IS NULL THEN
				RAISE;
			END IF;
		WHEN OTHERS THEN
			-- the guards' errors without the statements that were made of the document
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
				hint = PG_EXCEPTION_HINT;
			IF left(state, 2) = 'XX' THEN
				RAISE;
			END IF;
			-- one that is empty would be shown
			IF hint <> '' THEN
				RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message, DETAIL = detail, HINT = hint;
			ELSIF detail <> '' THEN
				RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message, DETAIL = detail;
			END IF;
			RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message;
	END;

	RETURN QUERY
	SELECT CASE WHEN o.content IS NULL THEN 'added' WHEN n.content IS NULL THEN 'removed'
				WHEN o.content <> n.content THEN 'changed' ELSE 'kept' END,
		   l.kind, nullif(l.organization, ''), coalesce(n.name, o.name)
	FROM jsonb_to_recordset(was) o (organization text, place integer, kind text, key text, content text, name text)
		FULL JOIN jsonb_to_recordset(is_now) n (organization text, place integer, kind text, key text, content text, name text)
			USING (organization, place, kind, key),
		LATERAL (SELECT coalesce(n.organization, o.organization), coalesce(n.place, o.place), coalesce(n.kind, o.kind)) l (organization, place, kind)
	WHERE o.content IS DISTINCT FROM n.content
		OR (l.kind = 'permission' AND '' = ANY (sections) AND n.name <> ALL (@extschema@.abac_document_permissions(document)))
	ORDER BY l.organization COLLATE "C", l.place, l.kind COLLATE "C" DESC, coalesce(n.name, o.name) COLLATE "C", coalesce(n.content, o.content) COLLATE "C";
END
$$;
CREATE FUNCTION abac_unique_jsonb(document text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_unique_jsonb'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_unique_jsonb(text) IS
	'internal: the text as jsonb; an error when an object has two fields of one name, of which jsonb keeps the last';

CREATE FUNCTION abac_import(document text, dry_run boolean DEFAULT false)
	RETURNS TABLE (action text, kind text, organization text, name text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT * FROM @extschema@.abac_import(@extschema@.abac_unique_jsonb(document), dry_run)';
COMMENT ON FUNCTION abac_import(text, boolean) IS
	'the same of a document as text, such as a file''s; one in which a key is there twice is refused';
COMMENT ON FUNCTION abac_import(jsonb, boolean) IS
	'makes the policies of each organization that has a section in the document what the section says, all or nothing, and says what that added, changed, removed (and which permissions it kept, being in use, though the document lacks them); dry_run: says so, and changes nothing. A list below a group, policy or role is part of it, but assignments are named by themselves. Who may call it may grant anybody anything';

--
-- From and to MongoDB: condition trees and users' attributes (src/import.c,
-- src/document.h says what each type becomes).
--

CREATE FUNCTION abac_bson_to_jsonb(document bytea) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'abac_bson_to_jsonb'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_bson_to_jsonb(bytea) IS 'one BSON document as jsonb';

CREATE FUNCTION abac_jsonb_to_bson(document jsonb, dates text[] DEFAULT '{}') RETURNS bytea
	AS 'MODULE_PATHNAME', 'abac_jsonb_to_bson'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_jsonb_to_bson(jsonb, text[]) IS
	'a JSON object as one BSON document, which abac_bson_to_jsonb makes the same of; its fields named in dates become datetimes';

CREATE FUNCTION abac_jsonb_to_extended_json(document jsonb, dates text[] DEFAULT '{}', relaxed boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'abac_jsonb_to_extended_json'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_jsonb_to_extended_json(jsonb, text[], boolean) IS
	'a JSON object as one line of Extended JSON; its fields named in dates become datetimes';

CREATE FUNCTION abac_next_documents(source bytea, path text, version text, start bigint, number bigint, OUT documents bytea[],
									OUT is_json boolean, OUT next bigint, OUT size bigint, OUT new_version text)
	AS 'MODULE_PATHNAME', 'abac_next_documents'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_next_documents(bytea, text, text, bigint, bigint) IS
	'internal: some documents of a value or a file, from a position on';

CREATE FUNCTION abac_read_document(document bytea, is_json boolean, fields text[], serialized text,
								   OUT content jsonb, OUT others text[], OUT stringified bytea)
	AS 'MODULE_PATHNAME', 'abac_read_document'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION abac_read_document(bytea, boolean, text[], text) IS
	'internal: fields of a document, the names of its others, and one field as JSON.stringify writes it';

-- Import documents at once, or raise an error that is about one of them if there
-- is only one.  unverified: the numbers among them whose hash can't be verified.
CREATE FUNCTION abac_import_rule_conditions_batch(documents bytea[], is_json boolean, OUT imported bigint,
												  OUT left_out jsonb, OUT verified bigint, OUT unverified bigint[])
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted CONSTANT text[] := '{rule_id,organization_id,condition_tree,description,schema_version,condition_hash,updated_by}';
	tree CONSTANT text := 'condition_tree';
	read record;
BEGIN
	WITH document AS MATERIALIZED (
		SELECT d.number, d.content, d.others, d.content -> tree AS tree, d.content ->> 'updated_by' AS updated_by,
			d.content ->> 'description' AS description, lower(d.content ->> 'condition_hash') AS hash, d.stringified,
			CASE WHEN d.content ->> 'rule_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
				 THEN (d.content ->> 'rule_id')::uuid END AS rule_id,
			d.content ->> 'organization_id' AS organization_id, d.content ? 'organization_id' AS says_organization,
			coalesce(jsonb_typeof(d.content -> 'description'), 'null') IN ('string', 'null')
				AND coalesce(jsonb_typeof(d.content -> 'updated_by'), 'null') IN ('string', 'null')
				AND coalesce(jsonb_typeof(d.content -> 'condition_hash'), 'null') IN ('string', 'null') AS has_texts
		FROM (SELECT u.number, r.*
			  FROM unnest(documents) WITH ORDINALITY u (document, number),
				   LATERAL @extschema@.abac_read_document(u.document, is_json, wanted, tree) r) d
	), matched AS MATERIALIZED (
		SELECT d.*, r.id, r.organization_id IS NOT DISTINCT FROM d.organization_id AS fits,
			r.description AS old_description,
			r.conditions IS NULL OR r.conditions::text <> d.tree::text
				OR r.description IS NULL AND d.description IS NOT NULL
				OR r.updated_by IS DISTINCT FROM coalesce(d.updated_by, r.updated_by) AS differs
		FROM document d LEFT JOIN @extschema@.abac_rules r ON r.id = d.rule_id
	), seen AS (
		INSERT INTO pg_temp.abac_import_seen (key)
		SELECT m.id::text FROM matched m WHERE m.id IS NOT NULL
		ON CONFLICT DO NOTHING RETURNING 1
	), changed AS (
		UPDATE @extschema@.abac_rules r
		SET conditions = m.tree, description = coalesce(r.description, m.description),
			updated_by = coalesce(m.updated_by, r.updated_by)
		FROM matched m
		WHERE r.id = m.id AND m.fits AND m.differs AND jsonb_typeof(m.tree) <> 'null'
		RETURNING 1
	), others AS (
		SELECT name, sum(times) AS times
		FROM (SELECT m.others, count(*) AS times FROM matched m GROUP BY m.others) o, unnest(o.others) AS name
		GROUP BY name
		UNION ALL
		SELECT 'description', count(*) FROM matched m WHERE m.old_description <> m.description HAVING count(*) > 0
	)
	SELECT count(*) FILTER (WHERE m.id IS NULL) AS unknown, count(*) FILTER (WHERE NOT m.fits) AS elsewhere,
		count(*) FILTER (WHERE NOT m.says_organization) AS homeless, count(*) FILTER (WHERE NOT m.has_texts) AS odd,
		count(*) FILTER (WHERE coalesce(jsonb_typeof(m.tree), 'null') = 'null') AS treeless,
		count(*) FILTER (WHERE coalesce(m.content ->> 'schema_version', '1') <> '1') AS other_versions,
		(SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM changed) AS changed,
		(SELECT jsonb_object_agg(o.name, o.times) FROM others o) AS others,
		count(*) FILTER (WHERE v.is_verified) AS verified,
		array_agg(m.number) FILTER (WHERE NOT v.is_verified) AS unverified
	INTO read
	FROM matched m, LATERAL (
		-- of the two serializations that are known: jsonb's text, and JSON.stringify's
		SELECT CASE WHEN m.hash IS NOT NULL
					THEN m.hash = @extschema@.abac_condition_hash(m.tree)
						 OR coalesce(m.hash = encode(sha256(m.stringified), 'hex'), false) END) v (is_verified);

	IF read.unknown > 0 THEN
		RAISE EXCEPTION 'no rule has the id that field "rule_id" holds'
			USING ERRCODE = 'foreign_key_violation';
	ELSIF read.homeless > 0 THEN
		RAISE EXCEPTION 'field "organization_id" is missing'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A platform-wide rule''s is null.';
	ELSIF read.odd > 0 THEN
		RAISE EXCEPTION 'fields "description", "updated_by" and "condition_hash" must be strings or null'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF read.elsewhere > 0 THEN
		RAISE EXCEPTION 'the rule belongs to another organization than field "organization_id" says'
			USING ERRCODE = 'integrity_constraint_violation';
	ELSIF read.treeless > 0 THEN
		RAISE EXCEPTION 'field "condition_tree" is missing or null'
			USING ERRCODE = 'not_null_violation';
	ELSIF read.other_versions > 0 THEN
		RAISE EXCEPTION 'field "schema_version" is not 1'
			USING ERRCODE = 'feature_not_supported';
	ELSIF read.seen < cardinality(documents) THEN
		RAISE EXCEPTION 'a document before this one is about the same rule'
			USING ERRCODE = 'unique_violation';
	END IF;
	imported := read.changed;
	left_out := coalesce(read.others, '{}');
	verified := read.verified;
	unverified := coalesce(read.unverified, '{}');
END
$$;
COMMENT ON FUNCTION abac_import_rule_conditions_batch(bytea[], boolean) IS
	'internal: imports documents of rules'' conditions, all or none';

CREATE FUNCTION abac_import_user_attributes_batch(documents bytea[], is_json boolean, OUT imported bigint,
												  OUT left_out jsonb, OUT verified bigint, OUT unverified bigint[])
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted CONSTANT text[] := '{user_id,organization_id,attributes,updated_by}';
	read record;
BEGIN
	WITH document AS MATERIALIZED (
		SELECT d.others, d.content -> 'attributes' AS attributes, d.content ->> 'updated_by' AS updated_by,
			CASE jsonb_typeof(d.content -> 'user_id')
				WHEN 'string' THEN nullif(d.content ->> 'user_id', '')
				WHEN 'number' THEN substring(d.content ->> 'user_id' FROM '^-?[0-9]+$') END AS user_id,
			d.content ->> 'organization_id' AS organization_id,
			CASE jsonb_typeof(d.content -> 'organization_id')
				WHEN 'string' THEN d.content ->> 'organization_id' <> ''
				WHEN 'number' THEN d.content ->> 'organization_id' ~ '^-?[0-9]+$'
				WHEN 'null' THEN true
				ELSE false END AS fits,
			coalesce(jsonb_typeof(d.content -> 'updated_by'), 'null') IN ('string', 'null') AS has_texts
		FROM (SELECT r.*
			  FROM unnest(documents) u (document),
				   LATERAL @extschema@.abac_read_document(u.document, is_json, wanted, '') r) d
	), seen AS (
		INSERT INTO pg_temp.abac_import_seen (key)
		SELECT jsonb_build_array(d.user_id, d.organization_id)::text FROM document d
		ON CONFLICT DO NOTHING RETURNING 1
	), changed AS (
		INSERT INTO @extschema@.abac_user_attributes AS a (user_id, organization_id, attributes, updated_by)
		SELECT d.user_id, d.organization_id, d.attributes, d.updated_by
		FROM document d
		WHERE d.user_id IS NOT NULL AND d.fits AND jsonb_typeof(d.attributes) = 'object'
		ON CONFLICT ON CONSTRAINT abac_user_attributes_user_id_organization_id_key
		DO UPDATE SET attributes = excluded.attributes, updated_by = coalesce(excluded.updated_by, a.updated_by)
		WHERE a.attributes::text <> excluded.attributes::text
			OR a.updated_by IS DISTINCT FROM coalesce(excluded.updated_by, a.updated_by)
		RETURNING 1
	)
	SELECT count(*) FILTER (WHERE d.user_id IS NULL) AS userless, count(*) FILTER (WHERE NOT d.fits) AS odd,
		count(*) FILTER (WHERE coalesce(jsonb_typeof(d.attributes), '') <> 'object') AS without,
		count(*) FILTER (WHERE NOT d.has_texts) AS textless,
		(SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM changed) AS changed,
		(SELECT jsonb_object_agg(name, times)
		 FROM (SELECT name, sum(o.times) AS times
			   FROM (SELECT d.others, count(*) AS times FROM document d GROUP BY d.others) o, unnest(o.others) AS name
			   GROUP BY name) n) AS others
	INTO read
	FROM document d;

	IF read.userless > 0 THEN
		RAISE EXCEPTION 'field "user_id" must be a string that is not empty, or a whole number'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF read.odd > 0 THEN
		RAISE EXCEPTION 'field "organization_id" must be a string that is not empty, a whole number, or null'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Null is for attributes that hold in every organization.';
	ELSIF read.textless > 0 THEN
		RAISE EXCEPTION 'field "updated_by" must be a string or null'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF read.without > 0 THEN
		RAISE EXCEPTION 'field "attributes" must be an object'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF read.seen < cardinality(documents) THEN
		RAISE EXCEPTION 'a document before this one is about the same user and organization'
			USING ERRCODE = 'unique_violation';
	END IF;
	imported := read.changed;
	left_out := coalesce(read.others, '{}');
	verified := 0;
	unverified := '{}';
END
$$;
COMMENT ON FUNCTION abac_import_user_attributes_batch(bytea[], boolean) IS
	'internal: imports documents of users'' attributes, all or none';

-- What a document calls itself, for messages; NULL when it can't be read.
CREATE FUNCTION abac_import_id(document bytea, is_json boolean, fields text[]) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	content jsonb;
BEGIN
	SELECT r.content INTO content FROM @extschema@.abac_read_document(document, is_json, fields, '') r;
	RETURN nullif(concat_ws(' in ', content ->> fields[1], content ->> fields[2]), '');
EXCEPTION WHEN data_exception OR program_limit_exceeded OR feature_not_supported THEN
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION abac_import_id(bytea, boolean, text[]) IS
	'internal: the ids that a document holds';

-- Import documents, the first of which has that number.  Those that can't be are
-- found by halving, and returned by number, with everything else undone that was
-- tried together with them.
CREATE FUNCTION abac_import_documents(collection text, documents bytea[], is_json boolean, number bigint, OUT imported bigint,
									  OUT left_out jsonb, OUT verified bigint, OUT unverified bigint[],
									  OUT problems jsonb[])
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	half int := cardinality(documents) / 2;
	ids text[];
	state text;
	message text;
	detail text;
	a record;
	b record;
BEGIN
	BEGIN
		IF collection = 'rule_conditions' THEN
			SELECT * INTO STRICT imported, left_out, verified, unverified
			FROM @extschema@.abac_import_rule_conditions_batch(documents, is_json);
		ELSE
			SELECT * INTO STRICT imported, left_out, verified, unverified
			FROM @extschema@.abac_import_user_attributes_batch(documents, is_json);
		END IF;
		SELECT coalesce(array_agg(u + abac_import_documents.number - 1), '{}') INTO unverified FROM unnest(unverified) u;
		problems := '{}';
		RETURN;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		-- not the documents' fault: deadlocks, resources, interventions, bugs
		IF left(state, 2) IN ('25', '40', '53', '57', '58', 'XX') OR state = '55P03' THEN
			RAISE;
		END IF;
	END;

	IF half = 0 THEN
		ids := CASE collection WHEN 'rule_conditions' THEN '{rule_id}'::text[] ELSE '{user_id,organization_id}' END;
		imported := 0;
		left_out := '{}';
		verified := 0;
		unverified := '{}';
		problems := ARRAY[jsonb_build_object(
			'number', number, 'id', @extschema@.abac_import_id(documents[1], is_json, ids),
			'state', state, 'detail', concat_ws(': ', message, nullif(detail, '')))];
		RETURN;
	END IF;
	SELECT * INTO a FROM @extschema@.abac_import_documents(collection, documents[:half], is_json, number);
	SELECT * INTO b FROM @extschema@.abac_import_documents(collection, documents[half + 1:], is_json, number + half);
	imported := a.imported + b.imported;
	left_out := @extschema@.abac_add_counts(a.left_out, b.left_out);
	verified := a.verified + b.verified;
	unverified := a.unverified || b.unverified;
	problems := a.problems || b.problems;
END
$$;
COMMENT ON FUNCTION abac_import_documents(text, bytea[], boolean, bigint) IS
	'internal: imports what can be imported of some documents, and says what can''t';

CREATE FUNCTION abac_add_counts(a jsonb, b jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(key, times), '{}')
	FROM (SELECT CASE WHEN key <= last OR last IS NULL THEN key ELSE '(other fields)' END AS key, sum(value::bigint) AS times
		  FROM (SELECT e.*, (SELECT k FROM (SELECT jsonb_object_keys(a) UNION SELECT jsonb_object_keys(b)) k (k)
							 ORDER BY k COLLATE "C" LIMIT 1 OFFSET 999) COLLATE "C" AS last
				FROM (SELECT * FROM jsonb_each_text(a) UNION ALL SELECT * FROM jsonb_each_text(b)) e) l
		  GROUP BY 1) s
$$;
COMMENT ON FUNCTION abac_add_counts(jsonb, jsonb) IS
	'internal: counts by name, added up; of more than 1000 names the rest together';

CREATE FUNCTION abac_import_all(collection text, source bytea, path text, dry_run boolean, on_error text)
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	batch record;
	result record;
	problem jsonb;
	number bigint := 1;
	start bigint := 0;
	version text;
	imported bigint := 0;
	skipped bigint := 0;
	verified bigint := 0;
	left_out jsonb := '{}';
	reported bigint := 0;
	kind text := regexp_replace(collection, '^abac_', '');
BEGIN
	IF source IS NULL AND path IS NULL THEN
		RAISE EXCEPTION 'nothing to import'
			USING ERRCODE = 'null_value_not_allowed', DETAIL = 'The documents, or the path, must not be NULL.';
	END IF;
	IF kind IS NULL OR kind NOT IN ('rule_conditions', 'user_attributes') THEN
		RAISE EXCEPTION 'collection % can''t be imported', coalesce(quote_literal(collection), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is abac_rule_conditions or abac_user_attributes.';
	END IF;
	IF on_error IS NULL OR on_error NOT IN ('stop', 'skip') OR dry_run IS NULL THEN
		RAISE EXCEPTION 'on_error must be stop or skip, and dry_run true or false'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	source := source || ''::bytea;	-- so that it is decompressed once
	BEGIN
		-- no rule may come or go between the look at it and its change
		IF kind = 'rule_conditions' THEN
			LOCK TABLE @extschema@.abac_rules IN SHARE ROW EXCLUSIVE MODE;
		END IF;
		CREATE TEMPORARY TABLE abac_import_seen (key text COLLATE "C" PRIMARY KEY) ON COMMIT DROP;
		LOOP
			SELECT * INTO batch FROM @extschema@.abac_next_documents(source, path, version, start, number);
			version := batch.new_version;
			EXIT WHEN batch.documents = '{}';
			SELECT * INTO result FROM @extschema@.abac_import_documents(kind, batch.documents, batch.is_json, number);

			FOREACH problem IN ARRAY result.problems LOOP
				IF on_error = 'stop' AND NOT dry_run THEN
					RAISE EXCEPTION 'could not import document %', problem ->> 'number'
						USING ERRCODE = problem ->> 'state',
							  DETAIL = concat_ws(': ', problem ->> 'id', problem ->> 'detail'),
							  HINT = 'Nothing was imported. dry_run => true lists all such documents, on_error => ''skip'' leaves them out.';
				END IF;
				outcome := 'problem';
				document := problem ->> 'number';
				id := problem ->> 'id';
				detail := problem ->> 'detail';
				RETURN NEXT;
			END LOOP;
			outcome := 'hash not verifiable';
			detail := NULL;
			FOREACH document IN ARRAY result.unverified LOOP
				id := @extschema@.abac_import_id(batch.documents[document - number + 1], batch.is_json, '{rule_id}');
				RETURN NEXT;
			END LOOP;
			imported := imported + result.imported;
			skipped := skipped + cardinality(result.problems);
			verified := verified + result.verified;
			left_out := @extschema@.abac_add_counts(left_out, result.left_out);

			number := number + cardinality(batch.documents);
			start := batch.next;
			IF number - 1 >= reported + 100000 THEN
				reported := number - 1;
				RAISE NOTICE '% documents read, % %%', reported, start * 100 / batch.size;
			END IF;
		END LOOP;
		DROP TABLE pg_temp.abac_import_seen;
		-- a rule whose document got lost would be true for everybody
		IF kind = 'rule_conditions' THEN
			outcome := 'unconditional';
			document := NULL;
			FOR id, detail IN
				SELECT r.id, concat_ws(' of organization ', quote_ident(r.name), quote_ident(r.organization_id))
				FROM @extschema@.abac_rules r WHERE r.conditions IS NULL
				ORDER BY r.organization_id NULLS FIRST, r.name
			LOOP
				RETURN NEXT;
			END LOOP;
		END IF;
		IF dry_run THEN
			-- undoes everything; the rows to return stay
			RAISE EXCEPTION USING ERRCODE = 'ABAC0', MESSAGE = 'dry run';
		END IF;
	EXCEPTION WHEN SQLSTATE 'ABAC0' THEN
		NULL;
	END;

	document := NULL;
	id := NULL;
	FOR outcome, count, detail IN
		SELECT *
		FROM (VALUES ('imported', imported, NULL), ('unchanged', number - 1 - skipped - imported, NULL),
					 ('skipped', skipped, NULL), ('hash verified', nullif(verified, 0), NULL)) v (outcome, times, detail)
		WHERE v.times IS NOT NULL
		UNION ALL
		(SELECT 'left out', value::bigint, key FROM jsonb_each_text(left_out) ORDER BY key COLLATE "C")
	LOOP
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION abac_import_all(text, bytea, text, boolean, text) IS
	'internal: the import of a value, or of a file of the server';


CREATE FUNCTION abac_import_rule_conditions(documents bytea, dry_run boolean DEFAULT false, on_error text DEFAULT 'stop')
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT * FROM @extschema@.abac_import_all(''rule_conditions'', $1, NULL, $2, $3)';
COMMENT ON FUNCTION abac_import_rule_conditions(bytea, boolean, text) IS
	'imports rules'' condition trees from the content of a mongodump file, or of a mongoexport file; all or nothing, unless on_error is skip';

CREATE FUNCTION abac_import_rule_conditions(documents text, dry_run boolean DEFAULT false, on_error text DEFAULT 'stop')
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT * FROM @extschema@.abac_import_all(''rule_conditions'', pg_catalog.convert_to($1, ''UTF8''), NULL, $2, $3)';
COMMENT ON FUNCTION abac_import_rule_conditions(text, boolean, text) IS
	'imports rules'' condition trees from Extended JSON, one document a line; all or nothing, unless on_error is skip';

CREATE FUNCTION abac_import_user_attributes(documents bytea, dry_run boolean DEFAULT false, on_error text DEFAULT 'stop')
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT * FROM @extschema@.abac_import_all(''user_attributes'', $1, NULL, $2, $3)';
COMMENT ON FUNCTION abac_import_user_attributes(bytea, boolean, text) IS
	'imports users'' attributes from the content of a mongodump file, or of a mongoexport file; all or nothing, unless on_error is skip';

CREATE FUNCTION abac_import_user_attributes(documents text, dry_run boolean DEFAULT false, on_error text DEFAULT 'stop')
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT * FROM @extschema@.abac_import_all(''user_attributes'', pg_catalog.convert_to($1, ''UTF8''), NULL, $2, $3)';
COMMENT ON FUNCTION abac_import_user_attributes(text, boolean, text) IS
	'imports users'' attributes from Extended JSON, one document a line; all or nothing, unless on_error is skip';

CREATE FUNCTION abac_import_file(path text, collection text, dry_run boolean, on_error text)
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM @extschema@.abac_import_all(collection, NULL, path, dry_run, on_error);
END
$$;
COMMENT ON FUNCTION abac_import_file(text, text, boolean, text) IS
	'internal: abac_import_mongodump for a caller who was checked';

CREATE FUNCTION abac_import_mongodump(path text, collection text, dry_run boolean DEFAULT false, on_error text DEFAULT 'stop')
	RETURNS TABLE (outcome text, count bigint, document bigint, id text, detail text)
	AS 'MODULE_PATHNAME', 'abac_import_mongodump'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION abac_import_mongodump(text, text, boolean, text) IS
	'imports a file of the server, written by mongodump or mongoexport, of any size; collection is abac_rule_conditions or abac_user_attributes. For members of pg_read_server_files';

CREATE FUNCTION abac_rule_condition_documents() RETURNS SETOF jsonb
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('rule_id', r.id, 'organization_id', r.organization_id, 'condition_tree', r.conditions,
		'description', r.description, 'schema_version', 1, 'condition_hash', r.condition_hash, 'updated_by', r.updated_by,
		'createdAt', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'updatedAt', to_char(r.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
	FROM @extschema@.abac_rules r
	WHERE r.conditions IS NOT NULL
	ORDER BY r.id
$$;
COMMENT ON FUNCTION abac_rule_condition_documents() IS
	'internal: the conditions of rules as MongoDB had them';

CREATE FUNCTION abac_user_attribute_documents() RETURNS SETOF jsonb
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('user_id', a.user_id, 'organization_id', a.organization_id, 'attributes', a.attributes,
		'updated_by', a.updated_by,
		'createdAt', to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'updatedAt', to_char(a.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
	FROM @extschema@.abac_user_attributes a
	ORDER BY a.user_id, a.organization_id NULLS FIRST
$$;
COMMENT ON FUNCTION abac_user_attribute_documents() IS
	'internal: users'' attributes as MongoDB had them';

CREATE FUNCTION abac_export_rule_conditions() RETURNS SETOF bytea
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT @extschema@.abac_jsonb_to_bson(d, ''{createdAt,updatedAt}'') FROM @extschema@.abac_rule_condition_documents() d';
COMMENT ON FUNCTION abac_export_rule_conditions() IS
	'a BSON document for every rule that has conditions: one after another they are a mongodump file';

CREATE FUNCTION abac_export_rule_conditions_json(relaxed boolean DEFAULT false) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT @extschema@.abac_jsonb_to_extended_json(d, ''{createdAt,updatedAt}'', relaxed) FROM @extschema@.abac_rule_condition_documents() d';
COMMENT ON FUNCTION abac_export_rule_conditions_json(boolean) IS
	'the same as Extended JSON, a line each';

CREATE FUNCTION abac_export_user_attributes() RETURNS SETOF bytea
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT @extschema@.abac_jsonb_to_bson(d, ''{createdAt,updatedAt}'') FROM @extschema@.abac_user_attribute_documents() d';
COMMENT ON FUNCTION abac_export_user_attributes() IS
	'a BSON document for every row of abac_user_attributes: one after another they are a mongodump file';

CREATE FUNCTION abac_export_user_attributes_json(relaxed boolean DEFAULT false) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT @extschema@.abac_jsonb_to_extended_json(d, ''{createdAt,updatedAt}'', relaxed) FROM @extschema@.abac_user_attribute_documents() d';
COMMENT ON FUNCTION abac_export_user_attributes_json(boolean) IS
	'the same as Extended JSON, a line each';

--
-- Privileges: anyone may ask about themselves (abac_can, abac_user); all else
-- is granted by name.
--

REVOKE ALL ON FUNCTION
	abac_check(text, text, text, jsonb),
	abac_check(uuid, text, text, jsonb),
	abac_check(bigint, text, text, jsonb),
	abac_require(text, text, text, jsonb),
	abac_require(uuid, text, text, jsonb),
	abac_require(bigint, text, text, jsonb),
	abac_explain(text, text, text, jsonb),
	abac_explain(uuid, text, text, jsonb),
	abac_explain(bigint, text, text, jsonb),
	abac_explain_text(text, text, text, jsonb),
	abac_explain_text(uuid, text, text, jsonb),
	abac_explain_text(bigint, text, text, jsonb),
	abac_check(text, text, record, jsonb),
	abac_check(uuid, text, record, jsonb),
	abac_check(bigint, text, record, jsonb),
	abac_require(text, text, record, jsonb),
	abac_require(uuid, text, record, jsonb),
	abac_require(bigint, text, record, jsonb),
	abac_explain(text, text, record, jsonb),
	abac_explain(uuid, text, record, jsonb),
	abac_explain(bigint, text, record, jsonb),
	abac_explain_text(text, text, record, jsonb),
	abac_explain_text(uuid, text, record, jsonb),
	abac_explain_text(bigint, text, record, jsonb),
	abac_register(regclass, text, name, name, name, name, text),
	abac_registration(regclass),
	abac_write_registration(regclass, text, name, name, name, name, text),
	abac_delete_registration(regclass),
	abac_unregister(regclass),
	abac_protect(regclass, text, name, name, name, name, text, jsonb, boolean),
	abac_unprotect(regclass),
	abac_bind(text, regclass, jsonb),
	abac_write_binding(text, regclass, jsonb),
	abac_unbind(text, regclass, boolean),
	abac_delete_binding(text, regclass, boolean),
	abac_verify_binding(text, regclass),
	abac_compare_binding(text, regclass),
	abac_binding_columns(text),
	abac_binding_types(regclass, text[]),
	abac_binding_value(text, text, text),
	abac_binding_constant(text, jsonb),
	abac_plan_binding(text, regclass, jsonb),
	abac_binding_query(uuid, boolean),
	abac_bound_role(text, text, text, boolean),
	abac_bound_permission(text, boolean),
	abac_require_binding(uuid, regclass),
	abac_forget_binding(uuid, boolean),
	abac_rows(regclass, text[], bigint, bigint),
	abac_row_by_key(regclass, text[], text[], "any"),
	abac_refuse_row(text, text[], text),
	abac_binding_checks(text),
	abac_binding_labels(regclass, text[], text[]),
	abac_set_context(jsonb, boolean),
	abac_set_user(text, boolean),
	abac_set_user(uuid, boolean),
	abac_set_user(bigint, boolean),
	abac_filter(text, text, regclass, jsonb),
	abac_filter(uuid, text, regclass, jsonb),
	abac_filter(bigint, text, regclass, jsonb),
	abac_verify_filter(text, text, regclass, jsonb, bigint),
	abac_grant_super_admin(text),
	abac_grant_super_admin(uuid),
	abac_grant_super_admin(bigint),
	abac_document_kinds(),
	abac_document_parts(text, uuid, text),
	abac_document_items(text[]),
	abac_document_links(jsonb),
	abac_document_statements(),
	abac_document_permissions(jsonb),
	abac_document_lines(text[]),
	abac_refuse_document(text, text, text),
	abac_check_object(jsonb, text, jsonb, text[]),
	abac_check_part(text, text, jsonb, text),
	abac_check_document(jsonb),
	abac_apply_document(jsonb),
	abac_export(text),
	abac_import(jsonb, boolean),
	abac_import(text, boolean),
	abac_bson_to_jsonb(bytea),
	abac_jsonb_to_bson(jsonb, text[]),
	abac_jsonb_to_extended_json(jsonb, text[], boolean),
	abac_next_documents(bytea, text, text, bigint, bigint),
	abac_unique_jsonb(text),
	abac_read_document(bytea, boolean, text[], text),
	abac_import_rule_conditions_batch(bytea[], boolean),
	abac_import_user_attributes_batch(bytea[], boolean),
	abac_import_id(bytea, boolean, text[]),
	abac_import_documents(text, bytea[], boolean, bigint),
	abac_add_counts(jsonb, jsonb),
	abac_import_all(text, bytea, text, boolean, text),
	abac_import_rule_conditions(bytea, boolean, text),
	abac_import_rule_conditions(text, boolean, text),
	abac_import_user_attributes(bytea, boolean, text),
	abac_import_user_attributes(text, boolean, text),
	abac_import_file(text, text, boolean, text),
	abac_import_mongodump(text, text, boolean, text),
	abac_rule_condition_documents(),
	abac_user_attribute_documents(),
	abac_export_rule_conditions(),
	abac_export_rule_conditions_json(boolean),
	abac_export_user_attributes(),
	abac_export_user_attributes_json(boolean)
FROM PUBLIC;
