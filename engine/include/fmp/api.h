/* SPDX-License-Identifier: Apache-2.0
 *
 * api.h: what programs call: LuaJIT through its FFI, and C or C++ that embeds the
 * library. Plugins use plugin.h instead.
 *
 * Conventions
 *   - Functions that can fail return fmp_status and put results through their last
 *     pointers, which are set only on FMP_OK. fmp_last_error() has the text.
 *   - new/open hand over one reference; retain adds one, release gives one up.
 *   - `const char *` results are borrowed: until the object goes, or for texts
 *     marked "thread's", until the thread's next call.
 *   - Any function may be called from any thread; one tensor, graph or instance
 *     from one thread at a time. Scopes, recordings and traces belong to the thread
 *     that began them, and end with it at the latest.
 *   - Structs that the caller allocates begin with struct_size: sizeof, as the caller knows the
 *     struct, which is set before the call. The library fills what both know.
 *   - A handle, name or array that is NULL: those that return a status fail with
 *     FMP_EINVAL, others give NULL or 0, or do nothing; where NULL has a meaning, it
 *     is said.
 *   - A process that is forked after a device or resource was opened gets FMP_ESTATE
 *     from whatever would use one.
 *
 * Like types.h, this file is a LuaJIT cdef once lines starting with '#' are dropped.
 */
#ifndef FMP_API_H
#define FMP_API_H

#include "fmp/types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* This header's version; fmp_version() is the library's. Equal major versions, from 1 up: a
 * program that was built against an older one runs with a newer library. */
#define FMP_VERSION_MAJOR 0
#define FMP_VERSION_MINOR 1
#define FMP_VERSION_PATCH 0

typedef struct fmp_device fmp_device;     /* one device of a backend; never closed */
typedef struct fmp_op fmp_op;             /* a registered op; never removed */
typedef struct fmp_tensor fmp_tensor;     /* reference-counted */
typedef struct fmp_graph fmp_graph;       /* a finished trace, immutable, reference-counted */
typedef struct fmp_plan fmp_plan;         /* a graph made ready; immutable, reference-counted */
typedef struct fmp_instance fmp_instance; /* a plan's memory; one caller at a time */

/* -- errors, log, memory --------------------------------------------------- */

const char *fmp_version(void);
/* For leak checkers: gives back all that the library holds for the process and for this thread, and
 * closes devices. All handles are gone by then, and all other threads that used the library have
 * ended; nothing of it may be called afterwards. A process that just ends need not. */
void fmp_shutdown(void);
/* Text of the thread's last failure: "cifar_fmp/3: conv2d: expected ...". Thread's. */
const char *fmp_last_error(void);
/* "FMP_ESHAPE" for 3. */
const char *fmp_status_name(fmp_status status);

/* Messages up to this level go to stderr: 0 errors, 1 warnings (default), 2
 * information, 3 detail. The environment's FMP_LOG sets it at the start, by its number or as
 * error, warning, info or detail. */
void fmp_log_level(int32_t level);

/* Bytes of tensors and of the engine's own objects that are held now, without the small tensors
 * that the calling thread keeps for reuse after their release. */
int64_t fmp_live_bytes(void);
/* The same, tensors' storage alone: what a garbage collector should watch. */
int64_t fmp_tensor_bytes(void);
/* For tests: the engine's allocation number `after` from now (0: the next), host or
 * device, fails once with FMP_ENOMEM; -1: none. Counts the calling thread's alone. */
void fmp_fail_allocation(int64_t after);
/* How many allocations the calling thread has made since its last fmp_fail_allocation. */
int64_t fmp_allocation_count(void);

/* Asks whatever runs to stop with FMP_EINTERRUPTED at the next op. Safe in a signal
 * handler. The request is used up by the call that it stops. */
void fmp_interrupt(void);
/* Forgets a request that nothing has seen yet. */
void fmp_interrupt_clear(void);

/* -- data types and specs -------------------------------------------------- */

const char *fmp_dtype_name(uint32_t dtype);                   /* "f32"; NULL if there is none */
fmp_status fmp_dtype_find(const char *name, uint32_t *dtype); /* suggests the nearest */
int64_t fmp_dtype_size(uint32_t dtype);                       /* bytes; 0 if there is none */
/* "f32 [8,36,36,3]" into text[FMP_SPEC_TEXT]; returns text. */
const char *fmp_spec_text(const fmp_spec *spec, char *text);

