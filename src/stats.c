/*
 * stats.c
 *	  What the session's checks came to, counted: abac_stats().
 *
 * Always on, hence nothing that costs more than an addition: reading the clock
 * twice would be a third of a warm check, so only some are timed (stats.h).
 */
#include "postgres.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "layer.h"
#include "stats.h"

PG_FUNCTION_INFO_V1(abac_stats);
PG_FUNCTION_INFO_V1(abac_stats_reset);

AbacStats	AbacSessionStats;

#define MAX_NAME	128

/* The slowest check that was timed. */
static struct
{
	double		milliseconds;	/* 0 = none was */
	char		user[MAX_NAME];
	char		action[MAX_NAME];
	char		resource[MAX_NAME * 2];
}			slowest;

static void
CopyName(char *name, AbacString string)
{
	int			length = string.data ? pg_mbcliplen(string.data, string.length, MAX_NAME - 1) : 0;

	memcpy(name, string.data ? string.data : "", length);
	name[length] = '\0';
}

/* The check that is timed is over. */
void
AbacStatsTime(const AbacRequest *request)
{
	instr_time	elapsed;

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, AbacSessionStats.started);
	if (INSTR_TIME_GET_MILLISEC(elapsed) <= slowest.milliseconds)
		return;
	slowest.milliseconds = INSTR_TIME_GET_MILLISEC(elapsed);
	CopyName(slowest.user, request->user);
	CopyName(slowest.action, request->action);
	CopyName(slowest.resource, request->type);
	if (request->id.data)
	{
		char	   *end = slowest.resource + strlen(slowest.resource);

		*end++ = ':';
		CopyName(end, request->id);
	}
}

/* abac_stats(): one row. */
Datum
abac_stats(PG_FUNCTION_ARGS)
{
	const AbacStats *stats = &AbacSessionStats;
	bool		none = slowest.milliseconds == 0;
	Datum		values[] = {
		Int64GetDatum(stats->checks),
		Int64GetDatum(stats->checks - stats->misses),
		Int64GetDatum(stats->misses),
		Int64GetDatum(stats->loads),
		Int64GetDatum(stats->policy_invalidations),
		Int64GetDatum(stats->fact_invalidations),
		Int64GetDatum(stats->user_invalidations),
		Int64GetDatum(stats->evictions),
		Int64GetDatum(AbacLayerSize(ABAC_LAYER_POLICIES)),
		Int64GetDatum(AbacLayerSize(ABAC_LAYER_FACTS)),
		Int64GetDatum(AbacLayerSize(ABAC_LAYER_SUBJECTS)),
		Float8GetDatum(slowest.milliseconds),
		CStringGetTextDatum(slowest.user),
		CStringGetTextDatum(slowest.action),
		CStringGetTextDatum(slowest.resource)
	};
	bool		nulls[lengthof(values)] = {false};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != lengthof(values))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function returning record called in context that cannot accept type record"),
				 errhint("The library and the installed version of the extension may differ: try ALTER EXTENSION abac UPDATE.")));
	for (int i = (int) lengthof(values) - 4; i < (int) lengthof(values); i++)
		nulls[i] = none;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* abac_stats_reset(): count from 0 again. */
Datum
abac_stats_reset(PG_FUNCTION_ARGS)
{
	memset(&AbacSessionStats, 0, sizeof(AbacSessionStats));
	memset(&slowest, 0, sizeof(slowest));
	PG_RETURN_VOID();
}
