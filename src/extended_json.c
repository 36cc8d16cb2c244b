/*
 * extended_json.c
 *	  MongoDB's Extended JSON (version 2, canonical and relaxed), read.
 *
 * A line of mongoexport is read by the server's own JSON parser.  What BSON has
 * a type for and JSON has not is spelled as an object with a name that starts
 * with a dollar sign; such an object is taken for what it spells, or refused.
 */
#include "postgres.h"

#include <math.h>

#include "common/base64.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "document.h"
#include "value.h"

PG_FUNCTION_INFO_V1(abac_unique_jsonb);

/* An object that the parser is in, innermost first. */
typedef struct OpenObject
{
	struct OpenObject *parent;
	AbacDocumentPath field;		/* the field at hand */
	AbacNames	names;
} OpenObject;

static const AbacDocumentPath whole_document = {.level = 1};

static const AbacDocumentPath *
PathOf(const OpenObject *object)
{
	return object ? &object->field : &whole_document;
}

static AbacJsonAction
BeginObject(void *state)
{
	OpenObject **innermost = state;
	OpenObject *object = palloc0(sizeof(OpenObject));

	object->parent = *innermost;
	object->field.parent = PathOf(object->parent);
	*innermost = object;
	ABAC_JSON_ACTION_DONE;
}

static AbacJsonAction
BeginField(void *state, char *name, bool isnull pg_attribute_unused())
{
	OpenObject *object = *(OpenObject **) state;

	AbacAddName(&object->names, name);
	object->field.name = name;
	object->field.name_len = strlen(name);
	ABAC_JSON_ACTION_DONE;
}

static AbacJsonAction
EndObject(void *state)
{
	OpenObject **innermost = state;
	OpenObject *object = *innermost;

	CHECK_FOR_INTERRUPTS();
	AbacCheckNames(&object->names, object->field.parent);
	*innermost = object->parent;
	ABAC_JSON_ACTION_DONE;
}

/* A few bytes could stand for thousands of digits. */
static AbacJsonAction
CheckScalar(void *state, char *token, JsonTokenType type)
{
	if (type == JSON_TOKEN_NUMBER && AbacExponentIsTooLarge(token))
		AbacRefuseNumber("a number of so many digits", PathOf(*(OpenObject **) state));
	ABAC_JSON_ACTION_DONE;
}

/*
 * Refuse an object with two fields of one name, of which jsonb keeps the last,
 * and numbers that are longer than they look.
 */
static void
CheckObjects(const char *text, int len)
{
	OpenObject *innermost = NULL;
	JsonSemAction action = {
		.semstate = &innermost,
		.object_start = BeginObject,
		.object_end = EndObject,
		.object_field_start = BeginField,
		.scalar = CheckScalar
	};

	if (pg_parse_json(AbacMakeJsonLexer(text, len), &action) != JSON_SUCCESS)
		elog(ERROR, "JSON that was read before is invalid");
}

/* The names that make an object stand for a value. */
typedef enum Wrapper
{
	WRAP_OID,
	WRAP_DATE,
	WRAP_INT,
	WRAP_LONG,
	WRAP_DOUBLE,
	WRAP_DECIMAL,
	WRAP_BINARY,
	WRAP_UUID,
	WRAP_REGEX,
	WRAP_TIMESTAMP,
	WRAP_SYMBOL,
	WRAP_CODE,
	WRAP_UNDEFINED,
	WRAP_MINKEY,
	WRAP_MAXKEY,
	WRAP_DBPOINTER
} Wrapper;

static const struct
{
	const char *name;
	const char *type;			/* of BSON */
}			wrappers[] = {
	[WRAP_OID] = {"$oid", "ObjectId"},
	[WRAP_DATE] = {"$date", "datetime"},
	[WRAP_INT] = {"$numberInt", "int32"},
	[WRAP_LONG] = {"$numberLong", "int64"},
	[WRAP_DOUBLE] = {"$numberDouble", "double"},
	[WRAP_DECIMAL] = {"$numberDecimal", "decimal128"},
	[WRAP_BINARY] = {"$binary", "binary"},
	[WRAP_UUID] = {"$uuid", "uuid"},
	[WRAP_REGEX] = {"$regularExpression", "regular expression"},
	[WRAP_TIMESTAMP] = {"$timestamp", "timestamp"},
	[WRAP_SYMBOL] = {"$symbol", "symbol"},
	[WRAP_CODE] = {"$code", "code"},
	[WRAP_UNDEFINED] = {"$undefined", "undefined"},
	[WRAP_MINKEY] = {"$minKey", "MinKey"},
	[WRAP_MAXKEY] = {"$maxKey", "MaxKey"},
	[WRAP_DBPOINTER] = {"$dbPointer", "DBPointer"},
};

