/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a graph: a trace is begun with the inputs' specs, captured tensors are read, each node is
 * emitted, the trace is ended. So there is one way to make a graph, and what a file says is checked
 * by what checks a program.
 *
 * What is trusted of the file: nothing. Its numbers of values are indices into `values`, each is
 * checked against n_values and must have been made exactly once before it is used. All memory is
 * bounded by the JSON's own size, which has been bounded before (base/json.h), and by tensors that
 * are really there. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "define/spec.h"
#include "emit/emit.h"
#include "emit/record.h"
#include "file/graph_file.h"
#include "file/safetensors.h"
#include "file/upgrade.h"
#include "fmp/api.h"
#include "graph/scope.h"

/* A graph on its way from a file back into a trace of this thread. */
typedef struct loading {
  const fmp__safetensors *file;
  const json_t *json; /* the graph; see graph_file.h */
  fmp_device *device;
  json_t *inputs, *captures, *nodes, *outputs; /* arrays of json */
  fmp_tensor **values; /* by the file's number: handles, owned; NULL: not made yet */
  int64_t n_values;    /* the largest number that a value can have */
  unsigned char *used; /* by tensor of the file: it has been captured */
} loading;

/* -- the parts of the graph ------------------------------------------------ */

/* The format's number is raised when an older library would misread a graph, and only then. */
static fmp_status check_format(const loading *l)
{
  json_t *format;
  FMP_TRY(fmp__json_get(l->json, "format", JSON_INTEGER, &format));
  if (json_integer_value(format) == FMP__GRAPH_FORMAT) return FMP_OK;
  return fmp__fail(FMP_EUNSUPPORTED,
                   "the graph has format %" JSON_INTEGER_FORMAT ", this library reads %d",
                   json_integer_value(format), FMP__GRAPH_FORMAT);
}

/* Every value is an input, a capture, or listed as an output of a node, so their sum bounds the
 * numbers. Absent outputs are counted too; a few numbers stay unused then. */
static fmp_status count_values(loading *l)
{
  size_t i;
  json_t *node, *out;
  l->n_values = (int64_t)json_array_size(l->inputs) + (int64_t)json_array_size(l->captures);
  json_array_foreach(l->nodes, i, node)
  {
    const fmp_status status = fmp__json_get(node, "out", JSON_ARRAY, &out);
    if (status != FMP_OK) return fmp__fail_in(status, "node %zu", i + 1);
    l->n_values += (int64_t)json_array_size(out);
  }
  return FMP_OK;
}

/* The five parts that a graph has; what they hold is looked at when its turn comes. */
static fmp_status take_apart(loading *l)
{
  FMP_TRY(check_format(l));
  FMP_TRY(fmp__json_get(l->json, "inputs", JSON_ARRAY, &l->inputs));
  FMP_TRY(fmp__json_get(l->json, "captures", JSON_ARRAY, &l->captures));
  FMP_TRY(fmp__json_get(l->json, "nodes", JSON_ARRAY, &l->nodes));
  FMP_TRY(fmp__json_get(l->json, "outputs", JSON_ARRAY, &l->outputs));
  FMP_TRY(count_values(l));
  l->values = fmp__alloc_zeroed((size_t)l->n_values + 1, sizeof *l->values);
  l->used = fmp__alloc_zeroed(l->file->n + 1, 1);
  return l->values && l->used ? FMP_OK : fmp__no_memory("a graph's values");
}

/* Values are released after the trace has ended or been aborted, so most handles are the last by
 * then. */
static void let_go(loading *l)
{
  for (int64_t v = 1; l->values && v <= l->n_values; v++) fmp_tensor_release(l->values[v]);
  fmp__free(l->values);
  fmp__free(l->used);
}

/* -- values ---------------------------------------------------------------- */

/* The handle of a value that was made before; NULL for 0, if it may be absent. */
static fmp_status get_value(const loading *l, const json_t *json, int optional, fmp_tensor **t)
{
  int64_t v;
  FMP_TRY(fmp__json_number(json, l->n_values, &v));
  *t = l->values[v];
  if (*t || (v == 0 && optional)) return FMP_OK;
  return fmp__fail(FMP_EDATA, "value %" PRId64 " has not been made yet", v);
}

