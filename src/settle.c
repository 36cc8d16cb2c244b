/*
 * settle.c
 *	  What a plan's steps come to for its user: the part of the decision that
 *	  doesn't depend on ctx, the row or the clock is decided once.
 *
 * A leaf is settled when what it compares is, and Kleene's logic does the rest;
 * what is left are the leaves that have to be asked in every check, cheap ones
 * first.  Order is free: no leaf raises an error, and AND and OR commute.
 *
 * The plan keeps its steps as they are.  The explanation shows them, and a
 * filter (filter.c) must not depend on one user's values.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cache.h"
#include "decide.h"
#include "settle.h"

/* Is the attribute's value the same in every check of the plan (the table of DESIGN §4)? */
static bool
AttributeIsSettled(AbacCheck *check, AbacAttribute *attribute)
{
	switch (attribute->builtin)
	{
		case ABAC_BUILTIN_USER_ID:
		case ABAC_BUILTIN_USER_ROLES:
		case ABAC_BUILTIN_USER_TEAMS:	/* which ctx has no say in */
		case ABAC_BUILTIN_RESOURCE_TYPE:
		case ABAC_BUILTIN_CONTEXT_ACTION:
			return true;
		default:
			break;
	}
	if (attribute->root != ABAC_ROOT_USER)
		return false;
	if (attribute->source != ABAC_SOURCE_ANY)
		return true;
	/* ctx.user comes after what is stored, and a stored null ends the search */
	return AbacAttributeIsStored(check, attribute);
}

/* What it takes to ask, roughly. */
static int
LeafCost(const AbacLeaf *leaf)
{
	switch (leaf->op)
	{
		case ABAC_OP_MATCHES:
			return 50;
		case ABAC_OP_IN_CIDR:
			return 10;
		case ABAC_OP_CONTAINS:
		case ABAC_OP_ENDS_WITH:
		case ABAC_OP_IS_SUBSET:
		case ABAC_OP_IS_SUPERSET:
			return 5;
		default:
			/* dates are parsed */
			return leaf->type == ABAC_TYPE_DATE ? 10 : 2;
	}
}

/* A value that is kept: what it points to outside the request. */
static AbacValue
Keep(const AbacValue *value)
{
	AbacValue	result = *value;

	/* the user's id, the action and the type are the request's; the rest is the cache's */
	if (value->kind == ABAC_KIND_STRING)
		result.u.string = AbacCopyString(AbacSubjectMemory, value->u.string);
	return result;
}

/*
 * The side of the leaf that is settled, in the subject layer; NULL when it has
 * no value to compare.
 */
static AbacKnownSide *
SettleSide(AbacCheck *check, const AbacLeaf *leaf, bool is_left)
{
	MemoryContext old = MemoryContextSwitchTo(AbacSubjectMemory);
	AbacValue	space;
	const AbacValue *value = is_left ? AbacLeafLeft(check, leaf, &space) : AbacLeafRight(check, leaf, &space);
	AbacKnownSide *known = NULL;

	if (value)
	{
		known = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacKnownSide));
		known->is_left = is_left;
		known->value = Keep(value);
		known->raw = Keep(is_left ? &leaf->attribute->raw : &leaf->reference->raw);
	}
	MemoryContextSwitchTo(old);
	return known;
}

/* The truth of a leaf of which both sides are settled. */
static AbacTruth
SettledTruth(AbacCheck *check, const AbacLeaf *leaf)
{
	MemoryContext old = MemoryContextSwitchTo(AbacSubjectMemory);
	AbacTruth	truth = AbacEvaluateLeaf(check, leaf, NULL);

	MemoryContextSwitchTo(old);
	return truth;
}

/* The node for a leaf: a constant when it is settled, else it remembers the side that is. */
static AbacPlanNode *
SettleLeaf(AbacCheck *check, const AbacLeaf *leaf)
{
	bool		left = AttributeIsSettled(check, leaf->attribute);
	bool		right = leaf->reference == NULL || AttributeIsSettled(check, leaf->reference);
	AbacPlanNode *node;

	if ((left && right) || (leaf->incomparable && leaf->op != ABAC_OP_EXISTS))
		return AbacPlanConstant(SettledTruth(check, leaf));

	node = AbacNewPlanNode(ABAC_PLAN_LEAF);
	node->leaf = leaf;
	node->cost = LeafCost(leaf);
	if (leaf->op != ABAC_OP_EXISTS && leaf->reference && (left || right))
	{
		node->known = SettleSide(check, leaf, left);
		/* it is unknown where one side is, whatever the other is */
		if (node->known == NULL)
			return AbacPlanConstant(ABAC_UNKNOWN);
	}
	return node;
}

static int
CompareCost(const void *a, const void *b)
{
	const AbacPlanNode *x = *(AbacPlanNode *const *) a;
	const AbacPlanNode *y = *(AbacPlanNode *const *) b;

	return (x->cost > y->cost) - (x->cost < y->cost);
}

/*
 * AND, OR or NOT (of their OR) of settled nodes.  The array is the caller's and
 * is changed.
 */
