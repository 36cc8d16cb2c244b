/*
 * document_write.c
 *	  jsonb as a MongoDB document: BSON, and Extended JSON (version 2).
 *
 * What the readers make of the result is the jsonb again, to the last digit; a
 * value that has no such form is refused.  A number is an int32 or an int64
 * when it is one, a double when it is the shortest spelling of one, else a
 * decimal128, which keeps 34 digits with the zeros at their end.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "document.h"

PG_FUNCTION_INFO_V1(abac_jsonb_to_bson);
PG_FUNCTION_INFO_V1(abac_jsonb_to_extended_json);

/* Types of elements in BSON (bsonspec.org). */
#define BSON_DOUBLE		0x01
#define BSON_STRING		0x02
#define BSON_OBJECT		0x03
#define BSON_LIST		0x04
#define BSON_BOOLEAN	0x08
#define BSON_DATETIME	0x09
#define BSON_NULL		0x0A
#define BSON_INT32		0x10
#define BSON_INT64		0x12
#define BSON_DECIMAL128	0x13

/* A number as it is written: its type, and the value of that type. */
typedef struct Number
{
	uint8		type;
	int64		integer;
	double		real;
	uint8		decimal[16];
	char	   *text;
} Number;

typedef struct Writer
{
	StringInfoData buffer;
	Datum	   *dates;			/* names of the document's fields that are datetimes */
	int			ndates;
	bool		relaxed;		/* Extended JSON: plain numbers */
} Writer;

/* Numbers of BSON are little-endian. */
static void
AppendInteger(StringInfo buffer, uint64 value, int size)
{
	for (int i = 0; i < size; i++)
		appendStringInfoChar(buffer, (char) (value >> (8 * i)));
}

/* Is this how a number of that spelling is written?  The readers keep all digits, so the text tells. */
static bool
ReadsAs(const char *spelling, const char *text)
{
	Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(spelling),
											 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	char	   *written = DatumGetCString(DirectFunctionCall1(numeric_out, number));
	bool		same = strcmp(written, text) == 0;

	pfree(written);
	pfree(DatumGetPointer(number));
	return same;
}

/* The same of the shortest spelling of a double. */
bool
AbacDoubleReadsAs(double number, const char *text)
{
	char		shortest[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isinf(number))
		return false;
	double_to_shortest_decimal_buf(number, shortest);
	return ReadsAs(shortest, text);
}

static void
ClassifyNumber(Numeric numeric, Number *number, const AbacDocumentPath *path)
{
	char		shortest[DOUBLE_SHORTEST_DECIMAL_LEN];
	char	   *again;

	number->text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(numeric)));
	if (AbacParseInteger(number->text, PG_INT64_MIN, PG_INT64_MAX, &number->integer))
	{
		number->type = number->integer >= PG_INT32_MIN && number->integer <= PG_INT32_MAX
			? BSON_INT32 : BSON_INT64;
		return;
	}

	number->real = strtod(number->text, NULL);
	if (AbacDoubleReadsAs(number->real, number->text))
	{
		double_to_shortest_decimal_buf(number->real, shortest);
		number->type = BSON_DOUBLE;
		pfree(number->text);
		number->text = pstrdup(shortest);
		return;
	}

	number->type = BSON_DECIMAL128;
	if (!AbacDecimal128FromText(number->text, number->decimal, &again) || !ReadsAs(again, number->text))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a number has no BSON form"),
				 errdetail("%s has more than 34 digits, or is too large or too small.", AbacDescribePath(path))));
}

/* Is the field of the document, not of one inside it, a datetime? */
static bool
IsDate(const Writer *writer, const AbacDocumentPath *path)
{
	if (path->level != 2 || path->name == NULL)
		return false;
	for (int i = 0; i < writer->ndates; i++)
	{
		text	   *name = DatumGetTextPP(writer->dates[i]);

		if ((int) VARSIZE_ANY_EXHDR(name) == path->name_len &&
			memcmp(VARDATA_ANY(name), path->name, path->name_len) == 0)
			return true;
	}
	return false;
}

static int64
DatetimeOf(const JsonbValue *value, const AbacDocumentPath *path)
{
	int64		msecs;

	if (!AbacParseDatetime(pnstrdup(value->val.string.val, value->val.string.len), &msecs))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a datetime has no form in BSON"),
				 errdetail("%s must be a time of the years 1 to 9999, with its zone.", AbacDescribePath(path))));
	return msecs;
}

