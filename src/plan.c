/*
 * plan.c
 *	  What can decide one kind of request: a subject, a resource type and an
 *	  action (DESIGN §5).
 *
 * Everything of a decision that doesn't depend on ctx or on attributes is
 * settled here, once, for as long as no window opens or closes and nothing is
 * changed: which permissions match, which rules are in force and targeted,
 * which policies can have an outcome at all.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "cache.h"
#include "plan.h"

/* A policy that is being walked. */
typedef struct Walk
{
	uint64		number;
	AbacPlan   *plan;
	AbacPlanPolicy *policy;
	AbacString	type;
	AbacString	action;
	TimestampTz now;
	int			deny_size;
	List	   *too_deep;		/* groups that are yet to be walked, by themselves */
} Walk;

static void *
Allocate(Size size)
{
	return MemoryContextAllocZero(AbacSubjectMemory, size);
}

static bool
Targets(const AbacRule *rule, AbacString type, AbacString action)
{
	if (rule->resource_type.data && !AbacStringEqual(rule->resource_type, type))
		return false;
	if (rule->all_actions)
		return true;
	for (int i = 0; i < rule->nactions; i++)
	{
		if (AbacStringEqual(rule->actions[i], action))
			return true;
	}
	return false;
}

static void
AddDenyRule(Walk *walk, AbacRule *rule)
{
	AbacPlanPolicy *policy = walk->policy;

	if (policy->ndeny == walk->deny_size)
	{
		walk->deny_size = walk->deny_size ? walk->deny_size * 2 : 4;
		policy->deny = policy->deny
			? repalloc(policy->deny, sizeof(AbacRule *) * walk->deny_size)
			: Allocate(sizeof(AbacRule *) * walk->deny_size);
	}
	policy->deny[policy->ndeny++] = rule;
}

/*
 * A constant that never helps the policy match, however many NOTs stand above:
 * odd says whether their number is odd.
 */
static void
NeverHelps(AbacPlanNode *node, bool odd, const char *why)
{
	node->kind = ABAC_PLAN_CONSTANT;
	node->constant = odd ? ABAC_TRUE : ABAC_FALSE;
	node->why = why;
}

static AbacPlanNode *
PlanRule(Walk *walk, AbacRule *rule, bool odd)
{
	AbacPlanNode *node = Allocate(sizeof(AbacPlanNode));
	bool		first = rule->walk != walk->number;

	rule->walk = walk->number;
	node->rule = rule;
	if (!rule->is_active)
		NeverHelps(node, odd, "the rule is not active");
	else if (!AbacWindowIsOpen(&rule->window, walk->now, &walk->plan->span))
		NeverHelps(node, odd, "the rule's time window is not open");
	else if (!Targets(rule, walk->type, walk->action))
	{
		node->kind = ABAC_PLAN_CONSTANT;
		node->constant = ABAC_FALSE;
		node->why = "the rule is about another resource type or action";
		return node;
	}
	else
	{
		node->kind = ABAC_PLAN_RULE;
		walk->policy->targeted = true;
		if (first && rule->effect == ABAC_EFFECT_DENY)
			AddDenyRule(walk, rule);
		return node;
	}
	walk->policy->complete = false;
	return node;
}

/* The policy has no value; node is where that shows, or NULL. */
static void
Break(Walk *walk, AbacPlanNode *node, const char *why)
{
	if (walk->policy->broken == NULL)
		walk->policy->broken = why;
	if (node && node->why == NULL)
		node->why = why;
}

/*
 * A group of the policy.  odd: is the number of NOT groups above it odd?
 * level: 1 for the policy's own groups.  NULL when it has no value to speak of.
 *
 * Broken data (DESIGN §2: a cycle, a missing or foreign member) makes the
 * policy unknown; its rules are still walked, since a deny rule among them
 * still denies.
 */
