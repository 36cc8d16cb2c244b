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
		case ABAC_PLAN_RULE:
			return AbacEvaluateRule(check, node->rule);
		case ABAC_PLAN_AND:
		case ABAC_PLAN_OR:
		case ABAC_PLAN_NOT:
			break;
	}

	if (node->check == check->number)
		return node->truth;
	if (node->kind == ABAC_PLAN_AND)
	{
		truth = ABAC_TRUE;
		for (int i = 0; i < node->nchildren && truth != ABAC_FALSE; i++)
		{
			AbacTruth	child = AbacPlanNodeTruth(check, node->children[i]);

			truth = Min(truth, child);
		}
	}
	else
	{
		truth = ABAC_FALSE;
		for (int i = 0; i < node->nchildren && truth != ABAC_TRUE; i++)
		{
			AbacTruth	child = AbacPlanNodeTruth(check, node->children[i]);

			truth = Max(truth, child);
		}
		if (node->kind == ABAC_PLAN_NOT)
			truth = AbacNot(truth);
	}
	node->truth = truth;
	node->check = check->number;
	return truth;
}

/* Is one of the policy's deny rules in force not false? */
static bool
DenyRuleBinds(AbacCheck *check, const AbacPlanPolicy *policy)
{
	for (int i = 0; i < policy->ndeny; i++)
	{
		if (AbacEvaluateRule(check, policy->deny[i]) != ABAC_FALSE)
			return true;
	}
	return false;
}

/* Kleene's AND of the policy's groups; without groups, false. */
static AbacTruth
PolicyTruth(AbacCheck *check, const AbacPlanPolicy *policy)
{
	AbacTruth	truth = policy->ngroups > 0 ? ABAC_TRUE : ABAC_FALSE;

	if (policy->broken)
		return ABAC_UNKNOWN;
	for (int i = 0; i < policy->ngroups && truth != ABAC_FALSE; i++)
	{
		AbacTruth	group = AbacPlanNodeTruth(check, policy->groups[i]);

		truth = Min(truth, group);
	}
	return truth;
}

/* What one policy says (DESIGN §5, step 5). */
AbacOutcome
AbacPolicyOutcome(AbacCheck *check, const AbacPlanPolicy *policy)
{
	AbacEffect	effect = policy->policy->effect;
	AbacEffect	default_effect = policy->policy->default_effect;
	AbacOutcome outcome = {PolicyTruth(check, policy), ABAC_EFFECT_NONE, false};

	if (!policy->targeted && policy->broken == NULL)
		return outcome;

	switch (outcome.value)
	{
		case ABAC_TRUE:
			if (effect == ABAC_EFFECT_DENY || DenyRuleBinds(check, policy))
				outcome.effect = ABAC_EFFECT_DENY;
			else
				outcome.effect = ABAC_EFFECT_ALLOW;
			break;

		case ABAC_UNKNOWN:
			if (effect == ABAC_EFFECT_DENY || default_effect == ABAC_EFFECT_DENY ||
				DenyRuleBinds(check, policy))
				outcome.effect = ABAC_EFFECT_DENY;
			break;

		case ABAC_FALSE:
			if (default_effect == ABAC_EFFECT_DENY)
			{
				outcome.effect = ABAC_EFFECT_DENY;
				outcome.is_default = true;
			}
			else if (default_effect == ABAC_EFFECT_ALLOW && policy->complete)
			{
				if (DenyRuleBinds(check, policy))
					outcome.effect = ABAC_EFFECT_DENY;
				else
				{
					outcome.effect = ABAC_EFFECT_ALLOW;
					outcome.is_default = true;
				}
			}
			break;
	}

	/* a scope assignment lets an allow through for members only */
	if (outcome.effect == ABAC_EFFECT_ALLOW && !policy->candidate->allow)
		outcome.effect = ABAC_EFFECT_NONE;
	return outcome;
}

/*
 * How much an outcome counts among those of one priority: deny wins, and an
 * explicit one is named before a default.
 */
static int
OutcomeRank(AbacOutcome outcome)
{
	if (outcome.effect == ABAC_EFFECT_NONE)
		return 0;
	return (outcome.effect == ABAC_EFFECT_DENY ? 3 : 1) + !outcome.is_default;
}

