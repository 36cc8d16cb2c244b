/*
 * filter_leaf.c
 *	  Leaves of a filter: a condition on a column as a comparison in SQL.
 *
 * A comparison is made only where SQL says exactly what evaluate.c says, for
 * every value that the column can have, NULL included; what has no such
 * comparison stays a leaf that is asked row by row.  What is exact:
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

/* May the value of a column of this kind be NaN or infinite, which is missing? */
static bool
HasOddNumbers(AbacColumnKind kind)
{
	return kind == ABAC_COLUMN_NUMERIC || kind == ABAC_COLUMN_FLOAT4 || kind == ABAC_COLUMN_FLOAT8;
}

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
static bool
ZoneIsUtc(void)
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

	operand->type = DATEOID;
	operand->datum = DateADTGetDatum(date);
	operand->strategy = strategy;
	return Midnight(date) == moment ? COMPARES : RoundDown(strategy, operand);
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
			operand->type = NUMERICOID;
			operand->datum = NumericGetDatum(value->u.number);
			return value->kind == ABAC_KIND_NUMBER ? COMPARES : NOT_HERE;

		case ABAC_COLUMN_BOOLEAN:
			operand->type = BOOLOID;
			operand->datum = BoolGetDatum(value->u.boolean);
			return equality ? COMPARES : NOT_HERE;

		case ABAC_COLUMN_TIMESTAMPTZ:
			operand->type = TIMESTAMPTZOID;
			operand->datum = TimestampTzGetDatum(value->u.date);
			return COMPARES;

		case ABAC_COLUMN_TIMESTAMP:
			if (!ZoneIsUtc())
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

	if (HasOddNumbers(column->kind))
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

static void
AppendValue(StringInfo buffer, const AbacValue *value)
{
	char	   *text = AbacValueToText(value);

	appendStringInfo(buffer, "%d %zu %s ", (int) value->kind, strlen(text), text);
}

static void
AppendAttribute(StringInfo buffer, const AbacAttribute *attribute, bool is_known)
{
	appendStringInfo(buffer, "%d %s %d %d %d %d %d ", attribute->name.length, attribute->name.data,
					 (int) attribute->type, attribute->array_type, attribute->any_shape,
					 attribute->multivalued, (int) attribute->source);
	if (attribute->has_default)
		AppendValue(buffer, &attribute->default_value);
	if (is_known && attribute->found && attribute->origin != ABAC_ORIGIN_CLOCK)
		AppendValue(buffer, &attribute->raw);
}

/*
 * A slot with everything that decides a leaf beside the row: nobody reads it,
 * but a run of a plan notices when it is another.
 */
static void
AddLeafSlot(AbacFilterBuilder *builder, const AbacLeaf *leaf, bool left_is_known, bool right_is_known)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	appendStringInfo(&buffer, "%s %d ", leaf->op_name, (int) leaf->type);
	for (int i = 0; i < leaf->npath; i++)
		appendStringInfo(&buffer, "%d %.*s ", leaf->path[i].length, leaf->path[i].length, leaf->path[i].data);
	AbacAttributeLookup(builder->check, leaf->attribute);
	AppendAttribute(&buffer, leaf->attribute, left_is_known);
	if (leaf->reference)
	{
		AbacAttributeLookup(builder->check, leaf->reference);
		AppendAttribute(&buffer, leaf->reference, right_is_known);
	}
	else
		AppendValue(&buffer, &leaf->raw);
	(void) AbacFilterAddSlot(builder, psprintf("leaf %d", builder->filter->nleaves), TEXTOID,
							 PointerGetDatum(cstring_to_text_with_len(buffer.data, buffer.len)), false);
}

/* The leaf itself, asked row by row. */
static AbacFilterNode *
AskLeaf(AbacFilterBuilder *builder, const AbacLeaf *leaf, const AbacColumn *left,
		const AbacColumn *right)
{
	AbacFilter *filter = builder->filter;
	AbacFilterNode *node = AbacFilterColumnNode(builder, ABAC_FILTER_LEAF, left ? left : right);
	AbacFilterLeaf *entry;

	AddLeafSlot(builder, leaf, left == NULL, right == NULL);
	if (filter->nleaves == 0)
		filter->leaves = AbacFilterAllocate(sizeof(AbacFilterLeaf) * 4);
	else if (filter->nleaves >= 4 && (filter->nleaves & (filter->nleaves - 1)) == 0)
		filter->leaves = repalloc(filter->leaves, sizeof(AbacFilterLeaf) * filter->nleaves * 2);
	entry = &filter->leaves[filter->nleaves];
	entry->leaf = leaf;
	entry->place = builder->place;
	entry->ncolumns = 0;
	if (left)
		entry->columns[entry->ncolumns++] = left;
	if (right && right != left)
		entry->columns[entry->ncolumns++] = right;
	node->other = entry->ncolumns > 1 ? entry->columns[1] : NULL;
	node->leaf = filter->nleaves++;
	node->nullable = true;
	return node;
}

