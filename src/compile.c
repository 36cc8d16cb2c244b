/*
 * compile.c
 *	  From a condition tree (jsonb) to the program that evaluate.c runs (DESIGN §3).
 *
 * A tree is compiled when it is written, to refuse what is wrong while its
 * author is there to read why, and when it is loaded, to run it.  What can be
 * known from the tree and the definitions is settled here: operators and
 * aliases, references, types, coerced literals, regular expressions, networks.
 *
 * Faults don't raise errors here: the first is described in *error and NULL is
 * returned.  The writer raises it; the loader keeps it, since a tree that is
 * in the table though it is wrong must not disturb other decisions.
 */
#include "postgres.h"

#include "catalog/pg_collation_d.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "compile.h"

#define MAX_LISTED_NAME		63	/* bytes of a name that is searched a near one for */
#define MANY_ELEMENTS		8	/* from here on a list of strings is sorted */

/* A place in the tree; the frames are on the C stack, rendered for errors only. */
typedef struct Path
{
	const struct Path *parent;
	const char *key;			/* NULL = an element of an array */
	int			index;
} Path;

typedef struct Compiler
{
	AbacString	organization;
	AbacError  *error;
	List	  **warnings;
	AbacNode   *nodes;
	uint32		nnodes;
	uint32		size;			/* of nodes */
} Compiler;

/* What value an operator takes. */
typedef enum ValueRule
{
	TAKES_ANYTHING,
	TAKES_ORDERED,				/* a number or string */
	TAKES_PAIR,					/* an array of two of them */
	TAKES_ARRAY,
	TAKES_ELEMENTS,				/* a scalar, or an array of them */
	TAKES_STRING,
	TAKES_PATTERN,				/* a regular expression, never a reference */
	TAKES_BOOLEAN,				/* true or false, never a reference */
	TAKES_NETWORKS
} ValueRule;

/*
 * Operators: canonical name first, then what else is accepted for it.
 * To add one, add it here, its opcode to AbacOperator, and its meaning to
 * AbacEvaluateLeaf().
 */
typedef struct OperatorInfo
{
	const char *names[5];
	AbacOperator op;
	bool		negate;
	ValueRule	takes;
	bool		is_order;
	bool		is_string;
} OperatorInfo;

static const OperatorInfo operators[] = {
	{{"eq", "equals", "=", "=="}, ABAC_OP_EQ, false, TAKES_ANYTHING, false, false},
	{{"neq", "not_equals", "ne", "!="}, ABAC_OP_EQ, true, TAKES_ANYTHING, false, false},
	{{"gt"}, ABAC_OP_GT, false, TAKES_ORDERED, true, false},
	{{"gte"}, ABAC_OP_GTE, false, TAKES_ORDERED, true, false},
	{{"lt"}, ABAC_OP_LT, false, TAKES_ORDERED, true, false},
	{{"lte"}, ABAC_OP_LTE, false, TAKES_ORDERED, true, false},
	{{"between"}, ABAC_OP_BETWEEN, false, TAKES_PAIR, true, false},
	{{"in"}, ABAC_OP_IN, false, TAKES_ARRAY, false, false},
	{{"not_in"}, ABAC_OP_IN, true, TAKES_ARRAY, false, false},
	{{"contains"}, ABAC_OP_CONTAINS, false, TAKES_ELEMENTS, false, true},
	{{"not_contains"}, ABAC_OP_CONTAINS, true, TAKES_ELEMENTS, false, true},
	{{"starts_with"}, ABAC_OP_STARTS_WITH, false, TAKES_STRING, false, true},
	{{"ends_with"}, ABAC_OP_ENDS_WITH, false, TAKES_STRING, false, true},
	{{"matches"}, ABAC_OP_MATCHES, false, TAKES_PATTERN, false, true},
	{{"is_subset"}, ABAC_OP_IS_SUBSET, false, TAKES_ARRAY, false, false},
	{{"is_superset"}, ABAC_OP_IS_SUPERSET, false, TAKES_ARRAY, false, false},
	{{"exists"}, ABAC_OP_EXISTS, false, TAKES_BOOLEAN, false, false},
	{{"in_cidr"}, ABAC_OP_IN_CIDR, false, TAKES_NETWORKS, false, false},
	{{"not_in_cidr"}, ABAC_OP_IN_CIDR, true, TAKES_NETWORKS, false, false},
};

