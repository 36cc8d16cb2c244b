/*
 * shape.c
 *	  What a rewritten plan knows of its filter, and how it uses it (DESIGN §7).
 *
 * The planner puts the shape of a filter into the plan; the values that belong
 * to the user are read when the plan runs, so that users of one shape share
 * plans.  The functions here are what a rewritten call consists of, beside
 * plain comparisons:
 *
 *		abac_fits(shape, result, …)	result, if the shape is still right
 *		abac_value(shape, slot, type)	a value of the user's
 *		abac_leaf(shape, leaf, columns)	a condition that has no form in SQL
 *		abac_row(shape, …, columns)		the whole decision about a row
 *
 * Nobody but the planner can call them: there is no way to write a value of
 * type abac_shape.  So they are granted to PUBLIC; the planner asks whether the
 * role may execute what was written in the query, and a plan is one role's.
 *
 * One run of a plan sees one set of values.  Values, shape and user are pinned
 * when the first of these functions is called, for all calls whose state is in
 * the same memory context; the guard, which is asked about every row, raises
 * ERROR 40001 when they are others by now: the user was switched under an open
 * cursor, or a policy changed.  As long as nothing is invalidated and no new
 * statement began that costs two comparisons.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "cache.h"
#include "check_row.h"
#include "decide.h"
#include "filter.h"
#include "principal.h"
#include "replan.h"
#include "run.h"
#include "shape.h"

PG_FUNCTION_INFO_V1(abac_shape_in);
PG_FUNCTION_INFO_V1(abac_shape_out);
PG_FUNCTION_INFO_V1(abac_fits);
PG_FUNCTION_INFO_V1(abac_value);
PG_FUNCTION_INFO_V1(abac_leaf);
PG_FUNCTION_INFO_V1(abac_row);

/* What one run of a plan goes by; lives in the run's memory. */
typedef struct Pin
{
	dlist_node	node;
	MemoryContext memory;		/* of the run */
	MemoryContextCallback callback;
	const AbacShape *shape;

	/* when this was last found to be right */
	uint64		cache_version;
	uint64		principal_version;
	TimestampTz statement;

	bool		nobody;			/* there is no principal, and everything is denied */
	AbacFilter *filter;			/* good as long as cache_version is the cache's */
	int			span;			/* between windows */
	int			nslots;
	AbacFilterSlot *slots;		/* values in the run's memory */
} Pin;

/* The state of one call in a plan (fn_extra). */
typedef struct Use
{
	Pin		   *pin;
	/* of abac_leaf and abac_row */
	Datum	   *values;
	bool	   *nulls;
	int			natts;
	AbacRowAsker *asker;
	/* of abac_leaf: what doesn't depend on the row stays known from row to row */
	const AbacFilterLeaf *leaf;
	uint64		leaf_version;	/* of the cache when it was looked up */
	TimestampTz leaf_now;
	AbacRequest request;
	AbacResourceRow row;
	AbacCheck	check;
	uint64		check_number;	/* that what is known has */
} Use;

static dlist_head pins = DLIST_STATIC_INIT(pins);

/*
 * Make a shape, in the current memory context.  user is NULL for the session's
 * principal, ctx NULL for the session's context, filter NULL for a plan that
 * asks row by row only.
 */
AbacShape *
AbacMakeShape(Oid function, Oid relation, const AbacString *user, AbacString action,
			  Jsonb *ctx, const AbacFilter *filter)
{
	Size		ctx_size = ctx ? VARSIZE(ctx) : 0;
	Size		size = offsetof(AbacShape, data) + ctx_size + (user ? user->length : 0) + action.length;
	AbacShape  *shape = palloc0(size);
	char	   *p = shape->data;

	SET_VARSIZE(shape, size);
	shape->function = function;
	shape->relation = relation;
	shape->is_principal = user == NULL;
	shape->is_session_context = ctx == NULL;
	shape->ctx_size = ctx_size;
	shape->user_length = user ? user->length : 0;
	shape->action_length = action.length;
	if (filter)
	{
		shape->has_filter = true;
		shape->as_of = filter->as_of;
		memcpy(shape->hash, filter->shape, sizeof(shape->hash));
	}
	if (ctx)
		memcpy(p, ctx, ctx_size);
	p += ctx_size;
	if (user)
		memcpy(p, user->data, user->length);
	p += shape->user_length;
	memcpy(p, action.data, action.length);
	return shape;
}

