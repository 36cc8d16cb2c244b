/*
 * guard.c
 *	  Triggers that refuse what the tables must not hold (DESIGN §2, Guards).
 *
 * Guards are AFTER ROW triggers, so that a statement (COPY included) is judged
 * as a whole: when they run all of its rows are there.  They are named to fire
 * before the foreign keys' triggers ("RI_…"), whose errors say less.  They are
 * not ENABLE ALWAYS: what another server accepted is not refused here.
 *
 * A guard compares with the rows that exist; one that isn't there is no
 * violation.  So the rows of a dump can come in any order, and everything that
 * speaks of two tables is judged from both sides.  Only references need a row
 * to be there, unless a dump is being restored.  They are foreign keys, for
 * what happens when the referenced row goes, but their check of referencing
 * rows is done here.
 *
 * Two writers that don't see each other's rows.  Each has written its row
 * before it looks for rows that contradict it, and it looks twice: first at
 * everything, also at what running transactions have written (SnapshotDirty),
 * then at what is committed now.  Since both write before they look, at least
 * one of them sees the other.  It waits for the other transaction to end, but
 * only when its row does contradict, as exclusion constraints do; so writers
 * that agree never wait for each other, however they interleave (the jobs of a
 * parallel restore do).  The second look is needed because a row that is
 * updated during the first one can be missed, though only when that update has
 * committed by then.
 *
 * Two things are not decided by looking at a row or two, and have a lock until
 * the end of the transaction instead, taken before reading: the graph of
 * groups (for those who add an edge), and what attributes are defined as
 * (exclusive for those who change it, shared for those who write conditions).
 * They are object locks on keys that nothing else uses: VACUUM and readers
 * aren't concerned.
 *
 * Nothing here depends on the isolation level: snapshots are scan.c's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "attribute.h"
#include "cache.h"
#include "compile.h"
#include "scan.h"
#include "value.h"

/* A row: one that a scan found, or a trigger's taken apart into the same places. */
typedef AbacScan Row;

/* What a trigger is called for. */
typedef struct Change
{
	const TriggerData *trigger;
	AbacTable	table;
	HeapTuple	old_tuple;
	HeapTuple	new_tuple;
	const Row  *old;			/* NULL for INSERT */
	const Row  *new;			/* NULL for DELETE */
} Change;

/* One of the two looks that a guard takes. */
typedef struct View
{
	const Change *change;
	Snapshot	snapshot;
	TransactionId wait_for;		/* wrote a row that contradicts; stop looking */
	MemoryContext memory;		/* emptied after each of many rows */
} View;

static void GuardDefinition(const Change *change);
static void GuardRule(const Change *change);
static void GuardGroup(const Change *change);
static void GuardMember(const Change *change);
static void GuardPolicy(const Change *change);
static void GuardLink(const Change *change);
static void GuardUserAttributes(const Change *change);
static void GuardScope(const Change *change);
static void GuardRole(const Change *change);
static void GuardUserRole(const Change *change);
static void GuardConditions(const Change *change);

/*
 * What there is to know of each table.  Columns are places of scan.h; 0, which
 * is the id's, stands for "none".
 */
typedef struct Guarded
{
	const char *noun;			/* what to call a row */
	int			organization;
	int			name;
	int			system;			/* the flag is_system */
	AbacTable	parent;			/* rows of it that are is_system keep their parts */
	int			parent_id;
	void		(*guard) (const Change *change);
} Guarded;

static const Guarded guarded_tables[ABAC_NTABLES] = {
	[ABAC_ATTRIBUTE_DEFINITIONS] = {
		.noun = "definition", .organization = DEFINITION_organization_id,
		.name = DEFINITION_name, .system = DEFINITION_is_system, .guard = GuardDefinition
	},
	[ABAC_RULES] = {
		.noun = "rule", .organization = RULE_organization_id,
		.name = RULE_name, .system = RULE_is_system, .guard = GuardRule
	},
	[ABAC_RULE_GROUPS] = {
		.noun = "rule group", .organization = GROUP_organization_id,
		.name = GROUP_name, .system = GROUP_is_system, .guard = GuardGroup
	},
	[ABAC_RULE_GROUP_MEMBERS] = {
		.noun = "member", .parent = ABAC_RULE_GROUPS, .parent_id = MEMBER_group_id,
		.guard = GuardMember
	},
	[ABAC_POLICIES] = {
		.noun = "policy", .organization = POLICY_organization_id,
		.name = POLICY_name, .system = POLICY_is_system, .guard = GuardPolicy
	},
	[ABAC_POLICY_RULE_GROUPS] = {
		.noun = "link", .parent = ABAC_POLICIES, .parent_id = LINK_policy_id,
		.guard = GuardLink
	},
	[ABAC_POLICY_ASSIGNMENTS] = {
		.noun = "assignment", .parent = ABAC_POLICIES, .parent_id = ASSIGNMENT_policy_id
	},
	[ABAC_USER_ATTRIBUTES] = {.noun = "user attributes", .guard = GuardUserAttributes},
	[ABAC_SCOPES] = {.noun = "scope", .guard = GuardScope},
	[ABAC_ROLES] = {
		.noun = "role", .organization = ROLE_organization_id,
		.name = ROLE_name, .system = ROLE_is_system, .guard = GuardRole
	},
	[ABAC_PERMISSIONS] = {.noun = "permission"},
	[ABAC_ROLE_PERMISSIONS] = {.noun = "permission of a role"},
	[ABAC_USER_ROLES] = {.noun = "role of a user", .guard = GuardUserRole},
	[ABAC_USER_PERMISSIONS] = {.noun = "permission of a user"},
	[ABAC_CONDITIONS] = {
		.noun = "condition", .name = CONDITION_attribute_key, .guard = GuardConditions
	},
	[ABAC_POLICY_RULES] = {
		.noun = "legacy rule", .organization = POLICY_RULE_organization_id,
		.name = POLICY_RULE_name, .guard = GuardConditions
	},
};

/*
 * Rows that name a row.  It must be there when they are written.  It can't be
 * deleted while they are there, unless "detail" is NULL: then they go with it
 * (the foreign key's ON DELETE CASCADE).
 */
typedef struct Use
{
	AbacTable	used;
	AbacTable	table;			/* that names it */
	int			column;			/* where */
	AbacTable	user_table;		/* whose id is in "user"; ABAC_NTABLES = a user's id is */
	int			user;
	const char *detail;			/* %s = the user */
	const char *hint;
} Use;

