/*
 * principal.h
 *	  Who the session's user is, and in which context (DESIGN §6).
 */
#ifndef ABAC_PRINCIPAL_H
#define ABAC_PRINCIPAL_H

#include "abac.h"

#include "utils/jsonb.h"

extern void AbacPrincipalInit(void);
extern AbacString AbacPrincipal(void);
extern Jsonb *AbacContext(void);
extern const char *AbacContextText(void);

/* Grows when the principal or the context may have changed. */
extern uint64 AbacPrincipalVersion;

#endif							/* ABAC_PRINCIPAL_H */
