-- What a leaf says: every operator on every kind of value.  t = true, f = false, ? = unknown.
SET abac.attribute_validation = off;
BEGIN;

-- One policy for whoever asks as u; its only rule has the conditions in question.
INSERT INTO abac_rules (name) VALUES ('r');
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'u' FROM abac_policies;

-- The value of the conditions, as the explanation has it; the decision must agree with it.
CREATE FUNCTION truth(tree jsonb, ctx jsonb DEFAULT '{}', resource text DEFAULT 'thing:1') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	explained jsonb;
	result text;
BEGIN
	UPDATE abac_rules SET conditions = tree WHERE conditions::text IS DISTINCT FROM tree::text;
	explained := abac_explain('u', 'act', truth.resource, ctx);
	result := explained #>> '{policies,0,groups,0,members,0,conditions,value}';
	IF abac_check('u', 'act', truth.resource, ctx) IS DISTINCT FROM (result = 'true')
		OR explained #>> '{policies,0,value}' IS DISTINCT FROM result THEN
		RAISE 'decision, policy and leaf disagree on % in %: %', tree, ctx, explained;
	END IF;
	RETURN CASE result WHEN 'true' THEN 't' WHEN 'false' THEN 'f' WHEN 'unknown' THEN '?' END;
END
$$;
-- The same of one leaf on an attribute that ctx gives (SQL NULL = it does not).
CREATE FUNCTION ask(v text, operator text, value text, attribute text DEFAULT 'user.v') RETURNS text LANGUAGE sql AS $$
	SELECT truth(jsonb_build_object('attribute', attribute, 'operator', operator, 'value', value::jsonb),
		CASE WHEN v IS NULL THEN '{}' ELSE jsonb_build_object(split_part(attribute, '.', 1),
			jsonb_build_object(split_part(attribute, '.', 2), v::jsonb)) END)
$$;
-- The same of several values, a letter for each.
CREATE FUNCTION ask_all(vs text[], operator text, value text, attribute text DEFAULT 'user.v') RETURNS text LANGUAGE sql AS
	'SELECT string_agg(ask(v, operator, value, attribute), '' '' ORDER BY n) FROM unnest(vs) WITH ORDINALITY AS x (v, n)';
-- The same of references: user.v compared with resource.v.
CREATE FUNCTION ask_ref(v text, operator text, w text) RETURNS text LANGUAGE sql AS $$
	SELECT truth(jsonb_build_object('attribute', 'user.v', 'operator', operator, 'value', '$resource.v'),
		jsonb_build_object('user', CASE WHEN v IS NULL THEN '{}' ELSE jsonb_build_object('v', v::jsonb) END,
			'resource', CASE WHEN w IS NULL THEN '{}' ELSE jsonb_build_object('v', w::jsonb) END))
$$;

