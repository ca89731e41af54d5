/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling what a backend may offer. A forked process calls none of it. */
#include "device/capture.h"

#include "base/status.h"
#include "base/stop.h"

static fmp_capture_args capture_args(const fmp_device *device, void *stream, void *graph)
{
  return (fmp_capture_args){.struct_size = sizeof(fmp_capture_args),
                            .host = device->backend->plugin->host,
                            .data = device->backend->def.data,
                            .device = device->state,
                            .stream = stream,
                            .graph = graph};
}

int fmp__device_captures(const fmp_device *device)
{
  return device->backend->def.capture_begin != NULL;
}

fmp_status fmp__capture_begin(fmp_device *device, void *stream)
{
  const fmp_capture_args args = capture_args(device, stream, NULL);
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.capture_begin(&args), "capture_begin");
}

fmp_status fmp__capture_end(fmp_device *device, void *stream, void **graph)
{
  const fmp_capture_args args = capture_args(device, stream, NULL);
  *graph = NULL;
  return fmp__plugin_status(device->backend->def.capture_end(&args, graph), "capture_end");
}

fmp_status fmp__graph_launch(fmp_device *device, void *stream, void *graph)
{
  const fmp_capture_args args = capture_args(device, stream, graph);
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.graph_launch(&args), "graph_launch");
}

void fmp__graph_free(fmp_device *device, void *stream, void *graph)
{
  const fmp_capture_args args = capture_args(device, stream, graph);
  if (graph && !fmp__is_forked()) device->backend->def.graph_free(&args);
}
