-- Tables, rows and worlds whose policies are about their columns, for the row form (DESIGN.md §7) to be compared with
-- the oracle on. As in generate.sql, everything is a function of the seed, by dice, on every version of PostgreSQL (what
-- setseed and random() give differs between versions). Load after oracle.sql and generate.sql.
--
--     SELECT oracle.create_tables();                 -- once: rows.plain, rows.parts, rows.parent, ... , see there
--     SELECT oracle.generate_row_world(1, 20);       -- empties and fills the abac_ tables and these
--     SELECT * FROM oracle.generate_questions(1, 10);
--
-- The tables' attributes are added to the vocabulary the rest of the generator speaks: rules, legacy rules, conditions of
-- roles, and definitions use them in all the forms that generate.sql knows.

-- ---------------------------------------------------------------------------------------------------------------
-- The columns
-- ---------------------------------------------------------------------------------------------------------------

-- A letter beyond ASCII where the encoding has it: languages sort 'a', 'B', 'Z' and it in another order than bytes do.
CREATE FUNCTION oracle.umlaut() RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN getdatabaseencoding() = 'UTF8' THEN chr(228) ELSE 'ae' END
$$;

-- kind, samples, data_type, multi, fallback as in oracle.vocabulary(); edges: what rows hold besides the samples, as text
-- of the column's type (NULL comes on top).
CREATE FUNCTION oracle.columns() RETURNS TABLE (name text, column_type text, kind text, samples jsonb, data_type text, multi boolean, fallback jsonb, edges text[])
LANGUAGE sql STABLE AS $$
	VALUES
		('owner', 'text', 'id', '["alice", "bob", "7", "carol"]'::jsonb, '', false, NULL::jsonb, '{"",Alice}'::text[]),
		('owner_id', 'bigint', 'id', '[7, 1]', '', false, NULL, '{-7,0}'),
		('title', 'text', 'string', jsonb_build_array('a', 'B', oracle.umlaut(), 'Z', 'ab', 'a%b_c\d'), '', false, NULL, ARRAY['', ' ', 'A', 'a ', 'aB', oracle.umlaut() || 'b', '%', '$web', '5', 'true', '2021-06-15']),
		('department', 'varchar(20)', 'string', '["sales", "legal", "ops"]', 'string', false, '"ops"', '{"",Sales,"sales "}'),
		('code', 'char(6)', 'string', '["ab", "AB", "x y"]', '', false, NULL, '{"",abcdef," ab"}'),
		('guid', 'uuid', 'string', '["0f0e0d0c-0b0a-4908-8706-050403020100", "A0000000-0000-4000-8000-00000000000F", "a0000000-0000-4000-8000-00000000000f"]', '', false, NULL, '{00000000-0000-0000-0000-000000000000}'),
		('mood', 'rows.mood', 'string', '["calm", "busy", "Busy"]', '', false, NULL, '{"a b"}'),
		('small', 'smallint', 'number', '[0, 1, 2, 5]', '', false, NULL, '{-1,32767}'),
		('level', 'integer', 'number', '[1, 2, 3, 5]', 'number', false, '2', '{0,-1,2147483647}'),
		('big', 'bigint', 'number', '[1, 7, 9007199254740993]', '', false, NULL, '{0,9223372036854775807,-9223372036854775808,9007199254740992}'),
		('ratio', 'real', 'number', '[0.1, 1, 2.50]', '', false, NULL, '{0,-0,NaN,Infinity,-Infinity,16777216,1e30,1e-30}'),
		('score', 'double precision', 'number', '[0.1, 0.30000000000000004, 0.3, 1e15]', '', false, NULL, '{0,-0,NaN,Infinity,-Infinity,1e300,5e-324,9007199254740993}'),
		('amount', 'numeric', 'number', '[0, 1, 1.0, 1.50, 99.5, 1e-10, 123456789012345678901234567890]', 'number', false, NULL, '{NaN,Infinity,-Infinity,-0.00,1.500,1e400}'),
		('secret', 'boolean', 'boolean', '[true, false]', '', false, NULL, '{}'),
		('sealed', 'boolean', 'boolean', '[true, false]', 'boolean', false, 'true', '{}'),
		('day', 'date', 'date', '["2020-01-01", "2021-06-15", "2022-03-01T00:00:00Z"]', '', false, NULL, '{infinity,-infinity,"0044-03-15 BC",12020-01-01,5874897-12-31}'),
		('made', 'timestamp', 'date', '["2020-01-01", "2021-06-15T12:00:00Z", "2022-03-01 06:30"]', '', false, NULL, '{infinity,-infinity,"2021-06-15 12:00:00.000001"}'),
		('seen', 'timestamptz', 'date', '["2020-01-01T00:00:00Z", "2021-06-15T14:00:00+02", "2022-03-01 08:30+02:00"]', 'date', false, NULL, '{infinity,-infinity,"2021-06-15 12:00:00+00","0044-03-15 00:00:00+00 BC"}'),
		('addr', 'inet', 'address', '["10.0.0.1", "192.168.1.5", "::ffff:10.0.0.1", "2001:db8::1"]', '', false, NULL, '{10.0.0.1/8,::ffff:192.168.1.5,0.0.0.0,::}'),
		('net', 'cidr', 'address', '["10.0.0.0/8", "10.0.0.0/16", "::ffff:10.0.0.0/104", "10.0.0.1"]', 'cidr', false, NULL, '{0.0.0.0/0,::/0,::ffff:0.0.0.0/96,192.168.1.5/32}'),
		('meta', 'jsonb', 'json', '[{"level": 1}, {"level": 2, "unit": {"name": "ops"}}]', '', false, NULL, '{null,"{}",[],"{\"level\": null}","{\"level\": \"1\", \"unit\": {\"name\": [\"ops\"]}}","{\"unit\": null}",5,"\"ops\"","[{\"level\": 1}]"}'),
		('info', 'jsonb', 'mixed', '[1, "ops", true]', '', false, NULL, '{null,[1],"{\"rank\": 1}","{\"rank\": \"2\", \"nick\": \"bo\"}","[\"ops\", null]",1.0}'),
		('tags', 'text[]', 'list', '["red", "green", "blue"]', '', false, NULL, '{"{}","{NULL}","{red,NULL}","{{red,green},{blue,red}}","{\"\"}"}'),
		('words', 'varchar(8)[]', 'list', '["red", "green", "1"]', 'string', true, '["red"]', '{"{}","{NULL,red}","{{red}}"}'),
		('nums', 'integer[]', 'list', '[1, 2, 5]', '', false, NULL, '{"{}","{NULL}","{1,NULL}","[0:1]={1,2}","{{1,2},{5,1}}"}'),
		('prices', 'numeric[]', 'list', '[1, 1.0, 2.5]', 'number', true, NULL, '{"{}","{NaN,1}","{1.00,2.5}","{-Infinity}"}'),
		('guids', 'uuid[]', 'list', '["0f0e0d0c-0b0a-4908-8706-050403020100", "a0000000-0000-4000-8000-00000000000f"]', '', false, NULL, '{"{}","{NULL}"}'),
		('moods', 'rows.mood[]', 'list', '["calm", "busy"]', 'array', false, NULL, '{"{}","{Busy,NULL}"}'),
		('flags', 'boolean[]', 'list', '[true, false]', '', false, NULL, '{"{}","{t,NULL}"}'),
		('codes', 'char(4)[]', 'list', '["ab", "x"]', '', false, NULL, '{"{}","{\"ab  \",\" x\"}"}'),
		('days', 'date[]', 'dates', '["2020-01-01", "2021-06-15", "2022-03-01T00:00Z"]', '', false, NULL, '{"{}","{NULL,2020-01-01}","{infinity}","{0044-03-15 BC,2021-06-15}"}'),
		('stamps', 'timestamptz[]', 'dates', '["2020-01-01T00:00:00Z", "2021-06-15T12:00Z"]', 'date', true, NULL, '{"{}","{-infinity,2020-01-01 00:00+00}"}'),
		('addrs', 'inet[]', 'networks', '["10.0.0.1", "192.168.1.5", "::ffff:10.0.0.1"]', '', false, NULL, '{"{}","{NULL,10.0.0.1}","{10.0.0.1/8}"}'),
		('nick', 'rows.short', 'string', '["al", "bo", "3"]', '', false, NULL, '{""}'),
		('count', 'rows.amount', 'number', '[1, 2, 3]', '', false, NULL, '{0}'),
		('labels', 'rows.labels', 'list', '["red", "blue", "1"]', '', false, NULL, '{"{}"}'),
		('nicks', 'rows.short[]', 'list', '["al", "bo"]', '', false, NULL, '{"{}","{al,NULL}"}'),
		('span', 'interval', 'mixed', '["1 day", "01:00:00"]', '', false, NULL, '{"1 mon"}'),
		('place', 'point', 'mixed', '["(1,2)"]', '', false, NULL, '{"(0,0)"}'),
		('odds', 'interval[]', 'list', '["1 day"]', '', false, NULL, '{"{}","{1 day}"}'),
		('blob', 'json', 'mixed', '[1, "ops"]', '', false, NULL, '{"{\"level\": 1}"}')
