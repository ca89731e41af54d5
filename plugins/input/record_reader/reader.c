/* SPDX-License-Identifier: Apache-2.0
 * record_reader: examples of fixed length, one after another in one or more files. */
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
static void interleave(const int64_t *shape, const uint8_t *planes, uint8_t *pixels)
{
  const int64_t area = shape[0] * shape[1], n = shape[2];
  for (int64_t c = 0; c < n; c++)
    for (int64_t i = 0; i < area; i++) pixels[i * n + c] = planes[c * area + i];
}

static void write_image(const struct record_reader *r, const uint8_t *bytes, uint8_t *pixels)
{
  const fmp_spec *image = &r->fields[0].spec;
  if (r->planes && image->shape[2] > 1)
    interleave(image->shape, bytes, pixels);
  else
    memcpy(pixels, bytes, (size_t)fmp_source_bytes(image));
}

/* Label k of a record in this file. */
static fmp_status write_label(const struct record_reader *r, int64_t k, const struct file *f,
                              int64_t record, const uint8_t *bytes, int32_t *label, char *why)
{
  const struct record_label *l = &r->labels[k];
  *label = r->label_bytes > 0 ? bytes[l->index] : 0;
  return labels_check_one(f, record, *label, l->classes, why);
}

static fmp_status read_record(const fmp_source *s, const fmp_example *e)
{
  const struct record_reader *r = (const void *)s; /* its first member */
  const int64_t file = file_of(r, e->index), record = e->index - r->first[file];
  const struct file *f = &r->files[file];
  FMP_TRY(file_read(f, record * r->record_bytes, e->scratch, r->record_bytes, e->why));
  for (int64_t k = 0; k < r->n_labels; k++)
    if (e->data[1 + k]) FMP_TRY(write_label(r, k, f, record, e->scratch, e->data[1 + k], e->why));
  if (e->data[0]) write_image(r, (const uint8_t *)e->scratch + r->label_bytes, e->data[0]);
  return FMP_OK;
}

static fmp_status check_labels(const fmp_host *h, const struct record_reader *r,
                               const struct file *f, int64_t records, char *why)
{
  for (int64_t k = 0; k < r->n_labels && r->label_bytes > 0; k++) {
    const struct labels l = {r->labels[k].index, r->record_bytes, records, r->labels[k].classes};
    FMP_TRY(labels_check(h, f, &l, why));
  }
  return FMP_OK;
}

/* -- files ----------------------------------------------------------------- */

static fmp_status grow_files(const fmp_host *h, struct record_reader *r, char *why)
{
  if (r->n_files < r->room) return FMP_OK;
  const int64_t room = r->room ? 2 * r->room : 8;
  struct file *files = h->alloc((size_t)room * sizeof *files);
  int64_t *first = h->alloc((size_t)room * sizeof *first);
  if (!files || !first) {
    h->free(files);
    h->free(first);
    return fmp_source_fail(why, FMP_ENOMEM, "no memory for a list of files");
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
                                int64_t *records, char *why)
{
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): grow_files() has made it */
  const int64_t rest = f->size % r->record_bytes;
  *records = f->size / r->record_bytes;
  if (rest != 0)
    return fmp_source_fail(
        why, FMP_EDATA,
        "%s: expected whole records of %lld bytes, got %lld bytes after record %lld", f->name,
        (long long)r->record_bytes, (long long)rest, (long long)*records);
  if (*records > INT32_MAX - r->source.count)
    return fmp_source_fail(why, FMP_EDATA, "%s: expected at most %d examples in all", f->name,
                           (int)INT32_MAX);
  return FMP_OK;
}

static fmp_status add_file(const fmp_host *h, struct record_reader *r, const char *name, char *why)
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
                               char *why)
{
  glob_t found;
  fmp_status status = FMP_OK;
  const int result = glob(pattern, 0, NULL, &found);
  if (result == GLOB_NOMATCH)
    return fmp_source_fail(why, FMP_ENOTFOUND, "%s: no file matches", pattern);
  if (result != 0) return fmp_source_fail(why, FMP_EIO, "%s: files could not be matched", pattern);
  for (size_t i = 0; i < found.gl_pathc && status == FMP_OK; i++)
    status = add_file(h, r, found.gl_pathv[i], why);
  globfree(&found);
  return status;
}

/* A name that exists is that file, whatever characters it has. */
static fmp_status add_files(const fmp_host *h, struct record_reader *r, const fmp_list *names,
                            char *why)
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
  fmp_list files, labels, label_index, classes;
  int64_t label_bytes, height, width, channels;
  const char *order;
};

static fmp_status check_name(const fmp_host *h, const char *const *names, int64_t k)
{
  int is_new = strcmp(names[k], "image") != 0;
  for (int64_t i = 0; i < k; i++) is_new &= strcmp(names[i], names[k]) != 0;
  FMP_REQUIRE(h, is_new && fmp_source_is_name(names[k]), FMP_EINVAL,
              "expected labels to be different identifiers, unlike 'image', got '%s'", names[k]);
  return FMP_OK;
}

static fmp_status set_label(const fmp_host *h, const struct open_params *p, int64_t k,
                            struct record_reader *r)
{
  const char *const *names = p->labels.items;
  const int64_t *index = p->label_index.items, *classes = p->classes.items;
  struct record_label *l = &r->labels[k];
  FMP_TRY(check_name(h, names, k));
  l->index = p->label_index.count ? index[k] : k;
  l->classes = classes[p->classes.count > 1 ? k : 0];
  FMP_REQUIRE(h, l->index < p->label_bytes || p->label_bytes == 0, FMP_EINVAL,
              "expected label_index below label_bytes %lld, got %lld", (long long)p->label_bytes,
              (long long)l->index);
  r->fields[1 + k] = (fmp_field){.struct_size = sizeof(fmp_field),
                                 .name = names[k],
                                 .spec = {.dtype = FMP_I32},
                                 .doc = "the class, from 0"};
  return FMP_OK;
}

