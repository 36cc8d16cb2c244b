-- What the extension offers, and to whom: functions with their signatures,
-- tables, settings, privileges.  A change here is a change for users.
\set ECHO none
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off

BEGIN;
SELECT no_plan();

-- Members of the extension.
CREATE TEMP VIEW functions AS
	SELECT p.* FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	WHERE e.extname = 'abac';
CREATE TEMP VIEW tables AS
	SELECT c.* FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	WHERE e.extname = 'abac' AND c.relkind <> 'i';

--
-- Functions
--

SELECT bag_eq(
	$$SELECT oid::regprocedure::text, prorettype::regtype::text, provolatile::text, proparallel::text,
			 has_function_privilege('public', oid, 'EXECUTE')
	  FROM functions$$,
	$$VALUES
		-- decisions: i(mmutable), s(table), v(olatile); parallel s(afe), u(nsafe); may PUBLIC?
		('abac_check(text,text,text,jsonb)',          'boolean', 's', 's', false),
		('abac_check(uuid,text,text,jsonb)',          'boolean', 's', 's', false),
		('abac_check(bigint,text,text,jsonb)',        'boolean', 's', 's', false),
		('abac_require(text,text,text,jsonb)',        'boolean', 'v', 's', false),
		('abac_require(uuid,text,text,jsonb)',        'boolean', 'v', 's', false),
		('abac_require(bigint,text,text,jsonb)',      'boolean', 'v', 's', false),
		('abac_explain(text,text,text,jsonb)',        'jsonb',   's', 's', false),
		('abac_explain(uuid,text,text,jsonb)',        'jsonb',   's', 's', false),
		('abac_explain(bigint,text,text,jsonb)',      'jsonb',   's', 's', false),
		('abac_explain_text(text,text,text,jsonb)',   'text',    's', 's', false),
		('abac_explain_text(uuid,text,text,jsonb)',   'text',    's', 's', false),
		('abac_explain_text(bigint,text,text,jsonb)', 'text',    's', 's', false),
		-- about a row
		('abac_check(text,text,record,jsonb)',           'boolean', 's', 's', false),
		('abac_check(uuid,text,record,jsonb)',           'boolean', 's', 's', false),
		('abac_check(bigint,text,record,jsonb)',         'boolean', 's', 's', false),
		('abac_require(text,text,record,jsonb)',         'boolean', 'v', 's', false),
		('abac_require(uuid,text,record,jsonb)',         'boolean', 'v', 's', false),
		('abac_require(bigint,text,record,jsonb)',       'boolean', 'v', 's', false),
		('abac_explain(text,text,record,jsonb)',         'jsonb', 's', 's', false),
		('abac_explain(uuid,text,record,jsonb)',         'jsonb', 's', 's', false),
		('abac_explain(bigint,text,record,jsonb)',       'jsonb', 's', 's', false),
		('abac_explain_text(text,text,record,jsonb)',    'text', 's', 's', false),
		('abac_explain_text(uuid,text,record,jsonb)',    'text', 's', 's', false),
		('abac_explain_text(bigint,text,record,jsonb)',  'text', 's', 's', false),
		-- about oneself
		('abac_can(text,record,jsonb)',               'boolean', 's', 's', true),
		('abac_context()',                            'jsonb',   's', 's', true),
		('abac_set_context(jsonb,boolean)',           'void',    'v', 'u', false),
		-- about the session
		('abac_stats()',                              'record',  'v', 'r', false),
		('abac_stats_reset()',                        'void',    'v', 'r', false),
		('abac_can(text,text,jsonb)',                 'boolean', 's', 's', true),
		('abac_user()',                               'text',    's', 's', true),
		('abac_set_user(text,boolean)',               'void',    'v', 'u', false),
		('abac_set_user(uuid,boolean)',               'void',    'v', 'u', false),
		('abac_set_user(bigint,boolean)',             'void',    'v', 'u', false),
		-- registered tables
		('abac_register(regclass,text,name,name,name,name,text)', 'void', 'v', 'u', false),
		('abac_registration(regclass)',               'text',    's', 's', false),
		('abac_unregister(regclass)',                 'boolean', 'v', 'u', false),
		('abac_protect(regclass,text,name,name,name,name,text,jsonb,boolean)', 'void', 'v', 'u', false),
		('abac_unprotect(regclass)',                  'void',    'v', 'u', false),
		('abac_require_own_functions()',              'void',    's', 'u', true),
		('abac_write_registration(regclass,text,name,name,name,name,text)', 'void', 'v', 'u', false),
		('abac_delete_registration(regclass)',        'boolean', 'v', 'u', false),
		-- bound tables
		('abac_bind(text,regclass,jsonb)',            'void',    'v', 'u', false),
		('abac_unbind(text,regclass,boolean)',        'void',    'v', 'u', false),
		('abac_verify_binding(text,regclass)',        'record',  's', 'u', false),
		('abac_write_binding(text,regclass,jsonb)',   'void',    'v', 'u', false),
		('abac_delete_binding(text,regclass,boolean)', 'void',   'v', 'u', false),
		('abac_compare_binding(text,regclass)',       'record',  's', 'u', false),
		('abac_forget_binding(uuid,boolean)',         'bigint',  'v', 'u', false),
		('abac_require_binding(uuid,regclass)',       'void',    's', 'u', false),
		('abac_plan_binding(text,regclass,jsonb)',    'record',  's', 'u', false),
		('abac_binding_query(uuid,boolean)',          'record',  's', 'u', false),
		('abac_binding_columns(text)',                'record',  'i', 's', false),
		('abac_binding_types(regclass,text[])',       'text[]',  's', 's', false),
		('abac_binding_value(text,text,text)',        'text',    'i', 's', false),
		('abac_binding_constant(text,jsonb)',         'text',    'i', 's', false),
		('abac_bound_role(text,text,text,boolean)',   'uuid',    's', 'u', false),
		('abac_bound_permission(text,boolean)',       'uuid',    's', 'u', false),
		('abac_rows(regclass,text[],bigint,bigint)',  'record',  'v', 'u', false),
		('abac_row_by_key(regclass,text[],text[],"any")', 'record', 'v', 'u', false),
		('abac_refuse_row(text,text[],text)',         'boolean', 'v', 'u', false),
		('abac_sees_all_rows(regclass)',              'boolean', 's', 'u', false),
		('abac_binding_checks(text)',                 'text',    's', 's', false),
		('abac_binding_labels(regclass,text[],text[])', 'jsonb', 's', 's', false),
		('abac_filter(text,text,regclass,jsonb)',     'text', 's', 's', false),
		('abac_filter(uuid,text,regclass,jsonb)',     'text', 's', 's', false),
		('abac_filter(bigint,text,regclass,jsonb)',   'text', 's', 's', false),
		('abac_verify_filter(text,text,regclass,jsonb,bigint)', 'record', 's', 'u', false),
		-- what the planner puts in their place: for every caller, who can't write an abac_shape
		('abac_fits(abac_shape,boolean,"any")',       'boolean', 's', 's', true),
		('abac_value(abac_shape,integer,anyelement)', 'anyelement', 's', 's', true),
		('abac_leaf(abac_shape,integer,"any")',       'boolean', 's', 's', true),
		('abac_row(abac_shape,text,text,jsonb,"any")', 'boolean', 's', 's', true),
		('abac_shape_in(cstring)',                    'abac_shape', 'i', 's', true),
		('abac_shape_out(abac_shape)',                'cstring', 'i', 's', true),
		('abac_row_support(internal)',                'internal', 'v', 'u', false),
		-- administration
		('abac_grant_super_admin(text)',              'void',    'v', 'u', false),
		('abac_grant_super_admin(uuid)',              'void',    'v', 'u', false),
		('abac_grant_super_admin(bigint)',            'void',    'v', 'u', false),
		('abac_enable_triggers()',                    'void',    'v', 'u', false),
		-- policies as a document
		('abac_export(text)',                         'jsonb',   's', 'u', false),
		('abac_import(jsonb,boolean)',                'record',  'v', 'u', false),
		('abac_document_kinds()',                     'record',  's', 'u', false),
		('abac_document_parts(text,uuid,text)',       'jsonb',   's', 'u', false),
		('abac_document_items(text[])',               'record',  's', 'u', false),
		('abac_document_links(jsonb)',                'record',  's', 'u', false),
		('abac_document_statements()',                'record',  's', 'u', false),
		('abac_document_permissions(jsonb)',          'text[]',  'i', 'u', false),
		('abac_document_lines(text[])',               'jsonb',   's', 'u', false),
		('abac_refuse_document(text,text,text)',      'void',    'v', 'u', false),
		('abac_check_object(jsonb,text,jsonb,text[])', 'void',   'v', 'u', false),
		('abac_check_part(text,text,jsonb,text)',     'void',    'v', 'u', false),
		('abac_check_document(jsonb)',                'void',    'v', 'u', false),
		('abac_apply_document(jsonb)',                'void',    'v', 'u', false),
		-- conversions, which read nothing
		('abac_condition_hash(jsonb)',                'text',    'i', 's', true),
		('abac_bson_to_jsonb(bytea)',                 'jsonb',   'i', 's', false),
		('abac_jsonb_to_bson(jsonb,text[])',          'bytea',   'i', 's', false),
		('abac_jsonb_to_extended_json(jsonb,text[],boolean)', 'text', 'i', 's', false),
		('abac_read_document(bytea,boolean,text[],text)', 'record', 'i', 's', false),
		('abac_add_counts(jsonb,jsonb)',              'jsonb',   'i', 's', false),
		-- from and to MongoDB
		('abac_import_rule_conditions(bytea,boolean,text)', 'record', 'v', 'u', false),
		('abac_import_rule_conditions(text,boolean,text)', 'record', 'v', 'u', false),
		('abac_import_user_attributes(bytea,boolean,text)', 'record', 'v', 'u', false),
		('abac_import_user_attributes(text,boolean,text)', 'record', 'v', 'u', false),
		('abac_import_mongodump(text,text,boolean,text)', 'record', 'v', 'u', false),
		('abac_export_rule_conditions()',             'bytea',   's', 'u', false),
		('abac_export_rule_conditions_json(boolean)', 'text',    's', 'u', false),
		('abac_export_user_attributes()',             'bytea',   's', 'u', false),
		('abac_export_user_attributes_json(boolean)', 'text',    's', 'u', false),
		('abac_next_documents(bytea,text,text,bigint,bigint)', 'record', 'v', 'u', false),
		('abac_unique_jsonb(text)',                   'jsonb',   'i', 's', false),
		('abac_import(text,boolean)',                 'record',  'v', 'u', false),
		('abac_import_id(bytea,boolean,text[])',      'text',    's', 'u', false),
		('abac_import_rule_conditions_batch(bytea[],boolean)', 'record', 'v', 'u', false),
		('abac_import_user_attributes_batch(bytea[],boolean)', 'record', 'v', 'u', false),
		('abac_import_documents(text,bytea[],boolean,bigint)', 'record', 'v', 'u', false),
		('abac_import_all(text,bytea,text,boolean,text)', 'record', 'v', 'u', false),
		('abac_import_file(text,text,boolean,text)',  'record',  'v', 'u', false),
		('abac_rule_condition_documents()',           'jsonb',   's', 'u', false),
		('abac_user_attribute_documents()',           'jsonb',   's', 'u', false),
		-- triggers
		('abac_guard()',                              'trigger', 'v', 'u', false),
		('abac_guard_truncate()',                     'trigger', 'v', 'u', false),
		('abac_touch()',                              'trigger', 'v', 'u', false),
		('abac_changed()',                            'trigger', 'v', 'u', false),
		('abac_changing()',                           'trigger', 'v', 'u', false),
		('abac_forget_dropped()',               'event_trigger', 'v', 'u', false),
		('abac_guard_bound()',                  'event_trigger', 'v', 'u', false)$$,
	'the functions, and which of them PUBLIC may execute');

