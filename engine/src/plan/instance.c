/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan instances: the memory in which one caller at a time runs a plan. Views, calls and random
 * keys of all steps are made once; a run sets the addresses of inputs and outputs in them and calls
 * the kernels one after another. So a run allocates nothing but its outputs, and no step looks
 * anything up.
 *
 * Kernels are prepared for a number of threads: with another they would divide their sums otherwise
 * than an eager op does, and be no faster. An instance that is to run on another number than its
 * plan was made for gets another plan first (docs/decisions/kernels-know-their-threads.md). */
#include <string.h>

#include "base/clock.h"
#include "base/locks.h"
#include "base/memory.h"
#include "base/stop.h"
#include "define/spec.h"
#include "device/stream.h"
#include "emit/eager.h"
#include "emit/record.h"
#include "plan/instance.h"
#include "plan/profile.h"

/* -- views ----------------------------------------------------------------- */

/* Where a root lies; NULL if that changes from run to run, or nobody reads it. */
static void *root_memory(const fmp_instance *x, const fmp__slot *root)
{
  switch (root->place) {
  case FMP__PLACE_ARENA: return (char *)x->arena + x->plan->slots[root->buffer].arena_offset;
  case FMP__PLACE_CAPTURE: return root->storage->memory;
  default: return NULL; /* set by each run, or never */
  }
}

/* A slot's offset counts from its root's start. For a capture that is the storage's start and not
 * the tensor's: the tensor's own offset stands in its slot, and views of it count likewise. */
static void set_view(fmp_instance *x, uint32_t slot, fmp_view *view)
{
  const fmp__slot *s = &x->plan->slots[slot], *root = &x->plan->slots[s->root];
  memset(view, 0, sizeof *view);
  if (!slot) return;
  view->dtype = s->spec.dtype;
  view->rank = s->spec.rank;
  memcpy(view->shape, s->spec.shape, sizeof view->shape);
  memcpy(view->strides, s->strides, sizeof view->strides);
  void *memory = root_memory(x, root);
  if (memory) view->data = (char *)memory + s->offset;
  const fmp__patch p = {view, root->index, s->offset};
  if (root->place == FMP__PLACE_INPUT) x->inputs[x->n_inputs++] = p;
  if (root->place == FMP__PLACE_OUTPUT) x->outputs[x->n_outputs++] = p;
}

/* On the host: another device, other views, and scratch memory of its own. */
static fmp_status set_hosted(fmp_instance *x, uint32_t t, const fmp_view *views, fmp__work *work)
{
  work->device = x->plan->host;
  work->stream = x->host_stream;
  work->threads = x->plan->host_threads;
  return fmp__hosted_new(x->plan, &x->plan->steps[t], views, &x->hosted[t]);
}

/* The scratch memory is the same for all steps: they run one after another on one stream. */
static fmp_status set_call(fmp_instance *x, uint32_t t, fmp_view *views)
{
  const fmp__step *step = &x->plan->steps[t];
  for (uint32_t i = 0; i < step->n_in; i++) set_view(x, step->in[i], &views[i]);
  for (uint32_t i = 0; i < step->n_out; i++) set_view(x, step->out[i], &views[step->n_in + i]);
  x->rngs[t] = (fmp_rng){sizeof(fmp_rng), 0, step->random_key, x->step};
  fmp__work work = {.op = step->op,
                    .params = step->params,
                    .device = x->plan->device,
                    .n_in = step->n_in,
                    .n_out = step->n_out,
                    .stream = x->stream,
                    .threads = x->plan->threads,
                    .where = fmp__where(x->plan->device, step->scope, step->op)};
  if (step->is_on_host) FMP_TRY(set_hosted(x, t, views, &work));
  x->calls[t] = fmp__call_of(&work, &step->prepared);
  fmp_call *call = &x->calls[t].call;
  call->in = step->is_on_host ? x->hosted[t].here : views;
  call->out = call->in + step->n_in;
  call->scratch = step->is_on_host ? x->hosted[t].scratch : x->scratch;
  if (step->op->def.flags & FMP_OP_RANDOM) call->rng = &x->rngs[t];
  return FMP_OK;
}

/* -- making and ending ----------------------------------------------------- */

/* `step` is set last, and tells free_room() whether the arena has been counted as tensors'
 * memory. */
static fmp_status allocate_memory(fmp_instance *x)
{
  void *step;
  const fmp_plan *p = x->plan;
  FMP_TRY(fmp__device_alloc(p->device, p->arena_bytes, &x->arena));
  FMP_TRY(fmp__device_alloc(p->device, p->scratch_bytes, &x->scratch));
  FMP_TRY(fmp__device_alloc(p->device, (int64_t)sizeof *x->step, &step));
  x->step = step;
  fmp__count_tensor_bytes(p->arena_bytes);
  return FMP_OK;
}