static const Use uses[] = {
	{ABAC_RULE_GROUPS, ABAC_RULE_GROUP_MEMBERS, MEMBER_group_id, 0, 0, NULL, NULL},
	{ABAC_POLICIES, ABAC_POLICY_RULE_GROUPS, LINK_policy_id, 0, 0, NULL, NULL},
	{ABAC_POLICIES, ABAC_POLICY_ASSIGNMENTS, ASSIGNMENT_policy_id, 0, 0, NULL, NULL},
	{ABAC_ROLES, ABAC_ROLE_PERMISSIONS, ROLE_PERMISSION_role_id, 0, 0, NULL, NULL},
	{ABAC_RULES, ABAC_RULE_GROUP_MEMBERS, MEMBER_rule_id,
		ABAC_RULE_GROUPS, MEMBER_group_id,
	"It is a member of %s.", "Remove it from its rule groups first."},
	{ABAC_RULE_GROUPS, ABAC_RULE_GROUP_MEMBERS, MEMBER_child_group_id,
		ABAC_RULE_GROUPS, MEMBER_group_id,
	"It is a member of %s.", "Remove it from other rule groups first."},
	{ABAC_RULE_GROUPS, ABAC_POLICY_RULE_GROUPS, LINK_rule_group_id,
		ABAC_POLICIES, LINK_policy_id,
	"It belongs to %s.", "Remove it from its policies first."},
	{ABAC_ROLES, ABAC_USER_ROLES, USER_ROLE_role_id,
		ABAC_NTABLES, USER_ROLE_user_id,
	"It is held by %s.", "Delete its rows in abac_user_roles first."},
	{ABAC_ROLES, ABAC_POLICY_ASSIGNMENTS, ASSIGNMENT_target_id,
		ABAC_POLICIES, ASSIGNMENT_policy_id,
	"It is a target of %s.", "Delete its rows in abac_policy_assignments first."},
	{ABAC_ROLES, ABAC_CONDITIONS, CONDITION_role_id,
		ABAC_PERMISSIONS, CONDITION_permission_id,
	"It has a condition on %s.", "Delete its rows in abac_conditions first."},
	{ABAC_PERMISSIONS, ABAC_ROLE_PERMISSIONS, ROLE_PERMISSION_permission_id,
		ABAC_ROLES, ROLE_PERMISSION_role_id,
	"It is granted to %s.", "Delete its rows in abac_role_permissions first."},
	{ABAC_PERMISSIONS, ABAC_USER_PERMISSIONS, USER_PERMISSION_permission_id,
		ABAC_NTABLES, USER_PERMISSION_user_id,
	"It is granted or denied to %s.", "Delete its rows in abac_user_permissions first."},
	{ABAC_PERMISSIONS, ABAC_CONDITIONS, CONDITION_permission_id,
		ABAC_ROLES, CONDITION_role_id,
	"It has a condition for %s.", "Delete its rows in abac_conditions first."},
};

PG_FUNCTION_INFO_V1(abac_guard);
PG_FUNCTION_INFO_V1(abac_guard_truncate);
PG_FUNCTION_INFO_V1(abac_touch);

/*
 * Rows and their names
 */

static char *
TextOf(const Row *row, int column)
{
	return AbacStringToCString(AbacScanText(row, column));
}

static char *DescribeById(Snapshot snapshot, AbacTable table, const pg_uuid_t *id);

/* What to call a row in a message: rule "x" of organization "acme". */
static char *
Describe(AbacTable table, const Row *row)
{
	const Guarded *guarded = &guarded_tables[table];

	if (table == ABAC_PERMISSIONS)
		return psprintf("permission \"%s:%s\"",
						TextOf(row, PERMISSION_resource_type), TextOf(row, PERMISSION_action));
	if (table == ABAC_CONDITIONS)
	{
		Snapshot	snapshot = AbacTakeSnapshot();
		char	   *permission = DescribeById(snapshot, ABAC_PERMISSIONS,
											  AbacScanUuid(row, CONDITION_permission_id));

		UnregisterSnapshot(snapshot);
		return psprintf("condition on attribute \"%s\" for %s", TextOf(row, CONDITION_attribute_key),
						permission ? permission : "a permission that does not exist");
	}
	if (row->nulls[guarded->organization])
		return psprintf("platform-wide %s \"%s\"", guarded->noun, TextOf(row, guarded->name));
	return psprintf("%s \"%s\" of organization \"%s\"", guarded->noun,
					TextOf(row, guarded->name), TextOf(row, guarded->organization));
}

/* The same for the row with that id; NULL when there is none. */
static char *
DescribeById(Snapshot snapshot, AbacTable table, const pg_uuid_t *id)
{
	AbacScan	scan;
	char	   *result = NULL;

	AbacScanBegin(&scan, table, snapshot);
	AbacScanKeyUuid(&scan, 0, id);
	if (AbacScanNext(&scan))
		result = Describe(table, &scan);
	AbacScanEnd(&scan);
	return result;
}

static bool
SameImage(TupleDesc desc, int i, HeapTuple a, HeapTuple b)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, i);
	bool		a_null;
	bool		b_null;
	Datum		a_value = heap_getattr(a, attribute->attnum, desc, &a_null);
	Datum		b_value = heap_getattr(b, attribute->attnum, desc, &b_null);

	if (a_null || b_null)
		return a_null == b_null;
	return datum_image_eq(a_value, b_value, attribute->attbyval, attribute->attlen);
}

static int
FindColumn(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" does not exist", name)));
}

/* Does the column get another value?  True for INSERT and DELETE. */
static bool
Changed(const Change *change, const char *column)
{
	TupleDesc	desc = RelationGetDescr(change->trigger->tg_relation);

	return change->old == NULL || change->new == NULL ||
		!SameImage(desc, FindColumn(desc, column), change->old_tuple, change->new_tuple);
}

/* Does the row belong to another organization now, or is it another row? */
static bool
Moved(const Change *change)
{
	return Changed(change, "organization_id") || Changed(change, "id");
}

static AbacTable
TriggerTable(FunctionCallInfo fcinfo, const char *function)
{
	AbacTable	table;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", function)));
	if (!AbacTableOfRelation(((TriggerData *) fcinfo->context)->tg_relation, &table))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" serves only the tables of extension \"abac\"", function)));
	return table;
}

/*
 * The two looks
 */

/*
 * Let "look" search for rows that contradict the change: it raises an error
 * for what it finds, after MustWait() has said that this isn't premature.
 */
static void
Judge(const Change *change, void (*look) (View *view))
{
	SnapshotData dirty;
	View		view;

	view.change = change;
	view.memory = AllocSetContextCreate(CurrentMemoryContext, "abac guard", ALLOCSET_SMALL_SIZES);
	InitDirtySnapshot(dirty);
	view.snapshot = &dirty;
	for (;;)
	{
		view.wait_for = InvalidTransactionId;
		look(&view);
		if (!TransactionIdIsValid(view.wait_for))
			break;
		XactLockTableWait(view.wait_for, NULL, NULL, XLTW_None);
	}

	view.snapshot = AbacTakeSnapshot();
	look(&view);
	UnregisterSnapshot(view.snapshot);
	MemoryContextDelete(view.memory);
}

/* As AbacScanNext(), and the end once it is known that somebody must be waited for. */
static bool
Next(View *view, AbacScan *scan)
{
	return !TransactionIdIsValid(view->wait_for) && AbacScanNext(scan);
}

/*
 * To be called right after Next(): the transaction, if any, whose end will
 * decide whether that row is there, unless it is already known that "pending"
 * has to end first.
 */
static TransactionId
Pending(const View *view, TransactionId pending)
{
	if (TransactionIdIsValid(pending) || view->snapshot->snapshot_type != SNAPSHOT_DIRTY)
		return pending;
	return TransactionIdIsValid(view->snapshot->xmin) ? view->snapshot->xmin : view->snapshot->xmax;
}

/*
 * There is a violation if "pending" ends one way and none if the other: wait
 * for it and look again.  False when the violation is certain.
 */
static bool
MustWait(View *view, TransactionId pending)
{
	if (TransactionIdIsValid(pending))
		view->wait_for = pending;
	return TransactionIdIsValid(pending);
}

typedef void (*RowCheck) (View *view, const Row *row, TransactionId pending);

/* Let "check" judge each row that the scan finds; there may be very many. */
static void
CheckEach(View *view, AbacScan *scan, RowCheck check)
{
	while (Next(view, scan))
	{
		TransactionId pending = Pending(view, InvalidTransactionId);
		MemoryContext old = MemoryContextSwitchTo(view->memory);

		check(view, scan, pending);
		MemoryContextSwitchTo(old);
		MemoryContextReset(view->memory);
	}
}

/* The same for the rows of a table that have the id in the column. */
static void
CheckRows(View *view, AbacTable table, int column, const pg_uuid_t *id, RowCheck check)
{
	AbacScan	scan;

	AbacScanBegin(&scan, table, view->snapshot);
	AbacScanKeyUuid(&scan, column, id);
	CheckEach(view, &scan, check);
	AbacScanEnd(&scan);
}

/*
 * Organizations: what groups and policies contain
 */

