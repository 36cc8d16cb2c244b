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
	ABAC_PLAN_CONDITIONS,		/* of a rule in force whose target is this request, … */
	ABAC_PLAN_AND,
	ABAC_PLAN_OR,
	ABAC_PLAN_NOT,				/* of the OR of its children */
	ABAC_PLAN_TEST,				/* is its child one of the truths? never unknown */
	ABAC_PLAN_LEAF				/* of a settled node (settle.c) */
} AbacPlanNodeKind;

#define ABAC_IS_FALSE		(1 << ABAC_FALSE)
#define ABAC_IS_UNKNOWN		(1 << ABAC_UNKNOWN)
#define ABAC_IS_TRUE		(1 << ABAC_TRUE)

/*
 * Something with a truth value.  Groups may share members, so this is a graph
 * without cycles; a node's value is worked out once a check.
 */
typedef struct AbacPlanNode
{
	AbacPlanNodeKind kind;
	AbacTruth	constant;
	AbacConditions *conditions;
	const AbacLeaf *leaf;
	const struct AbacKnownSide *known;	/* of the leaf; NULL = neither */
	int			test;			/* set of ABAC_IS_… */
	int			nchildren;
	struct AbacPlanNode **children;
	struct AbacPlanNode *settled;	/* what is left of it for the user; NULL = not looked at yet */
	int			cost;			/* of a settled node, to order them */

	/* of a group or rule of a policy, also where it is constant */
	AbacRule   *rule;
	AbacGroup  *group;
	const char *why;			/* it is constant, or broken; or NULL */
	int			height;			/* levels of groups from here down */

	uint64		check;			/* number of the check that truth is of */
	AbacTruth	truth;
} AbacPlanNode;

/*
 * A policy that applies.  The outcome of a check is the first of the four that
 * is true (DESIGN §5, step 5); only allow can be unknown.
 */
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
	AbacPlanNode **deny;

	AbacPlanNode *value;		/* Kleene's AND of the groups */
	AbacPlanNode *deny_if;		/* NULL = never */
	AbacPlanNode *deny_by_default_if;
	AbacPlanNode *allow_if;
	AbacPlanNode *allow_by_default_if;
} AbacPlanPolicy;

typedef struct AbacPlanGrant
{
	const AbacRole *role;
	AbacGrant  *grant;
	AbacConditions **conditions;	/* the grant's, as this request sees them */
	AbacPlanNode *holds;
} AbacPlanGrant;

typedef struct AbacPlanPolicyRule
{
	const AbacPolicyRule *rule;
	AbacPlanNode *holds;
} AbacPlanPolicyRule;

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

/*
 * The decision as a program: its steps in order.  What is true decides; an
 * ALLOW or HOLD that is unknown could have allowed.  Only theirs can be.
 */
typedef enum AbacStepKind
{
	ABAC_STEP_DENY,
	ABAC_STEP_ALLOW,
	ABAC_STEP_HOLD,				/* allow, but go to the target first for a better reason */
	ABAC_STEP_JUMP				/* go to the target */
} AbacStepKind;

/* Why a decision is as it is.  What doesn't belong to the reason is NULL. */
typedef struct AbacGround
{
	AbacReason	reason;
	const AbacUserPermission *user_permission;
	const AbacPolicy *policy;
	const AbacPolicyRule *policy_rule;
	const AbacRole *role;
	const AbacGrant *grant;
} AbacGround;

typedef struct AbacStep
{
	AbacStepKind kind;
	AbacPlanNode *test;			/* NULL = true */
	int			target;			/* place of a later step */
	AbacGround	ground;			/* what to say when it decides */
} AbacStep;

/*
 * In the subject layer of the cache.  Good for checks whose "now" is in the
 * span.
 */
typedef struct AbacPlan
{
	AbacSpan	span;
	/* the kind of request */
	AbacString	action;
	AbacString	type;
	AbacString	scope[ABAC_NSCOPES];	/* as the request names it */
	bool		elsewhere;
	const AbacRelation *relation;	/* for its rows; NULL = not for rows */

	const AbacSubject *subject;
	const char *mismatch;		/* why the scope is wrong; NULL = it isn't, and the rest is filled */

	const AbacPermissions *permissions; /* that match */
	bool		policies_asked; /* does the decision get as far as the policies? */
	int			npolicies;		/* every policy that applies, highest priority first */
	AbacPlanPolicy *policies;
	int			nlegacy;		/* abac_policy_rules of this type, highest priority first */
	AbacPlanPolicyRule *legacy;
	int			ngrants;		/* roles held that have a matching permission */
	AbacPlanGrant *grants;

	int			nsteps;
	AbacStep   *steps;
	int			nsettled;		/* what is left of them; NULL = not looked at yet */
	AbacStep   *settled;
} AbacPlan;

extern AbacPlanNode *AbacNewPlanNode(AbacPlanNodeKind kind);
extern AbacPlanNode *AbacPlanConstant(AbacTruth truth);
extern AbacPlanNode *AbacPlanTest(int test, AbacPlanNode *child);
extern AbacPlan *AbacGetPlan(const AbacRequest *request, TimestampTz now);

#endif							/* ABAC_PLAN_H */
