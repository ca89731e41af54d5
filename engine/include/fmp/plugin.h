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
 *   [any-thread]  may run on several threads at once; pure but for what it says
 *   [stream]      one caller at a time per stream
 *
 * How the ABI grows. Every struct begins with struct_size, the end of the last field
 * that its author knew. Later minor versions append fields and functions, and nothing
 * else, so that each side reads what both know:
 *   - A definition may be older than the engine: what it lacks is zero, which means
 *     what it meant before the field was there. It may be newer: then what the engine
 *     does not know must be zero, or it is refused.
 *   - The arguments of a callback come from the engine. Fields of minor version 0 are
 *     always there; ask for later ones with FMP_HAS.
 *   - What stands in arrays cannot grow by struct_size alone: rows of attributes and
 *     in-place pairs carry their size in the definition; fmp_spec, fmp_view and fmp_attr
 *     have reserved words, which are zero, and sizes that the entry states.
 *   - `reserved` fields are zero.
 *
 * Who owns what. Text and arrays that a definition points to are copied by add_*;
 * functions and `data` are kept, since a plugin is never unloaded. What a callback is
 * handed is borrowed until it returns. Text is UTF-8. Failure texts are cut after 2047
 * bytes; whoever calls puts layer and op in front.
 *
 * A plugin MUST NOT abort, exit or longjmp, and MUST NOT let a C++ exception leave one
 * of its functions.
 */
#ifndef FMP_PLUGIN_H
#define FMP_PLUGIN_H

#include "fmp/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI version of this header. Another major version is refused. A plugin's entry states the
 * *least* minor version that it needs, which is 0 unless its author defines FMP_NEEDS_MINOR before
 * this header is included: built today, it loads into every engine that has what it uses. */
#define FMP_ABI_MAJOR 1u
#define FMP_ABI_MINOR 0u
#ifndef FMP_NEEDS_MINOR
#define FMP_NEEDS_MINOR 0u
#endif

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

/* Does the other side's struct have a field that was added after minor version 0?
 *   if (FMP_HAS(call, fmp_call, threads)) ...
 * Does the engine lend a function that was?  if (FMP_HOST_HAS(h, op_attr)) ... */
#define FMP_HAS(struct_pointer, type, field) \
  ((struct_pointer)->struct_size >= FMP_SIZE_UNTIL(type, field))
#define FMP_HOST_HAS(h, function) (FMP_HAS(h, fmp_host, function) && (h)->function)

/* A set of data types: FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64). FMP_ANY_DTYPE: all types of this
 * header. Types that are added later are not among them: a kernel that was built before cannot know
 * how large their elements are. */
#define FMP_BIT(dtype) (UINT64_C(1) << (dtype))
#define FMP_ANY_DTYPE  (FMP_BIT(FMP_DTYPE_COUNT) - FMP_BIT(FMP_F32))

typedef struct fmp_host fmp_host;         /* the engine's functions, at the end */
typedef struct fmp_registry fmp_registry; /* what load() fills */
typedef struct fmp_op fmp_op;             /* a registered op */
typedef struct fmp_builder fmp_builder;   /* emits ops: gradients and rewrites */
typedef struct fmp_saved fmp_saved;       /* the attributes of a saved node */
typedef struct fmp_sink fmp_sink;         /* takes the bytes of a saved resource */

/* Names of ops, resources and rewrites are identifiers, of at most 63 characters. A
 * vendor's may carry a prefix with a dot, "acme.mish", which no plugin of ours will ever
 * take: Lua then has fmp.ops.acme.mish. Names of each kind are unique: a plugin that brings one
 * which is taken is refused as a whole, and those that came before stay. Plugins of the
 * installation come before those of FMP_PLUGIN_PATH. */

/* -- ops ------------------------------------------------------------------- */

/* One attribute of an op or resource: a row of a table, from which checking,
 * defaults, hashing, saving, Lua arguments and documentation all follow. */
