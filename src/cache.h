/*
 * cache.h
 *	  The session's memory of what it read, and when it stops being true.
 */
#ifndef ABAC_CACHE_H
#define ABAC_CACHE_H

#include "abac.h"
#include "layer.h"
#include "scan.h"

/*
 * What a change of a table concerns.  POLICY: what rules, policies, roles,
 * permissions and definitions say.  SUBJECT: facts about people, scopes, and
 * whom policies are assigned to.
 */
typedef enum AbacChange
{
	ABAC_CHANGE_NONE = 0,
	ABAC_CHANGE_POLICY = 1,
	ABAC_CHANGE_SUBJECT = 2
} AbacChange;

extern const AbacChange AbacTableChanges[ABAC_NTABLES];

/*
 * Grows when what was found in the cache may not be what is found now: what
 * was remembered of it elsewhere is to be looked up again.
 */
extern uint64 AbacCacheVersion;

/*
 * The version when the check under way, or the last one, began, which is what
 * the things it made are of; and its number, by which they are told from older
 * ones.
 */
extern uint64 AbacCheckVersion;
extern uint64 AbacCheckNumber;

/* Grows when something changed, or may have, that was read or could be. */
extern uint64 AbacChanges;

extern void AbacCacheInit(void);
extern void AbacCacheBegin(void);
extern Snapshot AbacCacheSnapshot(void);
extern bool AbacCacheIsConsistent(void);
extern void AbacCacheEnd(void);
extern void AbacCacheForget(void);
extern void AbacCacheChanged(int changes);
extern bool AbacCacheDistrusts(void);

extern void *AbacCacheFind(AbacLayer layer, const AbacKey *key);
extern void *AbacCacheFindPolicy(const AbacKey *key, const pg_uuid_t *id);
extern void *AbacCacheFindUser(AbacLayer layer, const AbacKey *key, AbacString user);
extern void AbacCacheIsAbout(AbacString user, bool is_old);
extern void AbacCacheAdd(AbacLayer layer, const AbacKey *key, void *value);

#endif							/* ABAC_CACHE_H */