/* Takes over t in any case. */
static fmp_status set_value(loading *l, int64_t v, fmp_tensor *t)
{
  if (v > 0 && !l->values[v]) {
    l->values[v] = t;
    return FMP_OK;
  }
  fmp_tensor_release(t);
  return fmp__fail(FMP_EDATA, "expected a new value, got number %" PRId64 "%s", v,
                   v > 0 ? ", which exists already" : "");
}

/* -- inputs ---------------------------------------------------------------- */

/* A spec that no tensor can have is the file's fault, whatever fmp__spec_check calls it. */
static fmp_status get_input_spec(const json_t *json, fmp_spec *spec)
{
  const char *dtype;
  FMP_TRY(fmp__json_get_text(json, "dtype", &dtype));
  FMP_TRY(fmp_dtype_find(dtype, &spec->dtype));
  FMP_TRY(fmp__json_get_shape(json, spec));
  return fmp__spec_check(spec) == FMP_OK ? FMP_OK : FMP_EDATA;
}

static fmp_status get_input_specs(const loading *l, fmp_spec *specs)
{
  size_t i;
  json_t *json;
  json_array_foreach(l->inputs, i, json)
  {
    const fmp_status status = get_input_spec(json, &specs[i]);
    if (status != FMP_OK) return fmp__fail_in(status, "input %zu", i + 1);
  }
  return FMP_OK;
}

static uint32_t trace_flags(const loading *l)
{
  return json_is_false(json_object_get(l->json, "rewrites")) ? FMP_NO_REWRITES : 0;
}

/* Begins the trace. On failure fmp_trace_begin has released the inputs, so they are not ours to
 * drop. */
static fmp_status begin(loading *l)
{
  const size_t n = json_array_size(l->inputs);
  fmp_spec *specs = fmp__alloc_zeroed(n + 1, sizeof *specs);
  if (!specs) return fmp__no_memory("a graph's inputs");
  fmp_status status = get_input_specs(l, specs);
  if (status == FMP_OK)
    status = fmp_trace_begin(l->device, specs, (int32_t)n, trace_flags(l), l->values + 1);
  if (status != FMP_OK) memset(l->values, 0, (n + 1) * sizeof *l->values); /* none are ours */
  fmp__free(specs);
  return status;
}

/* -- captures -------------------------------------------------------------- */

/* Each tensor of the file serves one capture: shared, a write to one would show in the other. */
static fmp_status find_tensor(loading *l, const char *name, const fmp__stored **stored)
{
  *stored = fmp__safetensors_find(l->file, name);
  if (!*stored) return fmp__fail(FMP_EDATA, "the file has no tensor '%s'", name);
  unsigned char *used = &l->used[*stored - l->file->tensors];
  if (*used) return fmp__fail(FMP_EDATA, "tensor '%s' is captured twice", name);
  *used = 1;
  return FMP_OK;
}

/* A name that was made for the file is not the user's, and is left away. */
static fmp_status read_tensor(loading *l, const fmp__stored *stored, fmp_tensor **t)
{
  fmp_tensor *made;
  FMP_TRY(fmp__safetensors_read(l->file, stored, l->device, &made));
  const size_t n = sizeof fmp__capture_prefix - 1;
  const int is_own_name = strncmp(stored->name, fmp__capture_prefix, n) != 0;
  const fmp_status status = is_own_name ? fmp_tensor_set_name(made, stored->name) : FMP_OK;
  if (status == FMP_OK)
    *t = made;
  else
    fmp_tensor_release(made);
  return status;
}

static fmp_status load_capture(loading *l, const json_t *json)
{
  json_t *number;
  int64_t v;
  const char *name;
  const fmp__stored *stored;
  fmp_tensor *t;
  FMP_TRY(fmp__json_get(json, "value", JSON_INTEGER, &number));
  FMP_TRY(fmp__json_number(number, l->n_values, &v));
  FMP_TRY(fmp__json_get_text(json, "tensor", &name));
  FMP_TRY(find_tensor(l, name, &stored));
  FMP_TRY(read_tensor(l, stored, &t));
  return set_value(l, v, t);
}

