-- A world to try abac on.
--
-- Foliant is a document platform.  Two of its tenants are Riverside, a clinic,
-- and Kestrel, a design studio; they share nothing but the platform and one
-- bookkeeper.  The ids of people and places are the application's own, here
-- plain words; "now" in a window is the moment of loading.
--
-- Load it once, into a database where CREATE EXTENSION abac has been run.
-- test/walk.sql asks the questions.  Names are looked up with LEFT JOIN, so a
-- misspelled one fails as a NULL instead of leaving a row out.

BEGIN;

-- ---------------------------------------------------------------------------
-- The platform: what everybody knows
-- ---------------------------------------------------------------------------

-- Places.  A request names the innermost one; abac fills in what is above.
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES
	('organization', 'riverside',         NULL,           NULL),
	('project',      'cardiology',        'organization', 'riverside'),
	('workspace',    'ward-3',            'project',      'cardiology'),
	('project',      'trial-17',          'organization', 'riverside'),
	('workspace',    'lab',               'project',      'trial-17'),
	('workspace',    'frontdesk',         'organization', 'riverside'),
	('team',         'infection-control', 'organization', 'riverside'),
	('organization', 'kestrel',           NULL,           NULL),
	('project',      'aurora',            'organization', 'kestrel'),
	('workspace',    'moodboards',        'project',      'aurora'),
	('team',         'freelancers',       'organization', 'kestrel'),
	('team',         'directors',         'organization', 'kestrel'),
	('team',         'beta-testers',      NULL,           NULL);       -- of no tenant

-- Patient records exist only inside an organization, datasets only inside a
-- project: a request for one without its place is refused.
INSERT INTO abac_resource_types (resource_type, description, actions, required_scope) VALUES
	('document',     'anything written or drawn',  '{read,comment,write,publish,delete}', NULL),
	('record',       'a patient''s record',        '{read,write,export}',                 'organization'),
	('prescription', 'a prescription',             '{read,sign}',                         'organization'),
	('dataset',      'measurements of a trial',    '{read,export}',                       'project'),
	('invoice',      'an invoice',                 '{read,approve}',                      NULL),
	('asset',        'a studio''s brand asset',    '{read}',                              NULL);

-- Attributes that mean the same for every tenant.
INSERT INTO abac_attribute_definitions
	(name, category, data_type, is_multivalued, allowed_values, validation_regex, default_value, source, is_system, display_name) VALUES
	('user.department',     'subject',     'string',  false, NULL, '^[a-z]+$', NULL,    'any',    false, 'Department'),
	('user.employment',     'subject',     'string',  false, '["staff", "locum", "freelancer", "external"]', NULL, '"staff"', 'stored', false, 'Employment'),
	-- nobody but the platform says how well it knows someone
	('user.identity_level', 'subject',     'number',  false, '[0, 1, 2, 3]', NULL, '0', 'global', true,  'Identity level'),
	('user.teams',          'subject',     'array',   true,  NULL, NULL,       NULL,    'any',    true,  'Teams'),
	('resource.owner_id',   'resource',    'string',  false, NULL, NULL,       NULL,    'any',    true,  'Owner'),
	('resource.title',      'resource',    'string',  false, NULL, NULL,       '""',    'any',    false, 'Title'),
	('resource.tags',       'resource',    'string',  true,  NULL, NULL,       '[]',    'any',    false, 'Tags'),
	('resource.sensitivity','resource',    'number',  false, NULL, NULL,       '0',     'any',    false, 'Sensitivity, 0 to 5'),
	('resource.legal_hold', 'resource',    'boolean', false, NULL, NULL,       'false', 'any',    true,  'Under legal hold'),
	('resource.status',     'resource',    'string',  false, NULL, NULL,       NULL,    'any',    false, 'Status'),
	('env.ip',              'environment', 'ip',      false, NULL, NULL,       NULL,    'any',    true,  'Client address'),
	('env.mfa',             'environment', 'boolean', false, NULL, NULL,       'false', 'any',    true,  'Second factor used'),
	('context.reason',      'context',     'string',  false, NULL, NULL,       NULL,    'any',    false, 'Stated reason'),
	('context.emergency',   'context',     'boolean', false, NULL, NULL,       'false', 'any',    false, 'Declared emergency');

