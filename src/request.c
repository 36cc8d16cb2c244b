/*
 * request.c
 *	  A question: who, what, on which resource, in which context (DESIGN §4, §5).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "request.h"

/* In the order of AbacScopeType. */
const char *const AbacScopeNames[ABAC_NSCOPES] = {"organization", "project", "workspace"};

/* In the order of AbacRoot. */
static const char *const root_names[ABAC_NROOTS] = {"user", "resource", "env", "context"};
static const int root_lengths[ABAC_NROOTS] = {4, 8, 3, 7};
static const int scope_lengths[ABAC_NSCOPES] = {12, 7, 9};

/*
 * Raise the error for the key of ctx, or of ctx.scope, that isn't one of those
 * allowed.  Keys may be a secret of the caller's, but it is the caller who
 * reads this.
 */
pg_noreturn static void
UnknownKey(JsonbContainer *object, const char *where, const char *const *allowed, int nallowed,
		   const char *also, const char *hint)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	json;

	while ((token = JsonbIteratorNext(&iterator, &json, true)) != WJB_DONE)
	{
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i <= nallowed && !known; i++)
		{
			const char *name = i < nallowed ? allowed[i] : also;

			known = name && strlen(name) == (size_t) json.val.string.len &&
				memcmp(name, json.val.string.val, json.val.string.len) == 0;
		}
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized key in %s", where),
					 errdetail("The key is \"%.*s\".", json.val.string.len, json.val.string.val),
					 errhint("%s", hint)));
	}
	elog(ERROR, "every key of %s is known", where);
}

/*
 * ctx.scope.  False when an id is null or empty, which is a denial; other
 * faults are errors.
 */
static bool
ParseScope(AbacRequest *request, const AbacValue *scope)
{
	int			known = 0;
	bool		valid = true;

	if (scope->kind != ABAC_KIND_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"scope\" of the request context must be an object"),
				 errdetail("It is of type %s.", AbacKindName(scope))));

	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		AbacValue	id;

		if (!AbacObjectGet(scope->u.container, (AbacString) {AbacScopeNames[i], scope_lengths[i]}, &id))
			continue;
		known++;
		if (id.kind == ABAC_KIND_NULL)
			valid = false;
		else if (id.kind == ABAC_KIND_STRING || id.kind == ABAC_KIND_NUMBER)
		{
			AbacCoerce(&id, ABAC_TYPE_STRING, &id);
			request->scope[i] = id.u.string;
			if (id.u.string.length == 0)
				valid = false;
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("id of %s in \"scope\" of the request context must be a string or a number",
							AbacScopeNames[i]),
					 errdetail("It is of type %s.", AbacKindName(&id))));
	}
	if (known != (int) JsonContainerSize(scope->u.container))
		UnknownKey(scope->u.container, "\"scope\" of the request context",
				   AbacScopeNames, ABAC_NSCOPES, NULL,
				   "Allowed are \"organization\", \"project\" and \"workspace\".");
	return valid;
}

/* Who and what; false when one of them is missing. */
static bool
Begin(AbacRequest *request, AbacString user, AbacString action)
{
	memset(request, 0, sizeof(*request));
	request->user = user;
	request->action = action;
	return user.data && user.length > 0 && action.data && action.length > 0;
}

/*
 * ctx; the scope that it names goes to request->scope.  False for one that is
 * denied; a malformed one is an error.
 */
