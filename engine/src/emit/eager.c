/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache of prepared ops, and running from it. It needs no lock: the cache is the thread's own,
 * the kernels' states in it are used by this thread alone, and it ends with the thread
 * (FMP__END_PREPARED, before the streams that kernels were prepared for). */
#include "emit/eager.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/thread.h"
#include "define/spec.h"
#include "device/stream.h"
#include "graph/scope.h"
#include "kernel/choose.h"
#include "kernel/forced.h"

/* -- the cache of prepared ops --------------------------------------------- */

/* 4-way sets: an entry can stand in one of four places, and the one that was used longest ago gives
 * way. Three would do for there always to be one that is not in use (oldest_of); the fourth keeps
 * unlucky hashes from driving each other out. */
enum { CACHE_SETS = 128, CACHE_WAYS = 4 };

/* A prepared op. It is found by hash and confirmed by comparing op, params, device, specs and
 * threads, so a collision of hashes costs time and nothing else. An entry of an old epoch
 * (forced.h) is never found again; it stays until another takes its place. */
typedef struct entry {
  uint64_t hash, epoch, used;
  const fmp_op *op;
  void *params;
  fmp_device *device;
  uint32_t n_in, n_out;
  int32_t threads; /* that it was prepared for */
  fmp_spec *specs; /* inputs, then inferred outputs; NULL: this place is free */
  fmp__prepared prepared;
  int pinned; /* in use; it must not give way */
} entry;

/* `clock` counts look-ups: what `used` is compared by. */
struct cache {
  uint64_t clock;
  entry entries[CACHE_SETS][CACHE_WAYS];
};

static void free_entry(entry *e)
{
  if (!e->specs) return;
  fmp__prepared_release(&e->prepared);
  fmp__params_free(&e->op->attrs, e->params);
  fmp__free(e->specs);
  memset(e, 0, sizeof *e);
}

static _Thread_local struct cache *cache; /* NULL until the thread runs an op */

static void free_cache(void)
{
  for (int set = 0; set < CACHE_SETS; set++)
    for (int way = 0; way < CACHE_WAYS; way++) free_entry(&cache->entries[set][way]);
  fmp__free(cache);
  cache = NULL;
}

static fmp_status make_cache(void)
{
  if (cache) return FMP_OK;
  cache = fmp__alloc_zeroed(1, sizeof *cache);
  if (!cache) return fmp__no_memory("the cache of prepared ops");
  fmp__thread_at_end(FMP__END_PREPARED, free_cache);
  return FMP_OK;
}

/* Everything that inference, choice and preparation depend on, but the epoch. */
static uint64_t hash_of(const fmp__eager *e, int32_t threads)
{
  uint64_t hash = fmp__hash_number((uint64_t)(uintptr_t)e->op, (uint64_t)(uintptr_t)e->device);
  hash = fmp__hash_number(hash, (uint64_t)threads);
  hash = fmp__params_hash(&e->op->attrs, e->params, hash);
  for (uint32_t i = 0; i < e->n_in; i++) hash = fmp__spec_hash(hash, &e->in_specs[i]);
  return hash;
}

static int is_entry_for(const entry *c, const fmp__eager *e, int32_t threads, uint64_t hash)
{
  if (!c->specs || c->hash != hash || c->epoch != fmp__kernel_epoch()) return 0;
  if (c->threads != threads) return 0;
  if (c->op != e->op || c->device != e->device || c->n_in != e->n_in) return 0;
  for (uint32_t i = 0; i < e->n_in; i++)
    if (!fmp__spec_equal(&c->specs[i], &e->in_specs[i])) return 0;
  return fmp__params_equal(&e->op->attrs, c->params, e->params);
}

static fmp__work work_of(const entry *c)
{
  return (fmp__work){.op = c->op,
                     .params = c->params,
                     .device = c->device,
                     .in = c->specs,
                     .out = c->specs + c->n_in,
                     .n_in = c->n_in,
                     .n_out = c->n_out,
                     .threads = c->threads};
}