-- Roles any tenant can use, and one for the platform's own people.
INSERT INTO abac_roles (name, scope, description, rank) VALUES
	('platform_support', 'global',       'Reads everything, to help; but see "Support stays out of records"', 90),
	('org_owner',        'organization', 'Runs a tenant',                                                    80),
	('org_member',       'organization', 'Belongs to a tenant',                                              10),
	('project_lead',     'project',      'Leads one project',                                                50),
	('workspace_guest',  'workspace',    'Was let into one workspace',                                        5);

INSERT INTO abac_permissions (resource_type, action) VALUES
	('*', 'read'),
	('document', '*'), ('document', 'read'), ('document', 'comment'), ('document', 'write'),
	('document', 'publish'), ('document', 'delete'),
	('record', 'export'),
	('prescription', 'sign'),
	('invoice', 'read'), ('invoice', 'approve');

-- Three platform-wide denials that no tenant can talk its way past, and one
-- courtesy.
INSERT INTO abac_rules (name, effect, resource_type, target_actions, conditions, description) VALUES
	('under legal hold', 'deny', NULL, '{write,delete}',
	 '{"attribute": "resource.legal_hold", "operator": "eq", "value": true}',
	 'What a court may ask for is neither changed nor deleted'),
	-- "exists" makes it false, not unknown, when the address isn't told
	('from a blocked network', 'deny', '*', NULL,
	 '{"logic": "and", "conditions": [
		 {"attribute": "env.ip", "operator": "exists", "value": true},
		 {"attribute": "env.ip", "operator": "in_cidr", "value": ["203.0.113.0/24", "2001:db8:bad::/48"]}]}',
	 'Networks that attacked the platform'),
	('any record', 'deny', 'record', NULL, NULL, 'Unconditional: true for every record'),
	('own document', 'allow', 'document', '{read,write}',
	 '{"attribute": "resource.owner_id", "operator": "eq", "value": "$user.id"}',
	 'A reference: the owner is the one who asks');

INSERT INTO abac_rule_groups (name, combine_logic) VALUES
	('legal hold', 'and'), ('blocked networks', 'and'), ('patient records', 'and'), ('ownership', 'and');

INSERT INTO abac_policies (name, effect, priority, is_system, description) VALUES
	('Legal hold',                   'deny',  1000, true,  'Binds owners and direct grants too'),
	('Support stays out of records', 'deny',   950, false, 'Whatever the support role may read otherwise'),
	('Blocked networks',             'deny',   900, false, 'Wherever one acts'),
	('Authors keep their documents', 'allow',   10, false, 'For members of a tenant');

INSERT INTO abac_rule_group_members (group_id, rule_id)
SELECT g.id, r.id
FROM (VALUES
	('legal hold',       'under legal hold'),
	('blocked networks', 'from a blocked network'),
	('patient records',  'any record'),
	('ownership',        'own document')) m (group_name, rule_name)
LEFT JOIN abac_rule_groups g ON g.name = group_name AND g.organization_id IS NULL
LEFT JOIN abac_rules r ON r.name = rule_name AND r.organization_id IS NULL;

INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id
FROM (VALUES
	('Legal hold',                   'legal hold'),
	('Support stays out of records', 'patient records'),
	('Blocked networks',             'blocked networks'),
	('Authors keep their documents', 'ownership')) l (policy_name, group_name)
LEFT JOIN abac_policies p ON p.name = policy_name AND p.organization_id IS NULL
LEFT JOIN abac_rule_groups g ON g.name = group_name AND g.organization_id IS NULL;

-- A platform-wide policy reaches a tenant by being assigned to it.
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, assigned_by)
SELECT p.id, 'organization', tenant, 'ines.vale'
FROM (VALUES ('Legal hold'), ('Blocked networks'), ('Authors keep their documents')) l (policy_name)
CROSS JOIN (VALUES ('riverside'), ('kestrel')) t (tenant)
LEFT JOIN abac_policies p ON p.name = policy_name AND p.organization_id IS NULL;

INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, assigned_by)
SELECT p.id, 'role', r.id, 'ines.vale'
FROM abac_policies p, abac_roles r
WHERE p.name = 'Support stays out of records' AND r.name = 'platform_support';

