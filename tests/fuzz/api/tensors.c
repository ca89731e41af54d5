/* SPDX-License-Identifier: Apache-2.0
 * Steps: tensors made, shared, written, emptied and dropped; ops. */
#include "fmp/kit/attr.h"
#include "world.h"

#include <string.h>

static const char *const op_names[N_OPS] = {
    "neg", "relu",      "abs",   "copy",    "add",           "sub", "maximum", "minimum",
    "sum", "transpose", "slice", "reshape", "sdk_increment", "sgd", "gradient"};

/* -- tensors --------------------------------------------------------------- */

static shape random_shape(world *w)
{
  shape s = {.rank = (int)random_of(w, MOST_RANK + 1)};
  for (int i = 0; i < s.rank; i++) s.size[i] = chance(w, 3) ? 0 : 1 + (int64_t)random_of(w, 4);
  return s;
}

static void fill(world *w, const view *v, float *values)
{
  for (int64_t i = 0; i < shape_elements(&v->shape); i++)
    *view_at(v, i) = values[i] = (float)random_of(w, 17) - 8;
}

static void make(world *w)
{
  const shape s = random_shape(w);
  const fmp_spec spec = spec_of(&s);
  view v = view_new(&s);
  float values[MOST_ELEMENTS];
  fmp_tensor *t = NULL;
  fill(w, &v, values);
  note(w, "a tensor of rank %d, %d elements", s.rank, (int)shape_elements(&s));
  if (went_well(w, CALL(w, fmp_tensor_from(NULL, &spec, values, shape_elements(&s) * 4, &t)), 0,
                "fmp_tensor_from"))
    keep(w, handle_new(t, HAS, v));
  else
    view_release(&v);
}

static void share(world *w)
{
  handle *h = w->slots[random_of(w, SLOTS)];
  if (!h) return;
  note(w, "retain #%d", number_of(h));
  fmp_tensor_retain(h->t);
  h->references++;
  keep(w, h);
}

/* In a trace a handle without a value stays what it is. */
static void empty(world *w)
{
  handle *h = w->slots[random_of(w, SLOTS)];
  if (!h) return;
  note(w, "empty #%d", number_of(h));
  fmp_tensor_empty(h->t);
  if (h->frame) h->frame->is_tainted = 1;
  taint_frames(w);
  if (fmp_tensor_state(h->t) == TRACED && h->state == TRACED) return;
  if (fmp_tensor_state(h->t) != EMPTIED)
    complain(w, "emptied, but of state %d", fmp_tensor_state(h->t));
  h->state = EMPTIED;
  view_release(&h->v);
}

static void overwrite(world *w)
{
  float values[MOST_ELEMENTS];
  handle *h = w->slots[random_of(w, SLOTS)];
  if (!h || h->state != HAS || h->v.s->fixed) return;
  const int good = view_is_contiguous(&h->v);
  const int64_t n = shape_elements(&h->v.shape);
  note(w, "write #%d", number_of(h));
  for (int64_t i = 0; i < n; i++) values[i] = (float)random_of(w, 17) - 8;
  if (!went_well(w, CALL(w, fmp_tensor_write(h->t, values, n * 4)), good ? 0 : 1u << FMP_EINVAL,
                 "fmp_tensor_write"))
    return;
  if (!good) complain(w, "a strided view was written");
  for (int64_t i = 0; i < n; i++) *view_at(&h->v, i) = values[i];
  taint_frames(w);
}

static void look(world *w)
{
  const handle *h = w->slots[random_of(w, SLOTS)];
  if (!h) return;
  if (fmp_tensor_state(h->t) != h->state)
    complain(w, "state %d instead of %d", fmp_tensor_state(h->t), h->state);
  if (h->state == HAS) check_values(w, h);
}

static void name(world *w)
{
  handle *h = w->slots[random_of(w, SLOTS)];
  if (!h) return;
  fmp_tensor_set_parameter(h->t, chance(w, 50));
  went_well(w, CALL(w, fmp_tensor_set_name(h->t, chance(w, 50) ? "name" : NULL)), 0, "set_name");
}

void step_tensors(world *w)
{
  static void (*const steps[])(world *) = {make, make, share, empty, overwrite, look, look, name};
  if (chance(w, 30)) drop_slot(w, (int)random_of(w, SLOTS));
  steps[random_of(w, sizeof steps / sizeof steps[0])](w);
}

/* -- ops ------------------------------------------------------------------- */

