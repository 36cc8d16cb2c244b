/*
 * subject.h
 *	  Who is asking, where: roles held, memberships, attributes, and the
 *	  policies that therefore apply (DESIGN §5, steps 1 to 4).
 */
#ifndef ABAC_SUBJECT_H
#define ABAC_SUBJECT_H

#include "abac.h"
#include "policy.h"
#include "request.h"

#define ABAC_CONTEXT_GLOBAL		(-1)

typedef struct AbacHeldRole
{
	const AbacRole *role;
	int			context;		/* an AbacScopeType or ABAC_CONTEXT_GLOBAL */
} AbacHeldRole;

/* A row of abac_user_permissions in force. */
typedef struct AbacUserPermission
{
	pg_uuid_t	id;
	pg_uuid_t	permission;
	bool		granted;
	int			context;		/* an AbacScopeType or ABAC_CONTEXT_GLOBAL */
} AbacUserPermission;

/* Why a policy applies. */
typedef struct AbacReach
{
	const char *target_type;
	AbacString	target_id;
	AbacString	target_name;	/* of a role; none otherwise */
	bool		allow;			/* does an allow come through this one? */
} AbacReach;

typedef struct AbacCandidate
{
	AbacPolicy *policy;
	bool		allow;			/* does an allow come through? */
	int			nreaches;
	AbacReach  *reaches;
} AbacCandidate;

/*
 * One user in one scope, in the subject layer of the cache.  Good for checks
 * whose "now" is in the span.
 */
typedef struct AbacSubject
{
	AbacSpan	span;
	AbacString	user;
	AbacString	scope[ABAC_NSCOPES];	/* the scope chain S; none = not known */
	const char *mismatch;		/* why the scope is wrong; NULL = it isn't, and the rest is filled */

	const AbacRole *super_admin;	/* the role, if held */
	int			nroles;
	AbacHeldRole *roles;
	bool		member[ABAC_NSCOPES];
	int			npermissions;
	const AbacUserPermission *permissions;
	int			ncandidates;	/* highest priority first */
	AbacCandidate *candidates;

	/* What attributes are looked up in; NULL = no such row. */
	JsonbContainer *organization_attributes;
	JsonbContainer *global_attributes;
	/* Arrays, for an organization's rules and for platform-wide ones. */
	JsonbContainer *role_names;
	JsonbContainer *platform_role_names;
	JsonbContainer *teams;
	JsonbContainer *platform_teams;
	JsonbContainer *no_teams;	/* empty */
} AbacSubject;

/* One row of abac_policy_assignments. */
typedef struct AbacAssignment
{
	pg_uuid_t	policy;
	AbacWindow	window;
} AbacAssignment;

/* The active ones of a target. */
typedef struct AbacAssignments
{
	int			count;
	AbacAssignment *assignments;
} AbacAssignments;

extern bool AbacFindScope(AbacString type, AbacString id, AbacString *parent_type,
						  AbacString *parent_id);
extern AbacAssignments *AbacGetAssignments(AbacString type, AbacString id);
extern AbacSubject *AbacGetSubject(const AbacRequest *request, TimestampTz now);

#endif							/* ABAC_SUBJECT_H */
