/*
 * plan.c
 *	  What can decide one kind of request: a subject, a resource type and an
 *	  action (DESIGN §5).
 *
 * Everything of a decision that doesn't depend on ctx or on attributes is
 * settled here, once, for as long as no window opens or closes and nothing is
 * changed: which permissions match, which rules are in force and targeted,
 * and the steps that are left of the decision.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "cache.h"
#include "plan.h"
#include "stats.h"

/* A policy that is being walked. */
typedef struct Walk
{
	uint64		number;
	AbacPlan   *plan;
	AbacPlanPolicy *policy;
	AbacString	type;
	AbacString	action;
	TimestampTz now;
	List	   *too_deep;		/* groups that are yet to be walked, by themselves */
} Walk;

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

/* A node without anything but its kind, in the subject layer. */
AbacPlanNode *
AbacNewPlanNode(AbacPlanNodeKind kind)
{
	AbacPlanNode *node = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode));

	node->kind = kind;
	return node;
}

AbacPlanNode *
AbacPlanConstant(AbacTruth truth)
{
	AbacPlanNode *node = AbacNewPlanNode(ABAC_PLAN_CONSTANT);

	node->constant = truth;
	return node;
}

static AbacPlanNode *
Combine(AbacPlanNodeKind kind, AbacPlanNode **children, int nchildren)
{
	AbacPlanNode *node = AbacNewPlanNode(kind);

	node->children = children;
	node->nchildren = nchildren;
	return node;
}

/* AND or OR of two; NULL stands for what the other leaves as it is. */
static AbacPlanNode *
Pair(AbacPlanNodeKind kind, AbacPlanNode *a, AbacPlanNode *b)
{
	AbacPlanNode **children;

	if (a == NULL || b == NULL)
		return a ? a : b;
	children = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *) * 2);
	children[0] = a;
	children[1] = b;
	return Combine(kind, children, 2);
}

/* Is the child one of the truths?  A constant when the child is one. */
AbacPlanNode *
AbacPlanTest(int test, AbacPlanNode *child)
{
	AbacPlanNode *node;
	AbacPlanNode **children;

	if (child->kind == ABAC_PLAN_CONSTANT)
		return AbacPlanConstant(AbacTruthOf(test & (1 << child->constant)));
	children = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *));
	children[0] = child;
	node = Combine(ABAC_PLAN_TEST, children, 1);
	node->test = test;
	return node;
}

static AbacPlanNode *
Conditions(AbacPlan *plan, AbacConditions *conditions)
{
	AbacPlanNode *node;

	conditions = AbacConditionsOn(conditions, plan->relation);
	if (conditions->error)
		return AbacPlanConstant(ABAC_UNKNOWN);
	if (conditions->program == NULL)
		return AbacPlanConstant(ABAC_TRUE);
	node = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode));
	node->kind = ABAC_PLAN_CONDITIONS;
	node->conditions = conditions;
	return node;
}

static void
AddDenyRule(Walk *walk, AbacPlanNode *rule)
{
	AbacPlanPolicy *policy = walk->policy;

	policy->deny = AbacGrow(ABAC_LAYER_SUBJECTS, policy->deny, policy->ndeny, sizeof(AbacPlanNode *));
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
	AbacPlanNode *node = Conditions(walk->plan, &rule->conditions);
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
		walk->policy->targeted = true;
		if (first && rule->effect == ABAC_EFFECT_DENY)
			AddDenyRule(walk, node);
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

	node = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode));
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
	node->children = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *) * group->nmembers);
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
		else
		{
			AbacRule   *rule = AbacGetRule(&member->id);

			if (rule == NULL)
			{
				Break(walk, node, "a rule that is a member is missing");
				continue;
			}
			if (AbacIsForeign(rule->organization, group->organization))
				Break(walk, node, "a rule that is a member belongs to another organization");
			child = PlanRule(walk, rule, odd_below);
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
	policy->groups = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *) * Max(policy->policy->nmembers, 1));
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

/*
 * The four ways in which a policy has an outcome (DESIGN §5, step 5), from its
 * value and from whether one of its deny rules binds, being not false.
 */
