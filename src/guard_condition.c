/*
 * guard_condition.c
 *	  Guards of conditions: each compiles when it is written, and still does
 *	  when what it names is defined otherwise.
 *
 * Who writes conditions holds a shared lock on what attributes are defined as,
 * who changes that an exclusive one, both until the end of the transaction: so
 * each condition is compiled with all definitions that it will meet.
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "attribute.h"
#include "cache.h"
#include "compile.h"
#include "guard.h"
#include "scan.h"

/*
 * To compile what this statement wrote: with a lock on what attributes are
 * defined as, and nothing remembered from before the statement.  The caller
 * ends it with AbacCacheEnd(); the lock stays until the end of the transaction.
 */
void
AbacBeginCompiling(LOCKMODE mode)
{
	static TransactionId transaction = InvalidTransactionId;
	static CommandId command = InvalidCommandId;

	LockDatabaseObject(AbacTableOid(ABAC_ATTRIBUTE_DEFINITIONS), InvalidOid, 0, mode);

	/* once for all rows of a statement: it wrote something, so it has a number of its own */
	if (transaction != GetTopTransactionId() || command != GetCurrentCommandId(false))
	{
		AbacCacheForget();
		transaction = GetTopTransactionId();
		command = GetCurrentCommandId(false);
	}
	AbacCacheBegin();
}

/*
 * Whose definitions does a row with conditions see (none = platform-wide ones
 * only)?  False when that isn't known, for want of the role that it is for.
 */
static bool
FindViewpoint(AbacTable table, const AbacRow *row, AbacString *organization)
{
	AbacScan	scan;
	bool		found;

	if (table != ABAC_CONDITIONS)
	{
		*organization = AbacScanText(row, abac_guarded_tables[table].organization);
		return true;
	}

	*organization = AbacStringOf(NULL);
	if (row->nulls[CONDITION_role_id])
		return true;
	AbacScanBegin(&scan, ABAC_ROLES, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, ROLE_id, AbacScanUuid(row, CONDITION_role_id));
	found = AbacScanNext(&scan);
	if (found)
		*organization = AbacStringOf(AbacRowText(&scan, ROLE_organization_id));
	AbacScanEnd(&scan);
	return found;
}

/* Does the row's condition compile?  False with *error. */
static bool
Compiles(AbacTable table, const AbacRow *row, AbacString organization, AbacError *error, List **warnings)
{
	int			column = table == ABAC_RULES ? RULE_conditions : POLICY_RULE_conditions;

	if (table == ABAC_CONDITIONS)
		return AbacCompileLeaf(AbacScanText(row, CONDITION_attribute_key),
							   AbacScanText(row, CONDITION_operator),
							   DatumGetJsonbP(row->values[CONDITION_attribute_value]),
							   organization, NULL, error, warnings) != NULL;
	return row->nulls[column] ||
		AbacCompile(DatumGetJsonbP(row->values[column]), organization, NULL, error, warnings) != NULL;
}

static void
ConsiderName(AbacString name, AbacString candidate, char **best, int *distance)
{
	const int	longest = 255;
	int			this_distance;

	if (name.length > longest || candidate.length > longest)
		return;
	this_distance = varstr_levenshtein_less_equal(name.data, name.length,
												  candidate.data, candidate.length,
												  1, 1, 1, *distance, true);
	if (this_distance < *distance)
	{
		*best = AbacStringToCString(candidate);
		*distance = this_distance;
	}
}

/* The defined name that is nearest to one that isn't, as a hint; NULL when none is near. */
static char *
NearestNameHint(AbacString organization, AbacString name)
{
	AbacString	none = {NULL, 0};
	char	   *best = NULL;
	const char *path = memchr(name.data, '.', name.length);

	/* nearer than this: at most three letters, nor more than half of the path */
	int			distance = Min(4, (name.data + name.length - path) / 2 + 1);

	for (int i = organization.data ? 0 : 1; i < 2; i++)
	{
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_ATTRIBUTE_DEFINITIONS, AbacCacheSnapshot());
		AbacScanKeyText(&scan, DEFINITION_organization_id, i == 0 ? organization : none);
		while (AbacScanNext(&scan))
			ConsiderName(name, AbacScanText(&scan, DEFINITION_name), &best, &distance);
		AbacScanEnd(&scan);
	}
	for (int i = 0; AbacBuiltinName(i) != NULL; i++)
		ConsiderName(name, AbacStringOf(AbacBuiltinName(i)), &best, &distance);
	return best ? psprintf("Perhaps you meant \"%s\".", best) : NULL;
}

/* Say which row a fault is in: a statement may write many. */
static void
AddRow(AbacError *error, AbacTable table, const AbacRow *row)
{
	error->detail = psprintf("In %s.%s%s", AbacDescribe(table, row),
							 error->detail ? " " : "", error->detail ? error->detail : "");
}

