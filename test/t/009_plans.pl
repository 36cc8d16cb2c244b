# Cached plans on a hot standby, and when somebody else commits what was
# prepared: a prepared statement with a generic plan asks one question per table
# that a decision reads, and follows each change of it; no restart, no new
# session.  Needs the plan's dependency on the tables, whose invalidations are
# replayed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use AbacTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "max_prepared_transactions = 2\nautovacuum = off");
$primary->start;
$primary->safe_psql('postgres', "CREATE EXTENSION abac; $probe_world");
# A table for each question, with one row, whose columns say the scope.
foreach my $probe (@probes)
{
	my ($table, $ctx) = ($probe->{table}, $probe->{ctx} // '');
	my ($scope, $id) = $ctx =~ /"(organization|project)": "(\w+)"/;
	$scope //= 'body';
	$id //= '';
	$primary->safe_psql('postgres', "CREATE TABLE t_$table AS SELECT 1 AS id, '$id' AS $scope; SELECT abac_register('t_$table', '$table', 'id'"
		  . ($scope eq 'body' ? ')' : ", ${scope}_column => '$scope')"));
}

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
$standby->start;

my $prepare = 'SET plan_cache_mode = force_generic_plan; PREPARE denied AS SELECT concat_ws($$ $$, ' . join(', ',
	map { my $ctx = ($_->{ctx} // '') =~ /"scope"/ ? '{}' : $_->{ctx} // '{}';
		"CASE WHEN NOT EXISTS (SELECT FROM t_$_->{table} t WHERE abac_check('ann', 'read', t.*, '$ctx')) THEN '$_->{table}' END" } @probes) . ')';

sub change
{
	my ($sql) = @_;
	$primary->safe_psql('postgres', $sql);
	$primary->wait_for_catchup($standby);
	return;
}

my %nodes = ('on the primary' => $primary, 'on the standby' => $standby);
my %sessions = map { $_ => $nodes{$_}->background_psql('postgres') } keys %nodes;
$sessions{$_}->query_safe($prepare) foreach keys %sessions;

# What every session must answer.
sub all_denied
{
	my ($expected, $name) = @_;
	is($sessions{$_}->query_safe('EXECUTE denied'), $expected, "$_: $name") foreach sort keys %sessions;
	return;
}

foreach my $where (sort keys %sessions)
{
	my $plan = $sessions{$where}->query_safe('EXPLAIN EXECUTE denied');
	like($plan, qr/abac_fits/, "$where: checks are rewritten");
	unlike($plan, qr/abac_check/, "$where: and none is left");
}
revoke_each(\&change, \&all_denied);

# The registration, and what becomes of it.
change(q{UPDATE abac_relations SET resource_type = 'nothing' WHERE relation = 't_rules'::regclass});
all_denied('rules', 'registered as another type');
change(q{UPDATE abac_relations SET resource_type = 'rules' WHERE relation = 't_rules'::regclass});
all_denied('', 'and again as it was');

change(change_in_two_phases(\&change, \&all_denied));
all_denied('', 'granted again');

# The plan is made by the transaction that prepares its change.
$sessions{'on the primary'}->query_safe("BEGIN; DELETE FROM abac_user_permissions");
is($sessions{'on the primary'}->query_safe('EXECUTE denied'), 'user_permissions', 'a plan made within the change');
$sessions{'on the primary'}->query_safe("PREPARE TRANSACTION 'own'");
all_denied('', 'and left by PREPARE TRANSACTION');
$sessions{'on the primary'}->query_safe("ROLLBACK PREPARED 'own'");
all_denied('', 'and rolled back');

# A plan that was made before the promotion.
$sessions{'on the primary'}->quit;
$primary->stop;
$standby->promote;
$standby->safe_psql('postgres', 'DELETE FROM abac_user_permissions');
is($sessions{'on the standby'}->query_safe('EXECUTE denied'), 'user_permissions', 'revoked after the promotion');
$sessions{'on the standby'}->quit;
$standby->stop;
done_testing();
