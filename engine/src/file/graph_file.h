/* SPDX-License-Identifier: Apache-2.0
 *
 * A saved graph: a safetensors file of the captured tensors, with the graph as JSON text in its
 * metadata.
 *
 *   "fmp.version"  the library that wrote it, for people
 *   "fmp.graph"    {"format": 1,
 *                   "batch": "open" | "fixed", "batch_note": why it is fixed,
 *                   "rewrites": false            only of a trace with FMP_NO_REWRITES
 *                   "inputs": [{"dtype": "f32", "shape": [8, 3]}, ...],
 *                   "captures": [{"value": 2, "tensor": "w"}, ...],
 *                   "nodes": [{"op": "add", "version": 1, "scope": "net/1",
 *                              "attrs": {name: value as text, ...},
 *                              "random_key": "0123456789abcdef"   only of random ops
 *                              "in": [1, 2], "out": [3]}, ...],
 *                   "outputs": [3],
 *                   "pinned": [1]                values that a gradient counts on staying as they
 *                                                were; only if there are any; see plan_share.c
 *                  }
 *
 * Numbers in "value", "in", "out", "outputs" and "pinned" name values: the inputs are 1, 2, ...; 0
 * is an absent optional one. Each value is made once, before it is read.
 *
 * All attributes are written, so that a graph keeps its meaning when an op's defaults change;
 * random keys are written, so that it draws what it drew. Loading emits each node anew, through the
 * checks of a trace: a file can make nothing that a program could not have traced. */
#ifndef FMP_GRAPH_FILE_H
#define FMP_GRAPH_FILE_H

enum { FMP__GRAPH_FORMAT = 1 };

static const char fmp__graph_key[] = "fmp.graph";
static const char fmp__version_key[] = "fmp.version";

/* Names that are made for tensors without a usable name of their own: this and a number. */
static const char fmp__capture_prefix[] = "capture.";

#endif
