/*
 * principal.h
 *	  Who the session's user is (DESIGN §6).
 */
#ifndef ABAC_PRINCIPAL_H
#define ABAC_PRINCIPAL_H

#include "abac.h"

extern void AbacPrincipalInit(void);
extern AbacString AbacPrincipal(void);

#endif							/* ABAC_PRINCIPAL_H */