/* The column that an attribute is read from, or NULL when it doesn't depend on the row. */
static const AbacColumn *
ColumnOf(const AbacFilterBuilder *builder, const AbacAttribute *attribute)
{
	if (attribute == NULL)
		return NULL;
	if (attribute->builtin == ABAC_BUILTIN_RESOURCE_ID)
		return builder->filter->relation->id;
	return attribute->source == ABAC_SOURCE_GLOBAL ? NULL : attribute->column;
}

/* Are the column's values, as the leaf compares them, of the column's own type? */
static bool
IsPlain(const AbacLeaf *leaf, const AbacAttribute *attribute, const AbacColumn *column, bool left)
{
	AbacType	type = AbacColumnType(column->kind);

	if (type == ABAC_TYPE_NONE || (left && leaf->npath > 0))
		return false;
	if (attribute->builtin == ABAC_BUILTIN_RESOURCE_ID)
	{
		if (attribute->defined || HasOddNumbers(column->kind))
			return false;
		/* an id is a text, of whatever type the column is */
		return (leaf->type == ABAC_TYPE_ID || leaf->type == ABAC_TYPE_STRING) &&
			(type == ABAC_TYPE_STRING || type == ABAC_TYPE_NUMBER) &&
			column->kind != ABAC_COLUMN_BPCHAR;
	}
	if (attribute->nkeys != 1 || attribute->multivalued || attribute->array_type ||
		attribute->type != type)
		return false;
	return leaf->type == type ||
		(leaf->type == ABAC_TYPE_ID &&
		 (type == ABAC_TYPE_STRING || (type == ABAC_TYPE_NUMBER && !HasOddNumbers(column->kind))));
}

/* The strategy of an order operator, and the same from the other side. */
static int
StrategyOf(AbacOperator op, bool flipped)
{
	switch (op)
	{
		case ABAC_OP_EQ:
			return BTEqualStrategyNumber;
		case ABAC_OP_GT:
			return flipped ? BTLessStrategyNumber : BTGreaterStrategyNumber;
		case ABAC_OP_GTE:
			return flipped ? BTLessEqualStrategyNumber : BTGreaterEqualStrategyNumber;
		case ABAC_OP_LT:
			return flipped ? BTGreaterStrategyNumber : BTLessStrategyNumber;
		case ABAC_OP_LTE:
			return flipped ? BTGreaterEqualStrategyNumber : BTLessEqualStrategyNumber;
		default:
			elog(ERROR, "unrecognized order operator: %d", (int) op);
	}
}

/* Is a scalar of the kind that the column's values are compared as? */
static bool
KindFits(const AbacLeaf *leaf, const AbacValue *value)
{
	switch (leaf->type)
	{
		case ABAC_TYPE_STRING:
		case ABAC_TYPE_ID:
			return value->kind == ABAC_KIND_STRING;
		case ABAC_TYPE_NUMBER:
			return value->kind == ABAC_KIND_NUMBER;
		case ABAC_TYPE_BOOLEAN:
			return value->kind == ABAC_KIND_BOOLEAN;
		case ABAC_TYPE_DATE:
			return value->kind == ABAC_KIND_DATE;
		default:
			return false;
	}
}

/* The elements of an array that is no literal, coerced; returns how many. */
static int
TakeElements(const AbacLeaf *leaf, const AbacValue *array, AbacValue **elements, bool *odd)
{
	AbacElements walk;
	AbacValue	element;
	int			count = 0;

	AbacElementsBegin(&walk, array);
	*elements = palloc(sizeof(AbacValue) * Max(walk.count, 1));
	*odd = false;
	while (AbacElementsNext(&walk, &element))
	{
		if (element.kind != ABAC_KIND_NULL && AbacCoerce(&element, leaf->type, &element) &&
			KindFits(leaf, &element))
			(*elements)[count++] = element;
		else
			*odd = true;
	}
	return count;
}

/*
 * A leaf of which one side is a plain column and the other is known: NULL when
 * it has to be asked row by row.  column_is_left says which side.
 */
