/*
 * abac.c
 *	  The module: settings, and who the session's principal is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "cache.h"
#include "decide.h"
#include "value.h"


ABAC_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(abac_user);
PG_FUNCTION_INFO_V1(abac_set_user);
PG_FUNCTION_INFO_V1(abac_set_user_uuid);
PG_FUNCTION_INFO_V1(abac_set_user_bigint);
PG_FUNCTION_INFO_V1(abac_condition_hash);

#define CACHE_SIZE_DEFAULT	(32 * 1024)	/* kB */
#define CACHE_SIZE_MIN		1024
#define CACHE_SIZE_MAX		MAX_KILOBYTES

/*
 * Lets a superuser change what is_system protects: a migration of a product
 * that ships system rules, say.
 */
bool		abac_allow_system_changes = false;

/*
 * What a user attribute that contradicts its definition, and a rule that names
 * an attribute that nobody defined, raise when they are written.
 */
int			abac_attribute_validation = ABAC_VALIDATION_WARN;

/*
 * How much a session may remember.  It is a bound on what stays between
 * checks; one check that needs more gets it.
 */
int			abac_cache_size = CACHE_SIZE_DEFAULT;

/* Who asks in abac_can(); set by abac_set_user(), or by a superuser. */
char	   *abac_principal = NULL;

/* Time zone of dates without offset and of env.date, env.time_of_day, … */
char	   *abac_timezone_name = NULL;
static pg_tz *abac_timezone = NULL;

static const struct config_enum_entry validations[] = {
	{"off", ABAC_VALIDATION_OFF, false},
	{"warn", ABAC_VALIDATION_WARN, false},
	{"strict", ABAC_VALIDATION_STRICT, false},
	{NULL, 0, false}
};

static bool
CheckTimezone(char **newval, void **extra, GucSource source pg_attribute_unused())
{
	pg_tz	   *zone = pg_tzset(*newval);
	pg_tz	  **result;

	if (zone == NULL || !pg_tz_acceptable(zone))
	{
		GUC_check_errdetail("Time zone \"%s\" is not known, or uses leap seconds.", *newval);
		return false;
	}
	result = AbacGucMalloc(sizeof(pg_tz *));
	if (result == NULL)
		return false;
	*result = zone;
	*extra = result;
	return true;
}

/*
 * Compiled conditions hold dates that were read in the old time zone.
 */
static void
AssignTimezone(const char *newval pg_attribute_unused(), void *extra)
{
	abac_timezone = *(pg_tz **) extra;
	AbacCacheForget();
}

/* The time zone of abac.timezone. */
pg_tz *
AbacTimezone(void)
{
	return abac_timezone;
}

void
_PG_init(void)
{
	DefineCustomBoolVariable("abac.allow_system_changes",
							 "Lets system rules, groups, policies, roles and definitions be changed.",
							 NULL,
							 &abac_allow_system_changes,
							 false,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomEnumVariable("abac.attribute_validation",
							 "What a contradiction to an attribute's definition raises when it is written.",
							 "off: nothing; warn: a warning; strict: an error.",
							 &abac_attribute_validation,
							 ABAC_VALIDATION_WARN, validations,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("abac.cache_size",
							"How much memory a session may use for policies and subjects between checks.",
							NULL,
							&abac_cache_size,
							CACHE_SIZE_DEFAULT, CACHE_SIZE_MIN, CACHE_SIZE_MAX,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomStringVariable("abac.principal",
							   "The user that abac_can() asks about.",
							   "Empty: nobody, and everything is denied. Applications set it with abac_set_user().",
							   &abac_principal,
							   "",
							   PGC_SUSET, 0,
							   NULL, NULL, NULL);

	DefineCustomStringVariable("abac.timezone",
							   "Time zone of dates without offset and of the clock attributes.",
							   NULL,
							   &abac_timezone_name,
							   "UTC",
							   PGC_SUSET, 0,
							   CheckTimezone, AssignTimezone, NULL);

	MarkGUCPrefixReserved("abac");

	AbacCacheInit();
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
