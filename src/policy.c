/*
 * policy.c
 *	  Policies, rules, roles and permissions as the tables have them, compiled.
 *
 * Each function finds its thing in the policy layer of the cache, or reads it
 * from the tables, under the check's snapshot, and keeps it there.  A thing is
 * put into the cache when it is complete, so that an error half way leaves
 * nothing but unused memory.
 *
 * What is found by words of the request (permissions, grants, resource types)
 * is kept in the subject layer instead: callers can ask about ever new words,
 * and when that fills the cache it must not be rules that are thrown away.
 *
 * What refers to other things by id (a group to its child groups, which may
 * form a cycle while guards are off) keeps ids; plan.c follows them.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "cache.h"
#include "policy.h"
#include "scan.h"

/*
 * Is the window open?  The span, if not NULL, is narrowed to the times around
 * now in which the answer is the same.
 */
bool
AbacWindowIsOpen(const AbacWindow *window, TimestampTz now, AbacSpan *span)
{
	AbacSpan	same = {DT_NOBEGIN, DT_NOEND};
	bool		open = false;

	if (now < window->starts_at)
		same.until = window->starts_at - 1;
	else if (now > window->expires_at)
		same.from = window->expires_at + 1;
	else
	{
		same.from = window->starts_at;
		same.until = window->expires_at;
		open = true;
	}
	if (span)
	{
		span->from = Max(span->from, same.from);
		span->until = Min(span->until, same.until);
	}
	return open;
}

/* The window columns of the row at hand. */
void
AbacScanWindow(const AbacScan *scan, int starts_column, int expires_column, AbacWindow *window)
{
	window->starts_at = scan->nulls[starts_column]
		? DT_NOBEGIN : DatumGetTimestampTz(scan->values[starts_column]);
	window->expires_at = scan->nulls[expires_column]
		? DT_NOEND : DatumGetTimestampTz(scan->values[expires_column]);
}

/* A palloc'd text of the id. */
char *
AbacUuidText(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

/* May something of "owner" not contain something of "member"? (DESIGN §2, Guards) */
bool
AbacIsForeign(AbacString member, AbacString owner)
{
	return member.data != NULL && !AbacStringEqual(member, owner);
}

static AbacEffect
EffectOf(AbacString text)
{
	if (text.data == NULL)
		return ABAC_EFFECT_NONE;
	/* whatever isn't known denies */
	return AbacStringEqual(text, AbacStringOf("allow")) ? ABAC_EFFECT_ALLOW : ABAC_EFFECT_DENY;
}

static AbacString
CopyText(const AbacScan *scan, int column)
{
	return AbacCopyString(AbacPolicyMemory, AbacScanText(scan, column));
}

/* A resource type, or none for all of them. */
static AbacString
CopyResourceType(const AbacScan *scan, int column)
{
	AbacString	type = AbacScanText(scan, column);

	if (type.data && AbacStringEqual(type, AbacStringOf("*")))
		type = (AbacString) {NULL, 0};
	return AbacCopyString(AbacPolicyMemory, type);
}

/* Compile the tree into ->program, or say in ->error why that isn't possible. */
static void
CompileConditions(AbacConditions *conditions)
{
	MemoryContext old = MemoryContextSwitchTo(AbacLayerMemory[conditions->layer]);
	AbacError	fault;

	conditions->program = NULL;
	conditions->error = NULL;
	if (conditions->tree)
	{
		if (conditions->attribute.data)
			conditions->program = AbacCompileLeaf(conditions->attribute, conditions->op,
												  conditions->tree, conditions->organization,
												  conditions->relation, &fault, NULL);
		else
			conditions->program = AbacCompile(conditions->tree, conditions->organization,
											  conditions->relation, &fault, NULL);
		if (conditions->program == NULL)
		{
			conditions->error = palloc(sizeof(AbacError));
			*conditions->error = fault;
		}
	}
	MemoryContextSwitchTo(old);
}

/* The conditions in a column. */
static void
LoadConditions(const AbacScan *scan, int column, AbacString organization,
			   AbacConditions *conditions)
{
	memset(conditions, 0, sizeof(*conditions));
	conditions->layer = ABAC_LAYER_POLICIES;
	conditions->organization = organization;
	if (!scan->nulls[column])
		conditions->tree = AbacCopyVarlena(AbacPolicyMemory, scan->values[column]);
	CompileConditions(conditions);
}

/*
 * The same conditions for rows of the relation, or themselves for NULL.  Call
 * between AbacCacheBegin() and AbacCacheEnd(); the relation must be of the same
 * policy layer.
 */
AbacConditions *
AbacConditionsOn(AbacConditions *conditions, const AbacRelation *relation)
{
	AbacConditions *variant;

	if (relation == NULL || conditions->tree == NULL || conditions->error)
		return conditions;
	for (variant = conditions->variants; variant; variant = variant->variants)
	{
		if (variant->relation == relation)
			return variant;
	}

	variant = AbacAllocate(conditions->layer, sizeof(AbacConditions));
	variant->layer = conditions->layer;
	variant->tree = conditions->tree;
	variant->attribute = conditions->attribute;
	variant->op = conditions->op;
	variant->organization = conditions->organization;
	variant->relation = relation;
	CompileConditions(variant);
	variant->variants = conditions->variants;
	conditions->variants = variant;
	return variant;
}

static void
LoadActions(const AbacScan *scan, AbacRule *rule)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	rule->all_actions = scan->nulls[RULE_target_actions];
	if (rule->all_actions)
		return;
	deconstruct_array(DatumGetArrayTypeP(scan->values[RULE_target_actions]),
					  TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nelements);
	rule->actions = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacString) * Max(nelements, 1));
	for (int i = 0; i < nelements; i++)
	{
		text	   *element;
		AbacString	action;

		if (nulls[i])
			continue;
		element = DatumGetTextPP(elements[i]);
		action.data = VARDATA_ANY(element);
		action.length = VARSIZE_ANY_EXHDR(element);
		if (AbacStringEqual(action, AbacStringOf("*")))
		{
			rule->all_actions = true;
			return;
		}
		rule->actions[rule->nactions++] = AbacCopyString(AbacPolicyMemory, action);
	}
}

