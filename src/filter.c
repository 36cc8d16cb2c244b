/*
 * filter.c
 *	  What is left of a decision when the user and the action are known and the
 *	  row isn't (DESIGN §7): partial evaluation.
 *
 * The decision is not made here a second time: a filter is what the steps of
 * a plan (plan.h) come to when their conditions are expressions.  As plans are
 * made for one scope, for one moment, there is a plan for
 * - every combination of ids that the scope columns can have where the user is
 *   somebody (places.c), and one for all other ids;
 * - every span of time between windows that open or close.
 *
 * A filter and the row form agree in true, false and NULL, for every row and
 * every moment.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type_d.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "cache.h"
#include "decide.h"
#include "filter.h"
#include "places.h"

/* A scope that no table can name: every one refuses empty ids. */
static const AbacString elsewhere = {"", 0};

/* Values of the scope columns: none = NULL, or there is no such column. */
typedef struct Tuple
{
	AbacString	ids[ABAC_NSCOPES];
} Tuple;

typedef struct Tuples
{
	int			count;
	bool		overflow;		/* there are more */
	Tuple		tuples[ABAC_MAX_FILTER_PLACES];
} Tuples;

/* Tuples for which the same is left. */
typedef struct Group
{
	StringInfoData serial;
	AbacFilterNode *node;
	int			count;
	Tuple	  **tuples;
} Group;

/* What a plan comes to from some step on. */
typedef struct Rest
{
	AbacFilterNode *result;		/* three-valued, as the row form */
	AbacFilterNode *denied;		/* is it a denial, rather than no match? never unknown */
} Rest;

static AbacFilterNode *
FilterOfProgram(AbacFilterBuilder *builder, const AbacProgram *program, uint32 index)
{
	const AbacNode *node = &program->nodes[index];
	AbacFilterNode **children;
	AbacFilterNode *result;
	int			nchildren = 0;

	check_stack_depth();
	switch (node->kind)
	{
		case ABAC_NODE_CONSTANT:
			return AbacFilterConstant(builder, AbacTruthOf(node->constant));
		case ABAC_NODE_LEAF:
			return AbacFilterOfLeaf(builder, node->leaf);
		case ABAC_NODE_AND:
		case ABAC_NODE_OR:
		case ABAC_NODE_NOT:
			children = palloc(sizeof(AbacFilterNode *) * (node->end - index));
			for (uint32 i = index + 1; i < node->end && !AbacFilterIsTooLarge(builder->filter);
				 i = program->nodes[i].end)
				children[nchildren++] = FilterOfProgram(builder, program, i);
			result = AbacFilterCombine(builder,
									   node->kind == ABAC_NODE_AND ? ABAC_FILTER_AND : ABAC_FILTER_OR,
									   children, nchildren);
			return node->kind == ABAC_NODE_NOT ? AbacFilterNot(builder, result) : result;
	}
	elog(ERROR, "unrecognized condition node: %d", (int) node->kind);
}

static AbacFilterNode *
FilterOfPlanNode(AbacFilterBuilder *builder, const AbacPlanNode *node)
{
	AbacFilterNode **children;
	AbacFilterNode *result;
	int			nchildren = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	switch (node->kind)
	{
		case ABAC_PLAN_CONSTANT:
			return AbacFilterConstant(builder, node->constant);
		case ABAC_PLAN_CONDITIONS:
			return FilterOfProgram(builder, node->conditions->program, 0);
		case ABAC_PLAN_AND:
		case ABAC_PLAN_OR:
		case ABAC_PLAN_NOT:
			children = palloc(sizeof(AbacFilterNode *) * Max(node->nchildren, 1));
			while (nchildren < node->nchildren && !AbacFilterIsTooLarge(builder->filter))
			{
				children[nchildren] = FilterOfPlanNode(builder, node->children[nchildren]);
				nchildren++;
			}
			result = AbacFilterCombine(builder,
									   node->kind == ABAC_PLAN_AND ? ABAC_FILTER_AND : ABAC_FILTER_OR,
									   children, nchildren);
			return node->kind == ABAC_PLAN_NOT ? AbacFilterNot(builder, result) : result;
		case ABAC_PLAN_TEST:
			return AbacFilterTest(builder, node->test, FilterOfPlanNode(builder, node->children[0]));
		case ABAC_PLAN_LEAF:
			break;				/* is in settled steps only */
	}
	elog(ERROR, "unrecognized plan node: %d", (int) node->kind);
}