/* Infers, chooses and prepares into *c, which is not in the cache yet: an entry appears there
 * complete or not at all. The epoch is read first: if it moves on meanwhile, the entry is stale and
 * not wrong. */
static fmp_status fill_entry(const fmp__eager *e, int32_t threads, uint64_t hash, entry *c)
{
  const uint64_t epoch = fmp__kernel_epoch();
  fmp__thread_stream *s;
  memset(c, 0, sizeof *c);
  FMP_TRY(fmp__stream_of_thread(e->device, &s));
  FMP_TRY(fmp__params_copy(&e->op->attrs, e->params, &c->params));
  c->specs = fmp__alloc_zeroed(e->n_in + e->n_out + 1, sizeof *c->specs);
  if (!c->specs) {
    fmp__params_free(&e->op->attrs, c->params);
    memset(c, 0, sizeof *c);
    return fmp__no_memory("a prepared op");
  }
  c->hash = hash;
  c->epoch = epoch;
  c->op = e->op;
  c->device = e->device;
  c->n_in = e->n_in;
  c->n_out = e->n_out;
  c->threads = threads;
  if (e->n_in) memcpy(c->specs, e->in_specs, e->n_in * sizeof *c->specs);
  fmp__work work = work_of(c);
  work.stream = s->stream;
  fmp_status status = fmp__infer(&work);
  if (status == FMP_OK) status = fmp__prepare(&work, &c->prepared);
  if (status != FMP_OK) free_entry(c);
  return status;
}

/* There is always a place: at most two entries are pinned at a time, an op and the copy of one of
 * its strided inputs, and the copy's kernel takes strides and needs no other. */
static entry *oldest_of(entry *set)
{
  entry *oldest = NULL;
  for (int way = 0; way < CACHE_WAYS; way++)
    if (!set[way].pinned && (!oldest || set[way].used < oldest->used)) oldest = &set[way];
  return oldest;
}

/* The entry for this call, found or made, as the one used last. */
static fmp_status look_up(const fmp__eager *e, entry **found)
{
  FMP_TRY(make_cache());
  const int32_t threads = fmp__device_threads(e->device);
  const uint64_t hash = hash_of(e, threads);
  entry *set = cache->entries[hash % CACHE_SETS];
  *found = NULL;
  for (int way = 0; way < CACHE_WAYS && !*found; way++)
    if (is_entry_for(&set[way], e, threads, hash)) *found = &set[way];
  if (!*found) {
    entry made;
    FMP_TRY(fill_entry(e, threads, hash, &made));
    *found = oldest_of(set);
    free_entry(*found);
    **found = made;
  }
  (*found)->used = ++cache->clock;
  return FMP_OK;
}

/* -- inputs ---------------------------------------------------------------- */

/* Straight to fmp__eager_run, past emission: inside a trace or recording this must not become a
 * node. */
fmp_status fmp__eager_contiguous(const fmp_tensor *t, fmp_tensor **copy)
{
  const fmp_op *op;
  void *params;
  FMP_TRY(fmp__role_require(FMP_ROLE_COPY, &op));
  FMP_TRY(fmp__params_new(&op->attrs, NULL, 0, &params));
  fmp_tensor *in = (fmp_tensor *)t; /* read only */
  const fmp__eager e = {.op = op,
                        .params = params,
                        .device = t->device,
                        .in = &in,
                        .in_specs = &t->spec,
                        .n_in = 1,
                        .n_out = 1,
                        .wanted = 1};
  const fmp_status status = fmp__eager_run(&e, copy);
  fmp__params_free(&op->attrs, params);
  return status;
}

/* The views of one call, with the copies that had to be made of strided inputs. */
typedef struct arguments {
  fmp_view *in, *out;
  fmp_tensor **copies; /* by input; NULL: no copy was needed */
  uint32_t n_in;
  void *block; /* NULL: the arrays lie in the room that the caller lent */
} arguments;

