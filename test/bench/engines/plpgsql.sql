-- The obvious implementation: the decision over the same abac_ tables in
-- PL/pgSQL, with a query per step, a loop over the policies that apply and a
-- recursion over the trees. A truth value is a boolean whose NULL means
-- "unknown", so SQL's own AND, OR and NOT serve.
--
-- It does what the workloads need: no malformed requests, no attributes of a
-- type other than the defined one, no legacy operators' names beyond those of
-- test/world.sql.

CREATE SCHEMA obvious;

CREATE TYPE obvious.request AS (
	action text,
	resource_type text,
	organization text,
	scopes text[],			-- the scope chain, as type:id
	member_of text[],		-- those of them that the user is a member of
	facts jsonb				-- {"user": …, "resource": …, "env": …, "context": …}
);

CREATE TYPE obvious.candidate AS (
	id uuid,
	organization text,
	effect text,
	default_effect text,
	priority int,
	may_allow boolean		-- false where it binds the user, but doesn't let them in
);

CREATE FUNCTION obvious.definition(req obvious.request, name text) RETURNS abac_attribute_definitions LANGUAGE plpgsql STABLE AS $$
DECLARE
	found abac_attribute_definitions;
BEGIN
	SELECT d.* INTO found FROM abac_attribute_definitions d
	WHERE d.name = definition.name AND (d.organization_id IS NULL OR d.organization_id = req.organization)
	ORDER BY d.organization_id NULLS LAST LIMIT 1;
	RETURN found;
END $$;

