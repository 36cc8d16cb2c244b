/*
 * document.h
 *	  What the values of a MongoDB document become in jsonb.
 *
 * The readers of the two spellings (bson.c, extended_json.c) push what they
 * find through the functions below, so that both give the same.
 *
 * BSON type             jsonb
 * --------------------  ----------------------------------------------------
 * double                number, the shortest that reads back as the same
 *                       double; NaN and infinities are refused
 * int32, int64          number
 * decimal128            number; NaN and infinities are refused
 * string, symbol        string
 * document              object
 * array                 array, in the order of the bytes (the names of array
 *                       elements mean nothing and are not looked at)
 * binary, subtype 4     string: uuid in the usual spelling
 * binary, subtype 3     refused: its byte order depends on the driver that
 *                       wrote it, and a guess would be another uuid
 * binary, others        string: base64, without line breaks
 * ObjectId              string: 24 lower-case hex digits
 * boolean               boolean
 * datetime              string: YYYY-MM-DDTHH:MM:SS.mmmZ, years 1 to 9999
 * null                  null
 * regular expression    object: {"pattern": string, "options": string}
 * code                  string
 * code with scope       object: {"code": string, "scope": object}
 * timestamp             object: {"t": number, "i": number}
 * undefined, DBPointer, refused: they have no counterpart, and null or a
 * MinKey, MaxKey        string would be taken for a value
 *
 * Numbers of more than ABAC_MAX_DIGITS digits before or after the point are
 * refused.  So is text that isn't UTF-8 or holds a zero byte, two fields of one
 * name (jsonb would silently keep the last), and more than
 * ABAC_MAX_DOCUMENT_LEVELS levels.  The error's DETAIL names the field, dotted.
 */
#ifndef ABAC_DOCUMENT_H
#define ABAC_DOCUMENT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "compat.h"

/* Levels of documents and arrays, the outermost included; MongoDB's own limit. */
#define ABAC_MAX_DOCUMENT_LEVELS 100

/* Digits of a number, before or after its point; 16 bytes of BSON could have thousands. */
#define ABAC_MAX_DIGITS 400

/* Bytes of a document; MongoDB's own limit. */
#define ABAC_MAX_DOCUMENT_SIZE (16 * 1024 * 1024)

/* Where in a document the walk is: one link per level, innermost first. */
typedef struct AbacDocumentPath
{
	const struct AbacDocumentPath *parent;	/* NULL for the whole document */
	const char *name;			/* in the server encoding; NULL in an array */
	int			name_len;
	int			index;			/* in an array */
	int			level;			/* 1 for the whole document */
} AbacDocumentPath;

/* Names of the fields of one document, in the server encoding. */
typedef struct AbacNames
{
	char	  **names;
	int			count;
	int			allocated;
} AbacNames;

extern char *AbacDescribePath(const AbacDocumentPath *path);
extern void AbacCheckDocumentLevel(const AbacDocumentPath *path);
extern void AbacAddName(AbacNames *names, char *name);
extern void AbacCheckNames(AbacNames *names, const AbacDocumentPath *path);
pg_noreturn extern void AbacRefuseType(const char *type, const AbacDocumentPath *path);
pg_noreturn extern void AbacRefuseNumber(const char *what, const AbacDocumentPath *path);
extern const char *AbacTextToServer(const char *text, int len, int *result_len,
									const AbacDocumentPath *path);

/* Push a value; token is WJB_KEY, WJB_VALUE or, in an array, WJB_ELEM. */
extern void AbacPushString(JsonbParseState **state, JsonbIteratorToken token, const char *text, int len);
extern void AbacPushText(JsonbParseState **state, JsonbIteratorToken token, const char *text, int len,
						 const AbacDocumentPath *path);
extern bool AbacExponentIsTooLarge(const char *text);
extern void AbacPushNumeric(JsonbParseState **state, JsonbIteratorToken token, Numeric number);
extern void AbacPushNumberText(JsonbParseState **state, JsonbIteratorToken token, const char *text,
							   const AbacDocumentPath *path);
extern void AbacPushDouble(JsonbParseState **state, JsonbIteratorToken token, double number,
						   const AbacDocumentPath *path);
extern void AbacPushDatetime(JsonbParseState **state, JsonbIteratorToken token, int64 msecs,
							 const AbacDocumentPath *path);
extern void AbacPushBinary(JsonbParseState **state, JsonbIteratorToken token, int subtype,
						   const uint8 *data, uint32 len, const AbacDocumentPath *path);
extern void AbacPushPair(JsonbParseState **state, const char *a, const JsonbValue *a_value,
						 const char *b, const JsonbValue *b_value);

/* What is read of a document of a collection. */
typedef struct AbacFields
{
	char	  **wanted;			/* the names of the fields that are read */
	int			nwanted;
	const char *serialized;		/* of them, the one whose JSON is asked for; NULL = none */

	/* found: */
	AbacNames	names;			/* all of them, sorted when the document is read */
	bool		has_json;
	StringInfoData json;		/* of "serialized", as JSON.stringify() writes it, in UTF-8 */
} AbacFields;

/* Spellings */
extern bool AbacDoubleReadsAs(double number, const char *text);	/* document_write.c */
extern bool AbacParseInteger(const char *text, int64 min, int64 max, int64 *result);	/* extended_json.c */
extern bool AbacParseDatetime(const char *text, int64 *msecs);
extern bool AbacIsExtendedName(const char *name);
extern bool AbacDecimal128FromText(const char *text, uint8 *result, char **again);	/* bson.c */

extern bool AbacFieldIsWanted(AbacFields *fields, const char *name, int len);
extern JsonbValue *AbacReadBsonFields(const uint8 *data, uint32 len, AbacFields *fields);	/* bson.c */
extern JsonbValue *AbacReadJsonFields(const char *text, int len, AbacFields *fields);	/* extended_json.c */

#endif							/* ABAC_DOCUMENT_H */
