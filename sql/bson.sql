-- abac_bson_to_jsonb: every BSON type, and bytes that are not a document.
-- A document is its length, its fields (type, name, value) and a zero byte;
-- \x1e000000 is a length of 30, all numbers are little-endian.

-- After each error: its SQLSTATE.

-- numbers
-- {}
SELECT abac_bson_to_jsonb('\x0500000000');
-- int32 1, -1, int64 9007199254740993
SELECT abac_bson_to_jsonb('\x1e00000010610001000000106200ffffffff126300010000000000200000');
-- int64 at both ends
SELECT abac_bson_to_jsonb('\x1f000000126d696e000000000000000080126d617800ffffffffffffff7f00');
-- double 0.1, 0.1 + 0.2 (all 17 digits), 1e300, -0.0, 3.0
SELECT abac_bson_to_jsonb('\x3c0000000161009a9999999999b93f016200343333333333d33f0163009c7500883ce4377e0164000000000000000080016500000000000000084000');
-- no setting changes a number
SET extra_float_digits = -10;
SELECT abac_bson_to_jsonb('\x10000000016200343333333333d33f00');
RESET extra_float_digits;
-- decimal128 1.10, -5E+3
SELECT abac_bson_to_jsonb('\x2b0000001361006e000000000000000000000000003c30136200050000000000000000000000000046b000');
-- double NaN
SELECT abac_bson_to_jsonb('\x10000000016e00000000000000f87f00');
\echo :SQLSTATE
-- double -Infinity, in a nested array
SELECT abac_bson_to_jsonb('\x270000000361001f0000000462001700000010300001000000013100000000000000f0ff000000');
\echo :SQLSTATE
-- decimal128 NaN
SELECT abac_bson_to_jsonb('\x18000000136e000000000000000000000000000000007c00');
\echo :SQLSTATE
-- decimal128 Infinity
SELECT abac_bson_to_jsonb('\x18000000136e000000000000000000000000000000007800');
\echo :SQLSTATE

-- strings
-- string, an empty one, symbol, code
SELECT abac_bson_to_jsonb('\x300000000261000600000068656c6c6f0002620001000000000e63000400000073796d000d6400040000006628290000');
-- an accented letter and one beyond the basic plane
SELECT abac_bson_to_jsonb('\x1900000002c3a9000c0000006e61c3af766520f09f94910000');
-- an empty name, a name with a dot and a dollar
SELECT abac_bson_to_jsonb('\x150000001000010000001024612e62000200000000');
-- a zero byte inside
SELECT abac_bson_to_jsonb('\x180000000361001000000002620004000000780079000000');
\echo :SQLSTATE
-- not UTF-8
SELECT abac_bson_to_jsonb('\x0f00000002610003000000c3280000');
\echo :SQLSTATE
-- a surrogate, an overlong slash
SELECT abac_bson_to_jsonb('\x1000000002610004000000eda0800000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0f00000002610003000000c0af0000');
\echo :SQLSTATE
-- a name that is not UTF-8
SELECT abac_bson_to_jsonb('\x10000000036100080000000aff000000');
\echo :SQLSTATE

-- documents and arrays
SELECT abac_bson_to_jsonb('\x4700000003610014000000106200010000000363000500000000000464002800000010300001000000023100020000007800033200080000000a6e000004330005000000000000');
-- names of array elements mean nothing
SELECT abac_bson_to_jsonb('\x210000000461001900000010370001000000103700020000001000030000000000');
-- boolean, null
SELECT abac_bson_to_jsonb('\x1000000008740001086600000a6e0000');
-- two fields of one name, at the top and below
SELECT abac_bson_to_jsonb('\x1a00000010610001000000106200010000001061000100000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x2a000000107a00010000000478001b00000003300013000000106b0001000000106b0002000000000000');
\echo :SQLSTATE

