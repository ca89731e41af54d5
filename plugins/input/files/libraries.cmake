# SPDX-License-Identifier: Apache-2.0
# zlib reads .gz; the queue's workers are threads.
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
list(APPEND LIBRARIES ZLIB::ZLIB Threads::Threads)
