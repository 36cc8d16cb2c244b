# A dump of any state that the guards allow goes into a fresh database, in every
# way that pg_dump and pg_restore know, and the copy holds the same rows and
# decides the same.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off");
$node->start;

# Not in public, so that nothing can count on the search_path.
my $create = 'CREATE SCHEMA access; CREATE EXTENSION abac SCHEMA access';
my $path   = 'SET search_path = access';

$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', $create);
$node->safe_psql('source', "$path;\nSET client_min_messages = error;\n" . slurp_file('test/world.sql'));

# What guards allow though it looks odd: what isn't there (yet) is no violation.
$node->safe_psql('source', "$path;" . q{
	SET client_min_messages = error;

	-- contexts and scopes that nobody registered, policies for whom nobody knows
	INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
		SELECT 'odd', id, 'project', 'nowhere' FROM abac_roles WHERE name = 'project_lead';
	INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
		SELECT 'odd', id, 'organization', 'unheard-of' FROM abac_roles WHERE name = 'org_member';
	INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES
		('team', 'no-such-team', 'odd'), ('workspace', 'no-such-workspace', 'odd'), ('organization', 'riverside', 'odd');
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
		SELECT id, 'role', '00000000-0000-4000-8000-000000000000' FROM abac_policies;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, is_active)
		SELECT id, 'project', 'nowhere', false FROM abac_policies;
	INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id)
		SELECT 'odd', id, true, 'workspace', 'no-such-workspace' FROM abac_permissions;
	INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES
		('workspace', 'orphan', 'project', 'unregistered'), ('project', 'founding', 'organization', 'unheard-of');

	-- attributes that contradict their definition, were defined after they were
	-- written, or aren't defined at all
	INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES
		('odd', NULL, '{"identity_level": "a lot", "employment": "pirate", "department": "UPPER CASE"}'),
		('odd', 'riverside', '{"shoe_size": "large", "ward": null, "training": "gcp"}');
	INSERT INTO abac_attribute_definitions (organization_id, name, data_type, allowed_values)
		VALUES ('riverside', 'user.shoe_size', 'number', '[42]');
	INSERT INTO abac_rules (organization_id, name, conditions, effect) VALUES
		('riverside', 'undefined attribute', '{"attribute": "user.never_heard_of", "operator": "eq", "value": 1}', 'allow'),
		('riverside', 'literal of another type', '{"attribute": "user.clearance", "operator": "eq", "value": "high"}', 'allow'),
		('riverside', E'a name with\ttab, \\ backslash, quote '' and newline\n', 'true', 'allow');

	-- a group of the greatest depth, an empty one, a policy without groups
	INSERT INTO abac_rule_groups (organization_id, name) SELECT 'riverside', 'level ' || n FROM generate_series(1, 31) n;
	INSERT INTO abac_rule_group_members (group_id, child_group_id, sort_order)
		SELECT a.id, b.id, n FROM generate_series(1, 30) n
		JOIN abac_rule_groups a ON a.name = 'level ' || n JOIN abac_rule_groups b ON b.name = 'level ' || n + 1;
	INSERT INTO abac_rule_group_members (group_id, rule_id)
		SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r
		WHERE g.name = 'level 31' AND r.name IN ('undefined attribute', 'literal of another type');
	INSERT INTO abac_policies (organization_id, name, effect, default_effect) VALUES
		('riverside', 'deep', 'allow', 'deny'), ('riverside', 'without groups', 'deny', 'deny');
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
		SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g WHERE p.name = 'deep' AND g.name = 'level 1';
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
		SELECT id, 'user', 'odd' FROM abac_policies WHERE name IN ('deep', 'without groups');

	-- system rows with everything that hangs on them, and a policy that was changed
	INSERT INTO abac_rules (name, is_system, conditions) VALUES ('system rule', true, 'true');
	INSERT INTO abac_rule_groups (name, is_system) VALUES ('system group', true), ('system subgroup', true);
	INSERT INTO abac_rule_group_members (group_id, rule_id)
		SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r WHERE g.name = 'system subgroup' AND r.name = 'system rule';
	INSERT INTO abac_rule_group_members (group_id, child_group_id)
		SELECT g.id, c.id FROM abac_rule_groups g, abac_rule_groups c WHERE g.name = 'system group' AND c.name = 'system subgroup';
	INSERT INTO abac_policies (name, is_system, priority) VALUES ('system policy', true, 5);
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
		SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g WHERE p.name = 'system policy' AND g.name = 'system group';
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, expires_at)
		SELECT id, 'user', 'odd', 'infinity' FROM abac_policies WHERE name = 'system policy';
	INSERT INTO abac_roles (name, scope, is_system) VALUES ('system role', 'workspace', true);
	UPDATE abac_policies SET priority = priority + 1 WHERE NOT is_system;

});