/* The rule, or NULL when there is none with this id. */
AbacRule *
AbacGetRule(const pg_uuid_t *id)
{
	AbacKey		key;
	AbacRule   *rule;
	AbacScan	scan;

	AbacKeyBegin(&key, ABAC_TAG_RULE);
	AbacKeyAddUuid(&key, id);
	rule = AbacCacheFindPolicy(&key, id);
	if (rule)
		return rule;

	AbacScanBegin(&scan, ABAC_RULES, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, RULE_id, id);
	if (AbacScanNext(&scan))
	{
		rule = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacRule));
		rule->id = *id;
		rule->organization = CopyText(&scan, RULE_organization_id);
		rule->name = CopyText(&scan, RULE_name);
		rule->effect = EffectOf(AbacScanText(&scan, RULE_effect));
		rule->priority = AbacScanInt(&scan, RULE_priority);
		rule->resource_type = CopyResourceType(&scan, RULE_resource_type);
		LoadActions(&scan, rule);
		rule->is_active = AbacScanBool(&scan, RULE_is_active);
		AbacScanWindow(&scan, RULE_starts_at, RULE_expires_at, &rule->window);
		LoadConditions(&scan, RULE_conditions, rule->organization, &rule->conditions);
	}
	AbacScanEnd(&scan);

	if (rule)
		AbacCacheAdd(ABAC_LAYER_POLICIES, &key, rule);
	return rule;
}

/* Members that are read, of which it isn't known how many there are. */
typedef struct MemberList
{
	int			count;
	AbacMember *members;
} MemberList;

static void
AddMember(MemberList *list, const pg_uuid_t *id, bool is_group, int sort_order)
{
	AbacMember *member;

	list->members = AbacGrow(ABAC_LAYER_POLICIES, list->members, list->count, sizeof(AbacMember));
	member = &list->members[list->count++];
	memset(member, 0, sizeof(AbacMember));
	member->is_group = is_group;
	/* a row that names neither a rule nor a group names one that is missing */
	if (id)
		member->id = *id;
	member->sort_order = sort_order;
}

static int
CompareMembers(const void *a, const void *b)
{
	const AbacMember *x = a;
	const AbacMember *y = b;

	if (x->sort_order != y->sort_order)
		return x->sort_order < y->sort_order ? -1 : 1;
	return memcmp(&x->id, &y->id, sizeof(pg_uuid_t));
}

static void
SortMembers(MemberList *list)
{
	if (list->count > 1)
		qsort(list->members, list->count, sizeof(AbacMember), CompareMembers);
}

/* False when there is no such logic. */
static bool
ParseLogic(AbacString text, AbacLogic *logic)
{
	if (AbacStringEqual(text, AbacStringOf("and")))
		*logic = ABAC_LOGIC_AND;
	else if (AbacStringEqual(text, AbacStringOf("or")))
		*logic = ABAC_LOGIC_OR;
	else if (AbacStringEqual(text, AbacStringOf("not")))
		*logic = ABAC_LOGIC_NOT;
	else
		return false;
	return true;
}

