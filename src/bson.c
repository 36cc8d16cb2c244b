/*
 * One BSON document -> jsonb, for data that comes from MongoDB.
 *
 * The only file that knows libbson.  libbson is used to walk the bytes and for
 * nothing else: an iterator points into the argument and never allocates, so
 * an error thrown anywhere leaves nothing behind.
 *
 * BSON type             jsonb
 * --------------------  ----------------------------------------------------
 * double                number, the shortest that reads back as the same
 *                       double; NaN and infinities are refused
 * int32, int64          number
 * decimal128            number; NaN and infinities are refused
 * string, symbol        string
 * document              object
 * array                 array, in the order of the bytes (the names of array
 *                       elements mean nothing and are not looked at)
 * binary, subtype 4     string: uuid in the usual spelling
 * binary, subtype 3     refused: its byte order depends on the driver that
 *                       wrote it, and a guess would be another uuid
 * binary, others        string: base64, without line breaks
 * ObjectId              string: 24 lower-case hex digits
 * boolean               boolean
 * datetime              string: YYYY-MM-DDTHH:MM:SS.mmmZ, years 1 to 9999
 * null                  null
 * regular expression    object: {"pattern": string, "options": string}
 * code                  string
 * code with scope       object: {"code": string, "scope": object}
 * timestamp             object: {"t": number, "i": number}
 * undefined, DBPointer, refused: they have no counterpart, and null or a
 * MinKey, MaxKey        string would be taken for a value
 *
 * The bytes are not trusted.  What is refused, besides the above: a length
 * that disagrees with the bytes, bytes after the document, a type or boolean
 * that doesn't exist, text that isn't UTF-8 or holds a zero byte, two fields
 * of one name (jsonb would silently keep the last), and more than
 * BSON_MAX_LEVELS levels.  The error's DETAIL names the field, dotted.
 */
#include "postgres.h"

#include <math.h>

#include <bson/bson.h>

#include "common/base64.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "compat.h"

/* Levels of documents and arrays, the outermost included; MongoDB's own limit. */
#define BSON_MAX_LEVELS 100

/* Bytes of one field name that are shown in an error. */
#define BSON_SHOWN_NAME_LEN 64

/* 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z in milliseconds. */
#define BSON_DATETIME_MIN INT64CONST(-62135596800000)
#define BSON_DATETIME_MAX INT64CONST(253402300799999)
#define MSECS_PER_DAY INT64CONST(86400000)

/* Where in the document the walk is: one link per level, innermost first. */
typedef struct BsonPath
{
	const struct BsonPath *parent;	/* NULL for the whole document */
	const char *name;			/* in the server encoding; NULL in an array */
	int			name_len;
	int			index;			/* in an array */
	int			level;			/* 1 for the whole document */
} BsonPath;

static JsonbValue *PushDocument(JsonbParseState **state, const uint8 *data, uint32 len, bool is_array, const BsonPath *path);

PG_FUNCTION_INFO_V1(abac_bson_to_jsonb);

/*
 * Append the dotted name of a field.
 */
static void
AppendPath(StringInfo buf, const BsonPath *path)
{
	if (path->parent == NULL)
		return;

	AppendPath(buf, path->parent);
	if (buf->len > 0)
		appendStringInfoChar(buf, '.');
	if (path->name == NULL)
		appendStringInfo(buf, "%d", path->index);
	else
	{
		int			shown = pg_mbcliplen(path->name, path->name_len, BSON_SHOWN_NAME_LEN);

		appendBinaryStringInfo(buf, path->name, shown);
		if (shown < path->name_len)
			appendStringInfoString(buf, "...");
	}
}

/*
 * The subject of a DETAIL sentence: a field, or the document itself.
 */
static char *
DescribePath(const BsonPath *path)
{
	StringInfoData name;

	if (path->parent == NULL)
		return pstrdup("The document");

	initStringInfo(&name);
	AppendPath(&name, path);
	return psprintf("Field \"%s\"", name.data);
}

