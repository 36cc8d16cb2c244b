/*
 * row.c
 *	  What the columns of a row are as attribute values (DESIGN §7).
 *
 * No session setting changes a value: numbers, dates and arrays are made here,
 * not by output functions that look at DateStyle, TimeZone or
 * extra_float_digits.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type_d.h"
#include "common/shortest_dec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "relation.h"

static void
SetString(AbacValue *value, const char *data, int length)
{
	value->kind = ABAC_KIND_STRING;
	value->u.string.data = data;
	value->u.string.length = length;
}

static void
SetDate(AbacValue *value, TimestampTz date)
{
	value->kind = ABAC_KIND_DATE;
	value->u.date = date;
}

/* Lower case, with hyphens. */
static void
SetUuid(AbacValue *value, const pg_uuid_t *uuid)
{
	static const char digits[] = "0123456789abcdef";
	char	   *text = palloc(2 * UUID_LEN + 4);
	int			length = 0;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[length++] = '-';
		text[length++] = digits[uuid->data[i] >> 4];
		text[length++] = digits[uuid->data[i] & 0xf];
	}
	SetString(value, text, length);
}

/* False when there is no such label any more. */
static bool
SetEnum(AbacValue *value, Oid label)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(label));
	char	   *text;

	if (!HeapTupleIsValid(tuple))
		return false;
	text = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	SetString(value, text, strlen(text));
	return true;
}

/* The number that the shortest decimal says which reads back as the same float. */
static void
SetFloat(AbacValue *value, char *decimal)
{
	value->kind = ABAC_KIND_NUMBER;
	value->u.number = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(decimal),
														  ObjectIdGetDatum(InvalidOid),
														  Int32GetDatum(-1)));
}

/* A timestamp in abac.timezone; beyond what timestamptz can hold, infinity. */
static TimestampTz
TimestampInZone(Timestamp timestamp)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;
	TimestampTz result;

	if (TIMESTAMP_NOT_FINITE(timestamp))
		return timestamp;
	if (timestamp2tm(timestamp, NULL, &tm, &fsec, NULL, NULL) == 0)
	{
		west = DetermineTimeZoneOffset(&tm, AbacTimezone());
		if (tm2timestamp(&tm, fsec, &west, &result) == 0)
			return result;
	}
	return timestamp < 0 ? DT_NOBEGIN : DT_NOEND;
}

