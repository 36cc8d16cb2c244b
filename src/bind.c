/*
 * bind.c
 *	  What a table that is bound is read by, for the extension's owner: its
 *	  columns' types, abac_binding_types(), and its rows, all of them,
 *	  abac_rows(), or the one that has a key, abac_row_by_key(); and whether
 *	  a transaction is too old to see all bindings, abac_sees_all_rows().
 *
 * The owner of a bound table is not trusted, and the extension's owner is a
 * superuser.  A query on the table would run what the table's owner wrote: the
 * planner evaluates what is constant in predicates and expressions of indexes.
 * Row-level security would hide rows.  So the table is read here, as it lies.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(abac_binding_types);
PG_FUNCTION_INFO_V1(abac_rows);
PG_FUNCTION_INFO_V1(abac_row_by_key);
PG_FUNCTION_INFO_V1(abac_sees_all_rows);

/* Columns of a table that are read into a function's result. */
typedef struct Reading
{
	Relation	relation;
	ReturnSetInfo *result;
	int			ncolumns;
	AttrNumber *attnums;
	Oid		   *outputs;		/* for an enum; else invalid */
	Datum	   *values;
	bool	   *nulls;
	TupleTableSlot *slot;
} Reading;

/* A column of the table, with its base type. */
static AttrNumber
ColumnNamed(Relation relation, Datum name, Oid *type)
{
	char	   *string = TextDatumGetCString(name);
	AttrNumber	attnum = get_attnum(RelationGetRelid(relation), string);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", string, RelationGetRelationName(relation))));
	*type = getBaseType(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->atttypid);
	return attnum;
}

static void
CheckType(Relation relation, Datum name, Oid type, Oid wanted)
{
	if (type != wanted)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" is of another type",
						TextDatumGetCString(name), RelationGetRelationName(relation))));
}

/* Read those columns of the table, which is locked while this lasts, into fcinfo's result. */
static void
BeginReading(Reading *reading, FunctionCallInfo fcinfo, Oid relid, ArrayType *columns)
{
	Datum	   *names;

	reading->relation = table_open(relid, AccessShareLock);
	reading->result = (ReturnSetInfo *) fcinfo->resultinfo;
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &reading->ncolumns);
	if (reading->ncolumns != reading->result->setDesc->natts)
		elog(ERROR, "%d columns are asked for, and %d expected", reading->ncolumns, reading->result->setDesc->natts);
	reading->attnums = palloc(sizeof(AttrNumber) * reading->ncolumns);
	reading->outputs = palloc0(sizeof(Oid) * reading->ncolumns);
	reading->values = palloc(sizeof(Datum) * reading->ncolumns);
	reading->nulls = palloc(sizeof(bool) * reading->ncolumns);
	for (int i = 0; i < reading->ncolumns; i++)
	{
		Oid			type;
		bool		is_varlena;

		reading->attnums[i] = ColumnNamed(reading->relation, names[i], &type);
		if (type_is_enum(type))
		{
			getTypeOutputInfo(type, &reading->outputs[i], &is_varlena);
			type = TEXTOID;
		}
		CheckType(reading->relation, names[i], type, TupleDescAttr(reading->result->setDesc, i)->atttypid);
	}
	reading->slot = table_slot_create(reading->relation, NULL);
}

/* The row in the slot is one of the result. */
static void
ReadRow(Reading *reading)
{
	slot_getallattrs(reading->slot);
	for (int i = 0; i < reading->ncolumns; i++)
	{
		reading->values[i] = reading->slot->tts_values[reading->attnums[i] - 1];
		reading->nulls[i] = reading->slot->tts_isnull[reading->attnums[i] - 1];
		if (OidIsValid(reading->outputs[i]) && !reading->nulls[i])
			reading->values[i] = CStringGetTextDatum(OidOutputFunctionCall(reading->outputs[i], reading->values[i]));
	}
	tuplestore_putvalues(reading->result->setResult, reading->result->setDesc, reading->values, reading->nulls);
}