SELECT is_empty(
	$$SELECT oid::regprocedure FROM functions WHERE obj_description(oid, 'pg_proc') IS NULL$$,
	'every function has a comment');
SELECT is_empty(
	$$SELECT oid::regprocedure FROM functions
	  WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) c WHERE c = 'search_path=pg_catalog, pg_temp')$$,
	'a SECURITY DEFINER function has a search_path of its own');
SELECT is_empty(
	$$SELECT oid::regprocedure, acl.grantee::regrole FROM functions, aclexplode(proacl) acl
	  WHERE acl.grantee NOT IN (0, proowner)$$,
	'no function is granted to a role by name');

-- Who names nobody's type gets text; ctx may be left out, and named.
SELECT lives_ok($$SELECT abac_check('ann', 'read', 'doc')$$, 'an untyped user is text');
SELECT lives_ok($$SELECT abac_check(user_id => 'ann', action => 'read', resource => 'doc', ctx => '{}')$$, 'arguments by name');
SELECT lives_ok($$SELECT abac_check(42, 'read', 'doc:1')$$, 'an integer user is bigint');
SELECT lives_ok($$SELECT abac_can('read', 'doc')$$, 'abac_can without ctx');
SELECT is(pg_typeof(abac_explain('ann', 'read', 'doc'))::text, 'jsonb', 'abac_explain of an untyped user');
SAVEPOINT named;
SET LOCAL client_min_messages = warning;
CREATE TABLE abac_test_named (org text);
SELECT lives_ok($$SELECT abac_protect(relation => 'abac_test_named', resource_type => 'doc', id_column => NULL, organization_column => 'org',
	project_column => NULL, workspace_column => NULL, null_scope => 'platform', actions => '{"read": "see"}', force => true)$$,
	'abac_protect, by name');
