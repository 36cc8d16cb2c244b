/*
 * guard_definition.c
 *	  Guards of what attributes are defined as: the definitions by themselves,
 *	  and the values that they allow users to have.
 *
 * What conditions make of a definition is in guard_condition.c.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "attribute.h"
#include "cache.h"
#include "compile.h"
#include "guard.h"
#include "scan.h"
#include "value.h"

/*
 * What values a definition allows
 */

static bool
IsAllowed(const AbacAttribute *attribute, Jsonb *allowed_values, const AbacValue *element)
{
	AbacElements elements;
	AbacValue	list;
	AbacValue	allowed;

	AbacValueFromJsonb(allowed_values, &list);
	AbacElementsBegin(&elements, &list);
	while (AbacElementsNext(&elements, &allowed))
	{
		if (AbacCoerce(&allowed, attribute->type, &allowed) &&
			AbacEqual(element, &allowed) == ABAC_TRUE)
			return true;
	}
	return false;
}

/* The allowed values, cut where they get many. */
static char *
ListAllowed(Jsonb *allowed_values)
{
	char	   *text = JsonbToCString(NULL, &allowed_values->root, 0);
	int			length = strlen(text);

	if (length > 200)
		text = psprintf("%s...", pnstrdup(text, pg_mbcliplen(text, length, 200)));
	return text;
}

/* Does the element's text match the pattern?  A bad pattern (guards were off) forbids nothing. */
static bool
MatchesPattern(AbacString pattern, const AbacValue *element)
{
	AbacError	error;
	regex_t    *regex = AbacCompileRegex(pattern, &error);
	AbacValue	text;

	if (!AbacCoerce(element, ABAC_TYPE_STRING, &text))
		text.u.string = AbacStringOf(element->kind == ABAC_KIND_NULL ? "null" :
									 JsonbToCString(NULL, element->u.container, 0));
	return regex == NULL || AbacRegexMatches(regex, text.u.string) != ABAC_FALSE;
}

/*
 * In what the value contradicts the definition, as a sentence; NULL when it
 * doesn't.  The sentence doesn't contain the value: who may change a row need
 * not be allowed to read it.
 */
static char *
FindContradiction(const AbacRow *definition, const AbacValue *raw, int *sqlstate)
{
	AbacAttribute attribute = {.name = AbacScanText(definition, DEFINITION_name)};
	AbacValue	shaped;
	AbacValue	array = *raw;
	AbacElements elements;
	AbacValue	element;
	AbacValue	coerced;
	bool		fits;

	AbacDefineAttribute(&attribute, definition->values, definition->nulls, CurrentMemoryContext);

	*sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
	fits = AbacConform(&attribute, raw, &shaped);
	array.singleton = raw->kind != ABAC_KIND_ARRAY;
	AbacElementsBegin(&elements, &array);
	while (fits && AbacElementsNext(&elements, &element))
	{
		if (!AbacCoerce(&element, attribute.type, &coerced))
		{
			fits = false;
			break;
		}
		*sqlstate = ERRCODE_CHECK_VIOLATION;
		if (!definition->nulls[DEFINITION_allowed_values] &&
			!IsAllowed(&attribute, DatumGetJsonbP(definition->values[DEFINITION_allowed_values]), &coerced))
			return psprintf("Only these values are allowed: %s.",
							ListAllowed(DatumGetJsonbP(definition->values[DEFINITION_allowed_values])));
		if (!definition->nulls[DEFINITION_validation_regex] &&
			!MatchesPattern(AbacScanText(definition, DEFINITION_validation_regex), &element))
			return psprintf("It must match the regular expression \"%s\".",
							AbacRowText(definition, DEFINITION_validation_regex));
		*sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
	}
	if (fits)
		return NULL;

	if (raw->kind == ABAC_KIND_ARRAY && (attribute.multivalued || attribute.array_type))
		return psprintf("Its elements must be of type %s, and one of type %s isn't.",
						AbacRowText(definition, DEFINITION_data_type), AbacKindName(&element));
	return psprintf("It must be of type %s%s, and this one of type %s isn't.",
					attribute.multivalued ? "array of " : "",
					AbacRowText(definition, DEFINITION_data_type), AbacKindName(raw));
}

