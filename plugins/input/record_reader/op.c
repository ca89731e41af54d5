/* SPDX-License-Identifier: Apache-2.0
 * record_reader: examples of fixed length, one behind the other in one or more files. */
#define _POSIX_C_SOURCE 200809L
#include "record_reader.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

/* -- records --------------------------------------------------------------- */

/* The file that example i lies in: the last whose first example is not beyond i. */
static int64_t file_of(const struct record_reader *r, int64_t i)
{
  int64_t low = 0, high = r->n_files;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    if (r->first[middle] <= i)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Planes [c,h,w] to pixels [h,w,c]. */
static void interleave(const fmp_source *s, const uint8_t *planes, uint8_t *pixels)
{
  const int64_t area = s->height * s->width, n = s->channels;
  for (int64_t c = 0; c < n; c++)
    for (int64_t i = 0; i < area; i++) pixels[i * n + c] = planes[c * area + i];
}

static fmp_status read_record(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                              int32_t *label, fmp_failure *why)
{
  const struct record_reader *r = (const void *)s; /* its first member */
  const int64_t file = file_of(r, i), record = i - r->first[file];
  FMP_TRY(file_read(&r->files[file], record * r->record_bytes, scratch, r->record_bytes, why));
  *label = r->label_bytes > 0 ? scratch[r->label_index] : 0;
  FMP_TRY(labels_check_one(&r->files[file], record, *label, r->classes, why));
  const uint8_t *image = scratch + r->label_bytes;
  if (r->planes && s->channels > 1)
    interleave(s, image, pixels);
  else
    memcpy(pixels, image, (size_t)fmp_source_pixels(s));
  return FMP_OK;
}

static fmp_status check_labels(const fmp_host *h, const struct record_reader *r,
                               const struct file *f, int64_t records, fmp_failure *why)
{
  const struct labels l = {r->label_index, r->record_bytes, records, r->classes};
  return r->label_bytes > 0 ? labels_check(h, f, &l, why) : FMP_OK;
}

/* -- files ----------------------------------------------------------------- */

static fmp_status grow_files(const fmp_host *h, struct record_reader *r, fmp_failure *why)
{
  if (r->n_files < r->room) return FMP_OK;
  const int64_t room = r->room ? 2 * r->room : 8;
  struct file *files = h->alloc((size_t)room * sizeof *files);
  int64_t *first = h->alloc((size_t)room * sizeof *first);
  if (!files || !first) {
    h->free(files);
    h->free(first);
    return failure_set(why, FMP_ENOMEM, "no memory for a list of files");
  }
  if (r->n_files) memcpy(files, r->files, (size_t)r->n_files * sizeof *files);
  if (r->n_files) memcpy(first, r->first, (size_t)r->n_files * sizeof *first);
  h->free(r->files);
  h->free(r->first);
  r->files = files;
  r->first = first;
  r->room = room;
  return FMP_OK;
}

static fmp_status count_records(const struct record_reader *r, const struct file *f,
                                int64_t *records, fmp_failure *why)
{
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): grow_files() has made it */
  const int64_t rest = f->size % r->record_bytes;
  *records = f->size / r->record_bytes;
  if (rest != 0)
    return failure_set(
        why, FMP_EDATA,
        "%s: expected whole records of %lld bytes, got %lld bytes behind record %lld", f->name,
        (long long)r->record_bytes, (long long)rest, (long long)*records);
  if (*records > INT32_MAX - r->source.count)
    return failure_set(why, FMP_EDATA, "%s: expected at most %d examples in all", f->name,
                       (int)INT32_MAX);
  return FMP_OK;
}

static fmp_status add_file(const fmp_host *h, struct record_reader *r, const char *name,
                           fmp_failure *why)
{
  int64_t records;
  FMP_TRY(grow_files(h, r, why));
  FMP_TRY(file_open(h, name, &r->files[r->n_files], why));
  const int64_t file = r->n_files++; /* close() finds it from here on */
  FMP_TRY(file_unpack(h, &r->files[file], INT64_MAX - 1, why));
  FMP_TRY(count_records(r, &r->files[file], &records, why));
  r->first[file] = r->source.count;
  r->source.count += records;
  return check_labels(h, r, &r->files[file], records, why);
}

/* Files in order of name, as the C library's glob() matches them. */
static fmp_status add_matching(const fmp_host *h, struct record_reader *r, const char *pattern,
                               fmp_failure *why)
{
  glob_t found;
  fmp_status status = FMP_OK;
  const int result = glob(pattern, 0, NULL, &found);
  if (result == GLOB_NOMATCH)
    return failure_set(why, FMP_ENOTFOUND, "%s: no file matches", pattern);
  if (result != 0) return failure_set(why, FMP_EIO, "%s: files could not be matched", pattern);
  for (size_t i = 0; i < found.gl_pathc && status == FMP_OK; i++)
    status = add_file(h, r, found.gl_pathv[i], why);
  globfree(&found);
  return status;
}

