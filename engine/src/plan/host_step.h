/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps that run on the host in a plan of another device (FMP_OP_HOST): their inputs are copied to
 * the host and their outputs back. For one op by itself it is emit/host_op.c. */
#ifndef FMP_HOST_STEP_H
#define FMP_HOST_STEP_H

#include "plan/plan.h"

/* One such step of an instance. `there` are its views on the plan's device, as every step has them;
 * `here` are the same with memory of the host's, which is the struct's own. */
typedef struct fmp__hosted {
  const fmp_plan *plan;
  const fmp__step *step;
  const fmp_view *there;
  fmp_view *here; /* NULL: not made */
  void *memory;   /* of all views, and behind them scratch memory */
  int64_t bytes;
  void *scratch;
} fmp__hosted;

/* there: complete but for the addresses of inputs and outputs of the plan. On failure *h is as
 * fmp__hosted_free leaves it. */
fmp_status fmp__hosted_new(const fmp_plan *p, const fmp__step *step, const fmp_view *there,
                           fmp__hosted *h);
void fmp__hosted_free(fmp__hosted *h);
/* stream: of the plan's device, and entered. Waits for the inputs. */
fmp_status fmp__hosted_run(const fmp__hosted *h, void *stream, const fmp__call *call);

#endif
