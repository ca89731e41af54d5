/* SPDX-License-Identifier: Apache-2.0
 * Files that are replaced: what of the old one stays, what is in the way, and what a writer that
 * is killed leaves behind. By graphs; choices of kernels and the prompt's history go the same way.
 */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* -- a graph of any size --------------------------------------------------- */

static fmp_graph *graph_of(int64_t elements)
{
  const fmp_spec spec = vector_spec(FMP_F32, elements);
  float *values = calloc((size_t)elements, sizeof *values);
  fmp_tensor *w = NULL;
  fmp_graph *g = NULL;
  OK(fmp_tensor_from(NULL, &spec, values, elements * (int64_t)sizeof *values, &w));
  OK(fmp_trace_begin(NULL, NULL, 0, 0, NULL));
  fmp_tensor *y = call("add", 2, w, w);
  OK(fmp_trace_end(&y, 1, &g));
  drop(2, w, y);
  free(values);
  return g;
}

static void expect_loads(const char *path)
{
  fmp_graph *g = NULL;
  OK(fmp_graph_load(path, NULL, &g));
  fmp_graph_release(g);
}

/* A directory of the test's own, and a path in it. */
static const char *in_directory(const char *directory, const char *name)
{
  static char paths[8][512];
  static int next;
  char *path = paths[next++ % 8];
  mkdir(scratch_path(directory), 0700);
  snprintf(path, sizeof paths[0], "%s/%s", scratch_path(directory), name);
  return path;
}