/* Raise what is wrong. */
void
AbacThrow(int elevel, const AbacError *error)
{
	ereport(elevel,
			(errcode(error->sqlstate),
			 errmsg("%s", error->message),
			 error->detail ? errdetail("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

static char *
RenderPath(const Path *path)
{
	if (path == NULL)
		return "$";
	if (path->key)
		return psprintf("%s.%s", RenderPath(path->parent), path->key);
	return psprintf("%s[%d]", RenderPath(path->parent), path->index);
}

/* A value as JSON text, cut where it gets long. */
static char *
RenderValue(const AbacValue *value)
{
	JsonbParseState *state = NULL;
	char	   *text;
	int			length;

	if (value->kind == ABAC_KIND_ARRAY || value->kind == ABAC_KIND_OBJECT)
		text = JsonbToCString(NULL, value->u.container, 0);
	else
	{
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		AbacValueToJson(&state, WJB_ELEM, value);
		text = JsonbToCString(NULL, &JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL))->root, 0);
		text[strlen(text) - 1] = '\0';
		text++;
	}
	length = strlen(text);
	if (length > 100)
		text = psprintf("%s...", pnstrdup(text, pg_mbcliplen(text, length, 100)));
	return text;
}

/*
 * Describe a fault at a place.  found and allowed make the DETAIL; hint may be
 * NULL.  Always false, for "return Fail(...)".
 */
static bool
Fail(Compiler *compiler, const Path *path, int sqlstate, const char *message,
	 const char *found, const char *allowed, const char *hint)
{
	compiler->error->sqlstate = sqlstate;
	compiler->error->message = pstrdup(message);
	compiler->error->detail = psprintf("At %s: found %s, allowed: %s.",
									   RenderPath(path), found, allowed);
	compiler->error->hint = hint ? pstrdup(hint) : NULL;
	return false;
}

static bool
Invalid(Compiler *compiler, const Path *path, const char *message,
		const AbacValue *found, const char *allowed, const char *hint)
{
	return Fail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE, message,
				RenderValue(found), allowed, hint);
}

static void
Warn(Compiler *compiler, AbacWarningKind kind, AbacString name,
	 char *message, char *detail, char *hint)
{
	AbacWarning *warning;

	if (compiler->warnings == NULL)
		return;
	warning = palloc0(sizeof(AbacWarning));
	warning->kind = kind;
	warning->name = name;
	warning->error.sqlstate = kind == ABAC_WARNING_UNDEFINED ?
		ERRCODE_UNDEFINED_OBJECT : ERRCODE_DATATYPE_MISMATCH;
	warning->error.message = message;
	warning->error.detail = detail;
	warning->error.hint = hint;
	*compiler->warnings = lappend(*compiler->warnings, warning);
}

/* The nearest of the names, as a hint, or NULL when none is near. */
static char *
NearestHint(AbacString name, const char *const *names, int nnames)
{
	const char *best = NULL;
	int			best_distance = 4;

	if (name.length > MAX_LISTED_NAME)
		return NULL;
	for (int i = 0; i < nnames; i++)
	{
		int			distance = varstr_levenshtein_less_equal(name.data, name.length,
															 names[i], strlen(names[i]),
															 1, 1, 1, best_distance, true);

		if (distance < best_distance && distance <= Max(name.length / 2, 1))
		{
			best = names[i];
			best_distance = distance;
		}
	}
	return best ? psprintf("Perhaps you meant \"%s\".", best) : NULL;
}

/*
 * The values of an object's keys, by the list of the allowed ones; a kind of
 * NULL with found[i] false for those that it lacks.  An unknown key is a fault.
 */
static bool
TakeKeys(Compiler *compiler, const Path *path, const AbacValue *object,
		 const char *const *names, int nnames, AbacValue *values, bool *found)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	json;
	int			nfound = 0;

	for (int i = 0; i < nnames; i++)
	{
		found[i] = AbacObjectGet(object->u.container, AbacStringOf(names[i]), &values[i]);
		nfound += found[i];
	}
	if (nfound == (int) JsonContainerSize(object->u.container))
		return true;

	iterator = JsonbIteratorInit(object->u.container);
	while ((token = JsonbIteratorNext(&iterator, &json, true)) != WJB_DONE)
	{
		bool		known = false;
		StringInfoData allowed;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i < nnames; i++)
			known |= (int) strlen(names[i]) == json.val.string.len &&
				memcmp(names[i], json.val.string.val, json.val.string.len) == 0;
		if (known)
			continue;

		initStringInfo(&allowed);
		for (int i = 0; i < nnames; i++)
			appendStringInfo(&allowed, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
		return Fail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
					"unrecognized key in condition",
					psprintf("key \"%s\"", pnstrdup(json.val.string.val, json.val.string.len)),
					allowed.data,
					NearestHint((AbacString) {json.val.string.val, json.val.string.len},
								names, nnames));
	}
	elog(ERROR, "every key of the condition is known");
}

static bool
TakeDescription(Compiler *compiler, const Path *path, bool found, const AbacValue *value,
				AbacNode *node)
{
	Path		here = {path, "description", 0};

	if (!found)
		return true;
	if (value->kind != ABAC_KIND_STRING)
		return Invalid(compiler, &here, "description of a condition must be a string",
					   value, "a string", NULL);
	node->description = value->u.string;
	return true;
}

static const OperatorInfo *
FindOperator(AbacString name)
{
	for (size_t i = 0; i < lengthof(operators); i++)
	{
		for (int j = 0; j < 5 && operators[i].names[j]; j++)
		{
			if (AbacStringEqual(name, AbacStringOf(operators[i].names[j])))
				return &operators[i];
		}
	}
	return NULL;
}

static bool
UnknownOperator(Compiler *compiler, const Path *path, const AbacValue *found)
{
	const char *names[lengthof(operators) * 5];
	int			nnames = 0;
	StringInfoData allowed;

	initStringInfo(&allowed);
	for (size_t i = 0; i < lengthof(operators); i++)
	{
		appendStringInfo(&allowed, "%s%s", i > 0 ? ", " : "", operators[i].names[0]);
		for (int j = 0; j < 5 && operators[i].names[j]; j++)
			names[nnames++] = operators[i].names[j];
	}
	return Invalid(compiler, path, "unrecognized operator in condition", found, allowed.data,
				   found->kind == ABAC_KIND_STRING ?
				   NearestHint(found->u.string, names, nnames) : NULL);
}