static AbacString
ShapeAction(const AbacShape *shape)
{
	AbacString	action = {shape->data + shape->ctx_size + shape->user_length, shape->action_length};

	return action;
}

static AbacString
ShapeUser(const AbacShape *shape)
{
	AbacString	user = {shape->data + shape->ctx_size, shape->user_length};

	return user;
}

static bool
SameShape(const AbacFilter *filter, const AbacShape *shape)
{
	return memcmp(filter->shape, shape->hash, sizeof(shape->hash)) == 0;
}

/*
 * Does the shape's question, for the user, still lead to a filter of that
 * shape?  Then *filter (if not NULL) is it, good until the cache's version
 * changes.
 */
bool
AbacShapeFits(const AbacShape *shape, const AbacShapeUser *user, AbacFilter **filter)
{
	AbacString	name = shape->is_principal ? user->principal : ShapeUser(shape);
	AbacString	action = ShapeAction(shape);
	AbacFilter *found;
	Jsonb	   *ctx;

	if (shape->is_session_context)
		ctx = user->context;
	else
		ctx = memcpy(palloc(shape->ctx_size), shape->data, shape->ctx_size);

	found = AbacBeginFilter(shape->relation, true, name, action, ctx, NULL);
	AbacCacheEnd();
	if (found && !SameShape(found, shape) && found->as_of != shape->as_of)
	{
		/* windows may have opened or closed since the plan was made */
		found = AbacBeginFilter(shape->relation, true, name, action, ctx, &shape->as_of);
		AbacCacheEnd();
	}
	if (filter)
		*filter = found;
	return found && SameShape(found, shape);
}

/* Raise ERROR 40001, and see to it that the next time is another plan's. */
void
AbacPlanIsStale(const char *why)
{
	AbacReplanAll();
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not go on with a query after what it may see changed"),
			 errdetail("%s", why),
			 errhint("Run it again.")));
}

static int
FindSpan(const AbacFilter *filter, TimestampTz now)
{
	int			span = 0;

	while (span < filter->nspans - 1 && now > filter->boundaries[span])
		span++;
	return span;
}

/* Keep copies of the filter's values in the run's memory. */
static void
TakeSlots(Pin *pin)
{
	MemoryContext old = MemoryContextSwitchTo(pin->memory);

	pin->nslots = pin->filter->nslots;
	pin->slots = palloc(sizeof(AbacFilterSlot) * Max(pin->nslots, 1));
	for (int i = 0; i < pin->nslots; i++)
	{
		int16		length;
		bool		by_value;

		pin->slots[i] = pin->filter->slots[i];
		get_typlenbyval(pin->slots[i].type, &length, &by_value);
		if (!pin->slots[i].isnull)
			pin->slots[i].value = datumCopy(pin->slots[i].value, by_value, length);
	}
	MemoryContextSwitchTo(old);
}

/* Are the filter's values those of the run?  Its clock stays that of its beginning. */
static bool
SameSlots(const Pin *pin, const AbacFilter *filter)
{
	if (pin->nslots != filter->nslots)
		return false;
	for (int i = 0; i < pin->nslots; i++)
	{
		const AbacFilterSlot *a = &pin->slots[i];
		const AbacFilterSlot *b = &filter->slots[i];
		int16		length;
		bool		by_value;

		if (a->is_clock && b->is_clock)
			continue;
		get_typlenbyval(a->type, &length, &by_value);
		if (a->type != b->type || a->isnull != b->isnull ||
			(!a->isnull && !datumIsEqual(a->value, b->value, by_value, length)))
			return false;
	}
	return true;
}

