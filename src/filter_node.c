/*
 * filter_node.c
 *	  The nodes of a filter, simplified as they are made.
 *
 * Every function is exact in three-valued logic.  A TEST is pushed down to the
 * comparisons, where it becomes a test for NULL: (status = 'secret') IS FALSE
 * is status <> 'secret' AND status IS NOT NULL, which an index can serve and,
 * for a column that is NOT NULL, is what a person would write.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "cache.h"
#include "filter.h"

#define ANY_TRUTH	(ABAC_IS_FALSE | ABAC_IS_UNKNOWN | ABAC_IS_TRUE)

static AbacFilterNode *
NewNode(AbacFilterBuilder *builder, AbacFilterKind kind, bool nullable)
{
	AbacFilterNode *node = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacFilterNode));

	node->kind = kind;
	node->nullable = nullable;
	builder->filter->nnodes++;
	return node;
}

AbacFilterNode *
AbacFilterConstant(AbacFilterBuilder *builder, AbacTruth truth)
{
	AbacFilterNode *node = NewNode(builder, ABAC_FILTER_CONSTANT, truth == ABAC_UNKNOWN);

	node->constant = truth;
	return node;
}

static bool
SameValue(const AbacFilterValue *a, const AbacFilterValue *b)
{
	int16		length;
	bool		by_value;

	if (a->type != b->type || a->slot != b->slot)
		return false;
	if (!OidIsValid(a->type) || a->slot >= 0)
		return true;
	get_typlenbyval(a->type, &length, &by_value);
	return datumIsEqual(a->datum, b->datum, by_value, length);
}

/* Do two nodes make the same expression? */
bool
AbacFilterSameNode(const AbacFilterNode *a, const AbacFilterNode *b)
{
	check_stack_depth();
	if (a == b)
		return true;
	if (a->kind != b->kind || a->column != b->column || a->other != b->other ||
		a->nchildren != b->nchildren || a->constant != b->constant || a->test != b->test ||
		a->strategy != b->strategy || a->has_null != b->has_null ||
		a->c_collation != b->c_collation || a->leaf != b->leaf || !SameValue(&a->value, &b->value))
		return false;
	for (int i = 0; i < a->nchildren; i++)
	{
		if (!AbacFilterSameNode(a->children[i], b->children[i]))
			return false;
	}
	return true;
}

/* Add a child unless it is there; a long list isn't searched. */
static void
AddChild(AbacFilterNode *node, AbacFilterNode *child)
{
	for (int i = 0; i < Min(node->nchildren, 16); i++)
	{
		if (AbacFilterSameNode(node->children[i], child))
			return;
	}
	node->children[node->nchildren++] = child;
}

/*
 * AND or OR of any number of nodes.  Of a filter that has become too large
 * something is returned that won't be used.
 */
AbacFilterNode *
AbacFilterCombine(AbacFilterBuilder *builder, AbacFilterKind kind, AbacFilterNode **nodes, int nnodes)
{
	AbacTruth	absorbing = kind == ABAC_FILTER_AND ? ABAC_FALSE : ABAC_TRUE;
	AbacFilterNode *result;
	int			nchildren = 0;
	int			nothers = 0;
	AbacFilterNode *other = NULL;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < nnodes; i++)
	{
		if (AbacFilterIsConstant(nodes[i], absorbing))
			return nodes[i];
		if (AbacFilterIsConstant(nodes[i], AbacNot(absorbing)))
			continue;
		other = nodes[i];
		nothers++;
		nchildren += nodes[i]->kind == kind ? nodes[i]->nchildren : 1;
	}
	if (nothers == 0)
		return AbacFilterConstant(builder, AbacNot(absorbing));
	if (nothers == 1 || AbacFilterIsTooLarge(builder->filter))
		return other;

	result = NewNode(builder, kind, false);
	result->children = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacFilterNode *) * nchildren);
	for (int i = 0; i < nnodes; i++)
	{
		if (AbacFilterIsConstant(nodes[i], AbacNot(absorbing)))
			continue;
		result->nullable |= nodes[i]->nullable;
		if (nodes[i]->kind != kind)
			AddChild(result, nodes[i]);
		for (int j = 0; nodes[i]->kind == kind && j < nodes[i]->nchildren; j++)
			AddChild(result, nodes[i]->children[j]);
	}
	return result->nchildren > 1 ? result : result->children[0];
}

AbacFilterNode *
AbacFilterAnd(AbacFilterBuilder *builder, AbacFilterNode *a, AbacFilterNode *b)
{
	AbacFilterNode *nodes[2] = {a, b};

	return AbacFilterCombine(builder, ABAC_FILTER_AND, nodes, 2);
}

AbacFilterNode *
AbacFilterOr(AbacFilterBuilder *builder, AbacFilterNode *a, AbacFilterNode *b)
{
	AbacFilterNode *nodes[2] = {a, b};

	return AbacFilterCombine(builder, ABAC_FILTER_OR, nodes, 2);
}

