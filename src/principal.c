/*
 * principal.c
 *	  Who the session's user is (DESIGN §6): the one place where that is decided.
 *
 * Whoever may set abac.principal may be anyone, so it is a superuser's setting;
 * applications set it through abac_set_user(), which is granted by name.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "principal.h"
#include "request.h"

PG_FUNCTION_INFO_V1(abac_user);
PG_FUNCTION_INFO_V1(abac_set_user);
PG_FUNCTION_INFO_V1(abac_set_user_uuid);
PG_FUNCTION_INFO_V1(abac_set_user_bigint);

/* Who asks in abac_can(); empty = nobody. */
static char *abac_principal = NULL;

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
							   NULL, NULL, NULL);
}

/* The session's principal; none when there is none. */
AbacString
AbacPrincipal(void)
{
	return AbacStringOf(abac_principal && abac_principal[0] ? abac_principal : NULL);
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

static Datum
SetUser(FunctionCallInfo fcinfo, AbacString user)
{
	bool		local = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);

	if (local && !IsTransactionBlock())
		ereport(WARNING,
				(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
				 errmsg("abac_set_user(..., local => true) has no effect after this statement"),
				 errhint("Call it in a transaction block, or with local => false.")));

	/* whoever may execute the function may set it, without being a superuser */
	(void) set_config_option("abac.principal", user.data ? AbacStringToCString(user) : "",
							 PGC_SUSET, PGC_S_SESSION,
							 local ? GUC_ACTION_LOCAL : GUC_ACTION_SET, true, 0, false);
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