$$;

-- The vocabulary of generate.sql, with the columns in place of the resource's attributes, and attributes of users to
-- compare them with.
ALTER FUNCTION oracle.vocabulary() RENAME TO text_form_vocabulary;
CREATE FUNCTION oracle.vocabulary() RETURNS TABLE (name text, kind text, samples jsonb, data_type text, multi boolean, fallback jsonb)
LANGUAGE sql STABLE AS $$
	SELECT * FROM oracle.text_form_vocabulary() v WHERE v.name NOT LIKE 'resource.%' OR v.name IN ('resource.id', 'resource.type')
	UNION ALL
	SELECT 'resource.' || c.name, c.kind, c.samples, c.data_type, c.multi, c.fallback FROM oracle.columns() c
	UNION ALL
	VALUES
		('resource.meta.level', 'number', '[1, 2]'::jsonb, '', false, NULL::jsonb),
		('resource.meta.unit.name', 'string', '["ops", "sales"]', 'string', false, '"ops"'),
		('resource.info.rank', 'number', '[1, 2]', 'number', false, NULL),
		('resource.owner.name', 'string', '["alice"]', '', false, NULL),
		('resource.absent', 'string', '["a"]', 'string', false, '"a"'),
		('user.title', 'string', jsonb_build_array('a', 'B', oracle.umlaut(), 'Z'), '', false, NULL),
		('user.guid', 'string', '["0f0e0d0c-0b0a-4908-8706-050403020100"]', '', false, NULL),
		('user.code', 'string', '["ab", "x y", "ab "]', 'string', false, NULL),
		('user.limit', 'number', '[1, 2.5, 0.1]', '', false, NULL),
		('user.born', 'date', '["2020-01-01", "2021-06-15T12:00:00Z", "2022-03-01T06:30Z"]', '', false, NULL),
		('user.days', 'dates', '["2020-01-01", "2021-06-15"]', '', false, NULL),
		('user.nums', 'list', '[1, 2, 5]', '', false, NULL),
		('user.guids', 'list', '["a0000000-0000-4000-8000-00000000000f"]', 'string', true, NULL),
		('user.addr', 'address', '["10.0.0.1", "::ffff:192.168.1.5"]', '', false, NULL)
