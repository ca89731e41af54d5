# SPDX-License-Identifier: Apache-2.0
# OpenBLAS is opened at run time, never linked; see openblas.c. gomp: the OpenMP runtime that it
# uses, which says how many threads that will be.
find_package(Threads REQUIRED)
list(APPEND LIBRARIES ${CMAKE_DL_LIBS} Threads::Threads gomp)
