/*
 * explain.c
 *	  Why a request is decided as it is (DESIGN §5, abac_explain).
 *
 * The decision is made by AbacDecide(), as in abac_check(); then every policy
 * that was asked is shown, down to the leaves, each with the value that the
 * evaluator gives it.  There is no second evaluator: the same functions are
 * called on the parts.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "cache.h"
#include "check_row.h"
#include "decide.h"
#include "explain.h"

PG_FUNCTION_INFO_V1(abac_explain);
PG_FUNCTION_INFO_V1(abac_explain_uuid);
PG_FUNCTION_INFO_V1(abac_explain_bigint);
PG_FUNCTION_INFO_V1(abac_explain_row);
PG_FUNCTION_INFO_V1(abac_explain_row_uuid);
PG_FUNCTION_INFO_V1(abac_explain_row_bigint);

/*
 * Groups that share members are shown wherever they are members, which can be
 * a great many times: from here on members are left out.
 */
#define MAX_SHOWN_NODES		20000

typedef struct Explainer
{
	JsonbParseState *state;
	JsonbValue *result;			/* of the last push */
	AbacCheck  *check;
	int			nshown;
} Explainer;

static void
Push(Explainer *explainer, JsonbIteratorToken token)
{
	explainer->result = pushJsonbValue(&explainer->state, token, NULL);
}

static void
PushKey(Explainer *explainer, const char *key)
{
	AbacValue	value = {.kind = ABAC_KIND_STRING, .u.string = AbacStringOf(key)};

	AbacValueToJson(&explainer->state, WJB_KEY, &value);
}

/* key: value; NULL = JSON null. */
static void
PushValue(Explainer *explainer, const char *key, const AbacValue *value)
{
	AbacValue	null = {.kind = ABAC_KIND_NULL};

	PushKey(explainer, key);
	AbacValueToJson(&explainer->state, WJB_VALUE, value ? value : &null);
}

/* key: text; none = JSON null. */
static void
PushText(Explainer *explainer, const char *key, AbacString text)
{
	AbacValue	value = {.kind = ABAC_KIND_STRING, .u.string = text};

	PushValue(explainer, key, text.data ? &value : NULL);
}

static void
PushWord(Explainer *explainer, const char *key, const char *word)
{
	PushText(explainer, key, AbacStringOf(word));
}

static void
PushBool(Explainer *explainer, const char *key, bool boolean)
{
	AbacValue	value = {.kind = ABAC_KIND_BOOLEAN, .u.boolean = boolean};

	PushValue(explainer, key, &value);
}

static void
PushInt(Explainer *explainer, const char *key, int number)
{
	AbacValue	value = {.kind = ABAC_KIND_NUMBER, .u.number = int64_to_numeric(number)};

	PushValue(explainer, key, &value);
}

static void
PushId(Explainer *explainer, const pg_uuid_t *id)
{
	PushWord(explainer, "id", AbacUuidText(id));
}

static const char *
TruthName(AbacTruth truth)
{
	switch (truth)
	{
		case ABAC_FALSE:
			return "false";
		case ABAC_UNKNOWN:
			return "unknown";
		case ABAC_TRUE:
			return "true";
	}
	elog(ERROR, "unrecognized truth: %d", (int) truth);
}

static const char *
EffectName(AbacEffect effect)
{
	switch (effect)
	{
		case ABAC_EFFECT_NONE:
			return NULL;
		case ABAC_EFFECT_ALLOW:
			return "allow";
		case ABAC_EFFECT_DENY:
			return "deny";
	}
	elog(ERROR, "unrecognized effect: %d", (int) effect);
}

static const char *
ScopeName(int context)
{
	return context == ABAC_CONTEXT_GLOBAL ? "global" : AbacScopeNames[context];
}

/* The value that a leaf's left side has, after its path; NULL = none. */
static const AbacValue *
ActualValue(const AbacLeaf *leaf, AbacValue *dug)
{
	*dug = leaf->attribute->raw;
	return leaf->attribute->found && AbacDig(dug, leaf->path, leaf->npath) ? dug : NULL;
}

