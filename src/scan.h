/*
 * scan.h
 *	  Reading the extension's tables as the system catalogs are read.
 */
#ifndef ABAC_SCAN_H
#define ABAC_SCAN_H

#include "abac.h"

#include "access/relscan.h"
#include "access/skey.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/*
 * The tables and the columns of each that C code reads.  A column is found by
 * its name, so its position is free to differ between installations.
 *
 * To read another column, add it here: X(table, column).
 */
#define ABAC_ATTRIBUTE_DEFINITIONS_COLUMNS(X) \
	X(DEFINITION, id) X(DEFINITION, organization_id) X(DEFINITION, name) \
	X(DEFINITION, data_type) X(DEFINITION, is_multivalued) \
	X(DEFINITION, allowed_values) X(DEFINITION, validation_regex) \
	X(DEFINITION, default_value) X(DEFINITION, source) X(DEFINITION, is_system)
#define ABAC_RULES_COLUMNS(X) \
	X(RULE, id) X(RULE, organization_id) X(RULE, name) X(RULE, effect) \
	X(RULE, priority) X(RULE, resource_type) X(RULE, target_actions) \
	X(RULE, conditions) X(RULE, is_active) X(RULE, starts_at) \
	X(RULE, expires_at) X(RULE, is_system)
#define ABAC_RULE_GROUPS_COLUMNS(X) \
	X(GROUP, id) X(GROUP, organization_id) X(GROUP, name) \
	X(GROUP, combine_logic) X(GROUP, is_system)
#define ABAC_RULE_GROUP_MEMBERS_COLUMNS(X) \
	X(MEMBER, id) X(MEMBER, group_id) X(MEMBER, rule_id) \
	X(MEMBER, child_group_id) X(MEMBER, sort_order)
#define ABAC_POLICIES_COLUMNS(X) \
	X(POLICY, id) X(POLICY, organization_id) X(POLICY, name) \
	X(POLICY, effect) X(POLICY, default_effect) X(POLICY, priority) \
	X(POLICY, is_active) X(POLICY, is_system)
#define ABAC_POLICY_RULE_GROUPS_COLUMNS(X) \
	X(LINK, id) X(LINK, policy_id) X(LINK, rule_group_id) X(LINK, sort_order)
#define ABAC_POLICY_ASSIGNMENTS_COLUMNS(X) \
	X(ASSIGNMENT, id) X(ASSIGNMENT, policy_id) X(ASSIGNMENT, target_type) \
	X(ASSIGNMENT, target_id) X(ASSIGNMENT, is_active) \
	X(ASSIGNMENT, starts_at) X(ASSIGNMENT, expires_at)
#define ABAC_RESOURCE_TYPES_COLUMNS(X) \
	X(RESOURCE_TYPE, id) X(RESOURCE_TYPE, resource_type) \
	X(RESOURCE_TYPE, required_scope)
#define ABAC_RELATIONS_COLUMNS(X) \
	X(RELATION, id) X(RELATION, relation) X(RELATION, resource_type) \
	X(RELATION, id_column) X(RELATION, organization_column) \
	X(RELATION, project_column) X(RELATION, workspace_column) \
	X(RELATION, null_scope)
#define ABAC_BINDINGS_COLUMNS(X) \
	X(BINDING, id)
#define ABAC_USER_ATTRIBUTES_COLUMNS(X) \
	X(USER_ATTRIBUTE, id) X(USER_ATTRIBUTE, user_id) \
	X(USER_ATTRIBUTE, organization_id) X(USER_ATTRIBUTE, attributes)
#define ABAC_SCOPES_COLUMNS(X) \
	X(SCOPE, id) X(SCOPE, scope_type) X(SCOPE, scope_id) \
	X(SCOPE, parent_type) X(SCOPE, parent_id)
#define ABAC_MEMBERSHIPS_COLUMNS(X) \
	X(MEMBERSHIP, id) X(MEMBERSHIP, scope_type) X(MEMBERSHIP, scope_id) \
	X(MEMBERSHIP, user_id) X(MEMBERSHIP, starts_at) X(MEMBERSHIP, expires_at)
