/*
 * decide.c
 *	  The decision (DESIGN §5), and the functions that ask for it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "cache.h"
#include "decide.h"
#include "principal.h"
#include "run.h"
#include "settle.h"
#include "stats.h"

PG_FUNCTION_INFO_V1(abac_check);
PG_FUNCTION_INFO_V1(abac_check_uuid);
PG_FUNCTION_INFO_V1(abac_check_bigint);
PG_FUNCTION_INFO_V1(abac_require);
PG_FUNCTION_INFO_V1(abac_require_uuid);
PG_FUNCTION_INFO_V1(abac_require_bigint);
PG_FUNCTION_INFO_V1(abac_can);

/* In the order of AbacReason. */
static const char *const reason_names[] = {
	"no_match",
	"invalid_request",
	"scope_mismatch",
	"super_admin",
	"user_deny",
	"user_allow",
	"policy_deny",
	"policy_allow",
	"policy_default",
	"legacy_deny",
	"legacy_allow",
	"role_allow"
};

/* The reason's word of DESIGN §5; a constant. */
const char *
AbacReasonName(AbacReason reason)
{
	return reason_names[reason];
}

/* The value of a group or rule of a plan. */
AbacTruth
AbacPlanNodeTruth(AbacCheck *check, AbacPlanNode *node)
{
	AbacTruth	truth;

	switch (node->kind)
	{
		case ABAC_PLAN_CONSTANT:
			return node->constant;
		case ABAC_PLAN_CONDITIONS:
			return AbacEvaluateConditions(check, node->conditions);
		default:
			break;
	}

	if (node->check == check->number)
		return node->truth;
	switch (node->kind)
	{
		case ABAC_PLAN_LEAF:
			CHECK_FOR_INTERRUPTS();
			truth = AbacEvaluateLeaf(check, node->leaf, node->known);
			break;
		case ABAC_PLAN_AND:
			truth = ABAC_TRUE;
			for (int i = 0; i < node->nchildren && truth != ABAC_FALSE; i++)
			{
				AbacTruth	child = AbacPlanNodeTruth(check, node->children[i]);

				truth = Min(truth, child);
			}
			break;
		case ABAC_PLAN_OR:
		case ABAC_PLAN_NOT:
			truth = ABAC_FALSE;
			for (int i = 0; i < node->nchildren && truth != ABAC_TRUE; i++)
			{
				AbacTruth	child = AbacPlanNodeTruth(check, node->children[i]);

				truth = Max(truth, child);
			}
			if (node->kind == ABAC_PLAN_NOT)
				truth = AbacNot(truth);
			break;
		case ABAC_PLAN_TEST:
			truth = AbacTruthOf(node->test & (1 << AbacPlanNodeTruth(check, node->children[0])));
			break;
		default:
			elog(ERROR, "unrecognized plan node: %d", (int) node->kind);
	}
	node->truth = truth;
	node->check = check->number;
	return truth;
}

static bool
IsTrue(AbacCheck *check, AbacPlanNode *node)
{
	return node && AbacPlanNodeTruth(check, node) == ABAC_TRUE;
}

/* What one policy says, for the explanation (DESIGN §5, step 5). */
AbacOutcome
AbacPolicyOutcome(AbacCheck *check, const AbacPlanPolicy *policy)
{
	AbacOutcome outcome = {AbacPlanNodeTruth(check, policy->value), ABAC_EFFECT_NONE, false};

	if (IsTrue(check, policy->deny_if))
		outcome.effect = ABAC_EFFECT_DENY;
	else if (IsTrue(check, policy->deny_by_default_if))
	{
		outcome.effect = ABAC_EFFECT_DENY;
		outcome.is_default = true;
	}
	else if (IsTrue(check, policy->allow_if))
		outcome.effect = ABAC_EFFECT_ALLOW;
	else if (IsTrue(check, policy->allow_by_default_if))
	{
		outcome.effect = ABAC_EFFECT_ALLOW;
		outcome.is_default = true;
	}
	return outcome;
}

/* Does ctx name a scope that isn't the row's? */
bool
AbacScopeContradicts(const AbacRequest *request, const AbacPlan *plan)
{
	for (int i = 0; request->relation && i < ABAC_NSCOPES; i++)
	{
		if (request->ctx_scope[i].data &&
			!AbacStringEqual(request->ctx_scope[i], plan->subject->scope[i]))
			return true;
	}
	return false;
}

static AbacDecision
DecideBy(const AbacStep *step)
{
	AbacDecision decision = {
		.allowed = step->kind != ABAC_STEP_DENY,
		.ground = step->ground
	};

	return decision;
}