static const char *
MissingWhy(const AbacAttribute *attribute)
{
	if (attribute->origin == ABAC_ORIGIN_STORED_ORGANIZATION ||
		attribute->origin == ABAC_ORIGIN_STORED_GLOBAL)
		return psprintf("%s is stored as null", attribute->name.data);
	if (attribute->source != ABAC_SOURCE_ANY)
		return psprintf("%s is missing (its definition lets it come from stored attributes only)",
						attribute->name.data);
	return psprintf("%s is missing", attribute->name.data);
}

/* Why a leaf that was just evaluated isn't true; NULL when it is. */
static const char *
LeafWhy(const AbacLeaf *leaf, AbacTruth truth, const AbacValue *actual)
{
	const AbacAttribute *attribute = leaf->attribute;

	if (truth == ABAC_TRUE)
		return NULL;
	if (leaf->op == ABAC_OP_EXISTS && !leaf->wanted)
		return psprintf("%s has a value", attribute->name.data);
	if (!attribute->found)
		return MissingWhy(attribute);
	if (leaf->op == ABAC_OP_EXISTS)
		return psprintf(attribute->origin == ABAC_ORIGIN_DEFAULT
						? "%s has only its default" : "%s has nothing at the path",
						attribute->name.data);
	if (truth == ABAC_FALSE)
		return "the comparison is false";
	if (!attribute->shaped)
		return psprintf("the value of %s contradicts its definition", attribute->name.data);
	if (actual == NULL)
		return psprintf("%s has nothing at the path", attribute->name.data);
	if (leaf->incomparable)
		return leaf->incomparable_why;
	if (leaf->reference && !leaf->reference->found)
		return MissingWhy(leaf->reference);
	if (leaf->reference && !leaf->reference->shaped)
		return psprintf("the value of %s contradicts its definition", leaf->reference->name.data);
	return "the types don't compare";
}

static void
ExplainLeaf(Explainer *explainer, const AbacLeaf *leaf)
{
	AbacTruth	truth = AbacEvaluateLeaf(explainer->check, leaf, NULL);
	AbacValue	dug;
	const AbacValue *actual;

	/* the evaluator may not have needed them */
	AbacAttributeLookup(explainer->check, leaf->attribute);
	if (leaf->reference)
		AbacAttributeLookup(explainer->check, leaf->reference);
	actual = ActualValue(leaf, &dug);

	PushText(explainer, "attribute", leaf->attribute->name);
	if (leaf->npath > 0)
	{
		StringInfoData path;

		initStringInfo(&path);
		appendStringInfoChar(&path, '$');
		for (int i = 0; i < leaf->npath; i++)
			appendStringInfo(&path, ".%.*s", leaf->path[i].length, leaf->path[i].data);
		PushWord(explainer, "path", path.data);
	}
	PushWord(explainer, "operator", leaf->op_name);
	if (leaf->reference)
	{
		PushKey(explainer, "expected");
		Push(explainer, WJB_BEGIN_OBJECT);
		PushText(explainer, "ref", leaf->reference->name);
		PushValue(explainer, "value", leaf->reference->found ? &leaf->reference->raw : NULL);
		PushWord(explainer, "source", AbacOriginName(leaf->reference->origin));
		Push(explainer, WJB_END_OBJECT);
	}
	else
		PushValue(explainer, "expected", &leaf->raw);
	PushValue(explainer, "actual", actual);
	PushWord(explainer, "source", AbacOriginName(leaf->attribute->origin));
	PushWord(explainer, "value", TruthName(truth));
	PushWord(explainer, "why", LeafWhy(leaf, truth, actual));
}