/* n_views bounds the patches, too: each belongs to a view. */
static fmp_status allocate_calls(fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  x->calls = fmp__alloc_zeroed(p->n_steps + 1, sizeof *x->calls);
  x->rngs = fmp__alloc_zeroed(p->n_steps + 1, sizeof *x->rngs);
  x->views = fmp__alloc_zeroed(p->n_views + 1, sizeof *x->views);
  x->inputs = fmp__alloc_zeroed(p->n_views + 1, sizeof *x->inputs);
  x->outputs = fmp__alloc_zeroed(p->n_views + 1, sizeof *x->outputs);
  x->taken = fmp__alloc_zeroed(p->graph->n_inputs + 1, sizeof *x->taken);
  if (x->calls && x->rngs && x->views && x->inputs && x->outputs && x->taken) return FMP_OK;
  return fmp__no_memory("a plan's instance");
}

static fmp_status prepare_host(fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  if (p->n_on_host == 0) return FMP_OK;
  x->hosted = fmp__alloc_zeroed(p->n_steps, sizeof *x->hosted);
  if (!x->hosted) return fmp__no_memory("a plan's instance");
  return fmp__stream_open(p->host, 0, &x->host_stream);
}

/* All that runs of x->plan need. On failure, what has been made so far is left to free_room(). */
static fmp_status make_room(fmp_instance *x)
{
  FMP_TRY(allocate_calls(x));
  FMP_TRY(allocate_memory(x));
  FMP_TRY(prepare_host(x));
  fmp_view *views = x->views;
  for (uint32_t t = 0; t < x->plan->n_steps; t++) {
    FMP_TRY(set_call(x, t, views));
    views += x->plan->steps[t].n_in + x->plan->steps[t].n_out;
  }
  return FMP_OK;
}

/* Leaves x with its plan, its stream and nothing else, ready for make_room(). */
static void free_room(fmp_instance *x)
{
  fmp_device *device = x->plan->device;
  fmp__replay_free(x);
  if (x->step) fmp__count_tensor_bytes(-x->plan->arena_bytes);
  fmp__device_free(device, x->step, (int64_t)sizeof *x->step);
  fmp__device_free(device, x->scratch, x->plan->scratch_bytes);
  fmp__device_free(device, x->arena, x->plan->arena_bytes);
  for (uint32_t t = 0; x->hosted && t < x->plan->n_steps; t++) fmp__hosted_free(&x->hosted[t]);
  if (x->host_stream) fmp__stream_close(x->plan->host, x->host_stream);
  fmp__free(x->hosted);
  fmp__free(x->calls);
  fmp__free(x->rngs);
  fmp__free(x->views);
  fmp__free(x->inputs);
  fmp__free(x->outputs);
  fmp__free(x->taken);
  *x = (fmp_instance){.plan = x->plan, .serial = x->serial, .stream = x->stream};
}

static int32_t threads_of(const fmp_instance *x)
{
  const fmp_device *device = x->plan->device;
  return x->serial && !fmp__device_works_later(device) ? 1 : fmp__device_threads(device);
}

static int has_threads(const fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  return p->threads == threads_of(x) &&
         (!p->host || p->host_threads == fmp__device_threads(p->host));
}

/* A reference to x's plan, or to the same plan made for as many threads as will run it now. */
static fmp_status plan_for_threads(const fmp_instance *x, fmp_plan **plan)
{
  if (!has_threads(x)) return fmp__plan_again(x->plan, x->stream, threads_of(x), plan);
  *plan = x->plan;
  fmp_plan_retain(*plan);
  return FMP_OK;
}

/* Before a run: if fmp_device_threads has changed the number, the new plan and its room are made
 * beside the old ones, and take their place only when they are complete. On failure x stays as it
 * was. */
static fmp_status follow_threads(fmp_instance *x)
{
  if (has_threads(x)) return FMP_OK;
  fmp_instance moved = {.serial = x->serial, .stream = x->stream};
  FMP_TRY(plan_for_threads(x, &moved.plan));
  const fmp_status status = make_room(&moved);
  fmp_instance *const gone = status == FMP_OK ? x : &moved;
  free_room(gone);
  fmp_plan_release(gone->plan);
  if (status == FMP_OK) *x = moved;
  return status;
}

