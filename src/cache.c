/*
 * cache.c
 *	  The session's memory of what it read, and when it stops being true.
 *
 * Every change is announced by a relcache invalidation (announce.c).  The
 * callback here only notes it; what is remembered is dropped at the beginning
 * of the next check, when nobody holds a pointer into it.
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
 *   known to be the same under the new snapshot (announce.c: the commit lock);
 * - while a statement changes a table, nothing is remembered;
 * - a table whose triggers somebody disabled is read at every check.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "announce.h"
#include "cache.h"
#include "relation.h"
#include "replan.h"
#include "stats.h"

uint64		AbacCacheVersion = 1;
uint64		AbacChanges = 1;
uint64		AbacCheckVersion = 1;
uint64		AbacCheckNumber = 0;

#define ALL_CHANGES		(ABAC_CHANGE_POLICY | ABAC_CHANGE_SUBJECT)
#define SUBJECTS_ONLY	4		/* what the two come to, but neither */

/* Set of AbacChange and SUBJECTS_ONLY: what to drop at the beginning of the next check. */
static int	stale = 0;
static int	too_large = 0;		/* of these, for that reason */

/*
 * When something was announced by name: a user, or a policy, group or rule.
 * Its place is the announcement's hash; what shares the place is read again
 * too, which does no harm.  Moments are counted, by checks that begin and by
 * announcements.
 */
#define PLACES	4096

static uint64 moment = 0;
static uint64 announced[PLACES];
static uint64 user_announced = 0;	/* any */

/* Who this check is about, and whether it uses what was remembered of them. */
static AbacString about;
static bool about_several = false;
static bool uses_old = false;

/* A set of AbacChange was made, or may have been: forget what it concerns. */
void
AbacCacheChanged(int changes)
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

/*
 * How much a session may remember.  It is a bound on what stays between
 * checks; one check that needs more gets it.
 */
static int	abac_cache_size;	/* kB */

/* Of waiting for a commit: some 10 ms in all. */
#define MAX_WAITS			100
#define WAIT_MICROSECONDS	50

/* So often a check is tried again before everything is read anew. */
#define MAX_ATTEMPTS		10

#define CACHE_SIZE_DEFAULT	(32 * 1024)	/* kB */
#define CACHE_SIZE_MIN		1024
#define CACHE_SIZE_MAX		MAX_KILOBYTES


const AbacChange AbacTableChanges[ABAC_NTABLES] = {
#define X(constant, name, change) ABAC_CHANGE_##change,
	ABAC_TABLES(X)
#undef X
};

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

static inline uint64 *
Place(Oid message)
{
	return &announced[message % PLACES];
}

static void
ForgetUser(Oid message)
{
	*Place(message) = user_announced = ++moment;
	AbacSessionStats.user_invalidations++;
	AbacCacheVersion++;
	AbacChanges++;
}

/* Also every subject: there is no telling whose policies that one is among. */
static void
ForgetPolicy(Oid message)
{
	*Place(message) = ++moment;
	AbacCacheChanged(SUBJECTS_ONLY);
}

/* Relcache callback.  InvalidOid = messages were lost, anything may have changed. */
static void
RelationChanged(Datum arg pg_attribute_unused(), Oid relid)
{
	AbacTable	table = AbacScanForget(relid);

	if (relid == InvalidOid || table != ABAC_NTABLES)
		AbacReplanForget();
	if (relid == InvalidOid)
		AbacCacheChanged(ALL_CHANGES);
	else if (table != ABAC_NTABLES)
		AbacCacheChanged(AbacTableChanges[table]);
	else if (AbacRelationIsWatched(relid))
		AbacCacheChanged(ABAC_CHANGE_POLICY);
	if (relid & ABAC_BY_NAME)
	{
		if (relid & ABAC_IS_POLICY)
			ForgetPolicy(relid);
		else
			ForgetUser(relid);
		AbacReplanAny();
	}
}

/* Syscache callback: an enum's labels changed, which columns are compared with. */
static void
LabelsChanged(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
			  uint32 hash pg_attribute_unused())
{
	AbacCacheChanged(ALL_CHANGES);
	AbacReplanAll();
}

static void
TransactionEnds(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			if (loaded_by_writer)
				AbacCacheChanged(ALL_CHANGES);
			loaded_by_writer = false;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			loaded_by_writer = false;
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
		AbacCacheChanged(ALL_CHANGES);
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
			stale |= AbacTableChanges[i];
	}
}