static void
SettleOutcome(AbacPlanPolicy *policy)
{
	bool		deny = policy->policy->effect == ABAC_EFFECT_DENY;
	bool		default_deny = policy->policy->default_effect == ABAC_EFFECT_DENY;
	bool		default_allow = policy->policy->default_effect == ABAC_EFFECT_ALLOW && policy->complete;
	AbacPlanNode *value;
	AbacPlanNode *binds = NULL;

	if (policy->broken)
		value = AbacPlanConstant(ABAC_UNKNOWN);
	else if (policy->ngroups == 0)
		value = AbacPlanConstant(ABAC_FALSE);
	else
		value = Combine(ABAC_PLAN_AND, policy->groups, policy->ngroups);
	policy->value = value;
	if (!policy->targeted && policy->broken == NULL)
		return;

	if (policy->ndeny > 0)
		binds = AbacPlanTest(ABAC_IS_UNKNOWN | ABAC_IS_TRUE,
					 Combine(ABAC_PLAN_OR, policy->deny, policy->ndeny));

	/* an effect of deny, or a deny rule that binds, where the value isn't false */
	if (deny)
		policy->deny_if = AbacPlanTest(ABAC_IS_UNKNOWN | ABAC_IS_TRUE, value);
	else if (binds)
		policy->deny_if = default_allow ? binds :
			Pair(ABAC_PLAN_AND, AbacPlanTest(ABAC_IS_UNKNOWN | ABAC_IS_TRUE, value), binds);
	/* a deny rule binds where the default would allow, too */
	if (deny && default_allow && binds)
		policy->deny_if = Pair(ABAC_PLAN_OR, policy->deny_if, binds);
	if (!deny && default_deny)
		policy->deny_if = Pair(ABAC_PLAN_OR, policy->deny_if, AbacPlanTest(ABAC_IS_UNKNOWN, value));
	if (default_deny)
		policy->deny_by_default_if = AbacPlanTest(ABAC_IS_FALSE, value);

	/* a scope assignment lets an allow through for members only */
	if (!policy->candidate->allow)
		return;
	if (!deny)
		policy->allow_if = value;
	if (default_allow)
		policy->allow_by_default_if = AbacPlanTest(ABAC_IS_FALSE, value);
}

static void
PlanPolicies(AbacPlan *plan, const AbacRequest *request, TimestampTz now)
{
	const AbacSubject *subject = plan->subject;

	plan->npolicies = subject->ncandidates;
	plan->policies = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanPolicy) * Max(plan->npolicies, 1));
	for (int i = 0; i < plan->npolicies; i++)
	{
		AbacPlanPolicy *policy = &plan->policies[i];

		policy->candidate = &subject->candidates[i];
		policy->policy = policy->candidate->policy;
		PlanPolicy(plan, policy, request, now);
		SettleOutcome(policy);
	}
}

/* Legacy rules of the organization (DESIGN §5, step 6). */
static void
PlanPolicyRules(AbacPlan *plan, const AbacRequest *request)
{
	AbacString	organization = plan->subject->scope[ABAC_SCOPE_ORGANIZATION];
	AbacPolicyRules *rules;

	if (organization.data == NULL)
		return;
	rules = AbacGetPolicyRules(organization);
	plan->legacy = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanPolicyRule) * Max(rules->nrules, 1));
	for (int i = 0; i < rules->nrules; i++)
	{
		AbacPolicyRule *rule = rules->rules[i];

		if (rule->resource_type.data && !AbacStringEqual(rule->resource_type, request->type))
			continue;
		plan->legacy[plan->nlegacy].rule = rule;
		plan->legacy[plan->nlegacy].holds = Conditions(plan, &rule->conditions);
		plan->nlegacy++;
	}
}

/*
 * Does a role grant?  For each permission that matches, every AND condition
 * and, where there are OR ones, any of those.
 */
