/* SPDX-License-Identifier: Apache-2.0
 * Put in front of a C file for clang: every function that returns a status, and every pointer to
 * one, then wants it looked at. Never compiled into anything. */
#include "fmp/types.h"

#define fmp_status __attribute__((warn_unused_result)) int32_t
