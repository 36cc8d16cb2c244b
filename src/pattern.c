/*
 * pattern.c
 *	  Regular expressions that are compiled once and kept.
 *
 * The server's own cache of compiled expressions (RE_compile_and_execute) holds
 * 32 of them for the whole session, and raises errors.
 */
#include "postgres.h"

#include "catalog/pg_collation_d.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compile.h"

typedef struct RegexHolder
{
	regex_t		regex;
	MemoryContextCallback callback;
} RegexHolder;

static void
FreeRegex(void *arg)
{
	pg_regfree(arg);
}

/*
 * A compiled regular expression below the current memory context, freed with it
 * (before 16, pg_regcomp() uses malloc); NULL with *error when the pattern is
 * bad.  Collation C: what matches doesn't depend on the cluster's locale.
 */
regex_t *
AbacCompileRegex(AbacString pattern, AbacError *error)
{
	/* compiling frees much of what it allocates, for which a layer's context isn't made */
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "abac pattern", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	RegexHolder *holder = palloc0(sizeof(RegexHolder));
	pg_wchar   *wide = palloc(sizeof(pg_wchar) * (pattern.length + 1));
	int			length = pg_mb2wchar_with_len(pattern.data, wide, pattern.length);
	int			result = pg_regcomp(&holder->regex, wide, length, REG_ADVANCED, C_COLLATION_OID);
	char		text[128];

	pfree(wide);
	MemoryContextSwitchTo(old);
	if (result == REG_OKAY)
	{
		holder->callback.func = FreeRegex;
		holder->callback.arg = &holder->regex;
		MemoryContextRegisterResetCallback(memory, &holder->callback);
		return &holder->regex;
	}

	/* canceled? */
	CHECK_FOR_INTERRUPTS();
	pg_regerror(result, &holder->regex, text, sizeof(text));
	MemoryContextDelete(memory);
	error->sqlstate = ERRCODE_INVALID_REGULAR_EXPRESSION;
	error->message = psprintf("invalid regular expression: %s", text);
	error->detail = NULL;
	error->hint = NULL;
	return NULL;
}

/*
 * Does the text match?  Unknown when the matcher gives up (out of memory, a
 * pattern too complex).  Interruptible.
 */
AbacTruth
AbacRegexMatches(regex_t *regex, AbacString text)
{
	pg_wchar	buffer[128];
	pg_wchar   *wide = buffer;
	int			length;
	int			result;

	if (text.length >= (int) lengthof(buffer))
		wide = palloc(sizeof(pg_wchar) * (text.length + 1));
	length = pg_mb2wchar_with_len(text.data, wide, text.length);
	result = pg_regexec(regex, wide, length, 0, NULL, 0, NULL, 0);
	if (wide != buffer)
		pfree(wide);

	if (result == REG_OKAY)
		return ABAC_TRUE;
	if (result == REG_NOMATCH)
		return ABAC_FALSE;
	CHECK_FOR_INTERRUPTS();
	return ABAC_UNKNOWN;
}