/* The stream comes first: kernels are prepared on it, if the plan must be made anew. */
static fmp_status fill_instance(fmp_instance *x, fmp_plan *p)
{
  FMP_TRY(fmp__stream_open(p->device, x->serial, &x->stream));
  FMP_TRY(plan_for_threads(x, &p));
  fmp_plan_release(x->plan);
  x->plan = p;
  return make_room(x);
}

fmp_status fmp_instance_new(fmp_plan *p, int32_t serial, fmp_instance **instance)
{
  FMP_TRY(fmp__require(p, "a plan"));
  fmp_instance *x = fmp__alloc_zeroed(1, sizeof *x);
  if (!x) return fmp__no_memory("a plan's instance");
  fmp_plan_retain(p);
  x->plan = p;
  x->serial = serial;
  const fmp_status status = fill_instance(x, p);
  if (status != FMP_OK) {
    fmp_instance_release(x);
    return status;
  }
  *instance = x;
  return FMP_OK;
}

void fmp_instance_release(fmp_instance *x)
{
  if (!x) return;
  free_room(x);
  if (x->stream) fmp__stream_close(x->plan->device, x->stream);
  fmp_plan_release(x->plan);
  fmp__free(x);
}

/* -- one run --------------------------------------------------------------- */

/* Specs are exactly those that were planned for: kernels were prepared for them. */
static fmp_status check_input(const fmp_plan *p, uint32_t i, const fmp_tensor *t)
{
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  const fmp_spec *spec = &p->slots[i + 1].spec;
  if (!t) return fmp__fail(FMP_EINVAL, "input %u is missing", i + 1);
  FMP_TRY(fmp__tensor_require(t));
  if (!fmp__spec_equal(spec, &t->spec))
    return fmp__fail(FMP_ESHAPE, "input %u: expected %s as planned, got %s", i + 1,
                     fmp_spec_text(spec, wanted), fmp_spec_text(&t->spec, got));
  if (t->device == p->device) return FMP_OK;
  return fmp__fail(FMP_EDEVICE, "input %u: expected a tensor on %s, got one on %s", i + 1,
                   p->device->name, t->device->name);
}

/* Kernels were chosen for contiguous inputs, so a strided one is copied, unless the plan writes it:
 * then the write would be lost with the copy. */
static fmp_status take_input(const fmp_plan *p, uint32_t i, fmp_tensor *t, fmp_tensor **taken)
{
  if (fmp__tensor_is_contiguous(t)) {
    *taken = fmp_tensor_retain(t);
    return FMP_OK;
  }
  if (p->graph->values[i + 1].written > 0)
    return fmp__fail(FMP_EINVAL, "input %u: expected a contiguous tensor, since it is written",
                     i + 1);
  return fmp__eager_contiguous(t, taken);
}

/* Tensors have values by now: inputs were checked, outputs have just been made. */
static void apply_patches(const fmp__patch *patches, uint32_t n, fmp_tensor *const *tensors)
{
  for (uint32_t i = 0; i < n; i++) {
    const fmp_tensor *t = tensors[patches[i].index];
    patches[i].view->data = (char *)t->storage->memory + t->offset + patches[i].offset;
  }
}

fmp_status fmp__instance_draw(fmp_instance *x, uint64_t seed, uint64_t step)
{
  fmp_device *device = x->plan->device;
  if (!x->plan->has_random) return FMP_OK;
  for (uint32_t t = 0; t < x->plan->n_steps; t++) x->rngs[t].seed = seed;
  if (fmp__device_is_host(device)) {
    *x->step = step;
    return FMP_OK;
  }
  return fmp__device_copy(device, x->stream, FMP_COPY_TO_DEVICE, x->step, &step, sizeof step);
}

/* The Ctrl-C flag is looked at before each step; what has been enqueued by then will be done. */
fmp_status fmp__instance_step(const fmp_instance *x, uint32_t t)
{
  const fmp__step *step = &x->plan->steps[t];
  FMP_TRY(fmp__check_interrupt());
  const fmp_status status = step->is_on_host
                                ? fmp__hosted_run(&x->hosted[t], x->stream, &x->calls[t])
                                : fmp__run(&step->prepared, &x->calls[t]);
  if (status == FMP_OK) return FMP_OK;
  return fmp__fail_in(status, "%s%s%s", step->scope, *step->scope ? ": " : "", step->op->def.name);
}

static fmp_status run_plain(const fmp_instance *x)
{
  for (uint32_t t = 0; t < x->plan->n_steps; t++) FMP_TRY(fmp__instance_step(x, t));
  return FMP_OK;
}

