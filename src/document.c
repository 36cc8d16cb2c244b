/*
 * document.c
 *	  What the values of a MongoDB document become in jsonb: the table in
 *	  document.h.
 */
#include "postgres.h"

#include <math.h>

#include "common/base64.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "document.h"

/* Bytes of one field name that are shown in an error. */
#define SHOWN_NAME_LEN 64

/* Subtypes of BSON's binary. */
#define BINARY_UUID_OLD	3
#define BINARY_UUID		4

/* 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z in milliseconds. */
#define DATETIME_MIN INT64CONST(-62135596800000)
#define DATETIME_MAX INT64CONST(253402300799999)
#define MSECS_PER_DAY INT64CONST(86400000)

/*
 * Append the dotted name of a field.
 */
static void
AppendPath(StringInfo buf, const AbacDocumentPath *path)
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
		int			shown = pg_mbcliplen(path->name, path->name_len, SHOWN_NAME_LEN);

		appendBinaryStringInfo(buf, path->name, shown);
		if (shown < path->name_len)
			appendStringInfoString(buf, "...");
	}
}

/*
 * The subject of a DETAIL sentence: a field, or the document itself.
 */
char *
AbacDescribePath(const AbacDocumentPath *path)
{
	StringInfoData name;

	if (path->parent == NULL)
		return pstrdup("The document");

	initStringInfo(&name);
	AppendPath(&name, path);
	return psprintf("Field \"%s\"", name.data);
}

void
AbacRefuseType(const char *type, const AbacDocumentPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("BSON type %s has no jsonb form", type),
			 errdetail("%s has this type.", AbacDescribePath(path))));
}

void
AbacRefuseNumber(const char *what, const AbacDocumentPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("cannot convert %s to jsonb", what),
			 errdetail("%s holds it.", AbacDescribePath(path))));
}

/*
 * Say where a conversion to the server encoding failed; arg is an AbacDocumentPath.
 */
static void
ConversionErrorCallback(void *arg)
{
	errdetail("%s holds the text.", AbacDescribePath(arg));
}

/*
 * Text of a document (UTF-8) in the server encoding.  The result may be the
 * argument.  Raises an error for text that jsonb can't hold.
 */
const char *
AbacTextToServer(const char *text, int len, int *result_len, const AbacDocumentPath *path)
{
	const char *result;
	ErrorContextCallback callback;

	if (memchr(text, '\0', len) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("BSON text holds a zero byte, which jsonb cannot store"),
				 errdetail("%s holds the text.", AbacDescribePath(path))));
	if (!pg_verify_mbstr(PG_UTF8, text, len, true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("BSON text is not valid UTF-8"),
				 errdetail("%s holds the text.", AbacDescribePath(path))));

	callback.callback = ConversionErrorCallback;
	callback.arg = (void *) path;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = pg_any_to_server(text, len, PG_UTF8);
	error_context_stack = callback.previous;

	*result_len = result == text ? len : (int) strlen(result);
	return result;
}

void
AbacPushText(JsonbParseState **state, JsonbIteratorToken token, const char *text, int len, const AbacDocumentPath *path)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) AbacTextToServer(text, len, &value.val.string.len, path);
	pushJsonbValue(state, token, &value);
}

/*
 * A string in the server encoding that lives as long as the result.
 */
void
AbacPushString(JsonbParseState **state, JsonbIteratorToken token, const char *text, int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) text;
	value.val.string.len = len;
	pushJsonbValue(state, token, &value);
}

void
AbacPushNumeric(JsonbParseState **state, JsonbIteratorToken token, Numeric number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = number;
	pushJsonbValue(state, token, &value);
}

/* Does the number, as written, stand for more digits than ABAC_MAX_DIGITS? */
bool
AbacExponentIsTooLarge(const char *text)
{
	const char *exponent = strpbrk(text, "eE");
	long		value = exponent ? strtol(exponent + 1, NULL, 10) : 0;

	return value > ABAC_MAX_DIGITS || value < -ABAC_MAX_DIGITS;
}

void
AbacPushNumberText(JsonbParseState **state, JsonbIteratorToken token, const char *text,
				   const AbacDocumentPath *path)
{
	Datum		number;

	if (AbacExponentIsTooLarge(text))
		AbacRefuseNumber("a number of so many digits", path);
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	AbacPushNumeric(state, token, DatumGetNumeric(number));
}

/*
 * Not float8_numeric(), which keeps 15 digits, nor float8out(), which follows
 * extra_float_digits.
 */
void
AbacPushDouble(JsonbParseState **state, JsonbIteratorToken token, double number, const AbacDocumentPath *path)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(number))
		AbacRefuseNumber("NaN", path);
	if (isinf(number))
		AbacRefuseNumber("infinity", path);

	double_to_shortest_decimal_buf(number, text);
	AbacPushNumberText(state, token, text, path);
}

