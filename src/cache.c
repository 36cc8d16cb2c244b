/*
 * cache.c
 *	  The session's memory of what it read, and when it stops being true.
 *
 * Every change of a table sends a relcache invalidation of that table, from a
 * trigger.  It travels as a schema change does: with the transaction's commit
 * (also COMMIT PREPARED, and replayed on a standby), to the session itself at
 * the end of the command, and again when it rolls back.  The callback only
 * notes it; the contents are dropped at the beginning of the next check, when
 * nobody holds a pointer into them.
 *
 * What makes an answer from here as good as one from the tables:
 * - a check accepts pending invalidations before it trusts anything;
 * - what is read is read under a snapshot of now (scan.c), never under the
 *   transaction's, so that an old snapshot's rows can't stay;
 * - an invalidation that arrives while something is loaded is noted like any
 *   other: what was loaded serves this check and is dropped before the next;
 * - what was loaded by a (sub)transaction that had written something is
 *   dropped when it doesn't commit, whether or not an invalidation was sent:
 *   an error can come between a row's insertion and its trigger;
 * - what is loaded is not mixed with what was loaded before, unless that is
 *   known to be the same under the new snapshot (see the commit lock);
 * - while a statement changes a table, nothing is remembered;
 * - a table whose triggers somebody disabled is read at every check.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "cache.h"
#include "relation.h"
#include "replan.h"
#include "stats.h"

/*
 * A layer's contents by key.  A key's bytes begin with how many they are.
 */
typedef struct MapEntry
{
	uint32		hash;
	char		status;
	const char *key;
	void	   *value;
	uint64		made;			/* the moment at which the check began that made it */
} MapEntry;

static inline bool
KeysEqual(const char *a, const char *b)
{
	int32		length_a;
	int32		length_b;

	memcpy(&length_a, a, sizeof(int32));
	memcpy(&length_b, b, sizeof(int32));
	return length_a == length_b && memcmp(a, b, length_a) == 0;
}

#define SH_PREFIX map
#define SH_ELEMENT_TYPE MapEntry
#define SH_KEY_TYPE const char *
#define SH_KEY key
#define SH_HASH_KEY(tb, key) 0	/* never used: the hash is always at hand */
#define SH_EQUAL(tb, a, b) KeysEqual(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

uint64		AbacCacheVersion = 1;
uint64		AbacChanges = 1;

MemoryContext AbacLayerMemory[ABAC_NLAYERS];
static map_hash *maps[ABAC_NLAYERS];

static const char *const layer_names[ABAC_NLAYERS] = {"policies", "facts", "subjects"};

/*
 * Much of what a layer holds is small, and goes all at once: it is cut from
 * larger pieces, without a header for each.
 */
#define ARENA_SIZE	4096
#define MAX_BLOCK	(256 * 1024)	/* of which half may be unused */

typedef struct Arena
{
	char	   *next;			/* NULL = there is none */
	char	   *end;
} Arena;

static Arena arenas[ABAC_NLAYERS];

/* Set of AbacChange: what to drop at the beginning of the next check. */
static int	stale = 0;
static int	too_large = 0;		/* of these, for that reason */

/*
 * Changes of one person's facts.  Those of whom that is are found by a hash
 * that the invalidation carries (see SendUser); whoever shares the place is
 * read again too, which does no harm.  Moments are counted, by checks that
 * begin and by changes.
 */
#define USER_PLACES		4096
#define USER_MESSAGE	0x80000000U

static uint64 moment = 0;
static uint64 began = 0;		/* the check under way, or the last one */
static uint64 users_changed[USER_PLACES];	/* when */
static uint64 somebody_changed = 0;

/* Whose facts, remembered before, this check used. */
static AbacString used;
static bool used_several = false;

static void
MakeStale(int changes)
{
	stale |= changes;
	if (changes)
	{
		AbacCacheVersion++;
		AbacChanges++;
	}
}

/* Was something loaded since the last AbacCacheBegin()? */
static bool loading = false;

/* Was something put into a layer since, loaded or made of what was there? */
static bool added = false;
static Snapshot snapshot = NULL;

/* Was something loaded while this transaction had changes of its own? */
static bool loaded_by_writer = false;

/* Did something stay in the layers at the last AbacCacheBegin()? */
static bool kept = false;

/* Was something added to it that isn't known to be of one piece with it? */
static bool unverified = false;

/* What this transaction changed: the locks to take when it commits. */
static bool wrote[2];
static LOCKTAG writer_locks[2];

