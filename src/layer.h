/*
 * layer.h
 *	  Where the session keeps what it read: memory in layers, and what is in
 *	  them by key.
 */
#ifndef ABAC_LAYER_H
#define ABAC_LAYER_H

#include "abac.h"

#include "utils/uuid.h"

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

extern void AbacLayerDrop(AbacLayer layer);
extern Size AbacLayerSize(AbacLayer layer);
extern bool AbacLayerIsWorn(AbacLayer layer);
extern void *AbacAllocate(AbacLayer layer, Size size);
extern void *AbacGrow(AbacLayer layer, void *array, int count, Size element);

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

/* What is held for a key. */
typedef struct AbacEntry
{
	void	   *value;
	uint64		made;			/* when; see cache.c */
} AbacEntry;

extern AbacEntry *AbacLayerFind(AbacLayer layer, const AbacKey *key);
extern void AbacLayerAdd(AbacLayer layer, const AbacKey *key, void *value, uint64 made);

/* Into a layer, by its memory context, or into any other. */
extern void *AbacAllocateIn(MemoryContext memory, Size size, bool aligned);
extern AbacString AbacCopyString(MemoryContext memory, AbacString string);
extern void *AbacCopyVarlena(MemoryContext memory, Datum datum);

#endif							/* ABAC_LAYER_H */
