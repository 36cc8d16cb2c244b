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

static const int scope_lengths[ABAC_NSCOPES] = {12, 7, 9};

/* In the order of AbacRoot. */
static const char *const root_names[ABAC_NROOTS] = {"user", "resource", "env", "context"};
static const int root_lengths[ABAC_NROOTS] = {4, 8, 3, 7};

/* The key's place among the names, or -1. */
static int
FindName(const char *const *names, const int *lengths, int nnames, AbacString key)
{
	for (int i = 0; i < nnames; i++)
	{
		if (key.length == lengths[i] && AbacBytesEqual(key.data, names[i], key.length))
			return i;
	}
	return -1;
}

/* Keys may be a secret of the caller's, but it is the caller who reads this. */
pg_noreturn static void
UnknownKey(AbacString key, const char *where, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized key in %s", where),
			 errdetail("The key is \"%.*s\".", key.length, key.data),
			 errhint("%s", hint)));
}

/*
 * ctx.scope.  False when an id is null or empty, which is a denial; other
 * faults are errors.
 */
static bool
ParseScope(AbacRequest *request, const AbacValue *scope)
{
	bool		valid = true;
	AbacMembers members;
	AbacString	key;
	AbacValue	id;

	if (scope->kind != ABAC_KIND_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"scope\" of the request context must be an object"),
				 errdetail("It is of type %s.", AbacKindName(scope))));

	AbacMembersBegin(&members, scope->u.container);
	while (AbacMembersNext(&members, &key, &id))
	{
		int			type = FindName(AbacScopeNames, scope_lengths, ABAC_NSCOPES, key);

		if (type < 0)
			UnknownKey(key, "\"scope\" of the request context",
					   "Allowed are \"organization\", \"project\" and \"workspace\".");
		if (id.kind == ABAC_KIND_NULL)
		{
			valid = false;
			continue;
		}
		if (id.kind != ABAC_KIND_STRING && id.kind != ABAC_KIND_NUMBER)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("id of %s in \"scope\" of the request context must be a string or a number",
							AbacScopeNames[type]),
					 errdetail("It is of type %s.", AbacKindName(&id))));
		AbacCoerce(&id, ABAC_TYPE_STRING, &id);
		request->scope[type] = id.u.string;
		if (id.u.string.length == 0)
			valid = false;
	}
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
	AbacMembers members;
	AbacString	key;
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

	AbacMembersBegin(&members, &ctx->root);
	while (AbacMembersNext(&members, &key, &value))
	{
		int			root = FindName(root_names, root_lengths, ABAC_NROOTS, key);

		if (root < 0)
		{
			if (!AbacStringEqual(key, AbacStringOf("scope")))
				UnknownKey(key, "the request context",
						   "Allowed are \"user\", \"resource\", \"env\", \"context\" and \"scope\".");
			valid = ParseScope(request, &value);
			continue;
		}
		if (value.kind != ABAC_KIND_OBJECT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" of the request context must be an object", root_names[root]),
					 errdetail("It is of type %s.", AbacKindName(&value))));
		request->ctx[root] = value.u.container;
	}
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

/*
 * A jsonb argument; NULL for NULL.  A small one out of a row has to be copied,
 * to be aligned: to space, which must live as long as the result, and not to
 * memory that is allocated for every row.
 */
Jsonb *
AbacArgJsonb(FunctionCallInfo fcinfo, int n, AbacSmallJsonb *space)
{
	struct varlena *argument;

	if (PG_ARGISNULL(n))
		return NULL;
	argument = PG_GETARG_RAW_VARLENA_P(n);
	if (!VARATT_IS_SHORT(argument) || VARATT_IS_EXTERNAL(argument))
		return PG_GETARG_JSONB_P(n);
	SET_VARSIZE(space, VARSIZE_SHORT(argument) - VARHDRSZ_SHORT + VARHDRSZ);
	memcpy(VARDATA(space), VARDATA_SHORT(argument), VARSIZE_SHORT(argument) - VARHDRSZ_SHORT);
	return &space->json;
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
