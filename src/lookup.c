/*
 * lookup.c
 *	  The value of an attribute in one check: which source has it (DESIGN §4).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "attribute.h"
#include "evaluate.h"

/*
 * "Now" in abac.timezone, taken apart.  All checks of a statement ask at the
 * same moment, so this stays from one to the next.
 */
static struct
{
	TimestampTz now;
	pg_tz	   *zone;			/* NULL = nothing is known yet */
	struct pg_tm tm;
	int			west;			/* seconds */
	int			microsecond;
	char		date[16];
	char		time_of_day[8];
	char		now_text[48];	/* "" = not asked for yet */
	const char *day_of_week;
}			clock_face;

static void
SetClock(TimestampTz now)
{
	static const char *const weekdays[] = {
		"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"
	};
	struct pg_tm *tm = &clock_face.tm;
	char	   *end;

	if (clock_face.zone == AbacTimezone() && clock_face.now == now)
		return;
	clock_face.zone = NULL;
	if (timestamp2tm(now, &clock_face.west, tm, &clock_face.microsecond, NULL, AbacTimezone()) != 0)
		elog(ERROR, "timestamp out of range");
	end = pg_ultostr_zeropad(clock_face.date, tm->tm_year, 4);
	*end++ = '-';
	end = pg_ultostr_zeropad(end, tm->tm_mon, 2);
	*end++ = '-';
	end = pg_ultostr_zeropad(end, tm->tm_mday, 2);
	*end = '\0';
	end = pg_ultostr_zeropad(clock_face.time_of_day, tm->tm_hour, 2);
	*end++ = ':';
	end = pg_ultostr_zeropad(end, tm->tm_min, 2);
	*end = '\0';
	clock_face.day_of_week = weekdays[j2day(date2j(tm->tm_year, tm->tm_mon, tm->tm_mday))];
	clock_face.now_text[0] = '\0';
	clock_face.now = now;
	clock_face.zone = AbacTimezone();
}

static AbacString
NowText(void)
{
	int			minutes = abs(clock_face.west) / SECS_PER_MINUTE;

	if (clock_face.now_text[0] == '\0')
		snprintf(clock_face.now_text, sizeof(clock_face.now_text), "%sT%s:%02d.%06d%c%02d:%02d",
				 clock_face.date, clock_face.time_of_day, clock_face.tm.tm_sec, clock_face.microsecond,
				 clock_face.west > 0 ? '-' : '+', minutes / 60, minutes % 60);
	return AbacStringOf(clock_face.now_text);
}

/* A number of a day's hours; made once a session. */
static Numeric
HourNumber(int hour)
{
	static Numeric hours[HOURS_PER_DAY];

	if (hours[hour] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(CacheMemoryContext);

		hours[hour] = int64_to_numeric(hour);
		MemoryContextSwitchTo(old);
	}
	return hours[hour];
}

static void
SetString(AbacValue *value, AbacString string)
{
	value->kind = ABAC_KIND_STRING;
	value->singleton = false;
	value->u.string = string;
}

static void
SetArray(AbacValue *value, JsonbContainer *array)
{
	value->kind = ABAC_KIND_ARRAY;
	value->singleton = false;
	value->u.container = array;
}

/* What the clock says; false when it doesn't know the attribute. */
static bool
LookUpClock(AbacCheck *check, const AbacAttribute *attribute, AbacValue *value)
{
	if (attribute->builtin < ABAC_BUILTIN_ENV_NOW)
		return false;
	SetClock(check->now);
	switch (attribute->builtin)
	{
		case ABAC_BUILTIN_ENV_NOW:
			if (attribute->type == ABAC_TYPE_DATE)
			{
				value->kind = ABAC_KIND_DATE;
				value->singleton = false;
				value->u.date = check->now;
			}
			else
				SetString(value, NowText());
			return true;
		case ABAC_BUILTIN_ENV_DATE:
			SetString(value, AbacStringOf(clock_face.date));
			return true;
		case ABAC_BUILTIN_ENV_TIME_OF_DAY:
			SetString(value, AbacStringOf(clock_face.time_of_day));
			return true;
		case ABAC_BUILTIN_ENV_DAY_OF_WEEK:
			SetString(value, AbacStringOf(clock_face.day_of_week));
			return true;
		case ABAC_BUILTIN_ENV_TIME_HOUR:
			value->kind = ABAC_KIND_NUMBER;
			value->singleton = false;
			value->u.number = HourNumber(clock_face.tm.tm_hour);
			return true;
		default:
			elog(ERROR, "unrecognized clock attribute: %d", (int) attribute->builtin);
	}
}

