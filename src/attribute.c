/*
 * attribute.c
 *	  Attributes that conditions name, and what definitions say of them (DESIGN §4).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "attribute.h"
#include "cache.h"
#include "scan.h"

/* Every way to write a root, and what it means. */
static const struct
{
	const char *written;
	AbacRoot	root;
	const char *canonical;
}			roots[] = {
	{"user", ABAC_ROOT_USER, "user"},
	{"subject", ABAC_ROOT_USER, "user"},
	{"resource", ABAC_ROOT_RESOURCE, "resource"},
	{"env", ABAC_ROOT_ENV, "env"},
	{"environment", ABAC_ROOT_ENV, "env"},
	{"context", ABAC_ROOT_CONTEXT, "context"},
};

/* What the engine itself knows; the clock's have a type of their own. */
static const struct
{
	const char *name;
	AbacBuiltin builtin;
	AbacType	type;
}			builtins[] = {
	{"user.id", ABAC_BUILTIN_USER_ID, ABAC_TYPE_NONE},
	{"user.roles", ABAC_BUILTIN_USER_ROLES, ABAC_TYPE_NONE},
	{"user.role", ABAC_BUILTIN_USER_ROLES, ABAC_TYPE_NONE},
	{"user.teams", ABAC_BUILTIN_USER_TEAMS, ABAC_TYPE_NONE},
	{"resource.type", ABAC_BUILTIN_RESOURCE_TYPE, ABAC_TYPE_NONE},
	{"resource.id", ABAC_BUILTIN_RESOURCE_ID, ABAC_TYPE_NONE},
	{"context.action", ABAC_BUILTIN_CONTEXT_ACTION, ABAC_TYPE_NONE},
	{"env.now", ABAC_BUILTIN_ENV_NOW, ABAC_TYPE_DATE},
	{"env.date", ABAC_BUILTIN_ENV_DATE, ABAC_TYPE_STRING},
	{"env.time_of_day", ABAC_BUILTIN_ENV_TIME_OF_DAY, ABAC_TYPE_STRING},
	{"env.day_of_week", ABAC_BUILTIN_ENV_DAY_OF_WEEK, ABAC_TYPE_STRING},
	{"env.time_hour", ABAC_BUILTIN_ENV_TIME_HOUR, ABAC_TYPE_NUMBER},
};

static const AbacDataType data_types[] = {
	{"string", ABAC_TYPE_STRING, false, false},
	{"number", ABAC_TYPE_NUMBER, false, false},
	{"boolean", ABAC_TYPE_BOOLEAN, false, false},
	{"array", ABAC_TYPE_NONE, true, false},
	{"date", ABAC_TYPE_DATE, false, false},
	{"json", ABAC_TYPE_NONE, false, true},
	{"ip", ABAC_TYPE_INET, false, false},
	{"cidr", ABAC_TYPE_INET, false, false},
};

/* What a definition's data_type means; NULL when there is no such type. */
const AbacDataType *
AbacFindDataType(AbacString name)
{
	for (size_t i = 0; i < lengthof(data_types); i++)
	{
		if (AbacStringEqual(name, AbacStringOf(data_types[i].name)))
			return &data_types[i];
	}
	return NULL;
}

/* The name of builtin number i, or NULL after the last; for "did you mean". */
const char *
AbacBuiltinName(int i)
{
	return i < (int) lengthof(builtins) ? builtins[i].name : NULL;
}

/*
 * Is the text an attribute's name: a known root, and a path of non-empty parts
 * below it?  Then *canonical is the name with the canonical root: the text
 * itself, or palloc'd.
 */
bool
AbacParseAttributeName(AbacString text, AbacString *canonical)
{
	const char *dot = memchr(text.data, '.', text.length);
	AbacString	written;

	if (dot == NULL || text.data[text.length - 1] == '.')
		return false;
	for (const char *p = dot; p + 1 < text.data + text.length; p++)
	{
		if (p[0] == '.' && p[1] == '.')
			return false;
	}

	written.data = text.data;
	written.length = dot - text.data;
	for (size_t i = 0; i < lengthof(roots); i++)
	{
		if (!AbacStringEqual(written, AbacStringOf(roots[i].written)))
			continue;
		if (strcmp(roots[i].written, roots[i].canonical) == 0)
			*canonical = text;
		else
			*canonical = AbacStringOf(psprintf("%s%.*s", roots[i].canonical,
											   text.length - written.length, dot));
		return true;
	}
	return false;
}

