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

/* Rows of one table, asked about one after the other; the caller zeroes it. */
#define ABAC_ASKER_PLANS	1024

typedef struct AbacRowAsker
{
	MemoryContext parent;		/* the caller's, of the next */
	MemoryContext memory;		/* for what is kept from row to row */
	uint64		cache_version;	/* of everything below */
	uint64		principal_version;
	TimestampTz statement;
	AbacRequest request;		/* all but what rows say; points to the copies */
	char	   *user;
	char	   *action;
	Jsonb	   *ctx;
	AbacPlan   *plans[ABAC_ASKER_PLANS];	/* by a hash of the scope; NULL = none */
} AbacRowAsker;

extern AbacDecision AbacAskRow(AbacRowAsker *asker, Oid relation, AbacString user,
							   AbacString action, Jsonb *ctx, const Datum *values,
							   const bool *nulls);
extern AbacPlan *AbacBeginRow(AbacRequest *request, AbacResourceRow *row, Oid relation,
							  AbacString user, AbacString action, Jsonb *ctx, TimestampTz now);
extern AbacPlan *AbacBeginRowArgs(FunctionCallInfo fcinfo, AbacString user, int n,
								  TimestampTz now, AbacRequest *request, AbacResourceRow *row);
extern Datum AbacRowResult(FunctionCallInfo fcinfo, const AbacDecision *decision);

#endif							/* ABAC_CHECK_ROW_H */
