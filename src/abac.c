/*
 * abac.c
 *	  The module: what each part needs when the library is loaded.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "announce.h"
#include "cache.h"
#include "guard.h"
#include "principal.h"
#include "replan.h"
#include "run.h"
#include "value.h"

ABAC_MODULE_MAGIC;

/* Compiled conditions, and plans, hold dates that were read in the old zone. */
static void
TimezoneChanged(void)
{
	AbacCacheForget();
	AbacReplanAll();
}

void
_PG_init(void)
{
	AbacAnnounceInit();
	AbacCacheInit();
	AbacGuardInit();
	AbacPrincipalInit();
	AbacReplanInit();
	AbacRunInit();
	AbacValueInit(TimezoneChanged);

	MarkGUCPrefixReserved("abac");
}
