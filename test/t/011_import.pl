# Files of the server: who may import one, what is said of it, how much memory it
# takes; and everything that was found by fuzzing the readers.
#
# A TAP test because files are written and a session's memory is looked at.
use strict;
use warnings;

use Digest::SHA;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('import');
$node->init;
# few buffers, so that touching them doesn't hide what an import takes
$node->append_conf('postgresql.conf', "shared_buffers = 2MB\ntemp_buffers = 800kB\nfsync = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION abac');
my $directory = $node->basedir;

# BSON: a document of elements, and a string element
sub wrap
{
	my ($elements) = @_;
	return pack('V', length($elements) + 5) . "$elements\0";
}

sub string
{
	my ($name, $value) = @_;
	return "\x02$name\0" . pack('V', length($value) + 1) . "$value\0";
}

# {user_id, organization_id: null, attributes: {level: int32, name: string}, seen: int32}
sub document
{
	my ($n) = @_;
	my $attributes = wrap("\x10level\0" . pack('V', $n % 7) . string('name', "user number $n"));
	return wrap(string('user_id', "user-$n") . "\x0aorganization_id\0\x03attributes\0$attributes" . "\x10seen\0" . pack('V', $n));
}

sub write_file
{
	my ($name, $content) = @_;
	open(my $file, '>:raw', "$directory/$name") or die "$name: $!";
	print $file ref $content ? map { document($_) } 1 .. $$content : $content;
	close $file;
	return "$directory/$name";
}

# The outcomes with their counts, and the peak of the session's memory in kB.
sub import_file
{
	my ($path, $options) = @_;
	my ($status, $out, $err) = $node->psql('postgres', qq{
		SELECT outcome || ' ' || coalesce(count::text, '') FROM abac_import_mongodump('$path', 'abac_user_attributes'$options);
		SELECT pg_backend_pid() AS pid \\gset
		\\setenv PID :pid
		\\! grep VmHWM /proc/\$PID/status});
	my ($memory) = $out =~ /VmHWM:\s+(\d+) kB/;
	$out =~ s/\n?VmHWM.*//s;
	return ($out, $memory, $err);
}

my $small = write_file('small.bson', \10_000);
my $large = write_file('large.bson', \150_000);
my ($out, $small_memory, $large_memory, $err);
($out, $small_memory, $err) = import_file($small, '');
is($out, "imported 10000\nunchanged 0\nskipped 0\nleft out 10000", 'a file of the server');
($out, $large_memory, $err) = import_file($large, '');
is($out, "imported 140000\nunchanged 10000\nskipped 0\nleft out 150000", 'a larger one');
like($err, qr/NOTICE:  100000 documents read, 6\d %/, 'progress is told');
cmp_ok($small_memory, '>', 1024, 'the memory that an import takes is known');
cmp_ok($large_memory - $small_memory, '<', 8 * 1024, 'fifteen times the documents take about the same memory');
is($node->safe_psql('postgres', q{SELECT count(*), sum((attributes ->> 'level')::int) FROM abac_user_attributes}),
	'150000|' . eval { my $sum = 0; $sum += $_ % 7 for 1 .. 150_000; $sum }, 'and all of them are there');
is((import_file($large, ', dry_run => true'))[0], "imported 0\nunchanged 150000\nskipped 0\nleft out 150000", 'twice changes nothing');

# a file that ends in the middle of a document: nothing is changed
my $before = $node->safe_psql('postgres', 'TRUNCATE abac_user_attributes; SELECT count(*) FROM abac_user_attributes');
my $cut = write_file('cut.bson', substr(join('', map { document($_) } 1 .. 3000), 0, -7));
foreach my $options ('', q{, on_error => 'skip'})
{
	($out, undef, $err) = import_file($cut, $options);
	like($err, qr/ERROR:  document 3000 is cut short/, "a file that is cut short$options");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM abac_user_attributes'), '0', 'is not imported in part');
}
my $json = write_file('lines.json', join('', map { qq({"user_id": "json-$_", "organization_id": null, "attributes": {"level": {"\$numberInt": "$_"}}}\r\n) } 1 .. 2500));
is((import_file($json, ''))[0], "imported 2500\nunchanged 0\nskipped 0", 'Extended JSON, a document a line');
is($node->safe_psql('postgres', q{SELECT attributes FROM abac_user_attributes WHERE user_id = 'json-2500'}), '{"level": 2500}', 'to its last line');
write_file('bad.json', join('', map { $_ % 1000 == 0 ? qq({"user_id": 1, "organization_id": null, "attributes": {"x": {"\$numberInt": "x"}}}\n) : qq({"user_id": "json-$_", "organization_id": null, "attributes": {}}\n) } 1 .. 2500));
is($node->safe_psql('postgres', qq{SELECT string_agg(concat_ws(' ', document, id, detail), '; ' ORDER BY document)
		FROM abac_import_mongodump('$directory/bad.json', 'abac_user_attributes', on_error => 'skip') WHERE outcome = 'problem'}),
	join('; ', map { qq($_ 1 invalid Extended JSON for a BSON int32: Field "attributes.x" holds it.) } 1000, 2000),
	'bad ones are found among the others');

foreach my $case (
	[ "$directory/nowhere", qr/could not stat file/ ],
	[ $directory, qr/is not a regular file/ ],
	[ write_file('zipped.bson', "\x1f\x8b\x08\0\0\0"), qr/the documents are compressed/ ])
{
	my ($path, $message) = @$case;
	like((import_file($path, ''))[2], $message, "refused: $message");
}
SKIP:
{
	skip 'no named pipes here', 1 if $^O eq 'MSWin32';
	require POSIX;
	POSIX::mkfifo("$directory/pipe", 0600);
	like((import_file("$directory/pipe", ''))[2], qr/is not a regular file/, 'a pipe is refused, not waited for');
}

# who may
$node->safe_psql('postgres', 'CREATE ROLE mover; GRANT EXECUTE ON FUNCTION abac_import_mongodump TO mover');
my $as_mover = "SET ROLE mover; SELECT count(*) FROM abac_import_mongodump('$json', 'abac_user_attributes')";
like(($node->psql('postgres', $as_mover))[2], qr/permission denied to import from a file/, 'EXECUTE alone is not enough');
$node->safe_psql('postgres', 'GRANT pg_read_server_files TO mover');
is($node->safe_psql('postgres', $as_mover), '3', 'with pg_read_server_files it is');
$node->safe_psql('postgres', 'REVOKE EXECUTE ON FUNCTION abac_import_mongodump FROM mover');
like(($node->psql('postgres', $as_mover))[2], qr/permission denied for function/, 'pg_read_server_files alone is not either');

# a database in another encoding: what a hash is of doesn't change, and what has no place there is refused
{
	my $rule = '00000000-0000-0000-0000-000000000001';
	$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
	$node->safe_psql('latin', "CREATE EXTENSION abac; INSERT INTO abac_rules (id, name) VALUES ('$rule', 'rule')");
	foreach my $case ([ "\xc3\xa9", 'hash verified||, imported||' ],
		[ "\xe2\x82\xac", 'problem|1|character with byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1": '
			  . 'Field "condition_tree.value" holds the text., skipped||' ])
	{
		my ($character, $expected) = @$case;
		my $tree = wrap(string('attribute', 'user.name') . string('operator', 'eq') . string('value', $character));
		my $hash = unpack('H*', Digest::SHA::sha256(qq({"attribute":"user.name","operator":"eq","value":"$character"})));
		my $hex = unpack('H*', wrap(string('rule_id', $rule) . "\x0aorganization_id\0\x03condition_tree\0$tree" . string('condition_hash', $hash)));
		is($node->safe_psql('latin', qq{SELECT string_agg(concat_ws('|', outcome, coalesce(document::text, ''), coalesce(detail, '')), ', ' ORDER BY outcome)
				FROM abac_import_rule_conditions('\\x$hex'::bytea, on_error => 'skip') WHERE count > 0 OR outcome = 'problem'}),
			$expected, 'in LATIN1');
	}
}

# what fuzzing found: a result or an error of the data, and the server goes on
my @corpus = sort glob('test/fuzz/corpus/*');
cmp_ok(scalar @corpus, '>', 50, 'there is a corpus');
my $statements = join('', map {
		my $hex = unpack('H*', slurp_file($_));
		m{/json-} ? "SELECT try('$_', '\\x7b2261223a${hex}7d', true);\n" : "SELECT try('$_', '\\x$hex', false);\n"
	} @corpus);
my $results = $node->safe_psql('postgres', q{
	CREATE FUNCTION try(name text, document bytea, is_json boolean) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		content jsonb;
		again jsonb;
	BEGIN
		SELECT r.content INTO STRICT content FROM abac_read_document(document, is_json, '{a,attributes,condition_tree}', 'condition_tree') r;
		IF NOT is_json THEN
			content := abac_bson_to_jsonb(document);
			again := abac_bson_to_jsonb(abac_jsonb_to_bson(content));
		ELSE
			SELECT r.content INTO STRICT again FROM abac_read_document(convert_to(abac_jsonb_to_extended_json(content), 'UTF8'), true, '{a}', '') r;
		END IF;
		RETURN CASE WHEN again::text = content::text THEN 'same' ELSE 'not the same: ' || name END;
	EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded THEN
		RETURN 'refused';
	END
	$$;
} . $statements);
my %count;
$count{$_}++ foreach split /\n/, $results;
is(join(' ', grep { !/^(same|refused)$/ } keys %count), '', 'of the corpus everything is refused, or the same when read again');
cmp_ok($count{same}, '>', 10, 'some of it is read');
cmp_ok($count{refused}, '>', 10, 'some of it is refused');

$node->stop;
done_testing();
