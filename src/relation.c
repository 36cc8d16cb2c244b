/*
 * relation.c
 *	  Registered tables, whose rows are resources (DESIGN §7).
 *
 * What is known of a table comes from abac_relations and from its descriptor,
 * and is dropped with the policy layer when either changes: the relcache
 * callback asks AbacRelationIsWatched().
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type_d.h"
#include "nodes/pg_list.h"
#include "partitioning/partdesc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "cache.h"
#include "relation.h"
#include "scan.h"

/*
 * OIDs of all tables that something was ever learnt of, ancestors included:
 * they are few, and the set outlives the layers, so that a change that comes
 * between two of them is seen.
 */
static HTAB *watched = NULL;

/* Type by type, what it is to us.  To support another type, add it here. */
static AbacColumnKind
KindOfType(Oid base)
{
	switch (base)
	{
		case TEXTOID:
		case VARCHAROID:
			return ABAC_COLUMN_TEXT;
		case BPCHAROID:
			return ABAC_COLUMN_BPCHAR;
		case UUIDOID:
			return ABAC_COLUMN_UUID;
		case INT2OID:
			return ABAC_COLUMN_INT2;
		case INT4OID:
			return ABAC_COLUMN_INT4;
		case INT8OID:
			return ABAC_COLUMN_INT8;
		case FLOAT4OID:
			return ABAC_COLUMN_FLOAT4;
		case FLOAT8OID:
			return ABAC_COLUMN_FLOAT8;
		case NUMERICOID:
			return ABAC_COLUMN_NUMERIC;
		case BOOLOID:
			return ABAC_COLUMN_BOOLEAN;
		case DATEOID:
			return ABAC_COLUMN_DATE;
		case TIMESTAMPOID:
			return ABAC_COLUMN_TIMESTAMP;
		case TIMESTAMPTZOID:
			return ABAC_COLUMN_TIMESTAMPTZ;
		case INETOID:
		case CIDROID:
			return ABAC_COLUMN_INET;
		case JSONBOID:
			return ABAC_COLUMN_JSONB;
		default:
			return type_is_enum(base) ? ABAC_COLUMN_ENUM : ABAC_COLUMN_OTHER;
	}
}

/* The type of an attribute that is such a column and that nobody defined. */
AbacType
AbacColumnType(AbacColumnKind kind)
{
	switch (kind)
	{
		case ABAC_COLUMN_TEXT:
		case ABAC_COLUMN_BPCHAR:
		case ABAC_COLUMN_UUID:
		case ABAC_COLUMN_ENUM:
			return ABAC_TYPE_STRING;
		case ABAC_COLUMN_INT2:
		case ABAC_COLUMN_INT4:
		case ABAC_COLUMN_INT8:
		case ABAC_COLUMN_FLOAT4:
		case ABAC_COLUMN_FLOAT8:
		case ABAC_COLUMN_NUMERIC:
			return ABAC_TYPE_NUMBER;
		case ABAC_COLUMN_BOOLEAN:
			return ABAC_TYPE_BOOLEAN;
		case ABAC_COLUMN_DATE:
		case ABAC_COLUMN_TIMESTAMP:
		case ABAC_COLUMN_TIMESTAMPTZ:
			return ABAC_TYPE_DATE;
		case ABAC_COLUMN_INET:
			return ABAC_TYPE_INET;
		case ABAC_COLUMN_JSONB:
		case ABAC_COLUMN_ARRAY:
		case ABAC_COLUMN_OTHER:
			return ABAC_TYPE_NONE;
	}
	elog(ERROR, "unrecognized column kind: %d", (int) kind);
}

/* Are the column's values texts or numbers, as ids are? */
bool
AbacColumnHoldsIds(const AbacColumn *column)
{
	AbacType	type = AbacColumnType(column->kind);

	return type == ABAC_TYPE_STRING || type == ABAC_TYPE_NUMBER;
}

