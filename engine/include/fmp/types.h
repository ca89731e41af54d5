/* SPDX-License-Identifier: Apache-2.0
 *
 * types.h: the vocabulary that the engine, its plugins and its callers share:
 * status codes, data types, specs, views, attributes. No functions.
 *
 * This file is C11, C++17, and, once lines that start with '#' are dropped, a
 * LuaJIT cdef: no macro may be needed to read a declaration.
 */
#ifndef FMP_TYPES_H
#define FMP_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* -- status ---------------------------------------------------------------- */

/* What every function that can fail returns. The text that goes with a failure
 * (what was expected, what came) is kept per thread: see fmp_last_error(). */
typedef int32_t fmp_status;

enum {
  FMP_OK = 0,
  FMP_ENOMEM = 1,        /* memory could not be had */
  FMP_EINVAL = 2,        /* an argument or attribute is not acceptable */
  FMP_ESHAPE = 3,        /* a shape or rank is not acceptable */
  FMP_EDTYPE = 4,        /* a data type is not acceptable */
  FMP_EDEVICE = 5,       /* tensors of different devices, or a device that failed */
  FMP_ENOTFOUND = 6,     /* no op, attribute, plugin, file ... of that name */
  FMP_EPLUGIN = 7,       /* a plugin or a definition was refused */
  FMP_ENOGRAD = 8,       /* an op on the way has no gradient */
  FMP_ESTATE = 9,        /* not now: outside of a recording, inside a trace ... */
  FMP_EIO = 10,          /* a file could not be read or written */
  FMP_EDATA = 11,        /* a file's content is not what its format says */
  FMP_END = 12,          /* orderly end of data; not a failure */
  FMP_EINTERRUPTED = 13, /* the user asked to stop */
  FMP_EUNSUPPORTED = 14, /* nothing registered can do this */
  FMP_STATUS_COUNT = 15
};

/* -- data types ------------------------------------------------------------ */

/* What the elements of a tensor are: numbers and bytes. Text is no data type: it travels in
 * attributes. The values are part of the plugin ABI and of saved files: append only. */
enum {
  FMP_NONE = 0, /* an optional input or output that is absent */
  FMP_F32 = 1,
  FMP_F64 = 2,
  FMP_BF16 = 3,
  FMP_F16 = 4, /* storage only: cast before computing */
  FMP_U8 = 5,  /* bytes; also what comparisons yield, 0 or 1 */
  FMP_I32 = 6,
  FMP_I64 = 7,
  FMP_DTYPE_COUNT = 8
};

/* -- specs and views ------------------------------------------------------- */

enum {
  FMP_MAX_RANK = 8,
  FMP_SPEC_TEXT = 192 /* bytes that hold any spec as text, e.g. "f32 [8,36,36,3]" */
};

/* All that shape inference sees of a tensor. Rank 0 is a number.
 * Dimensions beyond rank are zero. dtype FMP_NONE: absent.
 * This layout is frozen, and so are those of views and attributes: they stand in arrays. */
typedef struct fmp_spec {
  uint32_t dtype;
  uint32_t rank;
  int64_t shape[FMP_MAX_RANK];
  uint64_t reserved[2]; /* zero */
} fmp_spec;

/* A tensor as a kernel sees it: borrowed for the length of the call.
 * data == NULL: an absent input, or an output that nobody reads. */
typedef struct fmp_view {
  void *data; /* in the device's memory */
  uint32_t dtype;
  uint32_t rank;
  int64_t shape[FMP_MAX_RANK];
  int64_t strides[FMP_MAX_RANK]; /* in elements; 0 where a dimension repeats */
  uint64_t reserved[4];          /* zero */
} fmp_view;

/* -- attributes ------------------------------------------------------------ */

/* A stateful thing that a plugin opened; opaque, reference-counted. */
typedef struct fmp_resource fmp_resource;

/* Kinds of attribute, and in which C type an op's params struct holds each. */
enum {
  FMP_ATTR_BOOL = 1,     /* int32_t, 0 or 1 */
  FMP_ATTR_I64 = 2,      /* int64_t */
  FMP_ATTR_F64 = 3,      /* double */
  FMP_ATTR_STRING = 4,   /* const char * */
  FMP_ATTR_DTYPE = 5,    /* uint32_t */
  FMP_ATTR_RESOURCE = 6, /* fmp_resource * */
  FMP_ATTR_LIST = 16,    /* flag: fmp_list of int32_t, int64_t, double, const char *, uint32_t */
  FMP_ATTR_BOOLS = 17,
  FMP_ATTR_I64S = 18,
  FMP_ATTR_F64S = 19,
  FMP_ATTR_STRINGS = 20,
  FMP_ATTR_DTYPES = 21
};

typedef struct fmp_list {
  const void *items;
  int64_t count;
} fmp_list;

typedef union fmp_attr_value {
  int64_t i;     /* bool, i64, dtype */
  double f;      /* f64 */
  const char *s; /* string */
  fmp_list list; /* every list kind */
  fmp_resource *resource;
} fmp_attr_value;

/* How an attribute travels everywhere outside of its own op's code. Borrowed:
 * whoever keeps one makes a deep copy. An i64 is accepted where an f64 is wanted,
 * and one value where a list is wanted. */
typedef struct fmp_attr {
  const char *name;
  uint32_t kind;
  uint32_t reserved; /* zero */
  fmp_attr_value value;
} fmp_attr;

#endif