-- the others
-- ObjectId
SELECT abac_bson_to_jsonb('\x16000000075f696400507f1f77bcf86cd79943901100');
-- datetime: 0, before 1970, both ends
SELECT abac_bson_to_jsonb('\x3c0000000961000000000000000000096200ffffffffffffffff0963000028d3ed7cc7ffff096400ffdb1fd277e60000096500ae7fd8f48d01000000');
-- datetime beyond them
SELECT abac_bson_to_jsonb('\x1000000009610000dc1fd277e6000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x10000000096100ff27d3ed7cc7ffff00');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x10000000096100000000000000008000');
\echo :SQLSTATE
-- uuid (subtype 4)
SELECT abac_bson_to_jsonb('\x1e00000005696400100000000400112233445566778899aabbccddeeff00');
-- a uuid of 15 bytes
SELECT abac_bson_to_jsonb('\x1d000000056964000f0000000400000000000000000000000000000000');
\echo :SQLSTATE
-- uuid of the old subtype
SELECT abac_bson_to_jsonb('\x1e0000000569640010000000030000000000000000000000000000000000');
\echo :SQLSTATE
-- binary: generic, old (it holds a second length), user defined, empty; longer than a line of base64
SELECT abac_bson_to_jsonb('\x77000000056100030000000000ff100562000600000002020000006869056300050000008068656c6c6f05640000000000000565003c00000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b00');
-- regular expression
SELECT abac_bson_to_jsonb('\x120000000b72005e612e2ac3a900696d0000');
-- code with scope
SELECT abac_bson_to_jsonb('\x210000000f6300190000000500000066287829000c000000107800010000000000');
-- timestamp
SELECT abac_bson_to_jsonb('\x1000000011740007000000ffffffff00');
-- undefined, DBPointer, MinKey, MaxKey
SELECT abac_bson_to_jsonb('\x0800000006750000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x1d0000000c70000500000064622e630000000000000000000000000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0a000000ff6d696e0000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x120000000361000a0000007f6d6178000000');
\echo :SQLSTATE

-- bytes that are not a document
-- none, four, a length alone
SELECT abac_bson_to_jsonb('\x');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x05000000');
\echo :SQLSTATE
-- a length too small, too large, negative
SELECT abac_bson_to_jsonb('\x0400000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0600000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\xffffffff00');
\echo :SQLSTATE
-- bytes after the document
SELECT abac_bson_to_jsonb('\x050000000000');
\echo :SQLSTATE
-- two documents
SELECT abac_bson_to_jsonb('\x0c00000010610001000000000500000000');
\echo :SQLSTATE
-- no zero byte at the end
SELECT abac_bson_to_jsonb('\x0500000001');
\echo :SQLSTATE
-- cut in the middle, its length mended
SELECT abac_bson_to_jsonb('\x1400000010610001000000026200040000007800');
\echo :SQLSTATE
-- it ends before its length
SELECT abac_bson_to_jsonb('\x090000000000000000');
\echo :SQLSTATE
-- a string whose length is too large, zero, negative, one short
SELECT abac_bson_to_jsonb('\x0e00000002610064000000780000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0e00000002610000000000780000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0e000000026100ffffffff780000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0e00000002610001000000780000');
\echo :SQLSTATE
-- a nested document longer than its parent, shorter than five bytes, without an end
SELECT abac_bson_to_jsonb('\x15000000036f000d00000003610032000000000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x13000000036100040000001062000100000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0d000000036100050000000100');
\echo :SQLSTATE
-- an array without an end
SELECT abac_bson_to_jsonb('\x0d000000046100050000000100');
\echo :SQLSTATE
-- an unknown type
SELECT abac_bson_to_jsonb('\x170000000461000f000000103000010000002031000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0800000080610000');
\echo :SQLSTATE
-- a boolean of 2, and one that is missing
SELECT abac_bson_to_jsonb('\x090000000862000200');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0800000008620000');
\echo :SQLSTATE
-- binary whose length is too large, whose inner length lies
SELECT abac_bson_to_jsonb('\x0e00000005610064000000007800');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x13000000056200060000000209000000686900');
\echo :SQLSTATE
-- an ObjectId, an int64, a decimal128 cut short
SELECT abac_bson_to_jsonb('\x13000000076100000000000000000000000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x0f0000001261000000000000000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x1700000013610000000000000000000000000000000000');
\echo :SQLSTATE
-- a regular expression without its second string
SELECT abac_bson_to_jsonb('\x090000000b72006100');
\echo :SQLSTATE
-- code with scope: a wrong total, code without an end, a scope that lies
SELECT abac_bson_to_jsonb('\x170000000f630008000000020000006600050000000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x170000000f63000f000000020000006667050000000000');
\echo :SQLSTATE
SELECT abac_bson_to_jsonb('\x1b0000000f63001300000002000000660009000000086200070000');
\echo :SQLSTATE
-- a field without a name
SELECT abac_bson_to_jsonb('\x060000000a00');
\echo :SQLSTATE

