/*
 * fuzz.c
 *	  libFuzzer in a backend: abac_fuzz(reader, options...) feeds the readers of
 *	  documents with bytes, guided by the code that they reach.
 *
 * What a reader accepts must be the same after it was written and read again; an
 * error is as good as a result, anything else is a finding.  See test/fuzz/run.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "../../src/document.h"

PG_FUNCTION_INFO_V1(abac_fuzz);
extern Datum abac_bson_to_jsonb(PG_FUNCTION_ARGS);
extern Datum abac_jsonb_to_bson(PG_FUNCTION_ARGS);
extern Datum abac_jsonb_to_extended_json(PG_FUNCTION_ARGS);

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback) (const uint8 *data, size_t size));

static Datum
ReadBson(const char *data, size_t size)
{
	char	   *wanted[] = {"a", "condition_tree"};
	AbacFields	fields = {.wanted = wanted,.nwanted = 2,.serialized = "condition_tree"};

	/* as an import reads it */
	(void) AbacReadBsonFields((const uint8 *) data, size, &fields);
	return DirectFunctionCall1(abac_bson_to_jsonb, PointerGetDatum(cstring_to_text_with_len(data, size)));
}

/* The field "a". */
static Datum
ReadJson(const char *data, size_t size)
{
	char	   *wanted[] = {"a"};
	AbacFields	fields = {.wanted = wanted,.nwanted = 1};

	return JsonbPGetDatum(JsonbValueToJsonb(AbacReadJsonFields(data, size, &fields)));
}

static void
Compare(Datum a, Datum b)
{
	char	   *texts[2];
	Datum		values[2] = {a, b};

	for (int i = 0; i < 2; i++)
	{
		Jsonb	   *value = DatumGetJsonbP(values[i]);

		texts[i] = JsonbToCString(NULL, &value->root, VARSIZE(value));
	}
	if (strcmp(texts[0], texts[1]) != 0)
	{
		fprintf(stderr, "not the same when read again:\n%s\n%s\n", texts[0], texts[1]);
		abort();
	}
}

static bool reads_json;

static int
TestOne(const uint8 *data, size_t size)
{
	static MemoryContext context = NULL;
	MemoryContext old;
	Datum		none;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "fuzz", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(context);
	old = MemoryContextSwitchTo(context);
	none = PointerGetDatum(construct_empty_array(TEXTOID));
	PG_TRY();
	{
		Datum		document;
		Datum		again;

		if (reads_json)
		{
			char	   *line = psprintf("{\"a\":%s}", pnstrdup((const char *) data, size));

			document = ReadJson(line, strlen(line));
			again = DirectFunctionCall3(abac_jsonb_to_extended_json, document, none, BoolGetDatum(size % 2));
			Compare(document, ReadJson(VARDATA_ANY(again), VARSIZE_ANY_EXHDR(again)));
		}
		else
		{
			document = ReadBson((const char *) data, size);
			again = DirectFunctionCall2(abac_jsonb_to_bson, document, none);
			Compare(document, ReadBson(VARDATA_ANY(again), VARSIZE_ANY_EXHDR(again)));
		}
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_INTERNAL_ERROR || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
		{
			fprintf(stderr, "%s\n", error->message);
			abort();
		}
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return 0;
}

/* abac_fuzz('bson' or 'json', options of libFuzzer); doesn't return */
Datum
abac_fuzz(PG_FUNCTION_ARGS)
{
	Datum	   *options;
	int			count;
	char	  **arguments;

	reads_json = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(0)), "json") == 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &options, NULL, &count);
	arguments = palloc0(sizeof(char *) * (count + 2));
	arguments[0] = "abac_fuzz";
	for (int i = 0; i < count; i++)
		arguments[i + 1] = TextDatumGetCString(options[i]);
	count++;
	LLVMFuzzerRunDriver(&count, &arguments, TestOne);
	PG_RETURN_VOID();
}
