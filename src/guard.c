/*
 * guard.c
 *	  Triggers that refuse what the tables must not hold (DESIGN §2, Guards),
 *	  and the one that keeps updated_at.
 *
 * Here are the triggers, the table of what each guarded table is guarded by,
 * and what the guards share.  The guards themselves are in guard_*.c, a file
 * for each thing that they know about.
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
 * rows is done in guard_reference.c.
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
 * groups (guard_graph.c; for those who add an edge), and what attributes are
 * defined as (guard_condition.c; exclusive for those who change it, shared for
 * those who write conditions).  They are object locks on keys that nothing else
 * uses: VACUUM and readers aren't concerned.
 *
 * Nothing here depends on the isolation level: snapshots are scan.c's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "guard.h"
#include "scan.h"

const AbacGuardedTable abac_guarded_tables[ABAC_NTABLES] = {
	[ABAC_ATTRIBUTE_DEFINITIONS] = {
		.noun = "definition", .organization = DEFINITION_organization_id,
		.name = DEFINITION_name, .system = DEFINITION_is_system, .guards = {AbacGuardDefinition}
	},
	[ABAC_RULES] = {
		.noun = "rule", .organization = RULE_organization_id,
		.name = RULE_name, .system = RULE_is_system, .guards = {AbacGuardContent, AbacGuardConditions}
	},
	[ABAC_RULE_GROUPS] = {
		.noun = "rule group", .organization = GROUP_organization_id,
		.name = GROUP_name, .system = GROUP_is_system, .guards = {AbacGuardContent}
	},
	[ABAC_RULE_GROUP_MEMBERS] = {
		.noun = "member", .parent = ABAC_RULE_GROUPS, .parent_id = MEMBER_group_id,
		.guards = {AbacGuardContent, AbacGuardGraph}
	},
	[ABAC_POLICIES] = {
		.noun = "policy", .organization = POLICY_organization_id,
		.name = POLICY_name, .system = POLICY_is_system, .guards = {AbacGuardContent}
	},
	[ABAC_POLICY_RULE_GROUPS] = {
		.noun = "link", .parent = ABAC_POLICIES, .parent_id = LINK_policy_id,
		.guards = {AbacGuardContent}
	},
	[ABAC_POLICY_ASSIGNMENTS] = {
		.noun = "assignment", .parent = ABAC_POLICIES, .parent_id = ASSIGNMENT_policy_id
	},
	[ABAC_USER_ATTRIBUTES] = {.noun = "user attributes", .guards = {AbacGuardUserAttributes}},
	[ABAC_SCOPES] = {.noun = "scope", .guards = {AbacGuardContext}},
	[ABAC_ROLES] = {
		.noun = "role", .organization = ROLE_organization_id,
		.name = ROLE_name, .system = ROLE_is_system, .guards = {AbacGuardContext, AbacGuardRoleConditions}
	},
	[ABAC_PERMISSIONS] = {.noun = "permission"},
	[ABAC_ROLE_PERMISSIONS] = {.noun = "permission of a role"},
	[ABAC_USER_ROLES] = {.noun = "role of a user", .guards = {AbacGuardContext}},
	[ABAC_USER_PERMISSIONS] = {.noun = "permission of a user"},
	[ABAC_CONDITIONS] = {
		.noun = "condition", .name = CONDITION_attribute_key, .guards = {AbacGuardConditions}
	},
	[ABAC_POLICY_RULES] = {
		.noun = "legacy rule", .organization = POLICY_RULE_organization_id,
		.name = POLICY_RULE_name, .guards = {AbacGuardConditions}
	},
};

/*
 * Lets a superuser change what is_system protects: a migration of a product
 * that ships system rules, say.
 */
bool		abac_allow_system_changes = false;

/*
 * What a user attribute that contradicts its definition, and a rule that names
 * an attribute that nobody defined, raise when they are written.
 */
int			abac_attribute_validation = ABAC_VALIDATION_WARN;

