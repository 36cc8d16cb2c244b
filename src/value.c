/*
 * value.c
 *	  Attribute values: types, coercion, equality, order (DESIGN §3, Comparison).
 *
 * Nothing here raises an error because of a value, whatever it is: what can't
 * be coerced or compared is said to be so, and the leaf becomes unknown.
 * Ordinary values are taken where they lie; only a change of type that makes
 * text or a number allocates, in the current memory context.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "catalog/pg_type_d.h"
#include "common/jsonapi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "value.h"

/* Bounds of numeric (NUMERIC_WEIGHT_MAX, NUMERIC_DSCALE_MAX in numeric.c). */
#define MAX_INTEGER_DIGITS		131072
#define MAX_FRACTION_DIGITS		16383

/* Longest text that can be an address: eight groups, IPv4 tail, /prefix. */
#define MAX_INET_TEXT			63

/* Keys of an object that are gone through one by one. */
#define SMALL_OBJECT			16

/* Time zone of dates without offset and of env.date, env.time_of_day, ... */
static char *abac_timezone_name = NULL;
static pg_tz *abac_timezone = NULL;
static void (*timezone_changed) (void) = NULL;

static bool
CheckTimezone(char **newval, void **extra, GucSource source pg_attribute_unused())
{
	/* the same, and no file is read for GMT when a session begins */
	pg_tz	   *zone = pg_tzset(pg_strcasecmp(*newval, "UTC") == 0 ? "GMT" : *newval);
	pg_tz	  **result;

	if (zone == NULL || !pg_tz_acceptable(zone))
	{
		GUC_check_errdetail("Time zone \"%s\" is not known, or uses leap seconds.", *newval);
		return false;
	}
	result = AbacGucMalloc(sizeof(pg_tz *));
	if (result == NULL)
		return false;
	*result = zone;
	*extra = result;
	return true;
}

static void
AssignTimezone(const char *newval pg_attribute_unused(), void *extra)
{
	abac_timezone = *(pg_tz **) extra;
	timezone_changed();
}

/* The time zone of abac.timezone. */
pg_tz *
AbacTimezone(void)
{
	return abac_timezone;
}

/*
 * Called once, when the library is loaded.  changed is called when abac.timezone
 * changes: compiled conditions hold dates that were read in the old one.
 */
void
AbacValueInit(void (*changed) (void))
{
	timezone_changed = changed;
	DefineCustomStringVariable("abac.timezone",
							   "Time zone of dates without offset and of the clock attributes.",
							   NULL,
							   &abac_timezone_name,
							   "UTC",
							   PGC_SUSET, 0,
							   CheckTimezone, AssignTimezone, NULL);
}

/* Begin to walk an array or a singleton (AbacValueIsArray). */
void
AbacElementsBegin(AbacElements *elements, const AbacValue *array)
{
	elements->array = array;
	elements->next = 0;
	elements->offset = 0;
	elements->count = array->singleton ? 1 : JsonContainerSize(array->u.container);
}

/* The next element, as it is; false when there is none. */
bool
AbacElementsNext(AbacElements *elements, AbacValue *element)
{
	JsonbContainer *container;

	if (elements->next >= elements->count)
		return false;

	if (elements->array->singleton)
	{
		*element = *elements->array;
		element->singleton = false;
	}
	else
	{
		container = elements->array->u.container;
		AbacValueFromEntry(container, elements->next,
					   (char *) &container->children[elements->count],
					   elements->offset, element);
		JBE_ADVANCE_OFFSET(elements->offset, container->children[elements->next]);
	}
	elements->next++;
	return true;
}

