-- Condition trees and users' attributes from MongoDB, and back.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET search_path = public;
CREATE SCHEMA regress_mongodb;

-- BSON by hand, since abac_jsonb_to_bson writes valid documents in jsonb's order only
CREATE FUNCTION regress_mongodb.int4le(i int) RETURNS bytea LANGUAGE sql
	AS $$ SELECT string_agg(substr(int4send(i), n, 1), '' ORDER BY n DESC) FROM generate_series(1, 4) n $$;
CREATE FUNCTION regress_mongodb.doc(VARIADIC elements bytea[] DEFAULT '{}') RETURNS bytea LANGUAGE sql
	AS $$ SELECT regress_mongodb.int4le(length(body) + 5) || body || '\x00' FROM (SELECT coalesce(string_agg(e, '' ORDER BY n), '') AS body
		FROM unnest(elements) WITH ORDINALITY u (e, n)) b $$;
CREATE FUNCTION regress_mongodb.element(type text, name text, value bytea) RETURNS bytea LANGUAGE sql
	AS $$ SELECT decode(type, 'hex') || convert_to(name, 'UTF8') || '\x00' || value $$;
CREATE FUNCTION regress_mongodb.str(name text, value text) RETURNS bytea LANGUAGE sql
	AS $$ SELECT regress_mongodb.element('02', name, regress_mongodb.int4le(octet_length(value) + 1) || convert_to(value, 'UTF8') || '\x00') $$;
CREATE FUNCTION regress_mongodb.sub(name text, value bytea) RETURNS bytea LANGUAGE sql
	AS $$ SELECT regress_mongodb.element('03', name, value) $$;
-- some documents, one after another
CREATE FUNCTION regress_mongodb.dump(VARIADIC documents jsonb[]) RETURNS bytea LANGUAGE sql
	AS $$ SELECT string_agg(public.abac_jsonb_to_bson(d, '{createdAt}'), '' ORDER BY n) FROM unnest(documents) WITH ORDINALITY u (d, n) $$;
SET search_path = regress_mongodb, public;