/* What the engine itself knows of the request; comes before every source. */
static bool
LookUpBuiltin(AbacCheck *check, const AbacAttribute *attribute, AbacValue *value)
{
	const AbacSubject *subject = check->subject;
	bool		platform = attribute->organization.data == NULL;

	switch (attribute->builtin)
	{
		case ABAC_BUILTIN_USER_ID:
			SetString(value, check->request->user);
			return true;
		case ABAC_BUILTIN_USER_ROLES:
			SetArray(value, platform ? subject->platform_role_names : subject->role_names);
			return true;
		case ABAC_BUILTIN_RESOURCE_TYPE:
			SetString(value, check->request->type);
			return true;
		case ABAC_BUILTIN_RESOURCE_ID:
			if (check->request->id.data == NULL)
				return false;
			SetString(value, check->request->id);
			return true;
		case ABAC_BUILTIN_CONTEXT_ACTION:
			SetString(value, check->request->action);
			return true;
		default:
			return false;
	}
}

typedef enum Dug
{
	DUG_NOTHING,
	DUG_VALUE,
	DUG_NULL					/* a JSON null on the way or at its end */
} Dug;

static Dug
DigObject(JsonbContainer *object, const AbacAttribute *attribute, AbacValue *value)
{
	for (int i = 0; i < attribute->nkeys; i++)
	{
		if (!AbacObjectGet(object, attribute->keys[i], value))
			return DUG_NOTHING;
		if (value->kind == ABAC_KIND_NULL)
			return DUG_NULL;
		if (i + 1 == attribute->nkeys)
			return DUG_VALUE;
		if (value->kind != ABAC_KIND_OBJECT)
			return DUG_NOTHING;
		object = value->u.container;
	}
	elog(ERROR, "attribute without a path");
}

/* The user's stored rows: the organization's, then the global one, or the other way round. */
static Dug
LookUpStored(const AbacSubject *subject, const AbacAttribute *attribute,
			 AbacValue *value, AbacOrigin *origin)
{
	bool		global_first = attribute->organization.data == NULL ||
	attribute->source == ABAC_SOURCE_GLOBAL;

	for (int i = 0; i < 2; i++)
	{
		bool		global = (i == 0) == global_first;
		JsonbContainer *row = global ? subject->global_attributes : subject->organization_attributes;
		Dug			dug;

		if (row == NULL || (!global && attribute->source == ABAC_SOURCE_GLOBAL))
			continue;
		dug = DigObject(row, attribute, value);
		if (dug != DUG_NOTHING)
		{
			*origin = global ? ABAC_ORIGIN_STORED_GLOBAL : ABAC_ORIGIN_STORED_ORGANIZATION;
			return dug;
		}
	}
	return DUG_NOTHING;
}

/* Is the user's attribute in a stored row, be it as null, which ends the search? */
bool
AbacAttributeIsStored(const AbacCheck *check, const AbacAttribute *attribute)
{
	AbacValue	value;
	AbacOrigin	origin;

	return LookUpStored(check->subject, attribute, &value, &origin) != DUG_NOTHING;
}

/* The row's column, or what its jsonb has at the rest of the path. */
static bool
LookUpRow(AbacCheck *check, const AbacAttribute *attribute, AbacValue *value)
{
	return AbacRowValue(check->row, attribute->column, value) &&
		AbacDig(value, attribute->keys + 1, attribute->nkeys - 1);
}

