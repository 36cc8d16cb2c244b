/*
 * layer.c
 *	  Where the session keeps what it read: memory in layers, and what is in
 *	  them by key.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "layer.h"

/*
 * A layer's contents by key.  A key's bytes begin with how many they are.
 */
typedef struct MapEntry
{
	uint32		hash;
	char		status;
	const char *key;
	AbacEntry	content;
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

/* Values that were replaced, which stay until the layer is dropped. */
static uint32 replaced[ABAC_NLAYERS];

/*
 * Empty a layer, or make it.  The map's memory is below the one that was reset, so it
 * is gone with the rest.
 */
void
AbacLayerDrop(AbacLayer layer)
{
	MemoryContext *memory = &AbacLayerMemory[layer];

	maps[layer] = NULL;
	memset(&arenas[layer], 0, sizeof(Arena));
	replaced[layer] = 0;
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

/* Bytes that the layer takes from the server; 0 when there is none yet. */
Size
AbacLayerSize(AbacLayer layer)
{
	return AbacLayerMemory[layer] ? MemoryContextMemAllocated(AbacLayerMemory[layer], true) : 0;
}

/* Does it hold more that was replaced than that is good? */
bool
AbacLayerIsWorn(AbacLayer layer)
{
	return maps[layer] && replaced[layer] > Max(64, maps[layer]->members);
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

/* What the layer holds for the key, or NULL.  Good until the next AbacLayerAdd(). */
AbacEntry *
AbacLayerFind(AbacLayer layer, const AbacKey *key)
{
	MapEntry   *entry = map_lookup_hash(maps[layer], key->data, FinishKey(key));

	return entry ? &entry->content : NULL;
}

/*
 * Let the layer hold a value, which is complete and in the layer's memory, for
 * the key, which is copied; instead of what it held for it.
 */
void
AbacLayerAdd(AbacLayer layer, const AbacKey *key, void *value, uint64 made)
{
	uint32		hash = FinishKey(key);
	MapEntry   *entry = map_lookup_hash(maps[layer], key->data, hash);
	bool		found;

	if (entry == NULL)
		entry = map_insert_hash(maps[layer], memcpy(Carve(layer, key->length, false), key->data, key->length),
								hash, &found);
	else
		replaced[layer]++;
	entry->content.value = value;
	entry->content.made = made;
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
