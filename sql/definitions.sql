-- What a definition makes of values: types and coercion, arrays, defaults, and what contradicts it.
SET abac.attribute_validation = off;
BEGIN;

-- One policy for whoever asks as u; its only rule has the conditions in question.
INSERT INTO abac_rules (name) VALUES ('r');
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'u' FROM abac_policies;

-- t, f or ? (unknown): the leaf on user.NAME, which ctx gives as v (SQL NULL = it does not).  Literals that can't be
-- coerced warn when they are written; that is for sql/conditions.sql.
CREATE FUNCTION ask(name text, v text, operator text, value text) RETURNS text LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE
	tree jsonb := jsonb_build_object('attribute', 'user.' || name, 'operator', operator, 'value', value::jsonb);
	ctx jsonb := CASE WHEN v IS NULL THEN '{}' ELSE jsonb_build_object('user', jsonb_build_object(name, v::jsonb)) END;
	result text;
BEGIN
	UPDATE abac_rules SET conditions = tree WHERE conditions::text IS DISTINCT FROM tree::text;
	result := abac_explain('u', 'act', 'thing', ctx) #>> '{policies,0,groups,0,members,0,conditions,value}';
	IF abac_check('u', 'act', 'thing', ctx) IS DISTINCT FROM (result = 'true') THEN
		RAISE 'decision and leaf disagree on % in %', tree, ctx;
	END IF;
	RETURN CASE result WHEN 'true' THEN 't' WHEN 'false' THEN 'f' WHEN 'unknown' THEN '?' END;
END
$$;
INSERT INTO abac_attribute_definitions (name, data_type, is_multivalued)
SELECT 'user.' || t || m, t, m = 's' FROM unnest('{string,number,boolean,array,date,json,ip,cidr}'::text[]) AS t,
	unnest('{"",s}'::text[]) AS m;