static int count_entries(const char *directory)
{
  int n = 0;
  DIR *d = opendir(scratch_path(directory));
  assert_non_null(d);
  for (const struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

static mode_t mode_of(const char *path)
{
  struct stat s;
  assert_int_equal(stat(path, &s), 0);
  return s.st_mode & 07777;
}

/* -- what stays ------------------------------------------------------------ */

static void modes_stay(void **state)
{
  (void)state;
  fmp_graph *g = graph_of(4);
  const char *path = in_directory("modes", "g");
  const mode_t before = umask(027);
  OK(fmp_graph_save(g, path));
  assert_int_equal(mode_of(path), 0640); /* a new one: by the umask */
  for (mode_t mode = 0200; mode <= 0777; mode++) {
    if (!(mode & 0200)) continue; /* which nobody but root may write */
    assert_int_equal(chmod(path, mode), 0);
    OK(fmp_graph_save(g, path));
    assert_int_equal(mode_of(path), mode);
  }
  umask(before);
  OK(chmod(path, 04755)); /* rights of a program are not for what was written */
  OK(fmp_graph_save(g, path));
  assert_int_equal(mode_of(path), 0755);
  assert_int_equal(count_entries("modes"), 1);
  fmp_graph_release(g);
}

static void owners_stay(void **state)
{
  (void)state;
  if (geteuid() != 0) {
    print_message("skipped: only root may give files away\n");
    skip();
  }
  struct stat s;
  fmp_graph *g = graph_of(4);
  const char *path = in_directory("owners", "g");
  OK(fmp_graph_save(g, path));
  assert_int_equal(chown(path, 1234, 2345), 0);
  assert_int_equal(chmod(path, 0640), 0);
  OK(fmp_graph_save(g, path));
  assert_int_equal(stat(path, &s), 0);
  assert_int_equal(s.st_uid, 1234);
  assert_int_equal(s.st_gid, 2345);
  assert_int_equal(s.st_mode & 07777, 0640);
  fmp_graph_release(g);
}

/* Links stay links: relative, absolute, one behind the other, to nothing yet. */
static void links_stay(void **state)
{
  (void)state;
  struct stat s;
  fmp_graph *g = graph_of(4);
  const char *target = in_directory("links", "target"), *link = in_directory("links", "link");
  const char *second = in_directory("links", "second"), *loop = in_directory("links", "loop");
  assert_int_equal(symlink("target", link), 0);
  assert_int_equal(symlink(link, second), 0);
  assert_int_equal(symlink("loop", loop), 0);
  for (int i = 0; i < 2; i++) {
    OK(fmp_graph_save(g, i ? second : link));
    assert_int_equal(lstat(i ? second : link, &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_int_equal(lstat(target, &s), 0);
    assert_true(S_ISREG(s.st_mode));
    expect_loads(target);
    assert_int_equal(unlink(target), 0);
  }
  FAILS(fmp_graph_save(g, loop), FMP_EIO, "symbolic links");
  assert_int_equal(count_entries("links"), 3);
  fmp_graph_release(g);
}

/* -- what is in the way ---------------------------------------------------- */

static void make_socket(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int s = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  assert_int_equal(bind(s, (const struct sockaddr *)&address, sizeof address), 0);
  close(s);
}

/* All that opens a file: none hangs, none touches what is there. */
static void no_regular_file(void **state)
{
  (void)state;
  struct stat s;
  fmp_graph *g = graph_of(4), *loaded = NULL;
  const char *fifo = in_directory("way", "fifo"), *local = in_directory("way", "socket");
  assert_int_equal(mkfifo(fifo, 0600), 0);
  make_socket(local);
  const struct {
    const char *path, *text;
  } in_the_way[] = {{fifo, "expected a regular file, got a FIFO"},
                    {local, "expected a regular file, got a socket"},
                    {"/dev/null", "expected a regular file, got a device"},
                    {"/", "expected a regular file, got a directory"}};
  alarm(60);
  for (int i = 0; i < 4; i++) {
    const char *path = in_the_way[i].path, *text = in_the_way[i].text;
    fmp_resource *reader = NULL;
    fmp_attr names = fmp_attr_of("images", FMP_ATTR_STRING), labels = names;
    names.value.s = labels.value.s = path;
    labels.name = "labels";
    FAILS(fmp_graph_save(g, path), FMP_EIO, text);
    FAILS(fmp_graph_load(path, NULL, &loaded), FMP_EIO, text);
    FAILS(fmp_autotune(path), FMP_EIO, text);
    FAILS(fmp_resource_open("idx_reader", (const fmp_attr[]){names, labels}, 2, &reader), FMP_EIO,
          text);
  }
  alarm(0);
  assert_int_equal(lstat(fifo, &s), 0);
  assert_true(S_ISFIFO(s.st_mode));
  assert_int_equal(count_entries("way"), 2);
  fmp_graph_release(g);
}

/* -- writers that are killed ----------------------------------------------- */

enum { ELEMENTS = 1 << 18 };

/* What a child does. */
static int save_until_killed(const char *path)
{
  if (load_plugins(NULL) != 0) return 1;
  fmp_graph *g = graph_of(ELEMENTS);
  while (fmp_graph_save(g, path) == FMP_OK) continue;
  return 1;
}

static void expect_killed(pid_t child)
{
  int status = 0;
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status)); /* it had not failed */
}

/* Kills after a different while each time; whatever file is there is whole. */
static void kills_leave_one_name(void **state)
{
  (void)state;
  enum { KILLS = 40 };
  fmp_graph *g = graph_of(ELEMENTS);
  const char *path = in_directory("kills", "g");
  OK(fmp_graph_save(g, path));
  for (int i = 0; i < KILLS; i++) {
    const struct timespec pause = {.tv_nsec = (i % 20) * 4 * 1000 * 1000 + i * 10007};
    const pid_t child = start_again("save", path);
    nanosleep(&pause, NULL);
    expect_killed(child);
    assert_true(count_entries("kills") <= 2);
    expect_loads(path);
  }
  OK(fmp_graph_save(g, path));
  assert_int_equal(count_entries("kills"), 1);
  fmp_graph_release(g);
}

/* Several at once take a name each; what they leave goes with the next save. */
static void several_that_are_killed(void **state)
{
  (void)state;
  enum { WRITERS = 5 };
  pid_t children[WRITERS];
  fmp_graph *g = graph_of(ELEMENTS);
  const char *path = in_directory("several", "g");
  for (int i = 0; i < WRITERS; i++) children[i] = start_again("save", path);
  const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
  nanosleep(&pause, NULL);
  for (int i = 0; i < WRITERS; i++) expect_killed(children[i]);
  OK(fmp_graph_save(g, path));
  expect_loads(path);
  assert_int_equal(count_entries("several"), 1);
  fmp_graph_release(g);
}

/* What somebody has put under the name is not written through, nor removed. */
static void names_that_are_taken(void **state)
{
  (void)state;
  size_t n;
  fmp_graph *g = graph_of(4);
  const char *path = in_directory("taken", "g"), *other = in_directory("taken", "other");
  write_file(other, "kept", 4);
  assert_int_equal(symlink("other", in_directory("taken", "g.0.part")), 0);
  assert_int_equal(link(other, in_directory("taken", "g.1.part")), 0);
  assert_int_equal(mkfifo(in_directory("taken", "g.2.part"), 0600), 0);
  alarm(60);
  OK(fmp_graph_save(g, path));
  alarm(0);
  unsigned char *bytes = read_file(other, &n);
  assert_int_equal(n, 4);
  assert_memory_equal(bytes, "kept", 4);
  free(bytes);
  assert_int_equal(count_entries("taken"), 5);
  fmp_graph_release(g);
}

int main(int argc, char **argv)
{
  if (argc == 3) return save_until_killed(argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(modes_stay),           cmocka_unit_test(owners_stay),
      cmocka_unit_test(links_stay),           cmocka_unit_test(no_regular_file),
      cmocka_unit_test(kills_leave_one_name), cmocka_unit_test(several_that_are_killed),
      cmocka_unit_test(names_that_are_taken),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