/* One node of a condition tree, as an object. */
static void
ExplainNode(Explainer *explainer, const AbacProgram *program, uint32 index)
{
	const AbacNode *node = &program->nodes[index];

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	explainer->nshown++;
	Push(explainer, WJB_BEGIN_OBJECT);
	if (node->description.data)
		PushText(explainer, "description", node->description);
	if (node->kind == ABAC_NODE_LEAF)
		ExplainLeaf(explainer, node->leaf);
	else
	{
		PushWord(explainer, "value", TruthName(AbacEvaluateNode(explainer->check, program, index)));
		if (node->kind == ABAC_NODE_CONSTANT)
			PushBool(explainer, "constant", node->constant);
		else
		{
			PushWord(explainer, "logic",
					 node->kind == ABAC_NODE_AND ? "and" : node->kind == ABAC_NODE_OR ? "or" : "not");
			PushKey(explainer, "conditions");
			Push(explainer, WJB_BEGIN_ARRAY);
			for (uint32 i = index + 1; i < node->end; i = program->nodes[i].end)
				ExplainNode(explainer, program, i);
			Push(explainer, WJB_END_ARRAY);
		}
	}
	Push(explainer, WJB_END_OBJECT);
}

/* Conditions, or why they can't be evaluated. */
static void
ExplainConditions(Explainer *explainer, const AbacConditions *conditions)
{
	const AbacProgram *program = conditions->program;
	const AbacError *error = conditions->error;

	if (error)
		PushWord(explainer, "why",
				 psprintf("the conditions don't compile: %s%s%s", error->message,
						  error->detail ? ". " : "", error->detail ? error->detail : ""));
	else if (program)
	{
		PushKey(explainer, "conditions");
		ExplainNode(explainer, program, 0);
	}
}

/* A group or rule of a policy, as an object. */
static void
ExplainPlanNode(Explainer *explainer, AbacPlanNode *node)
{
	AbacTruth	truth = AbacPlanNodeTruth(explainer->check, node);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	explainer->nshown++;
	Push(explainer, WJB_BEGIN_OBJECT);
	PushWord(explainer, "value", TruthName(truth));
	if (node->why)
		PushWord(explainer, "why", node->why);
	if (node->rule)
	{
		PushWord(explainer, "kind", "rule");
		PushId(explainer, &node->rule->id);
		PushText(explainer, "name", node->rule->name);
		PushWord(explainer, "effect", EffectName(node->rule->effect));
		PushInt(explainer, "priority", node->rule->priority);
		if (node->why == NULL)
			ExplainConditions(explainer, AbacConditionsOn(&node->rule->conditions,
														  explainer->check->request->relation));
	}
	else
	{
		static const char *const logics[] = {"and", "or", "not"};

		PushWord(explainer, "kind", "group");
		PushId(explainer, &node->group->id);
		PushText(explainer, "name", node->group->name);
		PushWord(explainer, "logic", logics[node->group->logic]);
		if (explainer->nshown > MAX_SHOWN_NODES)
			PushBool(explainer, "elided", true);
		else
		{
			PushKey(explainer, "members");
			Push(explainer, WJB_BEGIN_ARRAY);
			for (int i = 0; i < node->nchildren; i++)
				ExplainPlanNode(explainer, node->children[i]);
			Push(explainer, WJB_END_ARRAY);
		}
	}
	Push(explainer, WJB_END_OBJECT);
}

/* Why a policy has no outcome though its value might suggest one; or NULL. */
static const char *
PolicyWhy(const AbacPlanPolicy *policy, AbacOutcome outcome)
{
	if (policy->broken)
		return policy->broken;
	if (!policy->targeted)
		return "none of its rules in force is about this resource type and action";
	if (outcome.effect != ABAC_EFFECT_NONE)
		return NULL;
	if (outcome.value == ABAC_FALSE && policy->policy->default_effect == ABAC_EFFECT_ALLOW &&
		!policy->complete)
		return "its default needs every rule in force and no group empty";
	if (outcome.value == ABAC_TRUE ||
		(outcome.value == ABAC_FALSE && policy->policy->default_effect == ABAC_EFFECT_ALLOW))
		return "an allow of this policy is for members of the scope only";
	return NULL;
}