static AbacFilterNode *
Unary(AbacFilterBuilder *builder, AbacFilterKind kind, AbacFilterNode *child, bool nullable)
{
	AbacFilterNode *node = NewNode(builder, kind, nullable);

	node->children = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacFilterNode *));
	node->children[node->nchildren++] = child;
	return node;
}

AbacFilterNode *
AbacFilterNot(AbacFilterBuilder *builder, AbacFilterNode *a)
{
	if (a->kind == ABAC_FILTER_CONSTANT)
		return AbacFilterConstant(builder, AbacNot(a->constant));
	if (a->kind == ABAC_FILTER_NOT)
		return a->children[0];
	if (a->kind == ABAC_FILTER_TEST)
		return AbacFilterTest(builder, ANY_TRUTH & ~a->test, a->children[0]);
	return Unary(builder, ABAC_FILTER_NOT, a, a->nullable);
}

/* IS NOT NULL of every column that a comparison reads. */
static AbacFilterNode *
ColumnsAreThere(AbacFilterBuilder *builder, const AbacFilterNode *a)
{
	AbacFilterNode *there = AbacFilterNot(builder, AbacFilterIsNull(builder, a->column));

	if (a->other)
		there = AbacFilterAnd(builder, there,
							  AbacFilterNot(builder, AbacFilterIsNull(builder, a->other)));
	return there;
}

/* The test of a comparison, which is unknown exactly where a column is NULL. */
static AbacFilterNode *
TestComparison(AbacFilterBuilder *builder, int test, AbacFilterNode *a)
{
	AbacFilterNode *there = ColumnsAreThere(builder, a);
	AbacFilterNode *holds = a->kind == ABAC_FILTER_NEVER
		? AbacFilterConstant(builder, ABAC_FALSE) : a;
	AbacFilterNode *result;

	switch (test)
	{
		case ABAC_IS_TRUE:
			result = AbacFilterAnd(builder, holds, there);
			break;
		case ABAC_IS_FALSE:
			result = AbacFilterAnd(builder, AbacFilterNot(builder, holds), there);
			break;
		case ABAC_IS_TRUE | ABAC_IS_UNKNOWN:
			result = AbacFilterOr(builder, holds, AbacFilterNot(builder, there));
			break;
		case ABAC_IS_FALSE | ABAC_IS_UNKNOWN:
			result = AbacFilterOr(builder, AbacFilterNot(builder, holds),
								  AbacFilterNot(builder, there));
			break;
		case ABAC_IS_UNKNOWN:
			result = AbacFilterNot(builder, there);
			break;
		case ABAC_IS_TRUE | ABAC_IS_FALSE:
			result = there;
			break;
		default:
			elog(ERROR, "unrecognized test: %d", test);
	}
	/* a new node, whose parts alone can be unknown */
	result->nullable = false;
	return result;
}

/*
 * Is it one of the truths?  Never unknown.
 */
AbacFilterNode *
AbacFilterTest(AbacFilterBuilder *builder, int test, AbacFilterNode *a)
{
	AbacFilterNode *node;

	check_stack_depth();
	if (AbacFilterIsTooLarge(builder->filter))
		return a;
	if (!a->nullable)
		test &= ~ABAC_IS_UNKNOWN;
	if (test == 0 || test == (a->nullable ? ANY_TRUTH : ANY_TRUTH & ~ABAC_IS_UNKNOWN))
		return AbacFilterConstant(builder, AbacTruthOf(test != 0));
	if (a->kind == ABAC_FILTER_CONSTANT)
		return AbacFilterConstant(builder, AbacTruthOf(test & (1 << a->constant)));
	if (!a->nullable)
		return test == ABAC_IS_TRUE ? a : AbacFilterNot(builder, a);

	switch (a->kind)
	{
		case ABAC_FILTER_NOT:
			{
				int			mirrored = test & ABAC_IS_UNKNOWN;

				if (test & ABAC_IS_TRUE)
					mirrored |= ABAC_IS_FALSE;
				if (test & ABAC_IS_FALSE)
					mirrored |= ABAC_IS_TRUE;
				return AbacFilterTest(builder, mirrored, a->children[0]);
			}

		case ABAC_FILTER_AND:
		case ABAC_FILTER_OR:
			{
				/* "at least" truths distribute as the connective is, "at most" the other way round */
				bool		at_least = test == ABAC_IS_TRUE || test == (ABAC_IS_TRUE | ABAC_IS_UNKNOWN);
				AbacFilterNode **nodes;
				bool		at_most = test == ABAC_IS_FALSE || test == (ABAC_IS_FALSE | ABAC_IS_UNKNOWN);

				if (!at_least && !at_most)
					break;
				nodes = palloc(sizeof(AbacFilterNode *) * a->nchildren);
				for (int i = 0; i < a->nchildren; i++)
					nodes[i] = AbacFilterTest(builder, test, a->children[i]);
				node = AbacFilterCombine(builder, (a->kind == ABAC_FILTER_AND) == at_least
										 ? ABAC_FILTER_AND : ABAC_FILTER_OR, nodes, a->nchildren);
				return node;
			}

		case ABAC_FILTER_COMPARE:
		case ABAC_FILTER_PREFIX:
		case ABAC_FILTER_COLUMNS:
		case ABAC_FILTER_NEVER:
			return TestComparison(builder, test, a);

		case ABAC_FILTER_ANY:
			if (!a->has_null)
				return TestComparison(builder, test, a);
			break;

		default:
			break;
	}
	node = Unary(builder, ABAC_FILTER_TEST, a, false);
	node->test = test;
	return node;
}

