/*
 * relation.h
 *	  Registered tables, whose rows are resources (DESIGN §7).
 */
#ifndef ABAC_RELATION_H
#define ABAC_RELATION_H

#include "abac.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "value.h"

/* What a column's type makes of its values; OTHER = they compare with nothing. */
typedef enum AbacColumnKind
{
	ABAC_COLUMN_OTHER,
	ABAC_COLUMN_TEXT,			/* text, varchar */
	ABAC_COLUMN_BPCHAR,
	ABAC_COLUMN_UUID,
	ABAC_COLUMN_ENUM,
	ABAC_COLUMN_INT2,
	ABAC_COLUMN_INT4,
	ABAC_COLUMN_INT8,
	ABAC_COLUMN_FLOAT4,
	ABAC_COLUMN_FLOAT8,
	ABAC_COLUMN_NUMERIC,
	ABAC_COLUMN_BOOLEAN,
	ABAC_COLUMN_DATE,
	ABAC_COLUMN_TIMESTAMP,
	ABAC_COLUMN_TIMESTAMPTZ,
	ABAC_COLUMN_INET,			/* inet, cidr */
	ABAC_COLUMN_JSONB,
	ABAC_COLUMN_ARRAY			/* of a kind from TEXT to INET */
} AbacColumnKind;

typedef struct AbacColumn
{
	AbacString	name;
	AttrNumber	attnum;
	Oid			collation;
	Oid			base;			/* the same, or what a domain is of */
	AbacColumnKind kind;
	Oid			element_type;	/* of an array */
	AbacColumnKind element;
	bool		is_not_null;	/* in this table and in all that inherit from it */
} AbacColumn;

#define ABAC_NSCOPE_COLUMNS	3	/* in the order of AbacScopeType */

/*
 * A table as it is registered, or as its nearest registered ancestor is.  In
 * the policy layer of the cache.
 */
typedef struct AbacRelation
{
	Oid			oid;
	AbacString	resource_type;
	const AbacColumn *id;		/* NULL = none */
	const AbacColumn *scope[ABAC_NSCOPE_COLUMNS];	/* NULL = none */
	bool		null_is_platform;	/* a NULL in a scope column isn't a denial */
	bool		has_virtual_columns;	/* generated when they are read */
	int			nancestors;		/* that it inherits from or is a partition of, on any level */
	Oid		   *ancestors;
	int			ncolumns;		/* that aren't dropped */
	AbacColumn *columns;
} AbacRelation;

/* A row of it, as values by attribute number - 1.  The caller's. */
typedef struct AbacResourceRow
{
	const AbacRelation *relation;
	const Datum *values;
	const bool *nulls;
} AbacResourceRow;

extern AbacRelation *AbacGetRelation(Oid oid, bool missing_ok);
extern bool AbacRelationIsWatched(Oid oid);
extern const AbacColumn *AbacFindColumn(const AbacRelation *relation, AbacString name);
extern AbacType AbacColumnType(AbacColumnKind kind);
extern bool AbacColumnHoldsIds(const AbacColumn *column);

extern bool AbacRowValue(const AbacResourceRow *row, const AbacColumn *column, AbacValue *value);
extern AbacString AbacRowId(const AbacResourceRow *row, const AbacColumn *column);

#endif							/* ABAC_RELATION_H */
