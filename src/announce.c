/*
 * announce.c
 *	  Telling every session of a change, when it commits.
 *
 * Every change of a table sends a relcache invalidation of that table, from a
 * trigger.  It travels as a schema change does: with the transaction's commit
 * (also COMMIT PREPARED, and replayed on a standby), to the session itself at
 * the end of the command, and again when it rolls back.  A few rows about
 * people, policies, groups or rules are announced by name instead.  cache.c
 * listens.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "announce.h"
#include "cache.h"

PG_FUNCTION_INFO_V1(abac_changed);
PG_FUNCTION_INFO_V1(abac_changing);

/* What this transaction changed: the locks to take when it commits. */
static bool wrote[ABAC_NCOMMIT_LOCKS];
static LOCKTAG writer_locks[ABAC_NCOMMIT_LOCKS];

/*
 * Rows of each table that this transaction announced by name.  Beyond so many
 * it announces the table, which takes one message a statement: a flood of them
 * would make the server reset the caches of whoever lags behind.
 */
#define MAX_ROWS_ANNOUNCED	64

static int	rows_announced[ABAC_NTABLES];

/*
 * The subtransaction that announced a table for a row of the statement under
 * way: once is enough for the rows, unless it doesn't commit.
 */
static SubTransactionId table_announced[ABAC_NTABLES];

/*
 * Statements under way that change a table of the layer; an error can leave a
 * number too high until the transaction ends, which costs time only.
 */
static int	changing_policies = 0;
static int	changing_subjects = 0;

/*
 * The commit lock.  A transaction becomes visible before its invalidations are
 * sent, so a load can read some of what it changed while the rest is still in
 * the cache as it was: a mixture that never was.  Hence a writer holds this
 * lock from before it becomes visible until, as all locks, after its
 * invalidations are sent; and whoever loaded something tries it afterwards (cache.c).
 * Neither mode conflicts with itself.
 *
 * There are two: one for whoever changed single persons' facts, which matters
 * only where some of that person's were remembered, and one for all else.
 */
#define WRITER_LOCK		ShareLock
#define READER_LOCK		RowExclusiveLock

static LOCKTAG
CommitLockTag(AbacCommitLock which)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, AbacTableOid(ABAC_POLICIES), 0, which);
	return tag;
}

/* This transaction takes the lock when it commits. */
static void
Wrote(AbacCommitLock which)
{
	writer_locks[which] = CommitLockTag(which);
	wrote[which] = true;
}

