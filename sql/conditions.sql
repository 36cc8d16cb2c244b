-- Condition trees: what is one, what isn't, and what whoever writes a wrong one gets to read.
SET abac.attribute_validation = off;
\pset format unaligned
\pset tuples_only on

-- One policy for whoever asks as u; its only rule has the conditions in question.
INSERT INTO abac_rules (name) VALUES ('r');
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_policies (name) VALUES ('p');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'u' FROM abac_policies;
INSERT INTO abac_user_attributes (user_id, attributes)
	VALUES ('u',
	'{"a": "x", "n": 5, "dept": "ops", "profile": {"level": 3, "unit": {"name": "ops"}}, "dollar": "$a", "obj": {"ref": "a"}}');

-- Do the statement; the fault, if it is refused.
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
	-- PostgreSQL's own detail of a check constraint has the row's id and times
	RETURN concat_ws(E'\n    ', state || ' ' || message, CASE WHEN state <> '23514' THEN nullif(detail, '') END, nullif('Hint: ' || hint, 'Hint: '));
END
$$;
-- Make the tree the rule's: its value then, or why not.
CREATE FUNCTION try(tree text, ctx jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := attempt(format('UPDATE abac_rules SET conditions = %L', tree));
	explained jsonb;
BEGIN
	IF result = 'accepted' THEN
		explained := abac_explain('u', 'act', 'thing:1', ctx);
		result := explained #>> '{policies,0,groups,0,members,0,conditions,value}';
		IF abac_check('u', 'act', 'thing:1', ctx) IS DISTINCT FROM (result = 'true') THEN
			RAISE 'decision and conditions disagree on %: %', tree, explained;
		END IF;
	END IF;
	RETURN result;
END
$$;

--
-- Every form of a node
--
SELECT tree || '  =>  ' || try(tree) FROM unnest(ARRAY[
	'true',
	'false',
	'{"logic": "and", "conditions": [true, true]}',
	'{"logic": "and", "conditions": [true, false]}',
	'{"logic": "or", "conditions": [false, true]}',
	'{"logic": "or", "conditions": [false]}',
	'{"logic": "not", "conditions": [false]}',
	'{"logic": "not", "conditions": [false, false]}',
	'{"logic": "not", "conditions": [false, true]}',
	'{"and": [true, false]}',
	'{"and": [true]}',
	'{"or": [true, false]}',
	'{"not": [false, false]}',
	'{"not": [true, false]}',
	'{"not": false}',
	'{"not": {"not": true}}',
	'{"not": {"logic": "not", "conditions": [{"and": [true]}]}}',
	'{"attribute": "user.a", "operator": "eq", "value": "x"}',
	'{"attr": "user.a", "op": "eq", "val": "x"}',
	'{"attr": "user.profile", "op": "eq", "val": 3, "path": "$.level"}',
	'{"attribute": "user.profile", "operator": "eq", "value": 3, "path": "$.level"}',
	'{"attribute": "user.profile", "operator": "eq", "value": "ops", "path": "$.unit.name"}',
	'{"attribute": "user.profile.unit", "operator": "eq", "value": "ops", "path": "$.name"}',
	'{"attribute": "user.profile", "operator": "exists", "value": true, "path": "$.unit.name"}',
	'{"attribute": "user.profile", "operator": "exists", "value": true, "path": "$.unit.nom"}',
	'{"attribute": "user.profile", "operator": "eq", "value": 3, "path": "$.level.deeper"}',
	'{"attribute": "user.profile", "operator": "eq", "value": "x", "path": "$.with space-and:signs"}',
	'{"description": "why", "attribute": "user.a", "operator": "eq", "value": "x"}',
	'{"description": "", "attr": "user.a", "op": "eq", "val": "y"}',
	'{"description": "why", "logic": "and", "conditions": [true]}',
	'{"description": "why", "or": [true]}',
	-- Kleene's tables, with a missing attribute as the unknown
	'{"and": [{"attr": "user.z", "op": "eq", "val": 1}, true]}',
	'{"and": [{"attr": "user.z", "op": "eq", "val": 1}, false]}',
	'{"or": [{"attr": "user.z", "op": "eq", "val": 1}, true]}',
	'{"or": [{"attr": "user.z", "op": "eq", "val": 1}, false]}',
	'{"not": {"attr": "user.z", "op": "eq", "val": 1}}',
	'{"not": [{"attr": "user.z", "op": "eq", "val": 1}, true]}',
	'{"not": [{"attr": "user.z", "op": "eq", "val": 1}, false]}']) AS tree;
-- roots and their aliases
SELECT tree || '  =>  ' || try(tree, '{"resource": {"a": "x"}, "env": {"a": "x"}, "context": {"a": "x"}}') FROM
	unnest('{user,subject,resource,env,environment,context}'::text[]) AS root,
	LATERAL (SELECT format('{"attribute": "%s.a", "operator": "eq", "value": "x"}', root) AS tree) AS t;
-- values: references, literals, and what looks like one of them
SELECT tree || '  =>  ' || try(tree, '{"resource": {"dept": "ops", "dollar": "$a", "list": ["x"]}}') FROM unnest(ARRAY[
	'{"attribute": "user.dept", "operator": "eq", "value": "$resource.dept"}',
	'{"attribute": "user.dept", "operator": "eq", "value": {"ref": "resource.dept"}}',
	'{"attribute": "subject.dept", "operator": "neq", "value": {"ref": "resource.dept"}}',
	'{"attr": "resource.dept", "op": "eq", "val": "$subject.dept"}',
	'{"attribute": "user.a", "operator": "in", "value": "$resource.list"}',
	'{"attribute": "user.profile", "path": "$.unit.name", "operator": "eq", "value": "$resource.dept"}',
	'{"attribute": "user.dollar", "operator": "eq", "value": "$resource.dollar"}',
	'{"attribute": "user.dollar", "operator": "eq", "value": {"literal": "$a"}}',
	'{"attribute": "user.dollar", "operator": "in", "value": {"literal": ["$a", "$user.a"]}}',
	'{"attribute": "user.dept", "operator": "eq", "value": {"literal": "$resource.dept"}}',
	'{"attribute": "user.obj", "operator": "eq", "value": {"literal": {"ref": "a"}}}',
	'{"attribute": "user.obj", "operator": "eq", "value": {"literal": {"literal": "a"}}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"literal": "x"}}',
	'{"attribute": "user.a", "operator": "eq", "value": "$"}',
	'{"attribute": "user.a", "operator": "eq", "value": "$5"}',
	'{"attribute": "user.a", "operator": "eq", "value": "$_a"}',
	'{"attribute": "user.a", "operator": "eq", "value": "$ user.a"}',
	'{"attribute": "user.a", "operator": "in", "value": ["$5", "x"]}',
	'{"attribute": "user.a", "operator": "in", "value": [["x"], {"k": null}, "x"]}',
	'{"attribute": "user.obj", "operator": "eq", "value": {"k": {"ref": "a"}}}',
	'{"attribute": "user.dollar", "operator": "matches", "value": "\\$a"}',
	'{"attribute": "user.dollar", "operator": "matches", "value": {"literal": "$a"}}']) AS tree;

--
-- What isn't a tree
--
SELECT tree || E'\n  ' || try(tree) FROM unnest(ARRAY[
	'1',
	'"x"',
	'[]',
	'[true]',
	'null',
	'{}',
	'{"field": "user.a"}',
	'{"description": "x"}',
	'{"logic": "xor", "conditions": [true]}',
	'{"logic": "AND", "conditions": [true]}',
	'{"logic": null, "conditions": [true]}',
	'{"logic": "and"}',
	'{"logic": "and", "conditions": []}',
	'{"logic": "and", "conditions": {"attribute": "user.a", "operator": "eq", "value": 1}}',
	'{"logic": "and", "conditions": true}',
	'{"logic": "and", "condition": [true]}',
	'{"logic": "and", "conditions": [true], "comment": "x"}',
	'{"logic": "and", "conditions": [true], "description": 5}',
	'{"logic": "and", "conditions": [true, {"logic": "or", "conditions": [null]}]}',
	'{"logic": "and", "conditions": [true, {"or": [true, {"not": {"attribute": "user.a", "operator": "eq", "value": null}}]}]}',
	'{"logic": "and", "conditions": [true], "attribute": "user.a"}',
	'{"and": []}',
	'{"and": true}',
	'{"or": {"attribute": "user.a", "operator": "eq", "value": 1}}',
	'{"not": []}',
	'{"not": 1}',
	'{"not": [true, 1]}',
	'{"and": [true], "or": [true]}',
	'{"and": [true], "conditions": [true]}',
	'{"or": [true], "description": null}',
	'{"AND": [true]}']) AS tree;
-- leaves
SELECT tree || E'\n  ' || try(tree) FROM unnest(ARRAY[
	'{"attribute": "user.a"}',
	'{"attribute": "user.a", "operator": "eq"}',
	'{"attribute": "user.a", "value": 1}',
	'{"operator": "eq", "value": 1}',
	'{"attribute": "user.a", "op": "eq", "val": 1}',
	'{"attr": "user.a", "operator": "eq", "value": 1}',
	'{"attr": "user.a", "attribute": "user.a", "operator": "eq", "value": 1}',
	'{"attribute": "user.a", "operator": "eq", "valeu": 1}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "ignore_case": true}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "description": ["x"]}',
	'{"attribute": 1, "operator": "eq", "value": 1}',
	'{"attribute": "", "operator": "eq", "value": 1}',
	'{"attribute": "user", "operator": "eq", "value": 1}',
	'{"attribute": "user.", "operator": "eq", "value": 1}',
	'{"attribute": ".a", "operator": "eq", "value": 1}',
	'{"attribute": "user..a", "operator": "eq", "value": 1}',
	'{"attribute": "user.a.", "operator": "eq", "value": 1}',
	'{"attribute": "User.a", "operator": "eq", "value": 1}',
	'{"attribute": "usr.a", "operator": "eq", "value": 1}',
	'{"attribute": "$user.a", "operator": "eq", "value": 1}',
	'{"attribute": "organization.a", "operator": "eq", "value": 1}',
	'{"attribute": "user.a", "operator": 1, "value": 1}',
	'{"attribute": "user.a", "operator": "", "value": 1}',
	'{"attribute": "user.a", "operator": "eqals", "value": 1}',
	'{"attribute": "user.a", "operator": "EQ", "value": 1}',
	'{"attribute": "user.a", "operator": "start_with", "value": "x"}',
	'{"attribute": "user.a", "operator": "not_exists", "value": true}',
	'{"attribute": "user.a", "operator": "frobnicates", "value": 1}',
	'{"attribute": "user.a", "operator": "eq", "value": null}',
	'{"attribute": "user.a", "operator": "exists", "value": null}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": 1}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": ""}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$"}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "a.b"}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$.a."}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$..a"}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$.a[0]"}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$[0]"}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$.*"}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$.\"a\""}',
	'{"attribute": "user.a", "operator": "eq", "value": 1, "path": "$.a ? (@ > 1)"}']) AS tree;
-- references
SELECT tree || E'\n  ' || try(tree) FROM unnest(ARRAY[
	'{"attribute": "user.a", "operator": "eq", "value": "$foo.a"}',
	'{"attribute": "user.a", "operator": "eq", "value": "$user"}',
	'{"attribute": "user.a", "operator": "eq", "value": "$user."}',
	'{"attribute": "user.a", "operator": "eq", "value": "$USD"}',
	'{"attribute": "user.a", "operator": "eq", "value": {"ref": "foo.a"}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"ref": "$user.a"}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"ref": ""}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"ref": 1}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"ref": null}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"ref": "user.a", "path": "$.b"}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"literal": 1, "ref": "user.a"}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"literal": null}}',
	'{"attribute": "user.a", "operator": "in", "value": ["x", "$user.b"]}',
	'{"attribute": "user.a", "operator": "in", "value": ["x", {"ref": "user.b"}]}',
	'{"attribute": "user.a", "operator": "in", "value": [{"literal": "x"}]}',
	'{"attribute": "user.a", "operator": "between", "value": ["$user.b", "$user.c"]}',
	'{"attribute": "user.a", "operator": "eq", "value": {"k": "$user.b"}}',
	'{"attribute": "user.a", "operator": "eq", "value": {"k": [{"l": "$user.b"}]}}',
	'{"attribute": "user.a", "operator": "matches", "value": "$user.b"}',
	'{"attribute": "user.a", "operator": "matches", "value": {"ref": "user.b"}}',
	'{"attribute": "user.a", "operator": "exists", "value": "$user.b"}']) AS tree;
-- values that an operator doesn't take
SELECT operator || ' ' || value || E'\n  ' || try(format('{"attribute": "user.a", "operator": "%s", "value": %s}', operator,
	value)) FROM (VALUES
	('gt', 'true'), ('gte', '[1]'), ('lt', '{}'), ('lte', 'false'),
	('between', '1'), ('between', '[1]'), ('between', '[1, 2, 3]'), ('between', '[]'), ('between', '[1, null]'), ('between', '[true, 2]'),
	('between', '{"min": 1, "max": 2}'),
	('in', '"x"'), ('in', '1'), ('in', '{"k": 1}'), ('not_in', 'true'), ('is_subset', '"x"'), ('is_superset', '1'),
	('contains', '""'), ('not_contains', '""'), ('starts_with', '""'), ('starts_with', '1'), ('starts_with', '["x"]'), ('ends_with', '""'),
	('ends_with', 'true'),
	('matches', '""'), ('matches', '1'), ('matches', '["x"]'), ('exists', '1'), ('exists', '"true"'),
	('in_cidr', '1'), ('in_cidr', '{}'), ('in_cidr', '["10.0.0.0/8", 1]'), ('not_in_cidr', 'true'),
	('in_cidr', '[["10.0.0.0/8"]]')) AS v (operator, value);
-- regular expressions and networks
SELECT operator || ' ' || value || E'\n  ' || try(format('{"not": {"attribute": "user.a", "operator": "%s", "value": %s}}', operator,
	value)) FROM (VALUES
	('matches', '"("'), ('matches', '"["'), ('matches', '"a{2,1}"'), ('matches', '"*"'), ('matches', '"\\"'), ('matches', '"[[:foo:]]"'),
	('matches', '"a**"'),
	('matches', '"(?<=a)b"'),
	('in_cidr', '"x"'), ('in_cidr', '""'), ('in_cidr', '"10.0.0.1/8"'), ('in_cidr', '"10.0.0.0/33"'), ('in_cidr', '"2001:db8::1/32"'),
	('in_cidr', '"2001:db8::/129"'),
	('in_cidr', '"10.0.0.0/8 "'), ('not_in_cidr', '["10.0.0.0/8", "10.0.0.256"]'),
	('in_cidr', '"10.0.0.1"'), ('in_cidr', '"::1"'), ('in_cidr', '[]'), ('in_cidr', '"::ffff:10.0.0.0/104"')) AS v (operator, value);

--
-- Limits: 64 levels, 10,000 nodes
--
CREATE FUNCTION deep(levels int) RETURNS text LANGUAGE sql AS
	$$ SELECT repeat('{"not": ', levels - 1) || 'true' || repeat('}', levels - 1) $$;
CREATE FUNCTION deep_branches(levels int) RETURNS text LANGUAGE sql AS
	$$ SELECT repeat('{"logic": "and", "conditions": [', levels - 1) || 'true' || repeat(']}', levels - 1) $$;
CREATE FUNCTION wide(nodes int) RETURNS text LANGUAGE sql AS
	$$ SELECT '{"logic": "or", "conditions": [' || repeat('{"attribute": "user.a", "operator": "eq", "value": 1}, ', nodes - 2) || 'true]}' $$;
CREATE FUNCTION wide_and_flat(nodes int) RETURNS text LANGUAGE sql AS
	$$ SELECT '{"and": [' || repeat('{"not": false}, ', (nodes - 2) / 2) || 'true]}' $$;
SELECT 'level 64: ' || try(deep(64));
SELECT 'level 65: ' || regexp_replace(try(deep(65)), '(\.not){64}', '(64 times ".not")');
SELECT 'level 64, branches: ' || try(deep_branches(64));
SELECT 'level 65, branches: ' || regexp_replace(try(deep_branches(65)), '(\.conditions\[0\]){64}', '(64 times)');
SELECT 'level 1000: ' || regexp_replace(try(deep(1000)), '(\.not){64}', '(64 times ".not")');
SELECT '10,000 nodes: ' || try(wide(10000));
SELECT '10,001 nodes: ' || try(wide(10001));
SELECT '10,000 nodes in 4,999 branches: ' || try(wide_and_flat(10000));
SELECT '10,002 nodes: ' || try(wide_and_flat(10002));
-- one leaf's list isn't nodes
SELECT '20,000 elements: ' || try((SELECT jsonb_build_object('attribute', 'user.n', 'operator', 'in', 'value',
	jsonb_agg(i)) FROM generate_series(1, 20000) AS i)::text);
-- a long value is cut in the message, not in the middle of a letter
SELECT try(format('{"attribute": "user.a", "operator": "exists", "value": "a%s"}', repeat('é', 100)));

--
-- Nothing of a refused statement stays; COPY is a statement like others
--
UPDATE abac_rules SET conditions = 'true';
SELECT attempt('UPDATE abac_rules SET description = ''changed'', conditions = ''1''');
SELECT attempt('INSERT INTO abac_rules (name, conditions) VALUES (''good'', ''true''), (''bad'', ''{"attribute": "user.a"}'')');
\set VERBOSITY terse
COPY abac_rules (name, conditions) FROM stdin;
good	true
bad	{"logic": "and", "conditions": [true, {"attribute": "user.a", "operator": "equal", "value": 1}]}
\.
\set VERBOSITY default
SELECT name, description, conditions FROM abac_rules;
-- the other tables with conditions
INSERT INTO abac_permissions (resource_type, action) VALUES ('thing', 'act');
SELECT attempt('INSERT INTO abac_policy_rules (organization_id, name, conditions) VALUES (''o'', ''legacy'', ''{"or": [{"attr": "user.a", "op": "eq"}]}'')');
SELECT attempt('INSERT INTO abac_policy_rules (organization_id, name, conditions) VALUES (''o'', ''legacy'', ''null'')');
SELECT attempt(format('INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) SELECT id, %L, %L, %L FROM abac_permissions',
	attribute, operator, value))
FROM (VALUES ('a', 'eq', '1'), ('user.a', 'equal', '1'), ('user.a', 'eq', 'null'), ('user.a', 'in', '"$user"'),
	('user.a', 'matches', '"("'), ('user.a', 'in_cidr', '"x"'))
	AS v (attribute, operator, value);
SELECT count(*) FROM abac_conditions;
SELECT count(*) FROM abac_policy_rules;

--
-- Operators that a definition forbids
--
INSERT INTO abac_attribute_definitions (name, data_type, is_multivalued) VALUES ('user.date', 'date', false), ('user.ip', 'ip', false),
	('user.cidr', 'cidr', false),
	('user.dates', 'date', true), ('user.ips', 'ip', true), ('user.number', 'number', false), ('user.flag', 'boolean', false);
SELECT operator || ' on ' || attribute || ' ' || value || E'\n  ' || try(format('{"attribute": "%s", "operator": "%s", "value": %s}',
	attribute, operator, value)) FROM (VALUES
	('user.date', 'contains', '"2024-01-01"'), ('user.date', 'starts_with', '"2024"'), ('user.date', 'ends_with', '"01"'),
	('user.date', 'matches', '"^2024"'),
	('user.date', 'not_contains', '"2024"'), ('user.ip', 'gt', '"10.0.0.1"'), ('user.ip', 'lte', '"10.0.0.1"'),
	('user.ip', 'between', '["10.0.0.1", "10.0.0.9"]'),
	('user.cidr', 'starts_with', '"10."'), ('user.ip', 'matches', '"^10"'), ('user.cidr', 'contains', '"10.0.0.1"'),
	('env.now', 'matches', '"^2024"'),
	('env.now', 'starts_with', '"2024"'), ('user.date', 'starts_with', '"$user.a"'), ('user.a', 'gt', '"$user.ip"'),
	('user.a', 'starts_with', '"$user.date"'),
	('user.dates', 'starts_with', '"2024"'),
	('user.dates', 'contains', '"2024-01-01"'), ('user.ips', 'not_contains', '"10.0.0.1"'), ('user.ip', 'exists', 'true'),
	('env.now', 'gt', '"2024-01-01"'),
	('user.date', 'lt', '"$user.a"')) AS v (attribute, operator, value);
-- a path digs out something that the definition says nothing of
SELECT try('{"attribute": "user.date", "path": "$.year", "operator": "starts_with", "value": "2"}');

--
-- Literals that can't be coerced: a warning when written, unknown when checked
--
SELECT attribute || ' ' || operator || ' ' || value || ' => ' || try(format('{"attribute": "%s", "operator": "%s", "value": %s}', attribute,
	operator, value)) FROM (VALUES
	('user.number', 'eq', '"five"'), ('user.number', 'gt', '"5 "'), ('user.number', 'in', '[1, "2", "x", null]'),
	('user.number', 'between', '["a", 2]'),
	('user.number', 'eq', '{"k": 1}'), ('user.flag', 'eq', '"TRUE"'), ('user.flag', 'eq', '1'), ('user.date', 'gt', '"2024-02-30"'),
	('user.date', 'between', '["2024-01-01", "soon"]'), ('user.ip', 'eq', '"10.0.0.300"'), ('user.dates', 'contains', '"x"'),
	('user.id', 'eq', 'true'),
	('user.number', 'in_cidr', '"10.0.0.0/8"')) AS v (attribute, operator, value);

--
-- Attributes that nobody defined
--
\set tree '{"and": [{"attribute": "user.departmant", "operator": "eq", "value": "$resource.owner"}, {"attribute": "env.time_of_dya", "operator": "lt", "value": "12:00"}]}'
INSERT INTO abac_attribute_definitions (organization_id, name) VALUES (NULL, 'user.department'), ('o', 'user.departments'),
	('other', 'user.departmant');
SET abac.attribute_validation = off;
UPDATE abac_rules SET conditions = :'tree';
SET abac.attribute_validation = warn;
UPDATE abac_rules SET conditions = 'true';
UPDATE abac_rules SET conditions = :'tree';
-- only what is written now
UPDATE abac_rules SET description = 'x';
-- an organization's rule knows its organization's definitions, too
INSERT INTO abac_rules (organization_id, name, conditions) VALUES
	('o', 'of o', '{"attribute": "subject.departmentz", "operator": "in", "value": "$user.departments"}'),
	('other', 'of other', '{"attribute": "user.departmant", "operator": "eq", "value": "$user.departments"}');
DELETE FROM abac_rules WHERE organization_id IS NOT NULL;
UPDATE abac_rules SET conditions = 'true';
SET abac.attribute_validation = strict;
SELECT try(:'tree');
SELECT try('{"attribute": "user.department", "operator": "eq", "value": "$user.xyz"}');
SELECT try('{"attribute": "user.department", "operator": "exists", "value": true}');
-- what the engine knows by itself needs no definition
SELECT attribute || ' ' || try(format('{"attribute": "%s", "operator": "exists", "value": true}',
	attribute)) FROM unnest('{user.id,user.roles,user.role,user.teams,resource.type,
	resource.id,context.action,env.now,env.date,env.time_of_day,env.day_of_week,env.time_hour}'::text[]) AS attribute;
SELECT attempt('INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) SELECT id, ''user.depratment'', ''eq'', ''1'' FROM abac_permissions');
SELECT attempt('INSERT INTO abac_policy_rules (organization_id, name, conditions) VALUES (''o'', ''legacy'', ''{"attr": "user.xyz", "op": "exists", "val": true}'')');
-- a literal that can't be coerced is no error even then
SELECT try('{"attribute": "user.number", "operator": "eq", "value": "five"}');

TRUNCATE abac_attribute_definitions, abac_rules, abac_rule_groups, abac_rule_group_members, abac_policies, abac_policy_rule_groups,
	abac_policy_assignments,
	abac_user_attributes, abac_permissions, abac_role_permissions, abac_user_permissions, abac_conditions, abac_policy_rules;
DROP FUNCTION attempt(text), try(text, jsonb), deep(int), deep_branches(int), wide(int), wide_and_flat(int);
