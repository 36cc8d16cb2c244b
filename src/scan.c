/*
 * scan.c
 *	  Reading the extension's tables as the system catalogs are read.
 *
 * A decision must see what is committed now, whatever the transaction's
 * isolation level (DESIGN §5, last but two paragraphs).  So a reader takes a
 * snapshot of its own with AbacTakeSnapshot(), as catalog scans do, and uses
 * it for everything it reads together.
 *
 * Scans run under SnapshotAny, and visibility is tested against that snapshot
 * row by row.  This is the same rows, but predicate.c only watches MVCC
 * scans: a SERIALIZABLE transaction isn't failed because it asked a question.
 *
 * Which index serves a scan is found out from the index's definition, not its
 * name, so that REINDEX CONCURRENTLY or a rename changes nothing; where none
 * fits (somebody dropped it) the table is read from end to end.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type_d.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "scan.h"

#define MAX_INDEX_CHOICES	4

/* What is known of a table; doubted when its relcache entry is invalidated. */
typedef struct TableInfo
{
	Oid			oid;
	bool		is_sure;		/* is it still the table of that name? */
	bool		valid;			/* are the attribute numbers known? */
	bool		has_pages;		/* once it was seen to; an invalidation makes it doubtful */
	AttrNumber	attnums[ABAC_MAX_COLUMNS];
	int			nchoices;
	struct
	{
		bits32		columns;	/* set of key columns */
		Oid			index;		/* InvalidOid = none fits */
	}			choices[MAX_INDEX_CHOICES];
} TableInfo;

static TableInfo tables[ABAC_NTABLES];

/* See AbacScanTakeDistrusted(). */
static bits32 distrusted = 0;

/* Counts relcache invalidations, of whatever relation. */
static uint64 invalidations = 0;

static const char *const table_names[ABAC_NTABLES] = {
#define X(constant, name, change) #name,
	ABAC_TABLES(X)
#undef X
};

#define X(prefix, column) #column,
static const char *const column_names[ABAC_NTABLES][ABAC_MAX_COLUMNS] = {
	{ABAC_ATTRIBUTE_DEFINITIONS_COLUMNS(X)},
	{ABAC_RULES_COLUMNS(X)},
	{ABAC_RULE_GROUPS_COLUMNS(X)},
	{ABAC_RULE_GROUP_MEMBERS_COLUMNS(X)},
	{ABAC_POLICIES_COLUMNS(X)},
	{ABAC_POLICY_RULE_GROUPS_COLUMNS(X)},
	{ABAC_POLICY_ASSIGNMENTS_COLUMNS(X)},
	{ABAC_RESOURCE_TYPES_COLUMNS(X)},
	{ABAC_RELATIONS_COLUMNS(X)},
	{ABAC_BINDINGS_COLUMNS(X)},
	{ABAC_USER_ATTRIBUTES_COLUMNS(X)},
	{ABAC_SCOPES_COLUMNS(X)},
	{ABAC_MEMBERSHIPS_COLUMNS(X)},
	{ABAC_ROLES_COLUMNS(X)},
	{ABAC_PERMISSIONS_COLUMNS(X)},
	{ABAC_ROLE_PERMISSIONS_COLUMNS(X)},
	{ABAC_USER_ROLES_COLUMNS(X)},
	{ABAC_USER_PERMISSIONS_COLUMNS(X)},
	{ABAC_CONDITIONS_COLUMNS(X)},
	{ABAC_POLICY_RULES_COLUMNS(X)},
};
#undef X

/* The schema that the extension lives in; ERROR when it isn't installed. */
static Oid
ExtensionSchema(void)
{
	Oid			extension = get_extension_oid("abac", false);
	Oid			schema = InvalidOid;
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);

	return schema;
}

/* The table's name; a constant. */
const char *
AbacTableName(AbacTable table)
{
	return table_names[table];
}

/*
 * Find the OIDs of all tables, as far as they aren't sure.  The old ones stay
 * known until then, so that the relcache callback recognizes them.
 */
static void
FindTables(void)
{
	Oid			schema = InvalidOid;

	for (int i = 0; i < ABAC_NTABLES; i++)
	{
		uint64		before = invalidations;
		Oid			oid;

		if (tables[i].is_sure)
			continue;
		if (!OidIsValid(schema))
			schema = ExtensionSchema();
		oid = get_relname_relid(table_names[i], schema);
		if (!OidIsValid(oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("table \"%s\" of extension \"abac\" does not exist", table_names[i]),
					 errhint("The library and the installed version of the extension may differ: try ALTER EXTENSION abac UPDATE.")));
		tables[i].oid = oid;
		tables[i].is_sure = before == invalidations;
	}
}

