/*
 * replan.c
 *	  When a plan that was rewritten has to be made anew (DESIGN §7).
 *
 * A rewritten plan holds the shape of a filter: which policies and branches
 * remained for its user.  It depends
 * - on the extension's tables, as on a table it reads: the relcache
 *   invalidations that keep the caches right reach the plan cache, too; and on
 *   what is announced by name (ANY_ITEM), whatever the name is;
 * - where it is about the session's principal, on who that is.  There is no
 *   catalog object for this, so the plan depends on one that we make up
 *   (PRINCIPAL_ITEM), and whoever changes the principal or the context
 *   invalidates it, unless the new principal is known to have the same shapes.
 *
 * What the plan cache doesn't reach, and the moment between planning and
 * saving a plan, are left to the guard in the plan (shape.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "nodes/plannodes.h"
#include "optimizer/planmain.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "cache.h"
#include "filter.h"
#include "principal.h"
#include "relation.h"
#include "replan.h"
#include "scan.h"

/* Hash values of PROCOID that no function is likely to have; if one does, that costs a plan. */
#define ANY_ITEM		0xABAC0001U
#define PRINCIPAL_ITEM	0xABAC0002U

/*
 * Says that a plan about the principal has no guard, since nothing was left and
 * the planner took the rest for false.  It is followed by an item that holds a
 * hash of who it was made for.
 */
#define UNGUARDED_ITEM	0xABAC0003U

/*
 * The shapes that plans about the principal were made with, since they were
 * last invalidated all together.  Beyond so many, nobody is admitted.
 */
#define MAX_SHAPES		16

static AbacShape *shapes[MAX_SHAPES];
static int	nshapes = 0;
static bool too_many_shapes = false;

/* Are their plans invalid, since a table of the extension changed? */
static bool shapes_are_old = false;

/*
 * Hashes of (principal, context) that have all those shapes, as long as the
 * cache is of the version.  A collision is for the guard to find.
 */
static HTAB *admitted = NULL;
static uint64 admitted_version = 0;

#define MAX_ADMITTED	100000

/* Was there ever a plan of this session's? */
static bool rewritten = false;

/* The cache's version at the first rewriting of this transaction; 0 = none. */
static uint64 version_at_rewriting = 0;

static uint64
HashPrincipal(const char *principal, const char *context)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) principal, strlen(principal), 0);

	if (context == NULL)
		context = "";
	return hash_bytes_extended((const unsigned char *) context, strlen(context), hash);
}

static void
ForgetShapes(void)
{
	for (int i = 0; i < nshapes; i++)
		pfree(shapes[i]);
	nshapes = 0;
	too_many_shapes = false;
	shapes_are_old = false;
	admitted_version = 0;
}

/* From the relcache callback: a table changed, and all plans are invalid that depend on it. */
void
AbacReplanForget(void)
{
	shapes_are_old = nshapes > 0;
}

/* Every rewritten plan of the session is made anew before it is used again. */
void
AbacReplanAll(void)
{
	CallSyscacheCallbacks(PROCOID, ANY_ITEM);
	ForgetShapes();
}

/*
 * From the relcache callback: facts about somebody changed, and the plans
 * can't say whose they go by.
 */
void
AbacReplanAny(void)
{
	if (!rewritten)
		return;
	CallSyscacheCallbacks(PROCOID, ANY_ITEM);
	AbacReplanForget();
}

/* Plans about the principal, likewise. */
static void
ReplanPrincipal(void)
{
	CallSyscacheCallbacks(PROCOID, PRINCIPAL_ITEM);
	ForgetShapes();
}

static bool
IsAdmitted(uint64 hash)
{
	return admitted && admitted_version == AbacCacheVersion &&
		hash_search(admitted, &hash, HASH_FIND, NULL) != NULL;
}

static void
Admit(uint64 hash)
{
	if (admitted_version != AbacCacheVersion ||
		(admitted && hash_get_num_entries(admitted) >= MAX_ADMITTED))
	{
		if (admitted)
			hash_destroy(admitted);
		admitted = NULL;
	}
	if (admitted == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64)};

		admitted = hash_create("abac principals", 64, &control, HASH_ELEM | HASH_BLOBS);
	}
	(void) hash_search(admitted, &hash, HASH_ENTER, NULL);
	admitted_version = AbacCheckVersion;
}

/*
 * The principal or the context is about to be another; from an assign hook,
 * hence without a look at any table and, but for what is freed, at memory.
 * Nobody needs no other plan: the guard denies everything to nobody.
 */
void
AbacReplanFor(const char *principal, const char *context)
{
	if (nshapes == 0 || principal == NULL || principal[0] == '\0' ||
		(!too_many_shapes && IsAdmitted(HashPrincipal(principal, context))))
		return;
	ReplanPrincipal();
}

/* Has the principal, in the context, the shape? */
static bool
HasShape(const AbacShape *shape, AbacString principal, Jsonb *context)
{
	AbacShapeUser user = {principal, context};

	return AbacShapeFits(shape, &user, NULL);
}

/*
 * The principal or the context is going to be another: see whether plans can
 * stay as they are.  From a function, which may look at tables.
 */
