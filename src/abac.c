/*
 * abac.c
 *	  The module: what each part needs when the library is loaded.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "cache.h"
#include "guard.h"
#include "principal.h"
#include "value.h"

ABAC_MODULE_MAGIC;

void
_PG_init(void)
{
	AbacCacheInit();
	AbacGuardInit();
	AbacPrincipalInit();
	AbacValueInit(AbacCacheForget);

	MarkGUCPrefixReserved("abac");
}
