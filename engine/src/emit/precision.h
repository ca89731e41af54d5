/* SPDX-License-Identifier: Apache-2.0
 *
 * Computing in bf16 with masters in f32. In a trace that was begun for it, each op gets its inputs
 * in the type that its precision class asks for, by casts that are nodes like any others: gradients
 * go through them, equal ones are merged, saved graphs have them, and no other part of the engine
 * knows of it.
 *
 *   low      bf16; f32 if nothing computes the op in bf16
 *   f32      f32
 *   follow   bf16 if all its float inputs come as bf16 and something computes the op so; else f32
 *
 * Only f32 and bf16 are ever cast, and neither what an op writes nor what it reads the spec of
 * alone. An op that is given f64 as well is left to refuse it, as it would in f32.
 *
 * A value is `lowered` if it is bf16 for no other reason than this (graph.h). Whatever leaves the
 * trace, and whatever the user looks at by a cast of his own, is not lowered:
 * docs/decisions/bf16-casts-are-nodes.md. */
#ifndef FMP_PRECISION_H
#define FMP_PRECISION_H

#include "kernel/kernel.h"

/* Replaces inputs in[i] of work, and their specs, by casts, which the graph holds. Does nothing
 * outside of a trace of low precision. */
fmp_status fmp__precision_inputs(const fmp__work *work, fmp_tensor **in, fmp_spec *specs);
/* Notes which outputs of the node that was appended last are lowered. */
void fmp__precision_note(fmp_graph *g);
/* Casts a gradient to dtype if it is f32 where bf16 is wanted, or the other way. In any graph,
 * since an op may compute in f32 the gradient of what is bf16. */
fmp_status fmp__precision_match(fmp_graph *g, uint32_t dtype, uint32_t *value);
/* Replaces a lowered value by its f32: what a compiled function returns. */
fmp_status fmp__precision_output(fmp_graph *g, uint32_t *value);

#endif