typedef struct fmp_attr_def {
  const char *name;
  uint32_t kind;       /* FMP_ATTR_* */
  uint32_t offset;     /* into the params struct; see FMP_ATTR_* for the field's type */
  uint32_t field_size; /* sizeof(field): a field of another size than the kind's is refused */
  uint32_t reserved;
  /* The default as text: "0.333", "true", "same", "f32", "[1,1]", "[]" for an empty
   * list. NULL: the attribute must be given. A resource has no default. */
  const char *default_text;
  /* What is allowed, or NULL for anything. Strings: "same|valid|explicit".
   * Numbers, and each element of a list: "[1,)", "(0,1]", "[-1,8)". NaN is never allowed.
   * Infinity is allowed where a bound is left out, as in "[0,)", but not by "[0,inf)". */
  const char *allowed;
  const char *doc;
} fmp_attr_def;

/* One row: FMP_ATTR(struct conv_params, stride, FMP_ATTR_I64S, "[1,1]", "[1,)", "..."). */
/* clang-format off */
#define FMP_ATTR(type, field, kind, default_text, allowed, doc)                  \
  { #field, (kind), (uint32_t)offsetof(type, field),                             \
    (uint32_t)sizeof(((type *)0)->field), 0, (default_text), (allowed), (doc) }
/* clang-format on */

/* fmp_op_def.flags */
enum {
  FMP_OP_EFFECT = 1, /* acts beyond its outputs: never dropped, kept in program order */
  FMP_OP_RANDOM = 2, /* draws by fmp_call.rng: never merged with an equal op */
  FMP_OP_HOST = 4    /* runs on the host: splits a captured graph */
};

/* Precision class: what casting to bf16 may do to an op's inputs. */
enum {
  FMP_PRECISION_FOLLOW = 0, /* computes in whatever type its inputs have */
  FMP_PRECISION_LOW = 1,    /* gains from bf16 inputs: matrix products, convolutions */
  FMP_PRECISION_F32 = 2     /* must see f32: losses, optimizers */
};

/* Roles: what the engine itself needs ops for. It asks for a role, never for a name; an op claims
 * one when it is registered, and is refused if its schema or attributes are not those below (names
 * of inputs are free). The first claim stands. */
enum {
  FMP_ROLE_NONE = 0,
  FMP_ROLE_ACCUMULATE = 1, /* (a, b) -> (y): y = a + b, equal specs */
  FMP_ROLE_FILL = 2,       /* (like~) -> (y), attribute value: f64; y has like's spec */
  FMP_ROLE_CAST = 3,       /* (x) -> (y), attribute dtype: dtype */
  FMP_ROLE_COPY = 4,       /* (x) -> (y): y = x, contiguous; its kernels take strides */
  FMP_ROLE_COUNT = 5
};

/* A value, that is an input or output of an op, as gradients and rewrites name it; 0: absent. */
typedef uint32_t fmp_value;

/* What an op's functions are told; the first fields are the same in each. Inputs have been checked
 * against the schema, attributes against their table. */
typedef struct fmp_infer_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data; /* fmp_op_def.data */
  const fmp_op *op; /* for host->op_attr and op_name */
  const void *params;
  const fmp_spec *in;
  fmp_spec *out; /* all zero: to be filled */
  uint32_t n_in, n_out;
} fmp_infer_args;

typedef struct fmp_gradient_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  const fmp_op *op;
  const void *params;
  fmp_builder *builder;
} fmp_gradient_args;

typedef struct fmp_alias_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  const fmp_op *op;
  const void *params;
  const fmp_view *in;
  fmp_view *out; /* a copy of *in with the output's dtype, rank and shape */
} fmp_alias_args;

typedef struct fmp_flops_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  const fmp_op *op;
  const void *params;
  const fmp_spec *in, *out;
  uint32_t n_in, n_out;
} fmp_flops_args;

typedef struct fmp_upgrade_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  const fmp_op *op;
  fmp_saved *saved; /* for host->saved_get and saved_set */
  uint32_t version; /* of the op that saved it: oldest_version .. version - 1 */
  uint32_t reserved;
} fmp_upgrade_args;

