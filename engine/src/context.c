/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eager.h"
#include "locks.h"
#include "memory.h"
#include "status.h"
#include "tensor.h"

static _Thread_local fmp__context current;

/* -- end of a thread ------------------------------------------------------- */

static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

void fmp__context_drop_graph(void)
{
  fmp__context *c = fmp__context_now();
  fmp_graph *g = c->graph;
  c->graph = NULL;
  c->record_depth = 0;
  fmp_graph_release(g);
}

static void free_stream(fmp__thread_stream *s)
{
  (void)fmp__stream_finish(s->device, s->stream); /* nobody is left to be told */
  fmp__device_free(s->device, s->scratch, s->scratch_bytes);
  fmp__device_free(s->device, s->step, (int64_t)sizeof *s->step);
  fmp__stream_close(s->device, s->stream);
}

/* Recordings and traces first: what they hold goes back to where this thread keeps it. */
static void end_thread(void *context)
{
  fmp__context *c = context;
  if (fmp__is_forked()) return; /* kernels and streams are plugins' own */
  fmp__context_drop_graph();
  for (; c->outside_depth > 0; fmp__context_drop_graph()) fmp_outside_end();
  fmp__cache_free(c->cache);
  fmp__spares_free();
  for (uint32_t i = 0; i < c->n_streams; i++) free_stream(&c->streams[i]);
  fmp__free(c->streams);
  for (int i = 0; i < FMP__CONTEXT_TEXTS; i++) fmp__text_free(&c->texts[i]);
  fmp__free(c->saved.bytes);
  memset(c, 0, sizeof *c);
}

static void make_key(void) { pthread_key_create(&end_key, end_thread); }

/* The thread that ends the process has no end of its own. */
static void end_process(void)
{
  if (!current.registered) return;
  pthread_setspecific(end_key, NULL);
  end_thread(&current);
}

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void watch_exit(void) { atexit(end_process); }

fmp__context *fmp__context_now(void)
{
  if (!current.registered) {
    pthread_once(&end_once, make_key);
    pthread_setspecific(end_key, &current);
    current.registered = 1;
  }
  return &current;
}

fmp__text *fmp__context_text(void)
{
  fmp__context *c = fmp__context_now();
  fmp__text *text = &c->texts[c->next_text++ % FMP__CONTEXT_TEXTS];
  fmp__text_clear(text);
  return text;
}

/* -- streams --------------------------------------------------------------- */

static fmp_status open_stream(fmp_device *device, fmp__thread_stream *s)
{
  void *step;
  memset(s, 0, sizeof *s);
  s->device = device;
  FMP_TRY(fmp__device_alloc(device, (int64_t)sizeof *s->step, &step));
  s->step = step;
  const fmp_status status = fmp__stream_open(device, 0, &s->stream);
  /* Not before plugins have brought their libraries: what those do at exit comes after us. */
  pthread_once(&exit_once, watch_exit);
  if (status != FMP_OK) fmp__device_free(device, step, (int64_t)sizeof *s->step);
  return status;
}

static fmp__thread_stream *find_stream(const fmp_device *device)
{
  fmp__context *c = fmp__context_now();
  for (uint32_t i = 0; i < c->n_streams; i++)
    if (c->streams[i].device == device) return &c->streams[i];
  return NULL;
}

fmp_status fmp__context_stream(fmp_device *device, fmp__thread_stream **stream)
{
  fmp__context *c = fmp__context_now();
  *stream = find_stream(device);
  if (*stream) return FMP_OK;
  if (!fmp__grow((void **)&c->streams, &c->streams_room, c->n_streams, sizeof *c->streams))
    return fmp__no_memory("a stream");
  FMP_TRY(open_stream(device, &c->streams[c->n_streams]));
  *stream = &c->streams[c->n_streams++];
  return FMP_OK;
}

fmp_status fmp__thread_scratch(fmp__thread_stream *s, int64_t bytes)
{
  if (bytes <= s->scratch_bytes) return FMP_OK;
  void *scratch;
  FMP_TRY(fmp__stream_wait(s->device, s->stream)); /* the old one may be in use */
  FMP_TRY(fmp__device_alloc(s->device, bytes, &scratch));
  fmp__device_free(s->device, s->scratch, s->scratch_bytes);
  s->scratch = scratch;
  s->scratch_bytes = bytes;
  return FMP_OK;
}

fmp_status fmp__context_wait(fmp_device *device)
{
  fmp__thread_stream *s = find_stream(device);
  return s ? fmp__stream_finish(device, s->stream) : FMP_OK;
}

fmp_status fmp_device_wait(fmp_device *device)
{
  FMP_TRY(fmp__require(device, "a device"));
  return fmp__context_wait(device);
}

/* -- scopes ---------------------------------------------------------------- */

fmp_status fmp_scope_push(const char *name)
{
  fmp__context *c = fmp__context_now();
  const size_t length = strlen(c->scope);
  if (!name || !*name) return fmp__fail(FMP_EINVAL, "expected the name of a scope");
  if (c->scope_depth == FMP__SCOPE_DEPTH || length + strlen(name) + 2 > sizeof c->scope)
    return fmp__fail(FMP_EINVAL, "scope '%s' in '%.60s...': nested too deeply", name, c->scope);
  c->scope_ends[c->scope_depth++] = length;
  snprintf(c->scope + length, sizeof c->scope - length, "%s%s", length ? "/" : "", name);
  return FMP_OK;
}

void fmp_scope_pop(void)
{
  fmp__context *c = fmp__context_now();
  if (c->scope_depth > 0) c->scope[c->scope_ends[--c->scope_depth]] = '\0';
}

const char *fmp_scope_path(void) { return fmp__context_now()->scope; }

void fmp__context_set_scope(const char *path)
{
  fmp__context *c = fmp__context_now();
  snprintf(c->scope, sizeof c->scope, "%s", path);
}