/* Remember to drop what is known when the table changes. */
static void
Watch(Oid oid)
{
	if (watched == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(Oid)};

		watched = hash_create("abac relations", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	(void) hash_search(watched, &oid, HASH_ENTER, NULL);
}

/* For the relcache callback: is something known of this table? */
bool
AbacRelationIsWatched(Oid oid)
{
	return watched && hash_search(watched, &oid, HASH_FIND, NULL) != NULL;
}

/* The tables that one directly inherits from or is a partition of. */
static List *
ParentsOf(Oid oid)
{
	Relation	relation = table_open(InheritsRelationId, AccessShareLock);
	List	   *parents = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(oid));
	scan = systable_beginscan(relation, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parents = lappend_oid(parents, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return parents;
}

static void
LoadAncestors(AbacRelation *result)
{
	List	   *ancestors = ParentsOf(result->oid);

	for (int i = 0; i < list_length(ancestors); i++)
		ancestors = list_concat_unique_oid(ancestors, ParentsOf(list_nth_oid(ancestors, i)));
	result->nancestors = list_length(ancestors);
	result->ancestors = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(Oid) * Max(result->nancestors, 1));
	for (int i = 0; i < result->nancestors; i++)
		result->ancestors[i] = list_nth_oid(ancestors, i);
}

/* What abac_relations says of one table. */
typedef struct Registration
{
	AbacString	resource_type;
	AbacString	id;
	AbacString	scope[ABAC_NSCOPE_COLUMNS];
	bool		null_is_platform;
} Registration;

static AbacString
CopyName(const AbacScan *scan, int column)
{
	return AbacCopyString(AbacPolicyMemory, AbacScanName(scan, column));
}

/* False when the table itself isn't registered. */
static bool
LoadRegistration(Oid oid, Registration *registration)
{
	bool		found = false;
	AbacScan	scan;

	AbacScanBegin(&scan, ABAC_RELATIONS, AbacCacheSnapshot());
	while (!found && AbacScanNext(&scan))
	{
		if (DatumGetObjectId(scan.values[RELATION_relation]) != oid)
			continue;
		found = true;
		registration->resource_type = AbacCopyString(AbacPolicyMemory,
													 AbacScanText(&scan, RELATION_resource_type));
		registration->id = CopyName(&scan, RELATION_id_column);
		registration->scope[0] = CopyName(&scan, RELATION_organization_column);
		registration->scope[1] = CopyName(&scan, RELATION_project_column);
		registration->scope[2] = CopyName(&scan, RELATION_workspace_column);
		registration->null_is_platform = AbacStringEqual(AbacScanText(&scan, RELATION_null_scope),
														 AbacStringOf("platform"));
	}
	AbacScanEnd(&scan);
	return found;
}

/* The registration of the table, or of its nearest registered ancestor. */
static bool
FindRegistration(Oid oid, Registration *registration)
{
	List	   *level = list_make1_oid(oid);
	List	   *seen = NIL;

	while (level != NIL)
	{
		List	   *parents = NIL;
		ListCell   *cell;

		foreach(cell, level)
		{
			if (list_member_oid(seen, lfirst_oid(cell)))
				continue;
			seen = lappend_oid(seen, lfirst_oid(cell));
			Watch(lfirst_oid(cell));
			if (LoadRegistration(lfirst_oid(cell), registration))
				return true;
			parents = list_concat(parents, ParentsOf(lfirst_oid(cell)));
		}
		level = parents;
	}
	return false;
}

/*
 * Can NOT NULL be relied on, in all that the rows come from?  What inherits may
 * lack it before 18, and of foreign tables it is only a promise.
 */
static bool
NotNullIsSure(Relation relation)
{
	PartitionDesc partitions;

	if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhassubclass;
	partitions = RelationGetPartitionDesc(relation, true);
	for (int i = 0; i < partitions->nparts; i++)
	{
		if (get_rel_relkind(partitions->oids[i]) != RELKIND_RELATION)
			return false;
	}
	return true;
}

static void
LoadColumns(AbacRelation *result, Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		sure = NotNullIsSure(relation);

	result->columns = AbacAllocate(ABAC_LAYER_POLICIES,
											 sizeof(AbacColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		AbacColumn *column = &result->columns[result->ncolumns];

		if (attribute->attisdropped)
			continue;
		result->ncolumns++;
		column->name = AbacCopyString(AbacPolicyMemory, AbacStringOf(NameStr(attribute->attname)));
		column->attnum = attribute->attnum;
		column->collation = attribute->attcollation;
		column->base = getBaseType(attribute->atttypid);
		column->kind = KindOfType(column->base);
		column->is_not_null = sure && AbacColumnIsNotNull(desc, i);
		column->element_type = get_element_type(column->base);
		if (OidIsValid(column->element_type))
		{
			column->element = KindOfType(getBaseType(column->element_type));
			if (column->element != ABAC_COLUMN_OTHER && column->element != ABAC_COLUMN_JSONB)
				column->kind = ABAC_COLUMN_ARRAY;
		}
		if (ABAC_IS_VIRTUAL_COLUMN(attribute))
			result->has_virtual_columns = true;
	}
}

/* A column that the registration names; ERROR when the table has none of that name. */
static const AbacColumn *
NamedColumn(const AbacRelation *relation, AbacString name)
{
	const AbacColumn *column;

	if (name.data == NULL)
		return NULL;
	column = AbacFindColumn(relation, name);
	if (column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" that table \"%s\" is registered with does not exist",
						name.data, get_rel_name(relation->oid)),
				 errhint("Register the table again with abac_register().")));
	return column;
}