static void
RefuseType(const char *type, const BsonPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("BSON type %s has no jsonb form", type),
			 errdetail("%s has this type.", DescribePath(path))));
}

static void
RefuseNumber(const char *what, const BsonPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("cannot convert %s to jsonb", what),
			 errdetail("%s holds it.", DescribePath(path))));
}

/*
 * Say where a conversion to the server encoding failed; arg is a BsonPath.
 */
static void
ConversionErrorCallback(void *arg)
{
	errdetail("%s holds the text.", DescribePath(arg));
}

/*
 * Text of a document in the server encoding.  The result may be the argument.
 */
static const char *
ToServer(const char *text, int len, int *result_len, const BsonPath *path)
{
	const char *result;
	ErrorContextCallback callback;

	if (memchr(text, '\0', len) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("BSON text holds a zero byte, which jsonb cannot store"),
				 errdetail("%s holds the text.", DescribePath(path))));
	if (!pg_verify_mbstr(PG_UTF8, text, len, true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("BSON text is not valid UTF-8"),
				 errdetail("%s holds the text.", DescribePath(path))));

	callback.callback = ConversionErrorCallback;
	callback.arg = (void *) path;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = pg_any_to_server(text, len, PG_UTF8);
	error_context_stack = callback.previous;

	*result_len = result == text ? len : (int) strlen(result);
	return result;
}

static void
PushText(JsonbParseState **state, JsonbIteratorToken token, const char *text, int len, const BsonPath *path)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) ToServer(text, len, &value.val.string.len, path);
	pushJsonbValue(state, token, &value);
}

/*
 * A string of our own making: ASCII, and living as long as the result.
 */
static void
PushAscii(JsonbParseState **state, JsonbIteratorToken token, const char *text, int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) text;
	value.val.string.len = len;
	pushJsonbValue(state, token, &value);
}

static void
PushNumeric(JsonbParseState **state, JsonbIteratorToken token, Numeric number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = number;
	pushJsonbValue(state, token, &value);
}

static void
PushNumberText(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	PushNumeric(state, token, DatumGetNumeric(number));
}

/*
 * Not float8_numeric(), which keeps 15 digits, nor float8out(), which follows
 * extra_float_digits.
 */
static void
PushDouble(JsonbParseState **state, JsonbIteratorToken token, double number, const BsonPath *path)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(number))
		RefuseNumber("NaN", path);
	if (isinf(number))
		RefuseNumber("infinity", path);

	double_to_shortest_decimal_buf(number, text);
	PushNumberText(state, token, text);
}

static void
PushDecimal128(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter, const BsonPath *path)
{
	bson_decimal128_t number;
	char		text[BSON_DECIMAL128_STRING];

	bson_iter_decimal128(iter, &number);
	bson_decimal128_to_string(&number, text);
	if (strcmp(text, "NaN") == 0)
		RefuseNumber("NaN", path);
	if (strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0)
		RefuseNumber("infinity", path);

	PushNumberText(state, token, text);
}

static void
PushDatetime(JsonbParseState **state, JsonbIteratorToken token, int64 msecs, const BsonPath *path)
{
	int64		days;
	int			msec_of_day;
	int			year;
	int			month;
	int			day;
	char	   *text;

	if (msecs < BSON_DATETIME_MIN || msecs > BSON_DATETIME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("BSON datetime " INT64_FORMAT " is outside the years 1 to 9999", msecs),
				 errdetail("%s holds it.", DescribePath(path))));

	/* Days are counted downwards before 1970, the time of day never is. */
	days = msecs / MSECS_PER_DAY;
	msec_of_day = (int) (msecs % MSECS_PER_DAY);
	if (msec_of_day < 0)
	{
		days--;
		msec_of_day += MSECS_PER_DAY;
	}
	j2date((int) days + UNIX_EPOCH_JDATE, &year, &month, &day);

	text = psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
					msec_of_day / 3600000, msec_of_day / 60000 % 60,
					msec_of_day / 1000 % 60, msec_of_day % 1000);
	PushAscii(state, token, text, strlen(text));
}

