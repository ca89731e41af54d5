/* SPDX-License-Identifier: Apache-2.0
 * idx_reader: images and labels in IDX files, as MNIST comes.
 *
 * IDX: two zero bytes, the type (8: bytes), the number of dimensions, each dimension as
 * a big-endian u32, then the elements, the last dimension fastest. */
#include "idx_reader.h"

enum { IDX_U8 = 8, IDX_MOST_DIMS = 4, MOST_SIDE = 65535 };

/* -- headers --------------------------------------------------------------- */

static int64_t big_endian(const uint8_t b[4])
{
  return (int64_t)b[0] << 24 | (int64_t)b[1] << 16 | (int64_t)b[2] << 8 | b[3];
}

static fmp_status check_magic(const struct file *f, const uint8_t magic[4], int low, int high,
                              const char *what, fmp_failure *why)
{
  if (magic[0] == 0 && magic[1] == 0 && magic[2] == IDX_U8 && magic[3] >= low && magic[3] <= high)
    return FMP_OK;
  return failure_set(why, FMP_EDATA,
                     "%s: expected IDX %s, which begin 00 00 08 %02x, got %02x %02x %02x %02x",
                     f->name, what, (unsigned)low, magic[0], magic[1], magic[2], magic[3]);
}

/* Sizes of one header; the file must end where the elements do. *at: where they begin. */
static fmp_status check_size(const struct file *f, const int64_t *dims, int rank, int64_t *at,
                             fmp_failure *why)
{
  int64_t bytes = 1;
  *at = 4 + 4 * (int64_t)rank;
  for (int i = 0; i < rank; i++) {
    const int64_t most = i == 0 ? INT32_MAX : MOST_SIDE;
    if (dims[i] < 1 || dims[i] > most)
      return failure_set(why, FMP_EDATA, "%s: expected dimension %d from 1 to %lld, got %lld",
                         f->name, i + 1, (long long)most, (long long)dims[i]);
    if (bytes > (INT64_MAX - *at) / dims[i])
      return failure_set(why, FMP_EDATA, "%s: is too large by its header", f->name);
    bytes *= dims[i];
  }
  if (f->size - *at != bytes)
    return failure_set(why, FMP_EDATA, "%s: expected %lld bytes by its header, got %lld", f->name,
                       (long long)(*at + bytes), (long long)f->size);
  return FMP_OK;
}

/* A header with low .. high dimensions; those that are not there read as 1. */
static fmp_status read_header(const struct file *f, int low, int high, const char *what,
                              int64_t dims[IDX_MOST_DIMS], int64_t *at, fmp_failure *why)
{
  uint8_t b[4 + 4 * IDX_MOST_DIMS];
  FMP_TRY(file_read(f, 0, b, 4, why));
  FMP_TRY(check_magic(f, b, low, high, what, why));
  const int rank = b[3];
  FMP_TRY(file_read(f, 4, b + 4, 4 * rank, why));
  for (int i = 0; i < IDX_MOST_DIMS; i++) dims[i] = i < rank ? big_endian(b + 4 + 4 * i) : 1;
  return check_size(f, dims, rank, at, why);
}

/* -- examples -------------------------------------------------------------- */

static fmp_status check_label(const struct idx_reader *r, int64_t i, int label, fmp_failure *why)
{
  if (r->classes == 0 || label < r->classes) return FMP_OK;
  return failure_set(why, FMP_EDATA, "%s: record %lld: expected a label below %lld, got %d",
                     r->labels.name, (long long)i, (long long)r->classes, label);
}

static fmp_status read_example(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                               int32_t *label, fmp_failure *why)
{
  const struct idx_reader *r = (const void *)s; /* its first member */
  const int64_t bytes = fmp_source_pixels(s);
  uint8_t value;
  (void)scratch;
  FMP_TRY(file_read(&r->labels, r->labels_at + i, &value, 1, why));
  FMP_TRY(check_label(r, i, value, why));
  *label = value;
  return file_read(&r->images, r->images_at + i * bytes, pixels, bytes, why);
}

static fmp_status check_labels(const struct idx_reader *r, fmp_failure *why)
{
  uint8_t label;
  for (int64_t i = 0; i < r->source.count && r->classes > 0; i++) {
    FMP_TRY(file_read(&r->labels, r->labels_at + i, &label, 1, why));
    FMP_TRY(check_label(r, i, label, why));
  }
  return FMP_OK;
}

/* -- the resource ---------------------------------------------------------- */

struct open_params {
  const char *images, *labels;
  int64_t classes;
};

static fmp_status read_headers(struct idx_reader *r, fmp_failure *why)
{
  int64_t images[IDX_MOST_DIMS], labels[IDX_MOST_DIMS];
  FMP_TRY(read_header(&r->images, 3, 4, "images", images, &r->images_at, why));
  FMP_TRY(read_header(&r->labels, 1, 1, "labels", labels, &r->labels_at, why));
  if (images[0] != labels[0])
    return failure_set(why, FMP_EDATA, "%s: expected a label for each of %lld images, got %lld",
                       r->labels.name, (long long)images[0], (long long)labels[0]);
  r->source = (fmp_source){.struct_size = sizeof r->source,
                           .count = images[0],
                           .height = images[1],
                           .width = images[2],
                           .channels = images[3],
                           .read = read_example};
  return check_labels(r, why);
}

static void close_reader(const fmp_host *h, void *state)
{
  struct idx_reader *r = state;
  file_close(h, &r->images);
  file_close(h, &r->labels);
  h->free(r);
}

static fmp_status open_files(const fmp_host *h, const struct open_params *p, struct idx_reader *r,
                             fmp_failure *why)
{
  FMP_TRY(file_open(h, p->images, &r->images, why));
  FMP_TRY(file_open(h, p->labels, &r->labels, why));
  return read_headers(r, why);
}

static fmp_status open_reader(const fmp_host *h, const void *params, void **state)
{
  const struct open_params *p = params;
  fmp_failure why = {.status = FMP_OK};
  struct idx_reader *r = h->alloc(sizeof *r);
  FMP_REQUIRE(h, r != NULL, FMP_ENOMEM, "no memory for a reader");
  *r = (struct idx_reader){.images.fd = -1, .labels.fd = -1, .classes = p->classes};
  if (open_files(h, p, r, &why) != FMP_OK) {
    close_reader(h, r);
    return failure_raise(h, &why);
  }
  *state = r;
  return FMP_OK;
}

fmp_status idx_reader_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct open_params, images, FMP_ATTR_STRING, NULL, NULL,
               "file of images: bytes [n,h,w] or [n,h,w,c]; plain or gzip, known by the content"),
      FMP_ATTR(struct open_params, labels, FMP_ATTR_STRING, NULL, NULL,
               "file of labels: bytes [n]"),
      FMP_ATTR(struct open_params, classes, FMP_ATTR_I64, "0", "[0,256]",
               "labels must be below; all are checked at once. 0: any")};
  static const fmp_resource_def def = {.struct_size = sizeof def,
                                       .name = "idx_reader",
                                       .doc = "Images and labels in IDX files, as MNIST comes.",
                                       .attrs = attrs,
                                       .n_attr = sizeof attrs / sizeof attrs[0],
                                       .attr_size = sizeof(fmp_attr_def),
                                       .params_size = sizeof(struct open_params),
                                       .open = open_reader,
                                       .close = close_reader,
                                       .interfaces = FMP_SOURCE};
  return h->add_resource(r, &def);
}