/* Is what the run goes by still right?  ERROR 40001 if not. */
static void
Validate(Pin *pin, bool first)
{
	AbacShapeUser user = {AbacPrincipal(), NULL};
	bool		nobody = pin->shape->is_principal && user.principal.data == NULL;
	AbacFilter *filter = NULL;
	int			span;

	if (!first && nobody != pin->nobody)
		AbacPlanIsStale("The session's principal changed.");
	pin->nobody = nobody;
	if (!nobody)
	{
		/* a cursor may be fetched from a million times */
		MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "abac validation",
													  ALLOCSET_SMALL_SIZES);
		MemoryContext old = MemoryContextSwitchTo(scratch);
		bool		fits;

		if (pin->shape->is_session_context)
			user.context = AbacContext();
		fits = AbacShapeFits(pin->shape, &user, &filter);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(scratch);
		if (!fits)
			AbacPlanIsStale("The session's principal, or a policy that applies, changed.");
		pin->filter = filter;
		span = FindSpan(filter, AbacNow());
		if (first)
		{
			TakeSlots(pin);
			pin->span = span;
		}
		else if (span != pin->span || !SameSlots(pin, filter))
			AbacPlanIsStale("The session's principal, its attributes or memberships changed.");
	}
	pin->cache_version = nobody ? AbacCacheVersion : AbacCheckVersion;
	pin->principal_version = AbacPrincipalVersion;
	pin->statement = GetCurrentStatementStartTimestamp();
}

static void
Unpin(void *arg)
{
	dlist_delete(&((Pin *) arg)->node);
}

/* The run's pin for a shape: there already, or made now. */
static Pin *
FindPin(MemoryContext memory, const AbacShape *shape)
{
	dlist_iter	iter;
	Pin		   *pin;

	dlist_foreach(iter, &pins)
	{
		pin = dlist_container(Pin, node, iter.cur);
		if (pin->memory == memory && VARSIZE(pin->shape) == VARSIZE(shape) &&
			memcmp(pin->shape, shape, VARSIZE(shape)) == 0)
			return pin;
	}

	pin = MemoryContextAllocZero(memory, sizeof(Pin));
	pin->memory = memory;
	pin->shape = memcpy(MemoryContextAlloc(memory, VARSIZE(shape)), shape, VARSIZE(shape));
	if (shape->has_filter)
		Validate(pin, true);
	dlist_push_head(&pins, &pin->node);
	pin->callback.func = Unpin;
	pin->callback.arg = pin;
	MemoryContextRegisterResetCallback(memory, &pin->callback);

	if (!shape->has_filter || (pin->filter && pin->filter->asks_rows))
		AbacRunDepends(memory, true);
	else if (shape->is_principal)
		AbacRunsAroundDepend(memory);
	return pin;
}

static Use *
MakeUse(FunctionCallInfo fcinfo)
{
	MemoryContext memory = fcinfo->flinfo->fn_mcxt;
	Use		   *use;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("abac_shape must not be NULL")));
	use = MemoryContextAllocZero(memory, sizeof(Use));
	use->pin = FindPin(memory, (AbacShape *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0)));
	fcinfo->flinfo->fn_extra = use;
	return use;
}

static bool
IsRight(const Pin *pin)
{
	return pin->cache_version == AbacCacheVersion &&
		pin->principal_version == AbacPrincipalVersion &&
		pin->statement == GetCurrentStatementStartTimestamp();
}

/* The state of this call, with a pin that is right. */
static inline Use *
GetUse(FunctionCallInfo fcinfo)
{
	Use		   *use = fcinfo->flinfo->fn_extra;
	Pin		   *pin;

	if (unlikely(use == NULL))
		use = MakeUse(fcinfo);
	pin = use->pin;
	if (unlikely(!IsRight(pin)) && pin->shape->has_filter)
		Validate(pin, false);
	return use;
}

