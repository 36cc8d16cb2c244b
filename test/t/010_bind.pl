# A bound table and what abac_bind keeps in step with it stay the same whatever
# several clients do at once, under both kinds of snapshots, while the tables
# are bound and unbound; and a dump of them goes into a fresh database.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 4;

my $node = PostgreSQL::Test::Cluster->new('bind');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nsynchronous_commit = off\nautovacuum = off\ndeadlock_timeout = 10ms\nlog_statement = none");
$node->start;

my @bindings = (
	[ 'user_roles', 'user_role_assignments', '{"user_id": "user_id", "role_id": "role_id", "context_type": "context_type", "context_id": "context_id", "expires_at": "expires_at", "assigned_by": "granted_by"}' ],
	[ 'memberships', 'organization_members', '{"scope_type": {"value": "organization"}, "scope_id": "organization_id", "user_id": "user_id"}' ],
	[ 'user_attributes', 'users', '{"user_id": "id", "attributes": {"department": "department", "level": "level"}}' ]);

# Not in public, so that nothing can count on the search_path.
$node->safe_psql('postgres', q{
	CREATE SCHEMA access;
	CREATE EXTENSION abac SCHEMA access;
	INSERT INTO access.abac_roles (id, name) SELECT ('00000000-0000-4000-8000-00000000000' || i)::uuid, 'role ' || i FROM generate_series(1, 5) i;

	CREATE TABLE users (id bigint PRIMARY KEY, department text, level int, last_login timestamptz);
	CREATE TABLE organization_members (
		organization_id int, user_id bigint REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, PRIMARY KEY (organization_id, user_id));
	CREATE TYPE context AS ENUM ('organization', 'project');
	CREATE TABLE user_role_assignments (
		id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, role_id uuid NOT NULL,
		context_type context NOT NULL DEFAULT 'organization', context_id int NOT NULL, expires_at timestamptz,
		granted_by bigint REFERENCES users ON DELETE SET NULL ON UPDATE CASCADE, UNIQUE (user_id, role_id, context_id));
	CREATE INDEX ON user_role_assignments (context_id);
	CREATE INDEX ON user_role_assignments (granted_by);
	CREATE SEQUENCE moves START 1000;
	INSERT INTO users SELECT i, 'sales', i % 7 FROM generate_series(1, 200) i;
	INSERT INTO organization_members SELECT o, i FROM generate_series(1, 10) o, generate_series(1, 200, 3) i;
	INSERT INTO user_role_assignments (user_id, role_id, context_id, granted_by)
		SELECT i, ('00000000-0000-4000-8000-00000000000' || r)::uuid, o, (i + r) % 200 + 1
		FROM generate_series(1, 200) i, generate_series(1, 5) r, generate_series(1, 3) o;

	-- the application's own triggers, which write the table again
	CREATE FUNCTION cap() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE user_role_assignments SET expires_at = now() + interval '3 days' WHERE id = NEW.id;
		RETURN NULL;
	END
	$$;
	CREATE TRIGGER cap AFTER INSERT OR UPDATE ON user_role_assignments FOR EACH ROW
		WHEN (NEW.expires_at > now() + interval '3 days') EXECUTE FUNCTION cap();
	CREATE FUNCTION others() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		DELETE FROM user_role_assignments WHERE user_id = NEW.user_id AND context_id = -NEW.context_id;
		RETURN NEW;
	END
	$$;
	CREATE TRIGGER others BEFORE INSERT ON user_role_assignments FOR EACH ROW EXECUTE FUNCTION others();
});

sub bind_all
{
	return join(' ', map { "SELECT access.abac_bind('$_->[0]', '$_->[1]', '$_->[2]');" } @bindings);
}

# What the tables here hold, without what says when and by which binding.
my $bound_rows = q{
	SELECT 'role', user_id, role_id, context_type, context_id, starts_at, expires_at, assigned_by FROM access.abac_user_roles ORDER BY 2, 3, 5;
	SELECT 'member', user_id, scope_type, scope_id, starts_at, expires_at FROM access.abac_memberships ORDER BY 2, 4;
	SELECT 'attributes', user_id, organization_id, attributes FROM access.abac_user_attributes ORDER BY 2;
};