/* The result points to what json points to. */
void
AbacValueFromJsonbValue(const JsonbValue *json, AbacValue *value)
{
	value->singleton = false;
	switch (json->type)
	{
		case jbvNull:
			value->kind = ABAC_KIND_NULL;
			break;
		case jbvString:
			value->kind = ABAC_KIND_STRING;
			value->u.string.data = json->val.string.val;
			value->u.string.length = json->val.string.len;
			break;
		case jbvNumeric:
			value->kind = ABAC_KIND_NUMBER;
			value->u.number = json->val.numeric;
			break;
		case jbvBool:
			value->kind = ABAC_KIND_BOOLEAN;
			value->u.boolean = json->val.boolean;
			break;
		case jbvBinary:
			AbacValueFromContainer(json->val.binary.data, value);
			break;
		default:
			elog(ERROR, "unrecognized jsonb value type: %d", (int) json->type);
	}
}

/* A whole jsonb (not toasted) as a value; false for JSON null. */
bool
AbacValueFromJsonb(Jsonb *json, AbacValue *value)
{
	value->singleton = false;
	if (JB_ROOT_IS_SCALAR(json))
		AbacValueFromEntry(&json->root, 0, (char *) &json->root.children[1], 0, value);
	else
		AbacValueFromContainer(&json->root, value);
	return value->kind != ABAC_KIND_NULL;
}

/*
 * The value of an object's key; false when it has none.  Keys are in the order
 * of their lengths (jsonb_util.c), so that in a small object it is faster to go
 * through them than to search.
 */
bool
AbacObjectGet(JsonbContainer *object, AbacString key, AbacValue *value)
{
	int			count = JsonContainerSize(object);
	JsonbValue	found;

	if (count <= SMALL_OBJECT)
	{
		char	   *base = (char *) &object->children[count * 2];
		uint32		offset = 0;

		for (int i = 0; i < count; i++)
		{
			const char *name = base + offset;
			int			length;

			JBE_ADVANCE_OFFSET(offset, object->children[i]);
			length = base + offset - name;
			if (length > key.length)
				return false;
			if (length < key.length || !AbacBytesEqual(name, key.data, length))
				continue;
			for (int j = i + 1; j < count + i; j++)
				JBE_ADVANCE_OFFSET(offset, object->children[j]);
			AbacValueFromEntry(object, count + i, base, offset, value);
			return true;
		}
		return false;
	}
	if (getKeyJsonValueFromContainer(object, key.data, key.length, &found) == NULL)
		return false;
	AbacValueFromJsonbValue(&found, value);
	return true;
}

/*
 * Replace the value by what its object has at the path, key by key.  False when
 * there is nothing, or a JSON null, there; the value is then anything.
 */
bool
AbacDig(AbacValue *value, const AbacString *path, int npath)
{
	for (int i = 0; i < npath; i++)
	{
		if (value->kind != ABAC_KIND_OBJECT ||
			!AbacObjectGet(value->u.container, path[i], value))
			return false;
	}
	return value->kind != ABAC_KIND_NULL;
}

/*
 * Digits at *p, exactly "count" of them, as a number up to "max".
 */
static bool
ParseDigits(const char **p, const char *end, int count, int max, int *result)
{
	*result = 0;
	for (int i = 0; i < count; i++, (*p)++)
	{
		if (*p >= end || **p < '0' || **p > '9')
			return false;
		*result = *result * 10 + (**p - '0');
	}
	return *result <= max;
}

/*
 * YYYY-MM-DD[(T| )HH:MM[:SS[.f]]][Z|±HH[:MM]], and nothing else: this must not
 * depend on DateStyle or TimeZone.  Without offset it is in abac.timezone.
 */
