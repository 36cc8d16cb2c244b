/*
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, in one place.
 *
 * Delete a block when its major version is no longer supported.
 */
#ifndef ABAC_COMPAT_H
#define ABAC_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "abac needs PostgreSQL 15 or later"
#endif

#include "access/genam.h"
#include "access/tupdesc.h"
#include "catalog/pg_attribute.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM >= 180000
#define AbacIndexBeginScan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define AbacIndexBeginScan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

#if PG_VERSION_NUM >= 180000
/* a constraint that is NOT VALID doesn't count */
#define AbacColumnIsNotNull(desc, i) \
	(TupleDescCompactAttr(desc, i)->attnullability == ATTNULLABLE_VALID)
#define ABAC_IS_VIRTUAL_COLUMN(attribute) \
	((attribute)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define AbacColumnIsNotNull(desc, i)	(TupleDescAttr(desc, i)->attnotnull)
#define ABAC_IS_VIRTUAL_COLUMN(attribute)	false
#endif

#if PG_VERSION_NUM >= 180000
#define ABAC_MODULE_MAGIC	PG_MODULE_MAGIC_EXT(.name = "abac", .version = ABAC_VERSION)
#else
#define ABAC_MODULE_MAGIC	PG_MODULE_MAGIC
#endif

#if PG_VERSION_NUM < 180000
#define pg_noreturn		pg_attribute_noreturn()
#endif

/* The memory of a setting's "extra". */
#if PG_VERSION_NUM >= 160000
#define AbacGucMalloc(size)	guc_malloc(LOG, size)
#else
#define AbacGucMalloc(size)	malloc(size)
#endif

/* What the actions of the JSON parser return, and how it is begun (text in the server encoding). */
#if PG_VERSION_NUM >= 160000
#define AbacJsonAction			JsonParseErrorType
#define ABAC_JSON_ACTION_DONE	return JSON_SUCCESS
#else
#define AbacJsonAction			void
#define ABAC_JSON_ACTION_DONE	return
#endif
#if PG_VERSION_NUM >= 170000
#define AbacMakeJsonLexer(text, len) \
	makeJsonLexContextCstringLen(NULL, text, len, GetDatabaseEncoding(), true)
#else
#define AbacMakeJsonLexer(text, len) \
	makeJsonLexContextCstringLen((char *) (text), len, GetDatabaseEncoding(), true)
#endif

/* May the role execute the function? */
#if PG_VERSION_NUM >= 160000
#define AbacFunctionAclCheck(function, role) \
	object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE)
#define AbacOwnsRelation(relation, role) \
	object_ownercheck(RelationRelationId, relation, role)
#else
#define AbacOwnsRelation(relation, role) \
	pg_class_ownercheck(relation, role)
#define AbacFunctionAclCheck(function, role) \
	pg_proc_aclcheck(function, role, ACL_EXECUTE)
#endif

/* What outer joins make NULL of a Var; before 16 only the query's joins tell. */
#if PG_VERSION_NUM >= 160000
#define AbacCopyNullingRels(var, like) \
	((var)->varnullingrels = bms_copy((like)->varnullingrels))
#define AbacMayBeNulled(var)	(!bms_is_empty((var)->varnullingrels))
#else
#define AbacCopyNullingRels(var, like) ((void) 0)
#define AbacMayBeNulled(var)	true
#endif

/* Before 18 an executor is told whether it runs once only. */
#if PG_VERSION_NUM >= 180000
#define ABAC_EXECUTE_ONCE_PARAMETER
#define ABAC_EXECUTE_ONCE
#else
#define ABAC_EXECUTE_ONCE_PARAMETER	, bool execute_once
#define ABAC_EXECUTE_ONCE			, execute_once
#endif

/* OLD.* or NEW.* of RETURNING */
#if PG_VERSION_NUM >= 180000
#define AbacIsReturningVar(var)	((var)->varreturningtype != VAR_RETURNING_DEFAULT)
#else
#define AbacIsReturningVar(var)	false
#endif

#if PG_VERSION_NUM < 160000
/* 16 and later declare it in fmgr.h. */
extern PGDLLEXPORT void _PG_init(void);
#endif

#endif							/* ABAC_COMPAT_H */
