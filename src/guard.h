/*
 * guard.h
 *	  What the guards share (guard.c), and the guards themselves (guard_*.c).
 */
#ifndef ABAC_GUARD_H
#define ABAC_GUARD_H

#include "abac.h"
#include "scan.h"

#include "access/htup.h"
#include "commands/trigger.h"
#include "storage/lockdefs.h"
#include "utils/snapshot.h"

/* abac.attribute_validation */
typedef enum AbacValidation
{
	ABAC_VALIDATION_OFF,
	ABAC_VALIDATION_WARN,
	ABAC_VALIDATION_STRICT
} AbacValidation;

extern bool abac_allow_system_changes;
extern int	abac_attribute_validation;	/* an AbacValidation */

extern void AbacGuardInit(void);

/* A row: one that a scan found, or a trigger's taken apart into the same places. */
typedef AbacScan AbacRow;

/* What a trigger is called for. */
typedef struct AbacRowChange
{
	const TriggerData *trigger;
	AbacTable	table;
	HeapTuple	old_tuple;
	HeapTuple	new_tuple;
	const AbacRow *old;			/* NULL for INSERT */
	const AbacRow *new;			/* NULL for DELETE */
} AbacRowChange;

/* One of the two looks that a guard takes. */
typedef struct AbacView
{
	const AbacRowChange *change;
	Snapshot	snapshot;
	TransactionId wait_for;		/* wrote a row that contradicts; stop looking */
	MemoryContext memory;		/* emptied after each of many rows */
} AbacView;

/*
 * Judges a row that was found.  Whether it is there is decided when "pending"
 * ends; invalid = it is there.
 */
typedef void (*AbacRowCheck) (AbacView *view, const AbacRow *row, TransactionId pending);

/*
 * What there is to know of each table.  Columns are places of scan.h; 0, which
 * is the id's, stands for "none".
 */
typedef struct AbacGuardedTable
{
	const char *noun;			/* what to call a row in a message */
	int			organization;
	int			name;
	int			system;			/* the flag is_system */
	AbacTable	parent;			/* rows of it that are is_system keep their parts */
	int			parent_id;
	void		(*guards[2]) (const AbacRowChange *change);	/* in this order; NULL = none */
} AbacGuardedTable;

extern const AbacGuardedTable abac_guarded_tables[ABAC_NTABLES];

/* guard.c: rows and their names */
extern char *AbacRowText(const AbacRow *row, int column);
extern char *AbacDescribe(AbacTable table, const AbacRow *row);
extern char *AbacDescribeById(Snapshot snapshot, AbacTable table, const pg_uuid_t *id);
extern bool AbacSameImage(TupleDesc desc, int i, HeapTuple a, HeapTuple b);
extern bool AbacColumnChanged(const AbacRowChange *change, const char *column);
extern bool AbacRowMoved(const AbacRowChange *change);
extern bool AbacIsRestoring(void);

/* guard.c: the two looks */
extern void AbacJudge(const AbacRowChange *change, void (*look) (AbacView *view));
extern bool AbacViewNext(AbacView *view, AbacScan *scan);
extern TransactionId AbacViewPending(const AbacView *view, TransactionId pending);
extern bool AbacViewMustWait(AbacView *view, TransactionId pending);
extern void AbacViewEach(AbacView *view, AbacScan *scan, AbacRowCheck check);
extern void AbacViewRows(AbacView *view, AbacTable table, int column, const pg_uuid_t *id,
						 AbacRowCheck check);

/*
 * The guards.  Each raises an error when the change must not stand, and does
 * nothing when the change is none of its business.  First those for any table,
 * where change->old is there (for references, change->new)...
 */
extern void AbacGuardSystemRow(const AbacRowChange *change);
extern void AbacGuardSystemPart(const AbacRowChange *change);
extern void AbacGuardUses(const AbacRowChange *change);
extern void AbacGuardReferences(const AbacRowChange *change);
extern void AbacGuardTruncate(AbacTable table);

/* ... and those that abac_guarded_tables names, for INSERT, UPDATE and DELETE. */
extern void AbacGuardContent(const AbacRowChange *change);
extern void AbacGuardContext(const AbacRowChange *change);
extern void AbacGuardGraph(const AbacRowChange *change);
extern void AbacGuardDefinition(const AbacRowChange *change);
extern void AbacGuardUserAttributes(const AbacRowChange *change);
extern void AbacGuardConditions(const AbacRowChange *change);
extern void AbacGuardRoleConditions(const AbacRowChange *change);

/* guard_condition.c: for those who change what attributes are defined as */
extern void AbacBeginCompiling(LOCKMODE mode);
extern void AbacRecheckDefined(AbacString organization, AbacString attribute);

#endif							/* ABAC_GUARD_H */