/* Has the query, whose memory that is, pins? */
bool
AbacHasPins(MemoryContext memory)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pins)
	{
		if (dlist_container(Pin, node, iter.cur)->memory == memory)
			return true;
	}
	return false;
}

/* A run of the query goes on: are its pins still right?  ERROR 40001 if not. */
void
AbacValidatePins(MemoryContext memory)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pins)
	{
		Pin		   *pin = dlist_container(Pin, node, iter.cur);

		if (pin->memory == memory && pin->shape->has_filter && !IsRight(pin))
			Validate(pin, false);
	}
}

/* Input of type abac_shape: there is none. */
Datum
abac_shape_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type abac_shape"),
			 errdetail("Only the planner makes them.")));
	PG_RETURN_VOID();
}

/* Output of type abac_shape, for EXPLAIN: the action, and who if it isn't the principal. */
Datum
abac_shape_out(PG_FUNCTION_ARGS)
{
	const AbacShape *shape = (AbacShape *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	AbacString	action = ShapeAction(shape);
	AbacString	user = ShapeUser(shape);

	if (shape->is_principal)
		PG_RETURN_CSTRING(pnstrdup(action.data, action.length));
	PG_RETURN_CSTRING(psprintf("%.*s as %.*s", action.length, action.data, user.length, user.data));
}

/*
 * abac_fits(shape, result, anything): the result if the shape is right, false
 * for nobody, else ERROR 40001.  The last argument makes it depend on the row.
 */
Datum
abac_fits(PG_FUNCTION_ARGS)
{
	Use		   *use = GetUse(fcinfo);

	if (use->pin->nobody)
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(PG_GETARG_BOOL(1));
}

/* abac_value(shape, slot, type): a value of the user's; NULL for nobody. */
Datum
abac_value(PG_FUNCTION_ARGS)
{
	Pin		   *pin = GetUse(fcinfo)->pin;
	int			slot = PG_GETARG_INT32(1);

	if (pin->nobody)
		PG_RETURN_NULL();
	if (slot < 0 || slot >= pin->nslots)
		elog(ERROR, "unrecognized slot: %d", slot);
	if (pin->slots[slot].isnull)
		PG_RETURN_NULL();
	return pin->slots[slot].value;
}

/* Put argument n to where attribute attnum is in a row. */
static void
TakeColumn(FunctionCallInfo fcinfo, Use *use, int n, AttrNumber attnum)
{
	if (attnum > use->natts)
	{
		MemoryContext memory = fcinfo->flinfo->fn_mcxt;
		int			natts = Max(attnum, use->natts * 2);

		use->values = use->values
			? repalloc(use->values, sizeof(Datum) * natts)
			: MemoryContextAlloc(memory, sizeof(Datum) * natts);
		use->nulls = use->nulls
			? repalloc(use->nulls, sizeof(bool) * natts)
			: MemoryContextAlloc(memory, sizeof(bool) * natts);
		for (int i = use->natts; i < natts; i++)
		{
			use->values[i] = (Datum) 0;
			use->nulls[i] = true;
		}
		use->natts = natts;
	}
	use->nulls[attnum - 1] = PG_ARGISNULL(n);
	if (!PG_ARGISNULL(n))
		use->values[attnum - 1] = PG_GETARG_DATUM(n);
}

static bool
IsOfRow(const AbacAttribute *attribute)
{
	return attribute->column != NULL || attribute->builtin == ABAC_BUILTIN_RESOURCE_ID;
}

/* Is the side, unless it is the row's, known from an earlier row? */
static bool
IsStillKnown(const Use *use, const AbacAttribute *attribute)
{
	return attribute == NULL || IsOfRow(attribute) || attribute->check == use->check_number;
}

/*
 * Find the leaf and look its known side up, in the memory of the run: that of a
 * row ends with it.
 */
static void
PrepareLeaf(FunctionCallInfo fcinfo, Use *use, int n)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

	if (n < 0 || n >= use->pin->filter->nleaves)
		elog(ERROR, "unrecognized leaf: %d", n);
	use->leaf = &use->pin->filter->leaves[n];
	if (PG_NARGS() - 2 != use->leaf->ncolumns)
		elog(ERROR, "wrong number of columns for leaf %d", n);
	use->leaf_version = AbacCheckVersion;
	use->leaf_now = AbacNow();
	use->request = use->leaf->place->request;
	use->row.relation = use->pin->filter->relation;
	AbacCheckBegin(&use->check, &use->request, &use->row, use->leaf->place->subject, use->leaf_now);
	use->check_number = use->check.number;
	if (!IsOfRow(use->leaf->leaf->attribute))
		AbacAttributeLookup(&use->check, use->leaf->leaf->attribute);
	if (use->leaf->leaf->reference && !IsOfRow(use->leaf->leaf->reference))
		AbacAttributeLookup(&use->check, use->leaf->leaf->reference);
	MemoryContextSwitchTo(old);
}