/* if-then-else by a condition that is never unknown */
static AbacFilterNode *
Choose(AbacFilterBuilder *builder, AbacFilterNode *condition, AbacFilterNode *then,
	   AbacFilterNode *otherwise)
{
	return AbacFilterOr(builder, AbacFilterAnd(builder, condition, then),
						AbacFilterAnd(builder, AbacFilterNot(builder, condition), otherwise));
}

/*
 * What one step makes of the rest.  An allow that is unknown leaves NULL, but
 * not where what comes after it denies: then the reason isn't no_match.
 */
static Rest
AddStep(AbacFilterBuilder *builder, const AbacStep *step, Rest next, const Rest *rests)
{
	AbacFilterNode *test = step->test ? FilterOfPlanNode(builder, step->test)
		: AbacFilterConstant(builder, ABAC_TRUE);
	AbacFilterNode *holds;
	Rest		rest;

	switch (step->kind)
	{
		case ABAC_STEP_DENY:
			rest.result = AbacFilterAnd(builder, AbacFilterNot(builder, test), next.result);
			rest.denied = AbacFilterOr(builder, test, next.denied);
			return rest;

		case ABAC_STEP_ALLOW:
		case ABAC_STEP_HOLD:	/* it may be another reason that is named, but it is allowed */
			holds = AbacFilterTest(builder, ABAC_IS_TRUE, test);
			rest.denied = AbacFilterAnd(builder, AbacFilterNot(builder, holds), next.denied);
			if (test->nullable)
				test = AbacFilterAnd(builder, test,
									 AbacFilterOr(builder, holds,
												  AbacFilterNot(builder, next.denied)));
			rest.result = AbacFilterOr(builder, test, next.result);
			return rest;

		case ABAC_STEP_JUMP:
			rest.result = Choose(builder, test, rests[step->target].result, next.result);
			rest.denied = Choose(builder, test, rests[step->target].denied, next.denied);
			return rest;
	}
	elog(ERROR, "unrecognized step: %d", (int) step->kind);
}

/* What a whole plan comes to. */
static AbacFilterNode *
FilterOfPlan(AbacFilterBuilder *builder, const AbacPlan *plan)
{
	Rest	   *rests = palloc(sizeof(Rest) * (plan->nsteps + 1));

	rests[plan->nsteps].result = AbacFilterConstant(builder, ABAC_FALSE);
	rests[plan->nsteps].denied = rests[plan->nsteps].result;
	for (int i = plan->nsteps - 1; i >= 0 && !AbacFilterIsTooLarge(builder->filter); i--)
		rests[i] = AddStep(builder, &plan->steps[i], rests[i + 1], rests);
	if (AbacFilterIsTooLarge(builder->filter))
		return rests[plan->nsteps].result;
	return rests[0].result;
}

/* The same in one place, as of a moment; spans of time are narrowed to where it stays so. */
static AbacFilterNode *
FilterInPlace(AbacFilterBuilder *builder, const AbacRequest *request, const Tuple *tuple,
			  TimestampTz moment, AbacSpan *span, bool *unconditional)
{
	AbacFilterPlace *place = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacFilterPlace));
	AbacPlan   *plan;

	place->request = *request;
	for (int i = 0; i < ABAC_NSCOPES; i++)
		place->request.scope[i] = AbacCopyString(AbacSubjectMemory, tuple->ids[i]);
	plan = AbacGetPlan(&place->request, moment);
	place->subject = plan->subject;
	span->from = Max(span->from, plan->span.from);
	span->until = Min(span->until, plan->span.until);
	if (unconditional)
		*unconditional = plan->nsteps > 0 && plan->steps[0].kind == ABAC_STEP_ALLOW &&
			plan->steps[0].test == NULL;
	if (plan->mismatch || (!request->elsewhere && AbacScopeContradicts(&place->request, plan)))
		return AbacFilterConstant(builder, ABAC_FALSE);

	builder->place = place;
	builder->check->request = &place->request;
	builder->check->subject = plan->subject;
	AbacCheckRenumber(builder->check);
	return FilterOfPlan(builder, plan);
}