static void
PushBinary(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter, const BsonPath *path)
{
	bson_subtype_t subtype;
	uint32		len;
	const uint8 *data;
	char	   *text;
	int			text_len;

	bson_iter_binary(iter, &subtype, &len, &data);

	if (subtype == BSON_SUBTYPE_UUID_DEPRECATED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("BSON binary of subtype 3 has no certain meaning"),
				 errdetail("%s is a uuid in a byte order that depends on the driver that wrote it.", DescribePath(path)),
				 errhint("Rewrite it as subtype 4 where the driver is known.")));

	if (subtype == BSON_SUBTYPE_UUID)
	{
		if (len != UUID_LEN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid BSON uuid"),
					 errdetail("%s has %u bytes instead of %d.", DescribePath(path), len, UUID_LEN)));
		text = DatumGetCString(DirectFunctionCall1(uuid_out, PointerGetDatum(data)));
		PushAscii(state, token, text, strlen(text));
		return;
	}

	/* Four characters for three bytes must stay below what jsonb can hold. */
	if (len > JENTRY_OFFLENMASK / 4 * 3)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("BSON binary of %u bytes is too long for jsonb", len),
				 errdetail("%s holds it.", DescribePath(path))));
	text_len = pg_b64_enc_len(len);
	text = palloc(text_len + 1);
	/* The cast fits both its signatures: char before version 18, uint8 since. */
	text_len = pg_b64_encode((const void *) data, len, text, text_len);
	if (text_len < 0)
		elog(ERROR, "could not encode %u bytes in base64", len);
	PushAscii(state, token, text, text_len);
}

static void
PushObjectId(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter)
{
	char	   *text = palloc(25);

	bson_oid_to_string(bson_iter_oid(iter), text);
	PushAscii(state, token, text, 24);
}