#define ABAC_ROLES_COLUMNS(X) \
	X(ROLE, id) X(ROLE, organization_id) X(ROLE, name) X(ROLE, scope) \
	X(ROLE, is_super_admin) X(ROLE, is_system)
#define ABAC_PERMISSIONS_COLUMNS(X) \
	X(PERMISSION, id) X(PERMISSION, resource_type) X(PERMISSION, action)
#define ABAC_ROLE_PERMISSIONS_COLUMNS(X) \
	X(ROLE_PERMISSION, id) X(ROLE_PERMISSION, role_id) \
	X(ROLE_PERMISSION, permission_id)
#define ABAC_USER_ROLES_COLUMNS(X) \
	X(USER_ROLE, id) X(USER_ROLE, user_id) X(USER_ROLE, role_id) \
	X(USER_ROLE, context_type) X(USER_ROLE, context_id) \
	X(USER_ROLE, starts_at) X(USER_ROLE, expires_at)
#define ABAC_USER_PERMISSIONS_COLUMNS(X) \
	X(USER_PERMISSION, id) X(USER_PERMISSION, user_id) \
	X(USER_PERMISSION, permission_id) X(USER_PERMISSION, granted) \
	X(USER_PERMISSION, context_type) X(USER_PERMISSION, context_id) \
	X(USER_PERMISSION, starts_at) X(USER_PERMISSION, expires_at)
#define ABAC_CONDITIONS_COLUMNS(X) \
	X(CONDITION, id) X(CONDITION, permission_id) X(CONDITION, role_id) \
	X(CONDITION, attribute_key) X(CONDITION, operator) \
	X(CONDITION, attribute_value) X(CONDITION, logic_group)
#define ABAC_POLICY_RULES_COLUMNS(X) \
	X(POLICY_RULE, id) X(POLICY_RULE, organization_id) X(POLICY_RULE, name) \
	X(POLICY_RULE, resource_type) X(POLICY_RULE, conditions) \
	X(POLICY_RULE, effect) X(POLICY_RULE, priority) X(POLICY_RULE, is_active)

/*
 * X(enum constant, table name, column list, what changes when it changes).
 * The last is explained at AbacChange in cache.h.
 */
#define ABAC_TABLES(X) \
	X(ATTRIBUTE_DEFINITIONS, abac_attribute_definitions, POLICY) \
	X(RULES, abac_rules, POLICY) \
	X(RULE_GROUPS, abac_rule_groups, POLICY) \
	X(RULE_GROUP_MEMBERS, abac_rule_group_members, POLICY) \
	X(POLICIES, abac_policies, POLICY) \
	X(POLICY_RULE_GROUPS, abac_policy_rule_groups, POLICY) \
	X(POLICY_ASSIGNMENTS, abac_policy_assignments, SUBJECT) \
	X(RESOURCE_TYPES, abac_resource_types, POLICY) \
	X(RELATIONS, abac_relations, POLICY) \
	X(BINDINGS, abac_bindings, NONE) \
	X(USER_ATTRIBUTES, abac_user_attributes, SUBJECT) \
	X(SCOPES, abac_scopes, SUBJECT) \
	X(MEMBERSHIPS, abac_memberships, SUBJECT) \
	X(ROLES, abac_roles, POLICY) \
	X(PERMISSIONS, abac_permissions, POLICY) \
	X(ROLE_PERMISSIONS, abac_role_permissions, POLICY) \
	X(USER_ROLES, abac_user_roles, SUBJECT) \
	X(USER_PERMISSIONS, abac_user_permissions, SUBJECT) \
	X(CONDITIONS, abac_conditions, POLICY) \
	X(POLICY_RULES, abac_policy_rules, POLICY)

typedef enum AbacTable
{
#define X(constant, name, change) ABAC_##constant,
	ABAC_TABLES(X)
#undef X
	ABAC_NTABLES
} AbacTable;