/* abac_leaf(shape, leaf, columns): the value of a condition; NULL = unknown. */
Datum
abac_leaf(PG_FUNCTION_ARGS)
{
	Use		   *use = GetUse(fcinfo);
	const AbacLeaf *leaf;
	AbacTruth	truth;
	bool		known;

	if (use->pin->nobody)
		PG_RETURN_NULL();
	if (use->leaf == NULL || use->leaf_version != AbacCacheVersion || use->leaf_now != AbacNow())
		PrepareLeaf(fcinfo, use, PG_GETARG_INT32(1));
	leaf = use->leaf->leaf;

	/* another leaf may have looked the same attribute up: then this row is a check of its own */
	known = IsStillKnown(use, leaf->attribute) && IsStillKnown(use, leaf->reference);
	use->check.number = use->check_number;
	if (!known)
		AbacCheckRenumber(&use->check);

	for (int i = 0; i < use->leaf->ncolumns; i++)
	{
		TakeColumn(fcinfo, use, 2 + i, use->leaf->columns[i]->attnum);
		if (use->leaf->columns[i] == use->row.relation->id)
		{
			use->row.values = use->values;
			use->row.nulls = use->nulls;
			use->request.id = AbacRowId(&use->row, use->row.relation->id);
		}
	}
	use->row.values = use->values;
	use->row.nulls = use->nulls;
	/* the row's are another's */
	if (IsOfRow(leaf->attribute))
		leaf->attribute->check = 0;
	if (leaf->reference && IsOfRow(leaf->reference))
		leaf->reference->check = 0;
	truth = AbacEvaluateLeaf(&use->check, leaf, NULL);
	if (truth == ABAC_UNKNOWN)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(truth == ABAC_TRUE);
}

/*
 * abac_row(shape, user, action, ctx, columns): what the row form returns for a
 * row with these columns, all that the table has, those that were dropped as
 * NULL.  user doesn't count where the shape is about the principal.
 */
Datum
abac_row(PG_FUNCTION_ARGS)
{
	Use		   *use = GetUse(fcinfo);
	const AbacShape *shape = use->pin->shape;
	AbacDecision decision;
	AbacString	user = shape->is_principal ? AbacPrincipal() : AbacArgText(fcinfo, 1);
	AbacString	action = AbacArgText(fcinfo, 2);
	Jsonb	   *ctx = NULL;

	if (shape->is_session_context)
		ctx = AbacContext();
	else if (!PG_ARGISNULL(3))
		ctx = PG_GETARG_JSONB_P(3);

	for (int i = 4; i < PG_NARGS(); i++)
		TakeColumn(fcinfo, use, i, i - 3);
	if (use->asker == NULL)
	{
		use->asker = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(AbacRowAsker));
		use->asker->parent = fcinfo->flinfo->fn_mcxt;
	}
	decision = AbacAskRow(use->asker, shape->relation, user, action, ctx, use->values, use->nulls);
	return AbacRowResult(fcinfo, &decision);
}
