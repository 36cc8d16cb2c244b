# A decision is of one piece: what a session remembers is never mixed with what
# another transaction changed together with it.
#
# A writer takes turns between two states, each of which denies ann: she isn't
# assigned the policy, or she is, but its rule is off or isn't true of her. Only
# a mixture of what was remembered of the one and read of the other allows her.
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
	INSERT INTO abac_rules (name, resource_type, conditions) VALUES
		('rule', 'doc', 'true'), ('level', 'report', '{"attribute": "user.level", "operator": "eq", "value": 1}');
	INSERT INTO abac_rule_groups (name, combine_logic) VALUES ('group', 'or');
	INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rules r, abac_rule_groups g;
	INSERT INTO abac_policies (name) VALUES ('policy');
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p, abac_rule_groups g;
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, is_active)
		SELECT id, 'user', v.* FROM abac_policies, (VALUES ('ann', false), ('bob', true)) v;
	INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('ann', '{"level": 1}');

	CREATE PROCEDURE take_turns(seconds float, assigned text, unassigned text) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
		turns int := 0;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			EXECUTE assigned;
			UPDATE abac_policy_assignments SET is_active = true WHERE target_id = 'ann';
			COMMIT;
			PERFORM pg_sleep(0.0003);		-- the others are to be warm again
			UPDATE abac_policy_assignments SET is_active = false WHERE target_id = 'ann';
			EXECUTE unassigned;
			COMMIT;
			PERFORM pg_sleep(0.0003);
			turns := turns + 1;
		END LOOP;
		RAISE NOTICE 'turns: %', turns;
	END
	$$;

	CREATE PROCEDURE ask(seconds float, resource text, forget text) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
		ctx jsonb := '{}';
		asked int := 0;
		allowed int := 0;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			FOR i IN 1 .. 20 LOOP
				PERFORM abac_check('ann', 'read', resource, ctx), abac_check('bob', 'read', resource);
				IF forget = '' THEN
					ctx := jsonb_build_object('scope', jsonb_build_object('organization', 'org ' || asked));
				ELSE
					EXECUTE forget;
				END IF;
				IF abac_check('ann', 'read', resource, ctx) THEN
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

my @rule = ('UPDATE abac_rules SET is_active = false', 'UPDATE abac_rules SET is_active = true');
my @level = map { qq[UPDATE abac_user_attributes SET attributes = '{"level": $_}' WHERE user_id = 'ann'] } 2, 1;

# Before each question the reader forgets one part of what it goes by: who she
# is, or the policy; or it asks about another organization, where nothing is
# known of her yet but which policies are assigned to her.
my @cases = (
	[ 'the policy is remembered', 'doc', q{DELETE FROM abac_user_attributes WHERE user_id = 'nobody'}, @rule ],
	[ 'who she is is remembered', 'doc', q{DELETE FROM abac_roles WHERE name = 'nothing'}, @rule ],
	[ 'her assignments are remembered', 'report', '', @level ]);
foreach my $case (@cases)
{
	my ($name, $resource, $forget, $assigned, $unassigned) = @$case;
	my ($out, $err, $w_out, $w_err) = ('', '', '', '');
	my $writer = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'),
			'-c', "CALL take_turns($seconds, \$t\$$assigned\$t\$, \$t\$$unassigned\$t\$)" ],
		'>', \$w_out, '2>', \$w_err);
	$node->psql('postgres', "CALL ask($seconds, '$resource', \$t\$$forget\$t\$)", stdout => \$out, stderr => \$err);
	$writer->finish;

	my ($turns) = $w_err =~ /turns: (\d+)/;
	my ($asked, $allowed) = $err =~ /asked: (\d+), allowed: (\d+)/;
	cmp_ok($turns, '>', 100, "$name: the writer took turns");
	cmp_ok($asked, '>', 1000, "$name: the reader asked");
	is($allowed, 0, "$name: no answer is a mixture of two states");
	note("turns: $turns, asked: $asked");
}

$node->stop;
done_testing();
