-- A check with a real product's rules, users and roles: does their data go in
-- as it is?  The data is a file of the form
--
--     {"name": ..., "tables": {"abac_...": [{column: value, ...}, ...], ...}}
--
-- and is given on the command line; run this in a fresh database:
--
--     psql -v world=/path/to/world.json -f test/prismatica.sql
--
-- Every table is filled in the order of the file, from the columns its rows
-- name, so that the others get their defaults.  Warnings about attributes that
-- nobody defined are to be expected: the product has some.

\set ON_ERROR_STOP on
\if :{?world}
\else
	\echo 'say where the data is: psql -v world=/path/to/world.json -f test/prismatica.sql'
	\quit
\endif
\set content `cat :'world'`

BEGIN;
CREATE EXTENSION IF NOT EXISTS abac;

-- json, not jsonb: it keeps the order of the tables
CREATE TEMP TABLE prismatica ON COMMIT PRESERVE ROWS AS
SELECT t.key AS table_name, t.value::jsonb AS rows, t.ordinality AS load_order, NULL::bigint AS loaded
FROM json_each(:'content'::json -> 'tables') WITH ORDINALITY t;

DO $$
DECLARE
	t prismatica;
	columns text;
BEGIN
	FOR t IN SELECT * FROM prismatica ORDER BY load_order LOOP
		SELECT string_agg(DISTINCT quote_ident(c), ', ') INTO columns
		FROM jsonb_array_elements(t.rows) r, jsonb_object_keys(r) c;
		EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$I, $1)',
					   t.table_name, columns)
		USING t.rows;
		EXECUTE format('UPDATE prismatica SET loaded = (SELECT count(*) FROM %I) WHERE table_name = $1', t.table_name)
		USING t.table_name;
	END LOOP;
END $$;
COMMIT;

\echo
\echo '=== Rows in the file and in the tables'
SELECT table_name, jsonb_array_length(rows) AS in_file, loaded AS in_table,
	   CASE WHEN loaded = jsonb_array_length(rows) THEN 'ok' ELSE 'NOT OK' END AS result
FROM prismatica ORDER BY load_order;

-- Two of its organizations; the third is asked for through its workspace.
\set acme   '{"organization": "d0000000-0000-0000-0000-000000000001"}'
\set globex '{"organization": "d0000000-0000-0000-0000-000000000002"}'
\set studio '{"workspace": "f0000000-0000-0000-0000-000000000003"}'

CREATE TEMP TABLE question (n serial, who text, user_id text, action text, resource text, scope jsonb, ctx jsonb, reason text);
INSERT INTO question (who, user_id, action, resource, scope, ctx, reason) VALUES
	('platform administrator', 'a0000000-0000-0000-0000-000000000001', 'delete', 'collection:1', :'globex', '{}', 'super_admin'),
	('support, granted directly', 'a0000000-0000-0000-0000-000000000002', 'manage', 'user:1', :'globex', '{}', 'user_allow'),
	('engineer, denied directly', 'c0000000-0000-0000-0000-000000000002', 'delete', 'organization:1', :'acme', '{}', 'user_deny'),
	('engineer, in office hours', 'c0000000-0000-0000-0000-000000000002', 'read', 'collection:1', :'acme',
	 '{"env": {"time_of_day": "10:00"}, "resource": {"sensitivity": 2}}', 'policy_allow'),
	('engineer, top secret', 'c0000000-0000-0000-0000-000000000002', 'read', 'collection:1', :'acme',
	 '{"env": {"time_of_day": "10:00"}, "resource": {"sensitivity": 5}}', 'policy_deny'),
	('finance', 'c0000000-0000-0000-0000-000000000003', 'delete', 'billing:1', :'globex', '{"env": {"mfa_verified": false}}', 'legacy_allow'),
	('owner', 'c0000000-0000-0000-0000-000000000003', 'delete', 'collection:1', :'globex', '{"env": {"mfa_verified": false}}', 'role_allow'),
	-- as the product has it: "Billing Off-Hours Deny" holds the group "MFA Required"
	('owner, with MFA', 'c0000000-0000-0000-0000-000000000003', 'delete', 'collection:1', :'globex', '{"env": {"mfa_verified": true}}', 'policy_deny'),
	('analyst, grant expired', 'c0000000-0000-0000-0000-000000000004', 'manage', 'dashboard:1', :'globex', '{}', 'no_match'),
	('studio''s owner', 'c0000000-0000-0000-0000-000000000005', 'read', 'collection:1', :'studio', '{}', 'role_allow'),
	('studio''s owner, denied directly', 'c0000000-0000-0000-0000-000000000005', 'manage', 'billing:1', :'studio', '{}', 'user_deny'),
	('studio''s owner, elsewhere', 'c0000000-0000-0000-0000-000000000005', 'read', 'collection:1', :'acme', '{"resource": {"sensitivity": 0}}', 'no_match'),
	('a project of another tenant', 'c0000000-0000-0000-0000-000000000002', 'read', 'collection:1',
	 :'acme'::jsonb || '{"project": "e0000000-0000-0000-0000-000000000002"}', '{}', 'scope_mismatch');
UPDATE question SET ctx = ctx || jsonb_build_object('scope', scope);

\echo '=== Some decisions'
SELECT q.n, q.who, q.action, q.resource, abac_explain(user_id, action, resource, ctx) ->> 'reason' AS reason,
	   CASE WHEN abac_explain(user_id, action, resource, ctx) ->> 'reason' = q.reason
				 AND (q.reason IN ('super_admin', 'user_allow', 'policy_allow', 'role_allow', 'legacy_allow'))
					 = abac_check(user_id, action, resource, ctx)
			THEN 'ok' ELSE 'NOT OK, should be ' || q.reason END AS result
FROM question q ORDER BY n;

-- Anything that isn't ok makes psql end with an error.
DO $$
BEGIN
	IF EXISTS (SELECT FROM prismatica WHERE loaded <> jsonb_array_length(rows)) THEN
		RAISE EXCEPTION 'rows are missing, or were there before';
	END IF;
	IF EXISTS (SELECT FROM question q WHERE abac_explain(user_id, action, resource, ctx) ->> 'reason' <> q.reason) THEN
		RAISE EXCEPTION 'a decision is not the expected one';
	END IF;
END $$;