SELECT is(abac_registration('abac_test_named'), 'resource type "doc", organization column "org", NULL scope is platform', 'abac_registration');
SELECT lives_ok($$SELECT abac_unprotect(relation => 'abac_test_named')$$, 'abac_unprotect');
SELECT lives_ok($$SELECT abac_register(relation => 'abac_test_named', resource_type => 'doc', id_column => NULL, organization_column => 'org',
	project_column => NULL, workspace_column => NULL, null_scope => 'platform')$$, 'abac_register, by name');
SELECT is(abac_unregister(relation => 'abac_test_named'), true, 'abac_unregister');
ALTER TABLE abac_test_named ADD PRIMARY KEY (org);
SELECT lives_ok($$SELECT abac_bind(kind => 'scopes', source => 'abac_test_named', mapping => '{"scope_type": {"value": "team"}, "scope_id": "org"}')$$, 'abac_bind, by name');
INSERT INTO abac_test_named VALUES ('t');
SELECT is_empty($$SELECT difference, key, expected, found FROM abac_verify_binding(kind => 'scopes', source => 'abac_test_named')$$, 'abac_verify_binding');
-- what is made for a binding is no more open than the extension's own functions
SELECT is(
	(SELECT (prosecdef, proowner = (SELECT extowner FROM pg_extension WHERE extname = 'abac'), has_function_privilege('public', p.oid, 'EXECUTE'),
			 'search_path=pg_catalog, pg_temp' = ANY (proconfig), obj_description(p.oid, 'pg_proc'))::text
	 FROM pg_proc p, abac_bindings b WHERE proname = 'abac_bound_' || replace(b.id::text, '-', '')),
	'(t,t,f,t,"made by abac_bind: keeps abac_scopes in step with public.abac_test_named")', 'the function of a binding');