/*
 * The group; never NULL.  Rows that make something a member of a group that
 * isn't there (guards were off) are read like others: a deny rule among them
 * still denies.
 */
AbacGroup *
AbacGetGroup(const pg_uuid_t *id)
{
	AbacKey		key;
	AbacGroup  *group;
	AbacScan	scan;
	MemberList	members = {0};

	AbacKeyBegin(&key, ABAC_TAG_GROUP);
	AbacKeyAddUuid(&key, id);
	group = AbacCacheFindPolicy(&key, id);
	if (group)
		return group;

	group = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacGroup));
	group->id = *id;
	group->broken = "a rule group is missing";
	AbacScanBegin(&scan, ABAC_RULE_GROUPS, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, GROUP_id, id);
	if (AbacScanNext(&scan))
	{
		group->broken = NULL;
		group->organization = CopyText(&scan, GROUP_organization_id);
		group->name = CopyText(&scan, GROUP_name);
		if (!ParseLogic(AbacScanText(&scan, GROUP_combine_logic), &group->logic))
			group->broken = "a rule group has an unknown logic";
	}
	AbacScanEnd(&scan);

	AbacScanBegin(&scan, ABAC_RULE_GROUP_MEMBERS, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, MEMBER_group_id, id);
	while (AbacScanNext(&scan))
	{
		bool		is_group = scan.nulls[MEMBER_rule_id];

		AddMember(&members, AbacScanUuid(&scan, is_group ? MEMBER_child_group_id : MEMBER_rule_id),
				  is_group, AbacScanInt(&scan, MEMBER_sort_order));
	}
	AbacScanEnd(&scan);
	SortMembers(&members);
	group->nmembers = members.count;
	group->members = members.members;

	AbacCacheAdd(ABAC_LAYER_POLICIES, &key, group);
	return group;
}

/* The policy, or NULL when there is none with this id. */
AbacPolicy *
AbacGetPolicy(const pg_uuid_t *id)
{
	AbacKey		key;
	AbacPolicy *policy;
	AbacScan	scan;
	MemberList	members = {0};

	AbacKeyBegin(&key, ABAC_TAG_POLICY);
	AbacKeyAddUuid(&key, id);
	policy = AbacCacheFindPolicy(&key, id);
	if (policy)
		return policy;

	AbacScanBegin(&scan, ABAC_POLICIES, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, POLICY_id, id);
	if (AbacScanNext(&scan))
	{
		policy = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacPolicy));
		policy->id = *id;
		policy->organization = CopyText(&scan, POLICY_organization_id);
		policy->name = CopyText(&scan, POLICY_name);
		policy->effect = EffectOf(AbacScanText(&scan, POLICY_effect));
		policy->default_effect = EffectOf(AbacScanText(&scan, POLICY_default_effect));
		policy->priority = AbacScanInt(&scan, POLICY_priority);
		policy->is_active = AbacScanBool(&scan, POLICY_is_active);
	}
	AbacScanEnd(&scan);
	if (policy == NULL)
		return NULL;

	AbacScanBegin(&scan, ABAC_POLICY_RULE_GROUPS, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, LINK_policy_id, id);
	while (AbacScanNext(&scan))
		AddMember(&members, AbacScanUuid(&scan, LINK_rule_group_id), true,
				  AbacScanInt(&scan, LINK_sort_order));
	AbacScanEnd(&scan);
	SortMembers(&members);
	policy->nmembers = members.count;
	policy->members = members.members;

	AbacCacheAdd(ABAC_LAYER_POLICIES, &key, policy);
	return policy;
}

/* The role, or NULL when there is none with this id. */
AbacRole *
AbacGetRole(const pg_uuid_t *id)
{
	AbacKey		key;
	AbacRole   *role;
	AbacScan	scan;

	AbacKeyBegin(&key, ABAC_TAG_ROLE);
	AbacKeyAddUuid(&key, id);
	role = AbacCacheFind(ABAC_LAYER_POLICIES, &key);
	if (role)
		return role;

	AbacScanBegin(&scan, ABAC_ROLES, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, ROLE_id, id);
	if (AbacScanNext(&scan))
	{
		role = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacRole));
		role->id = *id;
		role->organization = CopyText(&scan, ROLE_organization_id);
		role->name = CopyText(&scan, ROLE_name);
		role->is_super_admin = AbacScanBool(&scan, ROLE_is_super_admin);
	}
	AbacScanEnd(&scan);

	if (role)
		AbacCacheAdd(ABAC_LAYER_POLICIES, &key, role);
	return role;
}