--
-- Every operator on an attribute that nobody defined
--
CREATE TEMP TABLE cases (n serial, operator text, value text);
INSERT INTO cases (operator, value) VALUES
	('eq', '"b"'), ('eq', '2'), ('eq', 'true'), ('eq', '["b"]'), ('eq', '[]'), ('eq', '{"k": "b"}'), ('neq', '"b"'),
	('neq', '2'), ('neq', 'true'), ('neq', '["b"]'), ('neq', '[]'), ('neq', '{"k": "b"}'),
	('gt', '"b"'), ('gte', '"b"'), ('lt', '"b"'), ('lte', '"b"'), ('gt', '2'), ('gte', '2'), ('lt', '2'), ('lte', '2'),
	('between', '["abc", "b"]'), ('between', '[2, 3]'), ('between', '["a", 2]'),
	('in', '["b", "c"]'), ('in', '[2, 3]'), ('in', '["b", 2]'), ('in', '["b", null]'), ('in', '[]'),
	('in', '[["b"], {"k": "b"}]'), ('not_in', '["b", "c"]'), ('not_in', '[2, 3]'), ('not_in', '["b", 2]'),
	('not_in', '["b", null]'), ('not_in', '[]'), ('not_in', '[["b"], {"k": "b"}]'),
	('contains', '"b"'), ('contains', '2'), ('contains', '["b"]'), ('contains', '["b", "x"]'), ('contains', '[]'),
	('contains', '["b", null]'), ('contains', '{"k": "b"}'), ('contains', '[["b"]]'),
	('not_contains', '"b"'), ('not_contains', '2'), ('not_contains', '["b"]'), ('not_contains', '["b", "x"]'),
	('not_contains', '[]'), ('not_contains', '["b", null]'), ('not_contains', '{"k": "b"}'), ('not_contains', '[["b"]]'),
	('starts_with', '"b"'), ('starts_with', '"ab"'), ('ends_with', '"b"'), ('ends_with', '"bc"'), ('matches', '"b"'),
	('matches', '"^b$"'),
	('is_subset', '["b", "x"]'), ('is_subset', '["b", null]'), ('is_subset', '[2, 3]'), ('is_subset', '[]'),
	('is_superset', '["b"]'), ('is_superset', '["b", "x"]'), ('is_superset', '["b", null]'), ('is_superset', '[2]'),
	('is_superset', '[]'),
	('exists', 'true'), ('exists', 'false'), ('in_cidr', '"10.0.0.0/8"'), ('in_cidr', '["192.168.0.0/16", "10.1.0.0/16"]'),
	('in_cidr', '[]'), ('not_in_cidr', '"10.0.0.0/8"'), ('not_in_cidr', '["192.168.0.0/16", "10.1.0.0/16"]'),
	('not_in_cidr', '[]');

SELECT operator, value,
	ask(NULL, operator, value) AS "missing",
	ask('null', operator, value) AS "null",
	ask('"b"', operator, value) AS "b",
	ask('"abc"', operator, value) AS "abc",
	ask('""', operator, value) AS "empty",
	ask('2', operator, value) AS "2",
	ask('3.5', operator, value) AS "3.5",
	ask('true', operator, value) AS "true",
	ask('"10.1.2.3"', operator, value) AS "10.1.2.3"
FROM cases ORDER BY n;
SELECT operator, value,
	ask('["b"]', operator, value) AS "[b]",
	ask('["b", "x"]', operator, value) AS "[b,x]",
	ask('["x"]', operator, value) AS "[x]",
	ask('[]', operator, value) AS "[]",
	ask('[null]', operator, value) AS "[null]",
	ask('["b", null]', operator, value) AS "[b,null]",
	ask('[2]', operator, value) AS "[2]",
	ask('["b", 2]', operator, value) AS "[b,2]",
	ask('[["b"]]', operator, value) AS "[[b]]",
	ask('["10.1.2.3"]', operator, value) AS "[10...]",
	ask('[{"k": "b"}]', operator, value) AS "[{k:b}]",
	ask('{"k": "b"}', operator, value) AS "{k:b}",
	ask('{}', operator, value) AS "{}"
FROM cases ORDER BY n;

-- A stored null is as missing as anything else, and ctx does not come after it.
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('u', '{"nothing": null, "deep": {"nothing": null}}');
SELECT count(*) AS cases,
	count(*) FILTER (WHERE ask('"b"', operator, value, 'user.nothing') IS DISTINCT FROM ask(NULL, operator, value)) AS different
FROM cases;
SELECT count(*) AS cases, count(*) FILTER (WHERE
	truth(jsonb_build_object('attribute', 'user.deep.nothing', 'operator', operator, 'value', value::jsonb),
	'{"user": {"deep": {"nothing": "b"}}}')
	IS DISTINCT FROM ask(NULL, operator, value)) AS different
FROM cases;
-- Below an object, a dotted name and a path reach the same.
SELECT count(*) AS cases, count(*) FILTER (WHERE
	truth(jsonb_build_object('attribute', 'user.v.k', 'operator', operator, 'value', value::jsonb), ctx)
	|| truth(jsonb_build_object('attribute', 'user.v', 'path', '$.k', 'operator', operator, 'value', value::jsonb), ctx)
	IS DISTINCT FROM repeat(ask(v, operator, value), 2)) AS different
FROM cases, (VALUES ('"b"'), ('["b", "x"]'), ('null'), ('{"k": "b"}')) AS x (v),
	LATERAL (SELECT jsonb_build_object('user', jsonb_build_object('v', jsonb_build_object('k', v::jsonb))) AS ctx) AS y;

