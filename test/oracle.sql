-- A second opinion: DESIGN.md §3 (conditions), §4 (attributes), §5 (the decision) and §7 (rows) read once more, in
-- PL/pgSQL, slowly and plainly. It shares nothing with the engine but the tables, so a difference between the two is a bug in
-- one of them, or a sentence of the contract that says two things.
--
--     decision and reason:  SELECT * FROM oracle.decide('alice', 'read', 'document:7', '{"scope": …}', now());
--     the same of a row:    SELECT d.* FROM docs t, oracle.decide_row('alice', 'read', t, '{}', now()) d;
--
-- A truth value is a boolean whose NULL means "unknown". A value that isn't there is SQL NULL. Where the contract
-- leaves a choice, the choice that denies more is taken and marked READING. Needs the rights of the tables' owner,
-- and the tables' schema on the search_path.

DROP SCHEMA IF EXISTS oracle CASCADE;
CREATE SCHEMA oracle;

-- What is asked, with the scope chain S filled in (§5).
CREATE TYPE oracle.request AS (
	user_id text,
	action text,
	resource_type text,
	resource_id text,
	ctx jsonb,
	now_ts timestamptz,
	organization text,
	project text,
	workspace text,
	columns jsonb			-- of a row (§7), as oracle.row_columns makes them; NULL where no row is asked about
);

-- ---------------------------------------------------------------------------------------------------------------
-- Truth and time
-- ---------------------------------------------------------------------------------------------------------------