CREATE FUNCTION obvious.attribute(req obvious.request, name text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(req.facts #> string_to_array(name, '.'), (obvious.definition(req, name)).default_value);
END $$;

CREATE FUNCTION obvious.compare(op text, a jsonb, b jsonb, is_date boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF a IS NULL OR b IS NULL THEN
		RETURN NULL;
	END IF;
	CASE op
		WHEN 'eq', 'equals', '=' THEN RETURN a = b;
		WHEN 'neq' THEN RETURN a <> b;
		WHEN 'in' THEN RETURN b @> a;
		WHEN 'not_in' THEN RETURN NOT b @> a;
		WHEN 'contains', 'is_superset' THEN RETURN a @> b;
		WHEN 'not_contains' THEN RETURN NOT a @> b;
		WHEN 'starts_with' THEN RETURN starts_with(a #>> '{}', b #>> '{}');
		WHEN 'in_cidr' THEN
			IF jsonb_typeof(b) = 'array' THEN
				RETURN EXISTS (SELECT FROM jsonb_array_elements_text(b) network WHERE (a #>> '{}')::inet <<= network::inet);
			END IF;
			RETURN (a #>> '{}')::inet <<= (b #>> '{}')::inet;
		ELSE NULL;
	END CASE;
	IF is_date THEN
		CASE op
			WHEN 'lt' THEN RETURN (a #>> '{}')::timestamptz < (b #>> '{}')::timestamptz;
			WHEN 'lte' THEN RETURN (a #>> '{}')::timestamptz <= (b #>> '{}')::timestamptz;
			WHEN 'gt' THEN RETURN (a #>> '{}')::timestamptz > (b #>> '{}')::timestamptz;
			WHEN 'gte' THEN RETURN (a #>> '{}')::timestamptz >= (b #>> '{}')::timestamptz;
		END CASE;
	END IF;
	CASE op
		WHEN 'lt' THEN RETURN a < b;
		WHEN 'lte' THEN RETURN a <= b;
		WHEN 'gt' THEN RETURN a > b;
		WHEN 'gte' THEN RETURN a >= b;
		WHEN 'between' THEN RETURN a >= b -> 0 AND a <= b -> 1;
	END CASE;
END $$;

CREATE FUNCTION obvious.leaf(req obvious.request, name text, op text, value jsonb, path text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	actual jsonb;
BEGIN
	IF op = 'exists' THEN
		RETURN (req.facts #> string_to_array(name, '.') IS NOT NULL) = value::boolean;
	END IF;
	actual := obvious.attribute(req, name);
	IF path IS NOT NULL THEN
		actual := actual #> string_to_array(substr(path, 3), '.');
	END IF;
	IF jsonb_typeof(value) = 'object' THEN
		value := obvious.attribute(req, value ->> 'ref');
	ELSIF jsonb_typeof(value) = 'string' AND value #>> '{}' LIKE '$%' THEN
		value := obvious.attribute(req, substr(value #>> '{}', 2));
	END IF;
	RETURN obvious.compare(op, actual, value,
		op IN ('lt', 'lte', 'gt', 'gte') AND jsonb_typeof(actual) = 'string'
			AND (name = 'env.now' OR (obvious.definition(req, name)).data_type = 'date'));
END $$;

CREATE FUNCTION obvious.tree(req obvious.request, node jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	logic text;
	children jsonb;
	child jsonb;
	truth boolean;
	result boolean;
BEGIN
	IF node ? 'attribute' THEN
		RETURN obvious.leaf(req, node ->> 'attribute', node ->> 'operator', node -> 'value', node ->> 'path');
	ELSIF node ? 'attr' THEN
		RETURN obvious.leaf(req, node ->> 'attr', node ->> 'op', node -> 'val', node ->> 'path');
	ELSIF jsonb_typeof(node) = 'boolean' THEN
		RETURN node::boolean;
	END IF;
	IF node ? 'logic' THEN
		logic := node ->> 'logic';
		children := node -> 'conditions';
	ELSE
		logic := CASE WHEN node ? 'and' THEN 'and' WHEN node ? 'or' THEN 'or' ELSE 'not' END;
		children := node -> logic;
		IF jsonb_typeof(children) <> 'array' THEN
			children := jsonb_build_array(children);
		END IF;
	END IF;
	result := logic = 'and';
	FOR child IN SELECT jsonb_array_elements(children) LOOP
		truth := obvious.tree(req, child);
		IF logic = 'and' THEN
			IF NOT truth THEN
				RETURN false;
			END IF;
			result := result AND truth;
		ELSE
			IF truth THEN
				RETURN logic = 'or';
			END IF;
			result := result OR truth;
		END IF;
	END LOOP;
	IF logic = 'not' THEN
		RETURN NOT result;
	END IF;
	RETURN result;
END $$;

CREATE FUNCTION obvious.in_force(rule abac_rules) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN rule.is_active AND coalesce(rule.starts_at <= now(), true) AND coalesce(rule.expires_at >= now(), true);
END $$;

CREATE FUNCTION obvious.targets(req obvious.request, rule abac_rules) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(rule.resource_type IN ('*', req.resource_type), true)
		AND (rule.target_actions IS NULL OR req.action = ANY (rule.target_actions) OR '*' = ANY (rule.target_actions));
END $$;

CREATE FUNCTION obvious.rule(req obvious.request, rule abac_rules, negated boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT obvious.in_force(rule) THEN
		RETURN negated;
	ELSIF NOT obvious.targets(req, rule) THEN
		RETURN false;
	ELSIF rule.conditions IS NULL THEN
		RETURN true;
	END IF;
	RETURN obvious.tree(req, rule.conditions);
END $$;

CREATE FUNCTION obvious.rule_group(req obvious.request, group_id uuid, negated boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	logic text;
	member record;
	rule abac_rules;
	truth boolean;
	result boolean;
	empty boolean := true;
BEGIN
	SELECT combine_logic INTO logic FROM abac_rule_groups g WHERE g.id = rule_group.group_id;
	result := logic = 'and';
	FOR member IN SELECT m.rule_id, m.child_group_id FROM abac_rule_group_members m WHERE m.group_id = rule_group.group_id LOOP
		empty := false;
		IF member.rule_id IS NOT NULL THEN
			SELECT * INTO rule FROM abac_rules r WHERE r.id = member.rule_id;
			truth := obvious.rule(req, rule, negated <> (logic = 'not'));
		ELSE
			truth := obvious.rule_group(req, member.child_group_id, negated <> (logic = 'not'));
		END IF;
		IF logic = 'and' THEN
			result := result AND truth;
		ELSE
			result := result OR truth;
		END IF;
		EXIT WHEN result = (logic <> 'and');
	END LOOP;
	IF empty THEN
		RETURN negated;
	ELSIF logic = 'not' THEN
		RETURN NOT result;
	END IF;
	RETURN result;
END $$;

-- allow, deny or NULL
CREATE FUNCTION obvious.policy(req obvious.request, policy obvious.candidate) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	group_id uuid;
	rule abac_rules;
	value boolean := true;
	refused boolean := false;
	targeted boolean := false;
	complete boolean := true;
	empty boolean := true;
BEGIN
	FOR rule IN
		WITH RECURSIVE inside AS (
			SELECT rule_group_id AS id FROM abac_policy_rule_groups WHERE policy_id = policy.id
			UNION
			SELECT m.child_group_id FROM abac_rule_group_members m JOIN inside i ON m.group_id = i.id WHERE m.child_group_id IS NOT NULL
		)
		SELECT r.* FROM inside i JOIN abac_rule_group_members m ON m.group_id = i.id JOIN abac_rules r ON r.id = m.rule_id
	LOOP
		IF NOT obvious.in_force(rule) THEN
			complete := false;
			CONTINUE;
		END IF;
		targeted := targeted OR obvious.targets(req, rule);
		IF policy.effect = 'allow' AND rule.effect = 'deny' AND NOT refused THEN
			refused := obvious.rule(req, rule, false) IS NOT FALSE;
		END IF;
	END LOOP;
	IF NOT targeted THEN
		RETURN NULL;
	END IF;
	FOR group_id IN SELECT rule_group_id FROM abac_policy_rule_groups WHERE policy_id = policy.id ORDER BY sort_order LOOP
		empty := false;
		value := value AND obvious.rule_group(req, group_id, false);
		EXIT WHEN NOT value;
	END LOOP;
	IF empty THEN
		value := false;
	END IF;

	IF value THEN
		RETURN CASE WHEN policy.effect = 'deny' OR refused THEN 'deny' ELSE 'allow' END;
	ELSIF value IS NULL THEN
		RETURN CASE WHEN policy.effect = 'deny' OR refused OR policy.default_effect = 'deny' THEN 'deny' END;
	ELSIF policy.default_effect = 'deny' THEN
		RETURN 'deny';
	ELSIF policy.default_effect = 'allow' AND complete THEN
		RETURN CASE WHEN refused THEN 'deny' ELSE 'allow' END;
	END IF;
	RETURN NULL;
END $$;

-- The first priority with an outcome decides, and deny wins there.
CREATE FUNCTION obvious.policies(req obvious.request, candidates obvious.candidate[], platform_only boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	policy obvious.candidate;
	outcome text;
	result text;
	decided_at int;
BEGIN
	FOREACH policy IN ARRAY candidates LOOP			-- highest priority first
		CONTINUE WHEN platform_only AND policy.organization IS NOT NULL;
		EXIT WHEN policy.priority < decided_at;
		outcome := obvious.policy(req, policy);
		IF outcome = 'deny' THEN
			RETURN 'deny';
		ELSIF outcome = 'allow' AND policy.may_allow THEN
			result := 'allow';
			decided_at := policy.priority;
		END IF;
	END LOOP;
	RETURN result;
END $$;

CREATE FUNCTION obvious.role_grants(req obvious.request, role uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	permission uuid;
	condition record;
	truth boolean;
	some_or boolean;
	one_or boolean;
BEGIN
	IF NOT EXISTS (
		SELECT FROM abac_role_permissions rp JOIN abac_permissions p ON p.id = rp.permission_id
		WHERE rp.role_id = role AND p.resource_type IN ('*', req.resource_type) AND p.action IN ('*', req.action))
	THEN
		RETURN false;
	END IF;
	FOR permission IN SELECT id FROM abac_permissions p WHERE p.resource_type IN ('*', req.resource_type) AND p.action IN ('*', req.action) LOOP
		some_or := false;
		one_or := false;
		FOR condition IN SELECT * FROM abac_conditions c WHERE c.permission_id = permission AND (c.role_id IS NULL OR c.role_id = role) LOOP
			truth := obvious.leaf(req, condition.attribute_key, condition.operator, condition.attribute_value, NULL);
			IF condition.logic_group = 'AND' THEN
				IF truth IS NOT TRUE THEN
					RETURN false;
				END IF;
			ELSE
				some_or := true;
				one_or := one_or OR coalesce(truth, false);
			END IF;
		END LOOP;
		IF some_or AND NOT one_or THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END $$;

CREATE FUNCTION obvious.decide(user_id text, action text, resource text, ctx jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
	me text := decide.user_id;
	req obvious.request;
	at_type text;
	at_id text;
	roles uuid[];
	role_scopes text[];
	is_admin boolean;
	teams text[];
	memberships text[];
	scope text;
	direct record;
	granted_here boolean := false;
	candidates obvious.candidate[];
	outcome text;
	rule record;
	truth boolean;
	decided_at int;
	role uuid;
BEGIN
	req.action := decide.action;
	req.resource_type := split_part(decide.resource, ':', 1);

	-- where: the innermost scope named, and those above it
	SELECT t, ctx -> 'scope' ->> t INTO at_type, at_id FROM unnest('{workspace,project,organization}'::text[]) t
	WHERE ctx -> 'scope' ? t LIMIT 1;
	WHILE at_id IS NOT NULL LOOP
		req.scopes := req.scopes || (at_type || ':' || at_id);
		IF at_type = 'organization' THEN
			req.organization := at_id;
		END IF;
		SELECT parent_type, parent_id INTO at_type, at_id FROM abac_scopes WHERE scope_type = at_type AND scope_id = at_id;
	END LOOP;

	-- who: roles held, teams, membership
	SELECT array_agg(r.id), array_agg(u.context_type || ':' || u.context_id), bool_or(r.is_super_admin)
	INTO roles, role_scopes, is_admin
	FROM abac_user_roles u JOIN abac_roles r ON r.id = u.role_id
	WHERE u.user_id = me
		AND (u.context_type = 'global' OR u.context_type || ':' || u.context_id = ANY (req.scopes))
		AND (r.organization_id IS NULL OR r.organization_id = req.organization)
		AND coalesce(u.starts_at <= now(), true) AND coalesce(u.expires_at >= now(), true);
	IF is_admin THEN
		RETURN true;
	END IF;
	SELECT array_agg(m.scope_type || ':' || m.scope_id), coalesce(array_agg(m.scope_id) FILTER (WHERE m.scope_type = 'team' AND s.id IS NOT NULL), '{}')
	INTO memberships, teams
	FROM abac_memberships m LEFT JOIN abac_scopes s ON s.scope_type = 'team' AND s.scope_id = m.scope_id
		AND (s.parent_id IS NULL OR s.parent_id = req.organization)
	WHERE m.user_id = me AND coalesce(m.starts_at <= now(), true) AND coalesce(m.expires_at >= now(), true);
	req.member_of := '{}';
	FOR i IN REVERSE coalesce(cardinality(req.scopes), 0)..1 LOOP
		scope := req.scopes[i];
		IF req.member_of <> '{}' OR scope = ANY (memberships) OR scope = ANY (role_scopes) THEN
			req.member_of := req.member_of || scope;
		END IF;
	END LOOP;

	-- direct permissions
	FOR direct IN
		SELECT u.granted, u.context_type
		FROM abac_user_permissions u JOIN abac_permissions p ON p.id = u.permission_id
		WHERE u.user_id = me AND p.resource_type IN ('*', req.resource_type) AND p.action IN ('*', decide.action)
			AND (u.context_type = 'global' OR u.context_type || ':' || u.context_id = ANY (req.scopes))
			AND coalesce(u.starts_at <= now(), true) AND coalesce(u.expires_at >= now(), true)
		ORDER BY u.granted, u.context_type <> 'global'
	LOOP
		IF NOT direct.granted THEN
			RETURN false;
		ELSIF direct.context_type = 'global' THEN
			RETURN true;
		END IF;
		granted_here := true;
	END LOOP;

	-- what is known
	req.facts := jsonb_build_object(
		'user', jsonb_build_object('teams', teams)
			|| coalesce((SELECT attributes FROM abac_user_attributes a WHERE a.user_id = me AND a.organization_id IS NULL), '{}')
			|| coalesce((SELECT attributes FROM abac_user_attributes a WHERE a.user_id = me AND a.organization_id = req.organization), '{}')
			|| jsonb_build_object('id', me),
		'resource', coalesce(ctx -> 'resource', '{}')
			|| jsonb_strip_nulls(jsonb_build_object('type', req.resource_type, 'id', nullif(split_part(decide.resource, ':', 2), ''))),
		'env', coalesce(ctx -> 'env', '{}'),
		'context', coalesce(ctx -> 'context', '{}') || jsonb_build_object('action', decide.action));

	-- policies
	SELECT array_agg((p.id, p.organization_id, p.effect, p.default_effect, p.priority, a.may_allow)::obvious.candidate ORDER BY p.priority DESC)
	INTO candidates
	FROM (
		SELECT a.policy_id, bool_or(a.target_type IN ('user', 'role', 'team') OR a.target_type || ':' || a.target_id = ANY (req.member_of)) AS may_allow
		FROM abac_policy_assignments a
		WHERE ((a.target_type = 'user' AND a.target_id = me)
				OR (a.target_type = 'role' AND a.target_id = ANY (roles::text[]))
				OR (a.target_type = 'team' AND a.target_id = ANY (teams))
				OR (a.target_type IN ('organization', 'project', 'workspace')
					AND a.target_id = ANY (ARRAY(SELECT split_part(s, ':', 2) FROM unnest(req.scopes) s))
					AND a.target_type || ':' || a.target_id = ANY (req.scopes)))
			AND a.is_active AND coalesce(a.starts_at <= now(), true) AND coalesce(a.expires_at >= now(), true)
		GROUP BY a.policy_id
	) a JOIN abac_policies p ON p.id = a.policy_id
	WHERE p.is_active AND (p.organization_id IS NULL OR p.organization_id = req.organization);
	IF candidates IS NOT NULL THEN
		IF obvious.policies(req, candidates, true) = 'deny' THEN
			RETURN false;
		ELSIF granted_here THEN
			RETURN true;
		END IF;
		outcome := obvious.policies(req, candidates, false);
		IF outcome IS NOT NULL THEN
			RETURN outcome = 'allow';
		END IF;
	ELSIF granted_here THEN
		RETURN true;
	END IF;

	-- legacy rules, then roles
	FOR rule IN
		SELECT * FROM abac_policy_rules r
		WHERE r.organization_id = req.organization AND r.is_active AND r.resource_type IN ('*', req.resource_type)
		ORDER BY r.priority DESC
	LOOP
		EXIT WHEN rule.priority < decided_at;
		truth := obvious.tree(req, rule.conditions);
		IF rule.effect = 'deny' AND truth IS NOT FALSE THEN
			RETURN false;
		ELSIF rule.effect = 'allow' AND truth AND 'organization:' || req.organization = ANY (req.member_of) THEN
			decided_at := rule.priority;
		END IF;
	END LOOP;
	IF decided_at IS NOT NULL THEN
		RETURN true;
	END IF;
	FOREACH role IN ARRAY coalesce(roles, '{}') LOOP
		IF obvious.role_grants(req, role) THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;
