# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that need packages:
#   . scripts/deps.sh; fmp_deps run | build | test | fuzz | lint | coverage
# On Debian and similar systems missing packages are installed; without root's rights the
# command that would do it is printed and the script ends. Elsewhere the tools must be there.

fmp_packages_run="libluajit-5.1-2 libdnnl2 libopenblas0-openmp libjansson4 zlib1g libedit2"
fmp_packages_build="cmake ninja-build gcc g++ pkg-config libluajit-5.1-dev libdnnl-dev \
  libopenblas-openmp-dev libjansson-dev zlib1g-dev libedit-dev lua-argparse"
fmp_packages_test="$fmp_packages_build clang git binutils luajit libcmocka-dev lua-busted lua-check"
fmp_packages_fuzz="$fmp_packages_test libclang-rt-14-dev"
fmp_packages_lint="$fmp_packages_test clang-format clang-tidy shellcheck"
fmp_packages_coverage="$fmp_packages_test gcovr"

fmp_missing() { # of the packages given
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
  done
}

fmp_deps() {
  case $1 in
    run) packages=$fmp_packages_run ;;
    build) packages=$fmp_packages_build ;;
    fuzz) packages=$fmp_packages_fuzz ;;
    lint) packages=$fmp_packages_lint ;;
    coverage) packages=$fmp_packages_coverage ;;
    *) packages=$fmp_packages_test ;;
  esac
  if ! command -v dpkg-query >/dev/null; then
    echo "deps: not a Debian system; expected to be installed: $packages"
    return 0
  fi
  # Unquoted: the words of a list.
  missing=$(fmp_missing $packages | paste -sd ' ' -)
  if [ -z "$missing" ]; then return 0; fi
  line="apt-get install -y --no-install-recommends $missing"
  if [ "$(id -u)" -ne 0 ]; then
    echo "deps: packages are missing; as root run this, then try again:" >&2
    echo "  apt-get update && $line" >&2
    exit 1
  fi
  echo "deps: $line"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && $line >/dev/null || {
    echo "deps: the packages could not be installed" >&2
    exit 1
  }
}