-- ---------------------------------------------------------------------------
-- Riverside, the clinic
-- ---------------------------------------------------------------------------

INSERT INTO abac_attribute_definitions
	(organization_id, name, category, data_type, is_multivalued, default_value, source, display_name) VALUES
	('riverside', 'user.ward',           'subject',  'string',  false, NULL,    'stored', 'Ward'),
	('riverside', 'user.clearance',      'subject',  'number',  false, '0',     'stored', 'Clearance'),
	('riverside', 'user.licensed_until', 'subject',  'date',    false, NULL,    'stored', 'Licence valid until'),
	('riverside', 'user.training',       'subject',  'string',  true,  '[]',    'stored', 'Courses passed'),
	('riverside', 'resource.ward',       'resource', 'string',  false, NULL,    'any',    'Ward of the patient'),
	('riverside', 'resource.attending',  'resource', 'string',  false, NULL,    'any',    'Attending physician'),
	('riverside', 'resource.category',   'resource', 'string',  false, '"general"', 'any', 'Field of medicine'),
	('riverside', 'resource.sealed',     'resource', 'boolean', false, 'false', 'any',    'Sealed by the patient');

INSERT INTO abac_roles (organization_id, name, scope, description, rank) VALUES
	('riverside', 'clinician',     'organization', 'Treats patients',       40),
	('riverside', 'records_clerk', 'organization', 'Sends records onwards', 30);

INSERT INTO abac_rules (organization_id, name, effect, resource_type, target_actions, conditions, description) VALUES
	('riverside', 'opening a record', 'allow', 'record', '{read,write}', NULL,
	 'Only narrows a policy to records'),
	('riverside', 'is the attending physician', 'allow', NULL, NULL,
	 '{"attribute": "resource.attending", "operator": "eq", "value": {"ref": "user.id"}}', NULL),
	('riverside', 'works on the patient''s ward', 'allow', NULL, NULL,
	 '{"attribute": "user.ward", "operator": "eq", "value": "$resource.ward"}', NULL),
	('riverside', 'inside the clinic''s network', 'allow', NULL, NULL,
	 '{"attribute": "env.ip", "operator": "in_cidr", "value": ["10.20.0.0/16", "fd00:20::/32"]}', NULL),
	('riverside', 'second factor', 'allow', NULL, NULL,
	 '{"attribute": "env.mfa", "operator": "eq", "value": true}', NULL),
	('riverside', 'sealed by the patient', 'allow', NULL, NULL,
	 '{"attribute": "resource.sealed", "operator": "eq", "value": true}', NULL),
	('riverside', 'declared emergency', 'allow', 'record', '{read}',
	 '{"logic": "and", "conditions": [
		 {"attribute": "context.emergency", "operator": "eq", "value": true},
		 {"attribute": "context.reason", "operator": "exists", "value": true, "description": "it will be read by somebody"},
		 {"attribute": "user.clearance", "operator": "gte", "value": 2}]}',
	 'Breaking the glass: a reason must be given'),
	('riverside', 'psychiatric notes', 'allow', 'record', NULL,
	 '{"attribute": "resource.category", "operator": "eq", "value": "psychiatry"}', NULL),
	('riverside', 'at night', 'deny', 'record', NULL,
	 '{"not": {"attr": "env.time_of_day", "op": "between", "val": ["06:00", "22:00"]}}',
	 'Written in the legacy form'),
	('riverside', 'quarantined and not of infection control', 'deny', 'record', NULL,
	 '{"logic": "and", "conditions": [
		 {"attribute": "resource.tags", "operator": "contains", "value": "quarantine"},
		 {"attribute": "user.teams", "operator": "not_contains", "value": "infection-control"}]}', NULL),
	('riverside', 'trained for trials', 'allow', 'dataset', NULL,
	 '{"attribute": "user.training", "operator": "is_superset", "value": ["gcp", "privacy"]}', NULL),
	('riverside', 'open to auditors', 'allow', NULL, '{read}',
	 '{"and": [
		 {"attribute": "resource.type", "operator": "in", "value": ["record", "invoice"]},
		 {"attribute": "resource.sensitivity", "operator": "lte", "value": 3}]}', NULL);

