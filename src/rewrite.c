/*
 * rewrite.c
 *	  The planner's part of the row form: a call becomes the expression that is
 *	  left of it (DESIGN §7).
 *
 * abac_row_support() is the support function of abac_check and abac_can of a
 * row.  With
 *
 *		USING (abac_can('read', docs.*))
 *
 * the planner asks it what to put in the call's place, and it answers with the
 * filter of the principal,
 *
 *		abac_fits(…) AND owner = abac_value(…)
 *
 * which is exactly equivalent, or with NULL: then the call stays.  Where it is
 * only known at run time who asks, the call becomes abac_row() of all columns,
 * which needn't be made a composite, so that none is detoasted in vain.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "cache.h"
#include "check_row.h"
#include "decide.h"
#include "expression.h"
#include "filter.h"
#include "principal.h"
#include "replan.h"
#include "scan.h"
#include "shape.h"

PG_FUNCTION_INFO_V1(abac_row_support);

/* A function can't have more arguments than FUNC_MAX_ARGS; abac_row has four others. */
#define MAX_ROW_COLUMNS		(FUNC_MAX_ARGS - 4)

static bool
HasOuterJoin(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype != JOIN_INNER)
		return true;
	if (IsA(node, FromExpr) || IsA(node, JoinExpr) || IsA(node, List))
		return expression_tree_walker(node, HasOuterJoin, context);
	return false;
}

/* Is it a call of one of the extension's functions without arguments? */
static bool
IsCallOf(const AbacRewriter *rewriter, Node *node, const char *name)
{
	return IsA(node, FuncExpr) && ((FuncExpr *) node)->args == NIL &&
		((FuncExpr *) node)->funcid == AbacFindFunction(rewriter, name, NULL, 0);
}

/* What is left of the decision, or NULL when that can't be said in this way. */
static const AbacFilter *
GetFilter(Oid relation, AbacString user, AbacString action, Jsonb *ctx)
{
	AbacFilter *filter = AbacBeginFilter(relation, true, user, action, ctx, NULL);

	AbacCacheEnd();
	return filter && !filter->relation->has_virtual_columns ? filter : NULL;
}

/* Is the table registered, and can its columns be passed one by one? */
static bool
CanPassColumns(Oid relation, TupleDesc desc)
{
	AbacRelation *table;
	bool		result;

	AbacCacheBegin();
	table = AbacGetRelation(relation, true);
	result = table && !table->has_virtual_columns && desc->natts <= MAX_ROW_COLUMNS;
	AbacCacheEnd();
	return result;
}

/* The user's id as text, of whatever type it is. */
static Node *
UserAsText(Node *user)
{
	CoerceViaIO *coerce;

	if (exprType(user) == TEXTOID)
		return user;
	coerce = makeNode(CoerceViaIO);
	coerce->arg = (Expr *) user;
	coerce->resulttype = TEXTOID;
	coerce->resultcollid = DEFAULT_COLLATION_OID;
	coerce->coerceformat = COERCE_IMPLICIT_CAST;
	coerce->location = -1;
	return (Node *) coerce;
}

/* The text of a constant that isn't NULL. */
static AbacString
ConstText(const Const *constant)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(constant->consttype, &output, &is_varlena);
	return AbacStringOf(OidOutputFunctionCall(output, constant->constvalue));
}

static bool
IsKnown(Node *node)
{
	return IsA(node, Const) && !((Const *) node)->constisnull;
}

/*
 * What to put in the place of a call; NULL = nothing.
 *
 * is_can: abac_can(action, row, ctx), else abac_check(user, action, row, ctx).
 */