-- A negated operator is the three-valued negation of its twin, whatever the value.
CREATE TEMP TABLE kinds (v text);
INSERT INTO kinds VALUES ('null'), ('"b"'), ('"abc"'), ('2'), ('true'), ('["b"]'), ('["b", null]'), ('[]'), ('[[]]'), ('{"k": "b"}'),
	('"10.1.2.3"'), ('"::1"');
SELECT plain.operator, negated.operator, count(*) AS cases, count(*) FILTER (WHERE
	translate(ask(v, plain.operator, value), 'tf', 'ft') IS DISTINCT FROM ask(v, negated.operator, value)) AS "not negated"
FROM cases AS plain, (VALUES ('eq', 'neq'), ('in', 'not_in'), ('contains', 'not_contains'), ('in_cidr', 'not_in_cidr')) AS negated (twin,
	operator), kinds
WHERE plain.operator = negated.twin
GROUP BY plain.operator, negated.operator ORDER BY plain.operator COLLATE "C";
-- Aliases mean the same.
SELECT alias, ask_all(vs, alias, '2') AS "alias says", operator, ask_all(vs, operator, '2') AS "operator says"
FROM (VALUES ('equals', 'eq'), ('=', 'eq'), ('==', 'eq'), ('not_equals', 'neq'), ('ne', 'neq'), ('!=', 'neq')) AS aliases (alias, operator),
	(VALUES ('{2,3,"\"2\"",null,"[2,4]"}'::text[])) AS x (vs);

-- With a reference on the right.
SELECT operator, w AS "resource.v",
	ask_ref(NULL, operator, w) AS "missing", ask_ref('"b"', operator, w) AS "b", ask_ref('"abc"', operator, w) AS "abc",
	ask_ref('2', operator, w) AS "2",
	ask_ref('true', operator, w) AS "true", ask_ref('["b"]', operator, w) AS "[b]", ask_ref('["b", "x"]', operator, w) AS "[b,x]",
	ask_ref('[]', operator, w) AS "[]", ask_ref('["b", null]', operator, w) AS "[b,null]", ask_ref('{"k": "b"}', operator, w) AS "{k:b}",
	ask_ref('"10.1.2.3"', operator, w) AS "10.1.2.3"
FROM (VALUES ('eq', NULL), ('eq', 'null'), ('eq', '"b"'), ('eq', '2'), ('eq', '["b"]'), ('eq', '{"k": "b"}'), ('neq', '"b"'),
	('neq', '["b"]'),
	('gt', '"a"'), ('gt', '["a"]'), ('lte', '2'), ('between', '["a", "b"]'), ('between', '[1, 2, 3]'), ('between', '"b"'),
	('between', '["a", null]'),
	('in', '["b", "c"]'), ('in', '["c"]'), ('in', '["c", null]'), ('in', '"b"'), ('not_in', '["c"]'), ('contains', '"b"'),
	('contains', '""'),
	('contains', '["b", "x"]'), ('contains', '2'), ('not_contains', '["x"]'), ('starts_with', '"a"'), ('starts_with', '""'),
	('starts_with', '["b"]'),
	('ends_with', '"c"'), ('ends_with', '""'), ('is_subset', '["b", "x"]'), ('is_subset', '["c", null]'), ('is_subset', '"b"'),
	('is_superset', '["b"]'),
	('is_superset', '[]'), ('in_cidr', '"10.0.0.0/8"'), ('in_cidr', '["11.0.0.0/8", "10.1.2.3"]'), ('in_cidr', '["11.0.0.0/8", "x"]'),
	('in_cidr', '"x"'),
	('in_cidr', '"10.1.2.3/8"'), ('not_in_cidr', '"11.0.0.0/8"')) AS x (operator, w);

