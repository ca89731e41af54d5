/* SPDX-License-Identifier: Apache-2.0
 *
 * A bound for a training step with direct convolutions: a network's convolutions alone, as bare
 * oneDNN primitives. Forward with bias; backward by data, except in the first layer, where no
 * gradient by data is needed; backward by weights with bias. Activations NHWC; weights already in
 * the layout that oneDNN picks: no reorders, no activation functions, no pooling.
 *
 *   fmprun scripts/bench/train_step.lua --net mnist --shapes yes >mnist.shapes
 *   cc -O2 bare_convs.c -ldnnl -o bare_convs
 *   ./bare_convs mnist.shapes [f32 | bf16] [ROUNDS]
 *
 * A round runs all primitives in the order of a step, so that each finds the caches as in a
 * step; medians over the rounds. OMP_NUM_THREADS sets the threads. The last line is
 * "median 89.1 ms, 137 GF/s", or "unsupported: WHY" with exit status 3. oneDNN 2.6 and 3.x.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dnnl.h>
#include <dnnl_debug.h>

enum { MAX_LAYERS = 64, MAX_ROUNDS = 1000, MAX_ARGS = 4, EXIT_UNSUPPORTED = 3 };
enum { FORWARD, BACK_DATA, BACK_WEIGHTS, DIRECTIONS };

static const char *const direction_names[DIRECTIONS] = {"forward", "back data", "back weights"};

/* -- errors ---------------------------------------------------------------- */

/* A benchmark has nothing to save: it says what failed and ends. */
static void fail(const char *what, const char *why)
{
  fprintf(stderr, "bare_convs: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void unsupported(const char *why)
{
  printf("unsupported: %s\n", why);
  exit(EXIT_UNSUPPORTED);
}

static void check(dnnl_status_t status, const char *doing)
{
  if (status == dnnl_unimplemented) unsupported(doing);
  if (status != dnnl_success) fail(doing, dnnl_status2str(status));
}

static void *allocate(size_t bytes)
{
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  if (memory == NULL) fail("memory", "there is not enough");
  return memory;
}

/* -- what differs between oneDNN 2.6 and 3.x -------------------------------- */

/* A memory descriptor as functions take it; a struct before 3, a handle since. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout;
#else
typedef const dnnl_memory_desc_t *layout;
#endif

static layout make_layout(int rank, const dnnl_dim_t *dims, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_t desc;
  check(dnnl_memory_desc_create_with_tag(&desc, rank, dims, type, tag), "a layout");
#else
  dnnl_memory_desc_t *desc = allocate(sizeof(*desc));
  check(dnnl_memory_desc_init_by_tag(desc, rank, dims, type, tag), "a layout");
#endif
  return desc; /* kept to the end of the program */
}

struct layouts {
  layout x, w, dw, b, y; /* dw: of the weights' gradient, f32 */
};

static const dnnl_dims_t strides = {1, 1}, dilates = {0, 0}, padding = {0, 0};

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t describe(int direction, const struct layouts *l, dnnl_engine_t engine,
                              dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd)
{
  if (direction == FORWARD)
    return dnnl_convolution_forward_primitive_desc_create(
        pd, engine, dnnl_forward_training, dnnl_convolution_direct, l->x, l->w, l->b, l->y, strides,
        dilates, padding, padding, NULL);
  if (direction == BACK_DATA)
    return dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct,
                                                                l->x, l->w, l->y, strides, dilates,
                                                                padding, padding, hint, NULL);
  return dnnl_convolution_backward_weights_primitive_desc_create(
      pd, engine, dnnl_convolution_direct, l->x, l->dw, l->b, l->y, strides, dilates, padding,
      padding, hint, NULL);
}

#else

static dnnl_status_t describe(int direction, const struct layouts *l, dnnl_engine_t engine,
                              dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd)
{
  dnnl_convolution_desc_t op;
  dnnl_status_t status;
  if (direction == FORWARD)
    status = dnnl_dilated_convolution_forward_desc_init(&op, dnnl_forward_training,
                                                        dnnl_convolution_direct, l->x, l->w, l->b,
                                                        l->y, strides, dilates, padding, padding);
  else if (direction == BACK_DATA)
    status = dnnl_dilated_convolution_backward_data_desc_init(
        &op, dnnl_convolution_direct, l->x, l->w, l->y, strides, dilates, padding, padding);
  else
    status = dnnl_dilated_convolution_backward_weights_desc_init(
        &op, dnnl_convolution_direct, l->x, l->dw, l->b, l->y, strides, dilates, padding, padding);
  return status == dnnl_success ? dnnl_primitive_desc_create(pd, &op, NULL, engine, hint) : status;
}

#endif

/* -- layers ---------------------------------------------------------------- */

/* An input of size x size pixels; a valid convolution of stride 1. */
struct layer {
  int64_t batch, size, channels, filters, kernel;
};