/* Text in UTF-8, which needs no conversion as a rule. */
static char *
ToUtf8(const char *text, int len)
{
	char	   *copy = pnstrdup(text, len);

	return pg_server_to_any(copy, len, PG_UTF8);
}

/*
 * What a container holds, in the order of jsonb: each is called with the
 * field's path, whose name is NULL in an array.
 */
typedef void (*PartWriter) (Writer *writer, const JsonbValue *value, const AbacDocumentPath *path);

static void
WriteParts(Writer *writer, const JsonbValue *value, const AbacDocumentPath *path, PartWriter write)
{
	AbacDocumentPath field = {.parent = path,.level = path->level + 1};
	JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	part;

	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY)
		{
			field.name = part.val.string.val;
			field.name_len = part.val.string.len;
		}
		else if (token == WJB_VALUE || token == WJB_ELEM)
		{
			write(writer, &part, &field);
			field.index++;
		}
	}
}

/* Append an element: its type, its name, its value. */
static void
WriteBson(Writer *writer, const JsonbValue *value, const AbacDocumentPath *path)
{
	StringInfo	buffer = &writer->buffer;
	int			type_at = buffer->len;
	int			start;
	uint8		type;
	Number		number;
	char	   *text;
	uint64		bits;

	/* the type is written when it is known; the whole document has neither */
	if (path->parent)
	{
		appendStringInfoChar(buffer, 0);
		if (path->name)
			appendStringInfoString(buffer, ToUtf8(path->name, path->name_len));
		else
			appendStringInfo(buffer, "%d", path->index);
		appendStringInfoChar(buffer, 0);
	}
	switch (value->type)
	{
		case jbvNull:
			type = BSON_NULL;
			break;
		case jbvBool:
			type = BSON_BOOLEAN;
			appendStringInfoChar(buffer, value->val.boolean);
			break;
		case jbvString:
			if (IsDate(writer, path))
			{
				type = BSON_DATETIME;
				AppendInteger(buffer, DatetimeOf(value, path), 8);
				break;
			}
			type = BSON_STRING;
			text = ToUtf8(value->val.string.val, value->val.string.len);
			AppendInteger(buffer, strlen(text) + 1, 4);
			appendBinaryStringInfo(buffer, text, strlen(text) + 1);
			break;
		case jbvNumeric:
			ClassifyNumber(value->val.numeric, &number, path);
			type = number.type;
			if (type == BSON_DOUBLE)
			{
				memcpy(&bits, &number.real, sizeof(bits));
				AppendInteger(buffer, bits, 8);
			}
			else if (type == BSON_DECIMAL128)
				appendBinaryStringInfo(buffer, (char *) number.decimal, 16);
			else
				AppendInteger(buffer, number.integer, type == BSON_INT32 ? 4 : 8);
			break;
		case jbvBinary:
			AbacCheckDocumentLevel(path);
			type = JsonContainerIsObject(value->val.binary.data) ? BSON_OBJECT : BSON_LIST;
			start = buffer->len;
			AppendInteger(buffer, 0, 4);
			WriteParts(writer, value, path, WriteBson);
			appendStringInfoChar(buffer, 0);
			for (int i = 0; i < 4; i++)
				buffer->data[start + i] = (char) ((buffer->len - start) >> (8 * i));
			break;
		default:
			elog(ERROR, "unrecognized type of a jsonb value: %d", (int) value->type);
	}
	if (path->parent)
		buffer->data[type_at] = type;
	if (buffer->len - VARHDRSZ > ABAC_MAX_DOCUMENT_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("document is too long for MongoDB"),
				 errdetail("It has more than %d bytes.", ABAC_MAX_DOCUMENT_SIZE)));
}

static void
AppendString(StringInfo buffer, const char *text, int len)
{
	escape_json(buffer, pnstrdup(text, len));
}

