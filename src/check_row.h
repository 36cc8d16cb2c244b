/*
 * check_row.h
 *	  The row form of a check (DESIGN §7).
 */
#ifndef ABAC_CHECK_ROW_H
#define ABAC_CHECK_ROW_H

#include "abac.h"
#include "decide.h"
#include "plan.h"
#include "relation.h"

#include "fmgr.h"

extern AbacPlan *AbacBeginRow(AbacRequest *request, AbacResourceRow *row, Oid relation,
							  AbacString user, AbacString action, Jsonb *ctx, TimestampTz now);
extern AbacPlan *AbacBeginRowArgs(FunctionCallInfo fcinfo, AbacString user, int n,
								  TimestampTz now, AbacRequest *request, AbacResourceRow *row);
extern Datum AbacRowResult(FunctionCallInfo fcinfo, const AbacDecision *decision);

#endif							/* ABAC_CHECK_ROW_H */