static AbacPlanNode *
PlanGroup(Walk *walk, AbacGroup *group, bool odd, int level)
{
	AbacPlanNode *node;
	bool		odd_below = odd != (group->logic == ABAC_LOGIC_NOT);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (group->walk != walk->number)
	{
		group->walk = walk->number;
		group->nodes[0] = group->nodes[1] = NULL;
		group->is_open[0] = group->is_open[1] = false;
	}
	if (group->is_open[0] || group->is_open[1])
	{
		Break(walk, NULL, "its rule groups form a cycle");
		return NULL;
	}
	if (group->nodes[odd])
		return group->nodes[odd];
	if (level > ABAC_MAX_GROUP_LEVELS)
	{
		Break(walk, NULL, "its rule groups are nested too deeply");
		walk->too_deep = lappend(walk->too_deep, group);
		return NULL;
	}

	node = Allocate(sizeof(AbacPlanNode));
	node->group = group;
	node->height = 1;
	if (group->broken)
		Break(walk, node, group->broken);
	if (group->nmembers == 0)
	{
		NeverHelps(node, odd, "the group is empty");
		walk->policy->complete = false;
		group->nodes[odd] = node;
		return node;
	}

	group->is_open[odd] = true;
	switch (group->logic)
	{
		case ABAC_LOGIC_AND:
			node->kind = ABAC_PLAN_AND;
			break;
		case ABAC_LOGIC_OR:
			node->kind = ABAC_PLAN_OR;
			break;
		case ABAC_LOGIC_NOT:
			node->kind = ABAC_PLAN_NOT;
			break;
	}
	node->children = Allocate(sizeof(AbacPlanNode *) * group->nmembers);
	for (int i = 0; i < group->nmembers; i++)
	{
		const AbacMember *member = &group->members[i];
		AbacPlanNode *child = NULL;

		if (member->is_group)
		{
			AbacGroup  *child_group = AbacGetGroup(&member->id);

			if (AbacIsForeign(child_group->organization, group->organization))
				Break(walk, node, "a rule group that is a member belongs to another organization");
			child = PlanGroup(walk, child_group, odd_below, level + 1);
		}
		else if (member->rule == NULL)
			Break(walk, node, "a rule that is a member is missing");
		else
		{
			if (AbacIsForeign(member->rule->organization, group->organization))
				Break(walk, node, "a rule that is a member belongs to another organization");
			child = PlanRule(walk, member->rule, odd_below);
		}
		if (child)
		{
			node->children[node->nchildren++] = child;
			node->height = Max(node->height, child->height + 1);
		}
	}
	group->is_open[odd] = false;
	if (node->height > ABAC_MAX_GROUP_LEVELS)
		Break(walk, node, "its rule groups are nested too deeply");

	group->nodes[odd] = node;
	return node;
}

static void
PlanPolicy(AbacPlan *plan, AbacPlanPolicy *policy, const AbacRequest *request, TimestampTz now)
{
	static uint64 last_walk = 0;
	Walk		walk = {
		.number = ++last_walk,
		.plan = plan,
		.policy = policy,
		.type = request->type,
		.action = request->action,
		.now = now
	};

	policy->complete = true;
	policy->groups = Allocate(sizeof(AbacPlanNode *) * Max(policy->policy->nmembers, 1));
	for (int i = 0; i < policy->policy->nmembers; i++)
	{
		AbacGroup  *group = AbacGetGroup(&policy->policy->members[i].id);
		AbacPlanNode *node;

		if (AbacIsForeign(group->organization, policy->policy->organization))
			Break(&walk, NULL, "a rule group belongs to another organization");
		node = PlanGroup(&walk, group, false, 1);
		if (node)
			policy->groups[policy->ngroups++] = node;
	}

	/* for their deny rules; the stack doesn't grow with the depth */
	while (walk.too_deep != NIL)
	{
		AbacGroup  *group = linitial(walk.too_deep);

		walk.too_deep = list_delete_first(walk.too_deep);
		(void) PlanGroup(&walk, group, false, 1);
	}
}

static bool
CanDeny(const AbacPlanPolicy *policy)
{
	return policy->policy->effect == ABAC_EFFECT_DENY ||
		policy->policy->default_effect == ABAC_EFFECT_DENY || policy->ndeny > 0;
}

static void
PlanPolicies(AbacPlan *plan, const AbacRequest *request, TimestampTz now)
{
	const AbacSubject *subject = plan->subject;

	plan->npolicies = subject->ncandidates;
	plan->policies = Allocate(sizeof(AbacPlanPolicy) * Max(plan->npolicies, 1));
	plan->effective = Allocate(sizeof(AbacPlanPolicy *) * Max(plan->npolicies, 1));
	for (int i = 0; i < plan->npolicies; i++)
	{
		AbacPlanPolicy *policy = &plan->policies[i];

		policy->candidate = &subject->candidates[i];
		policy->policy = policy->candidate->policy;
		PlanPolicy(plan, policy, request, now);

		if (!policy->targeted && policy->broken == NULL)
			continue;
		if (!CanDeny(policy) && !policy->candidate->allow)
			continue;
		plan->effective[plan->neffective++] = policy;
		if (policy->policy->organization.data == NULL && CanDeny(policy))
			plan->platform_can_deny = true;
	}
}

