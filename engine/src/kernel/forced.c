/* SPDX-License-Identifier: Apache-2.0
 *
 * Wishes. fmp_kernel_force checks them when they are set; those of FMP_KERNEL cannot be checked
 * then, since the plugins that bring the kernels are loaded later, so they are checked at the first
 * choice of each epoch. */
#include "kernel/forced.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/locks.h"
#include "base/status.h"
#include "base/text.h"
#include "define/registry.h"
#include "fmp/api.h"

static atomic_uint_fast64_t epoch = 1;
static pthread_once_t environment = PTHREAD_ONCE_INIT;

/* Both under FMP__LOCK_FORCED. */
static fmp__wishes forced;
static uint64_t checked_in; /* the last epoch in which FMP_KERNEL's wishes were found right */

void fmp__kernel_choices_changed(void) { atomic_fetch_add(&epoch, 1); }

/* -- reading "op:kernel,kernel" -------------------------------------------- */

/* A name that is too long is no kernel's, and is refused here rather than cut off. */
static int take_name(const char *from, size_t n, char *name)
{
  if (n == 0 || n >= sizeof((fmp__wish *)0)->name) return 0;
  memcpy(name, from, n);
  name[n] = '\0';
  return 1;
}

static int read_wish(const char *text, size_t n, fmp__wish *wish)
{
  const char *colon = memchr(text, ':', n);
  wish->op[0] = '\0';
  if (!colon) return take_name(text, n, wish->name);
  return take_name(text, (size_t)(colon - text), wish->op) &&
         take_name(colon + 1, n - (size_t)(colon + 1 - text), wish->name);
}

/* Empty text: no wishes. An empty piece between two commas is a mistake. */
static fmp_status read_wishes(const char *text, fmp__wishes *wishes)
{
  wishes->n = 0;
  for (const char *p = text; *p; p += *p == ',') {
    const size_t n = strcspn(p, ",");
    if (wishes->n == FMP__MAX_WISHES || !read_wish(p, n, &wishes->items[wishes->n++]))
      return fmp__fail(FMP_EINVAL,
                       "expected kernels like 'ref' or 'op:ref,op:onednn', got '%.200s'", text);
    p += n;
  }
  return FMP_OK;
}

/* -- are there such kernels? ----------------------------------------------- */

static int fulfils(const fmp__kernel *kernel, const fmp__wish *wish, const char *op)
{
  return strcmp(kernel->def.name, wish->name) == 0 && (!wish->op[0] || strcmp(wish->op, op) == 0);
}

/* Is there a kernel of that name? One for any op ("*") counts for whatever op is wished. Otherwise
 * the nearest name among the op's kernels is offered for the message. */
static int exists(const fmp__wish *wish, fmp__nearest *nearest)
{
  const fmp__kernel *kernel;
  for (uint32_t i = 0; (kernel = fmp__kernel_at(i)); i++) {
    if (fulfils(kernel, wish, fmp__kernel_is_for_any_op(kernel) ? wish->op : kernel->def.op))
      return 1;
    if (!wish->op[0] || strcmp(wish->op, kernel->def.op) == 0)
      fmp__nearest_offer(nearest, kernel->def.name);
  }
  return 0;
}

static fmp_status check_wish(const fmp__wish *wish)
{
  char hint[96];
  const fmp_op *op;
  fmp__nearest nearest = {.name = wish->name};
  if (wish->op[0]) FMP_TRY(fmp_op_find(wish->op, &op));
  if (exists(wish, &nearest)) return FMP_OK;
  return fmp__fail(FMP_ENOTFOUND, "no kernel '%s'%s%s%s", wish->name, wish->op[0] ? " of op " : "",
                   wish->op, fmp__nearest_hint(&nearest, hint, sizeof hint));
}

static fmp_status check_wishes(const fmp__wishes *wishes)
{
  for (uint32_t i = 0; i < wishes->n; i++) FMP_TRY(check_wish(&wishes->items[i]));
  return FMP_OK;
}

/* -- wishing --------------------------------------------------------------- */

/* Copied whole under the lock, then the epoch: whoever sees the new epoch sees the new wishes. */
static void set_wishes(const fmp__wishes *wishes)
{
  fmp__lock(FMP__LOCK_FORCED);
  forced = *wishes;
  fmp__unlock(FMP__LOCK_FORCED);
  fmp__kernel_choices_changed();
}

/* At the first question of any thread, once. Nobody is there to be told of a text that cannot be
 * read, so it becomes a wish that no kernel fulfils, which the first choice reports. */
static void read_environment(void)
{
  fmp__wishes wishes = {0};
  const char *text = getenv("FMP_KERNEL");
  if (text && read_wishes(text, &wishes) != FMP_OK) {
    wishes.n = 1;
    strncpy(wishes.items[0].name, text, sizeof wishes.items[0].name - 1);
  }
  if (wishes.n > 0) set_wishes(&wishes);
}

fmp_status fmp_kernel_force(const char *text)
{
  fmp__wishes wishes = {0};
  pthread_once(&environment, read_environment);
  FMP_TRY(read_wishes(text ? text : "", &wishes));
  FMP_TRY(check_wishes(&wishes));
  set_wishes(&wishes);
  return FMP_OK;
}

/* -- asking ---------------------------------------------------------------- */

/* Everybody who depends on wishes asks this first, so it also reads the environment. */
uint64_t fmp__kernel_epoch(void)
{
  pthread_once(&environment, read_environment);
  return atomic_load(&epoch);
}

/* Checked outside of the lock, because the check walks through the registry. Two threads may both
 * do it, with the same result. */
fmp_status fmp__wishes_now(fmp__wishes *wishes)
{
  const uint64_t now = fmp__kernel_epoch();
  fmp__lock(FMP__LOCK_FORCED);
  *wishes = forced;
  const int is_checked = checked_in == now;
  fmp__unlock(FMP__LOCK_FORCED);
  if (is_checked) return FMP_OK;
  const fmp_status status = check_wishes(wishes);
  if (status != FMP_OK) return fmp__fail_in(status, "FMP_KERNEL");
  fmp__lock(FMP__LOCK_FORCED);
  checked_in = now;
  fmp__unlock(FMP__LOCK_FORCED);
  return FMP_OK;
}

uint32_t fmp__wish_of(const fmp__wishes *wishes, const fmp__kernel *kernel, const char *op)
{
  for (uint32_t i = 0; i < wishes->n; i++)
    if (fulfils(kernel, &wishes->items[i], op)) return i;
  return wishes->n;
}

int fmp__kernel_is_forced(void)
{
  fmp__kernel_epoch(); /* so that the environment has been read */
  fmp__lock(FMP__LOCK_FORCED);
  const int is_forced = forced.n > 0;
  fmp__unlock(FMP__LOCK_FORCED);
  return is_forced;
}
