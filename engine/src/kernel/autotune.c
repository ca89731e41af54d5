/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring kernels. Each op is measured when it is first made ready for its specs, on zeros in
 * memory of its own, never on a training's own values: nothing happens twice, and only the first
 * step is slower.
 *
 * A choice decides how results are rounded, so it is kept by a text that names all it depends on
 * (make_key), and a run that reads the file gives the bits of the run that wrote it. */
#include "kernel/autotune.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/status.h"
#include "define/params.h"
#include "define/spec.h"
#include "device/stream.h"
#include "kernel/choices.h"
#include "kernel/forced.h"

/* -- arguments ------------------------------------------------------------- */

/* Inputs and outputs of the work, contiguous and zero. Absent and spec-only ones have no memory. */
typedef struct arguments {
  const fmp__work *work;
  fmp_view *views; /* inputs, then outputs */
} arguments;

static uint32_t count_arguments(const fmp__work *work) { return work->n_in + work->n_out; }

static const fmp_spec *spec_of(const fmp__work *work, uint32_t i)
{
  return i < work->n_in ? &work->in[i] : &work->out[i - work->n_in];
}

static void free_arguments(arguments *a)
{
  for (uint32_t i = 0; i < count_arguments(a->work); i++)
    if (a->views[i].data)
      fmp__device_free(a->work->device, a->views[i].data, fmp__spec_bytes(spec_of(a->work, i)));
  fmp__free(a->views);
}

/* A backend has no function that clears, so zeros are copied where the host cannot write. Waited
 * for: `zeros` is freed. */
static fmp_status clear(fmp_device *device, void *stream, void *memory, int64_t bytes)
{
  if (fmp__device_is_host(device)) {
    memset(memory, 0, (size_t)bytes);
    return FMP_OK;
  }
  void *zeros = fmp__alloc_zeroed((size_t)bytes, 1);
  if (!zeros) return fmp__no_memory("arguments to measure with");
  fmp_status status = fmp__stream_enter(device, stream);
  if (status == FMP_OK) {
    status = fmp__device_copy(device, stream, FMP_COPY_TO_DEVICE, memory, zeros, (size_t)bytes);
    if (status == FMP_OK) status = fmp__stream_wait(device, stream);
    fmp__stream_leave(device, stream);
  }
  fmp__free(zeros);
  return status;
}

static int is_spec_only(const fmp__work *work, uint32_t i)
{
  return i < work->n_in &&
         (fmp__schema_input(&work->op->schema, i)->marks & FMP_ARG_SPEC_ONLY) != 0;
}

static fmp_status add_argument(arguments *a, uint32_t i)
{
  fmp_device *device = a->work->device;
  const fmp_spec *spec = spec_of(a->work, i);
  fmp_view *view = &a->views[i];
  const int64_t bytes = fmp__spec_bytes(spec);
  if (spec->dtype == FMP_NONE) return FMP_OK;
  view->dtype = spec->dtype;
  view->rank = spec->rank;
  memcpy(view->shape, spec->shape, sizeof view->shape);
  fmp__strides_of(spec, view->strides);
  if (is_spec_only(a->work, i)) return FMP_OK;
  FMP_TRY(fmp__device_alloc(device, bytes, &view->data));
  return clear(device, a->work->stream, view->data, bytes);
}

/* free_arguments() frees what has been made; views that were not reached have data NULL. */
static fmp_status make_arguments(const fmp__work *work, arguments *a)
{
  fmp_status status = FMP_OK;
  *a = (arguments){.work = work,
                   .views = fmp__alloc_zeroed(count_arguments(work), sizeof *a->views)};
  if (!a->views) return fmp__no_memory("arguments to measure with");
  for (uint32_t i = 0; i < count_arguments(work) && status == FMP_OK; i++)
    status = add_argument(a, i);
  if (status != FMP_OK) free_arguments(a);
  return status;
}

/* -- measuring ------------------------------------------------------------- */

/* One run in nanoseconds, from the call until the stream has done it. */
static fmp_status run_once(const fmp__work *work, const fmp__prepared *prepared, const arguments *a,
                           void *scratch, int64_t *nanoseconds)
{
  fmp__call call = fmp__call_of(work, prepared);
  call.call.in = a->views;
  call.call.out = a->views + work->n_in;
  call.call.scratch = scratch;
  const int64_t begun = fmp__clock_now();
  FMP_TRY(fmp__run(prepared, &call));
  FMP_TRY(fmp__stream_wait(work->device, work->stream));
  *nanoseconds = fmp__clock_now() - begun;
  return FMP_OK;
}

/* The least of four runs, after one that only warms up caches and threads. The least, since
 * whatever disturbs a run makes it slower, never faster. */
static fmp_status run_often(const fmp__work *work, const fmp__prepared *prepared,
                            const arguments *a, void *scratch, int64_t *least)
{
  enum { RUNS = 5 };
  for (int i = 0; i < RUNS; i++) {
    int64_t now;
    FMP_TRY(run_once(work, prepared, a, scratch, &now));
    if (i > 0 && now < *least) *least = now;
  }
  return FMP_OK;
}