-- Relief during the flu season: any ward helped any other, until last spring.
INSERT INTO abac_rules (organization_id, name, conditions, starts_at, expires_at) VALUES
	('riverside', 'flu season: every ward', 'true', now() - interval '300 days', now() - interval '200 days');

INSERT INTO abac_rule_groups (organization_id, name, combine_logic, description) VALUES
	('riverside', 'a treated patient',   'or',  'By the attending physician or the ward'),
	('riverside', 'a safe place',        'or',  'The clinic, or a second factor'),
	('riverside', 'nothing in the way',  'not', 'None of these'),
	('riverside', 'treating access',     'and', 'Three groups and a rule that narrows them to records'),
	('riverside', 'break the glass',     'and', NULL),
	('riverside', 'not psychiatry',      'not', NULL),
	('riverside', 'night',               'and', NULL),
	('riverside', 'quarantine',          'and', NULL),
	('riverside', 'trial training',      'and', NULL),
	('riverside', 'audit',               'and', NULL);

INSERT INTO abac_rule_group_members (group_id, rule_id, child_group_id, sort_order)
SELECT g.id, r.id, c.id, sort_order
FROM (VALUES
	('a treated patient',  'is the attending physician',               NULL,                 1),
	('a treated patient',  'works on the patient''s ward',             NULL,                 2),
	('a treated patient',  'flu season: every ward',                   NULL,                 3),
	('a safe place',       'inside the clinic''s network',             NULL,                 1),
	('a safe place',       'second factor',                            NULL,                 2),
	('nothing in the way', 'sealed by the patient',                    NULL,                 1),
	('treating access',    'opening a record',                         NULL,                 1),
	('treating access',    NULL,                                       'a treated patient',  2),
	('treating access',    NULL,                                       'a safe place',       3),
	('treating access',    NULL,                                       'nothing in the way', 4),
	('break the glass',    'declared emergency',                       NULL,                 1),
	('break the glass',    NULL,                                       'not psychiatry',     2),
	('not psychiatry',     'psychiatric notes',                        NULL,                 1),
	('night',              'at night',                                 NULL,                 1),
	('quarantine',         'quarantined and not of infection control', NULL,                 1),
	('trial training',     'trained for trials',                       NULL,                 1),
	('audit',              'open to auditors',                         NULL,                 1))
	m (group_name, rule_name, child_name, sort_order)
LEFT JOIN abac_rule_groups g ON g.name = group_name AND g.organization_id = 'riverside'
LEFT JOIN abac_rules r ON r.name = rule_name AND r.organization_id = 'riverside'
LEFT JOIN abac_rule_groups c ON c.name = child_name AND c.organization_id = 'riverside';

INSERT INTO abac_policies (organization_id, name, effect, default_effect, priority, is_active, description) VALUES
	('riverside', 'Break the glass',            'allow', NULL,   80, true,  'Goes before the night'),
	('riverside', 'Visiting hours of 2019',     'deny',  NULL,   70, false, 'Switched off; it would deny every record'),
	('riverside', 'The front desk sleeps',      'deny',  NULL,   60, true,  'At night, for everybody who acts there'),
	('riverside', 'Quarantine',                 'deny',  NULL,   50, true,  'Same priority as the next: deny wins'),
	('riverside', 'Treating staff open records','allow', NULL,   50, true,  NULL),
	('riverside', 'Trial 17',                   'allow', 'deny', 40, true,  'Without the training the answer is no, not silence'),
	('riverside', 'Audit',                      'allow', NULL,   30, true,  NULL);

INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
SELECT p.id, g.id
FROM (VALUES
	('Break the glass',             'break the glass'),
	('Visiting hours of 2019',      'night'),
	('The front desk sleeps',       'night'),
	('Quarantine',                  'quarantine'),
	('Treating staff open records', 'treating access'),
	('Trial 17',                    'trial training'),
	('Audit',                       'audit')) l (policy_name, group_name)
LEFT JOIN abac_policies p ON p.name = policy_name AND p.organization_id = 'riverside'
LEFT JOIN abac_rule_groups g ON g.name = group_name AND g.organization_id = 'riverside';