sub in_step
{
	my ($db, $name) = @_;
	foreach my $binding (@bindings)
	{
		is($node->safe_psql($db, "SELECT * FROM access.abac_verify_binding('$binding->[0]', '$binding->[1]') LIMIT 10"),
			'', "$name: $binding->[1]");
	}
	return;
}

#
# Load
#

# Statements of one row and of many: what comes, goes, changes, changes its key,
# goes by cascade, is undone, and doesn't matter here.
my $one_user = 'FROM users WHERE id = :u FOR KEY SHARE';
my $role = q{('00000000-0000-4000-8000-00000000000' || :r)::uuid};
my $script = qq{
\\set u random(1, 200)
\\set r random(1, 5)
\\set o random(1, 10)
\\set what random(1, 18)
\\if :what <= 4
INSERT INTO user_role_assignments (user_id, role_id, context_id) SELECT id, $role, :o $one_user ON CONFLICT DO NOTHING;
\\elif :what <= 6
DELETE FROM user_role_assignments WHERE user_id = :u AND context_id = :o;
\\elif :what = 7
UPDATE user_role_assignments SET expires_at = now() + interval '1 day' * :r WHERE user_id IN (:u, :u + 1, :u + 2);
\\elif :what = 8
UPDATE user_role_assignments SET id = DEFAULT WHERE user_id = :u;
\\elif :what = 9
INSERT INTO user_role_assignments (user_id, role_id, context_id) SELECT id, $role, :o $one_user
	ON CONFLICT (user_id, role_id, context_id) DO UPDATE SET id = excluded.id, expires_at = excluded.expires_at;
\\elif :what = 10
INSERT INTO organization_members SELECT o, id FROM generate_series(1, 10) o, (SELECT id $one_user) u ON CONFLICT DO NOTHING;
\\elif :what = 11
UPDATE organization_members SET organization_id = nextval('moves') WHERE user_id = :u AND organization_id % 3 = 0;
\\elif :what = 12
DELETE FROM users WHERE id = :u;
INSERT INTO users VALUES (:u, 'law', :r) ON CONFLICT (id) DO UPDATE SET department = excluded.department;
\\elif :what = 15
DELETE FROM users WHERE id IN (:u, :u + 1, :u + 2);
INSERT INTO users SELECT i, 'it', :r FROM generate_series(:u, :u + 2) i ON CONFLICT DO NOTHING;
\\elif :what = 16
UPDATE users SET id = nextval('moves') WHERE id = :u;
\\elif :what = 17
UPDATE user_role_assignments SET granted_by = user_id, expires_at = now() + interval '9 days' WHERE user_id = :u AND context_id = :o;
\\elif :what = 13
UPDATE users SET last_login = now(), level = CASE WHEN id % 10 = :o THEN :r ELSE level END WHERE id BETWEEN :u AND :u + 20;
\\elif :what = 14
BEGIN;
INSERT INTO user_role_assignments (user_id, role_id, context_id) SELECT id, $role, -:o $one_user ON CONFLICT DO NOTHING;
SAVEPOINT s;
DELETE FROM user_role_assignments WHERE user_id = :u;
ROLLBACK TO s;
DELETE FROM user_role_assignments WHERE user_id = :u AND context_id < 0;
COMMIT;
\\else
DELETE FROM user_role_assignments WHERE context_id = :o AND role_id = $role;
\\endif
};
my $dir = PostgreSQL::Test::Utils::tempdir;
PostgreSQL::Test::Utils::append_to_file("$dir/script", $script);

my %load;
foreach my $level ('read committed', 'repeatable read')
{
	my $run = $load{$level} = {};
	local $ENV{PGOPTIONS} = "-c default_transaction_isolation=" . ($level =~ s/ /\\ /r);
	$run->{harness} = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 3, '-j', 1, '-T', $seconds, '--max-tries=0', '-f', "$dir/script", '-d', $node->connstr('postgres') ],
		# to files: a pipe that nobody reads would stop it
		'>', "$dir/out $level", '2>', "$dir/err $level");
}
# The tables are bound and unbound under it, and truncated.
my $notices = '';
sub with_load
{
	my ($sql, $name) = @_;
	select undef, undef, undef, 0.8;
	is($node->psql('postgres', $sql, stderr => \$notices), 0, $name) or diag($notices);
	return;
}
with_load(bind_all(), 'bound under load');
in_step('postgres', 'under load');
with_load(q{SELECT access.abac_unbind('user_roles', 'user_role_assignments');} . "SELECT access.abac_bind('user_roles', 'user_role_assignments', '$bindings[0][2]')",
	'unbound and bound under load');
