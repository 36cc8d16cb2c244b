/*
 * plan.h
 *	  What can decide one kind of request: a subject, a resource type and an
 *	  action (DESIGN §5).
 */
#ifndef ABAC_PLAN_H
#define ABAC_PLAN_H

#include "abac.h"
#include "policy.h"
#include "request.h"
#include "subject.h"

typedef enum AbacPlanNodeKind
{
	ABAC_PLAN_CONSTANT,			/* settled when the plan was made */
	ABAC_PLAN_RULE,				/* in force, and its target is this request */
	ABAC_PLAN_AND,
	ABAC_PLAN_OR,
	ABAC_PLAN_NOT				/* of the OR of its children */
} AbacPlanNodeKind;

/*
 * A group or rule of a policy.  Groups may share members, so this is a graph
 * without cycles; a group's value is worked out once a check.
 */
typedef struct AbacPlanNode
{
	AbacPlanNodeKind kind;
	AbacRule   *rule;			/* of a rule, also where it is constant */
	AbacGroup  *group;			/* of a group, also where it is constant */
	AbacTruth	constant;
	const char *why;			/* it is constant, or broken; or NULL */
	int			height;			/* levels of groups from here down */
	int			nchildren;
	struct AbacPlanNode **children;

	uint64		check;			/* number of the check that truth is of */
	AbacTruth	truth;
} AbacPlanNode;

typedef struct AbacPlanPolicy
{
	const AbacCandidate *candidate;
	AbacPolicy *policy;
	const char *broken;			/* why its value is unknown, or NULL */
	bool		targeted;		/* does a rule in force target this request? */
	bool		complete;		/* is every rule in force and no group empty? */
	int			ngroups;
	AbacPlanNode **groups;
	int			ndeny;			/* deny rules in force that target this request */
	AbacRule  **deny;
} AbacPlanPolicy;

typedef struct AbacPlanGrant
{
	const AbacRole *role;
	AbacGrant  *grant;
} AbacPlanGrant;

/*
 * In the subject layer of the cache.  Good for checks whose "now" is in the
 * span.
 */
typedef struct AbacPlan
{
	AbacSpan	span;
	const AbacSubject *subject;
	const char *mismatch;		/* why the scope is wrong; NULL = it isn't, and the rest is filled */

	const AbacPermissions *permissions; /* that match */
	const AbacUserPermission *user_deny;
	const AbacUserPermission *user_allow;	/* in context global */
	const AbacUserPermission *user_allow_in_scope;
	int			npolicies;		/* every policy that applies, highest priority first */
	AbacPlanPolicy *policies;
	int			neffective;		/* those that can have an outcome */
	AbacPlanPolicy **effective;
	bool		platform_can_deny;
	int			nlegacy;		/* abac_policy_rules of this type, highest priority first */
	AbacPolicyRule **legacy;
	int			ngrants;		/* roles held that have a matching permission */
	AbacPlanGrant *grants;
} AbacPlan;

extern AbacPlan *AbacGetPlan(const AbacRequest *request, TimestampTz now);

#endif							/* ABAC_PLAN_H */