/*
 * Rows of each table that were announced one by one, since the last statement
 * that changes it began or ended.  Beyond so many, the table is announced.
 */
#define MAX_ROWS_ANNOUNCED	16

static int	rows_announced[ABAC_NTABLES];

/*
 * Statements under way that change a table of the layer; an error can leave a
 * number too high until the transaction ends, which costs time only.
 */
static int	changing_policies = 0;
static int	changing_subjects = 0;

/*
 * How much a session may remember.  It is a bound on what stays between
 * checks; one check that needs more gets it.
 */
static int	abac_cache_size;	/* kB */

#define CACHE_SIZE_DEFAULT	(32 * 1024)	/* kB */
#define CACHE_SIZE_MIN		1024
#define CACHE_SIZE_MAX		MAX_KILOBYTES

#define ALL_CHANGES		(ABAC_CHANGE_POLICY | ABAC_CHANGE_SUBJECT)
#define USER_CHANGES	4		/* of FindDoubts() only */

static const AbacChange table_changes[ABAC_NTABLES] = {
#define X(constant, name, change) ABAC_CHANGE_##change,
	ABAC_TABLES(X)
#undef X
};

/*
 * The commit lock.  A transaction becomes visible before its invalidations are
 * sent, so a load can read some of what it changed while the rest is still in
 * the cache as it was: a mixture that never was.  Hence a writer holds this
 * lock from before it becomes visible until, as all locks, after its
 * invalidations are sent; and whoever loaded something tries it afterwards.
 * Neither mode conflicts with itself.
 *
 * There are two: one for whoever changed single persons' facts, which matters
 * only where some of that person's were remembered, and one for all else.
 */
#define WRITER_LOCK		ShareLock
#define READER_LOCK		RowExclusiveLock

/*
 * On a standby it is the startup process that makes transactions visible, and
 * then invalidates: the lock's part is played by the end of the record that is
 * being replayed.  False when that is too long in coming.
 */
static bool
WaitForReplay(void)
{
	XLogRecPtr	until = GetCurrentReplayRecPtr(NULL);

	for (int i = 0; i < 100; i++)
	{
		if (GetXLogReplayRecPtr(NULL) >= until)
			return true;
		pg_usleep(10);
	}
	return false;
}

typedef enum CommitLock
{
	LOCK_REST,
	LOCK_USERS
} CommitLock;

static LOCKTAG
CommitLockTag(CommitLock which)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, AbacTableOid(ABAC_POLICIES), 0, which);
	return tag;
}

/* This transaction takes the lock when it commits. */
static void
Wrote(CommitLock which)
{
	writer_locks[which] = CommitLockTag(which);
	wrote[which] = true;
}

/* Is nobody who has it about to become visible? */
static bool
CommitLockIsFree(CommitLock which)
{
	LOCKTAG		tag = CommitLockTag(which);

	if (LockAcquire(&tag, READER_LOCK, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	LockRelease(&tag, READER_LOCK, false);
	return true;
}

PG_FUNCTION_INFO_V1(abac_changed);
PG_FUNCTION_INFO_V1(abac_changing);

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
	AbacChange	change = table_changes[table];

	if (step != 0)
		rows_announced[table] = 0;
	if (change == ABAC_CHANGE_POLICY)
		changing_policies = Max(changing_policies + step, 0);
	if (change == ABAC_CHANGE_SUBJECT)
		changing_subjects = Max(changing_subjects + step, 0);
	MakeStale(change);
}

static uint32
HashUser(AbacString user)
{
	return hash_bytes((const unsigned char *) user.data, user.length) | USER_MESSAGE;
}

/*
 * Tell every session that facts about the user changed, as a change of a table
 * is told.  Invalidations name relations; this one names a relation that isn't
 * there, whose OID is a hash of the user.  The server looks for it and finds
 * nothing; if there is one after all, it is read again, and so is the user when
 * that relation changes.
 */
static void
SendUser(AbacString user)
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
	form->oid = HashUser(user);
	CacheInvalidateRelcacheByTuple(&tuple);
}

