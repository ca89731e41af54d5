/* SPDX-License-Identifier: Apache-2.0
 *
 * From four Philox words to numbers of a unit distribution; y = offset + scale * z then.
 * A "32" function makes four numbers of 32 bits each (for f32 and bf16), a "64" function
 * two of 53 bits (for f64). Everything is computed in f64 without contraction and rounded
 * once at the end, so that devices whose log, cos and sin differ in the last bit agree to
 * 1 ulp of f32, and uniform numbers to the bit.
 */
#ifndef FMP_RANDOM_DRAW_H
#define FMP_RANDOM_DRAW_H

#include <math.h>
#include "fmp/kit/philox.h"

/* -- uniform on [0, 1) ---------------------------------------------------------- */

/* z[i] = the upper 24 bits of w[i], over 2^24. */
FMP_KIT_FN void draw_uniform_32(const uint32_t w[4], double z[4])
{
  for (int i = 0; i < 4; i++) z[i] = (double)fmp_uniform_f32(w[i]);
}

/* z[i] = the upper 53 bits of w[2i] w[2i+1], over 2^53. */
FMP_KIT_FN void draw_uniform_64(const uint32_t w[4], double z[4])
{
  for (int i = 0; i < 2; i++) z[i] = fmp_uniform_f64(w[2 * i], w[2 * i + 1]);
}

/* -- normal: Box and Muller (1958) ----------------------------------------------- */

/* u in (0, 1], v in [0, 1):
 *   z[0] = sqrt(-2 ln u) cos(2 pi v),  z[1] = sqrt(-2 ln u) sin(2 pi v) */
FMP_KIT_FN void draw_box_muller(double u, double v, double z[2])
{
  const double radius = sqrt(-2.0 * log(u));
  const double angle = 6.283185307179586476925 * v;
  z[0] = radius * cos(angle);
  z[1] = radius * sin(angle);
}

/* Pair i = 0, 1 is z[2i], z[2i+1]: u = (w[2i] + 1) / 2^32, v = w[2i+1] / 2^32. */
FMP_KIT_FN void draw_normal_32(const uint32_t w[4], double z[4])
{
  for (int i = 0; i < 2; i++)
    draw_box_muller(((double)w[2 * i] + 1.0) * 0x1p-32, (double)w[2 * i + 1] * 0x1p-32, z + 2 * i);
}

/* One pair: u = 1 - uniform(w[0] w[1]), v = uniform(w[2] w[3]), of 53 bits each. */
FMP_KIT_FN void draw_normal_64(const uint32_t w[4], double z[4])
{
  draw_box_muller(1.0 - fmp_uniform_f64(w[0], w[1]), fmp_uniform_f64(w[2], w[3]), z);
}

/* -- normal within two standard deviations: the inverse distribution function ------ */

/* numerator and denominator of degree 7, lowest coefficient first. */
FMP_KIT_FN double draw_ratio(const double n[8], const double d[8], double r)
{
  double top = n[7], bottom = d[7];
  for (int i = 6; i >= 0; i--) {
    top = top * r + n[i];
    bottom = bottom * r + d[i];
  }
  return top / bottom;
}

/* z with P(normal < z) = 1/2 + q, for |q| < 1/2 - exp(-25): M. J. Wichura, algorithm
 * AS 241 (PPND16), Applied Statistics 37 (1988), about 16 digits; its branch for the far
 * tail is left out. */
FMP_KIT_FN double draw_inverse_normal(double q)
{
  const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                       1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                       3.3430575583588128105e4, 2.5090809287301226727e3};
  const double b[8] = {1.0,
                       4.2313330701600911252e1,
                       6.8718700749205790830e2,
                       5.3941960214247511077e3,
                       2.1213794301586595867e4,
                       3.9307895800092710610e4,
                       2.8729085735721942674e4,
                       5.2264952788528545610e3};
  const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                       5.76949722146069140550e0,  3.64784832476320460504e0,
                       1.27045825245236838258e0,  2.41780725177450611770e-1,
                       2.27238449892691845833e-2, 7.74545014278341407640e-4};
  const double d[8] = {1.0,
                       2.05319162663775882187e0,
                       1.67638483018380384940e0,
                       6.89767334985100004550e-1,
                       1.48103976427480074590e-1,
                       1.51986665636164571966e-2,
                       5.47593808499534494600e-4,
                       1.05075007164441684324e-9};
  const double magnitude = fabs(q);
  double z;
  if (magnitude <= 0.425) return q * draw_ratio(a, b, 0.180625 - q * q);
  z = draw_ratio(c, d, sqrt(-log(0.5 - magnitude)) - 1.6);
  return q < 0 ? -z : z;
}

/* u in (0, 1) spread over the middle 0.9545 = P(|normal| < 2) of the distribution. */
FMP_KIT_FN double draw_truncated(double u)
{
  const double z = draw_inverse_normal((u - 0.5) * 0.95449973610364158560);
  return z < -2.0 ? -2.0 : z > 2.0 ? 2.0 : z;
}

/* u = (w[i] + 1/2) / 2^32. */
FMP_KIT_FN void draw_truncated_32(const uint32_t w[4], double z[4])
{
  for (int i = 0; i < 4; i++) z[i] = draw_truncated(((double)w[i] + 0.5) * 0x1p-32);
}

/* u = (the upper 52 bits of w[2i] w[2i+1], plus 1/2) / 2^52: exact. */
FMP_KIT_FN void draw_truncated_64(const uint32_t w[4], double z[4])
{
  for (int i = 0; i < 2; i++) {
    const uint64_t bits = ((uint64_t)w[2 * i] << 32 | w[2 * i + 1]) >> 12;
    z[i] = draw_truncated(((double)bits + 0.5) * 0x1p-52);
  }
}

#endif
