-- Repeats the requests of bench_distinct, in no order, to :rows rows of
-- bench_requests; and stops if abac decides one otherwise than is written down.

DO $$
DECLARE
	wrong record;
BEGIN
	FOR wrong IN SELECT * FROM bench_distinct WHERE abac_check(user_id, action, resource, ctx) IS DISTINCT FROM expected LOOP
		RAISE 'not the expected decision: %', wrong;
	END LOOP;
END $$;

CREATE TABLE bench_requests AS
SELECT d.*
FROM bench_distinct d, (SELECT ceil(:rows / count(*)::numeric)::int FROM bench_distinct) c (copies), generate_series(1, copies) n
ORDER BY n, md5(d.id::text)
LIMIT :rows;
VACUUM ANALYZE;
CHECKPOINT;