static AbacPlanNode *
Combine(AbacPlanNodeKind kind, AbacPlanNode **nodes, int nnodes)
{
	AbacTruth	absorbing = kind == ABAC_PLAN_AND ? ABAC_FALSE : ABAC_TRUE;
	AbacTruth	constant = AbacNot(absorbing);
	AbacPlanNode *result;
	int			count = 0;

	for (int i = 0; i < nnodes; i++)
	{
		if (nodes[i]->kind != ABAC_PLAN_CONSTANT)
			nodes[count++] = nodes[i];
		else if (nodes[i]->constant == absorbing)
			return AbacPlanConstant(kind == ABAC_PLAN_NOT ? AbacNot(absorbing) : absorbing);
		else if (nodes[i]->constant == ABAC_UNKNOWN)
			constant = ABAC_UNKNOWN;
	}
	if (count == 0)
		return AbacPlanConstant(kind == ABAC_PLAN_NOT ? AbacNot(constant) : constant);
	if (count == 1 && constant != ABAC_UNKNOWN && kind != ABAC_PLAN_NOT)
		return nodes[0];

	result = AbacNewPlanNode(kind);
	result->children = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *) * (count + 1));
	qsort(nodes, count, sizeof(AbacPlanNode *), CompareCost);
	for (int i = 0; i < count; i++)
	{
		result->children[result->nchildren++] = nodes[i];
		result->cost += nodes[i]->cost;
	}
	if (constant == ABAC_UNKNOWN)
		result->children[result->nchildren++] = AbacPlanConstant(ABAC_UNKNOWN);
	return result;
}

/* The subtree of a program at nodes[index]. */
static AbacPlanNode *
SettleProgram(AbacCheck *check, const AbacProgram *program, uint32 index)
{
	const AbacNode *node = &program->nodes[index];
	AbacPlanNodeKind kind = ABAC_PLAN_AND;
	AbacPlanNode **nodes;
	AbacPlanNode *result;
	int			count = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	switch (node->kind)
	{
		case ABAC_NODE_CONSTANT:
			return AbacPlanConstant(AbacTruthOf(node->constant));
		case ABAC_NODE_LEAF:
			return SettleLeaf(check, node->leaf);
		case ABAC_NODE_AND:
			break;
		case ABAC_NODE_OR:
			kind = ABAC_PLAN_OR;
			break;
		case ABAC_NODE_NOT:
			kind = ABAC_PLAN_NOT;
			break;
	}
	nodes = palloc(sizeof(AbacPlanNode *) * (node->end - index));
	for (uint32 i = index + 1; i < node->end; i = program->nodes[i].end)
		nodes[count++] = SettleProgram(check, program, i);
	result = Combine(kind, nodes, count);
	pfree(nodes);
	return result;
}

/* A node of the plan; groups share members, and so does what becomes of them. */
static AbacPlanNode *
Settle(AbacCheck *check, AbacPlanNode *node, uint64 number)
{
	AbacPlanNode **nodes;
	AbacPlanNode *result;

	check_stack_depth();
	if (node->settled)
		return node->settled;
	switch (node->kind)
	{
		case ABAC_PLAN_CONSTANT:
			result = node;
			break;
		case ABAC_PLAN_CONDITIONS:
			/* also in other policies it is worked out once a check */
			if (node->conditions->plan != number)
			{
				node->conditions->settled = SettleProgram(check, node->conditions->program, 0);
				node->conditions->plan = number;
			}
			result = node->conditions->settled;
			break;
		case ABAC_PLAN_TEST:
			result = AbacPlanTest(node->test, Settle(check, node->children[0], number));
			if (result->kind == ABAC_PLAN_TEST)
				result->cost = result->children[0]->cost;
			break;
		default:
			nodes = palloc(sizeof(AbacPlanNode *) * Max(node->nchildren, 1));
			for (int i = 0; i < node->nchildren; i++)
				nodes[i] = Settle(check, node->children[i], number);
			result = Combine(node->kind, nodes, node->nchildren);
			pfree(nodes);
	}
	node->settled = result;
	return result;
}

/*
 * Make plan->settled, the steps that AbacDecide() follows, if they aren't made
 * yet.  The check is one of the plan's; what it says of ctx or a row doesn't
 * matter.
 */
void
AbacSettlePlan(AbacCheck *check, AbacPlan *plan)
{
	static uint64 number = 0;	/* of the plan; none has it twice */
	AbacStep   *steps;
	int		   *places;			/* of the plan's steps among them */
	int			nsteps = 0;

	if (plan->settled)
		return;
	number++;
	/* what is looked up from here on lives as long as the plan (SettleLeaf) */
	AbacCheckRenumber(check);
	steps = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacStep) * Max(plan->nsteps, 1));
	places = palloc(sizeof(int) * (plan->nsteps + 1));
	for (int i = 0; i < plan->nsteps; i++)
	{
		AbacStep	step = plan->steps[i];

		places[i] = nsteps;
		if (step.test)
			step.test = Settle(check, step.test, number);
		/* what can never be true isn't a step */
		if (step.test == NULL || step.test->kind != ABAC_PLAN_CONSTANT || step.test->constant != ABAC_FALSE)
			steps[nsteps++] = step;
	}
	places[plan->nsteps] = nsteps;
	for (int i = 0; i < nsteps; i++)
		steps[i].target = places[steps[i].target];
	pfree(places);
	plan->nsettled = nsteps;
	plan->settled = steps;
}
