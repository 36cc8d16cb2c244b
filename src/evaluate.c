/*
 * evaluate.c
 *	  The value of programs and rules in one check (DESIGN §3).
 *
 * The same functions give the decision and its explanation.  They raise no
 * error because of data and, on ordinary data, allocate nothing; what they do
 * allocate is in the current memory context.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "evaluate.h"

/*
 * One side of a question about elements: the literal array of a leaf, coerced
 * when it was compiled, or the value of an attribute, coerced as it is walked.
 */
typedef struct Set
{
	const AbacLeaf *leaf;
	const AbacValue *array;		/* NULL = the leaf's literal */
} Set;

typedef struct SetWalk
{
	const Set  *set;
	int			next;
	AbacElements elements;
} SetWalk;

/* Forget what was found so far: something of the check was changed. */
void
AbacCheckRenumber(AbacCheck *check)
{
	static uint64 last_number = 0;

	check->number = ++last_number;
}

/* A check begins.  Everything is the caller's and must outlive the check. */
void
AbacCheckBegin(AbacCheck *check, const AbacRequest *request, const AbacResourceRow *row,
			   const AbacSubject *subject, TimestampTz now)
{
	AbacCheckRenumber(check);
	check->request = request;
	check->row = row;
	check->subject = subject;
	check->now = now;
}

static void
WalkBegin(SetWalk *walk, const Set *set)
{
	walk->set = set;
	walk->next = 0;
	if (set->array)
		AbacElementsBegin(&walk->elements, set->array);
}

/*
 * The next element; false after the last.  *comparable is false for one that
 * compares with nothing: JSON null, or what can't be coerced.
 */
static bool
WalkNext(SetWalk *walk, AbacValue *element, bool *comparable)
{
	const AbacLeaf *leaf = walk->set->leaf;

	CHECK_FOR_INTERRUPTS();
	if (walk->set->array)
	{
		if (!AbacElementsNext(&walk->elements, element))
			return false;
		*comparable = element->kind != ABAC_KIND_NULL &&
			AbacCoerce(element, leaf->type, element);
		return true;
	}

	if (walk->next < leaf->nelements)
	{
		*element = leaf->elements[walk->next++];
		*comparable = true;
		return true;
	}
	/* the ones that could not be coerced when compiled count as one */
	*comparable = false;
	return walk->next++ == leaf->nelements && leaf->odd_elements;
}

/* Is the value among the elements of a literal that was sorted? */
static bool
SortedContains(const AbacLeaf *leaf, AbacString string)
{
	int			low = 0;
	int			high = leaf->nelements - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		int			order = AbacStringCompare(string, leaf->elements[middle].u.string);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return false;
}

/*
 * Membership by equality, as in SQL: true when an equal element is found,
 * false when all are comparable and none is equal, else unknown.
 */
static AbacTruth
IsIn(const AbacValue *value, const Set *set)
{
	AbacTruth	result = ABAC_FALSE;
	SetWalk		walk;
	AbacValue	element;
	bool		comparable;

	if (set->array == NULL && set->leaf->sorted && value->kind == ABAC_KIND_STRING)
	{
		if (SortedContains(set->leaf, value->u.string))
			return ABAC_TRUE;
		return set->leaf->odd_elements ? ABAC_UNKNOWN : ABAC_FALSE;
	}

	WalkBegin(&walk, set);
	while (result != ABAC_TRUE && WalkNext(&walk, &element, &comparable))
	{
		AbacTruth	equal = comparable ? AbacEqual(value, &element) : ABAC_UNKNOWN;

		result = Max(result, equal);
	}
	return result;
}

/* Kleene's AND over the elements of one set: each is in the other. */
static AbacTruth
EveryIsIn(const Set *elements, const Set *set)
{
	AbacTruth	result = ABAC_TRUE;
	SetWalk		walk;
	AbacValue	element;
	bool		comparable;

	WalkBegin(&walk, elements);
	while (result != ABAC_FALSE && WalkNext(&walk, &element, &comparable))
	{
		AbacTruth	in = comparable ? IsIn(&element, set) : ABAC_UNKNOWN;

		result = Min(result, in);
	}
	return result;
}