struct work {
  dnnl_primitive_t primitive; /* NULL: not asked for */
  dnnl_exec_arg_t args[MAX_ARGS];
  int count;
  double ms[MAX_ROUNDS];
};

static struct layer layers[MAX_LAYERS];
static struct work works[MAX_LAYERS][DIRECTIONS];
static int n_layers;

static void read_layers(const char *path)
{
  char line[256];
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path, "cannot be opened");
  while (fgets(line, sizeof(line), file) != NULL) {
    long long batch, size, channels, filters, kernel;
    if (sscanf(line, "conv %lld %lld %lld %lld %lld", &batch, &size, &channels, &filters,
               &kernel) != 5)
      continue;
    if (n_layers == MAX_LAYERS) fail(path, "too many layers");
    layers[n_layers++] = (struct layer){batch, size, channels, filters, kernel};
  }
  fclose(file);
  if (n_layers == 0) fail(path, "expected lines 'conv BATCH SIZE CHANNELS FILTERS KERNEL ...'");
}

static double flops(const struct layer *l)
{
  const int64_t out = l->size - l->kernel + 1;
  return 2.0 * (double)(l->batch * out * out * l->kernel * l->kernel * l->channels * l->filters);
}

/* Numbers from -1 to 1, none of them zero or denormal. */
static void *drawn(layout desc, dnnl_data_type_t type)
{
  static uint32_t state = 1;
  const size_t bytes = dnnl_memory_desc_get_size(desc);
  char *memory = allocate(bytes);
  const size_t width = type == dnnl_bf16 ? 2 : 4;
  for (size_t i = 0; i + width <= bytes; i += width) {
    state = state * 1664525u + 1013904223u;
    const float value = (float)(int32_t)(state | 1u) / 2147483648.0f;
    /* bf16 is the upper half of f32. */
    memcpy(memory + i, (const char *)&value + 4 - width, width);
  }
  return memory;
}

static struct layouts layouts_of(const struct layer *l, dnnl_data_type_t type)
{
  const int64_t out = l->size - l->kernel + 1;
  const dnnl_dims_t x = {l->batch, l->channels, l->size, l->size};
  const dnnl_dims_t w = {l->filters, l->channels, l->kernel, l->kernel};
  const dnnl_dims_t y = {l->batch, l->filters, out, out};
  const dnnl_dims_t b = {l->filters};
  return (struct layouts){.x = make_layout(4, x, type, dnnl_nhwc),
                          .w = make_layout(4, w, type, dnnl_format_tag_any),
                          .dw = make_layout(4, w, dnnl_f32, dnnl_format_tag_any),
                          .b = make_layout(1, b, dnnl_f32, dnnl_a),
                          .y = make_layout(4, y, type, dnnl_nhwc)};
}

/* Memory of the layout that the primitive wants; data NULL: new. Returns the data. */
static void *add_arg(struct work *work, dnnl_engine_t engine, dnnl_primitive_desc_t pd, int arg,
                     dnnl_query_t query, int index, dnnl_data_type_t type, void *data)
{
  const layout desc = dnnl_primitive_desc_query_md(pd, query, index);
  if (data == NULL) data = drawn(desc, type);
  dnnl_exec_arg_t *slot = &work->args[work->count++];
  slot->arg = arg;
  check(dnnl_memory_create(&slot->memory, desc, engine, data), "memory");
  return data;
}

/* The activations and their gradients of a layer, shared by its three primitives. */
struct maps {
  void *x, *y;
};

static void add_args(struct work *work, int direction, dnnl_engine_t engine,
                     dnnl_primitive_desc_t pd, dnnl_data_type_t type, struct maps *maps)
{
  if (direction == FORWARD) {
    maps->x = add_arg(work, engine, pd, DNNL_ARG_SRC, dnnl_query_src_md, 0, type, NULL);
    add_arg(work, engine, pd, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, type, NULL);
    add_arg(work, engine, pd, DNNL_ARG_BIAS, dnnl_query_weights_md, 1, dnnl_f32, NULL);
    maps->y = add_arg(work, engine, pd, DNNL_ARG_DST, dnnl_query_dst_md, 0, type, NULL);
  } else if (direction == BACK_DATA) {
    add_arg(work, engine, pd, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, type, maps->y);
    add_arg(work, engine, pd, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, type, NULL);
    add_arg(work, engine, pd, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, type, NULL);
  } else {
    add_arg(work, engine, pd, DNNL_ARG_SRC, dnnl_query_src_md, 0, type, maps->x);
    add_arg(work, engine, pd, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, type, maps->y);
    add_arg(work, engine, pd, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, dnnl_f32, NULL);
    add_arg(work, engine, pd, DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1, dnnl_f32, NULL);
  }
}

