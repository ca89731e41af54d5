/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of measured plans. It is locked to find an entry, not to add to one: numbers are
 * atomic, and an entry has references, so a run may go on adding while the table is cleared. */
#include "plan/profile.h"

#include <stdatomic.h>
#include <string.h>

#include "base/locks.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/table.h"
#include "base/text.h"
#include "define/sized.h"
#include "define/spec.h"

/* How many runs, and their nanoseconds together: of one step, or of a whole plan. */
typedef struct figure {
  atomic_int_fast64_t runs, nanoseconds;
} figure;

struct fmp__profile {
  atomic_int_fast32_t references;
  fmp_plan *plan;    /* retained */
  figure figures[1]; /* one for each step, then the whole */
};

/* -- the table ------------------------------------------------------------- */

/* The table has one reference to each entry, and so has each run that adds to one. A run that goes
 * on while the table is cleared adds to an entry of its own, which nobody will ask for. */
typedef struct table {
  fmp__profile **entries;
  uint32_t n, room;
  fmp__table numbers; /* of entries, from 1, by the address of the plan, which an entry holds */
} table;

static table measured;

/* Read relaxed, once in each run of a plan: measuring costs nothing while it is off. */
static atomic_int measuring;

void fmp_profile(int32_t on) { atomic_store(&measuring, on != 0); }

void fmp__profile_release(fmp__profile *profile)
{
  if (!profile || atomic_fetch_sub(&profile->references, 1) != 1) return;
  fmp_plan_release(profile->plan);
  fmp__free(profile);
}

/* Plans are released outside of the lock: ending one may close a queue, which waits for its
 * threads, and those may be waiting for the lock. */
void fmp_profile_clear(void)
{
  fmp__lock(FMP__LOCK_PROFILES);
  table cleared = measured;
  measured = (table){0};
  fmp__unlock(FMP__LOCK_PROFILES);
  for (uint32_t i = 0; i < cleared.n; i++) fmp__profile_release(cleared.entries[i]);
  fmp__free(cleared.entries);
  fmp__table_free(&cleared.numbers);
}

static uint64_t key_of(const fmp_plan *plan) { return (uint64_t)(uintptr_t)plan; }

/* Under the lock. The entry keeps the plan, so that its texts and specs can still be asked for. */
static fmp_status add_entry(fmp_plan *plan, fmp__profile **profile)
{
  if (!fmp__grow((void **)&measured.entries, &measured.room, measured.n, sizeof(fmp__profile *)) ||
      !fmp__table_reserve(&measured.numbers, 1))
    return fmp__no_memory("a profile");
  fmp__profile *made = fmp__alloc_zeroed(1, sizeof *made + plan->n_steps * sizeof made->figures[0]);
  if (!made) return fmp__no_memory("a profile");
  atomic_init(&made->references, 1);
  fmp_plan_retain(plan);
  made->plan = plan;
  measured.entries[measured.n++] = *profile = made;
  fmp__table_set(&measured.numbers, key_of(plan), measured.n);
  return FMP_OK;
}

fmp_status fmp__profile_find(fmp_plan *plan, fmp__profile **profile)
{
  fmp_status status = FMP_OK;
  *profile = NULL;
  if (!atomic_load_explicit(&measuring, memory_order_relaxed)) return FMP_OK;
  fmp__lock(FMP__LOCK_PROFILES);
  const uint32_t number = fmp__table_get(&measured.numbers, key_of(plan));
  if (number)
    *profile = measured.entries[number - 1];
  else
    status = add_entry(plan, profile);
  if (*profile) atomic_fetch_add(&(*profile)->references, 1);
  fmp__unlock(FMP__LOCK_PROFILES);
  return status;
}

void fmp__profile_add(fmp__profile *profile, uint32_t t, int64_t nanoseconds)
{
  atomic_fetch_add(&profile->figures[t].runs, 1);
  atomic_fetch_add(&profile->figures[t].nanoseconds, nanoseconds);
}

/* -- asking ---------------------------------------------------------------- */