static bool
ParseContext(AbacRequest *request, Jsonb *ctx)
{
	bool		valid = true;
	int			known = 0;
	AbacValue	value;

	if (ctx == NULL)
		return false;
	if (!JB_ROOT_IS_OBJECT(ctx))
	{
		AbacValueFromJsonb(ctx, &value);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("request context must be a JSON object"),
				 errdetail("It is of type %s.", AbacKindName(&value))));
	}
	if (JB_ROOT_COUNT(ctx) == 0)
		return true;

	for (int i = 0; i < ABAC_NROOTS; i++)
	{
		if (!AbacObjectGet(&ctx->root, (AbacString) {root_names[i], root_lengths[i]}, &value))
			continue;
		known++;
		if (value.kind != ABAC_KIND_OBJECT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" of the request context must be an object", root_names[i]),
					 errdetail("It is of type %s.", AbacKindName(&value))));
		request->ctx[i] = value.u.container;
	}
	if (AbacObjectGet(&ctx->root, AbacStringOf("scope"), &value))
	{
		known++;
		valid = ParseScope(request, &value);
	}
	if (known != (int) JB_ROOT_COUNT(ctx))
		UnknownKey(&ctx->root, "the request context", root_names, ABAC_NROOTS, "scope",
				   "Allowed are \"user\", \"resource\", \"env\", \"context\" and \"scope\".");
	return valid;
}

/*
 * Make a request of the arguments of a check; "none" and NULL stand for SQL
 * NULL.  False for an invalid request, which is denied; a malformed ctx is an
 * ERROR 22023.  The request points into the arguments.
 */
bool
AbacRequestParse(AbacRequest *request, AbacString user, AbacString action,
				 AbacString resource, Jsonb *ctx)
{
	const char *colon;

	/* before anything else, also before ctx is looked at */
	if (!Begin(request, user, action) || resource.data == NULL || resource.length == 0)
		return false;

	request->type = resource;
	colon = memchr(resource.data, ':', resource.length);
	if (colon)
	{
		request->type.length = colon - resource.data;
		if (request->type.length == 0)
			return false;
		if (colon + 1 < resource.data + resource.length)
		{
			request->id.data = colon + 1;
			request->id.length = resource.data + resource.length - (colon + 1);
		}
	}
	return ParseContext(request, ctx);
}

/*
 * Make a request about rows of the relation: all of it but what the row says.
 * Otherwise as AbacRequestParse(); go on with AbacRequestSetRow().
 */
bool
AbacRequestParseRelation(AbacRequest *request, AbacString user, AbacString action,
						 const AbacRelation *relation, Jsonb *ctx)
{
	if (!Begin(request, user, action))
		return false;
	request->relation = relation;
	request->type = relation->resource_type;
	if (!ParseContext(request, ctx))
		return false;
	memcpy(request->ctx_scope, request->scope, sizeof(request->scope));
	memset(request->scope, 0, sizeof(request->scope));
	return true;
}

/*
 * The row, whose scope it is in (DESIGN §7).  False when that is a denial: an
 * id of its scope is empty, or is NULL and mustn't be.
 */
bool
AbacRequestSetRow(AbacRequest *request, const AbacResourceRow *row)
{
	const AbacRelation *relation = row->relation;

	if (relation->id)
		request->id = AbacRowId(row, relation->id);
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		const AbacColumn *column = relation->scope[i];

		if (column == NULL)
			continue;
		request->scope[i] = AbacRowId(row, column);
		if (request->scope[i].data == NULL
			? !(row->nulls[column->attnum - 1] && relation->null_is_platform)
			: request->scope[i].length == 0)
			return false;
	}
	return true;
}

/* A text argument; none for NULL. */
AbacString
AbacArgText(FunctionCallInfo fcinfo, int n)
{
	AbacString	result = {NULL, 0};

	if (!PG_ARGISNULL(n))
	{
		text	   *argument = PG_GETARG_TEXT_PP(n);

		result.data = VARDATA_ANY(argument);
		result.length = VARSIZE_ANY_EXHDR(argument);
	}
	return result;
}

/* A uuid argument as the text that stands in the tables. */
AbacString
AbacArgUuid(FunctionCallInfo fcinfo, int n)
{
	return AbacStringOf(PG_ARGISNULL(n) ? NULL : DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(n))));
}

/* A bigint argument as the text that stands in the tables. */
AbacString
AbacArgBigint(FunctionCallInfo fcinfo, int n)
{
	char	   *text;

	if (PG_ARGISNULL(n))
		return AbacStringOf(NULL);
	text = palloc(MAXINT8LEN + 1);
	pg_lltoa(PG_GETARG_INT64(n), text);
	return AbacStringOf(text);
}