SELECT lives_ok($$SELECT abac_unbind(kind => 'scopes', source => 'abac_test_named', keep => true)$$, 'abac_unbind');
ROLLBACK TO named;

--
-- Tables
--

SELECT bag_eq(
	$$SELECT relname::text FROM tables$$,
	$$SELECT 'abac_' || t FROM unnest('{attribute_definitions, rules, rule_groups, rule_group_members, policies, policy_rule_groups,
		policy_assignments, resource_types, relations, bindings, user_attributes, scopes, memberships, roles, permissions, role_permissions,
		user_roles, user_permissions, conditions, policy_rules}'::text[]) t$$,
	'the tables');
SELECT is_empty(
	$$SELECT relname FROM tables WHERE obj_description(oid, 'pg_class') IS NULL$$,
	'every table has a comment');
SELECT is_empty(
	$$SELECT relname, acl.grantee, acl.privilege_type FROM tables, aclexplode(relacl) acl WHERE acl.grantee <> relowner$$,
	'no table is granted to anybody');
SELECT is_empty(
	$$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN (SELECT oid FROM tables) AND attacl IS NOT NULL$$,
	'nor is a column');
SELECT col_is_pk('public', relname, 'id'::name, relname || ': id is the primary key') FROM tables ORDER BY relname;
SELECT is_empty(
	$$SELECT relname FROM tables WHERE relname <> ALL (
		SELECT c.oid::regclass::text FROM pg_extension e, unnest(extconfig) c WHERE extname = 'abac')$$,
	'pg_dump dumps the rows of every table');