static void random_attributes(world *w, int op, const shape *x, attributes *a)
{
  const int64_t n = shape_elements(x);
  memset(a, 0, sizeof *a);
  a->by = (double)random_of(w, 7) - 3;
  for (int i = 0; i < x->rank && op == SLICE; i++) {
    const int64_t size = x->size[i];
    a->start[i] = size ? (int64_t)random_of(w, (uint64_t)size) : 0;
    a->step[i] = 1 + (int64_t)random_of(w, 2);
    const int64_t most = size ? (size - 1 - a->start[i]) / a->step[i] + 1 : 0;
    a->size[i] = most ? 1 + (int64_t)random_of(w, (uint64_t)most) : 0;
  }
  if (op != RESHAPE) return;
  a->shape = n ? (shape){.rank = 1, .size = {n}} : *x; /* 0 means: as it is */
  for (int64_t rows = 1; rows <= 4; rows++)
    if (n > 0 && n % rows == 0 && n / rows <= MOST_ELEMENTS && chance(w, 40))
      a->shape = (shape){.rank = 2, .size = {rows, n / rows}};
}

/* The model's attributes as the op's. */
static int32_t attrs_of(int op, const attributes *a, const shape *x, fmp_attr *attrs)
{
  if (op == INCREMENT) attrs[0] = fmp_attr_f64("by", a->by);
  if (op == RESHAPE) attrs[0] = fmp_attr_i64s("shape", a->shape.size, (int64_t)a->shape.rank);
  if (op == SLICE) {
    attrs[0] = fmp_attr_i64s("start", a->start, (int64_t)x->rank);
    attrs[1] = fmp_attr_i64s("size", a->size, (int64_t)x->rank);
    attrs[2] = fmp_attr_i64s("step", a->step, (int64_t)x->rank);
  }
  return op == SLICE ? 3 : op == INCREMENT || op == RESHAPE;
}

static const fmp_op *find(world *w, int op)
{
  const fmp_op *found = NULL;
  if (fmp_op_find(op_names[op], &found) != FMP_OK) complain(w, "there is no op %s", op_names[op]);
  return found;
}

static fmp_status call(world *w, int op, const attributes *a, const shape *x, handle *const *in,
                       fmp_tensor **out)
{
  fmp_attr attrs[3];
  const int32_t n_attr = attrs_of(op, a, x, attrs);
  fmp_tensor *const given[4] = {in[0]->t, op == SGD || !in[1] ? NULL : in[1]->t,
                                op == SGD ? in[1]->t : NULL, op == SGD ? w->one : NULL};
  const int32_t n_in = op == SGD ? 4 : in[1] ? 2 : 1;
  w->emits++;
  return CALL(w,
              fmp_emit(find(w, op), attrs, n_attr, given, n_in, out, op != SGD && op != INCREMENT));
}

/* -- what it does to the model --------------------------------------------- */

static int record_instruction(frame *f, int op, const attributes *a, handle *const *in)
{
  program *p = &f->s->p;
  const shape x =
      in[0]->frame == f && in[0]->state == TRACED ? p->values[in[0]->value].shape : in[0]->v.shape;
  instruction i = {.op = op,
                   .in = {value_of(f, in[0]), in[1] ? value_of(f, in[1]) : -1},
                   .out = -1,
                   .attributes = *a};
  if (op == SGD || op == INCREMENT) {
    p->writes = 1;
  } else {
    const shape s = op_shape(op, a, &x);
    i.out = add_value(p, FROM_OP, p->n_instructions, &s);
    const value *x = &p->values[i.in[0]];
    const int is_view = op == TRANSPOSE || op == SLICE || op == RESHAPE;
    p->values[i.out].fixed = is_view && x->fixed;
    if (is_view) p->values[i.out].root = x->root;
  }
  p->instructions[p->n_instructions++] = i;
  return i.out;
}

static void remember(world *w, int op, const attributes *a, handle *const *in, fmp_tensor *t)
{
  frame *f = frame_now(w);
  view v = {0};
  const view views[2] = {in[0]->v, in[1] ? in[1]->v : (view){0}};
  const int value = f ? record_instruction(f, op, a, in) : -1;
  if ((!f || f->kind == RECORDS) && !op_run(op, a, views, &v)) complain(w, "the model overflowed");
  if (op == SGD || op == INCREMENT) {
    view_release(&v);
    if (!f || f->kind == RECORDS) taint_frames(w);
    return;
  }
  keep(w, f ? handle_in_frame(f, t, f->kind == TRACES ? TRACED : HAS, v, value)
            : handle_new(t, HAS, v));
}

/* -- choosing -------------------------------------------------------------- */