static void
CheckContent(View *view, AbacTable container_table, const pg_uuid_t *container_id,
			 AbacTable content_table, const pg_uuid_t *content_id, TransactionId pending)
{
	bool		reverse = view->change->table != ABAC_RULE_GROUP_MEMBERS &&
	view->change->table != ABAC_POLICY_RULE_GROUPS;
	AbacScan	container;
	AbacScan	content;

	AbacScanBegin(&content, content_table, view->snapshot);
	AbacScanKeyUuid(&content, 0, content_id);
	while (Next(view, &content))
	{
		AbacString	organization = AbacScanText(&content, guarded_tables[content_table].organization);
		TransactionId content_pending = Pending(view, pending);

		if (organization.data == NULL)
			continue;
		AbacScanBegin(&container, container_table, view->snapshot);
		AbacScanKeyUuid(&container, 0, container_id);
		while (Next(view, &container))
		{
			TransactionId all_pending = Pending(view, content_pending);

			if (AbacStringEqual(organization, AbacScanText(&container, guarded_tables[container_table].organization)) ||
				MustWait(view, all_pending))
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("%s cannot contain %s",
							Describe(container_table, &container), Describe(content_table, &content)),
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
CheckMember(View *view, const Row *member, TransactionId pending)
{
	if (!member->nulls[MEMBER_rule_id])
		CheckContent(view, ABAC_RULE_GROUPS, AbacScanUuid(member, MEMBER_group_id),
					 ABAC_RULES, AbacScanUuid(member, MEMBER_rule_id), pending);
	if (!member->nulls[MEMBER_child_group_id])
		CheckContent(view, ABAC_RULE_GROUPS, AbacScanUuid(member, MEMBER_group_id),
					 ABAC_RULE_GROUPS, AbacScanUuid(member, MEMBER_child_group_id), pending);
}

static void
CheckLink(View *view, const Row *link, TransactionId pending)
{
	CheckContent(view, ABAC_POLICIES, AbacScanUuid(link, LINK_policy_id),
				 ABAC_RULE_GROUPS, AbacScanUuid(link, LINK_rule_group_id), pending);
}

static void
LookAtMember(View *view)
{
	CheckMember(view, view->change->new, InvalidTransactionId);
}

static void
LookAtLink(View *view)
{
	CheckLink(view, view->change->new, InvalidTransactionId);
}

static void
LookAtRuleGroups(View *view)
{
	CheckRows(view, ABAC_RULE_GROUP_MEMBERS, MEMBER_rule_id,
			  AbacScanUuid(view->change->new, RULE_id), CheckMember);
}

static void
LookAroundGroup(View *view)
{
	const pg_uuid_t *id = AbacScanUuid(view->change->new, GROUP_id);

	CheckRows(view, ABAC_RULE_GROUP_MEMBERS, MEMBER_group_id, id, CheckMember);
	CheckRows(view, ABAC_RULE_GROUP_MEMBERS, MEMBER_child_group_id, id, CheckMember);
	CheckRows(view, ABAC_POLICY_RULE_GROUPS, LINK_rule_group_id, id, CheckLink);
}

static void
LookAtPolicyGroups(View *view)
{
	CheckRows(view, ABAC_POLICY_RULE_GROUPS, LINK_policy_id,
			  AbacScanUuid(view->change->new, POLICY_id), CheckLink);
}

/*
 * Roles and the contexts they are held in
 */

/* Is the context in another organization than the role's? */
static void
CheckContext(View *view, const Row *user_role, const Row *role,
			 AbacString type, AbacString id, TransactionId pending)
{
	AbacScan	scope;

	check_stack_depth();
	if (type.data == NULL)
		return;
	if (AbacStringEqual(type, AbacStringOf("organization")))
	{
		if (AbacStringEqual(id, AbacScanText(role, ROLE_organization_id)) || MustWait(view, pending))
			return;
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s cannot be held in %s \"%s\"", Describe(ABAC_ROLES, role),
						TextOf(user_role, USER_ROLE_context_type), TextOf(user_role, USER_ROLE_context_id)),
				 AbacStringEqual(AbacScanText(user_role, USER_ROLE_context_type), type)
				 ? errdetail("User \"%s\" would hold it outside its organization.", TextOf(user_role, USER_ROLE_user_id))
				 : errdetail("User \"%s\" would hold it outside its organization: the %s belongs to organization \"%s\".",
							 TextOf(user_role, USER_ROLE_user_id), TextOf(user_role, USER_ROLE_context_type),
							 AbacStringToCString(id)),
				 view->change->table == ABAC_USER_ROLES
				 ? errhint("Use a role of that organization, or a platform-wide one.")
				 : errhint("Delete such rows of abac_user_roles first.")));
	}

	AbacScanBegin(&scope, ABAC_SCOPES, view->snapshot);
	AbacScanKeyText(&scope, SCOPE_scope_type, type);
	AbacScanKeyText(&scope, SCOPE_scope_id, id);
	while (Next(view, &scope))
	{
		TransactionId scope_pending = Pending(view, pending);

		CheckContext(view, user_role, role, AbacScanText(&scope, SCOPE_parent_type),
					 AbacScanText(&scope, SCOPE_parent_id), scope_pending);
	}
	AbacScanEnd(&scope);
}

static void
CheckUserRole(View *view, const Row *user_role, TransactionId pending)
{
	AbacString	type = AbacScanText(user_role, USER_ROLE_context_type);
	AbacScan	role;

	AbacScanBegin(&role, ABAC_ROLES, view->snapshot);
	AbacScanKeyUuid(&role, ROLE_id, AbacScanUuid(user_role, USER_ROLE_role_id));
	while (Next(view, &role))
	{
		TransactionId role_pending = Pending(view, pending);

		if (!AbacStringEqual(type, AbacScanText(&role, ROLE_scope)))
		{
			if (MustWait(view, role_pending))
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("%s cannot be held in a context of type \"%s\"",
							Describe(ABAC_ROLES, &role), AbacStringToCString(type)),
					 errdetail("The role's scope is \"%s\"; user \"%s\" would hold it in another.",
							   TextOf(&role, ROLE_scope), TextOf(user_role, USER_ROLE_user_id)),
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
CheckRolesIn(View *view, AbacString type, AbacString id)
{
	AbacScan	scan;

	check_stack_depth();
	AbacScanBegin(&scan, ABAC_USER_ROLES, view->snapshot);
	AbacScanKeyText(&scan, USER_ROLE_context_type, type);
	AbacScanKeyText(&scan, USER_ROLE_context_id, id);
	CheckEach(view, &scan, CheckUserRole);
	AbacScanEnd(&scan);

	AbacScanBegin(&scan, ABAC_SCOPES, view->snapshot);
	AbacScanKeyText(&scan, SCOPE_parent_type, type);
	AbacScanKeyText(&scan, SCOPE_parent_id, id);
	while (Next(view, &scan))
		CheckRolesIn(view, AbacScanText(&scan, SCOPE_scope_type), AbacScanText(&scan, SCOPE_scope_id));
	AbacScanEnd(&scan);
}

static void
LookAtContext(View *view)
{
	CheckUserRole(view, view->change->new, InvalidTransactionId);
}

static void
LookAtHolders(View *view)
{
	CheckRows(view, ABAC_USER_ROLES, USER_ROLE_role_id,
			  AbacScanUuid(view->change->new, ROLE_id), CheckUserRole);
}

static void
LookInScope(View *view)
{
	CheckRolesIn(view, AbacScanText(view->change->new, SCOPE_scope_type),
				 AbacScanText(view->change->new, SCOPE_scope_id));
}

/*
 * References: naming what isn't there, and deleting what is in use
 */

/*
 * Is a dump being restored?  Then what a row is compared with may come later,
 * and warnings (or, where abac.attribute_validation is strict, errors) about
 * what was accepted when it was written serve nobody.  pg_dump's scripts turn
 * check_function_bodies off for the same reason.  Anybody may do that, so it
 * counts for superusers only.
 */
static bool
IsRestoring(void)
{
	return !check_function_bodies && superuser();
}

/* Policies are assigned to roles by their ids' text, which need not be anybody's. */
static bool
IsNamedByText(const Use *use)
{
	return use->table == ABAC_POLICY_ASSIGNMENTS && use->used == ABAC_ROLES;
}

/*
 * Is the row that the scan found still there?  If so it stays until the end of
 * the transaction, with that id.  *again: what was found is out of date.
 */
static bool
LockKey(AbacScan *scan, bool *again)
{
	TupleTableSlot *slot = table_slot_create(scan->relation, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(scan->relation, &scan->slot->tts_tid, scan->snapshot, slot,
							  GetCurrentCommandId(false), LockTupleKeyShare, LockWaitBlock,
							  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	*again = result == TM_Ok && failure.traversed;
	ExecDropSingleTupleTableSlot(slot);
	return result == TM_Ok;
}

static void
CheckReference(const Use *use, const pg_uuid_t *id)
{
	bool		found;
	bool		again;

	do
	{
		Snapshot	snapshot = AbacTakeSnapshot();
		AbacScan	scan;

		again = false;
		AbacScanBegin(&scan, use->used, snapshot);
		AbacScanKeyUuid(&scan, 0, id);
		found = AbacScanNext(&scan) && LockKey(&scan, &again);
		AbacScanEnd(&scan);
		UnregisterSnapshot(snapshot);
	} while (again);

	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("row of \"%s\" names a %s that does not exist",
						AbacTableName(use->table), guarded_tables[use->used].noun),
				 errdetail("There is no %s with id \"%s\".", guarded_tables[use->used].noun,
						   DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)))),
				 errhint("Insert the %s first.", guarded_tables[use->used].noun)));
}