CREATE FUNCTION rule(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid $$;
INSERT INTO abac_rules (id, organization_id, name, description) VALUES
	(rule(1), NULL, 'everywhere', 'of the platform'), (rule(2), 'acme', 'two', NULL), (rule(3), 'acme', 'three', NULL), (rule(4), 'globex', 'four', NULL);

-- Extended JSON, canonical and relaxed, is the same as BSON
CREATE FUNCTION read(line text) RETURNS jsonb LANGUAGE sql
	AS $$ SELECT content FROM public.abac_read_document(convert_to(line, 'UTF8'), true, '{a}', '') $$;
SELECT read('{"a": [1, -1, 1.5, 1.0, 1e3, 0.10000000000000000555, 9223372036854775807, 9223372036854776000, 1e-7]}');
SELECT read('{"a": [{"$numberInt": "5"}, {"$numberLong": "-9223372036854775808"}, {"$numberDouble": "0.1"}, {"$numberDouble": "1.0"}, {"$numberDecimal": "1.50"}, {"$numberDecimal": "1E+3"}]}');
SELECT read('{"a": [{"$oid": "65F0C0DE0000000000000001"}, {"$uuid": "C8EDABC3-F738-4CA3-B68D-AB92A91478A3"}, {"$symbol": "s"}, {"$code": "f()"}, {"$code": "f()", "$scope": {"x": {"$numberInt": "1"}}}]}');
SELECT read('{"a": [{"$date": {"$numberLong": "1709287201250"}}, {"$date": "2024-03-01T10:00:01.25Z"}, {"$date": "2024-03-01T12:00:01+02:00"}, {"$date": {"$numberLong": "-1"}}]}');
SELECT read('{"a": [{"$binary": {"base64": "AQID", "subType": "00"}}, {"$binary": {"base64": "yO2rw/c4TKO2jauSqRR4ow==", "subType": "04"}}, {"$regularExpression": {"pattern": "^a", "options": "i"}}, {"$timestamp": {"t": 1, "i": 2}}]}');
SELECT read('{"a": {"b": {"c": [true, false, null, "", "\u00e9", {}]}}, "other": {"$minKey": 1}}');
-- what is not what it says is refused, with the field
CREATE FUNCTION refused(line text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	RETURN regress_mongodb.read(line);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, SQLERRM, detail);
END
$$;
SELECT refused(format('{"a": {"b": [0, %s]}}', v)) FROM unnest(ARRAY[
	'{"$numberInt": "5x"}', '{"$numberInt": 5}', '{"$numberInt": "2147483648"}', '{"$numberLong": "9223372036854775808"}', '{"$numberDouble": "abc"}',
	'{"$numberDouble": "NaN"}', '{"$numberDouble": "-Infinity"}', '{"$numberDouble": "1e400"}', '1e400', '{"$numberDecimal": "NaN"}', '{"$numberDecimal": "0x1F"}',
	'{"$oid": "zz"}', '{"$date": "yesterday"}', '{"$date": "2024-03-01"}', '{"$date": "2024-03-01T10:00:01"}', '{"$date": 5}', '{"$date": {"$numberLong": "9e9"}}',
	'{"$date": {"$numberLong": "253402300800000"}}', '{"$uuid": "c8edabc3"}', '{"$binary": {"base64": "!", "subType": "00"}}', '{"$binary": {"base64": "AQID"}}',
	'{"$binary": {"base64": "AQID", "subType": "03"}}', '{"$binary": "AQID", "$type": "00"}', '{"$timestamp": {"t": -1, "i": 2}}', '{"$regularExpression": {"pattern": "a"}}',
	'{"$code": 1}', '{"$code": "f()", "$scope": 1}', '{"$undefined": true}', '{"$minKey": 1}', '{"$maxKey": 1}', '{"$dbPointer": {}}', '{"$numberInt": "5", "x": 1}',
	'{"x": 1, "y": {"z": 1, "z": 2}}', '{"\u0078": 1, "x": 1}', '"\u0000"', '"\ud800"', '1 2', '{', '[1,]', 'NaN', repeat('[', 100) || repeat(']', 100)]) v;
SELECT refused(v) FROM unnest(ARRAY['[1]', '5', '{"a": 1} {"b": 2}', '{"a": 1, "a": 2}', '{"b": 1, "b": 2}', '{"a": "' || repeat('x', 10)]) v;
-- no number becomes another one; a double is what its shortest spelling says
SELECT refused(v) FROM unnest(ARRAY['{"a": 12345678901234567890}', '{"a": 100000000000000000000}', '{"a": 1e-400}', '{"a": {"$numberDouble": "1e-400"}}', '{"a": 0e-400}',
	'{"a": 5e-324}', '{"a": 1e-9999}', '{"a": {"$numberDecimal": "1E-6176"}}', '{"a": {"$numberDecimal": "1E-300"}}', '{"b": 1e9999}']) v;
SELECT abac_bson_to_jsonb('\x180000001361000100000000000000000000000000000000');	-- decimal128 1E-6176
SELECT refused('{"a": ' || repeat('{"$code": "f()", "$scope": {"x": ', 60) || '1' || repeat('}}', 60) || '}');
-- and what MongoDB couldn't hold isn't written
SELECT abac_jsonb_to_bson('{"a": 12345678901234567890123456789012345.5}');
\set SHOW_CONTEXT errors
SELECT abac_jsonb_to_bson('{"user_id": "ann", "at": "soon"}', '{at}');
\set SHOW_CONTEXT never
SELECT abac_jsonb_to_extended_json('{"user_id": "ann", "at": "soon"}', '{at}', true);
SELECT abac_jsonb_to_bson('[1]');
SELECT abac_jsonb_to_bson(('{"a": ' || repeat('[', 100) || repeat(']', 100) || '}')::jsonb);
SELECT abac_jsonb_to_bson(jsonb_build_object('a', repeat('x', 16777216)));
SELECT abac_jsonb_to_extended_json('{"a": {"$numberInt": "5"}}');
SELECT abac_jsonb_to_bson('{"a": {"$numberInt": "5"}}');
SELECT abac_jsonb_to_extended_json('{"a": [1, 12345678901, 1.5, 1.50, 1e30, "x", null, true], "at": "2024-03-01T10:00:01.250Z"}', '{at}');
SELECT abac_jsonb_to_extended_json('{"a": [1, 12345678901, 1.5, 1.50, 1e30, "x", null, true], "at": "2024-03-01T10:00:01.250Z"}', '{at}', true);

-- conditions of rules: what is left out is counted, and twice changes nothing
SELECT dump(
	'{"_id": "1", "rule_id": "00000000-0000-0000-0000-000000000001", "organization_id": null, "condition_tree": {"attribute": "user.level", "operator": "gte", "value": 3}, "description": "mine", "schema_version": 1, "updated_by": "eve", "createdAt": "2024-03-01T10:00:01.250Z"}',
	'{"rule_id": "00000000-0000-0000-0000-000000000002", "organization_id": "acme", "condition_tree": {"logic": "and", "conditions": [true, {"attribute": "env.now", "operator": "exists", "value": true}]}, "description": "two", "notes": []}') AS rules \gset
SELECT * FROM abac_import_rule_conditions(:'rules'::bytea, dry_run => true);
SELECT count(conditions) FROM abac_rules;
SELECT * FROM abac_import_rule_conditions(:'rules'::bytea);
CREATE TABLE versions AS SELECT id, ctid AS place, xmin::text AS version FROM abac_rules;
SELECT name, description, conditions, updated_by FROM abac_rules ORDER BY id;
SELECT * FROM abac_import_rule_conditions(:'rules'::bytea);
SELECT count(*) AS written FROM abac_rules r JOIN versions v USING (id) WHERE (r.ctid, r.xmin::text) IS DISTINCT FROM (v.place, v.version);
-- every bad document by number and id; dry_run lists them all
SELECT dump(
	'{"rule_id": "00000000-0000-0000-0000-000000000003", "organization_id": "acme", "condition_tree": true}',
	'{"rule_id": "00000000-0000-0000-0000-000000000009", "organization_id": "acme", "condition_tree": true}',
	'{"rule_id": "00000000-0000-0000-0000-000000000004", "organization_id": "acme", "condition_tree": true}',
	'{"rule_id": "00000000-0000-0000-0000-000000000004", "condition_tree": true}',
	'{"rule_id": "00000000-0000-0000-0000-000000000004", "organization_id": "globex", "condition_tree": {"attribute": "user.x", "operator": "like", "value": 1}}',
	'{"rule_id": "00000000-0000-0000-0000-000000000004", "organization_id": "globex", "condition_tree": null}',
	'{"rule_id": "00000000-0000-0000-0000-000000000004", "organization_id": "globex"}',
	'{"rule_id": "00000000-0000-0000-0000-000000000004", "organization_id": "globex", "condition_tree": true, "schema_version": 2}',
	'{"rule_id": 5, "organization_id": "globex", "condition_tree": true}',
	'{}',
	'{"rule_id": "00000000-0000-0000-0000-000000000001", "organization_id": null, "condition_tree": true, "description": {"en": "x"}}',
	'{"rule_id": "00000000-0000-0000-0000-000000000003", "organization_id": "acme", "condition_tree": false}',
	'{"rule_id": "00000000-0000-0000-0000-000000000001", "organization_id": null, "condition_tree": true, "condition_hash": "0000000000000000000000000000000000000000000000000000000000000000"}') AS bad \gset
SELECT * FROM abac_import_rule_conditions(:'bad'::bytea, dry_run => true);
SELECT * FROM abac_import_rule_conditions(:'bad'::bytea);
\echo :SQLSTATE
SELECT name, conditions FROM abac_rules ORDER BY id;
SELECT * FROM abac_import_rule_conditions(:'bad'::bytea, on_error => 'skip');
SELECT name, conditions FROM abac_rules ORDER BY id;
SELECT * FROM abac_import_rule_conditions(:'bad'::bytea, on_error => 'skip') WHERE count IS NOT NULL;
-- a system rule's conditions don't change
INSERT INTO abac_rules (id, name, is_system) VALUES (rule(5), 'system', true);
SELECT * FROM abac_import_rule_conditions('{"rule_id": "00000000-0000-0000-0000-000000000005", "organization_id": null, "condition_tree": true}'::text);
-- condition_hash: of the tree as jsonb's text, or as JSON.stringify writes it, which keeps the order
SELECT doc(str('rule_id', rule(2)::text), str('organization_id', 'acme'),
	sub('condition_tree', doc(str('operator', 'eq'), str('attribute', 'user.a"b'), sub('value', doc(str('literal', E'\u00e9\n'))))),
	str('condition_hash', encode(sha256(convert_to(E'{"operator":"eq","attribute":"user.a\\"b","value":{"literal":"\u00e9\\n"}}', 'UTF8')), 'hex'))) AS hashed \gset
SELECT * FROM abac_import_rule_conditions(:'hashed'::bytea) WHERE outcome LIKE 'hash%';
SELECT * FROM abac_import_rule_conditions(dump(jsonb_build_object('rule_id', rule(2), 'organization_id', 'acme', 'condition_tree', true,
	'condition_hash', upper(abac_condition_hash('true'))))) WHERE outcome LIKE 'hash%';

-- users' attributes
SELECT dump(
	'{"user_id": "ann", "organization_id": "acme", "attributes": {"level": 3, "tags": ["a", null, 1.50]}, "computed_attributes": {}, "recent_changes": [], "updated_by": "eve"}',
	'{"user_id": 42, "organization_id": 7, "attributes": {}}',
	'{"user_id": "ann", "organization_id": null, "attributes": {"level": 1}, "recent_changes": []}') AS users \gset
SELECT * FROM abac_import_user_attributes(:'users'::bytea);
SELECT user_id, organization_id, attributes, updated_by FROM abac_user_attributes ORDER BY 1, 2;
SELECT * FROM abac_import_user_attributes(:'users'::bytea);
SELECT * FROM abac_import_user_attributes(E'\n{"user_id": "ann", "organization_id": null, "attributes": {"level": {"$numberLong": "2"}}}\r\n\n   \n{"user_id": {"$oid": "65f0c0de0000000000000001"}, "organization_id": null, "attributes": {"at": {"$date": "2024-03-01T10:00:01Z"}}}'::text);
SELECT user_id, organization_id, attributes, updated_by FROM abac_user_attributes ORDER BY 1, 2;
CREATE VIEW bad_users AS SELECT
	doc(str('user_id', 'zoe'), sub('attributes', doc(element('01', 'n', '\x000000000000f87f'))))				-- NaN
	|| doc(str('user_id', 'zoe'), sub('attributes', doc(str('x', '1'), str('x', '2'))))							-- two of a name
	|| doc(str('user_id', 'zoe'), str('user_id', 'ann'), sub('attributes', doc()))
	|| doc(str('user_id', 'zoe'), sub('attributes', doc(element('02', 's', '\x03000000ff6100'))))				-- not UTF-8
	|| doc(str('user_id', 'zoe'), sub('attributes', doc(element('02', 's', '\x0400000061006200'))))		-- a zero byte
	|| doc(str('user_id', 'zoe'), sub('attributes', doc(element('02', 's', '\xff00000061')))) 					-- a length that lies
	|| doc(str('user_id', 'zoe'), sub('attributes', doc(element('7f', 'k', ''))))								-- MaxKey
	|| doc(str('user_id', 'zoe'), element('0a', 'organization_id', ''), sub('recent', doc(element('7f', 'k', ''))), sub('attributes', doc()))	-- not read, so no harm
	|| dump('{"user_id": "", "attributes": {}}', '{"user_id": null, "attributes": {}}', '{"user_id": ["a"], "attributes": {}}', '{"attributes": {}}', '{"user_id": 1.5, "attributes": {}}',
		'{"user_id": "zoe", "organization_id": "", "attributes": {}}', '{"user_id": "zoe", "organization_id": {}, "attributes": {}}',
		'{"user_id": "zoe", "organizationId": "acme", "attributes": {"admin": true}}',	-- not everywhere by mistake
		'{"user_id": "zoe", "organization_id": "acme"}', '{"user_id": "zoe", "organization_id": "acme", "attributes": [1]}',
		'{"user_id": "zoe", "organization_id": "acme", "attributes": {}, "updated_by": {}}',
		'{"user_id": "zoe", "organization_id": null, "attributes": {"again": true}}', '{"user_id": "yan", "organization_id": null, "attributes": {}}') AS dump;
SELECT i.* FROM bad_users, abac_import_user_attributes(dump, dry_run => true) i;
SELECT i.* FROM bad_users, abac_import_user_attributes(dump) i;
SELECT i.* FROM bad_users, abac_import_user_attributes(dump, on_error => 'skip') i WHERE count IS NOT NULL;
SELECT user_id, attributes FROM abac_user_attributes WHERE user_id IN ('zoe', 'yan') ORDER BY 1;
-- abac.attribute_validation says what a definition refuses
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.level', 'number');
SET abac.attribute_validation = strict;
SELECT * FROM abac_import_user_attributes('{"user_id": "zoe", "organization_id": null, "attributes": {"level": "high"}}'::text);
RESET abac.attribute_validation;

-- files that aren't what they should be: an error, and nothing changed
SELECT * FROM abac_import_user_attributes(substr(:'users'::bytea, 1, 100), on_error => 'skip');
SELECT * FROM abac_import_user_attributes(:'users'::bytea || '\x0500');
SELECT * FROM abac_import_user_attributes(:'users'::bytea || '\x0100000000');
SELECT * FROM abac_import_user_attributes(:'users'::bytea || '\x0100000100');
SELECT * FROM abac_import_user_attributes('\xffffff00ff'::bytea);
SELECT * FROM abac_import_user_attributes('\x0001020304'::bytea);
SELECT * FROM abac_import_user_attributes('\xfefefefefefefe'::bytea);
-- a length that lies doesn't make text of BSON, whose strings could then be documents
SELECT * FROM abac_import_user_attributes('\xffffffff'::bytea || substr(dump(jsonb_build_object('user_id', 'eve', 'organization_id', 'acme',
	'attributes', jsonb_build_object('note', E'\n{"user_id": "eve", "organization_id": null, "attributes": {"admin": true}}\n'))), 5), on_error => 'skip');
SELECT * FROM abac_import_user_attributes('{abc'::bytea || substr(dump(jsonb_build_object('user_id', 'eve', 'organization_id', 'acme',
	'attributes', jsonb_build_object('note', E'\n{"user_id": "eve", "organization_id": null, "attributes": {"admin": true}}\n'))), 5), on_error => 'skip');
SELECT count(*) FROM abac_user_attributes WHERE user_id = 'eve';
-- fields without a place are counted by name, up to a thousand of them
SELECT count(*), sum(count), max(count) FILTER (WHERE detail = '(other fields)') AS other FROM abac_import_user_attributes((SELECT string_agg(abac_jsonb_to_bson(
	jsonb_build_object('user_id', 'many ' || i, 'organization_id', null, 'attributes', '{}'::jsonb) || (SELECT jsonb_object_agg('f' || i || '-' || j, null) FROM generate_series(1, 90) j)), '')
	FROM generate_series(1, 20) i)) WHERE outcome = 'left out';
DELETE FROM abac_user_attributes WHERE user_id LIKE 'many %';
SELECT * FROM abac_import_user_attributes('\x1f8b080000'::bytea);
SELECT * FROM abac_import_user_attributes('[{"user_id": "x"}]'::text);
SELECT * FROM abac_import_user_attributes(E'{\n"user_id": "x"\n}'::text);
SELECT * FROM abac_import_user_attributes(''::bytea);
SELECT * FROM abac_import_user_attributes(('\xefbbbf' || convert_to('{"user_id": "max", "organization_id": null, "attributes": {}}', 'UTF8')));
SELECT * FROM abac_import_user_attributes(NULL::bytea);
SELECT * FROM abac_import_user_attributes(''::bytea, on_error => 'ignore');
SELECT * FROM abac_import_mongodump('x', 'users');
-- a document of 16 MB, and one a byte longer
CREATE FUNCTION large(size int) RETURNS bytea LANGUAGE sql
	AS $$ SELECT regress_mongodb.doc(regress_mongodb.str('user_id', 'large'), regress_mongodb.element('0a', 'organization_id', ''), regress_mongodb.sub('attributes',
		regress_mongodb.doc(regress_mongodb.str('x', repeat('x', size - 66))))) $$;
SELECT length(large(16777216)), i.count FROM abac_import_user_attributes(large(16777216)) i WHERE outcome = 'imported';
SELECT i.count FROM abac_import_user_attributes(large(16777217)) i;
SELECT user_id, length(attributes::text) FROM abac_user_attributes WHERE user_id IN ('large', 'max') ORDER BY 1;
DELETE FROM abac_user_attributes WHERE user_id = 'large';

-- generated trees and attributes of every type go out and come back, byte for byte
SELECT setseed(0.4);
CREATE FUNCTION any_value(depth int) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN CASE floor(random() * (CASE WHEN depth > 0 THEN 13 ELSE 11 END))::int
		WHEN 0 THEN 'null' WHEN 1 THEN to_jsonb(random() < 0.5) WHEN 2 THEN to_jsonb((random() * 1e10 - 5e9)::bigint)
		WHEN 3 THEN to_jsonb((random() * 100 - 50)::int) WHEN 4 THEN to_jsonb(random()) WHEN 5 THEN to_jsonb(round((random() * 1000)::numeric, 3))
		WHEN 6 THEN to_jsonb((random() * 1e18)::numeric(38,10)) WHEN 7 THEN to_jsonb((random() * 1e30)::numeric(40,0))
		WHEN 8 THEN to_jsonb(E'"\\/\t\u00e9\u20ac\U0001F600' || md5(random()::text)) WHEN 9 THEN '""' WHEN 10 THEN to_jsonb((random() * 1e-20)::numeric(50,30))
		WHEN 11 THEN (SELECT coalesce(jsonb_agg(regress_mongodb.any_value(depth - 1)), '[]') FROM generate_series(1, (random() * 3)::int))
		ELSE (SELECT coalesce(jsonb_object_agg('k' || i, regress_mongodb.any_value(depth - 1)), '{}') FROM generate_series(1, (random() * 3)::int) i) END;
END
$$;
CREATE FUNCTION any_tree(depth int) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	attribute text := (ARRAY['user.level', 'resource.a.b', 'env.hour', 'context.x'])[floor(random() * 4 + 1)::int];
	operator text := (ARRAY['eq', 'neq', 'gt', 'between', 'in', 'contains', 'exists', 'matches', 'in_cidr'])[floor(random() * 9 + 1)::int];
BEGIN
	IF depth > 0 AND random() < 0.6 THEN
		RETURN jsonb_build_object('logic', (ARRAY['and', 'or', 'not'])[floor(random() * 3 + 1)::int], 'conditions',
			(SELECT jsonb_agg(regress_mongodb.any_tree(depth - 1)) FROM generate_series(1, (random() * 3 + 1)::int)));
	END IF;
	RETURN jsonb_build_object('attribute', attribute, 'operator', operator, 'value', CASE operator
		WHEN 'between' THEN '[1, 2.50]'::jsonb WHEN 'in' THEN jsonb_build_array(random(), 'x', 3, true) WHEN 'exists' THEN 'true' WHEN 'matches' THEN '"^a+$"'
		WHEN 'in_cidr' THEN '"10.0.0.0/8"' WHEN 'contains' THEN '"x"' WHEN 'gt' THEN to_jsonb((random() * 1e6)::numeric(20, 4)) ELSE to_jsonb((random() * 1e12)::bigint) END);
END
$$;
INSERT INTO abac_rules (organization_id, name, conditions, updated_by) SELECT CASE WHEN i % 3 > 0 THEN 'acme' END, 'rule ' || i, any_tree(4), 'u' || i % 2 FROM generate_series(1, 150) i;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes, updated_by) SELECT 'user ' || i / 2, CASE i % 2 WHEN 1 THEN 'acme' END,
	(SELECT jsonb_object_agg('attribute ' || j, any_value(3)) FROM generate_series(0, 4) j), NULL FROM generate_series(1, 300) i;
