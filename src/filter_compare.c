/*
 * filter_compare.c
 *	  Comparisons of a filter: a column with a value, in SQL.
 *
 * A comparison is made only where SQL says exactly what evaluate.c says, for
 * every value that the column can have, NULL included.  What is exact:
 *
 *		text, varchar	= with the column's collation when that is deterministic
 *						(then it is equality of bytes), everything else in "C"
 *		char(n)			=, since padding doesn't count; not with a value that
 *						ends in a blank, which equals nothing
 *		uuid			all, for values in canonical form: others equal nothing
 *		enum			=, where there is such a label
 *		int2, 4, 8		all; the value is rounded where it isn't an integer
 *		numeric			all, with NaN and the infinities made unknown
 *		boolean			=
 *		timestamptz		all
 *		timestamp		all, while abac.timezone is UTC: other zones have hours
 *						that come twice, or never
 *		date			all; the value is rounded to the midnights of abac.timezone
 *
 * float4 and float8 compare as the decimals they are written as, inet unmaps
 * IPv4 addresses, arrays and jsonb have elements of any kind: asked row by row.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "filter.h"

/* What comparing with a value comes to. */
typedef enum Outcome
{
	COMPARES,					/* with the datum, by the strategy */
	NEVER_HOLDS,				/* false for every value of the column */
	ALWAYS_HOLDS,
	NOT_HERE					/* it has to be asked row by row */
} Outcome;

typedef struct Operand
{
	Oid			type;
	Datum		datum;
	int			strategy;
} Operand;

static Datum
TextDatum(AbacString string)
{
	return PointerGetDatum(cstring_to_text_with_len(string.data, string.length));
}

/* The uuid whose canonical text this is; false when it is none's. */
static bool
ParseUuid(AbacString text, pg_uuid_t *uuid)
{
	int			place = 0;

	if (text.length != 36)
		return false;
	for (int i = 0; i < UUID_LEN; i++)
	{
		int			byte = 0;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && text.data[place++] != '-')
			return false;
		for (int j = 0; j < 2; j++)
		{
			char		digit = text.data[place++];

			if (digit >= '0' && digit <= '9')
				byte = byte * 16 + (digit - '0');
			else if (digit >= 'a' && digit <= 'f')
				byte = byte * 16 + (digit - 'a' + 10);
			else
				return false;
		}
		uuid->data[i] = byte;
	}
	return true;
}

/* The integer whose text this is, without sign, zeros or blanks too many. */
static bool
ParseInteger(AbacString text, int64 *result)
{
	char		copy[MAXINT8LEN + 1];
	char		back[MAXINT8LEN + 1];
	char	   *end;

	if (text.length == 0 || text.length > MAXINT8LEN)
		return false;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	errno = 0;
	*result = strtoi64(copy, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	pg_lltoa(*result, back);
	return strcmp(copy, back) == 0;
}

static int
CompareNumbers(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/* x < 2.5 is x <= 2, and so on, for a value between two that the column can have. */
static Outcome
RoundDown(int strategy, Operand *operand)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
		case BTLessEqualStrategyNumber:
			operand->strategy = BTLessEqualStrategyNumber;
			return COMPARES;
		case BTGreaterStrategyNumber:
		case BTGreaterEqualStrategyNumber:
			operand->strategy = BTGreaterStrategyNumber;
			return COMPARES;
		default:
			return NEVER_HOLDS;
	}
}

static Outcome
IntegerOperand(AbacColumnKind kind, int strategy, int64 number, Operand *operand)
{
	operand->strategy = strategy;
	if (kind == ABAC_COLUMN_INT2 && number >= PG_INT16_MIN && number <= PG_INT16_MAX)
	{
		operand->type = INT2OID;
		operand->datum = Int16GetDatum((int16) number);
	}
	else if (kind == ABAC_COLUMN_INT4 && number >= PG_INT32_MIN && number <= PG_INT32_MAX)
	{
		operand->type = INT4OID;
		operand->datum = Int32GetDatum((int32) number);
	}
	else
	{
		operand->type = INT8OID;
		operand->datum = Int64GetDatum(number);
	}
	return COMPARES;
}