SELECT is_empty(
	$$SELECT relname FROM tables t
	  WHERE (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', t.oid::regclass), false, true, '')))[1]::text <> '0'$$,
	'the extension installs no rows');
SELECT is_empty(
	$$SELECT relname, column_name FROM tables,
		unnest('{created_at, updated_at, created_by, updated_by}'::text[]) column_name
	  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tables.oid AND a.attname = column_name)$$,
	'every table says who wrote a row and when');
-- Catalog-style scans compare ids byte by byte: an index in another collation
-- would be searched wrongly.
SELECT is_empty(
	$$SELECT indexrelid::regclass, c.n
	  FROM pg_index, unnest(indcollation) WITH ORDINALITY c (oid, n)
	  WHERE indrelid IN (SELECT oid FROM tables) AND c.oid NOT IN (0, '"C"'::regcollation)$$,
	'every indexed text column has collation C');
SELECT is_empty(
	$$SELECT conrelid::regclass, conname FROM pg_constraint
	  WHERE contype = 'f' AND conrelid IN (SELECT oid FROM tables) AND confrelid NOT IN (SELECT oid FROM tables)$$,
	'no foreign key leaves the extension');
-- What keeps caches right must fire whoever writes (src/announce.c).
SELECT bag_eq(
	$$SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger
	  WHERE tgfoid IN ('abac_changing'::regproc, 'abac_changed'::regproc)$$,
	$$SELECT relname::text, t.* FROM tables, LATERAL (VALUES
		('abac_changing', 'A'), ('abac_changed', 'A'), ('abac_changed_truncate', 'A'),
		('abac_changed_row', CASE WHEN relname IN ('abac_user_attributes', 'abac_memberships', 'abac_user_roles',
			'abac_user_permissions', 'abac_policy_assignments', 'abac_policies', 'abac_policy_rule_groups', 'abac_rule_groups',
			'abac_rule_group_members', 'abac_rules') THEN 'A' ELSE 'R' END)) t$$,
	'every table tells sessions of its changes, on a replica too; some of each row');

--
-- Settings
--

SELECT bag_eq(
	$$SELECT name, context, setting FROM pg_settings WHERE name LIKE 'abac.%'$$,
	$$VALUES
		('abac.allow_system_changes', 'superuser', 'off'),
		('abac.attribute_validation', 'superuser', 'warn'),
		('abac.cache_size',           'user',      '32768'),
		('abac.context',              'superuser', ''),
		('abac.principal',            'superuser', ''),
		('abac.timezone',             'superuser', 'UTC')$$,
	'the settings: what weakens anything is a superuser''s');
SELECT throws_ok($$SET abac.no_such_setting = 1$$, '42602', NULL, 'there are no others');
SELECT is(extrelocatable, false, 'the extension stays in its schema') FROM pg_extension WHERE extname = 'abac';
SELECT is(trusted, false, 'only a superuser creates it') FROM pg_available_extension_versions WHERE name = 'abac' AND installed;

SELECT * FROM finish();
ROLLBACK;
