/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured times of plans' nodes. What was measured stands in one table of the process, with an
 * entry for each plan; instances add to it from any thread. */
#ifndef FMP_PROFILE_H
#define FMP_PROFILE_H

#include "plan/plan.h"

typedef struct fmp__profile fmp__profile; /* the entry of one plan */

/* *profile: the plan's entry, made if it is the first run, with a reference for the caller; NULL
 * while nothing is measured. */
fmp_status fmp__profile_find(fmp_plan *plan, fmp__profile **profile);
void fmp__profile_release(fmp__profile *profile); /* NULL allowed */
/* Adds one run of step t, or with t = n_steps of the whole plan. */
void fmp__profile_add(fmp__profile *profile, uint32_t t, int64_t nanoseconds);

#endif
