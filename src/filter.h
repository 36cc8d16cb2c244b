/*
 * filter.h
 *	  What is left of a decision when the user and the action are known and the
 *	  row isn't (DESIGN §7): partial evaluation.
 */
#ifndef ABAC_FILTER_H
#define ABAC_FILTER_H

#include "abac.h"

#include "lib/stringinfo.h"

#include "evaluate.h"
#include "plan.h"
#include "relation.h"

typedef enum AbacFilterKind
{
	ABAC_FILTER_CONSTANT,
	ABAC_FILTER_AND,
	ABAC_FILTER_OR,
	ABAC_FILTER_NOT,			/* of its only child */
	ABAC_FILTER_TEST,			/* is its only child one of the truths? */
	ABAC_FILTER_COMPARE,		/* column, strategy, value */
	ABAC_FILTER_ANY,			/* column = ANY (value) */
	ABAC_FILTER_PREFIX,			/* column starts with value */
	ABAC_FILTER_NEVER,			/* false, and unknown where the column is NULL */
	ABAC_FILTER_IS_NULL,		/* of a column */
	ABAC_FILTER_COLUMNS,		/* column, strategy, other column */
	ABAC_FILTER_FINITE,			/* of a numeric column: not NaN, not infinite */
	ABAC_FILTER_STATIC,			/* a truth that doesn't depend on the row: a slot */
	ABAC_FILTER_CLOCK,			/* is "now" up to the slot (strategy <=), or after it (>)? */
	ABAC_FILTER_LEAF,			/* a leaf that has no such form: asked row by row */
	ABAC_FILTER_ROW				/* the whole decision, asked row by row */
} AbacFilterKind;

/* A constant of policies, or a slot: a value that belongs to the user. */
typedef struct AbacFilterValue
{
	Oid			type;
	int			slot;			/* place in AbacFilter.slots; -1 = constant */
	Datum		datum;			/* of a constant, in the subject layer */
} AbacFilterValue;

typedef struct AbacFilterNode
{
	AbacFilterKind kind;
	bool		nullable;		/* can it be unknown? */
	AbacTruth	constant;
	int			test;			/* set of ABAC_IS_… */
	int			nchildren;
	struct AbacFilterNode **children;

	const AbacColumn *column;
	const AbacColumn *other;
	int			strategy;		/* of btree */
	bool		has_null;		/* ANY: one of the elements is NULL */
	bool		c_collation;	/* compare byte by byte, whatever the column's collation */
	AbacFilterValue value;
	int			leaf;			/* place in AbacFilter.leaves */
} AbacFilterNode;

typedef struct AbacFilterSlot
{
	const char *source;			/* what it is the value of */
	bool		is_clock;		/* it changes with every statement */
	Oid			type;
	bool		isnull;
	Datum		value;			/* in the subject layer */
} AbacFilterSlot;

/* In what scope something of a filter is asked. */
typedef struct AbacFilterPlace
{
	AbacRequest request;
	const AbacSubject *subject;
} AbacFilterPlace;

typedef struct AbacFilterLeaf
{
	const AbacLeaf *leaf;
	const AbacFilterPlace *place;
	int			ncolumns;		/* that it reads: one or two */
	const AbacColumn *columns[2];
} AbacFilterLeaf;

/* The most that a filter may grow to before the rest is asked row by row. */
#define ABAC_MAX_FILTER_PLACES	100 /* combinations of scope columns */
#define ABAC_MAX_FILTER_NODES	2000
#define ABAC_MAX_FILTER_SPANS	16	/* between windows that open or close */
#define ABAC_MAX_WINDOWS		64	/* looked at, also those that make no difference */

#define ABAC_SHAPE_HASH_LENGTH	32

/*
 * In the subject layer of the cache.  Two filters of the same shape differ in
 * nothing but slots and leaves.
 */