/* An op: what goes in, what comes out, how shapes follow, how it differentiates.
 *
 * schema: "(x, w, b?) -> (y, argmax?)". Marks behind a name:
 *   ?    may be absent. An input: its spec has dtype FMP_NONE and its view no data.
 *        An output: its view has no data where nobody reads it.
 *   !    the op writes this input in place; it arrives as it is, never a copy. The engine
 *        refuses a call in which its memory overlaps that of another input whose data the
 *        op sees.
 *   ~    only the spec is read, never the data, so its memory need not be kept.
 *   ...  the last inputs only: they repeat in turn, once or more.
 * Several marks may stand together: "m?!". "(lr, w!..., m?!..., g...) -> ()" is called
 * with lr, w1, m1, g1, w2, m2, g2 and so on; its functions see these inputs in this
 * order, their true number as n_in, and an absent m in its place. */
typedef struct fmp_op_def {
  size_t struct_size;
  const char *name;
  const char *schema;
  const char *doc;    /* first line: a summary; then formula, shapes, source */
  uint32_t version;   /* raised when graphs saved with an older one would mean something else */
  uint32_t flags;     /* FMP_OP_* */
  uint32_t precision; /* FMP_PRECISION_* */
  uint32_t role;      /* FMP_ROLE_* */
  const fmp_attr_def *attrs;
  uint32_t n_attr;
  uint32_t attr_size;   /* sizeof(fmp_attr_def), so that rows may grow */
  uint32_t params_size; /* size of the params struct; 0 without attributes */
  /* The oldest version whose saved nodes it still runs; 0: only its own. A node that was saved with
   * an older or a newer version is refused. */
  uint32_t oldest_version;
  const void *data; /* handed to the functions below, so that one function can serve many ops */

  /* [any-thread] Fills out[0..n_out) from in[0..n_in), or fails, saying what was expected and what
   * came. It sees only specs, and depends on nothing else but resources. */
  fmp_status (*infer)(const fmp_infer_args *args);

  /* [any-thread] Emits the ops that compute d(loss)/d(input i) for each i that wants it, and
   * hands each to host->grad_set, once: an input that is wanted and was not set is an error.
   * NULL: not differentiable. Failures of emit stick to the builder, so nothing needs to be checked
   * in between. */
  fmp_status (*gradient)(const fmp_gradient_args *args);
  /* Names of all ops that gradient may emit, separated by spaces: "mul neg sum_to".
   * A plugin that names an op which no plugin brings is refused. */
  const char *gradient_ops;

  /* [any-thread] An op whose output is another view of input 0's memory (reshape,
   * transpose, slice) sets it here and needs no kernel: *out has out's spec; set data and
   * strides. FMP_EUNSUPPORTED: not possible with these strides; the engine then copies the
   * input and asks again. NULL: the op is run by a kernel. */
  fmp_status (*alias)(const fmp_alias_args *args);

  /* [any-thread] Floating-point operations of one run, a multiplication and an
   * addition counting as two; profiles divide this by the time. NULL: not counted. */
  double (*flops)(const fmp_flops_args *args);

  /* [any-thread] Brings the attributes of a node that an older version saved up to this version's
   * table, as texts by name. NULL: they are the same. Files are hostile: any text may come. */
  fmp_status (*upgrade)(const fmp_upgrade_args *args);
} fmp_op_def;

/* The four fields of a definition that has attributes:
 *   .name = "swish", FMP_PARAMS(struct swish_params, swish_attrs), ...  (C; the table is an array)
 */
#define FMP_PARAMS(type, table)                                             \
  .attrs = (table), .n_attr = (uint32_t)(sizeof(table) / sizeof(*(table))), \
  .attr_size = (uint32_t)sizeof(fmp_attr_def), .params_size = (uint32_t)sizeof(type)

/* -- kernels --------------------------------------------------------------- */

/* What a kernel is chosen and prepared for: one op with its attributes and specs. A kernel of the
 * op's own plugin reads the op's params struct; any other asks for attributes by name, with
 * host->op_attr(op, params, "stride", &attr). */
typedef struct fmp_kernel_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data; /* fmp_kernel_def.data */
  const fmp_op *op;
  const void *params;
  const fmp_spec *in, *out;
  uint32_t n_in, n_out;
  void *device;    /* as the backend's open() made it */
  void *stream;    /* the one that run() will get, or one like it; it has been entered */
  int32_t threads; /* the most that parallel loops of run() will have */
  int32_t reserved;
} fmp_kernel_args;

