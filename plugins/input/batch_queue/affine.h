/* SPDX-License-Identifier: Apache-2.0
 * Augmentation as one affine resampling: stretch, flip, shear or rotation, and shift.
 *
 * With (x, y) the column and row relative to the image's centre, a point of the image goes
 * to the field's point  F (x, y) + t,  relative to where centring puts that centre:
 *
 *   F = K diag(f sx, sy)      sx, sy uniform in 1 +- stretch;  f = -1 with probability flip
 *   K = one of  [1 a; 0 1]  [1 0; a 1]  [cos a, -sin a; sin a, cos a],  a uniform in +- skew
 *   t = whole pixels, uniform in +- translate on each axis
 *
 * Each pixel of the field takes the bilinear value of the image at F^-1 (p - t); outside of
 * the image all is zero. Without limits that is exactly the centred image. */
#ifndef INPUT_AFFINE_H
#define INPUT_AFFINE_H

#include <stdint.h>

struct affine_limits {
  double stretch, flip, skew;
  int64_t translate;
};

/* From the field to the image:  x' = xx x + xy y + x0,  y' = yx x + yy y + y0. */
struct affine {
  double xx, xy, x0, yx, yy, y0;
};

/* Sizes of an image, and of the field that it is centred on. */
struct geometry {
  int64_t height, width, channels, field_height, field_width;
};

/* What a draw is for: an example, in an epoch of a queue or a step of an op. */
struct affine_key {
  uint64_t seed, node, step;
  uint32_t example;
};

/* The node of all queues: keeps their draws apart from others with the same seed. */
#define AFFINE_QUEUE_NODE UINT64_C(0x616666696E65)

/* The draw: a function of the arguments alone. */
struct affine affine_draw(const struct affine_limits *l, const struct affine_key *key);

/* padded [height+2, width+2, channels]: the image with a border of zeros.
 * field [field_height, field_width, channels]: zeros, where the result is written. */
void affine_resample(const struct affine *a, const struct geometry *g, const float *padded,
                     float *field);

#endif