/* The definition by itself: its pattern, its allowed values and its default. */
static void
CheckDefinition(const AbacRow *definition)
{
	AbacAttribute attribute = {.name = AbacScanText(definition, DEFINITION_name)};
	AbacError	error;
	char	   *contradiction;

	AbacDefineAttribute(&attribute, definition->values, definition->nulls, CurrentMemoryContext);

	if (!definition->nulls[DEFINITION_validation_regex] &&
		AbacCompileRegex(AbacScanText(definition, DEFINITION_validation_regex), &error) == NULL)
	{
		error.detail = psprintf("It is the validation_regex of %s.",
								AbacDescribe(ABAC_ATTRIBUTE_DEFINITIONS, definition));
		AbacThrow(ERROR, &error);
	}

	if (!definition->nulls[DEFINITION_allowed_values])
	{
		AbacElements elements;
		AbacValue	list;
		AbacValue	value;

		AbacValueFromJsonb(DatumGetJsonbP(definition->values[DEFINITION_allowed_values]), &list);
		AbacElementsBegin(&elements, &list);
		while (AbacElementsNext(&elements, &value))
		{
			if (value.kind != ABAC_KIND_NULL && AbacCoerce(&value, attribute.type, &value))
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid allowed_values of %s",
							AbacDescribe(ABAC_ATTRIBUTE_DEFINITIONS, definition)),
					 errdetail("They must be of type %s, and number %d, of type %s, isn't.",
							   AbacRowText(definition, DEFINITION_data_type), elements.next, AbacKindName(&value)),
					 errhint("Change allowed_values or data_type.")));
		}
	}

	if (attribute.has_default)
	{
		contradiction = FindContradiction(definition, &attribute.default_value, &error.sqlstate);
		if (contradiction)
			ereport(ERROR,
					(errcode(error.sqlstate),
					 errmsg("invalid default_value of %s", AbacDescribe(ABAC_ATTRIBUTE_DEFINITIONS, definition)),
					 errdetail_internal("%s", contradiction),
					 errhint("Change default_value or the definition.")));
	}
}

/*
 * No organization redefines a name that has a platform-wide system definition.
 * To be called after AbacBeginCompiling().
 */
static void
CheckRedefinition(const AbacRow *definition)
{
	bool		platform = definition->nulls[DEFINITION_organization_id];
	AbacScan	scan;

	if (platform && !AbacScanBool(definition, DEFINITION_is_system))
		return;
	AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, DEFINITION_name, AbacScanText(definition, DEFINITION_name));
	while (AbacScanNext(&scan))
	{
		bool		other_platform = scan.nulls[DEFINITION_organization_id];

		if (platform ? other_platform : !(other_platform && AbacScanBool(&scan, DEFINITION_is_system)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("organization \"%s\" cannot redefine system attribute \"%s\"",
						AbacRowText(platform ? &scan : definition, DEFINITION_organization_id),
						AbacRowText(definition, DEFINITION_name)),
				 errdetail("The platform-wide definition of that name is a system definition."),
				 platform
				 ? errhint("Delete the organizations' definitions of that name first.")
				 : errhint("Choose another name.")));
	}
	AbacScanEnd(&scan);
}

/*
 * A definition: is it right by itself, may there be one of that name, and do
 * the conditions that see it (or saw it) still compile?
 */
