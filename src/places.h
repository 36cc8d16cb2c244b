/*
 * places.h
 *	  Where a user is somebody: the organizations that anything names them in.
 */
#ifndef ABAC_PLACES_H
#define ABAC_PLACES_H

#include "abac.h"
#include "request.h"

/* Organizations without order, each once. */
typedef struct AbacPlaces
{
	int			count;
	AbacString *organizations;
} AbacPlaces;

extern AbacPlaces *AbacGetPlaces(AbacString user);
extern void AbacAddPlace(AbacPlaces *places, AbacString type, AbacString id);
extern bool AbacAddPlacesWithRules(AbacPlaces *places, int limit);
extern int	AbacGetScopesIn(AbacScopeType type, AbacString parent_type, AbacString parent_id,
							int limit, AbacString **ids);

#endif							/* ABAC_PLACES_H */
