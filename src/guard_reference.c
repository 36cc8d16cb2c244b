/*
 * guard_reference.c
 *	  Guards of references: naming a row that isn't there, and deleting a row
 *	  that is named.
 *
 * The foreign keys do the rest (ON DELETE CASCADE, and what happens when the
 * guards are off).  Who names a row by its id locks it as a foreign key does;
 * who names a role by the text of its id doesn't, and is found by the two
 * looks of guard.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "guard.h"
#include "scan.h"

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

/* Policies are assigned to roles by their ids' text, which need not be anybody's. */
static bool
IsNamedByText(const Use *use)
{
	return use->table == ABAC_POLICY_ASSIGNMENTS && use->used == ABAC_ROLES;
}

/* The row with that id must be there, and stays until the end of the transaction. */
static void
CheckReference(const Use *use, const pg_uuid_t *id)
{
	bool		found;
	bool		again;

	/* kept, as a foreign key does: a rewrite of the table would lose the row's lock */
	LockRelationOid(AbacTableOid(use->used), RowShareLock);
	do
	{
		Snapshot	snapshot = AbacTakeSnapshot();
		AbacScan	scan;

		again = false;
		AbacScanBegin(&scan, use->used, snapshot);
		AbacScanKeyUuid(&scan, 0, id);
		found = AbacScanNext(&scan) && AbacScanLockRow(&scan, &again);
		AbacScanEnd(&scan);
		UnregisterSnapshot(snapshot);
	} while (again);

	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("row of \"%s\" names a %s that does not exist",
						AbacTableName(use->table), abac_guarded_tables[use->used].noun),
				 errdetail("There is no %s with id \"%s\".", abac_guarded_tables[use->used].noun,
						   DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)))),
				 errhint("Insert the %s first.", abac_guarded_tables[use->used].noun)));
}

/*
 * What the foreign keys' own triggers would do when a row is written that
 * names others, were they not disabled: in a parallel restore the tables of an
 * extension come in any order.
 */
void
AbacGuardReferences(const AbacRowChange *change)
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
LookForUse(AbacView *view, const Use *use)
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

	while (AbacViewNext(view, &scan))
	{
		TransactionId pending = AbacViewPending(view, InvalidTransactionId);
		char	   *user;

		if (use->user_table == ABAC_NTABLES)
			user = psprintf("user \"%s\"", AbacRowText(&scan, use->user));
		else if (scan.nulls[use->user])
			user = "all roles";
		else
			user = AbacDescribeById(view->snapshot, use->user_table, AbacScanUuid(&scan, use->user));

		/* without its owner a row is about to go too (ON DELETE CASCADE) */
		if (user == NULL || AbacViewMustWait(view, pending))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("%s is in use", AbacDescribe(use->used, view->change->old)),
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
LookForUses(AbacView *view)
{
	for (size_t i = 0; i < lengthof(uses); i++)
	{
		if (uses[i].used == view->change->table && uses[i].detail &&
			(IsNamedByText(&uses[i]) || view->snapshot->snapshot_type != SNAPSHOT_DIRTY))
			LookForUse(view, &uses[i]);
	}
}

/* A row that goes, or gets another id, must not be named by others. */
void
AbacGuardUses(const AbacRowChange *change)
{
	for (size_t i = 0; i < lengthof(uses); i++)
	{
		if (uses[i].used == change->table && AbacColumnChanged(change, "id"))
		{
			AbacJudge(change, LookForUses);
			break;
		}
	}
}