/*
 * The first priority with an outcome decides.  Fills *decision and returns its
 * effect; NONE, and *decision is untouched, when no policy has an outcome.
 */
static AbacEffect
DecideByPolicies(AbacCheck *check, const AbacPlan *plan, bool platform_only,
				 AbacDecision *decision)
{
	AbacOutcome best = {ABAC_FALSE, ABAC_EFFECT_NONE, false};
	const AbacPolicy *best_policy = NULL;

	for (int i = 0; i < plan->neffective; i++)
	{
		const AbacPlanPolicy *policy = plan->effective[i];
		AbacOutcome outcome;

		if (platform_only && policy->policy->organization.data)
			continue;
		if (best_policy && policy->policy->priority < best_policy->priority)
			break;
		outcome = AbacPolicyOutcome(check, policy);
		if (OutcomeRank(outcome) > OutcomeRank(best))
		{
			best = outcome;
			best_policy = policy->policy;
		}
	}
	if (best_policy == NULL)
		return ABAC_EFFECT_NONE;

	decision->allowed = best.effect == ABAC_EFFECT_ALLOW;
	decision->policy = best_policy;
	if (best.is_default)
		decision->reason = ABAC_REASON_POLICY_DEFAULT;
	else
		decision->reason = decision->allowed ? ABAC_REASON_POLICY_ALLOW : ABAC_REASON_POLICY_DENY;
	return best.effect;
}

/* The value of legacy conditions: unconditional is true, broken unknown. */
AbacTruth
AbacProgramTruth(AbacCheck *check, const AbacProgram *program, const AbacError *error)
{
	if (error)
		return ABAC_UNKNOWN;
	return program ? AbacEvaluateProgram(check, program) : ABAC_TRUE;
}

/* Legacy rules, by priority as policies are; NULL when none has an outcome. */
static const AbacPolicyRule *
DecideByPolicyRules(AbacCheck *check, const AbacPlan *plan)
{
	const AbacPolicyRule *best = NULL;

	for (int i = 0; i < plan->nlegacy; i++)
	{
		const AbacPolicyRule *rule = plan->legacy[i];
		AbacTruth	truth;

		if (best && (rule->priority < best->priority || best->effect == ABAC_EFFECT_DENY))
			break;
		truth = AbacProgramTruth(check, rule->program, rule->error);
		if (rule->effect == ABAC_EFFECT_DENY)
		{
			if (truth != ABAC_FALSE)
				best = rule;
		}
		else if (truth == ABAC_TRUE && best == NULL &&
				 plan->subject->member[ABAC_SCOPE_ORGANIZATION])
			best = rule;
	}
	return best;
}

/*
 * The abac_conditions of one of the grant's matching permissions: every AND
 * one and, where there are OR ones, any of those.
 */
AbacTruth
AbacConditionsTruth(AbacCheck *check, const AbacGrant *grant, int permission)
{
	AbacTruth	all = ABAC_TRUE;
	AbacTruth	any = ABAC_FALSE;
	bool		has_or = false;

	for (int i = 0; i < grant->nconditions; i++)
	{
		const AbacCondition *condition = &grant->conditions[i];
		AbacTruth	truth;

		if (condition->permission != permission)
			continue;
		truth = AbacProgramTruth(check, condition->program, condition->error);
		if (condition->is_or)
		{
			has_or = true;
			any = Max(any, truth);
		}
		else
			all = Min(all, truth);
	}
	return has_or ? Min(all, any) : all;
}

/* The first role that grants, or NULL. */
static const AbacPlanGrant *
DecideByRoles(AbacCheck *check, const AbacPlan *plan)
{
	for (int i = 0; i < plan->ngrants; i++)
	{
		const AbacGrant *grant = plan->grants[i].grant;
		bool		holds = true;

		for (int j = 0; j < grant->matching->npermissions && holds; j++)
			holds = AbacConditionsTruth(check, grant, j) == ABAC_TRUE;
		if (holds)
			return &plan->grants[i];
	}
	return NULL;
}