bool
AbacParseDate(AbacString text, TimestampTz *result)
{
	const char *p = text.data;
	const char *end = text.data + text.length;
	struct pg_tm tm;
	int64		micros = 0;
	int			west = 0;		/* seconds, as PostgreSQL counts offsets */
	bool		has_offset = false;

	memset(&tm, 0, sizeof(tm));
	if (!ParseDigits(&p, end, 4, 9999, &tm.tm_year) || tm.tm_year < 1 ||
		p >= end || *p++ != '-' ||
		!ParseDigits(&p, end, 2, MONTHS_PER_YEAR, &tm.tm_mon) || tm.tm_mon < 1 ||
		p >= end || *p++ != '-' ||
		!ParseDigits(&p, end, 2, 31, &tm.tm_mday) || tm.tm_mday < 1 ||
		tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1])
		return false;

	if (p < end && (*p == 'T' || *p == ' '))
	{
		p++;
		if (!ParseDigits(&p, end, 2, 23, &tm.tm_hour) ||
			p >= end || *p++ != ':' ||
			!ParseDigits(&p, end, 2, 59, &tm.tm_min))
			return false;
		if (p < end && *p == ':')
		{
			p++;
			if (!ParseDigits(&p, end, 2, 59, &tm.tm_sec))
				return false;
			if (p < end && *p == '.')
			{
				int			digits = 0;

				/* microseconds, rounded as timestamptz_in does */
				for (p++; p < end && *p >= '0' && *p <= '9'; p++, digits++)
				{
					if (digits < 6)
						micros = micros * 10 + (*p - '0');
					else if (digits == 6 && *p >= '5')
						micros++;
				}
				if (digits == 0)
					return false;
				for (; digits < 6; digits++)
					micros *= 10;
			}
		}
	}

	if (p < end && *p == 'Z')
	{
		p++;
		has_offset = true;
	}
	else if (p < end && (*p == '+' || *p == '-'))
	{
		int			sign = *p++ == '+' ? -1 : 1;
		int			hours;
		int			minutes = 0;

		if (!ParseDigits(&p, end, 2, MAX_TZDISP_HOUR, &hours))
			return false;
		if (p < end && *p == ':')
		{
			p++;
			if (!ParseDigits(&p, end, 2, 59, &minutes))
				return false;
		}
		west = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
		has_offset = true;
	}
	if (p != end)
		return false;

	if (!has_offset)
		west = DetermineTimeZoneOffset(&tm, AbacTimezone());
	*result = (int64) (date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY
		+ ((int64) tm.tm_hour * SECS_PER_HOUR + tm.tm_min * SECS_PER_MINUTE + tm.tm_sec + west) * USECS_PER_SEC
		+ micros;
	return true;
}

/* ::ffff:a.b.c.d is a.b.c.d, with its prefix, for every purpose (DESIGN §3). */
static void
UnmapInet(inet_struct *inet)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (inet->family == PGSQL_AF_INET6 && inet->bits >= 96 &&
		memcmp(inet->ipaddr, mapped, sizeof(mapped)) == 0)
	{
		memmove(inet->ipaddr, inet->ipaddr + 12, 4);
		memset(inet->ipaddr + 4, 0, 12);
		inet->family = PGSQL_AF_INET;
		inet->bits -= 96;
	}
}

static bool
ParseInet(AbacString text, bool strict_cidr, inet_struct *result)
{
	char		buffer[MAX_INET_TEXT + 1];
	int			bits;

	memcpy(buffer, text.data, text.length);
	buffer[text.length] = '\0';

	memset(result, 0, sizeof(*result));
	result->family = memchr(buffer, ':', text.length) ? PGSQL_AF_INET6 : PGSQL_AF_INET;
	bits = pg_inet_net_pton(result->family, buffer, result->ipaddr,
							strict_cidr ? (result->family == PGSQL_AF_INET ? 4 : 16) : -1);
	if (bits < 0 || bits > (result->family == PGSQL_AF_INET ? 32 : 128))
		return false;
	result->bits = bits;

	if (strict_cidr)
	{
		for (int i = bits; i < (result->family == PGSQL_AF_INET ? 32 : 128); i++)
		{
			if (result->ipaddr[i / 8] & (0x80 >> (i % 8)))
				return false;
		}
	}
	UnmapInet(result);
	return true;
}

/*
 * Text as type inet reads it, or with strict_cidr as cidr does (nothing to the
 * right of the prefix).  The counterpart of network_in() in network.c, which
 * would raise an error.  A few texts are remembered: many rules ask about one
 * request's address, and many requests come from a few.
 */
