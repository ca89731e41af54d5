/* SPDX-License-Identifier: Apache-2.0
 * What small files can ask for: work grows with the file and stops where the user asks, memory
 * has a bound. Each load runs in a child whose processor time is limited, and is measured there. */
#define _DEFAULT_SOURCE /* truncate */
#include "support.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

/* -- making files ---------------------------------------------------------- */

/* Text that grows; doubled as it is needed. */
struct text {
  char *bytes;
  size_t n, room;
};

static void add(struct text *t, const char *format, ...)
{
  va_list args;
  if (t->room - t->n < 512) {
    t->room = 2 * t->room + 4096;
    t->bytes = realloc(t->bytes, t->room);
    assert_non_null(t->bytes);
  }
  va_start(args, format);
  t->n += (size_t)vsnprintf(t->bytes + t->n, t->room - t->n, format, args);
  va_end(args);
}

/* A file of this header, and `data` zeros behind it. */
static const char *write_container(const char *name, const struct text *header, size_t data)
{
  const char *path = scratch_path(name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  for (int i = 0; i < 8; i++) fputc((int)((uint64_t)header->n >> (8 * i) & 255), f);
  assert_int_equal(fwrite(header->bytes, 1, header->n, f), header->n);
  for (size_t i = 0; i < data; i++) fputc(0, f);
  assert_int_equal(fclose(f), 0);
  return path;
}

/* -- a child that is watched ----------------------------------------------- */

static long resident_kilobytes(void)
{
  long all = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%ld %ld", &all, &resident) != 2) _exit(254);
  fclose(f);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* In a child: loads a graph, and tells in PATH.mb how much memory that took at its peak. */
static int load_and_tell(const char *path)
{
  enum { SECONDS = 60 };
  char told[512];
  struct rusage used;
  fmp_graph *g = NULL;
  malloc_trim(0);
  const long before = resident_kilobytes();
  setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS, SECONDS});
  const fmp_status status = fmp_graph_load(path, NULL, &g);
  getrusage(RUSAGE_SELF, &used);
  if (status == FMP_OK) fmp_graph_release(g);
  snprintf(told, sizeof told, "%s.mb", path);
  FILE *f = fopen(told, "w");
  if (!f || fprintf(f, "%ld", (used.ru_maxrss - before) / 1024) < 0 || fclose(f) != 0) return 254;
  return (int)status;
}

/* What a child returned; 255 if it did not end by itself. */
static int end_of(pid_t child)
{
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* The status of a load apart. */
static int load_apart(const char *path, long *megabytes)
{
  char told[512];
  const int status = end_of(start_again("load", path));
  snprintf(told, sizeof told, "%s.mb", path);
  FILE *f = fopen(told, "r");
  *megabytes = 0;
  if (!f || fscanf(f, "%ld", megabytes) != 1) fail_msg("%s: nothing was told", told);
  fclose(f);
  return status;
}

/* -- work ------------------------------------------------------------------ */

/* A graph of `n` captures, each read by one node, which draws in a scope of its own. */
static const char *wide_graph(int n)
{
  struct text graph = {0}, header = {0};
  add(&graph, "{\\\"format\\\":1,\\\"batch\\\":\\\"open\\\",\\\"inputs\\\":[],\\\"captures\\\":[");
  for (int i = 0; i < n; i++)
    add(&graph, "%s{\\\"value\\\":%d,\\\"tensor\\\":\\\"t%d\\\"}", i ? "," : "", i + 1, i);
  add(&graph, "],\\\"nodes\\\":[");
  for (int i = 0; i < n; i++)
    add(&graph,
        "%s{\\\"op\\\":\\\"uniform\\\",\\\"version\\\":1,\\\"scope\\\":\\\"s%d\\\",\\\"attrs\\\":{}"
        ","
        "\\\"random_key\\\":\\\"0123456789abcdef\\\",\\\"in\\\":[%d],\\\"out\\\":[%d]}",
        i ? "," : "", i, i + 1, n + i + 1);
  add(&graph, "],\\\"outputs\\\":[%d]}", n + 1);
  add(&header, "{");
  for (int i = 0; i < n; i++)
    add(&header, "\"t%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]},", i, 4 * i,
        4 * i + 4);
  add(&header, "\"__metadata__\":{\"fmp.graph\":\"");
  for (size_t i = 0; i < graph.n; i += 256) add(&header, "%.256s", graph.bytes + i);
  add(&header, "\"}}");
  const char *path = write_container("wide", &header, 4 * (size_t)n);
  free(graph.bytes);
  free(header.bytes);
  return path;
}

/* A search among all before it would take minutes; this takes seconds. */
static void many_captures(void **state)
{
  (void)state;
  enum { CAPTURES = 100000 };
  long megabytes;
  assert_int_equal(load_apart(wide_graph(CAPTURES), &megabytes), FMP_OK);
}

/* A header of IDX for `count` images of one pixel, or their labels, and no more on the disk. */
static const char *sparse_idx(const char *name, int rank, uint32_t count)
{
  const char *path = scratch_path(name);
  unsigned char header[16] = {0, 0, 8, (unsigned char)rank};
  for (int d = 0; d < rank; d++)
    for (int i = 0; i < 4; i++)
      header[4 + 4 * d + i] = (unsigned char)((d ? 1 : count) >> (24 - 8 * i));
  write_file(path, header, 4 + 4 * (size_t)rank);
  assert_int_equal(truncate(path, 4 + 4 * rank + (off_t)count), 0);
  return path;
}

/* Checking all labels must not take a system call for each: as many labels as there can be, in a
 * file of 8 KB, are checked within processor time that a call for each would exceed by far. */
static int open_images(const char *images)
{
  enum { SECONDS = 100 };
  char labels[512];
  fmp_resource *reader = NULL;
  snprintf(labels, sizeof labels, "%.*slabels", (int)(strrchr(images, '/') + 1 - images), images);
  const fmp_attr attrs[] = {fmp_attr_string("images", images), fmp_attr_string("labels", labels),
                            fmp_attr_i64("classes", 10)};
  setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS, SECONDS});
  const fmp_status status = fmp_resource_open("idx_reader", attrs, 3, &reader);
  fmp_resource_release(reader);
  return (int)status;
}