void
AbacReplanAdmit(const char *principal, const char *context)
{
	uint64		hash;
	Jsonb	   *parsed;

	if (nshapes == 0 || too_many_shapes || shapes_are_old || principal == NULL || principal[0] == '\0')
		return;
	hash = HashPrincipal(principal, context);
	if (IsAdmitted(hash))
		return;

	parsed = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(context && context[0] ? context : "{}")));
	for (int i = 0; i < nshapes; i++)
	{
		/* a callback may forget them all meanwhile */
		AbacShape  *shape = memcpy(palloc(VARSIZE(shapes[i])), shapes[i], VARSIZE(shapes[i]));

		if (!HasShape(shape, AbacStringOf(principal), parsed))
			return;
	}
	if (nshapes > 0 && !shapes_are_old)
		Admit(hash);
}

/* A plan with a shape about the principal is being made. */
static void
RememberShape(const AbacShape *shape)
{
	AbacString	principal = AbacPrincipal();
	uint64		hash;

	if (shapes_are_old)
		ForgetShapes();
	for (int i = 0; i < nshapes; i++)
	{
		if (VARSIZE(shapes[i]) == VARSIZE(shape) && memcmp(shapes[i], shape, VARSIZE(shape)) == 0)
			return;
	}
	if (nshapes == MAX_SHAPES)
		too_many_shapes = true;
	else
	{
		shapes[nshapes] = MemoryContextAlloc(TopMemoryContext, VARSIZE(shape));
		memcpy(shapes[nshapes], shape, VARSIZE(shape));
		nshapes++;
	}

	/* of the others it isn't known whether they have this one, too */
	if (admitted)
		hash_destroy(admitted);
	admitted = NULL;
	if (principal.data)
	{
		hash = HashPrincipal(principal.data, AbacContextText());
		Admit(hash);
	}
}

static void
AddItem(PlannerInfo *root, uint32 hash)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = PROCOID;
	item->hashValue = hash;
	root->glob->invalItems = lappend(root->glob->invalItems, item);
}

/* Who asks now; 0 for nobody. */
static uint32
HashThisPrincipal(void)
{
	AbacString	principal = AbacPrincipal();
	uint64		hash;

	if (principal.data == NULL)
		return 0;
	hash = HashPrincipal(principal.data, AbacContextText());
	return Max((uint32) (hash ^ (hash >> 32)), 1);
}

/* Is there something in the plan, about the principal, that has no guard? */
bool
AbacReplanIsUnguarded(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, plan->invalItems)
	{
		if (lfirst_node(PlanInvalItem, cell)->hashValue == UNGUARDED_ITEM)
			return true;
	}
	return false;
}

/* Were all such things made for the present principal, or for one of the same shapes? */
bool
AbacReplanIsFor(const PlannedStmt *plan)
{
	AbacString	principal = AbacPrincipal();
	uint32		now = HashThisPrincipal();

	/* nothing is allowed to nobody, whatever may have been left for others */
	if (principal.data == NULL || IsAdmitted(HashPrincipal(principal.data, AbacContextText())))
		return true;
	for (int i = 0; i + 1 < list_length(plan->invalItems); i++)
	{
		if (list_nth_node(PlanInvalItem, plan->invalItems, i)->hashValue == UNGUARDED_ITEM &&
			list_nth_node(PlanInvalItem, plan->invalItems, i + 1)->hashValue != now)
			return false;
	}
	return true;
}

/*
 * The plan that root is part of depends on everything that the shape came from,
 * and on the right to execute the call that stood in the query.  relation:
 * the filter's, NULL when there is nobody to ask about.  unguarded: as a
 * condition it becomes a constant, for this principal only.
 */
void
AbacReplanDepend(PlannerInfo *root, const AbacShape *shape, const FuncExpr *call,
				 const AbacRelation *relation, bool unguarded)
{
	ListCell   *cell;

	/* what was in the query, whose privileges the planner asked about */
	root->glob->dependsOnRole = true;
	record_plan_function_dependency(root, call->funcid);
	foreach(cell, call->args)
	{
		if (IsA(lfirst(cell), FuncExpr))
			record_plan_function_dependency(root, ((FuncExpr *) lfirst(cell))->funcid);
	}
	if (!shape->has_filter)
		return;

	for (int i = 0; i < ABAC_NTABLES; i++)
		root->glob->relationOids = list_append_unique_oid(root->glob->relationOids, AbacTableOid(i));
	for (int i = 0; relation && i < relation->nancestors; i++)
		root->glob->relationOids = list_append_unique_oid(root->glob->relationOids, relation->ancestors[i]);
	AddItem(root, ANY_ITEM);
	rewritten = true;
	if (shape->is_principal)
		AddItem(root, PRINCIPAL_ITEM);
	if (shape->is_principal && unguarded)
	{
		AddItem(root, UNGUARDED_ITEM);
		AddItem(root, HashThisPrincipal());
	}
	if (shape->is_principal)
		RememberShape(shape);
	if (version_at_rewriting == 0)
		version_at_rewriting = AbacCheckVersion;
}

/*
 * An invalidation that came while a plan was being made didn't find it in the
 * plan cache.
 */
static void
TransactionEnds(XactEvent event, void *arg pg_attribute_unused())
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (version_at_rewriting != 0 && version_at_rewriting != AbacCacheVersion)
		AbacReplanAll();
	version_at_rewriting = 0;
}

/* Called once, when the library is loaded. */
void
AbacReplanInit(void)
{
	RegisterXactCallback(TransactionEnds, NULL);
}