-- To a role, to places, to people.  This year's auditor came ten days ago and
-- stays for twenty more; last year's has gone.
INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, starts_at, expires_at, assigned_by)
SELECT p.id, target_type, target_id, now() + starts_in, now() + expires_in, 'dr.okafor'
FROM (VALUES
	('Break the glass',             'role',         NULL,           NULL::interval, NULL::interval),
	('Treating staff open records', 'role',         NULL,           NULL,           NULL),
	('Visiting hours of 2019',      'organization', 'riverside',    NULL,           NULL),
	('Quarantine',                  'organization', 'riverside',    NULL,           NULL),
	('The front desk sleeps',       'workspace',    'frontdesk',    NULL,           NULL),
	('Trial 17',                    'project',      'trial-17',     NULL,           NULL),
	('Audit',                       'user',         'finch',        '-10 days',     '20 days'),
	('Audit',                       'user',         'old.auditor',  '-400 days',    '-370 days'))
	a (policy_name, target_type, target, starts_in, expires_in)
LEFT JOIN abac_policies p ON p.name = policy_name AND p.organization_id = 'riverside'
CROSS JOIN LATERAL (
	SELECT coalesce(target, (SELECT id::text FROM abac_roles WHERE organization_id = 'riverside' AND name = 'clinician'))
) t (target_id);

-- The people.
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES
	('organization', 'riverside',         'dr.okafor'),
	('organization', 'riverside',         'nurse.bell'),
	('organization', 'riverside',         'dr.tanaka'),
	('organization', 'riverside',         'moss.clerk'),
	('workspace',    'ward-3',            'nurse.bell'),
	('workspace',    'frontdesk',         'moss.clerk'),
	('team',         'infection-control', 'dr.okafor');

INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('dr.okafor',  NULL,        '{"identity_level": 3}'),
	('dr.okafor',  'riverside', '{"department": "cardiology", "ward": "3", "clearance": 4, "licensed_until": "2040-06-30", "training": ["gcp"]}'),
	('nurse.bell', 'riverside', '{"department": "nursing", "ward": "3", "clearance": 1, "licensed_until": "2024-12-31"}'),
	('dr.tanaka',  NULL,        '{"identity_level": 2}'),
	('dr.tanaka',  'riverside', '{"department": "oncology", "ward": "5", "clearance": 3, "licensed_until": "2039-01-31", "training": ["gcp", "privacy", "statistics"]}'),
	('dr.reyes',   'riverside', '{"department": "cardiology", "ward": "3", "clearance": 2, "employment": "locum", "licensed_until": "2038-03-31"}'),
	('moss.clerk', 'riverside', '{"department": "administration"}');

-- Dr. Reyes filled in for a month; the role ended with it yesterday.
INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id, starts_at, expires_at, assigned_by)
SELECT user_id, r.id, context_type, context_id, now() + starts_in, now() + expires_in, 'ines.vale'
FROM (VALUES
	('dr.okafor',  'clinician',     'organization', 'riverside', NULL::interval, NULL::interval),
	('dr.okafor',  'org_owner',     'organization', 'riverside', NULL,           NULL),
	('nurse.bell', 'clinician',     'organization', 'riverside', NULL,           NULL),
	('dr.tanaka',  'clinician',     'organization', 'riverside', NULL,           NULL),
	('dr.tanaka',  'project_lead',  'project',      'trial-17',  NULL,           NULL),
	('dr.reyes',   'clinician',     'organization', 'riverside', '-31 days',     '-1 day'),
	('moss.clerk', 'records_clerk', 'organization', 'riverside', NULL,           NULL))
	u (user_id, role_name, context_type, context_id, starts_in, expires_in)
LEFT JOIN abac_roles r ON r.name = role_name AND coalesce(r.organization_id, 'riverside') = 'riverside';

-- ---------------------------------------------------------------------------
-- Kestrel, the studio
-- ---------------------------------------------------------------------------

INSERT INTO abac_attribute_definitions
	(organization_id, name, category, data_type, is_multivalued, default_value, source, display_name) VALUES
	('kestrel', 'user.contract_ends',    'subject',  'date',    false, NULL, 'stored', 'End of the contract'),
	('kestrel', 'resource.meta',         'resource', 'json',    false, '{"client": {"confidential": false}}', 'any', 'What the studio notes about a document'),
	('kestrel', 'resource.release_date', 'resource', 'date',    false, NULL, 'any',    'Day of publication'),
	('kestrel', 'resource.amount',       'resource', 'number',  false, NULL, 'any',    'Amount'),
	('kestrel', 'resource.kind',         'resource', 'string',  false, NULL, 'any',    'Kind of asset'),
	-- Kestrel's clients come from many places, and its title is never empty
	('kestrel', 'resource.title',        'resource', 'string',  false, '"untitled"', 'any', 'Title');

