/*
 * filter_leaf.c
 *	  Leaves of a filter: what is left of a condition when the row is unknown.
 *
 * A leaf that doesn't depend on the row is settled; of one between a column and
 * something known a comparison is made, where SQL has an exact one
 * (filter_compare.c); any other stays as it is and is asked row by row.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#include "cache.h"
#include "filter.h"

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
	filter->leaves = AbacGrow(ABAC_LAYER_SUBJECTS, filter->leaves, filter->nleaves, sizeof(AbacFilterLeaf));
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

	/* addresses: an IPv4-mapped one is its IPv4 */
	if (type == ABAC_TYPE_NONE || type == ABAC_TYPE_INET || (left && leaf->npath > 0))
		return false;
	if (attribute->builtin == ABAC_BUILTIN_RESOURCE_ID)
	{
		if (attribute->defined || AbacHasOddNumbers(column->kind))
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
		 (type == ABAC_TYPE_STRING || (type == ABAC_TYPE_NUMBER && !AbacHasOddNumbers(column->kind))));
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
		const AbacValue *known = column_is_left ? AbacLeafRight(builder->check, leaf, &value)
			: AbacLeafLeft(builder->check, leaf, &value);

		if (known == NULL)
			return unknown;
		value = *known;
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
			if (!column_is_left || is_array || column->kind != ABAC_COLUMN_TEXT)
				return NULL;
			return AbacFilterPrefix(builder, column, value.u.string, source);

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

	if (left->kind != right->kind || left->base != right->base || AbacHasOddNumbers(left->kind) ||
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
	if ((left->kind == ABAC_COLUMN_TIMESTAMP && !AbacZoneIsUtc()) || left->kind == ABAC_COLUMN_DATE)
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

	if (leaf->npath > 0 || column->kind == ABAC_COLUMN_JSONB || AbacHasOddNumbers(column->kind) ||
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
	AbacTruth	truth = AbacEvaluateLeaf(builder->check, leaf, NULL);
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

		if (AbacHasOddNumbers(column->kind))
			return AskLeaf(builder, leaf, left, right);
		missing = AbacEvaluateLeaf(builder->check, leaf, NULL);
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
