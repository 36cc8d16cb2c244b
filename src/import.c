/*
 * import.c
 *	  What imports from MongoDB read: documents one after another, and of each
 *	  the fields that are asked for.
 *
 * A mongodump file is BSON documents one after another, a mongoexport file
 * Extended JSON documents, one a line.  They are read a batch at a time, so that
 * a file of any size takes the memory of a batch, or of one document.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/pg_authid.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "document.h"
#include "register.h"

/* A batch ends with the document that reaches one of these. */
#define BATCH_DOCUMENTS	1000
#define BATCH_BYTES		(4 * 1024 * 1024)

/* Names of a document's other fields that are told. */
#define MAX_OTHERS		100

/* Bytes of a line of JSON; in canonical form a document is several times its BSON. */
#define MAX_LINE		(64 * 1024 * 1024)

PG_FUNCTION_INFO_V1(abac_next_documents);
PG_FUNCTION_INFO_V1(abac_read_document);
PG_FUNCTION_INFO_V1(abac_import_mongodump);

/* Documents in memory or in a file. */
typedef struct Source
{
	const char *path;			/* NULL = in memory */
	char	   *version;		/* of the file: what changes when it does */
	FILE	   *file;
	const char *data;
	int64		size;
	int64		position;
} Source;

static void
OpenFile(Source *source, const char *path)
{
	struct stat status;

	source->path = path;
	/* asked before it is opened: opening a pipe could wait for ever */
	if (stat(path, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path)));
	source->file = AllocateFile(path, PG_BINARY_R);
	if (source->file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", path)));
	if (fstat(fileno(source->file), &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	source->size = status.st_size;
	source->version = psprintf("%llu %llu %lld %lld", (unsigned long long) status.st_dev,
							   (unsigned long long) status.st_ino, (long long) status.st_size,
							   (long long) status.st_mtime);
}

static void
Seek(Source *source, int64 position)
{
	source->position = position;
	if (source->file && fseeko(source->file, position, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in file \"%s\": %m", source->path)));
}

/* Say why there is less in the file than its size tells. */
pg_noreturn static void
RefuseRead(Source *source)
{
	if (ferror(source->file))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", source->path)));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("file \"%s\" became shorter while it was read", source->path)));
}

/* Read that many bytes, which are there as far as the size tells. */
static void
Read(Source *source, void *buffer, size_t length)
{
	if (source->file == NULL)
		memcpy(buffer, source->data + source->position, length);
	else if (fread(buffer, 1, length, source->file) != length)
		RefuseRead(source);
	source->position += length;
}

/*
 * The next BSON document; number counts from one.  The size inside is all that
 * is looked at here.
 */
static bytea *
NextBson(Source *source, int64 number)
{
	uint32		size = 0;
	bytea	   *document;
	int64		left = source->size - source->position;

	if (left >= (int64) sizeof(size))
	{
		Read(source, &size, sizeof(size));
#ifdef WORDS_BIGENDIAN
		size = pg_bswap32(size);
#endif
	}
	if (left < 5)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("document " INT64_FORMAT " is cut short", number),
				 errdetail("A document has at least 5 bytes, there are " INT64_FORMAT ".", left)));
	if (size < 5 || size > ABAC_MAX_DOCUMENT_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("document " INT64_FORMAT " has an impossible length", number),
				 errdetail("It says it has %u bytes; a document has 5 to %d.", size, ABAC_MAX_DOCUMENT_SIZE)));
	if (size > left)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("document " INT64_FORMAT " is cut short", number),
				 errdetail("It says it has %u bytes, there are " INT64_FORMAT ".", size, left)));

	document = palloc(VARHDRSZ + size);
	SET_VARSIZE(document, VARHDRSZ + size);
	Seek(source, source->position - sizeof(size));
	Read(source, VARDATA(document), size);
	return document;
}

/* The next line that isn't blank; NULL at the end. */
static bytea *
NextLine(Source *source, int64 number)
{
	StringInfoData line;
	bool		blank = true;

	initStringInfo(&line);
	appendStringInfoSpaces(&line, VARHDRSZ);
	while (source->position < source->size)
	{
		char		c;

		if (source->file)
		{
			int			next = getc(source->file);

			if (next == EOF)
				RefuseRead(source);
			c = next;
		}
		else
			c = source->data[source->position];
		source->position++;
		/* what isn't text must not be cut into lines */
		if (c == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("document " INT64_FORMAT " holds a zero byte", number),
					 errdetail("It begins as Extended JSON does, which is text.")));
		if (c == '\n')
		{
			if (!blank)
				break;
			line.len = VARHDRSZ;
			continue;
		}
		blank = blank && (c == ' ' || c == '\t' || c == '\r');
		if (line.len >= MAX_LINE)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("document " INT64_FORMAT " is too long", number),
					 errdetail("A line has at most %d bytes.", MAX_LINE),
					 errhint("Extended JSON has one document a line.")));
		appendStringInfoCharMacro(&line, c);
		if ((source->position & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (blank)
		return NULL;
	SET_VARSIZE(line.data, line.len);
	return (bytea *) line.data;
}

/*
 * Is it Extended JSON?  Sets the position behind a byte order mark.  In BSON the
 * fourth byte is the highest of a length of at most 16 MB, and no text has it;
 * what begins like neither is taken for BSON, whose first length is then wrong.
 */
static bool
IsJson(Source *source)
{
	char		start[4] = {0};
	bool		has_mark;

	Seek(source, 0);
	Read(source, start, Min(source->size, (int64) sizeof(start)));
	if (memcmp(start, "\x1f\x8b", 2) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the documents are compressed"),
				 errhint("Use gunzip, or mongodump without --gzip.")));
	if (start[0] == '[')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the documents are in a JSON array"),
				 errhint("Extended JSON has one document a line: use mongoexport without --jsonArray.")));
	has_mark = memcmp(start, "\xef\xbb\xbf", 3) == 0;
	Seek(source, has_mark ? 3 : 0);
	if (source->size >= (int64) sizeof(start) && (start[3] == 0 || start[3] == 1))
		return false;
	return has_mark || (start[0] != '\0' && strchr("{ \t\r\n", start[0]) != NULL);
}