static void many_labels(void **state)
{
  (void)state;
  const uint32_t count = INT32_MAX / (IS_SANITIZED ? 16 : 1);
  sparse_idx("labels", 1, count);
  assert_int_equal(end_of(start_again("idx", sparse_idx("images", 3, count))), FMP_OK);
}

/* All that reads a file stops where the user asks. */
static void interruption(void **state)
{
  (void)state;
  char images[300], labels[300];
  fmp_graph *g = NULL;
  fmp_resource *reader = NULL;
  strcpy(images, sparse_idx("images", 3, 1000));
  strcpy(labels, sparse_idx("labels", 1, 1000));
  const fmp_attr idx[] = {fmp_attr_string("images", images), fmp_attr_string("labels", labels),
                          fmp_attr_i64("classes", 10)};
  const char *file = labels;
  fmp_attr records[] = {fmp_attr_of("files", FMP_ATTR_STRINGS), fmp_attr_i64("height", 1),
                        fmp_attr_i64("width", 1), fmp_attr_i64("channels", 1),
                        fmp_attr_i64("classes", 10)};
  records[0].value.list = (fmp_list){&file, 1};
  const char *path = wide_graph(4);
  OK(fmp_graph_load(path, NULL, &g));
  for (int i = 0; i < 4; i++) {
    fmp_interrupt();
    const fmp_status status = i == 0   ? fmp_graph_load(path, NULL, &g)
                              : i == 1 ? fmp_graph_save(g, scratch_path("saved"))
                              : i == 2 ? fmp_resource_open("idx_reader", idx, 3, &reader)
                                       : fmp_resource_open("record_reader", records, 5, &reader);
    FAILS(status, FMP_EINTERRUPTED, "interrupted");
  }
  assert_int_not_equal(access(scratch_path("saved"), F_OK), 0);
  OK(fmp_graph_save(g, scratch_path("saved"))); /* the request is used up */
  fmp_graph_release(g);
}

/* -- memory ---------------------------------------------------------------- */

enum { MOST_MEGABYTES = 512 };

/* A header with `n` times `unit` in an array that nothing reads. */
static const char *repeated(const char *unit, int n)
{
  struct text header = {0};
  add(&header, "{\"x\":[%s", unit);
  for (int i = 1; i < n; i++) add(&header, ",%s", unit);
  add(&header, "]}");
  const char *path = write_container("repeated", &header, 0);
  free(header.bytes);
  return path;
}

/* Values of every kind: as many as are parsed at all stay within the bound, and more are
 * refused by it, before there is memory for them. */
static void json_has_a_bound(void **state)
{
  (void)state;
  static const char *const units[] = {"[]", "{}", "1", "\"\"", "{\"a\":1}"};
  enum { SLACK = 24, FIRST = 1 << 17 };
  const char *const refusal = "expected JSON that takes at most 512 MB of memory";
  for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
    fmp_graph *g = NULL;
    long megabytes = 0;
    int n = FIRST;
    for (; load_apart(repeated(units[u], n), &megabytes) == FMP_EDATA; n *= 2) {
      if (!IS_SANITIZED && megabytes > MOST_MEGABYTES + SLACK)
        fail_msg("%d times %s: %ld MB", n, units[u], megabytes);
      FAILS(fmp_graph_load(repeated(units[u], n), NULL, &g), FMP_EDATA, "repeated: ");
      if (strstr(fmp_last_error(), refusal)) break;
    }
    FAILS(fmp_graph_load(repeated(units[u], n), NULL, &g), FMP_EDATA, refusal);
    assert_true(n > FIRST);
    assert_true(IS_SANITIZED || megabytes < MOST_MEGABYTES / 2); /* of the text alone */
  }
}

static void choices_have_a_bound(void **state)
{
  (void)state;
  const char *path = scratch_path("choices");
  write_file(path, "{", 1);
  assert_int_equal(truncate(path, (1 << 24) + 1), 0);
  FAILS(fmp_autotune(path), FMP_EDATA, "expected at most 16777216 bytes, got 16777217");
}

int main(int argc, char **argv)
{
  if (argc == 3 && load_plugins(NULL) != 0) return 253;
  if (argc == 3) return strcmp(argv[1], "idx") == 0 ? open_images(argv[2]) : load_and_tell(argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_captures),        cmocka_unit_test(many_labels),
      cmocka_unit_test(interruption),         cmocka_unit_test(json_has_a_bound),
      cmocka_unit_test(choices_have_a_bound),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
