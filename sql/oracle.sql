-- The engine against a second reading of DESIGN (test/oracle.sql) that shares no code with it, in worlds and on
-- requests made up by test/generate.sql.  To look into a difference, run compare() by hand with its seed and read
-- the table "differences".
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/oracle.sql'
\set generate :abs_srcdir '/test/generate.sql'
SET client_min_messages = error;
\set ECHO none
\i :oracle
\i :generate
\set ECHO all

CREATE TEMP TABLE differences (seed int, user_id text, action text, resource text, ctx jsonb, oracle text, explain text, "check" text);
CREATE TEMP TABLE reasons (decision boolean, reason text);

-- What the engine says: a ctx that is an error there is one here.
CREATE FUNCTION ask_engine(user_id text, action text, resource text, ctx jsonb, OUT explained jsonb, OUT checked boolean) LANGUAGE plpgsql AS $$
BEGIN
	explained := abac_explain(user_id, action, resource, ctx);
	checked := abac_check(user_id, action, resource, ctx);
EXCEPTION WHEN invalid_parameter_value THEN
	explained := '{"reason": "error"}';
	checked := NULL;
END
$$;
-- Number of requests asked in this world, and of rows that could not be put into it, other than for an operator's
-- value (the generator tries some that an operator does not take).
CREATE FUNCTION compare(seed int, requests int, broken boolean, OUT asked int, OUT refused int) LANGUAGE plpgsql AS $$
DECLARE
	moment timestamptz := greatest(transaction_timestamp(), statement_timestamp());
	request record;
	said record;
	engine record;
BEGIN
	PERFORM oracle.generate_world(seed);
	SELECT count(*) INTO refused FROM oracle.refusals WHERE message NOT LIKE 'wrong value for operator %';
	IF broken THEN
		PERFORM oracle.break_world(seed);
	END IF;
	asked := 0;
	FOR request IN SELECT * FROM oracle.generate_requests(seed, requests) LOOP
		asked := asked + 1;
		said := oracle.decide(request.user_id, request.action, request.resource, request.ctx, moment);
		engine := ask_engine(request.user_id, request.action, request.resource, request.ctx);
		INSERT INTO reasons VALUES (said.decision, said.reason);
		IF (said.decision, said.reason) IS DISTINCT FROM ((engine.explained -> 'decision')::boolean, engine.explained ->> 'reason')
			OR said.decision IS DISTINCT FROM engine.checked THEN
			INSERT INTO differences VALUES (seed, request.user_id, request.action, request.resource, request.ctx,
				concat(said.decision, ' ', said.reason), concat(engine.explained ->> 'decision', ' ', engine.explained ->> 'reason'), engine.checked::text);
		END IF;
	END LOOP;
END
$$;

-- worlds that the guards allow
SELECT sum(asked) AS asked, sum(refused) AS refused FROM generate_series(1, 12) AS seed, compare(seed, 200, false);
SELECT count(*) AS differences FROM differences;
-- worlds with what only replication or disabled triggers let in
SELECT sum(asked) AS asked, sum(refused) AS refused FROM generate_series(101, 106) AS seed, compare(seed, 150, true);
SELECT count(*) AS differences FROM differences;
-- a difference is what fails this test: show the first ones
SELECT * FROM differences LIMIT 5;
-- every reason was among the answers
SELECT reason, bool_or(decision) AS allows, bool_or(NOT decision) AS denies FROM reasons GROUP BY reason ORDER BY reason COLLATE "C";

-- The comparison can fail: what the engine says of one user isn't what the oracle says of another.
DO $$ BEGIN PERFORM oracle.generate_world(1); END $$;
SELECT abac_grant_super_admin('alice') \g /dev/null
SELECT count(*) > 0 AS found
FROM oracle.generate_requests(1, 50) AS r, LATERAL oracle.decide('bob', r.action, r.resource, r.ctx, now()) AS d,
	LATERAL ask_engine('alice', r.action, r.resource, r.ctx) AS e
WHERE d.reason IS DISTINCT FROM e.explained ->> 'reason';

DROP FUNCTION compare(int, int, boolean), ask_engine(text, text, text, jsonb);
SELECT oracle.empty_world() \g /dev/null
DROP SCHEMA oracle CASCADE;