static fmp_status set_labels(const fmp_host *h, const struct open_params *p,
                             struct record_reader *r)
{
  const int64_t n = p->labels.count, most = FMP_SOURCE_MAX_FIELDS - 1;
  FMP_REQUIRE(h, n <= most, FMP_EINVAL, "expected at most %lld labels, got %lld", (long long)most,
              (long long)n);
  FMP_REQUIRE(h, p->label_index.count == 0 || p->label_index.count == n, FMP_EINVAL,
              "expected a label_index for each of %lld labels, got %lld", (long long)n,
              (long long)p->label_index.count);
  FMP_REQUIRE(h, p->classes.count == 1 || p->classes.count == n, FMP_EINVAL,
              "expected classes as one number, or as one for each of %lld labels, got %lld",
              (long long)n, (long long)p->classes.count);
  r->n_labels = n;
  for (int64_t k = 0; k < n; k++) FMP_TRY(set_label(h, p, k, r));
  return FMP_OK;
}

static fmp_status set_layout(const fmp_host *h, const struct open_params *p,
                             struct record_reader *r)
{
  r->fields[0] =
      (fmp_field){.struct_size = sizeof(fmp_field),
                  .name = "image",
                  .spec = {.dtype = FMP_U8, .rank = 3, .shape = {p->height, p->width, p->channels}},
                  .doc = "bytes [h,w,c]"};
  FMP_TRY(set_labels(h, p, r));
  r->label_bytes = p->label_bytes;
  r->record_bytes = p->label_bytes + fmp_source_bytes(&r->fields[0].spec);
  r->planes = strcmp(p->order, "chw") == 0;
  r->source = (fmp_source){.struct_size = sizeof r->source,
                           .field_size = sizeof(fmp_field),
                           .n_fields = (uint32_t)(1 + r->n_labels),
                           .fields = r->fields,
                           .scratch_bytes = r->record_bytes,
                           .read = read_record};
  return FMP_OK;
}

static void close_reader(const fmp_resource_args *a)
{
  const fmp_host *h = a->host;
  void *state = a->state;
  struct record_reader *r = state;
  for (int64_t i = 0; i < r->n_files; i++) file_close(h, &r->files[i]);
  h->free(r->files);
  h->free(r->first);
  h->free(r);
}

static fmp_status open_files(const fmp_host *h, struct record_reader *r, const fmp_list *names)
{
  char why[FMP_SOURCE_WHY];
  const fmp_status status = add_files(h, r, names, why);
  return status == FMP_OK ? FMP_OK : h->fail(status, "%s", why);
}

static fmp_status open_reader(const fmp_resource_args *a, void **state)
{
  const struct open_params *p = a->params;
  FMP_REQUIRE(a->host, p->files.count > 0, FMP_EINVAL, "expected at least one file");
  struct record_reader *r = a->host->alloc(sizeof *r);
  FMP_REQUIRE(a->host, r != NULL, FMP_ENOMEM, "no memory for a reader");
  *r = (struct record_reader){.files = NULL};
  fmp_status status = set_layout(a->host, p, r);
  if (status == FMP_OK) status = open_files(a->host, r, &p->files);
  if (status == FMP_OK)
    *state = r;
  else
    close_reader(&(fmp_resource_args){
        .struct_size = sizeof(fmp_resource_args), .host = a->host, .state = r});
  return status;
}

fmp_status record_reader_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct open_params, files, FMP_ATTR_STRINGS, NULL, NULL,
               "names, or patterns with * ? [ ]; plain or gzip, known by the content"),
      FMP_ATTR(struct open_params, label_bytes, FMP_ATTR_I64, "1", "[0,65536)",
               "label bytes in front of each image; 0: no labels, each reads as 0"),
      FMP_ATTR(struct open_params, labels, FMP_ATTR_STRINGS, "[label]", NULL,
               "names of each example's labels, which are fields after the image"),
      FMP_ATTR(struct open_params, label_index, FMP_ATTR_I64S, "[]", "[0,65536)",
               "the label byte of each label, from 0; []: the first bytes"),
      FMP_ATTR(struct open_params, height, FMP_ATTR_I64, NULL, "[1,65536)", "rows of an image"),
      FMP_ATTR(struct open_params, width, FMP_ATTR_I64, NULL, "[1,65536)", "columns"),
      FMP_ATTR(struct open_params, channels, FMP_ATTR_I64, "3", "[1,65536)", "bytes of a pixel"),
      FMP_ATTR(struct open_params, order, FMP_ATTR_STRING, "chw", "chw|hwc",
               "how images lie in the file: plane by plane, or pixel by pixel"),
      FMP_ATTR(struct open_params, classes, FMP_ATTR_I64S, "[0]", "[0,256]",
               "labels must be below this, one number for all or one for each; checked on opening. "
               "0: any")};
  static const fmp_resource_def def = {
      .struct_size = sizeof def,
      .name = "record_reader",
      .doc = "A source of examples of fixed length: label bytes, then an image of bytes. Fields: "
             "image u8 [h,w,c], and i32 [] for each label. CIFAR-10: 1 label byte, 3072 bytes in "
             "planes; CIFAR-100: 2 label bytes, coarse and fine.",
      FMP_PARAMS(struct open_params, attrs),
      .open = open_reader,
      .close = close_reader,
      .interfaces = FMP_SOURCE};
  return h->add_resource(r, &def);
}
