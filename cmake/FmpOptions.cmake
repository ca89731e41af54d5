# SPDX-License-Identifier: Apache-2.0
# Build type, options, warnings and sanitizers, for every C file of ours.

get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo ..." FORCE)
endif()

# Clang's own OpenMP runtime beside the GNU one, which OpenBLAS and oneDNN are linked
# with, would make two pools of threads: with clang the cpu backend is serial by default.
set(openmp_default OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  set(openmp_default ON)
endif()
option(FMP_OPENMP "Threads in the cpu backend, by OpenMP" ${openmp_default})
option(FMP_CUDA "Parts that need CUDA" OFF)
if(FMP_CUDA)
  message(WARNING "FMP_CUDA: this tree has no part yet that needs CUDA")
endif()
option(FMP_WERROR "Warnings are errors" OFF)
set(FMP_SANITIZE "" CACHE STRING "Sanitizers: \"address,undefined\" or \"thread\"")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# No contraction: a*b + c rounds twice on every machine, so that the same program gives
# the same bits whatever the compiler and the processor. Kernels that want fma say so.
# Never -march=native, never -ffast-math. The target fmp::sdk hands this on to plugins of others.
set(FMP_SAME_BITS $<$<COMPILE_LANGUAGE:C,CXX>:-ffp-contract=off>
                  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false>)
add_compile_options(${FMP_SAME_BITS})
add_compile_options("$<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wpedantic;-Wconversion>")
if(FMP_WERROR)
  add_compile_options("$<$<COMPILE_LANGUAGE:C>:-Werror>")
endif()

if(FMP_SANITIZE)
  # The first report ends the process: a test can then fail by it.
  add_compile_options(-fsanitize=${FMP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FMP_SANITIZE})
endif()
