/*
 * policy.h
 *	  Policies, rules, roles and permissions as the tables have them, compiled.
 *
 * Everything here lives in the policy layer of the cache and is read when it
 * is first asked for.
 */
#ifndef ABAC_POLICY_H
#define ABAC_POLICY_H

#include "abac.h"
#include "cache.h"
#include "compile.h"
#include "relation.h"
#include "request.h"
#include "scan.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

/* A time window; open when starts_at <= now <= expires_at. */
typedef struct AbacWindow
{
	TimestampTz starts_at;		/* DT_NOBEGIN = unbounded */
	TimestampTz expires_at;		/* DT_NOEND = unbounded */
} AbacWindow;

/* The span of time around "now" in which an answer stays the same. */
typedef struct AbacSpan
{
	TimestampTz from;			/* included */
	TimestampTz until;			/* included */
} AbacSpan;

typedef enum AbacEffect
{
	ABAC_EFFECT_NONE,
	ABAC_EFFECT_ALLOW,
	ABAC_EFFECT_DENY
} AbacEffect;

/*
 * Conditions as somebody wrote them, and what they are compiled to.  For the
 * rows of a registered table they are compiled again, since there an undefined
 * attribute has its column's type (DESIGN §7); variants has those.
 *
 * Lives in the layer of what it belongs to.
 */
typedef struct AbacConditions
{
	AbacLayer	layer;			/* that they are in */
	Jsonb	   *tree;			/* NULL = unconditional */
	AbacString	attribute;		/* of a row of abac_conditions, whose value tree is; or none */
	AbacString	op;				/* the same */
	AbacString	organization;	/* as whose rules see it; none = platform-wide ones */
	const AbacRelation *relation;	/* NULL = not for rows */
	AbacProgram *program;		/* NULL = unconditional, or see error */
	AbacError  *error;			/* why they don't compile, or NULL */
	struct AbacConditions *variants;	/* next one for another relation */

	/* value in the check with that number; see AbacEvaluateConditions() */
	uint64		check;
	AbacTruth	truth;

	/* what is left of it in the plan with that number (settle.c), in the subject layer */
	uint64		plan;
	struct AbacPlanNode *settled;
} AbacConditions;

typedef struct AbacRule
{
	pg_uuid_t	id;
	AbacString	organization;	/* none = platform-wide */
	AbacString	name;
	AbacEffect	effect;
	int			priority;
	AbacString	resource_type;	/* none = all */
	bool		all_actions;
	int			nactions;
	AbacString *actions;
	bool		is_active;
	AbacWindow	window;
	AbacConditions conditions;

	uint64		walk;			/* plan.c's: last policy that it was met in */
} AbacRule;

/* A rule or group that a group has, or a group that a policy has. */
typedef struct AbacMember
{
	bool		is_group;
	pg_uuid_t	id;				/* of the rule or group */
	int			sort_order;
} AbacMember;

typedef enum AbacLogic
{
	ABAC_LOGIC_AND,
	ABAC_LOGIC_OR,
	ABAC_LOGIC_NOT				/* of the OR of the members */
} AbacLogic;

typedef struct AbacGroup
{
	pg_uuid_t	id;
	const char *broken;			/* why it has no value (its members may be there all the same), or NULL */
	AbacString	organization;	/* none = platform-wide */
	AbacString	name;
	AbacLogic	logic;
	int			nmembers;
	AbacMember *members;

	/* plan.c's: what became of it in the policy that is walked, by polarity */
	uint64		walk;
	bool		is_open[2];
	struct AbacPlanNode *nodes[2];
} AbacGroup;

typedef struct AbacPolicy
{
	pg_uuid_t	id;
	AbacString	organization;	/* none = platform-wide */
	AbacString	name;
	AbacEffect	effect;
	AbacEffect	default_effect; /* NONE = NULL */
	int			priority;
	bool		is_active;
	int			nmembers;		/* its groups */
	AbacMember *members;
} AbacPolicy;

typedef struct AbacRole
{
	pg_uuid_t	id;
	AbacString	organization;	/* none = platform-wide */
	AbacString	name;
	bool		is_super_admin;
} AbacRole;

/* The permissions that match a resource type and action, wildcards included. */
typedef struct AbacPermissions
{
	int			npermissions;
	struct
	{
		pg_uuid_t	id;
		AbacString	name;		/* type:action */
	}			permissions[4];
} AbacPermissions;

/* One row of abac_conditions. */
typedef struct AbacCondition
{
	pg_uuid_t	id;
	int			permission;		/* place in AbacPermissions */
	bool		is_or;
	AbacConditions conditions;
} AbacCondition;

/* What a role says to a resource type and action. */
typedef struct AbacGrant
{
	int			permission;		/* a permission of the role that matches; -1 = none */
	const AbacPermissions *matching;
	int			nconditions;	/* in the order of the permissions */
	AbacCondition **conditions;
} AbacGrant;

/* One row of abac_policy_rules. */
typedef struct AbacPolicyRule
{
	pg_uuid_t	id;
	AbacString	name;
	AbacString	resource_type;	/* none = all */
	AbacEffect	effect;
	int			priority;
	AbacConditions conditions;
} AbacPolicyRule;

/* The active ones of an organization, highest priority first. */
typedef struct AbacPolicyRules
{
	int			nrules;
	AbacPolicyRule **rules;
} AbacPolicyRules;

typedef struct AbacResourceType
{
	int			required_scope; /* an AbacScopeType; -1 = none */
} AbacResourceType;

extern bool AbacWindowIsOpen(const AbacWindow *window, TimestampTz now, AbacSpan *span);
extern void AbacScanWindow(const AbacScan *scan, int starts_column, int expires_column,
						   AbacWindow *window);

extern bool AbacIsForeign(AbacString member, AbacString owner);
extern AbacPolicy *AbacGetPolicy(const pg_uuid_t *id);
extern AbacRule *AbacGetRule(const pg_uuid_t *id);
extern AbacGroup *AbacGetGroup(const pg_uuid_t *id);
extern AbacRole *AbacGetRole(const pg_uuid_t *id);
extern AbacPermissions *AbacGetPermissions(AbacString type, AbacString action);
extern AbacGrant *AbacGetGrant(const AbacRole *role, AbacString type, AbacString action);
extern AbacPolicyRules *AbacGetPolicyRules(AbacString organization);
extern AbacResourceType *AbacGetResourceType(AbacString type);
extern AbacConditions *AbacConditionsOn(AbacConditions *conditions, const AbacRelation *relation);
extern char *AbacUuidText(const pg_uuid_t *id);

#endif							/* ABAC_POLICY_H */