-- Kleene's AND (§3); of nothing: true.
CREATE FUNCTION oracle.all_of(truths boolean[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF false = ANY (truths) THEN RETURN false; END IF;
	IF array_position(truths, NULL) IS NOT NULL THEN RETURN NULL; END IF;
	RETURN true;
END $$;

-- Kleene's OR (§3); of nothing: false.
CREATE FUNCTION oracle.any_of(truths boolean[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF true = ANY (truths) THEN RETURN true; END IF;
	IF array_position(truths, NULL) IS NOT NULL THEN RETURN NULL; END IF;
	RETURN false;
END $$;

-- §2: a window's ends are in it; NULL is unbounded.
CREATE FUNCTION oracle.window_open(starts_at timestamptz, expires_at timestamptz, now_ts timestamptz) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN (starts_at IS NULL OR starts_at <= now_ts) AND (expires_at IS NULL OR now_ts <= expires_at);
END $$;

-- §4: abac.timezone, default UTC.
CREATE FUNCTION oracle.time_zone() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(nullif(current_setting('abac.timezone', true), ''), 'UTC');
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §3: values of a type. Each function gives NULL for what can't be coerced.
-- ---------------------------------------------------------------------------------------------------------------

-- A number, or a string in JSON number syntax.
CREATE FUNCTION oracle.to_number(v jsonb) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF jsonb_typeof(v) = 'number'
		OR (jsonb_typeof(v) = 'string' AND v #>> '{}' ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$')
	THEN
		RETURN (v #>> '{}')::numeric;
	END IF;
	RETURN NULL;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;				-- more digits than a numeric holds
END $$;

CREATE FUNCTION oracle.to_boolean(v jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF jsonb_typeof(v) = 'boolean' OR v IN ('"true"', '"false"') THEN
		RETURN (v #>> '{}')::boolean;
	END IF;
	RETURN NULL;
END $$;

-- A string; a number or boolean as jsonb prints it.
CREATE FUNCTION oracle.to_string(v jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF jsonb_typeof(v) IN ('string', 'number', 'boolean') THEN
		RETURN v #>> '{}';
	END IF;
	RETURN NULL;
END $$;

-- What user.id and resource.id compare with: a string, or a number by its text.
-- READING: also when both sides are numbers, as a resource.id from ctx can be.
CREATE FUNCTION oracle.to_id(v jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF jsonb_typeof(v) IN ('string', 'number') THEN
		RETURN v #>> '{}';
	END IF;
	RETURN NULL;
END $$;

-- YYYY-MM-DD[(T| )HH:MM[:SS[.f]]][Z|±HH[:MM]] and nothing else; without an offset, in abac.timezone.
CREATE FUNCTION oracle.to_instant(v jsonb) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
	part text[];
	local_time timestamp;
	off interval;
BEGIN
	IF jsonb_typeof(v) <> 'string' THEN RETURN NULL; END IF;
	-- of a column, whatever the year, see oracle.column_value
	IF left(v #>> '{}', 1) = chr(1) THEN RETURN substr(v #>> '{}', 2)::timestamptz; END IF;
	part := regexp_match(v #>> '{}',
		'^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?)?(Z|([+-])([0-9]{2})(?::([0-9]{2}))?)?$');
	IF part IS NULL THEN RETURN NULL; END IF;
	-- READING: hour 24, second 60, offsets beyond ±15:59 are no times.
	IF part[2]::int > 23 OR part[3]::int > 59 OR part[4]::int > 59 OR part[8]::int > 15 OR part[9]::int > 59 THEN
		RETURN NULL;
	END IF;
	local_time := (part[1] || ' ' || coalesce(part[2], '00') || ':' || coalesce(part[3], '00') || ':'
		|| coalesce(part[4], '00') || coalesce(part[5], ''))::timestamp;
	IF part[6] IS NULL THEN
		RETURN local_time AT TIME ZONE oracle.time_zone();
	ELSIF part[6] = 'Z' THEN
		RETURN local_time AT TIME ZONE 'UTC';
	END IF;
	off := make_interval(hours => part[8]::int, mins => coalesce(part[9], '0')::int);
	IF part[7] = '+' THEN
		RETURN (local_time - off) AT TIME ZONE 'UTC';
	END IF;
	RETURN (local_time + off) AT TIME ZONE 'UTC';
EXCEPTION WHEN data_exception THEN
	RETURN NULL;				-- the 30th of February
END $$;

-- As inet; an IPv4-mapped address as its IPv4.
CREATE FUNCTION oracle.to_inet(v jsonb) RETURNS inet LANGUAGE plpgsql STABLE AS $$
DECLARE
	a inet;
BEGIN
	IF jsonb_typeof(v) <> 'string' THEN RETURN NULL; END IF;
	a := (v #>> '{}')::inet;
	-- READING: so is a network of mapped addresses, /96 and longer; a shorter one stays IPv6.
	IF a <<= inet '::ffff:0.0.0.0/96' THEN
		RETURN set_masklen(inet '0.0.0.0' + (a - inet '::ffff:0.0.0.0'), masklen(a) - 96);
	END IF;
	RETURN a;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;

-- Whether two elements are equal, compared as type t: one of the scalar types, 'id' (user.id, resource.id without a
-- definition), or NULL, when nothing is defined (array and json say nothing of elements). Unknown: JSON null, another
-- type, what can't be coerced.
CREATE FUNCTION oracle.equal(a jsonb, b jsonb, t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE t
		WHEN 'number' THEN oracle.to_number(a) = oracle.to_number(b)
		WHEN 'boolean' THEN oracle.to_boolean(a) = oracle.to_boolean(b)
		WHEN 'string' THEN oracle.to_string(a) = oracle.to_string(b) COLLATE "C"
		WHEN 'id' THEN oracle.to_id(a) = oracle.to_id(b) COLLATE "C"
		WHEN 'date' THEN oracle.to_instant(a) = oracle.to_instant(b)
		WHEN 'ip' THEN oracle.to_inet(a) = oracle.to_inet(b)
		WHEN 'cidr' THEN oracle.to_inet(a) = oracle.to_inet(b)
		ELSE CASE WHEN jsonb_typeof(a) = jsonb_typeof(b) AND jsonb_typeof(a) <> 'null' THEN a = b END
	END;
END $$;

-- -1, 0, 1 as a is before, at, after b; NULL where they have no order: booleans, objects, arrays, addresses.
CREATE FUNCTION oracle.compare(a jsonb, b jsonb, t text) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
	x text;
	y text;
BEGIN
	IF t IS NULL AND jsonb_typeof(a) = jsonb_typeof(b) AND jsonb_typeof(a) IN ('number', 'string') THEN
		t := jsonb_typeof(a);
	END IF;
	IF t = 'number' THEN
		RETURN sign(oracle.to_number(a) - oracle.to_number(b))::int;
	ELSIF t = 'date' THEN
		RETURN sign(extract(epoch FROM oracle.to_instant(a)) - extract(epoch FROM oracle.to_instant(b)))::int;
	ELSIF t IN ('string', 'id') THEN
		x := CASE t WHEN 'id' THEN oracle.to_id(a) ELSE oracle.to_string(a) END;
		y := CASE t WHEN 'id' THEN oracle.to_id(b) ELSE oracle.to_string(b) END;
		RETURN CASE WHEN x < y COLLATE "C" THEN -1 WHEN x = y COLLATE "C" THEN 0 WHEN x > y COLLATE "C" THEN 1 END;
	END IF;
	RETURN NULL;
END $$;

-- The string a string operator sees; NULL where the value isn't one.
CREATE FUNCTION oracle.as_text(v jsonb, t text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE
		WHEN t = 'string' THEN oracle.to_string(v)
		WHEN t = 'id' THEN oracle.to_id(v)
		WHEN t IS NULL AND jsonb_typeof(v) = 'string' THEN v #>> '{}'
	END;
END $$;

-- Membership: true when an equal element is found, false when all were comparable and none is equal, else unknown.
CREATE FUNCTION oracle.member(x jsonb, elements jsonb, t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	-- READING: what compares with nothing at all (a JSON null, what can't be coerced) is not even known to be absent
	-- from an empty array.
	IF oracle.equal(x, x, t) IS NULL THEN RETURN NULL; END IF;
	RETURN oracle.any_of(ARRAY(SELECT oracle.equal(x, e, t) FROM jsonb_array_elements(elements) e));
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §3: does a tree compile?
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.operator(op text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE
		WHEN op IN ('eq', 'equals', '=', '==') THEN 'eq'
		WHEN op IN ('neq', 'not_equals', 'ne', '!=') THEN 'neq'
		WHEN op IN ('gt', 'gte', 'lt', 'lte', 'between', 'in', 'not_in', 'contains', 'not_contains', 'starts_with',
			'ends_with', 'matches', 'is_subset', 'is_superset', 'exists', 'in_cidr', 'not_in_cidr') THEN op
	END;
END $$;

-- The attribute under its canonical root, NULL if it is no attribute's name. READING: at least one key after the root.
CREATE FUNCTION oracle.canonical(attribute text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	root text := split_part(attribute, '.', 1);
BEGIN
	IF attribute !~ '^[^.]+(\.[^.]+)+$' THEN RETURN NULL; END IF;
	root := CASE root
		WHEN 'user' THEN 'user' WHEN 'subject' THEN 'user'
		WHEN 'resource' THEN 'resource'
		WHEN 'env' THEN 'env' WHEN 'environment' THEN 'env'
		WHEN 'context' THEN 'context'
	END;
	RETURN root || substr(attribute, strpos(attribute, '.'));
END $$;

-- A value of a leaf is either a reference or a literal; neither: it is refused.
CREATE FUNCTION oracle.operand(value jsonb, OUT ref text, OUT literal jsonb) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^\$[A-Za-z]' THEN
		ref := oracle.canonical(substr(value #>> '{}', 2));
	ELSIF jsonb_typeof(value) = 'object' AND value ? 'ref' THEN
		-- READING: an object with `ref` or `literal` and anything else besides is refused.
		IF value - 'ref' = '{}' AND jsonb_typeof(value -> 'ref') = 'string' THEN
			ref := oracle.canonical(value ->> 'ref');
		END IF;
	ELSIF jsonb_typeof(value) = 'object' AND value ? 'literal' THEN
		IF value - 'literal' = '{}' THEN
			literal := nullif(value -> 'literal', 'null');
		END IF;
	ELSIF jsonb_typeof(value) = 'array' AND EXISTS (
			SELECT FROM jsonb_array_elements(value) e
			WHERE (jsonb_typeof(e) = 'string' AND e #>> '{}' ~ '^\$[A-Za-z]') OR (jsonb_typeof(e) = 'object' AND e ? 'ref'))
	THEN
		literal := NULL;		-- a reference inside an array
	ELSE
		literal := nullif(value, 'null');
	END IF;
END $$;

CREATE FUNCTION oracle.is_regex(pattern text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM '' ~ pattern;
	RETURN true;
EXCEPTION WHEN invalid_regular_expression THEN
	RETURN false;
END $$;

CREATE FUNCTION oracle.leaf_compiles(leaf jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	-- READING: a leaf is written in one of the two forms, not in a mixture.
	short boolean := leaf ? 'attr';
	attribute jsonb := leaf -> CASE WHEN short THEN 'attr' ELSE 'attribute' END;
	op text := oracle.operator(leaf ->> CASE WHEN short THEN 'op' ELSE 'operator' END);
	value jsonb := leaf -> CASE WHEN short THEN 'val' ELSE 'value' END;
	o record;
	t text;
BEGIN
	IF leaf - (CASE WHEN short THEN '{attr,op,val,path,description}' ELSE '{attribute,operator,value,path,description}' END)::text[] <> '{}'
		OR jsonb_typeof(attribute) IS DISTINCT FROM 'string' OR oracle.canonical(attribute #>> '{}') IS NULL OR op IS NULL
		OR (leaf ? 'path' AND (jsonb_typeof(leaf -> 'path') <> 'string' OR leaf ->> 'path' !~ '^\$(\.[^].[*?@"'' ]+)+$'))
	THEN
		RETURN false;
	END IF;
	o := oracle.operand(value);
	IF o.ref IS NULL AND o.literal IS NULL THEN RETURN false; END IF;
	t := jsonb_typeof(o.literal);
	IF op = 'exists' THEN
		RETURN coalesce(t = 'boolean', false);
	ELSIF op = 'matches' THEN
		RETURN coalesce(t = 'string' AND o.literal <> '""' AND oracle.is_regex(o.literal #>> '{}'), false);
	ELSIF o.ref IS NOT NULL THEN
		RETURN true;
	ELSIF op IN ('starts_with', 'ends_with') THEN
		RETURN t = 'string' AND o.literal <> '""';
	ELSIF op IN ('contains', 'not_contains') THEN
		RETURN o.literal <> '""';
	ELSIF op IN ('in', 'not_in', 'is_subset', 'is_superset') THEN
		RETURN t = 'array';
	ELSIF op = 'between' THEN
		RETURN t = 'array' AND jsonb_array_length(o.literal) = 2;
	ELSIF op IN ('in_cidr', 'not_in_cidr') THEN
		RETURN t IN ('string', 'array');
	END IF;
	RETURN true;
END $$;

-- How many nodes a tree has; NULL if it isn't one.
CREATE FUNCTION oracle.node_count(node jsonb, level int DEFAULT 1) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
	children jsonb;
	child jsonb;
	n int := 1;
	keys text[];
BEGIN
	IF level > 64 THEN RETURN NULL; END IF;
	IF jsonb_typeof(node) = 'boolean' THEN RETURN 1; END IF;
	IF jsonb_typeof(node) IS DISTINCT FROM 'object' THEN RETURN NULL; END IF;
	IF node ? 'description' AND jsonb_typeof(node -> 'description') <> 'string' THEN RETURN NULL; END IF;
	keys := ARRAY(SELECT k FROM jsonb_object_keys(node - 'description') k ORDER BY k COLLATE "C");
	IF keys = '{conditions,logic}' THEN
		IF node ->> 'logic' NOT IN ('and', 'or', 'not') OR jsonb_typeof(node -> 'logic') <> 'string' THEN RETURN NULL; END IF;
		children := node -> 'conditions';
	ELSIF keys IN ('{and}', '{or}') THEN
		children := node -> keys[1];
	ELSIF keys = '{not}' THEN
		children := CASE jsonb_typeof(node -> 'not') WHEN 'array' THEN node -> 'not' ELSE jsonb_build_array(node -> 'not') END;
	ELSE
		RETURN CASE WHEN oracle.leaf_compiles(node) THEN 1 END;
	END IF;
	IF jsonb_typeof(children) <> 'array' OR children = '[]' THEN RETURN NULL; END IF;
	FOR child IN SELECT jsonb_array_elements(children) LOOP
		n := n + oracle.node_count(child, level + 1);
	END LOOP;
	RETURN n;
END $$;

CREATE FUNCTION oracle.compiles(tree jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(oracle.node_count(tree) <= 10000, false);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §5: who the user is: roles held, scopes they are a member of, teams
-- ---------------------------------------------------------------------------------------------------------------

-- Whether a context is global or in the scope chain S.
CREATE FUNCTION oracle.in_scope(req oracle.request, context_type text, context_id text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(CASE context_type
		WHEN 'global' THEN true
		WHEN 'organization' THEN context_id = req.organization
		WHEN 'project' THEN context_id = req.project
		WHEN 'workspace' THEN context_id = req.workspace
	END, false);
END $$;

-- The roles held: assigned in context global or of S, window open, platform-wide or of S's organization.
CREATE FUNCTION oracle.roles_held(req oracle.request) RETURNS TABLE (role_id uuid, organization_id text, name text,
	is_super_admin boolean, context_type text, context_id text) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
		SELECT r.id, r.organization_id::text, r.name::text, r.is_super_admin, ur.context_type::text, ur.context_id::text
		FROM abac_user_roles ur JOIN abac_roles r ON r.id = ur.role_id
		WHERE ur.user_id = req.user_id
			AND oracle.in_scope(req, ur.context_type, ur.context_id)
			AND oracle.window_open(ur.starts_at, ur.expires_at, req.now_ts)
			AND (r.organization_id IS NULL OR r.organization_id = req.organization);
END $$;

-- Whether the user is a member of the scope of S of that type: of it, or of one of S above it.
CREATE FUNCTION oracle.is_member(req oracle.request, of_type text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	above text[] := CASE of_type
		WHEN 'organization' THEN '{organization}'
		WHEN 'project' THEN '{organization,project}'
		WHEN 'workspace' THEN '{organization,project,workspace}'
	END;
BEGIN
	RETURN EXISTS (
			SELECT FROM abac_memberships m
			WHERE m.user_id = req.user_id AND m.scope_type = ANY (above) AND oracle.in_scope(req, m.scope_type, m.scope_id)
				AND oracle.window_open(m.starts_at, m.expires_at, req.now_ts))
		OR EXISTS (SELECT FROM oracle.roles_held(req) h WHERE h.context_type = ANY (above));
END $$;

-- Step 4: the registered teams the user is in, of S's organization or without one; or only the latter.
CREATE FUNCTION oracle.teams(req oracle.request, platform_only boolean DEFAULT false) RETURNS TABLE (team_id text) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
		SELECT s.scope_id::text
		FROM abac_memberships m JOIN abac_scopes s ON s.scope_type = m.scope_type AND s.scope_id = m.scope_id
		WHERE m.user_id = req.user_id AND m.scope_type = 'team'
			AND oracle.window_open(m.starts_at, m.expires_at, req.now_ts)
			AND (s.parent_id IS NULL OR (NOT platform_only AND s.parent_type = 'organization' AND s.parent_id = req.organization));
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §4: attributes. `org` is the organization of the rule that asks, NULL for a platform-wide one.
-- ---------------------------------------------------------------------------------------------------------------

-- The organization's definition, then the global one; all NULL where there is none.
CREATE FUNCTION oracle.definition(name text, org text, OUT data_type text, OUT is_multivalued boolean, OUT default_value jsonb, OUT source text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT d.data_type, d.is_multivalued, d.default_value, d.source
	INTO data_type, is_multivalued, default_value, source
	FROM abac_attribute_definitions d
	WHERE d.name = definition.name AND (d.organization_id IS NULL OR d.organization_id = org)
	ORDER BY d.organization_id IS NULL
	LIMIT 1;
END $$;

-- The data type that counts: the definition's, else that of the clock's attributes.
CREATE FUNCTION oracle.data_type(name text, defined text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN coalesce(defined, CASE
		WHEN name = 'env.now' THEN 'date'
		WHEN name IN ('env.date', 'env.time_of_day', 'env.day_of_week') THEN 'string'
		WHEN name = 'env.time_hour' THEN 'number'
	END);
END $$;

-- The type elements compare as: array and json say nothing of elements; 'id': by their text, see oracle.to_id.
CREATE FUNCTION oracle.element_type(name text, data_type text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE
		WHEN data_type NOT IN ('array', 'json') THEN data_type
		WHEN name IN ('user.id', 'resource.id') THEN 'id'
	END;
END $$;

-- What lies under a path of keys, through objects only. A JSON null on the way is a JSON null.
-- READING: so {"profile": null} in a stored row ends the search for user.profile.level, too: ctx doesn't fill in below.
CREATE FUNCTION oracle.dig(v jsonb, keys text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	k text;
BEGIN
	FOREACH k IN ARRAY keys LOOP
		IF v = 'null' THEN RETURN v; END IF;
		IF jsonb_typeof(v) IS DISTINCT FROM 'object' THEN RETURN NULL; END IF;
		v := v -> k;
	END LOOP;
	RETURN v;
END $$;

-- The clock (§4), in abac.timezone.
CREATE FUNCTION oracle.clock(name text, now_ts timestamptz) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
	here timestamp := now_ts AT TIME ZONE oracle.time_zone();
BEGIN
	RETURN CASE name
		WHEN 'env.now' THEN to_jsonb(to_char(now_ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
		WHEN 'env.date' THEN to_jsonb(to_char(here, 'YYYY-MM-DD'))
		WHEN 'env.time_of_day' THEN to_jsonb(to_char(here, 'HH24:MI'))
		WHEN 'env.day_of_week' THEN to_jsonb(('{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'::text[])[extract(isodow FROM here)::int])
		WHEN 'env.time_hour' THEN to_jsonb(extract(hour FROM here)::int)
	END;
END $$;

-- The value of an attribute, and whether a source held it (a default is none); NULL where it is missing. For a column
-- of a row, also what the column is: its type, and whether the values under it can be compared at all.
CREATE FUNCTION oracle.attribute(req oracle.request, name text, org text, OUT value jsonb, OUT held boolean, OUT col jsonb)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	keys text[] := string_to_array(name, '.');
	root text := keys[1];
	def record := oracle.definition(name, org);
	source text := coalesce(def.source, 'any');
	stored jsonb;
BEGIN
	keys := keys[2:];
	held := true;

	-- built in. READING: whatever the definition's source; user.roles exists even when it is empty.
	value := CASE
		WHEN name = 'user.id' THEN to_jsonb(req.user_id)
		-- READING: each name once, in order.
		WHEN name IN ('user.roles', 'user.role') THEN to_jsonb(ARRAY(
			SELECT DISTINCT h.name COLLATE "C" FROM oracle.roles_held(req) h
			WHERE h.organization_id IS NULL OR org IS NOT NULL ORDER BY 1))
		WHEN name = 'resource.type' THEN to_jsonb(req.resource_type)
		WHEN name = 'resource.id' THEN to_jsonb(req.resource_id)
		WHEN name = 'context.action' THEN to_jsonb(req.action)
	END;
	IF value IS NOT NULL THEN RETURN; END IF;

	-- stored: the row of the request's organization and the global one; the rule's own level first
	IF root = 'user' THEN
		FOR stored IN
			SELECT ua.attributes FROM abac_user_attributes ua
			WHERE ua.user_id = req.user_id
				AND (ua.organization_id IS NULL OR (ua.organization_id = req.organization AND source <> 'global'))
			ORDER BY (ua.organization_id IS NULL) = (org IS NULL) DESC
		LOOP
			value := oracle.dig(stored, keys);
			IF value = 'null' THEN			-- ends the search
				value := NULL;
				held := false;
				RETURN;
			END IF;
			IF value IS NOT NULL THEN RETURN; END IF;
		END LOOP;
	END IF;

	IF name = 'user.teams' THEN
		IF source <> 'global' THEN
			-- READING: the teams' ids, in order.
			value := to_jsonb(ARRAY(SELECT t.team_id COLLATE "C" FROM oracle.teams(req, org IS NULL) t ORDER BY 1));
			IF value <> '[]' THEN RETURN; END IF;
		END IF;
	ELSIF root = 'resource' AND req.columns IS NOT NULL THEN
		-- READING: a row is no ctx, so a definition's source "stored" lets it through; "global" doesn't.
		IF cardinality(keys) = 1 AND source <> 'global' THEN
			col := req.columns -> keys[1];
		END IF;
		IF source <> 'global' AND (cardinality(keys) = 1 OR req.columns -> keys[1] ->> 'kind' = 'json') THEN
			-- READING: a jsonb column's JSON null is as good as SQL NULL.
			value := nullif(oracle.dig(req.columns #> ARRAY[keys[1], 'value'], keys[2:]), 'null');
			IF value IS NOT NULL THEN RETURN; END IF;
		END IF;
	ELSIF source = 'any' THEN
		-- READING: a JSON null in ctx is as good as nothing there; only one in a stored row ends the search.
		value := nullif(oracle.dig(req.ctx -> root, keys), 'null');
		IF value IS NOT NULL THEN RETURN; END IF;
	END IF;

	IF root = 'env' AND source <> 'global' THEN
		value := oracle.clock(name, req.now_ts);
		IF value IS NOT NULL THEN RETURN; END IF;
	END IF;

	-- READING: a default applies whatever the definition's source; a JSON null as default is none.
	held := false;
	value := nullif(def.default_value, 'null');
	-- READING: the empty list of teams is no source's, exists says false.
	IF value IS NULL AND name = 'user.teams' THEN
		value := '[]';
	END IF;
END $$;

-- The value as its own definition takes it (§3): a scalar counts as a one-element array where is_multivalued; what
-- contradicts the definition's shape is unknown.
CREATE FUNCTION oracle.shaped(v jsonb, data_type text, is_multivalued boolean) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	shape text := CASE WHEN jsonb_typeof(v) IN ('array', 'object') THEN jsonb_typeof(v) ELSE 'scalar' END;
BEGIN
	IF v IS NULL THEN
		RETURN NULL;
	ELSIF shape = 'scalar' AND is_multivalued THEN
		-- READING: not one that is no element of the type.
		RETURN CASE WHEN data_type IN ('array', 'json') OR oracle.equal(v, v, data_type) IS NOT NULL THEN jsonb_build_array(v) END;
	ELSIF data_type IS NULL OR data_type = 'json' THEN
		RETURN v;
	ELSIF data_type = 'array' THEN
		RETURN CASE WHEN shape = 'array' THEN v END;
	-- READING: an array where one scalar is defined (not is_multivalued) is of the wrong type.
	ELSIF shape = 'object' OR (shape = 'array' AND is_multivalued IS NOT TRUE) THEN
		RETURN NULL;
	END IF;
	RETURN v;
END $$;

-- §7: whether a definition contradicts a column.
-- READING: it does unless values of the column's type are the definition's or may be coerced to it (§3): a string column
-- may hold numbers, dates and so on. A date or an address has no form in JSON that the contract names, so json and array
-- contradict those, too.
CREATE FUNCTION oracle.contradicts(col jsonb, data_type text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE col ->> 'kind'
		WHEN 'other' THEN true
		WHEN 'number' THEN data_type NOT IN ('number', 'string', 'array', 'json')
		WHEN 'boolean' THEN data_type NOT IN ('boolean', 'string', 'array', 'json')
		WHEN 'date' THEN data_type <> 'date'
		WHEN 'ip' THEN data_type NOT IN ('ip', 'cidr')
		ELSE false
	END;
END $$;

-- One side of a leaf (§3): its value, and what type its elements compare as.
CREATE FUNCTION oracle.side(req oracle.request, org text, name text, OUT value jsonb, OUT type text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	a record := oracle.attribute(req, name, org);
	def record := oracle.definition(name, org);
	data_type text := oracle.data_type(name, def.data_type);
BEGIN
	value := a.value;
	IF a.col IS NOT NULL THEN
		-- READING: the two contradict each other also where the column is NULL and the definition has a default.
		IF a.col -> 'flat' = 'false' OR a.col ->> 'kind' = 'other' OR (def.data_type IS NOT NULL AND oracle.contradicts(a.col, data_type)) THEN
			value := NULL;
			RETURN;
		END IF;
		IF def.data_type IS NULL THEN
			type := oracle.element_type(name, a.col ->> 'kind');
			-- READING: a column "id" under a row without an id is still resource.id.
			IF name = 'resource.id' AND type IN ('string', 'number') THEN
				type := 'id';
			END IF;
			RETURN;
		END IF;
	END IF;
	value := oracle.shaped(value, data_type, def.is_multivalued);
	type := oracle.element_type(name, data_type);
END $$;

-- Notes that an answer hangs on what the contract doesn't say; a comparison leaves such answers out, and counts them.
CREATE FUNCTION oracle.open_question() RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM set_config('oracle.open_question', 'on', false);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §3: evaluation
-- ---------------------------------------------------------------------------------------------------------------

-- The operators, on values that are there: l the attribute's, r the other, compared as type t.
CREATE FUNCTION oracle.apply(op text, l jsonb, r jsonb, t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	l_array boolean := jsonb_typeof(l) = 'array';
	r_array boolean := jsonb_typeof(r) = 'array';
	c int;
	d int;
BEGIN
	CASE op
	WHEN 'eq' THEN
		IF l_array AND r_array THEN
			-- A column's dates aren't given as JSON.
			IF strpos(l::text || r::text, '\u0001') > 0 THEN
				PERFORM oracle.open_question();
				RETURN NULL;
			END IF;
			RETURN l = r;						-- JSON equality as given
		ELSIF l_array THEN
			-- READING: an array and an object don't compare.
			RETURN CASE WHEN jsonb_typeof(r) <> 'object' THEN oracle.member(r, l, t) END;
		END IF;
		RETURN CASE WHEN NOT r_array THEN oracle.equal(l, r, t) END;
	WHEN 'in' THEN
		IF NOT r_array THEN
			RETURN NULL;
		ELSIF l_array THEN
			RETURN oracle.any_of(ARRAY(SELECT oracle.member(e, r, t) FROM jsonb_array_elements(l) e));
		END IF;
		RETURN oracle.member(l, r, t);
	WHEN 'contains' THEN
		IF l_array AND r_array THEN
			RETURN oracle.all_of(ARRAY(SELECT oracle.member(e, l, t) FROM jsonb_array_elements(r) e));
		ELSIF l_array THEN
			RETURN oracle.member(r, l, t);
		END IF;
		RETURN strpos(oracle.as_text(l, t), oracle.as_text(r, t)) > 0;
	WHEN 'is_subset' THEN
		IF NOT l_array OR NOT r_array THEN RETURN NULL; END IF;
		RETURN oracle.all_of(ARRAY(SELECT oracle.member(e, r, t) FROM jsonb_array_elements(l) e));
	WHEN 'is_superset' THEN
		IF NOT l_array OR NOT r_array THEN RETURN NULL; END IF;
		RETURN oracle.all_of(ARRAY(SELECT oracle.member(e, l, t) FROM jsonb_array_elements(r) e));
	WHEN 'gt' THEN
		RETURN oracle.compare(l, r, t) > 0;
	WHEN 'gte' THEN
		RETURN oracle.compare(l, r, t) >= 0;
	WHEN 'lt' THEN
		RETURN oracle.compare(l, r, t) < 0;
	WHEN 'lte' THEN
		RETURN oracle.compare(l, r, t) <= 0;
	WHEN 'between' THEN
		-- READING: a referenced [min, max] works like a literal one; a bound that doesn't compare makes it unknown
		-- whatever the other says.
		IF NOT r_array OR jsonb_array_length(r) <> 2 THEN RETURN NULL; END IF;
		c := oracle.compare(l, r -> 0, t);
		d := oracle.compare(l, r -> 1, t);
		IF c IS NULL OR d IS NULL THEN RETURN NULL; END IF;
		RETURN c >= 0 AND d <= 0;
	-- Every string contains, starts and ends with a referenced empty one; only literal ones are refused.
	WHEN 'starts_with' THEN
		RETURN starts_with(oracle.as_text(l, t), oracle.as_text(r, t));
	WHEN 'ends_with' THEN
		RETURN right(oracle.as_text(l, t), length(oracle.as_text(r, t))) = oracle.as_text(r, t) COLLATE "C";
	WHEN 'matches' THEN
		RETURN oracle.as_text(l, t) COLLATE "C" ~ (r #>> '{}');
	WHEN 'in_cidr' THEN
		-- READING: an attribute defined as anything but ip or cidr is no address, a string neither.
		IF t NOT IN ('ip', 'cidr') OR oracle.to_inet(l) IS NULL THEN RETURN NULL; END IF;
		IF NOT r_array THEN
			r := jsonb_build_array(r);
		END IF;
		RETURN oracle.any_of(ARRAY(SELECT oracle.to_inet(l) <<= oracle.to_inet(e) FROM jsonb_array_elements(r) e));
	END CASE;
END $$;

CREATE FUNCTION oracle.leaf(req oracle.request, org text, name text, op text, value jsonb, path text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	a record;
	o record;
	l record;
	r record;
	l_value jsonb;
	r_value jsonb;
	l_type text;
	r_type text;
	keys text[] := string_to_array(substr(path, 3), '.');
BEGIN
	-- the negations of their twins; unknown stays unknown
	IF op IN ('neq', 'not_in', 'not_contains', 'not_in_cidr') THEN
		RETURN NOT oracle.leaf(req, org, name, CASE op WHEN 'neq' THEN 'eq' ELSE substr(op, 5) END, value, path);
	END IF;

	o := oracle.operand(value);

	-- whether a source holds a non-null value. READING: with a path, whether it does there; a column's value is there
	-- also when it compares with nothing.
	IF op = 'exists' THEN
		a := oracle.attribute(req, name, org);
		l_value := a.value;
		IF path IS NOT NULL THEN
			l_value := nullif(oracle.dig(l_value, keys), 'null');
		END IF;
		RETURN (a.held AND l_value IS NOT NULL) = (o.literal = 'true');
	END IF;

	l := oracle.side(req, org, name);
	l_value := l.value;
	-- READING: a definition speaks of the value found, not of what the path digs out of it: only an undefined attribute
	-- or one of type json can be dug into, and what comes out is untyped.
	IF path IS NOT NULL THEN
		l_value := nullif(oracle.dig(l_value, keys), 'null');
	ELSE
		l_type := l.type;
	END IF;

	IF o.ref IS NULL THEN
		r_value := o.literal;
		r_type := l_type;
	ELSE
		r := oracle.side(req, org, o.ref);
		r_value := r.value;
		r_type := r.type;
		-- user.id and resource.id compare with a number by its text, also with one that is defined so, and (§7) with one in
		-- a column. READING: what a definition says is a number, and isn't, is none.
		IF l_type = 'id' AND r_type = 'number' THEN
			r_type := 'id';
			IF jsonb_typeof(r_value) <> 'array' THEN
				r_value := to_jsonb(oracle.to_number(r_value));
			END IF;
		ELSIF r_type = 'id' AND l_type = 'number' THEN
			l_type := 'id';
			IF jsonb_typeof(l_value) <> 'array' THEN
				l_value := to_jsonb(oracle.to_number(l_value));
			END IF;
		END IF;
	END IF;
	IF l_value IS NULL OR r_value IS NULL THEN RETURN NULL; END IF;

	-- With a reference, an undefined side takes the other's type; two different definitions don't compare.
	-- READING: array and json count as undefined here. Another defined type goes before the one of user.id, resource.id.
	IF l_type IS NULL OR (l_type = 'id' AND r_type IS NOT NULL) THEN
		l_type := r_type;
	ELSIF r_type IS NULL OR r_type = 'id' THEN
		r_type := l_type;
	END IF;
	IF l_type <> r_type AND NOT (l_type IN ('ip', 'cidr') AND r_type IN ('ip', 'cidr')) THEN
		RETURN NULL;
	END IF;
	RETURN oracle.apply(op, l_value, r_value, l_type);
END $$;

-- The value of a tree that compiles.
CREATE FUNCTION oracle.node(req oracle.request, org text, node jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	logic text;
	children jsonb;
	truths boolean[];
BEGIN
	IF jsonb_typeof(node) = 'boolean' THEN
		RETURN node = 'true';
	ELSIF node ? 'logic' THEN
		logic := node ->> 'logic';
		children := node -> 'conditions';
	ELSIF node ?| '{and,or,not}' THEN
		logic := CASE WHEN node ? 'and' THEN 'and' WHEN node ? 'or' THEN 'or' ELSE 'not' END;
		children := node -> logic;
		IF jsonb_typeof(children) <> 'array' THEN
			children := jsonb_build_array(children);
		END IF;
	ELSIF node ? 'attr' THEN
		RETURN oracle.leaf(req, org, oracle.canonical(node ->> 'attr'), oracle.operator(node ->> 'op'), node -> 'val', node ->> 'path');
	ELSE
		RETURN oracle.leaf(req, org, oracle.canonical(node ->> 'attribute'), oracle.operator(node ->> 'operator'), node -> 'value', node ->> 'path');
	END IF;
	truths := ARRAY(SELECT oracle.node(req, org, c) FROM jsonb_array_elements(children) c);
	RETURN CASE logic
		WHEN 'and' THEN oracle.all_of(truths)
		WHEN 'or' THEN oracle.any_of(truths)
		WHEN 'not' THEN NOT oracle.any_of(truths)
	END;
END $$;

-- The value of conditions: SQL NULL is unconditional, a tree that doesn't compile unknown (§2).
CREATE FUNCTION oracle.conditions(req oracle.request, org text, tree jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF tree IS NULL THEN RETURN true; END IF;
	IF NOT oracle.compiles(tree) THEN RETURN NULL; END IF;
	RETURN oracle.node(req, org, tree);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §5, step 5: rules, groups, policies
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.in_force(req oracle.request, rule uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM abac_rules r WHERE r.id = rule AND r.is_active AND oracle.window_open(r.starts_at, r.expires_at, req.now_ts));
END $$;

CREATE FUNCTION oracle.targeted(req oracle.request, rule uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM abac_rules r
		WHERE r.id = rule
			AND (r.resource_type IS NULL OR r.resource_type IN ('*', req.resource_type))
			AND (r.target_actions IS NULL OR '*' = ANY (r.target_actions) OR req.action = ANY (r.target_actions)));
END $$;

-- A rule in force. READING: one whose tree doesn't compile is still false where its target is another.
CREATE FUNCTION oracle.rule_value(req oracle.request, rule uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	r record;
BEGIN
	IF NOT oracle.targeted(req, rule) THEN RETURN false; END IF;
	SELECT * INTO r FROM abac_rules WHERE id = rule;
	RETURN oracle.conditions(req, r.organization_id, r.conditions);
END $$;

-- A group of a policy that isn't broken. nots: how many `not` groups are above it.
CREATE FUNCTION oracle.group_value(req oracle.request, grp uuid, nots int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	logic text;
	m record;
	truths boolean[] := '{}';
BEGIN
	IF NOT EXISTS (SELECT FROM abac_rule_group_members WHERE group_id = grp) THEN
		RETURN nots % 2 = 1;				-- an empty group never helps, whatever its logic
	END IF;
	SELECT combine_logic INTO logic FROM abac_rule_groups WHERE id = grp;
	IF logic = 'not' THEN
		nots := nots + 1;
	END IF;
	FOR m IN SELECT rule_id, child_group_id FROM abac_rule_group_members WHERE group_id = grp LOOP
		truths := truths || CASE
			WHEN m.child_group_id IS NOT NULL THEN oracle.group_value(req, m.child_group_id, nots)
			WHEN oracle.in_force(req, m.rule_id) THEN oracle.rule_value(req, m.rule_id)
			ELSE nots % 2 = 1				-- nor does a rule not in force
		END;
	END LOOP;
	RETURN CASE logic
		WHEN 'and' THEN oracle.all_of(truths)
		WHEN 'or' THEN oracle.any_of(truths)
		WHEN 'not' THEN NOT oracle.any_of(truths)
	END;
END $$;

-- Every group and rule of a policy, at any depth, also of a broken one.
CREATE FUNCTION oracle.below(policy uuid) RETURNS TABLE (grp uuid, rule uuid) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
		WITH RECURSIVE tree (grp) AS (
			SELECT pg.rule_group_id FROM abac_policy_rule_groups pg WHERE pg.policy_id = policy
			UNION
			SELECT m.child_group_id FROM tree t JOIN abac_rule_group_members m ON m.group_id = t.grp WHERE m.child_group_id IS NOT NULL
		)
		SELECT t.grp, NULL::uuid FROM tree t
		UNION
		SELECT NULL, m.rule_id FROM tree t JOIN abac_rule_group_members m ON m.group_id = t.grp WHERE m.rule_id IS NOT NULL;
END $$;

-- Whether a policy is broken (§2): a missing, foreign, or circular member at any depth.
CREATE FUNCTION oracle.is_broken(policy uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	owner text;
BEGIN
	SELECT p.organization_id INTO owner FROM abac_policies p WHERE p.id = policy;
	-- of the policy itself: only groups of its own organization or platform-wide ones
	IF EXISTS (
			SELECT FROM abac_policy_rule_groups pg LEFT JOIN abac_rule_groups g ON g.id = pg.rule_group_id
			WHERE pg.policy_id = policy AND (g.id IS NULL OR g.organization_id <> owner OR (owner IS NULL AND g.organization_id IS NOT NULL)))
	THEN
		RETURN true;
	END IF;
	-- of each group below it: the same, of the group's
	IF EXISTS (
			SELECT
			FROM oracle.below(policy) b
				JOIN abac_rule_groups g ON g.id = b.grp
				JOIN abac_rule_group_members m ON m.group_id = g.id
				LEFT JOIN abac_rules r ON r.id = m.rule_id
				LEFT JOIN abac_rule_groups c ON c.id = m.child_group_id
			WHERE (r.id IS NULL AND c.id IS NULL)
				OR coalesce(r.organization_id, c.organization_id) <> g.organization_id
				OR (g.organization_id IS NULL AND coalesce(r.organization_id, c.organization_id) IS NOT NULL))
	THEN
		RETURN true;
	END IF;
	-- a group that is above itself. READING: more than 32 levels are as bad.
	RETURN EXISTS (
		WITH RECURSIVE walk (grp, above, circular) AS (
			SELECT pg.rule_group_id, ARRAY[pg.rule_group_id], false FROM abac_policy_rule_groups pg WHERE pg.policy_id = policy
			UNION ALL
			SELECT m.child_group_id, w.above || m.child_group_id, m.child_group_id = ANY (w.above)
			FROM walk w JOIN abac_rule_group_members m ON m.group_id = w.grp
			WHERE m.child_group_id IS NOT NULL AND NOT w.circular AND cardinality(w.above) <= 32
		)
		SELECT FROM walk WHERE circular OR cardinality(above) > 32);
END $$;

-- Whether one of the policy's deny rules in force, at any depth, is not false.
-- READING: in a broken policy a foreign deny rule counts, too, seen as its own organization's.
CREATE FUNCTION oracle.deny_rule_stands(req oracle.request, policy uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM oracle.below(policy) b JOIN abac_rules r ON r.id = b.rule
		WHERE r.effect = 'deny' AND oracle.in_force(req, r.id) AND oracle.rule_value(req, r.id) IS NOT FALSE);
END $$;

-- outcome: deny, allow or NULL; by_default when it is the default effect's; undecided when the policy's value is unknown.
CREATE FUNCTION oracle.policy_outcome(req oracle.request, policy uuid, OUT outcome text, OUT by_default boolean, OUT undecided boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	p record;
	value boolean;
	complete boolean;
BEGIN
	by_default := false;
	undecided := false;
	SELECT * INTO p FROM abac_policies WHERE id = policy;
	IF oracle.is_broken(policy) THEN
		value := NULL;
	ELSE
		IF NOT EXISTS (SELECT FROM oracle.below(policy) b WHERE b.rule IS NOT NULL AND oracle.in_force(req, b.rule) AND oracle.targeted(req, b.rule)) THEN
			RETURN;
		END IF;
		value := oracle.all_of(ARRAY(SELECT oracle.group_value(req, pg.rule_group_id, 0) FROM abac_policy_rule_groups pg WHERE pg.policy_id = policy));
	END IF;

	undecided := value IS NULL;
	IF value THEN
		outcome := CASE WHEN p.effect = 'deny' OR oracle.deny_rule_stands(req, policy) THEN 'deny' ELSE 'allow' END;
	ELSIF value IS NULL THEN
		outcome := CASE WHEN p.effect = 'deny' OR p.default_effect = 'deny' OR oracle.deny_rule_stands(req, policy) THEN 'deny' END;
	ELSIF p.default_effect = 'deny' THEN
		outcome := 'deny';
		by_default := true;
	ELSIF p.default_effect = 'allow' THEN
		complete := NOT EXISTS (
			SELECT FROM oracle.below(policy) b
			WHERE (b.rule IS NOT NULL AND NOT oracle.in_force(req, b.rule))
				OR (b.grp IS NOT NULL AND NOT EXISTS (SELECT FROM abac_rule_group_members m WHERE m.group_id = b.grp)));
		IF complete THEN
			IF oracle.deny_rule_stands(req, policy) THEN
				outcome := 'deny';
			ELSE
				outcome := 'allow';
				by_default := true;
			END IF;
		END IF;
	END IF;
END $$;

-- Step 4: the policies that apply, and whether an allow of theirs is let through.
CREATE FUNCTION oracle.applying_policies(req oracle.request) RETURNS TABLE (policy uuid, organization_id text, priority int, may_allow boolean)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
		SELECT p.id, p.organization_id::text, p.priority::int, bool_or(CASE
			WHEN a.target_type IN ('organization', 'project', 'workspace') THEN oracle.is_member(req, a.target_type)
			ELSE true END)
		FROM abac_policies p JOIN abac_policy_assignments a ON a.policy_id = p.id
		WHERE p.is_active AND (p.organization_id IS NULL OR p.organization_id = req.organization)
			AND a.is_active AND oracle.window_open(a.starts_at, a.expires_at, req.now_ts)
			AND CASE a.target_type
				WHEN 'user' THEN a.target_id = req.user_id
				WHEN 'role' THEN a.target_id IN (SELECT h.role_id::text FROM oracle.roles_held(req) h)
				WHEN 'team' THEN a.target_id IN (SELECT t.team_id FROM oracle.teams(req) t)
				ELSE oracle.in_scope(req, a.target_type, a.target_id)
			END
		GROUP BY p.id;
END $$;

-- Steps 4 and 5: by priority, highest first; within one priority all, and deny wins; the first with an outcome decides.
CREATE FUNCTION oracle.decide_by_policies(req oracle.request, platform_only boolean, OUT decision boolean, OUT reason text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	p record;
	o record;
	level int;
	allowed boolean := false;		-- of this priority: the outcomes seen, and of each kind whether an explicit one was
	denied boolean := false;
	allowed_explicitly boolean := false;
	denied_explicitly boolean := false;
BEGIN
	FOR p IN
		SELECT * FROM oracle.applying_policies(req) a
		WHERE NOT platform_only OR a.organization_id IS NULL
		ORDER BY a.priority DESC
	LOOP
		EXIT WHEN p.priority <> level AND (allowed OR denied);
		level := p.priority;
		o := oracle.policy_outcome(req, p.policy);
		IF o.outcome = 'deny' THEN
			denied := true;
			denied_explicitly := denied_explicitly OR NOT o.by_default;
		ELSIF o.outcome = 'allow' AND p.may_allow THEN
			allowed := true;
			allowed_explicitly := allowed_explicitly OR NOT o.by_default;
		END IF;
	END LOOP;
	IF denied THEN
		decision := false;
		reason := CASE WHEN denied_explicitly THEN 'policy_deny' ELSE 'policy_default' END;
	ELSIF allowed THEN
		decision := true;
		reason := CASE WHEN allowed_explicitly THEN 'policy_allow' ELSE 'policy_default' END;
	END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §5, steps 2, 3 and 6: permissions, legacy rules, roles
-- ---------------------------------------------------------------------------------------------------------------

-- The permissions that match type and action.
CREATE FUNCTION oracle.matching_permissions(req oracle.request) RETURNS TABLE (permission uuid) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM abac_permissions p
		WHERE p.resource_type IN ('*', req.resource_type) AND p.action IN ('*', req.action);
END $$;

-- Whether the user has a direct permission, granted or denied, in context global or in one of S, or in either.
CREATE FUNCTION oracle.direct_permission(req oracle.request, is_granted boolean, globally boolean, scoped boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM abac_user_permissions up
		WHERE up.user_id = req.user_id AND up.granted = is_granted
			AND up.permission_id IN (SELECT permission FROM oracle.matching_permissions(req))
			AND oracle.window_open(up.starts_at, up.expires_at, req.now_ts)
			AND oracle.in_scope(req, up.context_type, up.context_id)
			AND CASE WHEN up.context_type = 'global' THEN globally ELSE scoped END);
END $$;

-- deny, allow or NULL: legacy rules of S's organization for this type.
-- READING: conditions SQL NULL is unconditional, as for rules.
CREATE FUNCTION oracle.legacy_outcome(req oracle.request) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	r record;
	value boolean;
	level int;
	allowed boolean := false;
	denied boolean := false;
BEGIN
	FOR r IN
		SELECT * FROM abac_policy_rules l
		WHERE l.organization_id = req.organization AND l.is_active AND l.resource_type IN ('*', req.resource_type)
		ORDER BY l.priority DESC
	LOOP
		EXIT WHEN r.priority <> level AND (allowed OR denied);
		level := r.priority;
		value := oracle.conditions(req, r.organization_id, r.conditions);
		IF r.effect = 'deny' AND value IS NOT FALSE THEN
			denied := true;
		ELSIF r.effect = 'allow' AND value AND oracle.is_member(req, 'organization') THEN
			allowed := true;
		END IF;
	END LOOP;
	RETURN CASE WHEN denied THEN 'deny' WHEN allowed THEN 'allow' END;
END $$;

-- A legacy condition: it sees what a platform-wide rule sees, unless it is for an organization's role.
-- READING: one for all roles is for no organization's role, also when it is an organization's role that is asked about.
CREATE FUNCTION oracle.legacy_condition(req oracle.request, condition uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	c record;
	org text;
BEGIN
	SELECT * INTO c FROM abac_conditions WHERE id = condition;
	SELECT r.organization_id INTO org FROM abac_roles r WHERE r.id = c.role_id;
	RETURN oracle.conditions(req, org, jsonb_build_object('attribute', c.attribute_key, 'operator', c.operator, 'value', c.attribute_value));
END $$;

-- Whether a role grants: it has a permission that matches, and the conditions of every permission that matches hold.
-- Unknown where they are.
-- READING: of every permission there is that matches, not only of those the role has.
CREATE FUNCTION oracle.role_grants(req oracle.request, role uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	p uuid;
	truths boolean[] := '{}';
	either boolean[];
BEGIN
	IF NOT EXISTS (SELECT FROM abac_role_permissions rp WHERE rp.role_id = role AND rp.permission_id IN (SELECT permission FROM oracle.matching_permissions(req))) THEN
		RETURN false;
	END IF;
	FOR p IN SELECT permission FROM oracle.matching_permissions(req) LOOP
		truths := truths || ARRAY(SELECT oracle.legacy_condition(req, c.id) FROM abac_conditions c
			WHERE c.permission_id = p AND (c.role_id IS NULL OR c.role_id = role) AND c.logic_group = 'AND');
		either := ARRAY(SELECT oracle.legacy_condition(req, c.id) FROM abac_conditions c
			WHERE c.permission_id = p AND (c.role_id IS NULL OR c.role_id = role) AND c.logic_group = 'OR');
		IF cardinality(either) > 0 THEN
			truths := truths || oracle.any_of(either);
		END IF;
	END LOOP;
	RETURN oracle.all_of(truths);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §4: ctx and its scope
-- ---------------------------------------------------------------------------------------------------------------

-- Whether ctx is malformed (ERROR 22023 in the engine).
CREATE FUNCTION oracle.is_malformed(ctx jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF jsonb_typeof(ctx) <> 'object' THEN RETURN true; END IF;
	RETURN EXISTS (SELECT FROM jsonb_each(ctx) e WHERE e.key NOT IN ('user', 'resource', 'env', 'context', 'scope') OR jsonb_typeof(e.value) <> 'object')
		OR EXISTS (
			SELECT FROM jsonb_each(CASE WHEN jsonb_typeof(ctx -> 'scope') = 'object' THEN ctx -> 'scope' ELSE '{}' END) e
			WHERE e.key NOT IN ('organization', 'project', 'workspace') OR jsonb_typeof(e.value) NOT IN ('string', 'number', 'null'));
END $$;

-- Fills S from what the request says and what is registered; false where the two contradict each other.
CREATE FUNCTION oracle.resolve_scope(INOUT req oracle.request, OUT ok boolean) LANGUAGE plpgsql STABLE AS $$
DECLARE
	s record;
BEGIN
	ok := false;
	IF req.workspace IS NOT NULL THEN
		SELECT * INTO s FROM abac_scopes WHERE scope_type = 'workspace' AND scope_id = req.workspace;
		IF NOT FOUND THEN RETURN; END IF;
		IF s.parent_type = 'project' AND coalesce(req.project, s.parent_id) = s.parent_id THEN
			req.project := s.parent_id;
		-- READING: a workspace registered right below an organization contradicts a scope that names a project.
		ELSIF s.parent_type = 'organization' AND req.project IS NULL AND coalesce(req.organization, s.parent_id) = s.parent_id THEN
			req.organization := s.parent_id;
		ELSE
			RETURN;
		END IF;
	END IF;
	IF req.project IS NOT NULL THEN
		SELECT * INTO s FROM abac_scopes WHERE scope_type = 'project' AND scope_id = req.project;
		IF NOT FOUND OR s.parent_type IS DISTINCT FROM 'organization' OR coalesce(req.organization, s.parent_id) <> s.parent_id THEN
			RETURN;
		END IF;
		req.organization := s.parent_id;
	END IF;
	-- READING: an ancestor filled in satisfies required_scope.
	ok := NOT EXISTS (
		SELECT FROM abac_resource_types t
		WHERE t.resource_type = req.resource_type AND t.required_scope IS NOT NULL
			AND CASE t.required_scope
				WHEN 'organization' THEN req.organization
				WHEN 'project' THEN req.project
				WHEN 'workspace' THEN req.workspace
			END IS NULL);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §5: the decision
-- ---------------------------------------------------------------------------------------------------------------

-- Steps 1 to 7, for a request with its scope chain.
CREATE FUNCTION oracle.decide_request(req oracle.request, OUT decision boolean, OUT reason text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	p record;
	legacy text;
BEGIN
	decision := false;
	-- 1
	IF EXISTS (SELECT FROM oracle.roles_held(req) h WHERE h.is_super_admin) THEN
		decision := true;
		reason := 'super_admin';
		RETURN;
	END IF;
	-- 2
	IF oracle.direct_permission(req, false, true, true) THEN
		reason := 'user_deny';
		RETURN;
	END IF;
	-- 3
	IF oracle.direct_permission(req, true, true, false) THEN
		decision := true;
		reason := 'user_allow';
		RETURN;
	END IF;
	p := oracle.decide_by_policies(req, true);
	IF p.decision = false THEN
		reason := p.reason;
		RETURN;
	END IF;
	IF oracle.direct_permission(req, true, false, true) THEN
		decision := true;
		reason := 'user_allow';
		RETURN;
	END IF;
	-- 4, 5
	p := oracle.decide_by_policies(req, false);
	IF p.decision IS NOT NULL THEN
		decision := p.decision;
		reason := p.reason;
		RETURN;
	END IF;
	-- 6
	legacy := oracle.legacy_outcome(req);
	IF legacy = 'deny' THEN
		reason := 'legacy_deny';
	ELSIF EXISTS (SELECT FROM (SELECT DISTINCT role_id FROM oracle.roles_held(req)) h WHERE oracle.role_grants(req, h.role_id)) THEN
		decision := true;
		reason := 'role_allow';
	ELSIF legacy = 'allow' THEN
		decision := true;
		reason := 'legacy_allow';
	-- 7
	ELSE
		reason := 'no_match';
	END IF;
END $$;

-- decision NULL, reason 'error' where the engine raises 22023.
CREATE FUNCTION oracle.decide(user_id text, action text, resource text, ctx jsonb, now_ts timestamptz, OUT decision boolean, OUT reason text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	req oracle.request;
	colon int := strpos(resource, ':');
	resolved record;
BEGIN
	decision := false;
	reason := 'invalid_request';
	IF coalesce(user_id, '') = '' OR coalesce(action, '') = '' OR coalesce(resource, '') = '' OR colon = 1 THEN RETURN; END IF;
	IF ctx IS NULL THEN RETURN; END IF;
	-- READING: a ctx both malformed and with an empty scope id is malformed.
	IF oracle.is_malformed(ctx) THEN
		decision := NULL;
		reason := 'error';
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM jsonb_each(ctx -> 'scope') e WHERE e.value IN ('null', '""')) THEN RETURN; END IF;

	req.user_id := user_id;
	req.action := action;
	req.resource_type := CASE WHEN colon = 0 THEN resource ELSE left(resource, colon - 1) END;
	req.resource_id := CASE WHEN colon > 0 THEN nullif(substr(resource, colon + 1), '') END;
	req.ctx := ctx;
	req.now_ts := now_ts;
	req.organization := ctx #>> '{scope,organization}';
	req.project := ctx #>> '{scope,project}';
	req.workspace := ctx #>> '{scope,workspace}';
	resolved := oracle.resolve_scope(req);
	IF NOT resolved.ok THEN
		reason := 'scope_mismatch';
		RETURN;
	END IF;
	SELECT d.decision, d.reason INTO decision, reason FROM oracle.decide_request(resolved.req) d;
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- §7: rows
-- ---------------------------------------------------------------------------------------------------------------

-- What a column's type is to the contract: string, number, boolean, date, ip, json or other; whether it is an array of
-- those. READING: name, json, "char", ranges, composite types are other types; jsonb[] is an array of what it holds.
CREATE FUNCTION oracle.column_kind(type oid, OUT kind text, OUT base oid, OUT is_array boolean) LANGUAGE plpgsql STABLE AS $$
DECLARE
	t record;
BEGIN
	is_array := false;
	LOOP
		SELECT * INTO STRICT t FROM pg_type WHERE oid = type;
		IF t.typtype = 'd' THEN
			type := t.typbasetype;
		ELSIF t.typcategory = 'A' AND NOT is_array THEN
			is_array := true;
			type := t.typelem;
		ELSE
			EXIT;
		END IF;
	END LOOP;
	base := type;
	kind := CASE
		WHEN t.typtype = 'e' OR type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype) THEN 'string'
		WHEN type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'float4'::regtype, 'float8'::regtype, 'numeric'::regtype) THEN 'number'
		WHEN type = 'bool'::regtype THEN 'boolean'
		WHEN type IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN 'date'
		WHEN type IN ('inet'::regtype, 'cidr'::regtype) THEN 'ip'
		WHEN type = 'jsonb'::regtype THEN 'json'
		ELSE 'other'
	END;
END $$;

-- A value of a column, from its text as PostgreSQL prints it with DateStyle ISO, TimeZone UTC and extra_float_digits 1.
-- READING: a float is the shortest decimal number that reads back as it. Dates go on as instants, marked: neither an
-- infinite one nor one of another era has a form the contract names, but both compare. Those in an array can't: they are
-- as little comparable as what is no date.
CREATE FUNCTION oracle.column_value(t text, kind text, base oid, in_array boolean) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
	moment timestamptz;
BEGIN
	IF kind = 'string' THEN
		RETURN to_jsonb(CASE WHEN base = 'bpchar'::regtype THEN rtrim(t, ' ') ELSE t END);
	ELSIF kind = 'number' THEN
		RETURN CASE WHEN t NOT IN ('NaN', 'Infinity', '-Infinity') THEN to_jsonb(t::numeric) END;
	ELSIF kind = 'boolean' THEN
		RETURN to_jsonb(t::boolean);
	ELSIF kind = 'ip' THEN
		RETURN to_jsonb(t);
	ELSIF kind = 'json' THEN
		RETURN t::jsonb;
	ELSIF kind = 'date' THEN
		IF base = 'date'::regtype AND isfinite(t::date) AND t::date > '294000-01-01' THEN
			moment := 'infinity';		-- READING: a day later than a timestamptz can be is after all of them
		ELSE
			moment := CASE base WHEN 'timestamptz'::regtype THEN t::timestamptz ELSE t::timestamp AT TIME ZONE oracle.time_zone() END;
		END IF;
		IF in_array AND (NOT isfinite(moment) OR moment < '0001-01-02Z' OR moment > '9999-12-30Z') THEN
			RETURN 'null';
		END IF;
		RETURN to_jsonb(chr(1) || moment);
	END IF;
	RETURN 'true';					-- it is there, no more is known
END $$;

-- The columns of a row, by name: kind; value, unless it is missing; flat false where it is an array of more than one
-- dimension. No session setting changes them.
CREATE FUNCTION oracle.row_columns(resource anyelement) RETURNS jsonb LANGUAGE plpgsql STABLE
SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' SET extra_float_digits = 1 SET IntervalStyle = 'postgres' AS $$
DECLARE
	c record;
	k record;
	t text;
	elements text[];
	dimensions int;
	value jsonb;
	columns jsonb := '{}';
BEGIN
	FOR c IN SELECT attname, atttypid FROM pg_attribute
		WHERE attrelid = (SELECT typrelid FROM pg_type WHERE oid = pg_typeof(resource)) AND attnum > 0 AND NOT attisdropped
	LOOP
		k := oracle.column_kind(c.atttypid);
		dimensions := NULL;
		IF k.is_array AND k.kind <> 'other' THEN
			EXECUTE format('SELECT ($1).%1$I::text[], array_ndims(($1).%1$I), CASE WHEN ($1).%1$I IS NOT NULL THEN 1 END', c.attname)
				INTO elements, dimensions, t USING resource;
			value := CASE WHEN t IS NOT NULL THEN (SELECT coalesce(jsonb_agg(coalesce(oracle.column_value(e, k.kind, k.base, true), 'null')), '[]') FROM unnest(elements) e) END;
		ELSE
			EXECUTE format('SELECT ($1).%I::text', c.attname) INTO t USING resource;
			value := CASE WHEN t IS NOT NULL THEN oracle.column_value(t, k.kind, k.base, false) END;
		END IF;
		columns := columns || jsonb_build_object(c.attname, jsonb_build_object('kind', k.kind, 'flat', coalesce(dimensions, 1) = 1)
			|| CASE WHEN value IS NOT NULL THEN jsonb_build_object('value', value) ELSE '{}' END);
	END LOOP;
	RETURN columns;
END $$;

-- The registration of a table: its own, or its nearest ancestor's.
CREATE FUNCTION oracle.registration(rel regclass) RETURNS abac_relations LANGUAGE plpgsql STABLE AS $$
DECLARE
	found_row abac_relations;
BEGIN
	WITH RECURSIVE up (relation, distance) AS (
		SELECT rel::oid, 0
		UNION ALL
		SELECT i.inhparent, u.distance + 1 FROM up u JOIN pg_inherits i ON i.inhrelid = u.relation
	)
	SELECT r.* INTO found_row FROM up u JOIN abac_relations r ON r.relation = u.relation ORDER BY u.distance LIMIT 1;
	IF NOT FOUND THEN
		RAISE wrong_object_type USING MESSAGE = format('%s is not registered', rel);
	END IF;
	RETURN found_row;
END $$;

-- Whether something that could have allowed a request without a match is unknown.
CREATE FUNCTION oracle.undecided(req oracle.request) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	-- READING: also a broken policy.
	RETURN EXISTS (SELECT FROM oracle.applying_policies(req) p, LATERAL oracle.policy_outcome(req, p.policy) o
			WHERE p.may_allow AND o.undecided)
		OR EXISTS (SELECT FROM (SELECT DISTINCT role_id FROM oracle.roles_held(req)) h WHERE oracle.role_grants(req, h.role_id) IS NULL)
		OR (oracle.is_member(req, 'organization') AND EXISTS (
			SELECT FROM abac_policy_rules l
			WHERE l.organization_id = req.organization AND l.is_active AND l.resource_type IN ('*', req.resource_type)
				AND l.effect = 'allow' AND oracle.conditions(req, l.organization_id, l.conditions) IS NULL));
END $$;

-- decision: three-valued; as oracle.decide otherwise. columns are oracle.row_columns of the row, NULL of no row.
CREATE FUNCTION oracle.decide_columns(user_id text, action text, relation regclass, columns jsonb, ctx jsonb, now_ts timestamptz,
	OUT decision boolean, OUT reason text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	req oracle.request;
	reg abac_relations;
	resolved record;
	level record;
	id text;
BEGIN
	decision := false;
	reason := 'invalid_request';
	-- an empty user or action, or no row at all, before anything else
	IF coalesce(user_id, '') = '' OR coalesce(action, '') = '' OR columns IS NULL THEN RETURN; END IF;
	reg := oracle.registration(relation);
	IF ctx IS NULL THEN RETURN; END IF;
	IF oracle.is_malformed(ctx) THEN
		decision := NULL;
		reason := 'error';
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM jsonb_each(ctx -> 'scope') e WHERE e.value IN ('null', '""')) THEN RETURN; END IF;

	req.user_id := user_id;
	req.action := action;
	req.resource_type := reg.resource_type;
	req.resource_id := nullif(columns #>> ARRAY[reg.id_column::text, 'value'], '');
	req.ctx := ctx;
	req.now_ts := now_ts;
	req.columns := columns;
	-- the row's scope
	FOR level IN SELECT * FROM (VALUES ('organization', reg.organization_column), ('project', reg.project_column), ('workspace', reg.workspace_column)) v (name, col)
		WHERE col IS NOT NULL
	LOOP
		id := columns #>> ARRAY[level.col::text, 'value'];
		-- READING: an empty id is no NULL, and denied whatever null_scope says.
		IF id = '' OR (id IS NULL AND reg.null_scope = 'deny') THEN RETURN; END IF;
		CASE level.name
			WHEN 'organization' THEN req.organization := id;
			WHEN 'project' THEN req.project := id;
			WHEN 'workspace' THEN req.workspace := id;
		END CASE;
	END LOOP;
	resolved := oracle.resolve_scope(req);
	req := resolved.req;
	-- READING: what ctx names must be what the row's scope chain, ancestors filled in, has there.
	IF NOT resolved.ok
		OR EXISTS (
			SELECT FROM jsonb_each_text(ctx -> 'scope') e
			WHERE e.value IS DISTINCT FROM CASE e.key WHEN 'organization' THEN req.organization WHEN 'project' THEN req.project ELSE req.workspace END)
	THEN
		reason := 'scope_mismatch';
		RETURN;
	END IF;
	SELECT d.decision, d.reason INTO decision, reason FROM oracle.decide_request(req) d;
	IF reason = 'no_match' AND oracle.undecided(req) THEN
		decision := NULL;
	END IF;
END $$;

-- The row comes as it is: a composite value, also of a partition's or child's own type.
CREATE FUNCTION oracle.decide_row(user_id text, action text, resource anyelement, ctx jsonb, now_ts timestamptz, OUT decision boolean, OUT reason text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT d.decision, d.reason INTO decision, reason
	FROM oracle.decide_columns(user_id, action, (SELECT typrelid FROM pg_type WHERE oid = pg_typeof(resource)),
		CASE WHEN resource IS DISTINCT FROM NULL THEN oracle.row_columns(resource) END, ctx, now_ts) d;
END $$;