static void
EndReading(Reading *reading)
{
	ExecDropSingleTupleTableSlot(reading->slot);
	table_close(reading->relation, NoLock);
}

/* abac_binding_types(source, columns): called for each statement that changes a bound table */
Datum
abac_binding_types(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	int			ncolumns;
	Datum	   *names;
	Datum	   *types;
	bool	   *nulls;
	int			lower_bound = 1;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &ncolumns);
	if (ncolumns == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));
	types = palloc(sizeof(Datum) * ncolumns);
	nulls = palloc(sizeof(bool) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		HeapTuple	column = SearchSysCacheAttName(relid, TextDatumGetCString(names[i]));
		Form_pg_attribute attribute;
		HeapTuple	tuple;
		Form_pg_type type;

		nulls[i] = true;
		if (!HeapTupleIsValid(column))
			continue;
		attribute = (Form_pg_attribute) GETSTRUCT(column);
		if (attribute->attnum > 0 && !ABAC_IS_VIRTUAL_COLUMN(attribute))
		{
			tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(getBaseType(attribute->atttypid)));
			if (!HeapTupleIsValid(tuple))
				elog(ERROR, "cache lookup failed for type %u", attribute->atttypid);
			type = (Form_pg_type) GETSTRUCT(tuple);
			types[i] = CStringGetTextDatum(type->typtype == TYPTYPE_ENUM ? "enum" :
										   type->typnamespace == PG_CATALOG_NAMESPACE ? NameStr(type->typname) : "other");
			nulls[i] = false;
			ReleaseSysCache(tuple);
		}
		ReleaseSysCache(column);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(types, nulls, 1, &ncolumns, &lower_bound, TEXTOID, -1, false, TYPALIGN_INT));
}

/* abac_rows(source, columns, first_block, blocks): SETOF record */
Datum
abac_rows(PG_FUNCTION_ARGS)
{
	int64		first = PG_GETARG_INT64(2);
	int64		last = Min(first + PG_GETARG_INT64(3), (int64) MaxBlockNumber);
	Reading		reading;
	TableScanDesc scan;
	ItemPointerData begin;
	ItemPointerData end;

	BeginReading(&reading, fcinfo, PG_GETARG_OID(0), PG_GETARG_ARRAYTYPE_P(1));
	if (reading.relation->rd_rel->relkind != RELKIND_RELATION ||
		reading.relation->rd_tableam->scan_getnextslot_tidrange == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot read the rows of \"%s\" by ranges of blocks", RelationGetRelationName(reading.relation))));

	if (first < last)
	{
		ItemPointerSet(&begin, (BlockNumber) first, FirstOffsetNumber);
		ItemPointerSet(&end, (BlockNumber) (last - 1), MaxOffsetNumber);
		scan = table_beginscan_tidrange(reading.relation, GetActiveSnapshot(), &begin, &end);
		while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, reading.slot))
		{
			CHECK_FOR_INTERRUPTS();
			ReadRow(&reading);
		}
		table_endscan(scan);
	}
	EndReading(&reading);
	return (Datum) 0;
}

/*
 * Is this an index that tells rows apart by exactly these columns, at any time?
 * Only the catalog's row is looked at: to ask the relcache for an expression or
 * a predicate would evaluate what is constant in it.
 */
static bool
IsKey(Relation index, const AttrNumber *attnums, int nattnums)
{
	Form_pg_index form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisunique || !form->indimmediate || !form->indisvalid ||
		form->indnkeyatts != nattnums ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL))
		return false;
	for (int i = 0; i < nattnums; i++)
	{
		bool		found = false;

		for (int j = 0; j < nattnums; j++)
			found |= form->indkey.values[j] == attnums[i];
		/* an operator that somebody made could be anything */
		if (!found || index->rd_opfamily[i] >= FirstNormalObjectId)
			return false;
	}
	return true;
}