INSERT INTO abac_roles (organization_id, name, scope, description, rank) VALUES
	('kestrel', 'designer',       'organization', 'Draws',             30),
	('kestrel', 'studio_manager', 'organization', 'Pays small things', 40);

INSERT INTO abac_rules (organization_id, name, effect, resource_type, target_actions, conditions, description) VALUES
	('kestrel', 'before its release', 'deny', 'document', '{publish}',
	 '{"attribute": "env.now", "operator": "lt", "value": "$resource.release_date"}',
	 'Unknown when nobody set a date, and a deny that is unknown denies'),
	('kestrel', 'shared with freelancers', 'allow', 'document', '{read,comment}',
	 '{"attribute": "resource.tags", "operator": "contains", "value": "shared"}', NULL),
	('kestrel', 'contract runs', 'allow', NULL, NULL,
	 '{"attribute": "user.contract_ends", "operator": "gte", "value": {"ref": "env.now"}}', NULL),
	('kestrel', 'someone else''s draft', 'deny', 'document', '{read,comment}',
	 '{"logic": "and", "conditions": [
		 {"attribute": "resource.title", "operator": "starts_with", "value": "DRAFT"},
		 {"attribute": "resource.owner_id", "operator": "neq", "value": "$user.id"}]}', NULL),
	('kestrel', 'confidential client', 'deny', 'document', '{read,comment}',
	 '{"attribute": "resource.meta", "path": "$.client.confidential", "operator": "eq", "value": true}', NULL),
	('kestrel', 'outsider', 'deny', 'document', '{read,comment}',
	 '{"attribute": "user.employment", "operator": "in", "value": ["freelancer", "external"]}', NULL),
	('kestrel', 'within a director''s limit', 'allow', 'invoice', '{approve}',
	 '{"attribute": "resource.amount", "operator": "lt", "value": 100000}', NULL),
	('kestrel', 'reference is well formed', 'allow', 'invoice', '{approve}',
	 '{"attribute": "resource.id", "operator": "matches", "value": "^inv-[0-9]+$"}', NULL);

INSERT INTO abac_rule_groups (organization_id, name, combine_logic) VALUES
	('kestrel', 'embargo',             'and'),
	('kestrel', 'freelance work',      'and'),
	('kestrel', 'drafts',              'and'),
	('kestrel', 'reasons to refuse',   'or'),
	('kestrel', 'a director approves', 'and'),
	('kestrel', 'a proper reference',  'and'),
	('kestrel', 'to be thought about', 'or');        -- empty, so it never helps

INSERT INTO abac_rule_group_members (group_id, rule_id, child_group_id, sort_order)
SELECT g.id, r.id, c.id, sort_order
FROM (VALUES
	('embargo',             'before its release',        NULL,                   1),
	('freelance work',      'shared with freelancers',   NULL,                   1),
	('freelance work',      'contract runs',             NULL,                   2),
	('drafts',              'someone else''s draft',     NULL,                   1),
	('reasons to refuse',   'confidential client',       NULL,                   1),
	('reasons to refuse',   'outsider',                  NULL,                   2),
	('reasons to refuse',   NULL,                        'drafts',               3),
	('a director approves', 'within a director''s limit',NULL,                   1),
	('a proper reference',  'reference is well formed',  NULL,                   1))
	m (group_name, rule_name, child_name, sort_order)
LEFT JOIN abac_rule_groups g ON g.name = group_name AND g.organization_id = 'kestrel'
LEFT JOIN abac_rules r ON r.name = rule_name AND r.organization_id = 'kestrel'
LEFT JOIN abac_rule_groups c ON c.name = child_name AND c.organization_id = 'kestrel';