static void
ExplainPolicy(Explainer *explainer, const AbacPlanPolicy *policy)
{
	AbacOutcome outcome = AbacPolicyOutcome(explainer->check, policy);

	explainer->nshown++;
	Push(explainer, WJB_BEGIN_OBJECT);
	PushId(explainer, &policy->policy->id);
	PushText(explainer, "name", policy->policy->name);
	PushText(explainer, "organization", policy->policy->organization);
	PushInt(explainer, "priority", policy->policy->priority);
	PushWord(explainer, "effect", EffectName(policy->policy->effect));
	PushWord(explainer, "default_effect", EffectName(policy->policy->default_effect));
	PushWord(explainer, "value", TruthName(outcome.value));
	PushWord(explainer, "outcome", EffectName(outcome.effect));
	PushBool(explainer, "by_default", outcome.is_default);
	PushBool(explainer, "targeted", policy->targeted || policy->broken);
	PushWord(explainer, "why", PolicyWhy(policy, outcome));

	PushKey(explainer, "assignments");
	Push(explainer, WJB_BEGIN_ARRAY);
	for (int i = 0; i < policy->candidate->nreaches; i++)
	{
		const AbacReach *reach = &policy->candidate->reaches[i];

		Push(explainer, WJB_BEGIN_OBJECT);
		PushWord(explainer, "target_type", reach->target_type);
		PushText(explainer, "target_id", reach->target_id);
		PushText(explainer, "target_name", reach->target_name);
		PushBool(explainer, "allows", reach->allow);
		Push(explainer, WJB_END_OBJECT);
	}
	Push(explainer, WJB_END_ARRAY);

	PushKey(explainer, "groups");
	Push(explainer, WJB_BEGIN_ARRAY);
	for (int i = 0; i < policy->ngroups; i++)
		ExplainPlanNode(explainer, policy->groups[i]);
	Push(explainer, WJB_END_ARRAY);
	Push(explainer, WJB_END_OBJECT);
}

static void
ExplainPolicyRule(Explainer *explainer, const AbacPlanPolicyRule *legacy)
{
	const AbacPolicyRule *rule = legacy->rule;

	Push(explainer, WJB_BEGIN_OBJECT);
	PushId(explainer, &rule->id);
	PushText(explainer, "name", rule->name);
	PushInt(explainer, "priority", rule->priority);
	PushWord(explainer, "effect", EffectName(rule->effect));
	PushWord(explainer, "value",
			 TruthName(AbacPlanNodeTruth(explainer->check, legacy->holds)));
	ExplainConditions(explainer, AbacConditionsOn(unconstify(AbacConditions *, &rule->conditions),
												  explainer->check->request->relation));
	Push(explainer, WJB_END_OBJECT);
}

static void
ExplainGrant(Explainer *explainer, const AbacPlanGrant *grant)
{
	const AbacGrant *permissions = grant->grant;
	AbacTruth	truth = AbacPlanNodeTruth(explainer->check, grant->holds);

	Push(explainer, WJB_BEGIN_OBJECT);
	PushId(explainer, &grant->role->id);
	PushText(explainer, "name", grant->role->name);
	PushText(explainer, "permission",
			 permissions->matching->permissions[permissions->permission].name);
	PushWord(explainer, "value", TruthName(truth));
	PushKey(explainer, "conditions");
	Push(explainer, WJB_BEGIN_ARRAY);
	for (int i = 0; i < permissions->nconditions; i++)
	{
		const AbacCondition *condition = permissions->conditions[i];

		Push(explainer, WJB_BEGIN_OBJECT);
		PushId(explainer, &condition->id);
		PushText(explainer, "permission",
				 permissions->matching->permissions[condition->permission].name);
		PushWord(explainer, "logic_group", condition->is_or ? "OR" : "AND");
		PushWord(explainer, "value",
				 TruthName(AbacEvaluateConditions(explainer->check, grant->conditions[i])));
		ExplainConditions(explainer, grant->conditions[i]);
		Push(explainer, WJB_END_OBJECT);
	}
	Push(explainer, WJB_END_ARRAY);
	Push(explainer, WJB_END_OBJECT);
}

/* The name of one of the permissions that match. */
static AbacString
PermissionName(const AbacPlan *plan, const pg_uuid_t *id)
{
	for (int i = 0; i < plan->permissions->npermissions; i++)
	{
		if (memcmp(&plan->permissions->permissions[i].id, id, sizeof(pg_uuid_t)) == 0)
			return plan->permissions->permissions[i].name;
	}
	return AbacStringOf(NULL);
}