/* The attribute of a name as written (root aliases allowed); NULL = a fault was described. */
static AbacAttribute *
TakeAttribute(Compiler *compiler, const Path *path, const AbacValue *found, AbacString name)
{
	AbacAttribute *attribute;
	AbacString	canonical;

	if (name.length == 0 || !AbacParseAttributeName(name, &canonical))
	{
		Invalid(compiler, path, "invalid attribute name in condition", found,
				"a dotted path that starts with user, subject, resource, env, environment or context",
				NULL);
		return NULL;
	}
	attribute = AbacGetAttribute(compiler->organization, canonical);
	if (!AbacAttributeIsKnown(attribute))
		Warn(compiler, ABAC_WARNING_UNDEFINED, attribute->name,
			 psprintf("attribute \"%s\" is not defined", attribute->name.data),
			 psprintf("At %s: no row of abac_attribute_definitions defines it.", RenderPath(path)),
			 NULL);
	return attribute;
}

/* "$.a.b": keys only, since an index or a wildcard would be a language of its own. */
static bool
TakePath(Compiler *compiler, const Path *parent, const AbacValue *value, AbacLeaf *leaf)
{
	Path		here = {parent, "path", 0};
	const char *p;
	const char *end;

	if (value->kind != ABAC_KIND_STRING)
		return Invalid(compiler, &here, "path of a condition must be a string", value,
					   "keys as in \"$.a.b\"", NULL);

	p = value->u.string.data;
	end = p + value->u.string.length;
	if (p < end && *p == '$')
		p++;
	else
		p = end;
	while (p < end)
	{
		const char *key = p + 1;
		const char *q = key;

		while (*p == '.' && q < end && *q != '.' && strchr("[]*?@\"", *q) == NULL)
			q++;
		if (q == key || (q < end && *q != '.'))
		{
			leaf->npath = 0;
			break;
		}
		leaf->path = leaf->path
			? repalloc(leaf->path, sizeof(AbacString) * (leaf->npath + 1))
			: palloc(sizeof(AbacString));
		leaf->path[leaf->npath].data = key;
		leaf->path[leaf->npath].length = q - key;
		leaf->npath++;
		p = q;
	}
	if (leaf->npath == 0)
		return Invalid(compiler, &here, "invalid path in condition", value,
					   "keys as in \"$.a.b\"", NULL);
	return true;
}

/* Does the text look like a reference, "$" and a letter? */
static bool
LooksLikeReference(const char *text, int length)
{
	return length >= 2 && text[0] == '$' &&
		((text[1] >= 'a' && text[1] <= 'z') || (text[1] >= 'A' && text[1] <= 'Z'));
}

/* An object with this key alone; its value then. */
static bool
IsWrapper(const AbacValue *object, const char *key, AbacValue *inner)
{
	return object->kind == ABAC_KIND_OBJECT &&
		JsonContainerSize(object->u.container) == 1 &&
		AbacObjectGet(object->u.container, AbacStringOf(key), inner);
}

/* References stand alone: none in an array or object, where they would mean nothing. */
static bool
CheckNoReferenceInside(Compiler *compiler, const Path *path, const AbacValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	json;

	if (value->kind == ABAC_KIND_ARRAY)
	{
		AbacElements elements;
		AbacValue	element;
		AbacValue	inner;

		AbacElementsBegin(&elements, value);
		while (AbacElementsNext(&elements, &element))
		{
			Path		here = {path, NULL, elements.next - 1};

			if (IsWrapper(&element, "ref", &inner) || IsWrapper(&element, "literal", &inner))
				return Invalid(compiler, &here, "reference inside an array in condition", &element,
							   "plain values",
							   "Write one condition for each reference and combine them with \"or\", or write {\"literal\": [...]} around the whole array if this is meant as it stands.");
		}
	}
	if (value->kind != ABAC_KIND_ARRAY && value->kind != ABAC_KIND_OBJECT)
		return true;

	iterator = JsonbIteratorInit(value->u.container);
	while ((token = JsonbIteratorNext(&iterator, &json, false)) != WJB_DONE)
	{
		if ((token == WJB_ELEM || token == WJB_VALUE) && json.type == jbvString &&
			LooksLikeReference(json.val.string.val, json.val.string.len))
			return Fail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
						"reference inside an array or object in condition",
						psprintf("\"%s\"", pnstrdup(json.val.string.val, json.val.string.len)),
						"plain values",
						"Write one condition for each reference and combine them with \"or\", or write {\"literal\": ...} around the whole value if this is meant as it stands.");
	}
	return true;
}

/*
 * The value as a literal (leaf->raw) or as a reference (leaf->reference).
 */