int32_t fmp_profile_plans(void)
{
  fmp__lock(FMP__LOCK_PROFILES);
  const uint32_t n = measured.n;
  fmp__unlock(FMP__LOCK_PROFILES);
  return (int32_t)n;
}

/* With a reference for the caller; NULL: there is no such entry. */
static fmp__profile *take_entry(int32_t i)
{
  fmp__lock(FMP__LOCK_PROFILES);
  fmp__profile *entry = i >= 0 && (uint32_t)i < measured.n ? measured.entries[i] : NULL;
  if (entry) atomic_fetch_add(&entry->references, 1);
  fmp__unlock(FMP__LOCK_PROFILES);
  return entry;
}

/* The specs of a step's inputs and then outputs, in one block; NULL: out of memory. */
static fmp_spec *specs_of(const fmp_plan *p, const fmp__step *step)
{
  fmp_spec *specs = fmp__alloc_zeroed(step->n_in + step->n_out + 1, sizeof *specs);
  for (uint32_t i = 0; specs && i < step->n_in + step->n_out; i++)
    if (step->in[i]) specs[i] = p->slots[step->in[i]].spec; /* out stands behind in */
  return specs;
}

/* Bytes count each input that is read and each output once: what must move at least, whatever the
 * kernel does. A plugin's flops may be anything, also NaN, which Lua must not get as it is. */
static void count_work(const fmp__step *step, const fmp_spec *specs, fmp_profile_node *figures)
{
  const fmp_spec *out = specs + step->n_in;
  for (uint32_t i = 0; i < step->n_in; i++)
    if (!(fmp__schema_input(&step->op->schema, i)->marks & FMP_ARG_SPEC_ONLY))
      figures->bytes += (double)fmp__spec_bytes(&specs[i]);
  for (uint32_t i = 0; i < step->n_out; i++) figures->bytes += (double)fmp__spec_bytes(&out[i]);
  const fmp_flops_args args = {.struct_size = sizeof args,
                               .host = step->op->plugin->host,
                               .data = step->op->def.data,
                               .op = step->op,
                               .params = step->params,
                               .in = specs,
                               .out = out,
                               .n_in = step->n_in,
                               .n_out = step->n_out};
  if (step->op->def.flops) figures->flops = fmp__plain_double(step->op->def.flops(&args));
}

/* The scope is copied: the plan may be gone by the time the caller looks at it. */
static fmp_status describe_step(const fmp_plan *p, uint32_t t, fmp_profile_node *figures)
{
  const fmp__step *step = &p->steps[t];
  fmp__text *scope = fmp__text_of_thread();
  fmp__text_add(scope, "%s", step->scope);
  fmp_spec *specs = scope->failed ? NULL : specs_of(p, step);
  if (!specs) return fmp__no_memory("a profile");
  figures->scope = scope->bytes;
  figures->op = step->op->def.name;
  figures->kernel = step->prepared.kernel->def.name;
  count_work(step, specs, figures);
  fmp__free(specs);
  return FMP_OK;
}

static fmp_status describe(fmp__profile *entry, int32_t node, fmp_profile_node *figures)
{
  const uint32_t n = entry->plan->n_steps;
  if (node < -1) return fmp__fail(FMP_EINVAL, "expected a node of -1 or more, got %d", node);
  if (node >= 0 && (uint32_t)node >= n) return FMP_END;
  const uint32_t t = node < 0 ? n : (uint32_t)node;
  fmp_profile_node got = {.struct_size = sizeof got, .scope = "", .op = "", .kernel = ""};
  if (t < n) FMP_TRY(describe_step(entry->plan, t, &got));
  got.runs = atomic_load(&entry->figures[t].runs);
  got.seconds = (double)atomic_load(&entry->figures[t].nanoseconds) * 1e-9;
  return fmp__give_sized("a profile's figures", &got, figures);
}

fmp_status fmp_profile_get(int32_t plan, int32_t node, fmp_profile_node *figures)
{
  fmp__profile *entry = take_entry(plan);
  if (!entry) return fmp__fail(FMP_EINVAL, "expected a plan that was measured, got %d", plan);
  const fmp_status status = describe(entry, node, figures);
  fmp__profile_release(entry);
  return status;
}
