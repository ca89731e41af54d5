/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin.h: the plugin ABI, all that a plugin must include.
 *
 * A plugin is a shared object that exports one constant, fmp_plugin_entry, and
 * nothing else. It never links the engine: load() is lent a table of functions,
 * fmp_host, and describes ops, kernels, backends, resources and rewrites to it.
 *
 * Threads, stated for each function:
 *   [load]        only inside load(), on the thread that loads the plugin
 *   [any-thread]  pure: may run on several threads at once
 *   [stream]      one caller at a time per stream
 *
 * Text and arrays that a definition points to are copied by add_*; functions are
 * kept, since a plugin is never unloaded. A plugin MUST NOT abort, exit or
 * longjmp, and MUST NOT let a C++ exception leave one of its functions.
 */
#ifndef FMP_PLUGIN_H
#define FMP_PLUGIN_H

#include "fmp/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Major differs: refused. Minor: the least that the plugin needs; it only appends. */
#define FMP_ABI_MAJOR 1u
#define FMP_ABI_MINOR 0u

#if defined(__GNUC__)
#define FMP_EXPORT            __attribute__((visibility("default")))
#define FMP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define FMP_EXPORT
#define FMP_PRINTF(fmt, args)
#endif

/* struct_size of a definition: the end of the last field its author knows of.
 *   .struct_size = FMP_SIZE_UNTIL(fmp_op_def, gradient)
 * sizeof(fmp_op_def) serves as well for anyone who builds against this header. */
#define FMP_SIZE_UNTIL(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

/* A set of data types: FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64). */
#define FMP_BIT(dtype) (1u << (dtype))
#define FMP_ANY_DTYPE  0xFEu

typedef struct fmp_host fmp_host;         /* the engine's functions, at the end */
typedef struct fmp_registry fmp_registry; /* what load() fills */
typedef struct fmp_builder fmp_builder;   /* emits ops: gradients and rewrites */
typedef struct fmp_sink fmp_sink;         /* takes the bytes of a saved resource */
typedef struct fmp_call fmp_call;

/* -- ops ------------------------------------------------------------------- */

/* One attribute of an op or resource: a row of a table, from which checking,
 * defaults, hashing, saving, Lua arguments and documentation all follow. */
typedef struct fmp_attr_def {
  const char *name;
  uint32_t kind;   /* FMP_ATTR_* */
  uint32_t offset; /* into the params struct; see FMP_ATTR_* for the field's type */
  /* The default as text: "0.333", "true", "same", "f32", "[1,1]", "[]" for an empty
   * list. NULL: the attribute must be given. A resource has no default. */
  const char *fallback;
  /* What is allowed, or NULL for anything. Strings: "same|valid|explicit".
   * Numbers, each element of a list too: "[1,)", "(0,1]", "[-1,8)". NaN is never in; infinity
   * is where a bound is left out, but not in "[0,inf)". */
  const char *allowed;
  const char *doc;
} fmp_attr_def;