void
AbacPushDatetime(JsonbParseState **state, JsonbIteratorToken token, int64 msecs, const AbacDocumentPath *path)
{
	int64		days;
	int			msec_of_day;
	int			year;
	int			month;
	int			day;
	char	   *text;

	if (msecs < DATETIME_MIN || msecs > DATETIME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("BSON datetime " INT64_FORMAT " is outside the years 1 to 9999", msecs),
				 errdetail("%s holds it.", AbacDescribePath(path))));

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
	AbacPushString(state, token, text, strlen(text));
}

void
AbacPushBinary(JsonbParseState **state, JsonbIteratorToken token, int subtype, const uint8 *data,
			   uint32 len, const AbacDocumentPath *path)
{
	char	   *text;
	int			text_len;

	if (subtype == BINARY_UUID_OLD)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("BSON binary of subtype 3 has no certain meaning"),
				 errdetail("%s is a uuid in a byte order that depends on the driver that wrote it.", AbacDescribePath(path)),
				 errhint("Rewrite it as subtype 4 where the driver is known.")));

	if (subtype == BINARY_UUID)
	{
		if (len != UUID_LEN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid BSON uuid"),
					 errdetail("%s has %u bytes instead of %d.", AbacDescribePath(path), len, UUID_LEN)));
		text = DatumGetCString(DirectFunctionCall1(uuid_out, PointerGetDatum(data)));
		AbacPushString(state, token, text, strlen(text));
		return;
	}

	/* Four characters for three bytes must stay below what jsonb can hold. */
	if (len > JENTRY_OFFLENMASK / 4 * 3)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("BSON binary of %u bytes is too long for jsonb", len),
				 errdetail("%s holds it.", AbacDescribePath(path))));
	text_len = pg_b64_enc_len(len);
	text = palloc(text_len + 1);
	/* The cast fits both its signatures: char before version 18, uint8 since. */
	text_len = pg_b64_encode((const void *) data, len, text, text_len);
	if (text_len < 0)
		elog(ERROR, "could not encode %u bytes in base64", len);
	AbacPushString(state, token, text, text_len);
}

/* {a: a_value, b: b_value} */
void
AbacPushPair(JsonbParseState **state, const char *a, const JsonbValue *a_value,
			 const char *b, const JsonbValue *b_value)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	AbacPushString(state, WJB_KEY, a, strlen(a));
	pushJsonbValue(state, WJB_VALUE, (JsonbValue *) a_value);
	AbacPushString(state, WJB_KEY, b, strlen(b));
	pushJsonbValue(state, WJB_VALUE, (JsonbValue *) b_value);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

void
AbacCheckDocumentLevel(const AbacDocumentPath *path)
{
	check_stack_depth();
	if (path->level > ABAC_MAX_DOCUMENT_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("BSON document has more than %d levels", ABAC_MAX_DOCUMENT_LEVELS),
				 errdetail("%s is at level %d.", AbacDescribePath(path), path->level)));
}

static int
CompareNames(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The name isn't copied. */
void
AbacAddName(AbacNames *names, char *name)
{
	if (names->count == names->allocated)
	{
		names->allocated = Max(8, names->allocated * 2);
		names->names = names->names
			? repalloc_huge(names->names, sizeof(char *) * names->allocated)
			: palloc(sizeof(char *) * names->allocated);
	}
	names->names[names->count++] = name;
}

/*
 * Complain about a name that occurs twice.  Sorts them; they are in the server
 * encoding, where two may have become one.
 */
void
AbacCheckNames(AbacNames *names, const AbacDocumentPath *path)
{
	qsort(names->names, names->count, sizeof(char *), CompareNames);
	for (int i = 1; i < names->count; i++)
	{
		char	   *name = names->names[i];
		AbacDocumentPath field = {.parent = path,.name = name,.name_len = strlen(name)};

		if (strcmp(names->names[i - 1], name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_JSON_OBJECT_KEY_VALUE),
					 errmsg("duplicate field in a document"),
					 errdetail("%s occurs more than once.", AbacDescribePath(&field))));
	}
}

/*
 * Note a field's name; is the field to be read?  The name, in the server
 * encoding, needn't live on.
 */
bool
AbacFieldIsWanted(AbacFields *fields, const char *name, int len)
{
	char	   *copy = pnstrdup(name, len);

	AbacAddName(&fields->names, copy);
	for (int i = 0; i < fields->nwanted; i++)
	{
		if (strcmp(fields->wanted[i], copy) == 0)
			return true;
	}
	return false;
}