/* -- plugins --------------------------------------------------------------- */

typedef struct fmp_plugin_info {
  size_t struct_size;
  const char *name, *version, *summary, *path;
  uint32_t abi_major, abi_minor;
} fmp_plugin_info;

/* Loads one shared object. Refused: FMP_EPLUGIN or FMP_ENOTFOUND, and nothing of it
 * is registered. Loading the same file again is FMP_OK and does nothing. */
fmp_status fmp_plugin_load(const char *path);
/* Loads every fmp_*.so of a directory in order of name; what is refused is logged as a
 * warning and skipped. *loaded (or NULL): how many. A missing directory is an error. */
fmp_status fmp_plugin_scan(const char *directory, int32_t *loaded);
/* Scans the directories of FMP_PLUGIN_PATH (':' between them), then the installed one,
 * found beside this library. Once per process; later calls do nothing. */
fmp_status fmp_plugin_load_default(void);
int32_t fmp_plugin_count(void);
fmp_status fmp_plugin_get(int32_t i, fmp_plugin_info *info);

/* -- ops and their definitions --------------------------------------------- */

typedef struct fmp_op_info {
  size_t struct_size;
  const char *name, *schema, *doc, *plugin, *gradient_ops;
  uint32_t version, oldest_version, flags, precision, role; /* see plugin.h */
  int32_t n_in, n_out, n_attr;                              /* a variadic input counts as one */
  int32_t differentiable;
  int32_t variadic; /* how many inputs at the end repeat in turn; 0: none */
  int32_t alias;
} fmp_op_info;

/* Marks of an input or output, as in the schema. */
enum { FMP_ARG_OPTIONAL = 1, FMP_ARG_WRITTEN = 2, FMP_ARG_SPEC_ONLY = 4, FMP_ARG_VARIADIC = 8 };

typedef struct fmp_arg_info {
  size_t struct_size;
  const char *name;
  uint32_t marks; /* FMP_ARG_* */
} fmp_arg_info;

typedef struct fmp_attr_info {
  size_t struct_size;
  const char *name, *doc, *default_text, *allowed; /* default_text NULL: must be given */
  uint32_t kind;
} fmp_attr_info;

int32_t fmp_op_count(void);
const fmp_op *fmp_op_at(int32_t i); /* in order of registration; NULL beyond the last */
/* FMP_ENOTFOUND with the nearest name. */
fmp_status fmp_op_find(const char *name, const fmp_op **op);
fmp_status fmp_op_describe(const fmp_op *op, fmp_op_info *info);
fmp_status fmp_op_input(const fmp_op *op, int32_t i, fmp_arg_info *info);
fmp_status fmp_op_output(const fmp_op *op, int32_t i, fmp_arg_info *info);
fmp_status fmp_op_attr(const fmp_op *op, int32_t i, fmp_attr_info *info);
/* The op's kernels as text, one per line: "cpu/onednn priority 100 f32 (nn)". Thread's. */
const char *fmp_op_kernels(const fmp_op *op);

/* Makes every choice from now on, in every thread, take these kernels where they take the op:
 * "ref" for all ops that have one of that name, "sigmoid:ref" for one op, or several with commas
 * between them, of which the first that fits counts. NULL: the best again. FMP_ENOTFOUND: no
 * plugin that is loaded has such a kernel. FMP_KERNEL sets it at the start; where that is wrong,
 * every op fails and says so. */
fmp_status fmp_kernel_force(const char *name);
/* From now on, in every thread, kernels are chosen by measuring: where several take an op,
 * each is run a few times on zeros when the op is first made ready for its specs, which takes
 * milliseconds to seconds, and the fastest is taken. References, and ops that are random,
 * write inputs or hold resources, are left out. Choices are read from the file if it is there,
 * and new ones are written to it: when a plan is made, when another file is named or the process
 * ends, and in between; "": kept in memory. NULL: priorities choose again.
 * Choices decide how results are rounded: the same file gives the same bits. Each choice
 * holds for its device and its number of threads. */
fmp_status fmp_autotune(const char *path);
/* Reports each kernel choice as a line on stderr. */
void fmp_kernel_explain(int32_t on);

/* -- devices --------------------------------------------------------------- */

/* "cpu", "cpu:0"; NULL: the thread's default. Opens it at its first use. */
fmp_status fmp_device_find(const char *name, fmp_device **device);
const char *fmp_device_name(const fmp_device *device);
/* Where tensors and ops without inputs go; at first the device that FMP_DEVICE names, or the first
 * in host memory. */