static void
ExplainDecidedBy(Explainer *explainer, const AbacGround *ground, const AbacPlan *plan)
{
	PushKey(explainer, "decided_by");
	if (ground->user_permission)
	{
		Push(explainer, WJB_BEGIN_OBJECT);
		PushWord(explainer, "kind", "user_permission");
		PushId(explainer, &ground->user_permission->id);
		PushText(explainer, "name", PermissionName(plan, &ground->user_permission->permission));
		PushWord(explainer, "context_type", ScopeName(ground->user_permission->context));
		Push(explainer, WJB_END_OBJECT);
	}
	else if (ground->policy)
	{
		Push(explainer, WJB_BEGIN_OBJECT);
		PushWord(explainer, "kind", "policy");
		PushId(explainer, &ground->policy->id);
		PushText(explainer, "name", ground->policy->name);
		PushText(explainer, "organization", ground->policy->organization);
		PushInt(explainer, "priority", ground->policy->priority);
		Push(explainer, WJB_END_OBJECT);
	}
	else if (ground->policy_rule)
	{
		Push(explainer, WJB_BEGIN_OBJECT);
		PushWord(explainer, "kind", "policy_rule");
		PushId(explainer, &ground->policy_rule->id);
		PushText(explainer, "name", ground->policy_rule->name);
		PushInt(explainer, "priority", ground->policy_rule->priority);
		Push(explainer, WJB_END_OBJECT);
	}
	else if (ground->role)
	{
		Push(explainer, WJB_BEGIN_OBJECT);
		PushWord(explainer, "kind", "role");
		PushId(explainer, &ground->role->id);
		PushText(explainer, "name", ground->role->name);
		if (ground->grant)
			PushText(explainer, "permission",
					 ground->grant->matching->permissions[ground->grant->permission].name);
		Push(explainer, WJB_END_OBJECT);
	}
	else
	{
		AbacValue	null = {.kind = ABAC_KIND_NULL};

		AbacValueToJson(&explainer->state, WJB_VALUE, &null);
	}
}

/* The scope chain, or what was named when that is wrong. */
static void
ExplainScope(Explainer *explainer, const AbacString *scope)
{
	PushKey(explainer, "scope");
	Push(explainer, WJB_BEGIN_OBJECT);
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (scope[i].data)
			PushText(explainer, AbacScopeNames[i], scope[i]);
	}
	Push(explainer, WJB_END_OBJECT);
}

/* Everything that the decision looked at. */
static void
ExplainPlan(Explainer *explainer, const AbacPlan *plan, const AbacDecision *decision)
{
	PushKey(explainer, "policies");
	Push(explainer, WJB_BEGIN_ARRAY);
	for (int i = 0; plan->policies_asked && i < plan->npolicies; i++)
	{
		/* a direct permission in the scope goes before the tenant's policies */
		if (decision->ground.user_permission && plan->policies[i].policy->organization.data)
			continue;
		ExplainPolicy(explainer, &plan->policies[i]);
	}
	Push(explainer, WJB_END_ARRAY);

	if (decision->ground.reason != ABAC_REASON_NO_MATCH && decision->ground.policy_rule == NULL &&
		decision->ground.grant == NULL)
		return;
	PushKey(explainer, "legacy_rules");
	Push(explainer, WJB_BEGIN_ARRAY);
	for (int i = 0; i < plan->nlegacy; i++)
		ExplainPolicyRule(explainer, &plan->legacy[i]);
	Push(explainer, WJB_END_ARRAY);
	PushKey(explainer, "roles");
	Push(explainer, WJB_BEGIN_ARRAY);
	for (int i = 0; i < plan->ngrants; i++)
		ExplainGrant(explainer, &plan->grants[i]);
	Push(explainer, WJB_END_ARRAY);
}

/*
 * The whole explanation; plan is NULL for an invalid request.  Ends what
 * AbacBeginRequest() or AbacBeginRow() began.
 */
