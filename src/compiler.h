/*
 * compiler.h
 *	  What compile.c and compile_leaf.c share.
 */
#ifndef ABAC_COMPILER_H
#define ABAC_COMPILER_H

#include "compile.h"

/* A place in the tree; the frames are on the C stack, rendered for errors only. */
typedef struct Path
{
	const struct Path *parent;
	const char *key;			/* NULL = an element of an array */
	int			index;
} Path;

typedef struct Compiler
{
	AbacString	organization;
	const AbacRelation *relation;	/* NULL = not for rows */
	AbacError  *error;
	List	  **warnings;
	AbacNode   *nodes;
	uint32		nnodes;
	uint32		size;			/* of nodes */
} Compiler;

extern char *AbacRenderPath(const Path *path);
extern char *AbacRenderValue(const AbacValue *value);
extern bool AbacFail(Compiler *compiler, const Path *path, int sqlstate, const char *message,
					 const char *found, const char *allowed, const char *hint);
extern bool AbacInvalid(Compiler *compiler, const Path *path, const char *message,
						const AbacValue *found, const char *allowed, const char *hint);
extern void AbacWarn(Compiler *compiler, AbacWarningKind kind, AbacString name,
					 char *message, char *detail, char *hint);
extern char *AbacNearestHint(AbacString name, const char *const *names, int nnames);

extern bool AbacCompileLeafParts(Compiler *compiler, AbacNode *node,
								 const Path *attribute_path, const AbacValue *attribute,
								 const Path *operator_path, const AbacValue *operator_name,
								 const Path *value_path, const AbacValue *value,
								 const Path *parent, const AbacValue *path);

#endif							/* ABAC_COMPILER_H */