fmp_status fmp_device_default(fmp_device **device);
fmp_status fmp_device_set_default(fmp_device *device); /* NULL: as at first */
/* Waits for all work that any thread has enqueued there. A device may find out only then that an op
 * failed, over the data that it was given: whoever waits first, here or by reading a tensor, gets
 * the failure, with the op and its scope. */
fmp_status fmp_device_wait(fmp_device *device);
enum { FMP_MAX_THREADS = 4096 };
/* Sets how many threads it computes with; 0 asks only. *now: the number in force. */
fmp_status fmp_device_threads(fmp_device *device, int32_t count, int32_t *now);
/* Backends as text, one per line. Thread's. */
const char *fmp_device_list(void);

/* -- tensors --------------------------------------------------------------- */

/* A tensor made inside a recording or trace has a value only in there: when that
 * ends, what was not returned from it is emptied, and using it is FMP_ESTATE. */

/* Not initialised. device NULL: the default. */
fmp_status fmp_tensor_new(fmp_device *device, const fmp_spec *spec, fmp_tensor **t);
/* Copies `bytes` bytes, exactly the size of the spec, row-major. */
fmp_status fmp_tensor_from(fmp_device *device, const fmp_spec *spec, const void *data,
                           int64_t bytes, fmp_tensor **t);
/* Rank 0. */
fmp_status fmp_tensor_number(fmp_device *device, uint32_t dtype, double value, fmp_tensor **t);
/* The same for reading only: it must never be written. Where memory is not the host's, a thread
 * keeps the last ones that it asked for, so that x * 2 copies nothing the second time. */
fmp_status fmp_tensor_constant(fmp_device *device, uint32_t dtype, double value, fmp_tensor **t);
fmp_tensor *fmp_tensor_retain(fmp_tensor *t);
void fmp_tensor_release(fmp_tensor *t);
/* Gives up the memory at once, whoever else holds the handle. */
void fmp_tensor_empty(fmp_tensor *t);

void fmp_tensor_spec(const fmp_tensor *t, fmp_spec *spec);
fmp_device *fmp_tensor_device(const fmp_tensor *t);
/* 0: has a value now; 1: has none until its plan runs (traced); 2: emptied. */
int32_t fmp_tensor_state(const fmp_tensor *t);
/* Copies all elements to or from the host, row-major; `bytes` must be exact. Reading waits for the
 * device; writing has taken the bytes when it returns. FMP_ESTATE for a traced tensor: its value is
 * not known while tracing. */
fmp_status fmp_tensor_read(const fmp_tensor *t, void *data, int64_t bytes);
fmp_status fmp_tensor_write(fmp_tensor *t, const void *data, int64_t bytes);
/* The one element of a tensor of size 1, as a double, as fmp_to_doubles() gives it. */
fmp_status fmp_tensor_item(const fmp_tensor *t, double *value);
/* The same for n tensors of one device, without waiting: the numbers are read in their turn, and
 * fmp_items_wait waits for them and not for work that was enqueued since. It may be called again. A
 * failure of the work before is reported there. Released by the caller, waited for or not. */
enum { FMP_MAX_ITEMS = 64 };
typedef struct fmp_items fmp_items;
fmp_status fmp_items_read(fmp_tensor *const *t, int32_t n, fmp_items **items);
fmp_status fmp_items_wait(fmp_items *items, double *values);
void fmp_items_release(fmp_items *items);
/* Converts n elements in host memory to doubles. Whatever bits a NaN has, a quiet one of positive
 * sign comes out: LuaJIT and others keep values of their own in the bits of the rest. */
fmp_status fmp_to_doubles(uint32_t dtype, const void *elements, int64_t n, double *values);
/* A copy on another device (NULL: the default); the tensor itself if it is there already. */
fmp_status fmp_tensor_to(fmp_tensor *t, fmp_device *device, fmp_tensor **copy);
/* A parameter: what optimizers look for among the tensors that a loss depends on. */
void fmp_tensor_set_parameter(fmp_tensor *t, int32_t on);
int32_t fmp_tensor_is_parameter(const fmp_tensor *t);
/* A name for messages and saved files; copied. */
fmp_status fmp_tensor_set_name(fmp_tensor *t, const char *name);
const char *fmp_tensor_name(const fmp_tensor *t); /* NULL: none */