INSERT INTO abac_policies (organization_id, name, effect, default_effect, priority, description) VALUES
	('kestrel', 'Embargo',             'deny',  NULL,    90, 'Nothing of Aurora is out before its day'),
	('kestrel', 'Directors approve',   'allow', NULL,    60, 'Two groups: both must match'),
	('kestrel', 'Someone else''s draft','deny', NULL,    40, NULL),
	('kestrel', 'Freelancers',         'allow', NULL,    40, 'While their contract runs'),
	('kestrel', 'Moodboards are open', 'allow', 'allow', 30, 'Unless there is a reason to refuse'),
	('kestrel', 'Ideas',               'allow', NULL,    20, 'Its only group is empty, so it does nothing');

INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id, sort_order)
SELECT p.id, g.id, sort_order
FROM (VALUES
	('Embargo',              'embargo',             1),
	('Directors approve',    'a director approves', 1),
	('Directors approve',    'a proper reference',  2),
	('Someone else''s draft','drafts',              1),
	('Freelancers',          'freelance work',      1),
	('Moodboards are open',  'reasons to refuse',   1),
	('Ideas',                'to be thought about', 1)) l (policy_name, group_name, sort_order)
LEFT JOIN abac_policies p ON p.name = policy_name AND p.organization_id = 'kestrel'
LEFT JOIN abac_rule_groups g ON g.name = group_name AND g.organization_id = 'kestrel';

INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, assigned_by)
SELECT p.id, target_type, target_id, 'ada.kestrel'
FROM (VALUES
	('Embargo',              'project',      'aurora'),
	('Directors approve',    'team',         'directors'),
	('Someone else''s draft','organization', 'kestrel'),
	('Freelancers',          'team',         'freelancers'),
	('Moodboards are open',  'workspace',    'moodboards'),
	('Ideas',                'organization', 'kestrel')) a (policy_name, target_type, target_id)
LEFT JOIN abac_policies p ON p.name = policy_name AND p.organization_id = 'kestrel';

-- The people.  Cleo is no member of the studio: she is in a team and was let
-- into one workspace.  Finch audits Riverside and keeps Kestrel's books.
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES
	('organization', 'kestrel',      'ada.kestrel'),
	('organization', 'kestrel',      'ben.ruiz'),
	('organization', 'kestrel',      'dot.ivers'),
	('organization', 'kestrel',      'gil.intern'),
	('organization', 'kestrel',      'finch'),
	('team',         'directors',    'ada.kestrel'),
	('team',         'beta-testers', 'ben.ruiz');
INSERT INTO abac_memberships (scope_type, scope_id, user_id, starts_at, expires_at) VALUES
	('team', 'freelancers', 'cleo.frank', now() - interval '60 days',  now() + interval '120 days'),
	('team', 'freelancers', 'hugo.past',  now() - interval '400 days', now() - interval '30 days');

INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
	('ada.kestrel', NULL,        '{"identity_level": 3}'),
	('ada.kestrel', 'kestrel',   '{"department": "direction"}'),
	('ben.ruiz',    'kestrel',   '{"department": "design"}'),
	('cleo.frank',  'kestrel',   '{"department": "design", "employment": "freelancer", "contract_ends": "2045-12-31"}'),
	('hugo.past',   'kestrel',   '{"department": "design", "employment": "freelancer", "contract_ends": "2024-01-31"}'),
	('dot.ivers',   'kestrel',   '{"department": "office"}'),
	('gil.intern',  'kestrel',   '{"department": "interns"}'),
	('finch',       'riverside', '{"department": "audit", "employment": "external"}'),
	('finch',       'kestrel',   '{"department": "finance"}');

INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id, assigned_by)
SELECT user_id, r.id, context_type, context_id, 'ada.kestrel'
FROM (VALUES
	('ada.kestrel', 'org_owner',       'organization', 'kestrel'),
	('ben.ruiz',    'designer',        'organization', 'kestrel'),
	('ben.ruiz',    'project_lead',    'project',      'aurora'),
	('dot.ivers',   'studio_manager',  'organization', 'kestrel'),
	('gil.intern',  'designer',        'organization', 'kestrel'),
	('finch',       'org_member',      'organization', 'kestrel'),
	('cleo.frank',  'workspace_guest', 'workspace',    'moodboards')) u (user_id, role_name, context_type, context_id)
LEFT JOIN abac_roles r ON r.name = role_name AND coalesce(r.organization_id, 'kestrel') = 'kestrel';

