/*
 * subject.c
 *	  Who is asking, where: roles held, memberships, attributes, and the
 *	  policies that therefore apply (DESIGN §5, steps 1 to 4).
 *
 * Every table that grows with the number of users is read by its index, for
 * this user and this scope chain only: other people's rows cost nothing.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/memutils.h"

#include "cache.h"
#include "scan.h"
#include "subject.h"

typedef struct Team
{
	AbacString	id;
	bool		is_platform;	/* of no organization */
} Team;

/* A row of abac_user_roles in force. */
typedef struct RoleHeld
{
	pg_uuid_t	role;
	int			context;		/* as in AbacHeldRole */
} RoleHeld;

/*
 * What the tables say of one user in one scope, whatever the policies are: in
 * the layer of facts.  Good for checks whose "now" is in the span.
 */
typedef struct Facts
{
	AbacSpan	span;
	AbacString	user;
	AbacString	scope[ABAC_NSCOPES];
	const char *mismatch;		/* then the rest isn't filled */
	int			nroles;
	RoleHeld   *roles;
	bool		member[ABAC_NSCOPES];	/* by a row */
	int			nteams;
	Team	   *teams;
	int			npermissions;
	AbacUserPermission *permissions;
	JsonbContainer *organization_attributes;
	JsonbContainer *global_attributes;
} Facts;

static const AbacString none = {NULL, 0};

static AbacString
CopyText(const AbacScan *scan, int column)
{
	return AbacCopyString(AbacFactsMemory, AbacScanText(scan, column));
}

/*
 * A scope's parent, in the layer of facts; false when the scope isn't
 * registered.
 */
bool
AbacFindScope(AbacString type, AbacString id, AbacString *parent_type, AbacString *parent_id)
{
	AbacScan	scan;
	bool		found;

	AbacScanBegin(&scan, ABAC_SCOPES, AbacCacheSnapshot());
	AbacScanKeyText(&scan, SCOPE_scope_type, type);
	AbacScanKeyText(&scan, SCOPE_scope_id, id);
	found = AbacScanNext(&scan);
	if (found)
	{
		*parent_type = CopyText(&scan, SCOPE_parent_type);
		*parent_id = CopyText(&scan, SCOPE_parent_id);
	}
	AbacScanEnd(&scan);
	return found;
}

/* Fill in an ancestor; false when the request names another one. */
static bool
SetAncestor(Facts *facts, AbacScopeType type, AbacString id)
{
	if (facts->scope[type].data && !AbacStringEqual(facts->scope[type], id))
		return false;
	facts->scope[type] = id;
	return true;
}

/*
 * The scope chain: what the request names, ancestors filled in (DESIGN §4).
 * Returns why the scope is wrong, or NULL.
 */
static const char *
ResolveScope(Facts *facts)
{
	AbacString	parent_type;
	AbacString	parent_id;

	if (facts->scope[ABAC_SCOPE_WORKSPACE].data)
	{
		if (!AbacFindScope(AbacStringOf("workspace"), facts->scope[ABAC_SCOPE_WORKSPACE],
					   &parent_type, &parent_id))
			return "the workspace is not registered in abac_scopes";
		if (parent_id.data && AbacStringEqual(parent_type, AbacStringOf("project")))
		{
			if (!SetAncestor(facts, ABAC_SCOPE_PROJECT, parent_id))
				return "the workspace is in another project";
		}
		else if (parent_id.data && AbacStringEqual(parent_type, AbacStringOf("organization")))
		{
			if (facts->scope[ABAC_SCOPE_PROJECT].data)
				return "the workspace is in no project";
			if (!SetAncestor(facts, ABAC_SCOPE_ORGANIZATION, parent_id))
				return "the workspace is in another organization";
		}
		else
			return "the workspace has no parent in abac_scopes";
	}

	if (facts->scope[ABAC_SCOPE_PROJECT].data)
	{
		if (!AbacFindScope(AbacStringOf("project"), facts->scope[ABAC_SCOPE_PROJECT],
					   &parent_type, &parent_id))
			return "the project is not registered in abac_scopes";
		if (parent_id.data == NULL || !AbacStringEqual(parent_type, AbacStringOf("organization")))
			return "the project has no organization in abac_scopes";
		if (!SetAncestor(facts, ABAC_SCOPE_ORGANIZATION, parent_id))
			return "the project is in another organization";
	}
	return NULL;
}