/* The one person that a row of the table is about; none = there isn't just one. */
static AbacString
UserOfRow(AbacTable table, TupleDesc desc, HeapTuple row)
{
	AbacString	none = {NULL, 0};

	switch (table)
	{
		case ABAC_USER_ATTRIBUTES:
			return AbacTupleText(table, desc, row, USER_ATTRIBUTE_user_id);
		case ABAC_MEMBERSHIPS:
			return AbacTupleText(table, desc, row, MEMBERSHIP_user_id);
		case ABAC_USER_ROLES:
			return AbacTupleText(table, desc, row, USER_ROLE_user_id);
		case ABAC_USER_PERMISSIONS:
			return AbacTupleText(table, desc, row, USER_PERMISSION_user_id);
		case ABAC_POLICY_ASSIGNMENTS:
			if (!AbacStringEqual(AbacTupleText(table, desc, row, ASSIGNMENT_target_type), AbacStringOf("user")))
				return none;
			return AbacTupleText(table, desc, row, ASSIGNMENT_target_id);
		default:
			return none;
	}
}

/* Announce a row by the persons it was and is about; false when it takes the whole table. */
static bool
AnnounceRow(const TriggerData *trigger, AbacTable table)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	AbacString	was = UserOfRow(table, desc, trigger->tg_trigtuple);
	AbacString	is = was;

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		is = UserOfRow(table, desc, trigger->tg_newtuple);
	if (was.data == NULL || is.data == NULL || rows_announced[table] >= MAX_ROWS_ANNOUNCED)
		return false;
	rows_announced[table]++;
	SendUser(was);
	if (!AbacStringEqual(was, is))
		SendUser(is);
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
		CountStatement(table, 1);
	return PointerGetDatum(NULL);
}

/* Does every change of a row fire the trigger, whoever makes it? */
static bool
RowsAreAnnounced(const TriggerDesc *triggers)
{
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (strcmp(trigger->tgname, "abac_changed_row") == 0)
			return trigger->tgenabled == TRIGGER_FIRES_ALWAYS && (trigger->tgtype & TRIGGER_TYPE_ROW);
	}
	return false;
}

/*
 * Trigger: whatever was read from the table may have changed.
 *
 * It fires for statements (ENABLE ALWAYS), and for rows: always in tables about
 * people, of which a few rows are announced by themselves; elsewhere only in
 * the apply worker of logical replication (ENABLE REPLICA), which fires no
 * others.
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
	if (for_rows && AnnounceRow(trigger, table))
		Wrote(LOCK_USERS);
	else if (for_rows || truncated || !RowsAreAnnounced(trigger->tg_relation->trigdesc))
	{
		CacheInvalidateRelcache(trigger->tg_relation);
		Wrote(LOCK_REST);
		Wrote(LOCK_USERS);
	}
	CountStatement(table, for_rows || truncated ? 0 : -1);
	return PointerGetDatum(NULL);
}

static inline uint64 *
UserPlace(uint32 hash)
{
	return &users_changed[hash % USER_PLACES];
}

static void
ForgetUser(uint32 hash)
{
	*UserPlace(hash) = somebody_changed = ++moment;
	AbacSessionStats.user_invalidations++;
	AbacCacheVersion++;
	AbacChanges++;
}

/* Relcache callback.  InvalidOid = messages were lost, anything may have changed. */
static void
RelationChanged(Datum arg pg_attribute_unused(), Oid relid)
{
	AbacTable	table = AbacScanForget(relid);

	if (relid == InvalidOid || table != ABAC_NTABLES)
		AbacReplanForget();
	if (relid == InvalidOid)
		MakeStale(ALL_CHANGES);
	else if (table != ABAC_NTABLES)
		MakeStale(table_changes[table]);
	else if (AbacRelationIsWatched(relid))
		MakeStale(ABAC_CHANGE_POLICY);
	if (relid & USER_MESSAGE)
	{
		ForgetUser(relid);
		AbacReplanAny();
	}
}

/* Syscache callback: an enum's labels changed, which columns are compared with. */
static void
LabelsChanged(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
			  uint32 hash pg_attribute_unused())
{
	MakeStale(ALL_CHANGES);
	AbacReplanAll();
}

static void
TransactionEnded(void)
{
	loaded_by_writer = false;
	memset(wrote, 0, sizeof(wrote));
	memset(rows_announced, 0, sizeof(rows_announced));
	changing_policies = changing_subjects = 0;
}

static void
TransactionEnds(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			for (int i = 0; i < (int) lengthof(wrote); i++)
			{
				if (wrote[i])
					(void) LockAcquire(&writer_locks[i], WRITER_LOCK, false, false);
			}
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			if (loaded_by_writer)
				MakeStale(ALL_CHANGES);
			TransactionEnded();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			TransactionEnded();
			break;
		default:
			break;
	}
}