CREATE TABLE rules_before AS SELECT id, conditions::text, description, updated_by FROM abac_rules;
CREATE TABLE users_before AS SELECT user_id, organization_id, attributes::text, updated_by FROM abac_user_attributes;
CREATE TABLE exported AS SELECT 'bson' AS form, (SELECT string_agg(d, '') FROM abac_export_rule_conditions() d) AS rules, (SELECT string_agg(d, '') FROM abac_export_user_attributes() d) AS users
	UNION ALL SELECT CASE WHEN relaxed THEN 'relaxed' ELSE 'canonical' END, convert_to((SELECT string_agg(d, E'\n') FROM abac_export_rule_conditions_json(relaxed) d), 'UTF8'),
	convert_to((SELECT string_agg(d, E'\n') FROM abac_export_user_attributes_json(relaxed) d), 'UTF8') FROM unnest('{false,true}'::boolean[]) relaxed;
CREATE FUNCTION come_back(form text) RETURNS TABLE (collection text, outcome text, count bigint) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL abac.allow_system_changes = on;
	UPDATE abac_rules SET conditions = NULL, updated_by = NULL;
	TRUNCATE abac_user_attributes;
	RETURN QUERY SELECT 'rules', i.outcome, i.count FROM exported e, abac_import_rule_conditions(e.rules) i WHERE e.form = come_back.form AND i.outcome <> 'left out'
		UNION ALL SELECT 'users', i.outcome, i.count FROM exported e, abac_import_user_attributes(e.users) i WHERE e.form = come_back.form AND i.outcome <> 'left out';
	RETURN QUERY SELECT 'rules', 'differ', count(*) FROM ((SELECT id, conditions::text, description, updated_by FROM abac_rules EXCEPT ALL TABLE rules_before) UNION ALL
		(TABLE rules_before EXCEPT ALL SELECT id, conditions::text, description, updated_by FROM abac_rules)) d;
	RETURN QUERY SELECT 'users', 'differ', count(*) FROM ((SELECT user_id, organization_id, attributes::text, updated_by FROM abac_user_attributes EXCEPT ALL TABLE users_before) UNION ALL
		(TABLE users_before EXCEPT ALL SELECT user_id, organization_id, attributes::text, updated_by FROM abac_user_attributes)) d;
