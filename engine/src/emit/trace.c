/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces: a function's ops remembered without values, and finished as a graph. No op runs in a
 * trace, so it costs no more than inferring shapes, and may be made on specs alone. */
#include "base/memory.h"
#include "base/status.h"
#include "define/spec.h"
#include "emit/precision.h"
#include "emit/record.h"
#include "fmp/api.h"

/* A trace inside a recording would make handles without values among those that have some; so it is
 * refused, while a recording inside a trace is merely counted (record.c). */
fmp_status fmp_trace_begin(fmp_device *device, const fmp_spec *specs, int32_t n, uint32_t flags,
                           fmp_tensor **inputs)
{
  fmp_graph *g = NULL;
  fmp_status status = FMP_OK;
  int32_t made = 0;
  FMP_TRY(fmp__require_array(specs, n, "specs of the inputs"));
  FMP_TRY(fmp__require_array(inputs, n, "room for the inputs"));
  if (fmp__graph_now())
    return fmp__fail(FMP_ESTATE, "a trace cannot begin inside a recording or another trace");
  if (!device) FMP_TRY(fmp_device_default(&device));
  FMP_TRY(fmp__graph_new(device, 1, &g));
  g->no_rewrites = (flags & FMP_NO_REWRITES) != 0;
  g->low_precision = (flags & FMP_LOW_PRECISION) != 0;
  for (; made < n && status == FMP_OK; made++)
    status = fmp__graph_add_input(g, &specs[made], &inputs[made]);
  if (status == FMP_OK) {
    fmp__graph_begin(g);
    return FMP_OK;
  }
  for (int32_t i = 0; i < made - 1; i++) fmp_tensor_release(inputs[i]);
  fmp_graph_release(g);
  return status;
}

/* An output may be a tensor from outside, which becomes a capture, or the same tensor twice. What
 * is lowered is cast back to f32, which is the last thing that the trace emits. */
static fmp_status set_outputs(fmp_graph *g, fmp_tensor *const *outputs, int32_t n)
{
  if (n < 0 || (n > 0 && !outputs))
    return fmp__fail(FMP_EINVAL, "expected the tensors that the trace returns");
  g->outputs = fmp__alloc_zeroed((size_t)n + 1, sizeof *g->outputs);
  if (!g->outputs) return fmp__no_memory("a graph's outputs");
  for (int32_t i = 0; i < n; i++) {
    FMP_TRY(fmp__require(outputs[i], "a tensor"));
    if (fmp__tensor_is_empty(outputs[i])) FMP_TRY(fmp__tensor_require(outputs[i]));
    FMP_TRY(fmp__graph_value(g, outputs[i], &g->outputs[i]));
    FMP_TRY(fmp__precision_output(g, &g->outputs[i]));
    g->n_outputs++;
  }
  return FMP_OK;
}

/* The trace of this thread; NULL: none. */
static fmp_graph *trace_now(void)
{
  fmp_graph *g = fmp__graph_now();
  return g && g->tracing ? g : NULL;
}

/* From here on the graph is immutable: handles that the trace gave out are emptied and no longer
 * know it. Whether it succeeds or not, the trace is over. */
fmp_status fmp_trace_end(fmp_tensor *const *outputs, int32_t n, fmp_graph **graph)
{
  fmp_graph *g = trace_now();
  if (!g) return fmp__fail(FMP_ESTATE, "no trace has begun on this thread");
  const fmp_status status = set_outputs(g, outputs, n); /* still emits casts */
  fmp__graph_take();
  if (status != FMP_OK) {
    fmp_graph_release(g);
    return status;
  }
  fmp__graph_detach(g, NULL, 0);
  g->tracing = 0;
  *graph = g;
  return FMP_OK;
}

void fmp_trace_abort(void)
{
  if (trace_now()) fmp_graph_release(fmp__graph_take());
}