--
-- Which values a type takes: "in []" is false of those, unknown of the others
--
CREATE FUNCTION takes(name text, v text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE ask(name, v, 'in', '[]') WHEN 'f' THEN 'yes' WHEN '?' THEN '-' ELSE '!' END
$$;
SELECT v AS value, takes('undefined', v) AS undefined, takes('string', v) AS string, takes('number', v) AS number,
	takes('boolean', v) AS boolean, takes('array', v) AS "array", takes('date', v) AS date,
	takes('json', v) AS json, takes('ip', v) AS ip, takes('cidr', v) AS cidr
FROM unnest('{"\"x\"","\"\"","\"5\"","\" 5\"","\"true\"","\"True\"","\"2024-01-01\"","\"10.0.0.1\"","\"10.0.0.0/8\"","\"10.0.0.1/8\"",5,-5.50,1e300,true,false,"[]","[\"x\"]","[5]","[\"5\"]","[\"2024-01-01\"]",
	"[true, 5]","[[]]","{}","{\"a\": 1}",null}'::text[]) AS v;
-- the same where it is multivalued: each element that is coerced; one that can't be makes it unknown here
SELECT v AS value, takes('strings', v) AS strings, takes('numbers', v) AS numbers, takes('booleans', v) AS booleans,
	takes('arrays', v) AS "arrays", takes('dates', v) AS dates,
	takes('jsons', v) AS jsons, takes('ips', v) AS ips, takes('cidrs', v) AS cidrs
FROM unnest('{"\"x\"","\"5\"","\"true\"","\"2024-01-01\"","\"10.0.0.1\"",5,true,"[]","[\"x\"]","[5]","[\"5\"]","[\"5\", 5]","[\"5\", \"x\"]","[true, \"true\"]","[\"2024-01-01\", \"2024-01-01T01:00\"]","[\"10.0.0.1\", \"::1\"]",
	"[null]","[5, null]","[[]]","[{}]","{}","{\"a\": 1}",null}'::text[]) AS v;

--
-- What they are then equal to: both sides are coerced
--
SELECT name, v AS value, literal, ask(name, v, 'eq', literal) AS eq, ask(name, v, 'neq', literal) AS neq,
	ask(name, v, 'in', '[' || literal || ']') AS "in" FROM (VALUES
	('string', '5', '"5"'), ('string', '5.0', '"5"'), ('string', '5.0', '"5.0"'), ('string', '1e2', '"100"'), ('string', '1e-3', '"0.001"'),
	('string', '5', '5'), ('string', '5', '5.0'), ('string', '"5"', '5'), ('string', 'true', '"true"'), ('string', '"true"', 'true'),
	('string', 'false', 'true'), ('string', '"x"', '["x"]'), ('string', '"x"', '{"a": 1}'), ('string', '[5]', '"5"'),
	('number', '"5"', '5'), ('number', '"5.0"', '5'), ('number', '"5e0"', '"5"'), ('number', '"-0"', '0'), ('number', '5', '"5"'),
	('number', '5', '"05"'), ('number', '"05"', '5'), ('number', 'true', '1'), ('number', '5', 'true'),
	('boolean', '"true"', 'true'), ('boolean', 'true', '"true"'), ('boolean', '"false"', 'true'), ('boolean', '"TRUE"', 'true'),
	('boolean', '1', 'true'), ('boolean', 'true', '1'), ('boolean', '"t"', 'true'),
	('date', '"2024-01-01"', '"2024-01-01T00:00:00Z"'), ('date', '"2024-01-01T01:00+01:00"', '"2024-01-01"'),
	('date', '"2024-01-02"', '"2024-01-01"'), ('date', '"2024-01-01"', '"01.01.2024"'), ('date', '20240101', '"2024-01-01"'),
	('ip', '"10.0.0.1"', '"10.0.0.1/32"'), ('ip', '"::ffff:10.0.0.1"', '"10.0.0.1"'), ('ip', '"2001:db8::1"', '"2001:0DB8::0001"'),
	('ip', '"10.0.0.1"', '"10.0.0.0/8"'), ('ip', '"10.0.0.1"', '"x"'), ('cidr', '"10.0.0.0/8"', '"10.0.0.0/8"'),
	('cidr', '"10.0.0.0/8"', '"10/8"'), ('cidr', '"::ffff:10.0.0.0/104"', '"10.0.0.0/8"'),
	('json', '"5"', '5'), ('json', '5', '5.0'), ('json', '{"a": [1, {"b": null}]}', '{"a": [1.0, {"b": null}]}'),
	('json', '{"a": 1}', '{"a": 2}'), ('json', '[1, 2]', '[1, 2]'), ('json', '[1, 2]', '2'),
	('json', '"2024-01-01"', '"2024-01-01T00:00Z"'),
	('array', '[1, 2]', '[1, 2]'), ('array', '[1, 2]', '[2, 1]'), ('array', '[1, 2]', '2'), ('array', '["1"]', '1'),
	('array', '[{"a": 1}]', '{"a": 1}'), ('array', '1', '1'), ('array', '[]', '[]'),
	('undefined', '"5"', '5'), ('undefined', '5', '5.00'), ('undefined', 'true', '"true"'),
	('undefined', '"2024-01-01"', '"2024-01-01T00:00Z"'))
	AS v (name, v, literal);
-- multivalued: a scalar counts as an array of one
SELECT name, v AS value, operator, literal, ask(name, v, operator, literal) AS truth FROM (VALUES
	('strings', '"x"', 'eq', '"x"'), ('strings', '"x"', 'eq', '["x"]'), ('strings', '"x"', 'neq', '["x"]'),
	('strings', '["x"]', 'eq', '["x"]'), ('strings', '"x"', 'eq', '["x", "x"]'), ('strings', '"x"', 'contains', '"x"'),
	('strings', '"xyz"', 'contains', '"y"'), ('strings', '"x"', 'contains', '["x"]'), ('strings', '"x"', 'is_subset', '["x", "y"]'),
	('strings', '"x"', 'is_superset', '["x"]'), ('strings', '"x"', 'is_superset', '["x", "y"]'),
	('strings', '"x"', 'in', '["x"]'), ('strings', '"x"', 'not_in', '["x"]'), ('strings', '"x"', 'starts_with', '"x"'),
	('strings', '"x"', 'matches', '"x"'), ('strings', '"x"', 'gt', '"a"'), ('strings', '["x"]', 'gt', '"a"'),
	('strings', '5', 'contains', '"5"'),
	('strings', '[5, true]', 'contains', '["true", "5"]'), ('strings', '[5]', 'eq', '["5"]'), ('strings', '5', 'eq', '["5"]'),
	('strings', '5', 'eq', '"5"'),
	('numbers', '"5"', 'contains', '5'), ('numbers', '["5", 6]', 'is_subset', '[5, 6, 7]'), ('numbers', '["5", "x"]', 'contains', '5'),
	('numbers', '["5", "x"]', 'contains', '6'), ('numbers', '["5", null]', 'contains', '6'),
	('numbers', '5', 'gt', '4'), ('numbers', '[5]', 'between', '[1, 9]'), ('numbers', '5', 'in', '["5"]'),
	('numbers', '["4", "5"]', 'eq', '5'), ('numbers', '["4", "5"]', 'eq', '[4, 5]'), ('numbers', '[4, 5.0]', 'eq', '[4.0, 5]'),
	('booleans', '["true", false]', 'contains', 'true'), ('booleans', '"x"', 'contains', 'true'),
	('dates', '["2024-01-01"]', 'contains', '"2024-01-01T00:00Z"'), ('dates', '"2024-01-01"', 'in', '["2024-01-01T00:00Z"]'),
	('dates', '["2024-01-01", "x"]', 'is_subset', '["2024-01-01"]'), ('dates', '["2024-01-02"]', 'gt', '"2024-01-01"'),
	('ips', '["::ffff:10.0.0.1"]', 'contains', '"10.0.0.1"'), ('ips', '["10.0.0.1"]', 'in_cidr', '"10.0.0.0/8"'),
	('ips', '"10.0.0.1"', 'in_cidr', '"10.0.0.0/8"'), ('cidrs', '"10.0.0.0/8"', 'contains', '"10.0.0.0/8"'),
	('jsons', '{"a": 1}', 'contains', '{"a": 1}'), ('jsons', '[{"a": 1}]', 'contains', '{"a": 1.0}'), ('arrays', '1', 'contains', '1'),
	('arrays', '[1]', 'contains', '1'), ('arrays', '[[1]]', 'contains', '[[1]]'), ('array', '1', 'contains', '1'),
	('string', '["x"]', 'contains', '"x"'))
	AS v (name, v, operator, literal);
-- CIDR operators ask whatever can be an address
SELECT name, v AS value, ask(name, v, 'in_cidr', '"10.0.0.0/8"') AS in_cidr, ask(name, v, 'not_in_cidr', '"10.0.0.0/8"') AS not_in_cidr
FROM (VALUES ('ip', '"10.0.0.1"'), ('cidr', '"10.1.0.0/16"'), ('undefined', '"10.0.0.1"'), ('json', '"10.0.0.1"'), ('string', '"10.0.0.1"'),
	('number', '10'), ('date', '"2024-01-01"'), ('ip', '"x"'), ('array', '["10.0.0.1"]')) AS v (name, v);
-- contains, on types of one value
SELECT name, v AS value, literal, ask(name, v, 'contains', literal) AS contains FROM (VALUES ('string', '"x5y"', '5'),
	('string', '55', '"5"'), ('string', 'true', '"ru"'), ('number', '55', '5'), ('boolean', 'true', 'true'), ('json', '"xyz"', '"y"'),
	('json', '["y"]', '"y"'))
	AS v (name, v, literal);

--
-- Defaults are coerced and compared as values are
--
INSERT INTO abac_attribute_definitions (name, data_type, is_multivalued, default_value) VALUES ('user.dn', 'number', false, '5'),
	('user.dl', 'string', true, '["a", "b"]'), ('user.ds', 'string', true, '"a"'), ('user.dd', 'date', false, '"2024-01-01"'),
	('user.db', 'boolean', false, 'false'), ('user.de', 'array', false, '[]'), ('user.dj', 'json', false, '{}');
SELECT ask('dn', NULL, 'gt', '4') AS "5 > 4", ask('dn', '3', 'gt', '4') AS "3 > 4",
	ask('dl', NULL, 'contains', '"b"') AS "[a,b] contains b", ask('ds', NULL, 'contains', '"a"') AS "a contains a",
	ask('dd', NULL, 'lt', '"2024-01-01T01:00"') AS "date <",
	ask('db', NULL, 'eq', 'false') AS "false = false", ask('de', NULL, 'eq', '[]') AS "[] = []", ask('dj', NULL, 'eq', '{}') AS "{} = {}",
	ask('dn', '"x"', 'gt', '4') AS "x > 4";

--
-- What contradicts a definition
--
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', state || ' ' || message, CASE WHEN state <> '23514' OR message NOT LIKE 'new row%' THEN nullif(detail, '') END, nullif('Hint: ' || hint, 'Hint: '));
END
$$;
CREATE FUNCTION store(v text, org text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	DELETE FROM abac_user_attributes WHERE user_id = 'w';
	SELECT v || coalesce(' for ' || org, '') || E'\n  '
		|| attempt(format('INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES (''w'', %L, %L)', org, v))
$$;
DELETE FROM abac_attribute_definitions;
INSERT INTO abac_attribute_definitions (organization_id, name, data_type, is_multivalued, allowed_values, validation_regex) VALUES
	(NULL, 'user.number', 'number', false, NULL, NULL), (NULL, 'user.date', 'date', false, NULL, NULL),
	(NULL, 'user.ip', 'ip', false, NULL, NULL), (NULL, 'user.numbers', 'number', true, NULL, NULL),
	(NULL, 'user.list', 'array', false, NULL, NULL),
	(NULL, 'user.color', 'string', false, '["red", "blue"]', NULL), (NULL, 'user.colors', 'string', true, '["red", "blue"]', NULL),
	(NULL, 'user.size', 'number', false, '[1, 2]', NULL), (NULL, 'user.code', 'string', false, NULL, '^[A-Z]{2}\d+$'),
	(NULL, 'user.deep.code', 'string', true, NULL, '^x'), ('o1', 'user.color', 'string', false, '["green"]', NULL),
	('o1', 'user.own', 'boolean', false, NULL, NULL);
\pset format unaligned
\pset tuples_only on
SET LOCAL abac.attribute_validation = strict;
SELECT store(v) FROM unnest('{"{}","{\"number\": 5}","{\"number\": \"5\"}","{\"number\": \"five\"}","{\"number\": [5]}","{\"number\": {}}","{\"number\": null}","{\"number\": true}","{\"date\": \"2024-02-30\"}","{\"date\": 5}","{\"ip\": \"10.0.0.256\"}",
	"{\"numbers\": [1, \"2\"]}","{\"numbers\": 1}","{\"numbers\": [1, \"two\"]}","{\"numbers\": [1, null]}","{\"numbers\": [[1]]}","{\"list\": [1, \"x\", null]}","{\"list\": 1}","{\"list\": {}}","{\"color\": \"red\"}","{\"color\": \"green\"}","{\"color\": \"Red\"}",
	"{\"colors\": [\"red\", \"blue\"]}","{\"colors\": [\"red\", \"green\"]}","{\"colors\": \"green\"}","{\"colors\": []}","{\"size\": 1.0}","{\"size\": \"2\"}","{\"size\": 3}","{\"code\": \"AB12\"}","{\"code\": \"ab12\"}","{\"code\": 12}",
	"{\"deep\": {\"code\": [\"xa\", \"xb\"]}}","{\"deep\": {\"code\": [\"xa\", \"b\"]}}","{\"deep\": 5}","{\"undefined\": [{}], \"own\": 5}"}'::text[]) AS v;
-- in an organization, by its own definition
SELECT store(v, 'o1') FROM unnest('{"{\"color\": \"green\"}","{\"color\": \"red\"}","{\"own\": 5}","{\"size\": 3}"}'::text[]) AS v;
SELECT store(v, 'o2') FROM unnest('{"{\"color\": \"green\"}","{\"color\": \"red\"}","{\"own\": 5}"}'::text[]) AS v;
-- a warning, and accepted; or nothing
SET LOCAL abac.attribute_validation = warn;
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('u', NULL, '{"color": "green", "number": "five"}'),
	('u', 'o1', '{"color": "red"}');
UPDATE abac_user_attributes SET user_id = 'v' WHERE user_id = 'u' AND organization_id = 'o1';
UPDATE abac_user_attributes SET attributes = attributes || '{"code": "x"}' WHERE user_id = 'v';
SET LOCAL abac.attribute_validation = off;
UPDATE abac_user_attributes SET attributes = '{"color": "green", "number": "five", "colors": ["pink"]}' WHERE user_id = 'u';
-- stored anyway: what can't be coerced is unknown; allowed_values and validation_regex are for writers, not for checks
SELECT ask('number', NULL, 'neq', '4'), ask('color', NULL, 'eq', '"green"'), ask('colors', NULL, 'contains', '"pink"');

-- a definition's own parts are always checked
SELECT columns || ' ' || parts || E'\n  ' || regexp_replace(attempt(format('INSERT INTO abac_attribute_definitions (name, %s) VALUES (''user.%s'', %s)',
	columns, 'new_' || md5(columns || parts), parts)), 'user.new_[0-9a-f]+', 'user.new') FROM (VALUES
	('data_type, default_value', '''number'', ''"five"'''), ('data_type, default_value', '''number'', ''"5"'''),
	('data_type, default_value', '''string'', ''["x"]'''), ('data_type, is_multivalued, default_value', '''string'', true, ''["x"]'''),
	('data_type, default_value, allowed_values', '''string'', ''"x"'', ''["y"]'''),
	('data_type, default_value, validation_regex', '''string'', ''"x"'', ''^y'''), ('data_type, default_value', '''date'', ''"today"'''),
	('data_type, default_value', '''array'', ''1'''),
	('default_value', '''null'''), ('data_type', '''integer'''), ('source', '''ctx'''), ('category', '''user'''),
	('allowed_values', '''"x"'''), ('validation_regex', '''('''), ('data_type, allowed_values', '''number'', ''[1, "x"]'''))
	AS v (columns, parts);
SELECT name || E'\n  ' || attempt(format('INSERT INTO abac_attribute_definitions (name) VALUES (%L)',
	name)) FROM unnest('{user,user.,.a,user..a,subject.a,environment.a,User.a,a.b,user.a,user.a.b.c,resource.a,env.a,context.a,"user.a b"}'::text[]) AS name;
ROLLBACK;