typedef struct fmp_release_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *state;
} fmp_release_args;

/* A pair (input, output) that may share memory: element i of the output is written only
 * after all reads of element i of the input. Used only where the input is contiguous and
 * both have equally many elements of equal size. */
typedef struct fmp_inplace {
  uint32_t in, out;
} fmp_inplace;

/* fmp_kernel_def.flags */
enum {
  FMP_KERNEL_STRIDED = 1, /* takes inputs of any strides, which may be 0 or negative;
                             otherwise they come contiguous */
  FMP_KERNEL_WIDENS = 2,  /* computes in f32 what is narrower: no faster than f32 would be */
  FMP_KERNEL_NONDETERMINISTIC = 4 /* bits may differ from run to run. Without it: equal inputs,
                                     params, draws and numbers of threads give equal bits */
};

/* The key of one random op's draws. All randomness is a pure function of it and
 * of the indices of sample and draw: see kit/philox.h. */
typedef struct fmp_rng {
  size_t struct_size;
  uint64_t seed;
  uint64_t node;        /* which op of the program: hash of scope path and ordinal */
  const uint64_t *step; /* one number in the device's memory; a plan advances it */
} fmp_rng;

/* One run of a kernel. */
typedef struct fmp_call {
  size_t struct_size;
  const fmp_host *host;
  const void *data; /* fmp_kernel_def.data */
  const fmp_op *op;
  const void *params;
  void *device; /* the backend's own */
  void *stream; /* the backend's own */
  const void *state;
  const fmp_view *in; /* borrowed for this call, as are params, state and scratch */
  const fmp_view *out;
  uint32_t n_in;
  uint32_t n_out;
  void *scratch;      /* in the device's memory */
  const fmp_rng *rng; /* NULL unless the op is FMP_OP_RANDOM */
  int32_t threads;    /* how many parallel_for may use: workers have numbers below it */
  int32_t reserved;
  /* What runs, "net.conv1: conv2d": for failures that a device finds after run() has returned. It
   * stays for as long as the process lives. */
  const char *where;
} fmp_call;

/* A kernel computes one op on one backend. Of those that agree, the one with the highest priority
 * is taken, once per node; plain-loop references have priority 0. Outputs are always contiguous;
 * they never overlap inputs, except for in-place pairs. */
typedef struct fmp_kernel_def {
  size_t struct_size;
  const char *op;      /* either side may be registered later, by another plugin; */
  const char *backend; /* "*" as op: whatever has no other kernel on this backend */
  const char *name;    /* "ref", "avx512", "onednn": for --explain and profiles */
  /* Set of FMP_BIT: the type of each input that is present and whose data is read must be in it.
   * For an op that reads none: the types that the kernel makes. */
  uint64_t dtypes;
  int32_t priority;
  uint32_t flags; /* FMP_KERNEL_* */
  const fmp_inplace *inplace;
  uint32_t n_inplace;
  uint32_t inplace_size; /* sizeof(fmp_inplace); 0 without pairs */
  const void *data;      /* handed to the functions below */

  /* [any-thread] Non-zero if this kernel can do it. NULL: whatever dtypes allows. */
  int32_t (*supports)(const fmp_kernel_args *args);
  /* [any-thread] Makes what every run() needs, once per node of a plan, and anew if the number of
   * threads changes. NULL: no state. */
  fmp_status (*prepare)(const fmp_kernel_args *args, void **state);
  /* [any-thread] Called once for every *state that a successful prepare() has made, when there will
   * be no run with it any more: when its plan is freed, when the thread that ran the op by itself
   * ends, or as the process exits. Work that run() has enqueued may still be queued. Never in a
   * process that was forked since. */
  void (*release)(const fmp_release_args *args);
  /* [any-thread] Bytes of scratch memory that each run() is lent, 64-byte aligned. */
  size_t (*scratch)(const fmp_kernel_args *args, const void *state);
  /* [stream] Enqueues the work. It never allocates and never blocks on the device. */
  fmp_status (*run)(const fmp_call *call);
} fmp_kernel_def;

/* A stretch [begin, end) of a parallel loop. No two stretches that run at the same time have the
 * same worker, so scratch memory can be divided by it. */