/* The row that defines the name for this organization itself (none = platform-wide). */
static bool
LoadDefinition(AbacString organization, AbacAttribute *attribute)
{
	/* what reading takes isn't to stay where the compiler puts what it makes */
	MemoryContext old = MemoryContextSwitchTo(CurTransactionContext);
	AbacScan	scan;
	bool		found;

	AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, DEFINITION_organization_id, organization);
	AbacScanKeyText(&scan, DEFINITION_name, attribute->name);
	found = AbacScanNext(&scan);
	if (found)
		AbacDefineAttribute(attribute, scan.values, scan.nulls, AbacPolicyMemory);
	AbacScanEnd(&scan);
	MemoryContextSwitchTo(old);
	return found;
}

/*
 * Give the attribute what a row of abac_attribute_definitions (taken apart as
 * a scan or AbacExtractColumns() does) says of it.
 */
void
AbacDefineAttribute(AbacAttribute *attribute, const Datum *values, const bool *nulls,
					MemoryContext memory)
{
	text	   *type_name = DatumGetTextPP(values[DEFINITION_data_type]);
	text	   *source = DatumGetTextPP(values[DEFINITION_source]);
	AbacString	type_string = {VARDATA_ANY(type_name), VARSIZE_ANY_EXHDR(type_name)};
	AbacString	source_string = {VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source)};
	const AbacDataType *type = AbacFindDataType(type_string);

	if (type == NULL)
		elog(ERROR, "unrecognized data type of attribute \"%.*s\"",
			 attribute->name.length, attribute->name.data);
	attribute->defined = true;
	attribute->type = type->type;
	attribute->array_type = type->array_type;
	attribute->any_shape = type->any_shape;
	attribute->multivalued = !nulls[DEFINITION_is_multivalued] &&
		DatumGetBool(values[DEFINITION_is_multivalued]);

	/* whatever isn't known is the narrowest */
	if (AbacStringEqual(source_string, AbacStringOf("any")))
		attribute->source = ABAC_SOURCE_ANY;
	else if (AbacStringEqual(source_string, AbacStringOf("stored")))
		attribute->source = ABAC_SOURCE_STORED;
	else
		attribute->source = ABAC_SOURCE_GLOBAL;

	attribute->has_default = !nulls[DEFINITION_default_value] &&
		AbacValueFromJsonb(AbacCopyVarlena(memory, values[DEFINITION_default_value]),
						   &attribute->default_value);
}

static void
SplitPath(AbacAttribute *attribute)
{
	const char *end = attribute->name.data + attribute->name.length;
	const char *p = strchr(attribute->name.data, '.');

	for (const char *q = p; q < end; q++)
		attribute->nkeys += *q == '.';
	attribute->keys = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacString) * attribute->nkeys);
	for (int i = 0; i < attribute->nkeys; i++)
	{
		const char *next = memchr(p + 1, '.', end - (p + 1));

		attribute->keys[i].data = p + 1;
		attribute->keys[i].length = (next ? next : end) - (p + 1);
		p = next;
	}
}

/* What the column says of an attribute that nobody defined (DESIGN §7). */
static void
DefineByColumn(AbacAttribute *attribute)
{
	const AbacColumn *column = attribute->column;

	if (attribute->nkeys > 1 || column->kind == ABAC_COLUMN_JSONB)
		return;
	attribute->any_shape = false;
	attribute->multivalued = column->kind == ABAC_COLUMN_ARRAY;
	attribute->type = AbacColumnType(attribute->multivalued ? column->element : column->kind);
}

/*
 * The attribute of that canonical name as rules of the organization (none =
 * platform-wide ones) see it, about rows of the relation or (NULL) not about
 * rows.  Always the same object until the policy layer
 * is dropped.  Call between AbacCacheBegin() and AbacCacheEnd().
 */
