# SPDX-License-Identifier: Apache-2.0
# fmp_add_plugin(<family> VERSION v SUMMARY "..."): the directory it is called from is a
# family of ops, one subdirectory each, and becomes lib/fmp/plugins/fmp_<family>.so.
#
#   <op>/*.c              compiled
#   <op>/op.c             defines  fmp_status <op>_register(const fmp_host *, fmp_registry *)
#                         (a directory without ops: rewrite.c, reader.c or resource.c does)
#                         (a directory with none of these is code that ops share)
#   <op>/libraries.cmake  may append to LIBRARIES, DEFINITIONS, INCLUDES for the family
#
# The entry, which calls the register functions in order of name, is generated.

# For backends, and whatever else has an entry of its own.
function(fmp_add_module name)
  fmp_plugin(${name} ${ARGN})
  set_target_properties(fmp_${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${FMP_PLUGIN_OUTPUT})
  install(TARGETS fmp_${name} LIBRARY DESTINATION ${FMP_PLUGIN_INSTALL})
endfunction()

function(fmp_add_plugin family)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION;SUMMARY" "")
  set(here ${CMAKE_CURRENT_SOURCE_DIR})
  file(GLOB sources CONFIGURE_DEPENDS ${here}/*/*.c)
  file(GLOB ops CONFIGURE_DEPENDS RELATIVE ${here} ${here}/*/op.c ${here}/*/rewrite.c
       ${here}/*/reader.c ${here}/*/resource.c)
  file(GLOB extras CONFIGURE_DEPENDS ${here}/*/libraries.cmake)
  list(TRANSFORM ops REPLACE "/.*" "")
  list(REMOVE_DUPLICATES ops)
  list(SORT ops)
  if(NOT ops)
    message(STATUS "plugin ${family}: no op in it yet")
    return()
  endif()

  set(FMP_DECLARATIONS "")
  set(FMP_CALLS "")
  foreach(name IN LISTS ops)
    string(APPEND FMP_DECLARATIONS
           "fmp_status ${name}_register(const fmp_host *h, fmp_registry *r);\n")
    string(APPEND FMP_CALLS "  FMP_TRY(${name}_register(h, r));\n")
  endforeach()
  set(FMP_FAMILY ${family})
  set(FMP_FAMILY_VERSION ${arg_VERSION})
  set(FMP_FAMILY_SUMMARY ${arg_SUMMARY})
  set(entry ${CMAKE_CURRENT_BINARY_DIR}/${family}_entry.c)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/entry.c.in ${entry} @ONLY)

  set(LIBRARIES "")
  set(DEFINITIONS "")
  set(INCLUDES "")
  foreach(extra IN LISTS extras)
    include(${extra})
  endforeach()

  fmp_add_module(${family} ${sources} ${entry})
  target_include_directories(fmp_${family} PRIVATE ${INCLUDES})
  target_compile_definitions(fmp_${family} PRIVATE ${DEFINITIONS})
  target_link_libraries(fmp_${family} PRIVATE ${LIBRARIES})
endfunction()