/* The steps of DESIGN §5, one after the other. */
AbacDecision
AbacDecide(AbacCheck *check, const AbacPlan *plan)
{
	AbacDecision decision = {.allowed = false, .reason = ABAC_REASON_NO_MATCH};
	AbacDecision platform = decision;
	const AbacPolicyRule *policy_rule;
	const AbacPlanGrant *grant;

	/* 1 */
	if (plan->mismatch)
	{
		decision.reason = ABAC_REASON_SCOPE_MISMATCH;
		return decision;
	}
	if (plan->subject->super_admin)
	{
		decision.allowed = true;
		decision.reason = ABAC_REASON_SUPER_ADMIN;
		decision.role = plan->subject->super_admin;
		return decision;
	}

	/* 2 */
	if (plan->user_deny)
	{
		decision.reason = ABAC_REASON_USER_DENY;
		decision.user_permission = plan->user_deny;
		return decision;
	}

	/* 3 */
	if (plan->user_allow)
	{
		decision.allowed = true;
		decision.reason = ABAC_REASON_USER_ALLOW;
		decision.user_permission = plan->user_allow;
		return decision;
	}
	decision.policies_asked = platform.policies_asked = true;
	if (plan->platform_can_deny &&
		DecideByPolicies(check, plan, true, &platform) == ABAC_EFFECT_DENY)
		return platform;
	if (plan->user_allow_in_scope)
	{
		decision.allowed = true;
		decision.reason = ABAC_REASON_USER_ALLOW;
		decision.user_permission = plan->user_allow_in_scope;
		return decision;
	}

	/* 4 was the plan's, 5 */
	if (DecideByPolicies(check, plan, false, &decision) != ABAC_EFFECT_NONE)
		return decision;

	/* 6 */
	policy_rule = DecideByPolicyRules(check, plan);
	if (policy_rule && policy_rule->effect == ABAC_EFFECT_DENY)
	{
		decision.reason = ABAC_REASON_LEGACY_DENY;
		decision.policy_rule = policy_rule;
		return decision;
	}
	grant = DecideByRoles(check, plan);
	if (grant)
	{
		decision.allowed = true;
		decision.reason = ABAC_REASON_ROLE_ALLOW;
		decision.role = grant->role;
		decision.grant = grant->grant;
		return decision;
	}
	if (policy_rule)
	{
		decision.allowed = true;
		decision.reason = ABAC_REASON_LEGACY_ALLOW;
		decision.policy_rule = policy_rule;
	}

	/* 7 */
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
	AbacPlan   *plan;

	AbacCacheBegin();
	plan = AbacGetPlan(request, now);

	if (!AbacCacheIsConsistent())
	{
		AbacCacheEnd();
		AbacCacheForget();
		AbacCacheBegin();
		plan = AbacGetPlan(request, now);
	}
	return plan;
}

static AbacDecision
Decide(AbacString user, AbacString action, AbacString resource, Jsonb *ctx)
{
	AbacDecision decision = {.allowed = false, .reason = ABAC_REASON_INVALID_REQUEST};
	AbacRequest request;
	AbacCheck	check;
	AbacPlan   *plan;
	TimestampTz now;

	if (!AbacRequestParse(&request, user, action, resource, ctx))
		return decision;

	now = AbacNow();
	plan = AbacBeginRequest(&request, now);
	AbacCheckBegin(&check, &request, plan->subject, now);
	decision = AbacDecide(&check, plan);
	AbacCacheEnd();
	return decision;
}

/* The arguments action, resource and ctx, from n on, for somebody. */
static AbacDecision
DecideArgs(FunctionCallInfo fcinfo, AbacString user, int n)
{
	return Decide(user, AbacArgText(fcinfo, n), AbacArgText(fcinfo, n + 1),
				  PG_ARGISNULL(n + 2) ? NULL : PG_GETARG_JSONB_P(n + 2));
}

static Datum
Require(FunctionCallInfo fcinfo, AbacString user)
{
	AbacDecision decision = DecideArgs(fcinfo, user, 1);

	if (!decision.allowed)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied by policy"),
				 errdetail("%s", AbacReasonName(decision.reason))));
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
	PG_RETURN_BOOL(DecideArgs(fcinfo, AbacPrincipal(), 0).allowed);
}
