/*
 * bson.c
 *	  BSON documents, read with libbson: the only file that knows it.
 *
 * libbson is used to walk the bytes and for nothing else: an iterator points
 * into the argument and never allocates, so an error thrown anywhere leaves
 * nothing behind.
 *
 * The bytes are not trusted.  What is refused, besides what document.h says: a
 * length that disagrees with the bytes, bytes after the document, a type or
 * boolean that doesn't exist.
 */
#include "postgres.h"

#include <math.h>

#include <bson/bson.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "compat.h"
#include "document.h"

static JsonbValue *PushDocument(JsonbParseState **state, const uint8 *data, uint32 len, bool is_array, const AbacDocumentPath *path);

PG_FUNCTION_INFO_V1(abac_bson_to_jsonb);

static void
PushDecimal128(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter, const AbacDocumentPath *path)
{
	bson_decimal128_t number;
	char		text[BSON_DECIMAL128_STRING];

	bson_iter_decimal128(iter, &number);
	bson_decimal128_to_string(&number, text);
	if (strcmp(text, "NaN") == 0)
		AbacRefuseNumber("NaN", path);
	if (strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0)
		AbacRefuseNumber("infinity", path);

	AbacPushNumberText(state, token, text, path);
}

static void
PushObjectId(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter)
{
	char	   *text = palloc(25);

	bson_oid_to_string(bson_iter_oid(iter), text);
	AbacPushString(state, token, text, 24);
}

static void
PushRegex(JsonbParseState **state, const bson_iter_t *iter, const AbacDocumentPath *path)
{
	const char *text[2];
	JsonbValue	values[2];

	text[0] = bson_iter_regex(iter, &text[1]);
	for (int i = 0; i < 2; i++)
	{
		values[i].type = jbvString;
		values[i].val.string.val = (char *) AbacTextToServer(text[i], strlen(text[i]),
															 &values[i].val.string.len, path);
	}
	AbacPushPair(state, "pattern", &values[0], "options", &values[1]);
}

static void
PushTimestamp(JsonbParseState **state, const bson_iter_t *iter)
{
	uint32		seconds;
	uint32		increment;
	JsonbValue	values[2];

	bson_iter_timestamp(iter, &seconds, &increment);
	for (int i = 0; i < 2; i++)
	{
		values[i].type = jbvNumeric;
		values[i].val.numeric = int64_to_numeric(i == 0 ? seconds : increment);
	}
	AbacPushPair(state, "t", &values[0], "i", &values[1]);
}

static void
PushCodeWithScope(JsonbParseState **state, const bson_iter_t *iter, const AbacDocumentPath *path)
{
	uint32		code_len;
	uint32		scope_len;
	const uint8 *scope;
	const char *code = bson_iter_codewscope(iter, &code_len, &scope_len, &scope);
	AbacDocumentPath scope_path = {.parent = path,.name = "scope",.name_len = 5,.level = path->level + 1};

	/* Of all strings this is the one whose end libbson does not look at. */
	if (code[code_len] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON element"),
				 errdetail("%s is cut short or has a wrong length.", AbacDescribePath(path))));

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	AbacPushString(state, WJB_KEY, "code", 4);
	AbacPushText(state, WJB_VALUE, code, code_len, path);
	AbacPushString(state, WJB_KEY, "scope", 5);
	PushDocument(state, scope, scope_len, false, &scope_path);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * Push what the iterator stands on; token is WJB_ELEM in an array, else
 * WJB_VALUE.
 */
static void
PushElement(JsonbParseState **state, JsonbIteratorToken token, const bson_iter_t *iter, const AbacDocumentPath *path)
{
	JsonbValue	value;
	uint32		len;
	const uint8 *data;
	const char *text;

	switch (bson_iter_type(iter))
	{
		case BSON_TYPE_DOUBLE:
			AbacPushDouble(state, token, bson_iter_double(iter), path);
			break;
		case BSON_TYPE_INT32:
			AbacPushNumeric(state, token, int64_to_numeric(bson_iter_int32(iter)));
			break;
		case BSON_TYPE_INT64:
			AbacPushNumeric(state, token, int64_to_numeric(bson_iter_int64(iter)));
			break;
		case BSON_TYPE_DECIMAL128:
			PushDecimal128(state, token, iter, path);
			break;
		case BSON_TYPE_UTF8:
			text = bson_iter_utf8(iter, &len);
			AbacPushText(state, token, text, len, path);
			break;
		case BSON_TYPE_SYMBOL:
			text = bson_iter_symbol(iter, &len);
			AbacPushText(state, token, text, len, path);
			break;
		case BSON_TYPE_CODE:
			text = bson_iter_code(iter, &len);
			AbacPushText(state, token, text, len, path);
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
			{
				bson_subtype_t subtype;

				bson_iter_binary(iter, &subtype, &len, &data);
				AbacPushBinary(state, token, subtype, data, len, path);
			}
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
			AbacPushDatetime(state, token, bson_iter_date_time(iter), path);
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
			AbacRefuseType("undefined", path);
			break;
		case BSON_TYPE_DBPOINTER:
			AbacRefuseType("DBPointer", path);
			break;
		case BSON_TYPE_MINKEY:
			AbacRefuseType("MinKey", path);
			break;
		case BSON_TYPE_MAXKEY:
			AbacRefuseType("MaxKey", path);
			break;
		default:
			elog(ERROR, "unrecognized BSON type: %d", (int) bson_iter_type(iter));
	}
}