/* Kleene's OR over the elements of one set: some is in the other. */
static AbacTruth
SomeIsIn(const Set *elements, const Set *set)
{
	AbacTruth	result = ABAC_FALSE;
	SetWalk		walk;
	AbacValue	element;
	bool		comparable;

	WalkBegin(&walk, elements);
	while (result != ABAC_TRUE && WalkNext(&walk, &element, &comparable))
	{
		AbacTruth	in = comparable ? IsIn(&element, set) : ABAC_UNKNOWN;

		result = Max(result, in);
	}
	return result;
}

/* Equality of JSON as it is given, without coercion; never unknown. */
static bool
JsonEqual(const AbacValue *a, const AbacValue *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == ABAC_KIND_NULL || AbacEqual(a, b) == ABAC_TRUE;
}

/* The same of two arrays, of which either may be a scalar that counts as one. */
static AbacTruth
ArraysEqual(const AbacValue *a, bool a_singleton, const AbacValue *b, bool b_singleton)
{
	AbacElements elements;
	AbacValue	element;

	if (a_singleton == b_singleton)
		return AbacTruthOf(JsonEqual(a, b));
	if (b_singleton)
		return ArraysEqual(b, true, a, false);
	if (JsonContainerSize(b->u.container) != 1)
		return ABAC_FALSE;
	AbacElementsBegin(&elements, b);
	AbacElementsNext(&elements, &element);
	return AbacTruthOf(JsonEqual(a, &element));
}

/*
 * The same where one has dates: nothing says how JSON has them, so that only
 * how many there are can tell.
 */
static AbacTruth
DateArraysEqual(const AbacValue *a, const AbacValue *b)
{
	AbacElements walk_a;
	AbacElements walk_b;

	AbacElementsBegin(&walk_a, a);
	AbacElementsBegin(&walk_b, b);
	if (walk_a.count != walk_b.count)
		return ABAC_FALSE;
	return walk_a.count == 0 ? ABAC_TRUE : ABAC_UNKNOWN;
}

/* The next character's place; a byte of UTF-8 can't be mistaken for another's. */
static inline int
CharacterLength(const char *p)
{
	return GetDatabaseEncoding() == PG_UTF8 ? 1 : pg_mblen(p);
}

/*
 * Does the text contain the part, or with at_end, end with it?  Character by
 * character where bytes of two characters could look like a third.
 */
static bool
TextContains(AbacString text, AbacString part, bool at_end)
{
	const char *last = text.data + text.length - part.length;

	for (const char *p = text.data; p <= last;)
	{
		CHECK_FOR_INTERRUPTS();
		if ((!at_end || p == last) && memcmp(p, part.data, part.length) == 0)
			return true;
		if (p == text.data + text.length)
			break;
		p += CharacterLength(p);
	}
	return false;
}

/* An address as text or as what the definition made of it. */
static bool
TakeInet(const AbacValue *value, inet_struct *inet)
{
	if (value->kind == ABAC_KIND_INET)
		*inet = value->u.inet;
	else if (value->kind != ABAC_KIND_STRING || !AbacParseInet(value->u.string, false, inet))
		return false;
	return true;
}

