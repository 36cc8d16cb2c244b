/*
 * announce.h
 *	  Telling every session of a change, when it commits.
 */
#ifndef ABAC_ANNOUNCE_H
#define ABAC_ANNOUNCE_H

#include "abac.h"

/* See announce.c. */
typedef enum AbacCommitLock
{
	ABAC_LOCK_REST,
	ABAC_LOCK_USERS
} AbacCommitLock;

#define ABAC_NCOMMIT_LOCKS	2

/* The bit that tells an announcement of a user from one of a relation, as a rule. */
#define ABAC_USER_MESSAGE	0x80000000U
#define AbacIsUserMessage(relid)	(((relid) & ABAC_USER_MESSAGE) != 0)

extern void AbacAnnounceInit(void);
extern Oid	AbacUserMessage(AbacString user);
extern int	AbacChangesUnderWay(void);
extern bool AbacCommitLockIsFree(AbacCommitLock which);

#endif							/* ABAC_ANNOUNCE_H */
