/*
 * guard_system.c
 *	  Guards of system rows: their texts may change, parts may be added to them,
 *	  and that is all.
 *
 * abac.allow_system_changes lets everything pass: the caller asks for it before
 * the first two, AbacGuardTruncate() itself.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "guard.h"
#include "scan.h"

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

/* A row of a table with the flag is_system, updated or deleted. */
void
AbacGuardSystemRow(const AbacRowChange *change)
{
	const AbacGuardedTable *guarded = &abac_guarded_tables[change->table];
	TupleDesc	desc = RelationGetDescr(change->trigger->tg_relation);

	if (!AbacScanBool(change->old, guarded->system))
		return;
	if (change->new == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s cannot be deleted", AbacDescribe(change->table, change->old)),
				 errdetail("It is a system %s.", guarded->noun),
				 errhint("%s", system_hint)));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || attribute->attgenerated || IsTextColumn(attribute) ||
			AbacSameImage(desc, i, change->old_tuple, change->new_tuple))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("column \"%s\" of %s cannot be changed",
						NameStr(attribute->attname), AbacDescribe(change->table, change->old)),
				 errdetail("It is a system %s: only display_name and description may change.", guarded->noun),
				 errhint("%s", system_hint)));
	}
}

/* A member, a link or an assignment, updated or deleted: part of another row. */
void
AbacGuardSystemPart(const AbacRowChange *change)
{
	const AbacGuardedTable *guarded = &abac_guarded_tables[change->table];
	const AbacGuardedTable *parent = &abac_guarded_tables[guarded->parent];
	TupleDesc	desc = RelationGetDescr(change->trigger->tg_relation);
	Snapshot	snapshot;
	AbacScan	scan;
	bool		changed = change->new == NULL;

	for (int i = 0; i < desc->natts && !changed; i++)
		changed = !TupleDescAttr(desc, i)->attisdropped &&
			!IsTextColumn(TupleDescAttr(desc, i)) &&
			!AbacSameImage(desc, i, change->old_tuple, change->new_tuple);
	if (!changed)
		return;

	snapshot = AbacTakeSnapshot();
	AbacScanBegin(&scan, guarded->parent, snapshot);
	AbacScanKeyUuid(&scan, 0, AbacScanUuid(change->old, guarded->parent_id));
	if (AbacScanNext(&scan) && AbacScanBool(&scan, parent->system))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s of %s cannot be %s", guarded->noun, AbacDescribe(guarded->parent, &scan),
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
	const AbacGuardedTable *guarded = &abac_guarded_tables[table];
	AbacTable	owner = guarded->parent_id ? guarded->parent : table;
	AbacScan	scan;
	char	   *result = NULL;

	AbacScanBegin(&scan, owner, snapshot);
	while (result == NULL && AbacScanNext(&scan))
	{
		bool		found = AbacScanBool(&scan, abac_guarded_tables[owner].system);

		if (found && owner != table)
		{
			AbacScan	part;

			AbacScanBegin(&part, table, snapshot);
			AbacScanKeyUuid(&part, guarded->parent_id, AbacScanUuid(&scan, 0));
			found = AbacScanNext(&part);
			AbacScanEnd(&part);
		}
		if (found)
			result = AbacDescribe(owner, &scan);
	}
	AbacScanEnd(&scan);
	return result;
}

/* May the table be truncated?  Not while it holds system rows, or parts of them. */
void
AbacGuardTruncate(AbacTable table)
{
	const AbacGuardedTable *guarded = &abac_guarded_tables[table];
	Snapshot	snapshot;
	char	   *found;

	if (abac_allow_system_changes || (guarded->system == 0 && guarded->parent_id == 0))
		return;

	snapshot = AbacTakeSnapshot();
	found = FindSystemRow(table, snapshot);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" cannot be truncated", AbacTableName(table)),
				 guarded->parent_id
				 ? errdetail("It holds what belongs to %s, a system %s.", found,
							 abac_guarded_tables[guarded->parent].noun)
				 : errdetail("It holds %s, a system %s.", found, guarded->noun),
				 errhint("%s", system_hint)));
	UnregisterSnapshot(snapshot);
}
