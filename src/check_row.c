/*
 * check_row.c
 *	  The row form of a check: the resource is a row of a registered table
 *	  (DESIGN §7).
 *
 * This is the form that asks the whole decision about one row.  Where the
 * planner knows enough, rewrite.c puts an expression in its place.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "cache.h"
#include "check_row.h"
#include "principal.h"
#include "run.h"
#include "stats.h"

PG_FUNCTION_INFO_V1(abac_check_row);
PG_FUNCTION_INFO_V1(abac_check_row_uuid);
PG_FUNCTION_INFO_V1(abac_check_row_bigint);
PG_FUNCTION_INFO_V1(abac_require_row);
PG_FUNCTION_INFO_V1(abac_require_row_uuid);
PG_FUNCTION_INFO_V1(abac_require_row_bigint);
PG_FUNCTION_INFO_V1(abac_can_row);

/*
 * Begin a check about a row whose values and nulls are set: the plan, from a
 * cache that holds nothing stale; fills the request and row->relation.  End
 * with AbacCacheEnd().  NULL for an invalid request, and then there is nothing
 * to end.  ERROR 42809 when the table isn't registered, 22023 for a malformed
 * ctx.
 */
AbacPlan *
AbacBeginRow(AbacRequest *request, AbacResourceRow *row, Oid relation,
			 AbacString user, AbacString action, Jsonb *ctx, TimestampTz now)
{
	AbacPlan   *plan;

	for (;;)
	{
		AbacCacheBegin();
		row->relation = AbacGetRelation(relation, false);
		plan = NULL;
		if (AbacRequestParseRelation(request, user, action, row->relation, ctx) &&
			AbacRequestSetRow(request, row))
			plan = AbacGetPlan(request, now);
		if (AbacCacheIsConsistent())
			break;
		AbacCacheEnd();
	}
	if (plan == NULL)
		AbacCacheEnd();
	return plan;
}

/* Do the question and the time that the asker knows plans for still hold? */
static bool
SameQuestion(const AbacRowAsker *asker, AbacString user, AbacString action, const Jsonb *ctx)
{
	return asker->memory != NULL && asker->cache_version == AbacCacheVersion &&
		asker->principal_version == AbacPrincipalVersion &&
		asker->statement == GetCurrentStatementStartTimestamp() &&
		AbacStringEqual(asker->request.user, user) &&
		AbacStringEqual(asker->request.action, action) &&
		VARSIZE(asker->ctx) == VARSIZE(ctx) && memcmp(asker->ctx, ctx, VARSIZE(ctx)) == 0;
}

static int
HashScope(const AbacString *scope)
{
	uint32		hash = 0;

	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (scope[i].data)
			hash = hash_combine(hash, hash_bytes((const unsigned char *) scope[i].data, scope[i].length));
	}
	return hash % ABAC_ASKER_PLANS;
}

/* Know the plan for the next row in that scope, of the same question. */
static void
KeepPlan(AbacRowAsker *asker, const AbacRequest *request, AbacPlan *plan, Jsonb *ctx)
{
	if (!SameQuestion(asker, request->user, request->action, ctx))
	{
		MemoryContext old;

		if (asker->memory == NULL)
			asker->memory = AllocSetContextCreate(asker->parent, "abac asker", ALLOCSET_SMALL_SIZES);
		else
			MemoryContextReset(asker->memory);
		old = MemoryContextSwitchTo(asker->memory);
		memset(asker->plans, 0, sizeof(asker->plans));
		asker->user = AbacStringToCString(request->user);
		asker->action = AbacStringToCString(request->action);
		asker->ctx = palloc(VARSIZE(ctx));
		memcpy(asker->ctx, ctx, VARSIZE(ctx));
		/* here, since an id that is a number becomes text */
		(void) AbacRequestParseRelation(&asker->request, AbacStringOf(asker->user),
										AbacStringOf(asker->action), request->relation, asker->ctx);
		MemoryContextSwitchTo(old);
		asker->cache_version = AbacCheckVersion;
		asker->principal_version = AbacPrincipalVersion;
		asker->statement = GetCurrentStatementStartTimestamp();
	}
	asker->plans[HashScope(request->scope)] = plan;
}

static bool
SameScope(const AbacString *a, const AbacString *b)
{
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (!AbacStringEqual(a[i], b[i]))
			return false;
	}
	return true;
}

/*
 * The decision about a row whose values and nulls these are, by attribute
 * number - 1.  Plans are remembered from row to row, as long as nothing is
 * invalidated and no new statement begins.
 */
AbacDecision
AbacAskRow(AbacRowAsker *asker, Oid relation, AbacString user, AbacString action, Jsonb *ctx,
		   const Datum *values, const bool *nulls)
{
	AbacDecision decision = {.allowed = false, .ground.reason = ABAC_REASON_INVALID_REQUEST};
	AbacResourceRow row = {.values = values, .nulls = nulls};
	TimestampTz now = AbacNow();
	AbacRequest request;
	AbacPlan   *plan;
	AbacCheck	check;

	if (user.data == NULL || user.length == 0 || action.data == NULL || action.length == 0)
		return decision;
	if (ctx && SameQuestion(asker, user, action, ctx))
	{
		request = asker->request;
		row.relation = request.relation;
		if (!AbacRequestSetRow(&request, &row))
			return decision;
		plan = asker->plans[HashScope(request.scope)];
		if (plan && SameScope(plan->scope, request.scope) &&
			now >= plan->span.from && now <= plan->span.until)
		{
			AbacStatsBegin();
			AbacCheckBegin(&check, &request, &row, plan->subject, now);
			return AbacDecide(&check, plan);
		}
	}

	plan = AbacBeginRow(&request, &row, relation, user, action, ctx, now);
	if (plan)
	{
		AbacCheckBegin(&check, &request, &row, plan->subject, now);
		decision = AbacDecide(&check, plan);
		KeepPlan(asker, &request, plan, ctx);
		AbacCacheEnd();
	}
	return decision;
}

