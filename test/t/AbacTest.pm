# What the TAP tests share: a small world in which one question hangs on each
# table that a decision reads, and the words to ask all of them at once.
package AbacTest;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT = qw(@probes $probe_world @abac_tables denied revoke_each change_in_two_phases);

use Test::More;

# The extension's tables that decisions read (abac_relations holds regclass
# values, which mean something in their own database only).
our @abac_tables = map { "abac_$_" } qw(
  attribute_definitions rules rule_groups rule_group_members policies
  policy_rule_groups policy_assignments resource_types user_attributes scopes
  memberships roles permissions role_permissions user_roles user_permissions
  conditions policy_rules);

# "ann" may read everything.  Each resource type is the name of the table that
# the answer hangs on.
our $probe_world = q{
	CREATE FUNCTION pg_temp.policy(name text, conditions jsonb, target_type text, target_id text) RETURNS void
	BEGIN ATOMIC
		INSERT INTO abac_rules (name, resource_type, conditions) VALUES ($1, $1, $2);
		INSERT INTO abac_rule_groups (name) VALUES ($1);
		INSERT INTO abac_rule_group_members (group_id, rule_id)
			SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r WHERE g.name = $1 AND r.name = $1;
		INSERT INTO abac_policies (name) VALUES ($1);
		INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
			SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g WHERE p.name = $1 AND g.name = $1;
		INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
			SELECT p.id, $3, $4 FROM abac_policies p WHERE p.name = $1;
	END;
	SELECT pg_temp.policy(t, 'true', 'user', 'ann')
	FROM unnest('{rules, rule_groups, rule_group_members, policies, policy_rule_groups,
				  policy_assignments, resource_types, scopes}'::text[]) t;
	SELECT pg_temp.policy('attribute_definitions', '{"attribute": "user.badge", "operator": "eq", "value": "x"}', 'user', 'ann');
	SELECT pg_temp.policy('user_attributes', '{"attribute": "user.department", "operator": "eq", "value": "sales"}', 'user', 'ann');
	SELECT pg_temp.policy('roles', '{"attribute": "user.roles", "operator": "contains", "value": "auditor"}', 'user', 'ann');
	SELECT pg_temp.policy('memberships', 'true', 'organization', 'globex');
	INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"department": "sales"}');
	INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'apollo', 'organization', 'acme');
	INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES
		('organization', 'globex', 'ann'), ('organization', 'initech', 'ann');
	INSERT INTO abac_roles (name, scope) VALUES ('auditor', 'global'), ('reader', 'global'), ('guest', 'global');
	INSERT INTO abac_permissions (resource_type, action)
	SELECT t, 'read' FROM unnest('{permissions, role_permissions, user_roles, user_permissions, conditions}'::text[]) t;
	INSERT INTO abac_role_permissions (role_id, permission_id)
	SELECT r.id, p.id FROM abac_roles r, abac_permissions p
	WHERE (r.name, p.resource_type) IN (('reader', 'permissions'), ('reader', 'role_permissions'), ('reader', 'conditions'), ('guest', 'user_roles'));
	INSERT INTO abac_user_roles (user_id, role_id) SELECT 'ann', id FROM abac_roles;
	INSERT INTO abac_user_permissions (user_id, permission_id, granted)
	SELECT 'ann', id, true FROM abac_permissions WHERE resource_type = 'user_permissions';
	INSERT INTO abac_policy_rules (organization_id, name, resource_type) VALUES ('initech', 'legacy', 'policy_rules');
};

