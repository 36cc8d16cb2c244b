/*
 * shape.h
 *	  What a rewritten plan knows of its filter, and how it uses it (DESIGN §7).
 */
#ifndef ABAC_SHAPE_H
#define ABAC_SHAPE_H

#include "abac.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "filter.h"

/*
 * A value of type abac_shape, a constant in the plan: which question the plan
 * answers, and the shape of the filter that it was made from.
 */
typedef struct AbacShape
{
	int32		vl_len_;		/* varlena header */
	Oid			function;		/* that was called */
	Oid			relation;
	bool		is_principal;	/* about the session's principal; else user follows */
	bool		is_session_context; /* in the session's context; else ctx follows */
	bool		has_filter;		/* false in a plan that asks row by row only */
	TimestampTz as_of;			/* of the filter */
	unsigned char hash[ABAC_SHAPE_HASH_LENGTH];
	int32		ctx_size;		/* bytes of a jsonb; first, since it is aligned */
	int32		user_length;
	int32		action_length;
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* ctx, user, action */
} AbacShape;

/* Who asks, and in which context; for shapes that don't say. */
typedef struct AbacShapeUser
{
	AbacString	principal;
	Jsonb	   *context;
} AbacShapeUser;

extern AbacShape *AbacMakeShape(Oid function, Oid relation, const AbacString *user,
								AbacString action, Jsonb *ctx, const AbacFilter *filter);
extern bool AbacHasPins(MemoryContext memory);
extern void AbacValidatePins(MemoryContext memory);
pg_noreturn extern void AbacPlanIsStale(const char *why);
extern bool AbacShapeFits(const AbacShape *shape, const AbacShapeUser *user, AbacFilter **filter);

#endif							/* ABAC_SHAPE_H */
