/*
 * places.c
 *	  Where a user is somebody: the organizations that anything names them in.
 *
 * Of an organization that isn't among these the contract (DESIGN §4, §5) has
 * nothing to say about the user but what it says everywhere, and what the
 * organization denies to everybody: no membership, no role or permission held
 * there, no attributes for it, no policy of it for the user, for a role held
 * everywhere or for a team.  Time windows are not looked at: one that is
 * closed now may open.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "cache.h"
#include "places.h"
#include "policy.h"
#include "scan.h"
#include "subject.h"

static void
AddOrganization(AbacPlaces *places, AbacString id)
{
	if (id.data == NULL)
		return;
	for (int i = 0; i < places->count; i++)
	{
		if (AbacStringEqual(places->organizations[i], id))
			return;
	}
	places->organizations = AbacGrow(ABAC_LAYER_SUBJECTS, places->organizations, places->count, sizeof(AbacString));
	places->organizations[places->count++] = AbacCopyString(AbacSubjectMemory, id);
}

/* Add the organization that a scope of any type, a team included, is of. */
void
AbacAddPlace(AbacPlaces *places, AbacString type, AbacString id)
{
	AbacString	parent_type;
	AbacString	parent_id;

	/* a workspace is at most three levels deep */
	for (int i = 0; i < 3 && id.data; i++)
	{
		if (AbacStringEqual(type, AbacStringOf("organization")))
		{
			AddOrganization(places, id);
			return;
		}
		if (AbacStringEqual(type, AbacStringOf("global")) ||
			!AbacFindScope(type, id, &parent_type, &parent_id))
			return;
		type = parent_type;
		id = parent_id;
	}
}

/* The organizations of the policies that are assigned to the target. */
static void
AddAssignments(AbacPlaces *places, const char *type, AbacString id)
{
	AbacAssignments *assignments = AbacGetAssignments(AbacStringOf(type), id);

	for (int i = 0; i < assignments->count; i++)
	{
		AbacPolicy *policy = AbacGetPolicy(&assignments->assignments[i].policy);

		if (policy)
			AddOrganization(places, policy->organization);
	}
}

static void
BeginUserScan(AbacScan *scan, AbacTable table, int user_column, AbacString user)
{
	AbacScanBegin(scan, table, AbacCacheSnapshot());
	AbacScanKeyText(scan, user_column, user);
}

static AbacPlaces *
LoadPlaces(AbacString user)
{
	AbacPlaces *places = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlaces));
	AbacScan	scan;

	AddAssignments(places, "user", user);

	BeginUserScan(&scan, ABAC_MEMBERSHIPS, MEMBERSHIP_user_id, user);
	while (AbacScanNext(&scan))
	{
		AbacString	type = AbacScanText(&scan, MEMBERSHIP_scope_type);
		AbacString	id = AbacScanText(&scan, MEMBERSHIP_scope_id);

		AbacAddPlace(places, type, id);
		if (AbacStringEqual(type, AbacStringOf("team")))
			AddAssignments(places, "team", id);
	}
	AbacScanEnd(&scan);

	BeginUserScan(&scan, ABAC_USER_ROLES, USER_ROLE_user_id, user);
	while (AbacScanNext(&scan))
	{
		AbacString	type = AbacScanText(&scan, USER_ROLE_context_type);
		AbacRole   *role = AbacGetRole(AbacScanUuid(&scan, USER_ROLE_role_id));

		AbacAddPlace(places, type, AbacScanText(&scan, USER_ROLE_context_id));
		if (role == NULL || !AbacStringEqual(type, AbacStringOf("global")))
			continue;
		AddOrganization(places, role->organization);
		AddAssignments(places, "role", AbacStringOf(AbacUuidText(&role->id)));
	}
	AbacScanEnd(&scan);

	BeginUserScan(&scan, ABAC_USER_PERMISSIONS, USER_PERMISSION_user_id, user);
	while (AbacScanNext(&scan))
		AbacAddPlace(places, AbacScanText(&scan, USER_PERMISSION_context_type),
					 AbacScanText(&scan, USER_PERMISSION_context_id));
	AbacScanEnd(&scan);

	BeginUserScan(&scan, ABAC_USER_ATTRIBUTES, USER_ATTRIBUTE_user_id, user);
	while (AbacScanNext(&scan))
		AddOrganization(places, AbacScanText(&scan, USER_ATTRIBUTE_organization_id));
	AbacScanEnd(&scan);
	return places;
}

/*
 * The organizations that anything about the user names, or about the user's
 * teams and roles held everywhere.  In the subject layer; call between
 * AbacCacheBegin() and AbacCacheEnd().
 */
AbacPlaces *
AbacGetPlaces(AbacString user)
{
	AbacKey		key;
	AbacPlaces *places;

	AbacKeyBegin(&key, ABAC_TAG_PLACES);
	AbacKeyAddString(&key, user);
	places = AbacCacheFindUser(ABAC_LAYER_SUBJECTS, &key, user);
	if (places == NULL)
	{
		places = LoadPlaces(user);
		AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, places);
	}
	return places;
}

/*
 * Add the organizations that say something to everybody who acts there: those
 * that a policy is assigned to, and those that have legacy rules.  Reads at
 * most "limit" rows of each; false when there are more.
 */
bool
AbacAddPlacesWithRules(AbacPlaces *places, int limit)
{
	int			rows = 0;
	AbacScan	scan;

	AbacScanBegin(&scan, ABAC_POLICY_ASSIGNMENTS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, ASSIGNMENT_target_type, AbacStringOf("organization"));
	while (rows <= limit && AbacScanNext(&scan))
	{
		AddOrganization(places, AbacScanText(&scan, ASSIGNMENT_target_id));
		rows++;
	}
	AbacScanEnd(&scan);
	if (rows > limit)
		return false;

	rows = 0;
	AbacScanBegin(&scan, ABAC_POLICY_RULES, AbacCacheSnapshot());
	while (rows <= limit && AbacScanNext(&scan))
	{
		AddOrganization(places, AbacScanText(&scan, POLICY_RULE_organization_id));
		rows++;
	}
	AbacScanEnd(&scan);
	return rows <= limit;
}

/*
 * The registered scopes of a type right below another: how many, and their ids
 * in the current memory context.  Reads at most "limit"; -1 when there are more.
 */
int
AbacGetScopesIn(AbacScopeType type, AbacString parent_type, AbacString parent_id,
				int limit, AbacString **ids)
{
	AbacString *result = palloc(sizeof(AbacString) * Max(limit, 1));
	int			count = 0;
	AbacScan	scan;

	AbacScanBegin(&scan, ABAC_SCOPES, AbacCacheSnapshot());
	AbacScanKeyText(&scan, SCOPE_parent_type, parent_type);
	AbacScanKeyText(&scan, SCOPE_parent_id, parent_id);
	while (count >= 0 && AbacScanNext(&scan))
	{
		if (!AbacStringEqual(AbacScanText(&scan, SCOPE_scope_type), AbacStringOf(AbacScopeNames[type])))
			continue;
		if (count == limit)
			count = -1;
		else
			result[count++] = AbacCopyString(CurrentMemoryContext, AbacScanText(&scan, SCOPE_scope_id));
	}
	AbacScanEnd(&scan);
	*ids = result;
	return count;
}