/*
 * Begin to read the user's rows in one context: global or a scope of the
 * chain.  False when the chain has no such scope.
 */
static bool
BeginContextScan(AbacScan *scan, AbacTable table, const Facts *facts, int context,
				 int user_column, int type_column, int id_column)
{
	if (context != ABAC_CONTEXT_GLOBAL && facts->scope[context].data == NULL)
		return false;
	AbacScanBegin(scan, table, AbacCacheSnapshot());
	AbacScanKeyText(scan, user_column, facts->user);
	if (context == ABAC_CONTEXT_GLOBAL)
	{
		AbacScanKeyText(scan, type_column, AbacStringOf("global"));
		AbacScanKeyText(scan, id_column, none);
	}
	else
	{
		AbacScanKeyText(scan, type_column, AbacStringOf(AbacScopeNames[context]));
		AbacScanKeyText(scan, id_column, facts->scope[context]);
	}
	return true;
}

static void
LoadRoles(Facts *facts, TimestampTz now)
{
	for (int context = ABAC_CONTEXT_GLOBAL; context < ABAC_NSCOPES; context++)
	{
		AbacScan	scan;

		if (!BeginContextScan(&scan, ABAC_USER_ROLES, facts, context, USER_ROLE_user_id,
							  USER_ROLE_context_type, USER_ROLE_context_id))
			continue;
		while (AbacScanNext(&scan))
		{
			AbacWindow	window;

			AbacScanWindow(&scan, USER_ROLE_starts_at, USER_ROLE_expires_at, &window);
			if (!AbacWindowIsOpen(&window, now, &facts->span))
				continue;
			facts->roles = AbacGrow(ABAC_LAYER_FACTS, facts->roles, facts->nroles, sizeof(RoleHeld));
			facts->roles[facts->nroles].role = *AbacScanUuid(&scan, USER_ROLE_role_id);
			facts->roles[facts->nroles].context = context;
			facts->nroles++;
		}
		AbacScanEnd(&scan);
	}
}

static void
LoadMemberships(Facts *facts, TimestampTz now)
{
	for (int scope = 0; scope < ABAC_NSCOPES; scope++)
	{
		AbacScan	scan;

		if (facts->scope[scope].data == NULL)
			continue;
		AbacScanBegin(&scan, ABAC_MEMBERSHIPS, AbacCacheSnapshot());
		AbacScanKeyText(&scan, MEMBERSHIP_user_id, facts->user);
		AbacScanKeyText(&scan, MEMBERSHIP_scope_type, AbacStringOf(AbacScopeNames[scope]));
		AbacScanKeyText(&scan, MEMBERSHIP_scope_id, facts->scope[scope]);
		while (AbacScanNext(&scan))
		{
			AbacWindow	window;

			AbacScanWindow(&scan, MEMBERSHIP_starts_at, MEMBERSHIP_expires_at, &window);
			if (AbacWindowIsOpen(&window, now, &facts->span))
				facts->member[scope] = true;
		}
		AbacScanEnd(&scan);
	}
}

static int
CompareTeams(const void *a, const void *b)
{
	return AbacStringCompare(((const Team *) a)->id, ((const Team *) b)->id);
}