static const struct config_enum_entry validations[] = {
	{"off", ABAC_VALIDATION_OFF, false},
	{"warn", ABAC_VALIDATION_WARN, false},
	{"strict", ABAC_VALIDATION_STRICT, false},
	{NULL, 0, false}
};

PG_FUNCTION_INFO_V1(abac_guard);
PG_FUNCTION_INFO_V1(abac_guard_truncate);
PG_FUNCTION_INFO_V1(abac_touch);

/* Called once, when the library is loaded. */
void
AbacGuardInit(void)
{
	DefineCustomBoolVariable("abac.allow_system_changes",
							 "Lets system rules, groups, policies, roles and definitions be changed.",
							 NULL,
							 &abac_allow_system_changes,
							 false,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("abac.attribute_validation",
							 "What a contradiction to an attribute's definition raises when it is written.",
							 "off: nothing; warn: a warning; strict: an error.",
							 &abac_attribute_validation,
							 ABAC_VALIDATION_WARN, validations,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
}

/*
 * Rows and their names
 */

/* A text column, as a C string in the current memory context; NULL for NULL. */
char *
AbacRowText(const AbacRow *row, int column)
{
	return AbacStringToCString(AbacScanText(row, column));
}

/*
 * What to call a row in a message: rule "x" of organization "acme".  Only for
 * tables whose rows have names, and for permissions and conditions.
 */
char *
AbacDescribe(AbacTable table, const AbacRow *row)
{
	const AbacGuardedTable *guarded = &abac_guarded_tables[table];

	if (table == ABAC_PERMISSIONS)
		return psprintf("permission \"%s:%s\"",
						AbacRowText(row, PERMISSION_resource_type), AbacRowText(row, PERMISSION_action));
	if (table == ABAC_CONDITIONS)
	{
		Snapshot	snapshot = AbacTakeSnapshot();
		char	   *permission = AbacDescribeById(snapshot, ABAC_PERMISSIONS,
												  AbacScanUuid(row, CONDITION_permission_id));

		UnregisterSnapshot(snapshot);
		return psprintf("condition on attribute \"%s\" for %s", AbacRowText(row, CONDITION_attribute_key),
						permission ? permission : "a permission that does not exist");
	}
	if (row->nulls[guarded->organization])
		return psprintf("platform-wide %s \"%s\"", guarded->noun, AbacRowText(row, guarded->name));
	return psprintf("%s \"%s\" of organization \"%s\"", guarded->noun,
					AbacRowText(row, guarded->name), AbacRowText(row, guarded->organization));
}

/* The same for the row with that id; NULL when there is none. */
char *
AbacDescribeById(Snapshot snapshot, AbacTable table, const pg_uuid_t *id)
{
	AbacScan	scan;
	char	   *result = NULL;

	AbacScanBegin(&scan, table, snapshot);
	AbacScanKeyUuid(&scan, 0, id);
	if (AbacScanNext(&scan))
		result = AbacDescribe(table, &scan);
	AbacScanEnd(&scan);
	return result;
}

/* Has column i (from 0) the same value, byte by byte, in both tuples? */
bool
AbacSameImage(TupleDesc desc, int i, HeapTuple a, HeapTuple b)
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

/* The column's place in desc (from 0); ERROR when there is none of that name. */
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
bool
AbacColumnChanged(const AbacRowChange *change, const char *column)
{
	TupleDesc	desc = RelationGetDescr(change->trigger->tg_relation);

	return change->old == NULL || change->new == NULL ||
		!AbacSameImage(desc, FindColumn(desc, column), change->old_tuple, change->new_tuple);
}

/* Does the row belong to another organization now, or is it another row? */
bool
AbacRowMoved(const AbacRowChange *change)
{
	return AbacColumnChanged(change, "organization_id") || AbacColumnChanged(change, "id");
}

/*
 * Is a dump being restored?  Then what a row is compared with may come later,
 * and warnings (or, where abac.attribute_validation is strict, errors) about
 * what was accepted when it was written serve nobody.  pg_dump's scripts turn
 * check_function_bodies off for the same reason.  Anybody may do that, also
 * before calling a superuser's function, so it counts for superusers' sessions
 * only.
 */
bool
AbacIsRestoring(void)
{
	return !check_function_bodies && superuser() && superuser_arg(GetSessionUserId());
}

/*
 * The two looks
 */

/*
 * Let "look" search for rows that contradict the change: it raises an error
 * for what it finds, after AbacViewMustWait() has said that this isn't
 * premature.  It is called twice or more.
 */
void
AbacJudge(const AbacRowChange *change, void (*look) (AbacView *view))
{
	SnapshotData dirty;
	AbacView	view;

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
bool
AbacViewNext(AbacView *view, AbacScan *scan)
{
	return !TransactionIdIsValid(view->wait_for) && AbacScanNext(scan);
}

/*
 * To be called right after AbacViewNext(): the transaction, if any, whose end
 * will decide whether that row is there, unless it is already known that
 * "pending" has to end first.
 */
TransactionId
AbacViewPending(const AbacView *view, TransactionId pending)
{
	if (TransactionIdIsValid(pending) || view->snapshot->snapshot_type != SNAPSHOT_DIRTY)
		return pending;
	return TransactionIdIsValid(view->snapshot->xmin) ? view->snapshot->xmin : view->snapshot->xmax;
}

/*
 * There is a violation if "pending" ends one way and none if the other: wait
 * for it and look again.  False when the violation is certain.
 */
bool
AbacViewMustWait(AbacView *view, TransactionId pending)
{
	if (TransactionIdIsValid(pending))
		view->wait_for = pending;
	return TransactionIdIsValid(pending);
}

/*
 * Let "check" judge each row that the scan finds; there may be very many.  It
 * runs in a memory context that is emptied after each row.
 */
void
AbacViewEach(AbacView *view, AbacScan *scan, AbacRowCheck check)
{
	while (AbacViewNext(view, scan))
	{
		TransactionId pending = AbacViewPending(view, InvalidTransactionId);
		MemoryContext old = MemoryContextSwitchTo(view->memory);

		check(view, scan, pending);
		MemoryContextSwitchTo(old);
		MemoryContextReset(view->memory);
	}
}

/* The same for the rows of a table that have the id in the column. */
void
AbacViewRows(AbacView *view, AbacTable table, int column, const pg_uuid_t *id, AbacRowCheck check)
{
	AbacScan	scan;

	AbacScanBegin(&scan, table, view->snapshot);
	AbacScanKeyUuid(&scan, column, id);
	AbacViewEach(view, &scan, check);
	AbacScanEnd(&scan);
}

/*
 * The triggers
 */

/* The table that the trigger is on; ERROR for any other call of the function. */
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

/* Trigger, AFTER INSERT, UPDATE or DELETE of a row: may the change stand? */
Datum
abac_guard(PG_FUNCTION_ARGS)
{
	AbacTable	table = TriggerTable(fcinfo, "abac_guard");
	const AbacGuardedTable *guarded = &abac_guarded_tables[table];
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	AbacRowChange change = {.trigger = trigger, .table = table};
	AbacRow		old;
	AbacRow		new;

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
			AbacGuardSystemRow(&change);
		if (guarded->parent_id)
			AbacGuardSystemPart(&change);
	}
	if (change.old)
		AbacGuardUses(&change);
	if (change.new && !AbacIsRestoring())
		AbacGuardReferences(&change);
	for (size_t i = 0; i < lengthof(guarded->guards) && guarded->guards[i]; i++)
		guarded->guards[i] (&change);
	return PointerGetDatum(NULL);
}

/* Trigger, BEFORE TRUNCATE of a table with system rows, or parts of them. */
Datum
abac_guard_truncate(PG_FUNCTION_ARGS)
{
	AbacGuardTruncate(TriggerTable(fcinfo, "abac_guard_truncate"));
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
			AbacSameImage(desc, i, old, new))
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
