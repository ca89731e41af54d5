/* SPDX-License-Identifier: Apache-2.0
 *
 * Each argument of each of oneDNN's primitives on guarded memory of its own: packed weights and
 * its scratchpad share one piece otherwise, in which a step from one into the other is in bounds.
 * The program's own dnnl_primitive_execute is found before the library's.
 */
#define _GNU_SOURCE 1 /* RTLD_NEXT */
#include <dlfcn.h>
#include <dnnl.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "trial.h"

enum { FIRST_PLACE = 8, MOST_ARGS = GUARD_PLACES - FIRST_PLACE };

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout;
#else
typedef const dnnl_memory_desc_t *layout;
#endif

static int the_side;
static char fault[128], implementation[64];

void library_args_begin(int side)
{
  the_side = side;
  fault[0] = implementation[0] = '\0';
}

const char *library_args_fault(void) { return fault; }
const char *library_args_implementation(void) { return implementation; }

/* Of a convolution, not of the reorder of its weights. */
static void note_implementation(const_dnnl_primitive_t primitive)
{
  const_dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_kind_t kind = dnnl_undefined_primitive;
  const char *name = NULL;
  if (dnnl_primitive_get_primitive_desc(primitive, &description) != dnnl_success) return;
  dnnl_primitive_desc_query(description, dnnl_query_primitive_kind, 0, &kind);
  dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, (void *)&name);
  if (kind == dnnl_convolution && name != NULL)
    snprintf(implementation, sizeof implementation, " (%s)", name);
}

/* May the primitive write it? */
static int is_written(int arg)
{
  return arg == DNNL_ARG_DST || arg == DNNL_ARG_DIFF_SRC || arg == DNNL_ARG_DIFF_WEIGHTS ||
         arg == DNNL_ARG_SCRATCHPAD;
}

struct lent {
  void *own, *guarded;
  size_t bytes;
};

static dnnl_status_t lend(const dnnl_exec_arg_t *arg, int place, struct lent *l)
{
  layout desc = NULL;
  dnnl_status_t status = dnnl_memory_get_memory_desc(arg->memory, &desc);
  if (status != dnnl_success) return status;
  l->bytes = dnnl_memory_desc_get_size(desc);
  status = dnnl_memory_get_data_handle(arg->memory, &l->own);
  if (status != dnnl_success) return status;
  l->guarded = guard_take(place, l->bytes, the_side);
  if (l->guarded == NULL) return dnnl_out_of_memory;
  if (!is_written(arg->arg)) memcpy(l->guarded, l->own, l->bytes);
  return dnnl_memory_set_data_handle(arg->memory, l->guarded);
}

static void take_back(const dnnl_exec_arg_t *arg, int place, const struct lent *l)
{
  const size_t count = guard_broken(place);
  if (count > 0)
    snprintf(fault, sizeof fault, "oneDNN writes %zu bytes beside argument %d", count, arg->arg);
  if (is_written(arg->arg))
    memcpy(l->own, l->guarded, l->bytes);
  else if (memcmp(l->own, l->guarded, l->bytes) != 0)
    snprintf(fault, sizeof fault, "oneDNN writes into argument %d", arg->arg);
  dnnl_memory_set_data_handle(arg->memory, l->own);
}

__attribute__((visibility("default"))) dnnl_status_t DNNL_API dnnl_primitive_execute(
    const_dnnl_primitive_t primitive, dnnl_stream_t stream, int n, const dnnl_exec_arg_t *args)
{
  dnnl_status_t (*execute)(const_dnnl_primitive_t, dnnl_stream_t, int, const dnnl_exec_arg_t *);
  struct lent lent[MOST_ARGS] = {{0}};
  dnnl_status_t status = n <= MOST_ARGS ? dnnl_success : dnnl_invalid_arguments;
  void *const address = dlsym(RTLD_NEXT, "dnnl_primitive_execute");
  memcpy(&execute, &address, sizeof execute);
  note_implementation(primitive);
  for (int i = 0; i < n && status == dnnl_success; i++)
    status = lend(&args[i], FIRST_PLACE + i, &lent[i]);
  if (status != dnnl_success) return status;
  status = execute(primitive, stream, n, args);
  for (int i = 0; i < n; i++) take_back(&args[i], FIRST_PLACE + i, &lent[i]);
  return status;
}
