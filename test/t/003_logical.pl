# Logical replication into a database with the extension: a warm session of the
# subscriber follows, and what the guards would have refused fails closed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use AbacTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;

$_->safe_psql('postgres', 'CREATE EXTENSION abac') foreach $publisher, $subscriber;
$publisher->safe_psql('postgres', $probe_world);
$publisher->safe_psql('postgres', 'CREATE PUBLICATION pub FOR TABLE ' . join(', ', @abac_tables));

# Run on the publisher and wait until the subscriber applied it.
sub change
{
	my ($sql) = @_;
	$publisher->safe_psql('postgres', $sql);
	$publisher->wait_for_catchup('sub');
	return;
}

my %sessions = map { $_ => $subscriber->background_psql('postgres') } 'read committed', 'repeatable read', 'serializable';
foreach my $level (keys %sessions)
{
	$sessions{$level}->query_safe("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM pg_class");
	unlike(denied($sessions{$level}), qr/^$/, "$level: denied before there is anything");
}

# The initial copy.
$subscriber->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION sub CONNECTION '%s' PUBLICATION pub},
	$publisher->connstr . ' dbname=postgres');
$subscriber->wait_for_subscription_sync($publisher, 'sub');

# Every session must give this answer.
sub all_denied
{
	my ($expected, $name) = @_;
	is(denied($sessions{$_}), $expected, "$_: $name") foreach sort keys %sessions;
	return;
}

# INSERT, UPDATE, DELETE of every table.
revoke_each(\&change, \&all_denied);

change('TRUNCATE abac_user_permissions');
all_denied('user_permissions', 'TRUNCATE');
$_->quit foreach values %sessions;

# What guards refuse where it originates isn't refused on apply, and fails
# closed.  The publisher's guards are told to look away.
my $session = $subscriber->background_psql('postgres');
is(denied($session), 'user_permissions', 'warm again');

sub smuggle
{
	my ($sql) = @_;
	change("BEGIN; SET LOCAL session_replication_role = replica; $sql; COMMIT");
	return;
}

# Value of the policy with the name of the resource type, and of its rule.
sub value_of
{
	my ($type, $path) = @_;
	return $session->query_safe(
		qq{SELECT jsonb_path_query_first(abac_explain('ann', 'read', '$type'), '\$.policies[*] ? (\@.name == "$type").$path') #>> '{}'});
}

is(value_of('rules', 'value'), 'true', 'the policy before its rule was broken');
smuggle(q{UPDATE abac_rules SET conditions = '{"attribute": "user.department", "operator": "resembles", "value": 1}' WHERE name = 'rules'});
is(denied($session), 'rules user_permissions', 'a tree that does not compile: denied');
is(value_of('rules', 'value'), 'unknown', 'a tree that does not compile: the policy is unknown');
is(value_of('rules', 'groups[*].members[*].value'), 'unknown', 'a tree that does not compile: its rule is unknown');

is(value_of('rule_groups', 'value'), 'true', 'the policy before its group became a cycle');
smuggle(q{INSERT INTO abac_rule_groups (name) VALUES ('one'), ('other')});
smuggle(q{INSERT INTO abac_rule_group_members (group_id, child_group_id)
	SELECT a.id, b.id FROM abac_rule_groups a, abac_rule_groups b
	WHERE (a.name, b.name) IN (('rule_groups', 'one'), ('one', 'other'), ('other', 'one'))});
is(denied($session), 'rules rule_groups user_permissions', 'a cycle: denied');
is(value_of('rule_groups', 'value'), 'unknown', 'a cycle: the policy is unknown');

smuggle(q{INSERT INTO abac_rule_group_members (group_id, rule_id)
	SELECT id, gen_random_uuid() FROM abac_rule_groups WHERE name = 'policies'});
is(denied($session), 'rules rule_groups policies user_permissions', 'a missing member: denied');
is(value_of('policies', 'value'), 'unknown', 'a missing member: the policy is unknown');

smuggle(q{UPDATE abac_rules SET organization_id = 'globex' WHERE name = 'policy_assignments'});
is(denied($session), 'rules rule_groups policies policy_assignments user_permissions', 'a foreign member: denied');
is(value_of('policy_assignments', 'value'), 'unknown', 'a foreign member: the policy is unknown');

# The apply worker is well, and so are the decisions that nothing touched.
$subscriber->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_subscription WHERE pid IS NOT NULL});
is( $session->query_safe(q{SELECT abac_check('ann', 'read', 'user_attributes')}), 't', 'other decisions are as they were');

# A broken policy that denies does so whatever is asked: nobody can say any more
# what it was about.
smuggle(q{UPDATE abac_policies SET effect = 'deny' WHERE name = 'policies'});
is( $session->query_safe(q{SELECT abac_explain('ann', 'read', 'user_attributes') ->> 'reason'}),
	'policy_deny', 'a broken policy that denies: denies');

$session->quit;
$subscriber->stop;
$publisher->stop;
done_testing();