/* Before the nodes, which read them; their values have any numbers that the file gives them. */
static fmp_status load_captures(loading *l)
{
  size_t i;
  json_t *json;
  json_array_foreach(l->captures, i, json)
  {
    const fmp_status status = load_capture(l, json);
    if (status != FMP_OK) return fmp__fail_in(status, "capture %zu", i + 1);
  }
  return FMP_OK;
}

/* -- nodes: op and attributes ---------------------------------------------- */

/* Version before attributes: those of a version that the op does not know mean nothing to us. */
static fmp_status get_op(const json_t *json, const fmp_op **op, uint32_t *version)
{
  const char *name;
  json_t *saved;
  FMP_TRY(fmp__json_get_text(json, "op", &name));
  FMP_TRY(fmp__json_get(json, "version", JSON_INTEGER, &saved));
  FMP_TRY(fmp_op_find(name, op));
  FMP_TRY(fmp__check_version(*op, json_integer_value(saved)));
  *version = (uint32_t)json_integer_value(saved);
  return FMP_OK;
}

/* names[i] belongs to texts[i]; both borrow from the JSON. */
static fmp_status list_attrs(json_t *attrs, const char **names, const char **texts)
{
  const char *name;
  json_t *value;
  uint32_t n = 0;
  json_object_foreach(attrs, name, value)
  {
    if (!json_is_string(value))
      return fmp__fail(FMP_EDATA, "attribute '%s': expected a text", name);
    names[n] = name;
    texts[n++] = json_string_value(value);
  }
  return FMP_OK;
}

/* One block for both lists. */
static fmp_status make_params(const fmp_op *op, json_t *attrs, void **params)
{
  const size_t n = json_object_size(attrs);
  const char **texts = fmp__alloc_zeroed(2 * n + 1, sizeof *texts);
  if (!texts) return fmp__no_memory("a node's attributes");
  fmp_status status = list_attrs(attrs, texts + n, texts);
  if (status == FMP_OK)
    status = fmp__params_from_text(&op->attrs, texts + n, texts, (uint32_t)n, params);
  fmp__free(texts);
  return status;
}

/* A node of an older version is brought up to date by its op first (upgrade.h). */
static fmp_status get_params(const json_t *json, const fmp_op *op, uint32_t version, void **params)
{
  json_t *saved, *attrs;
  FMP_TRY(fmp__json_get(json, "attrs", JSON_OBJECT, &saved));
  FMP_TRY(fmp__upgrade_attrs(op, version, saved, &attrs));
  const fmp_status status = make_params(op, attrs, params);
  json_decref(attrs);
  return status;
}

/* -- nodes: emission ------------------------------------------------------- */

/* One node as the file has it. */
typedef struct loaded_node {
  const fmp_op *op;
  uint32_t version; /* of the op that saved it */
  const json_t *json;
  json_t *in, *out;  /* arrays of numbers */
  fmp_tensor **args; /* handles: inputs, borrowed, then outputs, owned until they are taken */
} loaded_node;

/* The key of the file replaces the one that was drawn in this trace: the original trace may have
 * drawn keys in vain, for ops that failed or were dropped. */
static fmp_status set_random_key(const loaded_node *n)
{
  const char *text;
  char *end;
  if (!(n->op->def.flags & FMP_OP_RANDOM)) return FMP_OK;
  FMP_TRY(fmp__json_get_text(n->json, "random_key", &text));
  const uint64_t key = strtoull(text, &end, 16);
  if (strlen(text) != 16 || *end)
    return fmp__fail(FMP_EDATA, "expected a random_key of 16 hexadecimal digits, got '%s'", text);
  fmp_graph *g = fmp__graph_now();
  g->nodes[g->n_nodes - 1].random_key = key;
  return FMP_OK;
}

/* Takes over t, which is NULL if the op does not make this output; then the file must not name
 * it. */
static fmp_status take_output(loading *l, const json_t *json, fmp_tensor *t)
{
  int64_t v = 0;
  const fmp_status status = fmp__json_number(json, l->n_values, &v);
  if (status == FMP_OK && t) return set_value(l, v, t);
  fmp_tensor_release(t);
  if (status == FMP_OK && v > 0)
    return fmp__fail(FMP_EDATA, "the op does not make value %" PRId64 " here", v);
  return status;
}