static Outcome
NumberOperand(AbacColumnKind kind, int strategy, Numeric number, Operand *operand)
{
	Numeric		floor;
	Outcome		outcome;

	if (CompareNumbers(number, int64_to_numeric(PG_INT64_MAX)) > 0)
		return strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber
			? ALWAYS_HOLDS : NEVER_HOLDS;
	if (CompareNumbers(number, int64_to_numeric(PG_INT64_MIN)) < 0)
		return strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber
			? ALWAYS_HOLDS : NEVER_HOLDS;

	floor = DatumGetNumeric(DirectFunctionCall1(numeric_floor, NumericGetDatum(number)));
	outcome = IntegerOperand(kind, strategy,
							 DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(floor))),
							 operand);
	if (CompareNumbers(floor, number) == 0)
		return outcome;
	return RoundDown(strategy, operand);
}

/* Is abac.timezone one in which local time is UTC? */
bool
AbacZoneIsUtc(void)
{
	const char *name = pg_get_timezone_name(AbacTimezone());

	return strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0 || strcmp(name, "GMT") == 0;
}

/* The midnight of abac.timezone that the date begins with, as row.c has it. */
static TimestampTz
Midnight(DateADT date)
{
	struct pg_tm tm;
	TimestampTz result;
	int			west;

	memset(&tm, 0, sizeof(tm));
	j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	west = DetermineTimeZoneOffset(&tm, AbacTimezone());
	if (tm2timestamp(&tm, 0, &west, &result) != 0)
		elog(ERROR, "timestamp out of range");
	return result;
}

/* A date column: the last day whose midnight isn't after the moment. */
static Outcome
DateOperand(int strategy, TimestampTz moment, Operand *operand)
{
	const TimestampTz margin = 10 * USECS_PER_DAY;
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;
	DateADT		date;

	if (moment < MIN_TIMESTAMP + margin || moment > END_TIMESTAMP - margin ||
		timestamp2tm(moment, &west, &tm, &fsec, NULL, AbacTimezone()) != 0)
		return NOT_HERE;
	date = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	/* where midnight is skipped, or comes twice */
	while (Midnight(date) > moment)
		date--;
	while (Midnight(date + 1) <= moment)
		date++;

	/* a zone that skipped a day has two that begin at once */
	if (Midnight(date - 1) == Midnight(date))
		return NOT_HERE;

	operand->type = DATEOID;
	operand->datum = DateADTGetDatum(date);
	operand->strategy = strategy;
	return Midnight(date) == moment ? COMPARES : RoundDown(strategy, operand);
}

/* Is the value of a kind that columns of theirs are compared with? */
static bool
KindFits(AbacColumnKind column, AbacKind value)
{
	switch (AbacColumnType(column))
	{
		case ABAC_TYPE_STRING:
			return value == ABAC_KIND_STRING;
		case ABAC_TYPE_NUMBER:
			return value == ABAC_KIND_NUMBER || value == ABAC_KIND_STRING;	/* an id */
		case ABAC_TYPE_BOOLEAN:
			return value == ABAC_KIND_BOOLEAN;
		case ABAC_TYPE_DATE:
			return value == ABAC_KIND_DATE;
		default:
			return false;
	}
}

/*
 * The value, which was coerced as the column's values are, as what the column
 * is compared with.
 */