/* Files have a role of their own, whoever may call the functions. */
static void
CheckMayReadFiles(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to import from a file of the server"),
				 errdetail("Only roles with privileges of the role \"%s\" may read the server's files.",
						   "pg_read_server_files"),
				 errhint("Send the file's content to abac_import_rule_conditions or abac_import_user_attributes.")));
}

/*
 * abac_next_documents(source, path, version, start, number): the documents from
 * a position on, whose first is that number.  No documents at the end.  version
 * is what the call before returned of the file; NULL = there was none.
 */
Datum
abac_next_documents(PG_FUNCTION_ARGS)
{
	Source		source = {NULL};
	int64		start = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	int64		number = PG_ARGISNULL(4) ? 1 : PG_GETARG_INT64(4);
	Datum	   *documents = palloc(sizeof(Datum) * BATCH_DOCUMENTS);
	int			count = 0;
	int64		bytes = 0;
	bool		is_json = false;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if ((PG_ARGISNULL(0) && PG_ARGISNULL(1)) || start < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is nothing to read from")));
	if (!PG_ARGISNULL(0))
	{
		bytea	   *value = PG_GETARG_BYTEA_PP(0);

		source.data = VARDATA_ANY(value);
		source.size = VARSIZE_ANY_EXHDR(value);
	}
	else
	{
		CheckMayReadFiles();
		OpenFile(&source, text_to_cstring(PG_GETARG_TEXT_PP(1)));
		if (!PG_ARGISNULL(2) && strcmp(source.version, text_to_cstring(PG_GETARG_TEXT_PP(2))) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("file \"%s\" was changed while it was read", source.path)));
	}

	if (source.size > 0)
	{
		is_json = IsJson(&source);
		if (start > 0)
			Seek(&source, start);
	}
	while (count < BATCH_DOCUMENTS && bytes < BATCH_BYTES && source.position < source.size)
	{
		bytea	   *document = is_json ? NextLine(&source, number + count) : NextBson(&source, number + count);

		CHECK_FOR_INTERRUPTS();
		if (document == NULL)
			break;
		documents[count++] = PointerGetDatum(document);
		bytes += VARSIZE(document);
	}
	if (source.file)
		FreeFile(source.file);

	values[0] = PointerGetDatum(construct_array(documents, count, BYTEAOID, -1, false, TYPALIGN_INT));
	values[1] = BoolGetDatum(is_json);
	values[2] = Int64GetDatum(source.position);
	values[3] = Int64GetDatum(source.size);
	nulls[4] = source.version == NULL;
	if (source.version)
		values[4] = CStringGetTextDatum(source.version);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * abac_read_document(document, is_json, fields, serialized): what the fields
 * hold, the names of other fields, sorted, as many as MAX_OTHERS, and the field
 * "serialized" as JSON.stringify() would write it in UTF-8, where that is known.
 */
Datum
abac_read_document(PG_FUNCTION_ARGS)
{
	bytea	   *document = PG_GETARG_BYTEA_PP(0);
	ArrayType  *wanted = PG_GETARG_ARRAYTYPE_P(2);
	AbacFields	fields = {.nwanted = 0};
	Datum	   *names;
	JsonbValue *content;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false};
	int			nothers = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	deconstruct_array(wanted, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &fields.nwanted);
	fields.wanted = palloc(sizeof(char *) * fields.nwanted);
	for (int i = 0; i < fields.nwanted; i++)
		fields.wanted[i] = TextDatumGetCString(names[i]);
	fields.serialized = text_to_cstring(PG_GETARG_TEXT_PP(3));

	if (PG_GETARG_BOOL(1))
		content = AbacReadJsonFields(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), &fields);
	else
		content = AbacReadBsonFields((const uint8 *) VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), &fields);

	names = palloc(sizeof(Datum) * MAX_OTHERS);
	for (int i = 0; i < fields.names.count && nothers < MAX_OTHERS; i++)
	{
		bool		is_wanted = false;

		for (int j = 0; j < fields.nwanted; j++)
			is_wanted |= strcmp(fields.names.names[i], fields.wanted[j]) == 0;
		if (!is_wanted)
			names[nothers++] = CStringGetTextDatum(fields.names.names[i]);
	}
	values[0] = JsonbPGetDatum(JsonbValueToJsonb(content));
	values[1] = PointerGetDatum(construct_array(names, nothers, TEXTOID, -1, false, TYPALIGN_INT));
	nulls[2] = !fields.has_json;
	if (fields.has_json)
		values[2] = PointerGetDatum((bytea *) cstring_to_text_with_len(fields.json.data, fields.json.len));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * abac_import_mongodump(path, collection, dry_run, on_error): abac_import_file
 * for who may read the server's files.
 */
Datum
abac_import_mongodump(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BOOLOID, TEXTOID};

	CheckMayReadFiles();
	return AbacCallAsOwner(fcinfo, "abac_import_file", types, lengthof(types));
}