static void
AddTuple(Tuples *tuples, AbacString organization, AbacString project, AbacString workspace)
{
	Tuple		tuple = {{organization, project, workspace}};

	for (int i = 0; i < tuples->count; i++)
	{
		bool		same = true;

		for (int j = 0; j < ABAC_NSCOPES; j++)
			same &= AbacStringEqual(tuples->tuples[i].ids[j], tuple.ids[j]);
		if (same)
			return;
	}
	if (tuples->count == ABAC_MAX_FILTER_PLACES)
		tuples->overflow = true;
	else
		tuples->tuples[tuples->count++] = tuple;
}

/* The tuples with the organization and project, for each workspace below the parent. */
static void
AddWorkspaces(Tuples *tuples, const AbacRelation *relation, AbacString organization,
			  AbacString project, const char *parent_type, AbacString parent_id)
{
	AbacString	none = {NULL, 0};
	AbacString *ids;
	int			count;

	if (relation->scope[ABAC_SCOPE_WORKSPACE] == NULL || relation->null_is_platform)
		AddTuple(tuples, organization, project, none);
	if (relation->scope[ABAC_SCOPE_WORKSPACE] == NULL)
		return;
	count = AbacGetScopesIn(ABAC_SCOPE_WORKSPACE, AbacStringOf(parent_type), parent_id,
							ABAC_MAX_FILTER_PLACES, &ids);
	tuples->overflow |= count < 0;
	for (int i = 0; i < count; i++)
		AddTuple(tuples, organization, project, ids[i]);
}

/* What the scope columns can hold of an organization. */
static void
AddTuplesOf(Tuples *tuples, const AbacRelation *relation, AbacString organization)
{
	AbacString	none = {NULL, 0};
	bool		has_project = relation->scope[ABAC_SCOPE_PROJECT] != NULL;
	bool		has_workspace = relation->scope[ABAC_SCOPE_WORKSPACE] != NULL;
	AbacString *projects = NULL;
	int			count = 0;

	if (has_project || has_workspace)
	{
		count = AbacGetScopesIn(ABAC_SCOPE_PROJECT, AbacStringOf("organization"), organization,
								ABAC_MAX_FILTER_PLACES, &projects);
		tuples->overflow |= count < 0;
	}

	/* the organization's column may be NULL where the project or workspace says it */
	for (int named = 0; named < 2; named++)
	{
		AbacString	id = named ? organization : none;

		if ((relation->scope[ABAC_SCOPE_ORGANIZATION] != NULL) != (named == 1) &&
			!(named == 0 && relation->null_is_platform))
			continue;
		if (!has_project || relation->null_is_platform)
			AddWorkspaces(tuples, relation, id, none, "organization", organization);
		for (int i = 0; i < count; i++)
			AddWorkspaces(tuples, relation, id, has_project ? projects[i] : none, "project", projects[i]);
		/* a workspace of a project whose column is NULL */
		for (int i = 0; i < count && has_project && relation->null_is_platform; i++)
			AddWorkspaces(tuples, relation, id, none, "project", projects[i]);
	}
}

/*
 * Everything that the scope columns can hold where the user is somebody; and,
 * with_rules, where something is said to everybody: *with_rules becomes false
 * when that is in too many places.
 */
static void
CollectTuples(Tuples *tuples, const AbacRequest *request, bool *with_rules)
{
	const AbacRelation *relation = request->relation;
	AbacString	none = {NULL, 0};
	const AbacPlaces *known = AbacGetPlaces(request->user);
	AbacPlaces	places = {0, NULL};
	bool		has_scope = false;

	tuples->count = 0;
	tuples->overflow = false;
	for (int i = 0; i < ABAC_NSCOPES; i++)
		has_scope |= relation->scope[i] != NULL;
	if (!has_scope || relation->null_is_platform)
		AddTuple(tuples, none, none, none);
	if (!has_scope)
		return;

	for (int i = 0; i < known->count; i++)
		AbacAddPlace(&places, AbacStringOf(AbacScopeNames[0]), known->organizations[i]);
	/* ctx may name one where the user is nobody in particular */
	for (int i = 0; i < ABAC_NSCOPES; i++)
		AbacAddPlace(&places, AbacStringOf(AbacScopeNames[i]), request->ctx_scope[i]);
	if (*with_rules && !AbacAddPlacesWithRules(&places, ABAC_MAX_FILTER_PLACES))
		*with_rules = false;
	for (int i = 0; i < places.count; i++)
		AddTuplesOf(tuples, relation, places.organizations[i]);
}