--
-- Numbers are numeric, whatever their spelling
--
SELECT v, operator, value, ask(v, operator, value) FROM (VALUES
	('1', 'eq', '1.0'), ('1.00', 'in', '[0, 1]'), ('0', 'eq', '-0'), ('100', 'eq', '1e2'), ('0.1', 'lt', '0.10000000000000000000000000001'),
	('9007199254740993', 'eq', '9007199254740992'), ('9007199254740993', 'gt', '9007199254740992'), ('-5', 'lt', '-4.5'),
	('[1.0, 3]', 'contains', '1'), ('[1.0]', 'is_subset', '[1]'), ('[1]', 'eq', '[1.0]'), ('{"k": 1}', 'eq', '{"k": 1.0}'),
	('2', 'between', '[3, 1]'), ('1', 'between', '[1, 1]'), ('"1"', 'eq', '1'), ('1', 'eq', '"1"'), ('"10"', 'gt', '9'),
	('"10"', 'gt', '"9"'))
	AS x (v, operator, value);
-- far beyond double precision
SELECT ask('1e400', 'gt', '1e399') AS gt, ask('1e400', 'between', '[1e399, 1e401]') AS "between", ask('1e-400', 'gt', '0') AS small,
	ask('1e400', 'eq', '1e400') AS eq;
-- strings of a number attribute: in JSON's syntax and within numeric's range, else unknown; none of them is an error
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.number', 'number');
SELECT v, ask(v, 'eq', '100', 'user.number') AS "eq 100", ask(v, 'gt', '1', 'user.number') AS "gt 1",
	ask(v, 'neq', '100', 'user.number') AS "neq 100",
	ask(v, 'in', '[7, 100]', 'user.number') AS "in [7, 100]", ask(v, 'between', '[99, 101]', 'user.number') AS "between [99, 101]"
FROM unnest('{"100","\"100\"","\"1e2\"","\"1E+2\"","\"100.000\"","\"-5\"","\"\"","\" 100\"","\"100 \"","\"+100\"","\"0100\"","\"100.\"","\".5\"","\"0x64\"","\"1_00\"",
	"\"1e\"","\"NaN\"","\"Infinity\"","\"-Infinity\"","\"1e131071\"","\"1e131072\"","\"1e400\"","\"1e-16383\"","\"1e-16384\"","\"1e99999999999\"","\"-1e-99999999999\"",
	"\"0e99999999999\"","\"1e99999999999999999999999\"","true","null","[100]","{}"}'::text[]) AS v;
SELECT ask(to_jsonb(repeat('9', 131072))::text, 'gt', '1', 'user.number') AS "131072 digits",
	ask(to_jsonb(repeat('9', 131073))::text, 'gt', '1', 'user.number') AS "131073 digits",
	ask(to_jsonb('0.' || repeat('1', 16383))::text, 'gt', '0', 'user.number') AS "16383 decimals",
	ask(to_jsonb('0.' || repeat('1', 16384))::text, 'gt', '0', 'user.number') AS "16384 decimals";

--
-- Strings: byte by byte, in every locale
--
SELECT v, operator, value, ask(v, operator, value) FROM (VALUES
	('"B"', 'eq', '"b"'), ('"B"', 'lt', '"a"'), ('"a"', 'lt', '"B"'), ('"a "', 'eq', '"a"'), ('"ab"', 'gt', '"a"'), ('"z"', 'lt', '"é"'),
	('"I"', 'eq', '"ı"'),
	('"\u00e9"', 'eq', '"é"'), ('"e\u0301"', 'eq', '"é"'), ('"naïve"', 'contains', '"ï"'), ('"naïve"', 'starts_with', '"naï"'),
	('"café"', 'ends_with', '"é"'),
	('"café"', 'ends_with', '"cafe"'), ('"日本語"', 'contains', '"本"'), ('"日本語"', 'contains', '"語本"'), ('"日本語"', 'between', '["日", "日本語"]'),
	('"🔑🔐"', 'starts_with', '"🔑"'), ('"a\tb"', 'contains', '"\t"'), ('"a%"', 'eq', '"a_"'), ('"100%"', 'contains', '"%"'),
	('"ab"', 'contains', '"abc"'),
	('"ab"', 'starts_with', '"abc"'), ('"ab"', 'ends_with', '"cab"'), ('["日本語", "é"]', 'contains', '"é"'), ('"é"', 'in', '["e", "é"]'))
	AS x (v, operator, value);
