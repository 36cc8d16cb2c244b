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

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
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

/*
 * A layer's contents by key.  A key's bytes begin with how many they are.
 */
typedef struct MapEntry
{
	uint32		hash;
	char		status;
	const char *key;
	void	   *value;
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

MemoryContext AbacPolicyMemory = NULL;
MemoryContext AbacSubjectMemory = NULL;

static map_hash *policy_map = NULL;
static map_hash *subject_map = NULL;

/* Set of AbacChange: layers to drop at the beginning of the next check. */
static int	stale = 0;

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

/* Did this transaction change a table?  Then the lock to take when it commits. */
static bool wrote = false;
static LOCKTAG writer_lock;

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

#define ALL_LAYERS	(ABAC_CHANGE_POLICY | ABAC_CHANGE_SUBJECT)

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

static LOCKTAG
CommitLock(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, AbacTableOid(ABAC_POLICIES), 0, 0);
	return tag;
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
 * A statement that changes the trigger's table begins (1) or ends (-1).  Either
 * way what the layer holds is out of date.
 */
static void
CountStatement(FunctionCallInfo fcinfo, int step)
{
	AbacTable	table;
	AbacChange	change = ABAC_CHANGE_NONE;

	if (AbacTableOfRelation(((TriggerData *) fcinfo->context)->tg_relation, &table))
		change = table_changes[table];
	if (change == ABAC_CHANGE_POLICY)
		changing_policies = Max(changing_policies + step, 0);
	if (change == ABAC_CHANGE_SUBJECT)
		changing_subjects = Max(changing_subjects + step, 0);
	MakeStale(change);
}

/*
 * Trigger, BEFORE STATEMENT: rows are about to change, and whoever looks while
 * they do (another trigger, a function that the statement calls) must see what
 * is there so far.
 */
Datum
abac_changing(PG_FUNCTION_ARGS)
{
	CheckCalledAsTrigger(fcinfo, "abac_changing");
	CountStatement(fcinfo, 1);
	return PointerGetDatum(NULL);
}

/*
 * Trigger: whatever was read from the table may have changed.
 *
 * Statement triggers (ENABLE ALWAYS) serve ordinary changes.  The apply worker
 * of logical replication fires row triggers only, hence the row trigger
 * (ENABLE REPLICA).
 */
Datum
abac_changed(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;

	CheckCalledAsTrigger(fcinfo, "abac_changed");
	CacheInvalidateRelcache(trigger->tg_relation);
	writer_lock = CommitLock();
	wrote = true;
	CountStatement(fcinfo, TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) &&
				   !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ? -1 : 0);
	return PointerGetDatum(NULL);
}

/* Relcache callback.  InvalidOid = messages were lost, anything may have changed. */
static void
RelationChanged(Datum arg pg_attribute_unused(), Oid relid)
{
	AbacTable	table = AbacScanForget(relid);

	if (relid == InvalidOid || table != ABAC_NTABLES)
		AbacReplanForget();
	if (relid == InvalidOid)
		MakeStale(ALL_LAYERS);
	else if (table != ABAC_NTABLES)
		MakeStale(table_changes[table]);
	else if (AbacRelationIsWatched(relid))
		MakeStale(ABAC_CHANGE_POLICY);
}

/* Syscache callback: an enum's labels changed, which columns are compared with. */
static void
LabelsChanged(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
			  uint32 hash pg_attribute_unused())
{
	MakeStale(ALL_LAYERS);
	AbacReplanAll();
}

