/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of an instance as graphs of its device. The first run is made step by step, so that kernels
 * have made what they make at first; the second notes each stretch of steps between two that are on
 * the host, and launches it; later ones only launch. A graph holds addresses and arguments, so
 * inputs and outputs are copied from and to places that stay, and another seed notes anew. */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "define/spec.h"
#include "device/capture.h"
#include "plan/instance.h"

/* -- whether --------------------------------------------------------------- */

static int writes_an_input(const fmp_plan *p)
{
  for (uint32_t i = 0; i < p->graph->n_inputs; i++)
    if (p->graph->values[i + 1].written > 0) return 1;
  return 0;
}

/* A copy of such an input would not see the write. */
static int shares_what_is_written(const fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  for (uint32_t k = 0; k < p->n_written; k++) {
    const fmp__slot *root = &p->slots[p->slots[p->written[k]].root];
    if (root->place != FMP__PLACE_CAPTURE) continue;
    for (uint32_t i = 0; i < p->graph->n_inputs; i++)
      if (x->taken[i]->storage == root->storage) return 1;
  }
  return 0;
}

int fmp__replay_can(const fmp_instance *x)
{
  return fmp__device_captures(x->plan->device) && !x->replay.is_refused && x->replay.runs > 0 &&
         !writes_an_input(x->plan) && !shares_what_is_written(x);
}

/* -- places ---------------------------------------------------------------- */

static const fmp_spec *in_spec(const fmp_plan *p, uint32_t i) { return &p->slots[i + 1].spec; }

static const fmp_spec *out_spec(const fmp_plan *p, uint32_t i)
{
  return &p->slots[p->outputs[i]].spec;
}

static void free_graphs(fmp_instance *x)
{
  for (uint32_t s = 0; x->replay.graphs && s <= x->plan->n_on_host; s++) {
    fmp__graph_free(x->plan->device, x->stream, x->replay.graphs[s]);
    x->replay.graphs[s] = NULL;
  }
}

void fmp__replay_free(fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  fmp__replay *r = &x->replay;
  free_graphs(x);
  for (uint32_t i = 0; r->in && i < p->graph->n_inputs; i++)
    fmp__device_free(p->device, r->in[i], fmp__spec_bytes(in_spec(p, i)));
  for (uint32_t i = 0; r->out && i < p->n_outputs; i++)
    fmp__device_free(p->device, r->out[i], fmp__spec_bytes(out_spec(p, i)));
  fmp__free(r->graphs);
  fmp__free(r->in);
  fmp__free(r->out);
  memset(r, 0, sizeof *r);
}

/* Once; what is missing after a failure is made the next time. */
static fmp_status make_places(fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  fmp__replay *r = &x->replay;
  if (!r->graphs) r->graphs = fmp__alloc_zeroed(p->n_on_host + 1, sizeof *r->graphs);
  if (!r->in) r->in = fmp__alloc_zeroed(p->graph->n_inputs + 1, sizeof *r->in);
  if (!r->out) r->out = fmp__alloc_zeroed(p->n_outputs + 1, sizeof *r->out);
  if (!r->graphs || !r->in || !r->out) return fmp__no_memory("a plan's instance");
  for (uint32_t i = 0; i < p->graph->n_inputs; i++)
    if (!r->in[i]) FMP_TRY(fmp__device_alloc(p->device, fmp__spec_bytes(in_spec(p, i)), &r->in[i]));
  for (uint32_t i = 0; i < p->n_outputs; i++)
    if (!r->out[i])
      FMP_TRY(fmp__device_alloc(p->device, fmp__spec_bytes(out_spec(p, i)), &r->out[i]));
  return FMP_OK;
}

/* A run step by step has set the views to the addresses of its own tensors. */
static void set_places(fmp_instance *x)
{
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    const fmp__patch *patch = &x->inputs[i];
    patch->view->data = (char *)x->replay.in[patch->index] + patch->offset;
  }
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    const fmp__patch *patch = &x->outputs[i];
    patch->view->data = (char *)x->replay.out[patch->index] + patch->offset;
  }
}

