-- What a session takes for what it remembers, in bytes.

CREATE FUNCTION bench_memory(wanted text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts
	WHERE name = 'abac cache' AND ident = coalesce(wanted, ident)
$$;

-- How many of so many users, each asked about once, may.
CREATE FUNCTION bench_check_users(first int, last int) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM generate_series(first, last) i
	WHERE abac_check('user-' || i, 'write', 'doc:1', jsonb_build_object('scope', '{"organization": "org"}'::jsonb,
		'resource', jsonb_build_object('owner', 'user-' || i), 'env', '{"ip": "10.1.1.1"}'::jsonb))
$$;

-- The most that is taken between checks while so many users are asked about.
CREATE FUNCTION bench_peak(users int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	most bigint := 0;
BEGIN
	FOR i IN 1..users LOOP
		PERFORM bench_check_users(i, i);
		most := greatest(most, bench_memory());
	END LOOP;
	RETURN most;
END $$;