static bool
TakeValue(Compiler *compiler, const Path *path, const AbacValue *value, AbacLeaf *leaf)
{
	AbacValue	inner;

	if (value->kind == ABAC_KIND_NULL)
		return Invalid(compiler, path, "null is not a value to compare with", value,
					   "a value, or a reference to an attribute",
					   "Use operator \"exists\" to ask whether an attribute has a value.");

	if (IsWrapper(value, "ref", &inner))
	{
		Path		here = {path, "ref", 0};

		if (inner.kind != ABAC_KIND_STRING)
			return Invalid(compiler, &here, "reference must be a string", &inner,
						   "the name of an attribute", NULL);
		leaf->reference = TakeAttribute(compiler, &here, &inner, inner.u.string);
		return leaf->reference != NULL;
	}
	if (value->kind == ABAC_KIND_OBJECT && JsonContainerSize(value->u.container) > 1 &&
		(AbacObjectGet(value->u.container, AbacStringOf("ref"), &inner) ||
		 AbacObjectGet(value->u.container, AbacStringOf("literal"), &inner)))
		return Invalid(compiler, path, "reference or literal with other keys in condition", value,
					   "{\"ref\": ...} or {\"literal\": ...} with that key alone",
					   "If it is the object itself that is meant, write {\"literal\": ...} around it.");
	if (IsWrapper(value, "literal", &inner))
	{
		Path		here = {path, "literal", 0};

		if (inner.kind == ABAC_KIND_NULL)
			return TakeValue(compiler, &here, &inner, leaf);
		leaf->raw = inner;
		return true;
	}
	if (value->kind == ABAC_KIND_STRING &&
		LooksLikeReference(value->u.string.data, value->u.string.length))
	{
		AbacString	name = {value->u.string.data + 1, value->u.string.length - 1};

		leaf->reference = TakeAttribute(compiler, path, value, name);
		if (leaf->reference == NULL)
			compiler->error->hint = psprintf("If it is the string itself that is meant, write {\"literal\": %s}.",
											 RenderValue(value));
		return leaf->reference != NULL;
	}
	if (!CheckNoReferenceInside(compiler, path, value))
		return false;
	leaf->raw = *value;
	return true;
}

/* Is the literal what the operator takes? */
static bool
CheckLiteral(Compiler *compiler, const Path *path, const OperatorInfo *operator,
			 const AbacLeaf *leaf)
{
	const AbacValue *raw = &leaf->raw;
	const char *allowed = NULL;
	const char *message = psprintf("wrong value for operator \"%s\" in condition", operator->names[0]);
	AbacElements elements;
	AbacValue	element;

	switch (operator->takes)
	{
		case TAKES_ANYTHING:
		case TAKES_ELEMENTS:
			break;
		case TAKES_ORDERED:
			if (raw->kind != ABAC_KIND_NUMBER && raw->kind != ABAC_KIND_STRING)
				allowed = "a number, a string or a reference";
			break;
		case TAKES_PAIR:
			if (raw->kind != ABAC_KIND_ARRAY || JsonContainerSize(raw->u.container) != 2)
				allowed = "an array [min, max], or a reference";
			else
			{
				AbacElementsBegin(&elements, raw);
				while (AbacElementsNext(&elements, &element))
				{
					if (element.kind != ABAC_KIND_NUMBER && element.kind != ABAC_KIND_STRING)
						allowed = "an array [min, max] of numbers or strings, or a reference";
				}
			}
			break;
		case TAKES_ARRAY:
			if (raw->kind != ABAC_KIND_ARRAY)
				allowed = "an array or a reference";
			break;
		case TAKES_STRING:
			if (raw->kind != ABAC_KIND_STRING)
				allowed = "a string or a reference";
			break;
		case TAKES_PATTERN:
			if (raw->kind != ABAC_KIND_STRING)
				allowed = "a regular expression in a string";
			break;
		case TAKES_BOOLEAN:
			if (raw->kind != ABAC_KIND_BOOLEAN)
				allowed = "true or false";
			break;
		case TAKES_NETWORKS:
			if (raw->kind == ABAC_KIND_ARRAY)
			{
				AbacElementsBegin(&elements, raw);
				while (AbacElementsNext(&elements, &element))
				{
					if (element.kind != ABAC_KIND_STRING)
						allowed = "a network, an array of networks, or a reference";
				}
			}
			else if (raw->kind != ABAC_KIND_STRING)
				allowed = "a network, an array of networks, or a reference";
			break;
	}
	if (allowed)
		return Invalid(compiler, path, message, raw, allowed, NULL);

	/* every string contains, starts and ends with it */
	if (operator->is_string && raw->kind == ABAC_KIND_STRING && raw->u.string.length == 0)
		return Invalid(compiler, path, message, raw, "a string that isn't empty", NULL);
	return true;
}

/* Is it user.id or resource.id, with nobody's definition? */
static bool
IsId(const AbacAttribute *attribute)
{
	return !attribute->defined &&
		(attribute->builtin == ABAC_BUILTIN_USER_ID || attribute->builtin == ABAC_BUILTIN_RESOURCE_ID);
}

/* The type that the definition of one side says, as far as it says one. */
static AbacType
TypeOfSide(const AbacAttribute *attribute, bool dug)
{
	if (dug)
		return ABAC_TYPE_NONE;	/* the definition speaks of what was dug into */
	return IsId(attribute) ? ABAC_TYPE_ID : attribute->type;
}

static bool
CanBeAddress(AbacType type)
{
	return type == ABAC_TYPE_NONE || type == ABAC_TYPE_ID || type == ABAC_TYPE_INET;
}