/* After a failure the remaining outputs are released, since nobody else has them. */
static fmp_status take_outputs(loading *l, const loaded_node *n)
{
  fmp_tensor **out = n->args + json_array_size(n->in);
  fmp_status status = FMP_OK;
  for (size_t i = 0; i < json_array_size(n->out); i++) {
    if (status != FMP_OK) {
      fmp_tensor_release(out[i]);
      continue;
    }
    status = take_output(l, json_array_get(n->out, i), out[i]);
    if (status != FMP_OK) status = fmp__fail_in(status, "%s: output %zu", n->op->def.name, i + 1);
  }
  return status;
}

/* fmp__emit takes over params, and leaves no outputs if it fails. */
static fmp_status emit(loading *l, const loaded_node *n)
{
  const size_t n_in = json_array_size(n->in), n_out = json_array_size(n->out);
  void *params;
  for (size_t i = 0; i < n_in; i++) {
    const fmp_status status = get_value(l, json_array_get(n->in, i), 1, &n->args[i]);
    if (status != FMP_OK) return fmp__fail_in(status, "%s: input %zu", n->op->def.name, i + 1);
  }
  fmp_status status = get_params(n->json, n->op, n->version, &params);
  if (status != FMP_OK) return fmp__fail_in(status, "%s", n->op->def.name);
  FMP_TRY(fmp__emit(n->op, params, n->args, (uint32_t)n_in, n->args + n_in, (uint32_t)n_out));
  status = set_random_key(n);
  const fmp_status taken = take_outputs(l, n);
  return status == FMP_OK ? taken : status;
}

/* Scopes are paths of the original program and may have any depth, so they are set and not
 * pushed. */
static fmp_status enter_scope(const json_t *json)
{
  const char *scope;
  FMP_TRY(fmp__json_get_text(json, "scope", &scope));
  if (strlen(scope) >= FMP__SCOPE_PATH)
    return fmp__fail(FMP_EDATA, "expected a scope shorter than %d bytes", (int)FMP__SCOPE_PATH);
  fmp__scope_set(scope);
  return FMP_OK;
}

static fmp_status load_node(loading *l, const json_t *json)
{
  loaded_node n = {.json = json};
  FMP_TRY(enter_scope(json));
  FMP_TRY(get_op(json, &n.op, &n.version));
  FMP_TRY(fmp__json_get(json, "in", JSON_ARRAY, &n.in));
  FMP_TRY(fmp__json_get(json, "out", JSON_ARRAY, &n.out));
  n.args = fmp__alloc_zeroed(json_array_size(n.in) + json_array_size(n.out) + 1, sizeof *n.args);
  if (!n.args) return fmp__no_memory("a node's arguments");
  const fmp_status status = emit(l, &n);
  fmp__free(n.args);
  return status;
}

/* The thread's own scope is put back whatever happens. */
static fmp_status load_nodes(loading *l)
{
  size_t i;
  json_t *json;
  char scope[FMP__SCOPE_PATH];
  fmp_status status = FMP_OK;
  memcpy(scope, fmp_scope_path(), sizeof scope);
  json_array_foreach(l->nodes, i, json)
  {
    status = load_node(l, json);
    if (status == FMP_OK) continue;
    status = fmp__fail_in(status, "node %zu", i + 1);
    break;
  }
  fmp__scope_set(scope);
  return status;
}

/* -- outputs and notes ----------------------------------------------------- */

/* An output must be there: 0, an absent value, is none. */
static fmp_status get_outputs(const loading *l, fmp_tensor **outputs)
{
  size_t i;
  json_t *json;
  json_array_foreach(l->outputs, i, json)
  {
    const fmp_status status = get_value(l, json, 0, &outputs[i]);
    if (status != FMP_OK) return fmp__fail_in(status, "output %zu", i + 1);
  }
  return FMP_OK;
}

/* In the file so that a loaded graph refuses the same memory as the traced one did; see graph.h. */
static fmp_status load_pinned(const loading *l)
{
  size_t i;
  json_t *pinned, *json;
  fmp_graph *g = fmp__graph_now();
  if (!json_object_get(l->json, "pinned")) return FMP_OK;
  FMP_TRY(fmp__json_get(l->json, "pinned", JSON_ARRAY, &pinned));
  json_array_foreach(pinned, i, json)
  {
    fmp_tensor *t;
    const fmp_status status = get_value(l, json, 0, &t);
    if (status != FMP_OK) return fmp__fail_in(status, "pinned %zu", i + 1);
    uint32_t v;
    FMP_TRY(fmp__graph_value(g, t, &v));
    fmp__graph_pin(g, v);
  }
  return FMP_OK;
}

