# Nobody becomes somebody else: a role that logs in by itself can't set the
# principal, neither before the library is loaded nor by what PostgreSQL offers
# to reset things; and what it is told tells nothing of conditions and
# attributes.  A TAP test because it needs logins and new sessions.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('principal');
$node->init;
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION abac;
	CREATE ROLE plain LOGIN;
	CREATE ROLE app LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	GRANT EXECUTE ON FUNCTION abac_set_user(text, boolean) TO app;
	GRANT plain TO app;
	GRANT CREATE ON SCHEMA public TO plain;
	SELECT abac_grant_super_admin('root');
});

# A new session of a role runs statements, each a query message of its own;
# returns what it prints (stdout, stderr).
sub session
{
	my ($role, $sql, %options) = @_;
	local $ENV{PGOPTIONS} = $options{options} // '';
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $role ]);
	return ($out, $err);
}

my $who = q{SELECT coalesce(abac_user(), 'nobody') || ' ' || abac_can('read', 'doc')};

is((session('plain', 'SELECT current_user, current_setting($$is_superuser$$);'))[0], 'plain|off', 'plain is an ordinary role');

# Every trick starts in a session that hasn't loaded the library.
my %tricks = (
	'SET'                        => q{SET abac.principal = 'root'},
	'SET LOCAL'                  => q{BEGIN; SET LOCAL abac.principal = 'root'},
	'set_config'                 => q{SELECT FROM set_config('abac.principal', 'root', false)},
	'SET in a savepoint'         => q{BEGIN; SAVEPOINT a; SET abac.principal = 'root'; SET LOCAL abac.principal = 'root'; RELEASE a},
	'SET and RESET'              => q{SET abac.principal = 'root'; RESET abac.principal},
	'another spelling'           => q{SET "ABAC.Principal" = 'root'},
	'ALTER ROLE'                 => q{ALTER ROLE plain SET abac.principal = 'root'},
	'ALTER ROLE IN DATABASE'     => q{ALTER ROLE plain IN DATABASE postgres SET abac.principal = 'root'},
	'SET SESSION AUTHORIZATION'  => q{SET SESSION AUTHORIZATION boss; SET abac.principal = 'root'},
	'SET ROLE'                   => q{SET ROLE boss; SET abac.principal = 'root'},
	'RESET SESSION AUTHORIZATION' => q{SET abac.principal = 'root'; RESET SESSION AUTHORIZATION},
	'SET on a function'          => q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET abac.principal = 'root' AS 'SELECT 1'; SELECT FROM pg_temp.f()},
	'LOAD'                       => q{SET abac.principal = 'root'; LOAD '$libdir/abac'},
	'GRANT SET'                  => q{GRANT SET ON PARAMETER abac.principal TO plain; SET abac.principal = 'root'});
foreach my $trick (sort keys %tricks)
{
	my ($out) = session('plain', "$tricks{$trick};\n$who;");
	is($out, 'nobody false', "$trick, before the library is loaded");
	($out) = session('plain', "SELECT FROM abac_user(); $tricks{$trick};\n$who;");
	# in a failed transaction there is no answer at all
	like($out, qr/^(nobody false)?$/, "$trick, after");
	($out) = session('plain', "$who;");
	is($out, 'nobody false', "$trick: and the next session is nobody");
}
{
	my ($out) = session('plain', "$who;", options => '-c abac.principal=root');
	is($out, 'nobody false', 'an option of the connection');
}
# A function that carries the setting, called when the library isn't loaded.
{
	session('plain', q{CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql SET abac.principal = 'root' AS 'BEGIN RETURN abac_user(); END'});
	my ($out) = session('plain', 'SELECT public.f();');
	is($out, '', 'a function with the setting, defined by an ordinary role');
}