/* The registered teams the user is in, of the organization or of none. */
static void
LoadTeams(Facts *facts, TimestampTz now)
{
	AbacScan	scan;

	AbacScanBegin(&scan, ABAC_MEMBERSHIPS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, MEMBERSHIP_user_id, facts->user);
	AbacScanKeyText(&scan, MEMBERSHIP_scope_type, AbacStringOf("team"));
	while (AbacScanNext(&scan))
	{
		AbacString	id = AbacScanText(&scan, MEMBERSHIP_scope_id);
		AbacWindow	window;
		AbacString	parent_type;
		AbacString	parent_id;

		AbacScanWindow(&scan, MEMBERSHIP_starts_at, MEMBERSHIP_expires_at, &window);
		if (!AbacWindowIsOpen(&window, now, &facts->span) ||
			!AbacFindScope(AbacStringOf("team"), id, &parent_type, &parent_id) ||
			AbacIsForeign(parent_id, facts->scope[ABAC_SCOPE_ORGANIZATION]))
			continue;
		facts->teams = AbacGrow(ABAC_LAYER_FACTS, facts->teams, facts->nteams, sizeof(Team));
		facts->teams[facts->nteams].id = AbacCopyString(AbacFactsMemory, id);
		facts->teams[facts->nteams].is_platform = parent_id.data == NULL;
		facts->nteams++;
	}
	AbacScanEnd(&scan);
	if (facts->nteams > 1)
		qsort(facts->teams, facts->nteams, sizeof(Team), CompareTeams);
}

static void
LoadUserPermissions(Facts *facts, TimestampTz now)
{
	for (int context = ABAC_CONTEXT_GLOBAL; context < ABAC_NSCOPES; context++)
	{
		AbacScan	scan;

		if (!BeginContextScan(&scan, ABAC_USER_PERMISSIONS, facts, context, USER_PERMISSION_user_id,
							  USER_PERMISSION_context_type, USER_PERMISSION_context_id))
			continue;
		while (AbacScanNext(&scan))
		{
			AbacWindow	window;
			AbacUserPermission *permission;

			AbacScanWindow(&scan, USER_PERMISSION_starts_at, USER_PERMISSION_expires_at, &window);
			if (!AbacWindowIsOpen(&window, now, &facts->span))
				continue;
			facts->permissions = AbacGrow(ABAC_LAYER_FACTS, facts->permissions, facts->npermissions,
										sizeof(AbacUserPermission));
			permission = &facts->permissions[facts->npermissions++];
			permission->id = *AbacScanUuid(&scan, USER_PERMISSION_id);
			permission->permission = *AbacScanUuid(&scan, USER_PERMISSION_permission_id);
			permission->granted = AbacScanBool(&scan, USER_PERMISSION_granted);
			permission->context = context;
		}
		AbacScanEnd(&scan);
	}
}

/* The user's attributes for the organization (none = the global row); NULL = no row. */
static JsonbContainer *
LoadAttributes(AbacString user, AbacString organization)
{
	Jsonb	   *attributes = NULL;
	AbacScan	scan;

	AbacScanBegin(&scan, ABAC_USER_ATTRIBUTES, AbacCacheSnapshot());
	AbacScanKeyText(&scan, USER_ATTRIBUTE_user_id, user);
	AbacScanKeyText(&scan, USER_ATTRIBUTE_organization_id, organization);
	if (AbacScanNext(&scan))
		attributes = AbacCopyVarlena(AbacFactsMemory, scan.values[USER_ATTRIBUTE_attributes]);
	AbacScanEnd(&scan);
	return attributes && JB_ROOT_IS_OBJECT(attributes) ? &attributes->root : NULL;
}

/* A jsonb array of sorted strings, each once. */
static JsonbContainer *
BuildArray(const AbacString *strings, int count)
{
	JsonbParseState *state = NULL;
	Jsonb	   *array;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		AbacValue	value = {.kind = ABAC_KIND_STRING, .u.string = strings[i]};

		if (i == 0 || !AbacStringEqual(strings[i], strings[i - 1]))
			AbacValueToJson(&state, WJB_ELEM, &value);
	}
	array = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	return &((Jsonb *) AbacCopyVarlena(AbacSubjectMemory, JsonbPGetDatum(array)))->root;
}

static int
CompareStrings(const void *a, const void *b)
{
	return AbacStringCompare(*(const AbacString *) a, *(const AbacString *) b);
}