/* column = ANY (ids), never unknown; *here is false when it has to be asked row by row. */
static AbacFilterNode *
ColumnIs(AbacFilterBuilder *builder, const AbacColumn *column, AbacString *ids, int count,
		 const char *source, bool *here)
{
	AbacValue  *values = palloc(sizeof(AbacValue) * Max(count, 1));
	AbacFilterNode *node;

	for (int i = 0; i < count; i++)
	{
		values[i].kind = ABAC_KIND_STRING;
		values[i].singleton = false;
		values[i].u.string = ids[i];
	}
	node = AbacFilterIn(builder, column, values, count, false, source);
	*here &= node != NULL;
	return node ? AbacFilterTest(builder, ABAC_IS_TRUE, node) : NULL;
}

static AbacFilterNode *
TupleIs(AbacFilterBuilder *builder, const Tuple *tuple, int ncolumns, bool *here)
{
	const AbacRelation *relation = builder->filter->relation;
	AbacFilterNode *result = AbacFilterConstant(builder, ABAC_TRUE);

	for (int i = 0; i < ncolumns; i++)
	{
		AbacString	id = tuple->ids[i];
		AbacFilterNode *node;

		if (relation->scope[i] == NULL)
			continue;
		if (id.data == NULL)
			node = AbacFilterIsNull(builder, relation->scope[i]);
		else
			node = ColumnIs(builder, relation->scope[i], &id, 1, "scope", here);
		if (node == NULL)
			return NULL;
		result = AbacFilterAnd(builder, result, node);
	}
	return result;
}

/*
 * Is the row in one of the group's places?  Those that differ in the last
 * scope column only become one list.
 */
static AbacFilterNode *
GroupIs(AbacFilterBuilder *builder, const Group *group, bool *here)
{
	const AbacRelation *relation = builder->filter->relation;
	AbacFilterNode *result = AbacFilterConstant(builder, ABAC_FALSE);
	bool	   *done = palloc0(sizeof(bool) * group->count);
	AbacString *ids = palloc(sizeof(AbacString) * group->count);
	int			last = -1;

	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (relation->scope[i])
			last = i;
	}
	if (last < 0)
		return AbacFilterConstant(builder, ABAC_TRUE);

	for (int i = 0; i < group->count; i++)
	{
		AbacFilterNode *prefix;
		AbacFilterNode *node;
		int			count = 0;

		if (done[i])
			continue;
		for (int j = i; j < group->count; j++)
		{
			bool		same = group->tuples[j]->ids[last].data != NULL;

			for (int k = 0; k < last; k++)
				same &= AbacStringEqual(group->tuples[i]->ids[k], group->tuples[j]->ids[k]);
			if (same)
			{
				done[j] = true;
				ids[count++] = group->tuples[j]->ids[last];
			}
		}
		if (group->tuples[i]->ids[last].data == NULL)
		{
			node = TupleIs(builder, group->tuples[i], last + 1, here);
			if (node == NULL)
				return NULL;
			result = AbacFilterOr(builder, result, node);
			done[i] = true;
			if (count == 0)
				continue;
		}
		prefix = TupleIs(builder, group->tuples[i], last, here);
		node = ColumnIs(builder, relation->scope[last], ids, count, "scope", here);
		if (prefix == NULL || node == NULL)
			return NULL;
		result = AbacFilterOr(builder, result, AbacFilterAnd(builder, prefix, node));
	}
	return result;
}

/* The whole decision, row by row. */
static AbacFilterNode *
AskRow(AbacFilterBuilder *builder)
{
	AbacFilterNode *node = AbacFilterConstant(builder, ABAC_UNKNOWN);

	node->kind = ABAC_FILTER_ROW;
	node->constant = ABAC_FALSE;
	builder->filter->asks_rows = true;
	return node;
}

/*
 * What is left for ids where the user is nobody in particular: false as a rule.
 * Else it holds where nothing is said to everybody (say_nothing: such places
 * are looked at by themselves), or nothing can be said against it; otherwise it
 * has to be asked row by row.  *everywhere: any row that names an organization.
 */