/*
 * What the foreign keys' own triggers would do when a row is written that
 * names others, were they not disabled: in a parallel restore the tables of an
 * extension come in any order.
 */
static void
CheckReferences(const Change *change)
{
	for (size_t i = 0; i < lengthof(uses); i++)
	{
		const pg_uuid_t *id;
		const pg_uuid_t *old_id;

		if (uses[i].table != change->table || IsNamedByText(&uses[i]))
			continue;
		id = AbacScanUuid(change->new, uses[i].column);
		old_id = change->old ? AbacScanUuid(change->old, uses[i].column) : NULL;
		if (id && !(old_id && memcmp(id, old_id, UUID_LEN) == 0))
			CheckReference(&uses[i], id);
	}
}

static void
LookForUse(View *view, const Use *use)
{
	const pg_uuid_t *id = AbacScanUuid(view->change->old, 0);
	AbacScan	scan;

	AbacScanBegin(&scan, use->table, view->snapshot);
	if (IsNamedByText(use))
	{
		char	   *text = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));

		AbacScanKeyText(&scan, ASSIGNMENT_target_type, AbacStringOf("role"));
		AbacScanKeyText(&scan, use->column, AbacStringOf(text));
	}
	else
		AbacScanKeyUuid(&scan, use->column, id);

	while (Next(view, &scan))
	{
		TransactionId pending = Pending(view, InvalidTransactionId);
		char	   *user;

		if (use->user_table == ABAC_NTABLES)
			user = psprintf("user \"%s\"", TextOf(&scan, use->user));
		else if (scan.nulls[use->user])
			user = "all roles";
		else
			user = DescribeById(view->snapshot, use->user_table, AbacScanUuid(&scan, use->user));

		/* without its owner a row is about to go too (ON DELETE CASCADE) */
		if (user == NULL || MustWait(view, pending))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("%s is in use", Describe(use->used, view->change->old)),
				 errdetail_internal("%s", psprintf(use->detail, user)),
				 errhint("%s", use->hint)));
	}
	AbacScanEnd(&scan);
}

/*
 * Whoever names the row by its id holds a lock on it (CheckReference), which
 * its deletion has waited for.  So only names in text need the first look.
 */
static void
LookForUses(View *view)
{
	for (size_t i = 0; i < lengthof(uses); i++)
	{
		if (uses[i].used == view->change->table && uses[i].detail &&
			(IsNamedByText(&uses[i]) || view->snapshot->snapshot_type != SNAPSHOT_DIRTY))
			LookForUse(view, &uses[i]);
	}
}

/* A row that goes, or gets another id, must not be named by others. */
static void
CheckUses(const Change *change)
{
	for (size_t i = 0; i < lengthof(uses); i++)
	{
		if (uses[i].used == change->table && Changed(change, "id"))
		{
			Judge(change, LookForUses);
			break;
		}
	}
}

/*
 * The graph of groups: no cycle, and not too many levels
 */

#define LEVELS_TOO_MANY	(ABAC_MAX_GROUP_LEVELS + 1)

typedef enum Direction
{
	DOWN,
	UP
} Direction;

typedef struct GroupNode
{
	pg_uuid_t	id;				/* hash key */
	int			levels[2];		/* by Direction; 0 = not known */
	bool		on_path;
} GroupNode;

typedef struct Graph
{
	Snapshot	snapshot;
	HTAB	   *nodes;
	int			npath;
	pg_uuid_t	path[LEVELS_TOO_MANY];
} Graph;

static void
ThrowCycle(const Graph *graph, const pg_uuid_t *again)
{
	StringInfoData names;
	int			first = 0;

	while (memcmp(&graph->path[first], again, UUID_LEN) != 0)
		first++;

	initStringInfo(&names);
	for (int i = first; i <= graph->npath; i++)
	{
		const pg_uuid_t *id = i < graph->npath ? &graph->path[i] : again;
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_RULE_GROUPS, graph->snapshot);
		AbacScanKeyUuid(&scan, GROUP_id, id);
		appendStringInfo(&names, "%s\"%s\"", i > first ? " -> " : "",
						 AbacScanNext(&scan) ? TextOf(&scan, GROUP_name) : "?");
		AbacScanEnd(&scan);
	}
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("rule groups cannot contain each other in a cycle"),
			 errdetail("The cycle is %s.", names.data),
			 errhint("Remove a member from one of these rule groups.")));
}

/*
 * How many levels of groups are there from this one on, itself included?  Each
 * group is visited once, however many ways lead to it.
 */
static int
CountLevels(Graph *graph, const pg_uuid_t *id, Direction direction)
{
	int			from = direction == DOWN ? MEMBER_group_id : MEMBER_child_group_id;
	int			to = direction == DOWN ? MEMBER_child_group_id : MEMBER_group_id;
	int			levels = 1;
	bool		found;
	GroupNode  *node = hash_search(graph->nodes, id, HASH_ENTER, &found);
	AbacScan	scan;

	check_stack_depth();
	if (!found)
	{
		memset(node->levels, 0, sizeof(node->levels));
		node->on_path = false;
	}
	if (node->on_path)
		ThrowCycle(graph, id);
	if (node->levels[direction] > 0)
		return node->levels[direction];
	if (graph->npath == lengthof(graph->path))
		return LEVELS_TOO_MANY;

	node->on_path = true;
	graph->path[graph->npath++] = node->id;
	AbacScanBegin(&scan, ABAC_RULE_GROUP_MEMBERS, graph->snapshot);
	AbacScanKeyUuid(&scan, from, &node->id);
	while (levels < LEVELS_TOO_MANY && AbacScanNext(&scan))
	{
		if (!scan.nulls[to])
			levels = Max(levels, 1 + CountLevels(graph, AbacScanUuid(&scan, to), direction));
	}
	AbacScanEnd(&scan);
	graph->npath--;
	node->on_path = false;

	node->levels[direction] = Min(levels, LEVELS_TOO_MANY);
	return node->levels[direction];
}

