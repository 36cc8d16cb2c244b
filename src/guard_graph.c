/*
 * guard_graph.c
 *	  Guard of the graph of rule groups: no cycle, and not too many levels.
 *
 * An edge that is fine alone may close a cycle together with one that another
 * transaction adds somewhere else.  So who adds an edge holds a lock until the
 * end of the transaction, and takes it before reading the graph.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"

#include "guard.h"
#include "scan.h"

#define LEVELS_TOO_MANY	(ABAC_MAX_GROUP_LEVELS + 1)

typedef enum Direction
{
	DOWN,
	UP
} Direction;

typedef struct GroupNode
{
	pg_uuid_t	id;				/* hash key */
	int			levels[2];		/* by Direction; 0 = not known */
	bool		on_path;
} GroupNode;

typedef struct Graph
{
	Snapshot	snapshot;
	HTAB	   *nodes;
	int			npath;
	pg_uuid_t	path[LEVELS_TOO_MANY];
} Graph;

/* Raise the error: "again" is on the path already. */
static void
ThrowCycle(const Graph *graph, const pg_uuid_t *again)
{
	StringInfoData names;
	int			first = 0;

	while (memcmp(&graph->path[first], again, UUID_LEN) != 0)
		first++;

	initStringInfo(&names);
	for (int i = first; i <= graph->npath; i++)
	{
		const pg_uuid_t *id = i < graph->npath ? &graph->path[i] : again;
		AbacScan	scan;

		AbacScanBegin(&scan, ABAC_RULE_GROUPS, graph->snapshot);
		AbacScanKeyUuid(&scan, GROUP_id, id);
		appendStringInfo(&names, "%s\"%s\"", i > first ? " -> " : "",
						 AbacScanNext(&scan) ? AbacRowText(&scan, GROUP_name) : "?");
		AbacScanEnd(&scan);
	}
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("rule groups cannot contain each other in a cycle"),
			 errdetail("The cycle is %s.", names.data),
			 errhint("Remove a member from one of these rule groups.")));
}

/*
 * How many levels of groups are there from this one on, itself included?  Each
 * group is visited once, however many ways lead to it.
 */
static int
CountLevels(Graph *graph, const pg_uuid_t *id, Direction direction)
{
	int			from = direction == DOWN ? MEMBER_group_id : MEMBER_child_group_id;
	int			to = direction == DOWN ? MEMBER_child_group_id : MEMBER_group_id;
	int			levels = 1;
	bool		found;
	GroupNode  *node = hash_search(graph->nodes, id, HASH_ENTER, &found);
	AbacScan	scan;

	check_stack_depth();
	if (!found)
	{
		memset(node->levels, 0, sizeof(node->levels));
		node->on_path = false;
	}
	if (node->on_path)
		ThrowCycle(graph, id);
	if (node->levels[direction] > 0)
		return node->levels[direction];
	if (graph->npath == lengthof(graph->path))
		return LEVELS_TOO_MANY;

	node->on_path = true;
	graph->path[graph->npath++] = node->id;
	AbacScanBegin(&scan, ABAC_RULE_GROUP_MEMBERS, graph->snapshot);
	AbacScanKeyUuid(&scan, from, &node->id);
	while (levels < LEVELS_TOO_MANY && AbacScanNext(&scan))
	{
		if (!scan.nulls[to])
			levels = Max(levels, 1 + CountLevels(graph, AbacScanUuid(&scan, to), direction));
	}
	AbacScanEnd(&scan);
	graph->npath--;
	node->on_path = false;

	node->levels[direction] = Min(levels, LEVELS_TOO_MANY);
	return node->levels[direction];
}

/* A member that is a group: does it close a cycle, or make the levels too many? */
void
AbacGuardGraph(const AbacRowChange *change)
{
	const pg_uuid_t *parent;
	const pg_uuid_t *child;
	HASHCTL		control;
	Graph		graph;
	int			levels;

	if (change->new == NULL || change->new->nulls[MEMBER_child_group_id] ||
		!(AbacColumnChanged(change, "group_id") || AbacColumnChanged(change, "child_group_id")))
		return;
	parent = AbacScanUuid(change->new, MEMBER_group_id);
	child = AbacScanUuid(change->new, MEMBER_child_group_id);

	LockDatabaseObject(AbacTableOid(ABAC_RULE_GROUP_MEMBERS), InvalidOid, 0, ExclusiveLock);

	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(GroupNode);
	control.hcxt = CurrentMemoryContext;
	graph.nodes = hash_create("abac rule groups", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	graph.npath = 0;
	graph.snapshot = AbacTakeSnapshot();

	/* down from the parent, which finds every cycle that the new edge closes */
	levels = CountLevels(&graph, parent, DOWN) + CountLevels(&graph, parent, UP) - 1;
	if (levels > ABAC_MAX_GROUP_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("rule groups cannot be nested deeper than %d levels", ABAC_MAX_GROUP_LEVELS),
				 errdetail("There would be more with %s in %s.",
						   AbacDescribeById(graph.snapshot, ABAC_RULE_GROUPS, child),
						   AbacDescribeById(graph.snapshot, ABAC_RULE_GROUPS, parent))));

	UnregisterSnapshot(graph.snapshot);
	hash_destroy(graph.nodes);
}
