/*
 * draw.c
 *	  An explanation as an indented tree that a person reads.
 *
 * What is drawn is the jsonb that abac_explain() returns, so the two can't say
 * different things.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "explain.h"
#include "request.h"

PG_FUNCTION_INFO_V1(abac_explain_text);
PG_FUNCTION_INFO_V1(abac_explain_text_uuid);
PG_FUNCTION_INFO_V1(abac_explain_text_bigint);
PG_FUNCTION_INFO_V1(abac_explain_text_row);
PG_FUNCTION_INFO_V1(abac_explain_text_row_uuid);
PG_FUNCTION_INFO_V1(abac_explain_text_row_bigint);

/* A member of an object of the explanation; false when it isn't there or null. */
static bool
Get(JsonbContainer *object, const char *key, AbacValue *value)
{
	return AbacObjectGet(object, AbacStringOf(key), value) && value->kind != ABAC_KIND_NULL;
}

/* Append a string of an object as it is, with something before and after; nothing if it isn't there. */
static void
AppendWord(StringInfo text, JsonbContainer *object, const char *key,
		   const char *before, const char *after)
{
	AbacValue	value;

	if (!Get(object, key, &value))
		return;
	appendStringInfoString(text, before);
	if (value.kind == ABAC_KIND_STRING)
		appendBinaryStringInfo(text, value.u.string.data, value.u.string.length);
	else
	{
		AbacCoerce(&value, ABAC_TYPE_STRING, &value);
		appendBinaryStringInfo(text, value.u.string.data, value.u.string.length);
	}
	appendStringInfoString(text, after);
}

/* Append a member of an object as JSON. */
static void
AppendJson(StringInfo text, JsonbContainer *object, const char *key)
{
	JsonbValue	json;

	if (getKeyJsonValueFromContainer(object, key, strlen(key), &json) == NULL)
		return;
	if (json.type == jbvBinary)
		JsonbToCString(text, json.val.binary.data, json.val.binary.len);
	else
	{
		Jsonb	   *scalar = JsonbValueToJsonb(&json);

		JsonbToCString(text, &scalar->root, VARSIZE(scalar));
	}
}

static void
BeginLine(StringInfo text, int depth, JsonbContainer *object)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	appendStringInfoSpaces(text, depth * 2);
	AppendWord(text, object, "value", "[", "] ");
}

/* Draw the objects of an array, if there is one of that name. */
static void
DrawArray(StringInfo text, JsonbContainer *object, const char *key, int depth,
		  void (*draw) (StringInfo text, JsonbContainer *object, int depth))
{
	AbacValue	array;
	AbacElements elements;
	AbacValue	element;

	if (!Get(object, key, &array))
		return;
	AbacElementsBegin(&elements, &array);
	while (AbacElementsNext(&elements, &element))
		draw(text, element.u.container, depth);
}

static void
DrawLeaf(StringInfo text, JsonbContainer *object)
{
	AbacValue	expected;
	AbacValue	ignored;

	AppendWord(text, object, "attribute", "", "");
	AppendWord(text, object, "path", " ", "");
	AppendWord(text, object, "operator", " ", " ");
	if (Get(object, "expected", &expected) && expected.kind == ABAC_KIND_OBJECT &&
		Get(expected.u.container, "ref", &ignored) && Get(expected.u.container, "source", &ignored))
	{
		AppendWord(text, expected.u.container, "ref", "", " (");
		AppendJson(text, expected.u.container, "value");
		AppendWord(text, expected.u.container, "source", ", ", ")");
	}
	else
		AppendJson(text, object, "expected");
	if (Get(object, "actual", &ignored))
	{
		appendStringInfoString(text, ": is ");
		AppendJson(text, object, "actual");
		AppendWord(text, object, "source", " (", ")");
	}
	AppendWord(text, object, "why", Get(object, "actual", &ignored) ? "; " : ": ", "");
}

/* A node of a condition tree. */
static void
DrawNode(StringInfo text, JsonbContainer *object, int depth)
{
	AbacValue	ignored;

	BeginLine(text, depth, object);
	if (Get(object, "attribute", &ignored))
		DrawLeaf(text, object);
	else if (Get(object, "logic", &ignored))
		AppendWord(text, object, "logic", "", "");
	else
		appendStringInfoString(text, "constant");
	AppendWord(text, object, "description", "  -- ", "");
	appendStringInfoChar(text, '\n');
	DrawArray(text, object, "conditions", depth + 1, DrawNode);
}

/* The conditions of a rule, which are one node. */
static void
DrawConditions(StringInfo text, JsonbContainer *object, int depth)
{
	AbacValue	conditions;

	if (Get(object, "conditions", &conditions) && conditions.kind == ABAC_KIND_OBJECT)
		DrawNode(text, conditions.u.container, depth);
}

/* A group or rule. */
static void
DrawMember(StringInfo text, JsonbContainer *object, int depth)
{
	BeginLine(text, depth, object);
	AppendWord(text, object, "kind", "", " \"");
	AppendWord(text, object, "name", "", "\"");
	AppendWord(text, object, "logic", " (", ")");
	AppendWord(text, object, "effect", " (", ")");
	AppendWord(text, object, "why", ": ", "");
	AppendWord(text, object, "elided", ": members are not shown again", "");
	appendStringInfoChar(text, '\n');
	DrawConditions(text, object, depth + 1);
	DrawArray(text, object, "members", depth + 1, DrawMember);
}