AbacAttribute *
AbacGetAttribute(AbacString organization, const AbacRelation *relation, AbacString name)
{
	AbacKey		key;
	AbacAttribute *attribute;

	AbacKeyBegin(&key, ABAC_TAG_ATTRIBUTE);
	AbacKeyAddString(&key, organization);
	AbacKeyAddString(&key, name);
	if (strncmp(name.data, "resource.", strlen("resource.")) != 0)
		relation = NULL;		/* the row is only asked for resource.* */
	if (relation)
		AbacKeyAddOid(&key, relation->oid);
	attribute = AbacCacheFind(ABAC_LAYER_POLICIES, &key);
	if (attribute)
		return attribute;

	attribute = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacAttribute));
	attribute->organization = AbacCopyString(AbacPolicyMemory, organization);
	attribute->name = AbacCopyString(AbacPolicyMemory, name);
	attribute->any_shape = true;
	SplitPath(attribute);

	for (size_t i = 0; i < lengthof(roots); i++)
	{
		size_t		length = strlen(roots[i].canonical);

		if (strncmp(attribute->name.data, roots[i].canonical, length) == 0 &&
			attribute->name.data[length] == '.')
			attribute->root = roots[i].root;
	}
	for (size_t i = 0; i < lengthof(builtins); i++)
	{
		if (strcmp(attribute->name.data, builtins[i].name) == 0)
		{
			attribute->builtin = builtins[i].builtin;
			attribute->type = builtins[i].type;
			attribute->defined = attribute->type != ABAC_TYPE_NONE;
			attribute->any_shape = !attribute->defined;
		}
	}

	/* the organization's definition, then the global one */
	if (organization.data == NULL || !LoadDefinition(organization, attribute))
	{
		AbacString	platform = {NULL, 0};

		LoadDefinition(platform, attribute);
	}

	if (relation && attribute->builtin == ABAC_BUILTIN_NONE)
		attribute->column = AbacFindColumn(relation, attribute->keys[0]);
	if (attribute->column && !attribute->defined)
		DefineByColumn(attribute);

	AbacCacheAdd(ABAC_LAYER_POLICIES, &key, attribute);
	return attribute;
}

/* Is it defined, or does the engine know it? */
bool
AbacAttributeIsKnown(const AbacAttribute *attribute)
{
	return attribute->defined || attribute->builtin != ABAC_BUILTIN_NONE;
}

/*
 * DATE or INET when the value was found in an array column of these, whose
 * elements are text that row.c wrote, to be read back as what they are; else
 * NONE.
 */
AbacType
AbacWrittenElements(const AbacAttribute *attribute)
{
	AbacType	type;

	if (attribute->origin != ABAC_ORIGIN_ROW || attribute->nkeys > 1 ||
		attribute->column->kind != ABAC_COLUMN_ARRAY)
		return ABAC_TYPE_NONE;
	type = AbacColumnType(attribute->column->element);
	return type == ABAC_TYPE_DATE || type == ABAC_TYPE_INET ? type : ABAC_TYPE_NONE;
}

/*
 * Does the definition make something of the elements of an array column that
 * they can't be coerced to?  Then even an empty array isn't what it says.
 */
static bool
ContradictsColumn(const AbacAttribute *attribute)
{
	AbacType	element;

	if (attribute->origin != ABAC_ORIGIN_ROW || attribute->nkeys > 1 ||
		attribute->column->kind != ABAC_COLUMN_ARRAY)
		return false;
	element = AbacColumnType(attribute->column->element);
	switch (attribute->type)
	{
		case ABAC_TYPE_NONE:
			return element == ABAC_TYPE_DATE || element == ABAC_TYPE_INET;
		case ABAC_TYPE_STRING:
			return element != ABAC_TYPE_STRING && element != ABAC_TYPE_NUMBER &&
				element != ABAC_TYPE_BOOLEAN;
		default:
			return element != attribute->type && element != ABAC_TYPE_STRING;
	}
}

/*
 * A source's value as the definition says it must be (DESIGN §3, Coercion);
 * false when it contradicts the definition.  Elements of arrays are left as
 * they are: each is coerced when it is compared.
 */
bool
AbacConform(const AbacAttribute *attribute, const AbacValue *raw, AbacValue *value)
{
	*value = *raw;
	value->singleton = false;

	if (raw->kind == ABAC_KIND_NULL || raw->kind == ABAC_KIND_OPAQUE)
		return false;
	if (ContradictsColumn(attribute))
		return false;
	if (raw->kind == ABAC_KIND_ARRAY)
		return attribute->any_shape || attribute->array_type || attribute->multivalued;
	if (raw->kind == ABAC_KIND_OBJECT)
		return attribute->any_shape;

	/* a scalar */
	if (attribute->array_type && !attribute->multivalued)
		return false;
	if (!AbacCoerce(raw, attribute->type, value))
		return false;
	value->singleton = attribute->multivalued;
	return true;
}
