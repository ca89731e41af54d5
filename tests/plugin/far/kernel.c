/* SPDX-License-Identifier: Apache-2.0
 *
 * The cpu's kernels as far's. The plugins of the installation are loaded once more, with a table
 * that listens: what they would add to the registry is remembered here, and each kernel of the
 * cpu's is registered again for far, with functions that translate its arguments. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "far.h"

enum { MOST_KERNELS = 2048 };

/* The definition as the cpu's plugin wrote it: texts and arrays are static there. */
typedef struct kernel {
  fmp_kernel_def def;
  const far_op *op;
} kernel;

static kernel kernels[MOST_KERNELS];
static int n_kernels;

/* -- choosing and preparing: at once, on the caller's thread ----------------- */

static fmp_kernel_args cpu_args(const fmp_kernel_args *a)
{
  const kernel *k = a->data;
  const far_stream *s = a->stream;
  fmp_kernel_args cpu = *a;
  cpu.data = k->def.data;
  cpu.device = s->device->cpu;
  cpu.stream = s->caller;
  return cpu;
}

static int32_t supports(const fmp_kernel_args *a)
{
  const kernel *k = a->data;
  const fmp_kernel_args cpu = cpu_args(a);
  return k->def.supports ? k->def.supports(&cpu) : 1;
}

static fmp_status prepare(const fmp_kernel_args *a, void **state)
{
  const kernel *k = a->data;
  const fmp_kernel_args cpu = cpu_args(a);
  return k->def.prepare ? k->def.prepare(&cpu, state) : FMP_OK;
}

static size_t scratch(const fmp_kernel_args *a, const void *state)
{
  const kernel *k = a->data;
  const fmp_kernel_args cpu = cpu_args(a);
  return k->def.scratch ? k->def.scratch(&cpu, state) : 0;
}

static void release(const fmp_release_args *a)
{
  const kernel *k = a->data;
  fmp_release_args cpu = *a;
  cpu.data = k->def.data;
  far_drain(); /* queued work reads it; an accelerator reads what it needs at the launch */
  if (k->def.release) k->def.release(&cpu);
}

/* -- running ---------------------------------------------------------------- */

/* A call with everything that it borrows. */
typedef struct launch {
  const kernel *kernel;
  const far_stream *stream;
  fmp_call call;
  fmp_rng rng;
  void *params;
  fmp_view views[];
} launch;

static launch *new_launch(const fmp_call *call)
{
  const kernel *k = call->data;
  launch *l = calloc(1, sizeof *l + (call->n_in + call->n_out) * sizeof(fmp_view));
  if (!l) return NULL;
  l->kernel = k;
  l->stream = call->stream;
  l->call = *call;
  l->params = call->params && k->op ? far_copy_params(k->op, call->params) : NULL;
  if (l->params) l->call.params = l->params;
  for (uint32_t i = 0; i < call->n_in; i++) l->views[i] = call->in[i];
  for (uint32_t i = 0; i < call->n_out; i++) l->views[call->n_in + i] = call->out[i];
  if (call->rng) l->rng = *call->rng;
  return l;
}

/* All in it as the near side has it: pointers, device and stream, functions. */
static void bring_near(launch *l, void *cpu_stream)
{
  fmp_call *c = &l->call;
  for (uint32_t i = 0; i < c->n_in + c->n_out; i++) l->views[i].data = far_near(l->views[i].data);
  c->host = &far_kernels_host;
  c->data = l->kernel->def.data;
  c->device = l->stream->device->cpu;
  c->stream = cpu_stream;
  c->in = l->views;
  c->out = l->views + c->n_in;
  c->scratch = far_near(c->scratch);
  l->rng.step = far_near(l->rng.step);
  if (c->rng) c->rng = &l->rng;
}

static void drop_launch(void *arg)
{
  launch *l = arg;
  free(l->params);
  free(l);
}

/* At once, on the caller's stream, which has been entered. */
static fmp_status run_now(void *arg)
{
  const launch *l = arg;
  return l->kernel->def.run(&l->call);
}

/* On the queue's thread, which enters a stream of its own, so that libraries have its threads. */
static fmp_status run_later(void *arg)
{
  const launch *l = arg;
  const fmp_stream_args worker = {.struct_size = sizeof worker,
                                  .host = far_host,
                                  .data = far_cpu.data,
                                  .device = l->stream->device->cpu,
                                  .stream = l->stream->worker};
  far_cpu.stream_enter(&worker);
  const fmp_status status = l->kernel->def.run(&l->call);
  far_cpu.stream_leave(&worker);
  if (status != FMP_OK) far_fail_in(l->call.where);
  return status;
}