typedef struct fmp_range {
  size_t struct_size;
  void *arg;
  int64_t begin, end;
  int32_t worker; /* 0 .. fmp_call.threads - 1 */
  int32_t reserved;
} fmp_range;

typedef fmp_status (*fmp_range_fn)(const fmp_range *range);

/* -- backends -------------------------------------------------------------- */

/* fmp_backend_def.flags */
enum {
  FMP_BACKEND_HOST = 1 /* its memory is ordinary memory: the host reads and writes it */
};

/* Direction of fmp_backend_def.copy. */
enum {
  FMP_COPY_TO_DEVICE = 0, /* the source may be reused as soon as the call returns: a backend that
                             copies later does so from memory of its own */
  FMP_COPY_TO_HOST = 1,   /* the bytes are there once the stream, or an event that is recorded
                             afterwards, has been waited for */
  FMP_COPY_WITHIN = 2
};

typedef struct fmp_device_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data; /* fmp_backend_def.data */
  void *device;     /* NULL for count and open */
  int32_t index;    /* for open */
  int32_t threads;  /* for threads */
} fmp_device_args;

typedef struct fmp_memory_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *device;
  void *memory; /* for free */
  size_t bytes; /* more than 0; for free as it was for alloc */
} fmp_memory_args;

typedef struct fmp_stream_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *device;
  void *stream;   /* NULL for stream_open */
  int32_t serial; /* for stream_open: it works on the calling thread alone; for worker threads.
                     Never set where there is a stream_wait */
  int32_t reserved;
} fmp_stream_args;

typedef struct fmp_copy_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *device;
  void *stream;
  void *target;
  const void *source;
  size_t bytes;
  int32_t direction; /* FMP_COPY_* */
  int32_t reserved;
} fmp_copy_args;

/* An event is a point in a stream's work. */
typedef struct fmp_event_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *device;
  void *stream; /* for event_record */
  void *event;  /* NULL for event_open */
} fmp_event_args;

typedef struct fmp_capture_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *device;
  void *stream;
  void *graph; /* for graph_launch and graph_free */
} fmp_capture_args;

typedef struct fmp_parallel_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;
  void *device;
  void *stream;
  int64_t n, grain;
  fmp_range_fn body;
  void *arg;
} fmp_parallel_args;

/* A backend: memory, streams and copies of one kind of device; no op code. Memory is bytes: what
 * type they have is the ops' business.
 *
 * Order. A backend without stream_wait has done its work when a call returns; each thread and each
 * plan then has a stream of its own. One with stream_wait works later: the engine opens one stream
 * for each device, which everybody shares, one thread at a time, and its work runs in the order in
 * which it was enqueued. Device memory is freed and handed out again in the order of calls: free()
 * may come while work that uses the memory is still queued, and alloc() may then return it for work
 * that is enqueued later. A backend for which that is not safe waits in free().
 *
 * Fields marked (optional) may be NULL. A failure's status and text reach the caller. */
