/*
 * request.h
 *	  A question: who, what, on which resource, in which context.
 */
#ifndef ABAC_REQUEST_H
#define ABAC_REQUEST_H

#include "abac.h"
#include "attribute.h"
#include "relation.h"

#include "fmgr.h"
#include "utils/jsonb.h"

typedef enum AbacScopeType
{
	ABAC_SCOPE_ORGANIZATION,
	ABAC_SCOPE_PROJECT,
	ABAC_SCOPE_WORKSPACE
} AbacScopeType;

#define ABAC_NSCOPES	3
#define ABAC_NROOTS		4

/* Points into the arguments that it was made of. */
typedef struct AbacRequest
{
	AbacString	user;
	AbacString	action;
	AbacString	type;
	AbacString	id;				/* none = the request names no id */
	AbacString	scope[ABAC_NSCOPES];	/* as ctx, or the row, names it; none = not named */
	JsonbContainer *ctx[ABAC_NROOTS];	/* by AbacRoot; NULL = ctx has none */

	/* of the row form */
	const AbacRelation *relation;	/* NULL = the resource is named by text */
	AbacString	ctx_scope[ABAC_NSCOPES];	/* must be the row's */
	bool		elsewhere;		/* scope stands for any that nothing about the user names */
} AbacRequest;

extern const char *const AbacScopeNames[ABAC_NSCOPES];

extern bool AbacRequestParse(AbacRequest *request, AbacString user, AbacString action,
							 AbacString resource, Jsonb *ctx);
extern bool AbacRequestParseRelation(AbacRequest *request, AbacString user, AbacString action,
									 const AbacRelation *relation, Jsonb *ctx);
extern bool AbacRequestSetRow(AbacRequest *request, const AbacResourceRow *row);

/* Room for a small jsonb, with the alignment of one. */
typedef union AbacSmallJsonb
{
	Jsonb		json;
	char		bytes[VARATT_SHORT_MAX + VARHDRSZ];
} AbacSmallJsonb;

extern AbacString AbacArgText(FunctionCallInfo fcinfo, int n);
extern Jsonb *AbacArgJsonb(FunctionCallInfo fcinfo, int n, AbacSmallJsonb *space);
extern AbacString AbacArgUuid(FunctionCallInfo fcinfo, int n);
extern AbacString AbacArgBigint(FunctionCallInfo fcinfo, int n);

#endif							/* ABAC_REQUEST_H */