/* Other threads may compute on their own streams meanwhile; taking the least of some runs helps. */
static fmp_status measure_prepared(const fmp__work *work, const fmp__prepared *prepared,
                                   const arguments *a, int64_t *least)
{
  void *scratch;
  fmp_device *device = work->device;
  const int64_t bytes = (int64_t)prepared->scratch_bytes;
  FMP_TRY(fmp__device_alloc(device, bytes, &scratch));
  fmp_status status = fmp__stream_enter(device, work->stream);
  if (status == FMP_OK) {
    status = run_often(work, prepared, a, scratch, least);
    fmp__stream_leave(device, work->stream);
  }
  fmp__device_free(device, scratch, bytes);
  return status;
}

/* A kernel that cannot be prepared or run is no failure: INT64_MAX, and others are faster. */
static int64_t time_of(const fmp__work *work, const fmp__kernel *kernel, const arguments *a)
{
  fmp__prepared prepared;
  int64_t least = INT64_MAX;
  if (fmp__prepare_kernel(work, kernel, &prepared) != FMP_OK) return INT64_MAX;
  const fmp_status status = measure_prepared(work, &prepared, a, &least);
  fmp__prepared_release(&prepared);
  return status == FMP_OK ? least : INT64_MAX;
}

/* *kernel stays as it is if no candidate can be run. Of equal times the one registered first
 * wins. */
static fmp_status measure(const fmp__work *work, const fmp__candidates *all,
                          const fmp__kernel **kernel)
{
  int64_t least = INT64_MAX;
  arguments a;
  FMP_TRY(make_arguments(work, &a));
  for (uint32_t i = 0; i < all->n; i++) {
    const int64_t time = time_of(work, all->items[i], &a);
    if (time >= least) continue;
    least = time;
    *kernel = all->items[i];
  }
  free_arguments(&a);
  return FMP_OK;
}

/* -- choosing -------------------------------------------------------------- */

/* Zeros may stand for its inputs, and running it a few times more leaves nothing behind. */
static int is_harmless(const fmp_op *op)
{
  return !(op->def.flags & (FMP_OP_EFFECT | FMP_OP_RANDOM | FMP_OP_HOST)) &&
         !fmp__schema_has(&op->schema, FMP_ARG_WRITTEN) && !fmp__params_hold_resource(&op->attrs);
}

/* "op{attributes} (f32 [100,24,24,32], ...) -> (...) on cpu:0, 2 threads": all that the speed of a
 * kernel depends on within one machine. Files that hold keys of another machine are the user's to
 * keep apart. */
static fmp_status make_key(const fmp__work *work, fmp__text *key)
{
  fmp__text_add(key, "%s", work->op->def.name);
  fmp__params_text(&work->op->attrs, work->params, key);
  fmp__text_add(key, " (");
  fmp__specs_text(work->in, work->n_in, key);
  fmp__text_add(key, ") -> (");
  fmp__specs_text(work->out, work->n_out, key);
  fmp__text_add(key, ") on %s, %d threads", work->device->name, (int)work->threads);
  return key->failed ? fmp__no_memory("a choice of kernel") : FMP_OK;
}

/* Is there a kernel of that name among them? It may have gone since the file was written, or not
 * take the work any more. */
static int find_named(const fmp__candidates *all, const char *name, const fmp__kernel **kernel)
{
  for (uint32_t i = 0; i < all->n; i++) {
    if (strcmp(all->items[i]->def.name, name) != 0) continue;
    *kernel = all->items[i];
    return 1;
  }
  return 0;
}

/* A choice that is unknown, or names a kernel that is gone, is measured and kept. */
static fmp_status choose_by_key(const fmp__work *work, const char *key, const fmp__candidates *all,
                                const fmp__kernel **kernel)
{
  fmp__text name = {0};
  fmp__choices_find(key, &name);
  const int is_known = name.bytes && find_named(all, name.bytes, kernel);
  fmp__text_free(&name);
  if (is_known) return FMP_OK;
  FMP_TRY(measure(work, all, kernel));
  return fmp__choices_add(key, (*kernel)->def.name);
}

/* There is something to choose between two or more. */
static fmp_status choose_among(const fmp__work *work, const fmp__candidates *all,
                               const fmp__kernel **kernel)
{
  fmp__text key = {0};
  if (all->n < 2) return FMP_OK;
  fmp_status status = make_key(work, &key);
  if (status == FMP_OK) status = choose_by_key(work, key.bytes, all, kernel);
  fmp__text_free(&key);
  return status;
}

fmp_status fmp__autotune_choose(const fmp__work *work, const fmp__kernel **kernel)
{
  fmp__candidates all = {0};
  if (!fmp__choices_are_open() || fmp__kernel_is_forced() || !is_harmless(work->op)) return FMP_OK;
  fmp_status status = fmp__kernel_candidates(work, &all);
  if (status == FMP_OK) status = choose_among(work, &all, kernel);
  fmp__free((void *)all.items);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "autotune");
}

/* Called when a plan has been made. While measuring is off there is nothing to write. */
fmp_status fmp__autotune_settle(void)
{
  const fmp_status status = fmp__choices_are_open() ? fmp__choices_save() : FMP_OK;
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "autotune");
}

/* The epoch moves on, so that ops which were prepared before are chosen for again. */
fmp_status fmp_autotune(const char *path)
{
  if (path) FMP_TRY(fmp__choices_open(path));
  if (!path) fmp__choices_close();
  fmp__kernel_choices_changed();
  return FMP_OK;
}