/* The type that both sides are coerced to (DESIGN §3, Comparison). */
static void
SettleType(AbacLeaf *leaf)
{
	AbacType	left = TypeOfSide(leaf->attribute, leaf->npath > 0);
	AbacType	right = leaf->reference ? TypeOfSide(leaf->reference, false) : ABAC_TYPE_NONE;

	if (leaf->op == ABAC_OP_EXISTS || leaf->op == ABAC_OP_MATCHES || leaf->op == ABAC_OP_IN_CIDR)
		leaf->type = ABAC_TYPE_NONE;	/* the other side isn't of the attribute's type */
	else if (left == right || right == ABAC_TYPE_NONE)
		leaf->type = left;
	else if (left == ABAC_TYPE_NONE)
		leaf->type = right;
	else if (left == ABAC_TYPE_ID || right == ABAC_TYPE_ID)
	{
		AbacType	other = left == ABAC_TYPE_ID ? right : left;

		/* an id is undefined, so it takes the other's type; but a number by its text */
		leaf->type = other == ABAC_TYPE_NUMBER ? ABAC_TYPE_ID : other;
	}
	else
	{
		leaf->incomparable = true;
		leaf->incomparable_why = "the attributes are defined with different types";
	}

	if (leaf->op == ABAC_OP_IN_CIDR && !(CanBeAddress(left) && CanBeAddress(right)))
	{
		leaf->incomparable = true;
		leaf->incomparable_why = "the attribute is defined with a type other than ip or cidr";
	}
}

/* Order and string operators mean nothing on dates and addresses. */
static bool
CheckOperatorOnType(Compiler *compiler, const Path *path, const OperatorInfo *operator,
					const AbacLeaf *leaf)
{
	const AbacAttribute *attribute = leaf->attribute;
	AbacType	type = leaf->op == ABAC_OP_MATCHES
		? TypeOfSide(attribute, leaf->npath > 0) : leaf->type;
	const char *what = type == ABAC_TYPE_DATE ? "date" : "ip or cidr";

	if (type != ABAC_TYPE_DATE && type != ABAC_TYPE_INET)
		return true;
	if (leaf->op == ABAC_OP_CONTAINS)
	{
		/* a question about elements, where there can be some */
		if (attribute->multivalued || leaf->npath > 0 || !attribute->defined)
			return true;
	}
	else if (!operator->is_string && !(operator->is_order && type == ABAC_TYPE_INET))
		return true;

	return Fail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
				psprintf("operator \"%s\" does not apply to attribute \"%s\" of type %s",
						 operator->names[0], attribute->name.data, what),
				psprintf("\"%s\"", operator->names[0]),
				type == ABAC_TYPE_DATE
				? "eq, neq, in, not_in, gt, gte, lt, lte, between, exists"
				: "eq, neq, in, not_in, in_cidr, not_in_cidr, exists",
				NULL);
}

static void
WarnCoercion(Compiler *compiler, const Path *path, const AbacLeaf *leaf, const AbacValue *value)
{
	Warn(compiler, ABAC_WARNING_COERCION, leaf->attribute->name,
		 psprintf("value can't be compared with attribute \"%s\"", leaf->attribute->name.data),
		 psprintf("At %s: %s can't be coerced to the type that the attribute is defined with, so the condition is always unknown there.",
				  RenderPath(path), RenderValue(value)),
		 NULL);
}

static int
CompareElements(const void *a, const void *b)
{
	return AbacStringCompare(((const AbacValue *) a)->u.string, ((const AbacValue *) b)->u.string);
}

/* Coerce a literal, once and for all. */
static void
SettleLiteral(Compiler *compiler, const Path *path, AbacLeaf *leaf)
{
	AbacElements elements;
	AbacValue	element;
	bool		all_strings = true;

	if (leaf->raw.kind != ABAC_KIND_ARRAY)
	{
		if (!AbacCoerce(&leaf->raw, leaf->type, &leaf->value))
		{
			leaf->incomparable = true;
			leaf->incomparable_why = "the condition's value can't be coerced to the attribute's type";
			WarnCoercion(compiler, path, leaf, &leaf->raw);
		}
		return;
	}

	leaf->value = leaf->raw;
	if (leaf->op == ABAC_OP_EQ)
		return;					/* arrays are equal as they are given */

	leaf->elements = palloc(sizeof(AbacValue) * Max(JsonContainerSize(leaf->raw.u.container), 1));
	AbacElementsBegin(&elements, &leaf->raw);
	while (AbacElementsNext(&elements, &element))
	{
		AbacValue  *coerced = &leaf->elements[leaf->nelements];

		if (element.kind == ABAC_KIND_NULL)
			leaf->odd_elements = true;
		else if (!AbacCoerce(&element, leaf->type, coerced))
		{
			Path		here = {path, NULL, elements.next - 1};

			leaf->odd_elements = true;
			WarnCoercion(compiler, &here, leaf, &element);
		}
		else
		{
			all_strings &= coerced->kind == ABAC_KIND_STRING;
			leaf->nelements++;
		}
	}

	if (leaf->op == ABAC_OP_BETWEEN)
	{
		if (leaf->odd_elements)
		{
			leaf->incomparable = true;
			leaf->incomparable_why = "the condition's value can't be coerced to the attribute's type";
		}
	}
	else if (all_strings && leaf->nelements >= MANY_ELEMENTS)
	{
		qsort(leaf->elements, leaf->nelements, sizeof(AbacValue), CompareElements);
		leaf->sorted = true;
	}
}

static bool
AddNetwork(Compiler *compiler, const Path *path, const AbacValue *value, AbacLeaf *leaf)
{
	if (!AbacParseInet(value->u.string, true, &leaf->networks[leaf->nnetworks++]))
		return Fail(compiler, path, ERRCODE_INVALID_TEXT_REPRESENTATION,
					"invalid network in condition", RenderValue(value),
					"a network as type cidr takes it, like \"10.0.0.0/8\" or \"2001:db8::/32\"",
					"Nothing may be set to the right of the prefix.");
	return true;
}

