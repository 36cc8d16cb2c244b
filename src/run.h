/*
 * run.h
 *	  Runs of queries that go on after what they go by may have changed.
 */
#ifndef ABAC_RUN_H
#define ABAC_RUN_H

#include "abac.h"

/* Is there a run under way that isn't known to depend on the principal? */
extern bool AbacRunIsFree;

extern void AbacRunInit(void);
extern void AbacRunDepends(MemoryContext memory, bool on_what_is_stored);
extern void AbacRunsAroundDepend(MemoryContext memory);

#endif							/* ABAC_RUN_H */