static Expr *
Rewrite(PlannerInfo *root, FuncExpr *call, Var *row, RangeTblEntry *entry, Relation relation)
{
	bool		is_can = list_length(call->args) == 3;
	Node	   *action = list_nth(call->args, is_can ? 0 : 1);
	Node	   *ctx = llast(call->args);
	AbacRewriter rewriter;
	bool		principal;
	bool		session_context;
	AbacString	user = {NULL, 0};
	AbacString	user_copy;
	Jsonb	   *context = NULL;
	AbacString	action_text = {"", 0};
	const AbacFilter *filter = NULL;
	Expr	   *result;

	AbacRewriterBegin(&rewriter, row, RelationGetDescr(relation));
	principal = is_can || IsCallOf(&rewriter, linitial(call->args), "abac_user");
	session_context = IsCallOf(&rewriter, ctx, "abac_context");
	rewriter.user = principal ? (Node *) makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID) : UserAsText(linitial(call->args));
	rewriter.action = action;
	rewriter.ctx = session_context ? (Node *) makeNullConst(JSONBOID, -1, InvalidOid) : ctx;

	/* who asks, what, in which context: all known? */
	if (principal)
		user = AbacPrincipal();
	else if (IsKnown(linitial(call->args)))
		user = ConstText(linitial_node(Const, call->args));
	if (session_context)
		context = AbacContext();
	else if (IsKnown(ctx))
		context = DatumGetJsonbP(((Const *) ctx)->constvalue);
	if (IsKnown(action))
		action_text = ConstText((Const *) action);

	if (principal && user.data == NULL && action_text.length > 0 && context)
	{
		/* nobody; somebody may come, and then the plan is made anew */
		static AbacFilterNode nothing = {.kind = ABAC_FILTER_CONSTANT, .constant = ABAC_FALSE};
		static AbacFilter nobody = {.root = &nothing};

		filter = &nobody;
	}
	else if (user.data && user.length > 0 && action_text.length > 0 && context)
		filter = GetFilter(entry->relid, user, action_text, context);
	if (filter == NULL && !CanPassColumns(entry->relid, rewriter.desc))
		return NULL;
	if (filter && filter->nleaves + (filter->root->kind == ABAC_FILTER_ROW) > 0 &&
		rewriter.desc->natts > MAX_ROW_COLUMNS)
		return NULL;

	user_copy = user;
	rewriter.filter = filter;
	/* where changes go unseen, no plan is made anew */
	rewriter.fold = !AbacCacheDistrusts();
	AbacRewriterSetShape(&rewriter, AbacMakeShape(call->funcid, entry->relid,
									  principal || filter == NULL ? NULL : &user_copy,
									  action_text, session_context ? NULL : filter ? context : NULL,
									  filter));
	rewriter.shape->is_principal = principal;
	rewriter.shape->is_session_context = session_context;
	result = filter ? AbacBuildFilter(&rewriter) : AbacBuildRow(&rewriter);

	/* a row that an outer join made up is no row, hence denied */
	if (AbacMayBeNulled(row) && HasOuterJoin((Node *) root->parse->jointree, NULL))
		result = makeBoolExpr(AND_EXPR,
							  list_make2(AbacBuildRowIsThere(&rewriter),
										 result), -1);
	AbacReplanDepend(root, rewriter.shape, call, filter ? filter->relation : NULL,
					 filter && filter->root->kind == ABAC_FILTER_CONSTANT &&
					 filter->root->constant != ABAC_TRUE);
	return (Expr *) eval_const_expressions(root, (Node *) result);
}

/* May the role execute the function, and those that are called in its arguments? */
static bool
MayExecute(const FuncExpr *call)
{
	ListCell   *cell;

	if (AbacFunctionAclCheck(call->funcid, GetUserId()) != ACLCHECK_OK)
		return false;
	foreach(cell, call->args)
	{
		if (IsA(lfirst(cell), FuncExpr) && !MayExecute(lfirst(cell)))
			return false;
	}
	return true;
}

static Expr *
Simplify(SupportRequestSimplify *request)
{
	PlannerInfo *root = request->root;
	FuncExpr   *call = request->fcall;
	RangeTblEntry *entry;
	Relation	relation;
	Var		   *row;
	Expr	   *result = NULL;

	if (root == NULL || root->glob == NULL || root->parse == NULL)
		return NULL;

	/* columns can be NULL there where the row isn't, and the other way round */
	if (root->parse->groupingSets != NIL)
		return NULL;

	/* the row of a table of this query level, and nothing else */
	row = list_nth(call->args, list_length(call->args) - 2);
	if (!IsA(row, Var) || row->varattno != InvalidAttrNumber || row->varlevelsup != 0 ||
		IS_SPECIAL_VARNO(row->varno) || row->varno > list_length(root->parse->rtable) ||
		AbacIsReturningVar(row))
		return NULL;
	entry = rt_fetch(row->varno, root->parse->rtable);
	if (entry->rtekind != RTE_RELATION ||
		(entry->relkind != RELKIND_RELATION && entry->relkind != RELKIND_PARTITIONED_TABLE) ||
		get_rel_type_id(entry->relid) != row->vartype)
		return NULL;

	/* what is volatile is evaluated where it stands */
	if (contain_volatile_functions((Node *) call->args))
		return NULL;
	/* the executor says so, in the usual words */
	if (!MayExecute(call))
		return NULL;

	relation = table_open(entry->relid, NoLock);
	result = Rewrite(root, call, row, entry, relation);
	table_close(relation, NoLock);
	return result;
}

/* The support function of abac_check and abac_can of a row. */
Datum
abac_row_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(Simplify((SupportRequestSimplify *) request));
	PG_RETURN_POINTER(NULL);
}
