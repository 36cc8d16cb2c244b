# The first check in a new session reads nothing that grows with other people:
# their roles, memberships, grants, attributes and assignments cost nothing.
# And what was read once isn't read again until it changes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('first_check');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmax_wal_size = 4GB");
$node->start;

# ann has one of everything, in a workspace that others crowd.
$node->safe_psql('postgres', q{
	CREATE EXTENSION abac;
	INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES
		('project', 'apollo', 'organization', 'acme'), ('workspace', 'launch', 'project', 'apollo'), ('team', 'crew', 'organization', 'acme');
	INSERT INTO abac_rules (organization_id, name, conditions) VALUES
		('acme', 'cleared', '{"attribute": "user.clearance", "operator": "gte", "value": 3}');
	INSERT INTO abac_rule_groups (organization_id, name) VALUES ('acme', 'cleared');
	INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
	INSERT INTO abac_policies (organization_id, name) SELECT 'acme', t FROM unnest('{user, team, workspace, others}'::text[]) t;
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
		SELECT id, name, CASE name WHEN 'user' THEN 'ann' WHEN 'team' THEN 'crew' ELSE 'launch' END
		FROM abac_policies WHERE name <> 'others';
	INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('ann', 'acme', '{"clearance": 4}');
	INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('workspace', 'launch', 'ann'), ('team', 'crew', 'ann');
	INSERT INTO abac_roles (organization_id, name) VALUES ('acme', 'pilot');
	INSERT INTO abac_permissions (resource_type, action) VALUES ('rocket', 'fly');
	INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles r, abac_permissions p;
	INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id) SELECT 'ann', id, 'organization', 'acme' FROM abac_roles;
});

# Other people, by number, everywhere that ann is.
sub add_people
{
	my ($from, $to) = @_;
	$node->safe_psql('postgres', qq{
		SET session_replication_role = replica;		-- the guards take their time
		CREATE TEMP VIEW people AS SELECT 'person ' || n AS user_id FROM generate_series($from, $to) n;
		INSERT INTO abac_memberships (scope_type, scope_id, user_id) SELECT 'workspace', 'launch', user_id FROM people;
		INSERT INTO abac_memberships (scope_type, scope_id, user_id) SELECT 'team', 'crew', user_id FROM people;
		INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id)
			SELECT user_id, r.id, 'organization', 'acme' FROM people, abac_roles r;
		INSERT INTO abac_user_permissions (user_id, permission_id, granted) SELECT user_id, p.id, true FROM people, abac_permissions p;
		INSERT INTO abac_user_attributes (user_id, organization_id, attributes) SELECT user_id, 'acme', '{"clearance": 1}' FROM people;
		INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
			SELECT p.id, 'user', user_id FROM people, abac_policies p WHERE p.name = 'others';
		RESET session_replication_role;
		VACUUM ANALYZE;
	});
	return;
}

# Blocks of the extension's tables that this session looked at since its
# counters were reported; so it is differences that count.
my $blocks = q{
	SELECT sum(pg_stat_get_xact_blocks_fetched(c.oid))
	FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
	WHERE coalesce(i.indrelid, c.oid)::regclass::text ~ '^abac_'};
my $check = q{SELECT abac_check('ann', 'fly', 'rocket:1', '{"scope": {"workspace": "launch"}}')};

# What the first check of a new session looks at.
sub first_check
{
	my ($before, $allowed, $after) = split /\n/, $node->safe_psql('postgres', "BEGIN; $blocks; $check; $blocks");
	is($allowed, 't', 'the check');
	return $after - $before;
}

add_people(1, 1000);
my $few = first_check();
cmp_ok($few, '>', 0, 'blocks are counted');
cmp_ok($few, '<', 150, "1,000 people: $few blocks");

add_people(1001, 200000);
my $many = first_check();
# the indexes got one level more, at most two
cmp_ok($many, '<=', $few * 1.6, "200,000 people: $many blocks");

# A warm check reads nothing.
{
	my ($cold, $before, $warm, $after) = split /\n/, $node->safe_psql('postgres', "$check; BEGIN; $blocks; $check; $blocks");
	is("$cold $warm " . ($after - $before), 't t 0', 'a warm check looks at no block');
}

# A change of somebody's facts doesn't throw away rules: what ann is, is read
# again, and what the policies say isn't.
my $rule_scans = q{
	SELECT sum(pg_stat_get_xact_numscans(c.oid))
	FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
	WHERE coalesce(i.indrelid, c.oid) IN ('abac_rules'::regclass, 'abac_rule_groups'::regclass, 'abac_policies'::regclass)};
my %facts = (
	abac_user_attributes => q{UPDATE abac_user_attributes SET attributes = '{"clearance": 0}' WHERE user_id = 'ann'},
	abac_user_roles => q{INSERT INTO abac_user_roles (user_id, role_id) SELECT 'person 1', gen_random_uuid()},
	abac_memberships => q{DELETE FROM abac_memberships WHERE user_id = 'ann' AND scope_type = 'team'},
	abac_user_permissions => q{DELETE FROM abac_user_permissions WHERE user_id = 'person 1'},
	abac_policy_assignments => q{DELETE FROM abac_policy_assignments WHERE target_id = 'person 1'},
	abac_scopes => q{INSERT INTO abac_scopes (scope_type, scope_id) VALUES ('organization', 'globex')});
foreach my $table (sort keys %facts)
{
	# the change itself reads before the counters are read first
	my ($warm, $rules, $all, $again, $rules_after, $all_after) = split /\n/, $node->safe_psql('postgres', "
		$check;
		BEGIN;
		SET LOCAL session_replication_role = replica;
		$facts{$table};
		$rule_scans;
		$blocks;
		$check;
		$rule_scans;
		$blocks");
	is($rules_after, $rules, "$table: its change leaves the rules where they are");
	cmp_ok($all_after, '>', $all, "$table: but something is read again");
}
my ($warm, $before, $again, $after) = split /\n/, $node->safe_psql('postgres', "
	$check;
	BEGIN;
	UPDATE abac_rules SET priority = 1;
	$rule_scans;
	$check;
	$rule_scans");
cmp_ok($after, '>', $before, 'abac_rules: its change has the rules read again');

$node->stop;
done_testing();
