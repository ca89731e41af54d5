/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include "fmp/plugin.h" /* FMP_TRY */

static const float w1_values[] = {1, -1, 0.5F, 2, 1, -0.5F};
static const float w2_values[] = {1, 2, -4};

static fmp_status variable(int64_t rows, int64_t cols, const float *values, fmp_tensor **t)
{
  const fmp_spec spec = matrix_spec(FMP_F32, rows, cols);
  FMP_TRY(fmp_tensor_from(NULL, &spec, values, rows * cols * (int64_t)sizeof(float), t));
  fmp_tensor_set_parameter(*t, 1);
  return FMP_OK;
}

fmp_status model_new(model *m)
{
  m->w1 = m->w2 = NULL;
  fmp_status status = variable(2, 3, w1_values, &m->w1);
  if (status == FMP_OK) status = variable(3, 1, w2_values, &m->w2);
  if (status != FMP_OK) model_free(m);
  return status;
}

void model_free(model *m) { drop(2, m->w1, m->w2); }

/* Output 0 of an op on two tensors; b NULL: one. */
static fmp_status apply(const char *name, fmp_tensor *a, fmp_tensor *b, fmp_tensor **y)
{
  const fmp_op *found;
  fmp_tensor *const in[] = {a, b};
  FMP_TRY(fmp_op_find(name, &found));
  return fmp_emit(found, NULL, 0, in, b ? 2 : 1, y, 1);
}

fmp_status model_forward(const model *m, fmp_tensor *x, fmp_tensor **y)
{
  fmp_tensor *hidden = NULL, *active = NULL;
  fmp_status status = apply("matmul", x, m->w1, &hidden);
  if (status == FMP_OK) status = apply("relu", hidden, NULL, &active);
  if (status == FMP_OK) status = apply("matmul", active, m->w2, y);
  drop(2, hidden, active);
  return status;
}

/* w -= lr g */
static fmp_status update(fmp_tensor *w, fmp_tensor *g, fmp_tensor *lr)
{
  const fmp_op *sgd;
  fmp_tensor *const in[] = {w, NULL, g, lr};
  FMP_TRY(fmp_op_find("sgd", &sgd));
  return fmp_emit(sgd, NULL, 0, in, 4, NULL, 0);
}

static fmp_status descend(const model *m, fmp_tensor *loss)
{
  fmp_tensor *const w[] = {m->w1, m->w2};
  fmp_tensor *g[] = {NULL, NULL}, *lr = NULL;
  fmp_status status = fmp_gradients(loss, w, 2, g);
  if (status == FMP_OK) status = fmp_tensor_number(NULL, FMP_F32, 0.01, &lr);
  for (int i = 0; i < 2 && status == FMP_OK; i++) status = update(w[i], g[i], lr);
  drop(3, g[0], g[1], lr);
  return status;
}

fmp_status model_step(const model *m, fmp_tensor *x, fmp_tensor *target, fmp_tensor **loss)
{
  fmp_tensor *y = NULL, *made = NULL;
  FMP_TRY(fmp_record_begin());
  fmp_status status = model_forward(m, x, &y);
  if (status == FMP_OK) status = apply("mse", y, target, &made);
  if (status == FMP_OK) status = descend(m, made);
  fmp_record_end(&made, made != NULL);
  fmp_tensor_release(y);
  if (status == FMP_OK)
    *loss = made;
  else
    fmp_tensor_release(made);
  return status;
}

fmp_status model_trace(const model *m, int64_t n, fmp_graph **g)
{
  const fmp_spec spec = matrix_spec(FMP_F32, n, 2);
  fmp_tensor *x = NULL, *y = NULL;
  FMP_TRY(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_status status = model_forward(m, x, &y);
  if (status == FMP_OK)
    status = fmp_trace_end(&y, 1, g);
  else
    fmp_trace_abort();
  drop(2, x, y);
  return status;
}

fmp_status model_replay(fmp_graph *g, fmp_tensor *x, fmp_tensor **y)
{
  fmp_spec spec;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_tensor_spec(x, &spec);
  fmp_status status = fmp_plan_new(g, &spec, 1, 0, &plan);
  if (status == FMP_OK) status = fmp_instance_new(plan, 0, &instance);
  if (status == FMP_OK) status = fmp_instance_run(instance, &x, 1, y, 1);
  if (instance) fmp_instance_release(instance);
  if (plan) fmp_plan_release(plan);
  return status;
}

void model_expect(const float *x, int64_t n, float *y)
{
  for (int64_t i = 0; i < n; i++) {
    y[i] = 0;
    for (int k = 0; k < 3; k++) {
      const float h = x[2 * i] * w1_values[k] + x[2 * i + 1] * w1_values[3 + k];
      y[i] += (h > 0 ? h : 0) * w2_values[k];
    }
  }
}
