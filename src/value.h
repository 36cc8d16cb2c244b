/*
 * value.h
 *	  Attribute values: types, coercion, equality, order (DESIGN §3, Comparison).
 */
#ifndef ABAC_VALUE_H
#define ABAC_VALUE_H

#include "abac.h"

#include "pgtime.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* What both sides of a comparison are coerced to; NONE = taken as they are. */
typedef enum AbacType
{
	ABAC_TYPE_NONE,
	ABAC_TYPE_STRING,
	ABAC_TYPE_NUMBER,
	ABAC_TYPE_BOOLEAN,
	ABAC_TYPE_DATE,				/* timestamptz */
	ABAC_TYPE_INET,				/* ip and cidr */
	ABAC_TYPE_ID				/* user.id, resource.id: text, and numbers by their text */
} AbacType;

typedef enum AbacKind
{
	ABAC_KIND_NULL,				/* JSON null */
	ABAC_KIND_STRING,
	ABAC_KIND_NUMBER,
	ABAC_KIND_BOOLEAN,
	ABAC_KIND_DATE,
	ABAC_KIND_INET,
	ABAC_KIND_ARRAY,
	ABAC_KIND_OBJECT,
	ABAC_KIND_OPAQUE			/* there, but of a type that compares with nothing */
} AbacKind;

/*
 * A value points into what it was read from (a jsonb, a row, the cache) and is
 * good as long as that is.
 */
typedef struct AbacValue
{
	AbacKind	kind;
	bool		singleton;		/* a scalar that counts as an array of one */
	union
	{
		AbacString	string;
		Numeric		number;
		bool		boolean;
		TimestampTz date;
		inet_struct inet;
		JsonbContainer *container;	/* of an array or object */
	}			u;
} AbacValue;

#define AbacValueIsArray(value) \
	((value)->kind == ABAC_KIND_ARRAY || (value)->singleton)

/* Is nothing left to coerce? */
static inline bool
AbacIsOfType(const AbacValue *value, AbacType type)
{
	static const AbacKind kinds[] = {
		[ABAC_TYPE_STRING] = ABAC_KIND_STRING,
		[ABAC_TYPE_NUMBER] = ABAC_KIND_NUMBER,
		[ABAC_TYPE_BOOLEAN] = ABAC_KIND_BOOLEAN,
		[ABAC_TYPE_DATE] = ABAC_KIND_DATE,
		[ABAC_TYPE_INET] = ABAC_KIND_INET,
		[ABAC_TYPE_ID] = ABAC_KIND_STRING
	};

	return type == ABAC_TYPE_NONE || value->kind == kinds[type];
}

/* Walks the elements of an array (or of a singleton). */
typedef struct AbacElements
{
	const AbacValue *array;
	int			count;
	int			next;
	uint32		offset;
} AbacElements;

/* Walks the keys and values of an object. */
typedef struct AbacMembers
{
	JsonbContainer *object;
	int			count;
	int			next;
	uint32		key_offset;
	uint32		value_offset;
} AbacMembers;

extern void AbacValueInit(void (*changed) (void));
extern void AbacElementsBegin(AbacElements *elements, const AbacValue *array);
extern bool AbacElementsNext(AbacElements *elements, AbacValue *element);
extern void AbacMembersBegin(AbacMembers *members, JsonbContainer *object);
extern bool AbacMembersNext(AbacMembers *members, AbacString *key, AbacValue *value);

extern void AbacValueFromJsonbValue(const JsonbValue *json, AbacValue *value);
extern bool AbacValueFromJsonb(Jsonb *json, AbacValue *value);
extern const char *AbacKindName(const AbacValue *value);
extern bool AbacObjectGet(JsonbContainer *object, AbacString key, AbacValue *value);
extern bool AbacDig(AbacValue *value, const AbacString *path, int npath);

extern bool AbacCoerce(const AbacValue *value, AbacType type, AbacValue *result);
extern AbacTruth AbacEqual(const AbacValue *a, const AbacValue *b);
extern bool AbacOrder(const AbacValue *a, const AbacValue *b, int *order);
extern bool AbacInetContains(const inet_struct *network, const inet_struct *address);

extern bool AbacParseDate(AbacString text, TimestampTz *result);
extern void AbacInetFromDatum(Datum datum, inet_struct *result);
extern bool AbacParseInet(AbacString text, bool strict_cidr, inet_struct *result);
extern pg_tz *AbacTimezone(void);

extern char *AbacValueToText(const AbacValue *value);
extern JsonbValue *AbacValueToJson(JsonbParseState **state, JsonbIteratorToken seq,
								   const AbacValue *value);

#endif							/* ABAC_VALUE_H */
