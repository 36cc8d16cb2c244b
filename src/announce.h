/*
 * announce.h
 *	  Telling every session of a change, when it commits.
 */
#ifndef ABAC_ANNOUNCE_H
#define ABAC_ANNOUNCE_H

#include "abac.h"

#include "utils/uuid.h"

/* See announce.c. */
typedef enum AbacCommitLock
{
	ABAC_LOCK_REST,
	ABAC_LOCK_USERS
} AbacCommitLock;

#define ABAC_NCOMMIT_LOCKS	2

/*
 * An announcement by name: what it has in an OID's place is a hash of the name
 * and a bit that OIDs of relations don't have, as a rule.
 */
#define ABAC_BY_NAME		0x80000000U
#define ABAC_IS_POLICY		0x40000000U /* of a policy, group or rule; else of a user */

extern void AbacAnnounceInit(void);
extern Oid	AbacUserMessage(AbacString user);
extern Oid	AbacPolicyMessage(const pg_uuid_t *id);
extern int	AbacChangesUnderWay(void);
extern bool AbacCommitLockIsFree(AbacCommitLock which);

#endif							/* ABAC_ANNOUNCE_H */
