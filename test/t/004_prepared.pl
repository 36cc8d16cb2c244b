# Two-phase commit: a prepared change counts for nobody, not even for the
# session that made it, until it is committed; and it survives a crash.
# A TAP test because max_prepared_transactions is 0 by default.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use AbacTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('prepared');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION abac; $probe_world");

my $revoke = 'DELETE FROM abac_user_permissions';
my $grant  = q{INSERT INTO abac_user_permissions (user_id, permission_id, granted)
	SELECT 'ann', id, true FROM abac_permissions WHERE resource_type = 'user_permissions'};

my @levels = ('read committed', 'repeatable read', 'serializable');
my %sessions = map { $_ => $node->background_psql('postgres') } @levels;
foreach my $level (@levels)
{
	$sessions{$level}->query_safe("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM pg_class");
	is(denied($sessions{$level}), '', "$level: allowed at first");
}
my $writer = $node->background_psql('postgres');
is(denied($writer), '', 'writer: allowed at first');

sub all_denied
{
	my ($expected, $name) = @_;
	is(denied($sessions{$_}), $expected, "$_: $name") foreach @levels;
	is(denied($writer), $expected, "writer: $name");
	return;
}

# Committed by another session than the one that prepared it.
$writer->query_safe("BEGIN; $revoke");
is(denied($writer), 'user_permissions', 'writer: its own change');
$writer->query_safe("PREPARE TRANSACTION 'one'");
all_denied('', 'a prepared revocation does not count yet');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
all_denied('user_permissions', 'a prepared revocation committed');

# A grant that is prepared and taken back.
$writer->query_safe("BEGIN; $grant");
is(denied($writer), '', 'writer: its own grant');
$writer->query_safe("PREPARE TRANSACTION 'two'");
all_denied('user_permissions', 'a prepared grant does not count yet');
$writer->query_safe("ROLLBACK PREPARED 'two'");
all_denied('user_permissions', 'a prepared grant rolled back');

# Committed by the session that prepared it, of a table of the other layer.
$writer->query_safe("BEGIN; UPDATE abac_policies SET is_active = false WHERE name = 'policies'");
is(denied($writer), 'policies user_permissions', 'writer: its own change of a policy');
$writer->query_safe("PREPARE TRANSACTION 'three'");
all_denied('user_permissions', 'a prepared change of a policy does not count yet');
$writer->query_safe("COMMIT PREPARED 'three'");
all_denied('policies user_permissions', 'a prepared change of a policy committed');

# One that only is about somebody else doesn't keep a filter from being made,
# of which the same place is asked about for each of its windows.
$node->safe_psql('postgres', q{
	CREATE TABLE docs (id int PRIMARY KEY, org text, owner text);
	INSERT INTO docs VALUES (1, 'o1', 'eve'), (2, 'o2', 'eve');
	SELECT abac_register('docs', 'doc', organization_column => 'org');
	INSERT INTO abac_rules (name, resource_type, conditions) VALUES
		('own', 'doc', '{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"}');
	INSERT INTO abac_rule_groups (name) VALUES ('own');
	INSERT INTO abac_policies (name) VALUES ('own');
	INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r WHERE g.name = 'own' AND r.name = 'own';
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g WHERE p.name = 'own' AND g.name = 'own';
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'organization', o FROM abac_policies, (VALUES ('o1'), ('o2')) v (o) WHERE name = 'own';
	INSERT INTO abac_memberships (scope_type, scope_id, user_id, expires_at) VALUES
		('organization', 'o1', 'eve', now() + '1 day'), ('organization', 'o2', 'eve', NULL)});
$writer->query_safe(q{BEGIN; INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'o1', 'somebody')});
$writer->query_safe("PREPARE TRANSACTION 'somebody'");
is($node->safe_psql('postgres', q{
	SET statement_timeout = '20s';
	SELECT abac_check('dan', 'read', 'doc');
	SELECT count(*) FROM docs WHERE abac_check('eve', 'read', docs.*)}), "f\n2", 'a filter beside a prepared change about somebody else');
$node->safe_psql('postgres', q{
	ROLLBACK PREPARED 'somebody';
	DELETE FROM abac_policy_assignments WHERE target_type = 'organization' AND target_id IN ('o1', 'o2');
	DELETE FROM abac_memberships WHERE user_id = 'eve';
	SELECT abac_unregister('docs')});

# Another revocation is prepared, and the server crashes.
$writer->query_safe("BEGIN; DELETE FROM abac_memberships; PREPARE TRANSACTION 'four'");
$_->quit foreach values %sessions, $writer;
$node->stop('immediate');
$node->start;

my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
is(denied($session), 'policies user_permissions', 'after a crash a prepared change still waits');
$node->safe_psql('postgres', "COMMIT PREPARED 'four'");
is(denied($session), 'policies memberships user_permissions policy_rules', 'and is committed then');
$session->quit;

$node->stop;
done_testing();