/* Append a value, after its name and what separates it from the one before. */
static void
WriteExtended(Writer *writer, const JsonbValue *value, const AbacDocumentPath *path)
{
	StringInfo	buffer = &writer->buffer;
	Number		number;
	bool		is_object;

	if (path->parent && path->index > 0)
		appendStringInfoChar(buffer, ',');
	if (path->parent && path->name)
	{
		char	   *name = pnstrdup(path->name, path->name_len);

		if (AbacIsExtendedName(name))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a field has no form in Extended JSON"),
					 errdetail("%s has a name that is kept for other types.", AbacDescribePath(path)),
					 errhint("Export BSON, which has no such names.")));
		escape_json(buffer, name);
		appendStringInfoChar(buffer, ':');
	}
	switch (value->type)
	{
		case jbvNull:
			appendStringInfoString(buffer, "null");
			break;
		case jbvBool:
			appendStringInfoString(buffer, value->val.boolean ? "true" : "false");
			break;
		case jbvString:
			if (IsDate(writer, path) && writer->relaxed)
			{
				(void) DatetimeOf(value, path);
				appendStringInfoString(buffer, "{\"$date\":");
				AppendString(buffer, value->val.string.val, value->val.string.len);
				appendStringInfoChar(buffer, '}');
			}
			else if (IsDate(writer, path))
				appendStringInfo(buffer, "{\"$date\":{\"$numberLong\":\"" INT64_FORMAT "\"}}", DatetimeOf(value, path));
			else
				AppendString(buffer, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			ClassifyNumber(value->val.numeric, &number, path);
			if (writer->relaxed && number.type != BSON_DECIMAL128)
				appendStringInfoString(buffer, number.text);
			else
				appendStringInfo(buffer, "{\"%s\":\"%s\"}",
								 number.type == BSON_INT32 ? "$numberInt" :
								 number.type == BSON_INT64 ? "$numberLong" :
								 number.type == BSON_DOUBLE ? "$numberDouble" : "$numberDecimal", number.text);
			break;
		case jbvBinary:
			AbacCheckDocumentLevel(path);
			is_object = JsonContainerIsObject(value->val.binary.data);
			appendStringInfoChar(buffer, is_object ? '{' : '[');
			WriteParts(writer, value, path, WriteExtended);
			appendStringInfoChar(buffer, is_object ? '}' : ']');
			break;
		default:
			elog(ERROR, "unrecognized type of a jsonb value: %d", (int) value->type);
	}
}

/* Say which document it is: the id that it has first. */
static void
DocumentErrorCallback(void *arg)
{
	static const char *const names[] = {"rule_id", "user_id"};
	Jsonb	   *document = arg;

	for (size_t i = 0; i < lengthof(names); i++)
	{
		JsonbValue	id;

		if (getKeyJsonValueFromContainer(&document->root, names[i], strlen(names[i]), &id) && id.type == jbvString)
			errcontext("document whose %s is \"%.*s\"", names[i], id.val.string.len, id.val.string.val);
	}
}

static void
WriteDocument(Writer *writer, Jsonb *document, ArrayType *dates, PartWriter write)
{
	AbacDocumentPath path = {.level = 1};
	JsonbValue	value;
	ErrorContextCallback callback = {.callback = DocumentErrorCallback,.arg = document};

	if (!JB_ROOT_IS_OBJECT(document))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a document must be a JSON object")));
	value.type = jbvBinary;
	value.val.binary.data = &document->root;
	value.val.binary.len = VARSIZE(document) - VARHDRSZ;
	deconstruct_array(dates, TEXTOID, -1, false, TYPALIGN_INT, &writer->dates, NULL, &writer->ndates);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	write(writer, &value, &path);
	error_context_stack = callback.previous;
}

/*
 * abac_jsonb_to_bson(document, dates): dates are the names of those fields of
 * the document whose strings are written as datetimes.
 */
Datum
abac_jsonb_to_bson(PG_FUNCTION_ARGS)
{
	Writer		writer = {.relaxed = false};

	initStringInfo(&writer.buffer);
	appendStringInfoSpaces(&writer.buffer, VARHDRSZ);
	WriteDocument(&writer, PG_GETARG_JSONB_P(0), PG_GETARG_ARRAYTYPE_P(1), WriteBson);
	SET_VARSIZE(writer.buffer.data, writer.buffer.len);
	PG_RETURN_BYTEA_P(writer.buffer.data);
}

/* abac_jsonb_to_extended_json(document, dates, relaxed): the same as Extended JSON. */
Datum
abac_jsonb_to_extended_json(PG_FUNCTION_ARGS)
{
	Writer		writer = {.relaxed = PG_GETARG_BOOL(2)};

	initStringInfo(&writer.buffer);
	WriteDocument(&writer, PG_GETARG_JSONB_P(0), PG_GETARG_ARRAYTYPE_P(1), WriteExtended);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(writer.buffer.data, writer.buffer.len));
}
