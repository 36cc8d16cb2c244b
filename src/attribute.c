/*
 * attribute.c
 *	  Attributes that conditions name: what is known of them, and their values
 *	  in one check (DESIGN §4).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#include "attribute.h"
#include "cache.h"
#include "evaluate.h"
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
	AbacScan	scan;
	bool		found;

	AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, DEFINITION_organization_id, organization);
	AbacScanKeyText(&scan, DEFINITION_name, attribute->name);
	found = AbacScanNext(&scan);
	if (found)
		AbacDefineAttribute(attribute, scan.values, scan.nulls, AbacPolicyMemory);
	AbacScanEnd(&scan);
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
	attribute->keys = MemoryContextAlloc(AbacPolicyMemory, sizeof(AbacString) * attribute->nkeys);
	for (int i = 0; i < attribute->nkeys; i++)
	{
		const char *next = memchr(p + 1, '.', end - (p + 1));

		attribute->keys[i].data = p + 1;
		attribute->keys[i].length = (next ? next : end) - (p + 1);
		p = next;
	}
}

/*
 * The attribute of that canonical name as rules of the organization (none =
 * platform-wide ones) see it.  Always the same object until the policy layer
 * is dropped.  Call between AbacCacheBegin() and AbacCacheEnd().
 */
AbacAttribute *
AbacGetAttribute(AbacString organization, AbacString name)
{
	AbacKey		key;
	AbacAttribute *attribute;

	AbacKeyBegin(&key, ABAC_TAG_ATTRIBUTE);
	AbacKeyAddString(&key, organization);
	AbacKeyAddString(&key, name);
	attribute = AbacCacheFind(ABAC_CHANGE_POLICY, &key);
	if (attribute)
		return attribute;

	attribute = MemoryContextAllocZero(AbacPolicyMemory, sizeof(AbacAttribute));
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

	AbacCacheAdd(ABAC_CHANGE_POLICY, &key, attribute);
	return attribute;
}

/* Is it defined, or does the engine know it? */
bool
AbacAttributeIsKnown(const AbacAttribute *attribute)
{
	return attribute->defined || attribute->builtin != ABAC_BUILTIN_NONE;
}

/*
 * A source's value as the definition says it must be (DESIGN §3, Coercion);
 * false when it contradicts the definition.  Elements of arrays are left as
 * they are: each is coerced when it is compared.
 */
bool
AbacShape(const AbacAttribute *attribute, const AbacValue *raw, AbacValue *value)
{
	*value = *raw;
	value->singleton = false;

	if (raw->kind == ABAC_KIND_NULL)
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

static void
SetClock(AbacCheck *check)
{
	static const char *const weekdays[] = {
		"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"
	};
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;
	int			minutes;

	if (check->clock_is_set)
		return;
	if (timestamp2tm(check->now, &west, &tm, &fsec, NULL, AbacTimezone()) != 0)
		elog(ERROR, "timestamp out of range");
	minutes = abs(west) / SECS_PER_MINUTE;
	snprintf(check->date, sizeof(check->date), "%04d-%02d-%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
	snprintf(check->time_of_day, sizeof(check->time_of_day), "%02d:%02d", tm.tm_hour, tm.tm_min);
	snprintf(check->now_text, sizeof(check->now_text), "%sT%s:%02d.%06d%c%02d:%02d",
			 check->date, check->time_of_day, tm.tm_sec, (int) fsec,
			 west > 0 ? '-' : '+', minutes / 60, minutes % 60);
	check->day_of_week = weekdays[j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday))];
	check->hour = tm.tm_hour;
	check->clock_is_set = true;
}

static void
SetString(AbacValue *value, AbacString string)
{
	value->kind = ABAC_KIND_STRING;
	value->singleton = false;
	value->u.string = string;
}

static void
SetArray(AbacValue *value, JsonbContainer *array)
{
	value->kind = ABAC_KIND_ARRAY;
	value->singleton = false;
	value->u.container = array;
}

/* What the clock says; false when it doesn't know the attribute. */
static bool
LookUpClock(AbacCheck *check, const AbacAttribute *attribute, AbacValue *value)
{
	if (attribute->builtin < ABAC_BUILTIN_ENV_NOW)
		return false;
	SetClock(check);
	switch (attribute->builtin)
	{
		case ABAC_BUILTIN_ENV_NOW:
			if (attribute->type == ABAC_TYPE_DATE)
			{
				value->kind = ABAC_KIND_DATE;
				value->singleton = false;
				value->u.date = check->now;
			}
			else
				SetString(value, AbacStringOf(check->now_text));
			return true;
		case ABAC_BUILTIN_ENV_DATE:
			SetString(value, AbacStringOf(check->date));
			return true;
		case ABAC_BUILTIN_ENV_TIME_OF_DAY:
			SetString(value, AbacStringOf(check->time_of_day));
			return true;
		case ABAC_BUILTIN_ENV_DAY_OF_WEEK:
			SetString(value, AbacStringOf(check->day_of_week));
			return true;
		case ABAC_BUILTIN_ENV_TIME_HOUR:
			value->kind = ABAC_KIND_NUMBER;
			value->singleton = false;
			value->u.number = int64_to_numeric(check->hour);
			return true;
		default:
			elog(ERROR, "unrecognized clock attribute: %d", (int) attribute->builtin);
	}
}

