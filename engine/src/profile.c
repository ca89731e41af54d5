/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "profile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "spec.h"

/* Runs and their nanoseconds: of one step, or of a whole plan. */
typedef struct figure {
  atomic_int_fast64_t runs, nanoseconds;
} figure;

struct fmp__profile {
  fmp_plan *plan;    /* retained */
  figure figures[1]; /* one for each step, then the whole */
};

/* -- the table ------------------------------------------------------------- */

/* Entries never move or go but by fmp_profile_clear, so that instances may keep theirs
 * over one run. */
static struct {
  pthread_mutex_t mutex;
  fmp__profile **entries;
  uint32_t n, room;
} table = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static atomic_int measuring;

void fmp_profile(int32_t on) { atomic_store(&measuring, on != 0); }

void fmp_profile_clear(void)
{
  pthread_mutex_lock(&table.mutex);
  for (uint32_t i = 0; i < table.n; i++) {
    fmp_plan_release(table.entries[i]->plan);
    fmp__free(table.entries[i]);
  }
  fmp__free(table.entries);
  table.entries = NULL;
  table.n = table.room = 0;
  pthread_mutex_unlock(&table.mutex);
}

static fmp_status add_entry(fmp_plan *plan, fmp__profile **profile)
{
  if (!fmp__grow((void **)&table.entries, &table.room, table.n, sizeof(fmp__profile *)))
    return fmp__no_memory("a profile");
  fmp__profile *made = fmp__alloc_zeroed(1, sizeof *made + plan->n_steps * sizeof made->figures[0]);
  if (!made) return fmp__no_memory("a profile");
  fmp_plan_retain(plan);
  made->plan = plan;
  table.entries[table.n++] = *profile = made;
  return FMP_OK;
}

fmp_status fmp__profile_find(fmp_plan *plan, fmp__profile **profile)
{
  fmp_status status = FMP_OK;
  *profile = NULL;
  if (!atomic_load_explicit(&measuring, memory_order_relaxed)) return FMP_OK;
  pthread_mutex_lock(&table.mutex);
  for (uint32_t i = 0; i < table.n && !*profile; i++)
    if (table.entries[i]->plan == plan) *profile = table.entries[i];
  if (!*profile) status = add_entry(plan, profile);
  pthread_mutex_unlock(&table.mutex);
  return status;
}

int64_t fmp__profile_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void fmp__profile_add(fmp__profile *profile, uint32_t t, int64_t nanoseconds)
{
  atomic_fetch_add(&profile->figures[t].runs, 1);
  atomic_fetch_add(&profile->figures[t].nanoseconds, nanoseconds);
}

/* -- asking ---------------------------------------------------------------- */

int32_t fmp_profile_plans(void)
{
  pthread_mutex_lock(&table.mutex);
  const uint32_t n = table.n;
  pthread_mutex_unlock(&table.mutex);
  return (int32_t)n;
}

static fmp__profile *entry_at(int32_t i)
{
  pthread_mutex_lock(&table.mutex);
  fmp__profile *entry = i >= 0 && (uint32_t)i < table.n ? table.entries[i] : NULL;
  pthread_mutex_unlock(&table.mutex);
  return entry;
}

/* The specs of a step's inputs and outputs, one block; NULL: out of memory. */
static fmp_spec *specs_of(const fmp_plan *p, const fmp__step *step)
{
  fmp_spec *specs = fmp__alloc_zeroed(step->n_in + step->n_out + 1, sizeof *specs);
  for (uint32_t i = 0; specs && i < step->n_in + step->n_out; i++)
    if (step->in[i]) specs[i] = p->slots[step->in[i]].spec; /* out stands behind in */
  return specs;
}

static void count_work(const fmp__step *step, const fmp_spec *specs, fmp_profile_node *figures)
{
  const fmp_spec *out = specs + step->n_in;
  for (uint32_t i = 0; i < step->n_in; i++)
    if (!(fmp__schema_input(&step->op->schema, i)->marks & FMP_ARG_SPEC_ONLY))
      figures->bytes += (double)fmp__spec_bytes(&specs[i]);
  for (uint32_t i = 0; i < step->n_out; i++) figures->bytes += (double)fmp__spec_bytes(&out[i]);
  if (step->op->def.flops)
    figures->flops = step->op->def.flops(step->params, specs, step->n_in, out, step->n_out);
}

static fmp_status describe_step(const fmp_plan *p, uint32_t t, fmp_profile_node *figures)
{
  const fmp__step *step = &p->steps[t];
  fmp_spec *specs = specs_of(p, step);
  if (!specs) return fmp__no_memory("a profile");
  figures->scope = step->scope;
  figures->op = step->op->def.name;
  figures->kernel = step->prepared.kernel->def.name;
  count_work(step, specs, figures);
  fmp__free(specs);
  return FMP_OK;
}

fmp_status fmp_profile_get(int32_t plan, int32_t node, fmp_profile_node *figures)
{
  fmp__profile *entry = entry_at(plan);
  if (!entry) return fmp__fail(FMP_EINVAL, "expected a plan that was measured, got %d", plan);
  const uint32_t n = entry->plan->n_steps;
  if (node < -1) return fmp__fail(FMP_EINVAL, "expected a node from -1 up, got %d", node);
  if (node >= 0 && (uint32_t)node >= n) return FMP_END;
  const uint32_t t = node < 0 ? n : (uint32_t)node;
  fmp_profile_node got = {.scope = "", .op = "", .kernel = ""};
  if (t < n) FMP_TRY(describe_step(entry->plan, t, &got));
  got.runs = atomic_load(&entry->figures[t].runs);
  got.seconds = (double)atomic_load(&entry->figures[t].nanoseconds) * 1e-9;
  *figures = got;
  return FMP_OK;
}