-- ---------------------------------------------------------------------------
-- What the tenants had before they had policies
-- ---------------------------------------------------------------------------

-- Roles grant permissions ...
INSERT INTO abac_role_permissions (role_id, permission_id)
SELECT r.id, p.id
FROM (VALUES
	('platform_support', '*:read'),
	('org_owner',        'document:*'),
	('org_owner',        'invoice:read'),
	('org_owner',        'invoice:approve'),
	('org_member',       'document:read'),
	('org_member',       'document:comment'),
	('org_member',       'invoice:read'),
	('project_lead',     'document:write'),
	('project_lead',     'document:publish'),
	('workspace_guest',  'document:comment'),
	('clinician',        'prescription:sign'),
	('records_clerk',    'record:export'),
	('designer',         'document:read'),
	('designer',         'document:write'),
	('studio_manager',   'invoice:read'),
	('studio_manager',   'invoice:approve')) g (role_name, permission_name)
LEFT JOIN abac_roles r ON r.name = role_name
LEFT JOIN abac_permissions p ON p.name = permission_name;

-- ... on conditions: of one role, or of all who have the permission (role
-- NULL).  Records are exported for a referral or with a second factor, and
-- only the harmless ones.
INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value, logic_group)
SELECT p.id, r.id, attribute_key, operator, attribute_value::jsonb, logic_group
FROM (VALUES
	('prescription:sign', 'clinician',      'user.licensed_until',  'gte', '"$env.now"',  'AND'),
	('record:export',     NULL,             'resource.sensitivity', 'lte', '2',           'AND'),
	('record:export',     NULL,             'context.reason',       'eq',  '"referral"',  'OR'),
	('record:export',     NULL,             'env.mfa',              'eq',  'true',        'OR'),
	('invoice:approve',   NULL,             'resource.status',      'neq', '"paid"',      'AND'),
	('invoice:approve',   'studio_manager', 'resource.amount',      'lte', '5000',        'AND'))
	c (permission_name, role_name, attribute_key, operator, attribute_value, logic_group)
LEFT JOIN abac_permissions p ON p.name = permission_name
LEFT JOIN abac_roles r ON r.name = role_name;

-- Kestrel's old rules, asked after everything else.
INSERT INTO abac_policy_rules (organization_id, name, resource_type, effect, priority, is_active, conditions) VALUES
	('kestrel', 'Interns and money', 'invoice', 'deny', 100, true,
	 '{"and": [{"attr": "user.department", "op": "eq", "val": "interns"}]}'),
	('kestrel', 'Brand assets', 'asset', 'allow', 10, true,
	 '{"or": [{"attr": "resource.kind", "op": "=", "val": "logo"}, {"attr": "resource.kind", "op": "in", "val": ["font", "palette"]}]}'),
	('kestrel', 'Everything on casual Friday', '*', 'allow', 200, false,
	 '{"attr": "env.day_of_week", "op": "equals", "val": "friday"}');

-- Direct grants and denials.  Moss left a record in a tram and exports nothing
-- for now.
INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id, starts_at, expires_at, granted_by)
SELECT user_id, p.id, granted, context_type, context_id, now() + starts_in, now() + expires_in, 'ines.vale'
FROM (VALUES
	('moss.clerk',  'record:export',   false, 'organization', 'riverside',  '-2 days'::interval, '30 days'::interval),
	('finch',       'record:export',   true,  'organization', 'riverside',  '-400 days',         '-300 days'),
	('ben.ruiz',    'document:delete', true,  'project',      'aurora',     NULL,                NULL),
	('sam.osei',    'invoice:approve', true,  'global',       NULL,         '-1 day',            '1 day'),
	('hugo.past',   '*:read',          false, 'global',       NULL,         NULL,                NULL))
	u (user_id, permission_name, granted, context_type, context_id, starts_in, expires_in)
LEFT JOIN abac_permissions p ON p.name = permission_name;

-- The platform's own people.  Ines bypasses everything above.
INSERT INTO abac_user_roles (user_id, role_id, context_type)
SELECT 'sam.osei', id, 'global' FROM abac_roles WHERE name = 'platform_support';
SELECT abac_grant_super_admin('ines.vale') \g /dev/null

COMMIT;