typedef struct fmp_backend_def {
  size_t struct_size;
  const char *name; /* "cpu", "cuda" */
  const char *doc;
  uint32_t flags; /* FMP_BACKEND_* */
  uint32_t reserved;
  const void *data; /* handed to the functions below */

  /* [any-thread] How many devices there are. (optional: one) */
  fmp_status (*count)(const fmp_device_args *args, int32_t *count);
  /* Opens device `index`: once per process and device, before anything else is done with it, by one
   * thread at a time. */
  fmp_status (*open)(const fmp_device_args *args, void **device);
  /* Closes it when the engine is shut down, which few programs ask for: no memory, stream or work
   * of the device is left by then. (optional) */
  void (*close)(const fmp_device_args *args);

  /* [any-thread] So many bytes of memory, 64-byte aligned, not cleared; FMP_ENOMEM if there is
   * none. */
  fmp_status (*alloc)(const fmp_memory_args *args, void **memory);
  /* [any-thread] Never fails; memory is never NULL. */
  void (*free)(const fmp_memory_args *args);

  /* [any-thread] A stream. (optional: stream NULL) */
  fmp_status (*stream_open)(const fmp_stream_args *args, void **stream);
  /* [stream] Called after all its work has been waited for. */
  void (*stream_close)(const fmp_stream_args *args);
  /* [stream] Called before the engine prepares kernels for the stream or enqueues on it, and
   * afterwards, on the thread that does so: what enter changes about the thread for the sake of
   * libraries, leave puts back. (optional) */
  void (*stream_enter)(const fmp_stream_args *args);
  void (*stream_leave)(const fmp_stream_args *args);
  /* [stream] Waits until all work has been done, whichever thread has enqueued it; nothing is
   * enqueued meanwhile. Work that has failed since the last wait is reported here, with
   * fmp_call.where in front of the text. (optional: work is always done when the call that asked
   * for it returns) */
  fmp_status (*stream_wait)(const fmp_stream_args *args);
  /* [stream] Copies bytes, in one of the directions above. */
  fmp_status (*copy)(const fmp_copy_args *args);

  /* [stream] Runs body over [0, n) in stretches of at least `grain`, on as many threads as the
   * stream has; returns the first failure. (optional: one stretch) */
  fmp_status (*parallel_for)(const fmp_parallel_args *args);
  /* [any-thread] Sets how many threads streams use that are opened or entered from now on; 0 only
   * asks. Returns the number in force. (optional: one) */
  int32_t (*threads)(const fmp_device_args *args);

  /* Abilities of devices that work later, by which the host waits for less. A backend has all of a
   * group or none of it.
   *
   * Events. [stream] event_record marks the end of what has been enqueued so far; an event may be
   * recorded again. [any-thread] event_sync waits for the last mark and not for work behind it, and
   * returns at once if there is none; work that failed before the mark is reported as by
   * stream_wait. (optional) */
  fmp_status (*event_open)(const fmp_event_args *args, void **event);
  void (*event_close)(const fmp_event_args *args);
  fmp_status (*event_record)(const fmp_event_args *args);
  fmp_status (*event_sync)(const fmp_event_args *args);
  /* [any-thread] Memory of the host's that the device reaches by itself: copies to it run while the
   * host does something else. Aligned like alloc's. (optional: ordinary memory will do) */
  fmp_status (*pinned_alloc)(const fmp_memory_args *args, void **memory);
  void (*pinned_free)(const fmp_memory_args *args);
  /* Captures: a plan's work, enqueued in one piece. [stream] From capture_begin to capture_end what
   * run() enqueues is not done but noted; graph_launch then enqueues it, as often as it is called,
   * with the memory and the arguments that the calls had (fmp_rng.seed is one of them). Meanwhile
   * the engine enqueues nothing else and neither allocates nor frees memory of the device's. Every
   * kernel has been run once before, so that what it makes at its first run is there. If a call
   * cannot be noted, it or capture_end fails, nothing of the capture counts, and the engine
   * enqueues the calls one by one from then on. graph_free may come while a launch is queued.
   * (optional) */
  fmp_status (*capture_begin)(const fmp_capture_args *args);
  fmp_status (*capture_end)(const fmp_capture_args *args, void **graph);
  fmp_status (*graph_launch)(const fmp_capture_args *args);
  void (*graph_free)(const fmp_capture_args *args);
} fmp_backend_def;

/* -- resources ------------------------------------------------------------- */

typedef struct fmp_resource_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data;   /* fmp_resource_def.data */
  const void *params; /* valid until close() returns, as are the resources that they hold: a queue
                         may be built on a reader */
  void *state;        /* NULL for open */
} fmp_resource_args;

/* A kind of stateful thing that ops take as an attribute: a reader, a queue. */
typedef struct fmp_resource_def {
  size_t struct_size;
  const char *name; /* "record_reader" */
  const char *doc;
  const fmp_attr_def *attrs; /* what open() is given, as for ops */
  uint32_t n_attr;
  uint32_t attr_size;
  uint32_t params_size;
  uint32_t reserved;
  const void *data; /* handed to the functions below */

  /* [any-thread] */
  fmp_status (*open)(const fmp_resource_args *args, void **state);
  /* [any-thread] Called once, when the last reference is given up, on the thread that does so.
   * Threads of its own must have ended when it returns. Not called in a process that was forked
   * since. */
  void (*close)(const fmp_resource_args *args);
  /* [any-thread] One save or restore of a state at a time, while ops may be using it. Writes all
   * that restore() needs with host->sink_write. (optional: nothing to save) */
  fmp_status (*save)(const fmp_resource_args *args, fmp_sink *sink);
  /* [any-thread] Bytes come from a file: hostile. On failure the state stays as it was. (optional)
   */
  fmp_status (*restore)(const fmp_resource_args *args, const void *bytes, size_t n);
  /* Names of the interfaces that the state serves, separated by spaces: for each, the
   * state begins with the struct which that interface documents. "fmp.source/2": a
   * struct fmp_source of kit/source.h. (optional) */
  const char *interfaces;
} fmp_resource_def;