/* Enough for the arrays of most ops, so that running one allocates only its outputs. */
enum { ROOM_BYTES = 1024 };

static fmp_status allocate_arguments(const fmp__eager *e, void *room, arguments *a)
{
  const size_t views = (size_t)(e->n_in + e->n_out) * sizeof(fmp_view);
  const size_t bytes = views + e->n_in * sizeof(fmp_tensor *);
  char *at = room;
  memset(a, 0, sizeof *a);
  if (bytes > ROOM_BYTES) {
    at = a->block = fmp__alloc(bytes);
    if (!at) return fmp__no_memory("an op's arguments");
  }
  memset(at, 0, bytes);
  a->in = (fmp_view *)(void *)at;
  a->out = a->in + e->n_in;
  a->copies = (fmp_tensor **)(void *)(at + views);
  a->n_in = e->n_in;
  return FMP_OK;
}

static void free_arguments(arguments *a)
{
  for (uint32_t i = 0; i < a->n_in; i++) fmp_tensor_release(a->copies[i]);
  fmp__free(a->block);
}

/* Kernels get contiguous inputs unless they take strides. A written input cannot be a copy: the
 * write would be lost with it. */
static fmp_status view_input(const fmp__eager *e, uint32_t i, int strided, arguments *a)
{
  const fmp_tensor *t = e->in[i];
  const uint32_t marks = fmp__schema_input(&e->op->schema, i)->marks;
  if (!t) return FMP_OK;
  fmp__tensor_view(t, &a->in[i]);
  if (strided || (marks & FMP_ARG_SPEC_ONLY) || fmp__tensor_is_contiguous(t)) return FMP_OK;
  if (marks & FMP_ARG_WRITTEN)
    return fmp__fail(FMP_EINVAL, "expected a contiguous tensor for %s, which is written",
                     fmp__schema_input(&e->op->schema, i)->name);
  FMP_TRY(fmp__eager_contiguous(t, &a->copies[i]));
  fmp__tensor_view(a->copies[i], &a->in[i]);
  return FMP_OK;
}

/* -- running --------------------------------------------------------------- */

/* Specs are inferred ones, so contiguous tensors fit them. An optional output that nobody asks for
 * has a view without data, and the kernel leaves it out. */
static fmp_status make_outputs(const fmp__eager *e, const fmp_spec *specs, fmp_tensor **out,
                               arguments *a)
{
  for (uint32_t i = 0; i < e->n_out; i++) {
    const int optional = (e->op->schema.out[i].marks & FMP_ARG_OPTIONAL) != 0;
    if (specs[i].dtype == FMP_NONE || (optional && i >= e->wanted)) continue;
    FMP_TRY(fmp_tensor_new(e->device, &specs[i], &out[i]));
    fmp__tensor_view(out[i], &a->out[i]);
  }
  return FMP_OK;
}

/* The kernel reads the step from the device's memory, as in a plan. Host memory is written at once:
 * work on such a device is done when it returns, so nobody still reads the last step. */
static fmp_status set_step(fmp__thread_stream *s, uint64_t step)
{
  if (fmp__device_is_host(s->device)) {
    *s->step = step;
    return FMP_OK;
  }
  return fmp__device_copy(s->device, s->stream, FMP_COPY_TO_DEVICE, s->step, &step, sizeof step);
}

/* On a stream that has been entered. Scratch memory first: growing it waits for what still uses the
 * old. */
