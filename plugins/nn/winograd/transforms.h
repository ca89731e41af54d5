/* SPDX-License-Identifier: Apache-2.0
 *
 * transforms.h: the matrices of F(m, 2), by which m neighbouring outputs of a correlation
 * with 2 taps take m + 1 products instead of 2 m (S. Winograd, "Arithmetic complexity of
 * computations", 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural
 * networks", CVPR 2016):
 *
 *   y = AT [(G g) * (BT d)]      y[i] = d[i] g[0] + d[i + 1] g[1],  i < m
 *
 * with d of m + 1 inputs, g of 2 taps, * element by element. In two dimensions each matrix
 * acts on rows and on columns:  Y = AT [(G g GT) * (BT d B)] A.
 *
 * By Cook and Toom: evaluate polynomials at m points, 0, 1, -1, 2, -2 in turn, and at
 * infinity; multiply; interpolate. Rows of BT and G may be scaled against each other; here
 * the fractions are in G, whose transform is the cheapest.
 *
 * y is linear in d, in g and in the loss's gradient by y, so the gradient by g needs no
 * further matrix:  dg = GT [(BT d) * (A dy)].
 *
 * A bound on the error, for any numbers. Written out, y[i] is a sum of
 *   AT[i][f] G[f][k] BT[f][j] g[k] d[j]      over f, k, j
 * of which all but d[i + k] g[k] cancel. Each term is off by its roundings, at most n of them
 * (additions of the three transforms, and of the channels), so the error of y[i] is at most
 * n u / (1 - n u), with u = 2^-24, times the sum of the terms' magnitudes. Over f and j, for the
 * worst i and k, |AT| |G| |BT| adds up to
 *   m            1   2   3   4      5
 *   growth of d  1   3   4   14.3   29.3      squared in two dimensions
 * so that of c channels a tile of F(3x3, 2x2) errs at most 16 (c + 8) u / (1 - ..) times its
 * largest input times the sum of its weights' magnitudes. A direct convolution has 1 and 4 c
 * instead of 16 and c + 8, and there each input counts by its own magnitude. With tiles an input
 * of 1e4 among others of 1 costs all outputs of its tile accuracy, and inf or NaN spoils them.
 * bound.lua computes the bound, bound_spec.lua tests it.
 */
#ifndef FMP_NN_TRANSFORMS_H
#define FMP_NN_TRANSFORMS_H

enum { TILE_MOST = 5, POINTS_MOST = TILE_MOST + 1 };

/* For one m, with t = m + 1 points; with m = 1 there are as many products as in a direct
 * convolution. bt [t][t], g [t][2], at [m][t], each row POINTS_MOST long so that one function
 * reads all. */
struct transforms {
  float bt[POINTS_MOST][POINTS_MOST], g[POINTS_MOST][POINTS_MOST], at[POINTS_MOST][POINTS_MOST];
};

/* clang-format off */
static const struct transforms transforms_of[TILE_MOST + 1] = {
    [1] = {.bt = {{1, 0},
                  {0, 1}},
           .g = {{1, 0}, {0, 1}},
           .at = {{1, 1}}},
    [2] = {.bt = {{1, -1, 0},
                  {0, 1, 0},
                  {0, -1, 1}},
           .g = {{1, 0}, {1, 1}, {0, 1}},
           .at = {{1, 1, 0},
                  {0, 1, 1}}},
    [3] = {.bt = {{1, 0, -1, 0},
                  {0, 1, 1, 0},
                  {0, -1, 1, 0},
                  {0, -1, 0, 1}},
           .g = {{1, 0}, {0.5F, 0.5F}, {0.5F, -0.5F}, {0, 1}},
           .at = {{1, 1, 1, 0},
                  {0, 1, -1, 0},
                  {0, 1, 1, 1}}},
    [4] = {.bt = {{2, -1, -2, 1, 0},
                  {0, -2, -1, 1, 0},
                  {0, 2, -3, 1, 0},
                  {0, -1, 0, 1, 0},
                  {0, 2, -1, -2, 1}},
           .g = {{1.0F / 2, 0}, {-1.0F / 2, -1.0F / 2}, {-1.0F / 6, 1.0F / 6},
                 {1.0F / 6, 1.0F / 3}, {0, 1}},
           .at = {{1, 1, 1, 1, 0},
                  {0, 1, -1, 2, 0},
                  {0, 1, 1, 4, 0},
                  {0, 1, -1, 8, 1}}},
    [5] = {.bt = {{4, 0, -5, 0, 1, 0},
                  {0, -4, -4, 1, 1, 0},
                  {0, 4, -4, -1, 1, 0},
                  {0, -2, -1, 2, 1, 0},
                  {0, 2, -1, -2, 1, 0},
                  {0, 4, 0, -5, 0, 1}},
           .g = {{1.0F / 4, 0}, {-1.0F / 6, -1.0F / 6}, {-1.0F / 6, 1.0F / 6},
                 {1.0F / 24, 1.0F / 12}, {1.0F / 24, -1.0F / 12}, {0, 1}},
           .at = {{1, 1, 1, 1, 1, 0},
                  {0, 1, -1, 2, -2, 0},
                  {0, 1, 1, 4, 4, 0},
                  {0, 1, -1, 8, -8, 0},
                  {0, 1, 1, 16, 16, 1}}},
};

/* What is left at the end of an axis takes F(p, 2) with p < m, whose points are the first p of
 * F(m, 2)'s and infinity: it needs no transformed weights of its own, only rows of BT multiplied
 * by G's row for p over G's row for m, which are at [m][p]. Infinity's is 1. */
static const float rest_scales[TILE_MOST + 1][TILE_MOST + 1][POINTS_MOST] = {
    [1] = {[1] = {1, 1}},
    [2] = {[1] = {1, 1}, [2] = {1, 1, 1}},
    [3] = {[1] = {1, 1}, [2] = {1, 2, 1}, [3] = {1, 1, 1, 1}},
    [4] = {[1] = {2, 1}, [2] = {2, -2, 1}, [3] = {2, -1, -3, 1}, [4] = {1, 1, 1, 1, 1}},
    [5] = {[1] = {4, 1}, [2] = {4, -6, 1}, [3] = {4, -3, -3, 1}, [4] = {2, 3, 1, 4, 1},
           [5] = {1, 1, 1, 1, 1, 1}},
};
/* clang-format on */

/* Where point i of F(p, 2) is among those of F(m, 2). */
static inline int point_of(int m, int p, int i) { return i < p ? i : m; }

#endif