/* What user.roles and user.teams are, for both kinds of rules. */
static void
BuildNames(AbacSubject *subject, const Team *teams, int nteams)
{
	AbacString *all = palloc(sizeof(AbacString) * (subject->nroles + nteams + 1));
	AbacString *platform = palloc(sizeof(AbacString) * (subject->nroles + nteams + 1));
	int			nplatform = 0;

	for (int i = 0; i < subject->nroles; i++)
	{
		all[i] = subject->roles[i].role->name;
		if (subject->roles[i].role->organization.data == NULL)
			platform[nplatform++] = all[i];
	}
	qsort(all, subject->nroles, sizeof(AbacString), CompareStrings);
	qsort(platform, nplatform, sizeof(AbacString), CompareStrings);
	subject->role_names = BuildArray(all, subject->nroles);
	subject->platform_role_names = BuildArray(platform, nplatform);

	nplatform = 0;
	for (int i = 0; i < nteams; i++)
	{
		all[i] = teams[i].id;
		if (teams[i].is_platform)
			platform[nplatform++] = all[i];
	}
	subject->teams = BuildArray(all, nteams);
	subject->platform_teams = BuildArray(platform, nplatform);
	subject->no_teams = BuildArray(NULL, 0);

	pfree(all);
	pfree(platform);
}

/* The active assignments of a target, whoever asks.  In the layer of facts. */
AbacAssignments *
AbacGetAssignments(AbacString type, AbacString id)
{
	AbacKey		key;
	AbacAssignments *assignments;
	AbacScan	scan;

	AbacKeyBegin(&key, ABAC_TAG_ASSIGNMENTS);
	AbacKeyAddString(&key, type);
	AbacKeyAddString(&key, id);
	assignments = AbacStringEqual(type, AbacStringOf("user"))
		? AbacCacheFindUser(ABAC_LAYER_FACTS, &key, id) : AbacCacheFind(ABAC_LAYER_FACTS, &key);
	if (assignments)
		return assignments;

	assignments = AbacAllocate(ABAC_LAYER_FACTS, sizeof(AbacAssignments));
	AbacScanBegin(&scan, ABAC_POLICY_ASSIGNMENTS, AbacCacheSnapshot());
	AbacScanKeyText(&scan, ASSIGNMENT_target_type, type);
	AbacScanKeyText(&scan, ASSIGNMENT_target_id, id);
	while (AbacScanNext(&scan))
	{
		AbacAssignment *assignment;

		if (!AbacScanBool(&scan, ASSIGNMENT_is_active))
			continue;
		assignments->assignments = AbacGrow(ABAC_LAYER_FACTS, assignments->assignments, assignments->count,
										sizeof(AbacAssignment));
		assignment = &assignments->assignments[assignments->count++];
		assignment->policy = *AbacScanUuid(&scan, ASSIGNMENT_policy_id);
		AbacScanWindow(&scan, ASSIGNMENT_starts_at, ASSIGNMENT_expires_at, &assignment->window);
	}
	AbacScanEnd(&scan);

	AbacCacheAdd(ABAC_LAYER_FACTS, &key, assignments);
	return assignments;
}

static AbacCandidate *
FindCandidate(AbacSubject *subject, AbacPolicy *policy)
{
	AbacCandidate *candidate;

	for (int i = 0; i < subject->ncandidates; i++)
	{
		if (subject->candidates[i].policy == policy)
			return &subject->candidates[i];
	}
	subject->candidates = AbacGrow(ABAC_LAYER_SUBJECTS, subject->candidates, subject->ncandidates, sizeof(AbacCandidate));
	candidate = &subject->candidates[subject->ncandidates++];
	memset(candidate, 0, sizeof(AbacCandidate));
	candidate->policy = policy;
	return candidate;
}

/*
 * The policies assigned to a target that the user is, has or is in.  allow
 * says whether an allow comes through this assignment.
 */