/* What the engine itself knows of the request; comes before every source. */
static bool
LookUpBuiltin(AbacCheck *check, const AbacAttribute *attribute, AbacValue *value)
{
	const AbacSubject *subject = check->subject;
	bool		platform = attribute->organization.data == NULL;

	switch (attribute->builtin)
	{
		case ABAC_BUILTIN_USER_ID:
			SetString(value, check->request->user);
			return true;
		case ABAC_BUILTIN_USER_ROLES:
			SetArray(value, platform ? subject->platform_role_names : subject->role_names);
			return true;
		case ABAC_BUILTIN_RESOURCE_TYPE:
			SetString(value, check->request->type);
			return true;
		case ABAC_BUILTIN_RESOURCE_ID:
			if (check->request->id.data == NULL)
				return false;
			SetString(value, check->request->id);
			return true;
		case ABAC_BUILTIN_CONTEXT_ACTION:
			SetString(value, check->request->action);
			return true;
		default:
			return false;
	}
}

typedef enum Dug
{
	DUG_NOTHING,
	DUG_VALUE,
	DUG_NULL					/* a JSON null on the way or at its end */
} Dug;

static Dug
DigObject(JsonbContainer *object, const AbacAttribute *attribute, AbacValue *value)
{
	for (int i = 0; i < attribute->nkeys; i++)
	{
		if (!AbacObjectGet(object, attribute->keys[i], value))
			return DUG_NOTHING;
		if (value->kind == ABAC_KIND_NULL)
			return DUG_NULL;
		if (i + 1 == attribute->nkeys)
			return DUG_VALUE;
		if (value->kind != ABAC_KIND_OBJECT)
			return DUG_NOTHING;
		object = value->u.container;
	}
	elog(ERROR, "attribute without a path");
}

/* The user's stored rows: the organization's, then the global one, or the other way round. */
static Dug
LookUpStored(const AbacSubject *subject, const AbacAttribute *attribute,
			 AbacValue *value, AbacOrigin *origin)
{
	bool		global_first = attribute->organization.data == NULL ||
	attribute->source == ABAC_SOURCE_GLOBAL;

	for (int i = 0; i < 2; i++)
	{
		bool		global = (i == 0) == global_first;
		JsonbContainer *row = global ? subject->global_attributes : subject->organization_attributes;
		Dug			dug;

		if (row == NULL || (!global && attribute->source == ABAC_SOURCE_GLOBAL))
			continue;
		dug = DigObject(row, attribute, value);
		if (dug != DUG_NOTHING)
		{
			*origin = global ? ABAC_ORIGIN_STORED_GLOBAL : ABAC_ORIGIN_STORED_ORGANIZATION;
			return dug;
		}
	}
	return DUG_NOTHING;
}

/*
 * The table of DESIGN §4: the first source that has a value.  False when none
 * has.
 */
static bool
LookUp(AbacCheck *check, AbacAttribute *attribute)
{
	const AbacSubject *subject = check->subject;
	AbacValue  *raw = &attribute->raw;
	JsonbContainer *ctx = check->request->ctx[attribute->root];

	attribute->origin = ABAC_ORIGIN_BUILTIN;
	if (LookUpBuiltin(check, attribute, raw))
		return true;

	if (attribute->root == ABAC_ROOT_USER)
	{
		switch (LookUpStored(subject, attribute, raw, &attribute->origin))
		{
			case DUG_VALUE:
				return true;
			case DUG_NULL:
				/* a stored null ends the search, and there is no default */
				return false;
			case DUG_NOTHING:
				break;
		}
	}

	if (attribute->builtin == ABAC_BUILTIN_USER_TEAMS)
	{
		JsonbContainer *teams = attribute->organization.data ? subject->teams : subject->platform_teams;

		SetArray(raw, teams);
		attribute->origin = ABAC_ORIGIN_TEAMS;
		if (attribute->source != ABAC_SOURCE_GLOBAL && JsonContainerSize(teams) > 0)
			return true;
	}
	else if (attribute->source == ABAC_SOURCE_ANY && ctx &&
			 DigObject(ctx, attribute, raw) == DUG_VALUE)
	{
		attribute->origin = ABAC_ORIGIN_CTX;
		return true;
	}

	attribute->origin = ABAC_ORIGIN_CLOCK;
	if (attribute->source != ABAC_SOURCE_GLOBAL && LookUpClock(check, attribute, raw))
		return true;

	attribute->origin = ABAC_ORIGIN_DEFAULT;
	if (attribute->has_default)
	{
		*raw = attribute->default_value;
		return true;
	}
	if (attribute->builtin == ABAC_BUILTIN_USER_TEAMS)
	{
		SetArray(raw, subject->no_teams);
		return true;
	}

	attribute->origin = ABAC_ORIGIN_NOWHERE;
	return false;
}

/*
 * The attribute's value in this check, looked up once: attribute->raw,
 * ->value, ->shaped and ->origin.  False when it has none; that a default is
 * found counts as a value here.
 */
bool
AbacAttributeLookup(AbacCheck *check, AbacAttribute *attribute)
{
	if (attribute->check != check->number)
	{
		attribute->found = LookUp(check, attribute);
		attribute->shaped = attribute->found &&
			AbacShape(attribute, &attribute->raw, &attribute->value);
		attribute->check = check->number;
	}
	return attribute->found;
}

const char *
AbacOriginName(AbacOrigin origin)
{
	switch (origin)
	{
		case ABAC_ORIGIN_NOWHERE:
			return "nowhere";
		case ABAC_ORIGIN_BUILTIN:
			return "built in";
		case ABAC_ORIGIN_STORED_ORGANIZATION:
			return "stored for the organization";
		case ABAC_ORIGIN_STORED_GLOBAL:
			return "stored globally";
		case ABAC_ORIGIN_TEAMS:
			return "team memberships";
		case ABAC_ORIGIN_CTX:
			return "ctx";
		case ABAC_ORIGIN_CLOCK:
			return "clock";
		case ABAC_ORIGIN_DEFAULT:
			return "default";
	}
	elog(ERROR, "unrecognized origin: %d", (int) origin);
}