END
$$;
BEGIN;
SELECT * FROM come_back('bson');
ROLLBACK;
BEGIN;
SELECT * FROM come_back('canonical');
-- what comes out again is the same but for the times
CREATE FUNCTION without_times(line text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(line, '"(created|updated)At":\{"\$date":\{"\$numberLong":"\d+"\}\}', '', 'g') $$;
SELECT (SELECT string_agg(without_times(d), E'\n') FROM abac_export_rule_conditions_json() d) = without_times(convert_from(e.rules, 'UTF8')) AS rules,
	(SELECT string_agg(without_times(d), E'\n') FROM abac_export_user_attributes_json() d) = without_times(convert_from(e.users, 'UTF8')) AS users
	FROM exported e WHERE e.form = 'canonical';
ROLLBACK;
BEGIN;
SELECT * FROM come_back('relaxed');
ROLLBACK;

-- only who is granted them
CREATE ROLE regress_mover;
GRANT USAGE ON SCHEMA regress_mongodb TO regress_mover;
SET ROLE regress_mover;
SELECT * FROM abac_import_user_attributes(''::bytea);
SELECT * FROM abac_import_mongodump('/etc/passwd', 'abac_user_attributes');
SELECT * FROM abac_export_user_attributes();
RESET ROLE;
GRANT EXECUTE ON FUNCTION abac_import_user_attributes(text, boolean, text), abac_import_mongodump(text, text, boolean, text) TO regress_mover;
SET ROLE regress_mover;
SELECT * FROM abac_import_user_attributes('{"user_id": "granted", "organization_id": null, "attributes": {}}'::text) WHERE count > 0;
SELECT * FROM abac_import_mongodump('/etc/passwd', 'abac_user_attributes');
RESET ROLE;
-- not even through what is inside
GRANT EXECUTE ON FUNCTION abac_next_documents TO regress_mover;
SET ROLE regress_mover;
SELECT abac_next_documents(NULL, '/etc/passwd', NULL, 0, 1);
RESET ROLE;
REVOKE ALL ON FUNCTION abac_next_documents FROM regress_mover;
REVOKE ALL ON FUNCTION abac_import_user_attributes(text, boolean, text), abac_import_mongodump(text, text, boolean, text) FROM regress_mover;

SET abac.allow_system_changes = on;
TRUNCATE abac_rules, abac_rule_group_members, abac_user_attributes, abac_attribute_definitions;
RESET abac.allow_system_changes;
DROP SCHEMA regress_mongodb CASCADE;
DROP ROLE regress_mover;