static void
CheckGraph(const Row *member)
{
	const pg_uuid_t *parent = AbacScanUuid(member, MEMBER_group_id);
	const pg_uuid_t *child = AbacScanUuid(member, MEMBER_child_group_id);
	HASHCTL		control;
	Graph		graph;
	int			levels;

	LockDatabaseObject(AbacTableOid(ABAC_RULE_GROUP_MEMBERS), InvalidOid, 0, ExclusiveLock);

	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(GroupNode);
	control.hcxt = CurrentMemoryContext;
	graph.nodes = hash_create("abac rule groups", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	graph.npath = 0;
	graph.snapshot = AbacTakeSnapshot();

	/* down from the parent, which finds every cycle that the new edge closes */
	levels = CountLevels(&graph, parent, DOWN) + CountLevels(&graph, parent, UP) - 1;
	if (levels > ABAC_MAX_GROUP_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("rule groups cannot be nested deeper than %d levels", ABAC_MAX_GROUP_LEVELS),
				 errdetail("There would be more with %s in %s.",
						   DescribeById(graph.snapshot, ABAC_RULE_GROUPS, child),
						   DescribeById(graph.snapshot, ABAC_RULE_GROUPS, parent))));

	UnregisterSnapshot(graph.snapshot);
	hash_destroy(graph.nodes);
}

/*
 * System rows
 */

static const char *const system_hint =
"A superuser can set abac.allow_system_changes for a transaction that has to.";

/* Columns of a system row that may change, or follow such a change. */
static bool
IsTextColumn(Form_pg_attribute attribute)
{
	static const char *const names[] = {
		"display_name", "description", "updated_at", "updated_by", "version"
	};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(NameStr(attribute->attname), names[i]) == 0)
			return true;
	}
	return false;
}

static void
GuardSystemRow(const Change *change)
{
	const Guarded *guarded = &guarded_tables[change->table];
	TupleDesc	desc = RelationGetDescr(change->trigger->tg_relation);

	if (!AbacScanBool(change->old, guarded->system))
		return;
	if (change->new == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s cannot be deleted", Describe(change->table, change->old)),
				 errdetail("It is a system %s.", guarded->noun),
				 errhint("%s", system_hint)));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || attribute->attgenerated || IsTextColumn(attribute) ||
			SameImage(desc, i, change->old_tuple, change->new_tuple))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("column \"%s\" of %s cannot be changed",
						NameStr(attribute->attname), Describe(change->table, change->old)),
				 errdetail("It is a system %s: only display_name and description may change.", guarded->noun),
				 errhint("%s", system_hint)));
	}
}

/* Members, links and assignments. */
static void
GuardSystemPart(const Change *change)
{
	const Guarded *guarded = &guarded_tables[change->table];
	const Guarded *parent = &guarded_tables[guarded->parent];
	TupleDesc	desc = RelationGetDescr(change->trigger->tg_relation);
	Snapshot	snapshot;
	AbacScan	scan;
	bool		changed = change->new == NULL;

	for (int i = 0; i < desc->natts && !changed; i++)
		changed = !TupleDescAttr(desc, i)->attisdropped &&
			!IsTextColumn(TupleDescAttr(desc, i)) &&
			!SameImage(desc, i, change->old_tuple, change->new_tuple);
	if (!changed)
		return;

	snapshot = AbacTakeSnapshot();
	AbacScanBegin(&scan, guarded->parent, snapshot);
	AbacScanKeyUuid(&scan, 0, AbacScanUuid(change->old, guarded->parent_id));
	if (AbacScanNext(&scan) && AbacScanBool(&scan, parent->system))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s of %s cannot be %s", guarded->noun, Describe(guarded->parent, &scan),
						change->new ? "changed" : "deleted"),
				 errdetail("It is a system %s: members, links and assignments can only be added.", parent->noun),
				 errhint("%s", system_hint)));
	AbacScanEnd(&scan);
	UnregisterSnapshot(snapshot);
}

/* A system row of the table, or one that has parts in it; NULL when there is none. */
static char *
FindSystemRow(AbacTable table, Snapshot snapshot)
{
	const Guarded *guarded = &guarded_tables[table];
	AbacTable	owner = guarded->parent_id ? guarded->parent : table;
	AbacScan	scan;
	char	   *result = NULL;

	AbacScanBegin(&scan, owner, snapshot);
	while (result == NULL && AbacScanNext(&scan))
	{
		bool		found = AbacScanBool(&scan, guarded_tables[owner].system);

		if (found && owner != table)
		{
			AbacScan	part;

			AbacScanBegin(&part, table, snapshot);
			AbacScanKeyUuid(&part, guarded->parent_id, AbacScanUuid(&scan, 0));
			found = AbacScanNext(&part);
			AbacScanEnd(&part);
		}
		if (found)
			result = Describe(owner, &scan);
	}
	AbacScanEnd(&scan);
	return result;
}

/* Trigger, BEFORE TRUNCATE of a table with system rows, or parts of them. */
Datum
abac_guard_truncate(PG_FUNCTION_ARGS)
{
	AbacTable	table = TriggerTable(fcinfo, "abac_guard_truncate");
	const Guarded *guarded = &guarded_tables[table];
	Snapshot	snapshot;
	char	   *found;

	if (abac_allow_system_changes || (guarded->system == 0 && guarded->parent_id == 0))
		return PointerGetDatum(NULL);

	snapshot = AbacTakeSnapshot();
	found = FindSystemRow(table, snapshot);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" cannot be truncated", AbacTableName(table)),
				 guarded->parent_id
				 ? errdetail("It holds what belongs to %s, a system %s.", found,
							 guarded_tables[guarded->parent].noun)
				 : errdetail("It holds %s, a system %s.", found, guarded->noun),
				 errhint("%s", system_hint)));
	UnregisterSnapshot(snapshot);
	return PointerGetDatum(NULL);
}

/*
 * What values a definition allows
 */

static const char *
KindName(const AbacValue *value)
{
	switch (value->kind)
	{
		case ABAC_KIND_NULL:
			return "null";
		case ABAC_KIND_STRING:
			return "string";
		case ABAC_KIND_NUMBER:
			return "number";
		case ABAC_KIND_BOOLEAN:
			return "boolean";
		case ABAC_KIND_ARRAY:
			return "array";
		case ABAC_KIND_OBJECT:
			return "object";
		default:
			elog(ERROR, "unrecognized kind of value: %d", (int) value->kind);
	}
}

static bool
IsAllowed(const AbacAttribute *attribute, Jsonb *allowed_values, const AbacValue *element)
{
	AbacElements elements;
	AbacValue	list;
	AbacValue	allowed;

	AbacValueFromJsonb(allowed_values, &list);
	AbacElementsBegin(&elements, &list);
	while (AbacElementsNext(&elements, &allowed))
	{
		if (AbacCoerce(&allowed, attribute->type, &allowed) &&
			AbacEqual(element, &allowed) == ABAC_TRUE)
			return true;
	}
	return false;
}

/* The allowed values, cut where they get many. */
static char *
ListAllowed(Jsonb *allowed_values)
{
	char	   *text = JsonbToCString(NULL, &allowed_values->root, 0);
	int			length = strlen(text);

	if (length > 200)
		text = psprintf("%s...", pnstrdup(text, pg_mbcliplen(text, length, 200)));
	return text;
}

/* Does the element's text match the pattern?  A bad pattern (guards were off) forbids nothing. */
static bool
MatchesPattern(AbacString pattern, const AbacValue *element)
{
	AbacError	error;
	regex_t    *regex = AbacCompileRegex(pattern, &error);
	AbacValue	text;

	if (!AbacCoerce(element, ABAC_TYPE_STRING, &text))
		text.u.string = AbacStringOf(element->kind == ABAC_KIND_NULL ? "null" :
									 JsonbToCString(NULL, element->u.container, 0));
	return regex == NULL || AbacRegexMatches(regex, text.u.string) != ABAC_FALSE;
}

/*
 * In what the value contradicts the definition, as a sentence; NULL when it
 * doesn't.  The sentence doesn't contain the value: who may change a row need
 * not be allowed to read it.
 */
