/*
 * abac.h
 *	  What every file of the extension shares: truth, strings, limits, settings.
 */
#ifndef ABAC_H
#define ABAC_H

#include "postgres.h"

#include "compat.h"

/*
 * Three-valued truth (DESIGN: "Three-valued, like SQL").  The order is what
 * makes Kleene's logic plain: AND is the minimum, OR the maximum, and NOT
 * mirrors around UNKNOWN.
 */
typedef enum AbacTruth
{
	ABAC_FALSE = 0,
	ABAC_UNKNOWN = 1,
	ABAC_TRUE = 2
} AbacTruth;

#define AbacNot(truth)	((AbacTruth) (ABAC_TRUE - (truth)))
#define AbacTruthOf(condition)	((condition) ? ABAC_TRUE : ABAC_FALSE)

/* Text that isn't NUL-terminated; data == NULL stands for "none". */
typedef struct AbacString
{
	const char *data;
	int			length;			/* bytes */
} AbacString;

static inline AbacString
AbacStringOf(const char *cstring)
{
	AbacString	string;

	string.data = cstring;
	string.length = cstring ? (int) strlen(cstring) : 0;
	return string;
}

static inline uint64
AbacEightBytes(const char *bytes)
{
	uint64		result;

	memcpy(&result, bytes, sizeof(result));
	return result;
}

/*
 * As memcmp() == 0, without a call: names and ids are short, and a check
 * compares some dozens.
 */
static inline bool
AbacBytesEqual(const char *a, const char *b, int length)
{
	if (length >= 8)
	{
		for (int i = 0; i + 8 < length; i += 8)
		{
			if (AbacEightBytes(a + i) != AbacEightBytes(b + i))
				return false;
		}
		return AbacEightBytes(a + length - 8) == AbacEightBytes(b + length - 8);
	}
	for (int i = 0; i < length; i++)
	{
		if (a[i] != b[i])
			return false;
	}
	return true;
}

/* Two "none"s are equal; a "none" and an empty text are not. */
static inline bool
AbacStringEqual(AbacString a, AbacString b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.length == b.length && AbacBytesEqual(a.data, b.data, a.length);
}

/* Byte order, as collation C has it. */
static inline int
AbacStringCompare(AbacString a, AbacString b)
{
	int			result = memcmp(a.data, b.data, Min(a.length, b.length));

	if (result == 0)
		result = (a.length > b.length) - (a.length < b.length);
	return result;
}

/* A palloc'd, NUL-terminated copy in the current memory context; NULL for none. */
static inline char *
AbacStringToCString(AbacString string)
{
	return string.data ? pnstrdup(string.data, string.length) : NULL;
}

/* Limits that DESIGN §2 and §3 state. */
#define ABAC_MAX_TREE_DEPTH		64
#define ABAC_MAX_TREE_NODES		10000
#define ABAC_MAX_GROUP_LEVELS	32

#endif							/* ABAC_H */
