-- Requests: arguments, ctx, and what is wrong with them.
SET abac.attribute_validation = off;
BEGIN;
-- ann and the users 7 and 00000000-0000-4000-8000-00000000000a may read a doc whose id starts with 1, and any note
INSERT INTO abac_rules (name, resource_type, target_actions, conditions) VALUES ('docs', 'doc', '{read}',
	'{"attribute": "resource.id", "operator": "starts_with", "value": "1"}'), ('notes', 'note', NULL, NULL);
INSERT INTO abac_rule_groups (name) VALUES ('docs'), ('notes');
INSERT INTO abac_policies (name) VALUES ('docs'), ('notes');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups AS g JOIN abac_rules AS r USING (name);
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id,
	g.id FROM abac_policies AS p JOIN abac_rule_groups AS g USING (name);
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT p.id, 'user', u FROM abac_policies AS p,
	unnest('{ann,7,-9223372036854775808,00000000-0000-4000-8000-00000000000a}'::text[]) AS u;
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', '42', 'organization', '5');

-- NULL and empty: denied, and never NULL
SELECT u, a, r, c, abac_check(u, a, r, c), abac_explain(u, a, r, c) ->> 'reason' AS reason FROM (VALUES
	('ann', 'read', 'doc:1', '{}'::jsonb), (NULL, 'read', 'doc:1', '{}'), ('', 'read', 'doc:1', '{}'), ('ann', NULL, 'doc:1', '{}'),
	('ann', '', 'doc:1', '{}'), ('ann', 'read', NULL, '{}'), ('ann', 'read', '', '{}'), ('ann', 'read', ':1', '{}'),
	('ann', 'read', ':', '{}'), ('ann', 'read', 'doc:1', NULL), (NULL, NULL, NULL, NULL),
	('ann', 'read', 'doc:1', '{"user": {}, "resource": {}, "env": {}, "context": {}, "scope": {}}')) AS v (u, a, r, c);
-- before anything else: also before ctx is looked at, and before a super admin
SELECT abac_grant_super_admin('root') \g /dev/null
SELECT abac_check('', 'read', 'doc:1', '[]'), abac_check('root', 'read', ':1', '{"bad": 1}'), abac_check('root', NULL, 'doc', 'null'),
	abac_check('root', 'read', 'doc', NULL);
-- "type" or "type:id", at the first colon
SELECT r, abac_check('ann', 'read', r), abac_explain('ann', 'read',
	r) ->> 'reason' AS reason FROM unnest('{doc:1,doc:1:2,doc:12,doc:2,doc:,doc,"doc: 1",doc1:1,Doc:1,doc::1,note,note:,note:x,note:é🔑," note",*}'::text[]) AS r;

--
-- ctx
--
-- ERROR 22023 for what no caller can have meant
CREATE FUNCTION attempt(ctx jsonb, u text DEFAULT 'ann') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
	result boolean;
BEGIN
	result := abac_check(u, 'read', 'doc:1', ctx);
	RETURN CASE WHEN result THEN 'allowed' ELSE 'denied: ' || (abac_explain(u, 'read', 'doc:1', ctx) ->> 'reason') END;
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', state || ' ' || message, nullif(detail, ''), nullif('Hint: ' || hint, 'Hint: '));
END
$$;
\pset format unaligned
\pset tuples_only on
SELECT ctx::text || E'\n  ' || attempt(ctx) FROM unnest(ARRAY['[]', '"x"', '5', 'true', 'null', '{"usr": {}}',
	'{"user": {}, "subject": {}}', '{"environment": {}}', '{"": {}}', '{"user": {"x": 1}, "Scope": {}}',
	'{"user": null}', '{"user": []}', '{"resource": "doc"}', '{"env": 5}', '{"context": true}',
	'{"scope": null}', '{"scope": []}', '{"scope": "o1"}', '{"scope": {"team": "t1"}}',
	'{"scope": {"organization": "5", "workspaces": "w"}}', '{"scope": {"organization": true}}', '{"scope": {"organization": {"id": 5}}}',
	'{"scope": {"project": [42]}}',
	-- denied, not an error: an id that is null or empty
	'{"scope": {"organization": null}}', '{"scope": {"organization": ""}}', '{"scope": {"organization": "5", "project": null}}',
	'{"scope": {"workspace": ""}}',
	-- ids are strings or numbers
	'{"scope": {"organization": 5}}', '{"scope": {"organization": "5"}}', '{"scope": {"project": 42}}',
	'{"scope": {"project": "42", "organization": 5}}', '{"scope": {"project": 42, "organization": 5.0}}', '{"scope": {"project": 42.0}}',
	'{"scope": {"project": 42, "organization": 6}}',
	'{"scope": {}}', '{"user": {"id": null, "x": [1, {"y": null}]}, "env": {}}']::jsonb[]) AS ctx;