static AbacFilterNode *
FilterElsewhere(AbacFilterBuilder *builder, const AbacRequest *request, TimestampTz moment,
				AbacSpan *span, bool say_nothing, bool *everywhere)
{
	const AbacRelation *relation = request->relation;
	AbacRequest away = *request;
	AbacString	empty = {"", 0};
	Tuple		tuple = {{{NULL, 0}}};
	bool		unconditional;
	bool		here = true;
	bool		asked = false;
	AbacFilterNode *node;
	AbacFilterNode *is_empty;
	AbacFilterNode *named;

	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		/* where ctx names a scope, it is one of the places */
		if (request->ctx_scope[i].data)
			return AbacFilterConstant(builder, ABAC_FALSE);
		asked |= relation->scope[i] != NULL;
	}
	if (!asked)
		return AbacFilterConstant(builder, ABAC_FALSE);

	/* as deep as the columns go, since more depth never allows less */
	away.elsewhere = true;
	tuple.ids[ABAC_SCOPE_ORGANIZATION] = elsewhere;
	if (relation->scope[ABAC_SCOPE_PROJECT] || relation->scope[ABAC_SCOPE_WORKSPACE])
		tuple.ids[ABAC_SCOPE_PROJECT] = elsewhere;
	if (relation->scope[ABAC_SCOPE_WORKSPACE])
		tuple.ids[ABAC_SCOPE_WORKSPACE] = elsewhere;
	node = FilterInPlace(builder, &away, &tuple, moment, span, &unconditional);
	if (AbacFilterIsConstant(node, ABAC_FALSE))
		return node;
	if (!(unconditional || say_nothing) ||
		relation->scope[ABAC_SCOPE_PROJECT] || relation->scope[ABAC_SCOPE_WORKSPACE])
		return AskRow(builder);

	/* an organization that is named */
	is_empty = ColumnIs(builder, relation->scope[ABAC_SCOPE_ORGANIZATION], &empty, 1, NULL, &here);
	if (!here)
		return AskRow(builder);
	named = AbacFilterAnd(builder,
						  AbacFilterNot(builder, AbacFilterIsNull(builder, relation->scope[ABAC_SCOPE_ORGANIZATION])),
						  AbacFilterNot(builder, is_empty));
	*everywhere = AbacFilterIsConstant(node, ABAC_TRUE);
	return AbacFilterAnd(builder, named, node);
}

/* The group of tuples for which the same is left. */
static void
AddToGroup(List **groups, Tuple *tuple, AbacFilterNode *node)
{
	StringInfoData serial;
	ListCell   *cell;
	Group	   *group;

	bool		whole;

	initStringInfo(&serial);
	whole = AbacFilterSerialize(&serial, node);
	foreach(cell, *groups)
	{
		group = lfirst(cell);
		if (whole && group->serial.len == serial.len && memcmp(group->serial.data, serial.data, serial.len) == 0)
		{
			group->tuples[group->count++] = tuple;
			return;
		}
	}
	group = palloc(sizeof(Group));
	group->serial = serial;
	group->node = node;
	group->count = 1;
	group->tuples = palloc(sizeof(Tuple *) * ABAC_MAX_FILTER_PLACES);
	group->tuples[0] = tuple;
	*groups = lappend(*groups, group);
}