/* Direct permissions (DESIGN §5, steps 2 and 3). */
static void
PlanUserPermissions(AbacPlan *plan)
{
	for (int i = 0; i < plan->subject->npermissions; i++)
	{
		const AbacUserPermission *permission = &plan->subject->permissions[i];
		bool		matches = false;

		for (int j = 0; j < plan->permissions->npermissions && !matches; j++)
			matches = memcmp(&plan->permissions->permissions[j].id, &permission->permission,
							 sizeof(pg_uuid_t)) == 0;
		if (!matches)
			continue;
		if (!permission->granted)
			plan->user_deny = permission;
		else if (permission->context == ABAC_CONTEXT_GLOBAL)
			plan->user_allow = permission;
		else
			plan->user_allow_in_scope = permission;
	}
}

/* Legacy rules and roles (DESIGN §5, step 6). */
static void
PlanFallback(AbacPlan *plan, const AbacRequest *request)
{
	const AbacSubject *subject = plan->subject;
	AbacString	organization = subject->scope[ABAC_SCOPE_ORGANIZATION];

	if (organization.data)
	{
		AbacPolicyRules *rules = AbacGetPolicyRules(organization);

		plan->legacy = Allocate(sizeof(AbacPolicyRule *) * Max(rules->nrules, 1));
		for (int i = 0; i < rules->nrules; i++)
		{
			if (rules->rules[i].resource_type.data == NULL ||
				AbacStringEqual(rules->rules[i].resource_type, request->type))
				plan->legacy[plan->nlegacy++] = &rules->rules[i];
		}
	}

	plan->grants = Allocate(sizeof(AbacPlanGrant) * Max(subject->nroles, 1));
	for (int i = 0; i < subject->nroles; i++)
	{
		const AbacRole *role = subject->roles[i].role;
		AbacGrant  *grant = AbacGetGrant(role, request->type, request->action);
		bool		seen = false;

		for (int j = 0; j < plan->ngrants && !seen; j++)
			seen = plan->grants[j].role == role;
		if (!seen && grant->permission >= 0)
		{
			plan->grants[plan->ngrants].role = role;
			plan->grants[plan->ngrants].grant = grant;
			plan->ngrants++;
		}
	}
}

static AbacPlan *
MakePlan(const AbacRequest *request, TimestampTz now)
{
	AbacPlan   *plan = Allocate(sizeof(AbacPlan));
	int			required_scope;

	plan->subject = AbacGetSubject(request, now);
	plan->span = plan->subject->span;
	plan->mismatch = plan->subject->mismatch;
	if (plan->mismatch)
		return plan;

	required_scope = AbacGetResourceType(request->type)->required_scope;
	if (required_scope >= 0 && plan->subject->scope[required_scope].data == NULL)
	{
		static const char *const missing[ABAC_NSCOPES] = {
			"the resource type requires an organization",
			"the resource type requires a project",
			"the resource type requires a workspace"
		};

		plan->mismatch = missing[required_scope];
		return plan;
	}
	if (plan->subject->super_admin)
		return plan;

	plan->permissions = AbacGetPermissions(request->type, request->action);
	PlanUserPermissions(plan);
	PlanPolicies(plan, request, now);
	PlanFallback(plan, request);
	return plan;
}

/*
 * The plan for requests like this one, as of now.  In the subject layer; call
 * between AbacCacheBegin() and AbacCacheEnd().
 */
AbacPlan *
AbacGetPlan(const AbacRequest *request, TimestampTz now)
{
	AbacKey		key;
	AbacPlan   *plan;

	AbacKeyBegin(&key, ABAC_TAG_PLAN);
	AbacKeyAddString(&key, request->user);
	AbacKeyAddString(&key, request->action);
	AbacKeyAddString(&key, request->type);
	for (int i = 0; i < ABAC_NSCOPES; i++)
		AbacKeyAddString(&key, request->scope[i]);
	plan = AbacCacheFind(ABAC_CHANGE_SUBJECT, &key);
	if (plan && now >= plan->span.from && now <= plan->span.until)
		return plan;

	plan = MakePlan(request, now);
	AbacCacheAdd(ABAC_CHANGE_SUBJECT, &key, plan);
	return plan;
}
