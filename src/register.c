/*
 * register.c
 *	  abac_register(), abac_bind() and what takes them back: for a table's owner.
 *
 * Registrations and bindings are in tables that are closed to the callers, so
 * somebody else has to write them: those tables' owner.  Whether the caller may
 * is asked here, of the user who runs the code, and not of the session's: a
 * trigger, an index's function or a function of another owner runs as its own.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "register.h"
#include "scan.h"

PG_FUNCTION_INFO_V1(abac_register);
PG_FUNCTION_INFO_V1(abac_unregister);
PG_FUNCTION_INFO_V1(abac_bind);
PG_FUNCTION_INFO_V1(abac_unbind);
PG_FUNCTION_INFO_V1(abac_verify_binding);

/* Does the user own the relation that is this argument? */
static void
CheckOwner(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Oid			relation;
	char		kind;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
	relation = PG_GETARG_OID(argument);
	kind = get_rel_relkind(relation);
	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	if (!AbacOwnsRelation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(kind), get_rel_name(relation));
}

static Oid
OwnerOf(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Call a function of the extension, with the same arguments and for the same
 * kind of result, as the extension's owner.  The types are those of its
 * arguments; what fcinfo's user may do is for the caller to check.
 */
Datum
AbacCallAsOwner(FunctionCallInfo fcinfo, const char *name, const Oid *types, int ntypes)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo	function;
	Oid			table = AbacTableOid(ABAC_RELATIONS);
	Oid			oid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
									  PointerGetDatum(buildoidvector(types, ntypes)),
									  ObjectIdGetDatum(get_rel_namespace(table)));
	Oid			user;
	int			context;
	Datum		result;

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" of extension \"abac\" does not exist", name),
				 errhint("The library and the installed version of the extension may differ: try ALTER EXTENSION abac UPDATE.")));
	fmgr_info(oid, &function);
	InitFunctionCallInfoData(*call, &function, PG_NARGS(), fcinfo->fncollation, NULL,
							 fcinfo->resultinfo);
	memcpy(call->args, fcinfo->args, sizeof(NullableDatum) * PG_NARGS());

	/* an error sets it back */
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(OwnerOf(table), context | SECURITY_LOCAL_USERID_CHANGE);
	result = FunctionCallInvoke(call);
	SetUserIdAndSecContext(user, context);
	fcinfo->isnull = call->isnull;
	return result;
}

/* abac_register(relation, resource_type, columns, null_scope): abac_write_registration for the owner. */
Datum
abac_register(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {REGCLASSOID, TEXTOID, NAMEOID, NAMEOID, NAMEOID, NAMEOID, TEXTOID};

	CheckOwner(fcinfo, 0, "relation");
	(void) AbacCallAsOwner(fcinfo, "abac_write_registration", types, lengthof(types));
	PG_RETURN_VOID();
}

/* abac_unregister(relation): abac_delete_registration for the owner. */
Datum
abac_unregister(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {REGCLASSOID};

	CheckOwner(fcinfo, 0, "relation");
	return AbacCallAsOwner(fcinfo, "abac_delete_registration", types, lengthof(types));
}

/*
 * What is to fire a statement's triggers is decided when it begins: no statement
 * that changes the table may be under way in this session.  Others' are waited
 * for, and so are those that change an enum's labels.
 */
static void
LockSource(Oid source)
{
	Relation	relation;
	TupleDesc	desc;

	if (get_rel_relkind(source) != RELKIND_RELATION)
		return;					/* which is refused */
	relation = relation_open(source, ShareRowExclusiveLock);
	CheckTableNotInUse(relation, "bind");
	desc = RelationGetDescr(relation);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Oid			type = attribute->attisdropped ? InvalidOid : getBaseType(attribute->atttypid);

		if (OidIsValid(type) && type_is_enum(type))
			LockDatabaseObject(TypeRelationId, type, 0, ShareLock);
	}
	relation_close(relation, NoLock);
}

/* abac_bind(kind, source, mapping): abac_write_binding for the owner. */
Datum
abac_bind(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {TEXTOID, REGCLASSOID, JSONBOID};

	CheckOwner(fcinfo, 1, "source");
	LockSource(PG_GETARG_OID(1));
	(void) AbacCallAsOwner(fcinfo, "abac_write_binding", types, lengthof(types));
	PG_RETURN_VOID();
}

/* abac_unbind(kind, source, keep): abac_delete_binding for the owner. */
Datum
abac_unbind(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {TEXTOID, REGCLASSOID, BOOLOID};

	CheckOwner(fcinfo, 1, "source");
	(void) AbacCallAsOwner(fcinfo, "abac_delete_binding", types, lengthof(types));
	PG_RETURN_VOID();
}

/* abac_verify_binding(kind, source): abac_compare_binding for the owner. */
Datum
abac_verify_binding(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {TEXTOID, REGCLASSOID};

	CheckOwner(fcinfo, 1, "source");
	return AbacCallAsOwner(fcinfo, "abac_compare_binding", types, lengthof(types));
}