bool
AbacParseInet(AbacString text, bool strict_cidr, inet_struct *result)
{
	static struct
	{
		int			length;		/* 0 = nothing is remembered here */
		bool		strict_cidr;
		bool		valid;
		inet_struct inet;
		char		text[MAX_INET_TEXT];
	}			recent[16], *place;

	if (text.length == 0 || text.length > MAX_INET_TEXT)
		return false;
	place = &recent[(unsigned char) (text.data[text.length - 1] ^ text.data[text.length / 2]) % lengthof(recent)];
	if (text.length != place->length || strict_cidr != place->strict_cidr ||
		!AbacBytesEqual(text.data, place->text, text.length))
	{
		place->valid = ParseInet(text, strict_cidr, &place->inet);
		place->strict_cidr = strict_cidr;
		place->length = text.length;
		memcpy(place->text, text.data, text.length);
	}
	*result = place->inet;
	return place->valid;
}

/* An inet or cidr as it is compared. */
void
AbacInetFromDatum(Datum datum, inet_struct *result)
{
	inet	   *plain = DatumGetInetPP(datum);
	inet_struct *source = (inet_struct *) VARDATA_ANY(plain);

	memset(result, 0, sizeof(*result));
	result->family = source->family;
	result->bits = source->bits;
	memcpy(result->ipaddr, source->ipaddr, source->family == PGSQL_AF_INET ? 4 : 16);
	UnmapInet(result);
}

/* Is the address (or network) inside the network, or equal to it? */
bool
AbacInetContains(const inet_struct *network, const inet_struct *address)
{
	return network->family == address->family &&
		network->bits <= address->bits &&
		bitncmp(network->ipaddr, address->ipaddr, network->bits) == 0;
}

/*
 * Text in JSON's number syntax as a number.  numeric_in() raises an error for
 * what numeric can't hold, so that is told apart first, by counting digits.
 */
static bool
ParseNumber(AbacString text, Numeric *result)
{
	int64		integer_digits = 0;
	int64		fraction_digits = 0;
	int64		exponent = 0;
	const char *p = text.data;
	const char *end = text.data + text.length;
	char	   *copy;

	if (text.length == 0 || !IsValidJsonNumber(text.data, text.length))
		return false;

	if (*p == '-')
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		integer_digits++;
	if (p < end && *p == '.')
	{
		for (p++; p < end && *p >= '0' && *p <= '9'; p++)
			fraction_digits++;
	}
	if (p < end)
	{
		bool		negative;

		p++;					/* e or E */
		negative = *p == '-';
		if (*p == '-' || *p == '+')
			p++;
		for (; p < end; p++)
		{
			exponent = exponent * 10 + (*p - '0');
			if (exponent > MAX_INTEGER_DIGITS)
				return false;
		}
		if (negative)
			exponent = -exponent;
	}
	if (integer_digits + Max(exponent, 0) > MAX_INTEGER_DIGITS ||
		fraction_digits - Min(exponent, 0) > MAX_FRACTION_DIGITS)
		return false;

	copy = AbacStringToCString(text);
	*result = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
												  ObjectIdGetDatum(InvalidOid),
												  Int32GetDatum(-1)));
	pfree(copy);
	return true;
}

/*
 * A scalar as the type (DESIGN §3, Coercion); false when it can't be.  An
 * array or object stays as it is where no type is wanted, and can't be
 * coerced to one.  result may be value.
 */