static AbacTruth
InNetworks(const AbacLeaf *leaf, const AbacValue *left, const AbacValue *right)
{
	AbacTruth	result = ABAC_FALSE;
	inet_struct address;
	inet_struct network;
	AbacElements elements;
	AbacValue	element;

	if (!TakeInet(left, &address))
		return ABAC_UNKNOWN;

	if (leaf->reference == NULL)
	{
		for (int i = 0; i < leaf->nnetworks; i++)
		{
			if (AbacInetContains(&leaf->networks[i], &address))
				return ABAC_TRUE;
		}
		return ABAC_FALSE;
	}

	if (!AbacValueIsArray(right))
		return TakeInet(right, &network)
			? AbacTruthOf(AbacInetContains(&network, &address)) : ABAC_UNKNOWN;
	AbacElementsBegin(&elements, right);
	while (result != ABAC_TRUE && AbacElementsNext(&elements, &element))
	{
		AbacTruth	in = TakeInet(&element, &network)
		? AbacTruthOf(AbacInetContains(&network, &address)) : ABAC_UNKNOWN;

		result = Max(result, in);
	}
	return result;
}

/* min <= value AND value <= max; unknown when either doesn't compare. */
static AbacTruth
Between(const AbacLeaf *leaf, const AbacValue *value, const AbacValue *right)
{
	Set			bounds = {leaf, leaf->reference ? right : NULL};
	AbacTruth	result = ABAC_TRUE;
	SetWalk		walk;
	AbacValue	bound;
	bool		comparable;
	int			place = 0;

	if (leaf->reference && (!AbacValueIsArray(right) || right->singleton ||
							JsonContainerSize(right->u.container) != 2))
		return ABAC_UNKNOWN;

	WalkBegin(&walk, &bounds);
	while (WalkNext(&walk, &bound, &comparable))
	{
		int			order;

		if (!comparable || !AbacOrder(value, &bound, &order))
			return ABAC_UNKNOWN;
		if (place++ == 0 ? order < 0 : order > 0)
			result = ABAC_FALSE;
	}
	return result;
}

static AbacTruth
Ordered(const AbacLeaf *leaf, const AbacValue *left, const AbacValue *right)
{
	int			order;

	if (AbacValueIsArray(right) || !AbacOrder(left, right, &order))
		return ABAC_UNKNOWN;
	switch (leaf->op)
	{
		case ABAC_OP_GT:
			return AbacTruthOf(order > 0);
		case ABAC_OP_GTE:
			return AbacTruthOf(order >= 0);
		case ABAC_OP_LT:
			return AbacTruthOf(order < 0);
		case ABAC_OP_LTE:
			return AbacTruthOf(order <= 0);
		default:
			elog(ERROR, "unrecognized order operator: %d", (int) leaf->op);
	}
}

/* Keys into the value found, if the leaf has a path; false when there is nothing there. */
static bool
DigPath(const AbacLeaf *leaf, const AbacValue *found, AbacValue *value)
{
	*value = *found;
	return AbacDig(value, leaf->path, leaf->npath);
}