static void
DrawAssignment(StringInfo text, JsonbContainer *object, int depth pg_attribute_unused())
{
	AbacValue	name;

	AppendWord(text, object, "target_type", "; assigned to ", " ");
	if (Get(object, "target_name", &name))
		AppendWord(text, object, "target_name", "\"", "\"");
	else
		AppendWord(text, object, "target_id", "\"", "\"");
}

static void
DrawPolicy(StringInfo text, JsonbContainer *object, int depth)
{
	AbacValue	value;

	BeginLine(text, depth, object);
	AppendWord(text, object, "name", "policy \"", "\"");
	AppendWord(text, object, "effect", " (", "");
	AppendWord(text, object, "priority", ", priority ", "");
	AppendWord(text, object, "default_effect", ", default ", "");
	appendStringInfoChar(text, ')');
	if (Get(object, "outcome", &value))
	{
		AppendWord(text, object, "outcome", " -> ", "");
		if (Get(object, "by_default", &value) && value.u.boolean)
			appendStringInfoString(text, " by default");
	}
	else
		appendStringInfoString(text, " -> no outcome");
	AppendWord(text, object, "why", ": ", "");
	DrawArray(text, object, "assignments", depth, DrawAssignment);
	appendStringInfoChar(text, '\n');
	/* the groups of a policy that isn't about the request say nothing */
	if (Get(object, "targeted", &value) && value.u.boolean)
		DrawArray(text, object, "groups", depth + 1, DrawMember);
}

static void
DrawLegacyRule(StringInfo text, JsonbContainer *object, int depth)
{
	BeginLine(text, depth, object);
	AppendWord(text, object, "name", "legacy rule \"", "\"");
	AppendWord(text, object, "effect", " (", "");
	AppendWord(text, object, "priority", ", priority ", ")");
	AppendWord(text, object, "why", ": ", "");
	appendStringInfoChar(text, '\n');
	DrawConditions(text, object, depth + 1);
}

static void
DrawRoleCondition(StringInfo text, JsonbContainer *object, int depth)
{
	BeginLine(text, depth, object);
	AppendWord(text, object, "logic_group", "", " condition");
	AppendWord(text, object, "permission", " on ", "");
	AppendWord(text, object, "why", ": ", "");
	appendStringInfoChar(text, '\n');
	DrawConditions(text, object, depth + 1);
}

static void
DrawRole(StringInfo text, JsonbContainer *object, int depth)
{
	BeginLine(text, depth, object);
	AppendWord(text, object, "name", "role \"", "\"");
	AppendWord(text, object, "permission", " has ", "");
	appendStringInfoChar(text, '\n');
	DrawArray(text, object, "conditions", depth + 1, DrawRoleCondition);
}

/* The whole explanation as an indented tree. */
static text *
Draw(Jsonb *explanation)
{
	JsonbContainer *root = &explanation->root;
	StringInfoData text;
	AbacValue	value;
	bool		first = true;

	initStringInfo(&text);
	Get(root, "decision", &value);
	appendStringInfoString(&text, value.u.boolean ? "allowed" : "denied");
	AppendWord(&text, root, "reason", ": ", "");
	if (Get(root, "decided_by", &value))
	{
		AppendWord(&text, value.u.container, "kind", ", by ", "");
		AppendWord(&text, value.u.container, "name", " \"", "\"");
		AppendWord(&text, value.u.container, "priority", " (priority ", ")");
		AppendWord(&text, value.u.container, "permission", " through ", "");
	}
	AppendWord(&text, root, "why", ": ", "");
	appendStringInfoChar(&text, '\n');

	AppendWord(&text, root, "user", "user \"", "\", ");
	AppendWord(&text, root, "action", "action \"", "\", ");
	AppendWord(&text, root, "resource", "resource \"", "\"");
	if (Get(root, "scope", &value))
	{
		for (int i = 0; i < ABAC_NSCOPES; i++)
		{
			AbacValue	id;

			if (!Get(value.u.container, AbacScopeNames[i], &id))
				continue;
			appendStringInfo(&text, "%s%s", first ? ", in " : ", ", AbacScopeNames[i]);
			AppendWord(&text, value.u.container, AbacScopeNames[i], " \"", "\"");
			first = false;
		}
	}
	appendStringInfoChar(&text, '\n');

	DrawArray(&text, root, "policies", 0, DrawPolicy);
	DrawArray(&text, root, "legacy_rules", 0, DrawLegacyRule);
	DrawArray(&text, root, "roles", 0, DrawRole);

	while (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	return cstring_to_text_with_len(text.data, text.len);
}

/* abac_explain_text(user, action, resource, ctx), likewise. */
Datum
abac_explain_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Draw(AbacExplainArgs(fcinfo, AbacArgText(fcinfo, 0))));
}

Datum
abac_explain_text_uuid(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Draw(AbacExplainArgs(fcinfo, AbacArgUuid(fcinfo, 0))));
}

Datum
abac_explain_text_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Draw(AbacExplainArgs(fcinfo, AbacArgBigint(fcinfo, 0))));
}

/* The same about a row. */
Datum
abac_explain_text_row(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Draw(AbacExplainRowArgs(fcinfo, AbacArgText(fcinfo, 0))));
}

Datum
abac_explain_text_row_uuid(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Draw(AbacExplainRowArgs(fcinfo, AbacArgUuid(fcinfo, 0))));
}

Datum
abac_explain_text_row_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(Draw(AbacExplainRowArgs(fcinfo, AbacArgBigint(fcinfo, 0))));
}