/* A name that exists is that file, whatever characters it has. */
static fmp_status add_files(const fmp_host *h, struct record_reader *r, const fmp_list *names,
                            fmp_failure *why)
{
  const char *const *items = names->items;
  for (int64_t i = 0; i < names->count; i++) {
    const int is_pattern = strpbrk(items[i], "*?[") && access(items[i], F_OK) != 0;
    FMP_TRY((is_pattern ? add_matching : add_file)(h, r, items[i], why));
  }
  return FMP_OK;
}

/* -- the resource ---------------------------------------------------------- */

struct open_params {
  fmp_list files;
  int64_t label_bytes, label_index, height, width, channels, classes;
  const char *order;
};

static void set_layout(struct record_reader *r, const struct open_params *p)
{
  r->label_bytes = p->label_bytes;
  r->label_index = p->label_index;
  r->classes = p->classes;
  r->planes = strcmp(p->order, "chw") == 0;
  r->source.struct_size = sizeof r->source;
  r->source.height = p->height;
  r->source.width = p->width;
  r->source.channels = p->channels;
  r->record_bytes = p->label_bytes + fmp_source_pixels(&r->source);
  r->source.scratch_bytes = r->record_bytes;
  r->source.read = read_record;
}

static void close_reader(const fmp_host *h, void *state)
{
  struct record_reader *r = state;
  for (int64_t i = 0; i < r->n_files; i++) file_close(h, &r->files[i]);
  h->free(r->files);
  h->free(r->first);
  h->free(r);
}

static fmp_status open_reader(const fmp_host *h, const void *params, void **state)
{
  const struct open_params *p = params;
  fmp_failure why = {.status = FMP_OK};
  FMP_REQUIRE(h, p->files.count > 0, FMP_EINVAL, "expected at least one file");
  FMP_REQUIRE(h, p->label_index < p->label_bytes || p->label_bytes == 0, FMP_EINVAL,
              "expected label_index below label_bytes %lld, got %lld", (long long)p->label_bytes,
              (long long)p->label_index);
  struct record_reader *r = h->alloc(sizeof *r);
  FMP_REQUIRE(h, r != NULL, FMP_ENOMEM, "no memory for a reader");
  *r = (struct record_reader){.files = NULL};
  set_layout(r, p);
  if (add_files(h, r, &p->files, &why) != FMP_OK) {
    close_reader(h, r);
    return failure_raise(h, &why);
  }
  *state = r;
  return FMP_OK;
}

fmp_status record_reader_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct open_params, files, FMP_ATTR_STRINGS, NULL, NULL,
               "names, or patterns with * ? [ ]; plain or gzip, known by the content"),
      FMP_ATTR(struct open_params, label_bytes, FMP_ATTR_I64, "1", "[0,65536)",
               "label bytes in front of each image; 0: no labels, each reads as 0"),
      FMP_ATTR(struct open_params, label_index, FMP_ATTR_I64, "0", "[0,65536)",
               "which of them is the label, from 0"),
      FMP_ATTR(struct open_params, height, FMP_ATTR_I64, NULL, "[1,65536)", "rows of an image"),
      FMP_ATTR(struct open_params, width, FMP_ATTR_I64, NULL, "[1,65536)", "columns"),
      FMP_ATTR(struct open_params, channels, FMP_ATTR_I64, "3", "[1,65536)", "bytes of a pixel"),
      FMP_ATTR(struct open_params, order, FMP_ATTR_STRING, "chw", "chw|hwc",
               "how images lie in the file: plane by plane, or pixel by pixel"),
      FMP_ATTR(struct open_params, classes, FMP_ATTR_I64, "0", "[0,256]",
               "labels must be below; all are checked at once. 0: any")};
  static const fmp_resource_def def = {
      .struct_size = sizeof def,
      .name = "record_reader",
      .doc = "Examples of fixed length: label bytes, then an image of bytes. CIFAR-10: 1 label "
             "byte, 3072 bytes in planes; CIFAR-100: 2 label bytes, coarse and fine.",
      .attrs = attrs,
      .n_attr = sizeof attrs / sizeof attrs[0],
      .attr_size = sizeof(fmp_attr_def),
      .params_size = sizeof(struct open_params),
      .open = open_reader,
      .close = close_reader,
      .interfaces = FMP_SOURCE};
  return h->add_resource(r, &def);
}