/*
 * A snapshot of what is committed now and of this transaction's finished
 * commands.  Registered with the current resource owner: the caller hands it
 * to UnregisterSnapshot(), and an error does so too.
 *
 * The tables' OIDs are found first: from the moment of the snapshot on, no
 * invalidation of theirs may pass unrecognized.
 */
Snapshot
AbacTakeSnapshot(void)
{
	FindTables();
	/* For a relation that isn't a catalog, GetCatalogSnapshot takes a new one. */
	return RegisterSnapshot(GetCatalogSnapshot(tables[ABAC_POLICIES].oid));
}

/* The table's OID; ERROR when there is no such table. */
Oid
AbacTableOid(AbacTable table)
{
	if (!OidIsValid(tables[table].oid) || !tables[table].is_sure)
		FindTables();
	return tables[table].oid;
}

/* Which of the tables is this?  False when it is none of them. */
bool
AbacTableOfRelation(Relation relation, AbacTable *table)
{
	FindTables();
	for (int i = 0; i < ABAC_NTABLES; i++)
	{
		if (tables[i].oid == RelationGetRelid(relation))
		{
			*table = i;
			return true;
		}
	}
	return false;
}

/*
 * Called by the relcache callback: what was known of the table may be wrong.
 * InvalidOid = every table.  Only sets flags, since callbacks may run anywhere.
 * Returns the table, or ABAC_NTABLES when relid is none (or all) of them.
 */
AbacTable
AbacScanForget(Oid relid)
{
	AbacTable	found = ABAC_NTABLES;

	invalidations++;
	for (int i = 0; i < ABAC_NTABLES; i++)
	{
		if (relid == InvalidOid || tables[i].oid == relid)
		{
			tables[i].is_sure = false;
			tables[i].valid = false;
			if (relid != InvalidOid)
				found = i;
		}
	}
	return found;
}

static void
FindColumns(TableInfo *info, AbacTable table, TupleDesc desc)
{
	for (int column = 0; column < ABAC_MAX_COLUMNS && column_names[table][column]; column++)
	{
		info->attnums[column] = InvalidAttrNumber;
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(desc, i);

			if (!attribute->attisdropped &&
				strcmp(NameStr(attribute->attname), column_names[table][column]) == 0)
				info->attnums[column] = attribute->attnum;
		}
		if (info->attnums[column] == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of table \"%s\" does not exist",
							column_names[table][column], table_names[table]),
					 errhint("The library and the installed version of the extension may differ: try ALTER EXTENSION abac UPDATE.")));
	}
	info->nchoices = 0;
	info->has_pages = false;
	info->valid = true;
}

/*
 * Which triggers are there that tell of every change of a row, and that fire
 * whoever makes it (or, of the row trigger, in replication)?  ALTER TABLE …
 * DISABLE TRIGGER ALL stops them, and ENABLE TRIGGER ALL (as pg_restore
 * --disable-triggers has it) makes them ordinary ones, which replication
 * doesn't fire.  abac_enable_triggers() mends that.
 */
static int
CountTriggers(Relation relation, bool *rows_always)
{
	const TriggerDesc *triggers = relation->trigdesc;
	int			count = 0;

	*rows_always = false;
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		bool		truncates = TRIGGER_FOR_TRUNCATE(trigger->tgtype);
		bool		for_rows = TRIGGER_FOR_ROW(trigger->tgtype);
		bool		always = trigger->tgenabled == TRIGGER_FIRES_ALWAYS;

		if (strncmp(trigger->tgname, "abac_chang", strlen("abac_chang")) != 0 ||
			trigger->tgqual != NULL || trigger->tgnattr != 0 ||
			(!truncates && !(TRIGGER_FOR_INSERT(trigger->tgtype) && TRIGGER_FOR_UPDATE(trigger->tgtype) &&
							 TRIGGER_FOR_DELETE(trigger->tgtype))))
			continue;
		if (always || (for_rows && trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA))
			count++;
		*rows_always |= for_rows && always;
	}
	return count;
}

/* Do the triggers that send invalidations fire, whoever changes the table? */
static bool
ChangesAreSeen(Relation relation)
{
	bool		rows_always;

	/* before and after statements, rows, TRUNCATE */
	return CountTriggers(relation, &rows_always) == 4;
}

/* Does the one that tells of rows fire for each, whoever changes it? */
bool
AbacRowsAreAnnounced(Relation relation)
{
	bool		rows_always;

	(void) CountTriggers(relation, &rows_always);
	return rows_always;
}

