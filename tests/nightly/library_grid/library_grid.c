/* SPDX-License-Identifier: Apache-2.0
 *
 * library_grid PLUGINS GRID [--sample N] [--seed S] [--jobs J] [--kernels "NAME..."] [--case I]
 *
 * Kernels that call libraries which others wrote, on a grid of shapes, against the reference:
 * values, and memory that was touched out of bounds, which is why kernels are called without the
 * engine, each array between guards. GRID: conv or matmul. --sample: that many cases, drawn by
 * the seed, not all. The last lines count; status 1: there were faults.
 */
#include "library_grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmp/kit/half.h"

/* -- what is drawn ---------------------------------------------------------- */

static uint64_t mixed(uint64_t x)
{
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

struct draw draw_for(int64_t i) { return (struct draw){mixed((uint64_t)i + 1)}; }

int64_t draw_below(struct draw *d, int64_t n)
{
  d->state += 0x9E3779B97F4A7C15u;
  return (int64_t)(mixed(d->state) >> 33) % n;
}

enum { VALUES = 4 << 20 };
static float values_f32[VALUES];
static double values_f64[VALUES];
static uint16_t values_bf16[VALUES];

static void draw_values(void)
{
  struct draw d = {0};
  for (int64_t i = 0; i < VALUES; i++) {
    values_f64[i] = (double)draw_below(&d, 1 << 20) * 0x1p-19 - 1;
    values_f32[i] = (float)values_f64[i];
    values_bf16[i] = fmp_bf16_of_f32(values_f32[i]);
  }
}

const void *random_values(uint32_t dtype, int64_t bytes, int64_t offset)
{
  if (offset + bytes > VALUES) return NULL; /* of at least a byte each */
  if (dtype == FMP_F64) return values_f64 + offset;
  return dtype == FMP_BF16 ? (const void *)(values_bf16 + offset) : values_f32 + offset;
}

int grid_names(const struct grid *g, const char *name)
{
  const size_t length = strlen(name);
  for (const char *at = g->kernels; (at = strstr(at, name)); at += length)
    if ((at == g->kernels || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return 1;
  return 0;
}

/* -- the command ------------------------------------------------------------ */

struct options {
  struct grid grid;
  int64_t sample, seed, only; /* sample 0: all; only -1: none */
  int64_t jobs;
};

static void run_case(int64_t i, struct report *r, const void *arg)
{
  const struct options *o = arg;
  if (o->sample > 0) {
    struct draw d = draw_for(o->seed * 1000003 + i);
    i = draw_below(&d, o->grid.count());
  }
  o->grid.run(&o->grid, o->only >= 0 ? o->only : i, r);
}

static int parse(int argc, char **argv, struct options *o)
{
  static const struct grid *const grids[] = {&conv_grid, &matmul_grid};
  int found = 0;
  *o = (struct options){.only = -1, .jobs = 2, .seed = 1};
  for (int i = 0; i < 2 && argc > 2; i++)
    if (strcmp(argv[2], grids[i]->name) == 0) o->grid = *grids[i], found = 1;
  for (int i = 3; i + 1 < argc && found; i += 2) {
    int64_t *const number = strcmp(argv[i], "--sample") == 0 ? &o->sample
                            : strcmp(argv[i], "--seed") == 0 ? &o->seed
                            : strcmp(argv[i], "--jobs") == 0 ? &o->jobs
                            : strcmp(argv[i], "--case") == 0 ? &o->only
                                                             : NULL;
    if (number)
      *number = strtoll(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--kernels") == 0)
      o->grid.kernels = argv[i + 1];
    else
      found = 0;
  }
  return found && argc % 2 == 1 && o->jobs > 0;
}

int main(int argc, char **argv)
{
  static struct bare_plugin plugin;
  struct options o;
  struct report total = {.faults = 0};
  char path[4096];
  if (!parse(argc, argv, &o)) {
    fputs("library_grid PLUGINS conv|matmul [--sample N] [--seed S] [--jobs J] "
          "[--kernels \"NAME...\"] [--case I]\n",
          stderr);
    return 2;
  }
  snprintf(path, sizeof path, "%s/%s", argv[1], o.grid.plugin);
  if (!bare_load(path, &plugin)) return 2;
  o.grid.loaded = &plugin;
  draw_values();
  const int64_t all = o.grid.count(), count = o.only >= 0 ? 1 : o.sample > 0 ? o.sample : all;
  const struct supervised s = {
      .count = count, .jobs = (int)o.jobs, .seconds = 60, .run = run_case, .arg = &o};
  supervise(&s, &total);
  printf("%s: %lld of %lld cases, %lld runs of %s beside %lld of the reference, %lld refused; "
         "%lld faults\n",
         o.grid.name, (long long)total.done, (long long)all, (long long)total.counts[COUNT_RUNS],
         o.grid.kernels, (long long)total.counts[COUNT_REFERENCES],
         (long long)total.counts[COUNT_REFUSED], (long long)total.faults);
  printf("%lld passed, %lld failed, 0 skipped\n", (long long)total.done, (long long)total.faults);
  return total.faults > 0 || total.counts[COUNT_RUNS] == 0;
}
