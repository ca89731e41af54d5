# SPDX-License-Identifier: Apache-2.0
# api_sequence: random sequences of api.h. In every build; with several threads, too.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/api/*.c)
add_executable(api_sequence ${CMAKE_CURRENT_LIST_DIR}/api_sequence.c ${sources})
target_link_libraries(api_sequence PRIVATE fmp Threads::Threads m)
target_compile_definitions(api_sequence PRIVATE
  FMP_TEST_PLUGINS="${PROJECT_BINARY_DIR}/tests/plugins")
set_target_properties(api_sequence PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/fuzz)
fmp_add_test(fuzz.api_sequence $<TARGET_FILE:api_sequence> --seconds 8)
fmp_add_test(fuzz.api_sequence_threads $<TARGET_FILE:api_sequence> --seconds 8 --threads 4)
