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
#include "filter.h"
#include "principal.h"
#include "replan.h"
#include "rewrite.h"
#include "scan.h"
#include "shape.h"

PG_FUNCTION_INFO_V1(abac_row_support);

/* A function can't have more arguments than FUNC_MAX_ARGS; abac_row has four others. */
#define MAX_ROW_COLUMNS		(FUNC_MAX_ARGS - 4)

/* What expressions are built of. */
typedef struct Rewriter
{
	const AbacFilter *filter;
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
} Rewriter;

static Expr *BuildNode(Rewriter *rewriter, const AbacFilterNode *node);

/* One of the extension's functions by name; ERROR when it isn't there. */
static Oid
FindFunction(const Rewriter *rewriter, const char *name, const Oid *types, int ntypes)
{
	oidvector  *arguments = buildoidvector(types, ntypes);
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
										   PointerGetDatum(arguments),
										   ObjectIdGetDatum(rewriter->schema));

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" of extension \"abac\" does not exist", name),
				 errhint("The library and the installed version of the extension may differ: try ALTER EXTENSION abac UPDATE.")));
	return function;
}

static Expr *
Bool(bool value, bool isnull)
{
	return (Expr *) makeBoolConst(value, isnull);
}

static Expr *
NullOf(Oid type)
{
	return (Expr *) makeNullConst(type, -1, get_typcollation(type));
}

/* A constant with a copy of the datum. */
static Expr *
ConstOf(Oid type, Datum datum)
{
	int16		length;
	bool		by_value;

	get_typlenbyval(type, &length, &by_value);
	return (Expr *) makeConst(type, -1, get_typcollation(type), length,
							  datumCopy(datum, by_value, length), false, by_value);
}

/* A column of the row. */
static Var *
ColumnVar(const Rewriter *rewriter, AttrNumber attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(rewriter->desc, attnum - 1);
	Var		   *var = makeVar(rewriter->row->varno, attnum, attribute->atttypid,
							  attribute->atttypmod, attribute->attcollation,
							  rewriter->row->varlevelsup);

	AbacCopyNullingRels(var, rewriter->row);
	return var;
}

/* The same as operators of "type" take it. */
static Expr *
ColumnAs(const Rewriter *rewriter, const AbacColumn *column, Oid type)
{
	Var		   *var = ColumnVar(rewriter, column->attnum);

	if (var->vartype == type)
		return (Expr *) var;
	return (Expr *) makeRelabelType((Expr *) var, type, -1, column->collation, COERCE_IMPLICIT_CAST);
}

/* The value as an expression: a constant, or read when the plan runs. */
static Expr *
ValueOf(Rewriter *rewriter, const AbacFilterValue *value)
{
	Oid			types[3] = {rewriter->shape_type, INT4OID, ANYELEMENTOID};
	const AbacFilterSlot *slot;

	if (value->slot < 0)
		return ConstOf(value->type, value->datum);
	slot = &rewriter->filter->slots[value->slot];
	if (rewriter->shape == NULL)
		return slot->isnull ? NullOf(slot->type) : ConstOf(slot->type, slot->value);
	return (Expr *) makeFuncExpr(FindFunction(rewriter, "abac_value", types, 3), value->type,
								 list_make3(copyObject(rewriter->shape_const),
											makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
													  Int32GetDatum(value->slot), false, true),
											NullOf(value->type)),
								 get_typcollation(value->type), InvalidOid, COERCE_EXPLICIT_CALL);
}

/* The type that btree operators on columns of the kind take on their left. */
static Oid
OperatorType(const AbacColumn *column)
{
	return column->base == VARCHAROID ? TEXTOID : column->base;
}

static Oid
FindOperator(Oid left, Oid right, int strategy)
{
	TypeCacheEntry *entry = lookup_type_cache(left, TYPECACHE_BTREE_OPFAMILY);
	bool		is_enum = type_is_enum(left);
	Oid			operator = get_opfamily_member(entry->btree_opf,
											   is_enum ? ANYENUMOID : left,
											   is_enum ? ANYENUMOID : right, strategy);

	if (!OidIsValid(operator))
		elog(ERROR, "no operator %d for types %u and %u", strategy, left, right);
	return operator;
}

