/* SPDX-License-Identifier: Apache-2.0
 * An op whose kernel says when it is made ready ('p') and when it is let go ('r'): a letter each,
 * written to the file descriptor that the environment's FMP_TEST_FD names. */
#define _POSIX_C_SOURCE 200809L
#include "hostile.h"

#include <stdlib.h>
#include <unistd.h>

static void say(char letter)
{
  const char *fd = getenv("FMP_TEST_FD");
  if (fd && write(atoi(fd), &letter, 1) != 1) abort();
}

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  *state = args->host->alloc(1);
  say('p');
  return *state ? FMP_OK : args->host->fail(FMP_ENOMEM, "no memory for a state");
}

static void release(const fmp_release_args *args)
{
  args->host->free(args->state);
  say('r');
}

static fmp_status run(const fmp_call *call)
{
  *(float *)call->out[0].data = *(const float *)call->in[0].data;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_ending");
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = "hostile_ending",
                                 .backend = "cpu",
                                 .name = "ref",
                                 .dtypes = FMP_BIT(FMP_F32),
                                 .prepare = prepare,
                                 .release = release,
                                 .run = run};
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("ending", "1.0", "says when it is let go", load);
