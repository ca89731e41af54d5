# SPDX-License-Identifier: Apache-2.0
# The library and the runner. Neither is linked with any plugin.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LUAJIT REQUIRED IMPORTED_TARGET luajit)
pkg_check_modules(LIBEDIT REQUIRED IMPORTED_TARGET libedit)

# Headers alone, and how to compile with them: what a plugin needs.
add_library(sdk INTERFACE)
add_library(fmp::sdk ALIAS sdk)
target_compile_options(sdk INTERFACE ${FMP_SAME_BITS})
target_include_directories(sdk INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine/include> $<INSTALL_INTERFACE:include>)

# A floor of the engine is a folder. Headers are found by floor and name, "graph/scope.h".
file(GLOB engine_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/engine/src/*/*.c)
# What fmprun alone has: Lua and the terminal. Engine and fmprun both replace files.
file(GLOB runner_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/engine/fmprun/*.c)
list(APPEND runner_sources ${PROJECT_SOURCE_DIR}/engine/src/base/aside.c)

add_library(fmp SHARED ${engine_sources})
add_library(fmp::fmp ALIAS fmp)
target_compile_definitions(fmp PRIVATE FMP_VERSION="${PROJECT_VERSION}")
target_include_directories(fmp PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine/include> $<INSTALL_INTERFACE:include>)
target_include_directories(fmp PRIVATE ${PROJECT_SOURCE_DIR}/engine/src)
target_link_libraries(fmp PRIVATE PkgConfig::JANSSON Threads::Threads ${CMAKE_DL_LIBS} m)
set_target_properties(fmp PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

if(NOT FMP_SANITIZE)
  target_link_options(fmp PRIVATE -Wl,--no-undefined)
endif()

# The runner finds the library relative to itself, in either tree.
file(RELATIVE_PATH lib_from_bin /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
add_executable(fmprun ${runner_sources})
target_compile_definitions(fmprun PRIVATE FMP_VERSION="${PROJECT_VERSION}")
target_include_directories(fmprun PRIVATE ${PROJECT_SOURCE_DIR}/engine/src)
target_link_libraries(fmprun PRIVATE fmp PkgConfig::LUAJIT PkgConfig::LIBEDIT Threads::Threads
  ${CMAKE_DL_LIBS})
set_target_properties(fmprun PROPERTIES
  BUILD_RPATH "$ORIGIN/../lib" BUILD_RPATH_USE_ORIGIN ON INSTALL_RPATH "$ORIGIN/${lib_from_bin}"
  ENABLE_EXPORTS ON)

install(TARGETS fmp sdk EXPORT fmpTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS fmprun RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