static Oid
CollationOf(const AbacColumn *column, bool c_collation)
{
	return c_collation ? C_COLLATION_OID : column->collation;
}

/* With an explicit COLLATE where the column's own collation isn't the one. */
static Expr *
Collated(Expr *expression, bool c_collation)
{
	CollateExpr *collate;

	if (!c_collation)
		return expression;
	collate = makeNode(CollateExpr);
	collate->arg = expression;
	collate->collOid = C_COLLATION_OID;
	collate->location = -1;
	return (Expr *) collate;
}

static Expr *
Compare(const AbacColumn *column, Expr *left, Expr *right, Oid right_type, int strategy,
		bool c_collation)
{
	OpExpr	   *result = (OpExpr *) make_opclause(FindOperator(OperatorType(column), right_type, strategy),
												  BOOLOID, false, Collated(left, c_collation), right,
												  InvalidOid, CollationOf(column, c_collation));

	set_opfuncid(result);
	return (Expr *) result;
}

static Expr *
BuildAny(Rewriter *rewriter, const AbacFilterNode *node)
{
	const AbacColumn *column = node->column;
	ScalarArrayOpExpr *result = makeNode(ScalarArrayOpExpr);

	result->opno = FindOperator(OperatorType(column), get_element_type(node->value.type),
								BTEqualStrategyNumber);
	result->opfuncid = get_opcode(result->opno);
	result->useOr = true;
	result->inputcollid = CollationOf(column, node->c_collation);
	result->args = list_make2(Collated(ColumnAs(rewriter, column, OperatorType(column)), node->c_collation),
							  ValueOf(rewriter, &node->value));
	result->location = -1;
	return (Expr *) result;
}

static Expr *
BuildPrefix(Rewriter *rewriter, const AbacFilterNode *node)
{
	return (Expr *) makeFuncExpr(F_STARTS_WITH, BOOLOID,
								 list_make2(Collated(ColumnAs(rewriter, node->column, TEXTOID),
													 node->c_collation),
											ValueOf(rewriter, &node->value)),
								 InvalidOid, CollationOf(node->column, node->c_collation),
								 COERCE_EXPLICIT_CALL);
}

static Expr *
BuildNullTest(Expr *expression, NullTestType type)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = expression;
	test->nulltesttype = type;
	test->argisrow = false;
	test->location = -1;
	return (Expr *) test;
}