/* The permissions that match, at most four: each part itself or the wildcard. */
AbacPermissions *
AbacGetPermissions(AbacString type, AbacString action)
{
	AbacString	any = AbacStringOf("*");
	AbacString	types[2] = {type, any};
	AbacString	actions[2] = {action, any};
	int			ntypes = AbacStringEqual(type, any) ? 1 : 2;
	int			nactions = AbacStringEqual(action, any) ? 1 : 2;
	AbacKey		key;
	AbacPermissions *permissions;

	AbacKeyBegin(&key, ABAC_TAG_PERMISSIONS);
	AbacKeyAddString(&key, type);
	AbacKeyAddString(&key, action);
	permissions = AbacCacheFind(ABAC_LAYER_SUBJECTS, &key);
	if (permissions)
		return permissions;

	permissions = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPermissions));
	for (int i = 0; i < ntypes; i++)
	{
		for (int j = 0; j < nactions; j++)
		{
			AbacScan	scan;

			AbacScanBegin(&scan, ABAC_PERMISSIONS, AbacCacheSnapshot());
			AbacScanKeyText(&scan, PERMISSION_resource_type, types[i]);
			AbacScanKeyText(&scan, PERMISSION_action, actions[j]);
			if (AbacScanNext(&scan))
			{
				int			place = permissions->npermissions++;
				char	   *name = psprintf("%.*s:%.*s", types[i].length, types[i].data,
											actions[j].length, actions[j].data);

				permissions->permissions[place].id = *AbacScanUuid(&scan, PERMISSION_id);
				permissions->permissions[place].name =
					AbacCopyString(AbacSubjectMemory, AbacStringOf(name));
			}
			AbacScanEnd(&scan);
		}
	}
	AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, permissions);
	return permissions;
}

/* The rows of abac_conditions that bind the role where it uses a permission. */
static void
LoadGrantConditions(const AbacRole *role, int permission, AbacGrant *grant)
{
	AbacScan	scan;

	AbacScanBegin(&scan, ABAC_CONDITIONS, AbacCacheSnapshot());
	AbacScanKeyUuid(&scan, CONDITION_permission_id, &grant->matching->permissions[permission].id);
	while (AbacScanNext(&scan))
	{
		const pg_uuid_t *bound = AbacScanUuid(&scan, CONDITION_role_id);
		AbacString	viewpoint = {NULL, 0};
		AbacCondition *condition;

		if (bound && memcmp(bound, &role->id, sizeof(pg_uuid_t)) != 0)
			continue;
		/* they see what a platform-wide rule sees, unless for an organization's role */
		if (bound)
			viewpoint = role->organization;

		condition = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacCondition));
		grant->conditions = AbacGrow(ABAC_LAYER_SUBJECTS, grant->conditions, grant->nconditions,
									 sizeof(AbacCondition *));
		grant->conditions[grant->nconditions++] = condition;
		condition->id = *AbacScanUuid(&scan, CONDITION_id);
		condition->permission = permission;
		condition->is_or = AbacStringEqual(AbacScanText(&scan, CONDITION_logic_group), AbacStringOf("OR"));
		condition->conditions.tree = AbacCopyVarlena(AbacSubjectMemory,
													 scan.values[CONDITION_attribute_value]);
		condition->conditions.attribute = AbacCopyString(AbacSubjectMemory,
														 AbacScanText(&scan, CONDITION_attribute_key));
		condition->conditions.op = AbacCopyString(AbacSubjectMemory,
												  AbacScanText(&scan, CONDITION_operator));
		condition->conditions.organization = viewpoint;
		condition->conditions.layer = ABAC_LAYER_SUBJECTS;
		CompileConditions(&condition->conditions);
	}
	AbacScanEnd(&scan);
}

/*
 * What the role says to a resource type and action: whether one of its
 * permissions matches, and then what the conditions of every permission that
 * matches demand (DESIGN §5, step 6).
 */
