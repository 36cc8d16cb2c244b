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

static inline void
AbacValueFromContainer(JsonbContainer *container, AbacValue *value)
{
	value->kind = JsonContainerIsObject(container) ? ABAC_KIND_OBJECT : ABAC_KIND_ARRAY;
	value->u.container = container;
}

/* The counterpart of fillJsonbValue() in jsonb_util.c, which isn't exported. */
static inline void
AbacValueFromEntry(JsonbContainer *container, int index, char *base, uint32 offset,
				   AbacValue *value)
{
	JEntry		entry = container->children[index];

	value->singleton = false;
	if (JBE_ISNULL(entry))
		value->kind = ABAC_KIND_NULL;
	else if (JBE_ISSTRING(entry))
	{
		value->kind = ABAC_KIND_STRING;
		value->u.string.data = base + offset;
		value->u.string.length = getJsonbLength(container, index);
	}
	else if (JBE_ISNUMERIC(entry))
	{
		value->kind = ABAC_KIND_NUMBER;
		value->u.number = (Numeric) (base + INTALIGN(offset));
	}
	else if (JBE_ISBOOL(entry))
	{
		value->kind = ABAC_KIND_BOOLEAN;
		value->u.boolean = JBE_ISBOOL_TRUE(entry);
	}
	else
	{
		Assert(JBE_ISCONTAINER(entry));
		AbacValueFromContainer((JsonbContainer *) (base + INTALIGN(offset)), value);
	}
}

/* Begin to walk an object's keys and values, in the order that jsonb keeps them in. */
static inline void
AbacMembersBegin(AbacMembers *members, JsonbContainer *object)
{
	members->object = object;
	members->count = JsonContainerSize(object);
	members->next = 0;
	members->key_offset = 0;
	members->value_offset = 0;
	for (int i = 0; i < members->count; i++)
		JBE_ADVANCE_OFFSET(members->value_offset, object->children[i]);
}

/* The next key and what it has, as it is; false when there is none. */
static inline bool
AbacMembersNext(AbacMembers *members, AbacString *key, AbacValue *value)
{
	JsonbContainer *object = members->object;
	char	   *base = (char *) &object->children[members->count * 2];
	int			i = members->next;

	if (i >= members->count)
		return false;
	key->data = base + members->key_offset;
	JBE_ADVANCE_OFFSET(members->key_offset, object->children[i]);
	key->length = base + members->key_offset - key->data;
	AbacValueFromEntry(object, members->count + i, base, members->value_offset, value);
	JBE_ADVANCE_OFFSET(members->value_offset, object->children[members->count + i]);
	members->next++;
	return true;
}

extern void AbacValueInit(void (*changed) (void));
extern void AbacElementsBegin(AbacElements *elements, const AbacValue *array);
extern bool AbacElementsNext(AbacElements *elements, AbacValue *element);

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