/* Follow the plan's steps, as far as they aren't settled, to the one that decides. */
static AbacDecision
FollowPlan(AbacCheck *check, AbacPlan *plan)
{
	AbacDecision decision = {.allowed = false, .ground.reason = ABAC_REASON_NO_MATCH};
	const AbacStep *held = NULL;

	if (plan->mismatch || AbacScopeContradicts(check->request, plan))
	{
		decision.ground.reason = ABAC_REASON_SCOPE_MISMATCH;
		return decision;
	}

	AbacSettlePlan(check, plan);
	for (int i = 0; i < plan->nsettled;)
	{
		const AbacStep *step = &plan->settled[i];
		AbacTruth	truth = step->test ? AbacPlanNodeTruth(check, step->test) : ABAC_TRUE;

		i++;
		if (truth == ABAC_UNKNOWN)
			decision.maybe = true;
		if (truth != ABAC_TRUE)
			continue;
		if (step->kind == ABAC_STEP_DENY || step->kind == ABAC_STEP_ALLOW)
			return DecideBy(step);
		if (step->kind == ABAC_STEP_HOLD)
			held = step;
		i = step->target;
	}
	return held ? DecideBy(held) : decision;
}

/* The decision; the plan is AbacGetPlan()'s for the check's request. */
AbacDecision
AbacDecide(AbacCheck *check, AbacPlan *plan)
{
	AbacDecision decision;

	AbacStatsDecide();
	decision = FollowPlan(check, plan);
	AbacStatsDecided(check->request);
	return decision;
}

/*
 * "Now" of DESIGN §4: the same all through a statement, also in parallel
 * workers; and going on after a COMMIT in a procedure, where the statement's
 * time stands still.
 */
TimestampTz
AbacNow(void)
{
	return Max(GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp());
}

/*
 * Begin a check: the plan for the request, from a cache that holds nothing
 * stale.  End with AbacCacheEnd().
 */
AbacPlan *
AbacBeginRequest(const AbacRequest *request, TimestampTz now)
{
	for (;;)
	{
		AbacPlan   *plan;

		AbacCacheBegin();
		plan = AbacGetPlan(request, now);
		if (AbacCacheIsConsistent())
			return plan;
		AbacCacheEnd();
	}
}

static AbacDecision
Decide(AbacString user, AbacString action, AbacString resource, Jsonb *ctx)
{
	AbacDecision decision = {.allowed = false, .ground.reason = ABAC_REASON_INVALID_REQUEST};
	AbacRequest request;
	AbacCheck	check;
	AbacPlan   *plan;
	TimestampTz now;

	if (!AbacRequestParse(&request, user, action, resource, ctx))
		return decision;

	now = AbacNow();
	plan = AbacBeginRequest(&request, now);
	AbacCheckBegin(&check, &request, NULL, plan->subject, now);
	decision = AbacDecide(&check, plan);
	AbacCacheEnd();
	return decision;
}

/* The arguments action, resource and ctx, from n on, for somebody. */
static AbacDecision
DecideArgs(FunctionCallInfo fcinfo, AbacString user, int n)
{
	AbacSmallJsonb space;

	return Decide(user, AbacArgText(fcinfo, n), AbacArgText(fcinfo, n + 1),
				  AbacArgJsonb(fcinfo, n + 2, &space));
}

/* Raise ERROR 42501 unless it is allowed. */
void
AbacRequire(const AbacDecision *decision)
{
	if (!decision->allowed)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied by policy"),
				 errdetail("%s", AbacReasonName(decision->ground.reason))));
}

static Datum
Require(FunctionCallInfo fcinfo, AbacString user)
{
	AbacDecision decision = DecideArgs(fcinfo, user, 1);

	AbacRequire(&decision);
	PG_RETURN_BOOL(true);
}

/* abac_check(user, action, resource, ctx): one function per type of the user's id. */
Datum
abac_check(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DecideArgs(fcinfo, AbacArgText(fcinfo, 0), 1).allowed);
}

Datum
abac_check_uuid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DecideArgs(fcinfo, AbacArgUuid(fcinfo, 0), 1).allowed);
}

Datum
abac_check_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DecideArgs(fcinfo, AbacArgBigint(fcinfo, 0), 1).allowed);
}

/* abac_require(user, action, resource, ctx): true, or an error. */
Datum
abac_require(PG_FUNCTION_ARGS)
{
	return Require(fcinfo, AbacArgText(fcinfo, 0));
}

Datum
abac_require_uuid(PG_FUNCTION_ARGS)
{
	return Require(fcinfo, AbacArgUuid(fcinfo, 0));
}

Datum
abac_require_bigint(PG_FUNCTION_ARGS)
{
	return Require(fcinfo, AbacArgBigint(fcinfo, 0));
}

/* abac_can(action, resource, ctx): the session's principal asks about itself. */
Datum
abac_can(PG_FUNCTION_ARGS)
{
	if (AbacRunIsFree)
		AbacRunsAroundDepend(NULL);
	PG_RETURN_BOOL(DecideArgs(fcinfo, AbacPrincipal(), 0).allowed);
}
