/*
 * cache.h
 *	  The session's memory of what it read, and when it stops being true.
 */
#ifndef ABAC_CACHE_H
#define ABAC_CACHE_H

#include "abac.h"
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

/*
 * Three layers: policies, compiled; facts, as their tables have them; and
 * subjects, which is what the two come to for somebody.  The last points into
 * the others and never outlives them; they don't point into each other, so a
 * change of either kind leaves one as it is.
 */
typedef enum AbacLayer
{
	ABAC_LAYER_POLICIES,
	ABAC_LAYER_FACTS,
	ABAC_LAYER_SUBJECTS
} AbacLayer;

#define ABAC_NLAYERS	3

/* Memory of the layers.  What is in them may be dropped in AbacCacheBegin() only. */
extern MemoryContext AbacLayerMemory[ABAC_NLAYERS];

#define AbacPolicyMemory	AbacLayerMemory[ABAC_LAYER_POLICIES]
#define AbacFactsMemory		AbacLayerMemory[ABAC_LAYER_FACTS]
#define AbacSubjectMemory	AbacLayerMemory[ABAC_LAYER_SUBJECTS]

extern void *AbacAllocate(AbacLayer layer, Size size);
extern void *AbacGrow(AbacLayer layer, void *array, int count, Size element);

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
extern bool AbacCacheDistrusts(void);

/*
 * What the layers hold is found by keys: a tag and the parts that tell one
 * thing of its kind from another, each with its length.  A key that is looked
 * up lives on the stack, as a rule.
 */
typedef enum AbacTag
{
	ABAC_TAG_ATTRIBUTE,
	ABAC_TAG_RULE,
	ABAC_TAG_GROUP,
	ABAC_TAG_POLICY,
	ABAC_TAG_ROLE,
	ABAC_TAG_PERMISSIONS,
	ABAC_TAG_GRANT,
	ABAC_TAG_POLICY_RULES,
	ABAC_TAG_RESOURCE_TYPE,
	ABAC_TAG_ASSIGNMENTS,
	ABAC_TAG_FACTS,
	ABAC_TAG_SUBJECT,
	ABAC_TAG_PLAN,
	ABAC_TAG_RELATION,
	ABAC_TAG_PLACES,
	ABAC_TAG_FILTER
} AbacTag;

typedef struct AbacKey
{
	int			length;
	int			size;			/* of data */
	char	   *data;
	char		buffer[232];
} AbacKey;

extern void AbacKeyBegin(AbacKey *key, AbacTag tag);
extern void AbacKeyAddString(AbacKey *key, AbacString part);
extern void AbacKeyAddUuid(AbacKey *key, const pg_uuid_t *part);
extern void AbacKeyAddOid(AbacKey *key, Oid part);
extern void *AbacCacheFind(AbacLayer layer, const AbacKey *key);
extern void *AbacCacheFindUser(AbacLayer layer, const AbacKey *key, AbacString user);
extern void AbacCacheUsesUser(AbacString user);
extern void AbacCacheAdd(AbacLayer layer, const AbacKey *key, void *value);

/* Into a layer, by its memory context, or into any other. */
extern void *AbacAllocateIn(MemoryContext memory, Size size, bool aligned);
extern AbacString AbacCopyString(MemoryContext memory, AbacString string);
extern void *AbacCopyVarlena(MemoryContext memory, Datum datum);

#endif							/* ABAC_CACHE_H */