static fmp_status copy_within(fmp_instance *x, void *target, const void *source,
                              const fmp_spec *spec)
{
  const int64_t bytes = fmp__spec_bytes(spec);
  if (bytes == 0) return FMP_OK;
  return fmp__device_copy(x->plan->device, x->stream, FMP_COPY_WITHIN, target, source,
                          (size_t)bytes);
}

static char *memory_of(const fmp_tensor *t) { return (char *)t->storage->memory + t->offset; }

static fmp_status copy_inputs(fmp_instance *x)
{
  for (uint32_t i = 0; i < x->plan->graph->n_inputs; i++)
    FMP_TRY(copy_within(x, x->replay.in[i], memory_of(x->taken[i]), in_spec(x->plan, i)));
  return FMP_OK;
}

static fmp_status copy_outputs(fmp_instance *x, fmp_tensor *const *out)
{
  for (uint32_t i = 0; i < x->plan->n_outputs; i++)
    FMP_TRY(copy_within(x, memory_of(out[i]), x->replay.out[i], out_spec(x->plan, i)));
  return FMP_OK;
}

/* -- stretches ------------------------------------------------------------- */

static fmp_status run_stretch(const fmp_instance *x, uint32_t begin, uint32_t end)
{
  for (uint32_t t = begin; t < end; t++) FMP_TRY(fmp__instance_step(x, t));
  return FMP_OK;
}

/* Notes steps begin..end. A capture that has begun is ended, whatever has failed in between. */
static fmp_status note_stretch(const fmp_instance *x, uint32_t begin, uint32_t end, void **graph)
{
  fmp_device *device = x->plan->device;
  char text[FMP__ERROR_TEXT];
  FMP_TRY(fmp__capture_begin(device, x->stream));
  const fmp_status status = run_stretch(x, begin, end);
  fmp__error_keep(text);
  const fmp_status ended = fmp__capture_end(device, x->stream, graph);
  if (status == FMP_OK) return ended;
  fmp__graph_free(device, x->stream, *graph);
  *graph = NULL;
  fmp__error_restore(text);
  return status;
}

/* Step by step where the device cannot note it: if that is because a step itself fails, it does so
 * again and is reported. */
static fmp_status run_graph(fmp_instance *x, uint32_t s, uint32_t begin, uint32_t end)
{
  fmp__replay *r = &x->replay;
  if (begin == end) return FMP_OK;
  if (!r->is_refused && !r->graphs[s]) {
    const fmp_status status = note_stretch(x, begin, end, &r->graphs[s]);
    if (status == FMP_EINTERRUPTED) return status;
    r->is_refused = status != FMP_OK;
    if (r->is_refused)
      fmp__log(FMP__LOG_INFO, "%s: a plan is run step by step: %s", x->plan->device->name,
               fmp_last_error());
  }
  return r->is_refused ? run_stretch(x, begin, end)
                       : fmp__graph_launch(x->plan->device, x->stream, r->graphs[s]);
}

static fmp_status run_graphs(fmp_instance *x)
{
  const fmp_plan *p = x->plan;
  uint32_t begin = 0, s = 0;
  for (uint32_t t = 0; t < p->n_steps; t++) {
    if (!p->steps[t].is_on_host) continue;
    FMP_TRY(run_graph(x, s++, begin, t));
    FMP_TRY(fmp__instance_step(x, t));
    begin = t + 1;
  }
  return run_graph(x, s, begin, p->n_steps);
}

fmp_status fmp__replay_run(fmp_instance *x, fmp_tensor *const *out, uint64_t seed, uint64_t step)
{
  FMP_TRY(fmp__check_interrupt());
  if (x->plan->has_random && x->replay.seed != seed) free_graphs(x);
  x->replay.seed = seed;
  FMP_TRY(make_places(x));
  set_places(x);
  FMP_TRY(fmp__instance_draw(x, seed, step));
  FMP_TRY(copy_inputs(x));
  FMP_TRY(run_graphs(x));
  return copy_outputs(x, out);
}