static void
CountDrop(void)
{
	AbacStats  *stats = &AbacSessionStats;
	int			invalid = stale & ~too_large;

	stats->evictions += (stale & too_large) != 0;
	stats->policy_invalidations += (invalid & (ABAC_CHANGE_POLICY | SUBJECTS_ONLY)) != 0;
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
	stale |= AbacChangesUnderWay();
	if (AbacSubjectMemory == NULL)
		stale = ALL_CHANGES;
	else if (stale != 0)
		CountDrop();

	kept = (stale & ALL_CHANGES) != ALL_CHANGES;
	if (stale != 0)
	{
		/* these first: they point into the others */
		AbacLayerDrop(ABAC_LAYER_SUBJECTS);
		if (stale & ABAC_CHANGE_SUBJECT)
			AbacLayerDrop(ABAC_LAYER_FACTS);
		if (stale & ABAC_CHANGE_POLICY)
			AbacLayerDrop(ABAC_LAYER_POLICIES);
		AbacCacheVersion++;
		stale = 0;
	}
	AbacCheckNumber = ++moment;
	AbacCheckVersion = AbacCacheVersion;
	about.data = NULL;
	about_several = uses_old = false;
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
 * Has whoever was about to become visible, and takes the lock, told what it
 * changed?  Waits some milliseconds for that; but not again for somebody for
 * whom it waited in vain, who may be a transaction that stays prepared.
 */
static bool
WaitForCommits(AbacCommitLock which)
{
	static bool in_vain[ABAC_NCOMMIT_LOCKS];

	for (int i = 0; !AbacCommitLockIsFree(which); i++)
	{
		if (in_vain[which] || i == MAX_WAITS)
		{
			in_vain[which] = true;
			return false;
		}
		CHECK_FOR_INTERRUPTS();
		pg_usleep(WAIT_MICROSECONDS);
	}
	in_vain[which] = false;
	return true;
}

/*
 * Is what this check goes by of one piece?  Not when something was loaded and
 * something that was there before has changed since, or may have; nor when a
 * table was emptied or rewritten between the snapshot and its lock, since what
 * is in it then isn't in the snapshot, and what was in the snapshot is gone.
 * Then end it, and begin again: what changed, or is in doubt, is forgotten.
 */
bool
AbacCacheIsConsistent(void)
{
	static int	attempts = 0;
	bool		mixes = unverified;

	if (mixes)
	{
		/* what may have changed, though nobody said so yet */
		if (RecoveryInProgress() ? !WaitForReplay() : !WaitForCommits(ABAC_LOCK_REST))
			AbacCacheChanged(ALL_CHANGES);
		else if (!RecoveryInProgress() && uses_old && !WaitForCommits(ABAC_LOCK_USERS))
		{
			if (about_several)
				AbacCacheChanged(ALL_CHANGES);
			else
				ForgetUser(AbacUserMessage(about));
		}

		/* what was announced since; until here an error leaves it unverified */
		AcceptInvalidationMessages();
		unverified = false;
	}
	if ((stale == 0 || !loading) &&
		(!mixes || about.data == NULL ||
		 (about_several ? user_announced : *Place(AbacUserMessage(about))) <= AbacCheckNumber))
	{
		attempts = 0;
		return true;
	}
	if (++attempts == MAX_ATTEMPTS)
	{
		AbacCacheChanged(ALL_CHANGES);
		attempts = 0;
	}
	return false;
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
		size += AbacLayerSize(i);
	/* compiled regular expressions of old versions aren't all counted */
	if (AbacLayerIsWorn(ABAC_LAYER_POLICIES))
		stale |= too_large = ABAC_CHANGE_POLICY;

	/* what the next check adds is to fit in as well */
	if (size > limit - limit / 8)
	{
		too_large = ABAC_CHANGE_SUBJECT;
		if (AbacLayerSize(ABAC_LAYER_POLICIES) > limit / 2)
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

/* What the layer holds for the key, or NULL. */
void *
AbacCacheFind(AbacLayer layer, const AbacKey *key)
{
	const AbacEntry *entry = AbacLayerFind(layer, key);

	return entry ? entry->value : NULL;
}

/*
 * Was it announced since it was made?  What this check made itself is good for
 * it all the same: it must not find two of one thing.
 */
static inline bool
IsFresh(const AbacEntry *entry, Oid message)
{
	return entry->made == AbacCheckNumber || entry->made >= *Place(message);
}

/* The same of a policy, group or rule, in the layer of policies. */
void *
AbacCacheFindPolicy(const AbacKey *key, const pg_uuid_t *id)
{
	const AbacEntry *entry = AbacLayerFind(ABAC_LAYER_POLICIES, key);

	return entry && IsFresh(entry, AbacPolicyMessage(id)) ? entry->value : NULL;
}

/* The same of something that is, or is made of, facts about the user alone. */
void *
AbacCacheFindUser(AbacLayer layer, const AbacKey *key, AbacString user)
{
	const AbacEntry *entry = AbacLayerFind(layer, key);

	if (entry && !IsFresh(entry, AbacUserMessage(user)))
		entry = NULL;
	AbacCacheIsAbout(user, entry && entry->made < AbacCheckNumber);
	return entry ? entry->value : NULL;
}

/*
 * This check is about the user; is_old: it uses what an earlier one made, and
 * AbacCacheVersion vouches for.  The text must be good until the check ends.
 */
void
AbacCacheIsAbout(AbacString user, bool is_old)
{
	if (about.data != NULL && !AbacStringEqual(about, user))
		about_several = true;
	about = user;
	uses_old |= is_old;
}

/*
 * Let the layer hold a value, which is complete and in the layer's memory, for
 * the key, which is copied.
 */
void
AbacCacheAdd(AbacLayer layer, const AbacKey *key, void *value)
{
	AbacLayerAdd(layer, key, value, AbacCheckNumber);
	added = true;
}
