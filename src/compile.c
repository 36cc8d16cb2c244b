/*
 * compile.c
 *	  From a condition tree (jsonb) to the program that evaluate.c runs (DESIGN §3).
 *
 * A tree is compiled when it is written, to refuse what is wrong while its
 * author is there to read why, and when it is loaded, to run it.  Here is the
 * shape of the tree; what is in a leaf is compile_leaf.c's.
 *
 * Faults don't raise errors here: the first is described in *error and NULL is
 * returned.  The writer raises it; the loader keeps it, since a tree that is
 * in the table though it is wrong must not disturb other decisions.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/varlena.h"

#include "cache.h"
#include "compiler.h"

#define MAX_LISTED_NAME		63	/* bytes of a name that is searched a near one for */

PG_FUNCTION_INFO_V1(abac_condition_hash);

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

/* Where a path leads, as JSON path text in the current memory context. */
char *
AbacRenderPath(const Path *path)
{
	if (path == NULL)
		return "$";
	if (path->key)
		return psprintf("%s.%s", AbacRenderPath(path->parent), path->key);
	return psprintf("%s[%d]", AbacRenderPath(path->parent), path->index);
}

/* A value as JSON text, cut where it gets long. */
char *
AbacRenderValue(const AbacValue *value)
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
 * NULL.  Always false, for "return AbacFail(...)".
 */
bool
AbacFail(Compiler *compiler, const Path *path, int sqlstate, const char *message,
	 const char *found, const char *allowed, const char *hint)
{
	compiler->error->sqlstate = sqlstate;
	compiler->error->message = pstrdup(message);
	compiler->error->detail = psprintf("At %s: found %s, allowed: %s.",
									   AbacRenderPath(path), found, allowed);
	compiler->error->hint = hint ? pstrdup(hint) : NULL;
	return false;
}

/* The same for a value that isn't what it should be.  Always false. */
bool
AbacInvalid(Compiler *compiler, const Path *path, const char *message,
		const AbacValue *found, const char *allowed, const char *hint)
{
	return AbacFail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE, message,
				AbacRenderValue(found), allowed, hint);
}

/*
 * Note what is odd about a tree that is accepted.  The texts are kept; detail
 * and hint may be NULL.
 */