-- levels: 100 are read, 101 are not
CREATE FUNCTION bson_nested(levels int) RETURNS bytea LANGUAGE sql AS $$
	WITH RECURSIVE d(level, bytes) AS (
		SELECT 1, '\x0500000000'::bytea
		UNION ALL
		SELECT level + 1,
			   -- the length, type 3 and the name "a", the document, the end
			   decode(regexp_replace(lpad(to_hex(length(bytes) + 8), 8, '0'), '(..)(..)(..)(..)', '\4\3\2\1'), 'hex')
			   || '\x036100' || bytes || '\x00'
		FROM d WHERE level < levels)
	SELECT bytes FROM d WHERE level = levels
$$;
SELECT length(abac_bson_to_jsonb(bson_nested(100))::text);
SELECT abac_bson_to_jsonb(bson_nested(101));
\echo :SQLSTATE
SELECT abac_bson_to_jsonb(bson_nested(5000));
\echo :SQLSTATE
DROP FUNCTION bson_nested(int);

-- every prefix of a document is refused, and so is every single byte changed
-- to one that makes no document; none of them does harm
CREATE FUNCTION bson_outcome(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM abac_bson_to_jsonb(bytes);
	RETURN 'read';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLSTATE IN ('22P03', '22P05', '22021', '22030', '22003', '22008', '0A000', '54000')
				THEN 'refused' ELSE SQLSTATE || ' ' || SQLERRM END;
END $$;
CREATE TABLE bson_sample AS SELECT '\xa5000000016400000000000000f83f0273000400000078797a00036f0023000000106900010000000461001400000012300002000000000000000831000100000575001000000004000102030405060708090a0b0c0d0e0f056200060000000202000000686909740000000000000000000b7200610069000f6300160000000200000066000c0000001078000100000000136e006e000000000000000000000000003c3000'::bytea AS bytes;
SELECT bson_outcome(substr(bytes, 1, n)), count(*) FROM bson_sample, generate_series(0, length(bytes) - 1) n GROUP BY 1;
SELECT bson_outcome(set_byte(bytes, n, v)) NOT IN ('read', 'refused') AS other, count(*)
FROM bson_sample, generate_series(0, length(bytes) - 1) n, generate_series(0, 255) v GROUP BY 1;
DROP TABLE bson_sample;
DROP FUNCTION bson_outcome(bytea);

-- SQL NULL, and a document that is stored compressed
SELECT abac_bson_to_jsonb(NULL) IS NULL;
CREATE TABLE bson_stored (bytes bytea);
INSERT INTO bson_stored
SELECT '\xac860100'::bytea || '\x026100' || '\xa0860100' || convert_to(repeat('a', 99999), 'UTF8') || '\x0000';
SELECT pg_column_size(bytes) < length(bytes) AS compressed, length(abac_bson_to_jsonb(bytes) ->> 'a') FROM bson_stored;
DROP TABLE bson_stored;