static void
AddCandidates(AbacSubject *subject, const char *type, AbacString id, AbacString name,
			  bool allow, TimestampTz now)
{
	AbacAssignments *assignments = AbacGetAssignments(AbacStringOf(type), id);

	for (int i = 0; i < assignments->count; i++)
	{
		AbacPolicy *policy;
		AbacCandidate *candidate;
		AbacReach  *reach;

		if (!AbacWindowIsOpen(&assignments->assignments[i].window, now, &subject->span))
			continue;
		policy = AbacGetPolicy(&assignments->assignments[i].policy);
		if (policy == NULL || !policy->is_active ||
			AbacIsForeign(policy->organization, subject->scope[ABAC_SCOPE_ORGANIZATION]))
			continue;

		candidate = FindCandidate(subject, policy);
		candidate->reaches = AbacGrow(ABAC_LAYER_SUBJECTS, candidate->reaches, candidate->nreaches, sizeof(AbacReach));
		reach = &candidate->reaches[candidate->nreaches++];
		reach->target_type = type;
		reach->target_id = AbacCopyString(AbacSubjectMemory, id);
		reach->target_name = name;
		reach->allow = allow;
		candidate->allow |= allow;
	}
}

static int
CompareCandidates(const void *a, const void *b)
{
	const AbacPolicy *x = ((const AbacCandidate *) a)->policy;
	const AbacPolicy *y = ((const AbacCandidate *) b)->policy;
	int			order;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	order = AbacStringCompare(x->name, y->name);
	return order ? order : memcmp(&x->id, &y->id, sizeof(pg_uuid_t));
}

/* The policies that apply (DESIGN §5, step 4). */
static void
CollectCandidates(AbacSubject *subject, const Team *teams, int nteams, TimestampTz now)
{
	AddCandidates(subject, "user", subject->user, none, true, now);
	for (int i = 0; i < subject->nroles; i++)
	{
		bool		seen = false;

		/* held in several contexts, assigned once */
		for (int j = 0; j < i && !seen; j++)
			seen = subject->roles[j].role == subject->roles[i].role;
		if (!seen)
			AddCandidates(subject, "role", AbacStringOf(AbacUuidText(&subject->roles[i].role->id)),
						  subject->roles[i].role->name, true, now);
	}
	for (int i = 0; i < nteams; i++)
		AddCandidates(subject, "team", teams[i].id, none, true, now);
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (subject->scope[i].data)
			AddCandidates(subject, AbacScopeNames[i], subject->scope[i], none, subject->member[i], now);
	}
	if (subject->ncandidates > 1)
		qsort(subject->candidates, subject->ncandidates, sizeof(AbacCandidate), CompareCandidates);
}

static Facts *
LoadFacts(const AbacRequest *request, TimestampTz now)
{
	Facts	   *facts = AbacAllocate(ABAC_LAYER_FACTS, sizeof(Facts));

	facts->span.from = DT_NOBEGIN;
	facts->span.until = DT_NOEND;
	facts->user = AbacCopyString(AbacFactsMemory, request->user);
	for (int i = 0; i < ABAC_NSCOPES; i++)
		facts->scope[i] = AbacCopyString(AbacFactsMemory, request->scope[i]);

	if (!request->elsewhere)
		facts->mismatch = ResolveScope(facts);
	if (facts->mismatch)
		return facts;
	LoadRoles(facts, now);
	LoadMemberships(facts, now);
	LoadTeams(facts, now);
	LoadUserPermissions(facts, now);
	if (facts->scope[ABAC_SCOPE_ORGANIZATION].data)
		facts->organization_attributes = LoadAttributes(facts->user,
														facts->scope[ABAC_SCOPE_ORGANIZATION]);
	facts->global_attributes = LoadAttributes(facts->user, none);
	return facts;
}

static void
BeginKey(AbacKey *key, AbacTag tag, const AbacRequest *request)
{
	AbacKeyBegin(key, tag);
	AbacKeyAddString(key, request->user);
	for (int i = 0; i < ABAC_NSCOPES; i++)
		AbacKeyAddString(key, request->scope[i]);
	if (request->elsewhere)
		AbacKeyAddOid(key, InvalidOid);
}