static Relation
OpenKey(Relation relation, const AttrNumber *attnums, int nattnums)
{
	List	   *indexes = RelationGetIndexList(relation);
	bool		not_null = true;
	ListCell   *cell;

	for (int i = 0; i < nattnums; i++)
		not_null &= AbacColumnIsNotNull(RelationGetDescr(relation), attnums[i] - 1);
	if (not_null)
		foreach(cell, indexes)
		{
			Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

			if (IsKey(index, attnums, nattnums))
			{
				list_free(indexes);
				return index;
			}
			index_close(index, AccessShareLock);
		}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" is bound by abac_bind and has lost its key", RelationGetRelationName(relation)),
			 errdetail("A row is known again by a unique index that is neither partial, deferrable nor on an expression, on columns that are NOT NULL."),
			 errhint("Put it back, or use abac_unbind, and abac_bind again.")));
}

/*
 * abac_row_by_key(source, columns, key_columns, VARIADIC "any" of their base types): SETOF record
 *
 * The row that has the key now.  A snapshot would be wrong: one that is older than
 * the transaction that gave up the key still shows what had it, beside this
 * transaction's row or instead of one that is gone again.  Who calls this has
 * changed the row, or one that had the key: nobody else can before the
 * transaction ends, so there is at most one, and it stays.
 */
Datum
abac_row_by_key(PG_FUNCTION_ARGS)
{
	Reading		reading;
	int			nkeys;
	Datum	   *names;
	AttrNumber	attnums[INDEX_MAX_KEYS];
	ScanKeyData keys[INDEX_MAX_KEYS];
	Relation	index;
	IndexScanDesc scan;

	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			elog(ERROR, "a key is not NULL");
	BeginReading(&reading, fcinfo, PG_GETARG_OID(0), PG_GETARG_ARRAYTYPE_P(1));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &nkeys);
	if (nkeys != PG_NARGS() - 3 || nkeys < 1 || nkeys > INDEX_MAX_KEYS)
		elog(ERROR, "%d columns of the key, and %d values", nkeys, PG_NARGS() - 3);
	for (int i = 0; i < nkeys; i++)
	{
		Oid			type;

		attnums[i] = ColumnNamed(reading.relation, names[i], &type);
		CheckType(reading.relation, names[i], type, get_fn_expr_argtype(fcinfo->flinfo, 3 + i));
	}
	index = OpenKey(reading.relation, attnums, nkeys);
	for (int place = 0; place < nkeys; place++)
	{
		Oid			type = index->rd_opcintype[place];
		Oid			operator = get_opfamily_member(index->rd_opfamily[place], type, type, BTEqualStrategyNumber);
		int			i = 0;

		while (attnums[i] != index->rd_index->indkey.values[place])
			i++;
		if (!OidIsValid(operator) || !IsBinaryCoercible(get_fn_expr_argtype(fcinfo->flinfo, 3 + i), type))
			elog(ERROR, "index \"%s\" has no operator for its column %d", RelationGetRelationName(index), place + 1);
		ScanKeyEntryInitialize(&keys[place], 0, place + 1, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[place], get_opcode(operator), PG_GETARG_DATUM(3 + i));
	}

	scan = AbacIndexBeginScan(reading.relation, index, SnapshotSelf, nkeys);
	index_rescan(scan, keys, nkeys, NULL, 0);
	if (index_getnext_slot(scan, ForwardScanDirection, reading.slot))
		ReadRow(&reading);
	index_endscan(scan);
	index_close(index, NoLock);
	EndReading(&reading);
	return (Datum) 0;
}

/* abac_sees_all_rows(table): does the active snapshot show every row that is there? */
Datum
abac_sees_all_rows(PG_FUNCTION_ARGS)
{
	Relation	relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, latest, 0, NULL);
	bool		seen = true;

	while (seen && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		seen = table_tuple_satisfies_snapshot(relation, slot, GetActiveSnapshot());
	table_endscan(scan);
	UnregisterSnapshot(latest);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	PG_RETURN_BOOL(seen);
}
