/*
 * settle.h
 *	  What a plan's steps come to for its user.
 */
#ifndef ABAC_SETTLE_H
#define ABAC_SETTLE_H

#include "abac.h"
#include "evaluate.h"
#include "plan.h"

extern void AbacSettlePlan(AbacCheck *check, AbacPlan *plan);

#endif							/* ABAC_SETTLE_H */