/*
 * The tables that were read, since this was asked last, in a state in which
 * their changes may go unseen: what was read is not to be kept.  A set of
 * 1 << AbacTable.
 */
bits32
AbacScanTakeDistrusted(void)
{
	bits32		result = distrusted;

	distrusted = 0;
	return result;
}

/*
 * Begin to read a table under a snapshot of AbacTakeSnapshot().  Add keys with
 * AbacScanKey…(), then call AbacScanNext() until it says false, and in any
 * case AbacScanEnd().  Takes AccessShareLock until then.
 */
void
AbacScanBegin(AbacScan *scan, AbacTable table, Snapshot snapshot)
{
	scan->relation = table_open(AbacTableOid(table), AccessShareLock);
	scan->table = table;
	scan->snapshot = snapshot;
	scan->index = NULL;
	scan->index_scan = NULL;
	scan->table_scan = NULL;
	scan->slot = NULL;
	scan->nkeys = 0;

	if (!tables[table].valid)
		FindColumns(&tables[table], table, RelationGetDescr(scan->relation));
	if (!ChangesAreSeen(scan->relation))
		distrusted |= 1 << table;
}

static void
AddKey(AbacScan *scan, int column, Datum value, bool isnull)
{
	Assert(scan->nkeys < ABAC_MAX_KEYS && scan->slot == NULL);
	scan->keys[scan->nkeys].column = column;
	scan->keys[scan->nkeys].value = value;
	scan->keys[scan->nkeys].isnull = isnull;
	scan->nkeys++;
}

/* Only rows with this text in the column; none = only rows with NULL in it. */
void
AbacScanKeyText(AbacScan *scan, int column, AbacString value)
{
	if (value.data == NULL)
		AddKey(scan, column, (Datum) 0, true);
	else
		AddKey(scan, column,
			   PointerGetDatum(cstring_to_text_with_len(value.data, value.length)), false);
}

/* Only rows with this uuid in the column; NULL = only rows with NULL in it. */
void
AbacScanKeyUuid(AbacScan *scan, int column, const pg_uuid_t *value)
{
	AddKey(scan, column, PointerGetDatum(value), value == NULL);
}

/* The function that says whether two of the type, text or uuid, are equal. */
static Oid
EqualityOf(Oid type)
{
	return type == TEXTOID ? F_TEXTEQ : F_UUID_EQ;
}

/* Is that operator class one of btree for text or uuid, whose equality is theirs?  Says which. */
static bool
IsUsable(Oid opclass, Oid *type)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	*type = form->opcintype;
	result = form->opcmethod == BTREE_AM_OID && (*type == TEXTOID || *type == UUIDOID) &&
		get_opcode(get_opfamily_member(form->opcfamily, *type, *type, BTEqualStrategyNumber)) == EqualityOf(*type);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Can the index of that row of pg_index find rows by exactly these columns?
 * Only the first columns count, in any order.
 */
static bool
IndexFits(HeapTuple tuple, const TableInfo *info, const AbacScan *scan)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	oidvector  *collations;
	oidvector  *classes;
	bits32		used = 0;		/* keys that have their column */
	bool		isnull;			/* never */

	if (!form->indisvalid || !form->indisready || !form->indislive || form->indnkeyatts < scan->nkeys ||
		!heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(tuple, Anum_pg_index_indexprs, NULL))
		return false;

	/* As in the planner: the index may lack versions that old snapshots see. */
	if (form->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(tuple->t_data), TransactionXmin))
		return false;

	collations = (oidvector *) DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indcollation, &isnull));
	classes = (oidvector *) DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull));
	for (int i = 0; i < scan->nkeys; i++)
	{
		bool		found = false;
		Oid			type;

		for (int j = 0; j < scan->nkeys && !found; j++)
		{
			found = form->indkey.values[i] == info->attnums[scan->keys[j].column] && !(used & (1 << j));
			if (found)
				used |= 1 << j;
		}
		if (!found)
			return false;

		/* ids are compared byte by byte; another collation would miss rows */
		if (!IsUsable(classes->values[i], &type) ||
			(type == TEXTOID && collations->values[i] != C_COLLATION_OID))
			return false;
	}
	return true;
}

/*
 * The index that serves the scan's keys, or InvalidOid.  Looks at pg_index: to
 * open each to see is most of what a session's first check would take.
 */
