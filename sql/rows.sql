-- The row form against the second reading of DESIGN §7 (test/oracle.sql), and every place of a statement where the call
-- may stand against a call that no plan looks into (test/compare_rows.sql). To look into a difference, see test/rows.sql,
-- which does more of the same.
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle :abs_srcdir '/test/oracle.sql'
\set generate :abs_srcdir '/test/generate.sql'
\set generate_rows :abs_srcdir '/test/generate_rows.sql'
\set compare_rows :abs_srcdir '/test/compare_rows.sql'
SET client_min_messages = error;
\set ECHO none
\i :oracle
\i :generate
\i :generate_rows
\i :compare_rows
\set ECHO all

SELECT oracle.create_tables(), oracle.create_reader() \g /dev/null
-- every verdict is the truth of one user's condition
SELECT sum(asked) AS asked, sum(allowed) > 0 AS allowed, sum(unknown) > 0 AS unknown
FROM oracle.compare_rows(1, 6, 84, true, NULL, 'leaves');
-- the text form says the same where it is comparable
SELECT sum(asked) AS asked, sum(texts) > 0 AS texts, sum(allowed) > 0 AS allowed, sum(unknown) > 0 AS unknown
FROM oracle.compare_rows(11, 6, 42, true, NULL, 'friendly leaves');
-- worlds of many policies, roles, members
SELECT sum(asked) AS asked, sum(allowed) > 0 AS allowed, sum(unknown) > 0 AS unknown
FROM oracle.compare_rows(3, 6, 35, true, NULL);
-- all the places
DELETE FROM oracle.forms WHERE files;
SELECT sum(compared) AS compared, sum(allowed) > 0 AS allowed, sum(unknown) > 0 AS unknown
FROM oracle.compare_rows(5, 5, 7, false, '', 'leaves');
-- a difference is what fails this test: show the first ones
SELECT count(*) AS differences FROM oracle.row_differences;
SELECT * FROM oracle.row_differences LIMIT 5;

-- The comparison can fail: what is said of one user isn't what is said of another.
SELECT oracle.generate_row_world(1, 6, 'leaves') \g /dev/null
SELECT count(*) > 0 AS found FROM rows.parent AS t, generate_series(1, 20) AS n, oracle.decide_row('u' || n, 'read', t, '{}', now()) AS d
WHERE d.decision IS DISTINCT FROM abac_check('u' || n + 1, 'read', t.*);

DELETE FROM abac_relations;
SELECT oracle.empty_world() \g /dev/null
DROP OWNED BY regress_abac_reader;
DROP ROLE regress_abac_reader;
DROP SCHEMA rows, oracle CASCADE;