static void
PlanGrant(AbacPlan *plan, AbacPlanGrant *result)
{
	const AbacGrant *grant = result->grant;
	AbacPlanNode **all = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *) *
								  Max(grant->nconditions + grant->matching->npermissions, 1));
	int			nall = 0;

	result->conditions = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacConditions *) * Max(grant->nconditions, 1));
	for (int i = 0; i < grant->matching->npermissions; i++)
	{
		AbacPlanNode **any = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanNode *) * Max(grant->nconditions, 1));
		int			nany = 0;

		for (int j = 0; j < grant->nconditions; j++)
		{
			AbacCondition *condition = grant->conditions[j];
			AbacPlanNode *node;

			if (condition->permission != i)
				continue;
			node = Conditions(plan, &condition->conditions);
			result->conditions[j] = AbacConditionsOn(&condition->conditions, plan->relation);
			if (condition->is_or)
				any[nany++] = node;
			else
				all[nall++] = node;
		}
		if (nany > 0)
			all[nall++] = Combine(ABAC_PLAN_OR, any, nany);
	}
	result->holds = Combine(ABAC_PLAN_AND, all, nall);
}

/* Roles held (DESIGN §5, step 6). */
static void
PlanGrants(AbacPlan *plan, const AbacRequest *request)
{
	const AbacSubject *subject = plan->subject;

	plan->grants = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlanGrant) * Max(subject->nroles, 1));
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
			PlanGrant(plan, &plan->grants[plan->ngrants]);
			plan->ngrants++;
		}
	}
}

/* A new step at the end; what can never be true isn't one, and NULL is returned. */
static AbacStep *
AddStep(AbacPlan *plan, AbacStepKind kind, AbacPlanNode *test, AbacReason reason)
{
	AbacStep   *step;

	if (test && test->kind == ABAC_PLAN_CONSTANT && test->constant == ABAC_FALSE)
		return NULL;
	plan->steps = AbacGrow(ABAC_LAYER_SUBJECTS, plan->steps, plan->nsteps, sizeof(AbacStep));
	step = &plan->steps[plan->nsteps++];
	memset(step, 0, sizeof(AbacStep));
	step->kind = kind;
	step->test = test;
	step->ground.reason = reason;
	return step;
}

static void
AddPolicyStep(AbacPlan *plan, AbacStepKind kind, AbacPlanNode *test, AbacReason reason,
			  const AbacPlanPolicy *policy)
{
	AbacStep   *step = test ? AddStep(plan, kind, test, reason) : NULL;

	if (step)
		step->ground.policy = policy->policy;
}

/*
 * Steps for policies i to end - 1, which are of one priority: deny wins, and an
 * explicit outcome is named before a default.  With platform_only, of the
 * platform-wide ones, where an allow only ends the search (DESIGN §5, step 3).
 */
static void
AddLevel(AbacPlan *plan, int i, int end, bool platform_only)
{
	for (int outcome = 0; outcome < 4; outcome++)
	{
		for (int j = i; j < end; j++)
		{
			const AbacPlanPolicy *policy = &plan->policies[j];

			if (platform_only && policy->policy->organization.data)
				continue;
			if (outcome == 0)
				AddPolicyStep(plan, ABAC_STEP_DENY, policy->deny_if,
							  ABAC_REASON_POLICY_DENY, policy);
			else if (outcome == 1)
				AddPolicyStep(plan, ABAC_STEP_DENY, policy->deny_by_default_if,
							  ABAC_REASON_POLICY_DEFAULT, policy);
			else if (outcome == 2)
				AddPolicyStep(plan, platform_only ? ABAC_STEP_JUMP : ABAC_STEP_ALLOW,
							  platform_only && policy->allow_if
							  ? AbacPlanTest(ABAC_IS_TRUE, policy->allow_if) : policy->allow_if,
							  ABAC_REASON_POLICY_ALLOW, policy);
			else
				AddPolicyStep(plan, platform_only ? ABAC_STEP_JUMP : ABAC_STEP_ALLOW,
							  policy->allow_by_default_if, ABAC_REASON_POLICY_DEFAULT, policy);
		}
	}
}

static void
AddLevels(AbacPlan *plan, bool platform_only)
{
	int			first = plan->nsteps;

	for (int i = 0, end; i < plan->npolicies; i = end)
	{
		for (end = i + 1; end < plan->npolicies; end++)
		{
			if (plan->policies[end].policy->priority != plan->policies[i].policy->priority)
				break;
		}
		AddLevel(plan, i, end, platform_only);
	}
	if (platform_only)
	{
		/* behind the last that denies nothing can come of them */
		while (plan->nsteps > first && plan->steps[plan->nsteps - 1].kind == ABAC_STEP_JUMP)
			plan->nsteps--;
		for (int i = first; i < plan->nsteps; i++)
			plan->steps[i].target = plan->nsteps;
	}
}

