/*
 * compile_leaf.c
 *	  The leaves of a condition tree: operators, references, types, literals (DESIGN §3).
 *
 * What can be known from a leaf and the definitions is settled here, so that
 * evaluate.c only compares: operators and aliases become opcodes, literals are
 * coerced, lists sorted, regular expressions and networks parsed.
 */
#include "postgres.h"

#include "cache.h"
#include "compiler.h"

#define MANY_ELEMENTS		8	/* from here on a list of strings is sorted */

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
	return AbacInvalid(compiler, path, "unrecognized operator in condition", found, allowed.data,
				   found->kind == ABAC_KIND_STRING ?
				   AbacNearestHint(found->u.string, names, nnames) : NULL);
}

/* For a name that isn't one: with the nearest root, or without the "$" of a reference. */
static char *
AttributeNameHint(AbacString name)
{
	static const char *const roots[] = {"user", "subject", "resource", "env", "environment", "context"};
	AbacString	root = name;
	const char *dot = name.length > 0 ? memchr(name.data, '.', name.length) : NULL;

	if (name.length > 1 && name.data[0] == '$')
		return "Write the attribute's name without \"$\" here.";
	if (dot == NULL)
		return NULL;
	root.length = dot - name.data;
	for (size_t i = 0; i < lengthof(roots); i++)
	{
		/* then it isn't the root that is wrong */
		if (AbacStringEqual(root, AbacStringOf(roots[i])))
			return NULL;
	}
	return AbacNearestHint(root, roots, lengthof(roots));
}