bool
AbacCoerce(const AbacValue *value, AbacType type, AbacValue *result)
{
	AbacValue	out;

	/* as a rule it is of the type */
	if (AbacIsOfType(value, type))
	{
		if (result != value)
			*result = *value;
		return true;
	}
	out.singleton = false;
	switch (type)
	{
		case ABAC_TYPE_STRING:
		case ABAC_TYPE_ID:
			if (value->kind == ABAC_KIND_NUMBER)
			{
				out.kind = ABAC_KIND_STRING;
				out.u.string = AbacStringOf(DatumGetCString(DirectFunctionCall1(numeric_out,
																				NumericGetDatum(value->u.number))));
			}
			else if (value->kind == ABAC_KIND_BOOLEAN && type == ABAC_TYPE_STRING)
			{
				out.kind = ABAC_KIND_STRING;
				out.u.string = AbacStringOf(value->u.boolean ? "true" : "false");
			}
			else
				return false;
			break;

		case ABAC_TYPE_NUMBER:
			if (value->kind == ABAC_KIND_STRING)
			{
				out.kind = ABAC_KIND_NUMBER;
				if (!ParseNumber(value->u.string, &out.u.number))
					return false;
			}
			else
				return false;
			break;

		case ABAC_TYPE_BOOLEAN:
			if (value->kind == ABAC_KIND_STRING)
			{
				out.kind = ABAC_KIND_BOOLEAN;
				if (AbacStringEqual(value->u.string, AbacStringOf("true")))
					out.u.boolean = true;
				else if (AbacStringEqual(value->u.string, AbacStringOf("false")))
					out.u.boolean = false;
				else
					return false;
			}
			else
				return false;
			break;

		case ABAC_TYPE_DATE:
			if (value->kind == ABAC_KIND_STRING)
			{
				out.kind = ABAC_KIND_DATE;
				if (!AbacParseDate(value->u.string, &out.u.date))
					return false;
			}
			else
				return false;
			break;

		case ABAC_TYPE_INET:
			if (value->kind == ABAC_KIND_STRING)
			{
				out.kind = ABAC_KIND_INET;
				if (!AbacParseInet(value->u.string, false, &out.u.inet))
					return false;
			}
			else
				return false;
			break;

		default:
			elog(ERROR, "unrecognized attribute type: %d", (int) type);
	}
	out.singleton = value->singleton;
	*result = out;
	return true;
}

/*
 * Equality of two values that were coerced to the same type.  Unknown when
 * they don't compare: of two kinds, or JSON null.
 */
AbacTruth
AbacEqual(const AbacValue *a, const AbacValue *b)
{
	if (a->kind != b->kind)
		return ABAC_UNKNOWN;

	switch (a->kind)
	{
		case ABAC_KIND_NULL:
		case ABAC_KIND_OPAQUE:
			return ABAC_UNKNOWN;
		case ABAC_KIND_STRING:
			return AbacTruthOf(AbacStringEqual(a->u.string, b->u.string));
		case ABAC_KIND_NUMBER:
			return AbacTruthOf(DatumGetBool(DirectFunctionCall2(numeric_eq,
																NumericGetDatum(a->u.number),
																NumericGetDatum(b->u.number))));
		case ABAC_KIND_BOOLEAN:
			return AbacTruthOf(a->u.boolean == b->u.boolean);
		case ABAC_KIND_DATE:
			return AbacTruthOf(a->u.date == b->u.date);
		case ABAC_KIND_INET:
			return AbacTruthOf(a->u.inet.family == b->u.inet.family &&
							   a->u.inet.bits == b->u.inet.bits &&
							   memcmp(a->u.inet.ipaddr, b->u.inet.ipaddr,
									  sizeof(a->u.inet.ipaddr)) == 0);
		case ABAC_KIND_ARRAY:
		case ABAC_KIND_OBJECT:
			return AbacTruthOf(compareJsonbContainers(a->u.container, b->u.container) == 0);
	}
	elog(ERROR, "unrecognized value kind: %d", (int) a->kind);
}

/*
 * Order of two values that were coerced to the same type: *order < 0, 0, > 0.
 * False when they have none: only numbers, strings (byte by byte) and dates do.
 */