/* Take a record apart: the table that it is a row of, in values and nulls. */
static Oid
TakeRecord(Datum record, Datum **values, bool **nulls)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(record);
	Oid			type = HeapTupleHeaderGetTypeId(header);
	TupleDesc	desc = lookup_rowtype_tupdesc(type, HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	*values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	*nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	heap_deform_tuple(&tuple, desc, *values, *nulls);
	ReleaseTupleDesc(desc);
	return get_typ_typrelid(getBaseType(type));
}

/*
 * AbacBeginRow() for the arguments action, row and ctx, from n on, about
 * somebody.
 */
AbacPlan *
AbacBeginRowArgs(FunctionCallInfo fcinfo, AbacString user, int n, TimestampTz now,
				 AbacRequest *request, AbacResourceRow *row)
{
	AbacString	action = AbacArgText(fcinfo, n);
	Datum	   *values;
	bool	   *nulls;
	Oid			relation;

	/* before anything else, also before the table is looked at */
	memset(request, 0, sizeof(*request));
	request->user = user;
	request->action = action;
	if (user.data == NULL || user.length == 0 || action.data == NULL || action.length == 0 ||
		PG_ARGISNULL(n + 1))
		return NULL;

	relation = TakeRecord(PG_GETARG_DATUM(n + 1), &values, &nulls);
	row->values = values;
	row->nulls = nulls;
	return AbacBeginRow(request, row, relation, user, action,
						PG_ARGISNULL(n + 2) ? NULL : PG_GETARG_JSONB_P(n + 2), now);
}

/*
 * What the row form returns: true when allowed; NULL when nothing matched but
 * something unknown could have allowed; else false (DESIGN §7).
 */
Datum
AbacRowResult(FunctionCallInfo fcinfo, const AbacDecision *decision)
{
	if (!decision->allowed && decision->ground.reason == ABAC_REASON_NO_MATCH && decision->maybe)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(decision->allowed);
}

static AbacDecision
DecideRow(FunctionCallInfo fcinfo, AbacString user, int n)
{
	AbacDecision decision = {.allowed = false, .ground.reason = ABAC_REASON_INVALID_REQUEST};
	AbacRequest request;
	AbacResourceRow row;
	AbacPlan   *plan;
	AbacCheck	check;

	if (fcinfo->flinfo && fcinfo->flinfo->fn_extra == NULL)
	{
		AbacRunDepends(fcinfo->flinfo->fn_mcxt, true);
		fcinfo->flinfo->fn_extra = fcinfo;	/* not NULL, that is all */
	}
	plan = AbacBeginRowArgs(fcinfo, user, n, AbacNow(), &request, &row);
	if (plan)
	{
		AbacCheckBegin(&check, &request, &row, plan->subject, AbacNow());
		decision = AbacDecide(&check, plan);
		AbacCacheEnd();
	}
	return decision;
}

static Datum
CheckRow(FunctionCallInfo fcinfo, AbacString user, int n)
{
	AbacDecision decision = DecideRow(fcinfo, user, n);

	return AbacRowResult(fcinfo, &decision);
}

static Datum
RequireRow(FunctionCallInfo fcinfo, AbacString user)
{
	AbacDecision decision = DecideRow(fcinfo, user, 1);

	AbacRequire(&decision);
	PG_RETURN_BOOL(true);
}

/* abac_check(user, action, row, ctx): one function per type of the user's id. */
Datum
abac_check_row(PG_FUNCTION_ARGS)
{
	return CheckRow(fcinfo, AbacArgText(fcinfo, 0), 1);
}

Datum
abac_check_row_uuid(PG_FUNCTION_ARGS)
{
	return CheckRow(fcinfo, AbacArgUuid(fcinfo, 0), 1);
}

Datum
abac_check_row_bigint(PG_FUNCTION_ARGS)
{
	return CheckRow(fcinfo, AbacArgBigint(fcinfo, 0), 1);
}

/* abac_require(user, action, row, ctx): true, or an error. */
Datum
abac_require_row(PG_FUNCTION_ARGS)
{
	return RequireRow(fcinfo, AbacArgText(fcinfo, 0));
}

Datum
abac_require_row_uuid(PG_FUNCTION_ARGS)
{
	return RequireRow(fcinfo, AbacArgUuid(fcinfo, 0));
}

Datum
abac_require_row_bigint(PG_FUNCTION_ARGS)
{
	return RequireRow(fcinfo, AbacArgBigint(fcinfo, 0));
}

/* abac_can(action, row, ctx): the session's principal asks about itself. */
Datum
abac_can_row(PG_FUNCTION_ARGS)
{
	return CheckRow(fcinfo, AbacPrincipal(), 0);
}