void
AbacWarn(Compiler *compiler, AbacWarningKind kind, AbacString name,
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
char *
AbacNearestHint(AbacString name, const char *const *names, int nnames)
{
	const char *best = NULL;
	int			best_distance = 4;

	if (name.length == 0 || name.length > MAX_LISTED_NAME)
		return NULL;
	for (int i = 0; i < nnames; i++)
	{
		if ((int) strlen(names[i]) == name.length &&
			pg_strncasecmp(names[i], name.data, name.length) == 0)
			return psprintf("Perhaps you meant \"%s\".", names[i]);
	}
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
		return AbacFail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
					"unrecognized key in condition",
					psprintf("key \"%s\"", pnstrdup(json.val.string.val, json.val.string.len)),
					allowed.data,
					AbacNearestHint((AbacString) {json.val.string.val, json.val.string.len},
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
		return AbacInvalid(compiler, &here, "description of a condition must be a string",
					   value, "a string", NULL);
	node->description = value->u.string;
	return true;
}

static const char *const legacy_logics[] = {"and", "or", "not"};

static bool CompileNode(Compiler *compiler, const Path *path, const AbacValue *value, int depth);

/* The children of a branch: an array of nodes that isn't empty. */
static bool
CompileChildren(Compiler *compiler, const Path *path, const AbacValue *children, int depth)
{
	AbacElements elements;
	AbacValue	child;

	if (children->kind != ABAC_KIND_ARRAY || JsonContainerSize(children->u.container) == 0)
		return AbacInvalid(compiler, path, "branch of a condition must have children", children,
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
		return AbacInvalid(compiler, &logic_path, "unrecognized logic in condition", &values[0],
					   "\"and\", \"or\", \"not\"",
					   values[0].kind == ABAC_KIND_STRING ?
					   AbacNearestHint(values[0].u.string, legacy_logics, lengthof(legacy_logics)) : NULL);
	if (!TakeDescription(compiler, path, found[2], &values[2], &compiler->nodes[index]))
		return false;
	if (!found[1])
		return AbacFail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
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
			return AbacFail(compiler, path, ERRCODE_INVALID_PARAMETER_VALUE,
						psprintf("condition has no \"%s\"", names[i]),
						psprintf("no key \"%s\"", names[i]),
						psprintf("\"%s\", \"%s\" and \"%s\" together", names[0], names[1], names[2]),
						NULL);
	}
	if (!TakeDescription(compiler, path, found[4], &values[4], &compiler->nodes[index]))
		return false;
	return AbacCompileLeafParts(compiler, &compiler->nodes[index],
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
	uint32		index;
	AbacValue	ignored;
	bool		compiled;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (depth > ABAC_MAX_TREE_DEPTH)
		return AbacFail(compiler, path, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "condition is nested too deeply",
					psprintf("level %d", depth),
					psprintf("at most %d levels", ABAC_MAX_TREE_DEPTH), NULL);
	if (compiler->nnodes >= ABAC_MAX_TREE_NODES)
		return AbacFail(compiler, path, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "condition has too many nodes",
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
		compiled = AbacInvalid(compiler, path, "invalid condition", value,
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
			compiled = AbacInvalid(compiler, path, "invalid condition", value,
							   "{\"logic\": ..., \"conditions\": [...]} or {\"attribute\": ..., \"operator\": ..., \"value\": ...}",
							   NULL);
	}
	/* compiling the children may have moved the array */
	compiler->nodes[index].end = compiler->nnodes;
	return compiled;
}

/*
 * Compile a condition tree as rules of the organization (none = platform-wide)
 * see it, for rows of the relation or (NULL) not for rows.  The program is in the current memory context and points into
 * conditions, which must not be toasted and must live as long.  NULL with
 * *error filled when the tree is wrong.  With warnings, what is odd about a
 * tree that is accepted is appended to it (a List of AbacWarning).  Call
 * between AbacCacheBegin() and AbacCacheEnd(): definitions are looked up.
 */
AbacProgram *
AbacCompile(Jsonb *conditions, AbacString organization, const AbacRelation *relation,
			AbacError *error, List **warnings)
{
	Compiler	compiler = {
		.organization = organization, .relation = relation, .error = error, .warnings = warnings
	};
	AbacValue	root;
	AbacProgram *program;

	AbacValueFromJsonb(conditions, &root);
	if (!CompileNode(&compiler, NULL, &root, 1))
		return NULL;

	program = AbacAllocateIn(CurrentMemoryContext, sizeof(AbacProgram), true);
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
				const AbacRelation *relation, AbacError *error, List **warnings)
{
	Compiler	compiler = {
		.organization = organization, .relation = relation, .error = error, .warnings = warnings
	};
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
	if (!AbacCompileLeafParts(&compiler, &compiler.nodes[index],
						  &attribute_path, &attribute_value, &operator_path, &op_value,
						  &value_path, &root, NULL, NULL))
		return NULL;
	compiler.nodes[index].end = compiler.nnodes;

	program = AbacAllocateIn(CurrentMemoryContext, sizeof(AbacProgram), true);
	program->nnodes = compiler.nnodes;
	program->nodes = compiler.nodes;
	return program;
}

/* abac_condition_hash(jsonb): lower-case hex SHA-256 of the text in UTF-8. */
Datum
abac_condition_hash(PG_FUNCTION_ARGS)
{
	Jsonb	   *conditions = PG_GETARG_JSONB_P(0);
	char	   *plain = JsonbToCString(NULL, &conditions->root, VARSIZE(conditions));
	char	   *utf8 = plain;
	bytea	   *digest;
	int			length;
	text	   *result;

	/* of SQL_ASCII nobody knows what its bytes mean */
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		utf8 = pg_server_to_any(plain, strlen(plain), PG_UTF8);
	digest = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea,
												 PointerGetDatum(cstring_to_text(utf8))));
	length = VARSIZE_ANY_EXHDR(digest) * 2;
	result = palloc(VARHDRSZ + length);
	hex_encode(VARDATA_ANY(digest), VARSIZE_ANY_EXHDR(digest), VARDATA(result));
	SET_VARSIZE(result, VARHDRSZ + length);
	PG_RETURN_TEXT_P(result);
}