static void
TransactionEnds(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (wrote)
				(void) LockAcquire(&writer_lock, WRITER_LOCK, false, false);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			if (loaded_by_writer)
				MakeStale(ALL_LAYERS);
			loaded_by_writer = wrote = false;
			changing_policies = changing_subjects = 0;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			loaded_by_writer = wrote = false;
			changing_policies = changing_subjects = 0;
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
		MakeStale(ALL_LAYERS);
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
 * An emptied layer.  The map lives in the memory that was reset, so it is gone
 * with the rest.
 */
static void
DropLayer(MemoryContext *memory, const char *name, map_hash **map)
{
	AbacCacheVersion++;
	*map = NULL;
	if (*memory == NULL)
	{
		*memory = AllocSetContextCreate(CacheMemoryContext, "abac cache", ALLOCSET_DEFAULT_SIZES);
		MemoryContextSetIdentifier(*memory, name);
	}
	else
		MemoryContextReset(*memory);
	*map = map_create(*memory, 64, NULL);
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

/* Zeroed memory in the subject layer. */
void *
AbacSubjectAllocate(Size size)
{
	return MemoryContextAllocZero(AbacSubjectMemory, size);
}

/* Room for one more at the end of an array of count elements there; NULL of none. */
void *
AbacSubjectGrow(void *array, int count, Size element)
{
	if (count == 0)
		return AbacSubjectAllocate(element * 4);
	if (count >= 4 && (count & (count - 1)) == 0)
		return repalloc(array, element * count * 2);
	return array;
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

	AcceptInvalidationMessages();
	DropDistrusted();
	if (unverified)
		stale = ALL_LAYERS;		/* an error came between */
	unverified = false;
	if (changing_policies > 0)
		stale |= ABAC_CHANGE_POLICY;
	if (changing_subjects > 0)
		stale |= ABAC_CHANGE_SUBJECT;
	kept = policy_map != NULL && !(stale & ABAC_CHANGE_POLICY);

	if (policy_map == NULL || (stale & ABAC_CHANGE_POLICY))
	{
		/* the subjects first: they point into the policies */
		DropLayer(&AbacSubjectMemory, "subjects", &subject_map);
		DropLayer(&AbacPolicyMemory, "policies", &policy_map);
	}
	else if (subject_map == NULL || (stale & ABAC_CHANGE_SUBJECT))
		DropLayer(&AbacSubjectMemory, "subjects", &subject_map);
	stale = 0;
}

/*
 * The snapshot that everything of this check is read under; taken when it is
 * first asked for, released by AbacCacheEnd().
 */
Snapshot
AbacCacheSnapshot(void)
{
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
 * Is what this check has from the layers of one piece?  Not when something was
 * loaded and something that was there before has changed since, or may have.
 * Then drop everything (AbacCacheForget), and begin again: what is loaded under
 * one snapshot is of one piece, whatever happens meanwhile.
 */
bool
AbacCacheIsConsistent(void)
{
	LOCKTAG		tag;

	if (!unverified)
		return true;

	if (RecoveryInProgress())
	{
		if (!WaitForReplay())
			return false;
	}
	else
	{
		tag = CommitLock();
		if (LockAcquire(&tag, READER_LOCK, false, true) == LOCKACQUIRE_NOT_AVAIL)
			return false;
		LockRelease(&tag, READER_LOCK, false);
	}
	AcceptInvalidationMessages();
	unverified = stale != 0;
	return !unverified;
}

/*
 * The check is over.  When it loaded something and the layers grew beyond
 * abac.cache_size, they are dropped before the next one: the subjects, and the
 * policies too when it is they that are large.
 */
void
AbacCacheEnd(void)
{
	Size		policies;

	if (!loading && !added)
		return;

	/* a guard, which read for itself, may have added to the layers too */
	if (!AbacCacheIsConsistent())
		stale = ALL_LAYERS;
	unverified = false;

	if (snapshot != NULL)
		UnregisterSnapshot(snapshot);
	snapshot = NULL;
	loading = added = false;

	DropDistrusted();

	policies = MemoryContextMemAllocated(AbacPolicyMemory, true);
	if (policies + MemoryContextMemAllocated(AbacSubjectMemory, true) > (Size) abac_cache_size * 1024)
	{
		stale |= ABAC_CHANGE_SUBJECT;
		if (policies > (Size) abac_cache_size * 1024 / 2)
			stale |= ABAC_CHANGE_POLICY;
	}
}

/* Drop everything before the next check of this session. */
void
AbacCacheForget(void)
{
	stale = ALL_LAYERS;
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

/* What the layer holds for the key, or NULL. */
void *
AbacCacheFind(AbacChange layer, const AbacKey *key)
{
	MapEntry   *entry = map_lookup_hash(layer == ABAC_CHANGE_POLICY ? policy_map : subject_map,
										key->data, FinishKey(key));

	return entry ? entry->value : NULL;
}

/*
 * Let the layer hold a value, which is complete and in the layer's memory, for
 * the key, which is copied.
 */
void
AbacCacheAdd(AbacChange layer, const AbacKey *key, void *value)
{
	map_hash   *map = layer == ABAC_CHANGE_POLICY ? policy_map : subject_map;
	uint32		hash = FinishKey(key);
	char	   *copy = MemoryContextAlloc(map->ctx, key->length);
	MapEntry   *entry;
	bool		found;

	memcpy(copy, key->data, key->length);
	entry = map_insert_hash(map, copy, hash, &found);
	entry->value = value;
	added = true;
}

/* A copy with a NUL after it, so that its data serves as a C string too. */
AbacString
AbacCopyString(MemoryContext memory, AbacString string)
{
	AbacString	result = {NULL, 0};
	char	   *copy;

	if (string.data)
	{
		copy = MemoryContextAlloc(memory, string.length + 1);
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
	void	   *copy = MemoryContextAlloc(memory, VARSIZE(plain));

	memcpy(copy, plain, VARSIZE(plain));
	return copy;
}