with_load('TRUNCATE organization_members', 'truncated under load');
foreach my $level (sort keys %load)
{
	my $run = $load{$level};
	$run->{harness}->finish;
	$run->{$_} = PostgreSQL::Test::Utils::slurp_file("$dir/$_ $level") foreach qw(out err);
	is($run->{harness}->result(0), 0, "pgbench, $level") or diag($run->{err});
	my ($transactions) = $run->{out} =~ /number of transactions actually processed: (\d+)/;
	note("$level: $transactions transactions");
	cmp_ok($transactions, '>', 200, "many transactions, $level");
}
in_step('postgres', 'after the load');
my $rows = $node->safe_psql('postgres', $bound_rows);
cmp_ok(scalar(split /\n/, $rows), '>', 300, 'there are rows to compare');

# A copy that is made afresh is the same.
$node->safe_psql('postgres', join(' ', map { "SELECT access.abac_unbind('$_->[0]', '$_->[1]');" } @bindings));
is($node->safe_psql('postgres', $bound_rows), '', 'unbound: nothing is left');
$node->safe_psql('postgres', bind_all());
ok($node->safe_psql('postgres', $bound_rows) eq $rows, 'a fresh copy is the same');

# What others committed after a transaction's snapshot.
my $old = $node->background_psql('postgres', on_error_stop => 0);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM users');
$node->safe_psql('postgres', q{
	CREATE TABLE late (id int PRIMARY KEY, who text); INSERT INTO late VALUES (1, 'late 1'), (2, 'late 2');
	SELECT access.abac_bind('memberships', 'late', '{"scope_type": {"value": "team"}, "scope_id": {"value": "t"}, "user_id": "who"}')});
$old->query('DELETE FROM late');
like($old->{stderr}, qr/bound by abac_bind after this transaction began/, 'a transaction older than the binding');
$old->{stderr} = '';
$old->query_safe('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM users');
$node->safe_psql('postgres', q{
	CREATE TABLE later (id int PRIMARY KEY, who text); INSERT INTO later VALUES (1, 'later');
	SELECT access.abac_bind('memberships', 'later', '{"scope_type": {"value": "team"}, "scope_id": {"value": "l"}, "user_id": "who"}')});
$old->query('DROP TABLE later');
like($old->{stderr}, qr/table public.later was bound by abac_bind after this transaction began/, 'and it drops the table');
$old->{stderr} = '';
$old->query_safe('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM users');
$node->safe_psql('postgres', q{SELECT access.abac_bind('user_attributes', 'later', '{"user_id": "who", "organization_id": "id", "attributes": {}}')});
$old->query('ALTER TABLE later RENAME who TO whom');
like($old->{stderr}, qr/a table was bound by abac_bind after this transaction began/, 'and it renames a column');
$old->{stderr} = '';
$old->query_safe('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM late');
$node->safe_psql('postgres', 'DELETE FROM late WHERE id = 2');
# the key is free again, and the content is what the old snapshot still sees
$old->query_safe(q{UPDATE late SET id = 2, who = 'late 2' WHERE id = 1; COMMIT});
is($node->safe_psql('postgres', q{SELECT * FROM access.abac_verify_binding('memberships', 'late')}), '', 'a key that another one left');
is($node->safe_psql('postgres', q{SELECT user_id FROM access.abac_memberships WHERE scope_type = 'team' AND scope_id = 't'}), 'late 2', 'and its row');
# the key was free, was taken and is free again: what the old snapshot still sees there is not what the table holds
$node->safe_psql('postgres', q{INSERT INTO late VALUES (3, 'late 3')});
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM late');
$node->safe_psql('postgres', 'DELETE FROM late WHERE id = 3');
$old->query_safe(q{INSERT INTO late VALUES (4, 'late 3'); UPDATE late SET id = 3 WHERE id = 4});
$old->query('UPDATE late SET id = 5 WHERE id = 3');
like($old->{stderr}, qr/could not serialize access/, 'a key that was free in between');
$old->{stderr} = '';
$old->query_safe('ROLLBACK');
is($node->safe_psql('postgres', q{SELECT * FROM access.abac_verify_binding('memberships', 'late')}), '', 'and nothing is left of it');
$node->safe_psql('postgres', 'DROP TABLE later');
$old->quit;
$node->safe_psql('postgres', 'DROP TABLE late');