/* Is nobody about to become visible who takes the lock for that? */
bool
AbacCommitLockIsFree(AbacCommitLock which)
{
	LOCKTAG		tag = CommitLockTag(which);

	if (LockAcquire(&tag, READER_LOCK, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	LockRelease(&tag, READER_LOCK, false);
	return true;
}

static void
CheckCalledAsTrigger(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", name)));
}

/*
 * A statement that changes the table begins (1) or ends (-1).  Either way what
 * is remembered of it is out of date.
 */
static void
CountStatement(AbacTable table, int step)
{
	AbacChange	change = AbacTableChanges[table];

	if (change == ABAC_CHANGE_POLICY)
		changing_policies = Max(changing_policies + step, 0);
	if (change == ABAC_CHANGE_SUBJECT)
		changing_subjects = Max(changing_subjects + step, 0);
	AbacCacheChanged(change);
}

/* What an announcement of the user says. */
Oid
AbacUserMessage(AbacString user)
{
	return (hash_bytes((const unsigned char *) user.data, user.length) & ~ABAC_IS_POLICY) | ABAC_BY_NAME;
}

/* What an announcement of the policy, group or rule says. */
Oid
AbacPolicyMessage(const pg_uuid_t *id)
{
	return hash_bytes(id->data, UUID_LEN) | ABAC_BY_NAME | ABAC_IS_POLICY;
}

/*
 * Announce by name, as a change of a table is announced.  Invalidations name
 * relations; this one names a relation that isn't there.  The server looks for
 * it and finds nothing; if there is one after all, it is read again, and so is
 * what has the name when that relation changes.
 */
static void
Send(Oid message)
{
	union
	{
		HeapTupleHeaderData header;
		char		bytes[MAXALIGN(SizeofHeapTupleHeader) + sizeof(FormData_pg_class)];
	}			space;
	HeapTupleData tuple = {.t_len = sizeof(space), .t_data = &space.header};
	Form_pg_class form;

	memset(&space, 0, sizeof(space));
	space.header.t_hoff = MAXALIGN(SizeofHeapTupleHeader);
	form = (Form_pg_class) GETSTRUCT(&tuple);
	form->oid = message;
	CacheInvalidateRelcacheByTuple(&tuple);
}

/* The column whose value says what a row of the table is about; -1 = none does. */
static int
NameColumn(AbacTable table)
{
	switch (table)
	{
		case ABAC_USER_ATTRIBUTES:
			return USER_ATTRIBUTE_user_id;
		case ABAC_MEMBERSHIPS:
			return MEMBERSHIP_user_id;
		case ABAC_USER_ROLES:
			return USER_ROLE_user_id;
		case ABAC_USER_PERMISSIONS:
			return USER_PERMISSION_user_id;
		case ABAC_POLICY_ASSIGNMENTS:
			return ASSIGNMENT_target_id;
		case ABAC_POLICIES:
			return POLICY_id;
		case ABAC_POLICY_RULE_GROUPS:
			return LINK_policy_id;
		case ABAC_RULE_GROUPS:
			return GROUP_id;
		case ABAC_RULE_GROUP_MEMBERS:
			return MEMBER_group_id;
		case ABAC_RULES:
			return RULE_id;
		default:
			return -1;
	}
}

/* How a row of the table is announced; InvalidOid = by its table only. */
static Oid
MessageOfRow(AbacTable table, TupleDesc desc, HeapTuple row)
{
	AbacString	name;

	if (table == ABAC_POLICY_ASSIGNMENTS &&
		!AbacStringEqual(AbacTupleName(table, desc, row, ASSIGNMENT_target_type), AbacStringOf("user")))
		return InvalidOid;
	name = AbacTupleName(table, desc, row, NameColumn(table));
	if (name.data == NULL)
		return InvalidOid;
	return AbacTableChanges[table] == ABAC_CHANGE_POLICY
		? AbacPolicyMessage((const pg_uuid_t *) name.data) : AbacUserMessage(name);
}

/* Announce a row by what it was and is about; false when it takes the whole table. */
static bool
AnnounceRow(const TriggerData *trigger, AbacTable table)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	Oid			was;
	Oid			is;

	if (NameColumn(table) < 0 || rows_announced[table] >= MAX_ROWS_ANNOUNCED)
		return false;
	was = is = MessageOfRow(table, desc, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		is = MessageOfRow(table, desc, trigger->tg_newtuple);
	if (!OidIsValid(was) || !OidIsValid(is))
		return false;
	rows_announced[table]++;
	Send(was);
	if (is != was)
		Send(is);
	return true;
}

/*
 * Trigger, BEFORE STATEMENT: rows are about to change, and whoever looks while
 * they do (another trigger, a function that the statement calls) must see what
 * is there so far.
 */
Datum
abac_changing(PG_FUNCTION_ARGS)
{
	AbacTable	table;

	CheckCalledAsTrigger(fcinfo, "abac_changing");
	if (AbacTableOfRelation(((TriggerData *) fcinfo->context)->tg_relation, &table))
	{
		table_announced[table] = InvalidSubTransactionId;
		CountStatement(table, 1);
	}
	return PointerGetDatum(NULL);
}

static void
AnnounceTable(Relation relation)
{
	CacheInvalidateRelcache(relation);
	Wrote(ABAC_LOCK_REST);
	Wrote(ABAC_LOCK_USERS);
}

/*
 * Trigger: whatever was read from the table may have changed.
 *
 * It fires for statements (ENABLE ALWAYS), and for rows: always where a few rows
 * are announced by name; elsewhere only in the apply worker of logical
 * replication (ENABLE REPLICA), which fires no others.
 */
Datum
abac_changed(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		for_rows;
	bool		truncated;
	AbacTable	table;

	CheckCalledAsTrigger(fcinfo, "abac_changed");
	if (!AbacTableOfRelation(trigger->tg_relation, &table))
	{
		CacheInvalidateRelcache(trigger->tg_relation);
		return PointerGetDatum(NULL);
	}
	truncated = TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event);
	for_rows = TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
	if (!for_rows)
	{
		/* also for the session's own plans, when it was for a row */
		if (truncated || table_announced[table] != InvalidSubTransactionId ||
			!AbacRowsAreAnnounced(trigger->tg_relation))
			AnnounceTable(trigger->tg_relation);
		table_announced[table] = InvalidSubTransactionId;
	}
	else if (AnnounceRow(trigger, table))
		Wrote(AbacTableChanges[table] == ABAC_CHANGE_POLICY ? ABAC_LOCK_REST : ABAC_LOCK_USERS);
	else if (table_announced[table] != GetCurrentSubTransactionId())
	{
		AnnounceTable(trigger->tg_relation);
		table_announced[table] = GetCurrentSubTransactionId();
	}
	CountStatement(table, for_rows || truncated ? 0 : -1);
	return PointerGetDatum(NULL);
}

/* The set of AbacChange that statements under way are making. */
int
AbacChangesUnderWay(void)
{
	return (changing_policies > 0 ? ABAC_CHANGE_POLICY : 0) | (changing_subjects > 0 ? ABAC_CHANGE_SUBJECT : 0);
}

static void
TransactionEnds(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			for (int i = 0; i < ABAC_NCOMMIT_LOCKS; i++)
			{
				if (wrote[i])
					(void) LockAcquire(&writer_locks[i], WRITER_LOCK, false, false);
			}
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			memset(wrote, 0, sizeof(wrote));
			memset(rows_announced, 0, sizeof(rows_announced));
			memset(table_announced, 0, sizeof(table_announced));
			changing_policies = changing_subjects = 0;
			break;
		default:
			break;
	}
}

/* Called once, when the library is loaded. */
void
AbacAnnounceInit(void)
{
	RegisterXactCallback(TransactionEnds, NULL);
}