/*
 * Complain about a document of which jsonb kept fewer fields than it has.
 */
static void
RefuseDuplicate(const uint8 *data, uint32 len, const AbacDocumentPath *path)
{
	AbacNames	names = {NULL};
	bson_iter_t iter;

	bson_iter_init_from_data(&iter, data, len);
	while (bson_iter_next(&iter))
		AbacAddName(&names, pg_any_to_server(bson_iter_key(&iter), strlen(bson_iter_key(&iter)), PG_UTF8));
	AbacCheckNames(&names, path);
	elog(ERROR, "jsonb lost a field of a BSON document");
}

/*
 * Complain about the element at this offset, which libbson could not read.
 */
static void
RefuseElement(const uint8 *data, uint32 len, uint32 offset, bool is_array, int index, const AbacDocumentPath *path)
{
	AbacDocumentPath field = {.parent = path,.index = index};
	uint8		type = data[offset];

	/* A type of zero ends a document; this one isn't at its end. */
	if (type == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON document"),
				 errdetail("%s ends before its length of %u bytes.", AbacDescribePath(path), len)));

	if (!is_array)
	{
		const char *name = (const char *) data + offset + 1;

		/* A document's last byte is zero, so a name has an end. */
		field.name = AbacTextToServer(name, strlen(name), &field.name_len, path);
	}

	if (!(type <= BSON_TYPE_DECIMAL128 || type == BSON_TYPE_MINKEY || type == BSON_TYPE_MAXKEY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON element"),
				 errdetail("%s has the unknown type 0x%02x.", AbacDescribePath(&field), type)));
	if (type == BSON_TYPE_BOOL && offset + 2 + strlen((const char *) data + offset + 1) < len - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON element"),
				 errdetail("%s is a boolean that is neither 0 nor 1.", AbacDescribePath(&field))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid BSON element"),
			 errdetail("%s is cut short or has a wrong length.", AbacDescribePath(&field))));
}

/*
 * Push a document or an array of len bytes, and return it.
 */
static JsonbValue *
PushDocument(JsonbParseState **state, const uint8 *data, uint32 len, bool is_array, const AbacDocumentPath *path)
{
	AbacDocumentPath field = {.parent = path,.level = path->level + 1};
	bson_iter_t iter;
	JsonbValue *result;
	int			count = 0;

	AbacCheckDocumentLevel(path);

	/* Checks the length inside against ours, and the zero byte at the end. */
	if (!bson_iter_init_from_data(&iter, data, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON document"),
				 errdetail("%s has a wrong length or no end.", AbacDescribePath(path))));

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

			field.name = AbacTextToServer(name, strlen(name), &field.name_len, path);
			AbacPushString(state, WJB_KEY, field.name, field.name_len);
			PushElement(state, WJB_VALUE, &iter, &field);
		}
	}
	/* The iterator stops at the end and at an element it can't read alike. */
	if (bson_iter_offset(&iter) != len - 1)
		RefuseElement(data, len, bson_iter_offset(&iter), is_array, count, path);

	result = pushJsonbValue(state, is_array ? WJB_END_ARRAY : WJB_END_OBJECT, NULL);
	if (!is_array && result->val.object.nPairs != count)
		RefuseDuplicate(data, len, path);
	return result;
}

/* Refuse what isn't one document, as far as its length tells. */
static void
CheckLength(const uint8 *data, uint32 len)
{
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
	AbacDocumentPath path = {.level = 1};
	JsonbParseState *state = NULL;

	CheckLength(data, len);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(PushDocument(&state, data, len, false, &path)));
}