static const Facts *
GetFacts(const AbacRequest *request, TimestampTz now)
{
	AbacKey		key;
	Facts	   *facts;

	BeginKey(&key, ABAC_TAG_FACTS, request);
	facts = AbacCacheFindUser(ABAC_LAYER_FACTS, &key, request->user);
	if (facts == NULL || now < facts->span.from || now > facts->span.until)
	{
		facts = LoadFacts(request, now);
		AbacCacheAdd(ABAC_LAYER_FACTS, &key, facts);
	}
	return facts;
}

/* By name, so that of several roles that grant always the same is named. */
static int
CompareRoles(const void *a, const void *b)
{
	const AbacHeldRole *x = a;
	const AbacHeldRole *y = b;
	int			order = AbacStringCompare(x->role->name, y->role->name);

	if (order == 0)
		order = memcmp(&x->role->id, &y->role->id, sizeof(pg_uuid_t));
	return order ? order : x->context - y->context;
}

/* Roles held, and membership by holding one (DESIGN §5, before the steps). */
static void
ResolveRoles(AbacSubject *subject, const Facts *facts)
{
	for (int i = 0; i < facts->nroles; i++)
	{
		const AbacRole *role = AbacGetRole(&facts->roles[i].role);
		int			context = facts->roles[i].context;

		if (role == NULL ||
			AbacIsForeign(role->organization, subject->scope[ABAC_SCOPE_ORGANIZATION]))
			continue;
		subject->roles = AbacGrow(ABAC_LAYER_SUBJECTS, subject->roles, subject->nroles, sizeof(AbacHeldRole));
		subject->roles[subject->nroles].role = role;
		subject->roles[subject->nroles].context = context;
		subject->nroles++;
		if (role->is_super_admin)
			subject->super_admin = role;
		if (context != ABAC_CONTEXT_GLOBAL)
			subject->member[context] = true;
	}
	if (subject->nroles > 1)
		qsort(subject->roles, subject->nroles, sizeof(AbacHeldRole), CompareRoles);
}

/* The scopes of the chain that the user is a member of: by a row, by a role, and below those. */
static void
ResolveMemberships(AbacSubject *subject, const Facts *facts)
{
	for (int i = 0; i < ABAC_NSCOPES; i++)
	{
		if (facts->member[i] || (i > 0 && subject->member[i - 1]))
			subject->member[i] = true;
	}
}

static AbacSubject *
MakeSubject(const AbacRequest *request, TimestampTz now)
{
	const Facts *facts = GetFacts(request, now);
	AbacSubject *subject = AbacAllocate(ABAC_LAYER_SUBJECTS, sizeof(AbacSubject));

	subject->span = facts->span;
	subject->user = facts->user;
	memcpy(subject->scope, facts->scope, sizeof(subject->scope));
	subject->mismatch = facts->mismatch;
	if (subject->mismatch)
		return subject;
	ResolveRoles(subject, facts);
	if (subject->super_admin)
		return subject;
	ResolveMemberships(subject, facts);
	subject->npermissions = facts->npermissions;
	subject->permissions = facts->permissions;
	subject->organization_attributes = facts->organization_attributes;
	subject->global_attributes = facts->global_attributes;
	BuildNames(subject, facts->teams, facts->nteams);
	CollectCandidates(subject, facts->teams, facts->nteams, now);
	return subject;
}

/*
 * The user of the request in its scope, as of now.  In the subject layer; call
 * between AbacCacheBegin() and AbacCacheEnd().  With a mismatch or a super
 * admin, what they make unimportant isn't filled in.
 */
AbacSubject *
AbacGetSubject(const AbacRequest *request, TimestampTz now)
{
	AbacKey		key;
	AbacSubject *subject;

	BeginKey(&key, ABAC_TAG_SUBJECT, request);
	subject = AbacCacheFindUser(ABAC_LAYER_SUBJECTS, &key, request->user);
	if (subject && now >= subject->span.from && now <= subject->span.until)
		return subject;

	subject = MakeSubject(request, now);
	AbacCacheAdd(ABAC_LAYER_SUBJECTS, &key, subject);
	return subject;
}