/* In a trace: memory that an op makes there is no input's and no capture's. */
static int is_made_apart(const frame *f, const handle *g, const handle *h)
{
  const program *p = &f->s->p;
  if (g->state != TRACED) return 0;
  const int root = p->values[g->value].root;
  return p->values[root].from == FROM_OP && !p->values[root].fixed &&
         (h->state != TRACED || p->values[h->value].root != root);
}

/* What is written must be contiguous, and not overlap what is read. */
static int may_write(const world *w, const handle *h, const handle *g)
{
  const frame *f = frame_now(w);
  if (g && f && f->kind == TRACES && !is_made_apart(f, g, h)) return 0;
  if (h->state != HAS) return !f->s->p.values[h->value].fixed;
  if (h->v.s->fixed) return 0;
  return view_is_contiguous(&h->v) && (!g || g->state != HAS || g->v.s != h->v.s);
}

static int is_small(const handle *h)
{
  return !h || h->state != HAS || view_greatest(&h->v) <= (float)(LARGEST / 32);
}

static int has_room(const world *w)
{
  const frame *f = frame_now(w);
  return !f || (f->s->p.n_values < MOST_VALUES - 16 && f->n_made < MOST_MADE - 16 &&
                f->s->p.n_instructions < MOST_VALUES - 16);
}

/* An op and its inputs; 0: there are none. */
static int choose(world *w, int *op, handle **in, attributes *a)
{
  *op = fmp_mode() == TRACES && chance(w, 10) ? INCREMENT : (int)random_of(w, GRADIENT);
  in[0] = pick(w);
  in[1] = NULL;
  if (!in[0]) return 0;
  const shape x = shape_of(w, in[0]);
  random_attributes(w, *op, &x, a);
  if ((*op >= ADD && *op <= MINIMUM) || *op == SGD) in[1] = pick_of_shape(w, &x);
  return 1;
}

static handle *still_there(world *w, int number)
{
  for (int i = 0; i < SLOTS; i++)
    if (number && number_of(w->slots[i]) == number && is_usable(w, w->slots[i])) return w->slots[i];
  return NULL;
}

/* The same as before: what is computed twice may be merged, or may not. */
static int choose_again(world *w, int *op, handle **in, attributes *a)
{
  *op = w->last_op;
  *a = w->last_attributes;
  for (int i = 0; i < 2; i++) in[i] = still_there(w, w->last_in[i]);
  return in[0] && (in[1] || !w->last_in[1]);
}

static void emit(world *w)
{
  attributes a;
  int op;
  handle *in[2];
  const int again = chance(w, fmp_mode() == TRACES ? 35 : 15);
  if (!has_room(w) || !(again ? choose_again : choose)(w, &op, in, &a)) return;
  const shape x = shape_of(w, in[0]);
  if (op != SGD && op != INCREMENT) {
    w->last_op = op;
    w->last_attributes = a;
    w->last_in[0] = number_of(in[0]);
    w->last_in[1] = number_of(in[1]);
  }
  if ((op == SGD || op == INCREMENT) && !may_write(w, in[0], in[1])) return;
  if (!is_small(in[0]) || !is_small(in[1])) return;
  fmp_tensor *t = NULL;
  note(w, "%s #%d #%d", op_names[op], number_of(in[0]), number_of(in[1]));
  if (went_well(w, call(w, op, &a, &x, in, &t), 0, op_names[op])) remember(w, op, &a, in, t);
}

/* On handles that may be emptied or of another trace, or with wrong attributes. */
static void emit_badly(world *w)
{
  static const int unary[] = {NEG, RELU, ABS, COPY, SUM, TRANSPOSE};
  const int op = unary[random_of(w, 6)];
  handle *h = w->slots[random_of(w, SLOTS)];
  fmp_tensor *t = NULL;
  const fmp_attr wrong = fmp_attr_i64("no_such_attribute", 1);
  if (!h) return;
  const int usable = is_usable(w, h), is_wrong = chance(w, 50);
  if (usable && !is_wrong) return;
  note(w, "badly: %s #%d", op_names[op], number_of(h));
  w->emits++;
  const fmp_status status = CALL(w, fmp_emit(find(w, op), &wrong, is_wrong, &h->t, 1, &t, 1));
  went_well(w, status, 1u << FMP_ESTATE | 1u << FMP_ENOTFOUND, op_names[op]);
  if (status == FMP_OK || t) complain(w, "a tensor without a value was used");
}

void step_ops(world *w)
{
  if (chance(w, 8))
    emit_badly(w);
  else
    emit(w);
}