-- whoever asks: a super admin, or somebody who is nobody
SELECT attempt('{"usr": {}}', 'root'), attempt('{"usr": {}}', 'nobody');
ROLLBACK;
\pset format aligned
\pset tuples_only off
-- and so for every function
SELECT abac_explain('nobody', 'read', 'nothing', '[]');
SELECT abac_can('read', 'nothing', '5');

--
-- The functions
--
BEGIN;
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT u, id, true FROM abac_permissions,
	unnest('{ann,7,-9223372036854775808,00000000-0000-4000-8000-00000000000a}'::text[]) AS u;
-- text, uuid, bigint; an untyped literal is text
SELECT abac_check('ann', 'read', 'doc'), abac_check('7', 'read', 'doc'), abac_check(7, 'read', 'doc'),
	abac_check(7::smallint, 'read', 'doc'), abac_check(7::bigint, 'read', 'doc'), abac_check(-9223372036854775808, 'read', 'doc'),
	abac_check(8, 'read', 'doc'),
	abac_check('00000000-0000-4000-8000-00000000000a', 'read', 'doc'),
	abac_check('00000000-0000-4000-8000-00000000000A'::uuid, 'read', 'doc'),
	abac_check('00000000-0000-4000-8000-00000000000A', 'read', 'doc') AS "text is text",
	abac_check('00000000-0000-4000-8000-00000000000b'::uuid, 'read', 'doc'), abac_check('ann'::varchar, 'read'::varchar, 'doc'::varchar);
SELECT abac_check(NULL, 'read', 'doc'), abac_check(NULL::uuid, 'read', 'doc'), abac_check(NULL::bigint, 'read', 'doc'),
	abac_explain(NULL::uuid, 'read', 'doc') ->> 'reason', abac_explain(NULL::bigint, 'read', 'doc') ->> 'reason';
-- by name, and in any order
SELECT abac_check(user_id => 'ann', action => 'read', resource => 'doc'),
	abac_check(ctx => '{}', resource => 'doc', action => 'read', user_id => 7),
	abac_check(user_id => '00000000-0000-4000-8000-00000000000a'::uuid, action => 'read', resource => 'doc', ctx => '{}'),
	abac_require(user_id => 'ann', action => 'read', resource => 'doc', ctx => '{}'),
	abac_explain(user_id => 7, action => 'read', resource => 'doc') ->> 'reason',
	abac_can(action => 'read', resource => 'doc', ctx => '{}');
-- the others, for each type
SELECT abac_explain('7', 'read', 'doc') ->> 'user', abac_explain(7, 'read', 'doc') ->> 'user',
	abac_explain('00000000-0000-4000-8000-00000000000A'::uuid, 'read', 'doc') ->> 'user',
	abac_explain(7, 'read', 'doc') = abac_explain('7', 'read', 'doc') AS same;
SELECT abac_explain_text('ann', 'read', 'doc') AS text, abac_explain_text(7, 'read', 'doc') = abac_explain_text('7', 'read',
	'doc') AS "bigint",
	abac_explain_text('00000000-0000-4000-8000-00000000000a'::uuid, 'read',
	'doc') = abac_explain_text('00000000-0000-4000-8000-00000000000a'::text, 'read', 'doc') AS "uuid";
-- in queries: with columns, prepared, through a function
SELECT u.id, abac_check(u.id, a, 'doc') FROM (VALUES (6), (7), (8)) AS u (id), unnest('{read,write}'::text[]) AS a ORDER BY 1,
	a COLLATE "C";
