#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh [run | build | test | lint | coverage]: the packages for running, building
# (default), testing or checking fmp.
set -eu
case ${1:-build} in
  run | build | test | lint | coverage) ;;
  *) echo "usage: install-deps.sh [run | build | test | lint | coverage]" >&2 && exit 2 ;;
esac
. "$(dirname "$0")/deps.sh"
fmp_deps "${1:-build}"
echo "deps: all packages are installed"
