/*
 * compile.h
 *	  From a condition tree (jsonb) to the program that evaluate.c runs (DESIGN §3).
 */
#ifndef ABAC_COMPILE_H
#define ABAC_COMPILE_H

#include "abac.h"
#include "attribute.h"
#include "value.h"

#include "nodes/pg_list.h"
#include "regex/regex.h"

/*
 * What is wrong with something, for whoever has to say so: a writer raises it
 * with AbacThrow(), the cache keeps it and the explanation shows it.
 */
typedef struct AbacError
{
	int			sqlstate;
	char	   *message;
	char	   *detail;			/* may be NULL */
	char	   *hint;			/* may be NULL */
} AbacError;

extern void AbacThrow(int elevel, const AbacError *error);

/*
 * Negated operators are their twin's with AbacLeaf.negate set.
 */
typedef enum AbacOperator
{
	ABAC_OP_EQ,
	ABAC_OP_GT,
	ABAC_OP_GTE,
	ABAC_OP_LT,
	ABAC_OP_LTE,
	ABAC_OP_BETWEEN,
	ABAC_OP_IN,
	ABAC_OP_CONTAINS,
	ABAC_OP_STARTS_WITH,
	ABAC_OP_ENDS_WITH,
	ABAC_OP_MATCHES,
	ABAC_OP_IS_SUBSET,
	ABAC_OP_IS_SUPERSET,
	ABAC_OP_EXISTS,
	ABAC_OP_IN_CIDR
} AbacOperator;

typedef struct AbacLeaf
{
	AbacOperator op;
	AbacType	type;			/* both sides are coerced to it */
	bool		negate;
	bool		incomparable;	/* always unknown, with incomparable_why */
	bool		odd_elements;	/* some element can't be compared with anything */
	bool		sorted;			/* elements are strings in byte order */
	bool		wanted;			/* exists: the value */
	int			npath;			/* keys to dig into the value found */
	int			nelements;		/* of a literal array */
	int			nnetworks;		/* in_cidr */
	const char *op_name;		/* canonical, as written (neq, not_in, …) */
	const char *incomparable_why;
	AbacAttribute *attribute;
	AbacString *path;

	AbacAttribute *reference;	/* NULL = a literal */
	AbacValue	raw;			/* the literal as written */
	AbacValue	value;			/* the same, coerced */
	AbacValue  *elements;		/* coerced */
	regex_t    *regex;			/* matches */
	inet_struct *networks;
} AbacLeaf;

typedef enum AbacNodeKind
{
	ABAC_NODE_AND,
	ABAC_NODE_OR,
	ABAC_NODE_NOT,				/* of the OR of its children */
	ABAC_NODE_CONSTANT,
	ABAC_NODE_LEAF
} AbacNodeKind;

/*
 * The tree in preorder, without pointers between nodes: the children of node i
 * are i + 1, nodes[i + 1].end, …, up to nodes[i].end, which is the first node
 * after the subtree.
 *
 *		and                 0: AND  end 4
 *		├── leaf a          1: LEAF end 2
 *		└── not             2: NOT  end 4
 *		    └── leaf b      3: LEAF end 4
 */
typedef struct AbacNode
{
	AbacNodeKind kind;
	bool		constant;
	uint32		end;
	AbacLeaf   *leaf;
	AbacString	description;	/* none = none */
} AbacNode;

typedef struct AbacProgram
{
	uint32		nnodes;
	AbacNode   *nodes;
} AbacProgram;

/*
 * What the compiler has to say about a tree that it accepts; a List of these.
 */
typedef enum AbacWarningKind
{
	ABAC_WARNING_COERCION,		/* a literal that can't be coerced */
	ABAC_WARNING_UNDEFINED		/* an attribute that nobody defined */
} AbacWarningKind;

typedef struct AbacWarning
{
	AbacWarningKind kind;
	AbacString	name;			/* UNDEFINED: the attribute's canonical name */
	AbacError	error;
} AbacWarning;

extern AbacProgram *AbacCompile(Jsonb *conditions, AbacString organization,
								const AbacRelation *relation,
								AbacError *error, List **warnings);
extern AbacProgram *AbacCompileLeaf(AbacString attribute, AbacString op, Jsonb *value,
									AbacString organization, const AbacRelation *relation,
									AbacError *error, List **warnings);
extern regex_t *AbacCompileRegex(AbacString pattern, AbacError *error);
extern AbacTruth AbacRegexMatches(regex_t *regex, AbacString text);

#endif							/* ABAC_COMPILE_H */
