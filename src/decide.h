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

typedef enum AbacReason
{
	ABAC_REASON_NO_MATCH,
	ABAC_REASON_INVALID_REQUEST,
	ABAC_REASON_SCOPE_MISMATCH,
	ABAC_REASON_SUPER_ADMIN,
	ABAC_REASON_USER_DENY,
	ABAC_REASON_USER_ALLOW,
	ABAC_REASON_POLICY_DENY,
	ABAC_REASON_POLICY_ALLOW,
	ABAC_REASON_POLICY_DEFAULT,
	ABAC_REASON_LEGACY_DENY,
	ABAC_REASON_LEGACY_ALLOW,
	ABAC_REASON_ROLE_ALLOW
} AbacReason;

/* The outcome of one policy, and what its groups came to. */
typedef struct AbacOutcome
{
	AbacTruth	value;
	AbacEffect	effect;			/* NONE = no outcome */
	bool		is_default;		/* by default_effect */
} AbacOutcome;

/* Pointers are into the cache; what doesn't belong to the reason is NULL. */
typedef struct AbacDecision
{
	bool		allowed;
	AbacReason	reason;
	const AbacUserPermission *user_permission;
	const AbacPolicy *policy;
	const AbacPolicyRule *policy_rule;
	const AbacRole *role;
	const AbacGrant *grant;
	bool		policies_asked; /* did the decision get as far as the policies? */
} AbacDecision;

extern AbacTruth AbacPlanNodeTruth(AbacCheck *check, AbacPlanNode *node);
extern AbacOutcome AbacPolicyOutcome(AbacCheck *check, const AbacPlanPolicy *policy);
extern AbacTruth AbacProgramTruth(AbacCheck *check, const AbacProgram *program,
								  const AbacError *error);
extern AbacTruth AbacConditionsTruth(AbacCheck *check, const AbacGrant *grant, int permission);
extern AbacDecision AbacDecide(AbacCheck *check, const AbacPlan *plan);
extern const char *AbacReasonName(AbacReason reason);

extern TimestampTz AbacNow(void);
extern AbacPlan *AbacBeginRequest(const AbacRequest *request, TimestampTz now);

#endif							/* ABAC_DECIDE_H */