static fmp_status enqueue(const fmp__eager *e, const entry *c, const arguments *a,
                          fmp__thread_stream *s)
{
  FMP_TRY(fmp__thread_scratch(s, (int64_t)c->prepared.scratch_bytes));
  if (e->op->def.flags & FMP_OP_RANDOM) FMP_TRY(set_step(s, e->step));
  const fmp_rng rng = {sizeof rng, e->seed, e->random_key, s->step};
  fmp__work work = work_of(c);
  work.params = e->params;
  work.stream = s->stream;
  work.where = fmp__where(e->device, fmp_scope_path(), e->op);
  fmp__call call = fmp__call_of(&work, &c->prepared);
  call.call.in = a->in;
  call.call.out = a->out;
  call.call.scratch = s->scratch;
  if (e->op->def.flags & FMP_OP_RANDOM) call.call.rng = &rng;
  return fmp__run(&c->prepared, &call);
}

static fmp_status call_kernel(const fmp__eager *e, const entry *c, const arguments *a)
{
  fmp__thread_stream *s;
  FMP_TRY(fmp__stream_of_thread(e->device, &s));
  FMP_TRY(fmp__stream_enter(e->device, s->stream));
  const fmp_status status = enqueue(e, c, a, s);
  fmp__stream_leave(e->device, s->stream);
  return status;
}

/* Outputs first, then inputs: a failure anywhere leaves outputs for fmp__eager_run to release. */
static fmp_status run_kernel(const fmp__eager *e, const entry *c, fmp_tensor **out)
{
  const int strided = fmp__kernel_takes_strides(&c->prepared);
  arguments a;
  _Alignas(max_align_t) char room[ROOM_BYTES];
  FMP_TRY(allocate_arguments(e, room, &a));
  fmp_status status = make_outputs(e, c->specs + c->n_in, out, &a);
  for (uint32_t i = 0; i < e->n_in && status == FMP_OK; i++) status = view_input(e, i, strided, &a);
  if (status == FMP_OK) status = call_kernel(e, c, &a);
  free_arguments(&a);
  return status;
}

static fmp_status try_alias(const entry *c, const fmp_tensor *base, fmp_tensor **out)
{
  fmp_view in, view;
  const fmp__work work = work_of(c);
  fmp__tensor_view(base, &in);
  FMP_TRY(fmp__alias(&work, &in, &view));
  return fmp__tensor_alias(base, &work.out[0], &view, out);
}

/* An op that lays its output over its input's memory; where the strides do not allow that, over a
 * contiguous copy, which then shares no memory with the input. */
static fmp_status run_alias(const fmp__eager *e, const entry *c, fmp_tensor **out)
{
  fmp_tensor *copy;
  const fmp_status status = try_alias(c, e->in[0], out);
  if (status != FMP_EUNSUPPORTED) return status;
  FMP_TRY(fmp__eager_contiguous(e->in[0], &copy));
  const fmp_status again = try_alias(c, copy, out);
  fmp_tensor_release(copy);
  return again;
}

static fmp_status run_entry(const fmp__eager *e, const entry *c, fmp_tensor **out)
{
  return e->op->def.alias ? run_alias(e, c, out) : run_kernel(e, c, out);
}

/* An op that holds a resource is not cached, because the cache would keep the resource open. */
static fmp_status run_uncached(const fmp__eager *e, fmp_tensor **out)
{
  entry c;
  FMP_TRY(fill_entry(e, fmp__device_threads(e->device), 0, &c));
  const fmp_status status = run_entry(e, &c, out);
  free_entry(&c);
  return status;
}

static fmp_status run_cached(const fmp__eager *e, fmp_tensor **out)
{
  entry *c = NULL;
  FMP_TRY(look_up(e, &c));
  c->pinned++;
  const fmp_status status = run_entry(e, c, out);
  c->pinned--;
  return status;
}

fmp_status fmp__eager_run(const fmp__eager *e, fmp_tensor **out)
{
  for (uint32_t i = 0; i < e->n_out; i++) out[i] = NULL;
  const fmp_status status =
      fmp__params_hold_resource(&e->op->attrs) ? run_uncached(e, out) : run_cached(e, out);
  if (status != FMP_OK) fmp__tensors_release(out, e->n_out);
  return status;
}