static bool
SettleNetworks(Compiler *compiler, const Path *path, AbacLeaf *leaf)
{
	AbacElements elements;
	AbacValue	element;

	if (leaf->raw.kind != ABAC_KIND_ARRAY)
	{
		leaf->networks = palloc(sizeof(inet_struct));
		return AddNetwork(compiler, path, &leaf->raw, leaf);
	}
	leaf->networks = palloc(sizeof(inet_struct) * Max(JsonContainerSize(leaf->raw.u.container), 1));
	AbacElementsBegin(&elements, &leaf->raw);
	while (AbacElementsNext(&elements, &element))
	{
		Path		here = {path, NULL, elements.next - 1};

		if (!AddNetwork(compiler, &here, &element, leaf))
			return false;
	}
	return true;
}

typedef struct RegexHolder
{
	regex_t		regex;
	MemoryContextCallback callback;
} RegexHolder;

static void
FreeRegex(void *arg)
{
	pg_regfree(arg);
}

/*
 * A compiled regular expression in the current memory context, freed with it
 * (before 16, pg_regcomp() uses malloc); NULL with *error when the pattern is
 * bad.  Collation C: what matches doesn't depend on the cluster's locale.
 */
regex_t *
AbacCompileRegex(AbacString pattern, AbacError *error)
{
	RegexHolder *holder = palloc0(sizeof(RegexHolder));
	pg_wchar   *wide = palloc(sizeof(pg_wchar) * (pattern.length + 1));
	int			length = pg_mb2wchar_with_len(pattern.data, wide, pattern.length);
	int			result = pg_regcomp(&holder->regex, wide, length, REG_ADVANCED, C_COLLATION_OID);
	char		text[128];

	if (result == REG_OKAY)
	{
		holder->callback.func = FreeRegex;
		holder->callback.arg = &holder->regex;
		MemoryContextRegisterResetCallback(CurrentMemoryContext, &holder->callback);
		return &holder->regex;
	}

	/* canceled? */
	CHECK_FOR_INTERRUPTS();
	pg_regerror(result, &holder->regex, text, sizeof(text));
	error->sqlstate = ERRCODE_INVALID_REGULAR_EXPRESSION;
	error->message = psprintf("invalid regular expression: %s", text);
	error->detail = NULL;
	error->hint = NULL;
	return NULL;
}

/*
 * Does the text match?  Unknown when the matcher gives up (out of memory, a
 * pattern too complex).  Interruptible.
 */
AbacTruth
AbacRegexMatches(regex_t *regex, AbacString text)
{
	pg_wchar	buffer[128];
	pg_wchar   *wide = buffer;
	int			length;
	int			result;

	if (text.length >= (int) lengthof(buffer))
		wide = palloc(sizeof(pg_wchar) * (text.length + 1));
	length = pg_mb2wchar_with_len(text.data, wide, text.length);
	result = pg_regexec(regex, wide, length, 0, NULL, 0, NULL, 0);
	if (wide != buffer)
		pfree(wide);

	if (result == REG_OKAY)
		return ABAC_TRUE;
	if (result == REG_NOMATCH)
		return ABAC_FALSE;
	CHECK_FOR_INTERRUPTS();
	return ABAC_UNKNOWN;
}

/* All of a leaf, whichever way its parts were written. */
static bool
CompileLeafParts(Compiler *compiler, AbacNode *node,
				 const Path *attribute_path, const AbacValue *attribute,
				 const Path *operator_path, const AbacValue *operator_name,
				 const Path *value_path, const AbacValue *value,
				 const Path *parent, const AbacValue *path)
{
	AbacLeaf   *leaf = palloc0(sizeof(AbacLeaf));
	const OperatorInfo *operator;

	node->kind = ABAC_NODE_LEAF;
	node->leaf = leaf;

	if (attribute->kind != ABAC_KIND_STRING)
		return Invalid(compiler, attribute_path, "attribute of a condition must be a string",
					   attribute, "the name of an attribute", NULL);
	leaf->attribute = TakeAttribute(compiler, attribute_path, attribute, attribute->u.string);
	if (leaf->attribute == NULL)
		return false;

	operator = operator_name->kind == ABAC_KIND_STRING ? FindOperator(operator_name->u.string) : NULL;
	if (operator == NULL)
		return UnknownOperator(compiler, operator_path, operator_name);
	leaf->op = operator->op;
	leaf->negate = operator->negate;
	leaf->op_name = operator->names[0];

	if (path && !TakePath(compiler, parent, path, leaf))
		return false;
	if (!TakeValue(compiler, value_path, value, leaf))
		return false;
	if (leaf->reference)
	{
		if (operator->takes == TAKES_PATTERN || operator->takes == TAKES_BOOLEAN)
			return Invalid(compiler, value_path,
						   psprintf("wrong value for operator \"%s\" in condition", operator->names[0]),
						   value,
						   operator->takes == TAKES_PATTERN
						   ? "a regular expression in a string, not a reference" : "true or false",
						   NULL);
	}
	else if (!CheckLiteral(compiler, value_path, operator, leaf))
		return false;

	SettleType(leaf);
	if (!CheckOperatorOnType(compiler, operator_path, operator, leaf))
		return false;
	if (leaf->reference)
		return true;

	switch (leaf->op)
	{
		case ABAC_OP_EXISTS:
			leaf->wanted = leaf->raw.u.boolean;
			return true;
		case ABAC_OP_MATCHES:
			leaf->regex = AbacCompileRegex(leaf->raw.u.string, compiler->error);
			if (leaf->regex == NULL)
				compiler->error->detail = psprintf("At %s: found %s, allowed: a PostgreSQL regular expression.",
												   RenderPath(value_path), RenderValue(&leaf->raw));
			return leaf->regex != NULL;
		case ABAC_OP_IN_CIDR:
			if (leaf->incomparable)
				Warn(compiler, ABAC_WARNING_COERCION, leaf->attribute->name,
					 psprintf("operator \"%s\" can't be used on attribute \"%s\"",
							  leaf->op_name, leaf->attribute->name.data),
					 psprintf("At %s: the attribute is defined with a type other than ip or cidr, so the condition is always unknown.",
							  RenderPath(operator_path)),
					 NULL);
			return SettleNetworks(compiler, value_path, leaf);
		default:
			SettleLiteral(compiler, value_path, leaf);
			return true;
	}
}