/* The column of that name, or NULL. */
const AbacColumn *
AbacFindColumn(const AbacRelation *relation, AbacString name)
{
	for (int i = 0; i < relation->ncolumns; i++)
	{
		if (AbacStringEqual(relation->columns[i].name, name))
			return &relation->columns[i];
	}
	return NULL;
}

pg_noreturn static void
NotRegistered(Oid oid)
{
	char		kind = get_rel_relkind(oid);

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE &&
		kind != RELKIND_FOREIGN_TABLE && kind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the row is not one of a table"),
				 OidIsValid(oid) ? errdetail("It is one of \"%s\".", get_rel_name(oid)) : 0,
				 errhint("Pass the row of the registered table itself, as in docs.*.")));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("table \"%s\" is not registered", get_rel_name(oid)),
			 errhint("Register it with abac_register() or abac_protect().")));
}

/*
 * The table, which is registered or has an ancestor that is; otherwise ERROR
 * 42809, or with missing_ok NULL.  In the policy layer; call between
 * AbacCacheBegin() and AbacCacheEnd().
 */
AbacRelation *
AbacGetRelation(Oid oid, bool missing_ok)
{
	AbacKey		key;
	AbacRelation *result;
	Registration registration;
	Relation	relation;

	AbacKeyBegin(&key, ABAC_TAG_RELATION);
	AbacKeyAddOid(&key, oid);
	result = AbacCacheFind(ABAC_LAYER_POLICIES, &key);
	if (result)
		return result;

	if (!OidIsValid(oid) || get_rel_relkind(oid) == RELKIND_VIEW ||
		get_rel_relkind(oid) == RELKIND_COMPOSITE_TYPE || !FindRegistration(oid, &registration))
	{
		if (missing_ok)
			return NULL;
		NotRegistered(oid);
	}

	result = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacRelation));
	result->oid = oid;
	result->resource_type = registration.resource_type;
	result->null_is_platform = registration.null_is_platform;
	LoadAncestors(result);
	relation = relation_open(oid, AccessShareLock);
	LoadColumns(result, relation);
	relation_close(relation, AccessShareLock);
	result->id = NamedColumn(result, registration.id);
	for (int i = 0; i < ABAC_NSCOPE_COLUMNS; i++)
		result->scope[i] = NamedColumn(result, registration.scope[i]);

	AbacCacheAdd(ABAC_LAYER_POLICIES, &key, result);
	return result;
}