static Outcome
MakeOperand(const AbacColumn *column, int strategy, const AbacValue *value, Operand *operand)
{
	bool		equality = strategy == BTEqualStrategyNumber;

	operand->strategy = strategy;
	if (!KindFits(column->kind, value->kind))
		return NOT_HERE;
	switch (column->kind)
	{
		case ABAC_COLUMN_TEXT:
			operand->type = TEXTOID;
			operand->datum = TextDatum(value->u.string);
			return COMPARES;

		case ABAC_COLUMN_BPCHAR:
			if (!equality)
				return NOT_HERE;
			if (value->u.string.length > 0 && value->u.string.data[value->u.string.length - 1] == ' ')
				return NEVER_HOLDS;
			operand->type = BPCHAROID;
			operand->datum = TextDatum(value->u.string);
			return COMPARES;

		case ABAC_COLUMN_UUID:
			{
				pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

				if (!ParseUuid(value->u.string, uuid))
					return equality ? NEVER_HOLDS : NOT_HERE;
				operand->type = UUIDOID;
				operand->datum = UUIDPGetDatum(uuid);
				return COMPARES;
			}

		case ABAC_COLUMN_ENUM:
			{
				NameData	label;
				HeapTuple	tuple;

				if (!equality)
					return NOT_HERE;
				if (value->u.string.length >= NAMEDATALEN)
					return NEVER_HOLDS;
				memset(&label, 0, sizeof(label));
				memcpy(NameStr(label), value->u.string.data, value->u.string.length);
				tuple = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(column->base),
										NameGetDatum(&label));
				if (!HeapTupleIsValid(tuple))
					return NEVER_HOLDS;
				operand->type = column->base;
				operand->datum = ObjectIdGetDatum(((Form_pg_enum) GETSTRUCT(tuple))->oid);
				ReleaseSysCache(tuple);
				return COMPARES;
			}

		case ABAC_COLUMN_INT2:
		case ABAC_COLUMN_INT4:
		case ABAC_COLUMN_INT8:
			if (value->kind == ABAC_KIND_STRING)
			{
				/* ids compare by their text */
				int64		number;

				if (!equality)
					return NOT_HERE;
				if (!ParseInteger(value->u.string, &number))
					return NEVER_HOLDS;
				return IntegerOperand(column->kind, strategy, number, operand);
			}
			return NumberOperand(column->kind, strategy, value->u.number, operand);

		case ABAC_COLUMN_NUMERIC:
			if (value->kind != ABAC_KIND_NUMBER)
				return NOT_HERE;
			operand->type = NUMERICOID;
			operand->datum = NumericGetDatum(value->u.number);
			return COMPARES;

		case ABAC_COLUMN_BOOLEAN:
			operand->type = BOOLOID;
			operand->datum = BoolGetDatum(value->u.boolean);
			return equality ? COMPARES : NOT_HERE;

		case ABAC_COLUMN_TIMESTAMPTZ:
			operand->type = TIMESTAMPTZOID;
			operand->datum = TimestampTzGetDatum(value->u.date);
			return COMPARES;

		case ABAC_COLUMN_TIMESTAMP:
			if (!AbacZoneIsUtc())
				return NOT_HERE;
			operand->type = TIMESTAMPOID;
			operand->datum = TimestampGetDatum(value->u.date);
			return COMPARES;

		case ABAC_COLUMN_DATE:
			return DateOperand(strategy, value->u.date, operand);

		default:
			return NOT_HERE;
	}
}

/* Does equality in the column's own collation compare bytes? */
static bool
NeedsC(const AbacColumn *column, int strategy)
{
	if (!OidIsValid(column->collation) || column->collation == C_COLLATION_OID)
		return false;
	return strategy != BTEqualStrategyNumber || !get_collation_isdeterministic(column->collation);
}

/* A constant of a policy, or a slot for what has a source. */
static void
SetValue(AbacFilterBuilder *builder, AbacFilterNode *node, Oid type, Datum datum,
		 const char *source)
{
	node->value.type = type;
	node->value.slot = -1;
	if (source)
		node->value.slot = AbacFilterAddSlot(builder, source, type, datum, false);
	else
	{
		int			slot = AbacFilterAddSlot(builder, "", type, datum, false);

		/* only for the copy */
		node->value.datum = builder->filter->slots[slot].value;
		if (slot == builder->filter->nslots - 1)
			builder->filter->nslots--;
	}
}

/* Unknown where a numeric column is NaN or infinite, as it is where that is NULL. */
static AbacFilterNode *
OnlyFinite(AbacFilterBuilder *builder, const AbacColumn *column, AbacFilterNode *node)
{
	AbacFilterNode *finite;
	AbacFilterNode *unknown = AbacFilterConstant(builder, ABAC_UNKNOWN);

	if (column->kind != ABAC_COLUMN_NUMERIC)
		return node;
	finite = AbacFilterColumnNode(builder, ABAC_FILTER_FINITE, column);
	return AbacFilterAnd(builder,
						 AbacFilterOr(builder, node,
									  AbacFilterAnd(builder, AbacFilterNot(builder, finite), unknown)),
						 AbacFilterOr(builder, finite, unknown));
}

/*
 * "column strategy value", the value coerced as the column's values are; NULL
 * when that has to be asked row by row.  source: whose value it is, so that it
 * becomes a slot; NULL for a constant of a policy.
 */