/* RULE_id, RULE_name, …: places of a table's columns in AbacScan's arrays. */
#define X(prefix, column) prefix##_##column,
enum {ABAC_ATTRIBUTE_DEFINITIONS_COLUMNS(X) NDEFINITION};
enum {ABAC_RULES_COLUMNS(X) NRULE};
enum {ABAC_RULE_GROUPS_COLUMNS(X) NGROUP};
enum {ABAC_RULE_GROUP_MEMBERS_COLUMNS(X) NMEMBER};
enum {ABAC_POLICIES_COLUMNS(X) NPOLICY};
enum {ABAC_POLICY_RULE_GROUPS_COLUMNS(X) NLINK};
enum {ABAC_POLICY_ASSIGNMENTS_COLUMNS(X) NASSIGNMENT};
enum {ABAC_RESOURCE_TYPES_COLUMNS(X) NRESOURCE_TYPE};
enum {ABAC_RELATIONS_COLUMNS(X) NRELATION};
enum {ABAC_BINDINGS_COLUMNS(X) NBINDING};
enum {ABAC_USER_ATTRIBUTES_COLUMNS(X) NUSER_ATTRIBUTE};
enum {ABAC_SCOPES_COLUMNS(X) NSCOPE};
enum {ABAC_MEMBERSHIPS_COLUMNS(X) NMEMBERSHIP};
enum {ABAC_ROLES_COLUMNS(X) NROLE};
enum {ABAC_PERMISSIONS_COLUMNS(X) NPERMISSION};
enum {ABAC_ROLE_PERMISSIONS_COLUMNS(X) NROLE_PERMISSION};
enum {ABAC_USER_ROLES_COLUMNS(X) NUSER_ROLE};
enum {ABAC_USER_PERMISSIONS_COLUMNS(X) NUSER_PERMISSION};
enum {ABAC_CONDITIONS_COLUMNS(X) NCONDITION};
enum {ABAC_POLICY_RULES_COLUMNS(X) NPOLICY_RULE};
#undef X

#define ABAC_MAX_COLUMNS	12	/* of any list above */
#define ABAC_MAX_KEYS		3

/*
 * One scan.  values and nulls are those of the row that AbacScanNext found
 * last, one place per listed column; they are good until the next call.
 */
typedef struct AbacScan
{
	Datum		values[ABAC_MAX_COLUMNS];
	bool		nulls[ABAC_MAX_COLUMNS];
	/* the rest is scan.c's own */
	AbacTable	table;
	Relation	relation;
	Relation	index;			/* NULL = the table itself is read */
	Snapshot	snapshot;
	IndexScanDesc index_scan;
	TableScanDesc table_scan;
	TupleTableSlot *slot;
	int			nkeys;
	struct
	{
		int			column;
		Datum		value;
		bool		isnull;
	}			keys[ABAC_MAX_KEYS];
} AbacScan;

extern Snapshot AbacTakeSnapshot(void);
extern AbacTable AbacScanForget(Oid relid);
extern bits32 AbacScanTakeDistrusted(void);
extern bool AbacRowsAreAnnounced(Relation relation);
extern Oid	AbacTableOid(AbacTable table);
extern bool AbacTableOfRelation(Relation relation, AbacTable *table);
extern const char *AbacTableName(AbacTable table);

extern void AbacScanBegin(AbacScan *scan, AbacTable table, Snapshot snapshot);
extern void AbacScanKeyText(AbacScan *scan, int column, AbacString value);
extern void AbacScanKeyUuid(AbacScan *scan, int column, const pg_uuid_t *value);
extern bool AbacScanNext(AbacScan *scan);
extern bool AbacScanLockRow(AbacScan *scan, bool *again);
extern void AbacScanEnd(AbacScan *scan);

extern AbacString AbacScanText(const AbacScan *scan, int column);
extern AbacString AbacScanName(const AbacScan *scan, int column);
extern const pg_uuid_t *AbacScanUuid(const AbacScan *scan, int column);
extern bool AbacScanBool(const AbacScan *scan, int column);
extern int	AbacScanInt(const AbacScan *scan, int column);

extern AbacString AbacTupleName(AbacTable table, TupleDesc desc, HeapTuple tuple, int column);
extern void AbacExtractColumns(AbacTable table, TupleDesc desc, HeapTuple tuple,
							   Datum *values, bool *nulls);

#endif							/* ABAC_SCAN_H */