/* The attribute of a name as written (root aliases allowed); NULL = a fault was described. */
static AbacAttribute *
TakeAttribute(Compiler *compiler, const Path *path, const AbacValue *found, AbacString name)
{
	AbacAttribute *attribute;
	AbacString	canonical;

	if (name.length == 0 || !AbacParseAttributeName(name, &canonical))
	{
		AbacInvalid(compiler, path, "invalid attribute name in condition", found,
					"a dotted path that starts with user, subject, resource, env, environment or context",
					AttributeNameHint(name));
		return NULL;
	}
	attribute = AbacGetAttribute(compiler->organization, compiler->relation, canonical);
	if (compiler->warnings && !AbacAttributeIsKnown(attribute))
		AbacWarn(compiler, ABAC_WARNING_UNDEFINED, attribute->name,
			 psprintf("attribute \"%s\" is not defined", attribute->name.data),
			 psprintf("At %s: no row of abac_attribute_definitions defines it.", AbacRenderPath(path)),
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
		return AbacInvalid(compiler, &here, "path of a condition must be a string", value,
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
		return AbacInvalid(compiler, &here, "invalid path in condition", value,
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

			if (IsWrapper(&element, "ref", &inner) || IsWrapper(&element, "literal", &inner) ||
				(element.kind == ABAC_KIND_STRING &&
				 LooksLikeReference(element.u.string.data, element.u.string.length)))
				return AbacInvalid(compiler, &here, "reference inside an array in condition", &element,
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
			return AbacFail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
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
		return AbacInvalid(compiler, path, "null is not a value to compare with", value,
					   "a value, or a reference to an attribute",
					   "Use operator \"exists\" to ask whether an attribute has a value.");

	if (IsWrapper(value, "ref", &inner))
	{
		Path		here = {path, "ref", 0};

		if (inner.kind != ABAC_KIND_STRING)
			return AbacInvalid(compiler, &here, "reference must be a string", &inner,
						   "the name of an attribute", NULL);
		leaf->reference = TakeAttribute(compiler, &here, &inner, inner.u.string);
		return leaf->reference != NULL;
	}
	if (value->kind == ABAC_KIND_OBJECT && JsonContainerSize(value->u.container) > 1 &&
		(AbacObjectGet(value->u.container, AbacStringOf("ref"), &inner) ||
		 AbacObjectGet(value->u.container, AbacStringOf("literal"), &inner)))
		return AbacInvalid(compiler, path, "reference or literal with other keys in condition", value,
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
											 AbacRenderValue(value));
		return leaf->reference != NULL;
	}
	if (!CheckNoReferenceInside(compiler, path, value))
		return false;
	leaf->raw = *value;
	return true;
}

static bool
WrongValue(Compiler *compiler, const Path *path, const OperatorInfo *operator, const AbacValue *found,
		   const char *allowed)
{
	return AbacInvalid(compiler, path,
					   psprintf("wrong value for operator \"%s\" in condition", operator->names[0]),
					   found, allowed, NULL);
}

/* Is the literal what the operator takes? */
static bool
CheckLiteral(Compiler *compiler, const Path *path, const OperatorInfo *operator,
			 const AbacLeaf *leaf)
{
	const AbacValue *raw = &leaf->raw;
	const char *allowed = NULL;
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
	/* every string contains, starts and ends with it */
	if (allowed == NULL && operator->is_string && raw->kind == ABAC_KIND_STRING && raw->u.string.length == 0)
		allowed = "a string that isn't empty";
	return allowed == NULL || WrongValue(compiler, path, operator, raw, allowed);
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
	const AbacAttribute *typed = attribute->type == type ? attribute : leaf->reference;

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

	return AbacFail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
				psprintf("operator \"%s\" does not apply to attribute \"%s\" of type %s",
						 operator->names[0], typed->name.data, what),
				psprintf("\"%s\"", operator->names[0]),
				type == ABAC_TYPE_DATE
				? "eq, neq, in, not_in, gt, gte, lt, lte, between, exists"
				: "eq, neq, in, not_in, in_cidr, not_in_cidr, exists",
				NULL);
}

static void
WarnCoercion(Compiler *compiler, const Path *path, const AbacLeaf *leaf, const AbacValue *value)
{
	if (compiler->warnings)
		AbacWarn(compiler, ABAC_WARNING_COERCION, leaf->attribute->name,
				 psprintf("value can't be compared with attribute \"%s\"", leaf->attribute->name.data),
				 psprintf("At %s: %s can't be coerced to the attribute's type, so the condition is always unknown there.",
						  AbacRenderPath(path), AbacRenderValue(value)),
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
		return AbacFail(compiler, path, ERRCODE_INVALID_TEXT_REPRESENTATION,
					"invalid network in condition", AbacRenderValue(value),
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

/*
 * All of a leaf, whichever way its parts were written: each with where it
 * stands.  parent is where "path" stands, path its value or NULL.  False when a
 * fault was described; else node->leaf is compiled, in the current memory
 * context.
 */
bool
AbacCompileLeafParts(Compiler *compiler, AbacNode *node,
				 const Path *attribute_path, const AbacValue *attribute,
				 const Path *operator_path, const AbacValue *operator_name,
				 const Path *value_path, const AbacValue *value,
				 const Path *parent, const AbacValue *path)
{
	AbacLeaf   *leaf = memset(AbacAllocateIn(CurrentMemoryContext, sizeof(AbacLeaf), true), 0, sizeof(AbacLeaf));
	const OperatorInfo *operator;

	node->kind = ABAC_NODE_LEAF;
	node->leaf = leaf;

	if (attribute->kind != ABAC_KIND_STRING)
		return AbacInvalid(compiler, attribute_path, "attribute of a condition must be a string",
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
			return WrongValue(compiler, value_path, operator, value,
							  operator->takes == TAKES_PATTERN
							  ? "a regular expression in a string, not a reference" : "true or false");
	}
	else if (!CheckLiteral(compiler, value_path, operator, leaf))
		return false;

	SettleType(leaf);
	/* what a column's type makes of it is unknown at worst (DESIGN §7) */
	if (compiler->relation == NULL && !CheckOperatorOnType(compiler, operator_path, operator, leaf))
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
												   AbacRenderPath(value_path), AbacRenderValue(&leaf->raw));
			return leaf->regex != NULL;
		case ABAC_OP_IN_CIDR:
			if (compiler->warnings && leaf->incomparable)
				AbacWarn(compiler, ABAC_WARNING_COERCION, leaf->attribute->name,
					 psprintf("operator \"%s\" can't be used on attribute \"%s\"",
							  leaf->op_name, leaf->attribute->name.data),
					 psprintf("At %s: the attribute is defined with a type other than ip or cidr, so the condition is always unknown.",
							  AbacRenderPath(operator_path)),
					 NULL);
			return SettleNetworks(compiler, value_path, leaf);
		default:
			SettleLiteral(compiler, value_path, leaf);
			return true;
	}
}