pg_noreturn static void
RefuseSpelling(Wrapper wrapper, const AbacDocumentPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid Extended JSON for a BSON %s", wrappers[wrapper].type),
			 errdetail("%s holds it.", AbacDescribePath(path))));
}

/* Does the name make an object stand for a value? */
bool
AbacIsExtendedName(const char *name)
{
	for (size_t i = 0; i < lengthof(wrappers); i++)
	{
		if (strcmp(wrappers[i].name, name) == 0)
			return true;
	}
	return false;
}

static JsonbValue *
Get(JsonbContainer *object, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = (char *) name;
	key.val.string.len = strlen(name);
	return findJsonbValueFromContainer(object, JB_FOBJECT, &key);
}

/* The text of a string; NULL when it is something else. */
static char *
TextOf(const JsonbValue *value)
{
	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The object that the value is, when it has so many fields; else NULL. */
static JsonbContainer *
ObjectOf(const JsonbValue *value, int nfields)
{
	if (value == NULL || value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data) ||
		(nfields >= 0 && JsonContainerSize(value->val.binary.data) != (uint32) nfields))
		return NULL;
	return value->val.binary.data;
}

/* An integer in decimal digits, and nothing else, from min to max. */
bool
AbacParseInteger(const char *text, int64 min, int64 max, int64 *result)
{
	const char *digits = text + (*text == '-');
	char	   *end;

	if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	*result = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && *result >= min && *result <= max;
}

/* Is it a number as both spellings of floating point write it? */
static bool
LooksLikeNumber(const char *text)
{
	const char *p = text;
	size_t		digits;

	if (*p == '-' || *p == '+')
		p++;
	digits = strspn(p, "0123456789");
	p += digits;
	if (*p == '.')
	{
		p++;
		digits += strspn(p, "0123456789");
		p += strspn(p, "0123456789");
	}
	if (digits == 0)
		return false;
	if (*p == 'e' || *p == 'E')
	{
		p++;
		if (*p == '-' || *p == '+')
			p++;
		/* decimal128's exponents have four digits */
		if (strspn(p, "0123456789") == 0 || strspn(p, "0123456789") > 4)
			return false;
		p += strspn(p, "0123456789");
	}
	return *p == '\0';
}

static bool
IsOneOf(const char *text, const char *a, const char *b)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

/* "2024-03-01T10:00:01.250Z" or with an offset, as milliseconds since 1970 */
bool
AbacParseDatetime(const char *text, int64 *msecs)
{
	size_t		len = strlen(text);
	TimestampTz time;
	int64		usecs;

	/* without its zone it would be read in the session's settings */
	if (len < 17 || text[10] != 'T' ||
		!(text[len - 1] == 'Z' || strchr("+-", text[len - 3]) || strchr("+-", text[len - 6])) ||
		!AbacParseDate(AbacStringOf(text), &time))
		return false;
	usecs = time - SetEpochTimestamp();
	*msecs = usecs / 1000 - (usecs % 1000 < 0);
	return true;
}

static void
PushBinary(JsonbParseState **state, JsonbIteratorToken token, JsonbContainer *object, const AbacDocumentPath *path)
{
	char	   *base64 = object ? TextOf(Get(object, "base64")) : NULL;
	char	   *subtype = object ? TextOf(Get(object, "subType")) : NULL;
	char	   *bytes;
	char	   *again;
	int			len;

	if (base64 == NULL || subtype == NULL || strlen(subtype) < 1 || strlen(subtype) > 2 ||
		strspn(subtype, "0123456789abcdefABCDEF") != strlen(subtype))
		RefuseSpelling(WRAP_BINARY, path);

	/* the decoder is lenient: it is base64 if it comes out as it went in */
	len = pg_b64_dec_len(strlen(base64)) + 1;
	bytes = palloc(len);
	len = pg_b64_decode(base64, strlen(base64), (void *) bytes, len);
	if (len < 0)
		RefuseSpelling(WRAP_BINARY, path);
	again = palloc(pg_b64_enc_len(len) + 1);
	if (pg_b64_encode((const void *) bytes, len, again, pg_b64_enc_len(len) + 1) != (int) strlen(base64) ||
		memcmp(again, base64, strlen(base64)) != 0)
		RefuseSpelling(WRAP_BINARY, path);
	AbacPushBinary(state, token, strtol(subtype, NULL, 16), (const uint8 *) bytes, len, path);
}