bool
AbacOrder(const AbacValue *a, const AbacValue *b, int *order)
{
	if (a->kind != b->kind)
		return false;

	switch (a->kind)
	{
		case ABAC_KIND_STRING:
			*order = AbacStringCompare(a->u.string, b->u.string);
			return true;
		case ABAC_KIND_NUMBER:
			*order = DatumGetInt32(DirectFunctionCall2(numeric_cmp,
													   NumericGetDatum(a->u.number),
													   NumericGetDatum(b->u.number)));
			return true;
		case ABAC_KIND_DATE:
			*order = (a->u.date > b->u.date) - (a->u.date < b->u.date);
			return true;
		case ABAC_KIND_NULL:
		case ABAC_KIND_BOOLEAN:
		case ABAC_KIND_INET:
		case ABAC_KIND_ARRAY:
		case ABAC_KIND_OBJECT:
		case ABAC_KIND_OPAQUE:
			return false;
	}
	elog(ERROR, "unrecognized value kind: %d", (int) a->kind);
}

/*
 * Push a value into a jsonb that is being built; pushJsonbValue() says what is
 * returned.  Dates are written in UTC.
 */
JsonbValue *
AbacValueToJson(JsonbParseState **state, JsonbIteratorToken seq, const AbacValue *value)
{
	JsonbValue	json;

	switch (value->kind)
	{
		case ABAC_KIND_NULL:
		case ABAC_KIND_OPAQUE:
			json.type = jbvNull;
			break;
		case ABAC_KIND_STRING:
			json.type = jbvString;
			json.val.string.val = unconstify(char *, value->u.string.data);
			json.val.string.len = value->u.string.length;
			break;
		case ABAC_KIND_NUMBER:
			json.type = jbvNumeric;
			json.val.numeric = value->u.number;
			break;
		case ABAC_KIND_BOOLEAN:
			json.type = jbvBool;
			json.val.boolean = value->u.boolean;
			break;
		case ABAC_KIND_DATE:
			{
				int			utc = 0;
				char	   *text = palloc(MAXDATELEN + 1);

				JsonEncodeDateTime(text, TimestampTzGetDatum(value->u.date), TIMESTAMPTZOID, &utc);
				json.type = jbvString;
				json.val.string.val = text;
				json.val.string.len = strlen(text);
				break;
			}
		case ABAC_KIND_INET:
			{
				inet	   *copy = palloc0(sizeof(inet));

				copy->inet_data = value->u.inet;
				SET_INET_VARSIZE(copy);
				json.type = jbvString;
				json.val.string.val = DatumGetCString(DirectFunctionCall1(inet_out, InetPGetDatum(copy)));
				json.val.string.len = strlen(json.val.string.val);
				break;
			}
		case ABAC_KIND_ARRAY:
		case ABAC_KIND_OBJECT:
			json.type = jbvBinary;
			json.val.binary.data = value->u.container;
			json.val.binary.len = 0;	/* not looked at: the container knows */
			break;
		default:
			elog(ERROR, "unrecognized value kind: %d", (int) value->kind);
	}
	return pushJsonbValue(state, seq, &json);
}

/* The value as JSON text, palloc'd. */
char *
AbacValueToText(const AbacValue *value)
{
	JsonbParseState *state = NULL;
	Jsonb	   *array;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	AbacValueToJson(&state, WJB_ELEM, value);
	array = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	return JsonbToCString(NULL, &array->root, VARSIZE(array));
}

/* What JSON calls the kind of a value as a source has it; a constant. */
const char *
AbacKindName(const AbacValue *value)
{
	switch (value->kind)
	{
		case ABAC_KIND_NULL:
			return "null";
		case ABAC_KIND_STRING:
			return "string";
		case ABAC_KIND_NUMBER:
			return "number";
		case ABAC_KIND_BOOLEAN:
			return "boolean";
		case ABAC_KIND_ARRAY:
			return "array";
		case ABAC_KIND_OBJECT:
			return "object";
		default:
			elog(ERROR, "unrecognized kind of value: %d", (int) value->kind);
	}
}