/* -- rewrites -------------------------------------------------------------- */

/* When a rewrite is tried. */
enum { FMP_REWRITE_BEFORE_GRADIENTS = 0, FMP_REWRITE_AFTER_GRADIENTS = 1 };

typedef struct fmp_rewrite_args {
  size_t struct_size;
  const fmp_host *host;
  const void *data; /* fmp_rewrite_def.data */
  fmp_builder *builder;
} fmp_rewrite_args;

/* Replaces a chain of at most 8 ops by whatever emit() builds in its place. In a chain each op
 * reads output 0 of the one before as its input 0, and nothing else reads any output of the one
 * before. The rewrites of a phase are tried at each node, the one that was registered first before
 * others, pass after pass until none applies: one may build on what another makes. Where they find
 * no end, rewriting ends after 16 passes, or 256 applications and 8 for each node, and a warning
 * names one that still applied; the graph is correct as it stands then. */
typedef struct fmp_rewrite_def {
  size_t struct_size;
  const char *name;
  const char *chain; /* op names, separated by spaces: "conv2d leaky_relu" */
  uint32_t phase;    /* FMP_REWRITE_* */
  uint32_t reserved;
  const void *data; /* handed to emit */
  /* [any-thread] Looks at the match with host->node_*, emits, and hands a replacement for every
   * output of the last op that is read to host->replace. If it hands over nothing, nothing is
   * rewritten here. */
  fmp_status (*emit)(const fmp_rewrite_args *args);
} fmp_rewrite_def;

/* -- what the engine lends ------------------------------------------------- */

struct fmp_host {
  size_t struct_size;
  uint32_t abi_major, abi_minor;

  /* [any-thread] Keeps the text for whoever called on this thread, and returns code. */
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

  /* [load] Stage a definition; all of it is copied except functions and `data`. Nothing is
   * registered unless load() returns FMP_OK. */
  fmp_status (*add_op)(fmp_registry *r, const fmp_op_def *def);
  fmp_status (*add_kernel)(fmp_registry *r, const fmp_kernel_def *def);
  fmp_status (*add_backend)(fmp_registry *r, const fmp_backend_def *def);
  fmp_status (*add_resource)(fmp_registry *r, const fmp_resource_def *def);
  fmp_status (*add_rewrite)(fmp_registry *r, const fmp_rewrite_def *def);

  /* [any-thread] An attribute of the op by its name, from params that were handed over with it: for
   * kernels of another plugin's op. *attr is borrowed as params are. Zero: the op has none of that
   * name. */
  int32_t (*op_attr)(const fmp_op *op, const void *params, const char *name, fmp_attr *attr);
  const char *(*op_name)(const fmp_op *op);

  /* [stream] The backend's parallel loop, for the stream of this call. */
  fmp_status (*parallel_for)(const fmp_call *call, int64_t n, int64_t grain, fmp_range_fn body,
                             void *arg);

  /* [any-thread] The state that open() made, or NULL (and the text kept) if r is
   * neither a resource of that name nor one that serves the interface of that name. Borrowed
   * until the call returns, or as long as a resource lives that has r as an attribute. */
  void *(*resource_state)(const fmp_resource *r, const char *name);
  fmp_status (*sink_write)(fmp_sink *sink, const void *bytes, size_t n);

  /* In upgrade(): the text of a saved attribute, NULL if the node has none of that name; and a new
   * text in its place. A text of NULL removes it, so that the default counts. */
  const char *(*saved_get)(fmp_saved *saved, const char *name);
  fmp_status (*saved_set)(fmp_saved *saved, const char *name, const char *text);

