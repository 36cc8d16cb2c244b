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
extern void *AbacCacheFindUser(AbacLayer layer, const AbacKey *key, AbacString user);
extern void AbacCacheUsesUser(AbacString user);
extern void AbacCacheAdd(AbacLayer layer, const AbacKey *key, void *value);

#endif							/* ABAC_CACHE_H */
