/*
 * replan.h
 *	  When a plan that was rewritten has to be made anew (DESIGN §7).
 */
#ifndef ABAC_REPLAN_H
#define ABAC_REPLAN_H

#include "abac.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

#include "shape.h"

extern void AbacReplanInit(void);
extern void AbacReplanAll(void);
extern void AbacReplanAny(void);
extern void AbacReplanForget(void);
extern void AbacReplanDepend(PlannerInfo *root, const AbacShape *shape, const FuncExpr *call,
							 const AbacRelation *relation, bool unguarded);
extern bool AbacReplanIsUnguarded(const PlannedStmt *plan);
extern bool AbacReplanIsFor(const PlannedStmt *plan);
extern void AbacReplanFor(const char *principal, const char *context);
extern void AbacReplanAdmit(const char *principal, const char *context);

#endif							/* ABAC_REPLAN_H */