void
AbacGuardDefinition(const AbacRowChange *change)
{
	bool		renamed = AbacColumnChanged(change, "organization_id") || AbacColumnChanged(change, "name");
	bool		retyped = AbacColumnChanged(change, "data_type") || AbacColumnChanged(change, "is_multivalued");

	if (change->new)
		CheckDefinition(change->new);
	if (!(renamed || retyped || AbacColumnChanged(change, "is_system")))
		return;

	AbacBeginCompiling(ExclusiveLock);
	if (change->new)
		CheckRedefinition(change->new);
	if (!AbacIsRestoring())
	{
		if (change->old && renamed)
			AbacRecheckDefined(AbacScanText(change->old, DEFINITION_organization_id),
							   AbacScanText(change->old, DEFINITION_name));
		if (change->new && (renamed || retyped))
			AbacRecheckDefined(AbacScanText(change->new, DEFINITION_organization_id),
							   AbacScanText(change->new, DEFINITION_name));
	}
	AbacCacheEnd();
}

/*
 * What users have
 */

/* The value that a dotted name below "user" has in an object; false for none or JSON null. */
static bool
DigName(JsonbContainer *object, AbacString name, AbacValue *value)
{
	const char *end = name.data + name.length;
	const char *key = memchr(name.data, '.', name.length);

	while (key != NULL)
	{
		const char *next = memchr(key + 1, '.', end - (key + 1));
		AbacString	part = {key + 1, (next ? next : end) - (key + 1)};

		if (!AbacObjectGet(object, part, value))
			return false;
		if (next && value->kind != ABAC_KIND_OBJECT)
			return false;
		if (next)
			object = value->u.container;
		key = next;
	}
	return value->kind != ABAC_KIND_NULL;
}

/*
 * What is written of a user: does it contradict what the attributes are
 * defined as?  An ERROR or a WARNING, as abac.attribute_validation says.
 */
void
AbacGuardUserAttributes(const AbacRowChange *change)
{
	AbacString	organization;
	JsonbContainer *object;
	Snapshot	snapshot;
	List	   *names = NIL;	/* that the organization defines itself */

	if (change->new == NULL ||
		abac_attribute_validation == ABAC_VALIDATION_OFF || AbacIsRestoring() ||
		!(AbacColumnChanged(change, "attributes") || AbacColumnChanged(change, "organization_id")))
		return;

	organization = AbacScanText(change->new, USER_ATTRIBUTE_organization_id);
	object = &DatumGetJsonbP(change->new->values[USER_ATTRIBUTE_attributes])->root;
	snapshot = AbacTakeSnapshot();
	for (int i = organization.data ? 0 : 1; i < 2; i++)
	{
		AbacString	none = {NULL, 0};
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, snapshot);
		AbacScanKeyText(&scan, DEFINITION_organization_id, i == 0 ? organization : none);
		while (AbacScanNext(&scan))
		{
			AbacString	name = AbacScanText(&scan, DEFINITION_name);
			AbacValue	value;
			char	   *contradiction;
			int			sqlstate;
			bool		overridden = false;
			ListCell   *cell;

			if (name.length < 5 || memcmp(name.data, "user.", 5) != 0)
				continue;
			foreach(cell, names)
				overridden |= AbacStringEqual(name, AbacStringOf(lfirst(cell)));
			if (i == 0)
				names = lappend(names, AbacStringToCString(name));
			if (overridden || !DigName(object, name, &value))
				continue;

			contradiction = FindContradiction(&scan, &value, &sqlstate);
			if (contradiction)
				ereport(abac_attribute_validation == ABAC_VALIDATION_STRICT ? ERROR : WARNING,
						(errcode(sqlstate),
						 organization.data
						 ? errmsg("attribute \"%s\" of user \"%s\" in organization \"%s\" contradicts its definition",
								  AbacStringToCString(name), AbacRowText(change->new, USER_ATTRIBUTE_user_id),
								  AbacStringToCString(organization))
						 : errmsg("attribute \"%s\" of user \"%s\" contradicts its definition",
								  AbacStringToCString(name), AbacRowText(change->new, USER_ATTRIBUTE_user_id)),
						 errdetail_internal("%s", contradiction),
						 errhint("Change the value, or the %s.",
								 AbacDescribe(ABAC_ATTRIBUTE_DEFINITIONS, &scan))));
		}
		AbacScanEnd(&scan);
	}
	UnregisterSnapshot(snapshot);
}