/* Both sides are there; what does the (not negated) operator say? */
static AbacTruth
ApplyOperator(const AbacLeaf *leaf, const AbacValue *left, const AbacValue *left_raw,
			  const AbacValue *right, const AbacValue *right_raw)
{
	bool		left_is_array = AbacValueIsArray(left);
	bool		right_is_array = AbacValueIsArray(right);
	Set			left_set = {leaf, left};
	Set			right_set = {leaf, leaf->reference ? right : NULL};

	switch (leaf->op)
	{
		case ABAC_OP_EQ:
			if (left_is_array && right_is_array &&
				(AbacWrittenElements(leaf->attribute) == ABAC_TYPE_DATE ||
				 (leaf->reference && AbacWrittenElements(leaf->reference) == ABAC_TYPE_DATE)))
				return DateArraysEqual(left, right);
			if (left_is_array && right_is_array)
				return ArraysEqual(left_raw, left->singleton, right_raw, right->singleton);
			if (left_is_array)
				return right->kind == ABAC_KIND_OBJECT ? ABAC_UNKNOWN : IsIn(right, &left_set);
			return right_is_array ? ABAC_UNKNOWN : AbacEqual(left, right);

		case ABAC_OP_IN:
			if (!right_is_array)
				return ABAC_UNKNOWN;
			return left_is_array ? SomeIsIn(&left_set, &right_set) : IsIn(left, &right_set);

		case ABAC_OP_CONTAINS:
			if (left_is_array)
				return right_is_array ? EveryIsIn(&right_set, &left_set) : IsIn(right, &left_set);
			if (left->kind != ABAC_KIND_STRING || right_is_array || right->kind != ABAC_KIND_STRING)
				return ABAC_UNKNOWN;
			return AbacTruthOf(TextContains(left->u.string, right->u.string, false));

		case ABAC_OP_IS_SUBSET:
			if (!left_is_array || !right_is_array)
				return ABAC_UNKNOWN;
			return EveryIsIn(&left_set, &right_set);

		case ABAC_OP_IS_SUPERSET:
			if (!left_is_array || !right_is_array)
				return ABAC_UNKNOWN;
			return EveryIsIn(&right_set, &left_set);

		default:
			break;
	}

	/* the rest is for scalars only */
	if (left_is_array)
		return ABAC_UNKNOWN;

	switch (leaf->op)
	{
		case ABAC_OP_GT:
		case ABAC_OP_GTE:
		case ABAC_OP_LT:
		case ABAC_OP_LTE:
			return Ordered(leaf, left, right);

		case ABAC_OP_BETWEEN:
			return Between(leaf, left, right);

		case ABAC_OP_STARTS_WITH:
			if (left->kind != ABAC_KIND_STRING || right_is_array || right->kind != ABAC_KIND_STRING)
				return ABAC_UNKNOWN;
			return AbacTruthOf(left->u.string.length >= right->u.string.length &&
							   memcmp(left->u.string.data, right->u.string.data,
									  right->u.string.length) == 0);

		case ABAC_OP_ENDS_WITH:
			if (left->kind != ABAC_KIND_STRING || right_is_array || right->kind != ABAC_KIND_STRING)
				return ABAC_UNKNOWN;
			return AbacTruthOf(TextContains(left->u.string, right->u.string, true));

		case ABAC_OP_MATCHES:
			if (left->kind != ABAC_KIND_STRING)
				return ABAC_UNKNOWN;
			return AbacRegexMatches(leaf->regex, left->u.string);

		case ABAC_OP_IN_CIDR:
			return InNetworks(leaf, left, right);

		default:
			elog(ERROR, "unrecognized operator: %d", (int) leaf->op);
	}
}

/* A side's value as the leaf compares it, in space unless it is that already; NULL = it can't be. */
static inline const AbacValue *
AsCompared(const AbacLeaf *leaf, const AbacValue *value, AbacValue *space)
{
	if (value->kind == ABAC_KIND_ARRAY || AbacIsOfType(value, leaf->type))
		return value;
	return AbacCoerce(value, leaf->type, space) ? space : NULL;
}

/*
 * The left side of a leaf (not of "exists"), coerced; an array's elements are
 * coerced as they are walked.  NULL when it has no value to compare; else it is
 * in space or in the attribute, good as long as both.
 */
const AbacValue *
AbacLeafLeft(AbacCheck *check, const AbacLeaf *leaf, AbacValue *space)
{
	const AbacValue *left = &leaf->attribute->value;

	if (!AbacAttributeLookup(check, leaf->attribute) || !leaf->attribute->shaped)
		return NULL;
	if (leaf->npath > 0)
	{
		if (!DigPath(leaf, left, space))
			return NULL;
		left = space;
	}
	return AsCompared(leaf, left, space);
}

/* The same of the right side, when that is a reference. */
const AbacValue *
AbacLeafRight(AbacCheck *check, const AbacLeaf *leaf, AbacValue *space)
{
	if (!AbacAttributeLookup(check, leaf->reference) || !leaf->reference->shaped)
		return NULL;
	return AsCompared(leaf, &leaf->reference->value, space);
}