-- regular expressions
SELECT v, value, ask(v, 'matches', value) FROM (VALUES
	('"abc"', '"b"'), ('"abc"', '"^b"'), ('"abc"', '"^abc$"'), ('"abc"', '"^ABC$"'), ('"abc"', '"(?i)^ABC$"'),
	('"abc"', '"^(?:a|x)[a-z]{2}$"'), ('"a.c"', '"a\\.c"'),
	('"abc"', '"a\\.c"'), ('"ab1"', '"\\d$"'), ('"ab"', '"\\d"'), ('"aa"', '"^(.)\\1$"'), ('"ab"', '"^(.)\\1$"'), ('"x\ny"', '"^y"'),
	('"x\ny"', '"x.y"'),
	('"x\ny"', '"(?n)^y"'), ('"a*"', '"***=a*"'), ('"日本語"', '"^.{3}$"'), ('"é"', '"^.$"'), ('"🔑"', '"^.$"'), ('"abc"', '".{0}"'),
	('"foobar"', '"foo(?=bar)"'), ('"foobaz"', '"foo(?=bar)"'), ('"foobaz"', '"foo(?!bar)"'), ('"word"', '"\\mword\\M"'))
	AS x (v, value);
-- a long string, longer than what fits on the stack
SELECT ask(to_jsonb(repeat('x', 5000) || 'y')::text, 'matches', '"^x+y$"') AS "matches",
	ask(to_jsonb(repeat('x', 5000))::text, 'matches', '"y"') AS "does not",
	ask(to_jsonb(repeat('é', 5000))::text, 'matches', '"^é{250}"') AS multibyte;
-- letters beyond ASCII have no case in a pattern, in every locale
SELECT ask('"É"', 'matches', '"(?i)^é$"') AS "É ~ é", ask('"I"', 'matches', '"(?i)^i$"') AS "I ~ i",
	ask('"é"', 'matches', '"^\\w$"') AS "é is a letter";

--
-- Lists: from eight strings on they are searched otherwise
--
SELECT n, ask_all('{"\"s0\"","\"s4\"","\"s6\"","\"s99\"","\"\"","1",null,"null","[\"x\",\"s5\"]","[\"x\"]","[\"x\",null]","{}"}', 'in',
	list) AS "in",
	ask_all('{"\"s0\"","\"s4\"","\"s6\"","\"s99\"","\"\"","1",null,"null","[\"x\",\"s5\"]","[\"x\"]","[\"x\",null]","{}"}', 'in',
	with_null) AS "in, one null",
	ask_all('{"\"s0\"","\"s4\"","\"s6\"","\"s99\"","\"\"","1",null,"null","[\"x\",\"s5\"]","[\"x\"]","[\"x\",null]","{}"}', 'in',
	with_number) AS "in, one number",
	ask_all('{"[\"s0\"]","[\"s0\",\"s5\"]","[\"s0\",\"x\"]","[\"s0\",null]","[]","\"s0\""}', 'is_subset', list) AS is_subset
FROM (SELECT n, jsonb_agg('s' || i ORDER BY i DESC)::text AS list, (jsonb_agg('s' || i) || '[null]')::text AS with_null,
	(jsonb_agg('s' || i) || '[1]')::text AS with_number
	FROM unnest('{7,8,9,100}'::int[]) AS n, generate_series(0, n - 1) AS i GROUP BY n) AS x ORDER BY n;
SELECT ask('["s3", "s1", "s2", "s0", "s4", "s5", "s6", "s7", "s8"]', 'is_superset',
	'["s8", "s7", "s6", "s5", "s4", "s3", "s2", "s1", "s0"]') AS superset,
	ask('["s3", "s1", "s2", "s0", "s4", "s5", "s6", "s7"]', 'is_superset',
	'["s8", "s7", "s6", "s5", "s4", "s3", "s2", "s1", "s0"]') AS "one short",
	ask('["s3", "s1", "s2", "s0", "s4", "s5", "s6", "s7", null]', 'is_superset',
	'["s8", "s7", "s6", "s5", "s4", "s3", "s2", "s1", "s0"]') AS "or null",
	ask('["é", "z"]', 'is_subset', '["a", "b", "c", "d", "e", "f", "g", "é", "z"]') AS multibyte;