/* The midnight in abac.timezone at which the date begins. */
static TimestampTz
DateInZone(DateADT date)
{
	if (DATE_IS_NOBEGIN(date))
		return DT_NOBEGIN;
	if (DATE_IS_NOEND(date) || date >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		return DT_NOEND;
	return TimestampInZone((Timestamp) date * USECS_PER_DAY);
}

/* A scalar of the kind; false when it is missing (NaN, infinity). */
static bool
ScalarValue(AbacColumnKind kind, Datum datum, AbacValue *value)
{
	value->singleton = false;
	switch (kind)
	{
		case ABAC_COLUMN_TEXT:
			{
				text	   *plain = DatumGetTextPP(datum);

				SetString(value, VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
				return true;
			}
		case ABAC_COLUMN_BPCHAR:
			{
				BpChar	   *plain = DatumGetBpCharPP(datum);

				SetString(value, VARDATA_ANY(plain),
						  bpchartruelen(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain)));
				return true;
			}
		case ABAC_COLUMN_UUID:
			SetUuid(value, DatumGetUUIDP(datum));
			return true;
		case ABAC_COLUMN_ENUM:
			return SetEnum(value, DatumGetObjectId(datum));
		case ABAC_COLUMN_INT2:
			value->kind = ABAC_KIND_NUMBER;
			value->u.number = int64_to_numeric(DatumGetInt16(datum));
			return true;
		case ABAC_COLUMN_INT4:
			value->kind = ABAC_KIND_NUMBER;
			value->u.number = int64_to_numeric(DatumGetInt32(datum));
			return true;
		case ABAC_COLUMN_INT8:
			value->kind = ABAC_KIND_NUMBER;
			value->u.number = int64_to_numeric(DatumGetInt64(datum));
			return true;
		case ABAC_COLUMN_FLOAT4:
			{
				float		number = DatumGetFloat4(datum);
				char		decimal[FLOAT_SHORTEST_DECIMAL_LEN];

				if (isnan(number) || isinf(number))
					return false;
				float_to_shortest_decimal_buf(number, decimal);
				SetFloat(value, decimal);
				return true;
			}
		case ABAC_COLUMN_FLOAT8:
			{
				double		number = DatumGetFloat8(datum);
				char		decimal[DOUBLE_SHORTEST_DECIMAL_LEN];

				if (isnan(number) || isinf(number))
					return false;
				double_to_shortest_decimal_buf(number, decimal);
				SetFloat(value, decimal);
				return true;
			}
		case ABAC_COLUMN_NUMERIC:
			value->kind = ABAC_KIND_NUMBER;
			value->u.number = DatumGetNumeric(datum);
			return !numeric_is_nan(value->u.number) && !numeric_is_inf(value->u.number);
		case ABAC_COLUMN_BOOLEAN:
			value->kind = ABAC_KIND_BOOLEAN;
			value->u.boolean = DatumGetBool(datum);
			return true;
		case ABAC_COLUMN_DATE:
			SetDate(value, DateInZone(DatumGetDateADT(datum)));
			return true;
		case ABAC_COLUMN_TIMESTAMP:
			SetDate(value, TimestampInZone(DatumGetTimestamp(datum)));
			return true;
		case ABAC_COLUMN_TIMESTAMPTZ:
			SetDate(value, DatumGetTimestampTz(datum));
			return true;
		case ABAC_COLUMN_INET:
			value->kind = ABAC_KIND_INET;
			AbacInetFromDatum(datum, &value->u.inet);
			return true;
		default:
			elog(ERROR, "unrecognized column kind: %d", (int) kind);
	}
}

/*
 * An array of one dimension as a jsonb array, whose elements are coerced when
 * they are compared; one of more dimensions compares with nothing.
 */
static void
ArrayValue(const AbacColumn *column, Datum datum, AbacValue *value)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	JsonbParseState *state = NULL;
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	int16		length;
	bool		by_value;
	char		align;
	Jsonb	   *result;

	value->kind = ABAC_KIND_OPAQUE;
	value->singleton = false;
	if (ARR_NDIM(array) > 1)
		return;

	get_typlenbyvalalign(column->element_type, &length, &by_value, &align);
	deconstruct_array(array, column->element_type, length, by_value, align,
					  &elements, &nulls, &nelements);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < nelements; i++)
	{
		AbacValue	element = {.kind = ABAC_KIND_NULL};

		if (nulls[i] || !ScalarValue(column->element, elements[i], &element))
			element.kind = ABAC_KIND_NULL;
		if (element.kind == ABAC_KIND_INET)
		{
			/* as it is given, for equality of arrays */
			char	   *text = DatumGetCString(DirectFunctionCall1(inet_out, elements[i]));

			SetString(&element, text, strlen(text));
		}
		AbacValueToJson(&state, WJB_ELEM, &element);
	}
	result = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	value->kind = ABAC_KIND_ARRAY;
	value->u.container = &result->root;
}

/*
 * The value of a column; false when it is missing (SQL NULL, JSON null, NaN,
 * infinity).  Points into the row where it can, else into the current memory
 * context.
 */
bool
AbacRowValue(const AbacResourceRow *row, const AbacColumn *column, AbacValue *value)
{
	Datum		datum = row->values[column->attnum - 1];

	if (row->nulls[column->attnum - 1])
		return false;
	switch (column->kind)
	{
		case ABAC_COLUMN_OTHER:
			value->kind = ABAC_KIND_OPAQUE;
			value->singleton = false;
			return true;
		case ABAC_COLUMN_JSONB:
			return AbacValueFromJsonb(DatumGetJsonbP(datum), value);
		case ABAC_COLUMN_ARRAY:
			ArrayValue(column, datum, value);
			return true;
		default:
			return ScalarValue(column->kind, datum, value);
	}
}

/*
 * The text of a column that holds an id; none when it is missing or of a type
 * that ids can't have.
 */
AbacString
AbacRowId(const AbacResourceRow *row, const AbacColumn *column)
{
	AbacString	none = {NULL, 0};
	AbacValue	value;

	if (!AbacColumnHoldsIds(column) ||
		!AbacRowValue(row, column, &value) || !AbacCoerce(&value, ABAC_TYPE_ID, &value))
		return none;
	return value.u.string;
}