/* A node's time is known only once it has been waited for, so a measured run has no overlap between
 * steps; on a device that works later the whole takes longer than an ordinary run. */
static fmp_status run_measured(const fmp_instance *x, fmp__profile *profile)
{
  const uint32_t n = x->plan->n_steps;
  const int64_t begun = fmp__clock_now();
  int64_t before = begun;
  for (uint32_t t = 0; t < n; t++) {
    FMP_TRY(fmp__instance_step(x, t));
    FMP_TRY(fmp__stream_wait(x->plan->device, x->stream));
    const int64_t now = fmp__clock_now();
    fmp__profile_add(profile, t, now - before);
    before = now;
  }
  fmp__profile_add(profile, n, before - begun);
  return FMP_OK;
}

/* Where work comes later, it is only enqueued here: whoever reads an output waits, and inputs may
 * be released at once, since their memory is freed behind the work (plugin.h). */
static fmp_status run_entered(fmp_instance *x, fmp__profile *profile, fmp_tensor *const *out)
{
  /* Whether or not anything in it draws: what was pruned or rewritten must not change what later
   * runs draw. Inside a recording the seed is the recording's. */
  const uint64_t seed = fmp__generator_now()->seed;
  const uint64_t step = fmp__generator_of_thread()->step++;
  fmp__error_clear();
  if (!profile && fmp__replay_can(x)) return fmp__replay_run(x, out, seed, step);
  x->replay.runs++;
  FMP_TRY(fmp__instance_draw(x, seed, step));
  return profile ? run_measured(x, profile) : run_plain(x);
}

/* The profile's reference is kept for the run: it may be cleared meanwhile. */
static fmp_status run_steps(fmp_instance *x, fmp_tensor *const *out)
{
  fmp__profile *profile;
  FMP_TRY(fmp__profile_find(x->plan, &profile));
  fmp_status status = fmp__stream_enter(x->plan->device, x->stream);
  if (status == FMP_OK) {
    status = run_entered(x, profile, out);
    fmp__stream_leave(x->plan->device, x->stream);
  }
  fmp__profile_release(profile);
  return status;
}

/* Outputs own their memory and are new in each run, so results of two runs never share any. */
static fmp_status make_outputs(const fmp_plan *p, fmp_tensor **out)
{
  for (uint32_t i = 0; i < p->n_outputs; i++) out[i] = NULL;
  for (uint32_t i = 0; i < p->n_outputs; i++)
    FMP_TRY(fmp_tensor_new(p->device, &p->slots[p->outputs[i]].spec, &out[i]));
  return FMP_OK;
}

/* Sharing is checked before strided inputs are copied: a copy shares nothing. */
static fmp_status run_on(fmp_instance *x, fmp_tensor *const *in, fmp_tensor **out)
{
  const uint32_t n = x->plan->graph->n_inputs;
  for (uint32_t i = 0; i < n; i++) FMP_TRY(check_input(x->plan, i, in[i]));
  FMP_TRY(fmp__plan_check_sharing(x->plan, in));
  for (uint32_t i = 0; i < n; i++) FMP_TRY(take_input(x->plan, i, in[i], &x->taken[i]));
  FMP_TRY(make_outputs(x->plan, out));
  apply_patches(x->inputs, x->n_inputs, x->taken);
  apply_patches(x->outputs, x->n_outputs, out);
  return run_steps(x, out);
}

/* p is read after follow_threads(), which may have put another plan in its place. */
fmp_status fmp_instance_run(fmp_instance *x, fmp_tensor *const *in, int32_t n_in, fmp_tensor **out,
                            int32_t n_out)
{
  FMP_TRY(fmp__require(x, "an instance of a plan"));
  FMP_TRY(follow_threads(x));
  const fmp_plan *p = x->plan;
  const uint32_t n_inputs = p->graph->n_inputs;
  if (n_in < 0 || n_out < 0 || (uint32_t)n_in != n_inputs || (uint32_t)n_out != p->n_outputs)
    return fmp__fail(FMP_EINVAL, "expected %u inputs and %u outputs, got %d and %d", n_inputs,
                     p->n_outputs, n_in, n_out);
  if ((n_in > 0 && !in) || (n_out > 0 && !out))
    return fmp__fail(FMP_EINVAL, "expected inputs, and places for outputs, got none");
  for (int32_t i = 0; i < n_out; i++) out[i] = NULL;
  FMP_TRY(fmp__check_forked());
  const fmp_status status = run_on(x, in, out);
  fmp__tensors_release(x->taken, n_inputs);
  if (status != FMP_OK) fmp__tensors_release(out, (uint32_t)n_out);
  return status;
}
