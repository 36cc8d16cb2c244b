/*
 * filter_text.c
 *	  Filters as SQL text: abac_filter() (DESIGN §7).
 *
 * The user's values are written as constants.  What has to be asked row by row
 * can't be written without a session's memory; so there the text is
 *
 *		bound AND abac_check(user, action, row, ctx)
 *
 * where the bound is the filter with everything of the kind taken to be as
 * favourable as it can be.  It is never less than the filter, in the order
 * false, unknown, true; hence the AND of it and the check is the check.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "cache.h"
#include "decide.h"
#include "expression.h"
#include "filter.h"
#include "request.h"
#include "scan.h"

PG_FUNCTION_INFO_V1(abac_filter);
PG_FUNCTION_INFO_V1(abac_filter_uuid);
PG_FUNCTION_INFO_V1(abac_filter_bigint);

/* Is something in it asked row by row? */
static bool
AsksRows(const AbacFilterNode *node)
{
	check_stack_depth();
	if (node->kind == ABAC_FILTER_LEAF || node->kind == ABAC_FILTER_ROW)
		return true;
	for (int i = 0; i < node->nchildren; i++)
	{
		if (AsksRows(node->children[i]))
			return true;
	}
	return false;
}

/* The filter's bound: nowhere less than it (upper), or nowhere more. */
static AbacFilterNode *
Bound(AbacFilterBuilder *builder, AbacFilterNode *node, bool upper)
{
	AbacFilterNode *most = AbacFilterConstant(builder, upper ? ABAC_TRUE : ABAC_FALSE);
	AbacFilterNode *result;

	check_stack_depth();
	if (!AsksRows(node))
		return node;
	switch (node->kind)
	{
		case ABAC_FILTER_AND:
		case ABAC_FILTER_OR:
			result = Bound(builder, node->children[0], upper);
			for (int i = 1; i < node->nchildren; i++)
			{
				AbacFilterNode *child = Bound(builder, node->children[i], upper);

				result = node->kind == ABAC_FILTER_AND
					? AbacFilterAnd(builder, result, child) : AbacFilterOr(builder, result, child);
			}
			return result;
		case ABAC_FILTER_NOT:
			return AbacFilterNot(builder, Bound(builder, node->children[0], !upper));
		case ABAC_FILTER_TEST:
			switch (node->test)
			{
				case ABAC_IS_TRUE:
				case ABAC_IS_TRUE | ABAC_IS_UNKNOWN:
					return AbacFilterTest(builder, node->test, Bound(builder, node->children[0], upper));
				case ABAC_IS_FALSE:
				case ABAC_IS_FALSE | ABAC_IS_UNKNOWN:
					return AbacFilterTest(builder, node->test, Bound(builder, node->children[0], !upper));
				default:
					return most;
			}
		default:
			return most;
	}
}

/*
 * The bound of a filter, made once.  It is made with a count of its own: the
 * filter's belongs to what it was made of.  One that becomes too large is TRUE,
 * which leaves the check.
 */
static const AbacFilterNode *
GetBound(AbacFilter *filter)
{
	AbacFilter	counted = *filter;
	AbacFilterBuilder builder = {.filter = &counted};
	AbacFilterNode *bound;

	if (filter->bound == NULL)
	{
		counted.nnodes = 0;
		bound = Bound(&builder, filter->root, true);
		if (AbacFilterIsTooLarge(&counted))
			bound = AbacFilterConstant(&builder, ABAC_TRUE);
		filter->bound = bound;
	}
	return filter->bound;
}

/* abac_check(user, action, row, ctx) */
static Expr *
BuildCheck(const AbacRewriter *rewriter, AbacString user, AbacString action, Jsonb *ctx)
{
	Oid			types[4] = {TEXTOID, TEXTOID, RECORDOID, JSONBOID};
	Datum		texts[2] = {
		PointerGetDatum(cstring_to_text_with_len(user.data, user.length)),
		PointerGetDatum(cstring_to_text_with_len(action.data, action.length))
	};

	return (Expr *) makeFuncExpr(AbacFindFunction(rewriter, "abac_check", types, 4), BOOLOID,
								 list_make4(makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, texts[0], false, false),
											makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, texts[1], false, false),
											copyObject(rewriter->row),
											makeConst(JSONBOID, -1, InvalidOid, -1, JsonbPGetDatum(ctx), false, false)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* The text, which says the same whatever settings it is read under. */
static char *
Deparse(Expr *expression, Relation relation)
{
	static const char *const settings[][2] = {{"search_path", "pg_catalog"}, {"DateStyle", "ISO"}};
	int			level = NewGUCNestLevel();
	char	   *text;

	for (size_t i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	text = deparse_expression((Node *) expression,
							  deparse_context_for(RelationGetRelationName(relation),
												  RelationGetRelid(relation)), false, false);
	AtEOXact_GUC(true, level);
	return text;
}

static char *
FilterText(Oid table, AbacString user, AbacString action, Jsonb *ctx)
{
	Relation	relation = table_open(table, AccessShareLock);
	Var		   *row = makeVar(1, InvalidAttrNumber, get_rel_type_id(table), -1, InvalidOid, 0);
	AbacFilter *filter;
	AbacRewriter rewriter;
	Expr	   *expression;
	char	   *text;

	AbacRewriterBegin(&rewriter, row, RelationGetDescr(relation));
	filter = AbacBeginFilter(table, false, user, action, ctx, NULL);
	if (filter == NULL)
		expression = (Expr *) makeBoolConst(false, false);
	else
	{
		const AbacFilterNode *bound = GetBound(filter);

		rewriter.filter = filter;
		expression = AbacBuildNode(&rewriter, bound);
		if (AsksRows(filter->root))
		{
			Expr	   *check = BuildCheck(&rewriter, user, action, ctx);

			if (AbacFilterIsConstant(bound, ABAC_TRUE))
				expression = check;
			else
				expression = makeBoolExpr(AND_EXPR, list_make2(expression, check), -1);
		}
	}
	text = Deparse(expression, relation);
	AbacCacheEnd();
	table_close(relation, AccessShareLock);
	return text;
}

static Datum
Filter(FunctionCallInfo fcinfo, AbacString user)
{
	AbacString	action = AbacArgText(fcinfo, 1);

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be NULL")));
	if (user.data == NULL || user.length == 0 || action.data == NULL || action.length == 0 ||
		PG_ARGISNULL(3))
		PG_RETURN_TEXT_P(cstring_to_text("false"));
	PG_RETURN_TEXT_P(cstring_to_text(FilterText(PG_GETARG_OID(2), user, action, PG_GETARG_JSONB_P(3))));
}

/* abac_filter(user, action, relation, ctx): one function per type of the user's id. */
Datum
abac_filter(PG_FUNCTION_ARGS)
{
	return Filter(fcinfo, AbacArgText(fcinfo, 0));
}

Datum
abac_filter_uuid(PG_FUNCTION_ARGS)
{
	return Filter(fcinfo, AbacArgUuid(fcinfo, 0));
}

Datum
abac_filter_bigint(PG_FUNCTION_ARGS)
{
	return Filter(fcinfo, AbacArgBigint(fcinfo, 0));
}