/* Push a double that is written as text. */
static void
PushDoubleText(JsonbParseState **state, JsonbIteratorToken token, const char *text, const AbacDocumentPath *path)
{
	double		number = strtod(text, NULL);

	if (number == 0 && strcspn(text, "123456789") < strcspn(text, "eE"))
		AbacRefuseNumber("a number that is too small", path);
	AbacPushDouble(state, token, number, path);
}

/* A uuid in the usual spelling, in whatever case. */
static bool
LooksLikeUuid(const char *text)
{
	if (strlen(text) != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !isxdigit((unsigned char) text[i]))
			return false;
	}
	return true;
}

static void PushExtended(JsonbParseState **state, JsonbIteratorToken token, JsonbValue *value,
						 const AbacDocumentPath *path);

/* Push what an object stands for. */
static void
PushWrapped(JsonbParseState **state, JsonbIteratorToken token, Wrapper wrapper, JsonbContainer *object,
			const AbacDocumentPath *path)
{
	JsonbValue *value = Get(object, wrappers[wrapper].name);
	JsonbValue *scope = wrapper == WRAP_CODE ? Get(object, "$scope") : NULL;
	char	   *text = TextOf(value);
	int64		number;
	JsonbContainer *inner;
	JsonbValue	pair[2];
	AbacDocumentPath field = {.parent = path,.name = "scope",.name_len = 5,.level = path->level + 1};

	if (JsonContainerSize(object) != (scope ? 2U : 1U))
		RefuseSpelling(wrapper, path);
	switch (wrapper)
	{
		case WRAP_OID:
			if (text == NULL || strlen(text) != 24 || strspn(text, "0123456789abcdefABCDEF") != 24)
				break;
			AbacPushString(state, token, asc_tolower(text, 24), 24);
			return;
		case WRAP_DATE:
			if (text == NULL)
			{
				inner = ObjectOf(value, 1);
				text = inner ? TextOf(Get(inner, "$numberLong")) : NULL;
				if (text == NULL || !AbacParseInteger(text, PG_INT64_MIN, PG_INT64_MAX, &number))
					break;
			}
			else if (!AbacParseDatetime(text, &number))
				break;
			AbacPushDatetime(state, token, number, path);
			return;
		case WRAP_INT:
		case WRAP_LONG:
			if (text == NULL || !AbacParseInteger(text, wrapper == WRAP_INT ? PG_INT32_MIN : PG_INT64_MIN,
											  wrapper == WRAP_INT ? PG_INT32_MAX : PG_INT64_MAX, &number))
				break;
			AbacPushNumeric(state, token, int64_to_numeric(number));
			return;
		case WRAP_DOUBLE:
		case WRAP_DECIMAL:
			if (text == NULL)
				break;
			if (strcmp(text, "NaN") == 0)
				AbacRefuseNumber("NaN", path);
			if (IsOneOf(text, "Infinity", "-Infinity"))
				AbacRefuseNumber("infinity", path);
			if (!LooksLikeNumber(text))
				break;
			if (wrapper == WRAP_DOUBLE)
				PushDoubleText(state, token, text, path);
			else
				AbacPushNumberText(state, token, text, path);
			return;
		case WRAP_BINARY:
			PushBinary(state, token, ObjectOf(value, 2), path);
			return;
		case WRAP_UUID:
			if (text == NULL || !LooksLikeUuid(text))
				break;
			AbacPushString(state, token, asc_tolower(text, 36), 36);
			return;
		case WRAP_REGEX:
		case WRAP_TIMESTAMP:
			{
				const char *names[2] = {"pattern", "options"};
				enum jbvType type = jbvString;

				if (wrapper == WRAP_TIMESTAMP)
				{
					names[0] = "t";
					names[1] = "i";
					type = jbvNumeric;
				}
				inner = ObjectOf(value, 2);
				for (int i = 0; i < 2; i++)
				{
					JsonbValue *part = inner ? Get(inner, names[i]) : NULL;

					if (part == NULL || part->type != type ||
						(type == jbvNumeric &&
						 !AbacParseInteger(numeric_normalize(part->val.numeric), 0, PG_UINT32_MAX, &number)))
						RefuseSpelling(wrapper, path);
					pair[i] = *part;
				}
				AbacPushPair(state, names[0], &pair[0], names[1], &pair[1]);
				return;
			}
		case WRAP_SYMBOL:
		case WRAP_CODE:
			if (text == NULL)
				break;
			if (scope == NULL)
			{
				AbacPushString(state, token, text, strlen(text));
				return;
			}
			if (ObjectOf(scope, -1) == NULL)
				break;
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			AbacPushString(state, WJB_KEY, "code", 4);
			AbacPushString(state, WJB_VALUE, text, strlen(text));
			AbacPushString(state, WJB_KEY, "scope", 5);
			PushExtended(state, WJB_VALUE, scope, &field);
			pushJsonbValue(state, WJB_END_OBJECT, NULL);
			return;
		case WRAP_UNDEFINED:
		case WRAP_MINKEY:
		case WRAP_MAXKEY:
		case WRAP_DBPOINTER:
			AbacRefuseType(wrappers[wrapper].type, path);
	}
	RefuseSpelling(wrapper, path);
}

