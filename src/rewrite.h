/*
 * rewrite.h
 *	  The planner's part of the row form (DESIGN §7).
 */
#ifndef ABAC_REWRITE_H
#define ABAC_REWRITE_H

#include "abac.h"

#endif							/* ABAC_REWRITE_H */
