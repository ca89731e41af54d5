# SPDX-License-Identifier: Apache-2.0
# OpenBLAS is opened at run time, never linked; see openblas.c.
find_package(Threads REQUIRED)
list(APPEND LIBRARIES ${CMAKE_DL_LIBS} Threads::Threads)