/* -- emission: every op goes through here ---------------------------------- */

/* Executes the op at once, or inside a trace appends it to the graph; inside a
 * recording both. in[i] NULL: absent. All inputs are on one device. n_in: as the
 * schema says, or the true number for a variadic op, absent ones of its groups among
 * them. out[0..n_out) receives one
 * reference each; n_out at most the op's outputs, 0 allowed. An optional output that
 * is not asked for is not computed. */
fmp_status fmp_emit(const fmp_op *op, const fmp_attr *attrs, int32_t n_attr, fmp_tensor *const *in,
                    int32_t n_in, fmp_tensor **out, int32_t n_out);

/* Name scopes: a path "cifar_fmp/3" in front of errors, node names and random keys. */
fmp_status fmp_scope_push(const char *name);
void fmp_scope_pop(void);
const char *fmp_scope_path(void); /* thread's; "" at the top */

/* -- randomness ------------------------------------------------------------ */

/* The thread's generator: a seed, and a step that each recording, plan run or single random
 * op takes and advances. Draws depend on (seed, step, scope path and ordinal of the op,
 * index). */
void fmp_random_seed(uint64_t seed);
void fmp_random_get(uint64_t *seed, uint64_t *step);
void fmp_random_set(uint64_t seed, uint64_t step);

/* -- recording and gradients ----------------------------------------------- */

/* What the thread does with ops now: 0 runs them, 1 records, 2 traces. */
int32_t fmp_mode(void);
/* Begins to record. Inside of a recording or trace it only counts: the matching
 * end does nothing. */
fmp_status fmp_record_begin(void);
/* Ends; keeps the values of keep[0..n), empties all others. */
void fmp_record_end(fmp_tensor *const *keep, int32_t n);
/* Runs ops outside of what is recorded or traced, until the matching end: for
 * variables that are made on first use. May nest. A recording or trace that was begun
 * outside and goes on at the end is forgotten. */
fmp_status fmp_outside_begin(void);
void fmp_outside_end(void);

/* dx[i] = d(loss)/d(x[i]), emitted as further ops. loss: one element, made inside of
 * the current recording or trace. An x that loss does not depend on gets zeros.
 * FMP_ENOGRAD names the op that has no gradient. FMP_ESTATE: for an earlier call in this trace a
 * rewrite merged the op that made an x with the one that reads it, which that call could have
 * prevented by naming it, too. */
fmp_status fmp_gradients(fmp_tensor *loss, fmp_tensor *const *x, int32_t n, fmp_tensor **dx);
/* The parameters that loss depends on, in order of first use: fills at most `room`,
 * borrowed while the recording lasts; *n is how many there are. */
fmp_status fmp_parameters_of(fmp_tensor *loss, fmp_tensor **parameters, int32_t room, int32_t *n);

/* -- graphs ---------------------------------------------------------------- */

enum {
  FMP_NO_REWRITES = 1,  /* run each op as traced: equal to eager bit for bit */
  FMP_LOW_PRECISION = 2 /* a trace: compute in bf16 where ops gain from it */
};

/* Begins a trace: inputs[i] are tensors without values, of these specs. flags: any of
 * FMP_NO_REWRITES, for its gradients and for its plans, and FMP_LOW_PRECISION: f32 inputs of
 * ops such as convolutions are cast to bf16, while parameters, their gradients, losses and
 * outputs stay f32. Tensors made on the way may then be bf16. */
fmp_status fmp_trace_begin(fmp_device *device, const fmp_spec *specs, int32_t n, uint32_t flags,
                           fmp_tensor **inputs);
/* Ends it; the graph keeps captured tensors by reference. */
fmp_status fmp_trace_end(fmp_tensor *const *outputs, int32_t n, fmp_graph **graph);
/* Ends it and forgets it. */
void fmp_trace_abort(void);
void fmp_graph_retain(fmp_graph *g);
void fmp_graph_release(fmp_graph *g);
int32_t fmp_graph_inputs(const fmp_graph *g);
int32_t fmp_graph_outputs(const fmp_graph *g);
fmp_status fmp_graph_input_spec(const fmp_graph *g, int32_t i, fmp_spec *spec);
fmp_status fmp_graph_output_spec(const fmp_graph *g, int32_t i, fmp_spec *spec);
/* One node per line: name, op, attributes, specs. Thread's. */
const char *fmp_graph_text(const fmp_graph *g);
/* Why the graph holds for its traced batch size only, or NULL if the first dimension
 * of its inputs is open. */