# For each table: the ctx of its question, a change that turns the answer into
# a no, and one that turns it back.
our @probes = (
	{   table   => 'rules',
		revoke  => q{UPDATE abac_rules SET conditions = 'false' WHERE name = 'rules'},
		restore => q{UPDATE abac_rules SET conditions = 'true' WHERE name = 'rules'} },
	{   table   => 'rule_groups',
		revoke  => q{UPDATE abac_rule_groups SET combine_logic = 'not' WHERE name = 'rule_groups'},
		restore => q{UPDATE abac_rule_groups SET combine_logic = 'or' WHERE name = 'rule_groups'} },
	{   table   => 'rule_group_members',
		revoke  => q{DELETE FROM abac_rule_group_members m USING abac_rule_groups g WHERE g.id = m.group_id AND g.name = 'rule_group_members'},
		restore => q{INSERT INTO abac_rule_group_members (group_id, rule_id)
			SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (name) WHERE name = 'rule_group_members'} },
	{   table   => 'policies',
		revoke  => q{UPDATE abac_policies SET is_active = false WHERE name = 'policies'},
		restore => q{UPDATE abac_policies SET is_active = true WHERE name = 'policies'} },
	{   table   => 'policy_rule_groups',
		revoke  => q{DELETE FROM abac_policy_rule_groups l USING abac_policies p WHERE p.id = l.policy_id AND p.name = 'policy_rule_groups'},
		restore => q{INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
			SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g USING (name) WHERE name = 'policy_rule_groups'} },
	{   table   => 'policy_assignments',
		revoke  => q{DELETE FROM abac_policy_assignments a USING abac_policies p WHERE p.id = a.policy_id AND p.name = 'policy_assignments'},
		restore => q{INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
			SELECT id, 'user', 'ann' FROM abac_policies WHERE name = 'policy_assignments'} },
	{   table   => 'resource_types',
		revoke  => q{INSERT INTO abac_resource_types (resource_type, required_scope) VALUES ('resource_types', 'organization')},
		restore => q{DELETE FROM abac_resource_types} },
	{   table   => 'attribute_definitions',
		ctx     => '{"user": {"badge": "x"}}',
		revoke  => q{INSERT INTO abac_attribute_definitions (name, source) VALUES ('user.badge', 'stored')},
		restore => q{DELETE FROM abac_attribute_definitions WHERE name = 'user.badge'} },
	{   table   => 'user_attributes',
		revoke  => q{UPDATE abac_user_attributes SET attributes = '{"department": "kitchen"}' WHERE user_id = 'ann'},
		restore => q{UPDATE abac_user_attributes SET attributes = '{"department": "sales"}' WHERE user_id = 'ann'} },
	{   table   => 'scopes',
		ctx     => '{"scope": {"project": "apollo"}}',
		revoke  => q{DELETE FROM abac_scopes WHERE scope_id = 'apollo'},
		restore => q{INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'apollo', 'organization', 'acme')} },
	{   table   => 'memberships',
		ctx     => '{"scope": {"organization": "globex"}}',
		revoke  => q{DELETE FROM abac_memberships WHERE scope_id = 'globex'},
		restore => q{INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'globex', 'ann')} },
	{   table   => 'roles',
		revoke  => q{UPDATE abac_roles SET name = 'former auditor' WHERE name = 'auditor'},
		restore => q{UPDATE abac_roles SET name = 'auditor' WHERE name = 'former auditor'} },
	{   table   => 'permissions',
		revoke  => q{UPDATE abac_permissions SET action = 'write' WHERE resource_type = 'permissions'},
		restore => q{UPDATE abac_permissions SET action = 'read' WHERE resource_type = 'permissions'} },
	{   table   => 'role_permissions',
		revoke  => q{DELETE FROM abac_role_permissions rp USING abac_permissions p WHERE p.id = rp.permission_id AND p.resource_type = 'role_permissions'},
		restore => q{INSERT INTO abac_role_permissions (role_id, permission_id)
			SELECT r.id, p.id FROM abac_roles r, abac_permissions p WHERE r.name = 'reader' AND p.resource_type = 'role_permissions'} },
	{   table   => 'user_roles',
		revoke  => q{DELETE FROM abac_user_roles u USING abac_roles r WHERE r.id = u.role_id AND r.name = 'guest'},
		restore => q{INSERT INTO abac_user_roles (user_id, role_id) SELECT 'ann', id FROM abac_roles WHERE name = 'guest'} },
	{   table   => 'user_permissions',
		revoke  => q{DELETE FROM abac_user_permissions WHERE user_id = 'ann'},
		restore => q{INSERT INTO abac_user_permissions (user_id, permission_id, granted)
			SELECT 'ann', id, true FROM abac_permissions WHERE resource_type = 'user_permissions'} },
	{   table   => 'conditions',
		revoke  => q{INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value)
			SELECT id, 'user.department', 'eq', '"nowhere"' FROM abac_permissions WHERE resource_type = 'conditions'},
		restore => q{DELETE FROM abac_conditions} },
	{   table   => 'policy_rules',
		ctx     => '{"scope": {"organization": "initech"}}',
		revoke  => q{UPDATE abac_policy_rules SET is_active = false},
		restore => q{UPDATE abac_policy_rules SET is_active = true} });

# The names of the questions that are answered no, in the order of @probes.
# One statement that reads no table but the extension's, so nothing but the
# extension makes the session look for news.
my $ask_all = 'SELECT concat_ws($$ $$, '
  . join(', ', map { my $ctx = $_->{ctx} // '{}';
		"CASE WHEN NOT abac_check('ann', 'read', '$_->{table}', '$ctx') THEN '$_->{table}' END" } @probes)
  . ')';

# What ann is denied, asked in a session (BackgroundPsql) or, in a new one, of
# a node.
sub denied
{
	my ($where) = @_;
	return $where->isa('PostgreSQL::Test::BackgroundPsql')
	  ? $where->query_safe($ask_all)
	  : $where->safe_psql('postgres', $ask_all);
}

# Revoke by each table in turn, then give it back: the sessions, which are warm
# and stay so, must follow.  $change runs a statement and waits until the
# sessions can know of it; $all_denied compares what each of them is denied.
sub revoke_each
{
	my ($change, $all_denied) = @_;
	my @gone;

	$all_denied->('', 'everything is allowed at first');
	foreach my $probe (@probes)
	{
		$change->($probe->{revoke});
		push @gone, $probe->{table};
		$all_denied->("@gone", "revoked by $probe->{table}");
	}
	foreach my $probe (@probes)
	{
		$change->($probe->{restore});
		shift @gone;
		$all_denied->("@gone", "given back by $probe->{table}");
	}
	return;
}

# What is not committed doesn't count; what a second phase commits does.
# Leaves user_permissions
# revoked, and returns the statement that grants it again.
sub change_in_two_phases
{
	my ($change, $all_denied) = @_;
	my ($probe) = grep { $_->{table} eq 'user_permissions' } @probes;
	my ($revoke, $grant) = @$probe{qw(revoke restore)};

	$change->("BEGIN; $revoke; PREPARE TRANSACTION 'revoke'");
	$all_denied->('', 'prepared, which is not committed');
	$change->("COMMIT PREPARED 'revoke'");
	$all_denied->('user_permissions', 'COMMIT PREPARED');
	$change->("BEGIN; $grant; PREPARE TRANSACTION 'grant'");
	$change->("ROLLBACK PREPARED 'grant'");
	$all_denied->('user_permissions', 'ROLLBACK PREPARED');
	$change->("BEGIN; $grant; ROLLBACK");
	$all_denied->('user_permissions', 'ROLLBACK');
	return $grant;
}

1;
