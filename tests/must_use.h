/* SPDX-License-Identifier: Apache-2.0
 * Put in front of a C file for clang, which then warns wherever a function, or a pointer to one,
 * returns a status that is ignored. Never compiled into anything. */
#include "fmp/types.h"

#define fmp_status __attribute__((warn_unused_result)) int32_t
