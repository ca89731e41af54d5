/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- storages and views ---------------------------------------------------- */

int64_t shape_elements(const shape *s)
{
  int64_t n = 1;
  for (int i = 0; i < s->rank; i++) n *= s->size[i];
  return n;
}

int shape_equal(const shape *a, const shape *b)
{
  return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof a->size[0]) == 0;
}

storage *storage_new(int64_t n)
{
  storage *s = calloc(1, sizeof *s);
  s->references = 1;
  s->n = n;
  s->data = calloc((size_t)n + 1, sizeof *s->data);
  return s;
}

void storage_release(storage *s)
{
  if (!s || --s->references > 0) return;
  free(s->data);
  free(s);
}

static void set_contiguous(view *v)
{
  int64_t stride = 1;
  for (int i = v->shape.rank; i-- > 0;) {
    v->strides[i] = stride;
    stride *= v->shape.size[i] > 0 ? v->shape.size[i] : 1;
  }
}

view view_new(const shape *s)
{
  view v = {.s = storage_new(shape_elements(s)), .shape = *s};
  set_contiguous(&v);
  return v;
}

view view_retain(view v)
{
  if (v.s) v.s->references++;
  return v;
}

void view_release(view *v)
{
  storage_release(v->s);
  v->s = NULL;
}

int view_is_contiguous(const view *v)
{
  view wanted = *v;
  if (shape_elements(&v->shape) == 0) return 1;
  set_contiguous(&wanted);
  for (int i = 0; i < v->shape.rank; i++)
    if (v->shape.size[i] != 1 && v->strides[i] != wanted.strides[i]) return 0;
  return 1;
}

float *view_at(const view *v, int64_t i)
{
  int64_t at = v->offset;
  for (int d = v->shape.rank; d-- > 0;) {
    at += i % v->shape.size[d] * v->strides[d];
    i /= v->shape.size[d];
  }
  return &v->s->data[at];
}

float view_greatest(const view *v)
{
  float greatest = 0;
  for (int64_t i = 0; i < shape_elements(&v->shape); i++)
    greatest = fmaxf(greatest, fabsf(*view_at(v, i)));
  return greatest;
}

/* -- ops ------------------------------------------------------------------- */

shape op_shape(int op, const attributes *a, const shape *in)
{
  shape s = *in;
  switch (op) {
  case SUM: s.rank = 0; break;
  case TRANSPOSE:
    for (int i = 0; i < in->rank; i++) s.size[i] = in->size[in->rank - 1 - i];
    break;
  case SLICE:
    for (int i = 0; i < in->rank; i++) s.size[i] = a->size[i];
    break;
  case RESHAPE: s = a->shape; break;
  default: break;
  }
  return s;
}

static float apply(int op, float x, float y)
{
  switch (op) {
  case NEG: return -x;
  case RELU: return x > 0 ? x : 0;
  case ABS: return fabsf(x);
  case ADD: return x + y;
  case SUB: return x - y;
  case MAXIMUM: return x < y ? y : x;
  case MINIMUM: return x > y ? y : x;
  default: return x;
  }
}

/* An op that makes memory of its own. */
static void compute(int op, const view *in, view *out)
{
  float sum = 0;
  for (int64_t i = 0; i < shape_elements(&in[0].shape); i++) {
    const float x = *view_at(&in[0], i), y = in[1].s ? *view_at(&in[1], i) : 0;
    if (op == SUM)
      sum += x;
    else
      *view_at(out, i) = apply(op, x, y);
  }
  if (op == SUM) *view_at(out, 0) = sum;
}

static void write(int op, const attributes *a, const view *in)
{
  for (int64_t i = 0; i < shape_elements(&in[0].shape); i++)
    *view_at(&in[0], i) += op == INCREMENT ? (float)a->by : -*view_at(&in[1], i);
}

/* The op's own rule for when a new shape is a view: dimensions of 1 do not matter, those that
 * lie behind each other count as one. */
