/*
 * evaluate.h
 *	  The value of conditions in one check (DESIGN §3, §5).
 */
#ifndef ABAC_EVALUATE_H
#define ABAC_EVALUATE_H

#include "abac.h"
#include "compile.h"
#include "policy.h"
#include "request.h"
#include "subject.h"

/* The side of a leaf whose value is the same in every check of a plan (settle.c). */
typedef struct AbacKnownSide
{
	bool		is_left;
	AbacValue	value;			/* as the leaf compares it */
	AbacValue	raw;			/* as the source has it */
} AbacKnownSide;

/* One check under way. */
typedef struct AbacCheck
{
	uint64		number;			/* no other check of the session has it */
	const AbacRequest *request;
	const AbacResourceRow *row; /* NULL = the resource is named by text */
	const AbacSubject *subject;
	TimestampTz now;
} AbacCheck;

extern void AbacCheckBegin(AbacCheck *check, const AbacRequest *request,
						   const AbacResourceRow *row, const AbacSubject *subject,
						   TimestampTz now);

extern void AbacCheckRenumber(AbacCheck *check);
extern const AbacValue *AbacLeafLeft(AbacCheck *check, const AbacLeaf *leaf, AbacValue *space);
extern const AbacValue *AbacLeafRight(AbacCheck *check, const AbacLeaf *leaf, AbacValue *space);
extern AbacTruth AbacEvaluateLeaf(AbacCheck *check, const AbacLeaf *leaf, const AbacKnownSide *known);
extern AbacTruth AbacEvaluateNode(AbacCheck *check, const AbacProgram *program, uint32 index);
extern AbacTruth AbacEvaluateConditions(AbacCheck *check, AbacConditions *conditions);

#endif							/* ABAC_EVALUATE_H */
