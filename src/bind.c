/*
 * bind.c
 *	  What a table that is bound is read by, for the extension's owner: its
 *	  columns' types, abac_binding_types(), and its rows, abac_rows().
 *
 * The owner of a bound table is not trusted, and the extension's owner is a
 * superuser.  A query on the table would run what the table's owner wrote: the
 * planner evaluates what is constant in predicates and expressions of indexes.
 * Row-level security would hide rows.  So the table is read here, as it lies.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(abac_binding_types);
PG_FUNCTION_INFO_V1(abac_rows);

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
	Relation	relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	int64		first = PG_GETARG_INT64(2);
	int64		last = Min(first + PG_GETARG_INT64(3), (int64) MaxBlockNumber);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			ncolumns;
	Datum	   *names;
	AttrNumber *attnums;
	Oid		   *outputs;		/* for an enum; else invalid */
	Datum	   *values;
	bool	   *nulls;
	TableScanDesc scan;
	TupleTableSlot *slot;
	ItemPointerData begin;
	ItemPointerData end;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &ncolumns);
	if (relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_tableam->scan_getnextslot_tidrange == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot read the rows of \"%s\" by ranges of blocks", RelationGetRelationName(relation))));
	if (ncolumns != result->setDesc->natts)
		elog(ERROR, "%d columns are asked for, and %d expected", ncolumns, result->setDesc->natts);
	attnums = palloc(sizeof(AttrNumber) * ncolumns);
	outputs = palloc0(sizeof(Oid) * ncolumns);
	values = palloc(sizeof(Datum) * ncolumns);
	nulls = palloc(sizeof(bool) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		char	   *name = TextDatumGetCString(names[i]);
		Oid			type;
		bool		is_varlena;

		attnums[i] = get_attnum(RelationGetRelid(relation), name);
		if (attnums[i] <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(relation))));
		type = getBaseType(TupleDescAttr(RelationGetDescr(relation), attnums[i] - 1)->atttypid);
		if (type_is_enum(type))
		{
			getTypeOutputInfo(type, &outputs[i], &is_varlena);
			type = TEXTOID;
		}
		if (type != TupleDescAttr(result->setDesc, i)->atttypid)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of table \"%s\" is of another type", name, RelationGetRelationName(relation))));
	}

	if (first < last)
	{
		ItemPointerSet(&begin, (BlockNumber) first, FirstOffsetNumber);
		ItemPointerSet(&end, (BlockNumber) (last - 1), MaxOffsetNumber);
		slot = table_slot_create(relation, NULL);
		scan = table_beginscan_tidrange(relation, GetActiveSnapshot(), &begin, &end);
		while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			slot_getallattrs(slot);
			for (int i = 0; i < ncolumns; i++)
			{
				values[i] = slot->tts_values[attnums[i] - 1];
				nulls[i] = slot->tts_isnull[attnums[i] - 1];
				if (OidIsValid(outputs[i]) && !nulls[i])
					values[i] = CStringGetTextDatum(OidOutputFunctionCall(outputs[i], values[i]));
			}
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
	}
	table_close(relation, NoLock);
	return (Datum) 0;
}