# Who may say so does, and what PostgreSQL resets makes it nobody.
my $login = q{SELECT FROM abac_set_user('root', false); };
my ($out, $err) = session('app', "$login $who;");
is($out, 'root true', 'abac_set_user');
foreach my $reset ('DISCARD ALL', 'RESET ALL')
{
	($out) = session('app', "$login\n$reset;\n$who;");
	is($out, 'nobody false', "nobody after $reset");
}
($out, $err) = session('app', "$login RESET abac.principal;\n$who;");
is($out, 'root true', 'RESET of the setting alone is a superuser\'s');
like($err, qr/permission denied to set parameter "abac.principal"/, 'and is refused');
($out) = session('app', "$login SET ROLE plain; $who;");
is($out, 'root true', 'SET ROLE leaves the principal');
($out, $err) = session('app', "$login SET ROLE plain; SELECT abac_set_user('other');\n$who;");
is($out, 'root true', 'but a role without the right can\'t change it');
like($err, qr/permission denied for function abac_set_user/, 'and is told so');

# Local is until the end of the transaction, and a rollback undoes the rest.
($out) = session('app', "BEGIN; SELECT FROM abac_set_user('root'); $who; COMMIT; $who;");
is($out, "root true\nnobody false", 'local: until COMMIT');
($out) = session('app', "BEGIN; SELECT FROM abac_set_user('root', false); $who; ROLLBACK; $who;");
is($out, "root true\nnobody false", 'for the session: not after a ROLLBACK');
($out) = session('app', "BEGIN; SAVEPOINT a; SELECT FROM abac_set_user('root', false); ROLLBACK TO a; $who; COMMIT;");
is($out, 'nobody false', 'nor after ROLLBACK TO SAVEPOINT');
($out, $err) = session('app', "SELECT FROM abac_set_user('root');\n$who;");
is($out, 'nobody false', 'local, outside of a transaction: has no effect');
like($err, qr/WARNING: .*abac_set_user/, 'with a warning');

# A superuser may set it, also for a role; RESET ALL then means that one.
($out) = session('boss', "SET abac.principal = 'root'; $who;");
is($out, 'root true', 'a superuser may SET it');
$node->safe_psql('postgres', q{LOAD '$libdir/abac'; ALTER ROLE app SET abac.principal = 'clerk'});
($out) = session('app', "$who; $login RESET ALL; $who;");
is($out, "clerk false\nclerk false", 'ALTER ROLE by a superuser');

# A connection that another user of the pool takes over is nobody's.
my $pooled = $node->background_psql('postgres', extra_params => [ '-U', 'plain' ]);
is($pooled->query_safe($who), 'nobody false', 'a pooled connection');
$pooled->quit;

# What a caller is told.  Broken rows, at the lowest level of messages.
$node->safe_psql('postgres', q{
	SET session_replication_role = replica;
	INSERT INTO abac_rules (name, conditions) VALUES
		('secret_rule', '{"attribute": "user.secret_attribute", "operator": "matches", "value": "secret_pattern"}'),
		('secret_broken', '{"attribute": "user.secret_attribute", "operator": "secret_operator", "value": 1}'),
		('secret_regex', '{"attribute": "user.secret_attribute", "operator": "matches", "value": "secret_(pattern"}');
	INSERT INTO abac_rule_groups (name) SELECT name FROM abac_rules;
	INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups g JOIN abac_rules r USING (name);
	INSERT INTO abac_policies (name) SELECT name FROM abac_rules;
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_rule_groups g JOIN abac_policies p USING (name);
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id) SELECT id, 'user', 'clerk' FROM abac_policies;
	INSERT INTO abac_attribute_definitions (name, data_type) VALUES ('user.secret_attribute', 'number');
	INSERT INTO abac_user_attributes (user_id, attributes) VALUES ('clerk', '{"secret_attribute": "secret_value"}');
	GRANT EXECUTE ON FUNCTION abac_check(text, text, text, jsonb), abac_require(text, text, text, jsonb) TO app;
});
($out, $err) = session('app', q{
	SET client_min_messages = debug5;
	SET log_error_verbosity = verbose;
	\set VERBOSITY verbose
	SELECT abac_can('read', 'doc');
	SELECT abac_check('clerk', 'read', 'doc');
	SELECT abac_require('clerk', 'read', 'doc');
	SELECT abac_check('clerk', 'read', 'doc', '{"user": 1}');
	SELECT abac_check('clerk', 'read', 'doc', '{"user": {"secret": 1}}');
});
like($err, qr/permission denied by policy\s.*DETAIL:  no_match/s, 'abac_require says the reason word');
unlike("$out $err", qr/secret_/, 'no condition and no attribute is in any message');

$node->stop;
done_testing();