/* Ends the trace if it succeeds, and leaves it to be aborted if it does not. */
static fmp_status end(const loading *l, fmp_graph **g)
{
  const size_t n = json_array_size(l->outputs);
  fmp_tensor **outputs = fmp__alloc_zeroed(n + 1, sizeof *outputs);
  if (!outputs) return fmp__no_memory("a graph's outputs");
  fmp_status status = get_outputs(l, outputs);
  if (status == FMP_OK) status = fmp_trace_end(outputs, (int32_t)n, g);
  fmp__free(outputs);
  return status;
}

/* Of a graph that is said to be open we find out ourselves, when it matters: a file that lies would
 * make plans fail later, in the middle of a run. A note that it is fixed is believed. */
static fmp_status take_note(const loading *l, fmp_graph *g)
{
  const char *batch, *note;
  FMP_TRY(fmp__json_get_text(l->json, "batch", &batch));
  if (strcmp(batch, "open") == 0) return FMP_OK;
  if (strcmp(batch, "fixed") != 0)
    return fmp__fail(FMP_EDATA, "expected 'open' or 'fixed' as 'batch', got '%s'", batch);
  FMP_TRY(fmp__json_get_text(l->json, "batch_note", &note));
  return fmp_graph_set_batch_note(g, note);
}

/* -- the whole ------------------------------------------------------------- */

/* From `begin` on the thread is tracing, and must not be when this returns. */
static fmp_status retrace(loading *l, fmp_graph **g)
{
  fmp_graph *made = NULL;
  FMP_TRY(begin(l));
  fmp_status status = load_captures(l);
  if (status == FMP_OK) status = load_nodes(l);
  if (status == FMP_OK) status = load_pinned(l);
  if (status == FMP_OK) status = end(l, &made);
  if (status != FMP_OK) fmp_trace_abort();
  if (status == FMP_OK) status = take_note(l, made);
  if (status == FMP_OK)
    *g = made;
  else
    fmp_graph_release(made);
  return status;
}

static fmp_status load_json(const fmp__safetensors *file, const json_t *json, fmp_device *device,
                            fmp_graph **g)
{
  loading l = {.file = file, .json = json, .device = device};
  fmp_status status = take_apart(&l);
  if (status == FMP_OK) status = retrace(&l, g);
  let_go(&l);
  return status;
}

static fmp_status load_file(const fmp__safetensors *file, fmp_device *device, fmp_graph **g)
{
  json_t *json;
  const char *text = fmp__safetensors_metadata(file, fmp__graph_key);
  if (!text)
    return fmp__fail(FMP_EDATA, "it contains no graph: its metadata has no '%s'", fmp__graph_key);
  fmp_status status = fmp__json_parse(text, strlen(text), &json);
  if (status != FMP_OK) return fmp__fail_in(status, "%s", fmp__graph_key);
  status = load_json(file, json, device, g);
  json_decref(json);
  return status;
}

/* Texts of the file may be quoted in the message and may hold anything; a message is one line. */
static fmp_status fail_on_one_line(fmp_status status, const char *path)
{
  char text[FMP__ERROR_TEXT];
  (void)fmp__fail_in(status, "%s", path);
  fmp__error_keep(text);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
  fmp__error_restore(text);
  return status;
}

fmp_status fmp_graph_load(const char *path, fmp_device *device, fmp_graph **g)
{
  fmp__safetensors file;
  FMP_TRY(fmp__require(path, "a path"));
  fmp_status status = device ? FMP_OK : fmp_device_default(&device);
  if (status == FMP_OK) status = fmp__safetensors_open(path, &file);
  if (status != FMP_OK) return fail_on_one_line(status, path);
  status = load_file(&file, device, g);
  fmp__safetensors_close(&file);
  return status == FMP_OK ? FMP_OK : fail_on_one_line(status, path);
}
