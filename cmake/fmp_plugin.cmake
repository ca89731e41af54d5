# SPDX-License-Identifier: Apache-2.0
# fmp_plugin(NAME sources...): a plugin, the module fmp_NAME.so. It links no library of
# fmp's and needs only the headers; its one exported symbol is fmp_plugin_entry.
# This file is installed: plugins in this tree and elsewhere are built in the same way. Flags
# on which results depend come with fmp::sdk.

function(fmp_plugin name)
  set(target fmp_${name})
  add_library(${target} MODULE ${ARGN})
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:C,CXX>,$<CONFIG:Release,RelWithDebInfo>>:-O3>)
  target_link_libraries(${target} PRIVATE fmp::sdk m)
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${target} SUFFIX ".so"
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  # An undefined symbol is reported when the plugin is built, not when it loads; with sanitizers
  # that is not possible.
  if(NOT FMP_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
endfunction()