/*
 * Append what JavaScript's JSON.stringify() makes of the element, in UTF-8;
 * false when that isn't known for sure.  The element was read without an error.
 */
static bool
AppendJson(StringInfo buffer, const bson_iter_t *iter)
{
	bson_iter_t child;
	const char *text;
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];
	bool		is_array = false;

	check_stack_depth();
	switch (bson_iter_type(iter))
	{
		case BSON_TYPE_DOUBLE:
			double_to_shortest_decimal_buf(bson_iter_double(iter), number);
			/* a large or small one has an exponent, which JavaScript writes otherwise; so has it no -0 */
			if (strchr(number, 'e') || strcmp(number, "-0") == 0)
				return false;
			appendStringInfoString(buffer, number);
			return true;
		case BSON_TYPE_INT32:
			appendStringInfo(buffer, "%d", bson_iter_int32(iter));
			return true;
		case BSON_TYPE_INT64:
			/* a number of JavaScript's is exact up to 2^53 */
			if (bson_iter_int64(iter) > (INT64CONST(1) << 53) || bson_iter_int64(iter) < -(INT64CONST(1) << 53))
				return false;
			appendStringInfo(buffer, INT64_FORMAT, bson_iter_int64(iter));
			return true;
		case BSON_TYPE_BOOL:
			appendStringInfoString(buffer, bson_iter_bool(iter) ? "true" : "false");
			return true;
		case BSON_TYPE_NULL:
			appendStringInfoString(buffer, "null");
			return true;
		case BSON_TYPE_UTF8:
			text = bson_iter_utf8(iter, NULL);
			escape_json(buffer, text);
			return true;
		case BSON_TYPE_ARRAY:
			is_array = true;
			/* FALLTHROUGH */
		case BSON_TYPE_DOCUMENT:
			appendStringInfoChar(buffer, is_array ? '[' : '{');
			bson_iter_recurse(iter, &child);
			for (int i = 0; bson_iter_next(&child); i++)
			{
				if (i > 0)
					appendStringInfoChar(buffer, ',');
				if (!is_array)
				{
					escape_json(buffer, bson_iter_key(&child));
					appendStringInfoChar(buffer, ':');
				}
				if (!AppendJson(buffer, &child))
					return false;
			}
			appendStringInfoChar(buffer, is_array ? ']' : '}');
			return true;
		default:
			return false;
	}
}

/*
 * Read the fields that are asked for, and nothing of the others but their names.
 */
JsonbValue *
AbacReadBsonFields(const uint8 *data, uint32 len, AbacFields *fields)
{
	AbacDocumentPath path = {.level = 1};
	AbacDocumentPath field = {.parent = &path,.level = 2};
	JsonbParseState *state = NULL;
	bson_iter_t iter;

	CheckLength(data, len);
	if (!bson_iter_init_from_data(&iter, data, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid BSON document"),
				 errdetail("%s has a wrong length or no end.", AbacDescribePath(&path))));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (bson_iter_next(&iter))
	{
		const char *name = bson_iter_key(&iter);

		field.name = AbacTextToServer(name, strlen(name), &field.name_len, &path);
		if (!AbacFieldIsWanted(fields, field.name, field.name_len))
			continue;
		AbacPushString(&state, WJB_KEY, field.name, field.name_len);
		PushElement(&state, WJB_VALUE, &iter, &field);
		if (fields->serialized && strcmp(field.name, fields->serialized) == 0)
		{
			initStringInfo(&fields->json);
			fields->has_json = AppendJson(&fields->json, &iter);
		}
	}
	if (bson_iter_offset(&iter) != len - 1)
		RefuseElement(data, len, bson_iter_offset(&iter), false, 0, &path);
	AbacCheckNames(&fields->names, &path);
	return pushJsonbValue(&state, WJB_END_OBJECT, NULL);
}

/*
 * The 16 bytes of the decimal128 of a text, and what the reader makes of them;
 * false when there is none.
 */
bool
AbacDecimal128FromText(const char *text, uint8 *result, char **again)
{
	bson_decimal128_t number;
	uint64		low;
	uint64		high;

	if (!bson_decimal128_from_string(text, &number))
		return false;
	low = BSON_UINT64_TO_LE(number.low);
	high = BSON_UINT64_TO_LE(number.high);
	memcpy(result, &low, sizeof(low));
	memcpy(result + sizeof(low), &high, sizeof(high));
	*again = palloc(BSON_DECIMAL128_STRING);
	bson_decimal128_to_string(&number, *again);
	return true;
}