/* A node of a kind that is about a column; unknown where that is NULL. */
AbacFilterNode *
AbacFilterColumnNode(AbacFilterBuilder *builder, AbacFilterKind kind, const AbacColumn *column)
{
	AbacFilterNode *node = NewNode(builder, kind, !column->is_not_null);

	node->column = column;
	node->value.slot = -1;
	return node;
}

AbacFilterNode *
AbacFilterIsNull(AbacFilterBuilder *builder, const AbacColumn *column)
{
	AbacFilterNode *node;

	if (column->is_not_null)
		return AbacFilterConstant(builder, ABAC_FALSE);
	node = AbacFilterColumnNode(builder, ABAC_FILTER_IS_NULL, column);
	node->nullable = false;
	return node;
}

AbacFilterNode *
AbacFilterNever(AbacFilterBuilder *builder, const AbacColumn *column)
{
	if (column->is_not_null)
		return AbacFilterConstant(builder, ABAC_FALSE);
	return AbacFilterColumnNode(builder, ABAC_FILTER_NEVER, column);
}

/*
 * A slot for a value, or the one that has it already.  source says what it is
 * the value of: slots of different sources are never one, so that it doesn't
 * depend on the values which slots there are.
 */
int
AbacFilterAddSlot(AbacFilterBuilder *builder, const char *source, Oid type, Datum value, bool isnull)
{
	AbacFilter *filter = builder->filter;
	AbacFilterSlot *slot;
	int16		length;
	bool		by_value;

	get_typlenbyval(type, &length, &by_value);
	for (int i = 0; i < filter->nslots; i++)
	{
		slot = &filter->slots[i];
		if (slot->type == type && strcmp(slot->source, source) == 0 && slot->isnull == isnull &&
			(isnull || datumIsEqual(slot->value, value, by_value, length)))
			return i;
	}

	filter->slots = AbacGrow(ABAC_LAYER_SUBJECTS, filter->slots, filter->nslots, sizeof(AbacFilterSlot));
	slot = &filter->slots[filter->nslots];
	slot->source = AbacCopyString(AbacSubjectMemory, AbacStringOf(source)).data;
	slot->is_clock = strncmp(source, "clock ", strlen("clock ")) == 0;
	slot->type = type;
	slot->isnull = isnull;
	slot->value = (Datum) 0;
	if (!isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(AbacSubjectMemory);

		slot->value = datumCopy(value, by_value, length);
		MemoryContextSwitchTo(old);
	}
	return filter->nslots++;
}

static void
SerializeDatum(StringInfo buffer, Oid type, Datum datum)
{
	int16		length;
	bool		by_value;

	get_typlenbyval(type, &length, &by_value);
	if (by_value)
		appendBinaryStringInfo(buffer, (const char *) &datum, sizeof(Datum));
	else
	{
		Size		size = datumGetSize(datum, by_value, length);

		appendBinaryStringInfo(buffer, (const char *) &size, sizeof(Size));
		appendBinaryStringInfo(buffer, DatumGetPointer(datum), size);
	}
}

/*
 * Everything about a node that makes the expression of it, but no values of
 * slots: what two filters of one shape have in common.  False when that is too
 * much (shared nodes are written wherever they are used).
 */
bool
AbacFilterSerialize(StringInfo buffer, const AbacFilterNode *node)
{
	int32		fields[] = {
		node->kind, node->constant, node->test, node->nchildren,
		node->column ? node->column->attnum : 0, node->other ? node->other->attnum : 0,
		node->column ? (int32) node->column->base : 0,
		node->strategy, node->c_collation, node->has_null, (int32) node->value.type, node->value.slot, node->leaf
	};

	check_stack_depth();
	if (buffer->len > ABAC_MAX_FILTER_NODES * (int) sizeof(fields))
		return false;
	appendBinaryStringInfo(buffer, (const char *) fields, sizeof(fields));
	if (OidIsValid(node->value.type) && node->value.slot < 0)
		SerializeDatum(buffer, node->value.type, node->value.datum);
	for (int i = 0; i < node->nchildren; i++)
	{
		if (!AbacFilterSerialize(buffer, node->children[i]))
			return false;
	}
	return true;
}
