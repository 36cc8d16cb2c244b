-- Compares what is said of rows, in more worlds than the suite does (sql/rows.sql): see test/compare_rows.sql. In a
-- database of its own with the extension installed, as a superuser:
--
--     psql -X -q -v first=1 -v last=3 -f test/rows.sql
--
-- first, last: the seeds. Each takes five worlds (test/generate_rows.sql says what makes them differ) and one more for
-- the places of statements; some 20 to 30 seconds. Makes the schemas oracle and rows, which stay, empties the abac_
-- tables, and uses the role regress_abac_reader. It prints what was compared, then the differences: "wanted" is what
-- the call says of a row that no plan looks into (under "oracle": what the oracle says of it), "got" what was said
-- instead. To see one again (a seed above 4000 with the abac.timezone below):
--
--     SELECT oracle.generate_row_world(seed, rows_each, style);
--     SELECT oracle.create_reader(), abac_set_user(user_id, false), abac_set_context(ctx, false);	-- forms "rls, ..."
--
-- and its "statement", which for the form "oracle" gives the explanation, too.
\if :{?first} \else
\set first 1
\endif
\if :{?last} \else
\set last :first
\endif
\set ON_ERROR_STOP on
SET client_min_messages = error;
\ir oracle.sql
\ir generate.sql
\ir generate_rows.sql
\ir compare_rows.sql
SELECT oracle.create_tables(), oracle.create_reader() \g /dev/null

\echo 'One condition for each user, against the oracle:'
SELECT seed, c.* FROM generate_series(:first, :last) AS seed, oracle.compare_rows(seed, 8, 84, true, NULL, 'leaves') AS c;
\echo 'The same where every column is defined, against the text form, too:'
SELECT seed, c.* FROM generate_series(:first, :last) AS seed, oracle.compare_rows(1000 + seed, 8, 56, true, NULL, 'friendly leaves') AS c;
\echo 'Many policies, roles, members, against the oracle:'
SELECT seed, c.* FROM generate_series(:first, :last) AS seed, oracle.compare_rows(2000 + seed, 8, 42, true, NULL, 'world') AS c;
\echo 'The same with what only replication lets in, and with another abac.timezone:'
SET abac.timezone = 'America/St_Johns';
SELECT seed, c.* FROM generate_series(:first, :last) AS seed, oracle.compare_rows(4000 + seed, 8, 28, true, NULL, 'broken') AS c;
SELECT seed, c.* FROM generate_series(:first, :last) AS seed, oracle.compare_rows(5000 + seed, 8, 56, true, NULL, 'leaves') AS c;
RESET abac.timezone;
\echo 'All the places of statements:'
SELECT seed, c.* FROM generate_series(:first, :last) AS seed,
	oracle.compare_rows(3000 + seed, 5, 14, false, '', CASE seed % 3 WHEN 0 THEN 'world' WHEN 1 THEN 'leaves' ELSE 'friendly leaves' END) AS c;

\echo 'Differences:'
SELECT form, count(*), count(DISTINCT (seed, style, user_id)) AS users FROM oracle.row_differences GROUP BY form ORDER BY form;
\x on
SELECT * FROM oracle.row_differences ORDER BY seed, style, user_id, form, k LIMIT 20;
\x off
-- roles are the cluster's, and the suite (sql/rows.sql) has this one, too
DROP OWNED BY regress_abac_reader;
DROP ROLE regress_abac_reader;