-- every string of a list of 1000, and one more
SELECT count(*) FILTER (WHERE ask(to_jsonb('k' || i)::text, 'in', list) = 't') AS "in",
	count(*) FILTER (WHERE ask(to_jsonb('k' || i)::text, 'in', list) = 'f') AS "not in"
FROM generate_series(1, 1001, 50) AS i, (SELECT jsonb_agg('k' || j)::text AS list FROM generate_series(1, 1000) AS j) AS x;

--
-- Dates: an instant, in one spelling only
--
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.date', 'date');
SELECT v, ask(v, 'eq', '"2024-02-29T12:00:00Z"', 'user.date') AS eq, ask(v, 'neq', '"2024-02-29T12:00:00Z"', 'user.date') AS neq,
	ask(v, 'gt', '"2024-02-29"', 'user.date') AS "gt 29th", ask(v, 'lte', '"2024-02-29"', 'user.date') AS "lte 29th",
	ask(v, 'between', '["2024-02-29", "2024-03-01"]', 'user.date') AS "between",
	ask(v, 'in', '["2024-02-29 12:00", "2024-02-29"]', 'user.date') AS "in",
	ask(v, 'exists', 'true', 'user.date') AS "exists"
FROM unnest(ARRAY['"2024-02-29T12:00:00Z"', '"2024-02-29 12:00"', '"2024-02-29T14:00+02:00"', '"2024-02-29T14:00+02"',
	'"2024-02-29T06:30:00.000-05:30"', '"2024-02-29T11:59:59.999999Z"',
	'"2024-02-29T11:59:59.9999999Z"', '"2024-02-29"', '"2024-02-29Z"', '"2024-02-28T23:00-01:00"', '"2023-02-29"', '"2024-13-01"',
	'"2024-00-10"', '"2024-04-31"', '"2024-2-9"',
	'"24-02-29"', '"02/29/2024"', '"29.02.2024"', '"2024-02-29T24:00"', '"2024-02-29T12:60"', '"2024-02-29T12:00:60Z"', '"2024-02-29T12"',
	'"2024-02-29t12:00"', '"2024-02-29T12:00z"',
	'"2024-02-29T12:00:00."', '"2024-02-29T12:00 Z"', '" 2024-02-29"', '"2024-02-29 "', '"2024-02-29T12:00+2"', '"2024-02-29T12:00+0200"',
	'"2024-02-29T12:00+02:60"', '"2024-02-29T12:00+16"',
	'"0000-01-01"', '"0001-01-01"', '"9999-12-31T23:59:59Z"', '"10000-01-01"', '"-2024-02-29"', '"today"', '"now"', '"infinity"', '"epoch"',
	'"2024-02-29 12:00 UTC"', '""', '1709208000', 'true',
	'["2024-02-29T12:00Z"]', '{}', 'null']) AS v;
-- no setting of the session changes that
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL DateStyle = 'German, DMY';
SET LOCAL IntervalStyle = 'sql_standard';
SET LOCAL timezone_abbreviations = 'Australia';
SELECT ask('"2024-02-29 12:00"', 'eq', '"2024-02-29T12:00Z"', 'user.date') AS "UTC",
	ask('"29.02.2024"', 'eq', '"2024-02-29"', 'user.date') AS german;
RESET TimeZone;
RESET DateStyle;
-- a date without offset is in abac.timezone, on both sides
SET LOCAL abac.timezone = 'America/New_York';
SELECT ask('"2024-02-29 07:00"', 'eq', '"2024-02-29T12:00Z"', 'user.date') AS winter,
	ask('"2024-06-29 08:00"', 'eq', '"2024-06-29T12:00Z"', 'user.date') AS summer,
	ask('"2024-02-29T05:00Z"', 'eq', '"2024-02-29"', 'user.date') AS midnight,
	ask('"2024-02-29"', 'eq', '"2024-02-29 00:00"', 'user.date') AS both;
SET LOCAL abac.timezone = 'UTC';
SELECT ask('"2024-02-29T05:00Z"', 'eq', '"2024-02-29"', 'user.date') AS "midnight in UTC";