static void
PushRegex(JsonbParseState **state, const bson_iter_t *iter, const BsonPath *path)
{
	const char *options;
	const char *pattern = bson_iter_regex(iter, &options);

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	PushAscii(state, WJB_KEY, "pattern", 7);
	PushText(state, WJB_VALUE, pattern, strlen(pattern), path);
	PushAscii(state, WJB_KEY, "options", 7);
	PushText(state, WJB_VALUE, options, strlen(options), path);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
PushTimestamp(JsonbParseState **state, const bson_iter_t *iter)
{
	uint32		seconds;
	uint32		increment;

	bson_iter_timestamp(iter, &seconds, &increment);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	PushAscii(state, WJB_KEY, "t", 1);
	PushNumeric(state, WJB_VALUE, int64_to_numeric(seconds));
	PushAscii(state, WJB_KEY, "i", 1);
	PushNumeric(state, WJB_VALUE, int64_to_numeric(increment));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
PushCodeWithScope(JsonbParseState **state, const bson_iter_t *iter, const BsonPath *path)
{
	uint32		code_len;
	uint32		scope_len;
	const uint8 *scope;
	const char *code = bson_iter_codewscope(iter, &code_len, &scope_len, &scope);
	BsonPath	scope_path = {.parent = path,.name = "scope",.name_len = 5,.level = path->level + 1};

	/* Of all strings this is the one whose end libbson does not look at. */
	if (code[code_len] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON element"),
				 errdetail("%s is cut short or has a wrong length.", DescribePath(path))));

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	PushAscii(state, WJB_KEY, "code", 4);
	PushText(state, WJB_VALUE, code, code_len, path);
	PushAscii(state, WJB_KEY, "scope", 5);
	PushDocument(state, scope, scope_len, false, &scope_path);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * Push what the iterator stands on; token is WJB_ELEM in an array, else
 * WJB_VALUE.
 */
static void
PushElement(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter, const BsonPath *path)
{
	JsonbValue	value;
	uint32		len;
	const uint8 *data;
	const char *text;

	switch (bson_iter_type(iter))
	{
		case BSON_TYPE_DOUBLE:
			PushDouble(state, token, bson_iter_double(iter), path);
			break;
		case BSON_TYPE_INT32:
			PushNumeric(state, token, int64_to_numeric(bson_iter_int32(iter)));
			break;
		case BSON_TYPE_INT64:
			PushNumeric(state, token, int64_to_numeric(bson_iter_int64(iter)));
			break;
		case BSON_TYPE_DECIMAL128:
			PushDecimal128(state, token, iter, path);
			break;
		case BSON_TYPE_UTF8:
			text = bson_iter_utf8(iter, &len);
			PushText(state, token, text, len, path);
			break;
		case BSON_TYPE_SYMBOL:
			text = bson_iter_symbol(iter, &len);
			PushText(state, token, text, len, path);
			break;
		case BSON_TYPE_CODE:
			text = bson_iter_code(iter, &len);
			PushText(state, token, text, len, path);
			break;
		case BSON_TYPE_DOCUMENT:
			bson_iter_document(iter, &len, &data);
			PushDocument(state, data, len, false, path);
			break;
		case BSON_TYPE_ARRAY:
			bson_iter_array(iter, &len, &data);
			PushDocument(state, data, len, true, path);
			break;
		case BSON_TYPE_BINARY:
			PushBinary(state, token, iter, path);
			break;
		case BSON_TYPE_OID:
			PushObjectId(state, token, iter);
			break;
		case BSON_TYPE_BOOL:
			value.type = jbvBool;
			value.val.boolean = bson_iter_bool(iter);
			pushJsonbValue(state, token, &value);
			break;
		case BSON_TYPE_DATE_TIME:
			PushDatetime(state, token, bson_iter_date_time(iter), path);
			break;
		case BSON_TYPE_NULL:
			value.type = jbvNull;
			pushJsonbValue(state, token, &value);
			break;
		case BSON_TYPE_REGEX:
			PushRegex(state, iter, path);
			break;
		case BSON_TYPE_TIMESTAMP:
			PushTimestamp(state, iter);
			break;
		case BSON_TYPE_CODEWSCOPE:
			PushCodeWithScope(state, iter, path);
			break;
		case BSON_TYPE_UNDEFINED:
			RefuseType("undefined", path);
			break;
		case BSON_TYPE_DBPOINTER:
			RefuseType("DBPointer", path);
			break;
		case BSON_TYPE_MINKEY:
			RefuseType("MinKey", path);
			break;
		case BSON_TYPE_MAXKEY:
			RefuseType("MaxKey", path);
			break;
		default:
			elog(ERROR, "unrecognized BSON type: %d", (int) bson_iter_type(iter));
	}
}

static int
CompareNames(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * Complain about a document of which jsonb kept fewer fields than it has.
 * count is the number it has.
 */
static void
RefuseDuplicate(const uint8 *data, uint32 len, int count, const BsonPath *path)
{
	const char **names = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(char *));
	bson_iter_t iter;
	int			n = 0;

	/* In the server encoding, where two may have become one. */
	bson_iter_init_from_data(&iter, data, len);
	while (n < count && bson_iter_next(&iter))
		names[n++] = pg_any_to_server(bson_iter_key(&iter), strlen(bson_iter_key(&iter)), PG_UTF8);

	qsort(names, n, sizeof(char *), CompareNames);
	for (int i = 1; i < n; i++)
	{
		BsonPath	field = {.parent = path,.name = names[i],.name_len = strlen(names[i])};

		if (strcmp(names[i - 1], names[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_JSON_OBJECT_KEY_VALUE),
					 errmsg("duplicate field in a BSON document"),
					 errdetail("%s occurs more than once.", DescribePath(&field))));
	}
	elog(ERROR, "jsonb lost a field of a BSON document");
}

/*
 * Complain about the element at this offset, which libbson could not read.
 */
static void
RefuseElement(const uint8 *data, uint32 len, uint32 offset, bool is_array, int index, const BsonPath *path)
{
	BsonPath	field = {.parent = path,.index = index};
	uint8		type = data[offset];

	/* A type of zero ends a document; this one isn't at its end. */
	if (type == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON document"),
				 errdetail("%s ends before its length of %u bytes.", DescribePath(path), len)));

	if (!is_array)
	{
		const char *name = (const char *) data + offset + 1;

		/* A document's last byte is zero, so a name has an end. */
		field.name = ToServer(name, strlen(name), &field.name_len, path);
	}

	if (!(type <= BSON_TYPE_DECIMAL128 || type == BSON_TYPE_MINKEY || type == BSON_TYPE_MAXKEY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON element"),
				 errdetail("%s has the unknown type 0x%02x.", DescribePath(&field), type)));
	if (type == BSON_TYPE_BOOL && offset + 2 + strlen((const char *) data + offset + 1) < len - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON element"),
				 errdetail("%s is a boolean that is neither 0 nor 1.", DescribePath(&field))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid BSON element"),
			 errdetail("%s is cut short or has a wrong length.", DescribePath(&field))));
}