# A registered table, a protected one and a partitioned one, with rows of both
# tenants, for an application that logs in.
my $tables = q{
	CREATE TABLE access.reports (id int PRIMARY KEY);
	CREATE TABLE access.papers (id int PRIMARY KEY, org text, title text, owner_id text);
	CREATE TABLE access."Papers by Year" (id int, year int, org text, title text, owner_id text, PRIMARY KEY (id, year)) PARTITION BY RANGE (year);
	CREATE TABLE access.papers_2030 PARTITION OF access."Papers by Year" FOR VALUES FROM (2030) TO (2040) PARTITION BY RANGE (year);
	CREATE TABLE access.papers_2031 PARTITION OF access.papers_2030 FOR VALUES FROM (2031) TO (2032);
	ALTER TABLE access.papers_2031 ENABLE ROW LEVEL SECURITY;
};
$node->safe_psql('postgres', 'CREATE ROLE clerk LOGIN');
$node->safe_psql('source', "$path; SET client_min_messages = warning; $tables" . q{
	INSERT INTO papers VALUES (1, 'kestrel', 'open', 'ben.ruiz'), (2, 'kestrel', 'DRAFT', 'ben.ruiz'), (3, 'riverside', 'chart', 'dr.okafor'), (4, NULL, 'lost', 'x');
	INSERT INTO "Papers by Year" SELECT id, 2031, org, title, owner_id FROM papers;
	SELECT abac_register('reports', 'report');
	SELECT abac_protect('papers', 'document', organization_column => 'org', force => true);
	SELECT abac_protect('"Papers by Year"', 'document', 'id', 'org', null_scope => 'platform', actions => '{"update": "write"}');
	GRANT USAGE ON SCHEMA access TO clerk;
	GRANT SELECT, UPDATE ON papers, "Papers by Year", papers_2030, papers_2031 TO clerk;
	GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean) TO clerk;
});

# All rows of all tables, as text.
sub rows
{
	my ($db) = @_;
	my $tables = $node->safe_psql($db, q{
		SELECT c.relname FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid WHERE extname = 'abac' AND relkind = 'r' ORDER BY relname});
	return $node->safe_psql($db, join(' ', map { "SELECT '$_', t.* FROM access.$_ t ORDER BY id;" } split /\n/, $tables));
}

