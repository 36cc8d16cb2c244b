-- Worlds and requests for the oracle to be compared with the engine on. Everything is a function of the seed, on every
-- version of PostgreSQL. Load after oracle.sql.
--
--     SELECT oracle.generate_world(1);            -- empties the abac_ tables, fills them, within the guards
--     SELECT oracle.break_world(1);               -- optional: adds what only replication or disabled triggers let in
--     SELECT * FROM oracle.generate_requests(1, 100);
--
-- Both return how many rows were refused; oracle.refusals says which and why. A row refused by generate_world is a bug
-- of the generator or of a guard. Rows of a comparison:
--
--     SELECT * FROM oracle.generate_requests(1, 100) r, oracle.decide(r.user_id, r.action, r.resource, r.ctx, now()) d;

CREATE TABLE oracle.refusals (table_name text, new_row jsonb, message text);

-- ---------------------------------------------------------------------------------------------------------------
-- Chance: each die has a name, a throw depends on the seed and the name alone
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.roll(seed int, die text, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT ((('x' || substr(md5(seed || '/' || die), 1, 8))::bit(32)::bigint & 2147483647) % sides)::int
$$;

CREATE FUNCTION oracle.chance(seed int, die text, percent int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT oracle.roll(seed, die, 100) < percent
$$;

CREATE FUNCTION oracle.pick(seed int, die text, things text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT things[1 + oracle.roll(seed, die, cardinality(things))]
$$;

CREATE FUNCTION oracle.pick(seed int, die text, things jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT things -> oracle.roll(seed, die, jsonb_array_length(things))
$$;

CREATE FUNCTION oracle.make_id(seed int, thing text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
	SELECT md5(seed || '#' || thing)::uuid
$$;

-- Inserts a row, unless its key is taken; notes it when it is refused.
CREATE FUNCTION oracle.put(table_name text, new_row jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	new_row := jsonb_strip_nulls(new_row - 'attributes' - 'conditions' - 'attribute_value' - 'default_value')
		|| coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(new_row)
			WHERE key IN ('attributes', 'conditions', 'attribute_value', 'default_value') AND value <> 'null'), '{}');
	EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$I, $1) ON CONFLICT DO NOTHING',
		table_name, (SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(new_row) k)) USING new_row;
EXCEPTION WHEN others THEN
	INSERT INTO oracle.refusals VALUES (table_name, new_row, SQLERRM);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- The vocabulary
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.people() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT '{alice,bob,carol,dave,erin,frank,7,root,ghost}'::text[]
$$;

CREATE FUNCTION oracle.organizations(seed int) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE seed % 2 WHEN 0 THEN '{acme,42}' ELSE '{acme,globex,42}' END::text[]
$$;

-- kind says which operators make sense; data_type, multi, fallback are the definition it gets ('' = none).
CREATE FUNCTION oracle.vocabulary() RETURNS TABLE (name text, kind text, samples jsonb, data_type text, multi boolean, fallback jsonb)
LANGUAGE sql IMMUTABLE AS $$
	VALUES
		('user.department', 'string', '["sales", "legal", "ops"]'::jsonb, 'string', false, NULL::jsonb),
		('user.level', 'number', '[1, 2, 3, 5]', 'number', false, '2'),
		('user.clearance', 'string', '["public", "secret"]', 'string', false, '"public"'),
		('user.tags', 'list', '["red", "green", "blue"]', 'string', true, NULL),
		('user.groups', 'list', '["g1", "g2", 3]', 'array', false, NULL),
		('user.verified', 'boolean', '[true, false]', 'boolean', false, 'false'),
		('user.hired', 'date', '["2020-01-01", "2021-06-15T12:00:00Z", "2022-03-01 08:30+02:00", "2021-06-15T14:00:00.000+02"]', 'date', false, NULL),
		('user.last_ip', 'address', '["10.0.0.1", "192.168.1.5", "::ffff:10.0.0.1", "2001:db8::1"]', 'ip', false, NULL),
		('user.networks', 'networks', '["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"]', 'cidr', true, NULL),
		('user.profile', 'json', '[{"level": 1}, {"level": 2, "unit": {"name": "ops"}}]', 'json', false, NULL),
		('user.profile.level', 'mixed', '[1, 2, "2"]', '', false, NULL),
		('user.profile.rank', 'number', '[1, 2, 3]', 'number', false, '1'),
		('user.badge', 'string', '["gold", "blue"]', 'string', false, NULL),
		('user.quota', 'number', '[10, 20]', 'number', false, '10'),
		('user.nick', 'mixed', '["al", "bo", "3"]', '', false, NULL),
		('user.score', 'mixed', '[1, 2.50, "2.5", true]', '', false, NULL),
		('user.manager', 'string', '["alice", "bob", "7"]', '', false, NULL),
		('user.id', 'id', '["alice", "bob", "7", 7]', '', false, NULL),
		('user.roles', 'list', '["member", "auditor", "manager"]', '', false, NULL),
		('user.role', 'list', '["member", "auditor", "manager"]', '', false, NULL),
		('user.teams', 'list', '["guild", "acme-t1", "42-t1"]', '', false, NULL),
		('resource.type', 'string', '["document", "invoice"]', '', false, NULL),
		('resource.id', 'id', '["1", "d-9", 7, "7"]', '', false, NULL),
		('resource.owner', 'id', '["alice", "bob", 7, "carol"]', '', false, NULL),
		('resource.department', 'string', '["sales", "legal", "ops"]', '', false, NULL),
		('resource.departments', 'list', '["sales", "legal"]', '', false, NULL),
		('resource.levels', 'list', '[1, 2, "5"]', 'number', true, NULL),
		('resource.status', 'string', '["draft", "final"]', 'string', false, '"draft"'),
		('resource.amount', 'number', '[1, 10, 99.5, 1000]', 'number', false, NULL),
		('resource.tags', 'list', '["red", "green", 1]', '', false, NULL),
		('resource.labels', 'list', '["red", "blue", "1"]', 'string', true, '["red"]'),
		('resource.created', 'date', '["2020-01-01T00:00:00Z", "2021-06-15", "2022-03-01T06:30:00Z"]', 'date', false, NULL),
		('resource.net', 'address', '["10.0.0.0/8", "10.0.0.0/16", "::ffff:10.0.0.0/104"]', 'cidr', false, NULL),
		('resource.acl', 'networks', '["10.0.0.0/8", "10.0.0.1", "192.168.1.5"]', '', false, NULL),
		('resource.meta', 'json', '[{"level": 1}, {"level": 2, "unit": {"name": "ops"}}]', 'json', false, NULL),
		('resource.secret', 'boolean', '[true, false]', 'boolean', false, 'true'),
		('resource.members', 'list', '["alice", "bob", 7]', '', false, NULL),
		('env.ip', 'address', '["10.0.0.1", "10.9.9.9", "::ffff:192.168.1.5", "2001:db8::7"]', 'ip', false, NULL),
		('env.device', 'string', '["phone", "laptop"]', '', false, NULL),
		('env.risk', 'number', '[0, 10, 50, 90]', 'number', false, '50'),
		('env.now', 'date', '["2020-01-01", "2999-01-01T00:00Z"]', '', false, NULL),
		('env.date', 'string', '["2020-01-01", "2999-12-31"]', '', false, NULL),
		('env.time_of_day', 'string', '["00:00", "12:00", "23:59"]', '', false, NULL),
		('env.day_of_week', 'string', '["monday", "tuesday", "wednesday", "thursday", "friday"]', '', false, NULL),
		('env.time_hour', 'number', '[0, 12, "23"]', '', false, NULL),
		('context.channel', 'string', '["web", "api", "$web", "$5"]', '', false, NULL),
		('context.mfa', 'boolean', '[true, false]', 'boolean', false, NULL),
		('context.reason', 'string', '["audit", "support"]', 'string', false, '"none"'),
		('context.action', 'string', '["read", "write", "delete"]', '', false, NULL)
$$;

-- A value for an attribute: mostly one of its samples, sometimes null, of another type, written otherwise.
CREATE FUNCTION oracle.some_value(seed int, die text, kind text, samples jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v jsonb := oracle.pick(seed, die || '/v', samples);
	luck int := oracle.roll(seed, die || '/luck', 100);
BEGIN
	IF luck < 4 THEN
		RETURN 'null';
	ELSIF luck < 10 THEN
		RETURN oracle.pick(seed, die || '/odd', '[true, 0, "", "zzz", [], {}, {"level": null}, [null], ["sales"], "2021-02-30", "1e2", "01", 1e400, "10.0.0.1/8"]'::jsonb);
	ELSIF kind IN ('list', 'networks') THEN
		IF luck < 20 THEN RETURN v; END IF;
		RETURN (SELECT coalesce(jsonb_agg(oracle.pick(seed, die || '/e' || n, samples)), '[]')
			FROM generate_series(1, oracle.roll(seed, die || '/n', 4)) n);
	ELSIF luck < 16 AND jsonb_typeof(v) IN ('number', 'boolean') THEN
		RETURN to_jsonb(v #>> '{}');
	ELSIF luck < 19 AND kind <> 'json' THEN
		RETURN jsonb_build_array(v);
	END IF;
	RETURN v;
END $$;

-- object with value at one or two keys
CREATE FUNCTION oracle.set_key(obj jsonb, keys text[], v jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF cardinality(keys) = 1 THEN
		RETURN obj || jsonb_build_object(keys[1], v);
	ELSIF obj ? keys[1] AND jsonb_typeof(obj -> keys[1]) <> 'object' THEN
		RETURN obj;
	END IF;
	RETURN obj || jsonb_build_object(keys[1], coalesce(obj -> keys[1], '{}') || jsonb_build_object(keys[2], v));
END $$;

-- An object of attributes of a root, each with the given probability.
CREATE FUNCTION oracle.some_attributes(seed int, die text, root text, percent int) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v record;
	obj jsonb := '{}';
BEGIN
	FOR v IN SELECT * FROM oracle.vocabulary() WHERE split_part(name, '.', 1) = root ORDER BY name COLLATE "C" LOOP
		IF oracle.chance(seed, die || '/has/' || v.name,
			CASE WHEN v.name IN ('user.id', 'user.roles', 'user.role', 'resource.type', 'context.action') THEN 3
				WHEN v.name IN ('user.teams', 'resource.id', 'env.now', 'env.date', 'env.time_of_day', 'env.day_of_week', 'env.time_hour') THEN 15
				WHEN v.name = 'user.profile' THEN percent / 3
				ELSE percent END)
		THEN
			obj := oracle.set_key(obj, (string_to_array(v.name, '.'))[2:], CASE v.name
				WHEN 'resource.id' THEN oracle.pick(seed, die || '/id', v.samples)
				ELSE oracle.some_value(seed, die || '/' || v.name, v.kind, v.samples) END);
		END IF;
	END LOOP;
	RETURN obj;
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- Conditions
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.operators_for(kind text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE kind
		WHEN 'string' THEN '{eq,eq,eq,neq,gt,gte,lt,lte,between,in,in,not_in,contains,not_contains,starts_with,ends_with,matches,exists}'
		WHEN 'id' THEN '{eq,eq,eq,neq,in,in,not_in,exists}'
		WHEN 'number' THEN '{eq,neq,gt,gte,gte,lt,lte,between,in,not_in,exists}'
		WHEN 'boolean' THEN '{eq,eq,neq,in,exists}'
		WHEN 'date' THEN '{eq,neq,gt,gte,lt,lte,between,in,not_in,exists}'
		WHEN 'address' THEN '{eq,neq,in,not_in,in_cidr,in_cidr,in_cidr,not_in_cidr,exists}'
		WHEN 'list' THEN '{contains,contains,not_contains,is_subset,is_superset,eq,neq,in,not_in,exists}'
		WHEN 'networks' THEN '{contains,not_contains,eq,in,is_subset,is_superset,exists}'
		WHEN 'json' THEN '{eq,eq,neq,gte,in,contains,exists}'
		ELSE '{eq,neq,gt,lte,between,in,not_in,contains,not_contains,starts_with,ends_with,matches,is_subset,is_superset,exists,in_cidr}'
	END::text[]
$$;

CREATE FUNCTION oracle.alias_of(seed int, die text, op text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE op
		WHEN 'eq' THEN oracle.pick(seed, die, '{eq,eq,equals,=,==}'::text[])
		WHEN 'neq' THEN oracle.pick(seed, die, '{neq,neq,not_equals,ne,!=}'::text[])
		ELSE op
	END
$$;

-- A literal of the kind; the samples as they are, or as the coercions of the contract read them.
CREATE FUNCTION oracle.literal(seed int, die text, kind text, samples jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v jsonb := oracle.pick(seed, die || '/v', samples);
	luck int := oracle.roll(seed, die || '/luck', 100);
BEGIN
	IF luck < 8 AND jsonb_typeof(v) IN ('number', 'boolean') THEN
		RETURN to_jsonb(v #>> '{}');
	ELSIF luck < 11 THEN
		RETURN oracle.pick(seed, die || '/odd', '[true, 3, "zzz", "2021-06-15 12:00Z", "10.0.0.1"]'::jsonb);
	END IF;
	RETURN v;
END $$;

-- One leaf in the long form, without path.
CREATE FUNCTION oracle.some_leaf(seed int, die text, v record) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	op text := oracle.pick(seed, die || '/op', oracle.operators_for(v.kind));
	word text := oracle.pick(seed, die || '/word', v.samples) #>> '{}';
	networks jsonb := '["10.0.0.0/8", "10.0.0.0/16", "192.168.0.0/16", "2001:db8::/32", "::ffff:10.0.0.0/104", "10.0.0.1"]';
	other text;
	value jsonb;
BEGIN
	IF op NOT IN ('exists', 'matches', 'between') AND oracle.chance(seed, die || '/ref', 25) THEN
		-- another attribute: mostly one it compares with
		SELECT oracle.pick(seed, die || '/other', array_agg(o.name ORDER BY o.name COLLATE "C")) INTO other
		FROM (SELECT *, rank() OVER (ORDER BY CASE WHEN EXISTS (	-- of those, mostly one with values in common
				SELECT jsonb_array_elements(v.samples) INTERSECT SELECT jsonb_array_elements(o.samples)) THEN 0 ELSE 1 END)
			FROM oracle.vocabulary() o WHERE o.name <> v.name AND (oracle.chance(seed, die || '/any', 10) OR CASE
			WHEN v.kind = 'id' AND op IN ('in', 'not_in') THEN o.name IN ('resource.members', 'user.groups')
			WHEN v.kind = 'list' AND op NOT IN ('is_subset', 'is_superset') AND oracle.chance(seed, die || '/one', 50) THEN
				o.kind IN ('string', 'id')
			WHEN op IN ('in_cidr', 'not_in_cidr') THEN o.kind IN ('networks', 'address')
			WHEN op IN ('in', 'not_in') THEN o.kind IN ('list', 'networks')
			WHEN op IN ('contains', 'not_contains') AND v.name IN ('resource.members', 'user.groups') THEN o.kind = 'id'
			WHEN v.kind = 'networks' AND op IN ('contains', 'not_contains', 'eq', 'neq') THEN o.kind IN ('networks', 'address')
			ELSE o.kind = v.kind
		END)) o
		WHERE rank = 1 OR oracle.chance(seed, die || '/uncommon', 30);
		IF oracle.chance(seed, die || '/root', 20) THEN
			other := regexp_replace(regexp_replace(other, '^user\.', 'subject.'), '^env\.', 'environment.');
		END IF;
		value := CASE WHEN oracle.chance(seed, die || '/dollar', 50) THEN to_jsonb('$' || other) ELSE jsonb_build_object('ref', other) END;
	ELSE
		value := CASE op
			WHEN 'exists' THEN to_jsonb(oracle.chance(seed, die || '/is', 70))
			WHEN 'matches' THEN to_jsonb(oracle.pick(seed, die || '/re', ARRAY['^' || regexp_replace(left(word, 2), '\W', '.', 'g'), '[0-9]+$', '^(sales|draft|web|a.*)$', 'e']))
			WHEN 'starts_with' THEN to_jsonb(left(word, 1 + oracle.roll(seed, die || '/len', 3)))
			WHEN 'ends_with' THEN to_jsonb(right(word, 1 + oracle.roll(seed, die || '/len', 3)))
			WHEN 'in_cidr' THEN oracle.pick(seed, die || '/net', networks)
			WHEN 'not_in_cidr' THEN oracle.pick(seed, die || '/net', networks)
			WHEN 'between' THEN jsonb_build_array(oracle.pick(seed, die || '/lo', v.samples), oracle.pick(seed, die || '/hi', v.samples))
			ELSE oracle.literal(seed, die || '/one', v.kind, v.samples)
		END;
		IF op IN ('contains', 'not_contains') AND v.kind IN ('string', 'mixed') THEN
			value := to_jsonb(substr(word, 1 + oracle.roll(seed, die || '/from', length(word)), 1 + oracle.roll(seed, die || '/len', 3)));
		ELSIF op IN ('in', 'not_in', 'is_subset', 'is_superset')
			OR (op IN ('in_cidr', 'not_in_cidr') AND oracle.chance(seed, die || '/many', 40))
			OR (op IN ('contains', 'not_contains', 'eq', 'neq') AND v.kind IN ('list', 'networks') AND oracle.chance(seed, die || '/many', 30))
		THEN
			value := (SELECT coalesce(jsonb_agg(CASE WHEN op IN ('in_cidr', 'not_in_cidr') THEN oracle.pick(seed, die || '/n' || n, networks)
					ELSE oracle.literal(seed, die || '/e' || n, v.kind, v.samples) END), '[]')
				FROM generate_series(1, oracle.roll(seed, die || '/count', 4)) n);
			IF op IN ('in_cidr', 'not_in_cidr') AND value = '[]' THEN
				value := networks;
			END IF;
		END IF;
		IF jsonb_typeof(value) = 'array' THEN
			value := replace(value::text, '"$web"', '"web"');		-- looks like a reference inside an array
		END IF;
		IF oracle.chance(seed, die || '/wrap', 8) OR (jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^\$[A-Za-z]') THEN
			value := jsonb_build_object('literal', value);
		END IF;
	END IF;
	RETURN jsonb_build_object('attribute', v.name, 'operator', oracle.alias_of(seed, die || '/alias', op), 'value', value);
END $$;

CREATE FUNCTION oracle.some_word(seed int, die text, OUT name text, OUT kind text, OUT samples jsonb) LANGUAGE sql IMMUTABLE AS $$
	SELECT v.name, v.kind, v.samples FROM oracle.vocabulary() v ORDER BY v.name COLLATE "C"
	OFFSET oracle.roll(seed, die, (SELECT count(*)::int FROM oracle.vocabulary())) LIMIT 1
$$;

-- A tree in any of the forms the contract accepts.
CREATE FUNCTION oracle.some_tree(seed int, die text, depth int) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	luck int := oracle.roll(seed, die || '/shape', 100);
	v record;
	node jsonb;
	logic text;
BEGIN
	IF luck < 3 THEN
		RETURN to_jsonb(oracle.chance(seed, die || '/const', 60));
	ELSIF depth = 0 OR luck < 45 THEN
		v := oracle.some_word(seed, die || '/word');
		IF v.kind = 'json' AND oracle.chance(seed, die || '/deep', 80) THEN
			IF oracle.chance(seed, die || '/deeper', 30) THEN
				v.kind := 'string';
				v.samples := '["ops", "sales"]';
				node := oracle.some_leaf(seed, die, v) || '{"path": "$.unit.name"}';
			ELSE
				v.kind := 'number';
				v.samples := '[1, 2]';
				node := oracle.some_leaf(seed, die, v) || '{"path": "$.level"}';
			END IF;
		ELSE
			node := oracle.some_leaf(seed, die, v);
		END IF;
		IF oracle.chance(seed, die || '/root', 15) THEN
			node := node || jsonb_build_object('attribute',
				regexp_replace(regexp_replace(node ->> 'attribute', '^user\.', 'subject.'), '^env\.', 'environment.'));
		END IF;
		IF NOT node ? 'path' AND oracle.chance(seed, die || '/short', 15) THEN
			node := jsonb_build_object('attr', node -> 'attribute', 'op', node -> 'operator', 'val', node -> 'value');
		END IF;
	ELSE
		logic := oracle.pick(seed, die || '/logic', '{and,and,or,or,not}'::text[]);
		node := (SELECT jsonb_agg(oracle.some_tree(seed, die || '.' || n, depth - 1)) FROM generate_series(1, 1 + oracle.roll(seed, die || '/count', 3)) n);
		IF oracle.chance(seed, die || '/old', 40) THEN
			IF logic = 'not' AND jsonb_array_length(node) = 1 THEN
				node := node -> 0;
			END IF;
			node := jsonb_build_object(logic, node);
		ELSE
			node := jsonb_build_object('logic', logic, 'conditions', node);
		END IF;
	END IF;
	IF jsonb_typeof(node) = 'object' AND oracle.chance(seed, die || '/note', 5) THEN
		node := node || '{"description": "a note"}';
	END IF;
	RETURN node;
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- The world
-- ---------------------------------------------------------------------------------------------------------------

-- A window: mostly none, sometimes open, past or future.
CREATE FUNCTION oracle.some_window(seed int, die text, percent_shut int) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF oracle.chance(seed, die || '/shut', percent_shut) THEN
		RETURN oracle.pick(seed, die || '/w', '[{"starts_at": "2001-01-01Z", "expires_at": "2002-01-01Z"}, {"expires_at": "2010-01-01Z"}, {"starts_at": "2990-01-01Z"}]'::jsonb);
	END IF;
	RETURN oracle.pick(seed, die || '/w', '[{}, {}, {}, {"starts_at": "2001-01-01Z"}, {"expires_at": "2990-01-01Z"}, {"starts_at": "2001-01-01Z", "expires_at": "2990-01-01Z"}]'::jsonb);
END $$;

CREATE FUNCTION oracle.empty_world() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY '{policy_assignments,policy_rule_groups,policies,rule_group_members,rule_groups,rules,conditions,policy_rules,
		user_permissions,user_roles,role_permissions,permissions,roles,memberships,user_attributes,resource_types,attribute_definitions}'::text[]
	LOOP
		EXECUTE format('DELETE FROM %I', 'abac_' || t);
	END LOOP;
	DELETE FROM abac_scopes WHERE scope_type IN ('workspace', 'team');
	DELETE FROM abac_scopes WHERE scope_type = 'project';
	DELETE FROM abac_scopes;
END $$;

-- Definitions: the vocabulary's, most of them, with varying sources; organizations redefine some.
CREATE FUNCTION oracle.some_definitions(seed int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v record;
	org text;
	die text;
	category text;
BEGIN
	FOR v IN SELECT * FROM oracle.vocabulary() LOOP
		die := 'def/' || v.name;
		category := CASE split_part(v.name, '.', 1) WHEN 'user' THEN 'subject' WHEN 'resource' THEN 'resource' WHEN 'env' THEN 'environment' ELSE 'context' END;
		IF v.data_type <> '' AND oracle.chance(seed, die, 85) THEN
			PERFORM oracle.put('abac_attribute_definitions', jsonb_build_object('id', oracle.make_id(seed, die), 'name', v.name, 'category', category,
				'data_type', v.data_type, 'is_multivalued', v.multi, 'default_value', CASE WHEN oracle.chance(seed, die || '/d', 80) THEN v.fallback END,
				'source', CASE v.name WHEN 'user.badge' THEN 'stored' WHEN 'user.quota' THEN 'global'
					ELSE oracle.pick(seed, die || '/s', '{any,any,any,any,any,any,any,any,stored,global}'::text[]) END));
		END IF;
		FOREACH org IN ARRAY oracle.organizations(seed) LOOP
			die := 'def/' || org || '/' || v.name;
			IF v.kind IN ('string', 'number', 'boolean', 'mixed', 'list') AND oracle.chance(seed, die, 10)
				AND v.name NOT IN ('user.roles', 'user.role', 'user.teams', 'resource.type', 'context.action', 'env.date', 'env.time_of_day', 'env.day_of_week')
			THEN
				PERFORM oracle.put('abac_attribute_definitions', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org,
					'name', v.name, 'category', category, 'data_type', oracle.pick(seed, die || '/t', '{string,string,number,boolean,array,json}'::text[]),
					'is_multivalued', oracle.chance(seed, die || '/m', CASE v.kind WHEN 'list' THEN 90 ELSE 20 END)));
			END IF;
		END LOOP;
	END LOOP;
END $$;

-- Organizations, projects, workspaces, teams, and who is in them.
CREATE FUNCTION oracle.some_scopes(seed int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	org text;
	person text;
	s record;
BEGIN
	PERFORM oracle.put('abac_scopes', '{"scope_type": "team", "scope_id": "guild"}');
	FOREACH org IN ARRAY oracle.organizations(seed) LOOP
		IF oracle.chance(seed, 'org/' || org, 60) THEN
			PERFORM oracle.put('abac_scopes', jsonb_build_object('scope_type', 'organization', 'scope_id', org));
		END IF;
		PERFORM oracle.put('abac_scopes', jsonb_build_object('scope_type', x ->> 0, 'scope_id', CASE x ->> 1 WHEN '42-p1' THEN '101' ELSE x ->> 1 END,
				'parent_type', x ->> 2, 'parent_id', CASE x ->> 3 WHEN '42-p1' THEN '101' ELSE x ->> 3 END))
		FROM jsonb_array_elements(jsonb_build_array(
			jsonb_build_array('project', org || '-p1', 'organization', org),
			jsonb_build_array('project', org || '-p2', 'organization', org),
			jsonb_build_array('workspace', org || '-w1', 'project', org || '-p1'),
			jsonb_build_array('workspace', org || '-w2', 'organization', org),
			jsonb_build_array('team', org || '-t1', 'organization', org),
			jsonb_build_array('team', org || '-t2', 'organization', org))) x;
	END LOOP;
	FOREACH person IN ARRAY oracle.people() LOOP
		CONTINUE WHEN person = 'ghost';
		FOR s IN SELECT scope_type::text, scope_id::text FROM abac_scopes
			UNION SELECT 'organization', o FROM unnest(oracle.organizations(seed)) o
			UNION VALUES ('team', 'unregistered')
		LOOP
			IF oracle.chance(seed, 'member/' || person || '/' || s.scope_type || s.scope_id, CASE s.scope_type WHEN 'organization' THEN 45 ELSE 20 END) THEN
				PERFORM oracle.put('abac_memberships', jsonb_build_object('scope_type', s.scope_type, 'scope_id', s.scope_id, 'user_id', person)
					|| oracle.some_window(seed, 'member/' || person || '/' || s.scope_type || s.scope_id, 15));
			END IF;
		END LOOP;
	END LOOP;
END $$;

-- Roles, permissions, legacy conditions, and who has them.
CREATE FUNCTION oracle.some_roles(seed int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	org text;
	person text;
	r record;
	p record;
	c record;
	leaf jsonb;
	word record;
	n int;
	die text;
BEGIN
	PERFORM oracle.put('abac_roles', x || jsonb_build_object('id', oracle.make_id(seed, 'role/' || (x ->> 'name'))))
	FROM jsonb_array_elements('[{"name": "global_admin", "scope": "global", "is_super_admin": true}, {"name": "auditor", "scope": "global"},
		{"name": "member", "scope": "organization"}, {"name": "builder", "scope": "project"}, {"name": "keeper", "scope": "workspace"}]') x;
	FOREACH org IN ARRAY oracle.organizations(seed) LOOP
		PERFORM oracle.put('abac_roles', x || jsonb_build_object('organization_id', org, 'id', oracle.make_id(seed, 'role/' || org || (x ->> 'name'))))
		FROM jsonb_array_elements('[{"name": "manager", "scope": "organization"}, {"name": "dev", "scope": "project"}, {"name": "member", "scope": "organization"}]') x;
	END LOOP;

	PERFORM oracle.put('abac_permissions', jsonb_build_object('id', oracle.make_id(seed, 'perm/' || x), 'resource_type', split_part(x, '/', 1), 'action', split_part(x, '/', 2)))
	FROM unnest('{document/read,document/write,document/*,*/read,*/*,invoice/approve,invoice/read,report/export,photo/delete,*/delete}'::text[]) x;

	FOR p IN SELECT id, resource_type || '/' || action AS name FROM abac_permissions LOOP
		FOR r IN SELECT id, name, organization_id FROM abac_roles WHERE NOT is_super_admin LOOP
			IF oracle.chance(seed, 'rp/' || p.name || r.id, CASE p.name WHEN '*/*' THEN 15 ELSE 45 END) THEN
				PERFORM oracle.put('abac_role_permissions', jsonb_build_object('role_id', r.id, 'permission_id', p.id));
			END IF;
			IF oracle.chance(seed, 'rc/' || p.name || r.id, 3) THEN
				FOR n IN 1 .. 1 + oracle.roll(seed, 'rc#/' || p.name || r.id, 3) LOOP
					die := 'rc/' || p.name || r.id || n;
					word := oracle.some_word(seed, die);
					leaf := oracle.some_leaf(seed, die, word);
					PERFORM oracle.put('abac_conditions', jsonb_build_object('id', oracle.make_id(seed, die), 'permission_id', p.id, 'role_id', r.id,
						'attribute_key', leaf -> 'attribute', 'operator', leaf -> 'operator', 'attribute_value', leaf -> 'value',
						'logic_group', oracle.pick(seed, die || '/lg', '{AND,OR,OR}'::text[])));
				END LOOP;
			END IF;
		END LOOP;
		IF oracle.chance(seed, 'pc/' || p.name, 7) THEN
			FOR n IN 1 .. 1 + oracle.roll(seed, 'pc#/' || p.name, 3) LOOP
				die := 'pc/' || p.name || n;
				word := oracle.some_word(seed, die);
				leaf := oracle.some_leaf(seed, die, word);
				PERFORM oracle.put('abac_conditions', jsonb_build_object('id', oracle.make_id(seed, die), 'permission_id', p.id,
					'attribute_key', leaf -> 'attribute', 'operator', leaf -> 'operator', 'attribute_value', leaf -> 'value',
					'logic_group', oracle.pick(seed, die || '/lg', '{AND,OR,OR}'::text[])));
			END LOOP;
		END IF;
		-- direct grants and denials
		FOREACH person IN ARRAY oracle.people() LOOP
			FOR c IN SELECT 'global' AS scope_type, NULL AS scope_id
				UNION ALL (SELECT scope_type, scope_id FROM abac_scopes WHERE scope_type IN ('organization', 'project', 'workspace') ORDER BY scope_type COLLATE "C", scope_id)
			LOOP
				die := concat('up/', p.name, '/', person, '/', c.scope_type, c.scope_id);
				IF oracle.chance(seed, die, CASE c.scope_type WHEN 'global' THEN 4 ELSE 3 END) THEN
					PERFORM oracle.put('abac_user_permissions', jsonb_build_object('user_id', person, 'permission_id', p.id,
						'granted', oracle.chance(seed, die || '/g', CASE p.name WHEN '*/*' THEN 90 ELSE 65 END), 'context_type', c.scope_type, 'context_id', c.scope_id)
						|| oracle.some_window(seed, die, 20));
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;

	PERFORM oracle.put('abac_user_roles', jsonb_build_object('user_id', 'root', 'role_id', id, 'context_type', 'global')) FROM abac_roles WHERE is_super_admin;
	FOREACH person IN ARRAY oracle.people() LOOP
		CONTINUE WHEN person = 'ghost';
		FOR r IN SELECT id, name, scope, organization_id FROM abac_roles WHERE NOT is_super_admin LOOP
			FOR c IN
				SELECT 'global' AS scope_type, NULL AS scope_id WHERE r.scope = 'global'
				UNION ALL SELECT 'organization', o FROM unnest(oracle.organizations(seed)) o
					WHERE r.scope = 'organization' AND (r.organization_id IS NULL OR r.organization_id = o)
				UNION ALL SELECT s.scope_type, s.scope_id FROM abac_scopes s
					LEFT JOIN abac_scopes up ON up.scope_type = s.parent_type AND up.scope_id = s.parent_id
					WHERE s.scope_type IN ('project', 'workspace') AND s.scope_type = r.scope
						AND (r.organization_id IS NULL OR r.organization_id IN (s.parent_id, up.parent_id))
			LOOP
				die := concat('ur/', person, '/', r.id, c.scope_type, c.scope_id);
				IF oracle.chance(seed, die, CASE r.scope WHEN 'organization' THEN 22 ELSE 12 END) THEN
					PERFORM oracle.put('abac_user_roles', jsonb_build_object('user_id', person, 'role_id', r.id, 'context_type', c.scope_type, 'context_id', c.scope_id)
						|| oracle.some_window(seed, die, 15));
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;

-- Rules, groups, policies and their assignments.
CREATE FUNCTION oracle.some_policies(seed int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	n int;
	k int;
	die text;
	org text;
	member uuid;
	target text;
	owners text[] := oracle.organizations(seed) || NULL::text;
BEGIN
	FOR n IN 1 .. 64 LOOP
		die := 'rule' || n;
		PERFORM oracle.put('abac_rules', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', oracle.pick(seed, die || '/org', owners), 'name', die,
			'effect', CASE WHEN oracle.chance(seed, die || '/deny', 6) THEN 'deny' ELSE 'allow' END,
			'is_active', NOT oracle.chance(seed, die || '/off', 4),
			'resource_type', oracle.pick(seed, die || '/type', ARRAY[NULL, NULL, '*', 'document', 'document', 'invoice', 'report', 'photo']),
			'target_actions', oracle.pick(seed, die || '/actions', '[null, ["*"], ["read"], ["read", "write"], ["write", "delete"], ["approve", "export", "read"], ["*", "read"]]'::jsonb),
			'conditions', CASE WHEN NOT oracle.chance(seed, die || '/bare', 30) THEN oracle.some_tree(seed, die, oracle.roll(seed, die || '/depth', 4)) END)
			|| oracle.some_window(seed, die, 6));
	END LOOP;

	FOR n IN 1 .. 40 LOOP
		die := 'group' || n;
		org := oracle.pick(seed, die || '/org', owners);
		PERFORM oracle.put('abac_rule_groups', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org, 'name', die,
			'combine_logic', oracle.pick(seed, die || '/logic', '{and,and,and,or,or,or,not}'::text[])));
		FOR k IN 1 .. CASE WHEN oracle.chance(seed, die || '/empty', 5) THEN 0 ELSE 1 + oracle.roll(seed, die || '/size', 3) END LOOP
			IF n > 12 AND oracle.chance(seed, die || '/nest' || k, 30) THEN
				-- an earlier group: no cycles
				SELECT id INTO member FROM abac_rule_groups g
				WHERE (g.organization_id IS NULL OR g.organization_id = org) AND g.id <> oracle.make_id(seed, die)
				ORDER BY oracle.roll(seed, die || '/child' || k || g.name, 1000000), g.id LIMIT 1;
				CONTINUE WHEN member IS NULL;
				PERFORM oracle.put('abac_rule_group_members', jsonb_build_object('group_id', oracle.make_id(seed, die), 'child_group_id', member, 'sort_order', k));
			ELSE
				SELECT id INTO member FROM abac_rules r
				WHERE r.organization_id IS NULL OR r.organization_id = org
				ORDER BY oracle.roll(seed, die || '/rule' || k || r.name, 1000000), r.id LIMIT 1;
				PERFORM oracle.put('abac_rule_group_members', jsonb_build_object('group_id', oracle.make_id(seed, die), 'rule_id', member, 'sort_order', k));
			END IF;
		END LOOP;
	END LOOP;

	FOR n IN 1 .. 32 LOOP
		die := 'policy' || n;
		org := oracle.pick(seed, die || '/org', owners);
		PERFORM oracle.put('abac_policies', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org, 'name', die,
			'effect', CASE WHEN oracle.chance(seed, die || '/deny', CASE WHEN org IS NULL THEN 8 ELSE 18 END) THEN 'deny' ELSE 'allow' END,
			'default_effect', oracle.pick(seed, die || '/default', ARRAY[NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'allow', 'allow', 'deny']),
			'priority', oracle.pick(seed, die || '/priority', '{-5,0,10,10,20,20,50,100}'::text[])::int, 'is_active', NOT oracle.chance(seed, die || '/off', 4)));
		FOR k IN 1 .. CASE WHEN oracle.chance(seed, die || '/empty', 4) THEN 0 ELSE 1 + oracle.roll(seed, die || '/size', 3) / 2 END LOOP
			SELECT id INTO member FROM abac_rule_groups g
			WHERE g.organization_id IS NULL OR g.organization_id = org
			ORDER BY oracle.roll(seed, die || '/group' || k || g.name, 1000000), g.id LIMIT 1;
			PERFORM oracle.put('abac_policy_rule_groups', jsonb_build_object('policy_id', oracle.make_id(seed, die), 'rule_group_id', member, 'sort_order', k));
		END LOOP;
		FOR k IN 1 .. 1 + oracle.roll(seed, die || '/assignments', 3) LOOP
			target := oracle.pick(seed, die || '/target' || k, '{user,role,role,team,organization,organization,project,workspace}'::text[]);
			PERFORM oracle.put('abac_policy_assignments', jsonb_build_object('policy_id', oracle.make_id(seed, die), 'target_type', target,
				'target_id', CASE target
					WHEN 'user' THEN oracle.pick(seed, die || '/who' || k, oracle.people())
					WHEN 'role' THEN (SELECT r.id::text FROM abac_roles r WHERE (r.organization_id IS NULL OR r.organization_id = org) AND NOT r.is_super_admin
						ORDER BY oracle.roll(seed, concat(die, '/role', k, r.name, r.organization_id), 1000000), r.id LIMIT 1)
					WHEN 'organization' THEN CASE WHEN org IS NULL OR oracle.chance(seed, die || '/abroad' || k, 10)
						THEN oracle.pick(seed, die || '/which' || k, oracle.organizations(seed)) ELSE org END
					ELSE (SELECT s.scope_id FROM abac_scopes s WHERE s.scope_type = target
							AND (org IS NULL OR s.scope_id ~ ('^' || org || '-') OR s.scope_id IN ('guild', '101'))
						ORDER BY oracle.roll(seed, die || '/scope' || k || s.scope_id, 1000000), s.scope_id COLLATE "C" LIMIT 1)
				END,
				'is_active', NOT oracle.chance(seed, die || '/idle' || k, 5)) || oracle.some_window(seed, die || '/w' || k, 8));
		END LOOP;
	END LOOP;
END $$;

CREATE FUNCTION oracle.generate_world(seed int) RETURNS int LANGUAGE plpgsql
SET client_min_messages = error SET abac.attribute_validation = off AS $$
DECLARE
	org text;
	person text;
	n int;
	die text;
BEGIN
	DELETE FROM oracle.refusals;
	PERFORM oracle.empty_world();

	PERFORM oracle.put('abac_resource_types', x) FROM jsonb_array_elements('[{"resource_type": "document"},
		{"resource_type": "invoice", "required_scope": "organization"}, {"resource_type": "report", "required_scope": "project"}]') x;
	PERFORM oracle.some_definitions(seed);
	PERFORM oracle.some_scopes(seed);
	PERFORM oracle.some_roles(seed);
	PERFORM oracle.some_policies(seed);

	FOREACH person IN ARRAY oracle.people() LOOP
		FOREACH org IN ARRAY oracle.organizations(seed) || NULL::text LOOP
			die := concat('attributes/', person, '/', org);
			IF person <> 'ghost' AND oracle.chance(seed, die, 70) THEN
				PERFORM oracle.put('abac_user_attributes', jsonb_build_object('user_id', person, 'organization_id', org,
					'attributes', oracle.some_attributes(seed, die, 'user', 35)));
			END IF;
		END LOOP;
	END LOOP;

	FOREACH org IN ARRAY oracle.organizations(seed) LOOP
		FOR n IN 1 .. 7 LOOP
			die := 'legacy/' || org || n;
			PERFORM oracle.put('abac_policy_rules', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org, 'name', die,
				'resource_type', oracle.pick(seed, die || '/type', '{*,document,document,invoice,photo,report}'::text[]),
				'effect', CASE WHEN oracle.chance(seed, die || '/deny', 22) THEN 'deny' ELSE 'allow' END,
				'priority', oracle.roll(seed, die || '/priority', 3), 'is_active', NOT oracle.chance(seed, die || '/off', 8),
				'conditions', oracle.some_tree(seed, die, 2)));
		END LOOP;
	END LOOP;
	RETURN (SELECT count(*) FROM oracle.refusals);
END $$;

-- What no guard lets in (§2): cycles, missing and foreign members, trees that don't compile, foreign roles. Each attempt
-- may still be stopped by a CHECK constraint.
CREATE FUNCTION oracle.break_world(seed int) RETURNS int LANGUAGE plpgsql
SET client_min_messages = error SET session_replication_role = replica AS $$
DECLARE
	bad_trees jsonb := '[{"attribute": "user.level", "operator": "sounds_like", "value": 1}, {"and": []}, {"attribute": "level", "operator": "eq", "value": 1},
		{"attribute": "user.level", "operator": "eq", "value": null}, "true", 1, [], {}, {"or": [true, {"attribute": "user.level"}]},
		{"attribute": "user.department", "operator": "matches", "value": "("}, {"logic": "xor", "conditions": [true]}, {"and": [true], "or": [true]}]';
	r record;
	other uuid;
BEGIN
	FOR r IN SELECT * FROM abac_rules ORDER BY id LOOP
		IF oracle.chance(seed, 'break/tree/' || r.name, 6) THEN
			BEGIN
				UPDATE abac_rules SET conditions = oracle.pick(seed, 'break/which/' || r.name, bad_trees) WHERE id = r.id;
			EXCEPTION WHEN others THEN
				INSERT INTO oracle.refusals VALUES ('abac_rules', to_jsonb(r), SQLERRM);
			END;
		ELSIF oracle.chance(seed, 'break/gone/' || r.name, 3) THEN
			DELETE FROM abac_rules WHERE id = r.id;
		END IF;
	END LOOP;
	UPDATE abac_policy_rules l SET conditions = oracle.pick(seed, 'break/legacy/' || l.name, bad_trees) WHERE oracle.chance(seed, 'break/' || l.name, 8);
	UPDATE abac_conditions c SET operator = 'sounds_like' WHERE oracle.chance(seed, 'break/' || c.id, 10);
	FOR r IN SELECT * FROM abac_rule_groups ORDER BY id LOOP
		IF oracle.chance(seed, 'break/cycle/' || r.name, 3) THEN
			-- a group above it goes below it, too
			SELECT m.group_id INTO other FROM abac_rule_group_members m WHERE m.child_group_id = r.id ORDER BY 1 LIMIT 1;
			IF FOUND THEN
				PERFORM oracle.put('abac_rule_group_members', jsonb_build_object('group_id', r.id, 'child_group_id', other));
			END IF;
		ELSIF oracle.chance(seed, 'break/foreign/' || r.name, 3) THEN
			SELECT x.id INTO other FROM abac_rules x WHERE x.organization_id IS NOT NULL AND x.organization_id IS DISTINCT FROM r.organization_id
			ORDER BY oracle.roll(seed, 'break/with/' || r.name || x.name, 1000000), x.id LIMIT 1;
			PERFORM oracle.put('abac_rule_group_members', jsonb_build_object('group_id', r.id, 'rule_id', other));
		ELSIF oracle.chance(seed, 'break/lost/' || r.name, 2) THEN
			DELETE FROM abac_rule_groups WHERE id = r.id;
		END IF;
	END LOOP;
	-- organizations' roles, assigned elsewhere
	FOR r IN SELECT ro.id, o FROM abac_roles ro, unnest(oracle.organizations(seed)) o
		WHERE ro.scope = 'organization' AND ro.organization_id <> o AND oracle.chance(seed, 'break/abroad/' || ro.id || o, 30)
	LOOP
		PERFORM oracle.put('abac_user_roles', jsonb_build_object('user_id', oracle.pick(seed, 'break/who/' || r.id || r.o, oracle.people()),
			'role_id', r.id, 'context_type', 'organization', 'context_id', r.o));
	END LOOP;
	RETURN (SELECT count(*) FROM oracle.refusals);
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- Requests
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.some_scope(seed int, die text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
	org text := oracle.pick(seed, die || '/org', oracle.organizations(seed));
	project text := CASE org WHEN '42' THEN '101' ELSE org || '-p1' END;
	luck int := oracle.roll(seed, die, 100);
	id jsonb := CASE WHEN org = '42' AND luck % 2 = 0 THEN '42' ELSE to_jsonb(org) END;
BEGIN
	RETURN CASE
		WHEN luck < 12 THEN NULL
		WHEN luck < 46 THEN jsonb_build_object('organization', id)
		WHEN luck < 55 THEN jsonb_build_object('project', project)
		WHEN luck < 59 THEN jsonb_build_object('project', CASE org WHEN '42' THEN '101'::jsonb ELSE to_jsonb(project) END, 'organization', id)
		WHEN luck < 64 THEN jsonb_build_object('project', org || '-p2')
		WHEN luck < 74 THEN jsonb_build_object('workspace', org || '-w1')
		WHEN luck < 77 THEN jsonb_build_object('workspace', org || '-w1', 'organization', id)
		WHEN luck < 79 THEN jsonb_build_object('workspace', org || '-w1', 'organization', id, 'project', project)
		WHEN luck < 88 THEN jsonb_build_object('workspace', org || '-w2')
		WHEN luck < 90 THEN jsonb_build_object('workspace', org || '-w2', 'organization', id)
		WHEN luck < 91 THEN jsonb_build_object('workspace', org || '-w2', 'project', project)
		WHEN luck < 92 THEN jsonb_build_object('workspace', org || '-w1', 'project', org || '-p2')
		WHEN luck < 93 THEN jsonb_build_object('workspace', 'acme-w1', 'organization', '42')
		WHEN luck < 94 THEN jsonb_build_object('project', 'nowhere', 'organization', id)
		WHEN luck < 95 THEN jsonb_build_object('workspace', 'nowhere')
		WHEN luck < 96 THEN '{"organization": "unheard-of"}'
		WHEN luck < 97 THEN '{}'
		WHEN luck < 98 THEN CASE oracle.roll(seed, die || '/null', 2) WHEN 0 THEN '{"organization": null}' ELSE '{"workspace": ""}' END::jsonb
		WHEN luck < 99 THEN jsonb_build_object('organization', id, 'team', 'guild')
		ELSE '{"organization": true}'
	END;
END $$;

CREATE FUNCTION oracle.generate_requests(seed int, n int) RETURNS TABLE (user_id text, action text, resource text, ctx jsonb) LANGUAGE plpgsql STABLE AS $$
DECLARE
	i int;
	die text;
	scope jsonb;
	luck int;
BEGIN
	FOR i IN 1 .. n LOOP
		die := 'request' || i;
		luck := oracle.roll(seed, die || '/luck', 200);
		user_id := CASE WHEN oracle.chance(seed, die || '/plain', 85) THEN oracle.pick(seed, die || '/user', '{alice,bob,carol,dave,erin,frank,7}'::text[])
			ELSE oracle.pick(seed, die || '/user', '{root,ghost,nobody,Alice}'::text[]) END;
		action := oracle.pick(seed, die || '/action', '{read,read,read,write,write,delete,approve,export,fly}'::text[]);
		resource := oracle.pick(seed, die || '/resource', '{document,document:1,document:7,document:d-9,document:,document:2,document:x,invoice:7,invoice,report:1,photo:a:b,photo:1,photo,unicorn:1}'::text[]);
		ctx := '{}';
		IF oracle.chance(seed, die || '/u', 65) THEN
			ctx := ctx || jsonb_build_object('user', oracle.some_attributes(seed, die || '/u', 'user', 55));
		END IF;
		IF oracle.chance(seed, die || '/r', 80) THEN
			ctx := ctx || jsonb_build_object('resource', oracle.some_attributes(seed, die || '/r', 'resource', 75));
		END IF;
		IF oracle.chance(seed, die || '/e', 60) THEN
			ctx := ctx || jsonb_build_object('env', oracle.some_attributes(seed, die || '/e', 'env', 70));
		END IF;
		IF oracle.chance(seed, die || '/c', 60) THEN
			ctx := ctx || jsonb_build_object('context', oracle.some_attributes(seed, die || '/c', 'context', 70));
		END IF;
		scope := oracle.some_scope(seed, die || '/scope');
		IF scope IS NOT NULL THEN
			ctx := ctx || jsonb_build_object('scope', scope);
		END IF;
		CASE luck
			WHEN 0 THEN user_id := NULL;
			WHEN 1 THEN user_id := '';
			WHEN 2 THEN action := '';
			WHEN 3 THEN resource := ':1';
			WHEN 4 THEN ctx := NULL;
			WHEN 5 THEN ctx := ctx || '{"subject": {}}';
			WHEN 6 THEN ctx := ctx || '{"user": null}';
			WHEN 7 THEN ctx := ctx || '{"scope": "acme"}';
			WHEN 8 THEN ctx := '[]';
			ELSE NULL;
		END CASE;
		RETURN NEXT;
	END LOOP;
END $$;
