# A decision is the same after a restart: nothing that decides lives in memory
# alone.  A TAP test because SQL can't restart its own server.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('restart');
$node->init;
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION abac;
	INSERT INTO abac_rules (organization_id, name, conditions) VALUES
		('acme', 'owner', '{"attribute": "resource.owner", "operator": "eq", "value": "$user.id"}');
	INSERT INTO abac_rule_groups (organization_id, name) VALUES ('acme', 'owners');
	INSERT INTO abac_rule_group_members (group_id, rule_id)
		SELECT g.id, r.id FROM abac_rule_groups g, abac_rules r;
	INSERT INTO abac_policies (organization_id, name) VALUES ('acme', 'owners');
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id)
		SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id)
		SELECT id, 'user', 'alice' FROM abac_policies;
});

# Whether alice may read a document of this owner.
sub alice_reads_document_of
{
	my ($owner) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT abac_check('alice', 'read', 'document:1',
			'{"scope": {"organization": "acme"}, "resource": {"owner": "$owner"}}')
	});
}

is(alice_reads_document_of('alice'), 't', 'allowed before the restart');
is(alice_reads_document_of('bob'), 'f', 'denied before the restart');

$node->restart;
is(alice_reads_document_of('alice'), 't', 'allowed after a restart');
is(alice_reads_document_of('bob'), 'f', 'denied after a restart');

# A crash: what was committed is what decides.
$node->safe_psql('postgres', q{UPDATE abac_policy_assignments SET target_id = 'bob'});
$node->stop('immediate');
$node->start;
is(alice_reads_document_of('alice'), 'f', 'a committed revocation survives a crash');

$node->stop;
done_testing();
