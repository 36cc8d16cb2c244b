/*
 * expression.c
 *	  Filters as expressions of PostgreSQL.
 *
 * Operators are found through the type's btree family, functions by their
 * signature in the extension's schema: no search_path plays a part.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "expression.h"
#include "scan.h"

/* One of the extension's functions by name; ERROR when it isn't there. */
Oid
AbacFindFunction(const AbacRewriter *rewriter, const char *name, const Oid *types, int ntypes)
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
ColumnVar(const AbacRewriter *rewriter, AttrNumber attnum)
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
ColumnAs(const AbacRewriter *rewriter, const AbacColumn *column, Oid type)
{
	Var		   *var = ColumnVar(rewriter, column->attnum);

	if (var->vartype == type)
		return (Expr *) var;
	return (Expr *) makeRelabelType((Expr *) var, type, -1, column->collation, COERCE_IMPLICIT_CAST);
}

/* The value as an expression: a constant, or read when the plan runs. */
static Expr *
ValueOf(AbacRewriter *rewriter, const AbacFilterValue *value)
{
	Oid			types[3] = {rewriter->shape_type, INT4OID, ANYELEMENTOID};
	const AbacFilterSlot *slot;

	if (value->slot < 0)
		return ConstOf(value->type, value->datum);
	slot = &rewriter->filter->slots[value->slot];
	if (rewriter->shape == NULL)
		return slot->isnull ? NullOf(slot->type) : ConstOf(slot->type, slot->value);
	return (Expr *) makeFuncExpr(AbacFindFunction(rewriter, "abac_value", types, 3), value->type,
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
BuildAny(AbacRewriter *rewriter, const AbacFilterNode *node)
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
BuildPrefix(AbacRewriter *rewriter, const AbacFilterNode *node)
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
BuildFinite(AbacRewriter *rewriter, const AbacColumn *column)
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
Expr *
AbacBuildRow(AbacRewriter *rewriter)
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
	return (Expr *) makeFuncExpr(AbacFindFunction(rewriter, "abac_row", types, 5), BOOLOID, arguments,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* A call of one condition with the columns that it reads. */
static Expr *
BuildLeaf(AbacRewriter *rewriter, const AbacFilterNode *node)
{
	Oid			types[3] = {rewriter->shape_type, INT4OID, ANYOID};
	const AbacFilterLeaf *leaf = &rewriter->filter->leaves[node->leaf];
	List	   *arguments = list_make2(copyObject(rewriter->shape_const),
									   makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
												 Int32GetDatum(node->leaf), false, true));

	for (int i = 0; i < leaf->ncolumns; i++)
		arguments = lappend(arguments, ColumnVar(rewriter, leaf->columns[i]->attnum));
	return (Expr *) makeFuncExpr(AbacFindFunction(rewriter, "abac_leaf", types, 3), BOOLOID, arguments,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * A filter's node: with a shape, values are read when the plan runs; without,
 * they are constants.
 */
Expr *
AbacBuildNode(AbacRewriter *rewriter, const AbacFilterNode *node)
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
					children = lappend(children, AbacBuildNode(rewriter, node->children[i]));
				return makeBoolExpr(node->kind == ABAC_FILTER_AND ? AND_EXPR : OR_EXPR, children, -1);
			}

		case ABAC_FILTER_NOT:
			/* NOT (col IS NULL) and so on are simplified by the planner; abac_filter is read */
			if (node->children[0]->kind == ABAC_FILTER_IS_NULL)
				return BuildNullTest((Expr *) ColumnVar(rewriter, node->children[0]->column->attnum),
									 IS_NOT_NULL);
			return makeBoolExpr(NOT_EXPR, list_make1(AbacBuildNode(rewriter, node->children[0])), -1);

		case ABAC_FILTER_TEST:
			return BuildTest(AbacBuildNode(rewriter, node->children[0]), node->test);

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
			return AbacBuildRow(rewriter);
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
BuildGuard(AbacRewriter *rewriter, Expr *result, Var *var)
{
	Oid			types[3] = {rewriter->shape_type, BOOLOID, ANYOID};

	return (Expr *) makeFuncExpr(AbacFindFunction(rewriter, "abac_fits", types, 3), BOOLOID,
								 list_make3(copyObject(rewriter->shape_const), result, copyObject(var)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* tableoid: there for every row, and NULL for one that an outer join made up. */
static Var *
TableOidVar(const AbacRewriter *rewriter)
{
	Var		   *var = makeVar(rewriter->row->varno, TableOidAttributeNumber, OIDOID, -1, InvalidOid,
							  rewriter->row->varlevelsup);

	AbacCopyNullingRels(var, rewriter->row);
	return var;
}

/* The whole filter, with its guard. */
Expr *
AbacBuildFilter(AbacRewriter *rewriter)
{
	const AbacFilterNode *root = rewriter->filter->root;
	Expr	   *expression;
	Var		   *var = NULL;

	/* nothing to guard: the row is asked about when it is there */
	if (root->kind == ABAC_FILTER_ROW)
		return AbacBuildRow(rewriter);
	if (root->kind == ABAC_FILTER_CONSTANT && root->constant == ABAC_TRUE)
		return BuildGuard(rewriter, Bool(true, false), TableOidVar(rewriter));
	if (root->kind == ABAC_FILTER_CONSTANT)
	{
		if (!rewriter->fold)
			return BuildGuard(rewriter, Bool(false, root->constant == ABAC_UNKNOWN),
							  TableOidVar(rewriter));

		/*
		 * "false AND NULL" is false, and the planner makes a constant false of
		 * it where it stands as a condition: the table isn't even scanned, and
		 * run.c sees to it that the plan serves nobody else.  Elsewhere, as
		 * under NOT, it leaves the guard where it is.
		 */
		return makeBoolExpr(AND_EXPR,
							list_make2(BuildGuard(rewriter, Bool(root->constant == ABAC_UNKNOWN, false),
													 TableOidVar(rewriter)),
									   Bool(false, true)), -1);
	}
	expression = AbacBuildNode(rewriter, root);
	FindVar((Node *) expression, &var);
	return makeBoolExpr(AND_EXPR,
						list_make2(BuildGuard(rewriter, Bool(true, false),
											  var ? var : TableOidVar(rewriter)),
								   expression), -1);
}

/*
 * Begin to build expressions about "row", a whole-row Var of the table whose
 * descriptor that is.
 */
void
AbacRewriterBegin(AbacRewriter *rewriter, Var *row, TupleDesc desc)
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

/* What the expressions' calls get as their shape; kept as it is. */
void
AbacRewriterSetShape(AbacRewriter *rewriter, AbacShape *shape)
{
	rewriter->shape = shape;
	rewriter->shape_const = makeConst(rewriter->shape_type, -1, InvalidOid, -1,
									  PointerGetDatum(shape), false, false);
}

/* Is the row there, and not made up by an outer join? */
Expr *
AbacBuildRowIsThere(const AbacRewriter *rewriter)
{
	return BuildNullTest((Expr *) TableOidVar(rewriter), IS_NOT_NULL);
}