/*
 * The table of DESIGN §4: the first source that has a value.  False when none
 * has.
 */
static bool
LookUp(AbacCheck *check, AbacAttribute *attribute)
{
	const AbacSubject *subject = check->subject;
	AbacValue  *raw = &attribute->raw;
	JsonbContainer *ctx = check->request->ctx[attribute->root];

	attribute->origin = ABAC_ORIGIN_BUILTIN;
	if (attribute->builtin != ABAC_BUILTIN_NONE && LookUpBuiltin(check, attribute, raw))
		return true;

	if (attribute->root == ABAC_ROOT_USER)
	{
		switch (LookUpStored(subject, attribute, raw, &attribute->origin))
		{
			case DUG_VALUE:
				return true;
			case DUG_NULL:
				/* a stored null ends the search, and there is no default */
				return false;
			case DUG_NOTHING:
				break;
		}
	}

	if (attribute->builtin == ABAC_BUILTIN_USER_TEAMS)
	{
		JsonbContainer *teams = attribute->organization.data ? subject->teams : subject->platform_teams;

		SetArray(raw, teams);
		attribute->origin = ABAC_ORIGIN_TEAMS;
		if (attribute->source != ABAC_SOURCE_GLOBAL && JsonContainerSize(teams) > 0)
			return true;
	}
	else if (attribute->root == ABAC_ROOT_RESOURCE && check->row)
	{
		attribute->origin = ABAC_ORIGIN_ROW;
		if (attribute->column && attribute->source != ABAC_SOURCE_GLOBAL &&
			LookUpRow(check, attribute, raw))
			return true;
	}
	else if (attribute->source == ABAC_SOURCE_ANY && ctx &&
			 DigObject(ctx, attribute, raw) == DUG_VALUE)
	{
		attribute->origin = ABAC_ORIGIN_CTX;
		return true;
	}

	attribute->origin = ABAC_ORIGIN_CLOCK;
	if (attribute->source != ABAC_SOURCE_GLOBAL && LookUpClock(check, attribute, raw))
		return true;

	attribute->origin = ABAC_ORIGIN_DEFAULT;
	if (attribute->has_default)
	{
		*raw = attribute->default_value;
		return true;
	}
	if (attribute->builtin == ABAC_BUILTIN_USER_TEAMS)
	{
		SetArray(raw, subject->no_teams);
		return true;
	}

	attribute->origin = ABAC_ORIGIN_NOWHERE;
	return false;
}

/*
 * The attribute's value in this check, looked up once: attribute->raw,
 * ->value, ->shaped and ->origin.  False when it has none; that a default is
 * found counts as a value here.
 */
bool
AbacAttributeLookup(AbacCheck *check, AbacAttribute *attribute)
{
	if (attribute->check != check->number)
	{
		attribute->found = LookUp(check, attribute);
		attribute->shaped = attribute->found &&
			AbacConform(attribute, &attribute->raw, &attribute->value);
		attribute->check = check->number;
	}
	return attribute->found;
}

/* What an explanation calls the origin; a constant. */
const char *
AbacOriginName(AbacOrigin origin)
{
	switch (origin)
	{
		case ABAC_ORIGIN_NOWHERE:
			return "nowhere";
		case ABAC_ORIGIN_BUILTIN:
			return "built in";
		case ABAC_ORIGIN_STORED_ORGANIZATION:
			return "stored for the organization";
		case ABAC_ORIGIN_STORED_GLOBAL:
			return "stored globally";
		case ABAC_ORIGIN_TEAMS:
			return "team memberships";
		case ABAC_ORIGIN_CTX:
			return "ctx";
		case ABAC_ORIGIN_ROW:
			return "row";
		case ABAC_ORIGIN_CLOCK:
			return "clock";
		case ABAC_ORIGIN_DEFAULT:
			return "default";
	}
	elog(ERROR, "unrecognized origin: %d", (int) origin);
}
