/*
 * guard_organization.c
 *	  Guards of the borders between organizations: what rule groups and policies
 *	  contain, and the contexts that roles are held in.
 *
 * Whatever is written, one of two rows or what connects them, the search leads
 * to each connection concerned and judges that: CheckContent, CheckUserRole.
 * How it deals with other writers is explained in guard.c, "Two writers".
 */
#include "postgres.h"

#include "miscadmin.h"

#include "guard.h"
#include "scan.h"

/*
 * Organizations: what groups and policies contain
 */

/*
 * May the one contain the other?  A platform-wide row may be in everything,
 * another only in a container of its organization.  "pending" is for what
 * connects the two, as in AbacRowCheck.
 */
static void
CheckContent(AbacView *view, AbacTable container_table, const pg_uuid_t *container_id,
			 AbacTable content_table, const pg_uuid_t *content_id, TransactionId pending)
{
	bool		reverse = view->change->table != ABAC_RULE_GROUP_MEMBERS &&
	view->change->table != ABAC_POLICY_RULE_GROUPS;
	AbacScan	container;
	AbacScan	content;

	AbacScanBegin(&content, content_table, view->snapshot);
	AbacScanKeyUuid(&content, 0, content_id);
	while (AbacViewNext(view, &content))
	{
		AbacString	organization = AbacScanText(&content, abac_guarded_tables[content_table].organization);
		TransactionId content_pending = AbacViewPending(view, pending);

		if (organization.data == NULL)
			continue;
		AbacScanBegin(&container, container_table, view->snapshot);
		AbacScanKeyUuid(&container, 0, container_id);
		while (AbacViewNext(view, &container))
		{
			TransactionId all_pending = AbacViewPending(view, content_pending);

			if (AbacStringEqual(organization, AbacScanText(&container,
														   abac_guarded_tables[container_table].organization)) ||
				AbacViewMustWait(view, all_pending))
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("%s cannot contain %s",
							AbacDescribe(container_table, &container), AbacDescribe(content_table, &content)),
					 container_table == ABAC_POLICIES
					 ? errdetail("A policy contains only rule groups of its own organization, or platform-wide ones.")
					 : errdetail("A rule group contains only rules and rule groups of its own organization, or platform-wide ones."),
					 reverse
					 ? errhint("Remove the one from the other first, or change both in one statement.")
					 : errhint("Make a copy for the organization, or use a platform-wide one.")));
		}
		AbacScanEnd(&container);
	}
	AbacScanEnd(&content);
}

static void
CheckMember(AbacView *view, const AbacRow *member, TransactionId pending)
{
	if (!member->nulls[MEMBER_rule_id])
		CheckContent(view, ABAC_RULE_GROUPS, AbacScanUuid(member, MEMBER_group_id),
					 ABAC_RULES, AbacScanUuid(member, MEMBER_rule_id), pending);
	if (!member->nulls[MEMBER_child_group_id])
		CheckContent(view, ABAC_RULE_GROUPS, AbacScanUuid(member, MEMBER_group_id),
					 ABAC_RULE_GROUPS, AbacScanUuid(member, MEMBER_child_group_id), pending);
}

static void
CheckLink(AbacView *view, const AbacRow *link, TransactionId pending)
{
	CheckContent(view, ABAC_POLICIES, AbacScanUuid(link, LINK_policy_id),
				 ABAC_RULE_GROUPS, AbacScanUuid(link, LINK_rule_group_id), pending);
}

static void
LookAtMember(AbacView *view)
{
	CheckMember(view, view->change->new, InvalidTransactionId);
}

static void
LookAtLink(AbacView *view)
{
	CheckLink(view, view->change->new, InvalidTransactionId);
}

static void
LookAtRuleGroups(AbacView *view)
{
	AbacViewRows(view, ABAC_RULE_GROUP_MEMBERS, MEMBER_rule_id,
				 AbacScanUuid(view->change->new, RULE_id), CheckMember);
}