/* col > '-Infinity' AND col < 'Infinity', which NaN isn't */
static Expr *
BuildFinite(Rewriter *rewriter, const AbacColumn *column)
{
	Expr	   *bounds[2];

	for (int i = 0; i < 2; i++)
	{
		Datum		infinity = DirectFunctionCall3(numeric_in,
												   CStringGetDatum(i == 0 ? "-Infinity" : "Infinity"),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

		bounds[i] = Compare(column, ColumnAs(rewriter, column, NUMERICOID),
							ConstOf(NUMERICOID, infinity), NUMERICOID,
							i == 0 ? BTGreaterStrategyNumber : BTLessStrategyNumber, false);
	}
	return makeBoolExpr(AND_EXPR, list_make2(bounds[0], bounds[1]), -1);
}

/* GREATEST(statement_timestamp(), transaction_timestamp()), which is AbacNow() */
static Expr *
BuildNow(void)
{
	MinMaxExpr *now = makeNode(MinMaxExpr);

	now->minmaxtype = TIMESTAMPTZOID;
	now->op = IS_GREATEST;
	now->args = list_make2(makeFuncExpr(F_STATEMENT_TIMESTAMP, TIMESTAMPTZOID, NIL,
										InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
						   makeFuncExpr(F_TRANSACTION_TIMESTAMP, TIMESTAMPTZOID, NIL,
										InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
	now->location = -1;
	return (Expr *) now;
}

/* "child IS TRUE" and so on, for any set of truths */
static Expr *
BuildTest(Expr *child, int test)
{
	BooleanTest *result = makeNode(BooleanTest);

	result->arg = child;
	result->location = -1;
	switch (test)
	{
		case ABAC_IS_TRUE:
			result->booltesttype = IS_TRUE;
			break;
		case ABAC_IS_FALSE:
			result->booltesttype = IS_FALSE;
			break;
		case ABAC_IS_UNKNOWN:
			result->booltesttype = IS_UNKNOWN;
			break;
		case ABAC_IS_FALSE | ABAC_IS_UNKNOWN:
			result->booltesttype = IS_NOT_TRUE;
			break;
		case ABAC_IS_TRUE | ABAC_IS_UNKNOWN:
			result->booltesttype = IS_NOT_FALSE;
			break;
		case ABAC_IS_TRUE | ABAC_IS_FALSE:
			result->booltesttype = IS_NOT_UNKNOWN;
			break;
		default:
			elog(ERROR, "unrecognized test: %d", test);
	}
	return (Expr *) result;
}

/* A call of the whole decision with every column of the row. */
static Expr *
BuildRow(Rewriter *rewriter)
{
	Oid			types[5] = {rewriter->shape_type, TEXTOID, TEXTOID, JSONBOID, ANYOID};
	List	   *arguments = list_make4(copyObject(rewriter->shape_const), copyObject(rewriter->user),
									   copyObject(rewriter->action), copyObject(rewriter->ctx));

	for (int i = 1; i <= rewriter->desc->natts; i++)
	{
		if (TupleDescAttr(rewriter->desc, i - 1)->attisdropped)
			arguments = lappend(arguments, NullOf(INT4OID));
		else
			arguments = lappend(arguments, ColumnVar(rewriter, i));
	}
	return (Expr *) makeFuncExpr(FindFunction(rewriter, "abac_row", types, 5), BOOLOID, arguments,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* A call of one condition with the columns that it reads. */
static Expr *
BuildLeaf(Rewriter *rewriter, const AbacFilterNode *node)
{
	Oid			types[3] = {rewriter->shape_type, INT4OID, ANYOID};
	const AbacFilterLeaf *leaf = &rewriter->filter->leaves[node->leaf];
	List	   *arguments = list_make2(copyObject(rewriter->shape_const),
									   makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
												 Int32GetDatum(node->leaf), false, true));

	for (int i = 0; i < leaf->ncolumns; i++)
		arguments = lappend(arguments, ColumnVar(rewriter, leaf->columns[i]->attnum));
	return (Expr *) makeFuncExpr(FindFunction(rewriter, "abac_leaf", types, 3), BOOLOID, arguments,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static Expr *
BuildNode(Rewriter *rewriter, const AbacFilterNode *node)
{
	const AbacColumn *column = node->column;

	check_stack_depth();
	switch (node->kind)
	{
		case ABAC_FILTER_CONSTANT:
			return Bool(node->constant == ABAC_TRUE, node->constant == ABAC_UNKNOWN);

		case ABAC_FILTER_AND:
		case ABAC_FILTER_OR:
			{
				List	   *children = NIL;

				for (int i = 0; i < node->nchildren; i++)
					children = lappend(children, BuildNode(rewriter, node->children[i]));
				return makeBoolExpr(node->kind == ABAC_FILTER_AND ? AND_EXPR : OR_EXPR, children, -1);
			}

		case ABAC_FILTER_NOT:
			/* NOT (col IS NULL) and so on are simplified by the planner; abac_filter is read */
			if (node->children[0]->kind == ABAC_FILTER_IS_NULL)
				return BuildNullTest((Expr *) ColumnVar(rewriter, node->children[0]->column->attnum),
									 IS_NOT_NULL);
			return makeBoolExpr(NOT_EXPR, list_make1(BuildNode(rewriter, node->children[0])), -1);

		case ABAC_FILTER_TEST:
			return BuildTest(BuildNode(rewriter, node->children[0]), node->test);

		case ABAC_FILTER_COMPARE:
			return Compare(column, ColumnAs(rewriter, column, OperatorType(column)),
						   ValueOf(rewriter, &node->value), node->value.type, node->strategy,
						   node->c_collation);

		case ABAC_FILTER_ANY:
			return BuildAny(rewriter, node);

		case ABAC_FILTER_PREFIX:
			return BuildPrefix(rewriter, node);

		case ABAC_FILTER_NEVER:
			return makeBoolExpr(AND_EXPR,
								list_make2(BuildNullTest((Expr *) ColumnVar(rewriter, column->attnum), IS_NULL),
										   Bool(false, true)), -1);

		case ABAC_FILTER_IS_NULL:
			return BuildNullTest((Expr *) ColumnVar(rewriter, column->attnum), IS_NULL);

		case ABAC_FILTER_COLUMNS:
			return Compare(column, ColumnAs(rewriter, column, OperatorType(column)),
						   ColumnAs(rewriter, node->other, OperatorType(node->other)),
						   OperatorType(node->other), node->strategy, node->c_collation);

		case ABAC_FILTER_FINITE:
			return BuildFinite(rewriter, column);

		case ABAC_FILTER_STATIC:
			return ValueOf(rewriter, &node->value);

		case ABAC_FILTER_CLOCK:
			{
				OpExpr	   *result = (OpExpr *) make_opclause(FindOperator(TIMESTAMPTZOID, TIMESTAMPTZOID, node->strategy),
															  BOOLOID, false, BuildNow(),
															  ValueOf(rewriter, &node->value),
															  InvalidOid, InvalidOid);

				set_opfuncid(result);
				return (Expr *) result;
			}

		case ABAC_FILTER_LEAF:
			return BuildLeaf(rewriter, node);

		case ABAC_FILTER_ROW:
			return BuildRow(rewriter);
	}
	elog(ERROR, "unrecognized filter node: %d", (int) node->kind);
}

/* The first column that an expression reads. */
static bool
FindVar(Node *node, void *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		*(Var **) found = (Var *) node;
		return true;
	}
	return expression_tree_walker(node, FindVar, found);
}

/*
 * The guard: with "result" what it returns while the shape is right.  It
 * depends on the row, so that it is asked about every one: a cursor may be
 * open while the user is switched.
 */
static Expr *
BuildGuard(Rewriter *rewriter, Expr *result, Var *var)
{
	Oid			types[3] = {rewriter->shape_type, BOOLOID, ANYOID};

	return (Expr *) makeFuncExpr(FindFunction(rewriter, "abac_fits", types, 3), BOOLOID,
								 list_make3(copyObject(rewriter->shape_const), result,
											var ? (Node *) copyObject(var) : (Node *) NullOf(INT4OID)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* tableoid: there for every row, and NULL for one that an outer join made up. */
static Var *
TableOidVar(const Rewriter *rewriter)
{
	Var		   *var = makeVar(rewriter->row->varno, TableOidAttributeNumber, OIDOID, -1, InvalidOid,
							  rewriter->row->varlevelsup);

	AbacCopyNullingRels(var, rewriter->row);
	return var;
}

static bool
HasOuterJoin(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype != JOIN_INNER)
		return true;
	if (IsA(node, FromExpr) || IsA(node, JoinExpr))
		return expression_tree_walker(node, HasOuterJoin, context);
	return false;
}

/* The filter as an expression, with its guard. */
static Expr *
BuildFilter(Rewriter *rewriter)
{
	const AbacFilterNode *root = rewriter->filter->root;
	Expr	   *expression;
	Var		   *var = NULL;

	/* nothing to guard: the row is asked about when it is there */
	if (root->kind == ABAC_FILTER_ROW)
		return BuildRow(rewriter);
	if (root->kind == ABAC_FILTER_CONSTANT)
		return BuildGuard(rewriter, BuildNode(rewriter, root),
						  root->constant == ABAC_TRUE ? TableOidVar(rewriter) : NULL);
	expression = BuildNode(rewriter, root);
	FindVar((Node *) expression, &var);
	return makeBoolExpr(AND_EXPR,
						list_make2(BuildGuard(rewriter, Bool(true, false),
											  var ? var : TableOidVar(rewriter)),
								   expression), -1);
}

static void
BeginRewriter(Rewriter *rewriter, Var *row, TupleDesc desc)
{
	memset(rewriter, 0, sizeof(*rewriter));
	rewriter->row = row;
	rewriter->desc = desc;
	rewriter->schema = get_rel_namespace(AbacTableOid(ABAC_RELATIONS));
	rewriter->shape_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										   CStringGetDatum("abac_shape"),
										   ObjectIdGetDatum(rewriter->schema));
	if (!OidIsValid(rewriter->shape_type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"abac_shape\" of extension \"abac\" does not exist"),
				 errhint("The library and the installed version of the extension may differ: try ALTER EXTENSION abac UPDATE.")));
}

static void
SetShape(Rewriter *rewriter, AbacShape *shape)
{
	rewriter->shape = shape;
	rewriter->shape_const = makeConst(rewriter->shape_type, -1, InvalidOid, -1,
									  PointerGetDatum(shape), false, false);
}

/* Is it a call of one of the extension's functions without arguments? */
static bool
IsCallOf(const Rewriter *rewriter, Node *node, const char *name)
{
	return IsA(node, FuncExpr) && ((FuncExpr *) node)->args == NIL &&
		((FuncExpr *) node)->funcid == FindFunction(rewriter, name, NULL, 0);
}

/*
 * The filter for a request, with the cache begun and, when this returns,
 * ended; NULL when it has no filter.  *relation is registered.
 */
static const AbacFilter *
GetFilter(Oid relation, AbacString user, AbacString action, Jsonb *ctx)
{
	TimestampTz now = AbacNow();
	AbacFilter *filter = NULL;

	for (int attempt = 0; attempt < 2; attempt++)
	{
		AbacRelation *table;
		AbacRequest request;

		AbacCacheBegin();
		table = AbacGetRelation(relation, true);
		filter = NULL;
		if (table && !table->has_virtual_columns &&
			AbacRequestParseRelation(&request, user, action, table, ctx))
			filter = AbacGetFilter(&request, ctx, NULL, now);
		if (attempt > 0 || AbacCacheIsConsistent())
			break;
		AbacCacheEnd();
		AbacCacheForget();
	}
	AbacCacheEnd();
	return filter;
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
	Rewriter	rewriter;
	bool		principal;
	bool		session_context;
	AbacString	user = {NULL, 0};
	AbacString	user_copy;
	Jsonb	   *context = NULL;
	AbacString	action_text = {"", 0};
	const AbacFilter *filter = NULL;
	Expr	   *result;

	BeginRewriter(&rewriter, row, RelationGetDescr(relation));
	principal = is_can || IsCallOf(&rewriter, linitial(call->args), "abac_user");
	session_context = IsCallOf(&rewriter, ctx, "abac_context");
	rewriter.user = principal ? (Node *) NullOf(TEXTOID) : UserAsText(linitial(call->args));
	rewriter.action = action;
	rewriter.ctx = session_context ? (Node *) NullOf(JSONBOID) : ctx;

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
	SetShape(&rewriter, AbacMakeShape(call->funcid, entry->relid,
									  principal || filter == NULL ? NULL : &user_copy,
									  action_text, session_context ? NULL : filter ? context : NULL,
									  filter));
	rewriter.shape->is_principal = principal;
	rewriter.shape->is_session_context = session_context;
	result = filter ? BuildFilter(&rewriter) : BuildRow(&rewriter);

	/* a row that an outer join made up is no row, hence denied */
	if (AbacMayBeNulled(row) && HasOuterJoin((Node *) root->parse->jointree, NULL))
		result = makeBoolExpr(AND_EXPR,
							  list_make2(BuildNullTest((Expr *) TableOidVar(&rewriter), IS_NOT_NULL),
										 result), -1);
	if (filter)
		AbacReplanDepend(root, rewriter.shape);
	return (Expr *) eval_const_expressions(root, (Node *) result);
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
	if (AbacFunctionAclCheck(call->funcid, GetUserId()) != ACLCHECK_OK)
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