/*
 * A number without a type: an integer, or else a double.  A whole number that is
 * neither would become another one.
 */
static void
PushPlainNumber(JsonbParseState **state, JsonbIteratorToken token, Numeric number, const AbacDocumentPath *path)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	int64		integer;

	if (AbacParseInteger(text, PG_INT64_MIN, PG_INT64_MAX, &integer))
		AbacPushNumeric(state, token, number);
	else if (strchr(text, '.') == NULL && !AbacDoubleReadsAs(strtod(text, NULL), text))
		AbacRefuseNumber("a whole number that neither int64 nor double holds", path);
	else
		PushDoubleText(state, token, text, path);
	pfree(text);
}

/* Push a value of a document. */
static void
PushExtended(JsonbParseState **state, JsonbIteratorToken token, JsonbValue *value, const AbacDocumentPath *path)
{
	AbacDocumentPath field = {.parent = path,.level = path->level + 1};
	JsonbContainer *container;
	JsonbIterator *iterator;
	JsonbIteratorToken next;
	JsonbValue	part;

	if (value->type == jbvNumeric)
	{
		PushPlainNumber(state, token, value->val.numeric, path);
		return;
	}
	if (value->type != jbvBinary)
	{
		pushJsonbValue(state, token, value);
		return;
	}
	AbacCheckDocumentLevel(path);
	container = value->val.binary.data;
	if (JsonContainerIsObject(container))
	{
		for (size_t i = 0; i < lengthof(wrappers); i++)
		{
			if (Get(container, wrappers[i].name))
			{
				PushWrapped(state, token, i, container, path);
				return;
			}
		}
	}
	iterator = JsonbIteratorInit(container);
	while ((next = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		switch (next)
		{
			case WJB_KEY:
				field.name = part.val.string.val;
				field.name_len = part.val.string.len;
				pushJsonbValue(state, WJB_KEY, &part);
				break;
			case WJB_ELEM:
			case WJB_VALUE:
				PushExtended(state, next, &part, &field);
				field.index++;
				break;
			default:
				pushJsonbValue(state, next, NULL);
		}
	}
}

/*
 * Read the fields that are asked for of one document in Extended JSON, in UTF-8.
 * The text of "serialized" isn't known: jsonb has another order of fields.
 */
JsonbValue *
AbacReadJsonFields(const char *text, int len, AbacFields *fields)
{
	AbacDocumentPath path = {.level = 1};
	AbacDocumentPath field = {.parent = &path,.level = 2};
	JsonbParseState *state = NULL;
	JsonbIterator *iterator;
	JsonbIteratorToken next;
	JsonbValue	part;
	Jsonb	   *document;
	const char *server = AbacTextToServer(text, len, &len, &path);
	char	   *copy = pnstrdup(server, len);
	bool		wanted = false;

	document = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(copy)));
	if (!JB_ROOT_IS_OBJECT(document))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a document must be a JSON object")));
	CheckObjects(copy, len);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	iterator = JsonbIteratorInit(&document->root);
	while ((next = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (next == WJB_KEY)
		{
			wanted = AbacFieldIsWanted(fields, part.val.string.val, part.val.string.len);
			if (!wanted)
				continue;
			field.name = part.val.string.val;
			field.name_len = part.val.string.len;
			pushJsonbValue(&state, WJB_KEY, &part);
		}
		else if (next == WJB_VALUE && wanted)
			PushExtended(&state, WJB_VALUE, &part, &field);
	}
	AbacCheckNames(&fields->names, &path);
	return pushJsonbValue(&state, WJB_END_OBJECT, NULL);
}

/* abac_unique_jsonb(text): the jsonb, if no object of it has two fields of one name. */
Datum
abac_unique_jsonb(PG_FUNCTION_ARGS)
{
	char	   *document = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum		result = DirectFunctionCall1(jsonb_in, CStringGetDatum(document));

	CheckObjects(document, strlen(document));
	PG_RETURN_DATUM(result);
}