# Thousands of decisions, with what made them.
sub decisions
{
	my ($db) = @_;
	return $node->safe_psql($db, "$path;" . q{
		WITH users AS (
			SELECT user_id FROM abac_memberships UNION SELECT user_id FROM abac_user_roles
			UNION SELECT user_id FROM abac_policy_assignments, LATERAL (SELECT target_id) u (user_id) WHERE target_type = 'user'
			UNION SELECT 'nobody'),
		questions (action, resource) AS (
			VALUES ('read', 'document:menu'), ('write', 'document:menu'), ('publish', 'document:poster'),
				('delete', 'document:poster'), ('comment', 'document:board'), ('read', 'record:r-104'),
				('export', 'record:r-104'), ('sign', 'prescription'), ('read', 'dataset:d-1'),
				('approve', 'invoice:inv-7'), ('read', 'asset:a')),
		scopes (scope) AS (
			VALUES ('{}'), ('{"organization": "riverside"}'), ('{"workspace": "ward-3"}'), ('{"project": "trial-17"}'),
				('{"organization": "kestrel"}'), ('{"project": "aurora"}'), ('{"workspace": "moodboards"}'),
				('{"organization": "unheard-of"}'), ('{"project": "nowhere"}')),
		rest (ctx) AS (
			VALUES ('{"env": {"time_of_day": "12:00", "ip": "10.20.4.17"}, "resource": {"ward": "3", "owner_id": "ben.ruiz", "amount": 1200, "status": "open", "kind": "logo"}}'),
				('{"env": {"time_of_day": "03:00", "mfa": true}, "resource": {"legal_hold": true, "tags": ["shared", "quarantine"]}, "context": {"reason": "referral", "emergency": true}}'))
		SELECT user_id, action, resource, scope, left(ctx, 30), e ->> 'decision', e ->> 'reason', e -> 'decided_by' ->> 'id',
			abac_check(user_id, action, resource, ctx::jsonb || jsonb_build_object('scope', scope::jsonb))
		FROM users, questions, scopes, rest,
		LATERAL abac_explain(user_id, action, resource, ctx::jsonb || jsonb_build_object('scope', scope::jsonb)) e
		ORDER BY 1, 2, 3, 4, 5});
}

# What users see and may change, through an application that logs in.
sub visible
{
	my ($db) = @_;
	my $seen = '';
	foreach my $user ('ben.ruiz', 'finch', 'dr.okafor', 'ines.vale', 'nobody')
	{
		$seen .= $node->safe_psql($db, "$path; BEGIN; SELECT '$user', abac_set_user('$user');"
			  . join(' ', map { qq{
				SELECT '$_', array_agg(id ORDER BY id) FROM $_;
				WITH changed AS (UPDATE $_ SET title = title RETURNING id) SELECT 'changed', array_agg(id ORDER BY id) FROM changed;}
			  } 'papers', '"Papers by Year"', 'papers_2030', 'papers_2031') . ' ROLLBACK;',
			extra_params => [ '-U', 'clerk' ]) . "\n";
	}
	return $seen;
}

# Row-level security as the catalogs have it.
my $protection = q{
	SELECT relname, relrowsecurity, relforcerowsecurity, polname, polcmd, pg_get_expr(polqual, polrelid),
		pg_get_expr(polwithcheck, polrelid), obj_description(p.oid, 'pg_policy')
	FROM pg_class c LEFT JOIN pg_policy p ON polrelid = c.oid
	WHERE relnamespace = 'access'::regnamespace AND relname ~* 'papers' AND relkind IN ('r', 'p') ORDER BY 1, 4};

my $rows      = rows('source');
my $decisions = decisions('source');

# The comparison is worth something.
cmp_ok(scalar(split /\n/, $rows), '>', 300, 'there are rows in the source');
foreach my $reason (qw(super_admin user_deny user_allow policy_deny policy_allow policy_default
	legacy_allow role_allow no_match scope_mismatch))
{
	like($decisions, qr/\|$reason\|/, "the source decides by $reason");
}

my $visible = visible('source');
like($visible, qr/^ben.ruiz\|\npapers\|\{1,2\}\nchanged\|\n"Papers by Year"\|\{1,2\}\nchanged\|\{1,2\}\n/m, 'a user sees rows of their own tenant, and changes what they may write');
like($visible, qr/^nobody\|\npapers\|\nchanged\|\n"Papers by Year"\|\n/m, 'and nobody sees nothing');

sub same_as_source
{
	my ($db, $name) = @_;
	# not is(), which would print thousands of lines
	ok(rows($db) eq $rows, "$name: the same rows");
	ok(decisions($db) eq $decisions, "$name: the same decisions");
	return;
}

sub same_protection
{
	my ($db, $name) = @_;
	is($node->safe_psql($db, $protection), $node->safe_psql('source', $protection), "$name: the same row-level security");
	is(visible($db), $visible, "$name: users see the same rows");
	return;
}