  /* Builders: to be used on the thread that was lent one, until the call returns. Failures stick:
   * after one, emit returns 0, and the engine reports it in the end. To call a function where it
   * does not belong is such a failure. Value 0 as an input: absent. */

  /* Emits an op; returns its output 0. */
  fmp_value (*emit)(fmp_builder *b, const char *op, const fmp_attr *attrs, uint32_t n_attr,
                    const fmp_value *in, uint32_t n_in);
  /* Output i of the op that made v. */
  fmp_value (*output)(fmp_builder *b, fmp_value v, uint32_t i);
  /* The spec of v; dtype FMP_NONE for value 0. */
  void (*spec)(fmp_builder *b, fmp_value v, fmp_spec *spec);

  /* In gradient(): about the op that is differentiated. An input that was written after the op read
   * it can still be used for its spec; if its data is needed, emit fails. */
  uint32_t (*grad_inputs)(fmp_builder *b);            /* how many inputs there are */
  int32_t (*grad_wants)(fmp_builder *b, uint32_t i);  /* is d(loss)/d(input i) needed? */
  fmp_value (*grad_in)(fmp_builder *b, uint32_t i);   /* input i */
  fmp_value (*grad_out)(fmp_builder *b, uint32_t i);  /* output i */
  fmp_value (*grad_dout)(fmp_builder *b, uint32_t i); /* d(loss)/d(output i); 0: none */
  /* To be called once for each input that is wanted. Value 0: the gradient is zero. For an input
   * that is not wanted it does nothing. */
  void (*grad_set)(fmp_builder *b, uint32_t i, fmp_value dx);

  /* In a rewrite: node k of the matched chain, 0 the first. */
  const void *(*node_params)(fmp_builder *b, uint32_t k);
  fmp_value (*node_in)(fmp_builder *b, uint32_t k, uint32_t i);
  void (*replace)(fmp_builder *b, uint32_t output, fmp_value v);
  /* Emits the op of node k again, with its attributes, on other inputs. A random op draws what node
   * k would have drawn. */
  fmp_value (*emit_node)(fmp_builder *b, uint32_t k, const fmp_value *in, uint32_t n_in);
  /* An attribute of node k by its name, for ops of other plugins, whose params struct is nobody
   * else's business; *attr is borrowed until emit() returns. Zero: the op has none of that name. */
  int32_t (*node_attr)(fmp_builder *b, uint32_t k, const char *name, fmp_attr *attr);

  /* [any-thread] FMP_EINTERRUPTED, with the text kept, if the user has asked to stop; this uses the
   * request up. For whatever may take long: reading files, waiting for a thread. */
  fmp_status (*check_interrupt)(void);
};

/* -- the entry ------------------------------------------------------------- */

/* Read before any plugin function runs: the first fields never move. */
typedef struct fmp_plugin {
  size_t struct_size;
  uint32_t abi_major, abi_minor;            /* the least minor version that it needs */
  uint32_t view_size, spec_size, attr_size; /* sizeof(fmp_view) and so on: others are refused */
  uint32_t reserved;
  const char *name, *version, *summary;
  /* [load] Adds all definitions. May keep `h`, which lives as long as the process. */
  fmp_status (*load)(const fmp_host *h, fmp_registry *r);
} fmp_plugin;

extern FMP_EXPORT const fmp_plugin fmp_plugin_entry;

/* Defines the entry:  FMP_PLUGIN("swish", "1.0", "x * sigmoid(x)", load) */
#define FMP_PLUGIN(name, version, summary, load)                   \
  const fmp_plugin fmp_plugin_entry = {sizeof(fmp_plugin),         \
                                       FMP_ABI_MAJOR,              \
                                       FMP_NEEDS_MINOR,            \
                                       (uint32_t)sizeof(fmp_view), \
                                       (uint32_t)sizeof(fmp_spec), \
                                       (uint32_t)sizeof(fmp_attr), \
                                       0,                          \
                                       (name),                     \
                                       (version),                  \
                                       (summary),                  \
                                       (load)}

/* -- checks ---------------------------------------------------------------- */

/* Passes a failed status on to the caller. */
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