static char *
FindContradiction(const Row *definition, const AbacValue *raw, int *sqlstate)
{
	AbacAttribute attribute = {.name = AbacScanText(definition, DEFINITION_name)};
	AbacValue	shaped;
	AbacValue	array = *raw;
	AbacElements elements;
	AbacValue	element;
	AbacValue	coerced;
	bool		fits;

	AbacDefineAttribute(&attribute, definition->values, definition->nulls, CurrentMemoryContext);

	*sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
	fits = AbacShape(&attribute, raw, &shaped);
	array.singleton = raw->kind != ABAC_KIND_ARRAY;
	AbacElementsBegin(&elements, &array);
	while (fits && AbacElementsNext(&elements, &element))
	{
		if (!AbacCoerce(&element, attribute.type, &coerced))
		{
			fits = false;
			break;
		}
		*sqlstate = ERRCODE_CHECK_VIOLATION;
		if (!definition->nulls[DEFINITION_allowed_values] &&
			!IsAllowed(&attribute, DatumGetJsonbP(definition->values[DEFINITION_allowed_values]), &coerced))
			return psprintf("Only these values are allowed: %s.",
							ListAllowed(DatumGetJsonbP(definition->values[DEFINITION_allowed_values])));
		if (!definition->nulls[DEFINITION_validation_regex] &&
			!MatchesPattern(AbacScanText(definition, DEFINITION_validation_regex), &element))
			return psprintf("It must match the regular expression \"%s\".",
							TextOf(definition, DEFINITION_validation_regex));
		*sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
	}
	if (fits)
		return NULL;

	if (raw->kind == ABAC_KIND_ARRAY && (attribute.multivalued || attribute.array_type))
		return psprintf("Its elements must be of type %s, and one of type %s isn't.",
						TextOf(definition, DEFINITION_data_type), KindName(&element));
	return psprintf("It must be of type %s%s, and this one of type %s isn't.",
					attribute.multivalued ? "array of " : "",
					TextOf(definition, DEFINITION_data_type), KindName(raw));
}

/* The definition by itself: its pattern, its allowed values and its default. */
static void
CheckDefinition(const Row *definition)
{
	AbacAttribute attribute = {.name = AbacScanText(definition, DEFINITION_name)};
	AbacError	error;
	char	   *contradiction;

	AbacDefineAttribute(&attribute, definition->values, definition->nulls, CurrentMemoryContext);

	if (!definition->nulls[DEFINITION_validation_regex] &&
		AbacCompileRegex(AbacScanText(definition, DEFINITION_validation_regex), &error) == NULL)
	{
		error.detail = psprintf("It is the validation_regex of %s.",
								Describe(ABAC_ATTRIBUTE_DEFINITIONS, definition));
		AbacThrow(ERROR, &error);
	}

	if (!definition->nulls[DEFINITION_allowed_values])
	{
		AbacElements elements;
		AbacValue	list;
		AbacValue	value;

		AbacValueFromJsonb(DatumGetJsonbP(definition->values[DEFINITION_allowed_values]), &list);
		AbacElementsBegin(&elements, &list);
		while (AbacElementsNext(&elements, &value))
		{
			if (value.kind != ABAC_KIND_NULL && AbacCoerce(&value, attribute.type, &value))
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid allowed_values of %s",
							Describe(ABAC_ATTRIBUTE_DEFINITIONS, definition)),
					 errdetail("They must be of type %s, and number %d, of type %s, isn't.",
							   TextOf(definition, DEFINITION_data_type), elements.next, KindName(&value)),
					 errhint("Change allowed_values or data_type.")));
		}
	}

	if (attribute.has_default)
	{
		contradiction = FindContradiction(definition, &attribute.default_value, &error.sqlstate);
		if (contradiction)
			ereport(ERROR,
					(errcode(error.sqlstate),
					 errmsg("invalid default_value of %s", Describe(ABAC_ATTRIBUTE_DEFINITIONS, definition)),
					 errdetail_internal("%s", contradiction),
					 errhint("Change default_value or the definition.")));
	}
}

/* The value that a dotted name below "user" has in an object; false for none or JSON null. */
static bool
DigName(JsonbContainer *object, AbacString name, AbacValue *value)
{
	const char *end = name.data + name.length;
	const char *key = memchr(name.data, '.', name.length);

	while (key != NULL)
	{
		const char *next = memchr(key + 1, '.', end - (key + 1));
		AbacString	part = {key + 1, (next ? next : end) - (key + 1)};

		if (!AbacObjectGet(object, part, value))
			return false;
		if (next && value->kind != ABAC_KIND_OBJECT)
			return false;
		if (next)
			object = value->u.container;
		key = next;
	}
	return value->kind != ABAC_KIND_NULL;
}

static void
GuardUserAttributes(const Change *change)
{
	AbacString	organization;
	JsonbContainer *object;
	Snapshot	snapshot;
	List	   *names = NIL;	/* that the organization defines itself */

	if (change->new == NULL ||
		abac_attribute_validation == ABAC_VALIDATION_OFF || IsRestoring() ||
		!(Changed(change, "attributes") || Changed(change, "organization_id")))
		return;

	organization = AbacScanText(change->new, USER_ATTRIBUTE_organization_id);
	object = &DatumGetJsonbP(change->new->values[USER_ATTRIBUTE_attributes])->root;
	snapshot = AbacTakeSnapshot();
	for (int i = organization.data ? 0 : 1; i < 2; i++)
	{
		AbacString	none = {NULL, 0};
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, snapshot);
		AbacScanKeyText(&scan, DEFINITION_organization_id, i == 0 ? organization : none);
		while (AbacScanNext(&scan))
		{
			AbacString	name = AbacScanText(&scan, DEFINITION_name);
			AbacValue	value;
			char	   *contradiction;
			int			sqlstate;
			bool		overridden = false;
			ListCell   *cell;

			if (name.length < 5 || memcmp(name.data, "user.", 5) != 0)
				continue;
			foreach(cell, names)
				overridden |= AbacStringEqual(name, AbacStringOf(lfirst(cell)));
			if (i == 0)
				names = lappend(names, AbacStringToCString(name));
			if (overridden || !DigName(object, name, &value))
				continue;

			contradiction = FindContradiction(&scan, &value, &sqlstate);
			if (contradiction)
				ereport(abac_attribute_validation == ABAC_VALIDATION_STRICT ? ERROR : WARNING,
						(errcode(sqlstate),
						 organization.data
						 ? errmsg("attribute \"%s\" of user \"%s\" in organization \"%s\" contradicts its definition",
								  AbacStringToCString(name), TextOf(change->new, USER_ATTRIBUTE_user_id),
								  AbacStringToCString(organization))
						 : errmsg("attribute \"%s\" of user \"%s\" contradicts its definition",
								  AbacStringToCString(name), TextOf(change->new, USER_ATTRIBUTE_user_id)),
						 errdetail_internal("%s", contradiction),
						 errhint("Change the value, or the %s.",
								 Describe(ABAC_ATTRIBUTE_DEFINITIONS, &scan))));
		}
		AbacScanEnd(&scan);
	}
	UnregisterSnapshot(snapshot);
}

/*
 * Conditions
 */

/*
 * To compile what this statement wrote: with a lock on what attributes are
 * defined as, and nothing remembered from before the statement.
 */
static void
BeginCompiling(LOCKMODE mode)
{
	static TransactionId transaction = InvalidTransactionId;
	static CommandId command = InvalidCommandId;

	LockDatabaseObject(AbacTableOid(ABAC_ATTRIBUTE_DEFINITIONS), InvalidOid, 0, mode);

	/* once for all rows of a statement: it wrote something, so it has a number of its own */
	if (transaction != GetTopTransactionId() || command != GetCurrentCommandId(false))
	{
		AbacCacheForget();
		transaction = GetTopTransactionId();
		command = GetCurrentCommandId(false);
	}
	AbacCacheBegin();
}