static int reshape_strides(const view *in, view *out)
{
  int64_t n[MOST_RANK], stride[MOST_RANK];
  int left = 0;
  set_contiguous(out);
  if (shape_elements(&in->shape) == 0) return 1;
  for (int i = 0; i < in->shape.rank; i++) {
    if (in->shape.size[i] == 1) continue;
    if (left > 0 && stride[left - 1] == in->strides[i] * in->shape.size[i]) {
      n[left - 1] *= in->shape.size[i];
      stride[left - 1] = in->strides[i];
      continue;
    }
    n[left] = in->shape.size[i];
    stride[left++] = in->strides[i];
  }
  for (int i = out->shape.rank; i-- > 0;) {
    if (out->shape.size[i] == 1) continue;
    while (left > 0 && n[left - 1] == 1) left--;
    if (left == 0 || n[left - 1] % out->shape.size[i] != 0) return 0;
    out->strides[i] = stride[left - 1];
    n[left - 1] /= out->shape.size[i];
    stride[left - 1] *= out->shape.size[i];
  }
  return 1;
}

static void make_view(int op, const attributes *a, const view *in, view *out)
{
  const int rank = in->shape.rank;
  *out = view_retain(*in);
  out->shape = op_shape(op, a, &in->shape);
  if (op == TRANSPOSE)
    for (int i = 0; i < rank; i++) out->strides[i] = in->strides[rank - 1 - i];
  if (op == SLICE)
    for (int i = 0; i < rank; i++) {
      if (shape_elements(&out->shape) > 0) out->offset += a->start[i] * in->strides[i];
      out->strides[i] = out->shape.size[i] > 1 ? a->step[i] * in->strides[i] : 1;
    }
  if (op != RESHAPE || reshape_strides(in, out)) return;
  view_release(out); /* no view: a copy */
  const shape s = a->shape;
  *out = view_new(&s);
  out->s->fixed = in->s->fixed; /* the engine's may be strided otherwise, and be a view */
  for (int64_t i = 0; i < shape_elements(&s); i++) *view_at(out, i) = *view_at(in, i);
}

int op_run(int op, const attributes *a, const view *in, view *out)
{
  *out = (view){0};
  if (op == TRANSPOSE || op == SLICE || op == RESHAPE) {
    make_view(op, a, in, out);
    out->s->unknown |= in->s->unknown;
    return 1;
  }
  if (op == INCREMENT || op == SGD) {
    write(op, a, in);
    in[0].s->unknown |= op == SGD && in[1].s->unknown;
    return view_greatest(&in[0]) <= LARGEST;
  }
  const shape s = op_shape(op, a, &in[0].shape);
  *out = view_new(&s);
  compute(op, in, out);
  out->s->unknown = in[0].s->unknown | (in[1].s ? in[1].s->unknown : 0);
  return view_greatest(out) <= LARGEST;
}

/* -- gradients ------------------------------------------------------------- */

/* d(loss)/d(value), by value, contiguous; NULL: none. */
typedef struct sweep {
  const program *p;
  const view *views;
  float *grads[MOST_VALUES];
} sweep;

static float *grad_of(sweep *s, int v)
{
  if (!s->grads[v])
    s->grads[v] = calloc((size_t)shape_elements(&s->p->values[v].shape) + 1, sizeof(float));
  return s->grads[v];
}

/* Which element of x is element i of a view that the op makes of it? */
static int64_t source_of(const instruction *k, const shape *x, const shape *y, int64_t i)
{
  int64_t at[MOST_RANK] = {0}, source = 0;
  for (int d = y->rank; d-- > 0;) {
    at[d] = i % y->size[d];
    i /= y->size[d];
  }
  for (int d = 0; d < x->rank; d++) {
    const int64_t p = k->op == TRANSPOSE ? at[x->rank - 1 - d]
                                         : k->attributes.start[d] + at[d] * k->attributes.step[d];
    source = source * x->size[d] + p;
  }
  return source;
}

static int first_is_chosen(int op, float x, float y) { return op == MAXIMUM ? !(x < y) : !(x > y); }

