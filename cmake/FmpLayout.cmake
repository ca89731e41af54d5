# SPDX-License-Identifier: Apache-2.0
# One layout for the build tree and the installed one, so that fmprun and the library
# find things beside themselves in both:
#   bin/fmprun  lib/libfmp.so  lib/fmp/plugins/fmp_*.so  include/fmp/
#   share/fmp/{lua,cdef,templates,scripts,vendor}

# Not lib/<architecture>: the tree is found relative to the library, wherever it lies.
set(CMAKE_INSTALL_LIBDIR lib CACHE PATH "Libraries, below the prefix")
include(GNUInstallDirs)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(FMP_PLUGIN_OUTPUT ${PROJECT_BINARY_DIR}/lib/fmp/plugins)
set(FMP_PLUGIN_INSTALL ${CMAKE_INSTALL_LIBDIR}/fmp/plugins)
set(FMP_SHARE_INSTALL ${CMAKE_INSTALL_DATADIR}/fmp)

# Links, not copies: an edit of a Lua file or a header needs no build. A link may be
# made before the directory that it names.
function(fmp_link target link)
  cmake_path(GET link PARENT_PATH directory)
  file(MAKE_DIRECTORY ${directory})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${target} ${link} SYMBOLIC)
endfunction()

set(share ${PROJECT_BINARY_DIR}/share/fmp)
fmp_link(engine/include/fmp ${PROJECT_BINARY_DIR}/include/fmp)
fmp_link(engine/include/fmp/types.h ${share}/cdef/types.h)
fmp_link(engine/include/fmp/api.h ${share}/cdef/api.h)
fmp_link(lua ${share}/lua)
fmp_link(templates ${share}/templates)
fmp_link(scripts ${share}/scripts)

# Foreign parts are put into the tree, so that they are never looked for on a user's paths.
find_file(FMP_ARGPARSE argparse.lua PATH_SUFFIXES share/lua/5.1 DOC "The file of lua-argparse")
if(NOT FMP_ARGPARSE)
  message(FATAL_ERROR "lua-argparse is missing: install it, or set FMP_ARGPARSE to its argparse.lua")
endif()
file(REAL_PATH ${FMP_ARGPARSE} FMP_ARGPARSE_FILE)
file(MAKE_DIRECTORY ${share}/vendor)
file(CREATE_LINK ${FMP_ARGPARSE_FILE} ${share}/vendor/argparse.lua SYMBOLIC)