/*
 * Whose definitions does a row with conditions see (none = platform-wide ones
 * only)?  False when that isn't known, for want of the role that it is for.
 */
static bool
FindViewpoint(AbacTable table, const Row *row, AbacString *organization)
{
	AbacScan	scan;
	bool		found;

	if (table != ABAC_CONDITIONS)
	{
		*organization = AbacScanText(row, guarded_tables[table].organization);
		return true;
	}

	*organization = AbacStringOf(NULL);
	if (row->nulls[CONDITION_role_id])
		return true;
	AbacScanBegin(&scan, ABAC_ROLES, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, ROLE_id, AbacScanUuid(row, CONDITION_role_id));
	found = AbacScanNext(&scan);
	if (found)
		*organization = AbacStringOf(TextOf(&scan, ROLE_organization_id));
	AbacScanEnd(&scan);
	return found;
}

/* Does the row's condition compile?  False with *error. */
static bool
Compiles(AbacTable table, const Row *row, AbacString organization, AbacError *error, List **warnings)
{
	int			column = table == ABAC_RULES ? RULE_conditions : POLICY_RULE_conditions;

	if (table == ABAC_CONDITIONS)
		return AbacCompileLeaf(AbacScanText(row, CONDITION_attribute_key),
							   AbacScanText(row, CONDITION_operator),
							   DatumGetJsonbP(row->values[CONDITION_attribute_value]),
							   organization, error, warnings) != NULL;
	return row->nulls[column] ||
		AbacCompile(DatumGetJsonbP(row->values[column]), organization, error, warnings) != NULL;
}

static void
ConsiderName(AbacString name, AbacString candidate, char **best, int *distance)
{
	const int	longest = 255;
	int			this_distance;

	if (name.length > longest || candidate.length > longest)
		return;
	this_distance = varstr_levenshtein_less_equal(name.data, name.length,
												  candidate.data, candidate.length,
												  1, 1, 1, *distance, true);
	if (this_distance < *distance)
	{
		*best = AbacStringToCString(candidate);
		*distance = this_distance;
	}
}

/* The defined name that is nearest to one that isn't, as a hint; NULL when none is near. */
static char *
NearestNameHint(AbacString organization, AbacString name)
{
	AbacString	none = {NULL, 0};
	char	   *best = NULL;
	const char *path = memchr(name.data, '.', name.length);

	/* nearer than this: at most three letters, nor more than half of the path */
	int			distance = Min(4, (name.data + name.length - path) / 2 + 1);

	for (int i = organization.data ? 0 : 1; i < 2; i++)
	{
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, AbacCacheSnapshot());
		AbacScanKeyText(&scan, DEFINITION_organization_id, i == 0 ? organization : none);
		while (AbacScanNext(&scan))
			ConsiderName(name, AbacScanText(&scan, DEFINITION_name), &best, &distance);
		AbacScanEnd(&scan);
	}
	for (int i = 0; AbacBuiltinName(i) != NULL; i++)
		ConsiderName(name, AbacStringOf(AbacBuiltinName(i)), &best, &distance);
	return best ? psprintf("Perhaps you meant \"%s\".", best) : NULL;
}

/* Say which row a fault is in: a statement may write many. */
static void
AddRow(AbacError *error, AbacTable table, const Row *row)
{
	error->detail = psprintf("In %s.%s%s", Describe(table, row),
							 error->detail ? " " : "", error->detail ? error->detail : "");
}

static void
GuardConditions(const Change *change)
{
	AbacString	organization;
	AbacError	error;
	List	   *warnings = NIL;
	ListCell   *cell;

	if (change->new == NULL)
		return;
	if (change->table == ABAC_CONDITIONS)
	{
		if (!(Changed(change, "role_id") || Changed(change, "attribute_key") ||
			  Changed(change, "operator") || Changed(change, "attribute_value")))
			return;
	}
	else if (!(Changed(change, "conditions") || Changed(change, "organization_id")))
		return;

	BeginCompiling(ShareLock);
	if (!FindViewpoint(change->table, change->new, &organization))
	{
		/* the role may come yet: a dump is being restored */
		AbacCacheEnd();
		return;
	}
	if (!Compiles(change->table, change->new, organization, &error, &warnings))
	{
		AddRow(&error, change->table, change->new);
		AbacThrow(ERROR, &error);
	}

	foreach(cell, warnings)
	{
		AbacWarning *warning = lfirst(cell);
		int			elevel = WARNING;

		if (warning->kind == ABAC_WARNING_UNDEFINED)
		{
			if (abac_attribute_validation == ABAC_VALIDATION_OFF || IsRestoring())
				continue;
			if (abac_attribute_validation == ABAC_VALIDATION_STRICT)
				elevel = ERROR;
			if (warning->error.hint == NULL)
				warning->error.hint = NearestNameHint(organization, warning->name);
		}
		AddRow(&warning->error, change->table, change->new);
		AbacThrow(elevel, &warning->error);
	}
	AbacCacheEnd();
}

static bool
IsNameOf(AbacString text, AbacString attribute)
{
	AbacString	canonical;

	if (text.length > 0 && text.data[0] == '$')
	{
		text.data++;
		text.length--;
	}
	return AbacParseAttributeName(text, &canonical) && AbacStringEqual(canonical, attribute);
}

/* Does the row name the attribute anywhere in its condition? */
static bool
Mentions(AbacTable table, const Row *row, AbacString attribute)
{
	int			column = table == ABAC_RULES ? RULE_conditions :
	table == ABAC_POLICY_RULES ? POLICY_RULE_conditions : CONDITION_attribute_value;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	json;

	if (table == ABAC_CONDITIONS && IsNameOf(AbacScanText(row, CONDITION_attribute_key), attribute))
		return true;
	if (row->nulls[column])
		return false;
	iterator = JsonbIteratorInit(&DatumGetJsonbP(row->values[column])->root);
	while ((token = JsonbIteratorNext(&iterator, &json, false)) != WJB_DONE)
	{
		if ((token == WJB_VALUE || token == WJB_ELEM) && json.type == jbvString &&
			IsNameOf((AbacString) {json.val.string.val, json.val.string.len}, attribute))
			return true;
	}
	return false;
}

static void
ThrowBroken(const char *what, AbacTable table, const Row *row, const AbacError *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("%s would break %s", what, Describe(table, row)),
			 errdetail("It would no longer compile: %s. %s", error->message,
					   error->detail ? error->detail : ""),
			 errhint("Change the condition first, or both in one statement.")));
}

/*
 * Does every condition that sees this definition still compile?  A condition
 * that names the attribute and doesn't compile for another reason (guards were
 * off) is refused too: nobody could tell what the new definition does to it.
 */
static void
RecheckDefined(AbacString organization, AbacString attribute)
{
	static const AbacTable tables[] = {ABAC_RULES, ABAC_POLICY_RULES, ABAC_CONDITIONS};
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "abac conditions",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	for (size_t i = 0; i < lengthof(tables); i++)
	{
		AbacTable	table = tables[i];
		AbacScan	scan;

		/* the scan's own things are made by its first step, and stay */
		MemoryContextSwitchTo(old);
		AbacScanBegin(&scan, table, AbacCacheSnapshot());
		if (organization.data && guarded_tables[table].organization)
			AbacScanKeyText(&scan, guarded_tables[table].organization, organization);
		while (AbacScanNext(&scan))
		{
			AbacString	viewpoint;
			AbacError	error;

			MemoryContextSwitchTo(memory);
			if (Mentions(table, &scan, attribute) &&
				FindViewpoint(table, &scan, &viewpoint) &&
				!Compiles(table, &scan, viewpoint, &error, NULL))
				ThrowBroken(psprintf("change of the definition of \"%s\"", AbacStringToCString(attribute)),
							table, &scan, &error);
			MemoryContextSwitchTo(old);
			MemoryContextReset(memory);
		}
		AbacScanEnd(&scan);
	}
	MemoryContextDelete(memory);
}

