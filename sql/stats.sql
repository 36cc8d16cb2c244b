--
-- abac_stats(): what the session's checks came to.
--

INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
INSERT INTO abac_user_permissions (user_id, permission_id, granted)
SELECT u, id, true FROM abac_permissions, (VALUES ('ann'), ('bob')) v (u);

-- what is counted, since the last time this was asked
CREATE FUNCTION counts(OUT checks bigint, OUT hits bigint, OUT misses bigint, OUT loads boolean,
	OUT policies bigint, OUT facts bigint, OUT users bigint, OUT evictions bigint)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT s.checks, s.hits, s.misses, s.loads > 0, s.policy_invalidations, s.fact_invalidations, s.user_invalidations, s.evictions
	INTO counts.checks, counts.hits, counts.misses, counts.loads, counts.policies, counts.facts, counts.users, counts.evictions
	FROM abac_stats() s;
	PERFORM abac_stats_reset();
END
$$;
CREATE FUNCTION ask() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(u || ' ' || abac_check(u, 'read', 'doc:1')::text, ', ' ORDER BY u) FROM (VALUES ('ann'), ('bob'), ('carl')) v (u)
$$;

-- nothing yet
SELECT abac_stats_reset();
SELECT * FROM counts();
SELECT slowest_ms, slowest_user, slowest_action, slowest_resource FROM abac_stats();

-- the first time everybody is looked up, then nobody
SELECT ask();
SELECT * FROM counts();
SELECT ask();
SELECT * FROM counts();

-- a request that is invalid needs nothing, and isn't decided by a plan
SELECT abac_check('', 'read', 'doc');
SELECT * FROM counts();

-- the session's own changes, and what they cost it
INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('carl', '{}');
SELECT ask();
SELECT checks, hits, misses, policies, facts > 0 AS facts, users > 0 AS users FROM counts();
INSERT INTO abac_roles (name) VALUES ('r');
SELECT ask();
SELECT checks, hits, misses, loads, policies, facts, users FROM counts();

-- more people than there is room for
SET abac.cache_size = '1MB';
SELECT count(*) FROM generate_series(1, 3000) i WHERE abac_check('user ' || i, 'read', 'doc:1');
SELECT checks, misses, policies, facts, evictions > 0 AS evictions FROM counts();
RESET abac.cache_size;

-- memory, and the slowest check: the first one after a change is slower than any other
SELECT policy_bytes > 0 AS policies, fact_bytes > 0 AS facts, subject_bytes > 0 AS subjects FROM abac_stats();
SELECT abac_stats_reset();
SELECT abac_check('dora', 'read', 'doc:7');
SELECT slowest_ms > 0 AS took_time, slowest_user, slowest_action, slowest_resource FROM abac_stats();
-- a name is cut where a character ends
SELECT abac_stats_reset();
SELECT abac_check(repeat('ä', 500), repeat('x', 500), 'doc:' || repeat('€', 500));
SELECT slowest_user = repeat('ä', 63) AS "user", slowest_action = repeat('x', 127) AS action,
	slowest_resource = 'doc:' || repeat('€', 42) AS resource
FROM abac_stats();

-- rows of a table count as well, where they are asked about one by one
CREATE TABLE docs (id text PRIMARY KEY, owner text);
INSERT INTO docs SELECT i, 'ann' FROM generate_series(1, 10) i;
SELECT abac_register('docs', 'doc', id_column => 'id');
SELECT abac_stats_reset();
SELECT count(*) FROM docs WHERE abac_check('ann', 'read', docs.*, jsonb_build_object('env', jsonb_build_object('id', id)));
SELECT checks, hits, misses FROM abac_stats();

-- an error between doesn't time what comes after it
SELECT abac_stats_reset();
DO $$
BEGIN
	PERFORM abac_check('ann', 'read', 'doc', '{"scope": 1}');
EXCEPTION WHEN invalid_parameter_value THEN
	NULL;
END
$$;
SELECT checks, misses, slowest_ms FROM abac_stats();

SELECT abac_unregister('docs');
DROP TABLE docs;
DROP FUNCTION counts, ask;
DELETE FROM abac_user_attributes;
DELETE FROM abac_user_permissions;
DELETE FROM abac_permissions;
DELETE FROM abac_roles;