--
-- Addresses
--
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.ip', 'ip'), ('user.cidr', 'cidr');
SELECT v, ask(v, 'in_cidr', '"10.0.0.0/8"') AS "undefined in 10/8", ask(v, 'in_cidr', '"10.0.0.0/8"', 'user.ip') AS "ip in 10/8",
	ask(v, 'in_cidr', '"10.0.0.0/8"', 'user.cidr') AS "cidr in 10/8",
	ask(v, 'not_in_cidr', '"10.0.0.0/8"', 'user.ip') AS "not in 10/8",
	ask(v, 'in_cidr', '["192.168.0.0/16", "2001:db8::/32"]', 'user.ip') AS "in either",
	ask(v, 'in_cidr', '"::ffff:10.0.0.0/104"', 'user.ip') AS "in mapped", ask(v, 'in_cidr', '"::/0"', 'user.ip') AS "in ::/0",
	ask(v, 'in_cidr', '"0.0.0.0/0"', 'user.ip') AS "in 0/0",
	ask(v, 'eq', '"10.1.2.3"', 'user.ip') AS eq, ask(v, 'neq', '"10.1.2.3"', 'user.ip') AS neq,
	ask(v, 'in', '["::1", "10.1.2.3"]', 'user.ip') AS "in", ask(v, 'eq', '"10.1.2.3"') AS "as a string"
FROM unnest(ARRAY['"10.1.2.3"', '"10.1.2.3/32"', '"10.1.0.0/16"', '"10.0.0.0/7"', '"10.1.2.3/8"', '"::ffff:10.1.2.3"', '"::ffff:a01:203"',
	'"::ffff:10.1.2.3/128"', '"192.168.1.1"',
	'"2001:db8::1"', '"2001:DB8:0::1"', '"2001:db9::1"', '"::1"', '"010.1.2.3"', '"10.1.2"', '"10.1.2.3.4"', '"10.1.2.256"',
	'"10.1.2.3/33"', '" 10.1.2.3"', '"10.1.2.3 "', '"localhost"',
	'""', '"fe80::1%eth0"', '167838211', '["10.1.2.3"]', 'null', '{}']) AS v;

--
-- References between definitions
--
INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('resource.number', 'number'), ('resource.string', 'string'),
	('resource.boolean', 'boolean'),
	('resource.date', 'date'), ('resource.ip', 'ip'), ('user.string', 'string'), ('user.boolean', 'boolean'), ('user.json', 'json'),
	('user.array', 'array');
-- which types compare
SELECT l AS "left", r AS "right", truth(jsonb_build_object('attribute', 'user.' || l, 'operator', 'eq', 'value', '$resource.' || r),
	jsonb_build_object('user', jsonb_build_object(l, v), 'resource', jsonb_build_object(r, w))) AS eq
FROM (VALUES
	('number', 'number', '1', '"1"'), ('number', 'any', '1', '"1"'), ('any', 'number', '"1"', '1'), ('any', 'any', '"1"', '1'),
	('number', 'string', '1', '"1"'), ('string', 'number', '"1"', '1'),
	('string', 'any', '"1"', '1'), ('any', 'string', '1', '"1"'), ('string', 'string', '1', 'true'), ('string', 'string', 'true', '"true"'),
	('boolean', 'any', 'true', '"true"'), ('any', 'boolean', '"true"', 'true'),
	('boolean', 'string', 'true', '"true"'), ('any', 'boolean', '"True"', 'true'), ('date', 'date', '"2024-01-01"', '"2024-01-01T00:00Z"'),
	('date', 'any', '"2024-01-01"', '"2024-01-01T01:00+01"'),
	('any', 'date', '"2024-01-01"', '"2024-01-01T00:00Z"'), ('any', 'any', '"2024-01-01"', '"2024-01-01T00:00Z"'),
	('date', 'string', '"2024-01-01"', '"2024-01-01"'),
	('ip', 'ip', '"10.0.0.1"', '"::ffff:10.0.0.1"'), ('cidr', 'ip', '"10.0.0.1/32"', '"10.0.0.1"'),
	('ip', 'any', '"10.0.0.1"', '"10.0.0.1/32"'), ('any', 'ip', '"10.0.0.1"', '"10.0.0.1/32"'),
	('any', 'any', '"10.0.0.1"', '"10.0.0.1/32"'), ('ip', 'string', '"10.0.0.1"', '"10.0.0.1"'), ('json', 'number', '"1"', '1'),
	('json', 'any', '{"a": [1]}', '{"a": [1.0]}'),
	('array', 'number', '["7", 1]', '1'), ('array', 'any', '[1]', '[1]'), ('array', 'any', '[1]', '1')) AS x (l, r, v_, w_),
	LATERAL (SELECT v_::jsonb AS v, w_::jsonb AS w) AS y;