/* Do the conditions bound to the role compile with the definitions of its new organization? */
static void
RecheckRole(const Row *role)
{
	AbacScan	scan;

	BeginCompiling(ExclusiveLock);
	AbacScanBegin(&scan, ABAC_CONDITIONS, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, CONDITION_role_id, AbacScanUuid(role, ROLE_id));
	while (AbacScanNext(&scan))
	{
		AbacError	error;

		if (!Compiles(ABAC_CONDITIONS, &scan, AbacScanText(role, ROLE_organization_id), &error, NULL))
			ThrowBroken(psprintf("change of the organization of role \"%s\"", TextOf(role, ROLE_name)),
						ABAC_CONDITIONS, &scan, &error);
	}
	AbacScanEnd(&scan);
	AbacCacheEnd();
}

/* No organization redefines a name that has a platform-wide system definition. */
static void
CheckRedefinition(const Row *definition)
{
	bool		platform = definition->nulls[DEFINITION_organization_id];
	AbacScan	scan;

	if (platform && !AbacScanBool(definition, DEFINITION_is_system))
		return;
	AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, DEFINITION_name, AbacScanText(definition, DEFINITION_name));
	while (AbacScanNext(&scan))
	{
		bool		other_platform = scan.nulls[DEFINITION_organization_id];

		if (platform ? other_platform : !(other_platform && AbacScanBool(&scan, DEFINITION_is_system)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("organization \"%s\" cannot redefine system attribute \"%s\"",
						TextOf(platform ? &scan : definition, DEFINITION_organization_id),
						TextOf(definition, DEFINITION_name)),
				 errdetail("The platform-wide definition of that name is a system definition."),
				 platform
				 ? errhint("Delete the organizations' definitions of that name first.")
				 : errhint("Choose another name.")));
	}
	AbacScanEnd(&scan);
}

/*
 * One function for each table that has rules of its own
 */

static void
GuardDefinition(const Change *change)
{
	bool		renamed = Changed(change, "organization_id") || Changed(change, "name");
	bool		retyped = Changed(change, "data_type") || Changed(change, "is_multivalued");

	if (change->new)
		CheckDefinition(change->new);
	if (!(renamed || retyped || Changed(change, "is_system")))
		return;

	BeginCompiling(ExclusiveLock);
	if (change->new)
		CheckRedefinition(change->new);
	if (!IsRestoring())
	{
		if (change->old && renamed)
			RecheckDefined(AbacScanText(change->old, DEFINITION_organization_id),
						   AbacScanText(change->old, DEFINITION_name));
		if (change->new && (renamed || retyped))
			RecheckDefined(AbacScanText(change->new, DEFINITION_organization_id),
						   AbacScanText(change->new, DEFINITION_name));
	}
	AbacCacheEnd();
}

static void
GuardRule(const Change *change)
{
	if (change->new && Moved(change))
		Judge(change, LookAtRuleGroups);
	GuardConditions(change);
}

static void
GuardGroup(const Change *change)
{
	if (change->new && Moved(change))
		Judge(change, LookAroundGroup);
}

static void
GuardMember(const Change *change)
{
	if (change->new == NULL ||
		!(Changed(change, "group_id") || Changed(change, "rule_id") || Changed(change, "child_group_id")))
		return;
	Judge(change, LookAtMember);
	if (!change->new->nulls[MEMBER_child_group_id])
		CheckGraph(change->new);
}

static void
GuardPolicy(const Change *change)
{
	if (change->new && Moved(change))
		Judge(change, LookAtPolicyGroups);
}

static void
GuardLink(const Change *change)
{
	if (change->new && (Changed(change, "policy_id") || Changed(change, "rule_group_id")))
		Judge(change, LookAtLink);
}

/* A scope that goes leaves only unknown ones behind, which violate nothing. */
static void
GuardScope(const Change *change)
{
	AbacString	type;

	if (change->new == NULL ||
		!(Changed(change, "scope_type") || Changed(change, "scope_id") ||
		  Changed(change, "parent_type") || Changed(change, "parent_id")))
		return;
	type = AbacScanText(change->new, SCOPE_scope_type);
	if (AbacStringEqual(type, AbacStringOf("project")) ||
		AbacStringEqual(type, AbacStringOf("workspace")))
		Judge(change, LookInScope);
}

static void
GuardRole(const Change *change)
{
	if (change->new == NULL)
		return;
	if (Changed(change, "scope") || Moved(change))
		Judge(change, LookAtHolders);
	if (change->old && Changed(change, "organization_id"))
		RecheckRole(change->new);
}

static void
GuardUserRole(const Change *change)
{
	if (change->new &&
		(Changed(change, "role_id") || Changed(change, "context_type") || Changed(change, "context_id")))
		Judge(change, LookAtContext);
}

/* Trigger, AFTER INSERT, UPDATE or DELETE of a row: may the change stand? */
Datum
abac_guard(PG_FUNCTION_ARGS)
{
	AbacTable	table = TriggerTable(fcinfo, "abac_guard");
	const Guarded *guarded = &guarded_tables[table];
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	Change		change = {.trigger = trigger, .table = table};
	Row			old;
	Row			new;

	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER ROW", "abac_guard")));

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		change.old_tuple = trigger->tg_trigtuple;
		AbacExtractColumns(table, desc, change.old_tuple, old.values, old.nulls);
		change.old = &old;
	}
	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		change.new_tuple = change.old ? trigger->tg_newtuple : trigger->tg_trigtuple;
		AbacExtractColumns(table, desc, change.new_tuple, new.values, new.nulls);
		change.new = &new;
	}

	/* let snapshots see what this statement wrote */
	CommandCounterIncrement();

	if (change.old && !abac_allow_system_changes)
	{
		if (guarded->system)
			GuardSystemRow(&change);
		if (guarded->parent_id)
			GuardSystemPart(&change);
	}
	if (change.old)
		CheckUses(&change);
	if (change.new && !IsRestoring())
		CheckReferences(&change);
	if (guarded->guard)
		guarded->guard(&change);
	return PointerGetDatum(NULL);
}

/*
 * Trigger, BEFORE UPDATE of a row: updated_at, and a policy's version, follow
 * real changes and nothing else, whatever the statement says of them.
 */
Datum
abac_touch(PG_FUNCTION_ARGS)
{
	AbacTable	table = TriggerTable(fcinfo, "abac_touch");
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = trigger->tg_newtuple;
	int			updated_at = FindColumn(desc, "updated_at");
	int			updated_by = FindColumn(desc, "updated_by");
	int			version = table == ABAC_POLICIES ? FindColumn(desc, "version") : -1;
	bool		changed = false;	/* updated_by counts */
	bool		changed_more = false;	/* it doesn't */
	int			columns[2];
	Datum		values[2];
	bool		nulls[2];
	int			ncolumns = 1;

	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired BEFORE UPDATE of a row", "abac_touch")));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		/* generated columns follow others, and aren't computed yet */
		if (attribute->attisdropped || attribute->attgenerated || i == updated_at || i == version ||
			SameImage(desc, i, old, new))
			continue;
		changed = true;
		changed_more |= i != updated_by;
	}

	columns[0] = updated_at + 1;
	if (changed)
	{
		values[0] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
		nulls[0] = false;
	}
	else
		values[0] = heap_getattr(old, updated_at + 1, desc, &nulls[0]);
	if (version >= 0)
	{
		int32		number = DatumGetInt32(heap_getattr(old, version + 1, desc, &nulls[1]));

		if (changed_more && number < PG_INT32_MAX)
			number++;
		columns[1] = version + 1;
		values[1] = Int32GetDatum(number);
		ncolumns = 2;
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(new, desc, ncolumns, columns, values, nulls));
}