static fmp_status run(const fmp_call *call)
{
  const far_stream *s = call->stream;
  launch *l = new_launch(call);
  FMP_REQUIRE(far_host, l != NULL, FMP_ENOMEM, "far: no memory for a call");
  far_count(s->device, FAR_KERNELS);
  bring_near(l, s->device->queue ? s->worker : s->caller);
  return far_enqueue(s->device, s->device->queue ? run_later : run_now, drop_launch, l);
}

/* -- listening ---------------------------------------------------------------- */

static fmp_host listening;

static fmp_status hear_op(fmp_registry *r, const fmp_op_def *def)
{
  (void)r;
  far_remember_op(def);
  return FMP_OK;
}

static fmp_status hear_kernel(fmp_registry *r, const fmp_kernel_def *def)
{
  (void)r;
  if (strcmp(def->backend, "cpu") != 0) return FMP_OK;
  FMP_REQUIRE(far_host, n_kernels < MOST_KERNELS, FMP_ENOMEM, "far: too many kernels");
  const size_t known = def->struct_size < sizeof *def ? def->struct_size : sizeof *def;
  memcpy(&kernels[n_kernels++].def, def, known);
  return FMP_OK;
}

static fmp_status hear_backend(fmp_registry *r, const fmp_backend_def *def)
{
  (void)r;
  if (strcmp(def->name, "cpu") == 0) far_cpu = *def;
  return FMP_OK;
}

static fmp_status hear_resource(fmp_registry *r, const fmp_resource_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

static fmp_status hear_rewrite(fmp_registry *r, const fmp_rewrite_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

static fmp_status listen_to(const char *path, fmp_registry *r)
{
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  FMP_REQUIRE(far_host, library != NULL, FMP_EPLUGIN, "far: %s", dlerror());
  const fmp_plugin *entry = dlsym(library, "fmp_plugin_entry");
  FMP_REQUIRE(far_host, entry != NULL, FMP_EPLUGIN, "far: %s is no plugin", path);
  return entry->load(&listening, r);
}

/* Beside the engine: lib/libfmp.so and lib/fmp/plugins. */
static fmp_status find_plugins(char *directory, size_t room)
{
  Dl_info info;
  char real[PATH_MAX];
  FMP_REQUIRE(far_host,
              dladdr((void *)(uintptr_t)far_host->fail, &info) && realpath(info.dli_fname, real),
              FMP_EPLUGIN, "far: cannot find the engine's library");
  *strrchr(real, '/') = '\0';
  const int n = snprintf(directory, room, "%s/fmp/plugins", real);
  FMP_REQUIRE(far_host, n > 0 && (size_t)n < room, FMP_EPLUGIN, "far: too long a path");
  return FMP_OK;
}

static fmp_status listen_to_all(fmp_registry *r)
{
  char directory[PATH_MAX], path[PATH_MAX + 256];
  FMP_TRY(find_plugins(directory, sizeof directory));
  DIR *d = opendir(directory);
  FMP_REQUIRE(far_host, d != NULL, FMP_EIO, "far: cannot read %s", directory);
  fmp_status status = FMP_OK;
  for (struct dirent *file; status == FMP_OK && (file = readdir(d));) {
    const size_t n = strlen(file->d_name);
    if (n < 4 || strcmp(file->d_name + n - 3, ".so") != 0) continue;
    snprintf(path, sizeof path, "%s/%s", directory, file->d_name);
    status = listen_to(path, r);
  }
  closedir(d);
  return status;
}

/* -- registering ---------------------------------------------------------------- */

static fmp_status add_kernel(fmp_registry *r, kernel *k)
{
  k->op = far_find_op(k->def.op);
  if (k->op && (k->op->flags & FMP_OP_HOST)) return FMP_OK; /* runs on the host, whatever device */
  fmp_kernel_def def = k->def;
  def.struct_size = sizeof def;
  def.backend = "far";
  def.data = k;
  def.supports = supports;
  def.prepare = prepare;
  def.release = release;
  def.scratch = scratch;
  def.run = run;
  return far_host->add_kernel(r, &def);
}

fmp_status far_add_kernels(fmp_registry *r)
{
  listening = *far_host;
  listening.add_op = hear_op;
  listening.add_kernel = hear_kernel;
  listening.add_backend = hear_backend;
  listening.add_resource = hear_resource;
  listening.add_rewrite = hear_rewrite;
  FMP_TRY(listen_to_all(r));
  for (int i = 0; i < n_kernels; i++) FMP_TRY(add_kernel(r, &kernels[i]));
  return FMP_OK;
}