SELECT count(*) FILTER (WHERE abac_check(i, 'read', 'doc')) FROM generate_series(1, 1000) AS i;
PREPARE ask(bigint, text) AS SELECT abac_check($1, $2, 'doc');
EXECUTE ask(7, 'read');
EXECUTE ask(7, 'write');
EXECUTE ask(NULL, 'read');
DEALLOCATE ask;
-- what they are
SELECT proname, provolatile, proparallel, proisstrict, count(*),
	count(*) FILTER (WHERE prorettype = 'boolean'::regtype) AS boolean FROM pg_proc WHERE proname IN ('abac_check', 'abac_require',
	'abac_explain', 'abac_explain_text', 'abac_can')
GROUP BY 1, 2, 3, 4 ORDER BY proname COLLATE "C";
COMMIT;

--
-- abac_require: true, or ERROR 42501 whose DETAIL is the reason word
--
SELECT abac_require('ann', 'read', 'doc'), abac_require(7, 'read', 'doc'),
	abac_require('00000000-0000-4000-8000-00000000000a'::uuid, 'read', 'doc');
SELECT abac_require('ann', 'write', 'doc:secret', '{"user": {"password": "x"}}');
\echo :SQLSTATE
SELECT abac_require(8, 'read', 'doc');
\echo :SQLSTATE
SELECT abac_require('00000000-0000-4000-8000-00000000000b'::uuid, 'read', 'doc');
SELECT abac_require(NULL, 'read', 'doc');
\echo :SQLSTATE
SELECT abac_require('ann', 'read', 'doc', NULL);
SELECT abac_require('ann', 'read', 'doc', '{"scope": {"project": "nowhere"}}');
SELECT abac_require('ann', 'read', 'doc', '{"usr": {}}');
\echo :SQLSTATE
-- every other reason to deny
INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT 'bob', id, false FROM abac_permissions;
SELECT abac_require('bob', 'read', 'doc');
INSERT INTO abac_policy_rules (organization_id, name, effect) VALUES ('o1', 'no', 'deny');
SELECT abac_require('cat', 'read', 'doc', '{"scope": {"organization": "o1"}}');
INSERT INTO abac_rules (name) VALUES ('r');
INSERT INTO abac_rule_groups (name) VALUES ('g');
INSERT INTO abac_policies (name, effect) VALUES ('p', 'deny');
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups AS g, abac_rules AS r;
INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies AS p, abac_rule_groups AS g;
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'dan' FROM abac_policies;
SELECT abac_require('dan', 'read', 'doc');
UPDATE abac_policies SET effect = 'allow', default_effect = 'deny';
UPDATE abac_rules SET conditions = 'false';
SELECT abac_require('dan', 'read', 'doc');
-- in PL/pgSQL it is an exception like others
DO $$
BEGIN
	PERFORM abac_require('dan', 'read', 'doc');
	RAISE 'not reached';
EXCEPTION WHEN insufficient_privilege THEN
	RAISE NOTICE 'denied: %', SQLERRM;
END
$$;
-- ctx as it comes out of a row: with a short header, with a long one, compressed, and stored elsewhere
CREATE TABLE requests (how text, ctx jsonb);
ALTER TABLE requests ALTER ctx SET STORAGE EXTERNAL;
INSERT INTO requests VALUES
	('empty', '{}'),
	('short', '{"user": {"n": 1}}'),
	('longest short', jsonb_build_object('user', jsonb_build_object('n', repeat('x', 85)))),
	('long', jsonb_build_object('user', jsonb_build_object('n', repeat('x', 500)))),
	('elsewhere', jsonb_build_object('user', jsonb_build_object('n', repeat('x', 5000))));
ALTER TABLE requests ALTER ctx SET STORAGE EXTENDED;
INSERT INTO requests VALUES ('compressed', jsonb_build_object('user', jsonb_build_object('n', repeat('x', 5000)))),
	('null', NULL), ('wrong', '{"user": 1}');
SELECT how, pg_column_size(ctx) AS bytes, abac_check('dan', 'read', 'doc', ctx) AS checked, abac_can('read', 'doc', ctx) AS can
FROM requests WHERE how <> 'wrong' ORDER BY how;
SELECT abac_check('dan', 'read', 'doc', ctx) FROM requests WHERE how = 'wrong';
DROP TABLE requests;
TRUNCATE abac_policies, abac_policy_rule_groups, abac_policy_assignments, abac_rules, abac_rule_groups, abac_rule_group_members,
	abac_permissions, abac_role_permissions, abac_user_permissions, abac_conditions, abac_policy_rules;