static void
LookAroundGroup(AbacView *view)
{
	const pg_uuid_t *id = AbacScanUuid(view->change->new, GROUP_id);

	AbacViewRows(view, ABAC_RULE_GROUP_MEMBERS, MEMBER_group_id, id, CheckMember);
	AbacViewRows(view, ABAC_RULE_GROUP_MEMBERS, MEMBER_child_group_id, id, CheckMember);
	AbacViewRows(view, ABAC_POLICY_RULE_GROUPS, LINK_rule_group_id, id, CheckLink);
}

static void
LookAtPolicyGroups(AbacView *view)
{
	AbacViewRows(view, ABAC_POLICY_RULE_GROUPS, LINK_policy_id,
				 AbacScanUuid(view->change->new, POLICY_id), CheckLink);
}

/*
 * A rule, a rule group or a policy that comes into an organization, or a
 * member or a link that is made: is anything in it, or is it in anything, of
 * another organization?
 */
void
AbacGuardContent(const AbacRowChange *change)
{
	if (change->new == NULL)
		return;
	switch (change->table)
	{
		case ABAC_RULES:
			if (AbacRowMoved(change))
				AbacJudge(change, LookAtRuleGroups);
			break;
		case ABAC_RULE_GROUPS:
			if (AbacRowMoved(change))
				AbacJudge(change, LookAroundGroup);
			break;
		case ABAC_RULE_GROUP_MEMBERS:
			if (AbacColumnChanged(change, "group_id") || AbacColumnChanged(change, "rule_id") ||
				AbacColumnChanged(change, "child_group_id"))
				AbacJudge(change, LookAtMember);
			break;
		case ABAC_POLICIES:
			if (AbacRowMoved(change))
				AbacJudge(change, LookAtPolicyGroups);
			break;
		case ABAC_POLICY_RULE_GROUPS:
			if (AbacColumnChanged(change, "policy_id") || AbacColumnChanged(change, "rule_group_id"))
				AbacJudge(change, LookAtLink);
			break;
		default:
			elog(ERROR, "unrecognized table: %d", (int) change->table);
	}
}

/*
 * Roles and the contexts they are held in
 */

/* Is the context in another organization than the role's? */
static void
CheckContext(AbacView *view, const AbacRow *user_role, const AbacRow *role,
			 AbacString type, AbacString id, TransactionId pending)
{
	AbacScan	scope;

	check_stack_depth();
	if (type.data == NULL)
		return;
	if (AbacStringEqual(type, AbacStringOf("organization")))
	{
		if (AbacStringEqual(id, AbacScanText(role, ROLE_organization_id)) || AbacViewMustWait(view, pending))
			return;
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s cannot be held in %s \"%s\"", AbacDescribe(ABAC_ROLES, role),
						AbacRowText(user_role, USER_ROLE_context_type),
						AbacRowText(user_role, USER_ROLE_context_id)),
				 AbacStringEqual(AbacScanText(user_role, USER_ROLE_context_type), type)
				 ? errdetail("User \"%s\" would hold it outside its organization.",
							 AbacRowText(user_role, USER_ROLE_user_id))
				 : errdetail("User \"%s\" would hold it outside its organization: the %s belongs to organization \"%s\".",
							 AbacRowText(user_role, USER_ROLE_user_id), AbacRowText(user_role, USER_ROLE_context_type),
							 AbacStringToCString(id)),
				 view->change->table == ABAC_USER_ROLES
				 ? errhint("Use a role of that organization, or a platform-wide one.")
				 : errhint("Delete such rows of abac_user_roles first.")));
	}

	AbacScanBegin(&scope, ABAC_SCOPES, view->snapshot);
	AbacScanKeyText(&scope, SCOPE_scope_type, type);
	AbacScanKeyText(&scope, SCOPE_scope_id, id);
	while (AbacViewNext(view, &scope))
	{
		TransactionId scope_pending = AbacViewPending(view, pending);

		CheckContext(view, user_role, role, AbacScanText(&scope, SCOPE_parent_type),
					 AbacScanText(&scope, SCOPE_parent_id), scope_pending);
	}
	AbacScanEnd(&scope);
}

