/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn.h: all that differs between oneDNN 2.6 and 3.x, as one interface: memory
 * descriptors (a struct before, a handle since) and how a convolution's primitive
 * descriptor is made (through an operation descriptor before, directly since).
 * Everything else that cpu_onednn.c calls is the same in both.
 */
#ifndef FMP_NN_ONEDNN_H
#define FMP_NN_ONEDNN_H

#include <dnnl.h>

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t onednn_layout; /* borrowed */
typedef struct {
  dnnl_memory_desc_t handle;
} onednn_own_layout; /* owned */
#else
typedef const dnnl_memory_desc_t *onednn_layout;
typedef struct {
  dnnl_memory_desc_t desc;
} onednn_own_layout;
#endif

enum { ONEDNN_MAX_RANK = 5 }; /* weights of a grouped convolution: g, oc, ic, kh, kw */

/* Whether it has instructions for bf16. Without them it would emulate each product, or refuse. */
int onednn_has_bf16(void);

/* These dimensions; strides NULL: oneDNN is to choose the layout ("any").
 * Cleared with onednn_layout_clear, also when this fails. */
dnnl_status_t onednn_layout_make(onednn_own_layout *layout, dnnl_data_type_t type, int rank,
                                 const dnnl_dim_t *dims, const dnnl_dim_t *strides);
onednn_layout onednn_layout_get(const onednn_own_layout *layout);
void onednn_layout_clear(onednn_own_layout *layout);

/* Appends y = v > 0 ? v : slope * v. */
dnnl_status_t onednn_append_leaky_relu(dnnl_post_ops_t ops, float slope);

/* A convolution in oneDNN's terms: dilations are counted from 0. */
struct onednn_problem {
  onednn_own_layout x, w, b, y;
  int biased;
  dnnl_dims_t strides, dilates, before, after;
};

/* direction: CONV_*. hint: the forward descriptor, which the backward ones need. */
dnnl_status_t onednn_describe(int direction, const struct onednn_problem *p, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint,
                              dnnl_primitive_desc_t *pd);

#endif
