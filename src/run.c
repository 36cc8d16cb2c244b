/*
 * run.c
 *	  Runs of queries that go on after what they go by may have changed.
 *
 * A cursor's query runs in pieces.  Between two of them the user can be
 * switched, or a policy changed, and the nodes of its plan may hold rows (a
 * sort, a hash table, the rows of a function) that were let through before.
 * Nothing in the plan is asked about those any more.  So the executor's hooks
 * here look at every run that goes on: at its pins (shape.c), and at what a
 * call that has none depended on.  When that is another now, ERROR 40001.
 *
 * Rows of a cursor WITH HOLD stay when the transaction is gone, and nothing can
 * be asked about them at all: it is refused.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "tcop/pquery.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "cache.h"
#include "principal.h"
#include "replan.h"
#include "run.h"
#include "shape.h"

/* What a query depends on; in its memory. */
typedef struct Mark
{
	dlist_node	node;
	MemoryContext memory;		/* the query's, es_query_cxt */
	MemoryContextCallback callback;
	char	   *principal;
	char	   *context;
	bool		on_what_is_stored;
	uint64		changes;		/* AbacChanges at the time */
} Mark;

/* A run under way; on the C stack. */
typedef struct Run
{
	struct Run *outer;
	MemoryContext memory;
	bool		is_marked;
} Run;

bool		AbacRunIsFree = false;

static dlist_head marks = DLIST_STATIC_INIT(marks);
static Run *running = NULL;

static ExecutorStart_hook_type next_ExecutorStart = NULL;
static ExecutorRun_hook_type next_ExecutorRun = NULL;

static Mark *
FindMark(MemoryContext memory)
{
	dlist_iter	iter;

	dlist_foreach(iter, &marks)
	{
		Mark	   *mark = dlist_container(Mark, node, iter.cur);

		if (mark->memory == memory)
			return mark;
	}
	return NULL;
}

static void
Unmark(void *arg)
{
	dlist_delete(&((Mark *) arg)->node);
}

static void
SetMark(MemoryContext memory, bool on_what_is_stored)
{
	Mark	   *mark = FindMark(memory);
	AbacString	principal = AbacPrincipal();
	const char *context = AbacContextText();

	if (mark == NULL)
	{
		mark = MemoryContextAllocZero(memory, sizeof(Mark));
		mark->memory = memory;
		mark->principal = MemoryContextStrdup(memory, principal.data ? principal.data : "");
		mark->context = MemoryContextStrdup(memory, context ? context : "");
		mark->changes = AbacChanges;
		dlist_push_head(&marks, &mark->node);
		mark->callback.func = Unmark;
		mark->callback.arg = mark;
		MemoryContextRegisterResetCallback(memory, &mark->callback);
	}
	mark->on_what_is_stored |= on_what_is_stored;
}

/*
 * The query whose memory that is asks about the session's principal, and so do
 * all runs that it is part of.  on_what_is_stored: there is no telling what
 * the answers go by, so any change may matter.
 */
void
AbacRunDepends(MemoryContext memory, bool on_what_is_stored)
{
	SetMark(memory, on_what_is_stored);
	AbacRunsAroundDepend(memory);
}

/* The same of the runs around it only: the query sees to itself. */
void
AbacRunsAroundDepend(MemoryContext memory)
{
	for (Run *run = running; run; run = run->outer)
	{
		if (run->memory != memory && !run->is_marked)
			SetMark(run->memory, false);
		run->is_marked = true;
	}
	AbacRunIsFree = false;
}

static bool
Differs(const char *then, const char *now)
{
	return strcmp(then, now ? now : "") != 0;
}

/* Is the query one whose rows are kept when the transaction ends? */
static bool
IsHeld(const QueryDesc *query)
{
	return ActivePortal && ActivePortal->queryDesc == query &&
		(ActivePortal->cursorOptions & CURSOR_OPT_HOLD);
}

/* Can rows be put aside in the plan, and come out when the run goes on? */
static bool
PutsRowsAside(PlanState *state, void *context)
{
	switch (nodeTag(state))
	{
		case T_AppendState:
		case T_BitmapHeapScanState:
		case T_BitmapAndState:
		case T_BitmapOrState:
		case T_BitmapIndexScanState:
		case T_IndexOnlyScanState:
		case T_IndexScanState:
		case T_LimitState:
		case T_LockRowsState:
		case T_NestLoopState:
		case T_ResultState:
		case T_SampleScanState:
		case T_SeqScanState:
		case T_SubqueryScanState:
		case T_TidScanState:
			return planstate_tree_walker(state, PutsRowsAside, context);
		default:
			return true;
	}
}

/* A run begins or goes on: is what it may have put aside still right? */
static void
CheckRun(const QueryDesc *query)
{
	MemoryContext memory = query->estate->es_query_cxt;
	const Mark *mark = FindMark(memory);

	if (IsHeld(query) && (mark || AbacHasPins(memory)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cursor WITH HOLD cannot be used on rows that a policy is asked about"),
				 errdetail("Its rows would stay when the user or the policies change."),
				 errhint("Use a cursor without HOLD, or fetch all rows at once.")));
	if (mark && mark->on_what_is_stored)
		AcceptInvalidationMessages();
	if (mark && (Differs(mark->principal, AbacPrincipal().data) ||
				 Differs(mark->context, AbacContextText()) ||
				 (mark->on_what_is_stored && mark->changes != AbacChanges &&
				  PutsRowsAside(query->planstate, NULL))))
		AbacPlanIsStale("The session's principal or context, or what is stored, changed.");
	AbacValidatePins(memory);
}

static void
RunGuarded(QueryDesc *query, ScanDirection direction, uint64 count ABAC_EXECUTE_ONCE_PARAMETER)
{
	Run			run = {running, query->estate->es_query_cxt, false};

	CheckRun(query);
	running = &run;
	AbacRunIsFree = true;
	PG_TRY();
	{
		if (next_ExecutorRun)
			next_ExecutorRun(query, direction, count ABAC_EXECUTE_ONCE);
		else
			standard_ExecutorRun(query, direction, count ABAC_EXECUTE_ONCE);
	}
	PG_FINALLY();
	{
		running = run.outer;
		AbacRunIsFree = running && !running->is_marked;
	}
	PG_END_TRY();
	if (IsHeld(query))
		CheckRun(query);
}

/* A plan in which nothing is left to ask must be one that was made for this user. */
static void
StartGuarded(QueryDesc *query, int flags)
{
	if (next_ExecutorStart)
		next_ExecutorStart(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (AbacReplanIsUnguarded(query->plannedstmt))
	{
		SetMark(query->estate->es_query_cxt, false);
		AbacRunsAroundDepend(query->estate->es_query_cxt);
		if (!AbacReplanIsFor(query->plannedstmt))
			AbacPlanIsStale("The session's principal changed.");
	}
}

/* Called once, when the library is loaded. */
void
AbacRunInit(void)
{
	next_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = StartGuarded;
	next_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = RunGuarded;
}
