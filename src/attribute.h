/*
 * attribute.h
 *	  Attributes that conditions name: what is known of them, and their values
 *	  in one check (DESIGN §4).
 */
#ifndef ABAC_ATTRIBUTE_H
#define ABAC_ATTRIBUTE_H

#include "abac.h"
#include "relation.h"
#include "value.h"

typedef enum AbacRoot
{
	ABAC_ROOT_USER,
	ABAC_ROOT_RESOURCE,
	ABAC_ROOT_ENV,
	ABAC_ROOT_CONTEXT
} AbacRoot;

/* Attributes that the engine itself knows the value of. */
typedef enum AbacBuiltin
{
	ABAC_BUILTIN_NONE,
	ABAC_BUILTIN_USER_ID,
	ABAC_BUILTIN_USER_ROLES,
	ABAC_BUILTIN_USER_TEAMS,
	ABAC_BUILTIN_RESOURCE_TYPE,
	ABAC_BUILTIN_RESOURCE_ID,
	ABAC_BUILTIN_CONTEXT_ACTION,
	ABAC_BUILTIN_ENV_NOW,
	ABAC_BUILTIN_ENV_DATE,
	ABAC_BUILTIN_ENV_TIME_OF_DAY,
	ABAC_BUILTIN_ENV_DAY_OF_WEEK,
	ABAC_BUILTIN_ENV_TIME_HOUR
} AbacBuiltin;

/* Where a value may come from (the definition's source). */
typedef enum AbacSourceLimit
{
	ABAC_SOURCE_ANY,
	ABAC_SOURCE_STORED,			/* never from ctx */
	ABAC_SOURCE_GLOBAL			/* only from the user's global row */
} AbacSourceLimit;

/* Where a value came from. */
typedef enum AbacOrigin
{
	ABAC_ORIGIN_NOWHERE,
	ABAC_ORIGIN_BUILTIN,
	ABAC_ORIGIN_STORED_ORGANIZATION,
	ABAC_ORIGIN_STORED_GLOBAL,
	ABAC_ORIGIN_TEAMS,
	ABAC_ORIGIN_CTX,
	ABAC_ORIGIN_ROW,
	ABAC_ORIGIN_CLOCK,
	ABAC_ORIGIN_DEFAULT
} AbacOrigin;

/*
 * An attribute as rules of one organization (or platform-wide rules) see it.
 * There is one of these for each (organization, canonical name) that a
 * compiled rule names, and for resource.* one for each table whose rows it is
 * asked about; it lives in the policy cache.
 *
 * The last part is its value in the check with that number: looked up by the
 * first leaf that asks, and found there by the others.
 */
typedef struct AbacAttribute
{
	AbacString	organization;	/* whose rules; none = platform-wide ones */
	AbacString	name;			/* canonical, with root */
	const AbacColumn *column;	/* that holds it, or its first key; NULL = none does */
	AbacRoot	root;
	AbacBuiltin builtin;
	int			nkeys;			/* of the path below the root */
	AbacString *keys;

	bool		defined;		/* by a row, or by DESIGN §4 (clock) */
	AbacType	type;			/* NONE also for array and json */
	bool		array_type;		/* data_type array: nothing but arrays */
	bool		any_shape;		/* undefined or data_type json */
	bool		multivalued;
	AbacSourceLimit source;
	bool		has_default;
	AbacValue	default_value;

	uint64		check;			/* number of the check that the rest is of */
	bool		found;			/* is there a value, a default included? */
	bool		shaped;			/* does it agree with the definition? */
	AbacOrigin	origin;
	AbacValue	raw;			/* as the source has it */
	AbacValue	value;			/* after coercion; good when shaped */
} AbacAttribute;

/* A data_type's name and what it means. */
typedef struct AbacDataType
{
	const char *name;
	AbacType	type;
	bool		array_type;
	bool		any_shape;
} AbacDataType;

extern const AbacDataType *AbacFindDataType(AbacString name);
extern const char *AbacBuiltinName(int i);

extern bool AbacParseAttributeName(AbacString text, AbacString *canonical);
extern AbacAttribute *AbacGetAttribute(AbacString organization, const AbacRelation *relation,
									   AbacString name);
extern void AbacDefineAttribute(AbacAttribute *attribute, const Datum *values,
								const bool *nulls, MemoryContext memory);
extern bool AbacAttributeIsKnown(const AbacAttribute *attribute);
extern AbacType AbacWrittenElements(const AbacAttribute *attribute);
extern bool AbacConform(const AbacAttribute *attribute, const AbacValue *raw, AbacValue *value);

struct AbacCheck;
extern bool AbacAttributeLookup(struct AbacCheck *check, AbacAttribute *attribute);
extern bool AbacAttributeIsStored(const struct AbacCheck *check, const AbacAttribute *attribute);
extern const char *AbacOriginName(AbacOrigin origin);

#endif							/* ABAC_ATTRIBUTE_H */