/*
 * Push a document or an array of len bytes, and return it.
 */
static JsonbValue *
PushDocument(JsonbParseState **state, const uint8 *data, uint32 len, bool is_array, const BsonPath *path)
{
	BsonPath	field = {.parent = path,.level = path->level + 1};
	bson_iter_t iter;
	JsonbValue *result;
	int			count = 0;

	check_stack_depth();

	if (path->level > BSON_MAX_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("BSON document has more than %d levels", BSON_MAX_LEVELS),
				 errdetail("%s is at level %d.", DescribePath(path), path->level)));

	/* Checks the length inside against ours, and the zero byte at the end. */
	if (!bson_iter_init_from_data(&iter, data, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON document"),
				 errdetail("%s has a wrong length or no end.", DescribePath(path))));

	pushJsonbValue(state, is_array ? WJB_BEGIN_ARRAY : WJB_BEGIN_OBJECT, NULL);
	for (; bson_iter_next(&iter); count++)
	{
		CHECK_FOR_INTERRUPTS();

		if (is_array)
		{
			field.index = count;
			PushElement(state, WJB_ELEM, &iter, &field);
		}
		else
		{
			const char *name = bson_iter_key(&iter);

			field.name = ToServer(name, strlen(name), &field.name_len, path);
			PushAscii(state, WJB_KEY, field.name, field.name_len);
			PushElement(state, WJB_VALUE, &iter, &field);
		}
	}
	/* The iterator stops at the end and at an element it can't read alike. */
	if (bson_iter_offset(&iter) != len - 1)
		RefuseElement(data, len, bson_iter_offset(&iter), is_array, count, path);

	result = pushJsonbValue(state, is_array ? WJB_END_ARRAY : WJB_END_OBJECT, NULL);
	if (!is_array && result->val.object.nPairs != count)
		RefuseDuplicate(data, len, count, path);
	return result;
}

/*
 * The jsonb of one BSON document.
 */
Datum
abac_bson_to_jsonb(PG_FUNCTION_ARGS)
{
	bytea	   *bson = PG_GETARG_BYTEA_PP(0);
	const uint8 *data = (const uint8 *) VARDATA_ANY(bson);
	uint32		len = VARSIZE_ANY_EXHDR(bson);
	BsonPath	path = {.level = 1};
	JsonbParseState *state = NULL;
	uint32		said = 0;

	if (len >= sizeof(said))
	{
		memcpy(&said, data, sizeof(said));
		said = BSON_UINT32_FROM_LE(said);
	}
	if (len < 5 || said != len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON document"),
				 len < 5 ?
				 errdetail("A document has at least 5 bytes, there are %u.", len) :
				 errdetail("The document says it has %u bytes, there are %u.", said, len)));

	PG_RETURN_JSONB_P(JsonbValueToJsonb(PushDocument(&state, data, len, false, &path)));
}