$$;

ALTER FUNCTION oracle.operators_for(text) RENAME TO text_form_operators_for;
CREATE FUNCTION oracle.operators_for(kind text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE kind WHEN 'dates' THEN '{contains,contains,not_contains,is_subset,is_superset,eq,in,not_in,exists}'
		ELSE oracle.text_form_operators_for(kind) END
$$;

-- ---------------------------------------------------------------------------------------------------------------
-- The tables
-- ---------------------------------------------------------------------------------------------------------------

-- One row per table: what it is registered as. resource_type NULL: it is not, and uses its ancestor's.
CREATE FUNCTION oracle.tables() RETURNS TABLE (relation text, resource_type text, id_column text, organization_column text, project_column text, workspace_column text,
	null_scope text, asked boolean) LANGUAGE sql IMMUTABLE AS $$
	VALUES
		('rows.plain', 'document', 'k', 'org_id', 'project_id', 'workspace_id', 'platform', true),
		-- strings under a collation of another order, and one for which different strings are equal, where ICU is there
		('rows.foreign_order', 'document', 'ref', 'org_id', NULL, NULL, 'deny', true),
		('rows.parts', 'invoice', 'ref', 'org_id', NULL, NULL, 'deny', true),
		('rows.parts_acme', NULL, NULL, NULL, NULL, NULL, NULL, true),
		('rows.parent', 'photo', NULL, NULL, NULL, NULL, 'deny', true),
		('rows.child', NULL, NULL, NULL, NULL, NULL, NULL, true),
		-- registered itself, otherwise than its parent
		('rows.grandchild', 'document', 'guid', 'org_id', NULL, 'workspace_id', 'deny', true)
$$;

-- Names in the order of a die, to give tables the same columns in different orders.
CREATE FUNCTION oracle.column_list(seed int, own text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT string_agg(format('%I %s', c.name, c.column_type), ', ' ORDER BY oracle.roll(seed, 'order/' || c.name, 1000000), c.name COLLATE "C")
	FROM (SELECT name, column_type FROM oracle.columns() UNION ALL SELECT x ->> 0, x ->> 1 FROM jsonb_array_elements(own::jsonb) x) c
$$;

CREATE FUNCTION oracle.create_tables() RETURNS void LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE
	own text := '[["k", "integer"], ["ref", "text"], ["org_id", "text"], ["project_id", "varchar(20)"], ["workspace_id", "char(12)"]]';
	c text;
BEGIN
	DROP SCHEMA IF EXISTS rows CASCADE;
	CREATE SCHEMA rows;
	CREATE TYPE rows.mood AS ENUM ('calm', 'busy', 'a b', 'Busy');
	CREATE DOMAIN rows.short AS text CHECK (length(VALUE) < 10);
	CREATE DOMAIN rows.whole AS int;
	CREATE DOMAIN rows.amount AS rows.whole;
	CREATE DOMAIN rows.labels AS text[];

	EXECUTE format('CREATE TABLE rows.plain (%s)', oracle.column_list(0, own));
	ALTER TABLE rows.plain ADD PRIMARY KEY (k);
	CREATE TABLE rows.foreign_order (LIKE rows.plain);
	BEGIN
		CREATE COLLATION rows.german (provider = icu, locale = 'de');
		CREATE COLLATION rows.careless (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
		FOREACH c IN ARRAY '{owner,title,department,nick,ref,org_id}'::text[] LOOP
			EXECUTE format('ALTER TABLE rows.foreign_order ALTER %I TYPE %s COLLATE rows.%s', c,
				CASE c WHEN 'department' THEN 'varchar(20)' WHEN 'nick' THEN 'text' ELSE 'text' END,
				CASE WHEN c IN ('title', 'nick') THEN 'german' ELSE 'careless' END);
		END LOOP;
	EXCEPTION WHEN feature_not_supported OR invalid_parameter_value OR undefined_object OR invalid_object_definition THEN
		NULL;					-- without ICU the columns stay as they are
	END;

	-- partitions with other orders of columns, and with dropped ones
	EXECUTE format('CREATE TABLE rows.parts (%s) PARTITION BY LIST (org_id)', oracle.column_list(1, own));
	EXECUTE format('CREATE TABLE rows.parts_acme (gone_1 int, %s, gone_2 text)', oracle.column_list(2, own));
	ALTER TABLE rows.parts_acme DROP gone_1, DROP gone_2;
	ALTER TABLE rows.parts ATTACH PARTITION rows.parts_acme FOR VALUES IN ('acme');
	EXECUTE format('CREATE TABLE rows.parts_rest (%s, gone int)', oracle.column_list(3, own));
	ALTER TABLE rows.parts_rest DROP gone;
	ALTER TABLE rows.parts ATTACH PARTITION rows.parts_rest DEFAULT;
	ALTER TABLE rows.parts ADD extra_dropped int;
	ALTER TABLE rows.parts DROP extra_dropped;

	-- children with a column more
	EXECUTE format('CREATE TABLE rows.parent (gone int, %s)', oracle.column_list(4, own));
	ALTER TABLE rows.parent DROP gone;
	EXECUTE format('CREATE TABLE rows.child (absent text, %s)', oracle.column_list(5, own));
	ALTER TABLE rows.child INHERIT rows.parent;
	CREATE TABLE rows.grandchild (other int) INHERITS (rows.child);
END $$;

-- A value of a column as text, or NULL.
CREATE FUNCTION oracle.some_cell(seed int, die text, c record) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	luck int := oracle.roll(seed, die || '/luck', 100);
	is_array boolean := c.column_type LIKE '%[]' OR c.column_type = 'rows.labels';
	n int;
	elements text[] := '{}';
BEGIN
	IF luck < 10 THEN
		RETURN NULL;
	ELSIF luck < 30 AND cardinality(c.edges) > 0 THEN
		RETURN oracle.pick(seed, die || '/edge', c.edges);
	ELSIF is_array THEN
		FOR n IN 1 .. oracle.roll(seed, die || '/n', 4) LOOP
			elements := elements || (oracle.pick(seed, die || '/e' || n, c.samples) #>> '{}');
		END LOOP;
		RETURN elements::text;
	ELSIF c.column_type = 'jsonb' OR c.column_type = 'json' THEN
		RETURN oracle.pick(seed, die || '/v', c.samples)::text;
	END IF;
	RETURN oracle.pick(seed, die || '/v', c.samples) #>> '{}';
END $$;

-- Fills the tables with n rows each (the leaves of families; k is unique in a family).
CREATE FUNCTION oracle.generate_rows(seed int, n int) RETURNS void LANGUAGE plpgsql
SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' AS $$
DECLARE
	target text;
	number int := 0;
	i int;
	die text;
	c record;
	names text[];
	cells text[];
	cell text;
	org text;
	luck int;
BEGIN
	TRUNCATE rows.plain, rows.foreign_order, rows.parts, rows.parent, rows.child, rows.grandchild;
	FOREACH target IN ARRAY '{plain,foreign_order,parts,parent,child,grandchild}'::text[] LOOP
		FOR i IN 1 .. n LOOP
			number := number + 1;
			die := 'row/' || target || i;
			org := oracle.pick(seed, die || '/org', oracle.organizations(seed));
			luck := oracle.roll(seed, die || '/scope', 100);
			names := '{k,ref,org_id,project_id,workspace_id}';
			cells := ARRAY[number::text, oracle.pick(seed, die || '/ref', '{1,d-9,7,7,NULL}'::text[]),
				CASE WHEN luck < 60 THEN org WHEN luck < 64 THEN '' WHEN luck < 66 THEN 'unheard-of' END,
				CASE WHEN target <> 'plain' THEN NULL WHEN luck % 10 < 2 OR luck BETWEEN 66 AND 74 THEN CASE org WHEN '42' THEN '101' ELSE org || '-p1' END
					WHEN luck = 75 THEN 'nowhere' END,
				CASE WHEN target NOT IN ('plain', 'grandchild') THEN NULL WHEN luck % 10 = 2 OR luck BETWEEN 76 AND 84 THEN org || '-w1'
					WHEN luck % 10 = 3 THEN org || '-w2' WHEN luck = 85 THEN '' WHEN target = 'grandchild' AND luck < 80 THEN org || '-w2' END];
			FOR c IN SELECT * FROM oracle.columns() LOOP
				names := names || c.name;
				cells := array_append(cells, oracle.some_cell(seed, die || '/' || c.name, c));
			END LOOP;
			EXECUTE format('INSERT INTO rows.%I (%s) VALUES (%s)', target, (SELECT string_agg(quote_ident(x), ', ') FROM unnest(names) x),
				(SELECT string_agg(quote_nullable(x), ', ' ORDER BY o) FROM unnest(cells) WITH ORDINALITY u (x, o)));
		END LOOP;
	END LOOP;
	UPDATE rows.child SET absent = 'a' WHERE k % 2 = 0;
	ANALYZE rows.plain, rows.parts, rows.parent;
END $$;

-- The same tables registered; definitions that contradict columns, or speak of them in other words.
-- friendly: every column is defined, alike for everybody, as its type would define it, so that the text form agrees.
CREATE FUNCTION oracle.register_tables(seed int, friendly boolean) RETURNS void LANGUAGE plpgsql
SET client_min_messages = error SET abac.attribute_validation = off AS $$
DECLARE
	c record;
	t record;
	org text;
	die text;
BEGIN
	DELETE FROM abac_relations;
	FOR t IN SELECT * FROM oracle.tables() WHERE resource_type IS NOT NULL LOOP
		INSERT INTO abac_relations (relation, resource_type, id_column, organization_column, project_column, workspace_column, null_scope)
		VALUES (t.relation::regclass, t.resource_type, t.id_column, t.organization_column, t.project_column, t.workspace_column,
			CASE WHEN oracle.chance(seed, 'null/' || t.relation, 85) THEN t.null_scope ELSE CASE t.null_scope WHEN 'deny' THEN 'platform' ELSE 'deny' END END);
	END LOOP;
	IF friendly THEN
		DELETE FROM abac_attribute_definitions WHERE name LIKE 'resource.%';
	END IF;
	FOR c IN SELECT * FROM oracle.columns() LOOP
		IF friendly THEN
			PERFORM oracle.put('abac_attribute_definitions', jsonb_build_object('name', 'resource.' || c.name, 'category', 'resource', 'data_type',
				CASE c.kind WHEN 'id' THEN CASE c.column_type WHEN 'text' THEN 'string' ELSE 'number' END WHEN 'date' THEN 'date' WHEN 'dates' THEN 'date'
					WHEN 'address' THEN 'ip' WHEN 'networks' THEN 'ip' WHEN 'mixed' THEN 'json' WHEN 'list' THEN
						CASE c.name WHEN 'nums' THEN 'number' WHEN 'prices' THEN 'number' WHEN 'flags' THEN 'boolean' ELSE 'string' END
					ELSE c.kind END,
				'is_multivalued', c.kind IN ('list', 'dates', 'networks'), 'default_value', c.fallback));
		ELSE
			FOREACH org IN ARRAY oracle.organizations(seed) || NULL::text LOOP
				die := concat('odd/', c.name, '/', org);
				IF oracle.chance(seed, die, 8) THEN
					PERFORM oracle.put('abac_attribute_definitions', jsonb_build_object('organization_id', org, 'name', 'resource.' || c.name, 'category', 'resource',
						'data_type', oracle.pick(seed, die || '/t', '{string,number,boolean,array,date,json,ip,cidr}'::text[]),
						'is_multivalued', oracle.chance(seed, die || '/m', 30), 'source', oracle.pick(seed, die || '/s', '{any,any,any,stored,global}'::text[])));
				END IF;
			END LOOP;
		END IF;
	END LOOP;
END $$;

-- Instead of the world's policies and roles, for each of the users u1, u2, ...: one policy, or one condition of a role, of
-- one leaf or a small tree, so that every verdict is its truth.
CREATE FUNCTION oracle.leaves(seed int, n int) RETURNS void LANGUAGE plpgsql
SET client_min_messages = error SET abac.attribute_validation = off AS $$
DECLARE
	t text;
	i int;
	die text;
	word record;
	tree jsonb;
	org text;
	permission uuid := oracle.make_id(seed, 'leaf/permission');
BEGIN
	FOREACH t IN ARRAY '{policy_assignments,policy_rule_groups,policies,rule_group_members,rule_groups,rules,conditions,policy_rules,user_permissions,role_permissions,permissions,resource_types}'::text[] LOOP
		EXECUTE format('DELETE FROM %I', 'abac_' || t);
	END LOOP;
	PERFORM oracle.put('abac_permissions', jsonb_build_object('id', permission, 'resource_type', '*', 'action', '*'));
	FOR i IN 1 .. n LOOP
		die := 'leaf' || i;
		SELECT v.name, v.kind, v.samples INTO word FROM oracle.vocabulary() v WHERE v.name LIKE 'resource.%' ORDER BY oracle.roll(seed, die || v.name, 1000000), v.name LIMIT 1;
		org := CASE WHEN oracle.chance(seed, die || '/org', 25) THEN oracle.pick(seed, die || '/which', oracle.organizations(seed)) END;
		IF oracle.chance(seed, die || '/role', 15) THEN
			tree := oracle.some_leaf(seed, die, word);
			PERFORM oracle.put('abac_roles', jsonb_build_object('id', oracle.make_id(seed, die), 'name', die, 'scope', 'global'));
			PERFORM oracle.put('abac_role_permissions', jsonb_build_object('role_id', oracle.make_id(seed, die), 'permission_id', permission));
			PERFORM oracle.put('abac_conditions', jsonb_build_object('permission_id', permission, 'role_id', oracle.make_id(seed, die),
				'attribute_key', tree -> 'attribute', 'operator', tree -> 'operator', 'attribute_value', tree -> 'value', 'logic_group', oracle.pick(seed, die || '/lg', '{AND,OR}'::text[])));
			PERFORM oracle.put('abac_user_roles', jsonb_build_object('user_id', 'u' || i, 'role_id', oracle.make_id(seed, die), 'context_type', 'global'));
		ELSE
			IF oracle.chance(seed, die || '/tree', 25) THEN
				tree := oracle.some_tree(seed, die, 2);
			ELSIF word.kind = 'json' AND oracle.chance(seed, die || '/path', 60) THEN
				word.kind := 'number';
				word.samples := '[1, 2]';
				tree := oracle.some_leaf(seed, die, word) || '{"path": "$.level"}';
			ELSE
				tree := oracle.some_leaf(seed, die, word);
			END IF;
			PERFORM oracle.put('abac_rules', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org, 'name', die, 'conditions', tree));
			PERFORM oracle.put('abac_rule_groups', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org, 'name', die));
			PERFORM oracle.put('abac_rule_group_members', jsonb_build_object('group_id', oracle.make_id(seed, die), 'rule_id', oracle.make_id(seed, die)));
			PERFORM oracle.put('abac_policies', jsonb_build_object('id', oracle.make_id(seed, die), 'organization_id', org, 'name', die));
			PERFORM oracle.put('abac_policy_rule_groups', jsonb_build_object('policy_id', oracle.make_id(seed, die), 'rule_group_id', oracle.make_id(seed, die)));
			PERFORM oracle.put('abac_policy_assignments', jsonb_build_object('policy_id', oracle.make_id(seed, die), 'target_type', 'user', 'target_id', 'u' || i));
		END IF;
		PERFORM oracle.put('abac_user_attributes', jsonb_build_object('user_id', 'u' || i, 'attributes', oracle.some_attributes(seed, die, 'user', 80)));
	END LOOP;
END $$;

-- style: world, of generate.sql, with the columns' vocabulary; broken, the same after break_world; friendly, the same with every column defined, see
-- register_tables; leaves, above; friendly leaves.
CREATE FUNCTION oracle.generate_row_world(seed int, n int, style text DEFAULT 'world') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM oracle.generate_world(seed);
	PERFORM oracle.register_tables(seed, style LIKE 'friendly%');
	PERFORM oracle.generate_rows(seed, n);
	IF style LIKE '%leaves' THEN
		PERFORM oracle.leaves(seed, 120);
	ELSIF style = 'broken' THEN
		PERFORM oracle.break_world(seed);
	END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- Questions: a user, an action and a ctx, to be asked of every row of a table
-- ---------------------------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.generate_questions(seed int, n int, style text DEFAULT 'world') RETURNS TABLE (relation text, user_id text, action text, ctx jsonb) LANGUAGE plpgsql STABLE AS $$
DECLARE
	i int;
	die text;
	scope jsonb;
	tables text[] := ARRAY(SELECT t.relation FROM oracle.tables() t WHERE t.asked);
BEGIN
	FOR i IN 1 .. n LOOP
		die := 'question' || i;
		relation := tables[1 + i % cardinality(tables)];
		user_id := CASE WHEN oracle.chance(seed, die || '/plain', 90) THEN oracle.pick(seed, die || '/user', '{alice,bob,carol,dave,erin,frank,7}'::text[])
			ELSE oracle.pick(seed, die || '/user', '{root,ghost,nobody,""}'::text[]) END;
		IF style LIKE '%leaves' THEN
			user_id := 'u' || i;
		END IF;
		action := oracle.pick(seed, die || '/action', '{read,read,read,write,write,delete,approve,export}'::text[]);
		ctx := '{}';
		IF oracle.chance(seed, die || '/u', 60) THEN
			ctx := ctx || jsonb_build_object('user', oracle.some_attributes(seed, die || '/u', 'user', 55));
		END IF;
		IF oracle.chance(seed, die || '/e', 40) THEN
			ctx := ctx || jsonb_build_object('env', oracle.some_attributes(seed, die || '/e', 'env', 60));
		END IF;
		IF oracle.chance(seed, die || '/c', 40) THEN
			ctx := ctx || jsonb_build_object('context', oracle.some_attributes(seed, die || '/c', 'context', 60));
		END IF;
		-- says nothing in the row form
		IF oracle.chance(seed, die || '/r', 20) THEN
			ctx := ctx || '{"resource": {"owner": "alice", "absent": "b", "level": 5, "id": "9", "type": "photo"}}';
		END IF;
		IF oracle.chance(seed, die || '/s', 15) THEN
			scope := oracle.some_scope(seed, die || '/scope');
			IF scope IS NOT NULL AND NOT oracle.is_malformed(jsonb_build_object('scope', scope)) THEN
				ctx := ctx || jsonb_build_object('scope', scope);
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;