typedef struct AbacFilter
{
	const AbacRelation *relation;
	TimestampTz as_of;			/* windows before it don't matter */
	TimestampTz now;			/* what clock slots are of; any, when there are none */
	bool		has_clock;
	bool		asks_rows;		/* the whole decision, somewhere */
	AbacFilterNode *root;
	AbacFilterNode *bound;		/* abac_filter()'s, NULL = not asked for yet */
	int			nnodes;
	int			nslots;
	AbacFilterSlot *slots;
	int			nleaves;
	AbacFilterLeaf *leaves;
	unsigned char shape[ABAC_SHAPE_HASH_LENGTH];
	TimestampTz boundaries[ABAC_MAX_FILTER_SPANS];	/* last moments of the spans */
	int			nspans;
} AbacFilter;

/* A filter under construction. */
typedef struct AbacFilterBuilder
{
	AbacFilter *filter;
	AbacCheck  *check;			/* about a row of NULLs, in the place at hand */
	const AbacFilterPlace *place;
} AbacFilterBuilder;

extern AbacFilter *AbacBeginFilter(Oid relation, bool missing_ok, AbacString user,
								   AbacString action, Jsonb *ctx, const TimestampTz *as_of);

/* filter_node.c: nodes, simplified as they are made */
static inline bool
AbacFilterIsConstant(const AbacFilterNode *node, AbacTruth truth)
{
	return node->kind == ABAC_FILTER_CONSTANT && node->constant == truth;
}

extern AbacFilterNode *AbacFilterConstant(AbacFilterBuilder *builder, AbacTruth truth);
/* Then it is given up, and the whole decision asked row by row. */
#define AbacFilterIsTooLarge(filter)	((filter)->nnodes > ABAC_MAX_FILTER_NODES)

extern AbacFilterNode *AbacFilterCombine(AbacFilterBuilder *builder, AbacFilterKind kind,
										 AbacFilterNode **nodes, int nnodes);
extern AbacFilterNode *AbacFilterAnd(AbacFilterBuilder *builder, AbacFilterNode *a, AbacFilterNode *b);
extern AbacFilterNode *AbacFilterOr(AbacFilterBuilder *builder, AbacFilterNode *a, AbacFilterNode *b);
extern AbacFilterNode *AbacFilterNot(AbacFilterBuilder *builder, AbacFilterNode *a);
extern AbacFilterNode *AbacFilterTest(AbacFilterBuilder *builder, int test, AbacFilterNode *a);
extern AbacFilterNode *AbacFilterColumnNode(AbacFilterBuilder *builder, AbacFilterKind kind,
											const AbacColumn *column);
extern AbacFilterNode *AbacFilterIsNull(AbacFilterBuilder *builder, const AbacColumn *column);
extern AbacFilterNode *AbacFilterNever(AbacFilterBuilder *builder, const AbacColumn *column);
extern int	AbacFilterAddSlot(AbacFilterBuilder *builder, const char *source, Oid type,
							  Datum value, bool isnull);
extern bool AbacFilterSameNode(const AbacFilterNode *a, const AbacFilterNode *b);
extern bool AbacFilterSerialize(StringInfo buffer, const AbacFilterNode *node);

/* filter_compare.c: comparisons of a column with a value */

/* May a value of the kind be NaN or infinite, which is missing? */
#define AbacHasOddNumbers(kind) \
	((kind) == ABAC_COLUMN_NUMERIC || (kind) == ABAC_COLUMN_FLOAT4 || (kind) == ABAC_COLUMN_FLOAT8)

extern bool AbacZoneIsUtc(void);
extern AbacFilterNode *AbacFilterCompare(AbacFilterBuilder *builder, const AbacColumn *column,
										 int strategy, const AbacValue *value, const char *source);
extern AbacFilterNode *AbacFilterIn(AbacFilterBuilder *builder, const AbacColumn *column,
									const AbacValue *elements, int nelements, bool odd_elements,
									const char *source);
extern AbacFilterNode *AbacFilterPrefix(AbacFilterBuilder *builder, const AbacColumn *column,
										AbacString prefix, const char *source);

/* filter_leaf.c: leaves */
extern AbacFilterNode *AbacFilterOfLeaf(AbacFilterBuilder *builder, const AbacLeaf *leaf);

#endif							/* ABAC_FILTER_H */
