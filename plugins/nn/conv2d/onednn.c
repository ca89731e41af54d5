/* SPDX-License-Identifier: Apache-2.0
 * The two faces of oneDNN's interface; see onednn.h. The algorithm is always `direct`: `auto` may
 * choose Winograd's, which gives up accuracy without being asked. */
#include "onednn.h"

#include <string.h>

#include "conv.h"

/* Bias of the problem, or none. */
static onednn_layout bias_of(const struct onednn_problem *p)
{
  return p->biased ? onednn_layout_get(&p->b) : NULL;
}

/* Instruction sets are sets of bits, which ONEDNN_MAX_CPU_ISA may limit. */
int onednn_has_bf16(void)
{
  const unsigned has = (unsigned)dnnl_get_effective_cpu_isa();
  return (has & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t onednn_layout_make(onednn_own_layout *layout, dnnl_data_type_t type, int rank,
                                 const dnnl_dim_t *dims, const dnnl_dim_t *strides)
{
  layout->handle = NULL;
  if (strides == NULL)
    return dnnl_memory_desc_create_with_tag(&layout->handle, rank, dims, type, dnnl_format_tag_any);
  return dnnl_memory_desc_create_with_strides(&layout->handle, rank, dims, type, strides);
}

onednn_layout onednn_layout_get(const onednn_own_layout *layout) { return layout->handle; }

dnnl_status_t onednn_append_leaky_relu(dnnl_post_ops_t ops, float slope)
{
  return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, slope, 0);
}

void onednn_layout_clear(onednn_own_layout *layout)
{
  if (layout->handle != NULL) dnnl_memory_desc_destroy(layout->handle);
  layout->handle = NULL;
}

dnnl_status_t onednn_describe(int direction, const struct onednn_problem *p, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint,
                              dnnl_primitive_desc_t *pd)
{
  const onednn_layout x = p->x.handle, w = p->w.handle, y = p->y.handle;
  if (direction == CONV_FORWARD)
    return dnnl_convolution_forward_primitive_desc_create(
        pd, engine, dnnl_forward_training, dnnl_convolution_direct, x, w, bias_of(p), y, p->strides,
        p->dilates, p->before, p->after, attr);
  if (direction == CONV_BACK_DATA)
    return dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct,
                                                                x, w, y, p->strides, p->dilates,
                                                                p->before, p->after, hint, attr);
  return dnnl_convolution_backward_weights_primitive_desc_create(
      pd, engine, dnnl_convolution_direct, x, w, NULL, y, p->strides, p->dilates, p->before,
      p->after, hint, attr);
}

#else

dnnl_status_t onednn_layout_make(onednn_own_layout *layout, dnnl_data_type_t type, int rank,
                                 const dnnl_dim_t *dims, const dnnl_dim_t *strides)
{
  if (strides == NULL)
    return dnnl_memory_desc_init_by_tag(&layout->desc, rank, dims, type, dnnl_format_tag_any);
  return dnnl_memory_desc_init_by_strides(&layout->desc, rank, dims, type, strides);
}

onednn_layout onednn_layout_get(const onednn_own_layout *layout) { return &layout->desc; }

dnnl_status_t onednn_append_leaky_relu(dnnl_post_ops_t ops, float slope)
{
  return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, slope, 0);
}

void onednn_layout_clear(onednn_own_layout *layout) { memset(layout, 0, sizeof(*layout)); }

/* The operation descriptor. */
static dnnl_status_t operation(int direction, const struct onednn_problem *p,
                               dnnl_convolution_desc_t *op)
{
  const onednn_layout x = &p->x.desc, w = &p->w.desc, y = &p->y.desc;
  if (direction == CONV_FORWARD)
    return dnnl_dilated_convolution_forward_desc_init(op, dnnl_forward_training,
                                                      dnnl_convolution_direct, x, w, bias_of(p), y,
                                                      p->strides, p->dilates, p->before, p->after);
  if (direction == CONV_BACK_DATA)
    return dnnl_dilated_convolution_backward_data_desc_init(
        op, dnnl_convolution_direct, x, w, y, p->strides, p->dilates, p->before, p->after);
  return dnnl_dilated_convolution_backward_weights_desc_init(
      op, dnnl_convolution_direct, x, w, NULL, y, p->strides, p->dilates, p->before, p->after);
}

dnnl_status_t onednn_describe(int direction, const struct onednn_problem *p, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint,
                              dnnl_primitive_desc_t *pd)
{
  dnnl_convolution_desc_t op;
  const dnnl_status_t status = operation(direction, p, &op);
  return status == dnnl_success ? dnnl_primitive_desc_create(pd, &op, attr, engine, hint) : status;
}

#endif
