-- The first workload: test/world.sql, and who asks what there. What to expect
-- is written down by hand, from what the world's comments say.
--
-- One thing is left out for everybody: the regular expression on an invoice's
-- id, as Cedar has none. The hour and the day come with every request, because
-- the other engines have no clock.

DELETE FROM abac_policy_rule_groups WHERE rule_group_id IN (SELECT id FROM abac_rule_groups WHERE name = 'a proper reference');
DELETE FROM abac_rule_group_members WHERE group_id IN (SELECT id FROM abac_rule_groups WHERE name = 'a proper reference');
DELETE FROM abac_rules WHERE name = 'reference is well formed';

CREATE TABLE bench_distinct (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	user_id text NOT NULL,
	action text NOT NULL,
	resource text NOT NULL,
	ctx jsonb NOT NULL,
	expected boolean NOT NULL
);
INSERT INTO bench_distinct (user_id, action, resource, ctx, expected)
SELECT user_id, action, resource,
	jsonb_build_object(
		'scope', jsonb_build_object(split_part(scope, ' ', 1), split_part(scope, ' ', 2)),
		'resource', attributes::jsonb,
		'env', '{"now": "2026-06-15T12:00:00Z", "time_of_day": "12:00"}'::jsonb || env::jsonb,
		'context', context::jsonb),
	expected