SELECT truth('{"attribute": "user.date", "operator": "lt", "value": "$resource.date"}',
	'{"user": {"date": "2024-01-01T00:30+01:00"}, "resource": {"date": "2024-01-01"}}') AS "date lt date",
	truth('{"attribute": "user.number", "operator": "between", "value": "$resource.bounds"}',
	'{"user": {"number": "5"}, "resource": {"bounds": ["1", 9]}}') AS "between strings",
	truth('{"attribute": "user.number", "operator": "in", "value": "$resource.list"}',
	'{"user": {"number": "5"}, "resource": {"list": ["x", "5.0"]}}') AS "in strings",
	truth('{"attribute": "user.number", "operator": "in", "value": "$resource.list"}',
	'{"user": {"number": "5"}, "resource": {"list": ["x", "6"]}}') AS "not in strings",
	truth('{"attribute": "user.ip", "operator": "in_cidr", "value": "$resource.net"}',
	'{"user": {"ip": "10.0.0.1"}, "resource": {"net": ["10.0.0.0/8"]}}') AS "in_cidr list",
	truth('{"attribute": "user.ip", "operator": "in_cidr", "value": "$resource.number"}',
	'{"user": {"ip": "10.0.0.1"}, "resource": {"number": 10}}') AS "in_cidr number",
	truth('{"attribute": "user.v", "operator": "eq", "value": {"ref": "user.v"}}', '{"user": {"v": [1, {"a": null}]}}') AS "itself";
-- a reference whose value contradicts its definition is unknown, even where the value as it is would compare
SELECT operator, w AS "resource.number", truth(jsonb_build_object('attribute', 'user.any', 'operator', operator, 'value', '$resource.number'),
	jsonb_build_object('user', jsonb_build_object('any', 1), 'resource', jsonb_build_object('number', w::jsonb)))
FROM (VALUES ('in', '[1]'), ('in', '1'), ('eq', '[1]'), ('eq', '1'), ('not_in', '[2]'), ('gt', '"0"'), ('gt', '"x"'), ('gt', '{}')) AS x (operator, w);
-- user.id and resource.id compare with a number by its text
SELECT truth('{"attribute": "resource.id", "operator": "eq", "value": 42}', resource => 'thing:42') AS "42 = 42",
	truth('{"attribute": "resource.id", "operator": "eq", "value": 42.0}', resource => 'thing:42') AS "42 = 42.0",
	truth('{"attribute": "resource.id", "operator": "eq", "value": "42"}', resource => 'thing:42') AS "42 = '42'",
	truth('{"attribute": "resource.id", "operator": "in", "value": [7, 42]}', resource => 'thing:42') AS "in [7, 42]",
	truth('{"attribute": "resource.owner", "operator": "eq", "value": "$resource.id"}', '{"resource": {"owner": 42}}',
	'thing:42') AS "42 = id",
	truth('{"attribute": "resource.owners", "operator": "contains", "value": "$resource.id"}', '{"resource": {"owners": [7, 42]}}',
	'thing:42') AS "[7, 42] has id",
	truth('{"attribute": "resource.number", "operator": "eq", "value": "$resource.id"}', '{"resource": {"number": 42}}',
	'thing:42') AS "number = id",
	truth('{"attribute": "resource.id", "operator": "eq", "value": "$resource.number"}', '{"resource": {"number": "42"}}',
	'thing:42') AS "id = number",
	truth('{"attribute": "resource.id", "operator": "eq", "value": true}', resource => 'thing:true') AS "true";
-- in the order of text
SELECT truth('{"attribute": "resource.id", "operator": "gt", "value": 9}', resource => 'thing:10') AS "10 > 9";
ROLLBACK;