AbacFilterNode *
AbacFilterCompare(AbacFilterBuilder *builder, const AbacColumn *column, int strategy,
				  const AbacValue *value, const char *source)
{
	Operand		operand;
	AbacFilterNode *node;

	switch (MakeOperand(column, strategy, value, &operand))
	{
		case COMPARES:
			node = AbacFilterColumnNode(builder, ABAC_FILTER_COMPARE, column);
			node->strategy = operand.strategy;
			node->c_collation = NeedsC(column, operand.strategy);
			SetValue(builder, node, operand.type, operand.datum, source);
			return OnlyFinite(builder, column, node);
		case NEVER_HOLDS:
			return AbacFilterNever(builder, column);
		case ALWAYS_HOLDS:
			return AbacFilterNot(builder, AbacFilterNever(builder, column));
		case NOT_HERE:
			return NULL;
	}
	elog(ERROR, "unrecognized outcome of a comparison");
}

/*
 * "column = ANY (elements)", likewise; odd_elements: there are some that
 * compare with nothing, so that what equals none of the others is unknown.
 */
AbacFilterNode *
AbacFilterIn(AbacFilterBuilder *builder, const AbacColumn *column, const AbacValue *elements,
			 int nelements, bool odd_elements, const char *source)
{
	Operand    *operands = palloc(sizeof(Operand) * (nelements + 1));
	Datum	   *datums = palloc(sizeof(Datum) * (nelements + 1));
	bool	   *nulls = palloc0(sizeof(bool) * (nelements + 1));
	Oid			type = InvalidOid;
	int			count = 0;
	int			dimensions;
	int			lower_bound = 1;
	int16		length;
	bool		by_value;
	char		align;
	ArrayType  *array;
	AbacFilterNode *node;

	if (AbacHasOddNumbers(column->kind))
		return NULL;
	for (int i = 0; i < nelements; i++)
	{
		switch (MakeOperand(column, BTEqualStrategyNumber, &elements[i], &operands[count]))
		{
			case COMPARES:
				count++;
				break;
			case NEVER_HOLDS:
				break;
			default:
				return NULL;
		}
	}
	if (count == 0)
		return odd_elements ? AbacFilterConstant(builder, ABAC_UNKNOWN)
			: AbacFilterNever(builder, column);
	if (count == 1 && !odd_elements)
	{
		node = AbacFilterColumnNode(builder, ABAC_FILTER_COMPARE, column);
		node->strategy = BTEqualStrategyNumber;
		node->c_collation = NeedsC(column, BTEqualStrategyNumber);
		SetValue(builder, node, operands[0].type, operands[0].datum, source);
		return node;
	}

	/* integers may be of two types: then all are of the larger */
	for (int i = 0; i < count; i++)
		type = i == 0 || operands[i].type == INT8OID ? operands[i].type : type;
	for (int i = 0; i < count; i++)
	{
		datums[i] = operands[i].datum;
		if (type == INT8OID && operands[i].type == INT4OID)
			datums[i] = Int64GetDatum(DatumGetInt32(operands[i].datum));
		else if (type == INT8OID && operands[i].type == INT2OID)
			datums[i] = Int64GetDatum(DatumGetInt16(operands[i].datum));
	}
	if (odd_elements)
		nulls[count++] = true;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	dimensions = count;
	array = construct_md_array(datums, nulls, 1, &dimensions, &lower_bound, type, length, by_value, align);
	node = AbacFilterColumnNode(builder, ABAC_FILTER_ANY, column);
	node->nullable |= odd_elements;
	node->has_null = odd_elements;
	node->c_collation = NeedsC(column, BTEqualStrategyNumber);
	SetValue(builder, node, get_array_type(type), PointerGetDatum(array), source);
	return node;
}

/* "column starts with prefix", likewise; of a text column. */
AbacFilterNode *
AbacFilterPrefix(AbacFilterBuilder *builder, const AbacColumn *column, AbacString prefix,
				 const char *source)
{
	AbacFilterNode *node = AbacFilterColumnNode(builder, ABAC_FILTER_PREFIX, column);

	node->c_collation = column->collation != C_COLLATION_OID;
	SetValue(builder, node, TEXTOID, TextDatum(prefix), source);
	return node;
}