static void
CheckUserRole(AbacView *view, const AbacRow *user_role, TransactionId pending)
{
	AbacString	type = AbacScanText(user_role, USER_ROLE_context_type);
	AbacScan	role;

	AbacScanBegin(&role, ABAC_ROLES, view->snapshot);
	AbacScanKeyUuid(&role, ROLE_id, AbacScanUuid(user_role, USER_ROLE_role_id));
	while (AbacViewNext(view, &role))
	{
		TransactionId role_pending = AbacViewPending(view, pending);

		if (!AbacStringEqual(type, AbacScanText(&role, ROLE_scope)))
		{
			if (AbacViewMustWait(view, role_pending))
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("%s cannot be held in a context of type \"%s\"",
							AbacDescribe(ABAC_ROLES, &role), AbacStringToCString(type)),
					 errdetail("The role's scope is \"%s\"; user \"%s\" would hold it in another.",
							   AbacRowText(&role, ROLE_scope), AbacRowText(user_role, USER_ROLE_user_id)),
					 view->change->table == ABAC_USER_ROLES
					 ? errhint("Use the role's scope as context_type.")
					 : errhint("Delete the role's rows in abac_user_roles first.")));
		}
		if (!role.nulls[ROLE_organization_id])
			CheckContext(view, user_role, &role, type,
						 AbacScanText(user_role, USER_ROLE_context_id), role_pending);
	}
	AbacScanEnd(&role);
}

/* Judge the roles held in a context and below it. */
static void
CheckRolesIn(AbacView *view, AbacString type, AbacString id)
{
	AbacScan	scan;

	check_stack_depth();
	AbacScanBegin(&scan, ABAC_USER_ROLES, view->snapshot);
	AbacScanKeyText(&scan, USER_ROLE_context_type, type);
	AbacScanKeyText(&scan, USER_ROLE_context_id, id);
	AbacViewEach(view, &scan, CheckUserRole);
	AbacScanEnd(&scan);

	AbacScanBegin(&scan, ABAC_SCOPES, view->snapshot);
	AbacScanKeyText(&scan, SCOPE_parent_type, type);
	AbacScanKeyText(&scan, SCOPE_parent_id, id);
	while (AbacViewNext(view, &scan))
		CheckRolesIn(view, AbacScanText(&scan, SCOPE_scope_type), AbacScanText(&scan, SCOPE_scope_id));
	AbacScanEnd(&scan);
}

static void
LookAtContext(AbacView *view)
{
	CheckUserRole(view, view->change->new, InvalidTransactionId);
}

static void
LookAtHolders(AbacView *view)
{
	AbacViewRows(view, ABAC_USER_ROLES, USER_ROLE_role_id,
				 AbacScanUuid(view->change->new, ROLE_id), CheckUserRole);
}

static void
LookInScope(AbacView *view)
{
	CheckRolesIn(view, AbacScanText(view->change->new, SCOPE_scope_type),
				 AbacScanText(view->change->new, SCOPE_scope_id));
}

/* Is a scope of this type ever the context of a role, or above one? */
static bool
IsContextType(AbacString type)
{
	return AbacStringEqual(type, AbacStringOf("project")) ||
		AbacStringEqual(type, AbacStringOf("workspace"));
}

/*
 * A role, a scope or a role of a user that is written: is a role held outside
 * its organization now, or in a context of another type than its scope?  A
 * scope that goes leaves only unknown ones behind, which violate nothing.
 */
void
AbacGuardContext(const AbacRowChange *change)
{
	if (change->new == NULL)
		return;
	switch (change->table)
	{
		case ABAC_ROLES:
			if (AbacColumnChanged(change, "scope") || AbacRowMoved(change))
				AbacJudge(change, LookAtHolders);
			break;
		case ABAC_USER_ROLES:
			if (AbacColumnChanged(change, "role_id") || AbacColumnChanged(change, "context_type") ||
				AbacColumnChanged(change, "context_id"))
				AbacJudge(change, LookAtContext);
			break;
		case ABAC_SCOPES:
			if ((AbacColumnChanged(change, "scope_type") || AbacColumnChanged(change, "scope_id") ||
				 AbacColumnChanged(change, "parent_type") || AbacColumnChanged(change, "parent_id")) &&
				IsContextType(AbacScanText(change->new, SCOPE_scope_type)))
				AbacJudge(change, LookInScope);
			break;
		default:
			elog(ERROR, "unrecognized table: %d", (int) change->table);
	}
}