/* One row: FMP_ATTR(struct conv_params, stride, FMP_ATTR_I64S, "[1,1]", "[1,)", "..."). */
/* clang-format off */
#define FMP_ATTR(type, field, kind, fallback, allowed, doc) \
  { #field, (kind), (uint32_t)offsetof(type, field), (fallback), (allowed), (doc) }
/* clang-format on */

/* fmp_op_def.flags */
enum {
  FMP_OP_EFFECT = 1, /* acts beyond its outputs: never dropped, kept in program order */
  FMP_OP_RANDOM = 2, /* draws from fmp_call.rng: never merged with its like */
  FMP_OP_HOST = 4    /* runs on the host: splits a captured graph */
};

/* Precision class: what casting to bf16 may do to an op's inputs. */
enum {
  FMP_PRECISION_FOLLOW = 0, /* computes in whatever type its inputs have */
  FMP_PRECISION_LOW = 1,    /* gains from bf16 inputs: matrix products, convolutions */
  FMP_PRECISION_F32 = 2     /* must see f32: losses, optimizers */
};

/* Roles: what the engine itself needs of ops. It asks for the role, never for a
 * name; an op claims one as it registers, the first claim stands. */
enum {
  FMP_ROLE_NONE = 0,
  FMP_ROLE_ACCUMULATE = 1, /* (a, b) -> (y): y = a + b, equal specs */
  FMP_ROLE_FILL = 2,       /* (like~) -> (y), attribute value: f64; y has like's spec */
  FMP_ROLE_CAST = 3,       /* (x) -> (y), attribute dtype: dtype */
  FMP_ROLE_COPY = 4,       /* (x) -> (y): y = x, contiguous; its kernels take strides */
  FMP_ROLE_COUNT = 5
};

/* An op's name in a graph's gradient or rewrite; 0: absent. */
typedef uint32_t fmp_value;

/* An op: what goes in, what comes out, how shapes follow, how it differentiates.
 *
 * schema: "(x, w, b?) -> (y, argmax?)". Marks behind a name:
 *   ?    may be absent. An input: its spec has dtype FMP_NONE and its view no data.
 *        An output: its view has no data where nobody reads it.
 *   !    the op writes this input in place; it arrives as it is, never a copy.
 *   ~    only the spec is read, never the data: its memory need not be kept.
 *   ...  the last inputs only: they repeat in turn, any number of times from 1 up.
 * Several marks may stand together: "m?!". "(lr, w!..., m?!..., g...) -> ()" is called
 * with lr, w1, m1, g1, w2, m2, g2 and so on; its functions see these inputs as they
 * stand, n_in their true number, and an m that is absent in its place. */
typedef struct fmp_op_def {
  size_t struct_size;
  const char *name;
  const char *schema;
  const char *doc;    /* first line: a summary; then formula, shapes, source */
  uint32_t version;   /* raised when saved graphs of an older one would mean another thing */
  uint32_t flags;     /* FMP_OP_* */
  uint32_t precision; /* FMP_PRECISION_* */
  uint32_t role;      /* FMP_ROLE_* */
  const fmp_attr_def *attrs;
  uint32_t n_attr;
  uint32_t attr_size;   /* sizeof(fmp_attr_def), so that rows may grow */
  uint32_t params_size; /* size of the params struct; 0 without attributes */
  uint32_t reserved;    /* zero */

  /* [any-thread] Fills out[0..n_out) from in[0..n_in), or fails saying what was
   * expected and what came. Attributes are already checked against their table,
   * inputs against the schema. The caller prefixes the text with layer and op. */
  fmp_status (*infer)(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                      fmp_spec *out, uint32_t n_out);

  /* [any-thread] Emits the ops that compute d(loss)/d(input i) for each i that
   * wants it, and hands each to h->grad_set. NULL: not differentiable. Failures of
   * emit stick to the builder, so they need no checking in between. */
  fmp_status (*gradient)(const fmp_host *h, fmp_builder *b, const void *params);
  /* Names of all ops that gradient may emit, separated by spaces: "mul neg sum_to".
   * A plugin that names an op which nobody has is refused. */
  const char *gradient_ops;

  /* [any-thread] An op whose output is another view of input 0's memory (reshape,
   * transpose, slice) sets it here and needs no kernel: *out starts as a copy of
   * *in with out's spec; set data and strides. FMP_EUNSUPPORTED: not possible for
   * these strides; the engine then copies the input and asks again. NULL: a kernel. */
  fmp_status (*alias)(const fmp_host *h, const void *params, const fmp_view *in, fmp_view *out);

  /* [any-thread] Floating-point operations of one run, a multiplication and an
   * addition counted as two: what profiles divide by the time. NULL: not counted. */
  double (*flops)(const void *params, const fmp_spec *in, uint32_t n_in, const fmp_spec *out,
                  uint32_t n_out);
} fmp_op_def;

/* -- kernels --------------------------------------------------------------- */

/* What a kernel is chosen and prepared for: one op with its attributes and specs. */
typedef struct fmp_kernel_args {
  size_t struct_size;
  const void *params;
  const fmp_spec *in;
  uint32_t n_in;
  uint32_t n_out;
  const fmp_spec *out;
  void *device; /* as the backend's open() made it */
} fmp_kernel_args;

/* A pair (input, output) that may share memory: element i of the output is written only
 * after all reads of element i of the input. Used only where the input is contiguous and
 * both have equally many elements of equal size. */
typedef struct fmp_inplace {
  uint32_t in, out;
} fmp_inplace;

/* fmp_kernel_def.flags */
enum {
  FMP_KERNEL_STRIDED = 1, /* takes inputs of any strides; otherwise they come contiguous */
  FMP_KERNEL_WIDENS = 2   /* computes in f32 what is narrower: no faster than f32 would be */
};

/* A kernel computes one op on one backend. Of those that agree, the one with the
 * highest priority is taken, once per node; plain-loop references have priority 0.
 * Outputs are contiguous always; they never overlap inputs but for inplace pairs. */
typedef struct fmp_kernel_def {
  size_t struct_size;
  const char *op;      /* either side may be registered later, by another plugin; */
  const char *backend; /* "*" as op: whatever has no other kernel on this backend */
  const char *name;    /* "ref", "avx512", "onednn": for --explain and profiles */
  /* Set of FMP_BIT: each input that is present and whose data is read must be in it. Of an op
   * that reads none, what the kernel makes. */
  uint32_t dtypes;
  int32_t priority;
  uint32_t flags; /* FMP_KERNEL_* */
  uint32_t n_inplace;
  const fmp_inplace *inplace;

  /* [any-thread] Non-zero if this kernel can do it. NULL: whatever dtypes allows. */
  int32_t (*supports)(const fmp_host *h, const fmp_kernel_args *args);
  /* [any-thread] Makes what run() needs again and again; once per node of a plan, on a stream of
   * as many threads as run() will have: where that number changes, it is made anew.
   * NULL: no state. release() gets every *state that a successful prepare made. */
  fmp_status (*prepare)(const fmp_host *h, const fmp_kernel_args *args, void **state);
  void (*release)(const fmp_host *h, void *state);
  /* [any-thread] Bytes of scratch memory that each run() is lent, 64-byte aligned. */
  size_t (*scratch)(const fmp_kernel_args *args, const void *state);
  /* [stream] Enqueues the work. It never allocates and never blocks on the device. */
  fmp_status (*run)(const fmp_call *call);
} fmp_kernel_def;

/* The key of one random op's draws. All randomness is a pure function of it and
 * of the indices of sample and draw: see kit/philox.h. */
typedef struct fmp_rng {
  uint64_t seed;
  uint64_t node;        /* which op of the program: hash of scope path and ordinal */
  const uint64_t *step; /* one number in the device's memory; a plan advances it */
} fmp_rng;

struct fmp_call {
  size_t struct_size;
  const fmp_host *host;
  void *device; /* the backend's own */
  void *stream; /* the backend's own */
  const void *params;
  const void *state;
  const fmp_view *in; /* borrowed for the call, as are params, state and scratch */
  const fmp_view *out;
  uint32_t n_in;
  uint32_t n_out;
  void *scratch;      /* in the device's memory */
  const fmp_rng *rng; /* NULL but for FMP_OP_RANDOM */
};

/* A stretch [begin, end) of a parallel loop. */
typedef fmp_status (*fmp_range_fn)(void *arg, int64_t begin, int64_t end);

/* -- backends -------------------------------------------------------------- */

/* fmp_backend_def.flags */
enum {
  FMP_BACKEND_HOST = 1 /* its memory is ordinary memory: the host reads and writes it */
};

/* Direction of fmp_backend_def.copy. */
enum { FMP_COPY_TO_DEVICE = 0, FMP_COPY_TO_HOST = 1, FMP_COPY_WITHIN = 2 };

/* A backend: memory, streams and copies of one kind of device; no op code.
 * Fields marked (optional) may be NULL. A failure's status and text reach the caller. */
typedef struct fmp_backend_def {
  size_t struct_size;
  const char *name; /* "cpu", "cuda" */
  const char *doc;
  uint32_t flags;    /* FMP_BACKEND_* */
  uint32_t reserved; /* zero */

  /* [any-thread] How many devices there are. (optional: one) */
  fmp_status (*count)(const fmp_host *h, int32_t *count);
  /* Opens device `index`; once per process and device, before all else. */
  fmp_status (*open)(const fmp_host *h, int32_t index, void **device);

  /* [any-thread] `bytes` > 0, 64-byte aligned, not cleared; FMP_ENOMEM if there are none. */
  fmp_status (*alloc)(void *device, size_t bytes, void **memory);
  void (*free)(void *device, void *memory);

  /* [any-thread] A stream: work enqueued on it runs in order. `serial` non-zero: on
   * the calling thread alone, for worker threads. (optional: stream NULL) */
  fmp_status (*stream_open)(void *device, int32_t serial, void **stream);
  void (*stream_close)(void *device, void *stream);
  /* [stream] Before the engine makes kernels ready for the stream or enqueues on it, and
   * afterwards, on the thread that does: what enter changes of the thread for the sake of
   * libraries, leave puts back. (optional) */
  void (*stream_enter)(void *device, void *stream);
  void (*stream_leave)(void *device, void *stream);
  /* [stream] Waits until all work has been done; of the thread that waits, or of another that
   * enqueues nothing meanwhile. (optional: it always has) */
  fmp_status (*stream_wait)(void *device, void *stream);
  /* [stream] Copies bytes; host memory may be reused at return. */
  fmp_status (*copy)(void *device, void *stream, int32_t direction, void *target,
                     const void *source, size_t bytes);

  /* [stream] Runs body over [0, n) in stretches of at least `grain`, on as many
   * threads as there are; returns the first failure. (optional: one stretch) */
  fmp_status (*parallel_for)(void *device, void *stream, int64_t n, int64_t grain,
                             fmp_range_fn body, void *arg);
  /* [any-thread] Threads that streams opened or entered from now on use; count 0 asks only.
   * Returns the number in force. (optional: one) */
  int32_t (*threads)(void *device, int32_t count);
} fmp_backend_def;

/* -- resources ------------------------------------------------------------- */

/* A kind of stateful thing that ops take as an attribute: a reader, a queue. */
typedef struct fmp_resource_def {
  size_t struct_size;
  const char *name; /* "record_reader" */
  const char *doc;
  const fmp_attr_def *attrs; /* what open() is given, as for ops */
  uint32_t n_attr;
  uint32_t attr_size;
  uint32_t params_size;
  uint32_t reserved; /* zero */

  /* [any-thread] params live until close() returns, and so does a resource that they
   * hold: a queue may be built on a reader. */
  fmp_status (*open)(const fmp_host *h, const void *params, void **state);
  /* Called once, when the last reference goes. */
  void (*close)(const fmp_host *h, void *state);
  /* [any-thread] One save or restore of a state at a time, while ops may use it. Writes all that
   * restore() needs with h->sink_write. (optional: nothing to save) */
  fmp_status (*save)(const fmp_host *h, void *state, fmp_sink *sink);
  /* Bytes come from a file: hostile. On failure the state stays as it was. (optional) */
  fmp_status (*restore)(const fmp_host *h, void *state, const void *bytes, size_t n);
  /* Names of the interfaces that the state serves, separated by spaces: for each, the
   * state begins with the struct which that interface documents. "fmp.source/1": a
   * struct fmp_source of kit/source.h. (optional) */
  const char *interfaces;
} fmp_resource_def;

/* -- rewrites -------------------------------------------------------------- */

/* When a rewrite is tried. */
enum { FMP_REWRITE_BEFORE_GRADIENTS = 0, FMP_REWRITE_AFTER_GRADIENTS = 1 };

/* Replaces a chain of ops, each reading output 0 of the one before as its input 0
 * and nobody else reading any output of that, by whatever emit() builds in its place.
 * The rewrites of a phase are tried again and again until none applies, so that one may
 * build on another in whatever order they were registered. */
typedef struct fmp_rewrite_def {
  size_t struct_size;
  const char *name;
  const char *chain; /* op names, separated by spaces: "conv2d leaky_relu" */
  uint32_t phase;    /* FMP_REWRITE_* */
  uint32_t reserved; /* zero */
  /* [any-thread] Looks at the match with h->node_*, emits, and hands every output of
   * the last op that is read to h->replace. Nothing handed over: no rewrite here. */
  fmp_status (*emit)(const fmp_host *h, fmp_builder *b);
} fmp_rewrite_def;

/* -- what the engine lends ------------------------------------------------- */

struct fmp_host {
  size_t struct_size;
  uint32_t abi_major, abi_minor;

  /* [any-thread] Keeps the text for this thread's caller and returns code. */
  fmp_status (*fail)(fmp_status code, const char *format, ...) FMP_PRINTF(2, 3);
  /* [any-thread] level: 0 error, 1 warning, 2 information, 3 detail. */
  void (*log)(int32_t level, const char *format, ...) FMP_PRINTF(2, 3);
  /* [any-thread] Host memory, 16-byte aligned, not cleared; NULL if there is none. */
  void *(*alloc)(size_t bytes);
  void (*free)(void *memory);
  /* [any-thread] "f32 [8,36,36,3]" into text[FMP_SPEC_TEXT]; returns text. */
  const char *(*spec_text)(const fmp_spec *spec, char *text);
  /* [any-thread] Optional abilities by name and revision; NULL: not offered. */
  const void *(*extension)(const char *id);

  /* [load] Stage a definition; all of it is copied but for functions. Nothing is
   * registered unless load() returns FMP_OK. */
  fmp_status (*add_op)(fmp_registry *r, const fmp_op_def *def);
  fmp_status (*add_kernel)(fmp_registry *r, const fmp_kernel_def *def);
  fmp_status (*add_backend)(fmp_registry *r, const fmp_backend_def *def);
  fmp_status (*add_resource)(fmp_registry *r, const fmp_resource_def *def);
  fmp_status (*add_rewrite)(fmp_registry *r, const fmp_rewrite_def *def);

  /* [stream] The backend's parallel loop, for the stream of this call. */
  fmp_status (*parallel_for)(const fmp_call *call, int64_t n, int64_t grain, fmp_range_fn body,
                             void *arg);

  /* [any-thread] The state that open() made, or NULL (and the text kept) if r is
   * neither a resource of that name nor one that serves the interface of that name.
   * Borrowed while the call lasts, or while a resource lives that r is an attribute of. */
  void *(*resource_state)(const fmp_resource *r, const char *name);
  fmp_status (*sink_write)(fmp_sink *sink, const void *bytes, size_t n);

  /* Builders: on the thread that was lent one, until the call returns. Failures stick: after
   * one, emit returns 0 and the builder's owner reports it; so does a function that is called
   * in another place than its own. Value 0 as an input: absent. */

  /* Emits an op; returns its output 0. */
  fmp_value (*emit)(fmp_builder *b, const char *op, const fmp_attr *attrs, uint32_t n_attr,
                    const fmp_value *in, uint32_t n_in);
  /* Output i of the op that made v. */
  fmp_value (*output)(fmp_builder *b, fmp_value v, uint32_t i);
  /* The spec of v; dtype FMP_NONE for value 0. */
  void (*spec)(fmp_builder *b, fmp_value v, fmp_spec *spec);

  /* In gradient(): the op that is differentiated. An input that was written after the op
   * read it can still be used for its spec; where its data is needed, emit fails. */
  uint32_t (*grad_inputs)(fmp_builder *b);            /* how many inputs there are */
  int32_t (*grad_wants)(fmp_builder *b, uint32_t i);  /* is d(loss)/d(input i) needed? */
  fmp_value (*grad_in)(fmp_builder *b, uint32_t i);   /* input i */
  fmp_value (*grad_out)(fmp_builder *b, uint32_t i);  /* output i */
  fmp_value (*grad_dout)(fmp_builder *b, uint32_t i); /* d(loss)/d(output i); 0: none */
  void (*grad_set)(fmp_builder *b, uint32_t i, fmp_value dx);

  /* In a rewrite: node k of the matched chain, 0 the first. */
  const void *(*node_params)(fmp_builder *b, uint32_t k);
  fmp_value (*node_in)(fmp_builder *b, uint32_t k, uint32_t i);
  void (*replace)(fmp_builder *b, uint32_t output, fmp_value v);
  /* Emits the op of node k again, with its attributes, on other inputs. */
  fmp_value (*emit_node)(fmp_builder *b, uint32_t k, const fmp_value *in, uint32_t n_in);
  /* An attribute of node k by its name, for ops of others, whose params struct is theirs
   * alone; *attr is borrowed until emit() returns. Zero: the op has none of that name. */
  int32_t (*node_attr)(fmp_builder *b, uint32_t k, const char *name, fmp_attr *attr);

  /* [any-thread] FMP_EINTERRUPTED, with the text kept, if the user asked to stop; the request is
   * used up. For what may take long: reading files, waiting for a thread. */
  fmp_status (*check_interrupt)(void);
};

/* -- the entry ------------------------------------------------------------- */

/* The first four numbers never move: they are read before any plugin function runs. */
typedef struct fmp_plugin {
  size_t struct_size;
  uint32_t abi_major, abi_minor;
  uint32_t view_size; /* sizeof(fmp_view) */
  uint32_t reserved;  /* zero */
  const char *name, *version, *summary;
  /* [load] Adds all definitions; keeps `h`, which lives as long as the process. */
  fmp_status (*load)(const fmp_host *h, fmp_registry *r);
} fmp_plugin;

extern FMP_EXPORT const fmp_plugin fmp_plugin_entry;

/* Defines the entry:  FMP_PLUGIN("swish", "1.0", "x * sigmoid(x)", load) */
#define FMP_PLUGIN(name, version, summary, load)                                               \
  const fmp_plugin fmp_plugin_entry = {                                                        \
      sizeof(fmp_plugin), FMP_ABI_MAJOR, FMP_ABI_MINOR, (uint32_t)sizeof(fmp_view), 0, (name), \
      (version),          (summary),     (load)}

/* -- checks ---------------------------------------------------------------- */

/* Returns a failed status onward. */
#define FMP_TRY(expression)                   \
  do {                                        \
    const fmp_status fmp_try_ = (expression); \
    if (fmp_try_ != FMP_OK) return fmp_try_;  \
  } while (0)

/* FMP_REQUIRE(h, n > 0, FMP_EINVAL, "expected n > 0, got %d", n) */
#define FMP_REQUIRE(h, condition, code, ...) \
  do {                                       \
    if (!(condition)) {                      \
      (void)(h)->fail((code), __VA_ARGS__);  \
      return (code);                         \
    }                                        \
  } while (0)

#ifdef __cplusplus
}
#endif

#endif