/* Is one of the policies a tenant's, which a platform-wide denial goes before? */
static bool
HasTenantPolicy(const AbacPlan *plan)
{
	for (int i = 0; i < plan->npolicies; i++)
	{
		if (plan->policies[i].policy->organization.data)
			return true;
	}
	return false;
}

/* Direct permissions, by what they say. */
typedef struct Direct
{
	const AbacUserPermission *deny;
	const AbacUserPermission *allow;	/* in context global */
	const AbacUserPermission *allow_in_scope;
} Direct;

static Direct
FindUserPermissions(const AbacPlan *plan)
{
	Direct		direct = {NULL, NULL, NULL};

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
			direct.deny = permission;
		else if (permission->context == ABAC_CONTEXT_GLOBAL)
			direct.allow = permission;
		else
			direct.allow_in_scope = permission;
	}
	return direct;
}

static void
AddUserStep(AbacPlan *plan, AbacStepKind kind, AbacReason reason,
			const AbacUserPermission *permission)
{
	AddStep(plan, kind, NULL, reason)->ground.user_permission = permission;
}

/* Legacy rules, by priority as policies are; then roles (DESIGN §5, step 6). */
static void
AddFallback(AbacPlan *plan)
{
	int			first = plan->nsteps;

	for (int i = 0, end; i < plan->nlegacy; i = end)
	{
		for (end = i + 1; end < plan->nlegacy; end++)
		{
			if (plan->legacy[end].rule->priority != plan->legacy[i].rule->priority)
				break;
		}
		for (int allow = 0; allow < 2; allow++)
		{
			for (int j = i; j < end; j++)
			{
				const AbacPlanPolicyRule *legacy = &plan->legacy[j];
				AbacStep   *step = NULL;

				if (allow != (legacy->rule->effect == ABAC_EFFECT_ALLOW))
					continue;
				if (!allow)
					step = AddStep(plan, ABAC_STEP_DENY,
								   AbacPlanTest(ABAC_IS_UNKNOWN | ABAC_IS_TRUE, legacy->holds),
								   ABAC_REASON_LEGACY_DENY);
				else if (plan->subject->member[ABAC_SCOPE_ORGANIZATION])
					step = AddStep(plan, ABAC_STEP_HOLD, legacy->holds, ABAC_REASON_LEGACY_ALLOW);
				if (step)
					step->ground.policy_rule = legacy->rule;
			}
		}
	}
	for (int i = first; i < plan->nsteps; i++)
		plan->steps[i].target = plan->nsteps;

	for (int i = 0; i < plan->ngrants; i++)
	{
		AbacStep   *step = AddStep(plan, ABAC_STEP_ALLOW, plan->grants[i].holds,
								   ABAC_REASON_ROLE_ALLOW);

		if (step)
		{
			step->ground.role = plan->grants[i].role;
			step->ground.grant = plan->grants[i].grant;
		}
	}
}

/* The steps of DESIGN §5, from 2 on. */
static void
PlanSteps(AbacPlan *plan)
{
	Direct		direct = FindUserPermissions(plan);

	if (direct.deny)
	{
		AddUserStep(plan, ABAC_STEP_DENY, ABAC_REASON_USER_DENY, direct.deny);
		return;
	}
	if (direct.allow)
	{
		AddUserStep(plan, ABAC_STEP_ALLOW, ABAC_REASON_USER_ALLOW, direct.allow);
		return;
	}
	plan->policies_asked = true;
	if (direct.allow_in_scope || HasTenantPolicy(plan))
		AddLevels(plan, true);
	if (direct.allow_in_scope)
	{
		AddUserStep(plan, ABAC_STEP_ALLOW, ABAC_REASON_USER_ALLOW, direct.allow_in_scope);
		return;
	}
	AddLevels(plan, false);
	AddFallback(plan);
}