static void add_back(sweep *s, const instruction *k, int64_t i, float dy)
{
  const shape *x = &s->p->values[k->in[0]].shape, *y = &s->p->values[k->out].shape;
  float *dx = grad_of(s, k->in[0]);
  const view *in = &s->views[k->in[0]];
  switch (k->op) {
  case NEG: dx[i] -= dy; break;
  case RELU: dx[i] += *view_at(in, i) > 0 ? dy : 0; break;
  case ABS: dx[i] += *view_at(in, i) > 0 ? dy : *view_at(in, i) < 0 ? -dy : 0; break;
  case ADD:
  case SUB:
    dx[i] += dy;
    grad_of(s, k->in[1])[i] += k->op == ADD ? dy : -dy;
    break;
  case MAXIMUM:
  case MINIMUM:
    if (first_is_chosen(k->op, *view_at(in, i), *view_at(&s->views[k->in[1]], i)))
      dx[i] += dy;
    else
      grad_of(s, k->in[1])[i] += dy;
    break;
  case SUM:
    for (int64_t e = 0; e < shape_elements(x); e++) dx[e] += dy;
    break;
  case TRANSPOSE:
  case SLICE: dx[source_of(k, x, y, i)] += dy; break;
  default: dx[i] += dy; break; /* COPY, RESHAPE */
  }
}

/* Unknown if it passes through another gradient, about which nothing is known here, or is too
 * large.
 */
static view view_of_gradient(const program *p, int n, const run *r)
{
  const instruction *g = &p->instructions[n];
  sweep s = {.p = p, .views = r->views};
  int good = 1;
  if (shape_elements(&p->values[g->in[0]].shape) == 1) grad_of(&s, g->in[0])[0] = 1;
  for (int k = n; k-- > 0;) {
    const instruction *i = &p->instructions[k];
    if (i->out < 0 || !s.grads[i->out]) continue;
    if (i->op == GRADIENT) good = 0;
    for (int64_t e = 0; good && e < shape_elements(&p->values[i->out].shape); e++)
      if (s.grads[i->out][e] != 0) add_back(&s, i, e, s.grads[i->out][e]);
  }
  view out = view_new(&p->values[g->in[1]].shape);
  for (int64_t e = 0; e < shape_elements(&out.shape); e++)
    *view_at(&out, e) = s.grads[g->in[1]] ? s.grads[g->in[1]][e] : 0;
  for (int v = 0; v < p->n_values; v++) free(s.grads[v]);
  out.s->unknown = !good || view_greatest(&out) > LARGEST;
  return out;
}

/* -- programs -------------------------------------------------------------- */

/* The copy that stands for a storage while the program runs. */
static storage *copy_of(run *r, storage *original)
{
  for (int i = 0; i < r->n; i++)
    if (r->originals[i] == original) return r->copies[i];
  storage *copy = storage_new(original->n);
  memcpy(copy->data, original->data, (size_t)original->n * sizeof *copy->data);
  copy->unknown = original->unknown;
  r->originals[r->n] = original;
  r->copies[r->n++] = copy;
  return copy;
}

static int any_unknown(const run *r, int n)
{
  for (int v = 0; v < n; v++)
    if (r->views[v].s && r->views[v].s->unknown) return 1;
  return 0;
}

static int run_one(const program *p, int k, run *r)
{
  const instruction *i = &p->instructions[k];
  const view in[2] = {r->views[i->in[0]], i->in[1] >= 0 ? r->views[i->in[1]] : (view){0}};
  view out = {0};
  int good = 1;
  if (i->op == GRADIENT) {
    out = view_of_gradient(p, k, r);
    out.s->unknown |= p->writes || any_unknown(r, i->out);
  } else {
    good = op_run(i->op, &i->attributes, in, &out);
  }
  if (i->out >= 0)
    r->views[i->out] = out;
  else
    view_release(&out);
  return good;
}

int program_run(const program *p, const view *given, run *r)
{
  memset(r, 0, sizeof *r);
  r->n_values = p->n_values;
  for (int v = 0; v < p->n_values; v++) {
    if (p->values[v].from == FROM_OP) continue;
    r->views[v] = given[v];
    r->views[v].s = copy_of(r, given[v].s);
    r->views[v].s->references++;
  }
  for (int k = 0; k < p->n_instructions; k++)
    if (!run_one(p, k, r)) return 0;
  return 1;
}

void run_end(run *r, int commit)
{
  for (int v = 0; v < r->n_values; v++) view_release(&r->views[v]);
  for (int i = 0; i < r->n; i++) {
    storage *from = r->copies[i], *to = r->originals[i];
    if (commit) memcpy(to->data, from->data, (size_t)to->n * sizeof *to->data);
    if (commit) to->unknown = from->unknown;
    storage_release(from);
  }
}
