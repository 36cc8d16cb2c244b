# A warm session on a streaming standby follows the primary: what is replayed
# counts for its next check, also inside a transaction that began before.
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

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
# The sessions' old snapshots must not hold up the replay.
$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
$standby->start;

# Run on the primary and wait for the replay.
sub change
{
	my ($sql) = @_;
	$primary->safe_psql('postgres', $sql);
	$primary->wait_for_catchup($standby);
	return;
}

my %sessions = map { $_ => $standby->background_psql('postgres') } 'read committed', 'repeatable read';
$sessions{$_}->query_safe("BEGIN ISOLATION LEVEL $_; SELECT count(*) FROM pg_class") foreach keys %sessions;

# Every session must give this answer.
sub all_denied
{
	my ($expected, $name) = @_;
	is(denied($sessions{$_}), $expected, "$_: $name") foreach sort keys %sessions;
	return;
}

revoke_each(\&change, \&all_denied);

my $grant = change_in_two_phases(\&change, \&all_denied);

# Other ways to change a table.
change("SET session_replication_role = replica; $grant");
all_denied('', 'session_replication_role = replica');
change('TRUNCATE abac_user_permissions');
all_denied('user_permissions', 'TRUNCATE');
change("COPY abac_resource_types (resource_type, required_scope) FROM STDIN;\nrules\tproject\n\\.\n");
all_denied('rules user_permissions', 'COPY');
change(q{ALTER TABLE abac_user_roles DISABLE TRIGGER ALL});
all_denied('rules user_permissions', 'triggers disabled');
change(q{DELETE FROM abac_user_roles});
all_denied('rules roles permissions role_permissions user_roles user_permissions conditions',
	'a change without triggers');

# The same with an explanation, which a standby can give too.
is( $sessions{'read committed'}->query_safe(q{SELECT abac_explain('ann', 'read', 'rules') ->> 'reason'}),
	'scope_mismatch', 'abac_explain on a standby');

$_->quit foreach values %sessions;

# A session that was warm before the promotion sees what is written after it.
my $session = $standby->background_psql('postgres');
unlike(denied($session), qr/policies/, 'allowed before the promotion');
$standby->promote;
$standby->safe_psql('postgres', q{UPDATE abac_policies SET is_active = false WHERE name = 'policies'});
like(denied($session), qr/policies/, 'revoked after the promotion');
$session->quit;

$standby->stop;
$primary->stop;
done_testing();
