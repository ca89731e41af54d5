# SPDX-License-Identifier: Apache-2.0
# oneDNN, 2.6 or 3.x. Found by its files: the package's own CMake configuration also
# wants OpenCL's headers, which nothing here needs.
find_path(FMP_ONEDNN_INCLUDE dnnl.h REQUIRED DOC "Where oneDNN's dnnl.h is")
find_library(FMP_ONEDNN_LIBRARY dnnl REQUIRED DOC "oneDNN, libdnnl.so")
list(APPEND INCLUDES ${FMP_ONEDNN_INCLUDE})
list(APPEND LIBRARIES ${FMP_ONEDNN_LIBRARY})
