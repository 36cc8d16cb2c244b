/*
 * register.h
 *	  Functions that the extension's owner runs for a caller who was checked.
 */
#ifndef ABAC_REGISTER_H
#define ABAC_REGISTER_H

#include "postgres.h"

#include "fmgr.h"

extern Datum AbacCallAsOwner(FunctionCallInfo fcinfo, const char *name, const Oid *types, int ntypes);

#endif							/* ABAC_REGISTER_H */