static AbacFilterNode *
CompareWithKnown(AbacFilterBuilder *builder, const AbacLeaf *leaf, const AbacColumn *column,
				 bool column_is_left)
{
	AbacFilterNode *unknown = AbacFilterConstant(builder, ABAC_UNKNOWN);
	const AbacAttribute *attribute = column_is_left ? leaf->reference : leaf->attribute;
	const char *source = NULL;
	AbacValue	value;
	AbacValue  *elements = NULL;
	int			nelements = 0;
	bool		odd = false;
	bool		is_array;

	/* the known side */
	if (attribute == NULL)
	{
		value = leaf->value;
		is_array = leaf->raw.kind == ABAC_KIND_ARRAY;
		elements = leaf->elements;
		nelements = leaf->nelements;
		odd = leaf->odd_elements;
		for (int i = 0; is_array && i < nelements; i++)
		{
			if (!KindFits(leaf, &elements[i]))
				return NULL;
		}
	}
	else
	{
		if (!(column_is_left ? AbacLeafRight(builder->check, leaf, &value)
			  : AbacLeafLeft(builder->check, leaf, &value)))
			return unknown;
		source = attribute->name.data;
		if (attribute->origin == ABAC_ORIGIN_CLOCK)
		{
			builder->filter->has_clock = true;
			source = psprintf("clock %s", source);
		}
		is_array = AbacValueIsArray(&value);
		if (is_array)
			nelements = TakeElements(leaf, &value, &elements, &odd);
	}
	if (!is_array && !KindFits(leaf, &value))
		return unknown;

	switch (leaf->op)
	{
		case ABAC_OP_EQ:
			if (!is_array)
				return AbacFilterCompare(builder, column, BTEqualStrategyNumber, &value, source);
			/* an array on the left equals a scalar when an element does */
			return column_is_left ? unknown
				: AbacFilterIn(builder, column, elements, nelements, odd, source);

		case ABAC_OP_IN:
			if (!column_is_left || !is_array)
				return unknown;
			return AbacFilterIn(builder, column, elements, nelements, odd, source);

		case ABAC_OP_CONTAINS:
			if (column_is_left || !is_array)
				return NULL;
			return AbacFilterIn(builder, column, elements, nelements, odd, source);

		case ABAC_OP_GT:
		case ABAC_OP_GTE:
		case ABAC_OP_LT:
		case ABAC_OP_LTE:
			if (is_array)
				return unknown;
			return AbacFilterCompare(builder, column, StrategyOf(leaf->op, !column_is_left),
									 &value, source);

		case ABAC_OP_BETWEEN:
			{
				AbacFilterNode *lower;
				AbacFilterNode *upper;

				if (!column_is_left || attribute != NULL || !is_array || nelements != 2 || odd)
					return NULL;
				lower = AbacFilterCompare(builder, column, BTGreaterEqualStrategyNumber,
										  &elements[0], NULL);
				upper = AbacFilterCompare(builder, column, BTLessEqualStrategyNumber,
										  &elements[1], NULL);
				return lower && upper ? AbacFilterAnd(builder, lower, upper) : NULL;
			}

		case ABAC_OP_STARTS_WITH:
			{
				AbacFilterNode *node;

				if (!column_is_left || is_array || column->kind != ABAC_COLUMN_TEXT)
					return NULL;
				node = AbacFilterColumnNode(builder, ABAC_FILTER_PREFIX, column);
				node->c_collation = column->collation != C_COLLATION_OID;
				SetValue(builder, node, TEXTOID, TextDatum(value.u.string), source);
				return node;
			}

		default:
			return NULL;
	}
}

/* A leaf between two plain columns: NULL when it has to be asked row by row. */
static AbacFilterNode *
CompareColumns(AbacFilterBuilder *builder, const AbacLeaf *leaf, const AbacColumn *left,
			   const AbacColumn *right)
{
	AbacFilterNode *node;

	if (left->kind != right->kind || left->base != right->base || HasOddNumbers(left->kind) ||
		leaf->type != AbacColumnType(left->kind))
		return NULL;
	switch (leaf->op)
	{
		case ABAC_OP_EQ:
			break;
		case ABAC_OP_GT:
		case ABAC_OP_GTE:
		case ABAC_OP_LT:
		case ABAC_OP_LTE:
			if (left->kind == ABAC_COLUMN_BPCHAR || left->kind == ABAC_COLUMN_ENUM ||
				left->kind == ABAC_COLUMN_BOOLEAN)
				return NULL;
			break;
		default:
			return NULL;
	}
	if ((left->kind == ABAC_COLUMN_TIMESTAMP && !ZoneIsUtc()) || left->kind == ABAC_COLUMN_DATE)
		return NULL;

	node = AbacFilterColumnNode(builder, ABAC_FILTER_COLUMNS, left);
	node->other = right;
	node->nullable |= !right->is_not_null;
	node->strategy = StrategyOf(leaf->op, false);
	node->c_collation = OidIsValid(left->collation);
	return node;
}