FROM (VALUES
	-- Riverside: records
	(1, 'nurse.bell', 'read', 'record:r-104', 'workspace ward-3', '{"ward": "3"}', '{"ip": "10.20.4.17"}', '{}', true),
	(2, 'nurse.bell', 'read', 'record:r-104', 'workspace ward-3', '{"ward": "3"}', '{"ip": "198.51.100.7"}', '{}', false),
	(3, 'nurse.bell', 'read', 'record:r-104', 'workspace ward-3', '{"ward": "3"}', '{"ip": "198.51.100.7", "mfa": true}', '{}', true),
	(4, 'nurse.bell', 'read', 'record:r-105', 'workspace ward-3', '{"ward": "5"}', '{"ip": "10.20.4.17"}', '{}', false),
	(5, 'nurse.bell', 'read', 'record:r-106', 'workspace ward-3', '{"ward": "3", "sealed": true}', '{"ip": "10.20.4.17"}', '{}', false),
	(6, 'nurse.bell', 'read', 'record:r-107', 'workspace ward-3', '{"ward": "3", "tags": ["quarantine"]}', '{"ip": "10.20.4.17"}', '{}', false),
	(7, 'dr.okafor', 'read', 'record:r-107', 'workspace ward-3', '{"ward": "3", "tags": ["quarantine"]}', '{"ip": "10.20.4.17"}', '{}', true),
	(8, 'dr.tanaka', 'read', 'record:r-108', 'workspace ward-3', '{"ward": "3", "attending": "dr.tanaka"}', '{"ip": "10.20.4.18"}', '{}', true),
	(9, 'dr.tanaka', 'write', 'record:r-108', 'organization riverside', '{"ward": "3", "attending": "dr.tanaka"}', '{"mfa": true}', '{}', true),
	(10, 'dr.tanaka', 'read', 'record:r-109', 'workspace ward-3', '{"ward": "3", "attending": "dr.okafor"}', '{"ip": "10.20.4.18"}', '{}', false),
	(11, 'nurse.bell', 'read', 'record:r-104', 'workspace frontdesk', '{"ward": "3"}', '{"ip": "10.20.4.17", "time_of_day": "03:00"}', '{}', false),
	(12, 'nurse.bell', 'read', 'record:r-104', 'workspace frontdesk', '{"ward": "3"}', '{"ip": "10.20.4.17"}', '{}', true),
	(13, 'nurse.bell', 'read', 'record:r-104', 'workspace frontdesk', '{"ward": "3"}', '{"ip": "10.20.4.17", "time_of_day": "06:00"}', '{}', true),
	(14, 'nurse.bell', 'read', 'record:r-104', 'workspace frontdesk', '{"ward": "3"}', '{"ip": "10.20.4.17", "time_of_day": "22:01"}', '{}', false),
	(15, 'dr.tanaka', 'read', 'record:r-104', 'workspace frontdesk', '{"ward": "3"}', '{"time_of_day": "03:00"}',
		'{"emergency": true, "reason": "cardiac arrest"}', true),
	(16, 'dr.tanaka', 'read', 'record:r-104', 'workspace frontdesk', '{"ward": "3", "category": "psychiatry"}', '{"time_of_day": "03:00"}',
		'{"emergency": true, "reason": "cardiac arrest"}', false),
	(17, 'dr.tanaka', 'read', 'record:r-107', 'workspace ward-3', '{"ward": "3", "tags": ["quarantine"]}', '{}',
		'{"emergency": true, "reason": "cardiac arrest"}', true),
	(18, 'dr.tanaka', 'read', 'record:r-104', 'workspace ward-3', '{"ward": "3"}', '{}', '{"emergency": true}', false),
	(19, 'nurse.bell', 'read', 'record:r-105', 'workspace ward-3', '{"ward": "5"}', '{"ip": "10.20.4.17"}',
		'{"emergency": true, "reason": "cardiac arrest"}', false),
	(20, 'dr.reyes', 'read', 'record:r-104', 'workspace ward-3', '{"ward": "3"}', '{"ip": "10.20.4.17"}', '{}', false),
	(21, 'nurse.bell', 'read', 'record:r-104', 'workspace ward-3', '{"ward": "3"}', '{"ip": "203.0.113.9", "mfa": true}', '{}', false),
	(22, 'moss.clerk', 'export', 'record:r-104', 'organization riverside', '{"sensitivity": 1}', '{"mfa": true}', '{"reason": "referral"}', false),
	(23, 'ines.vale', 'export', 'record:r-104', 'organization riverside', '{}', '{}', '{}', true),
	(24, 'sam.osei', 'read', 'record:r-104', 'organization riverside', '{}', '{}', '{}', false),
	-- auditors
	(25, 'finch', 'read', 'record:r-1', 'organization riverside', '{"sensitivity": 2}', '{}', '{}', true),
	(26, 'finch', 'read', 'record:r-2', 'organization riverside', '{"sensitivity": 4}', '{}', '{}', false),
	(27, 'finch', 'read', 'invoice:inv-1', 'organization riverside', '{}', '{}', '{}', true),
	(28, 'finch', 'write', 'record:r-1', 'organization riverside', '{"sensitivity": 2}', '{}', '{}', false),
	(29, 'old.auditor', 'read', 'record:r-1', 'organization riverside', '{"sensitivity": 1}', '{}', '{}', false),
	(30, 'finch', 'read', 'record:r-3', 'organization riverside', '{"sensitivity": 3}', '{}', '{}', true),
	-- prescriptions and the trial
	(31, 'dr.okafor', 'sign', 'prescription', 'workspace ward-3', '{}', '{}', '{}', true),
	(32, 'nurse.bell', 'sign', 'prescription', 'workspace ward-3', '{}', '{}', '{}', false),
	(33, 'dr.reyes', 'sign', 'prescription', 'organization riverside', '{}', '{}', '{}', false),
	(34, 'dr.okafor', 'read', 'dataset:d-1', 'project trial-17', '{}', '{}', '{}', false),
	(35, 'dr.tanaka', 'read', 'dataset:d-1', 'project trial-17', '{}', '{}', '{}', true),
	(36, 'dr.tanaka', 'export', 'dataset:d-1', 'workspace lab', '{}', '{}', '{}', true),
	-- documents of the clinic
	(37, 'nurse.bell', 'write', 'document:n-1', 'organization riverside', '{"owner_id": "nurse.bell"}', '{}', '{}', true),
	(38, 'nurse.bell', 'read', 'document:n-2', 'organization riverside', '{"owner_id": "dr.okafor"}', '{}', '{}', false),
	(39, 'dr.okafor', 'publish', 'document:n-1', 'organization riverside', '{"owner_id": "nurse.bell"}', '{}', '{}', true),
	(40, 'dr.okafor', 'delete', 'document:n-1', 'organization riverside', '{"legal_hold": true}', '{}', '{}', false),
	(41, 'dr.okafor', 'delete', 'document:n-1', 'organization riverside', '{"legal_hold": false}', '{}', '{}', true),
	(42, 'dr.tanaka', 'write', 'document:n-3', 'project trial-17', '{}', '{}', '{}', true),
	(43, 'dr.tanaka', 'write', 'document:n-3', 'workspace ward-3', '{}', '{}', '{}', false),
	(44, 'moss.clerk', 'write', 'document:n-4', 'workspace frontdesk', '{"owner_id": "moss.clerk"}', '{"ip": "10.20.1.1"}', '{}', true),
	(45, 'sam.osei', 'read', 'document:n-1', 'organization riverside', '{}', '{}', '{}', true),
	(46, 'sam.osei', 'read', 'document:n-1', 'organization riverside', '{}', '{"ip": "2001:db8:bad::7"}', '{}', false),
	(47, 'ada.kestrel', 'read', 'document:n-1', 'organization riverside', '{}', '{}', '{}', false),
	-- Kestrel: publishing
	(48, 'ben.ruiz', 'publish', 'document:poster', 'project aurora', '{"release_date": "2020-01-01"}', '{}', '{}', true),
	(49, 'ben.ruiz', 'publish', 'document:poster', 'project aurora', '{"release_date": "2099-01-01"}', '{}', '{}', false),
	(50, 'ben.ruiz', 'publish', 'document:poster', 'project aurora', '{}', '{}', '{}', false),
	(51, 'ben.ruiz', 'publish', 'document:poster', 'organization kestrel', '{}', '{}', '{}', false),
	(52, 'ben.ruiz', 'write', 'document:poster', 'organization kestrel', '{}', '{}', '{}', true),
	(53, 'ben.ruiz', 'delete', 'document:poster', 'project aurora', '{}', '{}', '{}', true),
	(54, 'ben.ruiz', 'delete', 'document:poster', 'project aurora', '{"legal_hold": true}', '{}', '{}', false),
	(55, 'ben.ruiz', 'delete', 'document:poster', 'organization kestrel', '{}', '{}', '{}', false),
	-- moodboards, drafts, freelancers
	(56, 'ben.ruiz', 'comment', 'document:board', 'workspace moodboards', '{}', '{}', '{}', true),
	(57, 'dot.ivers', 'comment', 'document:board', 'workspace moodboards', '{"meta": {"client": {"confidential": true}}}', '{}', '{}', false),
	(58, 'dot.ivers', 'comment', 'document:board', 'workspace moodboards', '{"meta": {"client": {"confidential": false}}}', '{}', '{}', true),
	(59, 'cleo.frank', 'comment', 'document:board', 'workspace moodboards', '{}', '{}', '{}', false),
	(60, 'cleo.frank', 'comment', 'document:board', 'workspace moodboards', '{"tags": ["shared", "spring"]}', '{}', '{}', true),
	(61, 'cleo.frank', 'comment', 'document:poster', 'project aurora', '{"tags": ["shared"]}', '{}', '{}', true),
	(62, 'cleo.frank', 'comment', 'document:poster', 'project aurora', '{"tags": ["internal"]}', '{}', '{}', false),
	(63, 'cleo.frank', 'read', 'document:poster', 'project aurora', '{"tags": ["shared"], "title": "DRAFT poster", "owner_id": "ben.ruiz"}', '{}', '{}', false),
	(64, 'cleo.frank', 'read', 'document:poster', 'project aurora', '{"tags": ["shared"], "title": "DRAFT poster", "owner_id": "cleo.frank"}', '{}', '{}', true),
	(65, 'hugo.past', 'comment', 'document:poster', 'project aurora', '{"tags": ["shared"]}', '{}', '{}', false),
	(66, 'hugo.past', 'read', 'document:poster', 'organization kestrel', '{"owner_id": "hugo.past"}', '{}', '{}', false),
	(67, 'gil.intern', 'read', 'document:poster', 'organization kestrel', '{"title": "Poster", "owner_id": "ben.ruiz"}', '{}', '{}', true),
	(68, 'gil.intern', 'read', 'document:poster', 'organization kestrel', '{"title": "DRAFT poster", "owner_id": "ben.ruiz"}', '{}', '{}', false),
	(69, 'ada.kestrel', 'read', 'document:poster', 'organization kestrel', '{"title": "DRAFT poster"}', '{}', '{}', false),
	(70, 'dot.ivers', 'write', 'document:plan', 'organization kestrel', '{"owner_id": "dot.ivers"}', '{}', '{}', true),
	(71, 'nurse.bell', 'read', 'document:poster', 'organization kestrel', '{}', '{}', '{}', false),
	-- money and assets
	(72, 'dot.ivers', 'read', 'invoice:inv-7', 'organization kestrel', '{}', '{}', '{}', true),
	(73, 'dot.ivers', 'approve', 'invoice:inv-7', 'organization kestrel', '{"amount": 400, "status": "open"}', '{}', '{}', true),
	(74, 'dot.ivers', 'approve', 'invoice:inv-7', 'organization kestrel', '{"amount": 5000, "status": "open"}', '{}', '{}', true),
	(75, 'dot.ivers', 'approve', 'invoice:inv-7', 'organization kestrel', '{"amount": 9000, "status": "open"}', '{}', '{}', false),
	(76, 'dot.ivers', 'approve', 'invoice:inv-7', 'organization kestrel', '{"amount": 400, "status": "paid"}', '{}', '{}', false),
	(77, 'dot.ivers', 'approve', 'invoice:inv-7', 'organization kestrel', '{"amount": 400}', '{}', '{}', false),
	(78, 'ada.kestrel', 'approve', 'invoice:inv-8', 'organization kestrel', '{"amount": 80000}', '{}', '{}', true),
	(79, 'ada.kestrel', 'approve', 'invoice:inv-9', 'organization kestrel', '{"amount": 200000, "status": "open"}', '{}', '{}', true),
	(80, 'ada.kestrel', 'approve', 'invoice:inv-9', 'organization kestrel', '{"amount": 200000, "status": "paid"}', '{}', '{}', false),
	(81, 'sam.osei', 'approve', 'invoice:inv-9', 'organization kestrel', '{"amount": 200000, "status": "paid"}', '{}', '{}', true),
	(82, 'gil.intern', 'read', 'invoice:inv-7', 'organization kestrel', '{}', '{}', '{}', false),
	(83, 'finch', 'read', 'invoice:inv-7', 'organization kestrel', '{}', '{}', '{}', true),
	(84, 'gil.intern', 'read', 'asset:a-1', 'organization kestrel', '{"kind": "logo"}', '{}', '{}', true),
	(85, 'gil.intern', 'read', 'asset:a-2', 'organization kestrel', '{"kind": "video"}', '{}', '{}', false)
) request (number, user_id, action, resource, scope, attributes, env, context, expected)
ORDER BY number;