static void prepare_layer(int i, dnnl_engine_t engine, dnnl_data_type_t type)
{
  const struct layouts l = layouts_of(&layers[i], type);
  dnnl_primitive_desc_t forward = NULL;
  struct maps maps = {NULL, NULL};
  for (int direction = 0; direction < DIRECTIONS; direction++) {
    struct work *work = &works[i][direction];
    dnnl_primitive_desc_t pd = NULL;
    if (i == 0 && direction == BACK_DATA) continue;
    check(describe(direction, &l, engine, forward, &pd), direction_names[direction]);
    check(dnnl_primitive_create(&work->primitive, pd), direction_names[direction]);
    add_args(work, direction, engine, pd, type, &maps);
    if (direction == FORWARD)
      forward = pd;
    else
      dnnl_primitive_desc_destroy(pd);
  }
  dnnl_primitive_desc_destroy(forward);
}

/* -- rounds ---------------------------------------------------------------- */

static double now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void run(struct work *work, dnnl_stream_t stream, int round)
{
  if (work->primitive == NULL) return;
  const double before = now_ms();
  check(dnnl_primitive_execute(work->primitive, stream, work->count, work->args), "execution");
  check(dnnl_stream_wait(stream), "execution");
  work->ms[round] = now_ms() - before;
}

/* As a training step: forward through the layers, then back. */
static void run_round(dnnl_stream_t stream, int round)
{
  for (int i = 0; i < n_layers; i++) run(&works[i][FORWARD], stream, round);
  for (int i = n_layers - 1; i >= 0; i--) {
    run(&works[i][BACK_WEIGHTS], stream, round);
    run(&works[i][BACK_DATA], stream, round);
  }
}

static int compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *ms, int n)
{
  qsort(ms, (size_t)n, sizeof(*ms), compare);
  return (ms[(n - 1) / 2] + ms[n / 2]) / 2;
}

static void report(int rounds)
{
  double ms[DIRECTIONS] = {0}, operations[DIRECTIONS] = {0}, all_ms = 0, all_operations = 0;
  for (int i = 0; i < n_layers; i++) {
    const struct layer *l = &layers[i];
    printf("%3lldx%-3lld %4lld -> %4lld, %lldx%lld", (long long)l->size, (long long)l->size,
           (long long)l->channels, (long long)l->filters, (long long)l->kernel,
           (long long)l->kernel);
    for (int direction = 0; direction < DIRECTIONS; direction++) {
      if (works[i][direction].primitive == NULL) {
        printf("   %s %22s", direction_names[direction], "-");
        continue;
      }
      const double each = median(works[i][direction].ms, rounds);
      printf("   %s %7.2f ms %6.1f GF/s", direction_names[direction], each, flops(l) / each * 1e-6);
      ms[direction] += each;
      operations[direction] += flops(l);
    }
    printf("\n");
  }
  for (int direction = 0; direction < DIRECTIONS; direction++) {
    printf("%s: %.1f ms, %.0f GF/s\n", direction_names[direction], ms[direction],
           operations[direction] / ms[direction] * 1e-6);
    all_ms += ms[direction];
    all_operations += operations[direction];
  }
  printf("median %.1f ms, %.0f GF/s\n", all_ms, all_operations / all_ms * 1e-6);
}

/* Without the instructions oneDNN has at best plain loops for bf16, which are no bound. */
static void check_processor(dnnl_data_type_t type)
{
  const int wanted = dnnl_cpu_isa_avx512_core_bf16, has = dnnl_get_effective_cpu_isa();
  if (type == dnnl_bf16 && (has & wanted) != wanted) unsupported("the cores have no AVX512_BF16");
}

int main(int argc, char **argv)
{
  const char *precision = argc > 2 ? argv[2] : "f32";
  const int rounds = argc > 3 ? atoi(argv[3]) : 20;
  const dnnl_data_type_t type = strcmp(precision, "bf16") == 0 ? dnnl_bf16 : dnnl_f32;
  const dnnl_version_t *version = dnnl_version();
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  if (argc < 2 || argc > 4 || rounds < 1 || rounds > MAX_ROUNDS ||
      (type == dnnl_f32 && strcmp(precision, "f32") != 0)) {
    fprintf(stderr, "usage: bare_convs SHAPES [f32 | bf16] [ROUNDS up to %d]\n", MAX_ROUNDS);
    return 2;
  }
  read_layers(argv[1]);
  printf("oneDNN %d.%d.%d, %s, %d rounds\n", version->major, version->minor, version->patch,
         precision, rounds);
  check_processor(type);
  check(dnnl_engine_create(&engine, dnnl_cpu, 0), "opening the processor");
  check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
  for (int i = 0; i < n_layers; i++) prepare_layer(i, engine, type);
  run_round(stream, 0);
  for (int i = 0; i < rounds; i++) run_round(stream, i);
  report(rounds);
  return 0;
}