# The state of the triggers, which a dump doesn't speak of.
my $trigger_states = q{
	SELECT string_agg(tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text, ',' ORDER BY tgrelid::regclass::text COLLATE "C", tgname)
	FROM pg_trigger WHERE NOT tgisinternal};
my $states = $node->safe_psql('source', $trigger_states);

my $dir = PostgreSQL::Test::Utils::tempdir;
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", 'source' ],             'pg_dump -Fc');
$node->command_ok([ 'pg_dump', '-Fp', '-f', "$dir/plain", 'source' ],              'pg_dump -Fp');
$node->command_ok([ 'pg_dump', '-Fd', '-j', 4, '-f', "$dir/directory", 'source' ], 'pg_dump -Fd -j 4');
$node->command_ok([ 'pg_dump', '-Fp', '--inserts', '--data-only', '-f', "$dir/inserts", 'source' ], 'pg_dump --inserts --data-only');

$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") foreach qw(custom plain parallel data inserts disabled);

$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'custom', "$dir/custom" ], 'pg_restore');
same_as_source('custom', 'pg_restore');
same_protection('custom', 'pg_restore');
is($node->safe_psql('custom', $trigger_states), $states, 'pg_restore: the triggers are as in the source');

$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain" ], 'psql with a plain dump');
same_as_source('plain', 'psql');
same_protection('plain', 'psql');

$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', 4, '-d', 'parallel', "$dir/directory" ], 'pg_restore -j 4');
same_as_source('parallel', 'pg_restore -j 4');
same_protection('parallel', 'pg_restore -j 4');

# What abac_protect found before is known in the copy too.
$node->safe_psql('custom', "$path; SELECT abac_unprotect('papers'), abac_unprotect('\"Papers by Year\"')");
is($node->safe_psql('custom', $protection),
	"Papers by Year|f|f|||||\npapers|f|f|||||\npapers_2030|f|f|||||\npapers_2031|t|f|||||", 'abac_unprotect in the copy');
is($node->safe_psql('custom', 'SELECT relation FROM access.abac_relations'), 'access.reports', 'and what it unregisters');

# Data alone, into an extension that is there.
$node->safe_psql($_, "$create; $tables") foreach qw(data inserts disabled);
$node->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '-d', 'data', "$dir/custom" ], 'pg_restore --data-only');
same_as_source('data', 'pg_restore --data-only');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'inserts', '-f', "$dir/inserts" ], 'psql with INSERTs');
same_as_source('inserts', 'INSERTs');

# With --disable-triggers, while a warm session of the target looks on.
my $session = $node->background_psql('disabled');
my $ask     = q{SELECT access.abac_check('odd', 'read', 'document:x')};
is($session->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $ask"), 'f', 'denied before the restore');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '--disable-triggers', '-d', 'disabled', "$dir/custom" ],
	'pg_restore --data-only --disable-triggers');
is($session->query_safe($ask), 't', 'a warm session sees what was restored without triggers');
same_as_source('disabled', 'pg_restore --data-only --disable-triggers');

# Afterwards the triggers are ordinary ones, which replication doesn't fire.
# Sessions read afresh until abac_enable_triggers().
isnt($node->safe_psql('disabled', $trigger_states), $states, 'the triggers differ after it');
my $replica = 'SET session_replication_role = replica;';
$node->safe_psql('disabled', "$replica UPDATE access.abac_rules SET is_active = false WHERE name = 'system rule'");
is($session->query_safe($ask), 'f', 'a write that fires no trigger is seen');
$node->safe_psql('disabled', 'SELECT access.abac_enable_triggers()');
is($node->safe_psql('disabled', $trigger_states), $states, 'abac_enable_triggers() puts the triggers right');
is($session->query_safe($ask), 'f', 'and changes no decision');
$node->safe_psql('disabled', "$replica UPDATE access.abac_rules SET is_active = true WHERE name = 'system rule'");
is($session->query_safe($ask), 't', 'from then on replica writes fire them');
$session->quit;

$node->stop;
done_testing();
