use strict; use warnings;
use PostgreSQL::Test::Cluster; use PostgreSQL::Test::Utils; use Test::More; use IPC::Run;
my $seconds = 40;
my $p = PostgreSQL::Test::Cluster->new('primary');
$p->init(allows_streaming => 1);
$p->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = 1ms\nautovacuum=off\nlog_statement=none");
$p->start;
$p->safe_psql('postgres', q{
	CREATE EXTENSION abac;
	INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'apollo', 'organization', 'globex');
	INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read');
	SET session_replication_role = replica;
	INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id)
		SELECT 'u' || n, id, true, 'project', 'apollo' FROM abac_permissions, generate_series(1, 1500000) n;
	RESET session_replication_role;
	INSERT INTO abac_rules (name, is_active) VALUES ('acme', false), ('globex', true);
	INSERT INTO abac_rule_groups (name) SELECT name FROM abac_rules;
	INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rules r JOIN abac_rule_groups g USING (name);
	INSERT INTO abac_policies (name, effect) SELECT name, 'deny' FROM abac_rules;
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies p JOIN abac_rule_groups g USING (name);
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'organization', name FROM abac_policies;
	CREATE PROCEDURE take_turns(seconds float) LANGUAGE plpgsql AS $$
	DECLARE until timestamptz := clock_timestamp() + make_interval(secs => seconds); turns int := 0;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			UPDATE abac_rules SET is_active = true WHERE name = 'acme';
			UPDATE abac_scopes SET parent_id = 'acme';
			COMMIT; PERFORM pg_sleep(0.0005);
			UPDATE abac_rules SET is_active = false WHERE name = 'acme';
			UPDATE abac_scopes SET parent_id = 'globex';
			COMMIT; PERFORM pg_sleep(0.0005);
			turns := turns + 1;
		END LOOP;
		RAISE NOTICE 'turns: %', turns;
	END $$;
	CREATE PROCEDURE ask(seconds float) LANGUAGE plpgsql AS $$
	DECLARE until timestamptz := clock_timestamp() + make_interval(secs => seconds); asked int := 0; allowed int := 0;
	BEGIN
		WHILE clock_timestamp() < until AND asked < 1500000 LOOP
			FOR i IN 1 .. 20 LOOP
				asked := asked + 1;
				PERFORM abac_check('bob', 'read', 'doc', '{"scope": {"organization": "acme"}}');
				IF abac_check('u' || asked, 'read', 'doc', '{"scope": {"project": "apollo"}}') THEN allowed := allowed + 1; END IF;
			END LOOP;
			COMMIT;
		END LOOP;
		RAISE NOTICE 'asked: %, allowed: %', asked, allowed;
	END $$; VACUUM ANALYZE;
});
$p->backup('b');
my $s = PostgreSQL::Test::Cluster->new('standby');
$s->init_from_backup($p, 'b', has_streaming => 1);
$s->start;
my $where = $ENV{ON_PRIMARY} ? $p : $s;
my $w = IPC::Run::start([ 'psql', '-X', '-q', '-d', $p->connstr('postgres'), '-c', "CALL take_turns($seconds)" ], '>', \my $o, '2>', \my $e);
my ($out, $err);
$where->psql('postgres', "CALL ask($seconds)", stdout => \$out, stderr => \$err);
$w->finish; diag $e, $err;
my ($allowed) = $err =~ /allowed: (\d+)/;
is($allowed, 0);
done_testing();
