-- A walk through the world of test/world.sql, for reading along:
--
--     psql -X -q -f test/walk.sql
--
-- The hour and the address come from ctx where they matter, so that the
-- answers are the same at any time of day.

\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\set ECHO queries

\echo
\echo '--- 1. Nurse Bell opens the record of a patient on her ward, in the clinic.'
SELECT abac_check('nurse.bell', 'read', 'record:r-104',
	'{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "10.20.4.17"}}');

\echo
\echo '--- 2. The same from a cafe.  Nobody denies it, nothing allows it; the tree'
\echo '---    shows the leaf that was false, and the value it saw.'
SELECT abac_explain_text('nurse.bell', 'read', 'record:r-104',
	'{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "198.51.100.7"}}');

\echo
\echo '--- 3. A quarantined patient: two policies of priority 50, and deny wins.'
\echo '---    Dr. Okafor is in the infection control team, so for him it is false.'
SELECT reason.* FROM (VALUES ('nurse.bell'), ('dr.okafor')) who (user_id),
LATERAL (SELECT user_id, abac_explain(user_id, 'read', 'record:r-104',
	'{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3", "tags": ["quarantine"]},
	  "env": {"ip": "10.20.4.17"}}') ->> 'reason') reason;

\echo
\echo '--- 4. Three in the morning at the front desk: denied to everybody there ...'
SELECT abac_explain_text('nurse.bell', 'read', 'record:r-104',
	'{"scope": {"workspace": "frontdesk"}, "resource": {"ward": "3"},
	  "env": {"ip": "10.20.4.17", "time_of_day": "03:00"}}');

\echo
\echo '--- 5. ... but Dr. Tanaka breaks the glass, which has a higher priority.'
SELECT abac_explain_text('dr.tanaka', 'read', 'record:r-104',
	'{"scope": {"workspace": "frontdesk"}, "resource": {"ward": "3"}, "env": {"time_of_day": "03:00"},
	  "context": {"emergency": true, "reason": "cardiac arrest"}}');

\echo
\echo '--- 6. The locum''s role ended yesterday.'
SELECT abac_check('dr.reyes', 'read', 'record:r-104',
	'{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"ip": "10.20.4.17"}}');

\echo
\echo '--- 7. Moss may not export for now, whatever roles and policies say.'
SELECT abac_explain_text('moss.clerk', 'export', 'record:r-104',
	'{"scope": {"organization": "riverside"}, "env": {"mfa": true}}');

\echo
\echo '--- 8. Signing prescriptions comes with a role, while the licence lasts.'
\echo '---    Nurse Bell''s has lapsed.'
SELECT user_id, abac_check(user_id, 'sign', 'prescription', '{"scope": {"workspace": "ward-3"}}')
FROM (VALUES ('dr.okafor'), ('nurse.bell')) who (user_id);

\echo
\echo '--- 9. A policy with a default: without the training the answer is a no.'
SELECT abac_explain_text('dr.okafor', 'read', 'dataset:d-1', '{"scope": {"project": "trial-17"}}');

\echo
\echo '--- 10. Kestrel publishes nothing before its day; and when nobody set a'
\echo '---     day, a deny that can''t be decided denies.'
SELECT coalesce(day, 'no date'), abac_check('ben.ruiz', 'publish', 'document:poster',
	jsonb_build_object('scope', '{"project": "aurora"}'::jsonb,
					   'resource', jsonb_strip_nulls(jsonb_build_object('release_date', day))))
FROM (VALUES ('2020-01-01'), ('2099-01-01'), (NULL)) release (day);

\echo
\echo '--- 11. Moodboards are open unless there is a reason to refuse.'
SELECT user_id, abac_explain(user_id, 'comment', 'document:board', '{"scope": {"workspace": "moodboards"}}') ->> 'reason'
FROM (VALUES ('ben.ruiz'), ('cleo.frank')) who (user_id);

\echo
\echo '--- 12. Ben was given the right to delete in Aurora, but not from a court.'
SELECT hold, abac_explain('ben.ruiz', 'delete', 'document:poster',
	jsonb_build_object('scope', '{"project": "aurora"}'::jsonb, 'resource', jsonb_build_object('legal_hold', hold))) ->> 'reason'
FROM (VALUES (false), (true)) court (hold);

\echo
\echo '--- 13. Invoices: a director by policy, the manager by role up to 5000, an'
\echo '---     intern never (an old rule of the studio''s).'
SELECT user_id, amount, abac_explain(user_id, 'approve', 'invoice:inv-7',
	jsonb_build_object('scope', '{"organization": "kestrel"}'::jsonb,
					   'resource', jsonb_build_object('amount', amount, 'status', 'open'))) ->> 'reason'
FROM (VALUES ('ada.kestrel', 40000), ('dot.ivers', 1200), ('dot.ivers', 9000), ('gil.intern', 40)) who (user_id, amount);

\echo
\echo '--- 14. Support reads what a role may read, but no patient''s record.'
SELECT resource, abac_explain('sam.osei', 'read', resource, '{"scope": {"organization": "riverside"}}') ->> 'reason'
FROM (VALUES ('document:menu'), ('record:r-104')) what (resource);

\echo
\echo '--- 15. Tenants are apart: a project of one isn''t in the other, and no'
\echo '---     policy of Riverside is heard at Kestrel.'
SELECT ctx, abac_explain('nurse.bell', 'read', 'record:r-104', ctx::jsonb) ->> 'reason'
FROM (VALUES ('{"scope": {"organization": "riverside", "project": "aurora"}}'),
			 ('{"scope": {"organization": "kestrel"}, "resource": {"ward": "3"}}')) place (ctx);

\echo
\echo '--- 16. Ines bypasses everything.'
SELECT abac_explain('ines.vale', 'read', 'record:r-104',
	'{"scope": {"organization": "riverside"}, "env": {"ip": "203.0.113.9"}}') ->> 'reason';

\echo
\echo '--- 17. A change counts from the next statement on, and ROLLBACK takes it'
\echo '---     back: Riverside sends Dr. Tanaka to ward 3, and thinks again.'
BEGIN;
UPDATE abac_user_attributes SET attributes = attributes || '{"ward": "3"}'
WHERE user_id = 'dr.tanaka' AND organization_id = 'riverside';
SELECT abac_check('dr.tanaka', 'read', 'record:r-104',
	'{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"mfa": true}}');
ROLLBACK;
SELECT abac_check('dr.tanaka', 'read', 'record:r-104',
	'{"scope": {"workspace": "ward-3"}, "resource": {"ward": "3"}, "env": {"mfa": true}}');

\echo
\echo '--- 18. An application logs in as a role without any right but the one to'
\echo '---     say who is asking.  It asks for the session''s user, and can''t'
\echo '---     read a table.'
BEGIN;
CREATE ROLE foliant_app;
GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean) TO foliant_app;
SET LOCAL ROLE foliant_app;
SELECT abac_can('read', 'document:menu', '{"scope": {"organization": "kestrel"}}') AS before_login;
SELECT abac_set_user('ben.ruiz');
SELECT abac_can('read', 'document:menu', '{"scope": {"organization": "kestrel"}}') AS as_ben;
\set ON_ERROR_STOP off
SELECT * FROM abac_user_attributes;
ROLLBACK;

\echo
\echo '--- 19. abac_require raises instead of answering.'
SELECT abac_require('gil.intern', 'approve', 'invoice:inv-7',
	'{"scope": {"organization": "kestrel"}, "resource": {"amount": 40, "status": "open"}}');
\set ON_ERROR_STOP on
\set ECHO none
