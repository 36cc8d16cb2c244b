/*
 * principal.c
 *	  Who the session's user is, and in which context (DESIGN §6): the one place
 *	  where that is decided.
 *
 * Whoever may set abac.principal may be anyone, and whoever may set
 * abac.context may claim anything, so they are a superuser's settings;
 * applications set them through abac_set_user() and abac_set_context(), which
 * are granted by name.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "principal.h"
#include "replan.h"
#include "request.h"

PG_FUNCTION_INFO_V1(abac_user);
PG_FUNCTION_INFO_V1(abac_set_user);
PG_FUNCTION_INFO_V1(abac_set_user_uuid);
PG_FUNCTION_INFO_V1(abac_set_user_bigint);
PG_FUNCTION_INFO_V1(abac_context);
PG_FUNCTION_INFO_V1(abac_set_context);

/* Who asks in abac_can(); empty = nobody. */
static char *abac_principal = NULL;

/* The default ctx of abac_can(), as JSON; empty = {}. */
static char *abac_context_text = NULL;

/* The same parsed, in TopMemoryContext; NULL = not yet. */
static Jsonb *context = NULL;
static bool context_is_good = false;

uint64		AbacPrincipalVersion = 1;

/* Also called when a rollback or the end of a transaction sets it back. */
static void
AssignPrincipal(const char *newval, void *extra pg_attribute_unused())
{
	AbacPrincipalVersion++;
	AbacReplanFor(newval, abac_context_text);
}

static void
AssignContext(const char *newval, void *extra pg_attribute_unused())
{
	context_is_good = false;
	AbacPrincipalVersion++;
	AbacReplanFor(abac_principal, newval);
}

/* Called once, when the library is loaded. */
void
AbacPrincipalInit(void)
{
	DefineCustomStringVariable("abac.principal",
							   "The user that abac_can() asks about.",
							   "Empty: nobody, and everything is denied. Applications set it with abac_set_user().",
							   &abac_principal,
							   "",
							   PGC_SUSET, 0,
							   NULL, AssignPrincipal, NULL);
	DefineCustomStringVariable("abac.context",
							   "The context in which abac_can() asks, unless it is given one.",
							   "A JSON object. Applications set it with abac_set_context().",
							   &abac_context_text,
							   "",
							   PGC_SUSET, 0,
							   NULL, AssignContext, NULL);
}

/*
 * The session's context: good until it is set anew.  ERROR when a superuser
 * set it to what isn't JSON.
 */
Jsonb *
AbacContext(void)
{
	if (!context_is_good)
	{
		const char *text = abac_context_text && abac_context_text[0] ? abac_context_text : "{}";
		Jsonb	   *parsed = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
		Jsonb	   *copy = MemoryContextAlloc(TopMemoryContext, VARSIZE(parsed));

		memcpy(copy, parsed, VARSIZE(parsed));
		if (context)
			pfree(context);
		context = copy;
		context_is_good = true;
	}
	return context;
}

/* The session's principal; none when there is none. */
AbacString
AbacPrincipal(void)
{
	return AbacStringOf(abac_principal && abac_principal[0] ? abac_principal : NULL);
}

/* The same as it was set; may be NULL or empty. */
const char *
AbacContextText(void)
{
	return abac_context_text;
}

/* abac_user(): the session's principal, or NULL. */
Datum
abac_user(PG_FUNCTION_ARGS)
{
	AbacString	user = AbacPrincipal();

	if (user.data == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(user.data, user.length));
}

/*
 * Set a setting for whoever may execute the function, superuser or not.
 * Argument 1: until the end of the transaction (the default), or of the session?
 */
static void
Set(FunctionCallInfo fcinfo, const char *function, const char *setting, const char *value)
{
	bool		local = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);

	if (local && !IsTransactionBlock())
		ereport(WARNING,
				(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s(..., local => true) has no effect after this statement", function),
				 errhint("Call it in a transaction block, or with local => false.")));
	(void) set_config_option(setting, value, PGC_SUSET, PGC_S_SESSION,
							 local ? GUC_ACTION_LOCAL : GUC_ACTION_SET, true, 0, false);
}

static Datum
SetUser(FunctionCallInfo fcinfo, AbacString user)
{
	const char *name = user.data ? AbacStringToCString(user) : "";

	AbacReplanAdmit(name, abac_context_text);
	Set(fcinfo, "abac_set_user", "abac.principal", name);
	PG_RETURN_VOID();
}

/* abac_set_user(user, local): NULL = nobody. */
Datum
abac_set_user(PG_FUNCTION_ARGS)
{
	return SetUser(fcinfo, AbacArgText(fcinfo, 0));
}

Datum
abac_set_user_uuid(PG_FUNCTION_ARGS)
{
	return SetUser(fcinfo, AbacArgUuid(fcinfo, 0));
}

Datum
abac_set_user_bigint(PG_FUNCTION_ARGS)
{
	return SetUser(fcinfo, AbacArgBigint(fcinfo, 0));
}

/* abac_context(): the session's context, {} when none is set. */
Datum
abac_context(PG_FUNCTION_ARGS)
{
	Jsonb	   *current = AbacContext();
	Jsonb	   *copy = palloc(VARSIZE(current));

	memcpy(copy, current, VARSIZE(current));
	PG_RETURN_JSONB_P(copy);
}

/* abac_set_context(ctx, local): NULL = none.  ERROR 22023 for a malformed one. */
Datum
abac_set_context(PG_FUNCTION_ARGS)
{
	const char *text = "";
	AbacRequest request;

	if (!PG_ARGISNULL(0))
	{
		Jsonb	   *ctx = PG_GETARG_JSONB_P(0);

		/* for its errors */
		(void) AbacRequestParse(&request, AbacStringOf("user"), AbacStringOf("action"),
								AbacStringOf("type"), ctx);
		text = JsonbToCString(NULL, &ctx->root, VARSIZE(ctx));
	}
	AbacReplanAdmit(abac_principal, text);
	Set(fcinfo, "abac_set_context", "abac.context", text);
	PG_RETURN_VOID();
}