static AbacTruth
LeafTruth(AbacCheck *check, const AbacLeaf *leaf, const AbacKnownSide *known)
{
	const AbacValue *left;
	const AbacValue *left_raw = &leaf->attribute->raw;
	const AbacValue *right = &leaf->value;
	const AbacValue *right_raw = &leaf->raw;
	AbacValue	left_space;
	AbacValue	right_space;

	if (leaf->op == ABAC_OP_EXISTS)
	{
		/* a default isn't something that a source holds */
		bool		found = AbacAttributeLookup(check, leaf->attribute) &&
			leaf->attribute->origin != ABAC_ORIGIN_DEFAULT &&
			DigPath(leaf, left_raw, &left_space);
		return AbacTruthOf(found == leaf->wanted);
	}
	if (leaf->incomparable)
		return ABAC_UNKNOWN;

	if (known && known->is_left)
	{
		left = &known->value;
		left_raw = &known->raw;
	}
	else
		left = AbacLeafLeft(check, leaf, &left_space);
	if (left == NULL)
		return ABAC_UNKNOWN;

	if (known && !known->is_left)
	{
		right = &known->value;
		right_raw = &known->raw;
	}
	else if (leaf->reference)
	{
		right = AbacLeafRight(check, leaf, &right_space);
		right_raw = &leaf->reference->raw;
	}
	if (right == NULL)
		return ABAC_UNKNOWN;
	return ApplyOperator(leaf, left, leaf->npath > 0 ? left : left_raw, right, right_raw);
}

/*
 * The value of one leaf.  What was found is then in the attributes' last part,
 * except what is known already (NULL = nothing is).
 */
AbacTruth
AbacEvaluateLeaf(AbacCheck *check, const AbacLeaf *leaf, const AbacKnownSide *known)
{
	AbacTruth	truth = LeafTruth(check, leaf, known);

	return leaf->negate && leaf->op != ABAC_OP_EXISTS ? AbacNot(truth) : truth;
}

/* The value of the subtree at nodes[index]. */
AbacTruth
AbacEvaluateNode(AbacCheck *check, const AbacProgram *program, uint32 index)
{
	const AbacNode *node = &program->nodes[index];
	AbacTruth	truth;

	switch (node->kind)
	{
		case ABAC_NODE_CONSTANT:
			return AbacTruthOf(node->constant);

		case ABAC_NODE_LEAF:
			return AbacEvaluateLeaf(check, node->leaf, NULL);

		case ABAC_NODE_AND:
			truth = ABAC_TRUE;
			for (uint32 i = index + 1; i < node->end && truth != ABAC_FALSE; i = program->nodes[i].end)
			{
				AbacTruth	child = AbacEvaluateNode(check, program, i);

				truth = Min(truth, child);
			}
			return truth;

		case ABAC_NODE_OR:
		case ABAC_NODE_NOT:
			truth = ABAC_FALSE;
			for (uint32 i = index + 1; i < node->end && truth != ABAC_TRUE; i = program->nodes[i].end)
			{
				AbacTruth	child = AbacEvaluateNode(check, program, i);

				truth = Max(truth, child);
			}
			return node->kind == ABAC_NODE_NOT ? AbacNot(truth) : truth;
	}
	elog(ERROR, "unrecognized condition node: %d", (int) node->kind);
}

/*
 * The value of whole conditions: true when there are none, unknown when they
 * don't compile.  Worked out once a check, however many groups and policies
 * have the rule.  Interruptible.
 */
AbacTruth
AbacEvaluateConditions(AbacCheck *check, AbacConditions *conditions)
{
	if (conditions->check != check->number)
	{
		if (conditions->error)
			conditions->truth = ABAC_UNKNOWN;
		else if (conditions->program == NULL)
			conditions->truth = ABAC_TRUE;
		else
		{
			CHECK_FOR_INTERRUPTS();
			check_stack_depth();
			conditions->truth = AbacEvaluateNode(check, conditions->program, 0);
		}
		conditions->check = check->number;
	}
	return conditions->truth;
}