#
# Progress
#

$node->safe_psql('postgres', q{CREATE TABLE many (id int PRIMARY KEY, filler text DEFAULT repeat('x', 60)); INSERT INTO many SELECT generate_series(1, 130000)});
$node->psql('postgres', q{SELECT access.abac_bind('scopes', 'many', '{"scope_type": {"value": "organization"}, "scope_id": "id"}')}, stderr => \$notices);
my @copied = $notices =~ /copied (\d+) rows of public.many/g;
is(scalar(@copied), 1, 'the first hundred thousand is reported');
cmp_ok($copied[0], '<', 130000, 'on the way');
like($notices, qr/bound public.many to abac_scopes; rows copied: 130000/, 'and all at the end');
is($node->safe_psql('postgres', 'SELECT count(*) FROM access.abac_scopes'), '130000', 'all are there');
$node->safe_psql('postgres', 'DROP TABLE many');
is($node->safe_psql('postgres', 'SELECT count(*) FROM access.abac_scopes'), '0', 'and gone with the table');

#
# Dump and restore
#

$rows = $node->safe_psql('postgres', $bound_rows . 'SELECT id FROM access.abac_user_roles ORDER BY 1');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", 'postgres' ],                 'pg_dump -Fc');
$node->command_ok([ 'pg_dump', '-Fp', '-f', "$dir/plain", 'postgres' ],                  'pg_dump -Fp');
$node->command_ok([ 'pg_dump', '-Fd', '-j', 4, '-f', "$dir/directory", 'postgres' ],     'pg_dump -Fd -j 4');
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") foreach qw(custom plain parallel);
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'custom', "$dir/custom" ], 'pg_restore');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dir/plain" ], 'psql with a plain dump');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', 4, '-d', 'parallel', "$dir/directory" ], 'pg_restore -j 4');
foreach my $db (qw(custom plain parallel))
{
	ok($node->safe_psql($db, $bound_rows . 'SELECT id FROM access.abac_user_roles ORDER BY 1') eq $rows, "$db: the same rows");
	in_step($db, $db);
	$node->safe_psql($db, q{
		DELETE FROM users WHERE id % 5 = 0; UPDATE users SET level = level + 1; UPDATE user_role_assignments SET id = -id WHERE id % 2 = 0;
		INSERT INTO users VALUES (1000, 'new', 1); INSERT INTO organization_members VALUES (1, 1000)});
	in_step($db, "$db, changed");
	is($node->safe_psql($db, q{SELECT count(*) FROM access.abac_user_attributes WHERE user_id = '1000'}), '1', "$db: kept in step");
	my $refused = '';
	$node->psql($db, q{ALTER TYPE context ADD VALUE 'workspace'; ALTER TABLE users ADD more int; ALTER TABLE users RENAME more TO mere;
		ALTER TABLE users RENAME level TO grade}, stderr => \$refused, on_error_stop => 0);
	like($refused, qr/^psql:<stdin>:2: ERROR:  table public.users is bound by abac_bind$/m, "$db: a column keeps its name");
	unlike($refused, qr/ERROR.*ERROR/s, "$db: others don't");
	$refused = '';
	$node->psql($db, q{ALTER TYPE context RENAME VALUE 'organization' TO 'org'}, stderr => \$refused);
	like($refused, qr/user_role_assignments is bound by abac_bind/, "$db: a label keeps its name");
	$node->safe_psql($db, join(' ', map { "SELECT access.abac_unbind('$_->[0]', '$_->[1]');" } @bindings));
	is($node->safe_psql($db, $bound_rows . q{SELECT tgname FROM pg_trigger WHERE tgname ~ '^abac_bind'}), '', "$db: unbound");
}

$node->stop;
done_testing();