/* "exists" asked of a column; NULL when it has to be asked row by row. */
static AbacFilterNode *
ColumnExists(AbacFilterBuilder *builder, const AbacLeaf *leaf, const AbacColumn *column)
{
	AbacFilterNode *is_null;

	if (leaf->npath > 0 || column->kind == ABAC_COLUMN_JSONB || HasOddNumbers(column->kind) ||
		column->kind == ABAC_COLUMN_ENUM)
		return NULL;
	if (leaf->attribute->builtin == ABAC_BUILTIN_RESOURCE_ID)
	{
		AbacType	type = AbacColumnType(column->kind);

		if (type != ABAC_TYPE_STRING && type != ABAC_TYPE_NUMBER)
			return NULL;
	}
	else if (leaf->attribute->nkeys != 1)
		return NULL;
	is_null = AbacFilterIsNull(builder, column);
	return leaf->wanted ? AbacFilterNot(builder, is_null) : is_null;
}

static bool
IsOfClock(const AbacAttribute *attribute)
{
	return attribute && attribute->origin == ABAC_ORIGIN_CLOCK;
}

/* A leaf that doesn't depend on the row: settled, unless the clock decides it. */
static AbacFilterNode *
KnownLeaf(AbacFilterBuilder *builder, const AbacLeaf *leaf)
{
	AbacTruth	truth = AbacEvaluateLeaf(builder->check, leaf);
	AbacFilterNode *node;

	AbacAttributeLookup(builder->check, leaf->attribute);
	if (leaf->reference)
		AbacAttributeLookup(builder->check, leaf->reference);
	if (!IsOfClock(leaf->attribute) && !IsOfClock(leaf->reference))
		return AbacFilterConstant(builder, truth);

	builder->filter->has_clock = true;
	node = AbacFilterConstant(builder, ABAC_UNKNOWN);
	node->kind = ABAC_FILTER_STATIC;
	node->constant = ABAC_FALSE;
	node->value.type = BOOLOID;
	node->value.slot = AbacFilterAddSlot(builder, psprintf("clock %d", builder->filter->nslots),
										 BOOLOID, BoolGetDatum(truth == ABAC_TRUE),
										 truth == ABAC_UNKNOWN);
	return node;
}

/* What is left of a leaf, its negation included. */
AbacFilterNode *
AbacFilterOfLeaf(AbacFilterBuilder *builder, const AbacLeaf *leaf)
{
	const AbacColumn *left = ColumnOf(builder, leaf->attribute);
	const AbacColumn *right = ColumnOf(builder, leaf->reference);
	const AbacColumn *column = left ? left : right;
	AbacFilterNode *node = NULL;
	AbacTruth	missing;

	if (column == NULL)
		return KnownLeaf(builder, leaf);
	if (leaf->op == ABAC_OP_EXISTS)
	{
		node = ColumnExists(builder, leaf, column);
		return node ? node : AskLeaf(builder, leaf, left, right);
	}
	if (leaf->incomparable)
		return AbacFilterConstant(builder, ABAC_UNKNOWN);

	if (left && right)
	{
		if (IsPlain(leaf, leaf->attribute, left, true) &&
			IsPlain(leaf, leaf->reference, right, false) &&
			!leaf->attribute->has_default && !leaf->reference->has_default)
			node = CompareColumns(builder, leaf, left, right);
	}
	else if (IsPlain(leaf, left ? leaf->attribute : leaf->reference, column, left != NULL))
		node = CompareWithKnown(builder, leaf, column, left != NULL);
	if (node == NULL)
		return AskLeaf(builder, leaf, left, right);

	/* where the column is NULL the definition's default counts */
	if ((left ? leaf->attribute : leaf->reference)->has_default && !(left && right))
	{
		AbacAttribute *known = left ? leaf->reference : leaf->attribute;

		if (HasOddNumbers(column->kind))
			return AskLeaf(builder, leaf, left, right);
		missing = AbacEvaluateLeaf(builder->check, leaf);
		if (leaf->negate)
			missing = AbacNot(missing);
		if (IsOfClock(known))
			return AskLeaf(builder, leaf, left, right);
		if (missing == ABAC_TRUE)
			node = AbacFilterOr(builder, node, AbacFilterIsNull(builder, column));
		else if (missing == ABAC_FALSE)
			node = AbacFilterAnd(builder, node,
								 AbacFilterNot(builder, AbacFilterIsNull(builder, column)));
	}
	return leaf->negate ? AbacFilterNot(builder, node) : node;
}
