/*
 * explain.h
 *	  Why a request is decided as it is (DESIGN §5, abac_explain).
 */
#ifndef ABAC_EXPLAIN_H
#define ABAC_EXPLAIN_H

#include "abac.h"

#include "fmgr.h"
#include "utils/jsonb.h"

extern Jsonb *AbacExplainArgs(FunctionCallInfo fcinfo, AbacString user);
extern Jsonb *AbacExplainRowArgs(FunctionCallInfo fcinfo, AbacString user);

#endif							/* ABAC_EXPLAIN_H */