static AbacPlan *
MakePlan(const AbacRequest *request, TimestampTz now)
{
	AbacPlan   *plan = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacPlan));
	int			required_scope;

	plan->action = AbacCopyString(AbacSubjectMemory, request->action);
	plan->type = AbacCopyString(AbacSubjectMemory, request->type);
	plan->elsewhere = request->elsewhere;
	plan->relation = request->relation;
	for (int i = 0; i < ABAC_NSCOPES; i++)
		plan->scope[i] = AbacCopyString(AbacSubjectMemory, request->scope[i]);
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
	{
		AddStep(plan, ABAC_STEP_ALLOW, NULL, ABAC_REASON_SUPER_ADMIN)->ground.role = plan->subject->super_admin;
		return plan;
	}

	plan->permissions = AbacGetPermissions(request->type, request->action);
	PlanPolicies(plan, request, now);
	PlanPolicyRules(plan, request);
	PlanGrants(plan, request);
	PlanSteps(plan);
	return plan;
}

/*
 * Plans that were asked for lately, which are found without making a key of the
 * request: a place each for requests that look alike.
 */
#define RECENT_PLANS	64

static struct
{
	AbacPlan   *plan;
	uint64		version;		/* of the cache that has it */
	uint64		check;			/* the number of the one that found it there */
}			recent[RECENT_PLANS];

static inline uint64
Mix(uint64 hash, AbacString string)
{
	uint64		bits = string.length;

	if (string.length >= (int) sizeof(bits))
		bits = AbacEightBytes(string.data + string.length - sizeof(bits));
	else
	{
		for (int i = 0; i < string.length; i++)
			bits = bits << 8 | (unsigned char) string.data[i];
	}
	return (hash ^ bits) * UINT64CONST(0x9E3779B97F4A7C15);
}

static bool
IsFor(const AbacPlan *plan, const AbacRequest *request)
{
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (!AbacStringEqual(plan->scope[i], request->scope[i]))
			return false;
	}
	return AbacStringEqual(plan->subject->user, request->user) &&
		AbacStringEqual(plan->action, request->action) &&
		AbacStringEqual(plan->type, request->type) &&
		plan->relation == request->relation && plan->elsewhere == request->elsewhere;
}

static AbacPlan *GetPlan(const AbacRequest *request, TimestampTz now);

/*
 * The plan for requests like this one, as of now.  In the subject layer; call
 * between AbacCacheBegin() and AbacCacheEnd().
 */
AbacPlan *
AbacGetPlan(const AbacRequest *request, TimestampTz now)
{
	uint64		hash = Mix(Mix(Mix(0, request->user), request->action), request->type);
	AbacPlan   *plan;
	int			place;

	for (int i = 0; i < ABAC_NSCOPES; i++)
		hash = Mix(hash, request->scope[i]);
	place = hash >> 58;
	plan = recent[place].plan;
	if (recent[place].version == AbacCacheVersion && IsFor(plan, request) &&
		now >= plan->span.from && now <= plan->span.until)
	{
		AbacCacheIsAbout(request->user, recent[place].check != AbacCheckNumber);
		return plan;
	}

	plan = GetPlan(request, now);
	recent[place].plan = plan;
	recent[place].version = AbacCheckVersion;
	recent[place].check = AbacCheckNumber;
	return plan;
}

static AbacPlan *
GetPlan(const AbacRequest *request, TimestampTz now)
{
	AbacKey		key;
	AbacPlan   *plan;

	AbacKeyBegin(&key, ABAC_TAG_PLAN);
	AbacKeyAddString(&key, request->user);
	AbacKeyAddString(&key, request->action);
	AbacKeyAddString(&key, request->type);
	for (int i = 0; i < ABAC_NSCOPES; i++)
		AbacKeyAddString(&key, request->scope[i]);
	if (request->relation)
		AbacKeyAddOid(&key, request->relation->oid);
	if (request->elsewhere)
		AbacKeyAddOid(&key, InvalidOid);
	plan = AbacCacheFindUser(ABAC_LAYER_SUBJECTS, &key, request->user);
	if (plan && now >= plan->span.from && now <= plan->span.until)
		return plan;

	AbacStatsMiss();
	plan = MakePlan(request, now);
	AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, plan);
	return plan;
}
