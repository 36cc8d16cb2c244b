/*
 * stats.h
 *	  What the session's checks came to, counted.
 */
#ifndef ABAC_STATS_H
#define ABAC_STATS_H

#include "abac.h"
#include "request.h"

#include "portability/instr_time.h"

/* One check in so many that found its plan is timed; those that didn't all are. */
#define ABAC_TIMED_CHECKS	64

typedef struct AbacStats
{
	uint64		checks;			/* decisions */
	uint64		misses;			/* of these, with a plan that had to be made */
	uint64		loads;			/* reads of a table */
	uint64		policy_invalidations;	/* times the layer was dropped, */
	uint64		fact_invalidations; /* likewise */
	uint64		user_invalidations; /* persons forgotten */
	uint64		evictions;		/* times a layer was dropped for its size */

	/* of the check under way */
	bool		missed;
	bool		is_timed;
	instr_time	started;
} AbacStats;

extern AbacStats AbacSessionStats;

extern void AbacStatsTime(const AbacRequest *request);

/* A check begins; the last one may have ended in an error. */
static inline void
AbacStatsBegin(void)
{
	AbacSessionStats.missed = false;
}

/* It doesn't find its plan. */
static inline void
AbacStatsMiss(void)
{
	if (!AbacSessionStats.missed)
		INSTR_TIME_SET_CURRENT(AbacSessionStats.started);
	AbacSessionStats.missed = true;
}

/* It is about to be decided ... */
static inline void
AbacStatsDecide(void)
{
	AbacStats  *stats = &AbacSessionStats;

	stats->checks++;
	stats->is_timed = stats->missed || stats->checks % ABAC_TIMED_CHECKS == 0;
	if (stats->missed)
		stats->misses++;
	else if (stats->is_timed)
		INSTR_TIME_SET_CURRENT(stats->started);
}

/* ... and is. */
static inline void
AbacStatsDecided(const AbacRequest *request)
{
	if (AbacSessionStats.is_timed)
		AbacStatsTime(request);
}

#endif							/* ABAC_STATS_H */
