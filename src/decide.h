/*
 * decide.h
 *	  The decision (DESIGN §5).
 */
#ifndef ABAC_DECIDE_H
#define ABAC_DECIDE_H

#include "abac.h"
#include "evaluate.h"
#include "plan.h"

#include "fmgr.h"

/* The outcome of one policy, and what its groups came to. */
typedef struct AbacOutcome
{
	AbacTruth	value;
	AbacEffect	effect;			/* NONE = no outcome */
	bool		is_default;		/* by default_effect */
} AbacOutcome;

/* Pointers are into the cache. */
typedef struct AbacDecision
{
	bool		allowed;
	AbacGround	ground;
	bool		maybe;			/* no match, but something that is unknown could have allowed */
} AbacDecision;

extern AbacTruth AbacPlanNodeTruth(AbacCheck *check, AbacPlanNode *node);
extern AbacOutcome AbacPolicyOutcome(AbacCheck *check, const AbacPlanPolicy *policy);
extern AbacDecision AbacDecide(AbacCheck *check, AbacPlan *plan);
extern void AbacRequire(const AbacDecision *decision);
extern const char *AbacReasonName(AbacReason reason);

extern TimestampTz AbacNow(void);
extern AbacPlan *AbacBeginRequest(const AbacRequest *request, TimestampTz now);
extern bool AbacScopeContradicts(const AbacRequest *request, const AbacPlan *plan);

#endif							/* ABAC_DECIDE_H */