AbacGrant *
AbacGetGrant(const AbacRole *role, AbacString type, AbacString action)
{
	AbacKey		key;
	AbacGrant  *grant;

	AbacKeyBegin(&key, ABAC_TAG_GRANT);
	AbacKeyAddUuid(&key, &role->id);
	AbacKeyAddString(&key, type);
	AbacKeyAddString(&key, action);
	grant = AbacCacheFind(ABAC_LAYER_SUBJECTS, &key);
	if (grant)
		return grant;

	grant = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacGrant));
	grant->matching = AbacGetPermissions(type, action);
	grant->permission = -1;
	for (int i = 0; i < grant->matching->npermissions && grant->permission < 0; i++)
	{
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_ROLE_PERMISSIONS, AbacCacheSnapshot());
		AbacScanKeyUuid(&scan, ROLE_PERMISSION_role_id, &role->id);
		AbacScanKeyUuid(&scan, ROLE_PERMISSION_permission_id, &grant->matching->permissions[i].id);
		if (AbacScanNext(&scan))
			grant->permission = i;
		AbacScanEnd(&scan);
	}
	if (grant->permission >= 0)
	{
		for (int i = 0; i < grant->matching->npermissions; i++)
			LoadGrantConditions(role, i, grant);
	}

	AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, grant);
	return grant;
}

static int
ComparePolicyRules(const void *a, const void *b)
{
	const AbacPolicyRule *x = *(AbacPolicyRule *const *) a;
	const AbacPolicyRule *y = *(AbacPolicyRule *const *) b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return AbacStringCompare(x->name, y->name);
}

/* The active legacy rules of an organization, highest priority first. */
AbacPolicyRules *
AbacGetPolicyRules(AbacString organization)
{
	AbacKey		key;
	AbacPolicyRules *rules;
	AbacScan	scan;

	AbacKeyBegin(&key, ABAC_TAG_POLICY_RULES);
	AbacKeyAddString(&key, organization);
	rules = AbacCacheFind(ABAC_LAYER_POLICIES, &key);
	if (rules)
		return rules;

	rules = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacPolicyRules));
	organization = AbacCopyString(AbacPolicyMemory, organization);
	AbacScanBegin(&scan, ABAC_POLICY_RULES, AbacCacheSnapshot());
	AbacScanKeyText(&scan, POLICY_RULE_organization_id, organization);
	while (AbacScanNext(&scan))
	{
		AbacPolicyRule *rule;

		if (!AbacScanBool(&scan, POLICY_RULE_is_active))
			continue;
		rules->rules = AbacGrow(ABAC_LAYER_POLICIES, rules->rules, rules->nrules, sizeof(AbacPolicyRule *));
		rule = AbacAllocate(ABAC_LAYER_POLICIES, sizeof(AbacPolicyRule));
		rules->rules[rules->nrules++] = rule;
		rule->id = *AbacScanUuid(&scan, POLICY_RULE_id);
		rule->name = CopyText(&scan, POLICY_RULE_name);
		rule->resource_type = CopyResourceType(&scan, POLICY_RULE_resource_type);
		rule->effect = EffectOf(AbacScanText(&scan, POLICY_RULE_effect));
		rule->priority = AbacScanInt(&scan, POLICY_RULE_priority);
		LoadConditions(&scan, POLICY_RULE_conditions, organization, &rule->conditions);
	}
	AbacScanEnd(&scan);
	if (rules->nrules > 1)
		qsort(rules->rules, rules->nrules, sizeof(AbacPolicyRule *), ComparePolicyRules);

	AbacCacheAdd(ABAC_LAYER_POLICIES, &key, rules);
	return rules;
}

/* What is registered of a resource type; never NULL. */
AbacResourceType *
AbacGetResourceType(AbacString type)
{
	AbacKey		key;
	AbacResourceType *resource_type;
	AbacScan	scan;

	AbacKeyBegin(&key, ABAC_TAG_RESOURCE_TYPE);
	AbacKeyAddString(&key, type);
	resource_type = AbacCacheFind(ABAC_LAYER_SUBJECTS, &key);
	if (resource_type)
		return resource_type;

	resource_type = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacResourceType));
	resource_type->required_scope = -1;
	AbacScanBegin(&scan, ABAC_RESOURCE_TYPES, AbacCacheSnapshot());
	AbacScanKeyText(&scan, RESOURCE_TYPE_resource_type, type);
	if (AbacScanNext(&scan) && !scan.nulls[RESOURCE_TYPE_required_scope])
	{
		AbacString	scope = AbacScanText(&scan, RESOURCE_TYPE_required_scope);

		/* whatever isn't known requires the most */
		resource_type->required_scope = ABAC_SCOPE_WORKSPACE;
		for (int i = 0; i < ABAC_NSCOPES; i++)
		{
			if (AbacStringEqual(scope, AbacStringOf(AbacScopeNames[i])))
				resource_type->required_scope = i;
		}
	}
	AbacScanEnd(&scan);

	AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, resource_type);
	return resource_type;
}
