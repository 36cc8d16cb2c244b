# A decision is of one piece: what a session remembers is never mixed with what
# another transaction changed together with it.
#
# A writer takes turns between two states, each of which denies ann: the rule is
# active and she isn't assigned, or the other way round.  Only a mixture of what
# was remembered of the one and read of the other allows her.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 5;

my $node = PostgreSQL::Test::Cluster->new('consistency');
$node->init;
$node->append_conf('postgresql.conf', 'synchronous_commit = off');
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION abac;
	INSERT INTO abac_rules (name) VALUES ('rule');
	INSERT INTO abac_rule_groups (name) VALUES ('group');
	INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rules r, abac_rule_groups g;
	INSERT INTO abac_policies (name) VALUES ('policy');
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, is_active)
		SELECT id, 'user', v.* FROM abac_policies, (VALUES ('ann', false), ('bob', true)) v;

	CREATE PROCEDURE take_turns(seconds float) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
		turns int := 0;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			UPDATE abac_rules SET is_active = false;
			UPDATE abac_policy_assignments SET is_active = true WHERE target_id = 'ann';
			COMMIT;
			PERFORM pg_sleep(0.0003);		-- the others are to be warm again
			UPDATE abac_policy_assignments SET is_active = false WHERE target_id = 'ann';
			UPDATE abac_rules SET is_active = true;
			COMMIT;
			PERFORM pg_sleep(0.0003);
			turns := turns + 1;
		END LOOP;
		RAISE NOTICE 'turns: %', turns;
	END
	$$;

	CREATE PROCEDURE ask(seconds float) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
		asked int := 0;
		allowed int := 0;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			FOR i IN 1 .. 20 LOOP
				-- the policy is remembered, who she is is forgotten
				PERFORM abac_check('bob', 'read', 'doc');
				DELETE FROM abac_user_attributes WHERE user_id = 'nobody';
				IF abac_check('ann', 'read', 'doc') THEN
					allowed := allowed + 1;
				END IF;
				asked := asked + 1;
			END LOOP;
			COMMIT;
		END LOOP;
		RAISE NOTICE 'asked: %, allowed: %', asked, allowed;
	END
	$$;
});

my ($out, $err) = ('', '');
my $writer = IPC::Run::start(
	[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "CALL take_turns($seconds)" ], '>', \my $w_out, '2>', \my $w_err);
$node->psql('postgres', "CALL ask($seconds)", stdout => \$out, stderr => \$err);
$writer->finish;

my ($turns) = $w_err =~ /turns: (\d+)/;
my ($asked, $allowed) = $err =~ /asked: (\d+), allowed: (\d+)/;
cmp_ok($turns, '>', 100, 'the writer took turns');
cmp_ok($asked, '>', 1000, 'the reader asked');
is($allowed, 0, 'no answer is a mixture of two states');

$node->stop;
done_testing();