/* What is left as of a moment; *span is narrowed to where it stays so. */
static AbacFilterNode *
FilterAsOf(AbacFilterBuilder *builder, const AbacRequest *request, TimestampTz moment, AbacSpan *span)
{
	Tuples	   *tuples = palloc(sizeof(Tuples));
	List	   *groups = NIL;
	AbacFilterNode *others;
	AbacFilterNode *result;
	AbacFilterNode *known;
	bool		here = true;
	bool		with_rules;
	bool		everywhere = false;
	bool		all_are_true;
	Group		all;
	ListCell   *cell;

	/* of such a type no id is made (row.c) */
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (request->relation->scope[i] && !AbacColumnHoldsIds(request->relation->scope[i]))
			return AskRow(builder);
	}
	others = FilterElsewhere(builder, request, moment, span, false, &everywhere);
	with_rules = others->kind == ABAC_FILTER_ROW;
	CollectTuples(tuples, request, &with_rules);
	if (with_rules)
		others = FilterElsewhere(builder, request, moment, span, true, &everywhere);
	for (int i = 0; i < tuples->count; i++)
	{
		AbacFilterNode *node = FilterInPlace(builder, request, &tuples->tuples[i], moment, span, NULL);

		CHECK_FOR_INTERRUPTS();
		if (AbacFilterIsTooLarge(builder->filter))
			return AskRow(builder);
		AddToGroup(&groups, &tuples->tuples[i], node);
	}
	if (tuples->overflow)
		others = AskRow(builder);

	result = AbacFilterConstant(builder, ABAC_FALSE);
	foreach(cell, groups)
	{
		Group	   *group = lfirst(cell);
		AbacFilterNode *where;

		if (AbacFilterIsConstant(group->node, ABAC_FALSE))
			continue;
		where = GroupIs(builder, group, &here);
		if (!here)
			return AskRow(builder);
		result = AbacFilterOr(builder, result, AbacFilterAnd(builder, where, group->node));
	}
	if (AbacFilterIsConstant(others, ABAC_FALSE))
		return result;

	/*
	 * Everywhere else; of what is known to be false, too, nothing may be asked.
	 * Where it is true, it makes no difference: where no row is without an
	 * organization, that is part of what "others" asks for, so it needn't be
	 * said at all.
	 */
	all.count = 0;
	all.tuples = palloc(sizeof(Tuple *) * Max(tuples->count, 1));
	all_are_true = others->kind != ABAC_FILTER_ROW && !request->relation->null_is_platform;
	foreach(cell, groups)
	{
		Group	   *group = lfirst(cell);

		if (AbacFilterIsConstant(group->node, ABAC_TRUE))
			continue;
		all_are_true = false;
		for (int i = 0; i < group->count; i++)
			all.tuples[all.count++] = group->tuples[i];
	}
	if (all_are_true && everywhere)
		return others;
	if (all.count == 0)
		return AbacFilterOr(builder, result, others);
	known = GroupIs(builder, &all, &here);
	if (!here)
		return AskRow(builder);
	return AbacFilterOr(builder, result,
						AbacFilterAnd(builder, AbacFilterNot(builder, known), others));
}

/* Is "now" up to the moment, or (after) past it? */
static AbacFilterNode *
ClockIs(AbacFilterBuilder *builder, bool after, TimestampTz moment)
{
	AbacFilterNode *node = AbacFilterConstant(builder, ABAC_FALSE);

	node->kind = ABAC_FILTER_CLOCK;
	node->strategy = after ? BTGreaterStrategyNumber : BTLessEqualStrategyNumber;
	node->value.type = TIMESTAMPTZOID;
	node->value.slot = AbacFilterAddSlot(builder, "window", TIMESTAMPTZOID,
										 TimestampTzGetDatum(moment), false);
	return node;
}

/* The filter's shape, as a hash; false when there is too much of it. */
static bool
HashShape(AbacFilter *filter)
{
	StringInfoData serial;
	pg_cryptohash_ctx *context;

	StaticAssertStmt(ABAC_SHAPE_HASH_LENGTH == PG_SHA256_DIGEST_LENGTH, "the hash is a SHA-256");
	initStringInfo(&serial);
	if (!AbacFilterSerialize(&serial, filter->root))
		return false;
	context = pg_cryptohash_create(PG_SHA256);
	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) serial.data, serial.len) < 0 ||
		pg_cryptohash_final(context, filter->shape, sizeof(filter->shape)) < 0)
		elog(ERROR, "could not compute a hash");
	pg_cryptohash_free(context);
	return true;
}

