# SPDX-License-Identifier: Apache-2.0
# What is installed besides the targets: headers, Lua, scripts, and the files by which other
# builds find fmp. None of it contains an absolute path: the tree may be moved.
include(CMakePackageConfigHelpers)

install(DIRECTORY engine/include/fmp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES engine/include/fmp/types.h engine/include/fmp/api.h
        DESTINATION ${FMP_SHARE_INSTALL}/cdef)
install(DIRECTORY lua/ DESTINATION ${FMP_SHARE_INSTALL}/lua OPTIONAL
        FILES_MATCHING PATTERN "*.lua" PATTERN "*_spec.lua" EXCLUDE)
install(FILES ${FMP_ARGPARSE_FILE} DESTINATION ${FMP_SHARE_INSTALL}/vendor RENAME argparse.lua)
install(DIRECTORY templates DESTINATION ${FMP_SHARE_INSTALL} OPTIONAL)
install(DIRECTORY scripts DESTINATION ${FMP_SHARE_INSTALL} OPTIONAL
        FILES_MATCHING PATTERN "*.lua" PATTERN "docs.lua" EXCLUDE)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/fmp)
install(EXPORT fmpTargets NAMESPACE fmp:: DESTINATION ${package})
configure_package_config_file(cmake/fmpConfig.cmake.in ${PROJECT_BINARY_DIR}/fmpConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_BINDIR)
# Before 1.0 a minor version may change the C API; the plugin ABI has a number of its own.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fmpConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fmpConfig.cmake ${PROJECT_BINARY_DIR}/fmpConfigVersion.cmake
              cmake/fmp_plugin.cmake
        DESTINATION ${package})

file(RELATIVE_PATH FMP_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/fmp.pc.in ${PROJECT_BINARY_DIR}/fmp.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fmp.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
