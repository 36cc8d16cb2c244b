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

/* One check under way. */
typedef struct AbacCheck
{
	uint64		number;			/* no other check of the session has it */
	const AbacRequest *request;
	const AbacResourceRow *row; /* NULL = the resource is named by text */
	const AbacSubject *subject;
	TimestampTz now;

	/* "now" in abac.timezone, as text; made when first asked for */
	bool		clock_is_set;
	char		date[16];
	char		time_of_day[8];
	char		now_text[48];
	const char *day_of_week;
	int			hour;
} AbacCheck;

extern void AbacCheckBegin(AbacCheck *check, const AbacRequest *request,
						   const AbacResourceRow *row, const AbacSubject *subject,
						   TimestampTz now);

extern void AbacCheckRenumber(AbacCheck *check);
extern bool AbacLeafLeft(AbacCheck *check, const AbacLeaf *leaf, AbacValue *left);
extern bool AbacLeafRight(AbacCheck *check, const AbacLeaf *leaf, AbacValue *right);
extern AbacTruth AbacEvaluateLeaf(AbacCheck *check, const AbacLeaf *leaf);
extern AbacTruth AbacEvaluateNode(AbacCheck *check, const AbacProgram *program, uint32 index);
extern AbacTruth AbacEvaluateConditions(AbacCheck *check, AbacConditions *conditions);

#endif							/* ABAC_EVALUATE_H */