static bool CompileNode(Compiler *compiler, const Path *path, const AbacValue *value, int depth);

/* The children of a branch: an array of nodes that isn't empty. */
static bool
CompileChildren(Compiler *compiler, const Path *path, const AbacValue *children, int depth)
{
	AbacElements elements;
	AbacValue	child;

	if (children->kind != ABAC_KIND_ARRAY || JsonContainerSize(children->u.container) == 0)
		return Invalid(compiler, path, "branch of a condition must have children", children,
					   "an array of at least one condition", NULL);
	AbacElementsBegin(&elements, children);
	while (AbacElementsNext(&elements, &child))
	{
		Path		here = {path, NULL, elements.next - 1};

		if (!CompileNode(compiler, &here, &child, depth + 1))
			return false;
	}
	return true;
}

static bool
FindLogic(AbacString name, AbacNodeKind *kind)
{
	if (AbacStringEqual(name, AbacStringOf("and")))
		*kind = ABAC_NODE_AND;
	else if (AbacStringEqual(name, AbacStringOf("or")))
		*kind = ABAC_NODE_OR;
	else if (AbacStringEqual(name, AbacStringOf("not")))
		*kind = ABAC_NODE_NOT;
	else
		return false;
	return true;
}

/* {"logic": …, "conditions": […]} */
static bool
CompileBranch(Compiler *compiler, const Path *path, const AbacValue *value, uint32 index, int depth)
{
	static const char *const names[] = {"logic", "conditions", "description"};
	AbacValue	values[3];
	bool		found[3];
	Path		logic_path = {path, "logic", 0};
	Path		conditions_path = {path, "conditions", 0};

	if (!TakeKeys(compiler, path, value, names, 3, values, found))
		return false;
	if (values[0].kind != ABAC_KIND_STRING ||
		!FindLogic(values[0].u.string, &compiler->nodes[index].kind))
		return Invalid(compiler, &logic_path, "unrecognized logic in condition", &values[0],
					   "\"and\", \"or\", \"not\"", NULL);
	if (!TakeDescription(compiler, path, found[2], &values[2], &compiler->nodes[index]))
		return false;
	if (!found[1])
		return Fail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
					"branch of a condition must have children",
					"no key \"conditions\"", "an array of at least one condition", NULL);
	return CompileChildren(compiler, &conditions_path, &values[1], depth);
}

/* {"and": […]}, {"or": […]}, {"not": node | […]} */
static bool
CompileLegacyBranch(Compiler *compiler, const Path *path, const AbacValue *value,
					const char *logic, uint32 index, int depth)
{
	const char *const names[] = {logic, "description"};
	AbacValue	values[2];
	bool		found[2];
	Path		here = {path, logic, 0};

	if (!TakeKeys(compiler, path, value, names, 2, values, found) ||
		!TakeDescription(compiler, path, found[1], &values[1], &compiler->nodes[index]))
		return false;
	FindLogic(AbacStringOf(logic), &compiler->nodes[index].kind);
	if (compiler->nodes[index].kind == ABAC_NODE_NOT && values[0].kind != ABAC_KIND_ARRAY)
		return CompileNode(compiler, &here, &values[0], depth + 1);
	return CompileChildren(compiler, &here, &values[0], depth);
}

/* {"attribute": …, "operator": …, "value": …}, or with the legacy names */
static bool
CompileLeafObject(Compiler *compiler, const Path *path, const AbacValue *value,
				  bool legacy, uint32 index)
{
	static const char *const modern[] = {"attribute", "operator", "value", "path", "description"};
	static const char *const old[] = {"attr", "op", "val", "path", "description"};
	const char *const *names = legacy ? old : modern;
	AbacValue	values[5];
	bool		found[5];
	Path		paths[3];

	if (!TakeKeys(compiler, path, value, names, 5, values, found))
		return false;
	for (int i = 0; i < 3; i++)
	{
		paths[i].parent = path;
		paths[i].key = names[i];
		paths[i].index = 0;
		if (!found[i])
			return Fail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
						psprintf("condition has no \"%s\"", names[i]),
						psprintf("no key \"%s\"", names[i]),
						psprintf("\"%s\", \"%s\" and \"%s\" together", names[0], names[1], names[2]),
						NULL);
	}
	if (!TakeDescription(compiler, path, found[4], &values[4], &compiler->nodes[index]))
		return false;
	return CompileLeafParts(compiler, &compiler->nodes[index],
							&paths[0], &values[0], &paths[1], &values[1], &paths[2], &values[2],
							path, found[3] ? &values[3] : NULL);
}

