/*
 * expression.h
 *	  Filters as expressions of PostgreSQL.
 */
#ifndef ABAC_EXPRESSION_H
#define ABAC_EXPRESSION_H

#include "abac.h"

#include "access/tupdesc.h"
#include "nodes/primnodes.h"

#include "filter.h"
#include "shape.h"

/* What expressions are built of. */
typedef struct AbacRewriter
{
	const AbacFilter *filter;
	bool		fold;			/* may a false filter become a constant? */
	AbacShape  *shape;			/* NULL = values are written as constants (abac_filter) */
	Const	   *shape_const;
	Var		   *row;			/* whole-row; what columns' Vars are made like */
	TupleDesc	desc;
	Oid			schema;
	Oid			shape_type;

	/* for abac_row */
	Node	   *user;
	Node	   *action;
	Node	   *ctx;
} AbacRewriter;

extern void AbacRewriterBegin(AbacRewriter *rewriter, Var *row, TupleDesc desc);
extern void AbacRewriterSetShape(AbacRewriter *rewriter, AbacShape *shape);
extern Oid	AbacFindFunction(const AbacRewriter *rewriter, const char *name, const Oid *types,
							 int ntypes);
extern Expr *AbacBuildNode(AbacRewriter *rewriter, const AbacFilterNode *node);
extern Expr *AbacBuildRow(AbacRewriter *rewriter);
extern Expr *AbacBuildFilter(AbacRewriter *rewriter);
extern Expr *AbacBuildRowIsThere(const AbacRewriter *rewriter);

#endif							/* ABAC_EXPRESSION_H */