static void
SubtransactionEnds(SubXactEvent event,
				   SubTransactionId mine pg_attribute_unused(),
				   SubTransactionId parent pg_attribute_unused(),
				   void *arg pg_attribute_unused())
{
	if (event == SUBXACT_EVENT_ABORT_SUB && loaded_by_writer)
		MakeStale(ALL_CHANGES);
}

/* Called once, when the library is loaded. */
void
AbacCacheInit(void)
{
	DefineCustomIntVariable("abac.cache_size",
							"How much memory a session may use for policies and subjects between checks.",
							NULL,
							&abac_cache_size,
							CACHE_SIZE_DEFAULT, CACHE_SIZE_MIN, CACHE_SIZE_MAX,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	CacheRegisterRelcacheCallback(RelationChanged, (Datum) 0);
	CacheRegisterSyscacheCallback(ENUMOID, LabelsChanged, (Datum) 0);
	RegisterXactCallback(TransactionEnds, NULL);
	RegisterSubXactCallback(SubtransactionEnds, NULL);
}

/*
 * An emptied layer.  The map's memory is below the one that was reset, so it
 * is gone with the rest.
 */
static void
DropLayer(AbacLayer layer)
{
	MemoryContext *memory = &AbacLayerMemory[layer];

	AbacCacheVersion++;
	maps[layer] = NULL;
	memset(&arenas[layer], 0, sizeof(Arena));
	if (*memory == NULL)
	{
		/* nothing is freed by itself, and sizes aren't rounded up */
		*memory = GenerationContextCreate(CacheMemoryContext, "abac cache", 0, ARENA_SIZE * 2, MAX_BLOCK);
		MemoryContextSetIdentifier(*memory, layer_names[layer]);
	}
	else
		MemoryContextReset(*memory);
	maps[layer] = map_create(AllocSetContextCreate(*memory, "abac cache keys", ALLOCSET_START_SMALL_SIZES), 64, NULL);
}

/* Did the last check that loaded something read a table whose changes go unseen? */
static bool distrusts = false;

bool
AbacCacheDistrusts(void)
{
	return distrusts;
}

/* What was read from a table whose triggers don't fire is not kept. */
static void
DropDistrusted(void)
{
	bits32		tables = AbacScanTakeDistrusted();

	distrusts = tables != 0;
	for (int i = 0; tables != 0; i++, tables >>= 1)
	{
		if (tables & 1)
			stale |= table_changes[i];
	}
}

/* Memory in the layer, on a boundary that suits anything or (for text) any. */
static void *
Carve(AbacLayer layer, Size size, bool aligned)
{
	Arena	   *arena = &arenas[layer];
	char	   *result = aligned ? (char *) MAXALIGN(arena->next) : arena->next;

	if (size > ARENA_SIZE / 4)
		return MemoryContextAlloc(AbacLayerMemory[layer], size);
	if (arena->next == NULL || result + size > arena->end)
	{
		result = MemoryContextAlloc(AbacLayerMemory[layer], ARENA_SIZE);
		arena->end = result + ARENA_SIZE;
	}
	arena->next = result + size;
	return result;
}

/* Zeroed memory in the layer; can't be freed or made larger. */
void *
AbacAllocate(AbacLayer layer, Size size)
{
	return memset(Carve(layer, size, true), 0, size);
}

/*
 * Room for one more at the end of an array of count elements in the layer; NULL
 * of none.
 */
void *
AbacGrow(AbacLayer layer, void *array, int count, Size element)
{
	void	   *larger;

	if ((count & (count - 1)) != 0)
		return array;			/* it has room for the next power of two */
	larger = AbacAllocate(layer, element * Max(count * 2, 1));
	if (count > 0)
		memcpy(larger, array, element * count);
	return larger;
}

static void
CountDrop(void)
{
	AbacStats  *stats = &AbacSessionStats;
	int			invalid = stale & ~too_large;

	stats->evictions += (stale & too_large) != 0;
	stats->policy_invalidations += (invalid & ABAC_CHANGE_POLICY) != 0;
	stats->fact_invalidations += (invalid & ABAC_CHANGE_SUBJECT) != 0;
	too_large = 0;
}

/*
 * A check begins: nobody holds a pointer into the layers, and after this they
 * hold nothing that was changed by what committed before.  Within one check
 * nothing is dropped.  End with AbacCacheEnd(); an error may skip that.
 */
void
AbacCacheBegin(void)
{
	/* one that an error left was released with its resource owner */
	snapshot = NULL;
	loading = false;
	AbacStatsBegin();

	AcceptInvalidationMessages();
	DropDistrusted();
	if (unverified)
		stale = ALL_CHANGES;	/* an error came between */
	unverified = false;
	if (changing_policies > 0)
		stale |= ABAC_CHANGE_POLICY;
	if (changing_subjects > 0)
		stale |= ABAC_CHANGE_SUBJECT;
	if (stale != 0 && maps[ABAC_LAYER_SUBJECTS] != NULL)
		CountDrop();
	if (maps[ABAC_LAYER_SUBJECTS] == NULL)
		stale = ALL_CHANGES;

	kept = stale != ALL_CHANGES;
	if (stale != 0)
	{
		/* these first: they point into the others */
		DropLayer(ABAC_LAYER_SUBJECTS);
		if (stale & ABAC_CHANGE_SUBJECT)
			DropLayer(ABAC_LAYER_FACTS);
		if (stale & ABAC_CHANGE_POLICY)
			DropLayer(ABAC_LAYER_POLICIES);
		stale = 0;
	}
	began = ++moment;
	used.data = NULL;
	used_several = false;
}

/*
 * The snapshot that everything of this check is read under; taken when it is
 * first asked for, released by AbacCacheEnd().
 */
Snapshot
AbacCacheSnapshot(void)
{
	AbacSessionStats.loads++;
	if (snapshot == NULL)
	{
		snapshot = AbacTakeSnapshot();
		loading = true;
		unverified = kept;
		if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
			loaded_by_writer = true;
	}
	return snapshot;
}

/*
 * What may not be of one piece with what this check loaded: ALL_CHANGES,
 * USER_CHANGES for the facts about the user alone that were remembered, or 0.
 */
static int
FindDoubts(void)
{
	bool		uses_old = used.data != NULL;
	int			result = 0;

	if (RecoveryInProgress())
	{
		if (!WaitForReplay())
			return ALL_CHANGES;
	}
	else if (!CommitLockIsFree(LOCK_REST))
		return ALL_CHANGES;
	else if (uses_old && !CommitLockIsFree(LOCK_USERS))
		result = used_several ? ALL_CHANGES : USER_CHANGES;

	AcceptInvalidationMessages();
	if (stale != 0 || (used_several && somebody_changed > began))
		return ALL_CHANGES;
	if (uses_old && *UserPlace(HashUser(used)) > began)
		return used_several ? ALL_CHANGES : USER_CHANGES;
	return result;
}

/*
 * Is what this check has from the layers of one piece?  Not when something was
 * loaded and something that was there before has changed since, or may have.
 * Then end it, and begin again: what is in doubt is forgotten, and what is
 * loaded under one snapshot is of one piece, whatever happens meanwhile.
 */
bool
AbacCacheIsConsistent(void)
{
	int			doubts;

	if (!unverified)
		return true;
	doubts = FindDoubts();
	if (doubts == USER_CHANGES)
		ForgetUser(HashUser(used));
	else
		stale |= doubts;
	unverified = false;
	return doubts == 0;
}

/*
 * The check is over.  When it loaded something and the layers grew to nearly
 * abac.cache_size, they are dropped before the next one: facts and subjects,
 * and the policies too when it is they that are large.
 */
void
AbacCacheEnd(void)
{
	Size		size = 0;
	Size		limit = (Size) abac_cache_size * 1024;

	if (!loading && !added)
		return;

	/* a guard, which read for itself, may have added to the layers too */
	(void) AbacCacheIsConsistent();

	if (snapshot != NULL)
		UnregisterSnapshot(snapshot);
	snapshot = NULL;
	loading = added = false;

	DropDistrusted();

	for (int i = 0; i < ABAC_NLAYERS; i++)
		size += MemoryContextMemAllocated(AbacLayerMemory[i], true);
	/* what the next check adds is to fit in as well */
	if (size > limit - limit / 8)
	{
		too_large = ABAC_CHANGE_SUBJECT;
		if (MemoryContextMemAllocated(AbacPolicyMemory, true) > limit / 2)
			too_large |= ABAC_CHANGE_POLICY;
		stale |= too_large;
	}
}

/* Drop everything before the next check of this session. */
void
AbacCacheForget(void)
{
	stale = ALL_CHANGES;
	AbacCacheVersion++;
}

/* Begin a key in the caller's (stack) memory. */
void
AbacKeyBegin(AbacKey *key, AbacTag tag)
{
	key->data = key->buffer;
	key->size = sizeof(key->buffer);
	key->length = sizeof(int32);
	key->data[key->length++] = (char) tag;
}

static void
AddBytes(AbacKey *key, const void *bytes, int length)
{
	if (key->length + length > key->size)
	{
		char	   *larger;

		key->size = Max(key->size * 2, key->length + length);
		larger = palloc(key->size);
		memcpy(larger, key->data, key->length);
		key->data = larger;
	}
	memcpy(key->data + key->length, bytes, length);
	key->length += length;
}

/* A "none" is a part of its own, not the same as an empty text. */
void
AbacKeyAddString(AbacKey *key, AbacString part)
{
	int32		length = part.data ? part.length : -1;

	AddBytes(key, &length, sizeof(length));
	if (part.data)
		AddBytes(key, part.data, part.length);
}

/* Add an id to the key. */
void
AbacKeyAddUuid(AbacKey *key, const pg_uuid_t *part)
{
	AddBytes(key, part, sizeof(*part));
}

/* Add an OID to the key. */
void
AbacKeyAddOid(AbacKey *key, Oid part)
{
	AddBytes(key, &part, sizeof(part));
}

static uint32
FinishKey(const AbacKey *key)
{
	int32		length = key->length;

	memcpy(key->data, &length, sizeof(length));
	return hash_bytes((const unsigned char *) key->data, key->length);
}

static inline MapEntry *
FindEntry(AbacLayer layer, const AbacKey *key)
{
	return map_lookup_hash(maps[layer], key->data, FinishKey(key));
}

/* What the layer holds for the key, or NULL. */
void *
AbacCacheFind(AbacLayer layer, const AbacKey *key)
{
	MapEntry   *entry = FindEntry(layer, key);

	return entry ? entry->value : NULL;
}

/* The same of something that is, or is made of, facts about the user alone. */
void *
AbacCacheFindUser(AbacLayer layer, const AbacKey *key, AbacString user)
{
	MapEntry   *entry = FindEntry(layer, key);

	if (entry == NULL || entry->made < *UserPlace(HashUser(user)))
		return NULL;
	if (entry->made < began)
		AbacCacheUsesUser(user);
	return entry->value;
}

/*
 * This check uses something of the user's that another check made and that
 * AbacCacheVersion vouches for.  The text must be good until the check ends.
 */
void
AbacCacheUsesUser(AbacString user)
{
	if (used.data != NULL && !AbacStringEqual(used, user))
		used_several = true;
	used = user;
}

/*
 * Let the layer hold a value, which is complete and in the layer's memory, for
 * the key, which is copied.
 */
void
AbacCacheAdd(AbacLayer layer, const AbacKey *key, void *value)
{
	map_hash   *map = maps[layer];
	uint32		hash = FinishKey(key);
	MapEntry   *entry = map_lookup_hash(map, key->data, hash);
	bool		found;

	if (entry == NULL)
	{
		char	   *copy = Carve(layer, key->length, false);

		memcpy(copy, key->data, key->length);
		entry = map_insert_hash(map, copy, hash, &found);
	}
	entry->value = value;
	entry->made = began;
	added = true;
}

/*
 * Memory (not zeroed) of whatever kind of context that is; what a layer gives
 * can't be freed or made larger.
 */
void *
AbacAllocateIn(MemoryContext memory, Size size, bool aligned)
{
	for (int i = 0; i < ABAC_NLAYERS; i++)
	{
		if (memory == AbacLayerMemory[i])
			return Carve(i, size, aligned);
	}
	return MemoryContextAlloc(memory, size);
}

/* A copy with a NUL after it, so that its data serves as a C string too. */
AbacString
AbacCopyString(MemoryContext memory, AbacString string)
{
	AbacString	result = {NULL, 0};
	char	   *copy;

	if (string.data)
	{
		copy = AbacAllocateIn(memory, string.length + 1, false);
		memcpy(copy, string.data, string.length);
		copy[string.length] = '\0';
		result.data = copy;
		result.length = string.length;
	}
	return result;
}

/* A copy of a varlena, detoasted and with a four-byte header. */
void *
AbacCopyVarlena(MemoryContext memory, Datum datum)
{
	struct varlena *plain = PG_DETOAST_DATUM(datum);
	void	   *copy = AbacAllocateIn(memory, VARSIZE(plain), true);

	memcpy(copy, plain, VARSIZE(plain));
	return copy;
}