static Jsonb *
Explain(const AbacRequest *request, const AbacResourceRow *row, AbacPlan *plan, TimestampTz now,
		AbacString resource)
{
	AbacDecision decision = {.allowed = false, .ground.reason = ABAC_REASON_INVALID_REQUEST};
	AbacCheck	check;
	Explainer	explainer = {.check = &check};

	if (plan)
	{
		AbacCheckBegin(&check, request, row, plan->subject, now);
		decision = AbacDecide(&check, plan);
	}

	Push(&explainer, WJB_BEGIN_OBJECT);
	PushBool(&explainer, "decision", decision.allowed);
	PushWord(&explainer, "reason", AbacReasonName(decision.ground.reason));
	PushText(&explainer, "user", request->user);
	PushText(&explainer, "action", request->action);
	PushText(&explainer, "resource", resource);
	ExplainDecidedBy(&explainer, &decision.ground, plan);
	ExplainScope(&explainer, plan ? plan->subject->scope : request->scope);
	if (plan && plan->mismatch)
		PushWord(&explainer, "why", plan->mismatch);
	else if (plan && AbacScopeContradicts(request, plan))
		PushWord(&explainer, "why", "the row is not in the scope that ctx names");
	if (row && decision.maybe && decision.ground.reason == ABAC_REASON_NO_MATCH)
		PushBool(&explainer, "maybe", true);
	if (plan)
	{
		ExplainPlan(&explainer, plan, &decision);
		AbacCacheEnd();
	}
	else
	{
		PushWord(&explainer, "why",
				 "user, action, resource, ctx or an id of the scope is NULL or empty");
		PushKey(&explainer, "policies");
		Push(&explainer, WJB_BEGIN_ARRAY);
		Push(&explainer, WJB_END_ARRAY);
	}
	Push(&explainer, WJB_END_OBJECT);
	return JsonbValueToJsonb(explainer.result);
}

/*
 * The explanation for a user and the arguments action, resource and ctx, from
 * 1 on.  In the current memory context.
 */
Jsonb *
AbacExplainArgs(FunctionCallInfo fcinfo, AbacString user)
{
	AbacString	resource = AbacArgText(fcinfo, 2);
	TimestampTz now = AbacNow();
	AbacPlan   *plan = NULL;
	AbacRequest request;

	if (AbacRequestParse(&request, user, AbacArgText(fcinfo, 1), resource,
						 PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3)))
		plan = AbacBeginRequest(&request, now);
	return Explain(&request, NULL, plan, now, resource);
}

/* The same for a row. */
Jsonb *
AbacExplainRowArgs(FunctionCallInfo fcinfo, AbacString user)
{
	TimestampTz now = AbacNow();
	AbacString	resource = {NULL, 0};
	AbacRequest request;
	AbacResourceRow row;
	AbacPlan   *plan = AbacBeginRowArgs(fcinfo, user, 1, now, &request, &row);

	if (request.type.data && request.id.data)
		resource = AbacStringOf(psprintf("%.*s:%.*s", request.type.length, request.type.data,
										 request.id.length, request.id.data));
	else
		resource = request.type;
	return Explain(&request, &row, plan, now, resource);
}

/* abac_explain(user, action, resource, ctx): one function per type of the user's id. */
Datum
abac_explain(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(AbacExplainArgs(fcinfo, AbacArgText(fcinfo, 0)));
}

Datum
abac_explain_uuid(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(AbacExplainArgs(fcinfo, AbacArgUuid(fcinfo, 0)));
}

Datum
abac_explain_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(AbacExplainArgs(fcinfo, AbacArgBigint(fcinfo, 0)));
}

/* The same about a row. */
Datum
abac_explain_row(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(AbacExplainRowArgs(fcinfo, AbacArgText(fcinfo, 0)));
}

Datum
abac_explain_row_uuid(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(AbacExplainRowArgs(fcinfo, AbacArgUuid(fcinfo, 0)));
}

Datum
abac_explain_row_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(AbacExplainRowArgs(fcinfo, AbacArgBigint(fcinfo, 0)));
}