static Oid
ChooseIndex(AbacScan *scan)
{
	TableInfo  *info = &tables[scan->table];
	bits32		columns = 0;
	Oid			chosen = InvalidOid;
	List	   *indexes;
	ListCell   *cell;

	for (int i = 0; i < scan->nkeys; i++)
		columns |= 1 << scan->keys[i].column;
	for (int i = 0; i < info->nchoices; i++)
	{
		if (info->choices[i].columns == columns)
			return info->choices[i].index;
	}

	indexes = RelationGetIndexList(scan->relation);
	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));

		if (!HeapTupleIsValid(tuple))
			continue;
		if (IndexFits(tuple, info, scan))
			chosen = lfirst_oid(cell);
		ReleaseSysCache(tuple);
		if (OidIsValid(chosen))
			break;
	}
	list_free(indexes);

	/* an invalidation may have come meanwhile: then don't remember */
	if (info->valid && info->nchoices < MAX_INDEX_CHOICES)
	{
		info->choices[info->nchoices].columns = columns;
		info->choices[info->nchoices].index = chosen;
		info->nchoices++;
	}
	return chosen;
}

static void
StartScan(AbacScan *scan)
{
	const TableInfo *info = &tables[scan->table];
	Oid			index_oid = scan->nkeys > 0 ? ChooseIndex(scan) : InvalidOid;
	ScanKeyData keys[ABAC_MAX_KEYS];

	scan->slot = table_slot_create(scan->relation, NULL);
	if (!OidIsValid(index_oid))
	{
		scan->table_scan = table_beginscan(scan->relation, SnapshotAny, 0, NULL);
		return;
	}

	scan->index = index_open(index_oid, AccessShareLock);
	for (int i = 0; i < scan->nkeys; i++)
	{
		int			place = 0;
		Oid			type;

		/* the keys in the index's order */
		while (scan->index->rd_index->indkey.values[place] != info->attnums[scan->keys[i].column])
			place++;
		type = scan->index->rd_opcintype[place];

		if (scan->keys[i].isnull)
			ScanKeyEntryInitialize(&keys[place], SK_ISNULL | SK_SEARCHNULL, place + 1,
								   InvalidStrategy, InvalidOid, InvalidOid, InvalidOid, (Datum) 0);
		else
			ScanKeyEntryInitialize(&keys[place], 0, place + 1, BTEqualStrategyNumber,
								   InvalidOid, type == TEXTOID ? C_COLLATION_OID : InvalidOid,
								   EqualityOf(type), scan->keys[i].value);
	}
	scan->index_scan = AbacIndexBeginScan(scan->relation, scan->index, SnapshotAny, scan->nkeys);
	index_rescan(scan->index_scan, keys, scan->nkeys, NULL, 0);
}

/* Needed where no index did the work. */
static bool
KeysMatch(const AbacScan *scan)
{
	for (int i = 0; i < scan->nkeys; i++)
	{
		int			column = scan->keys[i].column;
		AttrNumber	attnum = tables[scan->table].attnums[column];

		if (scan->nulls[column] != scan->keys[i].isnull)
			return false;
		if (scan->nulls[column])
			continue;
		if (TupleDescAttr(RelationGetDescr(scan->relation), attnum - 1)->atttypid == UUIDOID)
		{
			if (memcmp(AbacScanUuid(scan, column), DatumGetUUIDP(scan->keys[i].value), UUID_LEN) != 0)
				return false;
		}
		else
		{
			text	   *key = DatumGetTextPP(scan->keys[i].value);
			AbacString	wanted = {VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)};

			if (!AbacStringEqual(AbacScanText(scan, column), wanted))
				return false;
		}
	}
	return true;
}

/*
 * Has the table no pages?  Few installations use all tables, and then the index
 * needn't even be opened.  Whatever gets a page from now on isn't in the
 * snapshot (what a rewritten table gets is announced, see AbacCacheIsConsistent).
 */
static bool
IsEmpty(const AbacScan *scan)
{
	TableInfo  *info = &tables[scan->table];

	if (!info->has_pages)
		info->has_pages = RelationGetNumberOfBlocks(scan->relation) > 0;
	return !info->has_pages;
}

/* The next row, into scan->values and scan->nulls; false when there is none. */
bool
AbacScanNext(AbacScan *scan)
{
	if (scan->slot == NULL)
	{
		if (IsEmpty(scan))
			return false;
		StartScan(scan);
	}

	for (;;)
	{
		const TableInfo *info = &tables[scan->table];

		CHECK_FOR_INTERRUPTS();
		if (scan->index_scan
			? !index_getnext_slot(scan->index_scan, ForwardScanDirection, scan->slot)
			: !table_scan_getnextslot(scan->table_scan, ForwardScanDirection, scan->slot))
			return false;

		if (!table_tuple_satisfies_snapshot(scan->relation, scan->slot, scan->snapshot))
			continue;
		for (int i = 0; i < ABAC_MAX_COLUMNS && column_names[scan->table][i]; i++)
			scan->values[i] = slot_getattr(scan->slot, info->attnums[i], &scan->nulls[i]);
		if (scan->index_scan || KeysMatch(scan))
			return true;
	}
}