static uint32
AddNode(Compiler *compiler)
{
	if (compiler->nnodes == compiler->size)
	{
		compiler->size = compiler->size ? compiler->size * 2 : 4;
		compiler->nodes = compiler->nodes
			? repalloc(compiler->nodes, sizeof(AbacNode) * compiler->size)
			: palloc(sizeof(AbacNode) * compiler->size);
	}
	memset(&compiler->nodes[compiler->nnodes], 0, sizeof(AbacNode));
	return compiler->nnodes++;
}

static bool
CompileNode(Compiler *compiler, const Path *path, const AbacValue *value, int depth)
{
	static const char *const legacy_logics[] = {"and", "or", "not"};
	uint32		index;
	AbacValue	ignored;
	bool		compiled;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (depth > ABAC_MAX_TREE_DEPTH)
		return Fail(compiler, path, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "condition is nested too deeply",
					psprintf("level %d", depth),
					psprintf("at most %d levels", ABAC_MAX_TREE_DEPTH), NULL);
	if (compiler->nnodes >= ABAC_MAX_TREE_NODES)
		return Fail(compiler, path, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "condition has too many nodes",
					psprintf("node %d", compiler->nnodes + 1),
					psprintf("at most %d nodes", ABAC_MAX_TREE_NODES), NULL);

	index = AddNode(compiler);
	if (value->kind == ABAC_KIND_BOOLEAN)
	{
		compiler->nodes[index].kind = ABAC_NODE_CONSTANT;
		compiler->nodes[index].constant = value->u.boolean;
		compiled = true;
	}
	else if (value->kind != ABAC_KIND_OBJECT)
		compiled = Invalid(compiler, path, "invalid condition", value,
						   "an object, true or false", NULL);
	else if (AbacObjectGet(value->u.container, AbacStringOf("logic"), &ignored))
		compiled = CompileBranch(compiler, path, value, index, depth);
	else if (AbacObjectGet(value->u.container, AbacStringOf("attribute"), &ignored))
		compiled = CompileLeafObject(compiler, path, value, false, index);
	else if (AbacObjectGet(value->u.container, AbacStringOf("attr"), &ignored))
		compiled = CompileLeafObject(compiler, path, value, true, index);
	else
	{
		const char *logic = NULL;

		for (size_t i = 0; i < lengthof(legacy_logics) && logic == NULL; i++)
		{
			if (AbacObjectGet(value->u.container, AbacStringOf(legacy_logics[i]), &ignored))
				logic = legacy_logics[i];
		}
		if (logic)
			compiled = CompileLegacyBranch(compiler, path, value, logic, index, depth);
		else
			compiled = Invalid(compiler, path, "invalid condition", value,
							   "{\"logic\": ..., \"conditions\": [...]} or {\"attribute\": ..., \"operator\": ..., \"value\": ...}",
							   NULL);
	}
	/* compiling the children may have moved the array */
	compiler->nodes[index].end = compiler->nnodes;
	return compiled;
}

/*
 * Compile a condition tree as rules of the organization (none = platform-wide)
 * see it.  The program is in the current memory context and points into
 * conditions, which must not be toasted and must live as long.  NULL with
 * *error filled when the tree is wrong.  With warnings, what is odd about a
 * tree that is accepted is appended to it (a List of AbacWarning).  Call
 * between AbacCacheBegin() and AbacCacheEnd(): definitions are looked up.
 */
AbacProgram *
AbacCompile(Jsonb *conditions, AbacString organization, AbacError *error, List **warnings)
{
	Compiler	compiler = {.organization = organization, .error = error, .warnings = warnings};
	AbacValue	root;
	AbacProgram *program;

	AbacValueFromJsonb(conditions, &root);
	if (!CompileNode(&compiler, NULL, &root, 1))
		return NULL;

	program = palloc(sizeof(AbacProgram));
	program->nnodes = compiler.nnodes;
	program->nodes = compiler.nodes;
	return program;
}

/*
 * The same for a row of abac_conditions, which holds the parts of one leaf.
 * The texts need not live as long; value must.
 */
AbacProgram *
AbacCompileLeaf(AbacString attribute, AbacString op, Jsonb *value, AbacString organization,
				AbacError *error, List **warnings)
{
	Compiler	compiler = {.organization = organization, .error = error, .warnings = warnings};
	Path		attribute_path = {NULL, "attribute_key", 0};
	Path		operator_path = {NULL, "operator", 0};
	Path		value_path = {NULL, "attribute_value", 0};
	AbacValue	attribute_value = {.kind = ABAC_KIND_STRING, .u.string = attribute};
	AbacValue	op_value = {.kind = ABAC_KIND_STRING, .u.string = op};
	AbacValue	root;
	AbacProgram *program;
	uint32		index;

	AbacValueFromJsonb(value, &root);
	index = AddNode(&compiler);
	if (!CompileLeafParts(&compiler, &compiler.nodes[index],
						  &attribute_path, &attribute_value, &operator_path, &op_value,
						  &value_path, &root, NULL, NULL))
		return NULL;
	compiler.nodes[index].end = compiler.nnodes;

	program = palloc(sizeof(AbacProgram));
	program->nnodes = compiler.nnodes;
	program->nodes = compiler.nodes;
	return program;
}
