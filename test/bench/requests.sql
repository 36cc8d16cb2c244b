-- Requests to the world of test/world.sql, repeated to :rows rows.
CREATE TABLE bench_requests AS
SELECT u, a, r, c
FROM (VALUES
	('nurse.bell', 'read', 'record:r-104', '{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "10.20.4.17"}}'::jsonb),
	('nurse.bell', 'read', 'record:r-104', '{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "198.51.100.7"}}'),
	('dr.okafor', 'sign', 'prescription', '{"scope": {"workspace": "ward-3"}}'),
	('dr.okafor', 'read', 'dataset:d1', '{"scope": {"project": "trial-17"}}'),
	('moss.clerk', 'export', 'record:r-104', '{"scope": {"organization": "riverside"}, "env": {"mfa": true}}'),
	('finch', 'read', 'record:r-1', '{"scope": {"organization": "riverside"}, "resource": {"sensitivity": 2}}'),
	('cleo.frank', 'comment', 'document:x', '{"scope": {"project": "aurora"}, "resource": {"tags": ["shared"]}}'),
	('dot.ivers', 'write', 'document:x', '{"scope": {"organization": "kestrel"}, "resource": {"owner_id": "dot.ivers"}}')
) request (u, a, r, c), generate_series(1, :rows / 8);
ANALYZE bench_requests;