/*
 * Is the row that the scan found still there?  If so it stays until the end of
 * the transaction, with that id: it gets the lock that a foreign key takes, for
 * which this waits, and so does the version that an update under way is making
 * of it.  *again: what was found is out of date.
 */
bool
AbacScanLockRow(AbacScan *scan, bool *again)
{
	TupleTableSlot *slot = table_slot_create(scan->relation, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(scan->relation, &scan->slot->tts_tid, scan->snapshot, slot,
							  GetCurrentCommandId(false), LockTupleKeyShare, LockWaitBlock,
							  TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS |
							  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	*again = result == TM_Ok && failure.traversed;
	ExecDropSingleTupleTableSlot(slot);
	return result == TM_Ok;
}

/* The end of what AbacScanBegin() began: releases its locks and memory. */
void
AbacScanEnd(AbacScan *scan)
{
	if (scan->index_scan)
		index_endscan(scan->index_scan);
	if (scan->table_scan)
		table_endscan(scan->table_scan);
	if (scan->slot)
		ExecDropSingleTupleTableSlot(scan->slot);
	if (scan->index)
		index_close(scan->index, AccessShareLock);
	table_close(scan->relation, AccessShareLock);
}

/* A text column of the row at hand; none for NULL.  Good until the next row. */
AbacString
AbacScanText(const AbacScan *scan, int column)
{
	AbacString	result = {NULL, 0};

	if (!scan->nulls[column])
	{
		text	   *value = DatumGetTextPP(scan->values[column]);

		result.data = VARDATA_ANY(value);
		result.length = VARSIZE_ANY_EXHDR(value);
	}
	return result;
}

/* A column of type name of the row at hand; none for NULL.  Good until the next row. */
AbacString
AbacScanName(const AbacScan *scan, int column)
{
	return AbacStringOf(scan->nulls[column] ? NULL : NameStr(*DatumGetName(scan->values[column])));
}

/* A uuid column of the row at hand; NULL for NULL.  Good until the next row. */
const pg_uuid_t *
AbacScanUuid(const AbacScan *scan, int column)
{
	return scan->nulls[column] ? NULL : DatumGetUUIDP(scan->values[column]);
}

/* A boolean column of the row at hand; false for NULL. */
bool
AbacScanBool(const AbacScan *scan, int column)
{
	return !scan->nulls[column] && DatumGetBool(scan->values[column]);
}

/* An integer column of the row at hand; 0 for NULL. */
int
AbacScanInt(const AbacScan *scan, int column)
{
	return scan->nulls[column] ? 0 : DatumGetInt32(scan->values[column]);
}

/*
 * A column of type text or uuid of a trigger's tuple, as bytes; none for NULL.
 * Points into the tuple, as a rule.
 */
AbacString
AbacTupleName(AbacTable table, TupleDesc desc, HeapTuple tuple, int column)
{
	AbacString	result = {NULL, 0};
	bool		isnull;
	Datum		value;

	if (!tables[table].valid)
		FindColumns(&tables[table], table, desc);
	value = heap_getattr(tuple, tables[table].attnums[column], desc, &isnull);
	if (!isnull && TupleDescAttr(desc, tables[table].attnums[column] - 1)->atttypid == UUIDOID)
	{
		result.data = (const char *) DatumGetUUIDP(value);
		result.length = UUID_LEN;
	}
	else if (!isnull)
	{
		text	   *plain = DatumGetTextPP(value);

		result.data = VARDATA_ANY(plain);
		result.length = VARSIZE_ANY_EXHDR(plain);
	}
	return result;
}

/*
 * A trigger's tuple taken apart into the places that a scan uses.  The values
 * point into the tuple.
 */
void
AbacExtractColumns(AbacTable table, TupleDesc desc, HeapTuple tuple,
				   Datum *values, bool *nulls)
{
	TableInfo	info;

	FindColumns(&info, table, desc);
	for (int i = 0; i < ABAC_MAX_COLUMNS && column_names[table][i]; i++)
		values[i] = heap_getattr(tuple, info.attnums[i], desc, &nulls[i]);
}