/* A row with a condition: it must compile, and what it names should be defined. */
void
AbacGuardConditions(const AbacRowChange *change)
{
	AbacString	organization;
	AbacError	error;
	List	   *warnings = NIL;
	ListCell   *cell;

	if (change->new == NULL)
		return;
	if (change->table == ABAC_CONDITIONS)
	{
		if (!(AbacColumnChanged(change, "role_id") || AbacColumnChanged(change, "attribute_key") ||
			  AbacColumnChanged(change, "operator") || AbacColumnChanged(change, "attribute_value")))
			return;
	}
	else if (!(AbacColumnChanged(change, "conditions") || AbacColumnChanged(change, "organization_id")))
		return;

	AbacBeginCompiling(ShareLock);
	if (!FindViewpoint(change->table, change->new, &organization))
	{
		/* the role may come yet: a dump is being restored */
		AbacCacheEnd();
		return;
	}
	if (!Compiles(change->table, change->new, organization, &error, &warnings))
	{
		AddRow(&error, change->table, change->new);
		AbacThrow(ERROR, &error);
	}

	foreach(cell, warnings)
	{
		AbacWarning *warning = lfirst(cell);
		int			elevel = WARNING;

		if (warning->kind == ABAC_WARNING_UNDEFINED)
		{
			if (abac_attribute_validation == ABAC_VALIDATION_OFF || AbacIsRestoring())
				continue;
			if (abac_attribute_validation == ABAC_VALIDATION_STRICT)
				elevel = ERROR;
			if (warning->error.hint == NULL)
				warning->error.hint = NearestNameHint(organization, warning->name);
		}
		AddRow(&warning->error, change->table, change->new);
		AbacThrow(elevel, &warning->error);
	}
	AbacCacheEnd();
}

static bool
IsNameOf(AbacString text, AbacString attribute)
{
	AbacString	canonical;

	if (text.length > 0 && text.data[0] == '$')
	{
		text.data++;
		text.length--;
	}
	return AbacParseAttributeName(text, &canonical) && AbacStringEqual(canonical, attribute);
}

/* Does the row name the attribute anywhere in its condition? */
static bool
Mentions(AbacTable table, const AbacRow *row, AbacString attribute)
{
	int			column = table == ABAC_RULES ? RULE_conditions :
	table == ABAC_POLICY_RULES ? POLICY_RULE_conditions : CONDITION_attribute_value;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	json;

	if (table == ABAC_CONDITIONS && IsNameOf(AbacScanText(row, CONDITION_attribute_key), attribute))
		return true;
	if (row->nulls[column])
		return false;
	iterator = JsonbIteratorInit(&DatumGetJsonbP(row->values[column])->root);
	while ((token = JsonbIteratorNext(&iterator, &json, false)) != WJB_DONE)
	{
		if ((token == WJB_VALUE || token == WJB_ELEM) && json.type == jbvString &&
			IsNameOf((AbacString) {json.val.string.val, json.val.string.len}, attribute))
			return true;
	}
	return false;
}

static void
ThrowBroken(const char *what, AbacTable table, const AbacRow *row, const AbacError *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("%s would break %s", what, AbacDescribe(table, row)),
			 errdetail("It would no longer compile: %s. %s", error->message,
					   error->detail ? error->detail : ""),
			 errhint("Change the condition first, or both in one statement.")));
}

/*
 * Does every condition that sees this definition (of an organization, none =
 * platform-wide) still compile?  To be called between AbacBeginCompiling(),
 * with an exclusive lock, and AbacCacheEnd().  A condition
 * that names the attribute and doesn't compile for another reason (guards were
 * off) is refused too: nobody could tell what the new definition does to it.
 */
void
AbacRecheckDefined(AbacString organization, AbacString attribute)
{
	static const AbacTable tables[] = {ABAC_RULES, ABAC_POLICY_RULES, ABAC_CONDITIONS};
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "abac conditions",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	for (size_t i = 0; i < lengthof(tables); i++)
	{
		AbacTable	table = tables[i];
		AbacScan	scan;

		/* the scan's own things are made by its first step, and stay */
		MemoryContextSwitchTo(old);
		AbacScanBegin(&scan, table, AbacCacheSnapshot());
		if (organization.data && abac_guarded_tables[table].organization)
			AbacScanKeyText(&scan, abac_guarded_tables[table].organization, organization);
		while (AbacScanNext(&scan))
		{
			AbacString	viewpoint;
			AbacError	error;

			MemoryContextSwitchTo(memory);
			if (Mentions(table, &scan, attribute) &&
				FindViewpoint(table, &scan, &viewpoint) &&
				!Compiles(table, &scan, viewpoint, &error, NULL))
				ThrowBroken(psprintf("change of the definition of \"%s\"", AbacStringToCString(attribute)),
							table, &scan, &error);
			MemoryContextSwitchTo(old);
			MemoryContextReset(memory);
		}
		AbacScanEnd(&scan);
	}
	MemoryContextDelete(memory);
}

/* A role: do the conditions bound to it compile with the definitions of its new organization? */
void
AbacGuardRoleConditions(const AbacRowChange *change)
{
	const AbacRow *role = change->new;
	AbacScan	scan;

	if (change->old == NULL || change->new == NULL || !AbacColumnChanged(change, "organization_id"))
		return;

	AbacBeginCompiling(ExclusiveLock);
	AbacScanBegin(&scan, ABAC_CONDITIONS, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, CONDITION_role_id, AbacScanUuid(role, ROLE_id));
	while (AbacScanNext(&scan))
	{
		AbacError	error;

		if (!Compiles(ABAC_CONDITIONS, &scan, AbacScanText(role, ROLE_organization_id), &error, NULL))
			ThrowBroken(psprintf("change of the organization of role \"%s\"", AbacRowText(role, ROLE_name)),
						ABAC_CONDITIONS, &scan, &error);
	}
	AbacScanEnd(&scan);
	AbacCacheEnd();
}