const char *fmp_graph_batch_note(const fmp_graph *g);
/* Notes that it was found to depend on the batch size. */
fmp_status fmp_graph_set_batch_note(fmp_graph *g, const char *why);
/* FMP_OK if both have the same ops, attributes and captured values, whatever their
 * shapes; else FMP_EINVAL and where they differ. */
fmp_status fmp_graph_compare(const fmp_graph *a, const fmp_graph *b);
/* A safetensors file with the captured tensors, and the graph in its metadata. Written
 * aside, synced, renamed. FMP_EUNSUPPORTED: the graph holds a resource. */
fmp_status fmp_graph_save(const fmp_graph *g, const char *path);
fmp_status fmp_graph_load(const char *path, fmp_device *device, fmp_graph **g);

/* -- plans ----------------------------------------------------------------- */

/* Makes a graph ready for inputs of these specs (NULL: those it was traced with). flags:
 * 0 or FMP_NO_REWRITES. */
fmp_status fmp_plan_new(fmp_graph *g, const fmp_spec *specs, int32_t n, uint32_t flags,
                        fmp_plan **plan);
void fmp_plan_retain(fmp_plan *p);
void fmp_plan_release(fmp_plan *p);
int32_t fmp_plan_nodes(const fmp_plan *p);
int64_t fmp_plan_arena_bytes(const fmp_plan *p);
/* One node per line: name, op, kernel, specs, memory. Thread's. */
const char *fmp_plan_text(const fmp_plan *p);
/* serial non-zero: computes on the calling thread alone, where work is done at once. Holds the
 * plan, or one of its own where the plan was made for another number of threads; so it does anew
 * when fmp_device_threads changes that number. */
fmp_status fmp_instance_new(fmp_plan *p, int32_t serial, fmp_instance **instance);
void fmp_instance_release(fmp_instance *instance);
/* Runs once; on a device that works later, enqueues the run. Inputs: specs and device as planned;
 * they may be released at once. Outputs own their memory. Draws use the thread's generator, whose
 * step advances. */
fmp_status fmp_instance_run(fmp_instance *instance, fmp_tensor *const *in, int32_t n_in,
                            fmp_tensor **out, int32_t n_out);

/* -- profiles -------------------------------------------------------------- */

/* From now on each run of a plan, in any thread, measures its nodes, waiting for each to
 * end; 0: no longer. Plans that were measured are kept, with all that they hold, until
 * fmp_profile_clear. */
void fmp_profile(int32_t on);
void fmp_profile_clear(void);

typedef struct fmp_profile_node {
  size_t struct_size;
  const char *scope, *op, *kernel; /* "" for the whole of a plan's run */
  int64_t runs;
  double seconds; /* of all runs together */
  double flops;   /* of one run, as the op counts them; 0: it does not, or the whole */
  double bytes;   /* of one run: each input that is read and each output, once; 0: the whole */
} fmp_profile_node;

/* Plans that were measured, in order of their first run. */
int32_t fmp_profile_plans(void);
/* Node `node` of such a plan, in program order; -1: its runs as a whole, from the first
 * node's start to the last one's end. FMP_END beyond the last. Texts: thread's. */
fmp_status fmp_profile_get(int32_t plan, int32_t node, fmp_profile_node *figures);

/* -- resources ------------------------------------------------------------- */

typedef struct fmp_resource_info {
  size_t struct_size;
  const char *name, *doc, *plugin;
  int32_t n_attr;
} fmp_resource_info;

int32_t fmp_resource_kinds(void);
fmp_status fmp_resource_describe(int32_t kind, fmp_resource_info *info);
fmp_status fmp_resource_attr(int32_t kind, int32_t i, fmp_attr_info *info);
fmp_status fmp_resource_open(const char *name, const fmp_attr *attrs, int32_t n,
                             fmp_resource **resource);
fmp_resource *fmp_resource_retain(fmp_resource *resource);
void fmp_resource_release(fmp_resource *resource);
const char *fmp_resource_name(const fmp_resource *resource);
/* *bytes: thread's, until its next save. */
fmp_status fmp_resource_save(fmp_resource *resource, const void **bytes, int64_t *n);
fmp_status fmp_resource_restore(fmp_resource *resource, const void *bytes, int64_t n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