static AbacFilter *
MakeFilter(const AbacRequest *request, TimestampTz as_of, TimestampTz now)
{
	AbacFilter *filter = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacFilter));
	int			natts = 0;
	AbacResourceRow row = {.relation = request->relation};
	bool	   *nulls;
	AbacCheck	check;
	AbacFilterBuilder builder = {.filter = filter, .check = &check};
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "abac filter",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	TimestampTz moment = as_of;
	AbacFilterNode *nodes[ABAC_MAX_FILTER_SPANS];

	for (int i = 0; i < request->relation->ncolumns; i++)
		natts = Max(natts, request->relation->columns[i].attnum);
	nulls = palloc(sizeof(bool) * (natts + 1));
	memset(nulls, true, sizeof(bool) * (natts + 1));
	row.nulls = nulls;
	row.values = palloc0(sizeof(Datum) * (natts + 1));
	AbacCheckBegin(&check, request, &row, NULL, now);

	filter->relation = request->relation;
	filter->as_of = as_of;
	filter->now = now;
	for (int i = 0; i < ABAC_MAX_WINDOWS && !AbacFilterIsTooLarge(filter); i++)
	{
		AbacSpan	span = {DT_NOBEGIN, DT_NOEND};
		AbacFilterNode *node = FilterAsOf(&builder, request, moment, &span);

		/* a window that makes no difference here */
		if (filter->nspans > 0 && AbacFilterSameNode(nodes[filter->nspans - 1], node))
			filter->nspans--;
		else if (filter->nspans == ABAC_MAX_FILTER_SPANS)
			break;
		nodes[filter->nspans] = node;
		filter->boundaries[filter->nspans++] = span.until;
		if (span.until == DT_NOEND)
			break;
		moment = span.until + 1;
	}
	filter->root = AbacFilterConstant(&builder, ABAC_FALSE);
	for (int i = 0; i < filter->nspans; i++)
	{
		AbacFilterNode *node = nodes[i];

		if (i > 0)
			node = AbacFilterAnd(&builder, ClockIs(&builder, true, filter->boundaries[i - 1]), node);
		if (filter->boundaries[i] != DT_NOEND)
			node = AbacFilterAnd(&builder, ClockIs(&builder, false, filter->boundaries[i]), node);
		filter->root = AbacFilterOr(&builder, filter->root, node);
	}
	if (filter->boundaries[filter->nspans - 1] != DT_NOEND)
		filter->root = AbacFilterOr(&builder, filter->root,
									AbacFilterAnd(&builder,
												  ClockIs(&builder, true, filter->boundaries[filter->nspans - 1]),
												  AskRow(&builder)));
	if (AbacFilterIsTooLarge(filter) || !HashShape(filter))
	{
		filter->root = AskRow(&builder);
		filter->nspans = 1;
		filter->boundaries[0] = DT_NOEND;
		HashShape(filter);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return filter;
}

/*
 * The filter for a request of AbacRequestParseRelation() with that ctx, in the
 * subject layer.
 */
static AbacFilter *
GetFilter(const AbacRequest *request, Jsonb *ctx, const TimestampTz *as_of, TimestampTz now)
{
	AbacKey		key;
	AbacFilter *filter;
	AbacRequest copy;
	AbacString	context = {(const char *) ctx, VARSIZE(ctx)};
	Jsonb	   *kept;
	MemoryContext old;

	AbacKeyBegin(&key, ABAC_TAG_FILTER);
	AbacKeyAddString(&key, request->user);
	AbacKeyAddString(&key, request->action);
	AbacKeyAddOid(&key, request->relation->oid);
	AbacKeyAddString(&key, context);
	filter = AbacCacheFindUser(ABAC_LAYER_SUBJECTS, &key, request->user);
	if (filter && (!filter->has_clock || filter->now == now) &&
		(as_of ? filter->as_of == *as_of : now >= filter->as_of))
		return filter;

	/* places keep the request */
	kept = AbacCopyVarlena(AbacSubjectMemory, JsonbPGetDatum(ctx));
	old = MemoryContextSwitchTo(AbacSubjectMemory);
	if (!AbacRequestParseRelation(&copy, AbacCopyString(AbacSubjectMemory, request->user),
								  AbacCopyString(AbacSubjectMemory, request->action),
								  request->relation, kept))
		elog(ERROR, "request of a filter is invalid");
	MemoryContextSwitchTo(old);
	filter = MakeFilter(&copy, as_of ? *as_of : now, now);
	AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, filter);
	return filter;
}

/*
 * What is left of the decision about rows of a table, from a cache that holds
 * nothing stale.  NULL when the request is invalid, which is denied, and with
 * missing_ok when the table isn't registered, else ERROR 42809; ERROR 22023 for
 * a malformed ctx.  End with AbacCacheEnd() in any case; the filter is good
 * until AbacCacheVersion changes.
 *
 * as_of: the moment whose later windows it must know, NULL = one that suits.
 */
AbacFilter *
AbacBeginFilter(Oid relation, bool missing_ok, AbacString user, AbacString action, Jsonb *ctx,
				const TimestampTz *as_of)
{
	TimestampTz now = AbacNow();

	for (;;)
	{
		AbacRelation *registered;
		AbacRequest request;
		AbacFilter *filter = NULL;

		AbacCacheBegin();
		registered = AbacGetRelation(relation, missing_ok);
		if (registered && AbacRequestParseRelation(&request, user, action, registered, ctx))
			filter = GetFilter(&request, ctx, as_of, now);
		if (AbacCacheIsConsistent())
			return filter;
		AbacCacheEnd();
	}
}
